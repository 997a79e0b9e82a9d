/* What a rewrite would cost: the kernel that an op becomes, as a spec of dense operands, before anything is lowered. */
#include "costmodel/decide.h"
#include "passes/internal.h"
#include <stdio.h>
#include <string.h>

#define MOST_DIMS (INGOT_MAX_RANK + 1)

static int64_t low_end(const ingot_dim *d)
{
    return d->lo > 1 ? d->lo : 1;
}

static double predict(const ingot_pass_context *ctx, ingot_spec *spec)
{
    ingot_choice choice;
    snprintf(spec->target, sizeof spec->target, "%s", ctx->target->name);
    const ingot_cost_query query = {.spec = spec, .target = ctx->target};
    ingot_status status = ingot_decide(ctx->cost_model, &query, spec, &choice);
    if (!status)
        return choice.ns;
    ingot_status_free(status);
    return ingot_cost_predict(ctx->cost_model, &query).ns;
}

/* ---- Loop nests ---- */

/* Sizes of a value as it lies in memory; C16 has the lanes as its last dim. */
static int32_t physical_dims(const ingot_type *type, int64_t *out)
{
    for (int32_t d = 0; d < type->rank; d++)
        out[d] = low_end(type->dims[d]);
    if (type->layout != INGOT_LAYOUT_C16)
        return type->rank;
    out[1] = (out[1] + 15) / 16;
    out[type->rank] = 16;
    return type->rank + 1;
}

/* Strides of a dense operand over the result's `rank` dims: 0 where it is repeated. Vectors along the channels of a C16
 * result are read lane by lane. */
static void operand_strides(const ingot_type *type, const ingot_type *result, int32_t rank, const int64_t *dims,
                            int64_t *out)
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
    int32_t n = physical_dims(type, own), shift = rank - n;
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

double ingot_estimate_map(const ingot_pass_context *ctx, const ingot_prog *prog, const ingot_type *result,
                          ingot_value *const *in)
{
    ingot_spec s = {.family = INGOT_FAMILY_map, .n_in = prog->n_args, .n_out = prog->n_results, .has_body = true};
    if (!ctx->cost_model || prog->n_args + prog->n_results > INGOT_SPEC_OPERANDS || result->rank < 0 ||
        result->rank + 2 > ingot_family_info_get(s.family)->n_dims)
        return 0;
    s.body = *prog;
    s.n_dims = physical_dims(result, s.dims);
    if (s.n_dims == 0)
        s.dims[s.n_dims++] = 1;
    for (int32_t k = 0; k < s.n_in + s.n_out; k++) {
        ingot_operand *o = &s.operands[k];
        const ingot_type *type = k < s.n_in ? &in[k]->type : result;
        o->dtype = k < s.n_in ? (ingot_dtype)prog->arg_dtypes[k] : result_dtype(prog, k - s.n_in);
        o->constant = k < s.n_in && ingot_value_literal(in[k]) != NULL;
        operand_strides(type, result, s.n_dims, s.dims, o->strides);
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
    return prog.n_args == op->n_in ? ingot_estimate_map(ctx, &prog, &op->out[0]->type, op->in) : 0;
}

double ingot_estimate_relayout(const ingot_pass_context *ctx, const ingot_type *type, ingot_layout to)
{
    ingot_spec s = {.family = INGOT_FAMILY_map, .n_in = 1, .n_out = 1, .has_body = true};
    if (!ctx->cost_model || type->rank < 2 || type->rank + 2 > ingot_family_info_get(s.family)->n_dims)
        return 0;
    ingot_type blocked = *type;
    blocked.layout = INGOT_LAYOUT_C16;
    s.n_dims = physical_dims(&blocked, s.dims);
    ingot_operand *plain = &s.operands[to == INGOT_LAYOUT_PLAIN], *c16 = &s.operands[to != INGOT_LAYOUT_PLAIN];
    int64_t space = 1, step = 1;
    for (int32_t d = type->rank; d >= 0; d--) {
        c16->strides[d] = step;
        step *= s.dims[d];
    }
    for (int32_t d = type->rank - 1; d >= 2; d--) {
        plain->strides[d] = space;
        space *= s.dims[d];
    }
    plain->strides[type->rank] = space;
    plain->strides[1] = 16 * space;
    plain->strides[0] = low_end(type->dims[1]) * space;
    plain->dtype = c16->dtype = type->dtype;
    s.body = (ingot_prog){.n_args = 1, .n_results = 1, .arg_dtypes = {(int16_t)type->dtype}};
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
    int64_t channels = low_end(x->dims[1]), lanes = blocked ? 16 : 1;
    const int64_t dims[7] = {low_end(y->dims[0]), (channels + lanes - 1) / lanes, 1, 1, 1, 1, lanes};
    memcpy(s.dims, dims, sizeof dims);
    s.params[0] = op->kind == INGOT_OP_max_pool ? INGOT_SPEC_POOL_MAX : INGOT_SPEC_POOL_AVG;
    s.params[1] = s.params[2] = s.params[3] = s.params[4] = s.params[7] = s.params[8] = 1;
    for (int32_t d = 0; d < spatial; d++) {
        int32_t slot = d + 2 - spatial;
        s.dims[2 + slot] = low_end(y->dims[2 + d]);
        s.dims[4 + slot] = a->kernel.v[d];
        s.params[1 + slot] = a->strides.v[d];
        s.params[3 + slot] = a->dilations.v[d];
        s.params[5 + slot] = a->pads.v[d];
        s.params[7 + slot] = low_end(x->dims[2 + d]);
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
