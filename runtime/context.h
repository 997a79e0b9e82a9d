/* The inside of ingot_context: what a checked plan, bound sizes and a run keep. Private to runtime/.
 *
 *   plan_check.c  finds the tables of a plan and validates them, once
 *   exprs.c       values of expressions
 *   inputs.c      inputs to symbols to `env` to room for buffers
 *   growing.c     room for buffers whose bytes the data decides
 *   outputs.c     where results go
 *   steps.c       sizes and pointers of each step
 *   execute.c     the steps
 *   boxed.c       steps and inputs and outputs that are boxed values
 *   context.c     creation, the order of a run
 *   weights.c     the weights of a model, shared by its contexts
 *
 * All arrays live in `memory` and are made at creation. What depends on sizes (arena, dense copies of inputs, outputs
 * that the caller gave no memory for, scratch) are regions that only grow.
 */
#ifndef INGOT_RUNTIME_CONTEXT_H
#define INGOT_RUNTIME_CONTEXT_H
#include "runtime/arena.h"
#include "runtime/plan.h"
#include "runtime/threads.h"

/* A value that is not known (a symbol that the data decides, before it does) or that overflowed; expressions of it are
 * unknown too. */
#define INGOT_UNKNOWN INT64_MIN

/* Pages from the system: page aligned, zeroed when new, contents lost when it grows. */
typedef struct ingot_region {
    void *data;
    size_t capacity;
} ingot_region;
/* At least `size` bytes (data is never null then, even for 0). `limit`: no more than that is asked for ahead; 0: none.
 */
ingot_status ingot_region_reserve(ingot_region *region, uint64_t size, uint64_t limit);
/* As above; what was there stays. */
ingot_status ingot_region_extend(ingot_region *region, uint64_t size, uint64_t limit);
void ingot_region_release(ingot_region *region);

/* The tables of a plan, all checked. */
typedef struct ingot_plan_view {
    const ingot_plan *plan;
    const char *base, *name;
    const ingot_plan_symbol *symbols;
    const ingot_plan_expr *exprs;
    const ingot_plan_io *inputs, *outputs;
    const ingot_plan_check *checks;
    const ingot_plan_buffer *buffers;
    const ingot_plan_place *places;
    const ingot_plan_step *steps;
    int32_t n_symbols, n_exprs, n_inputs, n_outputs, n_checks, n_buffers, n_places, n_steps;
} ingot_plan_view;
/* Validates everything that the runtime relies on later: INGOT_BAD_MODEL with the entry's number and what is wrong. */
ingot_status ingot_plan_view_create(const ingot_model *model, ingot_plan_view *out);
static inline const char *ingot_plan_text(const ingot_plan_view *v, ingot_span text)
{
    return text.count ? v->base + text.offset : "";
}
static inline const int32_t *ingot_step_places(const ingot_plan_view *v, const ingot_plan_step *s)
{
    return (const int32_t *)(const void *)(v->base + s->places.offset);
}
static inline const uint32_t *ingot_step_sizes(const ingot_plan_view *v, const ingot_plan_step *s)
{
    return (const uint32_t *)(const void *)(v->base + s->sizes.offset);
}
static inline const ingot_plan_data_dim *ingot_step_data_dims(const ingot_plan_view *v, const ingot_plan_step *s)
{
    return (const ingot_plan_data_dim *)(const void *)(v->base + s->data_dims.offset);
}

/* Evaluates the table in order; only_on_data: just the entries that data decides. */
void ingot_plan_evaluate(const ingot_plan_view *v, const int64_t *symbols, bool only_on_data, int64_t *env);
/* Symbol values at their low ends. */
void ingot_plan_low_symbols(const ingot_plan_view *v, int64_t *out);

/* A step with its sizes and pointers filled in. */
typedef struct ingot_step_state {
    int64_t *sizes;        /* [step->sizes.count] */
    void **data;           /* [n_in + n_out] */
    ingot_tensor *tensors; /* [n_in + n_out]; null for generated kernels */
    ingot_box **boxes;     /* [n_in + n_out], BOXED: operands and results of the call */
    ingot_box *plain;      /* [n_in], BOXED: plain operands as boxes */
    int64_t units;         /* KERNEL: of these sizes; -1: not asked yet */
    double cost_ns;        /* for these sizes */
    double low_bytes;      /* operands' bytes at the sizes that the plan's cost is for */
    uint32_t generation;   /* of data sizes, when last filled in */
    bool on_data;
    bool stale; /* the last refresh failed */
} ingot_step_state;

typedef struct ingot_input_state {
    int64_t dims[INGOT_MAX_RANK]; /* of the last run */
    char *data;                   /* this run's: the caller's or `dense` */
    int64_t bytes;
    ingot_region dense;
} ingot_input_state;

typedef struct ingot_output_state {
    int64_t dims[INGOT_MAX_RANK];
    char *data;    /* where steps write, or where the result is copied to */
    int64_t bytes; /* capacity of data */
    bool on_data;  /* a size is decided by the data: always our own memory first */
    bool given;    /* the caller brought memory for this run */
    ingot_region own;
} ingot_output_state;

