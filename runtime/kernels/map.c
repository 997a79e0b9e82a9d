/* map: interprets a scalar program on broadcast operands, KERNEL_BLOCK elements per instruction.
 *
 * A register holds doubles for float types, else int64 (u64 as its bits). Each instruction's results are brought to its
 * type at once (floats rounded, integers wrapped), so that a fused program gives what its ops give one by one.
 *
 * A cast carries an attribute in `imm.i`, 1: what overflows a float8 type becomes infinity or NaN (saturate=0).
 */
#include "runtime/kernels/kernels.h"

typedef union { /* one register's block */
    double *f;
    int64_t *i;
} reg;

typedef struct {
    const ingot_prog *prog;
    reg regs[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    ingot_dtype dtypes[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
} machine;

/* ---- bringing results to their type ---- */

static void round_floats(ingot_dtype dtype, double *r, int64_t n)
{
    if (dtype == INGOT_F64)
        return;
    if (dtype == INGOT_F32) {
        for (int64_t j = 0; j < n; j++)
            r[j] = (double)(float)r[j];
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        uint64_t room = 0;
        double v = r[j];
        if (dtype == INGOT_F8E5M2 && isinf(v))
            continue;
        ingot_store_f64(&room, dtype, 0, v);
        r[j] = ingot_load_f64(&room, dtype, 0);
    }
}

static void wrap_integers(ingot_dtype dtype, int64_t *r, int64_t n)
{
    if (dtype == INGOT_I64 || dtype == INGOT_U64)
        return;
    if (dtype == INGOT_BOOL) {
        for (int64_t j = 0; j < n; j++)
            r[j] = r[j] != 0;
        return;
    }
    int shift = 64 - ingot_dtype_bits(dtype);
    if (ingot_dtype_is_signed(dtype)) {
        for (int64_t j = 0; j < n; j++)
            r[j] = (int64_t)((uint64_t)r[j] << shift) >> shift;
    } else {
        for (int64_t j = 0; j < n; j++)
            r[j] = (int64_t)((uint64_t)r[j] << shift >> shift);
    }
}

/* ---- float instructions ---- */

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double sigmoid(double x)
{
    double e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double python_mod(double x, double y)
{
    double r = fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

#define EACH(name, expr)                \
    case INGOT_SCALAR_##name:           \
        for (int64_t j = 0; j < n; j++) \
            r[j] = (expr);              \
        return true;

/* Results and operands are floats. False: no such instruction. */
static bool float_op(int op, double *r, const double *a, const double *b, const double *c, int64_t n)
{
    switch (op) {
        EACH(abs, fabs(a[j]))
        EACH(neg, -a[j])
        EACH(sign, a[j] > 0 ? 1 : a[j] < 0 ? -1 : a[j])
        EACH(ceil, ceil(a[j]))
        EACH(floor, floor(a[j]))
        EACH(round, nearbyint(a[j]))
        EACH(exp, exp(a[j]))
        EACH(log, log(a[j]))
        EACH(sqrt, sqrt(a[j]))
        EACH(rsqrt, 1 / sqrt(a[j]))
        EACH(reciprocal, 1 / a[j])
        EACH(sin, sin(a[j]))
        EACH(cos, cos(a[j]))
        EACH(tan, tan(a[j]))
        EACH(asin, asin(a[j]))
        EACH(acos, acos(a[j]))
        EACH(atan, atan(a[j]))
        EACH(sinh, sinh(a[j]))
        EACH(cosh, cosh(a[j]))
        EACH(tanh, tanh(a[j]))
        EACH(asinh, asinh(a[j]))
        EACH(acosh, acosh(a[j]))
        EACH(atanh, atanh(a[j]))
        EACH(erf, erf(a[j]))
        EACH(sigmoid, sigmoid(a[j]))
        EACH(relu, a[j] < 0 ? 0 : a[j])
        EACH(softplus, softplus(a[j]))
        EACH(gelu, a[j] * (1 + erf(a[j] * 0.70710678118654752440)) / 2)
        EACH(gelu_tanh, a[j] * (1 + tanh(0.79788456080286535588 * (a[j] + 0.044715 * a[j] * a[j] * a[j]))) / 2)
        EACH(silu, a[j] * sigmoid(a[j]))
        EACH(hard_swish, a[j] * clamp01(a[j] / 6 + 0.5))
        EACH(add, a[j] + b[j])
        EACH(sub, a[j] - b[j])
        EACH(mul, a[j] * b[j])
        EACH(div, a[j] / b[j])
        EACH(mod, python_mod(a[j], b[j]))
        EACH(fmod, fmod(a[j], b[j]))
        EACH(pow, pow(a[j], b[j]))
        EACH(max, isnan(a[j]) ? a[j] : isnan(b[j]) || b[j] > a[j] ? b[j] : a[j])
        EACH(min, isnan(a[j]) ? a[j] : isnan(b[j]) || b[j] < a[j] ? b[j] : a[j])
        EACH(fma, a[j] * b[j] + c[j])
    default:
        return false;
    }
}

static bool float_test(int op, int64_t *r, const double *a, const double *b, int64_t n)
{
    switch (op) {
        EACH(is_nan, isnan(a[j]) != 0)
        EACH(is_inf, isinf(a[j]) != 0)
        EACH(eq, a[j] == b[j])
        EACH(ne, a[j] != b[j])
        EACH(lt, a[j] < b[j])
        EACH(le, a[j] <= b[j])
        EACH(gt, a[j] > b[j])
        EACH(ge, a[j] >= b[j])
    default:
        return false;
    }
}

/* ---- integer instructions; wrapping arithmetic goes through uint64 ---- */

static int64_t divide(int64_t x, int64_t y, bool is_signed)
{
    if (!y)
        return 0;
    if (!is_signed)
        return (int64_t)((uint64_t)x / (uint64_t)y);
    return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
}

/* Remainder with the sign of the dividend. */
static int64_t remainder_of(int64_t x, int64_t y, bool is_signed)
{
    if (!y)
        return 0;
    if (!is_signed)
        return (int64_t)((uint64_t)x % (uint64_t)y);
    return y == -1 ? 0 : x % y;
}

static int64_t floor_mod(int64_t x, int64_t y, bool is_signed)
{
    int64_t r = remainder_of(x, y, is_signed);
    return is_signed && r && (r < 0) != (y < 0) ? r + y : r;
}

static int64_t power(int64_t x, int64_t y, bool is_signed)
{
    if (is_signed && y < 0) /* the reciprocal, truncated */
        return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    uint64_t result = 1, base = (uint64_t)x;
    for (uint64_t e = (uint64_t)y; e; e >>= 1, base *= base)
        result *= e & 1 ? base : 1;
    return (int64_t)result;
}

static bool less(int64_t x, int64_t y, bool is_signed)
{
    return is_signed ? x < y : (uint64_t)x < (uint64_t)y;
}

static int64_t shift_bits(int64_t x, int64_t by, int bits, bool left)
{
    if (by < 0 || by >= bits)
        return 0;
    return (int64_t)(left ? (uint64_t)x << by : (uint64_t)x >> by);
}

#define U(x) ((uint64_t)(x))

static bool integer_op(int op, ingot_dtype dtype, int64_t *r, const int64_t *a, const int64_t *b, const int64_t *c,
                       int64_t n)
{
    bool is_signed = dtype != INGOT_U64; /* narrower unsigned types are non-negative int64 */
    int bits = ingot_dtype_bits(dtype);
    switch (op) {
        EACH(abs, is_signed && a[j] < 0 ? (int64_t)(0 - U(a[j])) : a[j])
        EACH(neg, (int64_t)(0 - U(a[j])))
        EACH(sign, is_signed ? (a[j] > 0) - (a[j] < 0) : a[j] != 0)
        EACH(ceil, a[j])
        EACH(floor, a[j])
        EACH(round, a[j])
        EACH(relu, is_signed && a[j] < 0 ? 0 : a[j])
        EACH(not, !a[j])
        EACH(bit_not, ~a[j])
        EACH(is_nan, 0)
        EACH(is_inf, 0)
        EACH(add, (int64_t)(U(a[j]) + U(b[j])))
        EACH(sub, (int64_t)(U(a[j]) - U(b[j])))
        EACH(mul, (int64_t)(U(a[j]) * U(b[j])))
        EACH(div, divide(a[j], b[j], is_signed))
        EACH(mod, floor_mod(a[j], b[j], is_signed))
        EACH(fmod, remainder_of(a[j], b[j], is_signed))
        EACH(pow, power(a[j], b[j], is_signed))
        EACH(max, less(a[j], b[j], is_signed) ? b[j] : a[j])
        EACH(min, less(b[j], a[j], is_signed) ? b[j] : a[j])
        EACH(and, a[j] && b[j])
        EACH(or, a[j] || b[j])
        EACH(xor, !a[j] != !b[j])
        EACH(bit_and, a[j] & b[j])
        EACH(bit_or, a[j] | b[j])
        EACH(bit_xor, a[j] ^ b[j])
        EACH(shift_left, shift_bits(a[j], b[j], bits, true))
        EACH(shift_right, shift_bits(a[j], b[j], bits, false))
        EACH(eq, a[j] == b[j])
        EACH(ne, a[j] != b[j])
        EACH(lt, less(a[j], b[j], is_signed))
        EACH(le, !less(b[j], a[j], is_signed))
        EACH(gt, less(b[j], a[j], is_signed))
        EACH(ge, !less(a[j], b[j], is_signed))
        EACH(fma, (int64_t)(U(a[j]) * U(b[j]) + U(c[j])))
    default:
        return false;
    }
}

/* ---- casts ---- */

static int64_t to_integer(double x, ingot_dtype dtype)
{
    if (dtype == INGOT_BOOL)
        return x != 0;
    int64_t v;
    ingot_store_f64(&v, dtype == INGOT_U64 ? INGOT_U64 : INGOT_I64, 0, x);
    return v;
}

static void cast(const machine *m, const ingot_instr *instr, reg r, int64_t n)
{
    ingot_dtype from = m->dtypes[instr->a], to = (ingot_dtype)instr->dtype;
    reg a = m->regs[instr->a];
    bool from_float = ingot_dtype_is_float(from), to_float = ingot_dtype_is_float(to);
    for (int64_t j = 0; j < n; j++) {
        if (from_float && to_float)
            r.f[j] = instr->imm.i == 1 ? ingot_kernel_overflow(to, a.f[j]) : a.f[j];
        else if (from_float)
            r.i[j] = to_integer(a.f[j], to);
        else if (!to_float)
            r.i[j] = a.i[j];
        else if (from == INGOT_U64)
            r.f[j] = to == INGOT_F32 ? (double)(float)(uint64_t)a.i[j] : (double)(uint64_t)a.i[j];
        else
            r.f[j] = to == INGOT_F32 ? (double)(float)a.i[j] : (double)a.i[j];
    }
    /* Rounding would saturate what the attribute says must overflow: only finite values need it. */
    if (to_float && to == INGOT_F8E5M2 && instr->imm.i != 1) {
        for (int64_t j = 0; j < n; j++)
            r.f[j] = isinf(r.f[j]) ? copysign(57344, r.f[j]) : r.f[j];
    }
}

/* ---- programs ---- */

/* pow and shifts take a second operand of another type: converts it into `room` where its class differs. */
static const void *second_operand(const machine *m, const ingot_instr *instr, bool as_float, double *room, int64_t n)
{
    reg b = m->regs[instr->b];
    if (ingot_dtype_is_float(m->dtypes[instr->b]) == as_float)
        return as_float ? (const void *)b.f : (const void *)b.i;
    int64_t *integers = (int64_t *)(void *)room;
    for (int64_t j = 0; j < n; j++) {
        if (as_float)
            room[j] = m->dtypes[instr->b] == INGOT_U64 ? (double)(uint64_t)b.i[j] : (double)b.i[j];
        else
            integers[j] = to_integer(b.f[j], INGOT_I64);
    }
    return room;
}

static void integer_pow_of_float(const machine *m, const ingot_instr *instr, int64_t *r, int64_t n)
{
    ingot_dtype dtype = m->dtypes[instr->a];
    for (int64_t j = 0; j < n; j++) {
        int64_t base = m->regs[instr->a].i[j];
        double x = dtype == INGOT_U64 ? (double)(uint64_t)base : (double)base, y = m->regs[instr->b].f[j];
        r[j] = y >= 0 && y == floor(y) && y < 0x1p62 ? power(base, (int64_t)y, dtype != INGOT_U64)
                                                     : to_integer(pow(x, y), dtype);
    }
}

static void select_op(const machine *m, const ingot_instr *instr, bool is_float, reg r, int64_t n)
{
    const int64_t *condition = m->regs[instr->a].i;
    reg b = m->regs[instr->b], c = m->regs[instr->c];
    for (int64_t j = 0; j < n; j++) {
        if (is_float)
            r.f[j] = condition[j] ? b.f[j] : c.f[j];
        else
            r.i[j] = condition[j] ? b.i[j] : c.i[j];
    }
}

/* One instruction on n elements; constants are already there. False: the operation does not exist for the type. */
static bool execute(const machine *m, const ingot_instr *instr, reg r, int64_t n)
{
    ingot_dtype type_a = m->dtypes[instr->a], to = (ingot_dtype)instr->dtype;
    bool float_in = ingot_dtype_is_float(type_a), float_out = ingot_dtype_is_float(to), known;
    reg a = m->regs[instr->a];
    double room[KERNEL_BLOCK];
    if (instr->op == INGOT_SCALAR_cast) {
        cast(m, instr, r, n);
        known = true;
    } else if (instr->op == INGOT_SCALAR_select) {
        select_op(m, instr, float_out, r, n);
        known = true;
    } else if (instr->op == INGOT_SCALAR_pow && !float_in && ingot_dtype_is_float(m->dtypes[instr->b])) {
        integer_pow_of_float(m, instr, r.i, n);
        known = true;
    } else {
        const void *b = instr->b >= 0 ? second_operand(m, instr, float_in, room, n) : NULL;
        reg c = instr->c >= 0 ? m->regs[instr->c] : (reg){NULL};
        if (float_in && float_out)
            known = float_op(instr->op, r.f, a.f, b, c.f, n);
        else if (float_in)
            known = float_test(instr->op, r.i, a.f, b, n);
        else
            known = integer_op(instr->op, type_a, r.i, a.i, b, c.i, n);
    }
    if (!known)
        return false;
    if (float_out)
        round_floats(to, r.f, n);
    else
        wrap_integers(to, r.i, n);
    return true;
}

static ingot_status check_prog(const ingot_call *call)
{
    static const int8_t arity[] = {
#define SCALAR(name, count, result) count,
#include "runtime/scalar.def"
#undef SCALAR
    };
    const ingot_prog *p = call->prog;
    KERNEL_REQUIRE(p, "map: no program");
    KERNEL_REQUIRE(p->n_args >= 0 && p->n_args <= INGOT_PROG_MAX_ARGS && p->n_args == call->n_in && p->n_instrs >= 0 &&
                       p->n_instrs <= INGOT_PROG_MAX_INSTRS && p->n_results == call->n_out && p->n_results > 0 &&
                       p->n_results <= INGOT_PROG_MAX_RESULTS,
                   "map: the program has %d arguments, %d instructions, %d results; the call %d operands, %d results",
                   p->n_args, p->n_instrs, p->n_results, call->n_in, call->n_out);
    for (int32_t i = 0; i < p->n_args; i++)
        KERNEL_REQUIRE((ingot_dtype)p->arg_dtypes[i] == call->in[i].dtype, "map: operand %d is %s, expected %s", i,
                       ingot_dtype_name(call->in[i].dtype), ingot_dtype_name((ingot_dtype)p->arg_dtypes[i]));
    for (int32_t i = 0; i < p->n_instrs; i++) {
        const ingot_instr *instr = &p->instrs[i];
        KERNEL_REQUIRE(instr->op >= 0 && instr->op <= INGOT_SCALAR_const, "map: instruction %d is unknown", i);
        int count = instr->op == INGOT_SCALAR_const ? 0 : arity[instr->op];
        const int16_t regs[3] = {instr->a, instr->b, instr->c};
        for (int l = 0; l < count; l++)
            KERNEL_REQUIRE(regs[l] >= 0 && regs[l] < p->n_args + i, "map: instruction %d reads register %d", i,
                           regs[l]);
    }
    for (int32_t i = 0; i < p->n_results; i++)
        KERNEL_REQUIRE(p->results[i] >= 0 && p->results[i] < p->n_args + p->n_instrs, "map: result %d is register %d",
                       i, p->results[i]);
    return NULL;
}

/* Operands of an instruction must have one class of registers, or they would be read as what they are not. */
static bool classes_fit(const machine *m, const ingot_instr *instr)
{
    bool a = ingot_dtype_is_float(m->dtypes[instr->a]), to = ingot_dtype_is_float((ingot_dtype)instr->dtype);
    switch (instr->op) {
    case INGOT_SCALAR_cast:
        return true;
    case INGOT_SCALAR_select:
        return !a && to == ingot_dtype_is_float(m->dtypes[instr->b]) && to == ingot_dtype_is_float(m->dtypes[instr->c]);
    case INGOT_SCALAR_pow:
        return a == to;
    case INGOT_SCALAR_fma:
        return a == to && a == ingot_dtype_is_float(m->dtypes[instr->b]) &&
               a == ingot_dtype_is_float(m->dtypes[instr->c]);
    case INGOT_SCALAR_is_nan:
    case INGOT_SCALAR_is_inf:
    case INGOT_SCALAR_eq:
    case INGOT_SCALAR_ne:
    case INGOT_SCALAR_lt:
    case INGOT_SCALAR_le:
    case INGOT_SCALAR_gt:
    case INGOT_SCALAR_ge:
        return !to && (instr->b < 0 || a == ingot_dtype_is_float(m->dtypes[instr->b]));
    default:
        return a == to && (instr->b < 0 || a == ingot_dtype_is_float(m->dtypes[instr->b]));
    }
}

/* ---- operands ---- */

/* Where reading of an operand stands. Sizes are joined: of the result, and common to all operands. */
typedef struct {
    int32_t rank;
    int64_t dims[INGOT_MAX_RANK];
    int64_t strides[INGOT_PROG_MAX_ARGS][INGOT_MAX_RANK];
} shape;

static ingot_status join_shape(const ingot_call *call, shape *s)
{
    const ingot_tensor *y = &call->out[0];
    int64_t strides[INGOT_PROG_MAX_ARGS][INGOT_MAX_RANK];
    for (int32_t i = 0; i < call->n_in; i++)
        INGOT_TRY(ingot_kernel_broadcast("map", &call->in[i], y->rank, y->dims, strides[i]));
    s->rank = 0;
    for (int32_t d = 0; d < y->rank; d++) {
        if (y->dims[d] == 1)
            continue;
        bool joins = s->rank > 0;
        for (int32_t i = 0; i < call->n_in && joins; i++)
            joins = s->strides[i][s->rank - 1] == strides[i][d] * y->dims[d];
        if (joins)
            s->dims[s->rank - 1] *= y->dims[d];
        else
            s->dims[s->rank++] = y->dims[d];
        for (int32_t i = 0; i < call->n_in; i++)
            s->strides[i][s->rank - 1] = strides[i][d];
    }
    return NULL;
}

/* Loads elements first .. first + n of an operand as broadcast to the result. */
static void load_block(const ingot_tensor *t, const shape *s, const int64_t *strides, int64_t first, int64_t n, reg r)
{
    bool is_float = ingot_dtype_is_float(t->dtype);
    int32_t last = s->rank - 1;
    int64_t index[INGOT_MAX_RANK], rest = first, size = last >= 0 ? s->dims[last] : 1,
                                   step = last >= 0 ? strides[last] : 0;
    for (int32_t d = last; d >= 0; d--) {
        index[d] = rest % s->dims[d];
        rest /= s->dims[d];
    }
    int64_t at = kernel_offset(s->rank, index, strides);
    for (int64_t done = 0; done < n;) {
        int64_t run = last >= 0 ? size - index[last] : 1;
        if (run > n - done)
            run = n - done;
        if (is_float)
            ingot_kernel_load_f64(r.f + done, t->data, t->dtype, at, step, run);
        else
            ingot_kernel_load_i64(r.i + done, t->data, t->dtype, at, step, run);
        done += run;
        if (done == n)
            return;
        index[last] = size - 1; /* to the start of the next run */
        kernel_next(s->rank, s->dims, index);
        at = kernel_offset(s->rank, index, strides);
    }
}

/* ---- strings: one instruction that only compares or chooses ---- */

static int same_string(const ingot_string *a, const ingot_string *b)
{
    return a->size == b->size && (a->size == 0 || !memcmp(a->data, b->data, (size_t)a->size));
}

static ingot_status map_strings(const ingot_call *call, const shape *s)
{
    const ingot_instr *instr = &call->prog->instrs[0];
    bool compares = instr->op == INGOT_SCALAR_eq || instr->op == INGOT_SCALAR_ne,
         chooses = instr->op == INGOT_SCALAR_select;
    if (call->prog->n_instrs != 1 || call->n_out != 1 || !(compares || chooses))
        return ingot_fail(INGOT_UNSUPPORTED, "map: strings support only eq, ne and select");
    int32_t b = chooses ? instr->c : instr->b, a = chooses ? instr->b : instr->a;
    KERNEL_REQUIRE(call->in[a].dtype == INGOT_STRING && call->in[b].dtype == INGOT_STRING &&
                       call->out[0].dtype == (compares ? INGOT_BOOL : INGOT_STRING) &&
                       (compares || call->in[instr->a].dtype == INGOT_BOOL),
                   "map: operands are of different types");
    int64_t index[INGOT_MAX_RANK] = {0}, at = 0;
    if (!ingot_tensor_count(&call->out[0]))
        return NULL;
    do {
        ingot_string x, y;
        memcpy(&x, (const char *)call->in[a].data + kernel_offset(s->rank, index, s->strides[a]) * (int64_t)sizeof x,
               sizeof x);
        memcpy(&y, (const char *)call->in[b].data + kernel_offset(s->rank, index, s->strides[b]) * (int64_t)sizeof y,
               sizeof y);
        if (compares) {
            ((uint8_t *)call->out[0].data)[at] = (uint8_t)(same_string(&x, &y) == (instr->op == INGOT_SCALAR_eq));
        } else {
            bool first =
                ((const uint8_t *)call->in[instr->a].data)[kernel_offset(s->rank, index, s->strides[instr->a])] != 0;
            memcpy((char *)call->out[0].data + at * (int64_t)sizeof x, first ? &x : &y, sizeof x);
        }
        at++;
    } while (kernel_next(s->rank, s->dims, index));
    return NULL;
}

ingot_status ingot_portable_map(const ingot_call *call)
{
    INGOT_TRY(check_prog(call));
    INGOT_TRY(ingot_kernel_check(call, "map", call->n_in, call->n_out));
    const ingot_prog *p = call->prog;
    shape s;
    INGOT_TRY(join_shape(call, &s));
    for (int32_t i = 1; i < call->n_out; i++)
        KERNEL_REQUIRE(kernel_same_dims(&call->out[0], &call->out[i]), "map: results differ in their sizes");
    machine m = {.prog = p};
    double *room = call->scratch;
    for (int32_t i = 0; i < p->n_args + p->n_instrs; i++) {
        m.dtypes[i] = (ingot_dtype)(i < p->n_args ? p->arg_dtypes[i] : p->instrs[i - p->n_args].dtype);
        if (m.dtypes[i] == INGOT_STRING)
            return map_strings(call, &s);
        KERNEL_REQUIRE(ingot_dtype_is_float(m.dtypes[i]) || ingot_dtype_is_integer(m.dtypes[i]) ||
                           m.dtypes[i] == INGOT_BOOL,
                       "map: type %s has no arithmetic", ingot_dtype_name(m.dtypes[i]));
        if (ingot_dtype_is_float(m.dtypes[i]))
            m.regs[i].f = room + (int64_t)i * KERNEL_BLOCK;
        else
            m.regs[i].i = (int64_t *)(void *)(room + (int64_t)i * KERNEL_BLOCK);
    }
    for (int32_t i = 0; i < p->n_instrs; i++) {
        const ingot_instr *instr = &p->instrs[i];
        reg r = m.regs[p->n_args + i];
        if (instr->op != INGOT_SCALAR_const) {
            KERNEL_REQUIRE(classes_fit(&m, instr), "map: instruction %d mixes float and integer operands", i);
            continue;
        }
        bool is_float = ingot_dtype_is_float((ingot_dtype)instr->dtype);
        for (int64_t j = 0; j < KERNEL_BLOCK; j++) {
            if (is_float)
                r.f[j] = instr->imm.f;
            else
                r.i[j] = instr->imm.i;
        }
        if (is_float)
            round_floats((ingot_dtype)instr->dtype, r.f, KERNEL_BLOCK);
        else
            wrap_integers((ingot_dtype)instr->dtype, r.i, KERNEL_BLOCK);
    }
    for (int32_t i = 0; i < p->n_results; i++)
        KERNEL_REQUIRE(m.dtypes[p->results[i]] == call->out[i].dtype, "map: result %d is %s, not %s", i,
                       ingot_dtype_name(m.dtypes[p->results[i]]), ingot_dtype_name(call->out[i].dtype));
    int64_t count = ingot_tensor_count(&call->out[0]);
    for (int64_t at = 0; at < count; at += KERNEL_BLOCK) {
        int64_t n = count - at < KERNEL_BLOCK ? count - at : KERNEL_BLOCK;
        for (int32_t i = 0; i < p->n_args; i++)
            load_block(&call->in[i], &s, s.strides[i], at, n, m.regs[i]);
        for (int32_t i = 0; i < p->n_instrs; i++) {
            if (p->instrs[i].op != INGOT_SCALAR_const)
                KERNEL_REQUIRE(execute(&m, &p->instrs[i], m.regs[p->n_args + i], n),
                               "map: instruction %d does not exist for %s", i,
                               ingot_dtype_name(m.dtypes[p->instrs[i].a]));
        }
        for (int32_t i = 0; i < p->n_results; i++) {
            reg r = m.regs[p->results[i]];
            if (ingot_dtype_is_float(call->out[i].dtype))
                ingot_kernel_store_f64(call->out[i].data, call->out[i].dtype, at, 1, r.f, n);
            else
                ingot_kernel_store_i64(call->out[i].data, call->out[i].dtype, at, 1, r.i, n);
        }
    }
    return NULL;
}
