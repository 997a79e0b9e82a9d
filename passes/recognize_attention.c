/* Scaled dot-product attention written out becomes one op:
 *
 *     softmax(scale * q k^T + mask) v   ->   attention(q, k, v, mask) {scale}
 *
 * k^T is a matmul with trans_b or a transpose, whose permutation then gives k itself; what else is transposed stays
 * outside. The scale may stand before (on q, on k, on both) or after the product, as mul or div. The mask is added and
 * broadcasts to [B, H, M, N]. Values of rank 3
 * ([B * H, M, D]) get a head axis of 1. Needs: canonicalize. Breaks nothing; the scores must have no other use.
 */
#include "passes/internal.h"
#include <string.h>

typedef struct pattern {
    ingot_op *softmax, *scores; /* matmul of q and k */
    ingot_value *q, *k, *v, *mask;
    bool k_is_transposed; /* k is [.., D, N] */
    double scale;
} pattern;

/* v without multiplications by numbers, through one transpose; the transpose is made again on what is below. */
static ingot_status strip_operand(ingot_op *before, ingot_value *v, ingot_value **out, double *scale)
{
    double by;
    ingot_strip_scale(v, &v, &by);
    *scale *= by;
    *out = v;
    const ingot_op *t = ingot_def(v, INGOT_OP_transpose);
    if (!t || !ingot_value_has_one_use(v))
        return NULL;
    ingot_value *inner;
    ingot_strip_scale(t->in[0], &inner, &by);
    if (inner == t->in[0])
        return NULL;
    *scale *= by;
    return ingot_build_transpose(before, inner, ((const ingot_attrs_perm *)t->attrs)->perm.v, out);
}

/* score = scale * matmul(q, k^T): through numbers to the product. */
static bool match_scores(ingot_value *score, pattern *p)
{
    double by;
    ingot_value *product;
    if (!ingot_value_has_one_use(score))
        return false;
    ingot_strip_scale(score, &product, &by);
    ingot_op *op = ingot_def(product, INGOT_OP_matmul);
    if (!op || op->n_in != 2 || !ingot_value_has_one_use(product))
        return false;
    const ingot_attrs_matmul *attrs = op->attrs;
    if (attrs->trans_a)
        return false;
    p->scores = op;
    p->q = op->in[0];
    p->k = op->in[1];
    p->k_is_transposed = !attrs->trans_b;
    p->scale = by;
    return true;
}

static bool match(ingot_op *op, pattern *p)
{
    const ingot_attrs_matmul *attrs = op->attrs;
    ingot_value *weights = op->in[0];
    memset(p, 0, sizeof *p);
    if (op->kind != INGOT_OP_matmul || op->prog || op->n_in != 2 || attrs->trans_a || attrs->trans_b)
        return false;
    p->softmax = ingot_def(weights, INGOT_OP_softmax);
    if (!p->softmax || p->softmax->n_in != 1 || !ingot_value_has_one_use(weights))
        return false;
    const ingot_attrs_softmax *softmax = p->softmax->attrs;
    int32_t rank = weights->type.rank;
    if (softmax->log || (softmax->axis != rank - 1 && softmax->axis != -1) || (rank != 3 && rank != 4))
        return false;
    p->v = op->in[1];
    ingot_value *x = p->softmax->in[0];
    if (!match_scores(x, p)) {
        const ingot_op *add = ingot_def(x, INGOT_OP_add);
        if (!add || !ingot_value_has_one_use(x))
            return false;
        int32_t side = match_scores(add->in[0], p) ? 0 : match_scores(add->in[1], p) ? 1 : -1;
        if (side < 0)
            return false;
        p->mask = add->in[1 - side];
        if (!ingot_broadcasts_to(&p->mask->type, &x->type) || p->mask->type.dtype != x->type.dtype)
            return false;
    }
    /* Every operand has all the batch axes: attention does not broadcast them. */
    if (p->q->type.rank != rank || p->k->type.rank != rank || p->v->type.rank != rank)
        return false;
    for (int32_t i = 0; i < rank - 2; i++) {
        if (p->q->type.dims[i] != p->k->type.dims[i] || p->q->type.dims[i] != p->v->type.dims[i])
            return false;
    }
    return p->scores->graph == op->graph;
}

/* [B, M, D] -> [B, 1, M, D] */
static ingot_status build_rank4(ingot_op *before, ingot_value *v, ingot_value **out)
{
    const ingot_dim *one = ingot_dim_const(before->graph->module, 1);
    const ingot_dim *dims[4] = {one, one, one, one};
    int32_t rank = v->type.rank;
    *out = v;
    if (rank == 4)
        return NULL;
    for (int32_t i = 0; i < rank; i++) /* align right, then the first axis over the heads */
        dims[4 - rank + i] = v->type.dims[i];
    if (rank == 3) {
        dims[0] = dims[1];
        dims[1] = one;
    }
    return ingot_build_reshape(before, v, 4, dims, out);
}

static ingot_status recognize_op(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx)
{
    (void)scratch;
    pattern p;
    if (op->kind != INGOT_OP_matmul || op->out[0]->type.dtype != INGOT_F32 || !match(op, &p))
        return NULL;
    int32_t rank = op->out[0]->type.rank;
    ingot_value *q, *k, *v = p.v, *mask = p.mask, *result;
    INGOT_TRY(strip_operand(op, p.q, &q, &p.scale));
    INGOT_TRY(strip_operand(op, p.k, &k, &p.scale));
    if (p.k_is_transposed) { /* two transposes in a row become one, or none */
        int64_t perm[INGOT_MAX_RANK];
        for (int32_t i = 0; i < rank; i++)
            perm[i] = i < rank - 2 ? i : rank - 1 - (i - (rank - 2));
        const ingot_op *t = ingot_def(k, INGOT_OP_transpose);
        ingot_value *from = k;
        bool same = t != NULL;
        if (t) {
            const ingot_attrs_perm *inner = t->attrs;
            from = t->in[0];
            for (int32_t i = 0; i < rank; i++) {
                perm[i] = inner->perm.v[perm[i]];
                same = same && perm[i] == i;
            }
        }
        if (same)
            k = from;
        else
            INGOT_TRY(ingot_build_transpose(op, from, perm, &k));
    }
    INGOT_TRY(build_rank4(op, q, &q));
    INGOT_TRY(build_rank4(op, k, &k));
    INGOT_TRY(build_rank4(op, v, &v));
    if (mask)
        INGOT_TRY(build_rank4(op, mask, &mask));
    ingot_op *made;
    INGOT_TRY(ingot_build(op, INGOT_OP_attention, mask ? 4 : 3, (ingot_value *[]){q, k, v, mask}, &made));
    ((ingot_attrs_attention *)made->attrs)->scale = p.scale;
    INGOT_TRY(ingot_op_infer(made));
    INGOT_TRY(ingot_build_reshape(op, made->out[0], rank, op->out[0]->type.dims, &result));
    if (!ingot_type_equal(&result->type, &op->out[0]->type)) {
        ingot_erase_dead(result->def);
        return NULL;
    }
    ingot_note(ctx, "attention%s, scale %g, at '%s'", mask ? " with mask" : "", p.scale, op->loc ? op->loc : "");
    return ingot_replace_op(op, result);
}

static ingot_status recognize_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    return ingot_each_op(g, ctx, recognize_op);
}

ingot_status ingot_pass_recognize_attention(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, recognize_graph);
}
