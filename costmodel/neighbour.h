/* Tasks near a given one: what data is drawn from besides the kernels of real models. */
#ifndef INGOT_COSTMODEL_NEIGHBOUR_H
#define INGOT_COSTMODEL_NEIGHBOUR_H
#include "kernel/kernel.h"

/* A spec with some sizes of `spec` (all static) scaled by up to 4 either way, and strides that fit again as they did.
 * Decisions are left to the emitter. `seed` moves on; equal seeds give equal specs. max_flops, max_bytes: sizes are
 * halved until the work is within them. */
void ingot_spec_neighbour(const ingot_spec *spec, uint64_t *seed, double max_flops, double max_bytes, ingot_spec *out);
/* A spec with every dynamic size replaced by its value. */
void ingot_spec_pin(const ingot_spec *spec, const int64_t *sizes, ingot_spec *out);
/* Pseudo-random, from 0 to n - 1. */
int64_t ingot_random_below(uint64_t *seed, int64_t n);
#endif
