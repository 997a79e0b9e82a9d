/* Lowering of control flow: branches and loops become jumps in the one list of steps, so memory planning and captures
 * need nothing special. */
#include "lower/lower.h"
#include <string.h>

static ingot_status add_jump(lowering *l, ingot_step_kind kind, int32_t condition, int32_t *out_index)
{
    ingot_step *step;
    INGOT_TRY(ingot_lower_add_step(l, kind, kind == INGOT_STEP_JUMP_UNLESS ? 1 : 0, &condition, 0, NULL, &step));
    *out_index = l->p->n_steps - 1;
    return NULL;
}

/* Parameters of a region are its captures, where they lie. */
static ingot_status bind_captures(lowering *l, ingot_graph *region, int32_t first_param, ingot_value *const *captures)
{
    for (int32_t i = first_param; i < region->n_params; i++)
        INGOT_TRY(ingot_lower_locate(l, captures[i - first_param], &l->locations[region->params[i]->id]));
    return NULL;
}

/* Sizes of a result that only the branch taken decides. */
static ingot_status set_symbols(lowering *l, const ingot_value *from, const ingot_value *to)
{
    for (int32_t d = 0; d < to->type.rank; d++) {
        const ingot_dim *dim = to->type.dims[d];
        if (dim == from->type.dims[d] || dim->kind != INGOT_DIM_SYMBOL ||
            !ingot_module_symbol(l->m, (int32_t)dim->value)->from_data)
            continue;
        ingot_type type = ingot_type_make(INGOT_I64, 0, NULL);
        location at;
        int32_t place;
        ingot_step *step;
        const ingot_dim **size;
        INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, "size", &at));
        INGOT_TRY(ingot_lower_add_place(l, &at, &place));
        INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *size, (void **)&size));
        *size = from->type.dims[d];
        INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_DIMS, 0, NULL, 1, &place, &step));
        step->sizes = size;
        step->n_sizes = 1;
        INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_BIND, 1, &place, 0, NULL, &step));
        step->first_symbol = (int32_t)dim->value;
    }
    return NULL;
}

static ingot_status lower_branch(lowering *l, ingot_op *op, ingot_graph *region)
{
    INGOT_TRY(bind_captures(l, region, 0, op->in + 1));
    INGOT_TRY(ingot_lower_graph(l, region));
    l->op = op;
    for (int32_t i = 0; i < op->n_out; i++) {
        location from, to;
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &to));
        if (ingot_type_is_boxed(&op->out[i]->type)) {
            INGOT_TRY(ingot_lower_locate_dense(l, region->results[i], &from));
            INGOT_TRY(ingot_lower_copy(l, &from, &to, ingot_lower_label(l, op)));
            continue;
        }
        INGOT_TRY(set_symbols(l, region->results[i], op->out[i]));
        INGOT_TRY(ingot_lower_locate(l, region->results[i], &from));
        if (from.rank == to.rank)
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
    INGOT_TRY(add_jump(l, INGOT_STEP_JUMP_UNLESS, place, &over_then));
    INGOT_TRY(lower_branch(l, op, op->regions[0]));
    INGOT_TRY(add_jump(l, INGOT_STEP_JUMP, -1, &over_else));
    l->p->steps[over_then].target = l->p->n_steps;
    INGOT_TRY(lower_branch(l, op, op->regions[1]));
    l->p->steps[over_else].target = l->p->n_steps;
    return NULL;
}

/* A scalar program as a step on dense places, by the portable kernel: loop counters and conditions. */
static ingot_status scalar_step(lowering *l, const ingot_prog *prog, int32_t n_in, const int32_t *in, int32_t out)
{
    ingot_step *step;
    ingot_prog *copy;
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *copy, (void **)&copy));
    *copy = *prog;
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_PORTABLE, n_in, in, 1, &out, &step));
    step->portable = INGOT_PORTABLE_map;
    step->prog = copy;
    return NULL;
}

static ingot_status new_scalar(lowering *l, ingot_dtype dtype, const char *name, location *at, int32_t *place)
{
    ingot_type type = ingot_type_make(dtype, 0, NULL);
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, name, at));
    return ingot_lower_add_place(l, at, place);
}

static ingot_status set_scalar(lowering *l, ingot_dtype dtype, int64_t value, int32_t place)
{
    ingot_prog prog = {
        .n_instrs = 1,
        .n_results = 1,
        .instrs = {
            {.op = INGOT_SCALAR_const, .dtype = (int16_t)dtype, .a = -1, .b = -1, .c = -1, .imm = {.i = value}}}};
    return scalar_step(l, &prog, 0, NULL, place);
}

