/* Products with constant weights in bf16, where that is predicted to be faster than f32 and the context allows it.
 *
 *   matmul(a, w), conv(x, w)   matmul_bf16, conv_bf16(a or cast(a, bf16), w rounded to bf16), which sum in f32
 *
 * The operand that is no constant is rounded only where the target multiplies bf16; elsewhere weights are widened when
 * they are loaded, which pays where they come from far, in products of few rows. All others, and all products of whole
 * numbers (of a quantized graph, whose sums are exact), stay as they are; the log says of each why.
 *
 * Needs: canonicalize, so that transposes are attributes of products. Breaks recognize_attention.
 */
#include "costmodel/decide.h"
#include "passes/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct rounded { /* weights that are already there */
    const ingot_value *from;
    ingot_value *to;
    struct rounded *next;
} rounded;

typedef struct state {
    bool multiplies; /* the target has products of bf16 */
    ingot_arena arena;
    rounded *weights;
    int32_t products, kept;
} state;

/* ---- Which can be ---- */

static const char *product_refusal(const ingot_op *op, const state *s)
{
    const ingot_type *w = &op->in[1]->type;
    for (int32_t d = 0; d < w->rank - 2; d++)
        if (w->dims[d]->value != 1)
            return "it has a matrix for each batch";
    if (s->multiplies && ((const ingot_attrs_matmul *)op->attrs)->trans_a)
        return "its first operand is transposed";
    return NULL;
}

static const char *conv_refusal(const ingot_op *op)
{
    const ingot_type *x = &op->in[0]->type, *w = &op->in[1]->type;
    int64_t groups = ((const ingot_attrs_conv *)op->attrs)->groups, outs = w->dims[0]->value, ins = w->dims[1]->value;
    if (x->rank != 3 && x->rank != 4)
        return "it has no kernel: its windows have other than one or two axes";
    if (groups > 1 && (ins % 16 != 0 || outs / groups % 16 != 0))
        return "its groups are not whole blocks of 16 channels";
    return ins < 16 || ins % 2 != 0 ? "it has fewer than 16 input channels, or an odd number" : NULL;
}

/* Why the product stays f32 whatever it costs; null: it need not. */
static const char *refusal(const ingot_op *op, const state *s)
{
    const ingot_literal *literal = ingot_value_literal(op->in[1]);
    if (!literal || !ingot_type_is_static(&op->in[1]->type))
        return "its second operand is no constant";
    if (literal->kind == INGOT_LITERAL_SPLAT || ingot_type_count(&op->in[1]->type) < 1)
        return "its weights are one number, or none";
    return op->kind == INGOT_OP_matmul ? product_refusal(op, s) : conv_refusal(op);
}

/* ---- Rewriting ---- */

static bool is_whole(const float *v, int64_t n)
{
    int64_t i = 0;
    while (i < n && v[i] == truncf(v[i]))
        i++;
    return i == n;
}

/* The weights in bf16, once for all ops that read them; null when they are whole numbers. */
static ingot_status build_weights(state *s, ingot_value *w, ingot_value **out)
{
    ingot_module *m = w->graph->module;
    int64_t n = ingot_type_count(&w->type);
    ingot_arena scratch = {0};
    const void *data = NULL;
    void *bits = NULL;
    *out = NULL;
    for (const rounded *r = s->weights; r; r = r->next)
        if (r->from == w) {
            *out = r->to;
            return NULL;
        }
    ingot_status err = ingot_literal_get_data(m, ingot_value_literal(w), INGOT_F32, &scratch, &data);
    bool whole = !err && is_whole(data, n);
    if (!err && !whole)
        err = ingot_arena_array(&m->arena, (size_t)n, sizeof(uint16_t), &bits);
    if (!err && !whole)
        ingot_round_to_bf16(data, n, bits);
    ingot_arena_release(&scratch);
    if (err || whole)
        return err;
    ingot_type type = w->type;
    type.dtype = INGOT_BF16;
    INGOT_TRY(ingot_graph_add_constant(w->graph, w->def->next, &type, bits, false, out));
    (*out)->name = w->name;
    rounded *kept;
    INGOT_TRY(ingot_arena_array(&s->arena, 1, sizeof *kept, (void **)&kept));
    *kept = (rounded){w, *out, s->weights};
    s->weights = kept;
    return NULL;
}

