/* Operators that move, select or scatter elements. */
#include "frontend/import.h"
#include <math.h>
#include <string.h>

void ingot_import_concat(ingot_node *n)
{
    for (int32_t i = 0; i < n->n_in; i++)
        if (!n->in[i])
            ingot_node_bad(n, "input %d must be given", i);
    if (n->error)
        return;
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 1), n->in[0]->type.rank);
    n->out[0] = ingot_concat(n, n->n_in, n->in, axis);
}

/* Sizes: an attribute (opset < 13), the second input, or equal parts, the last one smaller. */
void ingot_import_split(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), x->type.rank), parts = n->n_out;
    const ingot_dim *sizes[INGOT_MAX_CONTENT];
    ingot_ints list;
    if (n->error)
        return;
    const ingot_dim *whole = x->type.dims[axis], *start = ingot_const_dim(n, 0);
    bool given = false;
    int64_t count = 0;
    if (n->in[1]) {
        count = ingot_operand_dims(n, ingot_list_of(n, n->in[1], parts), 0, INGOT_DIM_MAX_VALUE, sizes);
        given = true;
    } else if (n->opset < 13 && ingot_attr_ints(n, "split", &list) && list.n) {
        for (int64_t i = 0; i < list.n; i++)
            sizes[i] = ingot_const_dim(n, list.v[i]);
        count = list.n;
        given = true;
    }
    if (given && count != parts) {
        ingot_node_bad(n, "%lld sizes for %d outputs", (long long)count, parts);
        return;
    }
    const ingot_dim *each = NULL, *rest = whole, *sum = start;
    if (!given) {
        int64_t wanted = ingot_attr_int(n, "num_outputs", parts);
        if (wanted != parts) {
            ingot_node_bad(n, "num_outputs is %lld with %d outputs", (long long)wanted, parts);
            return;
        }
        each = ingot_dim_ceildiv(n->m, whole, ingot_const_dim(n, parts));
    }
    for (int32_t i = 0; i < parts && !n->error; i++) {
        const ingot_dim *size =
            given ? sizes[i] : ingot_dim_max(n->m, ingot_dim_min(n->m, each, rest), ingot_const_dim(n, 0));
        if (!given)
            rest = ingot_dim_sub(n->m, rest, size);
        if (size->hi < 0)
            ingot_node_bad(n, "a negative size");
        sum = ingot_dim_add(n->m, sum, size);
        n->out[i] = ingot_slice(n, x, axis, start, size);
        start = ingot_dim_add(n->m, start, size);
    }
    const ingot_dim *difference = ingot_dim_sub(n->m, sum, whole);
    if (given && ingot_dim_is_const(sum) && ingot_dim_is_const(whole) && sum != whole)
        ingot_node_bad(n, "the parts add up to %lld, the axis has %lld", (long long)sum->value,
                       (long long)whole->value);
    else if (given && (difference->lo > 0 || difference->hi < 0))
        ingot_node_bad(n, "the sizes of the parts do not add up to that of the axis");
    else if (given && difference != ingot_const_dim(n, 0) && !n->error && n->out[0]->def)
        ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_EQUAL, sum, whole, n->out[0]->def));
}

/* ---- Slice ---- */
#define FAR ((int64_t)INT32_MAX) /* exporters write INT64_MAX and INT32_MAX for "to the end" */

/* Where a start or end lies: clamped to [lo, size + hi_offset]; negative ones count from the end. Null when its sign is
 * unknown. */
static const ingot_dim *clamp_index(ingot_node *n, const ingot_dim *at, const ingot_dim *size, int64_t lo,
                                    int64_t hi_offset)
{
    ingot_module *m = n->m;
    const ingot_dim *most = ingot_dim_add(m, size, ingot_const_dim(n, hi_offset)), *least = ingot_const_dim(n, lo);
    if (at->lo >= FAR)
        return most;
    if (at->hi <= -FAR)
        return least;
    if (at->lo >= 0)
        return ingot_dim_min(m, at, most);
    if (at->hi < 0)
        return ingot_dim_max(m, ingot_dim_add(m, at, size), least);
    return NULL;
}

/* An end like 1000000000 means "to the end" too: a run with a larger axis is refused. */
static const ingot_dim *whole_end(ingot_node *n, const ingot_dim *end, const ingot_dim *size)
{
    if (!ingot_dim_is_const(end) || end->value < FAR / 4 || end->value >= FAR || size->hi <= end->value ||
        !n->graph->last)
        return end;
    ingot_node_check(
        n, ingot_module_require(n->m, INGOT_CHECK_EQUAL, ingot_dim_min(n->m, size, end), size, n->graph->last));
    return size;
}

