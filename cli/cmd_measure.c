/* ingot measure: what kernels, models and the machine itself take, into the measurement store. */
#include "cli/measure.h"
#include "driver/sampler.h"
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: ingot measure [MODEL.onnx...] [OPTION...]\n\n"
    "Times generated kernels on this machine and stores what the learned cost model needs: kernels of the models "
    "given\n"
    "(else of the ones that Ingot knows), kernels near them, each with several decisions. Can be stopped and "
    "resumed.\n\n"
    "  --minutes M       stop after that long (10)      --points N   or with so many points\n"
    "  --near SHARE      of kernels near the models', not their own (0.7); --seed N (1)\n"
    "  --specs FILE      kernels of a list, one spec a line, as `ingot explain --specs` prints\n"
    "  --whole           the models as wholes instead, once each; sizes by --dim and --shape\n"
    "  --calibrate       only measure the machine: peaks, bandwidths, latencies, overheads (shown by `ingot targets`)\n"
    "  --store FILE      $INGOT_STORE, else ~/.local/share/ingot/measurements.db\n"
    "  --json            a summary for programs\n"
    "  --dim NAME=4, --shape IN=1x3x8x8, -O0..3, --cost-model M, --exact-conv, --precision=bf16   as for `ingot "
    "compile`\n";

enum {
    OPTION_MINUTES = CLI_OPTION_OWN,
    OPTION_POINTS,
    OPTION_NEAR,
    OPTION_SEED,
    OPTION_SPECS,
    OPTION_WHOLE,
    OPTION_CALIBRATE,
    OPTION_STORE,
    OPTION_JSON
};

static ingot_status parse(int argc, char **argv, measure_options *o, bool *out_help)
{
    static const struct option options[] = {CLI_COMPILE_OPTIONS,
                                            {"minutes", required_argument, NULL, OPTION_MINUTES},
                                            {"points", required_argument, NULL, OPTION_POINTS},
                                            {"near", required_argument, NULL, OPTION_NEAR},
                                            {"seed", required_argument, NULL, OPTION_SEED},
                                            {"specs", required_argument, NULL, OPTION_SPECS},
                                            {"whole", no_argument, NULL, OPTION_WHOLE},
                                            {"calibrate", no_argument, NULL, OPTION_CALIBRATE},
                                            {"store", required_argument, NULL, OPTION_STORE},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "hO:", options, NULL)) != -1;) {
        bool taken;
        INGOT_TRY(cli_options_take(&o->common, option, optarg, &taken));
        if (taken)
            continue;
        switch (option) {
        case 'h':
            *out_help = true;
            return NULL;
        case OPTION_MINUTES:
            INGOT_TRY(cli_parse_number(optarg, "--minutes", 0, 1e5, &o->minutes));
            break;
        case OPTION_POINTS:
            INGOT_TRY(cli_parse_int(optarg, "--points", 1, INT32_MAX, &o->points));
            break;
        case OPTION_NEAR:
            INGOT_TRY(cli_parse_number(optarg, "--near", 0, 1, &o->near));
            break;
        case OPTION_SEED:
            INGOT_TRY(cli_parse_int(optarg, "--seed", 0, INT32_MAX, &o->seed));
            break;
        case OPTION_SPECS:
            o->specs = optarg;
            break;
        case OPTION_WHOLE:
            o->whole = true;
            break;
        case OPTION_CALIBRATE:
            o->calibrate = true;
            break;
        case OPTION_STORE:
            o->path = optarg;
            break;
        case OPTION_JSON:
            o->json = true;
            break;
        default:
            return cli_bad_option(argc, argv, "measure");
        }
    }
    o->models = argv + optind;
    o->n_models = argc - optind;
    if (o->whole && o->n_models == 0)
        return cli_usage("measure: --whole needs models");
    return NULL;
}

/* ---- Seeds ---- */

/* Every kernel of a model; sizes left dynamic are at their low end. */
static ingot_status add_model(measure_options *o, ingot_sampler *sampler, const char *path)
{
    ingot_compiled *c;
    o->common.compile.path = path;
    o->common.compile.no_code = 1;
    o->common.compile.pin_dynamic = 1;
    INGOT_TRY(ingot_compile(&o->common.compile, &c));
    ingot_status status = NULL;
    for (int32_t i = 0; i < c->program->n_specs && !status; i++)
        status = ingot_sampler_add(sampler, &c->program->specs[i], c->name);
    ingot_compiled_destroy(c);
    return status;
}

