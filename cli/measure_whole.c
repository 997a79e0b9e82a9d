/* Whole models: their time, and the list of kernels that a cost model adds up. */
#include "cli/measure.h"
#include "costmodel/neighbour.h"
#include "runtime/context.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_RUNS 7
#define MOST_RUNS  101
#define BATCH_NS   2e6
#define LONG_NS    1e6  /* a run that is timed by its steps */
#define SLOW       1.25 /* more than a slower clock: not quiet */
#define SECONDS    3    /* of runs of one model */

/* Of the calls of each step, [n]: what one run spends there, and how often it comes by. */
typedef struct step_times {
    int32_t n, run;
    double *ns, *samples; /* samples: [MOST_RUNS][n] */
    int64_t *calls;       /* in `repeats` runs */
} step_times;

static void record(void *arg, int32_t step, int64_t begin_ns, int64_t end_ns)
{
    step_times *t = arg;
    if (step < 0 || step >= t->n)
        return;
    t->samples[(size_t)t->run * (size_t)t->n + (size_t)step] += (double)(end_ns - begin_ns);
    t->calls[step]++;
}

/* "COUNT@NS SPEC" a line, and the predicted time of what is no kernel. */
static ingot_status list_kernels(const ingot_compiled *c, const step_times *t, ingot_text *out, double *out_other_ns)
{
    const ingot_program *p = c->program;
    *out_other_ns = 0;
    for (int32_t i = 0; i < p->n_steps; i++)
        *out_other_ns += p->steps[i].kind == INGOT_STEP_KERNEL ? 0 : p->steps[i].cost_ns;
    for (int32_t s = 0; s < p->n_specs; s++) {
        int32_t count = 0;
        double ns = 0, calls = 0;
        for (int32_t i = 0; i < p->n_steps; i++) {
            if (p->steps[i].kind != INGOT_STEP_KERNEL || p->steps[i].spec != s)
                continue;
            count++;
            ns += t->ns[i];
            calls += (double)t->calls[i];
        }
        ingot_text_append(out, "%d", count);
        if (calls > 0 && ns > 0)
            ingot_text_append(out, "@%.5g", ns / calls);
        ingot_text_append(out, " %s\n", c->lines[s]);
    }
    return out->failed ? ingot_status_no_memory() : NULL;
}

/* The lower quartile of values, which are sorted: what disturbs a run only ever makes it longer. */
static double quartile(double *values, int32_t n)
{
    qsort(values, (size_t)n, sizeof *values, cli_compare_doubles);
    return cli_percentile(values, n, 0.25);
}

/* Runs that take BATCH_NS together; the nanoseconds of one, of the thread and of the clock that times steps. */
static ingot_status time_batch(cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs, int32_t *out_repeats,
                               double *out_thread_ns, double *out_clock_ns)
{
    double start = ingot_thread_ns(), clock = ingot_seconds_now(), spent;
    *out_repeats = 0;
    do {
        INGOT_TRY(cli_model_run(m, inputs, outputs));
        (*out_repeats)++;
        spent = ingot_thread_ns() - start;
    } while (spent < BATCH_NS);
    *out_thread_ns = spent / *out_repeats;
    *out_clock_ns = (ingot_seconds_now() - clock) * 1e9 / *out_repeats;
    return NULL;
}

/* Runs on one thread, in which each step is timed too. A long run is hardly ever undisturbed from begin to end: its
 * time is the sum of its steps', each the lower quartile over the runs, of which a quarter have to end quietly. All
 * times are at the clock of the calibration, as the arithmetic of a pulse after each run tells: it moves by a tenth
 * from minute to minute on machines that others use. In a short run reading the clock would show: it is timed as a
 * whole, without the steps, whose times are then those of runs in turn with it, less what the clock takes. */
