/* Winograd's method for integers: it is exact as long as its bounds say so, worst cases included. */
#include "kernel/winograd_exact.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Results of one tile by the packed filters and the matrices, in the arithmetic of a kernel: 16 bits, then 32, both of
 * which wrap. x [c][th][tw], out [o][mh][mw]. */
static void by_winograd(int64_t mh, int64_t mw, const ingot_winograd_integers *p, const int32_t *x, int32_t *out)
{
    const ingot_winograd *h = ingot_winograd_exact_get(mh), *w = ingot_winograd_exact_get(mw);
    ingot_winograd_unscale unscale = ingot_winograd_exact_unscale(mh, mw);
    int64_t blocks = (p->o + 15) / 16, words = (p->c + 15) / 16 * 8, points = h->t * w->t, plane = blocks * words * 32;
    int16_t *u = malloc((size_t)(points * plane) * sizeof *u);
    ingot_winograd_exact_pack(mh, mw, p, u);
    for (int64_t o = 0; o < p->o; o++) {
        uint32_t m[INGOT_WINOGRAD_T * INGOT_WINOGRAD_T] = {0};
        for (int64_t c = 0; c < p->c; c++)
            for (int64_t q = 0; q < points; q++) {
                int64_t v = 0;
                for (int k = 0; k < points; k++)
                    v += (int64_t)(h->bt[q / w->t][k / w->t] * w->bt[q % w->t][k % w->t]) * x[c * points + k];
                int16_t kept = (int16_t)v;
                cr_assert_eq(kept, v);
                m[q] += (uint32_t)(kept * u[q * plane + (o / 16 * words + c / 2) * 32 + o % 16 * 2 + c % 2]);
            }
        for (int i = 0; i < h->m * w->m; i++) {
            uint32_t sum = 0;
            for (int q = 0; q < points; q++)
                sum += (uint32_t)(int32_t)(h->at[i / w->m][q / w->t] * w->at[i % w->m][q % w->t]) * m[q];
            out[o * h->m * w->m + i] = (int32_t)(sum * unscale.inverse) >> unscale.shift;
        }
    }
    free(u);
}

static void directly(int64_t mh, int64_t mw, const ingot_winograd_integers *p, const int32_t *x, int32_t *out)
{
    const ingot_winograd *h = ingot_winograd_exact_get(mh), *w = ingot_winograd_exact_get(mw);
    for (int64_t i = 0; i < p->o * mh * mw; i++) {
        int64_t o = i / (mh * mw), row = i / mw % mh, column = i % mw, sum = 0;
        for (int64_t k = 0; k < p->c * p->taps; k++) {
            int64_t c = k / p->taps, at = (row + k % p->taps / w->taps) * w->t + column + k % w->taps;
            int64_t weight = p->dtype == INGOT_I8 ? ((const int8_t *)p->w)[o * p->c * p->taps + k]
                                                  : ((const int16_t *)p->w)[o * p->c * p->taps + k];
            sum += weight * x[c * h->t * w->t + at];
        }
        out[i] = (int32_t)sum;
    }
}

static void check_same(int64_t mh, int64_t mw, const ingot_winograd_integers *p, const int32_t *x)
{
    size_t n = (size_t)(p->o * mh * mw);
    int32_t *got = malloc(n * sizeof *got), *want = malloc(n * sizeof *want);
    by_winograd(mh, mw, p, x, got);
    directly(mh, mw, p, x, want);
    cr_expect_arr_eq(got, want, n * sizeof *got, "F(%d x %d)", (int)mh, (int)mw);
    free(got);
    free(want);
}

static const int tiles[][2] = {{2, 2}, {4, 4}, {2, 4}, {4, 2}, {1, 2}, {1, 4}, {2, 1}, {4, 1}};

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

Test(winograd_exact, any_numbers)
{
    enum { O = 19, C = 21 };
    unsigned seed = 1;
    int8_t w[O * C * 9];
    int32_t x[C * 36];
    for (size_t i = 0; i < sizeof w; i++)
        w[i] = (int8_t)next_random(&seed);
    for (size_t i = 0; i < C * 36; i++)
        x[i] = (int32_t)(next_random(&seed) % 511) - 255;
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        int64_t mh = tiles[i][0], mw = tiles[i][1], taps = (mh > 1 ? 3 : 1) * (mw > 1 ? 3 : 1);
        ingot_winograd_integers p = {O, C, taps, INGOT_I8, w, -255, 255};
        cr_expect(ingot_winograd_exact_fits(mh, mw, &p));
        check_same(mh, mw, &p, x);
    }
}

