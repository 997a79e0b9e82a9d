/* dynamic_quantize: u8 with the scale and zero point that just cover x and 0. Every step in f32, as ONNX defines it. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_dynamic_quantize(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "dynamic_quantize", 1, 3));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0], *scale_out = &call->out[1], *zero_out = &call->out[2];
    KERNEL_REQUIRE(x->dtype == INGOT_F32 && y->dtype == INGOT_U8 && kernel_same_dims(x, y) &&
                       scale_out->dtype == INGOT_F32 && zero_out->dtype == INGOT_U8 &&
                       ingot_tensor_count(scale_out) == 1 && ingot_tensor_count(zero_out) == 1,
                   "dynamic_quantize: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    int64_t count = ingot_tensor_count(x);
    float low = 0, high = 0;
    for (int64_t i = 0; i < count; i++) {
        float v = kernel_f32(x->data, i);
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    float scale = low == high ? 1.0f / 255.0f : (high - low) / 255.0f;
    if (low == high)
        scale = 1.0f / 255.0f;
    float zero = 0.0f - low / scale;
    zero = nearbyintf(zero < 0 ? 0 : zero > 255 ? 255 : zero);
    if (isnan(zero))
        zero = 0;
    for (int64_t i = 0; i < count; i++) {
        float q = nearbyintf(kernel_f32(x->data, i) / scale) + zero;
        ((uint8_t *)y->data)[i] = (uint8_t)(q >= 255 ? 255 : q > 0 ? q : 0);
    }
    memcpy(scale_out->data, &scale, sizeof scale);
    *(uint8_t *)zero_out->data = (uint8_t)zero;
    return NULL;
}
