/* Blocks of 16 channels (INGOT_LAYOUT_C16) around convolutions.
 *
 * Convolutions write C16, and read it from 16 input channels on (conv_reads). Pooling, elementwise ops, resizing by
 * whole factors, concats of whole blocks and reductions over space can do either: they start as their operands are and
 * then change sides, one at a time, as long as that saves time: what the cost model predicts for the op on either side
 * (a last block that is half empty costs a whole one) and for the conversions around it; without a model, bytes of
 * conversions. All else is plain, as are inputs and outputs. `relayout` ops stand where the sides meet, one per value.
 *
 * Dims stay the logical [N, C, ...]; only type.layout changes. Constants keep the plain layout when they are one number
 * or per channel. Lanes past C stay finite: where C is no multiple of 16, elementwise ops are C16 only if they take
 * finite numbers to finite numbers.
 *
 * Needs: canonicalize; before fusion. Breaks: passes that match shapes of plain values (recognize_*).
 */
#include "passes/internal.h"

typedef enum { SIDE_PLAIN, SIDE_CONV, SIDE_EITHER, SIDE_REDUCE } side;
enum { ANY = -1, PLAIN = 0, C16 = 1, MAX_SWEEPS = 8, MAX_USES = 64 };

/* What one op and the conversion of its result take, by side: ns, or bytes. */
typedef struct op_cost {
    double work[2]; /* done in that layout */
    double move[2]; /* from that layout into the other one */
} op_cost;

typedef struct plan {
    const ingot_pass_context *ctx;
    ingot_op **ops;
    op_cost *costs;
    int32_t n;
    int32_t *index; /* by op id; -1 */
    uint32_t n_ids;
    unsigned char *sides, *blocked; /* per op: side; its result is C16 */
} plan;

/* What convolutions read, sum and write. */
static bool dtype_fits(ingot_dtype d)
{
    return d == INGOT_F32 || d == INGOT_I32 || d == INGOT_BF16 || d == INGOT_I16 || d == INGOT_U8 || d == INGOT_I8;
}

static bool fits(const ingot_type *t)
{
    return (t->rank == 3 || t->rank == 4) && dtype_fits(t->dtype) && t->layout == INGOT_LAYOUT_PLAIN &&
           ingot_dim_is_const(t->dims[1]) && t->dims[1]->value >= 1;
}

/* ---- which ops can ---- */

/* Floats; integers as lowering has kernels for, without zero points. */
static bool types_fit(const ingot_op *op)
{
    ingot_dtype x = op->in[0]->type.dtype, w = op->in[1]->type.dtype;
    if (op->kind == INGOT_OP_conv)
        return x == INGOT_F32 && w == INGOT_F32;
    if (op->kind == INGOT_OP_conv_bf16)
        return w == INGOT_BF16;
    return (x == INGOT_I16 && w == INGOT_I16) || (x == INGOT_U8 && w == INGOT_I8);
}

static bool conv_fits(const ingot_op *op)
{
    const ingot_attrs_conv *attrs = op->attrs;
    const ingot_type *x = &op->in[0]->type, *w = &op->in[1]->type;
    if (op->prog || op->n_in != 2 || !fits(x) || !fits(&op->out[0]->type) || !ingot_value_literal(op->in[1]) ||
        !ingot_type_is_static(w) || !types_fit(op))
        return false;
    int64_t groups = attrs->groups > 0 ? attrs->groups : 1, ins = x->dims[1]->value, outs = w->dims[0]->value;
    return groups == 1 || (groups == ins && groups == outs) ||
           (ins % groups == 0 && outs % groups == 0 && ins / groups % 16 == 0 && outs / groups % 16 == 0);
}

/* What a convolution reads: blocks from 16 channels on. Fewer would fill a block with zeros, which is worth it when the
 * value comes in blocks and half of one is full, or space is small. */
static int conv_reads(const ingot_op *conv)
{
    const ingot_type *x = &conv->in[0]->type;
    int64_t channels = x->dims[1]->value, space = 1;
    if (channels >= 16 || ((const ingot_attrs_conv *)conv->attrs)->groups > 1)
        return C16;
    for (int32_t i = 2; i < x->rank && space <= 16; i++)
        space *= x->dims[i]->hi < 64 ? x->dims[i]->hi : 64;
    return channels >= 8 || space <= 16 ? ANY : PLAIN;
}

