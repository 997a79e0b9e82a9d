/* Forms of operators before opset 7 that later ones replaced, and operators of opset 1 that were withdrawn. */
#include "frontend/import.h"
#include <string.h>

/* The type is a text. */
void ingot_import_old_cast(ingot_node *n)
{
    static const char *const names[] = {"UNDEFINED", "FLOAT", "UINT8",   "INT8",   "UINT16", "INT16",  "INT32", "INT64",
                                        "STRING",    "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64", NULL};
    int32_t to = ingot_attr_choice(n, "to", "", names);
    if (to == INGOT_UNDEFINED)
        ingot_node_bad(n, "attribute 'to' is not an element type");
    n->out[0] = ingot_cast(n, n->in[0], (ingot_dtype)to);
}

void ingot_import_old_reshape(ingot_node *n)
{
    ingot_ints shape;
    if (!ingot_attr_ints(n, "shape", &shape)) {
        ingot_node_bad(n, "shape is missing");
        return;
    }
    n->in[1] = ingot_ints_value(n, (int32_t)shape.n, shape.v);
    if (!n->error)
        ingot_import_reshape(n);
}

/* x, how often, along which axis */
void ingot_import_old_tile(ingot_node *n)
{
    int32_t rank = n->in[0]->type.rank;
    ingot_ints axis;
    const ingot_dim *repeats[INGOT_MAX_RANK], *times[INGOT_MAX_CONTENT];
    if (!ingot_known_ints(n, n->in[2], &axis) || axis.n != 1) {
        ingot_node_unsupported(n, "the axis must be a constant");
        return;
    }
    int32_t at = ingot_node_axis(n, axis.v[0], rank);
    if (ingot_operand_dims(n, n->in[1], 0, INGOT_DIM_MAX_VALUE, times) != 1)
        ingot_node_bad(n, "the number of tiles must be one number");
    if (n->error)
        return;
    for (int32_t i = 0; i < rank; i++)
        repeats[i] = i == at ? times[0] : ingot_const_dim(n, 1);
    n->in[1] = ingot_dims_value(n, rank, repeats);
    if (!n->error)
        ingot_import_tile(n);
}

static ingot_value *line(ingot_node *n, ingot_value *x, double factor, double term)
{
    x = ingot_emit2(n, INGOT_OP_mul, x, ingot_splat_like(n, x, factor));
    return ingot_emit2(n, INGOT_OP_add, x, ingot_splat_like(n, x, term));
}

void ingot_import_affine(ingot_node *n)
{
    n->out[0] = line(n, n->in[0], ingot_attr_float(n, "alpha", 1), ingot_attr_float(n, "beta", 0));
}

void ingot_import_scale(ingot_node *n)
{
    n->out[0] = line(n, n->in[0], ingot_attr_float(n, "scale", 1), 0);
}

/* scale * x + the bias of each channel */
void ingot_import_image_scaler(ingot_node *n)
{
    const ingot_onnx_attr *bias = ingot_attr_find(n, "bias", INGOT_ONNX_FLOATS);
    ingot_value *x = n->in[0], **parts, *y = line(n, x, ingot_attr_float(n, "scale", 1), 0);
    if (n->error || !bias || !bias->n) {
        n->out[0] = y;
        return;
    }
    if (!ingot_node_check(n, ingot_arena_array(&n->m->arena, (size_t)bias->n, sizeof *parts, (void **)&parts)))
        return;
    for (int32_t i = 0; i < bias->n; i++)
        parts[i] = ingot_unsqueeze(n, ingot_splat_like(n, x, bias->floats[i]), 0);
    ingot_value *vector = ingot_concat(n, bias->n, parts, 0);
    if (!n->error)
        n->out[0] = ingot_emit2(n, INGOT_OP_add, y, ingot_along_channels(n, vector, x->type.rank));
}

/* alpha * tanh(beta * x) */
void ingot_import_scaled_tanh(ingot_node *n)
{
    ingot_value *y = ingot_emit1(n, INGOT_OP_tanh, line(n, n->in[0], ingot_attr_float(n, "beta", 1), 0));
    n->out[0] = line(n, y, ingot_attr_float(n, "alpha", 1), 0);
}

/* alpha * log(exp(beta * x) + 1) */
void ingot_import_parametric_softplus(ingot_node *n)
{
    ingot_value *y = ingot_emit1(n, INGOT_OP_softplus, line(n, n->in[0], ingot_attr_float(n, "beta", 1), 0));
    n->out[0] = line(n, y, ingot_attr_float(n, "alpha", 1), 0);
}

/* An image without its border (left, top, right, bottom), or of the size `scale` (height, width) behind the first two.
 */
void ingot_import_crop(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_ints border, scale;
    if (x->type.rank != 4 || !ingot_attr_ints(n, "border", &border) || border.n != 4) {
        ingot_node_bad(n, "expected an image [N, C, H, W] and a border of four numbers");
        return;
    }
    bool sized = ingot_attr_ints(n, "scale", &scale) && scale.n == 2;
    for (int32_t i = 0; i < 2; i++) {
        const ingot_dim *start = ingot_const_dim(n, border.v[1 - i]), *size = x->type.dims[2 + i];
        const ingot_dim *count =
            sized ? ingot_const_dim(n, scale.v[i])
                  : ingot_dim_sub(n->m, ingot_dim_sub(n->m, size, start), ingot_const_dim(n, border.v[3 - i]));
        x = ingot_slice(n, x, 2 + i, start, count);
        if (n->error)
            return;
    }
    n->out[0] = x;
}

/* (x - mean) over the deviation, of each sample's channels or of the sample as a whole. */
void ingot_import_old_mean_variance_norm(ingot_node *n)
{
    ingot_value *x = n->in[0];
    bool across = ingot_attr_int(n, "across_channels", 0) != 0;
    ingot_ints axes = {0};
    int32_t rank = ingot_node_rank(n, x, 3);
    for (int32_t i = across ? 1 : 2; i < rank; i++)
        axes.v[axes.n++] = i;
    if (n->error)
        return;
    ingot_value *y = ingot_emit2(n, INGOT_OP_sub, x, ingot_reduce(n, x, INGOT_REDUCE_MEAN, &axes, true));
    if (ingot_attr_int(n, "normalize_variance", 1) && !n->error) {
        ingot_value *variance = ingot_reduce(n, ingot_emit2(n, INGOT_OP_mul, y, y), INGOT_REDUCE_MEAN, &axes, true);
        ingot_value *deviation = ingot_emit1(n, INGOT_OP_sqrt, variance);
        y = ingot_emit2(n, INGOT_OP_div, y, ingot_emit2(n, INGOT_OP_add, deviation, ingot_splat_like(n, x, 1e-9)));
    }
    n->out[0] = y;
}
