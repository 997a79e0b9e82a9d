/* What things cost on a target, behind one interface. Passes and kernel selection ask here and nowhere else.
 *
 *     const ingot_target *t;
 *     INGOT_TRY(ingot_target_find("native", &t));
 *     ingot_cost c = ingot_cost_predict(&ingot_cost_roofline, spec, t);
 */
#ifndef INGOT_COSTMODEL_H
#define INGOT_COSTMODEL_H
#include "kernel/kernel.h"

/* A CPU as code generation and prediction see it (costmodel/targets.def). */
typedef struct ingot_target {
    const char *name; /* "x86-64-v3", "znver3": what specs and `--cpu` say */
    const char *summary;
    const char *llvm_cpu;         /* -mcpu */
    const char *llvm_features;    /* "+avx2,+fma", may be "" */
    uint64_t required;            /* INGOT_CPU_* bits that the code needs, checked at load */
    int32_t vector_bytes;         /* 16, 32, 64 */
    int32_t vector_regs;          /* 16, 32 */
    int32_t tile_rows, tile_cols; /* f32 register tile: 6x16, 14x32, ... */
    int64_t l1_bytes, l2_bytes, l3_bytes;
    double ghz, fma_per_cycle; /* vector FMAs per cycle */
    double l1_gbs, l2_gbs, l3_gbs, dram_gbs;
    double call_ns, wake_ns;
} ingot_target;
/* CPU features, as the runtime tests them at load (runtime/cpu.c). */
enum {
    INGOT_CPU_SSE42 = 1,
    INGOT_CPU_AVX = 2,
    INGOT_CPU_AVX2 = 4,
    INGOT_CPU_FMA = 8,
    INGOT_CPU_F16C = 16,
    INGOT_CPU_BMI2 = 32,
    INGOT_CPU_AVX512F = 64,
    INGOT_CPU_AVX512BW = 128,
    INGOT_CPU_AVX512VL = 256,
    INGOT_CPU_AVX512DQ = 512,
    INGOT_CPU_AVX512VNNI = 1024,
    INGOT_CPU_AVX512BF16 = 2048
};
/* "native": a row for this CPU. Unknown names list what there is (INGOT_BAD_USAGE). */
ingot_status ingot_target_find(const char *name, const ingot_target **out);
const ingot_target *ingot_target_table(int32_t *out_count);
/* Whether products of bytes are faster than those of 16 bits: VNNI, and the row of tests that stands for it. */
bool ingot_target_multiplies_bytes(const ingot_target *target);
/* Whether there are products of bf16: AVX512-BF16, and the same row. Elsewhere bf16 is widened when loaded. */
bool ingot_target_multiplies_bf16(const ingot_target *target);
/* Else whether those with weights within limits are (kernel/limited.h): vpmaddubsw. */
bool ingot_target_limits_bytes(const ingot_target *target);
/* Rows of a register tile of so many vectors for the spec's limited weights: columns of all words of a sum and what is
 * made of them have room. */
int32_t ingot_target_limited_rows(const ingot_target *target, const ingot_spec *spec, int32_t vectors);

/* One call of one kernel on one thread. */
typedef struct ingot_cost_query {
    const ingot_spec *spec;
    const int64_t *sizes; /* values of its dynamic sizes; null: 1 each */
    const ingot_target *target;
    bool cold; /* constants come from memory: the model's do not stay in L3 between runs */
} ingot_cost_query;
typedef struct ingot_cost {
    double ns, bytes_moved;
    double level_bytes[4]; /* of these through L1, L2, L3, memory: those that come from there at the least */
    double bound_ns;       /* max(flops / peak, compulsory bytes / bandwidth of the level they fit in) */
    double spills;         /* vector registers that a register tile needs beyond those there are */
    double code_bytes;     /* 0: not known */
    double uncertainty;    /* as a share of ns, one standard deviation */
} ingot_cost;
typedef struct ingot_cost_model ingot_cost_model;
struct ingot_cost_model {
    const char *name;
    ingot_cost (*predict)(const ingot_cost_model *self, const ingot_cost_query *query);
    /* Whether it tells decisions on that target apart; null: on none, which leaves them to the emitters. */
    bool (*knows)(const ingot_cost_model *self, const ingot_target *target);
    ingot_status (*mlir)(const ingot_spec *spec, ingot_text *out); /* gives the words of a kernel; may be null */
    double context; /* a whole model takes this times the sum of its kernels, which were timed alone; 0: 1 */
    void *state;    /* of an implementation that was opened */
    void (*destroy)(ingot_cost_model *self);
};
extern const ingot_cost_model ingot_cost_roofline;
static inline ingot_cost ingot_cost_predict(const ingot_cost_model *model, const ingot_cost_query *query)
{
    return model->predict(model, query);
}

/* A cost model by name, or from a file: one that `ingot costmodel train` wrote, or a shared library (its name ends in
 * ".so"; <ingot/costmodel.h>). Unknown names list what there is. The caller closes it. */
INGOT_MUST_USE ingot_status ingot_cost_model_open(const char *name, ingot_cost_model **out);
void ingot_cost_model_close(ingot_cost_model *model);
/* How much each feature adds to log2 of the predicted time, [INGOT_FEATURE_COUNT], against the model's mean; false: the
 * model has no features. (Saabas' way: what a value changes at each node on a tree's path.) */
bool ingot_cost_contributions(const ingot_cost_model *model, const ingot_cost_query *query, double *out);
#endif
