/* nonzero: the indices of elements that are not zero, [rank, count], in row-major order. */
#include "runtime/kernels/kernels.h"

static bool is_zero(const ingot_tensor *x, int64_t i)
{
    return ingot_dtype_is_float(x->dtype) ? ingot_load_f64(x->data, x->dtype, i) == 0
                                          : ingot_load_i64(x->data, x->dtype, i) == 0;
}

ingot_status ingot_portable_nonzero(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "nonzero", 1, 1));
    const ingot_tensor *x = &call->in[0];
    ingot_tensor *y = &call->out[0];
    KERNEL_REQUIRE(y->rank == 2 && y->dtype == INGOT_I64 && (y->dims[0] == x->rank || (!x->rank && y->dims[0] == 1)),
                   "nonzero: the result has %lld rows for rank %d", (long long)y->dims[0], x->rank);
    int64_t count = ingot_tensor_count(x), found = 0, at = 0, index[INGOT_MAX_RANK] = {0};
    for (int64_t i = 0; i < count; i++)
        found += !is_zero(x, i);
    KERNEL_REQUIRE(found <= y->dims[1], "nonzero: %lld elements, room for %lld", (long long)found,
                   (long long)y->dims[1]);
    y->dims[1] = found;
    for (int64_t i = 0; i < count; i++) {
        if (!is_zero(x, i)) {
            for (int64_t d = 0; d < y->dims[0]; d++)
                ingot_store_i64(y->data, INGOT_I64, d * found + at, index[d]);
            at++;
        }
        kernel_next(x->rank, x->dims, index);
    }
    return NULL;
}
