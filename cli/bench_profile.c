/* ingot bench --profile and --trace: where the time of a run goes, step by step. */
#include "cli/bench.h"
#include "runtime/context.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS   200000
#define MAX_RUNS     256
#define SHOWN_SHARE  0.001
#define MIN_PROFILED 3

typedef struct event {
    int32_t step;
    int64_t begin_ns, end_ns;
} event;
typedef struct recorder {
    double *ns;     /* [MAX_RUNS][n_steps]: of all calls of the step in a run */
    int64_t *calls; /* [n_steps]: in all runs */
    int32_t n_steps, run;
    event *events; /* null without --trace */
    int32_t n_events;
} recorder;

static void record(void *arg, int32_t step, int64_t begin_ns, int64_t end_ns)
{
    recorder *r = arg;
    if (step < 0 || step >= r->n_steps)
        return;
    r->ns[(size_t)r->run * (size_t)r->n_steps + (size_t)step] += (double)(end_ns - begin_ns);
    r->calls[step]++;
    if (r->events && r->n_events < MAX_EVENTS)
        r->events[r->n_events++] = (event){step, begin_ns, end_ns};
}

/* Medians over the runs: what disturbs a run now and then does not show. */
static double median_of(const recorder *r, int32_t step)
{
    double values[MAX_RUNS];
    for (int32_t i = 0; i < r->run; i++)
        values[i] = r->ns[(size_t)i * (size_t)r->n_steps + (size_t)step];
    qsort(values, (size_t)r->run, sizeof *values, cli_compare_doubles);
    return cli_percentile(values, r->run, 0.5);
}

/* A row of the table. */
typedef struct row {
    int32_t step;
    double ns, calls; /* per run */
    double flops, bytes, bound_ns;
    const char *spec;
} row;

static int slower_first(const void *a, const void *b)
{
    const row *x = a, *y = b;
    return x->ns != y->ns ? (x->ns < y->ns) - (x->ns > y->ns) : x->step - y->step;
}

/* Work of a step at the sizes of the last run. Only what was compiled here knows its specs. */
static void fill_work(const cli_model *m, const ingot_machine *machine, row *r)
{
    const ingot_program *p = m->compiled ? m->compiled->program : NULL;
    if (!p || r->step >= p->n_steps || p->steps[r->step].kind != INGOT_STEP_KERNEL)
        return;
    int32_t n_sizes = 0;
    const int64_t *sizes = ingot_context_sizes(m->ctx, r->step, &n_sizes);
    int64_t filled[INGOT_SPEC_SIZES] = {0};
    if (sizes)
        memcpy(filled, sizes, (size_t)(n_sizes < INGOT_SPEC_SIZES ? n_sizes : INGOT_SPEC_SIZES) * sizeof *sizes);
    ingot_spec_work work = ingot_spec_count_work(&p->specs[p->steps[r->step].spec], filled);
    r->flops = work.flops;
    r->bytes = work.bytes_in + work.bytes_out + work.bytes_const;
    r->bound_ns = ingot_machine_bound_ns(machine, r->flops, r->bytes);
    r->spec = m->compiled->lines[p->steps[r->step].spec];
}

static const char *label_of(const ingot_plan_view *v, int32_t step)
{
    return ingot_plan_text(v, v->steps[step].label);
}

static void print_rows(const ingot_plan_view *v, const ingot_machine *machine, const row *rows, int32_t n,
                       double total_ns, double run_ns)
{
    printf("measured on this machine, %d thread%s: %.4g GFLOP/s; L1 %.4g, L2 %.4g, L3 %.4g, memory %.4g GB/s\n",
           machine->threads, machine->threads == 1 ? "" : "s", machine->gflops, machine->l1_gbs, machine->l2_gbs,
           machine->l3_gbs, machine->dram_gbs);
    printf("one run: %.4g ms, of which steps %.4g ms\n\n", run_ns / 1e6, total_ns / 1e6);
    printf("%9s %6s %8s %7s %7s  %s\n", "us", "share", "GFLOP/s", "GB/s", "% bound", "step");
    for (int32_t i = 0; i < n; i++) {
        const row *r = &rows[i];
        if (r->ns < SHOWN_SHARE * total_ns) {
            double rest = 0;
            for (int32_t k = i; k < n; k++)
                rest += rows[k].ns;
            printf("%9.1f %5.1f%% %24s  %d more steps\n", rest / 1e3, 100 * rest / total_ns, "", n - i);
            break;
        }
        printf("%9.1f %5.1f%%", r->ns / 1e3, 100 * r->ns / total_ns);
        if (r->spec)
            printf(" %8.1f %7.1f %6.0f%%", r->flops * r->calls / r->ns, r->bytes * r->calls / r->ns,
                   100 * r->bound_ns * r->calls / r->ns);
        else
            printf(" %24s", v->steps[r->step].kind == INGOT_PLAN_PORTABLE ? "portable" : "");
        printf("  %s\n", label_of(v, r->step));
        if (r->spec)
            printf("%42s%s\n", "", r->spec);
    }
}

