/* concat: operands one after the other along an axis. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_concat(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "concat", call->n_in, 1));
    const ingot_tensor *y = &call->out[0];
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("concat", ((const ingot_attrs_axis *)call->attrs)->axis, y->rank, &axis));
    int64_t outer = kernel_product(y->dims, 0, axis), inner = kernel_product(y->dims, axis + 1, y->rank);
    int64_t row = y->dims[axis] * inner, at = 0;
    for (int32_t i = 0; i < call->n_in; i++) {
        const ingot_tensor *x = &call->in[i];
        KERNEL_REQUIRE(x->rank == y->rank && x->dtype == y->dtype, "concat: operand %d is of rank %d and %s", i,
                       x->rank, ingot_dtype_name(x->dtype));
        for (int32_t d = 0; d < y->rank; d++)
            KERNEL_REQUIRE(d == axis || x->dims[d] == y->dims[d],
                           "concat: operand %d has size %lld on axis %d, not %lld", i, (long long)x->dims[d], d,
                           (long long)y->dims[d]);
        KERNEL_REQUIRE(x->dims[axis] <= y->dims[axis] - at, "concat: operands are longer than the result");
        int64_t length = x->dims[axis] * inner;
        for (int64_t o = 0; o < outer; o++)
            ingot_kernel_copy_run(y->data, o * row + at * inner, x->data, o * length, length, y->dtype);
        at += x->dims[axis];
    }
    KERNEL_REQUIRE(at == y->dims[axis], "concat: operands are shorter than the result");
    return NULL;
}
