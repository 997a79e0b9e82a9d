/* Canonical arithmetic on sizes: every size is a polynomial with integer coefficients over atoms (symbols, floordiv,
 * mod, min, max).
 *
 * Canonical form, which makes equal expressions equal pointers:
 *   polynomial   terms in falling order (degree, then the ids of the factors), equal terms merged, the constant last
 *   term         factors by rising id, then the coefficient unless it is 1; right-leaning chains
 *   floordiv     numerator without what divides exactly, constant in [0, divisor), nested divisions by constants merged
 *   mod          likewise;   min, max   operands by id, decided where their difference has one sign
 * What does not fit these bounds (terms, factors, int64) becomes an opaque node: still right, only not simplified. */
#include "ir/internal.h"
#include <string.h>

#define MAX_TERMS   24
#define MAX_FACTORS 10

typedef struct {
    int64_t coef;
    int32_t n;
    const ingot_dim *factor[MAX_FACTORS]; /* by rising id */
} term;
typedef struct {
    int32_t n;
    term t[MAX_TERMS]; /* falling order, coefficients not 0 */
} poly;

/* >0: a is the larger monomial (graded lexicographic, smaller ids weigh more): an admissible order, as division needs.
 */
static int term_compare(const term *a, const term *b)
{
    if (a->n != b->n)
        return a->n - b->n;
    for (int32_t i = 0; i < a->n; i++) {
        if (a->factor[i] != b->factor[i])
            return a->factor[i]->id < b->factor[i]->id ? 1 : -1;
    }
    return 0;
}

/* p += t. False: no room, or an overflow. */
static bool poly_add_term(poly *p, const term *t)
{
    if (!t->coef)
        return true;
    int32_t at = 0;
    while (at < p->n && term_compare(&p->t[at], t) > 0)
        at++;
    if (at < p->n && !term_compare(&p->t[at], t)) {
        if (__builtin_add_overflow(p->t[at].coef, t->coef, &p->t[at].coef))
            return false;
        if (!p->t[at].coef) {
            memmove(&p->t[at], &p->t[at + 1], (size_t)(p->n - at - 1) * sizeof(term));
            p->n--;
        }
        return true;
    }
    if (p->n == MAX_TERMS)
        return false;
    memmove(&p->t[at + 1], &p->t[at], (size_t)(p->n - at) * sizeof(term));
    p->t[at] = *t;
    p->n++;
    return true;
}

static bool term_multiply(const term *a, const term *b, term *out)
{
    if (a->n + b->n > MAX_FACTORS || __builtin_mul_overflow(a->coef, b->coef, &out->coef))
        return false;
    int32_t i = 0, j = 0;
    out->n = a->n + b->n;
    for (int32_t k = 0; k < out->n; k++)
        out->factor[k] =
            j == b->n || (i < a->n && a->factor[i]->id <= b->factor[j]->id) ? a->factor[i++] : b->factor[j++];
    return true;
}

/* a / b as monomials and, exactly, as coefficients. */
static bool term_divide(const term *a, const term *b, term *out)
{
    if (a->coef == INT64_MIN || a->coef % b->coef)
        return false;
    out->coef = a->coef / b->coef;
    out->n = 0;
    int32_t j = 0;
    for (int32_t i = 0; i < a->n; i++) {
        if (j < b->n && a->factor[i] == b->factor[j])
            j++;
        else
            out->factor[out->n++] = a->factor[i];
    }
    return j == b->n;
}

static term term_of_chain(const ingot_dim *d)
{
    term t = {.coef = 1};
    if (ingot_dim_is_const(d)) {
        t.coef = d->value;
        return t;
    }
    for (; d->kind == INGOT_DIM_MUL && !ingot_dim_is_opaque(d); d = d->b)
        t.factor[t.n++] = d->a;
    if (ingot_dim_is_const(d))
        t.coef = d->value;
    else
        t.factor[t.n++] = d;
    return t;
}

