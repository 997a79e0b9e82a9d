/* Binding inputs: the caller's tensors against the plan, symbols from their sizes, and all that follows from sizes. */
#include "runtime/context.h"
#include <string.h>

#define BAD(...) ingot_fail(INGOT_BAD_USAGE, __VA_ARGS__)

static const _Alignas(64) char empty[64]; /* where tensors without elements point */

/* ---- one tensor ---- */

/* "dim 1 (batch)" */
static const char *dim_text(const ingot_plan_view *v, const ingot_plan_io *io, int32_t d, char out[96])
{
    ingot_text text = {0};
    const char *name = ingot_plan_text(v, io->dim_names[d]);
    if (*name)
        ingot_text_append(&text, "dim %d (%.60s)", (int)d, name);
    else
        ingot_text_append(&text, "dim %d", (int)d);
    size_t size = text.failed ? 0 : text.size < 95 ? text.size : 95;
    if (size)
        memcpy(out, text.data, size);
    out[size] = 0;
    ingot_text_free(&text);
    return out;
}

ingot_status ingot_io_check(const ingot_plan_view *v, const ingot_plan_io *io, const DLTensor *t, const char *side)
{
    const char *name = ingot_plan_text(v, io->name);
    if (t->device.device_type != kDLCPU)
        return BAD("%s '%s' is on device type %d, expected CPU memory (%d)", side, name, (int)t->device.device_type,
                   (int)kDLCPU);
    DLDataType expected = ingot_dtype_to_dl((ingot_dtype)io->dtype);
    if (t->dtype.code != expected.code || t->dtype.bits != expected.bits || t->dtype.lanes != expected.lanes)
        return BAD("%s '%s' has DLPack type (code %d, %d bits, %d lanes), expected %s (code %d, %d bits, %d lanes)",
                   side, name, (int)t->dtype.code, (int)t->dtype.bits, (int)t->dtype.lanes,
                   ingot_dtype_name((ingot_dtype)io->dtype), (int)expected.code, (int)expected.bits,
                   (int)expected.lanes);
    if (t->ndim != io->rank)
        return BAD("%s '%s' has %d dims, expected %d", side, name, (int)t->ndim, (int)io->rank);
    if (io->rank && !t->shape)
        return BAD("%s '%s' has no shape", side, name);
    char dim[96];
    for (int32_t d = 0; d < io->rank; d++) {
        if (t->shape[d] < 0)
            return BAD("%s '%s', %s: %lld is negative", side, name, dim_text(v, io, d, dim), (long long)t->shape[d]);
    }
    return NULL;
}

bool ingot_io_is_dense(const DLTensor *t)
{
    int64_t stride = 1;
    if (!t->strides)
        return true;
    for (int32_t d = 0; d < t->ndim; d++) {
        if (t->shape[d] == 0)
            return true;
    }
    for (int32_t d = t->ndim - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->strides[d] != stride)
            return false;
        stride *= t->shape[d];
    }
    return true;
}

/* Where steps read input i: the caller's memory if it is dense and aligned, else a copy. */
static ingot_status take_input(ingot_context *ctx, int32_t i, const DLTensor *t)
{
    ingot_input_state *state = &ctx->inputs[i];
    const ingot_plan_io *io = &ctx->view.inputs[i];
    ingot_dtype dtype = (ingot_dtype)io->dtype;
    char *data;
    if (!state->bytes) {
        memcpy(&data, &(const char *){empty}, sizeof data);
    } else {
        if (!t->data)
            return BAD("input '%s' has no data", ingot_plan_text(&ctx->view, io->name));
        data = (char *)t->data + t->byte_offset;
        uintptr_t alignment = (uintptr_t)ingot_dtype_bits(dtype) / 8;
        if (alignment > 8)
            alignment = 8;
        bool dense = ingot_io_is_dense(t);
        if (!dense || (alignment && (uintptr_t)data % alignment)) {
            INGOT_TRY(ingot_region_reserve(&state->dense, (uint64_t)state->bytes, 0));
            if (dense)
                memcpy(state->dense.data, data, (size_t)state->bytes);
            else
                ingot_dl_make_dense(t, dtype, state->dense.data);
            data = state->dense.data;
        }
    }
    if (data != state->data)
        ctx->pointers_stale = true;
    state->data = data;
    return NULL;
}

