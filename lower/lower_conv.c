/* Lowering of convolutions: direct blocked kernels, depthwise kernels, transposed ones as one direct convolution per
 * output phase. */
#include "lower/lower.h"
#include <string.h>

/* A two-dimensional view of a convolution; 1-D has one row. */
typedef struct conv_shape {
    int32_t spatial; /* 1 or 2 */
    int64_t groups, in_channels, out_channels, kernel[2], stride[2], dilation[2],
        pad[4]; /* pad: top, left, bottom, right */
} conv_shape;

static bool types_fit(ingot_op_kind kind, ingot_dtype x, ingot_dtype w)
{
    if (kind == INGOT_OP_conv_integer)
        return x == INGOT_U8 ? w == INGOT_I8 : x == INGOT_I16 && w == INGOT_I16;
    if (kind == INGOT_OP_conv_bf16)
        return w == INGOT_BF16 && (x == INGOT_BF16 || x == INGOT_F32);
    return x == INGOT_F32 && w == INGOT_F32;
}

static bool read_shape(const ingot_op *op, const ingot_ints *strides, const ingot_ints *dilations,
                       const ingot_ints *pads, int64_t groups, bool transposed, conv_shape *s)
{
    const ingot_type *x = &op->in[0]->type, *w = &op->in[1]->type;
    *s = (conv_shape){.spatial = x->rank - 2, .groups = groups, .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (s->spatial < 1 || s->spatial > 2 || !ingot_type_is_static(w) || !ingot_dim_is_const(x->dims[1]) ||
        !types_fit(op->kind, x->dtype, w->dtype))
        return false;
    s->in_channels = x->dims[1]->value;
    s->out_channels = transposed ? w->dims[1]->value * groups : w->dims[0]->value;
    for (int32_t d = 0; d < s->spatial; d++) {
        int32_t slot = d + 2 - s->spatial;
        s->kernel[slot] = w->dims[2 + d]->value;
        s->stride[slot] = strides->v[d];
        s->dilation[slot] = dilations->v[d];
        s->pad[slot] = pads->v[d];
        s->pad[2 + slot] = pads->v[s->spatial + d];
    }
    for (int32_t i = 0; i < 4; i++)
        if (s->pad[i] < 0 || s->pad[i] > 1024)
            return false;
    return true;
}

/* x with at least the wanted zeros around it. */
static ingot_status padded_input(lowering *l, ingot_value *x, const conv_shape *s, const int64_t *pad, location *at)
{
    bool enough = true;
    for (int32_t i = 0; i < 4; i++)
        enough &= pad[i] <= at->halo[i];
    if (enough)
        return NULL;
    for (dense_copy *c = l->copies; c != NULL; c = c->next) {
        if (c->value != x || c->at.layout != at->layout)
            continue;
        bool fits = true;
        for (int32_t i = 0; i < 4; i++)
            fits &= pad[i] <= c->at.halo[i];
        if (fits) {
            *at = c->at;
            return NULL;
        }
    }
    /* A larger buffer with a border of zeros, and a copy into its middle. */
    location from = *at, whole;
    ingot_type type = x->type;
    type.layout = at->layout;
    for (int32_t d = 0; d < s->spatial; d++) {
        int32_t slot = d + 2 - s->spatial;
        type.dims[2 + d] = ingot_dim_add(l->m, type.dims[2 + d], ingot_lower_const(l, pad[slot] + pad[2 + slot]));
    }
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, x->name, &whole));
    *at = whole;
    for (int32_t d = 0; d < s->spatial; d++) {
        int32_t slot = d + 2 - s->spatial;
        at->offset =
            ingot_dim_add(l->m, at->offset, ingot_lower_mul(l, ingot_lower_const(l, pad[slot]), at->strides[2 + d]));
        at->dims[2 + d] = x->type.dims[2 + d];
    }
    for (int32_t i = 0; i < 4; i++)
        at->halo[i] = (int32_t)pad[i];
    INGOT_TRY(ingot_lower_zero_border(l, at));
    INGOT_TRY(ingot_lower_copy(l, &from, at, "copy into padding"));
    if (l->region_depth > 0)
        return NULL;
    dense_copy *copy;
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *copy, (void **)&copy));
    *copy = (dense_copy){x, *at, l->copies};
    l->copies = copy;
    return NULL;
}

