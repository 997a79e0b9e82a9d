/* Inference of result types: the entry, and what the rules share. */
#include "ir/shape.h"
#include <string.h>

#define MAX_CHECKS 10000 /* a list that is searched */

static const char *dim_text(const ingot_op *op, const ingot_dim *d, ingot_text *text)
{
    ingot_dim_print(module_of(op), d, text);
    return text->data ? text->data : "?";
}

static ingot_status mismatch(const ingot_op *op, const char *what, const ingot_dim *a, const ingot_dim *b)
{
    ingot_text ta = {0}, tb = {0};
    ingot_status status = BAD("%s: %s and %s differ", what, dim_text(op, a, &ta), dim_text(op, b, &tb));
    ingot_text_free(&ta);
    ingot_text_free(&tb);
    return status;
}

ingot_status ingot_infer_unify(ingot_op *op, const ingot_dim *a, const ingot_dim *b, const char *what,
                               const ingot_dim **out)
{
    *out = ingot_dim_is_const(b) ? b : a;
    if (a == b)
        return NULL;
    const ingot_dim *difference = ingot_dim_sub(module_of(op), a, b);
    if (difference->lo > 0 || difference->hi < 0)
        return mismatch(op, what, a, b);
    return ingot_module_require(module_of(op), INGOT_CHECK_EQUAL, a, b, op);
}

ingot_status ingot_infer_broadcast_dim(ingot_op *op, const ingot_dim *a, const ingot_dim *b, const ingot_dim **out)
{
    *out = a;
    if (a == b || ingot_dim_is(b, 1))
        return NULL;
    *out = b;
    if (ingot_dim_is(a, 1))
        return NULL;
    ingot_module *m = module_of(op);
    const ingot_dim *larger = ingot_dim_broadcast(m, a, b);
    if (!larger)
        return ingot_infer_unify(op, a, b, "sizes that broadcast (equal, or one of them 1)", out);
    *out = larger;
    /* Where a is a part of b or b of a, the op that made the larger one has checked them. */
    return larger == a || larger == b ? NULL : ingot_module_require(m, INGOT_CHECK_EQUAL_OR_ONE, a, b, op);
}

ingot_status ingot_infer_spread_dim(ingot_op *op, const ingot_dim *from, const ingot_dim *to, const char *what)
{
    const ingot_dim *merged, *larger;
    if (from == to || ingot_dim_is(from, 1))
        return NULL;
    ingot_module *m = module_of(op);
    larger = ingot_dim_is(to, 1) ? NULL : ingot_dim_broadcast(m, from, to);
    if (!larger)
        return ingot_infer_unify(op, from, to, what, &merged);
    if (larger == to)
        return NULL;
    INGOT_TRY(ingot_module_require(m, INGOT_CHECK_EQUAL_OR_ONE, from, to, op));
    return ingot_module_require(m, INGOT_CHECK_EQUAL, larger, to, op);
}

ingot_status ingot_infer_spread_into(ingot_op *op, const ingot_type *t, const ingot_type *to, const char *what)
{
    if (t->rank > to->rank)
        return BAD("%s: rank %d does not broadcast to rank %d", what, (int)t->rank, (int)to->rank);
    for (int32_t i = 1; i <= t->rank; i++)
        INGOT_TRY(ingot_infer_spread_dim(op, t->dims[t->rank - i], to->dims[to->rank - i], what));
    return NULL;
}

ingot_status ingot_infer_broadcast_into(ingot_op *op, ingot_type *into, const ingot_type *t)
{
    int32_t rank = into->rank > t->rank ? into->rank : t->rank;
    ingot_type result = *into;
    result.rank = rank;
    for (int32_t i = 0; i < rank; i++) {
        int32_t at = rank - 1 - i;
        const ingot_dim *a = i < into->rank ? into->dims[into->rank - 1 - i] : NULL;
        const ingot_dim *b = i < t->rank ? t->dims[t->rank - 1 - i] : NULL;
        if (!a || !b)
            result.dims[at] = a ? a : b;
        else
            INGOT_TRY(ingot_infer_broadcast_dim(op, a, b, &result.dims[at]));
    }
    *into = result;
    return NULL;
}

ingot_status ingot_infer_axis(int64_t *axis, int32_t rank)
{
    if (*axis < -rank || *axis >= rank)
        return BAD("axis %lld of a tensor of rank %d", (long long)*axis, (int)rank);
    if (*axis < 0)
        *axis += rank;
    return NULL;
}

