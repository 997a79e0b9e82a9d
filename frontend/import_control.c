/* If and Loop: nested graphs as regions, or inlined where the path is known. */
#include "frontend/import.h"
#include <string.h>

static const ingot_onnx_graph *body_of(ingot_node *n, const char *name)
{
    const ingot_onnx_attr *a = ingot_attr_find(n, name, INGOT_ONNX_GRAPH);
    if (!n->error && (!a || !a->g))
        ingot_node_bad(n, "attribute '%s' is missing", name);
    return n->error ? NULL : a->g;
}

static ingot_value **value_list(ingot_node *n, int64_t count)
{
    ingot_value **list = NULL;
    ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)count + 1, sizeof *list, (void **)&list));
    return list;
}

/* The truth of a condition, when known while compiling. */
static bool known_truth(ingot_node *n, ingot_value *v, bool *out)
{
    double number;
    ingot_ints ints;
    if (ingot_known_ints(n, v, &ints) && ints.n == 1)
        *out = ints.v[0] != 0;
    else if (ingot_known_float(n, v, &number))
        *out = number != 0;
    else
        return false;
    return true;
}

static ingot_graph *new_region(ingot_node *n, const char *what)
{
    char *name = ingot_arena_printf(&n->m->arena, "%s.%s", n->loc, what);
    ingot_graph *g = name ? ingot_module_add_graph(n->m, name) : NULL;
    if (!g)
        ingot_node_check(n, ingot_status_no_memory());
    return g;
}

static bool any_placeholder(const ingot_node *n, int32_t count, ingot_value *const *values)
{
    for (int32_t i = 0; i < count; i++)
        if (ingot_is_placeholder(n, values[i]))
            return true;
    return false;
}

static void add_outputs(ingot_node *n, ingot_graph *g, const ingot_onnx_graph *body, ingot_value *const *values)
{
    for (int32_t i = 0; i < body->n_out && !n->error; i++) {
        char *name = ingot_arena_strndup(&n->m->arena, body->out[i].name, strlen(body->out[i].name));
        ingot_node_check(n, name ? ingot_graph_add_output(g, name, values[i]) : ingot_status_no_memory());
    }
}

static bool branch_fits(ingot_node *n, const ingot_onnx_graph *body)
{
    if (body && (body->n_in != 0 || body->n_out != n->n_out))
        ingot_node_bad(n, "a branch has %d inputs and %d outputs, expected 0 and %d", body->n_in, body->n_out,
                       n->n_out);
    return !n->error;
}

/* ---- Facts that only one path needs ---- */

/* A run fails here unless `v` (integers, one element) lies in [value, value]: a symbol with that range is bound to it.
 */
static void assume(ingot_node *n, ingot_graph *g, ingot_op *before, ingot_value *v, int64_t value, const char *name)
{
    int32_t first = ingot_module_symbol_count(n->m);
    ingot_op *op;
    if (!ingot_symbol_fresh(n->m, name, value, value, true)) {
        ingot_node_check(n, ingot_status_no_memory());
    } else if (ingot_node_check(n, ingot_graph_add_op(g, before, INGOT_OP_bind_dims, 1, &v, 0, &op))) {
        op->loc = n->loc;
        ((ingot_attrs_bind_dims *)op->attrs)->first_symbol = first;
        ingot_node_check(n, ingot_op_infer(op));
    }
}

/* ---- If ---- */
typedef struct branch {
    const ingot_onnx_graph *body;
    ingot_graph *graph;
    ingot_scope *scope;
    ingot_value **results;
    ingot_status error; /* why it cannot be imported, or null */
} branch;

static void import_branch(ingot_node *n, branch *b, ingot_scope *shares, const char *what)
{
    ingot_check *checks = n->m->checks;
    b->graph = new_region(n, what);
    b->results = value_list(n, n->n_out);
    if (n->error)
        return;
    b->scope = ingot_scope_region(n, b->graph, shares);
    if (n->error)
        return;
    ingot_import_body(n, b->scope, b->body, b->results);
    if (n->error && ingot_status_code(n->error) == INGOT_BAD_MODEL) {
        b->error = n->error; /* it may be a path that is never taken with these sizes */
        n->error = NULL;
        n->m->checks = checks;
    }
}

static bool same_ranks(const ingot_node *n, const branch *a, const branch *b)
{
    for (int32_t i = 0; i < n->n_out; i++)
        if (a->results[i]->type.rank != b->results[i]->type.rank)
            return false;
    return true;
}

