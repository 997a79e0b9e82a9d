/* Boxes: those that a caller makes, and boxed values in runs of plans made by hand. */
#include "hand_plan.h"
#include "runtime/context.h"
#include <criterion/criterion.h>

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s", ingot_status_message(status));
}

static void expect_failure(ingot_status status, ingot_code code, const char *part)
{
    cr_assert_not_null(status, "expected: %s", part);
    cr_expect_eq(ingot_status_code(status), code, "%s", ingot_status_message(status));
    cr_expect(strstr(ingot_status_message(status), part) != NULL, "'%s' is not in: %s", part,
              ingot_status_message(status));
    ingot_status_free(status);
}

/* A box of floats. */
static ingot_box *floats(int64_t n, const float *data)
{
    ingot_box *box;
    DLTensor t = hand_tensor((void *)(uintptr_t)data, INGOT_F32, 1, &n);
    ok(ingot_box_create_tensor(&t, &box));
    return box;
}

static ingot_box *sequence(int64_t n, ...)
{
    const ingot_box *elements[8];
    ingot_box *box;
    va_list args;
    va_start(args, n);
    for (int64_t i = 0; i < n; i++)
        elements[i] = va_arg(args, const ingot_box *);
    va_end(args);
    ok(ingot_box_create_sequence(INGOT_F32, n, elements, &box));
    for (int64_t i = 0; i < n; i++)
        ingot_box_release((ingot_box *)(uintptr_t)elements[i]);
    return box;
}

static float first_of(const ingot_box *box)
{
    DLTensor t;
    ok(ingot_box_get_tensor(box, &t));
    return ((const float *)t.data)[0];
}

/* ---- a caller's boxes ---- */

Test(box, copies_what_it_is_made_of)
{
    float data[6] = {1, 2, 3, 4, 5, 6};
    int64_t shape[2] = {3, 2}, strides[2] = {1, 3}; /* a transposed view */
    DLTensor t = hand_tensor(data, INGOT_F32, 2, shape), view;
    t.strides = strides;
    ingot_box *box;
    ok(ingot_box_create_tensor(&t, &box));
    data[3] = 40;
    ok(ingot_box_get_tensor(box, &view));
    cr_assert_eq(view.ndim, 2);
    cr_assert_eq(view.shape[0], 3);
    cr_assert_eq(((const float *)view.data)[1], 4);
    cr_assert_eq(((const float *)view.data)[2], 2);
    cr_assert_eq(ingot_box_get_form(box), INGOT_FORM_TENSOR);
    cr_assert_eq(ingot_box_get_count(box), 1);
    cr_assert_eq(ingot_box_get_element(box, 0), box);
    ingot_box_release(box);
    ingot_box_release(NULL);
}

Test(box, owns_its_texts)
{
    char text[] = "abc";
    ingot_string strings[2] = {{text, 3}, {NULL, 0}};
    int64_t n = 2;
    DLTensor t = hand_tensor(strings, INGOT_STRING, 1, &n), view;
    ingot_box *box;
    ok(ingot_box_create_tensor(&t, &box));
    memset(text, 'x', 3);
    ok(ingot_box_get_tensor(box, &view));
    const ingot_string *held = view.data;
    cr_assert_eq(held[0].size, 3);
    cr_assert_eq(memcmp(held[0].data, "abc", 3), 0);
    cr_assert_eq(held[1].size, 0);
    ingot_box_release(box);
}

Test(box, sequences_and_optionals)
{
    ingot_box *list = sequence(2, floats(1, (float[]){1}), floats(2, (float[]){2, 3})), *full, *empty;
    ok(ingot_box_create_optional(INGOT_FORM_OPTIONAL_SEQUENCE, INGOT_F32, list, &full));
    ok(ingot_box_create_optional(INGOT_FORM_OPTIONAL, INGOT_I64, NULL, &empty));
    ingot_box_release(list);
    const ingot_box *inside = ingot_box_get_element(full, 0);
    cr_assert_eq(ingot_box_get_count(full), 1);
    cr_assert_eq(ingot_box_get_form(inside), INGOT_FORM_SEQUENCE);
    cr_assert_eq(ingot_box_get_count(inside), 2);
    cr_assert_eq(first_of(ingot_box_get_element(inside, 1)), 2);
    cr_assert_null(ingot_box_get_element(inside, 2));
    cr_assert_null(ingot_box_get_element(inside, -1));
    cr_assert_eq(ingot_box_get_count(empty), 0);
    cr_assert_eq(ingot_box_get_dtype(empty), INGOT_I64);
    ingot_box_release((ingot_box *)(uintptr_t)inside); /* not a caller's: left alone */
    cr_assert_eq(ingot_box_get_count(inside), 2);
    ingot_box_release(full);
    ingot_box_release(empty);
}

