/* Descriptions of models: interface and memory. The info of a model is built on first use and kept in a list, under a
 * lock. */
#include "runtime/model_info.h"
#include "runtime/context.h"
#include "runtime/digest.h"
#include <pthread.h>
#include <string.h>

#define WEIGHTS_ALIGNMENT 64
#define ARENA_ALIGNMENT   64

typedef struct known_model {
    ingot_arena memory;
    const ingot_model *model;
    uint8_t build_id[16];
    uint64_t plan_bytes;
    ingot_model_info info;
    struct known_model *next;
} known_model;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static known_model *known;

static ingot_status copy_text(ingot_arena *arena, const char *text, const char **out)
{
    *out = ingot_arena_strndup(arena, text, strlen(text));
    return *out ? NULL : ingot_status_no_memory();
}

static ingot_status describe_tensors(ingot_arena *arena, const ingot_plan_view *v, const ingot_plan_io *io,
                                     int32_t count, const ingot_tensor_info **out)
{
    ingot_tensor_info *infos;
    INGOT_TRY(ingot_arena_array(arena, (size_t)count, sizeof *infos, (void **)&infos));
    for (int32_t i = 0; i < count; i++) {
        INGOT_TRY(copy_text(arena, ingot_plan_text(v, io[i].name), &infos[i].name));
        infos[i].dtype = (ingot_dtype)io[i].dtype;
        infos[i].rank = io[i].rank;
        infos[i].form = (ingot_form)io[i].form;
        for (int32_t d = 0; d < io[i].rank; d++) {
            const ingot_plan_expr *e = &v->exprs[io[i].dims[d]];
            infos[i].dims[d] = e->kind == INGOT_EXPR_CONST ? e->value : -1;
            if (infos[i].dims[d] < 0)
                INGOT_TRY(copy_text(arena, ingot_plan_text(v, io[i].dim_names[d]), &infos[i].dim_names[d]));
        }
    }
    *out = infos;
    return NULL;
}

static ingot_status describe(ingot_arena *arena, const ingot_model *model, known_model **out)
{
    ingot_plan_view v;
    INGOT_TRY(ingot_plan_view_create(model, &v));
    known_model *k;
    INGOT_TRY(ingot_arena_array(arena, 1, sizeof *k, (void **)&k));
    k->model = model;
    k->plan_bytes = v.plan->plan_bytes;
    memcpy(k->build_id, v.plan->build_id, sizeof k->build_id);
    char build_id[33];
    ingot_digest_print(v.plan->build_id, build_id);
    k->info = (ingot_model_info){
        .abi_version = v.plan->abi_version,
        .n_inputs = v.n_inputs,
        .n_outputs = v.n_outputs,
        .weights_bytes = v.plan->weights_bytes,
    };
    const ingot_plan_expr *arena_bytes = &v.exprs[v.plan->arena_bytes];
    if (arena_bytes->kind == INGOT_EXPR_CONST && arena_bytes->value > 0)
        k->info.arena_bytes = (uint64_t)arena_bytes->value;
    INGOT_TRY(copy_text(arena, v.name, &k->info.name));
    INGOT_TRY(copy_text(arena, build_id, &k->info.build_id));
    INGOT_TRY(copy_text(arena, ingot_plan_text(&v, v.plan->cpu), &k->info.cpu));
    INGOT_TRY(describe_tensors(arena, &v, v.inputs, v.n_inputs, &k->info.inputs));
    INGOT_TRY(describe_tensors(arena, &v, v.outputs, v.n_outputs, &k->info.outputs));
    *out = k;
    return NULL;
}

static void forget(const ingot_model *model)
{
    for (known_model **at = &known; *at; at = &(*at)->next) {
        known_model *k = *at;
        if (k->model != model)
            continue;
        *at = k->next;
        ingot_arena memory = k->memory;
        ingot_arena_release(&memory);
        return;
    }
}

