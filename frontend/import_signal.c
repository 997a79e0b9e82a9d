/* Signal processing: windows, Fourier transforms, mel weights. */
#include "frontend/import.h"

#define PI 3.14159265358979323846

/* a0 - a1 cos(2 pi i / N) + a2 cos(4 pi i / N) for i in [0, size), N = size or, symmetric, size - 1. arg: row of the
 * table. */
void ingot_import_window(ingot_node *n)
{
    static const double terms[3][3] = {
        {0.5, 0.5, 0}, {25.0 / 46.0, 21.0 / 46.0, 0}, {0.42, 0.5, 0.08}}; /* Hann, Hamming, Blackman */
    const double *a = terms[n->arg];
    const ingot_dim *size[INGOT_MAX_CONTENT];
    int64_t dtype = ingot_attr_int(n, "output_datatype", INGOT_F32);
    bool periodic = ingot_attr_int(n, "periodic", 1) != 0;
    if (ingot_operand_dims(n, n->in[0], 0, INGOT_DIM_MAX_VALUE, size) != 1 || dtype <= INGOT_UNDEFINED ||
        dtype >= INGOT_DTYPE_COUNT || !ingot_dtype_is_float((ingot_dtype)dtype)) {
        ingot_node_bad(n, "expected one size and a floating-point type");
        return;
    }
    ingot_value *bounds[] = {ingot_splat(n, INGOT_I64, 0), ingot_splat(n, INGOT_I64, 1)};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_range, 2, bounds, 1);
    ingot_emit_sym(n, op, 1, size);
    ingot_value *i = ingot_cast(n, ingot_emit_end(n, op), INGOT_F64);
    const ingot_dim *period = periodic ? size[0] : ingot_dim_sub(n->m, size[0], ingot_const_dim(n, 1));
    ingot_value *whole = ingot_cast(n, ingot_dims_value(n, -1, &period), INGOT_F64);
    ingot_value *angle =
        ingot_emit2(n, INGOT_OP_div, ingot_emit2(n, INGOT_OP_mul, i, ingot_splat(n, INGOT_F64, 2 * PI)), whole);
    ingot_value *first =
        ingot_emit2(n, INGOT_OP_mul, ingot_emit1(n, INGOT_OP_cos, angle), ingot_splat(n, INGOT_F64, a[1]));
    ingot_value *y = ingot_emit2(n, INGOT_OP_sub, ingot_splat(n, INGOT_F64, a[0]), first);
    if (a[2] != 0) {
        ingot_value *twice = ingot_emit2(n, INGOT_OP_mul, angle, ingot_splat(n, INGOT_F64, 2));
        ingot_value *second = ingot_emit1(n, INGOT_OP_cos, twice);
        y = ingot_emit2(n, INGOT_OP_add, y, ingot_emit2(n, INGOT_OP_mul, second, ingot_splat(n, INGOT_F64, a[2])));
    }
    n->out[0] = ingot_cast(n, y, (ingot_dtype)dtype);
}

/* A transform along `axis`, or, not null, along `at`, which only a run knows. */
static ingot_value *transform(ingot_node *n, ingot_value *x, int64_t axis, const ingot_dim *at, const ingot_dim *length,
                              bool onesided)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dft, 1, &x, 1);
    ingot_attrs_dft *a = op->attrs;
    a->axis = axis;
    a->inverse = ingot_attr_int(n, "inverse", 0) != 0;
    a->onesided = onesided;
    ingot_emit_sym(n, op, at ? 2 : 1, (const ingot_dim *[]){length, at});
    return ingot_emit_end(n, op);
}

/* The size of x along an axis that only a run knows: the sum of those that have its number. */
static const ingot_dim *size_at(ingot_node *n, const ingot_value *x, const ingot_dim *at)
{
    const ingot_dim *sum = ingot_const_dim(n, 0), *zero = sum, *one = ingot_const_dim(n, 1);
    for (int32_t i = 0; i < x->type.rank - 1; i++) {
        const ingot_dim *here = ingot_const_dim(n, i);
        const ingot_dim *apart = ingot_dim_max(n->m, ingot_dim_sub(n->m, at, here), ingot_dim_sub(n->m, here, at));
        const ingot_dim *is = ingot_dim_max(n->m, zero, ingot_dim_sub(n->m, one, ingot_dim_max(n->m, zero, apart)));
        sum = ingot_dim_add(n->m, sum, ingot_dim_mul(n->m, is, x->type.dims[i]));
    }
    return sum;
}

