/* Binding outputs: where steps write results, and what the caller's tensors say afterwards. */
#include "runtime/context.h"
#include <string.h>

#define BAD(...) ingot_fail(INGOT_BAD_USAGE, __VA_ARGS__)

static ingot_status check_shape(const ingot_plan_view *v, const ingot_plan_io *io, const DLTensor *t,
                                const int64_t *dims)
{
    for (int32_t d = 0; d < io->rank; d++) {
        if (t->shape[d] != dims[d])
            return BAD("output '%s', dim %d: the result's size is %lld, the tensor's %lld",
                       ingot_plan_text(v, io->name), (int)d, (long long)dims[d], (long long)t->shape[d]);
    }
    return NULL;
}

/* True when the caller brought memory; ours from an earlier run does not count. */
static bool has_memory(const ingot_output_state *state, const DLTensor *t)
{
    return t->data && t->data != state->own.data;
}

static ingot_status check_memory(const ingot_plan_view *v, const ingot_plan_io *io, const DLTensor *t)
{
    const char *name = ingot_plan_text(v, io->name);
    INGOT_TRY(ingot_io_check(v, io, t, "output"));
    if (!ingot_io_is_dense(t))
        return BAD("output '%s' has strides, expected dense row-major memory", name);
    uintptr_t alignment = (uintptr_t)ingot_dtype_bits((ingot_dtype)io->dtype) / 8;
    if (alignment > 8)
        alignment = 8;
    if (alignment && ((uintptr_t)t->data + t->byte_offset) % alignment)
        return BAD("output '%s': its memory is not aligned to %d bytes", name, (int)alignment);
    return NULL;
}

ingot_status ingot_context_bind_outputs(ingot_context *ctx, DLTensor *const *outputs)
{
    const ingot_plan_view *v = &ctx->view;
    if (v->n_outputs && !outputs)
        return BAD("no outputs given, expected %d", (int)v->n_outputs);
    for (int32_t i = 0; i < v->n_outputs; i++) {
        const ingot_plan_io *io = &v->outputs[i];
        ingot_output_state *state = &ctx->outputs[i];
        DLTensor *t = outputs[i];
        if (!t)
            return BAD("output '%s' is a null pointer", ingot_plan_text(v, io->name));
        if (ingot_io_is_boxed(io))
            continue;
        bool given = state->given = has_memory(state, t);
        if (given) {
            INGOT_TRY(check_memory(v, io, t));
            if (!state->on_data)
                INGOT_TRY(check_shape(v, io, t, state->dims));
        } else if (io->rank && !t->shape) {
            return BAD("output '%s' has no room for its shape of %d sizes", ingot_plan_text(v, io->name),
                       (int)io->rank);
        }
        char *data = given ? (char *)t->data + t->byte_offset : NULL;
        if (!given || state->on_data) {
            if (state->on_data) /* a bound, or 0: it grows */
                state->bytes = io->alias == -1 ? ctx->buffer_bytes[v->places[io->place].buffer] : 0;
            if ((uint64_t)state->bytes > ctx->memory_limit)
                return ingot_fail(
                    INGOT_LIMIT, "output '%s' needs %lld bytes, this process may use %llu bytes of memory",
                    ingot_plan_text(v, io->name), (long long)state->bytes, (unsigned long long)ctx->memory_limit);
            INGOT_TRY(ingot_region_reserve(&state->own, (uint64_t)state->bytes, 0));
            data = state->own.data;
        }
        if (data != state->data)
            ctx->pointers_stale = true;
        state->data = data;
    }
    return NULL;
}

/* Sizes of a result that the data decided. */
static ingot_status settle(const ingot_context *ctx, const ingot_plan_io *io, ingot_output_state *state,
                           int64_t *out_bytes)
{
    const char *name = ingot_plan_text(&ctx->view, io->name);
    ingot_tensor t = {.dtype = (ingot_dtype)io->dtype, .rank = io->rank};
    for (int32_t d = 0; d < io->rank; d++) {
        t.dims[d] = state->dims[d] = ctx->env[io->dims[d]];
        if (t.dims[d] < 0)
            return ingot_fail(INGOT_INTERNAL, "output '%s', dim %d: no step decided its size", name, (int)d);
    }
    int64_t count = ingot_tensor_count(&t);
    *out_bytes = ingot_dtype_bytes(t.dtype, count);
    if (count < 0 || *out_bytes < 0 || (io->alias == -1 && *out_bytes > state->bytes))
        return ingot_fail(INGOT_INTERNAL, "output '%s' is larger than the %lld bytes planned for it", name,
                          (long long)state->bytes);
    return NULL;
}

static ingot_status finish(ingot_context *ctx, const ingot_plan_io *io, ingot_output_state *state, DLTensor *t)
{
    const ingot_plan_view *v = &ctx->view;
    bool given = state->given;
    int64_t bytes = state->bytes;
    if (state->on_data) {
        INGOT_TRY(settle(ctx, io, state, &bytes));
        if (given)
            INGOT_TRY(check_shape(v, io, t, state->dims));
    }
    const char *from = state->data;
    if (io->alias != -1) {
        const ingot_plan_place *place = io->alias >= 0 ? NULL : &v->places[io->place];
        int64_t room = place ? ctx->buffer_bytes[place->buffer] : ctx->inputs[io->alias].bytes;
        int64_t offset = place ? ctx->env[place->offset_bytes] : 0;
        if (offset < 0 || offset > room || bytes > room - offset)
            return ingot_fail(INGOT_INTERNAL, "output '%s' is not inside the buffer that holds it",
                              ingot_plan_text(v, io->name));
        from = (place ? ctx->buffer_data[place->buffer] : ctx->inputs[io->alias].data) + offset;
    }
    if (state->on_data && io->alias != -1 && !given)
        INGOT_TRY(ingot_region_extend(&state->own, (uint64_t)bytes, 0));
    char *to = given ? (char *)t->data + t->byte_offset : state->own.data;
    if (bytes && from != to)
        memmove(to, from, (size_t)bytes);
    if (given)
        return NULL;
    t->data = to;
    t->device = (DLDevice){kDLCPU, 0};
    t->ndim = io->rank;
    t->dtype = ingot_dtype_to_dl((ingot_dtype)io->dtype);
    t->strides = NULL;
    t->byte_offset = 0;
    for (int32_t d = 0; d < io->rank; d++)
        t->shape[d] = state->dims[d];
    return NULL;
}

ingot_status ingot_context_finish_outputs(ingot_context *ctx, DLTensor *const *outputs)
{
    for (int32_t i = 0; i < ctx->view.n_outputs; i++) {
        const ingot_plan_io *io = &ctx->view.outputs[i];
        INGOT_TRY(ingot_io_is_boxed(io) ? ingot_context_finish_box(ctx, i, outputs[i])
                                        : finish(ctx, io, &ctx->outputs[i], outputs[i]));
    }
    return NULL;
}
