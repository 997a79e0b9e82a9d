/* Per-channel affine maps around convolutions and matmuls go into weights and bias.
 *
 *     batch_norm(conv(x, w) + b), conv(x, w) * s + t, ...   ->   conv(x, w') + b'
 *     conv(x * s + t, w) without padding                    ->   conv(x, w') + b'     (with padding: only when t is 0)
 *
 * Weights and vectors are constants; the arithmetic is in double and rounds once. A batch norm that follows nothing of
 * that kind becomes mul and add. Needs: canonicalize (constants folded). Keeps: shapes, names.
 */
#include "passes/internal.h"
#include <math.h>
#include <string.h>

enum { MAX_CHAIN = 16 };
#define MAX_WEIGHTS (INT64_C(1) << 25) /* elements: beyond that, two multiplications are cheaper than a copy */

typedef struct affine {
    int64_t channels;
    double *scale, *shift; /* y = x * scale + shift per channel */
    bool scales;
} affine;

/* The axis of channels in results of `op`; -1: not an op whose weights can take a scale. */
static int32_t channel_axis(const ingot_op *op)
{
    if (op->prog || op->n_in != 2 || op->n_out != 1 || !ingot_value_literal(op->in[1]) ||
        !ingot_type_is_static(&op->in[1]->type) || !ingot_dtype_is_float(op->in[1]->type.dtype))
        return -1;
    if (op->kind == INGOT_OP_conv || op->kind == INGOT_OP_conv_transpose)
        return 1;
    return op->kind == INGOT_OP_matmul && op->in[1]->type.rank == 2 ? op->out[0]->type.rank - 1 : -1;
}

/* The constant `v` per channel of a value of `rank` axes: a number, or a vector along `axis` alone. Null if it is
 * neither. */
static ingot_status per_channel(ingot_module *m, const ingot_value *v, int32_t rank, int32_t axis, int64_t channels,
                                ingot_arena *arena, double **out)
{
    double number, *dense;
    void *memory;
    *out = NULL;
    bool splat = ingot_value_is_splat(m, v, &number);
    if (!splat && !ingot_value_literal(v))
        return NULL;
    if (!ingot_dtype_is_float(v->type.dtype))
        return NULL;
    for (int32_t i = 1; i <= v->type.rank; i++) {
        int64_t want = rank - i == axis ? channels : 1;
        const ingot_dim *d = v->type.dims[v->type.rank - i];
        if (!ingot_dim_is(d, 1) && !(want > 1 && ingot_dim_is(d, want)))
            return NULL;
    }
    if (v->type.rank > rank)
        return NULL;
    INGOT_TRY(ingot_arena_array(arena, (size_t)channels, sizeof(double), &memory));
    if (splat) {
        *out = memory;
        for (int64_t i = 0; i < channels; i++)
            (*out)[i] = number;
        return NULL;
    }
    INGOT_TRY(ingot_constant_f64(m, v, arena, channels, &dense));
    int64_t n = ingot_type_count(&v->type);
    if (!dense || (n != 1 && n != channels))
        return NULL;
    *out = memory;
    for (int64_t i = 0; i < channels; i++)
        (*out)[i] = dense[n == 1 ? 0 : i];
    return NULL;
}

/* batch_norm's constants as scale and shift; false when they are not constant. */
static ingot_status norm_affine(const ingot_op *op, int64_t channels, ingot_arena *arena, double **scale,
                                double **shift)
{
    ingot_module *m = op->graph->module;
    double *parts[4];
    *scale = *shift = NULL;
    for (int i = 0; i < 4; i++) {
        INGOT_TRY(per_channel(m, op->in[i + 1], 1, 0, channels, arena, &parts[i]));
        if (!parts[i])
            return NULL;
    }
    double epsilon = ((const ingot_attrs_norm *)op->attrs)->epsilon;
    for (int64_t c = 0; c < channels; c++) {
        double s = parts[0][c] / sqrt(parts[3][c] + epsilon);
        parts[1][c] -= parts[2][c] * s;
        parts[0][c] = s;
    }
    *scale = parts[0];
    *shift = parts[1];
    return NULL;
}

