/* Kernels and programs: KernelSpecs, and what a compiled module is made of (lower/ makes the programs).
 *
 * A KernelSpec is a value with a canonical one-line text (`task | decisions | target`), an exact parser and a hash. The
 * same line is what codegen generates, the cost model predicts, `ingot bench --kernel` replays and a report lists.
 *
 *     contract b0=1 b1=1 m=128 n=768 k=768 in=f32[0,0,768,0,1] in=f32.packed16[0,0,0,0,0] in=f32[0,0,0,1,0]
 * out=f32[0,0,768,1,0] body="(f32,f32) r2=add(r0,r1):f32 -> r2" | mr=6 nr=16 | x86-64-v3        (one line)
 *
 * A size that a run decides is written `?3`: entry 3 of the sizes passed to the kernel.
 */
#ifndef INGOT_KERNEL_H
#define INGOT_KERNEL_H
#include "ir/ir.h"

/* ---- Specs (kernel/spec.c)
 * ---------------------------------------------------------------------------------------------------- */
typedef enum ingot_family {
#define FAMILY(name, dims, params, decisions) INGOT_FAMILY_##name,
#include "kernel/families.def"
#undef FAMILY
    INGOT_FAMILY_COUNT
} ingot_family;

typedef int64_t ingot_size; /* a number, or ingot_size_dynamic(i): entry i of the kernel's sizes */
#define INGOT_SIZE_BASE (INT64_MIN / 2)
static inline ingot_size ingot_size_dynamic(int32_t i)
{
    return INT64_MIN + i;
}
static inline bool ingot_size_is_dynamic(ingot_size s)
{
    return s < INGOT_SIZE_BASE;
}
static inline int32_t ingot_size_index(ingot_size s)
{
    return (int32_t)(s - INT64_MIN);
}

#define INGOT_SPEC_DIMS      9
#define INGOT_SPEC_PARAMS    12
#define INGOT_SPEC_DECISIONS 6
#define INGOT_SPEC_OPERANDS  16
#define INGOT_SPEC_SIZES     64

typedef enum {
    INGOT_ACCESS_STRIDED,
    INGOT_ACCESS_PACKED16,
    INGOT_ACCESS_LIMITED16, /* bytes as packed16, and what is beyond their limits: kernel/limited.h */
    INGOT_ACCESS_SCRATCH    /* memory that a kernel uses meanwhile: holds nothing before and after */
} ingot_access;
static inline bool ingot_access_is_packed(ingot_access access)
{
    return access == INGOT_ACCESS_PACKED16 || access == INGOT_ACCESS_LIMITED16;
}
typedef struct ingot_operand {
    ingot_dtype dtype;
    ingot_access access;
    bool constant;                       /* known at compile time: "const" in the text */
    ingot_size strides[INGOT_SPEC_DIMS]; /* elements, one per iteration dim */
    ingot_size lane; /* conv out and extras: stride of the 16 lanes (0, 1 or more); limited16: sums; else 0 */
} ingot_operand;

typedef enum {
    INGOT_SPEC_SUM,
    INGOT_SPEC_MEAN,
    INGOT_SPEC_MAX,
    INGOT_SPEC_MIN,
    INGOT_SPEC_PROD,
    INGOT_SPEC_L1,
    INGOT_SPEC_L2,
    INGOT_SPEC_SUM_SQUARE,
    INGOT_SPEC_SOFTMAX,
    INGOT_SPEC_LOG_SOFTMAX,
    INGOT_SPEC_LAYER_NORM,
    INGOT_SPEC_RMS_NORM,
    INGOT_SPEC_ARG_MAX,
    INGOT_SPEC_ARG_MIN
} ingot_spec_reduce;
typedef enum { INGOT_SPEC_POOL_MAX, INGOT_SPEC_POOL_AVG } ingot_spec_window;

typedef struct ingot_spec {
    ingot_family family;
    int32_t n_dims; /* map: 1..9; else the family's count */
    ingot_size dims[INGOT_SPEC_DIMS];
    ingot_size params[INGOT_SPEC_PARAMS];
    double imm[2]; /* attention: scale; norms: epsilon in imm[0] */
    int32_t n_in, n_out;
    ingot_operand operands[INGOT_SPEC_OPERANDS]; /* inputs, then outputs */
    bool has_body;
    ingot_prog body; /* map: one argument per input; else argument 0 is the raw result, the others the last inputs */
    int64_t decisions[INGOT_SPEC_DECISIONS]; /* 0: not decided, the emitter's default */
    char target[32];
} ingot_spec;