/* Rows and columns of a location: strides of its two spatial dims (1-D: rows have none). */
static void spatial_strides(lowering *l, const location *at, int32_t spatial, const ingot_dim *const *strides,
                            const ingot_dim **out_row, const ingot_dim **out_col)
{
    *out_row = spatial == 2 ? strides[2] : ingot_lower_const(l, 0);
    *out_col = strides[1 + spatial];
    (void)at;
}

/* One direct convolution: taps and results may be a phase of a transposed one. */
typedef struct direct {
    int64_t groups, in_per_group, out_per_group; /* in multiples of 16 when groups > 1 */
    int64_t kernel[2], tap_stride[2], step[2];   /* input elements per tap and per output element */
    const ingot_dim *rows, *cols;                /* of the result part */
    location x, y;                               /* x at the first tap of the first output */
    int64_t y_step[2], y_at[2];                  /* where results go: every y_step-th from y_at */
    ingot_packing packing;
    ingot_value *w;
    int64_t group;  /* integers, bf16: elements of a word; 0: no words */
    bool along_row; /* integers of plain layout: words are taps along a row, so many with those that are zero */
    int64_t row_taps;
} direct;

static bool is_limited(const lowering *l, const direct *c)
{
    return c->w->type.dtype == INGOT_I8 && c->x.layout == INGOT_LAYOUT_C16 && ingot_target_limits_bytes(l->target);
}

