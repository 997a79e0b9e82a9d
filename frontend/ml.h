/* What the importers of ai.onnx.ml share (import_ml.c): lists in attributes, constants from them, labels, the last
 * step of scores. */
#ifndef INGOT_FRONTEND_ML_H
#define INGOT_FRONTEND_ML_H
#include "frontend/importer.h"

/* A list of numbers in an attribute; count 0 when absent. */
typedef struct ingot_ml_list {
    int64_t count;
    const double *floats; /* the one that fits the attribute's type */
    const int64_t *ints;
} ingot_ml_list;
ingot_ml_list ingot_ml_floats(ingot_node *n, const char *name);
ingot_ml_list ingot_ml_ints(ingot_node *n, const char *name);
/* The numbers of a tensor attribute as doubles. */
ingot_ml_list ingot_ml_tensor(ingot_node *n, const char *name);
/* The list NAME, or the tensor NAME_as_tensor, as doubles. */
ingot_ml_list ingot_ml_weights(ingot_node *n, const char *name);
/* A constant of that shape: integers where the list has integers. The counts must agree. */
ingot_value *ingot_ml_constant(ingot_node *n, const ingot_ml_list *list, ingot_dtype dtype, int32_t rank,
                               const int64_t *dims);
ingot_value *ingot_ml_vector(ingot_node *n, const ingot_ml_list *list, ingot_dtype dtype);
/* Working memory of the import, zeroed. Never null: an error of the node and a stand-in when there is none. */
void *ingot_ml_array(ingot_node *n, int64_t count, size_t size);

/* Labels of classes: integers or texts. */
typedef struct ingot_ml_labels {
    int64_t count;
    ingot_value *values; /* [count]; null without any */
} ingot_ml_labels;
ingot_ml_labels ingot_ml_read_labels(ingot_node *n, const char *ints, const char *texts);
/* The labels at indices [N]; without labels the indices. */
ingot_value *ingot_ml_label_of(ingot_node *n, const ingot_ml_labels *labels, ingot_value *index);
/* Index of the largest of each row's scores. */
ingot_value *ingot_ml_best(ingot_node *n, ingot_value *scores);
/* Labels 1 and 0 of two classes, or those that one class alone has, by a condition [N]. */
ingot_value *ingot_ml_choose(ingot_node *n, const ingot_ml_labels *labels, ingot_value *condition);

enum { INGOT_ML_NONE, INGOT_ML_SOFTMAX, INGOT_ML_LOGISTIC, INGOT_ML_SOFTMAX_ZERO, INGOT_ML_PROBIT };
int32_t ingot_ml_transform_attr(ingot_node *n);
ingot_value *ingot_ml_transform(ingot_node *n, ingot_value *scores, int32_t transform);
/* Two classes told apart by one score s [N, 1] of the second: [N, 2], transformed. Without a transform the first has
 * 1 - s where s is a share of the whole, else -s. */
ingot_value *ingot_ml_pair(ingot_node *n, ingot_value *s, bool share, int32_t transform);
/* Column k of x [N, F] as [N, 1]. */
ingot_value *ingot_ml_column(ingot_node *n, ingot_value *x, int64_t k);
/* x [N, F], or [F] as one row, as f32. */
ingot_value *ingot_ml_rows(ingot_node *n, ingot_value *x);
#endif
