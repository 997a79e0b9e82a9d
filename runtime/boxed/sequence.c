/* Sequences: made, changed (into new ones that share their elements), asked. */
#include "runtime/boxed/boxed.h"

ingot_status ingot_boxed_seq_empty(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_empty", 0, 1));
    const ingot_attrs_cast *attrs = call->attrs;
    return ingot_box_make_list(call->heap, INGOT_FORM_SEQUENCE, (ingot_dtype)attrs->to, 0, &call->out[0]);
}

ingot_status ingot_boxed_seq_construct(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_construct", 1, 1));
    ingot_dtype dtype = call->in[0]->tensor.dtype;
    for (int32_t i = 0; i < call->n_in; i++) {
        INGOT_TRY(ingot_boxed_need(call, "seq_construct", i, INGOT_FORM_TENSOR));
        KERNEL_REQUIRE(boxed_tensor(call, i)->dtype == dtype, "seq_construct: operand %d is %s, not %s", i,
                       ingot_dtype_name(boxed_tensor(call, i)->dtype), ingot_dtype_name(dtype));
    }
    INGOT_TRY(ingot_box_make_list(call->heap, INGOT_FORM_SEQUENCE, dtype, call->n_in, &call->out[0]));
    for (int32_t i = 0; i < call->n_in; i++)
        INGOT_TRY(ingot_box_keep(call->heap, call->in[i], &call->out[0]->elements[i]));
    return NULL;
}

/* Position operand: of `count` entries, `high` the largest; negative ones count from the end. */
static ingot_status position(const ingot_boxed_call *call, const char *name, int32_t i, int64_t absent, int64_t count,
                             int64_t high, int64_t *out)
{
    INGOT_TRY(ingot_boxed_int(call, name, i, absent, out));
    KERNEL_REQUIRE(*out >= -count && *out <= high, "%s: position %lld is outside a sequence of %lld elements", name,
                   (long long)*out, (long long)count);
    if (*out < 0)
        *out += count;
    return NULL;
}

ingot_status ingot_boxed_seq_insert(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_insert", 2, 1));
    INGOT_TRY(ingot_boxed_need(call, "seq_insert", 0, INGOT_FORM_SEQUENCE));
    INGOT_TRY(ingot_boxed_need(call, "seq_insert", 1, INGOT_FORM_TENSOR));
    ingot_box *seq = call->in[0], *made;
    int64_t at;
    KERNEL_REQUIRE(seq->tensor.dtype == call->in[1]->tensor.dtype, "seq_insert: an element of %s in a sequence of %s",
                   ingot_dtype_name(call->in[1]->tensor.dtype), ingot_dtype_name(seq->tensor.dtype));
    INGOT_TRY(position(call, "seq_insert", 2, seq->count, seq->count, seq->count, &at));
    INGOT_TRY(ingot_box_make_list(call->heap, INGOT_FORM_SEQUENCE, seq->tensor.dtype, seq->count + 1, &made));
    call->out[0] = made;
    for (int64_t i = 0; i < seq->count; i++)
        INGOT_TRY(ingot_box_keep(call->heap, seq->elements[i], &made->elements[i + (i >= at)]));
    return ingot_box_keep(call->heap, call->in[1], &made->elements[at]);
}

ingot_status ingot_boxed_seq_erase(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_erase", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "seq_erase", 0, INGOT_FORM_SEQUENCE));
    ingot_box *seq = call->in[0], *made;
    int64_t at;
    INGOT_TRY(position(call, "seq_erase", 1, -1, seq->count, seq->count - 1, &at));
    INGOT_TRY(ingot_box_make_list(call->heap, INGOT_FORM_SEQUENCE, seq->tensor.dtype, seq->count - 1, &made));
    call->out[0] = made;
    for (int64_t i = 0; i < made->count; i++)
        INGOT_TRY(ingot_box_keep(call->heap, seq->elements[i + (i >= at)], &made->elements[i]));
    return NULL;
}

ingot_status ingot_boxed_seq_at(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_at", 2, 1));
    INGOT_TRY(ingot_boxed_need(call, "seq_at", 0, INGOT_FORM_SEQUENCE));
    ingot_box *seq = call->in[0];
    int64_t at;
    INGOT_TRY(position(call, "seq_at", 1, 0, seq->count, seq->count - 1, &at));
    return ingot_box_keep(call->heap, seq->elements[at], &call->out[0]);
}

ingot_status ingot_boxed_seq_length(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_length", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "seq_length", 0, INGOT_FORM_SEQUENCE));
    return ingot_boxed_scalar(call, 0, INGOT_I64, call->in[0]->count);
}

