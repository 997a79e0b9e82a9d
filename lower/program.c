/* Programs: creation from a module, and the arrays that grow while lowering. */
#include "lower/lower.h"
#include <string.h>

/* Room for one more entry of an arena array; old storage stays in the arena (doubling: at most as much again). */
static ingot_status grow(ingot_arena *arena, void *array_pointer, int32_t used, int32_t *capacity, size_t size)
{
    if (used < *capacity)
        return NULL;
    int32_t larger = *capacity == 0 ? 64 : *capacity * 2;
    void *fresh, *old;
    INGOT_TRY(ingot_arena_array(arena, (size_t)larger, size, &fresh));
    memcpy(&old, array_pointer, sizeof old);
    if (used > 0)
        memcpy(fresh, old, (size_t)used * size);
    memcpy(array_pointer, &fresh, sizeof fresh);
    *capacity = larger;
    return NULL;
}

ingot_status ingot_lower_add_buffer(lowering *l, ingot_pool_kind pool, int32_t index, const ingot_dim *bytes,
                                    const char *name, int32_t *out)
{
    ingot_program *p = l->p;
    INGOT_TRY(grow(l->arena, &p->buffers, p->n_buffers, &l->buffer_capacity, sizeof *p->buffers));
    p->buffers[p->n_buffers] = (ingot_buffer){.pool = pool,
                                              .index = index,
                                              .bytes = bytes,
                                              .offset = ingot_lower_const(l, 0),
                                              .first_step = -1,
                                              .last_step = -1,
                                              .name = name};
    *out = p->n_buffers++;
    return NULL;
}

ingot_status ingot_lower_add_place(lowering *l, const location *at, int32_t *out)
{
    ingot_program *p = l->p;
    INGOT_TRY(grow(l->arena, &p->places, p->n_places, &l->place_capacity, sizeof *p->places));
    ingot_place *place = &p->places[p->n_places];
    *place = (ingot_place){.buffer = at->buffer, .dtype = at->dtype, .rank = at->rank};
    memcpy(place->dims, at->dims, sizeof place->dims);
    int32_t bits = ingot_dtype_bits(at->dtype);
    place->offset_bytes = bits >= 8
                              ? ingot_lower_mul(l, at->offset, ingot_lower_const(l, bits / 8))
                              : ingot_dim_floordiv(l->m, ingot_lower_mul(l, at->offset, ingot_lower_const(l, bits)),
                                                   ingot_lower_const(l, 8));
    *out = p->n_places++;
    return NULL;
}

/* Buffers live from the first to the last step that names them. */
static void touch(lowering *l, int32_t place, int32_t step)
{
    if (place < 0 || l->p->places[place].buffer < 0)
        return;
    ingot_buffer *buffer = &l->p->buffers[l->p->places[place].buffer];
    if (buffer->first_step < 0)
        buffer->first_step = step;
    buffer->last_step = step;
}

ingot_status ingot_lower_add_step(lowering *l, ingot_step_kind kind, int32_t n_in, const int32_t *in, int32_t n_out,
                                  const int32_t *out, ingot_step **out_step)
{
    ingot_program *p = l->p;
    INGOT_TRY(grow(l->arena, &p->steps, p->n_steps, &l->step_capacity, sizeof *p->steps));
    int32_t *places;
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)(n_in + n_out) + 1, sizeof *places, (void **)&places));
    for (int32_t i = 0; i < n_in; i++)
        places[i] = in[i];
    for (int32_t i = 0; i < n_out; i++)
        places[n_in + i] = out[i];
    for (int32_t i = 0; i < n_in + n_out; i++)
        touch(l, places[i], p->n_steps);
    ingot_step *step = &p->steps[p->n_steps++];
    *step = (ingot_step){.kind = kind,
                         .spec = -1,
                         .portable = -1,
                         .n_in = n_in,
                         .n_out = n_out,
                         .places = places,
                         .target = -1,
                         .first_symbol = -1,
                         .op = l->op,
                         .label = l->op != NULL ? ingot_lower_label(l, l->op) : ""};
    *out_step = step;
    return NULL;
}

