/* Constants and sizes: an op whose operands are constants becomes one; an op whose contents are sizes becomes `dims`.
 *
 * Splats stay splats whatever their size, a reshape of a constant shares its bytes, and a result that is large and
 * larger than what it is made of stays an op (max_fold_bytes).
 */
#include "passes/internal.h"
#include <string.h>

/* Ops that hand elements on without looking at them: of a splat they make a splat. */
static bool moves_elements(ingot_op_kind kind)
{
    switch (kind) {
    case INGOT_OP_identity:
    case INGOT_OP_reshape:
    case INGOT_OP_transpose:
    case INGOT_OP_broadcast:
    case INGOT_OP_slice:
    case INGOT_OP_reverse:
        return true;
    default:
        return false;
    }
}

/* True for splats and constants of one element. */
static bool is_splat(const ingot_value *v)
{
    const ingot_literal *literal = v ? ingot_value_literal(v) : NULL;
    return literal && (literal->kind == INGOT_LITERAL_SPLAT || ingot_type_count(&v->type) == 1);
}

/* The literal of such a value as a splat. */
static ingot_status get_splat(ingot_module *m, const ingot_value *v, ingot_literal *out)
{
    const ingot_literal *literal = ingot_value_literal(v);
    *out = (ingot_literal){.kind = INGOT_LITERAL_SPLAT, .data = literal->data};
    return literal->kind == INGOT_LITERAL_FILE
               ? ingot_literal_get_data(m, literal, v->type.dtype, &m->arena, &out->data)
               : NULL;
}

static ingot_status add_literal(ingot_op *op, ingot_value *like, const ingot_literal *literal, ingot_value **out)
{
    ingot_op *made;
    ingot_module *m = op->graph->module;
    INGOT_TRY(ingot_build(op, INGOT_OP_constant, 0, NULL, &made));
    void *copy;
    INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof(ingot_literal), &copy));
    made->literal = copy;
    *made->literal = *literal;
    int64_t bytes = ingot_dtype_bytes(like->type.dtype, ingot_type_count(&like->type));
    made->literal->size_bytes = bytes;
    made->out[0]->type = like->type;
    made->out[0]->name = like->name;
    made->out[0]->content = like->content;
    made->out[0]->n_content = like->n_content;
    *out = made->out[0];
    return NULL;
}

/* Result i of `op` with known contents: a constant, or `dims`. */
static ingot_status fold_content(ingot_op *op, int32_t i, bool *changed)
{
    ingot_value *v = op->out[i];
    if (!v->content || !ingot_value_has_uses(v) || !ingot_type_is_static(&v->type) || v->type.rank > 1 ||
        !ingot_dtype_is_integer(v->type.dtype) || v->type.layout != INGOT_LAYOUT_PLAIN ||
        ingot_type_count(&v->type) != v->n_content)
        return NULL;
    bool constant = true;
    for (int32_t j = 0; j < v->n_content; j++) {
        if (!v->content[j])
            return NULL;
        constant = constant && ingot_dim_is_const(v->content[j]);
    }
    ingot_value *made;
    if (constant) {
        int64_t data[INGOT_MAX_CONTENT + 1]; /* room for any integer type */
        for (int32_t j = 0; j < v->n_content; j++)
            ingot_store_i64(data, v->type.dtype, j, v->content[j]->value);
        INGOT_TRY(ingot_graph_add_constant(op->graph, op, &v->type, data, true, &made));
    } else {
        if (op->kind == INGOT_OP_dims)
            return NULL;
        /* A cast of dims is as far as other integer types get. */
        if (v->type.dtype != INGOT_I64 && op->kind == INGOT_OP_cast && op->in[0]->def &&
            op->in[0]->def->kind == INGOT_OP_dims)
            return NULL;
        ingot_op *dims;
        INGOT_TRY(ingot_build(op, INGOT_OP_dims, 0, NULL, &dims));
        INGOT_TRY(ingot_op_set_sym(dims, v->n_content, v->content));
        dims->out[0]->type = ingot_type_make(INGOT_I64, v->type.rank, v->type.dims);
        dims->out[0]->content = v->content;
        dims->out[0]->n_content = v->n_content;
        INGOT_TRY(ingot_build_cast(op, dims->out[0], v->type.dtype, &made));
    }
    if (!ingot_type_equal(&made->type, &v->type)) {
        ingot_erase_dead(made->def);
        return NULL;
    }
    made->content = v->content;
    made->n_content = v->n_content;
    if (!made->name)
        made->name = v->name;
    ingot_value_replace_uses(v, made);
    *changed = true;
    return NULL;
}

