/* Importing sequences, optionals, texts and values whose rank only a run knows: types, the choice between boxed and
 * plain ops, and what is refused. */
#include "frontend/frontend.h"
#include "tests/unit/imported.h"
#include "tests/unit/onnx_writer.h"
#include <criterion/criterion.h>
#include <stdio.h>

static ingot_status import_model(pb *graph, int64_t opset, ingot_module **out)
{
    pb model = onnx_model(graph, opset);
    const ingot_import_options options = {.struct_size = sizeof options};
    ingot_status status = ingot_import_memory(model.data, model.size, &options, out);
    ingot_text_free(&model);
    return status;
}

static ingot_module *import_ok(pb *graph)
{
    ingot_module *m;
    ingot_status status = import_model(graph, 20, &m);
    cr_assert_null(status, "%s", ingot_status_message(status));
    ingot_text text = {0}, again = {0};
    ingot_module *copy; /* every such module has a text form */
    ingot_module_print(m, &text);
    status = ingot_module_parse(text.data, text.size, "printed", NULL, &copy);
    cr_assert_null(status, "%s\n%s", ingot_status_message(status), text.data);
    ingot_module_print(copy, &again);
    cr_assert_str_eq(text.data, again.data);
    ingot_module_destroy(copy);
    ingot_text_free(&text);
    ingot_text_free(&again);
    return m;
}

static void expect_refusal(pb *graph, ingot_code code, const char *words)
{
    ingot_module *m;
    ingot_status status = import_model(graph, 20, &m);
    cr_assert_eq(ingot_status_code(status), code, "%s", ingot_status_message(status));
    cr_assert_not_null(strstr(ingot_status_message(status), words), "%s", ingot_status_message(status));
    ingot_status_free(status);
}

/* A value whose type is `wraps` (fields of TypeProto: 4 sequence, 9 optional; outermost first, 0 ends) of a tensor. */
static void wrapped_value(pb *graph, uint32_t field, const char *name, int dtype, int rank, const uint32_t *wraps)
{
    pb tensor = {0}, type = {0}, value = {0}, shape = {0};
    int n = 0;
    pb_int(&tensor, 1, dtype);
    for (int i = 0; i < rank; i++) {
        pb dim = {0};
        pb_text(&dim, 2, "?");
        pb_message(&shape, 1, &dim);
    }
    if (rank >= 0)
        pb_message(&tensor, 2, &shape);
    pb_message(&type, 1, &tensor);
    while (wraps[n])
        n++;
    while (n--) {
        pb inner = {0}, outer = {0};
        pb_message(&inner, 1, &type);
        pb_message(&outer, wraps[n], &inner);
        type = outer;
    }
    pb_text(&value, 1, name);
    pb_message(&value, 2, &type);
    pb_message(graph, field, &value);
}
static const uint32_t sequence[] = {4, 0}, optional[] = {9, 0}, optional_sequence[] = {9, 4, 0}, nested[] = {4, 4, 0},
                      plain[] = {0};

Test(import_values, types_of_inputs)
{
    static const struct {
        const uint32_t *wraps;
        int rank;
        const char *text;
    } cases[] = {
        {sequence, 2, "!ingot.sequence<tensor<*xf32, {rank = 2}>>"},
        {sequence, -1, "!ingot.sequence<tensor<*xf32>>"},
        {optional, 0, "!ingot.optional<tensor<*xf32, {rank = 0}>>"},
        {optional_sequence, -1, "!ingot.optional<!ingot.sequence<tensor<*xf32>>>"},
        {plain, -1, "tensor<*xf32>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb g = {0};
        wrapped_value(&g, ONNX_INPUT, "x", INGOT_F32, cases[i].rank, cases[i].wraps);
        onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
        onnx_node(&g, "Identity", "x", "y", NULL);
        ingot_module *m = import_ok(&g);
        expect_output(m, cases[i].text);
        ingot_module_destroy(m);
    }
    pb g = {0};
    wrapped_value(&g, ONNX_INPUT, "x", INGOT_F32, 1, nested);
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Identity", "x", "y", NULL);
    expect_refusal(&g, INGOT_UNSUPPORTED, "input 'x' is a sequence of something else than tensors");
}

/* [x, x][i] or [x, x][one], then an op */
static pb element_of_a_sequence(const char *op, const char *inputs, const char *at)
{
    pb g = {0};
    int64_t one = 1;
    char position[8];
    snprintf(position, sizeof position, "s,%s", at);
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "N,3");
    onnx_value(&g, ONNX_INPUT, "w", INGOT_F32, "3,4");
    onnx_value(&g, ONNX_INPUT, "i", INGOT_I64, "");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_tensor(&g, "one", INGOT_I64, "", &one, sizeof one);
    onnx_node(&g, "SequenceConstruct", "x,x", "s", NULL);
    onnx_node(&g, "SequenceAt", position, "e", NULL);
    onnx_node(&g, op, inputs, "y", NULL);
    return g;
}

