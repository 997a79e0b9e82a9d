/* Attention and rotary position embeddings. */
#include "frontend/attention.h"
#include <math.h>
#include <string.h>

ingot_value *ingot_attention_split_heads(ingot_node *n, ingot_value *x, int64_t count)
{
    if (n->error || x->type.rank == 4)
        return x;
    if (x->type.rank != 3 || count < 1) {
        ingot_node_bad(n, "operands of rank %d with %lld heads: expected rank 4, or rank 3 and the numbers of heads",
                       x->type.rank, (long long)count);
        return x;
    }
    const ingot_dim *const *d = x->type.dims, *number = ingot_const_dim(n, count);
    const ingot_dim *split[] = {d[0], d[1], number, ingot_dim_floordiv(n->m, d[2], number)};
    static const int64_t perm[] = {0, 2, 1, 3};
    return ingot_transpose(n, ingot_reshape(n, x, 4, split), perm);
}

ingot_value *ingot_attention_merge_heads(ingot_node *n, ingot_value *x)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    if (n->error)
        return x;
    x = ingot_transpose(n, x, perm);
    const ingot_dim *const *d = x->type.dims, *merged[] = {d[0], d[1], ingot_dim_mul(n->m, d[2], d[3])};
    return n->error ? x : ingot_reshape(n, x, 3, merged);
}

/* 0 where the condition holds, else minus infinity. */
ingot_value *ingot_attention_as_bias(ingot_node *n, ingot_value *condition, ingot_dtype dtype)
{
    return ingot_emit3(n, INGOT_OP_select, condition, ingot_splat(n, dtype, 0), ingot_splat(n, dtype, -INFINITY));
}

ingot_value *ingot_attention_count_up(ingot_node *n, const ingot_dim *start, const ingot_dim *count)
{
    ingot_value *in[] = {ingot_dims_value(n, -1, &start), ingot_splat(n, INGOT_I64, 1)};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_range, 2, in, 1);
    ingot_emit_sym(n, op, 1, &count);
    return ingot_emit_end(n, op);
}

static ingot_value *plus(ingot_node *n, ingot_value *a, ingot_value *b)
{
    return a && b ? ingot_emit2(n, INGOT_OP_add, a, b) : a ? a : b;
}

/* The mask as something to add; one that is shorter than the keys hides the rest of them. */
static ingot_value *mask_bias(ingot_node *n, ingot_value *mask, const ingot_heads *h)
{
    ingot_dtype dtype = h->q->type.dtype;
    if (!mask)
        return NULL;
    if (mask->type.rank < 1 || mask->type.rank > 4) {
        ingot_node_bad(n, "a mask of rank %d", mask->type.rank);
        return mask;
    }
    ingot_value *bias =
        mask->type.dtype == INGOT_BOOL ? ingot_attention_as_bias(n, mask, dtype) : ingot_cast(n, mask, dtype);
    int32_t rank = bias->type.rank;
    if (n->error)
        return bias;
    const ingot_dim *missing = ingot_dim_sub(n->m, h->k->type.dims[2], bias->type.dims[rank - 1]), *pads[8];
    if (ingot_dim_is(bias->type.dims[rank - 1], 1) || missing->lo <= 0)
        return bias;
    for (int32_t i = 0; i < 2 * rank; i++)
        pads[i] = ingot_const_dim(n, 0);
    pads[2 * rank - 1] = missing;
    return ingot_pad(n, bias, INGOT_PAD_CONSTANT, ingot_splat(n, dtype, -INFINITY), pads);
}

/* Key j takes part for query i when j <= past + i. */
ingot_value *ingot_attention_causal_bias(ingot_node *n, const ingot_heads *h)
{
    ingot_value *last = ingot_unsqueeze(n, ingot_attention_count_up(n, h->past, h->q->type.dims[2]), 1);
    ingot_value *key = ingot_attention_count_up(n, ingot_const_dim(n, 0), h->k->type.dims[2]);
    return ingot_attention_as_bias(n, ingot_emit2(n, INGOT_OP_le, key, last), h->q->type.dtype);
}

