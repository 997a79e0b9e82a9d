/* Operators about shapes: constants, sizes, reshapes, broadcasts. */
#include "frontend/import.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* ---- Constants ---- */
static ingot_value *scalar_or_list(ingot_node *n, ingot_dtype dtype, int32_t count, bool list, const void *data)
{
    int64_t size = count;
    ingot_type type = ingot_type_static(n->m, dtype, list ? 1 : 0, &size);
    ingot_value *v = n->in[0];
    ingot_node_check(n, ingot_graph_add_constant(n->graph, NULL, &type, data, true, &v));
    return v;
}

void ingot_import_constant(ingot_node *n)
{
    const ingot_onnx_attr *a;
    if ((a = ingot_attr_find(n, "value", INGOT_ONNX_TENSOR)) && a->t) {
        n->out[0] = ingot_tensor_value(n, a->t);
    } else if ((a = ingot_attr_find(n, "sparse_value", INGOT_ONNX_SPARSE_TENSOR)) && a->sparse) {
        n->out[0] = ingot_sparse_value(n, a->sparse);
    } else if ((a = ingot_attr_find(n, "value_int", INGOT_ONNX_INT))) {
        n->out[0] = scalar_or_list(n, INGOT_I64, 1, false, &a->i);
    } else if ((a = ingot_attr_find(n, "value_ints", INGOT_ONNX_INTS))) {
        n->out[0] = scalar_or_list(n, INGOT_I64, a->n, true, a->ints);
    } else if ((a = ingot_attr_find(n, "value_float", INGOT_ONNX_FLOAT))) {
        float f = (float)a->f;
        n->out[0] = scalar_or_list(n, INGOT_F32, 1, false, &f);
    } else if ((a = ingot_attr_find(n, "value_floats", INGOT_ONNX_FLOATS))) {
        float *data;
        if (!ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)a->n + 1, sizeof *data, (void **)&data)))
            return;
        for (int32_t i = 0; i < a->n; i++)
            data[i] = (float)a->floats[i];
        n->out[0] = scalar_or_list(n, INGOT_F32, a->n, true, data);
    } else if ((a = ingot_attr_find(n, "value_string", INGOT_ONNX_STRING))) {
        n->out[0] = ingot_texts_value(n, 1, &a->s, false);
    } else if ((a = ingot_attr_find(n, "value_strings", INGOT_ONNX_STRINGS))) {
        n->out[0] = ingot_texts_value(n, a->n, a->strings, true);
    } else {
        ingot_node_bad(n, "a constant without a value");
    }
}

void ingot_import_constant_of_shape(ingot_node *n)
{
    const ingot_dim *dims[INGOT_MAX_CONTENT];
    int32_t rank = 0;
    const ingot_onnx_attr *a = ingot_attr_find(n, "value", INGOT_ONNX_TENSOR);
    ingot_value *shape = n->in[0];
    if (shape->type.rank == 1 && !ingot_known_dims(n, shape, &rank, dims) && !ingot_dim_is_const(shape->type.dims[0])) {
        ingot_value *v = a && a->t ? ingot_tensor_value(n, a->t) : ingot_splat(n, INGOT_F32, 0);
        n->out[0] =
            ingot_emit2(n, INGOT_OP_any_expand, ingot_scalar_of(n, v), shape); /* of a rank that the run knows */
        return;
    }
    rank = ingot_operand_dims(n, shape, 0, INGOT_DIM_MAX_VALUE, dims);
    if (n->error)
        return;
    if (rank > INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "a result of rank %d: at most %d is possible", rank, INGOT_MAX_RANK);
        return;
    }
    for (int32_t i = 0; i < rank; i++)
        if (dims[i]->hi < 0) {
            ingot_node_bad(n, "a negative size");
            return;
        }
    if (!a || !a->t) {
        n->out[0] = ingot_splat_shaped(n, INGOT_F32, rank, dims, 0);
        return;
    }
    ingot_value *v = ingot_tensor_value(n, a->t);
    double number;
    if (!n->error && ingot_type_count(&v->type) != 1) {
        ingot_node_bad(n, "the value must have one element");
    } else if (ingot_known_float(n, v, &number) && fabs(number) <= 0x1p53) {
        n->out[0] = ingot_splat_shaped(n, v->type.dtype, rank, dims, number);
    } else {
        n->out[0] = ingot_broadcast(n, ingot_reshape(n, v, 0, NULL), rank, dims);
    }
}

