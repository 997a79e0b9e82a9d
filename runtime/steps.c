/* Filling in steps: sizes, tensors, pointers, scratch and cost of each, from the environment. */
#include "runtime/context.h"

/* Rounded up to a cache line. */
static uint64_t round_up(uint64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* The upper bounds of sizes that this very step decides: what its symbol's range and the room of its buffer allow. */
static void bound_data_dims(const ingot_context *ctx, const ingot_plan_step *s, ingot_step_state *state, int64_t room,
                            uint32_t out)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_data_dim *data = ingot_step_data_dims(v, s);
    ingot_tensor *t = &state->tensors[s->n_in + out];
    bool decided[INGOT_MAX_RANK] = {false};
    for (uint32_t k = 0; k < s->data_dims.count; k++) {
        if ((uint32_t)data[k].out == out)
            decided[data[k].dim] = true;
    }
    ingot_tensor rest = *t;
    for (int32_t d = 0; d < t->rank; d++) {
        if (decided[d])
            rest.dims[d] = 1;
    }
    int64_t row = ingot_tensor_count(&rest), bits = ingot_dtype_bits(t->dtype);
    int64_t elements = 0;
    if (bits >= 8)
        elements = room / (bits / 8);
    else if (bits)
        elements = room > INT64_MAX / 8 ? INT64_MAX / 8 : room * 8 / bits;
    for (uint32_t k = 0; k < s->data_dims.count; k++) {
        if ((uint32_t)data[k].out != out)
            continue;
        int64_t bound = v->symbols[data[k].symbol].hi;
        if (row > 0 && elements / row < bound)
            bound = elements / row;
        t->dims[data[k].dim] = bound;
    }
}

static bool decided_here(const ingot_plan_view *v, const ingot_plan_step *s, uint32_t out, int32_t dim)
{
    const ingot_plan_data_dim *data = ingot_step_data_dims(v, s);
    for (uint32_t k = 0; k < s->data_dims.count; k++) {
        if ((uint32_t)data[k].out == out && data[k].dim == dim)
            return true;
    }
    return false;
}

/* Start of a place within its buffer, checked; a buffer that grows has room then. */
static ingot_status place_offset(ingot_context *ctx, const ingot_plan_place *p, uint32_t operand, int64_t *out)
{
    if (ctx->view.exprs[ctx->view.buffers[p->buffer].bytes].on_data)
        INGOT_TRY(ingot_context_make_room(ctx, p->buffer));
    *out = ctx->env[p->offset_bytes];
    if (*out > 0 && ctx->buffer_bytes[p->buffer] == 0)
        *out = 0; /* parts of what is empty are empty */
    if (*out < 0 || *out > ctx->buffer_bytes[p->buffer])
        return ingot_fail(INGOT_INTERNAL, "operand %u begins at byte %lld of a buffer of %lld", (unsigned)operand,
                          (long long)*out, (long long)ctx->buffer_bytes[p->buffer]);
    return NULL;
}

/* Tensor of an operand of a step that is no generated kernel: dense, and inside its buffer. */
static ingot_status fill_tensor(ingot_context *ctx, const ingot_plan_step *s, ingot_step_state *state, uint32_t k)
{
    const ingot_plan_view *v = &ctx->view;
    int32_t number = ingot_step_places(v, s)[k];
    ingot_tensor *t = &state->tensors[k];
    *t = (ingot_tensor){0};
    if (number < 0 || ingot_place_box(v, number) >= 0)
        return NULL;
    const ingot_plan_place *p = &v->places[number];
    int64_t offset;
    INGOT_TRY(place_offset(ctx, p, k, &offset));
    t->dtype = (ingot_dtype)p->dtype;
    t->rank = p->rank;
    bool bounded = false;
    for (int32_t d = 0; d < p->rank; d++) {
        t->dims[d] = ctx->env[p->dims[d]];
        if (s->data_dims.count && k >= s->n_in && decided_here(v, s, k - s->n_in, d)) {
            t->dims[d] = 0;
            bounded = true;
        } else if (t->dims[d] < 0) {
            return ingot_fail(INGOT_INTERNAL, "operand %u, dim %d: its size is not known", (unsigned)k, (int)d);
        }
    }
    int64_t room = ctx->buffer_bytes[p->buffer] - offset;
    if (bounded)
        bound_data_dims(ctx, s, state, room, k - s->n_in);
    int64_t count = ingot_tensor_count(t), bytes = ingot_dtype_bytes(t->dtype, count);
    if (!bounded && (count < 0 || bytes < 0 || bytes > room))
        return ingot_fail(INGOT_INTERNAL, "operand %u needs %lld bytes, its buffer has room for %lld", (unsigned)k,
                          (long long)bytes, (long long)room);
    return NULL;
}

