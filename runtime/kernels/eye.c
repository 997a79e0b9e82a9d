/* eye: ones on the diagonal that sym[2] moves to the right, zero elsewhere. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_eye(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "eye", 0, 1));
    const ingot_tensor *y = &call->out[0];
    KERNEL_REQUIRE(y->rank == 2 && y->dtype != INGOT_STRING, "eye: the result is of rank %d", y->rank);
    int64_t k = call->n_sym >= 3 ? call->sym[2] : 0;
    const uint64_t zero[2] = {0, 0};
    ingot_kernel_fill(y->data, 0, zero, 0, ingot_tensor_count(y), y->dtype);
    for (int64_t i = 0; i < y->dims[0]; i++) {
        int64_t column = 0;
        if (!__builtin_add_overflow(i, k, &column) && column >= 0 && column < y->dims[1])
            ingot_store_f64(y->data, y->dtype, i * y->dims[1] + column, 1);
    }
    return NULL;
}
