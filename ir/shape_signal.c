/* Shape rules of transforms, matrices of signal processing, and recurrent states. */
#include "ir/shape.h"

RULE(bitcast)
{
    int64_t to = ((const ingot_attrs_cast *)op->attrs)->to;
    ingot_type t = *in_type(op, 0);
    if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT)
        return BAD("%lld is not an element type", (long long)to);
    if (t.dtype == INGOT_STRING || to == INGOT_STRING || ingot_dtype_bits(t.dtype) != ingot_dtype_bits((ingot_dtype)to))
        return BAD("%s and %s have not the same number of bits", ingot_dtype_name(t.dtype),
                   ingot_dtype_name((ingot_dtype)to));
    t.dtype = (ingot_dtype)to;
    set_type(op, 0, &t);
    return NULL;
}

RULE(det)
{
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, INGOT_MAX_RANK));
    ingot_type t = *in_type(op, 0);
    if (!ingot_dtype_is_float(t.dtype))
        return BAD("matrices of %s, expected a floating-point type", ingot_dtype_name(t.dtype));
    INGOT_TRY(ingot_infer_unify(op, t.dims[t.rank - 2], t.dims[t.rank - 1], "rows and columns", &merged));
    t.rank -= 2;
    set_type(op, 0, &t);
    return NULL;
}

/* 1 where two sizes are equal, else 0. */
static const ingot_dim *equal(const ingot_op *op, const ingot_dim *a, const ingot_dim *b)
{
    ingot_module *m = module_of(op);
    const ingot_dim *zero = constant(op, 0), *one = constant(op, 1);
    const ingot_dim *apart = ingot_dim_max(m, ingot_dim_sub(m, a, b), ingot_dim_sub(m, b, a));
    return ingot_dim_max(m, zero, ingot_dim_sub(m, one, ingot_dim_max(m, zero, apart)));
}

RULE(dft)
{
    ingot_attrs_dft *a = op->attrs;
    ingot_module *m = module_of(op);
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, INGOT_MAX_RANK));
    if (op->n_sym != 2)
        INGOT_TRY(ingot_infer_need_sym(op, 1));
    ingot_type t = *in_type(op, 0);
    const ingot_dim *parts = t.dims[t.rank - 1], *n = op->sym[0];
    if (op->n_sym == 1)
        INGOT_TRY(ingot_infer_axis(&a->axis, t.rank));
    if (op->n_sym == 1 && a->axis == t.rank - 1)
        return BAD("the last axis holds real and imaginary parts: it can't be transformed");
    if (!ingot_dtype_is_float(t.dtype))
        return BAD("a signal of %s, expected a floating-point type", ingot_dtype_name(t.dtype));
    if (parts->lo > 2 || parts->hi < 1 || n->hi < 1)
        return BAD("a last axis of %lld (1: real, 2: complex), length %lld", (long long)parts->lo, (long long)n->hi);
    if (a->onesided && !a->inverse)
        n = ingot_dim_add(m, ingot_dim_floordiv(m, n, constant(op, 2)), constant(op, 1));
    for (int32_t i = 0; i < t.rank - 1; i++) {
        if (op->n_sym == 2) { /* the size itself, or that of the transform where i is the axis */
            const ingot_dim *change = ingot_dim_sub(m, n, t.dims[i]);
            const ingot_dim *size =
                ingot_dim_add(m, t.dims[i], ingot_dim_mul(m, equal(op, op->sym[1], constant(op, i)), change));
            t.dims[i] = change == constant(op, 0) ? t.dims[i] : size;
        } else if (i == a->axis) {
            t.dims[i] = n;
        }
    }
    t.dims[t.rank - 1] = constant(op, a->onesided && a->inverse ? 1 : 2);
    set_type(op, 0, &t);
    return NULL;
}

RULE(mel_weights)
{
    int64_t to = ((const ingot_attrs_cast *)op->attrs)->to;
    INGOT_TRY(ingot_infer_need_sym(op, 2));
    if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT || to == INGOT_STRING || to == INGOT_BOOL)
        return BAD("%lld is not a numeric element type", (long long)to);
    ingot_type t = ingot_type_make((ingot_dtype)to, 2, op->sym);
    set_type(op, 0, &t);
    return NULL;
}

RULE(linear_attention)
{
    const ingot_attrs_linear_attention *a = op->attrs;
    ingot_module *m = module_of(op);
    for (int32_t i = 0; i < 3; i++)
        INGOT_TRY(ingot_infer_need_rank(op, i, 3, 3));
    if (a->kv_heads < 1 || a->q_heads < 1 || a->q_heads % a->kv_heads)
        return BAD("%lld heads of queries, %lld of keys", (long long)a->q_heads, (long long)a->kv_heads);
    const ingot_type *q = in_type(op, 0), *k = in_type(op, 1), *v = in_type(op, 2);
    const ingot_dim *q_heads = constant(op, a->q_heads), *heads = constant(op, a->kv_heads), *merged;
    const ingot_dim *width = ingot_dim_floordiv(m, q->dims[2], q_heads);
    ingot_type y = *q;
    for (int32_t i = 0; i < 2; i++) {
        INGOT_TRY(ingot_infer_unify(op, q->dims[i], k->dims[i], "batch and tokens of q and k", &merged));
        INGOT_TRY(ingot_infer_unify(op, q->dims[i], v->dims[i], "batch and tokens of q and v", &merged));
    }
    INGOT_TRY(ingot_module_require(m, INGOT_CHECK_DIVIDES, q_heads, q->dims[2], op));
    INGOT_TRY(ingot_module_require(m, INGOT_CHECK_DIVIDES, heads, v->dims[2], op));
    INGOT_TRY(ingot_infer_unify(op, k->dims[2], ingot_dim_mul(m, width, heads), "head size of q and k", &merged));
    const ingot_dim *values = ingot_dim_floordiv(m, v->dims[2], heads);
    y.dims[2] = ingot_dim_mul(m, values, q_heads);
    ingot_type state = ingot_type_make(q->dtype, 4, (const ingot_dim *[]){q->dims[0], heads, width, values});
    if (in_type(op, 3)) {
        INGOT_TRY(ingot_infer_need_rank(op, 3, 4, 4));
        for (int32_t i = 0; i < 4; i++)
            INGOT_TRY(ingot_infer_unify(op, state.dims[i], in_type(op, 3)->dims[i], "state", &merged));
        state.dtype = in_type(op, 3)->dtype;
    }
    set_type(op, 0, &y);
    set_type(op, 1, &state);
    return NULL;
}
