/* Elementwise chains go into the op that makes their input, as its program: bias, residual add, activation, casts.
 *
 * A chain starts at a matmul or convolution (of integers and bf16 too), reduction, normalisation, softmax or pooling of
 * one float result, and goes on while the value has one use, that use is elementwise, and its result has the same
 * shape. Other operands of the chain, or what cheap elementwise ops make them from, become operands of the op; single
 * numbers become constants of the program. The op moves down to the last op it takes in, so that every operand is
 * there.
 *
 * Needs: canonicalize. After it: op->prog with argument 0 = the op's own result, argument i = operand n_base + i - 1.
 */
#include "passes/internal.h"
#include <string.h>

static bool may_have_epilogue(const ingot_op *op)
{
    switch (op->kind) {
    case INGOT_OP_matmul:
    case INGOT_OP_conv:
    case INGOT_OP_matmul_bf16:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_matmul_integer:
    case INGOT_OP_conv_integer:
    case INGOT_OP_conv_transpose:
    case INGOT_OP_reduce:
    case INGOT_OP_layer_norm:
    case INGOT_OP_rms_norm:
    case INGOT_OP_softmax:
    case INGOT_OP_max_pool:
    case INGOT_OP_avg_pool:
        break;
    default:
        return false;
    }
    ingot_dtype dtype = op->out[0]->type.dtype;
    bool integer = op->kind == INGOT_OP_matmul_integer || op->kind == INGOT_OP_conv_integer;
    return op->n_out == 1 && op->out[0]->type.rank >= 0 &&
           (dtype == INGOT_F32 || dtype == INGOT_F64 || dtype == INGOT_F16 || dtype == INGOT_BF16 ||
            (integer && dtype == INGOT_I32));
}

/* Positions of ops by id, as they were when the pass began; ops made since count as last. */
typedef struct order {
    int32_t *at;
    uint32_t n;
} order;

static int32_t position(const order *o, const ingot_op *op)
{
    return op->id < o->n ? o->at[op->id] : INT32_MAX;
}

/* What an operand of a chain is made from by cheap elementwise ops of one use on one value of the same shape (and
 * numbers): the value is read in its stead, as a residual that is dequantized first. */
enum { MAX_INNER = 6 };
typedef struct operand {
    ingot_value *from;
    ingot_op *ops[MAX_INNER]; /* last one first */
    int32_t n;
} operand;

/* The one operand of v's op that is no number, when all else allows to go through that; -1. */
static int32_t single_operand(const ingot_op *op, const ingot_value *v)
{
    double number;
    int32_t at = -1;
    ingot_prog prog;
    const ingot_op *inner = v->def;
    if (!inner || inner->graph != op->graph || inner->kind == INGOT_OP_map || !ingot_is_elementwise(inner) ||
        inner->n_out != 1 || !ingot_value_has_one_use(v))
        return -1;
    for (int32_t i = 0; i < inner->n_in; i++) {
        if (ingot_value_is_splat(op->graph->module, inner->in[i], &number))
            continue;
        if (at >= 0 || !ingot_same_shape(&inner->in[i]->type, &v->type) || inner->in[i]->type.layout != v->type.layout)
            return -1;
        at = i;
    }
    if (at < 0)
        return -1;
    ingot_prog_of(inner, &prog);
    return ingot_prog_is_expensive(&prog) ? -1 : at;
}

static bool takes_chain(const ingot_op *op, const ingot_value *v)
{
    return v->def && v->def->graph == op->graph && may_have_epilogue(v->def) && ingot_value_has_one_use(v);
}

static operand look_through(const ingot_op *op, ingot_value *v)
{
    operand o = {.from = v};
    int32_t i;
    while (o.n < MAX_INNER && ingot_same_shape(&o.from->type, &op->out[0]->type) &&
           (i = single_operand(op, o.from)) >= 0) {
        o.ops[o.n++] = o.from->def;
        o.from = o.from->def->in[i];
    }
    if (takes_chain(op, o.from)) /* those ops are its own */
        o = (operand){.from = v};
    return o;
}

/* The operand's own ops, on the register of what it is made from; -1 when the program is full. */
static int32_t inline_operand(ingot_module *m, ingot_prog *prog, const operand *o, int32_t reg)
{
    double number;
    for (int32_t k = o->n - 1; k >= 0 && reg >= 0; k--) {
        const ingot_op *inner = o->ops[k];
        ingot_prog one;
        int32_t args[INGOT_PROG_MAX_ARGS];
        ingot_prog_of(inner, &one);
        if (inner->n_in > INGOT_PROG_MAX_ARGS || one.n_args != inner->n_in)
            return -1;
        for (int32_t i = 0; i < inner->n_in; i++) {
            bool is_number = ingot_value_is_splat(m, inner->in[i], &number);
            args[i] = is_number ? ingot_prog_splat(prog, inner->in[i]) : reg;
            if (args[i] < 0)
                return -1;
        }
        if (!ingot_prog_inline(prog, &one, args, &reg))
            return -1;
    }
    return reg;
}

/* The elementwise op that may go into `op`, or null. */
static ingot_op *next_in_chain(const ingot_op *op, const order *o)
{
    const ingot_value *v = op->out[0];
    ingot_op *user = ingot_value_has_one_use(v) ? v->uses->op : NULL;
    if (!user || user->graph != op->graph || !ingot_is_elementwise(user) || user->n_out != 1 ||
        !ingot_same_shape(&user->out[0]->type, &v->type) || user->out[0]->type.layout != v->type.layout)
        return NULL;
    for (int32_t i = 0; i < user->n_in; i++) {
        /* Of two that meet in an op, the later one takes it: it need not wait for the other. */
        if (user->in[i] != v && takes_chain(op, user->in[i]) && position(o, user->in[i]->def) > position(o, op))
            return NULL;
    }
    return user;
}

