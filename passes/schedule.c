/* Order of execution: consumers soon after producers, little memory alive.
 *
 * Two orders are tried: the one that is there, and depth first from the results, where of an op's operands the one
 * whose making needs the most memory comes first (Sethi and Ullman's rule, with sizes at their low ends). The one with
 * the lower peak stays; on a tie the one that is there. Ops with effects, and ops whose result sizes the data decides,
 * keep their places: the ops between two of them are ordered among themselves. The result depends on the graph alone.
 */
#include "passes/internal.h"
#include <string.h>

typedef struct segment {
    ingot_op **ops;
    int32_t n;
    int32_t *index;      /* by op id: place in the list of all ops of the graph; -1 */
    int32_t first;       /* ops are index first .. first + n - 1 */
    int64_t *need;       /* per op: estimate of the peak of making it */
    unsigned char *done; /* 0 new, 1 on the stack, 2 placed */
    ingot_op **placed;
    int32_t n_placed;
    ingot_op **stack;
    int32_t stack_capacity;
} segment;

static int32_t local_index(const segment *s, const ingot_value *v)
{
    if (!v || !v->def)
        return -1;
    int32_t i = s->index[v->def->id] - s->first;
    return i >= 0 && i < s->n ? i : -1;
}

static int64_t result_bytes(const ingot_op *op)
{
    int64_t bytes = 0;
    if (op->kind == INGOT_OP_constant)
        return 0;
    for (int32_t i = 0; i < op->n_out; i++)
        bytes += ingot_value_bytes(op->out[i]);
    return bytes;
}

/* ---- peak of an order ---- */

/* Sum of sizes alive at the worst moment; views and in-place reuse are not seen. */
static int64_t peak_of(const segment *s, ingot_op *const *order, int32_t *last_use)
{
    int64_t alive = 0, peak = 0;
    for (int32_t i = 0; i < s->n; i++)
        last_use[i] = -1;
    for (int32_t i = 0; i < s->n; i++) {
        for (int32_t j = 0; j < order[i]->n_in; j++) {
            int32_t k = local_index(s, order[i]->in[j]);
            if (k >= 0)
                last_use[k] = i;
        }
    }
    for (int32_t i = 0; i < s->n; i++) { /* what others use stays alive */
        for (int32_t r = 0; r < s->ops[i]->n_out; r++) {
            for (const ingot_use *use = s->ops[i]->out[r]->uses; use; use = use->next) {
                int32_t k = use->op ? s->index[use->op->id] - s->first : -1;
                if (k < 0 || k >= s->n) {
                    last_use[i] = s->n;
                    break;
                }
            }
        }
    }
    for (int32_t i = 0; i < s->n; i++) {
        alive += result_bytes(order[i]);
        peak = alive > peak ? alive : peak;
        for (int32_t j = 0; j < order[i]->n_in; j++) {
            int32_t k = local_index(s, order[i]->in[j]);
            if (k >= 0 && last_use[k] == i) {
                alive -= result_bytes(s->ops[k]);
                last_use[k] = -2; /* once, even if it is read twice */
            }
        }
    }
    return peak;
}

/* ---- depth first ---- */

/* Sethi and Ullman on the tree of operands; shared values count in each place. */
static void estimate(segment *s)
{
    for (int32_t i = 0; i < s->n; i++) {
        const ingot_op *op = s->ops[i];
        int64_t peak = 0, held = 0;
        for (int32_t j = 0; j < op->n_in; j++) { /* a cheap bound: the hungriest operand first, then all results held */
            int32_t k = local_index(s, op->in[j]);
            if (k < 0)
                continue;
            peak = s->need[k] > peak ? s->need[k] : peak;
            held += result_bytes(s->ops[k]);
        }
        held += result_bytes(op);
        s->need[i] = peak > held ? peak : held;
    }
}

