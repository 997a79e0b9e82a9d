/* The driver: calls the folders in order, from bytes to an artifact or to code in memory. Implements <ingot/ingot.h>.
 *
 *   compile.c    the stages, a table of contents
 *   options.c    options filled in and checked; the build id
 *   tune.c       candidates timed instead of predicted
 *   measure.c, sampler.c, kernel_run.c   timing kernels, for tuning and for the measurement store
 *   keep.c       inner values as outputs
 *   memory.c     code and weights in memory
 *   write.c      the artifact and other files
 *   report.c     NAME.json
 *   timing.c     seconds per stage
 *
 * An ingot_compiled owns all that a compile made; whatever is reachable from it lives as long. The command line reads
 * its fields to explain.
 *
 *     ingot_compiled *c;
 *     INGOT_TRY(ingot_compile(&options, &c));
 *     printf("%d kernels\n", c->program->n_specs);
 *     ingot_compiled_destroy(c);
 */
#ifndef INGOT_DRIVER_H
#define INGOT_DRIVER_H
#include "codegen/codegen.h"
#include "costmodel/costmodel.h"
#include "frontend/frontend.h"
#include "kernel/kernel.h"
#include "passes/passes.h"
#include <ingot/ingot.h>

typedef enum ingot_stage {
    INGOT_STAGE_IMPORT,
    INGOT_STAGE_PASSES,
    INGOT_STAGE_LOWER,
    INGOT_STAGE_CODEGEN,
    INGOT_STAGE_WRITE,
    INGOT_STAGE_COUNT
} ingot_stage;
#define INGOT_MAX_PASSES 64

/* Seconds per stage and pass; not part of the report, which is the same each time. */
typedef struct ingot_timing {
    double stages[INGOT_STAGE_COUNT], passes[INGOT_MAX_PASSES];
    double decisions; /* of lowering: asking the cost model */
} ingot_timing;
double ingot_seconds_now(void);
const char *ingot_stage_name(ingot_stage stage);
void ingot_timing_print(const ingot_timing *timing, ingot_text *out);

typedef struct ingot_log_line {
    const char *text;
    struct ingot_log_line *next;
} ingot_log_line;

struct ingot_compiled {
    ingot_arena arena;
    /* The same model for the next target of --cpu, which needs fewer features; it belongs to this one. */
    struct ingot_compiled *fallback;
    const char *cpus; /* names of all targets, this one first where it leads */
    ingot_compile_options
        options; /* filled in; pointers of the caller are not used after ingot_compile, but constants and bytes */
    const char *path, *name; /* path: null for bytes without a name */
    const ingot_target *target;
    ingot_cost_model *cost_model;
    ingot_import_options import;
    ingot_module *module;
    ingot_program *program;
    const char **lines;    /* the program's specs as text */
    ingot_object *objects; /* one per spec; null before code generation */
    ingot_log_line *log, *last_log;
    int32_t n_imported_ops; /* before the passes, constants left out */
    uint8_t model_digest[16], build_id[16], weights_digest[16];
    uint64_t model_bytes;
    ingot_timing timing;
    /* In memory; null until ingot_compiled_get_model. */
    ingot_jit *jit;
    void *weights, *plan;
    size_t weights_mapped_bytes;
    const void **kernel_table;
    ingot_model model;
    bool has_model;
    ingot_text report;
};

/* ---- tune.c ---- */
#define INGOT_TUNE_ALL 1e9
/* Times candidates of the kernels that take most time, for options.tune_s seconds, and takes those that are faster. */
ingot_status ingot_driver_tune(ingot_compiled *c);

/* ---- options.c ---- */
/* Fills `c->options` and `c->import` from the caller's; INGOT_BAD_USAGE for what makes no sense. */
ingot_status ingot_driver_set_options(ingot_compiled *c, const ingot_compile_options *options);
/* What takes decisions, by its name in the options; closed with the compiled model. */
ingot_status ingot_driver_open_cost_model(ingot_compiled *c);
/* Targets named by `cpu` (null: native), each once, those that need most features first; in `arena`. */
ingot_status ingot_driver_list_targets(const char *cpu, ingot_arena *arena, const ingot_target ***out, int32_t *out_n);
/* Digests of the model (file, external data, constants) and of all that decides the output bytes. After import. */
ingot_status ingot_driver_set_build_id(ingot_compiled *c);
/* The kernels, and with them every decision, become part of the build id. After lowering. */
void ingot_driver_add_decisions(ingot_compiled *c);
/* A C identifier made of a path's last part. */
char *ingot_driver_name_of(ingot_arena *arena, const char *path);
/* The part of a path after its last '/'. */
const char *ingot_driver_base_name(const char *path);

/* ---- keep.c ---- */
/* Adds values by name as outputs; unknown names are INGOT_BAD_USAGE. */
ingot_status ingot_driver_keep(ingot_module *m, const char *const *names, int32_t n);
/* Adds every value of the main graph that a run computes; to be called after the passes. */
ingot_status ingot_driver_keep_all(ingot_module *m);

/* ---- compile.c ---- */
/* A line for the report and the caller's log; arg: the ingot_compiled. */
void ingot_driver_log(void *arg, const char *line);
/* Import, pinned sizes, kept values: the module as the passes get it. For `ingot opt`. */
ingot_status ingot_driver_import(ingot_compiled *c);

/* ---- report.c ---- */
/* Whether the step is arithmetic on sizes: small integers. */
bool ingot_step_is_shape_arithmetic(const ingot_program *program, const ingot_step *step);
int32_t ingot_program_count_portable(const ingot_program *program, bool with_shape_arithmetic);
/* Why the op of a step runs portable, from the log; "" when nothing was said. */
/* Name of the portable or boxed kernel that a step calls; null for other steps. */
const char *ingot_step_portable_name(const ingot_step *step);
const char *ingot_step_portable_reason(const ingot_compiled *c, const ingot_step *step);
/* What --precision=bf16 did: of a line of the log "'OP' MARK: WHY", the op and why; false: another line. */
#define INGOT_LOG_BF16 "' in bf16: "
#define INGOT_LOG_F32  "' stays f32: "
bool ingot_log_precision(const ingot_log_line *line, const char *mark, const char **out_op, int *out_op_size,
                         const char **out_why);
int32_t ingot_log_count_precision(const ingot_compiled *c, const char *mark);
/* Work of a step; sizes that vary at their low end. */
/* What the model as a whole takes over the sum of its kernels, by the cost model's experience. */
double ingot_driver_context(const ingot_compiled *c);
/* What the cost model is asked of a step that is a kernel: open sizes are at their low end, in `sizes`. */
ingot_cost_query ingot_step_query(const ingot_compiled *c, const ingot_step *step, int64_t sizes[INGOT_SPEC_SIZES]);
ingot_spec_work ingot_step_work(const ingot_compiled *c, const ingot_step *step);
ingot_cost ingot_step_cost(const ingot_compiled *c, const ingot_step *step);
#endif
