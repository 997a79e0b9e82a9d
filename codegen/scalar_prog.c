/* Scalar programs on vectors: every operation of runtime/scalar.def for the element types that generated code takes,
 * and straight-line programs of them.
 *
 * Integers never trap: division by zero gives 0 and INT_MIN / -1 wraps. Floats convert to integers by saturating, NaN
 * to 0; to those of 8 and 16 bits by way of 32. f16 is computed in f32 and rounded after every operation (the target
 * needs F16C: families ask for it). bf16 is 16 bits that can be cast, by way of f32. Operations without a vector form
 * are refused by the *_supported functions, and the op runs on its portable kernel.
 */
#include "codegen/vector_math.h"
#include <math.h>
#include <stdio.h>

typedef ingot_ev V;

static bool is_float(ingot_dtype t)
{
    return t == INGOT_F32 || t == INGOT_F64 || t == INGOT_F16;
}
static bool is_signed(ingot_dtype t)
{
    return t == INGOT_I8 || t == INGOT_I16 || t == INGOT_I32 || t == INGOT_I64;
}
static bool is_unsigned(ingot_dtype t)
{
    return t == INGOT_U8 || t == INGOT_U16 || t == INGOT_U32 || t == INGOT_U64;
}
static bool is_int(ingot_dtype t)
{
    return is_signed(t) || is_unsigned(t);
}
static bool is_taken(ingot_dtype t)
{
    return is_float(t) || is_int(t) || t == INGOT_BOOL;
}

/* Every value is one of f32, by way of which it is rounded to bf16 once. */
static bool fits_f32(ingot_dtype t)
{
    return t == INGOT_F32 || t == INGOT_F16 || t == INGOT_BF16 || t == INGOT_BOOL ||
           (is_int(t) && ingot_dtype_bits(t) <= 16);
}

static V float_const(ingot_emitter *e, V like, double x)
{
    return ingot_e_const_float(e, like.type, x);
}
static V int_const(ingot_emitter *e, V like, int64_t x)
{
    return ingot_e_const_int(e, like.type, x);
}

/* ---- Casts
 * ------------------------------------------------------------------------------------------------------------------------
 */

/* f32 to i32 in one instruction, for whole vectors of the target: what i32 cannot hold becomes INT32_MIN, whose low
 * half is 0. */
static V truncate(ingot_emitter *e, V x)
{
    ingot_etype type = ingot_e_with_scalar(x.type, INGOT_E_I32);
    if (x.type.lanes == 4)
        return ingot_e_intrinsic(e, "llvm.x86.sse2.cvttps2dq", type, 1, &x);
    if (x.type.lanes == 8 && (e->target->required & INGOT_CPU_AVX))
        return ingot_e_intrinsic(e, "llvm.x86.avx.cvtt.ps2dq.256", type, 1, &x);
    if (x.type.lanes == 16 && (e->target->required & INGOT_CPU_AVX512F)) {
        V args[4] = {x, ingot_e_zero(e, type), ingot_e_const_int(e, ingot_e_type(INGOT_E_I16), -1),
                     ingot_e_const_int(e, ingot_e_type(INGOT_E_I32), 4)};
        return ingot_e_intrinsic(e, "llvm.x86.avx512.mask.cvttps2dq.512", type, 4, args);
    }
    return (V){.id = -1};
}

static V float_to_int(ingot_emitter *e, V x, ingot_dtype to)
{
    if (ingot_e_scalar_bytes(ingot_e_scalar_of(to)) < 4) { /* wraps, as C compilers' code does within 32 bits */
        V wide = x.type.scalar == INGOT_E_F32 ? truncate(e, x) : (V){.id = -1};
        return ingot_e_cast(e, "arith.trunci", wide.id >= 0 ? wide : float_to_int(e, x, INGOT_I32),
                            ingot_e_scalar_of(to));
    }
    static const char *const suffix[] = {
        [INGOT_E_F32] = "f32", [INGOT_E_F64] = "f64", [INGOT_E_F16] = "f16", [INGOT_E_I8] = "i8",
        [INGOT_E_I16] = "i16", [INGOT_E_I32] = "i32", [INGOT_E_I64] = "i64"};
    ingot_etype type = ingot_e_with_scalar(x.type, ingot_e_scalar_of(to));
    char name[64], lanes[8] = "";
    if (type.lanes > 1)
        snprintf(lanes, sizeof lanes, "v%d", type.lanes);
    snprintf(name, sizeof name, "llvm.fpto%ci.sat.%s%s.%s%s", is_signed(to) ? 's' : 'u', lanes, suffix[type.scalar],
             lanes, suffix[x.type.scalar]);
    return ingot_e_intrinsic(e, name, type, 1, &x);
}

