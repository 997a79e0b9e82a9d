/* Activations written out become one op.
 *
 *   x * sigmoid(x)                                     silu           (sigmoid: also 1 / (1 + exp(-x)))
 *   x * (1 + erf(x / sqrt 2)) / 2                      gelu
 *   x * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2  gelu_tanh
 *   x * clamp(x + 3, 0, 6) / 6                         hard_swish     (HardSigmoid likewise)
 *   exp(x - max x) / sum exp(x - max x)                softmax
 *
 * Exporters write these in many orders. A product is taken apart into factors and a number, and what stands inside erf,
 * tanh and the clamp into a polynomial of x, so that the order does not matter. Needs: canonicalize. Keeps: ops that
 * others use as well stay for them.
 */
#include "passes/internal.h"
#include <math.h>
#include <string.h>

/* ---- polynomials: v = c[0] + c[1] x + c[2] x^2 + c[3] x^3 ---- */

static bool poly(const ingot_value *v, const ingot_value *x, int depth, double c[4])
{
    double a[4], b[4], number;
    memset(c, 0, 4 * sizeof *c);
    if (v == x) {
        c[1] = 1;
        return true;
    }
    if (ingot_value_is_splat(v->graph->module, v, &number)) {
        c[0] = number;
        return true;
    }
    const ingot_op *op = v->def;
    if (!op || depth == 0 || op->prog || op->graph != x->graph)
        return false;
    switch (op->kind) {
    case INGOT_OP_neg:
        if (!poly(op->in[0], x, depth - 1, a))
            return false;
        for (int i = 0; i < 4; i++)
            c[i] = -a[i];
        return true;
    case INGOT_OP_add:
    case INGOT_OP_sub:
        if (!poly(op->in[0], x, depth - 1, a) || !poly(op->in[1], x, depth - 1, b))
            return false;
        for (int i = 0; i < 4; i++)
            c[i] = op->kind == INGOT_OP_add ? a[i] + b[i] : a[i] - b[i];
        return true;
    case INGOT_OP_div:
        if (!poly(op->in[0], x, depth - 1, a) || !poly(op->in[1], x, depth - 1, b) || b[1] != 0 || b[2] != 0 ||
            b[3] != 0 || b[0] == 0)
            return false;
        for (int i = 0; i < 4; i++)
            c[i] = a[i] / b[0];
        return true;
    case INGOT_OP_mul:
        if (!poly(op->in[0], x, depth - 1, a) || !poly(op->in[1], x, depth - 1, b))
            return false;
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++) {
                if (i + j < 4)
                    c[i + j] += a[i] * b[j];
                else if (a[i] * b[j] != 0)
                    return false;
            }
        }
        return true;
    case INGOT_OP_pow:
        if (op->in[0] != x || !ingot_value_is_splat(v->graph->module, op->in[1], &number) ||
            (number != 2 && number != 3))
            return false;
        c[(int)number] = 1;
        return true;
    default:
        return false;
    }
}

static bool poly_is(const ingot_value *v, const ingot_value *x, double c1, double c3)
{
    double c[4];
    return poly(v, x, 8, c) && c[0] == 0 && c[2] == 0 && ingot_near(c[1], c1) && ingot_near(c[3], c3);
}

/* ---- products: v = number * factors ---- */

enum { MAX_FACTORS = 4 };
typedef struct product {
    double number;
    ingot_value *factors[MAX_FACTORS];
    int32_t n;
} product;

static bool multiply(ingot_value *v, bool outermost, int depth, product *out)
{
    double number;
    ingot_op *mul = ingot_def(v, INGOT_OP_mul), *div = ingot_def(v, INGOT_OP_div);
    if (ingot_value_is_splat(v->graph->module, v, &number)) {
        out->number *= number;
        return true;
    }
    bool open = depth > 0 && (outermost || ingot_value_has_one_use(v));
    if (mul && open)
        return multiply(mul->in[0], false, depth - 1, out) && multiply(mul->in[1], false, depth - 1, out);
    if (div && open && ingot_value_is_splat(v->graph->module, div->in[1], &number) && number != 0) {
        out->number /= number;
        return multiply(div->in[0], false, depth - 1, out);
    }
    if (out->n == MAX_FACTORS)
        return false;
    out->factors[out->n++] = v;
    return true;
}

