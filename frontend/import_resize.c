/* Resize and its elder, Upsample. */
#include "frontend/import.h"
#include <math.h>
#include <string.h>

static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
static const char *const old_modes[] = {"nearest", "linear", "bilinear", NULL};
static const char *const coords[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                     "asymmetric", "tf_crop_and_resize", "half_pixel_symmetric",
                                     NULL};
static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};

/* The fraction with the smallest denominator that rounds to the given float. */
static bool as_fraction(double scale, int64_t *out_num, int64_t *out_den)
{
    for (int64_t den = 1; den <= 1024; den++) {
        double num = round(scale * (double)den);
        if (num >= 1 && num <= 1e9 && (float)(num / (double)den) == (float)scale) {
            *out_num = (int64_t)num;
            *out_den = den;
            return true;
        }
    }
    return false;
}

/* floor(size * scale), with the product rounded to float as ONNX Runtime has it. */
static const ingot_dim *scaled_size(ingot_node *n, const ingot_dim *size, double scale)
{
    if (ingot_dim_is_const(size)) {
        double wanted = floor((double)((float)size->value * (float)scale));
        if (!(wanted >= 0 && wanted <= (double)INGOT_DIM_MAX_VALUE)) {
            ingot_node_bad(n, "a scale of %g", scale);
            return size;
        }
        return ingot_const_dim(n, (int64_t)wanted);
    }
    int64_t num, den;
    if (!as_fraction(scale, &num, &den)) {
        ingot_node_unsupported(n, "a scale of %g for a size that is not known: pin it with --shape", scale);
        return size;
    }
    return ingot_dim_floordiv(n->m, ingot_dim_mul(n->m, size, ingot_const_dim(n, num)), ingot_const_dim(n, den));
}

/* Lists that name only some axes (opset 18 on) spread over all; others keep their size. */
static bool spread_axes(ingot_node *n, int32_t rank, ingot_ints *axes)
{
    if (!ingot_attr_ints(n, "axes", axes) || !axes->n) {
        axes->n = rank;
        for (int32_t i = 0; i < rank; i++)
            axes->v[i] = i;
        return true;
    }
    bool used[INGOT_MAX_RANK] = {0};
    for (int64_t i = 0; i < axes->n; i++) {
        axes->v[i] = ingot_node_axis(n, axes->v[i], rank);
        if (!n->error && used[axes->v[i]])
            ingot_node_bad(n, "axis %lld is named twice", (long long)axes->v[i]);
        if (n->error)
            return false;
        used[axes->v[i]] = true;
    }
    return true;
}

/* What decides a result: sizes always; scales of all axes where they were given, as numbers or, when only a run knows
 * them, as a list of floats. */
typedef struct target {
    ingot_ints axes; /* those that are named */
    const ingot_dim *sizes[INGOT_MAX_RANK];
    double scales[INGOT_MAX_RANK];
    bool by_scale;
    ingot_value *run_scales; /* null: known, or none */
} target;

/* Numbers of the named axes as a list for all axes, with `other` for the rest. */
static ingot_value *for_all_axes(ingot_node *n, const target *t, ingot_value *named, int32_t rank, double other)
{
    const ingot_dim *one = ingot_const_dim(n, 1);
    ingot_value *parts[INGOT_MAX_RANK];
    for (int32_t i = 0; i < rank && !n->error; i++)
        parts[i] = ingot_reshape(n, ingot_splat_like(n, named, other), 1, &one);
    for (int64_t i = 0; i < t->axes.n && !n->error; i++)
        parts[t->axes.v[i]] = ingot_slice(n, named, 0, ingot_const_dim(n, i), one);
    return n->error ? named : ingot_concat(n, rank, parts, 0);
}

static ingot_value *named_sizes(ingot_node *n, const target *t, ingot_dtype dtype)
{
    const ingot_dim *dims[INGOT_MAX_RANK];
    for (int64_t i = 0; i < t->axes.n; i++)
        dims[i] = n->in[0]->type.dims[t->axes.v[i]];
    return ingot_cast(n, ingot_dims_value(n, (int32_t)t->axes.n, dims), dtype);
}

/* The named axes get sizes that the model computes: a list of whole numbers. */
static bool bind_sizes(ingot_node *n, target *t, ingot_value *sizes)
{
    const ingot_dim *wanted[INGOT_MAX_CONTENT];
    int32_t count = ingot_operand_dims(n, sizes, 0, INGOT_DIM_MAX_VALUE, wanted);
    if (!n->error && count != t->axes.n)
        ingot_node_bad(n, "%d sizes for %lld axes", count, (long long)t->axes.n);
    for (int32_t i = 0; i < count && !n->error; i++)
        t->sizes[t->axes.v[i]] = wanted[i];
    return !n->error;
}

