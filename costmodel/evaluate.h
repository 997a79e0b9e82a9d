/* How good cost models are: errors of times, and what the decisions taken by them cost.
 *
 *     ingot_metrics m[INGOT_EVALUATED];
 *     INGOT_TRY(ingot_evaluate(&data, INGOT_SPLIT_SHAPE, seed, &train_options, m));
 */
#ifndef INGOT_COSTMODEL_EVALUATE_H
#define INGOT_COSTMODEL_EVALUATE_H
#include "costmodel/train.h"

typedef enum {
    INGOT_EVAL_CONSTANT,
    INGOT_EVAL_FLOPS,
    INGOT_EVAL_ROOFLINE,
    INGOT_EVAL_LINEAR,
    INGOT_EVAL_NEAREST,
    INGOT_EVAL_TOKENS,
    INGOT_EVAL_LEARNED,
    INGOT_EVALUATED
} ingot_evaluated;
const char *ingot_evaluated_name(ingot_evaluated e);

/* The numbers of one model on one split; NAN: not known. Shares and errors as fractions. */
typedef struct ingot_metrics {
    double mape, ratio;          /* mean of |predicted/measured - 1|; geometric mean of predicted/measured */
    double within_10, within_20; /* share of kernels */
    double spearman, kendall;    /* rank correlation of all; mean within problems, between their candidates */
    double regret_1, regret_5;   /* mean over problems of chosen/best - 1; of the best of the first five */
    double model_mape, model_within_10, model_within_20; /* of whole models */
    double context;      /* median of measured/predicted of whole models, before predictions are multiplied by it */
    double microseconds; /* of one prediction */
} ingot_metrics;
enum { INGOT_N_METRICS = sizeof(ingot_metrics) / sizeof(double) };
const char *ingot_metric_name(int32_t i);
double ingot_metric_get(const ingot_metrics *m, int32_t i);

/* out: [INGOT_EVALUATED].
 * Cross-validation: every row is predicted by models that saw none of its problem (or model, or family). Regret is of
 * choices by prediction, valued by timings that did not find the best: one half of them finds it, the other values it.
 * Whole models are predicted as the sum of their kernels times the median of measured/predicted of the other models.
 * predicted, model_ns: [n] and [n_runs] of the learned model, for plots; null: not
 * wanted. */
INGOT_MUST_USE ingot_status ingot_evaluate(const ingot_dataset *data, ingot_split split, uint64_t seed,
                                           const ingot_train_options *options, double *predicted, double *model_ns,
                                           ingot_metrics *out);
/* Of given knowledge on all rows, such as another machine's: no training. */
INGOT_MUST_USE ingot_status ingot_evaluate_knowledge(const ingot_dataset *data, const ingot_knowledge *knowledge,
                                                     ingot_metrics *out);
#endif
