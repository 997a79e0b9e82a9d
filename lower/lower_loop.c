/* Lowering of loops: a counter, a condition, carried values in places of their own, and what iterations collect.
 *
 *   sizes of carried values := those they start with      (symbols, where an iteration changes them)
 *   carried := start
 *   head: index := counter; go on unless counter == trips or the condition is false
 *   body
 *   collected[index] := results                           (memory that grows where nobody knows the trip count before)
 *   next sizes := those of the new values; fresh := new values; sizes := next sizes; carried := fresh
 *   counter += 1; to head
 *   leave: trips := counter
 */
#include "lower/lower.h"
#include <string.h>

typedef struct loop {
    ingot_op *op;
    ingot_graph *body;
    int32_t n; /* carried values */
    location counter, condition;
    int32_t counter_place, condition_place, go_place, trip_place;
    const ingot_dim *index; /* the counter as a size; null when nothing is collected */
    /* Carried sizes that change: the axis and value of each, and a symbol for what it becomes. */
    int32_t n_changing, first_next;
    struct changing {
        int32_t carried, axis;
    } * changing;
} loop;

static bool is_data_symbol(const lowering *l, const ingot_dim *d)
{
    return d->kind == INGOT_DIM_SYMBOL && ingot_module_symbol(l->m, (int32_t)d->value)->from_data;
}

/* ---- Scalars of the loop itself ---- */

/* A scalar program as a step on dense places, by the portable kernel. */
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

static ingot_status copy_scalar(lowering *l, ingot_value *from, int32_t to)
{
    location at;
    int32_t place;
    ingot_step *step;
    INGOT_TRY(ingot_lower_locate_dense(l, from, &at));
    INGOT_TRY(ingot_lower_add_place(l, &at, &place));
    return ingot_lower_add_step(l, INGOT_STEP_COPY, 1, &place, 1, &to, &step);
}

static ingot_status start_scalars(lowering *l, loop *p)
{
    location go, from;
    INGOT_TRY(new_scalar(l, INGOT_I64, "iteration", &p->counter, &p->counter_place));
    INGOT_TRY(new_scalar(l, INGOT_BOOL, "condition", &p->condition, &p->condition_place));
    INGOT_TRY(new_scalar(l, INGOT_BOOL, "go on", &go, &p->go_place));
    INGOT_TRY(set_scalar(l, INGOT_I64, 0, p->counter_place));
    if (p->op->in[1] != NULL)
        INGOT_TRY(copy_scalar(l, p->op->in[1], p->condition_place));
    else
        INGOT_TRY(set_scalar(l, INGOT_BOOL, 1, p->condition_place));
    p->trip_place = -1;
    if (p->op->in[0] == NULL)
        return NULL;
    INGOT_TRY(ingot_lower_locate_dense(l, p->op->in[0], &from));
    from.rank = 0;
    return ingot_lower_add_place(l, &from, &p->trip_place);
}

/* go on = condition and (no trip count or counter < trip count) */
static ingot_status test_scalars(lowering *l, const loop *p)
{
    ingot_prog test = {.n_args = 3,
                       .n_instrs = 2,
                       .n_results = 1,
                       .arg_dtypes = {INGOT_I64, INGOT_I64, INGOT_BOOL},
                       .results = {4},
                       .instrs = {{.op = INGOT_SCALAR_lt, .dtype = INGOT_BOOL, .a = 0, .b = 1, .c = -1},
                                  {.op = INGOT_SCALAR_and, .dtype = INGOT_BOOL, .a = 3, .b = 2, .c = -1}}};
    ingot_prog keep = {.n_args = 1, .n_results = 1, .arg_dtypes = {INGOT_BOOL}};
    if (p->trip_place < 0)
        return scalar_step(l, &keep, 1, &p->condition_place, p->go_place);
    return scalar_step(l, &test, 3, (int32_t[]){p->counter_place, p->trip_place, p->condition_place}, p->go_place);
}

static ingot_status count_up(lowering *l, const loop *p)
{
    ingot_prog next = {
        .n_args = 1,
        .n_instrs = 2,
        .n_results = 1,
        .arg_dtypes = {INGOT_I64},
        .results = {2},
        .instrs = {{.op = INGOT_SCALAR_const, .dtype = INGOT_I64, .a = -1, .b = -1, .c = -1, .imm = {.i = 1}},
                   {.op = INGOT_SCALAR_add, .dtype = INGOT_I64, .a = 0, .b = 1, .c = -1}}};
    return scalar_step(l, &next, 1, &p->counter_place, p->counter_place);
}

/* ---- Carried values ---- */

