/* avg_pool: the mean of each window; the pads count on request, what ceil_mode adds beyond them never does. */
#include "runtime/kernels/pool.h"

ingot_status ingot_portable_avg_pool(const ingot_call *call)
{
    const ingot_attrs_pool *attrs = call->attrs;
    kernel_window w;
    INGOT_TRY(
        kernel_pool_window(call, "avg_pool", &attrs->kernel, &attrs->strides, &attrs->pads, &attrs->dilations, &w));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(ingot_dtype_is_float(x->dtype), "avg_pool: %s", ingot_dtype_name(x->dtype));
    if (!ingot_tensor_count(y))
        return NULL;
    int64_t at_y = 0, position[INGOT_MAX_RANK] = {0};
    for (int64_t p = 0; p < x->dims[0] * x->dims[1]; p++) {
        do {
            kernel_taps t;
            kernel_find_taps(&w, position, &t);
            int64_t index[INGOT_MAX_RANK] = {0}, base = p * w.in_count;
            double sum = 0;
            for (bool more = t.inside > 0; more; more = kernel_next(w.rank, t.count, index)) {
                int64_t at = base + kernel_tap_at(&w, &t, index);
                sum += x->dtype == INGOT_F32 ? (double)kernel_f32(x->data, at) : ingot_load_f64(x->data, x->dtype, at);
            }
            sum /= (double)(attrs->count_include_pad ? t.padded : t.inside);
            ingot_kernel_store_f64(y->data, y->dtype, at_y++, 1, &sum, 1);
        } while (kernel_next(w.rank, w.out, position));
    }
    return NULL;
}
