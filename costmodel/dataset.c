/* Rows from the store; splits in which no problem is on both sides. */
#include "costmodel/dataset.h"
#include "costmodel/winograd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS 5

/* ---- Names as numbers ---- */

typedef struct name_table {
    const char **names;
    int32_t n, capacity, *slots; /* hash table of indices + 1 */
    int32_t n_slots;
} name_table;

static uint64_t hash_text(const char *text)
{
    uint64_t h = 14695981039346656037u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 1099511628211u;
    return h;
}

static ingot_status grow(name_table *t)
{
    int32_t n_slots = t->n_slots ? 2 * t->n_slots : 1024;
    int32_t *slots = calloc((size_t)n_slots, sizeof *slots);
    const char **names = realloc(t->names, (size_t)n_slots * sizeof *names);
    if (names)
        t->names = names;
    if (!slots || !names) {
        free(slots);
        return ingot_status_no_memory();
    }
    for (int32_t i = 0; i < t->n; i++) {
        uint64_t at = hash_text(t->names[i]) % (uint64_t)n_slots;
        while (slots[at])
            at = (at + 1) % (uint64_t)n_slots;
        slots[at] = i + 1;
    }
    free(t->slots);
    t->slots = slots;
    t->n_slots = n_slots;
    return NULL;
}

/* The number of a name; add: a new one for a name that is not there, else -1. */
static ingot_status number_of(name_table *t, ingot_arena *arena, const char *name, bool add, int32_t *out)
{
    *out = -1;
    if (t->n * 2 >= t->n_slots)
        INGOT_TRY(grow(t));
    uint64_t at = hash_text(name) % (uint64_t)t->n_slots;
    for (; t->slots[at]; at = (at + 1) % (uint64_t)t->n_slots)
        if (!strcmp(t->names[t->slots[at] - 1], name)) {
            *out = t->slots[at] - 1;
            return NULL;
        }
    if (!add)
        return NULL;
    const char *copy = ingot_arena_strndup(arena, name, strlen(name));
    if (!copy)
        return ingot_status_no_memory();
    t->names[t->n] = copy;
    t->slots[at] = ++t->n;
    *out = t->n - 1;
    return NULL;
}

/* ---- Loading ---- */

typedef struct loader {
    ingot_dataset *data;
    name_table problems, models;
    int64_t machine, counts[256], busy[512]; /* busy: points by what their pulses took over calm ones, in per cent */
    double limit;                            /* of that ratio */
    int32_t capacity, run_capacity;
    ingot_target target;
} loader;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The lower quartile: what disturbs a timing only ever makes it longer, and may do so for half of them. */
static double quartile_of(const ingot_store_point *p, int32_t first, int32_t step)
{
    double values[INGOT_TIMINGS];
    int32_t n = 0;
    for (int32_t i = first; i < p->n; i += step)
        values[n++] = p->ns[i];
    qsort(values, (size_t)n, sizeof *values, compare);
    return n ? values[n / 4] : p->median_ns;
}

/* "near resnet50.b1" and "resnet50.b8" are of the model resnet50. */
static ingot_status model_of(loader *l, const char *origin, int32_t *out)
{
    char name[64];
    if (!strncmp(origin, "near ", 5))
        origin += 5;
    size_t size = strcspn(origin, ".");
    size = size < sizeof name - 1 ? size : sizeof name - 1;
    memcpy(name, origin, size);
    name[size] = 0;
    return number_of(&l->models, &l->data->arena, name, true, out);
}

static ingot_status set_features(const loader *l, const char *line, bool cold, double *features, double *roofline_ns)
{
    ingot_spec spec;
    INGOT_TRY(ingot_spec_parse(line, strlen(line), &spec));
    const ingot_cost_query query = {.spec = &spec, .target = &l->target, .cold = cold};
    *roofline_ns = ingot_features_compute(&query, features).ns;
    return NULL;
}

static ingot_status count_point(void *arg, const ingot_store_point *p)
{
    loader *l = arg;
    if (p->machine >= 0 && p->machine < 256)
        l->counts[p->machine]++;
    return NULL;
}

