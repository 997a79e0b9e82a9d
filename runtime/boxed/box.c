/* box, unbox: the value itself; the runtime copies it to or from planned memory. texts: a constant of strings. */
#include "runtime/boxed/boxed.h"

ingot_status ingot_boxed_box(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "box", 1, 1));
    return ingot_box_keep(call->heap, call->in[0], &call->out[0]);
}

ingot_status ingot_boxed_unbox(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "unbox", 1, 1));
    return ingot_box_keep(call->heap, call->in[0], &call->out[0]);
}

/* Attributes: rank, sizes, then an offset and a size for each string, then the bytes that they mean. The strings stay
 * where they lie, in the plan. */
ingot_status ingot_boxed_texts(ingot_boxed_call *call)
{
    const char *bytes = call->attrs;
    int64_t size = call->attrs_bytes, rank, dims[INGOT_MAX_RANK];
    ingot_tensor *y;
    INGOT_TRY(ingot_boxed_check(call, "texts", 0, 1));
    KERNEL_REQUIRE(size >= 8, "texts: no strings");
    memcpy(&rank, bytes, sizeof rank);
    KERNEL_REQUIRE(rank >= 0 && rank <= INGOT_MAX_RANK && size >= 8 * (1 + rank), "texts: rank %lld", (long long)rank);
    memcpy(dims, bytes + 8, (size_t)rank * sizeof *dims);
    for (int64_t d = 0; d < rank; d++)
        KERNEL_REQUIRE(dims[d] >= 0, "texts: a size of %lld", (long long)dims[d]);
    ingot_tensor shape = {.rank = (int32_t)rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    int64_t count = ingot_tensor_count(&shape), at = 8 * (1 + rank);
    KERNEL_REQUIRE(count >= 0 && count <= (size - at) / 16, "texts: %lld strings are not there", (long long)count);
    INGOT_TRY(ingot_boxed_result(call, 0, INGOT_STRING, (int32_t)rank, dims, &y));
    for (int64_t i = 0; i < count; i++) {
        int64_t place[2];
        memcpy(place, bytes + at + 16 * i, sizeof place);
        KERNEL_REQUIRE(place[0] >= 0 && place[1] >= 0 && place[0] <= size && place[1] <= size - place[0],
                       "texts: string %lld is not inside", (long long)i);
        ((ingot_string *)y->data)[i] = (ingot_string){bytes + place[0], place[1]};
    }
    return NULL;
}