/* First element and number of elements of one axis; false when they cannot be said while compiling. */
static bool slice_range(ingot_node *n, const ingot_dim *start, const ingot_dim *end, int64_t step,
                        const ingot_dim *size, const ingot_dim **out_first, const ingot_dim **out_count)
{
    ingot_module *m = n->m;
    bool up = step > 0;
    const ingot_dim *first = clamp_index(n, start, size, up ? 0 : -1, up ? 0 : -1);
    const ingot_dim *last = clamp_index(n, end, size, up ? 0 : -1, up ? 0 : -1);
    if (!first || !last)
        return false;
    const ingot_dim *span = up ? ingot_dim_sub(m, last, first) : ingot_dim_sub(m, first, last);
    const ingot_dim *zero = ingot_const_dim(n, 0);
    int64_t stride = up ? step : step == INT64_MIN ? INT64_MAX : -step;
    const ingot_dim *count = ingot_dim_max(m, ingot_dim_ceildiv(m, span, ingot_const_dim(n, stride)), zero);
    /* An empty slice may begin anywhere: at 0, so that ranges stay inside. */
    *out_first = ingot_dim_is(count, 0) ? zero : first;
    *out_count = count;
    return true;
}

/* A slice whose bounds are known only when running. Left-out axes are the first ones. */
static void dynamic_slice(ingot_node *n, ingot_value *starts, ingot_value *ends, ingot_value *axes, ingot_value *steps)
{
    int64_t count = ingot_type_count(&starts->type), first[INGOT_MAX_RANK];
    if (starts->type.rank != 1 || count < 0 || count > n->in[0]->type.rank) {
        ingot_node_unsupported(n, "starts must be a list of known length");
        return;
    }
    for (int64_t i = 0; i < count; i++)
        first[i] = i;
    if (!axes)
        axes = ingot_cast(n, ingot_ints_value(n, (int32_t)count, first), starts->type.dtype);
    ingot_value *in[] = {n->in[0], starts, ends, axes, steps};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_slice_dynamic, steps ? 5 : 4, in, 1);
    n->out[0] = ingot_emit_end(n, op);
}

static void slice_by(ingot_node *n, int32_t count, const ingot_dim *const *starts, const ingot_dim *const *ends,
                     const ingot_ints *axes, const ingot_ints *steps, ingot_value *const *operands)
{
    ingot_value *x = n->in[0];
    ingot_ints kept_axes = {0}, kept_steps = {0};
    const ingot_dim *sym[2 * INGOT_MAX_RANK], *counts[INGOT_MAX_RANK];
    bool used[INGOT_MAX_RANK] = {0};
    for (int32_t i = 0; i < count && !n->error; i++) {
        int32_t axis = ingot_node_axis(n, axes->v[i], x->type.rank);
        if (n->error)
            return;
        if (used[axis])
            ingot_node_bad(n, "axis %d is named twice", axis);
        if (steps->v[i] == 0)
            ingot_node_bad(n, "a step of 0");
        used[axis] = true;
        const ingot_dim *first, *taken, *size = x->type.dims[axis];
        if (n->error)
            return;
        if (!slice_range(n, starts[i], whole_end(n, ends[i], size), steps->v[i], size, &first, &taken)) {
            if (operands)
                dynamic_slice(n, operands[0], operands[1], operands[2], operands[3]);
            else
                ingot_node_unsupported(n, "bounds of unknown sign");
            return;
        }
        if (ingot_dim_is(first, 0) && taken == size && steps->v[i] == 1)
            continue;
        sym[kept_axes.n] = first;
        counts[kept_axes.n] = taken;
        kept_steps.v[kept_axes.n] = steps->v[i];
        kept_axes.v[kept_axes.n++] = axis;
    }
    kept_steps.n = kept_axes.n;
    if (n->error || kept_axes.n == 0) {
        n->out[0] = x;
        return;
    }
    memcpy(sym + kept_axes.n, counts, (size_t)kept_axes.n * sizeof *sym);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_slice, 1, &x, 1);
    ingot_attrs_slice *a = op->attrs;
    a->axes = kept_axes;
    a->steps = kept_steps;
    ingot_emit_sym(n, op, 2 * (int32_t)kept_axes.n, sym);
    n->out[0] = ingot_emit_end(n, op);
}