/* "# NAME" names what follows. */
static ingot_status add_lines(ingot_sampler *sampler, char *text, const char *file)
{
    const char *origin = file;
    int32_t number = 0;
    for (char *at = text, *next; at && *at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = 0;
        number++;
        if (*at == '#') {
            origin = at + 1 + strspn(at + 1, " ");
            continue;
        }
        if (!*at)
            continue;
        ingot_spec spec;
        INGOT_TRY_NOTE(ingot_spec_parse(at, strlen(at), &spec), "%s:%d", file, number);
        INGOT_TRY(ingot_sampler_add(sampler, &spec, origin));
    }
    return NULL;
}

static ingot_status add_seeds(measure_options *o, ingot_sampler *sampler)
{
    for (int32_t i = 0; i < o->n_models; i++)
        INGOT_TRY(add_model(o, sampler, o->models[i]));
    if (o->specs) {
        void *data;
        size_t size;
        INGOT_TRY(cli_read_file(o->specs, 1 << 28, &o->arena, &data, &size));
        ((char *)data)[size] = 0; /* cli_read_file leaves room */
        INGOT_TRY(add_lines(sampler, data, o->specs));
    }
    if (o->n_models > 0 || o->specs)
        return NULL;
    char *copy = ingot_arena_strndup(&o->arena, ingot_seeds_begin, (size_t)(ingot_seeds_end - ingot_seeds_begin));
    return copy ? add_lines(sampler, copy, "built-in kernels") : ingot_status_no_memory();
}

/* ---- The loop ---- */

static ingot_status text_of(ingot_arena *arena, const ingot_spec *spec, bool task, const char **out)
{
    ingot_text text = {0};
    if (task)
        ingot_spec_print_task(spec, &text);
    else
        ingot_spec_print(spec, &text);
    *out = text.failed ? NULL : ingot_arena_strndup(arena, text.data, text.size);
    ingot_text_free(&text);
    return *out ? NULL : ingot_status_no_memory();
}

static ingot_status keep(measure_options *o, const ingot_sample *sample, const ingot_measured *m, int32_t i)
{
    ingot_arena arena = {0};
    ingot_store_point p = {.machine = o->machine.id,
                           .problem = sample->problem,
                           .cold = sample->cold,
                           .threads = 1,
                           .n = m->n,
                           .median_ns = m->median_ns,
                           .spread = m->spread,
                           .reference = m->reference,
                           .code_bytes = m->code_bytes,
                           .spills = m->spills};
    memcpy(p.ns, m->ns, sizeof p.ns);
    p.origin = ingot_arena_printf(&arena, "%s%s", sample->near ? "near " : "", sample->origin);
    ingot_status status = text_of(&arena, &sample->specs[i], false, &p.spec);
    if (!status)
        status = text_of(&arena, &sample->specs[i], true, &p.task);
    if (!status)
        status = ingot_store_add_point(o->store, &p);
    ingot_arena_release(&arena);
    return status;
}

/* Measures what was drawn, unless it is known; how wrong the cost model was tells the sampler where to look. */
static ingot_status measure_sample(measure_options *o, ingot_sampler *sampler, const ingot_sample *sample)
{
    ingot_measured measured[INGOT_SAMPLE_SPECS];
    ingot_arena arena = {0};
    const char *task;
    bool known = false;
    ingot_status status = text_of(&arena, &sample->specs[0], true, &task);
    if (!status)
        status = ingot_store_has_task(o->store, o->machine.id, task, sample->cold, &known);
    ingot_arena_release(&arena);
    INGOT_TRY(status);
    if (known && (sample->near || sample->first)) /* of an earlier call: go on where it stopped */
        return NULL;
    const ingot_codegen_options code = {.workers = o->common.compile.threads};
    const int64_t busy = o->quiet.given_up;
    status = ingot_measure_kernels(sample->specs, sample->n, sample->cold, &code, &o->quiet, measured);
    if (status && ingot_status_code(status) == INGOT_LIMIT) { /* operands too far apart: the next one */
        ingot_status_free(status);
        o->failed += sample->n;
        return NULL;
    }
    INGOT_TRY(status);
    if (o->quiet.given_up > busy)
        return NULL;
    double error = 0;
    int32_t n = 0;
    for (int32_t i = 0; i < sample->n; i++) {
        if (measured[i].n == 0)
            continue;
        const ingot_cost_query query = {.spec = &sample->specs[i], .target = o->target, .cold = sample->cold};
        double ns = ingot_cost_predict(o->model, &query).ns;
        error += fabs(log2(ns / measured[i].median_ns));
        n++;
        INGOT_TRY(keep(o, sample, &measured[i], i));
    }
    o->added += n;
    o->failed += sample->n - n;
    if (n)
        ingot_sampler_learn(sampler, sample, error / n);
    return NULL;
}

