/* Working memory of portable kernels, from the sizes of a call alone. Names no kernel, so that an artifact links only
 * those it uses. */
#include "runtime/portable.h"
#include "runtime/kernels/kernels.h"

/* Elements of 8 bytes: n each; -1 on overflow. */
static int64_t words(int64_t n)
{
    int64_t bytes;
    return n < 0 || __builtin_mul_overflow(n, (int64_t)8, &bytes) ? -1 : bytes;
}

static int64_t size_of(const ingot_tensor *t, int32_t axis)
{
    return axis >= 0 && axis < t->rank && axis < INGOT_MAX_RANK ? t->dims[axis] : 1;
}

/* Common size of the last axis of a, the second last of b. */
static int64_t product_depth(ingot_portable_id id, const ingot_call *call)
{
    const ingot_tensor *a = &call->in[0], *w = &call->in[1];
    if (id == INGOT_PORTABLE_matmul && ((const ingot_attrs_matmul *)call->attrs)->trans_a)
        return size_of(a, a->rank - 2);
    if (id == INGOT_PORTABLE_matmul || id == INGOT_PORTABLE_matmul_integer)
        return size_of(a, a->rank - 1);
    int64_t depth = size_of(w, 1);
    if (id == INGOT_PORTABLE_conv_transpose) {
        int64_t groups = ((const ingot_attrs_conv_transpose *)call->attrs)->groups;
        depth = size_of(w, 0) / (groups > 0 ? groups : 1);
    }
    for (int32_t i = 2; i < w->rank; i++) {
        if (__builtin_mul_overflow(depth, size_of(w, i), &depth))
            return -1;
    }
    return depth;
}

static int64_t resize_bytes(const ingot_call *call)
{
    kernel_resize_axis axes[INGOT_MAX_RANK];
    ingot_call sizes = *call;
    sizes.n_in = 1; /* scales are not read here */
    ingot_status bad = call->in[0].rank > INGOT_MAX_RANK ? NULL : ingot_kernel_resize_axes(&sizes, axes);
    if (bad) { /* the kernel refuses it as well */
        ingot_status_free(bad);
        return 0;
    }
    int64_t entries = 0, product;
    for (int32_t i = 0; i < call->in[0].rank; i++) {
        if (call->n_in > 1)
            axes[i].taps = ingot_kernel_resize_most_taps(call->attrs, axes[i].in, axes[i].out);
        if (__builtin_mul_overflow(axes[i].out, axes[i].taps, &product) ||
            __builtin_add_overflow(entries, product, &entries))
            return -1;
    }
    return entries > INT64_MAX / 16 ? -1 : words(2 * entries);
}

static int64_t attention_bytes(const ingot_call *call)
{
    const ingot_tensor *q = &call->in[0], *k = &call->in[1], *v = &call->in[2];
    int64_t keys = size_of(k, k->rank - 2), width = size_of(q, q->rank - 1), values = size_of(v, v->rank - 1);
    return keys > INT32_MAX || width > INT32_MAX || values > INT32_MAX ? -1 : words(keys + width + 2 * values);
}

int64_t ingot_portable_scratch_bytes(ingot_portable_id id, const ingot_call *call)
{
    switch (id) {
    case INGOT_PORTABLE_map:
        return call->prog ? words((int64_t)(call->prog->n_args + call->prog->n_instrs) * KERNEL_BLOCK) : 0;
    case INGOT_PORTABLE_matmul:
    case INGOT_PORTABLE_matmul_integer:
    case INGOT_PORTABLE_conv:
    case INGOT_PORTABLE_conv_integer:
    case INGOT_PORTABLE_conv_transpose: {
        int64_t depth = call->n_in >= 2 ? product_depth(id, call) : 0;
        return depth < 0 ? -1 : kernel_gemm_scratch(depth);
    }
    case INGOT_PORTABLE_lstm:
    case INGOT_PORTABLE_gru:
    case INGOT_PORTABLE_rnn: {
        if (call->n_in < 2 || call->in[0].rank != 3 || call->in[1].rank != 3)
            return 0;
        /* W [directions, rows, inputs]: states and gates take less than five times its rows. */
        int64_t rows, inputs = call->in[0].dims[2], sum;
        if (__builtin_mul_overflow(call->in[1].dims[1], (int64_t)5, &rows) ||
            __builtin_add_overflow(rows, inputs, &sum))
            return -1;
        return words(sum);
    }
    case INGOT_PORTABLE_attention:
        return call->n_in >= 3 ? attention_bytes(call) : 0;
    case INGOT_PORTABLE_resize:
        return call->n_in >= 1 && call->n_out >= 1 ? resize_bytes(call) : 0;
    case INGOT_PORTABLE_topk: {
        const ingot_tensor *y = &call->out[0];
        int64_t axis = ((const ingot_attrs_topk *)call->attrs)->axis,
                k = size_of(y, (int32_t)(axis < 0 ? axis + y->rank : axis));
        return k > INT64_MAX / 16 ? -1 : words(2 * k);
    }
    case INGOT_PORTABLE_unique: {
        const ingot_attrs_unique *attrs = call->attrs;
        const ingot_tensor *x = &call->in[0];
        int64_t axis = attrs->axis < 0 ? attrs->axis + x->rank : attrs->axis;
        int64_t n = attrs->has_axis ? size_of(x, (int32_t)axis) : ingot_tensor_count(x);
        return n < 0 || n > INT64_MAX / 24 ? -1 : words(3 * n);
    }
    case INGOT_PORTABLE_non_max_suppression: {
        int64_t n = size_of(&call->in[0], 1);
        return n > INT64_MAX / 16 ? -1 : words(2 * n);
    }
    case INGOT_PORTABLE_det: {
        int64_t n = call->n_in >= 1 ? size_of(&call->in[0], call->in[0].rank - 1) : 0, area;
        return __builtin_mul_overflow(n, n, &area) ? -1 : words(area);
    }
    case INGOT_PORTABLE_dft: {
        int64_t n = call->n_sym >= 1 ? call->sym[0] : 0;
        return n < 1 ? 0 : n > INT32_MAX ? -1 : words(2 * kernel_dft_scratch(n));
    }
    case INGOT_PORTABLE_deform_conv: {
        int64_t depth = call->n_in >= 2 ? product_depth(id, call) : 0;
        return words(depth);
    }
    case INGOT_PORTABLE_linear_attention: {
        const ingot_attrs_linear_attention *attrs = call->attrs;
        if (call->n_in < 3 || attrs->q_heads < 1 || attrs->kv_heads < 1)
            return 0;
        int64_t width = size_of(&call->in[0], 2) / attrs->q_heads, values = size_of(&call->in[2], 2) / attrs->kv_heads,
                state;
        return __builtin_mul_overflow(width + 1, values, &state) ? -1 : words(state);
    }
    case INGOT_PORTABLE_tree_ensemble:
        return words(((const ingot_attrs_trees *)call->attrs)->targets / 8 + 1);
    case INGOT_PORTABLE_couple_pairs: {
        int64_t n = call->n_sym == 1 ? call->sym[0] : 0;
        return n < 1 ? 0 : n > INT16_MAX ? -1 : words(2 * n * n + 2 * n);
    }
    default:
        return 0;
    }
}
