/* Products of dequantized values become products of integers, scaled afterwards.
 *
 *   conv, matmul of (a - za) * sa and (b - zb) * sb    cast(conv_integer, matmul_integer (a, b, za, zb)) * (sa * sb)
 *   ... + dequantize(bias of i32, sa * sb)             the bias joins the integers, before the scale
 *   ... then relu                                      before the scale
 *   ... then quantize(sc)                              one scale, sa * sb / sc
 *   quantize(dequantize(a) + dequantize(b))            a * (sa / sc) + (b * (sb / sc) + number), rounded
 *   quantize(mean of n of dequantize(a))               sum of (a - za), * (sa / (n * sc)), rounded
 *
 * Sums of integers are exact, so that what is rounded to the result's grid does not depend on the order of summation;
 * it is also what a kernel of integers computes. Scales of a are one number, those of b one or one for each output
 * channel.
 *
 * Needs nothing; runs before canonicalize, which would turn quantized weights into floats.
 */
#include "passes/decompose.h"
#include <math.h>
#include <string.h>

/* v = (q - zero) * scale; zero may be null. */
typedef struct quantized {
    ingot_op *op;
    ingot_value *q, *scale, *zero;
    bool one_scale;
} quantized;

static bool is_byte(const ingot_value *v)
{
    return v->type.dtype == INGOT_U8 || v->type.dtype == INGOT_I8;
}

static bool is_number(const ingot_value *v)
{
    return v->type.rank == 0 || (v->type.rank == 1 && ingot_dim_is(v->type.dims[0], 1));
}

static bool look(const ingot_value *v, quantized *out)
{
    ingot_op *op = ingot_def(v, INGOT_OP_dequantize);
    if (!op || v->type.dtype != INGOT_F32 || op->in[1]->type.dtype != INGOT_F32 ||
        ((const ingot_attrs_quantize *)op->attrs)->block > 0)
        return false;
    *out = (quantized){op, op->in[0], op->in[1], op->n_in > 2 ? op->in[2] : NULL, is_number(op->in[1])};
    return true;
}

/* Scales (and zero points) of b: one, or one for each index of `axis`. */
static bool scaled_along(const quantized *b, int64_t axis)
{
    const ingot_attrs_quantize *attrs = b->op->attrs;
    int32_t rank = b->q->type.rank;
    int64_t at = attrs->axis < 0 ? attrs->axis + rank : attrs->axis;
    return b->one_scale || (at == axis && b->scale->type.rank == 1 && (!b->zero || b->zero->type.rank == 1));
}

/* One number as a value of rank 0. */
static ingot_status build_number_of(ingot_op *before, ingot_value *v, ingot_value **out)
{
    return ingot_build_reshape(before, v, 0, NULL, out);
}

/* ---- Bias ---- */

static double at(const double *v, int64_t count, int64_t i)
{
    return v[count == 1 ? 0 : i];
}

/* True when the constants sa * sb and `scale` agree, as far as f32 tells. */
static ingot_status same_scale(ingot_module *m, const quantized *a, const quantized *b, const ingot_value *scale,
                               bool *out_same)
{
    enum { LIMIT = 1 << 20 };
    const ingot_value *v[3] = {a->scale, b->scale, scale};
    int64_t count[3], most = 1;
    double *values[3];
    ingot_arena arena = {0};
    ingot_status err = NULL;
    *out_same = true;
    for (int i = 0; i < 3 && !err && *out_same; i++) {
        count[i] = ingot_type_count(&v[i]->type);
        err = ingot_constant_f64(m, v[i], &arena, LIMIT, &values[i]);
        *out_same = !err && values[i] && count[i] > 0 && (count[i] == 1 || most == 1 || count[i] == most);
        most = count[i] > most ? count[i] : most;
    }
    for (int64_t i = 0; i < most && !err && *out_same; i++) {
        double product = at(values[0], count[0], i) * at(values[1], count[1], i);
        *out_same = fabs(product - at(values[2], count[2], i)) <= 1e-6 * fabs(product);
    }
    ingot_arena_release(&arena);
    return err;
}

