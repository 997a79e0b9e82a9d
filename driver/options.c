/* The options of a compile, filled in and checked, and the digests that name its result. */
#include "driver/driver.h"
#include "runtime/digest.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TARGETS 16

const char *ingot_version(void)
{
    return INGOT_VERSION;
}

const char *ingot_driver_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *ingot_driver_name_of(ingot_arena *arena, const char *path)
{
    const char *base = ingot_driver_base_name(path), *dot = strrchr(base, '.');
    size_t size = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    if (size > 200)
        size = 200;
    bool prefix = size == 0 || isdigit((unsigned char)base[0]);
    char *name = ingot_arena_printf(arena, "%s%.*s", prefix ? "m" : "", (int)size, base);
    for (char *c = name; c && *c; c++)
        if (!isalnum((unsigned char)*c) || (*c & 0x80))
            *c = '_';
    return name;
}

static bool is_identifier(const char *name)
{
    if (!*name || isdigit((unsigned char)*name) || strlen(name) > 200)
        return false;
    for (; *name; name++)
        if ((!isalnum((unsigned char)*name) && *name != '_') || (*name & 0x80))
            return false;
    return true;
}

/* Sizes and shapes as the frontend takes them. */
static ingot_status set_import(ingot_compiled *c)
{
    const ingot_compile_options *o = &c->options;
    if (o->n_sizes < 0 || o->n_shapes < 0 || o->n_constants < 0 || o->n_keep < 0)
        return ingot_fail(INGOT_BAD_USAGE, "options: a count is negative");
    ingot_dim_option *dims;
    INGOT_TRY(ingot_arena_array(&c->arena, (size_t)o->n_sizes + (size_t)o->n_shapes + 1, sizeof *dims, (void **)&dims));
    int32_t n = 0;
    for (int32_t i = 0; i < o->n_sizes; i++) {
        const ingot_size_range *s = &o->sizes[i];
        if (!s->name || s->lo < 0 || s->hi < s->lo)
            return ingot_fail(INGOT_BAD_USAGE, "size '%s': the range %lld..%lld is empty or negative",
                              s->name ? s->name : "", (long long)s->lo, (long long)s->hi);
        char *name = ingot_arena_strndup(&c->arena, s->name, strlen(s->name));
        if (!name)
            return ingot_status_no_memory();
        dims[n++] = (ingot_dim_option){.name = name, .lo = s->lo, .hi = s->hi, .n_dims = -1};
    }
    for (int32_t i = 0; i < o->n_shapes; i++) {
        const ingot_input_shape *s = &o->shapes[i];
        if (!s->name || s->rank < 0 || s->rank > INGOT_MAX_RANK)
            return ingot_fail(INGOT_BAD_USAGE, "shape of '%s': rank %d is not within 0..%d", s->name ? s->name : "",
                              s->rank, INGOT_MAX_RANK);
        char *name = ingot_arena_strndup(&c->arena, s->name, strlen(s->name));
        if (!name)
            return ingot_status_no_memory();
        dims[n] = (ingot_dim_option){.name = name, .n_dims = s->rank};
        memcpy(dims[n++].dims, s->dims, sizeof s->dims);
    }
    ingot_named_tensor *constants;
    INGOT_TRY(ingot_arena_array(&c->arena, (size_t)o->n_constants + 1, sizeof *constants, (void **)&constants));
    for (int32_t i = 0; i < o->n_constants; i++)
        constants[i] = (ingot_named_tensor){o->constants[i].name, o->constants[i].tensor};
    c->import = (ingot_import_options){
        .struct_size = sizeof c->import,
        .dims = dims,
        .n_dims = n,
        .constants = constants,
        .n_constants = o->n_constants,
        .limits = {.max_nodes = o->max_nodes,
                   .max_tensor_bytes = o->max_tensor_bytes,
                   .max_memory = o->max_memory,
                   .max_depth = o->max_depth,
                   .max_fold_bytes = o->max_fold_bytes},
        .file = c->path,
    };
    return NULL;
}

static int count_bits(uint64_t v)
{
    int n = 0;
    for (; v; v &= v - 1)
        n++;
    return n;
}

