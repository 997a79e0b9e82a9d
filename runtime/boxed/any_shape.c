/* any_shape, any_size, and ops that give the same elements other sizes: any_reshape, any_flatten, any_squeeze,
 * any_unsqueeze. */
#include "runtime/boxed/boxed.h"

ingot_status ingot_boxed_any_shape(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_shape", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_shape", 0, INGOT_FORM_TENSOR));
    const ingot_attrs_any_shape *attrs = call->attrs;
    const ingot_tensor *x = boxed_tensor(call, 0);
    int64_t start = attrs->start < 0 ? attrs->start + x->rank : attrs->start,
            end = attrs->end < 0 ? attrs->end + x->rank : attrs->end;
    start = start < 0 ? 0 : start > x->rank ? x->rank : start;
    end = end < start ? start : end > x->rank ? x->rank : end;
    int64_t n = end - start;
    ingot_tensor *y;
    INGOT_TRY(ingot_boxed_result(call, 0, INGOT_I64, 1, &n, &y));
    for (int64_t i = 0; i < n; i++)
        ingot_store_i64(y->data, INGOT_I64, i, x->dims[start + i]);
    return NULL;
}

ingot_status ingot_boxed_any_size(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_size", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_size", 0, INGOT_FORM_TENSOR));
    return ingot_boxed_scalar(call, 0, INGOT_I64, ingot_tensor_count(boxed_tensor(call, 0)));
}

ingot_status ingot_boxed_any_reshape(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_reshape", 2, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_reshape", 0, INGOT_FORM_TENSOR));
    const ingot_attrs_any_reshape *attrs = call->attrs;
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_ints dims;
    INGOT_TRY(ingot_boxed_ints(call, "any_reshape", 1, &dims));
    int64_t known = 1, count = ingot_tensor_count(x);
    int32_t open = -1;
    for (int32_t i = 0; i < (int32_t)dims.n; i++) {
        if (dims.v[i] == 0 && !attrs->allowzero) {
            KERNEL_REQUIRE(i < x->rank, "any_reshape: size %d is 0, copied from an input of rank %d", i, x->rank);
            dims.v[i] = x->dims[i];
        }
        KERNEL_REQUIRE(dims.v[i] >= -1 && (dims.v[i] != -1 || open < 0), "any_reshape: size %d is %lld", i,
                       (long long)dims.v[i]);
        if (dims.v[i] == -1)
            open = i;
        else
            KERNEL_REQUIRE(!ingot_mul_overflows(known, dims.v[i], &known), "any_reshape: the sizes are too large");
    }
    if (open >= 0) {
        KERNEL_REQUIRE(known > 0 && count % known == 0, "any_reshape: %lld elements in rows of %lld", (long long)count,
                       (long long)known);
        dims.v[open] = count / known;
    }
    return ingot_boxed_reshaped(call, 0, x, (int32_t)dims.n, dims.v);
}

/* Axes before `axis` become one, the others another. */
ingot_status ingot_boxed_any_flatten(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_flatten", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_flatten", 0, INGOT_FORM_TENSOR));
    const ingot_tensor *x = boxed_tensor(call, 0);
    int64_t axis = ((const ingot_attrs_axis *)call->attrs)->axis;
    KERNEL_REQUIRE(axis >= -x->rank && axis <= x->rank, "any_flatten: axis %lld is outside [-%d, %d]", (long long)axis,
                   x->rank, x->rank);
    int32_t at = (int32_t)(axis < 0 ? axis + x->rank : axis);
    int64_t dims[2] = {1, 1};
    for (int32_t d = 0; d < x->rank; d++)
        KERNEL_REQUIRE(!ingot_mul_overflows(dims[d >= at], x->dims[d], &dims[d >= at]),
                       "any_flatten: the sizes are too large");
    return ingot_boxed_reshaped(call, 0, x, 2, dims);
}

ingot_status ingot_boxed_any_squeeze(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_squeeze", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_squeeze", 0, INGOT_FORM_TENSOR));
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_ints axes = {0};
    bool gone[INGOT_MAX_RANK] = {false};
    if (boxed_has(call, 1))
        INGOT_TRY(ingot_boxed_ints(call, "any_squeeze", 1, &axes));
    INGOT_TRY(ingot_kernel_axes("any_squeeze", &axes, x->rank, gone));
    ingot_tensor y = {.rank = 0};
    for (int32_t d = 0; d < x->rank; d++) {
        bool one = x->dims[d] == 1;
        KERNEL_REQUIRE(one || !gone[d], "any_squeeze: axis %d has size %lld, expected 1", d, (long long)x->dims[d]);
        if (axes.n || boxed_has(call, 1) ? !gone[d] : !one)
            y.dims[y.rank++] = x->dims[d];
    }
    return ingot_boxed_reshaped(call, 0, x, y.rank, y.dims);
}

ingot_status ingot_boxed_any_unsqueeze(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "any_unsqueeze", 2, 1));
    INGOT_TRY(ingot_boxed_need(call, "any_unsqueeze", 0, INGOT_FORM_TENSOR));
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_ints axes;
    bool fresh[INGOT_MAX_RANK] = {false};
    INGOT_TRY(ingot_boxed_ints(call, "any_unsqueeze", 1, &axes));
    int32_t rank = x->rank + (int32_t)axes.n;
    KERNEL_REQUIRE(rank <= INGOT_MAX_RANK, "any_unsqueeze: a result of rank %d", rank);
    INGOT_TRY(ingot_kernel_axes("any_unsqueeze", &axes, rank, fresh));
    int64_t dims[INGOT_MAX_RANK];
    for (int32_t d = 0, from = 0; d < rank; d++)
        dims[d] = fresh[d] ? 1 : x->dims[from++];
    return ingot_boxed_reshaped(call, 0, x, rank, dims);
}
