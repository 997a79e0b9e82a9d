/* Lowering of boxed ops: a step each, on boxed values and dense plain tensors. Strings too: their constants are made by
 * steps at the start of the program, from the bytes of the plan. */
#include "lower/lower.h"
#include <string.h>

static ingot_status add_boxed_step(lowering *l, int32_t kernel, int32_t n_in, const int32_t *in, int32_t n_out,
                                   const int32_t *out, ingot_step **out_step)
{
    INGOT_TRY(ingot_lower_add_step(l, INGOT_STEP_BOXED, n_in, in, n_out, out, out_step));
    (*out_step)->portable = kernel;
    (*out_step)->cost_ns = 200; /* what is inside is not known */
    return NULL;
}

ingot_status ingot_lower_copy_boxed(lowering *l, const location *from, const location *to, const char *label)
{
    int32_t in, out;
    ingot_step *step;
    INGOT_TRY(ingot_lower_add_place(l, from, &in));
    INGOT_TRY(ingot_lower_add_place(l, to, &out));
    INGOT_TRY(add_boxed_step(l, INGOT_BOXED_box, 1, &in, 1, &out, &step));
    step->label = label;
    return NULL;
}

ingot_status ingot_lower_boxed(lowering *l, ingot_op *op)
{
    const ingot_op_info *info = ingot_op_info_get(op->kind);
    int32_t kernel = op->kind == INGOT_OP_identity ? (int32_t)INGOT_BOXED_box : ingot_op_boxed(op->kind), *in, *out;
    location *made;
    if (kernel < 0)
        return ingot_fail(INGOT_UNSUPPORTED, "%s: the rank of a result is not known, and this op has no boxed kernel",
                          ingot_lower_label(l, op));
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)op->n_in + 1, sizeof *in, (void **)&in));
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)op->n_out + 1, sizeof *out, (void **)&out));
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)op->n_out + 1, sizeof *made, (void **)&made));
    INGOT_TRY(ingot_lower_dense_places(l, op->n_in, op->in, in));
    for (int32_t i = 0; i < op->n_out; i++) {
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &made[i]));
        if (!ingot_location_is_dense(l, &made[i]))
            INGOT_TRY(ingot_lower_new_buffer(l, &op->out[i]->type, NULL, op->out[i]->name, &made[i]));
        INGOT_TRY(ingot_lower_add_place(l, &made[i], &out[i]));
    }
    ingot_step *step;
    INGOT_TRY(add_boxed_step(l, kernel, op->n_in, in, op->n_out, out, &step));
    step->attrs = op->attrs;
    step->attrs_bytes = ingot_attrs_table[info->attrs].size_bytes;
    step->prog = op->prog;
    INGOT_TRY(ingot_lower_portable_sizes(l, op, step));
    if (info->data_sized)
        INGOT_TRY(ingot_lower_symbols_of_results(l, op, step));
    for (int32_t i = 0; i < op->n_out; i++) {
        location wanted;
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &wanted));
        if (wanted.buffer != made[i].buffer)
            INGOT_TRY(ingot_lower_copy(l, &made[i], &wanted, "copy from dense"));
    }
    return NULL;
}

/* ---- constants of strings ---- */

/* Attributes of the kernel `texts`, see runtime/boxed/box.c. */
static ingot_status write_texts(lowering *l, const ingot_value *v, const ingot_string *texts, void **out,
                                int64_t *out_bytes)
{
    int64_t count = ingot_type_count(&v->type), rank = v->type.rank, head, at;
    if (count < 0 || ingot_mul_overflows(count, (int64_t)16, &head) || head > UINT32_MAX / 2)
        return ingot_fail(INGOT_LIMIT, "%s: too many strings", v->name ? v->name : "a constant");
    head += 8 * (1 + rank);
    at = head;
    for (int64_t i = 0; i < count; i++)
        if (ingot_add_overflows(at, texts[i].size, &at) || at > UINT32_MAX / 2)
            return ingot_fail(INGOT_LIMIT, "%s: strings of more than 2 GiB", v->name ? v->name : "a constant");
    char *bytes;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)at, 1, (void **)&bytes));
    memcpy(bytes, &rank, sizeof rank);
    for (int32_t d = 0; d < v->type.rank; d++)
        memcpy(bytes + 8 * (1 + d), &v->type.dims[d]->value, sizeof(int64_t));
    *out = bytes;
    *out_bytes = at;
    at = head;
    for (int64_t i = 0; i < count; i++) {
        int64_t place[2] = {at, texts[i].size};
        memcpy(bytes + 8 * (1 + rank) + 16 * i, place, sizeof place);
        if (texts[i].size)
            memcpy(bytes + at, texts[i].data, (size_t)texts[i].size);
        at += texts[i].size;
    }
    return NULL;
}

static ingot_status lower_text(lowering *l, const ingot_value *v, ingot_arena *scratch)
{
    const void *texts;
    void *attrs = NULL;
    int64_t bytes = 0;
    int32_t place;
    ingot_step *step;
    INGOT_TRY(ingot_literal_get_data(l->m, v->def->literal, INGOT_STRING, scratch, &texts));
    INGOT_TRY(write_texts(l, v, texts, &attrs, &bytes));
    location *at = &l->locations[v->id];
    INGOT_TRY(ingot_lower_new_buffer(l, &v->type, NULL, v->name, at));
    INGOT_TRY(ingot_lower_add_place(l, at, &place));
    INGOT_TRY(add_boxed_step(l, INGOT_BOXED_texts, 0, NULL, 1, &place, &step));
    step->attrs = attrs;
    step->attrs_bytes = (uint32_t)bytes;
    step->label = v->name ? v->name : "strings";
    return NULL;
}

ingot_status ingot_lower_texts(lowering *l)
{
    ingot_arena scratch = {0};
    ingot_status status = NULL;
    for (int32_t g = 0; g < l->m->n_graphs; g++)
        for (ingot_op *op = l->m->graphs[g]->first; op != NULL && !status; op = op->next)
            if (op->kind == INGOT_OP_constant && op->out[0]->type.dtype == INGOT_STRING &&
                ingot_value_has_uses(op->out[0]))
                status = lower_text(l, op->out[0], &scratch);
    ingot_arena_release(&scratch);
    return status;
}