static ingot_status emit_direct(lowering *l, ingot_op *op, const conv_shape *s, const direct *c, bool *out_done)
{
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_conv);
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1);
    bool blocked = c->x.layout == INGOT_LAYOUT_C16, y_blocked = c->y.layout == INGOT_LAYOUT_C16;
    int64_t in_blocks = blocked ? (c->in_per_group + 15) / 16 : 1, in_lanes = blocked ? 16 : c->in_per_group,
            out_blocks = (c->out_per_group + 15) / 16, kernel_w = c->kernel[1];
    if (c->along_row) {
        in_blocks = c->in_per_group;
        in_lanes = c->row_taps;
        kernel_w = 1;
    }
    const ingot_dim *x_row, *x_col, *y_row, *y_col;
    spatial_strides(l, &c->x, s->spatial, c->x.strides, &x_row, &x_col);
    spatial_strides(l, &c->y, s->spatial, c->y.strides, &y_row, &y_col);
    const ingot_dim *dims[9] = {c->y.dims[0],
                                ingot_lower_const(l, c->groups),
                                ingot_lower_const(l, out_blocks),
                                c->rows,
                                c->cols,
                                ingot_lower_const(l, in_blocks),
                                ingot_lower_const(l, in_lanes),
                                ingot_lower_const(l, c->kernel[0]),
                                ingot_lower_const(l, kernel_w)};
    const ingot_dim *x_block =
        blocked ? c->x.strides[1] : ingot_lower_mul(l, c->x.strides[1], ingot_lower_const(l, 16));
    const ingot_dim *x_strides[9] = {c->x.strides[0],
                                     blocked
                                         ? ingot_lower_mul(l, x_block, ingot_lower_const(l, c->in_per_group / 16))
                                         : ingot_lower_mul(l, c->x.strides[1], ingot_lower_const(l, c->in_per_group)),
                                     zero,
                                     ingot_lower_mul(l, x_row, ingot_lower_const(l, c->step[0])),
                                     ingot_lower_mul(l, x_col, ingot_lower_const(l, c->step[1])),
                                     blocked ? x_block : zero,
                                     blocked ? one : c->x.strides[1],
                                     ingot_lower_mul(l, x_row, ingot_lower_const(l, c->tap_stride[0])),
                                     ingot_lower_mul(l, x_col, ingot_lower_const(l, c->tap_stride[1]))};
    if (c->along_row) {
        x_strides[5] = c->x.strides[1];
        x_strides[6] = x_col;
        x_strides[8] = zero;
    }
    const ingot_dim *y_channel =
        y_blocked ? c->y.strides[1] : ingot_lower_mul(l, c->y.strides[1], ingot_lower_const(l, 16));
    const ingot_dim *y_group = y_blocked ? ingot_lower_mul(l, y_channel, ingot_lower_const(l, c->out_per_group / 16))
                                         : ingot_lower_mul(l, c->y.strides[1], ingot_lower_const(l, c->out_per_group));
    const ingot_dim *y_strides[9] = {c->y.strides[0],
                                     y_group,
                                     y_channel,
                                     ingot_lower_mul(l, y_row, ingot_lower_const(l, c->y_step[0])),
                                     ingot_lower_mul(l, y_col, ingot_lower_const(l, c->y_step[1])),
                                     zero,
                                     zero,
                                     zero,
                                     zero};

    /* One row of pixels where rows follow each other without a gap in input and result. */
    bool flat = c->kernel[0] == 1 && c->kernel[1] == 1 && !c->along_row &&
                x_strides[3] == ingot_lower_mul(l, x_strides[4], dims[4]) &&
                y_strides[3] == ingot_lower_mul(l, y_strides[4], dims[4]);
    location extra_at[INGOT_SPEC_OPERANDS];
    const ingot_dim *extra_strides[INGOT_SPEC_OPERANDS][9], *extra_lane[INGOT_SPEC_OPERANDS];
    for (int32_t i = 2; i < op->n_in; i++) {
        const ingot_dim *strides[INGOT_MAX_RANK + 1];
        if (y_blocked) {
            INGOT_TRY(ingot_lower_c16_operand(l, op->in[i], &c->y, &extra_at[i], strides));
        } else {
            INGOT_TRY(ingot_lower_locate_spread(l, op->in[i], c->y.rank, op->out[0]->type.dims, &extra_at[i], strides));
            strides[c->y.rank] = strides[1];
            strides[1] = ingot_lower_mul(l, strides[1], ingot_lower_const(l, 16));
        }
        const ingot_dim *row, *col;
        spatial_strides(l, &extra_at[i], s->spatial, strides, &row, &col);
        const ingot_dim *group = y_blocked
                                     ? ingot_lower_mul(l, strides[1], ingot_lower_const(l, c->out_per_group / 16))
                                     : ingot_lower_mul(l, strides[c->y.rank], ingot_lower_const(l, c->out_per_group));
        extra_at[i].offset =
            ingot_dim_add(l->m, extra_at[i].offset,
                          ingot_dim_add(l->m, ingot_lower_mul(l, row, ingot_lower_const(l, c->y_at[0])),
                                        ingot_lower_mul(l, col, ingot_lower_const(l, c->y_at[1]))));
        const ingot_dim *all[9] = {strides[0],
                                   group,
                                   strides[1],
                                   ingot_lower_mul(l, row, ingot_lower_const(l, c->y_step[0])),
                                   ingot_lower_mul(l, col, ingot_lower_const(l, c->y_step[1])),
                                   zero,
                                   zero,
                                   zero,
                                   zero};
        memcpy(extra_strides[i], all, sizeof all);
        extra_lane[i] = strides[c->y.rank];
        flat = flat && all[3] == ingot_lower_mul(l, all[4], dims[4]);
    }
    if (flat) {
        dims[4] = ingot_lower_mul(l, dims[3], dims[4]);
        dims[3] = one;
    }
    for (int32_t d = 0; d < 9; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    b.spec.params[0] = c->out_per_group;
    ingot_spec_add_operand(&b, &c->x, x_strides, false);
    location w;
    int64_t w_elems = c->groups * out_blocks * in_blocks * in_lanes * c->kernel[0] * kernel_w * 16;
    ingot_packing packing = c->packing;
    bool limited = is_limited(l, c);
    INGOT_TRY(limited
                  ? ingot_lower_add_limited(l, c->w, &packing, &w)
                  : ingot_lower_add_weight(l, c->w, &packing, w_elems * ingot_dtype_bits(c->w->type.dtype) / 8, &w));
    ingot_operand *operand = ingot_spec_add_operand(&b, &w, NULL, false);
    operand->access = limited ? INGOT_ACCESS_LIMITED16 : INGOT_ACCESS_PACKED16;
    operand->lane = packing.limited;
    for (int32_t i = 2; i < op->n_in; i++)
        ingot_spec_add_operand(&b, &extra_at[i], extra_strides[i], false)->lane = ingot_spec_size(&b, extra_lane[i]);
    location y = c->y;
    y.offset = ingot_dim_add(l->m, y.offset,
                             ingot_dim_add(l->m, ingot_lower_mul(l, y_row, ingot_lower_const(l, c->y_at[0])),
                                           ingot_lower_mul(l, y_col, ingot_lower_const(l, c->y_at[1]))));
    ingot_spec_add_operand(&b, &y, y_strides, true)->lane = ingot_spec_size(&b, y_blocked ? one : c->y.strides[1]);
    if (op->prog != NULL) {
        b.spec.has_body = true;
        b.spec.body = *op->prog;
    }
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}

