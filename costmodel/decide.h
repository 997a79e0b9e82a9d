/* Decisions: every candidate is asked for its cost, the least is taken, and what was said is kept for `explain`.
 *
 *     ingot_choice choice;
 *     INGOT_TRY(ingot_decide(model, &query, &spec, &choice));      // sets spec.decisions
 */
#ifndef INGOT_COSTMODEL_DECIDE_H
#define INGOT_COSTMODEL_DECIDE_H
#include "costmodel/costmodel.h"

/* A candidate has to be predicted this much faster than what the emitter does by itself: a model is not exact, and the
 * emitters' rules are good ones. */
#define INGOT_DECIDE_MARGIN 0.03

typedef struct ingot_choice {
    int32_t candidates;         /* 1: there was nothing to decide */
    bool measured;              /* by --tune, not predicted */
    bool remembered;            /* by an earlier --tune, whose times are not kept */
    double own_ns, ns, next_ns; /* the emitter's own decisions, the chosen ones, the best of the others */
    int64_t next[INGOT_SPEC_DECISIONS];
} ingot_choice;

/* Sets the decisions of query->spec in *io_spec (which may be the same). The emitter's own stay where the model does
 * not know the target (ingot_cost_model.knows), sizes are dynamic, or nothing is predicted to be faster. */
INGOT_MUST_USE ingot_status ingot_decide(const ingot_cost_model *model, const ingot_cost_query *query,
                                         ingot_spec *io_spec, ingot_choice *out);
/* Whether a spec with these decisions still has work for several threads. */
bool ingot_decisions_are_parallel(const ingot_spec *spec, const int64_t *decisions);
#endif
