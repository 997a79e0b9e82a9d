/* conv: x [N, C, ...], w [O, C / groups, ...]; the result has no bias (an add or an epilogue brings it). */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_conv(const ingot_call *call)
{
    if (call->n_in >= 2 && call->n_out >= 1)
        KERNEL_REQUIRE(ingot_dtype_is_float(call->in[0].dtype) && call->in[0].dtype == call->in[1].dtype &&
                           call->in[0].dtype == call->out[0].dtype,
                       "conv: %s with weights of %s", ingot_dtype_name(call->in[0].dtype),
                       ingot_dtype_name(call->in[1].dtype));
    return ingot_kernel_conv(call, "conv", NULL, NULL);
}
