/* conv_transpose: the gradient of conv. Each result element gathers the taps that reach it: i * stride + tap * dilation
 * = o + low. */
#include "runtime/kernels/kernels.h"

typedef struct {
    const kernel_window *w; /* in: of x; out: of y */
    const ingot_tensor *x;
    int64_t at, channels;
} sources;

/* Offset in x of what tap `tap` brings to `position`; -1: nothing. */
static int64_t source_offset(const kernel_window *w, const int64_t *position, const int64_t *tap)
{
    int64_t offset = 0;
    for (int32_t d = 0; d < w->rank; d++) {
        int64_t i = position[d] + w->low[d] - tap[d] * w->dilations[d];
        if (i < 0 || i % w->strides[d] || i / w->strides[d] >= w->in[d])
            return -1;
        offset += i / w->strides[d] * w->in_strides[d];
    }
    return offset;
}

static void pack_sources(const void *arg, int64_t first, int64_t count, double *out)
{
    const sources *s = arg;
    const kernel_window *w = s->w;
    int64_t taps = w->kernel_count;
    for (int64_t v = 0; v < 4; v++) {
        int64_t position[INGOT_MAX_RANK], tap[INGOT_MAX_RANK] = {0}, rest = first + v;
        for (int32_t d = w->rank - 1; d >= 0; d--) {
            position[d] = rest % w->out[d];
            rest /= w->out[d];
        }
        for (int64_t t = 0; t < taps; t++) {
            int64_t at = v < count ? source_offset(w, position, tap) : -1;
            for (int64_t c = 0; c < s->channels; c++)
                out[(c * taps + t) * 4 + v] =
                    at < 0 ? 0 : ingot_load_f64(s->x->data, s->x->dtype, s->at + c * w->in_count + at);
            kernel_next(w->rank, w->kernel, tap);
        }
    }
}

/* w [C, O / groups, taps] as vectors over (channel, tap), one per output channel. */
typedef struct {
    const ingot_tensor *w;
    int64_t first_channel, channels, outputs, taps;
} filters;

static void pack_filters(const void *arg, int64_t first, int64_t count, double *out)
{
    const filters *f = arg;
    for (int64_t v = 0; v < 4; v++) {
        for (int64_t c = 0; c < f->channels; c++) {
            for (int64_t t = 0; t < f->taps; t++)
                out[(c * f->taps + t) * 4 + v] =
                    v < count ? ingot_load_f64(f->w->data, f->w->dtype,
                                               ((f->first_channel + c) * f->outputs + first + v) * f->taps + t)
                              : 0;
        }
    }
}

typedef struct {
    const ingot_tensor *y;
    int64_t at, positions;
} result;

static void store_tile(void *arg, int64_t row, int64_t col, int64_t rows, int64_t cols, const double *tile)
{
    const result *r = arg;
    for (int64_t i = 0; i < rows; i++)
        ingot_kernel_store_f64(r->y->data, r->y->dtype, r->at + (row + i) * r->positions + col, 1, tile + i * 4, cols);
}

ingot_status ingot_portable_conv_transpose(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "conv_transpose", 2, 1));
    const ingot_tensor *x = &call->in[0], *weights = &call->in[1], *y = &call->out[0];
    const ingot_attrs_conv_transpose *attrs = call->attrs;
    kernel_window w;
    KERNEL_REQUIRE(x->rank >= 2 && weights->rank == x->rank && ingot_dtype_is_float(x->dtype) &&
                       x->dtype == weights->dtype && x->dtype == y->dtype,
                   "conv_transpose: %s of rank %d with weights of %s of rank %d", ingot_dtype_name(x->dtype), x->rank,
                   ingot_dtype_name(weights->dtype), weights->rank);
    INGOT_TRY(ingot_kernel_window("conv_transpose", x, y, weights->dims + 2, &attrs->strides, &attrs->pads,
                                  &attrs->dilations, &w));
    int64_t groups = attrs->groups ? attrs->groups : 1, outputs = weights->dims[1], all = 0;
    int64_t channels = groups > 0 ? x->dims[1] / groups : 0;
    KERNEL_REQUIRE(groups > 0 && weights->dims[0] == x->dims[1] && channels * groups == x->dims[1] &&
                       !__builtin_mul_overflow(outputs, groups, &all) && all == y->dims[1] && x->dims[0] == y->dims[0],
                   "conv_transpose: %lld channels, weights [%lld, %lld, ...], %lld groups, %lld result channels",
                   (long long)x->dims[1], (long long)weights->dims[0], (long long)outputs, (long long)groups,
                   (long long)y->dims[1]);
    if (!ingot_tensor_count(y))
        return NULL;
    result r = {y, 0, w.out_count};
    for (int64_t n = 0; n < x->dims[0]; n++) {
        for (int64_t g = 0; g < groups; g++) {
            sources s = {&w, x, (n * groups + g) * channels * w.in_count, channels};
            filters f = {weights, g * channels, channels, outputs, w.kernel_count};
            ingot_kernel_gemm(outputs, w.out_count, channels * w.kernel_count, pack_filters, &f, pack_sources, &s,
                              store_tile, &r, call->scratch);
            r.at += outputs * w.out_count;
        }
    }
    return NULL;
}
