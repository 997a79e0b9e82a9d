/* What boxed kernels share: operands with their checks, results, calls of portable kernels on boxed tensors. */
#ifndef INGOT_RUNTIME_BOXED_H
#define INGOT_RUNTIME_BOXED_H
#include "runtime/box.h"
#include "runtime/kernels/kernels.h"

static inline bool boxed_has(const ingot_boxed_call *call, int32_t i)
{
    return i < call->n_in && call->in[i];
}
static inline const ingot_tensor *boxed_tensor(const ingot_boxed_call *call, int32_t i)
{
    return &call->in[i]->tensor;
}
/* Refuses calls with other counts, and operands from `first` to `n_in` that are not of the form. */
ingot_status ingot_boxed_check(const ingot_boxed_call *call, const char *name, int32_t n_in, int32_t n_out);
ingot_status ingot_boxed_need(const ingot_boxed_call *call, const char *name, int32_t i, ingot_form form);
/* An integer operand of one element; `absent` when it is left out. */
ingot_status ingot_boxed_int(const ingot_boxed_call *call, const char *name, int32_t i, int64_t absent, int64_t *out);
/* A list of axes or sizes: at most INGOT_MAX_INTS integers. */
ingot_status ingot_boxed_ints(const ingot_boxed_call *call, const char *name, int32_t i, ingot_ints *out);
/* Result i: a tensor to be filled in. */
ingot_status ingot_boxed_result(ingot_boxed_call *call, int32_t i, ingot_dtype dtype, int32_t rank, const int64_t *dims,
                                ingot_tensor **out);
/* Result i: a rank 0 tensor of one integer or bool. */
ingot_status ingot_boxed_scalar(ingot_boxed_call *call, int32_t i, ingot_dtype dtype, int64_t value);
/* NumPy's broadcasting of operand k onto out_dims, which the first call finds empty (rank 0). */
ingot_status ingot_boxed_broadcast(const char *name, const ingot_tensor *t, int32_t *io_rank, int64_t *io_dims);
/* A portable kernel on tensors, with scratch memory from the heap. */
ingot_status ingot_boxed_portable(ingot_heap *heap, ingot_portable_id id, ingot_portable_fn *kernel, ingot_call *call);
/* The same elements with other sizes (equal in number), as result i. */
ingot_status ingot_boxed_reshaped(ingot_boxed_call *call, int32_t i, const ingot_tensor *x, int32_t rank,
                                  const int64_t *dims);
#endif
