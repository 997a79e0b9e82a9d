/* Transposed convolutions with constant weights in terms of convolutions, which have fast kernels.
 *
 *   strides equal to the kernel, no pads   every input pixel makes a patch of its own: a 1x1 convolution to O * kh * kw
 * channels, then the patches are put side by side (reshape, transpose, reshape) else a convolution of the input with
 * zeros between its pixels, by the weights turned around; the zeros cost as many multiplications as there are, so up to
 * strides of 4 in all
 *
 * Weights are rearranged by ops on constants, which canonicalize folds.
 */
#include "passes/decompose.h"

enum { MAX_SPREAD = 4 };

static int64_t entry(const ingot_ints *list, int64_t i, int64_t otherwise)
{
    return i < list->n ? list->v[i] : otherwise;
}

static ingot_status build_conv(ingot_op *op, ingot_value *x, ingot_value *w, int32_t spatial, const int64_t *pads,
                               const ingot_ints *dilations, ingot_value **out)
{
    ingot_op *conv;
    INGOT_TRY(ingot_build(op, INGOT_OP_conv, 2, (ingot_value *[]){x, w}, &conv));
    ingot_attrs_conv *attrs = conv->attrs;
    attrs->groups = 1;
    attrs->strides.n = attrs->dilations.n = spatial;
    attrs->pads.n = 2 * spatial;
    for (int32_t i = 0; i < spatial; i++) {
        attrs->strides.v[i] = 1;
        attrs->dilations.v[i] = dilations ? entry(dilations, i, 1) : 1;
        attrs->pads.v[i] = pads[i];
        attrs->pads.v[spatial + i] = pads[spatial + i];
    }
    INGOT_TRY(ingot_op_infer(conv));
    *out = conv->out[0];
    return NULL;
}

/* [N, C, H, W] -> [N, O kh kw, H, W] -> [N, O, H, kh, W, kw] -> [N, O, H kh, W kw] */
static ingot_status build_patches(ingot_op *op, ingot_value **out)
{
    ingot_module *m = op->graph->module;
    ingot_value *x = op->in[0], *w = op->in[1];
    const ingot_type *to = &op->out[0]->type;
    int32_t rank = x->type.rank, spatial = rank - 2;
    const int64_t no_pads[2 * INGOT_MAX_RANK] = {0};
    const ingot_dim *dims[INGOT_MAX_RANK], *one = ingot_dim_const(m, 1);
    int64_t perm[INGOT_MAX_RANK];
    for (int32_t i = 0; i < rank; i++)
        perm[i] = (i + 1) % rank;
    INGOT_TRY(ingot_build_transpose(op, w, perm, &w)); /* [O, kh, kw, C] */
    dims[0] = w->type.dims[0];
    for (int32_t i = 1; i < rank - 1; i++)
        dims[0] = ingot_dim_mul(m, dims[0], w->type.dims[i]);
    dims[1] = w->type.dims[rank - 1];
    for (int32_t i = 2; i < rank; i++)
        dims[i] = one;
    INGOT_TRY(ingot_build_reshape(op, w, rank, dims, &w));
    INGOT_TRY(build_conv(op, x, w, spatial, no_pads, NULL, &x));
    dims[0] = x->type.dims[0];
    dims[1] = to->dims[1];
    perm[0] = 0;
    perm[1] = 1;
    for (int32_t i = 0; i < spatial; i++) {
        dims[2 + i] = op->in[1]->type.dims[2 + i];
        dims[2 + spatial + i] = op->in[0]->type.dims[2 + i];
        perm[2 + 2 * i] = 2 + spatial + i;
        perm[3 + 2 * i] = 2 + i;
    }
    INGOT_TRY(ingot_build_reshape(op, x, 2 + 2 * spatial, dims, &x));
    INGOT_TRY(ingot_build_transpose(op, x, perm, &x));
    return ingot_build_reshape(op, x, rank, to->dims, out);
}

/* Zeros between the pixels along every axis of stride over 1: [.., H, ..] -> [.., H, 1, ..] -> [.., H, s, ..] -> [.., H
 * s - (s - 1), ..]. */
