/* Ingot: the compiler, in process. Link libingot.so (pkg-config ingot).
 *
 * A model goes in as a file or as bytes; out comes a compiled model that runs from memory through the calls of
 * <ingot/runtime.h>, is written as an artifact, or both:
 *
 *     ingot_compile_options options = {.struct_size = sizeof options, .path = "model.onnx"};
 *     ingot_compiled *compiled = NULL;
 *     const ingot_model *model;
 *     ingot_context *ctx = NULL;
 *     ingot_status err = ingot_compile(&options, &compiled);
 *     if (!err) err = ingot_compiled_get_model(compiled, &model);
 *     if (!err) err = ingot_context_create(model, NULL, &ctx);
 *     if (!err) err = ingot_context_run(ctx, inputs, outputs);
 *     if (err) fprintf(stderr, "%s\n", ingot_status_message(err)), ingot_status_free(err);
 *     ingot_context_destroy(ctx), ingot_compiled_destroy(compiled);
 *
 * Everything is a value: no globals (but LLVM's own one-time registration), no exit, nothing printed. Calls on
 * different handles may run at the same time. Whatever the bytes are, a compile ends with a handle or with a status. A
 * struct of options that is all zeros but for its struct_size asks for the defaults.
 */
#ifndef INGOT_INGOT_H
#define INGOT_INGOT_H
#include <ingot/runtime.h>
#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0". */
const char *ingot_version(void);

/* What a dynamic size may be: `batch` in 1..64; lo == hi fixes it. */
typedef struct ingot_size_range {
    const char *name; /* the model's name of the size (dim_param) */
    int64_t lo, hi;
} ingot_size_range;

/* The shape of an input. */
typedef struct ingot_input_shape {
    const char *name;
    int32_t rank;
    int64_t dims[INGOT_MAX_RANK]; /* -1: as the model says */
} ingot_input_shape;

/* Replaces an initializer or input of that name. Borrowed until the compiled model is destroyed. */
typedef struct ingot_constant {
    const char *name;
    const DLTensor *tensor; /* dense */
} ingot_constant;

/* What ingot_compiled_write writes; bits. */
enum {
    INGOT_WRITE_ARCHIVE = 1, /* NAME.a */
    INGOT_WRITE_SO = 2,      /* NAME.so, linked by the system's cc */
    INGOT_WRITE_REPORT = 4,  /* NAME.json */
    INGOT_WRITE_MLIR = 8,    /* NAME.mlir: the graph; NAME.kernels.mlir: the kernels */
    INGOT_WRITE_LLVM = 16,   /* NAME.ll: the kernels */
    INGOT_WRITE_ASM = 32,    /* NAME.s: the kernels */
    INGOT_WRITE_OBJECT = 64  /* NAME.<kernel>.o */
};

/* What matrix products and convolutions with constant weights are computed in. */
enum {
    INGOT_PRECISION_F32 = 0, /* everything in the types of the model */
    /* Where it is predicted to be faster, weights of f32 are rounded to bf16 and stored so: half the bytes. Sums, and
     * all else, stay f32. On targets with products of bf16 (AVX512-BF16) what they are multiplied by is rounded too. */
    INGOT_PRECISION_BF16 = 1
};

typedef struct ingot_compile_options {
    size_t struct_size; /* sizeof(ingot_compile_options) */
    const char *path;   /* the model; with `bytes`: its name in messages, and external data is looked up beside it */
    const void *bytes;  /* the model in memory, borrowed until the compiled model is destroyed; null: read `path` */
    uint64_t size;
    const char *name;     /* of the compiled model: a C identifier; null: from the path */
    const char *cpu;      /* targets, separated by commas (`ingot targets`); null: "native" */
    int32_t level;        /* -O: 0 is taken as the default, 2; use -1 for no optimisation */
    int32_t threads;      /* of the compile; 0: the CPUs of the affinity mask */
    int32_t in_process;   /* generate code in this process: faster to start, but an abort of LLVM ends it */
    int32_t no_portable;  /* an op without a generated kernel is an error */
    int32_t no_generated; /* portable kernels only: slow, the reference */
    int32_t keep_all;     /* every value of the optimised graph becomes an output */
    const ingot_size_range *sizes;
    const ingot_input_shape *shapes;
    const ingot_constant *constants;
    const char *const *keep; /* names of inner values to be outputs too */
    int32_t n_sizes, n_shapes, n_constants, n_keep;
    int32_t pin_dynamic;     /* fix every size that is still dynamic to the low end of its range, at least 1 */
    const char *cache_dir;   /* kernels already generated; null: none */
    const char *print_after; /* names of passes: their IR goes to `print` */
    void (*print)(void *arg, const char *text);
    void (*log)(void *arg, const char *line); /* what was fused, chosen, left to portable kernels, and why */
    void (*progress)(void *arg, const char *stage, int32_t done, int32_t total);
    int32_t (*cancelled)(void *arg);                     /* asked often; not 0 ends the compile with INGOT_LIMIT */
    void *callback_arg;                                  /* first argument of the four above */
    int64_t max_memory;                                  /* of the compiler, bytes; 0: none */
    int64_t max_workspace;                               /* of a run of the compiled model, bytes; 0: none */
    int64_t max_nodes, max_tensor_bytes, max_fold_bytes; /* 0: the defaults, see docs/cli.md */
    int32_t max_depth;
    int32_t no_code;        /* stop before code generation: for reports */
    int32_t exact_conv;     /* convolutions sum their products directly: no Winograd kernels */
    const char *cost_model; /* what takes decisions: a name, or a file (docs/cost-model.md); null: "learned" */
    double tune_s;          /* seconds to measure candidates of the kernels that take most time; 0: none */
    int32_t precision;      /* INGOT_PRECISION_*; the report says which products it changed */
} ingot_compile_options;

typedef struct ingot_compiled ingot_compiled;

/* Compiles. The caller destroys *out_compiled; on failure it is null. */
ingot_status ingot_compile(const ingot_compile_options *options, ingot_compiled **out_compiled);
void ingot_compiled_destroy(ingot_compiled *compiled);

/* The model in memory: code by LLVM's ORC, weights 64-byte aligned. Lives as long as the handle; made by the first
 * call. */
ingot_status ingot_compiled_get_model(ingot_compiled *compiled, const ingot_model **out_model);

typedef struct ingot_write_options {
    size_t struct_size;
    const char *out_dir;   /* created */
    uint32_t what;         /* INGOT_WRITE_*; 0: archive and report. Header and weights come with ARCHIVE and SO */
    int32_t embed_weights; /* inside the archive or shared object, no NAME.weights */
} ingot_write_options;
/* Writes files under temporary names, then renames them: a failure leaves none. */
ingot_status ingot_compiled_write(ingot_compiled *compiled, const ingot_write_options *options);

/* The report (docs/cli.md, "The report") as JSON; lives as long as the handle. The same for the same inputs of a
 * compile. */
ingot_status ingot_compiled_get_report(ingot_compiled *compiled, const char **out_json);

#ifdef __cplusplus
}
#endif
#endif
