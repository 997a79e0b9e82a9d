/* Layer norm and RMS norm written out become one op.
 *
 *   d = x - mean(x);  d / sqrt(mean(d * d) + eps) * gamma + beta      layer_norm(x, gamma, beta)
 *   x / sqrt(mean(x * x) + eps) * gamma                                rms_norm(x, gamma)
 *
 * over the last axes. The quotient may be written with div, reciprocal, rsqrt or 1 / ..., the square with pow or mul
 * (canonicalize makes it mul). gamma and beta may be missing (ones, nothing) and must have the shape of the normalised
 * axes. Needs: canonicalize.
 */
#include "passes/internal.h"

/* mean(v) over the last axes, kept: the first such axis, or -1. */
static int64_t mean_axis(const ingot_op *op)
{
    if (!op || op->n_in != 1)
        return -1;
    const ingot_attrs_reduce *attrs = op->attrs;
    int32_t rank = op->in[0]->type.rank;
    uint32_t axes = 0;
    if (attrs->kind != INGOT_REDUCE_MEAN || !attrs->keepdims || attrs->axes.n < 1)
        return -1;
    for (int64_t i = 0; i < attrs->axes.n; i++) {
        int64_t axis = attrs->axes.v[i] < 0 ? attrs->axes.v[i] + rank : attrs->axes.v[i];
        if (axis < 0 || axis >= rank)
            return -1;
        axes |= 1u << axis;
    }
    int64_t first = rank - attrs->axes.n;
    return first >= 0 && axes == ((1u << rank) - (1u << first)) ? first : -1;
}

/* v = x - mean(x): the axis, or -1. */
static int64_t match_centred(const ingot_value *v, ingot_value **out_x)
{
    const ingot_op *sub = ingot_def(v, INGOT_OP_sub);
    const ingot_op *mean = sub ? ingot_def(sub->in[1], INGOT_OP_reduce) : NULL;
    int64_t axis = mean_axis(mean);
    if (axis < 0 || mean->in[0] != sub->in[0])
        return -1;
    *out_x = sub->in[0];
    return axis;
}

/* v = mean(d * d) + eps with d or an equal difference: the axis, or -1. */
static int64_t match_variance(ingot_value *v, const ingot_value *d, double *out_epsilon)
{
    ingot_value *mean_value, *x = NULL, *of_d = NULL;
    *out_epsilon = 0;
    if (!ingot_match_number(v, INGOT_OP_add, &mean_value, out_epsilon))
        mean_value = v;
    const ingot_op *mean = ingot_def(mean_value, INGOT_OP_reduce);
    int64_t axis = mean_axis(mean);
    const ingot_op *square = axis < 0 ? NULL : ingot_def(mean->in[0], INGOT_OP_mul);
    if (!square || square->in[0] != square->in[1])
        return -1;
    bool same = square->in[0] == d;
    if (!same && match_centred(d, &of_d) == axis && match_centred(square->in[0], &x) == axis)
        same = x == of_d;
    return same ? axis : -1;
}

/* v = d / sqrt(variance), in any spelling: d and the value under the root. */
static bool match_quotient(ingot_op *op, int32_t side, ingot_value **out_d, ingot_value **out_variance)
{
    ingot_value *d, *r;
    if (op->kind == INGOT_OP_div) {
        const ingot_op *root = side == 1 ? ingot_def(op->in[1], INGOT_OP_sqrt) : NULL;
        if (!root)
            return false;
        *out_d = op->in[0];
        *out_variance = root->in[0];
        return true;
    }
    r = op->in[side];
    d = op->in[1 - side];
    *out_d = d;
    const ingot_op *root = ingot_def(r, INGOT_OP_rsqrt);
    if (!root) {
        const ingot_op *inverse = ingot_def(r, INGOT_OP_reciprocal), *div = ingot_def(r, INGOT_OP_div);
        const ingot_value *below = inverse ? inverse->in[0] : div && ingot_is_number(div->in[0], 1) ? div->in[1] : NULL;
        root = ingot_def(below, INGOT_OP_sqrt);
    }
    if (!root)
        return false;
    *out_variance = root->in[0];
    return true;
}

/* True when v is as a scale or bias of axes axis.. of `type` must be. */
static bool is_parameter(const ingot_value *v, const ingot_type *type, int64_t axis)
{
    if (v->type.rank != type->rank - axis || v->type.dtype != type->dtype)
        return false;
    for (int32_t i = 0; i < v->type.rank; i++) {
        if (v->type.dims[i] != type->dims[axis + i])
            return false;
    }
    return true;
}

/* The only user of v when it is kind(v, parameter): also returns the parameter. */
static ingot_op *match_parameter(ingot_value *v, ingot_op_kind kind, int64_t axis, ingot_value **out_parameter)
{
    ingot_op *op = ingot_value_has_one_use(v) ? v->uses->op : NULL;
    if (!op || op->kind != kind || op->prog || op->graph != v->graph || op->in[0] == op->in[1] ||
        !ingot_type_equal(&op->out[0]->type, &v->type))
        return NULL;
    *out_parameter = op->in[op->in[0] == v ? 1 : 0];
    return is_parameter(*out_parameter, &v->type, axis) ? op : NULL;
}

static ingot_status recognize_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    if ((op->kind != INGOT_OP_div && op->kind != INGOT_OP_mul) || op->prog ||
        !ingot_dtype_is_float(op->out[0]->type.dtype))
        return NULL;
    for (int32_t side = 1; side >= 0; side--) {
        ingot_value *d, *variance, *x, *gamma = NULL, *beta = NULL;
        double epsilon;
        if (!match_quotient(op, side, &d, &variance) || !ingot_type_equal(&d->type, &op->out[0]->type))
            continue;
        int64_t axis = match_variance(variance, d, &epsilon);
        if (axis < 0)
            continue;
        bool layer = match_centred(d, &x) == axis;
        if (!layer)
            x = d;
        ingot_op *last = op, *user = match_parameter(op->out[0], INGOT_OP_mul, axis, &gamma);
        if (user)
            last = user;
        else
            gamma = NULL;
        user = layer ? match_parameter(last->out[0], INGOT_OP_add, axis, &beta) : NULL;
        if (user)
            last = user;
        else
            beta = NULL;
        if (!gamma) {
            ingot_type type = ingot_type_make(x->type.dtype, x->type.rank - (int32_t)axis, x->type.dims + axis);
            if (!ingot_type_is_static(&type))
                return NULL;
            INGOT_TRY(ingot_graph_add_splat(op->graph, last, &type, 1, &gamma));
        }
        ingot_op *made;
        INGOT_TRY(ingot_build(last, layer ? INGOT_OP_layer_norm : INGOT_OP_rms_norm, beta ? 3 : 2,
                              (ingot_value *[]){x, gamma, beta}, &made));
        made->loc = op->loc;
        ingot_attrs_norm *attrs = made->attrs;
        attrs->axis = axis;
        attrs->epsilon = epsilon;
        INGOT_TRY(ingot_op_infer(made));
        if (!ingot_type_equal(&made->out[0]->type, &last->out[0]->type)) {
            ingot_erase_dead(made);
            return NULL;
        }
        ingot_note(ctx, "%s from %d ops at '%s'", layer ? "layer norm" : "RMS norm",
                   (layer ? 7 : 5) + (last != op) + (beta && last != op), op->loc ? op->loc : "");
        return ingot_replace_op(last, made->out[0]);
    }
    return NULL;
}

static ingot_status recognize_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, recognize_op);
}

ingot_status ingot_pass_recognize_norms(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, recognize_graph);
}
