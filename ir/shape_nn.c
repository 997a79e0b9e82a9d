/* Shape rules of reductions, products, windows, recurrences and quantization. */
#include "ir/shape.h"

RULE(reduce)
{
    ingot_attrs_reduce *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    ingot_type t = {.dtype = x->dtype};
    bool set[INGOT_MAX_RANK];
    INGOT_TRY(ingot_infer_axes(&a->axes, x->rank, set));
    for (int32_t i = 0; i < x->rank; i++) {
        if (!set[i])
            t.dims[t.rank++] = x->dims[i];
        else if (a->keepdims)
            t.dims[t.rank++] = constant(op, 1);
    }
    if (a->keepdims && a->axes.n == 0)
        t.layout = x->layout;
    set_type(op, 0, &t);
    return NULL;
}

RULE(reduce_by)
{
    const ingot_attrs_reduce_by *a = op->attrs;
    const ingot_type *x = in_type(op, 0), *axes = in_type(op, 1);
    ingot_type t = {.dtype = x->dtype};
    int64_t count = ingot_type_count(axes);
    INGOT_TRY(ingot_infer_need_rank(op, 1, 0, 1));
    if (!a->keepdims && count < 0)
        return ingot_fail(INGOT_UNSUPPORTED, "the rank of a reduction over a number of axes that the run decides");
    if (count > x->rank)
        return BAD("%lld axes of a tensor of rank %d", (long long)count, (int)x->rank);
    int32_t gone = a->keepdims ? 0 : count == 0 && !a->noop_empty ? x->rank : (int32_t)count;
    t.rank = x->rank - gone;
    for (int32_t i = 0; i < t.rank; i++) { /* one of the sizes that it may be after `gone` have left */
        const ingot_dim *most = constant(op, a->keepdims);
        for (int32_t k = 0; k <= gone; k++)
            most = ingot_dim_max(module_of(op), most, x->dims[i + k]);
        t.dims[i] = ingot_infer_data_symbol(op, "reduced", most, 0, i);
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(arg_reduce)
{
    ingot_attrs_arg_reduce *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    ingot_type t = {.dtype = INGOT_I64};
    INGOT_TRY(ingot_infer_axis(&a->axis, x->rank));
    for (int32_t i = 0; i < x->rank; i++) {
        if (i != a->axis)
            t.dims[t.rank++] = x->dims[i];
        else if (a->keepdims)
            t.dims[t.rank++] = constant(op, 1);
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(layer_norm)
{
    ingot_attrs_norm *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    ingot_type stats = *x;
    INGOT_TRY(ingot_infer_axis(&a->axis, x->rank));
    for (int32_t i = 1; i < op->n_base && i < 3; i++) {
        if (!op->in[i])
            continue;
        INGOT_TRY(ingot_infer_spread_into(op, in_type(op, i), x, "parameters and data"));
    }
    set_type(op, 0, x);
    stats.dtype = INGOT_F32;
    for (int32_t i = (int32_t)a->axis; i < x->rank; i++)
        stats.dims[i] = constant(op, 1);
    set_type(op, 1, &stats);
    set_type(op, 2, &stats);
    return NULL;
}

/* ---- products ---- */

static ingot_status product(ingot_op *op, bool trans_a, bool trans_b, ingot_type *out)
{
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, INGOT_MAX_RANK));
    INGOT_TRY(ingot_infer_need_rank(op, 1, 2, INGOT_MAX_RANK));
    const ingot_type *a = in_type(op, 0), *b = in_type(op, 1);
    ingot_type batch_a = *a, batch_b = *b;
    const ingot_dim *merged;
    batch_a.rank -= 2;
    batch_b.rank -= 2;
    const ingot_dim *const *last_a = a->dims + batch_a.rank, *const *last_b = b->dims + batch_b.rank;
    INGOT_TRY(ingot_infer_unify(op, last_a[trans_a ? 0 : 1], last_b[trans_b ? 1 : 0], "the summed axis", &merged));
    INGOT_TRY(ingot_infer_broadcast_into(op, &batch_a, &batch_b));
    batch_a.dims[batch_a.rank++] = last_a[trans_a ? 1 : 0];
    batch_a.dims[batch_a.rank++] = last_b[trans_b ? 0 : 1];
    batch_a.layout = INGOT_LAYOUT_PLAIN;
    *out = batch_a;
    return NULL;
}

RULE(matmul)
{
    const ingot_attrs_matmul *a = op->attrs;
    ingot_type t;
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    INGOT_TRY(product(op, a->trans_a != 0, a->trans_b != 0, &t));
    set_type(op, 0, &t);
    return NULL;
}

/* Weights of bf16, which are multiplied by bf16 or f32 and summed in f32. */
static ingot_status need_bf16(const ingot_op *op)
{
    ingot_dtype a = in_type(op, 0)->dtype, b = in_type(op, 1)->dtype;
    if (b == INGOT_BF16 && (a == INGOT_BF16 || a == INGOT_F32))
        return NULL;
    return BAD("%s times %s; it takes bf16 or f32 times bf16", ingot_dtype_name(a), ingot_dtype_name(b));
}

RULE(matmul_bf16)
{
    const ingot_attrs_matmul *a = op->attrs;
    ingot_type t;
    INGOT_TRY(need_bf16(op));
    INGOT_TRY(product(op, a->trans_a != 0, a->trans_b != 0, &t));
    t.dtype = INGOT_F32;
    set_type(op, 0, &t);
    return NULL;
}

RULE(matmul_integer)
{
    ingot_type t;
    INGOT_TRY(product(op, false, false, &t));
    t.dtype = INGOT_I32;
    set_type(op, 0, &t);
    return NULL;
}

RULE(attention)
{
    for (int32_t i = 0; i < 3; i++)
        INGOT_TRY(ingot_infer_need_rank(op, i, 4, 4));
    const ingot_type *q = in_type(op, 0), *k = in_type(op, 1), *v = in_type(op, 2);
    const ingot_dim *merged;
    ingot_type t = *q;
    INGOT_TRY(ingot_infer_unify(op, q->dims[0], k->dims[0], "batch of q and k", &t.dims[0]));
    INGOT_TRY(ingot_infer_unify(op, t.dims[0], v->dims[0], "batch of q and v", &t.dims[0]));
    INGOT_TRY(ingot_infer_unify(op, q->dims[3], k->dims[3], "head size of q and k", &merged));
    INGOT_TRY(ingot_infer_unify(op, k->dims[1], v->dims[1], "heads of k and v", &merged));
    INGOT_TRY(ingot_infer_unify(op, k->dims[2], v->dims[2], "positions of k and v", &merged));
    if (ingot_dim_is_const(q->dims[1]) && ingot_dim_is_const(k->dims[1]) &&
        (k->dims[1]->value == 0 || q->dims[1]->value % k->dims[1]->value))
        return BAD("%lld heads of q are no multiple of %lld heads of k", (long long)q->dims[1]->value,
                   (long long)k->dims[1]->value);
    if (in_type(op, 3)) {
        ingot_type scores = t;
        scores.dims[3] = k->dims[2];
        INGOT_TRY(ingot_infer_spread_into(op, in_type(op, 3), &scores, "mask and scores"));
    }
    t.dims[3] = v->dims[3];
    set_type(op, 0, &t);
    return NULL;
}

/* ---- windows ---- */

typedef struct {
    int32_t n;                              /* spatial axes */
    ingot_ints *strides, *pads, *dilations; /* empty: 1, 0, 1; made explicit */
    bool ceil_mode;
} window;

static ingot_status fill(ingot_ints *list, int64_t n, int64_t value, int64_t lowest, const char *what)
{
    if (list->n == 0) {
        for (int64_t i = 0; i < n; i++)
            list->v[i] = value;
        list->n = n;
    }
    if (list->n != n)
        return BAD("%lld %s, expected %lld", (long long)list->n, what, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (list->v[i] < lowest || list->v[i] > INT32_MAX)
            return BAD("%s of %lld", what, (long long)list->v[i]);
    }
    return NULL;
}

static ingot_status window_check(const ingot_op *op, window *w)
{
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, INGOT_MAX_RANK));
    w->n = in_type(op, 0)->rank - 2;
    INGOT_TRY(fill(w->strides, w->n, 1, 1, "strides"));
    INGOT_TRY(fill(w->pads, 2 * (int64_t)w->n, 0, INT32_MIN, "pads"));
    return fill(w->dilations, w->n, 1, 1, "dilations");
}

