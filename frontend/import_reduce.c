/* Reductions, arg-reductions, softmax and normalisations. */
#include "frontend/import.h"
#include <string.h>

/* Axes that are known only when the model runs; without keepdims their number must be known, for the result's rank. */
static ingot_value *reduce_by(ingot_node *n, ingot_value *axes, bool keepdims)
{
    if (!keepdims)
        ingot_axes_count(n, axes);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_reduce_by, 2, (ingot_value *[]){n->in[0], axes}, 1);
    ingot_attrs_reduce_by *a = op->attrs;
    a->kind = n->arg;
    a->keepdims = keepdims;
    a->noop_empty = ingot_attr_int(n, "noop_with_empty_axes", 0) != 0;
    return ingot_emit_end(n, op);
}

/* Axes are an attribute until an opset that depends on the operator, then the second input. arg: ingot_reduce_kind. */
void ingot_import_reduce(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_ints axes = {0};
    bool keepdims = ingot_attr_int(n, "keepdims", 1) != 0;
    bool given = ingot_attr_ints(n, "axes", &axes);
    if (!given && n->in[1]) {
        if (!ingot_axes_known(n, n->in[1], &axes)) {
            n->out[0] = reduce_by(n, n->in[1], keepdims);
            return;
        }
        given = axes.n > 0;
    }
    if (!given && ingot_attr_int(n, "noop_with_empty_axes", 0)) {
        /* Still the elementwise part of the reduction: over no axes. */
        n->out[0] = ingot_reduce(n, x, (ingot_reduce_kind)n->arg, &axes, true);
        return;
    }
    if (given)
        ingot_node_axes(n, &axes, x->type.rank);
    n->out[0] = ingot_reduce(n, x, (ingot_reduce_kind)n->arg, given ? &axes : NULL, keepdims);
}

/* arg 1: ArgMin. */
void ingot_import_arg_reduce(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_arg_reduce, 1, n->in, 1);
    ingot_attrs_arg_reduce *a = op->attrs;
    a->axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), n->in[0]->type.rank);
    a->keepdims = ingot_attr_int(n, "keepdims", 1) != 0;
    a->select_last = ingot_attr_int(n, "select_last_index", 0) != 0;
    a->min = n->arg;
    n->out[0] = ingot_emit_end(n, op);
}

/* [product before axis, product from axis on], as softmax had it before opset 13. */
static ingot_value *flatten_at(ingot_node *n, ingot_value *x, int32_t axis)
{
    const ingot_dim *dims[2] = {ingot_const_dim(n, 1), ingot_const_dim(n, 1)};
    for (int32_t i = 0; i < x->type.rank; i++)
        dims[i >= axis] = ingot_dim_mul(n->m, dims[i >= axis], x->type.dims[i]);
    return ingot_reshape(n, x, 2, dims);
}

static ingot_value *hardmax(ingot_node *n, ingot_value *x, int32_t axis)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_arg_reduce, 1, &x, 1);
    ingot_attrs_arg_reduce *a = op->attrs;
    a->axis = axis;
    ingot_value *best = ingot_emit_end(n, op);
    ingot_value *zero = ingot_splat_like(n, x, 0), *one = ingot_splat_like(n, x, 1);
    ingot_value *pair[] = {ingot_unsqueeze(n, zero, 0), ingot_unsqueeze(n, one, 0)};
    ingot_value *values = ingot_concat(n, 2, pair, 0);
    op = ingot_emit_begin(n, INGOT_OP_one_hot, 2, (ingot_value *[]){best, values}, 1);
    ((ingot_attrs_one_hot *)op->attrs)->axis = axis;
    if (!n->error)
        ingot_emit_sym(n, op, 1, &x->type.dims[axis]);
    return ingot_emit_end(n, op);
}

/* arg 0: Softmax, 1: LogSoftmax, 2: Hardmax. */
void ingot_import_softmax(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int32_t rank = x->type.rank;
    bool flattens = n->opset < 13;
    int64_t given = ingot_attr_int(n, "axis", flattens ? 1 : -1);
    if (rank == 0) { /* one element */
        n->out[0] = ingot_splat_like(n, x, n->arg != 1);
        return;
    }
    if (flattens && given == rank) {
        n->out[0] = ingot_splat_shaped(n, x->type.dtype, rank, x->type.dims, n->arg != 1);
        return;
    }
    int32_t axis = ingot_node_axis(n, given, rank);
    if (n->error)
        return;
    bool reshapes = flattens && axis != rank - 1;
    ingot_value *y = reshapes ? flatten_at(n, x, axis) : x;
    int32_t at = reshapes ? 1 : axis;
    y = n->arg == 2 ? hardmax(n, y, at) : ingot_softmax(n, y, at, n->arg == 1);
    n->out[0] = reshapes ? ingot_reshape(n, y, rank, x->type.dims) : y;
}