/* Weights [O, C/g, kh, kw] as [g][ob][cb][kh][kw][ci][16]. */
static ingot_packing pack_weights(const direct *c, bool blocked)
{
    int64_t kh = c->kernel[0], kw = c->kernel[1], ipg = c->in_per_group, opg = c->out_per_group;
    ingot_packing p = {.src_rank = 5, .dest_rank = 7};
    int64_t src[5] = {c->groups, opg, ipg, kh, kw}, stride[5] = {opg * ipg * kh * kw, ipg * kh * kw, kh * kw, kw, 1};
    int64_t dest[7] = {c->groups, (opg + 15) / 16, blocked ? (ipg + 15) / 16 : 1, kh, kw, blocked ? 16 : ipg, 16};
    int32_t which[7] = {0, 1, 2, 3, 4, 2, 1};
    int64_t multiplier[7] = {1, 16, 16, 1, 1, 1, 1};
    memcpy(p.src_dims, src, sizeof src);
    memcpy(p.src_strides, stride, sizeof stride);
    memcpy(p.dest_dims, dest, sizeof dest);
    memcpy(p.dest_src, which, sizeof which);
    memcpy(p.dest_multiplier, multiplier, sizeof multiplier);
    return p;
}

/* Integers, bf16: words of g input channels, [g][ob][cb][kh][kw][ci/g][16][g], or of taps along a row,
 * [g][ob][c][kh][kw/g][16][g]. */
static ingot_packing pack_words(const direct *c)
{
    ingot_packing p = pack_weights(c, c->x.layout == INGOT_LAYOUT_C16);
    if (c->along_row) {
        int64_t dest[7] = {p.dest_dims[0], p.dest_dims[1], c->in_per_group, c->kernel[0], c->row_taps / c->group, 16,
                           c->group};
        int32_t which[7] = {0, 1, 2, 3, 4, 1, 4};
        int64_t multiplier[7] = {1, 16, 1, 1, c->group, 1, 1};
        memcpy(p.dest_dims, dest, sizeof dest);
        memcpy(p.dest_src, which, sizeof which);
        memcpy(p.dest_multiplier, multiplier, sizeof multiplier);
        return p;
    }
    p.dest_rank = 8;
    p.dest_dims[5] /= c->group;
    p.dest_multiplier[5] = c->group;
    p.dest_dims[7] = c->group;
    p.dest_src[7] = 2;
    p.dest_multiplier[7] = 1;
    return p;
}

static void move_back(lowering *l, location *x, int32_t spatial, const int64_t *by)
{
    for (int32_t d = 0; d < spatial; d++)
        x->offset = ingot_dim_sub(l->m, x->offset,
                                  ingot_lower_mul(l, ingot_lower_const(l, by[d + 2 - spatial]), x->strides[2 + d]));
}