/* ---- sizes ---- */

/* Symbols from the sizes that are named by one. */
static ingot_status take_symbols(ingot_context *ctx, const DLTensor *const *inputs)
{
    const ingot_plan_view *v = &ctx->view;
    for (int32_t i = 0; i < v->n_symbols; i++)
        ctx->symbols[i] = INGOT_UNKNOWN;
    for (int32_t i = 0; i < v->n_inputs; i++) {
        for (int32_t d = 0; d < v->inputs[i].rank; d++) {
            const ingot_plan_expr *e = &v->exprs[v->inputs[i].dims[d]];
            if (e->kind != INGOT_EXPR_SYMBOL || ctx->symbols[e->value] != INGOT_UNKNOWN)
                continue;
            const ingot_plan_symbol *s = &v->symbols[e->value];
            int64_t found = inputs[i]->shape[d];
            char dim[96];
            if (found < s->lo || found > s->hi)
                return BAD("input '%s', %s: %lld is not within %lld to %lld, the range that the model was compiled for",
                           ingot_plan_text(v, v->inputs[i].name), dim_text(v, &v->inputs[i], d, dim), (long long)found,
                           (long long)s->lo, (long long)s->hi);
            ctx->symbols[e->value] = found;
        }
    }
    for (int32_t i = 0; i < v->n_symbols; i++) { /* those that nothing depends on */
        if (ctx->symbols[i] == INGOT_UNKNOWN && !v->symbols[i].from_data)
            ctx->symbols[i] = v->symbols[i].lo;
    }
    return NULL;
}

static ingot_status compare_inputs(ingot_context *ctx, const DLTensor *const *inputs)
{
    const ingot_plan_view *v = &ctx->view;
    for (int32_t i = 0; i < v->n_inputs; i++) {
        const ingot_plan_io *io = &v->inputs[i];
        ingot_tensor t = {.dtype = (ingot_dtype)io->dtype, .rank = io->rank};
        char dim[96];
        if (ingot_io_is_boxed(io))
            continue;
        for (int32_t d = 0; d < io->rank; d++) {
            int64_t expected = ctx->env[io->dims[d]];
            t.dims[d] = inputs[i]->shape[d];
            if (t.dims[d] != expected)
                return BAD("input '%s', %s: expected %lld, found %lld", ingot_plan_text(v, io->name),
                           dim_text(v, io, d, dim), (long long)expected, (long long)t.dims[d]);
        }
        int64_t count = ingot_tensor_count(&t), bytes = ingot_dtype_bytes(t.dtype, count);
        if (count < 0 || bytes < 0)
            return ingot_fail(INGOT_LIMIT, "input '%s' is too large", ingot_plan_text(v, io->name));
        ctx->inputs[i].bytes = bytes;
    }
    return NULL;
}

ingot_status ingot_context_check(const ingot_context *ctx, int32_t check)
{
    const ingot_plan_check *c = &ctx->view.checks[check];
    int64_t a = ctx->env[c->a], b = ctx->env[c->b];
    if (a == INGOT_UNKNOWN || b == INGOT_UNKNOWN)
        return ingot_fail(INGOT_LIMIT, "%s: a size is too large, or divides by 0",
                          ingot_plan_text(&ctx->view, c->message));
    bool holds = c->kind == 0 ? a == b : c->kind == 1 ? a == b || a == 1 || b == 1 : a != 0 && b % a == 0;
    if (!holds)
        return BAD("%s (the sizes are %lld and %lld)", ingot_plan_text(&ctx->view, c->message), (long long)a,
                   (long long)b);
    return NULL;
}

/* Those that are not made by steps. */
static ingot_status run_checks(const ingot_context *ctx)
{
    for (int32_t i = 0; i < ctx->view.n_checks; i++) {
        if (!ctx->view.checks[i].in_step)
            INGOT_TRY(ingot_context_check(ctx, i));
    }
    return NULL;
}

