/* Elementary functions on f32 vectors as straight-line code: no table, no call, any number of lanes.
 *
 * Bounds are units in the last place of the result, over all normal results, with FMA (without: add half an ulp);
 * tests/numeric/test_vector_math.c holds them to it. Infinities, NaN, signed zeros and denormals give what C's
 * functions give, except where said.
 */
#ifndef INGOT_VECTOR_MATH_H
#define INGOT_VECTOR_MATH_H
#include "codegen/emit.h"

/* ingot_e_exp (1.1), ingot_e_tanh (1.3) and ingot_e_sigmoid (2.6; 0 below -88.7) are declared in emit.h. */
/* exp of x <= 0, cheaper: 0 instead of a denormal. 1.1. */
ingot_ev ingot_e_exp_nonpositive(ingot_emitter *e, ingot_ev x);
/* exp of x within -87 and `most` (up to 88), which stand for what lies beyond: cheaper. 1.1. */
ingot_ev ingot_e_exp_within(ingot_emitter *e, ingot_ev x, double most);
/* tanh as a fraction, for expressions that have one division for all; the denominator is at most 5e8. */
void ingot_e_tanh_fraction(ingot_emitter *e, ingot_ev x, ingot_ev *out_above, ingot_ev *out_below);
ingot_ev ingot_e_log(ingot_emitter *e, ingot_ev x);      /* 1 */
ingot_ev ingot_e_erf(ingot_emitter *e, ingot_ev x);      /* 1.3 */
ingot_ev ingot_e_softplus(ingot_emitter *e, ingot_ev x); /* log(1 + exp(x)); 2.5 */
/* x * (1 + erf(x / sqrt 2)) / 2: within 5e-7 absolutely for |x| < 6; far below zero the sum cancels, so no relative
 * bound. */
ingot_ev ingot_e_gelu(ingot_emitter *e, ingot_ev x);
ingot_ev ingot_e_gelu_tanh(ingot_emitter *e, ingot_ev x); /* as x * sigmoid(2 u): no cancellation */
ingot_ev ingot_e_silu(ingot_emitter *e, ingot_ev x);
/* Reduced in doubles: 1.6 for |x| < 2^48; beyond that the result is in [-1, 1] but means nothing. */
ingot_ev ingot_e_sin(ingot_emitter *e, ingot_ev x);
ingot_ev ingot_e_cos(ingot_emitter *e, ingot_ev x);
/* Through double precision: 0.6. `y` is f64, with the lanes of x; all cases of C's pow. */
ingot_ev ingot_e_pow(ingot_emitter *e, ingot_ev x, ingot_ev y);
/* Rounds to an integer, halves to even, through the addition of a large number: f32 and f64, any value. */
ingot_ev ingot_e_round_even(ingot_emitter *e, ingot_ev x);
ingot_ev ingot_e_abs(ingot_emitter *e, ingot_ev x);
/* Magnitude of a, sign of b. */
ingot_ev ingot_e_copysign(ingot_emitter *e, ingot_ev a, ingot_ev b);
#endif
