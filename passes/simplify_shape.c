/* Simpler forms of ops that only move elements: identity, reshape, transpose, broadcast, pad, concat of one. The laws
 * are at the top of canonicalize.c; slices and concats of slices are in simplify_slices.c. */
#include "passes/internal.h"
#include <string.h>

static ingot_status replace(ingot_op *op, ingot_value *v, bool *changed)
{
    if (!ingot_type_equal(&v->type, &op->out[0]->type)) {
        if (v->def)
            ingot_erase_dead(v->def);
        return NULL;
    }
    *changed = true;
    return ingot_replace_op(op, v);
}

static ingot_status simplify_reshape(ingot_op *op, bool *changed)
{
    ingot_op *inner = ingot_def(op->in[0], INGOT_OP_reshape);
    if (ingot_type_equal(&op->in[0]->type, &op->out[0]->type))
        return replace(op, op->in[0], changed);
    if (!inner)
        return NULL;
    ingot_value *made;
    INGOT_TRY(ingot_build_reshape(op, inner->in[0], op->out[0]->type.rank, op->out[0]->type.dims, &made));
    return replace(op, made, changed);
}

/* Identity, or one that moves only axes of size 1 and so no element: a reshape. Two in a row: one. */
static ingot_status simplify_transpose(ingot_op *op, bool *changed)
{
    const ingot_attrs_perm *attrs = op->attrs;
    int32_t rank = op->out[0]->type.rank;
    int64_t last = -1, perm[INGOT_MAX_RANK];
    bool in_order = true;
    if (attrs->perm.n != rank)
        return NULL;
    for (int32_t i = 0; i < rank; i++) {
        if (ingot_dim_is(op->in[0]->type.dims[attrs->perm.v[i]], 1))
            continue;
        in_order = in_order && attrs->perm.v[i] > last;
        last = attrs->perm.v[i];
    }
    ingot_value *made;
    if (in_order) {
        INGOT_TRY(ingot_build_reshape(op, op->in[0], rank, op->out[0]->type.dims, &made));
        return replace(op, made, changed);
    }
    const ingot_op *inner = ingot_def(op->in[0], INGOT_OP_transpose);
    if (!inner)
        return NULL;
    for (int32_t i = 0; i < rank; i++)
        perm[i] = ((const ingot_attrs_perm *)inner->attrs)->perm.v[attrs->perm.v[i]];
    INGOT_TRY(ingot_build_transpose(op, inner->in[0], perm, &made));
    return replace(op, made, changed);
}

/* matmul(x, transpose(w)) of constant weights, and transposes of the left side, become an attribute. */
static ingot_status simplify_matmul(ingot_op *op, bool *changed)
{
    ingot_attrs_matmul *attrs = op->attrs;
    for (int32_t i = 0; i < 2; i++) {
        const ingot_op *t = ingot_def(op->in[i], INGOT_OP_transpose);
        if (!t || !ingot_value_literal(t->in[0]))
            continue;
        const ingot_attrs_perm *perm = t->attrs;
        int32_t n = (int32_t)perm->perm.n;
        bool last_two = n >= 2 && perm->perm.v[n - 1] == n - 2 && perm->perm.v[n - 2] == n - 1;
        for (int32_t d = 0; d < n - 2; d++)
            last_two = last_two && perm->perm.v[d] == d;
        if (!last_two)
            continue;
        if (i == 0)
            attrs->trans_a = !attrs->trans_a;
        else
            attrs->trans_b = !attrs->trans_b;
        ingot_op *dead = op->in[i]->def;
        ingot_op_set_operand(op, i, t->in[0]);
        ingot_erase_dead(dead);
        *changed = true;
    }
    return NULL;
}

static ingot_status simplify_broadcast(ingot_op *op, bool *changed)
{
    ingot_op *inner = ingot_def(op->in[0], INGOT_OP_broadcast);
    if (ingot_type_equal(&op->in[0]->type, &op->out[0]->type))
        return replace(op, op->in[0], changed);
    if (!inner)
        return NULL;
    ingot_op *made;
    INGOT_TRY(ingot_build(op, INGOT_OP_broadcast, 1, inner->in, &made));
    INGOT_TRY(ingot_op_set_sym(made, op->n_sym, op->sym));
    INGOT_TRY(ingot_op_infer(made));
    return replace(op, made->out[0], changed);
}

