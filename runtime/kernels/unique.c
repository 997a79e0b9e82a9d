/* unique: the distinct elements, or slices along an axis, with first index, inverse and counts.
 *
 * A merge sort of the slices' numbers brings equal ones together; NaNs are equal and come last. Without `sorted`, the
 * groups go by first occurrence. */
#include "runtime/kernels/kernels.h"

typedef struct {
    const ingot_tensor *x;
    int64_t outer, size, inner;
} slices;

static int compare_elements(const ingot_tensor *x, int64_t i, int64_t j)
{
    if (x->dtype == INGOT_STRING) {
        ingot_string a, b;
        memcpy(&a, (const char *)x->data + i * (int64_t)sizeof a, sizeof a);
        memcpy(&b, (const char *)x->data + j * (int64_t)sizeof b, sizeof b);
        int64_t shorter = a.size < b.size ? a.size : b.size;
        int order = shorter > 0 ? memcmp(a.data, b.data, (size_t)shorter) : 0;
        return order ? order : (a.size > b.size) - (a.size < b.size);
    }
    if (ingot_dtype_is_float(x->dtype)) {
        double a = ingot_load_f64(x->data, x->dtype, i), b = ingot_load_f64(x->data, x->dtype, j);
        if (isnan(a) || isnan(b))
            return (isnan(a) != 0) - (isnan(b) != 0);
        return (a > b) - (a < b);
    }
    int64_t a = ingot_load_i64(x->data, x->dtype, i), b = ingot_load_i64(x->data, x->dtype, j);
    if (x->dtype == INGOT_U64)
        return ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b);
    return (a > b) - (a < b);
}

static int compare(const slices *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++) {
        for (int64_t i = 0; i < s->inner; i++) {
            int order = compare_elements(s->x, (o * s->size + a) * s->inner + i, (o * s->size + b) * s->inner + i);
            if (order)
                return order;
        }
    }
    return 0;
}

/* Stable: equal slices stay in the order of their numbers. Result in `order`; `room` is as large. */
static void sort(const slices *s, int64_t *order, int64_t *room)
{
    int64_t n = s->size;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            int64_t middle = start + width < n ? start + width : n, end = start + 2 * width < n ? start + 2 * width : n;
            int64_t a = start, b = middle;
            for (int64_t to = start; to < end; to++) {
                bool left = a < middle && (b == end || compare(s, order[a], order[b]) <= 0);
                room[to] = left ? order[a++] : order[b++];
            }
        }
        memcpy(order, room, (size_t)n * sizeof *order);
    }
}

ingot_status ingot_portable_unique(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "unique", 1, 1));
    const ingot_tensor *x = &call->in[0];
    const ingot_attrs_unique *attrs = call->attrs;
    ingot_tensor *y = &call->out[0];
    slices s = {x, 1, ingot_tensor_count(x), 1};
    int32_t axis = 0;
    if (attrs->has_axis) {
        INGOT_TRY(ingot_kernel_axis("unique", attrs->axis, x->rank, &axis));
        s = (slices){x, kernel_product(x->dims, 0, axis), x->dims[axis], kernel_product(x->dims, axis + 1, x->rank)};
    }
    KERNEL_REQUIRE(y->rank == (attrs->has_axis ? x->rank : 1) && y->dtype == x->dtype &&
                       ingot_tensor_count(y) >= ingot_tensor_count(x),
                   "unique: the result does not fit the operand");
    for (int32_t i = 1; i < 4; i++)
        KERNEL_REQUIRE(!kernel_has_out(call, i) || (call->out[i].dtype == INGOT_I64 && call->out[i].rank == 1 &&
                                                    call->out[i].dims[0] >= s.size),
                       "unique: result %d must be %lld integers", i, (long long)s.size);
    /* order: slices sorted; first: per slice the first one equal to it; rank: per first slice its place in the result
     */
    int64_t *order = call->scratch, *first = order + s.size, *rank = first + s.size, groups = 0;
    for (int64_t i = 0; i < s.size; i++)
        order[i] = i;
    sort(&s, order, first);
    for (int64_t i = 0; i < s.size; i++)
        first[order[i]] = i && compare(&s, order[i - 1], order[i]) == 0 ? first[order[i - 1]] : order[i];
    for (int64_t i = 0; i < s.size; i++) {
        int64_t slice = attrs->sorted ? order[i] : i;
        if (first[slice] == slice)
            rank[slice] = groups++;
    }
    for (int64_t i = 0; kernel_has_out(call, 3) && i < groups; i++)
        ingot_store_i64(call->out[3].data, INGOT_I64, i, 0);
    for (int64_t i = 0; i < s.size; i++) {
        int64_t place = rank[first[i]];
        if (first[i] == i) {
            for (int64_t o = 0; o < s.outer; o++)
                ingot_kernel_copy_run(y->data, (o * groups + place) * s.inner, x->data, (o * s.size + i) * s.inner,
                                      s.inner, x->dtype);
            if (kernel_has_out(call, 1))
                ingot_store_i64(call->out[1].data, INGOT_I64, place, i);
        }
        if (kernel_has_out(call, 2))
            ingot_store_i64(call->out[2].data, INGOT_I64, i, place);
        if (kernel_has_out(call, 3))
            ingot_store_i64(call->out[3].data, INGOT_I64, place,
                            ingot_load_i64(call->out[3].data, INGOT_I64, place) + 1);
    }
    for (int32_t d = 0; d < y->rank; d++)
        y->dims[d] = d == axis ? groups : x->dims[d];
    for (int32_t i = 1; i < 4; i++) {
        if (kernel_has_out(call, i))
            call->out[i].dims[0] = i == 2 ? s.size : groups;
    }
    return NULL;
}
