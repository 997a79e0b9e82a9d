/* Lowering of reductions, softmax and normalisations to the reduce family. */
#include "lower/lower.h"
#include <string.h>

#define MAX_NEST (INGOT_MAX_RANK + 1)

/* The iteration space: dims of x with a mark for the reduced ones, and strides of every operand. */
typedef struct reduction {
    int32_t rank, n;
    const ingot_dim *dims[MAX_NEST];
    bool reduced[MAX_NEST];
    const ingot_dim *strides[INGOT_SPEC_OPERANDS][MAX_NEST];
    location at[INGOT_SPEC_OPERANDS];
    int32_t n_in; /* the rest are results */
} reduction;

static void drop_dim(reduction *t, int32_t d)
{
    for (int32_t i = d; i + 1 < t->rank; i++) {
        t->dims[i] = t->dims[i + 1];
        t->reduced[i] = t->reduced[i + 1];
        for (int32_t k = 0; k < t->n; k++)
            t->strides[k][i] = t->strides[k][i + 1];
    }
    t->rank--;
}

static void collapse(lowering *l, reduction *t)
{
    for (int32_t d = t->rank - 1; d >= 0; d--)
        if (ingot_dim_is(t->dims[d], 1))
            drop_dim(t, d);
    for (int32_t d = t->rank - 2; d >= 0; d--) {
        bool merge = t->reduced[d] == t->reduced[d + 1];
        for (int32_t k = 0; k < t->n && merge; k++)
            merge = t->strides[k][d] == ingot_lower_mul(l, t->strides[k][d + 1], t->dims[d + 1]);
        if (!merge)
            continue;
        t->dims[d + 1] = ingot_lower_mul(l, t->dims[d], t->dims[d + 1]);
        drop_dim(t, d);
    }
}

/* Assigns o0 o1 o2 r0 r1 i; false when there are too many of a kind. */
static bool assign(lowering *l, const reduction *t, int32_t slots[6])
{
    for (int32_t i = 0; i < 6; i++)
        slots[i] = -1;
    int32_t kept[MAX_NEST], reduced[MAX_NEST], n_kept = 0, n_reduced = 0;
    for (int32_t d = 0; d < t->rank; d++) {
        if (t->reduced[d])
            reduced[n_reduced++] = d;
        else
            kept[n_kept++] = d;
    }
    /* i: the kept dim along which x is contiguous, if reductions run across it */
    for (int32_t k = n_kept - 1; k >= 0; k--)
        if (t->strides[0][kept[k]] == ingot_lower_const(l, 1)) {
            slots[5] = kept[k];
            for (int32_t j = k; j + 1 < n_kept; j++)
                kept[j] = kept[j + 1];
            n_kept--;
            break;
        }
    if (n_kept == 4 && slots[5] < 0)
        slots[5] = kept[--n_kept];
    if (n_kept > 3 || n_reduced > 2)
        return false;
    for (int32_t k = 0; k < n_kept; k++)
        slots[3 - n_kept + k] = kept[k];
    for (int32_t k = 0; k < n_reduced; k++)
        slots[5 - n_reduced + k] = reduced[k];
    return true;
}

static ingot_status emit(lowering *l, ingot_op *op, reduction *t, int64_t kind, bool scale, bool bias, double epsilon,
                         const ingot_prog *prog, bool *out_done)
{
    int32_t slots[6];
    collapse(l, t);
    if (!assign(l, t, slots))
        return NULL;
    spec_builder s;
    ingot_spec_begin(&s, l, INGOT_FAMILY_reduce);
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1);
    for (int32_t d = 0; d < 6; d++)
        s.spec.dims[d] = ingot_spec_size(&s, slots[d] < 0 ? one : t->dims[slots[d]]);
    s.spec.params[0] = kind;
    s.spec.params[1] = scale;
    s.spec.params[2] = bias;
    s.spec.imm[0] = epsilon;
    for (int32_t k = 0; k < t->n; k++) {
        const ingot_dim *strides[6];
        for (int32_t d = 0; d < 6; d++)
            strides[d] = slots[d] < 0 ? zero : t->strides[k][slots[d]];
        ingot_spec_add_operand(&s, &t->at[k], strides, k >= t->n_in);
    }
    if (prog != NULL) {
        s.spec.has_body = true;
        s.spec.body = *prog;
    }
    const char *why;
    if (!ingot_spec_supported(&s, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&s, ingot_lower_label(l, op));
}

