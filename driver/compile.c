/* A compile, stage by stage. */
#include "driver/driver.h"
#include <string.h>
#include <sys/mman.h>

/* ---- Callbacks ---- */

/* Kept for the report, and handed to the caller. */
void ingot_driver_log(void *arg, const char *line)
{
    ingot_compiled *c = arg;
    ingot_log_line *entry = ingot_arena_alloc(&c->arena, 1, sizeof *entry);
    if (entry && (entry->text = ingot_arena_strndup(&c->arena, line, strlen(line)))) {
        if (c->last_log)
            c->last_log->next = entry;
        else
            c->log = entry;
        c->last_log = entry;
    }
    if (c->options.log)
        c->options.log(c->options.callback_arg, line);
}

static ingot_status cancelled(void *arg)
{
    const ingot_compiled *c = arg;
    if (c->options.cancelled && c->options.cancelled(c->options.callback_arg))
        return ingot_fail(INGOT_LIMIT, "cancelled");
    return NULL;
}

static void progress(void *arg, int32_t done, int32_t total)
{
    const ingot_compiled *c = arg;
    if (c->options.progress)
        c->options.progress(c->options.callback_arg, "kernels", done, total);
}

static void begin_stage(const ingot_compiled *c, ingot_stage stage)
{
    if (c->options.progress)
        c->options.progress(c->options.callback_arg, ingot_stage_name(stage), 0, 0);
}

/* ---- Stages ---- */

/* Sizes that are left dynamic become the low end of their range, at least 1. */
static ingot_status pin_dynamic(ingot_module *m)
{
    for (int32_t i = 0; i < ingot_module_symbol_count(m); i++) {
        const ingot_symbol_info *s = ingot_module_symbol(m, i);
        if (s->from_data)
            continue;
        int64_t value = s->lo > 1 ? s->lo : 1;
        if (value > s->hi)
            value = s->hi;
        INGOT_TRY(ingot_module_pin_symbol(m, i, value));
    }
    return NULL;
}

static int32_t count_ops(const ingot_module *m)
{
    int32_t n = 0;
    for (int32_t g = 0; g < m->n_graphs; g++)
        for (const ingot_op *op = m->graphs[g]->first; op; op = op->next)
            n += op->kind != INGOT_OP_constant;
    return n;
}

ingot_status ingot_driver_import(ingot_compiled *c)
{
    const ingot_compile_options *o = &c->options;
    if (o->bytes)
        INGOT_TRY(ingot_import_memory(o->bytes, (size_t)o->size, &c->import, &c->module));
    else
        INGOT_TRY(ingot_import_file(c->path, &c->import, &c->module));
    if (o->pin_dynamic)
        INGOT_TRY(pin_dynamic(c->module));
    if (o->n_keep > 0)
        INGOT_TRY(ingot_driver_keep(c->module, o->keep, o->n_keep));
    c->n_imported_ops = count_ops(c->module);
    return ingot_module_verify(c->module);
}

/* Portable kernels know no blocks of channels: without generated ones the layout stays as it is. */
static ingot_status pick_pipeline(ingot_compiled *c, const char **out)
{
    static const char layout[] = "layout,";
    *out = ingot_default_pipeline(c->options.level);
    const char *at = strstr(*out, layout);
    if (!c->options.no_generated || !at)
        return NULL;
    *out = ingot_arena_printf(&c->arena, "%.*s%s", (int)(at - *out), *out, at + sizeof layout - 1);
    return *out ? NULL : ingot_status_no_memory();
}

/* Whether the cost model tells decisions on the target apart. */
static bool knows_target(const ingot_compiled *c)
{
    return !c->cost_model->knows || c->cost_model->knows(c->cost_model, c->target);
}

static ingot_status run_passes(ingot_compiled *c)
{
    const char *pipeline;
    INGOT_TRY(pick_pipeline(c, &pipeline));
    const ingot_compile_options *o = &c->options;
    ingot_text printed = {0};
    ingot_pass_context ctx = {
        .target = c->target,
        .cost_model = knows_target(c) ? c->cost_model : &ingot_cost_roofline,
        .level = o->level,
        .print_after = o->print_after,
        .printed = o->print_after ? &printed : NULL,
        .log = ingot_driver_log,
        .log_arg = c,
        .cancelled = cancelled,
        .cancel_arg = c,
        .seconds = c->timing.passes,
        .max_fold_bytes = o->max_fold_bytes,
        .bf16 = o->precision == INGOT_PRECISION_BF16,
        .exact_conv = o->exact_conv != 0,
    };
    ingot_status status = ingot_run_passes(c->module, pipeline, &ctx);
    if (printed.data && o->print)
        o->print(o->callback_arg, printed.data);
    ingot_text_free(&printed);
    INGOT_TRY(status);
    return o->keep_all ? ingot_driver_keep_all(c->module) : NULL;
}

