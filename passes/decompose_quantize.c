/* Quantization in terms of elementwise ops, and integer contractions whose result is used as float.
 *
 *   quantize(x, s, z)      cast(clamp(round(x / s) + z))
 *   dequantize(q, s, z)    (cast(q) - cast(z)) * s; of a constant: the constant of floats
 *   gather(dequantize(q))  dequantize(gather(q)) when s and z are one number: a table of int8 stays small
 *   cast(matmul_integer)   matmul of the operands less their zero points, in f32: sums are rounded as f32 arithmetic
 * rounds
 */
#include "passes/decompose.h"
#include <string.h>

static bool byte_integer(ingot_dtype d)
{
    return d == INGOT_U8 || d == INGOT_I8 || d == INGOT_U16 || d == INGOT_I16;
}

static void bounds(ingot_dtype d, double *lo, double *hi)
{
    int bits = ingot_dtype_bits(d);
    bool is_signed = ingot_dtype_is_signed(d) != 0;
    *lo = is_signed ? -(double)(1 << (bits - 1)) : 0;
    *hi = (double)(1 << (is_signed ? bits - 1 : bits)) - 1;
}

/* Scale or zero point against x: a number as it is, a vector along the axis. Null when it is of another form (blocks).
 */
static ingot_status build_parameter(ingot_op *op, ingot_value *v, ingot_value **out)
{
    const ingot_attrs_quantize *attrs = op->attrs;
    int32_t rank = op->in[0]->type.rank;
    int64_t axis = attrs->axis < 0 ? attrs->axis + rank : attrs->axis;
    *out = NULL;
    if (v->type.rank == 0 || (v->type.rank == 1 && ingot_dim_is(v->type.dims[0], 1) && rank >= 1)) {
        *out = v;
        return v->type.rank == 0 ? NULL : ingot_build_reshape(op, v, 0, NULL, out);
    }
    if (attrs->block > 0 || v->type.rank != 1 || axis < 0 || axis >= rank ||
        v->type.dims[0] != op->in[0]->type.dims[axis])
        return NULL;
    return ingot_build_channel_vector(op, v, rank, (int32_t)axis, out);
}

static bool is_zero(const ingot_value *v)
{
    double value;
    return !v || (ingot_value_is_splat(v->graph->module, v, &value) && value == 0);
}

/* Clamped and cast: x in float, already rounded and shifted. */
static ingot_status build_saturated(ingot_op *before, ingot_value *x, ingot_dtype to, ingot_value **out)
{
    double lo, hi;
    ingot_value *number;
    bounds(to, &lo, &hi);
    INGOT_TRY(ingot_build_number(before, x->type.dtype, lo, &number));
    INGOT_TRY(ingot_build2(before, INGOT_OP_max, x, number, &x));
    INGOT_TRY(ingot_build_number(before, x->type.dtype, hi, &number));
    INGOT_TRY(ingot_build2(before, INGOT_OP_min, x, number, &x));
    return ingot_build_cast(before, x, to, out);
}

ingot_status ingot_decompose_quantize(ingot_op *op)
{
    ingot_value *x = op->in[0], *scale, *zero = op->n_in > 2 ? op->in[2] : NULL;
    ingot_dtype to = op->out[0]->type.dtype;
    if (!byte_integer(to) || x->type.dtype != INGOT_F32 || op->in[1]->type.dtype != INGOT_F32)
        return NULL;
    INGOT_TRY(build_parameter(op, op->in[1], &scale));
    if (!scale)
        return NULL;
    if (!is_zero(zero)) {
        INGOT_TRY(build_parameter(op, zero, &zero));
        if (!zero)
            return NULL;
        INGOT_TRY(ingot_build_cast(op, zero, INGOT_F32, &zero));
    } else {
        zero = NULL;
    }
    INGOT_TRY(ingot_build2(op, INGOT_OP_div, x, scale, &x));
    INGOT_TRY(ingot_build1(op, INGOT_OP_round, x, &x));
    if (zero)
        INGOT_TRY(ingot_build2(op, INGOT_OP_add, x, zero, &x));
    INGOT_TRY(build_saturated(op, x, to, &x));
    return ingot_finish_decomposition(op, x);
}