/* ---- Sizes as values ---- */
void ingot_import_shape(ingot_node *n)
{
    const ingot_type *t = &n->in[0]->type;
    int64_t start = ingot_attr_int(n, "start", 0), end = ingot_attr_int(n, "end", t->rank);
    start = start < 0 ? start + t->rank : start;
    end = end < 0 ? end + t->rank : end;
    start = start < 0 ? 0 : start > t->rank ? t->rank : start;
    end = end < 0 ? 0 : end > t->rank ? t->rank : end;
    n->out[0] = ingot_dims_value(n, end > start ? (int32_t)(end - start) : 0, t->dims + start);
}

void ingot_import_size(ingot_node *n)
{
    const ingot_dim *count = ingot_type_count_dim(n->m, &n->in[0]->type);
    n->out[0] = ingot_dims_value(n, -1, &count);
}

/* ---- Reshapes ---- */
static const ingot_dim *product(ingot_node *n, int32_t count, const ingot_dim *const *dims)
{
    const ingot_dim *p = ingot_const_dim(n, 1);
    for (int32_t i = 0; i < count; i++)
        p = ingot_dim_mul(n->m, p, dims[i]);
    return p;
}

/* Size of the entry -1: elements of x over the product of the other entries; equal sizes cancel first, so that no
 * division is left where none is needed. */
static const ingot_dim *inferred_dim(ingot_node *n, const ingot_value *x, int32_t rank, const ingot_dim *const *dims,
                                     int32_t at)
{
    const ingot_dim *have[INGOT_MAX_RANK], *want[INGOT_MAX_CONTENT];
    int32_t n_have = x->type.rank, n_want = 0;
    memcpy(have, x->type.dims, sizeof have);
    for (int32_t i = 0; i < rank; i++) {
        bool cancelled = i == at;
        for (int32_t k = 0; k < n_have && !cancelled; k++)
            if (have[k] == dims[i] && !ingot_dim_is(dims[i], 0)) {
                have[k] = have[--n_have];
                cancelled = true;
            }
        if (!cancelled)
            want[n_want++] = dims[i];
    }
    const ingot_dim *total = product(n, n_have, have), *rest = product(n, n_want, want);
    if (ingot_dim_is(rest, 0)) {
        if (ingot_dim_is(total, 0))
            return ingot_const_dim(n, 0);
        ingot_node_bad(n, "no size for -1: the other sizes are 0");
        return total;
    }
    return ingot_dim_floordiv(n->m, total, rest);
}

/* A list of sizes that a run may give values to. */
static bool may_bind(const ingot_value *shape)
{
    int64_t count = ingot_type_count(&shape->type);
    return shape->type.rank == 1 && count > 0 && count <= INGOT_MAX_RANK && ingot_dtype_is_integer(shape->type.dtype);
}

/* A shape of which only a run knows some entries, with those replaced by what they mean: 0 by the size of x (unless
 * zeros are allowed), -1 by what is left of the elements (where it may occur: once, and not if it is there already). */
static ingot_value *plain_shape(ingot_node *n, ingot_value *x, ingot_value *shape, bool allow_zero, bool *out_has_rest)
{
    const ingot_dim *own[INGOT_MAX_RANK], *count = ingot_type_count_dim(n->m, &x->type);
    int32_t rank = (int32_t)ingot_type_count(&shape->type);
    bool has_rest = false; /* a -1 that is known */
    for (int32_t i = 0; i < rank; i++) {
        own[i] = i < x->type.rank ? x->type.dims[i] : ingot_const_dim(n, 0);
        has_rest |= shape->content && i < shape->n_content && shape->content[i] && ingot_dim_is(shape->content[i], -1);
    }
    shape = ingot_cast(n, shape, INGOT_I64);
    ingot_value *zero = ingot_splat(n, INGOT_I64, 0), *one = ingot_splat(n, INGOT_I64, 1);
    if (!allow_zero)
        shape = ingot_emit3(n, INGOT_OP_select, ingot_emit2(n, INGOT_OP_eq, shape, zero),
                            ingot_dims_value(n, rank, own), shape);
    *out_has_rest = has_rest;
    if (has_rest)
        return shape;
    ingot_value *is_rest = ingot_emit2(n, INGOT_OP_eq, shape, ingot_splat(n, INGOT_I64, -1));
    ingot_value *others =
        ingot_reduce(n, ingot_emit3(n, INGOT_OP_select, is_rest, one, shape), INGOT_REDUCE_PROD, NULL, false);
    ingot_value *rest =
        ingot_emit2(n, INGOT_OP_div, ingot_dims_value(n, -1, &count), ingot_emit2(n, INGOT_OP_max, others, one));
    return ingot_emit3(n, INGOT_OP_select, is_rest, rest, shape);
}

