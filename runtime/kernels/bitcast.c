/* bitcast: the same bits as another type; both have as many bits. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_bitcast(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "bitcast", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(kernel_same_dims(x, y) && ingot_dtype_bits(x->dtype) == ingot_dtype_bits(y->dtype) &&
                       x->dtype != INGOT_STRING && y->dtype != INGOT_STRING,
                   "bitcast: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    memcpy(y->data, x->data, (size_t)ingot_dtype_bytes(x->dtype, ingot_tensor_count(x)));
    return NULL;
}
