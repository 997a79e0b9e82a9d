/* Nodes with boxed operands: tensors whose rank only the run knows, sequences, optionals.
 *
 * Elementwise operators are imported on scalars that stand for the operands; the ops that come out are one scalar
 * program, the body of any_map. Operators that only look at sizes or move elements have boxed ops of their own. All
 * others take their operands unboxed, which needs their rank. */
#include "frontend/import.h"
#include <string.h>

/* ---- between plain and boxed ---- */

ingot_value *ingot_box_value(ingot_node *n, ingot_value *v)
{
    return n->error || ingot_type_is_boxed(&v->type) ? v : ingot_emit1(n, INGOT_OP_box, v);
}

/* `rank`: what the operator asks for, which a run then checks; -1: any, as far as it is known. */
static ingot_value *unbox(ingot_node *n, ingot_value *v, int32_t rank)
{
    if (n->error || !ingot_type_is_boxed(&v->type))
        return v;
    if (v->type.form != INGOT_FORM_TENSOR) {
        ingot_node_bad(n, "a sequence or an optional where a tensor is expected");
        return v;
    }
    int32_t known = ingot_type_rank(&v->type);
    if (known >= 0 && rank >= 0 && known != rank) {
        ingot_node_bad(n, "'%s' has rank %d, expected %d", v->name ? v->name : "an input", known, rank);
        return v;
    }
    if (known < 0 && rank < 0) {
        ingot_node_unsupported(n,
                               "the rank of '%s' is not known: give the shapes of the inputs (--shape), or put a "
                               "Reshape to a fixed number of sizes before this node",
                               v->name ? v->name : "an input");
        return v;
    }
    for (const ingot_use *use = v->uses; use; use = use->next) /* once a value */
        if (use->op && use->op->kind == INGOT_OP_unbox && (rank < 0 || use->op->out[0]->type.rank == rank))
            return use->op->out[0];
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_unbox, 1, &v, 1);
    ((ingot_attrs_unbox *)op->attrs)->rank = rank;
    return ingot_emit_end(n, op);
}

ingot_value *ingot_unbox(ingot_node *n, ingot_value *v)
{
    return unbox(n, v, -1);
}

ingot_value *ingot_unbox_scalar(ingot_node *n, ingot_value *v)
{
    if (n->error || !ingot_type_is_boxed(&v->type))
        return v;
    if (v->type.form == INGOT_FORM_TENSOR && v->type.inner_rank != 0) {
        ingot_op *op =
            ingot_emit_begin(n, INGOT_OP_any_reshape, 2, (ingot_value *[]){v, ingot_ints_value(n, 0, NULL)}, 1);
        v = ingot_emit_end(n, op);
    }
    return ingot_unbox(n, v);
}

/* ---- elementwise ---- */

bool ingot_import_is_elementwise(ingot_import_fn *import)
{
    static ingot_import_fn *const list[] = {
        ingot_import_unary,
        ingot_import_binary,
        ingot_import_bit_shift,
        ingot_import_mod,
        ingot_import_variadic,
        ingot_import_mean,
        ingot_import_where,
        ingot_import_clip,
        ingot_import_cast,
        ingot_import_cast_like,
        ingot_import_is_inf,
        ingot_import_leaky_relu,
        ingot_import_prelu,
        ingot_import_elu,
        ingot_import_selu,
        ingot_import_celu,
        ingot_import_softsign,
        ingot_import_mish,
        ingot_import_thresholded_relu,
        ingot_import_hard_sigmoid,
        ingot_import_swish,
        ingot_import_gelu,
        ingot_import_shrink,
        ingot_import_dropout,
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == import)
            return true;
    return false;
}

/* Registers of a program by value of the scalar graph. */
typedef struct composer {
    ingot_node *n;
    ingot_prog *prog;
    const ingot_value *values[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS + 64];
    int16_t registers[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS + 64];
    int32_t n_values;
} composer;

static void set_register(composer *c, const ingot_value *v, int16_t r)
{
    if (c->n_values == (int32_t)(sizeof c->values / sizeof *c->values)) {
        ingot_node_unsupported(c->n, "too long for one elementwise program on values of unknown rank");
        return;
    }
    c->values[c->n_values] = v;
    c->registers[c->n_values++] = r;
}

static int16_t get_register(const composer *c, const ingot_value *v)
{
    for (int32_t i = c->n_values - 1; i >= 0; i--)
        if (c->values[i] == v)
            return c->registers[i];
    return -1;
}