/* Finds the sizes that a condition compares for equality, through casts, reshapes and negation. */
static bool find_equation(ingot_node *n, const ingot_value *cond, const ingot_dim **out_a, const ingot_dim **out_b,
                          bool *out_negated)
{
    *out_negated = false;
    for (int32_t depth = 0; cond->def && depth < 16; depth++) {
        const ingot_op *op = cond->def;
        const ingot_dim *list[INGOT_MAX_CONTENT];
        int32_t count;
        switch (op->kind) {
        case INGOT_OP_not:
            *out_negated = !*out_negated; /* fall through */
        case INGOT_OP_cast:
        case INGOT_OP_reshape:
        case INGOT_OP_identity:
            cond = op->in[0];
            break;
        case INGOT_OP_eq:
            if (!ingot_known_dims(n, op->in[0], &count, list) || count != 1)
                return false;
            *out_a = list[0];
            if (!ingot_known_dims(n, op->in[1], &count, list) || count != 1)
                return false;
            *out_b = list[0];
            return true;
        default:
            return false;
        }
    }
    return false;
}

/* Imports one branch in place of the op. The regions are dropped. */
static void take_branch(ingot_node *n, const branch *b, int32_t n_graphs)
{
    n->m->n_graphs = n_graphs;
    ingot_import_body(n, ingot_scope_inline(n), b->body, n->out);
}

/* Branches whose results differ in rank, as exporters write squeeze(): when the condition compares sizes, that they are
 * equal becomes a fact that the model relies on. False: the condition is of another kind. */
static bool take_equal_branch(ingot_node *n, ingot_value *cond, const branch *branches, int32_t n_graphs)
{
    const ingot_dim *a, *b;
    bool negated;
    if (!find_equation(n, cond, &a, &b, &negated))
        return false;
    if (ingot_node_check(n, ingot_module_require(n->m, INGOT_CHECK_EQUAL, a, b, cond->def)))
        take_branch(n, &branches[negated], n_graphs);
    return true;
}

static void emit_if(ingot_node *n, ingot_value *cond, const branch *branches)
{
    ingot_value *const *captures;
    int32_t n_captures = ingot_scope_captures(branches[0].scope, &captures);
    ingot_value **in = value_list(n, n_captures + 1);
    if (n->error)
        return;
    in[0] = cond;
    if (n_captures)
        memcpy(in + 1, captures, (size_t)n_captures * sizeof *in);
    for (int i = 0; i < 2; i++)
        add_outputs(n, branches[i].graph, branches[i].body, branches[i].results);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_if, n_captures + 1, in, n->n_out);
    if (n->error)
        return;
    for (int i = 0; i < 2; i++) {
        op->regions[i] = branches[i].graph;
        branches[i].graph->parent = op;
    }
    ingot_emit_end(n, op);
    for (int32_t i = 0; i < n->n_out; i++)
        n->out[i] = op->out[i];
}

static void import_branches(ingot_node *n, ingot_value *cond, branch *branches)
{
    int32_t n_graphs = n->m->n_graphs;
    import_branch(n, &branches[0], NULL, "then");
    if (!n->error)
        import_branch(n, &branches[1], branches[0].scope, "else");
    if (n->error)
        return;
    if (branches[0].error && branches[1].error) {
        ingot_node_check(n, branches[0].error);
        branches[0].error = NULL;
    } else if (branches[0].error || branches[1].error) {
        /* Only one can run with these sizes: a condition that says otherwise is an error of the run. */
        bool truth = branches[1].error != NULL;
        assume(n, n->graph, NULL, ingot_cast(n, cond, INGOT_I64), truth, "condition");
        take_branch(n, &branches[!truth], n_graphs);
    } else if (any_placeholder(n, n->n_out, branches[0].results) || any_placeholder(n, n->n_out, branches[1].results)) {
        for (int32_t i = 0; i < n->n_out; i++) /* the reasons are listed already */
            n->out[i] = ingot_placeholder(n);
    } else if (same_ranks(n, &branches[0], &branches[1]) || !take_equal_branch(n, cond, branches, n_graphs)) {
        emit_if(n, cond, branches); /* results of different ranks are boxed */
    }
}

void ingot_import_if(ingot_node *n)
{
    branch branches[2] = {{.body = body_of(n, "then_branch")}, {.body = body_of(n, "else_branch")}};
    ingot_value *cond = ingot_scalar_of(n, ingot_unbox_scalar(n, n->in[0]));
    if (!branch_fits(n, branches[0].body) || !branch_fits(n, branches[1].body))
        return;
    if (cond->type.dtype != INGOT_BOOL || cond->type.rank != 0) {
        ingot_node_bad(n, "the condition must be one bool");
        return;
    }
    bool truth;
    if (known_truth(n, cond, &truth)) {
        ingot_import_body(n, ingot_scope_inline(n), branches[truth ? 0 : 1].body, n->out);
        return;
    }
    if (!n->error)
        import_branches(n, cond, branches);
    ingot_status_free(branches[0].error);
    ingot_status_free(branches[1].error);
}

