/* Building ops, taking them away, and looking at them. */
#include "passes/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- building ---- */

ingot_status ingot_build(ingot_op *before, ingot_op_kind kind, int32_t n_in, ingot_value *const *in, ingot_op **out)
{
    INGOT_TRY(ingot_graph_add_op(before->graph, before, kind, n_in, in, 1, out));
    (*out)->loc = before->loc;
    return NULL;
}

static ingot_status build_inferred(ingot_op *before, ingot_op_kind kind, int32_t n_in, ingot_value *const *in,
                                   ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_build(before, kind, n_in, in, &op));
    INGOT_TRY(ingot_op_infer(op));
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_build1(ingot_op *before, ingot_op_kind kind, ingot_value *a, ingot_value **out)
{
    return build_inferred(before, kind, 1, (ingot_value *[]){a}, out);
}

ingot_status ingot_build2(ingot_op *before, ingot_op_kind kind, ingot_value *a, ingot_value *b, ingot_value **out)
{
    return build_inferred(before, kind, 2, (ingot_value *[]){a, b}, out);
}

ingot_status ingot_build3(ingot_op *before, ingot_op_kind kind, ingot_value *a, ingot_value *b, ingot_value *c,
                          ingot_value **out)
{
    return build_inferred(before, kind, 3, (ingot_value *[]){a, b, c}, out);
}

ingot_status ingot_build_number(ingot_op *before, ingot_dtype dtype, double value, ingot_value **out)
{
    ingot_type type = ingot_type_make(dtype, 0, NULL);
    return ingot_graph_add_splat(before->graph, before, &type, value, out);
}

ingot_status ingot_build_cast(ingot_op *before, ingot_value *v, ingot_dtype to, ingot_value **out)
{
    *out = v;
    if (v->type.dtype == to)
        return NULL;
    ingot_op *op;
    INGOT_TRY(ingot_build(before, INGOT_OP_cast, 1, &v, &op));
    ingot_attrs_cast *attrs = op->attrs;
    attrs->to = to;
    attrs->saturate = 1;
    INGOT_TRY(ingot_op_infer(op));
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_build_reshape(ingot_op *before, ingot_value *v, int32_t rank, const ingot_dim *const *dims,
                                 ingot_value **out)
{
    ingot_type type = ingot_type_make(v->type.dtype, rank, dims);
    *out = v;
    if (ingot_same_shape(&type, &v->type))
        return NULL;
    ingot_op *op;
    INGOT_TRY(ingot_build(before, INGOT_OP_reshape, 1, &v, &op));
    INGOT_TRY(ingot_op_set_sym(op, rank, dims));
    INGOT_TRY(ingot_op_infer(op));
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_build_transpose(ingot_op *before, ingot_value *v, const int64_t *perm, ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_build(before, INGOT_OP_transpose, 1, &v, &op));
    ingot_attrs_perm *attrs = op->attrs;
    attrs->perm.n = v->type.rank;
    memcpy(attrs->perm.v, perm, (size_t)v->type.rank * sizeof *perm);
    INGOT_TRY(ingot_op_infer(op));
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_build_reduce(ingot_op *before, ingot_value *v, ingot_reduce_kind kind, const ingot_ints *axes,
                                bool keepdims, ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_build(before, INGOT_OP_reduce, 1, &v, &op));
    ingot_attrs_reduce *attrs = op->attrs;
    attrs->kind = kind;
    attrs->axes = *axes;
    attrs->keepdims = keepdims;
    INGOT_TRY(ingot_op_infer(op));
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_build_slice1(ingot_op *before, ingot_value *v, int64_t axis, const ingot_dim *start,
                                const ingot_dim *count, ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_build(before, INGOT_OP_slice, 1, &v, &op));
    ingot_attrs_slice *attrs = op->attrs;
    attrs->axes = (ingot_ints){1, {axis}};
    attrs->steps = (ingot_ints){1, {1}};
    INGOT_TRY(ingot_op_set_sym(op, 2, (const ingot_dim *[]){start, count}));
    INGOT_TRY(ingot_op_infer(op));
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_build_constant_f64(ingot_op *before, const ingot_type *type, const double *values, ingot_value **out)
{
    int64_t n = ingot_type_count(type);
    int64_t bytes = n < 0 ? -1 : ingot_dtype_bytes(type->dtype, n);
    if (bytes < 0)
        return ingot_fail(INGOT_INTERNAL, "a constant needs a fixed shape");
    void *data;
    INGOT_TRY(ingot_arena_array(&before->graph->module->arena, (size_t)bytes + 1, 1, &data));
    for (int64_t i = 0; i < n; i++)
        ingot_store_f64(data, type->dtype, i, values[i]);
    return ingot_graph_add_constant(before->graph, before, type, data, false, out);
}

void ingot_copy_attrs(ingot_op *to, const ingot_op *from)
{
    memcpy(to->attrs, from->attrs, ingot_attrs_table[ingot_op_info_get(from->kind)->attrs].size_bytes);
}

/* ---- taking away ---- */

static bool has_uses(const ingot_op *op)
{
    for (int32_t i = 0; i < op->n_out; i++) {
        if (ingot_value_has_uses(op->out[i]))
            return true;
    }
    return false;
}

bool ingot_op_may_go(const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    return info->pure && !info->data_sized && !has_uses(op);
}

void ingot_erase_dead(ingot_op *op)
{
    /* A stack of the definitions that may have lost their last use; what does not fit is left to dce.c. */
    ingot_op *stack[256];
    int32_t n = 0;
    stack[n++] = op;
    while (n) {
        ingot_op *dead = stack[--n];
        if (!ingot_op_is_linked(dead) || !ingot_op_may_go(dead))
            continue;
        for (int32_t i = 0; i < dead->n_in && n < 256; i++) {
            if (dead->in[i] && dead->in[i]->def)
                stack[n++] = dead->in[i]->def;
        }
        ingot_op_erase(dead);
    }
}

ingot_status ingot_replace_op(ingot_op *op, ingot_value *v)
{
    if (!ingot_type_equal(&op->out[0]->type, &v->type))
        return ingot_fail(INGOT_INTERNAL, "a rewrite of '%s' (%s) would change its type", op->loc ? op->loc : "",
                          ingot_op_info_get(op->kind)->name);
    if (!v->name)
        v->name = op->out[0]->name;
    ingot_value_replace_uses(op->out[0], v);
    ingot_erase_dead(op);
    return NULL;
}

/* ---- looking ---- */

ingot_op *ingot_def(const ingot_value *v, ingot_op_kind kind)
{
    return v && v->def && v->def->kind == kind && !v->def->prog ? v->def : NULL;
}

bool ingot_same_shape(const ingot_type *a, const ingot_type *b)
{
    if (a->rank != b->rank || a->rank < 0)
        return false;
    for (int32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i])
            return false;
    }
    return true;
}