static V widen_bf16(ingot_emitter *e, V x)
{
    V bits = ingot_e_cast(e, "arith.extui", x, INGOT_E_I32);
    return ingot_e_cast(e, "arith.bitcast", ingot_e_op2(e, "arith.shli", bits, int_const(e, bits, 16)), INGOT_E_F32);
}

/* To the nearest, ties to even: vcvtneps2bf16 (for which subnormal numbers are 0), or on integers. */
static V round_to_bf16(ingot_emitter *e, V x)
{
    int lanes = x.type.lanes;
    if ((e->target->required & INGOT_CPU_AVX512BF16) && (lanes == 8 || lanes == 16)) {
        V half = ingot_e_intrinsic(
            e, lanes == 16 ? "llvm.x86.avx512bf16.cvtneps2bf16.512" : "llvm.x86.avx512bf16.cvtneps2bf16.256",
            ingot_e_with_scalar(x.type, INGOT_E_BF16), 1, &x);
        return ingot_e_cast(e, "arith.bitcast", half, INGOT_E_I16);
    }
    V bits = ingot_e_cast(e, "arith.bitcast", x, INGOT_E_I32), sixteen = int_const(e, bits, 16);
    V even = ingot_e_op2(e, "arith.andi", ingot_e_op2(e, "arith.shrui", bits, sixteen), int_const(e, bits, 1));
    V up = ingot_e_op2(e, "arith.addi", bits, ingot_e_op2(e, "arith.addi", even, int_const(e, bits, 0x7FFF)));
    V rounded = ingot_e_select(e, ingot_e_cmpf(e, "uno", x, x), int_const(e, bits, 0x7FC00000), up);
    return ingot_e_cast(e, "arith.trunci", ingot_e_op2(e, "arith.shrui", rounded, sixteen), INGOT_E_I16);
}

static V cast(ingot_emitter *e, V x, ingot_dtype from, ingot_dtype to)
{
    ingot_escalar scalar = ingot_e_scalar_of(to);
    ingot_etype type = ingot_e_with_scalar(x.type, scalar);
    if (from == to)
        return x;
    if (from == INGOT_BF16)
        return cast(e, widen_bf16(e, x), INGOT_F32, to);
    if (to == INGOT_BF16)
        return round_to_bf16(e, cast(e, x, from, INGOT_F32));
    if (to == INGOT_BOOL)
        return is_float(from) ? ingot_e_cmpf(e, "une", x, float_const(e, x, 0))
                              : ingot_e_cmp(e, "ne", x, int_const(e, x, 0));
    if (from == INGOT_BOOL) {
        if (is_float(to))
            return ingot_e_select(e, x, ingot_e_const_float(e, type, 1), ingot_e_const_float(e, type, 0));
        return ingot_e_cast(e, "arith.extui", x, scalar);
    }
    if (is_float(from) && is_float(to)) {
        int a = ingot_e_scalar_bytes(x.type.scalar), b = ingot_e_scalar_bytes(scalar);
        return ingot_e_cast(e, a < b ? "arith.extf" : "arith.truncf", x, scalar);
    }
    if (is_float(from))
        return float_to_int(e, x, to);
    if (is_float(to))
        return ingot_e_cast(e, is_signed(from) ? "arith.sitofp" : "arith.uitofp", x, scalar);
    int a = ingot_e_scalar_bytes(x.type.scalar), b = ingot_e_scalar_bytes(scalar);
    if (a == b)
        return x; /* signs are the dtype's business */
    return ingot_e_cast(e, a > b ? "arith.trunci" : is_signed(from) ? "arith.extsi" : "arith.extui", x, scalar);
}