typedef struct ingot_family_info {
    const char *name;
    int32_t n_dims, n_params, n_decisions;
    const char *dims[INGOT_SPEC_DIMS], *params[INGOT_SPEC_PARAMS], *decisions[INGOT_SPEC_DECISIONS];
} ingot_family_info;
const ingot_family_info *ingot_family_info_get(ingot_family family);
void ingot_spec_print(const ingot_spec *spec, ingot_text *out);
/* The task part alone: what dedupe, splits of data and regret go by. */
void ingot_spec_print_task(const ingot_spec *spec, ingot_text *out);
/* Exact inverse of print; errors say what was expected and where. Checks counts, ranges and registers, so that emitters
 * may rely on them. */
ingot_status ingot_spec_parse(const char *text, size_t size, ingot_spec *out);
/* contract and conv: elements of a word, 2 of I16 or 4 of U8 times I8, which sum in I32, or 2 of BF16 times BF16 or
 * F32, which sum in F32. winograd: 2 where the filters are I16, which sum in I32. 0: no words, and other families. */
int ingot_spec_group(const ingot_spec *spec);
/* The same families: what their products sum in. */
ingot_dtype ingot_spec_sum(const ingot_spec *spec);
/* Whether operand 1 is weights of bytes within limits (kernel/limited.h). */
bool ingot_spec_is_limited(const ingot_spec *spec);
uint64_t ingot_spec_hash(const ingot_spec *spec); /* of the text */
bool ingot_spec_equal(const ingot_spec *a, const ingot_spec *b);
/* Rough cost of a body in simple vector instructions (kernel/prog_cost.c): exp 15, add 1. */
int ingot_scalar_op_cost(ingot_scalar op);
int ingot_prog_cost(const ingot_prog *prog);
/* Work of one call; sizes give dynamic entries (null: they count as their index's 1). */
typedef struct ingot_spec_work {
    double flops, bytes_in, bytes_out, bytes_const;
} ingot_spec_work;
ingot_spec_work ingot_spec_count_work(const ingot_spec *spec, const int64_t *sizes);

/* ---- Programs: what a compiled module is made of
 * ------------------------------------------------------------------------------- */
typedef enum {
    INGOT_POOL_ARENA,
    INGOT_POOL_WEIGHTS,
    INGOT_POOL_INPUT,
    INGOT_POOL_OUTPUT,
    INGOT_POOL_BOX /* a boxed value: no memory of the plan's */
} ingot_pool_kind;

/* Memory: one run-time address range. Arena buffers get offsets from the memory planner. */
typedef struct ingot_buffer {
    ingot_pool_kind pool;
    int32_t index;           /* INPUT, OUTPUT, BOX: which */
    const ingot_dim *bytes;  /* size; in the arena, once planned, a bound of what the data decides */
    const ingot_dim *offset; /* ARENA, WEIGHTS: bytes from the pool's start; ARENA, null: see `above`, or, without it,
                                memory of its own, when a run knows its size */
    const int32_t *above;    /* ARENA, where the offset would be too large an expression: the buffers, n_above of them,
                                at whose ends it may start */
    int32_t n_above;
    int32_t first_step, last_step; /* lifetime, inclusive; -1: not used */
    const char *name;              /* for the memory map */
} ingot_buffer;

/* An operand of a step: a start inside a buffer, and the tensor seen there (dense for portable kernels). */
typedef struct ingot_place {
    int32_t buffer; /* -1: left-out operand */
    const ingot_dim *offset_bytes;
    ingot_dtype dtype;
    int32_t rank; /* -1: a boxed value */
    const ingot_dim *dims[INGOT_MAX_RANK];
} ingot_place;

typedef enum ingot_step_kind {
    INGOT_STEP_KERNEL,      /* generated: specs[spec] */
    INGOT_STEP_PORTABLE,    /* portable kernel `portable` */
    INGOT_STEP_COPY,        /* dense bytes in -> out (memmove of in's size) */
    INGOT_STEP_ZERO,        /* out bytes = 0 */
    INGOT_STEP_DIMS,        /* out (i64) = sizes */
    INGOT_STEP_BIND,        /* symbols first_symbol.. = elements of in (integers), checked against their ranges */
    INGOT_STEP_JUMP,        /* to step `target` */
    INGOT_STEP_JUMP_UNLESS, /* to `target` when the bool in[0] is false */
    INGOT_STEP_CHECK,       /* `check` */
    INGOT_STEP_BOXED        /* boxed kernel `portable` */
} ingot_step_kind;

const char *ingot_step_kind_name(ingot_step_kind kind); /* "kernel", "jump_unless" (kernel/family.c) */