static ingot_status lower_depthwise(lowering *l, ingot_op *op, const conv_shape *s, location x, location y,
                                    bool *out_done)
{
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_depthwise);
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1), *x_row, *x_col, *y_row, *y_col;
    int64_t blocks = (s->out_channels + 15) / 16, taps = s->kernel[0] * s->kernel[1];
    spatial_strides(l, &x, s->spatial, x.strides, &x_row, &x_col);
    spatial_strides(l, &y, s->spatial, y.strides, &y_row, &y_col);
    const ingot_dim *dims[6] = {y.dims[0],
                                ingot_lower_const(l, blocks),
                                s->spatial == 2 ? y.dims[2] : one,
                                y.dims[1 + s->spatial],
                                ingot_lower_const(l, s->kernel[0]),
                                ingot_lower_const(l, s->kernel[1])};
    const ingot_dim *x_strides[6] = {x.strides[0],
                                     x.strides[1],
                                     ingot_lower_mul(l, x_row, ingot_lower_const(l, s->stride[0])),
                                     ingot_lower_mul(l, x_col, ingot_lower_const(l, s->stride[1])),
                                     ingot_lower_mul(l, x_row, ingot_lower_const(l, s->dilation[0])),
                                     ingot_lower_mul(l, x_col, ingot_lower_const(l, s->dilation[1]))};
    const ingot_dim *y_strides[6] = {y.strides[0], y.strides[1], y_row, y_col, zero, zero};
    for (int32_t d = 0; d < 6; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    ingot_spec_add_operand(&b, &x, x_strides, false);
    ingot_packing p = {.src_rank = 2,
                       .dest_rank = 3,
                       .src_dims = {s->out_channels, taps},
                       .src_strides = {taps, 1},
                       .dest_dims = {blocks, taps, 16},
                       .dest_src = {0, 1, 0},
                       .dest_multiplier = {16, 1, 1}};
    location w;
    INGOT_TRY(ingot_lower_add_weight(l, op->in[1], &p, blocks * taps * 16 * 4, &w));
    const ingot_dim *w_strides[6] = {zero, ingot_lower_const(l, taps * 16),         zero,
                                     zero, ingot_lower_const(l, s->kernel[1] * 16), ingot_lower_const(l, 16)};
    ingot_spec_add_operand(&b, &w, w_strides, false)->lane = 1;
    for (int32_t i = 2; i < op->n_in; i++) {
        location at;
        const ingot_dim *strides[INGOT_MAX_RANK + 1], *row, *col;
        INGOT_TRY(ingot_lower_c16_operand(l, op->in[i], &y, &at, strides));
        spatial_strides(l, &at, s->spatial, strides, &row, &col);
        const ingot_dim *all[6] = {strides[0], strides[1], row, col, zero, zero};
        ingot_spec_add_operand(&b, &at, all, false)->lane = ingot_spec_size(&b, strides[y.rank]);
    }
    ingot_spec_add_operand(&b, &y, y_strides, true)->lane = 1;
    b.spec.operands[0].lane = 1;
    if (op->prog != NULL) {
        b.spec.has_body = true;
        b.spec.body = *op->prog;
    }
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}

/* A plain grouped 1x1 convolution whose groups are no whole blocks: per image and group, weights [o, c] times pixels
 * [c, h * w]. */
