/* dft: discrete Fourier transforms along an axis of x [..., 1 or 2] (real, or real and imaginary parts), in double.
 *
 * Lengths that are powers of two go through radix-2 steps; others are convolutions of such lengths (Bluestein). */
#include "runtime/kernels/kernels.h"

#define PI 3.14159265358979323846

typedef struct {
    double re, im;
} complex;

static complex times(complex a, complex b)
{
    return (complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* exp(-2 pi i k / n) */
static complex root(int64_t k, int64_t n)
{
    double angle = -2 * PI * (double)k / (double)n;
    return (complex){cos(angle), sin(angle)};
}

/* Forward transform in place; n is a power of two, roots holds its n / 2 roots of unity. */
static void radix2(complex *a, int64_t n, const complex *roots)
{
    for (int64_t i = 1, j = 0; i < n; i++) {
        int64_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            complex t = a[i];
            a[i] = a[j];
            a[j] = t;
        }
    }
    for (int64_t half = 1; half < n; half *= 2) {
        int64_t step = n / (2 * half);
        for (int64_t i = 0; i < n; i += 2 * half) {
            for (int64_t k = 0; k < half; k++) {
                complex u = a[i + k], v = times(a[i + k + half], roots[k * step]);
                a[i + k] = (complex){u.re + v.re, u.im + v.im};
                a[i + k + half] = (complex){u.re - v.re, u.im - v.im};
            }
        }
    }
}

/* Working memory of one length: see kernel_dft_words. */
typedef struct {
    int64_t n, m;    /* length; power of two that is transformed */
    complex *data;   /* [n] */
    complex *roots;  /* [m / 2] */
    complex *chirp;  /* [n], Bluestein only: exp(-pi i k^2 / n) */
    complex *filter; /* [m], Bluestein only: transform of the conjugate chirp, wrapped around */
    complex *wide;   /* [m], Bluestein only */
} plan;

static plan make_plan(int64_t n, void *scratch)
{
    plan p = {.n = n, .m = kernel_dft_size(n), .data = scratch};
    p.roots = p.data + n;
    for (int64_t k = 0; k < p.m / 2; k++)
        p.roots[k] = root(k, p.m);
    if (p.m == n)
        return p;
    p.chirp = p.roots + p.m / 2;
    p.filter = p.chirp + n;
    p.wide = p.filter + p.m;
    memset(p.filter, 0, (size_t)p.m * sizeof *p.filter);
    for (int64_t k = 0; k < n; k++) {
        p.chirp[k] = root((int64_t)((uint64_t)k * (uint64_t)k % (uint64_t)(2 * n)), 2 * n);
        complex conjugate = {p.chirp[k].re, -p.chirp[k].im};
        p.filter[k] = conjugate;
        if (k)
            p.filter[p.m - k] = conjugate;
    }
    radix2(p.filter, p.m, p.roots);
    return p;
}

/* Forward transform of p->data. */
static void transform(const plan *p)
{
    if (p->m == p->n) {
        radix2(p->data, p->n, p->roots);
        return;
    }
    memset(p->wide, 0, (size_t)p->m * sizeof *p->wide);
    for (int64_t k = 0; k < p->n; k++)
        p->wide[k] = times(p->data[k], p->chirp[k]);
    radix2(p->wide, p->m, p->roots);
    for (int64_t k = 0; k < p->m; k++) { /* the inverse is the forward transform between two conjugations */
        p->wide[k] = times(p->wide[k], p->filter[k]);
        p->wide[k].im = -p->wide[k].im;
    }
    radix2(p->wide, p->m, p->roots);
    for (int64_t k = 0; k < p->n; k++) {
        complex v = {p->wide[k].re / (double)p->m, -p->wide[k].im / (double)p->m};
        p->data[k] = times(v, p->chirp[k]);
    }
}

typedef struct {
    const ingot_tensor *t;
    int64_t size, inner, parts; /* elements along the axis, behind it (parts apart), 1 or 2 */
} lane_view;

static lane_view view_of(const ingot_tensor *t, int32_t axis)
{
    return (lane_view){t, t->dims[axis], kernel_product(t->dims, axis + 1, t->rank - 1), t->dims[t->rank - 1]};
}

static int64_t element_at(const lane_view *v, int64_t lane, int64_t i)
{
    return ((lane / v->inner * v->size + i) * v->inner + lane % v->inner) * v->parts;
}

static void load_lane(const plan *p, const lane_view *x, int64_t lane, bool half_given)
{
    int64_t wanted = half_given ? p->n / 2 + 1 : p->n;
    for (int64_t i = 0; i < p->n; i++) {
        complex v = {0, 0};
        if (i < wanted && i < x->size) {
            int64_t at = element_at(x, lane, i);
            v.re = ingot_load_f64(x->t->data, x->t->dtype, at);
            v.im = x->parts == 2 ? ingot_load_f64(x->t->data, x->t->dtype, at + 1) : 0;
        }
        p->data[i] = v;
    }
    if (!half_given)
        return;
    p->data[0].im = 0; /* a real signal's spectrum: the other half is the conjugate */
    if (p->n % 2 == 0)
        p->data[p->n / 2].im = 0;
    for (int64_t i = 1; i < wanted && i < p->n - i; i++)
        p->data[p->n - i] = (complex){p->data[i].re, -p->data[i].im};
}

ingot_status ingot_portable_dft(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "dft", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_dft *attrs = call->attrs;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("dft", call->n_sym == 2 ? call->sym[1] : attrs->axis, x->rank, &axis));
    int64_t n = call->n_sym >= 1 ? call->sym[0] : -1;
    KERNEL_REQUIRE(x->rank >= 2 && x->rank == y->rank && axis < x->rank - 1 && x->dtype == y->dtype &&
                       ingot_dtype_is_float(x->dtype),
                   "dft: axis %d of %s of rank %d", axis, ingot_dtype_name(x->dtype), x->rank);
    lane_view from = view_of(x, axis), to = view_of(y, axis);
    bool real = attrs->inverse && attrs->onesided;
    int64_t lanes = kernel_product(x->dims, 0, axis) * from.inner, expected = n;
    if (attrs->onesided && !attrs->inverse)
        expected = n / 2 + 1;
    KERNEL_REQUIRE(n >= 1 && n <= INT32_MAX && (from.parts == 1 || from.parts == 2) && to.parts == (real ? 1 : 2) &&
                       to.size == expected && to.inner == from.inner &&
                       lanes == kernel_product(y->dims, 0, axis) * to.inner,
                   "dft: length %lld, %lld parts to %lld elements of %lld parts", (long long)n, (long long)from.parts,
                   (long long)to.size, (long long)to.parts);
    plan p = make_plan(n, call->scratch);
    double scale = attrs->inverse ? 1 / (double)n : 1, sign = attrs->inverse ? -1 : 1;
    for (int64_t lane = 0; lane < lanes; lane++) {
        load_lane(&p, &from, lane, real);
        for (int64_t i = 0; attrs->inverse && i < n; i++)
            p.data[i].im = -p.data[i].im;
        transform(&p);
        for (int64_t i = 0; i < to.size; i++) {
            int64_t at = element_at(&to, lane, i);
            ingot_store_f64(y->data, y->dtype, at, p.data[i].re * scale);
            if (!real)
                ingot_store_f64(y->data, y->dtype, at + 1, p.data[i].im * scale * sign);
        }
    }
    return NULL;
}
