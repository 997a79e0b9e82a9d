/* distances: squares of the distances between the rows of x [N, F] and those of y [S, F]. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_distances(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "distances", 2, 1));
    const ingot_tensor *a = &call->in[0], *b = &call->in[1], *y = &call->out[0];
    KERNEL_REQUIRE(a->rank == 2 && b->rank == 2 && y->rank == 2 && a->dims[1] == b->dims[1] &&
                       y->dims[0] == a->dims[0] && y->dims[1] == b->dims[0] && a->dtype == b->dtype &&
                       a->dtype == y->dtype && ingot_dtype_is_float(a->dtype),
                   "distances: %s of rank %d and %s of rank %d", ingot_dtype_name(a->dtype), a->rank,
                   ingot_dtype_name(b->dtype), b->rank);
    int64_t width = a->dims[1];
    for (int64_t i = 0; i < y->dims[0] * y->dims[1]; i++) {
        int64_t row = i / y->dims[1], column = i % y->dims[1];
        double sum = 0, u[KERNEL_BLOCK], v[KERNEL_BLOCK];
        for (int64_t k = 0; k < width; k += KERNEL_BLOCK) {
            int64_t n = width - k < KERNEL_BLOCK ? width - k : KERNEL_BLOCK;
            ingot_kernel_load_f64(u, a->data, a->dtype, row * width + k, 1, n);
            ingot_kernel_load_f64(v, b->data, b->dtype, column * width + k, 1, n);
            for (int64_t j = 0; j < n; j++)
                sum += (u[j] - v[j]) * (u[j] - v[j]);
        }
        ingot_store_f64(y->data, y->dtype, i, sum);
    }
    return NULL;
}
