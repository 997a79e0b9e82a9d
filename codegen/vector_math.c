/* Elementary functions on f32 vectors. Polynomials are our own minimax fits (weighted for relative error, rounded to
 * f32).
 *
 * Integers are taken out of floats by adding 1.5 * 2^23: the sum's low bits are the rounded integer. That needs no
 * rounding instruction and, unlike a conversion, is defined for every input.
 */
#include "codegen/vector_math.h"
#include <math.h>

typedef ingot_ev V;

static const double round_f32 = 12582912.0;         /* 1.5 * 2^23 */
static const double round_f64 = 6755399441055744.0; /* 1.5 * 2^52 */

static V konst(ingot_emitter *e, V like, double x)
{
    return ingot_e_const_float(e, like.type, x);
}
static V konst_int(ingot_emitter *e, V like, int64_t x)
{
    return ingot_e_const_int(e, like.type, x);
}
static V fma_const(ingot_emitter *e, V a, double b, V c)
{
    return ingot_e_fma(e, a, konst(e, a, b), c);
}
static V add_int(ingot_emitter *e, V a, V b)
{
    return ingot_e_op2(e, "arith.addi", a, b);
}
static V sub_int(ingot_emitter *e, V a, V b)
{
    return ingot_e_op2(e, "arith.subi", a, b);
}
static V shift_left(ingot_emitter *e, V a, int n)
{
    return ingot_e_op2(e, "arith.shli", a, konst_int(e, a, n));
}
static V bits_of(ingot_emitter *e, V x)
{
    return ingot_e_cast(e, "arith.bitcast", x, x.type.scalar == INGOT_E_F64 ? INGOT_E_I64 : INGOT_E_I32);
}
static V float_of(ingot_emitter *e, V x)
{
    return ingot_e_cast(e, "arith.bitcast", x, x.type.scalar == INGOT_E_I64 ? INGOT_E_F64 : INGOT_E_F32);
}

/* c[0] + c[1] x + ... by Horner's rule. */
static V polynomial(ingot_emitter *e, int n, const double *c, V x)
{
    V r = konst(e, x, c[n - 1]);
    for (int i = n - 2; i >= 0; i--)
        r = ingot_e_fma(e, r, x, konst(e, x, c[i]));
    return r;
}

static V sign_mask(ingot_emitter *e, V like_bits)
{
    return konst_int(e, like_bits, like_bits.type.scalar == INGOT_E_I64 ? INT64_MIN : INT32_MIN);
}
static V clear_sign(ingot_emitter *e, V bits)
{
    return ingot_e_op2(e, "arith.andi", bits,
                       konst_int(e, bits, bits.type.scalar == INGOT_E_I64 ? INT64_MAX : INT32_MAX));
}

V ingot_e_abs(ingot_emitter *e, V x)
{
    return float_of(e, clear_sign(e, bits_of(e, x)));
}

V ingot_e_copysign(ingot_emitter *e, V a, V b)
{
    V from = bits_of(e, a), sign = bits_of(e, b);
    V picked = ingot_e_op2(e, "arith.andi", sign, sign_mask(e, sign));
    return float_of(e, ingot_e_op2(e, "arith.ori", clear_sign(e, from), picked));
}

V ingot_e_round_even(ingot_emitter *e, V x)
{
    bool wide = x.type.scalar == INGOT_E_F64;
    V magic = konst(e, x, wide ? 4503599627370496.0 : 8388608.0); /* from here on every float is an integer */
    V a = ingot_e_abs(e, x), r = ingot_e_subf(e, ingot_e_addf(e, a, magic), magic);
    return ingot_e_select(e, ingot_e_cmpf(e, "olt", a, magic), ingot_e_copysign(e, r, x), x);
}

/* ---- exp
 * -----------------------------------------------------------------------------------------------------------------------
 */

/* exp(x) = *out_p * 2^*out_n with |ln *out_p| <= 0.347; n is an I32. */
static void reduce_exp(ingot_emitter *e, V x, V *out_p, V *out_n)
{
    static const double q[] = {0.49999994, 0.166665211, 0.041668389, 0.0083687352, 0.00138145592};
    V magic = konst(e, x, round_f32), one = konst(e, x, 1);
    V t = fma_const(e, x, 1.44269504088896341, magic), n = ingot_e_subf(e, t, magic);
    /* ln 2 in two parts; n times the first is exact. */
    V r = fma_const(e, n, -0.693359375, x);
    r = fma_const(e, n, 2.12194440054690583e-4, r);
    *out_p = ingot_e_fma(e, ingot_e_fma(e, polynomial(e, 5, q, r), r, one), r, one);
    V bits = bits_of(e, t);
    *out_n = sub_int(e, bits, konst_int(e, bits, 0x4b400000));
}