static bool append_instr(composer *c, const ingot_instr *in)
{
    if (c->prog->n_instrs == INGOT_PROG_MAX_INSTRS) {
        ingot_node_unsupported(c->n, "too long for one elementwise program on values of unknown rank");
        return false;
    }
    c->prog->instrs[c->prog->n_instrs++] = *in;
    return true;
}

static void compose_constant(composer *c, const ingot_op *op)
{
    const ingot_value *v = op->out[0];
    const void *bytes;
    ingot_instr in = {.op = INGOT_SCALAR_const, .dtype = (int16_t)v->type.dtype, .a = -1, .b = -1, .c = -1};
    if (!ingot_value_has_uses(v))
        return;
    if (!ingot_node_check(c->n, ingot_literal_get_data(c->n->m, op->literal, v->type.dtype, &c->n->m->arena, &bytes)))
        return;
    if (ingot_dtype_is_float(v->type.dtype))
        in.imm.f = ingot_load_f64(bytes, v->type.dtype, 0);
    else
        in.imm.i = ingot_load_i64(bytes, v->type.dtype, 0);
    if (append_instr(c, &in))
        set_register(c, v, (int16_t)(c->prog->n_args + c->prog->n_instrs - 1));
}

/* The op's own short program, its arguments and results renamed. */
static void compose_scalar(composer *c, const ingot_op *op)
{
    ingot_prog own;
    int16_t at[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    ingot_op_to_prog(op, &own);
    for (int32_t i = 0; i < own.n_args; i++)
        if ((at[i] = get_register(c, op->in[i])) < 0)
            ingot_node_unsupported(c->n, "an operand of unknown rank");
    for (int32_t i = 0; i < own.n_instrs && !c->n->error; i++) {
        ingot_instr in = own.instrs[i];
        in.a = (int16_t)(in.a < 0 ? -1 : at[in.a]);
        in.b = (int16_t)(in.b < 0 ? -1 : at[in.b]);
        in.c = (int16_t)(in.c < 0 ? -1 : at[in.c]);
        if (append_instr(c, &in))
            at[own.n_args + i] = (int16_t)(c->prog->n_args + c->prog->n_instrs - 1);
    }
    for (int32_t i = 0; i < op->n_out && !c->n->error; i++)
        set_register(c, op->out[i], at[own.results[i]]);
}

static void compose(composer *c, const ingot_graph *g)
{
    for (int32_t i = 0; i < g->n_params; i++)
        set_register(c, g->params[i], (int16_t)i);
    for (const ingot_op *op = g->first; op && !c->n->error; op = op->next) {
        bool renames = op->kind == INGOT_OP_identity || op->kind == INGOT_OP_reshape || op->kind == INGOT_OP_broadcast;
        bool scalars = true;
        for (int32_t i = 0; i < op->n_out; i++)
            scalars &= op->out[i]->type.rank == 0 && op->out[i]->type.dtype != INGOT_STRING;
        if (scalars && op->kind == INGOT_OP_constant)
            compose_constant(c, op);
        else if (scalars && (ingot_op_info_get(op->kind)->scalar || (op->kind == INGOT_OP_map && op->prog)))
            compose_scalar(c, op);
        else if (scalars && renames && get_register(c, op->in[0]) >= 0)
            set_register(c, op->out[0], get_register(c, op->in[0]));
        else
            ingot_node_unsupported(c->n, "the rank of an input is not known, and this form of the operator needs it");
    }
}

/* A scalar of the scalar graph that stands for operand `v`; constants of one element stay constants. */
static ingot_value *stand_in(ingot_node *n, ingot_graph *g, ingot_value *v)
{
    ingot_type scalar = ingot_type_make(v->type.dtype, 0, NULL);
    const ingot_literal *literal = ingot_value_literal(v);
    const void *bytes;
    ingot_value *made;
    if (literal && v->type.rank == 0) {
        if (!ingot_node_check(n, ingot_literal_get_data(n->m, literal, v->type.dtype, &n->m->arena, &bytes)) ||
            !ingot_node_check(n, ingot_graph_add_constant(g, NULL, &scalar, bytes, true, &made)))
            return ingot_placeholder(n);
        return made;
    }
    made = ingot_graph_add_input(g, NULL, &scalar);
    if (!made)
        ingot_node_check(n, ingot_status_no_memory());
    return made;
}

static void import_elementwise(ingot_node *n, const ingot_onnx_row *row)
{
    ingot_value *in[INGOT_PROG_MAX_ARGS + 4] = {NULL}, *args[INGOT_PROG_MAX_ARGS], *out[4] = {NULL};
    int32_t n_graphs = n->m->n_graphs, n_args = 0;
    ingot_graph *g = ingot_module_add_graph(n->m, "elementwise");
    if (!g || n->n_in > INGOT_PROG_MAX_ARGS || n->n_out > INGOT_PROG_MAX_RESULTS) {
        ingot_node_unsupported(n, "too many operands or results for values of unknown rank");
        return;
    }
    for (int32_t i = 0; i < n->n_in && !n->error; i++) {
        if (!n->in[i])
            continue;
        ingot_type scalar = ingot_type_make(n->in[i]->type.dtype, 0, NULL);
        if (n->in[i]->type.form != INGOT_FORM_TENSOR || n->in[i]->type.dtype == INGOT_STRING)
            ingot_node_unsupported(n, "input %d is not a tensor of numbers", i);
        else if (i == 1 && row->import == ingot_import_cast_like) /* of this operand the type alone matters */
            ingot_node_check(n, ingot_graph_add_splat(g, NULL, &scalar, 0, &in[i]));
        else if ((in[i] = stand_in(n, g, n->in[i])) && !ingot_value_literal(in[i]))
            args[n_args++] = n->in[i];
    }
    ingot_node scalar = *n;
    scalar.graph = g;
    scalar.in = in;
    scalar.out = out;
    if (!n->error)
        row->import(&scalar);
    n->error = scalar.error;
    composer *c = n->error ? NULL : ingot_arena_alloc(&n->m->arena, 1, sizeof *c);
    ingot_prog *prog = c ? ingot_arena_alloc(&n->m->arena, 1, sizeof *prog) : NULL;
    if (!prog) {
        ingot_node_check(n, n->error ? NULL : ingot_status_no_memory());
        n->m->n_graphs = n_graphs;
        return;
    }
    *c = (composer){.n = n, .prog = prog};
    prog->n_args = n_args;
    prog->n_results = n->n_out;
    for (int32_t i = 0; i < n_args; i++)
        prog->arg_dtypes[i] = (int16_t)args[i]->type.dtype;
    for (int32_t i = 0; i < n->n_out; i++) /* results count as used, for the constants among them */
        if (out[i])
            ingot_node_check(n, ingot_graph_add_output(g, "result", out[i]));
    compose(c, g);
    for (int32_t i = 0; i < n->n_out && !n->error; i++) {
        prog->results[i] = out[i] ? get_register(c, out[i]) : -1;
        if (prog->results[i] < 0)
            ingot_node_unsupported(n, "output %d of an operator on values of unknown rank", i);
    }
    n->m->n_graphs = n_graphs; /* the scalar graph has served */
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_map, n_args, args, n->n_out);
    if (n->error)
        return;
    op->prog = prog;
    ingot_emit_end(n, op);
    for (int32_t i = 0; i < n->n_out && !n->error; i++)
        n->out[i] = op->out[i];
}