/* ---- Loop ---- */
static ingot_value *add_param(ingot_node *n, ingot_graph *g, const char *name, const ingot_type *type)
{
    char *copy = ingot_arena_strndup(&n->m->arena, name, strlen(name));
    ingot_value *v = copy && !n->error ? ingot_graph_add_input(g, copy, type) : NULL;
    if (!v)
        ingot_node_check(n, ingot_status_no_memory());
    return v;
}

/* Iterations, for the sizes of what is collected. Only a loop that its condition cannot end early has a known number.
 */
static const ingot_dim *trip_count(ingot_node *n, ingot_value *trips, const ingot_value *cond, ingot_graph *body)
{
    bool truth = true;
    ingot_value *again = body->results[0];
    bool runs_on = (!cond || (known_truth(n, (ingot_value *)(uintptr_t)cond, &truth) && truth)) &&
                   (again == body->params[1] || (known_truth(n, again, &truth) && truth));
    if (!trips)
        return ingot_symbol_fresh(n->m, "trips", 0, INGOT_DIM_MAX_VALUE, true);
    if (!runs_on) {
        const ingot_dim *count[INGOT_MAX_CONTENT];
        int32_t found;
        bool known = ingot_known_dims(n, trips, &found, count) && found == 1;
        return ingot_symbol_fresh(n->m, "trips", 0, known && count[0]->hi > 0 ? count[0]->hi : INGOT_DIM_MAX_VALUE,
                                  true);
    }
    const ingot_dim *count[INGOT_MAX_CONTENT];
    ingot_operand_dims(n, trips, -INGOT_DIM_MAX_VALUE, INGOT_DIM_MAX_VALUE, count);
    return ingot_dim_max(n->m, count[0], ingot_const_dim(n, 0));
}

static bool loop_fits(ingot_node *n, const ingot_onnx_graph *body, int32_t n_carried)
{
    int32_t n_scans = body->n_out - 1 - n_carried;
    if (body->n_in != 2 + n_carried || n_scans < 0 || n->n_out > n_carried + n_scans)
        ingot_node_bad(n, "a body of %d inputs and %d outputs for %d carried values and %d outputs", body->n_in,
                       body->n_out, n_carried, n->n_out);
    for (int32_t i = 0; i < n_carried; i++)
        if (!n->in[2 + i])
            ingot_node_bad(n, "input %d must be given", 2 + i);
    return !n->error;
}

/* ---- Bodies of loops ---- */

/* A body is imported again for as long as it turns out that an iteration changes more sizes of carried values. */
typedef struct loop_body {
    const ingot_onnx_graph *view;
    int32_t n_carried, n_params;
    ingot_value *const *carried; /* as they start */
    ingot_type *types;           /* of carried values in the body */
    int32_t first_symbol;        /* symbols from here on are of the body's own making */
    int32_t n_graphs;            /* before it */
    ingot_check *checks;         /* before it */
    ingot_graph *graph;
    ingot_scope *scope;
    ingot_value **params, **results; /* iteration, condition, carried; what the view's outputs are */
} loop_body;

static bool begin_body(ingot_node *n, loop_body *b)
{
    b->types = NULL;
    b->n_graphs = n->m->n_graphs;
    b->checks = n->m->checks;
    b->params = value_list(n, b->n_carried + 2);
    b->results = value_list(n, b->view->n_out);
    if (n->error || !ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)b->n_carried + 1, sizeof *b->types,
                                                           (void **)&b->types)))
        return false;
    for (int32_t i = 0; i < b->n_carried; i++)
        b->types[i] = b->carried[i]->type;
    return true;
}

/* The region with its parameters; `names` are those of iteration, condition (both null: not seen by the body) and
 * carried values. */