/* Room of each buffer, and the arena. */
static ingot_status place_buffers(ingot_context *ctx)
{
    const ingot_plan_view *v = &ctx->view;
    int64_t arena_bytes = ctx->env[v->plan->arena_bytes];
    uint64_t limit = v->plan->max_workspace_bytes;
    if (arena_bytes < 0)
        return ingot_fail(INGOT_LIMIT, "these sizes need more working memory than can be addressed");
    if (limit && (uint64_t)arena_bytes > limit)
        return ingot_fail(INGOT_LIMIT,
                          "these sizes need %lld bytes of working memory, the model was compiled for at most %llu",
                          (long long)arena_bytes, (unsigned long long)limit);
    if (!ctx->has_data_symbols && (uint64_t)arena_bytes > ctx->memory_limit) /* else bounds, not all of it touched */
        return ingot_fail(INGOT_LIMIT,
                          "these sizes need %lld bytes of working memory, this process may use %llu bytes of memory",
                          (long long)arena_bytes, (unsigned long long)ctx->memory_limit);
    char *old = ctx->arena.data;
    INGOT_TRY(ingot_region_reserve(&ctx->arena, (uint64_t)arena_bytes, limit));
    ctx->pointers_stale |= ctx->arena.data != old;
    for (int32_t i = 0; i < v->n_buffers; i++) {
        const ingot_plan_buffer *b = &v->buffers[i];
        bool grows = v->exprs[b->bytes].on_data;
        int64_t bytes = grows ? 0 : ctx->env[b->bytes], offset = ctx->env[b->offset], end = -1;
        if (b->pool == 2)
            bytes = ctx->inputs[b->index].bytes;
        else if (b->pool == 3 && !ctx->outputs[b->index].on_data)
            bytes = ctx->outputs[b->index].bytes;
        if (bytes == INGOT_UNKNOWN)
            return ingot_fail(INGOT_LIMIT, "buffer %d is too large for these sizes", (int)i);
        if (bytes < 0)
            bytes = 0; /* of a branch that these sizes exclude */
        ctx->buffer_bytes[i] = bytes;
        if (b->pool >= 2 || grows)
            continue;
        uint64_t pool_bytes = b->pool == 0 ? (uint64_t)arena_bytes : v->plan->weights_bytes;
        if (offset < 0 || ingot_add_overflows(offset, bytes, &end) || (uint64_t)end > pool_bytes)
            return ingot_fail(INGOT_INTERNAL, "buffer %d (bytes %lld to %lld) is not inside its pool of %llu bytes",
                              (int)i, (long long)offset, (long long)end, (unsigned long long)pool_bytes);
        union {
            const char *from;
            char *to;
        } weights = {ctx->weights_data}; /* steps only read them */
        ctx->buffer_data[i] = (b->pool == 0 ? (char *)ctx->arena.data : weights.to) + offset;
    }
    return NULL;
}

static ingot_status size_outputs(ingot_context *ctx)
{
    const ingot_plan_view *v = &ctx->view;
    for (int32_t i = 0; i < v->n_outputs; i++) {
        const ingot_plan_io *io = &v->outputs[i];
        ingot_output_state *state = &ctx->outputs[i];
        ingot_tensor t = {.dtype = (ingot_dtype)io->dtype, .rank = io->rank};
        if (ingot_io_is_boxed(io))
            continue;
        for (int32_t d = 0; d < io->rank && !state->on_data; d++) {
            t.dims[d] = state->dims[d] = ctx->env[io->dims[d]];
            if (t.dims[d] < 0)
                return ingot_fail(INGOT_LIMIT, "output '%s', dim %d: these sizes do not fit",
                                  ingot_plan_text(v, io->name), (int)d);
        }
        if (state->on_data)
            continue;
        int64_t count = ingot_tensor_count(&t);
        state->bytes = ingot_dtype_bytes(t.dtype, count);
        if (count < 0 || state->bytes < 0)
            return ingot_fail(INGOT_LIMIT, "output '%s' is too large", ingot_plan_text(v, io->name));
    }
    return NULL;
}