static V power_of_two(ingot_emitter *e, V n)
{
    return float_of(e, shift_left(e, add_int(e, n, konst_int(e, n, 127)), 23));
}

V ingot_e_exp(ingot_emitter *e, V x)
{
    x = ingot_e_maxf_fast(e, konst(e, x, -104.5), x); /* NaN stays: the second wins */
    x = ingot_e_minf_fast(e, konst(e, x, 89), x);
    V p, n;
    reduce_exp(e, x, &p, &n);
    /* Two steps, so that 2^128 and denormals come out right. */
    V half = ingot_e_op2(e, "arith.shrsi", n, konst_int(e, n, 1));
    return ingot_e_mulf(e, ingot_e_mulf(e, p, power_of_two(e, half)), power_of_two(e, sub_int(e, n, half)));
}

V ingot_e_exp_nonpositive(ingot_emitter *e, V x)
{
    V lowest = konst(e, x, -87.3), p, n;
    reduce_exp(e, ingot_e_maxf_fast(e, lowest, x), &p, &n);
    V r = ingot_e_mulf(e, p, power_of_two(e, n));
    return ingot_e_select(e, ingot_e_cmpf(e, "olt", x, lowest), konst(e, x, 0), r);
}

V ingot_e_exp_within(ingot_emitter *e, V x, double most)
{
    V p, n;
    x = ingot_e_maxf_fast(e, konst(e, x, -87), x); /* NaN stays: the second wins */
    reduce_exp(e, ingot_e_minf_fast(e, konst(e, x, most), x), &p, &n);
    return ingot_e_mulf(e, p, power_of_two(e, n));
}

V ingot_e_sigmoid(ingot_emitter *e, V x)
{
    V one = konst(e, x, 1);
    return ingot_e_divf(e, one, ingot_e_addf(e, one, ingot_e_exp(e, ingot_e_negf(e, x))));
}

V ingot_e_silu(ingot_emitter *e, V x)
{
    return ingot_e_divf(e, x, ingot_e_addf(e, konst(e, x, 1), ingot_e_exp(e, ingot_e_negf(e, x))));
}

/* tanh of x near 0 */
static V tanh_small(ingot_emitter *e, V x)
{
    static const double q[] = {-0.333331913, 0.13329111, -0.05355886, 0.0200919714, -0.00513866311};
    V t = ingot_e_mulf(e, x, x);
    return ingot_e_fma(e, ingot_e_mulf(e, x, t), polynomial(e, 5, q, t), x);
}

/* (exp(2 x) - 1) / (exp(2 x) + 1); 10 stands for all that is larger */
void ingot_e_tanh_fraction(ingot_emitter *e, V x, V *out_above, V *out_below)
{
    V one = konst(e, x, 1), u = ingot_e_exp_within(e, ingot_e_mulf(e, x, konst(e, x, 2)), 20);
    V near = ingot_e_cmpf(e, "olt", ingot_e_abs(e, x), konst(e, x, 0.7));
    *out_above = ingot_e_select(e, near, tanh_small(e, x), ingot_e_subf(e, u, one));
    *out_below = ingot_e_select(e, near, one, ingot_e_addf(e, u, one));
}

V ingot_e_tanh(ingot_emitter *e, V x)
{
    V a = ingot_e_abs(e, x), one = konst(e, x, 1), small = tanh_small(e, x);
    V u = ingot_e_exp(e, ingot_e_mulf(e, ingot_e_minf_fast(e, konst(e, x, 10), a), konst(e, x, 2)));
    V big = ingot_e_subf(e, one, ingot_e_divf(e, konst(e, x, 2), ingot_e_addf(e, u, one)));
    return ingot_e_select(e, ingot_e_cmpf(e, "olt", a, konst(e, x, 0.7)), small, ingot_e_copysign(e, big, x));
}