static ingot_status build_spread(ingot_op *op, const ingot_ints *strides, ingot_value **out)
{
    ingot_module *m = op->graph->module;
    ingot_value *x = op->in[0], *zero;
    const ingot_dim *none = ingot_dim_const(m, 0), *one = ingot_dim_const(m, 1);
    int32_t rank = x->type.rank;
    INGOT_TRY(ingot_build_number(op, x->type.dtype, 0, &zero));
    for (int32_t i = 2; i < rank; i++) {
        int64_t s = entry(strides, i - 2, 1);
        const ingot_dim *dims[INGOT_MAX_RANK], *pads[2 * INGOT_MAX_RANK];
        if (s == 1)
            continue;
        for (int32_t d = 0; d <= rank; d++) {
            dims[d] = d <= i ? x->type.dims[d] : d == i + 1 ? one : x->type.dims[d - 1];
            pads[d] = none;
            pads[rank + 1 + d] = d == i + 1 ? ingot_dim_const(m, s - 1) : none;
        }
        INGOT_TRY(ingot_build_reshape(op, x, rank + 1, dims, &x));
        ingot_op *pad;
        INGOT_TRY(ingot_build(op, INGOT_OP_pad, 2, (ingot_value *[]){x, zero}, &pad));
        INGOT_TRY(ingot_op_set_sym(pad, 2 * (rank + 1), pads));
        INGOT_TRY(ingot_op_infer(pad));
        for (int32_t d = i + 1; d < rank; d++)
            dims[d] = dims[d + 1];
        dims[i] = ingot_dim_mul(m, dims[i], ingot_dim_const(m, s));
        INGOT_TRY(ingot_build_reshape(op, pad->out[0], rank, dims, &x));
        INGOT_TRY(ingot_build_slice1(op, x, i, none, ingot_dim_sub(m, dims[i], ingot_dim_const(m, s - 1)), &x));
    }
    *out = x;
    return NULL;
}

ingot_status ingot_decompose_conv_transpose(ingot_op *op, ingot_pass_context *ctx)
{
    const ingot_attrs_conv_transpose *attrs = op->attrs;
    const ingot_type *w = &op->in[1]->type;
    int32_t rank = op->in[0]->type.rank, spatial = rank - 2;
    if (ctx->level < 1 || op->prog || op->n_in != 2 || attrs->groups > 1 || !ingot_value_literal(op->in[1]) ||
        !ingot_type_is_static(w) || w->rank != rank || rank < 3 || 2 + 2 * spatial > INGOT_MAX_RANK ||
        op->out[0]->type.dtype != INGOT_F32)
        return NULL;
    bool patches = true;
    int64_t spread = 1, pads[2 * INGOT_MAX_RANK];
    for (int32_t i = 0; i < spatial; i++) {
        int64_t k = w->dims[2 + i]->value, s = entry(&attrs->strides, i, 1), d = entry(&attrs->dilations, i, 1);
        int64_t begin = entry(&attrs->pads, i, 0), end = entry(&attrs->pads, spatial + i, 0);
        int64_t extra = entry(&attrs->output_padding, i, 0);
        patches = patches && k == s && d == 1 && !begin && !end && !extra;
        if (s < 1 || s > MAX_SPREAD || k < 1 || k > 4096 || d > 4096)
            return NULL;
        spread *= s;
        pads[i] = (k - 1) * d - begin;
        pads[spatial + i] = (k - 1) * d - end + extra;
    }
    ingot_value *x, *weights;
    if (patches) {
        INGOT_TRY(build_patches(op, &x));
        return ingot_finish_decomposition(op, x);
    }
    for (int32_t i = 0; i < 2 * spatial; i++) {
        if (pads[i] < 0)
            return NULL;
    }
    if (spread > MAX_SPREAD)
        return NULL;
    ingot_op *turned;
    int64_t perm[INGOT_MAX_RANK];
    INGOT_TRY(ingot_build(op, INGOT_OP_reverse, 1, &op->in[1], &turned));
    ingot_attrs_axes *axes = turned->attrs;
    axes->axes.n = spatial;
    for (int32_t i = 0; i < rank; i++) {
        perm[i] = i < 2 ? 1 - i : i;
        if (i < spatial)
            axes->axes.v[i] = 2 + i;
    }
    INGOT_TRY(ingot_op_infer(turned));
    INGOT_TRY(ingot_build_transpose(op, turned->out[0], perm, &weights));
    INGOT_TRY(build_spread(op, &attrs->strides, &x));
    INGOT_TRY(build_conv(op, x, weights, spatial, pads, &attrs->dilations, &x));
    return ingot_finish_decomposition(op, x);
}
