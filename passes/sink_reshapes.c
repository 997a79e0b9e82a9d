/* Reshapes move below elementwise ops, so that a matmul and what follows it meet:
 *
 *     gelu(reshape(x))              ->  reshape(gelu(x))
 *     add(reshape(x), y)            ->  reshape(add(x, reshape'(y)))     y of the result's shape: its reshape is free
 *     add(reshape(x), bias [N])     ->  reshape(add(x, bias))            when the last axis is the same before and
 * after
 *
 * where x is made by an op that takes an epilogue, or by an elementwise op, and has no other use. Ends: reshapes only
 * move towards results. Needs: canonicalize, which merges reshapes that meet.
 */
#include "passes/internal.h"

static bool worth_it(const ingot_value *x)
{
    if (!x->def || !ingot_value_has_one_use(x) || x->type.layout != INGOT_LAYOUT_PLAIN)
        return false;
    switch (x->def->kind) {
    case INGOT_OP_matmul:
    case INGOT_OP_conv:
    case INGOT_OP_matmul_bf16:
    case INGOT_OP_matmul_integer:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_conv_integer:
    case INGOT_OP_conv_transpose:
    case INGOT_OP_layer_norm:
    case INGOT_OP_rms_norm:
    case INGOT_OP_softmax:
    case INGOT_OP_reduce:
    case INGOT_OP_max_pool:
    case INGOT_OP_avg_pool:
        return x->def->n_out == 1;
    default:
        return ingot_is_elementwise(x->def);
    }
}

/* True when operand `v` of an op whose operands and result have shape `to` can be read by an op of shape `from`
 * instead. */
static bool survives(const ingot_value *v, const ingot_type *to, const ingot_type *from)
{
    if (ingot_same_shape(&v->type, to) || ingot_type_count(&v->type) == 1)
        return true;
    /* A vector along the last axis, or a matrix along the last two, and so on: the axes it has are the same on both
     * sides. */
    if (v->type.rank > to->rank || v->type.rank > from->rank)
        return false;
    for (int32_t i = 1; i <= v->type.rank; i++) {
        if (v->type.dims[v->type.rank - i] != to->dims[to->rank - i] ||
            v->type.dims[v->type.rank - i] != from->dims[from->rank - i])
            return false;
    }
    return true;
}

static ingot_status sink_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    (void)ctx;
    if (!ingot_op_info_get(op->kind)->scalar || !ingot_is_elementwise(op))
        return NULL;
    const ingot_type *to = &op->out[0]->type;
    for (int32_t i = 0; i < op->n_in; i++) {
        ingot_op *reshape = ingot_def(op->in[i], INGOT_OP_reshape);
        if (!reshape || !ingot_value_has_one_use(op->in[i]) || !ingot_same_shape(&op->in[i]->type, to) ||
            !worth_it(reshape->in[0]))
            continue;
        ingot_value *in[3], *x = reshape->in[0], *made;
        bool all = op->n_in <= 3;
        for (int32_t j = 0; j < op->n_in && all; j++)
            all = survives(op->in[j], to, &x->type);
        if (!all)
            continue;
        for (int32_t j = 0; j < op->n_in; j++) {
            in[j] = op->in[j];
            if (j == i)
                in[j] = x;
            else if (ingot_type_count(&in[j]->type) == 1) /* of any rank: as a number it fits everywhere */
                INGOT_TRY(ingot_build_reshape(op, in[j], 0, NULL, &in[j]));
            else if (ingot_same_shape(&in[j]->type, to))
                INGOT_TRY(ingot_build_reshape(op, in[j], x->type.rank, x->type.dims, &in[j]));
        }
        ingot_op *moved;
        INGOT_TRY(ingot_build(op, op->kind, op->n_in, in, &moved));
        ingot_copy_attrs(moved, op);
        INGOT_TRY(ingot_op_infer(moved));
        INGOT_TRY(ingot_build_reshape(op, moved->out[0], to->rank, to->dims, &made));
        if (!ingot_type_equal(&made->type, to)) {
            ingot_erase_dead(made->def);
            return NULL;
        }
        return ingot_replace_op(op, made);
    }
    return NULL;
}

static ingot_status sink_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, sink_op); /* in order, so that a reshape sinks all the way in one walk */
}

ingot_status ingot_pass_sink_reshapes(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, sink_graph);
}