/* ---- sizes and movement ---- */

typedef void boxed_fn(ingot_node *n, int32_t arg);

/* Axes or sizes: an input, or in old opsets an attribute; null when absent. */
static ingot_value *list_operand(ingot_node *n, int32_t i, const char *attr)
{
    ingot_ints list;
    if (i < n->n_in && n->in[i])
        return n->in[i];
    return ingot_attr_ints(n, attr, &list) ? ingot_ints_value(n, (int32_t)list.n, list.v) : NULL;
}

static void emit_list(ingot_node *n, ingot_op_kind kind, ingot_value *list)
{
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, kind, list ? 2 : 1, (ingot_value *[]){n->in[0], list}, 1));
}

static void boxed_shape(ingot_node *n, int32_t arg)
{
    (void)arg;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_shape, 1, n->in, 1);
    ingot_attrs_any_shape *a = op->attrs;
    a->start = ingot_attr_int(n, "start", 0);
    a->end = ingot_attr_int(n, "end", INT64_MAX);
    n->out[0] = ingot_emit_end(n, op);
}

static void boxed_size(ingot_node *n, int32_t arg)
{
    (void)arg;
    n->out[0] = ingot_emit1(n, INGOT_OP_any_size, n->in[0]);
}

static void boxed_reshape(ingot_node *n, int32_t arg)
{
    (void)arg;
    ingot_value *shape = list_operand(n, 1, "shape");
    if (!shape) {
        ingot_node_bad(n, "neither an input nor an attribute gives the shape");
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_reshape, 2, (ingot_value *[]){n->in[0], shape}, 1);
    ((ingot_attrs_any_reshape *)op->attrs)->allowzero = ingot_attr_int(n, "allowzero", 0);
    n->out[0] = ingot_emit_end(n, op);
}

