/* reduce: sums, extremes and norms over some axes. Floats accumulate in double, integers modulo 2^64.
 *
 * Axes are split into kept ones and reduced ones, neighbours of a kind joined. Whichever kind is innermost is read in
 * runs: either a run is reduced to one number, or a run of results accumulates side by side. */
#include "runtime/kernels/kernels.h"

typedef struct {
    int32_t n_kept, n_reduced;
    int64_t kept[INGOT_MAX_RANK], kept_strides[INGOT_MAX_RANK];
    int64_t reduced[INGOT_MAX_RANK], reduced_strides[INGOT_MAX_RANK];
    int64_t reduced_count;
} split;

static void add_axis(int32_t *n, int64_t *dims, int64_t *strides, int64_t size, int64_t stride)
{
    if (size == 1)
        return;
    if (*n && strides[*n - 1] == size * stride) {
        dims[*n - 1] *= size;
        strides[*n - 1] = stride;
        return;
    }
    dims[*n] = size;
    strides[(*n)++] = stride;
}

static void split_axes(const ingot_tensor *x, const bool *flags, split *s)
{
    int64_t strides[INGOT_MAX_RANK];
    memset(s, 0, sizeof *s);
    s->reduced_count = 1;
    kernel_strides(x->rank, x->dims, strides);
    for (int32_t i = 0; i < x->rank; i++) {
        if (flags[i]) {
            add_axis(&s->n_reduced, s->reduced, s->reduced_strides, x->dims[i], strides[i]);
            s->reduced_count *= x->dims[i];
        } else {
            add_axis(&s->n_kept, s->kept, s->kept_strides, x->dims[i], strides[i]);
        }
    }
    if (!s->n_kept)
        s->kept[0] = 1, s->kept_strides[0] = 0, s->n_kept = 1;
    if (!s->n_reduced)
        s->reduced[0] = 1, s->reduced_strides[0] = 0, s->n_reduced = 1;
}

/* ---- floats ---- */

static double float_start(int64_t kind)
{
    return kind == INGOT_REDUCE_MAX || kind == INGOT_REDUCE_LOG_SUM_EXP ? -INFINITY
           : kind == INGOT_REDUCE_MIN                                   ? INFINITY
           : kind == INGOT_REDUCE_PROD                                  ? 1
                                                                        : 0;
}

static double float_step(int64_t kind, double sum, double v)
{
    switch (kind) {
    case INGOT_REDUCE_MAX:
    case INGOT_REDUCE_LOG_SUM_EXP: /* first pass */
        return isnan(sum) || sum > v ? sum : v;
    case INGOT_REDUCE_MIN:
        return isnan(sum) || sum < v ? sum : v;
    case INGOT_REDUCE_PROD:
        return sum * v;
    case INGOT_REDUCE_L1:
        return sum + fabs(v);
    case INGOT_REDUCE_L2:
    case INGOT_REDUCE_SUM_SQUARE:
        return sum + v * v;
    default:
        return sum + v;
    }
}

static double float_end(int64_t kind, double sum, int64_t count)
{
    switch (kind) {
    case INGOT_REDUCE_MEAN:
        return sum / (double)count;
    case INGOT_REDUCE_L2:
        return sqrt(sum);
    case INGOT_REDUCE_LOG_SUM:
        return log(sum);
    default:
        return sum;
    }
}

/* Adds a run of x to one sum (to_step 0) or to `count` sums (to_step 1). */
static void add_run(int64_t kind, const double *v, int64_t count, double *sums, int to_step)
{
    if (kind == INGOT_REDUCE_SUM || kind == INGOT_REDUCE_MEAN || kind == INGOT_REDUCE_LOG_SUM) {
        double sum = sums[0];
        for (int64_t j = 0; j < count && !to_step; j++)
            sum += v[j];
        for (int64_t j = 0; j < count && to_step; j++)
            sums[j] += v[j];
        if (!to_step)
            sums[0] = sum;
        return;
    }
    for (int64_t j = 0; j < count; j++)
        sums[j * to_step] = float_step(kind, sums[j * to_step], v[j]);
}