ingot_status ingot_lower_add_weight(lowering *l, const ingot_value *value, const ingot_packing *packing,
                                    int64_t size_bytes, location *out)
{
    ingot_program *p = l->p;
    int32_t w = 0;
    while (w < p->n_weights && !(p->weights[w].value == value && p->weights[w].packed == (packing != NULL) &&
                                 p->weights[w].size_bytes == size_bytes &&
                                 (packing == NULL || memcmp(&p->weights[w].packing, packing, sizeof *packing) == 0)))
        w++;
    if (w == p->n_weights) {
        INGOT_TRY(grow(l->arena, &p->weights, p->n_weights, &l->weight_capacity, sizeof *p->weights));
        ingot_weight *weight = &p->weights[p->n_weights++];
        *weight = (ingot_weight){
            .value = value, .packed = packing != NULL, .offset = p->weights_bytes, .size_bytes = size_bytes};
        if (packing != NULL)
            weight->packing = *packing;
        p->weights_bytes += (size_bytes + 63) / 64 * 64;
    }
    int32_t buffer = -1;
    for (int32_t b = 0; b < p->n_buffers && buffer < 0; b++)
        if (p->buffers[b].pool == INGOT_POOL_WEIGHTS && p->buffers[b].index == w)
            buffer = b;
    if (buffer < 0) {
        INGOT_TRY(
            ingot_lower_add_buffer(l, INGOT_POOL_WEIGHTS, w, ingot_lower_const(l, size_bytes), value->name, &buffer));
        p->buffers[buffer].offset = ingot_lower_const(l, p->weights[w].offset);
    }
    *out = (location){.valid = true,
                      .buffer = buffer,
                      .offset = ingot_lower_const(l, 0),
                      .dtype = value->type.dtype,
                      .rank = value->type.rank};
    memcpy(out->dims, value->type.dims, sizeof out->dims);
    ingot_location_set_dense(l, out);
    return NULL;
}

const char *ingot_lower_label(lowering *l, const ingot_op *op)
{
    const char *name = op->loc != NULL ? op->loc : ingot_op_info_get(op->kind)->name;
    if (op->prog == NULL || op->kind == INGOT_OP_map)
        return name;
    ingot_text text = {0};
    ingot_text_append(&text, "%s", name);
    for (int32_t i = 0; i < op->prog->n_instrs; i++)
        if (op->prog->instrs[i].op < INGOT_SCALAR_COUNT)
            ingot_text_append(&text, " + %s", ingot_op_info_get((ingot_op_kind)op->prog->instrs[i].op)->name);
    const char *label = text.failed ? name : ingot_arena_strndup(l->arena, text.data, text.size);
    ingot_text_free(&text);
    return label != NULL ? label : name;
}

/* ---- Placements: where consumers want values ---- */

/* Ops whose kernels write through strides, so that their result may lie inside another. */
static bool writes_strided(const ingot_op *op)
{
    switch (op->kind) {
    case INGOT_OP_map:
    case INGOT_OP_concat:
    case INGOT_OP_matmul:
    case INGOT_OP_matmul_bf16:
    case INGOT_OP_matmul_integer:
    case INGOT_OP_conv:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_conv_integer:
    case INGOT_OP_reduce:
    case INGOT_OP_softmax:
    case INGOT_OP_layer_norm:
    case INGOT_OP_rms_norm:
    case INGOT_OP_max_pool:
    case INGOT_OP_avg_pool:
    case INGOT_OP_relayout:
    case INGOT_OP_resize:
        return true;
    default:
        return ingot_op_info_get(op->kind)->scalar;
    }
}

static bool same_order_view(const ingot_op *op)
{
    return op->kind == INGOT_OP_reshape || op->kind == INGOT_OP_identity;
}

/* Outputs are written in place by the op that makes them, through reshapes if nothing else reads the value. */
static void place_outputs(lowering *l, ingot_graph *g)
{
    for (int32_t i = 0; i < g->n_results; i++) {
        ingot_value *v = g->results[i];
        while (v->def != NULL && same_order_view(v->def) && v->type.layout == INGOT_LAYOUT_PLAIN &&
               ingot_value_has_one_use(v))
            v = v->def->in[0];
        if (v->def == NULL || v->type.layout != INGOT_LAYOUT_PLAIN || v->def->kind == INGOT_OP_constant ||
            ingot_op_info_get(v->def->kind)->view || ingot_op_info_get(v->def->kind)->data_sized)
            continue;
        placement *at = &l->placements[v->id];
        if (at->output < 0)
            at->output = i;
    }
}

