/* The measurement store as training data: rows of features and labels, and ways of splitting them.
 *
 *     ingot_dataset data = {0};
 *     INGOT_TRY(ingot_dataset_load(store, &options, &data));
 *     ...
 *     ingot_dataset_release(&data);
 */
#ifndef INGOT_COSTMODEL_DATASET_H
#define INGOT_COSTMODEL_DATASET_H
#include "costmodel/learned.h"
#include "costmodel/store.h"

/* Labels are not used above this standard error of their median, relative, or when a fixed piece of work beside them
 * took so much longer than beside the quietest labels. */
#define INGOT_NOISY     0.05
#define INGOT_DISTURBED 1.06

typedef struct ingot_data_row {
    double features[INGOT_FEATURE_COUNT];
    double ns, roofline_ns; /* ns: the lower quartile of the timings */
    double label;           /* log2(roofline_ns / ns), at most INGOT_MOST_UTILISATION */
    double code_bytes;
    double halves[2];       /* of the even and of the odd timings: one finds the best, the other values it */
    int32_t problem, model; /* numbers; tasks of one problem share it */
    int32_t family;
    bool cold;
    const char *spec;
} ingot_data_row;

typedef struct ingot_data_kernel {
    int32_t problem, count; /* problem -1: not in the data set */
    double features[INGOT_FEATURE_COUNT], roofline_ns;
    const char *spec;
} ingot_data_kernel;
typedef struct ingot_data_run { /* a whole model */
    const char *name, *config;
    int32_t model, n;
    ingot_data_kernel *kernels;
    double ns, other_ns, spread;
    bool cold;
} ingot_data_run;

typedef struct ingot_dataset {
    ingot_arena arena;
    int32_t n, n_dropped, n_problems, n_models, n_runs, n_measured; /* n_measured = n + n_dropped */
    ingot_data_row *rows;
    ingot_data_run *runs;
    const char **problems, **models; /* names */
    ingot_machine machine;           /* of the rows */
    char target[32];
    uint8_t *tokens; /* [n][INGOT_TOKEN_BUCKETS] * 16, made by ingot_dataset_add_tokens; else null */
} ingot_dataset;

/* Rows of one machine: this one where the store has it, else the one with most rows. */
INGOT_MUST_USE ingot_status ingot_dataset_load(ingot_store *store, const ingot_store_machine *here, ingot_dataset *out);
/* MLIR of every row through `mlir`, counted; `progress` may be null. */
INGOT_MUST_USE ingot_status ingot_dataset_add_tokens(ingot_dataset *data,
                                                     ingot_status (*mlir)(const ingot_spec *spec, ingot_text *out),
                                                     void (*progress)(int32_t done, int32_t total));
void ingot_dataset_release(ingot_dataset *data);
/* The target's row with the numbers of the machine of the rows. */
INGOT_MUST_USE ingot_status ingot_dataset_target(const ingot_dataset *data, ingot_target *out);

typedef enum { INGOT_SPLIT_SHAPE, INGOT_SPLIT_MODEL, INGOT_SPLIT_FAMILY, INGOT_SPLITS } ingot_split;
const char *ingot_split_name(ingot_split split);
/* Folds of cross-validation. shape: problems; model: models, whose problems are left out wherever they occur; family:
 * one family each. */
int32_t ingot_split_folds(ingot_split split);
/* Whether a row is for training in this fold, or for testing. */
typedef enum { INGOT_ROW_TRAIN, INGOT_ROW_TEST, INGOT_ROW_UNUSED } ingot_row_use;
/* uses: [n]; runs_tested: [n_runs], or null. */
INGOT_MUST_USE ingot_status ingot_split_rows(const ingot_dataset *data, ingot_split split, int32_t fold, uint64_t seed,
                                             uint8_t *uses, bool *runs_tested);
/* Which fold predicts a kernel of a whole model that is no row itself. */
int32_t ingot_split_fold_of_problem(int32_t problem, uint64_t seed);
#endif