static void slice_by_attributes(ingot_node *n)
{
    ingot_ints starts, ends, axes, steps = {0};
    const ingot_dim *first[INGOT_MAX_INTS], *last[INGOT_MAX_INTS];
    if (!ingot_attr_ints(n, "starts", &starts) || !ingot_attr_ints(n, "ends", &ends) || starts.n != ends.n) {
        ingot_node_bad(n, "starts and ends must be lists of one length");
        return;
    }
    if (!ingot_attr_ints(n, "axes", &axes)) {
        axes.n = starts.n;
        for (int64_t i = 0; i < axes.n; i++)
            axes.v[i] = i;
    }
    if (axes.n != starts.n) {
        ingot_node_bad(n, "%lld axes for %lld starts", (long long)axes.n, (long long)starts.n);
        return;
    }
    for (int64_t i = 0; i < starts.n; i++) {
        first[i] = ingot_const_dim(n, starts.v[i]);
        last[i] = ingot_const_dim(n, ends.v[i]);
        steps.v[i] = 1;
    }
    slice_by(n, (int32_t)starts.n, first, last, &axes, &steps, NULL);
}

void ingot_import_slice(ingot_node *n)
{
    if (n->opset < 10) {
        slice_by_attributes(n);
        return;
    }
    const ingot_dim *starts[INGOT_MAX_CONTENT], *ends[INGOT_MAX_CONTENT];
    int32_t n_starts = 0, n_ends = 0;
    ingot_ints axes = {0}, steps = {0};
    if (!n->in[1] || !n->in[2]) {
        ingot_node_bad(n, "starts and ends must be given");
        return;
    }
    bool known = ingot_known_dims(n, n->in[1], &n_starts, starts) && ingot_known_dims(n, n->in[2], &n_ends, ends) &&
                 (!n->in[3] || ingot_known_ints(n, n->in[3], &axes)) &&
                 (!n->in[4] || ingot_known_ints(n, n->in[4], &steps));
    if (!known) {
        dynamic_slice(n, n->in[1], n->in[2], n->in[3], n->in[4]);
        return;
    }
    if (n_starts > INGOT_MAX_INTS || n_starts != n_ends || (n->in[3] && axes.n != n_starts) ||
        (n->in[4] && steps.n != n_starts)) {
        ingot_node_bad(n, "starts, ends, axes and steps must have one length");
        return;
    }
    for (int32_t i = 0; i < n_starts; i++) {
        axes.v[i] = n->in[3] ? axes.v[i] : i;
        steps.v[i] = n->in[4] ? steps.v[i] : 1;
    }
    slice_by(n, n_starts, starts, ends, &axes, &steps, n->in + 1);
}

/* ---- Pad ---- */

/* Pads of some axes, known only when run, as pads of all axes. */
static ingot_value *pads_along_axes(ingot_node *n, ingot_value *pads, ingot_value *axes, int32_t rank)
{
    const ingot_dim *size = axes->type.rank == 1 ? axes->type.dims[0] : ingot_const_dim(n, 1);
    const ingot_dim *zero = ingot_const_dim(n, 0), *both = ingot_dim_add(n->m, size, size);
    if (ingot_dim_is_const(size))
        ingot_axes_count(n, axes); /* for its errors */
    if (n->error || pads->type.rank != 1 ||
        (ingot_dim_is_const(size) && ingot_dim_is_const(pads->type.dims[0]) && pads->type.dims[0] != both) ||
        !ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_EQUAL, pads->type.dims[0], both, pads->def)))
        return pads; /* refused by its length */
    pads = ingot_cast(n, pads, INGOT_I64);
    axes = ingot_cast(n, axes, INGOT_I64);
    ingot_value *halves[] = {
        ingot_spread_along_axes(n, axes, ingot_slice(n, pads, 0, zero, size), rank),
        ingot_spread_along_axes(n, axes, ingot_slice(n, pads, 0, size, size), rank),
    };
    return ingot_concat(n, 2, halves, 0);
}

