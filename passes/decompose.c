/* Decomposition: ops without kernels of their own become ops that have them.
 *
 *   quantize, dequantize, dynamic_quantize        elementwise ops and reductions (decompose_quantize.c)
 *   matmul_integer, conv_integer                  forms that have kernels (decompose_quantize.c)
 *   batch_norm (operands not constant)            mul, add per channel
 *   group_norm                                    mean and variance of a reshaped value, mul, add
 *   lrn                                           average pooling across channels, pow, div
 *   one_hot                                       eq with a range, select
 *   reduce log_sum, log_sum_exp                   sum with exp and log around
 *   is_inf of one sign                            is_inf and a comparison
 *   conv_transpose                                convolutions (decompose_conv_transpose.c)
 *   resize, nearest, of axes of one element        broadcast
 *
 * Needs nothing. What has a form that these do not cover stays and runs portable.
 */
#include "passes/decompose.h"
#include <string.h>

ingot_status ingot_build_channel_vector(ingot_op *before, ingot_value *v, int32_t rank, int32_t axis, ingot_value **out)
{
    const ingot_dim *dims[INGOT_MAX_RANK];
    ingot_module *m = before->graph->module;
    for (int32_t i = axis; i < rank; i++)
        dims[i - axis] = i == axis ? v->type.dims[0] : ingot_dim_const(m, 1);
    return ingot_build_reshape(before, v, rank - axis, dims, out);
}

ingot_status ingot_finish_decomposition(ingot_op *op, ingot_value *v)
{
    if (ingot_type_equal(&v->type, &op->out[0]->type))
        return ingot_replace_op(op, v);
    if (v->def)
        ingot_erase_dead(v->def); /* sizes that are equal but written differently: the op stays */
    return NULL;
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias, the part that depends on the channel alone first. */
static ingot_status decompose_batch_norm(ingot_op *op)
{
    ingot_dtype dtype = op->out[0]->type.dtype;
    ingot_value *x = op->in[0], *scale, *shift, *number;
    int32_t rank = x->type.rank;
    if (op->prog || rank < 2 || op->n_in != 5)
        return NULL;
    for (int32_t i = 1; i < 5; i++) {
        if (!op->in[i] || op->in[i]->type.rank != 1 || op->in[i]->type.dtype != dtype)
            return NULL;
    }
    INGOT_TRY(ingot_build_number(op, dtype, ((const ingot_attrs_norm *)op->attrs)->epsilon, &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, op->in[4], number, &scale));
    INGOT_TRY(ingot_build1(op, INGOT_OP_sqrt, scale, &scale));
    INGOT_TRY(ingot_build2(op, INGOT_OP_div, op->in[1], scale, &scale));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, op->in[3], scale, &shift));
    INGOT_TRY(ingot_build2(op, INGOT_OP_sub, op->in[2], shift, &shift));
    INGOT_TRY(ingot_build_channel_vector(op, scale, rank, 1, &scale));
    INGOT_TRY(ingot_build_channel_vector(op, shift, rank, 1, &shift));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, scale, &x));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, x, shift, &x));
    return ingot_finish_decomposition(op, x);
}