static ingot_status lower_as_product(lowering *l, ingot_op *op, const conv_shape *s, bool *out_done)
{
    ingot_value *yv = op->out[0];
    int64_t ipg = s->in_channels / s->groups, opg = s->out_channels / s->groups;
    int32_t last = yv->type.rank - 1;
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1), *pixels = one;
    location x, w, y, extra[INGOT_SPEC_OPERANDS];
    INGOT_TRY(ingot_lower_locate(l, op->in[0], &x));
    if (x.layout != INGOT_LAYOUT_PLAIN || x.strides[last] != one || (s->spatial == 2 && x.strides[2] != x.dims[last]))
        INGOT_TRY(ingot_lower_locate_dense(l, op->in[0], &x));
    INGOT_TRY(ingot_lower_claim(l, yv, &y));
    for (int32_t d = 2; d <= last; d++)
        pixels = ingot_lower_mul(l, pixels, y.dims[d]);
    if (y.layout != INGOT_LAYOUT_PLAIN || y.strides[last] != one || (s->spatial == 2 && y.strides[2] != y.dims[last]))
        return NULL;
    INGOT_TRY(ingot_lower_locate_dense(l, op->in[1], &w));
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_contract);
    const ingot_dim *dims[5] = {y.dims[0], ingot_lower_const(l, s->groups), ingot_lower_const(l, opg), pixels,
                                ingot_lower_const(l, ipg)};
    for (int32_t d = 0; d < 5; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    const ingot_dim *w_strides[5] = {zero, ingot_lower_const(l, opg * ipg), ingot_lower_const(l, ipg), zero, one};
    const ingot_dim *x_strides[5] = {x.strides[0], ingot_lower_mul(l, x.strides[1], ingot_lower_const(l, ipg)), zero,
                                     one, x.strides[1]};
    const ingot_dim *y_strides[5] = {y.strides[0], ingot_lower_mul(l, y.strides[1], ingot_lower_const(l, opg)),
                                     y.strides[1], one, zero};
    ingot_spec_add_operand(&b, &w, w_strides, false);
    ingot_spec_add_operand(&b, &x, x_strides, false);
    for (int32_t i = 2; i < op->n_in; i++) {
        const ingot_dim *strides[INGOT_MAX_RANK];
        INGOT_TRY(ingot_lower_locate_dense(l, op->in[i], &extra[i]));
        ingot_location_broadcast_strides(l, &extra[i], yv->type.rank, yv->type.dims, strides);
        if (s->spatial == 2 && strides[2] != ingot_lower_mul(l, strides[3], y.dims[3]))
            return NULL; /* varies by row or column alone */
        const ingot_dim *all[5] = {strides[0], ingot_lower_mul(l, strides[1], ingot_lower_const(l, opg)), strides[1],
                                   strides[last], zero};
        ingot_spec_add_operand(&b, &extra[i], all, false);
    }
    ingot_spec_add_operand(&b, &y, y_strides, true);
    if (op->prog != NULL) {
        b.spec.has_body = true;
        b.spec.body = *op->prog;
    }
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}

static bool is_pointwise(const conv_shape *s)
{
    bool plain = true;
    for (int32_t i = 0; i < 4; i++)
        plain &= s->pad[i] == 0;
    return plain && s->kernel[0] == 1 && s->kernel[1] == 1 && s->stride[0] == 1 && s->stride[1] == 1;
}

static bool is_winograd(const conv_shape *s)
{
    bool ok = s->groups == 1 && s->kernel[0] * s->kernel[1] > 1;
    for (int32_t i = 0; i < 2; i++)
        ok &=
            (s->kernel[i] == 3 || s->kernel[i] == 1) && s->stride[i] == 1 && (s->dilation[i] == 1 || s->kernel[i] == 1);
    return ok;
}

static ingot_status try_winograd(lowering *l, ingot_op *op, const conv_shape *s, const direct *c, bool *out_done)
{
    bool limited = is_limited(l, c);
    ingot_operand weights = {.dtype = c->w->type.dtype, .access = INGOT_ACCESS_PACKED16, .constant = true};
    int32_t sums = 0;
    if (limited) {
        INGOT_TRY(ingot_lower_limited_sums(l, c->w, c->packing, &sums));
        weights.access = INGOT_ACCESS_LIMITED16;
        weights.lane = sums;
    }
    return ingot_lower_winograd(l, op, s->kernel, &c->x, &c->y, &weights, out_done);
}

