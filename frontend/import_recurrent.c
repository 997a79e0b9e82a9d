/* LSTM, GRU and RNN. */
#include "frontend/import.h"
#include <string.h>
#include <strings.h>

/* ONNX's names in the order of ingot_recurrent_act, with the alpha and beta that the kernels use. */
static const struct {
    const char *name;
    double alpha, beta;
    int32_t n_params;
} activations[] = {
    {"Sigmoid", 0, 0, 0},         {"Tanh", 0, 0, 0},       {"Relu", 0, 0, 0},   {"HardSigmoid", 0.2, 0.5, 2},
    {"Softsign", 0, 0, 0},        {"Softplus", 0, 0, 0},   {"Affine", 1, 0, 2}, {"LeakyRelu", 0.01, 0, 1},
    {"ThresholdedRelu", 1, 0, 1}, {"ScaledTanh", 1, 1, 2}, {"Elu", 1, 0, 1},
};
#define N_ACTIVATIONS ((int32_t)(sizeof activations / sizeof *activations))

static int32_t activation_index(ingot_node *n, ingot_string text)
{
    for (int32_t i = 0; i < N_ACTIVATIONS; i++)
        if (strlen(activations[i].name) == (size_t)text.size &&
            !strncasecmp(activations[i].name, text.data, (size_t)text.size))
            return i;
    ingot_node_bad(n, "'%.*s' is not an activation", (int)(text.size < 64 ? text.size : 64),
                   text.data ? text.data : "");
    return 0;
}

static bool near(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

/* Activations of all directions; their parameters must be the usual ones. */
static void read_activations(ingot_node *n, int32_t count, ingot_ints *out)
{
    const ingot_onnx_attr *names = ingot_attr_find(n, "activations", INGOT_ONNX_STRINGS);
    if (!names || !names->n)
        return;
    if (names->n != count) {
        ingot_node_bad(n, "%d activations, expected %d", names->n, count);
        return;
    }
    const ingot_onnx_attr *alphas = ingot_attr_find(n, "activation_alpha", INGOT_ONNX_FLOATS);
    const ingot_onnx_attr *betas = ingot_attr_find(n, "activation_beta", INGOT_ONNX_FLOATS);
    int32_t at_alpha = 0, at_beta = 0;
    out->n = count;
    for (int32_t i = 0; i < count; i++) {
        int32_t k = activation_index(n, names->strings[i]);
        out->v[i] = k;
        /* Parameters are listed for the activations that have them, in order. */
        bool usual = true;
        if (activations[k].n_params > 0 && alphas && at_alpha < alphas->n)
            usual &= near(alphas->floats[at_alpha++], activations[k].alpha);
        if (activations[k].n_params > 1 && betas && at_beta < betas->n)
            usual &= near(betas->floats[at_beta++], activations[k].beta);
        if (!usual)
            ingot_node_unsupported(n, "activation_alpha and activation_beta of %s must be %g and %g",
                                   activations[k].name, activations[k].alpha, activations[k].beta);
    }
}

/* arg: lstm, gru or rnn. */
void ingot_import_recurrent(ingot_node *n)
{
    static const char *const directions[] = {"forward", "reverse", "bidirectional", NULL};
    ingot_op_kind kind = (ingot_op_kind)n->arg;
    int32_t most = kind == INGOT_OP_lstm ? 8 : 6, results = kind == INGOT_OP_lstm ? 3 : 2;
    int32_t per_direction = kind == INGOT_OP_lstm ? 3 : kind == INGOT_OP_gru ? 2 : 1;
    ingot_value *r = n->in[2];
    for (int i = 0; i < 3; i++)
        if (n->in[i]->type.rank != 3) {
            ingot_node_bad(n, "input %d has rank %d, expected 3", i, n->in[i]->type.rank);
            return;
        }
    int64_t hidden = ingot_attr_int(n, "hidden_size", ingot_dim_is_const(r->type.dims[2]) ? r->type.dims[2]->value : 0);
    int32_t direction = ingot_attr_choice(n, "direction", "forward", directions);
    ingot_op *op = ingot_emit_begin(n, kind, most, n->in, results);
    ingot_attrs_recurrent *a = op->attrs;
    a->hidden = hidden;
    a->direction = direction;
    a->linear_before_reset = ingot_attr_int(n, "linear_before_reset", 0) != 0;
    a->clip = ingot_attr_float(n, "clip", 0);
    a->batch_first = ingot_attr_int(n, "layout", 0) != 0;
    a->input_forget = ingot_attr_int(n, "input_forget", 0) != 0;
    read_activations(n, per_direction * (direction == INGOT_BIDIRECTIONAL ? 2 : 1), &a->activations);
    ingot_emit_end(n, op);
    for (int32_t i = 0; i < results && i < n->n_out; i++)
        n->out[i] = op->out[i];
}
