/* Running the steps of a plan. No memory is allocated here but for sizes that the data decides, and nothing is printed.
 */
#include "runtime/context.h"
#include <string.h>
#include <time.h>

#define THREADS_FROM_NS 20000.0 /* waking others costs some microseconds */
#define PART_NS         8000.0  /* least work worth handing out */
#define PARTS_A_THREAD  4       /* of large kernels: lets threads that started late do less */

typedef struct kernel_job {
    ingot_kernel_fn *kernel;
    const ingot_step_state *state;
    int32_t parts;
} kernel_job;

/* Part i takes units [units * i / parts, units * (i + 1) / parts). */
static void run_part(void *arg, int32_t i)
{
    const kernel_job *job = arg;
    int64_t whole = job->state->units / job->parts, extra = job->state->units % job->parts;
    int64_t begin = whole * i + (i < extra ? i : extra);
    job->kernel(job->state->data, job->state->sizes, begin, begin + whole + (i < extra));
}

static int32_t count_parts(const ingot_context *ctx, const ingot_step_state *state)
{
    if (ctx->n_threads <= 1 || state->units <= 1 || state->cost_ns < THREADS_FROM_NS)
        return 1;
    double parts = state->cost_ns / PART_NS, most = (double)ctx->n_threads * PARTS_A_THREAD;
    parts = parts < 2 ? 2 : parts > most ? most : parts;
    return (double)state->units < parts ? (int32_t)state->units : (int32_t)parts;
}

static ingot_status run_kernel(ingot_context *ctx, const ingot_plan_step *s, ingot_step_state *state)
{
    kernel_job job = {.state = state};
    memcpy(&job.kernel, &ctx->kernels[s->kernel], sizeof job.kernel); /* ISO C has no cast from data to code */
    if (state->units < 0) {
        state->units = job.kernel(state->data, state->sizes, -1, 0);
        if (state->units < 0) {
            state->units = -1;
            return ingot_fail(INGOT_INTERNAL, "the kernel does not accept these sizes");
        }
    }
    if (!state->units)
        return NULL;
    job.parts = count_parts(ctx, state);
    if (job.parts == 1)
        job.kernel(state->data, state->sizes, 0, state->units);
    else
        ctx->parallel_for(ctx->pool, job.parts, run_part, &job);
    return NULL;
}

/* Reads back the sizes that a portable kernel decided. */
static ingot_status take_data_dims(ingot_context *ctx, const ingot_plan_step *s, const ingot_step_state *state)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_data_dim *data = ingot_step_data_dims(v, s);
    const int32_t *places = ingot_step_places(v, s);
    for (uint32_t k = 0; k < s->data_dims.count; k++) {
        const ingot_tensor *t = &state->tensors[s->n_in + (uint32_t)data[k].out];
        const ingot_plan_place *p = &v->places[places[s->n_in + (uint32_t)data[k].out]];
        int64_t count = ingot_tensor_count(t), bytes = ingot_dtype_bytes(t->dtype, count);
        if (count < 0 || bytes < 0 || bytes > ctx->buffer_bytes[p->buffer] - ctx->env[p->offset_bytes])
            return ingot_fail(INGOT_INTERNAL, "result %d is larger than its buffer", (int)data[k].out);
        INGOT_TRY(ingot_context_set_symbol(ctx, data[k].symbol, t->dims[data[k].dim]));
    }
    return NULL;
}

static ingot_status run_portable(ingot_context *ctx, const ingot_plan_step *s, ingot_step_state *state)
{
    const ingot_plan_view *v = &ctx->view;
    ingot_portable_fn *kernel;
    memcpy(&kernel, &ctx->kernels[s->kernel], sizeof kernel);
    ingot_call call = {
        .attrs = s->attrs.count ? v->base + s->attrs.offset : NULL,
        .prog = s->prog.count ? (const ingot_prog *)(const void *)(v->base + s->prog.offset) : NULL,
        .sym = state->sizes,
        .n_in = (int32_t)s->n_in,
        .n_out = (int32_t)s->n_out,
        .n_sym = (int32_t)s->sizes.count,
        .in = state->tensors,
        .out = state->tensors + s->n_in,
        .scratch = ctx->scratch.data,
    };
    INGOT_TRY(kernel(&call));
    return s->data_dims.count ? take_data_dims(ctx, s, state) : NULL;
}

