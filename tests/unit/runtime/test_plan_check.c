/* Plans that are damaged are refused when a context is created, each with its own message. */
#include "hand_plan.h"
#include "runtime/context.h"
#include <criterion/criterion.h>

static hand_plan h;

static int64_t nothing(void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end)
{
    (void)buffers, (void)sizes, (void)begin, (void)end;
    return 0;
}

static ingot_status succeed(const ingot_call *call)
{
    (void)call;
    return NULL;
}

/* A plan with an entry in every table. */
static void make(void)
{
    memset(&h, 0, sizeof h);
    uint32_t n = hand_symbol(&h, "n", 1, 8, false), k = hand_symbol(&h, "k", 0, 8, true);
    uint32_t sum = hand_expr(&h, INGOT_EXPR_ADD, n, hand_const(&h, 2), 0);
    (void)sum;
    int32_t x = hand_input(&h, "x", INGOT_F32, 1, &n), y = hand_output(&h, "y", INGOT_F32, 1, &n, 0);
    int32_t flag = hand_arena(&h, 0, 1, INGOT_BOOL, 0, &n), some = hand_arena(&h, 64, 64, INGOT_I64, 1, &k);
    hand_kernel(&h, nothing, "kernel", 1, 1, (int32_t[]){x, y}, 1, &n);
    ingot_plan_step *s = hand_portable(&h, succeed, "portable", 1, 1, (int32_t[]){x, some});
    s->data_dims = hand_bytes(&h, &(ingot_plan_data_dim){0, 0, 1, 0}, 1, sizeof(ingot_plan_data_dim));
    hand_step(&h, INGOT_PLAN_JUMP_UNLESS, "jump", 1, 0, &flag)->target = 4;
    hand_step(&h, INGOT_PLAN_BIND, "bind", 1, 0, &some)->first_symbol = 1;
    hand_step(&h, INGOT_PLAN_CHECK, "fact", 0, 0, NULL);
    h.n_checks = 1;
    h.checks[0] = (ingot_plan_check){0, n, n, 0, hand_text(&h, "check")};
    hand_finish(&h);
}

/* Entry i of a table, in the finished bytes. */
#define ROW(name, i) (((__typeof__(h.name[0]) *)(void *)(h.bytes + h.header.name.offset))[i])
#define PLAN         (hand_plan_of(&h))

static void expect_refused(const char *part)
{
    ingot_context *ctx;
    ingot_status status = ingot_context_create(&h.model, NULL, &ctx);
    cr_assert_not_null(status, "expected: %s", part);
    cr_assert_null(ctx);
    cr_expect(strstr(ingot_status_message(status), part) != NULL, "'%s' is not in: %s", part,
              ingot_status_message(status));
    ingot_status_free(status);
}

#define REFUSED(change, message) \
    do {                         \
        make();                  \
        change;                  \
        expect_refused(message); \
    } while (0)

Test(plan_check, the_whole_plan_is_accepted)
{
    ingot_context *ctx;
    make();
    ingot_status status = ingot_context_create(&h.model, NULL, &ctx);
    cr_assert_null(status, "%s", ingot_status_message(status));
    ingot_context_destroy(ctx);
}

Test(plan_check, refuses_a_damaged_header)
{
    REFUSED(PLAN->magic[0] = 'X', "does not begin with INGOTPL1");
    REFUSED(PLAN->abi_version = INGOT_ABI_VERSION + 1, "ABI version 3, this runtime has 2");
    REFUSED(h.model.abi_version = 3, "the model has ABI version 3");
    REFUSED(h.model.plan = NULL, "no model given");
    REFUSED(PLAN->plan_bytes = 8, "a size of 8 bytes is impossible");
    REFUSED(PLAN->plan_bytes -= 8, "steps lie outside");
    REFUSED(PLAN->steps.count = 1u << 31, "steps lie outside");
    REFUSED(PLAN->exprs.offset += 4, "exprs lie outside");
    REFUSED(PLAN->places.offset = UINT32_MAX - 7, "places lie outside");
    REFUSED(PLAN->name.count++, "the text of the name does not end");
    REFUSED(PLAN->cpu.offset = (uint32_t)PLAN->plan_bytes, "the text of the CPU lies outside");
    REFUSED(PLAN->arena_bytes = 1000, "expression 1000 is not in the table");
    REFUSED(h.kernels[1] = NULL, "kernel 1 is missing");
    REFUSED(PLAN->cpu_required = ~(uint64_t)0, "this CPU lacks");
    REFUSED(PLAN->cpu_required = (uint64_t)1 << 63, "the model was compiled for x86-64; this CPU lacks feature 63");
}