Test(import_values, an_element_of_known_rank_is_unboxed_where_that_is_wanted)
{
    pb g = element_of_a_sequence("MatMul", "e,w", "i");
    ingot_module *m = import_ok(&g);
    cr_assert_eq(count_ops(m, INGOT_OP_unbox), 1);
    cr_assert_eq(count_ops(m, INGOT_OP_matmul), 1);
    expect_output(m, "tensor<?x4xf32, [\"box0\"]>");
    ingot_module_destroy(m);
}

Test(import_values, elementwise_ops_stay_boxed_and_become_one_program)
{
    pb g = element_of_a_sequence("HardSigmoid", "e", "i");
    ingot_module *m = import_ok(&g);
    cr_assert_eq(count_ops(m, INGOT_OP_any_map), 1);
    cr_assert_eq(m->n_graphs, 1);
    expect_output(m, "tensor<*xf32, {rank = 2}>");
    ingot_module_destroy(m);
    g = element_of_a_sequence("Max", "e,w,x", "i");
    m = import_ok(&g);
    const ingot_op *last = m->graphs[0]->last;
    cr_assert_eq(last->kind, INGOT_OP_any_map);
    cr_assert_eq(last->prog->n_args, 3);
    cr_assert_eq(last->prog->n_instrs, 2);
    ingot_module_destroy(m);
}

Test(import_values, a_sequence_that_is_taken_apart_at_once_leaves_nothing_boxed)
{
    pb g = element_of_a_sequence("MatMul", "e,w", "one"), axis = {0}, rest = {0};
    ingot_module *m = import_ok(&g);
    cr_assert_eq(count_ops(m, INGOT_OP_seq_at), 0);
    expect_output(m, "tensor<?x4xf32, [\"N\"]>");
    ingot_module_destroy(m);
    /* split [5, 3] in rows of 2, drop one in the middle, join */
    const int64_t two = 2, middle = 1;
    g = (pb){0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "5,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_tensor(&g, "two", INGOT_I64, "", &two, sizeof two);
    onnx_tensor(&g, "middle", INGOT_I64, "", &middle, sizeof middle);
    onnx_node(&g, "SplitToSequence", "x,two", "s", &rest);
    onnx_node(&g, "SequenceErase", "s,middle", "t", NULL);
    onnx_node(&g, "SequenceInsert", "t,x", "u", NULL);
    onnx_attr_int(&axis, "axis", 0);
    onnx_node(&g, "ConcatFromSequence", "u", "y", &axis);
    m = import_ok(&g);
    expect_output(m, "tensor<8x3xf32>");
    ingot_module_destroy(m);
}

Test(import_values, an_op_that_needs_the_rank_says_so)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, NULL);
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Hardmax", "x", "y", NULL);
    expect_refusal(&g, INGOT_UNSUPPORTED,
                   "the rank of 'x' is not known: give the shapes of the inputs (--shape), or put a Reshape");
    g = (pb){0};
    wrapped_value(&g, ONNX_INPUT, "x", INGOT_F32, 1, sequence);
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Relu", "x", "y", NULL);
    expect_refusal(&g, INGOT_BAD_MODEL, "input 0 is a sequence or an optional, which this operator does not take");
}

Test(import_values, an_op_that_asks_for_a_rank_gets_it)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, NULL);
    onnx_value(&g, ONNX_INPUT, "w", INGOT_F32, "4,2,3,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Conv", "x,w", "c", NULL);
    onnx_node(&g, "Flatten", "c", "y", NULL);
    ingot_module *m = import_ok(&g);
    cr_assert_eq(count_ops(m, INGOT_OP_unbox), 1);
    cr_assert_eq(m->graphs[0]->results[0]->type.rank, 2);
    ingot_module_destroy(m);
    g = (pb){0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, NULL);
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Flatten", "x", "f", NULL);
    onnx_node(&g, "Softmax", "f", "y", NULL);
    m = import_ok(&g);
    expect_output(m, "tensor<?x?xf32, [\"box0\", \"box1\"]>");
    ingot_module_destroy(m);
}

Test(import_values, squeeze_of_sizes_that_may_be_1_gives_an_unknown_rank)
{
    pb g = {0};
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "N,1,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_node(&g, "Squeeze", "x", "y", NULL);
    ingot_module *m = import_ok(&g);
    expect_output(m, "tensor<*xf32>");
    cr_assert_eq(count_ops(m, INGOT_OP_any_squeeze), 1);
    cr_assert_eq(count_ops(m, INGOT_OP_reshape), 0, "nothing stays of the first try");
    ingot_module_destroy(m);
}

static pb branch(const char *op, const char *in, const char *out, pb *attrs)
{
    pb b = {0};
    onnx_node(&b, op, in, out, attrs);
    onnx_value(&b, ONNX_OUTPUT, out, INGOT_F32, NULL);
    return b;
}

