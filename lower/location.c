/* Locations: where values lie, views of them, and copies where a view will not do. */
#include "lower/lower.h"
#include <string.h>

const ingot_dim *ingot_lower_const(lowering *l, int64_t value)
{
    return ingot_dim_const(l->m, value);
}
const ingot_dim *ingot_lower_mul(lowering *l, const ingot_dim *a, const ingot_dim *b)
{
    return ingot_dim_mul(l->m, a, b);
}

void ingot_location_set_dense(lowering *l, location *at)
{
    at->layout = INGOT_LAYOUT_PLAIN;
    const ingot_dim *stride = ingot_lower_const(l, 1);
    for (int32_t d = at->rank - 1; d >= 0; d--) {
        at->strides[d] = stride;
        stride = ingot_lower_mul(l, stride, at->dims[d]);
    }
}

bool ingot_location_is_dense(lowering *l, const location *at)
{
    if (at->layout != INGOT_LAYOUT_PLAIN)
        return false;
    const ingot_dim *stride = ingot_lower_const(l, 1);
    for (int32_t d = at->rank - 1; d >= 0; d--) {
        if (ingot_dim_is(at->dims[d], 1))
            continue;
        if (at->strides[d] != stride)
            return false;
        stride = ingot_lower_mul(l, stride, at->dims[d]);
    }
    return true;
}

/* ---- Buffers ---- */

static const ingot_dim *blocks_of(lowering *l, const ingot_dim *channels)
{
    return ingot_dim_ceildiv(l->m, channels, ingot_lower_const(l, 16));
}

/* Strides of a C16 buffer with its border; offset is that of the first inner element. Returns the elements of the
 * buffer. */
static const ingot_dim *set_c16(lowering *l, location *at, const int32_t *halo)
{
    const ingot_dim *stride = ingot_lower_const(l, 16), *offset = ingot_lower_const(l, 0);
    at->layout = INGOT_LAYOUT_C16;
    for (int32_t d = at->rank - 1; d >= 2; d--) {
        int32_t slot = d - (at->rank - 2); /* 0: rows, 1: columns; 1-D has columns alone */
        if (at->rank == 3)
            slot = 1;
        int32_t low = halo != NULL && slot >= 0 ? halo[slot] : 0, high = halo != NULL && slot >= 0 ? halo[2 + slot] : 0;
        at->strides[d] = stride;
        offset = ingot_dim_add(l->m, offset, ingot_lower_mul(l, stride, ingot_lower_const(l, low)));
        stride = ingot_lower_mul(l, stride, ingot_dim_add(l->m, at->dims[d], ingot_lower_const(l, low + high)));
    }
    at->strides[1] = stride;
    stride = ingot_lower_mul(l, stride, blocks_of(l, at->dims[1]));
    at->strides[0] = stride;
    at->offset = offset;
    if (halo != NULL)
        memcpy(at->halo, halo, sizeof at->halo);
    return ingot_lower_mul(l, stride, at->dims[0]);
}

ingot_status ingot_lower_new_buffer(lowering *l, const ingot_type *type, const int32_t *halo, const char *name,
                                    location *out)
{
    *out = (location){.valid = true, .offset = ingot_lower_const(l, 0), .dtype = type->dtype, .rank = type->rank};
    if (ingot_type_is_boxed(type))
        return ingot_lower_add_buffer(l, INGOT_POOL_BOX, l->p->n_boxes++, ingot_lower_const(l, 0), name, &out->buffer);
    memcpy(out->dims, type->dims, sizeof out->dims);
    int32_t bits = ingot_dtype_bits(type->dtype);
    const ingot_dim *count;
    if (type->layout == INGOT_LAYOUT_C16) {
        count = set_c16(l, out, halo);
    } else {
        ingot_location_set_dense(l, out);
        count = out->rank == 0 ? ingot_lower_const(l, 1) : ingot_lower_mul(l, out->strides[0], out->dims[0]);
    }
    const ingot_dim *bytes = bits >= 8 ? ingot_lower_mul(l, count, ingot_lower_const(l, bits / 8))
                                       : ingot_dim_ceildiv(l->m, ingot_lower_mul(l, count, ingot_lower_const(l, bits)),
                                                           ingot_lower_const(l, 8));
    return ingot_lower_add_buffer(l, INGOT_POOL_ARENA, 0, bytes, name, &out->buffer);
}

