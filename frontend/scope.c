/* Names of values, graph by graph: definitions, look-ups, captures of nested graphs. */
#include "frontend/importer.h"
#include <string.h>

static uint64_t hash_name(const char *name)
{
    uint64_t h = 1469598103934665603u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 1099511628211u;
    return h ^ (h >> 29);
}

static ingot_binding *find_slot(ingot_binding *slots, size_t capacity, const char *name)
{
    size_t at = hash_name(name) & (capacity - 1);
    while (slots[at].name && strcmp(slots[at].name, name) != 0)
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static ingot_binding *find_own(const ingot_scope *scope, const char *name)
{
    ingot_binding *slot = scope->capacity ? find_slot(scope->slots, scope->capacity, name) : NULL;
    return slot && slot->name ? slot : NULL;
}

static ingot_status grow(ingot_importer *im, ingot_scope *scope)
{
    size_t capacity = scope->capacity ? scope->capacity * 2 : 16;
    ingot_binding *slots;
    INGOT_TRY(ingot_arena_array(&im->scratch, capacity, sizeof *slots, (void **)&slots));
    for (size_t i = 0; i < scope->capacity; i++)
        if (scope->slots[i].name)
            *find_slot(slots, capacity, scope->slots[i].name) = scope->slots[i];
    scope->slots = slots;
    scope->capacity = capacity;
    return NULL;
}

static ingot_status bind(ingot_importer *im, ingot_scope *scope, ingot_binding binding)
{
    if (scope->n_bound * 2 >= scope->capacity)
        INGOT_TRY(grow(im, scope));
    ingot_binding *slot = find_slot(scope->slots, scope->capacity, binding.name);
    scope->n_bound += slot->name == NULL;
    *slot = binding;
    return NULL;
}

ingot_status ingot_scope_make(ingot_importer *im, ingot_scope *parent, ingot_scope **out)
{
    INGOT_TRY(ingot_arena_array(&im->scratch, 1, sizeof **out, (void **)out));
    if (parent) {
        (*out)->parent = parent;
        (*out)->graph = parent->graph;
        (*out)->region = parent->region;
        (*out)->region_index = parent->region_index;
        (*out)->frame = parent->frame;
        (*out)->opsets = parent->opsets;
        (*out)->n_opsets = parent->n_opsets;
    }
    return NULL;
}

bool ingot_scope_defines(const ingot_scope *scope, const char *name)
{
    return find_own(scope, name) != NULL;
}

ingot_status ingot_scope_define(ingot_importer *im, ingot_scope *scope, ingot_binding binding)
{
    if (find_own(scope, binding.name))
        return ingot_fail(INGOT_BAD_MODEL, "the name '%s' is defined twice in one graph", binding.name);
    return bind(im, scope, binding);
}

ingot_status ingot_scope_add_initializers(ingot_importer *im, ingot_scope *scope, const ingot_onnx_graph *graph)
{
    for (int32_t i = 0; i < graph->n_initializers; i++) {
        const ingot_onnx_tensor *t = &graph->initializers[i];
        if (!*t->name)
            return ingot_fail(INGOT_BAD_MODEL, "initializer number %d has no name", i);
        INGOT_TRY(ingot_scope_define(im, scope, (ingot_binding){.name = t->name, .tensor = t}));
    }
    for (int32_t i = 0; i < graph->n_sparse; i++) {
        const ingot_onnx_sparse *s = &graph->sparse[i];
        if (!s->values || !*s->values->name)
            return ingot_fail(INGOT_BAD_MODEL, "sparse initializer number %d has no name", i);
        INGOT_TRY(ingot_scope_define(im, scope, (ingot_binding){.name = s->values->name, .sparse = s}));
    }
    return NULL;
}

int64_t ingot_scope_opset(const ingot_scope *scope, const char *domain)
{
    for (int32_t i = 0; i < scope->n_opsets; i++)
        if (!strcmp(scope->opsets[i].domain, domain))
            return scope->opsets[i].version;
    return 0;
}

static ingot_status make_constant(ingot_importer *im, ingot_graph *graph, const ingot_binding *b, ingot_value **out)
{
    if (b->given)
        return ingot_literal_make_given(im, graph, b->given, b->name, out);
    if (b->sparse) {
        const char *loc = ingot_arena_strndup(&im->module->arena, b->name, strlen(b->name));
        return loc ? ingot_literal_make_sparse(im, graph, b->sparse, loc, out) : ingot_status_no_memory();
    }
    return ingot_literal_make(im, graph, b->tensor, NULL, out);
}

/* A constant of another graph once more in this one; the data is shared. */
static ingot_status copy_constant(ingot_importer *im, ingot_graph *graph, const ingot_value *v, ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_graph_add_op(graph, NULL, INGOT_OP_constant, 0, NULL, 1, &op));
    INGOT_TRY(ingot_arena_array(&im->module->arena, 1, sizeof *op->literal, (void **)&op->literal));
    *op->literal = *v->def->literal;
    op->loc = v->def->loc;
    op->out[0]->type = v->type;
    op->out[0]->name = v->name;
    *out = op->out[0];
    return ingot_op_infer(op);
}

