/* The plan of a compiled model as it lies in an artifact: one block of bytes, position independent, read in place.
 *
 * All references are byte offsets from the start of the block (`ingot_span`), all numbers little endian, all records
 * 8-byte aligned. The compiler writes it (codegen/plan_blob.c), the runtime validates it once when a context is created
 * and walks it on each run. Sizes are indices into `exprs`: a table of expressions over the symbols, evaluated in order
 * into the context's environment when sizes change.
 */
#ifndef INGOT_RUNTIME_PLAN_H
#define INGOT_RUNTIME_PLAN_H
#include "runtime/box.h"
#include "runtime/portable.h"

#define INGOT_PLAN_MAGIC "INGOTPL1"

typedef struct ingot_span {
    uint32_t offset, count; /* records; for text: bytes, null-terminated */
} ingot_span;

struct ingot_plan {
    char magic[8];
    uint32_t abi_version, header_bytes;
    uint64_t plan_bytes;
    uint64_t weights_bytes;
    uint8_t weights_digest[16]; /* runtime/digest.c over the weights */
    uint8_t build_id[16];
    uint64_t cpu_required; /* INGOT_CPU_* */
    ingot_span name, cpu;
    ingot_span symbols;           /* ingot_plan_symbol */
    ingot_span exprs;             /* ingot_plan_expr */
    ingot_span inputs, outputs;   /* ingot_plan_io */
    ingot_span checks;            /* ingot_plan_check */
    ingot_span buffers;           /* ingot_plan_buffer */
    ingot_span places;            /* ingot_plan_place */
    ingot_span steps;             /* ingot_plan_step */
    uint32_t arena_bytes;         /* expr */
    uint32_t n_kernels;           /* entries of the kernel table */
    uint64_t max_workspace_bytes; /* 0: none */
    uint32_t n_boxes, reserved;   /* boxed values (runtime/box.h) */
};
typedef struct ingot_plan_symbol {
    ingot_span name;
    int64_t lo, hi;
    uint32_t from_data, reserved;
} ingot_plan_symbol;
/* env[i]; operands refer to earlier entries. */
typedef enum {
    INGOT_EXPR_CONST,
    INGOT_EXPR_SYMBOL,
    INGOT_EXPR_ADD,
    INGOT_EXPR_MUL,
    INGOT_EXPR_FLOORDIV,
    INGOT_EXPR_MOD,
    INGOT_EXPR_MIN,
    INGOT_EXPR_MAX
} ingot_expr_kind;
typedef struct ingot_plan_expr {
    uint32_t kind, a, b, on_data; /* on_data: depends on a symbol that the data decides */
    int64_t value;                /* CONST; SYMBOL: its index */
} ingot_plan_expr;
typedef struct ingot_plan_io {
    ingot_span name;
    int32_t dtype, rank;
    uint32_t dims[INGOT_MAX_RANK];        /* exprs */
    ingot_span dim_names[INGOT_MAX_RANK]; /* text; empty: fixed */
    int32_t place;
    int32_t alias; /* output: >= 0 when it is input number `alias` unchanged, or -1; -2: its place is a buffer of its
                      own to copy from (constants, repeated outputs); boxed outputs: -2 */
    int32_t form;  /* ingot_form */
    int32_t reserved;
} ingot_plan_io;
typedef struct ingot_plan_check {
    uint32_t kind, a, b, in_step; /* ingot_check_kind; exprs; in_step: made by steps, not on entry */
    ingot_span message;
} ingot_plan_check;
typedef struct ingot_plan_buffer {
    uint32_t pool; /* 0 arena, 1 weights, 2 input, 3 output, 4 boxed value number `index` */
    int32_t index;
    uint32_t bytes, offset; /* exprs; bytes of an arena or output buffer may depend on data: it then has memory of its
                               own that grows */
    ingot_span name;        /* of the value there; may be empty */
} ingot_plan_buffer;
typedef struct ingot_plan_place {
    int32_t buffer;
    uint32_t offset_bytes;         /* expr */
    int32_t dtype, rank;           /* rank -1: a boxed value, whose buffer is in pool 4 */
    uint32_t dims[INGOT_MAX_RANK]; /* exprs */
} ingot_plan_place;
typedef struct ingot_plan_step {
    uint32_t kind;    /* ingot_step_kind of kernel/kernel.h, same numbers: INGOT_PLAN_* below */
    int32_t kernel;   /* index into the kernel table; -1 */
    int32_t portable; /* ingot_portable_id, of boxed steps ingot_boxed_id, or -1 */
    uint32_t n_in, n_out;
    ingot_span places;    /* int32_t; -1: left out */
    ingot_span sizes;     /* uint32_t exprs */
    ingot_span attrs;     /* bytes, 8-byte aligned */
    ingot_span prog;      /* bytes of one ingot_prog, or empty */
    ingot_span data_dims; /* ingot_plan_data_dim */
    int32_t first_symbol, target;
    ingot_span label;
    uint32_t op_id, reserved;
    double cost_ns;
} ingot_plan_step;
enum {
    INGOT_PLAN_KERNEL,
    INGOT_PLAN_PORTABLE,
    INGOT_PLAN_COPY,
    INGOT_PLAN_ZERO,
    INGOT_PLAN_DIMS,
    INGOT_PLAN_BIND,
    INGOT_PLAN_JUMP,
    INGOT_PLAN_JUMP_UNLESS,
    INGOT_PLAN_CHECK, /* `target`: number of the check */
    INGOT_PLAN_BOXED
};
#define INGOT_PLAN_POOL_BOX 4
typedef struct ingot_plan_data_dim {
    int32_t out, dim, symbol, reserved;
} ingot_plan_data_dim;

/* A generated kernel. */
typedef int64_t ingot_kernel_fn(void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end);

/* For `bench --profile`: called around each step when set (runtime/context.c). */
typedef void (*ingot_step_hook)(void *arg, int32_t step, int64_t begin_ns, int64_t end_ns);
void ingot_context_set_hook(ingot_context *ctx, ingot_step_hook hook, void *arg);
/* Values of the sizes (environment) of the last run. */
const int64_t *ingot_context_sizes(const ingot_context *ctx, int32_t step, int32_t *out_count);

/* Bits of INGOT_CPU_* (costmodel/costmodel.h) that this machine has. */
uint64_t ingot_cpu_detect(void);
/* The first version of the model that this machine can run; the last one where it can run none. Null for null. */
const ingot_model *ingot_model_for_cpu(const ingot_model *model);
/* 128-bit digest of bytes: fast, not cryptographic against an adversary with time. */
void ingot_digest(const void *data, size_t size, uint8_t out[16]);
#endif
