/* What a rewrite would cost: the kernel that an op becomes, as a spec of dense operands, before anything is lowered. */
#include "costmodel/decide.h"
#include "costmodel/winograd.h"
#include "passes/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_DIMS     (INGOT_MAX_RANK + 1)
#define MOST_ELEMENTS 1e12 /* of a value: strides stay far from overflow */

/* Open sizes count as typical ones: at their low ends, nothing would ever be worth a conversion. */
static int64_t size_of(const ingot_module *m, const ingot_dim *d)
{
    int64_t size = ingot_dim_typical(m, d);
    return size < 1 ? 1 : size > INGOT_DIM_MAX_VALUE ? INGOT_DIM_MAX_VALUE : size;
}

/* Weights count as they lie between runs: in the last cache, or in memory. */
static double ask(const ingot_pass_context *ctx, ingot_spec *spec)
{
    const ingot_cost_model *model = ctx->cost_model ? ctx->cost_model : &ingot_cost_roofline;
    ingot_choice choice;
    if (model->knows && !model->knows(model, ctx->target))
        model = &ingot_cost_roofline;
    const ingot_cost_query query = {
        .spec = spec, .target = ctx->target, .cold = ctx->constant_bytes > (double)ctx->target->l3_bytes / 2};
    ingot_status status = ingot_decide(model, &query, spec, &choice);
    if (!status)
        return choice.ns;
    ingot_status_free(status);
    return ingot_cost_predict(model, &query).ns;
}

/* The same kernel is asked about again for each op of its kind and shape. */
static double predict(const ingot_pass_context *ctx, ingot_spec *spec)
{
    snprintf(spec->target, sizeof spec->target, "%s", ctx->target->name);
    uint64_t hash = ingot_spec_hash(spec) | 1; /* 0 is an empty entry */
    ingot_estimate *entry = &ctx->estimates[(hash >> 32) % INGOT_ESTIMATES];
    if (entry->hash == hash)
        return entry->ns;
    *entry = (ingot_estimate){hash, ask(ctx, spec)};
    return entry->ns;
}

/* ---- Loop nests ---- */

/* Sizes of a value as it lies in memory; C16 has the lanes as its last dim. -1: too many elements. */
static int32_t physical_dims(const ingot_module *m, const ingot_type *type, int64_t *out)
{
    double count = 1;
    for (int32_t d = 0; d < type->rank; d++) {
        out[d] = size_of(m, type->dims[d]);
        count *= (double)out[d];
    }
    if (count > MOST_ELEMENTS)
        return -1;
    if (type->layout != INGOT_LAYOUT_C16)
        return type->rank;
    out[1] = (out[1] + 15) / 16;
    out[type->rank] = 16;
    return type->rank + 1;
}

static void dense_strides(int32_t rank, const int64_t *dims, int64_t *out)
{
    int64_t step = 1;
    for (int32_t d = rank - 1; d >= 0; d--) {
        out[d] = step;
        step *= dims[d];
    }
}

/* Strides of a dense operand over the result's `rank` dims: 0 where it is repeated. Vectors along the channels of a C16
 * result are read lane by lane. */
static void operand_strides(const ingot_module *m, const ingot_type *type, const ingot_type *result, int32_t rank,
                            const int64_t *dims, int64_t *out)
{
    int64_t own[MOST_DIMS], step = 1;
    bool blocked = result->layout == INGOT_LAYOUT_C16;
    memset(out, 0, (size_t)rank * sizeof *out);
    if (blocked && type->layout != INGOT_LAYOUT_C16) {
        if (ingot_type_count(type) != 1) {
            out[1] = 16;
            out[rank - 1] = 1;
        }
        return;
    }
    int32_t n = physical_dims(m, type, own), shift = rank - n;
    for (int32_t d = n - 1; d >= 0; d--) {
        if (d + shift >= 0 && own[d] > 1 && own[d] == dims[d + shift])
            out[d + shift] = step;
        step *= own[d];
    }
}

