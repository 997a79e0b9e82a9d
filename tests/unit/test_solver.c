/* The constraint solver: against enumeration on random problems, what propagation saves, and mistakes. */
#include "costmodel/solver.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ingot_csp csp; /* of the test that runs */

static void setup(void)
{
    memset(&csp, 0, sizeof csp);
}

TestSuite(solver, .init = setup);

/* ---- A problem as the test sees it, and its solutions by enumeration ---- */
#define VARS        4
#define CONSTRAINTS 5
#define SOLUTIONS   100000

enum { AT_MOST, EQUAL, MULTIPLE, MULTIPLE_OF, DIVIDES, KINDS };
typedef struct problem {
    int32_t n_vars, n_constraints;
    struct {
        int32_t n;
        int64_t values[64]; /* ascending, distinct */
    } vars[VARS];
    struct {
        int32_t kind, x, y, n_terms;
        int64_t number;
        ingot_csp_term terms[3];
    } constraints[CONSTRAINTS];
} problem;

typedef struct solutions {
    int32_t n;
    int64_t values[SOLUTIONS][VARS];
} solutions;

static uint64_t random_state;

static int64_t pick(int64_t lo, int64_t hi)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return lo + (int64_t)((random_state >> 11) % (uint64_t)(hi - lo + 1));
}

static void add_random_var(problem *p)
{
    int32_t i = p->n_vars++, n = 0;
    char *name = "x";
    if (pick(0, 3) == 0) {
        int64_t of = pick(1, 60);
        for (int64_t d = 1; d <= of; d++)
            if (of % d == 0)
                p->vars[i].values[n++] = d;
        ingot_csp_divisors(&csp, name, of);
    } else if (pick(0, 3) == 0) {
        int64_t shuffled[8];
        n = (int32_t)pick(1, 8);
        for (int32_t k = 0; k < n; k++)
            shuffled[n - 1 - k] = p->vars[i].values[k] = (k ? p->vars[i].values[k - 1] + 1 : 0) + pick(0, 9);
        ingot_csp_list(&csp, name, n, shuffled);
    } else {
        int64_t lo = pick(0, 6), hi = pick(lo - 1, lo + 20), step = pick(1, 4);
        for (int64_t v = lo; v <= hi; v += step)
            p->vars[i].values[n++] = v;
        ingot_csp_range(&csp, name, lo, hi, step);
    }
    p->vars[i].n = n;
}

static void add_random_constraint(problem *p)
{
    int32_t i = p->n_constraints++, kind = p->constraints[i].kind = (int32_t)pick(0, KINDS - 1);
    int32_t x = p->constraints[i].x = (int32_t)pick(1, p->n_vars),
            y = p->constraints[i].y = (int32_t)pick(1, p->n_vars);
    if (kind == MULTIPLE)
        ingot_csp_multiple(&csp, x, y);
    else if (kind == MULTIPLE_OF)
        ingot_csp_multiple_of(&csp, x, p->constraints[i].number = pick(1, 6));
    else if (kind == DIVIDES)
        ingot_csp_divides(&csp, x, p->constraints[i].number = pick(0, 120));
    else {
        int32_t n = p->constraints[i].n_terms = (int32_t)pick(1, 3);
        for (int32_t t = 0; t < n; t++) {
            ingot_csp_term *term = &p->constraints[i].terms[t];
            term->times = pick(-3, 6);
            for (int64_t f = 0, factors = pick(1, 3); f < factors; f++)
                term->vars[f] = (int32_t)pick(1, p->n_vars);
        }
        p->constraints[i].number = pick(-20, pick(0, 1) ? 60 : 600);
        (kind == EQUAL ? ingot_csp_equal : ingot_csp_at_most)(&csp, p->constraints[i].number, n,
                                                              p->constraints[i].terms);
    }
}

static bool holds(const problem *p, int32_t i, const int64_t *values)
{
    int64_t sum = 0, number = p->constraints[i].number, x = values[p->constraints[i].x - 1],
            y = values[p->constraints[i].y - 1];
    for (int32_t t = 0; t < p->constraints[i].n_terms; t++) {
        const ingot_csp_term *term = &p->constraints[i].terms[t];
        int64_t product = term->times;
        for (int32_t f = 0; f < INGOT_CSP_FACTORS && term->vars[f]; f++)
            product *= values[term->vars[f] - 1];
        sum += product;
    }
    switch (p->constraints[i].kind) {
    case AT_MOST:
        return sum <= number;
    case EQUAL:
        return sum == number;
    case MULTIPLE:
        return y && x % y == 0;
    case MULTIPLE_OF:
        return x % number == 0;
    default:
        return x && number % x == 0;
    }
}