/* All weights and all of x as large as can be: the largest sums that still fit, and one term more. */
Test(winograd_exact, at_the_bound_of_sums)
{
    enum { MOST = 2000 };
    static int8_t w[MOST * 9];
    static int32_t x[MOST * 36];
    for (int sign = -1; sign <= 1; sign += 2) {
        int64_t weight = sign < 0 ? -128 : 127;
        /* sums in [-2^25, 2^25): 26 bits of 32 are left by the scale of 64 */
        int64_t c = sign < 0 ? (1 << 25) / (9 * 128 * 255) : ((1 << 25) - 1) / (9 * 127 * 255);
        memset(w, (int)weight, sizeof w);
        for (size_t i = 0; i < sizeof x / sizeof x[0]; i++)
            x[i] = 255;
        ingot_winograd_integers p = {1, c, 9, INGOT_I8, w, 0, 255};
        cr_expect(ingot_winograd_exact_fits(4, 4, &p));
        check_same(4, 4, &p, x);
        p.c++;
        cr_expect_not(ingot_winograd_exact_fits(4, 4, &p), "%d channels", (int)p.c);
        cr_expect(ingot_winograd_exact_fits(2, 2, &p)); /* 30 bits */
        check_same(2, 2, &p, x);
        p.c = MOST;
        cr_expect_eq(ingot_winograd_exact_fits(2, 2, &p), MOST * 9 * 255 * llabs(weight) < 1 << 29);
    }
}

/* -2^25 is in, 2^25 is not: weights that add up to 2^17, times 256. */
Test(winograd_exact, to_the_last_number)
{
    enum { C = 80 };
    static int16_t w[9 * C];
    static int32_t x[36 * C];
    for (int i = 0; i < 9 * C; i++)
        w[i] = i < 32 ? 183 : 182;
    for (int i = 0; i < 36 * C; i++)
        x[i] = -256;
    ingot_winograd_integers p = {1, C, 9, INGOT_I16, w, -256, 0};
    cr_expect(ingot_winograd_exact_fits(4, 4, &p));
    check_same(4, 4, &p, x);
    for (int i = 0; i < 9 * C; i++)
        w[i] = (int16_t)-w[i];
    cr_expect_not(ingot_winograd_exact_fits(4, 4, &p));
}

/* What V and U hold: 16 bits. */
Test(winograd_exact, bounds_of_16_bits)
{
    int16_t w[9 * 3] = {227};
    ingot_winograd_integers p = {1, 3, 9, INGOT_I16, w, -255, 255};
    cr_expect(ingot_winograd_exact_fits(4, 4, &p)); /* 144 * 227 = 32688 */
    w[0] = 228;
    cr_expect_not(ingot_winograd_exact_fits(4, 4, &p));
    cr_expect(ingot_winograd_exact_fits(2, 2, &p)); /* 9 * 228 */
    w[0] = -227;
    p.x_low = -327; /* 100 * 327 = 32700 */
    p.x_high = 327;
    cr_expect(ingot_winograd_exact_fits(4, 4, &p));
    p.x_low = -329;
    cr_expect_not(ingot_winograd_exact_fits(4, 4, &p));
    p.x_low = INT16_MIN;
    p.x_high = INT16_MAX;
    cr_expect_not(ingot_winograd_exact_fits(2, 2, &p));
    p.x_low = INT64_MIN;
    p.x_high = INT64_MAX;
    cr_expect_not(ingot_winograd_exact_fits(2, 2, &p));
}

/* A range of x without 0 still has the 0 of the padding. */
Test(winograd_exact, padding_counts)
{
    int8_t w[9] = {1};
    ingot_winograd_integers p = {1, 1, 9, INGOT_I8, w, 300, 500};
    cr_expect_not(ingot_winograd_exact_fits(4, 4, &p));
    p.x_high = 310;
    cr_expect(ingot_winograd_exact_fits(4, 4, &p));
}
