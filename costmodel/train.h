/* Training of the learned cost models from a data set.
 *
 *     ingot_train_options options = {.trees = 300, .depth = 7, .seed = 1};
 *     ingot_knowledge k;
 *     INGOT_TRY(ingot_train(&data, uses, &options, &k));
 */
#ifndef INGOT_COSTMODEL_TRAIN_H
#define INGOT_COSTMODEL_TRAIN_H
#include "costmodel/dataset.h"

#define INGOT_TRAIN_TREES 200
#define INGOT_TRAIN_DEPTH 8
#define INGOT_TRAIN_RATE  0.1

typedef struct ingot_train_options {
    int32_t trees, depth;
    double rate;
    uint64_t seed;
    double share;  /* of the training problems; 0: all */
    bool monotone; /* more fill of tiles never makes a kernel slower */
    bool forest_only;
    int32_t threads; /* 0: one; more wait for each other busily, which a shared machine punishes */
} ingot_train_options;
/* On the rows whose use is INGOT_ROW_TRAIN (null: all). The knowledge owns its arrays. */
INGOT_MUST_USE ingot_status ingot_train(const ingot_dataset *data, const uint8_t *uses,
                                        const ingot_train_options *options, ingot_knowledge *out);

/* ---- xgboost.c: gradient boosting through the C API of XGBoost, which is loaded when it is needed ---- */
INGOT_MUST_USE ingot_status ingot_xgboost_train(int32_t n, const float *features, const float *labels,
                                                const ingot_train_options *options, ingot_arena *arena,
                                                ingot_forest *out);
#endif