static void show_progress(const measure_options *o, double seconds)
{
    char line[120];
    double left = o->minutes * 60 - seconds;
    snprintf(line, sizeof line, "%lld points, %.0f s left, %.0f s waited for a quiet machine", (long long)o->added,
             left > 0 ? left : 0, o->quiet.waited_s);
    cli_progress(NULL, line, 0, 0);
}

static ingot_status measure_kernels(measure_options *o)
{
    ingot_sampler *sampler;
    INGOT_TRY(ingot_sampler_create(o->target, (uint64_t)o->seed, &sampler));
    ingot_status status = add_seeds(o, sampler);
    double begin = ingot_seconds_now(), seconds = 0;
    while (!status && seconds < o->minutes * 60 && o->added < o->points) {
        ingot_sample sample;
        status = ingot_sampler_next(sampler, o->near, &sample);
        if (!status)
            status = measure_sample(o, sampler, &sample);
        seconds = ingot_seconds_now() - begin;
        show_progress(o, seconds);
    }
    ingot_sampler_destroy(sampler);
    return status;
}

static ingot_status report(measure_options *o)
{
    int64_t points, tasks;
    INGOT_TRY(ingot_store_count(o->store, &points, &tasks));
    cli_progress_clear();
    if (o->json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddNumberToObject(root, "schema", 1);
        cJSON_AddStringToObject(root, "store", o->path);
        cJSON_AddNumberToObject(root, "added", (double)o->added);
        cJSON_AddNumberToObject(root, "failed", (double)o->failed);
        cJSON_AddNumberToObject(root, "points", (double)points);
        cJSON_AddNumberToObject(root, "tasks", (double)tasks);
        cJSON_AddNumberToObject(root, "waited_s", o->quiet.waited_s);
        cJSON_AddNumberToObject(root, "left_for_later", (double)o->quiet.given_up);
        return cli_json_print(root, true);
    }
    printf("%s: %lld points of %lld tasks (%lld new", o->path, (long long)points, (long long)tasks,
           (long long)o->added);
    if (o->failed)
        printf(", %lld could not be generated", (long long)o->failed);
    if (o->quiet.given_up)
        printf(", %lld left for later: the machine was busy", (long long)o->quiet.given_up);
    printf(")\n");
    return NULL;
}

static void show_step(void *arg, const char *what)
{
    (void)arg;
    cli_progress(NULL, what, 0, 0);
}

static ingot_status calibrate(measure_options *o)
{
    INGOT_TRY(ingot_machine_calibrate(o->target, show_step, NULL, &o->machine.measured));
    INGOT_TRY(ingot_store_add_machine(o->store, &o->machine));
    cli_progress_clear();
    char text[INGOT_MACHINE_TEXT];
    ingot_machine_print(&o->machine.measured, text);
    if (o->calibrate)
        printf("%s\n", text);
    return NULL;
}

static ingot_status run(int argc, char **argv, measure_options *o)
{
    bool wants_help = false;
    INGOT_TRY(parse(argc, argv, o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return NULL;
    }
    const char *model = o->common.compile.cost_model ? o->common.compile.cost_model : "learned";
    INGOT_TRY(ingot_target_find("native", &o->target));
    INGOT_TRY(ingot_cost_model_open(model, &o->model));
    if (!o->path)
        INGOT_TRY(ingot_store_default_path(true, &o->arena, &o->path));
    INGOT_TRY(ingot_store_open(o->path, INGOT_STORE_CREATE, &o->store));
    ingot_store_this_machine(o->target, INGOT_VERSION, &o->machine);
    INGOT_TRY(ingot_store_add_machine(o->store, &o->machine));
    if (o->calibrate || o->machine.measured.gflops <= 0)
        INGOT_TRY(calibrate(o));
    if (o->calibrate)
        return NULL;
    o->quiet.calm = ingot_machine_expect_pulse(&o->machine.measured);
    INGOT_TRY(o->whole ? measure_models(o) : measure_kernels(o));
    return report(o);
}

ingot_status cli_measure(int argc, char **argv)
{
    static measure_options o; /* large */
    o = (measure_options){.minutes = 10, .points = INT32_MAX, .near = 0.7, .seed = 1};
    cli_options_init(&o.common);
    ingot_status status = run(argc, argv, &o);
    ingot_store_close(o.store);
    ingot_cost_model_close(o.model);
    cli_options_free(&o.common);
    ingot_arena_release(&o.arena);
    return status;
}
