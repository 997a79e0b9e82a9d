/* The constraint solver: problems, propagation, search. What is known of a variable is an interval of its values, a
 * number that divides it and a number that it divides. */
#include "costmodel/solver.h"
#include "runtime/arena.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NODES      1000000
#define LARGEST_DIVIDED ((int64_t)1 << 40) /* trial division of it takes a moment */

/* ---- Problems -----------------------------------------------------------------------------------------------------
 */
static void set_mistake(ingot_csp *csp, ingot_code code, const char *var, const char *what)
{
    if (csp->mistake != INGOT_OK)
        return;
    csp->mistake = code;
    csp->wrong = what;
    csp->wrong_var = var;
}

static int32_t begin_var(ingot_csp *csp, const char *name)
{
    if (csp->n_vars == INGOT_CSP_VARS) {
        set_mistake(csp, INGOT_LIMIT, name, "is one variable too many");
        return 0;
    }
    csp->vars[csp->n_vars] = (struct ingot_csp_var){.name = name, .first_value = csp->n_values};
    return ++csp->n_vars;
}

static bool add_value(ingot_csp *csp, int32_t var, int64_t value)
{
    struct ingot_csp_var *v = &csp->vars[var - 1];
    if (value < 0 || value > INGOT_CSP_MAX)
        set_mistake(csp, INGOT_BAD_USAGE, v->name, "has a value below 0 or too large");
    else if (csp->n_values == INGOT_CSP_VALUES)
        set_mistake(csp, INGOT_LIMIT, v->name, "has too many values: a larger step, or divisors, would fit");
    else {
        csp->values[csp->n_values++] = value;
        v->values++;
        return true;
    }
    return false;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Values sorted, each once. */
static int32_t end_var(ingot_csp *csp, int32_t var)
{
    struct ingot_csp_var *v = &csp->vars[var - 1];
    int64_t *values = csp->values + v->first_value;
    int32_t kept = 0;
    qsort(values, (size_t)v->values, sizeof *values, ascending);
    for (int32_t i = 0; i < v->values; i++)
        if (!kept || values[kept - 1] != values[i])
            values[kept++] = values[i];
    v->values = kept;
    csp->n_values = v->first_value + kept;
    return var;
}

int32_t ingot_csp_range(ingot_csp *csp, const char *name, int64_t lo, int64_t hi, int64_t step)
{
    int32_t var = begin_var(csp, name);
    if (!var)
        return 0;
    if (step < 1 || lo < 0) {
        set_mistake(csp, INGOT_BAD_USAGE, name, "needs a start of at least 0 and a step of at least 1");
        return var;
    }
    for (int64_t value = lo; value <= hi && add_value(csp, var, value) && step <= hi - value;)
        value += step;
    return end_var(csp, var);
}

int32_t ingot_csp_list(ingot_csp *csp, const char *name, int32_t n, const int64_t *values)
{
    int32_t var = begin_var(csp, name);
    if (!var)
        return 0;
    for (int32_t i = 0; i < n && add_value(csp, var, values[i]);)
        i++;
    return end_var(csp, var);
}

int32_t ingot_csp_divisors(ingot_csp *csp, const char *name, int64_t of)
{
    int32_t var = begin_var(csp, name);
    if (!var)
        return 0;
    if (of < 1 || of > LARGEST_DIVIDED) {
        set_mistake(csp, INGOT_BAD_USAGE, name, "is to divide a number that is not within 1..2^40");
        return var;
    }
    for (int64_t d = 1; d <= of / d; d++)
        if (of % d == 0 && !(add_value(csp, var, d) && add_value(csp, var, of / d)))
            break;
    return end_var(csp, var);
}

static bool is_var(ingot_csp *csp, int32_t var)
{
    if (var >= 1 && var <= csp->n_vars)
        return true;
    set_mistake(csp, INGOT_BAD_USAGE, NULL, "a constraint names a variable that there is not");
    return false;
}

static struct ingot_csp_constraint *new_constraint(ingot_csp *csp)
{
    if (csp->n_constraints == INGOT_CSP_CONSTRAINTS) {
        set_mistake(csp, INGOT_LIMIT, NULL, "there are too many constraints");
        return NULL;
    }
    return memset(&csp->constraints[csp->n_constraints++], 0, sizeof *csp->constraints);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int32_t later(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Product of two numbers that are at least 0, at most INGOT_CSP_MAX. */
static int64_t product(int64_t a, int64_t b)
{
    int64_t p;
    return ingot_mul_overflows(a, b, &p) ? INGOT_CSP_MAX : least(p, INGOT_CSP_MAX);
}

static int64_t magnitude(int64_t times)
{
    return times > -INGOT_CSP_MAX && times < INGOT_CSP_MAX ? llabs(times) : INGOT_CSP_MAX;
}

static int64_t largest_value(const ingot_csp *csp, int32_t var)
{
    const struct ingot_csp_var *v = &csp->vars[var - 1];
    return v->values ? csp->values[v->first_value + v->values - 1] : 0;
}

/* `sign` * the terms <= bound. What is subtracted must be exact: a sum that is above the bound with a product cut to
 * INGOT_CSP_MAX is above it with the product itself. */
static void add_sum(ingot_csp *csp, int64_t bound, int32_t n_terms, const ingot_csp_term *terms, int sign)
{
    struct ingot_csp_constraint *c = n_terms <= INGOT_CSP_TERMS ? new_constraint(csp) : NULL;
    if (!c) {
        set_mistake(csp, INGOT_LIMIT, NULL, "a constraint has too many terms");
        return;
    }
    int64_t subtracted = magnitude(bound);
    *c = (struct ingot_csp_constraint){.bound = bound, .n_terms = n_terms};
    for (int32_t t = 0; t < n_terms; t++) {
        int64_t largest = magnitude(terms[t].times);
        c->terms[t] = terms[t];
        c->terms[t].times = (terms[t].times > 0) == (sign > 0) ? largest : -largest;
        for (int32_t f = 0; f < INGOT_CSP_FACTORS && terms[t].vars[f]; f++) {
            if (!is_var(csp, terms[t].vars[f]))
                return;
            c->last_var = later(c->last_var, terms[t].vars[f]);
            largest = product(largest, largest_value(csp, terms[t].vars[f]));
        }
        if (c->terms[t].times < 0)
            subtracted = least(subtracted + largest, INGOT_CSP_MAX);
    }
    if (subtracted >= INGOT_CSP_MAX)
        set_mistake(csp, INGOT_LIMIT, NULL, "what a constraint subtracts may be too large: smaller ranges would fit");
}

void ingot_csp_at_most(ingot_csp *csp, int64_t bound, int32_t n_terms, const ingot_csp_term *terms)
{
    add_sum(csp, bound, n_terms, terms, 1);
}

void ingot_csp_equal(ingot_csp *csp, int64_t value, int32_t n_terms, const ingot_csp_term *terms)
{
    add_sum(csp, value, n_terms, terms, 1);
    add_sum(csp, value > -INGOT_CSP_MAX ? -value : INGOT_CSP_MAX, n_terms, terms, -1);
    if (n_terms != 1 || csp->mistake != INGOT_OK || value < 1 || terms[0].times < 1 || value % terms[0].times)
        return;
    for (int32_t f = 0; f < INGOT_CSP_FACTORS && terms[0].vars[f]; f++) /* follows, and says more than intervals do */
        ingot_csp_divides(csp, terms[0].vars[f], value / terms[0].times);
}

void ingot_csp_multiple(ingot_csp *csp, int32_t var, int32_t of)
{
    if (!is_var(csp, var) || !is_var(csp, of))
        return;
    struct ingot_csp_constraint *c = new_constraint(csp);
    if (c)
        *c =
            (struct ingot_csp_constraint){.multiple = true, .dividend = var, .divisor = of, .last_var = later(var, of)};
}

/* Keeps the values that `multiple_of` (not 0) divides, or that divide `divides`. */
static void keep_values(ingot_csp *csp, int32_t var, int64_t multiple_of, int64_t divides)
{
    struct ingot_csp_var *v = &csp->vars[var - 1];
    int64_t *values = csp->values + v->first_value;
    int32_t kept = 0;
    for (int32_t i = 0; i < v->values; i++)
        if (multiple_of ? values[i] % multiple_of == 0 : values[i] && divides % values[i] == 0)
            values[kept++] = values[i];
    v->values = kept;
}

void ingot_csp_multiple_of(ingot_csp *csp, int32_t var, int64_t of)
{
    if (of < 1)
        set_mistake(csp, INGOT_BAD_USAGE, NULL, "a constraint divides by less than 1");
    else if (is_var(csp, var))
        keep_values(csp, var, of, 0);
}

void ingot_csp_divides(ingot_csp *csp, int32_t var, int64_t what)
{
    if (is_var(csp, var))
        keep_values(csp, var, 0, what);
}

/* ---- Propagation --------------------------------------------------------------------------------------------------
 */
typedef struct domain {
    const int64_t *first, *last; /* of the values; those between that break `step` or `whole` are out */
    int64_t step;                /* divides the variable; 0: it is 0 */
    int64_t whole;               /* the variable divides it; 0: nothing is known */
} domain;

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* 0 when it is larger than any value: of these, then, only 0 is a multiple. */
static int64_t lcm(int64_t a, int64_t b)
{
    int64_t result;
    if (!a || !b || ingot_mul_overflows(a / gcd(a, b), b, &result) || result > INGOT_CSP_MAX)
        return 0;
    return result;
}

static bool is_multiple(int64_t value, int64_t of)
{
    return of ? value % of == 0 : value == 0;
}

static bool is_in(const domain *d, int64_t value)
{
    return is_multiple(value, d->step) && (!d->whole || (value && d->whole % value == 0));
}

/* Ends moved to values that are in, step and whole as the values in between have them. False: none is left. */
static bool settle(domain *d)
{
    while (d->first <= d->last && !is_in(d, *d->first))
        d->first++;
    if (d->first > d->last)
        return false;
    while (!is_in(d, *d->last))
        d->last--;
    int64_t step = 0, whole = 1;
    for (const int64_t *value = d->first; value <= d->last; value++)
        if (is_in(d, *value)) {
            step = gcd(step, *value);
            whole = lcm(whole, *value);
        }
    d->step = step;
    d->whole = whole;
    return true;
}

/* Only values within lo..hi that are multiples of `step` and divide `whole`. False: none is left. */
static bool narrow(domain *d, int64_t lo, int64_t hi, int64_t step, int64_t whole, bool *changed)
{
    const domain before = *d;
    if (*d->last < lo || *d->first > hi)
        return false;
    while (*d->first < lo)
        d->first++;
    while (*d->last > hi) /* stops at the latest where first was */
        d->last--;
    d->step = lcm(d->step, step);
    d->whole = gcd(d->whole, whole);
    if (d->first == before.first && d->last == before.last && d->step == before.step && d->whole == before.whole)
        return true;
    *changed = true;
    return settle(d);
}

/* Smallest or largest value of a term without its factor number `without` (-1: of the whole term). */
static int64_t term_value(const ingot_csp_term *term, const domain *domains, bool largest, int32_t without)
{
    int64_t value = magnitude(term->times);
    for (int32_t f = 0; f < INGOT_CSP_FACTORS && term->vars[f]; f++)
        if (f != without)
            value = product(value, largest ? *domains[term->vars[f] - 1].last : *domains[term->vars[f] - 1].first);
    return value;
}

/* The least that the sum can be. */
static int64_t least_sum(const struct ingot_csp_constraint *c, const domain *domains)
{
    int64_t sum = 0;
    for (int32_t t = 0; t < c->n_terms; t++)
        sum += c->terms[t].times < 0 ? -term_value(&c->terms[t], domains, true, -1)
                                     : term_value(&c->terms[t], domains, false, -1);
    return sum;
}

/* Each variable of each term is bounded by what the least of all other terms leaves. */
static bool propagate_sum(const struct ingot_csp_constraint *c, domain *domains, bool *changed)
{
    int64_t sum = least_sum(c, domains);
    if (sum > c->bound)
        return false;
    for (int32_t t = 0; t < c->n_terms; t++) {
        const ingot_csp_term *term = &c->terms[t];
        bool minus = term->times < 0;
        int64_t own = term_value(term, domains, minus, -1), left = c->bound - (sum - (minus ? -own : own));
        for (int32_t f = 0; f < INGOT_CSP_FACTORS && term->vars[f]; f++) {
            domain *d = &domains[term->vars[f] - 1];
            int64_t others = term_value(term, domains, minus, f), lo = 0, hi = INGOT_CSP_MAX;
            if (!minus && others)
                hi = left / others;
            else if (minus && left < 0 && !others)
                return false;
            else if (minus && left < 0)
                lo = (-left - 1) / others + 1;
            if (!narrow(d, lo, hi, 1, 0, changed))
                return false;
        }
    }
    return true;
}

static bool propagate_multiple(const struct ingot_csp_constraint *c, domain *domains, bool *changed)
{
    domain *x = &domains[c->dividend - 1], *y = &domains[c->divisor - 1];
    if (!narrow(y, 1, *x->first ? *x->last : INGOT_CSP_MAX, 1, x->whole, changed))
        return false;
    return narrow(x, *x->first ? *y->first : 0, INGOT_CSP_MAX, y->step, 0, changed);
}

/* Until nothing changes; each change takes a value from a variable or a prime from what is known, so it ends. */
static bool propagate(const ingot_csp *csp, domain *domains)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int32_t i = 0; i < csp->n_constraints; i++) {
            const struct ingot_csp_constraint *c = &csp->constraints[i];
            if (!(c->multiple ? propagate_multiple : propagate_sum)(c, domains, &changed))
                return false;
        }
    }
    return true;
}

