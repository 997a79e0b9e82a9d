/* Candidates in turns on a machine that is watched. */
#include "driver/measure.h"
#include "driver/driver.h"
#include "driver/kernel_run.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAST_TIMING_NS 2e6
#define MOST_TASK_NS    1e9 /* of one task's timings together; slow kernels are timed less often */
#define LEAST_TIMINGS   5
#define MEMORY_BUSY     1.4
#define MOST_DISTURBED  60 /* rounds that are thrown away before a task is left for another time */
#define MOST_WAIT_S     4  /* of one task for a quiet moment */
#define MOST_IN_A_ROW   3  /* tasks without any, before less has to do */

/* ---- The pulse ---- */

double ingot_quiet_ratio(ingot_quiet *q)
{
    ingot_machine_pulse p = ingot_machine_feel_pulse();
    double compute = q->calm.compute_ns > 0 ? p.compute_ns / q->calm.compute_ns : 1;
    double memory = q->calm.memory_ns > 0 ? p.memory_ns / q->calm.memory_ns : 1;
    q->clock = compute > 0 ? compute : 1;                                        /* 0: no pulse could be felt */
    double busy = (memory - 1) * (INGOT_QUIET_BUSY - 1) / (MEMORY_BUSY - 1) + 1; /* on the scale of compute */
    return compute > busy ? compute : busy;
}

bool ingot_quiet_is_busy(const ingot_quiet *q, double ratio)
{
    return ratio > INGOT_QUIET_BUSY * (q->allowed > 1 ? q->allowed : 1);
}

bool ingot_quiet_wait(ingot_quiet *q, double seconds)
{
    double begin = ingot_seconds_now(), spun = begin;
    while (ingot_quiet_is_busy(q, ingot_quiet_ratio(q))) {
        double now = ingot_seconds_now();
        if (now - begin > seconds) {
            q->waited_s += now - begin;
            return false;
        }
        if (now - spun > 0.05) { /* a core that has slept is slow for some milliseconds */
            struct timespec t = {0, 100 * 1000 * 1000};
            nanosleep(&t, NULL);
            spun = ingot_seconds_now();
        }
    }
    q->waited_s += ingot_seconds_now() - begin;
    return true;
}

/* ---- One task ---- */

typedef struct candidate {
    ingot_kernel_run run;
    int64_t repeats; /* calls of one timing */
    bool ready;
} candidate;

static double time_calls(candidate *c, int64_t calls)
{
    double begin = ingot_thread_ns();
    for (int64_t i = 0; i < calls; i++) {
        ingot_kernel_run_call(&c->run, 0, c->run.units);
        ingot_kernel_run_next(&c->run);
    }
    return (ingot_thread_ns() - begin) / (double)calls;
}