bool ingot_broadcasts_to(const ingot_type *v, const ingot_type *to)
{
    if (v->rank < 0 || v->rank > to->rank)
        return false;
    for (int32_t i = 1; i <= v->rank; i++) {
        const ingot_dim *d = v->dims[v->rank - i];
        if (d != to->dims[to->rank - i] && !ingot_dim_is(d, 1))
            return false;
    }
    return true;
}

bool ingot_near(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-4 * fmax(fabs(a), fabs(b));
}

bool ingot_is_number(const ingot_value *v, double want)
{
    double value;
    return v && ingot_value_is_splat(v->graph->module, v, &value) && ingot_near(value, want);
}

bool ingot_match_number(const ingot_value *v, ingot_op_kind kind, ingot_value **out_x, double *out_number)
{
    const ingot_op *op = ingot_def(v, kind);
    if (!op || op->n_in != 2)
        return false;
    bool commutes = kind == INGOT_OP_add || kind == INGOT_OP_mul || kind == INGOT_OP_max || kind == INGOT_OP_min;
    for (int32_t i = 1; i >= (commutes ? 0 : 1); i--) {
        /* A splat operand of a larger shape would be part of the result's shape. */
        if (ingot_same_shape(&op->in[1 - i]->type, &v->type) &&
            ingot_value_is_splat(v->graph->module, op->in[i], out_number)) {
            *out_x = op->in[1 - i];
            return true;
        }
    }
    return false;
}

void ingot_strip_scale(ingot_value *v, ingot_value **out_x, double *out_scale)
{
    double number;
    *out_scale = 1;
    while (ingot_value_has_one_use(v)) {
        if (ingot_match_number(v, INGOT_OP_mul, &v, &number))
            *out_scale *= number;
        else if (ingot_match_number(v, INGOT_OP_div, &v, &number))
            *out_scale /= number;
        else
            break;
    }
    *out_x = v;
}

static bool program_dtype(ingot_dtype d)
{
    switch (d) {
    case INGOT_F32:
    case INGOT_F64:
    case INGOT_F16:
    case INGOT_BF16:
    case INGOT_I8:
    case INGOT_I16:
    case INGOT_I32:
    case INGOT_I64:
    case INGOT_U8:
    case INGOT_U16:
    case INGOT_U32:
    case INGOT_U64:
    case INGOT_BOOL:
        return true;
    default:
        return false;
    }
}

