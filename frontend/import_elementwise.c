/* Elementwise operators: arithmetic, activations, comparisons, casts. */
#include "frontend/import.h"
#include <math.h>
#include <string.h>

void ingot_import_unary(ingot_node *n)
{
    n->out[0] = ingot_emit1(n, (ingot_op_kind)n->arg, n->in[0]);
}

void ingot_import_binary(ingot_node *n)
{
    n->out[0] = ingot_emit2(n, (ingot_op_kind)n->arg, n->in[0], n->in[1]);
}

/* Opset 1 to 6: the second operand lies along the axes of the first from `axis` on (the last ones by default). */
void ingot_import_old_binary(ingot_node *n)
{
    ingot_value *a = n->in[0], *b = n->in[1];
    int32_t rank = a->type.rank;
    int64_t axis = ingot_attr_int(n, "axis", rank - b->type.rank);
    axis = axis < 0 ? axis + rank : axis;
    if (ingot_attr_int(n, "broadcast", 0) && axis >= 0 && axis + b->type.rank <= rank)
        for (int64_t i = axis + b->type.rank; i < rank && !n->error; i++)
            b = ingot_unsqueeze(n, b, b->type.rank);
    n->out[0] = ingot_emit2(n, (ingot_op_kind)n->arg, a, b);
}

/* Sum, Max and Min of any number of operands; arg: the op. */
static ingot_value *fold_operands(ingot_node *n, ingot_op_kind kind)
{
    ingot_value *y = n->in[0];
    for (int32_t i = 1; i < n->n_in; i++) {
        if (!n->in[i]) {
            ingot_node_bad(n, "input %d must be given", i);
            break;
        }
        y = ingot_emit2(n, kind, y, n->in[i]);
    }
    return y;
}

void ingot_import_variadic(ingot_node *n)
{
    n->out[0] = fold_operands(n, (ingot_op_kind)n->arg);
}

void ingot_import_mean(ingot_node *n)
{
    ingot_value *sum = fold_operands(n, INGOT_OP_add);
    n->out[0] = ingot_emit2(n, INGOT_OP_div, sum, ingot_splat_like(n, sum, n->n_in));
}

void ingot_import_identity(ingot_node *n)
{
    n->out[0] = n->in[0];
}

static ingot_value *select_positive(ingot_node *n, ingot_value *x, ingot_value *positive, ingot_value *negative)
{
    ingot_value *test = ingot_emit2(n, INGOT_OP_lt, x, ingot_splat_like(n, x, 0));
    return ingot_emit3(n, INGOT_OP_select, test, negative, positive);
}

static ingot_value *scaled(ingot_node *n, ingot_value *x, double factor)
{
    return factor == 1 ? x : ingot_emit2(n, INGOT_OP_mul, x, ingot_splat_like(n, x, factor));
}

static ingot_value *plus(ingot_node *n, ingot_value *x, double term)
{
    return term == 0 ? x : ingot_emit2(n, INGOT_OP_add, x, ingot_splat_like(n, x, term));
}

void ingot_import_leaky_relu(ingot_node *n)
{
    ingot_value *x = n->in[0];
    n->out[0] = select_positive(n, x, x, scaled(n, x, ingot_attr_float(n, "alpha", 0.01f)));
}

void ingot_import_prelu(ingot_node *n)
{
    ingot_value *x = n->in[0];
    n->out[0] = select_positive(n, x, x, ingot_emit2(n, INGOT_OP_mul, x, n->in[1]));
}

/* Before opset 7: one slope, or one for each channel. */
void ingot_import_old_prelu(ingot_node *n)
{
    ingot_value *slope = n->in[1];
    if (slope->type.rank == 1 && ingot_type_count(&slope->type) != 1 && n->in[0]->type.rank > 1)
        n->in[1] = ingot_along_channels(n, slope, n->in[0]->type.rank);
    ingot_import_prelu(n);
}

/* alpha * (exp(x) - 1) below zero */
void ingot_import_elu(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_value *low = scaled(n, plus(n, ingot_emit1(n, INGOT_OP_exp, x), -1), ingot_attr_float(n, "alpha", 1));
    n->out[0] = select_positive(n, x, x, low);
}

void ingot_import_selu(ingot_node *n)
{
    ingot_value *x = n->in[0];
    double alpha = ingot_attr_float(n, "alpha", n->opset < 6 ? 1.6732f : 1.67326319217681884765625);
    double gamma = ingot_attr_float(n, "gamma", n->opset < 6 ? 1.0507f : 1.05070102214813232421875);
    ingot_value *low = scaled(n, plus(n, ingot_emit1(n, INGOT_OP_exp, x), -1), alpha);
    n->out[0] = scaled(n, select_positive(n, x, x, low), gamma);
}

