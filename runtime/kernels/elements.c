/* Checks of operands, runs of converted elements, strided copies. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_kernel_check(const ingot_call *call, const char *name, int32_t n_in, int32_t n_out)
{
    for (int32_t i = 0; i < n_in; i++)
        KERNEL_REQUIRE(kernel_has_in(call, i), "%s: operand %d is missing", name, i);
    for (int32_t i = 0; i < n_out; i++)
        KERNEL_REQUIRE(kernel_has_out(call, i), "%s: result %d is missing", name, i);
    for (int32_t i = 0; i < call->n_in + call->n_out; i++) {
        const ingot_tensor *t = i < call->n_in ? &call->in[i] : &call->out[i - call->n_in];
        if (!t->data)
            continue;
        KERNEL_REQUIRE(t->rank >= 0 && t->rank <= INGOT_MAX_RANK, "%s: a tensor of rank %d", name, t->rank);
        for (int32_t d = 0; d < t->rank; d++)
            KERNEL_REQUIRE(t->dims[d] >= 0, "%s: a tensor of negative size %lld", name, (long long)t->dims[d]);
        int64_t count = ingot_tensor_count(t);
        KERNEL_REQUIRE(count >= 0 && ingot_dtype_bytes(t->dtype, count) >= 0, "%s: a tensor's size overflows", name);
    }
    return NULL;
}

ingot_status ingot_kernel_axis(const char *name, int64_t axis, int32_t rank, int32_t *out_axis)
{
    KERNEL_REQUIRE(axis >= -rank && axis < rank, "%s: axis %lld is outside [-%d, %d)", name, (long long)axis, rank,
                   rank);
    *out_axis = (int32_t)(axis < 0 ? axis + rank : axis);
    return NULL;
}

ingot_status ingot_kernel_axes(const char *name, const ingot_ints *axes, int32_t rank, bool *out_flags)
{
    memset(out_flags, 0, INGOT_MAX_RANK * sizeof *out_flags);
    KERNEL_REQUIRE(axes->n >= 0 && axes->n <= INGOT_MAX_INTS, "%s: %lld axes", name, (long long)axes->n);
    for (int64_t i = 0; i < axes->n; i++) {
        int32_t axis = 0;
        INGOT_TRY(ingot_kernel_axis(name, axes->v[i], rank, &axis));
        KERNEL_REQUIRE(!out_flags[axis], "%s: axis %d is listed twice", name, axis);
        out_flags[axis] = true;
    }
    return NULL;
}

ingot_status ingot_kernel_broadcast(const char *name, const ingot_tensor *t, int32_t rank, const int64_t *dims,
                                    int64_t *out_strides)
{
    KERNEL_REQUIRE(t->rank <= rank, "%s: an operand of rank %d does not broadcast to rank %d", name, t->rank, rank);
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        int32_t d = i - (rank - t->rank);
        int64_t size = d < 0 ? 1 : t->dims[d];
        KERNEL_REQUIRE(size == dims[i] || size == 1, "%s: size %lld does not broadcast to %lld", name, (long long)size,
                       (long long)dims[i]);
        out_strides[i] = size == 1 ? 0 : stride;
        stride *= size;
    }
    return NULL;
}

/* ---- runs ---- */

#define LOAD_RUN(ctype, rtype)                                                   \
    do {                                                                         \
        const char *base_ = (const char *)data + first * (int64_t)sizeof(ctype); \
        for (int64_t j = 0; j < count; j++) {                                    \
            ctype v_;                                                            \
            memcpy(&v_, base_ + j * step * (int64_t)sizeof(ctype), sizeof v_);   \
            out[j] = (rtype)v_;                                                  \
        }                                                                        \
    } while (0)

void ingot_kernel_load_f64(double *out, const void *data, ingot_dtype dtype, int64_t first, int64_t step, int64_t count)
{
    if (dtype == INGOT_F32 && step == 1) {
        const char *base = (const char *)data + first * 4;
        for (int64_t j = 0; j < count; j++)
            out[j] = (double)kernel_f32(base, j);
    } else if (dtype == INGOT_F32) {
        LOAD_RUN(float, double);
    } else if (dtype == INGOT_F64) {
        LOAD_RUN(double, double);
    } else if (dtype == INGOT_U8) {
        LOAD_RUN(uint8_t, double);
    } else if (dtype == INGOT_I8) {
        LOAD_RUN(int8_t, double);
    } else if (dtype == INGOT_I32) {
        LOAD_RUN(int32_t, double);
    } else {
        for (int64_t j = 0; j < count; j++)
            out[j] = ingot_load_f64(data, dtype, first + j * step);
    }
}

