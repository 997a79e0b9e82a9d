/* Modules, graphs, values and their use lists. */
#include "ir/internal.h"
#include <string.h>
#include <unistd.h>

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

ingot_status ingot_module_create(const ingot_limits *limits, ingot_module **out)
{
    ingot_arena arena = {0};
    if (limits && limits->max_memory > 0)
        arena.limit_bytes = (size_t)limits->max_memory;
    *out = NULL;
    ingot_module *m = ingot_arena_alloc(&arena, 1, sizeof *m);
    struct ingot_dim_table *dims = ingot_arena_alloc(&arena, 1, sizeof *dims);
    struct ingot_file_table *files = ingot_arena_alloc(&arena, 1, sizeof *files);
    ingot_limits *full = ingot_arena_alloc(&arena, 1, sizeof *full);
    if (!m || !dims || !files || !full) {
        ingot_arena_release(&arena);
        return ingot_status_no_memory();
    }
    if (limits)
        *full = *limits;
    full->max_nodes = or_default(full->max_nodes, 1000000);
    full->max_tensor_bytes = or_default(full->max_tensor_bytes, (int64_t)1 << 40);
    full->max_depth = (int32_t)or_default(full->max_depth, 64);
    full->max_fold_bytes = or_default(full->max_fold_bytes, (int64_t)16 << 20);
    dims->next_id = 1; /* 0 is the stand-in */
    dims->zero.depth = 1;
    dims->zero.weight = 1;
    *m = (ingot_module){.arena = arena, .dims = dims, .files = files, .limits = full};
    *out = m;
    return NULL;
}

void ingot_module_destroy(ingot_module *m)
{
    if (!m)
        return;
    for (int32_t i = 0; i < m->files->n; i++)
        (void)close(m->files->entries[i].fd);
    ingot_arena arena = m->arena; /* the module lies in it */
    ingot_arena_release(&arena);
}

double ingot_module_constant_bytes(const ingot_module *m)
{
    double bytes = 0;
    for (int32_t g = 0; g < m->n_graphs; g++)
        for (const ingot_op *op = m->graphs[g]->first; op; op = op->next) {
            if (op->kind != INGOT_OP_constant)
                continue;
            int64_t count = ingot_type_count(&op->out[0]->type);
            int64_t size = count > 0 ? ingot_dtype_bytes(op->out[0]->type.dtype, count) : 0;
            bytes += size > 0 ? (double)size : 0;
        }
    return bytes;
}

/* `array` of `n` pointers with room for one more; null when there is no memory. */
static void *grown(ingot_module *m, void *array, int32_t n, int32_t *capacity)
{
    if (n < *capacity)
        return array;
    int32_t more = *capacity ? *capacity * 2 : 4;
    void *copy = more < 0 ? NULL : ingot_arena_alloc(&m->arena, (size_t)more, sizeof(void *));
    if (copy && n)
        memcpy(copy, array, (size_t)n * sizeof(void *));
    if (copy)
        *capacity = more;
    return copy;
}

ingot_graph *ingot_module_add_graph(ingot_module *m, const char *name)
{
    ingot_graph *g = ingot_arena_alloc(&m->arena, 1, sizeof *g);
    char *copy = ingot_arena_strndup(&m->arena, name ? name : "", name ? strlen(name) : 0);
    /* Doubling at powers of two, so that the array needs no capacity field. */
    if ((m->n_graphs & (m->n_graphs - 1)) == 0) {
        size_t capacity = m->n_graphs ? (size_t)m->n_graphs * 2 : 1;
        ingot_graph **graphs = ingot_arena_alloc(&m->arena, capacity, sizeof(void *));
        if (!graphs)
            return NULL;
        if (m->n_graphs)
            memcpy(graphs, m->graphs, (size_t)m->n_graphs * sizeof(void *));
        m->graphs = graphs;
    }
    if (!g || !copy)
        return NULL;
    g->module = m;
    g->name = copy;
    m->graphs[m->n_graphs++] = g;
    return g;
}

