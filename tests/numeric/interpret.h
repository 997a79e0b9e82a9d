/* Runs a module op by op with the portable kernels: what passes must not change.
 *
 * Epilogues run as a map after their op, layouts have no effect. Symbols of the inputs' shapes take their low end, at
 * least `symbol_lo`. Control flow: `if` only.
 *
 *     ingot_arena a = {0};
 *     ingot_tensor *outputs;
 *     INGOT_TRY(interpret_module(m, 7, 2, &a, &outputs));    // outputs[i]: graph result i
 */
#ifndef INGOT_TESTS_INTERPRET_H
#define INGOT_TESTS_INTERPRET_H
#include "ir/ir.h"

/* Inputs are made from `seed`: floats in [-1, 1), integers and bools 0 or 1. Everything lies in `arena`. */
ingot_status interpret_module(ingot_module *m, uint64_t seed, int64_t symbol_lo, ingot_arena *arena,
                              ingot_tensor **out_results);
/* As above with given inputs (one per graph input). */
ingot_status interpret_with(ingot_module *m, const ingot_tensor *inputs, ingot_arena *arena,
                            ingot_tensor **out_results);
/* Largest |a - b| as a multiple of `tolerance` times the largest |b|; infinite where shapes, NaNs or infinities differ.
 */
double interpret_difference(const ingot_tensor *a, const ingot_tensor *b, double tolerance);
#endif
