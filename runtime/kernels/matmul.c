/* matmul: NumPy's, with broadcast batch axes and either operand's last two axes transposed on request. matmul_bf16: b
 * of bf16, a of bf16 or f32, the result f32. */
#include "runtime/kernels/kernels.h"

typedef struct {
    const ingot_tensor *y;
    int64_t at, n;
} result;

static void store_tile(void *arg, int64_t row, int64_t col, int64_t rows, int64_t cols, const double *tile)
{
    const result *r = arg;
    for (int64_t i = 0; i < rows; i++)
        ingot_kernel_store_f64(r->y->data, r->y->dtype, r->at + (row + i) * r->n + col, 1, tile + i * 4, cols);
}

/* Integers multiply and add modulo 2^64, which is exact modulo any narrower type. */
static void multiply_integers(const kernel_matrix *a, const kernel_matrix *b, int64_t m, result *r)
{
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < r->n; j += KERNEL_BLOCK) {
            int64_t sums[KERNEL_BLOCK] = {0}, row[KERNEL_BLOCK],
                    width = r->n - j < KERNEL_BLOCK ? r->n - j : KERNEL_BLOCK;
            for (int64_t l = 0; l < a->k; l++) {
                uint64_t v = (uint64_t)ingot_load_i64(a->data, a->dtype, a->at + i * a->vector_stride + l * a->stride);
                ingot_kernel_load_i64(row, b->data, b->dtype, b->at + j * b->vector_stride + l * b->stride,
                                      b->vector_stride, width);
                for (int64_t c = 0; c < width; c++)
                    sums[c] = (int64_t)((uint64_t)sums[c] + v * (uint64_t)row[c]);
            }
            ingot_kernel_store_i64(r->y->data, r->y->dtype, r->at + i * r->n + j, 1, sums, width);
        }
    }
}

ingot_status ingot_portable_matmul(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "matmul", 2, 1));
    ingot_tensor a = call->in[0], b = call->in[1];
    const ingot_tensor *y = &call->out[0];
    const ingot_attrs_matmul *attrs = call->attrs;
    KERNEL_REQUIRE(a.rank >= 2 && b.rank >= 2 && y->rank >= 2 && kernel_product_types(&a, &b, y),
                   "matmul: operands of rank %d and %d, %s and %s", a.rank, b.rank, ingot_dtype_name(a.dtype),
                   ingot_dtype_name(b.dtype));
    int64_t rows_a = a.dims[a.rank - 2], cols_a = a.dims[a.rank - 1], rows_b = b.dims[b.rank - 2],
            cols_b = b.dims[b.rank - 1];
    int64_t m = attrs->trans_a ? cols_a : rows_a, k = attrs->trans_a ? rows_a : cols_a,
            n = attrs->trans_b ? rows_b : cols_b;
    KERNEL_REQUIRE(k == (attrs->trans_b ? cols_b : rows_b) && y->dims[y->rank - 2] == m && y->dims[y->rank - 1] == n,
                   "matmul: [%lld, %lld] times [%lld, %lld] does not give [%lld, %lld]", (long long)rows_a,
                   (long long)cols_a, (long long)rows_b, (long long)cols_b, (long long)y->dims[y->rank - 2],
                   (long long)y->dims[y->rank - 1]);
    int64_t strides_a[INGOT_MAX_RANK], strides_b[INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0};
    int32_t batch_rank = y->rank - 2;
    a.rank -= 2, b.rank -= 2;
    INGOT_TRY(ingot_kernel_broadcast("matmul", &a, batch_rank, y->dims, strides_a));
    INGOT_TRY(ingot_kernel_broadcast("matmul", &b, batch_rank, y->dims, strides_b));
    if (!ingot_tensor_count(y))
        return NULL;
    kernel_matrix ma = {.data = a.data, .dtype = a.dtype, .k = k}, mb = {.data = b.data, .dtype = b.dtype, .k = k};
    ma.vector_stride = attrs->trans_a ? 1 : cols_a, ma.stride = attrs->trans_a ? cols_a : 1;
    mb.vector_stride = attrs->trans_b ? cols_b : 1, mb.stride = attrs->trans_b ? 1 : cols_b;
    result r = {y, 0, n};
    do {
        ma.at = kernel_offset(batch_rank, index, strides_a) * m * k;
        mb.at = kernel_offset(batch_rank, index, strides_b) * k * n;
        if (ingot_dtype_is_float(y->dtype))
            ingot_kernel_gemm(m, n, k, ingot_kernel_pack_matrix, &ma, ingot_kernel_pack_matrix, &mb, store_tile, &r,
                              call->scratch);
        else
            multiply_integers(&ma, &mb, m, &r);
        r.at += m * n;
    } while (kernel_next(batch_rank, y->dims, index));
    return NULL;
}