static const ingot_model_info *find_or_describe(const ingot_model *model)
{
    for (known_model *k = known; k; k = k->next) {
        if (k->model == model && model->plan && k->plan_bytes == model->plan->plan_bytes &&
            !memcmp(k->build_id, model->plan->build_id, sizeof k->build_id))
            return &k->info;
    }
    forget(model); /* another model was at this address */
    ingot_arena arena = {0};
    known_model *k;
    ingot_status status = describe(&arena, model, &k);
    if (status) {
        ingot_status_free(status);
        ingot_arena_release(&arena);
        return NULL;
    }
    k->memory = arena;
    k->next = known;
    known = k;
    return &k->info;
}

const ingot_model_info *ingot_model_get_info(const ingot_model *model)
{
    model = ingot_model_for_cpu(model);
    if (!model)
        return NULL;
    pthread_mutex_lock(&lock);
    const ingot_model_info *info = find_or_describe(model);
    pthread_mutex_unlock(&lock);
    return info;
}

void ingot_model_forget(const ingot_model *model)
{
    model = ingot_model_for_cpu(model);
    pthread_mutex_lock(&lock);
    forget(model);
    pthread_mutex_unlock(&lock);
}

/* Of a context's own arrays, as context.c makes them. */
static uint64_t context_bytes(const ingot_plan_view *v)
{
    uint64_t bytes =
        sizeof(ingot_context) + (uint64_t)v->n_symbols * sizeof(int64_t) + (uint64_t)v->n_exprs * sizeof(int64_t) +
        (uint64_t)v->n_buffers * (sizeof(char *) + sizeof(int64_t)) +
        (uint64_t)v->n_inputs * sizeof(ingot_input_state) + (uint64_t)v->n_outputs * sizeof(ingot_output_state) +
        (uint64_t)v->n_steps * sizeof(ingot_step_state);
    for (int32_t i = 0; i < v->n_steps; i++) {
        const ingot_plan_step *s = &v->steps[i];
        bytes += (uint64_t)s->sizes.count * sizeof(int64_t) + (uint64_t)s->places.count * sizeof(void *);
        if (s->kind != INGOT_PLAN_KERNEL)
            bytes += (uint64_t)s->places.count * sizeof(ingot_tensor);
    }
    return bytes;
}

static ingot_status measure_arena(ingot_arena *scratch, const ingot_plan_view *v, const int64_t *given, uint64_t *out)
{
    int64_t *symbols, *env;
    INGOT_TRY(ingot_arena_array(scratch, (size_t)v->n_symbols, sizeof *symbols, (void **)&symbols));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)v->n_exprs, sizeof *env, (void **)&env));
    if (given && v->n_symbols)
        memcpy(symbols, given, (size_t)v->n_symbols * sizeof *symbols);
    else
        ingot_plan_low_symbols(v, symbols);
    ingot_plan_evaluate(v, symbols, false, env);
    int64_t bytes = env[v->plan->arena_bytes];
    *out = bytes < 0 ? UINT64_MAX : (uint64_t)bytes;
    return NULL;
}

int32_t ingot_model_get_pools(const ingot_model *model, const int64_t *symbols, ingot_pool *out_pools, int32_t capacity)
{
    ingot_plan_view v;
    ingot_arena scratch = {0};
    uint64_t arena_bytes = 0;
    ingot_status status = ingot_plan_view_create(ingot_model_for_cpu(model), &v);
    if (!status)
        status = measure_arena(&scratch, &v, symbols, &arena_bytes);
    ingot_arena_release(&scratch);
    if (status) {
        ingot_status_free(status);
        return 0;
    }
    const ingot_pool pools[] = {
        {0, arena_bytes, ARENA_ALIGNMENT}, {1, v.plan->weights_bytes, WEIGHTS_ALIGNMENT}, {2, context_bytes(&v), 16}};
    for (int32_t i = 0; i < 3 && i < capacity && out_pools; i++)
        out_pools[i] = pools[i];
    return 3;
}