/* ---- Search -------------------------------------------------------------------------------------------------------
 */
typedef struct search {
    const ingot_csp *csp;
    bool propagates;
    int64_t max_nodes;
    ingot_csp_visit *visit;
    void *arg;
    ingot_csp_stats stats;
} search;

/* Whether the constraints hold whose last variable `var` is. */
static bool holds_up_to(const ingot_csp *csp, int32_t var, const domain *domains)
{
    for (int32_t i = 0; i < csp->n_constraints; i++) {
        const struct ingot_csp_constraint *c = &csp->constraints[i];
        if (c->last_var != var)
            continue;
        if (!c->multiple && least_sum(c, domains) > c->bound)
            return false;
        if (c->multiple) {
            int64_t divisor = *domains[c->divisor - 1].first;
            if (!divisor || *domains[c->dividend - 1].first % divisor)
                return false;
        }
    }
    return true;
}

static bool visit_solution(search *s, const domain *domains)
{
    int64_t values[INGOT_CSP_VARS + 1] = {0};
    for (int32_t i = 0; i < s->csp->n_vars; i++)
        values[i + 1] = *domains[i].first;
    s->stats.solutions++;
    return !s->visit || s->visit(s->arg, values);
}

/* Tries the values of variable `var` and of those behind it. *go: false once the caller has enough. */
static ingot_status try_values(search *s, int32_t var, const domain *domains, bool *go)
{
    if (var > s->csp->n_vars) {
        *go = visit_solution(s, domains);
        return NULL;
    }
    const domain *d = &domains[var - 1];
    for (const int64_t *value = d->first; *go && value <= d->last; value++) {
        if (!is_in(d, *value))
            continue;
        if (s->stats.nodes == s->max_nodes)
            return ingot_fail(INGOT_LIMIT,
                              "the solver stopped after %" PRId64 " choices, at variable %s, with %" PRId64
                              " solutions: more constraints, or fewer values, would help",
                              s->max_nodes, s->csp->vars[var - 1].name, s->stats.solutions);
        domain narrowed[INGOT_CSP_VARS];
        memcpy(narrowed, domains, sizeof narrowed);
        narrowed[var - 1] = (domain){.first = value, .last = value, .step = *value, .whole = *value};
        s->stats.nodes++;
        if (s->propagates ? propagate(s->csp, narrowed) : holds_up_to(s->csp, var, narrowed))
            INGOT_TRY(try_values(s, var + 1, narrowed, go));
        else
            s->stats.pruned++;
    }
    return NULL;
}

