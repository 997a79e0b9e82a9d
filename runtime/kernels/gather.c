/* gather: whole slices of x along an axis, chosen by index. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_gather(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "gather", 2, 1));
    const ingot_tensor *x = &call->in[0], *indices = &call->in[1], *y = &call->out[0];
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("gather", ((const ingot_attrs_axis *)call->attrs)->axis, x->rank, &axis));
    KERNEL_REQUIRE(kernel_is_index(indices->dtype), "gather: indices are %s", ingot_dtype_name(indices->dtype));
    int64_t outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank),
            size = x->dims[axis];
    int64_t n = ingot_tensor_count(indices), total = 0;
    KERNEL_REQUIRE(
        x->dtype == y->dtype && !__builtin_mul_overflow(outer * inner, n, &total) && total == ingot_tensor_count(y),
        "gather: the result has %lld elements, not %lld", (long long)ingot_tensor_count(y), (long long)total);
    for (int64_t i = 0; i < n; i++) {
        int64_t index = ingot_load_i64(indices->data, indices->dtype, i);
        KERNEL_REQUIRE(index >= -size && index < size, "gather: index %lld is outside [-%lld, %lld)", (long long)index,
                       (long long)size, (long long)size);
        if (index < 0)
            index += size;
        for (int64_t o = 0; o < outer; o++)
            ingot_kernel_copy_run(y->data, (o * n + i) * inner, x->data, (o * size + index) * inner, inner, x->dtype);
    }
    return NULL;
}
