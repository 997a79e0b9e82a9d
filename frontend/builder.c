/* Emitting IR for a node, with errors that stick: see import.h. */
#include "frontend/importer.h"
#include <math.h>
#include <string.h>

#define FOLD_ELEMENTS 4096 /* results up to this size are computed at once when all operands are constant */

bool ingot_is_placeholder(const ingot_node *n, const ingot_value *v)
{
    return v == &n->im->placeholder;
}

ingot_value *ingot_placeholder(ingot_node *n)
{
    return &n->im->placeholder;
}

ingot_op *ingot_emit_begin(ingot_node *n, ingot_op_kind kind, int32_t n_in, ingot_value *const *in, int32_t n_out)
{
    ingot_op *op = NULL;
    if (!n->error && ingot_node_check(n, ingot_graph_add_op(n->graph, NULL, kind, n_in, in, n_out, &op))) {
        op->loc = n->loc;
        return op;
    }
    memset(&n->im->dummy_attrs, 0, sizeof n->im->dummy_attrs);
    return &n->im->dummy;
}

void ingot_emit_sym(ingot_node *n, ingot_op *op, int32_t n_sym, const ingot_dim *const *sym)
{
    if (n->error)
        return;
    for (int32_t i = 0; i < n_sym; i++)
        if (!sym[i]) {
            ingot_node_check(n, ingot_status_no_memory());
            return;
        }
    ingot_node_check(n, ingot_op_set_sym(op, n_sym, sym));
}

/* The value as a constant if it is small and everything it is made of is known, else itself. Quantized numbers stay
 * what they are: passes compute with them. */
static ingot_value *fold(ingot_node *n, ingot_op *op)
{
    ingot_value *v = op->out[0];
    const ingot_type *t = &v->type;
    int64_t count = ingot_type_count(t);
    if (op->kind == INGOT_OP_constant || op->kind == INGOT_OP_dequantize || op->n_out != 1 || count < 0 ||
        count > FOLD_ELEMENTS)
        return v;
    ingot_value *made = NULL;
    if (v->content && v->n_content == count) {
        int64_t numbers[INGOT_MAX_CONTENT];
        bool known = ingot_dtype_is_integer(t->dtype) || t->dtype == INGOT_BOOL;
        for (int64_t i = 0; known && i < count; i++) {
            known = v->content[i] && ingot_dim_is_const(v->content[i]);
            numbers[i] = known ? v->content[i]->value : 0;
        }
        int64_t bytes = ingot_dtype_bytes(t->dtype, count);
        uint8_t data[8 * INGOT_MAX_CONTENT + 8] = {0};
        if (known && bytes >= 0 && bytes <= (int64_t)sizeof data) {
            for (int64_t i = 0; i < count; i++)
                ingot_store_i64(data, t->dtype, i, numbers[i]);
            if (!ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, t, data, true, &made)))
                return ingot_placeholder(n);
        }
    }
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    bool constant = !made && info->foldable && !info->data_sized && op->n_in > 0;
    for (int32_t i = 0; constant && i < op->n_in; i++)
        constant = !op->in[i] || ingot_value_literal(op->in[i]);
    if (constant) {
        void *data = NULL;
        ingot_status status = ingot_op_evaluate(op, &n->im->scratch, &data);
        if (status)
            ingot_status_free(status); /* it will say so when run, if it is run */
        else if (!ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, t, data, true, &made)))
            return ingot_placeholder(n);
    }
    if (!made)
        return v;
    made->def->loc = op->loc;
    made->content = made->content ? made->content : v->content;
    made->n_content = made->content == v->content ? v->n_content : made->n_content;
    ingot_op_erase(op);
    return made;
}

ingot_value *ingot_emit_end(ingot_node *n, ingot_op *op)
{
    if (n->error || !ingot_node_check(n, ingot_op_infer(op)))
        return ingot_placeholder(n);
    return op->n_out ? fold(n, op) : ingot_placeholder(n);
}