/* The other operand in bf16, made where it is, once for all who read it. */
static ingot_status build_rounded(ingot_op *op, ingot_value **out)
{
    ingot_value *a = op->in[0];
    for (const ingot_use *use = a->uses; use; use = use->next)
        if (use->op && use->op == (a->def ? a->def->next : a->graph->first) && use->op->kind == INGOT_OP_cast &&
            use->op->out[0]->type.dtype == INGOT_BF16) {
            *out = use->op->out[0];
            return NULL;
        }
    return ingot_build_cast(a->def ? a->def->next : a->graph->first, a, INGOT_BF16, out);
}

static ingot_status rewrite_op(ingot_op *op, state *s, ingot_pass_context *ctx)
{
    if ((op->kind != INGOT_OP_matmul && op->kind != INGOT_OP_conv) || op->prog || op->n_in != 2 ||
        op->in[0]->type.dtype != INGOT_F32 || op->in[1]->type.dtype != INGOT_F32)
        return NULL;
    const char *loc = op->loc ? op->loc : "", *why = refusal(op, s);
    char costs[96];
    ingot_value *a = op->in[0], *w = NULL;
    ingot_op *made;
    if (!why) {
        double f32 = ingot_estimate_product(ctx, op, INGOT_F32, INGOT_F32);
        double bf16 = ingot_estimate_product(ctx, op, s->multiplies ? INGOT_BF16 : INGOT_F32, INGOT_BF16);
        snprintf(costs, sizeof costs, "predicted %.1f us, in bf16 %.1f us", f32 / 1e3, bf16 / 1e3);
        if (bf16 >= f32 * (1 - INGOT_DECIDE_MARGIN))
            why = costs;
    }
    if (!why) {
        INGOT_TRY(build_weights(s, op->in[1], &w));
        if (!w)
            why = "its weights are whole numbers, whose sums are exact";
    }
    if (why) {
        s->kept++;
        ingot_note(ctx, "'%s' stays f32: %s", loc, why);
        return NULL;
    }
    if (s->multiplies)
        INGOT_TRY(build_rounded(op, &a));
    ingot_op_kind kind = op->kind == INGOT_OP_matmul ? INGOT_OP_matmul_bf16 : INGOT_OP_conv_bf16;
    INGOT_TRY(ingot_build(op, kind, 2, (ingot_value *[]){a, w}, &made));
    ingot_copy_attrs(made, op);
    INGOT_TRY(ingot_op_infer(made));
    made->out[0]->name = op->out[0]->name;
    s->products++;
    ingot_note(ctx, "'%s' in bf16: %s", loc, costs);
    return ingot_replace_op(op, made->out[0]);
}

static ingot_status rewrite_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    ingot_arena scratch = {0};
    ingot_op **ops;
    int32_t n = 0;
    ingot_status err = ingot_list_ops(g, &scratch, &ops, &n);
    for (int32_t i = 0; i < n && !err; i++) {
        if (ingot_op_is_linked(ops[i]))
            err = rewrite_op(ops[i], arg, ctx);
        if (!err && (i & 63) == 63)
            err = ingot_check_cancel(ctx);
    }
    ingot_arena_release(&scratch);
    return err;
}

ingot_status ingot_pass_bf16_products(ingot_module *m, ingot_pass_context *ctx)
{
    if (!ctx->bf16 || !ctx->target)
        return NULL;
    state s = {.multiplies = ingot_target_multiplies_bf16(ctx->target)};
    ingot_status err = ingot_each_graph(m, ctx, &s, rewrite_graph);
    ingot_arena_release(&s.arena);
    if (!err)
        ingot_note(ctx, "precision bf16: %d products with weights of bf16%s, %d stay f32", (int)s.products,
                   s.multiplies ? " and operands rounded to it" : "", (int)s.kept);
    return err;
}