typedef struct ingot_weights ingot_weights; /* weights.c */

struct ingot_context {
    ingot_arena memory;
    ingot_plan_view view;
    const void *const *kernels;
    ingot_weights *weights;
    const char *weights_data;
    int64_t *symbols, *env; /* [n_symbols], [n_exprs] */
    char **buffer_data;     /* [n_buffers] start, or null */
    int64_t *buffer_bytes;  /* [n_buffers] room there */
    ingot_region *growing;  /* [n_buffers] own memory of arena buffers whose bytes the data decides */
    ingot_input_state *inputs;
    ingot_output_state *outputs;
    ingot_step_state *steps;
    ingot_region arena, scratch;
    uint64_t memory_limit; /* what this process may use, whatever the model was compiled for */
    ingot_heap heap;       /* of boxed values; without any, it takes no memory */
    ingot_box **boxes;     /* [n_boxes] boxed values of this run, or null */
    ingot_box **given;     /* [n_outputs] boxes that the caller has from the last run, or null */
    uint32_t generation;   /* counts changes of sizes by data within the bound ones */
    bool bound;            /* sizes of the last run are valid */
    bool pointers_stale;
    bool has_data_symbols;
    int32_t n_threads;
    ingot_parallel_for_fn parallel_for;
    void *pool;
    ingot_threads *threads; /* own pool */
    ingot_step_hook hook;
    void *hook_arg;
};

/* inputs.c */
/* Device, element type, rank and signs of one of the caller's tensors; `side` is "input" or "output". */
ingot_status ingot_io_check(const ingot_plan_view *v, const ingot_plan_io *io, const DLTensor *t, const char *side);
bool ingot_io_is_dense(const DLTensor *t);
/* Checks the inputs and, where sizes differ from the last run's, evaluates all sizes, reserves memory. */
ingot_status ingot_context_bind_inputs(ingot_context *ctx, const DLTensor *const *inputs);
/* Whether a fact about sizes holds, all of them known: INGOT_BAD_USAGE with the fact and the sizes else. */
ingot_status ingot_context_check(const ingot_context *ctx, int32_t check);
/* Gives a symbol the value that data decided. */
ingot_status ingot_context_set_symbol(ingot_context *ctx, int32_t symbol, int64_t value);
/* growing.c */
/* Memory that this process may use: of the machine, or of its control group. */
uint64_t ingot_memory_size(void);
/* Room for a buffer whose bytes the data decides, for the sizes as they are now; what was there stays. INGOT_LIMIT
 * with the name of the value when that is too much. */
ingot_status ingot_context_make_room(ingot_context *ctx, int32_t buffer);
/* outputs.c */
/* Checks the outputs and finds where steps write them. */
ingot_status ingot_context_bind_outputs(ingot_context *ctx, DLTensor *const *outputs);
/* Copies what steps did not write in place, and fills in the caller's tensors. */
ingot_status ingot_context_finish_outputs(ingot_context *ctx, DLTensor *const *outputs);
/* steps.c */
/* Sizes, tensors and scratch of one step from the environment; pointers are resolved apart. */
ingot_status ingot_context_refresh_step(ingot_context *ctx, int32_t step);
void ingot_context_resolve_step(ingot_context *ctx, int32_t step);
/* Pointers of all steps that do not depend on data, if any base moved. */
void ingot_context_resolve(ingot_context *ctx);
/* Bytes that a step touches, for scaling its cost; unknown sizes count as none. */
double ingot_step_operand_bytes(const ingot_plan_view *v, const ingot_plan_step *s, const int64_t *env);

/* execute.c */
ingot_status ingot_context_execute(ingot_context *ctx);

/* boxed.c */
static inline bool ingot_io_is_boxed(const ingot_plan_io *io)
{
    return io->rank < 0;
}
/* Number of the boxed value at a place, or -1 for a plain one. */
static inline int32_t ingot_place_box(const ingot_plan_view *v, int32_t place)
{
    return place >= 0 && v->places[place].rank < 0 ? v->buffers[v->places[place].buffer].index : -1;
}
/* A run begins: forgets what the last one left, and takes the boxed inputs. */
ingot_status ingot_context_bind_boxes(ingot_context *ctx, const DLTensor *const *inputs);
/* Fills in the caller's tensor of a boxed output. */
ingot_status ingot_context_finish_box(ingot_context *ctx, int32_t output, DLTensor *t);
ingot_status ingot_context_run_boxed(ingot_context *ctx, int32_t step);

/* weights.c */
/* The weights for a model: from options, embedded, or a file found by name (see ingot_init_options). `*out_data`: start
 * of the pool. */
ingot_status ingot_weights_acquire(const ingot_model *model, const ingot_plan_view *view,
                                   const ingot_init_options *options, ingot_weights **out, const void **out_data);
void ingot_weights_release(ingot_weights *weights);
#endif
