/* com.microsoft: attention in its packed, multi-head and group-query forms, and rotary embedding by positions. */
#include "frontend/attention.h"
#include <math.h>
#include <string.h>

/* 1 / sqrt(head size) unless the attribute says otherwise. */
static double scale_attr(ingot_node *n, const ingot_dim *width)
{
    double given = ingot_attr_float(n, "scale", 0);
    if (given != 0)
        return given;
    if (!n->error && !(ingot_dim_is_const(width) && width->value > 0))
        ingot_node_unsupported(n, "without a scale the head size must be known");
    return n->error ? 1 : 1 / sqrt((double)width->value);
}

static ingot_value *plus(ingot_node *n, ingot_value *a, ingot_value *b)
{
    return a && b ? ingot_emit2(n, INGOT_OP_add, a, b) : a ? a : b;
}

static ingot_value *with_shape(ingot_node *n, ingot_value *v, int32_t rank, const ingot_dim *const *dims)
{
    return n->error ? v : ingot_reshape(n, v, rank, dims);
}

/* 0 where `keep` holds, else the filter value of the node. */
static ingot_value *filtered(ingot_node *n, ingot_value *keep, ingot_dtype dtype)
{
    double filter = ingot_attr_float(n, "mask_filter_value", -10000);
    return ingot_emit3(n, INGOT_OP_select, keep, ingot_splat(n, dtype, 0), ingot_splat(n, dtype, filter));
}

/* A mask of integers as something to add to scores [B, H, S, T]: lengths [B]; ends and starts [2 B]; whether keys take
 * part, [B, T], [B, S, T] or [B, 1, most, most] whose last rows count. */
static ingot_value *mask_bias(ingot_node *n, ingot_value *mask, const ingot_heads *h)
{
    if (!mask || n->error)
        return NULL;
    const ingot_dim *one = ingot_const_dim(n, 1), *const *d = mask->type.dims;
    const ingot_dim *batch = h->q->type.dims[0], *tokens = h->q->type.dims[2], *all = h->k->type.dims[2];
    ingot_dtype dtype = h->q->type.dtype;
    const ingot_dim *column[] = {batch, one, one, one};
    if (mask->type.rank == 1) {
        ingot_value *key = ingot_attention_count_up(n, ingot_const_dim(n, 0), all);
        bool starts = d[0] == ingot_dim_mul(n->m, batch, ingot_const_dim(n, 2));
        if (!starts && d[0] != batch) {
            ingot_node_unsupported(n, "a mask of one axis that is neither lengths nor ends and starts");
            return mask;
        }
        ingot_value *ends = ingot_cast(n, ingot_slice(n, mask, 0, ingot_const_dim(n, 0), batch), INGOT_I64);
        ingot_value *keep = ingot_emit2(n, INGOT_OP_lt, key, with_shape(n, ends, 4, column));
        if (starts) {
            ingot_value *first = ingot_cast(n, ingot_slice(n, mask, 0, batch, batch), INGOT_I64);
            keep =
                ingot_emit2(n, INGOT_OP_and, keep, ingot_emit2(n, INGOT_OP_ge, key, with_shape(n, first, 4, column)));
        }
        return filtered(n, keep, dtype);
    }
    const ingot_dim *wide[] = {d[0], one, mask->type.rank == 3 ? d[1] : one, d[mask->type.rank - 1]};
    if (mask->type.rank == 4) {
        mask = ingot_slice(n, mask, 2, ingot_dim_sub(n->m, all, tokens), tokens);
        mask = n->error ? mask : ingot_slice(n, mask, 3, ingot_const_dim(n, 0), all);
    } else if (mask->type.rank == 2 || mask->type.rank == 3) {
        mask = with_shape(n, mask, 4, wide);
    } else {
        ingot_node_bad(n, "a mask of rank %d", mask->type.rank);
    }
    if (n->error)
        return mask;
    return filtered(n, ingot_emit2(n, INGOT_OP_gt, mask, ingot_splat_like(n, mask, 0)), dtype);
}