/* v = a * f(..) + b with f of kind `kind`; *out_inner is its operand. Looks through mul, div by numbers and one add. */
static bool match_affine_of(ingot_value *v, ingot_op_kind kind, ingot_value **out_inner, double *a, double *b)
{
    double number;
    *a = 1;
    *b = 0;
    for (int depth = 0; depth < 6; depth++) {
        ingot_op *f = ingot_def(v, kind);
        if (f) {
            *out_inner = f->in[0];
            return true;
        }
        if (ingot_match_number(v, INGOT_OP_add, &v, &number)) {
            *b += *a * number;
        } else if (ingot_match_number(v, INGOT_OP_sub, &v, &number)) {
            *b -= *a * number;
        } else if (ingot_match_number(v, INGOT_OP_mul, &v, &number)) {
            *a *= number;
        } else if (ingot_match_number(v, INGOT_OP_div, &v, &number) && number != 0) {
            *a /= number;
        } else {
            return false;
        }
    }
    return false;
}

/* `number` * clamp(polynomial of x, lo, hi), clamps being max, min and relu in any order. */
static bool is_hard_sigmoid(ingot_value *v, const ingot_value *x, double number)
{
    double lo = -INFINITY, hi = INFINITY, bound, c[4];
    for (int depth = 0; depth < 8; depth++) {
        if (ingot_match_number(v, INGOT_OP_max, &v, &bound)) {
            lo = fmax(lo, bound);
        } else if (ingot_match_number(v, INGOT_OP_min, &v, &bound)) {
            hi = fmin(hi, bound);
        } else if (ingot_def(v, INGOT_OP_relu)) {
            lo = fmax(lo, 0);
            v = v->def->in[0];
        } else if (lo == -INFINITY && hi == INFINITY && ingot_match_number(v, INGOT_OP_mul, &v, &bound)) {
            number *= bound;
        } else if (lo == -INFINITY && hi == INFINITY && ingot_match_number(v, INGOT_OP_div, &v, &bound) && bound != 0) {
            number /= bound;
        } else {
            break;
        }
    }
    return poly(v, x, 8, c) && c[2] == 0 && c[3] == 0 && ingot_near(number * c[1], 1.0 / 6) &&
           ingot_near(number * c[0], 0.5) && lo == 0 && ingot_near(number * hi, 1);
}

/* The activation that `number` * x * g is; INGOT_OP_COUNT when none. */
static ingot_op_kind activation(ingot_value *x, ingot_value *g, double number)
{
    ingot_value *inner;
    double a, b;
    ingot_op *sigmoid = ingot_def(g, INGOT_OP_sigmoid);
    if (sigmoid && sigmoid->in[0] == x && number == 1)
        return INGOT_OP_silu;
    if (match_affine_of(g, INGOT_OP_erf, &inner, &a, &b) && ingot_near(a * number, 0.5) &&
        ingot_near(b * number, 0.5) && poly_is(inner, x, sqrt(0.5), 0))
        return INGOT_OP_gelu;
    double k = sqrt(2 / acos(-1.0));
    if (match_affine_of(g, INGOT_OP_tanh, &inner, &a, &b) && ingot_near(a * number, 0.5) &&
        ingot_near(b * number, 0.5) && poly_is(inner, x, k, k * 0.044715))
        return INGOT_OP_gelu_tanh;
    return is_hard_sigmoid(g, x, number) ? INGOT_OP_hard_swish : INGOT_OP_COUNT;
}

static ingot_status recognize_product(ingot_op *op, ingot_pass_context *ctx)
{
    product p = {.number = 1};
    if (!multiply(op->out[0], true, 6, &p) || p.n != 2)
        return NULL;
    for (int32_t i = 0; i < 2; i++) {
        ingot_value *x = p.factors[i], *made;
        if (!ingot_type_equal(&x->type, &op->out[0]->type))
            continue;
        ingot_op_kind kind = activation(x, p.factors[1 - i], p.number);
        if (kind == INGOT_OP_COUNT)
            continue;
        INGOT_TRY(ingot_build1(op, kind, x, &made));
        ingot_note(ctx, "%s at '%s'", ingot_op_info_get(kind)->name, op->loc ? op->loc : "");
        return ingot_replace_op(op, made);
    }
    return NULL;
}