/* ---- Normalisations ---- */
static ingot_value *norm(ingot_node *n, ingot_op_kind kind, int32_t n_in, ingot_value *const *in, int64_t axis,
                         double epsilon)
{
    ingot_op *op = ingot_emit_begin(n, kind, n_in, in, 1);
    ingot_attrs_norm *a = op->attrs;
    a->axis = axis;
    a->epsilon = epsilon;
    return ingot_emit_end(n, op);
}

/* Running statistics: old * momentum + new * (1 - momentum). */
static ingot_value *running(ingot_node *n, ingot_value *old, ingot_value *now, double momentum)
{
    now = ingot_cast(n, now, old->type.dtype);
    return ingot_emit2(n, INGOT_OP_add, ingot_emit2(n, INGOT_OP_mul, old, ingot_splat_like(n, old, momentum)),
                       ingot_emit2(n, INGOT_OP_mul, now, ingot_splat_like(n, old, 1 - momentum)));
}

/* training_mode: mean and variance are those of this very batch. */
static void batch_norm_training(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_ints axes = {0};
    int32_t rank = ingot_node_rank(n, x, 2);
    for (int32_t i = 0; i < rank; i++)
        if (i != 1)
            axes.v[axes.n++] = i;
    double momentum = ingot_attr_float(n, "momentum", 0.9f);
    ingot_value *mean = ingot_reduce(n, x, INGOT_REDUCE_MEAN, &axes, false);
    if (n->error)
        return;
    ingot_value *centered = ingot_emit2(n, INGOT_OP_sub, x, ingot_along_channels(n, mean, rank));
    ingot_value *variance =
        ingot_reduce(n, ingot_emit2(n, INGOT_OP_mul, centered, centered), INGOT_REDUCE_MEAN, &axes, false);
    n->out[0] = norm(n, INGOT_OP_batch_norm, 5, (ingot_value *[]){x, n->in[1], n->in[2], mean, variance}, 1,
                     ingot_attr_float(n, "epsilon", 1e-5f));
    if (n->n_out > 1)
        n->out[1] = running(n, n->in[3], mean, momentum);
    if (n->n_out > 2)
        n->out[2] = running(n, n->in[4], variance, momentum);
}

/* spatial 0: every element of a sample has parameters of its own. */
static ingot_value *batch_norm_per_element(ingot_node *n)
{
    ingot_value *x = n->in[0], *variance = n->in[4];
    for (int i = 1; i < 5 && !n->error; i++)
        if (n->in[i]->type.rank != x->type.rank - 1)
            ingot_node_bad(n, "with spatial 0, input %d must have the sizes of one sample", i);
    ingot_value *epsilon = ingot_splat_like(n, variance, ingot_attr_float(n, "epsilon", 1e-5f));
    ingot_value *root = ingot_emit1(n, INGOT_OP_sqrt, ingot_emit2(n, INGOT_OP_add, variance, epsilon));
    ingot_value *y = ingot_emit2(n, INGOT_OP_div, ingot_emit2(n, INGOT_OP_sub, x, n->in[3]), root);
    return ingot_emit2(n, INGOT_OP_add, ingot_emit2(n, INGOT_OP_mul, y, n->in[1]), n->in[2]);
}

void ingot_import_batch_norm(ingot_node *n)
{
    if (n->opset >= 14 && ingot_attr_int(n, "training_mode", 0) != 0) {
        batch_norm_training(n);
        return;
    }
    if (n->opset < 9 && ingot_attr_int(n, "spatial", 1) == 0) {
        n->out[0] = batch_norm_per_element(n);
        return;
    }
    if (n->n_out > 1 && n->opset >= 14) {
        ingot_node_bad(n, "outputs beyond the first need training_mode 1");
        return;
    }
    ingot_node_rank(n, n->in[0], 1);
    ingot_value *x = n->in[0];
    bool vector = x->type.rank == 1;
    if (vector)
        x = ingot_unsqueeze(n, x, 1);
    ingot_value *y = norm(n, INGOT_OP_batch_norm, 5, (ingot_value *[]){x, n->in[1], n->in[2], n->in[3], n->in[4]}, 1,
                          ingot_attr_float(n, "epsilon", 1e-5f));
    n->out[0] = vector ? ingot_squeeze(n, y, 1) : y;
    for (int32_t i = 1; i < n->n_out; i++) /* only of use for training: the running values stay as they are */
        n->out[i] = n->in[i == 1 || i == 3 ? 3 : 4];
}

