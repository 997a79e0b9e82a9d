/* com.microsoft: what ONNX Runtime's quantizer writes. Operators on integers become their float forms between
 * dequantize and quantize, which the compiler fuses as far as it can. */
#include "frontend/import.h"
#include <string.h>

/* Without a zero point: of the type of `like`. */
static ingot_value *whole(ingot_node *n, ingot_value *y, ingot_value *scale, ingot_value *zero, const ingot_value *like)
{
    if (!zero)
        zero = ingot_splat(n, like->type.dtype, 0);
    return ingot_quantize(n, y, scale, zero, 0);
}

/* a, scale, zero, b, scale, zero, scale and zero of the result; arg: the op. */
void ingot_import_qlinear_binary(ingot_node *n)
{
    ingot_value *const *in = n->in;
    if (!ingot_node_needs(n, (const int32_t[]){0, 1, 3, 4, 6, -1}))
        return;
    ingot_value *a = ingot_dequantize(n, in[0], in[1], in[2], 0), *b = ingot_dequantize(n, in[3], in[4], in[5], 0);
    n->out[0] = whole(n, ingot_emit2(n, (ingot_op_kind)n->arg, a, b), in[6], in[7], in[0]);
}

/* x, scale, zero, scale and zero of the result: the float operator on x between them. */
static void wrapped(ingot_node *n, ingot_import_fn *inner)
{
    ingot_value *x = n->in[0], *scale = n->in[3], *zero = n->in[4];
    if (!ingot_node_needs(n, (const int32_t[]){0, 1, 3, -1}))
        return;
    n->in[0] = ingot_dequantize(n, x, n->in[1], n->in[2], 0);
    n->in[1] = n->in[2] = n->in[3] = n->in[4] = NULL;
    if (n->error)
        return;
    inner(n);
    if (!n->error)
        n->out[0] = whole(n, n->out[0], scale, zero, x);
}

void ingot_import_qlinear_sigmoid(ingot_node *n)
{
    n->arg = INGOT_OP_sigmoid;
    wrapped(n, ingot_import_unary);
}

void ingot_import_qlinear_leaky_relu(ingot_node *n)
{
    wrapped(n, ingot_import_leaky_relu);
}

/* The attribute says which opset's Softmax it is. */
void ingot_import_qlinear_softmax(ingot_node *n)
{
    n->opset = ingot_attr_int(n, "opset", 13);
    wrapped(n, ingot_import_softmax);
}

/* arg 1: over all of the image. */
void ingot_import_qlinear_average_pool(ingot_node *n)
{
    bool last = ingot_attr_int(n, "channels_last", 0) != 0, global = n->arg == 1;
    ingot_node_rank(n, n->in[0], 3);
    n->arg = INGOT_REDUCE_MEAN;
    if (last)
        n->in[0] = ingot_move_channels(n, n->in[0], true);
    if (n->error)
        return;
    wrapped(n, global ? ingot_import_global_pool : ingot_import_average_pool);
    if (last && !n->error)
        n->out[0] = ingot_move_channels(n, n->out[0], false);
}

/* scale and zero of the result, then x, scale, zero of each part */
void ingot_import_qlinear_concat(ingot_node *n)
{
    int32_t count = (n->n_in - 2) / 3;
    ingot_value **parts = n->in + 2; /* the first of each triple makes room for the parts as they are read */
    if (n->n_in < 5 || (n->n_in - 2) % 3) {
        ingot_node_bad(n, "%d inputs: expected scale, zero point, and three for each part", n->n_in);
        return;
    }
    for (int32_t i = 0; i < count && !n->error; i++) {
        if (!parts[3 * i] || !parts[3 * i + 1]) {
            ingot_node_bad(n, "part %d or its scale is left out", i);
            return;
        }
        parts[i] = ingot_dequantize(n, parts[3 * i], parts[3 * i + 1], parts[3 * i + 2], 0);
    }
    if (n->error)
        return;
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), parts[0]->type.rank);
    n->out[0] = whole(n, ingot_concat(n, count, parts, axis), n->in[0], n->in[1], n->in[1] ? n->in[1] : n->in[2]);
}

/* ---- Products of integers with float results ---- */