Test(box, refuses_what_does_not_fit)
{
    ingot_box *box, *f = floats(1, (float[]){1});
    const ingot_box *elements[] = {f};
    int64_t n = -1;
    DLTensor t = hand_tensor(NULL, INGOT_F32, 1, &n), view;
    expect_failure(ingot_box_create_tensor(NULL, &box), INGOT_BAD_USAGE, "no tensor given");
    expect_failure(ingot_box_create_tensor(&t, &box), INGOT_BAD_USAGE, "dim 0: -1 is negative");
    n = 1;
    expect_failure(ingot_box_create_tensor(&t, &box), INGOT_BAD_USAGE, "without data");
    n = (int64_t)1 << 60;
    t.data = &n;
    expect_failure(ingot_box_create_tensor(&t, &box), INGOT_LIMIT, "");
    t.dtype.lanes = 2;
    expect_failure(ingot_box_create_tensor(&t, &box), INGOT_BAD_USAGE, "unknown element type");
    expect_failure(ingot_box_create_sequence(INGOT_I64, 1, elements, &box), INGOT_BAD_USAGE,
                   "element 0 is not a tensor of type i64");
    expect_failure(ingot_box_create_sequence(INGOT_F32, -1, elements, &box), INGOT_BAD_USAGE, "-1 elements");
    expect_failure(ingot_box_create_sequence(INGOT_UNDEFINED, 0, NULL, &box), INGOT_BAD_USAGE, "no");
    expect_failure(ingot_box_create_optional(INGOT_FORM_OPTIONAL_SEQUENCE, INGOT_F32, f, &box), INGOT_BAD_USAGE,
                   "not a sequence");
    expect_failure(ingot_box_create_optional(INGOT_FORM_SEQUENCE, INGOT_F32, f, &box), INGOT_BAD_USAGE,
                   "not the form of an optional");
    ingot_box *list;
    ok(ingot_box_create_sequence(INGOT_F32, 0, NULL, &list));
    expect_failure(ingot_box_get_tensor(list, &view), INGOT_BAD_USAGE, "does not hold a tensor");
    cr_assert_null(box);
    ingot_box_release(list);
    ingot_box_release(f);
}

/* ---- the heap ---- */

Test(heap, hands_blocks_out_again)
{
    ingot_heap heap = {0};
    void *a, *b;
    ok(ingot_heap_take(&heap, 1000, &a));
    size_t used = heap.memory.used_bytes;
    for (int i = 0; i < 100; i++) {
        ingot_heap_give(&heap, a);
        ok(ingot_heap_take(&heap, 900 + i, &b));
        cr_assert_eq(a, b);
    }
    cr_assert_eq(heap.memory.used_bytes, used);
    expect_failure(ingot_heap_take(&heap, INT64_MAX, &b), INGOT_LIMIT, "too large");
    expect_failure(ingot_heap_take(&heap, -1, &b), INGOT_LIMIT, "too large");
    ingot_arena_release(&heap.memory);
}

Test(heap, texts_last_for_two_runs_and_take_no_more_memory_after_that)
{
    ingot_heap heap = {0};
    char *text, *kept = NULL;
    size_t used = 0;
    for (int run = 0; run < 20; run++) {
        ingot_heap_begin(&heap);
        if (run)
            cr_assert_eq(*kept, 'a' + run - 1);
        for (int i = 0; i < 50; i++) {
            ok(ingot_heap_text(&heap, 5000, &text));
            memset(text, 'z', 5000);
        }
        *text = (char)('a' + run);
        kept = text;
        if (run == 3)
            used = heap.memory.used_bytes;
    }
    cr_assert_eq(heap.memory.used_bytes, used);
    ingot_arena_release(&heap.memory);
}

/* ---- runs ---- */

static hand_plan h;

static ingot_context *create(const ingot_model *model)
{
    ingot_context *ctx;
    ok(ingot_context_create(model, &(ingot_init_options){.struct_size = sizeof(ingot_init_options), .threads = 1},
                            &ctx));
    return ctx;
}

static const ingot_attrs_cast to_f32 = {.present = 1, .to = INGOT_F32};