static void enumerate(const problem *p, int32_t var, int64_t *values, solutions *out, int64_t *points)
{
    if (var < p->n_vars) {
        for (int32_t i = 0; i < p->vars[var].n; i++) {
            values[var] = p->vars[var].values[i];
            enumerate(p, var + 1, values, out, points);
        }
        return;
    }
    ++*points;
    for (int32_t i = 0; i < p->n_constraints; i++)
        if (!holds(p, i, values))
            return;
    if (out->n < SOLUTIONS)
        memcpy(out->values[out->n], values, sizeof out->values[0]);
    out->n++;
}

typedef struct collected {
    int32_t n_vars;
    solutions *out;
} collected;

static bool collect(void *arg, const int64_t *values)
{
    collected *c = arg;
    if (c->out->n < SOLUTIONS)
        memcpy(c->out->values[c->out->n], values + 1, sizeof(int64_t) * (size_t)c->n_vars);
    c->out->n++;
    return true;
}

static void check_solutions(const char *what, int problem_number, const solutions *got, const solutions *wanted)
{
    cr_assert_eq(got->n, wanted->n, "problem %d, %s: %d solutions, enumeration finds %d", problem_number, what, got->n,
                 wanted->n);
    cr_assert_lt(got->n, SOLUTIONS);
    cr_assert_eq(memcmp(got->values, wanted->values, sizeof got->values[0] * (size_t)got->n), 0,
                 "problem %d, %s: other solutions, or in another order", problem_number, what);
}

Test(solver, finds_what_enumeration_finds_on_random_problems)
{
    solutions *wanted = calloc(1, sizeof *wanted), *got = calloc(1, sizeof *got);
    ingot_csp_stats with, without, with_all = {0}, without_all = {0};
    int64_t points = 0;
    for (int n = 0; n < 1000; n++) {
        problem p = {0};
        int64_t values[VARS] = {0};
        random_state = 0x9E3779B97F4A7C15u * (uint64_t)(n + 1);
        setup();
        wanted->n = 0;
        memset(wanted->values, 0, sizeof wanted->values[0] * 64);
        for (int64_t i = pick(1, VARS); i > 0; i--)
            add_random_var(&p);
        for (int64_t i = pick(0, CONSTRAINTS); i > 0; i--)
            add_random_constraint(&p);
        enumerate(&p, 0, values, wanted, &points);
        for (int plain = 0; plain < 2; plain++) {
            memset(got, 0, sizeof *got);
            cr_assert_null(ingot_csp_solve(&csp, &(ingot_csp_options){.no_propagation = plain}, collect,
                                           &(collected){p.n_vars, got}, plain ? &without : &with));
            check_solutions(plain ? "without propagation" : "with propagation", n, got, wanted);
        }
        cr_assert_leq(with.nodes, without.nodes, "problem %d: propagation adds nodes", n);
        cr_assert_eq(with.solutions, wanted->n);
        with_all.nodes += with.nodes, with_all.pruned += with.pruned, with_all.solutions += with.solutions;
        without_all.nodes += without.nodes, without_all.pruned += without.pruned;
    }
    printf("solver: 1000 random problems, %" PRId64 " points, %" PRId64 " solutions: %" PRId64
           " nodes with propagation (%" PRId64 " pruned), %" PRId64 " without (%" PRId64 " pruned)\n",
           points, with_all.solutions, with_all.nodes, with_all.pruned, without_all.nodes, without_all.pruned);
    cr_assert_lt(with_all.pruned * 10, without_all.pruned);
    free(wanted);
    free(got);
}

/* ---- Problems of the kind it is for ---- */
enum { MR = 1, NR, KC, NB };
static void describe_product(int64_t lanes, int64_t k, int64_t n)
{
    cr_assert_eq(ingot_csp_range(&csp, "mr", 1, 16, 1), MR);
    cr_assert_eq(ingot_csp_range(&csp, "nr", lanes, 4 * lanes, lanes), NR);
    cr_assert_eq(ingot_csp_divisors(&csp, "kc", k), KC);
    cr_assert_eq(ingot_csp_divisors(&csp, "nb", n), NB);
    ingot_csp_at_most(&csp, 28 * lanes, INGOT_TERMS({1, {MR, NR}}));               /* registers */
    ingot_csp_at_most(&csp, 32 * 1024, INGOT_TERMS({4, {KC, NR}}, {4, {KC, MR}})); /* L1 */
    ingot_csp_at_most(&csp, 512 * 1024, INGOT_TERMS({4, {NB, KC}}));               /* L2 */
    ingot_csp_multiple(&csp, NB, NR);                                              /* whole panels */
    ingot_csp_at_most(&csp, 0, INGOT_TERMS({32, {NR}}, {-1, {KC, MR}}));           /* work for each load */
}

