/* batch_norm for inference: x [N, C, ...], scale, bias, mean and variance [C]. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_batch_norm(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "batch_norm", 5, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(x->rank >= 1 && kernel_same_dims(x, y) && ingot_dtype_is_float(x->dtype) &&
                       ingot_dtype_is_float(y->dtype),
                   "batch_norm: %s of rank %d", ingot_dtype_name(x->dtype), x->rank);
    int64_t channels = x->rank > 1 ? x->dims[1] : 1, plane = kernel_product(x->dims, 2, x->rank);
    double epsilon = ((const ingot_attrs_norm *)call->attrs)->epsilon, v[KERNEL_BLOCK];
    for (int32_t i = 1; i < 5; i++)
        KERNEL_REQUIRE(ingot_tensor_count(&call->in[i]) == channels && ingot_dtype_is_float(call->in[i].dtype),
                       "batch_norm: operand %d has %lld elements for %lld channels", i,
                       (long long)ingot_tensor_count(&call->in[i]), (long long)channels);
    for (int64_t p = 0; p < x->dims[0] * channels; p++) {
        double params[4]; /* scale, bias, mean, variance */
        for (int32_t i = 0; i < 4; i++)
            params[i] = ingot_load_f64(call->in[1 + i].data, call->in[1 + i].dtype, p % channels);
        double factor = params[0] / sqrt(params[3] + epsilon);
        for (int64_t l = 0; l < plane; l += KERNEL_BLOCK) {
            int64_t n = plane - l < KERNEL_BLOCK ? plane - l : KERNEL_BLOCK;
            ingot_kernel_load_f64(v, x->data, x->dtype, p * plane + l, 1, n);
            for (int64_t j = 0; j < n; j++)
                v[j] = (v[j] - params[2]) * factor + params[1];
            ingot_kernel_store_f64(y->data, y->dtype, p * plane + l, 1, v, n);
        }
    }
    return NULL;
}
