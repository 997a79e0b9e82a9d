/* The report of a compile, NAME.json: what the artifact does and why, and what it was made from. Nothing in it depends
 * on the time, the machine's paths or the number of threads, so that the same inputs give the same bytes. */
#include "driver/driver.h"
#include "runtime/digest.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_SCHEMA 1

/* ---- Facts about steps ---- */

bool ingot_step_is_shape_arithmetic(const ingot_program *program, const ingot_step *step)
{
    for (int32_t i = 0; i < step->n_out; i++) {
        int32_t index = step->places[step->n_in + i];
        if (index < 0)
            continue;
        const ingot_place *place = &program->places[index];
        bool small = place->rank == 0 || (place->rank == 1 && place->dims[0]->hi <= INGOT_MAX_CONTENT);
        if (!small || !(ingot_dtype_is_integer(place->dtype) || place->dtype == INGOT_BOOL))
            return false;
    }
    return true;
}

const char *ingot_step_portable_name(const ingot_step *step)
{
    static const char *const portable[] = {
#define PORTABLE(name) #name,
#include "runtime/portable.def"
#undef PORTABLE
    };
    static const char *const boxed[] = {
#define BOXED(name) #name,
#include "runtime/boxed.def"
#undef BOXED
    };
    if (step->kind == INGOT_STEP_PORTABLE)
        return portable[step->portable];
    return step->kind == INGOT_STEP_BOXED ? boxed[step->portable] : NULL;
}

int32_t ingot_program_count_portable(const ingot_program *program, bool with_shape_arithmetic)
{
    int32_t n = 0;
    for (int32_t i = 0; i < program->n_steps; i++) {
        const ingot_step *step = &program->steps[i];
        n += ingot_step_portable_name(step) != NULL &&
             (with_shape_arithmetic || !ingot_step_is_shape_arithmetic(program, step));
    }
    return n;
}

const char *ingot_step_portable_reason(const ingot_compiled *c, const ingot_step *step)
{
    if (!step->label || !*step->label)
        return "";
    for (const ingot_log_line *line = c->log; line; line = line->next)
        if (strstr(line->text, "portable") && strstr(line->text, step->label))
            return line->text;
    return "";
}

bool ingot_log_precision(const ingot_log_line *line, const char *mark, const char **out_op, int *out_op_size,
                         const char **out_why)
{
    const char *at = line->text[0] == '\'' ? strstr(line->text, mark) : NULL;
    if (!at)
        return false;
    *out_op = line->text + 1;
    *out_op_size = (int)(at - *out_op);
    *out_why = at + strlen(mark);
    return true;
}

int32_t ingot_log_count_precision(const ingot_compiled *c, const char *mark)
{
    int32_t n = 0;
    for (const ingot_log_line *line = c->log; line; line = line->next) {
        const char *op, *why;
        int size;
        n += ingot_log_precision(line, mark, &op, &size, &why);
    }
    return n;
}

double ingot_driver_context(const ingot_compiled *c)
{
    return c->cost_model->context > 0 ? c->cost_model->context : 1;
}

ingot_cost_query ingot_step_query(const ingot_compiled *c, const ingot_step *step, int64_t sizes[INGOT_SPEC_SIZES])
{
    for (int32_t i = 0; i < INGOT_SPEC_SIZES; i++)
        sizes[i] = i < step->n_sizes ? ingot_dim_least(step->sizes[i]) : 1;
    return (ingot_cost_query){
        .spec = &c->program->specs[step->spec], .sizes = sizes, .target = c->target, .cold = c->program->cold};
}

ingot_spec_work ingot_step_work(const ingot_compiled *c, const ingot_step *step)
{
    int64_t sizes[INGOT_SPEC_SIZES];
    if (step->kind != INGOT_STEP_KERNEL)
        return (ingot_spec_work){0};
    return ingot_spec_count_work(&c->program->specs[step->spec], ingot_step_query(c, step, sizes).sizes);
}

ingot_cost ingot_step_cost(const ingot_compiled *c, const ingot_step *step)
{
    int64_t sizes[INGOT_SPEC_SIZES];
    if (step->kind != INGOT_STEP_KERNEL)
        return (ingot_cost){.ns = step->cost_ns, .bound_ns = step->cost_ns};
    const ingot_cost_query query = ingot_step_query(c, step, sizes);
    return ingot_cost_predict(c->cost_model, &query);
}

