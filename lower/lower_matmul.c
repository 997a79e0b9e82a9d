/* Lowering of matrix products: batch dims folded, constant operands packed in panels of 16 columns. */
#include "lower/lower.h"
#include <string.h>

/* The product as loops over batch dims, m, n, k; strides of A, B, result and extras over [batch..., m, n]. */
typedef struct product {
    int32_t n_batch, n; /* operands: A, B, result, extras */
    const ingot_dim *batch[INGOT_MAX_RANK];
    const ingot_dim *m, *n_cols, *k;
    const ingot_dim *strides[INGOT_SPEC_OPERANDS][INGOT_MAX_RANK + 2];
    const ingot_dim *a_k, *b_k;
    location at[INGOT_SPEC_OPERANDS];
} product;

static void drop_batch(product *t, int32_t d)
{
    for (int32_t i = d; i + 1 < t->n_batch; i++)
        t->batch[i] = t->batch[i + 1];
    for (int32_t o = 0; o < t->n; o++)
        for (int32_t i = d; i < t->n_batch + 1; i++)
            t->strides[o][i] = t->strides[o][i + 1];
    t->n_batch--;
}

static bool merges(lowering *l, const product *t, int32_t d, const ingot_dim *inner_size)
{
    for (int32_t o = 0; o < t->n; o++)
        if (t->strides[o][d] != ingot_lower_mul(l, t->strides[o][d + 1], inner_size))
            return false;
    return true;
}

/* Batches that all operands walk like more rows become rows; neighbours merge; at most two stay. */
static bool fold_batches(lowering *l, product *t)
{
    for (int32_t d = t->n_batch - 1; d >= 0; d--)
        if (ingot_dim_is(t->batch[d], 1))
            drop_batch(t, d);
    for (int32_t d = t->n_batch - 2; d >= 0; d--)
        if (merges(l, t, d, t->batch[d + 1])) {
            t->batch[d + 1] = ingot_lower_mul(l, t->batch[d], t->batch[d + 1]);
            drop_batch(t, d);
        }
    while (t->n_batch > 0) {
        int32_t last = t->n_batch - 1;
        bool one_row =
            ingot_dim_is(t->m, 1) && t->strides[1][last] == ingot_lower_const(l, 0); /* vectors times one matrix */
        if (!one_row && !merges(l, t, last, t->m))
            break;
        t->m = one_row ? t->batch[last] : ingot_lower_mul(l, t->batch[last], t->m);
        /* strides[last + 1] are those of m: of one row, the batch's own */
        if (one_row)
            for (int32_t o = 0; o < t->n; o++)
                t->strides[o][last + 1] = t->strides[o][last];
        drop_batch(t, last);
    }
    return t->n_batch <= 2;
}

static void set_operand(product *t, int32_t o, const location *at, int32_t rank, const ingot_dim *const *strides)
{
    memcpy(t->strides[o], strides, (size_t)rank * sizeof *strides);
    t->at[o] = *at;
}

/* B as panels of 16 columns: [batch][n/16][k][16]. */
static ingot_status pack_panels(lowering *l, ingot_value *b, int64_t k, int64_t n, int64_t k_stride, int64_t n_stride,
                                location *out, int64_t *out_batch_elems)
{
    int64_t batches = 1, panels = (n + 15) / 16;
    for (int32_t d = 0; d < b->type.rank - 2; d++)
        batches *= b->type.dims[d]->value;
    ingot_packing packing = {.src_rank = 3,
                             .dest_rank = 4,
                             .src_dims = {batches, k, n},
                             .src_strides = {k * n, k_stride, n_stride},
                             .dest_dims = {batches, panels, k, 16},
                             .dest_src = {0, 2, 1, 2},
                             .dest_multiplier = {1, 16, 1, 1}};
    *out_batch_elems = panels * k * 16;
    return ingot_lower_add_weight(l, b, &packing, batches * panels * k * 16 * ingot_dtype_bits(b->type.dtype) / 8, out);
}

/* Integers and bf16, in panels of 32-bit words that hold the neighbours along k: [batch][n/16][k/g][16][g]. Bytes in
 * whole blocks are brought within limits, for a target that wants them so. */