/* The first lengths[b] keys of sample b take part. */
ingot_value *ingot_attention_length_bias(ingot_node *n, ingot_value *lengths, const ingot_heads *h)
{
    const ingot_dim *one = ingot_const_dim(n, 1), *shape[] = {h->q->type.dims[0], one, one, one};
    ingot_value *key = ingot_attention_count_up(n, ingot_const_dim(n, 0), h->k->type.dims[2]);
    ingot_value *most = ingot_reshape(n, ingot_cast(n, lengths, INGOT_I64), 4, shape);
    return ingot_attention_as_bias(n, ingot_emit2(n, INGOT_OP_lt, key, most), h->q->type.dtype);
}

ingot_value *ingot_attention_fused(ingot_node *n, const ingot_heads *h)
{
    /* "2": the last query sees all keys, which is this rule when every query brought one key. */
    bool aligned = h->causal && ingot_dim_sub(n->m, h->k->type.dims[2], h->past) == h->q->type.dims[2];
    ingot_value *bias = h->causal && !aligned ? plus(n, h->bias, ingot_attention_causal_bias(n, h)) : h->bias;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_attention, bias ? 4 : 3, (ingot_value *[]){h->q, h->k, h->v, bias}, 1);
    ingot_attrs_attention *a = op->attrs;
    a->scale = h->scale;
    a->softcap = h->softcap;
    a->causal = aligned ? 2 : 0;
    a->q_heads = ingot_dim_is_const(h->q->type.dims[1]) ? h->q->type.dims[1]->value : 0;
    a->kv_heads = ingot_dim_is_const(h->k->type.dims[1]) ? h->k->type.dims[1]->value : 0;
    return ingot_emit_end(n, op);
}

/* [B, Hkv, N, D] to [B, H, N, D]: each head of the keys serves H / Hkv heads of the queries. */
ingot_value *ingot_attention_repeat_heads(ingot_node *n, ingot_value *x, const ingot_dim *count)
{
    const ingot_dim *const *d = x->type.dims;
    if (n->error || d[1] == count)
        return x;
    const ingot_dim *each = ingot_dim_floordiv(n->m, count, d[1]);
    const ingot_dim *split[] = {d[0], d[1], ingot_const_dim(n, 1), d[2], d[3]};
    const ingot_dim *wide[] = {d[0], d[1], each, d[2], d[3]}, *merged[] = {d[0], count, d[2], d[3]};
    return ingot_reshape(n, ingot_broadcast(n, ingot_reshape(n, x, 5, split), 5, wide), 4, merged);
}

/* Step by step, for those who want the scores too: mode 0 raw, 1 soft-capped, 2 with bias, 3 after the softmax. */
ingot_value *ingot_attention_spelled_out(ingot_node *n, const ingot_heads *h, int64_t mode, ingot_value **out_scores)
{
    ingot_value *k = ingot_attention_repeat_heads(n, h->k, h->q->type.dims[1]),
                *v = ingot_attention_repeat_heads(n, h->v, h->q->type.dims[1]);
    ingot_value *s = ingot_matmul(n, h->q, k, false, true);
    s = ingot_emit2(n, INGOT_OP_mul, s, ingot_splat_like(n, s, h->scale));
    *out_scores = s;
    if (h->softcap > 0) {
        ingot_value *cap = ingot_splat_like(n, s, h->softcap);
        s = ingot_emit2(n, INGOT_OP_mul, ingot_emit1(n, INGOT_OP_tanh, ingot_emit2(n, INGOT_OP_div, s, cap)), cap);
    }
    *out_scores = mode >= 1 ? s : *out_scores;
    ingot_value *bias = h->causal ? plus(n, h->bias, ingot_attention_causal_bias(n, h)) : h->bias;
    s = plus(n, s, bias);
    *out_scores = mode >= 2 ? s : *out_scores;
    s = ingot_softmax(n, s, 3, false);
    *out_scores = mode >= 3 ? s : *out_scores;
    return ingot_matmul(n, s, v, false, false);
}

