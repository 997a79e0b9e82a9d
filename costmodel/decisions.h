/* The decisions of a spec (kernel/families.def): what an emitter does by itself, and what else it could do.
 *
 *     ingot_decision_list list;
 *     INGOT_TRY(ingot_decisions_list(&spec, target, &list));
 *     for (int32_t i = 0; i < list.n; i++) ... list.vectors[i] ...
 */
#ifndef INGOT_COSTMODEL_DECISIONS_H
#define INGOT_COSTMODEL_DECISIONS_H
#include "costmodel/costmodel.h"

#define INGOT_MAX_CANDIDATES 192

typedef struct ingot_decision_list {
    int32_t n;
    int64_t vectors[INGOT_MAX_CANDIDATES][INGOT_SPEC_DECISIONS]; /* [0]: the spec's own */
} ingot_decision_list;
/* Candidates for a spec whose sizes are fixed: every vector within the target's registers and caches, in a fixed order.
 * Specs with dynamic sizes have one, their own. */
ingot_status ingot_decisions_list(const ingot_spec *spec, const ingot_target *target, ingot_decision_list *out);
/* A spec's decisions with zeros replaced by what the emitter takes then. `value` gives dynamic sizes. */
void ingot_decisions_fill(const ingot_spec *spec, const int64_t *sizes, const ingot_target *target, int64_t *out);
#endif