/* Windows along spatial axis i: floor((size + pads - reach) / stride) + 1, reach = (kernel - 1) * dilation + 1. With
 * ceil_mode, rounded up, without windows that would begin past the data and the low pad. */
static const ingot_dim *window_count(ingot_op *op, const window *w, int32_t i, const ingot_dim *size,
                                     const ingot_dim *kernel)
{
    ingot_module *m = module_of(op);
    const ingot_dim *one = constant(op, 1), *stride = constant(op, w->strides->v[i]);
    const ingot_dim *reach =
        ingot_dim_add(m, ingot_dim_mul(m, ingot_dim_sub(m, kernel, one), constant(op, w->dilations->v[i])), one);
    const ingot_dim *low = ingot_dim_add(m, size, constant(op, w->pads->v[i]));
    const ingot_dim *room = ingot_dim_sub(m, ingot_dim_add(m, low, constant(op, w->pads->v[w->n + i])), reach);
    if (!w->ceil_mode)
        return ingot_dim_add(m, ingot_dim_floordiv(m, room, stride), one);
    const ingot_dim *count = ingot_dim_add(m, ingot_dim_ceildiv(m, room, stride), one);
    return ingot_dim_min(m, count, ingot_dim_ceildiv(m, low, stride));
}

static ingot_status conv_type(ingot_op *op, ingot_type *out)
{
    ingot_attrs_conv *a = op->attrs;
    ingot_module *m = module_of(op);
    window w = {.strides = &a->strides, .pads = &a->pads, .dilations = &a->dilations};
    const ingot_dim *merged;
    INGOT_TRY(window_check(op, &w));
    const ingot_type *x = in_type(op, 0), *weights = in_type(op, 1);
    INGOT_TRY(ingot_infer_need_rank(op, 1, x->rank, x->rank));
    if (a->groups < 1)
        return BAD("%lld groups", (long long)a->groups);
    if (ingot_dim_is_const(weights->dims[0]) && weights->dims[0]->value % a->groups)
        return BAD("%lld output channels in %lld groups", (long long)weights->dims[0]->value, (long long)a->groups);
    INGOT_TRY(ingot_infer_unify(op, x->dims[1], ingot_dim_mul(m, weights->dims[1], constant(op, a->groups)),
                                "channels and weights", &merged));
    ingot_type t = *x;
    t.dims[1] = weights->dims[0];
    for (int32_t i = 0; i < w.n; i++)
        t.dims[2 + i] = window_count(op, &w, i, x->dims[2 + i], weights->dims[2 + i]);
    *out = t;
    return NULL;
}

