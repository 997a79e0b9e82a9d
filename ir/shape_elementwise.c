/* Shape rules of elementwise ops and programs, and of ops whose result is like operand 0. */
#include "ir/shape.h"

RULE(none)
{
    (void)op;
    return NULL;
}

/* Result like operand 0; further operands are the kernel's business, but for the few rules below. */
RULE(same)
{
    const ingot_type *x = in_type(op, 0);
    switch (op->kind) {
    case INGOT_OP_softmax:
        INGOT_TRY(ingot_infer_axis(&((ingot_attrs_softmax *)op->attrs)->axis, x->rank));
        break;
    case INGOT_OP_cumsum:
        INGOT_TRY(ingot_infer_axis(&((ingot_attrs_cumsum *)op->attrs)->axis, x->rank));
        if (in_type(op, 1) && ingot_type_count(in_type(op, 1)) != 1)
            return BAD("the axis is not one number");
        break;
    case INGOT_OP_rms_norm:
        INGOT_TRY(ingot_infer_axis(&((ingot_attrs_norm *)op->attrs)->axis, x->rank));
        break;
    case INGOT_OP_reverse:
        INGOT_TRY(ingot_infer_axes(&((ingot_attrs_axes *)op->attrs)->axes, x->rank, NULL));
        break;
    case INGOT_OP_reverse_sequence: {
        ingot_attrs_axes *a = op->attrs;
        const ingot_dim *merged;
        if (a->axes.n != 2)
            return BAD("expected two axes, batch and time");
        INGOT_TRY(ingot_infer_axes(&a->axes, x->rank, NULL));
        INGOT_TRY(ingot_infer_need_rank(op, 1, 1, 1));
        INGOT_TRY(ingot_infer_unify(op, x->dims[a->axes.v[0]], in_type(op, 1)->dims[0], "batch and lengths", &merged));
        break;
    }
    case INGOT_OP_scatter_elements: {
        ingot_attrs_scatter *a = op->attrs;
        const ingot_type *indices = in_type(op, 1), *updates = in_type(op, 2);
        INGOT_TRY(ingot_infer_axis(&a->axis, x->rank));
        INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 2));
        if (indices->rank != x->rank || updates->rank != x->rank)
            return BAD("data, indices and updates of the same rank expected");
        for (int32_t i = 0; i < x->rank; i++) {
            const ingot_dim *merged;
            INGOT_TRY(ingot_infer_unify(op, indices->dims[i], updates->dims[i], "indices and updates", &merged));
        }
        break;
    }
    case INGOT_OP_scatter_nd:
        INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 2));
        INGOT_TRY(ingot_infer_need_rank(op, 1, 1, INGOT_MAX_RANK));
        break;
    case INGOT_OP_group_norm:
    case INGOT_OP_batch_norm:
    case INGOT_OP_lrn: {
        const ingot_dim *merged;
        int32_t axis = op->kind == INGOT_OP_batch_norm ? (int32_t)((ingot_attrs_norm *)op->attrs)->axis : 1;
        axis = axis < 0 || axis >= x->rank || axis == 0 ? 1 : axis;
        INGOT_TRY(ingot_infer_need_rank(op, 0, 2, INGOT_MAX_RANK));
        for (int32_t i = 1; i < op->n_base && i < op->n_in; i++) {
            if (!op->in[i])
                continue;
            INGOT_TRY(ingot_infer_need_rank(op, i, 1, 1));
            INGOT_TRY(
                ingot_infer_unify(op, x->dims[axis], in_type(op, i)->dims[0], "channels and parameters", &merged));
        }
        break;
    }
    case INGOT_OP_tri:
        INGOT_TRY(ingot_infer_need_rank(op, 0, 2, INGOT_MAX_RANK));
        break;
    default:
        break;
    }
    set_type(op, 0, x);
    return NULL;
}

/* All plain, or all in the blocked layout: then of one rank, or a scalar, so that blocks line up. */
static ingot_status layout_of(const ingot_op *op, ingot_layout *out)
{
    *out = INGOT_LAYOUT_PLAIN;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (op->in[i]->type.layout != INGOT_LAYOUT_PLAIN)
            *out = op->in[i]->type.layout;
    }
    return NULL;
}

static ingot_status broadcast_all(ingot_op *op, ingot_type *out)
{
    *out = (ingot_type){.rank = 0};
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!op->in[i])
            return BAD("operand %d is left out", (int)i);
        INGOT_TRY(ingot_infer_broadcast_into(op, out, &op->in[i]->type));
    }
    return layout_of(op, &out->layout);
}

