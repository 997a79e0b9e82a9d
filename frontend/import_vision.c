/* Images read at places that data gives: sampling grids, deformed convolutions, regions; and the inverses of pools and
 * of unfolding. */
#include "frontend/import.h"
#include <string.h>

void ingot_import_grid_sample(ingot_node *n)
{
    static const char *const old_modes[] = {"nearest", "bilinear", "bicubic", NULL};
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    bool old = n->opset < 20;
    if (!n->error && old && n->in[0]->type.rank != 4) {
        ingot_node_bad(n, "an input of rank %d, expected 4 before opset 20", n->in[0]->type.rank);
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_grid_sample, 2, n->in, 1);
    ingot_attrs_grid_sample *a = op->attrs;
    a->mode = ingot_attr_choice(n, "mode", old ? "bilinear" : "linear", old ? old_modes : modes);
    a->padding = ingot_attr_choice(n, "padding_mode", "zeros", paddings);
    a->align_corners = ingot_attr_int(n, "align_corners", 0) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

/* 0, 1, ... along `axis` of a tensor of that rank, scaled to the centres (or corners) of [-1, 1]. */
static ingot_value *ramp(ingot_node *n, ingot_dtype dtype, const ingot_dim *size, int32_t axis, int32_t rank,
                         bool align_corners)
{
    ingot_value *bounds[] = {ingot_splat(n, INGOT_I64, 0), ingot_splat(n, INGOT_I64, 1)};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_range, 2, bounds, 1);
    ingot_emit_sym(n, op, 1, &size);
    ingot_value *i = ingot_cast(n, ingot_emit_end(n, op), dtype);
    const ingot_dim *steps = size, *shape[INGOT_MAX_RANK], *one = ingot_const_dim(n, 1);
    if (align_corners) /* a single element lies at -1 */
        steps = ingot_dim_max(n->m, ingot_dim_sub(n->m, size, one), one);
    ingot_value *whole = ingot_cast(n, ingot_dims_value(n, -1, &steps), dtype);
    i = ingot_emit2(n, INGOT_OP_mul, i, ingot_splat(n, dtype, 2));
    if (!align_corners)
        i = ingot_emit2(n, INGOT_OP_add, i, ingot_splat(n, dtype, 1));
    i = ingot_emit2(n, INGOT_OP_sub, ingot_emit2(n, INGOT_OP_div, i, whole), ingot_splat(n, dtype, 1));
    for (int32_t k = 0; k < rank; k++)
        shape[k] = k == axis ? size : one;
    return ingot_reshape(n, i, rank, shape);
}

/* theta [N, r, r + 1] times (x, y, z, 1) at every place of an image of `size` [N, C, ...]: [N, ..., r]. */
void ingot_import_affine_grid(ingot_node *n)
{
    ingot_value *theta = n->in[0], *sizes = n->in[1];
    if (theta->type.rank == 3 && ingot_dim_is_const(theta->type.dims[1]) && theta->type.dims[1]->value < 4)
        sizes = ingot_list_of(n, sizes, theta->type.dims[1]->value + 2);
    int64_t count = n->error ? 4 : ingot_type_count(&sizes->type);
    bool corners = ingot_attr_int(n, "align_corners", 0) != 0;
    if (count < 0) {
        ingot_node_unsupported(
            n, "the number of sizes, which is the rank of the result, must be known: pin it with --shape");
        return;
    }
    if (theta->type.rank != 3 || (count != 4 && count != 5)) {
        ingot_node_bad(n, "theta of rank %d and %lld sizes, expected rank 3 and 4 or 5 sizes", theta->type.rank,
                       (long long)count);
        return;
    }
    const ingot_dim *size[INGOT_MAX_CONTENT], *one = ingot_const_dim(n, 1);
    int32_t r = (int32_t)count - 2, rank = r + 2;
    if (ingot_operand_dims(n, sizes, 1, INGOT_DIM_MAX_VALUE, size) != count)
        return;
    if (!ingot_dim_is(theta->type.dims[1], r) || !ingot_dim_is(theta->type.dims[2], r + 1)) {
        ingot_node_bad(n, "theta must be [N, %d, %d]", r, r + 1);
        return;
    }
    ingot_value *sum = NULL;
    for (int32_t k = 0; k <= r; k++) {
        /* column k of theta as [N, 1, ..., r]; coordinate k runs along the k-th axis from the last */
        const ingot_dim *shape[INGOT_MAX_RANK];
        ingot_value *column = ingot_slice(n, theta, 2, ingot_const_dim(n, k), one);
        for (int32_t i = 0; i < rank; i++)
            shape[i] = i == 0 ? theta->type.dims[0] : i == rank - 1 ? theta->type.dims[1] : one;
        column = ingot_reshape(n, column, rank, shape);
        if (k < r)
            column = ingot_emit2(n, INGOT_OP_mul, column,
                                 ramp(n, theta->type.dtype, size[2 + r - 1 - k], r - k, rank, corners));
        sum = sum ? ingot_emit2(n, INGOT_OP_add, sum, column) : column;
    }
    n->out[0] = sum;
}