/* `count` columns of x [B, S, ...] from `start`, as heads [B, H, S, D]. */
static ingot_value *columns(ingot_node *n, ingot_value *x, int64_t start, int64_t count, int64_t heads)
{
    if (n->error || heads < 1 || count % heads) {
        ingot_node_bad(n, "%lld columns in %lld heads", (long long)count, (long long)heads);
        return x;
    }
    x = ingot_slice(n, x, 2, ingot_const_dim(n, start), ingot_const_dim(n, count));
    return n->error ? x : ingot_attention_split_heads(n, x, heads);
}

/* Refuses attributes and inputs that say how buffers are shared in memory. */
static bool refuse(ingot_node *n, const char *attr, bool given)
{
    if (ingot_attr_int(n, attr, 0) || given)
        ingot_node_unsupported(n, "'%s' and the inputs that go with it are not supported", attr);
    return n->error != NULL;
}

/* past [2, B, H, P, D] before keys and values; answers both joined, [2, B, H, T, D]. */
static ingot_value *join_past(ingot_node *n, ingot_value *past, ingot_heads *h)
{
    ingot_value **now[] = {&h->k, &h->v}, *both[2];
    if (past && past->type.rank != 5) {
        ingot_node_bad(n, "a past of rank %d, expected 5", past->type.rank);
        return past;
    }
    if (past)
        h->past = past->type.dims[3];
    if (!past && n->n_out < 2)
        return NULL; /* nobody asks */
    for (int i = 0; i < 2 && !n->error; i++) {
        if (past) {
            ingot_value *old = ingot_slice(n, past, 0, ingot_const_dim(n, i), ingot_const_dim(n, 1));
            old = n->error ? old : ingot_squeeze(n, old, 0);
            *now[i] = ingot_concat(n, 2, (ingot_value *[]){old, *now[i]}, 2);
        }
        both[i] = n->error || n->n_out < 2 ? *now[i] : ingot_unsqueeze(n, *now[i], 0);
    }
    return n->error || n->n_out < 2 ? NULL : ingot_concat(n, 2, both, 0);
}

/* Input times packed weights [I, q + k + v], which are known by then; the rest of Attention. */
static void packed(ingot_node *n, ingot_value *x, ingot_value *weights, ingot_value *bias, ingot_value *mask,
                   ingot_value *past, ingot_value *extra)
{
    int64_t heads = ingot_attr_int(n, "num_heads", 0);
    ingot_ints sizes;
    if (!n->error && (x->type.rank != 3 || weights->type.rank != 2 || !ingot_dim_is_const(weights->type.dims[1])))
        ingot_node_bad(n, "an input of rank %d and weights of rank %d, expected 3 and 2 with known columns",
                       x->type.rank, weights->type.rank);
    if (n->error)
        return;
    if (!ingot_attr_ints(n, "qkv_hidden_sizes", &sizes) || sizes.n == 0) {
        int64_t each = weights->type.dims[1]->value / 3;
        sizes = (ingot_ints){.n = 3, .v = {each, each, each}};
    }
    if (sizes.n != 3 || sizes.v[0] < 1 || sizes.v[0] != sizes.v[1] || sizes.v[2] < 1 ||
        sizes.v[0] + sizes.v[1] + sizes.v[2] != weights->type.dims[1]->value) {
        ingot_node_bad(n, "hidden sizes %lld, %lld, %lld of %lld columns", (long long)sizes.v[0], (long long)sizes.v[1],
                       (long long)sizes.v[2], (long long)weights->type.dims[1]->value);
        return;
    }
    x = plus(n, ingot_matmul(n, x, weights, false, false), bias);
    ingot_heads h = {.q = columns(n, x, 0, sizes.v[0], heads),
                     .k = columns(n, x, sizes.v[0], sizes.v[1], heads),
                     .v = columns(n, x, sizes.v[0] + sizes.v[1], sizes.v[2], heads),
                     .past = ingot_const_dim(n, 0),
                     .causal = ingot_attr_int(n, "unidirectional", 0) != 0};
    if (n->error)
        return;
    h.scale = scale_attr(n, h.q->type.dims[3]);
    ingot_value *present = join_past(n, past, &h);
    h.bias = plus(n, mask_bias(n, mask, &h), extra);
    if (n->error)
        return;
    n->out[0] = ingot_attention_merge_heads(n, ingot_attention_fused(n, &h));
    if (n->n_out > 1)
        n->out[1] = present;
}

