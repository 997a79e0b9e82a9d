/* Dead ops: pure ops without uses go, last first; `if` and `loop` go when nothing in their regions has effects.
 *
 * An op whose result sizes the data decides defines symbols. It goes only when no other op, result or check mentions
 * them.
 */
#include "passes/internal.h"

typedef struct marks {
    unsigned char *symbols; /* per symbol: mentioned */
    int32_t n_symbols;
    unsigned char *seen; /* per dim id */
    uint32_t n_seen;
} marks;

static void mark_dim(marks *k, const ingot_dim *d)
{
    /* Chains lean right: the loop follows b, recursion follows a (bounded by ir's nesting limit). */
    while (d) {
        if (d->id < k->n_seen) {
            if (k->seen[d->id])
                return;
            k->seen[d->id] = 1;
        }
        if (d->kind == INGOT_DIM_CONST)
            return;
        if (d->kind == INGOT_DIM_SYMBOL) {
            if (d->value >= 0 && d->value < k->n_symbols)
                k->symbols[d->value] = 1;
            return;
        }
        mark_dim(k, d->a);
        d = d->b;
    }
}

static void mark_type(marks *k, const ingot_type *t)
{
    for (int32_t i = 0; i < t->rank; i++)
        mark_dim(k, t->dims[i]);
}

static bool has_uses(const ingot_op *op)
{
    for (int32_t i = 0; i < op->n_out; i++) {
        if (ingot_value_has_uses(op->out[i]))
            return true;
    }
    return false;
}

static ingot_status mark_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)ctx;
    marks *k = arg;
    for (int32_t i = 0; i < g->n_params; i++)
        mark_type(k, &g->params[i]->type);
    for (const ingot_op *op = g->first; op; op = op->next) {
        bool defines = ingot_op_info_get(op->kind)->data_sized && !has_uses(op);
        for (int32_t i = 0; i < op->n_sym; i++)
            mark_dim(k, op->sym[i]);
        for (int32_t i = 0; i < op->n_out && !defines; i++)
            mark_type(k, &op->out[i]->type);
    }
    return NULL;
}

static bool mentions_marked(const marks *k, const ingot_op *op, const ingot_dim *d)
{
    while (d && d->kind != INGOT_DIM_CONST) {
        if (d->kind == INGOT_DIM_SYMBOL)
            return d->value < 0 || d->value >= k->n_symbols || k->symbols[d->value];
        if (mentions_marked(k, op, d->a))
            return true;
        d = d->b;
    }
    return false;
}

static bool region_is_pure(const ingot_graph *g)
{
    for (const ingot_op *op = g->first; op; op = op->next) {
        if (op->kind == INGOT_OP_if || op->kind == INGOT_OP_loop) {
            for (int r = 0; r < 2; r++) {
                if (op->regions[r] && !region_is_pure(op->regions[r]))
                    return false;
            }
        } else if (!ingot_op_info_get(op->kind)->pure || ingot_op_info_get(op->kind)->data_sized) {
            return false;
        }
    }
    return true;
}

static bool is_dead(const marks *k, const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    if (has_uses(op))
        return false;
    if (op->kind == INGOT_OP_if || op->kind == INGOT_OP_loop)
        return region_is_pure(op->regions[0]) && (!op->regions[1] || region_is_pure(op->regions[1]));
    if (!info->pure)
        return false;
    if (!info->data_sized)
        return true;
    for (int32_t i = 0; i < op->n_out; i++) {
        for (int32_t j = 0; j < op->out[i]->type.rank; j++) {
            if (mentions_marked(k, op, op->out[i]->type.dims[j]))
                return false;
        }
    }
    return true;
}

typedef struct sweep {
    marks marks;
    bool changed;
} sweep;

static ingot_status remove_from_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)ctx;
    sweep *s = arg;
    for (ingot_op *op = g->last, *before; op; op = before) {
        before = op->prev;
        if (is_dead(&s->marks, op)) {
            ingot_op_erase(op);
            s->changed = true;
        }
    }
    return NULL;
}

ingot_status ingot_remove_dead(ingot_module *m, bool *changed)
{
    ingot_arena scratch = {0};
    ingot_pass_context none = {0};
    sweep s = {0};
    void *symbols = NULL, *seen = NULL;
    s.marks.n_symbols = ingot_module_symbol_count(m);
    s.marks.n_seen = 1 << 20; /* larger ids are merely visited again */
    ingot_status err = ingot_arena_array(&scratch, (size_t)s.marks.n_symbols + 1, 1, &symbols);
    if (!err)
        err = ingot_arena_array(&scratch, s.marks.n_seen, 1, &seen);
    s.marks.symbols = symbols;
    s.marks.seen = seen;
    for (const ingot_check *check = err ? NULL : m->checks; check; check = check->next) {
        mark_dim(&s.marks, check->a);
        mark_dim(&s.marks, check->b);
    }
    if (!err)
        err = ingot_each_graph(m, &none, &s.marks, mark_graph);
    if (!err)
        err = ingot_each_graph(m, &none, &s, remove_from_graph);
    ingot_arena_release(&scratch);
    *changed = *changed || s.changed;
    return err;
}
