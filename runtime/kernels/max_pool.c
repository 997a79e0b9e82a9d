/* max_pool: the largest element of each window and, on request, its index in x. NaN wins. */
#include "runtime/kernels/pool.h"

/* Index in x of an element of plane `plane`, counted along columns first when storage_order is 1. */
static int64_t stored_index(const kernel_window *w, int64_t plane, int64_t offset, int64_t storage_order)
{
    if (!storage_order)
        return plane * w->in_count + offset;
    int64_t column_major = 0, stride = 1;
    for (int32_t d = 0; d < w->rank; d++) {
        column_major += offset / w->in_strides[d] % w->in[d] * stride;
        stride *= w->in[d];
    }
    return plane * w->in_count + column_major;
}

ingot_status ingot_portable_max_pool(const ingot_call *call)
{
    const ingot_attrs_pool *attrs = call->attrs;
    kernel_window w;
    INGOT_TRY(
        kernel_pool_window(call, "max_pool", &attrs->kernel, &attrs->strides, &attrs->pads, &attrs->dilations, &w));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0], *indices = kernel_has_out(call, 1) ? &call->out[1] : NULL;
    bool is_float = ingot_dtype_is_float(x->dtype);
    KERNEL_REQUIRE((is_float || ingot_dtype_is_integer(x->dtype)) &&
                       (!indices || (indices->dtype == INGOT_I64 && kernel_same_dims(indices, y))),
                   "max_pool: %s, or indices that do not fit", ingot_dtype_name(x->dtype));
    if (!ingot_tensor_count(y))
        return NULL;
    int64_t planes = x->dims[0] * x->dims[1], at_y = 0, position[INGOT_MAX_RANK] = {0};
    for (int64_t p = 0; p < planes; p++) {
        do {
            kernel_taps t;
            kernel_find_taps(&w, position, &t);
            int64_t index[INGOT_MAX_RANK] = {0}, base = p * w.in_count, best = -1;
            double peak = -INFINITY;
            for (bool more = t.inside > 0; more; more = kernel_next(w.rank, t.count, index)) {
                int64_t at = kernel_tap_at(&w, &t, index);
                double v = x->dtype == INGOT_F32 ? (double)kernel_f32(x->data, base + at)
                                                 : ingot_load_f64(x->data, x->dtype, base + at);
                if (best < 0 || (!isnan(peak) && !(v <= peak))) {
                    best = at;
                    peak = v;
                }
            }
            if (best < 0 && is_float) /* a window of padding only */
                ingot_kernel_store_f64(y->data, y->dtype, at_y, 1, &peak, 1);
            else if (best < 0)
                ingot_store_i64(
                    y->data, y->dtype, at_y,
                    ingot_dtype_is_signed(x->dtype) ? (int64_t)(UINT64_MAX << (ingot_dtype_bits(x->dtype) - 1)) : 0);
            else
                ingot_copy_element(y->data, at_y, x->data, base + best, x->dtype);
            if (indices)
                ingot_store_i64(indices->data, INGOT_I64, at_y,
                                best < 0 ? 0 : stored_index(&w, p, best, attrs->storage_order));
            at_y++;
        } while (kernel_next(w.rank, w.out, position));
    }
    return NULL;
}