/* An elementwise op on splats alone: evaluated once, on scalars. */
static ingot_status fold_scalar(ingot_op *op, ingot_arena *scratch, ingot_value **out)
{
    ingot_value *in[INGOT_PROG_MAX_ARGS];
    ingot_graph *g = op->graph;
    for (int32_t i = 0; i < op->n_in; i++) {
        ingot_literal element;
        INGOT_TRY(get_splat(g->module, op->in[i], &element));
        ingot_type type = ingot_type_make(op->in[i]->type.dtype, 0, NULL);
        INGOT_TRY(ingot_graph_add_constant(g, op, &type, element.data, false, &in[i]));
    }
    ingot_op *scalar;
    INGOT_TRY(ingot_build(op, op->kind, op->n_in, in, &scalar));
    ingot_copy_attrs(scalar, op);
    scalar->prog = op->prog;
    void *data[4] = {0};
    ingot_status err = ingot_op_infer(scalar);
    if (!err)
        err = ingot_op_evaluate(scalar, scratch, data);
    ingot_dtype dtype = scalar->out[0]->type.dtype;
    ingot_erase_dead(scalar);
    if (err || dtype != op->out[0]->type.dtype)
        return err;
    void *copy;
    INGOT_TRY(ingot_arena_array(&g->module->arena, 1, 16, &copy));
    memcpy(copy, data[0], (size_t)ingot_dtype_bytes(dtype, 1));
    return add_literal(op, op->out[0], &(ingot_literal){.kind = INGOT_LITERAL_SPLAT, .data = copy}, out);
}

/* Evaluates `op` and puts constants in place of its results. */
static ingot_status fold_dense(ingot_op *op, ingot_arena *scratch, bool *changed)
{
    ingot_module *m = op->graph->module;
    void *data[4] = {0};
    if (op->n_out > 4)
        return NULL;
    ingot_status err = ingot_op_evaluate(op, scratch, data);
    if (ingot_status_code(err) == INGOT_UNSUPPORTED || ingot_status_code(err) == INGOT_BAD_MODEL) {
        ingot_status_free(err); /* what cannot be evaluated here fails, with its own message, when it is run */
        return NULL;
    }
    INGOT_TRY(err);
    for (int32_t i = 0; i < op->n_out; i++) {
        if (!ingot_value_has_uses(op->out[i]))
            continue;
        int64_t bytes = ingot_dtype_bytes(op->out[i]->type.dtype, ingot_type_count(&op->out[i]->type));
        void *copy;
        INGOT_TRY(ingot_arena_array(&m->arena, (size_t)bytes + 1, 1, &copy));
        if (bytes)
            memcpy(copy, data[i], (size_t)bytes);
        ingot_value *made;
        INGOT_TRY(add_literal(op, op->out[i], &(ingot_literal){.kind = INGOT_LITERAL_MEMORY, .data = copy}, &made));
        ingot_value_replace_uses(op->out[i], made);
    }
    *changed = true;
    return NULL;
}