static ingot_status pack_words(lowering *l, ingot_value *b, int64_t k, int64_t n, int64_t k_stride, int64_t n_stride,
                               location *out, int64_t *out_batch_elems, int32_t *out_limited)
{
    int64_t batches = 1, group = 32 / ingot_dtype_bits(b->type.dtype), panels = (n + 15) / 16,
            words = (k + group - 1) / group;
    for (int32_t d = 0; d < b->type.rank - 2; d++)
        batches *= b->type.dims[d]->value;
    ingot_packing packing = {.src_rank = 3,
                             .dest_rank = 5,
                             .src_dims = {batches, k, n},
                             .src_strides = {k * n, k_stride, n_stride},
                             .dest_dims = {batches, panels, words, 16, group},
                             .dest_src = {0, 2, 1, 2, 1},
                             .dest_multiplier = {1, 16, group, 1, 1}};
    *out_batch_elems = panels * words * 16 * group;
    if (group == 4 && b->type.rank == 2 && k % 16 == 0 && ingot_target_limits_bytes(l->target))
        INGOT_TRY(ingot_lower_add_limited(l, b, &packing, out));
    else
        INGOT_TRY(ingot_lower_add_weight(l, b, &packing, batches * panels * words * 64, out));
    *out_limited = packing.limited;
    return NULL;
}

/* Operands that kernels of integers take: 16 bits, or bytes without and with sign, less their zero points. */
static bool integers_fit(const ingot_op *op)
{
    ingot_dtype a = op->in[0]->type.dtype, b = op->in[1]->type.dtype;
    return (op->prog ? op->n_base : op->n_in) == 2 &&
           ((a == INGOT_I16 && b == INGOT_I16) || (a == INGOT_U8 && b == INGOT_I8));
}

