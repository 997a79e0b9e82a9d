/* Layers of sequence models that carry a state from call to call, and attention with functions of the model inside. */
#include "frontend/attention.h"
#include <math.h>

/* Sample b of `update` goes into the cache from place write_indices[b] of the axis on; circular: around its end. */
void ingot_import_tensor_scatter(ingot_node *n)
{
    static const char *const modes[] = {"linear", "circular", NULL};
    ingot_value *cache = n->in[0], *update = n->in[1], *start = n->in[2];
    int32_t rank = ingot_node_rank(n, cache, 2), mode = ingot_attr_choice(n, "mode", "linear", modes);
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", -2), rank);
    if (!n->error && (axis == 0 || update->type.rank != rank))
        ingot_node_bad(n, axis ? "cache and update differ in rank" : "the axis must not be 0, that of the batch");
    if (n->error)
        return;
    const ingot_dim *one = ingot_const_dim(n, 1), *along[INGOT_MAX_RANK], *samples[INGOT_MAX_RANK];
    for (int32_t i = 0; i < rank; i++) {
        along[i] = i == axis ? update->type.dims[i] : one;
        samples[i] = i == 0 ? cache->type.dims[0] : one;
    }
    ingot_value *at =
        ingot_reshape(n, ingot_attention_count_up(n, ingot_const_dim(n, 0), update->type.dims[axis]), rank, along);
    if (start)
        at = ingot_emit2(n, INGOT_OP_add, at, ingot_reshape(n, ingot_cast(n, start, INGOT_I64), rank, samples));
    if (mode == 1)
        at = ingot_emit2(n, INGOT_OP_mod, at, ingot_dims_value(n, -1, &cache->type.dims[axis]));
    at = ingot_broadcast(n, at, rank, update->type.dims);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_scatter_elements, 3, (ingot_value *[]){cache, at, update}, 1);
    ((ingot_attrs_scatter *)op->attrs)->axis = axis;
    n->out[0] = ingot_emit_end(n, op);
}

/* x [B, C, L + k - 1] and w [C, 1, k]: [B, C, L], a convolution with a group for each channel; of an unknown number of
 * channels, products of all windows. */
static ingot_value *depthwise(ingot_node *n, ingot_value *x, ingot_value *w, const ingot_dim *length)
{
    if (n->error)
        return x;
    bool known = ingot_dim_is_const(x->type.dims[1]) && x->type.dims[1]->value > 0;
    const ingot_dim *zero = ingot_const_dim(n, 0);
    if (known) {
        ingot_op *op = ingot_emit_begin(n, INGOT_OP_conv, 2, (ingot_value *[]){x, w}, 1);
        ((ingot_attrs_conv *)op->attrs)->groups = x->type.dims[1]->value;
        return ingot_emit_end(n, op);
    }
    ingot_ints last = {.n = 1, .v = {3}};
    w = ingot_reshape(n, w, 3, (const ingot_dim *[]){w->type.dims[0], ingot_const_dim(n, 1), w->type.dims[2]});
    ingot_value *at = ingot_unsqueeze(n, ingot_attention_count_up(n, zero, length), 1);
    at = ingot_emit2(n, INGOT_OP_add, at, ingot_attention_count_up(n, zero, w->type.dims[2]));
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){x, at}, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = 2;
    ingot_dtype dtype = w->type.dtype, wide = dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32; /* of the products */
    ingot_value *windows = ingot_cast(n, ingot_emit_end(n, op), wide);
    ingot_value *products = ingot_emit2(n, INGOT_OP_mul, windows, ingot_cast(n, w, wide));
    return ingot_cast(n, ingot_reduce(n, products, INGOT_REDUCE_SUM, &last, false), dtype);
}

/* A depthwise convolution that looks back only; the last k - 1 places are the state for the next call. */
void ingot_import_causal_conv(ingot_node *n)
{
    static const char *const activations[] = {"none", "silu", "swish", NULL};
    ingot_value *x = n->in[0], *w = n->in[1], *bias = n->in[2], *past = n->in[3];
    int32_t activation = ingot_attr_choice(n, "activation", "none", activations);
    if (x->type.rank != 3 || w->type.rank != 3 || (past && past->type.rank != 3)) {
        ingot_node_bad(n, "operands of rank %d and %d, expected 3", x->type.rank, w->type.rank);
        return;
    }
    const ingot_dim *const *d = x->type.dims, *one = ingot_const_dim(n, 1);
    const ingot_dim *back = ingot_dim_sub(n->m, w->type.dims[2], one), *shape[] = {d[0], d[1], back};
    if (!past)
        past = ingot_splat_shaped(n, x->type.dtype, 3, shape, 0);
    ingot_value *all = ingot_dim_is(back, 0) ? x : ingot_concat(n, 2, (ingot_value *[]){past, x}, 2);
    ingot_value *y = depthwise(n, all, w, d[2]);
    if (bias)
        y = ingot_emit2(n, INGOT_OP_add, y, ingot_along_channels(n, bias, 3));
    n->out[0] = activation ? ingot_emit1(n, INGOT_OP_silu, y) : y;
    if (n->n_out > 1)
        n->out[1] = ingot_slice(n, all, 2, ingot_dim_sub(n->m, all->type.dims[2], back), back);
}