ingot_status ingot_driver_list_targets(const char *cpu, ingot_arena *arena, const ingot_target ***out, int32_t *out_n)
{
    const ingot_target **targets;
    int32_t n = 0, most = 1;
    cpu = cpu ? cpu : "native";
    for (const char *c = cpu; *c; c++)
        most += *c == ',';
    if (most > MAX_TARGETS)
        return ingot_fail(INGOT_BAD_USAGE, "%d targets in one artifact are too many: at most %d", most, MAX_TARGETS);
    INGOT_TRY(ingot_arena_array(arena, (size_t)most, sizeof *targets, (void **)&targets));
    for (const char *at = cpu; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t size = strcspn(at, ",");
        char *name = ingot_arena_strndup(arena, at, size);
        const ingot_target *target;
        if (!name)
            return ingot_status_no_memory();
        INGOT_TRY(ingot_target_find(name, &target));
        int32_t place = n;
        for (int32_t i = 0; i < n; i++)
            place = targets[i] == target ? -1 : place;
        if (place < 0)
            continue;
        for (; place > 0 && count_bits(targets[place - 1]->required) < count_bits(target->required); place--)
            targets[place] = targets[place - 1];
        targets[place] = target;
        n++;
    }
    *out = targets;
    *out_n = n;
    return NULL;
}

/* This compile's own target is the first; the names of all are part of the build id. */
static ingot_status set_targets(ingot_compiled *c)
{
    const ingot_target **targets;
    int32_t n;
    INGOT_TRY(ingot_driver_list_targets(c->options.cpu, &c->arena, &targets, &n));
    c->target = targets[0];
    c->cpus = c->target->name;
    for (int32_t i = 1; i < n && c->cpus; i++)
        c->cpus = ingot_arena_printf(&c->arena, "%s,%s", c->cpus, targets[i]->name);
    return c->cpus ? NULL : ingot_status_no_memory();
}

ingot_status ingot_driver_set_options(ingot_compiled *c, const ingot_compile_options *options)
{
    if (!options || options->struct_size < offsetof(ingot_compile_options, name) ||
        options->struct_size > sizeof *options)
        return ingot_fail(INGOT_BAD_USAGE, "ingot_compile_options: struct_size does not fit this version");
    memcpy(&c->options, options, options->struct_size);
    ingot_compile_options *o = &c->options;
    if (!o->path && !o->bytes)
        return ingot_fail(INGOT_BAD_USAGE, "no model: neither a path nor bytes were given");
    if (o->path && !(c->path = ingot_arena_strndup(&c->arena, o->path, strlen(o->path))))
        return ingot_status_no_memory();
    if (o->level == 0)
        o->level = 2;
    else if (o->level < 0)
        o->level = 0;
    if (o->level > 3)
        return ingot_fail(INGOT_BAD_USAGE, "there is no optimisation level %d: the levels are 0 to 3", o->level);
    if (o->threads < 0)
        return ingot_fail(INGOT_BAD_USAGE, "the number of threads, %d, is negative", o->threads);
    if (o->name && !is_identifier(o->name))
        return ingot_fail(INGOT_BAD_USAGE, "the name '%.64s' is not a C identifier of at most 200 characters", o->name);
    c->name = o->name ? ingot_arena_strndup(&c->arena, o->name, strlen(o->name))
                      : ingot_driver_name_of(&c->arena, c->path ? c->path : "model");
    if (!c->name)
        return ingot_status_no_memory();
    if (o->precision != INGOT_PRECISION_F32 && o->precision != INGOT_PRECISION_BF16)
        return ingot_fail(INGOT_BAD_USAGE,
                          "there is no precision %d: it is INGOT_PRECISION_F32 or INGOT_PRECISION_BF16", o->precision);
    if (o->tune_s < 0)
        return ingot_fail(INGOT_BAD_USAGE, "the time for tuning, %g seconds, is negative", o->tune_s);
    INGOT_TRY(set_targets(c));
    return set_import(c);
}

/* ---- Digests ---- */

static void add_text(ingot_digest_state *d, const char *text)
{
    uint64_t size = text ? strlen(text) : UINT64_MAX;
    ingot_digest_add(d, &size, sizeof size);
    if (text)
        ingot_digest_add(d, text, strlen(text));
}
static void add_number(ingot_digest_state *d, int64_t value)
{
    ingot_digest_add(d, &value, sizeof value);
}