Test(plan_check, refuses_damaged_expressions_and_symbols)
{
    REFUSED(ROW(exprs, 3).a = 3, "expression 3 refers forward");
    REFUSED(ROW(exprs, 3).kind = 8, "expression 3 is of unknown kind 8");
    REFUSED(ROW(exprs, 1).value = 2, "expression 1 names symbol 2 of 2");
    REFUSED(ROW(exprs, 0).on_data = 1, "expression 0 is marked wrongly");
    REFUSED(ROW(symbols, 0).hi = 0, "symbol 0 has an empty range");
    REFUSED(PLAN->arena_bytes = 1, "arena size 0: expression 1 depends on the data");
}

Test(plan_check, refuses_damaged_memory_and_interface)
{
    REFUSED(ROW(buffers, 0).pool = 5, "buffer 0 is in unknown pool 5");
    REFUSED(ROW(buffers, 0).index = 1, "buffer 0 is input 1 of 1");
    REFUSED(ROW(buffers, 1).index = -1, "buffer 1 is output -1 of 1");
    REFUSED(ROW(buffers, 2).offset = 1, "buffer 2: expression 1 depends on the data");
    REFUSED(ROW(places, 0).buffer = 9, "place 0 is in buffer 9 of 4");
    REFUSED(ROW(places, 0).rank = 13, "place 0: rank 13");
    REFUSED(ROW(places, 0).dtype = 0, "place 0: unknown element type 0");
    REFUSED(ROW(inputs, 0).dims[0] = 1, "input 0: expression 1 depends on the data");
    REFUSED(ROW(inputs, 0).place = 99, "input 0: place 99");
    REFUSED(ROW(outputs, 0).alias = 1, "output 0: is input 1 of 1");
    REFUSED(ROW(outputs, 0).place = -1, "output 0 has no place");
    REFUSED(ROW(outputs, 0).place = 0, "output 0 is not written to its own buffer");
    REFUSED(ROW(checks, 0).kind = 3, "check 0 is of unknown kind 3");
}

Test(plan_check, refuses_damaged_steps)
{
    REFUSED(ROW(steps, 0).kind = INGOT_PLAN_BOXED + 1, "step 0 is of unknown kind");
    REFUSED(ROW(steps, 4).target = 1, "step 4: makes check 1 of 1");
    REFUSED(ROW(steps, 0).kernel = 2, "step 0: kernel 2 of 2");
    REFUSED(ROW(steps, 0).n_in = 2, "step 0: 2 inputs and 1 outputs do not suit its kind");
    REFUSED(ROW(steps, 1).portable = INGOT_PORTABLE_COUNT, "step 1: unknown portable kernel");
    REFUSED(ROW(steps, 0).places.offset = 1 << 20, "operands of a step lie outside");
    REFUSED(((int32_t *)(void *)(h.bytes + h.steps[0].places.offset))[0] = 77, "step 0: place 77 of 4");
    REFUSED(((int32_t *)(void *)(h.bytes + h.steps[1].data_dims.offset))[1] = 1,
            "step 1: size 0 that the data decides");
    REFUSED(((int32_t *)(void *)(h.bytes + h.steps[1].data_dims.offset))[2] = 0,
            "step 1: size 0 that the data decides");
    REFUSED(ROW(steps, 2).target = 6, "step 2: jumps to step 6 of 5");
    REFUSED(ROW(steps, 3).first_symbol = 2, "step 3: cannot set symbol 2");
    REFUSED(ROW(places, 2).dtype = INGOT_U8, "its condition is u8, expected bool");
    REFUSED(ROW(steps, 1).prog = ROW(steps, 1).places, "step 1: its scalar program is malformed");
}

