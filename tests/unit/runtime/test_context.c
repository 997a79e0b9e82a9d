/* Contexts run plans made by hand: every kind of step, sizes, outputs, and what is refused. */
#include "hand_plan.h"
#include "runtime/context.h"
#include <criterion/criterion.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the allocator, counted ---- */

static unsigned long allocations;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTED 1
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size)
{
    allocations++;
    return __libc_realloc(old, size);
}
void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    allocations++;
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}
#endif

/* ---- kernels ---- */

/* out[i] = in[i] + 1; sizes: n */
static int64_t add_one(void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end)
{
    if (begin < 0)
        return sizes[0];
    for (int64_t i = begin; i < end; i++)
        ((float *)buffers[1])[i] = ((const float *)buffers[0])[i] + 1;
    return 0;
}

static int64_t refuse(void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end)
{
    (void)buffers, (void)sizes, (void)begin, (void)end;
    return -1;
}

/* Indices of elements that are not zero. */
static ingot_status fake_nonzero(const ingot_call *call)
{
    int64_t n = 0;
    for (int64_t i = 0; i < call->in[0].dims[0]; i++) {
        if (((const float *)call->in[0].data)[i] != 0)
            ((int64_t *)call->out[0].data)[n++] = i;
    }
    call->out[0].dims[0] = n;
    return NULL;
}

static ingot_status fake_positive(const ingot_call *call)
{
    *(uint8_t *)call->out[0].data = *(const int64_t *)call->in[0].data > 0;
    return NULL;
}

static ingot_status fake_decrement(const ingot_call *call)
{
    --*(int64_t *)call->out[0].data;
    return NULL;
}

static ingot_status fake_failure(const ingot_call *call)
{
    (void)call;
    return ingot_fail(INGOT_BAD_USAGE, "index 9 is out of range");
}

/* ---- helpers ---- */

static ingot_context *create(const ingot_model *model)
{
    ingot_context *ctx = NULL;
    ingot_status status = ingot_context_create(
        model, &(ingot_init_options){.struct_size = sizeof(ingot_init_options), .threads = 1}, &ctx);
    cr_assert_null(status, "%s", ingot_status_message(status));
    return ctx;
}

static void expect_failure(ingot_status status, ingot_code code, const char *part)
{
    cr_assert_not_null(status, "expected: %s", part);
    cr_expect_eq(ingot_status_code(status), code, "%s", ingot_status_message(status));
    cr_expect(strstr(ingot_status_message(status), part) != NULL, "'%s' is not in: %s", part,
              ingot_status_message(status));
    ingot_status_free(status);
}

static hand_plan h;

/* x [n] + 1 with n in 0..64 */
static const ingot_model *plus_one(void)
{
    uint32_t n = hand_symbol(&h, "n", 0, 64, false);
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, &n), y = hand_output(&h, "y", INGOT_F32, 1, &n, 0);
    hand_kernel(&h, add_one, "Add_0 (Add)", 1, 1, (int32_t[]){x, y}, 1, &n);
    return hand_finish(&h);
}

/* ---- runs ---- */

Test(context, runs_a_kernel_for_any_size_in_range)
{
    ingot_context *ctx = create(plus_one());
    for (int64_t n = 0; n <= 64; n += 16) {
        float in[64], out[64];
        for (int i = 0; i < 64; i++)
            in[i] = (float)i, out[i] = -1;
        DLTensor x = hand_tensor(in, INGOT_F32, 1, &n), y = hand_tensor(out, INGOT_F32, 1, &n);
        ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y});
        cr_assert_null(status, "%s", ingot_status_message(status));
        for (int i = 0; i < 64; i++)
            cr_assert_eq(out[i], i < n ? (float)i + 1 : -1, "n %d, out[%d] is %g", (int)n, i, (double)out[i]);
    }
    ingot_context_destroy(ctx);
}