static ingot_value *group_norm(ingot_node *n, ingot_value *scale, ingot_value *bias, int64_t groups)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_group_norm, 3, (ingot_value *[]){n->in[0], scale, bias}, 1);
    ingot_attrs_group_norm *a = op->attrs;
    a->groups = groups;
    a->epsilon = ingot_attr_float(n, "epsilon", 1e-5f);
    return ingot_emit_end(n, op);
}

/* A list with a number for each of `count` groups or channels of a tensor of that rank, lying along axis 1. */
static ingot_value *list_along_channels(ingot_node *n, ingot_value *list, const ingot_dim *count, int32_t rank)
{
    if (!n->error && list->type.rank != 1)
        ingot_node_bad(n, "scale and bias must be lists");
    return ingot_along_channels(n, n->error ? list : ingot_broadcast(n, list, 1, &count), rank);
}

/* Normalised over all axes from `first` on, in f32 at least. */
static ingot_value *normalized(ingot_node *n, ingot_value *x, int32_t first)
{
    ingot_ints axes = {0};
    for (int32_t i = first; i < x->type.rank; i++)
        axes.v[axes.n++] = i;
    ingot_value *d = ingot_emit2(n, INGOT_OP_sub, x, ingot_reduce(n, x, INGOT_REDUCE_MEAN, &axes, true));
    ingot_value *variance = ingot_reduce(n, ingot_emit2(n, INGOT_OP_mul, d, d), INGOT_REDUCE_MEAN, &axes, true);
    ingot_value *epsilon = ingot_splat_like(n, variance, ingot_attr_float(n, "epsilon", 1e-5f));
    return ingot_emit2(n, INGOT_OP_mul, d,
                       ingot_emit1(n, INGOT_OP_rsqrt, ingot_emit2(n, INGOT_OP_add, variance, epsilon)));
}

/* Of channels whose number only a run knows, step by step. Each group is a channel of its own for groups 0; scale and
 * bias have an entry for each group or for each channel. */
static void group_norm_of_open_channels(ingot_node *n, int64_t groups, bool per_group)
{
    ingot_dtype dtype = n->in[0]->type.dtype, wide = dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32;
    ingot_value *x = ingot_cast(n, n->in[0], wide), *scale = ingot_cast(n, n->in[1], wide),
                *bias = ingot_cast(n, n->in[2], wide);
    if (n->error)
        return;
    int32_t rank = x->type.rank;
    const ingot_dim *const *dims = x->type.dims, *split[INGOT_MAX_RANK], *channels = dims[1];
    if (groups && rank == INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "an input of rank %d", rank);
        return;
    }
    ingot_value *y = x;
    if (groups) { /* [N, groups, channels of a group, ...] */
        split[0] = dims[0];
        split[1] = ingot_const_dim(n, groups);
        split[2] = ingot_dim_floordiv(n->m, channels, split[1]);
        for (int32_t i = 2; i < rank; i++)
            split[i + 1] = dims[i];
        ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_DIVIDES, split[1], channels, x->def));
        y = n->error ? x : ingot_reshape(n, x, rank + 1, split);
    }
    y = normalized(n, y, 2);
    for (int i = 0; i < 2 && per_group; i++)
        y = ingot_emit2(n, i ? INGOT_OP_add : INGOT_OP_mul, y,
                        list_along_channels(n, i ? bias : scale, split[1], rank + 1));
    y = n->error ? y : ingot_reshape(n, y, rank, dims);
    for (int i = 0; i < 2 && !per_group; i++)
        y = ingot_emit2(n, i ? INGOT_OP_add : INGOT_OP_mul, y,
                        list_along_channels(n, i ? bias : scale, channels, rank));
    n->out[0] = ingot_cast(n, y, dtype);
}

void ingot_import_instance_norm(ingot_node *n)
{
    ingot_node_rank(n, n->in[0], 3);
    if (n->error)
        return;
    if (ingot_dim_is_const(n->in[0]->type.dims[1]))
        n->out[0] = group_norm(n, n->in[1], n->in[2], n->in[0]->type.dims[1]->value);
    else
        group_norm_of_open_channels(n, 0, false);
}

/* A number for each group, once for each of its channels. */
static ingot_value *per_channel(ingot_node *n, ingot_value *v, int64_t channels)
{
    if (n->error || v->type.rank != 1 || !ingot_dim_is_const(v->type.dims[0]))
        return v;
    int64_t groups = v->type.dims[0]->value;
    if (groups < 1 || channels % groups)
        return v;
    const ingot_dim *split[] = {v->type.dims[0], ingot_const_dim(n, 1)};
    const ingot_dim *wide[] = {v->type.dims[0], ingot_const_dim(n, channels / groups)};
    const ingot_dim *flat = ingot_const_dim(n, channels);
    return ingot_reshape(n, ingot_broadcast(n, ingot_reshape(n, v, 2, split), 2, wide), 1, &flat);
}