/* One number, or a vector along the channels of `like`. */
static bool per_channel(const ingot_type *t, const ingot_type *like)
{
    for (int32_t i = 1; i <= t->rank; i++) {
        if (!ingot_dim_is(t->dims[t->rank - i], 1) && (like->rank - i != 1 || t->dims[t->rank - i] != like->dims[1]))
            return false;
    }
    return t->rank <= like->rank;
}

static bool finite_on_finite(const ingot_op *op)
{
    double number;
    switch (op->kind) {
    case INGOT_OP_add:
    case INGOT_OP_sub:
    case INGOT_OP_mul:
    case INGOT_OP_max:
    case INGOT_OP_min:
    case INGOT_OP_abs:
    case INGOT_OP_neg:
    case INGOT_OP_sign:
    case INGOT_OP_ceil:
    case INGOT_OP_floor:
    case INGOT_OP_round:
    case INGOT_OP_relu:
    case INGOT_OP_sigmoid:
    case INGOT_OP_tanh:
    case INGOT_OP_erf:
    case INGOT_OP_softplus:
    case INGOT_OP_gelu:
    case INGOT_OP_gelu_tanh:
    case INGOT_OP_silu:
    case INGOT_OP_hard_swish:
    case INGOT_OP_cast:
    case INGOT_OP_fma:
        return true;
    case INGOT_OP_div:
        return ingot_value_is_splat(op->graph->module, op->in[1], &number) && number != 0;
    default:
        return false;
    }
}

static bool elementwise_fits(const ingot_op *op)
{
    const ingot_type *result = &op->out[0]->type;
    bool any = false;
    if (!ingot_op_info_get(op->kind)->scalar || !ingot_is_elementwise(op) ||
        (result->dims[1]->value % 16 != 0 && !finite_on_finite(op)))
        return false;
    for (int32_t i = 0; i < op->n_in; i++) {
        const ingot_type *t = &op->in[i]->type;
        if (!dtype_fits(t->dtype))
            return false;
        if (ingot_type_count(t) == 1 || (ingot_value_literal(op->in[i]) && per_channel(t, result)))
            continue;
        if (t->rank != result->rank || t->dims[1] != result->dims[1] || !fits(t))
            return false;
        any = true;
    }
    return any;
}

static bool concat_fits(const ingot_op *op)
{
    if (((const ingot_attrs_axis *)op->attrs)->axis != 1)
        return false;
    for (int32_t i = 0; i < op->n_in; i++) {
        if (!fits(&op->in[i]->type) || (i + 1 < op->n_in && op->in[i]->type.dims[1]->value % 16 != 0))
            return false;
    }
    return true;
}

/* Space repeated by whole factors. */
static bool resize_fits(const ingot_op *op)
{
    int64_t factors[INGOT_MAX_RANK];
    return fits(&op->in[0]->type) && fits(&op->out[0]->type) && ingot_resize_repeats(op, factors) && factors[1] == 1;
}

/* A reduction over all of space and nothing else. */
static bool reduce_fits(const ingot_op *op)
{
    const ingot_attrs_reduce *attrs = op->attrs;
    int32_t rank = op->in[0]->type.rank;
    uint32_t axes = 0;
    if (op->prog || op->n_in != 1 || !fits(&op->in[0]->type) || attrs->kind > INGOT_REDUCE_MIN)
        return false;
    for (int64_t i = 0; i < attrs->axes.n; i++)
        axes |= 1u << ((attrs->axes.v[i] < 0 ? attrs->axes.v[i] + rank : attrs->axes.v[i]) & 31);
    return axes == (1u << rank) - 4u;
}

static side side_of(const ingot_op *op)
{
    if (op->n_out != 1)
        return SIDE_PLAIN;
    switch (op->kind) {
    case INGOT_OP_conv:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_conv_integer:
        return conv_fits(op) ? SIDE_CONV : SIDE_PLAIN;
    case INGOT_OP_max_pool:
    case INGOT_OP_avg_pool:
        return !op->prog && op->n_in == 1 && fits(&op->in[0]->type) && fits(&op->out[0]->type) ? SIDE_EITHER
                                                                                               : SIDE_PLAIN;
    case INGOT_OP_resize:
        return resize_fits(op) ? SIDE_EITHER : SIDE_PLAIN;
    case INGOT_OP_concat:
        return fits(&op->out[0]->type) && concat_fits(op) ? SIDE_EITHER : SIDE_PLAIN;
    case INGOT_OP_reduce:
        return reduce_fits(op) ? SIDE_REDUCE : SIDE_PLAIN;
    default:
        return fits(&op->out[0]->type) && elementwise_fits(op) ? SIDE_EITHER : SIDE_PLAIN;
    }
}

