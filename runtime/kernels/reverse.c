/* reverse: the listed axes backwards. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_reverse(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "reverse", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    bool flags[INGOT_MAX_RANK];
    KERNEL_REQUIRE(kernel_same_dims(x, y) && x->dtype == y->dtype, "reverse: operand and result differ");
    INGOT_TRY(ingot_kernel_axes("reverse", &((const ingot_attrs_axes *)call->attrs)->axes, x->rank, flags));
    kernel_view to = {0}, from = {0};
    kernel_strides(x->rank, x->dims, from.strides);
    kernel_strides(x->rank, x->dims, to.strides);
    for (int32_t i = 0; i < x->rank; i++) {
        if (!flags[i])
            continue;
        from.at += (x->dims[i] - 1) * from.strides[i];
        from.strides[i] = -from.strides[i];
    }
    ingot_kernel_copy_strided(x->dtype, x->rank, x->dims, y->data, &to, x->data, &from);
    return NULL;
}
