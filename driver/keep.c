/* Inner values as outputs: `run --keep` and `verify --per-op`. */
#include "driver/driver.h"
#include <string.h>

static bool is_output(const ingot_graph *g, const ingot_value *v)
{
    for (const ingot_use *use = v->uses; use; use = use->next)
        if (!use->op && v->graph == g)
            return true;
    return false;
}

static ingot_value *find_value(const ingot_graph *g, const char *name)
{
    for (const ingot_op *op = g->first; op; op = op->next)
        for (int32_t i = 0; i < op->n_out; i++)
            if (op->out[i]->name && !strcmp(op->out[i]->name, name))
                return op->out[i];
    for (int32_t i = 0; i < g->n_params; i++)
        if (g->params[i]->name && !strcmp(g->params[i]->name, name))
            return g->params[i];
    return NULL;
}

ingot_status ingot_driver_keep(ingot_module *m, const char *const *names, int32_t n)
{
    ingot_graph *g = m->graphs[0];
    for (int32_t i = 0; i < n; i++) {
        ingot_value *v = find_value(g, names[i]);
        if (!v)
            return ingot_fail(INGOT_BAD_USAGE, "%s: no value is named '%.100s'", m->file ? m->file : "model", names[i]);
        if (!is_output(g, v))
            INGOT_TRY(ingot_graph_add_output(g, v->name, v));
    }
    return NULL;
}

/* Plain form of a value in blocks of channels, for a caller to read. */
static ingot_status make_plain(ingot_value *v, ingot_value **out)
{
    ingot_op *op;
    INGOT_TRY(ingot_graph_add_op(v->graph, v->def->next, INGOT_OP_relayout, 1, &v, 1, &op));
    op->out[0]->type = v->type;
    op->out[0]->type.layout = INGOT_LAYOUT_PLAIN;
    op->loc = v->def->loc;
    *out = op->out[0];
    return NULL;
}

ingot_status ingot_driver_keep_all(ingot_module *m)
{
    ingot_graph *g = m->graphs[0];
    for (ingot_op *op = g->first, *next; op; op = next) {
        next = op->next;
        if (op->kind == INGOT_OP_constant || op->kind == INGOT_OP_dims || op->kind == INGOT_OP_bind_dims)
            continue;
        for (int32_t i = 0; i < op->n_out; i++) {
            ingot_value *v = op->out[i];
            if (is_output(g, v) || v->type.rank < 0 || !ingot_value_has_uses(v))
                continue;
            char *name = ingot_arena_printf(&m->arena, "%s#%u.%d",
                                            op->loc ? op->loc : ingot_op_info_get(op->kind)->name, op->id, i);
            if (!name)
                return ingot_status_no_memory();
            if (v->type.layout != INGOT_LAYOUT_PLAIN)
                INGOT_TRY(make_plain(v, &v));
            INGOT_TRY(ingot_graph_add_output(g, name, v));
        }
    }
    return NULL;
}
