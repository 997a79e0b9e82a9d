/* A small constraint solver over integers: the candidates of a decision, such as all register tiles that fit. What
 * breaks a constraint is never generated.
 *
 *     ingot_csp csp = {0};
 *     int32_t mr = ingot_csp_range(&csp, "mr", 1, 16, 1), nr = ingot_csp_range(&csp, "nr", 16, 64, 16);
 *     int32_t nb = ingot_csp_divisors(&csp, "nb", 768), kc = ingot_csp_divisors(&csp, "kc", 3072);
 *     ingot_csp_at_most(&csp, 28, INGOT_TERMS({1, {mr, nr}}));                              // mr * nr <= 28
 *     ingot_csp_at_most(&csp, l1_bytes, INGOT_TERMS({4, {kc, nr}}, {4, {kc, mr}}));         // 4 kc nr + 4 kc mr <= L1
 *     ingot_csp_at_most(&csp, 0, INGOT_TERMS({1, {mr}}, {-1, {nb, kc}}));                   // mr <= nb * kc
 *     ingot_csp_multiple(&csp, nb, nr);                                                     // nb % nr == 0
 *     INGOT_TRY(ingot_csp_solve(&csp, NULL, keep_the_best, &best, &stats));
 *
 * Depth-first over the variables in the order they were added, values ascending: solutions come in lexicographic order,
 * the same on every machine. After each choice the constraints narrow the variables that are left: their intervals
 * (from sums and products) and what divides them and what they divide (from multiples). In the spirit of ConstrINT
 * (arXiv:2412.07752).
 *
 * Values are at least 0. All is in fixed arrays. What does not fit or makes no sense is remembered by the problem and
 * reported by ingot_csp_solve, so that callers check once.
 */
#ifndef INGOT_COSTMODEL_SOLVER_H
#define INGOT_COSTMODEL_SOLVER_H
#include "runtime/status.h"
#include <stdbool.h>
#include <stdint.h>

#define INGOT_CSP_VARS        8
#define INGOT_CSP_VALUES      4096 /* of all variables together */
#define INGOT_CSP_CONSTRAINTS 32
#define INGOT_CSP_TERMS       8                  /* of one constraint */
#define INGOT_CSP_FACTORS     4                  /* of one term */
#define INGOT_CSP_MAX         ((int64_t)1 << 59) /* larger products count as this much */

/* times * the product of the variables; the list ends at the first 0. */
typedef struct ingot_csp_term {
    int64_t times;
    int32_t vars[INGOT_CSP_FACTORS];
} ingot_csp_term;
#define INGOT_TERMS(...)                                                                            \
    (int32_t)(sizeof((ingot_csp_term[]){__VA_ARGS__}) / sizeof(ingot_csp_term)), (ingot_csp_term[]) \
    {                                                                                               \
        __VA_ARGS__                                                                                 \
    }

typedef struct ingot_csp {
    int32_t n_vars, n_values, n_constraints;
    struct ingot_csp_var {
        const char *name;            /* the caller's; for messages */
        int32_t first_value, values; /* sorted, distinct; none: no solution */
    } vars[INGOT_CSP_VARS];
    struct ingot_csp_constraint {
        bool multiple; /* dividend % divisor == 0; else the sum of the terms <= bound */
        int32_t dividend, divisor;
        int64_t bound;
        int32_t n_terms, last_var; /* the last variable to get its value */
        ingot_csp_term terms[INGOT_CSP_TERMS];
    } constraints[INGOT_CSP_CONSTRAINTS];
    int64_t values[INGOT_CSP_VALUES];
    ingot_code mistake; /* the first one; INGOT_OK: none */
    const char *wrong, *wrong_var;
} ingot_csp;

/* Variables. The result names the variable from then on: 1, 2, ...; 0 after a mistake (such as too many). */
int32_t ingot_csp_range(ingot_csp *csp, const char *name, int64_t lo, int64_t hi, int64_t step); /* hi included */
int32_t ingot_csp_list(ingot_csp *csp, const char *name, int32_t n, const int64_t *values);      /* in any order */
int32_t ingot_csp_divisors(ingot_csp *csp, const char *name, int64_t of);                        /* 1 <= of <= 2^40 */

/* Constraints. Terms may have negative factors `times`; what those can add up to at most must stay, with the bound,
 * below INGOT_CSP_MAX. ingot_csp_equal: the same of all terms. */
void ingot_csp_at_most(ingot_csp *csp, int64_t bound, int32_t n_terms, const ingot_csp_term *terms);
void ingot_csp_equal(ingot_csp *csp, int64_t value, int32_t n_terms, const ingot_csp_term *terms);
void ingot_csp_multiple(ingot_csp *csp, int32_t var, int32_t of); /* var % of == 0, of >= 1 */
void ingot_csp_multiple_of(ingot_csp *csp, int32_t var, int64_t of);
void ingot_csp_divides(ingot_csp *csp, int32_t var, int64_t what); /* what % var == 0, var >= 1 */

typedef struct ingot_csp_options {
    int64_t max_nodes;   /* 0: 1,000,000 */
    bool no_propagation; /* only checks constraints once all their variables have values: for comparison */
} ingot_csp_options;
typedef struct ingot_csp_stats {
    int64_t nodes;  /* choices of a value for a variable */
    int64_t pruned; /* of these, how many broke a constraint at once */
    int64_t solutions;
} ingot_csp_stats;
/* Called with each solution, values[variable]; false: enough. */
typedef bool ingot_csp_visit(void *arg, const int64_t *values);
/* All solutions; options and stats may be null. Errors: INGOT_BAD_USAGE, a mistake in the problem; INGOT_LIMIT, it does
 * not fit, or more than max_nodes choices (solutions until then were visited). */
INGOT_MUST_USE ingot_status ingot_csp_solve(const ingot_csp *csp, const ingot_csp_options *options,
                                            ingot_csp_visit *visit, void *arg, ingot_csp_stats *stats);
#endif