static ingot_status make_program(ingot_compiled *c)
{
    const ingot_lower_options options = {
        .target = c->target,
        .name = c->name,
        .supports = ingot_codegen_supports,
        .no_generated = c->options.no_generated,
        .no_portable = c->options.no_portable,
        .exact_conv = c->options.exact_conv,
        .cost_model = c->cost_model,
        .decide = c->options.level >= 2,
        .max_workspace_bytes = c->options.max_workspace,
        .log = ingot_driver_log,
        .log_arg = c,
    };
    if (options.decide && !knows_target(c))
        ingot_driver_log(c, "the cost model was trained for vectors of another kind: kernels keep the emitters' own "
                            "decisions (`ingot measure` and `ingot costmodel train` on such a machine make one)");
    INGOT_TRY(ingot_program_create(c->module, &options, &c->program));
    c->timing.decisions = c->program->decide_s;
    if (c->options.tune_s > 0)
        INGOT_TRY(ingot_driver_tune(c));
    INGOT_TRY(ingot_arena_array(&c->arena, (size_t)c->program->n_specs + 1, sizeof *c->lines, (void **)&c->lines));
    for (int32_t i = 0; i < c->program->n_specs; i++) {
        ingot_text line = {0};
        ingot_spec_print(&c->program->specs[i], &line);
        if (!line.failed && line.data)
            c->lines[i] = ingot_arena_strndup(&c->arena, line.data, line.size);
        ingot_text_free(&line);
        if (!c->lines[i])
            return ingot_status_no_memory();
    }
    ingot_driver_add_decisions(c);
    return NULL;
}

static ingot_status make_code(ingot_compiled *c)
{
    const ingot_compile_options *o = &c->options;
    const ingot_codegen_options options = {
        .workers = o->in_process ? -1 : o->threads,
        .cache_dir = o->cache_dir,
        .max_memory = o->max_memory,
        .progress = progress,
        .progress_arg = c,
        .cancelled = cancelled,
        .cancel_arg = c,
    };
    INGOT_TRY(ingot_arena_array(&c->arena, (size_t)c->program->n_specs + 1, sizeof *c->objects, (void **)&c->objects));
    if (c->program->n_specs == 0)
        return NULL;
    return ingot_codegen_compile(c->lines, c->program->n_specs, &options, &c->arena, c->objects);
}

static ingot_status run_stage(ingot_compiled *c, ingot_stage stage, ingot_status (*run)(ingot_compiled *c))
{
    INGOT_TRY(cancelled(c));
    begin_stage(c, stage);
    double begin = ingot_seconds_now();
    ingot_status status = run(c);
    c->timing.stages[stage] += ingot_seconds_now() - begin;
    return status;
}

static ingot_status create(ingot_compiled **out)
{
    ingot_arena arena = {0};
    INGOT_TRY(ingot_arena_array(&arena, 1, sizeof **out, (void **)out));
    (*out)->arena = arena;
    return NULL;
}

static ingot_status make_version(ingot_compiled *c)
{
    INGOT_TRY(ingot_driver_open_cost_model(c));
    INGOT_TRY(run_stage(c, INGOT_STAGE_IMPORT, ingot_driver_import));
    INGOT_TRY(run_stage(c, INGOT_STAGE_IMPORT, ingot_driver_set_build_id));
    INGOT_TRY(run_stage(c, INGOT_STAGE_PASSES, run_passes));
    return run_stage(c, INGOT_STAGE_LOWER, make_program);
}

/* The versions for all but the first target, and one weights file for all. Kernels and layouts follow the target, so
 * each is a compile of its own. */
static ingot_status make_fallbacks(ingot_compiled *c, const ingot_compile_options *given)
{
    enum { MAX_VERSIONS = 16 };
    const ingot_target **targets;
    ingot_program *programs[MAX_VERSIONS] = {c->program};
    int32_t n;
    INGOT_TRY(ingot_driver_list_targets(c->options.cpu, &c->arena, &targets, &n));
    ingot_compiled *last = c;
    for (int32_t i = 1; i < n && i < MAX_VERSIONS; i++, last = last->fallback) {
        ingot_compile_options options = {0};
        memcpy(&options, given, given->struct_size);
        options.cpu = targets[i]->name;
        INGOT_TRY(create(&last->fallback));
        INGOT_TRY(ingot_driver_set_options(last->fallback, &options));
        last->fallback->cpus = c->cpus;
        INGOT_TRY_NOTE(make_version(last->fallback), "for %s", options.cpu);
        programs[i] = last->fallback->program;
    }
    return n > 1 ? ingot_programs_share_weights(programs, n) : NULL;
}

static ingot_status compile(ingot_compiled *c, const ingot_compile_options *options)
{
    INGOT_TRY(ingot_driver_set_options(c, options));
    INGOT_TRY(make_version(c));
    INGOT_TRY(make_fallbacks(c, options));
    for (ingot_compiled *version = c; version && !c->options.no_code; version = version->fallback)
        INGOT_TRY(run_stage(version, INGOT_STAGE_CODEGEN, make_code));
    return NULL;
}

ingot_status ingot_compile(const ingot_compile_options *options, ingot_compiled **out_compiled)
{
    *out_compiled = NULL;
    ingot_compiled *c;
    INGOT_TRY(create(&c));
    ingot_status status = compile(c, options);
    if (status) {
        ingot_compiled_destroy(c);
        return status;
    }
    *out_compiled = c;
    return NULL;
}

void ingot_compiled_destroy(ingot_compiled *c)
{
    if (!c)
        return;
    ingot_compiled_destroy(c->fallback);
    ingot_jit_destroy(c->jit);
    if (c->weights)
        munmap(c->weights, c->weights_mapped_bytes);
    ingot_program_destroy(c->program);
    ingot_cost_model_close(c->cost_model);
    ingot_module_destroy(c->module);
    ingot_text_free(&c->report);
    ingot_arena arena = c->arena; /* the handle itself lives there */
    ingot_arena_release(&arena);
}