/* ---- Integers
 * ---------------------------------------------------------------------------------------------------------------------
 */

/* Quotient or remainder of truncating division, 0 for b = 0. */
static V divide_int(ingot_emitter *e, V a, V b, bool with_sign, bool remainder)
{
    V zero = int_const(e, a, 0), one = int_const(e, a, 1);
    V none = ingot_e_cmp(e, "eq", b, zero), divisor = ingot_e_select(e, none, one, b), r;
    if (with_sign) {
        V minus = ingot_e_cmp(e, "eq", b, int_const(e, a, -1)); /* the most negative number / -1 would trap */
        divisor = ingot_e_select(e, minus, one, divisor);
        r = ingot_e_op2(e, remainder ? "arith.remsi" : "arith.divsi", a, divisor);
        if (!remainder)
            r = ingot_e_select(e, minus, ingot_e_op2(e, "arith.subi", zero, a), r);
    } else {
        r = ingot_e_op2(e, remainder ? "arith.remui" : "arith.divui", a, divisor);
    }
    return ingot_e_select(e, none, zero, r);
}

/* Remainder with the sign of the divisor. */
static V modulo_int(ingot_emitter *e, V a, V b, bool with_sign)
{
    V r = divide_int(e, a, b, with_sign, true);
    if (!with_sign)
        return r;
    V zero = int_const(e, a, 0);
    V differ = ingot_e_cmp(e, "slt", ingot_e_op2(e, "arith.xori", r, b), zero);
    V fix = ingot_e_op2(e, "arith.andi", differ, ingot_e_cmp(e, "ne", r, zero));
    return ingot_e_select(e, fix, ingot_e_op2(e, "arith.addi", r, b), r);
}

static V shift(ingot_emitter *e, V a, V b, bool left)
{
    int bits = 8 * ingot_e_scalar_bytes(a.type.scalar);
    V most = int_const(e, a, bits), zero = int_const(e, a, 0);
    V fits = ingot_e_cmp(e, "ult", b, most);
    V r = ingot_e_op2(e, left ? "arith.shli" : "arith.shrui", a, ingot_e_select(e, fits, b, zero));
    return ingot_e_select(e, fits, r, zero);
}

static V int_op(ingot_emitter *e, ingot_scalar op, ingot_dtype t, const V *a)
{
    bool with_sign = is_signed(t);
    V zero = int_const(e, a[0], 0);
    switch (op) {
    case INGOT_SCALAR_abs:
        return with_sign ? ingot_e_op2(e, "arith.maxsi", a[0], ingot_e_op2(e, "arith.subi", zero, a[0])) : a[0];
    case INGOT_SCALAR_neg:
        return ingot_e_op2(e, "arith.subi", zero, a[0]);
    case INGOT_SCALAR_sign: {
        V one = int_const(e, a[0], 1);
        V r = ingot_e_op2(e, with_sign ? "arith.minsi" : "arith.minui", a[0], one);
        return with_sign ? ingot_e_op2(e, "arith.maxsi", r, int_const(e, a[0], -1)) : r;
    }
    case INGOT_SCALAR_relu:
        return with_sign ? ingot_e_op2(e, "arith.maxsi", a[0], zero) : a[0];
    case INGOT_SCALAR_bit_not:
        return ingot_e_op2(e, "arith.xori", a[0], int_const(e, a[0], -1));
    case INGOT_SCALAR_add:
        return ingot_e_op2(e, "arith.addi", a[0], a[1]);
    case INGOT_SCALAR_sub:
        return ingot_e_op2(e, "arith.subi", a[0], a[1]);
    case INGOT_SCALAR_mul:
        return ingot_e_op2(e, "arith.muli", a[0], a[1]);
    case INGOT_SCALAR_fma:
        return ingot_e_op2(e, "arith.addi", ingot_e_op2(e, "arith.muli", a[0], a[1]), a[2]);
    case INGOT_SCALAR_div:
        return divide_int(e, a[0], a[1], with_sign, false);
    case INGOT_SCALAR_mod:
        return modulo_int(e, a[0], a[1], with_sign);
    case INGOT_SCALAR_fmod:
        return divide_int(e, a[0], a[1], with_sign, true);
    case INGOT_SCALAR_max:
        return ingot_e_op2(e, with_sign ? "arith.maxsi" : "arith.maxui", a[0], a[1]);
    case INGOT_SCALAR_min:
        return ingot_e_op2(e, with_sign ? "arith.minsi" : "arith.minui", a[0], a[1]);
    case INGOT_SCALAR_bit_and:
        return ingot_e_op2(e, "arith.andi", a[0], a[1]);
    case INGOT_SCALAR_bit_or:
        return ingot_e_op2(e, "arith.ori", a[0], a[1]);
    case INGOT_SCALAR_bit_xor:
        return ingot_e_op2(e, "arith.xori", a[0], a[1]);
    case INGOT_SCALAR_shift_left:
        return shift(e, a[0], a[1], true);
    case INGOT_SCALAR_shift_right:
        return shift(e, a[0], a[1], false);
    default:
        break;
    }
    ingot_e_fail(e, INGOT_INTERNAL, "scalar operation %d on integers", op);
    return a[0];
}

