/* What portable kernels share: checks, reading and writing runs of elements, strided copies, broadcasting, windows,
 * products.
 *
 * Offsets, strides and counts are in elements. Nothing here allocates or assumes alignment of tensor data. A kernel
 * checks that its operands fit together before it touches them, so that the loops need no checks but those on indices
 * that come from data.
 */
#ifndef INGOT_RUNTIME_KERNELS_H
#define INGOT_RUNTIME_KERNELS_H
#include "runtime/portable.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Elements handled at a time where a kernel works on converted values. */
#define KERNEL_BLOCK 256

#define KERNEL_REQUIRE(condition, ...)                       \
    do {                                                     \
        if (__builtin_expect(!(condition), 0))               \
            return ingot_fail(INGOT_BAD_MODEL, __VA_ARGS__); \
    } while (0)

/* ---- Operands and sizes (elements.c) ---- */

static inline bool kernel_has_in(const ingot_call *call, int32_t i)
{
    return i < call->n_in && call->in[i].data;
}

static inline bool kernel_has_out(const ingot_call *call, int32_t i)
{
    return i < call->n_out && call->out[i].data;
}

/* Refuses calls with fewer operands or results than given, left-out ones among them, ranks and sizes out of range. */
ingot_status ingot_kernel_check(const ingot_call *call, const char *name, int32_t n_in, int32_t n_out);

/* -rank <= axis < rank, made non-negative. */
ingot_status ingot_kernel_axis(const char *name, int64_t axis, int32_t rank, int32_t *out_axis);

/* Sets flags[axis] for every axis listed; refuses repeated ones. */
ingot_status ingot_kernel_axes(const char *name, const ingot_ints *axes, int32_t rank, bool *out_flags);

/* Dense row-major strides. */
static inline void kernel_strides(int32_t rank, const int64_t *dims, int64_t *out_strides)
{
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        out_strides[i] = stride;
        stride *= dims[i];
    }
}

/* Strides of `t` seen with the sizes `dims`: aligned right, 0 where a size of 1 repeats. */
ingot_status ingot_kernel_broadcast(const char *name, const ingot_tensor *t, int32_t rank, const int64_t *dims,
                                    int64_t *out_strides);

static inline bool kernel_same_dims(const ingot_tensor *a, const ingot_tensor *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]);
}

/* Product of dims[first .. last). */
static inline int64_t kernel_product(const int64_t *dims, int32_t first, int32_t last)
{
    int64_t product = 1;
    for (int32_t i = first; i < last; i++)
        product *= dims[i];
    return product;
}

/* Next index in row-major order; false after the last (the index is then all zero again). */
static inline bool kernel_next(int32_t rank, const int64_t *dims, int64_t *index)
{
    for (int32_t i = rank - 1; i >= 0; i--) {
        if (++index[i] < dims[i])
            return true;
        index[i] = 0;
    }
    return false;
}

static inline int64_t kernel_offset(int32_t rank, const int64_t *index, const int64_t *strides)
{
    int64_t offset = 0;
    for (int32_t i = 0; i < rank; i++)
        offset += index[i] * strides[i];
    return offset;
}

/* Entry i of a list where an empty list means all `otherwise`. */
static inline int64_t kernel_int(const ingot_ints *list, int32_t i, int64_t otherwise)
{
    return i < list->n && i < INGOT_MAX_INTS ? list->v[i] : otherwise;
}

/* ---- Elements (elements.c) ---- */

static inline float kernel_f32(const void *data, int64_t i)
{
    float v;
    memcpy(&v, (const char *)data + i * 4, sizeof v);
    return v;
}

static inline bool kernel_is_index(ingot_dtype dtype)
{
    return dtype == INGOT_I64 || dtype == INGOT_I32;
}

/* out[j] = data[first + j * step] for j < count, converted; step may be 0 or negative. */
void ingot_kernel_load_f64(double *out, const void *data, ingot_dtype dtype, int64_t first, int64_t step,
                           int64_t count);