static ingot_status time_runs(measure_options *o, cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs,
                              step_times *t, bool is_long, double *whole, bool *out_done)
{
    double begin = ingot_seconds_now();
    int32_t quiet = 0, repeats;
    while (t->run < LEAST_RUNS || (t->run < MOST_RUNS && ingot_seconds_now() - begin < SECONDS)) {
        double *sample = t->samples + (size_t)t->run * (size_t)t->n, alone = 0, rest, ignored;
        if (!is_long)
            INGOT_TRY(time_batch(m, inputs, outputs, &repeats, &alone, &ignored));
        memset(sample, 0, (size_t)t->n * sizeof *sample);
        memset(t->calls, 0, (size_t)t->n * sizeof *t->calls);
        ingot_context_set_hook(m->ctx, record, t);
        ingot_status status = time_batch(m, inputs, outputs, &repeats, &ignored, &rest);
        ingot_context_set_hook(m->ctx, NULL, NULL);
        INGOT_TRY(status);
        double ratio = ingot_quiet_ratio(&o->quiet), clock = o->quiet.clock;
        quiet += clock < SLOW && ratio <= fmax(clock, INGOT_QUIET_BUSY);
        for (int32_t i = 0; i < t->n; i++) {
            rest -= sample[i] / repeats;
            sample[i] /= repeats * clock;
            t->calls[i] /= repeats;
        }
        whole[t->run++] = (is_long ? fmax(rest, 0) : alone) / clock;
    }
    *out_done = quiet * 4 >= t->run;
    o->quiet.given_up += !*out_done;
    return NULL;
}

static void settle(const step_times *t, double *whole, bool is_long, ingot_store_model_run *run)
{
    double values[MOST_RUNS], steps = 0, calls = 0, middle;
    for (int32_t i = 0; i < t->n; i++) {
        for (int32_t r = 0; r < t->run; r++)
            values[r] = t->samples[(size_t)r * (size_t)t->n + (size_t)i];
        t->ns[i] = quartile(values, t->run);
        steps += t->ns[i];
        calls += (double)t->calls[i];
    }
    run->ns = quartile(whole, t->run);
    middle = cli_percentile(whole, t->run, 0.5);
    if (is_long) {
        run->ns += steps;
        middle += steps;
    } else {
        double clock = steps > run->ns && calls > 0 ? (steps - run->ns) / calls : 0, left = 0;
        for (int32_t i = 0; i < t->n; i++) {
            t->ns[i] = fmax(t->ns[i] - clock * (double)t->calls[i], t->ns[i] / 5);
            left += t->ns[i];
        }
        for (int32_t i = 0; i < t->n && left > run->ns; i++)
            t->ns[i] *= run->ns / left;
    }
    run->spread = middle / run->ns - 1;
}

static ingot_status time_model(measure_options *o, cli_model *m, step_times *t, ingot_store_model_run *run,
                               bool *out_done)
{
    ingot_tensor *inputs, *outputs;
    uint64_t seed = 1;
    double whole[MOST_RUNS], begin, run_ns = INFINITY;
    *t = (step_times){.n = m->compiled->program->n_steps};
    size_t n = (size_t)t->n + 1;
    INGOT_TRY(cli_model_fill_inputs(m, &o->common, 0, NULL, &seed, &o->arena, &inputs));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)m->info->n_outputs + 1, sizeof *outputs, (void **)&outputs));
    INGOT_TRY(ingot_arena_array(&o->arena, n, sizeof *t->ns, (void **)&t->ns));
    INGOT_TRY(ingot_arena_array(&o->arena, n, sizeof *t->calls, (void **)&t->calls));
    INGOT_TRY(ingot_arena_array(&o->arena, n, MOST_RUNS * sizeof *t->samples, (void **)&t->samples));
    for (int i = 0; i < 3; i++) { /* warm up: pages, code, sizes */
        begin = ingot_thread_ns();
        INGOT_TRY(cli_model_run(m, inputs, outputs));
        run_ns = ingot_thread_ns() - begin;
    }
    bool is_long = run_ns > LONG_NS;
    INGOT_TRY(time_runs(o, m, inputs, outputs, t, is_long, whole, out_done));
    if (*out_done)
        settle(t, whole, is_long, run);
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
    step_times times;
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
    ingot_status status = !run.model    ? ingot_status_no_memory()
                          : !m.compiled ? cli_usage("measure: %s is an artifact; --whole takes models", path)
                                        : time_model(o, &m, &times, &run, &done);
    if (!status && done)
        status = list_kernels(m.compiled, &times, &kernels, &run.other_ns);
    run.kernels = kernels.data ? kernels.data : "";
    run.cold = m.compiled && m.compiled->program->cold;
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