/* ---- what it costs ---- */

static int32_t index_of(const plan *p, const ingot_op *op)
{
    return op && op->id < p->n_ids ? p->index[op->id] : -1;
}

static bool is_blocked(const plan *p, const ingot_value *v)
{
    int32_t i = index_of(p, v->def);
    return i >= 0 && p->blocked[i];
}

/* Operands of an elementwise op in blocks that stay plain: one number, constants of each channel. */
static bool reads_plain(const ingot_op *op, int32_t i)
{
    const ingot_type *t = &op->in[i]->type;
    return ingot_is_elementwise(op) &&
           (ingot_type_count(t) == 1 || (ingot_value_literal(op->in[i]) && per_channel(t, &op->out[0]->type)));
}

/* The layout that operand `i` of `op` wants. */
static int need(const plan *p, const ingot_op *op, int32_t i)
{
    int32_t at = index_of(p, op);
    if (at < 0)
        return PLAIN;
    switch ((side)p->sides[at]) {
    case SIDE_CONV:
        return i == 0 ? conv_reads(op) : PLAIN;
    case SIDE_REDUCE:
        return ANY;
    case SIDE_EITHER:
        if (!p->blocked[at])
            return PLAIN;
        return reads_plain(op, i) ? ANY : C16;
    default:
        return PLAIN;
    }
}

static double move_cost(const plan *p, const ingot_value *v, int to)
{
    if (!p->ctx->cost_model)
        return (double)ingot_value_bytes(v);
    return ingot_estimate_relayout(p->ctx, v->graph->module, &v->type,
                                   to == C16 ? INGOT_LAYOUT_C16 : INGOT_LAYOUT_PLAIN);
}

/* An elementwise op, pooling or resizing on one side. Types are plain still. */
static double work_cost(const plan *p, ingot_op *op, int layout)
{
    ingot_layout to = layout == C16 ? INGOT_LAYOUT_C16 : INGOT_LAYOUT_PLAIN;
    if (op->kind == INGOT_OP_max_pool || op->kind == INGOT_OP_avg_pool)
        return ingot_estimate_pool(p->ctx, op, to);
    if (op->kind == INGOT_OP_resize)
        return ingot_estimate_resize(p->ctx, op, to);
    if (!ingot_is_elementwise(op))
        return 0;
    ingot_value *changed[INGOT_PROG_MAX_ARGS + 1] = {op->out[0]};
    int32_t n = 1;
    for (int32_t i = 0; i < op->n_in && i < INGOT_PROG_MAX_ARGS; i++)
        if (to == INGOT_LAYOUT_C16 && !reads_plain(op, i))
            changed[n++] = op->in[i];
    for (int32_t i = 0; i < n; i++)
        changed[i]->type.layout = to;
    double cost = ingot_estimate_op(p->ctx, op);
    for (int32_t i = 0; i < n; i++)
        changed[i]->type.layout = INGOT_LAYOUT_PLAIN;
    return cost;
}

/* Goes into the convolution that makes its operand (fuse_epilogues): blocks cost it nothing. */
static bool follows_conv(const plan *p, const ingot_op *op)
{
    for (int32_t i = 0; i < op->n_in && ingot_is_elementwise(op); i++) {
        int32_t at = index_of(p, op->in[i]->def);
        if (at >= 0 && p->sides[at] == SIDE_CONV && ingot_value_has_one_use(op->in[i]))
            return true;
    }
    return false;
}

static void find_costs(plan *p)
{
    for (int32_t i = 0; i < p->n; i++) {
        ingot_op *op = p->ops[i];
        if (p->sides[i] == SIDE_PLAIN)
            continue;
        for (int layout = PLAIN; layout <= C16; layout++) {
            p->costs[i].move[layout] = fits(&op->out[0]->type) ? move_cost(p, op->out[0], C16 - layout) : 0;
            bool free = layout == C16 && follows_conv(p, op);
            p->costs[i].work[layout] = p->sides[i] == SIDE_EITHER && !free ? work_cost(p, op, layout) : 0;
        }
    }
}