ingot_status ingot_lower_conv(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_conv *a = op->attrs;
    conv_shape s;
    *out_done = false;
    if (ingot_value_literal(op->in[1]) == NULL || op->n_in + 1 > INGOT_SPEC_OPERANDS)
        return NULL;
    if (!read_shape(op, &a->strides, &a->dilations, &a->pads, a->groups, false, &s))
        return NULL;
    bool integer = op->kind == INGOT_OP_conv_integer, words = integer || op->kind == INGOT_OP_conv_bf16;
    if (integer && (op->prog ? op->n_base : op->n_in) > 2)
        return NULL;
    location x, y;
    INGOT_TRY(ingot_lower_locate(l, op->in[0], &x));
    bool depthwise = s.groups > 1 && s.groups == s.in_channels && s.groups == s.out_channels;
    int64_t ipg = s.in_channels / s.groups, opg = s.out_channels / s.groups;
    bool y_blocked = op->out[0]->type.layout == INGOT_LAYOUT_C16;
    bool whole_blocks = (opg % 16 == 0 || !y_blocked) && (ipg % 16 == 0 || x.layout == INGOT_LAYOUT_PLAIN);
    if (s.groups > 1 && !depthwise && opg % 16 != 0 && is_pointwise(&s) && !y_blocked && !words)
        return lower_as_product(l, op, &s, out_done);
    if (s.groups > 1 && !depthwise && !whole_blocks)
        return NULL;
    if (depthwise && (x.layout != INGOT_LAYOUT_C16 || op->out[0]->type.layout != INGOT_LAYOUT_C16))
        return NULL;
    bool along_row = integer && x.layout == INGOT_LAYOUT_PLAIN;
    int64_t group = words ? 32 / ingot_dtype_bits(op->in[1]->type.dtype) : 0,
            row_taps = integer ? (s.kernel[1] + group - 1) / group * group : 0;
    int64_t pad[4] = {s.pad[0], s.pad[1], s.pad[2], s.pad[3] + (along_row ? row_taps - s.kernel[1] : 0)};
    if (words && (depthwise || (along_row && s.dilation[1] != 1)))
        return NULL;
    INGOT_TRY(padded_input(l, op->in[0], &s, pad, &x));
    if (along_row && x.strides[1 + s.spatial] != ingot_lower_const(l, 1))
        return NULL;
    INGOT_TRY(ingot_lower_claim(l, op->out[0], &y));
    move_back(l, &x, s.spatial, s.pad);
    if (depthwise)
        return lower_depthwise(l, op, &s, x, y, out_done);
    direct c = {.groups = s.groups,
                .in_per_group = ipg,
                .out_per_group = opg,
                .kernel = {s.kernel[0], s.kernel[1]},
                .tap_stride = {s.dilation[0], s.dilation[1]},
                .step = {s.stride[0], s.stride[1]},
                .x = x,
                .y = y,
                .y_step = {1, 1},
                .w = op->in[1],
                .group = group,
                .along_row = along_row,
                .row_taps = row_taps};
    c.rows = s.spatial == 2 ? y.dims[2] : ingot_lower_const(l, 1);
    c.cols = y.dims[1 + s.spatial];
    c.packing = words ? pack_words(&c) : pack_weights(&c, x.layout == INGOT_LAYOUT_C16);
    if (is_winograd(&s) && op->kind != INGOT_OP_conv_bf16 && !along_row) {
        INGOT_TRY(try_winograd(l, op, &s, &c, out_done));
        if (*out_done)
            return NULL;
    }
    return emit_direct(l, op, &s, &c, out_done);
}

/* Output element o gets taps k with o + pad - k * dilation a multiple of the stride. For dilation 1 the results of one
 * phase (o mod stride) are a direct convolution over the taps of that phase, in reverse order, with step 1 over the
 * input. */