static void poly_of(const ingot_dim *d, poly *p)
{
    p->n = 0;
    for (; d->kind == INGOT_DIM_ADD && !ingot_dim_is_opaque(d); d = d->b)
        p->t[p->n++] = term_of_chain(d->a);
    if (!ingot_dim_is(d, 0))
        p->t[p->n++] = term_of_chain(d);
}

static const ingot_dim *dim_of_term(ingot_module *m, const term *t)
{
    const ingot_dim *d = t->coef == 1 && t->n ? NULL : ingot_dim_const(m, t->coef);
    for (int32_t i = t->n; i-- > 0;)
        d = d ? ingot_dim_intern(m, INGOT_DIM_MUL, 0, t->factor[i], d) : t->factor[i];
    return d;
}

static const ingot_dim *dim_of_poly(ingot_module *m, const poly *p)
{
    if (!p->n)
        return ingot_dim_const(m, 0);
    const ingot_dim *d = dim_of_term(m, &p->t[p->n - 1]);
    for (int32_t i = p->n - 1; i-- > 0;)
        d = ingot_dim_intern(m, INGOT_DIM_ADD, 0, dim_of_term(m, &p->t[i]), d);
    return d;
}

static const ingot_dim *opaque(ingot_module *m, ingot_dim_kind kind, const ingot_dim *a, const ingot_dim *b)
{
    return a->id <= b->id ? ingot_dim_intern(m, kind, 1, a, b) : ingot_dim_intern(m, kind, 1, b, a);
}

/* ---- sums and products ---- */

static bool poly_add(const poly *a, const poly *b, int64_t times, poly *out)
{
    *out = *a;
    for (int32_t i = 0; i < b->n; i++) {
        term t = b->t[i];
        if (__builtin_mul_overflow(t.coef, times, &t.coef) || !poly_add_term(out, &t))
            return false;
    }
    return true;
}

static const ingot_dim *add_times(ingot_module *m, const ingot_dim *a, const ingot_dim *b, int64_t times)
{
    poly pa, pb, sum;
    poly_of(a, &pa);
    poly_of(b, &pb);
    if (poly_add(&pa, &pb, times, &sum))
        return dim_of_poly(m, &sum);
    if (times != 1)
        b = opaque(m, INGOT_DIM_MUL, b, ingot_dim_const(m, times));
    return opaque(m, INGOT_DIM_ADD, a, b);
}

const ingot_dim *ingot_dim_add(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    return add_times(m, a, b, 1);
}

const ingot_dim *ingot_dim_sub(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    return add_times(m, a, b, -1);
}

const ingot_dim *ingot_dim_mul(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    poly pa, pb, product = {0};
    poly_of(a, &pa);
    poly_of(b, &pb);
    for (int32_t i = 0; i < pa.n; i++) {
        for (int32_t j = 0; j < pb.n; j++) {
            term t;
            if (!term_multiply(&pa.t[i], &pb.t[j], &t) || !poly_add_term(&product, &t))
                return opaque(m, INGOT_DIM_MUL, a, b);
        }
    }
    return dim_of_poly(m, &product);
}

/* ---- division ---- */