/* input, weights, bias, mask, past, attention bias */
void ingot_import_packed_attention(ingot_node *n)
{
    if (refuse(n, "past_present_share_buffer", n->in[6] != NULL) || refuse(n, "do_rotary", false))
        return;
    packed(n, n->in[0], n->in[1], n->in[2], n->in[3], n->in[4], n->in[5]);
}

static ingot_value *real(ingot_node *n, ingot_value *x, ingot_value *scale, ingot_value *zero)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dequantize, zero ? 3 : 2, (ingot_value *[]){x, scale, zero}, 1);
    ingot_attrs_quantize *a = op->attrs;
    a->axis = ingot_type_count(&scale->type) == 1 ? 0 : x->type.rank - 1;
    a->saturate = 1;
    return ingot_emit_end(n, op);
}

/* input, weights, bias, scales of input and weights, mask, zero points of input and weights, past */
void ingot_import_quantized_attention(ingot_node *n)
{
    if (refuse(n, "past_present_share_buffer", false) || refuse(n, "do_rotary", false))
        return;
    packed(n, real(n, n->in[0], n->in[3], n->in[6]), real(n, n->in[1], n->in[4], n->in[7]), n->in[2], n->in[5],
           n->in[8], NULL);
}

/* ---- MultiHeadAttention ---- */

/* Part `which` of x [B, S, H, parts, D] as [B, H, S, D]. */
static ingot_value *part_of(ingot_node *n, ingot_value *x, int64_t which)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    x = ingot_slice(n, x, 3, ingot_const_dim(n, which), ingot_const_dim(n, 1));
    x = n->error ? x : ingot_squeeze(n, x, 3);
    return n->error ? x : ingot_transpose(n, x, perm);
}

/* Part of a bias [q + k + v] that fits `like` [B, H, S, D], added to it; advances *start. */
static ingot_value *biased(ingot_node *n, ingot_value *like, ingot_value *bias, const ingot_dim **start, bool add)
{
    if (n->error || !bias)
        return like;
    const ingot_dim *const *d = like->type.dims, *count = ingot_dim_mul(n->m, d[1], d[3]);
    const ingot_dim *shape[] = {d[1], ingot_const_dim(n, 1), d[3]};
    ingot_value *part = ingot_slice(n, bias, 0, *start, count);
    *start = ingot_dim_add(n->m, *start, count);
    return add ? ingot_emit2(n, INGOT_OP_add, like, with_shape(n, part, 3, shape)) : like;
}

/* query, key, value, bias, key mask, attention bias, past key, past value; y, present key, present value, scores */
void ingot_import_multi_head_attention(ingot_node *n)
{
    ingot_value *q = n->in[0], *k = n->in[1], *v = n->in[2];
    int64_t heads = ingot_attr_int(n, "num_heads", 0);
    ingot_heads h = {.past = ingot_const_dim(n, 0), .causal = ingot_attr_int(n, "unidirectional", 0) != 0};
    if (refuse(n, "past_sequence_length", n->in[8] != NULL || n->in[9] != NULL))
        return;
    bool crossed = k && k->type.rank == 4; /* keys and values come as heads: no bias for them */
    if (q->type.rank == 5) {
        h.q = part_of(n, q, 0), h.k = part_of(n, q, 1), h.v = part_of(n, q, 2);
    } else if (k && k->type.rank == 5) {
        h.q = ingot_attention_split_heads(n, q, heads), h.k = part_of(n, k, 0), h.v = part_of(n, k, 1);
    } else if (k && v) {
        h.q = ingot_attention_split_heads(n, q, heads);
        h.k = ingot_attention_split_heads(n, k, heads);
        h.v = ingot_attention_split_heads(n, v, heads);
    } else {
        ingot_node_bad(n, "keys or values are missing");
    }
    const ingot_dim *at = ingot_const_dim(n, 0);
    h.q = biased(n, h.q, n->in[3], &at, true);
    h.k = biased(n, h.k, n->in[3], &at, !crossed);
    h.v = biased(n, h.v, n->in[3], &at, !crossed);
    if (!n->error && (!n->in[6]) != (!n->in[7]))
        ingot_node_bad(n, "past keys and values must come together");
    if (n->error)
        return;
    if (n->in[6]) {
        h.past = n->in[6]->type.rank == 4 ? n->in[6]->type.dims[2] : h.past;
        h.k = ingot_concat(n, 2, (ingot_value *[]){n->in[6], h.k}, 2);
        h.v = ingot_concat(n, 2, (ingot_value *[]){n->in[7], h.v}, 2);
    }
    if (n->error)
        return;
    h.scale = scale_attr(n, h.q->type.dims[3]);
    h.bias = plus(n, mask_bias(n, n->in[4], &h), n->in[5]);
    if (n->error)
        return;
    bool scores = n->n_out > 3 && *n->view->out[3];
    ingot_value *y = scores ? ingot_attention_spelled_out(n, &h, 3, &n->out[3]) : ingot_attention_fused(n, &h);
    n->out[0] = ingot_attention_merge_heads(n, y);
    if (n->n_out > 1)
        n->out[1] = h.k;
    if (n->n_out > 2)
        n->out[2] = h.v;
}