/* max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) */
void ingot_import_celu(ingot_node *n)
{
    ingot_value *x = n->in[0];
    double alpha = ingot_attr_float(n, "alpha", 1);
    if (alpha == 0) {
        ingot_node_bad(n, "alpha must not be 0");
        return;
    }
    ingot_value *e = ingot_emit1(n, INGOT_OP_exp, ingot_emit2(n, INGOT_OP_div, x, ingot_splat_like(n, x, alpha)));
    ingot_value *low = scaled(n, plus(n, e, -1), alpha);
    ingot_value *zero = ingot_splat_like(n, x, 0);
    n->out[0] =
        ingot_emit2(n, INGOT_OP_add, ingot_emit2(n, INGOT_OP_max, x, zero), ingot_emit2(n, INGOT_OP_min, low, zero));
}

void ingot_import_thresholded_relu(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_value *test = ingot_emit2(n, INGOT_OP_gt, x, ingot_splat_like(n, x, ingot_attr_float(n, "alpha", 1)));
    n->out[0] = ingot_emit3(n, INGOT_OP_select, test, x, ingot_splat_like(n, x, 0));
}

void ingot_import_hard_sigmoid(ingot_node *n)
{
    ingot_value *x = n->in[0];
    double alpha = ingot_attr_float(n, "alpha", 0.2f), beta = ingot_attr_float(n, "beta", 0.5);
    n->out[0] = ingot_clamp(n, plus(n, scaled(n, x, alpha), beta), 0, 1);
}

void ingot_import_softsign(ingot_node *n)
{
    ingot_value *x = n->in[0];
    n->out[0] = ingot_emit2(n, INGOT_OP_div, x, plus(n, ingot_emit1(n, INGOT_OP_abs, x), 1));
}

void ingot_import_mish(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_value *t = ingot_emit1(n, INGOT_OP_tanh, ingot_emit1(n, INGOT_OP_softplus, x));
    n->out[0] = ingot_emit2(n, INGOT_OP_mul, x, t);
}

/* x * sigmoid(alpha * x) */
void ingot_import_swish(ingot_node *n)
{
    ingot_value *x = n->in[0];
    double alpha = ingot_attr_float(n, "alpha", n->arg ? 1.702f : 1);
    if (alpha == 1)
        n->out[0] = ingot_emit1(n, INGOT_OP_silu, x);
    else
        n->out[0] = ingot_emit2(n, INGOT_OP_mul, x, ingot_emit1(n, INGOT_OP_sigmoid, scaled(n, x, alpha)));
}

void ingot_import_gelu(ingot_node *n)
{
    static const char *const kinds[] = {"none", "tanh", NULL};
    int32_t kind = ingot_attr_choice(n, "approximate", "none", kinds);
    n->out[0] = ingot_emit1(n, kind ? INGOT_OP_gelu_tanh : INGOT_OP_gelu, n->in[0]);
}

/* com.microsoft: an activation of x plus an optional bias; arg: the activation. */
void ingot_import_biased(ingot_node *n)
{
    ingot_value *x = n->in[0];
    if (n->in[1])
        x = ingot_emit2(n, INGOT_OP_add, x, n->in[1]);
    n->out[0] = ingot_emit1(n, (ingot_op_kind)n->arg, x);
}

void ingot_import_shrink(ingot_node *n)
{
    ingot_dtype dtype = n->in[0]->type.dtype; /* the bounds need not be integers where x is */
    ingot_value *x = ingot_cast(n, n->in[0], ingot_dtype_is_float(dtype) ? dtype : INGOT_F64);
    double bias = ingot_attr_float(n, "bias", 0), lambda = ingot_attr_float(n, "lambd", 0.5);
    ingot_value *below = ingot_emit2(n, INGOT_OP_lt, x, ingot_splat_like(n, x, -lambda));
    ingot_value *above = ingot_emit2(n, INGOT_OP_gt, x, ingot_splat_like(n, x, lambda));
    ingot_value *rest =
        ingot_emit3(n, INGOT_OP_select, above, ingot_emit2(n, INGOT_OP_sub, x, ingot_splat_like(n, x, bias)),
                    ingot_splat_like(n, x, 0));
    ingot_value *low = ingot_emit2(n, INGOT_OP_add, x, ingot_splat_like(n, x, bias));
    n->out[0] = ingot_cast(n, ingot_emit3(n, INGOT_OP_select, below, low, rest), dtype);
}

/* Bounds are attributes before opset 11, optional scalars from then on. */
void ingot_import_clip(ingot_node *n)
{
    ingot_value *x = n->in[0], *lo = n->in[1], *hi = n->in[2];
    if (n->opset < 11) {
        if (ingot_attr_has(n, "min"))
            lo = ingot_splat_like(n, x, ingot_attr_float(n, "min", 0));
        if (ingot_attr_has(n, "max"))
            hi = ingot_splat_like(n, x, ingot_attr_float(n, "max", 0));
    }
    ingot_value *bounds[] = {lo, hi};
    for (int i = 0; i < 2; i++) {
        if (!bounds[i])
            continue;
        if (bounds[i]->type.rank == 1)
            bounds[i] = ingot_reshape(n, bounds[i], 0, NULL); /* [1], as some exporters write */
        x = ingot_emit2(n, i ? INGOT_OP_min : INGOT_OP_max, x, bounds[i]);
    }
    n->out[0] = x;
}