void ingot_import_reshape(ingot_node *n)
{
    ingot_value *x = n->in[0], *shape = n->in[1];
    const ingot_dim *dims[INGOT_MAX_CONTENT];
    int32_t rank = 0, at = -1;
    int64_t lo = -1;
    bool allow_zero = ingot_attr_int(n, "allowzero", 0) != 0;
    if (may_bind(shape) && !ingot_known_dims(n, shape, &rank, dims)) {
        bool has_rest;
        shape = plain_shape(n, x, shape, allow_zero, &has_rest);
        lo = has_rest ? -1 : 0;
    }
    rank = ingot_operand_dims(n, shape, lo, INGOT_DIM_MAX_VALUE, dims);
    if (n->error)
        return;
    for (int32_t i = 0; i < rank; i++) {
        if (ingot_dim_is(dims[i], 0) && !allow_zero) {
            if (i >= x->type.rank) {
                ingot_node_bad(n, "size 0 (as the input's) for axis %d of an input of rank %d", i, x->type.rank);
                return;
            }
            dims[i] = x->type.dims[i];
        } else if (ingot_dim_is(dims[i], -1)) {
            if (at >= 0) {
                ingot_node_bad(n, "more than one size is -1");
                return;
            }
            at = i;
        } else if (dims[i]->hi < 0) {
            ingot_node_bad(n, "a negative size");
            return;
        }
    }
    if (at >= 0)
        dims[at] = inferred_dim(n, x, rank, dims, at);
    n->out[0] = ingot_reshape(n, x, rank, dims);
}

void ingot_import_flatten(ingot_node *n)
{
    const ingot_type *t = &n->in[0]->type;
    int64_t axis = ingot_attr_int(n, "axis", 1);
    axis = axis < 0 ? axis + t->rank : axis;
    if (axis < 0 || axis > t->rank) {
        ingot_node_bad(n, "axis %lld is outside a tensor of rank %d", (long long)axis, t->rank);
        return;
    }
    const ingot_dim *dims[] = {product(n, (int32_t)axis, t->dims), product(n, t->rank - (int32_t)axis, t->dims + axis)};
    n->out[0] = ingot_reshape(n, n->in[0], 2, dims);
}

/* Axes as an attribute (old) or the second input (from opset 13 on). False: not given. `*out_later`: the input when
 * only a run knows what is in it. */
static bool read_axes(ingot_node *n, ingot_ints *out, ingot_value **out_later)
{
    out->n = 0;
    *out_later = NULL;
    if (n->opset < 13)
        return ingot_attr_ints(n, "axes", out);
    if (!n->in[1])
        return false;
    if (!ingot_axes_known(n, n->in[1], out))
        *out_later = n->in[1];
    return true;
}

void ingot_import_squeeze(ingot_node *n)
{
    ingot_value *x = n->in[0], *later;
    ingot_ints axes;
    const ingot_dim *dims[INGOT_MAX_RANK];
    bool given = read_axes(n, &axes, &later), drop[INGOT_MAX_RANK] = {0};
    if (later) {
        n->out[0] = ingot_squeeze_by(n, x, later);
        return;
    }
    if (given)
        ingot_node_axes(n, &axes, x->type.rank);
    int32_t rank = 0;
    for (int64_t i = 0; i < axes.n; i++)
        drop[axes.v[i]] = true;
    for (int32_t i = 0; i < x->type.rank && !n->error; i++) {
        const ingot_dim *d = x->type.dims[i];
        if (!given)
            drop[i] = ingot_dim_is(d, 1);
        if (!given && !ingot_dim_is_const(d) && d->lo <= 1 && d->hi >= 1)
            ingot_node_unsupported(n, "without axes, and the size of axis %d may be 1: the rank of the result is open",
                                   i);
        if (given && drop[i] && (d->lo > 1 || d->hi < 1))
            ingot_node_bad(n, "axis %d cannot be squeezed: its size is not 1", i);
        if (!drop[i])
            dims[rank++] = d;
    }
    n->out[0] = ingot_reshape(n, x, rank, dims);
}