ingot_status ingot_lower_conv_transpose(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_conv_transpose *a = op->attrs;
    conv_shape s;
    *out_done = false;
    const ingot_literal *literal = ingot_value_literal(op->in[1]);
    if (literal == NULL || literal->kind == INGOT_LITERAL_SPLAT || a->groups != 1 || op->n_in + 1 > INGOT_SPEC_OPERANDS)
        return NULL;
    if (!read_shape(op, &a->strides, &a->dilations, &a->pads, 1, true, &s))
        return NULL;
    const ingot_type *yt = &op->out[0]->type;
    for (int32_t d = 0; d < s.spatial; d++)
        if (s.dilation[d + 2 - s.spatial] != 1 || !ingot_dim_is_const(yt->dims[2 + d]))
            return NULL;
    for (int32_t d = 0; d < 2; d++)
        if (s.kernel[d] < s.stride[d])
            return NULL; /* outputs without taps */
    location x, y;
    INGOT_TRY(ingot_lower_locate(l, op->in[0], &x));
    /* Taps reach up to (kernel - 1) / stride elements beyond each side. */
    int64_t border[4];
    for (int32_t d = 0; d < 2; d++) {
        border[d] = (s.kernel[d] - 1) / s.stride[d];
        border[2 + d] = border[d] + (s.stride[d] > 1 ? 1 : 0);
    }
    if (s.spatial == 1)
        border[0] = border[2] = 0;
    INGOT_TRY(padded_input(l, op->in[0], &s, border, &x));
    INGOT_TRY(ingot_lower_claim(l, op->out[0], &y));
    bool blocked = x.layout == INGOT_LAYOUT_C16;
    int64_t ic = s.in_channels, oc = s.out_channels, kh = s.kernel[0], kw = s.kernel[1];
    int64_t size[2] = {s.spatial == 2 ? yt->dims[2]->value : 1, yt->dims[1 + s.spatial]->value};
    for (int64_t py = 0; py < s.stride[0]; py++) {
        for (int64_t px = 0; px < s.stride[1]; px++) {
            int64_t phase[2] = {py, px}, first_tap[2], taps[2], first_input[2], count[2];
            for (int32_t d = 0; d < 2; d++) {
                /* o = phase + j * stride; its first tap is the smallest k with (o + pad - k) % stride == 0 */
                first_tap[d] = (phase[d] + s.pad[d]) % s.stride[d];
                taps[d] = (s.kernel[d] - first_tap[d] + s.stride[d] - 1) / s.stride[d];
                /* input of the last tap (the reversed kernel's first): (o + pad - k) / stride at j = 0 */
                first_input[d] = (phase[d] + s.pad[d] - first_tap[d]) / s.stride[d] - (taps[d] - 1);
                count[d] = (size[d] - phase[d] + s.stride[d] - 1) / s.stride[d];
            }
            if (count[0] <= 0 || count[1] <= 0)
                continue;
            direct c = {.groups = 1,
                        .in_per_group = ic,
                        .out_per_group = oc,
                        .kernel = {taps[0], taps[1]},
                        .tap_stride = {1, 1},
                        .step = {1, 1},
                        .x = x,
                        .y = y,
                        .y_step = {s.stride[0], s.stride[1]},
                        .y_at = {py, px},
                        .w = op->in[1]};
            c.rows = ingot_lower_const(l, count[0]);
            c.cols = ingot_lower_const(l, count[1]);
            for (int32_t d = 0; d < s.spatial; d++)
                c.x.offset = ingot_dim_add(
                    l->m, c.x.offset,
                    ingot_lower_mul(l, ingot_lower_const(l, first_input[d + 2 - s.spatial]), c.x.strides[2 + d]));
            /* w [C, O, kh, kw]: taps of the phase in reverse */
            ingot_packing *p = &c.packing;
            *p = (ingot_packing){
                .src_rank = 4,
                .dest_rank = 6,
                .src_dims = {oc, ic, taps[0], taps[1]},
                .src_strides = {kh * kw, oc * kh * kw, -s.stride[0] * kw, -s.stride[1]},
                .src_offset =
                    (first_tap[0] + (taps[0] - 1) * s.stride[0]) * kw + first_tap[1] + (taps[1] - 1) * s.stride[1],
                .dest_dims = {(oc + 15) / 16, blocked ? (ic + 15) / 16 : 1, taps[0], taps[1], blocked ? 16 : ic, 16},
                .dest_src = {0, 1, 2, 3, 1, 0},
                .dest_multiplier = {16, 16, 1, 1, 1, 1}};
            bool done = false;
            INGOT_TRY(emit_direct(l, op, &s, &c, &done));
            if (!done)
                return *out_done
                           ? ingot_fail(INGOT_INTERNAL, "%s: only some phases have a kernel", ingot_lower_label(l, op))
                           : NULL;
            *out_done = true;
        }
    }
    return NULL;
}
