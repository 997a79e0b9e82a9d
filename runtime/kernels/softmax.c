/* softmax and log-softmax along one axis. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_softmax(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "softmax", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_softmax *attrs = call->attrs;
    int32_t axis = 0;
    if (x->rank)
        INGOT_TRY(ingot_kernel_axis("softmax", attrs->axis, x->rank, &axis));
    KERNEL_REQUIRE(kernel_same_dims(x, y) && x->dtype == y->dtype && ingot_dtype_is_float(x->dtype),
                   "softmax: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    int64_t outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank);
    int64_t size = x->rank ? x->dims[axis] : 1;
    double v[KERNEL_BLOCK];
    for (int64_t lane = 0; lane < outer * inner; lane++) {
        int64_t base = lane / inner * size * inner + lane % inner;
        double peak = -INFINITY, sum = 0;
        for (int pass = 0; pass < 3; pass++) { /* the largest, the sum, the results */
            double log_sum = log(sum);
            for (int64_t l = 0; l < size; l += KERNEL_BLOCK) {
                int64_t n = size - l < KERNEL_BLOCK ? size - l : KERNEL_BLOCK;
                ingot_kernel_load_f64(v, x->data, x->dtype, base + l * inner, inner, n);
                for (int64_t j = 0; j < n && pass == 0; j++)
                    peak = isnan(peak) || peak > v[j] ? peak : v[j];
                for (int64_t j = 0; j < n && pass == 1; j++)
                    sum += exp(v[j] - peak);
                if (pass < 2)
                    continue;
                for (int64_t j = 0; j < n; j++)
                    v[j] = attrs->log ? v[j] - peak - log_sum : exp(v[j] - peak) / sum;
                ingot_kernel_store_f64(y->data, y->dtype, base + l * inner, inner, v, n);
            }
        }
    }
    return NULL;
}
