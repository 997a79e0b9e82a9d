/* Common subexpressions: of pure ops with equal kind, attributes, program and operands the first stays.
 *
 * One walk in execution order, so that what stays always comes before what it replaces. Ops with regions are left
 * alone.
 */
#include "passes/internal.h"

static bool same_types(const ingot_op *a, const ingot_op *b)
{
    if (a->n_out != b->n_out)
        return false;
    for (int32_t i = 0; i < a->n_out; i++) {
        if (!ingot_type_equal(&a->out[i]->type, &b->out[i]->type))
            return false;
    }
    return true;
}

/* Equal constants have equal literals; bytes in files are compared by their place, bytes in memory up to 64 KiB. */
static bool candidate(const ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    return info->pure && !info->data_sized && !op->regions[0] && !op->regions[1];
}

ingot_status ingot_cse_graph(ingot_graph *g, bool *changed)
{
    size_t n = 0;
    for (const ingot_op *op = g->first; op; op = op->next)
        n++;
    size_t size = 16;
    while (size < n * 2)
        size *= 2;
    ingot_arena scratch = {0};
    void *memory;
    INGOT_TRY(ingot_arena_array(&scratch, size, sizeof(ingot_op *), &memory));
    ingot_op **slots = memory;
    for (ingot_op *op = g->first, *next; op; op = next) {
        next = op->next;
        if (!candidate(op))
            continue;
        /* Probes are bounded, so that a crafted run of equal hashes costs no more than a missed repetition. */
        size_t at = (size_t)ingot_op_hash(op) & (size - 1);
        int32_t probes = 0;
        for (; slots[at] && probes < 64; probes++, at = (at + 1) & (size - 1)) {
            if (ingot_op_same(slots[at], op) && same_types(slots[at], op))
                break;
        }
        if (!slots[at]) {
            slots[at] = op;
        } else if (probes < 64) {
            for (int32_t i = 0; i < op->n_out; i++) {
                if (!slots[at]->out[i]->name)
                    slots[at]->out[i]->name = op->out[i]->name;
                ingot_value_replace_uses(op->out[i], slots[at]->out[i]);
            }
            ingot_op_erase(op);
            *changed = true;
        }
    }
    ingot_arena_release(&scratch);
    return NULL;
}
