/* Winograd's method for integers: matrices, bounds, transformed filters. */
#include "kernel/winograd_exact.h"
#include <math.h>
#include <string.h>

static const ingot_winograd f2 = {
    .m = 2,
    .t = 4,
    .taps = 3,
    .bt = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}},
    .at = {{1, 1, 1, 0}, {0, 1, -1, 1}},
    .g = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}},
};

/* Rows of G in multiples that keep AT simple, and U within 16 bits for weights of 8. */
static const ingot_winograd f4 = {
    .m = 4,
    .t = 6,
    .taps = 3,
    .bt = {{4, 0, -5, 0, 1, 0},
           {0, -4, -4, 1, 1, 0},
           {0, 4, -4, -1, 1, 0},
           {0, -2, -1, 2, 1, 0},
           {0, 2, -1, -2, 1, 0},
           {0, 4, 0, -5, 0, 1}},
    .at = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 2}},
    .g = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 12}},
};

const ingot_winograd *ingot_winograd_exact_get(int64_t m)
{
    return m == 1 ? ingot_winograd_get(1) : m == 2 ? &f2 : m == 4 ? &f4 : NULL;
}

ingot_winograd_unscale ingot_winograd_exact_unscale(int64_t mh, int64_t mw)
{
    static const ingot_winograd_unscale of[5] = {
        [1] = {1, 0}, [2] = {1, 1}, [4] = {0xAAAAAAABu, 3}}; /* 3 * 0xAAAAAAAB is 1 modulo 2^32 */
    return (ingot_winograd_unscale){of[mh].inverse * of[mw].inverse, of[mh].shift + of[mw].shift};
}

/* The largest sum of a row's magnitudes. */
static double most_of_g(const ingot_winograd *f)
{
    double most = 0;
    for (int i = 0; i < f->t; i++)
        most = fmax(most, fabs(f->g[i][0]) + fabs(f->g[i][1]) + fabs(f->g[i][2]));
    return most;
}

static void add_up(double factor, double *positive, double *negative)
{
    *(factor > 0 ? positive : negative) += factor;
}

/* Whether BT d B fits 16 bits for all d in [low, high]. */
static bool v_fits(const ingot_winograd *h, const ingot_winograd *w, double low, double high)
{
    bool fits = true;
    for (int i = 0; i < h->t * w->t; i++) {
        double positive = 0, negative = 0;
        for (int k = 0; k < h->t * w->t; k++)
            add_up(h->bt[i / w->t][k / w->t] * w->bt[i % w->t][k % w->t], &positive, &negative);
        fits &= positive * low + negative * high >= INT16_MIN && positive * high + negative * low <= INT16_MAX;
    }
    return fits;
}

static int64_t weight_at(const ingot_winograd_integers *p, int64_t i)
{
    return p->dtype == INGOT_I8 ? ((const int8_t *)p->w)[i] : ((const int16_t *)p->w)[i];
}

bool ingot_winograd_exact_fits(int64_t mh, int64_t mw, const ingot_winograd_integers *p)
{
    const ingot_winograd *h = ingot_winograd_exact_get(mh), *w = ingot_winograd_exact_get(mw);
    int shift = ingot_winograd_exact_unscale(mh, mw).shift;
    double low = p->x_low < 0 ? (double)p->x_low : 0, high = p->x_high > 0 ? (double)p->x_high : 0;
    double most_weight = 0, terms = (double)p->c * (double)p->taps, limit = ldexp(1, 31 - shift);
    if (!v_fits(h, w, low, high) || terms > 1e9)
        return false;
    for (int64_t o = 0; o < p->o; o++) {
        double positive = 0, negative = 0;
        for (int64_t i = o * p->c * p->taps; i < (o + 1) * p->c * p->taps; i++) {
            double weight = (double)weight_at(p, i);
            most_weight = fmax(most_weight, fabs(weight));
            add_up(weight, &positive, &negative);
        }
        if (positive * low + negative * high < -limit || positive * high + negative * low >= limit)
            return false;
    }
    return most_of_g(h) * most_of_g(w) * most_weight <= INT16_MAX;
}

/* U of two input channels from c on and 16 output channels from o on, [points][16][2]. */
static void transform_word(const ingot_winograd *h, const ingot_winograd *w, const ingot_winograd_integers *p,
                           int64_t o, int64_t c, int16_t (*out)[32])
{
    for (int lane = 0; lane < 32; lane++) {
        double g[9] = {0}, u[INGOT_WINOGRAD_T * INGOT_WINOGRAD_T];
        int64_t oo = o + lane / 2, cc = c + lane % 2;
        for (int64_t i = 0; i < p->taps && oo < p->o && cc < p->c; i++)
            g[i] = (double)weight_at(p, (oo * p->c + cc) * p->taps + i);
        ingot_winograd_transform_filter(h, w, g, u);
        for (int i = 0; i < h->t * w->t; i++)
            out[i][lane] = (int16_t)u[i];
    }
}

void ingot_winograd_exact_pack(int64_t mh, int64_t mw, const ingot_winograd_integers *p, int16_t *out)
{
    const ingot_winograd *h = ingot_winograd_exact_get(mh), *w = ingot_winograd_exact_get(mw);
    int64_t blocks = (p->o + 15) / 16, words = (p->c + 15) / 16 * 8, plane = blocks * words * 32;
    for (int64_t i = 0; i < blocks * words; i++) {
        int16_t u[INGOT_WINOGRAD_T * INGOT_WINOGRAD_T][32];
        transform_word(h, w, p, i / words * 16, i % words * 2, u);
        for (int k = 0; k < h->t * w->t; k++)
            memcpy(out + k * plane + i * 32, u[k], sizeof u[k]);
    }
}
