/* Values of a plan's size expressions. */
#include "runtime/context.h"

static int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t apply(uint32_t kind, int64_t a, int64_t b)
{
    int64_t out;
    if (a == INGOT_UNKNOWN || b == INGOT_UNKNOWN)
        return INGOT_UNKNOWN;
    switch (kind) {
    case INGOT_EXPR_ADD:
        return ingot_add_overflows(a, b, &out) ? INGOT_UNKNOWN : out;
    case INGOT_EXPR_MUL:
        return ingot_mul_overflows(a, b, &out) ? INGOT_UNKNOWN : out;
    case INGOT_EXPR_FLOORDIV:
        return b ? floor_divide(a, b) : INGOT_UNKNOWN;
    case INGOT_EXPR_MOD:
        return b ? a - floor_divide(a, b) * b : INGOT_UNKNOWN;
    case INGOT_EXPR_MIN:
        return a < b ? a : b;
    default:
        return a > b ? a : b;
    }
}

void ingot_plan_evaluate(const ingot_plan_view *v, const int64_t *symbols, bool only_on_data, int64_t *env)
{
    for (int32_t i = 0; i < v->n_exprs; i++) {
        const ingot_plan_expr *e = &v->exprs[i];
        if (only_on_data && !e->on_data)
            continue;
        if (e->kind == INGOT_EXPR_CONST)
            env[i] = e->value;
        else if (e->kind == INGOT_EXPR_SYMBOL)
            env[i] = symbols[e->value];
        else
            env[i] = apply(e->kind, env[e->a], env[e->b]);
    }
}

void ingot_plan_low_symbols(const ingot_plan_view *v, int64_t *out)
{
    for (int32_t i = 0; i < v->n_symbols; i++)
        out[i] = v->symbols[i].lo;
}
