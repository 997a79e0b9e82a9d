/* Lowering of elementwise ops, copies, concatenation, padding and layout changes: all of them map kernels. */
#include "lower/lower.h"
#include <string.h>

#define MAX_PHYSICAL (INGOT_MAX_RANK + 1)

/* A loop nest over some operands, being collapsed. */
typedef struct nest {
    int32_t rank, n;
    const ingot_dim *dims[MAX_PHYSICAL];
    const ingot_dim *strides[INGOT_SPEC_OPERANDS][MAX_PHYSICAL];
} nest;

static void drop_dim(nest *t, int32_t d)
{
    for (int32_t i = d; i + 1 < t->rank; i++) {
        t->dims[i] = t->dims[i + 1];
        for (int32_t k = 0; k < t->n; k++)
            t->strides[k][i] = t->strides[k][i + 1];
    }
    t->rank--;
}

/* Leaves out dims of size 1 and merges neighbours that every operand walks as one. */
static void collapse(lowering *l, nest *t)
{
    for (int32_t d = t->rank - 1; d >= 0; d--)
        if (ingot_dim_is(t->dims[d], 1) && t->rank > 1)
            drop_dim(t, d);
    for (int32_t d = t->rank - 2; d >= 0; d--) {
        bool merge = true;
        for (int32_t k = 0; k < t->n && merge; k++)
            merge = t->strides[k][d] == ingot_lower_mul(l, t->strides[k][d + 1], t->dims[d + 1]);
        if (!merge)
            continue;
        t->dims[d + 1] = ingot_lower_mul(l, t->dims[d], t->dims[d + 1]);
        drop_dim(t, d);
    }
}

/* Copies move bits: one element type per size. */
static ingot_dtype carrier(ingot_dtype dtype)
{
    switch (ingot_dtype_bits(dtype)) {
    case 8:
        return INGOT_U8;
    case 16:
        return INGOT_U16;
    case 32:
        return INGOT_F32;
    case 64:
        return INGOT_I64;
    default:
        return dtype;
    }
}

ingot_status ingot_lower_map_kernel(lowering *l, const ingot_prog *prog, int32_t n_in, const location *in,
                                    const ingot_dim *const (*in_strides)[INGOT_MAX_RANK], int32_t n_out,
                                    const location *out, int32_t rank, const ingot_dim *const *dims,
                                    const ingot_dim *const (*out_strides)[INGOT_MAX_RANK], const char *label,
                                    bool *out_done)
{
    nest t = {.rank = rank, .n = n_in + n_out};
    *out_done = false;
    if (t.n > INGOT_SPEC_OPERANDS)
        return NULL;
    for (int32_t d = 0; d < rank; d++) {
        t.dims[d] = dims[d];
        for (int32_t k = 0; k < t.n; k++)
            t.strides[k][d] = k < n_in ? in_strides[k][d] : out_strides[k - n_in][d];
    }
    if (rank == 0) {
        t.rank = 1;
        t.dims[0] = ingot_lower_const(l, 1);
        for (int32_t k = 0; k < t.n; k++)
            t.strides[k][0] = ingot_lower_const(l, 1);
    }
    collapse(l, &t);
    if (t.rank > ingot_family_info_get(INGOT_FAMILY_map)->n_dims)
        return NULL;
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_map);
    b.spec.n_dims = t.rank;
    for (int32_t d = 0; d < t.rank; d++)
        b.spec.dims[d] = ingot_spec_size(&b, t.dims[d]);
    for (int32_t k = 0; k < t.n; k++)
        ingot_spec_add_operand(&b, k < n_in ? &in[k] : &out[k - n_in], t.strides[k], k >= n_in);
    b.spec.has_body = true;
    b.spec.body = *prog;
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, label);
}

/* ---- Copies and fills ---- */