/* p == quotient * q, by long division. A divisor of zero is the caller's undefined case: (a*b)/b is a. */
static bool poly_divide(const poly *p, const poly *q, poly *quotient)
{
    poly rest = *p;
    quotient->n = 0;
    for (int step = 0; rest.n; step++) {
        term t;
        if (step == 2 * MAX_TERMS || !term_divide(&rest.t[0], &q->t[0], &t) || !poly_add_term(quotient, &t))
            return false;
        t.coef = -t.coef; /* fits: term_divide refuses INT64_MIN */
        for (int32_t i = 0; i < q->n; i++) {
            term part;
            if (!term_multiply(&t, &q->t[i], &part) || !poly_add_term(&rest, &part))
                return false;
        }
    }
    return true;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Splits p = whole * c + rest, c > 0: `rest` holds the terms that c does not divide and a constant in [0, c). */
static bool poly_split(const poly *p, int64_t c, poly *whole, poly *rest)
{
    whole->n = rest->n = 0;
    for (int32_t i = 0; i < p->n; i++) {
        term t = p->t[i];
        if (t.coef < INT64_MIN / 2)
            return false;
        if (!t.n) {
            int64_t q = ingot_floor_div(t.coef, c);
            term constant = {.coef = t.coef - q * c}, carried = {.coef = q};
            if (!poly_add_term(rest, &constant) || !poly_add_term(whole, &carried))
                return false;
        } else if (t.coef % c == 0) {
            t.coef /= c;
            if (!poly_add_term(whole, &t))
                return false;
        } else if (!poly_add_term(rest, &t)) {
            return false;
        }
    }
    return true;
}

static const ingot_dim *floordiv_by_const(ingot_module *m, const ingot_dim *a, int64_t c)
{
    poly p, whole, rest;
    poly_of(a, &p);
    if (!poly_split(&p, c, &whole, &rest))
        return ingot_dim_intern(m, INGOT_DIM_FLOORDIV, 0, a, ingot_dim_const(m, c));
    const ingot_dim *r = dim_of_poly(m, &rest), *quotient;
    if (r->lo >= 0 && r->hi < c)
        return dim_of_poly(m, &whole);
    /* A common factor g of the symbolic part and c: floor((g x + k) / (g c')) = floor((x + floor(k / g)) / c'). */
    int64_t g = c;
    for (int32_t i = 0; i < rest.n; i++) {
        if (rest.t[i].n)
            g = gcd(rest.t[i].coef, g);
    }
    if (g > 1) {
        poly reduced = {0};
        for (int32_t i = 0; i < rest.n; i++) {
            term t = rest.t[i];
            t.coef = t.n ? t.coef / g : ingot_floor_div(t.coef, g);
            (void)poly_add_term(&reduced, &t); /* no more terms than before */
        }
        quotient = floordiv_by_const(m, dim_of_poly(m, &reduced), c / g);
        return ingot_dim_add(m, dim_of_poly(m, &whole), quotient);
    }
    /* floor((floor(x / k) + d) / c) = floor((x + d k) / (c k)). */
    int64_t shift = rest.n == 2 && !rest.t[1].n ? rest.t[1].coef : 0, k, product, scaled;
    const ingot_dim *inner =
        rest.n && rest.t[0].n == 1 && rest.t[0].coef == 1 && (rest.n == 1 || (rest.n == 2 && !rest.t[1].n))
            ? rest.t[0].factor[0]
            : NULL;
    if (inner && inner->kind == INGOT_DIM_FLOORDIV && ingot_dim_is_const(inner->b) && (k = inner->b->value) > 0 &&
        !__builtin_mul_overflow(k, c, &product) && !__builtin_mul_overflow(shift, k, &scaled)) {
        const ingot_dim *numerator = ingot_dim_add(m, inner->a, ingot_dim_const(m, scaled));
        quotient = ingot_dim_floordiv(m, numerator, ingot_dim_const(m, product));
    } else {
        quotient = ingot_dim_intern(m, INGOT_DIM_FLOORDIV, 0, r, ingot_dim_const(m, c));
    }
    return ingot_dim_add(m, dim_of_poly(m, &whole), quotient);
}

const ingot_dim *ingot_dim_floordiv(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    if (ingot_dim_is_const(b)) {
        if (b->value == 1)
            return a;
        if (ingot_dim_is_const(a) && b->value != 0 && !(a->value == INT64_MIN && b->value == -1))
            return ingot_dim_const(m, ingot_floor_div(a->value, b->value));
        if (b->value > 0)
            return floordiv_by_const(m, a, b->value);
        return ingot_dim_intern(m, INGOT_DIM_FLOORDIV, 0, a, b);
    }
    poly p, q, quotient;
    poly_of(a, &p);
    poly_of(b, &q);
    if (poly_divide(&p, &q, &quotient))
        return dim_of_poly(m, &quotient);
    if (b->lo >= 1 && a->lo >= 0 && a->hi < b->lo)
        return ingot_dim_const(m, 0);
    if (b->lo >= 1 && p.n > 1) { /* terms that b divides on their own: (x*b + y) / b = x + y/b */
        poly whole = {0}, rest = {0};
        term t;
        bool fits = q.n == 1;
        for (int32_t i = 0; fits && i < p.n; i++)
            fits = term_divide(&p.t[i], &q.t[0], &t) ? poly_add_term(&whole, &t) : poly_add_term(&rest, &p.t[i]);
        if (fits && whole.n)
            return ingot_dim_add(m, dim_of_poly(m, &whole), ingot_dim_floordiv(m, dim_of_poly(m, &rest), b));
    }
    return ingot_dim_intern(m, INGOT_DIM_FLOORDIV, 0, a, b);
}

const ingot_dim *ingot_dim_ceildiv(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    return ingot_dim_floordiv(m, ingot_dim_sub(m, ingot_dim_add(m, a, b), ingot_dim_const(m, 1)), b);
}

const ingot_dim *ingot_dim_round_up(ingot_module *m, const ingot_dim *a, int64_t multiple)
{
    const ingot_dim *unit = ingot_dim_const(m, multiple);
    return ingot_dim_mul(m, ingot_dim_ceildiv(m, a, unit), unit);
}

const ingot_dim *ingot_dim_mod(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    poly p, q, quotient;
    poly_of(a, &p);
    if (ingot_dim_is_const(b) && b->value > 0) {
        poly rest;
        if (!poly_split(&p, b->value, &quotient, &rest))
            return ingot_dim_intern(m, INGOT_DIM_MOD, 0, a, b);
        const ingot_dim *r = dim_of_poly(m, &rest);
        return r->lo >= 0 && r->hi < b->value ? r : ingot_dim_intern(m, INGOT_DIM_MOD, 0, r, b);
    }
    if (ingot_dim_is_const(b) && ingot_dim_is_const(a) && b->value < -1)
        return ingot_dim_const(m, a->value - ingot_floor_div(a->value, b->value) * b->value);
    poly_of(b, &q);
    if (q.n && poly_divide(&p, &q, &quotient))
        return ingot_dim_const(m, 0);
    if (b->lo >= 1 && a->lo >= 0 && a->hi < b->lo)
        return a;
    return ingot_dim_intern(m, INGOT_DIM_MOD, 0, a, b);
}

/* ---- minimum and maximum ---- */

/* The sign of a - b wherever they are: -1 never positive, 1 never negative, 0 unknown. */
static int order_of(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    if (a == b || a->hi <= b->lo)
        return -1;
    if (a->lo >= b->hi)
        return 1;
    const ingot_dim *difference = ingot_dim_sub(m, a, b);
    return difference->hi <= 0 ? -1 : difference->lo >= 0 ? 1 : 0;
}

static const ingot_dim *extreme(ingot_module *m, ingot_dim_kind kind, const ingot_dim *a, const ingot_dim *b)
{
    int order = order_of(m, a, b);
    if (order)
        return (order < 0) == (kind == INGOT_DIM_MIN) ? a : b;
    /* max(max(x, y), y) = max(x, y); max(max(x, 1), 2) = max(x, 2) */
    for (int swap = 0; swap < 2; swap++) {
        const ingot_dim *outer = swap ? b : a, *other = swap ? a : b;
        if (outer->kind != kind)
            continue;
        const ingot_dim *parts[2] = {outer->a, outer->b};
        for (int i = 0; i < 2; i++) {
            int inner = order_of(m, parts[i], other);
            if (inner)
                return (inner < 0) == (kind == INGOT_DIM_MIN) ? outer : extreme(m, kind, parts[1 - i], other);
        }
    }
    return a->id < b->id ? ingot_dim_intern(m, kind, 0, a, b) : ingot_dim_intern(m, kind, 0, b, a);
}

const ingot_dim *ingot_dim_min(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    return extreme(m, INGOT_DIM_MIN, a, b);
}

const ingot_dim *ingot_dim_max(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    return extreme(m, INGOT_DIM_MAX, a, b);
}
