/* Tuning: what the cost model would choose is timed against its runners-up. */
#include "costmodel/decide.h"
#include "costmodel/decisions.h"
#include "driver/driver.h"
#include "driver/measure.h"
#include "runtime/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_CANDIDATES 8
#define MOST_TUNED      512
#define GAIN            0.02 /* less is within what timings tell */

typedef struct tuned_spec {
    int32_t spec;
    double ns; /* predicted, of all its steps */
} tuned_spec;

typedef struct candidate {
    int64_t decisions[INGOT_SPEC_DECISIONS];
    double ns;
} candidate;

static int compare_specs(const void *a, const void *b)
{
    double x = ((const tuned_spec *)a)->ns, y = ((const tuned_spec *)b)->ns;
    return (x < y) - (x > y);
}

static int compare_candidates(const void *a, const void *b)
{
    double x = ((const candidate *)a)->ns, y = ((const candidate *)b)->ns;
    return (x > y) - (x < y);
}

/* Kernels with fixed sizes, those that take most time first. Winograd's decisions are part of their scratch memory. */
static int32_t list_specs(const ingot_compiled *c, tuned_spec *out)
{
    const ingot_program *p = c->program;
    int32_t n = 0;
    for (int32_t s = 0; s < p->n_specs && n < MOST_TUNED; s++) {
        tuned_spec t = {.spec = s};
        bool fixed = p->specs[s].family != INGOT_FAMILY_winograd;
        for (int32_t i = 0; i < p->n_steps; i++)
            if (p->steps[i].kind == INGOT_STEP_KERNEL && p->steps[i].spec == s) {
                t.ns += p->steps[i].cost_ns;
                fixed = fixed && p->steps[i].n_sizes == 0;
            }
        if (fixed)
            out[n++] = t;
    }
    qsort(out, (size_t)n, sizeof *out, compare_specs);
    return n;
}

/* The emitter's own decisions first, then those that are predicted to be fastest. */
static ingot_status list_candidates(const ingot_compiled *c, const ingot_spec *spec, bool cold, ingot_spec *out,
                                    int32_t *out_n)
{
    ingot_decision_list list;
    candidate all[INGOT_MAX_CANDIDATES];
    ingot_spec own = *spec;
    int32_t n = 0;
    const char *why;
    memset(own.decisions, 0, sizeof own.decisions);
    INGOT_TRY(ingot_decisions_list(&own, c->target, &list));
    for (int32_t i = 1; i < list.n; i++) {
        if (!ingot_decisions_are_parallel(&own, list.vectors[i]))
            continue;
        ingot_spec s = own;
        memcpy(s.decisions, list.vectors[i], sizeof s.decisions);
        const ingot_cost_query query = {.spec = &s, .target = c->target, .cold = cold};
        memcpy(all[n].decisions, s.decisions, sizeof s.decisions);
        all[n++].ns = ingot_cost_predict(c->cost_model, &query).ns;
    }
    qsort(all, (size_t)n, sizeof *all, compare_candidates);
    out[0] = own;
    *out_n = 1;
    for (int32_t i = 0; i < n && *out_n < MOST_CANDIDATES; i++) {
        out[*out_n] = own;
        memcpy(out[*out_n].decisions, all[i].decisions, sizeof own.decisions);
        *out_n += ingot_codegen_supports(&out[*out_n], &why);
    }
    return NULL;
}

/* ---- What was found is kept beside the kernels: CACHE/tuned-HASH holds the fastest spec's line ---- */

static char *memory_path(ingot_compiled *c, const ingot_spec *spec)
{
    ingot_text task = {0};
    ingot_digest_state d;
    uint8_t digest[16];
    char text[33];
    ingot_spec_print_task(spec, &task);
    ingot_text_append(&task, " | %s | %s", c->target->name, INGOT_VERSION);
    ingot_digest_begin(&d);
    ingot_digest_add(&d, task.data ? task.data : "", task.size);
    ingot_digest_end(&d, digest);
    ingot_text_free(&task);
    ingot_digest_print(digest, text);
    return ingot_arena_printf(&c->arena, "%s/tuned-%s", c->options.cache_dir, text);
}

static bool remember(ingot_compiled *c, const ingot_spec *spec, ingot_spec *out)
{
    char line[16384];
    char *path = c->options.cache_dir ? memory_path(c, spec) : NULL;
    FILE *f = path ? fopen(path, "rbe") : NULL;
    if (!f)
        return false;
    size_t size = fread(line, 1, sizeof line, f);
    fclose(f);
    ingot_status status = ingot_spec_parse(line, size, out);
    ingot_spec task = *out;
    memcpy(task.decisions, spec->decisions, sizeof task.decisions);
    const char *why;
    bool same = !status && ingot_spec_equal(&task, spec) && ingot_codegen_supports(out, &why);
    ingot_status_free(status);
    return same;
}

