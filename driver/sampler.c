/* Seeds, their errors, and the candidates of what is drawn. */
#include "driver/sampler.h"
#include "codegen/codegen.h"
#include "costmodel/decisions.h"
#include "costmodel/neighbour.h"
#include "costmodel/winograd.h"
#include <stdlib.h>
#include <string.h>

#define MOST_FLOPS  4e8 /* of neighbours: about 4 ms */
#define MOST_BYTES  1e8
#define FIRST_ERROR 0.5   /* of a seed that nothing is known of */
#define COLD_BYTES  32768 /* constants below it stay in some cache */

typedef struct seed_task {
    ingot_spec spec;
    const char *origin;
    double error; /* running mean */
    uint64_t hash;
} seed_task;

struct ingot_sampler {
    ingot_arena arena;
    const ingot_target *target;
    uint64_t random;
    seed_task *seeds;
    int32_t n, capacity, visited;
    ingot_text problem;
};

ingot_status ingot_sampler_create(const ingot_target *target, uint64_t seed, ingot_sampler **out)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return ingot_status_no_memory();
    (*out)->target = target;
    (*out)->random = seed * 2654435761u + 12345;
    return NULL;
}

void ingot_sampler_destroy(ingot_sampler *s)
{
    if (!s)
        return;
    ingot_text_free(&s->problem);
    ingot_arena_release(&s->arena);
    free(s->seeds);
    free(s);
}

int32_t ingot_sampler_count(const ingot_sampler *s)
{
    return s->n;
}

static bool is_dynamic(const ingot_spec *spec)
{
    ingot_text text = {0};
    ingot_spec_print_task(spec, &text);
    bool dynamic = !text.data || memchr(text.data, '?', text.size) != NULL;
    ingot_text_free(&text);
    return dynamic;
}

ingot_status ingot_sampler_add(ingot_sampler *s, const ingot_spec *spec, const char *origin)
{
    ingot_spec copy = *spec;
    memset(copy.decisions, 0, sizeof copy.decisions);
    memset(copy.target, 0, sizeof copy.target);
    strncpy(copy.target, s->target->name, sizeof copy.target - 1);
    if (is_dynamic(spec))
        return NULL;
    if (copy.family == INGOT_FAMILY_winograd)
        ingot_winograd_decide(&copy, s->target, 0, 0);
    uint64_t hash = ingot_spec_hash(&copy);
    for (int32_t i = 0; i < s->n; i++)
        if (s->seeds[i].hash == hash)
            return NULL;
    if (s->n == s->capacity) {
        int32_t larger = s->capacity ? 2 * s->capacity : 64;
        seed_task *grown = realloc(s->seeds, (size_t)larger * sizeof *grown);
        if (!grown)
            return ingot_status_no_memory();
        s->seeds = grown;
        s->capacity = larger;
    }
    const char *name = ingot_arena_strndup(&s->arena, origin, strlen(origin));
    if (!name)
        return ingot_status_no_memory();
    s->seeds[s->n++] = (seed_task){.spec = copy, .origin = name, .error = FIRST_ERROR, .hash = hash};
    return NULL;
}

/* The spec's own decisions and some of the others. */
static ingot_status add_candidates(ingot_sampler *s, const ingot_spec *spec, int32_t most, ingot_sample *out)
{
    ingot_decision_list list;
    const char *why;
    if (!ingot_codegen_supports(spec, &why))
        return NULL;
    INGOT_TRY(ingot_decisions_list(spec, s->target, &list));
    for (int32_t i = 0; i < most && list.n > 0 && out->n < INGOT_SAMPLE_SPECS; i++) {
        int64_t pick = i == 0 ? 0 : ingot_random_below(&s->random, list.n);
        ingot_spec *to = &out->specs[out->n];
        *to = *spec;
        memcpy(to->decisions, list.vectors[pick], sizeof to->decisions);
        memmove(list.vectors[pick], list.vectors[list.n - 1], sizeof list.vectors[pick]);
        list.n--;
        if (ingot_codegen_supports(to, &why))
            out->n++;
    }
    return NULL;
}

/* A convolution that Winograd kernels can do too is compared with them. */
static ingot_status add_problem(ingot_sampler *s, const ingot_spec *spec, ingot_sample *out)
{
    ingot_spec direct = *spec, winograd;
    if (spec->family == INGOT_FAMILY_winograd)
        ingot_winograd_to_conv(spec, &direct);
    bool both = ingot_winograd_from_conv(&direct, 2, s->target, &winograd);
    if (!both && spec->family != INGOT_FAMILY_winograd)
        return add_candidates(s, spec, INGOT_SAMPLE_SPECS - 3, out);
    INGOT_TRY(add_candidates(s, &direct, 5, out));
    for (int64_t m = 2; m <= 4; m += 2)
        if (ingot_winograd_from_conv(&direct, m, s->target, &winograd))
            INGOT_TRY(add_candidates(s, &winograd, 4, out));
    return NULL;
}

/* Seeds in order first, then in proportion to their errors. */
static int32_t pick_seed(ingot_sampler *s)
{
    if (s->visited < s->n)
        return s->visited++;
    double total = 0;
    for (int32_t i = 0; i < s->n; i++)
        total += s->seeds[i].error + 0.02;
    double at = (double)ingot_random_below(&s->random, 1 << 20) / (1 << 20) * total;
    for (int32_t i = 0; i < s->n; i++) {
        at -= s->seeds[i].error + 0.02;
        if (at <= 0)
            return i;
    }
    return s->n - 1;
}

ingot_status ingot_sampler_next(ingot_sampler *s, double near, ingot_sample *out)
{
    if (s->n == 0)
        return ingot_fail(INGOT_BAD_USAGE, "no kernels to measure: the models have none with fixed sizes");
    for (int tries = 0; tries < 1000; tries++) {
        *out = (ingot_sample){0};
        out->first = s->visited < s->n;
        out->seed = pick_seed(s);
        const seed_task *seed = &s->seeds[out->seed];
        ingot_spec spec = seed->spec;
        out->origin = seed->origin;
        out->near = !out->first && (double)ingot_random_below(&s->random, 1000) < near * 1000;
        if (out->near)
            ingot_spec_neighbour(&seed->spec, &s->random, MOST_FLOPS, MOST_BYTES, &spec);
        if (spec.family == INGOT_FAMILY_winograd)
            ingot_winograd_decide(&spec, s->target, 0, 0);
        ingot_spec_work work = ingot_spec_count_work(&spec, NULL);
        if (work.flops > 20 * MOST_FLOPS || work.bytes_in + work.bytes_out + work.bytes_const > 8 * MOST_BYTES)
            continue;
        out->cold = work.bytes_const >= COLD_BYTES && ingot_random_below(&s->random, 2);
        INGOT_TRY(add_problem(s, &spec, out));
        if (out->n == 0)
            continue;
        s->problem.size = 0;
        INGOT_TRY(ingot_spec_problem(&spec, &s->problem));
        out->problem = s->problem.data;
        return NULL;
    }
    return ingot_fail(INGOT_LIMIT, "no kernel near the given ones can be generated for %s", s->target->name);
}

void ingot_sampler_learn(ingot_sampler *s, const ingot_sample *sample, double error)
{
    double *mean = &s->seeds[sample->seed].error;
    if (error >= 0 && error < 100)
        *mean += 0.3 * (error - *mean);
}