static int64_t bytes_of(const ingot_tensor *t)
{
    return ingot_dtype_bytes(t->dtype, ingot_tensor_count(t)); /* checked when it was filled in */
}

static ingot_status run_copy(const ingot_step_state *state)
{
    int64_t bytes = bytes_of(&state->tensors[0]), room = bytes_of(&state->tensors[1]);
    if (bytes > room)
        return ingot_fail(INGOT_INTERNAL, "copies %lld bytes to a tensor of %lld", (long long)bytes, (long long)room);
    if (bytes)
        memmove(state->data[1], state->data[0], (size_t)bytes);
    return NULL;
}

static ingot_status run_dims(const ingot_plan_step *s, const ingot_step_state *state)
{
    if (ingot_tensor_count(&state->tensors[0]) != (int64_t)s->sizes.count)
        return ingot_fail(INGOT_INTERNAL, "%u sizes do not fill a tensor of %lld", (unsigned)s->sizes.count,
                          (long long)ingot_tensor_count(&state->tensors[0]));
    if (s->sizes.count)
        memcpy(state->data[0], state->sizes, s->sizes.count * sizeof(int64_t));
    return NULL;
}

static ingot_status run_bind(ingot_context *ctx, const ingot_plan_step *s, const ingot_step_state *state)
{
    const ingot_tensor *t = &state->tensors[0];
    int64_t count = ingot_tensor_count(t);
    if (count > ctx->view.n_symbols - s->first_symbol)
        return ingot_fail(INGOT_INTERNAL, "sets %lld symbols from number %d on, there are %d", (long long)count,
                          (int)s->first_symbol, (int)ctx->view.n_symbols);
    for (int32_t i = 0; i < count; i++) {
        if (!ctx->view.symbols[s->first_symbol + i].from_data)
            return ingot_fail(INGOT_INTERNAL, "sets symbol %d, which the inputs decide", (int)(s->first_symbol + i));
        INGOT_TRY(ingot_context_set_symbol(ctx, s->first_symbol + i, ingot_load_i64(t->data, t->dtype, i)));
    }
    return NULL;
}

/* Runs one step; *next comes in as the one after it. */
static ingot_status run_step(ingot_context *ctx, int32_t i, int32_t *next)
{
    const ingot_plan_step *s = &ctx->view.steps[i];
    ingot_step_state *state = &ctx->steps[i];
    if (state->stale || (state->on_data && (state->generation != ctx->generation || s->data_dims.count))) {
        INGOT_TRY(ingot_context_refresh_step(ctx, i));
        state->stale = false;
        ingot_context_resolve_step(ctx, i);
    }
    switch (s->kind) {
    case INGOT_PLAN_KERNEL:
        return run_kernel(ctx, s, state);
    case INGOT_PLAN_PORTABLE:
        return run_portable(ctx, s, state);
    case INGOT_PLAN_BOXED:
        return ingot_context_run_boxed(ctx, i);
    case INGOT_PLAN_COPY:
        return run_copy(state);
    case INGOT_PLAN_ZERO:
        memset(state->data[0], 0, (size_t)bytes_of(&state->tensors[0]));
        return NULL;
    case INGOT_PLAN_DIMS:
        return run_dims(s, state);
    case INGOT_PLAN_BIND:
        return run_bind(ctx, s, state);
    case INGOT_PLAN_CHECK:
        return ingot_context_check(ctx, s->target);
    case INGOT_PLAN_JUMP_UNLESS:
        if (ingot_tensor_count(&state->tensors[0]) < 1)
            return ingot_fail(INGOT_BAD_USAGE, "a condition without an element");
        if (!*(const uint8_t *)state->data[0])
            *next = s->target;
        return NULL;
    default:
        *next = s->target;
        return NULL;
    }
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

ingot_status ingot_context_execute(ingot_context *ctx)
{
    for (int32_t i = 0, next; i < ctx->view.n_steps; i = next) {
        next = i + 1;
        int64_t begin = ctx->hook ? now_ns() : 0;
        ingot_status status = run_step(ctx, i, &next);
        if (status) {
            const char *label = ingot_plan_text(&ctx->view, ctx->view.steps[i].label);
            return ingot_status_note(status, "running %s", *label ? label : "a step");
        }
        if (ctx->hook)
            ctx->hook(ctx->hook_arg, i, begin, now_ns());
    }
    return NULL;
}
