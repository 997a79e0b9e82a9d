/* Offsets of arena buffers: buffers alive together never overlap.
 *
 * Sizes all known: several greedy orders (largest first, largest area of size times lifetime first, longest lived
 * first, in order of time), each buffer at the lowest or at the best-fitting gap; the smallest arena wins. Source:
 * Pisarchyk and Lee, arXiv:2001.03288 (greedy by size), with more orders. Open sizes: the same for typical sizes; what
 * lies above another buffer there, and lives together with it, lies above it at all sizes: offset = max(end of those
 * below). As sizes, such offsets would soon be too large; then buffers name those below them, and the plan has one
 * expression for each. Sizes that the data decides count at their bounds; what has no reasonable bound gets memory of
 * its own when a run knows the size.
 */
#include "lower/lower.h"
#include <string.h>

#define ALIGNMENT 64
/* Of a value whose size the data decides: beyond it the value stays out of the arena. */
#define MAX_BOUND_BYTES ((int64_t)1 << 30)
#define MAX_BYTES       ((int64_t)1 << 47) /* of one buffer: what a process can address */

typedef struct slot {
    int32_t buffer, first, last;
    const ingot_dim *bytes;
    int64_t size, offset; /* of typical sizes */
} slot;

typedef struct plan {
    slot *slots;
    int32_t *order;
    int32_t n;
    int64_t peak;
    bool is_static;
} plan;

static bool together(const slot *a, const slot *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* A buffer that lives across the border of a loop, and is used inside, stays for all of the loop. */
static void extend_over_loops(const lowering *l)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (const loop_range *r = l->loops; r != NULL; r = r->next)
            for (int32_t i = 0; i < l->p->n_buffers; i++) {
                ingot_buffer *b = &l->p->buffers[i];
                bool inside = b->first_step <= r->last && b->last_step >= r->first,
                     crosses = b->first_step < r->first || b->last_step > r->last;
                if (!inside || !crosses || b->first_step < 0 || (b->first_step <= r->first && b->last_step >= r->last))
                    continue;
                if (b->first_step > r->first)
                    b->first_step = r->first;
                if (b->last_step < r->last)
                    b->last_step = r->last;
                changed = true;
            }
    }
}

static int64_t end_of(const slot *s)
{
    int64_t end;
    return __builtin_add_overflow(s->offset, s->size, &end) ? INT64_MAX : end;
}

/* `near`: room for n entries. Returns the size of the arena. */
static int64_t place_greedy(plan *p, bool best_fit, int32_t *near)
{
    int64_t peak = 0;
    for (int32_t i = 0; i < p->n; i++) {
        slot *s = &p->slots[p->order[i]];
        int32_t n = 0;
        for (int32_t j = 0; j < i; j++) { /* those placed and alive together, by offset */
            const slot *other = &p->slots[p->order[j]];
            if (!together(s, other))
                continue;
            int32_t k = n++;
            for (; k > 0 && p->slots[near[k - 1]].offset > other->offset; k--)
                near[k] = near[k - 1];
            near[k] = p->order[j];
        }
        int64_t end = 0, found = -1, found_gap = 0;
        for (int32_t k = 0; k < n; k++) {
            int64_t gap = p->slots[near[k]].offset - end;
            if (gap >= s->size && (found < 0 || (best_fit && gap < found_gap))) {
                found = end;
                found_gap = gap;
                if (!best_fit)
                    break;
            }
            if (end_of(&p->slots[near[k]]) > end)
                end = end_of(&p->slots[near[k]]);
        }
        s->offset = found >= 0 ? found : end;
        if (end_of(s) > peak)
            peak = end_of(s);
    }
    return peak;
}

/* Comparison keys: larger first; ties by buffer number, so that plans are reproducible. */
static int64_t key(const slot *s, int32_t rule)
{
    int64_t life = (int64_t)s->last - s->first + 1;
    switch (rule) {
    case 0:
        return s->size;
    case 1:
        return s->size / 64 * life;
    case 2:
        return life;
    default:
        return -(int64_t)s->first;
    }
}

static void sort_order(plan *p, int32_t rule)
{ /* insertion sort is stable; plans have at most thousands of buffers */
    for (int32_t i = 0; i < p->n; i++) {
        int64_t k = key(&p->slots[i], rule);
        int32_t at = i;
        for (; at > 0; at--) {
            const slot *other = &p->slots[p->order[at - 1]];
            int64_t other_key = key(other, rule);
            if (other_key > k || (other_key == k && other->size >= p->slots[i].size))
                break;
            p->order[at] = p->order[at - 1];
        }
        p->order[at] = i;
    }
}

