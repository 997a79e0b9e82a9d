/* Convolutions and pools: windows sliding over the spatial axes of x [N, C, ...]. */
#include "frontend/import.h"
#include <math.h>
#include <string.h>

/* Geometry of a window over the spatial axes. */
typedef struct window {
    int32_t spatial;
    ingot_ints kernel, strides, pads, dilations;
    int32_t auto_pad;    /* index in auto_pads */
    bool kernel_is_open; /* a size of the kernel is known only when run: all of `kernel` is to be left alone */
} window;
enum { NOTSET, VALID, SAME_UPPER, SAME_LOWER };
static const char *const auto_pads[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER", NULL};

/* A list attribute of `count` numbers, each at least `lo`; `absent` everywhere when it is not there. */
static void read_list(ingot_node *n, const char *name, int32_t count, int64_t absent, int64_t lo, ingot_ints *out)
{
    if (!ingot_attr_ints(n, name, out) || out->n == 0) {
        out->n = count;
        for (int32_t i = 0; i < count; i++)
            out->v[i] = absent;
        return;
    }
    if (out->n != count) {
        ingot_node_bad(n, "attribute '%s' has %lld numbers, expected %d", name, (long long)out->n, count);
        out->n = count;
    }
    for (int32_t i = 0; i < count; i++)
        if (out->v[i] < lo || out->v[i] > INT32_MAX) {
            ingot_node_bad(n, "attribute '%s' holds %lld", name, (long long)out->v[i]);
            out->v[i] = absent;
        }
}

/* Attributes of a window; out->kernel must be filled in already. */
static bool read_window(ingot_node *n, int32_t rank, window *out)
{
    out->spatial = rank - 2;
    read_list(n, "strides", out->spatial, 1, 1, &out->strides);
    read_list(n, "dilations", out->spatial, 1, 1, &out->dilations);
    read_list(n, "pads", 2 * out->spatial, 0, 0, &out->pads);
    out->auto_pad = ingot_attr_choice(n, "auto_pad", "NOTSET", auto_pads);
    if (out->auto_pad != NOTSET)
        memset(out->pads.v, 0, sizeof out->pads.v);
    return !n->error;
}

static int64_t extent(const window *w, int32_t i)
{
    return (w->kernel.v[i] - 1) * w->dilations.v[i] + 1;
}

/* Works out SAME padding from the sizes of x: numbers into w->pads, or, where a size is symbolic and the stride not 1,
 * an explicit pad of x with `fill`. */
static ingot_value *resolve_same(ingot_node *n, ingot_value *x, window *w, double fill, bool may_pad)
{
    if (w->auto_pad < SAME_UPPER || n->error)
        return x;
    const ingot_dim *zero = ingot_const_dim(n, 0), *pads[2 * INGOT_MAX_RANK];
    int32_t rank = x->type.rank;
    bool explicit_pad = false;
    for (int32_t i = 0; i < 2 * rank; i++)
        pads[i] = zero;
    for (int32_t i = 0; i < w->spatial; i++) {
        const ingot_dim *size = x->type.dims[2 + i], *stride = ingot_const_dim(n, w->strides.v[i]);
        int64_t reach = extent(w, i);
        /* total = max((ceil(size / stride) - 1) * stride + reach - size, 0) */
        const ingot_dim *total =
            w->strides.v[i] == 1
                ? ingot_const_dim(n, reach - 1)
                : ingot_dim_sub(n->m,
                                ingot_dim_add(n->m, ingot_dim_mul(n->m, ingot_dim_ceildiv(n->m, size, stride), stride),
                                              ingot_const_dim(n, reach - w->strides.v[i])),
                                size);
        total = ingot_dim_max(n->m, total, zero);
        const ingot_dim *two = ingot_const_dim(n, 2), *half = ingot_dim_floordiv(n->m, total, two);
        const ingot_dim *rest = ingot_dim_sub(n->m, total, half);
        const ingot_dim *low = w->auto_pad == SAME_UPPER ? half : rest, *high = w->auto_pad == SAME_UPPER ? rest : half;
        if (ingot_dim_is_const(low) && ingot_dim_is_const(high)) {
            w->pads.v[i] = low->value;
            w->pads.v[w->spatial + i] = high->value;
        } else {
            pads[2 + i] = low;
            pads[rank + 2 + i] = high;
            explicit_pad = true;
        }
    }
    w->auto_pad = NOTSET;
    if (!explicit_pad)
        return x;
    if (!may_pad) {
        ingot_node_unsupported(n, "auto_pad SAME with strides over sizes that are not known: pin them with --shape");
        return x;
    }
    return ingot_pad(n, x, INGOT_PAD_CONSTANT, ingot_splat_like(n, x, fill), pads);
}

static ingot_value *add_bias(ingot_node *n, ingot_value *y, ingot_value *bias)
{
    return bias ? ingot_emit2(n, INGOT_OP_add, y, ingot_along_channels(n, bias, y->type.rank)) : y;
}

/* The kernel's sizes come from the weights; the attribute must agree, when run where the weights' sizes are not known.
 */
static void kernel_of_weights(ingot_node *n, const ingot_value *w, int32_t rank, window *out)
{
    ingot_ints given;
    bool has_given = ingot_attr_ints(n, "kernel_shape", &given) && given.n;
    out->kernel.n = rank - 2;
    out->kernel_is_open = false;
    bool agrees = !has_given || given.n == rank - 2;
    for (int32_t i = 0; i < rank - 2 && !n->error && agrees; i++) {
        const ingot_dim *d = w->type.dims[2 + i];
        out->kernel.v[i] = has_given ? given.v[i] : d->value;
        if (ingot_dim_is_const(d))
            agrees = out->kernel.v[i] == d->value;
        else if (!has_given)
            out->kernel_is_open = true;
        else if (given.v[i] >= 1)
            ingot_node_check(n,
                             ingot_module_require(n->m, INGOT_CHECK_EQUAL, d, ingot_const_dim(n, given.v[i]), w->def));
    }
    if (!agrees)
        ingot_node_bad(n, "kernel_shape does not agree with the weights");
}

/* For padding that the sizes of the kernel decide. */
static bool needs_kernel(ingot_node *n, const window *w)
{
    if (w->kernel_is_open)
        ingot_node_unsupported(n, "padding by auto_pad needs the sizes of the kernel: add the attribute kernel_shape");
    return !n->error;
}

/* Reads the attributes of a convolution and resolves its padding; fills `out` and may replace *x. */
static bool conv_window(ingot_node *n, ingot_value **x, const ingot_value *weights, window *out)
{
    int32_t rank = ingot_node_rank(n, *x, 3);
    if (!n->error && weights->type.rank != rank)
        ingot_node_bad(n, "weights of rank %d for an input of rank %d", weights->type.rank, rank);
    if (n->error)
        return false;
    kernel_of_weights(n, weights, rank, out);
    if (!read_window(n, rank, out) || (out->auto_pad >= SAME_UPPER && !needs_kernel(n, out)))
        return false;
    *x = resolve_same(n, *x, out, 0, true);
    return !n->error;
}

static ingot_value *emit_conv(ingot_node *n, ingot_op_kind kind, int32_t n_in, ingot_value *const *in, const window *w)
{
    ingot_op *op = ingot_emit_begin(n, kind, n_in, in, 1);
    ingot_attrs_conv *a = op->attrs;
    a->groups = ingot_attr_int(n, "group", 1);
    a->strides = w->strides;
    a->pads = w->pads;
    a->dilations = w->dilations;
    return ingot_emit_end(n, op);
}

void ingot_import_conv(ingot_node *n)
{
    window w;
    ingot_value *x = n->in[0];
    if (conv_window(n, &x, n->in[1], &w))
        n->out[0] = add_bias(n, emit_conv(n, INGOT_OP_conv, 2, (ingot_value *[]){x, n->in[1]}, &w), n->in[2]);
}

void ingot_import_conv_integer(ingot_node *n)
{
    window w;
    ingot_value *x = n->in[0];
    if (!conv_window(n, &x, n->in[1], &w))
        return;
    if (x != n->in[0]) {
        ingot_node_unsupported(n, "auto_pad SAME with strides over sizes that are not known: pin them with --shape");
        return;
    }
    n->out[0] = emit_conv(n, INGOT_OP_conv_integer, n->n_in, n->in, &w);
}

/* x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias (i32, of scale x_scale * w_scale) */
void ingot_import_qlinear_conv(ingot_node *n)
{
    window w;
    ingot_value *x = ingot_dequantize(n, n->in[0], n->in[1], n->in[2], 1);
    ingot_value *weights = ingot_dequantize(n, n->in[3], n->in[4], n->in[5], 0);
    if (!conv_window(n, &x, weights, &w))
        return;
    ingot_value *y = emit_conv(n, INGOT_OP_conv, 2, (ingot_value *[]){x, weights}, &w);
    if (n->in[8]) {
        ingot_value *scale = ingot_emit2(n, INGOT_OP_mul, n->in[1], n->in[4]);
        y = add_bias(n, y, ingot_emit2(n, INGOT_OP_mul, ingot_cast(n, n->in[8], y->type.dtype), scale));
    }
    n->out[0] = ingot_quantize(n, y, n->in[6], n->in[7], 1);
}

/* The sizes that a transposed convolution is to have: output_shape's, or for auto_pad SAME input * stride. False: those
 * that its pads give. */
static bool transposed_sizes(ingot_node *n, const ingot_value *x, const window *w, const ingot_dim **out)
{
    ingot_ints sizes;
    bool given = ingot_attr_ints(n, "output_shape", &sizes) && sizes.n;
    if (given && sizes.n != w->spatial)
        ingot_node_bad(n, "output_shape has %lld sizes, expected %d", (long long)sizes.n, w->spatial);
    for (int32_t i = 0; i < w->spatial && !n->error; i++)
        out[i] = given ? ingot_const_dim(n, sizes.v[i])
                       : ingot_dim_mul(n->m, x->type.dims[2 + i], ingot_const_dim(n, w->strides.v[i]));
    return !n->error && (given || w->auto_pad >= SAME_UPPER);
}

/* y, computed without pads, cut to `sizes`, and with zeros at the end where it is smaller. */
static ingot_value *cut_transposed(ingot_node *n, ingot_value *y, const window *w, const ingot_dim *const *sizes)
{
    int32_t rank = y->type.rank;
    const ingot_dim *zero = ingot_const_dim(n, 0), *two = ingot_const_dim(n, 2), *pads[2 * INGOT_MAX_RANK];
    for (int32_t i = 0; i < 2 * rank; i++)
        pads[i] = zero;
    for (int32_t i = 0; i < w->spatial; i++)
        pads[rank + 2 + i] = ingot_dim_max(n->m, ingot_dim_sub(n->m, sizes[i], y->type.dims[2 + i]), zero);
    const ingot_dim *const *full = y->type.dims;
    y = ingot_pad(n, y, INGOT_PAD_CONSTANT, ingot_splat_like(n, y, 0), pads);
    for (int32_t i = 0; i < w->spatial && !n->error; i++) {
        const ingot_dim *excess = ingot_dim_max(n->m, ingot_dim_sub(n->m, full[2 + i], sizes[i]), zero);
        const ingot_dim *half = ingot_dim_floordiv(n->m, excess, two);
        y = ingot_slice(n, y, 2 + i, w->auto_pad == SAME_UPPER ? half : ingot_dim_sub(n->m, excess, half), sizes[i]);
    }
    return y;
}

/* Pads and output padding that give `sizes`; false: only a run knows them. */
static bool transposed_pads(const ingot_value *x, const ingot_dim *const *sizes, window *w, ingot_ints *output_padding)
{
    for (int32_t i = 0; i < w->spatial; i++)
        if (w->kernel_is_open || (!ingot_dim_is_const(x->type.dims[2 + i]) && ingot_dim_is_const(sizes[i])))
            return false;
    for (int32_t i = 0; i < w->spatial; i++) {
        /* stride * (size - 1) + padding + reach - wanted size, which is size * stride where it is not a number */
        int64_t stride = w->strides.v[i], total = output_padding->v[i] + extent(w, i) - stride;
        if (ingot_dim_is_const(sizes[i]))
            total += stride * x->type.dims[2 + i]->value - sizes[i]->value;
        if (total < 0) { /* larger than what the kernel reaches: the rest is at the end and stays zero */
            output_padding->v[i] -= total;
            total = 0;
        }
        bool upper = w->auto_pad == SAME_UPPER;
        int64_t half = total / 2;
        w->pads.v[i] = upper ? half : total - half;
        w->pads.v[w->spatial + i] = upper ? total - half : half;
    }
    return true;
}

void ingot_import_conv_transpose(ingot_node *n)
{
    window w;
    ingot_ints output_padding;
    ingot_value *x = n->in[0];
    int32_t rank = ingot_node_rank(n, x, 3);
    if (!n->error && n->in[1]->type.rank != rank)
        ingot_node_bad(n, "weights of rank %d for an input of rank %d", n->in[1]->type.rank, rank);
    if (n->error)
        return;
    kernel_of_weights(n, n->in[1], rank, &w);
    if (!read_window(n, rank, &w))
        return;
    read_list(n, "output_padding", w.spatial, 0, 0, &output_padding);
    const ingot_dim *sizes[INGOT_MAX_RANK];
    bool sized = transposed_sizes(n, x, &w, sizes), cut = sized && !transposed_pads(x, sizes, &w, &output_padding);
    if (cut)
        memset(w.pads.v, 0, sizeof w.pads.v);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_conv_transpose, 2, n->in, 1);
    ingot_attrs_conv_transpose *a = op->attrs;
    a->groups = ingot_attr_int(n, "group", 1);
    a->strides = w.strides;
    a->pads = w.pads;
    a->dilations = w.dilations;
    a->output_padding = output_padding;
    ingot_value *y = ingot_emit_end(n, op);
    n->out[0] = add_bias(n, cut && !n->error ? cut_transposed(n, y, &w, sizes) : y, n->in[2]);
}

