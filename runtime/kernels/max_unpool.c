/* max_unpool: the elements of x at the places that indices give, zero elsewhere. Indices count in a tensor of the
 * sizes sym[0 .. rank), which is the first corner of the result. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_max_unpool(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "max_unpool", 2, 1));
    const ingot_tensor *x = &call->in[0], *indices = &call->in[1], *y = &call->out[0];
    int32_t rank = x->rank;
    KERNEL_REQUIRE(rank == y->rank && call->n_sym == 2 * rank && kernel_same_dims(x, indices) &&
                       kernel_is_index(indices->dtype) && x->dtype == y->dtype && x->dtype != INGOT_STRING,
                   "max_unpool: %s of rank %d, indices of %s, result of rank %d", ingot_dtype_name(x->dtype), rank,
                   ingot_dtype_name(indices->dtype), y->rank);
    int64_t all = 1, strides[INGOT_MAX_RANK];
    for (int32_t d = 0; d < rank; d++)
        KERNEL_REQUIRE(call->sym[d] >= 0 && !__builtin_mul_overflow(all, call->sym[d], &all),
                       "max_unpool: size %lld of axis %d", (long long)call->sym[d], d);
    kernel_strides(rank, y->dims, strides);
    memset(y->data, 0, (size_t)ingot_dtype_bytes(y->dtype, ingot_tensor_count(y)));
    for (int64_t i = 0; i < ingot_tensor_count(x); i++) {
        int64_t rest = ingot_load_i64(indices->data, indices->dtype, i), at = 0;
        KERNEL_REQUIRE(rest >= 0 && rest < all, "max_unpool: index %lld is outside 0..%lld", (long long)rest,
                       (long long)all - 1);
        for (int32_t d = rank - 1; d >= 0; d--) {
            int64_t place = rest % call->sym[d];
            KERNEL_REQUIRE(place < y->dims[d], "max_unpool: place %lld of axis %d is outside a result of size %lld",
                           (long long)place, d, (long long)y->dims[d]);
            at += place * strides[d];
            rest /= call->sym[d];
        }
        ingot_copy_element(y->data, at, x->data, i, x->dtype);
    }
    return NULL;
}