/* gather(dequantize(q)) -> dequantize(gather(q)) for every gather that reads `op`; true when nothing else did. */
static ingot_status move_below_gathers(ingot_op *op)
{
    for (ingot_use *use = op->out[0]->uses, *next; use; use = next) {
        next = use->next;
        ingot_op *gather = use->op, *inner, *outer;
        if (!gather || gather->kind != INGOT_OP_gather || use->index != 0 || gather->in[1] == op->out[0] ||
            gather->prog)
            continue;
        INGOT_TRY(ingot_build(gather, INGOT_OP_gather, 2, (ingot_value *[]){op->in[0], gather->in[1]}, &inner));
        ingot_copy_attrs(inner, gather);
        INGOT_TRY(ingot_op_infer(inner));
        ingot_value *in[3] = {inner->out[0], op->in[1], op->n_in > 2 ? op->in[2] : NULL};
        INGOT_TRY(ingot_build(gather, INGOT_OP_dequantize, op->n_in, in, &outer));
        ingot_copy_attrs(outer, op);
        INGOT_TRY(ingot_op_infer(outer));
        INGOT_TRY(ingot_finish_decomposition(gather, outer->out[0]));
        if (ingot_op_is_linked(outer))
            INGOT_TRY(ingot_decompose_dequantize(outer, NULL));
    }
    return NULL;
}

ingot_status ingot_decompose_dequantize(ingot_op *op, ingot_pass_context *ctx)
{
    ingot_value *x = op->in[0], *scale, *zero = op->n_in > 2 ? op->in[2] : NULL;
    ingot_dtype to = op->out[0]->type.dtype;
    if ((!byte_integer(x->type.dtype) && x->type.dtype != INGOT_I32) || !ingot_dtype_is_float(to) ||
        op->in[1]->type.dtype != to || (x->type.dtype == INGOT_I32 && !is_zero(zero)))
        return NULL;
    bool one_number = ingot_type_count(&op->in[1]->type) == 1;
    if (ctx && one_number && ingot_value_literal(x)) {
        INGOT_TRY(move_below_gathers(op));
        if (!ingot_value_has_uses(op->out[0])) {
            ingot_erase_dead(op);
            return NULL;
        }
    }
    /* Weights are wanted as floats, whatever they take: no limit here. */
    if (ctx && ingot_value_literal(x)) {
        ingot_pass_context unlimited = *ctx;
        unlimited.max_fold_bytes = INT64_MAX;
        bool changed = false;
        INGOT_TRY(ingot_fold_op(op, &unlimited, &changed));
        if (changed) {
            ingot_erase_dead(op);
            return NULL;
        }
    }
    INGOT_TRY(build_parameter(op, op->in[1], &scale));
    if (!scale)
        return NULL;
    if (!is_zero(zero)) {
        INGOT_TRY(build_parameter(op, zero, &zero));
        if (!zero)
            return NULL;
        INGOT_TRY(ingot_build_cast(op, zero, to, &zero));
    } else {
        zero = NULL;
    }
    INGOT_TRY(ingot_build_cast(op, x, to, &x));
    if (zero)
        INGOT_TRY(ingot_build2(op, INGOT_OP_sub, x, zero, &x));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, scale, &x));
    return ingot_finish_decomposition(op, x);
}

/* scale = (max(x, 0) - min(x, 0)) / 255, zero = saturate(round(-min / scale)), y = saturate(round(x / scale) + zero). A
 * range of nothing: scale 0, and the quotients by it are replaced by 0. */
ingot_status ingot_decompose_dynamic_quantize(ingot_op *op)
{
    ingot_value *x = op->in[0], *lo, *hi, *number, *scale, *zero, *zero_f, *y, *test;
    if (x->type.dtype != INGOT_F32 || x->type.rank < 1)
        return NULL;
    ingot_ints axes = {x->type.rank, {0}};
    for (int32_t i = 0; i < x->type.rank; i++)
        axes.v[i] = i;
    INGOT_TRY(ingot_build_number(op, INGOT_F32, 0, &number));
    INGOT_TRY(ingot_build_reduce(op, x, INGOT_REDUCE_MIN, &axes, false, &lo));
    INGOT_TRY(ingot_build2(op, INGOT_OP_min, lo, number, &lo));
    INGOT_TRY(ingot_build_reduce(op, x, INGOT_REDUCE_MAX, &axes, false, &hi));
    INGOT_TRY(ingot_build2(op, INGOT_OP_max, hi, number, &hi));
    INGOT_TRY(ingot_build2(op, INGOT_OP_sub, hi, lo, &scale));
    INGOT_TRY(ingot_build2(op, INGOT_OP_eq, scale, number, &test));
    ingot_value *levels, *safe, *one;
    INGOT_TRY(ingot_build_number(op, INGOT_F32, 255, &levels));
    INGOT_TRY(ingot_build_number(op, INGOT_F32, 1, &one));
    INGOT_TRY(ingot_build2(op, INGOT_OP_div, scale, levels, &scale));
    INGOT_TRY(ingot_build3(op, INGOT_OP_select, test, one, scale, &safe));
    INGOT_TRY(ingot_build1(op, INGOT_OP_neg, lo, &zero_f));
    INGOT_TRY(ingot_build2(op, INGOT_OP_div, zero_f, safe, &zero_f));
    INGOT_TRY(ingot_build1(op, INGOT_OP_round, zero_f, &zero_f));
    INGOT_TRY(build_saturated(op, zero_f, INGOT_U8, &zero));
    INGOT_TRY(ingot_build_cast(op, zero, INGOT_F32, &zero_f));
    INGOT_TRY(ingot_build2(op, INGOT_OP_div, x, safe, &y));
    INGOT_TRY(ingot_build1(op, INGOT_OP_round, y, &y));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, y, zero_f, &y));
    INGOT_TRY(build_saturated(op, y, INGOT_U8, &y));
    ingot_value *made[3] = {y, scale, zero};
    for (int32_t i = 0; i < 3; i++) {
        if (!ingot_type_equal(&made[i]->type, &op->out[i]->type))
            return NULL;
    }
    for (int32_t i = 0; i < 3; i++)
        ingot_value_replace_uses(op->out[i], made[i]);
    ingot_erase_dead(op);
    return NULL;
}

