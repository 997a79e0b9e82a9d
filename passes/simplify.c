/* Simpler forms of elementwise ops. The laws are at the top of canonicalize.c. */
#include "passes/internal.h"
#include <float.h>
#include <math.h>

static bool is_float(const ingot_op *op)
{
    return ingot_dtype_is_float(op->out[0]->type.dtype);
}

/* Operand i is a splat of exactly `want` (and the sign of zero agrees). */
static bool is_exactly(const ingot_op *op, int32_t i, double want)
{
    double value;
    return ingot_value_is_splat(op->graph->module, op->in[i], &value) && value == want &&
           signbit(value) == signbit(want);
}

/* op -> operand i, when the types agree. */
static ingot_status take(ingot_op *op, int32_t i, bool *changed)
{
    if (!ingot_type_equal(&op->in[i]->type, &op->out[0]->type))
        return NULL;
    *changed = true;
    return ingot_replace_op(op, op->in[i]);
}

static ingot_status replace_built(ingot_op *op, ingot_value *v, bool *changed)
{
    if (!ingot_type_equal(&v->type, &op->out[0]->type)) {
        if (v->def)
            ingot_erase_dead(v->def);
        return NULL;
    }
    *changed = true;
    return ingot_replace_op(op, v);
}

/* ---- identities: x + -0, x - 0, x * 1, x / 1, integers also x + 0; logic with a constant ---- */

static ingot_status simplify_identity(ingot_op *op, bool *changed)
{
    bool exact = !is_float(op);
    for (int32_t i = 0; i < 2; i++) { /* operand i is the neutral one */
        bool neutral = false;
        switch (op->kind) {
        case INGOT_OP_add:
            neutral = is_exactly(op, i, exact ? 0.0 : -0.0);
            break;
        case INGOT_OP_mul:
            neutral = is_exactly(op, i, 1);
            break;
        case INGOT_OP_sub:
            neutral = i == 1 && is_exactly(op, i, 0);
            break;
        case INGOT_OP_div:
        case INGOT_OP_pow:
            neutral = i == 1 && is_exactly(op, i, 1);
            break;
        case INGOT_OP_and:
            neutral = is_exactly(op, i, 1);
            break;
        case INGOT_OP_or:
        case INGOT_OP_xor:
            neutral = is_exactly(op, i, 0);
            break;
        case INGOT_OP_bit_or:
        case INGOT_OP_bit_xor:
            neutral = is_exactly(op, i, 0);
            break;
        case INGOT_OP_max:
        case INGOT_OP_min:
        case INGOT_OP_bit_and:
            if (op->in[0] == op->in[1])
                return take(op, 0, changed);
            break;
        default:
            return NULL;
        }
        if (neutral) {
            INGOT_TRY(take(op, 1 - i, changed));
            if (*changed)
                return NULL;
        }
    }
    return NULL;
}

/* x / c -> x * (1/c) when 1/c is exact: powers of two. */
static ingot_status simplify_div(ingot_op *op, bool *changed)
{
    double c;
    int exponent;
    ingot_value *x, *number, *made;
    if (op->out[0]->type.dtype != INGOT_F32 && op->out[0]->type.dtype != INGOT_F64)
        return NULL;
    if (!ingot_match_number(op->out[0], INGOT_OP_div, &x, &c) || fabs(frexp(c, &exponent)) != 0.5 || exponent < -100 ||
        exponent > 100)
        return NULL;
    INGOT_TRY(ingot_build_number(op, op->out[0]->type.dtype, 1 / c, &number));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, number, &made));
    return replace_built(op, made, changed);
}

/* x^2 -> x * x, x^3 -> x * x * x, x^-1 -> 1 / x. (x^0.5 stays: it differs from sqrt at -infinity and -0.) */
static ingot_status simplify_pow(ingot_op *op, bool *changed)
{
    double c;
    ingot_value *x = op->in[0], *made;
    if (!ingot_same_shape(&x->type, &op->out[0]->type) || !ingot_value_is_splat(op->graph->module, op->in[1], &c))
        return NULL;
    if (c == 2 || c == 3) {
        INGOT_TRY(ingot_build2(op, INGOT_OP_mul, x, x, &made));
        if (c == 3)
            INGOT_TRY(ingot_build2(op, INGOT_OP_mul, made, x, &made));
        return replace_built(op, made, changed);
    }
    if (c == -1 && is_float(op)) {
        INGOT_TRY(ingot_build1(op, INGOT_OP_reciprocal, x, &made));
        return replace_built(op, made, changed);
    }
    return NULL;
}

/* ---- clamps: max(max(x, a), b) is max(x, max(a, b)); min(max(x, 0), inf) drops its bound; max(x, 0) is relu ---- */

