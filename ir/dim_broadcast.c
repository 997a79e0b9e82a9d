/* Sizes of which only a run knows whether they broadcast. Two different symbols of inputs that meet in an elementwise
 * op may be equal, or one of them 1: the result's size is the larger one. Expressions are not treated so: where H / 4 *
 * 2 of one branch of a network meets H / 2 of another, equal is what was meant, and kernels are better for knowing it.
 */
#include "ir/internal.h"

#define MAX_LEAVES 16

typedef struct leaves {
    int32_t n;
    const ingot_dim *of[MAX_LEAVES]; /* symbols of inputs, by rising id */
} leaves;

static bool add_leaf(leaves *set, const ingot_dim *d)
{
    int32_t at = 0;
    while (at < set->n && set->of[at]->id < d->id)
        at++;
    if (at < set->n && set->of[at] == d)
        return true;
    if (set->n == MAX_LEAVES)
        return false;
    for (int32_t i = set->n++; i > at; i--)
        set->of[i] = set->of[i - 1];
    set->of[at] = d;
    return true;
}

/* min(1, ...), the factor of a result that is 0 when any of its sizes is. */
static bool is_flag(const ingot_dim *d)
{
    return d->kind == INGOT_DIM_MIN && d->hi <= 1;
}

/* Adds the symbols that `d` is the broadcast of. False: it is no such size. */
static bool collect(const ingot_module *m, const ingot_dim *d, leaves *set)
{
    if (d->kind == INGOT_DIM_SYMBOL)
        return !ingot_module_symbol(m, (int32_t)d->value)->from_data && add_leaf(set, d);
    if (d->kind == INGOT_DIM_MUL && is_flag(d->a) != is_flag(d->b))
        return collect(m, is_flag(d->a) ? d->b : d->a, set);
    return d->kind == INGOT_DIM_MAX && collect(m, d->a, set) && collect(m, d->b, set);
}

const ingot_dim *ingot_dim_broadcast(ingot_module *m, const ingot_dim *a, const ingot_dim *b)
{
    leaves set = {0};
    if (!collect(m, a, &set))
        return NULL;
    int32_t of_a = set.n;
    if (!collect(m, b, &set))
        return NULL;
    if (set.n == of_a)
        return a; /* b is among what a came from */
    const ingot_dim *largest = set.of[0], *flag = ingot_dim_const(m, 1);
    for (int32_t i = 0; i < set.n; i++) {
        largest = ingot_dim_max(m, largest, set.of[i]);
        if (set.of[i]->lo < 1)
            flag = ingot_dim_min(m, flag, set.of[i]);
    }
    return ingot_dim_mul(m, largest, flag);
}
