/* Private to `ingot bench`.
 *
 *   cmd_bench.c      options, plain timing
 *   bench_serve.c    the worker of bench/peers/peers.py
 *   bench_profile.c  time per step, trace
 *   bench_kernel.c   one KernelSpec on random data
 */
#ifndef INGOT_CLI_BENCH_H
#define INGOT_CLI_BENCH_H
#include "cli/cli.h"
#include "costmodel/machine.h"

typedef struct bench_options {
    cli_options common;
    const char *model, *inputs_dir, *trace, *kernel, *kernel_suite, *sizes;
    cli_value inputs[64];
    int32_t n_inputs;
    double time_s;
    bool json, profile, serve;
    uint64_t seed;
    ingot_arena arena;
    ingot_heap boxes;
} bench_options;

/* Threads of runs. */
int32_t bench_threads(const bench_options *o);
ingot_status bench_serve(bench_options *o);
ingot_status bench_profile(bench_options *o, cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs);
ingot_status bench_kernels(bench_options *o);
/* Runs back to back for `seconds`, at least `least` times; milliseconds each, in `arena`. */
ingot_status bench_time(cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs, double seconds, int32_t least,
                        ingot_arena *arena, double **out_ms, int32_t *out_n);
#endif
