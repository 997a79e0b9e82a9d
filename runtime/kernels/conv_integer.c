/* conv_integer: integers of up to 16 bits less their zero points, i32 result; the padding is the zero point. Sums are
 * exact in double. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_conv_integer(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "conv_integer", 2, 1));
    for (int32_t i = 0; i < call->n_in; i++)
        KERNEL_REQUIRE(!kernel_has_in(call, i) ||
                           (ingot_dtype_is_integer(call->in[i].dtype) && ingot_dtype_bits(call->in[i].dtype) <= 16),
                       "conv_integer: operand %d is %s", i, ingot_dtype_name(call->in[i].dtype));
    KERNEL_REQUIRE(call->out[0].dtype == INGOT_I32, "conv_integer: the result is %s",
                   ingot_dtype_name(call->out[0].dtype));
    const ingot_tensor *x_zero = kernel_has_in(call, 2) ? &call->in[2] : NULL,
                       *w_zero = kernel_has_in(call, 3) ? &call->in[3] : NULL;
    KERNEL_REQUIRE(!x_zero || ingot_tensor_count(x_zero) == 1, "conv_integer: more than one zero point for x");
    return ingot_kernel_conv(call, "conv_integer", x_zero, w_zero);
}