static ingot_status count_busy(void *arg, const ingot_store_point *p)
{
    loader *l = arg;
    double above = p->reference > 1 ? (p->reference - 1) * 100 : 0;
    if (p->machine == l->machine)
        l->busy[above < 511 ? (int)above : 511]++;
    return NULL;
}

/* Relative to the quietest fifth: a machine that is never as quiet as its calibration has labels as well. */
static double busy_limit(const loader *l)
{
    int64_t total = 0, below = 0;
    int i = 0;
    for (int b = 0; b < 512; b++)
        total += l->busy[b];
    while (i < 511 && (below += l->busy[i]) * 5 < total)
        i++;
    return (1 + i / 100.0) * INGOT_DISTURBED;
}

static ingot_status load_point(void *arg, const ingot_store_point *p)
{
    loader *l = arg;
    ingot_dataset *d = l->data;
    if (p->machine != l->machine || p->threads != 1 || p->median_ns <= 0)
        return NULL;
    d->n_measured++;
    /* The standard error of a median of n normal values is 1.25 sigma / sqrt(n), and their interquartile range 1.35
     * sigma. */
    if (p->spread * 0.93 / sqrt(p->n > 0 ? p->n : 1) > INGOT_NOISY || p->reference > l->limit) {
        d->n_dropped++;
        return NULL;
    }
    if (d->n == l->capacity) {
        int32_t larger = l->capacity ? 2 * l->capacity : 1024;
        ingot_data_row *rows = realloc(d->rows, (size_t)larger * sizeof *rows);
        if (!rows)
            return ingot_status_no_memory();
        d->rows = rows;
        l->capacity = larger;
    }
    ingot_data_row *row = &d->rows[d->n];
    *row = (ingot_data_row){.ns = quartile_of(p, 0, 1), .cold = p->cold, .code_bytes = p->code_bytes};
    row->halves[0] = quartile_of(p, 0, 2);
    row->halves[1] = quartile_of(p, 1, 2);
    INGOT_TRY(number_of(&l->problems, &d->arena, p->problem, true, &row->problem));
    INGOT_TRY(model_of(l, p->origin, &row->model));
    INGOT_TRY(set_features(l, p->spec, p->cold, row->features, &row->roofline_ns));
    row->family = (int32_t)row->features[INGOT_FEATURE_family];
    row->label = log2(row->roofline_ns / row->ns);
    row->label = row->label < INGOT_MOST_UTILISATION ? row->label : INGOT_MOST_UTILISATION;
    row->spec = ingot_arena_strndup(&d->arena, p->spec, strlen(p->spec));
    d->n++;
    return row->spec ? NULL : ingot_status_no_memory();
}

static ingot_status load_kernels(loader *l, char *text, bool cold, ingot_data_run *run)
{
    int32_t capacity = 1;
    for (const char *at = text; *at; at++)
        capacity += *at == '\n';
    INGOT_TRY(ingot_arena_array(&l->data->arena, (size_t)capacity, sizeof *run->kernels, (void **)&run->kernels));
    for (char *at = text, *next; at && *at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = 0;
        ingot_data_kernel *k = &run->kernels[run->n];
        double ns;
        *k = (ingot_data_kernel){0};
        k->spec = ingot_store_kernel(at, &k->count, &ns);
        if (!*k->spec)
            continue;
        ingot_spec spec;
        INGOT_TRY(ingot_spec_parse(k->spec, strlen(k->spec), &spec));
        INGOT_TRY(set_features(l, k->spec, cold, k->features, &k->roofline_ns));
        ingot_text problem = {0};
        ingot_status status = ingot_spec_problem(&spec, &problem);
        if (!status)
            status = number_of(&l->problems, &l->data->arena, problem.data, true, &k->problem);
        ingot_text_free(&problem);
        INGOT_TRY(status);
        run->n++;
    }
    return NULL;
}

