/* Building specs: sizes that a run decides become numbered entries, kept with the step. */
#include "costmodel/decide.h"
#include "lower/lower.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

void ingot_spec_begin(spec_builder *b, lowering *l, ingot_family family)
{
    memset(b, 0, sizeof *b);
    b->l = l;
    b->spec.family = family;
    b->spec.n_dims = ingot_family_info_get(family)->n_dims;
    snprintf(b->spec.target, sizeof b->spec.target, "%s", l->target->name);
}

ingot_size ingot_spec_size(spec_builder *b, const ingot_dim *d)
{
    if (ingot_dim_is_const(d))
        return d->value;
    for (int32_t i = 0; i < b->n_sizes; i++)
        if (b->sizes[i] == d)
            return ingot_size_dynamic(i);
    if (b->n_sizes == INGOT_SPEC_SIZES) {
        b->failed = true;
        return 0;
    }
    b->sizes[b->n_sizes] = d;
    return ingot_size_dynamic(b->n_sizes++);
}

ingot_operand *ingot_spec_add_operand(spec_builder *b, const location *at, const ingot_dim *const *strides, bool output)
{
    int32_t i = b->spec.n_in + b->spec.n_out;
    if (i == INGOT_SPEC_OPERANDS) {
        b->failed = true;
        i--;
    } else if (output) {
        b->spec.n_out++;
    } else {
        b->spec.n_in++;
    }
    ingot_operand *operand = &b->spec.operands[i];
    *operand = (ingot_operand){.dtype = at->dtype, .constant = b->l->p->buffers[at->buffer].pool == INGOT_POOL_WEIGHTS};
    for (int32_t d = 0; d < b->spec.n_dims; d++)
        operand->strides[d] = strides != NULL ? ingot_spec_size(b, strides[d]) : 0;
    b->at[i] = *at;
    return operand;
}

bool ingot_spec_supported(spec_builder *b, const char **out_why)
{
    *out_why = "too many dynamic sizes or operands";
    return !b->failed && !b->l->options->no_generated && b->l->options->supports(&b->spec, out_why);
}

static ingot_status find_or_add(lowering *l, const ingot_spec *spec, int32_t *out)
{
    ingot_program *p = l->p;
    uint64_t hash = ingot_spec_hash(spec);
    for (int32_t i = 0; i < p->n_specs; i++)
        if (l->spec_hashes[i] == hash && ingot_spec_equal(&p->specs[i], spec)) {
            *out = i;
            return NULL;
        }
    if (p->n_specs == l->spec_capacity) {
        int32_t larger = l->spec_capacity == 0 ? 32 : l->spec_capacity * 2;
        ingot_spec *specs;
        uint64_t *hashes;
        INGOT_TRY(ingot_arena_array(l->arena, (size_t)larger, sizeof *specs, (void **)&specs));
        INGOT_TRY(ingot_arena_array(l->arena, (size_t)larger, sizeof *hashes, (void **)&hashes));
        if (p->n_specs > 0) {
            memcpy(specs, p->specs, (size_t)p->n_specs * sizeof *specs);
            memcpy(hashes, l->spec_hashes, (size_t)p->n_specs * sizeof *hashes);
        }
        p->specs = specs;
        l->spec_hashes = hashes;
        l->spec_capacity = larger;
    }
    p->specs[p->n_specs] = *spec;
    l->spec_hashes[p->n_specs] = hash;
    *out = p->n_specs++;
    return NULL;
}

ingot_status ingot_lower_decide(lowering *l, const ingot_cost_model *model, const ingot_cost_query *query,
                                ingot_spec *io_spec, ingot_choice *out)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ingot_status status = ingot_decide(model, query, io_spec, out);
    clock_gettime(CLOCK_MONOTONIC, &end);
    l->p->decide_s += (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    return status;
}

/* Sets the decisions of the spec; a choice is kept where there was one. */
static ingot_status decide(spec_builder *b, const int64_t *low, const ingot_choice **out_choice, double *out_ns)
{
    lowering *l = b->l;
    ingot_choice choice, *kept;
    const ingot_cost_query query = {.spec = &b->spec, .sizes = low, .target = l->target, .cold = l->p->cold};
    *out_choice = NULL;
    if (!l->options->decide) {
        *out_ns = ingot_cost_predict(l->options->cost_model, &query).ns;
        return NULL;
    }
    INGOT_TRY(ingot_lower_decide(l, l->options->cost_model, &query, &b->spec, &choice));
    *out_ns = choice.ns;
    if (choice.candidates <= 1)
        return NULL;
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *kept, (void **)&kept));
    *kept = choice;
    *out_choice = kept;
    return NULL;
}

ingot_status ingot_spec_finish(spec_builder *b, const char *label)
{
    lowering *l = b->l;
    int32_t spec, places[INGOT_SPEC_OPERANDS], n = b->spec.n_in + b->spec.n_out;
    int64_t low[INGOT_SPEC_SIZES];
    const ingot_choice *choice;
    double cost_ns;
    for (int32_t i = 0; i < b->n_sizes; i++)
        low[i] = ingot_dim_least(b->sizes[i]);
    INGOT_TRY(decide(b, low, &choice, &cost_ns));
    INGOT_TRY(find_or_add(l, &b->spec, &spec));
    for (int32_t i = 0; i < n; i++)
        INGOT_TRY(ingot_lower_add_place(l, &b->at[i], &places[i]));
    ingot_step *step;
    INGOT_TRY(
        ingot_lower_add_step(l, INGOT_STEP_KERNEL, b->spec.n_in, places, b->spec.n_out, places + b->spec.n_in, &step));
    const ingot_dim **sizes;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)b->n_sizes + 1, sizeof *sizes, (void **)&sizes));
    for (int32_t i = 0; i < b->n_sizes; i++)
        sizes[i] = b->sizes[i];
    step->spec = spec;
    step->n_sizes = b->n_sizes;
    step->sizes = sizes;
    step->label = label;
    step->choice = choice;
    step->cost_ns = cost_ns;
    return NULL;
}
