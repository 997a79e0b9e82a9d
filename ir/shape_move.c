/* Shape rules of ops that move, select or make elements. */
#include "ir/shape.h"

/* Result type: the sizes of op->sym with the element type of operand 0. */
static ingot_status sym_type(const ingot_op *op, ingot_type *out)
{
    if (op->n_sym > INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "%d sizes, at most %d", (int)op->n_sym, INGOT_MAX_RANK);
    *out = ingot_type_make(in_type(op, 0)->dtype, op->n_sym, op->sym);
    return NULL;
}

RULE(reshape)
{
    ingot_module *m = module_of(op);
    ingot_type t;
    const ingot_dim *merged;
    INGOT_TRY(sym_type(op, &t));
    INGOT_TRY(ingot_infer_unify(op, ingot_type_count_dim(m, in_type(op, 0)), ingot_type_count_dim(m, &t),
                                "elements before and after", &merged));
    set_type(op, 0, &t);
    return NULL;
}

RULE(transpose)
{
    ingot_ints *perm = &((ingot_attrs_perm *)op->attrs)->perm;
    const ingot_type *x = in_type(op, 0);
    ingot_type t = *x;
    if (perm->n != x->rank)
        return BAD("a permutation of %lld axes", (long long)perm->n);
    INGOT_TRY(ingot_infer_axes(perm, x->rank, NULL));
    for (int32_t i = 0; i < x->rank; i++)
        t.dims[i] = x->dims[perm->v[i]];
    set_type(op, 0, &t);
    return NULL;
}

RULE(broadcast)
{
    const ingot_type *x = in_type(op, 0);
    ingot_type t;
    INGOT_TRY(sym_type(op, &t));
    INGOT_TRY(ingot_infer_spread_into(op, x, &t, "broadcast"));
    set_type(op, 0, &t);
    return NULL;
}