/* x, physical when blocked. */
static ingot_status begin(lowering *l, ingot_value *x, reduction *t)
{
    *t = (reduction){0};
    INGOT_TRY(ingot_lower_locate(l, x, &t->at[0]));
    t->n = t->n_in = 1;
    if (t->at[0].layout == INGOT_LAYOUT_C16) {
        t->rank = ingot_location_physical(l, &t->at[0], t->dims, t->strides[0]);
    } else {
        t->rank = x->type.rank;
        for (int32_t d = 0; d < t->rank; d++) {
            t->dims[d] = t->at[0].dims[d];
            t->strides[0][d] = t->at[0].strides[d];
        }
    }
    return NULL;
}

static ingot_status add_plain(lowering *l, reduction *t, ingot_value *v, const ingot_type *full)
{
    location at;
    INGOT_TRY(ingot_lower_locate_spread(l, v, full->rank, full->dims, &at, t->strides[t->n]));
    t->at[t->n++] = at;
    t->n_in++;
    return NULL;
}

static int64_t spec_kind(int64_t kind)
{
    switch (kind) {
    case INGOT_REDUCE_SUM:
        return INGOT_SPEC_SUM;
    case INGOT_REDUCE_MEAN:
        return INGOT_SPEC_MEAN;
    case INGOT_REDUCE_MAX:
        return INGOT_SPEC_MAX;
    case INGOT_REDUCE_MIN:
        return INGOT_SPEC_MIN;
    case INGOT_REDUCE_PROD:
        return INGOT_SPEC_PROD;
    case INGOT_REDUCE_L1:
        return INGOT_SPEC_L1;
    case INGOT_REDUCE_L2:
        return INGOT_SPEC_L2;
    case INGOT_REDUCE_SUM_SQUARE:
        return INGOT_SPEC_SUM_SQUARE;
    default:
        return -1;
    }
}

/* Strides of a kept-dims result or extra over the space of x: reduced dims 0. `dims` of the result with 1 for reduced
 * ones. */
static ingot_status result_strides(lowering *l, const reduction *t, const location *y, bool keepdims, int32_t x_rank,
                                   const ingot_dim **out)
{
    int32_t from = 0;
    const ingot_dim *zero = ingot_lower_const(l, 0);
    for (int32_t d = 0; d < x_rank; d++) {
        if (t->reduced[d]) {
            out[d] = zero;
            if (keepdims)
                from++;
        } else {
            out[d] = y->strides[from++];
        }
    }
    return NULL;
}

/* x as a dense plain copy; what is reduced stays. */
static ingot_status read_plain(lowering *l, ingot_value *x, reduction *t)
{
    reduction fresh = {.n = 1, .n_in = 1, .rank = x->type.rank};
    INGOT_TRY(ingot_lower_locate_dense(l, x, &fresh.at[0]));
    memcpy(fresh.reduced, t->reduced, sizeof fresh.reduced);
    memcpy(fresh.dims, fresh.at[0].dims, sizeof fresh.at[0].dims);
    memcpy(fresh.strides[0], fresh.at[0].strides, sizeof fresh.at[0].strides);
    *t = fresh;
    return NULL;
}

