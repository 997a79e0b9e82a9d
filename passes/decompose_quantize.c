/* Quantization in terms of elementwise ops, and integer contractions whose result is used as float.
 *
 *   quantize(x, s, z)      cast(clamp(round(x / s) + z))
 *   dequantize(q, s, z)    (cast(q) - cast(z)) * s; of a constant: the constant of floats
 *   gather(dequantize(q))  dequantize(gather(q)) when s and z are one number: a table of int8 stays small
 *   matmul_integer         that of the operands less their zero points, in 16 bits, where there is a kernel for it;
 * else a matmul in f32, exact below 2^24; conv_integer likewise
 */
#include "costmodel/costmodel.h"
#include "kernel/limited.h"
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

/* Operand i in `dtype` without its zero point, made before `before`. Null when the zero point is of another form. */
static ingot_status build_centred(ingot_op *op, int32_t i, ingot_dtype dtype, ingot_op *before, ingot_value **out)
{
    ingot_value *x = op->in[i], *zero = op->n_in > i + 2 ? op->in[i + 2] : NULL;
    INGOT_TRY(ingot_build_cast(before, x, dtype, out));
    if (is_zero(zero))
        return NULL;
    x = *out;
    *out = NULL;
    int64_t n = ingot_type_count(&zero->type);
    if (zero->type.rank > 1 || n < 1)
        return NULL;
    if (n == 1) {
        INGOT_TRY(ingot_build_reshape(before, zero, 0, NULL, &zero));
    } else if (op->kind == INGOT_OP_conv_integer) { /* per output channel of the weights */
        if (i != 1 || x->type.dims[0] != zero->type.dims[0])
            return NULL;
        INGOT_TRY(ingot_build_channel_vector(before, zero, x->type.rank, 0, &zero));
    } else if (i == 0) { /* per row of a */
        if (x->type.dims[x->type.rank - 2] != zero->type.dims[0])
            return NULL;
        INGOT_TRY(ingot_build_channel_vector(before, zero, 2, 0, &zero));
    } else if (x->type.dims[x->type.rank - 1] != zero->type.dims[0]) { /* per column of b */
        return NULL;
    }
    INGOT_TRY(ingot_build_cast(before, zero, dtype, &zero));
    return ingot_build2(before, INGOT_OP_sub, x, zero, out);
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

/* ---- Products of integers ---- */

/* Sums of so many products of two numbers of up to 8 bits, sign and zero point are below 2^31. */
#define MAX_TERMS 33025
/* Rows of a matrix that is no constant and that a kernel packs. */
#define MAX_PACKED_ROWS 1024

static int64_t fixed(const ingot_type *t, int32_t dim)
{
    return ingot_dim_is_const(t->dims[dim]) ? t->dims[dim]->value : -1;
}

static bool is_weight(const ingot_value *v)
{
    const ingot_literal *literal = ingot_value_literal(v);
    return literal && literal->kind != INGOT_LITERAL_SPLAT && ingot_type_is_static(&v->type);
}

/* Whether kernels of integers take the convolution: what lowering takes. */
static bool conv_has_kernel(const ingot_op *op, const ingot_pass_context *ctx)
{
    const ingot_attrs_conv *attrs = op->attrs;
    const ingot_type *x = &op->in[0]->type, *w = &op->in[1]->type;
    int64_t groups = attrs->groups > 0 ? attrs->groups : 1, channels = fixed(x, 1);
    if ((x->rank != 3 && x->rank != 4) || !is_weight(op->in[1]) || channels < 1)
        return false;
    int64_t ins = channels / groups, outs = w->dims[0]->value / groups, terms = ins;
    if (groups > 1 && (ins % 16 != 0 || outs % 16 != 0))
        return false;
    for (int32_t i = 2; i < w->rank; i++)
        terms *= w->dims[i]->value;
    for (int32_t i = 0; i < attrs->pads.n; i++)
        if (attrs->pads.v[i] < 0 || attrs->pads.v[i] > 1000)
            return false;
    bool blocks = ctx->level >= 2 && channels >= 16;
    return terms > 0 && terms <= MAX_TERMS && (blocks || attrs->dilations.v[x->rank - 3] == 1);
}

static bool matmul_has_kernel(const ingot_op *op)
{
    const ingot_type *a = &op->in[0]->type, *b = &op->in[1]->type;
    int64_t k = fixed(b, b->rank - 2);
    if (k < 0)
        k = fixed(a, a->rank - 1);
    return k > 0 && (is_weight(op->in[1]) ? k <= MAX_TERMS : k <= MAX_PACKED_ROWS);
}

/* All who read `q` as float get it from the 16 bits that a product reads, so that nothing else need be stored. */
static ingot_status read_from(ingot_value *q, ingot_value *centred, double zero)
{
    for (ingot_use *use = q->uses, *next; use; use = next) {
        next = use->next;
        ingot_op *cast = use->op;
        ingot_value *x, *number;
        if (!cast || cast->kind != INGOT_OP_cast || cast->out[0]->type.dtype != INGOT_F32)
            continue;
        INGOT_TRY(ingot_build_cast(cast, centred, INGOT_F32, &x));
        if (zero != 0) {
            INGOT_TRY(ingot_build_number(cast, INGOT_F32, zero, &number));
            INGOT_TRY(ingot_build2(cast, INGOT_OP_add, x, number, &x));
        }
        INGOT_TRY(ingot_replace_op(cast, x));
    }
    return NULL;
}

/* Operand 0 in 16 bits, made where it is, if its zero point is known. */
static ingot_status build_wide(ingot_op *op, ingot_value **out)
{
    ingot_value *q = op->in[0], *zero = op->n_in > 2 ? op->in[2] : NULL, *shift;
    double number = 0;
    if (zero && !ingot_value_is_splat(q->graph->module, zero, &number))
        return build_centred(op, 0, INGOT_I16, op, out);
    ingot_op *before = q->def ? q->def->next : op->graph->first;
    INGOT_TRY(ingot_build_cast(before, q, INGOT_I16, out));
    if (number != 0) {
        INGOT_TRY(ingot_build_number(before, INGOT_I16, number, &shift));
        INGOT_TRY(ingot_build2(before, INGOT_OP_sub, *out, shift, out));
    }
    return read_from(q, *out, number);
}

static ingot_status fold_operand(ingot_value *v, const ingot_pass_context *ctx)
{
    ingot_pass_context unlimited = *ctx;
    unlimited.max_fold_bytes = INT64_MAX;
    return v->def ? fold_weights(v->def, &unlimited, 3) : NULL; /* sub of casts of a reshape */
}

/* op(a, b, zero points) -> op(a - zero, b - zero) of 16 bits. */
static ingot_status widen(ingot_op *op, ingot_pass_context *ctx)
{
    ingot_value *a, *b;
    ingot_op *made;
    INGOT_TRY(build_centred(op, 1, INGOT_I16, op, &b));
    INGOT_TRY(b ? build_wide(op, &a) : NULL);
    if (!b || !a)
        return NULL;
    INGOT_TRY(ingot_build(op, op->kind, 2, (ingot_value *[]){a, b}, &made));
    if (op->kind == INGOT_OP_conv_integer)
        ingot_copy_attrs(made, op);
    INGOT_TRY(ingot_op_infer(made));
    INGOT_TRY(fold_operand(made->in[1], ctx));
    return ingot_finish_decomposition(op, made->out[0]);
}

/* Whether f32 holds all sums exactly. */
static bool float_is_exact(const ingot_op *op)
{
    const ingot_type *a = &op->in[0]->type, *b = &op->in[1]->type;
    bool conv = op->kind == INGOT_OP_conv_integer;
    int64_t terms = conv ? 1 : fixed(a, a->rank - 1);
    for (int32_t i = 1; conv && i < b->rank; i++)
        terms = terms < 0 || terms > MAX_TERMS || fixed(b, i) < 0 ? -1 : terms * fixed(b, i);
    return terms >= 0 && terms <= (1 << 24) / (255 * 255);
}

/* The one cast to f32 that reads v; null when there are other users. */
static ingot_op *only_cast(const ingot_value *v)
{
    ingot_op *op = v->uses && ingot_value_has_one_use(v) ? v->uses->op : NULL;
    return op && op->kind == INGOT_OP_cast && op->out[0]->type.dtype == INGOT_F32 ? op : NULL;
}

/* Sums in f32 in place of op's. What is rounded to f32 next, maybe with a bias, takes them as they are. */
static ingot_status use_float_sums(ingot_op *op, ingot_value *sums)
{
    ingot_op *add = ingot_value_has_one_use(op->out[0]) ? op->out[0]->uses->op : NULL;
    ingot_op *cast = only_cast(op->out[0]);
    if (!cast && add && add->kind == INGOT_OP_add && (cast = only_cast(add->out[0])) != NULL) {
        ingot_value *bias = add->in[add->in[0] == op->out[0]];
        INGOT_TRY(ingot_build_cast(cast, bias, INGOT_F32, &bias));
        INGOT_TRY(ingot_build2(cast, INGOT_OP_add, sums, bias, &sums));
    }
    if (cast && ingot_type_equal(&cast->out[0]->type, &sums->type))
        return ingot_replace_op(cast, sums);
    if (float_is_exact(op)) {
        INGOT_TRY(ingot_build_cast(op, sums, INGOT_I32, &sums));
        return ingot_finish_decomposition(op, sums);
    }
    ingot_erase_dead(sums->def);
    return NULL;
}

/* ---- Bytes: a without a sign as it is, b with one, and what a's zero point adds taken off the sums ---- */

/* The number that all zero points of operand i are; false: they differ, or only a run knows them. */
static bool zero_number(const ingot_op *op, int32_t i, double *out)
{
    const ingot_value *zero = op->n_in > i + 2 ? op->in[i + 2] : NULL;
    *out = 0;
    return !zero || ingot_value_is_splat(zero->graph->module, zero, out);
}

/* Weights of a convolution or matrix in blocks, as kernel/limited.h has them. */
typedef struct weight_blocks {
    const uint8_t *data;
    uint8_t flip; /* bits that make them signed */
    int64_t columns, column_step, terms, step, taps;
} weight_blocks;

static void read_block(const void *arg, int64_t index, int8_t *out)
{
    const weight_blocks *w = arg;
    int64_t deep = (w->terms + 15) / 16, tap = index % w->taps, k0 = index / w->taps % deep * 16,
            c0 = index / w->taps / deep * 16;
    memset(out, 0, 256);
    for (int64_t c = c0; c < c0 + 16 && c < w->columns; c++)
        for (int64_t k = k0; k < k0 + 16 && k < w->terms; k++)
            out[(k - k0) / 4 * 64 + (c - c0) * 4 + k % 4] =
                (int8_t)(w->data[c * w->column_step + k * w->step + tap] ^ w->flip);
}

/* Whether weights are within the limits of products of bytes without VNNI, or nearly. */
static ingot_status limits_hold(const ingot_op *op, const ingot_pass_context *ctx, bool *out)
{
    const ingot_type *t = &op->in[1]->type;
    bool conv = op->kind == INGOT_OP_conv_integer;
    weight_blocks w = {.flip = t->dtype == INGOT_U8 ? 0x80 : 0, .taps = 1};
    for (int32_t i = 2; i < t->rank; i++)
        w.taps *= t->dims[i]->value;
    w.columns = t->dims[conv ? 0 : 1]->value;
    w.terms = t->dims[conv ? 1 : 0]->value;
    w.column_step = conv ? w.terms * w.taps : 1;
    w.step = conv ? w.taps : w.columns;
    *out = false;
    if (ingot_type_count(t) <= 0 || (conv ? ctx->level < 2 || fixed(&op->in[0]->type, 1) < 16 : w.terms % 16 != 0))
        return NULL;
    ingot_arena arena = {0};
    const void *data = NULL;
    ingot_status err =
        ingot_literal_get_data(op->graph->module, ingot_value_literal(op->in[1]), t->dtype, &arena, &data);
    w.data = data;
    if (!err)
        *out = ingot_limited_choose((w.columns + 15) / 16 * ((w.terms + 15) / 16) * w.taps, read_block, &w) != 0;
    ingot_arena_release(&arena);
    return err;
}

/* Weights that are signed bytes less their zero point. */
static bool bytes_fit(const ingot_op *op, const ingot_pass_context *ctx)
{
    const ingot_attrs_conv *conv = op->kind == INGOT_OP_conv_integer ? op->attrs : NULL;
    ingot_dtype a = op->in[0]->type.dtype, b = op->in[1]->type.dtype;
    double zero;
    if (!ctx->target || !(ingot_target_multiplies_bytes(ctx->target) || ingot_target_limits_bytes(ctx->target)) ||
        !is_weight(op->in[1]) || !zero_number(op, 1, &zero) || zero != (b == INGOT_U8 ? 128 : 0) ||
        (!conv && op->in[1]->type.rank != 2))
        return false;
    /* Padding is 0 in memory, so that the zero point has to be. */
    double border = a == INGOT_I8 ? -128 : 0;
    bool known = zero_number(op, 0, &zero);
    for (int32_t i = 0; conv && i < conv->pads.n; i++)
        if (conv->pads.v[i] != 0 && (!known || zero != border))
            return false;
    const ingot_value *zeros = op->n_in > 2 ? op->in[2] : NULL;
    return known || ingot_type_count(&zeros->type) == 1;
}

/* Sums of the weights of each column or output channel, as i32. */
static ingot_status build_column_sums(ingot_op *before, const ingot_op *op, double shift, ingot_value **out)
{
    ingot_module *m = before->graph->module;
    const ingot_value *w = op->in[1];
    bool conv = op->kind == INGOT_OP_conv_integer;
    int64_t all = ingot_type_count(&w->type), columns = w->type.dims[conv ? 0 : 1]->value;
    int64_t terms = columns > 0 ? all / columns : 0, step = conv ? terms : 1, along = conv ? 1 : columns;
    ingot_arena arena = {0};
    const void *data = NULL;
    double *sums = NULL;
    ingot_status err = ingot_literal_get_data(m, ingot_value_literal(w), w->type.dtype, &arena, &data);
    if (!err)
        err = ingot_arena_array(&arena, (size_t)columns + 1, sizeof *sums, (void **)&sums);
    for (int64_t c = 0; c < columns && !err; c++)
        for (int64_t k = 0; k < terms; k++)
            sums[c] += ingot_load_f64(data, w->type.dtype, c * step + k * along) - shift;
    ingot_type type = ingot_type_make(INGOT_I32, 1, (const ingot_dim *[]){w->type.dims[conv ? 0 : 1]});
    if (!err)
        err = ingot_build_constant_f64(before, &type, sums, out);
    ingot_arena_release(&arena);
    INGOT_TRY(err);
    return conv ? ingot_build_channel_vector(before, *out, w->type.rank, 1, out) : NULL;
}

/* v + 128 in bytes without a sign; of weights the other way. */
static ingot_status build_shifted(ingot_op *before, ingot_value *v, double by, ingot_dtype to, ingot_value **out)
{
    ingot_value *number;
    INGOT_TRY(ingot_build_cast(before, v, INGOT_I16, out));
    INGOT_TRY(ingot_build_number(before, INGOT_I16, by, &number));
    INGOT_TRY(ingot_build2(before, INGOT_OP_add, *out, number, out));
    return ingot_build_cast(before, *out, to, out);
}

static ingot_status multiply_bytes(ingot_op *op, ingot_pass_context *ctx)
{
    ingot_value *a = op->in[0], *b = op->in[1], *zero = op->n_in > 2 ? op->in[2] : NULL, *sums, *columns, *number;
    ingot_op *made;
    double zero_a, shift_b = b->type.dtype == INGOT_U8 ? 128 : 0, shift_a = a->type.dtype == INGOT_I8 ? 128 : 0;
    bool known = zero_number(op, 0, &zero_a);
    if (shift_a != 0) {
        ingot_op *before = a->def ? a->def->next : op->graph->first;
        INGOT_TRY(build_shifted(before, a, shift_a, INGOT_U8, &a));
    }
    if (shift_b != 0)
        INGOT_TRY(build_shifted(op, b, -shift_b, INGOT_I8, &b));
    INGOT_TRY(ingot_build(op, op->kind, 2, (ingot_value *[]){a, b}, &made));
    if (op->kind == INGOT_OP_conv_integer)
        ingot_copy_attrs(made, op);
    INGOT_TRY(ingot_op_infer(made));
    INGOT_TRY(fold_operand(made->in[1], ctx));
    sums = made->out[0];
    if (known && zero_a + shift_a == 0)
        return ingot_finish_decomposition(op, sums);
    INGOT_TRY(build_column_sums(op, op, shift_b, &columns));
    if (known) {
        INGOT_TRY(ingot_build_number(op, INGOT_I32, zero_a + shift_a, &number));
    } else {
        INGOT_TRY(ingot_build_reshape(op, zero, 0, NULL, &zero));
        INGOT_TRY(ingot_build_cast(op, zero, INGOT_I32, &number));
        if (shift_a != 0) {
            INGOT_TRY(ingot_build_number(op, INGOT_I32, shift_a, &zero));
            INGOT_TRY(ingot_build2(op, INGOT_OP_add, number, zero, &number));
        }
    }
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, columns, number, &columns));
    INGOT_TRY(ingot_build2(op, INGOT_OP_sub, sums, columns, &sums));
    return ingot_finish_decomposition(op, sums);
}

