/* Movement of elements of tensors whose rank only the run knows: any_transpose, any_concat, any_gather, any_slice,
 * any_expand. */
#include "runtime/boxed/boxed.h"

ingot_status ingot_boxed_any_transpose(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_transpose", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_transpose", 0, INGOT_FORM_TENSOR));
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_attrs_perm perm = *(const ingot_attrs_perm *)call->attrs;
    bool seen[INGOT_MAX_RANK];
    int64_t dims[INGOT_MAX_RANK];
    if (!perm.perm.n) {
        perm.perm.n = x->rank;
        for (int32_t d = 0; d < x->rank; d++)
            perm.perm.v[d] = x->rank - 1 - d;
    }
    KERNEL_REQUIRE(perm.perm.n == x->rank, "any_transpose: a permutation of %lld axes for rank %d",
                   (long long)perm.perm.n, x->rank);
    INGOT_TRY(ingot_kernel_axes("any_transpose", &perm.perm, x->rank, seen));
    for (int32_t d = 0; d < x->rank; d++) {
        perm.perm.v[d] += perm.perm.v[d] < 0 ? x->rank : 0;
        dims[d] = x->dims[perm.perm.v[d]];
    }
    ingot_tensor *y;
    INGOT_TRY(ingot_boxed_result(call, 0, x->dtype, x->rank, dims, &y));
    ingot_call inner = {.attrs = &perm, .n_in = 1, .n_out = 1, .in = x, .out = y};
    return ingot_boxed_portable(call->heap, INGOT_PORTABLE_transpose, ingot_portable_transpose, &inner);
}

ingot_status ingot_boxed_any_concat(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_concat", 1, 1));
    INGOT_TRY(ingot_boxed_check(call, "any_concat", call->n_in, 1));
    void *room;
    ingot_tensor shape, *y;
    int32_t axis;
    INGOT_TRY(ingot_boxed_need(call, "any_concat", 0, INGOT_FORM_TENSOR));
    shape = *boxed_tensor(call, 0);
    INGOT_TRY(ingot_kernel_axis("any_concat", ((const ingot_attrs_axis *)call->attrs)->axis, shape.rank, &axis));
    shape.dims[axis] = 0;
    for (int32_t i = 0; i < call->n_in; i++) {
        INGOT_TRY(ingot_boxed_need(call, "any_concat", i, INGOT_FORM_TENSOR));
        const ingot_tensor *x = boxed_tensor(call, i);
        KERNEL_REQUIRE(x->rank == shape.rank && x->dtype == shape.dtype &&
                           !ingot_add_overflows(shape.dims[axis], x->dims[axis], &shape.dims[axis]),
                       "any_concat: operand %d is of rank %d and %s, operand 0 of rank %d and %s", i, x->rank,
                       ingot_dtype_name(x->dtype), shape.rank, ingot_dtype_name(shape.dtype));
    }
    INGOT_TRY(ingot_boxed_result(call, 0, shape.dtype, shape.rank, shape.dims, &y));
    INGOT_TRY(ingot_heap_take(call->heap, call->n_in * (int64_t)sizeof(ingot_tensor), &room));
    ingot_tensor *in = room;
    for (int32_t i = 0; i < call->n_in; i++)
        in[i] = *boxed_tensor(call, i);
    ingot_call inner = {.attrs = call->attrs, .n_in = call->n_in, .n_out = 1, .in = in, .out = y};
    ingot_status status = ingot_portable_concat(&inner);
    ingot_heap_give(call->heap, room);
    return status;
}

ingot_status ingot_boxed_any_gather(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_gather", 2, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_gather", 0, INGOT_FORM_TENSOR));
    INGOT_TRY(ingot_boxed_need(call, "any_gather", 1, INGOT_FORM_TENSOR));
    ingot_tensor in[2] = {*boxed_tensor(call, 0), *boxed_tensor(call, 1)}, *y;
    int32_t axis, rank = 0;
    int64_t dims[INGOT_MAX_RANK];
    INGOT_TRY(ingot_kernel_axis("any_gather", ((const ingot_attrs_axis *)call->attrs)->axis, in[0].rank, &axis));
    KERNEL_REQUIRE(in[0].rank - 1 + in[1].rank <= INGOT_MAX_RANK, "any_gather: a result of rank %d",
                   in[0].rank - 1 + in[1].rank);
    for (int32_t d = 0; d < axis; d++)
        dims[rank++] = in[0].dims[d];
    for (int32_t d = 0; d < in[1].rank; d++)
        dims[rank++] = in[1].dims[d];
    for (int32_t d = axis + 1; d < in[0].rank; d++)
        dims[rank++] = in[0].dims[d];
    INGOT_TRY(ingot_boxed_result(call, 0, in[0].dtype, rank, dims, &y));
    ingot_call inner = {.attrs = call->attrs, .n_in = 2, .n_out = 1, .in = in, .out = y};
    return ingot_portable_gather(&inner);
}

/* ONNX's Slice: data, starts, ends, axes, steps. */
ingot_status ingot_boxed_any_slice(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_slice", 3, 1));
    ingot_tensor in[5] = {{0}}, *y;
    for (int32_t i = 0; i < 5; i++) {
        if (!boxed_has(call, i))
            continue;
        INGOT_TRY(ingot_boxed_need(call, "any_slice", i, INGOT_FORM_TENSOR));
        in[i] = *boxed_tensor(call, i);
    }
    INGOT_TRY(ingot_boxed_result(call, 0, in[0].dtype, in[0].rank, in[0].dims, &y));
    ingot_call inner = {.attrs = call->attrs, .n_in = 5, .n_out = 1, .in = in, .out = y};
    return ingot_portable_slice_dynamic(&inner); /* lowers the sizes */
}

ingot_status ingot_boxed_any_expand(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_expand", 2, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_expand", 0, INGOT_FORM_TENSOR));
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_ints sizes;
    ingot_tensor shape = {.rank = 0}, *y;
    INGOT_TRY(ingot_boxed_ints(call, "any_expand", 1, &sizes));
    for (int32_t d = 0; d < (int32_t)sizes.n; d++) {
        KERNEL_REQUIRE(sizes.v[d] >= 0, "any_expand: size %d is %lld", d, (long long)sizes.v[d]);
        shape.dims[shape.rank++] = sizes.v[d];
    }
    INGOT_TRY(ingot_boxed_broadcast("any_expand", x, &shape.rank, shape.dims));
    INGOT_TRY(ingot_boxed_result(call, 0, x->dtype, shape.rank, shape.dims, &y));
    ingot_call inner = {.attrs = call->attrs, .n_in = 1, .n_out = 1, .in = x, .out = y};
    return ingot_portable_broadcast(&inner);
}