static ingot_status print_json(const cli_model *m, const ingot_plan_view *v, const ingot_machine *machine,
                               const row *rows, int32_t n, double total_ns, double run_ns)
{
    cJSON *root = cJSON_CreateObject(), *peaks, *steps;
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "model", m->info->name);
    cJSON_AddNumberToObject(root, "threads", machine->threads);
    cli_json_number(root, "run_ns", run_ns);
    cli_json_number(root, "steps_ns", total_ns);
    peaks = cJSON_AddObjectToObject(root, "machine");
    cli_json_number(peaks, "gflops", machine->gflops);
    cli_json_number(peaks, "l1_gbs", machine->l1_gbs);
    cli_json_number(peaks, "l2_gbs", machine->l2_gbs);
    cli_json_number(peaks, "l3_gbs", machine->l3_gbs);
    cli_json_number(peaks, "dram_gbs", machine->dram_gbs);
    steps = cJSON_AddArrayToObject(root, "steps");
    for (int32_t i = 0; i < n; i++) {
        const row *r = &rows[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "step", r->step);
        cJSON_AddStringToObject(item, "label", label_of(v, r->step));
        cJSON_AddBoolToObject(item, "portable", v->steps[r->step].kind == INGOT_PLAN_PORTABLE);
        cli_json_number(item, "ns", r->ns);
        cli_json_number(item, "calls", r->calls);
        cli_json_number(item, "share", r->ns / total_ns);
        cli_json_number(item, "gflops", r->spec ? r->flops * r->calls / r->ns : NAN);
        cli_json_number(item, "gbs", r->spec ? r->bytes * r->calls / r->ns : NAN);
        cli_json_number(item, "of_bound", r->spec ? r->bound_ns * r->calls / r->ns : NAN);
        if (r->spec)
            cJSON_AddStringToObject(item, "spec", r->spec);
        cJSON_AddItemToArray(steps, item);
    }
    return cli_json_print(root, true);
}

/* The format of chrome://tracing: complete events, in microseconds. */
static ingot_status write_trace(const char *path, const ingot_plan_view *v, const recorder *r)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return ingot_fail(INGOT_IO, "%s: cannot be written", path);
    int64_t first = r->n_events ? r->events[0].begin_ns : 0;
    fprintf(file, "{\"traceEvents\":[\n");
    for (int32_t i = 0; i < r->n_events; i++) {
        const event *e = &r->events[i];
        cJSON *label = cJSON_CreateString(label_of(v, e->step));
        char *text = label ? cJSON_PrintUnformatted(label) : NULL;
        fprintf(file,
                "%s{\"name\":%s,\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"step\":%d}}",
                i ? ",\n" : "", text ? text : "\"?\"", (double)(e->begin_ns - first) / 1e3,
                (double)(e->end_ns - e->begin_ns) / 1e3, e->step);
        cJSON_free(text);
        cJSON_Delete(label);
    }
    fprintf(file, "\n]}\n");
    return fclose(file) ? ingot_fail(INGOT_IO, "%s: cannot be written", path) : NULL;
}

/* Runs with the hook set; the median time of a whole run comes back. */
static ingot_status record_runs(const bench_options *o, cli_model *m, recorder *r, const ingot_tensor *inputs,
                                ingot_tensor *outputs, double *out_run_ns)
{
    double ns[MAX_RUNS], begin = ingot_seconds_now(), before = begin;
    while (r->run < MAX_RUNS && (r->run < MIN_PROFILED || before - begin < o->time_s)) {
        INGOT_TRY(cli_model_run(m, inputs, outputs));
        double after = ingot_seconds_now();
        ns[r->run++] = (after - before) * 1e9;
        before = after;
    }
    qsort(ns, (size_t)r->run, sizeof *ns, cli_compare_doubles);
    *out_run_ns = cli_percentile(ns, r->run, 0.5);
    return NULL;
}

ingot_status bench_profile(bench_options *o, cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs)
{
    ingot_plan_view v;
    INGOT_TRY(ingot_plan_view_create(m->model, &v));
    recorder r = {.n_steps = v.n_steps};
    row *rows;
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)v.n_steps + 1, MAX_RUNS * sizeof *r.ns, (void **)&r.ns));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)v.n_steps + 1, sizeof *r.calls, (void **)&r.calls));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)v.n_steps + 1, sizeof *rows, (void **)&rows));
    if (o->trace)
        INGOT_TRY(ingot_arena_array(&o->arena, MAX_EVENTS, sizeof *r.events, (void **)&r.events));
    const ingot_target *target;
    INGOT_TRY(ingot_target_find("native", &target));
    ingot_machine machine;
    INGOT_TRY(ingot_machine_measure(bench_threads(o), target, &machine));
    double run_ns, total_ns = 0;
    ingot_context_set_hook(m->ctx, record, &r);
    ingot_status status = record_runs(o, m, &r, inputs, outputs, &run_ns);
    ingot_context_set_hook(m->ctx, NULL, NULL);
    INGOT_TRY(status);
    int32_t n = 0;
    for (int32_t i = 0; i < v.n_steps; i++) {
        if (r.calls[i] == 0)
            continue;
        rows[n] = (row){.step = i, .ns = median_of(&r, i), .calls = (double)r.calls[i] / r.run};
        fill_work(m, &machine, &rows[n]);
        total_ns += rows[n++].ns;
    }
    qsort(rows, (size_t)n, sizeof *rows, slower_first);
    if (o->trace)
        INGOT_TRY(write_trace(o->trace, &v, &r));
    if (!o->profile)
        return NULL;
    if (o->json)
        return print_json(m, &v, &machine, rows, n, total_ns, run_ns);
    print_rows(&v, &machine, rows, n, total_ns, run_ns);
    return NULL;
}