/* Before opset 11 pads and value are attributes. */
void ingot_import_pad(ingot_node *n)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};
    ingot_value *x = n->in[0], *fill = n->in[2];
    int32_t mode = ingot_attr_choice(n, "mode", "constant", modes), rank = x->type.rank, count = 0;
    const ingot_dim *given[INGOT_MAX_CONTENT], *pads[2 * INGOT_MAX_RANK];
    ingot_ints list, axes = {.n = rank};
    for (int32_t i = 0; i < rank; i++)
        axes.v[i] = i;
    if (n->opset < 11) {
        ingot_attr_ints(n, n->opset < 2 ? "paddings" : "pads", &list);
        count = (int32_t)list.n;
        for (int32_t i = 0; i < count; i++)
            given[i] = ingot_const_dim(n, list.v[i]);
        fill = mode == INGOT_PAD_CONSTANT ? ingot_splat_like(n, x, ingot_attr_float(n, "value", 0)) : NULL;
    } else if (n->in[1]) {
        ingot_value *all = n->in[1];
        if (n->in[3] && !ingot_axes_known(n, n->in[3], &axes)) {
            all = pads_along_axes(n, all, n->in[3], rank);
            axes.n = rank;
            for (int32_t i = 0; i < rank; i++)
                axes.v[i] = i;
        }
        all = ingot_list_of(n, all, 2 * axes.n);
        count = ingot_operand_dims(n, all, -INGOT_DIM_MAX_VALUE, INGOT_DIM_MAX_VALUE, given);
    } else {
        ingot_node_bad(n, "pads must be given");
    }
    if (!n->error && count != 2 * axes.n)
        ingot_node_bad(n, "%d pads for %lld axes", count, (long long)axes.n);
    if (n->error)
        return;
    for (int32_t i = 0; i < 2 * rank; i++)
        pads[i] = ingot_const_dim(n, 0);
    for (int32_t i = 0; i < axes.n && !n->error; i++) {
        int32_t axis = ingot_node_axis(n, axes.v[i], rank);
        pads[axis] = given[i];
        pads[rank + axis] = given[axes.n + i];
    }
    if (mode != INGOT_PAD_CONSTANT)
        fill = NULL;
    else if (!fill && x->type.dtype != INGOT_STRING)
        fill = ingot_splat_like(n, x, 0);
    if (fill && ingot_type_count(&fill->type) == 1)
        fill = ingot_reshape(n, fill, 0, NULL);
    n->out[0] = ingot_pad(n, x, (ingot_pad_mode)mode, fill, pads);
}

/* Cut or filled with zeros around the middle to the given sizes: by pads, which may be negative. */
void ingot_import_center_crop_pad(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int32_t rank = x->type.rank;
    const ingot_dim *sizes[INGOT_MAX_CONTENT], *pads[2 * INGOT_MAX_RANK];
    const ingot_dim *zero = ingot_const_dim(n, 0), *two = ingot_const_dim(n, 2);
    ingot_ints axes;
    if (!ingot_attr_ints(n, "axes", &axes)) {
        axes.n = rank;
        for (int32_t i = 0; i < rank; i++)
            axes.v[i] = i;
    }
    int32_t count = ingot_operand_dims(n, ingot_list_of(n, n->in[1], axes.n), 0, INGOT_DIM_MAX_VALUE, sizes);
    if (!n->error && count != axes.n)
        ingot_node_bad(n, "%d sizes for %lld axes", count, (long long)axes.n);
    for (int32_t i = 0; i < 2 * rank; i++)
        pads[i] = ingot_const_dim(n, 0);
    for (int32_t i = 0; i < axes.n && !n->error; i++) {
        int32_t axis = ingot_node_axis(n, axes.v[i], rank);
        const ingot_dim *size = x->type.dims[axis], *missing = ingot_dim_sub(n->m, sizes[i], size);
        /* Half of what is missing or too much, the smaller half at the low end; one of the two is 0. */
        const ingot_dim *more = ingot_dim_max(n->m, missing, zero);
        const ingot_dim *less = ingot_dim_max(n->m, ingot_dim_sub(n->m, size, sizes[i]), zero);
        const ingot_dim *low =
            ingot_dim_sub(n->m, ingot_dim_floordiv(n->m, more, two), ingot_dim_floordiv(n->m, less, two));
        pads[axis] = low;
        pads[rank + axis] = ingot_dim_sub(n->m, missing, low);
    }
    n->out[0] = ingot_pad(n, x, INGOT_PAD_CONSTANT, ingot_splat_like(n, x, 0), pads);
}

/* ---- Gather, scatter ---- */

/* arg: gather or gather_elements. */
void ingot_import_gather(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, (ingot_op_kind)n->arg, 2, n->in, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), n->in[0]->type.rank);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_gather_nd(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather_nd, 2, n->in, 1);
    ((ingot_attrs_gather_nd *)op->attrs)->batch_dims = ingot_attr_int(n, "batch_dims", 0);
    n->out[0] = ingot_emit_end(n, op);
}