/* x [N,C,...] as [N, groups, rest]: mean, variance of `rest`; then scale and bias [C]. */
static ingot_status decompose_group_norm(ingot_op *op)
{
    ingot_module *m = op->graph->module;
    const ingot_attrs_group_norm *attrs = op->attrs;
    ingot_value *x = op->in[0], *d, *mean, *variance, *number, *scale, *bias;
    const ingot_type *type = &op->out[0]->type;
    ingot_dtype dtype = type->dtype;
    int32_t rank = x->type.rank;
    if (rank < 2 || attrs->groups < 1 || !op->in[1] || !op->in[2] || op->in[1]->type.rank != 1 ||
        op->in[2]->type.rank != 1 || !ingot_dtype_is_float(dtype) || op->in[1]->type.dtype != dtype ||
        op->in[2]->type.dtype != dtype)
        return NULL;
    const ingot_dim *groups = ingot_dim_const(m, attrs->groups);
    const ingot_dim *rest = ingot_dim_floordiv(m, x->type.dims[1], groups);
    for (int32_t i = 2; i < rank; i++)
        rest = ingot_dim_mul(m, rest, x->type.dims[i]);
    INGOT_TRY(ingot_build_reshape(op, x, 3, (const ingot_dim *[]){x->type.dims[0], groups, rest}, &x));
    ingot_ints last = {1, {2}};
    INGOT_TRY(ingot_build_reduce(op, x, INGOT_REDUCE_MEAN, &last, true, &mean));
    INGOT_TRY(ingot_build2(op, INGOT_OP_sub, x, mean, &d));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, d, d, &variance));
    INGOT_TRY(ingot_build_reduce(op, variance, INGOT_REDUCE_MEAN, &last, true, &variance));
    INGOT_TRY(ingot_build_number(op, dtype, attrs->epsilon, &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, variance, number, &variance));
    INGOT_TRY(ingot_build1(op, INGOT_OP_rsqrt, variance, &variance));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, d, variance, &x));
    INGOT_TRY(ingot_build_reshape(op, x, rank, type->dims, &x));
    INGOT_TRY(ingot_build_channel_vector(op, op->in[1], rank, 1, &scale));
    INGOT_TRY(ingot_build_channel_vector(op, op->in[2], rank, 1, &bias));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, scale, &x));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, x, bias, &x));
    return ingot_finish_decomposition(op, x);
}

/* x / (bias + alpha * mean of x^2 over `size` neighbouring channels)^beta; the mean is average pooling of [N, 1, C,
 * rest] with zeros around. */
/* y^beta for y >= 0: square roots for the usual 0.75, which cost a tenth of a power. */
static ingot_status build_lrn_power(ingot_op *op, ingot_value *y, const ingot_attrs_lrn *attrs, ingot_value **out)
{
    ingot_value *root, *number;
    if (attrs->beta == 0.75 && attrs->bias >= 0 && attrs->alpha >= 0) {
        INGOT_TRY(ingot_build1(op, INGOT_OP_sqrt, y, &root));
        INGOT_TRY(ingot_build1(op, INGOT_OP_sqrt, root, &y));
        return ingot_build2(op, INGOT_OP_mul, root, y, out);
    }
    INGOT_TRY(ingot_build_number(op, INGOT_F32, attrs->beta, &number));
    return ingot_build2(op, INGOT_OP_pow, y, number, out);
}

static ingot_status decompose_lrn(ingot_op *op)
{
    ingot_module *m = op->graph->module;
    const ingot_attrs_lrn *attrs = op->attrs;
    ingot_value *x = op->in[0], *y, *number;
    int32_t rank = x->type.rank;
    if (rank < 3 || attrs->size < 1 || attrs->size > 4096 || x->type.dtype != INGOT_F32)
        return NULL;
    const ingot_dim *rest = x->type.dims[2], *one = ingot_dim_const(m, 1);
    for (int32_t i = 3; i < rank; i++)
        rest = ingot_dim_mul(m, rest, x->type.dims[i]);
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, x, &y));
    INGOT_TRY(ingot_build_reshape(op, y, 4, (const ingot_dim *[]){x->type.dims[0], one, x->type.dims[1], rest}, &y));
    ingot_op *pool;
    INGOT_TRY(ingot_build(op, INGOT_OP_avg_pool, 1, &y, &pool));
    ingot_attrs_pool *p = pool->attrs;
    p->kernel = (ingot_ints){2, {attrs->size, 1}};
    p->strides = p->dilations = (ingot_ints){2, {1, 1}};
    p->pads = (ingot_ints){4, {(attrs->size - 1) / 2, 0, attrs->size / 2, 0}};
    p->count_include_pad = 1;
    INGOT_TRY(ingot_op_infer(pool));
    INGOT_TRY(ingot_build_reshape(op, pool->out[0], rank, x->type.dims, &y));
    INGOT_TRY(ingot_build_number(op, INGOT_F32, attrs->alpha, &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, y, number, &y));
    INGOT_TRY(ingot_build_number(op, INGOT_F32, attrs->bias, &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, y, number, &y));
    INGOT_TRY(build_lrn_power(op, y, attrs, &y));
    INGOT_TRY(ingot_build2(op, INGOT_OP_div, x, y, &y));
    return ingot_finish_decomposition(op, y);
}

/* indices compared with 0..depth-1 along the new axis; negative ones count from the end, others outside match nothing.
 */
