/* What both scatters do with one element: y[j] = reduction(y[j], u[i]). */
#include "runtime/kernels/scatter.h"

static int64_t reduce_integers(int64_t reduction, int64_t a, int64_t b, bool is_signed)
{
    bool less = is_signed ? a < b : (uint64_t)a < (uint64_t)b;
    switch (reduction) {
    case INGOT_SCATTER_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case INGOT_SCATTER_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case INGOT_SCATTER_MAX:
        return less ? b : a;
    default:
        return less ? a : b;
    }
}

static double reduce_floats(int64_t reduction, double a, double b)
{
    switch (reduction) {
    case INGOT_SCATTER_ADD:
        return a + b;
    case INGOT_SCATTER_MUL:
        return a * b;
    case INGOT_SCATTER_MAX:
        return isnan(a) || a > b ? a : b;
    default:
        return isnan(a) || a < b ? a : b;
    }
}

void ingot_kernel_scatter(int64_t reduction, ingot_dtype dtype, void *y, int64_t j, const void *updates, int64_t i,
                          int64_t count)
{
    if (reduction == INGOT_SCATTER_NONE) {
        ingot_kernel_copy_run(y, j, updates, i, count, dtype);
        return;
    }
    for (int64_t l = 0; l < count; l++) {
        if (ingot_dtype_is_float(dtype)) {
            double v = reduce_floats(reduction, ingot_load_f64(y, dtype, j + l), ingot_load_f64(updates, dtype, i + l));
            ingot_kernel_store_f64(y, dtype, j + l, 1, &v, 1);
        } else {
            int64_t v = reduce_integers(reduction, ingot_load_i64(y, dtype, j + l),
                                        ingot_load_i64(updates, dtype, i + l), dtype != INGOT_U64);
            ingot_store_i64(y, dtype, j + l, v);
        }
    }
}

ingot_status ingot_kernel_scatter_start(const ingot_call *call, const char *name)
{
    INGOT_TRY(ingot_kernel_check(call, name, 3, 1));
    const ingot_tensor *x = &call->in[0], *indices = &call->in[1], *updates = &call->in[2], *y = &call->out[0];
    int64_t reduction = ((const ingot_attrs_scatter *)call->attrs)->reduction;
    KERNEL_REQUIRE(kernel_is_index(indices->dtype) && kernel_same_dims(x, y) && x->dtype == y->dtype &&
                       updates->dtype == x->dtype,
                   "%s: indices of %s, updates of %s for data of %s", name, ingot_dtype_name(indices->dtype),
                   ingot_dtype_name(updates->dtype), ingot_dtype_name(x->dtype));
    KERNEL_REQUIRE(reduction == INGOT_SCATTER_NONE || ingot_dtype_is_float(x->dtype) ||
                       ingot_dtype_is_integer(x->dtype) || x->dtype == INGOT_BOOL,
                   "%s: %s elements cannot be reduced", name, ingot_dtype_name(x->dtype));
    int64_t bytes = ingot_dtype_bytes(x->dtype, ingot_tensor_count(x));
    if (bytes > 0)
        memmove(y->data, x->data, (size_t)bytes);
    return NULL;
}
