/* What this machine reaches, measured in a moment: the bounds that profiles are shares of.
 *
 *     ingot_machine m;
 *     INGOT_TRY(ingot_machine_measure(threads, ingot_target, &m));      // about 0.3 s
 *     bound_ns = ingot_machine_bound_ns(&m, flops, bytes);
 */
#ifndef INGOT_COSTMODEL_MACHINE_H
#define INGOT_COSTMODEL_MACHINE_H
#include "costmodel/costmodel.h"

typedef struct ingot_machine {
    int32_t threads;
    double gflops;                           /* f32 multiply-adds, all threads together; 2 flops each */
    double l1_gbs, l2_gbs, l3_gbs, dram_gbs; /* reading, all threads together */
    int64_t l1_bytes, l2_bytes, l3_bytes;    /* as the target says: of one core, one core, all */
} ingot_machine;
ingot_status ingot_machine_measure(int32_t threads, const ingot_target *target, ingot_machine *out);
/* The longer of the arithmetic at peak and the bytes at the bandwidth of the level that they fit in. */
double ingot_machine_bound_ns(const ingot_machine *m, double flops, double bytes);
#endif