/* ---- JSON ---- */

/* A short decimal that is the same everywhere. */
static void add_number(cJSON *object, const char *name, double value)
{
    char text[32];
    if (!isfinite(value)) {
        cJSON_AddNullToObject(object, name);
        return;
    }
    if (value == floor(value) && fabs(value) < 9e15)
        snprintf(text, sizeof text, "%.0f", value);
    else
        snprintf(text, sizeof text, "%.6g", value);
    cJSON_AddRawToObject(object, name, text);
}

static void add_dim(const ingot_compiled *c, cJSON *array, const ingot_dim *d)
{
    if (ingot_dim_is_const(d)) {
        cJSON_AddItemToArray(array, cJSON_CreateNumber((double)d->value));
        return;
    }
    ingot_text text = {0};
    ingot_dim_print(c->module, d, &text);
    cJSON_AddItemToArray(array, cJSON_CreateString(text.data ? text.data : "?"));
    ingot_text_free(&text);
}

static void add_dim_member(const ingot_compiled *c, cJSON *object, const char *name, const ingot_dim *d)
{
    if (!d || ingot_dim_is_const(d)) {
        add_number(object, name, d ? (double)d->value : 0);
        return;
    }
    ingot_text text = {0};
    ingot_dim_print(c->module, d, &text);
    cJSON_AddStringToObject(object, name, text.data ? text.data : "?");
    ingot_text_free(&text);
}

static void add_values(const ingot_compiled *c, cJSON *root, const char *key, int32_t n, ingot_value *const *values,
                       const char *const *names)
{
    cJSON *array = cJSON_AddArrayToObject(root, key);
    for (int32_t i = 0; i < n; i++) {
        const ingot_value *v = values[i];
        cJSON *item = cJSON_CreateObject();
        const char *name = names ? names[i] : v->name;
        cJSON_AddStringToObject(item, "name", name ? name : "");
        cJSON_AddStringToObject(item, "dtype", ingot_dtype_name(v->type.dtype));
        cJSON *dims = cJSON_AddArrayToObject(item, "shape");
        for (int32_t d = 0; d < v->type.rank; d++)
            add_dim(c, dims, v->type.dims[d]);
        cJSON_AddItemToArray(array, item);
    }
}

