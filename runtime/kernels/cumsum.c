/* cumsum: running sums (or products) along an axis, from either end, with or without the element itself. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_cumsum(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "cumsum", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_cumsum *attrs = call->attrs;
    int32_t axis = 0;
    int64_t given = attrs->axis;
    if (kernel_has_in(call, 1)) {
        KERNEL_REQUIRE(ingot_tensor_count(&call->in[1]) == 1 && kernel_is_index(call->in[1].dtype),
                       "cumsum: an axis of %s", ingot_dtype_name(call->in[1].dtype));
        given = ingot_load_i64(call->in[1].data, call->in[1].dtype, 0);
    }
    INGOT_TRY(ingot_kernel_axis("cumsum", given, x->rank, &axis));
    bool is_float = ingot_dtype_is_float(x->dtype);
    KERNEL_REQUIRE(kernel_same_dims(x, y) && x->dtype == y->dtype && (is_float || ingot_dtype_is_integer(x->dtype)),
                   "cumsum: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    int64_t outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank),
            size = x->dims[axis];
    for (int64_t lane = 0; lane < outer * inner; lane++) {
        double sum = attrs->product ? 1 : 0;
        uint64_t whole = attrs->product ? 1 : 0;
        for (int64_t l = 0; l < size; l++) {
            int64_t at = (lane / inner * size + (attrs->reverse ? size - 1 - l : l)) * inner + lane % inner;
            double v = is_float ? ingot_load_f64(x->data, x->dtype, at) : 0;
            uint64_t w = is_float ? 0 : (uint64_t)ingot_load_i64(x->data, x->dtype, at);
            double next = attrs->product ? sum * v : sum + v;
            uint64_t whole_next = attrs->product ? whole * w : whole + w;
            if (is_float)
                ingot_store_f64(y->data, y->dtype, at, attrs->exclusive ? sum : next);
            else
                ingot_store_i64(y->data, y->dtype, at, (int64_t)(attrs->exclusive ? whole : whole_next));
            sum = next;
            whole = whole_next;
        }
    }
    return NULL;
}
