/* Linear combinations of the vectors of a line, and the way back from the scale of integers. */
#include "codegen/winograd_lines.h"
#include <math.h>
#include <string.h>

static ingot_ev plus(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_op2(e, ingot_e_is_float(a.type) ? "arith.addf" : "arith.addi", a, b);
}

static ingot_ev minus(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_op2(e, ingot_e_is_float(a.type) ? "arith.subf" : "arith.subi", a, b);
}

static ingot_ev times(ingot_emitter *e, ingot_ev a, double factor)
{
    if (ingot_e_is_float(a.type))
        return ingot_e_mulf(e, a, ingot_e_const_float(e, a.type, factor));
    return ingot_e_op2(e, "arith.muli", a, ingot_e_const_int(e, a.type, (int64_t)factor));
}

/* sum of coefficients[i] * x[i]; id -1 when all are zero. */
static ingot_ev combine(ingot_emitter *e, int n, const double *coefficients, const ingot_ev *x)
{
    int start = -1;
    for (int i = n - 1; i >= 0; i--)
        if (coefficients[i] != 0 && (start < 0 || coefficients[i] == 1 || coefficients[start] != 1))
            start = i;
    if (start < 0)
        return (ingot_ev){.id = -1};
    ingot_ev sum = x[start];
    if (coefficients[start] != 1)
        sum = times(e, sum, coefficients[start]);
    for (int i = 0; i < n; i++) {
        if (i == start || coefficients[i] == 0)
            continue;
        if (coefficients[i] == 1)
            sum = plus(e, sum, x[i]);
        else if (coefficients[i] == -1)
            sum = minus(e, sum, x[i]);
        else if (ingot_e_is_float(sum.type))
            sum = ingot_e_fma(e, x[i], ingot_e_const_float(e, sum.type, coefficients[i]), sum);
        else
            sum = (coefficients[i] < 0 ? minus : plus)(e, sum, times(e, x[i], fabs(coefficients[i])));
    }
    return sum;
}

static bool opposite(double a, double b)
{
    return a == -b && a != 0;
}

/* BT x: the rows of a pair of points +-p are the sum and the difference of an even and an odd part. */
void ingot_winograd_line_in(ingot_emitter *e, const ingot_winograd *w, const ingot_ev *x, ingot_ev *y)
{
    int t = w->t;
    for (int r = 0; r < t; r++) {
        double even[INGOT_WINOGRAD_T] = {0}, odd[INGOT_WINOGRAD_T] = {0};
        bool pair = r > 0 && r + 2 < t;
        for (int i = 0; i < t && pair; i++) {
            pair = w->bt[r][i] == w->bt[r + 1][i] || opposite(w->bt[r][i], w->bt[r + 1][i]);
            *(w->bt[r][i] == w->bt[r + 1][i] ? &even[i] : &odd[i]) = w->bt[r][i];
        }
        if (!pair) {
            y[r] = combine(e, t, w->bt[r], x);
            continue;
        }
        ingot_ev a = combine(e, t, even, x), b = combine(e, t, odd, x);
        y[r] = plus(e, a, b);
        y[r + 1] = minus(e, a, b);
        r++;
    }
}

/* AT x: the columns of a pair of points +-p share their sum and their difference. */
void ingot_winograd_line_out(ingot_emitter *e, const ingot_winograd *w, const ingot_ev *x, ingot_ev *y)
{
    ingot_ev parts[INGOT_WINOGRAD_T];
    int t = w->t;
    memcpy(parts, x, (size_t)t * sizeof *parts);
    for (int i = 1; i + 1 < t; i += 2) {
        parts[i] = plus(e, x[i], x[i + 1]);
        parts[i + 1] = minus(e, x[i], x[i + 1]);
    }
    for (int r = 0; r < w->m; r++) {
        double c[INGOT_WINOGRAD_T];
        memcpy(c, w->at[r], sizeof c);
        for (int i = 1; i + 1 < t; i += 2) {
            bool equal = w->at[r][i] == w->at[r][i + 1];
            c[i] = equal ? w->at[r][i] : 0;
            c[i + 1] = equal ? 0 : w->at[r][i];
        }
        y[r] = combine(e, t, c, parts);
    }
}

ingot_ev ingot_winograd_unscaled(ingot_emitter *e, ingot_winograd_unscale u, ingot_ev sum)
{
    if (u.inverse != 1)
        sum = ingot_e_op2(e, "arith.muli", sum, ingot_e_const_int(e, sum.type, (int32_t)u.inverse));
    return ingot_e_op2(e, "arith.shrsi", sum, ingot_e_const_int(e, sum.type, u.shift));
}
