/* Graph passes: each a row of passes.def and, as a rule, a file of its own whose function opens with its contract.
 *
 *     INGOT_TRY(ingot_run_pipeline(m, ingot_default_pipeline(level), &ctx));
 *
 * A pass keeps results (within section 6 of docs/design.md), types of graph inputs and outputs, and verifies in debug
 * builds.
 */
#ifndef INGOT_PASSES_H
#define INGOT_PASSES_H
#include "ir/ir.h"

/* A predicted time that was asked for. */
typedef struct ingot_estimate {
    uint64_t hash; /* of the kernel's spec */
    double ns;
} ingot_estimate;
enum { INGOT_ESTIMATES = 256 };

typedef struct ingot_pass_context {
    const struct ingot_target *target;
    const struct ingot_cost_model *cost_model; /* null: layouts go by bytes, all else by the roofline */
    int32_t level;                             /* -O */
    const char *print_after;                   /* comma-separated names, or "all" */
    ingot_text *printed;                       /* where that goes */
    void (*log)(void *arg, const char *line);  /* notes for `explain`: "fused gelu into 'MatMul_12'"; may be null */
    void *log_arg;
    ingot_status (*cancelled)(void *arg);
    void *cancel_arg;
    double *seconds; /* per pass of passes.def, added to; may be null */
    int64_t max_fold_bytes;
    double constant_bytes;     /* of the module as it came; set by ingot_run_passes */
    bool bf16;                 /* products with constant weights are of bf16 where that is predicted to be faster */
    bool exact_conv;           /* there will be no Winograd kernels to compare with */
    ingot_estimate *estimates; /* [INGOT_ESTIMATES]; set by ingot_run_passes */
} ingot_pass_context;

typedef ingot_status ingot_pass_fn(ingot_module *m, ingot_pass_context *ctx);
typedef struct ingot_pass_info {
    const char *name, *summary, *needs, *breaks;
    ingot_pass_fn *run;
} ingot_pass_info;
const ingot_pass_info *ingot_pass_table(int32_t *out_count);
/* Names separated by commas; an unknown one is INGOT_BAD_USAGE and lists what there is. */
ingot_status ingot_run_passes(ingot_module *m, const char *names, ingot_pass_context *ctx);
/* The pipeline of -O0..3 as such a list. */
const char *ingot_default_pipeline(int32_t level);
#endif