/* sums + bias as integers, when `user` adds a bias that is quantized by sa * sb. */
static ingot_status add_bias(const ingot_op *user, const ingot_value *product, const quantized *a, const quantized *b,
                             ingot_op *before, ingot_value **sums, bool *out_done)
{
    *out_done = false;
    if (!user || user->kind != INGOT_OP_add || user->in[0] == user->in[1])
        return NULL;
    ingot_value *bias = user->in[user->in[0] == product], *q;
    ingot_op *reshape = ingot_def(bias, INGOT_OP_reshape);
    quantized found;
    if (!look(reshape ? reshape->in[0] : bias, &found) || found.q->type.dtype != INGOT_I32 ||
        !ingot_value_literal(found.q) || !ingot_broadcasts_to(&bias->type, &product->type))
        return NULL;
    bool same, zero = !found.zero;
    double number;
    if (found.zero)
        zero = ingot_value_is_splat(before->graph->module, found.zero, &number) && number == 0;
    INGOT_TRY(same_scale(before->graph->module, a, b, found.scale, &same));
    if (!same || !zero)
        return NULL;
    INGOT_TRY(ingot_build_reshape(before, found.q, bias->type.rank, bias->type.dims, &q));
    INGOT_TRY(ingot_build2(before, INGOT_OP_add, *sums, q, sums));
    *out_done = true;
    return NULL;
}

/* ---- Products ---- */

static ingot_op *only_user(const ingot_value *v)
{
    return ingot_value_has_one_use(v) ? v->uses->op : NULL;
}

/* A quantize of one scale, which may take further scales into its own. */
static bool takes_scales(const ingot_op *op)
{
    return op && op->kind == INGOT_OP_quantize && is_number(op->in[1]) && op->in[1]->type.dtype == INGOT_F32 &&
           ((const ingot_attrs_quantize *)op->attrs)->block == 0;
}

/* quantize(x, 1, zero) in place of `old`; zero may be null. */
static ingot_status replace_quantize(ingot_op *old, ingot_value *x, ingot_value *zero)
{
    ingot_value *one;
    ingot_op *made;
    ingot_dtype to = old->out[0]->type.dtype;
    INGOT_TRY(ingot_build_number(old, INGOT_F32, 1, &one));
    INGOT_TRY(ingot_build(old, INGOT_OP_quantize, zero ? 3 : 2, (ingot_value *[]){x, one, zero}, &made));
    ingot_copy_attrs(made, old);
    INGOT_TRY(ingot_op_infer(made));
    made->out[0]->type.dtype = to;
    return ingot_replace_op(old, made->out[0]);
}

