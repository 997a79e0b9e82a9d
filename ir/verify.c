/* The verifier: what every pass may rely on. Runs after import, and after each pass in debug builds. */
#include "ir/internal.h"
#include <string.h>

static ingot_status fault(const ingot_op *op, const char *what, long long number)
{
    return ingot_fail(INGOT_INTERNAL, "verifier: %s: ingot.%s (op %u): %s (%lld)", op->loc ? op->loc : "op",
                      ingot_op_info_get(op->kind) ? ingot_op_info_get(op->kind)->name : "?", (unsigned)op->id, what,
                      number);
}

static ingot_status check_type(const ingot_op *op, const ingot_type *t, int32_t i)
{
    if (t->dtype <= INGOT_UNDEFINED || t->dtype >= INGOT_DTYPE_COUNT)
        return fault(op, "result without an element type", i);
    if (t->rank < -1 || t->rank > INGOT_MAX_RANK)
        return fault(op, "result with a bad rank", i);
    for (int32_t k = 0; k < t->rank; k++) {
        if (!t->dims[k])
            return fault(op, "result with a missing size", i);
    }
    if ((unsigned)t->form > INGOT_FORM_OPTIONAL_SEQUENCE || (t->form != INGOT_FORM_TENSOR && t->rank >= 0) ||
        (t->rank < 0 && (t->inner_rank < INGOT_RANK_NONE || t->inner_rank > INGOT_MAX_RANK)))
        return fault(op, "boxed result of a bad form or inner rank", i);
    if (t->layout != INGOT_LAYOUT_PLAIN && (t->layout != INGOT_LAYOUT_C16 || t->rank < 3))
        return fault(op, "result with a bad layout", i);
    return NULL;
}

static bool has_use(const ingot_value *v, const ingot_op *op, int32_t index)
{
    for (const ingot_use *use = v->uses; use; use = use->next) {
        if (use->op == op && use->index == index)
            return true;
    }
    return false;
}

/* Uses are counted, not searched for, so that values with many uses cost no more: each operand adds one, each use takes
 * one. */
typedef struct {
    int64_t *uses; /* by value id */
    bool *defined; /* by value id: seen above */
    uint32_t n;
} book;

static ingot_status check_region(const ingot_op *op)
{
    int32_t n_regions = (op->regions[0] != NULL) + (op->regions[1] != NULL);
    int32_t expected = op->kind == INGOT_OP_if ? 2 : op->kind == INGOT_OP_loop ? 1 : 0;
    if (n_regions != expected)
        return fault(op, "regions", n_regions);
    for (int32_t i = 0; i < n_regions; i++) {
        const ingot_graph *g = op->regions[i];
        if (g->parent != op)
            return fault(op, "region of another op", i);
        int32_t captures = op->kind == INGOT_OP_if ? op->n_in - 1 : op->n_in - 2;
        int32_t params = op->kind == INGOT_OP_if ? captures : captures + 2;
        if (g->n_params != params)
            return fault(op, "region parameters", g->n_params);
        int32_t results = op->kind == INGOT_OP_if ? op->n_out : op->n_out + 1;
        if (g->n_results != results)
            return fault(op, "region results", g->n_results);
    }
    if (op->kind == INGOT_OP_loop && (op->n_carried < 0 || op->n_carried > op->n_in - 2 || op->n_carried > op->n_out))
        return fault(op, "carried values", op->n_carried);
    return NULL;
}

/* One layout per op, but for relayout, constants' parameters and scalars. */
static ingot_status check_layouts(const ingot_op *op)
{
    if (op->kind == INGOT_OP_relayout || op->n_in == 0 || op->n_out == 0 || op->regions[0])
        return NULL;
    bool elementwise = ingot_op_info_get(op->kind)->scalar || op->kind == INGOT_OP_map;
    ingot_layout layout = op->out[0]->type.layout;
    for (int32_t i = 0; i < op->n_in; i++) {
        const ingot_type *t = op->in[i] ? &op->in[i]->type : NULL;
        if (!t || t->layout == layout)
            continue;
        bool parameter = t->layout == INGOT_LAYOUT_PLAIN && layout == INGOT_LAYOUT_C16 &&
                         (ingot_type_count(t) == 1 || (!elementwise && i > 0) ||
                          ingot_value_literal(op->in[i])); /* weights, per-channel constants */
        /* A convolution may read a plain image and a reduction may leave either layout for the other. */
        bool converts =
            op->kind == INGOT_OP_reduce ||
            ((op->kind == INGOT_OP_conv || op->kind == INGOT_OP_conv_bf16 || op->kind == INGOT_OP_conv_integer) &&
             i == 0);
        if (!parameter && !converts)
            return fault(op, "operands of different layouts", i);
    }
    return NULL;
}

