/* Runs a compiled model twice, on one thread: the second run is a call of counted_run, for a profiler to count.
 * Usage: count MODEL.so FOLDER, where FOLDER/<i>.bin holds the bytes of input i. Sizes of all inputs are fixed. */
#include "runtime/portable.h"
#include <stdio.h>
#include <stdlib.h>

#define MOST 64

ingot_status counted_run(ingot_context *ctx, const DLTensor *const *inputs, DLTensor *const *outputs);
__attribute__((noinline)) ingot_status counted_run(ingot_context *ctx, const DLTensor *const *inputs,
                                                   DLTensor *const *outputs)
{
    ingot_status status = ingot_context_run(ctx, inputs, outputs);
    __asm__ volatile("" ::: "memory"); /* no tail call: the function must return after the run */
    return status;
}

static int fail(ingot_status error)
{
    fprintf(stderr, "%s\n", ingot_status_message(error));
    return (int)ingot_status_code(error);
}

static DLTensor tensor_of(const ingot_tensor_info *info, int64_t *shape)
{
    DLTensor t = {.shape = shape, .ndim = info->rank, .dtype = ingot_dtype_to_dl(info->dtype)};
    t.device.device_type = kDLCPU;
    for (int32_t d = 0; d < info->rank; d++)
        shape[d] = info->dims[d];
    return t;
}

static void *read_file(const char *folder, int i)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d.bin", folder, i);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        return NULL;
    size_t size = (size_t)ftell(file);
    void *bytes = aligned_alloc(64, (size + 64) / 64 * 64);
    rewind(file);
    size_t got = bytes ? fread(bytes, 1, size, file) : 0;
    fclose(file);
    return got == size ? bytes : NULL;
}

int main(int argc, char **argv)
{
    static DLTensor in[MOST], out[MOST];
    static int64_t shapes[2][MOST][INGOT_MAX_RANK];
    const DLTensor *inputs[MOST];
    DLTensor *outputs[MOST];
    const ingot_model *model;
    void *handle;
    ingot_context *ctx;
    const ingot_init_options options = {.struct_size = sizeof options, .threads = 1};
    if (argc != 3)
        return 2;
    ingot_status error = ingot_model_open(argv[1], &model, &handle);
    if (!error)
        error = ingot_context_create(model, &options, &ctx);
    if (error)
        return fail(error);
    const ingot_model_info *info = ingot_model_get_info(model);
    if (info->n_inputs > MOST || info->n_outputs > MOST)
        return 2;
    for (int i = 0; i < info->n_inputs; i++) {
        in[i] = tensor_of(&info->inputs[i], shapes[0][i]);
        in[i].data = read_file(argv[2], i);
        inputs[i] = &in[i];
        if (!in[i].data)
            return 2;
    }
    for (int run = 0; run < 2 && !error; run++) {
        for (int i = 0; i < info->n_outputs; i++) { /* memory of the context */
            out[i] = tensor_of(&info->outputs[i], shapes[1][i]);
            outputs[i] = &out[i];
        }
        error = (run ? counted_run : ingot_context_run)(ctx, inputs, outputs);
    }
    return error ? fail(error) : 0;
}