static ingot_status reserve_scratch(ingot_context *ctx, const ingot_plan_step *s, ingot_step_state *state)
{
    const ingot_plan_view *v = &ctx->view;
    ingot_call call = {
        .attrs = s->attrs.count ? v->base + s->attrs.offset : NULL,
        .prog = s->prog.count ? (const ingot_prog *)(const void *)(v->base + s->prog.offset) : NULL,
        .sym = state->sizes,
        .n_in = (int32_t)s->n_in,
        .n_out = (int32_t)s->n_out,
        .n_sym = (int32_t)s->sizes.count,
        .in = state->tensors,
        .out = state->tensors + s->n_in,
    };
    int64_t bytes = ingot_portable_scratch_bytes((ingot_portable_id)s->portable, &call);
    uint64_t limit = v->plan->max_workspace_bytes, needed;
    if (bytes < 0 || ingot_add_overflows(round_up((uint64_t)bytes), (uint64_t)ctx->env[v->plan->arena_bytes], &needed))
        return ingot_fail(INGOT_LIMIT, "needs more scratch memory than can be addressed");
    if (limit && needed > limit)
        return ingot_fail(INGOT_LIMIT,
                          "needs %lld bytes of scratch memory: with the arena, more than the %llu bytes that the model "
                          "was compiled for",
                          (long long)bytes, (unsigned long long)limit);
    return ingot_region_reserve(&ctx->scratch, (uint64_t)bytes, limit);
}

/* The plan's cost is for sizes at their low ends; operands that have grown scale it. */
static double scaled_cost(const ingot_context *ctx, const ingot_plan_step *s, const ingot_step_state *state)
{
    double bytes = ingot_step_operand_bytes(&ctx->view, s, ctx->env);
    return state->low_bytes > 0 && bytes > state->low_bytes ? s->cost_ns * (bytes / state->low_bytes) : s->cost_ns;
}

double ingot_step_operand_bytes(const ingot_plan_view *v, const ingot_plan_step *s, const int64_t *env)
{
    double total = 0;
    const int32_t *places = ingot_step_places(v, s);
    for (uint32_t k = 0; k < s->places.count; k++) {
        if (places[k] < 0)
            continue;
        const ingot_plan_place *p = &v->places[places[k]];
        double bytes = ingot_dtype_bits((ingot_dtype)p->dtype) / 8.0;
        for (int32_t d = 0; d < p->rank; d++)
            bytes *= env[p->dims[d]] > 0 ? (double)env[p->dims[d]] : 0;
        total += bytes;
    }
    return total;
}

ingot_status ingot_context_refresh_step(ingot_context *ctx, int32_t step)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_step *s = &v->steps[step];
    ingot_step_state *state = &ctx->steps[step];
    const uint32_t *sizes = ingot_step_sizes(v, s);
    for (uint32_t k = 0; k < s->sizes.count; k++) {
        state->sizes[k] = ctx->env[sizes[k]];
        if (state->sizes[k] == INGOT_UNKNOWN)
            return ingot_fail(INGOT_INTERNAL, "size %u is not known", (unsigned)k);
    }
    if (s->kind == INGOT_PLAN_KERNEL) {
        const int32_t *places = ingot_step_places(v, s);
        int64_t offset;
        for (uint32_t k = 0; k < s->places.count; k++) {
            if (places[k] >= 0)
                INGOT_TRY(place_offset(ctx, &v->places[places[k]], k, &offset));
        }
        state->cost_ns = scaled_cost(ctx, s, state);
        state->units = -1;
    } else {
        /* Results of boxed steps get their sizes from what the kernel makes. */
        uint32_t n = s->kind == INGOT_PLAN_BOXED ? s->n_in : s->places.count;
        for (uint32_t k = 0; k < n; k++)
            INGOT_TRY(fill_tensor(ctx, s, state, k));
        if (s->kind == INGOT_PLAN_PORTABLE)
            INGOT_TRY(reserve_scratch(ctx, s, state));
    }
    state->generation = ctx->generation;
    return NULL;
}

void ingot_context_resolve_step(ingot_context *ctx, int32_t step)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_step *s = &v->steps[step];
    ingot_step_state *state = &ctx->steps[step];
    const int32_t *places = ingot_step_places(v, s);
    for (uint32_t k = 0; k < s->places.count; k++) {
        const ingot_plan_place *p = places[k] < 0 ? NULL : &v->places[places[k]];
        int64_t offset = p ? ctx->env[p->offset_bytes] : INGOT_UNKNOWN;
        char *buffer = p ? ctx->buffer_data[p->buffer] : NULL;
        state->data[k] = offset == INGOT_UNKNOWN || !buffer ? NULL : buffer + offset;
        if (state->tensors)
            state->tensors[k].data = state->data[k];
    }
}

void ingot_context_resolve(ingot_context *ctx)
{
    const ingot_plan_view *v = &ctx->view;
    if (!ctx->pointers_stale)
        return;
    for (int32_t i = 0; i < v->n_buffers; i++) {
        const ingot_plan_buffer *b = &v->buffers[i];
        if (b->pool == 2)
            ctx->buffer_data[i] = ctx->inputs[b->index].data;
        else if (b->pool == 3)
            ctx->buffer_data[i] = ctx->outputs[b->index].data;
    }
    for (int32_t i = 0; i < v->n_steps; i++) {
        if (!ctx->steps[i].on_data) /* the others when their turn comes */
            ingot_context_resolve_step(ctx, i);
    }
    ctx->pointers_stale = false;
}
