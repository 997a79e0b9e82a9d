/* det: determinants by elimination with row pivots, in double. */
#include "runtime/kernels/kernels.h"

static double determinant(double *a, int64_t n)
{
    double product = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t best = k;
        for (int64_t i = k + 1; i < n; i++)
            best = fabs(a[i * n + k]) > fabs(a[best * n + k]) ? i : best;
        if (a[best * n + k] == 0)
            return 0;
        for (int64_t j = k; best != k && j < n; j++) {
            double t = a[k * n + j];
            a[k * n + j] = a[best * n + j];
            a[best * n + j] = t;
        }
        product *= best != k ? -a[k * n + k] : a[k * n + k];
        for (int64_t i = k + 1; i < n; i++) {
            double factor = a[i * n + k] / a[k * n + k];
            for (int64_t j = k + 1; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
        }
    }
    return product;
}

ingot_status ingot_portable_det(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "det", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    int64_t n = x->rank >= 2 ? x->dims[x->rank - 1] : 0, count = ingot_tensor_count(y);
    KERNEL_REQUIRE(x->rank >= 2 && x->dims[x->rank - 2] == n && y->rank == x->rank - 2 &&
                       !memcmp(x->dims, y->dims, (size_t)y->rank * sizeof x->dims[0]) && x->dtype == y->dtype &&
                       ingot_dtype_is_float(x->dtype),
                   "det: %s of rank %d to rank %d, expected square matrices of floats", ingot_dtype_name(x->dtype),
                   x->rank, y->rank);
    for (int64_t i = 0; i < count; i++) {
        ingot_kernel_load_f64(call->scratch, x->data, x->dtype, i * n * n, 1, n * n);
        ingot_store_f64(y->data, y->dtype, i, determinant(call->scratch, n));
    }
    return NULL;
}