static bool int_op_taken(ingot_scalar op)
{
    switch (op) {
    case INGOT_SCALAR_abs:
    case INGOT_SCALAR_neg:
    case INGOT_SCALAR_sign:
    case INGOT_SCALAR_relu:
    case INGOT_SCALAR_bit_not:
    case INGOT_SCALAR_add:
    case INGOT_SCALAR_sub:
    case INGOT_SCALAR_mul:
    case INGOT_SCALAR_fma:
    case INGOT_SCALAR_div:
    case INGOT_SCALAR_mod:
    case INGOT_SCALAR_fmod:
    case INGOT_SCALAR_max:
    case INGOT_SCALAR_min:
    case INGOT_SCALAR_bit_and:
    case INGOT_SCALAR_bit_or:
    case INGOT_SCALAR_bit_xor:
    case INGOT_SCALAR_shift_left:
    case INGOT_SCALAR_shift_right:
        return true;
    default:
        return false;
    }
}

/* ---- Floats
 * -----------------------------------------------------------------------------------------------------------------------
 */

static V sign_float(ingot_emitter *e, V x)
{
    V zero = float_const(e, x, 0);
    V r = ingot_e_select(e, ingot_e_cmpf(e, "ogt", x, zero), float_const(e, x, 1), x); /* zeros and NaN stay */
    return ingot_e_select(e, ingot_e_cmpf(e, "olt", x, zero), float_const(e, x, -1), r);
}

static V hard_swish(ingot_emitter *e, V x)
{
    V t = ingot_e_fma(e, x, float_const(e, x, 1.0 / 6), float_const(e, x, 0.5));
    t = ingot_e_minf_fast(e, float_const(e, x, 1), ingot_e_maxf_fast(e, float_const(e, x, 0), t));
    return ingot_e_mulf(e, x, t);
}

