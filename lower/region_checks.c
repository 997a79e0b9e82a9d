/* Facts about sizes that only a run can check, where they belong to a branch or the body of a loop, or the data decides
 * a size: a step each, as soon as all sizes in it are known, so before whatever relies on it. The others are looked at
 * on entry. */
#include "lower/lower.h"

static bool mentions(const ingot_dim *d, int64_t symbol)
{
    for (; d->kind != INGOT_DIM_CONST; d = d->b) {
        if (d->kind == INGOT_DIM_SYMBOL)
            return d->value == symbol;
        if (mentions(d->a, symbol))
            return true;
    }
    return false;
}

static bool check_mentions(const ingot_check *c, int64_t symbol)
{
    return mentions(c->a, symbol) || mentions(c->b, symbol);
}

/* Whether the op gives a size of the check its value. */
static bool defines_size_of(const lowering *l, const ingot_op *op, const ingot_check *c)
{
    if (op->kind == INGOT_OP_bind_dims) {
        int64_t first = ((const ingot_attrs_bind_dims *)op->attrs)->first_symbol;
        int64_t count = ingot_type_count(&op->in[0]->type);
        for (int64_t i = 0; i < count; i++)
            if (check_mentions(c, first + i))
                return true;
        return false;
    }
    for (int32_t i = 0; i < op->n_out; i++)
        for (int32_t k = 0; k < op->out[i]->type.rank; k++) {
            const ingot_dim *d = op->out[i]->type.dims[k];
            if (ingot_lower_decides_size(l, op, d) && check_mentions(c, d->value))
                return true;
        }
    return false;
}

/* The last op of the graph that decides one of the check's sizes; null: all are known before. */
static const ingot_op *decided_by(const lowering *l, const ingot_graph *g, const ingot_check *c)
{
    const ingot_op *op = g->last;
    while (op != NULL && !defines_size_of(l, op, c))
        op = op->prev;
    return op;
}

ingot_status ingot_lower_region_checks(lowering *l, const ingot_graph *g, const ingot_op *after)
{
    if (g == l->m->graphs[0] && after == NULL)
        return NULL; /* on entry */
    for (const ingot_check *c = l->m->checks; c != NULL; c = c->next) {
        if (c->graph != g || decided_by(l, g, c) != after)
            continue;
        ingot_step *step;
        INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_CHECK, 0, NULL, 0, NULL, &step));
        step->check = c;
    }
    return NULL;
}