static bool open_body(ingot_node *n, loop_body *b, const char *iteration, const char *condition,
                      const ingot_onnx_value *carried)
{
    const ingot_type types[2] = {{.dtype = INGOT_I64}, {.dtype = INGOT_BOOL}};
    n->m->n_graphs = b->n_graphs;
    n->m->checks = b->checks;
    b->first_symbol = ingot_module_symbol_count(n->m);
    b->graph = new_region(n, "body");
    if (n->error)
        return false;
    b->scope = ingot_scope_region(n, b->graph, NULL);
    b->params[0] = add_param(n, b->graph, iteration ? iteration : "iteration", &types[0]);
    b->params[1] = add_param(n, b->graph, condition ? condition : "condition", &types[1]);
    if (iteration && condition) {
        ingot_scope_bind(n, b->scope, iteration, b->params[0]);
        ingot_scope_bind(n, b->scope, condition, b->params[1]);
    }
    for (int32_t i = 0; i < b->n_carried && !n->error; i++) {
        b->params[2 + i] = add_param(n, b->graph, carried[i].name, &b->types[i]);
        ingot_scope_bind(n, b->scope, carried[i].name, b->params[2 + i]);
    }
    return !n->error;
}

/* An optional that comes back as what is in it, as in the first round of a loop that begins with nothing. */
static bool opens_optional(const ingot_type *in, const ingot_type *out)
{
    return (in->form == INGOT_FORM_OPTIONAL && out->form == INGOT_FORM_TENSOR) ||
           (in->form == INGOT_FORM_OPTIONAL_SEQUENCE && out->form == INGOT_FORM_SEQUENCE);
}

/* A carried value and its successor of different ranks, or one of them boxed: boxed, of the rank that both have if any.
 * False: it is so already. */
static bool widen_boxed(ingot_type *was, const ingot_type *is)
{
    int32_t rank = ingot_rank_join(ingot_type_rank(was), ingot_type_rank(is));
    if (ingot_type_is_boxed(was) && rank == was->inner_rank)
        return false;
    *was = ingot_type_boxed(was->dtype, was->form, rank);
    return true;
}

/* Sizes that differ between a carried value and its successor become symbols, which each iteration sets anew; values of
 * different ranks are boxed. True when something changed: the body must be imported again. */
static bool widen_carried(ingot_node *n, loop_body *b, ingot_value *const *results)
{
    bool changed = false;
    for (int32_t i = 0; i < b->n_carried && !n->error; i++) {
        ingot_type *was = &b->types[i];
        const ingot_type *is = &results[i]->type, *start = &b->carried[i]->type;
        if (was->dtype != is->dtype || (was->form != is->form && !opens_optional(was, is))) {
            ingot_node_unsupported(n, "the type of carried value %d changes from one iteration to the next", i);
            return false;
        }
        if (ingot_type_is_boxed(was) || ingot_type_is_boxed(is) || was->rank != is->rank) {
            changed |= widen_boxed(was, is);
            continue;
        }
        for (int32_t d = 0; d < was->rank; d++) {
            if (was->dims[d] == is->dims[d] || was->dims[d] != start->dims[d])
                continue; /* stays, or is a symbol already */
            was->dims[d] = ingot_symbol_fresh(n->m, "carried", 0, INGOT_DIM_MAX_VALUE, true);
            changed = true;
        }
    }
    return changed && ingot_node_check(n, ingot_dims_check(n->m));
}

static bool mentions_own(const loop_body *b, const ingot_dim *d)
{
    for (; d->kind != INGOT_DIM_CONST; d = d->b) {
        if (d->kind == INGOT_DIM_SYMBOL)
            return d->value >= b->first_symbol;
        if (mentions_own(b, d->a))
            return true;
    }
    return false;
}

/* Type of what is collected: an element for each of `count` iterations. Sizes that only the body knows are symbols of
 * the loop's. */
static ingot_type collected_type(ingot_node *n, const loop_body *b, const ingot_type *element, const ingot_dim *count)
{
    ingot_type type = {.dtype = element->dtype, .rank = 1, .dims = {count}};
    if (element->rank < 0 || element->rank >= INGOT_MAX_RANK) {
        ingot_node_unsupported(n, "a collected value of rank %d", element->rank);
        return type;
    }
    type.rank = element->rank + 1;
    for (int32_t d = 0; d < element->rank; d++) {
        const ingot_dim *size = element->dims[d];
        type.dims[1 + d] =
            mentions_own(b, size) ? ingot_symbol_fresh(n->m, "collected", 0, size->hi < 0 ? 0 : size->hi, true) : size;
    }
    ingot_node_check(n, ingot_dims_check(n->m));
    return type;
}

/* The op for a finished body (results: condition, carried, collected). `count`: iterations, for what is collected. Null
 * on failure. */