void ingot_kernel_load_i64(int64_t *out, const void *data, ingot_dtype dtype, int64_t first, int64_t step,
                           int64_t count);
/* data[first + j * step] = in[j]. Infinities stay infinite in types that have them. */
void ingot_kernel_store_f64(void *data, ingot_dtype dtype, int64_t first, int64_t step, const double *in,
                            int64_t count);
void ingot_kernel_store_i64(void *data, ingot_dtype dtype, int64_t first, int64_t step, const int64_t *in,
                            int64_t count);

/* Like a cast with saturate=0: what overflows the float8 type `dtype` becomes its infinity or NaN; else `x` itself. */
double ingot_kernel_overflow(ingot_dtype dtype, double x);

/* Copies elements src[i .. i + count) to dst[j ..), any type; they do not overlap. */
void ingot_kernel_copy_run(void *dst, int64_t j, const void *src, int64_t i, int64_t count, ingot_dtype dtype);
/* dst[j .. j + count) = src[i]. */
void ingot_kernel_fill(void *dst, int64_t j, const void *src, int64_t i, int64_t count, ingot_dtype dtype);

/* dst[dst_at + sum index * dst_strides] = src[src_at + sum index * src_strides] for all indices within dims. */
typedef struct kernel_view {
    int64_t at;
    int64_t strides[INGOT_MAX_RANK];
} kernel_view;
void ingot_kernel_copy_strided(ingot_dtype dtype, int32_t rank, const int64_t *dims, void *dst, const kernel_view *to,
                               const void *src, const kernel_view *from);

/* ---- Products with double accumulators (gemm.c) ---- */

/* Writes the vectors first .. first + count (count <= 4) of length k interleaved, missing ones as zero: out[i * 4 + v].
 */
typedef void kernel_pack_fn(const void *arg, int64_t first, int64_t count, double *out);
/* Takes a finished tile: tile[r * 4 + c] is element (row + r, col + c) for r < rows, c < cols. */
typedef void kernel_tile_fn(void *arg, int64_t row, int64_t col, int64_t rows, int64_t cols, const double *tile);

/* Every element (i, j) of [m, n]: the sum over l < k of a's vector i times b's vector j. */
void ingot_kernel_gemm(int64_t m, int64_t n, int64_t k, kernel_pack_fn *pack_a, const void *a, kernel_pack_fn *pack_b,
                       const void *b, kernel_tile_fn *tile, void *out, double *scratch);

/* Columns of b packed at a time, in groups of 4: what keeps them within the second-level cache. */
static inline int64_t kernel_gemm_groups(int64_t k)
{
    int64_t groups = 16384 / (k > 1 ? k : 1);
    return groups < 1 ? 1 : groups > 16 ? 16 : groups;
}
static inline int64_t kernel_gemm_scratch(int64_t k) /* bytes; -1 on overflow */
{
    int64_t bytes;
    return __builtin_mul_overflow((kernel_gemm_groups(k) + 1) * 4 * (int64_t)sizeof(double), k > 0 ? k : 1, &bytes)
               ? -1
               : bytes;
}

/* A matrix as a set of vectors, for kernel_pack_fn: element l of vector v is data[at + v * vector_stride + l * stride]
 * less a zero point. */
typedef struct kernel_matrix {
    const void *data;
    ingot_dtype dtype;
    int64_t at, vector_stride, stride, k;
    const void *zeros; /* null: none; else of zeros_dtype, entry zeros_at + v * zeros_step */
    ingot_dtype zeros_dtype;
    int64_t zeros_at, zeros_step;
} kernel_matrix;
kernel_pack_fn ingot_kernel_pack_matrix;

/* ---- Windows: pools and convolutions (window.c) ---- */

