/* Lowering of control flow: branches and loops become jumps in the one list of steps, so memory planning and captures
 * need nothing special. Branches and what they share with loops are here, loops in lower_loop.c. */
#include "lower/lower.h"
#include <string.h>

ingot_status ingot_lower_add_jump(lowering *l, ingot_step_kind kind, int32_t condition, int32_t *out_index)
{
    ingot_step *step;
    INGOT_TRY(ingot_lower_add_step(l, kind, kind == INGOT_STEP_JUMP_UNLESS ? 1 : 0, &condition, 0, NULL, &step));
    *out_index = l->p->n_steps - 1;
    return NULL;
}

ingot_status ingot_lower_bind_captures(lowering *l, ingot_graph *region, int32_t first_param,
                                       ingot_value *const *captures)
{
    for (int32_t i = first_param; i < region->n_params; i++)
        INGOT_TRY(ingot_lower_locate(l, captures[i - first_param], &l->locations[region->params[i]->id]));
    return NULL;
}

ingot_status ingot_lower_bind_place(lowering *l, const ingot_dim *symbol, int32_t place)
{
    ingot_step *step;
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_BIND, 1, &place, 0, NULL, &step));
    step->first_symbol = (int32_t)symbol->value;
    return NULL;
}

ingot_status ingot_lower_set_symbol(lowering *l, const ingot_dim *symbol, const ingot_dim *value)
{
    ingot_type type = ingot_type_make(INGOT_I64, 0, NULL);
    location at;
    int32_t place;
    ingot_step *step;
    const ingot_dim **size;
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, "size", &at));
    INGOT_TRY(ingot_lower_add_place(l, &at, &place));
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *size, (void **)&size));
    *size = value;
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_DIMS, 0, NULL, 1, &place, &step));
    step->sizes = size;
    step->n_sizes = 1;
    return ingot_lower_bind_place(l, symbol, place);
}

static ingot_status lower_branch(lowering *l, ingot_op *op, ingot_graph *region)
{
    INGOT_TRY(ingot_lower_bind_captures(l, region, 0, op->in + 1));
    INGOT_TRY(ingot_lower_graph(l, region));
    l->op = op;
    for (int32_t i = 0; i < op->n_out; i++) {
        location from, to;
        const ingot_value *result = region->results[i];
        if (ingot_type_is_boxed(&op->out[i]->type)) {
            INGOT_TRY(ingot_lower_claim(l, op->out[i], &to));
            INGOT_TRY(ingot_lower_locate_dense(l, region->results[i], &from));
            INGOT_TRY(ingot_lower_copy(l, &from, &to, ingot_lower_label(l, op)));
            continue;
        }
        for (int32_t d = 0; d < op->out[i]->type.rank; d++) /* sizes that only the branch taken decides */
            if (op->out[i]->type.dims[d] != result->type.dims[d] &&
                ingot_lower_decides_size(l, op, op->out[i]->type.dims[d]))
                INGOT_TRY(ingot_lower_set_symbol(l, op->out[i]->type.dims[d], result->type.dims[d]));
        INGOT_TRY(ingot_lower_locate_to_copy(l, region->results[i], &from));
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &to));
        if (to.layout != INGOT_LAYOUT_PLAIN)
            memcpy(to.dims, from.dims, sizeof to.dims);
        INGOT_TRY(ingot_lower_copy(l, &from, &to, ingot_lower_label(l, op)));
    }
    return NULL;
}

static ingot_status lower_if(lowering *l, ingot_op *op)
{
    location condition, result;
    int32_t place, over_then, over_else;
    INGOT_TRY(ingot_lower_locate_dense(l, op->in[0], &condition));
    INGOT_TRY(ingot_lower_add_place(l, &condition, &place));
    for (int32_t i = 0; i < op->n_out; i++)
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &result));
    INGOT_TRY(ingot_lower_add_jump(l, INGOT_STEP_JUMP_UNLESS, place, &over_then));
    INGOT_TRY(lower_branch(l, op, op->regions[0]));
    INGOT_TRY(ingot_lower_add_jump(l, INGOT_STEP_JUMP, -1, &over_else));
    l->p->steps[over_then].target = l->p->n_steps;
    INGOT_TRY(lower_branch(l, op, op->regions[1]));
    l->p->steps[over_else].target = l->p->n_steps;
    return NULL;
}

ingot_status ingot_lower_control(lowering *l, ingot_op *op)
{
    l->region_depth++;
    ingot_status status = op->kind == INGOT_OP_if ? lower_if(l, op) : ingot_lower_loop(l, op);
    l->region_depth--;
    return status;
}