Test(context, an_output_without_memory_points_at_memory_of_the_context)
{
    ingot_context *ctx = create(plus_one());
    float in[3] = {1, 2, 3};
    int64_t n = 3, shape[INGOT_MAX_RANK] = {99};
    DLTensor x = hand_tensor(in, INGOT_F32, 1, &n), y = {.shape = shape};
    for (int round = 0; round < 2; round++, n--) { /* the second time with the tensor as the first left it */
        cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
        cr_assert_eq(y.ndim, 1);
        cr_assert_eq(shape[0], n);
        cr_assert_eq(y.dtype.bits, 32);
        cr_assert_eq((uintptr_t)y.data % 64, 0);
        cr_assert_eq(((float *)y.data)[1], 3);
    }
    ingot_context_destroy(ctx);
}

Test(context, strided_reversed_and_misaligned_inputs_are_copied)
{
    ingot_context *ctx = create(plus_one());
    _Alignas(8) float memory[8] = {10, -1, 20, -1, 30, -1, 40, -1};
    float out[4];
    int64_t n = 4, two = 2, minus_two = -2;
    DLTensor x = hand_tensor(memory, INGOT_F32, 1, &n), y = hand_tensor(out, INGOT_F32, 1, &n);
    x.strides = &two;
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
    cr_assert_arr_eq(out, ((float[]){11, 21, 31, 41}), sizeof out);
    x.strides = &minus_two;
    x.byte_offset = 24;
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
    cr_assert_arr_eq(out, ((float[]){41, 31, 21, 11}), sizeof out);
    char bytes[4 * sizeof(float) + 1];
    memcpy(bytes + 1, (float[]){1, 2, 3, 4}, 16);
    x = hand_tensor(bytes, INGOT_F32, 1, &n);
    x.byte_offset = 1;
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
    cr_assert_arr_eq(out, ((float[]){2, 3, 4, 5}), sizeof out);
    ingot_context_destroy(ctx);
}

Test(context, outputs_that_are_inputs_or_repeated_are_copied)
{
    uint32_t n = hand_symbol(&h, "n", 1, 8, false);
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, &n), y = hand_output(&h, "y", INGOT_F32, 1, &n, 0);
    hand_kernel(&h, add_one, "k", 1, 1, (int32_t[]){x, y}, 1, &n);
    hand_alias(&h, "same", 0, -1);
    hand_alias(&h, "again", -2, y);
    ingot_context *ctx = create(hand_finish(&h));
    float in[2] = {1, 2}, out[3][2];
    int64_t two = 2;
    DLTensor t = hand_tensor(in, INGOT_F32, 1, &two), o[3];
    for (int i = 0; i < 3; i++)
        o[i] = hand_tensor(out[i], INGOT_F32, 1, &two);
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&o[0], &o[1], &o[2]}));
    cr_assert_arr_eq(out, ((float[]){2, 3, 1, 2, 2, 3}), sizeof out);
    ingot_context_destroy(ctx);
}

Test(context, a_loop_runs_as_often_as_its_counter_says)
{
    uint32_t one = hand_const(&h, 1), none[1] = {0};
    int32_t count = hand_input(&h, "count", INGOT_I64, 0, none), y = hand_output(&h, "y", INGOT_F32, 1, &one, 0);
    int32_t counter = hand_arena(&h, 0, 8, INGOT_I64, 0, none), go = hand_arena(&h, 64, 1, INGOT_BOOL, 0, none);
    int32_t sum = hand_arena(&h, 128, 4, INGOT_F32, 1, &one);
    hand_step(&h, INGOT_PLAN_COPY, "start", 1, 1, (int32_t[]){count, counter});
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &sum);
    hand_portable(&h, fake_positive, "test", 1, 1, (int32_t[]){counter, go});
    hand_step(&h, INGOT_PLAN_JUMP_UNLESS, "leave", 1, 0, &go)->target = 7;
    hand_kernel(&h, add_one, "body", 1, 1, (int32_t[]){sum, sum}, 1, &one);
    hand_portable(&h, fake_decrement, "count", 1, 1, (int32_t[]){counter, counter});
    hand_step(&h, INGOT_PLAN_JUMP, "again", 0, 0, NULL)->target = 2;
    hand_step(&h, INGOT_PLAN_COPY, "result", 1, 1, (int32_t[]){sum, y});
    ingot_context *ctx = create(hand_finish(&h));
    for (int64_t times = 0; times < 20; times += 7) {
        float out = -1;
        int64_t shape = 1;
        DLTensor c = hand_tensor(&times, INGOT_I64, 0, NULL), o = hand_tensor(&out, INGOT_F32, 1, &shape);
        cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&c}, (DLTensor *[]){&o}));
        cr_assert_eq(out, (float)times);
    }
    ingot_context_destroy(ctx);
}