static ingot_status check_op(const ingot_op *op, const ingot_graph *g, book *b)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    if (!info)
        return ingot_fail(INGOT_INTERNAL, "verifier: op %u of unknown kind %d", (unsigned)op->id, (int)op->kind);
    if (op->graph != g)
        return fault(op, "op of another graph", 0);
    if (op->n_in < info->in_lo || (info->in_hi >= 0 && op->n_in > info->in_hi))
        return fault(op, "operands", op->n_in);
    if (op->n_out < info->out_lo || (info->out_hi >= 0 && op->n_out > info->out_hi))
        return fault(op, "results", op->n_out);
    if (op->n_base < 0 || op->n_base > op->n_in)
        return fault(op, "base operands", op->n_base);
    if (!op->attrs)
        return fault(op, "no attributes", 0);
    for (int32_t i = 0; i < op->n_in; i++) {
        const ingot_value *v = op->in[i];
        if (!v)
            continue;
        if (v->graph != g)
            return fault(op, "operand of another graph", i);
        if (v->id >= b->n || !b->defined[v->id])
            return fault(op, "operand defined below", i);
        if (ingot_type_is_boxed(&v->type) && !op->regions[0] && op->kind != INGOT_OP_identity &&
            ingot_op_boxed(op->kind) < 0)
            return fault(op, "boxed operand of an op that takes none", i);
        b->uses[v->id]++;
    }
    for (int32_t i = 0; i < op->n_sym; i++) {
        if (!op->sym[i])
            return fault(op, "missing size in sym", i);
    }
    if (op->prog && (op->kind == INGOT_OP_map || ingot_op_takes_epilogue(op->kind)))
        INGOT_TRY(ingot_prog_verify(op->prog));
    if ((op->kind == INGOT_OP_constant) != (op->literal != NULL))
        return fault(op, "literal", op->literal != NULL);
    INGOT_TRY(check_region(op));
    for (int32_t i = 0; i < op->n_out; i++) {
        const ingot_value *v = op->out[i];
        if (!v || v->def != op || v->def_index != i || v->graph != g || v->id >= b->n)
            return fault(op, "result of another op", i);
        if (b->defined[v->id])
            return fault(op, "value id twice", v->id);
        INGOT_TRY(check_type(op, &v->type, i));
    }
    return check_layouts(op);
}

static ingot_status check_uses(const ingot_value *v, book *b)
{
    int64_t n = 0;
    for (const ingot_use *use = v->uses; use; use = use->next, n++) {
        bool there = use->op ? use->index < use->op->n_in && use->op->in[use->index] == v
                             : use->index < v->graph->n_results && v->graph->results[use->index] == v;
        if (!there || (!use->next && use != v->last_use))
            return ingot_fail(INGOT_INTERNAL, "verifier: value %%%u: its list of uses names a place without it",
                              (unsigned)v->id);
    }
    if (n != b->uses[v->id])
        return ingot_fail(INGOT_INTERNAL, "verifier: value %%%u: %lld uses listed, %lld found", (unsigned)v->id,
                          (long long)n, (long long)b->uses[v->id]);
    return NULL;
}

static ingot_status check_graph(const ingot_graph *g, book *b)
{
    for (int32_t i = 0; i < g->n_params; i++) {
        if (g->params[i]->id >= b->n || b->defined[g->params[i]->id])
            return ingot_fail(INGOT_INTERNAL, "verifier: graph '%s': parameter %d: bad id", g->name, (int)i);
        b->defined[g->params[i]->id] = true;
    }
    const ingot_op *last = NULL;
    for (const ingot_op *op = g->first; op; last = op, op = op->next) {
        if (op->prev != last)
            return fault(op, "broken list", 0);
        INGOT_TRY(check_op(op, g, b));
        for (int32_t i = 0; i < op->n_out; i++)
            b->defined[op->out[i]->id] = true;
    }
    if (g->last != last)
        return ingot_fail(INGOT_INTERNAL, "verifier: graph '%s': broken list", g->name);
    for (int32_t i = 0; i < g->n_results; i++) {
        const ingot_value *v = g->results[i];
        if (!v || v->graph != g || v->id >= b->n || !b->defined[v->id] || !has_use(v, NULL, i))
            return ingot_fail(INGOT_INTERNAL, "verifier: graph '%s': result %d is not one of its values", g->name,
                              (int)i);
        b->uses[v->id]++;
    }
    for (int32_t i = 0; i < g->n_params; i++)
        INGOT_TRY(check_uses(g->params[i], b));
    for (const ingot_op *op = g->first; op; op = op->next) {
        for (int32_t i = 0; i < op->n_out; i++)
            INGOT_TRY(check_uses(op->out[i], b));
    }
    return NULL;
}

/* Nesting of a graph, by its parents. */
static int32_t depth_of(const ingot_graph *g, int32_t limit)
{
    int32_t depth = 1;
    for (; g->parent && depth <= limit; g = g->parent->graph)
        depth++;
    return depth;
}

ingot_status ingot_module_verify(const ingot_module *m)
{
    ingot_arena scratch = {0};
    book b = {.n = m->next_value_id};
    b.uses = ingot_arena_alloc(&scratch, b.n, sizeof *b.uses);
    b.defined = ingot_arena_alloc(&scratch, b.n, sizeof *b.defined);
    ingot_status status = b.uses && b.defined ? NULL : ingot_status_no_memory();
    if (!status && m->n_graphs == 0)
        status = ingot_fail(INGOT_INTERNAL, "verifier: a module without graphs");
    for (int32_t i = 0; !status && i < m->n_graphs; i++) {
        if (depth_of(m->graphs[i], m->limits->max_depth) > m->limits->max_depth)
            status = ingot_fail(INGOT_LIMIT, "regions nested deeper than %d (--max-depth)", (int)m->limits->max_depth);
        else
            status = check_graph(m->graphs[i], &b);
    }
    ingot_arena_release(&scratch);
    return status;
}
