/* Tensor types. */
#include "ir/internal.h"

ingot_type ingot_type_make(ingot_dtype dtype, int32_t rank, const ingot_dim *const *dims)
{
    ingot_type t = {.dtype = dtype, .rank = rank};
    for (int32_t i = 0; i < rank && i < INGOT_MAX_RANK; i++)
        t.dims[i] = dims[i];
    return t;
}

ingot_type ingot_type_static(ingot_module *m, ingot_dtype dtype, int32_t rank, const int64_t *dims)
{
    ingot_type t = {.dtype = dtype, .rank = rank};
    for (int32_t i = 0; i < rank && i < INGOT_MAX_RANK; i++)
        t.dims[i] = ingot_dim_const(m, dims[i]);
    return t;
}

ingot_type ingot_type_boxed(ingot_dtype dtype, ingot_form form, int32_t inner_rank)
{
    return (ingot_type){.dtype = dtype, .rank = -1, .form = form, .inner_rank = inner_rank};
}

int32_t ingot_type_rank(const ingot_type *t)
{
    return t->rank >= 0 ? t->rank : t->inner_rank < 0 ? INGOT_RANK_UNKNOWN : t->inner_rank;
}

int32_t ingot_rank_join(int32_t a, int32_t b)
{
    if (a == INGOT_RANK_NONE || b == INGOT_RANK_NONE)
        return a == INGOT_RANK_NONE ? b : a;
    return a == b ? a : INGOT_RANK_UNKNOWN;
}

bool ingot_type_equal(const ingot_type *a, const ingot_type *b)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->layout != b->layout || a->form != b->form)
        return false;
    for (int32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i])
            return false;
    }
    return true;
}

bool ingot_type_is_static(const ingot_type *t)
{
    if (t->rank < 0)
        return false;
    for (int32_t i = 0; i < t->rank; i++) {
        if (!ingot_dim_is_const(t->dims[i]))
            return false;
    }
    return true;
}

int64_t ingot_type_count(const ingot_type *t)
{
    if (!ingot_type_is_static(t))
        return -1;
    int64_t count = 1;
    bool overflow = false;
    for (int32_t i = 0; i < t->rank; i++) {
        if (t->dims[i]->value == 0)
            return 0;
        overflow |= __builtin_mul_overflow(count, t->dims[i]->value, &count);
    }
    return overflow || count < 0 ? -1 : count;
}

const ingot_dim *ingot_type_count_dim(ingot_module *m, const ingot_type *t)
{
    const ingot_dim *count = ingot_dim_const(m, 1);
    for (int32_t i = 0; i < t->rank; i++)
        count = ingot_dim_mul(m, count, t->dims[i]);
    return count;
}