static void boxed_squeeze(ingot_node *n, int32_t arg)
{
    (void)arg;
    emit_list(n, INGOT_OP_any_squeeze, list_operand(n, 1, "axes"));
}

static void boxed_unsqueeze(ingot_node *n, int32_t arg)
{
    (void)arg;
    ingot_value *axes = list_operand(n, 1, "axes");
    if (!axes)
        ingot_node_bad(n, "neither an input nor an attribute gives the axes");
    emit_list(n, INGOT_OP_any_unsqueeze, axes);
}

static void boxed_transpose(ingot_node *n, int32_t arg)
{
    (void)arg;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_transpose, 1, n->in, 1);
    ingot_attr_ints(n, "perm", &((ingot_attrs_perm *)op->attrs)->perm);
    n->out[0] = ingot_emit_end(n, op);
}

/* Concat, Gather: all inputs and an axis. */
static void boxed_axis(ingot_node *n, int32_t arg)
{
    ingot_op *op = ingot_emit_begin(n, (ingot_op_kind)arg, n->n_in, n->in, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = ingot_attr_int(n, "axis", 0);
    n->out[0] = ingot_emit_end(n, op);
}

static void boxed_flatten(ingot_node *n, int32_t arg)
{
    (void)arg;
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_flatten, 1, n->in, 1);
    ((ingot_attrs_axis *)op->attrs)->axis = ingot_attr_int(n, "axis", 1);
    n->out[0] = ingot_emit_end(n, op);
}

/* Before opset 13 it flattens, which needs the rank to be undone. */
static void boxed_softmax(ingot_node *n, int32_t arg)
{
    if (n->opset < 13) {
        n->in[0] = ingot_unbox(n, n->in[0]); /* says what is missing */
        return;
    }
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_softmax, 1, n->in, 1);
    ingot_attrs_softmax *a = op->attrs;
    a->axis = ingot_attr_int(n, "axis", -1);
    a->log = arg;
    n->out[0] = ingot_emit_end(n, op);
}

static void boxed_slice(ingot_node *n, int32_t arg)
{
    (void)arg;
    ingot_value *in[5] = {n->in[0], list_operand(n, 1, "starts"), list_operand(n, 2, "ends"),
                          list_operand(n, 3, "axes"), n->n_in > 4 ? n->in[4] : NULL};
    n->out[0] = ingot_emit_end(n, ingot_emit_begin(n, INGOT_OP_any_slice, 5, in, 1));
}

static void boxed_expand(ingot_node *n, int32_t arg)
{
    (void)arg;
    emit_list(n, INGOT_OP_any_expand, n->in[1]);
}

static void boxed_matmul(ingot_node *n, int32_t arg)
{
    (void)arg;
    n->out[0] = ingot_emit2(n, INGOT_OP_any_matmul, n->in[0], n->in[1]);
}

static void boxed_reduce(ingot_node *n, int32_t arg)
{
    ingot_value *axes = list_operand(n, 1, "axes");
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_any_reduce, axes ? 2 : 1, (ingot_value *[]){n->in[0], axes}, 1);
    ingot_attrs_any_reduce *a = op->attrs;
    a->kind = arg;
    a->keepdims = ingot_attr_int(n, "keepdims", 1) != 0;
    a->none_when_empty = ingot_attr_int(n, "noop_with_empty_axes", 0) != 0;
    n->out[0] = ingot_emit_end(n, op);
}

static const struct {
    const char *op_type;
    boxed_fn *import;
    int32_t arg;
} boxed_rows[] = {
    {"Shape", boxed_shape, 0},
    {"Size", boxed_size, 0},
    {"Reshape", boxed_reshape, 0},
    {"Flatten", boxed_flatten, 0},
    {"Softmax", boxed_softmax, 0},
    {"LogSoftmax", boxed_softmax, 1},
    {"Squeeze", boxed_squeeze, 0},
    {"Unsqueeze", boxed_unsqueeze, 0},
    {"Transpose", boxed_transpose, 0},
    {"Concat", boxed_axis, INGOT_OP_any_concat},
    {"Gather", boxed_axis, INGOT_OP_any_gather},
    {"Slice", boxed_slice, 0},
    {"Expand", boxed_expand, 0},
    {"MatMul", boxed_matmul, 0},
    {"ReduceSum", boxed_reduce, INGOT_REDUCE_SUM},
    {"ReduceMean", boxed_reduce, INGOT_REDUCE_MEAN},
    {"ReduceMax", boxed_reduce, INGOT_REDUCE_MAX},
    {"ReduceMin", boxed_reduce, INGOT_REDUCE_MIN},
    {"ReduceProd", boxed_reduce, INGOT_REDUCE_PROD},
    {"ReduceL1", boxed_reduce, INGOT_REDUCE_L1},
    {"ReduceL2", boxed_reduce, INGOT_REDUCE_L2},
    {"ReduceLogSum", boxed_reduce, INGOT_REDUCE_LOG_SUM},
    {"ReduceLogSumExp", boxed_reduce, INGOT_REDUCE_LOG_SUM_EXP},
    {"ReduceSumSquare", boxed_reduce, INGOT_REDUCE_SUM_SQUARE},
};