static bool heads_fit(ingot_node *n, const ingot_heads *h)
{
    const ingot_dim *q = h->q->type.dims[1], *k = h->k->type.dims[1];
    if (!n->error && (h->k->type.rank != 4 || h->v->type.rank != 4 || h->q->type.rank != 4))
        ingot_node_bad(n, "Q, K and V must have one rank");
    else if (!n->error && ingot_dim_is_const(q) && ingot_dim_is_const(k) && (k->value < 1 || q->value % k->value != 0))
        ingot_node_bad(n, "%lld heads of Q are no multiple of %lld heads of K", (long long)q->value,
                       (long long)k->value);
    return !n->error;
}

/* Q, K, V, mask, past key, past value, lengths; Y, present key, present value, scores */
void ingot_import_attention(ingot_node *n)
{
    int64_t q_heads = ingot_attr_int(n, "q_num_heads", 0), kv_heads = ingot_attr_int(n, "kv_num_heads", 0);
    int64_t mode = ingot_attr_int(n, "qk_matmul_output_mode", 0);
    bool joined = n->in[0]->type.rank == 3;
    ingot_heads h = {.q = ingot_attention_split_heads(n, n->in[0], q_heads),
                     .k = ingot_attention_split_heads(n, n->in[1], kv_heads),
                     .v = ingot_attention_split_heads(n, n->in[2], kv_heads),
                     .past = ingot_const_dim(n, 0)};
    if (!heads_fit(n, &h))
        return;
    if (n->in[4] && n->in[5]) {
        h.past = n->in[4]->type.rank == 4 ? n->in[4]->type.dims[2] : h.past;
        h.k = ingot_concat(n, 2, (ingot_value *[]){n->in[4], h.k}, 2);
        h.v = ingot_concat(n, 2, (ingot_value *[]){n->in[5], h.v}, 2);
    } else if (n->in[4] || n->in[5]) {
        ingot_node_bad(n, "past_key and past_value must come together");
    }
    const ingot_dim *width = h.q->type.dims[3];
    double usual = !n->error && ingot_dim_is_const(width) && width->value > 0 ? 1 / sqrt((double)width->value) : 0;
    h.scale = ingot_attr_float(n, "scale", usual);
    if (h.scale == 0 && !ingot_attr_has(n, "scale")) { /* a size that only a run knows */
        ingot_value *root = ingot_emit1(n, INGOT_OP_rsqrt, ingot_cast(n, ingot_dims_value(n, -1, &width), INGOT_F32));
        h.q = ingot_emit2(n, INGOT_OP_mul, h.q, ingot_cast(n, root, h.q->type.dtype));
        h.scale = 1;
    }
    h.softcap = ingot_attr_float(n, "softcap", 0);
    h.causal = ingot_attr_int(n, "is_causal", 0) != 0;
    if (n->error)
        return;
    h.bias = mask_bias(n, n->in[3], &h);
    if (n->in[6])
        h.bias = plus(n, h.bias, ingot_attention_length_bias(n, n->in[6], &h));
    bool scores = n->n_out > 3 && *n->view->out[3];
    ingot_value *y = scores ? ingot_attention_spelled_out(n, &h, mode, &n->out[3]) : ingot_attention_fused(n, &h);
    if (joined)
        y = ingot_attention_merge_heads(n, y);
    n->out[0] = y;
    if (n->n_out > 1)
        n->out[1] = h.k;
    if (n->n_out > 2)
        n->out[2] = h.v;
}

/* ---- Rotary embedding ---- */

/* Cosines or sines as [B, 1, T, R/2], to multiply x [B, H, T, R/2]. */
static ingot_value *angles(ingot_node *n, ingot_value *cache)
{
    if (n->in[3]) {
        ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){cache, n->in[3]}, 1);
        cache = ingot_emit_end(n, op);
    }
    if (!n->error && cache->type.rank != 3)
        ingot_node_bad(n, "caches of rank %d", cache->type.rank);
    return n->error ? cache : ingot_unsqueeze(n, cache, 1);
}

