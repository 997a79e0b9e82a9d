/* Lowering of gather, attention and recurrent layers. */
#include "lower/lower.h"
#include <string.h>

ingot_status ingot_lower_gather(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_axis *a = op->attrs;
    ingot_value *xv = op->in[0], *iv = op->in[1], *yv = op->out[0];
    *out_done = false;
    int32_t bits = ingot_dtype_bits(xv->type.dtype);
    if (bits < 8 || bits > 64 || xv->type.dtype == INGOT_STRING || xv->type.layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    location x, index, y;
    INGOT_TRY(ingot_lower_locate_dense(l, xv, &x));
    INGOT_TRY(ingot_lower_locate_dense(l, iv, &index));
    INGOT_TRY(ingot_lower_claim(l, yv, &y));
    if (!ingot_location_is_dense(l, &y))
        return NULL;
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1), *outer = one, *inner = one,
                    *count = one;
    for (int32_t d = 0; d < a->axis; d++)
        outer = ingot_lower_mul(l, outer, x.dims[d]);
    for (int32_t d = (int32_t)a->axis + 1; d < x.rank; d++)
        inner = ingot_lower_mul(l, inner, x.dims[d]);
    for (int32_t d = 0; d < index.rank; d++)
        count = ingot_lower_mul(l, count, index.dims[d]);
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_gather);
    const ingot_dim *dims[3] = {outer, count, inner};
    for (int32_t d = 0; d < 3; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    b.spec.params[0] = ingot_spec_size(&b, x.dims[a->axis]);
    b.spec.params[1] = ingot_spec_size(&b, inner);
    const ingot_dim *x_strides[3] = {ingot_lower_mul(l, x.dims[a->axis], inner), zero, one},
                    *i_strides[3] = {zero, one, zero}, *y_strides[3] = {ingot_lower_mul(l, count, inner), inner, one};
    ingot_spec_add_operand(&b, &x, x_strides, false);
    ingot_spec_add_operand(&b, &index, i_strides, false);
    ingot_spec_add_operand(&b, &y, y_strides, true);
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}

ingot_status ingot_lower_attention(lowering *l, ingot_op *op, bool *out_done)
{
    const ingot_attrs_attention *a = op->attrs;
    ingot_value *qv = op->in[0], *kv = op->in[1], *vv = op->in[2], *yv = op->out[0];
    *out_done = false;
    if (a->softcap != 0 || qv->type.rank != 4 || kv->type.rank != 4)
        return NULL;
    bool masked = op->n_in > 3 && op->in[3] != NULL;
    location at[5];
    const ingot_dim *strides[5][6], *zero = ingot_lower_const(l, 0);
    for (int32_t i = 0; i < 3; i++) {
        INGOT_TRY(ingot_lower_locate(l, op->in[i], &at[i]));
        if (at[i].layout != INGOT_LAYOUT_PLAIN || !ingot_dim_is(at[i].strides[3], 1))
            INGOT_TRY(ingot_lower_locate_dense(l, op->in[i], &at[i]));
    }
    INGOT_TRY(ingot_lower_claim(l, yv, &at[4]));
    if (at[4].layout != INGOT_LAYOUT_PLAIN)
        return NULL;
    const ingot_dim *heads = qv->type.dims[1], *kv_heads = kv->type.dims[1];
    int64_t group = 1;
    if (heads != kv_heads) {
        if (!ingot_dim_is_const(heads) || !ingot_dim_is_const(kv_heads) || kv_heads->value == 0 ||
            heads->value % kv_heads->value != 0)
            return NULL;
        group = heads->value / kv_heads->value;
    }
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_attention);
    const ingot_dim *dims[6] = {qv->type.dims[0], heads,           qv->type.dims[2], kv->type.dims[2],
                                qv->type.dims[3], vv->type.dims[3]};
    for (int32_t d = 0; d < 6; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    const ingot_dim *q[6] = {at[0].strides[0], at[0].strides[1], at[0].strides[2], zero, at[0].strides[3], zero};
    const ingot_dim *k[6] = {at[1].strides[0], at[1].strides[1], zero, at[1].strides[2], at[1].strides[3], zero};
    const ingot_dim *v[6] = {at[2].strides[0], at[2].strides[1], zero, at[2].strides[2], zero, at[2].strides[3]};
    const ingot_dim *y[6] = {at[4].strides[0], at[4].strides[1], at[4].strides[2], zero, zero, at[4].strides[3]};
    ingot_spec_add_operand(&b, &at[0], q, false);
    ingot_spec_add_operand(&b, &at[1], k, false);
    ingot_spec_add_operand(&b, &at[2], v, false);
    if (masked) {
        const ingot_dim *broadcast[INGOT_MAX_RANK], *scores[4] = {dims[0], dims[1], dims[2], dims[3]};
        INGOT_TRY(ingot_lower_locate_spread(l, op->in[3], 4, scores, &at[3], broadcast));
        if (at[3].dtype != INGOT_F32)
            return NULL;
        if (!ingot_dim_is(broadcast[3], 0) && !ingot_dim_is(broadcast[3], 1)) {
            INGOT_TRY(ingot_lower_locate_dense(l, op->in[3], &at[3]));
            ingot_location_broadcast_strides(l, &at[3], 4, scores, broadcast);
        }
        memcpy(strides[3], (const ingot_dim *[6]){broadcast[0], broadcast[1], broadcast[2], broadcast[3], zero, zero},
               sizeof strides[3]);
        ingot_spec_add_operand(&b, &at[3], strides[3], false);
    }
    ingot_spec_add_operand(&b, &at[4], y, true);
    b.spec.params[0] = group;
    b.spec.params[1] = a->causal != 0;
    b.spec.params[2] = masked;
    b.spec.params[3] = ingot_spec_size(&b, ingot_dim_sub(l->m, dims[3], dims[2]));
    if (!ingot_size_is_dynamic(b.spec.params[3]) && b.spec.params[3] < 0)
        b.spec.params[3] = 0;
    b.spec.imm[0] = a->scale;
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}