/* The order of the offsets that typical sizes have: whatever lies above another one at these shall do so at all. */
static void sort_by_offset(plan *p, const int64_t *offsets)
{
    for (int32_t i = 0; i < p->n; i++) {
        int32_t at = i;
        for (; at > 0 && offsets[p->order[at - 1]] > offsets[i]; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = i;
    }
}

/* Every buffer above all earlier ones of the order that it lives with; those below another such one need not be named.
 */
static ingot_status stack(lowering *l, plan *p, ingot_arena *scratch)
{
    uint8_t *below; /* below[i * n + j]: order[j] lies under order[i] */
    int32_t *found, *order;
    size_t n = (size_t)p->n;
    INGOT_TRY(ingot_arena_array(scratch, n * n + 1, 1, (void **)&below));
    INGOT_TRY(ingot_arena_array(scratch, n + 1, sizeof *found, (void **)&found));
    INGOT_TRY(ingot_arena_array(l->arena, n + 1, sizeof *order, (void **)&order));
    for (int32_t i = 0; i < p->n; i++) {
        const slot *s = &p->slots[p->order[i]];
        ingot_buffer *buffer = &l->p->buffers[s->buffer];
        int32_t count = 0, *above;
        uint8_t *under = &below[(size_t)i * n];
        for (int32_t j = i - 1; j >= 0; j--) {
            const slot *other = &p->slots[p->order[j]];
            if (!together(s, other) || under[j])
                continue;
            found[count++] = other->buffer;
            under[j] = 1;
            for (int32_t k = 0; k < j; k++)
                under[k] |= below[(size_t)j * n + (size_t)k];
        }
        INGOT_TRY(ingot_arena_array(l->arena, (size_t)count + 1, sizeof *above, (void **)&above));
        memcpy(above, found, (size_t)count * sizeof *above);
        buffer->bytes = s->bytes; /* whole lines: ends are starts of others */
        buffer->above = above;
        buffer->n_above = count;
        order[i] = s->buffer;
    }
    l->p->stack = order;
    l->p->n_stack = p->n;
    return NULL;
}

/* Offsets as sizes, for people to read, while they are small enough. */
static void write_out(lowering *l)
{
    ingot_program *program = l->p;
    const ingot_dim *total = ingot_lower_const(l, 0);
    for (int32_t i = 0; i < program->n_stack; i++) {
        ingot_buffer *b = &program->buffers[program->stack[i]];
        b->offset = ingot_lower_const(l, 0);
        for (int32_t k = 0; k < b->n_above; k++) {
            const ingot_buffer *other = &program->buffers[b->above[k]];
            b->offset = ingot_dim_max(l->m, b->offset, ingot_dim_add(l->m, other->offset, other->bytes));
        }
        total = ingot_dim_max(l->m, total, ingot_dim_add(l->m, b->offset, b->bytes));
    }
    ingot_status too_large = ingot_dims_check(l->m);
    program->arena_bytes = too_large ? NULL : total;
    for (int32_t i = 0; i < program->n_stack; i++) {
        ingot_buffer *b = &program->buffers[program->stack[i]];
        if (too_large)
            b->offset = NULL;
        else
            b->above = NULL;
    }
    ingot_status_free(too_large);
}

/* The most bytes alive in one step: no placement needs less. */
static ingot_status lower_bound(const plan *p, int32_t n_steps, ingot_arena *scratch, int64_t *out)
{
    int64_t most = 0, alive = 0, *change;
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n_steps + 2, sizeof *change, (void **)&change));
    for (int32_t i = 0; i < p->n; i++) {
        change[p->slots[i].first] += p->slots[i].size;
        change[p->slots[i].last + 1] -= p->slots[i].size;
    }
    for (int32_t s = 0; s <= n_steps; s++) {
        alive += change[s];
        if (alive > most)
            most = alive;
    }
    *out = most;
    return NULL;
}

/* The bytes of a buffer of its own. A step that decides sizes while it writes needs room for the most it may write; all
 * other steps come when the sizes are known. */
static const ingot_dim *own_bytes(lowering *l, int32_t buffer)
{
    const ingot_program *p = l->p;
    const ingot_dim *bytes = p->buffers[buffer].bytes;
    for (int32_t i = 0; i < p->n_steps; i++) {
        const ingot_step *s = &p->steps[i];
        if (s->kind == INGOT_STEP_BOXED)
            continue; /* its results are copied when their sizes are known */
        for (int32_t k = 0; k < s->n_data_dims; k++) {
            int32_t place = s->places[s->n_in + s->data_dims[k].out], symbol = s->data_dims[k].symbol;
            if (place < 0 || p->places[place].buffer != buffer)
                continue;
            const ingot_symbol_info *info = ingot_module_symbol(l->m, symbol);
            const ingot_dim *most = info->bound != NULL ? info->bound : ingot_lower_const(l, info->hi);
            bytes = ingot_dim_substitute(l->m, bytes, symbol, most);
        }
    }
    return bytes;
}