V ingot_e_erf(ingot_emitter *e, V x)
{
    /* erf(x) / x - 1 in x^2 below 1; log(erfc(x)) in x - 1 up to 4.1, where erf is 1. */
    static const double near[] = {0.128379166,   -0.37612626,     0.112835854,   -0.0268538129,
                                  0.00518832821, -0.000801019836, 7.85387529e-05};
    static const double far[] = {-1.84960556,    -2.63896751,    -0.843107104,    -0.0415623933,   0.0100404127,
                                 -0.00199654209, 0.000268816802, -6.69366273e-06, -5.50313689e-06, 7.98934991e-07};
    V a = ingot_e_abs(e, x), one = konst(e, x, 1);
    V small = ingot_e_fma(e, x, polynomial(e, 7, near, ingot_e_mulf(e, x, x)), x);
    V b = ingot_e_subf(e, ingot_e_minf_fast(e, konst(e, x, 4.1), a), one);
    V big = ingot_e_subf(e, one, ingot_e_exp_nonpositive(e, polynomial(e, 10, far, b)));
    return ingot_e_select(e, ingot_e_cmpf(e, "olt", a, one), small, ingot_e_copysign(e, big, x));
}

V ingot_e_gelu(ingot_emitter *e, V x)
{
    V erf = ingot_e_erf(e, ingot_e_mulf(e, x, konst(e, x, 0.70710678118654752)));
    return ingot_e_mulf(e, ingot_e_mulf(e, x, konst(e, x, 0.5)), ingot_e_addf(e, konst(e, x, 1), erf));
}

V ingot_e_gelu_tanh(ingot_emitter *e, V x)
{
    /* (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)) */
    double c = -2 * 0.79788456080286536;
    V t = ingot_e_mulf(e, x, x), u = ingot_e_mulf(e, x, fma_const(e, t, c * 0.044715, konst(e, x, c)));
    return ingot_e_divf(e, x, ingot_e_addf(e, konst(e, x, 1), ingot_e_exp(e, u)));
}

/* ---- log
 * ------------------------------------------------------------------------------------------------------------------------
 */

/* For x normal and finite. */
static V log_normal(ingot_emitter *e, V x, V exponent_offset)
{
    static const double q[] = {0.333333135,  -0.250000089, 0.200021192,  -0.166679963, 0.142195523,
                               -0.124055892, 0.118881635,  -0.116756506, 0.0674663559};
    V bits = bits_of(e, x);
    V k = ingot_e_op2(e, "arith.shrsi", sub_int(e, bits, konst_int(e, bits, 0x3f3504f3)),
                      konst_int(e, bits, 23)); /* mantissa in [sqrt 1/2, sqrt 2) */
    V f = ingot_e_subf(e, float_of(e, sub_int(e, bits, shift_left(e, k, 23))), konst(e, x, 1));
    V n = ingot_e_cast(e, "arith.sitofp", k, INGOT_E_F32);
    if (exponent_offset.id >= 0)
        n = ingot_e_addf(e, n, exponent_offset);
    V s = ingot_e_mulf(e, f, f);
    V y = fma_const(e, n, -2.12194440054690583e-4, ingot_e_mulf(e, ingot_e_mulf(e, f, s), polynomial(e, 9, q, f)));
    y = fma_const(e, s, -0.5, y);
    return fma_const(e, n, 0.693359375, ingot_e_addf(e, f, y));
}

V ingot_e_log(ingot_emitter *e, V x)
{
    V tiny = ingot_e_cmpf(e, "olt", x, konst(e, x, 0x1p-126)), zero = konst(e, x, 0), infinity = konst(e, x, INFINITY);
    V scaled = ingot_e_select(e, tiny, ingot_e_mulf(e, x, konst(e, x, 0x1p23)), x);
    V r = log_normal(e, scaled, ingot_e_select(e, tiny, konst(e, x, -23), zero));
    r = ingot_e_select(e, ingot_e_cmpf(e, "uge", x, infinity), x, r); /* NaN and infinity */
    r = ingot_e_select(e, ingot_e_cmpf(e, "olt", x, zero), konst(e, x, NAN), r);
    return ingot_e_select(e, ingot_e_cmpf(e, "oeq", x, zero), konst(e, x, -INFINITY), r);
}

V ingot_e_softplus(ingot_emitter *e, V x)
{
    /* max(x, 0) + log1p(y), y = exp(-|x|) in [0, 1]; log1p(y) = log(u) + (y - (u - 1)) / u for u = 1 + y rounded. */
    V one = konst(e, x, 1), zero = konst(e, x, 0);
    V y = ingot_e_exp(e, ingot_e_negf(e, ingot_e_abs(e, x))), u = ingot_e_addf(e, one, y);
    V rest = ingot_e_divf(e, ingot_e_subf(e, y, ingot_e_subf(e, u, one)), u);
    V log1p = ingot_e_addf(e, log_normal(e, u, (V){.id = -1}), rest);
    V sum = ingot_e_addf(e, ingot_e_maxf_fast(e, zero, x), log1p);
    return ingot_e_select(e, ingot_e_cmpf(e, "uno", x, x), x, sum);
}

