/* scatter_nd: a copy of x with slices, chosen by index tuples, replaced or reduced. */
#include "runtime/kernels/scatter.h"

ingot_status ingot_portable_scatter_nd(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_scatter_start(call, "scatter_nd"));
    const ingot_tensor *indices = &call->in[1], *updates = &call->in[2], *y = &call->out[0];
    KERNEL_REQUIRE(indices->rank >= 1 && indices->dims[indices->rank - 1] <= y->rank,
                   "scatter_nd: index tuples do not fit rank %d", y->rank);
    int32_t depth = (int32_t)indices->dims[indices->rank - 1];
    int64_t tuples = kernel_product(indices->dims, 0, indices->rank - 1),
            inner = kernel_product(y->dims, depth, y->rank), total = 0;
    KERNEL_REQUIRE(!__builtin_mul_overflow(tuples, inner, &total) && total == ingot_tensor_count(updates),
                   "scatter_nd: %lld elements of updates, expected %lld", (long long)ingot_tensor_count(updates),
                   (long long)total);
    int64_t strides[INGOT_MAX_RANK];
    kernel_strides(y->rank, y->dims, strides);
    for (int64_t t = 0; t < tuples; t++) {
        int64_t at = 0;
        for (int32_t d = 0; d < depth; d++) {
            int64_t i = ingot_load_i64(indices->data, indices->dtype, t * depth + d), size = y->dims[d];
            KERNEL_REQUIRE(i >= -size && i < size, "scatter_nd: index %lld is outside [-%lld, %lld)", (long long)i,
                           (long long)size, (long long)size);
            at += (i < 0 ? i + size : i) * strides[d];
        }
        ingot_kernel_scatter(((const ingot_attrs_scatter *)call->attrs)->reduction, y->dtype, y->data, at,
                             updates->data, t * inner, inner);
    }
    return NULL;
}