/* Neighbouring dims that all operands walk as one become one, as lowering will make them. */
static void collapse(ingot_spec *s)
{
    for (int32_t d = s->n_dims - 2; d >= 0; d--) {
        bool merge = true;
        for (int32_t k = 0; k < s->n_in + s->n_out && merge; k++)
            merge = s->dims[d] == 1 || s->dims[d + 1] == 1 ||
                    s->operands[k].strides[d] == s->operands[k].strides[d + 1] * s->dims[d + 1];
        if (!merge)
            continue;
        for (int32_t k = 0; k < s->n_in + s->n_out; k++)
            if (s->dims[d + 1] == 1)
                s->operands[k].strides[d + 1] = s->operands[k].strides[d];
        s->dims[d + 1] *= s->dims[d];
        for (int32_t i = d; i + 1 < s->n_dims; i++) {
            s->dims[i] = s->dims[i + 1];
            for (int32_t k = 0; k < s->n_in + s->n_out; k++)
                s->operands[k].strides[i] = s->operands[k].strides[i + 1];
        }
        s->n_dims--;
    }
}

/* ---- Kernels ---- */

static ingot_dtype result_dtype(const ingot_prog *prog, int32_t result)
{
    int32_t reg = prog->results[result];
    return (ingot_dtype)(reg < prog->n_args ? prog->arg_dtypes[reg] : prog->instrs[reg - prog->n_args].dtype);
}

double ingot_estimate_map(const ingot_pass_context *ctx, const ingot_module *m, const ingot_prog *prog,
                          const ingot_type *result, ingot_value *const *in)
{
    ingot_spec s = {.family = INGOT_FAMILY_map, .n_in = prog->n_args, .n_out = prog->n_results, .has_body = true};
    if (!ctx->cost_model || prog->n_args + prog->n_results > INGOT_SPEC_OPERANDS || result->rank < 0 ||
        result->rank + 2 > ingot_family_info_get(s.family)->n_dims)
        return 0;
    s.body = *prog;
    s.n_dims = physical_dims(m, result, s.dims);
    if (s.n_dims < 0)
        return 0;
    if (s.n_dims == 0)
        s.dims[s.n_dims++] = 1;
    for (int32_t k = 0; k < s.n_in + s.n_out; k++) {
        ingot_operand *o = &s.operands[k];
        const ingot_type *type = k < s.n_in ? &in[k]->type : result;
        o->dtype = k < s.n_in ? (ingot_dtype)prog->arg_dtypes[k] : result_dtype(prog, k - s.n_in);
        o->constant = k < s.n_in && ingot_value_literal(in[k]) != NULL;
        operand_strides(m, type, result, s.n_dims, s.dims, o->strides);
    }
    collapse(&s);
    return predict(ctx, &s);
}

double ingot_estimate_op(const ingot_pass_context *ctx, const ingot_op *op)
{
    ingot_prog prog;
    if (!ctx->cost_model || !ingot_is_elementwise(op) || op->n_in > INGOT_PROG_MAX_ARGS)
        return 0;
    ingot_prog_of(op, &prog);
    return prog.n_args == op->n_in ? ingot_estimate_map(ctx, op->graph->module, &prog, &op->out[0]->type, op->in) : 0;
}

double ingot_estimate_relayout(const ingot_pass_context *ctx, const ingot_module *m, const ingot_type *type,
                               ingot_layout to)
{
    ingot_spec s = {.family = INGOT_FAMILY_map, .n_in = 1, .n_out = 1, .has_body = true};
    if (!ctx->cost_model || type->rank < 2 || type->rank + 2 > ingot_family_info_get(s.family)->n_dims)
        return 0;
    ingot_type blocked = *type;
    blocked.layout = INGOT_LAYOUT_C16;
    s.n_dims = physical_dims(m, &blocked, s.dims);
    if (s.n_dims < 0)
        return 0;
    ingot_operand *plain = &s.operands[to == INGOT_LAYOUT_PLAIN], *c16 = &s.operands[to != INGOT_LAYOUT_PLAIN];
    int64_t space = 1;
    dense_strides(s.n_dims, s.dims, c16->strides);
    for (int32_t d = type->rank - 1; d >= 2; d--) {
        plain->strides[d] = space;
        space *= s.dims[d];
    }
    plain->strides[type->rank] = space;
    plain->strides[1] = 16 * space;
    plain->strides[0] = size_of(m, type->dims[1]) * space;
    plain->dtype = c16->dtype = type->dtype;
    s.body = (ingot_prog){.n_args = 1, .n_results = 1, .arg_dtypes = {(int16_t)type->dtype}};
    collapse(&s);
    return predict(ctx, &s);
}