/* Conversion of v: one each way at most. */
static double conversion(const plan *p, const ingot_value *v)
{
    int have = is_blocked(p, v) ? C16 : PLAIN, seen = 0;
    int32_t at = index_of(p, v->def);
    for (const ingot_use *use = v->uses; use && seen < MAX_USES; use = use->next, seen++) {
        int want = use->op ? need(p, use->op, use->index) : PLAIN;
        if (want != ANY && want != have)
            return at >= 0 && p->sides[at] != SIDE_PLAIN ? p->costs[at].move[have] : move_cost(p, v, want);
    }
    return 0;
}

static double cost_around(const plan *p, const ingot_op *op)
{
    int32_t at = index_of(p, op);
    double cost = conversion(p, op->out[0]) + (at >= 0 ? p->costs[at].work[p->blocked[at]] : 0);
    for (int32_t i = 0; i < op->n_in; i++) {
        if (op->in[i] && !ingot_value_literal(op->in[i]))
            cost += conversion(p, op->in[i]);
    }
    return cost;
}

/* All conversions, and all work that could be on either side. */
static double total(const plan *p, const ingot_graph *g)
{
    double sum = 0;
    for (int32_t i = 0; i < g->n_params; i++)
        sum += conversion(p, g->params[i]);
    for (int32_t i = 0; i < p->n; i++) {
        sum += p->costs[i].work[p->blocked[i]];
        for (int32_t j = 0; j < p->ops[i]->n_out; j++)
            sum += ingot_value_literal(p->ops[i]->out[j]) ? 0 : conversion(p, p->ops[i]->out[j]);
    }
    return sum;
}

/* The same with nothing but convolutions in blocks, for comparison. */
static double total_apart(const plan *p, const ingot_graph *g, ingot_arena *scratch)
{
    plan apart = *p;
    void *blocked;
    ingot_status status = ingot_arena_array(scratch, (size_t)p->n + 1, 1, &blocked);
    if (status) {
        ingot_status_free(status);
        return 0;
    }
    apart.blocked = blocked;
    for (int32_t i = 0; i < p->n; i++)
        apart.blocked[i] = p->sides[i] == SIDE_CONV;
    return total(&apart, g);
}

static void choose(plan *p)
{
    for (int32_t i = 0; i < p->n; i++) {
        const ingot_op *op = p->ops[i];
        if (p->sides[i] == SIDE_CONV)
            p->blocked[i] = 1;
        for (int32_t j = 0; p->sides[i] == SIDE_EITHER && j < op->n_in; j++)
            p->blocked[i] = p->blocked[i] || is_blocked(p, op->in[j]);
        const ingot_use *use = p->sides[i] == SIDE_REDUCE ? op->out[0]->uses : NULL;
        for (; use; use = use->next) {
            /* A result without its axes is plain; the SE block's goes on to a convolution. */
            int32_t user = index_of(p, use->op);
            if (fits(&op->out[0]->type) && user >= 0 && p->sides[user] == SIDE_CONV && conv_reads(use->op) == C16)
                p->blocked[i] = 1;
        }
    }
    bool changed = true;
    for (int32_t sweep = 0; changed && sweep < MAX_SWEEPS; sweep++) {
        changed = false;
        for (int32_t i = 0; i < p->n; i++) {
            bool movable = p->sides[i] == SIDE_EITHER || (p->sides[i] == SIDE_REDUCE && fits(&p->ops[i]->out[0]->type));
            if (!movable)
                continue;
            double before = cost_around(p, p->ops[i]);
            p->blocked[i] ^= 1;
            if (cost_around(p, p->ops[i]) < before)
                changed = true;
            else
                p->blocked[i] ^= 1;
        }
    }
}

/* ---- putting it in ---- */