static ingot_status decompose_one_hot(ingot_op *op)
{
    ingot_module *m = op->graph->module;
    ingot_value *indices = op->in[0], *values = op->in[1], *range, *zero, *one, *depth, *test, *wrapped, *on, *off;
    const ingot_type *type = &op->out[0]->type;
    int64_t axis = ((const ingot_attrs_one_hot *)op->attrs)->axis;
    if (op->n_sym != 1 || type->rank < 1 || type->rank != indices->type.rank + 1 || values->type.rank != 1 ||
        values->type.dtype == INGOT_STRING || ingot_dtype_bits(values->type.dtype) < 8)
        return NULL;
    if (axis < 0)
        axis += type->rank;
    if (axis < 0 || axis >= type->rank)
        return NULL;
    const ingot_dim *dims[INGOT_MAX_RANK];
    for (int32_t i = 0; i < type->rank; i++)
        dims[i] = i == axis ? ingot_dim_const(m, 1) : indices->type.dims[i < axis ? i : i - 1];
    INGOT_TRY(ingot_build_cast(op, indices, INGOT_I64, &indices));
    INGOT_TRY(ingot_build_reshape(op, indices, type->rank, dims, &indices));
    INGOT_TRY(ingot_build_number(op, INGOT_I64, 0, &zero));
    INGOT_TRY(ingot_build_number(op, INGOT_I64, 1, &one));
    ingot_op *made;
    INGOT_TRY(ingot_build(op, INGOT_OP_range, 2, (ingot_value *[]){zero, one}, &made));
    INGOT_TRY(ingot_op_set_sym(made, 1, op->sym));
    INGOT_TRY(ingot_op_infer(made));
    INGOT_TRY(ingot_build_channel_vector(op, made->out[0], type->rank, (int32_t)axis, &range));
    INGOT_TRY(ingot_build(op, INGOT_OP_dims, 0, NULL, &made));
    INGOT_TRY(ingot_op_set_sym(made, 1, op->sym));
    made->out[0]->type = ingot_type_make(INGOT_I64, 0, NULL);
    depth = made->out[0];
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, indices, depth, &wrapped));
    INGOT_TRY(ingot_build2(op, INGOT_OP_lt, indices, zero, &test));
    INGOT_TRY(ingot_build3(op, INGOT_OP_select, test, wrapped, indices, &indices));
    INGOT_TRY(ingot_build2(op, INGOT_OP_eq, indices, range, &test));
    INGOT_TRY(ingot_build_slice1(op, values, 0, ingot_dim_const(m, 0), ingot_dim_const(m, 1), &off));
    INGOT_TRY(ingot_build_slice1(op, values, 0, ingot_dim_const(m, 1), ingot_dim_const(m, 1), &on));
    INGOT_TRY(ingot_build3(op, INGOT_OP_select, test, on, off, &test));
    return ingot_finish_decomposition(op, test);
}

/* log(sum(x)); max + log(sum(exp(x - max))), with max replaced by 0 where it is infinite. */
static ingot_status decompose_reduce(ingot_op *op)
{
    const ingot_attrs_reduce *attrs = op->attrs;
    ingot_value *x = op->in[0], *y, *peak, *test, *zero;
    if ((attrs->kind != INGOT_REDUCE_LOG_SUM && attrs->kind != INGOT_REDUCE_LOG_SUM_EXP) || op->prog || op->n_in != 1 ||
        !ingot_dtype_is_float(x->type.dtype))
        return NULL;
    if (attrs->kind == INGOT_REDUCE_LOG_SUM) {
        INGOT_TRY(ingot_build_reduce(op, x, INGOT_REDUCE_SUM, &attrs->axes, attrs->keepdims, &y));
        INGOT_TRY(ingot_build1(op, INGOT_OP_log, y, &y));
        return ingot_finish_decomposition(op, y);
    }
    INGOT_TRY(ingot_build_reduce(op, x, INGOT_REDUCE_MAX, &attrs->axes, true, &peak));
    ingot_op *inf;
    INGOT_TRY(ingot_build(op, INGOT_OP_is_inf, 1, &peak, &inf));
    ((ingot_attrs_is_inf *)inf->attrs)->negative = ((ingot_attrs_is_inf *)inf->attrs)->positive = 1;
    INGOT_TRY(ingot_op_infer(inf));
    test = inf->out[0];
    INGOT_TRY(ingot_build_number(op, x->type.dtype, 0, &zero));
    INGOT_TRY(ingot_build3(op, INGOT_OP_select, test, zero, peak, &peak));
    INGOT_TRY(ingot_build2(op, INGOT_OP_sub, x, peak, &y));
    INGOT_TRY(ingot_build1(op, INGOT_OP_exp, y, &y));
    INGOT_TRY(ingot_build_reduce(op, y, INGOT_REDUCE_SUM, &attrs->axes, true, &y));
    INGOT_TRY(ingot_build1(op, INGOT_OP_log, y, &y));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, y, peak, &y));
    INGOT_TRY(ingot_build_reshape(op, y, op->out[0]->type.rank, op->out[0]->type.dims, &y));
    return ingot_finish_decomposition(op, y);
}