static ingot_status lower_reduction(lowering *l, ingot_op *op, int64_t kind, const ingot_ints *axes, bool keepdims,
                                    bool *out_done)
{
    ingot_value *x = op->in[0], *y = op->out[0];
    reduction t;
    *out_done = false;
    if (kind < 0 || op->n_in > INGOT_SPEC_OPERANDS - 2)
        return NULL;
    INGOT_TRY(begin(l, x, &t));
    int32_t x_rank = x->type.rank;
    bool c16 = t.at[0].layout == INGOT_LAYOUT_C16, over_channels = false;
    for (int64_t i = 0; i < axes->n; i++) {
        t.reduced[axes->v[i]] = true;
        over_channels |= axes->v[i] == 1;
    }
    location to, target;
    INGOT_TRY(ingot_lower_claim(l, y, &to));
    target = to;
    /* A plain [N, C] result of whole blocks takes lanes for channels. */
    bool whole = c16 && !keepdims && to.layout == INGOT_LAYOUT_PLAIN && ingot_dim_is_const(x->type.dims[1]) &&
                 x->type.dims[1]->value % 16 == 0 && to.rank > 1 && to.strides[1] == ingot_lower_const(l, 1);
    if (c16 && (over_channels || op->n_in > 1 || (!keepdims && !whole))) {
        INGOT_TRY(read_plain(l, x, &t));
        c16 = false;
    }
    if (keepdims && c16 != (to.layout == INGOT_LAYOUT_C16)) { /* through the other layout */
        ingot_type type = y->type;
        type.layout = c16 ? INGOT_LAYOUT_C16 : INGOT_LAYOUT_PLAIN;
        INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, y->name, &target));
    }
    for (int32_t i = 1; i < op->n_in; i++) { /* extras: broadcast to the result */
        location at;
        const ingot_dim *strides[INGOT_MAX_RANK];
        INGOT_TRY(ingot_lower_locate_spread(l, op->in[i], y->type.rank, y->type.dims, &at, strides));
        memcpy(at.strides, strides, sizeof at.strides);
        INGOT_TRY(result_strides(l, &t, &at, keepdims, x_rank, t.strides[t.n]));
        t.at[t.n++] = at;
        t.n_in++;
    }
    INGOT_TRY(result_strides(l, &t, &target, keepdims, x_rank, t.strides[t.n]));
    if (c16) {
        t.strides[t.n][x_rank] = ingot_lower_const(l, 1);
        if (target.layout == INGOT_LAYOUT_PLAIN)
            t.strides[t.n][1] = ingot_lower_const(l, 16);
    }
    t.at[t.n++] = target;
    INGOT_TRY(emit(l, op, &t, kind, false, false, 0, op->prog, out_done));
    if (*out_done && target.buffer != to.buffer)
        INGOT_TRY(ingot_lower_copy(l, &target, &to, "change of layout"));
    return NULL;
}

ingot_status ingot_lower_reduce(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_reduce *a = op->attrs;
    return lower_reduction(l, op, spec_kind(a->kind), &a->axes, a->keepdims != 0, out_done);
}

ingot_status ingot_lower_arg_reduce(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_arg_reduce *a = op->attrs;
    *out_done = false;
    if (a->select_last || op->in[0]->type.layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    ingot_ints axes = {.n = 1, .v = {a->axis}};
    return lower_reduction(l, op, a->min ? INGOT_SPEC_ARG_MIN : INGOT_SPEC_ARG_MAX, &axes, a->keepdims != 0, out_done);
}

/* Softmax and norms: the result has x's shape. */
static ingot_status lower_full(lowering *l, ingot_op *op, int64_t kind, int64_t first_axis, int64_t end_axis,
                               int32_t n_params, double epsilon, bool *out_done)
{
    ingot_value *x = op->in[0], *y = op->out[0];
    reduction t;
    *out_done = false;
    if (op->n_in > INGOT_SPEC_OPERANDS - 2 || y->type.layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    INGOT_TRY(begin(l, x, &t));
    if (t.at[0].layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    for (int64_t d = first_axis; d < end_axis; d++)
        t.reduced[d] = true;
    int32_t params = 0;
    for (int32_t i = 1; i < op->n_in; i++) {
        if (op->in[i] == NULL)
            continue;
        if (i <= n_params)
            params++;
        INGOT_TRY(add_plain(l, &t, op->in[i], &x->type));
    }
    INGOT_TRY(ingot_lower_claim(l, y, &t.at[t.n]));
    if (t.at[t.n].layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    memcpy(t.strides[t.n], t.at[t.n].strides, sizeof t.at[t.n].strides);
    t.n++;
    return emit(l, op, &t, kind, params >= 1, params >= 2, epsilon, op->prog, out_done);
}

ingot_status ingot_lower_softmax(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_softmax *a = op->attrs;
    return lower_full(l, op, a->log ? INGOT_SPEC_LOG_SOFTMAX : INGOT_SPEC_SOFTMAX, a->axis, a->axis + 1, 0, 0,
                      out_done);
}

ingot_status ingot_lower_norm(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_norm *a = op->attrs;
    *out_done = false;
    for (int32_t i = 1; i < op->n_out; i++)
        if (ingot_value_has_uses(op->out[i]))
            return NULL; /* mean and deviation wanted */
    int32_t n_params = op->prog != NULL ? op->n_base - 1 : op->n_in - 1;
    return lower_full(l, op, op->kind == INGOT_OP_layer_norm ? INGOT_SPEC_LAYER_NORM : INGOT_SPEC_RMS_NORM, a->axis,
                      op->in[0]->type.rank, n_params, a->epsilon, out_done);
}
