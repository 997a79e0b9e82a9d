/* reverse_sequence: the first lens[b] steps of every sequence backwards. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_reverse_sequence(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "reverse_sequence", 2, 1));
    const ingot_tensor *x = &call->in[0], *lens = &call->in[1], *y = &call->out[0];
    const ingot_ints *axes = &((const ingot_attrs_axes *)call->attrs)->axes;
    int32_t batch = 0, time = 0;
    KERNEL_REQUIRE(axes->n == 2 && kernel_same_dims(x, y) && x->dtype == y->dtype,
                   "reverse_sequence: operand and result differ");
    INGOT_TRY(ingot_kernel_axis("reverse_sequence", axes->v[0], x->rank, &batch));
    INGOT_TRY(ingot_kernel_axis("reverse_sequence", axes->v[1], x->rank, &time));
    KERNEL_REQUIRE(batch != time && kernel_is_index(lens->dtype) && ingot_tensor_count(lens) == x->dims[batch],
                   "reverse_sequence: needs %lld lengths and two axes", (long long)x->dims[batch]);
    kernel_view to = {0}, from = {0};
    int64_t dims[INGOT_MAX_RANK];
    kernel_strides(x->rank, x->dims, to.strides);
    for (int64_t b = 0; b < x->dims[batch]; b++) {
        int64_t length = ingot_load_i64(lens->data, lens->dtype, b);
        KERNEL_REQUIRE(length >= 0 && length <= x->dims[time],
                       "reverse_sequence: length %lld of sequence %lld is outside [0, %lld]", (long long)length,
                       (long long)b, (long long)x->dims[time]);
        for (int part = 0; part < 2; part++) { /* the reversed steps, then the rest as they are */
            memcpy(dims, x->dims, sizeof dims);
            dims[batch] = 1;
            dims[time] = part ? x->dims[time] - length : length;
            from = to;
            to.at = b * to.strides[batch] + (part ? length * to.strides[time] : 0);
            from.at = b * to.strides[batch] + (part ? length : length - 1) * to.strides[time];
            if (!part)
                from.strides[time] = -from.strides[time];
            ingot_kernel_copy_strided(x->dtype, x->rank, dims, y->data, &to, x->data, &from);
        }
    }
    return NULL;
}
