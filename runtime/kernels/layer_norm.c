/* layer_norm: mean 0 and variance 1 over the axes from `axis` on, then scale and bias; also gives mean and 1 /
 * deviation. */
#include "runtime/kernels/kernels.h"

/* Element of an operand that broadcasts to x, at element `at` of x. */
static double broadcast_element(const ingot_tensor *t, const ingot_tensor *x, const int64_t *strides, int64_t at)
{
    int64_t offset = 0;
    for (int32_t d = x->rank - 1; d >= 0; d--) {
        offset += at % x->dims[d] * strides[d];
        at /= x->dims[d];
    }
    return ingot_load_f64(t->data, t->dtype, offset);
}

/* True when the operand has an element for each one of a row, the same for all rows. */
static bool is_row(const ingot_tensor *t, const ingot_tensor *x, int32_t axis, int64_t size)
{
    if (ingot_tensor_count(t) != size)
        return false;
    for (int32_t d = 0; d < t->rank && d < x->rank - axis; d++) {
        if (t->dims[t->rank - 1 - d] != x->dims[x->rank - 1 - d])
            return false;
    }
    return true;
}

ingot_status ingot_portable_layer_norm(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "layer_norm", 2, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0],
                       *params[2] = {&call->in[1], kernel_has_in(call, 2) ? &call->in[2] : NULL};
    const ingot_attrs_norm *attrs = call->attrs;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("layer_norm", attrs->axis, x->rank, &axis));
    KERNEL_REQUIRE(kernel_same_dims(x, y) && ingot_dtype_is_float(x->dtype) && ingot_dtype_is_float(y->dtype),
                   "layer_norm: %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(y->dtype));
    int64_t rows = kernel_product(x->dims, 0, axis), size = kernel_product(x->dims, axis, x->rank),
            strides[2][INGOT_MAX_RANK];
    bool whole[2] = {false, false};
    for (int i = 0; i < 2 && params[i]; i++) {
        INGOT_TRY(ingot_kernel_broadcast("layer_norm", params[i], x->rank, x->dims, strides[i]));
        whole[i] = is_row(params[i], x, axis, size);
    }
    for (int32_t i = 1; i < 3; i++)
        KERNEL_REQUIRE(!kernel_has_out(call, i) || ingot_tensor_count(&call->out[i]) == rows,
                       "layer_norm: result %d has not %lld elements", i, (long long)rows);
    double v[KERNEL_BLOCK], p[2][KERNEL_BLOCK];
    for (int64_t row = 0; row < rows; row++) {
        double mean = 0, variance = 0, scale = 0;
        for (int pass = 0; pass < 3; pass++) { /* mean, variance, results */
            for (int64_t l = 0; l < size; l += KERNEL_BLOCK) {
                int64_t n = size - l < KERNEL_BLOCK ? size - l : KERNEL_BLOCK;
                ingot_kernel_load_f64(v, x->data, x->dtype, row * size + l, 1, n);
                for (int64_t j = 0; j < n && pass == 0; j++)
                    mean += v[j];
                for (int64_t j = 0; j < n && pass == 1; j++)
                    variance += (v[j] - mean) * (v[j] - mean);
                if (pass < 2)
                    continue;
                for (int i = 0; i < 2 && params[i]; i++) {
                    if (whole[i])
                        ingot_kernel_load_f64(p[i], params[i]->data, params[i]->dtype, l, 1, n);
                    for (int64_t j = 0; j < n && !whole[i]; j++)
                        p[i][j] = broadcast_element(params[i], x, strides[i], row * size + l + j);
                }
                for (int64_t j = 0; j < n; j++)
                    v[j] = (v[j] - mean) * scale * p[0][j] + (params[1] ? p[1][j] : 0);
                ingot_kernel_store_f64(y->data, y->dtype, row * size + l, 1, v, n);
            }
            if (pass == 0)
                mean /= (double)size;
            if (pass == 1)
                scale = 1 / sqrt(variance / (double)size + attrs->epsilon);
        }
        if (kernel_has_out(call, 1))
            ingot_store_f64(call->out[1].data, call->out[1].dtype, row, mean);
        if (kernel_has_out(call, 2))
            ingot_store_f64(call->out[2].data, call->out[2].dtype, row, scale);
    }
    return NULL;
}
