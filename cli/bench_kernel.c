/* ingot bench --kernel: one KernelSpec generated and timed on random data. */
#include "cli/bench.h"
#include "kernel/winograd.h"
#include "runtime/plan.h"
#include "runtime/threads.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DEFAULT_SIZE 64
#define SLACK_BYTES  4096 /* kernels may load whole vectors at an edge that they mask */

typedef struct kernel_bench {
    ingot_spec spec;
    int64_t sizes[INGOT_SPEC_SIZES];
    void *buffers[INGOT_SPEC_OPERANDS], *maps[INGOT_SPEC_OPERANDS];
    size_t map_bytes[INGOT_SPEC_OPERANDS];
    ingot_kernel_fn *run;
    int64_t units;
    int32_t threads;
} kernel_bench;

static int64_t value_of(const kernel_bench *b, ingot_size size)
{
    return ingot_size_is_dynamic(size) ? b->sizes[ingot_size_index(size)] : size;
}

/* Elements of a packed operand: panels of 16 columns. */
static int64_t packed_count(const kernel_bench *b)
{
    int64_t e[INGOT_SPEC_DIMS] = {0};
    for (int32_t d = 0; d < b->spec.n_dims; d++)
        e[d] = value_of(b, b->spec.dims[d]);
    switch (b->spec.family) {
    case INGOT_FAMILY_contract:
        return e[0] * e[1] * ((e[3] + 15) / 16) * 16 * e[4];
    case INGOT_FAMILY_conv:
        return e[1] * e[2] * e[5] * e[6] * e[7] * e[8] * 16;
    case INGOT_FAMILY_depthwise:
        return e[1] * e[4] * e[5] * 16;
    case INGOT_FAMILY_winograd:
        return ingot_winograd_filter_elems(&b->spec);
    default: /* recurrent: k = h, n = gates * h, per direction */
        return e[2] * e[3] * ((4 * e[3] + 15) / 16) * 16;
    }
}

/* First and last element that an operand's strides reach. */
static void extent(const kernel_bench *b, int32_t index, int64_t *out_low, int64_t *out_high)
{
    const ingot_spec *s = &b->spec;
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
    if (o->access == INGOT_ACCESS_SCRATCH)
        high = ingot_winograd_scratch_elems(s);
    bool blocked =
        s->family == INGOT_FAMILY_conv || s->family == INGOT_FAMILY_depthwise || s->family == INGOT_FAMILY_winograd;
    int64_t lanes = blocked ? 15 : 0;
    high += lanes * (o->lane ? llabs(value_of(b, o->lane)) : 1);
    *out_low = low;
    *out_high = high;
}

static ingot_status make_operand(kernel_bench *b, int32_t index, uint64_t *seed)
{
    const ingot_operand *o = &b->spec.operands[index];
    int64_t low = 0, high = 0, count;
    if (o->access == INGOT_ACCESS_PACKED16)
        high = packed_count(b);
    extent(b, index, &low, o->access == INGOT_ACCESS_PACKED16 ? &count : &high);
    if (o->access == INGOT_ACCESS_PACKED16)
        low = 0;
    count = high - low + 1;
    int64_t bytes = count < 0 || count > ((int64_t)1 << 36) ? -1 : ingot_dtype_bytes(o->dtype, count);
    if (bytes < 0)
        return ingot_fail(INGOT_LIMIT, "operand %d of the spec is too large to time", index);
    size_t size = ((size_t)bytes + 2 * SLACK_BYTES + 4095) / 4096 * 4096;
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "%zu bytes for operand %d: %s", size, index, strerror(errno));
    b->maps[index] = map;
    b->map_bytes[index] = size;
    int64_t width = ingot_dtype_bits(o->dtype) / 8;
    b->buffers[index] = (char *)map + SLACK_BYTES - (width ? low * width : 0);
    bool floats = ingot_dtype_is_float(o->dtype);
    int64_t bound = b->spec.family == INGOT_FAMILY_gather && index == 1 ? value_of(b, b->spec.params[0]) : 2;
    for (int64_t i = 0; index < b->spec.n_in && i < count; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        double x = (double)(*seed >> 11) / 9007199254740992.0;
        if (floats)
            ingot_store_f64((char *)map + SLACK_BYTES, o->dtype, i, x - 0.5);
        else
            ingot_store_i64((char *)map + SLACK_BYTES, o->dtype, i, (int64_t)(x * (double)(bound > 0 ? bound : 1)));
    }
    return NULL;
}

static void part(void *arg, int32_t i)
{
    const kernel_bench *b = arg;
    int64_t begin = b->units * i / b->threads, end = b->units * (i + 1) / b->threads;
    if (begin < end)
        b->run(b->buffers, b->sizes, begin, end);
}

