/* matmul_integer: integers of up to 16 bits less their zero points, i32 result. Products and sums are exact in double.
 */
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

/* Zero point of every vector (a's rows, b's columns): one for all, or a vector, or one vector per batch. */
static ingot_status use_zeros(const ingot_call *call, int32_t i, int64_t vectors, kernel_matrix *m,
                              int64_t *out_batch_step)
{
    *out_batch_step = 0;
    if (!kernel_has_in(call, i))
        return NULL;
    const ingot_tensor *zeros = &call->in[i];
    int64_t count = ingot_tensor_count(zeros),
            batches = ingot_tensor_count(&call->out[0]) /
                      (call->out[0].dims[call->out[0].rank - 2] * call->out[0].dims[call->out[0].rank - 1]);
    KERNEL_REQUIRE(zeros->dtype == m->dtype && (count == 1 || count == vectors || count == vectors * batches),
                   "matmul_integer: %lld zero points of %s for %lld vectors", (long long)count,
                   ingot_dtype_name(zeros->dtype), (long long)vectors);
    m->zeros = zeros->data;
    m->zeros_dtype = zeros->dtype;
    m->zeros_step = count > 1;
    *out_batch_step = count > vectors ? vectors : 0;
    return NULL;
}

ingot_status ingot_portable_matmul_integer(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "matmul_integer", 2, 1));
    ingot_tensor a = call->in[0], b = call->in[1];
    const ingot_tensor *y = &call->out[0];
    KERNEL_REQUIRE(a.rank >= 2 && b.rank >= 2 && y->rank >= 2 && y->dtype == INGOT_I32 &&
                       ingot_dtype_is_integer(a.dtype) && ingot_dtype_bits(a.dtype) <= 16 &&
                       ingot_dtype_is_integer(b.dtype) && ingot_dtype_bits(b.dtype) <= 16,
                   "matmul_integer: operands of rank %d and %d, %s and %s", a.rank, b.rank, ingot_dtype_name(a.dtype),
                   ingot_dtype_name(b.dtype));
    int64_t m = a.dims[a.rank - 2], k = a.dims[a.rank - 1], n = b.dims[b.rank - 1];
    KERNEL_REQUIRE(k == b.dims[b.rank - 2] && y->dims[y->rank - 2] == m && y->dims[y->rank - 1] == n,
                   "matmul_integer: [%lld, %lld] times [%lld, %lld]", (long long)m, (long long)k,
                   (long long)b.dims[b.rank - 2], (long long)n);
    int64_t strides_a[INGOT_MAX_RANK], strides_b[INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0}, zero_a = 0, zero_b = 0;
    int32_t batch_rank = y->rank - 2;
    a.rank -= 2, b.rank -= 2;
    INGOT_TRY(ingot_kernel_broadcast("matmul_integer", &a, batch_rank, y->dims, strides_a));
    INGOT_TRY(ingot_kernel_broadcast("matmul_integer", &b, batch_rank, y->dims, strides_b));
    if (!ingot_tensor_count(y))
        return NULL;
    kernel_matrix ma = {.data = a.data, .dtype = a.dtype, .vector_stride = k, .stride = 1, .k = k};
    kernel_matrix mb = {.data = b.data, .dtype = b.dtype, .vector_stride = 1, .stride = n, .k = k};
    INGOT_TRY(use_zeros(call, 2, m, &ma, &zero_a));
    INGOT_TRY(use_zeros(call, 3, n, &mb, &zero_b));
    result r = {y, 0, n};
    do {
        ma.at = kernel_offset(batch_rank, index, strides_a) * m * k;
        mb.at = kernel_offset(batch_rank, index, strides_b) * k * n;
        ingot_kernel_gemm(m, n, k, ingot_kernel_pack_matrix, &ma, ingot_kernel_pack_matrix, &mb, store_tile, &r,
                          call->scratch);
        r.at += m * n;
        ma.zeros_at += zero_a;
        mb.zeros_at += zero_b;
    } while (kernel_next(batch_rank, y->dims, index));
    return NULL;
}