/* Takes `op`, a user of `v`, into the affine map if it is one; *out_taken says so. */
static ingot_status take(affine *a, const ingot_op *op, const ingot_value *v, int32_t axis, ingot_arena *arena,
                         bool *out_taken)
{
    ingot_module *m = op->graph->module;
    double *by = NULL, *scale = NULL, *shift = NULL;
    *out_taken = false;
    if (op->kind == INGOT_OP_batch_norm && op->in[0] == v && axis == 1 && !op->prog && op->n_in == 5) {
        INGOT_TRY(norm_affine(op, a->channels, arena, &scale, &shift));
        if (!scale)
            return NULL;
        for (int64_t c = 0; c < a->channels; c++) {
            a->scale[c] *= scale[c];
            a->shift[c] = a->shift[c] * scale[c] + shift[c];
        }
        a->scales = *out_taken = true;
        return NULL;
    }
    if ((op->kind != INGOT_OP_add && op->kind != INGOT_OP_sub && op->kind != INGOT_OP_mul &&
         op->kind != INGOT_OP_div) ||
        op->in[0] == op->in[1] || !ingot_type_equal(&op->out[0]->type, &v->type))
        return NULL;
    int32_t other = op->in[0] == v ? 1 : 0;
    if (other == 0 && (op->kind == INGOT_OP_div))
        return NULL;
    INGOT_TRY(per_channel(m, op->in[other], v->type.rank, axis, a->channels, arena, &by));
    if (!by)
        return NULL;
    for (int64_t c = 0; c < a->channels; c++) {
        double k = by[c];
        switch (op->kind) {
        case INGOT_OP_add:
            a->shift[c] += k;
            break;
        case INGOT_OP_sub: /* x - k, or k - x */
            a->scale[c] = other ? a->scale[c] : -a->scale[c];
            a->shift[c] = other ? a->shift[c] - k : k - a->shift[c];
            break;
        case INGOT_OP_mul:
            a->scale[c] *= k;
            a->shift[c] *= k;
            break;
        default:
            a->scale[c] /= k;
            a->shift[c] /= k;
            break;
        }
    }
    a->scales =
        a->scales || op->kind == INGOT_OP_mul || op->kind == INGOT_OP_div || (op->kind == INGOT_OP_sub && other == 0);
    *out_taken = true;
    return NULL;
}

/* Output channel that weight element i belongs to. */
static int64_t output_channel(const ingot_op *op, int64_t i)
{
    const ingot_type *w = &op->in[1]->type;
    if (op->kind == INGOT_OP_matmul) {
        int64_t columns = w->dims[1]->value;
        return ((const ingot_attrs_matmul *)op->attrs)->trans_b ? i / columns : i % columns;
    }
    int64_t taps = 1;
    for (int32_t d = 2; d < w->rank; d++)
        taps *= w->dims[d]->value;
    if (op->kind == INGOT_OP_conv)
        return i / (taps * w->dims[1]->value);
    int64_t groups = ((const ingot_attrs_conv_transpose *)op->attrs)->groups; /* [C, O/g, ...] */
    int64_t in_channels = w->dims[0]->value, per_group = w->dims[1]->value;
    int64_t c = i / (taps * per_group), o = i / taps % per_group;
    return c / (in_channels / groups) * per_group + o;
}

/* A bias of `axis` shaped to align with values of `rank` axes: [C, 1, 1] for a convolution, [N] for a matmul. */
static ingot_status build_bias(ingot_op *before, ingot_dtype dtype, int32_t rank, int32_t axis, int64_t channels,
                               const double *shift, ingot_value **out)
{
    int64_t dims[INGOT_MAX_RANK];
    for (int32_t i = axis; i < rank; i++)
        dims[i - axis] = i == axis ? channels : 1;
    ingot_type type = ingot_type_static(before->graph->module, dtype, rank - axis, dims);
    return ingot_build_constant_f64(before, &type, shift, out);
}

static bool is_zero(const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (v[i] != 0)
            return false;
    }
    return true;
}

static bool all_finite(const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(v[i]))
            return false;
    }
    return true;
}