ingot_status ingot_infer_axes(ingot_ints *axes, int32_t rank, bool *out_set)
{
    bool set[INGOT_MAX_RANK] = {false};
    if (axes->n < 0 || axes->n > rank)
        return BAD("%lld axes of a tensor of rank %d", (long long)axes->n, (int)rank);
    for (int64_t i = 0; i < axes->n; i++) {
        INGOT_TRY(ingot_infer_axis(&axes->v[i], rank));
        if (set[axes->v[i]])
            return BAD("axis %lld twice", (long long)axes->v[i]);
        set[axes->v[i]] = true;
    }
    if (out_set)
        memcpy(out_set, set, (size_t)rank * sizeof(bool));
    return NULL;
}

ingot_status ingot_infer_need_rank(const ingot_op *op, int32_t i, int32_t lo, int32_t hi)
{
    int32_t rank = in_type(op, i)->rank;
    if (rank >= lo && rank <= hi)
        return NULL;
    if (lo == hi)
        return BAD("operand %d has rank %d, expected %d", (int)i, (int)rank, (int)lo);
    return BAD("operand %d has rank %d, expected %d to %d", (int)i, (int)rank, (int)lo, (int)hi);
}

ingot_status ingot_infer_need_sym(const ingot_op *op, int32_t n)
{
    if (op->n_sym != n)
        return BAD("has %d sizes, expected %d", (int)op->n_sym, (int)n);
    return NULL;
}

ingot_status ingot_infer_need_same_dtype(const ingot_op *op, int32_t i, int32_t j)
{
    const ingot_type *a = in_type(op, i), *b = in_type(op, j);
    if (a && b && a->dtype != b->dtype)
        return BAD("operands %d and %d have types %s and %s, expected the same", (int)i, (int)j,
                   ingot_dtype_name(a->dtype), ingot_dtype_name(b->dtype));
    return NULL;
}

const ingot_dim *ingot_infer_data_symbol(ingot_op *op, const char *prefix, const ingot_dim *bound, int32_t result,
                                         int32_t axis)
{
    ingot_module *m = module_of(op);
    const ingot_type *now = &op->out[result]->type;
    const ingot_dim *d = now->rank > axis ? now->dims[axis] : NULL;
    if (!d || d->kind != INGOT_DIM_SYMBOL || !ingot_module_symbol(m, (int32_t)d->value)->from_data)
        d = ingot_symbol_fresh(m, prefix, 0, bound->hi < 0 ? 0 : bound->hi, true);
    if (d->kind == INGOT_DIM_SYMBOL && bound != d)
        m->dims->symbols[d->value]->bound = bound;
    return d;
}

/* Which operands a row with in_lo <= i may leave out is the rule's to know; those below in_lo are required. */
static ingot_status check_operands(const ingot_op *op, const ingot_op_info *info)
{
    if (op->n_in < info->in_lo || (info->in_hi >= 0 && op->n_in > info->in_hi))
        return BAD("%d operands", (int)op->n_in);
    if (op->n_out < info->out_lo || (info->out_hi >= 0 && op->n_out > info->out_hi))
        return BAD("%d results", (int)op->n_out);
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!op->in[i]) {
            bool may = i >= info->in_lo || op->kind == INGOT_OP_loop || op->kind == INGOT_OP_dynamic_quantize;
            if (!may)
                return BAD("operand %d is left out", (int)i);
        } else if (op->in[i]->type.rank > INGOT_MAX_RANK) {
            return ingot_fail(INGOT_LIMIT, "operand %d has rank %d, more than %d", (int)i, (int)op->in[i]->type.rank,
                              INGOT_MAX_RANK);
        } else if (ingot_type_is_boxed(&op->in[i]->type) && !op->regions[0] && op->kind != INGOT_OP_identity &&
                   ingot_op_boxed(op->kind) < 0) {
            return ingot_fail(INGOT_UNSUPPORTED, "operand %d has an unknown rank", (int)i);
        }
    }
    return NULL;
}