static ingot_status load_run(void *arg, const ingot_store_model_run *r)
{
    loader *l = arg;
    ingot_dataset *d = l->data;
    if (r->machine != l->machine || r->ns <= 0)
        return NULL;
    if (d->n_runs == l->run_capacity) {
        int32_t larger = l->run_capacity ? 2 * l->run_capacity : 64;
        ingot_data_run *runs = realloc(d->runs, (size_t)larger * sizeof *runs);
        if (!runs)
            return ingot_status_no_memory();
        d->runs = runs;
        l->run_capacity = larger;
    }
    ingot_data_run *run = &d->runs[d->n_runs];
    *run = (ingot_data_run){.ns = r->ns, .other_ns = r->other_ns, .spread = r->spread, .cold = r->cold};
    run->name = ingot_arena_strndup(&d->arena, r->model, strlen(r->model));
    run->config = ingot_arena_strndup(&d->arena, r->config, strlen(r->config));
    char *kernels = ingot_arena_strndup(&d->arena, r->kernels, strlen(r->kernels));
    if (!run->name || !run->config || !kernels)
        return ingot_status_no_memory();
    INGOT_TRY(model_of(l, r->model, &run->model));
    INGOT_TRY(load_kernels(l, kernels, run->cold, run));
    d->n_runs++;
    return NULL;
}

typedef struct choice {
    loader *l;
    const ingot_store_machine *here;
    ingot_store_machine best;
    int64_t best_count;
} choice;

static ingot_status choose_machine(void *arg, const ingot_store_machine *m)
{
    choice *c = arg;
    bool same = c->here && !strcmp(m->cpu, c->here->cpu) && !strcmp(m->flags, c->here->flags);
    int64_t count = m->id < 256 ? c->l->counts[m->id] : 0;
    if (count > 0 && (same || c->best_count == 0 || count > c->best_count) && c->best_count < INT64_MAX) {
        c->best = *m;
        c->best_count = same ? INT64_MAX : count;
    }
    return NULL;
}

static ingot_status load(loader *l, ingot_store *store, const ingot_store_machine *here)
{
    choice c = {.l = l, .here = here};
    INGOT_TRY(ingot_store_each_point(store, count_point, l));
    INGOT_TRY(ingot_store_each_machine(store, choose_machine, &c));
    if (c.best_count == 0)
        return ingot_fail(INGOT_BAD_USAGE, "the store holds no measurements; `ingot measure` makes some");
    const ingot_target *row;
    INGOT_TRY(ingot_target_find(c.best.target, &row));
    l->machine = c.best.id;
    l->data->machine = c.best.measured;
    memcpy(l->data->target, c.best.target, sizeof l->data->target);
    INGOT_TRY(ingot_dataset_target(l->data, &l->target));
    INGOT_TRY(ingot_store_each_point(store, count_busy, l));
    l->limit = busy_limit(l);
    INGOT_TRY(ingot_store_each_point(store, load_point, l));
    return ingot_store_each_model_run(store, load_run, l);
}

ingot_status ingot_dataset_load(ingot_store *store, const ingot_store_machine *here, ingot_dataset *out)
{
    memset(out, 0, sizeof *out);
    loader l = {.data = out};
    ingot_status status = load(&l, store, here);
    out->problems = l.problems.names;
    out->models = l.models.names;
    out->n_problems = l.problems.n;
    out->n_models = l.models.n;
    free(l.problems.slots);
    free(l.models.slots);
    if (!status && out->n == 0)
        status = ingot_fail(INGOT_BAD_USAGE, "all measurements in the store are too noisy to learn from");
    if (status)
        ingot_dataset_release(out);
    return status;
}

void ingot_dataset_release(ingot_dataset *d)
{
    free(d->rows);
    free(d->runs);
    free(d->problems);
    free(d->models);
    free(d->tokens);
    ingot_arena_release(&d->arena);
    memset(d, 0, sizeof *d);
}