/* A buffer whose size the data decides: the bound that it is planned at, or null when it shall have memory of its own
 * because the bound says little. */
static const ingot_dim *planned_bytes(lowering *l, const ingot_dim *bytes)
{
    int64_t most = MAX_BOUND_BYTES;
    if (l->options->max_workspace_bytes > 0 && l->options->max_workspace_bytes < most)
        most = l->options->max_workspace_bytes;
    const ingot_dim *bound = ingot_dim_upper(l->m, bytes);
    int64_t size = ingot_dim_typical(l->m, bound);
    ingot_status too_large = ingot_dims_check(l->m);
    ingot_status_free(too_large);
    return too_large != NULL || size == INT64_MIN || size > most ? NULL : bound;
}

static ingot_status gather_slots(lowering *l, ingot_arena *scratch, plan *p)
{
    INGOT_TRY(ingot_arena_array(scratch, (size_t)l->p->n_buffers + 1, sizeof *p->slots, (void **)&p->slots));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)l->p->n_buffers + 1, sizeof *p->order, (void **)&p->order));
    p->is_static = true;
    for (int32_t i = 0; i < l->p->n_buffers; i++) {
        ingot_buffer *b = &l->p->buffers[i];
        if (b->pool != INGOT_POOL_ARENA || b->first_step < 0)
            continue;
        if (ingot_dim_is_from_data(l->m, b->bytes)) {
            const ingot_dim *bound = planned_bytes(l, b->bytes);
            if (bound == NULL) {
                b->bytes = own_bytes(l, i);
                b->offset = NULL;
                continue;
            }
            b->bytes = bound;
        }
        slot *s = &p->slots[p->n];
        *s = (slot){.buffer = i,
                    .first = b->first_step,
                    .last = b->last_step,
                    .bytes = ingot_dim_round_up(l->m, b->bytes, ALIGNMENT)};
        s->size = ingot_dim_typical(l->m, s->bytes);
        if (s->size == INT64_MIN || (ingot_dim_is_const(s->bytes) && s->size > MAX_BYTES))
            return ingot_fail(INGOT_LIMIT, "buffer '%s' is larger than can be addressed",
                              b->name != NULL ? b->name : "");
        /* Typical sizes can be too small for the model, or too large. */
        s->size = s->size < 0 ? 0 : s->size > MAX_BYTES ? MAX_BYTES : s->size;
        p->is_static &= ingot_dim_is_const(s->bytes);
        p->n++;
    }
    return NULL;
}

static ingot_status plan_with(lowering *l, ingot_arena *scratch)
{
    static const char *const names[4] = {"largest first", "largest area first", "longest lived first",
                                         "in order of time"};
    plan p = {0};
    INGOT_TRY(gather_slots(l, scratch, &p));
    int64_t *best;
    int32_t *near;
    INGOT_TRY(ingot_arena_array(scratch, (size_t)p.n + 1, sizeof *best, (void **)&best));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)p.n + 1, sizeof *near, (void **)&near));
    int64_t best_peak = -1;
    for (int32_t rule = 0; rule < 4; rule++) {
        sort_order(&p, rule);
        for (int32_t fit = 0; fit < 2; fit++) {
            int64_t peak = place_greedy(&p, fit == 1, near);
            if (best_peak >= 0 && peak >= best_peak)
                continue;
            best_peak = peak;
            l->p->planner = names[rule];
            for (int32_t i = 0; i < p.n; i++)
                best[i] = p.slots[i].offset;
        }
    }
    l->p->arena_lower_bound_bytes = -1;
    if (p.is_static) {
        for (int32_t i = 0; i < p.n; i++)
            l->p->buffers[p.slots[i].buffer].offset = ingot_lower_const(l, best[i]);
        l->p->arena_bytes = ingot_lower_const(l, best_peak < 0 ? 0 : best_peak);
        if (best_peak == INT64_MAX)
            return ingot_fail(INGOT_LIMIT, "a run needs more working memory than can be addressed");
        INGOT_TRY(lower_bound(&p, l->p->n_steps, scratch, &l->p->arena_lower_bound_bytes));
        if (l->options->max_workspace_bytes > 0 && best_peak > l->options->max_workspace_bytes)
            return ingot_fail(INGOT_LIMIT, "a run needs %lld bytes of working memory; --max-workspace allows %lld",
                              (long long)best_peak, (long long)l->options->max_workspace_bytes);
        return NULL;
    }
    sort_by_offset(&p, best);
    INGOT_TRY(stack(l, &p, scratch));
    write_out(l);
    return NULL;
}

ingot_status ingot_plan_memory(lowering *l)
{
    ingot_arena scratch = {0};
    extend_over_loops(l);
    ingot_status status = plan_with(l, &scratch);
    ingot_arena_release(&scratch);
    return status;
}
