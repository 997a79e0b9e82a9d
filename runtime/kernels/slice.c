/* slice: sym holds the starts, then the counts of the listed axes; steps may be negative. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_slice(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "slice", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_slice *attrs = call->attrs;
    bool listed[INGOT_MAX_RANK];
    INGOT_TRY(ingot_kernel_axes("slice", &attrs->axes, x->rank, listed));
    int64_t n = attrs->axes.n;
    KERNEL_REQUIRE(
        x->rank == y->rank && x->dtype == y->dtype && call->n_sym == 2 * n && (!attrs->steps.n || attrs->steps.n == n),
        "slice: %lld axes, %lld steps, %d starts and counts", (long long)n, (long long)attrs->steps.n, call->n_sym);
    kernel_view to = {0}, from = {0};
    kernel_strides(x->rank, x->dims, from.strides);
    kernel_strides(y->rank, y->dims, to.strides);
    for (int32_t i = 0; i < x->rank; i++)
        KERNEL_REQUIRE(listed[i] || x->dims[i] == y->dims[i], "slice: axis %d has size %lld, not %lld", i,
                       (long long)y->dims[i], (long long)x->dims[i]);
    if (!ingot_tensor_count(y))
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        int32_t axis = 0;
        INGOT_TRY(ingot_kernel_axis("slice", attrs->axes.v[i], x->rank, &axis));
        int64_t start = call->sym[i], count = call->sym[n + i], step = kernel_int(&attrs->steps, (int32_t)i, 1),
                size = x->dims[axis];
        int64_t span = 0, end = 0;
        KERNEL_REQUIRE(count == y->dims[axis] && !__builtin_mul_overflow(count - 1, step, &span) &&
                           !__builtin_add_overflow(start, span, &end) && start >= 0 && start < size && end >= 0 &&
                           end < size,
                       "slice: axis %d of size %lld, start %lld, count %lld, step %lld", axis, (long long)size,
                       (long long)start, (long long)count, (long long)step);
        from.at += start * from.strides[axis];
        from.strides[axis] *= step;
    }
    ingot_kernel_copy_strided(x->dtype, y->rank, y->dims, y->data, &to, x->data, &from);
    return NULL;
}