static ingot_value *emit(ingot_node *n, ingot_op_kind kind, int32_t n_in, ingot_value *const *in)
{
    return ingot_emit_end(n, ingot_emit_begin(n, kind, n_in, in, 1));
}

ingot_value *ingot_emit1(ingot_node *n, ingot_op_kind kind, ingot_value *a)
{
    return emit(n, kind, 1, &a);
}

ingot_value *ingot_emit2(ingot_node *n, ingot_op_kind kind, ingot_value *a, ingot_value *b)
{
    return emit(n, kind, 2, (ingot_value *[]){a, b});
}

ingot_value *ingot_emit3(ingot_node *n, ingot_op_kind kind, ingot_value *a, ingot_value *b, ingot_value *c)
{
    return emit(n, kind, 3, (ingot_value *[]){a, b, c});
}

/* ---- Constants ---- */
static ingot_value *constant(ingot_node *n, const ingot_type *type, const void *data)
{
    ingot_value *v;
    if (n->error || !ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, type, data, true, &v)))
        return ingot_placeholder(n);
    v->def->loc = n->loc;
    return v;
}

ingot_value *ingot_splat(ingot_node *n, ingot_dtype dtype, double value)
{
    return ingot_splat_shaped(n, dtype, 0, NULL, value);
}

ingot_value *ingot_splat_like(ingot_node *n, const ingot_value *like, double value)
{
    return ingot_splat(n, like->type.dtype, value);
}

ingot_value *ingot_splat_shaped(ingot_node *n, ingot_dtype dtype, int32_t rank, const ingot_dim *const *dims,
                                double value)
{
    if (n->error)
        return ingot_placeholder(n);
    bool is_static = true;
    for (int32_t i = 0; i < rank; i++)
        is_static &= ingot_dim_is_const(dims[i]);
    ingot_type type = ingot_type_make(dtype, is_static ? rank : 0, dims);
    ingot_value *v;
    if (!ingot_node_check(n, ingot_graph_add_splat(n->graph, NULL, &type, value, &v)))
        return ingot_placeholder(n);
    v->def->loc = n->loc;
    return is_static ? v : ingot_broadcast(n, v, rank, dims);
}

ingot_value *ingot_ints_value(ingot_node *n, int32_t count, const int64_t *values)
{
    int64_t size = count;
    ingot_type type = ingot_type_static(n->m, INGOT_I64, 1, &size);
    return constant(n, &type, values);
}

ingot_value *ingot_dims_value(ingot_node *n, int32_t count, const ingot_dim *const *dims)
{
    int32_t length = count < 0 ? 1 : count;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dims, 0, NULL, 1);
    ingot_emit_sym(n, op, length, dims);
    if (n->error)
        return ingot_placeholder(n);
    int64_t size = length;
    op->out[0]->type = ingot_type_static(n->m, INGOT_I64, count < 0 ? 0 : 1, &size);
    return ingot_emit_end(n, op);
}

/* ---- Shape changes ---- */
static bool same_dims(const ingot_value *v, int32_t rank, const ingot_dim *const *dims)
{
    if (v->type.rank != rank)
        return false;
    for (int32_t i = 0; i < rank; i++)
        if (v->type.dims[i] != dims[i])
            return false;
    return true;
}

ingot_value *ingot_reshape(ingot_node *n, ingot_value *v, int32_t rank, const ingot_dim *const *dims)
{
    if (n->error)
        return ingot_placeholder(n);
    if (rank > INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "a result of rank %d: at most %d is possible", rank, INGOT_MAX_RANK);
        return ingot_placeholder(n);
    }
    if (same_dims(v, rank, dims))
        return v;
    ingot_type type = ingot_type_make(v->type.dtype, rank, dims);
    const ingot_literal *lit = ingot_value_literal(v);
    if (lit && ingot_type_is_static(&type) && ingot_type_count(&type) == ingot_type_count(&v->type)) {
        ingot_op *op = ingot_emit_begin(n, INGOT_OP_constant, 0, NULL, 1);
        if (n->error)
            return ingot_placeholder(n);
        op->literal = v->def->literal; /* the same data */
        op->out[0]->type = type;
        return ingot_emit_end(n, op);
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_reshape, 1, &v, 1);
    ingot_emit_sym(n, op, rank, dims);
    return ingot_emit_end(n, op);
}

