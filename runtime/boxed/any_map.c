/* any_map, any_softmax, any_matmul, any_reduce: portable kernels on tensors whose rank only the run knows. */
#include "runtime/boxed/boxed.h"

ingot_status ingot_boxed_any_map(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_map", call->n_in, 1));
    KERNEL_REQUIRE(call->prog && call->prog->n_args == call->n_in && call->n_in <= INGOT_PROG_MAX_ARGS &&
                       call->n_out == call->prog->n_results && call->n_out <= INGOT_PROG_MAX_RESULTS,
                   "any_map: %d operands and %d results do not suit its program", call->n_in, call->n_out);
    ingot_tensor in[INGOT_PROG_MAX_ARGS], out[INGOT_PROG_MAX_RESULTS], *y;
    int32_t rank = 0;
    int64_t dims[INGOT_MAX_RANK];
    for (int32_t i = 0; i < call->n_in; i++) {
        INGOT_TRY(ingot_boxed_need(call, "any_map", i, INGOT_FORM_TENSOR));
        in[i] = *boxed_tensor(call, i);
        KERNEL_REQUIRE(in[i].dtype == (ingot_dtype)call->prog->arg_dtypes[i], "any_map: operand %d is %s", i,
                       ingot_dtype_name(in[i].dtype));
        INGOT_TRY(ingot_boxed_broadcast("any_map", &in[i], &rank, dims));
    }
    for (int32_t i = 0; i < call->n_out; i++) {
        int32_t r = call->prog->results[i], n = call->prog->n_args;
        ingot_dtype dtype = (ingot_dtype)(r < n ? call->prog->arg_dtypes[r] : call->prog->instrs[r - n].dtype);
        INGOT_TRY(ingot_boxed_result(call, i, dtype, rank, dims, &y));
        out[i] = *y;
    }
    ingot_call inner = {
        .attrs = call->attrs, .prog = call->prog, .n_in = call->n_in, .n_out = call->n_out, .in = in, .out = out};
    return ingot_boxed_portable(call->heap, INGOT_PORTABLE_map, ingot_portable_map, &inner);
}

ingot_status ingot_boxed_any_softmax(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_softmax", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_softmax", 0, INGOT_FORM_TENSOR));
    ingot_attrs_softmax attrs = *(const ingot_attrs_softmax *)call->attrs;
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_tensor *y;
    int32_t axis;
    INGOT_TRY(ingot_kernel_axis("any_softmax", attrs.axis, x->rank, &axis));
    attrs.axis = axis;
    INGOT_TRY(ingot_boxed_result(call, 0, x->dtype, x->rank, x->dims, &y));
    ingot_call inner = {.attrs = &attrs, .n_in = 1, .n_out = 1, .in = x, .out = y};
    return ingot_boxed_portable(call->heap, INGOT_PORTABLE_softmax, ingot_portable_softmax, &inner);
}

/* NumPy's matmul: vectors get an axis, which the result loses again. */
ingot_status ingot_boxed_any_matmul(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_matmul", 2, 1));
    ingot_tensor in[2], out, *y;
    bool vector[2];
    for (int32_t i = 0; i < 2; i++) {
        INGOT_TRY(ingot_boxed_need(call, "any_matmul", i, INGOT_FORM_TENSOR));
        in[i] = *boxed_tensor(call, i);
        vector[i] = in[i].rank == 1;
        KERNEL_REQUIRE(in[i].rank >= 1 && in[i].dtype == in[0].dtype, "any_matmul: operand %d is %s of rank %d", i,
                       ingot_dtype_name(in[i].dtype), in[i].rank);
        if (vector[i]) {
            in[i].rank = 2;
            in[i].dims[i == 0] = in[i].dims[0];
            in[i].dims[i] = 1;
        }
    }
    int64_t m = in[0].dims[in[0].rank - 2], k = in[0].dims[in[0].rank - 1], n = in[1].dims[in[1].rank - 1];
    KERNEL_REQUIRE(k == in[1].dims[in[1].rank - 2], "any_matmul: sizes %lld and %lld of the sum differ", (long long)k,
                   (long long)in[1].dims[in[1].rank - 2]);
    int32_t rank = 0;
    int64_t dims[INGOT_MAX_RANK];
    for (int32_t i = 0; i < 2; i++) {
        ingot_tensor batch = in[i];
        batch.rank -= 2;
        INGOT_TRY(ingot_boxed_broadcast("any_matmul", &batch, &rank, dims));
    }
    int32_t kept = rank;
    if (!vector[0])
        dims[kept++] = m;
    if (!vector[1])
        dims[kept++] = n;
    INGOT_TRY(ingot_boxed_result(call, 0, in[0].dtype, kept, dims, &y));
    out = *y;
    out.rank = rank + 2;
    out.dims[rank] = m;
    out.dims[rank + 1] = n;
    ingot_attrs_matmul attrs = {.present = 1};
    ingot_call inner = {.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    return ingot_boxed_portable(call->heap, INGOT_PORTABLE_matmul, ingot_portable_matmul, &inner);
}

ingot_status ingot_boxed_any_reduce(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_reduce", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_reduce", 0, INGOT_FORM_TENSOR));
    const ingot_attrs_any_reduce *attrs = call->attrs;
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_attrs_reduce reduce = {.present = 1, .kind = attrs->kind, .keepdims = attrs->keepdims};
    bool reduced[INGOT_MAX_RANK] = {false};
    if (boxed_has(call, 1))
        INGOT_TRY(ingot_boxed_ints(call, "any_reduce", 1, &reduce.axes));
    if (!reduce.axes.n && attrs->none_when_empty)
        return ingot_box_keep(call->heap, call->in[0], &call->out[0]);
    INGOT_TRY(ingot_kernel_axes("any_reduce", &reduce.axes, x->rank, reduced));
    if (!reduce.axes.n) {
        reduce.axes.n = x->rank;
        for (int32_t d = 0; d < x->rank; d++) {
            reduce.axes.v[d] = d;
            reduced[d] = true;
        }
    }
    ingot_tensor shape = {.rank = 0}, *y;
    for (int32_t d = 0; d < x->rank; d++)
        if (!reduced[d] || attrs->keepdims)
            shape.dims[shape.rank++] = reduced[d] ? 1 : x->dims[d];
    INGOT_TRY(ingot_boxed_result(call, 0, x->dtype, shape.rank, shape.dims, &y));
    ingot_call inner = {.attrs = &reduce, .n_in = 1, .n_out = 1, .in = x, .out = y};
    return ingot_boxed_portable(call->heap, INGOT_PORTABLE_reduce, ingot_portable_reduce, &inner);
}
