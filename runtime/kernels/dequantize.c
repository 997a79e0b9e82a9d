/* dequantize: (x - zero point) * scale. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_dequantize(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "dequantize", 2, 1));
    const ingot_tensor *x = &call->in[0], *scale = &call->in[1], *zero = kernel_has_in(call, 2) ? &call->in[2] : NULL,
                       *y = &call->out[0];
    KERNEL_REQUIRE(kernel_same_dims(x, y) && ingot_dtype_is_float(y->dtype) && (!zero || zero->dtype == x->dtype) &&
                       ingot_dtype_is_float(scale->dtype),
                   "dequantize: %s to %s with zero points of %s", ingot_dtype_name(x->dtype),
                   ingot_dtype_name(y->dtype), ingot_dtype_name(zero ? zero->dtype : x->dtype));
    kernel_scales s;
    INGOT_TRY(ingot_kernel_scales("dequantize", x, scale, zero, call->attrs, &s));
    int64_t at = 0;
    int64_t known = -1; /* entry that `factor` and `shift` are of */
    double v[KERNEL_BLOCK], factor = 1, shift = 0;
    for (int64_t o = 0; o < s.outer; o++) {
        for (int64_t a = 0; a < s.size * s.inner; a += KERNEL_BLOCK) {
            int64_t n = s.size * s.inner - a < KERNEL_BLOCK ? s.size * s.inner - a : KERNEL_BLOCK;
            ingot_kernel_load_f64(v, x->data, x->dtype, at, 1, n);
            for (int64_t j = 0; j < n; j++) {
                int64_t entry = s.block ? kernel_scale_index(&s, o, (a + j) / s.inner, (a + j) % s.inner) : 0;
                if (entry != known) {
                    known = entry;
                    factor = ingot_load_f64(scale->data, scale->dtype, entry);
                    shift = zero ? ingot_load_f64(zero->data, zero->dtype, entry) : 0;
                }
                v[j] = (v[j] - shift) * factor;
            }
            ingot_kernel_store_f64(y->data, y->dtype, at, 1, v, n);
            at += n;
        }
    }
    return NULL;
}
