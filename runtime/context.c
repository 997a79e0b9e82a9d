/* Contexts: creation from a model, the order of a run, destruction. */
#include "runtime/context.h"
#include <string.h>
#include <unistd.h>

/* INGOT_CPU_* (costmodel/costmodel.h), from bit 0. */
static const char *const cpu_features[] = {"SSE4.2",  "AVX",      "AVX2",     "FMA",      "F16C",        "BMI2",
                                           "AVX512F", "AVX512BW", "AVX512VL", "AVX512DQ", "AVX512-VNNI", "AVX512-BF16"};

static ingot_status check_cpu(const ingot_plan_view *v)
{
    uint64_t missing = v->plan->cpu_required & ~ingot_cpu_detect();
    if (!missing)
        return NULL;
    ingot_text names = {0};
    for (size_t i = 0; i < 64; i++) {
        if (!(missing >> i & 1))
            continue;
        if (i < sizeof cpu_features / sizeof *cpu_features)
            ingot_text_append(&names, "%s%s", names.size ? ", " : "", cpu_features[i]);
        else
            ingot_text_append(&names, "%sfeature %d", names.size ? ", " : "", (int)i);
    }
    ingot_status status = ingot_fail(INGOT_UNSUPPORTED, "the model was compiled for %s; this CPU lacks %s",
                                     ingot_plan_text(v, v->plan->cpu), names.data ? names.data : "a feature");
    ingot_text_free(&names);
    return status;
}

/* A step depends on data when a size, dim or offset of it does, or the place of its buffer. */
static bool step_is_on_data(const ingot_plan_view *v, const ingot_plan_step *s)
{
    const uint32_t *sizes = ingot_step_sizes(v, s);
    const int32_t *places = ingot_step_places(v, s);
    bool on_data = s->data_dims.count != 0;
    for (uint32_t k = 0; k < s->sizes.count; k++)
        on_data |= v->exprs[sizes[k]].on_data;
    for (uint32_t k = 0; k < s->places.count; k++) {
        const ingot_plan_place *p = places[k] < 0 ? NULL : &v->places[places[k]];
        on_data |= p && (v->exprs[p->offset_bytes].on_data || v->exprs[v->buffers[p->buffer].bytes].on_data);
        for (int32_t d = 0; p && d < p->rank; d++)
            on_data |= v->exprs[p->dims[d]].on_data;
    }
    return on_data;
}

#define ARRAY(count, out) \
    INGOT_TRY(ingot_arena_array(&ctx->memory, (size_t)(count) + 1, sizeof **(out), (void **)(out)))

static ingot_status create_states(ingot_context *ctx)
{
    const ingot_plan_view *v = &ctx->view;
    ARRAY(v->n_symbols, &ctx->symbols);
    ARRAY(v->n_exprs, &ctx->env);
    ARRAY(v->n_buffers, &ctx->buffer_data);
    ARRAY(v->n_buffers, &ctx->buffer_bytes);
    ARRAY(v->n_buffers, &ctx->growing);
    ARRAY(v->n_inputs, &ctx->inputs);
    ARRAY(v->n_outputs, &ctx->outputs);
    ARRAY(v->n_steps, &ctx->steps);
    ARRAY(v->plan->n_boxes, &ctx->boxes);
    ARRAY(v->n_outputs, &ctx->given);
    for (int32_t i = 0; i < v->n_symbols; i++)
        ctx->has_data_symbols |= v->symbols[i].from_data != 0;
    for (int32_t i = 0; i < v->n_outputs; i++) {
        for (int32_t d = 0; d < v->outputs[i].rank; d++)
            ctx->outputs[i].on_data |= v->exprs[v->outputs[i].dims[d]].on_data != 0;
    }
    ctx->memory_limit = ingot_memory_size();
    ingot_plan_low_symbols(v, ctx->symbols);
    ingot_plan_evaluate(v, ctx->symbols, false, ctx->env);
    for (int32_t i = 0; i < v->n_steps; i++) {
        const ingot_plan_step *s = &v->steps[i];
        ingot_step_state *state = &ctx->steps[i];
        ARRAY(s->sizes.count, &state->sizes);
        ARRAY(s->places.count, &state->data);
        if (s->kind != INGOT_PLAN_KERNEL)
            ARRAY(s->places.count, &state->tensors);
        if (s->kind == INGOT_PLAN_BOXED) {
            ARRAY(s->places.count, &state->boxes);
            ARRAY(s->n_in, &state->plain);
        }
        state->on_data = step_is_on_data(v, s);
        state->units = -1;
        state->low_bytes = ingot_step_operand_bytes(v, s, ctx->env);
    }
    return NULL;
}

/* Most bytes of boxed values: as the model was compiled for, else half of the machine's memory. */
static size_t heap_limit(const ingot_plan *plan)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    if (plan->max_workspace_bytes)
        return (size_t)plan->max_workspace_bytes;
    return pages > 0 && bytes > 0 ? (size_t)pages / 2 * (size_t)bytes : SIZE_MAX / 2;
}

