/* The choice among candidates. */
#include "costmodel/decide.h"
#include "costmodel/decisions.h"
#include "costmodel/neighbour.h"
#include <string.h>

#define WANTED_UNITS 8
#define SERIAL_FLOPS 1e6 /* below it, a kernel runs on one thread anyway */

static int64_t pieces(int64_t total, int64_t piece)
{
    return piece > 0 && total > 0 ? (total + piece - 1) / piece : 1;
}

bool ingot_decisions_are_parallel(const ingot_spec *spec, const int64_t *decisions)
{
    const ingot_size *d = spec->dims;
    if (ingot_spec_count_work(spec, NULL).flops < SERIAL_FLOPS)
        return true;
    int64_t tile = decisions[0] > 0 ? decisions[0] : 6, units = WANTED_UNITS;
    switch (spec->family) {
    case INGOT_FAMILY_contract:
        if (decisions[3] > 0 || decisions[4] > 0)
            units = d[0] * d[1] * pieces(d[3], decisions[3] > 0 ? decisions[3] : 512) *
                    pieces(d[2], tile * (decisions[4] > 0 ? decisions[4] : 8));
        break;
    case INGOT_FAMILY_conv:
        if (decisions[2] > 0)
            units = d[0] * d[1] * pieces(d[3] * d[4], tile * decisions[2]);
        break;
    case INGOT_FAMILY_depthwise:
        if (decisions[1] > 0)
            units = d[0] * d[1] * pieces(d[2], decisions[1]);
        break;
    case INGOT_FAMILY_winograd:
        units = pieces(d[0] * d[2] * d[3], decisions[0] * spec->params[0] * spec->params[1] * decisions[3]) *
                pieces(d[1], decisions[2]);
        return units >= 2;
    default:
        break;
    }
    return units >= WANTED_UNITS;
}

/* Whether decisions for one value of the dynamic sizes are good for all: only the number of images, heads or rows that
 * are worked on independently varies. */
static bool varies_outside_only(const ingot_spec *spec)
{
    bool outer = spec->family == INGOT_FAMILY_conv || spec->family == INGOT_FAMILY_depthwise ||
                 spec->family == INGOT_FAMILY_attention || (spec->family == INGOT_FAMILY_map && spec->n_dims > 1);
    for (int32_t d = 0; d < spec->n_dims; d++)
        if (ingot_size_is_dynamic(spec->dims[d]) && !(outer && d == 0))
            return false;
    for (int32_t p = 0; p < INGOT_SPEC_PARAMS; p++)
        if (ingot_size_is_dynamic(spec->params[p]))
            return false;
    return true;
}

ingot_status ingot_decide(const ingot_cost_model *model, const ingot_cost_query *query, ingot_spec *io_spec,
                          ingot_choice *out)
{
    ingot_decision_list list;
    ingot_spec spec = *query->spec;
    ingot_cost_query q = *query;
    *io_spec = spec;
    if (varies_outside_only(&spec) && query->sizes)
        ingot_spec_pin(io_spec, query->sizes, &spec);
    q.spec = &spec;
    *out = (ingot_choice){.candidates = 1};
    out->own_ns = out->ns = ingot_cost_predict(model, &q).ns;
    if (!model->knows || !model->knows(model, query->target))
        return NULL;
    INGOT_TRY(ingot_decisions_list(&spec, query->target, &list));
    int32_t best = 0;
    for (int32_t i = 1; i < list.n; i++) {
        if (!ingot_decisions_are_parallel(&spec, list.vectors[i]))
            continue;
        memcpy(spec.decisions, list.vectors[i], sizeof spec.decisions);
        double ns = ingot_cost_predict(model, &q).ns;
        out->candidates++;
        bool better = ns < (best == 0 ? out->own_ns * (1 - INGOT_DECIDE_MARGIN) : out->ns);
        double other = better ? out->ns : ns;
        if (out->next_ns == 0 || other < out->next_ns) {
            out->next_ns = other;
            memcpy(out->next, list.vectors[better ? best : i], sizeof out->next);
        }
        if (better) {
            best = i;
            out->ns = ns;
        }
    }
    memcpy(io_spec->decisions, list.vectors[best], sizeof io_spec->decisions);
    return NULL;
}
