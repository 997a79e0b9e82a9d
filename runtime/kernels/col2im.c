/* col2im: columns of blocks x [N, C * block, L] summed into images [N, C, ...]. Each image element gathers the block
 * entries that lie on it: i * stride + tap * dilation = o + low. */
#include "runtime/kernels/kernels.h"

typedef struct {
    int32_t rank;
    int64_t image[INGOT_MAX_RANK], block[INGOT_MAX_RANK], count[INGOT_MAX_RANK], strides[INGOT_MAX_RANK];
    int64_t block_count;
} columns;

static ingot_status check(const ingot_call *call, const ingot_attrs_col2im *attrs, columns *c)
{
    INGOT_TRY(ingot_kernel_check(call, "col2im", 1, 1));
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    KERNEL_REQUIRE(x->rank == 3 && y->rank >= 3 && call->n_sym == 2 * (y->rank - 2) && x->dtype == y->dtype &&
                       ingot_dtype_is_float(x->dtype),
                   "col2im: %s of rank %d to rank %d", ingot_dtype_name(x->dtype), x->rank, y->rank);
    c->rank = y->rank - 2;
    c->block_count = 1;
    int64_t all = 1;
    for (int32_t d = 0; d < c->rank; d++) {
        int64_t size = y->dims[2 + d], block = call->sym[c->rank + d], stride = kernel_int(&attrs->strides, d, 1),
                dilation = kernel_int(&attrs->dilations, d, 1), pads = kernel_int(&attrs->pads, d, 0);
        pads += kernel_int(&attrs->pads, c->rank + d, 0);
        KERNEL_REQUIRE(size <= INT32_MAX && block >= 1 && block <= INT32_MAX && stride >= 1 && dilation >= 1 &&
                           dilation <= INT32_MAX && pads >= 0 && pads <= INT32_MAX &&
                           size + pads >= dilation * (block - 1) + 1,
                       "col2im: axis %d has size %lld, block %lld, dilation %lld, pads of %lld", d, (long long)size,
                       (long long)block, (long long)dilation, (long long)pads);
        c->image[d] = size;
        c->block[d] = block;
        c->count[d] = (size + pads - dilation * (block - 1) - 1) / stride + 1;
        KERNEL_REQUIRE(!__builtin_mul_overflow(c->block_count, block, &c->block_count) &&
                           !__builtin_mul_overflow(all, c->count[d], &all),
                       "col2im: the sizes of the blocks overflow");
    }
    kernel_strides(c->rank, c->count, c->strides);
    KERNEL_REQUIRE(x->dims[2] == all && x->dims[0] == y->dims[0] && x->dims[1] % c->block_count == 0 &&
                       x->dims[1] / c->block_count == y->dims[1],
                   "col2im: x is [%lld, %lld, %lld], blocks of %lld elements at %lld places make %lld channels",
                   (long long)x->dims[0], (long long)x->dims[1], (long long)x->dims[2], (long long)c->block_count,
                   (long long)all, (long long)y->dims[1]);
    return NULL;
}

ingot_status ingot_portable_col2im(const ingot_call *call)
{
    const ingot_tensor *x = &call->in[0], *y = &call->out[0];
    const ingot_attrs_col2im *attrs = call->attrs;
    columns c;
    INGOT_TRY(check(call, attrs, &c));
    if (!ingot_tensor_count(y))
        return NULL;
    int64_t at_y = 0, position[INGOT_MAX_RANK] = {0};
    for (int64_t channel = 0; channel < y->dims[0] * y->dims[1]; channel++) {
        do {
            double sum = 0;
            int64_t tap[INGOT_MAX_RANK] = {0}, row = channel * c.block_count;
            do {
                int64_t column = 0;
                for (int32_t d = 0; d < c.rank && column >= 0; d++) {
                    int64_t stride = kernel_int(&attrs->strides, d, 1);
                    int64_t i =
                        position[d] + kernel_int(&attrs->pads, d, 0) - tap[d] * kernel_int(&attrs->dilations, d, 1);
                    bool covers = i >= 0 && i % stride == 0 && i / stride < c.count[d];
                    column = covers ? column + i / stride * c.strides[d] : -1;
                }
                if (column >= 0)
                    sum += ingot_load_f64(x->data, x->dtype, row * x->dims[2] + column);
                row++;
            } while (kernel_next(c.rank, c.block, tap));
            ingot_store_f64(y->data, y->dtype, at_y++, sum);
        } while (kernel_next(c.rank, c.image, position));
    }
    return NULL;
}