/* One side of the border: rows above or below with the corners, or columns left or right. */
static location border_band(lowering *l, const location *at, int32_t side)
{
    int32_t rows = at->rank - 2, cols = at->rank - 1, d = side % 2 == 0 ? rows : cols;
    const int32_t *h = at->halo;
    location band = *at;
    memset(band.halo, 0, sizeof band.halo);
    const ingot_dim *start = side < 2 ? ingot_lower_const(l, -h[side]) : at->dims[d];
    band.offset = ingot_dim_add(l->m, band.offset, ingot_lower_mul(l, start, at->strides[d]));
    band.dims[d] = ingot_lower_const(l, h[side]);
    if (d == rows) {
        band.offset =
            ingot_dim_sub(l->m, band.offset, ingot_lower_mul(l, ingot_lower_const(l, h[1]), at->strides[cols]));
        band.dims[cols] = ingot_dim_add(l->m, band.dims[cols], ingot_lower_const(l, h[1] + h[3]));
    }
    return band;
}

ingot_status ingot_lower_zero_border(lowering *l, const location *at)
{
    const int32_t *h = at->halo;
    for (int32_t side = at->rank == 3 ? 1 : 0; side < 2; side++) { /* 0 top with 2 bottom, 1 left with 3 right */
        location bands[2] = {border_band(l, at, side), border_band(l, at, side + 2)};
        if (h[side] == h[side + 2] && h[side] > 0) {
            INGOT_TRY(ingot_lower_fill_zeros(l, 2, bands, "zero border"));
            continue;
        }
        for (int32_t i = 0; i < 2; i++)
            if (h[side + 2 * i] > 0)
                INGOT_TRY(ingot_lower_fill_zero(l, &bands[i], "zero border"));
        if (at->rank == 3)
            break;
    }
    return NULL;
}

/* Strides that make the transpose of a value dense. */
static void set_dense_permuted(lowering *l, location *at, const ingot_ints *perm)
{
    const ingot_dim *stride = ingot_lower_const(l, 1);
    for (int32_t d = at->rank - 1; d >= 0; d--) {
        at->strides[perm->v[d]] = stride;
        stride = ingot_lower_mul(l, stride, at->dims[perm->v[d]]);
    }
}

ingot_status ingot_lower_claim(lowering *l, ingot_value *v, location *out)
{
    if (l->locations[v->id].valid) {
        *out = l->locations[v->id];
        return NULL;
    }
    placement *p = &l->placements[v->id];
    if (p->inside != NULL) {
        ingot_value *whole = (ingot_value *)p->inside;
        INGOT_TRY(ingot_lower_claim(l, whole, out));
        const ingot_dim *at =
            v->type.layout == INGOT_LAYOUT_C16 ? ingot_dim_floordiv(l->m, p->at, ingot_lower_const(l, 16)) : p->at;
        out->offset = ingot_dim_add(l->m, out->offset, ingot_lower_mul(l, at, out->strides[p->axis]));
        memcpy(out->dims, v->type.dims, sizeof out->dims);
        l->locations[v->id] = *out;
        return NULL;
    }
    bool c16 = v->type.layout == INGOT_LAYOUT_C16;
    INGOT_TRY(ingot_lower_new_buffer(l, &v->type, c16 ? p->halo : NULL, v->name, out));
    if (p->output >= 0 && !c16 && !ingot_type_is_boxed(&v->type)) {
        l->p->buffers[out->buffer].pool = INGOT_POOL_OUTPUT;
        l->p->buffers[out->buffer].index = p->output;
    }
    if (p->perm != NULL && !c16)
        set_dense_permuted(l, out, p->perm);
    l->locations[v->id] = *out;
    return c16 ? ingot_lower_zero_border(l, out) : NULL;
}

/* ---- Views ---- */