static int32_t find_boxed_row(const ingot_onnx_row *row)
{
    for (size_t i = 0; i < sizeof boxed_rows / sizeof *boxed_rows; i++)
        if (!*row->domain && !strcmp(boxed_rows[i].op_type, row->op_type))
            return (int32_t)i;
    return -1;
}

bool ingot_has_boxed_form(const ingot_onnx_row *row)
{
    return find_boxed_row(row) >= 0;
}

void ingot_import_boxed(ingot_node *n, const ingot_onnx_row *row)
{
    int32_t i = find_boxed_row(row);
    boxed_rows[i].import(n, boxed_rows[i].arg);
}

/* ---- the choice ---- */

/* Importers that look at boxed operands themselves. */
static bool takes_boxes(ingot_import_fn *import)
{
    static ingot_import_fn *const list[] = {
        ingot_import_identity,
        ingot_import_if,
        ingot_import_loop,
        ingot_import_sequence_empty,
        ingot_import_sequence_construct,
        ingot_import_sequence_op,
        ingot_import_split_to_sequence,
        ingot_import_concat_from_sequence,
        ingot_import_sequence_map,
        ingot_import_optional,
        ingot_import_optional_has_element,
        ingot_import_optional_get_element,
        ingot_import_string_concat,
        ingot_import_string_split,
        ingot_import_string_normalizer,
        ingot_import_regex_full_match,
        ingot_import_tfidf_vectorizer,
        ingot_import_label_encoder,
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i] == import)
            return true;
    return false;
}

/* The rank that an operator asks of an input, -1: any. */
static int32_t asked_rank(ingot_node *n, const ingot_onnx_row *row, int32_t i)
{
    ingot_ints kernel;
    if (row->import == ingot_import_gemm)
        return i < 2 ? 2 : -1;
    if (row->import == ingot_import_recurrent)
        return i < 3 ? 3 : -1;
    if ((row->import == ingot_import_conv || row->import == ingot_import_conv_transpose) && i == 0)
        return ingot_type_rank(&n->in[1]->type);
    bool pools = row->import == ingot_import_max_pool || row->import == ingot_import_average_pool;
    return pools && ingot_attr_ints(n, "kernel_shape", &kernel) ? (int32_t)kernel.n + 2 : -1;
}

static bool all_ranks_known(const ingot_node *n)
{
    for (int32_t i = 0; i < n->n_in; i++)
        if (n->in[i] && ingot_type_rank(&n->in[i]->type) < 0)
            return false;
    return true;
}

void ingot_import_with_boxes(ingot_node *n, const ingot_onnx_row *row)
{
    bool texts = false;
    if (takes_boxes(row->import)) {
        row->import(n);
        return;
    }
    for (int32_t i = 0; i < n->n_in; i++) {
        if (n->in[i] && n->in[i]->type.form != INGOT_FORM_TENSOR) {
            ingot_node_bad(n, "input %d is a sequence or an optional, which this operator does not take", i);
            return;
        }
        texts |= n->in[i] && n->in[i]->type.dtype == INGOT_STRING;
    }
    bool casts = row->import == ingot_import_cast || row->import == ingot_import_cast_like;
    if (casts && (texts || ingot_attr_int(n, "to", 0) == INGOT_STRING)) {
        row->import(n);
        return;
    }
    if (ingot_import_is_elementwise(row->import) && !texts) {
        import_elementwise(n, row);
        return;
    }
    if (ingot_has_boxed_form(row) && !all_ranks_known(n)) {
        ingot_import_boxed(n, row);
        return;
    }
    for (int32_t i = 0; i < n->n_in; i++)
        if (n->in[i])
            n->in[i] = unbox(n, n->in[i], asked_rank(n, row, i));
    if (!n->error)
        row->import(n);
}