typedef struct ingot_step {
    ingot_step_kind kind;
    int32_t spec;     /* KERNEL: index into specs */
    int32_t portable; /* ingot_portable_id; BOXED: ingot_boxed_id */
    const void *attrs;
    uint32_t attrs_bytes;
    const ingot_prog *prog;
    int32_t n_in, n_out;
    const int32_t *places; /* inputs, then outputs: indices into program->places; -1: left out */
    int32_t n_sizes;
    const ingot_dim *const *sizes; /* KERNEL: dynamic sizes; PORTABLE: sym; DIMS: contents */
    int32_t n_data_dims;           /* PORTABLE, BOXED of trait S: result sizes to read back */
    const struct ingot_data_dim {
        int32_t out, dim, symbol;
    } * data_dims;
    int32_t first_symbol;              /* BIND */
    int32_t target;                    /* jumps; after lowering a step index */
    const ingot_check *check;          /* CHECK: one of the module's */
    const ingot_op *op;                /* for messages, profile and report */
    const char *label;                 /* "MatMul_12 (MatMul) + gelu" */
    const struct ingot_choice *choice; /* KERNEL: what its decisions were chosen from (costmodel/decide.h) */
    double cost_ns;                    /* predicted for one call, one thread; sizes that vary at their low end */
} ingot_step;

/* A constant to be written into the weights: dest[i0..] = src[logical index], zero outside. Every dest dim adds index *
 * multiplier to one logical dim of the source; source is dense in `src_dims` (a reshape of the literal) with bounds
 * checked per logical dim. */
#define INGOT_PACK_DIMS 10
typedef struct ingot_packing {
    int32_t src_rank, dest_rank;
    int64_t src_dims[INGOT_PACK_DIMS];
    int64_t src_strides[INGOT_PACK_DIMS]; /* elements of the literal; may be negative */
    int64_t src_offset;                   /* element of logical index 0 */
    int64_t dest_dims[INGOT_PACK_DIMS];
    int32_t dest_src[INGOT_PACK_DIMS]; /* which logical source dim */
    int64_t dest_multiplier[INGOT_PACK_DIMS];
    int32_t limited; /* not 0: then brought within limits, as kernel/limited.h tells; `sums` */
    int32_t
        winograd[2]; /* not 0: the filters [o, c, ...] in src_dims transformed for tiles of mh x mw results instead */
} ingot_packing;
typedef struct ingot_weight {
    const ingot_value *value; /* a constant */
    bool packed;
    ingot_packing packing;
    int64_t offset, size_bytes; /* in the weights file; offsets are multiples of 64 */
} ingot_weight;

typedef struct ingot_program {
    ingot_module *module; /* borrowed; sizes are its dims */
    ingot_arena arena;
    const char *name;
    ingot_spec *specs; /* distinct */
    ingot_buffer *buffers;
    ingot_place *places;
    ingot_step *steps;
    ingot_weight *weights;
    int32_t n_specs, n_buffers, n_places, n_steps, n_weights, n_boxes;
    int32_t *input_places, *output_places; /* per graph input and output */
    const ingot_dim *arena_bytes;          /* null: the largest end in `stack` */
    const int32_t *stack;                  /* buffers with `above`, each behind those that it lies above */
    int32_t n_stack;
    int64_t arena_lower_bound_bytes; /* largest sum of sizes alive together, where sizes are static; else -1 */
    int64_t weights_bytes;
    bool cold;           /* the constants do not stay in a cache between runs */
    const char *planner; /* which order won */
    double decide_s;     /* spent on asking the cost model; for --timing */
} ingot_program;

typedef struct ingot_lower_options {
    const struct ingot_target *target;
    const char *name;
    bool (*supports)(const ingot_spec *spec, const char **out_why); /* ingot_codegen_supports */
    const struct ingot_cost_model *cost_model;                      /* what decisions are taken by */
    bool decide;                 /* tiles and blocks by the cost model; else the emitters' own */
    bool exact_conv;             /* convolutions sum their products directly: no Winograd */
    bool no_generated;           /* portable kernels only: the oracle */
    bool no_portable;            /* error instead of a portable op that is not shape arithmetic */
    int64_t max_workspace_bytes; /* 0: none */
    void (*log)(void *arg, const char *line);
    void *log_arg;
} ingot_lower_options;
ingot_status ingot_program_create(ingot_module *m, const ingot_lower_options *options, ingot_program **out);
void ingot_program_destroy(ingot_program *program);
/* Bytes of one weight into `out` (size_bytes of them). */
ingot_status ingot_weight_write(const ingot_weight *weight, ingot_arena *scratch, void *out);
/* Programs of one model for several targets get one weights file: equal constants lie at the same place in all of them,
 * and the first lists the constants of all, whose modules must live as long as it. */
ingot_status ingot_programs_share_weights(ingot_program *const *programs, int32_t n);
#endif