/* ---- LSTM, GRU: one product for all inputs of all steps, then the recurrent kernel ---- */

static ingot_value *operand(const ingot_op *op, int32_t i)
{
    return i < op->n_in ? op->in[i] : NULL;
}

static bool plain_recurrent(const ingot_op *op, int32_t gates)
{
    const ingot_attrs_recurrent *a = op->attrs;
    static const int64_t lstm_acts[3] = {INGOT_ACT_SIGMOID, INGOT_ACT_TANH, INGOT_ACT_TANH};
    int32_t n_acts = gates == 4 ? 3 : 2;
    for (int64_t i = 0; i < a->activations.n; i++)
        if (a->activations.v[i] != lstm_acts[i % n_acts])
            return false;
    if (a->clip != 0 || a->batch_first || a->input_forget || operand(op, 4) != NULL ||
        (gates == 4 && operand(op, 7) != NULL))
        return false;
    for (int32_t i = 1; i < 4; i++) {
        if (operand(op, i) == NULL) {
            if (i < 3)
                return false;
            continue;
        }
        const ingot_literal *literal = ingot_value_literal(op->in[i]);
        if (literal == NULL || (literal->kind == INGOT_LITERAL_SPLAT && i < 3))
            return false;
    }
    return op->in[0]->type.dtype == INGOT_F32;
}