/* x [n] -> indices [k], their number as a tensor, and 2k decided from it */
static const ingot_model *data_plan(void)
{
    uint32_t n = hand_symbol(&h, "n", 1, 8, false), k = hand_symbol(&h, "k", 0, 100, true), one = hand_const(&h, 1);
    uint32_t double_k = hand_mul(&h, k, hand_const(&h, 2));
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, &n);
    int32_t indices = hand_arena(&h, 0, 64, INGOT_I64, 1, &k);
    int32_t y = hand_output(&h, "indices", INGOT_I64, 1, &k, 64),
            number = hand_output(&h, "number", INGOT_I64, 1, &one, 0);
    int32_t zeros = hand_output(&h, "zeros", INGOT_I64, 1, &double_k, 128);
    ingot_plan_step *s = hand_portable(&h, fake_nonzero, "NonZero_0 (NonZero)", 1, 1, (int32_t[]){x, indices});
    s->data_dims = hand_bytes(&h, &(ingot_plan_data_dim){0, 0, 1, 0}, 1, sizeof(ingot_plan_data_dim));
    hand_step(&h, INGOT_PLAN_COPY, "copy", 1, 1, (int32_t[]){indices, y});
    hand_sizes(&h, hand_step(&h, INGOT_PLAN_DIMS, "dims", 0, 1, &number), 1, &k);
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &zeros);
    return hand_finish(&h);
}

Test(context, sizes_that_the_data_decides_reach_later_steps_and_outputs)
{
    ingot_context *ctx = create(data_plan());
    static const struct {
        float in[8];
        int64_t n, k, indices[8];
    } cases[] = {{{0, 5, 0, 7}, 4, 2, {1, 3}},
                 {{0, 0, 0, 0}, 4, 0, {0}},
                 {{1, 1, 1, 1, 1, 1, 1, 1}, 8, 8, {0, 1, 2, 3, 4, 5, 6, 7}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float in[8];
        int64_t n = cases[i].n, shapes[3][INGOT_MAX_RANK] = {{0}};
        memcpy(in, cases[i].in, sizeof in);
        DLTensor x = hand_tensor(in, INGOT_F32, 1, &n),
                 o[3] = {{.shape = shapes[0]}, {.shape = shapes[1]}, {.shape = shapes[2]}};
        ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&o[0], &o[1], &o[2]});
        cr_assert_null(status, "%s", ingot_status_message(status));
        cr_assert_eq(shapes[0][0], cases[i].k);
        cr_assert_eq(*(int64_t *)o[1].data, cases[i].k);
        cr_assert_eq(shapes[2][0], 2 * cases[i].k);
        cr_assert_arr_eq(o[0].data, cases[i].indices, (size_t)cases[i].k * 8);
    }
    ingot_context_destroy(ctx);
}

Test(context, an_output_of_decided_size_needs_the_right_memory)
{
    ingot_context *ctx = create(data_plan());
    float in[4] = {0, 5, 0, 7};
    int64_t n = 4, two = 2, one = 1, four = 4, indices[2], number, zeros[4];
    DLTensor x = hand_tensor(in, INGOT_F32, 1, &n), a = hand_tensor(indices, INGOT_I64, 1, &two),
             b = hand_tensor(&number, INGOT_I64, 1, &one), c = hand_tensor(zeros, INGOT_I64, 1, &four);
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&a, &b, &c}));
    cr_assert_arr_eq(indices, ((int64_t[]){1, 3}), sizeof indices);
    in[0] = 1;
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&a, &b, &c}), INGOT_BAD_USAGE,
                   "output 'indices', dim 0: the result's size is 3, the tensor's 2");
    ingot_context_destroy(ctx);
}