void ingot_kernel_load_i64(int64_t *out, const void *data, ingot_dtype dtype, int64_t first, int64_t step,
                           int64_t count)
{
    switch (dtype) {
    case INGOT_I64:
    case INGOT_U64:
        LOAD_RUN(int64_t, int64_t);
        break;
    case INGOT_I32:
        LOAD_RUN(int32_t, int64_t);
        break;
    case INGOT_I8:
        LOAD_RUN(int8_t, int64_t);
        break;
    case INGOT_U8:
        LOAD_RUN(uint8_t, int64_t);
        break;
    default:
        for (int64_t j = 0; j < count; j++)
            out[j] = ingot_load_i64(data, dtype, first + j * step);
    }
}

#define STORE_RUN(ctype)                                                       \
    do {                                                                       \
        char *base_ = (char *)data + first * (int64_t)sizeof(ctype);           \
        for (int64_t j = 0; j < count; j++) {                                  \
            ctype v_ = (ctype)in[j];                                           \
            memcpy(base_ + j * step * (int64_t)sizeof(ctype), &v_, sizeof v_); \
        }                                                                      \
    } while (0)

void ingot_kernel_store_f64(void *data, ingot_dtype dtype, int64_t first, int64_t step, const double *in, int64_t count)
{
    if (dtype == INGOT_F32 && step == 1) {
        char *base = (char *)data + first * 4;
        for (int64_t j = 0; j < count; j++) {
            float v = (float)in[j];
            memcpy(base + j * 4, &v, sizeof v);
        }
    } else if (dtype == INGOT_F32) {
        STORE_RUN(float);
    } else if (dtype == INGOT_F64) {
        STORE_RUN(double);
    } else if (dtype == INGOT_F8E5M2) { /* ingot_store_f64 saturates infinities too */
        for (int64_t j = 0; j < count; j++) {
            if (isinf(in[j]))
                ((uint8_t *)data)[first + j * step] = in[j] < 0 ? 0xfc : 0x7c;
            else
                ingot_store_f64(data, dtype, first + j * step, in[j]);
        }
    } else {
        for (int64_t j = 0; j < count; j++)
            ingot_store_f64(data, dtype, first + j * step, in[j]);
    }
}

void ingot_kernel_store_i64(void *data, ingot_dtype dtype, int64_t first, int64_t step, const int64_t *in,
                            int64_t count)
{
    switch (dtype) {
    case INGOT_I64:
    case INGOT_U64:
        STORE_RUN(int64_t);
        break;
    case INGOT_I32:
    case INGOT_U32:
        STORE_RUN(uint32_t);
        break;
    case INGOT_I8:
    case INGOT_U8:
        STORE_RUN(uint8_t);
        break;
    default:
        for (int64_t j = 0; j < count; j++)
            ingot_store_i64(data, dtype, first + j * step, in[j]);
    }
}

double ingot_kernel_overflow(ingot_dtype dtype, double x)
{
    double size = fabs(x);
    switch (dtype) { /* the first value that rounds beyond the largest one */
    case INGOT_F8E4M3FN:
        return size > 464 ? NAN : x;
    case INGOT_F8E4M3FNUZ:
        return size >= 248 ? NAN : x;
    case INGOT_F8E5M2:
        return size >= 61440 ? copysign(INFINITY, x) : x;
    case INGOT_F8E5M2FNUZ:
        return size >= 61440 ? NAN : x;
    default:
        return x;
    }
}

void ingot_kernel_copy_run(void *dst, int64_t j, const void *src, int64_t i, int64_t count, ingot_dtype dtype)
{
    int64_t bits = ingot_dtype_bits(dtype);
    if (count <= 0 || !bits)
        return;
    if (bits >= 8) {
        memmove((char *)dst + j * (bits / 8), (const char *)src + i * (bits / 8), (size_t)(count * (bits / 8)));
        return;
    }
    int64_t per_byte = 8 / bits;
    if (i % per_byte == 0 && j % per_byte == 0) {
        int64_t whole = count / per_byte;
        memmove((char *)dst + j / per_byte, (const char *)src + i / per_byte, (size_t)whole);
        i += whole * per_byte, j += whole * per_byte, count -= whole * per_byte;
    }
    for (int64_t l = 0; l < count; l++)
        ingot_copy_element(dst, j + l, src, i + l, dtype);
}