/* ---- Rotary embedding by positions ---- */

/* Rows of a cache [most, R] at positions [B, S] as [B, 1, S, R]. */
static ingot_value *rows_at(ingot_node *n, ingot_value *cache, ingot_value *positions)
{
    ingot_value *rows =
        ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){cache, positions}, 1));
    if (!n->error && rows->type.rank != 3)
        ingot_node_bad(n, "a cache of rank %d and positions of rank %d, expected 2", cache->type.rank,
                       positions->type.rank);
    return n->error ? rows : ingot_unsqueeze(n, rows, 1);
}

static ingot_value *turn(ingot_node *n, ingot_value *x, ingot_value *cosines, ingot_value *sines,
                         ingot_value *positions, bool interleaved)
{
    if (n->error)
        return x;
    ingot_value *c = rows_at(n, cosines, positions), *s = rows_at(n, sines, positions);
    if (n->error)
        return x;
    const ingot_dim *turned = ingot_dim_mul(n->m, c->type.dims[3], ingot_const_dim(n, 2));
    return ingot_attention_rotate(n, x, c, s, turned, interleaved);
}

/* x, positions [B, S] or one start for all [1], cosines, sines */
void ingot_import_rotary_positions(ingot_node *n)
{
    ingot_value *x = n->in[0], *positions = n->in[1];
    int64_t heads = ingot_attr_int(n, "num_heads", 0);
    bool joined = x->type.rank == 3;
    if (ingot_attr_float(n, "scale", 1) != 1)
        ingot_node_unsupported(n, "a scale of the positions is not supported");
    if (refuse(n, "is_packed_batching", false))
        return;
    if (joined && heads == 0 && n->in[2]->type.rank == 2 && ingot_dim_is_const(n->in[2]->type.dims[1]) &&
        ingot_dim_is_const(x->type.dims[2]) && n->in[2]->type.dims[1]->value > 0)
        heads = x->type.dims[2]->value / (2 * n->in[2]->type.dims[1]->value);
    ingot_value *v = ingot_attention_split_heads(n, x, heads);
    if (!n->error && positions->type.rank == 1) {
        ingot_value *count = ingot_attention_count_up(n, ingot_const_dim(n, 0), v->type.dims[2]);
        const ingot_dim *shape[] = {ingot_const_dim(n, 1), v->type.dims[2]};
        positions = with_shape(n, ingot_emit2(n, INGOT_OP_add, count, positions), 2, shape);
    }
    v = turn(n, v, n->in[2], n->in[3], positions, ingot_attr_int(n, "interleaved", 0) != 0);
    n->out[0] = joined ? ingot_attention_merge_heads(n, v) : v;
}

/* ---- GroupQueryAttention ---- */