/* Spatial axes (all but the first two) of x and y and the window that moves over them. */
typedef struct kernel_window {
    int32_t rank; /* spatial */
    int64_t in[INGOT_MAX_RANK], out[INGOT_MAX_RANK], kernel[INGOT_MAX_RANK];
    int64_t strides[INGOT_MAX_RANK], dilations[INGOT_MAX_RANK], low[INGOT_MAX_RANK], high[INGOT_MAX_RANK];
    int64_t in_count, out_count, kernel_count;
    int64_t in_strides[INGOT_MAX_RANK];
} kernel_window;

/* Fills the window in and checks every entry: sizes at most 2^31, kernel, strides, dilations at least 1. `kernel` holds
 * x's rank - 2 sizes. */
ingot_status ingot_kernel_window(const char *name, const ingot_tensor *x, const ingot_tensor *y, const int64_t *kernel,
                                 const ingot_ints *strides, const ingot_ints *pads, const ingot_ints *dilations,
                                 kernel_window *out);

/* Operands and result of one type; or weights of bf16, whose products with bf16 or f32 give f32. */
static inline bool kernel_product_types(const ingot_tensor *a, const ingot_tensor *b, const ingot_tensor *y)
{
    if (b->dtype == INGOT_BF16 && y->dtype == INGOT_F32)
        return a->dtype == INGOT_BF16 || a->dtype == INGOT_F32;
    return a->dtype == b->dtype && a->dtype == y->dtype;
}
/* conv and conv_integer (conv_gemm.c): y = w * x, with zero points subtracted (kinds as in kernel_matrix; null: none).
 */
ingot_status ingot_kernel_conv(const ingot_call *call, const char *name, const ingot_tensor *x_zero,
                               const ingot_tensor *w_zero);

/* ---- Recurrent layers (recurrent.c) ---- */

/* Operands of lstm, gru and rnn, checked, whatever the layout. Gate rows are counted in a direction's own matrix. */
typedef struct kernel_recurrent {
    int64_t steps, batch, inputs, hidden, directions, gates;
    const ingot_attrs_recurrent *attrs;
    const ingot_tensor *x, *w, *r, *bias, *lens, *h0, *c0, *peephole; /* the last five may be null */
    int64_t x_step, x_batch;                                          /* strides of x, in elements */
    int64_t y_step, y_batch, y_direction;                             /* of Y */
    int64_t h_batch, h_direction;                                     /* of initial and final states */
    double *h, *c, *pre, *row; /* scratch: [hidden], [hidden], [gates * hidden], [inputs + gates * hidden] */
} kernel_recurrent;
ingot_status ingot_kernel_recurrent(const ingot_call *call, const char *name, int64_t gates, kernel_recurrent *out);
/* Steps of one sequence; its length is checked. */
ingot_status ingot_kernel_recurrent_length(const kernel_recurrent *s, const char *name, int64_t batch,
                                           int64_t *out_steps);
/* Position in x of step `i` of a sequence of `length` steps in this direction. */
static inline int64_t kernel_recurrent_time(const kernel_recurrent *s, int64_t direction, int64_t i, int64_t length)
{
    bool reverse = s->attrs->direction == INGOT_REVERSE || direction == 1;
    return reverse ? length - 1 - i : i;
}
/* out[g] += matrix row g . vec for rows first .. first + count of a direction's [gates * hidden, k]. */
void ingot_kernel_recurrent_rows(const ingot_tensor *matrix, int64_t direction, int64_t rows, int64_t k, int64_t first,
                                 int64_t count, const double *vec, double *out);
/* Bias entry of a gate row: half 0 is of W, 1 of R. */
double ingot_kernel_recurrent_bias(const kernel_recurrent *s, int64_t direction, int half, int64_t row);
double ingot_kernel_recurrent_clip(const kernel_recurrent *s, double x);
/* Activation number `slot` (0 f, 1 g, 2 h) of a direction; `per_direction` in all. */
double ingot_kernel_recurrent_act(const kernel_recurrent *s, int64_t direction, int slot, int per_direction, double x);
/* Sets h and c to a sequence's initial state. */
void ingot_kernel_recurrent_run_start(const kernel_recurrent *s, int64_t direction, int64_t batch);
/* Writes h to Y at a time. */
void ingot_kernel_recurrent_store(const kernel_recurrent *s, const ingot_call *call, int64_t direction, int64_t batch,
                                  int64_t time);