typedef struct best_tile {
    int64_t score, mr, nr;
} best_tile;

static bool keep_best(void *arg, const int64_t *v)
{
    best_tile *best = arg;
    int64_t score = 1000 * v[MR] * v[NR] / (v[MR] + v[NR]);
    if (score > best->score)
        *best = (best_tile){score, v[MR], v[NR]};
    return true;
}

Test(solver, register_tiles_of_a_product)
{
    best_tile best = {0};
    ingot_csp_stats with, without;
    describe_product(16, 768, 3072);
    cr_assert_null(ingot_csp_solve(&csp, NULL, keep_best, &best, &with));
    cr_assert_null(ingot_csp_solve(&csp, &(ingot_csp_options){.no_propagation = true}, NULL, NULL, &without));
    printf("solver: tiles of a product, %" PRId64 " solutions: %" PRId64 " nodes with propagation (%" PRId64
           " pruned), %" PRId64 " without\n",
           with.solutions, with.nodes, with.pruned, without.nodes);
    cr_assert_eq(best.mr, 14);
    cr_assert_eq(best.nr, 32);
    cr_assert_eq(with.solutions, without.solutions);
    cr_assert_gt(with.solutions, 100);
    cr_assert_lt(with.nodes, without.nodes);
}

Test(solver, divisors_pass_through_chains_of_multiples)
{
    /* c % b == 0, b % a == 0, a = 12 or 20, c <= 40: c is known to be a multiple of 4 before b is chosen */
    int32_t a = ingot_csp_list(&csp, "a", 2, (int64_t[]){20, 12});
    int32_t b = ingot_csp_range(&csp, "b", 1, 100, 1), c = ingot_csp_range(&csp, "c", 1, 40, 1);
    ingot_csp_multiple(&csp, b, a);
    ingot_csp_multiple(&csp, c, b);
    ingot_csp_stats stats;
    cr_assert_null(ingot_csp_solve(&csp, NULL, NULL, NULL, &stats));
    cr_assert_eq(stats.solutions, 5 + 3); /* 12: (12: 12 24 36) (24: 24) (36: 36); 20: (20: 20 40) (40: 40) */
    cr_assert_eq(stats.nodes, 2 + 5 + 8);
    cr_assert_eq(stats.pruned, 0);
}

Test(solver, an_equal_product_leaves_divisors)
{
    int32_t x = ingot_csp_range(&csp, "x", 1, 200, 1), y = ingot_csp_range(&csp, "y", 1, 200, 1);
    ingot_csp_equal(&csp, 120, INGOT_TERMS({2, {x, y}}));
    ingot_csp_stats stats;
    cr_assert_null(ingot_csp_solve(&csp, NULL, NULL, NULL, &stats));
    cr_assert_eq(stats.solutions, 12); /* divisors of 60 */
    cr_assert_eq(stats.pruned, 0);
}

Test(solver, large_products_do_not_wrap)
{
    int64_t powers[31];
    for (int i = 0; i < 31; i++)
        powers[i] = (int64_t)1 << i;
    int32_t v[4];
    for (int i = 0; i < 4; i++)
        v[i] = ingot_csp_list(&csp, "power", 31, powers);
    ingot_csp_at_most(&csp, 8, INGOT_TERMS({1, {v[0], v[1], v[2], v[3]}}, {-1, {v[0]}}));
    solutions *got = calloc(1, sizeof *got);
    cr_assert_null(ingot_csp_solve(&csp, NULL, collect, &(collected){4, got}, NULL));
    int32_t wanted = 0;
    for (int a = 0; a <= 30; a++)
        for (int rest = 0; rest <= 90; rest++) /* the sum of the other three exponents */
            for (int b = 0; b <= 30 && b <= rest; b++)
                for (int c = 0; c <= 30 && c <= rest - b; c++)
                    if (rest - b - c <= 30 && (rest == 0 || (a + rest <= 4 && (1 << (a + rest)) - (1 << a) <= 8)))
                        wanted++;
    cr_assert_eq(got->n, wanted);
    free(got);
}