static void make_boxed(void)
{
    memset(&h, 0, sizeof h);
    int32_t x = hand_box_input(&h, "x", INGOT_FORM_SEQUENCE, INGOT_F32), y = hand_box(&h, INGOT_F32);
    hand_boxed(&h, ingot_boxed_box, "keep", 1, 1, (int32_t[]){x, y});
    hand_box_output(&h, "y", INGOT_FORM_SEQUENCE, y);
    hand_finish(&h);
}

static void refuse_boxed(const char *part)
{
    ingot_context *ctx;
    ingot_status status = ingot_context_create(&h.model, NULL, &ctx);
    cr_expect(strstr(ingot_status_message(status), part) != NULL, "'%s' is not in: %s", part,
              ingot_status_message(status));
    ingot_status_free(status);
    ingot_context_destroy(ctx);
}
#define REFUSED_BOXED(damage, part) (make_boxed(), damage, refuse_boxed(part))

Test(plan_check, refuses_damaged_boxed_values)
{
    make_boxed();
    ingot_context *ctx;
    ingot_status status = ingot_context_create(&h.model, NULL, &ctx);
    cr_assert_null(status, "%s", ingot_status_message(status));
    ingot_context_destroy(ctx);
    REFUSED_BOXED(ROW(buffers, 1).index = 2, "buffer 1 is boxed value 2 of 2");
    REFUSED_BOXED(PLAN->n_boxes = 1 << 25, "33554432 boxed values are too many");
    REFUSED_BOXED(ROW(places, 0).rank = 0, "place 0 has rank 0 in a buffer of pool 4");
    REFUSED_BOXED(ROW(buffers, 0).pool = 0, "place 0: rank -1 is not within 0 to 12");
    REFUSED_BOXED(ROW(inputs, 0).form = 4, "input 0: form 4");
    REFUSED_BOXED(ROW(inputs, 0).place = -1, "input 0: its place is not that of a boxed value");
    REFUSED_BOXED(ROW(outputs, 0).alias = 0, "output 0: its place is not that of a boxed value");
    REFUSED_BOXED(ROW(inputs, 0).rank = 0, "input 0: form 1 of rank 0");
    REFUSED_BOXED(ROW(steps, 0).portable = INGOT_BOXED_COUNT, "step 0: unknown boxed kernel");
    REFUSED_BOXED(ROW(steps, 0).kind = INGOT_PLAN_PORTABLE, "operand 0 is a boxed value, which its kind does not take");
}

/* Any single byte may be wrong: a message or a context, never a crash. Runs of what is accepted are not safe to try:
 * kernels trust sizes. */
Test(plan_check, any_damaged_byte_is_survived)
{
    make();
    size_t size = (size_t)PLAN->plan_bytes;
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            ingot_context *ctx;
            h.bytes[i] ^= (char)(1 << bit);
            const ingot_init_options options = {
                .struct_size = sizeof options, .threads = 1, .weights_path = "/nowhere"};
            ingot_status_free(ingot_context_create(&h.model, &options, &ctx));
            ingot_context_destroy(ctx);
            h.bytes[i] ^= (char)(1 << bit);
        }
    }
}

Test(plan_check, options_of_other_versions)
{
    make();
    struct {
        ingot_init_options known;
        uint64_t more;
    } longer = {.known = {.struct_size = sizeof longer}};
    ingot_context *ctx;
    cr_assert_null(ingot_context_create(&h.model, &longer.known, &ctx));
    ingot_context_destroy(ctx);
    longer.more = 1;
    ingot_status status = ingot_context_create(&h.model, &longer.known, &ctx);
    cr_assert(strstr(ingot_status_message(status), "a field of a newer version is set") != NULL);
    ingot_status_free(status);
    const ingot_init_options bad = {.struct_size = sizeof bad, .threads = -1};
    status = ingot_context_create(&h.model, &bad, &ctx);
    cr_assert(strstr(ingot_status_message(status), "threads is -1") != NULL);
    ingot_status_free(status);
}