static ingot_status simplify_clamp(ingot_op *op, bool *changed)
{
    double outer, inner;
    ingot_value *x, *below, *number, *made;
    ingot_dtype dtype = op->out[0]->type.dtype;
    bool is_max = op->kind == INGOT_OP_max;
    if (!ingot_match_number(op->out[0], op->kind, &x, &outer) || isnan(outer))
        return NULL;
    if (is_float(op) && outer == (is_max ? -INFINITY : INFINITY))
        return replace_built(op, x, changed);
    if (is_float(op) && ingot_match_number(x, op->kind, &below, &inner) && !isnan(inner)) {
        double both = is_max ? fmax(outer, inner) : fmin(outer, inner);
        INGOT_TRY(ingot_build_number(op, dtype, both, &number));
        INGOT_TRY(ingot_build2(op, op->kind, below, number, &made));
        return replace_built(op, made, changed);
    }
    if (is_float(op) && is_max && outer == 0 && !signbit(outer)) {
        INGOT_TRY(ingot_build1(op, INGOT_OP_relu, x, &made));
        return replace_built(op, made, changed);
    }
    if (is_max && outer <= 0 && ingot_def(x, INGOT_OP_relu))
        return replace_built(op, x, changed);
    return NULL;
}

/* ---- casts: to the same type; there and back through a type that holds every value ---- */

/* Every value of `a` is a value of `b`. */
static bool holds(ingot_dtype b, ingot_dtype a)
{
    static const struct {
        ingot_dtype dtype;
        int digits; /* of the integers that are exact; floats: of the significand */
        bool is_signed, is_float;
    } types[] = {
        {INGOT_BOOL, 1, false, false}, {INGOT_U8, 8, false, false},  {INGOT_I8, 7, true, false},
        {INGOT_U16, 16, false, false}, {INGOT_I16, 15, true, false}, {INGOT_U32, 32, false, false},
        {INGOT_I32, 31, true, false},  {INGOT_I64, 63, true, false}, {INGOT_F16, 11, true, true},
        {INGOT_BF16, 8, true, true},   {INGOT_F32, 24, true, true},  {INGOT_F64, 53, true, true},
    };
    int ia = -1, ib = -1, n = sizeof types / sizeof types[0];
    for (int i = 0; i < n; i++) {
        if (types[i].dtype == a)
            ia = i;
        if (types[i].dtype == b)
            ib = i;
    }
    if (ia < 0 || ib < 0 || b == INGOT_BOOL)
        return a == b;
    if (types[ia].is_float)
        return types[ib].is_float && (a == b || b == INGOT_F64 || (b == INGOT_F32 && a != INGOT_F64));
    return types[ib].digits >= types[ia].digits && (types[ib].is_signed || !types[ia].is_signed);
}

/* v is a whole number wherever it is finite. */
static bool is_whole(const ingot_value *v, int depth)
{
    double number;
    if (ingot_value_is_splat(v->graph->module, v, &number))
        return number == floor(number);
    const ingot_op *op = v->def;
    if (!op || op->prog || depth == 0)
        return false;
    switch (op->kind) {
    case INGOT_OP_round:
    case INGOT_OP_floor:
    case INGOT_OP_ceil:
        return true;
    case INGOT_OP_cast:
        return ingot_dtype_is_integer(op->in[0]->type.dtype) != 0 && ingot_dtype_bits(op->in[0]->type.dtype) <= 16;
    case INGOT_OP_relu:
        return is_whole(op->in[0], depth - 1);
    case INGOT_OP_add:
    case INGOT_OP_sub:
    case INGOT_OP_max:
    case INGOT_OP_min:
        return is_whole(op->in[0], depth - 1) && is_whole(op->in[1], depth - 1);
    default:
        return false;
    }
}

/* v is clamped to the range of `dtype` and whole: quantized, but still a float. */
static bool is_quantized(const ingot_value *v, ingot_dtype dtype)
{
    double lo = -INFINITY, hi = INFINITY, bound, least, most;
    ingot_value *x = NULL;
    int bits = ingot_dtype_bits(dtype);
    if (!ingot_dtype_is_integer(dtype) || bits > 16 || v->type.dtype != INGOT_F32 || !is_whole(v, 8))
        return false;
    least = ingot_dtype_is_signed(dtype) ? -ldexp(1, bits - 1) : 0;
    most = ldexp(1, ingot_dtype_is_signed(dtype) ? bits - 1 : bits) - 1;
    for (int depth = 0; depth < 4; depth++) {
        if (ingot_match_number(v, INGOT_OP_max, &x, &bound)) {
            lo = fmax(lo, bound);
        } else if (ingot_match_number(v, INGOT_OP_min, &x, &bound)) {
            hi = fmin(hi, bound);
        } else if (ingot_def(v, INGOT_OP_relu)) {
            lo = fmax(lo, 0);
            x = v->def->in[0];
        } else {
            break;
        }
        v = x;
    }
    return lo >= least && hi <= most;
}

/* v lies in memory for a product of integers, so that all may read it there. */
static bool feeds_product(const ingot_value *v)
{
    for (const ingot_use *use = v->uses; use; use = use->next)
        if (use->op && (use->op->kind == INGOT_OP_conv_integer || use->op->kind == INGOT_OP_matmul_integer))
            return true;
    return false;
}

