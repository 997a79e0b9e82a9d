/* range: start, start + delta, ... */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_range(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "range", 2, 1));
    const ingot_tensor *start = &call->in[0], *delta = &call->in[1], *y = &call->out[0];
    KERNEL_REQUIRE(start->dtype == y->dtype && delta->dtype == y->dtype && ingot_tensor_count(start) == 1 &&
                       ingot_tensor_count(delta) == 1 &&
                       (ingot_dtype_is_float(y->dtype) || ingot_dtype_is_integer(y->dtype)),
                   "range: start of %s, delta of %s", ingot_dtype_name(start->dtype), ingot_dtype_name(delta->dtype));
    int64_t count = ingot_tensor_count(y);
    if (ingot_dtype_is_float(y->dtype)) {
        double first = ingot_load_f64(start->data, y->dtype, 0), step = ingot_load_f64(delta->data, y->dtype, 0);
        for (int64_t i = 0; i < count; i++)
            ingot_store_f64(y->data, y->dtype, i, first + (double)i * step);
        return NULL;
    }
    uint64_t first = (uint64_t)ingot_load_i64(start->data, y->dtype, 0),
             step = (uint64_t)ingot_load_i64(delta->data, y->dtype, 0);
    for (int64_t i = 0; i < count; i++)
        ingot_store_i64(y->data, y->dtype, i, (int64_t)(first + (uint64_t)i * step));
    return NULL;
}
