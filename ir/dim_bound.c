/* Bounds of sizes: what memory is planned for when the data decides a size while the model runs. */
#include "ir/internal.h"

#define MAX_STEPS 4000 /* nodes looked at for one bound: bounds of bounds may multiply */

typedef struct {
    ingot_module *m;
    int32_t steps;
} search;

bool ingot_dim_is_from_data(const ingot_module *m, const ingot_dim *d)
{
    for (; d->kind != INGOT_DIM_CONST; d = d->b) {
        if (d->kind == INGOT_DIM_SYMBOL)
            return ingot_module_symbol(m, (int32_t)d->value)->from_data;
        if (ingot_dim_is_from_data(m, d->a))
            return true;
    }
    return false;
}

static const ingot_dim *end_of(search *s, const ingot_dim *d, bool upper);

/* All that is known where no rule fits: the size itself if the inputs decide it, else the end of its range. */
static const ingot_dim *from_range(search *s, const ingot_dim *d, bool upper)
{
    return ingot_dim_is_from_data(s->m, d) ? ingot_dim_const(s->m, upper ? d->hi : d->lo) : d;
}

static const ingot_dim *at_least(search *s, const ingot_dim *d, int64_t lo)
{
    return ingot_dim_max(s->m, d, ingot_dim_const(s->m, lo));
}

static const ingot_dim *end_of_product(search *s, const ingot_dim *d, bool upper)
{
    const ingot_dim *a = d->a, *b = d->b;
    if (ingot_dim_is_const(a)) {
        a = d->b;
        b = d->a;
    }
    if (ingot_dim_is_const(b))
        return ingot_dim_mul(s->m, end_of(s, a, upper == (b->value >= 0)), b);
    if (a->lo < 0)
        return from_range(s, d, upper);
    if (b->lo >= 0) {
        const ingot_dim *ends[2] = {end_of(s, a, upper), end_of(s, b, upper)};
        return ingot_dim_mul(s->m, at_least(s, ends[0], 0), at_least(s, ends[1], 0));
    }
    if (b->hi <= 0) { /* -(a * -b) */
        const ingot_dim *minus = ingot_dim_const(s->m, -1);
        const ingot_dim *positive = end_of(s, ingot_dim_mul(s->m, b, minus), !upper);
        positive = ingot_dim_mul(s->m, at_least(s, end_of(s, a, !upper), 0), at_least(s, positive, 0));
        return ingot_dim_mul(s->m, positive, minus);
    }
    return from_range(s, d, upper);
}

static const ingot_dim *end_of_quotient(search *s, const ingot_dim *d, bool upper)
{
    if (d->b->lo < 1 || (d->a->lo < 0 && !ingot_dim_is_const(d->b)))
        return from_range(s, d, upper);
    const ingot_dim *a = end_of(s, d->a, upper), *b = end_of(s, d->b, !upper);
    return ingot_dim_floordiv(s->m, d->a->lo < 0 ? a : at_least(s, a, 0), at_least(s, b, 1));
}

/* The upper or lower end of `d` over all that the data may decide. Recursion is bounded by the nesting of sizes and the
 * number of steps. */
static const ingot_dim *end_of(search *s, const ingot_dim *d, bool upper)
{
    if (s->steps++ > MAX_STEPS)
        return from_range(s, d, upper);
    switch (d->kind) {
    case INGOT_DIM_CONST:
        return d;
    case INGOT_DIM_SYMBOL: {
        const ingot_symbol_info *info = ingot_module_symbol(s->m, (int32_t)d->value);
        if (!info->from_data)
            return d;
        return upper && info->bound ? end_of(s, info->bound, true) : from_range(s, d, upper);
    }
    case INGOT_DIM_ADD:
        return ingot_dim_add(s->m, end_of(s, d->a, upper), end_of(s, d->b, upper));
    case INGOT_DIM_MUL:
        return end_of_product(s, d, upper);
    case INGOT_DIM_FLOORDIV:
        return end_of_quotient(s, d, upper);
    case INGOT_DIM_MOD:
        if (!ingot_dim_is_from_data(s->m, d) || d->b->lo < 1)
            return from_range(s, d, upper);
        return upper ? ingot_dim_sub(s->m, end_of(s, d->b, true), ingot_dim_const(s->m, 1)) : ingot_dim_const(s->m, 0);
    case INGOT_DIM_MIN:
        return ingot_dim_min(s->m, end_of(s, d->a, upper), end_of(s, d->b, upper));
    default:
        return ingot_dim_max(s->m, end_of(s, d->a, upper), end_of(s, d->b, upper));
    }
}

const ingot_dim *ingot_dim_upper(ingot_module *m, const ingot_dim *d)
{
    search s = {.m = m};
    return end_of(&s, d, true);
}