/* arg: scatter_elements or scatter_nd. */
void ingot_import_scatter(ingot_node *n)
{
    static const char *const reductions[] = {"none", "add", "mul", "max", "min", NULL};
    ingot_op *op = ingot_emit_begin(n, (ingot_op_kind)n->arg, 3, n->in, 1);
    ingot_attrs_scatter *a = op->attrs;
    if (n->arg == INGOT_OP_scatter_elements)
        a->axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), n->in[0]->type.rank);
    a->reduction = ingot_attr_choice(n, "reduction", "none", reductions);
    n->out[0] = ingot_emit_end(n, op);
}

/* indices, depth, [off, on] */
void ingot_import_one_hot(ingot_node *n)
{
    const ingot_dim *depth[INGOT_MAX_CONTENT];
    ingot_value *d = n->in[1];
    if (!n->error && ingot_dtype_is_float(d->type.dtype)) {
        double number;
        if (ingot_known_float(n, d, &number) && number >= 0 && number < (double)INGOT_DIM_MAX_VALUE)
            depth[0] = ingot_const_dim(n, (int64_t)number);
        else
            d = ingot_cast(n, d, INGOT_I64);
    }
    if (!ingot_dtype_is_float(d->type.dtype) && ingot_operand_dims(n, d, 0, INGOT_DIM_MAX_VALUE, depth) != 1)
        ingot_node_bad(n, "the depth must be one number");
    if (n->error)
        return;
    int32_t rank = n->in[0]->type.rank + 1;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_one_hot, 2, (ingot_value *[]){n->in[0], n->in[2]}, 1);
    ((ingot_attrs_one_hot *)op->attrs)->axis = ingot_node_axis(n, ingot_attr_int(n, "axis", -1), rank);
    ingot_emit_sym(n, op, 1, depth);
    n->out[0] = ingot_emit_end(n, op);
}

/* k is an attribute before opset 10. */
void ingot_import_topk(ingot_node *n)
{
    const ingot_dim *k[INGOT_MAX_CONTENT] = {0};
    ingot_value *x = n->in[0];
    int32_t axis = ingot_node_axis(n, ingot_attr_int(n, "axis", -1), x->type.rank);
    if (n->opset < 10)
        k[0] = ingot_const_dim(n, ingot_attr_int(n, "k", -1));
    else if (!n->in[1] || ingot_operand_dims(n, ingot_list_of(n, n->in[1], 1), 0, INGOT_DIM_MAX_VALUE, k) != 1)
        ingot_node_bad(n, "k must be one number");
    if (n->error)
        return;
    if (k[0]->hi < 0 || ingot_dim_sub(n->m, k[0], x->type.dims[axis])->lo > 0) {
        ingot_node_bad(n, "k is negative or larger than the axis");
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_topk, 1, &x, 2);
    ingot_attrs_topk *a = op->attrs;
    a->axis = axis;
    a->largest = ingot_attr_int(n, "largest", 1) != 0;
    a->sorted = ingot_attr_int(n, "sorted", 1) != 0;
    ingot_emit_sym(n, op, 1, k);
    n->out[0] = ingot_emit_end(n, op);
    n->out[1] = n->error ? n->out[0] : op->out[1];
}

/* arg 1: products. */
void ingot_import_cumsum(ingot_node *n)
{
    ingot_ints axis;
    if (ingot_type_count(&n->in[1]->type) != 1 || !ingot_dtype_is_integer(n->in[1]->type.dtype)) {
        ingot_node_bad(n, "the axis must be one integer");
        return;
    }
    bool known = ingot_known_ints(n, n->in[1], &axis);
    ingot_node_rank(n, n->in[0], 1);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_cumsum, known ? 1 : 2, n->in, 1);
    ingot_attrs_cumsum *a = op->attrs;
    a->axis = known ? ingot_node_axis(n, axis.v[0], n->in[0]->type.rank) : 0;
    a->exclusive = ingot_attr_int(n, "exclusive", 0) != 0;
    a->reverse = ingot_attr_int(n, "reverse", 0) != 0;
    a->product = n->arg;
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_trilu(ingot_node *n)
{
    ingot_value *k = n->in[1];
    if (k && ingot_type_count(&k->type) == 1)
        k = ingot_reshape(n, k, 0, NULL);
    ingot_node_rank(n, n->in[0], 2);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_tri, k ? 2 : 1, (ingot_value *[]){n->in[0], k}, 1);
    ((ingot_attrs_tri *)op->attrs)->upper = ingot_attr_int(n, "upper", 1) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_compress(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_compress, 2, n->in, 1);
    ingot_attrs_axes *a = op->attrs;
    if (ingot_attr_has(n, "axis")) {
        a->axes.n = 1;
        a->axes.v[0] = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), n->in[0]->type.rank);
    }
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_unique(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_unique, 1, n->in, 4);
    ingot_attrs_unique *a = op->attrs;
    a->has_axis = ingot_attr_has(n, "axis");
    if (a->has_axis)
        a->axis = ingot_node_axis(n, ingot_attr_int(n, "axis", 0), n->in[0]->type.rank);
    a->sorted = ingot_attr_int(n, "sorted", 1) != 0;
    ingot_emit_end(n, op);
    for (int32_t i = 0; i < n->n_out && i < 4; i++)
        n->out[i] = op->out[i];
}

