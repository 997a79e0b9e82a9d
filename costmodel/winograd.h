/* Winograd kernels: how their work is cut, and what it costs. */
#ifndef INGOT_COSTMODEL_WINOGRAD_H
#define INGOT_COSTMODEL_WINOGRAD_H
#include "costmodel/costmodel.h"
#include "kernel/winograd.h"

/* Sets the decisions of a spec (family winograd) with static dims. */
void ingot_winograd_decide(ingot_spec *spec, const ingot_target *target);
/* Time of one call on one thread, without its overhead; 0 when the spec has no layout. */
double ingot_winograd_predict_ns(const ingot_spec *spec, const ingot_target *target);
#endif
