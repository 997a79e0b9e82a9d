/* Elementwise ops that stand together become few maps.
 *
 * A producer goes into its consumer when the consumer's loop can compute it at no more cost than before:
 *
 *   - the same result shape and layout; its other users then read it as a further result of the map (up to 4), provided
 * that they stand below;
 *   - a smaller shape, when all its uses are there and it is predicted to be faster so: it is computed again for each
 * element. (Without a cost model: when it is a single number, or cheap.)
 *
 * A map has at most INGOT_PROG_MAX_ARGS operands; single numbers become constants of the program, unless the result's
 * shape needs the operand. Merging never makes a cycle: nothing between producer and consumer may depend on the
 * producer and feed the consumer. Needs: canonicalize; after fuse_epilogues, which takes what it can first.
 */
#include "passes/internal.h"
#include <string.h>

enum { MAX_OPERANDS = INGOT_PROG_MAX_ARGS, SEARCH = 512, MAX_REPEATED = 16 };
#define MARGIN 0.97 /* a map has to be predicted so much faster than its parts to repeat work */

/* Operands and program of a map in the making. */
typedef struct cluster {
    ingot_value *in[MAX_OPERANDS];
    ingot_prog prog;
} cluster;

/* The operand's register; -1 when there is no room. */
static int32_t operand(cluster *c, ingot_value *v)
{
    for (int32_t i = 0; i < c->prog.n_args; i++) {
        if (c->in[i] == v)
            return i;
    }
    int32_t reg = ingot_prog_add_arg(&c->prog, v->type.dtype);
    if (reg >= 0)
        c->in[reg] = v;
    return reg;
}

/* True when operands other than those marked give the result's shape by broadcasting. */
static bool covers(const ingot_type *want, ingot_value *const *in, int32_t n, const bool *left_out)
{
    for (int32_t d = 1; d <= want->rank; d++) {
        bool found = ingot_dim_is(want->dims[want->rank - d], 1) && want->rank == 0;
        for (int32_t i = 0; i < n && !found; i++) {
            const ingot_type *t = &in[i]->type;
            found = !left_out[i] && d <= t->rank && t->dims[t->rank - d] == want->dims[want->rank - d];
        }
        if (!found)
            return false;
    }
    return true;
}

/* Adds `op` (elementwise, or a map) to the cluster; its operands that `known` lists (n of them) are registers already.
 * Registers of known values are given and returned by value, and move when operands are added: so all operands come
 * first. */
typedef struct known {
    const ingot_value *value[2 * INGOT_PROG_MAX_RESULTS];
    int32_t
        instr[2 * INGOT_PROG_MAX_RESULTS]; /* instruction number, or -1 - argument: independent of later arguments */
    int32_t n;
} known;

static int32_t known_register(const known *k, const cluster *c, const ingot_value *v)
{
    for (int32_t i = 0; i < k->n; i++) {
        if (k->value[i] == v)
            return k->instr[i] < 0 ? -1 - k->instr[i] : c->prog.n_args + k->instr[i];
    }
    return -1;
}

static bool add_op(cluster *c, const ingot_op *op, known *k)
{
    ingot_module *m = op->graph->module;
    ingot_prog prog;
    int32_t args[INGOT_PROG_MAX_ARGS], results[INGOT_PROG_MAX_RESULTS];
    double number;
    ingot_prog_of(op, &prog);
    if (prog.n_args != op->n_in || prog.n_results != op->n_out || op->n_in > INGOT_PROG_MAX_ARGS)
        return false;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (known_register(k, c, op->in[i]) < 0 && !ingot_value_is_splat(m, op->in[i], &number) &&
            operand(c, op->in[i]) < 0)
            return false;
    }
    for (int32_t i = 0; i < op->n_in; i++) {
        args[i] = known_register(k, c, op->in[i]);
        if (args[i] < 0 && ingot_value_is_splat(m, op->in[i], &number)) {
            args[i] = ingot_prog_splat(&c->prog, op->in[i]);
        } else if (args[i] < 0) {
            args[i] = operand(c, op->in[i]);
        }
        if (args[i] < 0)
            return false;
    }
    if (!ingot_prog_inline(&c->prog, &prog, args, results))
        return false;
    for (int32_t i = 0; i < op->n_out; i++) {
        if (k->n == (int32_t)(sizeof k->value / sizeof k->value[0]))
            return false;
        k->value[k->n] = op->out[i];
        k->instr[k->n++] = results[i] < c->prog.n_args ? -1 - results[i] : results[i] - c->prog.n_args;
    }
    return true;
}