ingot_status ingot_lower_matmul(lowering *l, ingot_op *op, bool *out_done)
{
    bool integer = op->kind == INGOT_OP_matmul_integer, words = integer || op->kind == INGOT_OP_matmul_bf16;
    static const ingot_attrs_matmul straight;
    const ingot_attrs_matmul *attrs = integer ? &straight : op->attrs;
    ingot_value *av = op->in[0], *bv = op->in[1], *cv = op->out[0];
    *out_done = false;
    int32_t rank = cv->type.rank;
    if (av->type.rank < 2 || bv->type.rank < 2 || rank < 2 || op->n_in + 1 > INGOT_SPEC_OPERANDS ||
        !(integer ? integers_fit(op) : ingot_dtype_is_float(av->type.dtype)))
        return NULL;
    product t = {.n_batch = rank - 2, .n = op->n_in + 1};
    location a, b;
    INGOT_TRY(ingot_lower_locate(l, av, &a));
    if (a.layout != INGOT_LAYOUT_PLAIN ||
        (words && !attrs->trans_a && a.strides[a.rank - 1] != ingot_lower_const(l, 1)))
        INGOT_TRY(ingot_lower_locate_dense(l, av, &a));
    int32_t am = a.rank - 2 + (attrs->trans_a ? 1 : 0), ak = a.rank - 2 + (attrs->trans_a ? 0 : 1);
    int32_t bk = bv->type.rank - 2 + (attrs->trans_b ? 1 : 0), bn = bv->type.rank - 2 + (attrs->trans_b ? 0 : 1);
    t.m = av->type.dims[am];
    t.k = ingot_dim_is_const(bv->type.dims[bk]) ? bv->type.dims[bk] : av->type.dims[ak]; /* they are equal */
    t.n_cols = bv->type.dims[bn];
    for (int32_t d = 0; d < t.n_batch; d++)
        t.batch[d] = cv->type.dims[d];
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1);

    /* A: batch strides broadcast; then m and k. */
    const ingot_dim *strides[INGOT_MAX_RANK];
    location lead = a;
    lead.rank = a.rank - 2;
    ingot_location_broadcast_strides(l, &lead, t.n_batch, t.batch, strides);
    memcpy(t.strides[0], strides, (size_t)t.n_batch * sizeof *strides);
    t.strides[0][t.n_batch] = a.strides[am];
    t.strides[0][t.n_batch + 1] = zero;
    t.a_k = a.strides[ak];
    t.at[0] = a;

    /* B: packed when constant. */
    const ingot_literal *literal = ingot_value_literal(bv);
    int32_t limited = 0;
    bool packed = literal != NULL && literal->kind != INGOT_LITERAL_SPLAT && ingot_type_is_static(&bv->type) &&
                  ingot_dtype_bits(bv->type.dtype) >= 8;
    if (packed) {
        int64_t k = t.k->value, n = t.n_cols->value, batch_elems;
        int64_t k_stride = attrs->trans_b ? 1 : n, n_stride = attrs->trans_b ? k : 1;
        INGOT_TRY(words ? pack_words(l, bv, k, n, k_stride, n_stride, &b, &batch_elems, &limited)
                        : pack_panels(l, bv, k, n, k_stride, n_stride, &b, &batch_elems));
        lead = (location){.rank = bv->type.rank - 2};
        const ingot_dim *stride = ingot_lower_const(l, batch_elems);
        for (int32_t d = lead.rank - 1; d >= 0; d--) {
            lead.dims[d] = bv->type.dims[d];
            lead.strides[d] = stride;
            stride = ingot_lower_mul(l, stride, lead.dims[d]);
        }
        t.strides[1][t.n_batch + 1] = zero;
        t.b_k = zero;
    } else {
        INGOT_TRY(ingot_lower_locate(l, bv, &b));
        if (b.layout != INGOT_LAYOUT_PLAIN ||
            (b.strides[bn] != one && b.strides[bk] != one && !ingot_dim_is(t.n_cols, 1)))
            INGOT_TRY(ingot_lower_locate_dense(l, bv, &b));
        lead = b;
        lead.rank = b.rank - 2;
        t.strides[1][t.n_batch + 1] = b.strides[bn];
        t.b_k = b.strides[bk];
    }
    ingot_location_broadcast_strides(l, &lead, t.n_batch, t.batch, strides);
    memcpy(t.strides[1], strides, (size_t)t.n_batch * sizeof *strides);
    t.strides[1][t.n_batch] = zero;
    t.at[1] = b;

    location c;
    INGOT_TRY(ingot_lower_claim(l, cv, &c));
    if (c.layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    set_operand(&t, 2, &c, rank, c.strides);
    for (int32_t i = 2; i < op->n_in; i++) {
        location extra;
        INGOT_TRY(ingot_lower_locate_spread(l, op->in[i], rank, cv->type.dims, &extra, strides));
        set_operand(&t, i + 1, &extra, rank, strides);
    }
    /* B's rows must not block the folding of batches into rows: it has no m stride, so a batched B (stride != 0) never
     * merges, as it must. */
    if (!fold_batches(l, &t))
        return NULL;

    spec_builder s;
    ingot_spec_begin(&s, l, INGOT_FAMILY_contract);
    const ingot_dim *dims[5] = {one, one, t.m, t.n_cols, t.k};
    for (int32_t d = 0; d < t.n_batch; d++)
        dims[2 - t.n_batch + d] = t.batch[d];
    for (int32_t d = 0; d < 5; d++)
        s.spec.dims[d] = ingot_spec_size(&s, dims[d]);
    for (int32_t pass = 0; pass < 2; pass++) { /* inputs, then the result */
        for (int32_t o = 0; o < t.n; o++) {
            if ((o == 2) != (pass == 1))
                continue;
            const ingot_dim *full[5] = {zero, zero, t.strides[o][t.n_batch], t.strides[o][t.n_batch + 1], zero};
            for (int32_t d = 0; d < t.n_batch; d++)
                full[2 - t.n_batch + d] = t.strides[o][d];
            if (o == 0)
                full[4] = t.a_k;
            if (o == 1)
                full[4] = t.b_k;
            ingot_operand *operand = ingot_spec_add_operand(&s, &t.at[o], full, pass == 1);
            if (o == 1 && packed) {
                operand->access = limited ? INGOT_ACCESS_LIMITED16 : INGOT_ACCESS_PACKED16;
                operand->lane = limited;
            }
        }
    }
    if (op->prog != NULL) {
        s.spec.has_body = true;
        s.spec.body = *op->prog;
    }
    const char *why;
    if (!ingot_spec_supported(&s, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&s, ingot_lower_label(l, op));
}
