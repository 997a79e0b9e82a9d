/* one_hot: a new axis that holds `on` at the index and `off` elsewhere; an index out of range gives only `off`. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_one_hot(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "one_hot", 2, 1));
    const ingot_tensor *indices = &call->in[0], *values = &call->in[1], *y = &call->out[0];
    int32_t axis = 0;
    KERNEL_REQUIRE(y->rank == indices->rank + 1 && values->dtype == y->dtype && ingot_tensor_count(values) == 2 &&
                       indices->dtype != INGOT_STRING,
                   "one_hot: result of rank %d for indices of rank %d", y->rank, indices->rank);
    INGOT_TRY(ingot_kernel_axis("one_hot", ((const ingot_attrs_one_hot *)call->attrs)->axis, y->rank, &axis));
    int64_t outer = kernel_product(indices->dims, 0, axis), inner = kernel_product(indices->dims, axis, indices->rank),
            depth = y->dims[axis];
    KERNEL_REQUIRE(ingot_tensor_count(y) == outer * inner * depth, "one_hot: the result does not fit the indices");
    ingot_kernel_fill(y->data, 0, values->data, 0, outer * depth * inner, y->dtype);
    for (int64_t i = 0; i < outer * inner; i++) {
        int64_t index = ingot_load_i64(indices->data, indices->dtype, i);
        if (indices->dtype == INGOT_U64 && index < 0)
            continue;
        if (index >= -depth && index < depth)
            ingot_copy_element(y->data, (i / inner * depth + (index < 0 ? index + depth : index)) * inner + i % inner,
                               values->data, 1, y->dtype);
    }
    return NULL;
}
