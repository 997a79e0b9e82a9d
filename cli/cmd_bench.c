/* ingot bench: how long a model, an artifact or a kernel takes. */
#include "cli/bench.h"
#include "runtime/threads.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: ingot bench MODEL [OPTION...]\n"
    "       ingot bench --kernel 'SPEC' | --kernel-suite FILE [OPTION...]\n\n"
    "Warms up, then times runs of MODEL (.onnx, .so, or an artifact's folder) back to back.\n\n"
    "  --time S             seconds to measure, default 2\n"
    "  --threads N          default: the CPUs of the affinity mask\n"
    "  --input NAME=@FILE   value of an input, .npy or .pb; the others are random (--random=SEED)\n"
    "  --dim NAME=N, --shape IN=1x3x8x8, --cpu T, -O0..3, --cache DIR, --precision=bf16, ...   as for `ingot compile`\n"
    "  --profile            time per step: share, GFLOP/s, GB/s, % of the bound measured on this machine\n"
    "  --trace FILE         a Chrome trace of some runs (chrome://tracing, ui.perfetto.dev)\n"
    "  --kernel 'SPEC'      generate one kernel and time it on random data\n"
    "  --kernel-suite FILE  the same for a file of specs, one a line, and a summary by family\n"
    "                       --cpu T makes the kernels for T instead of the target that the specs name\n"
    "  --sizes 8,128        values of the ?0, ?1, ... of such specs; default 64 each\n"
    "  --serve              a worker for bench/peers/peers.py, with --inputs DIR\n"
    "  --json\n";

enum {
    OPTION_TIME = CLI_OPTION_OWN,
    OPTION_INPUT,
    OPTION_RANDOM,
    OPTION_PROFILE,
    OPTION_TRACE,
    OPTION_KERNEL,
    OPTION_SUITE,
    OPTION_SIZES,
    OPTION_SERVE,
    OPTION_INPUTS,
    OPTION_JSON
};

static ingot_status parse(int argc, char **argv, bench_options *o, bool *out_help)
{
    static const struct option options[] = {
        CLI_COMPILE_OPTIONS,
        {"time", required_argument, NULL, OPTION_TIME},
        {"input", required_argument, NULL, OPTION_INPUT},
        {"random", optional_argument, NULL, OPTION_RANDOM},
        {"profile", no_argument, NULL, OPTION_PROFILE},
        {"trace", required_argument, NULL, OPTION_TRACE},
        {"kernel", required_argument, NULL, OPTION_KERNEL},
        {"kernel-suite", required_argument, NULL, OPTION_SUITE},
        {"sizes", required_argument, NULL, OPTION_SIZES},
        {"serve", no_argument, NULL, OPTION_SERVE},
        {"inputs", required_argument, NULL, OPTION_INPUTS},
        {"json", no_argument, NULL, OPTION_JSON},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "hO:", options, NULL)) != -1;) {
        bool taken;
        int64_t number;
        INGOT_TRY(cli_options_take(&o->common, option, optarg, &taken));
        if (taken)
            continue;
        switch (option) {
        case 'h':
            *out_help = true;
            return NULL;
        case OPTION_TIME:
            INGOT_TRY(cli_parse_number(optarg, "--time", 0, 1e6, &o->time_s));
            break;
        case OPTION_INPUT:
            if (o->n_inputs == (int32_t)(sizeof o->inputs / sizeof o->inputs[0]))
                return cli_usage("--input: too many");
            INGOT_TRY(cli_parse_input(optarg, &o->arena, &o->inputs[o->n_inputs]));
            o->n_inputs++;
            break;
        case OPTION_RANDOM:
            if (optarg) {
                INGOT_TRY(cli_parse_int(optarg, "--random", 0, INT64_MAX, &number));
                o->seed = (uint64_t)number;
            }
            break;
        case OPTION_PROFILE:
            o->profile = true;
            break;
        case OPTION_TRACE:
            o->trace = optarg;
            break;
        case OPTION_KERNEL:
            o->kernel = optarg;
            break;
        case OPTION_SUITE:
            o->kernel_suite = optarg;
            break;
        case OPTION_SIZES:
            o->sizes = optarg;
            break;
        case OPTION_SERVE:
            o->serve = true;
            break;
        case OPTION_INPUTS:
            o->inputs_dir = optarg;
            break;
        case OPTION_JSON:
            o->json = true;
            break;
        default:
            return cli_bad_option(argc, argv, "bench");
        }
    }
    bool kernels = o->kernel || o->kernel_suite;
    if (optind + !kernels != argc)
        return cli_usage(kernels          ? "bench: --kernel and --kernel-suite take no model"
                         : optind == argc ? "bench: no model given"
                                          : "bench: one model at a time");
    o->model = kernels ? NULL : argv[optind];
    return NULL;
}

int32_t bench_threads(const bench_options *o)
{
    return o->common.threads ? o->common.threads : ingot_threads_default_count();
}