Test(context, bind_takes_sizes_from_a_tensor_and_checks_their_range)
{
    uint32_t one = hand_const(&h, 1), k = hand_symbol(&h, "k", 0, 6, true);
    int32_t size = hand_input(&h, "size", INGOT_I32, 1, &one), y = hand_output(&h, "y", INGOT_F32, 1, &k, 24);
    hand_step(&h, INGOT_PLAN_BIND, "Reshape_1 (Reshape)", 1, 0, &size)->first_symbol = 0;
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &y);
    ingot_context *ctx = create(hand_finish(&h));
    int32_t wanted = 4;
    int64_t shape = 1, out_shape[INGOT_MAX_RANK];
    DLTensor s = hand_tensor(&wanted, INGOT_I32, 1, &shape), o = {.shape = out_shape};
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&s}, (DLTensor *[]){&o}));
    cr_assert_eq(out_shape[0], 4);
    wanted = 7;
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&s}, (DLTensor *[]){&o}), INGOT_BAD_USAGE,
                   "running Reshape_1 (Reshape): the data decides a size 'k' of 7, which is not within 0 to 6");
    ingot_context_destroy(ctx);
}

Test(context, buffers_grow_when_the_data_has_decided_their_bytes)
{
    uint32_t one = hand_const(&h, 1), k = hand_symbol(&h, "k", 0, INT64_C(1) << 50, true),
             bytes = hand_mul(&h, k, hand_const(&h, 8));
    int32_t size = hand_input(&h, "size", INGOT_I64, 1, &one), y = hand_output(&h, "y", INGOT_I64, 1, &k, 0);
    int32_t inner = hand_arena(&h, 0, 0, INGOT_I64, 1, &k);
    h.buffers[h.places[y].buffer].bytes = h.buffers[h.places[inner].buffer].bytes = bytes;
    hand_alias(&h, "again", -2, inner);
    hand_step(&h, INGOT_PLAN_BIND, "bind", 1, 0, &size)->first_symbol = 0;
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &inner);
    hand_step(&h, INGOT_PLAN_COPY, "copy", 1, 1, (int32_t[]){inner, y});
    ingot_context *ctx = create(hand_finish(&h));
    int64_t wanted, shape = 1, y_shape[INGOT_MAX_RANK], again_shape[INGOT_MAX_RANK];
    DLTensor s = hand_tensor(&wanted, INGOT_I64, 1, &shape), o = {.shape = y_shape}, a = {.shape = again_shape};
    for (wanted = 1; wanted < 1000000; wanted *= 10) {
        ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&s}, (DLTensor *[]){&o, &a});
        cr_assert_null(status, "%s", ingot_status_message(status));
        cr_assert_eq(y_shape[0], wanted);
        cr_assert_eq(((int64_t *)o.data)[wanted - 1], 0);
        cr_assert_eq(((int64_t *)a.data)[wanted - 1], 0);
    }
    wanted = INT64_C(1) << 49;
    ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&s}, (DLTensor *[]){&o, &a});
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    ingot_status_free(status);
    ingot_context_destroy(ctx);
}

Test(context, a_failing_step_is_named)
{
    uint32_t one = hand_const(&h, 1);
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, &one), y = hand_output(&h, "y", INGOT_F32, 1, &one, 0);
    hand_portable(&h, fake_failure, "Gather_7 (Gather)", 1, 1, (int32_t[]){x, y});
    hand_kernel(&h, refuse, "k", 1, 1, (int32_t[]){x, y}, 0, NULL);
    ingot_context *ctx = create(hand_finish(&h));
    float value = 0;
    int64_t shape = 1;
    DLTensor t = hand_tensor(&value, INGOT_F32, 1, &shape);
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&t}), INGOT_BAD_USAGE,
                   "running Gather_7 (Gather): index 9 is out of range");
    ingot_context_destroy(ctx);
    h.steps[0].kind = INGOT_PLAN_COPY;
    memcpy(h.bytes + h.header.steps.offset, h.steps, sizeof *h.steps);
    ctx = create(&h.model);
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&t}), INGOT_INTERNAL,
                   "running k: the kernel does not accept these sizes");
    ingot_context_destroy(ctx);
}