ingot_value *ingot_broadcast(ingot_node *n, ingot_value *v, int32_t rank, const ingot_dim *const *dims)
{
    if (n->error || same_dims(v, rank, dims))
        return n->error ? ingot_placeholder(n) : v;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_broadcast, 1, &v, 1);
    ingot_emit_sym(n, op, rank, dims);
    return ingot_emit_end(n, op);
}

ingot_value *ingot_transpose(ingot_node *n, ingot_value *v, const int64_t *perm)
{
    bool same = true;
    for (int32_t i = 0; i < v->type.rank; i++)
        same &= perm[i] == i;
    if (n->error || same)
        return n->error ? ingot_placeholder(n) : v;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_transpose, 1, &v, 1);
    ingot_attrs_perm *a = op->attrs;
    a->perm.n = v->type.rank;
    memcpy(a->perm.v, perm, (size_t)v->type.rank * sizeof *perm);
    return ingot_emit_end(n, op);
}

ingot_value *ingot_unsqueeze(ingot_node *n, ingot_value *v, int32_t axis)
{
    const ingot_dim *dims[INGOT_MAX_RANK + 1];
    int32_t rank = v->type.rank;
    if (n->error)
        return ingot_placeholder(n);
    for (int32_t i = 0, k = 0; i <= rank; i++)
        dims[i] = i == axis ? ingot_const_dim(n, 1) : v->type.dims[k++];
    return ingot_reshape(n, v, rank + 1, dims);
}

ingot_value *ingot_squeeze(ingot_node *n, ingot_value *v, int32_t axis)
{
    const ingot_dim *dims[INGOT_MAX_RANK];
    int32_t rank = 0;
    for (int32_t i = 0; i < v->type.rank; i++)
        if (i != axis)
            dims[rank++] = v->type.dims[i];
    return ingot_reshape(n, v, rank, dims);
}

ingot_value *ingot_along_channels(ingot_node *n, ingot_value *v, int32_t rank)
{
    const ingot_dim *dims[INGOT_MAX_RANK];
    if (n->error || v->type.rank != 1 || rank < 2) {
        ingot_node_bad(n, "expected one number for each channel of a tensor of rank 2 or more");
        return ingot_placeholder(n);
    }
    for (int32_t i = 1; i < rank; i++)
        dims[i - 1] = i == 1 ? v->type.dims[0] : ingot_const_dim(n, 1);
    return ingot_reshape(n, v, rank - 1, dims);
}

ingot_value *ingot_move_channels(ingot_node *n, ingot_value *v, bool to_front)
{
    int64_t perm[INGOT_MAX_RANK] = {0};
    int32_t rank = n->error ? 0 : v->type.rank;
    if (rank < 3)
        return v;
    for (int32_t i = 1; i < rank; i++)
        perm[i] = to_front ? (i == 1 ? rank - 1 : i - 1) : (i == rank - 1 ? 1 : i + 1);
    return ingot_transpose(n, v, perm);
}

ingot_value *ingot_slice(ingot_node *n, ingot_value *v, int32_t axis, const ingot_dim *start, const ingot_dim *count)
{
    if (n->error || (ingot_dim_is(start, 0) && count == v->type.dims[axis]))
        return n->error ? ingot_placeholder(n) : v;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_slice, 1, &v, 1);
    ingot_attrs_slice *a = op->attrs;
    a->axes.n = a->steps.n = 1;
    a->axes.v[0] = axis;
    a->steps.v[0] = 1;
    ingot_emit_sym(n, op, 2, (const ingot_dim *[]){start, count});
    return ingot_emit_end(n, op);
}