static ingot_status list_changing(lowering *l, loop *p)
{
    INGOT_TRY(
        ingot_arena_array(l->arena, (size_t)p->n * INGOT_MAX_RANK + 1, sizeof *p->changing, (void **)&p->changing));
    for (int32_t i = 0; i < p->n; i++) {
        const ingot_type *start = &p->op->in[2 + i]->type, *carried = &p->body->params[2 + i]->type;
        const ingot_type *result = &p->body->results[1 + i]->type;
        if (start->rank != carried->rank || result->rank != carried->rank)
            return ingot_fail(INGOT_UNSUPPORTED, "%s: carried value %d changes its rank", ingot_lower_label(l, p->op),
                              i);
        for (int32_t d = 0; d < carried->rank; d++) {
            if (start->dims[d] == carried->dims[d] && result->dims[d] == carried->dims[d])
                continue;
            if (!is_data_symbol(l, carried->dims[d]))
                return ingot_fail(INGOT_UNSUPPORTED,
                                  "%s: carried value %d changes its shape from one iteration to the next",
                                  ingot_lower_label(l, p->op), i);
            p->changing[p->n_changing++] = (struct changing){i, d};
        }
    }
    p->first_next = ingot_module_symbol_count(l->m);
    for (int32_t k = 0; k < p->n_changing; k++)
        (void)ingot_symbol_fresh(l->m, "next", 0, INGOT_DIM_MAX_VALUE, true);
    return ingot_dims_check(l->m);
}

static const ingot_dim *next_size(const lowering *l, const loop *p, int32_t k)
{
    return ingot_module_symbol_dim(l->m, p->first_next + k);
}

static ingot_status start_carried(lowering *l, loop *p)
{
    INGOT_TRY(list_changing(l, p));
    for (int32_t k = 0; k < p->n_changing; k++) {
        const ingot_value *start = p->op->in[2 + p->changing[k].carried];
        const ingot_dim *size = p->body->params[2 + p->changing[k].carried]->type.dims[p->changing[k].axis];
        INGOT_TRY(ingot_lower_set_symbol(l, size, start->type.dims[p->changing[k].axis]));
    }
    for (int32_t i = 0; i < p->n; i++) {
        location from, carried;
        INGOT_TRY(ingot_lower_locate_to_copy(l, p->op->in[2 + i], &from));
        INGOT_TRY(ingot_lower_claim(l, p->op->out[i], &carried));
        INGOT_TRY(ingot_lower_copy(l, &from, &carried, ingot_lower_label(l, p->op)));
        l->locations[p->body->params[2 + i]->id] = carried;
    }
    return NULL;
}

/* New values may be views of old ones: first all to buffers of their own, then, with their sizes, into place. */
static ingot_status renew_carried(lowering *l, const loop *p)
{
    location *fresh;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)p->n + 1, sizeof *fresh, (void **)&fresh));
    for (int32_t k = 0; k < p->n_changing; k++) {
        const ingot_type *result = &p->body->results[1 + p->changing[k].carried]->type;
        INGOT_TRY(ingot_lower_set_symbol(l, next_size(l, p, k), result->dims[p->changing[k].axis]));
    }
    for (int32_t i = 0; i < p->n; i++) {
        location from;
        ingot_type type = p->op->out[i]->type;
        for (int32_t k = 0; k < p->n_changing; k++)
            if (p->changing[k].carried == i)
                type.dims[p->changing[k].axis] = next_size(l, p, k);
        INGOT_TRY(ingot_lower_locate_to_copy(l, p->body->results[1 + i], &from));
        INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, "carried", &fresh[i]));
        INGOT_TRY(ingot_lower_copy(l, &from, &fresh[i], ingot_lower_label(l, p->op)));
    }
    for (int32_t k = 0; k < p->n_changing; k++) {
        const ingot_dim *size = p->body->params[2 + p->changing[k].carried]->type.dims[p->changing[k].axis];
        INGOT_TRY(ingot_lower_set_symbol(l, size, next_size(l, p, k)));
    }
    for (int32_t i = 0; i < p->n; i++) {
        const location *to = &l->locations[p->body->params[2 + i]->id];
        INGOT_TRY(ingot_lower_copy(l, &fresh[i], to, ingot_lower_label(l, p->op)));
    }
    return NULL;
}

/* ---- Collected values ---- */

static bool is_collected(const loop *p, int32_t i)
{
    return i >= p->n && ingot_value_has_uses(p->op->out[i]);
}

/* Whether only the end of the loop says how many iterations there were. */
static bool counts_late(const lowering *l, const loop *p, const ingot_value *collected)
{
    const ingot_dim *count = collected->type.dims[0];
    return is_data_symbol(l, count) && ingot_lower_decides_size(l, p->op, count);
}