static ingot_status create_threads(ingot_context *ctx, const ingot_init_options *options)
{
    ctx->n_threads = options->threads > 0 ? options->threads : ingot_threads_default_count();
    ctx->parallel_for = options->parallel_for;
    ctx->pool = options->pool;
    if (options->parallel_for)
        return NULL;
    INGOT_TRY(ingot_threads_create(ctx->n_threads, &ctx->threads));
    ctx->parallel_for = ingot_threads_for;
    ctx->pool = ctx->threads;
    return NULL;
}

static ingot_status create(ingot_context *ctx, const ingot_model *model, const ingot_init_options *options)
{
    model = ingot_model_for_cpu(model);
    INGOT_TRY(ingot_plan_view_create(model, &ctx->view));
    INGOT_TRY(check_cpu(&ctx->view));
    ctx->kernels = model->kernels;
    const void *data;
    INGOT_TRY(ingot_weights_acquire(model, &ctx->view, options, &ctx->weights, &data));
    ctx->weights_data = data;
    INGOT_TRY(create_states(ctx));
    ctx->heap.memory.limit_bytes = heap_limit(ctx->view.plan);
    return create_threads(ctx, options);
}

/* What the caller's struct has; newer fields of a longer one must be zero for us to ignore them. */
static ingot_status take_options(const ingot_init_options *given, ingot_init_options *out)
{
    *out = (ingot_init_options){0};
    if (!given || !given->struct_size)
        return NULL;
    if (given->struct_size < sizeof given->struct_size || given->struct_size > 4096)
        return ingot_fail(INGOT_BAD_USAGE, "options: struct_size is %zu, expected %zu", given->struct_size,
                          sizeof *out);
    memcpy(out, given, given->struct_size < sizeof *out ? given->struct_size : sizeof *out);
    for (size_t i = sizeof *out; i < given->struct_size; i++) {
        if (((const char *)given)[i])
            return ingot_fail(INGOT_BAD_USAGE,
                              "options: a field of a newer version is set (struct_size %zu, known %zu)",
                              given->struct_size, sizeof *out);
    }
    if (out->weights && !out->weights_size)
        return ingot_fail(INGOT_BAD_USAGE, "options: weights without weights_size");
    if (out->threads < 0)
        return ingot_fail(INGOT_BAD_USAGE, "options: threads is %d", (int)out->threads);
    return NULL;
}

ingot_status ingot_context_create(const ingot_model *model, const ingot_init_options *options, ingot_context **out_ctx)
{
    ingot_init_options taken;
    *out_ctx = NULL;
    INGOT_TRY(take_options(options, &taken));
    ingot_arena memory = {0};
    ingot_context *ctx;
    INGOT_TRY(ingot_arena_array(&memory, 1, sizeof *ctx, (void **)&ctx));
    ctx->memory = memory;
    ingot_status status = create(ctx, model, &taken);
    if (status) {
        ingot_context_destroy(ctx);
        return model && model->name ? ingot_status_note(status, "loading %s", model->name) : status;
    }
    *out_ctx = ctx;
    return NULL;
}

ingot_status ingot_context_run(ingot_context *ctx, const DLTensor *const *inputs, DLTensor *const *outputs)
{
    if (!ctx)
        return ingot_fail(INGOT_BAD_USAGE, "no context given");
    INGOT_TRY(ingot_context_bind_inputs(ctx, inputs));
    INGOT_TRY(ingot_context_bind_boxes(ctx, inputs));
    INGOT_TRY(ingot_context_bind_outputs(ctx, outputs));
    ingot_context_resolve(ctx);
    INGOT_TRY(ingot_context_execute(ctx));
    return ingot_context_finish_outputs(ctx, outputs);
}

void ingot_context_destroy(ingot_context *ctx)
{
    if (!ctx)
        return;
    ingot_threads_destroy(ctx->threads);
    for (int32_t i = 0; ctx->inputs && i < ctx->view.n_inputs; i++)
        ingot_region_release(&ctx->inputs[i].dense);
    for (int32_t i = 0; ctx->outputs && i < ctx->view.n_outputs; i++)
        ingot_region_release(&ctx->outputs[i].own);
    for (int32_t i = 0; ctx->growing && i < ctx->view.n_buffers; i++)
        ingot_region_release(&ctx->growing[i]);
    ingot_region_release(&ctx->arena);
    ingot_region_release(&ctx->scratch);
    ingot_arena_release(&ctx->heap.memory);
    ingot_weights_release(ctx->weights);
    ingot_arena memory = ctx->memory;
    ingot_arena_release(&memory);
}

void ingot_context_set_hook(ingot_context *ctx, ingot_step_hook hook, void *arg)
{
    ctx->hook = hook;
    ctx->hook_arg = arg;
}

const int64_t *ingot_context_sizes(const ingot_context *ctx, int32_t step, int32_t *out_count)
{
    bool known = step >= 0 && step < ctx->view.n_steps;
    *out_count = known ? (int32_t)ctx->view.steps[step].sizes.count : 0;
    return known ? ctx->steps[step].sizes : NULL;
}
