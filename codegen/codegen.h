/* Machine code: one call takes spec lines in and gives objects out.
 *
 * Every generated kernel is one function with the C signature ingot_kernel_fn (runtime/plan.h):
 *     int64_t kernel(void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end);
 * buffers: the spec's inputs, then outputs; sizes: values of its `?i` entries. With begin < 0 it only returns the
 * number of independent units of work (>= 0) for those sizes; else it does units [begin, end) and returns 0. Units may
 * run in any order and on any threads, and results do not depend on how they are split.
 *
 * Objects are made in worker processes (parallel, and LLVM may abort): a worker's death is a status that names the
 * spec. Only this folder includes mlir-c and llvm-c headers.
 */
#ifndef INGOT_CODEGEN_H
#define INGOT_CODEGEN_H
#include "costmodel/costmodel.h"
#include "kernel/kernel.h"

typedef struct ingot_object {
    const void *data; /* ELF relocatable object */
    size_t size;
} ingot_object;

typedef enum { INGOT_EMIT_OBJECT, INGOT_EMIT_MLIR, INGOT_EMIT_LLVM, INGOT_EMIT_ASM } ingot_emit_kind;
typedef struct ingot_codegen_options {
    int32_t workers; /* processes; 0: CPUs of the affinity mask; -1: in this process */
    ingot_emit_kind emit;
    const char
        *cache_dir;     /* null: none; objects by content of spec line and compiler version, safe for concurrent use */
    double timeout_s;   /* per spec; 0: 120 */
    int64_t max_memory; /* per worker; 0: none */
    void (*progress)(void *arg, int32_t done, int32_t total);
    void *progress_arg;
    ingot_status (*cancelled)(void *arg);
    void *cancel_arg;
} ingot_codegen_options;
/* One object per line, in `arena`. Errors name the line. Deterministic bytes. */
ingot_status ingot_codegen_compile(const char *const *lines, int32_t n, const ingot_codegen_options *options,
                                   ingot_arena *arena, ingot_object *out);
/* Symbol of the kernel for a spec: "ingot_k_" and 16 hexadecimal digits of its hash. out has room for 32. */
void ingot_kernel_symbol(const ingot_spec *spec, char *out);
/* Whether a generated kernel exists for this spec (dtypes, strides, sizes within what emitters take); else why not
 * (static text). */
bool ingot_codegen_supports(const ingot_spec *spec, const char **out_why);
/* MLIR of the kernel. */
ingot_status ingot_codegen_mlir(const ingot_spec *spec, ingot_text *out);

/* Bytes of machine code, and how many of its instructions write a whole vector register to the stack. */
ingot_status ingot_object_inspect(const ingot_object *object, int32_t *out_code_bytes, int32_t *out_spills);

/* Code in memory (LLVM ORC). `symbols` gives addresses for what objects refer to. */
typedef struct ingot_jit ingot_jit;
typedef struct ingot_jit_symbol {
    const char *name;
    const void *address;
} ingot_jit_symbol;
ingot_status ingot_jit_create(const ingot_object *objects, int32_t n, const ingot_jit_symbol *symbols,
                              int32_t n_symbols, ingot_jit **out);
ingot_status ingot_jit_lookup(ingot_jit *jit, const char *name, void **out_address);
void ingot_jit_destroy(ingot_jit *jit);

/* ---- Artifacts (codegen/artifact.c, archive.c, plan_blob.c, plan_object.c, weights_file.c, header.c)
 * ------------------------------------------------- */
/* The plan as bytes (runtime/plan.h), in `arena`. build_id: 16 bytes. */
ingot_status ingot_plan_serialize(const ingot_program *program, const ingot_target *target, const uint8_t *build_id,
                                  const uint8_t *weights_digest, ingot_arena *arena, void **out_bytes,
                                  size_t *out_size);
/* One version of a model in an artifact: its program for one target. All versions have one name, one interface and one
 * weights file (ingot_programs_share_weights). The first is for the most demanding CPU. */
typedef struct ingot_artifact_version {
    ingot_program *program;
    const ingot_target *target;
    const ingot_object *kernels; /* one per spec */
    int32_t n_kernels;
    const void *plan; /* set by ingot_artifact_write */
    size_t plan_size;
} ingot_artifact_version;
/* The object that holds plan bytes, kernel tables, ingot_model structs and the functions NAME_init and so on; embeds
 * the weights file if given. */
ingot_status ingot_plan_object(const ingot_artifact_version *versions, int32_t n_versions,
                               const char *embed_weights_path, ingot_arena *arena, ingot_object *out);
/* Names of the kernels in the plan's order (generated symbols and ingot_portable_*): the kernel table. */
ingot_status ingot_program_kernel_names(const ingot_program *program, ingot_arena *arena, const char *const **out_names,
                                        int32_t *out_count);
typedef struct ingot_archive_member {
    const char *name;
    const void *data;
    size_t size;
} ingot_archive_member;
/* A System V / GNU `ar` archive with a symbol table, deterministic. */
ingot_status ingot_archive_write(const ingot_archive_member *members, int32_t n, ingot_text *out);
/* Members of an archive in memory (the embedded runtime). */
ingot_status ingot_archive_read(const void *data, size_t size, ingot_arena *arena, ingot_archive_member **out,
                                int32_t *out_n);
ingot_status ingot_header_write(const ingot_program *program, ingot_text *out);

/* The file NAME.weights (runtime/weights.h), from where `fd` stands: a regular file or a memfd, written front to back,
 * one constant in memory at a time. out_digest: 16 bytes, for ingot_plan_serialize. */
ingot_status ingot_weights_write(ingot_program *program, const uint8_t *build_id, int fd, uint8_t *out_digest);

enum { INGOT_ARTIFACT_ARCHIVE = 1, INGOT_ARTIFACT_SHARED = 2, INGOT_ARTIFACT_OBJECTS = 4 };
typedef struct ingot_artifact_file {
    const char *suffix; /* ".json": the file is NAME.json */
    const void *data;
    size_t size;
} ingot_artifact_file;
typedef struct ingot_artifact_options {
    const char *out_dir; /* created, with its parents */
    uint32_t emit;       /* INGOT_ARTIFACT_* bits; 0: the archive */
    bool embed_weights;
    const uint8_t *build_id;          /* 16 bytes */
    uint64_t max_workspace_bytes;     /* of a run; 0: none */
    const ingot_artifact_file *files; /* further ones, written with the rest */
    int32_t n_files;
} ingot_artifact_options;
/* Writes NAME.a (NAME.so, or NAME.o and an object per kernel), NAME.weights, NAME.h and ingot/runtime.h for the
 * programs' name, a C identifier. Files get their names when all of them are there; a failure leaves nothing behind. */
ingot_status ingot_artifact_write(const ingot_artifact_options *options, ingot_artifact_version *versions,
                                  int32_t n_versions);
#endif
