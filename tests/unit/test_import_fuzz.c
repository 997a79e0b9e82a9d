/* Damaged models: every truncation, and deterministic changes of bits and bytes. Under the sanitizers nothing may show;
 * every import ends in a module or in a status. */
#include "frontend/frontend.h"
#include "tests/unit/onnx_writer.h"
#include <criterion/criterion.h>

/* Convolution, shape arithmetic, control flow and a constant in a few hundred bytes. */
static pb sample(void)
{
    const float weights[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const int64_t zero = 0, minus_one = -1, pads[4] = {1, 1, 1, 1};
    pb g = {0}, conv = {0}, gather = {0}, concat = {0}, branch = {0}, other = {0}, attrs = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "n,1,8,8");
    onnx_value(&g, ONNX_INPUT, "c", INGOT_BOOL, "");
    onnx_value(&g, ONNX_OUTPUT, "z", INGOT_F32, "n,64");
    onnx_tensor(&g, "w", INGOT_F32, "1,1,3,3", weights, sizeof weights);
    onnx_tensor(&g, "zero", INGOT_I64, "1", &zero, 8);
    onnx_tensor(&g, "rest", INGOT_I64, "1", &minus_one, 8);
    onnx_attr_ints(&conv, "pads", 4, pads);
    onnx_node(&g, "Conv", "x,w", "y", &conv);
    onnx_node(&g, "Shape", "y", "s", NULL);
    onnx_attr_int(&gather, "axis", 0);
    onnx_node(&g, "Gather", "s,zero", "first", &gather);
    onnx_attr_int(&concat, "axis", 0);
    onnx_node(&g, "Concat", "first,rest", "shape", &concat);
    onnx_node(&g, "Reshape", "y,shape", "flat", NULL);
    onnx_node(&branch, "Relu", "flat", "r", NULL);
    onnx_value(&branch, ONNX_OUTPUT, "r", INGOT_F32, NULL);
    onnx_node(&other, "Softmax", "flat", "r", NULL);
    onnx_value(&other, ONNX_OUTPUT, "r", INGOT_F32, NULL);
    onnx_attr_graph(&attrs, "then_branch", &branch);
    onnx_attr_graph(&attrs, "else_branch", &other);
    onnx_node(&g, "If", "c", "z", &attrs);
    return onnx_model(&g, 17);
}

static void survive(const void *bytes, size_t size)
{
    ingot_module *m;
    ingot_import_options options = {.struct_size = sizeof options, .limits = {.max_memory = 64 << 20}};
    ingot_status status = ingot_import_memory(bytes, size, &options, &m);
    cr_assert((status == NULL) == (m != NULL));
    if (m)
        ingot_module_destroy(m);
    ingot_status_free(status);
}

Test(import_fuzz, every_truncation_ends_in_a_status)
{
    pb model = sample();
    for (size_t size = 0; size <= model.size; size++) {
        char *copy = malloc(size ? size : 1); /* of that size, so that the sanitizer sees a byte too far */
        cr_assert_not_null(copy);
        memcpy(copy, model.data, size);
        survive(copy, size);
        free(copy);
    }
    ingot_text_free(&model);
}

Test(import_fuzz, every_flipped_bit_ends_in_a_module_or_a_status)
{
    pb model = sample();
    char *copy = malloc(model.size);
    cr_assert_not_null(copy);
    for (size_t bit = 0; bit < model.size * 8; bit++) {
        memcpy(copy, model.data, model.size);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        survive(copy, model.size);
    }
    free(copy);
    ingot_text_free(&model);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

Test(import_fuzz, changed_bytes_end_in_a_module_or_a_status)
{
    pb model = sample();
    char *copy = malloc(model.size);
    uint64_t state = 1;
    cr_assert_not_null(copy);
    for (int round = 0; round < 4000; round++) {
        memcpy(copy, model.data, model.size);
        uint64_t changes = 1 + next_random(&state) % 4;
        for (uint64_t i = 0; i < changes; i++)
            copy[next_random(&state) % model.size] = (char)next_random(&state);
        survive(copy, model.size);
    }
    free(copy);
    ingot_text_free(&model);
}