Test(import_values, branches_of_different_rank_give_a_boxed_result)
{
    pb g = {0}, attrs = {0}, axes = {0};
    const int64_t flat[1] = {-1};
    onnx_value(&g, ONNX_INPUT, "c", INGOT_BOOL, "");
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_tensor(&g, "flat", INGOT_I64, "1", flat, sizeof flat);
    pb then_graph = branch("Relu", "x", "t", NULL), else_graph = branch("Reshape", "x,flat", "e", &axes);
    onnx_attr_graph(&attrs, "then_branch", &then_graph);
    onnx_attr_graph(&attrs, "else_branch", &else_graph);
    onnx_node(&g, "If", "c", "y", &attrs);
    ingot_module *m = import_ok(&g);
    expect_output(m, "tensor<*xf32>");
    ingot_module_destroy(m);
}

/* A loop that appends b to a: the rank stays, so the body's ops are plain. */
Test(import_values, a_carried_value_that_grows_has_a_size_of_its_own)
{
    pb g = {0}, body = {0}, attrs = {0}, axis = {0};
    onnx_value(&g, ONNX_INPUT, "n", INGOT_I64, "");
    onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "2,3");
    onnx_value(&g, ONNX_INPUT, "b", INGOT_F32, "1,3");
    onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
    onnx_value(&body, ONNX_INPUT, "i", INGOT_I64, "");
    onnx_value(&body, ONNX_INPUT, "c", INGOT_BOOL, "");
    onnx_value(&body, ONNX_INPUT, "a", INGOT_F32, NULL);
    onnx_value(&body, ONNX_OUTPUT, "c", INGOT_BOOL, NULL);
    onnx_value(&body, ONNX_OUTPUT, "longer", INGOT_F32, NULL);
    onnx_attr_int(&axis, "axis", 0);
    onnx_node(&body, "Concat", "a,b", "longer", &axis);
    onnx_attr_graph(&attrs, "body", &body);
    onnx_node(&g, "Loop", "n,,x", "y", &attrs);
    ingot_module *m = import_ok(&g);
    expect_output(m, "tensor<?x3xf32, [\"carried0\"]>");
    cr_assert_eq(count_ops(m, INGOT_OP_concat), 1);
    cr_assert_eq(count_ops(m, INGOT_OP_unbox), 0);
    ingot_module_destroy(m);
}

static void onnx_attr_text(pb *attrs, const char *name, const char *text)
{
    pb a = {0};
    pb_text(&a, 1, name);
    pb_text(&a, 4, text);
    pb_int(&a, 20, 3);
    pb_message(attrs, 5, &a);
}

Test(import_values, refuses_what_breaks_the_rules)
{
    static const struct {
        const char *op, *inputs, *words;
        ingot_code code;
    } cases[] = {
        {"SequenceInsert", "s,i", "operands 0 and 1 have types f32 and i64", INGOT_BAD_MODEL},
        {"SequenceAt", "s,x", "operand 1 must be integers, it is f32", INGOT_BAD_MODEL},
        {"SequenceAt", "x,i", "operand 0 is a tensor, expected a sequence", INGOT_BAD_MODEL},
        {"SequenceConstruct", "x,i", "operands 0 and 1 have types f32 and i64", INGOT_BAD_MODEL},
        {"ConcatFromSequence", "s", "attribute 'axis' is missing", INGOT_BAD_MODEL},
        {"Optional", "o", "an optional of an optional", INGOT_BAD_MODEL},
        {"Optional", "", "the attribute 'type' must be", INGOT_BAD_MODEL},
        {"StringConcat", "x,x", "operand 0 is f32, expected str", INGOT_BAD_MODEL},
        {"SequenceMap", "s", "attribute 'body' is missing", INGOT_BAD_MODEL},
        {"TfIdfVectorizer", "x", "must be given", INGOT_BAD_MODEL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb g = {0};
        wrapped_value(&g, ONNX_INPUT, "s", INGOT_F32, -1, sequence);
        wrapped_value(&g, ONNX_INPUT, "o", INGOT_F32, -1, optional);
        onnx_value(&g, ONNX_INPUT, "x", INGOT_F32, "3");
        onnx_value(&g, ONNX_INPUT, "i", INGOT_I64, "");
        onnx_value(&g, ONNX_OUTPUT, "y", INGOT_F32, NULL);
        onnx_node(&g, cases[i].op, cases[i].inputs, "y", NULL);
        expect_refusal(&g, cases[i].code, cases[i].words);
    }
    static const struct {
        const char *pattern, *words;
        ingot_code code;
    } patterns[] = {{"a(", "a ( without its )", INGOT_BAD_MODEL}, {"\\pL", "is not supported", INGOT_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        pb g = {0}, attrs = {0};
        onnx_value(&g, ONNX_INPUT, "x", INGOT_STRING, "3");
        onnx_value(&g, ONNX_OUTPUT, "y", INGOT_BOOL, NULL);
        onnx_attr_text(&attrs, "pattern", patterns[i].pattern);
        onnx_node(&g, "RegexFullMatch", "x", "y", &attrs);
        expect_refusal(&g, patterns[i].code, patterns[i].words);
    }
}