bool ingot_is_elementwise(const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    if (!info->scalar && op->kind != INGOT_OP_map)
        return false;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!op->in[i] || op->in[i]->type.rank < 0 || !program_dtype(op->in[i]->type.dtype))
            return false;
    }
    for (int32_t i = 0; i < op->n_out; i++) {
        if (op->out[i]->type.rank < 0 || !program_dtype(op->out[i]->type.dtype))
            return false;
    }
    if (op->kind == INGOT_OP_is_inf) { /* a program tests for both signs */
        const ingot_attrs_is_inf *attrs = op->attrs;
        return attrs->negative && attrs->positive;
    }
    return true;
}

int64_t ingot_value_bytes(const ingot_value *v)
{
    double n = ingot_dtype_bits(v->type.dtype) / 8.0;
    for (int32_t i = 0; i < v->type.rank; i++) {
        int64_t size = ingot_dim_typical(v->graph->module, v->type.dims[i]);
        n *= size > 1 ? (double)size : 1.0;
    }
    return n < 1e15 ? (int64_t)ceil(n) : (int64_t)1e15;
}

ingot_status ingot_constant_f64(ingot_module *m, const ingot_value *v, ingot_arena *arena, int64_t limit, double **out)
{
    *out = NULL;
    const ingot_literal *literal = ingot_value_literal(v);
    int64_t n = literal ? ingot_type_count(&v->type) : -1;
    if (n < 0 || n > limit || !ingot_dtype_is_float(v->type.dtype))
        return NULL;
    const void *data;
    void *values;
    INGOT_TRY(ingot_literal_get_data(m, literal, v->type.dtype, arena, &data));
    INGOT_TRY(ingot_arena_array(arena, (size_t)n + 1, sizeof(double), &values));
    *out = values;
    for (int64_t i = 0; i < n; i++)
        (*out)[i] = ingot_load_f64(data, v->type.dtype, i);
    return NULL;
}

/* ---- notes ---- */

void ingot_note(ingot_pass_context *ctx, const char *format, ...)
{
    if (!ctx->log)
        return;
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ctx->log(ctx->log_arg, line);
}

ingot_status ingot_check_cancel(ingot_pass_context *ctx)
{
    return ctx->cancelled ? ctx->cancelled(ctx->cancel_arg) : NULL;
}

ingot_status ingot_each_graph(ingot_module *m, ingot_pass_context *ctx, void *arg, ingot_graph_fn *body)
{
    /* Regions of erased ops stay in the module's list; only what main reaches counts. The list may grow while we walk.
     */
    ingot_arena scratch = {0};
    void *memory;
    int32_t n = 0, capacity = m->n_graphs;
    INGOT_TRY(ingot_arena_array(&scratch, (size_t)capacity + 1, sizeof(void *), &memory));
    ingot_graph **todo = memory;
    ingot_status err = NULL;
    if (m->n_graphs)
        todo[n++] = m->graphs[0];
    for (int32_t i = 0; i < n && !err; i++) {
        err = body(todo[i], ctx, arg);
        for (ingot_op *op = err ? NULL : todo[i]->first; op; op = op->next) {
            for (int r = 0; r < 2; r++) {
                if (op->regions[r] && n < capacity)
                    todo[n++] = op->regions[r];
            }
        }
    }
    ingot_arena_release(&scratch);
    return err;
}

ingot_status ingot_list_ops(ingot_graph *g, ingot_arena *arena, ingot_op ***out_ops, int32_t *out_count)
{
    size_t n = 0;
    void *memory;
    for (const ingot_op *op = g->first; op; op = op->next)
        n++;
    INGOT_TRY(ingot_arena_array(arena, n + 1, sizeof(ingot_op *), &memory));
    *out_ops = memory;
    *out_count = 0;
    for (ingot_op *op = g->first; op; op = op->next)
        (*out_ops)[(*out_count)++] = op;
    return NULL;
}

ingot_status ingot_each_op(ingot_graph *g, ingot_pass_context *ctx, ingot_op_fn *body)
{
    ingot_arena list = {0};
    ingot_op **ops;
    int32_t n = 0;
    ingot_status err = ingot_list_ops(g, &list, &ops, &n);
    for (int32_t i = 0; i < n && !err; i++) {
        if (!ingot_op_is_linked(ops[i]))
            continue;
        ingot_arena scratch = {0};
        err = body(ops[i], &scratch, ctx);
        ingot_arena_release(&scratch);
        if (!err && (i & 255) == 255)
            err = ingot_check_cancel(ctx);
    }
    ingot_arena_release(&list);
    return err;
}