RULE(conv)
{
    ingot_type t;
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    INGOT_TRY(conv_type(op, &t));
    set_type(op, 0, &t);
    return NULL;
}

RULE(conv_bf16)
{
    ingot_type t;
    INGOT_TRY(need_bf16(op));
    INGOT_TRY(conv_type(op, &t));
    t.dtype = INGOT_F32;
    set_type(op, 0, &t);
    return NULL;
}

RULE(conv_integer)
{
    ingot_type t;
    INGOT_TRY(conv_type(op, &t));
    t.dtype = INGOT_I32;
    set_type(op, 0, &t);
    return NULL;
}

RULE(conv_transpose)
{
    ingot_attrs_conv_transpose *a = op->attrs;
    ingot_module *m = module_of(op);
    window w = {.strides = &a->strides, .pads = &a->pads, .dilations = &a->dilations};
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    INGOT_TRY(window_check(op, &w));
    INGOT_TRY(fill(&a->output_padding, w.n, 0, 0, "output paddings"));
    const ingot_type *x = in_type(op, 0), *weights = in_type(op, 1);
    INGOT_TRY(ingot_infer_need_rank(op, 1, x->rank, x->rank));
    if (a->groups < 1)
        return BAD("%lld groups", (long long)a->groups);
    INGOT_TRY(ingot_infer_unify(op, x->dims[1], weights->dims[0], "channels and weights", &merged));
    ingot_type t = *x;
    t.dims[1] = ingot_dim_mul(m, weights->dims[1], constant(op, a->groups));
    for (int32_t i = 0; i < w.n; i++) {
        const ingot_dim *one = constant(op, 1);
        const ingot_dim *span = ingot_dim_mul(m, ingot_dim_sub(m, x->dims[2 + i], one), constant(op, a->strides.v[i]));
        const ingot_dim *reach =
            ingot_dim_mul(m, ingot_dim_sub(m, weights->dims[2 + i], one), constant(op, a->dilations.v[i]));
        int64_t rest = 1 + a->output_padding.v[i] - a->pads.v[i] - a->pads.v[w.n + i];
        t.dims[2 + i] = ingot_dim_add(m, ingot_dim_add(m, span, reach), constant(op, rest));
    }
    set_type(op, 0, &t);
    return NULL;
}

static ingot_status pooled(ingot_op *op, window *w, ingot_ints *kernel)
{
    INGOT_TRY(window_check(op, w));
    const ingot_type *x = in_type(op, 0);
    if (kernel->n != w->n)
        return BAD("a kernel of %lld axes, expected %d", (long long)kernel->n, (int)w->n);
    INGOT_TRY(fill(kernel, w->n, 1, 1, "kernel sizes"));
    ingot_type t = *x;
    for (int32_t i = 0; i < w->n; i++)
        t.dims[2 + i] = window_count(op, w, i, x->dims[2 + i], constant(op, kernel->v[i]));
    set_type(op, 0, &t);
    t.dtype = INGOT_I64;
    set_type(op, 1, &t);
    return NULL;
}