Test(context, a_run_with_the_sizes_of_the_last_allocates_nothing)
{
#ifndef COUNTED
    cr_skip_test("the sanitizer has the allocator");
#endif
    ingot_context *ctx = create(data_plan());
    float in[8] = {0, 1, 2};
    int64_t n = 8, shapes[3][INGOT_MAX_RANK];
    DLTensor x = hand_tensor(in, INGOT_F32, 1, &n),
             o[3] = {{.shape = shapes[0]}, {.shape = shapes[1]}, {.shape = shapes[2]}};
    const DLTensor *inputs[] = {&x};
    DLTensor *outputs[] = {&o[0], &o[1], &o[2]};
    cr_assert_null(ingot_context_run(ctx, inputs, outputs));
    unsigned long before = allocations;
    for (int i = 0; i < 100; i++) {
        in[i % 8] = (float)i;
        if (ingot_context_run(ctx, inputs, outputs))
            allocations++;
    }
    unsigned long after = allocations;
    cr_assert_eq(after, before, "%lu allocations", after - before);
    ingot_context_destroy(ctx);
}

static int32_t hooked_steps;
static void count_step(void *arg, int32_t step, int64_t begin_ns, int64_t end_ns)
{
    hooked_steps += *(int32_t *)arg * (step >= 0 && end_ns >= begin_ns && begin_ns > 0);
}

Test(context, the_hook_sees_each_step_and_sizes_can_be_asked_for)
{
    ingot_context *ctx = create(plus_one());
    float in[5] = {0}, out[5];
    int64_t n = 5;
    int32_t one = 1, count;
    DLTensor x = hand_tensor(in, INGOT_F32, 1, &n), y = hand_tensor(out, INGOT_F32, 1, &n);
    ingot_context_set_hook(ctx, count_step, &one);
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
    cr_assert_eq(hooked_steps, 1);
    cr_assert_eq(*ingot_context_sizes(ctx, 0, &count), 5);
    cr_assert_eq(count, 1);
    cr_assert_null(ingot_context_sizes(ctx, 1, &count));
    ingot_context_destroy(ctx);
}

/* ---- threads ---- */

static int64_t calls_by_parts;
static void backwards(void *pool, int32_t count, void (*body)(void *arg, int32_t i), void *arg)
{
    calls_by_parts += *(int64_t *)pool;
    for (int32_t i = count; i-- > 0;)
        body(arg, i);
}

Test(context, threads_of_its_own_or_the_callers_give_the_same)
{
    plus_one();
    h.steps[0].cost_ns = 1e6;
    memcpy(h.bytes + h.header.steps.offset, h.steps, sizeof *h.steps);
    int64_t n = 61, one = 1;
    for (int32_t threads = 1; threads <= 5; threads++) {
        ingot_init_options options = {.struct_size = sizeof options, .threads = threads};
        if (threads == 5)
            options.parallel_for = backwards, options.pool = &one;
        ingot_context *ctx;
        cr_assert_null(ingot_context_create(&h.model, &options, &ctx));
        for (int round = 0; round < 50; round++) {
            float in[61], out[61];
            for (int i = 0; i < 61; i++)
                in[i] = (float)(i * round), out[i] = -1;
            DLTensor x = hand_tensor(in, INGOT_F32, 1, &n), y = hand_tensor(out, INGOT_F32, 1, &n);
            cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
            for (int i = 0; i < 61; i++)
                cr_assert_eq(out[i], (float)(i * round) + 1);
        }
        ingot_context_destroy(ctx);
    }
    cr_assert_eq(calls_by_parts, 50);
}

/* ---- refusals of a caller's tensors ---- */