/* Scales that only a run knows: sizes rounded down, as floats have them. */
static bool scale_in_run(ingot_node *n, target *t, ingot_value *scales)
{
    int64_t count = ingot_type_count(&scales->type);
    if (scales->type.rank != 1 || count < 0 || !ingot_dtype_is_float(scales->type.dtype)) {
        ingot_node_unsupported(n, "scales must be a list of floats of known length");
        return false;
    }
    if (count != t->axes.n) {
        ingot_node_bad(n, "%lld scales for %lld axes", (long long)count, (long long)t->axes.n);
        return false;
    }
    ingot_value *sizes = ingot_emit2(n, INGOT_OP_mul, named_sizes(n, t, scales->type.dtype), scales);
    if (!bind_sizes(n, t, ingot_cast(n, ingot_emit1(n, INGOT_OP_floor, sizes), INGOT_I64)))
        return false;
    t->run_scales = for_all_axes(n, t, scales, n->in[0]->type.rank, 1);
    return !n->error;
}

/* One scale for all named axes, so that the result is not larger (or smaller) than asked for; in the run. */
static bool keep_aspect_in_run(ingot_node *n, target *t, ingot_value *wanted, bool larger)
{
    const ingot_dim *count = ingot_const_dim(n, t->axes.n);
    if (ingot_type_count(&wanted->type) != t->axes.n) {
        ingot_node_bad(n, "%lld sizes for %lld axes", (long long)ingot_type_count(&wanted->type), (long long)t->axes.n);
        return false;
    }
    ingot_value *have = named_sizes(n, t, INGOT_F64);
    ingot_value *scale = ingot_emit2(n, INGOT_OP_div, ingot_cast(n, wanted, INGOT_F64), have);
    scale = ingot_reduce(n, scale, larger ? INGOT_REDUCE_MAX : INGOT_REDUCE_MIN, NULL, false);
    ingot_value *sizes =
        ingot_emit2(n, INGOT_OP_add, ingot_emit2(n, INGOT_OP_mul, have, scale), ingot_splat(n, INGOT_F64, 0.5));
    if (!bind_sizes(n, t, ingot_cast(n, ingot_emit1(n, INGOT_OP_floor, sizes), INGOT_I64)))
        return false;
    t->run_scales = for_all_axes(n, t, ingot_broadcast(n, scale, 1, &count), n->in[0]->type.rank, 1);
    return !n->error;
}

/* As above where everything is known now. */
static bool keep_aspect(ingot_node *n, target *t, ingot_value *operand, bool larger)
{
    const ingot_dim *wanted[INGOT_MAX_CONTENT];
    int32_t count = 0;
    double scale = larger ? 0 : INFINITY;
    bool known = ingot_known_dims(n, operand, &count, wanted) && count == t->axes.n;
    for (int32_t i = 0; i < count && known; i++) {
        const ingot_dim *size = n->in[0]->type.dims[t->axes.v[i]];
        known = ingot_dim_is_const(size) && ingot_dim_is_const(wanted[i]) && size->value > 0;
        if (known) {
            double s = (double)wanted[i]->value / (double)size->value;
            scale = larger ? fmax(scale, s) : fmin(scale, s);
        }
    }
    if (!known)
        return !n->error && keep_aspect_in_run(n, t, operand, larger);
    for (int32_t i = 0; i < count; i++) {
        double size = (double)n->in[0]->type.dims[t->axes.v[i]]->value;
        t->sizes[t->axes.v[i]] = ingot_const_dim(n, (int64_t)floor(size * scale + 0.5));
        t->scales[t->axes.v[i]] = scale;
    }
    t->by_scale = true;
    return !n->error;
}

static bool scale_by(ingot_node *n, target *t, int64_t count, const double *scales)
{
    if (count != t->axes.n) {
        ingot_node_bad(n, "%lld scales for %lld axes", (long long)count, (long long)t->axes.n);
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        if (!(scales[i] > 0 && scales[i] < 1e9)) {
            ingot_node_bad(n, "a scale of %g", scales[i]);
            return false;
        }
        t->scales[t->axes.v[i]] = scales[i];
        t->sizes[t->axes.v[i]] = scaled_size(n, n->in[0]->type.dims[t->axes.v[i]], scales[i]);
    }
    t->by_scale = true;
    return !n->error;
}