/* 1 / (1 + exp(-x)), written with div or reciprocal. */
static ingot_status recognize_sigmoid(ingot_op *op, ingot_pass_context *ctx)
{
    ingot_value *below = op->in[0], *x, *made;
    double number;
    if (op->kind == INGOT_OP_div) {
        if (!ingot_is_number(op->in[0], 1))
            return NULL;
        below = op->in[1];
    }
    if (!ingot_match_number(below, INGOT_OP_add, &x, &number) || number != 1)
        return NULL;
    const ingot_op *exponential = ingot_def(x, INGOT_OP_exp);
    const ingot_op *negated = exponential ? ingot_def(exponential->in[0], INGOT_OP_neg) : NULL;
    if (negated)
        x = negated->in[0];
    else if (!exponential || !ingot_match_number(exponential->in[0], INGOT_OP_mul, &x, &number) || number != -1)
        return NULL;
    if (!ingot_type_equal(&x->type, &op->out[0]->type))
        return NULL;
    INGOT_TRY(ingot_build1(op, INGOT_OP_sigmoid, x, &made));
    ingot_note(ctx, "sigmoid at '%s'", op->loc ? op->loc : "");
    return ingot_replace_op(op, made);
}

static ingot_status recognize_softmax(ingot_op *op, ingot_pass_context *ctx)
{
    const ingot_op *e = ingot_def(op->in[0], INGOT_OP_exp), *sum = ingot_def(op->in[1], INGOT_OP_reduce);
    if (!e || !sum || sum->in[0] != op->in[0] || sum->n_in != 1)
        return NULL;
    const ingot_attrs_reduce *attrs = sum->attrs;
    if (attrs->kind != INGOT_REDUCE_SUM || attrs->axes.n != 1 || !attrs->keepdims)
        return NULL;
    ingot_value *x = e->in[0];
    const ingot_op *shifted = ingot_def(x, INGOT_OP_sub);
    const ingot_op *peak = shifted ? ingot_def(shifted->in[1], INGOT_OP_reduce) : NULL;
    if (!peak || peak->in[0] != shifted->in[0] || peak->n_in != 1)
        return NULL;
    const ingot_attrs_reduce *of_peak = peak->attrs;
    if (of_peak->kind != INGOT_REDUCE_MAX || of_peak->axes.n != 1 || of_peak->axes.v[0] != attrs->axes.v[0] ||
        !of_peak->keepdims)
        return NULL;
    x = shifted->in[0];
    if (!ingot_type_equal(&x->type, &op->out[0]->type))
        return NULL;
    ingot_op *made;
    INGOT_TRY(ingot_build(op, INGOT_OP_softmax, 1, &x, &made));
    ((ingot_attrs_softmax *)made->attrs)->axis = attrs->axes.v[0];
    INGOT_TRY(ingot_op_infer(made));
    ingot_note(ctx, "softmax from 5 ops at '%s'", op->loc ? op->loc : "");
    return ingot_replace_op(op, made->out[0]);
}

static ingot_status recognize_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    if (op->prog || op->n_out != 1 || !ingot_dtype_is_float(op->out[0]->type.dtype))
        return NULL;
    if (op->kind == INGOT_OP_reciprocal || op->kind == INGOT_OP_div) {
        INGOT_TRY(recognize_sigmoid(op, ctx));
        if (ingot_op_is_linked(op) && op->kind == INGOT_OP_div)
            INGOT_TRY(recognize_softmax(op, ctx));
    }
    if (ingot_op_is_linked(op) && (op->kind == INGOT_OP_mul || op->kind == INGOT_OP_div))
        return recognize_product(op, ctx);
    return NULL;
}

static ingot_status recognize_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, recognize_op);
}

ingot_status ingot_pass_recognize_activations(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, recognize_graph);
}
