/* slice_dynamic: ONNX's Slice with starts, ends, axes and steps as operands; the result's sizes follow from them. */
#include "runtime/kernels/kernels.h"

/* Start and count of one axis after ONNX's clamping. */
static void clamp_slice(int64_t size, int64_t step, int64_t *start, int64_t end, int64_t *out_count)
{
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    if (*start < 0)
        *start += size;
    if (end < 0)
        end += size;
    /* A negative step may end before index 0; INT64_MIN and the like say so. */
    *start = *start < 0 ? 0 : *start > high ? high : *start;
    end = end < low ? low : end > size ? size : end;
    if (!size)
        *out_count = 0;
    else if (step > 0)
        *out_count = end > *start ? (int64_t)(((uint64_t)(end - *start) + (uint64_t)step - 1) / (uint64_t)step) : 0;
    else
        *out_count =
            *start > end ? (int64_t)(((uint64_t)(*start - end) + (0 - (uint64_t)step) - 1) / (0 - (uint64_t)step)) : 0;
}

ingot_status ingot_portable_slice_dynamic(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "slice_dynamic", 3, 1));
    const ingot_tensor *x = &call->in[0], *starts = &call->in[1], *ends = &call->in[2];
    ingot_tensor *y = &call->out[0];
    const ingot_tensor *axes = kernel_has_in(call, 3) ? &call->in[3] : NULL,
                       *steps = kernel_has_in(call, 4) ? &call->in[4] : NULL;
    int64_t n = ingot_tensor_count(starts), capacity = ingot_tensor_count(y);
    KERNEL_REQUIRE(x->rank == y->rank && x->dtype == y->dtype && n <= x->rank && ingot_tensor_count(ends) == n &&
                       (!axes || ingot_tensor_count(axes) == n) && (!steps || ingot_tensor_count(steps) == n),
                   "slice_dynamic: starts, ends, axes and steps differ in length, or there are more than axes");
    for (int32_t i = 1; i < call->n_in; i++)
        KERNEL_REQUIRE(!kernel_has_in(call, i) || kernel_is_index(call->in[i].dtype), "slice_dynamic: operand %d is %s",
                       i, ingot_dtype_name(call->in[i].dtype));
    kernel_view to = {0}, from = {0};
    bool seen[INGOT_MAX_RANK] = {false};
    kernel_strides(x->rank, x->dims, from.strides);
    for (int32_t i = 0; i < x->rank; i++)
        y->dims[i] = x->dims[i];
    for (int64_t i = 0; i < n; i++) {
        int32_t axis = (int32_t)i;
        if (axes)
            INGOT_TRY(ingot_kernel_axis("slice_dynamic", ingot_load_i64(axes->data, axes->dtype, i), x->rank, &axis));
        KERNEL_REQUIRE(!seen[axis], "slice_dynamic: axis %d is listed twice", axis);
        seen[axis] = true;
        int64_t start = ingot_load_i64(starts->data, starts->dtype, i),
                end = ingot_load_i64(ends->data, ends->dtype, i);
        int64_t step = steps ? ingot_load_i64(steps->data, steps->dtype, i) : 1;
        KERNEL_REQUIRE(step != 0, "slice_dynamic: the step of axis %d is 0", axis);
        clamp_slice(x->dims[axis], step, &start, end, &y->dims[axis]);
        if (y->dims[axis] <= 1)
            step = 1; /* not used, and must not overflow below */
        from.at += start * from.strides[axis];
        from.strides[axis] *= step;
    }
    int64_t count = ingot_tensor_count(y);
    KERNEL_REQUIRE(count >= 0 && count <= capacity, "slice_dynamic: %lld elements, room for %lld", (long long)count,
                   (long long)capacity);
    kernel_strides(y->rank, y->dims, to.strides);
    ingot_kernel_copy_strided(x->dtype, y->rank, y->dims, y->data, &to, x->data, &from);
    return NULL;
}
