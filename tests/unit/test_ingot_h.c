/* The in-process interface, as a framework that embeds the compiler uses it. */
#include <criterion/criterion.h>
#include <ingot/ingot.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char model_path[] = INGOT_SOURCE_DIR "/examples/digits/digits.onnx";

/* digits on an image of zeros; the sum of the probabilities. */
static float run_digits(const ingot_model *model)
{
    ingot_context *ctx = NULL;
    cr_assert_null(ingot_context_create(model, NULL, &ctx));
    float image[64] = {0}, sum = 0;
    int64_t in_shape[4] = {1, 1, 8, 8}, out_shape[INGOT_MAX_RANK];
    DLTensor in = {image, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, in_shape, NULL, 0};
    DLTensor out = {NULL, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, out_shape, NULL, 0};
    const DLTensor *inputs[] = {&in};
    DLTensor *outputs[] = {&out};
    cr_assert_null(ingot_context_run(ctx, inputs, outputs));
    cr_assert_eq(out_shape[1], 10);
    for (int i = 0; i < 10; i++)
        sum += ((const float *)out.data)[i];
    ingot_context_destroy(ctx);
    return sum;
}

static void *read_model(size_t *out_size)
{
    FILE *file = fopen(model_path, "rb");
    cr_assert_not_null(file);
    char *bytes = malloc(1 << 20);
    *out_size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

Test(ingot_h, a_file_runs_from_memory)
{
    ingot_compile_options options = {.struct_size = sizeof options, .path = model_path, .in_process = 1};
    ingot_compiled *compiled = NULL;
    const ingot_model *model = NULL;
    cr_assert_null(ingot_compile(&options, &compiled));
    cr_assert_null(ingot_compiled_get_model(compiled, &model));
    cr_assert_float_eq(run_digits(model), 1, 1e-5);
    ingot_compiled_destroy(compiled);
}

Test(ingot_h, bytes_give_the_same_model_as_their_file)
{
    size_t size;
    void *bytes = read_model(&size);
    ingot_compile_options options = {
        .struct_size = sizeof options, .bytes = bytes, .size = size, .in_process = 1, .no_generated = 1};
    ingot_compiled *compiled = NULL;
    const ingot_model *model = NULL;
    cr_assert_null(ingot_compile(&options, &compiled));
    cr_assert_null(ingot_compiled_get_model(compiled, &model));
    cr_assert_float_eq(run_digits(model), 1, 1e-5);
    ingot_compiled_destroy(compiled);
    free(bytes);
}

Test(ingot_h, a_constant_of_the_caller_replaces_an_initializer)
{
    float zeros[10] = {0};
    zeros[7] = 100; /* the bias decides alone */
    int64_t shape[1] = {10};
    DLTensor bias = {zeros, {kDLCPU, 0}, 1, {kDLFloat, 32, 1}, shape, NULL, 0};
    const ingot_constant constants[] = {{"linear.bias", &bias}};
    ingot_compile_options options = {
        .struct_size = sizeof options, .path = model_path, .in_process = 1, .constants = constants, .n_constants = 1};
    ingot_compiled *compiled = NULL;
    const ingot_model *model = NULL;
    cr_assert_null(ingot_compile(&options, &compiled));
    cr_assert_null(ingot_compiled_get_model(compiled, &model));
    ingot_context *ctx = NULL;
    cr_assert_null(ingot_context_create(model, NULL, &ctx));
    float image[64] = {0}, score[10];
    int64_t in_shape[4] = {1, 1, 8, 8}, out_shape[2] = {1, 10};
    DLTensor in = {image, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, in_shape, NULL, 0};
    DLTensor out = {score, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, out_shape, NULL, 0};
    cr_assert_null(ingot_context_run(ctx, (const DLTensor *[]){&in}, (DLTensor *[]){&out}));
    cr_assert_float_eq(score[7], 1, 1e-5);
    ingot_context_destroy(ctx);
    ingot_compiled_destroy(compiled);
}

static int32_t stop(void *arg)
{
    ++*(int *)arg;
    return 1;
}

Test(ingot_h, a_compile_can_be_cancelled)
{
    int asked = 0;
    ingot_compile_options options = {
        .struct_size = sizeof options, .path = model_path, .cancelled = stop, .callback_arg = &asked};
    ingot_compiled *compiled = NULL;
    ingot_status status = ingot_compile(&options, &compiled);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    cr_assert_null(compiled);
    cr_assert_gt(asked, 0);
    ingot_status_free(status);
}

Test(ingot_h, reports_are_the_same_each_time)
{
    char *first = NULL;
    for (int i = 0; i < 2; i++) {
        ingot_compile_options options = {
            .struct_size = sizeof options, .path = model_path, .no_code = 1, .threads = i + 1};
        ingot_compiled *compiled = NULL;
        const char *report;
        cr_assert_null(ingot_compile(&options, &compiled));
        cr_assert_null(ingot_compiled_get_report(compiled, &report));
        cr_assert_not_null(strstr(report, "\"digits.onnx\""));
        cr_assert_null(strstr(report, INGOT_SOURCE_DIR), "a path of this machine");
        if (first)
            cr_assert_str_eq(report, first);
        free(first);
        first = strdup(report);
        ingot_compiled_destroy(compiled);
    }
    free(first);
}

Test(ingot_h, wrong_options_are_refused)
{
    const ingot_size_range empty = {"batch", 5, 2};
    const ingot_compile_options wrong[] = {
        {0},
        {.struct_size = 8},
        {.struct_size = sizeof wrong[0] + 8, .path = model_path},
        {.struct_size = sizeof wrong[0]},
        {.struct_size = sizeof wrong[0], .path = model_path, .level = 9},
        {.struct_size = sizeof wrong[0], .path = model_path, .name = "no name"},
        {.struct_size = sizeof wrong[0], .path = model_path, .cpu = "z80"},
        {.struct_size = sizeof wrong[0], .path = model_path, .threads = -1},
        {.struct_size = sizeof wrong[0], .path = model_path, .precision = 2},
        {.struct_size = sizeof wrong[0], .path = model_path, .n_sizes = -1},
        {.struct_size = sizeof wrong[0], .path = model_path, .sizes = &empty, .n_sizes = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ingot_compiled *compiled = NULL;
        ingot_status status = ingot_compile(&wrong[i], &compiled);
        cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE, "case %zu", i);
        cr_assert_null(compiled);
        ingot_status_free(status);
    }
}