void ingot_import_linear_attention(ingot_node *n)
{
    static const char *const rules[] = {"linear", "gated", "delta", "gated_delta", NULL};
    int32_t rule = ingot_attr_choice(n, "update_rule", "gated_delta", rules);
    bool gated = rule == 1 || rule == 3, delta = rule >= 2;
    if (gated != (n->in[4] != NULL) || delta != (n->in[5] != NULL)) {
        ingot_node_bad(n, "the update rule '%s' %s decay and %s beta", rules[rule], gated ? "needs" : "takes no",
                       delta ? "needs" : "takes no");
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_linear_attention, n->n_in < 6 ? n->n_in : 6, n->in, 2);
    ingot_attrs_linear_attention *a = op->attrs;
    a->q_heads = ingot_attr_int(n, "q_num_heads", 0);
    a->kv_heads = ingot_attr_int(n, "kv_num_heads", 0);
    a->scale = ingot_attr_float(n, "scale", 0);
    n->out[0] = ingot_emit_end(n, op);
    n->out[1] = n->error ? n->out[0] : op->out[1];
}

/* ---- FlexAttention ---- */

/* x through the function in a graph attribute, if it is there: one tensor to one of the same type and shape. */
static ingot_value *modified(ingot_node *n, const char *name, ingot_value *x)
{
    const ingot_onnx_attr *attr = ingot_attr_find(n, name, INGOT_ONNX_GRAPH);
    if (n->error || !attr)
        return x;
    if (attr->g->n_in != 1 || attr->g->n_out != 1) {
        ingot_node_bad(n, "%s has %d inputs and %d outputs, expected 1 and 1", name, attr->g->n_in, attr->g->n_out);
        return x;
    }
    ingot_scope *scope = ingot_scope_inline(n);
    ingot_value *y = NULL;
    if (n->error)
        return x;
    ingot_scope_bind(n, scope, attr->g->in[0].name, x);
    ingot_import_body(n, scope, attr->g, &y);
    if (!n->error && (y->type.rank != 4 || y->type.dtype != x->type.dtype))
        ingot_node_bad(n, "%s gives %s of rank %d, expected %s of rank 4", name, ingot_dtype_name(y->type.dtype),
                       y->type.rank, ingot_dtype_name(x->type.dtype));
    return n->error ? x : y;
}

/* q k' times the scale, 1 / sqrt(width) by default. Half of it goes to each side, so that halves do not overflow. */
static ingot_value *scaled_scores(ingot_node *n, ingot_value *q, ingot_value *k, const ingot_dim *width)
{
    bool given = ingot_attr_has(n, "scale");
    double scale = ingot_attr_float(n, "scale", 1);
    if (scale < 0)
        return ingot_emit2(n, INGOT_OP_mul, ingot_matmul(n, q, k, false, true), ingot_splat_like(n, q, scale));
    ingot_value *root = ingot_splat_like(n, q, sqrt(scale));
    if (!given) {
        ingot_value *w = ingot_cast(n, ingot_dims_value(n, -1, &width), INGOT_F64);
        root = ingot_cast(n, ingot_emit1(n, INGOT_OP_rsqrt, ingot_emit1(n, INGOT_OP_sqrt, w)), q->type.dtype);
    }
    q = ingot_emit2(n, INGOT_OP_mul, q, root);
    return ingot_matmul(n, q, ingot_emit2(n, INGOT_OP_mul, k, root), false, true);
}

void ingot_import_flex_attention(ingot_node *n)
{
    ingot_value *q = n->in[0], *k = n->in[1], *v = n->in[2];
    if (q->type.rank != 4 || k->type.rank != 4 || v->type.rank != 4) {
        ingot_node_bad(n, "operands of rank %d, %d and %d, expected 4", q->type.rank, k->type.rank, v->type.rank);
        return;
    }
    const ingot_dim *heads = q->type.dims[1], *shared = k->type.dims[1], *width = q->type.dims[3];
    if (ingot_dim_is_const(heads) && ingot_dim_is_const(shared) &&
        (shared->value < 1 || heads->value % shared->value != 0)) {
        ingot_node_bad(n, "%lld heads of Q are no multiple of %lld heads of K", (long long)heads->value,
                       (long long)shared->value);
        return;
    }
    ingot_dtype usual = q->type.dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32;
    int64_t precision = ingot_attr_int(n, "softmax_precision", usual);
    if (precision <= INGOT_UNDEFINED || precision >= INGOT_DTYPE_COUNT ||
        !ingot_dtype_is_float((ingot_dtype)precision)) {
        ingot_node_bad(n, "softmax_precision is %lld, expected a floating-point type", (long long)precision);
        return;
    }
    k = ingot_attention_repeat_heads(n, k, heads);
    v = ingot_attention_repeat_heads(n, v, heads);
    ingot_value *scores = scaled_scores(n, q, k, width);
    scores = modified(n, "score_mod", ingot_cast(n, scores, (ingot_dtype)precision));
    ingot_value *probabilities = modified(n, "prob_mod", ingot_softmax(n, scores, 3, false));
    ingot_value *y = ingot_matmul(n, probabilities, ingot_cast(n, v, (ingot_dtype)precision), false, false);
    n->out[0] = ingot_cast(n, y, n->in[2]->type.dtype);
}