static ingot_status add_file(ingot_digest_state *d, const char *path, uint64_t *io_bytes)
{
    static const size_t chunk = 1 << 20;
    ingot_arena scratch = {0};
    char *buffer;
    INGOT_TRY(ingot_arena_array(&scratch, chunk, 1, (void **)&buffer));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && (got = read(fd, buffer, chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        ingot_digest_add(d, buffer, (size_t)got);
        *io_bytes += (uint64_t)got;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    ingot_arena_release(&scratch);
    return got < 0 ? ingot_fail(INGOT_IO, "%s: %s", path, strerror(error)) : NULL;
}

/* Files beside the model that constants lie in, each once, in the order of their first use. */
static ingot_status add_external(ingot_compiled *c, ingot_digest_state *d)
{
    const char *seen[64];
    int32_t n_seen = 0;
    for (int32_t g = 0; g < c->module->n_graphs; g++) {
        for (const ingot_op *op = c->module->graphs[g]->first; op; op = op->next) {
            const ingot_literal *lit = op->literal;
            if (!lit || lit->kind != INGOT_LITERAL_FILE || !lit->file || (c->path && !strcmp(lit->file, c->path)))
                continue;
            bool known = false;
            for (int32_t i = 0; i < n_seen && !known; i++)
                known = !strcmp(seen[i], lit->file);
            if (known)
                continue;
            if (n_seen < 64)
                seen[n_seen++] = lit->file;
            add_text(d, ingot_driver_base_name(lit->file));
            INGOT_TRY(add_file(d, lit->file, &c->model_bytes));
        }
    }
    return NULL;
}

ingot_status ingot_driver_set_build_id(ingot_compiled *c)
{
    const ingot_compile_options *o = &c->options;
    ingot_digest_state d;
    ingot_digest_begin(&d);
    c->model_bytes = 0;
    if (o->bytes) {
        ingot_digest_add(&d, o->bytes, (size_t)o->size);
        c->model_bytes = o->size;
    } else {
        INGOT_TRY(add_file(&d, c->path, &c->model_bytes));
    }
    INGOT_TRY(add_external(c, &d));
    for (int32_t i = 0; i < o->n_constants; i++) {
        const DLTensor *t = o->constants[i].tensor;
        add_text(&d, o->constants[i].name);
        int64_t count = t->dtype.bits * (int64_t)t->dtype.lanes;
        for (int32_t k = 0; k < t->ndim; k++) {
            add_number(&d, t->shape[k]);
            if (ingot_mul_overflows(count, t->shape[k], &count))
                return ingot_fail(INGOT_LIMIT, "constant '%s' is too large", o->constants[i].name);
        }
        if (t->data && count > 0)
            ingot_digest_add(&d, (const char *)t->data + t->byte_offset, (size_t)((count + 7) / 8));
    }
    ingot_digest_end(&d, c->model_digest);

    ingot_digest_begin(&d);
    ingot_digest_add(&d, c->model_digest, sizeof c->model_digest);
    add_text(&d, INGOT_VERSION);
    add_text(&d, c->cost_model->name);
    add_text(&d, c->cpus);
    add_text(&d, c->name);
    add_number(&d, o->level);
    add_number(&d, o->no_portable | o->no_generated << 1 | o->keep_all << 2 | o->pin_dynamic << 3 | o->exact_conv << 4 |
                       o->precision << 5);
    add_number(&d, o->max_workspace);
    add_number(&d, o->max_fold_bytes);
    for (int32_t i = 0; i < c->import.n_dims; i++) {
        const ingot_dim_option *dim = &c->import.dims[i];
        add_text(&d, dim->name);
        add_number(&d, dim->lo);
        add_number(&d, dim->hi);
        add_number(&d, dim->n_dims);
        for (int32_t k = 0; k < dim->n_dims; k++)
            add_number(&d, dim->dims[k]);
    }
    for (int32_t i = 0; i < o->n_keep; i++)
        add_text(&d, o->keep[i]);
    ingot_digest_end(&d, c->build_id);
    return NULL;
}

/* "measured" is no model of its own: candidates are timed. */
ingot_status ingot_driver_open_cost_model(ingot_compiled *c)
{
    const char *name = c->options.cost_model ? c->options.cost_model : "learned";
    if (!strcmp(name, "measured")) {
        c->options.tune_s = INGOT_TUNE_ALL;
        name = "learned";
    }
    INGOT_TRY(ingot_cost_model_open(name, &c->cost_model));
    c->cost_model->mlir = ingot_codegen_mlir;
    return NULL;
}

void ingot_driver_add_decisions(ingot_compiled *c)
{
    ingot_digest_state d;
    ingot_digest_begin(&d);
    ingot_digest_add(&d, c->build_id, sizeof c->build_id);
    for (int32_t i = 0; i < c->program->n_specs; i++)
        add_text(&d, c->lines[i]);
    ingot_digest_end(&d, c->build_id);
}