static ingot_status convert(const plan *p, ingot_graph *g, ingot_value *v, int32_t *out_conversions)
{
    int have = is_blocked(p, v) ? C16 : PLAIN;
    ingot_value *other = NULL;
    for (ingot_use *use = v->uses, *next; use; use = next) {
        next = use->next;
        if (other && use->op == other->def)
            continue; /* the conversion itself */
        int want = use->op ? need(p, use->op, use->index) : PLAIN;
        if (want == ANY || want == have)
            continue;
        if (!other) {
            ingot_op *op, *before = v->def ? v->def->next : g->first;
            INGOT_TRY(ingot_graph_add_op(g, before, INGOT_OP_relayout, 1, &v, 1, &op));
            op->loc = v->def ? v->def->loc : NULL;
            other = op->out[0];
            other->type = v->type;
            other->type.layout = have == C16 ? INGOT_LAYOUT_PLAIN : INGOT_LAYOUT_C16;
            ((ingot_attrs_relayout *)op->attrs)->layout = other->type.layout;
            ++*out_conversions;
        }
        if (use->op) {
            ingot_op_set_operand(use->op, use->index, other);
        } else { /* a result of the graph: moved by hand, other uses stay */
            int32_t index = use->index;
            for (ingot_use **at = &v->uses; *at; at = &(*at)->next) {
                if (*at == use) {
                    *at = use->next;
                    break;
                }
            }
            v->last_use = NULL;
            for (ingot_use *u = v->uses; u; u = u->next)
                v->last_use = u;
            use->next = NULL;
            *(other->last_use ? &other->last_use->next : &other->uses) = use;
            other->last_use = use;
            g->results[index] = other;
        }
    }
    return NULL;
}

static ingot_status apply(const plan *p, ingot_graph *g, int32_t *out_blocked, int32_t *out_conversions)
{
    for (int32_t i = 0; i < p->n; i++) {
        if (p->blocked[i]) {
            p->ops[i]->out[0]->type.layout = INGOT_LAYOUT_C16;
            ++*out_blocked;
        }
    }
    for (int32_t i = 0; i < g->n_params; i++)
        INGOT_TRY(convert(p, g, g->params[i], out_conversions));
    for (int32_t i = 0; i < p->n; i++) {
        for (int32_t j = 0; j < p->ops[i]->n_out; j++)
            INGOT_TRY(convert(p, g, p->ops[i]->out[j], out_conversions));
    }
    return NULL;
}

static ingot_status layout_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    ingot_arena scratch = {0};
    plan p = {.ctx = ctx, .n_ids = g->module->next_op_id};
    void *index = NULL, *sides = NULL, *blocked = NULL, *costs = NULL;
    int32_t n_blocked = 0, conversions = 0;
    bool any = false;
    ingot_status err = ingot_list_ops(g, &scratch, &p.ops, &p.n);
    if (!err)
        err = ingot_arena_array(&scratch, (size_t)p.n_ids + 1, sizeof *p.index, &index);
    if (!err)
        err = ingot_arena_array(&scratch, (size_t)p.n + 1, 1, &sides);
    if (!err)
        err = ingot_arena_array(&scratch, (size_t)p.n + 1, 1, &blocked);
    if (!err)
        err = ingot_arena_array(&scratch, (size_t)p.n + 1, sizeof *p.costs, &costs);
    p.costs = costs;
    p.index = index;
    p.sides = sides;
    p.blocked = blocked;
    for (uint32_t i = 0; i < p.n_ids && !err; i++)
        p.index[i] = -1;
    for (int32_t i = 0; i < p.n && !err; i++) {
        p.index[p.ops[i]->id] = i;
        p.sides[i] = (unsigned char)side_of(p.ops[i]);
        any = any || p.sides[i] == SIDE_CONV;
    }
    if (!err && any) {
        find_costs(&p);
        choose(&p);
        double chosen = total(&p, g), apart = total_apart(&p, g, &scratch);
        err = apply(&p, g, &n_blocked, &conversions);
        if (!err && ctx->cost_model)
            ingot_note(ctx,
                       "%d values in blocks of 16 channels, %d conversions: with what could be in either layout "
                       "predicted %.2f us; with convolutions alone in blocks %.2f us",
                       (int)n_blocked, (int)conversions, chosen / 1e3, apart / 1e3);
        else if (!err)
            ingot_note(ctx, "%d values in blocks of 16 channels, %d conversions", (int)n_blocked, (int)conversions);
    }
    ingot_arena_release(&scratch);
    return err;
}

ingot_status ingot_pass_layout(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, layout_graph);
}