/* xw [t, n, dir * gates * h] = x w^T + wb (+ rb): a contraction with packed weights. */
static ingot_status input_product(lowering *l, ingot_op *op, int64_t dirs, int64_t width, int64_t inputs,
                                  bool add_recurrent_bias, location *out_xw, bool *out_done)
{
    ingot_value *xv = op->in[0], *wv = op->in[1], *bv = operand(op, 3);
    const ingot_dim *zero = ingot_lower_const(l, 0), *one = ingot_lower_const(l, 1),
                    *rows = ingot_lower_mul(l, xv->type.dims[0], xv->type.dims[1]);
    location x, w, bias;
    INGOT_TRY(ingot_lower_locate_dense(l, xv, &x));
    int64_t columns = dirs * width, panels = (columns + 15) / 16;
    ingot_packing p = {.src_rank = 2,
                       .dest_rank = 3,
                       .src_dims = {columns, inputs},
                       .src_strides = {inputs, 1},
                       .dest_dims = {panels, inputs, 16},
                       .dest_src = {0, 1, 0},
                       .dest_multiplier = {16, 1, 1}};
    INGOT_TRY(ingot_lower_add_weight(l, wv, &p, panels * inputs * 16 * 4, &w));
    ingot_type type = ingot_type_make(
        INGOT_F32, 3, (const ingot_dim *[]){xv->type.dims[0], xv->type.dims[1], ingot_lower_const(l, columns)});
    INGOT_TRY(ingot_lower_new_buffer(l, &type, NULL, "gates from inputs", out_xw));
    spec_builder b;
    ingot_spec_begin(&b, l, INGOT_FAMILY_contract);
    const ingot_dim *dims[5] = {one, one, rows, ingot_lower_const(l, columns), ingot_lower_const(l, inputs)};
    for (int32_t d = 0; d < 5; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    const ingot_dim *a_strides[5] = {zero, zero, ingot_lower_const(l, inputs), zero, one},
                    *y_strides[5] = {zero, zero, ingot_lower_const(l, columns), one, zero},
                    *v_strides[5] = {zero, zero, zero, one, zero};
    ingot_spec_add_operand(&b, &x, a_strides, false);
    ingot_spec_add_operand(&b, &w, NULL, false)->access = INGOT_ACCESS_PACKED16;
    if (bv != NULL) {
        for (int32_t half = 0; half < (add_recurrent_bias ? 2 : 1);
             half++) { /* B is [dir, (wb, rb)]: one half of each direction */
            ingot_packing q = {.src_rank = 2,
                               .dest_rank = 2,
                               .src_dims = {dirs, width},
                               .src_strides = {2 * width, 1},
                               .src_offset = half * width,
                               .dest_dims = {dirs, width},
                               .dest_src = {0, 1},
                               .dest_multiplier = {1, 1}};
            INGOT_TRY(ingot_lower_add_weight(l, bv, &q, columns * 4, &bias));
            ingot_spec_add_operand(&b, &bias, v_strides, false);
        }
        b.spec.has_body = true;
        ingot_prog *body = &b.spec.body;
        body->n_args = add_recurrent_bias ? 3 : 2;
        for (int32_t i = 0; i < body->n_args; i++)
            body->arg_dtypes[i] = INGOT_F32;
        for (int32_t i = 0; i + 1 < body->n_args; i++)
            body->instrs[body->n_instrs++] = (ingot_instr){.op = INGOT_SCALAR_add,
                                                           .dtype = INGOT_F32,
                                                           .a = (int16_t)(i == 0 ? 0 : body->n_args),
                                                           .b = (int16_t)(i + 1),
                                                           .c = -1};
        body->n_results = 1;
        body->results[0] = (int16_t)(body->n_args + body->n_instrs - 1);
    }
    ingot_spec_add_operand(&b, out_xw, y_strides, true);
    const char *why;
    *out_done = ingot_spec_supported(&b, &why);
    return *out_done ? ingot_spec_finish(&b, ingot_lower_label(l, op)) : NULL;
}

static ingot_status lower_recurrent(lowering *l, ingot_op *op, int32_t gates, bool *out_done)
{
    const ingot_attrs_recurrent *a = op->attrs;
    *out_done = false;
    if (!plain_recurrent(op, gates) || !ingot_type_is_static(&op->in[1]->type))
        return NULL;
    int64_t dirs = op->in[1]->type.dims[0]->value, h = a->hidden, inputs = op->in[1]->type.dims[2]->value,
            width = gates * h;
    const ingot_dim *steps = op->in[0]->type.dims[0], *batch = op->in[0]->type.dims[1], *zero = ingot_lower_const(l, 0),
                    *one = ingot_lower_const(l, 1);
    bool reset_after = a->linear_before_reset != 0, gru = gates == 3;
    spec_builder b;
    ingot_spec_begin(&b, l, gru ? INGOT_FAMILY_gru : INGOT_FAMILY_lstm);
    const ingot_dim *dims[4] = {steps, batch, ingot_lower_const(l, dirs), ingot_lower_const(l, h)};
    for (int32_t d = 0; d < 4; d++)
        b.spec.dims[d] = ingot_spec_size(&b, dims[d]);
    /* Strides are over t n dir h; h of xw runs over all gates. */
    const ingot_dim *xw_strides[4] = {ingot_lower_mul(l, batch, ingot_lower_const(l, dirs * width)),
                                      ingot_lower_const(l, dirs * width), ingot_lower_const(l, width), one};
    const ingot_dim *state_strides[4] = {zero, ingot_lower_const(l, h),
                                         ingot_lower_mul(l, batch, ingot_lower_const(l, h)), one};
    location xw = {.dtype = INGOT_F32, .offset = zero}, r, states[2], y[3];
    int64_t panels = (width + 15) / 16;
    ingot_packing p = {.src_rank = 3,
                       .dest_rank = 4,
                       .src_dims = {dirs, width, h},
                       .src_strides = {width * h, h, 1},
                       .dest_dims = {dirs, panels, h, 16},
                       .dest_src = {0, 1, 2, 1},
                       .dest_multiplier = {1, 16, 1, 1}};
    INGOT_TRY(ingot_lower_add_weight(l, op->in[2], &p, dirs * panels * h * 16 * 4, &r));
    bool separate_bias = gru && reset_after && operand(op, 3) != NULL;
    bool done;
    INGOT_TRY(input_product(l, op, dirs, width, inputs, !separate_bias, &xw, &done));
    if (!done)
        return NULL;
    ingot_spec_add_operand(&b, &xw, xw_strides, false);
    const ingot_dim *r_strides[4] = {zero, zero, ingot_lower_const(l, panels * h * 16), zero};
    ingot_spec_add_operand(&b, &r, r_strides, false)->access = INGOT_ACCESS_PACKED16;
    int32_t n_states = gru ? 1 : 2;
    for (int32_t i = 0; i < n_states; i++) {
        ingot_value *state = operand(op, 5 + i);
        double value;
        bool given = state != NULL && !(ingot_value_is_splat(l->m, state, &value) && value == 0);
        b.spec.params[1 + i] = given;
        if (!given)
            continue;
        INGOT_TRY(ingot_lower_locate_dense(l, state, &states[i]));
        ingot_spec_add_operand(&b, &states[i], state_strides, false);
    }
    if (gru) {
        b.spec.params[2] = reset_after;
        b.spec.params[3] = separate_bias;
        if (separate_bias) { /* all gates' recurrent bias: [dir, 3h] */
            ingot_packing q = {.src_rank = 2,
                               .dest_rank = 2,
                               .src_dims = {dirs, width},
                               .src_strides = {2 * width, 1},
                               .src_offset = width,
                               .dest_dims = {dirs, width},
                               .dest_src = {0, 1},
                               .dest_multiplier = {1, 1}};
            location rb;
            INGOT_TRY(ingot_lower_add_weight(l, op->in[3], &q, dirs * width * 4, &rb));
            const ingot_dim *rb_strides[4] = {zero, zero, ingot_lower_const(l, width), one};
            ingot_spec_add_operand(&b, &rb, rb_strides, false);
        }
    }
    b.spec.params[0] = a->direction == INGOT_REVERSE ? 1 : a->direction == INGOT_BIDIRECTIONAL ? 2 : 0;
    const ingot_dim *y_strides[4] = {ingot_lower_mul(l, batch, ingot_lower_const(l, dirs * h)), ingot_lower_const(l, h),
                                     ingot_lower_mul(l, batch, ingot_lower_const(l, h)), one};
    for (int32_t i = 0; i < op->n_out; i++) {
        INGOT_TRY(ingot_lower_claim(l, op->out[i], &y[i]));
        if (!ingot_location_is_dense(l, &y[i]))
            return NULL;
        ingot_spec_add_operand(&b, &y[i], i == 0 ? y_strides : state_strides, true);
    }
    const char *why;
    if (!ingot_spec_supported(&b, &why))
        return NULL;
    *out_done = true;
    return ingot_spec_finish(&b, ingot_lower_label(l, op));
}

ingot_status ingot_lower_lstm(lowering *l, ingot_op *op, bool *out_done)
{
    return lower_recurrent(l, op, 4, out_done);
}
ingot_status ingot_lower_gru(lowering *l, ingot_op *op, bool *out_done)
{
    return lower_recurrent(l, op, 3, out_done);
}