bool ingot_location_reshape(lowering *l, const location *at, int32_t rank, const ingot_dim *const *dims, location *out)
{
    if (at->layout != INGOT_LAYOUT_PLAIN)
        return false;
    location view = *at;
    view.rank = rank;
    for (int32_t d = 0; d < rank; d++)
        view.dims[d] = dims[d];
    if (ingot_location_is_dense(l, at)) {
        ingot_location_set_dense(l, &view);
        *out = view;
        return true;
    }
    /* Match groups of old and new dims of equal product, from the right; within a group the old strides must be
     * mergeable. */
    int32_t i = at->rank - 1, j = rank - 1;
    const ingot_dim *one = ingot_lower_const(l, 1);
    while (i >= 0 || j >= 0) {
        while (i >= 0 && at->dims[i] == one)
            i--;
        while (j >= 0 && dims[j] == one)
            view.strides[j--] = one;
        if (i < 0 && j < 0)
            break;
        if (i < 0 || j < 0)
            return false;
        const ingot_dim *old_count = at->dims[i], *new_count = dims[j];
        int32_t i_low = i, j_low = j;
        while (old_count != new_count) {
            bool grow_old = i_low > 0 && (j_low == 0 || (ingot_dim_is_const(old_count) && ingot_dim_is_const(new_count)
                                                             ? old_count->value < new_count->value
                                                             : i - i_low <= j - j_low));
            if (!grow_old && j_low == 0)
                return false;
            if (grow_old) {
                i_low--;
                if (at->dims[i_low] != one &&
                    at->strides[i_low] != ingot_lower_mul(l, at->strides[i_low + 1], at->dims[i_low + 1]))
                    return false;
                old_count = ingot_lower_mul(l, old_count, at->dims[i_low]);
            } else {
                new_count = ingot_lower_mul(l, new_count, dims[--j_low]);
            }
        }
        const ingot_dim *stride = at->strides[i];
        for (int32_t d = j; d >= j_low; d--) {
            view.strides[d] = stride;
            stride = ingot_lower_mul(l, stride, dims[d]);
        }
        i = i_low - 1;
        j = j_low - 1;
    }
    *out = view;
    return true;
}

static bool view_transpose(const location *at, const ingot_op *op, location *out)
{
    const ingot_attrs_perm *a = op->attrs;
    if (at->layout != INGOT_LAYOUT_PLAIN)
        return false;
    location view = *at;
    for (int32_t d = 0; d < at->rank; d++) {
        view.dims[d] = at->dims[a->perm.v[d]];
        view.strides[d] = at->strides[a->perm.v[d]];
    }
    *out = view;
    return true;
}

static bool view_slice(lowering *l, const location *at, const ingot_op *op, location *out)
{
    const ingot_attrs_slice *a = op->attrs;
    location view = *at;
    for (int64_t i = 0; i < a->axes.n; i++) {
        int64_t axis = a->axes.v[i];
        const ingot_dim *start = op->sym[i];
        if (at->layout == INGOT_LAYOUT_C16) {
            if (axis == 1 || a->steps.v[i] != 1) {
                if (axis != 1 || a->steps.v[i] != 1 || !ingot_dim_is_const(start) || start->value % 16 != 0)
                    return false;
                start = ingot_lower_const(l, start->value / 16);
            }
            memset(view.halo, 0, sizeof view.halo);
        }
        view.offset = ingot_dim_add(l->m, view.offset, ingot_lower_mul(l, start, view.strides[axis]));
        view.strides[axis] = ingot_lower_mul(l, view.strides[axis], ingot_lower_const(l, a->steps.v[i]));
    }
    memcpy(view.dims, op->out[0]->type.dims, sizeof view.dims);
    *out = view;
    return true;
}

/* The stride of an operand's dim of size `from` along the result's of size `to`. */
static const ingot_dim *spread_stride(lowering *l, const ingot_dim *stride, const ingot_dim *from, const ingot_dim *to)
{
    const ingot_dim *one = ingot_lower_const(l, 1);
    if (from == to)
        return stride;
    if (from == one)
        return ingot_lower_const(l, 0);
    if (ingot_dim_broadcast(l->m, from, to) == NULL)
        return stride;
    return ingot_lower_mul(l, stride, ingot_dim_min(l->m, ingot_dim_sub(l->m, from, one), one)); /* 0 if it is 1 */
}

void ingot_location_broadcast_strides(lowering *l, const location *at, int32_t rank, const ingot_dim *const *dims,
                                      const ingot_dim **out)
{
    for (int32_t d = 0; d < rank; d++) {
        int32_t from = d - (rank - at->rank);
        out[d] = from < 0 ? ingot_lower_const(l, 0) : spread_stride(l, at->strides[from], at->dims[from], dims[d]);
    }
}

