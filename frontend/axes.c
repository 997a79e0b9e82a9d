/* Axes that are known only when the model runs: sizes are computed as values from them, and bound.
 *
 * All of it starts from a mask with a number for each axis of a tensor; an axis out of range, or a number of axes that
 * does not fit, is an error of the run. */
#include "frontend/import.h"

static ingot_value *zeros(ingot_node *n, int32_t rank)
{
    const ingot_dim *size = ingot_const_dim(n, rank);
    return ingot_splat_shaped(n, INGOT_I64, 1, &size, 0);
}

ingot_value *ingot_spread_along_axes(ingot_node *n, ingot_value *axes, ingot_value *numbers, int32_t rank)
{
    ingot_op *op =
        ingot_emit_begin(n, INGOT_OP_scatter_elements, 3, (ingot_value *[]){zeros(n, rank), axes, numbers}, 1);
    return ingot_emit_end(n, op);
}

bool ingot_axes_known(ingot_node *n, ingot_value *axes, ingot_ints *out)
{
    out->n = 0;
    return ingot_type_count(&axes->type) == 0 || ingot_known_ints(n, axes, out);
}

int32_t ingot_axes_count(ingot_node *n, const ingot_value *axes)
{
    int64_t count = ingot_type_count(&axes->type);
    if (!n->error && (axes->type.rank > 1 || !ingot_dtype_is_integer(axes->type.dtype)))
        ingot_node_bad(n, "the axes must be a list of integers");
    else if (!n->error && count < 0)
        ingot_node_unsupported(n, "axes that are not constant: even their number is not known when compiling");
    else if (!n->error && count > INGOT_MAX_RANK)
        ingot_node_bad(n, "%lld axes: a tensor has at most %d", (long long)count, INGOT_MAX_RANK);
    return n->error ? 0 : (int32_t)count;
}

/* Axes as a list of i64, and a mask: 1 at each of them, 0 elsewhere. */
static ingot_value *mask_of(ingot_node *n, ingot_value *axes, int32_t count, int32_t rank)
{
    const ingot_dim *size = ingot_const_dim(n, count);
    axes = ingot_cast(n, ingot_reshape(n, axes, 1, &size), INGOT_I64);
    return ingot_spread_along_axes(n, axes, ingot_splat_shaped(n, INGOT_I64, 1, &size, 1), rank);
}

static ingot_value *take(ingot_node *n, ingot_value *list, ingot_value *at)
{
    return ingot_emit2(n, INGOT_OP_gather, list, at);
}

/* x with sizes that are values: each is one of x's own, or 1. */
static ingot_value *reshape_by(ingot_node *n, ingot_value *x, ingot_value *sizes)
{
    const ingot_dim *dims[INGOT_MAX_CONTENT];
    int64_t most = 1;
    for (int32_t i = 0; i < x->type.rank; i++)
        most = x->type.dims[i]->hi > most ? x->type.dims[i]->hi : most;
    int32_t rank = ingot_operand_dims(n, sizes, 0, most, dims);
    return ingot_reshape(n, x, rank, dims);
}

ingot_value *ingot_unsqueeze_by(ingot_node *n, ingot_value *x, ingot_value *axes)
{
    int32_t count = ingot_axes_count(n, axes), rank = x->type.rank + count;
    if (!n->error && rank > INGOT_MAX_RANK)
        ingot_node_unsupported(n, "a result of rank %d: at most %d is possible", rank, INGOT_MAX_RANK);
    if (n->error)
        return x;
    ingot_value *one = ingot_splat(n, INGOT_I64, 1), *zero = ingot_splat(n, INGOT_I64, 0);
    ingot_value *is_new = mask_of(n, axes, count, rank), *ones = ingot_emit2(n, INGOT_OP_add, zeros(n, rank), one);
    if (x->type.rank == 0) /* the mask is made for its checks alone: all sizes are 1 */
        return reshape_by(n, x, ingot_emit2(n, INGOT_OP_max, is_new, ones));
    /* Old axes in their order: those that are not new are counted up. */
    ingot_op *op =
        ingot_emit_begin(n, INGOT_OP_cumsum, 1, (ingot_value *[]){ingot_emit2(n, INGOT_OP_sub, one, is_new)}, 1);
    ingot_value *old = ingot_emit_end(n, op);
    old = ingot_emit2(n, INGOT_OP_max, ingot_emit2(n, INGOT_OP_sub, old, one), zero);
    ingot_value *sizes = take(n, ingot_dims_value(n, x->type.rank, x->type.dims), old);
    return reshape_by(n, x, ingot_emit3(n, INGOT_OP_select, ingot_cast(n, is_new, INGOT_BOOL), ones, sizes));
}

ingot_value *ingot_squeeze_by(ingot_node *n, ingot_value *x, ingot_value *axes)
{
    int32_t count = ingot_axes_count(n, axes), rank = x->type.rank - count;
    if (!n->error && rank < 0)
        ingot_node_bad(n, "%d axes to squeeze, the input has rank %d", count, x->type.rank);
    if (n->error)
        return x;
    ingot_value *mask = mask_of(n, axes, count, x->type.rank), *one = ingot_splat(n, INGOT_I64, 1);
    ingot_value *kept = ingot_emit1(n, INGOT_OP_nonzero, ingot_emit2(n, INGOT_OP_sub, one, mask));
    const ingot_dim *size = ingot_const_dim(n, rank);
    kept = ingot_reshape(n, kept, 1, &size); /* the run checks that so many are left */
    return reshape_by(n, x, take(n, ingot_dims_value(n, x->type.rank, x->type.dims), kept));
}