static ingot_status copy_nest(lowering *l, location from, location to, int32_t rank, const ingot_dim *const *dims,
                              const ingot_dim *const *from_strides, const ingot_dim *const *to_strides,
                              const char *label)
{
    const ingot_dim *in_strides[1][INGOT_MAX_RANK], *out_strides[1][INGOT_MAX_RANK];
    if (rank > INGOT_MAX_RANK)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: a copy over %d dims", label, rank);
    for (int32_t d = 0; d < rank; d++) {
        in_strides[0][d] = from_strides[d];
        out_strides[0][d] = to_strides[d];
    }
    from.dtype = to.dtype = carrier(from.dtype);
    ingot_prog prog = {.n_args = 1, .n_results = 1, .arg_dtypes = {(int16_t)from.dtype}};
    bool done;
    INGOT_TRY(ingot_lower_map_kernel(l, &prog, 1, &from, (const ingot_dim *const(*)[INGOT_MAX_RANK])in_strides, 1, &to,
                                     rank, dims, (const ingot_dim *const(*)[INGOT_MAX_RANK])out_strides, label, &done));
    if (!done)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: no kernel copies %s elements over these strides", label,
                          ingot_dtype_name(from.dtype));
    return NULL;
}

/* Between plain and C16: whole blocks, then the channels of the last block. */
static ingot_status copy_between_layouts(lowering *l, const location *from, const location *to, const char *label)
{
    const location *plain = from->layout == INGOT_LAYOUT_PLAIN ? from : to,
                   *blocked = from->layout == INGOT_LAYOUT_PLAIN ? to : from;
    if (!ingot_dim_is_const(plain->dims[1]))
        return ingot_fail(INGOT_UNSUPPORTED, "%s: blocked layout with a dynamic number of channels", label);
    int64_t channels = plain->dims[1]->value, full = channels / 16;
    for (int32_t part = 0; part < 2; part++) {
        int64_t blocks = part == 0 ? full : 1, lanes = part == 0 ? 16 : channels % 16;
        if (blocks * lanes == 0)
            continue;
        const ingot_dim *dims[MAX_PHYSICAL], *plain_strides[MAX_PHYSICAL], *blocked_strides[MAX_PHYSICAL];
        for (int32_t d = 0; d < plain->rank; d++) {
            dims[d] = d == 1 ? ingot_lower_const(l, blocks) : plain->dims[d];
            plain_strides[d] =
                d == 1 ? ingot_lower_mul(l, plain->strides[1], ingot_lower_const(l, 16)) : plain->strides[d];
            blocked_strides[d] = blocked->strides[d];
        }
        dims[plain->rank] = ingot_lower_const(l, lanes);
        plain_strides[plain->rank] = plain->strides[1];
        blocked_strides[plain->rank] = ingot_lower_const(l, 1);
        location p = *plain, c = *blocked;
        if (part == 1) {
            p.offset = ingot_dim_add(l->m, p.offset, ingot_lower_mul(l, plain_strides[1], ingot_lower_const(l, full)));
            c.offset =
                ingot_dim_add(l->m, c.offset, ingot_lower_mul(l, blocked_strides[1], ingot_lower_const(l, full)));
        }
        if (plain == from)
            INGOT_TRY(copy_nest(l, p, c, plain->rank + 1, dims, plain_strides, blocked_strides, label));
        else
            INGOT_TRY(copy_nest(l, c, p, plain->rank + 1, dims, blocked_strides, plain_strides, label));
    }
    return NULL;
}

ingot_status ingot_lower_copy(lowering *l, const location *from, const location *to, const char *label)
{
    if (from->rank < 0 || to->rank < 0)
        return ingot_lower_copy_boxed(l, from, to, label);
    if (ingot_dtype_bits(from->dtype) < 8 || from->dtype == INGOT_STRING || ingot_dtype_bits(from->dtype) > 64 ||
        l->options->no_generated) {
        if (!ingot_location_is_dense(l, from) || !ingot_location_is_dense(l, to))
            return ingot_fail(INGOT_UNSUPPORTED, "%s: strided copy of %s elements", label,
                              ingot_dtype_name(from->dtype));
        int32_t in, out;
        ingot_step *step;
        INGOT_TRY(ingot_lower_add_place(l, from, &in));
        INGOT_TRY(ingot_lower_add_place(l, to, &out));
        INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_COPY, 1, &in, 1, &out, &step));
        step->label = label;
        return NULL;
    }
    if (from->layout != to->layout)
        return copy_between_layouts(l, from, to, label);
    if (from->layout == INGOT_LAYOUT_PLAIN)
        return copy_nest(l, *from, *to, from->rank, from->dims, from->strides, to->strides, label);
    const ingot_dim *dims[MAX_PHYSICAL], *from_strides[MAX_PHYSICAL], *to_strides[MAX_PHYSICAL];
    int32_t rank = ingot_location_physical(l, from, dims, from_strides);
    ingot_location_physical(l, to, dims, to_strides);
    return copy_nest(l, *from, *to, rank, dims, from_strides, to_strides, label);
}

