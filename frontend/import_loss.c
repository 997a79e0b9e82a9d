/* Losses, as their function bodies have them. */
#include "frontend/import.h"
#include <string.h>

/* log_p [N, C, d...], target [N, d...], weight [C] or null, entries equal to ignore_index left out:
 * -weight[target] * log_p[n, target, d...], as it is, summed, or averaged over the weights. */
static ingot_value *nll(ingot_node *n, ingot_value *log_p, ingot_value *target, ingot_value *weight)
{
    static const char *const reductions[] = {"none", "mean", "sum", NULL};
    int32_t reduction = ingot_attr_choice(n, "reduction", "mean", reductions);
    ingot_dtype dtype = log_p->type.dtype;
    ingot_value *left_out = NULL;
    ingot_node_rank(n, log_p, 2);
    if (n->error)
        return log_p;
    if (ingot_attr_has(n, "ignore_index")) {
        ingot_value *index = ingot_splat_like(n, target, (double)ingot_attr_int(n, "ignore_index", 0));
        left_out = ingot_emit2(n, INGOT_OP_eq, target, index);
        target = ingot_emit3(n, INGOT_OP_select, left_out, ingot_splat_like(n, target, 0), target);
    }
    ingot_op *op =
        ingot_emit_begin(n, INGOT_OP_gather_elements, 2, (ingot_value *[]){log_p, ingot_unsqueeze(n, target, 1)}, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = 1;
    ingot_value *loss = ingot_emit1(n, INGOT_OP_neg, ingot_squeeze(n, ingot_emit_end(n, op), 1));
    ingot_value *w = NULL;
    if (weight)
        w = ingot_emit2(n, INGOT_OP_gather, weight, target);
    else if (left_out && !n->error)
        w = ingot_splat_shaped(n, dtype, target->type.rank, target->type.dims, 1);
    if (left_out)
        w = ingot_emit3(n, INGOT_OP_select, left_out, ingot_splat(n, dtype, 0), w);
    if (w)
        loss = ingot_emit2(n, INGOT_OP_mul, loss, w);
    if (reduction == 0)
        return loss;
    if (reduction == 1 && !w)
        return ingot_reduce(n, loss, INGOT_REDUCE_MEAN, NULL, false);
    ingot_value *sum = ingot_reduce(n, loss, INGOT_REDUCE_SUM, NULL, false);
    if (reduction == 2)
        return sum;
    return ingot_emit2(n, INGOT_OP_div, sum, ingot_reduce(n, w, INGOT_REDUCE_SUM, NULL, false));
}

void ingot_import_nll_loss(ingot_node *n)
{
    n->out[0] = nll(n, n->in[0], n->in[1], n->in[2]);
}

void ingot_import_cross_entropy_loss(ingot_node *n)
{
    ingot_node_rank(n, n->in[0], 2);
    ingot_value *log_p = ingot_softmax(n, n->in[0], 1, true);
    n->out[0] = nll(n, log_p, n->in[1], n->in[2]);
    if (n->n_out > 1)
        n->out[1] = log_p;
}