void ingot_import_reverse_sequence(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_reverse_sequence, 2, n->in, 1);
    ingot_attrs_axes *a = op->attrs;
    int32_t rank = ingot_node_rank(n, n->in[0], 2);
    a->axes.n = 2;
    a->axes.v[0] = ingot_node_axis(n, ingot_attr_int(n, "batch_axis", 1), rank);
    a->axes.v[1] = ingot_node_axis(n, ingot_attr_int(n, "time_axis", 0), rank);
    n->out[0] = ingot_emit_end(n, op);
}

/* ---- Depth and space ---- */
static bool block_of(ingot_node *n, int64_t *out_block)
{
    *out_block = ingot_attr_int(n, "blocksize", 0);
    if (!n->error && (n->in[0]->type.rank != 4 || *out_block < 1 || *out_block > 65536))
        ingot_node_bad(n, "expected an input of rank 4 and a blocksize of at least 1");
    return !n->error;
}

/* x [N, C, H, W] as [N, b, b, C/bb, H, W] (DCR) or [N, C/bb, b, b, H, W] (CRD) to [N, C/bb, H, b, W, b], merged */
void ingot_import_depth_to_space(ingot_node *n)
{
    static const char *const modes[] = {"DCR", "CRD", NULL};
    int64_t block;
    bool crd = ingot_attr_choice(n, "mode", "DCR", modes) == 1;
    if (!block_of(n, &block))
        return;
    const ingot_dim *const *d = n->in[0]->type.dims, *b = ingot_const_dim(n, block);
    const ingot_dim *depth = ingot_dim_floordiv(n->m, d[1], ingot_const_dim(n, block * block));
    const ingot_dim *split[] = {d[0], crd ? depth : b, b, crd ? b : depth, d[2], d[3]};
    const ingot_dim *merged[] = {d[0], depth, ingot_dim_mul(n->m, d[2], b), ingot_dim_mul(n->m, d[3], b)};
    static const int64_t dcr_perm[] = {0, 3, 4, 1, 5, 2}, crd_perm[] = {0, 1, 4, 2, 5, 3};
    ingot_value *y = ingot_transpose(n, ingot_reshape(n, n->in[0], 6, split), crd ? crd_perm : dcr_perm);
    n->out[0] = ingot_reshape(n, y, 4, merged);
}

/* x [N, C, H, W] as [N, C, H/b, b, W/b, b] to [N, b, b, C, H/b, W/b], merged */
void ingot_import_space_to_depth(ingot_node *n)
{
    int64_t block;
    if (!block_of(n, &block))
        return;
    const ingot_dim *const *d = n->in[0]->type.dims, *b = ingot_const_dim(n, block);
    const ingot_dim *h = ingot_dim_floordiv(n->m, d[2], b), *w = ingot_dim_floordiv(n->m, d[3], b);
    const ingot_dim *split[] = {d[0], d[1], h, b, w, b};
    const ingot_dim *merged[] = {d[0], ingot_dim_mul(n->m, d[1], ingot_const_dim(n, block * block)), h, w};
    static const int64_t perm[] = {0, 3, 5, 1, 2, 4};
    n->out[0] = ingot_reshape(n, ingot_transpose(n, ingot_reshape(n, n->in[0], 6, split), perm), 4, merged);
}

void ingot_import_non_max_suppression(ingot_node *n)
{
    int64_t center = ingot_attr_int(n, "center_point_box", 0);
    const ingot_dim *sym = ingot_const_dim(n, center != 0);
    int32_t count = n->n_in;
    while (count > 2 && !n->in[count - 1])
        count--;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_non_max_suppression, count, n->in, 1);
    ingot_emit_sym(n, op, 1, &sym);
    n->out[0] = ingot_emit_end(n, op);
}
