/* The analytic estimate: a call takes its overhead and the longer of its arithmetic at the utilisation that its family
 * usually reaches and its traffic at the bandwidth of the level that its operands fit in. */
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

static double bandwidth_gbs(const ingot_target *t, double bytes)
{
    if (bytes <= (double)t->l1_bytes)
        return t->l1_gbs;
    if (bytes <= (double)t->l2_bytes)
        return t->l2_gbs;
    return bytes <= (double)t->l3_bytes ? t->l3_gbs : t->dram_gbs;
}

static ingot_cost predict(const ingot_cost_model *self, const ingot_spec *spec, const int64_t *sizes,
                          const ingot_target *t)
{
    (void)self;
    ingot_spec_work work = ingot_spec_count_work(spec, sizes);
    double bytes = work.bytes_in + work.bytes_out + work.bytes_const;
    double peak = t->ghz * t->fma_per_cycle * 2 * t->vector_bytes / 4; /* f32 flops a ns */
    double compute_ns = peak > 0 ? work.flops / peak : 0;
    double gbs = bandwidth_gbs(t, bytes);
    double memory_ns = gbs > 0 ? bytes / gbs : 0;
    double real_ns =
        spec->family == INGOT_FAMILY_winograd ? ingot_winograd_predict_ns(spec, t) : compute_ns / utilisation(spec);
    return (ingot_cost){
        .ns = t->call_ns + (real_ns > memory_ns ? real_ns : memory_ns),
        .bytes_moved = bytes,
        .bound_ns = compute_ns > memory_ns ? compute_ns : memory_ns,
        .uncertainty = 1, /* a factor of two either way is usual */
    };
}

const ingot_cost_model ingot_cost_roofline = {"roofline", predict};