/* f32 and f64. */
static V float_op(ingot_emitter *e, ingot_scalar op, const V *a)
{
    V zero = float_const(e, a[0], 0);
    switch (op) {
    case INGOT_SCALAR_abs:
        return ingot_e_abs(e, a[0]);
    case INGOT_SCALAR_neg:
        return ingot_e_negf(e, a[0]);
    case INGOT_SCALAR_sign:
        return sign_float(e, a[0]);
    case INGOT_SCALAR_ceil:
        return ingot_e_op1(e, "llvm.intr.ceil", a[0]);
    case INGOT_SCALAR_floor:
        return ingot_e_op1(e, "llvm.intr.floor", a[0]);
    case INGOT_SCALAR_round:
        return ingot_e_op1(e, "llvm.intr.roundeven", a[0]);
    case INGOT_SCALAR_sqrt:
        return ingot_e_op1(e, "llvm.intr.sqrt", a[0]);
    case INGOT_SCALAR_rsqrt:
        return ingot_e_divf(e, float_const(e, a[0], 1), ingot_e_op1(e, "llvm.intr.sqrt", a[0]));
    case INGOT_SCALAR_reciprocal:
        return ingot_e_divf(e, float_const(e, a[0], 1), a[0]);
    case INGOT_SCALAR_relu:
        return ingot_e_select(e, ingot_e_cmpf(e, "olt", a[0], zero), zero, a[0]);
    case INGOT_SCALAR_hard_swish:
        return hard_swish(e, a[0]);
    case INGOT_SCALAR_add:
        return ingot_e_addf(e, a[0], a[1]);
    case INGOT_SCALAR_sub:
        return ingot_e_subf(e, a[0], a[1]);
    case INGOT_SCALAR_mul:
        return ingot_e_mulf(e, a[0], a[1]);
    case INGOT_SCALAR_div:
        return ingot_e_divf(e, a[0], a[1]);
    case INGOT_SCALAR_max:
        return ingot_e_maxf(e, a[0], a[1]);
    case INGOT_SCALAR_min:
        return ingot_e_minf(e, a[0], a[1]);
    case INGOT_SCALAR_fma:
        return ingot_e_fma(e, a[0], a[1], a[2]);
    case INGOT_SCALAR_exp:
        return ingot_e_exp(e, a[0]);
    case INGOT_SCALAR_log:
        return ingot_e_log(e, a[0]);
    case INGOT_SCALAR_sin:
        return ingot_e_sin(e, a[0]);
    case INGOT_SCALAR_cos:
        return ingot_e_cos(e, a[0]);
    case INGOT_SCALAR_tanh:
        return ingot_e_tanh(e, a[0]);
    case INGOT_SCALAR_erf:
        return ingot_e_erf(e, a[0]);
    case INGOT_SCALAR_sigmoid:
        return ingot_e_sigmoid(e, a[0]);
    case INGOT_SCALAR_softplus:
        return ingot_e_softplus(e, a[0]);
    case INGOT_SCALAR_gelu:
        return ingot_e_gelu(e, a[0]);
    case INGOT_SCALAR_gelu_tanh:
        return ingot_e_gelu_tanh(e, a[0]);
    case INGOT_SCALAR_silu:
        return ingot_e_silu(e, a[0]);
    default:
        break;
    }
    ingot_e_fail(e, INGOT_INTERNAL, "scalar operation %d on floats", op);
    return a[0];
}

static bool float_op_taken(ingot_scalar op, ingot_dtype t)
{
    switch (op) {
    case INGOT_SCALAR_abs:
    case INGOT_SCALAR_neg:
    case INGOT_SCALAR_sign:
    case INGOT_SCALAR_ceil:
    case INGOT_SCALAR_floor:
    case INGOT_SCALAR_round:
    case INGOT_SCALAR_sqrt:
    case INGOT_SCALAR_rsqrt:
    case INGOT_SCALAR_reciprocal:
    case INGOT_SCALAR_relu:
    case INGOT_SCALAR_hard_swish:
    case INGOT_SCALAR_add:
    case INGOT_SCALAR_sub:
    case INGOT_SCALAR_mul:
    case INGOT_SCALAR_div:
    case INGOT_SCALAR_max:
    case INGOT_SCALAR_min:
    case INGOT_SCALAR_fma:
        return true;
    case INGOT_SCALAR_exp:
    case INGOT_SCALAR_log:
    case INGOT_SCALAR_sin:
    case INGOT_SCALAR_cos:
    case INGOT_SCALAR_tanh:
    case INGOT_SCALAR_erf:
    case INGOT_SCALAR_sigmoid:
    case INGOT_SCALAR_softplus:
    case INGOT_SCALAR_gelu:
    case INGOT_SCALAR_gelu_tanh:
    case INGOT_SCALAR_silu:
        return t != INGOT_F64;
    default:
        return false;
    }
}