/* Keys or values of this call go behind those of the past, sample b's from place first[b] on: [B, H, T, D]. */
static ingot_value *extend(ingot_node *n, ingot_value *past, ingot_value *now, ingot_value *first,
                           const ingot_dim *total)
{
    if (n->error || !past || past->type.rank != 4 || ingot_dim_is(past->type.dims[2], 0))
        return now;
    const ingot_dim *const *d = now->type.dims, *one = ingot_const_dim(n, 1), *zero = ingot_const_dim(n, 0);
    const ingot_dim *pads[8] = {zero, zero, zero, zero, zero, zero, ingot_dim_sub(n->m, total, past->type.dims[2]),
                                zero};
    ingot_value *room = ingot_pad(n, past, INGOT_PAD_CONSTANT, ingot_splat_like(n, past, 0), pads);
    const ingot_dim *along[] = {one, one, d[2], one}, *samples[] = {d[0], one, one, one};
    ingot_value *at = with_shape(n, ingot_attention_count_up(n, zero, d[2]), 4, along);
    at = ingot_emit2(n, INGOT_OP_add, at, with_shape(n, first, 4, samples));
    at = n->error ? at : ingot_broadcast(n, at, 4, d);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_scatter_elements, 3, (ingot_value *[]){room, at, now}, 1);
    ((ingot_attrs_scatter *)op->attrs)->axis = 2;
    return ingot_emit_end(n, op);
}

/* Which keys [T] the query at place p [B, 1, S, 1] sees: up to p itself, at most `window` of them; or, not causal, up
 * to the last. */
static ingot_value *visible_bias(ingot_node *n, const ingot_heads *h, ingot_value *place, ingot_value *last,
                                 int64_t window)
{
    ingot_value *key = ingot_attention_count_up(n, ingot_const_dim(n, 0), h->k->type.dims[2]);
    ingot_value *sees = ingot_emit2(n, INGOT_OP_le, key, h->causal ? place : last);
    if (window > 0) {
        ingot_value *from = ingot_emit2(n, INGOT_OP_sub, place, ingot_splat(n, INGOT_I64, (double)window));
        sees = ingot_emit2(n, INGOT_OP_and, sees, ingot_emit2(n, INGOT_OP_gt, key, from));
    }
    return ingot_attention_as_bias(n, sees, h->q->type.dtype);
}

static ingot_value *normed(ingot_node *n, ingot_value *x, ingot_value *scale)
{
    if (!scale)
        return x;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_rms_norm, 2, (ingot_value *[]){x, scale}, 1);
    ingot_attrs_norm *a = op->attrs;
    a->axis = 3;
    a->epsilon = ingot_attr_float(n, "qk_norm_epsilon", 1e-6f);
    return ingot_emit_end(n, op);
}

static bool refuse_unknown(ingot_node *n)
{
    static const char *const switches[] = {"smooth_softmax", "qk_output", "sliding_window_cache", "kv_cache_bit_width"};
    for (int i = 0; i < 4; i++)
        if (refuse(n, switches[i], false))
            return true;
    if (n->in[11] || n->in[12] || n->in[13] || (n->n_out > 3 && *n->view->out[3]))
        ingot_node_unsupported(n, "head_sink, quantized caches and the scores as a result are not supported");
    return n->error != NULL;
}

/* query (or all packed), key, value, past key, past value, lengths - 1, total, cosines, sines, positions, attention
 * bias, -, -, -, scales of norms for Q and K; y, present key, present value */