Test(context, refuses_tensors_that_do_not_fit)
{
    uint32_t n = hand_symbol(&h, "n", 1, 64, false), three = hand_const(&h, 3);
    uint32_t twice = hand_mul(&h, n, hand_const(&h, 2));
    int32_t x = hand_input(&h, "x", INGOT_F32, 2, (uint32_t[]){n, three});
    hand_input(&h, "mask", INGOT_I64, 1, &twice);
    int32_t y = hand_output(&h, "y", INGOT_F32, 2, (uint32_t[]){n, three}, 0);
    hand_kernel(&h, add_one, "k", 1, 1, (int32_t[]){x, y}, 1, &n);
    ingot_context *ctx = create(hand_finish(&h));
    _Alignas(8) float in[12], out[12];
    int64_t mask[8] = {0}, shape[2] = {4, 3}, mask_shape = 8, out_shape[2] = {4, 3}, strides[2] = {1, 4};
    DLTensor good[3] = {hand_tensor(in, INGOT_F32, 2, shape), hand_tensor(mask, INGOT_I64, 1, &mask_shape),
                        hand_tensor(out, INGOT_F32, 2, out_shape)};
    for (int i = 0;; i++) {
        DLTensor t[3];
        const char *message;
        memcpy(t, good, sizeof t);
        shape[0] = out_shape[0] = 4, shape[1] = 3, mask_shape = 8;
        switch (i) {
        case 0:
            t[0].dtype.bits = 64,
            message = "input 'x' has DLPack type (code 2, 64 bits, 1 lanes), expected f32 (code 2, 32 bits, 1 lanes)";
            break;
        case 1:
            t[0].ndim = 1, message = "input 'x' has 1 dims, expected 2";
            break;
        case 2:
            shape[1] = 2, message = "input 'x', dim 1: expected 3, found 2";
            break;
        case 3:
            shape[0] = 65, message = "input 'x', dim 0 (n): 65 is not within 1 to 64";
            break;
        case 4:
            mask_shape = 7, message = "input 'mask', dim 0: expected 8, found 7";
            break;
        case 5:
            shape[0] = -4, message = "input 'x', dim 0 (n): -4 is negative";
            break;
        case 6:
            t[0].data = NULL, message = "input 'x' has no data";
            break;
        case 7:
            t[0].device.device_type = kDLCUDA, message = "input 'x' is on device type 2";
            break;
        case 8:
            t[1].shape = NULL, message = "input 'mask' has no shape";
            break;
        case 9:
            t[2].dtype.code = kDLInt, message = "output 'y' has DLPack type (code 0";
            break;
        case 10:
            out_shape[0] = 5, message = "output 'y', dim 0: the result's size is 4, the tensor's 5";
            break;
        case 11:
            t[2].strides = strides, message = "output 'y' has strides";
            break;
        case 12:
            t[2].byte_offset = 2, message = "output 'y': its memory is not aligned to 4 bytes";
            break;
        case 13:
            t[2].data = NULL, t[2].shape = NULL, message = "output 'y' has no room for its shape";
            break;
        default:
            message = NULL;
            break;
        }
        ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&t[0], &t[1]}, (DLTensor *[]){&t[2]});
        if (!message) { /* nothing of the failures stays */
            cr_assert_null(status, "%s", ingot_status_message(status));
            break;
        }
        expect_failure(status, INGOT_BAD_USAGE, message);
    }
    expect_failure(ingot_context_run(ctx, NULL, NULL), INGOT_BAD_USAGE, "no inputs given");
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&good[0], NULL}, NULL), INGOT_BAD_USAGE,
                   "input 'mask' is a null pointer");
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&good[0], &good[1]}, NULL), INGOT_BAD_USAGE,
                   "no outputs given");
    expect_failure(ingot_context_run(NULL, NULL, NULL), INGOT_BAD_USAGE, "no context");
    ingot_context_destroy(ctx);
}

