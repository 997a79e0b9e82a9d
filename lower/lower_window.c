/* Lowering of pooling, and of resizing by whole factors, which is a map with repeated reads. */
#include "lower/lower.h"
#include <string.h>

ingot_status ingot_lower_pool(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_pool *a = op->attrs;
    ingot_value *xv = op->in[0], *yv = op->out[0];
    *out_done = false;
    int32_t spatial = xv->type.rank - 2;
    if (spatial < 1 || spatial > 2 || xv->type.layout != yv->type.layout || op->n_in > INGOT_SPEC_OPERANDS - 1)
        return NULL;
    if (op->n_out > 1 && op->out[1] != NULL && ingot_value_has_uses(op->out[1]))
        return NULL;
    location x, y;
    INGOT_TRY(ingot_lower_locate(l, xv, &x));
    INGOT_TRY(ingot_lower_claim(l, yv, &y));
    bool blocked = x.layout == INGOT_LAYOUT_C16;
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1);
    int64_t kernel[2] = {1, 1}, stride[2] = {1, 1}, dilation[2] = {1, 1}, low[2] = {0, 0}, high[2] = {0, 0};
    for (int32_t d = 0; d < spatial; d++) {
        int32_t slot = d + 2 - spatial;
        kernel[slot] = a->kernel.v[d];
        stride[slot] = a->strides.v[d];
        dilation[slot] = a->dilations.v[d];
        low[slot] = a->pads.v[d];
        high[slot] = a->pads.v[spatial + d];
    }
    const ingot_dim *rows = spatial == 2 ? x.dims[2] : one, *cols = x.dims[1 + spatial];
    const ingot_dim *channels = blocked ? ingot_dim_ceildiv(l->m, x.dims[1], ingot_lower_const(l, 16)) : x.dims[1];
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_window);
    const ingot_dim *dims[7] = {y.dims[0],
                                channels,
                                spatial == 2 ? y.dims[2] : one,
                                y.dims[1 + spatial],
                                ingot_lower_const(l, kernel[0]),
                                ingot_lower_const(l, kernel[1]),
                                ingot_lower_const(l, blocked ? 16 : 1)};
    for (int32_t d = 0; d < 7; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    const ingot_dim *params[12] = {
        ingot_lower_const(l, op->kind == INGOT_OP_max_pool ? INGOT_SPEC_POOL_MAX : INGOT_SPEC_POOL_AVG),
        ingot_lower_const(l, stride[0]),
        ingot_lower_const(l, stride[1]),
        ingot_lower_const(l, dilation[0]),
        ingot_lower_const(l, dilation[1]),
        ingot_lower_const(l, low[0]),
        ingot_lower_const(l, low[1]),
        rows,
        cols,
        ingot_lower_const(l, a->count_include_pad != 0),
        ingot_lower_const(l, high[0]),
        ingot_lower_const(l, high[1])};
    for (int32_t i = 0; i < 12; i++)
        b.spec.params[i] = ingot_spec_size(&b, params[i]);
    const ingot_dim *lane = blocked ? one : zero;
    const ingot_dim *x_strides[7] = {
        x.strides[0], x.strides[1], spatial == 2 ? x.strides[2] : zero, x.strides[1 + spatial], zero, zero, lane};
    const ingot_dim *y_strides[7] = {
        y.strides[0], y.strides[1], spatial == 2 ? y.strides[2] : zero, y.strides[1 + spatial], zero, zero, lane};
    ingot_spec_add_operand(&b, &x, x_strides, false);
    for (int32_t i = 1; i < op->n_in; i++) {
        location at;
        const ingot_dim *strides[INGOT_MAX_RANK + 1];
        if (blocked) {
            INGOT_TRY(ingot_lower_c16_operand(l, op->in[i], &y, &at, strides));
        } else {
            INGOT_TRY(ingot_lower_locate_spread(l, op->in[i], y.rank, yv->type.dims, &at, strides));
            strides[y.rank] = zero;
        }
        const ingot_dim *all[7] = {strides[0],           strides[1], spatial == 2 ? strides[2] : zero,
                                   strides[1 + spatial], zero,       zero,
                                   strides[y.rank]};
        ingot_spec_add_operand(&b, &at, all, false);
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

/* Nearest resizing by whole factors: [.., h, fh, w, fw] of the result reads [.., h, 0, w, 0]. */
ingot_status ingot_lower_resize(lowering *l, ingot_op *op, bool *out_done)
{
    ingot_value *xv = op->in[0], *yv = op->out[0];
    location x, y;
    int64_t factors[INGOT_MAX_RANK];
    int32_t rank = xv->type.rank;
    *out_done = false;
    if (rank < 1 || xv->type.layout != yv->type.layout || ingot_dtype_bits(xv->type.dtype) < 8 ||
        xv->type.dtype == INGOT_STRING || !ingot_resize_repeats(op, factors) ||
        (xv->type.layout == INGOT_LAYOUT_C16 && factors[1] > 1))
        return NULL;
    INGOT_TRY(ingot_lower_locate(l, xv, &x));
    INGOT_TRY(ingot_lower_claim(l, yv, &y));
    const ingot_dim *x_dims[INGOT_MAX_RANK + 1], *x_strides[INGOT_MAX_RANK + 1], *y_dims[INGOT_MAX_RANK + 1],
        *y_strides[INGOT_MAX_RANK + 1];
    int32_t physical = rank;
    if (x.layout == INGOT_LAYOUT_C16) {
        physical = ingot_location_physical(l, &x, x_dims, x_strides);
        ingot_location_physical(l, &y, y_dims, y_strides);
    } else {
        for (int32_t d = 0; d < rank; d++) {
            x_dims[d] = x.dims[d];
            x_strides[d] = x.strides[d];
            y_strides[d] = y.strides[d];
        }
    }
    const ingot_dim *dims[INGOT_MAX_RANK], *in[1][INGOT_MAX_RANK], *out[1][INGOT_MAX_RANK];
    int32_t n = 0;
    for (int32_t d = 0; d < physical; d++) {
        int64_t f = d < rank ? factors[d] : 1;
        if (n + 2 > INGOT_MAX_RANK)
            return NULL;
        dims[n] = x_dims[d];
        in[0][n] = x_strides[d];
        out[0][n++] = ingot_lower_mul(l, y_strides[d], ingot_lower_const(l, f));
        if (f == 1)
            continue;
        dims[n] = ingot_lower_const(l, f);
        in[0][n] = ingot_lower_const(l, 0);
        out[0][n++] = y_strides[d];
    }
    ingot_prog prog = {.n_args = 1, .n_results = 1, .arg_dtypes = {(int16_t)x.dtype}};
    return ingot_lower_map_kernel(l, &prog, 1, &x, (const ingot_dim *const(*)[INGOT_MAX_RANK])in, 1, &y, n, dims,
                                  (const ingot_dim *const(*)[INGOT_MAX_RANK])out, ingot_lower_label(l, op), out_done);
}
