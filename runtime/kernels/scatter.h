/* Shared by scatter_elements and scatter_nd. */
#ifndef INGOT_RUNTIME_SCATTER_H
#define INGOT_RUNTIME_SCATTER_H
#include "runtime/kernels/kernels.h"

/* Checks types and sizes of x, indices, updates and y, and copies x to y. */
ingot_status ingot_kernel_scatter_start(const ingot_call *call, const char *name);
/* y[j + l] = reduction(y[j + l], updates[i + l]) for l < count. */
void ingot_kernel_scatter(int64_t reduction, ingot_dtype dtype, void *y, int64_t j, const void *updates, int64_t i,
                          int64_t count);
#endif
