/* What boxed kernels share; see boxed.h. */
#include "runtime/boxed/boxed.h"

ingot_status ingot_boxed_check(const ingot_boxed_call *call, const char *name, int32_t n_in, int32_t n_out)
{
    KERNEL_REQUIRE(call->n_in >= n_in && call->n_out >= n_out, "%s: %d operands and %d results", name, call->n_in,
                   call->n_out);
    for (int32_t i = 0; i < n_in; i++)
        KERNEL_REQUIRE(call->in[i], "%s: operand %d is left out", name, i);
    return NULL;
}

ingot_status ingot_boxed_need(const ingot_boxed_call *call, const char *name, int32_t i, ingot_form form)
{
    static const char *const forms[] = {"a tensor", "a sequence", "an optional", "an optional sequence"};
    KERNEL_REQUIRE(boxed_has(call, i) && call->in[i]->form == form, "%s: operand %d is not %s", name, i, forms[form]);
    return NULL;
}

ingot_status ingot_boxed_int(const ingot_boxed_call *call, const char *name, int32_t i, int64_t absent, int64_t *out)
{
    *out = absent;
    if (!boxed_has(call, i))
        return NULL;
    INGOT_TRY(ingot_boxed_need(call, name, i, INGOT_FORM_TENSOR));
    const ingot_tensor *t = boxed_tensor(call, i);
    KERNEL_REQUIRE(ingot_dtype_is_integer(t->dtype) && ingot_tensor_count(t) == 1,
                   "%s: operand %d must be one integer, it is %lld elements of %s", name, i,
                   (long long)ingot_tensor_count(t), ingot_dtype_name(t->dtype));
    *out = ingot_load_i64(t->data, t->dtype, 0);
    return NULL;
}

ingot_status ingot_boxed_ints(const ingot_boxed_call *call, const char *name, int32_t i, ingot_ints *out)
{
    INGOT_TRY(ingot_boxed_need(call, name, i, INGOT_FORM_TENSOR));
    const ingot_tensor *t = boxed_tensor(call, i);
    int64_t n = ingot_tensor_count(t);
    KERNEL_REQUIRE(ingot_dtype_is_integer(t->dtype) && t->rank <= 1 && n <= INGOT_MAX_RANK,
                   "%s: operand %d must be a list of at most %d integers, it is %lld elements of %s of rank %d", name,
                   i, INGOT_MAX_RANK, (long long)n, ingot_dtype_name(t->dtype), t->rank);
    out->n = n;
    for (int64_t k = 0; k < n; k++)
        out->v[k] = ingot_load_i64(t->data, t->dtype, k);
    return NULL;
}

ingot_status ingot_boxed_result(ingot_boxed_call *call, int32_t i, ingot_dtype dtype, int32_t rank, const int64_t *dims,
                                ingot_tensor **out)
{
    INGOT_TRY(ingot_box_make_tensor(call->heap, dtype, rank, dims, &call->out[i]));
    *out = &call->out[i]->tensor;
    return NULL;
}

ingot_status ingot_boxed_scalar(ingot_boxed_call *call, int32_t i, ingot_dtype dtype, int64_t value)
{
    ingot_tensor *t;
    INGOT_TRY(ingot_boxed_result(call, i, dtype, 0, NULL, &t));
    ingot_store_i64(t->data, dtype, 0, value);
    return NULL;
}

ingot_status ingot_boxed_broadcast(const char *name, const ingot_tensor *t, int32_t *io_rank, int64_t *io_dims)
{
    int32_t rank = *io_rank > t->rank ? *io_rank : t->rank;
    int64_t dims[INGOT_MAX_RANK];
    for (int32_t k = 1; k <= rank; k++) {
        int64_t a = k <= *io_rank ? io_dims[*io_rank - k] : 1, b = k <= t->rank ? t->dims[t->rank - k] : 1;
        KERNEL_REQUIRE(a == b || a == 1 || b == 1, "%s: sizes %lld and %lld do not broadcast", name, (long long)a,
                       (long long)b);
        dims[rank - k] = a == 1 ? b : a;
    }
    if (rank)
        memcpy(io_dims, dims, (size_t)rank * sizeof *dims);
    *io_rank = rank;
    return NULL;
}

ingot_status ingot_boxed_portable(ingot_heap *heap, ingot_portable_id id, ingot_portable_fn *kernel, ingot_call *call)
{
    int64_t bytes = ingot_portable_scratch_bytes(id, call);
    void *scratch;
    if (bytes < 0)
        return ingot_fail(INGOT_LIMIT, "needs more scratch memory than can be addressed");
    INGOT_TRY(ingot_heap_take(heap, bytes + 64, &scratch));
    call->scratch = (void *)(((uintptr_t)scratch + 63) / 64 * 64);
    ingot_status status = kernel(call);
    ingot_heap_give(heap, scratch);
    return status;
}

ingot_status ingot_boxed_reshaped(ingot_boxed_call *call, int32_t i, const ingot_tensor *x, int32_t rank,
                                  const int64_t *dims)
{
    ingot_tensor *y;
    INGOT_TRY(ingot_boxed_result(call, i, x->dtype, rank, dims, &y));
    int64_t n = ingot_tensor_count(x);
    KERNEL_REQUIRE(n == ingot_tensor_count(y), "%lld elements do not fill a tensor of %lld", (long long)n,
                   (long long)ingot_tensor_count(y));
    size_t bytes = (size_t)ingot_dtype_bytes(x->dtype, n);
    if (bytes)
        memcpy(y->data, x->data, bytes);
    return NULL;
}