/* A new op like `op` with weights scaled by weight element, then + shift; replaces `last`. */
static ingot_status rebuild(ingot_op *op, ingot_op *last, int32_t axis, const double *weights, const affine *a)
{
    ingot_value *w, *result, *bias;
    ingot_op *made;
    INGOT_TRY(ingot_build_constant_f64(last, &op->in[1]->type, weights, &w));
    INGOT_TRY(ingot_build(last, op->kind, 2, (ingot_value *[]){op->in[0], w}, &made));
    ingot_copy_attrs(made, op);
    made->loc = op->loc;
    INGOT_TRY(ingot_op_infer(made));
    result = made->out[0];
    if (!is_zero(a->shift, a->channels)) {
        INGOT_TRY(build_bias(last, result->type.dtype, result->type.rank, axis, a->channels, a->shift, &bias));
        INGOT_TRY(ingot_build2(last, INGOT_OP_add, result, bias, &result));
        result->def->loc = op->loc;
    }
    return ingot_replace_op(last, result);
}

/* What follows `op`: a chain of affine maps, each the only use of the one before. */
static ingot_status fold_after(ingot_op *op, ingot_arena *arena, ingot_pass_context *ctx)
{
    ingot_module *m = op->graph->module;
    int32_t axis = channel_axis(op), steps = 0;
    if (axis < 0)
        return NULL;
    const ingot_type *type = &op->out[0]->type;
    if (axis >= type->rank || !ingot_dim_is_const(type->dims[axis]) || type->dims[axis]->value < 1 ||
        ingot_type_count(&op->in[1]->type) > MAX_WEIGHTS)
        return NULL;
    affine a = {.channels = type->dims[axis]->value};
    void *memory;
    INGOT_TRY(ingot_arena_array(arena, (size_t)a.channels * 2, sizeof(double), &memory));
    a.scale = memory;
    a.shift = a.scale + a.channels;
    for (int64_t c = 0; c < a.channels; c++)
        a.scale[c] = 1;
    ingot_op *last = op, *user;
    bool taken = true;
    while (steps < MAX_CHAIN && ingot_value_has_one_use(last->out[0]) && (user = last->out[0]->uses->op) != NULL &&
           user->graph == op->graph && user->n_out == 1) {
        INGOT_TRY(take(&a, user, last->out[0], axis, arena, &taken));
        if (!taken)
            break;
        last = user;
        steps++;
    }
    /* One add alone is a bias already. */
    if (steps == 0 || (steps == 1 && !a.scales) || !all_finite(a.scale, a.channels) || !all_finite(a.shift, a.channels))
        return NULL;
    double *weights;
    INGOT_TRY(ingot_constant_f64(m, op->in[1], arena, MAX_WEIGHTS, &weights));
    if (!weights)
        return NULL;
    int64_t n = ingot_type_count(&op->in[1]->type);
    for (int64_t i = 0; i < n && a.scales; i++)
        weights[i] *= a.scale[output_channel(op, i)];
    ingot_note(ctx, "folded %d ops into the weights of '%s'", steps, op->loc ? op->loc : "");
    return rebuild(op, last, axis, weights, &a);
}

