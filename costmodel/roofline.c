/* The analytic estimate: a call takes its overhead and the longer of its arithmetic at the utilisation that its family
 * usually reaches and its traffic at the bandwidth of the level that its operands fit in. */
#include "costmodel/features.h"
#include "costmodel/winograd.h"

/* Share of the multiply-add peak that generated kernels of a family reach; families that stream count a scalar flop as
 * a vector lane. */
static double utilisation(const ingot_spec *spec)
{
    switch (spec->family) {
    case INGOT_FAMILY_contract:
        return 0.8;
    case INGOT_FAMILY_conv:
        return 0.75;
    case INGOT_FAMILY_attention:
        return 0.6;
    case INGOT_FAMILY_depthwise:
        return 0.4;
    case INGOT_FAMILY_lstm:
    case INGOT_FAMILY_gru:
        return 0.35;
    case INGOT_FAMILY_window:
    case INGOT_FAMILY_map:
        return 0.25;
    case INGOT_FAMILY_reduce:
        return 0.2;
    default:
        return 0.1;
    }
}

static ingot_cost predict(const ingot_cost_model *self, const ingot_cost_query *q)
{
    (void)self;
    ingot_roofline r = ingot_roofline_of(q);
    double real_ns = q->spec->family == INGOT_FAMILY_winograd ? ingot_winograd_predict_ns(q->spec, q->sizes, q->target)
                                                              : r.compute_ns / utilisation(q->spec);
    return (ingot_cost){
        .ns = q->target->call_ns + (real_ns > r.memory_ns ? real_ns : r.memory_ns),
        .bytes_moved = r.bytes,
        .bound_ns = r.compute_ns > r.memory_ns ? r.compute_ns : r.memory_ns,
        .uncertainty = 1, /* a factor of two either way is usual */
    };
}

const ingot_cost_model ingot_cost_roofline = {.name = "roofline", .predict = predict};
