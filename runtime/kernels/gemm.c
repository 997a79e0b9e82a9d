/* Matrix products in double, the base of matmul and convolutions: 4 x 4 tiles in registers over packed vectors. */
#include "runtime/kernels/kernels.h"

typedef double pair __attribute__((vector_size(16)));

/* Adds row r of a step's outer product; the names keep the sums in registers. */
#define ADD_ROW(r)              \
    do {                        \
        pair v_ = {a[r], a[r]}; \
        s##r##0 += v_ * b0;     \
        s##r##1 += v_ * b1;     \
    } while (0)

/* tile[4][4] = a[k][4]^T b[k][4]. */
static void multiply(int64_t k, const double *a, const double *b, double *tile)
{
    pair s00 = {0}, s01 = {0}, s10 = {0}, s11 = {0}, s20 = {0}, s21 = {0}, s30 = {0}, s31 = {0};
    for (int64_t l = 0; l < k; l++, a += 4, b += 4) {
        pair b0, b1;
        memcpy(&b0, b, sizeof b0);
        memcpy(&b1, b + 2, sizeof b1);
        ADD_ROW(0);
        ADD_ROW(1);
        ADD_ROW(2);
        ADD_ROW(3);
    }
    const pair sums[8] = {s00, s01, s10, s11, s20, s21, s30, s31};
    memcpy(tile, sums, sizeof sums);
}

/* The same for a single row. */
static void multiply_row(int64_t k, const double *a, const double *b, double *tile)
{
    pair s0 = {0}, s1 = {0};
    for (int64_t l = 0; l < k; l++) {
        pair b0, b1, v = {a[l * 4], a[l * 4]};
        memcpy(&b0, b + l * 4, sizeof b0);
        memcpy(&b1, b + l * 4 + 2, sizeof b1);
        s0 += v * b0;
        s1 += v * b1;
    }
    memcpy(tile, &s0, sizeof s0);
    memcpy(tile + 2, &s1, sizeof s1);
}

void ingot_kernel_gemm(int64_t m, int64_t n, int64_t k, kernel_pack_fn *pack_a, const void *a, kernel_pack_fn *pack_b,
                       const void *b, kernel_tile_fn *tile, void *out, double *scratch)
{
    int64_t width = 4 * kernel_gemm_groups(k);
    double *packed_a = scratch, *packed_b = scratch + 4 * k;
    for (int64_t j = 0; j < n; j += width) {
        int64_t end = n - j < width ? n : j + width;
        for (int64_t c = j; c < end; c += 4)
            pack_b(b, c, end - c < 4 ? end - c : 4, packed_b + (c - j) * k);
        for (int64_t i = 0; i < m; i += 4) {
            int64_t rows = m - i < 4 ? m - i : 4;
            pack_a(a, i, rows, packed_a);
            for (int64_t c = j; c < end; c += 4) {
                double sums[16];
                (rows == 1 ? multiply_row : multiply)(k, packed_a, packed_b + (c - j) * k, sums);
                tile(out, i, c, rows, end - c < 4 ? end - c : 4, sums);
            }
        }
    }
}

void ingot_kernel_pack_matrix(const void *arg, int64_t first, int64_t count, double *out)
{
    const kernel_matrix *m = arg;
    int64_t k = m->k;
    for (int64_t v = 0; v < 4; v++) {
        double *to = out + v;
        if (v >= count) {
            for (int64_t l = 0; l < k; l++)
                to[l * 4] = 0;
            continue;
        }
        int64_t at = m->at + (first + v) * m->vector_stride;
        if (m->dtype == INGOT_F32) {
            if (m->vector_stride == 1 && count == 4) { /* four neighbours at a time */
                for (int64_t l = 0; l < k; l++) {
                    const char *from = (const char *)m->data + (at + l * m->stride) * 4;
                    for (int64_t u = 0; u < 4; u++)
                        out[l * 4 + u] = (double)kernel_f32(from, u);
                }
                break;
            }
            for (int64_t l = 0; l < k; l++)
                to[l * 4] = (double)kernel_f32(m->data, at + l * m->stride);
            continue;
        }
        double zero =
            m->zeros ? ingot_load_f64(m->zeros, m->zeros_dtype, m->zeros_at + (first + v) * m->zeros_step) : 0;
        for (int64_t l = 0; l < k; l += KERNEL_BLOCK) {
            double row[KERNEL_BLOCK];
            int64_t some = k - l < KERNEL_BLOCK ? k - l : KERNEL_BLOCK;
            ingot_kernel_load_f64(row, m->data, m->dtype, at + l * m->stride, m->stride, some);
            for (int64_t u = 0; u < some; u++)
                to[(l + u) * 4] = row[u] - zero;
        }
    }
}