void ingot_import_group_query_attention(ingot_node *n)
{
    int64_t q_heads = ingot_attr_int(n, "num_heads", 0), kv_heads = ingot_attr_int(n, "kv_num_heads", 0);
    ingot_value *q = n->in[0], *past_k = n->in[3], *past_v = n->in[4];
    ingot_heads h = {.past = ingot_const_dim(n, 0), .causal = ingot_attr_int(n, "causal", 1) != 0};
    if (refuse_unknown(n) || !ingot_node_needs(n, (const int32_t[]){5, 6, -1}))
        return;
    if (q->type.rank != 3 || q_heads < 1 || kv_heads < 1 || q_heads % kv_heads || (!n->in[1]) != (!n->in[2])) {
        ingot_node_bad(n, "queries of rank %d, %lld heads, %lld of keys", q->type.rank, (long long)q_heads,
                       (long long)kv_heads);
        return;
    }
    if (n->in[1]) {
        h.q = ingot_attention_split_heads(n, q, q_heads);
        h.k = ingot_attention_split_heads(n, n->in[1], kv_heads);
        h.v = ingot_attention_split_heads(n, n->in[2], kv_heads);
    } else {
        int64_t all = ingot_dim_is_const(q->type.dims[2]) ? q->type.dims[2]->value : 0;
        int64_t width = all / (q_heads + 2 * kv_heads);
        h.q = columns(n, q, 0, q_heads * width, q_heads);
        h.k = columns(n, q, q_heads * width, kv_heads * width, kv_heads);
        h.v = columns(n, q, (q_heads + kv_heads) * width, kv_heads * width, kv_heads);
    }
    if (n->error)
        return;
    const ingot_dim *batch = h.q->type.dims[0], *tokens = h.q->type.dims[2], *one = ingot_const_dim(n, 1);
    /* A sample's first new token stands at length - tokens; a prompt, padded at its end or not, at 0. */
    ingot_value *last = with_shape(n, ingot_cast(n, n->in[5], INGOT_I64), 1, &batch);
    ingot_value *behind = ingot_dims_value(n, -1, (const ingot_dim *[]){ingot_dim_sub(n->m, tokens, one)});
    ingot_value *first =
        ingot_emit2(n, INGOT_OP_max, ingot_emit2(n, INGOT_OP_sub, last, behind), ingot_splat(n, INGOT_I64, 0));
    const ingot_dim *column[] = {batch, one}, *row[] = {one, tokens}, *grid[] = {batch, one, tokens, one};
    ingot_value *place = ingot_emit2(n, INGOT_OP_add, with_shape(n, first, 2, column),
                                     with_shape(n, ingot_attention_count_up(n, ingot_const_dim(n, 0), tokens), 2, row));
    h.q = normed(n, h.q, n->in[14]);
    h.k = normed(n, h.k, n->in[15]);
    if (ingot_attr_int(n, "do_rotary", 0)) {
        bool interleaved = ingot_attr_int(n, "rotary_interleaved", 0) != 0;
        ingot_value *positions = n->in[9] ? n->in[9] : place;
        if (!n->in[7] || !n->in[8]) {
            ingot_node_bad(n, "do_rotary needs the caches of cosines and sines");
            return;
        }
        h.q = turn(n, h.q, n->in[7], n->in[8], positions, interleaved);
        h.k = turn(n, h.k, n->in[7], n->in[8], positions, interleaved);
    }
    if (n->error)
        return;
    if (past_k && past_v && past_k->type.rank == 4) {
        /* A known total says whether the past has room for the new tokens already. */
        const ingot_dim *total = ingot_dim_add(n->m, past_k->type.dims[2], tokens);
        ingot_ints known;
        if (ingot_known_ints(n, n->in[6], &known) && known.n == 1 && ingot_dim_is_const(past_k->type.dims[2]))
            total = ingot_dim_max(n->m, past_k->type.dims[2], ingot_const_dim(n, known.v[0]));
        h.k = extend(n, past_k, h.k, first, total);
        h.v = extend(n, past_v, h.v, first, total);
    }
    if (n->error)
        return;
    h.scale = scale_attr(n, h.q->type.dims[3]);
    h.softcap = ingot_attr_float(n, "softcap", 0);
    const ingot_dim *samples[] = {batch, one, one, one};
    ingot_value *bias = visible_bias(n, &h, with_shape(n, place, 4, grid), with_shape(n, last, 4, samples),
                                     ingot_attr_int(n, "local_window_size", -1));
    h.bias = plus(n, bias, n->in[10]);
    h.causal = false;
    if (n->error)
        return;
    n->out[0] = ingot_attention_merge_heads(n, ingot_attention_fused(n, &h));
    if (n->n_out > 1)
        n->out[1] = h.k;
    if (n->n_out > 2)
        n->out[2] = h.v;
}