ingot_status ingot_decompose_integer(ingot_op *op, ingot_pass_context *ctx)
{
    ingot_value *a, *b;
    ingot_op *made;
    if (op->prog || op->in[0]->type.dtype == INGOT_I16 || op->in[0]->type.rank < 2 || op->in[1]->type.rank < 2)
        return NULL;
    bool conv = op->kind == INGOT_OP_conv_integer;
    if (conv ? conv_has_kernel(op, ctx) : matmul_has_kernel(op)) {
        bool bytes = bytes_fit(op, ctx);
        if (bytes && ingot_target_limits_bytes(ctx->target))
            INGOT_TRY(limits_hold(op, ctx, &bytes));
        INGOT_TRY(bytes ? multiply_bytes(op, ctx) : widen(op, ctx));
        if (!ingot_op_is_linked(op))
            return NULL;
    }
    INGOT_TRY(build_centred(op, 0, INGOT_F32, op, &a));
    INGOT_TRY(build_centred(op, 1, INGOT_F32, op, &b));
    if (!a || !b)
        return NULL;
    INGOT_TRY(ingot_build(op, conv ? INGOT_OP_conv : INGOT_OP_matmul, 2, (ingot_value *[]){a, b}, &made));
    if (conv)
        ingot_copy_attrs(made, op);
    INGOT_TRY(ingot_op_infer(made));
    INGOT_TRY(fold_operand(made->in[1], ctx));
    return use_float_sums(op, made->out[0]);
}
