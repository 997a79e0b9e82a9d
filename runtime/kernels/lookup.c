/* lookup: the value of each element's key among rising keys; NaN is a key like others, the last one. */
#include "runtime/kernels/kernels.h"

/* Order of x and key k: below, at or above zero. */
static int compare(const ingot_tensor *x, int64_t i, const ingot_tensor *keys, int64_t k)
{
    if (!ingot_dtype_is_float(x->dtype)) {
        int64_t a = ingot_load_i64(x->data, x->dtype, i), b = ingot_load_i64(keys->data, keys->dtype, k);
        return (a > b) - (a < b);
    }
    double a = ingot_load_f64(x->data, x->dtype, i), b = ingot_load_f64(keys->data, keys->dtype, k);
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

ingot_status ingot_portable_lookup(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "lookup", 3, 1));
    const ingot_tensor *x = &call->in[0], *keys = &call->in[1], *values = &call->in[2], *y = &call->out[0];
    const ingot_tensor *rest = kernel_has_in(call, 3) ? &call->in[3] : NULL;
    KERNEL_REQUIRE(kernel_same_dims(x, y) && x->dtype == keys->dtype && y->dtype == values->dtype && keys->rank == 1 &&
                       kernel_same_dims(keys, values) && x->dtype != INGOT_STRING &&
                       (!rest || (rest->dtype == y->dtype && ingot_tensor_count(rest) == 1)),
                   "lookup: keys of %s for %s, values of %s for %s", ingot_dtype_name(keys->dtype),
                   ingot_dtype_name(x->dtype), ingot_dtype_name(values->dtype), ingot_dtype_name(y->dtype));
    for (int64_t i = 0; i < ingot_tensor_count(x); i++) {
        int64_t lo = 0, hi = keys->dims[0];
        while (lo < hi) {
            int64_t middle = lo + (hi - lo) / 2;
            if (compare(x, i, keys, middle) > 0)
                lo = middle + 1;
            else
                hi = middle;
        }
        bool found = lo < keys->dims[0] && compare(x, i, keys, lo) == 0;
        KERNEL_REQUIRE(found || rest, "lookup: element %lld, %g, is none of the %lld keys", (long long)i,
                       ingot_load_f64(x->data, x->dtype, i), (long long)keys->dims[0]);
        if (found)
            ingot_copy_element(y->data, i, values->data, lo, y->dtype);
        else
            ingot_copy_element(y->data, i, rest->data, 0, y->dtype);
    }
    return NULL;
}