/* ---- Pools ---- */
static bool pool_window(ingot_node *n, window *out)
{
    int32_t rank = ingot_node_rank(n, n->in[0], 3);
    if (n->error)
        return false;
    if (!ingot_attr_has(n, "kernel_shape")) {
        ingot_node_bad(n, "kernel_shape is missing");
        return false;
    }
    read_list(n, "kernel_shape", rank - 2, 1, 1, &out->kernel);
    return read_window(n, rank, out);
}

static ingot_op *begin_pool(ingot_node *n, ingot_op_kind kind, ingot_value *x, const window *w, int32_t n_out)
{
    ingot_op *op = ingot_emit_begin(n, kind, 1, &x, n_out);
    ingot_attrs_pool *a = op->attrs;
    a->kernel = w->kernel;
    a->strides = w->strides;
    a->pads = w->pads;
    a->dilations = w->dilations;
    a->ceil_mode = w->auto_pad == VALID ? 0 : ingot_attr_int(n, "ceil_mode", 0) != 0;
    return op;
}

void ingot_import_max_pool(ingot_node *n)
{
    window w = {0};
    bool wants_indices = n->n_out > 1 && *n->view->out[1];
    if (!pool_window(n, &w))
        return;
    ingot_value *x = n->in[0];
    double lowest = ingot_dtype_is_float(x->type.dtype) ? -INFINITY : ingot_dtype_is_signed(x->type.dtype) ? -128 : 0;
    x = resolve_same(n, x, &w, lowest, !wants_indices);
    ingot_op *op = begin_pool(n, INGOT_OP_max_pool, x, &w, wants_indices ? 2 : 1);
    ((ingot_attrs_pool *)op->attrs)->storage_order = ingot_attr_int(n, "storage_order", 0) != 0;
    n->out[0] = ingot_emit_end(n, op);
    if (wants_indices)
        n->out[1] = op->out[1];
}