static ingot_op *emit_loop(ingot_node *n, const loop_body *b, ingot_value *trips, ingot_value *cond, int32_t n_scans,
                           const ingot_dim *count)
{
    ingot_value *const *captures;
    if (n->error)
        return NULL;
    int32_t n_carried = b->n_carried, n_captures = ingot_scope_captures(b->scope, &captures);
    int32_t n_in = 2 + n_carried + n_captures;
    ingot_value **in = value_list(n, n_in);
    if (n->error)
        return NULL;
    in[0] = trips;
    in[1] = cond;
    if (n_carried)
        memcpy(in + 2, b->carried, (size_t)n_carried * sizeof *in);
    if (n_captures)
        memcpy(in + 2 + n_carried, captures, (size_t)n_captures * sizeof *in);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_loop, n_in, in, n_carried + n_scans);
    if (n->error)
        return NULL;
    op->n_carried = n_carried;
    op->regions[0] = b->graph;
    b->graph->parent = op;
    for (int32_t i = 0; i < n_carried; i++)
        op->out[i]->type = b->types[i];
    for (int32_t i = n_carried; i < n_carried + n_scans; i++)
        op->out[i]->type = collected_type(n, b, &b->graph->results[1 + i]->type, count);
    ingot_emit_end(n, op);
    return n->error ? NULL : op;
}

static ingot_value *close_optional(ingot_node *n, ingot_value *v, const ingot_type *type)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_opt_make, 1, &v, 1);
    ingot_attrs_form *a = op->attrs;
    a->dtype = (int64_t)type->dtype;
    a->form = (int64_t)type->form;
    return ingot_emit_end(n, op);
}

/* Results as a loop takes them: the condition a scalar, carried values as their parameters are, plain tensors for what
 * is collected. `b->results` are those of an ONNX Loop: condition, carried, collected. */
static void fit_results(ingot_node *n, loop_body *b)
{
    ingot_graph *outer = n->graph;
    n->graph = b->graph;
    for (int32_t i = 0; i < b->view->n_out && !n->error; i++) {
        const ingot_type *param = i >= 1 && i <= b->n_carried ? &b->params[1 + i]->type : NULL;
        if (i == 0)
            b->results[i] = ingot_unbox_scalar(n, b->results[i]);
        else if (!param)
            b->results[i] = ingot_unbox(n, b->results[i]);
        else if (opens_optional(param, &b->results[i]->type))
            b->results[i] = close_optional(n, b->results[i], param);
        else if (ingot_type_is_boxed(param))
            b->results[i] = ingot_box_value(n, b->results[i]);
    }
    n->graph = outer;
}

static bool give_placeholders(ingot_node *n, int32_t count, ingot_value *const *results)
{
    if (!any_placeholder(n, count, results))
        return false;
    for (int32_t i = 0; i < n->n_out; i++) /* the reasons are listed already */
        n->out[i] = ingot_placeholder(n);
    return true;
}

void ingot_import_loop(ingot_node *n)
{
    loop_body b = {.view = body_of(n, "body"), .n_carried = n->n_in - 2, .carried = n->in + 2};
    if (n->n_in < 2)
        ingot_node_bad(n, "%d inputs, expected a trip count and a condition at least", n->n_in);
    if (!b.view || n->error || !loop_fits(n, b.view, b.n_carried))
        return;
    ingot_value *trips = n->in[0] ? ingot_reshape(n, ingot_unbox_scalar(n, n->in[0]), 0, NULL) : NULL;
    ingot_value *cond = n->in[1] ? ingot_reshape(n, ingot_unbox_scalar(n, n->in[1]), 0, NULL) : NULL;
    int32_t n_scans = b.view->n_out - 1 - b.n_carried;
    bool *opened = NULL;
    if (n->error || !begin_body(n, &b) ||
        !ingot_node_check(n,
                          ingot_arena_array(&n->m->arena, (size_t)b.n_carried + 1, sizeof *opened, (void **)&opened)))
        return;
    do {
        if (!open_body(n, &b, b.view->in[0].name, b.view->in[1].name, b.view->in + 2))
            return;
        ingot_import_body(n, b.scope, b.view, b.results);
        if (n->error || give_placeholders(n, b.view->n_out, b.results))
            return;
    } while (widen_carried(n, &b, b.results + 1));
    for (int32_t i = 0; i < b.n_carried && !n->error; i++)
        opened[i] = opens_optional(&b.types[i], &b.results[1 + i]->type);
    if (!n->error)
        fit_results(n, &b);
    const ingot_type *again = n->error ? NULL : &b.results[0]->type;
    if (again &&
        (again->dtype != INGOT_BOOL || again->rank > 1 || (again->rank == 1 && !ingot_dim_is(again->dims[0], 1))))
        ingot_node_bad(n, "the body's condition must be one bool");
    if (n->error)
        return;
    add_outputs(n, b.graph, b.view, b.results);
    for (int32_t i = 0; i < b.n_carried; i++)
        if (ingot_type_is_boxed(&b.types[i]))
            n->in[2 + i] = ingot_box_value(n, n->in[2 + i]);
    const ingot_dim *count = n_scans && !n->error ? trip_count(n, trips, cond, b.graph) : ingot_const_dim(n, 0);
    ingot_op *op = emit_loop(n, &b, trips, cond, n_scans, count);
    for (int32_t i = 0; op && i < n->n_out; i++) {
        if (i < b.n_carried && ingot_type_is_boxed(&b.types[i])) /* of no iterations, or of some */
            op->out[i]->type.inner_rank = ingot_rank_join(op->out[i]->type.inner_rank, b.types[i].inner_rank);
        n->out[i] = i < b.n_carried && opened[i] ? ingot_emit1(n, INGOT_OP_opt_get, op->out[i]) : op->out[i];
    }
}

