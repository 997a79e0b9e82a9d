/* Buffers for one call of a kernel, filled with random numbers. */
#include "driver/kernel_run.h"
#include "kernel/limited.h"
#include "kernel/winograd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLACK_BYTES 4096 /* kernels may load whole vectors at an edge that they mask */

static int64_t value_of(const ingot_kernel_run *b, ingot_size size)
{
    return ingot_size_is_dynamic(size) ? b->sizes[ingot_size_index(size)] : size;
}

/* Elements of a packed operand: panels of 16 columns. */
static int64_t packed_count(const ingot_kernel_run *b)
{
    int64_t e[INGOT_SPEC_DIMS] = {0};
    for (int32_t d = 0; d < b->spec->n_dims; d++)
        e[d] = value_of(b, b->spec->dims[d]);
    switch (b->spec->family) {
    case INGOT_FAMILY_contract:
        return e[0] * e[1] * ((e[3] + 15) / 16) * 16 * ((e[4] + 3) / 4 * 4); /* whole words of integers */
    case INGOT_FAMILY_conv:
        return e[1] * e[2] * e[5] * e[6] * e[7] * e[8] * 16;
    case INGOT_FAMILY_depthwise:
        return e[1] * e[4] * e[5] * 16;
    case INGOT_FAMILY_winograd:
        return ingot_winograd_filter_elems(b->spec);
    default: /* recurrent: k = h, n = gates * h, per direction */
        return e[2] * e[3] * ((4 * e[3] + 15) / 16) * 16;
    }
}

/* First and last element that an operand's strides reach. */
static void extent(const ingot_kernel_run *b, int32_t index, int64_t *out_low, int64_t *out_high)
{
    const ingot_spec *s = b->spec;
    const ingot_operand *o = &s->operands[index];
    int64_t low = 0, high = 0;
    for (int32_t d = 0; d < s->n_dims; d++) {
        int64_t size = value_of(b, s->dims[d]), stride = value_of(b, o->strides[d]);
        if (s->family == INGOT_FAMILY_window && index == 0 && (d == 2 || d == 3))
            size = value_of(b, s->params[d == 2 ? 7 : 8]); /* strides of the whole input's rows and columns */
        if (s->family == INGOT_FAMILY_winograd && index == 0 && (d == 2 || d == 3) && s->params[d - 2] > 1)
            size += 2; /* taps */
        int64_t reach = size > 0 ? (size - 1) * stride : 0;
        *(reach < 0 ? &low : &high) += reach;
    }
    if (s->family == INGOT_FAMILY_gather && index == 0)
        high += value_of(b, s->params[0]) * llabs(value_of(b, s->params[1]));
    if (s->family == INGOT_FAMILY_lstm || s->family == INGOT_FAMILY_gru)
        high += 4 * value_of(b, s->dims[3]); /* the gates of one row */
    if (o->access == INGOT_ACCESS_SCRATCH)
        high = ingot_winograd_scratch_elems(s);
    bool blocked =
        s->family == INGOT_FAMILY_conv || s->family == INGOT_FAMILY_depthwise || s->family == INGOT_FAMILY_winograd;
    int64_t lanes = blocked ? 15 : 0;
    high += lanes * (o->lane ? llabs(value_of(b, o->lane)) : 1);
    *out_low = low;
    *out_high = high;
}

static void fill(const ingot_kernel_run *b, int32_t index, void *data, int64_t count, uint64_t *seed)
{
    ingot_dtype dtype = b->spec->operands[index].dtype;
    bool floats = ingot_dtype_is_float(dtype);
    int64_t bound = b->spec->family == INGOT_FAMILY_gather && index == 1 ? value_of(b, b->spec->params[0])
                    : ingot_spec_group(b->spec)                          ? 128
                                                                         : 2;
    if (b->spec->operands[index].access == INGOT_ACCESS_LIMITED16) { /* no records */
        ingot_limited l = ingot_limited_of_spec(b->spec);
        int64_t weights = ingot_limited_orders_at(&l);
        memset((char *)data + weights, 0, (size_t)(count - weights));
        count = weights;
    }
    for (int64_t i = 0; i < count; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        double x = (double)(*seed >> 11) / 9007199254740992.0;
        if (dtype == INGOT_F32)
            ((float *)data)[i] = (float)(x - 0.5);
        else if (floats)
            ingot_store_f64(data, dtype, i, x - 0.5);
        else
            ingot_store_i64(data, dtype, i, (int64_t)(x * (double)(bound > 0 ? bound : 1)));
    }
}

/* Memory for one operand, `n_copies` times where it is constant. */
static ingot_status make_operand(ingot_kernel_run *b, int32_t index, uint64_t *seed)
{
    const ingot_operand *o = &b->spec->operands[index];
    int64_t low = 0, high = 0, count, width = ingot_dtype_bits(o->dtype) / 8;
    int32_t copies = o->constant ? b->n_copies : 1;
    extent(b, index, &low, &high);
    if (ingot_access_is_packed(o->access)) {
        low = 0;
        high = packed_count(b);
    }
    if (o->access == INGOT_ACCESS_LIMITED16) {
        ingot_limited l = ingot_limited_of_spec(b->spec);
        high = ingot_limited_records_at(&l);
    }
    count = high - low + 1;
    int64_t bytes = count < 0 || count > ((int64_t)1 << 30) ? -1 : ingot_dtype_bytes(o->dtype, count);
    if (bytes < 0)
        return ingot_fail(INGOT_LIMIT, "operand %d of the spec is too large to time", index);
    size_t size = ((size_t)bytes + 2 * SLACK_BYTES + 4095) / 4096 * 4096, all = size * (size_t)copies;
    void *map = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "%zu bytes for operand %d: %s", all, index, strerror(errno));
    b->maps[index] = map;
    b->map_bytes[index] = all;
    for (int32_t c = 0; c < b->n_copies; c++) {
        char *data = (char *)map + (size_t)(c < copies ? c : 0) * size + SLACK_BYTES;
        b->buffers[c][index] = data - (width ? low * width : 0);
        if (c > 0 && c < copies)
            memcpy(data, (char *)map + SLACK_BYTES, (size_t)bytes);
        else if (c == 0 && index < b->spec->n_in)
            fill(b, index, data, count, seed);
    }
    return NULL;
}