/* The operands with their axes in place for matmul_integer, which transposes nothing. */
static ingot_status untransposed(ingot_op *before, ingot_value *v, bool transposed, ingot_value **out)
{
    *out = v;
    if (!transposed)
        return NULL;
    int64_t perm[INGOT_MAX_RANK];
    int32_t rank = v->type.rank;
    for (int32_t i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return ingot_build_transpose(before, v, perm, out);
}

static ingot_status build_product(ingot_op *op, const quantized *a, const quantized *b, ingot_value **out)
{
    ingot_op *made;
    ingot_value *in[4] = {a->q, b->q, a->zero, b->zero};
    int32_t n = b->zero ? 4 : a->zero ? 3 : 2;
    bool conv = op->kind == INGOT_OP_conv;
    if (!conv) {
        const ingot_attrs_matmul *attrs = op->attrs;
        INGOT_TRY(untransposed(op, a->q, attrs->trans_a, &in[0]));
        INGOT_TRY(untransposed(op, b->q, attrs->trans_b, &in[1]));
    }
    INGOT_TRY(ingot_build(op, conv ? INGOT_OP_conv_integer : INGOT_OP_matmul_integer, n, in, &made));
    if (conv)
        ingot_copy_attrs(made, op);
    *out = made->out[0];
    return ingot_op_infer(made);
}

static ingot_status rewrite_product(ingot_op *op)
{
    quantized a, b;
    bool conv = op->kind == INGOT_OP_conv, bias;
    if (op->prog || op->n_in != 2 || !look(op->in[0], &a) || !look(op->in[1], &b) || !a.one_scale || !is_byte(a.q) ||
        !is_byte(b.q) || a.q->type.rank < 2 || b.q->type.rank < 2)
        return NULL;
    int32_t rank = b.q->type.rank, column = conv || ((const ingot_attrs_matmul *)op->attrs)->trans_b ? 2 : 1;
    if (!scaled_along(&b, conv ? 0 : rank - column))
        return NULL;

    /* What follows: bias, relu, quantize; the new ops stand before the last of them. */
    ingot_value *sums, *scale, *old = op->out[0], *number;
    INGOT_TRY(build_product(op, &a, &b, &sums));
    ingot_op *user = only_user(old), *before = op;
    INGOT_TRY(add_bias(user, old, &a, &b, user ? user : op, &sums, &bias));
    if (bias) {
        before = user;
        old = user->out[0];
        user = only_user(old);
    }
    INGOT_TRY(ingot_build_cast(before, sums, INGOT_F32, &sums));
    if (user && user->kind == INGOT_OP_relu) {
        INGOT_TRY(ingot_build1(user, INGOT_OP_relu, sums, &sums));
        before = user;
        old = user->out[0];
        user = only_user(old);
    }
    bool into_quantize = takes_scales(user);
    if (into_quantize)
        before = user;
    INGOT_TRY(build_number_of(before, a.scale, &number));
    INGOT_TRY(b.one_scale ? build_number_of(before, b.scale, &scale)
              : conv      ? ingot_build_channel_vector(before, b.scale, op->out[0]->type.rank, 1, &scale)
                          : (scale = b.scale, NULL));
    INGOT_TRY(ingot_build2(before, INGOT_OP_mul, number, scale, &scale));
    if (into_quantize) {
        INGOT_TRY(build_number_of(before, user->in[1], &number));
        INGOT_TRY(ingot_build2(before, INGOT_OP_div, scale, number, &scale));
    }
    INGOT_TRY(ingot_build2(before, INGOT_OP_mul, sums, scale, &sums));
    if (into_quantize)
        return replace_quantize(user, sums, user->n_in > 2 ? user->in[2] : NULL);
    return ingot_replace_op(old->def, sums);
}

/* ---- Sums ---- */

/* The number that v holds in all its elements; 0 when it is left out. */
static bool get_number(const ingot_value *v, double *out)
{
    *out = 0;
    return !v || ingot_value_is_splat(v->graph->module, v, out);
}

static ingot_status build_affine(ingot_op *before, ingot_value *q, double scale, ingot_value *more, ingot_value **out)
{
    ingot_value *x, *factor;
    INGOT_TRY(ingot_build_cast(before, q, INGOT_F32, &x));
    INGOT_TRY(ingot_build_number(before, INGOT_F32, scale, &factor));
    return ingot_build3(before, INGOT_OP_fma, x, factor, more, out);
}

/* quantize(dequantize(a) + dequantize(b)) as one affine form of two integers. */
static ingot_status rewrite_sum(ingot_op *op)
{
    ingot_op *sum = ingot_def(op->in[0], INGOT_OP_add);
    quantized a, b;
    if (!takes_scales(op) || !sum || !ingot_value_has_one_use(sum->out[0]) || !look(sum->in[0], &a) ||
        !look(sum->in[1], &b) || !a.one_scale || !b.one_scale || !is_byte(a.q) || !is_byte(b.q))
        return NULL;
    double sa, sb, sc, za, zb, zc;
    if (!get_number(a.scale, &sa) || !get_number(b.scale, &sb) || !get_number(op->in[1], &sc) ||
        !get_number(a.zero, &za) || !get_number(b.zero, &zb) || !get_number(op->n_in > 2 ? op->in[2] : NULL, &zc) ||
        !(sc > 0))
        return NULL;
    /* In f32, as a kernel of integers would. */
    float ra = (float)sa / (float)sc, rb = (float)sb / (float)sc;
    float zeros = fmaf(ra, (float)za, rb * (float)zb);
    ingot_value *x;
    INGOT_TRY(ingot_build_number(op, INGOT_F32, (float)zc - zeros, &x));
    INGOT_TRY(build_affine(op, b.q, rb, x, &x));
    INGOT_TRY(build_affine(op, a.q, ra, x, &x));
    if (!ingot_same_shape(&x->type, &op->out[0]->type))
        return NULL;
    return replace_quantize(op, x, NULL);
}

/* quantize(mean(dequantize(a))): the sum of integers, scaled once. */
static ingot_status rewrite_mean(ingot_op *op)
{
    ingot_op *mean = ingot_def(op->in[0], INGOT_OP_reduce);
    quantized a;
    double sa, sc, za;
    if (!takes_scales(op) || !mean || mean->n_in != 1 || !ingot_value_has_one_use(mean->out[0]) ||
        !look(mean->in[0], &a) || !a.one_scale || !is_byte(a.q))
        return NULL;
    const ingot_attrs_reduce *attrs = mean->attrs;
    int64_t all = ingot_type_count(&a.q->type), kept = ingot_type_count(&mean->out[0]->type);
    if (attrs->kind != INGOT_REDUCE_MEAN || all <= 0 || kept <= 0 || !get_number(a.scale, &sa) ||
        !get_number(a.zero, &za) || !get_number(op->in[1], &sc) || !(sc > 0))
        return NULL;
    ingot_value *x, *number;
    INGOT_TRY(ingot_build_cast(op, a.q, INGOT_F32, &x));
    INGOT_TRY(ingot_build_number(op, INGOT_F32, za, &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_sub, x, number, &x));
    INGOT_TRY(ingot_build_reduce(op, x, INGOT_REDUCE_SUM, &attrs->axes, attrs->keepdims, &x));
    INGOT_TRY(ingot_build_number(op, INGOT_F32, (float)sa / ((float)(all / kept) * (float)sc), &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, number, &x));
    if (!ingot_same_shape(&x->type, &op->out[0]->type))
        return NULL;
    return replace_quantize(op, x, op->n_in > 2 ? op->in[2] : NULL);
}

/* A relu that saturation does as well. */
static ingot_status drop_relu(ingot_op *op)
{
    ingot_op *relu = ingot_def(op->in[0], INGOT_OP_relu);
    double zero = 0, scale;
    ingot_module *m = op->graph->module;
    if (!relu || op->out[0]->type.dtype != INGOT_U8 || !ingot_value_is_splat(m, op->in[1], &scale) || !(scale > 0) ||
        (op->n_in > 2 && op->in[2] && (!ingot_value_is_splat(m, op->in[2], &zero) || zero != 0)))
        return NULL;
    ingot_op_set_operand(op, 0, relu->in[0]);
    ingot_erase_dead(relu);
    return NULL;
}

static ingot_status rewrite_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    (void)ctx;
    switch (op->kind) {
    case INGOT_OP_conv:
    case INGOT_OP_matmul:
        return rewrite_product(op);
    case INGOT_OP_quantize:
        INGOT_TRY(drop_relu(op));
        INGOT_TRY(rewrite_sum(op));
        return ingot_op_is_linked(op) ? rewrite_mean(op) : NULL;
    default:
        return NULL;
    }
}

static ingot_status rewrite_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, rewrite_op);
}

ingot_status ingot_pass_integer_products(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, rewrite_graph);
}
