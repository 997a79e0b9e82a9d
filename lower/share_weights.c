/* One weights file for the programs of several targets: a constant that two of them have is stored once. */
#include "kernel/kernel.h"
#include <string.h>

static bool same_literal(const ingot_literal *a, const ingot_literal *b, ingot_dtype dtype)
{
    if (a->kind != b->kind || a->size_bytes != b->size_bytes || dtype == INGOT_STRING)
        return false;
    if (a->kind == INGOT_LITERAL_FILE)
        return a->file_offset == b->file_offset && !strcmp(a->file, b->file);
    int64_t stored = a->kind == INGOT_LITERAL_SPLAT ? ingot_dtype_bytes(dtype, 1) : a->size_bytes;
    return a->data == b->data || !memcmp(a->data, b->data, (size_t)stored);
}

static bool same_weight(const ingot_weight *a, const ingot_weight *b)
{
    if (a->size_bytes != b->size_bytes || a->packed != b->packed || a->value->type.dtype != b->value->type.dtype ||
        (a->packed && memcmp(&a->packing, &b->packing, sizeof a->packing) != 0))
        return false;
    return same_literal(ingot_value_literal(a->value), ingot_value_literal(b->value), a->value->type.dtype);
}

/* The index in `all` of a weight like `w`; looks first where the programs, made alike, are likely to have it. */
static int32_t find(const ingot_weight *all, int32_t n, const ingot_weight *w, int32_t likely)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t at = (likely + i) % n;
        if (same_weight(&all[at], w))
            return at;
    }
    return n;
}

ingot_status ingot_programs_share_weights(ingot_program *const *programs, int32_t n)
{
    int64_t bytes = programs[0]->weights_bytes;
    int32_t n_all = programs[0]->n_weights, capacity = 0;
    for (int32_t p = 0; p < n; p++)
        capacity += programs[p]->n_weights;
    ingot_weight *all;
    INGOT_TRY(ingot_arena_array(&programs[0]->arena, (size_t)capacity + 1, sizeof *all, (void **)&all));
    if (n_all)
        memcpy(all, programs[0]->weights, (size_t)n_all * sizeof *all);
    for (int32_t p = 1; p < n; p++) {
        ingot_program *program = programs[p];
        for (int32_t w = 0; w < program->n_weights; w++) {
            ingot_weight *weight = &program->weights[w];
            int32_t at = find(all, n_all, weight, w);
            if (at == n_all) {
                all[n_all] = *weight;
                all[n_all++].offset = bytes;
                bytes += (weight->size_bytes + 63) / 64 * 64;
            }
            weight->offset = all[at].offset;
        }
        for (int32_t b = 0; b < program->n_buffers; b++) {
            ingot_buffer *buffer = &program->buffers[b];
            if (buffer->pool == INGOT_POOL_WEIGHTS)
                buffer->offset = ingot_dim_const(program->module, program->weights[buffer->index].offset);
        }
    }
    programs[0]->weights = all;
    programs[0]->n_weights = n_all;
    for (int32_t p = 0; p < n; p++)
        programs[p]->weights_bytes = bytes;
    return NULL;
}
