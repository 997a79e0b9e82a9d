/* DLPack's tensors: element types, and elements of any strides to dense ones. */
#include "runtime/portable.h"
#include <string.h>

ingot_dtype ingot_dtype_from_dl(DLDataType type)
{
    for (int dtype = INGOT_F32; dtype < INGOT_DTYPE_COUNT; dtype++) {
        DLDataType dl = ingot_dtype_to_dl((ingot_dtype)dtype);
        if (dl.code == type.code && dl.bits == type.bits && dl.lanes == type.lanes)
            return (ingot_dtype)dtype;
    }
    return INGOT_UNDEFINED;
}

void ingot_dl_make_dense(const DLTensor *from, ingot_dtype dtype, char *to)
{
    int64_t index[INGOT_MAX_RANK] = {0}, count = 1, at = 0;
    const char *data = (const char *)from->data + from->byte_offset;
    for (int32_t d = 0; d < from->ndim; d++)
        count *= from->shape[d];
    size_t bytes = (size_t)ingot_dtype_bits(dtype) / 8; /* 0: several in a byte */
    for (int64_t i = 0; i < count; i++) {
        if (bytes)
            memcpy(to + (size_t)i * bytes, data + at * (int64_t)bytes, bytes);
        else
            ingot_copy_element(to, i, data, at, dtype);
        int64_t stride = 1; /* of axis d, when the tensor is dense */
        for (int32_t d = from->ndim - 1; d >= 0; d--) {
            int64_t step = from->strides ? from->strides[d] : stride;
            stride *= from->shape[d];
            at += step;
            if (++index[d] < from->shape[d])
                break;
            at -= step * from->shape[d];
            index[d] = 0;
        }
    }
}
