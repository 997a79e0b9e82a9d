/* deform_conv: a 2-D convolution whose every tap is moved by an offset of its own and read by linear interpolation,
 * zero outside x, times an optional mask. */
#include "runtime/kernels/kernels.h"

typedef struct {
    const ingot_tensor *x, *w, *offset, *bias, *mask, *y;
    const ingot_attrs_deform_conv *attrs;
    kernel_window window;
    int64_t groups, offset_groups, channels, outputs; /* channels, outputs: per group */
} operands;

static ingot_status check(const ingot_call *call, operands *o)
{
    INGOT_TRY(ingot_kernel_check(call, "deform_conv", 3, 1));
    const ingot_tensor *x = &call->in[0], *w = &call->in[1], *offset = &call->in[2], *y = &call->out[0];
    const ingot_attrs_deform_conv *attrs = call->attrs;
    *o = (operands){.x = x, .w = w, .offset = offset, .y = y, .attrs = attrs};
    o->bias = kernel_has_in(call, 3) ? &call->in[3] : NULL;
    o->mask = kernel_has_in(call, 4) ? &call->in[4] : NULL;
    KERNEL_REQUIRE(x->rank == 4 && w->rank == 4 && offset->rank == 4 && y->rank == 4 &&
                       (!o->mask || o->mask->rank == 4),
                   "deform_conv: x of rank %d, weights of rank %d, offsets of rank %d, expected 4", x->rank, w->rank,
                   offset->rank);
    for (int32_t i = 0; i < call->n_in; i++)
        KERNEL_REQUIRE(!kernel_has_in(call, i) || (call->in[i].dtype == x->dtype && ingot_dtype_is_float(x->dtype)),
                       "deform_conv: operand %d is %s", i, ingot_dtype_name(call->in[i].dtype));
    INGOT_TRY(ingot_kernel_window("deform_conv", x, y, w->dims + 2, &attrs->strides, &attrs->pads, &attrs->dilations,
                                  &o->window));
    int64_t g = attrs->groups, og = attrs->offset_groups, taps = o->window.kernel_count;
    KERNEL_REQUIRE(g >= 1 && og >= 1 && x->dims[1] % g == 0 && x->dims[1] % og == 0 && w->dims[0] % g == 0 &&
                       w->dims[1] == x->dims[1] / g && y->dims[1] == w->dims[0] && y->dims[0] == x->dims[0],
                   "deform_conv: %lld channels, weights [%lld, %lld, ...], %lld groups, %lld offset groups",
                   (long long)x->dims[1], (long long)w->dims[0], (long long)w->dims[1], (long long)g, (long long)og);
    o->groups = g, o->offset_groups = og, o->channels = w->dims[1], o->outputs = w->dims[0] / g;
    bool fits = offset->dims[0] == x->dims[0] && offset->dims[1] == og * taps * 2 && offset->dims[2] == y->dims[2] &&
                offset->dims[3] == y->dims[3] && (!o->bias || (o->bias->rank == 1 && o->bias->dims[0] == w->dims[0])) &&
                (!o->mask || (o->mask->dims[0] == x->dims[0] && o->mask->dims[1] == og * taps &&
                              o->mask->dims[2] == y->dims[2] && o->mask->dims[3] == y->dims[3]));
    KERNEL_REQUIRE(fits,
                   "deform_conv: offsets [%lld, %lld, %lld, %lld], bias or mask do not fit %lld taps in %lld offset "
                   "groups over [%lld, %lld]",
                   (long long)offset->dims[0], (long long)offset->dims[1], (long long)offset->dims[2],
                   (long long)offset->dims[3], (long long)taps, (long long)og, (long long)y->dims[2],
                   (long long)y->dims[3]);
    return NULL;
}

/* x at (h, v) of a channel, linear between the four neighbours, those outside zero. */
static double interpolate(const operands *o, int64_t channel, double h, double v)
{
    int64_t height = o->x->dims[2], width = o->x->dims[3];
    if (!(h > -1 && h < (double)height && v > -1 && v < (double)width))
        return 0;
    int64_t top = (int64_t)floor(h), left = (int64_t)floor(v);
    double down = h - (double)top, right = v - (double)left, sum = 0;
    for (int64_t i = 0; i < 2; i++) {
        for (int64_t j = 0; j < 2; j++) {
            int64_t row = top + i, column = left + j;
            if (row >= 0 && row < height && column >= 0 && column < width)
                sum += (i ? down : 1 - down) * (j ? right : 1 - right) *
                       ingot_load_f64(o->x->data, o->x->dtype, (channel * height + row) * width + column);
        }
    }
    return sum;
}

/* What the taps of group g read at position (i, j) of sample n: out [channels, taps]. */
static void read_taps(const operands *o, int64_t n, int64_t g, int64_t i, int64_t j, double *out)
{
    const kernel_window *w = &o->window;
    int64_t taps = w->kernel_count, per_offset = o->x->dims[1] / o->offset_groups, area = w->out_count,
            at = i * w->out[1] + j;
    for (int64_t c = 0; c < o->channels; c++) {
        int64_t channel = g * o->channels + c, from = n * o->offset_groups + channel / per_offset;
        for (int64_t t = 0; t < taps; t++) {
            int64_t first = (from * taps + t) * 2;
            double down = ingot_load_f64(o->offset->data, o->offset->dtype, first * area + at);
            double right = ingot_load_f64(o->offset->data, o->offset->dtype, (first + 1) * area + at);
            double h = (double)(i * w->strides[0] - w->low[0] + t / w->kernel[1] * w->dilations[0]) + down;
            double v = (double)(j * w->strides[1] - w->low[1] + t % w->kernel[1] * w->dilations[1]) + right;
            double value = interpolate(o, n * o->x->dims[1] + channel, h, v);
            if (o->mask)
                value *= ingot_load_f64(o->mask->data, o->mask->dtype, (from * taps + t) * area + at);
            out[c * taps + t] = value;
        }
    }
}

ingot_status ingot_portable_deform_conv(const ingot_call *call)
{
    operands o;
    INGOT_TRY(check(call, &o));
    const kernel_window *w = &o.window;
    int64_t length = o.channels * w->kernel_count;
    double *read = call->scratch;
    for (int64_t p = 0; p < o.y->dims[0] * o.groups * w->out_count; p++) {
        int64_t n = p / (o.groups * w->out_count), g = p / w->out_count % o.groups, at = p % w->out_count;
        read_taps(&o, n, g, at / w->out[1], at % w->out[1], read);
        for (int64_t k = g * o.outputs; k < (g + 1) * o.outputs; k++) {
            double sum = o.bias ? ingot_load_f64(o.bias->data, o.bias->dtype, k) : 0;
            for (int64_t l = 0; l < length; l++)
                sum += read[l] * ingot_load_f64(o.w->data, o.w->dtype, k * length + l);
            ingot_store_f64(o.y->data, o.y->dtype, (n * o.y->dims[1] + k) * w->out_count + at, sum);
        }
    }
    return NULL;
}