static void place_concat_operands(lowering *l, ingot_op *op)
{
    const ingot_attrs_axis *a = op->attrs;
    ingot_value *whole = op->out[0];
    bool c16 = whole->type.layout == INGOT_LAYOUT_C16;
    const ingot_dim *at = ingot_lower_const(l, 0);
    for (int32_t i = 0; i < op->n_in; i++) {
        ingot_value *v = op->in[i];
        bool aligned = !c16 || (ingot_dim_is_const(at) && at->value % 16 == 0 && a->axis == 1);
        placement *p = &l->placements[v->id];
        if (aligned && v->def != NULL && v->graph == op->graph && writes_strided(v->def) && p->inside == NULL &&
            p->output < 0 && v->type.layout == whole->type.layout && v->type.dtype == whole->type.dtype &&
            ingot_dtype_bits(v->type.dtype) >= 8) {
            p->inside = whole;
            p->at = at;
            p->axis = (int32_t)a->axis;
        }
        at = ingot_dim_add(l->m, at, v->type.dims[a->axis]);
    }
}

/* Convolutions read a border of zeros that their input's buffer holds. */
static void want_halo(lowering *l, ingot_op *op)
{
    const ingot_attrs_conv *a = op->attrs;
    ingot_value *x = op->in[0];
    int32_t spatial = x->type.rank - 2;
    if (spatial < 1 || spatial > 2 || x->def == NULL || x->type.layout != INGOT_LAYOUT_C16)
        return;
    placement *p = &l->placements[x->id];
    for (int32_t side = 0; side < 2; side++)
        for (int32_t d = 0; d < spatial; d++) {
            int64_t pad = a->pads.v[side * spatial + d];
            int32_t slot = side * 2 + d + (2 - spatial);
            if (pad > p->halo[slot] && pad < 1024)
                p->halo[slot] = (int32_t)pad;
        }
}

static void spread_halo(lowering *l, const ingot_value *v)
{
    for (const placement *p = &l->placements[v->id]; p->inside != NULL; p = &l->placements[p->inside->id])
        for (int32_t i = 0; i < 4; i++)
            if (l->placements[p->inside->id].halo[i] < p->halo[i])
                l->placements[p->inside->id].halo[i] = p->halo[i];
}

/* A transposed reader that keeps the fast axis: written so that the transpose is dense. */
static void place_for_transpose(lowering *l, ingot_op *op)
{
    const ingot_attrs_perm *a = op->attrs;
    ingot_value *v = op->in[0];
    placement *p = &l->placements[v->id];
    if (v->def == NULL || !ingot_value_has_one_use(v) || p->inside != NULL || p->output >= 0 ||
        v->type.layout != INGOT_LAYOUT_PLAIN)
        return;
    if (a->perm.n != v->type.rank || a->perm.n < 1 || a->perm.v[a->perm.n - 1] != a->perm.n - 1)
        return;
    if (writes_strided(v->def) || v->def->kind == INGOT_OP_attention)
        p->perm = &a->perm;
}

static void decide_placements(lowering *l)
{
    for (uint32_t i = 0; i < l->n_values; i++)
        l->placements[i].output = -1;
    place_outputs(l, l->m->graphs[0]);
    for (int32_t g = 0; g < l->m->n_graphs; g++)
        for (ingot_op *op = l->m->graphs[g]->last; op != NULL; op = op->prev)
            if (op->kind == INGOT_OP_concat)
                place_concat_operands(l, op);
    for (int32_t g = 0; g < l->m->n_graphs; g++)
        for (ingot_op *op = l->m->graphs[g]->first; op != NULL; op = op->next)
            if (op->kind == INGOT_OP_conv || op->kind == INGOT_OP_conv_bf16 || op->kind == INGOT_OP_conv_integer)
                want_halo(l, op);
            else if (op->kind == INGOT_OP_transpose)
                place_for_transpose(l, op);
    for (int32_t g = 0; g < l->m->n_graphs; g++)
        for (ingot_op *op = l->m->graphs[g]->first; op != NULL; op = op->next)
            for (int32_t i = 0; i < op->n_out; i++)
                spread_halo(l, op->out[i]);
}

