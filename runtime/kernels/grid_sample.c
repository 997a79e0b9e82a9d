/* grid_sample: x [N, C, ...] read at the positions of a grid [N, ..., r], by nearest, linear or cubic interpolation.
 *
 * The taps of one position and their weights per axis serve all channels. */
#include "runtime/kernels/kernels.h"

typedef struct {
    int64_t index[4]; /* -1: outside, where that gives zero */
    double weight[4];
} axis_taps;

typedef struct {
    const ingot_tensor *x;
    const ingot_attrs_grid_sample *attrs;
    int32_t rank; /* spatial */
    int64_t taps; /* per axis */
    int64_t strides[INGOT_MAX_RANK];
} sampler;

/* Back and forth between two ends until inside. */
static double reflect(double v, double lo, double hi)
{
    double range = hi - lo;
    if ((v >= lo && v <= hi) || range <= 0)
        return range <= 0 ? lo : v;
    double distance = v < lo ? lo - v : v - hi, turns = floor(distance / range), rest = distance - turns * range;
    bool even = fmod(turns, 2) == 0;
    return (v < lo) == even ? lo + rest : hi - rest;
}

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* The element that an index outside 0..size-1 stands for. */
static int64_t pad_index(const sampler *s, double v, int64_t size)
{
    double last = (double)(size - 1);
    if (s->attrs->padding == INGOT_GRID_BORDER)
        v = clamp(v, 0, last);
    else if (s->attrs->padding == INGOT_GRID_REFLECTION)
        v = s->attrs->align_corners ? reflect(v, 0, last) : clamp(reflect(v, -0.5, last + 0.5), 0, last);
    return v >= 0 && v <= last ? (int64_t)v : -1;
}

/* -1..1 to positions in elements, in the grid's precision, as frameworks do. */
static double position_of(const sampler *s, double n, int64_t size, ingot_dtype dtype)
{
    if (dtype == INGOT_F64)
        return s->attrs->align_corners ? (n + 1) / 2 * (double)(size - 1) : ((n + 1) * (double)size - 1) / 2;
    float f = (float)n;
    return s->attrs->align_corners ? (f + 1) / 2 * (float)(size - 1) : ((f + 1) * (float)size - 1) / 2;
}

static void cubic_weights(double t, double *w)
{
    const double a = -0.75;
    double far = t + 1, back = 1 - t, end = 2 - t;
    w[0] = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * back - (a + 3)) * back * back + 1;
    w[3] = ((a * end - 5 * a) * end + 8 * a) * end - 4 * a;
}

static void find_taps(const sampler *s, double v, int64_t size, axis_taps *out)
{
    bool corners = s->attrs->align_corners != 0;
    double last = (double)(size - 1), low = corners ? 0 : -0.5, high = corners ? last : last + 0.5;
    if (isnan(v))
        v = -2;
    v = clamp(v, -0x1p40, 0x1p40);
    if (s->attrs->mode == INGOT_RESIZE_NEAREST)
        v = nearbyint(v);
    /* Cubic taps are padded one by one only, as in PyTorch and ONNX Runtime. */
    if ((v < low || v > high) && s->attrs->mode != INGOT_RESIZE_CUBIC) {
        if (s->attrs->padding == INGOT_GRID_BORDER)
            v = clamp(v, 0, last);
        else if (s->attrs->padding == INGOT_GRID_REFLECTION)
            v = reflect(v, low, high);
    }
    double first = floor(v), t = v - first;
    switch (s->attrs->mode) {
    case INGOT_RESIZE_NEAREST:
        out->weight[0] = 1;
        break;
    case INGOT_RESIZE_LINEAR:
        out->weight[0] = 1 - t;
        out->weight[1] = t;
        break;
    default:
        cubic_weights(t, out->weight);
        first -= 1;
    }
    for (int64_t k = 0; k < s->taps; k++)
        out->index[k] = pad_index(s, first + (double)k, size);
}

/* Sum over the taps of axis `d` and those behind it, at offset `at` of x. */
static double sample(const sampler *s, const axis_taps *taps, int32_t d, int64_t at)
{
    if (d == s->rank)
        return ingot_load_f64(s->x->data, s->x->dtype, at);
    double sum = 0;
    for (int64_t k = 0; k < s->taps; k++)
        if (taps[d].index[k] >= 0)
            sum += taps[d].weight[k] * sample(s, taps, d + 1, at + taps[d].index[k] * s->strides[d]);
    return sum;
}

static void sample_nearest(const sampler *s, const axis_taps *taps, int64_t at, const ingot_tensor *y, int64_t to)
{
    for (int32_t d = 0; d < s->rank; d++) {
        if (taps[d].index[0] < 0) {
            ingot_store_i64(y->data, y->dtype, to, 0);
            return;
        }
        at += taps[d].index[0] * s->strides[d];
    }
    ingot_copy_element(y->data, to, s->x->data, at, y->dtype);
}

static ingot_status check(const ingot_call *call, const ingot_tensor *x, const ingot_tensor *grid,
                          const ingot_tensor *y)
{
    INGOT_TRY(ingot_kernel_check(call, "grid_sample", 2, 1));
    bool fits = x->rank >= 3 && grid->rank == x->rank && y->rank == x->rank && x->dtype == y->dtype &&
                x->dtype != INGOT_STRING && ingot_dtype_is_float(grid->dtype) &&
                grid->dims[x->rank - 1] == x->rank - 2 && grid->dims[0] == x->dims[0] && y->dims[0] == x->dims[0] &&
                y->dims[1] == x->dims[1];
    for (int32_t i = 2; fits && i < y->rank; i++)
        fits = y->dims[i] == grid->dims[i - 1] && x->dims[i] > 0 && x->dims[i] < INT32_MAX;
    KERNEL_REQUIRE(fits, "grid_sample: %s of rank %d, grid of %s and rank %d", ingot_dtype_name(x->dtype), x->rank,
                   ingot_dtype_name(grid->dtype), grid->rank);
    return NULL;
}

ingot_status ingot_portable_grid_sample(const ingot_call *call)
{
    const ingot_tensor *x = &call->in[0], *grid = &call->in[1], *y = &call->out[0];
    const ingot_attrs_grid_sample *attrs = call->attrs;
    INGOT_TRY(check(call, x, grid, y));
    sampler s = {.x = x, .attrs = attrs, .rank = x->rank - 2, .taps = 1};
    if (attrs->mode != INGOT_RESIZE_NEAREST)
        s.taps = attrs->mode == INGOT_RESIZE_LINEAR ? 2 : 4;
    kernel_strides(s.rank, x->dims + 2, s.strides);
    int64_t in_count = kernel_product(x->dims, 2, x->rank), out_count = kernel_product(y->dims, 2, y->rank);
    for (int64_t p = 0; p < x->dims[0] * out_count; p++) {
        axis_taps taps[INGOT_MAX_RANK];
        for (int32_t d = 0; d < s.rank; d++) {
            double n = ingot_load_f64(grid->data, grid->dtype, p * s.rank + (s.rank - 1 - d));
            find_taps(&s, position_of(&s, n, x->dims[2 + d], grid->dtype), x->dims[2 + d], &taps[d]);
        }
        int64_t n = p / out_count;
        for (int64_t c = n * x->dims[1]; c < (n + 1) * x->dims[1]; c++) {
            int64_t to = c * out_count + p % out_count;
            if (attrs->mode == INGOT_RESIZE_NEAREST)
                sample_nearest(&s, taps, c * in_count, y, to);
            else
                ingot_store_f64(y->data, y->dtype, to, sample(&s, taps, 0, c * in_count));
        }
    }
    return NULL;
}
