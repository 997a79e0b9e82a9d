/* transpose: y's axis i is x's axis perm[i]; no perm reverses the axes. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_transpose(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "transpose", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_perm *attrs = call->attrs;
    KERNEL_REQUIRE(x->rank == y->rank && x->dtype == y->dtype && (!attrs->perm.n || attrs->perm.n == x->rank),
                   "transpose: operand of rank %d, result of rank %d, permutation of %lld", x->rank, y->rank,
                   (long long)attrs->perm.n);
    bool used[INGOT_MAX_RANK];
    INGOT_TRY(ingot_kernel_axes("transpose", &attrs->perm, x->rank, used));
    int64_t strides[INGOT_MAX_RANK];
    kernel_view to = {0}, from = {0};
    kernel_strides(x->rank, x->dims, strides);
    kernel_strides(y->rank, y->dims, to.strides);
    for (int32_t i = 0; i < x->rank; i++) {
        int32_t axis = x->rank - 1 - i;
        if (attrs->perm.n)
            INGOT_TRY(ingot_kernel_axis("transpose", attrs->perm.v[i], x->rank, &axis));
        KERNEL_REQUIRE(x->dims[axis] == y->dims[i], "transpose: axis %d has size %lld, not %lld", i,
                       (long long)y->dims[i], (long long)x->dims[axis]);
        from.strides[i] = strides[axis];
    }
    ingot_kernel_copy_strided(x->dtype, y->rank, y->dims, y->data, &to, x->data, &from);
    return NULL;
}