double ingot_estimate_resize(const ingot_pass_context *ctx, const ingot_op *op, ingot_layout layout)
{
    ingot_spec s = {.family = INGOT_FAMILY_map, .n_in = 1, .n_out = 1, .has_body = true};
    ingot_type from = op->in[0]->type, to = op->out[0]->type;
    int64_t factors[INGOT_MAX_RANK], x_dims[MOST_DIMS], y_dims[MOST_DIMS], x[MOST_DIMS], y[MOST_DIMS];
    from.layout = to.layout = layout;
    int32_t most = ingot_family_info_get(s.family)->n_dims;
    int32_t rank = physical_dims(op->graph->module, &from, x_dims);
    if (!ctx->cost_model || rank < 0 || physical_dims(op->graph->module, &to, y_dims) < 0 ||
        !ingot_resize_repeats(op, factors))
        return 0;
    dense_strides(rank, x_dims, x);
    dense_strides(rank, y_dims, y);
    for (int32_t d = 0; d < rank; d++) {
        int64_t factor = d < from.rank ? factors[d] : 1;
        if (s.n_dims + 2 > most)
            return 0;
        s.dims[s.n_dims] = x_dims[d];
        s.operands[0].strides[s.n_dims] = x[d];
        s.operands[1].strides[s.n_dims++] = y[d] * factor;
        if (factor == 1)
            continue;
        s.dims[s.n_dims] = factor;
        s.operands[1].strides[s.n_dims++] = y[d];
    }
    s.operands[0].dtype = s.operands[1].dtype = from.dtype;
    s.body = (ingot_prog){.n_args = 1, .n_results = 1, .arg_dtypes = {(int16_t)from.dtype}};
    collapse(&s);
    return predict(ctx, &s);
}

double ingot_estimate_pool(const ingot_pass_context *ctx, const ingot_op *op, ingot_layout layout)
{
    const ingot_attrs_pool *a = op->attrs;
    const ingot_type *x = &op->in[0]->type, *y = &op->out[0]->type;
    bool blocked = layout == INGOT_LAYOUT_C16;
    int32_t spatial = x->rank - 2;
    ingot_spec s = {.family = INGOT_FAMILY_window, .n_dims = 7, .n_in = 1, .n_out = 1};
    if (!ctx->cost_model || spatial < 1 || spatial > 2)
        return 0;
    const ingot_module *m = op->graph->module;
    int64_t x_dims[MOST_DIMS], y_dims[MOST_DIMS];
    if (physical_dims(m, x, x_dims) < 0 || physical_dims(m, y, y_dims) < 0)
        return 0;
    int64_t channels = x_dims[1], lanes = blocked ? 16 : 1;
    const int64_t dims[7] = {y_dims[0], (channels + lanes - 1) / lanes, 1, 1, 1, 1, lanes};
    memcpy(s.dims, dims, sizeof dims);
    s.params[0] = op->kind == INGOT_OP_max_pool ? INGOT_SPEC_POOL_MAX : INGOT_SPEC_POOL_AVG;
    s.params[1] = s.params[2] = s.params[3] = s.params[4] = s.params[7] = s.params[8] = 1;
    for (int32_t d = 0; d < spatial; d++) {
        int32_t slot = d + 2 - spatial;
        s.dims[2 + slot] = y_dims[2 + d];
        s.dims[4 + slot] = a->kernel.v[d];
        s.params[1 + slot] = a->strides.v[d];
        s.params[3 + slot] = a->dilations.v[d];
        s.params[5 + slot] = a->pads.v[d];
        s.params[7 + slot] = x_dims[2 + d];
        s.params[10 + slot] = a->pads.v[spatial + d];
    }
    s.params[9] = a->count_include_pad != 0;
    for (int32_t k = 0; k < 2; k++) {
        int64_t rows = k == 0 ? s.params[7] : s.dims[2], columns = k == 0 ? s.params[8] : s.dims[3];
        int64_t *strides = s.operands[k].strides;
        s.operands[k].dtype = x->dtype;
        strides[3] = lanes;
        strides[2] = columns * lanes;
        strides[1] = rows * columns * lanes;
        strides[0] = s.dims[1] * strides[1];
        strides[6] = blocked ? 1 : 0;
    }
    return predict(ctx, &s);
}

/* ---- Products and convolutions with constant weights ---- */