/* ---- SequenceMap: a loop over the length of the first input, that takes elements and adds results ---- */

void ingot_import_sequence_map(ingot_node *n)
{
    const ingot_onnx_graph *body = body_of(n, "body");
    if (!body)
        return;
    if (body->n_in != n->n_in || body->n_out != n->n_out || !n->in[0] || n->in[0]->type.form != INGOT_FORM_SEQUENCE) {
        ingot_node_bad(n, "a body of %d inputs and %d outputs for %d inputs, the first a sequence, and %d outputs",
                       body->n_in, body->n_out, n->n_in, n->n_out);
        return;
    }
    ingot_value *length = ingot_emit1(n, INGOT_OP_seq_length, n->in[0]);
    ingot_graph *g = n->error ? NULL : new_region(n, "body"), *outer = n->graph;
    ingot_value **made = value_list(n, n->n_out), **carried = value_list(n, n->n_out);
    ingot_type iter_type = {.dtype = INGOT_I64}, flag = {.dtype = INGOT_BOOL};
    if (n->error || !g)
        return;
    ingot_scope *scope = ingot_scope_region(n, g, NULL);
    ingot_value *iter = add_param(n, g, "iteration", &iter_type), *again = add_param(n, g, "condition", &flag);
    /* Parameters that grow come before captures; their types are those of the results, known only in the end. */
    ingot_value **params = value_list(n, n->n_out);
    ingot_type sequence = ingot_type_boxed(INGOT_F32, INGOT_FORM_SEQUENCE, INGOT_RANK_UNKNOWN);
    for (int32_t i = 0; i < n->n_out && !n->error; i++)
        params[i] = add_param(n, g, body->out[i].name, &sequence);
    n->graph = g; /* what is emitted now belongs to the body */
    for (int32_t i = 0; i < n->n_in && !n->error; i++) {
        ingot_value *v = n->in[i] ? ingot_scope_get(n, scope, n->view->in[i]) : NULL;
        if (v && v->type.form == INGOT_FORM_SEQUENCE)
            v = ingot_emit2(n, INGOT_OP_seq_at, v, iter);
        if (v)
            ingot_scope_bind(n, scope, body->in[i].name, v);
    }
    n->graph = outer;
    ingot_import_body(n, scope, body, made);
    if (!n->error && give_placeholders(n, n->n_out, made))
        return;
    for (int32_t i = 0; i < n->n_out && !n->error; i++) {
        params[i]->type.dtype = made[i]->type.dtype;
        n->graph = g;
        made[i] = ingot_emit2(n, INGOT_OP_seq_insert, params[i], made[i]);
        n->graph = outer;
        ingot_op *op = ingot_emit_begin(n, INGOT_OP_seq_empty, 0, NULL, 1);
        ((ingot_attrs_cast *)op->attrs)->to = n->error ? INGOT_F32 : (int64_t)params[i]->type.dtype;
        carried[i] = ingot_emit_end(n, op);
    }
    if (n->error || !ingot_node_check(n, ingot_graph_add_output(g, "condition", again)))
        return;
    add_outputs(n, g, body, made);
    ingot_type *types;
    if (!ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)n->n_out + 1, sizeof *types, (void **)&types)))
        return;
    for (int32_t i = 0; i < n->n_out; i++)
        types[i] = params[i]->type;
    const loop_body b = {
        .view = body, .n_carried = n->n_out, .carried = carried, .types = types, .graph = g, .scope = scope};
    ingot_op *op = emit_loop(n, &b, length, ingot_splat(n, INGOT_BOOL, 1), 0, ingot_const_dim(n, 0));
    for (int32_t i = 0; op && i < n->n_out; i++)
        n->out[i] = op->out[i];
}