/* ---- sin and cos
 * ------------------------------------------------------------------------------------------------------------------ */

/* x without the nearest integer, whose low bits are added to *q (an I32; id -1: not yet). */
static V part_of_turn(ingot_emitter *e, V x, V *q)
{
    V magic = konst(e, x, round_f64), t = ingot_e_addf(e, x, magic);
    V n = ingot_e_cast(e, "arith.trunci", bits_of(e, t), INGOT_E_I32);
    *q = q->id < 0 ? n : add_int(e, *q, n);
    return ingot_e_subf(e, x, ingot_e_subf(e, t, magic));
}

/* sin(x + quarter * pi/2). */
static V sine(ingot_emitter *e, V x, int quarter)
{
    static const double s[] = {-0.166666672, 0.00833332911, -0.000198393129, 2.71812178e-06};
    static const double c[] = {0.0416666456, -0.00138873165, 2.44331568e-05};
    /* x * 2/pi in parts of 28 bits: products with the 24 bits of x are exact. Whole quarter turns come off the first
     * two, and off their exact sum. */
    V wide = ingot_e_cast(e, "arith.extf", x, INGOT_E_F64), q = {.id = -1};
    V p1 = part_of_turn(e, ingot_e_mulf(e, wide, konst(e, wide, 0x1.45f306ep-1)), &q);
    V p2 = part_of_turn(e, ingot_e_mulf(e, wide, konst(e, wide, -0x1.b1bbeaep-32)), &q);
    V rest = ingot_e_mulf(e, wide, konst(e, wide, 0x1.3f84eb0p-61));
    rest = ingot_e_addf(e, rest, ingot_e_mulf(e, wide, konst(e, wide, -0x1.7056592p-91)));
    V sum = ingot_e_addf(e, p1, p2), of_p2 = ingot_e_subf(e, sum, p1);
    V lost = ingot_e_addf(e, ingot_e_subf(e, p1, ingot_e_subf(e, sum, of_p2)), ingot_e_subf(e, p2, of_p2));
    V turns = ingot_e_addf(e, part_of_turn(e, sum, &q), ingot_e_addf(e, lost, rest));
    V r = ingot_e_cast(e, "arith.truncf", ingot_e_mulf(e, turns, konst(e, wide, 1.57079632679489662)), INGOT_E_F32);
    V limit = konst(e, r, 0.8);
    r = ingot_e_minf_fast(e, limit, ingot_e_maxf_fast(e, ingot_e_negf(e, limit), r)); /* only where x is too large */
    if (quarter != 0)
        q = add_int(e, q, konst_int(e, q, quarter));
    V z = ingot_e_mulf(e, r, r), one = konst(e, r, 1);
    V sin = ingot_e_fma(e, ingot_e_mulf(e, r, z), polynomial(e, 4, s, z), r);
    V cos = ingot_e_fma(e, ingot_e_mulf(e, z, z), polynomial(e, 3, c, z), fma_const(e, z, -0.5, one));
    V odd = ingot_e_cmp(e, "ne", ingot_e_op2(e, "arith.andi", q, konst_int(e, q, 1)), konst_int(e, q, 0));
    V value = bits_of(e, ingot_e_select(e, odd, cos, sin));
    V sign = shift_left(e, ingot_e_op2(e, "arith.andi", q, konst_int(e, q, 2)), 30);
    V result = float_of(e, ingot_e_op2(e, "arith.xori", value, sign));
    if (quarter == 0)
        result = ingot_e_select(e, ingot_e_cmpf(e, "oeq", x, konst(e, x, 0)), x, result);
    /* Infinity has no sine. */
    V bad = ingot_e_cmpf(e, "uge", ingot_e_abs(e, x), konst(e, x, INFINITY));
    return ingot_e_select(e, bad, konst(e, x, NAN), result);
}

V ingot_e_sin(ingot_emitter *e, V x)
{
    return sine(e, x, 0);
}
V ingot_e_cos(ingot_emitter *e, V x)
{
    return sine(e, x, 1);
}

/* ---- pow
 * --------------------------------------------------------------------------------------------------------------------------
 */

