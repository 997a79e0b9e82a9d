/* quantize: round(x / scale) + zero point, saturated. The quotient is rounded to the scale's type first, as ONNX
 * divides in it. */
#include "runtime/kernels/kernels.h"

static double round_to(ingot_dtype dtype, double v)
{
    if (dtype == INGOT_F32)
        return (double)(float)v;
    if (dtype != INGOT_F16 && dtype != INGOT_BF16)
        return v;
    uint64_t room = 0;
    ingot_store_f64(&room, dtype, 0, v);
    return ingot_load_f64(&room, dtype, 0);
}

ingot_status ingot_portable_quantize(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "quantize", 2, 1));
    const ingot_tensor *x = &call->in[0], *scale = &call->in[1], *zero = kernel_has_in(call, 2) ? &call->in[2] : NULL,
                       *y = &call->out[0];
    const ingot_attrs_quantize *attrs = call->attrs;
    bool to_float = ingot_dtype_is_float(y->dtype);
    KERNEL_REQUIRE(kernel_same_dims(x, y) && (to_float || ingot_dtype_is_integer(y->dtype)) &&
                       ingot_dtype_bits(y->dtype) <= 16 && (!zero || zero->dtype == y->dtype) &&
                       ingot_dtype_is_float(scale->dtype),
                   "quantize: %s to %s with zero points of %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype),
                   ingot_dtype_name(zero ? zero->dtype : y->dtype));
    kernel_scales s;
    INGOT_TRY(ingot_kernel_scales("quantize", x, scale, zero, attrs, &s));
    int bits = ingot_dtype_bits(y->dtype);
    bool is_signed = ingot_dtype_is_signed(y->dtype);
    double low = is_signed ? -ldexp(1, bits - 1) : 0, high = is_signed ? ldexp(1, bits - 1) - 1 : ldexp(1, bits) - 1;
    ingot_dtype divides = scale->dtype == INGOT_F8E8M0 ? x->dtype : scale->dtype;
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
                double q = round_to(divides, v[j] / factor);
                if (to_float) {
                    q += shift;
                    v[j] = attrs->saturate ? q : ingot_kernel_overflow(y->dtype, q);
                    if (attrs->saturate)
                        ingot_store_f64(y->data, y->dtype, at + j, q);
                    else
                        ingot_kernel_store_f64(y->data, y->dtype, at + j, 1, &v[j], 1);
                    continue;
                }
                q = nearbyint(q) + shift;
                ingot_store_i64(y->data, y->dtype, at + j,
                                isnan(q) ? 0
                                         : (int64_t)(q < low    ? low
                                                     : q > high ? high
                                                                : q));
            }
            at += n;
        }
    }
    return NULL;
}