/* mul, add or batch_norm by channel before a convolution: into the weights of its input channels. */
static ingot_status fold_before(ingot_op *conv, ingot_arena *arena, ingot_pass_context *ctx)
{
    ingot_module *m = conv->graph->module;
    if (conv->kind != INGOT_OP_conv || channel_axis(conv) < 0 || conv->in[0]->type.rank < 3 ||
        !ingot_dim_is_const(conv->in[0]->type.dims[1]) || ingot_type_count(&conv->in[1]->type) > MAX_WEIGHTS)
        return NULL;
    ingot_value *x = conv->in[0];
    ingot_op *op = x->def;
    if (!op || op->graph != conv->graph || !ingot_value_has_one_use(x))
        return NULL;
    const ingot_type *w = &conv->in[1]->type;
    affine a = {.channels = x->type.dims[1]->value};
    void *memory;
    if (a.channels < 1)
        return NULL;
    INGOT_TRY(ingot_arena_array(arena, (size_t)a.channels * 2, sizeof(double), &memory));
    a.scale = memory;
    a.shift = a.scale + a.channels;
    for (int64_t c = 0; c < a.channels; c++)
        a.scale[c] = 1;
    bool taken = false;
    ingot_value *from = NULL;
    for (int32_t i = 0; i < 2 && i < op->n_in && !taken; i++) {
        if (!op->in[i] || ingot_value_literal(op->in[i]))
            continue;
        from = op->in[i];
        INGOT_TRY(take(&a, op, from, 1, arena, &taken));
    }
    if (!taken || !all_finite(a.scale, a.channels) || !all_finite(a.shift, a.channels))
        return NULL;
    const ingot_attrs_conv *attrs = conv->attrs;
    bool padded = false;
    for (int64_t i = 0; i < attrs->pads.n; i++)
        padded = padded || attrs->pads.v[i] != 0;
    if (padded && !is_zero(a.shift, a.channels))
        return NULL;
    double *weights;
    INGOT_TRY(ingot_constant_f64(m, conv->in[1], arena, MAX_WEIGHTS, &weights));
    if (!weights)
        return NULL;
    int64_t outs = w->dims[0]->value, ins = w->dims[1]->value, taps = 1, groups = attrs->groups > 0 ? attrs->groups : 1;
    for (int32_t d = 2; d < w->rank; d++)
        taps *= w->dims[d]->value;
    if (outs < 1 || ins * groups != a.channels || outs % groups)
        return NULL;
    affine after = {.channels = outs};
    INGOT_TRY(ingot_arena_array(arena, (size_t)outs, sizeof(double), &memory));
    after.shift = memory;
    for (int64_t o = 0; o < outs; o++) {
        for (int64_t i = 0; i < ins; i++) {
            int64_t c = o / (outs / groups) * ins + i;
            for (int64_t t = 0; t < taps; t++) {
                double *weight = &weights[(o * ins + i) * taps + t];
                after.shift[o] += *weight * a.shift[c];
                *weight *= a.scale[c];
            }
        }
    }
    ingot_note(ctx, "folded '%s' into the weights of '%s'", op->loc ? op->loc : "", conv->loc ? conv->loc : "");
    ingot_op_set_operand(conv, 0, from);
    ingot_erase_dead(op);
    return rebuild(conv, conv, 1, weights, &after);
}

/* A batch norm on its own: x * scale + shift. */
static ingot_status expand(ingot_op *op, ingot_arena *arena, ingot_pass_context *ctx)
{
    (void)ctx;
    if (op->kind != INGOT_OP_batch_norm || op->prog)
        return NULL;
    const ingot_type *type = &op->out[0]->type;
    if (type->rank < 2 || !ingot_dim_is_const(type->dims[1]) || !ingot_dtype_is_float(type->dtype))
        return NULL;
    int64_t channels = type->dims[1]->value;
    double *scale, *shift;
    ingot_value *s, *t, *made;
    if (channels < 1)
        return NULL;
    INGOT_TRY(norm_affine(op, channels, arena, &scale, &shift));
    if (!scale)
        return NULL;
    INGOT_TRY(build_bias(op, type->dtype, type->rank, 1, channels, scale, &s));
    INGOT_TRY(build_bias(op, type->dtype, type->rank, 1, channels, shift, &t));
    INGOT_TRY(ingot_build2(op, INGOT_OP_mul, op->in[0], s, &made));
    INGOT_TRY(ingot_build2(op, INGOT_OP_add, made, t, &made));
    return ingot_type_equal(&made->type, type) ? ingot_replace_op(op, made) : NULL;
}

static ingot_status fold_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    ingot_status (*const steps[])(ingot_op *, ingot_arena *, ingot_pass_context *) = {fold_before, fold_after, expand};
    (void)arg;
    for (size_t step = 0; step < sizeof steps / sizeof steps[0]; step++) {
        INGOT_TRY(ingot_check_cancel(ctx));
        INGOT_TRY(ingot_each_op(g, ctx, steps[step]));
    }
    return NULL;
}

ingot_status ingot_pass_fold_batch_norm(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, fold_graph);
}
