/* A program made by hand becomes a plan that the runtime runs: in memory, and as an artifact opened as a shared object.
 */
#include "codegen/codegen.h"
#include "runtime/context.h"
#include "runtime/plan.h"
#include "runtime/weights.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* y [n, 3] = x [n, 3] + c [3] by the portable map kernel, with a check and the sum of symbols in the arena's size. */
typedef struct example {
    ingot_module *module;
    ingot_program program;
    ingot_buffer buffers[3];
    ingot_place places[3];
    ingot_step step;
    ingot_weight weight;
    ingot_prog prog;
    int32_t step_places[3], input_places[1], output_places[1];
    ingot_arena arena;
} example;

static const uint8_t build_id[16] = {1, 2, 3};

static void make(example *e)
{
    ingot_status status = ingot_module_create(&(ingot_limits){0}, &e->module);
    cr_assert_null(status, "%s", ingot_status_message(status));
    ingot_module *m = e->module;
    ingot_graph *g = ingot_module_add_graph(m, "main");
    const ingot_dim *n = ingot_symbol(m, "n", 1, 64), *three = ingot_dim_const(m, 3), *zero = ingot_dim_const(m, 0);
    ingot_type type = ingot_type_make(INGOT_F32, 2, (const ingot_dim *[]){n, three}),
               vector = ingot_type_make(INGOT_F32, 1, &three);
    ingot_value *x = ingot_graph_add_input(g, "x", &type), *c;
    static const float values[3] = {10, 20, 30};
    cr_assert_null(ingot_graph_add_constant(g, NULL, &vector, values, true, &c));
    ingot_op *op;
    cr_assert_null(ingot_graph_add_op(g, NULL, INGOT_OP_add, 2, (ingot_value *[]){x, c}, 1, &op));
    cr_assert_null(ingot_op_infer(op));
    cr_assert_null(ingot_graph_add_output(g, "y", op->out[0]));
    ingot_op_to_prog(op, &e->prog);
    const ingot_dim *bytes = ingot_dim_mul(m, n, ingot_dim_const(m, 12));
    e->buffers[0] = (ingot_buffer){.pool = INGOT_POOL_INPUT, .index = 0, .bytes = bytes, .offset = zero};
    e->buffers[1] =
        (ingot_buffer){.pool = INGOT_POOL_WEIGHTS, .index = 0, .bytes = ingot_dim_const(m, 12), .offset = zero};
    e->buffers[2] = (ingot_buffer){.pool = INGOT_POOL_OUTPUT, .index = 0, .bytes = bytes, .offset = zero};
    e->places[0] = (ingot_place){.buffer = 0, .offset_bytes = zero, .dtype = INGOT_F32, .rank = 2, .dims = {n, three}};
    e->places[1] = (ingot_place){.buffer = 1, .offset_bytes = zero, .dtype = INGOT_F32, .rank = 1, .dims = {three}};
    e->places[2] = (ingot_place){.buffer = 2, .offset_bytes = zero, .dtype = INGOT_F32, .rank = 2, .dims = {n, three}};
    for (int32_t i = 0; i < 3; i++)
        e->step_places[i] = i;
    e->output_places[0] = 2;
    e->step = (ingot_step){.kind = INGOT_STEP_PORTABLE,
                           .portable = INGOT_PORTABLE_map,
                           .spec = -1,
                           .prog = &e->prog,
                           .n_in = 2,
                           .n_out = 1,
                           .places = e->step_places,
                           .first_symbol = -1,
                           .target = -1,
                           .op = op,
                           .label = "Add_0 (Add)"};
    e->weight = (ingot_weight){.value = c, .offset = 0, .size_bytes = 12};
    e->program = (ingot_program){.module = m,
                                 .name = "tiny",
                                 .buffers = e->buffers,
                                 .places = e->places,
                                 .steps = &e->step,
                                 .weights = &e->weight,
                                 .n_buffers = 3,
                                 .n_places = 3,
                                 .n_steps = 1,
                                 .n_weights = 1,
                                 .input_places = e->input_places,
                                 .output_places = e->output_places,
                                 .arena_bytes = bytes,
                                 .weights_bytes = 64};
}

static void destroy(example *e)
{
    ingot_arena_release(&e->arena);
    ingot_module_destroy(e->module);
}