/* Operand i in f32 without its zero point. Null when the zero point is of another form. */
static ingot_status build_centred(ingot_op *op, int32_t i, ingot_value **out)
{
    ingot_value *x = op->in[i], *zero = op->n_in > i + 2 ? op->in[i + 2] : NULL;
    INGOT_TRY(ingot_build_cast(op, x, INGOT_F32, out));
    if (is_zero(zero))
        return NULL;
    x = *out;
    *out = NULL;
    int64_t n = ingot_type_count(&zero->type);
    if (zero->type.rank > 1 || n < 1)
        return NULL;
    if (n == 1) {
        INGOT_TRY(ingot_build_reshape(op, zero, 0, NULL, &zero));
    } else if (op->kind == INGOT_OP_conv_integer) { /* per output channel of the weights */
        if (i != 1 || x->type.dims[0] != zero->type.dims[0])
            return NULL;
        INGOT_TRY(ingot_build_channel_vector(op, zero, x->type.rank, 0, &zero));
    } else if (i == 0) { /* per row of a */
        if (x->type.dims[x->type.rank - 2] != zero->type.dims[0])
            return NULL;
        INGOT_TRY(ingot_build_channel_vector(op, zero, 2, 0, &zero));
    } else if (x->type.dims[x->type.rank - 1] != zero->type.dims[0]) { /* per column of b */
        return NULL;
    }
    INGOT_TRY(ingot_build_cast(op, zero, INGOT_F32, &zero));
    return ingot_build2(op, INGOT_OP_sub, x, zero, out);
}

/* Folds `op` and what it is made of, as far as that is constant and `depth` deep, whatever it takes: weights are wanted
 * as floats. */
static ingot_status fold_weights(ingot_op *op, ingot_pass_context *unlimited, int32_t depth)
{
    bool changed;
    for (int32_t i = 0; i < op->n_in && depth > 0; i++)
        if (op->in[i] && op->in[i]->def && op->in[i]->def->kind != INGOT_OP_constant)
            INGOT_TRY(fold_weights(op->in[i]->def, unlimited, depth - 1));
    for (int32_t i = 0; i < op->n_in; i++)
        if (!op->in[i] || !ingot_value_literal(op->in[i]))
            return NULL;
    return ingot_fold_op(op, unlimited, &changed);
}

ingot_status ingot_decompose_integer(ingot_op *op, ingot_pass_context *ctx)
{
    ingot_value *a, *b;
    if (!ingot_value_has_one_use(op->out[0]) || !op->out[0]->uses->op)
        return NULL;
    ingot_op *cast = op->out[0]->uses->op, *made;
    if (cast->kind != INGOT_OP_cast || cast->out[0]->type.dtype != INGOT_F32 || op->in[0]->type.rank < 2 ||
        op->in[1]->type.rank < 2)
        return NULL;
    INGOT_TRY(build_centred(op, 0, &a));
    INGOT_TRY(build_centred(op, 1, &b));
    if (!a || !b)
        return NULL;
    bool conv = op->kind == INGOT_OP_conv_integer;
    INGOT_TRY(ingot_build(op, conv ? INGOT_OP_conv : INGOT_OP_matmul, 2, (ingot_value *[]){a, b}, &made));
    if (conv)
        ingot_copy_attrs(made, op);
    INGOT_TRY(ingot_op_infer(made));
    if (!ingot_type_equal(&made->out[0]->type, &cast->out[0]->type)) {
        ingot_erase_dead(made);
        return NULL;
    }
    ingot_pass_context unlimited = *ctx;
    unlimited.max_fold_bytes = INT64_MAX;
    if (made->in[1]->def)
        INGOT_TRY(fold_weights(made->in[1]->def, &unlimited, 3)); /* sub of casts of a reshape */
    /* The product stands before the integer op; the cast's users come later. */
    ingot_value_replace_uses(cast->out[0], made->out[0]);
    ingot_erase_dead(cast);
    return NULL;
}