Test(context, checks_of_sizes_are_made_at_entry)
{
    uint32_t a = hand_symbol(&h, "a", 0, 64, false), b = hand_symbol(&h, "b", 0, 64, false);
    int32_t x = hand_input(&h, "x", INGOT_F32, 2, (uint32_t[]){a, b}), y = hand_output(&h, "y", INGOT_F32, 1, &a, 0);
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &y);
    (void)x;
    static const struct {
        uint32_t kind;
        int64_t a, b;
        bool holds;
    } cases[] = {{0, 2, 2, true},  {0, 2, 3, false}, {1, 1, 3, true},  {1, 3, 1, true},
                 {1, 2, 3, false}, {2, 2, 6, true},  {2, 4, 6, false}, {2, 0, 6, false}};
    h.n_checks = 1;
    h.checks[0] = (ingot_plan_check){0, a, b, 0, hand_text(&h, "Add_3 (Add): dims 'a' and 'b' do not broadcast")};
    hand_finish(&h);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        h.checks[0].kind = cases[i].kind;
        memcpy(h.bytes + h.header.checks.offset, h.checks, sizeof *h.checks);
        ingot_context *ctx = create(&h.model);
        float in[64] = {0};
        int64_t shape[2] = {cases[i].a, cases[i].b}, out_shape[INGOT_MAX_RANK];
        DLTensor t = hand_tensor(in, INGOT_F32, 2, shape), o = {.shape = out_shape};
        ingot_status status = ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&o});
        if (cases[i].holds)
            cr_assert_null(status, "case %d: %s", (int)i, ingot_status_message(status));
        else
            expect_failure(status, INGOT_BAD_USAGE, "Add_3 (Add): dims 'a' and 'b' do not broadcast (the sizes are");
        ingot_context_destroy(ctx);
    }
}

Test(context, a_check_of_a_step_is_made_when_the_step_runs)
{
    uint32_t n = hand_symbol(&h, "n", 0, 64, false), two = hand_const(&h, 2);
    int32_t x = hand_input(&h, "go", INGOT_BOOL, 1, &n), y = hand_output(&h, "y", INGOT_F32, 1, &n, 0);
    hand_step(&h, INGOT_PLAN_JUMP_UNLESS, "branch", 1, 0, &x)->target = 2;
    hand_step(&h, INGOT_PLAN_CHECK, "fact", 0, 0, NULL)->target = 0;
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &y);
    h.n_checks = 1;
    h.checks[0] = (ingot_plan_check){0, n, two, 1, hand_text(&h, "Add_3 (Add) needs n == 2")};
    hand_finish(&h);
    ingot_context *ctx = create(&h.model);
    bool go[64] = {false};
    int64_t shape = 3, out_shape[INGOT_MAX_RANK];
    DLTensor t = hand_tensor(go, INGOT_BOOL, 1, &shape), o = {.shape = out_shape};
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&o}));
    go[0] = true;
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&o}), INGOT_BAD_USAGE,
                   "Add_3 (Add) needs n == 2 (the sizes are 3 and 2)");
    shape = 2;
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&t}, (DLTensor *[]){&o}));
    ingot_context_destroy(ctx);
}

Test(context, working_memory_has_a_limit)
{
    uint32_t n = hand_symbol(&h, "n", 1, INT64_C(1) << 40, false);
    uint32_t bytes = hand_mul(&h, n, hand_const(&h, 1024));
    int32_t x = hand_input(&h, "x", INGOT_U8, 1, &n);
    int32_t a = hand_place(&h, hand_buffer(&h, 0, -1, bytes, hand_const(&h, 0)), INGOT_U8, 1, &bytes);
    hand_step(&h, INGOT_PLAN_ZERO, "zero", 0, 1, &a);
    (void)x;
    h.header.arena_bytes = bytes;
    h.header.max_workspace_bytes = 4096;
    ingot_context *ctx = create(hand_finish(&h));
    uint8_t in[8] = {0};
    int64_t size = 4;
    DLTensor t = hand_tensor(in, INGOT_U8, 1, &size);
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&t}, NULL));
    size = 5;
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&t}, NULL), INGOT_LIMIT,
                   "these sizes need 5120 bytes of working memory, the model was compiled for at most 4096");
    ingot_context_destroy(ctx);
}