/* Writes the results of a program without arguments to locations of equal sizes. */
static ingot_status fill(lowering *l, int32_t n, const location *at, const ingot_prog *prog, const char *label)
{
    const ingot_dim *dims[MAX_PHYSICAL], *strides[MAX_PHYSICAL], *out_strides[2][INGOT_MAX_RANK];
    int32_t rank = at->rank + (at->layout == INGOT_LAYOUT_C16 ? 1 : 0);
    if (rank > INGOT_MAX_RANK)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: a fill over %d dims", label, rank);
    for (int32_t i = 0; i < n; i++) {
        if (at->layout == INGOT_LAYOUT_C16) {
            ingot_location_physical(l, &at[i], dims, strides);
        } else {
            memcpy(dims, at[i].dims, sizeof at->dims);
            memcpy(strides, at[i].strides, sizeof at->strides);
        }
        memcpy(out_strides[i], strides, (size_t)rank * sizeof *strides);
    }
    bool done;
    INGOT_TRY(ingot_lower_map_kernel(l, prog, 0, NULL, NULL, n, at, rank, dims,
                                     (const ingot_dim *const(*)[INGOT_MAX_RANK])out_strides, label, &done));
    if (!done)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: no kernel fills %s elements", label, ingot_dtype_name(at->dtype));
    return NULL;
}

ingot_status ingot_lower_fill_zeros(lowering *l, int32_t n, const location *at, const char *label)
{
    location raw[2] = {at[0], at[n - 1]};
    raw[0].dtype = raw[1].dtype = carrier(at->dtype);
    ingot_prog prog = {
        .n_instrs = 1,
        .n_results = n,
        .instrs = {{.op = INGOT_SCALAR_const, .dtype = (int16_t)raw[0].dtype, .a = -1, .b = -1, .c = -1}}};
    return fill(l, n, raw, &prog, label);
}

ingot_status ingot_lower_fill_zero(lowering *l, const location *at, const char *label)
{
    return ingot_lower_fill_zeros(l, 1, at, label);
}

/* ---- Ops ---- */

/* An operand whose fast dim is not the result's is read badly by anything but a transposing copy. */
static ingot_status locate_for_map(lowering *l, ingot_value *v, bool identity, location *out)
{
    INGOT_TRY(ingot_lower_locate(l, v, out));
    if (identity || out->layout != INGOT_LAYOUT_PLAIN || out->rank == 0)
        return NULL;
    int32_t last = out->rank - 1;
    while (last > 0 && ingot_dim_is(out->dims[last], 1))
        last--;
    if (ingot_dim_is(out->dims[last], 1) || ingot_dim_is(out->strides[last], 0) || ingot_dim_is(out->strides[last], 1))
        return NULL;
    return ingot_lower_locate_dense(l, v, out);
}

/* True when each element serves several of the result's, whatever the run's sizes are. */
static bool is_repeated(const location *at, int32_t rank, const ingot_dim *const *dims)
{
    for (int32_t d = 0; d < rank; d++) {
        int32_t from = d - (rank - at->rank);
        if (!ingot_dim_is(dims[d], 1) && (from < 0 || ingot_dim_is(at->dims[from], 1)))
            return true;
    }
    return false;
}

/* An operand in plain layout with its strides over the result. One that is repeated, and perhaps along the fast dim
 * too, is read from a small copy: a kernel reads a fast dim whose stride only the run knows lane by lane. */