/* Everything that follows from the inputs' sizes. */
static ingot_status rebind(ingot_context *ctx, const DLTensor *const *inputs)
{
    const ingot_plan_view *v = &ctx->view;
    ctx->bound = false;
    INGOT_TRY(take_symbols(ctx, inputs));
    ingot_plan_evaluate(v, ctx->symbols, false, ctx->env);
    INGOT_TRY(compare_inputs(ctx, inputs));
    INGOT_TRY(run_checks(ctx));
    INGOT_TRY(size_outputs(ctx));
    INGOT_TRY(place_buffers(ctx));
    ctx->pointers_stale = true;
    for (int32_t i = 0; i < v->n_steps; i++) {
        if (ctx->steps[i].on_data)
            continue;
        /* A step whose sizes are impossible may lie in a branch that is not taken: it fails when its turn comes. */
        ingot_status status = ingot_context_refresh_step(ctx, i);
        ctx->steps[i].stale = status != NULL;
        ingot_status_free(status);
    }
    for (int32_t i = 0; i < v->n_inputs; i++) {
        for (int32_t d = 0; d < v->inputs[i].rank; d++)
            ctx->inputs[i].dims[d] = inputs[i]->shape[d];
    }
    ctx->bound = true;
    return NULL;
}

static bool same_sizes(const ingot_context *ctx, const DLTensor *const *inputs)
{
    bool same = ctx->bound;
    for (int32_t i = 0; i < ctx->view.n_inputs; i++) {
        for (int32_t d = 0; d < ctx->view.inputs[i].rank; d++)
            same &= ctx->inputs[i].dims[d] == inputs[i]->shape[d];
    }
    return same;
}

static void forget_data_symbols(ingot_context *ctx)
{
    const ingot_plan_view *v = &ctx->view;
    for (int32_t i = 0; i < v->n_buffers; i++) {
        if (v->exprs[v->buffers[i].bytes].on_data)
            ctx->buffer_bytes[i] = 0;
    }
    for (int32_t i = 0; i < v->n_symbols; i++) {
        if (v->symbols[i].from_data)
            ctx->symbols[i] = INGOT_UNKNOWN;
    }
    ingot_plan_evaluate(v, ctx->symbols, true, ctx->env);
    ctx->generation++;
}

ingot_status ingot_context_bind_inputs(ingot_context *ctx, const DLTensor *const *inputs)
{
    const ingot_plan_view *v = &ctx->view;
    if (v->n_inputs && !inputs)
        return BAD("no inputs given, expected %d", (int)v->n_inputs);
    for (int32_t i = 0; i < v->n_inputs; i++) {
        if (!inputs[i])
            return BAD("input '%s' is a null pointer", ingot_plan_text(v, v->inputs[i].name));
        if (!ingot_io_is_boxed(&v->inputs[i]))
            INGOT_TRY(ingot_io_check(v, &v->inputs[i], inputs[i], "input"));
    }
    if (!same_sizes(ctx, inputs))
        INGOT_TRY(rebind(ctx, inputs));
    if (ctx->has_data_symbols)
        forget_data_symbols(ctx);
    for (int32_t i = 0; i < v->n_inputs; i++)
        if (!ingot_io_is_boxed(&v->inputs[i]))
            INGOT_TRY(take_input(ctx, i, inputs[i]));
    return NULL;
}

ingot_status ingot_context_set_symbol(ingot_context *ctx, int32_t symbol, int64_t value)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_symbol *s = &v->symbols[symbol];
    if (ctx->symbols[symbol] == value)
        return NULL;
    if (value < s->lo || value > s->hi)
        return BAD("the data decides a size '%s' of %lld, which is not within %lld to %lld",
                   ingot_plan_text(v, s->name), (long long)value, (long long)s->lo, (long long)s->hi);
    ctx->symbols[symbol] = value;
    ingot_plan_evaluate(v, ctx->symbols, true, ctx->env);
    ctx->generation++;
    return NULL;
}
