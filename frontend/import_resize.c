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

/* One scale for all named axes, so that the result is not larger (or smaller) than asked for. */
static bool keep_aspect(ingot_node *n, const ingot_value *x, const ingot_ints *axes, const ingot_dim *const *wanted,
                        bool larger, const ingot_dim **sizes, double *scales)
{
    double scale = larger ? 0 : INFINITY;
    for (int64_t i = 0; i < axes->n; i++) {
        const ingot_dim *size = x->type.dims[axes->v[i]];
        if (!ingot_dim_is_const(size) || !ingot_dim_is_const(wanted[i]) || size->value == 0) {
            ingot_node_unsupported(n, "keep_aspect_ratio_policy over sizes that are not known: pin them with --shape");
            return false;
        }
        double s = (double)wanted[i]->value / (double)size->value;
        scale = larger ? fmax(scale, s) : fmin(scale, s);
    }
    for (int64_t i = 0; i < axes->n; i++) {
        double size = (double)x->type.dims[axes->v[i]]->value;
        sizes[axes->v[i]] = ingot_const_dim(n, (int64_t)floor(size * scale + 0.5));
        scales[axes->v[i]] = scale;
    }
    return true;
}

/* Result sizes and, when scales were given, the scales of all axes. */
static bool read_sizes(ingot_node *n, const ingot_dim **sizes, double *scales, bool *out_by_scale, ingot_ints *axes)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    ingot_value *x = n->in[0];
    int32_t rank = x->type.rank;
    int64_t count = 0;
    const double *given = NULL;
    bool upsample = !strcmp(n->view->op_type, "Upsample");
    ingot_value *scale_operand = upsample || n->opset < 11 ? n->in[1] : n->in[2];
    ingot_value *size_operand = upsample || n->opset < 11 ? NULL : n->in[3];
    if (!spread_axes(n, rank, axes))
        return false;
    if (upsample && n->opset < 9) {
        const ingot_onnx_attr *a = ingot_attr_find(n, "scales", INGOT_ONNX_FLOATS);
        if (a) {
            given = a->floats;
            count = a->n;
        }
    } else if (scale_operand && ingot_type_count(&scale_operand->type) != 0) {
        if (!ingot_known_floats(n, scale_operand, &count, &given)) {
            ingot_node_unsupported(n, "scales must be constant: give sizes, or pin the shapes with --shape");
            return false;
        }
    }
    if (given && count) {
        *out_by_scale = true;
        if (count != axes->n) {
            ingot_node_bad(n, "%lld scales for %lld axes", (long long)count, (long long)axes->n);
            return false;
        }
        for (int64_t i = 0; i < count; i++) {
            if (!(given[i] > 0 && given[i] < 1e9)) {
                ingot_node_bad(n, "a scale of %g", given[i]);
                return false;
            }
            scales[axes->v[i]] = given[i];
            sizes[axes->v[i]] = scaled_size(n, x->type.dims[axes->v[i]], given[i]);
        }
        return !n->error;
    }
    const ingot_dim *wanted[INGOT_MAX_CONTENT];
    if (!size_operand) {
        ingot_node_bad(n, "neither scales nor sizes are given");
        return false;
    }
    count = ingot_operand_dims(n, size_operand, 0, INGOT_DIM_MAX_VALUE, wanted);
    if (!n->error && count != axes->n)
        ingot_node_bad(n, "%lld sizes for %lld axes", (long long)count, (long long)axes->n);
    int32_t policy = ingot_attr_choice(n, "keep_aspect_ratio_policy", "stretch", policies);
    if (n->error)
        return false;
    if (policy != 0) {
        *out_by_scale = true;
        return keep_aspect(n, x, axes, wanted, policy == 2, sizes, scales);
    }
    for (int64_t i = 0; i < count; i++)
        sizes[axes->v[i]] = wanted[i];
    return true;
}

void ingot_import_resize(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int32_t rank = x->type.rank;
    bool old = n->opset < 11, by_scale = false;
    const ingot_dim *sizes[INGOT_MAX_RANK];
    double scales[INGOT_MAX_RANK];
    ingot_ints axes;
    for (int32_t i = 0; i < rank; i++) {
        sizes[i] = x->type.dims[i];
        scales[i] = 1;
    }
    int32_t mode = ingot_attr_choice(n, "mode", "nearest", old ? old_modes : modes);
    mode = old && mode == 2 ? INGOT_RESIZE_LINEAR : mode;
    int32_t coord =
        old ? INGOT_COORDS_ASYMMETRIC : ingot_attr_choice(n, "coordinate_transformation_mode", "half_pixel", coords);
    if (coord == INGOT_COORDS_TF_CROP_AND_RESIZE) {
        ingot_node_unsupported(n, "coordinate_transformation_mode tf_crop_and_resize is not supported");
        return;
    }
    if (!read_sizes(n, sizes, scales, &by_scale, &axes))
        return;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_resize, 1, &x, 1);
    ingot_attrs_resize *a = op->attrs;
    a->mode = mode;
    a->coords = coord;
    a->nearest = old ? INGOT_NEAREST_FLOOR : ingot_attr_choice(n, "nearest_mode", "round_prefer_floor", nearest);
    a->cubic_a = ingot_attr_float(n, "cubic_coeff_a", -0.75);
    a->exclude_outside = ingot_attr_int(n, "exclude_outside", 0) != 0;
    a->extrapolation = ingot_attr_float(n, "extrapolation_value", 0);
    a->antialias = ingot_attr_int(n, "antialias", 0) != 0;
    ingot_emit_sym(n, op, rank, sizes);
    if (by_scale && !n->error) {
        double *copy;
        if (!ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)rank + 1, sizeof *copy, (void **)&copy)))
            return;
        memcpy(copy, scales, (size_t)rank * sizeof *copy);
        op->scales = copy;
        op->n_scales = rank;
    }
    n->out[0] = ingot_emit_end(n, op);
}