void ingot_import_unsqueeze(ingot_node *n)
{
    ingot_value *x = n->in[0], *later;
    ingot_ints axes;
    const ingot_dim *dims[INGOT_MAX_RANK];
    if (!read_axes(n, &axes, &later)) {
        ingot_node_bad(n, "axes are missing");
        return;
    }
    if (later) {
        n->out[0] = ingot_unsqueeze_by(n, x, later);
        return;
    }
    int64_t rank = x->type.rank + axes.n;
    if (rank > INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "a result of rank %lld: at most %d is possible", (long long)rank, INGOT_MAX_RANK);
        return;
    }
    bool is_new[INGOT_MAX_RANK] = {0};
    ingot_node_axes(n, &axes, (int32_t)rank);
    for (int64_t i = 0; i < axes.n; i++)
        is_new[axes.v[i]] = true;
    if (n->error)
        return;
    for (int32_t i = 0, k = 0; i < rank; i++)
        dims[i] = is_new[i] ? ingot_const_dim(n, 1) : x->type.dims[k++];
    n->out[0] = ingot_reshape(n, x, (int32_t)rank, dims);
}

void ingot_import_transpose(ingot_node *n)
{
    ingot_ints perm;
    int32_t rank = n->in[0]->type.rank;
    bool used[INGOT_MAX_RANK] = {0};
    if (!ingot_attr_ints(n, "perm", &perm)) {
        perm.n = rank;
        for (int32_t i = 0; i < rank; i++)
            perm.v[i] = rank - 1 - i;
    }
    if (perm.n != rank)
        ingot_node_bad(n, "perm has %lld axes, the input %d", (long long)perm.n, rank);
    for (int32_t i = 0; i < rank && !n->error; i++) {
        perm.v[i] = ingot_node_axis(n, perm.v[i], rank);
        if (used[perm.v[i]])
            ingot_node_bad(n, "perm is not a permutation");
        used[perm.v[i]] = true;
    }
    if (!n->error)
        n->out[0] = ingot_transpose(n, n->in[0], perm.v);
}

/* ---- Broadcasts ---- */
/* A shape of which only a run knows some entries: 1 there means the size of x. */
static ingot_value *expanded_shape(ingot_node *n, const ingot_value *x, ingot_value *shape)
{
    const ingot_dim *own[INGOT_MAX_RANK];
    int32_t rank = (int32_t)ingot_type_count(&shape->type);
    for (int32_t i = 0; i < rank; i++) {
        int32_t at = i - (rank - x->type.rank);
        own[i] = at >= 0 ? x->type.dims[at] : ingot_const_dim(n, 1);
    }
    shape = ingot_cast(n, shape, INGOT_I64);
    ingot_value *is_one = ingot_emit2(n, INGOT_OP_eq, shape, ingot_splat(n, INGOT_I64, 1));
    return ingot_emit3(n, INGOT_OP_select, is_one, ingot_dims_value(n, rank, own), shape);
}