/* Calls of one timing; the first calls warm up code, pages and caches. */
static double set_repeats(candidate *c)
{
    double ns = time_calls(c, 1);
    ns = time_calls(c, ns < 1e5 ? 10 : 1);
    c->repeats = ns >= LEAST_TIMING_NS ? 1 : (int64_t)(LEAST_TIMING_NS / (ns > 1 ? ns : 1)) + 1;
    return ns * (double)c->repeats;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(ingot_measured *m)
{
    double sorted[INGOT_TIMINGS];
    memcpy(sorted, m->ns, sizeof sorted);
    qsort(sorted, (size_t)m->n, sizeof *sorted, compare);
    m->median_ns = sorted[m->n / 2];
    m->spread = (sorted[m->n * 3 / 4] - sorted[m->n / 4]) / m->median_ns;
}

/* Neighbours may stay for hours. */
static void give_up(ingot_quiet *q)
{
    q->given_up++;
    if (++q->in_a_row < MOST_IN_A_ROW)
        return;
    q->allowed = q->busy ? q->busy_sum / (double)q->busy : 2;
    q->in_a_row = 0;
    q->busy_sum = 0;
    q->busy = 0;
}

static void time_in_turns(candidate *all, int32_t n, ingot_quiet *quiet, ingot_measured *out)
{
    double round_ns = 0, reference = 1;
    int32_t timings = INGOT_TIMINGS, disturbed = 0;
    for (int32_t i = 0; i < n; i++)
        round_ns += all[i].ready ? set_repeats(&all[i]) : 0;
    if (round_ns * timings > MOST_TASK_NS)
        timings = (int32_t)(MOST_TASK_NS / round_ns);
    timings = timings < LEAST_TIMINGS ? LEAST_TIMINGS : timings;
    double waited = quiet->waited_s;
    for (int32_t t = 0; t < timings;) {
        double ratio = 1;
        ingot_quiet_wait(quiet, MOST_WAIT_S);
        for (int32_t i = 0; i < n; i++) {
            if (!all[i].ready)
                continue;
            out[i].ns[t] = time_calls(&all[i], all[i].repeats);
            double after = ingot_quiet_ratio(quiet);
            ratio = after > ratio ? after : ratio;
        }
        if (ingot_quiet_is_busy(quiet, ratio)) {
            quiet->busy_sum += ratio;
            quiet->busy++;
            if (++disturbed > MOST_DISTURBED || quiet->waited_s - waited > MOST_WAIT_S) {
                give_up(quiet);
                return;
            }
            continue;
        }
        reference = ratio > reference ? ratio : reference;
        t++;
    }
    quiet->in_a_row = 0;
    quiet->busy_sum = 0;
    quiet->busy = 0;
    quiet->allowed = reference < quiet->allowed ? reference : quiet->allowed; /* it can do better */
    for (int32_t i = 0; i < n; i++) {
        if (!all[i].ready)
            continue;
        out[i].n = timings;
        out[i].reference = reference;
        summarise(&out[i]);
    }
}

/* Memory is shared where the operands are the same: all but the scratch of Winograd kernels. */
static ingot_status open_runs(const ingot_spec *specs, int32_t n, bool cold, const ingot_kernel_code *code,
                              candidate *all)
{
    static const int64_t no_sizes[INGOT_SPEC_SIZES] = {0};
    int32_t first = -1;
    for (int32_t i = 0; i < n; i++) {
        ingot_kernel_fn *f = ingot_kernel_code_get(code, i);
        const ingot_target *t;
        if (!f)
            continue;
        INGOT_TRY(ingot_target_find(specs[i].target, &t));
        if (first >= 0 && specs[i].family != INGOT_FAMILY_winograd) {
            all[i].run = all[first].run;
            all[i].run.run = f;
            all[i].run.units = f(all[i].run.buffers[0], no_sizes, -1, 0);
        } else {
            INGOT_TRY(ingot_kernel_run_open(&specs[i], no_sizes, f, cold ? 2 * t->l3_bytes : 0, &all[i].run));
            first = i;
        }
        all[i].ready = true;
    }
    return NULL;
}

static void close_runs(const ingot_spec *specs, int32_t n, candidate *all)
{
    bool closed = false;
    for (int32_t i = 0; i < n; i++) {
        if (!all[i].ready || (closed && specs[i].family != INGOT_FAMILY_winograd))
            continue;
        ingot_kernel_run_close(&all[i].run);
        closed = true;
    }
}

ingot_status ingot_measure_kernels(const ingot_spec *specs, int32_t n, bool cold, const ingot_codegen_options *options,
                                   ingot_quiet *quiet, ingot_measured *out)
{
    ingot_kernel_code *code = NULL;
    candidate *all = calloc((size_t)n + 1, sizeof *all);
    ingot_status *failures = calloc((size_t)n + 1, sizeof *failures);
    memset(out, 0, (size_t)n * sizeof *out);
    ingot_status status =
        all && failures ? ingot_kernel_code_create(specs, n, options, failures, &code) : ingot_status_no_memory();
    if (!status)
        status = open_runs(specs, n, cold, code, all);
    if (!status) {
        time_in_turns(all, n, quiet, out);
        for (int32_t i = 0; i < n && !status; i++)
            if (all[i].ready)
                status = ingot_object_inspect(ingot_kernel_code_object(code, i), &out[i].code_bytes, &out[i].spills);
    }
    if (all)
        close_runs(specs, n, all);
    for (int32_t i = 0; failures && i < n; i++)
        ingot_status_free(failures[i]);
    ingot_kernel_code_destroy(code);
    free(all);
    free(failures);
    return status;
}