/* The number of spatial axes, as one of the lists or an attribute tells; -1: none does. */
static int64_t col2im_axes(ingot_node *n, ingot_value *const *lists)
{
    ingot_ints list;
    for (int i = 0; i < 2; i++)
        if (lists[i]->type.rank == 1 && ingot_dim_is_const(lists[i]->type.dims[0]))
            return lists[i]->type.dims[0]->value;
    if (ingot_attr_ints(n, "strides", &list) || ingot_attr_ints(n, "dilations", &list))
        return list.n;
    return ingot_attr_ints(n, "pads", &list) ? list.n / 2 : -1;
}

void ingot_import_col2im(ingot_node *n)
{
    const ingot_dim *sizes[2 * INGOT_MAX_CONTENT];
    ingot_value *lists[] = {n->in[1], n->in[2]};
    int64_t spatial = col2im_axes(n, lists);
    for (int i = 0; i < 2 && spatial >= 0; i++)
        lists[i] = ingot_list_of(n, lists[i], spatial);
    int32_t image = ingot_operand_dims(n, lists[0], 1, INGOT_DIM_MAX_VALUE, sizes);
    int32_t block = ingot_operand_dims(n, lists[1], 1, INGOT_DIM_MAX_VALUE, sizes + image);
    if (!n->error && (image != block || image < 1))
        ingot_node_bad(n, "%d sizes of the image, %d of the block", image, block);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_col2im, 1, n->in, 1);
    ingot_attrs_col2im *a = op->attrs;
    ingot_attr_ints(n, "strides", &a->strides);
    ingot_attr_ints(n, "pads", &a->pads);
    ingot_attr_ints(n, "dilations", &a->dilations);
    ingot_emit_sym(n, op, image + block, sizes);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_deform_conv(ingot_node *n)
{
    ingot_ints kernel;
    if (n->in[0]->type.rank != 4) {
        ingot_node_unsupported(n, "an input of rank %d: only images [N, C, H, W] are supported", n->in[0]->type.rank);
        return;
    }
    const ingot_type *w = &n->in[1]->type;
    if (ingot_attr_ints(n, "kernel_shape", &kernel) && kernel.n && w->rank == 4 &&
        (kernel.n != 2 || (ingot_dim_is_const(w->dims[2]) && w->dims[2]->value != kernel.v[0]) ||
         (ingot_dim_is_const(w->dims[3]) && w->dims[3]->value != kernel.v[1])))
        ingot_node_bad(n, "kernel_shape does not agree with the weights");
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_deform_conv, n->in[4] ? 5 : n->in[3] ? 4 : 3, n->in, 1);
    ingot_attrs_deform_conv *a = op->attrs;
    a->groups = ingot_attr_int(n, "group", 1);
    a->offset_groups = ingot_attr_int(n, "offset_group", 1);
    ingot_attr_ints(n, "strides", &a->strides);
    ingot_attr_ints(n, "pads", &a->pads);
    ingot_attr_ints(n, "dilations", &a->dilations);
    n->out[0] = ingot_emit_end(n, op);
}

/* Indices count in a tensor of the sizes that the pool had by its attributes; a larger output_shape has that tensor in
 * its first corner. */