ingot_value *ingot_graph_add_input(ingot_graph *g, const char *name, const ingot_type *type)
{
    ingot_module *m = g->module;
    ingot_value **params = grown(m, g->params, g->n_params, &g->params_capacity);
    ingot_value *v = ingot_arena_alloc(&m->arena, 1, sizeof *v);
    if (!params || !v)
        return NULL;
    g->params = params;
    if (name && !(v->name = ingot_arena_strndup(&m->arena, name, strlen(name))))
        return NULL;
    v->id = m->next_value_id++;
    v->type = *type;
    v->graph = g;
    v->def_index = g->n_params;
    params[g->n_params++] = v;
    return v;
}

/* ---- uses ---- */

static ingot_status use_add(ingot_value *v, ingot_op *op, int32_t index)
{
    ingot_use *use = ingot_arena_alloc(&v->graph->module->arena, 1, sizeof *use);
    if (!use)
        return ingot_status_no_memory();
    *use = (ingot_use){op, index, NULL};
    if (v->last_use)
        v->last_use->next = use;
    else
        v->uses = use;
    v->last_use = use;
    return NULL;
}

static ingot_use *use_unlink(ingot_value *v, const ingot_op *op, int32_t index)
{
    for (ingot_use *use = v->uses, *before = NULL; use; before = use, use = use->next) {
        if (use->op != op || use->index != index)
            continue;
        if (before)
            before->next = use->next;
        else
            v->uses = use->next;
        if (v->last_use == use)
            v->last_use = before;
        use->next = NULL;
        return use;
    }
    return NULL;
}

static void use_link(ingot_value *v, ingot_use *use)
{
    use->next = NULL;
    if (v->last_use)
        v->last_use->next = use;
    else
        v->uses = use;
    v->last_use = use;
}

bool ingot_value_has_uses(const ingot_value *v)
{
    return v->uses != NULL;
}

bool ingot_value_has_one_use(const ingot_value *v)
{
    return v->uses && !v->uses->next;
}

void ingot_value_replace_uses(ingot_value *old_value, ingot_value *new_value)
{
    if (old_value == new_value || !old_value->uses)
        return;
    for (ingot_use *use = old_value->uses; use; use = use->next) {
        if (use->op)
            use->op->in[use->index] = new_value;
        else
            old_value->graph->results[use->index] = new_value;
    }
    if (new_value->last_use)
        new_value->last_use->next = old_value->uses;
    else
        new_value->uses = old_value->uses;
    new_value->last_use = old_value->last_use;
    old_value->uses = old_value->last_use = NULL;
}

ingot_status ingot_graph_add_output(ingot_graph *g, const char *name, ingot_value *value)
{
    ingot_module *m = g->module;
    int32_t capacity = g->results_capacity;
    ingot_value **results = grown(m, g->results, g->n_results, &capacity);
    const char **names = grown(m, g->result_names, g->n_results, &g->results_capacity);
    if (!results || !names)
        return ingot_status_no_memory();
    g->results = results;
    g->result_names = names;
    const char *copy = name ? ingot_arena_strndup(&m->arena, name, strlen(name)) : NULL;
    if (name && !copy)
        return ingot_status_no_memory();
    INGOT_TRY(use_add(value, NULL, g->n_results));
    results[g->n_results] = value;
    names[g->n_results++] = copy;
    return NULL;
}

/* ---- ops ---- */

static void op_link(ingot_op *op, ingot_op *before)
{
    ingot_graph *g = op->graph;
    op->next = before;
    op->prev = before ? before->prev : g->last;
    *(op->prev ? &op->prev->next : &g->first) = op;
    *(before ? &before->prev : &g->last) = op;
}

static void op_unlink(ingot_op *op)
{
    ingot_graph *g = op->graph;
    *(op->prev ? &op->prev->next : &g->first) = op->next;
    *(op->next ? &op->next->prev : &g->last) = op->prev;
    op->prev = op->next = NULL;
}