static ingot_status locate_plain(lowering *l, ingot_value *v, bool identity, int32_t rank, const ingot_dim *const *dims,
                                 location *out, const ingot_dim **out_strides)
{
    INGOT_TRY(locate_for_map(l, v, identity, out));
    if (out->layout != INGOT_LAYOUT_PLAIN)
        INGOT_TRY(ingot_lower_locate_dense(l, v, out));
    ingot_location_broadcast_strides(l, out, rank, dims, out_strides);
    bool open = ingot_location_fast_is_open(out, rank, out_strides);
    return open && is_repeated(out, rank, dims) ? ingot_lower_locate_spread(l, v, rank, dims, out, out_strides) : NULL;
}

ingot_status ingot_lower_map(lowering *l, ingot_op *op, bool *out_done)
{
    *out_done = false;
    ingot_prog one, *prog = op->prog;
    if (op->kind != INGOT_OP_map) {
        ingot_op_to_prog(op, &one);
        prog = &one;
    }
    if (op->n_in > INGOT_PROG_MAX_ARGS || op->n_out > INGOT_PROG_MAX_RESULTS)
        return NULL;
    const ingot_type *type = &op->out[0]->type;
    bool c16 = type->layout == INGOT_LAYOUT_C16, identity = prog->n_instrs == 0;
    location in[INGOT_PROG_MAX_ARGS], out[INGOT_PROG_MAX_RESULTS];
    const ingot_dim *in_strides[INGOT_PROG_MAX_ARGS][INGOT_MAX_RANK],
        *out_strides[INGOT_PROG_MAX_RESULTS][INGOT_MAX_RANK], *dims[MAX_PHYSICAL];
    int32_t rank = type->rank;
    if (rank + (c16 ? 1 : 0) > INGOT_MAX_RANK)
        return NULL;
    for (int32_t i = 0; i < op->n_in; i++)
        if (op->in[i] == NULL || ingot_dtype_bits(op->in[i]->type.dtype) < 8 || op->in[i]->type.dtype == INGOT_STRING)
            return NULL;
    for (int32_t i = 0; i < op->n_out; i++)
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &out[i]));
    for (int32_t i = 0; i < op->n_in; i++) {
        if (c16) {
            const ingot_dim *strides[MAX_PHYSICAL];
            INGOT_TRY(ingot_lower_c16_operand(l, op->in[i], &out[0], &in[i], strides));
            memcpy(in_strides[i], strides, (size_t)(rank + 1) * sizeof *strides);
        } else {
            INGOT_TRY(locate_plain(l, op->in[i], identity, rank, type->dims, &in[i], in_strides[i]));
        }
    }
    for (int32_t i = 0; i < op->n_out; i++) {
        const ingot_dim *strides[MAX_PHYSICAL];
        memcpy(strides, out[i].strides, sizeof out[i].strides);
        if (c16)
            ingot_location_physical(l, &out[i], dims, strides);
        memcpy(out_strides[i], strides, (size_t)(rank + (c16 ? 1 : 0)) * sizeof *strides);
    }
    if (!c16)
        memcpy(dims, type->dims, sizeof type->dims);
    INGOT_TRY(ingot_lower_map_kernel(l, prog, op->n_in, in, (const ingot_dim *const(*)[INGOT_MAX_RANK])in_strides,
                                     op->n_out, out, rank + (c16 ? 1 : 0), dims,
                                     (const ingot_dim *const(*)[INGOT_MAX_RANK])out_strides, ingot_lower_label(l, op),
                                     out_done));
    return NULL;
}

ingot_status ingot_lower_relayout(lowering *l, ingot_op *op, bool *out_done)
{
    location from, to;
    INGOT_TRY(ingot_lower_locate(l, op->in[0], &from));
    INGOT_TRY(ingot_lower_claim(l, op->out[0], &to));
    if (to.layout == INGOT_LAYOUT_C16 && from.layout == INGOT_LAYOUT_PLAIN &&
        (!ingot_dim_is_const(to.dims[1]) || to.dims[1]->value % 16 != 0)) {
        location last = to; /* the block whose upper lanes no channel fills */
        const ingot_dim *blocks = ingot_dim_floordiv(l->m, to.dims[1], ingot_lower_const(l, 16));
        last.offset = ingot_dim_add(l->m, last.offset, ingot_lower_mul(l, blocks, last.strides[1]));
        last.dims[1] = ingot_lower_const(l, 16);
        INGOT_TRY(ingot_lower_fill_zero(l, &last, "zero channel padding"));
    }
    *out_done = true;
    return ingot_lower_copy(l, &from, &to, ingot_lower_label(l, op));
}