static ingot_status report(const bench_options *o, const kernel_bench *b, const char *line,
                           const ingot_machine *machine, double *ns, int32_t n)
{
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(b->spec.target, &target));
    qsort(ns, (size_t)n, sizeof *ns, cli_compare_doubles);
    ingot_spec_work work = ingot_spec_count_work(&b->spec, b->sizes);
    double bytes = work.bytes_in + work.bytes_out + work.bytes_const,
           bound = ingot_machine_bound_ns(machine, work.flops, bytes), median = cli_percentile(ns, n, 0.5);
    double predicted = ingot_cost_predict(&ingot_cost_roofline, &b->spec, b->sizes, target).ns;
    if (o->json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "spec", line);
        cJSON_AddNumberToObject(root, "threads", b->threads);
        cJSON_AddNumberToObject(root, "calls", n);
        cli_json_number(root, "min_ns", ns[0]);
        cli_json_number(root, "p50_ns", median);
        cli_json_number(root, "gflops", work.flops / median);
        cli_json_number(root, "gbs", bytes / median);
        cli_json_number(root, "of_bound", bound / median);
        cli_json_number(root, "predicted_ns", predicted);
        return cli_json_print(root, false);
    }
    printf("%10.2f us (min %.2f, predicted %.2f) %8.1f GFLOP/s %7.1f GB/s %5.0f%% of bound  %s\n", median / 1e3,
           ns[0] / 1e3, predicted / 1e3, work.flops / median, bytes / median, 100 * bound / median, line);
    return NULL;
}

static ingot_status time_kernel(const bench_options *o, kernel_bench *b, const char *line, const ingot_machine *machine)
{
    uint64_t seed = 1;
    for (int32_t i = 0; i < b->spec.n_in + b->spec.n_out; i++)
        INGOT_TRY(make_operand(b, i, &seed));
    b->units = b->run(b->buffers, b->sizes, -1, 0);
    ingot_threads *pool = NULL;
    INGOT_TRY(ingot_threads_create(b->threads, &pool));
    enum { MAX_CALLS = 100000 };
    double *ns = calloc(MAX_CALLS, sizeof *ns), begin = ingot_seconds_now();
    int32_t n = 0;
    ingot_threads_for(pool, b->threads, part, b);
    /* Short kernels are timed several at a time: the clock costs about 30 ns. */
    double once = ingot_seconds_now();
    ingot_threads_for(pool, b->threads, part, b);
    once = ingot_seconds_now() - once;
    int repeats = once > 2e-6 ? 1 : 32;
    while (ns && n < MAX_CALLS && (n < 5 || ingot_seconds_now() - begin < o->time_s)) {
        double start = ingot_seconds_now();
        for (int k = 0; k < repeats; k++)
            ingot_threads_for(pool, b->threads, part, b);
        ns[n++] = (ingot_seconds_now() - start) * 1e9 / repeats;
    }
    ingot_threads_destroy(pool);
    ingot_status status = ns ? report(o, b, line, machine, ns, n) : ingot_status_no_memory();
    free(ns);
    return status;
}

static ingot_status bench_one(const bench_options *o, const char *line, const ingot_machine *machine)
{
    kernel_bench b = {.threads = bench_threads(o)};
    INGOT_TRY(ingot_spec_parse(line, strlen(line), &b.spec));
    for (int i = 0; i < INGOT_SPEC_SIZES; i++)
        b.sizes[i] = DEFAULT_SIZE;
    const char *at = o->sizes;
    for (int i = 0; at && *at && i < INGOT_SPEC_SIZES; i++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || value < INT32_MIN || value > INT32_MAX || (*end && *end != ','))
            return cli_usage("--sizes: '%.64s' is not a list of numbers", o->sizes);
        b.sizes[i] = value;
        at = *end ? end + 1 : end;
    }
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(b.spec.target, &target));
    if (target->required & ~ingot_cpu_detect())
        return ingot_fail(INGOT_UNSUPPORTED, "this machine cannot run code for %s", target->name);
    const char *why = "";
    if (!ingot_codegen_supports(&b.spec, &why))
        return ingot_fail(INGOT_UNSUPPORTED, "no kernel is generated for this spec: %s", why);
    ingot_arena arena = {0};
    ingot_object object;
    ingot_jit *jit = NULL;
    void *address = NULL;
    char symbol[32];
    const ingot_codegen_options options = {.workers = 1, .cache_dir = o->common.compile.cache_dir};
    ingot_kernel_symbol(&b.spec, symbol);
    ingot_status status = ingot_codegen_compile(&line, 1, &options, &arena, &object);
    if (!status)
        status = ingot_jit_create(&object, 1, NULL, 0, &jit);
    if (!status)
        status = ingot_jit_lookup(jit, symbol, &address);
    if (!status) {
        memcpy(&b.run, &address, sizeof b.run);
        status = time_kernel(o, &b, line, machine);
    }
    for (int32_t i = 0; i < INGOT_SPEC_OPERANDS; i++)
        if (b.maps[i])
            munmap(b.maps[i], b.map_bytes[i]);
    ingot_jit_destroy(jit);
    ingot_arena_release(&arena);
    return status;
}

ingot_status bench_kernels(bench_options *o)
{
    const ingot_target *native;
    ingot_machine machine;
    INGOT_TRY(ingot_target_find("native", &native));
    INGOT_TRY(ingot_machine_measure(bench_threads(o), native, &machine));
    if (o->time_s >= 2)
        o->time_s = 0.5; /* a kernel needs less than a model */
    if (o->kernel)
        INGOT_TRY(bench_one(o, o->kernel, &machine));
    if (!o->kernel_suite)
        return NULL;
    void *data;
    size_t size;
    INGOT_TRY(cli_read_file(o->kernel_suite, 1 << 28, &o->arena, &data, &size));
    ((char *)data)[size] = 0; /* cli_read_file leaves room */
    int32_t number = 0;
    for (char *at = data, *next; at && *at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = 0;
        number++;
        if (*at && *at != '#')
            INGOT_TRY_NOTE(bench_one(o, at, &machine), "%s:%d", o->kernel_suite, number);
    }
    return NULL;
}