/* ---- One operation
 * ---------------------------------------------------------------------------------------------------------------- */

/* Predicates of the six comparisons, in scalar.def's order: floats, signed, unsigned. */
static const char *const predicates[6][3] = {{"oeq", "eq", "eq"},   {"une", "ne", "ne"},   {"olt", "slt", "ult"},
                                             {"ole", "sle", "ule"}, {"ogt", "sgt", "ugt"}, {"oge", "sge", "uge"}};
static bool is_comparison(ingot_scalar op)
{
    return op >= INGOT_SCALAR_eq && op <= INGOT_SCALAR_ge;
}

static V bool_op(ingot_emitter *e, ingot_scalar op, const V *a)
{
    switch (op) {
    case INGOT_SCALAR_not:
        return ingot_e_op2(e, "arith.xori", a[0], int_const(e, a[0], 1));
    case INGOT_SCALAR_and:
    case INGOT_SCALAR_bit_and:
    case INGOT_SCALAR_min:
    case INGOT_SCALAR_mul:
        return ingot_e_op2(e, "arith.andi", a[0], a[1]);
    case INGOT_SCALAR_or:
    case INGOT_SCALAR_bit_or:
    case INGOT_SCALAR_max:
    case INGOT_SCALAR_add:
        return ingot_e_op2(e, "arith.ori", a[0], a[1]);
    default:
        return ingot_e_op2(e, "arith.xori", a[0], a[1]); /* xor, bit_xor */
    }
}
static bool bool_op_taken(ingot_scalar op)
{
    switch (op) {
    case INGOT_SCALAR_not:
    case INGOT_SCALAR_and:
    case INGOT_SCALAR_or:
    case INGOT_SCALAR_xor:
    case INGOT_SCALAR_bit_and:
    case INGOT_SCALAR_bit_or:
    case INGOT_SCALAR_bit_xor:
    case INGOT_SCALAR_min:
    case INGOT_SCALAR_max:
    case INGOT_SCALAR_mul:
    case INGOT_SCALAR_add:
        return true;
    default:
        return false;
    }
}

ingot_ev ingot_e_scalar_op(ingot_emitter *e, ingot_scalar op, ingot_dtype result, int n, const ingot_ev *args,
                           const ingot_dtype *dtypes)
{
    if (op == INGOT_SCALAR_cast)
        return cast(e, args[0], dtypes[0], result);
    if (op == INGOT_SCALAR_select)
        return ingot_e_select(e, args[0], args[1], args[2]);
    V a[3];
    ingot_dtype t = dtypes[0];
    bool half = t == INGOT_F16;
    for (int i = 0; i < n && i < 3; i++)
        a[i] = half && dtypes[i] == INGOT_F16 ? cast(e, args[i], INGOT_F16, INGOT_F32) : args[i];
    if (half)
        t = INGOT_F32;
    if (is_comparison(op)) {
        const char *const *row = predicates[op - INGOT_SCALAR_eq];
        return is_float(t) ? ingot_e_cmpf(e, row[0], a[0], a[1])
                           : ingot_e_cmp(e, row[is_signed(t) ? 1 : 2], a[0], a[1]);
    }
    if (op == INGOT_SCALAR_is_nan)
        return ingot_e_cmpf(e, "uno", a[0], a[0]);
    if (op == INGOT_SCALAR_is_inf)
        return ingot_e_cmpf(e, "oeq", ingot_e_abs(e, a[0]), float_const(e, a[0], INFINITY));
    V r;
    if (op == INGOT_SCALAR_pow)
        r = ingot_e_pow(e, a[0], cast(e, a[1], half && dtypes[1] == INGOT_F16 ? INGOT_F32 : dtypes[1], INGOT_F64));
    else
        r = is_float(t) ? float_op(e, op, a) : t == INGOT_BOOL ? bool_op(e, op, a) : int_op(e, op, t, a);
    return half ? cast(e, r, INGOT_F32, INGOT_F16) : r;
}