ingot_status ingot_kernel_run_open(const ingot_spec *spec, const int64_t *sizes, ingot_kernel_fn *run,
                                   int64_t cold_bytes, ingot_kernel_run *out)
{
    *out = (ingot_kernel_run){.spec = spec, .sizes = sizes, .run = run, .n_copies = 1};
    out->constant_bytes = ingot_spec_count_work(spec, sizes).bytes_const;
    if (cold_bytes > 0 && out->constant_bytes > 0) {
        double copies = (double)cold_bytes / out->constant_bytes + 1;
        out->n_copies = copies > INGOT_RUN_COPIES ? INGOT_RUN_COPIES : (int32_t)copies;
    }
    out->buffers = calloc((size_t)out->n_copies, sizeof *out->buffers);
    if (!out->buffers)
        return ingot_status_no_memory();
    uint64_t seed = 1;
    ingot_status status = NULL;
    for (int32_t i = 0; i < spec->n_in + spec->n_out && !status; i++)
        status = make_operand(out, i, &seed);
    if (status)
        ingot_kernel_run_close(out);
    else
        out->units = run(out->buffers[0], sizes, -1, 0);
    return status;
}

void ingot_kernel_run_close(ingot_kernel_run *run)
{
    for (int32_t i = 0; i < INGOT_SPEC_OPERANDS; i++)
        if (run->maps[i])
            munmap(run->maps[i], run->map_bytes[i]);
    free(run->buffers);
    memset(run, 0, sizeof *run);
}

/* ---- Code ---- */

struct ingot_kernel_code {
    ingot_arena arena;
    int32_t n;
    ingot_object *objects;
    ingot_kernel_fn **functions;
    ingot_jit *jit;
};

/* All at once, in parallel; when one fails, one by one, to keep the others. */
static ingot_status generate(ingot_kernel_code *code, const char *const *lines, const ingot_codegen_options *options,
                             ingot_status *failures)
{
    ingot_status status = ingot_codegen_compile(lines, code->n, options, &code->arena, code->objects);
    if (!status || !failures)
        return status;
    ingot_status_free(status);
    for (int32_t i = 0; i < code->n; i++) {
        code->objects[i] = (ingot_object){0};
        failures[i] = ingot_codegen_compile(&lines[i], 1, options, &code->arena, &code->objects[i]);
    }
    return NULL;
}

static ingot_status load(ingot_kernel_code *code, const ingot_spec *specs)
{
    ingot_object *whole;
    int32_t n = 0;
    INGOT_TRY(ingot_arena_array(&code->arena, (size_t)code->n + 1, sizeof *whole, (void **)&whole));
    for (int32_t i = 0; i < code->n; i++)
        if (code->objects[i].size > 0)
            whole[n++] = code->objects[i];
    INGOT_TRY(ingot_jit_create(whole, n, NULL, 0, &code->jit));
    for (int32_t i = 0; i < code->n; i++) {
        if (code->objects[i].size == 0)
            continue;
        char symbol[32];
        void *address;
        ingot_kernel_symbol(&specs[i], symbol);
        INGOT_TRY(ingot_jit_lookup(code->jit, symbol, &address));
        memcpy(&code->functions[i], &address, sizeof address);
    }
    return NULL;
}

ingot_status ingot_kernel_code_create(const ingot_spec *specs, int32_t n, const ingot_codegen_options *options,
                                      ingot_status *failures, ingot_kernel_code **out)
{
    ingot_kernel_code *code = calloc(1, sizeof *code);
    *out = NULL;
    if (!code)
        return ingot_status_no_memory();
    code->n = n;
    const char **lines = NULL;
    ingot_status status = ingot_arena_array(&code->arena, (size_t)n + 1, sizeof *lines, (void **)&lines);
    if (!status)
        status = ingot_arena_array(&code->arena, (size_t)n + 1, sizeof *code->objects, (void **)&code->objects);
    if (!status)
        status = ingot_arena_array(&code->arena, (size_t)n + 1, sizeof *code->functions, (void **)&code->functions);
    for (int32_t i = 0; i < n && !status; i++) {
        ingot_text line = {0};
        ingot_spec_print(&specs[i], &line);
        lines[i] = line.failed ? NULL : ingot_arena_strndup(&code->arena, line.data, line.size);
        ingot_text_free(&line);
        code->objects[i] = (ingot_object){0};
        code->functions[i] = NULL;
        if (!lines[i])
            status = ingot_status_no_memory();
    }
    if (!status)
        status = generate(code, lines, options, failures);
    if (!status)
        status = load(code, specs);
    if (status)
        ingot_kernel_code_destroy(code);
    else
        *out = code;
    return status;
}

ingot_kernel_fn *ingot_kernel_code_get(const ingot_kernel_code *code, int32_t i)
{
    return code->functions[i];
}

const ingot_object *ingot_kernel_code_object(const ingot_kernel_code *code, int32_t i)
{
    return &code->objects[i];
}

void ingot_kernel_code_destroy(ingot_kernel_code *code)
{
    if (!code)
        return;
    ingot_jit_destroy(code->jit);
    ingot_arena_release(&code->arena);
    free(code);
}
