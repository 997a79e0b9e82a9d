/* pad: constant, reflect, edge and wrap; negative pads cut elements off first. */
#include "runtime/kernels/kernels.h"

typedef struct {
    int64_t low;          /* pad, negative: cut */
    int64_t start, count; /* what the cuts leave */
} padded_axis;

/* Index of x that result index `o` shows; -1: the constant. */
static int64_t source_index(const padded_axis *a, int64_t mode, int64_t o)
{
    int64_t i = o - a->low - a->start, n = a->count;
    if (i >= 0 && i < n)
        return a->start + i;
    switch (mode) {
    case INGOT_PAD_EDGE:
        return a->start + (i < 0 ? 0 : n - 1);
    case INGOT_PAD_REFLECT: {
        int64_t period = 2 * (n - 1);
        if (!period)
            return a->start;
        i %= period;
        if (i < 0)
            i += period;
        return a->start + (i < n ? i : period - i);
    }
    case INGOT_PAD_WRAP:
        i %= n;
        return a->start + (i < 0 ? i + n : i);
    default:
        return -1;
    }
}

ingot_status ingot_portable_pad(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "pad", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_pad *attrs = call->attrs;
    KERNEL_REQUIRE(x->rank == y->rank && x->dtype == y->dtype && call->n_sym == 2 * x->rank, "pad: %d pads for rank %d",
                   call->n_sym, x->rank);
    const uint64_t zero[2] = {0, 0};
    const void *value = zero;
    if (kernel_has_in(call, 1)) {
        KERNEL_REQUIRE(call->in[1].dtype == x->dtype && ingot_tensor_count(&call->in[1]) >= 1,
                       "pad: the value is %s, the data %s", ingot_dtype_name(call->in[1].dtype),
                       ingot_dtype_name(x->dtype));
        value = call->in[1].data;
    }
    padded_axis axes[INGOT_MAX_RANK];
    int32_t rank = x->rank, last = rank - 1;
    for (int32_t d = 0; d < rank; d++) {
        int64_t low = call->sym[d], high = call->sym[rank + d], sum = 0, start = low < 0 ? -low : 0;
        KERNEL_REQUIRE(low > INT64_MIN / 4 && high > INT64_MIN / 4 && !__builtin_add_overflow(low, high, &sum) &&
                           !__builtin_add_overflow(sum, x->dims[d], &sum) && sum == y->dims[d],
                       "pad: size %lld with pads %lld and %lld does not give %lld", (long long)x->dims[d],
                       (long long)low, (long long)high, (long long)y->dims[d]);
        int64_t count = x->dims[d] - start - (high < 0 ? -high : 0);
        axes[d] = (padded_axis){low, start, count < 0 ? 0 : count};
        KERNEL_REQUIRE(count > 0 || !y->dims[d] || attrs->mode == INGOT_PAD_CONSTANT,
                       "pad: axis %d has nothing to repeat", d);
    }
    if (!ingot_tensor_count(y))
        return NULL;
    if (!rank) {
        ingot_copy_element(y->data, 0, x->data, 0, x->dtype);
        return NULL;
    }
    int64_t index[INGOT_MAX_RANK] = {0}, strides[INGOT_MAX_RANK], row = y->dims[last], at = 0;
    kernel_strides(rank, x->dims, strides);
    const padded_axis *a = &axes[last];
    int64_t first = a->low + a->start; /* of the copied part in a row */
    do {
        int64_t from = 0;
        bool constant = a->count == 0;
        for (int32_t d = 0; d < last && !constant; d++) {
            int64_t i = source_index(&axes[d], attrs->mode, index[d]);
            constant = i < 0;
            from += i * strides[d];
        }
        if (constant) {
            ingot_kernel_fill(y->data, at, value, 0, row, y->dtype);
        } else {
            for (int64_t o = 0; o < row; o++) {
                int64_t i;
                if (o == first) {
                    ingot_kernel_copy_run(y->data, at + o, x->data, from + a->start, a->count, y->dtype);
                    o += a->count - 1;
                    continue;
                }
                i = source_index(a, attrs->mode, o);
                if (i < 0)
                    ingot_copy_element(y->data, at + o, value, 0, y->dtype);
                else
                    ingot_copy_element(y->data, at + o, x->data, from + i, y->dtype);
            }
        }
        at += row;
    } while (kernel_next(last, y->dims, index));
    return NULL;
}
