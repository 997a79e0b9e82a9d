/* com.microsoft: operators that ONNX Runtime's optimisers fuse. Each becomes what it was fused from. */
#include "frontend/import.h"
#include <string.h>

/* ---- Products and convolutions with an activation ---- */

/* `name`(y) with the parameters of ONNX's operator of that name. */
static ingot_value *activated(ingot_node *n, ingot_value *y, const char *name, double alpha, double beta)
{
    static const struct {
        const char *name;
        ingot_op_kind kind;
    } plain[] = {{"Relu", INGOT_OP_relu},         {"Sigmoid", INGOT_OP_sigmoid},      {"Tanh", INGOT_OP_tanh},
                 {"Softplus", INGOT_OP_softplus}, {"HardSwish", INGOT_OP_hard_swish}, {"Gelu", INGOT_OP_gelu}};
    if (n->error || !*name)
        return y;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(name, plain[i].name))
            return ingot_emit1(n, plain[i].kind, y);
    if (!strcmp(name, "Clip"))
        return ingot_clamp(n, y, alpha, beta);
    if (!strcmp(name, "LeakyRelu")) {
        ingot_value *low = ingot_emit2(n, INGOT_OP_mul, y, ingot_splat_like(n, y, alpha));
        ingot_value *negative = ingot_emit2(n, INGOT_OP_lt, y, ingot_splat_like(n, y, 0));
        return ingot_emit3(n, INGOT_OP_select, negative, low, y);
    }
    if (!strcmp(name, "HardSigmoid")) {
        ingot_value *line = ingot_emit2(n, INGOT_OP_mul, y, ingot_splat_like(n, y, alpha));
        return ingot_clamp(n, ingot_emit2(n, INGOT_OP_add, line, ingot_splat_like(n, y, beta)), 0, 1);
    }
    ingot_node_unsupported(n, "activation '%.64s' is not supported", name);
    return y;
}

/* A convolution, plus Z, then the activation. */
void ingot_import_fused_conv(ingot_node *n)
{
    ingot_value *z = n->in[3];
    const ingot_onnx_attr *params = ingot_attr_find(n, "activation_params", INGOT_ONNX_FLOATS);
    const char *name = ingot_attr_text(n, "activation", "");
    double alpha = params && params->n > 0 ? params->floats[0] : !strcmp(name, "HardSigmoid") ? 0.2f : 0.01f;
    double beta = params && params->n > 1 ? params->floats[1] : 0.5;
    ingot_import_conv(n);
    if (n->error)
        return;
    if (z)
        n->out[0] = ingot_emit2(n, INGOT_OP_add, n->out[0], z);
    n->out[0] = activated(n, n->out[0], name, alpha, beta);
}

void ingot_import_fused_gemm(ingot_node *n)
{
    const char *name = ingot_attr_text(n, "activation", "");
    ingot_import_gemm(n);
    if (!n->error)
        n->out[0] = activated(n, n->out[0], name, ingot_attr_float(n, "activation_alpha", 0.01f),
                              ingot_attr_float(n, "activation_beta", 0.5));
}

void ingot_import_nhwc_max_pool(ingot_node *n)
{
    ingot_node_rank(n, n->in[0], 3);
    n->in[0] = ingot_move_channels(n, n->in[0], true);
    if (n->error)
        return;
    ingot_import_max_pool(n);
    if (!n->error)
        n->out[0] = ingot_move_channels(n, n->out[0], false);
}

/* ---- Normalisations ---- */

/* layer_norm or, without the mean, rms_norm over the last axis, of x. Fills out[0], and out[1], out[2] where wanted. */
static void norm_last(ingot_node *n, ingot_value *x, ingot_value *scale, ingot_value *bias, bool simplified)
{
    bool stats = !simplified && n->n_out > 1 && (*n->view->out[1] || (n->n_out > 2 && *n->view->out[2]));
    ingot_op *op = ingot_emit_begin(n, simplified ? INGOT_OP_rms_norm : INGOT_OP_layer_norm,
                                    bias && !simplified ? 3 : 2, (ingot_value *[]){x, scale, bias}, stats ? 3 : 1);
    ingot_attrs_norm *a = op->attrs;
    a->axis = x->type.rank - 1;
    a->epsilon = ingot_attr_float(n, "epsilon", simplified ? 1e-6f : 1e-12f);
    n->out[0] = ingot_emit_end(n, op);
    for (int32_t i = 1; stats && i < 3 && i < n->n_out; i++)
        n->out[i] = op->out[i];
}

/* arg 1: SkipSimplifiedLayerNormalization. x, skip, gamma, beta (not simplified), bias; y, mean, 1/std, x + skip + bias
 */
void ingot_import_skip_norm(ingot_node *n)
{
    bool simplified = n->arg == 1;
    ingot_value *bias = n->in[simplified ? 3 : 4];
    ingot_node_rank(n, n->in[0], 2);
    ingot_value *sum = ingot_emit2(n, INGOT_OP_add, n->in[0], n->in[1]);
    if (bias)
        sum = ingot_emit2(n, INGOT_OP_add, sum, bias);
    if (n->error)
        return;
    norm_last(n, sum, n->in[2], simplified ? NULL : n->in[3], simplified);
    if (n->n_out > 3)
        n->out[3] = sum;
}

static ingot_value *rows_of(ingot_node *n, ingot_value *table, ingot_value *ids)
{
    return ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_gather, 2, (ingot_value *[]){table, ids}, 1));
}

/* ids, segments, tables of words, positions and segments, gamma, beta, mask, positions; y, tokens in the mask, sum */
void ingot_import_embed_norm(ingot_node *n)
{
    ingot_value *ids = n->in[0], *mask = n->in[7];
    if (!ingot_node_needs(n, (const int32_t[]){2, 3, 5, 6, -1}))
        return;
    if (ids->type.rank != 2) {
        ingot_node_bad(n, "ids of rank %d, expected [batch, tokens]", ids->type.rank);
        return;
    }
    const ingot_dim *zero = ingot_const_dim(n, 0);
    ingot_value *x = rows_of(n, n->in[2], ids);
    ingot_value *places =
        n->in[8] ? rows_of(n, n->in[3], n->in[8]) : ingot_slice(n, n->in[3], 0, zero, ids->type.dims[1]);
    x = ingot_emit2(n, INGOT_OP_add, x, places);
    if (n->in[1] && n->in[4])
        x = ingot_emit2(n, INGOT_OP_add, x, rows_of(n, n->in[4], n->in[1]));
    if (n->error)
        return;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_layer_norm, 3, (ingot_value *[]){x, n->in[5], n->in[6]}, 1);
    ingot_attrs_norm *a = op->attrs;
    a->axis = 2;
    a->epsilon = ingot_attr_float(n, "epsilon", 1e-12f);
    n->out[0] = ingot_emit_end(n, op);
    if (n->n_out > 1) {
        ingot_ints axis = {.n = 1, .v = {1}};
        n->out[1] = mask ? ingot_reduce(n, ingot_cast(n, mask, INGOT_I32), INGOT_REDUCE_SUM, &axis, false)
                         : ingot_splat_shaped(n, INGOT_I32, 1, ids->type.dims, 0);
    }
    if (n->n_out > 2)
        n->out[2] = x;
}