/* No pads: the operand. Zeros around the spatial axes of a convolution's input: the convolution's own pads. */
static ingot_status simplify_pad(ingot_op *op, bool *changed)
{
    bool none = op->n_sym > 0;
    for (int32_t i = 0; i < op->n_sym; i++)
        none = none && ingot_dim_is(op->sym[i], 0);
    return none ? replace(op, op->in[0], changed) : NULL;
}

static ingot_status simplify_conv(ingot_op *op, bool *changed)
{
    ingot_attrs_conv *attrs = op->attrs;
    ingot_op *pad = ingot_def(op->in[0], INGOT_OP_pad);
    int32_t rank = op->in[0]->type.rank, spatial = rank - 2;
    double value = 0;
    if (!pad || pad->n_sym != 2 * rank || spatial < 1 || attrs->pads.n != 2 * spatial ||
        ((const ingot_attrs_pad *)pad->attrs)->mode != INGOT_PAD_CONSTANT)
        return NULL;
    if (pad->n_in > 1 && pad->in[1] && (!ingot_value_is_splat(op->graph->module, pad->in[1], &value) || value != 0))
        return NULL;
    for (int32_t i = 0; i < 2 * rank; i++) {
        const ingot_dim *d = pad->sym[i];
        bool batch_or_channel = i % rank < 2;
        if (!ingot_dim_is_const(d) || d->value < 0 || d->value > 4096 || (batch_or_channel && d->value))
            return NULL;
    }
    for (int32_t i = 0; i < spatial; i++) {
        attrs->pads.v[i] += pad->sym[2 + i]->value;
        attrs->pads.v[spatial + i] += pad->sym[rank + 2 + i]->value;
    }
    ingot_op_set_operand(op, 0, pad->in[0]);
    ingot_erase_dead(pad);
    *changed = true;
    return NULL;
}

/* Over axes of size 1 alone, most reductions do nothing. */
static ingot_status simplify_reduce(ingot_op *op, bool *changed)
{
    const ingot_attrs_reduce *attrs = op->attrs;
    ingot_value *made;
    if (attrs->kind > INGOT_REDUCE_PROD || op->prog || op->n_in != 1 || op->in[0]->type.rank < 1)
        return NULL;
    for (int64_t i = 0; i < attrs->axes.n; i++) {
        int64_t axis = attrs->axes.v[i] < 0 ? attrs->axes.v[i] + op->in[0]->type.rank : attrs->axes.v[i];
        if (axis < 0 || axis >= op->in[0]->type.rank || !ingot_dim_is(op->in[0]->type.dims[axis], 1))
            return NULL;
    }
    if (attrs->axes.n == 0)
        return NULL;
    INGOT_TRY(ingot_build_reshape(op, op->in[0], op->out[0]->type.rank, op->out[0]->type.dims, &made));
    return replace(op, made, changed);
}

/* A layout and back. */
static ingot_status simplify_relayout(ingot_op *op, bool *changed)
{
    ingot_op *inner = ingot_def(op->in[0], INGOT_OP_relayout);
    if (ingot_type_equal(&op->in[0]->type, &op->out[0]->type))
        return replace(op, op->in[0], changed);
    return inner ? replace(op, inner->in[0], changed) : NULL;
}

ingot_status ingot_simplify_shape(ingot_op *op, bool *changed)
{
    switch (op->kind) {
    case INGOT_OP_identity:
        return replace(op, op->in[0], changed);
    case INGOT_OP_reshape:
        return simplify_reshape(op, changed);
    case INGOT_OP_transpose:
        return simplify_transpose(op, changed);
    case INGOT_OP_matmul:
        return simplify_matmul(op, changed);
    case INGOT_OP_broadcast:
        return simplify_broadcast(op, changed);
    case INGOT_OP_pad:
        return simplify_pad(op, changed);
    case INGOT_OP_conv:
        return simplify_conv(op, changed);
    case INGOT_OP_reduce:
        return simplify_reduce(op, changed);
    case INGOT_OP_relayout:
        return simplify_relayout(op, changed);
    default:
        return NULL;
    }
}