bool ingot_location_fast_is_open(const location *at, int32_t rank, const ingot_dim *const *strides)
{
    return rank > 0 && at->rank > 0 && !ingot_dim_is_const(strides[rank - 1]) &&
           strides[rank - 1] != at->strides[at->rank - 1];
}

ingot_status ingot_lower_locate_spread(lowering *l, ingot_value *v, int32_t rank, const ingot_dim *const *dims,
                                       location *out, const ingot_dim **out_strides)
{
    INGOT_TRY(ingot_lower_locate(l, v, out));
    if (out->layout != INGOT_LAYOUT_PLAIN)
        INGOT_TRY(ingot_lower_locate_dense(l, v, out));
    ingot_location_broadcast_strides(l, out, rank, dims, out_strides);
    if (!ingot_location_fast_is_open(out, rank, out_strides))
        return NULL;
    location from = *out;
    ingot_type type = ingot_type_make(v->type.dtype, from.rank, from.dims);
    type.dims[from.rank - 1] = dims[rank - 1];
    from.dims[from.rank - 1] = dims[rank - 1];
    from.strides[from.rank - 1] = out_strides[rank - 1];
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, v->name, out));
    INGOT_TRY(ingot_lower_copy(l, &from, out, "copy, broadcast"));
    ingot_location_broadcast_strides(l, out, rank, dims, out_strides);
    return NULL;
}

static bool view_broadcast(lowering *l, const location *at, const ingot_op *op, location *out)
{
    if (at->layout != INGOT_LAYOUT_PLAIN)
        return false;
    const ingot_type *type = &op->out[0]->type;
    location view = *at;
    view.rank = type->rank;
    memcpy(view.dims, type->dims, sizeof view.dims);
    ingot_location_broadcast_strides(l, at, type->rank, type->dims, view.strides);
    *out = view;
    return true;
}

/* A plain [N,C,1,1...] with C a multiple of 16 is the same bytes in both layouts. */
static bool view_relayout(lowering *l, const location *at, const ingot_op *op, location *out)
{
    const ingot_type *to = &op->out[0]->type;
    if (to->layout == at->layout) {
        *out = *at;
        return true;
    }
    for (int32_t d = 2; d < at->rank; d++)
        if (!ingot_dim_is(at->dims[d], 1))
            return false;
    if (at->rank < 2)
        return false;
    location view = *at;
    view.layout = to->layout;
    memset(view.halo, 0, sizeof view.halo);
    if (to->layout == INGOT_LAYOUT_PLAIN) {
        if (at->strides[1] != ingot_lower_const(l, 16) &&
            !(ingot_dim_is_const(at->dims[1]) && at->dims[1]->value <= 16))
            return false;
        view.strides[1] = ingot_lower_const(l, 1);
    } else {
        if (at->strides[1] != ingot_lower_const(l, 1) || !ingot_dim_is_const(at->dims[1]) ||
            at->dims[1]->value % 16 != 0)
            return false;
        view.strides[1] = ingot_lower_const(l, 16);
    }
    for (int32_t d = 2; d < at->rank; d++)
        view.strides[d] = ingot_lower_const(l, 16);
    *out = view;
    return true;
}

ingot_status ingot_lower_view(lowering *l, ingot_op *op, bool *out_done)
{
    ingot_value *result = op->out[0];
    *out_done = false;
    placement *p = &l->placements[result->id];
    if (p->output >= 0)
        return NULL; /* the caller's memory wants elements, not a view */
    location at, view;
    if (op->in[0]->type.rank < 0 || ingot_dtype_bits(op->in[0]->type.dtype) < 8 ||
        op->in[0]->type.dtype == INGOT_STRING)
        return NULL;
    INGOT_TRY(ingot_lower_locate(l, op->in[0], &at));
    bool ok = false;
    switch (op->kind) {
    case INGOT_OP_identity:
        view = at;
        ok = true;
        break;
    case INGOT_OP_reshape:
        ok = ingot_location_reshape(l, &at, result->type.rank, result->type.dims, &view);
        break;
    case INGOT_OP_transpose:
        ok = view_transpose(&at, op, &view);
        break;
    case INGOT_OP_slice:
        ok = view_slice(l, &at, op, &view);
        break;
    case INGOT_OP_broadcast:
        ok = view_broadcast(l, &at, op, &view);
        break;
    case INGOT_OP_relayout:
        ok = view_relayout(l, &at, op, &view);
        break;
    default:
        break;
    }
    if (ok)
        l->locations[result->id] = view;
    *out_done = ok;
    if (!ok && op->kind == INGOT_OP_reshape) { /* of something strided: through a dense copy */
        INGOT_TRY(ingot_lower_locate_dense(l, op->in[0], &at));
        if (!ingot_location_reshape(l, &at, result->type.rank, result->type.dims, &view))
            return ingot_fail(INGOT_INTERNAL, "%s: reshape of a dense copy", ingot_lower_label(l, op));
        l->locations[result->id] = view;
        *out_done = true;
    }
    return NULL;
}