static const ingot_target *baseline(void)
{
    const ingot_target *target;
    ingot_status status = ingot_target_find("x86-64-v2", &target);
    cr_assert_null(status, "%s", ingot_status_message(status));
    return target;
}

static void expect_result(const ingot_model *model, const ingot_init_options *options)
{
    ingot_context *ctx;
    ingot_status status = ingot_context_create(model, options, &ctx);
    cr_assert_null(status, "%s", ingot_status_message(status));
    for (int64_t n = 1; n < 9; n += 3) {
        float in[27] = {1, 2, 3};
        int64_t shape[2] = {n, 3}, out_shape[INGOT_MAX_RANK];
        const DLTensor x = {in, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape, NULL, 0};
        DLTensor y = {.shape = out_shape};
        status = ingot_context_run(ctx, (const DLTensor *[]){&x}, (DLTensor *[]){&y});
        cr_assert_null(status, "%s", ingot_status_message(status));
        cr_assert_eq(out_shape[0], n);
        cr_assert_arr_eq(y.data, ((float[]){11, 22, 33}), 12);
        cr_assert_eq(((float *)y.data)[3 * n - 1], n == 1 ? 33 : 30);
    }
    ingot_context_destroy(ctx);
}

Test(plan_blob, a_program_runs_from_its_bytes)
{
    static example e;
    make(&e);
    FILE *file = tmpfile();
    uint8_t digest[16];
    void *plan, *again;
    size_t size, size_again;
    cr_assert_null(ingot_weights_write(&e.program, build_id, fileno(file), digest));
    char *weights = mmap(NULL, INGOT_WEIGHTS_OFFSET + 64, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    cr_assert_neq(weights, MAP_FAILED);
    cr_assert_null(ingot_plan_serialize(&e.program, baseline(), build_id, digest, &e.arena, &plan, &size));
    cr_assert_null(ingot_plan_serialize(&e.program, baseline(), build_id, digest, &e.arena, &again, &size_again));
    cr_assert_eq(size, size_again);
    cr_assert_arr_eq(plan, again, size);
    const char *const *names;
    int32_t n_names;
    cr_assert_null(ingot_program_kernel_names(&e.program, &e.arena, &names, &n_names));
    cr_assert_eq(n_names, 1);
    cr_assert_str_eq(names[0], "ingot_portable_map");
    ingot_portable_fn *kernel = ingot_portable_map;
    const void *table[1];
    memcpy(table, &kernel, sizeof kernel);
    const ingot_model model = {INGOT_ABI_VERSION, sizeof model, plan, table, weights, "tiny", NULL};
    expect_result(&model,
                  &(ingot_init_options){.struct_size = sizeof(ingot_init_options), .threads = 1, .verify_weights = 1});
    munmap(weights, INGOT_WEIGHTS_OFFSET + 64);
    fclose(file);
    destroy(&e);
}

/* Buffers of 12 n and 64 bytes, and one above both. */
Test(plan_blob, buffers_lie_above_those_that_they_name)
{
    static example e;
    make(&e);
    static const int32_t none[1] = {0}, both[2] = {3, 4}, stack[3] = {3, 4, 5};
    ingot_buffer buffers[6];
    memcpy(buffers, e.buffers, sizeof e.buffers);
    for (int32_t i = 3; i < 6; i++)
        buffers[i] = (ingot_buffer){.pool = INGOT_POOL_ARENA,
                                    .bytes = i == 3 ? buffers[0].bytes : ingot_dim_const(e.module, 64),
                                    .above = i < 5 ? none : both,
                                    .n_above = i < 5 ? 0 : 2};
    e.program.buffers = buffers;
    e.program.n_buffers = 6;
    e.program.arena_bytes = NULL;
    e.program.stack = stack;
    e.program.n_stack = 3;
    uint8_t digest[16] = {0};
    void *plan;
    size_t size;
    cr_assert_null(ingot_plan_serialize(&e.program, baseline(), build_id, digest, &e.arena, &plan, &size));
    ingot_portable_fn *kernel = ingot_portable_map;
    const void *table[1];
    memcpy(table, &kernel, sizeof kernel);
    const ingot_model model = {INGOT_ABI_VERSION, sizeof model, plan, table, NULL, "tiny", NULL};
    ingot_plan_view view;
    ingot_status status = ingot_plan_view_create(&model, &view);
    cr_assert_null(status, "%s", ingot_status_message(status));
    for (int64_t n = 1; n <= 64; n++) {
        int64_t env[256], above = 12 * n > 64 ? 12 * n : 64;
        cr_assert_lt(view.n_exprs, 256);
        ingot_plan_evaluate(&view, &n, false, env);
        cr_assert_eq(env[view.buffers[3].offset], 0);
        cr_assert_eq(env[view.buffers[4].offset], 0);
        cr_assert_eq(env[view.buffers[5].offset], above);
        cr_assert_eq(env[view.plan->arena_bytes], above + 64);
    }
    destroy(&e);
}

static void remove_folder(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

Test(artifact, a_shared_object_opens_and_runs)
{
    static example e;
    make(&e);
    for (int embed = 0; embed < 2; embed++) {
        char folder[64], path[96];
        snprintf(folder, sizeof folder, "/tmp/ingot-test-%ld/deep", (long)getpid());
        const ingot_artifact_options options = {.out_dir = folder,
                                                .emit = INGOT_ARTIFACT_SHARED | INGOT_ARTIFACT_ARCHIVE,
                                                .embed_weights = embed,
                                                .build_id = build_id};
        ingot_artifact_version version = {.program = &e.program, .target = baseline()};
        ingot_status status = ingot_artifact_write(&options, &version, 1);
        cr_assert_null(status, "%s", ingot_status_message(status));
        static const struct {
            const char *name;
            bool embedded_too;
        } files[] = {
            {"tiny.a", true}, {"tiny.so", true}, {"tiny.h", true}, {"ingot/runtime.h", true}, {"tiny.weights", false}};
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
            cr_expect_eq(access(path, R_OK) == 0, files[i].embedded_too || !embed, "%s", path);
        }
        snprintf(path, sizeof path, "%s/tiny.so", folder);
        const ingot_model *model;
        void *handle;
        status = ingot_model_open(path, &model, &handle);
        cr_assert_null(status, "%s", ingot_status_message(status));
        cr_assert_str_eq(ingot_model_get_info(model)->name, "tiny");
        cr_assert_eq(model->embedded_weights != NULL, embed == 1);
        expect_result(model, NULL);
        ingot_model_close(handle);
        snprintf(folder, sizeof folder, "/tmp/ingot-test-%ld", (long)getpid());
        remove_folder(folder);
    }
    destroy(&e);
}

Test(artifact, a_failure_leaves_nothing)
{
    static example e;
    make(&e);
    char folder[64];
    snprintf(folder, sizeof folder, "/tmp/ingot-test-%ld", (long)getpid());
    ingot_artifact_options options = {.out_dir = folder, .build_id = build_id};
    ingot_artifact_version version = {.program = &e.program, .target = baseline()};
    e.weight.size_bytes = 1000; /* more than the pool: found while writing */
    ingot_status status = ingot_artifact_write(&options, &version, 1);
    cr_assert_eq(ingot_status_code(status), INGOT_INTERNAL);
    ingot_status_free(status);
    cr_assert_neq(access(folder, F_OK), 0);
    e.program.name = "3d model";
    status = ingot_artifact_write(&options, &version, 1);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE);
    ingot_status_free(status);
    e.program.name = "tiny";
    options.out_dir = "/dev/null/x";
    status = ingot_artifact_write(&options, &version, 1);
    cr_assert_eq(ingot_status_code(status), INGOT_IO);
    ingot_status_free(status);
    destroy(&e);
}

Test(header, explains_the_model_and_stays_a_comment)
{
    static example e;
    make(&e);
    e.module->graphs[0]->params[0]->name = "x */ int main";
    ingot_text text = {0};
    cr_assert_null(ingot_header_write(&e.program, &text));
    cr_assert(strstr(text.data, "x * / int main  float [n, 3]  {kDLFloat, 32, 1}") != NULL, "%s", text.data);
    cr_assert(strstr(text.data, "n  1 to 64") != NULL);
    cr_assert(strstr(text.data, "ingot_status tiny_run(tiny_context *context") != NULL);
    ingot_text_free(&text);
    destroy(&e);
}
