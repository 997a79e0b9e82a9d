/* Winograd's method for products of integers, exact.
 *
 * All matrices are of integers. G is that of the points 0, +-1 (F(2 x 2)), +-2 (F(4 x 4)) and infinity with its rows
 * multiplied until they are whole, and AT makes up for what the rows differ by, so that the results are the
 * convolution's times 24 (m = 4) or 2 (m = 2) for each axis with taps:
 *
 *     s * y = AT [(G g GT) * (BT d B)] A        s = 576, 24, 4 or 2
 *
 * V = BT d B and U = G g GT fit 16 bits, so that they are multiplied like other pairs of 16 bits. From there on all is
 * arithmetic modulo 2^32: sums may wrap as they like. s is an odd number (9, 3 or 1) times 2^shift; a multiplication by
 * the inverse of the odd one modulo 2^32 leaves 2^shift * y modulo 2^32, and a shift to the right, which keeps the
 * sign, leaves y, provided that it is in [-2^(31 - shift), 2^(31 - shift)): 26 bits for F(4 x 4, 3 x 3), 30 for F(2 x
 * 2, 3 x 3).
 *
 * What y can be is known where weights are constants: each x is in an interval that holds 0 (the padding), so y lies
 * between the sums of what the weights of its channel can make of its ends. ingot_winograd_exact_fits holds all of
 * this.
 */
#ifndef INGOT_KERNEL_WINOGRAD_EXACT_H
#define INGOT_KERNEL_WINOGRAD_EXACT_H
#include "kernel/winograd.h"

/* As ingot_winograd_get. */
const ingot_winograd *ingot_winograd_exact_get(int64_t m);

/* From AT's results to y: times `inverse`, then to the right by `shift`. */
typedef struct ingot_winograd_unscale {
    uint32_t inverse;
    int shift;
} ingot_winograd_unscale;
ingot_winograd_unscale ingot_winograd_exact_unscale(int64_t mh, int64_t mw);

/* Filters of a convolution, and what its x can be: w [o][c][taps], `dtype` I8 or I16. */
typedef struct ingot_winograd_integers {
    int64_t o, c, taps;
    ingot_dtype dtype;
    const void *w;
    int64_t x_low, x_high;
} ingot_winograd_integers;
/* Whether U and V fit 16 bits and all results the bits that the scale leaves. */
bool ingot_winograd_exact_fits(int64_t mh, int64_t mw, const ingot_winograd_integers *p);
/* U [points][ceil(o / 16)][8 * ceil(c / 16)][16][2], zeros past o and c. */
void ingot_winograd_exact_pack(int64_t mh, int64_t mw, const ingot_winograd_integers *p, int16_t *out);
#endif