ingot_status ingot_csp_solve(const ingot_csp *csp, const ingot_csp_options *options, ingot_csp_visit *visit, void *arg,
                             ingot_csp_stats *stats)
{
    search s = {.csp = csp, .propagates = true, .max_nodes = MOST_NODES, .visit = visit, .arg = arg};
    if (options) {
        s.propagates = !options->no_propagation;
        s.max_nodes = options->max_nodes > 0 ? options->max_nodes : MOST_NODES;
    }
    if (stats)
        *stats = s.stats;
    if (csp->mistake != INGOT_OK)
        return ingot_fail(csp->mistake, "in a constraint problem, %s%s%s%s", csp->wrong_var ? "variable " : "",
                          csp->wrong_var ? csp->wrong_var : "", csp->wrong_var ? " " : "", csp->wrong);
    domain domains[INGOT_CSP_VARS] = {{0}};
    bool possible = true, go = true;
    for (int32_t i = 0; possible && i < csp->n_vars; i++) {
        const struct ingot_csp_var *v = &csp->vars[i];
        const int64_t *values = csp->values + v->first_value;
        possible = v->values > 0;
        domains[i] = (domain){.first = values, .last = values + (possible ? v->values - 1 : 0), .step = 1};
        possible = possible && settle(&domains[i]);
    }
    if (possible && s.propagates)
        possible = propagate(csp, domains);
    else if (possible) /* constraints without variables */
        possible = holds_up_to(csp, 0, domains);
    ingot_status status = possible ? try_values(&s, 1, domains, &go) : NULL;
    if (stats)
        *stats = s.stats;
    return status;
}