/* list' = insert(list, x at the end); last = list'[-1]: x [n] plain, last plain with a size that the data decides. */
static const ingot_model *insert_and_look(void)
{
    uint32_t n = hand_symbol(&h, "n", 0, 1000, false), m = hand_symbol(&h, "m", 0, 1000, true);
    int32_t list = hand_box_input(&h, "list", INGOT_FORM_SEQUENCE, INGOT_F32);
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, &n), longer = hand_box(&h, INGOT_F32),
            element = hand_box(&h, INGOT_F32);
    int32_t last = hand_output(&h, "last", INGOT_F32, 1, &m, 0);
    h.buffers[h.places[last].buffer].bytes = hand_mul(&h, m, hand_const(&h, 4));
    int32_t at = hand_arena(&h, 0, 8, INGOT_I64, 0, (const uint32_t[]){0});
    ingot_plan_step *s = hand_step(&h, INGOT_PLAN_DIMS, "position", 0, 1, &at);
    hand_sizes(&h, s, 1, (uint32_t[]){hand_const(&h, -1)});
    hand_boxed(&h, ingot_boxed_seq_insert, "insert", 2, 1, (int32_t[]){list, x, longer});
    hand_boxed(&h, ingot_boxed_seq_at, "look", 2, 1, (int32_t[]){longer, at, element});
    s = hand_boxed(&h, ingot_boxed_unbox, "unbox", 1, 1, (int32_t[]){element, last});
    s->data_dims = hand_bytes(&h, &(ingot_plan_data_dim){0, 0, 1, 0}, 1, sizeof(ingot_plan_data_dim));
    hand_box_output(&h, "list'", INGOT_FORM_SEQUENCE, longer);
    return hand_finish(&h);
}

Test(boxed_run, results_of_a_run_may_be_inputs_of_the_next)
{
    ingot_context *ctx = create(insert_and_look());
    ingot_box *start = sequence(1, floats(1, (float[]){7}));
    float data[64];
    int64_t n, last_shape[INGOT_MAX_RANK];
    DLTensor list = ingot_box_to_dl(start), result = ingot_box_to_dl(NULL);
    size_t used = 0;
    for (int run = 0; run < 12; run++) {
        n = run + 1;
        for (int i = 0; i < 64; i++)
            data[i] = (float)(100 * run + i);
        DLTensor x = hand_tensor(data, INGOT_F32, 1, &n), last = hand_tensor(NULL, INGOT_F32, 1, last_shape);
        ok(ingot_context_run(ctx, (const DLTensor *[]){&list, &x}, (DLTensor *[]){&last, &result}));
        cr_assert_eq(last_shape[0], n);
        cr_assert_eq(((const float *)last.data)[run], 100 * run + run);
        const ingot_box *grown = ingot_box_from_dl(&result);
        cr_assert_eq(ingot_box_get_count(grown), run + 2);
        cr_assert_eq(first_of(ingot_box_get_element(grown, 0)), 7);
        for (int k = 0; k <= run; k++)
            cr_assert_eq(first_of(ingot_box_get_element(grown, k + 1)), 100 * k);
        list = result;
    }
    /* Steady: no more memory for runs like those before. */
    list = ingot_box_to_dl(start);
    for (int run = 0; run < 10; run++) {
        DLTensor x = hand_tensor(data, INGOT_F32, 1, &n), last = hand_tensor(NULL, INGOT_F32, 1, last_shape);
        ok(ingot_context_run(ctx, (const DLTensor *[]){&list, &x}, (DLTensor *[]){&last, &result}));
        if (run == 2)
            used = ctx->heap.memory.used_bytes;
    }
    cr_assert_eq(ctx->heap.memory.used_bytes, used);
    ingot_box_release(start);
    ingot_context_destroy(ctx);
}

Test(boxed_run, refuses_inputs_of_another_form)
{
    ingot_context *ctx = create(insert_and_look());
    ingot_box *f = floats(1, (float[]){1}), *ints, *empty;
    ok(ingot_box_create_sequence(INGOT_I64, 0, NULL, &ints));
    ok(ingot_box_create_optional(INGOT_FORM_OPTIONAL_SEQUENCE, INGOT_F32, NULL, &empty));
    float data = 1;
    int64_t n = 1, shape[INGOT_MAX_RANK];
    DLTensor x = hand_tensor(&data, INGOT_F32, 1, &n), last = hand_tensor(NULL, INGOT_F32, 1, shape),
             result = ingot_box_to_dl(NULL);
    const ingot_box *wrong[] = {f, ints, empty, NULL};
    for (int i = 0; i < 4; i++) {
        DLTensor list = ingot_box_to_dl(wrong[i]);
        expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&list, &x}, (DLTensor *[]){&last, &result}),
                       INGOT_BAD_USAGE, "input 'list' is not a box of the form sequence of f32");
    }
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&x, &x}, (DLTensor *[]){&last, &result}),
                   INGOT_BAD_USAGE, "input 'list' is not a box");
    ingot_box_release(f);
    ingot_box_release(ints);
    ingot_box_release(empty);
    ingot_context_destroy(ctx);
}

