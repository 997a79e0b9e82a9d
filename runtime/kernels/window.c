/* Windows that move over the spatial axes: their sizes, checked. */
#include "runtime/kernels/kernels.h"

#define MAX_WINDOW ((int64_t)1 << 31)

ingot_status ingot_kernel_window(const char *name, const ingot_tensor *x, const ingot_tensor *y, const int64_t *kernel,
                                 const ingot_ints *strides, const ingot_ints *pads, const ingot_ints *dilations,
                                 kernel_window *out)
{
    KERNEL_REQUIRE(x->rank >= 2 && x->rank == y->rank, "%s: operand of rank %d, result of rank %d", name, x->rank,
                   y->rank);
    int32_t rank = x->rank - 2;
    KERNEL_REQUIRE((!strides->n || strides->n == rank) && (!pads->n || pads->n == 2 * rank) &&
                       (!dilations->n || dilations->n == rank),
                   "%s: %lld strides, %lld pads, %lld dilations for %d spatial axes", name, (long long)strides->n,
                   (long long)pads->n, (long long)dilations->n, rank);
    memset(out, 0, sizeof *out);
    out->rank = rank;
    out->in_count = out->out_count = out->kernel_count = 1;
    for (int32_t i = 0; i < rank; i++) {
        int64_t size = kernel[i], stride = kernel_int(strides, i, 1), dilation = kernel_int(dilations, i, 1);
        int64_t low = kernel_int(pads, i, 0), high = kernel_int(pads, rank + i, 0);
        KERNEL_REQUIRE(size >= 1 && size <= MAX_WINDOW && stride >= 1 && stride <= MAX_WINDOW && dilation >= 1 &&
                           dilation <= MAX_WINDOW && low >= -MAX_WINDOW && low <= MAX_WINDOW && high >= -MAX_WINDOW &&
                           high <= MAX_WINDOW && x->dims[2 + i] <= MAX_WINDOW && y->dims[2 + i] <= MAX_WINDOW &&
                           !__builtin_mul_overflow(out->kernel_count, size, &out->kernel_count),
                       "%s: axis %d has kernel %lld, stride %lld, dilation %lld, pads %lld and %lld", name, i,
                       (long long)size, (long long)stride, (long long)dilation, (long long)low, (long long)high);
        out->kernel[i] = size, out->strides[i] = stride, out->dilations[i] = dilation, out->low[i] = low,
        out->high[i] = high;
        out->in[i] = x->dims[2 + i], out->out[i] = y->dims[2 + i];
        out->in_count *= out->in[i];
        out->out_count *= out->out[i];
    }
    kernel_strides(rank, out->in, out->in_strides);
    return NULL;
}
