/* ingot bench --kernel: one KernelSpec generated and timed on random data. */
#include "cli/bench.h"
#include "costmodel/winograd.h"
#include "driver/kernel_run.h"
#include "runtime/threads.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE 64

typedef struct kernel_bench {
    ingot_spec spec;
    int64_t sizes[INGOT_SPEC_SIZES];
    ingot_kernel_run run;
    int32_t threads;
    bench_kernel_result result;
} kernel_bench;

static void part(void *arg, int32_t i)
{
    const kernel_bench *b = arg;
    int64_t begin = b->run.units * i / b->threads, end = b->run.units * (i + 1) / b->threads;
    if (begin < end)
        ingot_kernel_run_call(&b->run, begin, end);
}

static ingot_status report(const bench_options *o, kernel_bench *b, const char *line, const ingot_machine *machine,
                           double *ns, int32_t n)
{
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(b->spec.target, &target));
    qsort(ns, (size_t)n, sizeof *ns, cli_compare_doubles);
    ingot_spec_work work = ingot_spec_count_work(&b->spec, b->sizes);
    double bytes = work.bytes_in + work.bytes_out + work.bytes_const,
           bound = ingot_machine_bound_ns(machine, work.flops, bytes), median = cli_percentile(ns, n, 0.5);
    b->result = (bench_kernel_result){bench_kernel_group(&b->spec, b->sizes), bound / median};
    const ingot_cost_query query = {.spec = &b->spec, .sizes = b->sizes, .target = target};
    ingot_cost_model *model;
    INGOT_TRY(ingot_cost_model_open("learned", &model));
    double predicted = ingot_cost_predict(model, &query).ns;
    ingot_cost_model_close(model);
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

/* The same task for another target, nothing decided but what has no default. */
static ingot_status retarget(ingot_spec *spec, const char *cpu)
{
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(cpu, &target));
    snprintf(spec->target, sizeof spec->target, "%s", target->name);
    memset(spec->decisions, 0, sizeof spec->decisions);
    if (spec->family == INGOT_FAMILY_winograd)
        ingot_winograd_decide(spec, target, 0, 0);
    return NULL;
}

static ingot_status bench_spec(const bench_options *o, kernel_bench *b, const char *line, const ingot_machine *machine)
{
    for (int i = 0; i < INGOT_SPEC_SIZES; i++)
        b->sizes[i] = DEFAULT_SIZE;
    const char *at = o->sizes;
    for (int i = 0; at && *at && i < INGOT_SPEC_SIZES; i++) {
        char *end;
        long long value = strtoll(at, &end, 10);
        if (end == at || value < INT32_MIN || value > INT32_MAX || (*end && *end != ','))
            return cli_usage("--sizes: '%.64s' is not a list of numbers", o->sizes);
        b->sizes[i] = value;
        at = *end ? end + 1 : end;
    }
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(b->spec.target, &target));
    if (target->required & ~ingot_cpu_detect())
        return ingot_fail(INGOT_UNSUPPORTED, "this machine cannot run code for %s", target->name);
    const char *why = "";
    if (!ingot_codegen_supports(&b->spec, &why))
        return ingot_fail(INGOT_UNSUPPORTED, "no kernel is generated for this spec: %s", why);
    const ingot_codegen_options options = {.workers = 1, .cache_dir = o->common.compile.cache_dir};
    ingot_kernel_code *code;
    INGOT_TRY(ingot_kernel_code_create(&b->spec, 1, &options, NULL, &code));
    ingot_status status = ingot_kernel_run_open(&b->spec, b->sizes, ingot_kernel_code_get(code, 0), 0, &b->run);
    if (!status)
        status = time_kernel(o, b, line, machine);
    ingot_kernel_run_close(&b->run);
    ingot_kernel_code_destroy(code);
    return status;
}

ingot_status bench_kernel(const bench_options *o, const char *line, const ingot_machine *machine,
                          bench_kernel_result *out)
{
    kernel_bench b = {.threads = bench_threads(o)};
    ingot_text text = {0};
    INGOT_TRY(ingot_spec_parse(line, strlen(line), &b.spec));
    if (o->common.compile.cpu)
        INGOT_TRY(retarget(&b.spec, o->common.compile.cpu));
    ingot_spec_print(&b.spec, &text);
    ingot_status status = text.failed ? ingot_status_no_memory() : bench_spec(o, &b, text.data, machine);
    ingot_text_free(&text);
    *out = b.result;
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
    bench_kernel_result result;
    if (o->kernel)
        INGOT_TRY(bench_kernel(o, o->kernel, &machine, &result));
    return o->kernel_suite ? bench_suite(o, &machine) : NULL;
}