static ingot_status decompose_is_inf(ingot_op *op)
{
    const ingot_attrs_is_inf *attrs = op->attrs;
    ingot_value *test, *zero, *sign;
    if (attrs->negative == attrs->positive || !ingot_dtype_is_float(op->in[0]->type.dtype))
        return NULL;
    ingot_op *inf;
    INGOT_TRY(ingot_build(op, INGOT_OP_is_inf, 1, op->in, &inf));
    ((ingot_attrs_is_inf *)inf->attrs)->negative = ((ingot_attrs_is_inf *)inf->attrs)->positive = 1;
    INGOT_TRY(ingot_op_infer(inf));
    INGOT_TRY(ingot_build_number(op, op->in[0]->type.dtype, 0, &zero));
    INGOT_TRY(ingot_build2(op, attrs->positive ? INGOT_OP_gt : INGOT_OP_lt, op->in[0], zero, &sign));
    INGOT_TRY(ingot_build2(op, INGOT_OP_and, inf->out[0], sign, &test));
    return ingot_finish_decomposition(op, test);
}

/* Nearest to the one element of an axis is that element: a broadcast. */
static ingot_status decompose_resize(ingot_op *op)
{
    const ingot_attrs_resize *attrs = op->attrs;
    const ingot_type *from = &op->in[0]->type, *to = &op->out[0]->type;
    bool any = false;
    if (attrs->mode != INGOT_RESIZE_NEAREST || attrs->coords == INGOT_COORDS_TF_CROP_AND_RESIZE || op->n_in > 1 ||
        from->rank != to->rank)
        return NULL;
    for (int32_t i = 0; i < from->rank; i++) {
        bool same = from->dims[i] == to->dims[i] && (!op->n_scales || op->scales[i] == 1);
        if (!same && !ingot_dim_is(from->dims[i], 1))
            return NULL;
        any = any || !same;
    }
    ingot_op *made;
    if (!any)
        return NULL;
    INGOT_TRY(ingot_build(op, INGOT_OP_broadcast, 1, op->in, &made));
    INGOT_TRY(ingot_op_set_sym(made, to->rank, to->dims));
    INGOT_TRY(ingot_op_infer(made));
    return ingot_finish_decomposition(op, made->out[0]);
}

static ingot_status decompose_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    switch (op->kind) {
    case INGOT_OP_batch_norm:
        return decompose_batch_norm(op);
    case INGOT_OP_group_norm:
        return decompose_group_norm(op);
    case INGOT_OP_lrn:
        return decompose_lrn(op);
    case INGOT_OP_one_hot:
        return decompose_one_hot(op);
    case INGOT_OP_reduce:
        return decompose_reduce(op);
    case INGOT_OP_is_inf:
        return decompose_is_inf(op);
    case INGOT_OP_conv_transpose:
        return ingot_decompose_conv_transpose(op, ctx);
    case INGOT_OP_resize:
        return decompose_resize(op);
    case INGOT_OP_quantize:
        return ingot_decompose_quantize(op);
    case INGOT_OP_dequantize:
        return ingot_decompose_dequantize(op, ctx);
    case INGOT_OP_dynamic_quantize:
        return ingot_decompose_dynamic_quantize(op);
    case INGOT_OP_matmul_integer:
    case INGOT_OP_conv_integer:
        return ingot_decompose_integer(op, ctx);
    default:
        return NULL;
    }
}

static ingot_status decompose_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, decompose_op);
}

ingot_status ingot_pass_decompose(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, decompose_graph);
}
