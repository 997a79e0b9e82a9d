/* broadcast: repeats axes of size 1, and the whole along new leading axes. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_broadcast(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "broadcast", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(x->dtype == y->dtype, "broadcast: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    kernel_view to = {0}, from = {0};
    kernel_strides(y->rank, y->dims, to.strides);
    INGOT_TRY(ingot_kernel_broadcast("broadcast", x, y->rank, y->dims, from.strides));
    ingot_kernel_copy_strided(x->dtype, y->rank, y->dims, y->data, &to, x->data, &from);
    return NULL;
}