RULE(slice)
{
    ingot_attrs_slice *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    ingot_type t = *x;
    INGOT_TRY(ingot_infer_axes(&a->axes, x->rank, NULL));
    int32_t n = (int32_t)a->axes.n;
    INGOT_TRY(ingot_infer_need_sym(op, 2 * n));
    if (a->steps.n != n)
        return BAD("%lld steps for %d axes", (long long)a->steps.n, (int)n);
    for (int32_t i = 0; i < n; i++) {
        int64_t axis = a->axes.v[i], step = a->steps.v[i];
        const ingot_dim *start = op->sym[i], *count = op->sym[n + i], *size = x->dims[axis];
        if (step == 0)
            return BAD("step 0 on axis %lld", (long long)axis);
        if (ingot_dim_is_const(start) && ingot_dim_is_const(count) && ingot_dim_is_const(size) && count->value != 0) {
            int64_t span, last;
            bool bad = count->value < 0 || __builtin_mul_overflow(count->value - 1, step, &span) ||
                       __builtin_add_overflow(start->value, span, &last) || start->value < 0 ||
                       start->value >= size->value || last < 0 || last >= size->value;
            if (bad)
                return BAD("axis %lld: %lld elements from %lld with step %lld leave 0..%lld", (long long)axis,
                           (long long)count->value, (long long)start->value, (long long)step,
                           (long long)size->value - 1);
        }
        t.dims[axis] = count;
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(slice_dynamic)
{
    const ingot_type *x = in_type(op, 0), *starts = in_type(op, 1), *axes = in_type(op, 3);
    ingot_type t = *x;
    bool set[INGOT_MAX_RANK] = {false};
    const ingot_value *axes_value = op->n_in > 3 ? op->in[3] : NULL;
    bool known = false;
    if (!axes && starts->rank == 1 && ingot_dim_is_const(starts->dims[0])) { /* the first axes */
        known = true;
        for (int64_t i = 0; i < starts->dims[0]->value && i < x->rank; i++)
            set[i] = true;
    } else if (axes_value && axes_value->content) {
        known = true;
        for (int32_t i = 0; i < axes_value->n_content; i++) {
            const ingot_dim *axis = axes_value->content[i];
            if (!axis || !ingot_dim_is_const(axis)) {
                known = false;
                break;
            }
            int64_t at = axis->value;
            INGOT_TRY(ingot_infer_axis(&at, x->rank));
            set[at] = true;
        }
    }
    for (int32_t i = 0; i < x->rank; i++) {
        if (!known || set[i])
            t.dims[i] = ingot_infer_data_symbol(op, "slice", x->dims[i], 0, i);
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(concat)
{
    ingot_attrs_axis *a = op->attrs;
    ingot_module *m = module_of(op);
    ingot_type t = *in_type(op, 0);
    INGOT_TRY(ingot_infer_axis(&a->axis, t.rank));
    for (int32_t i = 1; i < op->n_in; i++) {
        const ingot_type *x = in_type(op, i);
        if (!x)
            return BAD("operand %d is left out", (int)i);
        INGOT_TRY(ingot_infer_need_same_dtype(op, 0, i));
        INGOT_TRY(ingot_infer_need_rank(op, i, t.rank, t.rank));
        for (int32_t k = 0; k < t.rank; k++) {
            if (k == a->axis)
                t.dims[k] = ingot_dim_add(m, t.dims[k], x->dims[k]);
            else
                INGOT_TRY(ingot_infer_unify(op, t.dims[k], x->dims[k], "sizes beside the axis", &t.dims[k]));
        }
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(pad)
{
    ingot_module *m = module_of(op);
    ingot_type t = *in_type(op, 0);
    INGOT_TRY(ingot_infer_need_sym(op, 2 * t.rank));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    for (int32_t i = 0; i < t.rank; i++)
        t.dims[i] = ingot_dim_add(m, ingot_dim_add(m, t.dims[i], op->sym[i]), op->sym[t.rank + i]);
    set_type(op, 0, &t);
    return NULL;
}

static ingot_status push(ingot_type *t, const ingot_dim *d)
{
    if (t->rank == INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "a result of more than %d axes", INGOT_MAX_RANK);
    t->dims[t->rank++] = d;
    return NULL;
}

static ingot_status need_indices(const ingot_op *op)
{
    ingot_dtype dtype = in_type(op, 1)->dtype;
    return dtype == INGOT_I32 || dtype == INGOT_I64
               ? NULL
               : BAD("indices of type %s, expected i32 or i64", ingot_dtype_name(dtype));
}

RULE(gather)
{
    ingot_attrs_axis *a = op->attrs;
    const ingot_type *x = in_type(op, 0), *indices = in_type(op, 1);
    ingot_type t = {.dtype = x->dtype};
    INGOT_TRY(need_indices(op));
    INGOT_TRY(ingot_infer_axis(&a->axis, x->rank));
    for (int32_t i = 0; i < x->rank; i++) {
        for (int32_t k = 0; i == a->axis && k < indices->rank; k++)
            INGOT_TRY(push(&t, indices->dims[k]));
        if (i != a->axis)
            INGOT_TRY(push(&t, x->dims[i]));
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(gather_elements)
{
    const ingot_type *x = in_type(op, 0);
    INGOT_TRY(need_indices(op));
    INGOT_TRY(ingot_infer_axis(&((ingot_attrs_axis *)op->attrs)->axis, x->rank));
    INGOT_TRY(ingot_infer_need_rank(op, 1, x->rank, x->rank));
    ingot_type t = *in_type(op, 1);
    t.dtype = x->dtype;
    set_type(op, 0, &t);
    return NULL;
}

RULE(gather_nd)
{
    int64_t batch = ((const ingot_attrs_gather_nd *)op->attrs)->batch_dims;
    const ingot_type *x = in_type(op, 0), *indices = in_type(op, 1);
    ingot_type t = {.dtype = x->dtype};
    INGOT_TRY(need_indices(op));
    INGOT_TRY(ingot_infer_need_rank(op, 1, 1, INGOT_MAX_RANK));
    const ingot_dim *depth = indices->dims[indices->rank - 1];
    if (!ingot_dim_is_const(depth))
        return ingot_fail(INGOT_UNSUPPORTED, "the length of index tuples depends on the run");
    if (batch < 0 || batch >= indices->rank || depth->value < 0 || batch > x->rank || depth->value > x->rank - batch)
        return BAD("%lld batch axes and index tuples of %lld", (long long)batch, (long long)depth->value);
    for (int32_t i = 0; i < indices->rank - 1; i++) {
        const ingot_dim *d = indices->dims[i];
        if (i < batch)
            INGOT_TRY(ingot_infer_unify(op, d, x->dims[i], "batch", &d));
        INGOT_TRY(push(&t, d));
    }
    for (int32_t i = (int32_t)(batch + depth->value); i < x->rank; i++)
        INGOT_TRY(push(&t, x->dims[i]));
    set_type(op, 0, &t);
    return NULL;
}

RULE(one_hot)
{
    ingot_attrs_one_hot *a = op->attrs;
    const ingot_type *indices = in_type(op, 0);
    ingot_type t = {.dtype = in_type(op, 1)->dtype};
    INGOT_TRY(ingot_infer_need_sym(op, 1));
    INGOT_TRY(ingot_infer_axis(&a->axis, indices->rank + 1));
    for (int32_t i = 0, from = 0; i <= indices->rank; i++)
        INGOT_TRY(push(&t, i == a->axis ? op->sym[0] : indices->dims[from++]));
    set_type(op, 0, &t);
    return NULL;
}

RULE(range)
{
    INGOT_TRY(ingot_infer_need_sym(op, 1));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    ingot_type t = ingot_type_make(in_type(op, 0)->dtype, 1, op->sym);
    set_type(op, 0, &t);
    return NULL;
}

RULE(eye)
{
    int64_t to = ((const ingot_attrs_cast *)op->attrs)->to;
    INGOT_TRY(ingot_infer_need_sym(op, 3));
    if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT)
        return BAD("unknown type %lld", (long long)to);
    ingot_type t = ingot_type_make((ingot_dtype)to, 2, op->sym);
    set_type(op, 0, &t);
    return NULL;
}

RULE(random)
{
    int64_t to = ((const ingot_attrs_random *)op->attrs)->to;
    if (to <= INGOT_UNDEFINED || to >= INGOT_DTYPE_COUNT || !ingot_dtype_is_float((ingot_dtype)to))
        return BAD("%lld is not a floating-point type", (long long)to);
    if (op->n_sym > INGOT_MAX_RANK)
        return ingot_fail(INGOT_LIMIT, "%d sizes, at most %d", (int)op->n_sym, INGOT_MAX_RANK);
    ingot_type t = ingot_type_make((ingot_dtype)to, op->n_sym, op->sym);
    set_type(op, 0, &t);
    return NULL;
}

RULE(resize)
{
    ingot_type t = *in_type(op, 0);
    INGOT_TRY(ingot_infer_need_sym(op, t.rank));
    for (int32_t i = 0; i < t.rank; i++)
        t.dims[i] = op->sym[i];
    if (in_type(op, 1) && (ingot_type_count(in_type(op, 1)) != t.rank || !ingot_dtype_is_float(in_type(op, 1)->dtype)))
        return BAD("operand 1 is not a list of %d scales", (int)t.rank);
    if (in_type(op, 2) &&
        (ingot_type_count(in_type(op, 2)) != 2 * t.rank || !ingot_dtype_is_float(in_type(op, 2)->dtype)))
        return BAD("operand 2 is not a region of %d numbers", 2 * (int)t.rank);
    if (op->n_scales && op->n_scales != t.rank)
        return BAD("%d scales for rank %d", (int)op->n_scales, (int)t.rank);
    INGOT_TRY(ingot_infer_axes(&((ingot_attrs_resize *)op->attrs)->axes, t.rank, NULL));
    set_type(op, 0, &t);
    return NULL;
}

/* Whether nearest resizing by a whole factor above 1 reads element floor(o / factor) for every o. With half-pixel
 * coordinates no position is halfway between two elements, so that all ways of rounding to the nearest agree. */
static bool reads_floor(const ingot_attrs_resize *a, int64_t factor)
{
    switch (a->coords) {
    case INGOT_COORDS_ASYMMETRIC:
        return a->nearest == INGOT_NEAREST_FLOOR || (factor == 2 && a->nearest == INGOT_NEAREST_ROUND_PREFER_FLOOR);
    case INGOT_COORDS_HALF_PIXEL:
    case INGOT_COORDS_PYTORCH_HALF_PIXEL: /* differs for results of one element */
    case INGOT_COORDS_HALF_PIXEL_SYMMETRIC:
        return a->nearest == INGOT_NEAREST_ROUND_PREFER_FLOOR || a->nearest == INGOT_NEAREST_ROUND_PREFER_CEIL;
    default:
        return false;
    }
}

/* The whole number that takes size `from` to size `to` in every run; 0: there is none, or it is large. */
static int64_t whole_factor(ingot_module *m, const ingot_dim *from, const ingot_dim *to)
{
    enum { LARGEST = 64 }; /* tried for sizes that are open */
    if (from == to)
        return 1;
    if (ingot_dim_is_const(from) && ingot_dim_is_const(to))
        return from->value >= 1 && to->value % from->value == 0 ? to->value / from->value : 0;
    for (int64_t f = 2; f <= LARGEST; f++)
        if (ingot_dim_mul(m, from, ingot_dim_const(m, f)) == to)
            return f;
    return 0;
}

bool ingot_resize_repeats(const ingot_op *op, int64_t *out_factors)
{
    const ingot_attrs_resize *a = op->attrs;
    const ingot_type *from = in_type(op, 0), *to = &op->out[0]->type;
    if (a->mode != INGOT_RESIZE_NEAREST || a->coords == INGOT_COORDS_TF_CROP_AND_RESIZE || op->n_in > 1 ||
        from->rank != to->rank)
        return false;
    for (int32_t d = 0; d < from->rank; d++) {
        int64_t factor = whole_factor(module_of(op), from->dims[d], to->dims[d]);
        if (factor < 1 || (factor > 1 && !reads_floor(a, factor)))
            return false;
        if (op->n_scales && op->scales[d] != (double)factor)
            return false; /* a result cut short: positions go by the scale */
        out_factors[d] = factor;
    }
    return true;
}

/* ---- sizes that the data decides ---- */

RULE(nonzero)
{
    const ingot_type *x = in_type(op, 0);
    ingot_type t = {.dtype = INGOT_I64, .rank = 2};
    t.dims[0] = constant(op, x->rank);
    t.dims[1] = ingot_infer_data_symbol(op, "nonzero", ingot_type_count_dim(module_of(op), x), 0, 1);
    set_type(op, 0, &t);
    return NULL;
}

RULE(compress)
{
    ingot_ints *axes = &((ingot_attrs_axes *)op->attrs)->axes;
    const ingot_type *x = in_type(op, 0);
    ingot_type t = *x;
    INGOT_TRY(ingot_infer_need_rank(op, 1, 1, 1));
    if (axes->n == 0) {
        t.rank = 1;
        t.dims[0] = ingot_infer_data_symbol(op, "compress", ingot_type_count_dim(module_of(op), x), 0, 0);
    } else {
        INGOT_TRY(ingot_infer_axes(axes, x->rank, NULL));
        if (axes->n != 1)
            return BAD("%lld axes, expected one at most", (long long)axes->n);
        t.dims[axes->v[0]] = ingot_infer_data_symbol(op, "compress", x->dims[axes->v[0]], 0, (int32_t)axes->v[0]);
    }
    set_type(op, 0, &t);
    return NULL;
}

RULE(unique)
{
    ingot_attrs_unique *a = op->attrs;
    const ingot_type *x = in_type(op, 0);
    ingot_type y = *x, list = {.dtype = INGOT_I64, .rank = 1};
    const ingot_dim *all = ingot_type_count_dim(module_of(op), x), *distinct;
    if (a->has_axis) {
        INGOT_TRY(ingot_infer_axis(&a->axis, x->rank));
        all = x->dims[a->axis];
        distinct = ingot_infer_data_symbol(op, "unique", all, 0, (int32_t)a->axis);
        y.dims[a->axis] = distinct;
    } else {
        distinct = ingot_infer_data_symbol(op, "unique", all, 0, 0);
        y.rank = 1;
        y.dims[0] = distinct;
    }
    set_type(op, 0, &y);
    list.dims[0] = distinct;
    set_type(op, 1, &list); /* first places */
    set_type(op, 3, &list); /* counts */
    list.dims[0] = all;
    set_type(op, 2, &list); /* inverse */
    return NULL;
}

RULE(topk)
{
    ingot_attrs_topk *a = op->attrs;
    ingot_type t = *in_type(op, 0);
    INGOT_TRY(ingot_infer_axis(&a->axis, t.rank));
    INGOT_TRY(ingot_infer_need_sym(op, 1));
    if (op->sym[0]->lo > t.dims[a->axis]->hi)
        return BAD("k is %lld, the axis has %lld elements", (long long)op->sym[0]->lo, (long long)t.dims[a->axis]->hi);
    t.dims[a->axis] = op->sym[0];
    set_type(op, 0, &t);
    t.dtype = INGOT_I64;
    set_type(op, 1, &t);
    return NULL;
}

RULE(non_max_suppression)
{
    ingot_module *m = module_of(op);
    ingot_type t = {.dtype = INGOT_I64, .rank = 2};
    INGOT_TRY(ingot_infer_need_rank(op, 0, 3, 3));
    INGOT_TRY(ingot_infer_need_rank(op, 1, 3, 3));
    const ingot_type *boxes = in_type(op, 0), *scores = in_type(op, 1);
    const ingot_dim *batch, *count;
    INGOT_TRY(ingot_infer_unify(op, boxes->dims[0], scores->dims[0], "batches of boxes and scores", &batch));
    INGOT_TRY(ingot_infer_unify(op, boxes->dims[1], scores->dims[2], "boxes and scores", &count));
    const ingot_value *limit = op->n_in > 2 ? op->in[2] : NULL;
    if (!limit)
        count = constant(op, 0); /* ONNX: no limit given means no output */
    else if (limit->content && limit->n_content == 1 && limit->content[0] && ingot_dim_is_const(limit->content[0]))
        count = ingot_dim_max(m, constant(op, 0), ingot_dim_min(m, count, limit->content[0]));
    const ingot_dim *bound = ingot_dim_mul(m, ingot_dim_mul(m, batch, scores->dims[1]), count);
    t.dims[0] = ingot_infer_data_symbol(op, "nms", bound, 0, 0);
    t.dims[1] = constant(op, 3);
    set_type(op, 0, &t);
    return NULL;
}