/* sum += exp(v - peak); an infinite peak is its own result. */
static void add_exponentials(const double *v, int64_t count, const double *peaks, double *sums, int to_step)
{
    for (int64_t j = 0; j < count; j++)
        sums[j * to_step] += exp(v[j] - peaks[j * to_step]);
}

/* One pass over all that goes into `width` neighbouring results (or one). */
static void reduce_pass(const ingot_tensor *x, const split *s, int64_t kind, int64_t at, int64_t width,
                        int64_t width_stride, double *sums, const double *peaks)
{
    int64_t index[INGOT_MAX_RANK] = {0};
    int32_t last = s->n_reduced - 1;
    double run[KERNEL_BLOCK];
    bool side_by_side = width > 1;
    int32_t outer = side_by_side ? s->n_reduced : last;
    int64_t length = side_by_side ? width : s->reduced[last],
            step = side_by_side ? width_stride : s->reduced_strides[last];
    do {
        int64_t from = at + kernel_offset(outer, index, s->reduced_strides);
        for (int64_t j = 0; j < length; j += KERNEL_BLOCK) {
            int64_t n = length - j < KERNEL_BLOCK ? length - j : KERNEL_BLOCK;
            ingot_kernel_load_f64(run, x->data, x->dtype, from + j * step, step, n);
            if (peaks)
                add_exponentials(run, n, peaks, sums, side_by_side);
            else
                add_run(kind, run, n, sums, side_by_side);
        }
    } while (kernel_next(outer, s->reduced, index));
}

static void reduce_floats(const ingot_tensor *x, const ingot_tensor *y, const split *s, int64_t kind)
{
    int32_t last = s->n_kept - 1;
    int64_t index[INGOT_MAX_RANK] = {0}, at_y = 0;
    /* Results go side by side where kept elements are nearer in memory than reduced ones. */
    int64_t width =
        s->kept_strides[last] && s->kept_strides[last] < s->reduced_strides[s->n_reduced - 1] ? KERNEL_BLOCK : 1;
    do {
        int64_t at = kernel_offset(last, index, s->kept_strides);
        for (int64_t j = 0; j < s->kept[last]; j += width) {
            double sums[KERNEL_BLOCK], peaks[KERNEL_BLOCK];
            int64_t n = s->kept[last] - j < width ? s->kept[last] - j : width, from = at + j * s->kept_strides[last];
            for (int64_t i = 0; i < n; i++)
                sums[i] = float_start(kind);
            if (s->reduced_count)
                reduce_pass(x, s, kind, from, n, s->kept_strides[last], sums, NULL);
            if (kind == INGOT_REDUCE_LOG_SUM_EXP && s->reduced_count) {
                double shifts[KERNEL_BLOCK];
                for (int64_t i = 0; i < n; i++) {
                    peaks[i] = sums[i];
                    shifts[i] = isfinite(peaks[i]) ? peaks[i] : 0;
                    sums[i] = 0;
                }
                reduce_pass(x, s, kind, from, n, s->kept_strides[last], sums, shifts);
                for (int64_t i = 0; i < n; i++)
                    sums[i] = log(sums[i]) + shifts[i];
            }
            for (int64_t i = 0; i < n; i++)
                sums[i] = float_end(kind, sums[i], s->reduced_count);
            ingot_kernel_store_f64(y->data, y->dtype, at_y, 1, sums, n);
            at_y += n;
        }
    } while (kernel_next(last, s->kept, index));
}

/* ---- integers and bool (max is or, min is and) ---- */

static int64_t lowest(ingot_dtype dtype)
{
    return ingot_dtype_is_signed(dtype) ? (int64_t)(UINT64_MAX << (ingot_dtype_bits(dtype) - 1)) : 0;
}

static int64_t highest(ingot_dtype dtype)
{
    if (dtype == INGOT_BOOL)
        return 1;
    return (int64_t)(UINT64_MAX >> (64 - ingot_dtype_bits(dtype) + (ingot_dtype_is_signed(dtype) ? 1 : 0)));
}