static ingot_status grow_captures(ingot_importer *im, ingot_region *r)
{
    int32_t capacity = r->capacity ? r->capacity * 2 : 8;
    ingot_value ***lists[] = {&r->captures, &r->params[0], &r->params[1]};
    for (int k = 0; k < 3; k++) {
        ingot_value **list;
        INGOT_TRY(ingot_arena_array(&im->scratch, (size_t)capacity, sizeof *list, (void **)&list));
        if (r->n_captures)
            memcpy(list, *lists[k], (size_t)r->n_captures * sizeof *list);
        *lists[k] = list;
    }
    r->capacity = capacity;
    return NULL;
}

/* `v` as seen in the scope's graph: itself, or the parameter of each region on the way that stands for it. */
static ingot_status capture(ingot_importer *im, ingot_scope *scope, ingot_value *v, int32_t depth, ingot_value **out)
{
    *out = v;
    ingot_region *r = scope->region;
    if (v == &im->placeholder || v->graph == scope->graph)
        return NULL;
    if (!r || depth > 1000)
        return ingot_fail(INGOT_INTERNAL, "a captured value is not in an enclosing graph");
    ingot_value *outer;
    INGOT_TRY(capture(im, r->outer, v, depth + 1, &outer));
    for (int32_t i = 0; i < r->n_captures; i++)
        if (r->captures[i] == outer) {
            *out = r->params[scope->region_index][i];
            return NULL;
        }
    if (r->n_captures == INGOT_IMPORT_MAX_CAPTURES)
        return ingot_fail(INGOT_LIMIT, "a nested graph uses over %d values of its surroundings",
                          INGOT_IMPORT_MAX_CAPTURES);
    if (r->n_captures == r->capacity)
        INGOT_TRY(grow_captures(im, r));
    for (int32_t g = 0; g < r->n_graphs; g++) {
        ingot_value *param = ingot_graph_add_input(r->graphs[g], outer->name, &outer->type);
        if (!param)
            return ingot_status_no_memory();
        param->content = outer->content;
        param->n_content = outer->n_content;
        r->params[g][r->n_captures] = param;
    }
    r->captures[r->n_captures] = outer;
    *out = r->params[scope->region_index][r->n_captures++];
    return NULL;
}

static ingot_status get(ingot_importer *im, ingot_scope *scope, const char *name, ingot_value **out)
{
    *out = NULL;
    for (ingot_scope *s = scope; s; s = s->parent) {
        ingot_binding *b = find_own(s, name);
        if (!b)
            continue;
        ingot_binding found = *b;
        if (found.value && (found.value->graph == scope->graph || found.value == &im->placeholder)) {
            *out = found.value;
            return NULL;
        }
        if (!found.value)
            INGOT_TRY(make_constant(im, scope->graph, &found, out));
        else if (found.value->def && found.value->def->kind == INGOT_OP_constant)
            INGOT_TRY(copy_constant(im, scope->graph, found.value, out));
        else
            INGOT_TRY(capture(im, scope, found.value, 0, out));
        /* Kept where it was found when it is a constant of the same graph, else in the innermost scope. */
        return bind(im, s->graph == scope->graph ? s : scope, (ingot_binding){.name = found.name, .value = *out});
    }
    return ingot_fail(INGOT_BAD_MODEL,
                      "the value '%s' is used but not defined before (nodes must be in topological order)", name);
}

ingot_value *ingot_scope_get(ingot_node *n, ingot_scope *scope, const char *name)
{
    ingot_value *v;
    if (n->error || !ingot_node_check(n, get(n->im, scope, name, &v)))
        return &n->im->placeholder;
    return v;
}

void ingot_scope_bind(ingot_node *n, ingot_scope *scope, const char *name, ingot_value *value)
{
    if (!n->error)
        ingot_node_check(n, ingot_scope_define(n->im, scope, (ingot_binding){.name = name, .value = value}));
}

ingot_scope *ingot_scope_inline(ingot_node *n)
{
    ingot_scope *s = NULL;
    if (!n->error)
        ingot_node_check(n, ingot_scope_make(n->im, n->scope, &s));
    return s ? s : n->scope;
}

ingot_scope *ingot_scope_region(ingot_node *n, ingot_graph *graph, ingot_scope *shares)
{
    ingot_scope *s = ingot_scope_inline(n);
    if (n->error || s == n->scope)
        return n->scope;
    ingot_region *r = shares ? shares->region : NULL;
    if (!r && !ingot_node_check(n, ingot_arena_array(&n->im->scratch, 1, sizeof *r, (void **)&r)))
        return n->scope;
    s->graph = graph;
    s->region = r;
    s->region_index = r->n_graphs;
    r->outer = n->scope;
    /* The second region starts with what the first has captured. */
    for (int32_t i = 0; i < r->n_captures; i++) {
        ingot_value *param = ingot_graph_add_input(graph, r->captures[i]->name, &r->captures[i]->type);
        if (!param) {
            ingot_node_check(n, ingot_status_no_memory());
            return n->scope;
        }
        param->content = r->captures[i]->content;
        param->n_content = r->captures[i]->n_content;
        r->params[r->n_graphs][i] = param;
    }
    r->graphs[r->n_graphs++] = graph;
    return s;
}

ingot_graph *ingot_scope_graph(const ingot_scope *scope)
{
    return scope->graph;
}

int32_t ingot_scope_captures(const ingot_scope *scope, ingot_value *const **out)
{
    *out = scope->region->captures;
    return scope->region->n_captures;
}
