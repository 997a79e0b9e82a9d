/* copy: reshape and identity, the same elements in the same order. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_copy(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "copy", 1, 1));
    int64_t count = ingot_tensor_count(&call->out[0]);
    KERNEL_REQUIRE(count == ingot_tensor_count(&call->in[0]) && call->in[0].dtype == call->out[0].dtype,
                   "copy: %lld elements of %s to %lld of %s", (long long)ingot_tensor_count(&call->in[0]),
                   ingot_dtype_name(call->in[0].dtype), (long long)count, ingot_dtype_name(call->out[0].dtype));
    int64_t bytes = ingot_dtype_bytes(call->out[0].dtype, count);
    if (bytes > 0)
        memmove(call->out[0].data, call->in[0].data, (size_t)bytes);
    return NULL;
}
