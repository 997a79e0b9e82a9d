/* Resize, one axis at a time: which elements of x a position of the result takes, with which weights. Interpolation is
 * separable, so the product of the axes' weights is what an element of x counts. */
#include "runtime/kernels/kernels.h"

static double double_of(int64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Taps of an axis; the farthest left one is (taps - 2) / 2 to the left of the element before the position. */
static int64_t count_taps(const ingot_attrs_resize *attrs, const kernel_resize_axis *a)
{
    if (attrs->mode == INGOT_RESIZE_NEAREST)
        return 1;
    if (a->in == a->out && a->scale == 1 && attrs->coords != INGOT_COORDS_TF_CROP_AND_RESIZE)
        return 1; /* every position falls on an element */
    double reach = attrs->mode == INGOT_RESIZE_CUBIC ? 2 : 1;
    if (!attrs->antialias || a->scale >= 1)
        return (int64_t)(2 * reach);
    return 2 - 2 * ((int64_t)floor(-reach / a->scale) + 1);
}

ingot_status ingot_kernel_resize_axes(const ingot_call *call, kernel_resize_axis *out_axes)
{
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_resize *attrs = call->attrs;
    int32_t rank = x->rank;
    KERNEL_REQUIRE(rank == y->rank && rank <= INGOT_MAX_RANK && x->dtype == y->dtype,
                   "resize: operand of rank %d, result of rank %d", rank, y->rank);
    KERNEL_REQUIRE(!kernel_has_in(call, 1) ||
                       (ingot_tensor_count(&call->in[1]) == rank && ingot_dtype_is_float(call->in[1].dtype)),
                   "resize: operand 1 is not a list of %d scales", rank);
    KERNEL_REQUIRE(!kernel_has_in(call, 2) ||
                       (ingot_tensor_count(&call->in[2]) == 2 * rank && ingot_dtype_is_float(call->in[2].dtype)),
                   "resize: operand 2 is not a region of %d numbers", 2 * rank);
    for (int32_t i = 0; i < rank; i++) {
        kernel_resize_axis *a = &out_axes[i];
        *a = (kernel_resize_axis){.in = x->dims[i], .out = y->dims[i], .roi_end = 1};
        if (call->n_sym >= 2 * rank)
            a->scale = double_of(call->sym[rank + i]);
        if (kernel_has_in(call, 2)) {
            a->roi_start = ingot_load_f64(call->in[2].data, call->in[2].dtype, i);
            a->roi_end = ingot_load_f64(call->in[2].data, call->in[2].dtype, rank + i);
        }
        if (kernel_has_in(call, 1))
            a->scale = ingot_load_f64(call->in[1].data, call->in[1].dtype, i);
        if (!(a->scale > 0) || !isfinite(a->scale))
            a->scale = a->in ? (double)a->out / (double)a->in : 1;
        KERNEL_REQUIRE(a->in <= INT32_MAX && a->out <= INT32_MAX && (a->in > 0 || a->out == 0),
                       "resize: axis %d from size %lld to %lld", i, (long long)a->in, (long long)a->out);
        KERNEL_REQUIRE(!attrs->antialias || a->scale > 1e-7, "resize: axis %d has scale %g", i, a->scale);
        KERNEL_REQUIRE(isfinite(a->roi_start) && isfinite(a->roi_end), "resize: the region of axis %d is not finite",
                       i);
        a->taps = count_taps(attrs, a);
    }
    return NULL;
}

int64_t ingot_kernel_resize_most_taps(const ingot_attrs_resize *attrs, int64_t in, int64_t out)
{
    kernel_resize_axis a = {.in = in, .out = out, .scale = in > 0 ? ((double)out - 0.5) / (double)in : 1};
    if (!attrs->antialias || a.scale >= 1 || attrs->mode == INGOT_RESIZE_NEAREST)
        return 4;
    return a.scale > 0 ? count_taps(attrs, &a) + 2 : 0;
}

/* Position in x's coordinates of result position `o`. */
static double coordinate(const ingot_attrs_resize *attrs, const kernel_resize_axis *a, int64_t o)
{
    double x = (double)o, scale = a->scale, in = (double)a->in, out = scale * in; /* `out` need not be whole */
    switch (attrs->coords) {
    case INGOT_COORDS_ALIGN_CORNERS:
        return out == 1 ? 0 : x * (in - 1) / (out - 1);
    case INGOT_COORDS_ASYMMETRIC:
        return x / scale;
    case INGOT_COORDS_TF_CROP_AND_RESIZE:
        if (out == 1)
            return (a->roi_end - a->roi_start) * (in - 1) / 2 + a->roi_start * (in - 1);
        return x * (a->roi_end - a->roi_start) * (in - 1) / (out - 1) + a->roi_start * (in - 1);
    case INGOT_COORDS_PYTORCH_HALF_PIXEL:
        return out == 1 ? -0.5 : (x + 0.5) / scale - 0.5;
    case INGOT_COORDS_HALF_PIXEL_SYMMETRIC: /* the middle of x onto the middle of the result */
        return in / 2 * (1 - (double)a->out / out) + (x + 0.5) / scale - 0.5;
    default:
        return (x + 0.5) / scale - 0.5;
    }
}

static double cubic(double x, double a)
{
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double nearest_index(const ingot_attrs_resize *attrs, double x)
{
    switch (attrs->nearest) {
    case INGOT_NEAREST_ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case INGOT_NEAREST_FLOOR:
        return floor(x);
    case INGOT_NEAREST_CEIL:
        return ceil(x);
    default:
        return ceil(x - 0.5);
    }
}

/* A coordinate as an index from -limit to limit, whatever its size. */
static int64_t bounded(double x, double limit)
{
    return !(x > -limit) ? (int64_t)-limit : x > limit ? (int64_t)limit : (int64_t)x;
}

void ingot_kernel_resize_fill(const ingot_attrs_resize *attrs, kernel_resize_axis *axis)
{
    double stretch = attrs->antialias && axis->scale < 1 ? axis->scale : 1;
    for (int64_t o = 0; o < axis->out; o++) {
        int64_t *indices = axis->indices + o * axis->taps;
        double *weights = axis->weights + o * axis->taps;
        double x = coordinate(attrs, axis, o), sum = 0;
        if (attrs->coords == INGOT_COORDS_TF_CROP_AND_RESIZE && !(x >= 0 && x <= (double)(axis->in - 1))) {
            for (int64_t t = 0; t < axis->taps; t++)
                indices[t] = -1, weights[t] = 0;
            continue;
        }
        if (axis->taps == 1) {
            int64_t i = bounded(attrs->mode == INGOT_RESIZE_NEAREST ? nearest_index(attrs, x) : (double)o, 0x1p40);
            indices[0] = i < 0 ? 0 : i >= axis->in ? axis->in - 1 : i;
            weights[0] = 1;
            continue;
        }
        double before = ceil(x) - 1; /* a position on an element counts as right behind the one before */
        int64_t first = bounded(before, 0x1p40) - (axis->taps - 2) / 2;
        for (int64_t t = 0; t < axis->taps; t++) {
            int64_t i = first + t;
            double distance = ((double)i - x) * stretch;
            weights[t] = attrs->mode == INGOT_RESIZE_CUBIC ? cubic(distance, attrs->cubic_a)
                         : fabs(distance) < 1              ? 1 - fabs(distance)
                                                           : 0;
            if (attrs->exclude_outside && (i < 0 || i >= axis->in))
                weights[t] = 0;
            indices[t] = i < 0 ? 0 : i >= axis->in ? axis->in - 1 : i;
            sum += weights[t];
        }
        for (int64_t t = 0; t < axis->taps && (attrs->exclude_outside || stretch < 1); t++)
            weights[t] /= sum;
    }
}