RULE(pool)
{
    ingot_attrs_pool *a = op->attrs;
    window w = {.strides = &a->strides, .pads = &a->pads, .dilations = &a->dilations, .ceil_mode = a->ceil_mode != 0};
    return pooled(op, &w, &a->kernel);
}

RULE(lp_pool)
{
    ingot_attrs_lp_pool *a = op->attrs;
    window w = {.strides = &a->strides, .pads = &a->pads, .dilations = &a->dilations, .ceil_mode = a->ceil_mode != 0};
    return pooled(op, &w, &a->kernel);
}

/* ---- recurrences ---- */

RULE(recurrent)
{
    const ingot_attrs_recurrent *a = op->attrs;
    int64_t gates = op->kind == INGOT_OP_lstm ? 4 : op->kind == INGOT_OP_gru ? 3 : 1;
    int64_t directions = a->direction == INGOT_BIDIRECTIONAL ? 2 : 1, rows;
    const ingot_dim *merged;
    for (int32_t i = 0; i < 3; i++)
        INGOT_TRY(ingot_infer_need_rank(op, i, 3, 3));
    const ingot_type *x = in_type(op, 0), *w = in_type(op, 1), *r = in_type(op, 2);
    if (a->hidden < 1 || __builtin_mul_overflow(gates, a->hidden, &rows))
        return BAD("a hidden size of %lld", (long long)a->hidden);
    const ingot_dim *hidden = constant(op, a->hidden), *count = constant(op, directions);
    INGOT_TRY(ingot_infer_unify(op, w->dims[0], count, "directions of W", &merged));
    INGOT_TRY(ingot_infer_unify(op, r->dims[0], count, "directions of R", &merged));
    INGOT_TRY(ingot_infer_unify(op, w->dims[1], constant(op, rows), "rows of W", &merged));
    INGOT_TRY(ingot_infer_unify(op, r->dims[1], constant(op, rows), "rows of R", &merged));
    INGOT_TRY(ingot_infer_unify(op, r->dims[2], hidden, "columns of R", &merged));
    INGOT_TRY(ingot_infer_unify(op, x->dims[2], w->dims[2], "features of X and W", &merged));
    const ingot_dim *time = x->dims[a->batch_first ? 1 : 0], *batch = x->dims[a->batch_first ? 0 : 1];
    ingot_type y = a->batch_first ? ingot_type_make(x->dtype, 4, (const ingot_dim *[]){batch, time, count, hidden})
                                  : ingot_type_make(x->dtype, 4, (const ingot_dim *[]){time, count, batch, hidden});
    ingot_type last = a->batch_first ? ingot_type_make(x->dtype, 3, (const ingot_dim *[]){batch, count, hidden})
                                     : ingot_type_make(x->dtype, 3, (const ingot_dim *[]){count, batch, hidden});
    set_type(op, 0, &y);
    set_type(op, 1, &last);
    set_type(op, 2, &last);
    return NULL;
}

/* ---- quantization ---- */

/* Scale and zero point: a scalar, one per index of the axis, or one per block along it. */
static ingot_status check_scale(ingot_op *op)
{
    ingot_attrs_quantize *a = op->attrs;
    const ingot_type *x = in_type(op, 0), *scale = in_type(op, 1);
    const ingot_dim *merged;
    if (scale->rank == 0 || (scale->rank == 1 && ingot_dim_is(scale->dims[0], 1)))
        return NULL;
    INGOT_TRY(ingot_infer_axis(&a->axis, x->rank));
    if (scale->rank == 1 && x->rank >= 1 && a->block == 0)
        return ingot_infer_unify(op, x->dims[a->axis], scale->dims[0], "axis and scales", &merged);
    if (scale->rank != x->rank || a->block < 1)
        return BAD("scales of rank %d and a block of %lld", (int)scale->rank, (long long)a->block);
    return NULL;
}

RULE(quantize) /* without a zero point: u8, or the integer type that the result was given */
{
    ingot_type t = *in_type(op, 0);
    ingot_dtype given = op->out[0]->type.dtype;
    INGOT_TRY(check_scale(op));
    t.dtype = in_type(op, 2) ? in_type(op, 2)->dtype : given != INGOT_UNDEFINED ? given : INGOT_U8;
    set_type(op, 0, &t);
    return NULL;
}

RULE(dequantize)
{
    ingot_type t = *in_type(op, 0);
    INGOT_TRY(check_scale(op));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 2));
    t.dtype = in_type(op, 1)->dtype;
    set_type(op, 0, &t);
    return NULL;
}

RULE(dynamic_quantize)
{
    ingot_type t = *in_type(op, 0), scalar = {.dtype = INGOT_F32};
    t.dtype = INGOT_U8;
    set_type(op, 0, &t);
    set_type(op, 1, &scalar);
    scalar.dtype = INGOT_U8;
    set_type(op, 2, &scalar);
    return NULL;
}