static ingot_status lower_loop(lowering *l, ingot_op *op)
{
    ingot_graph *body = op->regions[0];
    int32_t n = op->n_carried;
    if (op->n_out > n)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: loops with scan outputs", ingot_lower_label(l, op));
    location iteration, condition, go, carried, from;
    int32_t iteration_place, condition_place, go_place, trip_place = -1, start_place, leave, back;
    INGOT_TRY(new_scalar(l, INGOT_I64, "iteration", &iteration, &iteration_place));
    INGOT_TRY(new_scalar(l, INGOT_BOOL, "condition", &condition, &condition_place));
    INGOT_TRY(new_scalar(l, INGOT_BOOL, "go on", &go, &go_place));
    INGOT_TRY(set_scalar(l, INGOT_I64, 0, iteration_place));
    ingot_step *step;
    if (op->in[1] != NULL) {
        INGOT_TRY(ingot_lower_locate_dense(l, op->in[1], &from));
        INGOT_TRY(ingot_lower_add_place(l, &from, &start_place));
        INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_COPY, 1, &start_place, 1, &condition_place, &step));
    } else {
        INGOT_TRY(set_scalar(l, INGOT_BOOL, 1, condition_place));
    }
    if (op->in[0] != NULL) {
        INGOT_TRY(ingot_lower_locate_dense(l, op->in[0], &from));
        from.rank = 0;
        INGOT_TRY(ingot_lower_add_place(l, &from, &trip_place));
    }
    l->locations[body->params[0]->id] = iteration;
    l->locations[body->params[1]->id] = condition;
    for (int32_t i = 0; i < n; i++) {
        ingot_value *start = op->in[2 + i], *param = body->params[2 + i];
        for (int32_t d = 0; d < start->type.rank; d++)
            if (start->type.rank != body->results[1 + i]->type.rank ||
                start->type.dims[d] != body->results[1 + i]->type.dims[d])
                return ingot_fail(INGOT_UNSUPPORTED,
                                  "%s: carried value %d changes its shape from one iteration to the next",
                                  ingot_lower_label(l, op), i);
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &carried));
        INGOT_TRY(ingot_lower_locate(l, start, &from));
        INGOT_TRY(ingot_lower_copy(l, &from, &carried, ingot_lower_label(l, op)));
        l->locations[param->id] = carried;
    }
    INGOT_TRY(bind_captures(l, body, 2 + n, op->in + 2 + n));
    int32_t first = l->p->n_steps;
    ingot_prog test = {.n_args = 3,
                       .n_instrs = 2,
                       .n_results = 1,
                       .arg_dtypes = {INGOT_I64, INGOT_I64, INGOT_BOOL},
                       .results = {4},
                       .instrs = {{.op = INGOT_SCALAR_lt, .dtype = INGOT_BOOL, .a = 0, .b = 1, .c = -1},
                                  {.op = INGOT_SCALAR_and, .dtype = INGOT_BOOL, .a = 3, .b = 2, .c = -1}}};
    ingot_prog keep = {.n_args = 1, .n_results = 1, .arg_dtypes = {INGOT_BOOL}};
    if (trip_place >= 0)
        INGOT_TRY(scalar_step(l, &test, 3, (int32_t[]){iteration_place, trip_place, condition_place}, go_place));
    else
        INGOT_TRY(scalar_step(l, &keep, 1, &condition_place, go_place));
    INGOT_TRY(add_jump(l, INGOT_STEP_JUMP_UNLESS, go_place, &leave));
    INGOT_TRY(ingot_lower_graph(l, body));
    l->op = op;
    /* New carried values may be views of old ones: first all to buffers of their own, then into place. */
    location *fresh;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)n + 1, sizeof *fresh, (void **)&fresh));
    for (int32_t i = 0; i < n; i++) {
        INGOT_TRY(ingot_lower_locate(l, body->results[1 + i], &from));
        INGOT_TRY(ingot_lower_new_buffer(l, &op->out[i]->type, NULL, "carried", &fresh[i]));
        INGOT_TRY(ingot_lower_copy(l, &from, &fresh[i], ingot_lower_label(l, op)));
    }
    for (int32_t i = 0; i < n; i++)
        INGOT_TRY(ingot_lower_copy(l, &fresh[i], &l->locations[body->params[2 + i]->id], ingot_lower_label(l, op)));
    INGOT_TRY(ingot_lower_locate_dense(l, body->results[0], &from));
    INGOT_TRY(ingot_lower_add_place(l, &from, &start_place));
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_COPY, 1, &start_place, 1, &condition_place, &step));
    ingot_prog next = {
        .n_args = 1,
        .n_instrs = 2,
        .n_results = 1,
        .arg_dtypes = {INGOT_I64},
        .results = {2},
        .instrs = {{.op = INGOT_SCALAR_const, .dtype = INGOT_I64, .a = -1, .b = -1, .c = -1, .imm = {.i = 1}},
                   {.op = INGOT_SCALAR_add, .dtype = INGOT_I64, .a = 0, .b = 1, .c = -1}}};
    INGOT_TRY(scalar_step(l, &next, 1, &iteration_place, iteration_place));
    INGOT_TRY(add_jump(l, INGOT_STEP_JUMP, -1, &back));
    l->p->steps[back].target = first;
    l->p->steps[leave].target = l->p->n_steps;
    loop_range *range;
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *range, (void **)&range));
    *range = (loop_range){first, back, l->loops};
    l->loops = range;
    return NULL;
}

ingot_status ingot_lower_control(lowering *l, ingot_op *op)
{
    l->region_depth++;
    ingot_status status = op->kind == INGOT_OP_if ? lower_if(l, op) : lower_loop(l, op);
    l->region_depth--;
    return status;
}
