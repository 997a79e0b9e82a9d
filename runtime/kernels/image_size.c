/* image_size: height and width of the picture that bytes hold. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_image_size(const ingot_call *call)
{
    kernel_image m = {0};
    INGOT_TRY(ingot_kernel_check(call, "image_size", 1, 1));
    const ingot_tensor *y = &call->out[0];
    KERNEL_REQUIRE(y->dtype == INGOT_I64 && ingot_tensor_count(y) == 2, "image_size: two sizes of %s",
                   ingot_dtype_name(y->dtype));
    INGOT_TRY(ingot_kernel_image_open(&call->in[0], &m));
    ingot_store_i64(y->data, y->dtype, 0, m.height);
    ingot_store_i64(y->data, y->dtype, 1, m.width);
    return NULL;
}
