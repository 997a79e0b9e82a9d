/* Cost models that are learned from measurements: what they know as plain arrays, and as text.
 *
 * A knowledge has one or more parts: trees (gradient-boosted, over features), linear, nearest: they predict
 * log2(roofline / time), the utilisation of the analytic bound; and tokens, which predicts log2(time).
 * time = roofline / 2^prediction, within the limits below.
 *
 *     ingot_knowledge k;
 *     INGOT_TRY(ingot_knowledge_read(text, size, &k));         // of `ingot costmodel train`
 *     double log_utilisation = ingot_forest_predict(&k.forest, features);
 *     ingot_knowledge_release(&k);
 *
 * The default is built in: costmodel/default.model, turned into tables by the build.
 */
#ifndef INGOT_COSTMODEL_LEARNED_H
#define INGOT_COSTMODEL_LEARNED_H
#include "costmodel/features.h"
#include "costmodel/machine.h"

/* A node of a tree: left child if feature < threshold, else the right one, which follows the left. A leaf has no
 * children and its value as threshold. */
typedef struct ingot_tree_node {
    float threshold;
    uint16_t feature;
    uint16_t left; /* from the tree's root; 0: a leaf */
} ingot_tree_node;
typedef struct ingot_forest {
    int32_t n_trees, n_nodes;
    double base;          /* added to the sum of the leaves */
    const int32_t *roots; /* [n_trees] into nodes */
    const ingot_tree_node *nodes;
} ingot_forest;
double ingot_forest_predict(const ingot_forest *f, const double *features);

/* A utilisation above 1 (its logarithm above 0) happens: the roofline's bandwidths are those of long reads by one
 * thread, and some kernels find their operands nearer. Beyond 4 it does not. */
#define INGOT_MOST_UTILISATION  2
#define INGOT_LEAST_UTILISATION (-10) /* and below 1/1000 neither */

#define INGOT_FAMILIES_MOST  32
#define INGOT_LINEAR_WEIGHTS (INGOT_FEATURE_COUNT + 1 + INGOT_FAMILIES_MOST) /* features, constant, families */
#define INGOT_TOKEN_BUCKETS  4096
#define INGOT_NEAREST_MOST   1024

typedef struct ingot_nearest_point {
    float features[INGOT_FEATURE_COUNT]; /* scaled */
    float value;
} ingot_nearest_point;

typedef struct ingot_knowledge {
    ingot_machine machine;    /* what rooflines were computed with */
    char target[32];          /* and for which row */
    ingot_forest forest;      /* n_trees 0: none */
    const double *linear;     /* [INGOT_LINEAR_WEIGHTS]; null: none */
    const double *code_bytes; /* likewise: log2 of the bytes of machine code */
    const float *tokens;      /* [INGOT_TOKEN_BUCKETS + 1], the last is the constant; null: none */
    int32_t n_nearest;
    const ingot_nearest_point *nearest;
    const float *scale; /* of features, for nearest: [INGOT_FEATURE_COUNT] */
    uint32_t families;  /* bits: those that the forest was trained on */
    double context;     /* what whole models take over the sum of their kernels, each timed alone: colder caches */
    double sigma[INGOT_FAMILIES_MOST]; /* of the error in log2, per family, on kernels that were held out */
    ingot_arena arena;                 /* empty for the built-in one */
} ingot_knowledge;
const ingot_knowledge *ingot_knowledge_built_in(void);
INGOT_MUST_USE ingot_status ingot_knowledge_read(const char *text, size_t size, ingot_knowledge *out);
INGOT_MUST_USE ingot_status ingot_knowledge_write(const ingot_knowledge *k, ingot_text *out);
void ingot_knowledge_release(ingot_knowledge *k);

/* The roofline's time at a utilisation (its logarithm), within the limits above. */
double ingot_time_at(double roofline_ns, double log_utilisation);
/* Whether kernels of a family were among those that the forest was trained on. */
bool ingot_knowledge_has_family(const ingot_knowledge *k, ingot_family family);
/* By the forest. A family that it never saw gets the geometric mean of its own guess and, twice, the roofline's, for
 * the emitter's decisions: what it would say about others is about other kernels. */
double ingot_knowledge_predict_ns(const ingot_knowledge *k, const ingot_cost_query *query, const double *features,
                                  double roofline_ns);
double ingot_linear_predict(const double *weights, const double *features);
double ingot_nearest_predict(const ingot_knowledge *k, const double *features);
/* Counts of 1- to 3-grams of the words of a kernel's MLIR, hashed: out[INGOT_TOKEN_BUCKETS], log(1 + count). */
void ingot_tokens_count(const char *mlir, size_t size, float *out);
double ingot_tokens_predict(const float *weights, const float *counts);
#endif