static bool foldable(const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    if (!info->foldable || info->data_sized || op->n_in > INGOT_PROG_MAX_ARGS || (op->prog && op->kind != INGOT_OP_map))
        return false;
    bool used = false;
    for (int32_t i = 0; i < op->n_out; i++) {
        if (!ingot_type_is_static(&op->out[i]->type) || op->out[i]->type.layout != INGOT_LAYOUT_PLAIN ||
            op->out[i]->type.dtype == INGOT_STRING || ingot_type_count(&op->out[i]->type) < 0)
            return false;
        used = used || ingot_value_has_uses(op->out[i]);
    }
    for (int32_t i = 0; i < op->n_in; i++) {
        if (op->in[i] && (!ingot_value_literal(op->in[i]) || op->in[i]->type.dtype == INGOT_STRING))
            return false;
    }
    for (int32_t i = 0; i < op->n_sym; i++) {
        if (!ingot_dim_is_const(op->sym[i]))
            return false;
    }
    return used;
}

static bool all_splats(const ingot_op *op)
{
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!is_splat(op->in[i]))
            return false;
    }
    return op->n_in > 0;
}

/* A transpose of the last two axes costs nothing inside matmul: simplify_shape.c moves it there, rather than making a
 * copy of weights. */
static bool goes_into_matmul(const ingot_op *op)
{
    if (op->kind != INGOT_OP_transpose || ingot_value_bytes(op->out[0]) < 65536)
        return false;
    for (const ingot_use *use = op->out[0]->uses; use; use = use->next) {
        if (!use->op || use->op->kind != INGOT_OP_matmul || use->index > 1)
            return false;
    }
    const ingot_attrs_perm *attrs = op->attrs;
    for (int32_t i = 0, n = (int32_t)attrs->perm.n; i < n; i++) {
        if (attrs->perm.v[i] != (i < n - 2 ? i : i == n - 2 ? n - 1 : n - 2))
            return false;
    }
    return attrs->perm.n >= 2;
}

ingot_status ingot_fold_op(ingot_op *op, ingot_pass_context *ctx, bool *changed)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    if (op->kind == INGOT_OP_constant || !info->pure)
        return NULL;
    for (int32_t i = 0; i < op->n_out; i++)
        INGOT_TRY(fold_content(op, i, changed));
    if (!foldable(op))
        return NULL;

    ingot_value *made = NULL;
    if (moves_elements(op->kind) && is_splat(op->in[0])) {
        ingot_literal splat;
        INGOT_TRY(get_splat(op->graph->module, op->in[0], &splat));
        INGOT_TRY(add_literal(op, op->out[0], &splat, &made));
    } else if (op->kind == INGOT_OP_reshape || op->kind == INGOT_OP_identity) {
        INGOT_TRY(add_literal(op, op->out[0], ingot_value_literal(op->in[0]), &made));
    }
    ingot_arena scratch = {0};
    ingot_status err = NULL;
    if (!made && (info->scalar || op->kind == INGOT_OP_map) && op->n_out == 1 && all_splats(op))
        err = fold_scalar(op, &scratch, &made);
    if (!err && made) {
        err = ingot_replace_op(op, made);
        *changed = true;
    } else if (!err && !goes_into_matmul(op)) {
        int64_t in_bytes = 0, out_bytes = 0;
        for (int32_t i = 0; i < op->n_in; i++)
            in_bytes += op->in[i] && !is_splat(op->in[i]) ? ingot_value_bytes(op->in[i]) : 16;
        for (int32_t i = 0; i < op->n_out; i++)
            out_bytes += ingot_value_bytes(op->out[i]);
        int64_t limit = ctx->max_fold_bytes > 0 ? ctx->max_fold_bytes : op->graph->module->limits->max_fold_bytes;
        /* A splat operand that is expanded to be read counts as what it becomes. */
        int64_t expanded = 0;
        for (int32_t i = 0; i < op->n_in; i++)
            expanded += is_splat(op->in[i]) ? ingot_value_bytes(op->in[i]) : 0;
        if ((out_bytes <= limit || out_bytes <= in_bytes) && expanded <= limit)
            err = fold_dense(op, &scratch, changed);
    }
    ingot_arena_release(&scratch);
    return err;
}