ingot_status ingot_graph_add_op(ingot_graph *g, ingot_op *before, ingot_op_kind kind, int32_t n_in,
                                ingot_value *const *in, int32_t n_out, ingot_op **out)
{
    ingot_module *m = g->module;
    const ingot_op_info *info = ingot_op_info_get(kind);
    *out = NULL;
    if (!info || n_in < 0 || n_out < 0)
        return ingot_fail(INGOT_INTERNAL, "no op of kind %d with %d operands and %d results", (int)kind, (int)n_in,
                          (int)n_out);
    if (m->next_op_id >= (uint64_t)m->limits->max_nodes)
        return ingot_fail(INGOT_LIMIT, "more than %lld nodes (--max-nodes)", (long long)m->limits->max_nodes);
    void *memory;
    INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof(ingot_op), &memory));
    ingot_op *op = memory;
    op->kind = kind;
    op->graph = g;
    op->n_in = op->n_base = n_in;
    op->n_out = n_out;
    INGOT_TRY(ingot_arena_array(&m->arena, (size_t)n_in, sizeof(void *), &memory));
    op->in = memory;
    INGOT_TRY(ingot_arena_array(&m->arena, (size_t)n_out, sizeof(void *), &memory));
    op->out = memory;
    INGOT_TRY(ingot_arena_array(&m->arena, 1, ingot_attrs_table[info->attrs].size_bytes, &op->attrs));
    *(int64_t *)op->attrs = 1; /* `present` */
    op->id = m->next_op_id++;
    for (int32_t i = 0; i < n_out; i++) {
        INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof(ingot_value), &memory));
        ingot_value *v = memory;
        v->id = m->next_value_id++;
        v->type.rank = -1;
        v->def = op;
        v->def_index = i;
        v->graph = g;
        op->out[i] = v;
    }
    for (int32_t i = 0; i < n_in; i++) {
        if (in[i])
            INGOT_TRY(use_add(in[i], op, i));
        op->in[i] = in[i];
    }
    op_link(op, before);
    *out = op;
    return NULL;
}

ingot_status ingot_op_set_sym(ingot_op *op, int32_t n, const ingot_dim *const *sym)
{
    void *copy;
    INGOT_TRY(ingot_arena_array(&op->graph->module->arena, (size_t)n, sizeof(void *), &copy));
    if (n)
        memcpy(copy, sym, (size_t)n * sizeof(void *));
    op->sym = copy;
    op->n_sym = n;
    return NULL;
}

ingot_status ingot_op_append_operand(ingot_op *op, ingot_value *v)
{
    void *in;
    INGOT_TRY(ingot_arena_array(&op->graph->module->arena, (size_t)op->n_in + 1, sizeof(void *), &in));
    if (op->n_in)
        memcpy(in, op->in, (size_t)op->n_in * sizeof(void *));
    if (v)
        INGOT_TRY(use_add(v, op, op->n_in));
    op->in = in;
    op->in[op->n_in++] = v;
    if (!ingot_op_takes_epilogue(op->kind))
        op->n_base = op->n_in; /* else the new one is the epilogue's */
    return NULL;
}

void ingot_op_set_operand(ingot_op *op, int32_t index, ingot_value *v)
{
    ingot_value *old = op->in[index];
    if (old == v)
        return;
    ingot_use *use = old ? use_unlink(old, op, index) : NULL;
    op->in[index] = v;
    if (!v)
        return;
    if (use) {
        use_link(v, use);
        return;
    }
    ingot_status status = use_add(v, op, index);
    if (status)
        op->in[index] = NULL; /* no memory: left out, which the verifier reports */
    ingot_status_free(status);
}

void ingot_op_move_before(ingot_op *op, ingot_op *before)
{
    if (op == before)
        return;
    op_unlink(op);
    op_link(op, before);
}

void ingot_op_erase(ingot_op *op)
{
    for (int32_t i = 0; i < op->n_in; i++) {
        if (op->in[i])
            (void)use_unlink(op->in[i], op, i);
        op->in[i] = NULL;
    }
    op_unlink(op);
}
