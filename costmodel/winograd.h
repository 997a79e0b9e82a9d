/* Winograd kernels: how their work is cut, and what it costs. */
#ifndef INGOT_COSTMODEL_WINOGRAD_H
#define INGOT_COSTMODEL_WINOGRAD_H
#include "costmodel/costmodel.h"
#include "kernel/winograd.h"

/* Sets the decisions of a spec (family winograd): for its sizes, or, where they are open, for any. tiles, chunk: given,
 * or 0. */
void ingot_winograd_decide(ingot_spec *spec, const ingot_target *target, int64_t given_tiles, int64_t given_chunk);
/* Time of one call on one thread, without its overhead; 0 when the spec has no layout. */
double ingot_winograd_predict_ns(const ingot_spec *spec, const int64_t *sizes, const ingot_target *target);
/* Multiply-adds of a lane at once: 1 for floats. */
double ingot_winograd_products_a_lane(const ingot_spec *spec, const ingot_target *target);
/* The direct convolution (family conv) of the same problem as a Winograd spec, and back for tiles of m = 2 or 4 results
 * with decisions set: false where there is none (other strides, filters, layouts, groups). Whether integers may take
 * that way depends on their filters, too: kernel/winograd_exact.h. */
bool ingot_winograd_to_conv(const ingot_spec *winograd, ingot_spec *out);
bool ingot_winograd_from_conv(const ingot_spec *conv, int64_t m, const ingot_target *target, ingot_spec *out);
/* Text of the problem that a spec solves: the task of the direct convolution for Winograd kernels, else its own. */
ingot_status ingot_spec_problem(const ingot_spec *spec, ingot_text *out);
#endif