void ingot_import_mod(ingot_node *n)
{
    bool fmod_rule = ingot_attr_int(n, "fmod", 0) != 0;
    if (!fmod_rule && ingot_dtype_is_float(n->in[0]->type.dtype)) {
        ingot_node_bad(n, "fmod must be 1 for floating-point operands");
        return;
    }
    n->out[0] = ingot_emit2(n, fmod_rule ? INGOT_OP_fmod : INGOT_OP_mod, n->in[0], n->in[1]);
}

void ingot_import_bit_shift(ingot_node *n)
{
    static const char *const directions[] = {"LEFT", "RIGHT", NULL};
    int32_t right = ingot_attr_choice(n, "direction", "", directions);
    n->out[0] = ingot_emit2(n, right ? INGOT_OP_shift_right : INGOT_OP_shift_left, n->in[0], n->in[1]);
}

void ingot_import_is_inf(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_is_inf, 1, n->in, 1);
    ingot_attrs_is_inf *a = op->attrs;
    a->negative = ingot_attr_int(n, "detect_negative", 1) != 0;
    a->positive = ingot_attr_int(n, "detect_positive", 1) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

static ingot_value *cast_to(ingot_node *n, ingot_value *v, int64_t to)
{
    if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT) {
        ingot_node_bad(n, "%lld is not an element type", (long long)to);
        return v;
    }
    if (n->error || v->type.dtype == (ingot_dtype)to)
        return v;
    bool texts = v->type.dtype == INGOT_STRING || to == INGOT_STRING;
    ingot_op *op = ingot_emit_begin(n, texts ? INGOT_OP_string_cast : INGOT_OP_cast, 1, &v, 1);
    ingot_attrs_cast *a = op->attrs;
    a->to = to;
    a->saturate = ingot_attr_int(n, "saturate", 1) != 0;
    return ingot_emit_end(n, op);
}

void ingot_import_cast(ingot_node *n)
{
    n->out[0] = cast_to(n, n->in[0], ingot_attr_int(n, "to", 0));
}

void ingot_import_cast_like(ingot_node *n)
{
    n->out[0] = cast_to(n, n->in[0], n->in[1]->type.dtype);
}

void ingot_import_bitcast(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_bitcast, 1, n->in, 1);
    ((ingot_attrs_cast *)op->attrs)->to = ingot_attr_int(n, "to", 0);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_where(ingot_node *n)
{
    n->out[0] = ingot_emit3(n, INGOT_OP_select, n->in[0], n->in[1], n->in[2]);
}

/* Elements kept with probability 1 - ratio and scaled by 1 / (1 - ratio), the others zero; out[1]: which are kept. */
static void drop(ingot_node *n, ingot_value *x, ingot_value *training)
{
    ingot_dtype wide = x->type.dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32;
    ingot_value *ratio = n->in[1] ? n->in[1] : ingot_splat(n, wide, 0.5);
    if (ratio->type.rank == 1)
        ratio = ingot_reshape(n, ratio, 0, NULL);
    ratio = ingot_cast(n, ratio, wide);
    ingot_value *u = ingot_random(n, INGOT_RANDOM_UNIFORM, wide, x->type.rank, x->type.dims, 0, 1);
    ingot_value *kept = ingot_emit2(n, INGOT_OP_ge, u, ratio);
    if (training) /* known only when run */
        kept = ingot_emit2(n, INGOT_OP_or, kept, ingot_emit1(n, INGOT_OP_not, training));
    ingot_value *scale =
        ingot_emit1(n, INGOT_OP_reciprocal, ingot_emit2(n, INGOT_OP_sub, ingot_splat(n, wide, 1), ratio));
    ingot_value *y = ingot_cast(n, ingot_emit2(n, INGOT_OP_mul, ingot_cast(n, x, wide), scale), x->type.dtype);
    if (training)
        y = ingot_emit3(n, INGOT_OP_select, training, y, x);
    n->out[0] = ingot_emit3(n, INGOT_OP_select, kept, y, ingot_splat_like(n, x, 0));
    n->out[1] = kept;
}

/* Inference: the input, and a mask that keeps everything. Training, from opset 12 on, is asked for by an input. */
void ingot_import_dropout(ingot_node *n)
{
    ingot_value *x = n->in[0], *training = n->in[2];
    ingot_ints known;
    double ratio = 0.5;
    bool is_known = !training || (ingot_known_ints(n, training, &known) && known.n == 1);
    bool zero_ratio = n->in[1] && ingot_known_float(n, n->in[1], &ratio) && ratio == 0;
    if (ratio < 0 || ratio > 1) {
        ingot_node_bad(n, "a ratio of %g", ratio);
        return;
    }
    if (n->opset >= 12 && training && !zero_ratio && (!is_known || known.v[0])) {
        if (training->type.rank == 1)
            training = ingot_reshape(n, training, 0, NULL);
        drop(n, x, is_known ? NULL : training);
        return;
    }
    n->out[0] = x;
    if (n->n_out > 1)
        n->out[1] = ingot_splat_shaped(n, n->opset < 10 ? x->type.dtype : INGOT_BOOL, x->type.rank, x->type.dims, 1);
}