ingot_value *ingot_concat(ingot_node *n, int32_t count, ingot_value *const *in, int32_t axis)
{
    if (count == 1)
        return in[0];
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_concat, count, in, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = axis;
    return ingot_emit_end(n, op);
}

ingot_value *ingot_cast(ingot_node *n, ingot_value *v, ingot_dtype to)
{
    if (n->error || v->type.dtype == to)
        return n->error ? ingot_placeholder(n) : v;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_cast, 1, &v, 1);
    ingot_attrs_cast *a = op->attrs;
    a->to = to;
    a->saturate = 1;
    return ingot_emit_end(n, op);
}

/* ---- Computations ---- */
ingot_value *ingot_reduce(ingot_node *n, ingot_value *v, ingot_reduce_kind kind, const ingot_ints *axes, bool keepdims)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_reduce, 1, &v, 1);
    ingot_attrs_reduce *a = op->attrs;
    a->kind = kind;
    a->keepdims = keepdims;
    if (axes) {
        a->axes = *axes;
    } else {
        a->axes.n = v->type.rank;
        for (int32_t i = 0; i < v->type.rank; i++)
            a->axes.v[i] = i;
    }
    return ingot_emit_end(n, op);
}

ingot_value *ingot_softmax(ingot_node *n, ingot_value *v, int32_t axis, bool log)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_softmax, 1, &v, 1);
    ingot_attrs_softmax *a = op->attrs;
    a->axis = axis;
    a->log = log;
    return ingot_emit_end(n, op);
}

ingot_value *ingot_matmul(ingot_node *n, ingot_value *a, ingot_value *b, bool trans_a, bool trans_b)
{
    bool vector_a = a->type.rank == 1, vector_b = b->type.rank == 1;
    if (!n->error && (a->type.rank == 0 || b->type.rank == 0)) {
        ingot_node_bad(n, "a matrix product of scalars");
        return ingot_placeholder(n);
    }
    if (vector_a)
        a = ingot_unsqueeze(n, a, 0);
    if (vector_b)
        b = ingot_unsqueeze(n, b, 1);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_matmul, 2, (ingot_value *[]){a, b}, 1);
    ingot_attrs_matmul *attrs = op->attrs;
    attrs->trans_a = trans_a;
    attrs->trans_b = trans_b;
    ingot_value *y = ingot_emit_end(n, op);
    if (vector_b && !n->error)
        y = ingot_squeeze(n, y, y->type.rank - 1);
    if (vector_a && !n->error)
        y = ingot_squeeze(n, y, y->type.rank - (vector_b ? 1 : 2));
    return y;
}

ingot_value *ingot_pad(ingot_node *n, ingot_value *v, ingot_pad_mode mode, ingot_value *fill,
                       const ingot_dim *const *pads)
{
    bool none = true;
    for (int32_t i = 0; i < 2 * v->type.rank; i++)
        none &= pads[i] && ingot_dim_is(pads[i], 0);
    if (n->error || none)
        return n->error ? ingot_placeholder(n) : v;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_pad, fill ? 2 : 1, (ingot_value *[]){v, fill}, 1);
    ((ingot_attrs_pad *)op->attrs)->mode = mode;
    ingot_emit_sym(n, op, 2 * v->type.rank, pads);
    return ingot_emit_end(n, op);
}

ingot_value *ingot_clamp(ingot_node *n, ingot_value *v, double lo, double hi)
{
    v = ingot_emit2(n, INGOT_OP_max, v, ingot_splat_like(n, v, lo));
    return ingot_emit2(n, INGOT_OP_min, v, ingot_splat_like(n, v, hi));
}

ingot_value *ingot_lowest_like(ingot_node *n, const ingot_value *like)
{
    ingot_dtype t = like->type.dtype;
    double lowest = -INFINITY;
    if (ingot_dtype_is_integer(t))
        lowest = ingot_dtype_is_signed(t) ? -ldexp(1, ingot_dtype_bits(t) - 1) : 0;
    return ingot_splat_like(n, like, lowest);
}
