/* Timing kernels so that the numbers can be believed: candidates of one task in turns, thread CPU time, medians, and a
 * reference work between the turns that tells when the machine is busy with something else.
 *
 *     ingot_quiet quiet = {0};
 *     INGOT_TRY(ingot_measure_kernels(specs, n, cold, &options, &quiet, results));
 */
#ifndef INGOT_DRIVER_MEASURE_H
#define INGOT_DRIVER_MEASURE_H
#include "codegen/codegen.h"
#include "costmodel/machine.h"
#include "costmodel/store.h"

/* What a pulse takes when the machine is left alone, by its calibration. (The best pulse seen would not do: clocks of
 * virtual machines jump now and then, and one pulse too short would make every other one look disturbed.) */
typedef struct ingot_quiet {
    ingot_machine_pulse calm;
    double clock;     /* what the arithmetic of the last pulse took over the calm one */
    double waited_s;  /* for the machine to become quiet */
    int64_t given_up; /* tasks that found too few quiet moments: nothing is kept of them */
    int32_t in_a_row; /* of these, the last ones */
    double busy_sum;  /* of the ratios met in them, and how many */
    int64_t busy;
    double allowed; /* 0 or 1: as calibrated; more on a machine that is never that quiet */
} ingot_quiet;
/* The pulse now over the calm one: about 1 on a quiet machine. */
double ingot_quiet_ratio(ingot_quiet *quiet);
#define INGOT_QUIET_BUSY 1.05
/* Whether timings with such a ratio beside them are not kept. */
bool ingot_quiet_is_busy(const ingot_quiet *quiet, double ratio);
/* Waits until the machine is quiet, at most so long; false: it is not. */
bool ingot_quiet_wait(ingot_quiet *quiet, double seconds);

typedef struct ingot_measured {
    int32_t n; /* timings; 0: the kernel could not be generated, or the machine was never quiet */
    double ns[INGOT_TIMINGS], median_ns, spread, reference;
    int32_t code_bytes, spills;
} ingot_measured;
/* Specs of tasks with the same operands (candidates of one task), static sizes. cold: constants are read from memory.
 * Kernels that cannot be generated have n = 0; all have when the machine was too busy (quiet->given_up). When
 * several tasks in a row find none, a machine like that has to do; `reference` tells. */
INGOT_MUST_USE ingot_status ingot_measure_kernels(const ingot_spec *specs, int32_t n, bool cold,
                                                  const ingot_codegen_options *options, ingot_quiet *quiet,
                                                  ingot_measured *out);
#endif
