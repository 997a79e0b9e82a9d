/* What numbers a value of integers can hold: its type says, and the scalar programs on its way, which clamp and shift.
 *
 * Intervals, in double; a float may be anything to begin with. Sums of integers that could wrap, and numbers that a
 * cast could not represent, are all that their type holds. What a cast makes of a NaN is left open by ONNX, and is not
 * counted.
 */
#include "ir/internal.h"
#include <math.h>

#define MOST_OPS 200 /* looked at for one answer */

typedef struct interval {
    double low, high;
} interval;

static interval of_type(ingot_dtype t)
{
    int bits = ingot_dtype_bits(t);
    if (ingot_dtype_is_float(t) || !(ingot_dtype_is_integer(t) || t == INGOT_BOOL))
        return (interval){-INFINITY, INFINITY};
    if (t == INGOT_BOOL)
        return (interval){0, 1};
    double half = ldexp(1, bits - 1);
    return ingot_dtype_is_signed(t) ? (interval){-half, half - 1} : (interval){0, 2 * half - 1};
}

/* x as the type holds it; NaN stands for not known. */
static interval within(interval x, ingot_dtype t)
{
    interval all = of_type(t);
    return x.low >= all.low && x.high <= all.high ? x : all;
}

static interval both(interval a, interval b)
{
    return (interval){fmin(a.low, b.low), fmax(a.high, b.high)};
}

static interval product(interval a, interval b)
{
    double p[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
    interval out = {p[0], p[0]};
    for (int i = 0; i < 4; i++) {
        if (isnan(p[i]))
            return (interval){NAN, NAN};
        out = both(out, (interval){p[i], p[i]});
    }
    return out;
}

static interval of_instr(const ingot_instr *i, const interval *r)
{
    ingot_dtype t = (ingot_dtype)i->dtype;
    interval all = of_type(t), a = i->a >= 0 ? r[i->a] : all, b = i->b >= 0 ? r[i->b] : all;
    double number;
    switch (i->op) {
    case INGOT_SCALAR_const:
        number = ingot_dtype_is_float(t) ? i->imm.f : (double)i->imm.i;
        return isnan(number) ? all : (interval){number, number};
    case INGOT_SCALAR_cast:
        return within(ingot_dtype_is_float(t) ? a : (interval){trunc(a.low), trunc(a.high)}, t);
    case INGOT_SCALAR_round:
        return within((interval){nearbyint(a.low), nearbyint(a.high)}, t);
    case INGOT_SCALAR_relu:
        return within((interval){fmax(a.low, 0), fmax(a.high, 0)}, t);
    case INGOT_SCALAR_max:
        return within((interval){fmax(a.low, b.low), fmax(a.high, b.high)}, t);
    case INGOT_SCALAR_min:
        return within((interval){fmin(a.low, b.low), fmin(a.high, b.high)}, t);
    case INGOT_SCALAR_neg:
        return within((interval){-a.high, -a.low}, t);
    case INGOT_SCALAR_add:
        return within((interval){a.low + b.low, a.high + b.high}, t);
    case INGOT_SCALAR_sub:
        return within((interval){a.low - b.high, a.high - b.low}, t);
    case INGOT_SCALAR_mul:
        return within(product(a, b), t);
    case INGOT_SCALAR_select:
        return within(i->c >= 0 ? both(b, r[i->c]) : all, t);
    default:
        return all;
    }
}

static interval of_value(const ingot_value *v, int *budget);

/* The result of an op's program; `raw`: argument 0 of an epilogue. */
static interval of_prog(const ingot_op *op, const ingot_prog *prog, int32_t result, const interval *raw, int *budget)
{
    interval r[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    for (int32_t i = 0; i < prog->n_args; i++) {
        int32_t operand = raw ? op->n_base + i - 1 : i;
        const ingot_value *x = operand < op->n_in ? op->in[operand] : NULL;
        if (raw && i == 0)
            r[i] = *raw;
        else
            r[i] = x ? of_value(x, budget) : of_type((ingot_dtype)prog->arg_dtypes[i]);
        r[i] = within(r[i], (ingot_dtype)prog->arg_dtypes[i]);
    }
    for (int32_t i = 0; i < prog->n_instrs; i++)
        r[prog->n_args + i] = of_instr(&prog->instrs[i], r);
    return r[prog->results[result]];
}

/* Ops that hand on elements of their operands. */
static bool of_elements(const ingot_op *op, int *budget, interval *out)
{
    switch (op->kind) {
    case INGOT_OP_identity:
    case INGOT_OP_reshape:
    case INGOT_OP_transpose:
    case INGOT_OP_broadcast:
    case INGOT_OP_slice:
    case INGOT_OP_reverse:
    case INGOT_OP_relayout:
    case INGOT_OP_max_pool:
        *out = of_value(op->in[0], budget);
        return true;
    case INGOT_OP_concat:
        *out = of_value(op->in[0], budget);
        for (int32_t i = 1; i < op->n_base; i++)
            *out = both(*out, of_value(op->in[i], budget));
        return true;
    default:
        return false;
    }
}

static interval of_value(const ingot_value *v, int *budget)
{
    const ingot_op *op = v->def;
    interval all = of_type(v->type.dtype), raw = all;
    double number;
    if (--*budget < 0)
        return all;
    if (ingot_value_is_splat(v->graph->module, v, &number) && !isnan(number))
        return (interval){number, number};
    if (!op || op->n_in < 1 || !op->in[0])
        return all;
    int32_t result = 0;
    while (result + 1 < op->n_out && op->out[result] != v)
        result++;
    if (op->kind == INGOT_OP_map)
        return op->prog ? within(of_prog(op, op->prog, result, NULL, budget), v->type.dtype) : all;
    if (op->kind < (ingot_op_kind)INGOT_SCALAR_COUNT) {
        ingot_prog prog;
        ingot_op_to_prog(op, &prog);
        return within(of_prog(op, &prog, 0, NULL, budget), v->type.dtype);
    }
    if (result > 0)
        return all;
    bool known = of_elements(op, budget, &raw);
    if (op->prog) {
        ingot_dtype t = (ingot_dtype)op->prog->arg_dtypes[0];
        raw = known ? raw : of_type(t);
        raw = of_prog(op, op->prog, 0, &raw, budget);
    }
    return within(raw, v->type.dtype);
}

void ingot_value_range(const ingot_value *v, int64_t *out_low, int64_t *out_high)
{
    int budget = MOST_OPS;
    interval x = of_value(v, &budget);
    *out_low = x.low > -0x1p62 ? (int64_t)x.low : INT64_MIN;
    *out_high = x.high < 0x1p62 ? (int64_t)x.high : INT64_MAX;
}
