/* gather_nd: slices of x chosen by index tuples, the last axis of the indices. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_gather_nd(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "gather_nd", 2, 1));
    const ingot_tensor *x = &call->in[0], *indices = &call->in[1], *y = &call->out[0];
    int64_t batch_dims = ((const ingot_attrs_gather_nd *)call->attrs)->batch_dims;
    KERNEL_REQUIRE(kernel_is_index(indices->dtype) && indices->rank >= 1 && x->dtype == y->dtype && batch_dims >= 0 &&
                       batch_dims < indices->rank && batch_dims <= x->rank,
                   "gather_nd: indices of %s and rank %d, batch_dims %lld", ingot_dtype_name(indices->dtype),
                   indices->rank, (long long)batch_dims);
    int64_t depth = indices->dims[indices->rank - 1];
    KERNEL_REQUIRE(depth <= x->rank - batch_dims, "gather_nd: index tuples of %lld for rank %d", (long long)depth,
                   x->rank);
    for (int32_t d = 0; d < batch_dims; d++)
        KERNEL_REQUIRE(x->dims[d] == indices->dims[d], "gather_nd: batch axis %d differs", d);
    int32_t b = (int32_t)batch_dims, first = (int32_t)(batch_dims + depth);
    int64_t tuples = kernel_product(indices->dims, 0, indices->rank - 1), batches = kernel_product(x->dims, 0, b);
    int64_t inner = kernel_product(x->dims, first, x->rank), total = 0, strides[INGOT_MAX_RANK];
    KERNEL_REQUIRE(!__builtin_mul_overflow(tuples, inner, &total) && total == ingot_tensor_count(y),
                   "gather_nd: the result has %lld elements, not %lld", (long long)ingot_tensor_count(y),
                   (long long)total);
    kernel_strides(x->rank, x->dims, strides);
    int64_t per_batch = batches ? tuples / batches : 0, slice = kernel_product(x->dims, b, x->rank);
    for (int64_t t = 0; t < tuples; t++) {
        int64_t at = t / per_batch * slice;
        for (int32_t d = 0; d < depth; d++) {
            int64_t i = ingot_load_i64(indices->data, indices->dtype, t * depth + d), size = x->dims[b + d];
            KERNEL_REQUIRE(i >= -size && i < size, "gather_nd: index %lld is outside [-%lld, %lld)", (long long)i,
                           (long long)size, (long long)size);
            at += (i < 0 ? i + size : i) * strides[b + d];
        }
        ingot_kernel_copy_run(y->data, t * inner, x->data, at, inner, x->dtype);
    }
    return NULL;
}