/* An epilogue gives the result its type; its operands broadcast to the result's shape. */
static ingot_status apply_epilogue(ingot_op *op)
{
    const ingot_prog *prog = op->prog;
    ingot_type *result = &op->out[0]->type;
    if (op->n_base < 0 || op->n_base > op->n_in || prog->n_results < 1 || prog->n_args != 1 + op->n_in - op->n_base)
        return BAD("an epilogue of %d arguments and %d results for %d operands", (int)prog->n_args,
                   (int)prog->n_results, (int)(op->n_in - op->n_base));
    for (int32_t i = op->n_base; i < op->n_in; i++) {
        const ingot_type *t = in_type(op, i);
        if (!t)
            return BAD("epilogue operand %d is left out", (int)i);
        INGOT_TRY(ingot_infer_spread_into(op, t, result, "epilogue operand and result"));
    }
    ingot_dtype dtype = ingot_prog_register_dtype(prog, prog->results[0]);
    if (dtype == INGOT_UNDEFINED)
        return BAD("the epilogue's result has no type");
    result->dtype = dtype;
    return NULL;
}

static ingot_status infer(ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    INGOT_TRY(check_operands(op, info));
    INGOT_TRY(ingot_op_shape_rule(op->kind)(op));
    if (op->prog && ingot_op_takes_epilogue(op->kind))
        INGOT_TRY(apply_epilogue(op));
    for (int32_t i = 0; i < op->n_out; i++) {
        const ingot_type *t = &op->out[i]->type;
        for (int32_t k = 0; k < t->rank; k++) {
            if (!t->dims[k])
                return ingot_fail(INGOT_INTERNAL, "no size for axis %d of result %d", (int)k, (int)i);
            if (t->dims[k]->hi < 0) {
                ingot_text text = {0};
                ingot_status status = BAD("result %d has the negative size %s on axis %d", (int)i,
                                          dim_text(op, t->dims[k], &text), (int)k);
                ingot_text_free(&text);
                return status;
            }
        }
    }
    INGOT_TRY(ingot_op_infer_content(op));
    return ingot_dims_check(module_of(op));
}

ingot_status ingot_op_infer(ingot_op *op)
{
    ingot_status status = infer(op);
    if (!status)
        return NULL;
    ingot_text text = {0};
    for (int32_t i = 0; i < op->n_in && i < 16; i++) {
        ingot_text_append(&text, i ? ", " : "");
        if (op->in[i])
            ingot_type_print(module_of(op), &op->in[i]->type, &text);
        else
            ingot_text_append(&text, "none");
    }
    if (op->n_in > 16)
        ingot_text_append(&text, ", ...");
    status = ingot_status_note(status, "%s: ingot.%s(%s)", op->loc ? op->loc : "op", ingot_op_info_get(op->kind)->name,
                               text.data ? text.data : "");
    ingot_text_free(&text);
    return status;
}

ingot_status ingot_module_require(ingot_module *m, ingot_check_kind kind, const ingot_dim *a, const ingot_dim *b,
                                  const ingot_op *op)
{
    static const char *const formats[] = {
        [INGOT_CHECK_EQUAL] = "%s needs %s == %s",
        [INGOT_CHECK_EQUAL_OR_ONE] = "%s needs %s and %s to be equal, or one of them 1",
        [INGOT_CHECK_DIVIDES] = "%s needs %s to divide %s",
    };
    if (kind == INGOT_CHECK_DIVIDES ? ingot_dim_is(a, 1) || ingot_dim_is(ingot_dim_mod(m, b, a), 0) : a == b)
        return NULL;
    const ingot_graph *main_graph = m->n_graphs ? m->graphs[0] : NULL, *graph = op ? op->graph : main_graph;
    int32_t n = 0;
    for (const ingot_check *c = m->checks; c; c = c->next, n++) {
        if (c->kind == kind && c->a == a && c->b == b && (c->graph == graph || c->graph == main_graph))
            return NULL;
    }
    if (n >= MAX_CHECKS)
        return ingot_fail(INGOT_LIMIT, "more than %d relations between sizes are left to the run", MAX_CHECKS);
    ingot_text ta = {0}, tb = {0};
    ingot_dim_print(m, a, &ta);
    ingot_dim_print(m, b, &tb);
    char where[32] = "a shape";
    const char *place = op && op->loc ? op->loc : op ? ingot_op_info_get(op->kind)->name : where;
    char *message =
        ta.failed || tb.failed ? NULL : ingot_arena_printf(&m->arena, formats[kind], place, ta.data, tb.data);
    ingot_text_free(&ta);
    ingot_text_free(&tb);
    void *memory;
    INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof(ingot_check), &memory));
    if (!message)
        return ingot_status_no_memory();
    ingot_check *check = memory;
    *check = (ingot_check){kind, a, b, message, graph, m->checks};
    m->checks = check;
    return NULL;
}