/* ---- may they merge? ---- */

static bool used_only_by(const ingot_op *producer, const ingot_op *consumer)
{
    for (int32_t i = 0; i < producer->n_out; i++) {
        for (const ingot_use *use = producer->out[i]->uses; use; use = use->next) {
            if (use->op != consumer)
                return false;
        }
    }
    return true;
}

/* All users of the producer but the consumer stand below the consumer (or are results of the graph). Looks at a bounded
 * stretch. */
static bool others_are_below(const ingot_op *producer, const ingot_op *consumer)
{
    int32_t steps = 0;
    for (const ingot_op *op = producer->next; op && op != consumer; op = op->next) {
        if (++steps > SEARCH)
            return false;
        for (int32_t i = 0; i < op->n_in; i++) {
            if (op->in[i] && op->in[i]->def == producer)
                return false;
        }
    }
    return true;
}

static int32_t results_after(const ingot_op *producer, const ingot_op *consumer)
{
    int32_t n = consumer->n_out;
    for (int32_t i = 0; i < producer->n_out; i++) {
        for (const ingot_use *use = producer->out[i]->uses; use; use = use->next) {
            if (use->op != consumer) {
                n++;
                break;
            }
        }
    }
    return n;
}

static bool may_merge(const ingot_op *producer, const ingot_op *consumer, bool asks_model)
{
    if (producer->graph != consumer->graph || !ingot_is_elementwise(producer))
        return false;
    const ingot_type *p = &producer->out[0]->type, *c = &consumer->out[0]->type;
    bool alone = used_only_by(producer, consumer);
    if (ingot_same_shape(p, c) && p->layout == c->layout)
        return alone ||
               (results_after(producer, consumer) <= INGOT_PROG_MAX_RESULTS && others_are_below(producer, consumer));
    if (!alone || c->layout != INGOT_LAYOUT_PLAIN || p->layout != INGOT_LAYOUT_PLAIN)
        return false;
    ingot_prog prog;
    ingot_prog_of(producer, &prog);
    if (asks_model)
        return prog.n_instrs <= MAX_REPEATED;
    if (ingot_type_count(p) == 1)
        return prog.n_instrs <= 2 || !ingot_prog_is_expensive(&prog);
    return prog.n_instrs <= 3 && !ingot_prog_is_expensive(&prog);
}

/* ---- merging ---- */

/* Predicted times of merges, for the notes. */
typedef struct times {
    double merged, apart; /* ns */
} times;

/* Whether the merged program is worth it. Of equal shapes it saves a pass over memory and repeats nothing. */
static bool is_faster(const ingot_pass_context *ctx, const ingot_op *producer, const ingot_op *consumer,
                      const cluster *c, times *out)
{
    const ingot_type *from = &producer->out[0]->type, *to = &consumer->out[0]->type;
    out->merged = ingot_estimate_map(ctx, consumer->graph->module, &c->prog, to, c->in);
    out->apart = ingot_estimate_op(ctx, producer) + ingot_estimate_op(ctx, consumer);
    if (ingot_same_shape(from, to))
        return true;
    return out->merged > 0 && out->merged < MARGIN * out->apart;
}

/* A map of `ops` (producer, if any, then consumer) in the consumer's place; null in *out when it does not fit, or is no
 * faster than the two. */
