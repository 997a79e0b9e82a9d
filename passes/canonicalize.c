/* Canonicalization: constants folded, sizes made explicit, simpler forms, one of equal ops, nothing dead.
 *
 * What every rule must keep (they live in fold.c, simplify.c, simplify_shape.c, simplify_slices.c, simplify_if.c):
 *
 *   1. The result's type, dims and layout included, and the values within what docs/design.md allows: NaN, infinities
 * and the sign of zero survive, so x + 0 stays (-0 + 0 is 0) while x - 0 goes.
 *   2. It only ever simplifies: each rule removes an op, turns one into a constant or `dims`, or moves along a fixed
 * order (transpose to reshape, gather to slice, div to mul, pow to mul), and no rule goes the other way. Hence the
 * sweeps end.
 *   3. It looks at operands, never across a region's border, and takes no more than a fixed number of steps.
 *   4. Ops with a program (op->prog) are left alone unless the rule handles it.
 */
#include "passes/internal.h"

/* Sweeps normally end after three or four; the bound is for sanity, and what remains is still right. */
enum { MAX_SWEEPS = 24 };

static ingot_status sweep_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    bool *changed = arg;
    int32_t steps = 0;
    for (ingot_op *op = g->first, *next; op; op = next) {
        next = op->next;
        if ((++steps & 1023) == 0)
            INGOT_TRY(ingot_check_cancel(ctx));
        bool done = false;
        INGOT_TRY(ingot_fold_op(op, ctx, &done));
        if (!done && ingot_op_info_get(op->kind)->scalar)
            INGOT_TRY(ingot_simplify_scalar(op, &done));
        if (!done)
            INGOT_TRY(ingot_simplify_shape(op, &done));
        if (!done)
            INGOT_TRY(ingot_simplify_slices(op, &done));
        if (!done && op->kind == INGOT_OP_if)
            INGOT_TRY(ingot_simplify_if(op, &done));
        *changed = *changed || done;
    }
    return ingot_cse_graph(g, changed);
}

ingot_status ingot_pass_canonicalize(ingot_module *m, ingot_pass_context *ctx)
{
    for (int32_t i = 0; i < MAX_SWEEPS; i++) {
        bool changed = false;
        INGOT_TRY(ingot_each_graph(m, ctx, &changed, sweep_graph));
        INGOT_TRY(ingot_remove_dead(m, &changed));
        if (!changed)
            break;
    }
    return NULL;
}
