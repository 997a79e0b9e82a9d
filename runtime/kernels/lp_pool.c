/* lp_pool: the p-norm of each window. */
#include "runtime/kernels/pool.h"

ingot_status ingot_portable_lp_pool(const ingot_call *call)
{
    const ingot_attrs_lp_pool *attrs = call->attrs;
    kernel_window w;
    INGOT_TRY(
        kernel_pool_window(call, "lp_pool", &attrs->kernel, &attrs->strides, &attrs->pads, &attrs->dilations, &w));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(ingot_dtype_is_float(x->dtype) && attrs->p > 0, "lp_pool: %s, p %lld", ingot_dtype_name(x->dtype),
                   (long long)attrs->p);
    if (!ingot_tensor_count(y))
        return NULL;
    int64_t at_y = 0, position[INGOT_MAX_RANK] = {0};
    for (int64_t p = 0; p < x->dims[0] * x->dims[1]; p++) {
        do {
            kernel_taps t;
            kernel_find_taps(&w, position, &t);
            int64_t index[INGOT_MAX_RANK] = {0};
            double sum = 0;
            for (bool more = t.inside > 0; more; more = kernel_next(w.rank, t.count, index)) {
                double v = fabs(ingot_load_f64(x->data, x->dtype, p * w.in_count + kernel_tap_at(&w, &t, index)));
                sum += attrs->p == 1 ? v : attrs->p == 2 ? v * v : pow(v, (double)attrs->p);
            }
            double norm = attrs->p == 1 ? sum : attrs->p == 2 ? sqrt(sum) : pow(sum, 1 / (double)attrs->p);
            ingot_kernel_store_f64(y->data, y->dtype, at_y++, 1, &norm, 1);
        } while (kernel_next(w.rank, w.out, position));
    }
    return NULL;
}
