/* What this machine reaches, measured in a moment: the bounds that profiles are shares of.
 *
 *     ingot_machine m;
 *     INGOT_TRY(ingot_machine_measure(threads, ingot_target, &m));      // about 0.3 s
 *     bound_ns = ingot_machine_bound_ns(&m, flops, bytes);
 */
#ifndef INGOT_COSTMODEL_MACHINE_H
#define INGOT_COSTMODEL_MACHINE_H
#include "costmodel/costmodel.h"

/* What is measured, all threads together; 0 where the machine lacks it or nothing measured it. */
typedef struct ingot_machine {
    int32_t threads;
    double gflops;                           /* f32 multiply-adds in the widest vectors; 2 flops each */
    double l1_gbs, l2_gbs, l3_gbs, dram_gbs; /* reading */
    int64_t l1_bytes, l2_bytes, l3_bytes;    /* as the target says: of one core, one core, all */
    /* calibrate.c, one thread */
    double gflops_128, gflops_256, gflops_512; /* f32 by width of vectors */
    double int8_gops, bf16_gflops;             /* products of bytes (as they sum up to i32), of bf16 */
    double l1_ns, l2_ns, l3_ns, dram_ns;       /* of a load that depends on the last */
    double call_ns;                            /* of a kernel through a pointer */
    double wake_ns;                            /* until two threads have begun and ended */
} ingot_machine;
ingot_status ingot_machine_measure(int32_t threads, const ingot_target *target, ingot_machine *out);
/* The longer of the arithmetic at peak and the bytes at the bandwidth of the level that they fit in. */
double ingot_machine_bound_ns(const ingot_machine *m, double flops, double bytes);

/* ---- calibrate.c: all of it, in about ten seconds; `progress` may be null ---- */
INGOT_MUST_USE ingot_status ingot_machine_calibrate(const ingot_target *target,
                                                    void (*progress)(void *arg, const char *what), void *arg,
                                                    ingot_machine *out);
/* "gflops=96.1 l1_gbs=..." and back; what is missing or unknown is 0 or ignored. */
#define INGOT_MACHINE_TEXT 1024
void ingot_machine_print(const ingot_machine *m, char out[INGOT_MACHINE_TEXT]);
void ingot_machine_parse(const char *text, ingot_machine *out);
/* The row with this machine's numbers instead of its own. */
void ingot_machine_apply(const ingot_machine *m, ingot_target *row);
/* Arithmetic and reads of always the same amount, about 0.2 ms together: longer than at best, the machine is busy. */
typedef struct ingot_machine_pulse {
    double compute_ns, memory_ns; /* thread CPU time */
} ingot_machine_pulse;
ingot_machine_pulse ingot_machine_feel_pulse(void);
/* What it takes at the rates that were measured. */
ingot_machine_pulse ingot_machine_expect_pulse(const ingot_machine *m);
double ingot_thread_ns(void); /* CPU time of this thread */

/* Private to machine.c and calibrate.c. */
typedef double ingot_machine_flops_fn(int64_t repeats, float *sink);            /* flops done */
typedef void ingot_machine_read_fn(const char *data, size_t size, float *sink); /* size: a multiple of 1024 */
/* Vector width 16, 32, 64 bytes, 0: the widest; null where the machine lacks it. */
ingot_machine_flops_fn *ingot_machine_flops(int width);
ingot_machine_read_fn *ingot_machine_read(void);
#endif
