/* Scales and zero points of quantize and dequantize: one, one per index of an axis, or one per block of an axis. */
#include "runtime/kernels/kernels.h"

ingot_status ingot_kernel_scales(const char *name, const ingot_tensor *x, const ingot_tensor *scale,
                                 const ingot_tensor *zero, const ingot_attrs_quantize *attrs, kernel_scales *out)
{
    int64_t count = ingot_tensor_count(scale);
    KERNEL_REQUIRE(!zero || ingot_tensor_count(zero) == count, "%s: %lld scales and %lld zero points", name,
                   (long long)count, (long long)ingot_tensor_count(zero));
    *out = (kernel_scales){.outer = 1, .size = ingot_tensor_count(x), .inner = 1, .blocks = 1};
    if (scale->rank == 0 || (count == 1 && !attrs->block))
        return NULL;
    int32_t axis = 0;
    INGOT_TRY(ingot_kernel_axis(name, attrs->axis, x->rank, &axis));
    int64_t size = x->dims[axis], block = attrs->block ? attrs->block : 1;
    KERNEL_REQUIRE(block >= 1, "%s: block of %lld", name, (long long)block);
    *out = (kernel_scales){.outer = kernel_product(x->dims, 0, axis),
                           .size = size,
                           .inner = kernel_product(x->dims, axis + 1, x->rank),
                           .block = block,
                           .blocks = size / block + (size % block != 0)};
    if (!attrs->block) {
        KERNEL_REQUIRE(count == size, "%s: %lld scales for axis %d of size %lld", name, (long long)count, axis,
                       (long long)size);
        return NULL;
    }
    KERNEL_REQUIRE(scale->rank == x->rank, "%s: scales of rank %d for blocks of rank %d", name, scale->rank, x->rank);
    for (int32_t d = 0; d < x->rank; d++)
        KERNEL_REQUIRE(scale->dims[d] == (d == axis ? out->blocks : x->dims[d]), "%s: axis %d has %lld scales", name, d,
                       (long long)scale->dims[d]);
    out->per_element_inner = true;
    return NULL;
}