void ingot_import_average_pool(ingot_node *n)
{
    window w = {0};
    if (!pool_window(n, &w))
        return;
    bool count_pads = ingot_attr_int(n, "count_include_pad", 0) != 0;
    window same = w;
    ingot_value *x = resolve_same(n, n->in[0], &w, 0, true);
    ingot_op *op = begin_pool(n, INGOT_OP_avg_pool, x, &w, 1);
    ((ingot_attrs_pool *)op->attrs)->count_include_pad = count_pads;
    n->out[0] = ingot_emit_end(n, op);
    if (count_pads || x == n->in[0] || n->error)
        return;
    /* Padded by an op of its own, zeros count: the average of ones tells how much. */
    const ingot_dim *dims[INGOT_MAX_RANK];
    for (int32_t i = 0; i < x->type.rank; i++)
        dims[i] = i < 2 ? ingot_const_dim(n, 1) : n->in[0]->type.dims[i];
    ingot_value *ones = ingot_splat_shaped(n, x->type.dtype, x->type.rank, dims, 1);
    op = begin_pool(n, INGOT_OP_avg_pool, resolve_same(n, ones, &same, 0, true), &w, 1);
    n->out[0] = ingot_emit2(n, INGOT_OP_div, n->out[0], ingot_emit_end(n, op));
}