static void add_compile_inputs(const ingot_compiled *c, cJSON *root)
{
    const ingot_compile_options *o = &c->options;
    char digest[33];
    ingot_digest_print(c->model_digest, digest);
    cJSON *from = cJSON_AddObjectToObject(root, "compiled_from");
    cJSON_AddStringToObject(from, "file", c->path ? ingot_driver_base_name(c->path) : "");
    add_number(from, "bytes", (double)c->model_bytes);
    cJSON_AddStringToObject(from, "digest", digest);
    cJSON_AddStringToObject(from, "cost_model", c->cost_model->name);
    cJSON *options = cJSON_AddObjectToObject(from, "options");
    cJSON_AddStringToObject(options, "cpu", c->cpus);
    add_number(options, "level", o->level);
    cJSON_AddBoolToObject(options, "no_portable", o->no_portable != 0);
    cJSON_AddBoolToObject(options, "no_generated", o->no_generated != 0);
    cJSON_AddBoolToObject(options, "exact_conv", o->exact_conv != 0);
    cJSON_AddStringToObject(options, "precision", o->precision == INGOT_PRECISION_BF16 ? "bf16" : "f32");
    add_number(options, "max_workspace", (double)o->max_workspace);
    cJSON *sizes = cJSON_AddArrayToObject(options, "sizes");
    for (int32_t i = 0; i < c->import.n_dims; i++) {
        const ingot_dim_option *d = &c->import.dims[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", d->name);
        if (d->n_dims >= 0) {
            cJSON *dims = cJSON_AddArrayToObject(item, "shape");
            for (int32_t k = 0; k < d->n_dims; k++)
                cJSON_AddItemToArray(dims, cJSON_CreateNumber((double)d->dims[k]));
        } else {
            add_number(item, "lo", (double)d->lo);
            add_number(item, "hi", (double)d->hi);
        }
        cJSON_AddItemToArray(sizes, item);
    }
}

static void add_ops(const ingot_compiled *c, cJSON *root)
{
    int32_t counts[INGOT_OP_COUNT] = {0}, total = 0;
    for (int32_t g = 0; g < c->module->n_graphs; g++)
        for (const ingot_op *op = c->module->graphs[g]->first; op; op = op->next)
            if (op->kind != INGOT_OP_constant) {
                counts[op->kind]++;
                total++;
            }
    cJSON *ops = cJSON_AddObjectToObject(root, "ops");
    add_number(ops, "imported", c->n_imported_ops);
    add_number(ops, "optimised", total);
    cJSON *kinds = cJSON_AddObjectToObject(ops, "by_kind");
    for (int32_t i = 0; i < INGOT_OP_COUNT; i++)
        if (counts[i])
            add_number(kinds, ingot_op_info_get((ingot_op_kind)i)->name, counts[i]);
}

static void add_kernels(const ingot_compiled *c, cJSON *root)
{
    const ingot_program *p = c->program;
    ingot_arena scratch = {0};
    struct totals {
        int32_t uses;
        ingot_cost cost;
        ingot_spec_work work;
    } *totals = ingot_arena_alloc(&scratch, (size_t)p->n_specs + 1, sizeof *totals);
    double predicted = 0;
    cJSON *steps = cJSON_AddArrayToObject(root, "steps");
    for (int32_t i = 0; totals && i < p->n_steps; i++) {
        const ingot_step *step = &p->steps[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "kind", ingot_step_kind_name(step->kind));
        cJSON_AddStringToObject(item, "label", step->label ? step->label : "");
        if (step->kind == INGOT_STEP_KERNEL) {
            struct totals *t = &totals[step->spec];
            if (!t->uses++) {
                t->cost = ingot_step_cost(c, step);
                t->work = ingot_step_work(c, step);
            }
            add_number(item, "kernel", step->spec);
        } else if (ingot_step_portable_name(step)) {
            cJSON_AddStringToObject(item, "portable", ingot_step_portable_name(step));
            cJSON_AddBoolToObject(item, "shape_arithmetic", ingot_step_is_shape_arithmetic(p, step));
            cJSON_AddStringToObject(item, "reason", ingot_step_portable_reason(c, step));
        }
        double ns = step->kind == INGOT_STEP_KERNEL ? ingot_step_cost(c, step).ns : step->cost_ns;
        predicted += ns;
        add_number(item, "predicted_ns", ns);
        cJSON_AddItemToArray(steps, item);
    }
    cJSON *kernels = cJSON_AddArrayToObject(root, "kernels");
    for (int32_t i = 0; totals && i < p->n_specs; i++) {
        cJSON *item = cJSON_CreateObject();
        char symbol[32];
        ingot_kernel_symbol(&p->specs[i], symbol);
        cJSON_AddStringToObject(item, "symbol", symbol);
        cJSON_AddStringToObject(item, "spec", c->lines[i]);
        add_number(item, "steps", totals[i].uses);
        add_number(item, "predicted_ns", totals[i].cost.ns);
        add_number(item, "bound_ns", totals[i].cost.bound_ns);
        add_number(item, "flops", totals[i].work.flops);
        add_number(item, "bytes", totals[i].work.bytes_in + totals[i].work.bytes_out + totals[i].work.bytes_const);
        cJSON_AddItemToArray(kernels, item);
    }
    ingot_arena_release(&scratch);
    add_number(root, "predicted_ns", predicted * ingot_driver_context(c));
}

/* Products that became bf16, and those that stayed f32, each with the reason. */
static void add_precision(const ingot_compiled *c, cJSON *root)
{
    static const char *const names[] = {"bf16", "f32"}, *const marks[] = {INGOT_LOG_BF16, INGOT_LOG_F32};
    if (c->options.precision != INGOT_PRECISION_BF16)
        return;
    cJSON *precision = cJSON_AddObjectToObject(root, "precision");
    for (int i = 0; i < 2; i++) {
        cJSON *array = cJSON_AddArrayToObject(precision, names[i]);
        for (const ingot_log_line *line = c->log; line; line = line->next) {
            const char *op, *why;
            char name[256];
            int size;
            if (!ingot_log_precision(line, marks[i], &op, &size, &why))
                continue;
            cJSON *item = cJSON_CreateObject();
            snprintf(name, sizeof name, "%.*s", size, op);
            cJSON_AddStringToObject(item, "op", name);
            cJSON_AddStringToObject(item, "why", why);
            cJSON_AddItemToArray(array, item);
        }
    }
}

static void add_arena(const ingot_compiled *c, cJSON *object, const ingot_program *p)
{
    if (p->arena_bytes)
        add_dim_member(c, object, "arena_bytes", p->arena_bytes);
    else
        cJSON_AddStringToObject(object, "arena_bytes", "depends on sizes");
}

static void add_memory(const ingot_compiled *c, cJSON *root)
{
    static const char *const pools[] = {"arena", "weights", "input", "output", "box"};
    const ingot_program *p = c->program;
    cJSON *memory = cJSON_AddObjectToObject(root, "memory");
    add_arena(c, memory, p);
    if (p->arena_lower_bound_bytes >= 0)
        add_number(memory, "arena_lower_bound_bytes", (double)p->arena_lower_bound_bytes);
    add_number(memory, "weights_bytes", (double)p->weights_bytes);
    cJSON_AddStringToObject(memory, "planner", p->planner ? p->planner : "");
    cJSON *map = cJSON_AddArrayToObject(memory, "map");
    for (int32_t i = 0; i < p->n_buffers; i++) {
        const ingot_buffer *b = &p->buffers[i];
        if (b->pool == INGOT_POOL_WEIGHTS || (b->pool == INGOT_POOL_ARENA && b->first_step < 0))
            continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", b->name ? b->name : "");
        cJSON_AddStringToObject(item, "pool", pools[b->pool]);
        add_dim_member(c, item, "bytes", b->bytes);
        if (b->pool == INGOT_POOL_ARENA && b->offset) /* without one it grows outside the arena, or lies above others */
            add_dim_member(c, item, "offset", b->offset);
        add_number(item, "first_step", b->first_step);
        add_number(item, "last_step", b->last_step);
        cJSON_AddItemToArray(map, item);
    }
}

/* What differs between versions; all else in the report is the first one's. */
static void add_versions(const ingot_compiled *c, cJSON *root)
{
    cJSON *versions = cJSON_AddArrayToObject(root, "versions");
    for (; c; c = c->fallback) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "cpu", c->target->name);
        add_number(item, "kernels", c->program->n_specs);
        add_number(item, "portable", ingot_program_count_portable(c->program, false));
        add_arena(c, item, c->program);
        cJSON_AddItemToArray(versions, item);
    }
}