ingot_status bench_time(cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs, double seconds, int32_t least,
                        ingot_arena *arena, double **out_ms, int32_t *out_n)
{
    int32_t capacity = 1024, n = 0;
    double *ms, begin = ingot_seconds_now(), before = begin;
    INGOT_TRY(ingot_arena_array(arena, (size_t)capacity, sizeof *ms, (void **)&ms));
    while (n < least || before - begin < seconds) {
        if (n == capacity) {
            double *larger;
            INGOT_TRY(ingot_arena_array(arena, (size_t)capacity * 2, sizeof *larger, (void **)&larger));
            memcpy(larger, ms, (size_t)capacity * sizeof *ms);
            ms = larger;
            capacity *= 2;
            before = ingot_seconds_now();
        }
        INGOT_TRY(cli_model_run(m, inputs, outputs));
        double after = ingot_seconds_now();
        ms[n++] = (after - before) * 1e3;
        before = after;
    }
    *out_ms = ms;
    *out_n = n;
    return NULL;
}

static ingot_status print_times(const bench_options *o, const cli_model *m, double *ms, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += ms[i];
    qsort(ms, (size_t)n, sizeof *ms, cli_compare_doubles);
    double mean = sum / n, peak = (double)cli_peak_rss_bytes();
    static const double shares[] = {0.5, 0.9, 0.99};
    static const char *const names[] = {"p50_ms", "p90_ms", "p99_ms"};
    if (o->json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddNumberToObject(root, "schema", 1);
        cJSON_AddStringToObject(root, "model", m->info->name);
        cJSON_AddStringToObject(root, "cpu", m->info->cpu);
        cJSON_AddNumberToObject(root, "threads", bench_threads(o));
        cJSON_AddNumberToObject(root, "runs", n);
        cli_json_number(root, "min_ms", ms[0]);
        cli_json_number(root, "mean_ms", mean);
        for (int i = 0; i < 3; i++)
            cli_json_number(root, names[i], cli_percentile(ms, n, shares[i]));
        cli_json_number(root, "runs_per_second", 1e3 / mean);
        cli_json_number(root, "compile_s", m->compile_s);
        cli_json_number(root, "load_s", m->load_s);
        cli_json_number(root, "peak_rss_bytes", peak);
        return cli_json_print(root, true);
    }
    char memory[32];
    cli_print_bytes(peak, memory);
    printf("%s on %s, %d thread%s: %d runs\n", m->info->name, m->info->cpu, bench_threads(o),
           bench_threads(o) == 1 ? "" : "s", n);
    printf("  ms per run   min %.4g   mean %.4g   p50 %.4g   p90 %.4g   p99 %.4g\n", ms[0], mean,
           cli_percentile(ms, n, 0.5), cli_percentile(ms, n, 0.9), cli_percentile(ms, n, 0.99));
    printf("  throughput   %.4g runs a second\n", 1e3 / mean);
    if (m->compiled)
        printf("  compiled in %.2f s, ", m->compile_s);
    else
        printf("  ");
    printf("loaded in %.4f s, peak memory %s\n", m->load_s, memory);
    return NULL;
}

static ingot_status bench_model(bench_options *o, cli_model *m)
{
    ingot_tensor *inputs, *outputs;
    INGOT_TRY(cli_model_fill_inputs(m, &o->common, o->n_inputs, o->inputs, &o->seed, &o->arena, &inputs));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)m->info->n_outputs + 1, sizeof *outputs, (void **)&outputs));
    double *ms;
    int32_t n;
    INGOT_TRY(bench_time(m, inputs, outputs, o->time_s / 10, 2, &o->arena, &ms, &n)); /* warm-up */
    if (o->profile || o->trace)
        return bench_profile(o, m, inputs, outputs);
    INGOT_TRY(bench_time(m, inputs, outputs, o->time_s, 3, &o->arena, &ms, &n));
    return print_times(o, m, ms, n);
}

static ingot_status run(int argc, char **argv, bench_options *o)
{
    bool wants_help = false;
    INGOT_TRY(parse(argc, argv, o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return NULL;
    }
    if (o->kernel || o->kernel_suite)
        return bench_kernels(o);
    if (o->serve)
        return bench_serve(o);
    o->common.compile.pin_dynamic = 1;
    o->common.compile.threads = 0; /* --threads is of the run */
    INGOT_TRY(cli_read_inputs(o->model, o->n_inputs, o->inputs, &o->arena, &o->boxes));
    for (int32_t i = 0; i < o->n_inputs && !cli_is_artifact(o->model); i++)
        if (!cli_box_of(&o->inputs[i].tensor))
            INGOT_TRY(cli_add_shape(&o->common, o->inputs[i].name, &o->inputs[i].tensor));
    cli_model m;
    INGOT_TRY(cli_model_open(o->model, &o->common, &m));
    ingot_status status = bench_model(o, &m);
    cli_model_close(&m);
    return status;
}

ingot_status cli_bench(int argc, char **argv)
{
    bench_options *o = calloc(1, sizeof *o);
    if (!o)
        return ingot_status_no_memory();
    o->time_s = 2;
    cli_options_init(&o->common);
    ingot_status status = run(argc, argv, o);
    cli_options_free(&o->common);
    ingot_arena_release(&o->arena);
    ingot_arena_release(&o->boxes.memory);
    free(o);
    return status;
}
