/* Private to `ingot bench`.
 *
 *   cmd_bench.c      options, plain timing
 *   bench_serve.c    the worker of bench/peers/peers.py
 *   bench_profile.c  time per step, trace
 *   bench_kernel.c   one KernelSpec on random data
 *   bench_suite.c    a file of them, and a summary
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
typedef struct bench_kernel_result {
    int32_t group;
    double of_bound; /* the median time's share */
} bench_kernel_result;
/* Prints what a spec reaches. --cpu: made for that target instead of the line's, with the decisions of its emitter. */
ingot_status bench_kernel(const bench_options *o, const char *line, const ingot_machine *machine,
                          bench_kernel_result *out);
/* Number of the group of kernels that a summary counts the spec in. */
int32_t bench_kernel_group(const ingot_spec *spec, const int64_t *sizes);
ingot_status bench_suite(bench_options *o, const ingot_machine *machine);
/* Runs back to back for `seconds`, at least `least` times; milliseconds each, in `arena`. */
ingot_status bench_time(cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs, double seconds, int32_t least,
                        ingot_arena *arena, double **out_ms, int32_t *out_n);
#endif