/* (a - a_zero) (b - b_zero) times both scales, plus a bias. */
static ingot_value *scaled_product(ingot_node *n, ingot_value *const *operands, ingot_value *a_scale,
                                   ingot_value *b_scale, ingot_value *bias)
{
    for (int i = 0; i < 4; i++)
        n->in[i] = operands[i];
    if (n->error)
        return ingot_placeholder(n);
    ingot_import_matmul_integer(n);
    if (n->error)
        return ingot_placeholder(n);
    ingot_value *scale = ingot_emit2(n, INGOT_OP_mul, a_scale, b_scale);
    ingot_value *y = ingot_emit2(n, INGOT_OP_mul, ingot_cast(n, n->out[0], scale->type.dtype), scale);
    return bias ? ingot_emit2(n, INGOT_OP_add, y, bias) : y;
}

/* a, b, a_scale, b_scale, a_zero, b_zero, bias */
void ingot_import_matmul_integer_to_float(ingot_node *n)
{
    ingot_value *scales[] = {n->in[2], n->in[3], n->in[6]};
    ingot_value *operands[] = {n->in[0], n->in[1], n->in[4], n->in[5]};
    n->out[0] = scaled_product(n, operands, scales[0], scales[1], scales[2]);
}

/* a (float), b, b_scale, b_zero, bias */
void ingot_import_dynamic_quantize_matmul(ingot_node *n)
{
    ingot_value *b = n->in[1], *b_scale = n->in[2], *b_zero = n->in[3], *bias = n->in[4];
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dynamic_quantize, 1, n->in, 3);
    ingot_emit_end(n, op);
    if (n->error)
        return;
    ingot_value *a_scale = op->out[1], *operands[] = {op->out[0], b, op->out[2], b_zero};
    n->out[0] = scaled_product(n, operands, a_scale, b_scale, bias);
}

/* ---- Weights of few bits in blocks ---- */

/* A constant of u8 whose bytes hold rows of `bits`-bit numbers, low bits first; each row of `bytes` bytes gives its
 * first `count` numbers. */
static ingot_value *unpacked(ingot_node *n, const ingot_value *packed, int64_t rows, int64_t bytes, int64_t count,
                             int64_t bits)
{
    const ingot_literal *lit = n->error ? NULL : ingot_value_literal(packed);
    const void *data;
    if (!n->error && (!lit || packed->type.dtype != INGOT_U8)) {
        ingot_node_unsupported(n, "weights of few bits must be constant bytes");
        return ingot_placeholder(n);
    }
    int64_t all;
    if (!n->error && (__builtin_mul_overflow(rows, bytes, &all) || ingot_type_count(&packed->type) != all ||
                      count > bytes * (8 / bits)))
        ingot_node_bad(n, "%lld packed bytes, expected %lld rows of %lld", (long long)ingot_type_count(&packed->type),
                       (long long)rows, (long long)bytes);
    ingot_type type = ingot_type_static(n->m, INGOT_U8, 2, (int64_t[]){rows, count});
    void *memory = NULL;
    if (n->error || !ingot_node_check(n, ingot_literal_get_data(n->m, lit, INGOT_U8, &n->m->arena, &data)) ||
        !ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)(rows * count) + 1, 1, &memory)))
        return ingot_placeholder(n);
    uint8_t *out = memory;
    const uint8_t *in = data;
    int64_t per_byte = 8 / bits;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < count; i++)
            out[r * count + i] = (uint8_t)(in[r * bytes + i / per_byte] >> (i % per_byte * bits)) & ((1 << bits) - 1);
    ingot_value *v;
    if (!ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, &type, out, false, &v)))
        return ingot_placeholder(n);
    v->def->loc = n->loc;
    return v;
}

