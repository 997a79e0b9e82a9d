/* topk: the k largest or smallest elements along an axis, best first, of equal ones the lower index first. NaN counts
 * as the largest. */
#include "runtime/kernels/kernels.h"

typedef struct {
    int64_t key, index;
} entry;

/* Integer that orders like the element: larger is better. */
static int64_t key_of(const ingot_tensor *x, int64_t i, bool largest)
{
    int64_t key;
    if (ingot_dtype_is_float(x->dtype)) {
        double v = ingot_load_f64(x->data, x->dtype, i);
        if (isnan(v)) {
            key = INT64_MAX;
        } else {
            v += 0.0; /* -0 and 0 are equal */
            memcpy(&key, &v, sizeof key);
            key = key < 0 ? (int64_t)((uint64_t)key ^ (uint64_t)INT64_MAX) : key;
        }
    } else {
        key = ingot_load_i64(x->data, x->dtype, i);
        if (x->dtype == INGOT_U64)
            key = (int64_t)((uint64_t)key ^ (uint64_t)INT64_MIN);
    }
    return largest ? key : ~key;
}

static bool worse(entry a, entry b)
{
    return a.key != b.key ? a.key < b.key : a.index > b.index;
}

/* Restores a heap, worst entry on top, from `at` down. */
static void sift(entry *heap, int64_t n, int64_t at)
{
    entry moved = heap[at];
    for (int64_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && worse(heap[child + 1], heap[child]))
            child++;
        if (!worse(heap[child], moved))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

ingot_status ingot_portable_topk(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "topk", 1, 2));
    const ingot_tensor *x = &call->in[0], *values = &call->out[0], *indices = &call->out[1];
    const ingot_attrs_topk *attrs = call->attrs;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis("topk", attrs->axis, x->rank, &axis));
    int64_t outer = kernel_product(x->dims, 0, axis), inner = kernel_product(x->dims, axis + 1, x->rank),
            size = x->dims[axis];
    KERNEL_REQUIRE(values->rank == x->rank && values->dtype == x->dtype && indices->dtype == INGOT_I64 &&
                       kernel_same_dims(values, indices) &&
                       (ingot_dtype_is_float(x->dtype) || ingot_dtype_is_integer(x->dtype)),
                   "topk: results do not fit the operand");
    int64_t k = values->dims[axis];
    KERNEL_REQUIRE(k <= size, "topk: k %lld is more than the %lld elements of axis %d", (long long)k, (long long)size,
                   axis);
    KERNEL_REQUIRE(ingot_tensor_count(values) == outer * inner * k, "topk: results do not fit the operand");
    if (!k)
        return NULL;
    entry *heap = call->scratch;
    for (int64_t lane = 0; lane < outer * inner; lane++) {
        int64_t from = lane / inner * size * inner + lane % inner, to = lane / inner * k * inner + lane % inner;
        for (int64_t l = 0; l < size; l++) {
            entry e = {key_of(x, from + l * inner, attrs->largest != 0), l};
            if (l < k) {
                heap[l] = e;
                for (int64_t i = k / 2 - 1; l == k - 1 && i >= 0; i--)
                    sift(heap, k, i);
            } else if (worse(heap[0], e)) {
                heap[0] = e;
                sift(heap, k, 0);
            }
        }
        for (int64_t n = k - 1; n >= 0; n--) { /* the worst one goes last */
            entry worst = heap[0];
            heap[0] = heap[n];
            sift(heap, n ? n : 1, 0);
            ingot_copy_element(values->data, to + n * inner, x->data, from + worst.index * inner, x->dtype);
            ingot_store_i64(indices->data, INGOT_I64, to + n * inner, worst.index);
        }
    }
    return NULL;
}
