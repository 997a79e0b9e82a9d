/* Matrix products. */
#include "frontend/import.h"
#include <string.h>

void ingot_import_matmul(ingot_node *n)
{
    n->out[0] = ingot_matmul(n, n->in[0], n->in[1], false, false);
}

static ingot_value *times(ingot_node *n, ingot_value *v, double factor)
{
    return factor == 1 ? v : ingot_emit2(n, INGOT_OP_mul, v, ingot_splat_like(n, v, factor));
}

/* C as it is added to the product: it broadcasts to that, and never the other way. */
static ingot_value *addend(ingot_node *n, ingot_value *c, const ingot_value *product)
{
    const ingot_type *to = &product->type;
    bool open = false, fits = c->type.rank <= to->rank;
    for (int32_t i = 1; fits && i <= c->type.rank; i++) {
        const ingot_dim *from = c->type.dims[c->type.rank - i], *want = to->dims[to->rank - i];
        fits = !ingot_dim_is(want, 1) || ingot_dim_is(from, 1) || !ingot_dim_is_const(from);
        open = open || (from != want && !ingot_dim_is(from, 1) && ingot_dim_broadcast(n->m, from, want));
    }
    if (!fits)
        ingot_node_bad(n, "C is larger than the product");
    return open && fits ? ingot_broadcast(n, c, to->rank, to->dims) : c;
}

/* alpha * A' B' + beta * C */
void ingot_import_gemm(ingot_node *n)
{
    ingot_value *a = n->in[0], *b = n->in[1], *c = n->in[2];
    if (a->type.rank != 2 || b->type.rank != 2) {
        ingot_node_bad(n, "expected two matrices, found rank %d and %d", a->type.rank, b->type.rank);
        return;
    }
    ingot_value *y = ingot_matmul(n, a, b, ingot_attr_int(n, "transA", 0) != 0, ingot_attr_int(n, "transB", 0) != 0);
    y = times(n, y, ingot_attr_float(n, "alpha", 1));
    double beta = ingot_attr_float(n, "beta", 1);
    if (c && beta != 0 && !n->error)
        y = ingot_emit2(n, INGOT_OP_add, y, times(n, addend(n, c, y), beta));
    n->out[0] = y;
}

/* com.microsoft: alpha * A' B' with the last two axes transposed on request. */
void ingot_import_fused_matmul(ingot_node *n)
{
    ingot_value *in[] = {n->in[0], n->in[1]};
    for (int i = 0; i < 2; i++) {
        int64_t perm[INGOT_MAX_RANK];
        int32_t rank = in[i]->type.rank;
        if (!ingot_attr_int(n, i ? "transBatchB" : "transBatchA", 0) || rank < 3)
            continue;
        for (int32_t k = 0; k < rank; k++) /* the first axis goes behind those of the batch */
            perm[k] = k == rank - 1 ? k : k == rank - 2 ? 0 : k + 1;
        in[i] = ingot_transpose(n, in[i], perm);
    }
    /* A vector has nothing to transpose. */
    bool trans_a = ingot_attr_int(n, "transA", 0) != 0 && n->in[0]->type.rank > 1;
    bool trans_b = ingot_attr_int(n, "transB", 0) != 0 && n->in[1]->type.rank > 1;
    ingot_value *y = ingot_matmul(n, in[0], in[1], trans_a, trans_b);
    n->out[0] = times(n, y, ingot_attr_float(n, "alpha", 1));
}
