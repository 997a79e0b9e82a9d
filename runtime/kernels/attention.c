/* attention: softmax(scale q k^T, soft cap, mask, causal) v, one query row at a time.
 *
 * q [B, H, M, D], k [B, Hkv, N, D], v [B, Hkv, N, Dv], result [B, H, M, Dv]; or of rank 3 with the heads inside the
 * last axis, as q_heads and kv_heads split it. Head h uses key head h / (H / Hkv). A bool mask says what takes part,
 * any other is added. causal 1: query i sees keys 0 .. i; 2: the last query sees all keys, each one before it one less.
 * A row that sees nothing gives NaN.
 */
#include "runtime/kernels/kernels.h"

typedef struct {
    const ingot_tensor *t;
    int64_t heads, rows, width;
    int64_t batch_stride, head_stride, row_stride;
} heads;

static ingot_status split_heads(const ingot_tensor *t, int64_t n_heads, int64_t batch, heads *out)
{
    bool joined = t->rank == 3;
    KERNEL_REQUIRE((t->rank == 4 || (joined && n_heads > 0 && t->dims[2] % n_heads == 0)) && t->dims[0] == batch &&
                       ingot_dtype_is_float(t->dtype),
                   "attention: an operand of rank %d with %lld heads", t->rank, (long long)n_heads);
    if (joined) {
        int64_t width = t->dims[2] / n_heads;
        *out = (heads){t, n_heads, t->dims[1], width, t->dims[1] * t->dims[2], width, t->dims[2]};
    } else {
        int64_t width = t->dims[3];
        *out = (heads){t, t->dims[1], t->dims[2], width, t->dims[1] * t->dims[2] * width, t->dims[2] * width, width};
    }
    return NULL;
}

static int64_t row_at(const heads *h, int64_t batch, int64_t head, int64_t row)
{
    return batch * h->batch_stride + head * h->head_stride + row * h->row_stride;
}

static double dot(const double *a, const ingot_tensor *t, int64_t at, int64_t n)
{
    double sum = 0;
    if (t->dtype == INGOT_F32) {
        double other = 0;
        int64_t i = 0;
        for (; i + 2 <= n; i += 2) {
            sum += a[i] * (double)kernel_f32(t->data, at + i);
            other += a[i + 1] * (double)kernel_f32(t->data, at + i + 1);
        }
        return i < n ? sum + other + a[i] * (double)kernel_f32(t->data, at + i) : sum + other;
    }
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * ingot_load_f64(t->data, t->dtype, at + i);
    return sum;
}

ingot_status ingot_portable_attention(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "attention", 3, 1));
    const ingot_attrs_attention *attrs = call->attrs;
    const ingot_tensor *mask = kernel_has_in(call, 3) ? &call->in[3] : NULL;
    heads q, k, v, y;
    int64_t batch = call->in[0].rank ? call->in[0].dims[0] : 0;
    INGOT_TRY(split_heads(&call->in[0], attrs->q_heads, batch, &q));
    INGOT_TRY(split_heads(&call->in[1], attrs->kv_heads, batch, &k));
    INGOT_TRY(split_heads(&call->in[2], attrs->kv_heads, batch, &v));
    INGOT_TRY(split_heads(&call->out[0], q.heads, batch, &y));
    KERNEL_REQUIRE(k.heads == v.heads && k.heads > 0 && q.heads % k.heads == 0 && q.width == k.width &&
                       k.rows == v.rows && y.heads == q.heads && y.rows == q.rows && y.width == v.width,
                   "attention: q has %lld heads of %lld, k %lld of %lld, v %lld of %lld", (long long)q.heads,
                   (long long)q.width, (long long)k.heads, (long long)k.width, (long long)v.heads, (long long)v.width);
    int64_t mask_strides[4] = {0}, score_dims[4] = {batch, q.heads, q.rows, k.rows};
    if (mask)
        INGOT_TRY(ingot_kernel_broadcast("attention", mask, 4, score_dims, mask_strides));
    int64_t n = k.rows, d = q.width, dv = v.width, per_key_head = q.heads / k.heads;
    double scale = attrs->scale != 0 ? attrs->scale : 1 / sqrt((double)d);
    double *scores = call->scratch, *query = scores + n, *sums = query + d, *row = sums + dv;
    for (int64_t i = 0; i < batch * q.heads * q.rows; i++) {
        int64_t b = i / (q.heads * q.rows), head = i / q.rows % q.heads, m = i % q.rows;
        int64_t visible = attrs->causal == 1 ? m + 1 : attrs->causal == 2 ? m + 1 + n - q.rows : n;
        double peak = -INFINITY, total = 0;
        ingot_kernel_load_f64(query, q.t->data, q.t->dtype, row_at(&q, b, head, m), 1, d);
        int64_t mask_at = b * mask_strides[0] + head * mask_strides[1] + m * mask_strides[2];
        for (int64_t j = 0; j < n; j++) {
            scores[j] = -INFINITY;
            bool bool_mask = mask && mask->dtype == INGOT_BOOL;
            if (j >= visible || (bool_mask && !((const uint8_t *)mask->data)[mask_at + j * mask_strides[3]]))
                continue;
            double s = scale * dot(query, k.t, row_at(&k, b, head / per_key_head, j), d);
            if (attrs->softcap > 0)
                s = attrs->softcap * tanh(s / attrs->softcap);
            if (mask && !bool_mask)
                s += ingot_load_f64(mask->data, mask->dtype, mask_at + j * mask_strides[3]);
            scores[j] = s;
            peak = isnan(peak) || peak > s ? peak : s;
        }
        memset(sums, 0, (size_t)dv * sizeof *sums);
        for (int64_t j = 0; j < n; j++) {
            double weight = exp(scores[j] - peak);
            total += weight;
            if (weight == 0)
                continue;
            ingot_kernel_load_f64(row, v.t->data, v.t->dtype, row_at(&v, b, head / per_key_head, j), 1, dv);
            for (int64_t l = 0; l < dv; l++)
                sums[l] += weight * row[l];
        }
        for (int64_t l = 0; l < dv; l++)
            sums[l] /= total;
        ingot_kernel_store_f64(y.t->data, y.t->dtype, row_at(&y, b, head, m), 1, sums, dv);
    }
    return NULL;
}
