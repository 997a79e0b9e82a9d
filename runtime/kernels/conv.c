/* conv: x [N, C, ...], w [O, C / groups, ...]; the result has no bias (an add or an epilogue brings it). conv_bf16: w
 * of bf16, x of bf16 or f32, the result f32. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_conv(const ingot_call *call)
{
    if (call->n_in >= 2 && call->n_out >= 1)
        KERNEL_REQUIRE(
            ingot_dtype_is_float(call->in[0].dtype) && kernel_product_types(&call->in[0], &call->in[1], &call->out[0]),
            "conv: %s with weights of %s", ingot_dtype_name(call->in[0].dtype), ingot_dtype_name(call->in[1].dtype));
    return ingot_kernel_conv(call, "conv", NULL, NULL);
}
