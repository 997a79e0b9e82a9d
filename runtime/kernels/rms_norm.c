/* rms_norm: x over the root of its mean square over the axes from `axis` on, times scale. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_rms_norm(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "rms_norm", 2, 1));
    const ingot_tensor *x = &call->in[0], *scale = &call->in[1], *y = &call->out[0];
    const ingot_attrs_norm *attrs = call->attrs;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("rms_norm", attrs->axis, x->rank, &axis));
    KERNEL_REQUIRE(kernel_same_dims(x, y) && ingot_dtype_is_float(x->dtype) && ingot_dtype_is_float(y->dtype),
                   "rms_norm: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    int64_t rows = kernel_product(x->dims, 0, axis), size = kernel_product(x->dims, axis, x->rank);
    int64_t strides[INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0};
    INGOT_TRY(ingot_kernel_broadcast("rms_norm", scale, x->rank, x->dims, strides));
    for (int64_t row = 0; row < rows; row++) {
        double sum = 0;
        for (int64_t l = 0; l < size; l++) {
            double v = ingot_load_f64(x->data, x->dtype, row * size + l);
            sum += v * v;
        }
        double root = sqrt(sum / (double)size + attrs->epsilon);
        for (int64_t l = 0; l < size; l++) {
            double s = ingot_load_f64(scale->data, scale->dtype, kernel_offset(x->rank, index, strides));
            ingot_store_f64(y->data, y->dtype, row * size + l,
                            ingot_load_f64(x->data, x->dtype, row * size + l) / root * s);
            kernel_next(x->rank, x->dims, index);
        }
    }
    return NULL;
}