/* ---- Scan ---- */
typedef struct scan {
    const ingot_onnx_graph *body;
    const char *const *names;              /* of the scan inputs, where the body's scope finds them */
    int32_t n_states, n_inputs, n_outputs; /* outputs: those collected */
    ingot_ints input_axes, input_reversed, output_axes, output_reversed;
} scan;

/* A list attribute of `count` numbers, 0 each when absent. */
static void read_scan_list(ingot_node *n, const char *name, int32_t count, ingot_ints *out)
{
    if (ingot_attr_ints(n, name, out) && out->n != count)
        ingot_node_bad(n, "attribute '%s' has %lld numbers, expected %d", name, (long long)out->n, count);
    out->n = count;
}

/* `first`: number of operands before the states. */
static bool read_scan(ingot_node *n, scan *s, int32_t first)
{
    int64_t inputs = ingot_attr_int(n, "num_scan_inputs", 0);
    s->body = body_of(n, "body");
    if (!s->body)
        return false;
    if (inputs < 1 || inputs > n->n_in - first || inputs > INGOT_MAX_INTS || s->body->n_in != n->n_in - first) {
        ingot_node_bad(n, "num_scan_inputs is %lld with %d inputs and a body of %d", (long long)inputs, n->n_in,
                       s->body->n_in);
        return false;
    }
    s->n_inputs = (int32_t)inputs;
    s->n_states = n->n_in - first - s->n_inputs;
    s->n_outputs = s->body->n_out - s->n_states;
    if (s->n_outputs < 0 || s->n_outputs > INGOT_MAX_INTS || n->n_out != s->body->n_out) {
        ingot_node_bad(n, "%d outputs with a body of %d and %d states", n->n_out, s->body->n_out, s->n_states);
        return false;
    }
    for (int32_t i = first; i < n->n_in; i++)
        if (!n->in[i])
            ingot_node_bad(n, "input %d must be given", i);
    s->input_axes.n = s->n_inputs;
    s->output_axes.n = s->output_reversed.n = s->n_outputs;
    return !n->error;
}

/* Inside the body: element `iter` of scan input i along its axis. */
static ingot_value *scan_element(ingot_node *n, ingot_scope *scope, const scan *s, int32_t i, ingot_value *iter,
                                 const ingot_dim *length)
{
    ingot_value *x = ingot_scope_get(n, scope, s->names[i]);
    int32_t axis = ingot_node_axis(n, s->input_axes.v[i], x->type.rank);
    if (s->input_reversed.v[i]) {
        const ingot_dim *last = ingot_dim_sub(n->m, length, ingot_const_dim(n, 1));
        iter = ingot_emit2(n, INGOT_OP_sub, ingot_dims_value(n, -1, &last), iter);
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){x, iter}, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = axis;
    return ingot_emit_end(n, op);
}

/* Collected along axis 0 in the order of iterations: as the attributes want it. */
static ingot_value *scan_output(ingot_node *n, const scan *s, int32_t i, ingot_value *y)
{
    int64_t perm[INGOT_MAX_RANK];
    if (s->output_reversed.v[i]) {
        ingot_op *op = ingot_emit_begin(n, INGOT_OP_reverse, 1, &y, 1);
        ((ingot_attrs_axes *)op->attrs)->axes.n = 1;
        y = ingot_emit_end(n, op);
    }
    int32_t rank = y->type.rank, axis = ingot_node_axis(n, s->output_axes.v[i], rank);
    for (int32_t k = 0; k < rank; k++)
        perm[k] = k < axis ? k + 1 : k == axis ? 0 : k;
    return n->error ? y : ingot_transpose(n, y, perm);
}

