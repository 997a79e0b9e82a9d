/* Shared by the pools: the taps of a window that lie inside x. */
#ifndef INGOT_RUNTIME_POOL_H
#define INGOT_RUNTIME_POOL_H
#include "runtime/kernels/kernels.h"

/* Range of taps per axis, and their count with and without the padding. */
typedef struct kernel_taps {
    int64_t start[INGOT_MAX_RANK];                        /* position of tap 0, may be negative */
    int64_t first[INGOT_MAX_RANK], count[INGOT_MAX_RANK]; /* taps inside x */
    int64_t inside, padded;                               /* taps inside x; inside x and its pads */
} kernel_taps;

static inline void kernel_find_taps(const kernel_window *w, const int64_t *position, kernel_taps *out)
{
    out->inside = out->padded = 1;
    for (int32_t d = 0; d < w->rank; d++) {
        int64_t start = position[d] * w->strides[d] - w->low[d], dilation = w->dilations[d];
        int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
        int64_t end = w->in[d] - start > 0 ? (w->in[d] - start + dilation - 1) / dilation : 0;
        int64_t room = w->in[d] + w->high[d] - start, padded = room > 0 ? (room + dilation - 1) / dilation : 0;
        end = end > w->kernel[d] ? w->kernel[d] : end;
        out->start[d] = start;
        out->first[d] = first;
        out->count[d] = end > first ? end - first : 0;
        out->inside *= out->count[d];
        out->padded *= padded > w->kernel[d] ? w->kernel[d] : padded;
    }
}

/* Offset in a channel of x of the tap `index` counted from the first one inside. */
static inline int64_t kernel_tap_at(const kernel_window *w, const kernel_taps *t, const int64_t *index)
{
    int64_t offset = 0;
    for (int32_t d = 0; d < w->rank; d++)
        offset += (t->start[d] + (t->first[d] + index[d]) * w->dilations[d]) * w->in_strides[d];
    return offset;
}

/* Window of a pool from its lists; x and y [N, C, ...] of one type. */
static inline ingot_status kernel_pool_window(const ingot_call *call, const char *name, const ingot_ints *kernel,
                                              const ingot_ints *strides, const ingot_ints *pads,
                                              const ingot_ints *dilations, kernel_window *out)
{
    INGOT_TRY(ingot_kernel_check(call, name, 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(x->rank >= 2 && y->rank == x->rank && kernel->n == x->rank - 2 && x->dims[0] == y->dims[0] &&
                       x->dims[1] == y->dims[1] && x->dtype == y->dtype,
                   "%s: a kernel of %lld sizes, operand of rank %d, result of rank %d", name, (long long)kernel->n,
                   x->rank, y->rank);
    return ingot_kernel_window(name, x, y, kernel->v, strides, pads, dilations, out);
}
#endif
