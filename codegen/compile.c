/* Spec lines to objects. */
#include "codegen/emit.h"
#include "codegen/worker.h"
#include <sched.h>
#include <string.h>

static ingot_status compile_spec(const ingot_spec *spec, const ingot_codegen_options *options, ingot_text *out)
{
    const ingot_target *target;
    INGOT_TRY(ingot_target_find(spec->target, &target));
    /* The key is the MLIR itself with all that turns it into code: a change of an emitter is a change of the key. */
    ingot_text key = {0};
    ingot_text_append(&key, "// %s | %s | %s | %d | %d\n", ingot_lower_version(), target->llvm_cpu,
                      target->llvm_features, target->vector_bytes, (int)options->emit);
    size_t prefix = key.size;
    ingot_status status = ingot_emit_module(spec, target, &key);
    bool cached = options->cache_dir && options->emit == INGOT_EMIT_OBJECT;
    if (!status && !(cached && ingot_cache_read(options->cache_dir, key.data, key.size, out))) {
        size_t before = out->size;
        status = ingot_lower_module(key.data + prefix, key.size - prefix, target, options->emit, out);
        if (!status && cached)
            ingot_cache_write(options->cache_dir, key.data, key.size, out->data + before, out->size - before);
    }
    ingot_text_free(&key);
    return status;
}

ingot_status ingot_compile_line(const char *line, const ingot_codegen_options *options, ingot_text *out)
{
    ingot_spec spec;
    INGOT_TRY_NOTE(ingot_spec_parse(line, strlen(line), &spec), "spec '%s'", line);
    INGOT_TRY_NOTE(compile_spec(&spec, options, out), "compiling '%s'", line);
    return NULL;
}

static ingot_status compile_here(const char *const *lines, int32_t n, const ingot_codegen_options *options,
                                 ingot_arena *arena, ingot_object *out)
{
    for (int32_t i = 0; i < n; i++) {
        if (options->cancelled)
            INGOT_TRY(options->cancelled(options->cancel_arg));
        ingot_text object = {0};
        ingot_status status = ingot_compile_line(lines[i], options, &object);
        void *copy = NULL;
        if (!status)
            status = ingot_arena_array(arena, object.size ? object.size : 1, 1, &copy);
        if (!status) {
            memcpy(copy, object.data, object.size);
            out[i] = (ingot_object){copy, object.size};
        }
        ingot_text_free(&object);
        INGOT_TRY(status);
        if (options->progress)
            options->progress(options->progress_arg, i + 1, n);
    }
    return NULL;
}

ingot_status ingot_codegen_compile(const char *const *lines, int32_t n, const ingot_codegen_options *options,
                                   ingot_arena *arena, ingot_object *out)
{
    static const ingot_codegen_options defaults = {0};
    const ingot_codegen_options *o = options ? options : &defaults;
    int32_t workers = o->workers;
    if (workers == 0) {
        cpu_set_t set;
        workers = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    if (workers > n)
        workers = n;
    for (int32_t i = 0; i < n; i++)
        out[i] = (ingot_object){NULL, 0};
    if (n <= 0)
        return NULL;
    return workers < 0 ? compile_here(lines, n, o, arena, out)
                       : ingot_compile_with_workers(lines, n, workers, o, arena, out);
}
