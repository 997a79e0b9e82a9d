/* gather_elements: y[i][j][k] = x[index[i][j][k]][j][k] for axis 0, and so on. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_gather_elements(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "gather_elements", 2, 1));
    const ingot_tensor *x = &call->in[0], *indices = &call->in[1], *y = &call->out[0];
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("gather_elements", ((const ingot_attrs_axis *)call->attrs)->axis, x->rank, &axis));
    KERNEL_REQUIRE(kernel_is_index(indices->dtype) && kernel_same_dims(indices, y) && x->rank == y->rank &&
                       x->dtype == y->dtype,
                   "gather_elements: indices of %s and rank %d, data of rank %d", ingot_dtype_name(indices->dtype),
                   indices->rank, x->rank);
    int64_t count = ingot_tensor_count(y), size = x->dims[axis], strides[INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0};
    for (int32_t d = 0; d < x->rank; d++)
        KERNEL_REQUIRE(!count || d == axis || y->dims[d] <= x->dims[d],
                       "gather_elements: axis %d of the indices has size %lld, of the data %lld", d,
                       (long long)y->dims[d], (long long)x->dims[d]);
    kernel_strides(x->rank, x->dims, strides);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = ingot_load_i64(indices->data, indices->dtype, i);
        KERNEL_REQUIRE(at >= -size && at < size, "gather_elements: index %lld is outside [-%lld, %lld)", (long long)at,
                       (long long)size, (long long)size);
        at = kernel_offset(x->rank, index, strides) + ((at < 0 ? at + size : at) - index[axis]) * strides[axis];
        ingot_copy_element(y->data, i, x->data, at, x->dtype);
        kernel_next(x->rank, y->dims, index);
    }
    return NULL;
}