static void set_operands(ingot_spec *s, const int64_t *in, const int64_t *out, int64_t lane)
{
    s->n_in = 2;
    s->n_out = 1;
    for (int32_t i = 0; i < 3; i++)
        s->operands[i].dtype = INGOT_F32;
    memcpy(s->operands[0].strides, in, (size_t)s->n_dims * sizeof *in);
    s->operands[1].access = INGOT_ACCESS_PACKED16;
    s->operands[1].constant = true;
    memcpy(s->operands[2].strides, out, (size_t)s->n_dims * sizeof *out);
    s->operands[2].lane = lane;
}

static void product_spec(const ingot_op *op, ingot_spec *s)
{
    const ingot_attrs_matmul *attrs = op->attrs;
    const ingot_type *y = &op->out[0]->type, *w = &op->in[1]->type;
    int64_t m = 1, n = ingot_dim_least(y->dims[y->rank - 1]), k = w->dims[w->rank - (attrs->trans_b ? 1 : 2)]->value;
    for (int32_t d = 0; d < y->rank - 1 && m < INT32_MAX; d++)
        m *= ingot_dim_least(y->dims[d]) < INT32_MAX ? ingot_dim_least(y->dims[d]) : INT32_MAX;
    const int64_t dims[5] = {1, 1, m, n, k}, in[5] = {0, 0, k, 0, 1}, out[5] = {0, 0, n, 1, 0};
    memcpy(s->dims, dims, sizeof dims);
    set_operands(s, in, out, 0);
}

static void conv_spec(const ingot_op *op, ingot_spec *s)
{
    enum { LARGE = 1 << 20 };
    const ingot_attrs_conv *a = op->attrs;
    const ingot_type *x = &op->in[0]->type, *y = &op->out[0]->type, *w = &op->in[1]->type;
    int64_t groups = a->groups > 0 ? a->groups : 1, ob = (w->dims[0]->value / groups + 15) / 16,
            cb = (w->dims[1]->value + 15) / 16, size[2][2] = {{1, 1}, {1, 1}}, taps[2] = {1, 1}, step[2] = {1, 1},
            reach[2] = {1, 1}, batch = ingot_dim_least(y->dims[0]);
    for (int32_t d = 0; d < x->rank - 2; d++) {
        int32_t at = d + 4 - x->rank;
        size[0][at] = ingot_dim_least(x->dims[2 + d]) < LARGE ? ingot_dim_least(x->dims[2 + d]) : LARGE;
        size[1][at] = ingot_dim_least(y->dims[2 + d]) < LARGE ? ingot_dim_least(y->dims[2 + d]) : LARGE;
        taps[at] = w->dims[2 + d]->value;
        step[at] = a->strides.v[d];
        reach[at] = a->dilations.v[d];
    }
    int64_t row = size[0][1] * 16, plane = size[0][0] * row, y_row = size[1][1] * 16, y_plane = size[1][0] * y_row;
    const int64_t dims[9] = {
        batch < LARGE ? batch : LARGE, groups, ob, size[1][0], size[1][1], cb, 16, taps[0], taps[1]};
    const int64_t in[9] = {groups * cb * plane, cb * plane,   0, step[0] * row, step[1] * 16, plane, 1,
                           reach[0] * row,      reach[1] * 16};
    const int64_t out[9] = {groups * ob * y_plane, ob * y_plane, y_plane, y_row, 16, 0, 0, 0, 0};
    memcpy(s->dims, dims, sizeof dims);
    s->params[0] = w->dims[0]->value / groups;
    set_operands(s, in, out, 1);
}

double ingot_estimate_product(const ingot_pass_context *ctx, const ingot_op *op, ingot_dtype in, ingot_dtype weights)
{
    ingot_spec spec = {.family = op->kind == INGOT_OP_conv ? INGOT_FAMILY_conv : INGOT_FAMILY_contract}, other;
    spec.n_dims = ingot_family_info_get(spec.family)->n_dims;
    snprintf(spec.target, sizeof spec.target, "%s", ctx->target->name);
    (op->kind == INGOT_OP_conv ? conv_spec : product_spec)(op, &spec);
    double winograd = INFINITY;
    for (int64_t m = 2; m <= 4 && !ctx->exact_conv && weights == INGOT_F32 && op->kind == INGOT_OP_conv; m += 2)
        if (ingot_winograd_from_conv(&spec, m, ctx->target, &other))
            winograd = fmin(winograd, predict(ctx, &other));
    spec.operands[0].dtype = in;
    spec.operands[1].dtype = weights;
    return fmin(predict(ctx, &spec), winograd);
}