static bool read_target(ingot_node *n, target *t)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    int64_t count = 0;
    const double *given = NULL;
    bool upsample = !strcmp(n->view->op_type, "Upsample");
    ingot_value *scale_operand = upsample || n->opset < 11 ? n->in[1] : n->in[2];
    ingot_value *size_operand = upsample || n->opset < 11 ? NULL : n->in[3];
    if (!spread_axes(n, n->in[0]->type.rank, &t->axes))
        return false;
    scale_operand = ingot_list_of(n, scale_operand, t->axes.n);
    size_operand = ingot_list_of(n, size_operand, t->axes.n);
    double image[4] = {1, 1, ingot_attr_float(n, "height_scale", 1), ingot_attr_float(n, "width_scale", 1)};
    if (upsample && n->opset < 7) {
        return scale_by(n, t, 4, image);
    } else if (upsample && n->opset < 9) {
        const ingot_onnx_attr *a = ingot_attr_find(n, "scales", INGOT_ONNX_FLOATS);
        if (a && a->n)
            return scale_by(n, t, a->n, a->floats);
    } else if (scale_operand && ingot_type_count(&scale_operand->type) != 0) {
        if (ingot_known_floats(n, scale_operand, &count, &given))
            return scale_by(n, t, count, given);
        return !n->error && scale_in_run(n, t, scale_operand);
    }
    if (!size_operand) {
        ingot_node_bad(n, "neither scales nor sizes are given");
        return false;
    }
    int32_t policy = ingot_attr_choice(n, "keep_aspect_ratio_policy", "stretch", policies);
    if (n->error)
        return false;
    return policy ? keep_aspect(n, t, size_operand, policy == 2) : bind_sizes(n, t, size_operand);
}

/* tf_crop_and_resize: the region of interest, starts then ends of the named axes, as such a list for all axes. */
static ingot_value *region(ingot_node *n, const target *t, int32_t rank)
{
    ingot_value *roi = ingot_list_of(n, n->in[1], 2 * t->axes.n);
    const ingot_dim *count = ingot_const_dim(n, t->axes.n), *zero = ingot_const_dim(n, 0);
    if (n->error || !roi || ingot_type_count(&roi->type) != 2 * t->axes.n || !ingot_dtype_is_float(roi->type.dtype)) {
        ingot_node_bad(n, "a region of interest needs %lld floats", 2 * (long long)t->axes.n);
        return n->in[0];
    }
    ingot_value *halves[] = {for_all_axes(n, t, ingot_slice(n, roi, 0, zero, count), rank, 0),
                             for_all_axes(n, t, ingot_slice(n, roi, 0, count, count), rank, 1)};
    return ingot_concat(n, 2, halves, 0);
}

void ingot_import_resize(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int32_t rank = x->type.rank;
    bool old = n->opset < 11;
    target t = {0};
    for (int32_t i = 0; i < rank; i++) {
        t.sizes[i] = x->type.dims[i];
        t.scales[i] = 1;
    }
    int32_t mode = ingot_attr_choice(n, "mode", "nearest", old ? old_modes : modes);
    mode = old && mode == 2 ? INGOT_RESIZE_LINEAR : mode;
    int32_t coord =
        old ? INGOT_COORDS_ASYMMETRIC : ingot_attr_choice(n, "coordinate_transformation_mode", "half_pixel", coords);
    if (!read_target(n, &t))
        return;
    ingot_value *roi = coord == INGOT_COORDS_TF_CROP_AND_RESIZE ? region(n, &t, rank) : NULL;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_resize,
                                    roi            ? 3
                                    : t.run_scales ? 2
                                                   : 1,
                                    (ingot_value *[]){x, t.run_scales, roi}, 1);
    ingot_attrs_resize *a = op->attrs;
    a->mode = mode;
    a->coords = coord;
    a->nearest = old ? INGOT_NEAREST_FLOOR : ingot_attr_choice(n, "nearest_mode", "round_prefer_floor", nearest);
    a->cubic_a = ingot_attr_float(n, "cubic_coeff_a", -0.75);
    a->exclude_outside = ingot_attr_int(n, "exclude_outside", 0) != 0;
    a->extrapolation = ingot_attr_float(n, "extrapolation_value", 0);
    a->antialias = ingot_attr_int(n, "antialias", 0) != 0;
    ingot_emit_sym(n, op, rank, t.sizes);
    if (t.by_scale && !n->error) {
        double *copy;
        if (!ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)rank + 1, sizeof *copy, (void **)&copy)))
            return;
        memcpy(copy, t.scales, (size_t)rank * sizeof *copy);
        op->scales = copy;
        op->n_scales = rank;
    }
    n->out[0] = ingot_emit_end(n, op);
}