/* ---- Finding operands ---- */

static ingot_status locate_constant(lowering *l, ingot_value *v, location *out)
{
    const ingot_literal *literal = ingot_value_literal(v);
    if (v->type.dtype == INGOT_STRING)
        return ingot_fail(INGOT_INTERNAL, "strings are made by steps at the start");
    if (literal->kind == INGOT_LITERAL_SPLAT && ingot_dtype_bits(v->type.dtype) >= 8) {
        INGOT_TRY(ingot_lower_add_weight(l, v, NULL, ingot_dtype_bytes(v->type.dtype, 1), out));
        for (int32_t d = 0; d < out->rank; d++)
            out->strides[d] = ingot_lower_const(l, 0);
        return NULL;
    }
    return ingot_lower_add_weight(l, v, NULL, literal->size_bytes, out);
}

ingot_status ingot_lower_locate(lowering *l, ingot_value *v, location *out)
{
    if (!l->locations[v->id].valid) {
        if (ingot_value_literal(v) == NULL)
            return ingot_fail(INGOT_INTERNAL, "%s: an operand has no location yet",
                              l->op != NULL ? ingot_lower_label(l, l->op) : "output");
        INGOT_TRY(locate_constant(l, v, &l->locations[v->id]));
    }
    *out = l->locations[v->id];
    return NULL;
}

ingot_status ingot_lower_locate_dense(lowering *l, ingot_value *v, location *out)
{
    INGOT_TRY(ingot_lower_locate(l, v, out));
    if (ingot_location_is_dense(l, out))
        return NULL;
    if (ingot_value_literal(v) != NULL) { /* a splat: written out */
        int64_t count = ingot_type_count(&v->type);
        return ingot_lower_add_weight(l, v, NULL, ingot_dtype_bytes(v->type.dtype, count), out);
    }
    for (dense_copy *c = l->copies; c != NULL; c = c->next)
        if (c->value == v && c->at.layout == INGOT_LAYOUT_PLAIN) {
            *out = c->at;
            return NULL;
        }
    location from = *out;
    ingot_type type = v->type;
    type.layout = INGOT_LAYOUT_PLAIN;
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, v->name, out));
    INGOT_TRY(ingot_lower_copy(l, &from, out, "copy to dense"));
    if (l->region_depth > 0)
        return NULL; /* made in a branch: not there for others */
    dense_copy *copy;
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *copy, (void **)&copy));
    *copy = (dense_copy){v, *out, l->copies};
    l->copies = copy;
    return NULL;
}

ingot_status ingot_lower_locate_to_copy(lowering *l, ingot_value *v, location *out)
{
    int32_t bits = ingot_dtype_bits(v->type.dtype);
    bool strided = !l->options->no_generated && bits >= 8 && bits <= 64 && v->type.dtype != INGOT_STRING;
    return strided ? ingot_lower_locate(l, v, out) : ingot_lower_locate_dense(l, v, out);
}

int32_t ingot_location_physical(lowering *l, const location *at, const ingot_dim **dims, const ingot_dim **strides)
{
    for (int32_t d = 0; d < at->rank; d++) {
        dims[d] = d == 1 ? blocks_of(l, at->dims[1]) : at->dims[d];
        strides[d] = at->strides[d];
    }
    dims[at->rank] = ingot_lower_const(l, 16);
    strides[at->rank] = ingot_lower_const(l, 1);
    return at->rank + 1;
}