static int64_t integer_step(int64_t kind, int64_t sum, int64_t v, bool is_signed)
{
    bool less = is_signed ? sum < v : (uint64_t)sum < (uint64_t)v;
    uint64_t a = (uint64_t)sum, b = (uint64_t)v;
    switch (kind) {
    case INGOT_REDUCE_MAX:
        return less ? v : sum;
    case INGOT_REDUCE_MIN:
        return less ? sum : v;
    case INGOT_REDUCE_PROD:
        return (int64_t)(a * b);
    case INGOT_REDUCE_L1:
        return (int64_t)(a + (is_signed && v < 0 ? 0 - b : b));
    case INGOT_REDUCE_SUM_SQUARE:
        return (int64_t)(a + b * b);
    default:
        return (int64_t)(a + b);
    }
}

static void reduce_integers(const ingot_tensor *x, const ingot_tensor *y, const split *s, int64_t kind)
{
    int64_t kept_index[INGOT_MAX_RANK] = {0}, at_y = 0, count = s->reduced_count;
    bool is_signed = x->dtype != INGOT_U64,
         roots = kind == INGOT_REDUCE_L2 || kind == INGOT_REDUCE_LOG_SUM || kind == INGOT_REDUCE_LOG_SUM_EXP;
    do {
        int64_t at = kernel_offset(s->n_kept, kept_index, s->kept_strides), index[INGOT_MAX_RANK] = {0};
        int64_t sum = kind == INGOT_REDUCE_MAX   ? lowest(x->dtype)
                      : kind == INGOT_REDUCE_MIN ? highest(x->dtype)
                                                 : kind == INGOT_REDUCE_PROD;
        double real = 0;
        for (bool more = count > 0; more; more = kernel_next(s->n_reduced, s->reduced, index)) {
            int64_t i = at + kernel_offset(s->n_reduced, index, s->reduced_strides);
            if (roots) {
                double v = ingot_load_f64(x->data, x->dtype, i);
                real += kind == INGOT_REDUCE_L2 ? v * v : kind == INGOT_REDUCE_LOG_SUM ? v : exp(v);
            } else {
                sum = integer_step(kind, sum, ingot_load_i64(x->data, x->dtype, i), is_signed);
            }
        }
        if (kind == INGOT_REDUCE_MEAN)
            sum = !count ? 0 : is_signed ? sum / count : (int64_t)((uint64_t)sum / (uint64_t)count);
        if (roots)
            ingot_store_f64(y->data, y->dtype, at_y++, kind == INGOT_REDUCE_L2 ? sqrt(real) : log(real));
        else
            ingot_store_i64(y->data, y->dtype, at_y++, sum);
    } while (kernel_next(s->n_kept, s->kept, kept_index));
}

ingot_status ingot_portable_reduce(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "reduce", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_reduce *attrs = call->attrs;
    bool flags[INGOT_MAX_RANK];
    INGOT_TRY(ingot_kernel_axes("reduce", &attrs->axes, x->rank, flags));
    if (!attrs->axes.n && !kernel_same_dims(x, y)) { /* no axes: none or all of them, as the result's sizes say */
        for (int32_t i = 0; i < x->rank; i++)
            flags[i] = true;
    }
    int64_t results = 1;
    for (int32_t i = 0; i < x->rank; i++)
        results *= flags[i] ? 1 : x->dims[i];
    KERNEL_REQUIRE(results == ingot_tensor_count(y) && x->dtype == y->dtype &&
                       (ingot_dtype_is_float(x->dtype) || ingot_dtype_is_integer(x->dtype) || x->dtype == INGOT_BOOL),
                   "reduce: %lld results of %s, the reduction of %s has %lld", (long long)ingot_tensor_count(y),
                   ingot_dtype_name(y->dtype), ingot_dtype_name(x->dtype), (long long)results);
    if (!results)
        return NULL;
    split s;
    split_axes(x, flags, &s);
    if (ingot_dtype_is_float(x->dtype))
        reduce_floats(x, y, &s, attrs->kind);
    else
        reduce_integers(x, y, &s, attrs->kind);
    return NULL;
}
