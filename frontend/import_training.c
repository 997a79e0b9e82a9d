/* ai.onnx.preview.training: steps of optimisers, one for each of the tensors that a node is given. */
#include "frontend/import.h"

static ingot_value *times(ingot_node *n, ingot_value *x, double factor)
{
    return factor == 1 ? x : ingot_emit2(n, INGOT_OP_mul, x, ingot_splat_like(n, x, factor));
}

static ingot_value *product(ingot_node *n, ingot_value *a, ingot_value *b)
{
    return ingot_emit2(n, INGOT_OP_mul, a, b);
}

static ingot_value *sum(ingot_node *n, ingot_value *a, ingot_value *b)
{
    return ingot_emit2(n, INGOT_OP_add, a, b);
}

/* Inputs are R, T and then `groups` lists of tensors of one length, which is answered; 0 after an error. */
static int32_t tensors_of(ingot_node *n, int32_t groups, int32_t out_groups)
{
    int32_t count = (n->n_in - 2) / groups;
    if (n->n_in < 2 + groups || (n->n_in - 2) % groups || n->n_out > out_groups * count) {
        ingot_node_bad(n, "%d inputs and %d outputs: expected the rate, the count and %d lists of tensors", n->n_in,
                       n->n_out, groups);
        return 0;
    }
    for (int32_t i = 0; i < n->n_in; i++)
        if (!n->in[i]) {
            ingot_node_bad(n, "input %d must be given", i);
            return 0;
        }
    return count;
}

/* A scalar, or [1], in the type of x. */
static ingot_value *scalar(ingot_node *n, ingot_value *v, const ingot_value *x)
{
    if (v->type.rank != 0)
        v = ingot_reshape(n, v, 0, NULL);
    return ingot_cast(n, v, x->type.dtype);
}

/* norm_coefficient * x + g */
static ingot_value *regularised(ingot_node *n, ingot_value *x, ingot_value *g)
{
    double factor = ingot_attr_float(n, "norm_coefficient", 0);
    return factor == 0 ? g : sum(n, times(n, x, factor), g);
}

/* ratio * old + (1 - ratio) * now */
static ingot_value *blend(ingot_node *n, ingot_value *old, ingot_value *now, double ratio)
{
    return sum(n, times(n, old, ratio), times(n, now, 1 - ratio));
}

/* x - step / (sqrt(h) + epsilon) */
static ingot_value *scaled_step(ingot_node *n, ingot_value *x, ingot_value *step, ingot_value *h, double epsilon)
{
    ingot_value *root = ingot_emit1(n, INGOT_OP_sqrt, h);
    root = sum(n, root, ingot_splat_like(n, root, epsilon));
    return ingot_emit2(n, INGOT_OP_sub, x, ingot_emit2(n, INGOT_OP_div, step, root));
}

void ingot_import_adagrad(ingot_node *n)
{
    int32_t count = tensors_of(n, 3, 2);
    for (int32_t i = 0; i < count && !n->error; i++) {
        ingot_value *x = n->in[2 + i], *h = n->in[2 + 2 * count + i];
        ingot_value *g = regularised(n, x, n->in[2 + count + i]);
        ingot_value *age = times(n, scalar(n, n->in[1], x), ingot_attr_float(n, "decay_factor", 0));
        ingot_value *rate =
            ingot_emit2(n, INGOT_OP_div, scalar(n, n->in[0], x), sum(n, age, ingot_splat_like(n, x, 1)));
        h = sum(n, h, product(n, g, g));
        n->out[i] = scaled_step(n, x, product(n, rate, g), h, ingot_attr_float(n, "epsilon", 1e-6f));
        n->out[count + i] = h;
    }
}

/* 1 - base ^ t */
static ingot_value *complement_of_power(ingot_node *n, double base, ingot_value *t)
{
    ingot_value *power = ingot_emit2(n, INGOT_OP_pow, ingot_splat_like(n, t, base), t);
    return ingot_emit2(n, INGOT_OP_sub, ingot_splat_like(n, t, 1), power);
}

void ingot_import_adam(ingot_node *n)
{
    int32_t count = tensors_of(n, 4, 3);
    double alpha = ingot_attr_float(n, "alpha", 0.9f), beta = ingot_attr_float(n, "beta", 0.999f);
    for (int32_t i = 0; i < count && !n->error; i++) {
        ingot_value *x = n->in[2 + i], *v = n->in[2 + 2 * count + i], *h = n->in[2 + 3 * count + i];
        ingot_value *g = regularised(n, x, n->in[2 + count + i]);
        ingot_value *rate = scalar(n, n->in[0], x), *t = scalar(n, n->in[1], x);
        v = blend(n, v, g, alpha);
        h = blend(n, h, product(n, g, g), beta);
        ingot_value *later = product(n, rate, ingot_emit1(n, INGOT_OP_sqrt, complement_of_power(n, beta, t)));
        later = ingot_emit2(n, INGOT_OP_div, later, complement_of_power(n, alpha, t));
        rate = ingot_emit3(n, INGOT_OP_select, ingot_emit2(n, INGOT_OP_gt, t, ingot_splat_like(n, t, 0)), later, rate);
        ingot_value *y = scaled_step(n, x, product(n, rate, v), h, ingot_attr_float(n, "epsilon", 1e-6f));
        n->out[i] = times(n, y, 1 - ingot_attr_float(n, "norm_coefficient_post", 0));
        n->out[count + i] = v;
        n->out[2 * count + i] = h;
    }
}

void ingot_import_momentum(ingot_node *n)
{
    static const char *const modes[] = {"standard", "nesterov", NULL};
    int32_t count = tensors_of(n, 3, 2), nesterov = ingot_attr_choice(n, "mode", "", modes);
    double alpha = ingot_attr_float(n, "alpha", 0), beta = ingot_attr_float(n, "beta", 0);
    for (int32_t i = 0; i < count && !n->error; i++) {
        ingot_value *x = n->in[2 + i], *v = n->in[2 + 2 * count + i];
        ingot_value *g = regularised(n, x, n->in[2 + count + i]);
        ingot_value *rate = scalar(n, n->in[0], x), *t = scalar(n, n->in[1], x);
        ingot_value *share = ingot_emit3(n, INGOT_OP_select, ingot_emit2(n, INGOT_OP_gt, t, ingot_splat_like(n, t, 0)),
                                         ingot_splat_like(n, x, beta), ingot_splat_like(n, x, 1));
        v = sum(n, times(n, v, alpha), product(n, share, g));
        ingot_value *step = nesterov ? sum(n, g, times(n, v, alpha)) : v;
        n->out[i] = ingot_emit2(n, INGOT_OP_sub, x, product(n, rate, step));
        n->out[count + i] = v;
    }
}

void ingot_import_gradient(ingot_node *n)
{
    ingot_node_unsupported(n, "graphs are not differentiated: export the model with its gradient spelled out");
}