void ingot_import_expand(ingot_node *n)
{
    ingot_value *x = n->in[0], *shape = n->in[1];
    const ingot_dim *want[INGOT_MAX_CONTENT], *dims[INGOT_MAX_RANK];
    int32_t n_want = 0;
    if (may_bind(shape) && !ingot_known_dims(n, shape, &n_want, want))
        shape = expanded_shape(n, x, shape);
    n_want = ingot_operand_dims(n, shape, 0, INGOT_DIM_MAX_VALUE, want);
    int32_t rank = n_want > x->type.rank ? n_want : x->type.rank;
    if (n->error)
        return;
    if (rank > INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "a result of rank %d: at most %d is possible", rank, INGOT_MAX_RANK);
        return;
    }
    for (int32_t i = 0; i < rank; i++) {
        int32_t at_x = x->type.rank - 1 - i, at_want = n_want - 1 - i;
        const ingot_dim *a = at_x >= 0 ? x->type.dims[at_x] : NULL, *b = at_want >= 0 ? want[at_want] : NULL;
        dims[rank - 1 - i] = !b || (a && ingot_dim_is(b, 1)) ? a : !a || ingot_dim_is(a, 1) ? b : a;
        if (b && b->hi < 0)
            ingot_node_bad(n, "a negative size");
        /* Both could differ from 1: they must be equal, or one of them 1, which the broadcast then requires. */
        if (a && b && a != b && !ingot_dim_is(a, 1) && !ingot_dim_is(b, 1)) {
            const ingot_dim *larger = ingot_dim_broadcast(n->m, a, b);
            if (larger) {
                dims[rank - 1 - i] = larger;
                if (larger != a && larger != b && n->graph->last)
                    ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_EQUAL_OR_ONE, a, b, n->graph->last));
                continue;
            }
            dims[rank - 1 - i] = ingot_dim_is_const(a) && a->value != 1 ? a : b;
            if (dims[rank - 1 - i] == a && !ingot_dim_is_const(b) && n->graph->last) /* the wanted one is dropped */
                ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_EQUAL, a, b, n->graph->last));
        }
        if (a && b && ingot_dim_is_const(a) && ingot_dim_is_const(b) && a != b && a->value != 1 && b->value != 1)
            ingot_node_bad(n, "sizes %lld and %lld do not broadcast", (long long)a->value, (long long)b->value);
    }
    n->out[0] = ingot_broadcast(n, x, rank, dims);
}

/* x [d0, d1] tiled: [1, d0, 1, d1] broadcast to [r0, d0, r1, d1], then merged to [r0 * d0, r1 * d1]. */
void ingot_import_tile(ingot_node *n)
{
    ingot_value *x = n->in[0];
    const ingot_dim *repeats[INGOT_MAX_CONTENT], *one = ingot_const_dim(n, 1);
    int32_t rank = x->type.rank,
            count = ingot_operand_dims(n, ingot_list_of(n, n->in[1], rank), 0, INGOT_DIM_MAX_VALUE, repeats);
    if (n->error)
        return;
    if (count != rank) {
        ingot_node_bad(n, "%d repeats for an input of rank %d", count, rank);
        return;
    }
    const ingot_dim *split[2 * INGOT_MAX_RANK], *wide[2 * INGOT_MAX_RANK], *merged[INGOT_MAX_RANK];
    int32_t k = 0;
    for (int32_t i = 0; i < rank; i++) {
        if (!ingot_dim_is(repeats[i], 1)) {
            split[k] = one;
            wide[k++] = repeats[i];
        }
        split[k] = wide[k] = x->type.dims[i];
        k++;
        merged[i] = ingot_dim_mul(n->m, repeats[i], x->type.dims[i]);
    }
    if (k > 8) { /* one axis at a time: copies over more dims than that are slow or impossible */
        for (int32_t i = 0; i < rank && !n->error; i++) {
            const ingot_dim *a[INGOT_MAX_RANK + 1], *b[INGOT_MAX_RANK + 1], *c[INGOT_MAX_RANK];
            for (int32_t j = 0, at = 0; j < rank; j++) {
                if (j == i) {
                    a[at] = one;
                    b[at++] = repeats[i];
                }
                a[at] = b[at] = c[j] = x->type.dims[j];
                at++;
            }
            c[i] = merged[i];
            x = ingot_reshape(n, ingot_broadcast(n, ingot_reshape(n, x, rank + 1, a), rank + 1, b), rank, c);
        }
        n->out[0] = x;
        return;
    }
    x = ingot_broadcast(n, ingot_reshape(n, x, k, split), k, wide);
    n->out[0] = ingot_reshape(n, x, rank, merged);
}

/* ---- Range ---- */