/* The exponent of a norm: opset 1 has it as a real number. */
static int64_t norm_attr(ingot_node *n)
{
    double p = n->opset < 2 ? ingot_attr_float(n, "p", 2) : (double)ingot_attr_int(n, "p", 2);
    if (!(p >= 1 && p <= 1e6) || p != floor(p)) {
        ingot_node_unsupported(n, "p is %g: only whole numbers from 1 on are supported", p);
        return 2;
    }
    return (int64_t)p;
}

void ingot_import_lp_pool(ingot_node *n)
{
    window w = {0};
    if (!pool_window(n, &w))
        return;
    ingot_value *x = resolve_same(n, n->in[0], &w, 0, true);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_lp_pool, 1, &x, 1);
    ingot_attrs_lp_pool *a = op->attrs;
    a->kernel = w.kernel;
    a->strides = w.strides;
    a->pads = w.pads;
    a->dilations = w.dilations;
    a->ceil_mode = ingot_attr_int(n, "ceil_mode", 0) != 0;
    a->p = norm_attr(n);
    n->out[0] = ingot_emit_end(n, op);
}

/* arg: the reduction over all spatial axes; GlobalLpPool has its own exponent. */
void ingot_import_global_pool(ingot_node *n)
{
    ingot_ints axes = {0};
    int32_t rank = ingot_node_rank(n, n->in[0], 2);
    for (int32_t i = 2; i < rank; i++)
        axes.v[axes.n++] = i;
    if (axes.n == 0)
        n->out[0] = n->in[0];
    else
        n->out[0] = ingot_reduce(n, n->in[0], (ingot_reduce_kind)n->arg, &axes, true);
}

void ingot_import_global_lp_pool(ingot_node *n)
{
    int64_t p = norm_attr(n);
    if (p != 1 && p != 2) {
        ingot_node_unsupported(n, "p is %lld: only 1 and 2 are supported", (long long)p);
        return;
    }
    n->arg = p == 1 ? INGOT_REDUCE_L1 : INGOT_REDUCE_L2;
    ingot_import_global_pool(n);
}
