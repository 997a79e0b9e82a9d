/* `if` with a constant condition: the region that runs takes its place. */
#include "passes/internal.h"
#include <string.h>

/* The value's use as a result of its own graph goes. */
static void unlink_result(ingot_value *v, int32_t index)
{
    for (ingot_use **at = &v->uses; *at; at = &(*at)->next) {
        if (!(*at)->op && (*at)->index == index) {
            *at = (*at)->next;
            break;
        }
    }
    v->last_use = NULL;
    for (ingot_use *use = v->uses; use; use = use->next)
        v->last_use = use;
}

/* Moves the ops of `region` before `op`. Captures become the operands that they stand for. */
static void inline_region(ingot_op *op, ingot_graph *region)
{
    ingot_graph *g = op->graph;
    for (int32_t i = 0; i < region->n_params; i++)
        ingot_value_replace_uses(region->params[i], op->in[i + 1]);
    for (ingot_op *inner = region->first, *next; inner; inner = next) {
        next = inner->next;
        inner->graph = g;
        inner->prev = op->prev;
        inner->next = op;
        *(op->prev ? &op->prev->next : &g->first) = inner;
        op->prev = inner;
        for (int32_t i = 0; i < inner->n_out; i++)
            inner->out[i]->graph = g;
    }
    region->first = region->last = NULL;
    for (ingot_check *c = g->module->checks; c; c = c->next)
        if (c->graph == region)
            c->graph = g;
}

ingot_status ingot_simplify_if(ingot_op *op, bool *changed)
{
    double condition;
    if (op->n_in < 1 || !op->in[0] || !ingot_value_is_splat(op->graph->module, op->in[0], &condition))
        return NULL;
    ingot_graph *region = op->regions[condition != 0 ? 0 : 1];
    if (!region || region->n_params != op->n_in - 1 || region->n_results != op->n_out)
        return NULL;
    for (int32_t i = 0; i < op->n_out; i++) {
        /* The results' types are what both branches have in common: where this branch knows more, users were told less.
         */
        if (!ingot_type_equal(&op->out[i]->type, &region->results[i]->type))
            return NULL;
    }
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!op->in[i])
            return NULL;
    }
    for (int32_t i = 0; i < op->n_out; i++)
        unlink_result(region->results[i], i);
    inline_region(op, region);
    for (int32_t i = 0; i < op->n_out; i++) {
        ingot_value *v = region->results[i];
        if (!v->def && v->graph == region) /* a capture handed through */
            v = op->in[v->def_index + 1];
        ingot_value_replace_uses(op->out[i], v);
    }
    region->n_results = 0;
    ingot_op_erase(op);
    *changed = true;
    return NULL;
}
