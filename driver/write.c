/* Files of a compile: the artifact with its report, and what `--emit` asks for besides. */
#include "driver/driver.h"
#include <string.h>

#define MAX_FILES 8

typedef struct outputs {
    ingot_artifact_file files[MAX_FILES];
    int32_t n;
    ingot_arena arena;
} outputs;

static ingot_status add(outputs *out, const char *suffix, const ingot_text *text)
{
    if (text->failed)
        return ingot_status_no_memory();
    char *copy = ingot_arena_strndup(&out->arena, text->data ? text->data : "", text->size);
    if (!copy)
        return ingot_status_no_memory();
    out->files[out->n++] = (ingot_artifact_file){suffix, copy, text->size};
    return NULL;
}

static ingot_status append_kernels(ingot_compiled *c, const ingot_codegen_options *options, const char *comment,
                                   ingot_text *text)
{
    ingot_arena scratch = {0};
    ingot_object *texts = NULL;
    int32_t n = c->program->n_specs;
    ingot_status status = ingot_arena_array(&scratch, (size_t)n + 1, sizeof *texts, (void **)&texts);
    if (!status && n > 0)
        status = ingot_codegen_compile(c->lines, n, options, &scratch, texts);
    for (int32_t i = 0; !status && i < n; i++) {
        ingot_text_append(text, "%s %s\n", comment, c->lines[i]);
        ingot_text_append_bytes(text, texts[i].data, texts[i].size);
        ingot_text_append(text, "\n");
    }
    ingot_arena_release(&scratch);
    return status;
}

/* The kernels of all versions in one form of text, each under its spec. */
static ingot_status add_kernels(ingot_compiled *c, outputs *out, const char *suffix, ingot_emit_kind kind,
                                const char *comment)
{
    const ingot_codegen_options options = {
        .workers = c->options.in_process ? -1 : c->options.threads, .emit = kind, .max_memory = c->options.max_memory};
    ingot_text text = {0};
    ingot_status status = NULL;
    for (; c && !status; c = c->fallback)
        status = append_kernels(c, &options, comment, &text);
    if (!status)
        status = add(out, suffix, &text);
    ingot_text_free(&text);
    return status;
}

static ingot_status add_graph(ingot_compiled *c, outputs *out)
{
    ingot_text text = {0};
    ingot_module_print(c->module, &text);
    ingot_status status = add(out, ".mlir", &text);
    ingot_text_free(&text);
    return status;
}

static ingot_status write_files(ingot_compiled *c, const ingot_write_options *options, outputs *out)
{
    uint32_t what = options->what ? options->what : INGOT_WRITE_ARCHIVE;
    const char *report;
    INGOT_TRY(ingot_compiled_get_report(c, &report));
    out->files[out->n++] = (ingot_artifact_file){".json", report, strlen(report)};
    if (what & INGOT_WRITE_MLIR) {
        INGOT_TRY(add_graph(c, out));
        INGOT_TRY(add_kernels(c, out, ".kernels.mlir", INGOT_EMIT_MLIR, "//"));
    }
    if (what & INGOT_WRITE_LLVM)
        INGOT_TRY(add_kernels(c, out, ".ll", INGOT_EMIT_LLVM, ";"));
    if (what & INGOT_WRITE_ASM)
        INGOT_TRY(add_kernels(c, out, ".s", INGOT_EMIT_ASM, "#"));
    uint32_t emit = (what & INGOT_WRITE_ARCHIVE ? INGOT_ARTIFACT_ARCHIVE : 0u) |
                    (what & INGOT_WRITE_SO ? INGOT_ARTIFACT_SHARED : 0u) |
                    (what & INGOT_WRITE_OBJECT ? INGOT_ARTIFACT_OBJECTS : 0u);
    const ingot_artifact_options artifact = {
        .out_dir = options->out_dir,
        .emit = emit,
        .embed_weights = options->embed_weights != 0,
        .build_id = c->build_id,
        .max_workspace_bytes = (uint64_t)c->options.max_workspace,
        .files = out->files,
        .n_files = out->n,
    };
    ingot_artifact_version *versions;
    int32_t n = 0;
    for (const ingot_compiled *v = c; v; v = v->fallback)
        n++;
    INGOT_TRY(ingot_arena_array(&out->arena, (size_t)n, sizeof *versions, (void **)&versions));
    n = 0;
    for (const ingot_compiled *v = c; v; v = v->fallback)
        versions[n++] = (ingot_artifact_version){
            .program = v->program, .target = v->target, .kernels = v->objects, .n_kernels = v->program->n_specs};
    return ingot_artifact_write(&artifact, versions, n);
}

ingot_status ingot_compiled_write(ingot_compiled *c, const ingot_write_options *options)
{
    if (!options || options->struct_size < offsetof(ingot_write_options, what) ||
        options->struct_size > sizeof *options)
        return ingot_fail(INGOT_BAD_USAGE, "ingot_write_options: struct_size does not fit this version");
    ingot_write_options filled = {0};
    memcpy(&filled, options, options->struct_size);
    if (!filled.out_dir || !*filled.out_dir)
        return ingot_fail(INGOT_BAD_USAGE, "no output folder");
    if (!c->objects)
        return ingot_fail(INGOT_BAD_USAGE, "this model was compiled without code (no_code)");
    double begin = ingot_seconds_now();
    outputs out = {0};
    ingot_status status = write_files(c, &filled, &out);
    ingot_arena_release(&out.arena);
    c->timing.stages[INGOT_STAGE_WRITE] += ingot_seconds_now() - begin;
    return status;
}