/* The axis is an attribute before opset 20 (arg 0), then the third input. */
void ingot_import_dft(ingot_node *n)
{
    ingot_value *x = n->in[0];
    const ingot_dim *given[INGOT_MAX_CONTENT], *at = NULL, *length[INGOT_MAX_CONTENT];
    int32_t rank = ingot_node_rank(n, x, 2);
    int64_t axis = n->arg ? -2 : ingot_attr_int(n, "axis", 1);
    if (n->arg && n->in[2]) {
        if (ingot_operand_dims(n, n->in[2], -rank, rank - 1, given) != 1)
            ingot_node_bad(n, "the axis must be one number");
        if (!n->error && !ingot_dim_is_const(given[0]))
            at = ingot_dim_mod(n->m, given[0], ingot_const_dim(n, rank));
        axis = n->error || at ? 0 : given[0]->value;
    }
    axis = ingot_node_axis(n, axis, rank);
    if (n->error)
        return;
    bool onesided = ingot_attr_int(n, "onesided", 0) != 0, inverse = ingot_attr_int(n, "inverse", 0) != 0;
    length[0] = at ? size_at(n, x, at) : x->type.dims[axis];
    if (n->in[1]) {
        if (ingot_operand_dims(n, n->in[1], 1, INGOT_DIM_MAX_VALUE, length) != 1)
            ingot_node_bad(n, "dft_length must be one number");
    } else if (onesided && inverse) { /* half a spectrum of even length */
        length[0] = ingot_dim_mul(n->m, ingot_dim_sub(n->m, length[0], ingot_const_dim(n, 1)), ingot_const_dim(n, 2));
    }
    n->out[0] = transform(n, x, axis, at, length[0], onesided);
}

/* 0, step, 2 step...: `count` of them. */
static ingot_value *multiples(ingot_node *n, const ingot_dim *step, const ingot_dim *count)
{
    ingot_value *in[] = {ingot_splat(n, INGOT_I64, 0), ingot_dims_value(n, -1, &step)};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_range, 2, in, 1);
    ingot_emit_sym(n, op, 1, &count);
    return ingot_emit_end(n, op);
}

/* signal [B, L, 1 or 2], step, window [F]?, F?: the transforms [B, frames, F or F / 2 + 1, 2] of frames that begin
 * every `step` elements, times the window. */
void ingot_import_stft(ingot_node *n)
{
    ingot_value *x = n->in[0], *window = n->in[2];
    if (x->type.rank == 2)
        x = ingot_unsqueeze(n, x, 2);
    if (!n->error && (x->type.rank != 3 || (window && window->type.rank != 1) || (!window && !n->in[3]))) {
        ingot_node_bad(n, "expected a signal [batch, length, 1 or 2] and a window or frame length");
        return;
    }
    const ingot_dim *whole = x->type.dims[1], *step[INGOT_MAX_CONTENT], *length[INGOT_MAX_CONTENT];
    int32_t n_step = ingot_operand_dims(n, n->in[1], 1, whole->hi, step), n_length = 1;
    if (window)
        length[0] = window->type.dims[0];
    else
        n_length = ingot_operand_dims(n, n->in[3], 1, whole->hi, length);
    if (!n->error && (n_step != 1 || n_length != 1 || step[0]->lo < 1 || length[0]->lo < 1))
        ingot_node_bad(n, "the frame's step and length must be one positive number each");
    if (n->error)
        return;
    const ingot_dim *one = ingot_const_dim(n, 1);
    const ingot_dim *frames =
        ingot_dim_add(n->m, ingot_dim_floordiv(n->m, ingot_dim_sub(n->m, whole, length[0]), step[0]), one);
    ingot_value *at = ingot_emit2(n, INGOT_OP_add, ingot_unsqueeze(n, multiples(n, step[0], frames), 1),
                                  multiples(n, one, length[0]));
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){x, at}, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = 1;
    ingot_value *framed = ingot_emit_end(n, op);
    if (window)
        framed = ingot_emit2(n, INGOT_OP_mul, framed, ingot_unsqueeze(n, window, 1));
    n->out[0] = transform(n, framed, 2, NULL, length[0], ingot_attr_int(n, "onesided", 1) != 0);
}

/* num_mel_bins, dft_length, sample_rate, lower and upper edge */
void ingot_import_mel_weights(ingot_node *n)
{
    const ingot_dim *bins[INGOT_MAX_CONTENT], *length[INGOT_MAX_CONTENT];
    int32_t n_bins = ingot_operand_dims(n, n->in[0], 0, INGOT_DIM_MAX_VALUE, bins);
    int32_t n_length = ingot_operand_dims(n, n->in[1], 0, INGOT_DIM_MAX_VALUE, length);
    if (!n->error && (n_bins != 1 || n_length != 1))
        ingot_node_bad(n, "the numbers of bins and of elements must be one number each");
    if (n->error)
        return;
    const ingot_dim *rows =
        ingot_dim_add(n->m, ingot_dim_floordiv(n->m, length[0], ingot_const_dim(n, 2)), ingot_const_dim(n, 1));
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_mel_weights, 5, n->in, 1);
    ((ingot_attrs_cast *)op->attrs)->to = ingot_attr_int(n, "output_datatype", INGOT_F32);
    ingot_emit_sym(n, op, 2, (const ingot_dim *[]){rows, bins[0]});
    n->out[0] = ingot_emit_end(n, op);
}