ingot_status ingot_compiled_get_report(ingot_compiled *c, const char **out_json)
{
    *out_json = "";
    if (!c->report.data) {
        char build_id[33];
        ingot_digest_print(c->build_id, build_id);
        cJSON *root = cJSON_CreateObject();
        cJSON_AddNumberToObject(root, "schema", REPORT_SCHEMA);
        cJSON_AddStringToObject(root, "name", c->name);
        cJSON_AddStringToObject(root, "ingot", INGOT_VERSION);
        cJSON_AddStringToObject(root, "build_id", build_id);
        cJSON_AddStringToObject(root, "cpu", c->target->name);
        const ingot_graph *g = c->module->graphs[0];
        add_values(c, root, "inputs", g->n_params, g->params, NULL);
        add_values(c, root, "outputs", g->n_results, g->results, g->result_names);
        add_compile_inputs(c, root);
        add_ops(c, root);
        cJSON *log = cJSON_AddArrayToObject(root, "log");
        for (const ingot_log_line *line = c->log; line; line = line->next)
            cJSON_AddItemToArray(log, cJSON_CreateString(line->text));
        add_precision(c, root);
        add_kernels(c, root);
        add_memory(c, root);
        add_versions(c, root);
        char *text = cJSON_Print(root);
        cJSON_Delete(root);
        if (text)
            ingot_text_append(&c->report, "%s\n", text);
        cJSON_free(text);
        if (!c->report.data || c->report.failed)
            return ingot_status_no_memory();
    }
    *out_json = c->report.data;
    return NULL;
}