static ingot_status simplify_cast(ingot_op *op, bool *changed)
{
    ingot_value *x = op->in[0], *made;
    if (x->type.dtype == op->out[0]->type.dtype)
        return take(op, 0, changed);
    ingot_op *inner = ingot_def(x, INGOT_OP_cast);
    if (feeds_product(x))
        return NULL;
    /* Through bytes and back: quantize followed by dequantize. */
    if (inner && inner->in[0]->type.dtype == op->out[0]->type.dtype && is_quantized(inner->in[0], x->type.dtype))
        return replace_built(op, inner->in[0], changed);
    bool quantized = inner && is_quantized(inner->in[0], x->type.dtype) && holds(op->out[0]->type.dtype, x->type.dtype);
    if (!inner || !(quantized || holds(x->type.dtype, inner->in[0]->type.dtype)))
        return NULL;
    if (inner->in[0]->type.dtype == op->out[0]->type.dtype)
        return replace_built(op, inner->in[0], changed);
    ingot_op *cast;
    INGOT_TRY(ingot_build(op, INGOT_OP_cast, 1, inner->in, &cast));
    ingot_copy_attrs(cast, op);
    INGOT_TRY(ingot_op_infer(cast));
    made = cast->out[0];
    return replace_built(op, made, changed);
}

/* ---- broadcasts: an elementwise op broadcasts by itself ---- */

/* True when `narrow` leaves a result of size `want` as it is, where the others have that size. */
static bool spreads_to(ingot_module *m, const ingot_dim *narrow, const ingot_dim *want)
{
    const ingot_dim *both = narrow == want || ingot_dim_is(narrow, 1) ? want : ingot_dim_broadcast(m, narrow, want);
    return !both || both == want;
}

static ingot_status simplify_operands(ingot_op *op, bool *changed)
{
    for (int32_t i = 0; i < op->n_in; i++) {
        ingot_op *wide = ingot_def(op->in[i], INGOT_OP_broadcast);
        if (!wide)
            continue;
        /* The result's shape must follow from the others together with the narrow operand. */
        const ingot_type *want = &op->out[0]->type;
        bool covered = true;
        for (int32_t d = 1; d <= want->rank && covered; d++) {
            bool found = false;
            for (int32_t j = 0; j < op->n_in; j++) {
                const ingot_type *t = j == i ? &wide->in[0]->type : &op->in[j]->type;
                found = found || (d <= t->rank && t->dims[t->rank - d] == want->dims[want->rank - d]);
            }
            const ingot_type *narrow = &wide->in[0]->type;
            covered = found && (d > narrow->rank || spreads_to(op->graph->module, narrow->dims[narrow->rank - d],
                                                               want->dims[want->rank - d]));
        }
        if (!covered)
            continue;
        ingot_op_set_operand(op, i, wide->in[0]);
        ingot_erase_dead(wide);
        *changed = true;
    }
    return NULL;
}

ingot_status ingot_simplify_scalar(ingot_op *op, bool *changed)
{
    double condition;
    INGOT_TRY(simplify_operands(op, changed));
    if (*changed)
        return NULL;
    switch (op->kind) {
    case INGOT_OP_add:
    case INGOT_OP_sub:
    case INGOT_OP_mul:
    case INGOT_OP_and:
    case INGOT_OP_or:
    case INGOT_OP_xor:
    case INGOT_OP_bit_and:
    case INGOT_OP_bit_or:
    case INGOT_OP_bit_xor:
        return simplify_identity(op, changed);
    case INGOT_OP_div:
        INGOT_TRY(simplify_identity(op, changed));
        return *changed ? NULL : simplify_div(op, changed);
    case INGOT_OP_pow:
        INGOT_TRY(simplify_identity(op, changed));
        return *changed ? NULL : simplify_pow(op, changed);
    case INGOT_OP_max:
    case INGOT_OP_min:
        INGOT_TRY(simplify_identity(op, changed));
        return *changed ? NULL : simplify_clamp(op, changed);
    case INGOT_OP_cast:
        return simplify_cast(op, changed);
    case INGOT_OP_relu:
    case INGOT_OP_ceil:
    case INGOT_OP_floor:
    case INGOT_OP_round:
    case INGOT_OP_abs:
    case INGOT_OP_sign:
        if (ingot_def(op->in[0], op->kind)) /* idempotent */
            return take(op, 0, changed);
        return NULL;
    case INGOT_OP_not:
    case INGOT_OP_neg:
    case INGOT_OP_bit_not:
        if (ingot_def(op->in[0], op->kind))
            return replace_built(op, op->in[0]->def->in[0], changed);
        return NULL;
    case INGOT_OP_select:
        if (op->in[1] == op->in[2])
            return take(op, 1, changed);
        if (ingot_value_is_splat(op->graph->module, op->in[0], &condition))
            return take(op, condition != 0 ? 1 : 2, changed);
        return NULL;
    default:
        return NULL;
    }
}
