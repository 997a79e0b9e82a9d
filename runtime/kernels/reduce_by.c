/* reduce_by: a reduction over axes that are an operand; the result's sizes follow from them. */
#include "runtime/kernels/kernels.h"

/* The axes; none given means all of them, or none at all on request. */
static ingot_status read_axes(const ingot_tensor *axes, const ingot_attrs_reduce_by *attrs, int32_t rank,
                              bool out_flags[INGOT_MAX_RANK])
{
    int64_t n = ingot_tensor_count(axes);
    ingot_ints list = {.n = n};
    KERNEL_REQUIRE(n <= rank, "reduce_by: %lld axes of a tensor of rank %d", (long long)n, rank);
    for (int64_t i = 0; i < n; i++)
        list.v[i] = ingot_load_i64(axes->data, axes->dtype, i);
    INGOT_TRY(ingot_kernel_axes("reduce_by", &list, rank, out_flags));
    for (int32_t i = 0; i < rank && !n && !attrs->noop_empty; i++)
        out_flags[i] = true;
    return NULL;
}

ingot_status ingot_portable_reduce_by(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "reduce_by", 2, 1));
    const ingot_tensor *x = &call->in[0], *axes = &call->in[1];
    const ingot_attrs_reduce_by *attrs = call->attrs;
    ingot_tensor y = call->out[0];
    int64_t capacity = ingot_tensor_count(&y);
    int32_t rank = 0;
    bool flags[INGOT_MAX_RANK];
    KERNEL_REQUIRE(axes->rank <= 1 && kernel_is_index(axes->dtype), "reduce_by: axes of %s and rank %d",
                   ingot_dtype_name(axes->dtype), axes->rank);
    INGOT_TRY(read_axes(axes, attrs, x->rank, flags));
    ingot_attrs_reduce by = {.present = 1, .kind = attrs->kind, .keepdims = attrs->keepdims};
    for (int32_t i = 0; i < x->rank; i++) {
        if (flags[i])
            by.axes.v[by.axes.n++] = i;
        if (!flags[i] || attrs->keepdims)
            y.dims[rank++] = flags[i] ? 1 : x->dims[i];
    }
    KERNEL_REQUIRE(rank == y.rank && ingot_tensor_count(&y) <= capacity,
                   "reduce_by: the result has rank %d and %lld elements, room is for rank %d and %lld", rank,
                   (long long)ingot_tensor_count(&y), y.rank, (long long)capacity);
    call->out[0] = y;
    ingot_call inner = *call;
    inner.attrs = &by;
    inner.n_in = 1;
    return ingot_portable_reduce(&inner);
}