/* A loop over the length of the scan inputs: states are carried, inputs are captured and taken apart by the body. */
static void scan_sequence(ingot_node *n, const scan *s)
{
    loop_body b = {.view = s->body, .n_carried = s->n_states, .carried = n->in};
    int32_t axis = ingot_node_axis(n, s->input_axes.v[0], n->in[s->n_states]->type.rank);
    ingot_graph *outer = n->graph;
    if (n->error || !begin_body(n, &b))
        return;
    const ingot_dim *length = n->in[s->n_states]->type.dims[axis];
    for (int32_t i = 1; i < s->n_inputs && !n->error; i++) {
        const ingot_type *type = &n->in[s->n_states + i]->type;
        int32_t along = ingot_node_axis(n, s->input_axes.v[i], type->rank);
        const ingot_dim *difference = ingot_dim_sub(n->m, length, type->dims[along]);
        if (difference->lo > 0 || difference->hi < 0)
            ingot_node_bad(n, "scan inputs 0 and %d differ in length", i);
    }
    do {
        if (!open_body(n, &b, NULL, NULL, s->body->in))
            return;
        n->graph = b.graph; /* what is emitted now belongs to the body */
        for (int32_t i = 0; i < s->n_inputs && !n->error; i++)
            ingot_scope_bind(n, b.scope, s->body->in[s->n_states + i].name,
                             scan_element(n, b.scope, s, i, b.params[0], length));
        n->graph = outer;
        ingot_import_body(n, b.scope, s->body, b.results);
        if (n->error || give_placeholders(n, s->body->n_out, b.results))
            return;
    } while (widen_carried(n, &b, b.results));
    if (n->error || !ingot_node_check(n, ingot_graph_add_output(b.graph, "condition", b.params[1])))
        return;
    add_outputs(n, b.graph, s->body, b.results);
    ingot_value *truth = ingot_splat(n, INGOT_BOOL, 1);
    ingot_op *op = emit_loop(n, &b, ingot_dims_value(n, -1, &length), truth, s->n_outputs, length);
    for (int32_t i = 0; op && i < n->n_out; i++)
        n->out[i] = i < s->n_states ? op->out[i] : scan_output(n, s, i - s->n_states, op->out[i]);
}

void ingot_import_scan(ingot_node *n)
{
    scan s = {0};
    if (!read_scan(n, &s, 0))
        return;
    read_scan_list(n, "scan_input_axes", s.n_inputs, &s.input_axes);
    read_scan_list(n, "scan_input_directions", s.n_inputs, &s.input_reversed);
    read_scan_list(n, "scan_output_axes", s.n_outputs, &s.output_axes);
    read_scan_list(n, "scan_output_directions", s.n_outputs, &s.output_reversed);
    s.names = n->view->in + s.n_states;
    if (!n->error)
        scan_sequence(n, &s);
}

/* Inside the loop over the batch: the scan of one of its elements. Values it reads get names that no model has. */
static void scan_element_of_batch(ingot_node *n, scan *s, ingot_scope *scope, ingot_value *iter)
{
    int32_t count = s->n_states + s->n_inputs;
    ingot_value **elements = value_list(n, count);
    const char **names;
    if (n->error ||
        !ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)count + 1, sizeof *names, (void **)&names)))
        return;
    for (int32_t i = 0; i < count && !n->error; i++) {
        ingot_value *whole = ingot_scope_get(n, scope, n->view->in[1 + i]);
        ingot_node_rank(n, whole, i < s->n_states ? 1 : 2);
        ingot_op *op = ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){whole, iter}, 1);
        elements[i] = ingot_emit_end(n, op);
        names[i] = ingot_arena_printf(&n->m->arena, "%s: element of the batch of input %d", n->loc, 1 + i);
        if (names[i])
            ingot_scope_bind(n, scope, names[i], elements[i]);
        else
            ingot_node_check(n, ingot_status_no_memory());
    }
    s->names = names + s->n_states;
    ingot_value **in = n->in;
    n->in = elements;
    if (!n->error)
        scan_sequence(n, s);
    n->in = in;
}

/* Scan as it was in opset 8: over axis 1, for each element of a batch along axis 0. */
void ingot_import_batched_scan(ingot_node *n)
{
    scan s = {0};
    if (n->n_in > 0 && n->in[0]) {
        ingot_node_unsupported(n, "sequence_lens: only sequences of one length are supported");
        return;
    }
    if (!read_scan(n, &s, 1))
        return;
    read_scan_list(n, "directions", s.n_inputs, &s.input_reversed);
    loop_body b = {.view = s.body};
    ingot_scope *scope = n->scope;
    ingot_graph *outer = n->graph;
    ingot_node_rank(n, n->in[1], 1);
    if (n->error || !begin_body(n, &b) || !open_body(n, &b, NULL, NULL, NULL))
        return;
    n->graph = b.graph;
    n->scope = b.scope;
    scan_element_of_batch(n, &s, b.scope, b.params[0]);
    n->graph = outer;
    n->scope = scope;
    if (n->error || any_placeholder(n, n->n_out, n->out) ||
        !ingot_node_check(n, ingot_graph_add_output(b.graph, "condition", b.params[1])))
        return;
    add_outputs(n, b.graph, s.body, n->out);
    const ingot_dim *batch = n->in[1]->type.dims[0];
    ingot_op *op =
        emit_loop(n, &b, ingot_dims_value(n, -1, &batch), ingot_splat(n, INGOT_BOOL, 1), s.body->n_out, batch);
    for (int32_t i = 0; op && i < n->n_out; i++)
        n->out[i] = op->out[i];
}