/* log2 of a positive finite f32, given as f64 (so that it is normal). */
static V log2_wide(ingot_emitter *e, V x)
{
    static const double c[] = {2.8853900817778952,  0.96179669407773249, 0.57707794951329883,
                               0.41220868237712377, 0.31992534871612938, 0.28265528601078821};
    V bits = bits_of(e, x);
    const int64_t root = 0x3fe6a09e667f3bcd, bias = INT64_C(1023) << 52;
    /* The exponent plus 1023 is positive, so a logical shift does: the arithmetic one is missing from AVX2. */
    V biased = ingot_e_op2(e, "arith.shrui", add_int(e, bits, konst_int(e, bits, bias - root)), konst_int(e, bits, 52));
    V k = sub_int(e, biased, konst_int(e, bits, 1023));
    V m = float_of(e, sub_int(e, bits, shift_left(e, k, 52)));
    V one = konst(e, x, 1), s = ingot_e_divf(e, ingot_e_subf(e, m, one), ingot_e_addf(e, m, one));
    V n = ingot_e_cast(e, "arith.sitofp", ingot_e_cast(e, "arith.trunci", k, INGOT_E_I32), INGOT_E_F64);
    return ingot_e_fma(e, s, polynomial(e, 6, c, ingot_e_mulf(e, s, s)), n);
}

/* 2^t as f64, for any t that is no NaN: outside f32's range it is far outside. */
static V exp2_wide(ingot_emitter *e, V t)
{
    static const double c[] = {0.99999999996168198,    0.69314718072844839,   0.2402265119815698,
                               0.055504103534482284,   0.0096180272537486761, 0.0013333922562793234,
                               0.00015469291117618453, 1.5201921881161963e-05};
    t = ingot_e_minf_fast(e, konst(e, t, 200), ingot_e_maxf_fast(e, konst(e, t, -200), t));
    V magic = konst(e, t, round_f64), sum = ingot_e_addf(e, t, magic),
      f = ingot_e_subf(e, t, ingot_e_subf(e, sum, magic));
    V p = polynomial(e, 8, c, f);
    return float_of(e, add_int(e, bits_of(e, p), shift_left(e, bits_of(e, sum), 52)));
}

V ingot_e_pow(ingot_emitter *e, V x, V y)
{
    V a = ingot_e_cast(e, "arith.extf", ingot_e_abs(e, x), INGOT_E_F64);
    V zero = konst(e, x, 0), wide_zero = konst(e, y, 0), nan = konst(e, x, NAN);
    V log = log2_wide(e, a);
    log = ingot_e_select(e, ingot_e_cmpf(e, "oeq", a, wide_zero), konst(e, y, -INFINITY), log);
    log = ingot_e_select(e, ingot_e_cmpf(e, "oeq", a, konst(e, y, INFINITY)), konst(e, y, INFINITY), log);
    V t = ingot_e_mulf(e, y, log);
    t = ingot_e_select(e, ingot_e_cmpf(e, "oeq", log, wide_zero), wide_zero, t); /* 1^infinity is 1 */
    V r = ingot_e_cast(e, "arith.truncf", exp2_wide(e, t), INGOT_E_F32);
    /* A negative base: odd exponents negate, fractions are NaN (finite bases only). */
    V half = ingot_e_mulf(e, y, konst(e, y, 0.5));
    V whole = ingot_e_cmpf(e, "oeq", y, ingot_e_round_even(e, y));
    V odd = ingot_e_op2(e, "arith.andi", whole, ingot_e_cmpf(e, "une", half, ingot_e_round_even(e, half)));
    r = ingot_e_select(e, odd, ingot_e_copysign(e, r, x), r);
    V negative = ingot_e_op2(e, "arith.andi", ingot_e_cmpf(e, "olt", x, zero),
                             ingot_e_cmpf(e, "une", x, konst(e, x, -INFINITY)));
    V fraction = ingot_e_op2(e, "arith.andi", negative, ingot_e_cmpf(e, "une", y, ingot_e_round_even(e, y)));
    r = ingot_e_select(e, fraction, nan, r);
    V unordered = ingot_e_op2(e, "arith.ori", ingot_e_cmpf(e, "uno", x, x), ingot_e_cmpf(e, "uno", y, y));
    r = ingot_e_select(e, unordered, nan, r);
    V trivial =
        ingot_e_op2(e, "arith.ori", ingot_e_cmpf(e, "oeq", y, wide_zero), ingot_e_cmpf(e, "oeq", x, konst(e, x, 1)));
    return ingot_e_select(e, trivial, konst(e, x, 1), r);
}