void ingot_import_max_unpool(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_ints kernel = {0}, strides = {0}, pads = {0};
    int32_t rank = ingot_node_rank(n, x, 3), spatial = rank - 2;
    bool given = ingot_attr_ints(n, "kernel_shape", &kernel);
    ingot_attr_ints(n, "strides", &strides);
    ingot_attr_ints(n, "pads", &pads);
    if (n->error)
        return;
    if (!given || kernel.n != spatial || (strides.n && strides.n != spatial) || (pads.n && pads.n != 2 * spatial)) {
        ingot_node_bad(n, "%lld kernel sizes, %lld strides, %lld pads for %d axes", (long long)kernel.n,
                       (long long)strides.n, (long long)pads.n, spatial);
        return;
    }
    const ingot_dim *sizes[2 * INGOT_MAX_CONTENT];
    for (int32_t i = 0; i < rank; i++) {
        sizes[i] = x->type.dims[i];
        if (i < 2)
            continue;
        int64_t stride = strides.n ? strides.v[i - 2] : 1;
        int64_t padded = pads.n ? pads.v[i - 2] + pads.v[spatial + i - 2] : 0;
        if (stride < 1 || stride > INT32_MAX || padded < 0 || padded > INT32_MAX || kernel.v[i - 2] < 1 ||
            kernel.v[i - 2] > INT32_MAX) {
            ingot_node_bad(n, "kernel size %lld, stride %lld, pads of %lld", (long long)kernel.v[i - 2],
                           (long long)stride, (long long)padded);
            return;
        }
        const ingot_dim *span =
            ingot_dim_mul(n->m, ingot_dim_sub(n->m, sizes[i], ingot_const_dim(n, 1)), ingot_const_dim(n, stride));
        sizes[i] = ingot_dim_add(n->m, span, ingot_const_dim(n, kernel.v[i - 2] - padded));
    }
    if (!n->in[2])
        memcpy(sizes + rank, sizes, (size_t)rank * sizeof *sizes);
    else if (ingot_operand_dims(n, ingot_list_of(n, n->in[2], rank), 0, INGOT_DIM_MAX_VALUE, sizes + rank) != rank)
        ingot_node_bad(n, "output_shape must have %d sizes", rank);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_max_unpool, 2, n->in, 1);
    ingot_emit_sym(n, op, 2 * rank, sizes);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_roi_align(ingot_node *n)
{
    static const char *const modes[] = {"avg", "max", NULL};
    static const char *const coordinates[] = {"output_half_pixel", "half_pixel", NULL};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_roi_align, 3, n->in, 1);
    ingot_attrs_roi *a = op->attrs;
    a->height = ingot_attr_int(n, "output_height", 1);
    a->width = ingot_attr_int(n, "output_width", 1);
    a->sampling = ingot_attr_int(n, "sampling_ratio", 0);
    a->scale = ingot_attr_float(n, "spatial_scale", 1);
    a->max = ingot_attr_choice(n, "mode", "avg", modes);
    if (n->opset >= 16)
        a->half_pixel = ingot_attr_choice(n, "coordinate_transformation_mode", "half_pixel", coordinates);
    n->out[0] = ingot_emit_end(n, op);
}

void ingot_import_max_roi_pool(ingot_node *n)
{
    ingot_ints cells;
    if (!ingot_attr_ints(n, "pooled_shape", &cells) || cells.n != 2) {
        ingot_node_bad(n, "pooled_shape must be two numbers");
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_max_roi_pool, 2, n->in, 1);
    ingot_attrs_roi *a = op->attrs;
    a->height = cells.v[0];
    a->width = cells.v[1];
    a->scale = ingot_attr_float(n, "spatial_scale", 1);
    n->out[0] = ingot_emit_end(n, op);
}

/* The sizes of the picture are known once its bytes are. */
void ingot_import_image_decoder(ingot_node *n)
{
    static const char *const formats[] = {"RGB", "BGR", "Grayscale", NULL};
    const ingot_dim *sizes[INGOT_MAX_CONTENT];
    int32_t format = ingot_attr_choice(n, "pixel_format", "RGB", formats);
    ingot_value *size = ingot_emit1(n, INGOT_OP_image_size, n->in[0]);
    if (ingot_operand_dims(n, size, 1, INT32_MAX, sizes) != 2)
        return;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_image_decode, 1, n->in, 1);
    ((ingot_attrs_image *)op->attrs)->format = format;
    ingot_emit_sym(n, op, 2, sizes);
    n->out[0] = ingot_emit_end(n, op);
}