/* y = box(x): a tensor of any rank in and out. */
static const ingot_model *any_rank(void)
{
    int32_t x = hand_box_input(&h, "x", INGOT_FORM_TENSOR, INGOT_F32), y = hand_box(&h, INGOT_F32);
    hand_boxed(&h, ingot_boxed_box, "box", 1, 1, (int32_t[]){x, y});
    hand_box_output(&h, "y", INGOT_FORM_TENSOR, y);
    return hand_finish(&h);
}

Test(boxed_run, tensors_of_any_rank_come_and_go_as_they_are)
{
    ingot_context *ctx = create(any_rank());
    float data[6] = {1, 2, 3, 4, 5, 6}, own[6] = {0};
    int64_t dims[3] = {3, 1, 2}, strides[2] = {1, 3}, out[INGOT_MAX_RANK], flat[2] = {3, 2};
    for (int32_t rank = 0; rank <= 3; rank++) {
        DLTensor x = hand_tensor(data, INGOT_F32, rank, dims), y = hand_tensor(NULL, INGOT_F32, 0, out);
        ok(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
        cr_assert_eq(y.ndim, rank);
        cr_assert_neq(y.data, data, "the caller's memory may go");
        for (int32_t d = 0; d < rank; d++)
            cr_assert_eq(out[d], dims[d]);
        cr_assert_eq(((float *)y.data)[0], 1);
    }
    DLTensor x = hand_tensor(data, INGOT_F32, 2, flat), y = hand_tensor(own, INGOT_F32, 2, flat);
    x.strides = strides;
    ok(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}));
    cr_assert_eq(own[1], 4);
    DLTensor small = hand_tensor(own, INGOT_F32, 1, flat);
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&small}), INGOT_BAD_USAGE,
                   "output 'y' has 1 dims, expected 2");
    x.dtype = ingot_dtype_to_dl(INGOT_I64);
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}), INGOT_BAD_USAGE,
                   "expected f32");
    x = hand_tensor(NULL, INGOT_F32, 2, flat);
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y}), INGOT_BAD_USAGE,
                   "input 'x' has no data");
    ingot_context_destroy(ctx);
}

Test(boxed_run, results_that_the_plan_knows_are_checked)
{
    int32_t x = hand_box_input(&h, "x", INGOT_FORM_TENSOR, INGOT_F32);
    int32_t y = hand_output(&h, "y", INGOT_F32, 1, (uint32_t[]){hand_const(&h, 2)}, 8);
    hand_boxed(&h, ingot_boxed_unbox, "open", 1, 1, (int32_t[]){x, y});
    ingot_context *ctx = create(hand_finish(&h));
    float data[6] = {1, 2, 3};
    int64_t dims[2] = {2, 3}, out[INGOT_MAX_RANK];
    DLTensor in = hand_tensor(data, INGOT_F32, 1, dims), result = hand_tensor(NULL, INGOT_F32, 1, out);
    ok(ingot_context_run(ctx, (const DLTensor *[]){&in}, (DLTensor *[]){&result}));
    cr_assert_eq(((float *)result.data)[1], 2);
    in.ndim = 2;
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&in}, (DLTensor *[]){&result}), INGOT_BAD_USAGE,
                   "running open: result 0 (f32 of rank 2): its rank is 2, the model was compiled for 1");
    in.ndim = 1;
    dims[0] = 3;
    expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&in}, (DLTensor *[]){&result}), INGOT_BAD_USAGE,
                   "a size is 3, the model was compiled for 2");
    ingot_context_destroy(ctx);
}

/* A loop that never ends but for the limit: list = insert(list, x). */
Test(boxed_run, a_sequence_that_grows_for_ever_meets_the_limit)
{
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, (uint32_t[]){hand_const(&h, 1000)}), list = hand_box(&h, INGOT_F32);
    h.header.max_workspace_bytes = 1 << 20;
    ingot_plan_step *s = hand_boxed(&h, ingot_boxed_seq_empty, "empty", 0, 1, &list);
    s->attrs = hand_bytes(&h, &to_f32, sizeof to_f32, 1);
    hand_boxed(&h, ingot_boxed_seq_insert, "grow", 2, 1, (int32_t[]){list, x, list});
    hand_step(&h, INGOT_PLAN_JUMP, "again", 0, 0, NULL)->target = 1;
    hand_box_output(&h, "list", INGOT_FORM_SEQUENCE, list);
    ingot_context *ctx = create(hand_finish(&h));
    static float data[1000];
    int64_t n = 1000;
    DLTensor in = hand_tensor(data, INGOT_F32, 1, &n), result = ingot_box_to_dl(NULL);
    for (int run = 0; run < 3; run++)
        expect_failure(ingot_context_run(ctx, (const DLTensor *[]){&in}, (DLTensor *[]){&result}), INGOT_LIMIT,
                       "running grow: memory for sequences");
    ingot_context_destroy(ctx);
}