ingot_status ingot_dataset_target(const ingot_dataset *d, ingot_target *out)
{
    const ingot_target *row;
    INGOT_TRY(ingot_target_find(d->target, &row));
    *out = *row;
    ingot_machine_apply(&d->machine, out);
    return NULL;
}

ingot_status ingot_dataset_add_tokens(ingot_dataset *d, ingot_status (*mlir)(const ingot_spec *spec, ingot_text *out),
                                      void (*progress)(int32_t done, int32_t total))
{
    float *counts = malloc(INGOT_TOKEN_BUCKETS * sizeof *counts);
    d->tokens = malloc((size_t)d->n * INGOT_TOKEN_BUCKETS);
    ingot_status status = counts && d->tokens ? NULL : ingot_status_no_memory();
    for (int32_t i = 0; i < d->n && !status; i++) {
        ingot_spec spec;
        ingot_text text = {0};
        status = ingot_spec_parse(d->rows[i].spec, strlen(d->rows[i].spec), &spec);
        if (!status)
            status = mlir(&spec, &text);
        if (!status) {
            ingot_tokens_count(text.data, text.size, counts);
            for (int32_t b = 0; b < INGOT_TOKEN_BUCKETS; b++) {
                float scaled = counts[b] * 16 + 0.5F;
                d->tokens[(size_t)i * INGOT_TOKEN_BUCKETS + (size_t)b] = (uint8_t)(scaled < 255 ? scaled : 255);
            }
        }
        ingot_text_free(&text);
        if (progress)
            progress(i, d->n);
    }
    free(counts);
    return status;
}

/* ---- Splits ---- */

const char *ingot_split_name(ingot_split split)
{
    static const char *const names[] = {"shape", "model", "family"};
    return names[split];
}

int32_t ingot_split_folds(ingot_split split)
{
    return split == INGOT_SPLIT_FAMILY ? INGOT_FAMILY_COUNT : FOLDS;
}

static int32_t fold_of(int32_t number, uint64_t seed)
{
    uint64_t h = ((uint64_t)number + 1) * 0x9E3779B97F4A7C15u ^ seed * 0xC2B2AE3D27D4EB4Fu;
    h ^= h >> 31;
    h *= 0xD6E8FEB86659FD93u;
    return (int32_t)((h >> 40) % FOLDS);
}

int32_t ingot_split_fold_of_problem(int32_t problem, uint64_t seed)
{
    return fold_of(problem, seed);
}

ingot_status ingot_split_rows(const ingot_dataset *d, ingot_split split, int32_t fold, uint64_t seed, uint8_t *uses,
                              bool *runs_tested)
{
    bool *held = calloc((size_t)d->n_problems + 1, sizeof *held);
    if (!held)
        return ingot_status_no_memory();
    for (int32_t r = 0; r < d->n_runs; r++) {
        bool tested = split == INGOT_SPLIT_MODEL && fold_of(d->runs[r].model, seed) == fold;
        if (runs_tested)
            runs_tested[r] = tested;
        for (int32_t k = 0; tested && k < d->runs[r].n; k++)
            held[d->runs[r].kernels[k].problem] = true;
    }
    for (int32_t i = 0; i < d->n; i++) {
        const ingot_data_row *row = &d->rows[i];
        if ((split == INGOT_SPLIT_SHAPE && fold_of(row->problem, seed) == fold) ||
            (split == INGOT_SPLIT_MODEL && fold_of(row->model, seed) == fold) ||
            (split == INGOT_SPLIT_FAMILY && row->family == fold))
            held[row->problem] = true;
    }
    for (int32_t i = 0; i < d->n; i++) {
        const ingot_data_row *row = &d->rows[i];
        bool own = split == INGOT_SPLIT_SHAPE   ? fold_of(row->problem, seed) == fold
                   : split == INGOT_SPLIT_MODEL ? fold_of(row->model, seed) == fold
                                                : row->family == fold;
        uses[i] = own ? INGOT_ROW_TEST : held[row->problem] ? INGOT_ROW_UNUSED : INGOT_ROW_TRAIN;
    }
    free(held);
    return NULL;
}
