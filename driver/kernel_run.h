/* One KernelSpec in memory: generated, with operands of random numbers, ready to be called and timed.
 *
 *     ingot_kernel_code *code;
 *     ingot_kernel_run run;
 *     INGOT_TRY(ingot_kernel_code_create(&spec, 1, &codegen_options, &code));
 *     INGOT_TRY(ingot_kernel_run_open(&spec, sizes, ingot_kernel_code_get(code, 0), 1, &run));
 *     ingot_kernel_run_call(&run, 0, run.units);
 *     ingot_kernel_run_close(&run);
 *     ingot_kernel_code_destroy(code);
 */
#ifndef INGOT_DRIVER_KERNEL_RUN_H
#define INGOT_DRIVER_KERNEL_RUN_H
#include "codegen/codegen.h"
#include "runtime/plan.h"

#define INGOT_RUN_COPIES 2048

/* Code of several specs, in this process. */
typedef struct ingot_kernel_code ingot_kernel_code;
/* Kernels that could not be generated have no function; `failures` (may be null: then they are an error) gets one
 * status each, owned by the caller. */
ingot_status ingot_kernel_code_create(const ingot_spec *specs, int32_t n, const ingot_codegen_options *options,
                                      ingot_status *failures, ingot_kernel_code **out);
ingot_kernel_fn *ingot_kernel_code_get(const ingot_kernel_code *code, int32_t i);
const ingot_object *ingot_kernel_code_object(const ingot_kernel_code *code, int32_t i);
void ingot_kernel_code_destroy(ingot_kernel_code *code);

typedef struct ingot_kernel_run {
    const ingot_spec *spec;
    const int64_t *sizes; /* values of dynamic sizes */
    ingot_kernel_fn *run;
    int64_t units;
    /* Constant operands may lie in memory several times, so that calls that take turns find them in no cache. */
    int32_t n_copies, turn;
    void *(*buffers)[INGOT_SPEC_OPERANDS]; /* [n_copies] */
    void *maps[INGOT_SPEC_OPERANDS];
    size_t map_bytes[INGOT_SPEC_OPERANDS];
    double constant_bytes;
} ingot_kernel_run;
/* `spec` and `sizes` (INGOT_SPEC_SIZES of them) are borrowed. cold_bytes: constant operands are copied until they take
 * as much together (at most INGOT_RUN_COPIES times); 0: once. */
ingot_status ingot_kernel_run_open(const ingot_spec *spec, const int64_t *sizes, ingot_kernel_fn *run,
                                   int64_t cold_bytes, ingot_kernel_run *out);
void ingot_kernel_run_close(ingot_kernel_run *run);
/* Units [begin, end) on the constants of this turn. */
static inline void ingot_kernel_run_call(const ingot_kernel_run *run, int64_t begin, int64_t end)
{
    run->run(run->buffers[run->turn], run->sizes, begin, end);
}
static inline void ingot_kernel_run_next(ingot_kernel_run *run)
{
    run->turn = run->turn + 1 < run->n_copies ? run->turn + 1 : 0;
}
#endif
