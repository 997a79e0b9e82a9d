/* Shape rules of ops that read images at places that data gives: grids, offsets, indices, regions. */
#include "ir/shape.h"

RULE(grid_sample)
{
    const ingot_type *x = in_type(op, 0), *grid = in_type(op, 1);
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 3, INGOT_MAX_RANK));
    INGOT_TRY(ingot_infer_need_rank(op, 1, x->rank, x->rank));
    if (!ingot_dtype_is_float(grid->dtype))
        return BAD("a grid of %s, expected a floating-point type", ingot_dtype_name(grid->dtype));
    INGOT_TRY(
        ingot_infer_unify(op, grid->dims[x->rank - 1], constant(op, x->rank - 2), "coordinates and axes", &merged));
    ingot_type t = *x;
    INGOT_TRY(ingot_infer_unify(op, x->dims[0], grid->dims[0], "samples of x and grid", &t.dims[0]));
    for (int32_t i = 2; i < x->rank; i++)
        t.dims[i] = grid->dims[i - 1];
    set_type(op, 0, &t);
    return NULL;
}

/* A list attribute of n numbers, each at least `lo`; an empty one becomes n times `otherwise`. */
static ingot_status fill(ingot_ints *list, int64_t n, int64_t otherwise, int64_t lo, const char *what)
{
    for (int64_t i = 0; list->n == 0 && i < n; i++)
        list->v[i] = otherwise;
    list->n = list->n ? list->n : n;
    if (list->n != n)
        return BAD("%lld %s, expected %lld", (long long)list->n, what, (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (list->v[i] < lo || list->v[i] > INT32_MAX)
            return BAD("%s of %lld", what, (long long)list->v[i]);
    return NULL;
}

RULE(col2im)
{
    ingot_attrs_col2im *a = op->attrs;
    ingot_module *m = module_of(op);
    INGOT_TRY(ingot_infer_need_rank(op, 0, 3, 3));
    const ingot_type *x = in_type(op, 0);
    int32_t n = op->n_sym / 2;
    if (op->n_sym != 2 * n || n < 1 || n + 2 > INGOT_MAX_RANK)
        return BAD("%d sizes of image and block", (int)op->n_sym);
    INGOT_TRY(fill(&a->strides, n, 1, 1, "strides"));
    INGOT_TRY(fill(&a->pads, 2 * (int64_t)n, 0, 0, "pads"));
    INGOT_TRY(fill(&a->dilations, n, 1, 1, "dilations"));
    ingot_type t = {.dtype = x->dtype, .rank = n + 2};
    const ingot_dim *block = constant(op, 1);
    for (int32_t i = 0; i < n; i++) {
        if (op->sym[n + i]->hi < 1)
            return BAD("a block of size %lld", (long long)op->sym[n + i]->hi);
        t.dims[2 + i] = op->sym[i];
        block = ingot_dim_mul(m, block, op->sym[n + i]);
    }
    t.dims[0] = x->dims[0];
    INGOT_TRY(ingot_module_require(m, INGOT_CHECK_DIVIDES, block, x->dims[1], op));
    t.dims[1] = ingot_dim_floordiv(m, x->dims[1], block);
    set_type(op, 0, &t);
    return NULL;
}

RULE(deform_conv)
{
    ingot_attrs_deform_conv *a = op->attrs;
    for (int32_t i = 0; i < 3; i++)
        INGOT_TRY(ingot_infer_need_rank(op, i, 4, 4));
    for (int32_t i = 1; i < 5; i++)
        INGOT_TRY(ingot_infer_need_same_dtype(op, 0, i));
    const ingot_type *x = in_type(op, 0), *w = in_type(op, 1), *offset = in_type(op, 2);
    const ingot_dim *merged;
    if (a->groups < 1 || a->offset_groups < 1)
        return BAD("%lld groups, %lld offset groups", (long long)a->groups, (long long)a->offset_groups);
    INGOT_TRY(fill(&a->strides, 2, 1, 1, "strides"));
    INGOT_TRY(fill(&a->pads, 4, 0, 0, "pads"));
    INGOT_TRY(fill(&a->dilations, 2, 1, 1, "dilations"));
    INGOT_TRY(ingot_infer_unify(op, x->dims[1], ingot_dim_mul(module_of(op), w->dims[1], constant(op, a->groups)),
                                "channels and weights", &merged));
    ingot_type t = *x;
    t.dims[1] = w->dims[0];
    for (int32_t i = 0; i < 2; i++) {
        ingot_module *m = module_of(op);
        const ingot_dim *one = constant(op, 1);
        const ingot_dim *reach =
            ingot_dim_mul(m, ingot_dim_sub(m, w->dims[2 + i], one), constant(op, a->dilations.v[i]));
        const ingot_dim *room = ingot_dim_sub(m, x->dims[2 + i], ingot_dim_add(m, reach, one));
        room = ingot_dim_add(m, room, constant(op, a->pads.v[i] + a->pads.v[2 + i]));
        const ingot_dim *count = ingot_dim_add(m, ingot_dim_floordiv(m, room, constant(op, a->strides.v[i])), one);
        INGOT_TRY(ingot_infer_unify(op, count, offset->dims[2 + i], "windows and offsets", &t.dims[2 + i]));
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(max_unpool)
{
    const ingot_type *x = in_type(op, 0);
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_sym(op, 2 * x->rank));
    INGOT_TRY(ingot_infer_need_rank(op, 1, x->rank, x->rank));
    ingot_type t = *x;
    for (int32_t i = 0; i < x->rank; i++) {
        INGOT_TRY(ingot_infer_unify(op, x->dims[i], in_type(op, 1)->dims[i], "x and indices", &merged));
        t.dims[i] = op->sym[x->rank + i];
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(roi_pool) /* roi_align, max_roi_pool */
{
    const ingot_attrs_roi *a = op->attrs;
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 4, 4));
    INGOT_TRY(ingot_infer_need_rank(op, 1, 2, 2));
    const ingot_type *x = in_type(op, 0), *rois = in_type(op, 1);
    int64_t width = op->kind == INGOT_OP_roi_align ? 4 : 5;
    INGOT_TRY(ingot_infer_unify(op, rois->dims[1], constant(op, width), "numbers of a region", &merged));
    ingot_type t = *x;
    t.dims[0] = rois->dims[0];
    if (in_type(op, 2)) {
        INGOT_TRY(ingot_infer_need_rank(op, 2, 1, 1));
        INGOT_TRY(
            ingot_infer_unify(op, rois->dims[0], in_type(op, 2)->dims[0], "regions and batch indices", &t.dims[0]));
    }
    if (a->height < 1 || a->width < 1 || a->height > INT32_MAX || a->width > INT32_MAX)
        return BAD("regions of %lld by %lld cells", (long long)a->height, (long long)a->width);
    t.dims[2] = constant(op, a->height);
    t.dims[3] = constant(op, a->width);
    set_type(op, 0, &t);
    return NULL;
}

RULE(image_size)
{
    int64_t two = 2;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 1, 1));
    ingot_type t = ingot_type_static(module_of(op), INGOT_I64, 1, &two);
    set_type(op, 0, &t);
    return NULL;
}

RULE(image_decode)
{
    bool gray = ((const ingot_attrs_image *)op->attrs)->format == INGOT_PIXEL_GRAYSCALE;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 1, 1));
    INGOT_TRY(ingot_infer_need_sym(op, 2));
    ingot_type t =
        ingot_type_make(INGOT_U8, 3, (const ingot_dim *[]){op->sym[0], op->sym[1], constant(op, gray ? 1 : 3)});
    set_type(op, 0, &t);
    return NULL;
}