/* Before opset 21 scale and bias have an entry for each group, later for each channel. */
void ingot_import_group_norm(ingot_node *n)
{
    int64_t groups = ingot_attr_int(n, "num_groups", 0);
    ingot_node_rank(n, n->in[0], 3);
    if (!n->error && groups < 1)
        ingot_node_bad(n, "%lld groups", (long long)groups);
    if (n->error)
        return;
    if (!ingot_dim_is_const(n->in[0]->type.dims[1])) {
        group_norm_of_open_channels(n, groups, n->opset < 21);
        return;
    }
    int64_t channels = n->in[0]->type.dims[1]->value;
    if (channels % groups) {
        ingot_node_bad(n, "%lld channels in %lld groups", (long long)channels, (long long)groups);
        return;
    }
    ingot_value *scale = n->in[1], *bias = n->in[2];
    if (n->opset < 21) {
        scale = per_channel(n, scale, channels);
        bias = per_channel(n, bias, channels);
    }
    n->out[0] = group_norm(n, scale, bias, groups);
}

void ingot_import_layer_norm(ingot_node *n)
{
    int32_t rank = n->in[0]->type.rank;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_layer_norm, n->in[2] ? 3 : 2, n->in, n->n_out > 1 ? 3 : 1);
    ingot_attrs_norm *a = op->attrs;
    a->axis = ingot_node_axis(n, ingot_attr_int(n, "axis", -1), rank);
    a->epsilon = ingot_attr_float(n, "epsilon", 1e-5f);
    n->out[0] = ingot_emit_end(n, op);
    for (int32_t i = 1; i < n->n_out && i < 3; i++)
        n->out[i] = op->out[i];
}

void ingot_import_rms_norm(ingot_node *n)
{
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", -1), n->in[0]->type.rank);
    n->out[0] = norm(n, INGOT_OP_rms_norm, 2, n->in, axis, ingot_attr_float(n, "epsilon", 1e-5f));
}

void ingot_import_lrn(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_lrn, 1, n->in, 1);
    ingot_attrs_lrn *a = op->attrs;
    a->size = ingot_attr_int(n, "size", 0);
    a->alpha = ingot_attr_float(n, "alpha", 1e-4f);
    a->beta = ingot_attr_float(n, "beta", 0.75);
    a->bias = ingot_attr_float(n, "bias", 1);
    ingot_node_rank(n, n->in[0], 2);
    if (a->size < 1)
        ingot_node_bad(n, "size must be at least 1");
    n->out[0] = ingot_emit_end(n, op);
}

/* x / norm(x) along an axis; zero where the norm is. */
void ingot_import_lp_normalization(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int64_t p = ingot_attr_int(n, "p", 2);
    ingot_ints axis = {.n = 1, .v = {ingot_node_axis(n, ingot_attr_int(n, "axis", -1), x->type.rank)}};
    if (p != 1 && p != 2)
        ingot_node_bad(n, "p is %lld: only 1 and 2 are possible", (long long)p);
    ingot_value *length = ingot_reduce(n, x, p == 1 ? INGOT_REDUCE_L1 : INGOT_REDUCE_L2, &axis, true);
    ingot_value *zero = ingot_splat_like(n, x, 0);
    ingot_value *y = ingot_emit2(n, INGOT_OP_div, x, length);
    n->out[0] = ingot_emit3(n, INGOT_OP_select, ingot_emit2(n, INGOT_OP_eq, length, zero), zero, y);
}

/* (x - mean) / (sqrt(mean of squares - squared mean) + 1e-9), as ONNX's function body has it */
void ingot_import_mean_variance_norm(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_ints axes;
    if (!ingot_attr_ints(n, "axes", &axes))
        axes = (ingot_ints){.n = 3, .v = {0, 2, 3}};
    ingot_node_axes(n, &axes, x->type.rank);
    ingot_value *mean = ingot_reduce(n, x, INGOT_REDUCE_MEAN, &axes, true);
    ingot_value *square = ingot_reduce(n, ingot_emit2(n, INGOT_OP_mul, x, x), INGOT_REDUCE_MEAN, &axes, true);
    ingot_value *variance = ingot_emit2(n, INGOT_OP_sub, square, ingot_emit2(n, INGOT_OP_mul, mean, mean));
    ingot_value *deviation =
        ingot_emit2(n, INGOT_OP_add, ingot_emit1(n, INGOT_OP_sqrt, variance), ingot_splat_like(n, x, 1e-9));
    n->out[0] = ingot_emit2(n, INGOT_OP_div, ingot_emit2(n, INGOT_OP_sub, x, mean), deviation);
}