/* Elements of start, start + delta, ... before limit, when known. */
static const ingot_dim *range_count(ingot_node *n)
{
    const ingot_dim *start, *limit, *delta, *list[INGOT_MAX_CONTENT];
    int32_t count;
    if (ingot_known_dims(n, n->in[0], &count, list) && (start = list[0]) &&
        ingot_known_dims(n, n->in[1], &count, list) && (limit = list[0]) &&
        ingot_known_dims(n, n->in[2], &count, list) && (delta = list[0]) && ingot_dim_is_const(delta) &&
        delta->value != 0 && delta->value != INT64_MIN) {
        bool up = delta->value > 0;
        const ingot_dim *span = up ? ingot_dim_sub(n->m, limit, start) : ingot_dim_sub(n->m, start, limit);
        const ingot_dim *steps = ingot_dim_ceildiv(n->m, span, ingot_const_dim(n, up ? delta->value : -delta->value));
        return ingot_dim_max(n->m, steps, ingot_const_dim(n, 0));
    }
    double a, b, c;
    if (ingot_known_float(n, n->in[0], &a) && ingot_known_float(n, n->in[1], &b) &&
        ingot_known_float(n, n->in[2], &c)) {
        double steps = ceil((b - a) / c);
        if (c == 0 || !(steps <= (double)INGOT_DIM_MAX_VALUE)) {
            ingot_node_bad(n, "from %g to %g with step %g has no end", a, b, c);
            return NULL;
        }
        return ingot_const_dim(n, steps > 0 ? (int64_t)steps : 0);
    }
    return NULL;
}

void ingot_import_range(ingot_node *n)
{
    for (int i = 0; i < 3; i++) {
        n->in[i] = ingot_scalar_of(n, n->in[i]);
        if (!n->error && n->in[i]->type.rank != 0)
            ingot_node_bad(n, "start, limit and delta must be scalars");
        if (n->error)
            return;
    }
    const ingot_dim *count = range_count(n);
    if (!count && !n->error) {
        /* Known only when run: the count is computed as a value, and bound. */
        ingot_value *span = ingot_emit2(n, INGOT_OP_sub, n->in[1], n->in[0]);
        if (ingot_dtype_is_float(span->type.dtype)) {
            span = ingot_emit1(n, INGOT_OP_ceil, ingot_emit2(n, INGOT_OP_div, span, n->in[2]));
            span = ingot_cast(n, span, INGOT_I64);
        } else { /* ceil(span / delta) = -floor(-span / delta) = (span - mod(span, delta)) / delta, plus one if there is
                    a rest */
            ingot_value *wide = ingot_cast(n, span, INGOT_I64), *delta = ingot_cast(n, n->in[2], INGOT_I64);
            ingot_value *rest = ingot_emit2(n, INGOT_OP_mod, wide, delta);
            ingot_value *whole = ingot_emit2(n, INGOT_OP_div, ingot_emit2(n, INGOT_OP_sub, wide, rest), delta);
            ingot_value *some = ingot_emit2(n, INGOT_OP_ne, rest, ingot_splat(n, INGOT_I64, 0));
            span = ingot_emit2(n, INGOT_OP_add, whole, ingot_cast(n, some, INGOT_I64));
        }
        span = ingot_emit2(n, INGOT_OP_max, span, ingot_splat(n, INGOT_I64, 0));
        const ingot_dim *bound[INGOT_MAX_CONTENT];
        ingot_operand_dims(n, span, 0, INGOT_DIM_MAX_VALUE, bound);
        count = bound[0];
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_range, 2, (ingot_value *[]){n->in[0], n->in[2]}, 1);
    ingot_emit_sym(n, op, 1, &count);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_eye_like(ingot_node *n)
{
    const ingot_type *t = &n->in[0]->type;
    int64_t dtype = ingot_attr_int(n, "dtype", t->dtype);
    if (t->rank != 2 || dtype <= INGOT_UNDEFINED || dtype >= INGOT_DTYPE_COUNT) {
        ingot_node_bad(n, "expected a matrix and a known element type");
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_eye, 0, NULL, 1);
    ((ingot_attrs_cast *)op->attrs)->to = dtype;
    const ingot_dim *sym[] = {t->dims[0], t->dims[1], ingot_const_dim(n, ingot_attr_int(n, "k", 0))};
    ingot_emit_sym(n, op, 3, sym);
    n->out[0] = ingot_emit_end(n, op);
}