/* Writes the final states, and zero to Y past the sequence's length. */
void ingot_kernel_recurrent_finish(const kernel_recurrent *s, const ingot_call *call, int64_t direction, int64_t batch,
                                   int64_t length);

/* ---- Quantization (quantize_params.c) ---- */

/* Where the scale (and zero point) of an element is: x seen as [outer, size, inner] around the axis. */
typedef struct kernel_scales {
    int64_t outer, size, inner, block; /* block 1 along the axis for per-axis; 0: one scale for all */
    int64_t blocks;                    /* scales along the axis */
    bool per_element_inner;            /* blocked: scales vary along outer and inner as well */
} kernel_scales;
ingot_status ingot_kernel_scales(const char *name, const ingot_tensor *x, const ingot_tensor *scale,
                                 const ingot_tensor *zero, const ingot_attrs_quantize *attrs, kernel_scales *out);
static inline int64_t kernel_scale_index(const kernel_scales *s, int64_t outer, int64_t along, int64_t inner)
{
    if (!s->block)
        return 0;
    int64_t entry = along / s->block;
    return s->per_element_inner ? (outer * s->blocks + entry) * s->inner + inner : entry;
}

/* ---- Pictures (image.c) ---- */

typedef struct kernel_image {
    const uint8_t *data;
    int64_t size, width, height;
    int64_t at, row_bytes, palette, colors; /* where pixels begin or go on; bytes of a row; BMP's palette */
    int64_t most;                           /* PNM: the largest value */
    int32_t pnm, bits;                      /* PNM: its kind, 1 to 6, else 0; BMP: bits of a pixel */
    bool upside_down;
} kernel_image;
/* Reads the header and checks that the file has all pixels. */
ingot_status ingot_kernel_image_open(const ingot_tensor *bytes, kernel_image *out);
/* Red, green and blue of a pixel. Pixels must be asked for in order, rows from the top. */
ingot_status ingot_kernel_image_pixel(kernel_image *m, int64_t row, int64_t column, uint8_t *out);

/* ---- Fourier transforms (dft.c) ---- */

/* The power of two that a transform of length n works with: n, or room for a convolution of n with itself. */
static inline int64_t kernel_dft_size(int64_t n)
{
    int64_t size = 1;
    while (size < n)
        size *= 2;
    return size == n ? n : size < 2 * n - 1 ? 2 * size : size;
}
/* Complex numbers of scratch for a length up to 2^31. */
static inline int64_t kernel_dft_scratch(int64_t n)
{
    int64_t m = kernel_dft_size(n);
    return m == n ? n + m / 2 : 2 * n + m / 2 + 2 * m;
}

/* ---- Interpolation tables of resize, kept in scratch (resize_table.c) ---- */

/* What one axis of the result takes from x: `taps` indices and weights for each of its `out` positions. A position
 * outside x, where that gives the extrapolation value, has index -1. */
typedef struct kernel_resize_axis {
    int64_t in, out, taps;
    double scale, roi_start, roi_end;
    int64_t *indices; /* [out, taps] */
    double *weights;  /* [out, taps] */
} kernel_resize_axis;
/* Sizes, scales and taps of all axes, checked; indices and weights stay null. */
ingot_status ingot_kernel_resize_axes(const ingot_call *call, kernel_resize_axis *out_axes);
/* No scale whose product with `in` is rounded, down or to the nearest, to `out` needs more taps. */
int64_t ingot_kernel_resize_most_taps(const ingot_attrs_resize *attrs, int64_t in, int64_t out);
void ingot_kernel_resize_fill(const ingot_attrs_resize *attrs, kernel_resize_axis *axis);
#endif