static void place(segment *s, ingot_op *root)
{
    int32_t n = 0;
    s->stack[n++] = root;
    while (n) {
        ingot_op *op = s->stack[n - 1];
        int32_t i = s->index[op->id] - s->first;
        if (s->done[i] == 2) {
            n--;
            continue;
        }
        if (s->done[i] == 1) {
            s->done[i] = 2;
            s->placed[s->n_placed++] = op;
            n--;
            continue;
        }
        s->done[i] = 1;
        /* The hungriest operand is pushed last and so made first; constants and other ties by order in the graph. */
        int32_t base = n;
        for (int32_t j = 0; j < op->n_in; j++) {
            int32_t k = local_index(s, op->in[j]);
            if (k < 0 || s->done[k] != 0 || n >= s->stack_capacity)
                continue;
            int32_t at = n++;
            for (; at > base; at--) {
                int32_t other = s->index[s->stack[at - 1]->id] - s->first;
                int64_t gain = s->need[k] - result_bytes(s->ops[k]),
                        other_gain = s->need[other] - result_bytes(s->ops[other]);
                if (gain > other_gain || (gain == other_gain && k <= other))
                    break;
                s->stack[at] = s->stack[at - 1];
            }
            s->stack[at] = s->ops[k];
        }
    }
}

static bool is_fixed(const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    return !info->pure || info->data_sized;
}

static ingot_status order_segment(segment *s, ingot_op *before, ingot_arena *scratch)
{
    void *need, *done, *placed, *stack, *last_use;
    int64_t edges = 0;
    if (s->n < 2)
        return NULL;
    for (int32_t i = 0; i < s->n; i++)
        edges += s->ops[i]->n_in + 1;
    if (edges > INT32_MAX / 2)
        return NULL;
    INGOT_TRY(ingot_arena_array(scratch, (size_t)s->n, sizeof(int64_t), &need));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)s->n, 1, &done));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)s->n, sizeof(ingot_op *), &placed));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)s->n, sizeof(int32_t), &last_use));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)edges, sizeof(ingot_op *), &stack));
    s->need = need;
    s->done = done;
    s->placed = placed;
    s->stack = stack;
    s->stack_capacity = (int32_t)edges;
    s->n_placed = 0;
    estimate(s);
    /* Roots: what nothing in the segment uses, in their order. */
    for (int32_t i = 0; i < s->n; i++) {
        bool inner = false;
        for (int32_t r = 0; r < s->ops[i]->n_out && !inner; r++) {
            for (const ingot_use *use = s->ops[i]->out[r]->uses; use && !inner; use = use->next) {
                int32_t k = use->op ? s->index[use->op->id] - s->first : -1;
                inner = k >= 0 && k < s->n;
            }
        }
        if (!inner)
            place(s, s->ops[i]);
    }
    if (s->n_placed != s->n || peak_of(s, s->placed, last_use) >= peak_of(s, s->ops, last_use))
        return NULL;
    for (int32_t i = 0; i < s->n; i++)
        ingot_op_move_before(s->placed[i], before);
    return NULL;
}

static ingot_status schedule_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    (void)ctx;
    ingot_arena scratch = {0};
    ingot_op **ops;
    int32_t n = 0;
    void *index = NULL;
    ingot_status err = ingot_list_ops(g, &scratch, &ops, &n);
    if (!err)
        err = ingot_arena_array(&scratch, (size_t)g->module->next_op_id + 1, sizeof(int32_t), &index);
    for (uint32_t i = 0; i < g->module->next_op_id && !err; i++)
        ((int32_t *)index)[i] = -1;
    for (int32_t i = 0; i < n && !err; i++)
        ((int32_t *)index)[ops[i]->id] = i;
    for (int32_t begin = 0; begin < n && !err;) {
        int32_t end = begin;
        while (end < n && !is_fixed(ops[end]))
            end++;
        segment s = {.ops = ops + begin, .n = end - begin, .index = index, .first = begin};
        err = order_segment(&s, end < n ? ops[end] : NULL, &scratch);
        begin = end + 1;
    }
    ingot_arena_release(&scratch);
    return err;
}

ingot_status ingot_pass_schedule(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, schedule_graph);
}
