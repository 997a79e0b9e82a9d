/* group_norm: x [N, C, ...], mean 0 and variance 1 over each group of channels, then scale [C] and bias [C]. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_group_norm(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "group_norm", 3, 1));
    const ingot_tensor *x = &call->in[0], *scale = &call->in[1], *bias = &call->in[2], *y = &call->out[0];
    const ingot_attrs_group_norm *attrs = call->attrs;
    KERNEL_REQUIRE(x->rank >= 2 && kernel_same_dims(x, y) && ingot_dtype_is_float(x->dtype) &&
                       ingot_dtype_is_float(y->dtype),
                   "group_norm: %s of rank %d", ingot_dtype_name(x->dtype), x->rank);
    int64_t channels = x->dims[1], groups = attrs->groups, plane = kernel_product(x->dims, 2, x->rank);
    KERNEL_REQUIRE(groups > 0 && channels % groups == 0 && ingot_tensor_count(scale) == channels &&
                       ingot_tensor_count(bias) == channels,
                   "group_norm: %lld channels, %lld groups, %lld scales", (long long)channels, (long long)groups,
                   (long long)ingot_tensor_count(scale));
    int64_t per_group = channels / groups, size = per_group * plane;
    double v[KERNEL_BLOCK];
    for (int64_t g = 0; g < x->dims[0] * groups; g++) {
        double mean = 0, variance = 0, factor = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t l = 0; l < size; l += KERNEL_BLOCK) {
                int64_t n = size - l < KERNEL_BLOCK ? size - l : KERNEL_BLOCK;
                ingot_kernel_load_f64(v, x->data, x->dtype, g * size + l, 1, n);
                for (int64_t j = 0; j < n; j++) {
                    if (pass)
                        variance += (v[j] - mean) * (v[j] - mean);
                    else
                        mean += v[j];
                }
            }
            if (!pass)
                mean /= (double)size;
        }
        factor = 1 / sqrt(variance / (double)size + attrs->epsilon);
        for (int64_t c = 0; c < per_group; c++) {
            int64_t channel = g % groups * per_group + c, at = g * size + c * plane;
            double a = factor * ingot_load_f64(scale->data, scale->dtype, channel),
                   b = ingot_load_f64(bias->data, bias->dtype, channel);
            for (int64_t l = 0; l < plane; l += KERNEL_BLOCK) {
                int64_t n = plane - l < KERNEL_BLOCK ? plane - l : KERNEL_BLOCK;
                ingot_kernel_load_f64(v, x->data, x->dtype, at + l, 1, n);
                for (int64_t j = 0; j < n; j++)
                    v[j] = (v[j] - mean) * a + b;
                ingot_kernel_store_f64(y->data, y->dtype, at + l, 1, v, n);
            }
        }
    }
    return NULL;
}
