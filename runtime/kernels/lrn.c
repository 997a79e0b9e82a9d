/* lrn: x over a power of the sum of squares of `size` neighbouring channels. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_lrn(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "lrn", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_lrn *attrs = call->attrs;
    KERNEL_REQUIRE(x->rank >= 2 && kernel_same_dims(x, y) && x->dtype == y->dtype && ingot_dtype_is_float(x->dtype),
                   "lrn: %s of rank %d", ingot_dtype_name(x->dtype), x->rank);
    KERNEL_REQUIRE(attrs->size >= 1 && attrs->size <= INT32_MAX, "lrn: size %lld", (long long)attrs->size);
    int64_t channels = x->dims[1], plane = kernel_product(x->dims, 2, x->rank);
    int64_t below = (attrs->size - 1) / 2, above = attrs->size - 1 - below;
    double v[KERNEL_BLOCK], sums[KERNEL_BLOCK];
    for (int64_t p = 0; p < x->dims[0] * channels; p++) {
        int64_t c = p % channels, first = c - below < 0 ? 0 : c - below,
                last = c + above >= channels ? channels - 1 : c + above;
        for (int64_t l = 0; l < plane; l += KERNEL_BLOCK) {
            int64_t n = plane - l < KERNEL_BLOCK ? plane - l : KERNEL_BLOCK;
            memset(sums, 0, sizeof sums);
            for (int64_t o = first; o <= last; o++) {
                ingot_kernel_load_f64(v, x->data, x->dtype, (p - c + o) * plane + l, 1, n);
                for (int64_t j = 0; j < n; j++)
                    sums[j] += v[j] * v[j];
            }
            ingot_kernel_load_f64(v, x->data, x->dtype, p * plane + l, 1, n);
            for (int64_t j = 0; j < n; j++)
                v[j] /= pow(attrs->bias + attrs->alpha / (double)attrs->size * sums[j], attrs->beta);
            ingot_kernel_store_f64(y->data, y->dtype, p * plane + l, 1, v, n);
        }
    }
    return NULL;
}