bool ingot_e_scalar_op_supported(ingot_scalar op, ingot_dtype result, int n, const ingot_dtype *dtypes,
                                 const char **out_why)
{
    const char *ignored;
    if (out_why == NULL)
        out_why = &ignored;
    *out_why = "element type without generated code";
    if (op == INGOT_SCALAR_cast && (result == INGOT_BF16 || dtypes[0] == INGOT_BF16))
        return result == INGOT_BF16 ? fits_f32(dtypes[0]) : is_taken(result);
    if (!is_taken(result))
        return false;
    for (int i = 0; i < n; i++)
        if (!is_taken(dtypes[i]))
            return false;
    if (op == INGOT_SCALAR_cast || op == INGOT_SCALAR_select)
        return true;
    *out_why = "operands of mixed types";
    if (op == INGOT_SCALAR_pow) {
        *out_why = "pow of a type other than f32 and f16 has no vector form";
        return (dtypes[0] == INGOT_F32 || dtypes[0] == INGOT_F16) && dtypes[1] != INGOT_BOOL;
    }
    for (int i = 1; i < n; i++)
        if (dtypes[i] != dtypes[0])
            return false;
    if (is_comparison(op))
        return true;
    *out_why = "operation without a vector form for this type";
    if (op == INGOT_SCALAR_is_nan || op == INGOT_SCALAR_is_inf)
        return is_float(dtypes[0]);
    if ((op == INGOT_SCALAR_shift_left || op == INGOT_SCALAR_shift_right) && !is_unsigned(dtypes[0]))
        return false;
    if (dtypes[0] == INGOT_BOOL)
        return bool_op_taken(op);
    return is_float(dtypes[0]) ? float_op_taken(op, dtypes[0]) : int_op_taken(op);
}

/* ---- Programs
 * ---------------------------------------------------------------------------------------------------------------------
 */

static ingot_dtype register_dtype(const ingot_prog *prog, int r)
{
    return (ingot_dtype)(r < prog->n_args ? prog->arg_dtypes[r] : prog->instrs[r - prog->n_args].dtype);
}

ingot_dtype ingot_e_prog_result_dtype(const ingot_prog *prog, int32_t result)
{
    return register_dtype(prog, prog->results[result]);
}

static int operands_of(const ingot_prog *prog, const ingot_instr *instr, int16_t *out, ingot_dtype *dtypes)
{
    int16_t all[3] = {instr->a, instr->b, instr->c};
    int n = 0;
    while (n < 3 && all[n] >= 0) {
        out[n] = all[n];
        dtypes[n] = register_dtype(prog, all[n]);
        n++;
    }
    return n;
}

/* x^y for the exponents that models use; false: no short form. */
static bool small_power(ingot_emitter *e, V x, double y, V *out)
{
    if (x.type.scalar == INGOT_E_F16)
        return false;
    V square = ingot_e_mulf(e, x, x), one = float_const(e, x, 1);
    if (y == 0)
        *out = one;
    else if (y == 1)
        *out = x;
    else if (y == 2)
        *out = square;
    else if (y == 3)
        *out = ingot_e_mulf(e, square, x);
    else if (y == 4)
        *out = ingot_e_mulf(e, square, square);
    else if (y == -1)
        *out = ingot_e_divf(e, one, x);
    else if (y == -2)
        *out = ingot_e_divf(e, one, square);
    else if (y == 0.5 || y == -0.5) {
        /* Unlike sqrt: +0 for -0, infinity for -infinity. */
        V root = ingot_e_op1(e, "llvm.intr.sqrt", ingot_e_addf(e, x, float_const(e, x, 0)));
        root = ingot_e_select(e, ingot_e_cmpf(e, "oeq", x, float_const(e, x, -INFINITY)), float_const(e, x, INFINITY),
                              root);
        *out = y > 0 ? root : ingot_e_divf(e, one, root);
    } else {
        return false;
    }
    return true;
}