/* a, b [N, blocks, bytes], scales [N, blocks], zero points?, -, bias?: a times the transpose of b. */
void ingot_import_matmul_nbits(ingot_node *n)
{
    int64_t bits = ingot_attr_int(n, "bits", 4), block = ingot_attr_int(n, "block_size", 0);
    int64_t rows = ingot_attr_int(n, "N", 0), depth = ingot_attr_int(n, "K", 0);
    ingot_value *a = n->in[0], *zeros = n->in[3];
    ingot_dtype dtype = n->in[2]->type.dtype;
    if ((bits != 2 && bits != 4 && bits != 8) || block < 1 || block > INT32_MAX || block % (8 / bits) || rows < 1 ||
        rows > INT32_MAX || depth < 1 || depth > INT32_MAX || a->type.rank < 1) {
        ingot_node_bad(n, "%lld bits in blocks of %lld, N %lld, K %lld", (long long)bits, (long long)block,
                       (long long)rows, (long long)depth);
        return;
    }
    if (n->in[4]) {
        ingot_node_unsupported(n, "g_idx, an order of its own for the rows of the weights, is not supported");
        return;
    }
    int64_t blocks = (depth + block - 1) / block, row_bytes = blocks * block * bits / 8;
    const ingot_dim *one = ingot_const_dim(n, 1),
                    *split[] = {ingot_const_dim(n, rows), ingot_const_dim(n, blocks), one};
    const ingot_dim *wide[] = {split[0], split[1], ingot_const_dim(n, block)};
    const ingot_dim *flat[] = {split[0], ingot_const_dim(n, blocks * block)};
    ingot_value *w = ingot_cast(n, unpacked(n, n->in[1], rows, row_bytes, blocks * block, bits), dtype);
    ingot_value *zero = ingot_splat(n, dtype, (double)(1 << (bits - 1)));
    if (zeros && zeros->type.dtype == INGOT_U8)
        zeros = unpacked(n, zeros, rows, (blocks * bits + 7) / 8, blocks, bits);
    if (zeros)
        zero = n->error ? zeros : ingot_reshape(n, ingot_cast(n, zeros, dtype), 3, split);
    if (n->error)
        return;
    w = ingot_emit2(n, INGOT_OP_sub, ingot_reshape(n, w, 3, wide), zero);
    w = ingot_emit2(n, INGOT_OP_mul, w, ingot_reshape(n, n->in[2], 3, split));
    if (n->error)
        return;
    w = ingot_slice(n, ingot_reshape(n, w, 2, flat), 1, ingot_const_dim(n, 0), ingot_const_dim(n, depth));
    ingot_value *y = ingot_matmul(n, a, ingot_cast(n, w, a->type.dtype), false, true);
    n->out[0] = n->in[5] ? ingot_emit2(n, INGOT_OP_add, y, n->in[5]) : y;
}

/* ---- LSTM with quantized weights ---- */

/* Weights [directions, inputs, 4 * hidden], a scale and zero point for each direction or each row of gates, as floats
 * [directions, 4 * hidden, inputs]. */
static ingot_value *lstm_weights(ingot_node *n, ingot_value *w, ingot_value *scale, ingot_value *zero)
{
    static const int64_t perm[] = {0, 2, 1};
    ingot_value *params[] = {ingot_cast(n, zero, scale->type.dtype), scale};
    if (!n->error && w->type.rank != 3)
        ingot_node_bad(n, "weights of rank %d, expected 3", w->type.rank);
    ingot_value *y = ingot_cast(n, w, scale->type.dtype);
    for (int i = 0; i < 2 && !n->error; i++) {
        params[i] = ingot_unsqueeze(n, params[i], 1);
        if (!n->error && params[i]->type.rank == 2)
            params[i] = ingot_unsqueeze(n, params[i], 2);
        y = ingot_emit2(n, i ? INGOT_OP_mul : INGOT_OP_sub, y, params[i]);
    }
    return n->error ? y : ingot_transpose(n, y, perm);
}

/* LSTM's operands, then scale and zero point of W and of R. The input and the state stay floats. */
void ingot_import_dynamic_quantize_lstm(ingot_node *n)
{
    if (!ingot_node_needs(n, (const int32_t[]){8, 9, 10, 11, -1}))
        return;
    n->in[1] = lstm_weights(n, n->in[1], n->in[8], n->in[9]);
    n->in[2] = lstm_weights(n, n->in[2], n->in[10], n->in[11]);
    for (int i = 8; i < 12; i++)
        n->in[i] = NULL;
    n->n_in = 8;
    n->arg = INGOT_OP_lstm;
    if (!n->error)
        ingot_import_recurrent(n);
}
