/* Slices, concats and gathers with constant indices, and what they make of each other. The laws are at the top of
 * canonicalize.c. */
#include "passes/internal.h"
#include <string.h>

static ingot_status replace(ingot_op *op, ingot_value *v, bool *changed)
{
    if (!ingot_type_equal(&v->type, &op->out[0]->type)) {
        if (v->def)
            ingot_erase_dead(v->def);
        return NULL;
    }
    *changed = true;
    return ingot_replace_op(op, v);
}

/* A slice of one axis with step 1. */
typedef struct cut {
    ingot_value *x;
    int64_t axis;
    const ingot_dim *start, *count;
} cut;

static bool match_cut(const ingot_value *v, cut *out)
{
    const ingot_op *op = ingot_def(v, INGOT_OP_slice);
    const ingot_attrs_slice *attrs = op ? op->attrs : NULL;
    if (!op || attrs->axes.n != 1 || op->n_sym != 2 || (attrs->steps.n == 1 && attrs->steps.v[0] != 1))
        return false;
    *out = (cut){op->in[0], attrs->axes.v[0], op->sym[0], op->sym[1]};
    return true;
}

/* A slice along `axes` of what a transpose or a reshape that only adds or drops axes of size 1 makes: the same slice of
 * its operand, then the transpose or reshape. Parts of a fused projection become views of it that way, and many a
 * transpose of a part is a reshape. */
static ingot_status raise_slice(ingot_op *op, bool *changed)
{
    ingot_op *inner = op->in[0]->def, *slice, *again;
    const ingot_attrs_slice *attrs = op->attrs;
    ingot_ints axes = attrs->axes;
    ingot_value *made;
    if (!inner || inner->prog || (inner->kind != INGOT_OP_transpose && inner->kind != INGOT_OP_reshape) ||
        op->n_sym != 2 * axes.n)
        return NULL;
    for (const ingot_use *use = op->out[0]->uses; use; use = use->next) {
        if (use->op && use->op->kind == INGOT_OP_concat)
            return NULL; /* parts that are joined again are found by their common operand */
    }
    const ingot_type *from = &inner->in[0]->type, *to = &inner->out[0]->type;
    int32_t source[INGOT_MAX_RANK]; /* axis of the operand per axis of the result, -1: none */
    for (int32_t i = 0; i < to->rank; i++)
        source[i] = -1;
    if (inner->kind == INGOT_OP_transpose) {
        for (int32_t i = 0; i < to->rank; i++)
            source[i] = (int32_t)((const ingot_attrs_perm *)inner->attrs)->perm.v[i];
    } else {
        int32_t at = 0;
        for (int32_t i = 0; i < to->rank; i++) {
            if (ingot_dim_is(to->dims[i], 1))
                continue;
            while (at < from->rank && ingot_dim_is(from->dims[at], 1))
                at++;
            if (at == from->rank || from->dims[at] != to->dims[i])
                return NULL;
            source[i] = at++;
        }
        for (; at < from->rank; at++) {
            if (!ingot_dim_is(from->dims[at], 1))
                return NULL;
        }
    }
    for (int64_t i = 0; i < axes.n; i++) {
        if (axes.v[i] < 0 || axes.v[i] >= to->rank || source[axes.v[i]] < 0)
            return NULL;
        axes.v[i] = source[axes.v[i]];
    }
    INGOT_TRY(ingot_build(op, INGOT_OP_slice, 1, inner->in, &slice));
    ingot_copy_attrs(slice, op);
    ((ingot_attrs_slice *)slice->attrs)->axes = axes;
    INGOT_TRY(ingot_op_set_sym(slice, op->n_sym, op->sym));
    INGOT_TRY(ingot_op_infer(slice));
    if (inner->kind == INGOT_OP_reshape) {
        INGOT_TRY(ingot_build_reshape(op, slice->out[0], to->rank, op->out[0]->type.dims, &made));
    } else {
        INGOT_TRY(ingot_build(op, INGOT_OP_transpose, 1, slice->out, &again));
        ingot_copy_attrs(again, inner);
        INGOT_TRY(ingot_op_infer(again));
        made = again->out[0];
    }
    return replace(op, made, changed);
}

/* Of everything: the operand. Of a concat, a part that lies in one operand: a slice of that operand, or the operand. Of
 * a cut along the same axis: one cut. */
static ingot_status simplify_slice(ingot_op *op, bool *changed)
{
    ingot_module *m = op->graph->module;
    const ingot_attrs_slice *attrs = op->attrs;
    bool everything = attrs->axes.n * 2 == op->n_sym;
    for (int32_t i = 0; i < attrs->axes.n && everything; i++) {
        everything = attrs->axes.v[i] >= 0 && attrs->axes.v[i] < op->in[0]->type.rank &&
                     (i >= attrs->steps.n || attrs->steps.v[i] == 1) && ingot_dim_is(op->sym[i], 0) &&
                     op->sym[attrs->axes.n + i] == op->in[0]->type.dims[attrs->axes.v[i]];
    }
    if (everything)
        return replace(op, op->in[0], changed);

    cut outer, inner;
    ingot_value *made;
    INGOT_TRY(raise_slice(op, changed));
    if (*changed || !match_cut(op->out[0], &outer))
        return NULL;
    if (match_cut(outer.x, &inner) && inner.axis == outer.axis) {
        INGOT_TRY(ingot_build_slice1(op, inner.x, outer.axis, ingot_dim_add(m, inner.start, outer.start), outer.count,
                                     &made));
        return replace(op, made, changed);
    }
    const ingot_op *concat = ingot_def(outer.x, INGOT_OP_concat);
    if (!concat || ((const ingot_attrs_axis *)concat->attrs)->axis != outer.axis)
        return NULL;
    const ingot_dim *begin = ingot_dim_const(m, 0);
    for (int32_t i = 0; i < concat->n_in && i < 256; i++) {
        const ingot_dim *size = concat->in[i]->type.dims[outer.axis];
        const ingot_dim *from = ingot_dim_sub(m, outer.start, begin);
        const ingot_dim *left = ingot_dim_sub(m, ingot_dim_sub(m, size, from), outer.count);
        if (from->lo >= 0 && left->lo >= 0) {
            INGOT_TRY(ingot_build_slice1(op, concat->in[i], outer.axis, from, outer.count, &made));
            return replace(op, made, changed);
        }
        begin = ingot_dim_add(m, begin, size);
    }
    return NULL;
}