ingot_status ingot_lower_concat(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_axis *a = op->attrs;
    ingot_value *whole = op->out[0];
    *out_done = false;
    if (ingot_dtype_bits(whole->type.dtype) < 8 || whole->type.dtype == INGOT_STRING)
        return NULL;
    location to;
    INGOT_TRY(ingot_lower_claim(l, whole, &to));
    const ingot_dim *at = ingot_lower_const(l, 0);
    for (int32_t i = 0; i < op->n_in; i++) {
        ingot_value *v = op->in[i];
        const placement *p = &l->placements[v->id];
        const ingot_dim *size = v->type.dims[a->axis];
        bool there =
            p->inside == whole && p->at == at && l->locations[v->id].valid && l->locations[v->id].buffer == to.buffer;
        if (!there) {
            location from, part = to;
            INGOT_TRY(ingot_lower_locate(l, v, &from));
            const ingot_dim *step = at;
            if (to.layout == INGOT_LAYOUT_C16 && a->axis == 1) {
                if (!ingot_dim_is_const(at) || at->value % 16 != 0)
                    return ingot_fail(INGOT_INTERNAL, "%s: blocked concat off a block", ingot_lower_label(l, op));
                step = ingot_lower_const(l, at->value / 16);
            }
            part.offset = ingot_dim_add(l->m, part.offset, ingot_lower_mul(l, step, part.strides[a->axis]));
            memcpy(part.dims, v->type.dims, sizeof part.dims);
            INGOT_TRY(ingot_lower_copy(l, &from, &part, ingot_lower_label(l, op)));
        }
        at = ingot_dim_add(l->m, at, size);
    }
    *out_done = true;
    return NULL;
}

ingot_status ingot_lower_pad(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_pad *a = op->attrs;
    *out_done = false;
    ingot_value *x = op->in[0], *y = op->out[0];
    double value = 0;
    if (a->mode != INGOT_PAD_CONSTANT || x->type.rank < 1 || ingot_dtype_bits(x->type.dtype) < 8 ||
        x->type.dtype == INGOT_STRING || x->type.layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    if (op->n_in > 1 && op->in[1] != NULL && !ingot_value_is_splat(l->m, op->in[1], &value))
        return NULL;
    int32_t rank = x->type.rank;
    for (int32_t d = 0; d < 2 * rank; d++)
        if (op->sym[d]->lo < 0)
            return NULL; /* cropping, or perhaps */
    location from, to, inner;
    INGOT_TRY(ingot_lower_locate(l, x, &from));
    INGOT_TRY(ingot_lower_claim(l, y, &to));
    ingot_prog prog = {
        .n_instrs = 1,
        .n_results = 1,
        .instrs = {{.op = INGOT_SCALAR_const, .dtype = (int16_t)y->type.dtype, .a = -1, .b = -1, .c = -1}}};
    if (ingot_dtype_is_float(y->type.dtype))
        prog.instrs[0].imm.f = value;
    else
        prog.instrs[0].imm.i = (int64_t)value;
    if (value == 0)
        INGOT_TRY(ingot_lower_fill_zero(l, &to, ingot_lower_label(l, op)));
    else
        INGOT_TRY(fill(l, 1, &to, &prog, ingot_lower_label(l, op)));
    inner = to;
    for (int32_t d = 0; d < rank; d++) {
        inner.offset = ingot_dim_add(l->m, inner.offset, ingot_lower_mul(l, op->sym[d], inner.strides[d]));
        inner.dims[d] = x->type.dims[d];
    }
    *out_done = true;
    return ingot_lower_copy(l, &from, &inner, ingot_lower_label(l, op));
}
