/* tri: the upper or lower triangle of every matrix, zero elsewhere; k moves the diagonal to the right. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_tri(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "tri", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(x->rank >= 2 && kernel_same_dims(x, y) && x->dtype == y->dtype && x->dtype != INGOT_STRING,
                   "tri: operand of rank %d", x->rank);
    int64_t k = 0, rows = x->dims[x->rank - 2], cols = x->dims[x->rank - 1],
            matrices = kernel_product(x->dims, 0, x->rank - 2);
    if (kernel_has_in(call, 1)) {
        KERNEL_REQUIRE(kernel_is_index(call->in[1].dtype) && ingot_tensor_count(&call->in[1]) == 1,
                       "tri: k must be one integer");
        k = ingot_load_i64(call->in[1].data, call->in[1].dtype, 0);
    }
    /* Beyond the matrix all diagonals are alike. */
    k = k < -rows ? -rows : k > cols ? cols : k;
    bool upper = ((const ingot_attrs_tri *)call->attrs)->upper != 0;
    const uint64_t zero[2] = {0, 0};
    for (int64_t i = 0; i < matrices * rows; i++) {
        int64_t edge = i % rows + k + (upper ? 0 : 1); /* first column of the upper part, or past the lower part */
        edge = edge < 0 ? 0 : edge > cols ? cols : edge;
        int64_t kept = upper ? edge : 0, n_kept = upper ? cols - edge : edge, cleared = upper ? 0 : edge;
        ingot_kernel_copy_run(y->data, i * cols + kept, x->data, i * cols + kept, n_kept, x->dtype);
        ingot_kernel_fill(y->data, i * cols + cleared, zero, 0, cols - n_kept, x->dtype);
    }
    return NULL;
}