void ingot_kernel_fill(void *dst, int64_t j, const void *src, int64_t i, int64_t count, ingot_dtype dtype)
{
    for (int64_t l = 0; l < count; l++)
        ingot_copy_element(dst, j + l, src, i, dtype);
}

/* ---- strided copies ---- */

/* Drops sizes of 1 and joins neighbours that are one dimension for both sides. */
static int32_t join_dims(int32_t rank, int64_t *dims, int64_t *to, int64_t *from)
{
    int32_t n = 0;
    for (int32_t i = 0; i < rank; i++) {
        if (dims[i] == 1)
            continue;
        if (n && to[n - 1] == to[i] * dims[i] && from[n - 1] == from[i] * dims[i]) {
            dims[n - 1] *= dims[i];
        } else {
            dims[n] = dims[i];
            n++;
        }
        to[n - 1] = to[i];
        from[n - 1] = from[i];
    }
    return n;
}

#define COPY_LINE(ctype)                                                                 \
    for (int64_t l = 0; l < count; l++) {                                                \
        ctype v_;                                                                        \
        memcpy(&v_, (const char *)src + (i + l * from) * (int64_t)sizeof v_, sizeof v_); \
        memcpy((char *)dst + (j + l * to) * (int64_t)sizeof v_, &v_, sizeof v_);         \
    }

static void copy_line(ingot_dtype dtype, int64_t count, void *dst, int64_t j, int64_t to, const void *src, int64_t i,
                      int64_t from)
{
    typedef struct {
        uint64_t halves[2];
    } wide;
    if (to == 1 && from == 1) {
        ingot_kernel_copy_run(dst, j, src, i, count, dtype);
        return;
    }
    switch (ingot_dtype_bits(dtype)) {
    case 8:
        COPY_LINE(uint8_t) break;
    case 16:
        COPY_LINE(uint16_t) break;
    case 32:
        COPY_LINE(uint32_t) break;
    case 64:
        COPY_LINE(uint64_t) break;
    case 128:
        COPY_LINE(wide) break;
    default:
        for (int64_t l = 0; l < count; l++)
            ingot_copy_element(dst, j + l * to, src, i + l * from, dtype);
    }
}

void ingot_kernel_copy_strided(ingot_dtype dtype, int32_t rank, const int64_t *dims, void *dst, const kernel_view *to,
                               const void *src, const kernel_view *from)
{
    enum { TILE = 16 };
    int64_t sizes[INGOT_MAX_RANK], a[INGOT_MAX_RANK], b[INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0};
    for (int32_t i = 0; i < rank; i++) {
        if (dims[i] <= 0)
            return;
        sizes[i] = dims[i], a[i] = to->strides[i], b[i] = from->strides[i];
    }
    int32_t n = join_dims(rank, sizes, a, b);
    if (!n) {
        ingot_copy_element(dst, to->at, src, from->at, dtype);
        return;
    }
    int64_t last = sizes[n - 1], last_a = a[n - 1], last_b = b[n - 1];
    /* Where the source runs along another axis, go in tiles of these two, so that both sides use whole cache lines. */
    int64_t rows = 1, rows_a = 0, rows_b = 0;
    for (int32_t i = 0; i < n - 1 && last_b != 1 && last_b != 0; i++) {
        if (b[i] == 1) {
            rows = sizes[i], rows_a = a[i], rows_b = 1;
            sizes[i] = 1;
        }
    }
    do {
        int64_t j = to->at + kernel_offset(n - 1, index, a), i = from->at + kernel_offset(n - 1, index, b);
        if (rows == 1) {
            copy_line(dtype, last, dst, j, last_a, src, i, last_b);
            continue;
        }
        for (int64_t r = 0; r < rows; r += TILE) {
            for (int64_t c = 0; c < last; c += TILE) {
                int64_t width = last - c < TILE ? last - c : TILE;
                for (int64_t s = r; s < rows && s < r + TILE; s++)
                    copy_line(dtype, width, dst, j + s * rows_a + c * last_a, last_a, src, i + s * rows_b + c * last_b,
                              last_b);
            }
        }
    } while (kernel_next(n - 1, sizes, index));
}