ingot_status ingot_lower_c16_operand(lowering *l, ingot_value *v, const location *result, location *out_at,
                                     const ingot_dim **out_strides)
{
    int32_t rank = result->rank;
    INGOT_TRY(ingot_lower_locate(l, v, out_at));
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1);
    if (out_at->layout == INGOT_LAYOUT_C16) {
        for (int32_t d = 0; d < rank; d++)
            out_strides[d] = spread_stride(l, out_at->strides[d], out_at->dims[d], result->dims[d]);
        bool one_channel = ingot_dim_is(out_at->dims[1], 1) && !ingot_dim_is(result->dims[1], 1);
        out_strides[rank] = one_channel ? zero : one;
        return NULL;
    }
    int32_t channel = 1 - (rank - out_at->rank); /* its dim of channels, negative: none */
    bool has_channels = channel >= 0 && !ingot_dim_is(out_at->dims[channel], 1);
    const ingot_literal *literal = ingot_value_literal(v);
    int64_t channels = has_channels && ingot_dim_is_const(out_at->dims[channel]) ? out_at->dims[channel]->value : -1;
    if (has_channels && literal != NULL && literal->kind != INGOT_LITERAL_SPLAT && channels > 0 &&
        ingot_type_is_static(&v->type)) {
        /* Channels of a constant, padded to whole blocks: [before][blocks][after][16]. */
        int64_t before = 1, after = 1;
        for (int32_t d = 0; d < v->type.rank; d++) {
            if (d < channel)
                before *= v->type.dims[d]->value;
            if (d > channel)
                after *= v->type.dims[d]->value;
        }
        int64_t blocks = (channels + 15) / 16;
        ingot_packing packing = {.src_rank = 3,
                                 .dest_rank = 4,
                                 .src_dims = {before, channels, after},
                                 .src_strides = {channels * after, after, 1},
                                 .dest_dims = {before, blocks, after, 16},
                                 .dest_src = {0, 1, 2, 1},
                                 .dest_multiplier = {1, 16, 1, 1}};
        INGOT_TRY(ingot_lower_add_weight(l, v, &packing,
                                         before * blocks * after * 16 * ingot_dtype_bits(v->type.dtype) / 8, out_at));
        const ingot_dim *stride = ingot_lower_const(l, 16);
        for (int32_t d = rank - 1; d >= 0; d--) {
            int32_t from = d - (rank - v->type.rank);
            bool there = from >= 0 && !ingot_dim_is(v->type.dims[from], 1);
            out_strides[d] = there ? stride : zero;
            if (there)
                stride = ingot_lower_mul(l, stride, d == 1 ? ingot_lower_const(l, blocks) : v->type.dims[from]);
        }
        out_strides[rank] = one;
        return NULL;
    }
    if (has_channels && literal == NULL && (channels < 0 || channels % 16 != 0 || out_at->strides[channel] != one)) {
        /* Plain channels that blocks of 16 cannot read: copied into C16. */
        ingot_type type = ingot_type_make(v->type.dtype, rank, result->dims);
        location from = *out_at;
        from.rank = rank;
        for (int32_t d = 0; d < rank; d++) {
            int32_t source = d - (rank - out_at->rank);
            from.dims[d] = type.dims[d] = source < 0 ? one : out_at->dims[source];
            from.strides[d] = source < 0 ? zero : out_at->strides[source];
        }
        type.layout = INGOT_LAYOUT_C16;
        INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, v->name, out_at));
        if (channels < 0 || channels % 16 != 0)
            INGOT_TRY(ingot_lower_fill_zero(l, out_at, "zero channel padding"));
        INGOT_TRY(ingot_lower_copy(l, &from, out_at, "copy to blocks"));
        for (int32_t d = 0; d < rank; d++)
            out_strides[d] = spread_stride(l, out_at->strides[d], out_at->dims[d], result->dims[d]);
        out_strides[rank] = one;
        return NULL;
    }
    ingot_location_broadcast_strides(l, out_at, rank, result->dims, out_strides);
    out_strides[rank] = zero;
    if (has_channels) {
        out_strides[rank] = out_strides[1];
        out_strides[1] = ingot_lower_mul(l, out_strides[1], ingot_lower_const(l, 16));
    }
    return NULL;
}