static ingot_status lower_inputs(lowering *l, ingot_graph *g)
{
    INGOT_TRY(
        ingot_arena_array(l->arena, (size_t)g->n_params + 1, sizeof *l->p->input_places, (void **)&l->p->input_places));
    for (int32_t i = 0; i < g->n_params; i++) {
        ingot_value *v = g->params[i];
        location at = {.valid = true, .offset = ingot_lower_const(l, 0), .dtype = v->type.dtype, .rank = v->type.rank};
        memcpy(at.dims, v->type.dims, sizeof at.dims);
        ingot_location_set_dense(l, &at);
        INGOT_TRY(ingot_lower_new_buffer(l, &v->type, NULL, v->name, &at));
        if (!ingot_type_is_boxed(&v->type)) {
            l->p->buffers[at.buffer].pool = INGOT_POOL_INPUT;
            l->p->buffers[at.buffer].index = i;
        }
        l->locations[v->id] = at;
        INGOT_TRY(ingot_lower_add_place(l, &at, &l->p->input_places[i]));
    }
    return NULL;
}

/* Outputs that were not written in place (inputs, constants, views, shared values) are copied. */
static ingot_status lower_outputs(lowering *l, ingot_graph *g)
{
    INGOT_TRY(ingot_arena_array(l->arena, (size_t)g->n_results + 1, sizeof *l->p->output_places,
                                (void **)&l->p->output_places));
    for (int32_t i = 0; i < g->n_results; i++) {
        ingot_value *v = g->results[i];
        location from, to;
        INGOT_TRY(ingot_lower_locate_to_copy(l, v, &from));
        const ingot_buffer *buffer = &l->p->buffers[from.buffer];
        if (buffer->pool == INGOT_POOL_BOX) {
            INGOT_TRY(ingot_lower_add_place(l, &from, &l->p->output_places[i]));
            continue;
        }
        if (buffer->pool == INGOT_POOL_OUTPUT && buffer->index == i && ingot_location_is_dense(l, &from)) {
            INGOT_TRY(ingot_lower_add_place(l, &from, &l->p->output_places[i]));
            continue;
        }
        INGOT_TRY(ingot_lower_new_buffer(l, &v->type, NULL, g->result_names[i], &to));
        l->p->buffers[to.buffer].pool = INGOT_POOL_OUTPUT;
        l->p->buffers[to.buffer].index = i;
        INGOT_TRY(ingot_lower_copy(l, &from, &to, "copy to output"));
        INGOT_TRY(ingot_lower_add_place(l, &to, &l->p->output_places[i]));
    }
    return NULL;
}

static ingot_status lower_module(lowering *l)
{
    ingot_graph *main_graph = l->m->graphs[0];
    l->n_values = l->m->next_value_id;
    INGOT_TRY(ingot_arena_array(l->arena, l->n_values + 1u, sizeof *l->locations, (void **)&l->locations));
    INGOT_TRY(ingot_arena_array(l->arena, l->n_values + 1u, sizeof *l->placements, (void **)&l->placements));
    decide_placements(l);
    INGOT_TRY(lower_inputs(l, main_graph));
    INGOT_TRY(ingot_lower_texts(l));
    INGOT_TRY(ingot_lower_graph(l, main_graph));
    INGOT_TRY(lower_outputs(l, main_graph));
    INGOT_TRY(ingot_plan_memory(l));
    return ingot_dims_check(l->m);
}

ingot_status ingot_program_create(ingot_module *m, const ingot_lower_options *options, ingot_program **out)
{
    ingot_arena arena = {0};
    ingot_program *p;
    INGOT_TRY(ingot_arena_array(&arena, 1, sizeof *p, (void **)&p));
    p->arena = arena;
    p->module = m;
    p->name = options->name != NULL ? options->name : "model";
    lowering l = {.m = m, .p = p, .options = options, .target = options->target, .arena = &p->arena};
    l.p->cold = ingot_module_constant_bytes(m) > (double)options->target->l3_bytes / 2;
    ingot_status status = lower_module(&l);
    if (status != NULL) {
        ingot_program_destroy(p);
        return status;
    }
    *out = p;
    return NULL;
}

void ingot_program_destroy(ingot_program *program)
{
    if (program == NULL)
        return;
    ingot_arena arena = program->arena; /* the program itself lives there */
    ingot_arena_release(&arena);
}
