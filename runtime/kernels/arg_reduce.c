/* arg_reduce: index of the largest or smallest element along an axis; NaN wins over every number. */
#include "runtime/kernels/kernels.h"

/* Is element i better than the best so far, j? `ties`: it replaces an equal one. */
static bool better(const ingot_tensor *x, int64_t i, int64_t j, bool min, bool ties)
{
    if (ingot_dtype_is_float(x->dtype)) {
        double a = ingot_load_f64(x->data, x->dtype, i), b = ingot_load_f64(x->data, x->dtype, j);
        if (isnan(a) || isnan(b))
            return isnan(a) && (!isnan(b) || ties);
        return min ? a < b || (ties && a == b) : a > b || (ties && a == b);
    }
    int64_t a = ingot_load_i64(x->data, x->dtype, i), b = ingot_load_i64(x->data, x->dtype, j);
    if (a == b)
        return ties;
    bool less = x->dtype == INGOT_U64 ? (uint64_t)a < (uint64_t)b : a < b;
    return less == min;
}

ingot_status ingot_portable_arg_reduce(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "arg_reduce", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_arg_reduce *attrs = call->attrs;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("arg_reduce", attrs->axis, x->rank, &axis));
    int64_t outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank),
            size = x->dims[axis];
    KERNEL_REQUIRE(ingot_tensor_count(y) == outer * inner && y->dtype == INGOT_I64,
                   "arg_reduce: the result does not fit the operand");
    KERNEL_REQUIRE(size > 0 || outer * inner == 0, "arg_reduce: axis %d is empty", axis);
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i++) {
            int64_t base = o * size * inner + i, best = 0;
            for (int64_t l = 1; l < size; l++) {
                if (better(x, base + l * inner, base + best * inner, attrs->min != 0, attrs->select_last != 0))
                    best = l;
            }
            ingot_store_i64(y->data, INGOT_I64, o * inner + i, best);
        }
    }
    return NULL;
}
