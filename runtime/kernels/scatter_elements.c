/* scatter_elements: a copy of x in which y[index[i][j]][j] = updates[i][j] for axis 0, and so on. */
#include "runtime/kernels/scatter.h"

ingot_status ingot_portable_scatter_elements(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_scatter_start(call, "scatter_elements"));
    const ingot_tensor *indices = &call->in[1], *updates = &call->in[2], *y = &call->out[0];
    const ingot_attrs_scatter *attrs = call->attrs;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("scatter_elements", attrs->axis, y->rank, &axis));
    KERNEL_REQUIRE(kernel_same_dims(indices, updates) && indices->rank == y->rank,
                   "scatter_elements: indices and updates differ in size");
    int64_t count = ingot_tensor_count(indices), size = y->dims[axis], strides[INGOT_MAX_RANK],
            index[INGOT_MAX_RANK] = {0};
    for (int32_t d = 0; d < y->rank; d++)
        KERNEL_REQUIRE(!count || d == axis || indices->dims[d] <= y->dims[d],
                       "scatter_elements: axis %d of the indices has size %lld, of the data %lld", d,
                       (long long)indices->dims[d], (long long)y->dims[d]);
    kernel_strides(y->rank, y->dims, strides);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = ingot_load_i64(indices->data, indices->dtype, i);
        KERNEL_REQUIRE(at >= -size && at < size, "scatter_elements: index %lld is outside [-%lld, %lld)", (long long)at,
                       (long long)size, (long long)size);
        at = kernel_offset(y->rank, index, strides) + ((at < 0 ? at + size : at) - index[axis]) * strides[axis];
        ingot_kernel_scatter(attrs->reduction, y->dtype, y->data, at, updates->data, i, 1);
        kernel_next(y->rank, indices->dims, index);
    }
    return NULL;
}