Test(solver, no_solutions_and_no_variables)
{
    ingot_csp_stats stats;
    cr_assert_null(ingot_csp_solve(&csp, NULL, NULL, NULL, &stats));
    cr_assert_eq(stats.solutions, 1); /* the empty one */
    int32_t x = ingot_csp_range(&csp, "x", 5, 4, 1);
    cr_assert_null(ingot_csp_solve(&csp, NULL, NULL, NULL, &stats));
    cr_assert_eq(stats.solutions, 0);
    ingot_csp_divides(&csp, x, 12);
    ingot_csp_multiple_of(&csp, x, 2);
    cr_assert_null(ingot_csp_solve(&csp, NULL, NULL, NULL, &stats));
    cr_assert_eq(stats.solutions, 0);
}

static bool stop_at_third(void *arg, const int64_t *values)
{
    (void)values;
    return ++*(int *)arg < 3;
}

Test(solver, ends_when_the_caller_has_enough)
{
    int n = 0;
    ingot_csp_stats stats;
    ingot_csp_range(&csp, "x", 0, 99, 1);
    cr_assert_null(ingot_csp_solve(&csp, NULL, stop_at_third, &n, &stats));
    cr_assert_eq(n, 3);
    cr_assert_eq(stats.nodes, 3);
}

static void check_mistake(ingot_code code, const char *text)
{
    ingot_csp_stats stats;
    ingot_status status = ingot_csp_solve(&csp, &(ingot_csp_options){.max_nodes = 50}, NULL, NULL, &stats);
    cr_assert_not_null(status, "expected: %s", text);
    cr_assert_eq(ingot_status_code(status), code);
    cr_assert(strstr(ingot_status_message(status), text), "%s", ingot_status_message(status));
    ingot_status_free(status);
    setup();
}

Test(solver, mistakes_are_reported_by_solve)
{
    ingot_csp_range(&csp, "kc", 1, 5000, 1);
    check_mistake(INGOT_LIMIT, "variable kc has too many values");
    ingot_csp_range(&csp, "kc", 1, INT64_MAX, INT64_MAX);
    ingot_csp_range(&csp, "kd", INT64_MAX - 1, INT64_MAX, 1);
    check_mistake(INGOT_BAD_USAGE, "variable kd has a value below 0 or too large");
    ingot_csp_range(&csp, "kc", -1, 4, 1);
    check_mistake(INGOT_BAD_USAGE, "variable kc needs a start of at least 0");
    ingot_csp_list(&csp, "kc", 2, (int64_t[]){3, -3});
    check_mistake(INGOT_BAD_USAGE, "variable kc has a value below 0");
    ingot_csp_divisors(&csp, "kc", 0);
    check_mistake(INGOT_BAD_USAGE, "variable kc is to divide");
    for (int i = 0; i <= INGOT_CSP_VARS; i++)
        ingot_csp_range(&csp, "kc", 1, 2, 1);
    check_mistake(INGOT_LIMIT, "variable kc is one variable too many");
    ingot_csp_multiple(&csp, ingot_csp_range(&csp, "kc", 1, 2, 1), 2);
    check_mistake(INGOT_BAD_USAGE, "names a variable that there is not");
    ingot_csp_multiple_of(&csp, ingot_csp_range(&csp, "kc", 1, 2, 1), 0);
    check_mistake(INGOT_BAD_USAGE, "divides by less than 1");
    int32_t x = ingot_csp_list(&csp, "kc", 1, (int64_t[]){(int64_t)1 << 40});
    ingot_csp_at_most(&csp, 0, INGOT_TERMS({1, {x}}, {-1, {x, x}}));
    check_mistake(INGOT_LIMIT, "what a constraint subtracts may be too large");
    x = ingot_csp_range(&csp, "kc", 1, 2, 1);
    for (int i = 0; i <= INGOT_CSP_CONSTRAINTS; i++)
        ingot_csp_multiple(&csp, x, x);
    check_mistake(INGOT_LIMIT, "there are too many constraints");
    ingot_csp_at_most(&csp, 0, INGOT_CSP_TERMS + 1, (ingot_csp_term[INGOT_CSP_TERMS + 1]){{1, {0}}});
    check_mistake(INGOT_LIMIT, "a constraint has too many terms");
    ingot_csp_range(&csp, "x", 0, 9, 1);
    ingot_csp_range(&csp, "y", 0, 9, 1);
    check_mistake(INGOT_LIMIT, "the solver stopped after 50 choices, at variable y, with 45 solutions");
}