RULE(elementwise)
{
    const ingot_scalar_info *info = &ingot_scalar_table[op->kind];
    ingot_type result;
    INGOT_TRY(broadcast_all(op, &result));
    if (op->kind == INGOT_OP_select) {
        if (in_type(op, 0)->dtype != INGOT_BOOL)
            return BAD("a condition of type %s, expected bool", ingot_dtype_name(in_type(op, 0)->dtype));
        INGOT_TRY(ingot_infer_need_same_dtype(op, 1, 2));
        result.dtype = in_type(op, 1)->dtype;
    } else {
        for (int32_t i = 1; i < op->n_in && op->kind != INGOT_OP_pow; i++)
            INGOT_TRY(ingot_infer_need_same_dtype(op, 0, i));
        result.dtype = in_type(op, 0)->dtype;
    }
    if (info->result == INGOT_RESULT_BOOL) {
        result.dtype = INGOT_BOOL;
    } else if (info->result == INGOT_RESULT_ATTR) {
        int64_t to = ((const ingot_attrs_cast *)op->attrs)->to;
        if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT)
            return BAD("cast to the unknown type %lld", (long long)to);
        result.dtype = (ingot_dtype)to;
    }
    set_type(op, 0, &result);
    return NULL;
}

RULE(map)
{
    ingot_type result;
    if (!op->prog)
        return BAD("no program");
    INGOT_TRY(ingot_prog_verify(op->prog));
    if (op->prog->n_args != op->n_in || op->prog->n_results != op->n_out)
        return BAD("a program of %d arguments and %d results", (int)op->prog->n_args, (int)op->prog->n_results);
    INGOT_TRY(broadcast_all(op, &result));
    for (int32_t i = 0; i < op->n_in; i++) {
        if (op->prog->arg_dtypes[i] != (int16_t)op->in[i]->type.dtype)
            return BAD("operand %d has type %s, the program expects %s", (int)i,
                       ingot_dtype_name(op->in[i]->type.dtype), ingot_dtype_name((ingot_dtype)op->prog->arg_dtypes[i]));
    }
    for (int32_t i = 0; i < op->n_out; i++) {
        result.dtype = ingot_prog_register_dtype(op->prog, op->prog->results[i]);
        set_type(op, i, &result);
    }
    return NULL;
}

RULE(constant) /* whoever made it set the type */
{
    const ingot_type *t = &op->out[0]->type;
    if (!op->literal)
        return BAD("no literal");
    int64_t bytes = ingot_dtype_bytes(t->dtype, ingot_type_count(t));
    if (bytes != op->literal->size_bytes)
        return BAD("a literal of %lld bytes for a type of %lld", (long long)op->literal->size_bytes, (long long)bytes);
    return NULL;
}

RULE(relayout) /* the result keeps the layout it was given by the attribute */
{
    ingot_type t = *in_type(op, 0);
    int64_t layout = ((const ingot_attrs_relayout *)op->attrs)->layout;
    if (layout != INGOT_LAYOUT_PLAIN && layout != INGOT_LAYOUT_C16)
        return BAD("unknown layout %lld", (long long)layout);
    if (layout == INGOT_LAYOUT_C16 && t.rank < 3)
        return BAD("the blocked layout needs rank 3 at least");
    t.layout = (ingot_layout)layout;
    set_type(op, 0, &t);
    return NULL;
}

RULE(dims)
{
    int32_t rank = op->out[0]->type.rank;
    ingot_type t = {.dtype = INGOT_I64, .rank = rank == 0 && op->n_sym == 1 ? 0 : 1};
    t.dims[0] = constant(op, op->n_sym);
    set_type(op, 0, &t);
    return NULL;
}

/* Result types of regions are set by who builds the op; an `if` joins what its branches say. */
static ingot_status join(ingot_op *op, int32_t i, const ingot_type *a, const ingot_type *b)
{
    ingot_type t = *a;
    if (a->form != b->form)
        return BAD("result %d: the branches give values of different kinds, as a tensor and a sequence", (int)i);
    if (a->dtype != b->dtype)
        return BAD("result %d: the branches give %s and %s", (int)i, ingot_dtype_name(a->dtype),
                   ingot_dtype_name(b->dtype));
    if (a->rank != b->rank || a->rank < 0) {
        int32_t inner[2] = {a->rank < 0 ? a->inner_rank : a->rank, b->rank < 0 ? b->inner_rank : b->rank};
        t = ingot_type_boxed(a->dtype, a->form, ingot_rank_join(inner[0], inner[1]));
    }
    for (int32_t k = 0; k < t.rank; k++) {
        if (a->dims[k] == b->dims[k])
            continue;
        const ingot_dim *larger = ingot_dim_max(module_of(op), a->dims[k], b->dims[k]);
        t.dims[k] = ingot_infer_data_symbol(op, "if", larger, i, k);
    }
    set_type(op, i, &t);
    return NULL;
}

RULE(region)
{
    if (op->kind != INGOT_OP_if)
        return NULL;
    const ingot_graph *then_graph = op->regions[0], *else_graph = op->regions[1];
    if (!then_graph || !else_graph || then_graph->n_results != op->n_out || else_graph->n_results != op->n_out)
        return BAD("both branches must give %d results", (int)op->n_out);
    for (int32_t i = 0; i < op->n_out; i++)
        INGOT_TRY(join(op, i, &then_graph->results[i]->type, &else_graph->results[i]->type));
    return NULL;
}
