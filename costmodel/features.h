/* What a kernel's time depends on, as numbers: one vector per (spec, decisions, target). Learned models see nothing
 * else, and the measurement store exports them.
 *
 *     double f[INGOT_FEATURE_COUNT];
 *     ingot_features_compute(&query, f);
 */
#ifndef INGOT_COSTMODEL_FEATURES_H
#define INGOT_COSTMODEL_FEATURES_H
#include "costmodel/costmodel.h"

typedef enum ingot_feature {
#define FEATURE(name, unit, meaning) INGOT_FEATURE_##name,
#include "costmodel/features.def"
#undef FEATURE
    INGOT_FEATURE_COUNT
} ingot_feature;

typedef struct ingot_feature_info {
    const char *name, *unit, *meaning;
} ingot_feature_info;
const ingot_feature_info *ingot_feature_table(void); /* INGOT_FEATURE_COUNT rows */

/* The analytic bound and its parts, ns: what models scale. */
typedef struct ingot_roofline {
    double compute_ns, memory_ns;
    double bytes; /* moved at least once */
    double ns;    /* the larger, and the overhead of a call: never more than what a kernel takes */
} ingot_roofline;
ingot_roofline ingot_roofline_of(const ingot_cost_query *query);
/* All features, [INGOT_FEATURE_COUNT], and the roofline that one of them is. */
ingot_roofline ingot_features_compute(const ingot_cost_query *query, double *out);
#endif