/* Takes `user` into op's program; false (and nothing changed) when the program is full. */
static ingot_status absorb(ingot_op *op, ingot_op *user, bool *out_done)
{
    ingot_module *m = op->graph->module;
    ingot_value *v = op->out[0], *extra[INGOT_PROG_MAX_ARGS];
    operand operands[INGOT_PROG_MAX_ARGS];
    ingot_op *inner[INGOT_PROG_MAX_ARGS] = {NULL};
    ingot_prog *prog, one;
    void *memory;
    *out_done = false;
    INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof *prog, &memory));
    prog = memory;
    if (op->prog) {
        *prog = *op->prog;
    } else {
        prog->n_args = prog->n_results = 1;
        prog->arg_dtypes[0] = (int16_t)v->type.dtype;
    }
    ingot_prog_of(user, &one);
    if (user->n_in > INGOT_PROG_MAX_ARGS || one.n_args != user->n_in)
        return NULL;

    /* Arguments first: adding one moves the registers of instructions. */
    int32_t args[INGOT_PROG_MAX_ARGS], n_extra = 0;
    double number;
    for (int32_t i = 0; i < user->n_in; i++) {
        ingot_value *x = user->in[i];
        args[i] = -1;
        if (x == v || ingot_value_is_splat(m, x, &number))
            continue;
        operands[i] = look_through(op, x);
        inner[i] = operands[i].n > 0 ? operands[i].ops[0] : NULL;
        x = operands[i].from;
        for (int32_t j = op->n_base; j < op->n_in && args[i] < 0; j++) {
            if (op->in[j] == x)
                args[i] = j - op->n_base + 1;
        }
        for (int32_t j = 0; j < n_extra && args[i] < 0; j++) {
            if (extra[j] == x)
                args[i] = op->n_in - op->n_base + 1 + j;
        }
        if (args[i] >= 0)
            continue;
        args[i] = ingot_prog_add_arg(prog, x->type.dtype);
        if (args[i] < 0)
            return NULL;
        extra[n_extra++] = x;
    }
    for (int32_t i = 0; i < user->n_in; i++) {
        if (user->in[i] == v)
            args[i] = prog->results[0];
        else if (args[i] < 0 && ingot_value_is_splat(m, user->in[i], &number))
            args[i] = ingot_prog_splat(prog, user->in[i]);
        else if (args[i] >= 0)
            args[i] = inline_operand(m, prog, &operands[i], args[i]);
        if (args[i] < 0)
            return NULL;
    }
    int32_t result;
    if (!ingot_prog_inline(prog, &one, args, &result))
        return NULL;
    prog->results[0] = (int16_t)result;
    ingot_prog_trim(prog);

    ingot_op_move_before(op, user);
    op->prog = prog;
    for (int32_t i = 0; i < n_extra; i++)
        INGOT_TRY(ingot_op_append_operand(op, extra[i]));
    /* The result takes over the user's type, name and uses. */
    ingot_value *out = user->out[0];
    v->type = out->type;
    v->content = NULL;
    if (out->name)
        v->name = out->name;
    ingot_value_replace_uses(out, v);
    ingot_op_erase(user);
    for (int32_t i = 0; i < INGOT_PROG_MAX_ARGS; i++)
        if (inner[i] && ingot_op_is_linked(inner[i]))
            ingot_erase_dead(inner[i]);
    *out_done = true;
    return NULL;
}

static ingot_status fuse_graph(ingot_graph *g, ingot_pass_context *ctx, void *arg)
{
    (void)arg;
    ingot_arena scratch = {0};
    ingot_op **ops;
    int32_t n = 0;
    order o = {.n = g->module->next_op_id};
    void *memory = NULL;
    ingot_status err = ingot_list_ops(g, &scratch, &ops, &n);
    if (!err)
        err = ingot_arena_array(&scratch, (size_t)o.n + 1, sizeof *o.at, &memory);
    o.at = memory;
    for (int32_t i = 0; i < n && !err; i++)
        o.at[ops[i]->id] = i;
    for (int32_t i = 0; i < n && !err; i++) {
        ingot_op *op = ops[i], *user;
        if (!ingot_op_is_linked(op) || !may_have_epilogue(op))
            continue;
        int32_t taken = 0;
        bool done = true;
        double apart = 0;
        while (!err && done && (user = next_in_chain(op, &o)) != NULL) {
            double one = ctx->log ? ingot_estimate_op(ctx, user) : 0; /* for the note alone */
            o.at[op->id] = position(&o, user);
            err = absorb(op, user, &done);
            taken += !err && done;
            apart += !err && done ? one : 0;
        }
        if (taken && apart > 0)
            ingot_note(ctx, "fused %d elementwise ops into '%s': on their own predicted %.2f us", (int)taken,
                       op->loc ? op->loc : "", apart / 1e3);
        else if (taken)
            ingot_note(ctx, "fused %d elementwise ops into '%s'", (int)taken, op->loc ? op->loc : "");
        if (!err && (i & 255) == 255)
            err = ingot_check_cancel(ctx);
    }
    ingot_arena_release(&scratch);
    return err;
}

ingot_status ingot_pass_fuse_epilogues(ingot_module *m, ingot_pass_context *ctx)
{
    return ingot_each_graph(m, ctx, NULL, fuse_graph);
}