static ingot_status make_map(const ingot_pass_context *ctx, ingot_op *producer, ingot_op *consumer, times *out_times,
                             ingot_op **out)
{
    ingot_module *m = consumer->graph->module;
    cluster c;
    known k = {.n = 0};
    *out = NULL;
    memset(&c, 0, sizeof c);
    if ((producer && !add_op(&c, producer, &k)) || !add_op(&c, consumer, &k))
        return NULL;

    ingot_value *results[INGOT_PROG_MAX_RESULTS];
    int32_t n = 0;
    for (int32_t i = 0; i < k.n; i++) {
        ingot_value *v = (ingot_value *)(uintptr_t)k.value[i];
        bool wanted = v->def == consumer;
        for (const ingot_use *use = v->uses; use && !wanted; use = use->next)
            wanted = use->op != consumer;
        if (!wanted)
            continue;
        if (n == INGOT_PROG_MAX_RESULTS)
            return NULL;
        c.prog.results[n] = (int16_t)known_register(&k, &c, v);
        results[n++] = v;
    }
    c.prog.n_results = n;
    ingot_prog_trim(&c.prog);

    /* A splat that became a constant of the program may have been what gave the result its shape. */
    bool none[MAX_OPERANDS] = {0};
    const ingot_type *want = &consumer->out[0]->type;
    ingot_op *both[2] = {producer, consumer};
    for (int b = 0; b < 2 && !covers(want, c.in, c.prog.n_args, none); b++) {
        for (int32_t i = 0; both[b] && i < both[b]->n_in; i++) {
            ingot_value *v = both[b]->in[i];
            if (v->def != producer && ingot_value_literal(v) && operand(&c, v) < 0)
                return NULL;
        }
    }
    if (c.prog.n_args == 0 || !covers(want, c.in, c.prog.n_args, none))
        return NULL;
    if (producer && ctx->cost_model && !is_faster(ctx, producer, consumer, &c, out_times))
        return NULL;

    void *memory;
    ingot_op *map;
    INGOT_TRY(ingot_graph_add_op(consumer->graph, consumer, INGOT_OP_map, c.prog.n_args, c.in, n, &map));
    INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof(ingot_prog), &memory));
    map->prog = memory;
    *map->prog = c.prog;
    map->loc = consumer->loc;
    for (int32_t i = 0; i < n; i++) {
        map->out[i]->type = results[i]->type;
        map->out[i]->name = results[i]->name;
        ingot_value_replace_uses(results[i], map->out[i]);
    }
    /* Uses inside the pair went over as well; both are gone now. */
    ingot_op_erase(consumer);
    if (producer)
        ingot_op_erase(producer);
    *out = map;
    return NULL;
}

static bool has_number(const ingot_op *op)
{
    double number;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (ingot_value_is_splat(op->graph->module, op->in[i], &number))
            return true;
    }
    return false;
}

static ingot_status fuse_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    int32_t merged = 0;
    times one = {0}, all = {0};
    if (!ingot_is_elementwise(op))
        return NULL;
    for (bool again = true; again;) {
        again = false;
        for (int32_t i = op->n_in - 1; i >= 0 && !again; i--) {
            ingot_op *producer = op->in[i]->def, *map;
            if (!producer || !may_merge(producer, op, ctx->cost_model != NULL))
                continue;
            INGOT_TRY(make_map(ctx, producer, op, &one, &map));
            if (map) {
                op = map;
                merged++;
                all.apart += one.apart - all.merged; /* this map's part of it is known by its own parts */
                all.merged = one.merged;
                again = true;
            }
        }
    }
    if (op->kind != INGOT_OP_map && has_number(op)) {
        ingot_op *map;
        INGOT_TRY(make_map(ctx, NULL, op, &one, &map));
        op = map ? map : op;
    }
    if (merged && all.merged > 0)
        ingot_note(ctx, "one map from %d elementwise ops at '%s': predicted %.2f us, apart %.2f us", (int)merged + 1,
                   op->loc ? op->loc : "", all.merged / 1e3, all.apart / 1e3);
    else if (merged)
        ingot_note(ctx, "one map from %d elementwise ops at '%s'", (int)merged + 1, op->loc ? op->loc : "");
    return NULL;
}

static ingot_status fuse_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, fuse_op);
}

ingot_status ingot_pass_fuse_maps(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, fuse_graph);
}