/* Failing to remember is no failure to compile. */
static void keep_in_mind(ingot_compiled *c, const ingot_spec *spec)
{
    char *path = c->options.cache_dir ? memory_path(c, spec) : NULL;
    char *temporary = path ? ingot_arena_printf(&c->arena, "%s.%d", path, (int)getpid()) : NULL;
    int fd = temporary ? open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    if (fd < 0)
        return;
    ingot_text line = {0};
    ingot_spec_print(spec, &line);
    bool written = line.data && write(fd, line.data, line.size) == (ssize_t)line.size;
    ingot_text_free(&line);
    if (close(fd) || !written || rename(temporary, path))
        unlink(temporary);
}

/* ---- One kernel ---- */

static void set_choice(ingot_compiled *c, int32_t s, const ingot_choice *choice)
{
    for (int32_t i = 0; i < c->program->n_steps; i++) {
        ingot_step *step = &c->program->steps[i];
        if (step->kind != INGOT_STEP_KERNEL || step->spec != s)
            continue;
        ingot_choice *kept = ingot_arena_alloc(&c->arena, 1, sizeof *kept);
        if (kept)
            *kept = *choice;
        step->choice = kept;
        step->cost_ns = choice->ns > 0 ? choice->ns : step->cost_ns;
    }
}

static ingot_status tune_spec(ingot_compiled *c, int32_t s, bool cold, ingot_quiet *quiet)
{
    ingot_spec *spec = &c->program->specs[s], found, candidates[MOST_CANDIDATES];
    ingot_measured measured[MOST_CANDIDATES];
    const ingot_codegen_options code = {.workers = c->options.threads, .cache_dir = c->options.cache_dir};
    int32_t n, best = 0, next = -1;
    if (remember(c, spec, &found)) {
        const ingot_choice before = {.remembered = true};
        *spec = found;
        set_choice(c, s, &before);
        return NULL;
    }
    INGOT_TRY(list_candidates(c, spec, cold, candidates, &n));
    if (n < 2)
        return NULL;
    INGOT_TRY(ingot_measure_kernels(candidates, n, cold, &code, quiet, measured));
    if (measured[0].n == 0)
        return NULL;
    for (int32_t i = 1; i < n; i++) {
        double limit = best == 0 ? measured[0].median_ns * (1 - GAIN) : measured[best].median_ns;
        if (measured[i].n > 0 && measured[i].median_ns < limit)
            best = i;
    }
    for (int32_t i = 0; i < n; i++)
        if (i != best && measured[i].n > 0 && (next < 0 || measured[i].median_ns < measured[next].median_ns))
            next = i;
    *spec = candidates[best];
    ingot_choice choice = {.candidates = n,
                           .measured = true,
                           .own_ns = measured[0].median_ns,
                           .ns = measured[best].median_ns,
                           .next_ns = next >= 0 ? measured[next].median_ns : 0};
    if (next >= 0)
        memcpy(choice.next, candidates[next].decisions, sizeof choice.next);
    set_choice(c, s, &choice);
    keep_in_mind(c, spec);
    return NULL;
}

ingot_status ingot_driver_tune(ingot_compiled *c)
{
    tuned_spec *specs = calloc(MOST_TUNED, sizeof *specs);
    ingot_quiet quiet = {0};
    double begin = ingot_seconds_now();
    bool cold = c->program->cold;
    if (!specs)
        return ingot_status_no_memory();
    int32_t n = list_specs(c, specs), done = 0;
    ingot_status status = NULL;
    if (c->target->required & ~ingot_cpu_detect())
        status = ingot_fail(INGOT_BAD_USAGE, "--tune: this machine cannot run code for %s", c->target->name);
    for (; done < n && !status && ingot_seconds_now() - begin < c->options.tune_s; done++) {
        if (c->options.progress)
            c->options.progress(c->options.callback_arg, "tuning kernels", done, n);
        status = tune_spec(c, specs[done].spec, cold, &quiet);
    }
    free(specs);
    if (!status) {
        char line[160];
        snprintf(line, sizeof line,
                 "tuned %d of %d kernels (Winograd kernels and those of dynamic sizes keep what was predicted)", done,
                 c->program->n_specs);
        ingot_driver_log(c, line);
    }
    return status;
}
