/* compress: the slices along an axis (or the elements, without one) for which a condition holds. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_compress(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "compress", 2, 1));
    const ingot_tensor *x = &call->in[0], *condition = &call->in[1];
    ingot_tensor *y = &call->out[0];
    const ingot_ints *axes = &((const ingot_attrs_axes *)call->attrs)->axes;
    int64_t outer = 1, size = ingot_tensor_count(x), inner = 1, kept = 0, at = 0;
    int32_t axis = 0;
    KERNEL_REQUIRE(axes->n <= 1 && condition->dtype == INGOT_BOOL && y->dtype == x->dtype &&
                       y->rank == (axes->n ? x->rank : 1),
                   "compress: the condition is %s, the result of rank %d", ingot_dtype_name(condition->dtype), y->rank);
    if (axes->n) {
        INGOT_TRY(ingot_kernel_axis("compress", axes->v[0], x->rank, &axis));
        outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank),
        size = x->dims[axis];
    }
    int64_t n = ingot_tensor_count(condition) < size ? ingot_tensor_count(condition)
                                                     : size; /* what lies past either end is dropped */
    const uint8_t *flags = condition->data;
    for (int64_t i = 0; i < n; i++)
        kept += flags[i] != 0;
    KERNEL_REQUIRE(ingot_tensor_count(y) >= outer * kept * inner, "compress: no room for %lld slices", (long long)kept);
    for (int32_t d = 0; d < y->rank; d++)
        y->dims[d] = d == axis ? kept : x->dims[d];
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < n; i++) {
            if (!flags[i])
                continue;
            ingot_kernel_copy_run(y->data, at, x->data, (o * size + i) * inner, inner, x->dtype);
            at += inner;
        }
    }
    return NULL;
}
