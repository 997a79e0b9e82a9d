/* resize: nearest, linear and cubic interpolation with ONNX's coordinate transforms, antialiasing and border rules. */
#include "runtime/kernels/kernels.h"

/* Weighted sum over the taps of the axes from `axis` on; x at offset `at`. */
static double interpolate(const ingot_tensor *x, const kernel_resize_axis *axes, const int64_t *strides,
                          const int64_t *position, int32_t axis, int64_t at)
{
    if (axis == x->rank)
        return x->dtype == INGOT_F32 ? (double)kernel_f32(x->data, at) : ingot_load_f64(x->data, x->dtype, at);
    const kernel_resize_axis *a = &axes[axis];
    const int64_t *indices = a->indices + position[axis] * a->taps;
    const double *weights = a->weights + position[axis] * a->taps;
    if (a->taps == 1)
        return interpolate(x, axes, strides, position, axis + 1, at + indices[0] * strides[axis]);
    double sum = 0;
    for (int64_t t = 0; t < a->taps; t++) {
        if (weights[t] != 0)
            sum += weights[t] * interpolate(x, axes, strides, position, axis + 1, at + indices[t] * strides[axis]);
    }
    return sum;
}

ingot_status ingot_portable_resize(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "resize", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_resize *attrs = call->attrs;
    kernel_resize_axis axes[INGOT_MAX_RANK];
    INGOT_TRY(ingot_kernel_resize_axes(call, axes));
    bool numeric = ingot_dtype_is_float(x->dtype) || ingot_dtype_is_integer(x->dtype);
    KERNEL_REQUIRE(attrs->mode == INGOT_RESIZE_NEAREST || numeric, "resize: %s cannot be interpolated",
                   ingot_dtype_name(x->dtype));
    int64_t count = ingot_tensor_count(y), strides[INGOT_MAX_RANK], position[INGOT_MAX_RANK] = {0};
    if (!count)
        return NULL;
    char *room = call->scratch;
    for (int32_t i = 0; i < x->rank && call->n_in > 1; i++)
        KERNEL_REQUIRE(axes[i].taps <= ingot_kernel_resize_most_taps(attrs, axes[i].in, axes[i].out),
                       "resize: axis %d from size %lld to %lld with scale %g", i, (long long)axes[i].in,
                       (long long)axes[i].out, axes[i].scale);
    for (int32_t i = 0; i < x->rank; i++) {
        size_t entries = (size_t)(axes[i].out * axes[i].taps);
        axes[i].indices = (int64_t *)(void *)room;
        axes[i].weights = (double *)(void *)(room + entries * sizeof(int64_t));
        room += entries * (sizeof(int64_t) + sizeof(double));
        ingot_kernel_resize_fill(attrs, &axes[i]);
    }
    kernel_strides(x->rank, x->dims, strides);
    for (int64_t o = 0; o < count; o++) {
        int64_t at = 0;
        bool outside = false;
        for (int32_t i = 0; i < x->rank; i++) {
            int64_t index = axes[i].indices[position[i] * axes[i].taps];
            outside |= index < 0;
            at += index * strides[i];
        }
        if (outside)
            ingot_store_f64(y->data, y->dtype, o, attrs->extrapolation);
        else if (attrs->mode == INGOT_RESIZE_NEAREST)
            ingot_copy_element(y->data, o, x->data, at, x->dtype);
        else if (ingot_dtype_is_float(y->dtype))
            ingot_store_f64(y->data, y->dtype, o, interpolate(x, axes, strides, position, 0, 0));
        else { /* integers: rounded and saturated */
            double v = nearbyint(interpolate(x, axes, strides, position, 0, 0));
            int bits = ingot_dtype_bits(y->dtype);
            bool is_signed = ingot_dtype_is_signed(y->dtype);
            double low = is_signed ? -ldexp(1, bits - 1) : 0,
                   high = is_signed ? ldexp(1, bits - 1) - 1 : ldexp(1, bits) - 1;
            ingot_store_f64(y->data, y->dtype, o, v < low ? low : v > high ? high : v);
        }
        kernel_next(y->rank, y->dims, position);
    }
    return NULL;
}