/* Of one: the operand. Neighbouring cuts of one value: one cut. A concat along the same axis inside, used once:
 * flattened. Empty operands go. */
static ingot_status simplify_concat(ingot_op *op, bool *changed)
{
    ingot_module *m = op->graph->module;
    int64_t axis = ((const ingot_attrs_axis *)op->attrs)->axis;
    if (op->n_in == 1)
        return replace(op, op->in[0], changed);
    if (axis < 0 || axis >= op->out[0]->type.rank)
        return NULL;

    int64_t total = 0;
    for (int32_t i = 0; i < op->n_in; i++) {
        const ingot_op *inner = ingot_def(op->in[i], INGOT_OP_concat);
        bool flatten = inner && inner != op && ingot_value_has_one_use(op->in[i]) &&
                       ((const ingot_attrs_axis *)inner->attrs)->axis == axis;
        total += flatten ? inner->n_in : 1;
    }
    if (total > 4096)
        return NULL;
    ingot_arena scratch = {0};
    void *memory;
    INGOT_TRY(ingot_arena_array(&scratch, (size_t)total + 1, sizeof(ingot_value *), &memory));
    ingot_value **parts = memory;
    int32_t n = 0;
    bool better = false;
    ingot_status err = NULL;
    for (int32_t i = 0; i < op->n_in && !err; i++) {
        ingot_op *inner = ingot_def(op->in[i], INGOT_OP_concat);
        bool flatten =
            inner && ingot_value_has_one_use(op->in[i]) && ((const ingot_attrs_axis *)inner->attrs)->axis == axis;
        cut before, here;
        if (flatten) {
            memcpy(parts + n, inner->in, (size_t)inner->n_in * sizeof *parts);
            n += inner->n_in;
            better = true;
        } else if (ingot_dim_is(op->in[i]->type.dims[axis], 0) && (n > 0 || i + 1 < op->n_in)) {
            better = true;
        } else if (n > 0 && match_cut(parts[n - 1], &before) && match_cut(op->in[i], &here) && before.x == here.x &&
                   before.axis == axis && here.axis == axis &&
                   ingot_dim_add(m, before.start, before.count) == here.start) {
            err = ingot_build_slice1(op, before.x, axis, before.start, ingot_dim_add(m, before.count, here.count),
                                     &parts[n - 1]);
            better = true;
        } else {
            parts[n++] = op->in[i];
        }
    }
    ingot_op *made;
    if (!err && better && n == 1) {
        err = replace(op, parts[0], changed);
    } else if (!err && better && n > 1) {
        err = ingot_build(op, INGOT_OP_concat, n, parts, &made);
        if (!err) {
            ingot_copy_attrs(made, op);
            err = ingot_op_infer(made);
        }
        if (!err)
            err = replace(op, made->out[0], changed);
    }
    ingot_arena_release(&scratch);
    return err;
}

/* Indices that are one number or consecutive numbers: a slice, which can be a view. */
static ingot_status simplify_gather(ingot_op *op, bool *changed)
{
    ingot_module *m = op->graph->module;
    const ingot_value *indices = op->in[1];
    const ingot_literal *literal = ingot_value_literal(indices);
    int64_t axis = ((const ingot_attrs_axis *)op->attrs)->axis, n = ingot_type_count(&indices->type);
    if (!literal || indices->type.rank > 1 || n < 1 || n > 4096 || axis < 0 || axis >= op->in[0]->type.rank ||
        !ingot_dtype_is_integer(indices->type.dtype))
        return NULL;
    const ingot_dim *size = op->in[0]->type.dims[axis];
    ingot_arena scratch = {0};
    const void *data;
    ingot_status err = ingot_literal_get_data(m, literal, indices->type.dtype, &scratch, &data);
    int64_t first = 0;
    bool run = !err;
    for (int64_t i = 0; i < n && run; i++) {
        int64_t index = ingot_load_i64(data, indices->type.dtype, i);
        if (i == 0)
            first = index;
        run = index == first + i && (index >= 0) == (first >= 0);
    }
    ingot_arena_release(&scratch);
    INGOT_TRY(err);
    const ingot_dim *start = ingot_dim_const(m, first);
    if (first < 0)
        start = ingot_dim_add(m, size, start);
    /* Only where the indices are known to be inside: else the gather reports it when run. */
    if (!run || start->lo < 0 || (first >= 0 ? size->lo < first + n : size->lo < -first))
        return NULL;
    ingot_value *made;
    INGOT_TRY(ingot_build_slice1(op, op->in[0], axis, start, ingot_dim_const(m, n), &made));
    INGOT_TRY(ingot_build_reshape(op, made, op->out[0]->type.rank, op->out[0]->type.dims, &made));
    return replace(op, made, changed);
}

ingot_status ingot_simplify_slices(ingot_op *op, bool *changed)
{
    switch (op->kind) {
    case INGOT_OP_slice:
        return simplify_slice(op, changed);
    case INGOT_OP_concat:
        return simplify_concat(op, changed);
    case INGOT_OP_gather:
        return simplify_gather(op, changed);
    default:
        return NULL;
    }
}
