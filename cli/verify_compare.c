/* How far a result is from its reference, and whether that is close enough. */
#include "cli/verify.h"
#include <math.h>
#include <string.h>

/* Doubles ordered as integers: adjacent representable numbers of the type differ by 1. */
static int64_t ordered(double value, ingot_dtype dtype)
{
    if (dtype == INGOT_F64) {
        int64_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits < 0 ? INT64_MIN - bits : bits;
    }
    float narrow = (float)value;
    int32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    int64_t at = bits < 0 ? (int64_t)INT32_MIN - bits : bits;
    /* 16-bit types: the f32 steps between two of their numbers. */
    return dtype == INGOT_F16 ? at >> 13 : dtype == INGOT_BF16 ? at >> 16 : at;
}

static double largest(const ingot_tensor *t, ingot_dtype dtype, int64_t count)
{
    double out = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = fabs(ingot_load_f64(t->data, dtype, i));
        if (isfinite(x) && x > out)
            out = x;
    }
    return out;
}

static bool same_strings(const ingot_tensor *a, const ingot_tensor *b, int64_t count, int64_t *out_first)
{
    const ingot_string *x = a->data, *y = b->data;
    for (int64_t i = 0; i < count; i++) {
        if (x[i].size != y[i].size || (x[i].size && memcmp(x[i].data, y[i].data, (size_t)x[i].size) != 0)) {
            *out_first = i;
            return false;
        }
    }
    return true;
}

/* From a number to the next larger one of the type. */
static double spacing(double x, ingot_dtype dtype)
{
    int bits = dtype == INGOT_F64 ? 52 : dtype == INGOT_F16 ? 10 : dtype == INGOT_BF16 ? 7 : 23;
    int least = dtype == INGOT_F64 ? -1022 : dtype == INGOT_F16 ? -14 : -126;
    int exponent = x > 0 ? ilogb(x) : least;
    return ldexp(1, (exponent < least ? least : exponent) - bits);
}

/* Elements of a float type, or parts of a complex one. */
static bool compare_floats(const ingot_tensor *got, const ingot_tensor *want, ingot_dtype dtype, int64_t count,
                           const verify_tolerance *tol, verify_difference *d, char *why, size_t why_size)
{
    double scale = largest(want, dtype, count), step = spacing(scale, dtype);
    double allowed_scaled = tol->atol + tol->atol_scaled * scale;
    bool good = true;
    for (int64_t i = 0; i < count; i++) {
        double a = ingot_load_f64(got->data, dtype, i), b = ingot_load_f64(want->data, dtype, i);
        if (a == b || (isnan(a) && isnan(b)))
            continue;
        double gap = fabs(a - b);
        bool close = isfinite(gap) && gap <= allowed_scaled + tol->rtol * fabs(b);
        if (isfinite(a) && isfinite(b)) {
            double ulp = fabs((double)ordered(a, dtype) - (double)ordered(b, dtype)),
                   rel = b != 0 ? gap / fabs(b) : 0; /* of a reference of 0 there is no relative error */
            d->max_abs = gap > d->max_abs ? gap : d->max_abs;
            d->max_rel = rel > d->max_rel ? rel : d->max_rel;
            d->max_ulp = ulp > d->max_ulp ? ulp : d->max_ulp;
            d->max_ulp_scaled = fmax(d->max_ulp_scaled, gap / step);
            if (tol->max_ulp > 0)
                close = close || ulp <= tol->max_ulp;
        } else {
            d->max_abs = d->max_rel = d->max_ulp = d->max_ulp_scaled = INFINITY;
        }
        if (!close && good) {
            snprintf(why, why_size, "element %lld is %.9g, expected %.9g", (long long)i, a, b);
            good = false;
        }
    }
    return good;
}

/* Boxes of the same form and number of elements, each close enough. */
static bool compare_boxes(const ingot_box *got, const ingot_box *want, const verify_tolerance *tol,
                          verify_difference *d, char *why, size_t why_size)
{
    if (got && want && got->form == INGOT_FORM_TENSOR && want->form == INGOT_FORM_TENSOR)
        return verify_compare(&got->tensor, &want->tensor, tol, d, why, why_size);
    if (!got || !want || got->form != want->form || got->tensor.dtype != want->tensor.dtype) {
        snprintf(why, why_size, "is not of the kind expected: tensor, sequence or optional");
        return false;
    }
    d->n_compared++;
    if (got->count != want->count) {
        snprintf(why, why_size, "has %lld elements, expected %lld", (long long)got->count, (long long)want->count);
        return false;
    }
    for (int64_t i = 0; i < got->count; i++) {
        char inner[128];
        if (compare_boxes(got->elements[i], want->elements[i], tol, d, inner, sizeof inner))
            continue;
        snprintf(why, why_size, "in its element %lld %s", (long long)i, inner);
        return false;
    }
    return true;
}

bool verify_compare(const ingot_tensor *got, const ingot_tensor *want, const verify_tolerance *tol,
                    verify_difference *d, char *why, size_t why_size)
{
    if (cli_box_of(got) || cli_box_of(want))
        return compare_boxes(cli_box_of(got), cli_box_of(want), tol, d, why, why_size);
    if (got->dtype != want->dtype) {
        snprintf(why, why_size, "has elements of type %s, expected %s", ingot_dtype_name(got->dtype),
                 ingot_dtype_name(want->dtype));
        return false;
    }
    bool same_shape = got->rank == want->rank;
    for (int32_t i = 0; same_shape && i < got->rank; i++)
        same_shape = got->dims[i] == want->dims[i];
    if (!same_shape) {
        ingot_text a = {0}, b = {0};
        cli_print_shape(got, &a);
        cli_print_shape(want, &b);
        snprintf(why, why_size, "is %s, expected %s", a.data ? a.data : "", b.data ? b.data : "");
        ingot_text_free(&a);
        ingot_text_free(&b);
        return false;
    }
    int64_t count = ingot_tensor_count(want), first = 0;
    d->n_compared++;
    if (want->dtype == INGOT_STRING) {
        if (same_strings(got, want, count, &first))
            return true;
        snprintf(why, why_size, "string %lld differs", (long long)first);
        return false;
    }
    if (want->dtype == INGOT_C64 || want->dtype == INGOT_C128)
        return compare_floats(got, want, want->dtype == INGOT_C64 ? INGOT_F32 : INGOT_F64, 2 * count, tol, d, why,
                              why_size);
    if (ingot_dtype_is_float(want->dtype))
        return compare_floats(got, want, want->dtype, count, tol, d, why, why_size);
    /* Integers are exact, unless a tolerance in steps was asked for: then one may be given in absolute terms. */
    double allowed = tol->atol >= 1 ? tol->atol : 0;
    bool good = true;
    for (int64_t i = 0; i < count; i++) {
        int64_t a = ingot_load_i64(got->data, want->dtype, i), b = ingot_load_i64(want->data, want->dtype, i);
        if (a == b)
            continue;
        double gap = (double)(a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a);
        d->max_abs = gap > d->max_abs ? gap : d->max_abs;
        if (gap > allowed && good) {
            snprintf(why, why_size, "element %lld is %lld, expected %lld", (long long)i, (long long)a, (long long)b);
            good = false;
        }
    }
    return good;
}