static bool const_exponent(const ingot_prog *prog, const ingot_instr *instr, double *out)
{
    if (instr->op != INGOT_SCALAR_pow || instr->b < prog->n_args)
        return false;
    const ingot_instr *exponent = &prog->instrs[instr->b - prog->n_args];
    if (exponent->op != INGOT_SCALAR_const)
        return false;
    *out = is_float((ingot_dtype)exponent->dtype) ? exponent->imm.f : (double)exponent->imm.i;
    return true;
}

/* Maximum or minimum with a number other than 0 (whose sign would matter) and NaN: one instruction, which gives the
 * other operand when that is NaN. */
static bool clamp_f32(ingot_emitter *e, const ingot_prog *prog, const ingot_instr *instr, const V *registers, V *out)
{
    bool max = instr->op == INGOT_SCALAR_max;
    if ((!max && instr->op != INGOT_SCALAR_min) || instr->dtype != INGOT_F32)
        return false;
    for (int k = 0; k < 2; k++) {
        int16_t bound = k ? instr->a : instr->b, x = k ? instr->b : instr->a;
        const ingot_instr *number = bound < prog->n_args ? NULL : &prog->instrs[bound - prog->n_args];
        if (!number || number->op != INGOT_SCALAR_const || number->imm.f == 0 || number->imm.f != number->imm.f)
            continue;
        *out = max ? ingot_e_maxf_fast(e, registers[bound], registers[x])
                   : ingot_e_minf_fast(e, registers[bound], registers[x]);
        return true;
    }
    return false;
}

void ingot_e_prog(ingot_emitter *e, const ingot_prog *prog, const ingot_ev *args, ingot_ev *out_results)
{
    V registers[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    int lanes = prog->n_args > 0 ? args[0].type.lanes : 1;
    for (int i = 0; i < prog->n_args; i++)
        registers[i] = args[i];
    for (int i = 0; i < prog->n_instrs; i++) {
        const ingot_instr *instr = &prog->instrs[i];
        ingot_etype type = ingot_e_vector(ingot_e_scalar_of((ingot_dtype)instr->dtype), lanes);
        V *out = &registers[prog->n_args + i], operands[3];
        double exponent;
        int16_t at[3];
        ingot_dtype dtypes[3];
        if (instr->op == INGOT_SCALAR_const) {
            *out = is_float((ingot_dtype)instr->dtype)
                       ? ingot_e_const_float(e, type, instr->imm.f)
                       : ingot_e_const_int(e, type, instr->dtype == INGOT_BOOL ? instr->imm.i != 0 : instr->imm.i);
            continue;
        }
        if (const_exponent(prog, instr, &exponent) && small_power(e, registers[instr->a], exponent, out))
            continue;
        if (clamp_f32(e, prog, instr, registers, out))
            continue;
        int n = operands_of(prog, instr, at, dtypes);
        for (int k = 0; k < n; k++)
            operands[k] = registers[at[k]];
        *out = ingot_e_scalar_op(e, (ingot_scalar)instr->op, (ingot_dtype)instr->dtype, n, operands, dtypes);
    }
    for (int i = 0; i < prog->n_results; i++)
        out_results[i] = registers[prog->results[i]];
}

bool ingot_e_prog_supported(const ingot_prog *prog, const char **out_why)
{
    const char *ignored;
    if (out_why == NULL)
        out_why = &ignored;
    *out_why = "element type without generated code";
    for (int i = 0; i < prog->n_args; i++)
        if (!is_taken((ingot_dtype)prog->arg_dtypes[i]) && prog->arg_dtypes[i] != INGOT_BF16)
            return false;
    for (int i = 0; i < prog->n_instrs; i++) {
        const ingot_instr *instr = &prog->instrs[i];
        int16_t at[3];
        ingot_dtype dtypes[3];
        if (instr->op == INGOT_SCALAR_const) {
            *out_why = "element type without generated code";
            if (!is_taken((ingot_dtype)instr->dtype))
                return false;
            continue;
        }
        int n = operands_of(prog, instr, at, dtypes);
        if (!ingot_e_scalar_op_supported((ingot_scalar)instr->op, (ingot_dtype)instr->dtype, n, dtypes, out_why))
            return false;
    }
    return true;
}