/* Elements [first, first + length) of an axis as element i of the sequence. */
static ingot_status take_part(ingot_boxed_call *call, const ingot_tensor *x, int32_t axis, int64_t first,
                              int64_t length, bool keep_axis, int64_t i)
{
    ingot_box *part;
    ingot_tensor shape = *x;
    shape.dims[axis] = length;
    if (!keep_axis) {
        shape.rank--;
        for (int32_t d = axis; d < shape.rank; d++)
            shape.dims[d] = shape.dims[d + 1];
    }
    INGOT_TRY(ingot_box_make_tensor(call->heap, x->dtype, shape.rank, shape.dims, &part));
    call->out[0]->elements[i] = part;
    int64_t outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank);
    for (int64_t o = 0; o < outer; o++)
        ingot_kernel_copy_run(part->tensor.data, o * length * inner, x->data, (o * x->dims[axis] + first) * inner,
                              length * inner, x->dtype);
    return NULL;
}

ingot_status ingot_boxed_seq_split(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_split", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "seq_split", 0, INGOT_FORM_TENSOR));
    const ingot_attrs_seq_split *attrs = call->attrs;
    const ingot_tensor *x = boxed_tensor(call, 0);
    int32_t axis;
    INGOT_TRY(ingot_kernel_axis("seq_split", attrs->axis, x->rank, &axis));
    int64_t size = x->dims[axis], step = 1, n = size;
    const ingot_tensor *split = boxed_has(call, 1) ? boxed_tensor(call, 1) : NULL;
    bool listed = split && split->rank > 0;
    if (listed) {
        INGOT_TRY(ingot_boxed_need(call, "seq_split", 1, INGOT_FORM_TENSOR));
        KERNEL_REQUIRE(split->rank == 1 && kernel_is_index(split->dtype), "seq_split: the lengths are %s of rank %d",
                       ingot_dtype_name(split->dtype), split->rank);
        n = split->dims[0];
    } else if (split) {
        INGOT_TRY(ingot_boxed_int(call, "seq_split", 1, 1, &step));
        KERNEL_REQUIRE(step > 0, "seq_split: parts of %lld", (long long)step);
        n = size / step + (size % step != 0);
    }
    INGOT_TRY(ingot_box_make_list(call->heap, INGOT_FORM_SEQUENCE, x->dtype, n, &call->out[0]));
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = listed ? ingot_load_i64(split->data, split->dtype, i) : size - at < step ? size - at : step;
        KERNEL_REQUIRE(length >= 0 && length <= size - at, "seq_split: the lengths do not add up to %lld",
                       (long long)size);
        INGOT_TRY(take_part(call, x, axis, at, length, split || attrs->keepdims, i));
        at += length;
    }
    KERNEL_REQUIRE(at == size, "seq_split: the lengths add up to %lld, not %lld", (long long)at, (long long)size);
    return NULL;
}

ingot_status ingot_boxed_seq_concat(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "seq_concat", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "seq_concat", 0, INGOT_FORM_SEQUENCE));
    const ingot_attrs_seq_concat *attrs = call->attrs;
    const ingot_box *seq = call->in[0];
    KERNEL_REQUIRE(seq->count > 0, "seq_concat: the sequence is empty");
    ingot_tensor shape = seq->elements[0]->tensor, *y;
    int32_t axis;
    bool stack = attrs->new_axis != 0;
    KERNEL_REQUIRE(!stack || shape.rank < INGOT_MAX_RANK, "seq_concat: elements of rank %d", shape.rank);
    INGOT_TRY(ingot_kernel_axis("seq_concat", attrs->axis, shape.rank + stack, &axis));
    int64_t outer = kernel_product(shape.dims, 0, axis), inner = kernel_product(shape.dims, axis + !stack, shape.rank);
    int64_t total = 0;
    for (int64_t i = 0; i < seq->count; i++) {
        const ingot_tensor *e = &seq->elements[i]->tensor;
        bool fits = e->rank == shape.rank;
        for (int32_t d = 0; d < shape.rank && fits; d++)
            fits = e->dims[d] == shape.dims[d] || (d == axis && !stack);
        KERNEL_REQUIRE(fits, "seq_concat: element %lld does not have the shape of element 0", (long long)i);
        KERNEL_REQUIRE(!ingot_add_overflows(total, stack ? 1 : e->dims[axis], &total), "seq_concat: too many elements");
    }
    if (stack) {
        shape.rank++;
        for (int32_t d = shape.rank - 1; d > axis; d--)
            shape.dims[d] = shape.dims[d - 1];
    }
    shape.dims[axis] = total;
    INGOT_TRY(ingot_boxed_result(call, 0, shape.dtype, shape.rank, shape.dims, &y));
    int64_t at = 0;
    for (int64_t i = 0; i < seq->count; i++) {
        const ingot_tensor *e = &seq->elements[i]->tensor;
        int64_t length = (stack ? 1 : e->dims[axis]) * inner;
        for (int64_t o = 0; o < outer; o++)
            ingot_kernel_copy_run(y->data, o * total * inner + at, e->data, o * length, length, y->dtype);
        at += length;
    }
    return NULL;
}