/* The even or odd entries of the last axis of x [B, H, T, R]: x as [B, H, T, R/2, 2], one of the two. */
static ingot_value *every_other(ingot_node *n, ingot_value *x, int64_t which)
{
    const ingot_dim *const *d = x->type.dims, *two = ingot_const_dim(n, 2);
    const ingot_dim *pairs[] = {d[0], d[1], d[2], ingot_dim_floordiv(n->m, d[3], two), two};
    ingot_value *v = ingot_reshape(n, x, 5, pairs);
    return ingot_squeeze(n, ingot_slice(n, v, 4, ingot_const_dim(n, which), ingot_const_dim(n, 1)), 4);
}

static ingot_value *product(ingot_node *n, ingot_value *a, ingot_value *b)
{
    return ingot_emit2(n, INGOT_OP_mul, a, b);
}

/* Turns the pairs (a, b) of the first entries: (a cos - b sin, b cos + a sin). */
ingot_value *ingot_attention_rotate(ingot_node *n, ingot_value *x, ingot_value *c, ingot_value *s,
                                    const ingot_dim *turned, bool interleaved)
{
    if (n->error)
        return x;
    const ingot_dim *width = x->type.dims[3], *zero = ingot_const_dim(n, 0);
    const ingot_dim *rest = ingot_dim_sub(n->m, width, turned);
    const ingot_dim *half = ingot_dim_floordiv(n->m, turned, ingot_const_dim(n, 2));
    if (rest->hi < 0) {
        ingot_node_bad(n, "rotary_embedding_dim is larger than a head");
        return x;
    }
    ingot_value *head = ingot_slice(n, x, 3, zero, turned);
    if (n->error)
        return x;
    ingot_value *a = interleaved ? every_other(n, head, 0) : ingot_slice(n, head, 3, zero, half);
    ingot_value *b = interleaved ? every_other(n, head, 1) : ingot_slice(n, head, 3, half, half);
    ingot_value *parts[] = {ingot_emit2(n, INGOT_OP_sub, product(n, a, c), product(n, b, s)),
                            ingot_emit2(n, INGOT_OP_add, product(n, b, c), product(n, a, s))};
    ingot_value *y;
    if (interleaved) {
        for (int i = 0; i < 2; i++)
            parts[i] = ingot_unsqueeze(n, parts[i], 4);
        y = ingot_concat(n, 2, parts, 4);
        y = n->error ? y : ingot_reshape(n, y, 4, head->type.dims);
    } else {
        y = ingot_concat(n, 2, parts, 3);
    }
    if (!ingot_dim_is(rest, 0))
        y = ingot_concat(n, 2, (ingot_value *[]){y, ingot_slice(n, x, 3, turned, rest)}, 3);
    return y;
}

void ingot_import_rotary_embedding(ingot_node *n)
{
    ingot_value *x = ingot_attention_split_heads(n, n->in[0], ingot_attr_int(n, "num_heads", 0));
    bool joined = n->in[0]->type.rank == 3, interleaved = ingot_attr_int(n, "interleaved", 0) != 0;
    int64_t given = ingot_attr_int(n, "rotary_embedding_dim", 0);
    if (n->error)
        return;
    if (x->type.rank != 4 || given < 0) {
        ingot_node_bad(n, "expected an input of rank 3 or 4");
        return;
    }
    ingot_value *c = angles(n, n->in[1]), *s = angles(n, n->in[2]);
    const ingot_dim *turned = given ? ingot_const_dim(n, given) : x->type.dims[3];
    ingot_value *y = ingot_attention_rotate(n, x, c, s, turned, interleaved);
    if (joined && !n->error) {
        static const int64_t perm[] = {0, 2, 1, 3};
        y = ingot_reshape(n, ingot_transpose(n, y, perm), 3, n->in[0]->type.dims);
    }
    n->out[0] = y;
}