static ingot_status start_collected(lowering *l, loop *p)
{
    for (int32_t i = p->n; i < p->op->n_out; i++) {
        ingot_value *v = p->op->out[i];
        location at;
        if (!is_collected(p, i))
            continue;
        if (ingot_dtype_bits(v->type.dtype) < 8)
            return ingot_fail(INGOT_UNSUPPORTED, "%s: collects elements of %s, which share bytes",
                              ingot_lower_label(l, p->op), ingot_dtype_name(v->type.dtype));
        if (p->index == NULL) {
            int64_t most = v->type.dims[0]->hi > INGOT_DIM_MAX_VALUE ? INGOT_DIM_MAX_VALUE : v->type.dims[0]->hi;
            p->index = ingot_symbol_fresh(l->m, "iteration", 0, most < 0 ? 0 : most, true);
            INGOT_TRY(ingot_dims_check(l->m));
        }
        for (int32_t d = 1; d < v->type.rank; d++) /* without an iteration there is no element to say */
            if (ingot_lower_decides_size(l, p->op, v->type.dims[d]) &&
                v->type.dims[d] != p->body->results[1 + i]->type.dims[d - 1])
                INGOT_TRY(ingot_lower_set_symbol(l, v->type.dims[d], ingot_lower_const(l, 0)));
        if (!counts_late(l, p, v)) {
            INGOT_TRY(ingot_lower_claim(l, v, &at));
            continue;
        }
        ingot_type type = v->type;
        type.dims[0] = ingot_dim_add(l->m, p->index, ingot_lower_const(l, 1)); /* grows with the iterations */
        INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, v->name, &at));
        at.dims[0] = v->type.dims[0];
        l->locations[v->id] = at;
    }
    return NULL;
}

/* All elements have one shape: from the second iteration on, `size` is what this one has. */
static ingot_status check_same_size(lowering *l, const loop *p, const ingot_dim *size, const ingot_dim *now)
{
    const ingot_dim *later = ingot_dim_min(l->m, p->index, ingot_lower_const(l, 1));
    const ingot_dim *sizes[2] = {ingot_lower_mul(l, later, size), ingot_lower_mul(l, later, now)};
    ingot_step *step;
    INGOT_TRY(ingot_dims_check(l->m));
    if (sizes[0] == sizes[1])
        return NULL;
    INGOT_TRY(ingot_module_require(l->m, INGOT_CHECK_EQUAL, sizes[0], sizes[1], p->op));
    const ingot_check *check = l->m->checks;
    while (check->a != sizes[0] || check->b != sizes[1])
        check = check->next;
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_CHECK, 0, NULL, 0, NULL, &step));
    step->check = check;
    return NULL;
}

static ingot_status collect(lowering *l, const loop *p)
{
    for (int32_t i = p->n; i < p->op->n_out; i++) {
        if (!is_collected(p, i))
            continue;
        location from, to = l->locations[p->op->out[i]->id];
        ingot_value *element = p->body->results[1 + i];
        for (int32_t d = 1; d < to.rank; d++)
            if (to.dims[d] != element->type.dims[d - 1] && ingot_lower_decides_size(l, p->op, to.dims[d])) {
                INGOT_TRY(check_same_size(l, p, to.dims[d], element->type.dims[d - 1]));
                INGOT_TRY(ingot_lower_set_symbol(l, to.dims[d], element->type.dims[d - 1]));
            }
        INGOT_TRY(ingot_lower_locate_to_copy(l, element, &from));
        to.offset = ingot_dim_add(l->m, to.offset, ingot_lower_mul(l, p->index, to.strides[0]));
        to.rank--;
        memmove(to.dims, to.dims + 1, (size_t)to.rank * sizeof *to.dims);
        memmove(to.strides, to.strides + 1, (size_t)to.rank * sizeof *to.strides);
        INGOT_TRY(ingot_lower_copy(l, &from, &to, ingot_lower_label(l, p->op)));
    }
    return NULL;
}

/* ---- The whole ---- */

ingot_status ingot_lower_loop(lowering *l, ingot_op *op)
{
    loop p = {.op = op, .body = op->regions[0], .n = op->n_carried};
    int32_t leave, back;
    INGOT_TRY(start_scalars(l, &p));
    l->locations[p.body->params[0]->id] = p.counter;
    l->locations[p.body->params[1]->id] = p.condition;
    INGOT_TRY(start_carried(l, &p));
    INGOT_TRY(start_collected(l, &p));
    INGOT_TRY(ingot_lower_bind_captures(l, p.body, 2 + p.n, op->in + 2 + p.n));
    int32_t first = l->p->n_steps;
    if (p.index != NULL)
        INGOT_TRY(ingot_lower_bind_place(l, p.index, p.counter_place));
    INGOT_TRY(test_scalars(l, &p));
    INGOT_TRY(ingot_lower_add_jump(l, INGOT_STEP_JUMP_UNLESS, p.go_place, &leave));
    INGOT_TRY(ingot_lower_graph(l, p.body));
    l->op = op;
    INGOT_TRY(collect(l, &p));
    INGOT_TRY(renew_carried(l, &p));
    INGOT_TRY(copy_scalar(l, p.body->results[0], p.condition_place));
    INGOT_TRY(count_up(l, &p));
    INGOT_TRY(ingot_lower_add_jump(l, INGOT_STEP_JUMP, -1, &back));
    l->p->steps[back].target = first;
    l->p->steps[leave].target = l->p->n_steps;
    for (int32_t i = p.n; i < op->n_out; i++)
        if (is_collected(&p, i) && counts_late(l, &p, op->out[i]))
            INGOT_TRY(ingot_lower_bind_place(l, op->out[i]->type.dims[0], p.counter_place));
    loop_range *range;
    INGOT_TRY(ingot_arena_array(l->arena, 1, sizeof *range, (void **)&range));
    *range = (loop_range){first, back, l->loops};
    l->loops = range;
    return NULL;
}
