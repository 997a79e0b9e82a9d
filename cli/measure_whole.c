/* Whole models: their time, and the list of kernels that a cost model adds up. */
#include "cli/measure.h"
#include "costmodel/neighbour.h"
#include <stdlib.h>
#include <string.h>

#define LEAST_RUNS     5
#define MOST_RUNS      41
#define SECONDS        1.5 /* of runs of one model */
#define MOST_DISTURBED 200
#define MOST_WAIT_S    30

/* "COUNT SPEC" a line, and the predicted time of what is no kernel. */
static ingot_status list_kernels(const ingot_compiled *c, ingot_text *out, double *out_other_ns)
{
    const ingot_program *p = c->program;
    *out_other_ns = 0;
    for (int32_t i = 0; i < p->n_steps; i++)
        *out_other_ns += p->steps[i].kind == INGOT_STEP_KERNEL ? 0 : p->steps[i].cost_ns;
    for (int32_t s = 0; s < p->n_specs; s++) {
        int32_t count = 0;
        for (int32_t i = 0; i < p->n_steps; i++)
            count += p->steps[i].kind == INGOT_STEP_KERNEL && p->steps[i].spec == s;
        ingot_text_append(out, "%d %s\n", count, c->lines[s]);
    }
    return out->failed ? ingot_status_no_memory() : NULL;
}

static int compare(const void *a, const void *b)
{
    return cli_compare_doubles(a, b);
}

/* The lower quartile of runs on one thread while the machine is quiet: a run is long, and what the pulse around it does
 * not see only ever makes it longer. */
static ingot_status time_model(measure_options *o, cli_model *m, ingot_store_model_run *run, bool *out_done)
{
    ingot_tensor *inputs, *outputs;
    uint64_t seed = 1;
    double ns[MOST_RUNS], begin;
    int32_t n = 0, disturbed = 0;
    INGOT_TRY(cli_model_fill_inputs(m, &o->common, 0, NULL, &seed, &o->arena, &inputs));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)m->info->n_outputs + 1, sizeof *outputs, (void **)&outputs));
    for (int i = 0; i < 3; i++) /* warm up: pages, code, sizes */
        INGOT_TRY(cli_model_run(m, inputs, outputs));
    begin = ingot_seconds_now();
    while (n < LEAST_RUNS || (n < MOST_RUNS && ingot_seconds_now() - begin < SECONDS)) {
        ingot_quiet_wait(&o->quiet, MOST_WAIT_S);
        int32_t repeats = 0;
        double start = ingot_thread_ns(), spent;
        do {
            INGOT_TRY(cli_model_run(m, inputs, outputs));
            repeats++;
            spent = ingot_thread_ns() - start;
        } while (spent < 2e6);
        if (!ingot_quiet_is_busy(&o->quiet, ingot_quiet_ratio(&o->quiet))) {
            ns[n++] = spent / repeats;
        } else if (++disturbed > MOST_DISTURBED || ingot_seconds_now() - begin > MOST_WAIT_S) {
            o->quiet.given_up++;
            *out_done = false;
            return NULL;
        }
    }
    *out_done = true;
    qsort(ns, (size_t)n, sizeof *ns, compare);
    run->ns = ns[n / 4];
    run->spread = (ns[n / 2] - ns[n / 8]) / ns[n / 4];
    return NULL;
}

/* The file's stem; its folder's name where the file is just called model.onnx, as in ONNX test directories. */
static char *name_of(ingot_arena *arena, const char *path)
{
    const char *base = ingot_driver_base_name(path);
    size_t size = strcspn(base, ".");
    if (base == path || size != 5 || strncmp(base, "model", 5))
        return ingot_arena_strndup(arena, base, size);
    const char *end = base - 1, *begin = end;
    while (begin > path && begin[-1] != '/')
        begin--;
    return ingot_arena_strndup(arena, begin, (size_t)(end - begin));
}

static ingot_status measure_model(measure_options *o, const char *path)
{
    cli_model m = {0};
    ingot_text kernels = {0}, config = {0};
    bool done = false;
    o->common.compile.path = path;
    o->common.compile.pin_dynamic = 1;
    o->common.threads = 1;
    INGOT_TRY(cli_model_open(path, &o->common, &m));
    for (int32_t i = 0; i < o->common.compile.n_sizes; i++)
        ingot_text_append(&config, "%s%s=%lld", i ? "," : "", o->common.sizes[i].name,
                          (long long)o->common.sizes[i].lo);
    for (int32_t i = 0; i < o->common.compile.n_shapes; i++) {
        const ingot_input_shape *s = &o->common.shapes[i];
        ingot_text_append(&config, "%s%s=", config.size ? "," : "", s->name);
        for (int32_t d = 0; d < s->rank; d++)
            ingot_text_append(&config, "%s%lld", d ? "x" : "", (long long)s->dims[d]);
    }
    ingot_text_append(&config, "%s%s%s", config.size ? "," : "",
                      o->common.compile.exact_conv ? "exact-conv" : "default",
                      o->common.compile.precision == INGOT_PRECISION_BF16 ? ",bf16" : "");
    ingot_store_model_run run = {.machine = o->machine.id, .model = name_of(&o->arena, path), .config = config.data};
    ingot_status status = !run.model   ? ingot_status_no_memory()
                          : m.compiled ? list_kernels(m.compiled, &kernels, &run.other_ns)
                                       : cli_usage("measure: %s is an artifact; --whole takes models", path);
    run.kernels = kernels.data ? kernels.data : "";
    run.cold = m.compiled && m.compiled->program->cold;
    if (!status)
        status = time_model(o, &m, &run, &done);
    if (!status && done)
        status = ingot_store_add_model_run(o->store, &run);
    o->added += done;
    if (!status && done && !o->json) {
        cli_progress_clear();
        printf("%12.1f us  %s %s\n", run.ns / 1e3, run.model, run.config);
    }
    ingot_text_free(&kernels);
    ingot_text_free(&config);
    cli_model_close(&m);
    return status;
}

ingot_status measure_models(measure_options *o)
{
    for (int32_t i = 0; i < o->n_models; i++)
        INGOT_TRY_NOTE(measure_model(o, o->models[i]), "%s", o->models[i]);
    return NULL;
}
