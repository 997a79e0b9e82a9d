/* Shape rules: sizes with symbols, checks left to the run, and messages of what cannot be. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static ingot_module *m;
static ingot_graph *g;

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s [%s]", ingot_status_message(status), ingot_status_origin(status));
}

static void setup(void)
{
    ok(ingot_module_create(NULL, &m));
    g = ingot_module_add_graph(m, "main");
    (void)ingot_symbol(m, "n", 1, 64);
    (void)ingot_symbol(m, "s", 1, 512);
    (void)ingot_symbol(m, "h", 32, 1024);
}

static void teardown(void)
{
    ingot_module_destroy(m);
}

TestSuite(shape_rules, .init = setup, .fini = teardown);

/* "f32 n 3 h+1": a parameter of that type. */
static ingot_value *in(const char *text)
{
    char copy[200];
    (void)snprintf(copy, sizeof copy, "%s", text);
    ingot_type t = {0};
    char *word = strtok(copy, " ");
    t.dtype = ingot_dtype_parse(word, strlen(word));
    while ((word = strtok(NULL, " ")))
        ok(ingot_dim_parse(m, word, strlen(word), &t.dims[t.rank++]));
    return ingot_graph_add_input(g, NULL, &t);
}

static ingot_op *make(ingot_op_kind kind, int32_t n_out, int32_t n, ingot_value *const *operands)
{
    ingot_op *op;
    ok(ingot_graph_add_op(g, NULL, kind, n, operands, n_out, &op));
    op->loc = "Node_7 (Kind)";
    return op;
}
#define MAKE(kind, n_out, ...)                                                                       \
    make(INGOT_OP_##kind, n_out, (int32_t)(sizeof((ingot_value *[]){__VA_ARGS__}) / sizeof(void *)), \
         (ingot_value *[]){__VA_ARGS__})

static void sym(ingot_op *op, const char *text)
{
    char copy[200];
    const ingot_dim *list[16];
    int32_t n = 0;
    (void)snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        ok(ingot_dim_parse(m, word, strlen(word), &list[n++]));
    ok(ingot_op_set_sym(op, n, list));
}

static void gives(ingot_op *op, int32_t result, const char *expected)
{
    ok(ingot_op_infer(op));
    ingot_text text = {0};
    const ingot_type *t = &op->out[result]->type;
    ingot_text_append(&text, "%s", ingot_dtype_name(t->dtype));
    for (int i = 0; i < t->rank; i++) {
        ingot_text_append(&text, " [");
        ingot_dim_print(m, t->dims[i], &text);
        ingot_text_append(&text, "]");
    }
    cr_assert_str_eq(text.data, expected);
    ingot_text_free(&text);
}

static void refuses(ingot_op *op, const char *part)
{
    ingot_status status = ingot_op_infer(op);
    cr_assert_not_null(status, "accepted, expected '%s'", part);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    cr_assert(strstr(ingot_status_message(status), part), "'%s' does not say '%s'", ingot_status_message(status), part);
    cr_assert(strstr(ingot_status_message(status), "Node_7 (Kind): ingot."));
    ingot_status_free(status);
}

Test(shape_rules, broadcasts_as_numpy)
{
    gives(MAKE(add, 1, in("f32 n 1 4"), in("f32 s 1")), 0, "f32 [n] [s] [4]");
    gives(MAKE(mul, 1, in("f32"), in("f32 2")), 0, "f32 [2]");
    gives(MAKE(lt, 1, in("i64 3"), in("i64 1")), 0, "bool [3]");
    gives(MAKE(select, 1, in("bool n 1"), in("f16 1 3"), in("f16 3")), 0, "f16 [n] [3]");
    gives(MAKE(pow, 1, in("f32 2"), in("i64")), 0, "f32 [2]");
    cr_assert_null(m->checks);
    gives(MAKE(add, 1, in("f32 n"), in("f32 64")), 0, "f32 [64]"); /* left to the run */
    cr_assert(m->checks && m->checks->kind == INGOT_CHECK_EQUAL);
    cr_assert_str_eq(m->checks->message, "Node_7 (Kind) needs n == 64");
    refuses(MAKE(add, 1, in("f32 2 3"), in("f32 4")), "3 and 4 differ");
    refuses(MAKE(add, 1, in("f32 n"), in("f32 65")), "n and 65 differ"); /* out of n's range */
    refuses(MAKE(add, 1, in("f32 n"), in("f32 n+1")), "differ");
    refuses(MAKE(add, 1, in("f32 2"), in("f64 2")), "types f32 and f64");
}

/* Two symbols may be equal, or one of them 1; an expression must equal what it meets. */
Test(shape_rules, broadcasts_symbols_as_the_run_shows)
{
    gives(MAKE(add, 1, in("f32 n"), in("f32 s")), 0, "f32 [max(n, s)]");
    cr_assert(m->checks && m->checks->kind == INGOT_CHECK_EQUAL_OR_ONE && !m->checks->next);
    cr_assert_str_eq(m->checks->message, "Node_7 (Kind) needs n and s to be equal, or one of them 1");
    gives(MAKE(add, 1, in("f32 max(n,s)"), in("f32 n")), 0, "f32 [max(n, s)]"); /* n was seen: nothing new to check */
    gives(MAKE(add, 1, in("f32 n"), in("f32 max(n,s)")), 0, "f32 [max(n, s)]");
    cr_assert_null(m->checks->next);
    gives(MAKE(select, 1, in("bool n"), in("f32 s"), in("f32 h")), 0, "f32 [max(h, max(n, s))]");
    (void)ingot_symbol(m, "e", 0, 9); /* may be empty: then so is the result */
    gives(MAKE(add, 1, in("f32 e"), in("f32 n")), 0, "f32 [max(n, e) * min(1, e)]");
    gives(MAKE(add, 1, in("f32 max(n,e)*min(1,e)"), in("f32 e")), 0, "f32 [max(n, e) * min(1, e)]");
    gives(MAKE(add, 1, in("f32 n"), in("f32 floordiv(s,2)*2")), 0, "f32 [n]");
    cr_assert(m->checks->kind == INGOT_CHECK_EQUAL);
    ingot_op *op = MAKE(broadcast, 1, in("f32 n"));
    sym(op, "s");
    gives(op, 0, "f32 [s]");
    cr_assert_str_eq(m->checks->message, "Node_7 (Kind) needs max(n, s) == s");
}

Test(shape_rules, products)
{
    gives(MAKE(matmul, 1, in("f32 n 1 s 64"), in("f32 8 64 32")), 0, "f32 [n] [8] [s] [32]");
    ingot_op *op = MAKE(matmul, 1, in("f32 64 s"), in("f32 32 64"));
    ((ingot_attrs_matmul *)op->attrs)->trans_a = ((ingot_attrs_matmul *)op->attrs)->trans_b = 1;
    gives(op, 0, "f32 [s] [32]");
    gives(MAKE(matmul_integer, 1, in("u8 2 3"), in("i8 3 4")), 0, "i32 [2] [4]");
    gives(MAKE(matmul_bf16, 1, in("f32 n 3"), in("bf16 3 4")), 0, "f32 [n] [4]");
    gives(MAKE(matmul_bf16, 1, in("bf16 2 3"), in("bf16 3 4")), 0, "f32 [2] [4]");
    refuses(MAKE(matmul_bf16, 1, in("bf16 2 3"), in("f32 3 4")), "bf16 times f32");
    refuses(MAKE(matmul, 1, in("f32 2 3"), in("f32 4 5")), "the summed axis: 3 and 4 differ");
    refuses(MAKE(matmul, 1, in("f32 3"), in("f32 3 5")), "rank 1");
    gives(MAKE(attention, 1, in("f32 n 8 s 64"), in("f32 n 2 h 64"), in("f32 n 2 h 32"), in("f32 s h")), 0,
          "f32 [n] [8] [s] [32]");
    refuses(MAKE(attention, 1, in("f32 n 8 s 64"), in("f32 n 3 h 64"), in("f32 n 3 h 32")), "no multiple");
}

Test(shape_rules, windows)
{
    ingot_op *op = MAKE(conv, 1, in("f32 n 3 h h"), in("f32 64 3 7 7"));
    *(ingot_attrs_conv *)op->attrs = (ingot_attrs_conv){1, 1, {2, {2, 2}}, {4, {3, 3, 3, 3}}, {0, {0}}};
    gives(op, 0, "f32 [n] [64] [floordiv(h + 1, 2)] [floordiv(h + 1, 2)]");
    op = MAKE(conv, 1, in("f32 1 8 20"), in("f32 8 1 3"));
    *(ingot_attrs_conv *)op->attrs = (ingot_attrs_conv){1, 8, {0, {0}}, {2, {1, 4}}, {1, {3}}};
    gives(op, 0, "f32 [1] [8] [19]"); /* 20 + 5 - 7 + 1 */
    op = MAKE(conv, 1, in("f32 1 8 20"), in("f32 8 2 3"));
    ((ingot_attrs_conv *)op->attrs)->groups = 1;
    refuses(op, "channels and weights: 8 and 2 differ");
    op = MAKE(conv, 1, in("f32 1 2 2"), in("f32 8 2 5"));
    ((ingot_attrs_conv *)op->attrs)->groups = 1;
    refuses(op, "negative size");
    for (int ceil = 0; ceil < 2; ceil++) {
        op = MAKE(max_pool, 2, in("f32 1 8 4 7"));
        *(ingot_attrs_pool *)op->attrs =
            (ingot_attrs_pool){1, {2, {3, 2}}, {2, {2, 3}}, {4, {0, 0, 0, 1}}, {0, {0}}, ceil, 0, 0};
        gives(op, 1, ceil ? "i64 [1] [8] [2] [3]" : "i64 [1] [8] [1] [3]");
    }
    op = MAKE(avg_pool, 1, in("f32 1 1 2")); /* the third window would begin in the padding */
    *(ingot_attrs_pool *)op->attrs = (ingot_attrs_pool){1, {1, {1}}, {1, {2}}, {2, {0, 1}}, {0, {0}}, 1, 0, 0};
    gives(op, 0, "f32 [1] [1] [1]");
    op = MAKE(conv_transpose, 1, in("f32 n 4 h"), in("f32 4 3 3"));
    *(ingot_attrs_conv_transpose *)op->attrs =
        (ingot_attrs_conv_transpose){1, 2, {1, {2}}, {2, {1, 1}}, {0, {0}}, {1, {1}}};
    gives(op, 0, "f32 [n] [6] [h * 2]");
}

Test(shape_rules, moves)
{
    ingot_op *op = MAKE(reshape, 1, in("f32 n s 64"));
    sym(op, "n*s 8 8");
    gives(op, 0, "f32 [n * s] [8] [8]");
    cr_assert_null(m->checks);
    op = MAKE(reshape, 1, in("f32 2 3"));
    sym(op, "7");
    refuses(op, "elements before and after: 6 and 7 differ");
    op = MAKE(transpose, 1, in("f32 n s 64"));
    *(ingot_attrs_perm *)op->attrs = (ingot_attrs_perm){1, {3, {2, -3, 1}}};
    gives(op, 0, "f32 [64] [n] [s]");
    op = MAKE(transpose, 1, in("f32 n s"));
    *(ingot_attrs_perm *)op->attrs = (ingot_attrs_perm){1, {2, {1, 1}}};
    refuses(op, "axis 1 twice");
    op = MAKE(concat, 1, in("f32 n s"), in("f32 n 3"), in("f32 n s"));
    ((ingot_attrs_axis *)op->attrs)->axis = -1;
    gives(op, 0, "f32 [n] [s * 2 + 3]");
    op = MAKE(concat, 1, in("f32 2 3"), in("f32 3 3"));
    ((ingot_attrs_axis *)op->attrs)->axis = 1;
    refuses(op, "sizes beside the axis: 2 and 3 differ");
    op = MAKE(pad, 1, in("f32 n s"));
    sym(op, "0 -1 2 3");
    gives(op, 0, "f32 [n + 2] [s + 2]");
    op = MAKE(slice, 1, in("f32 n 10"));
    *(ingot_attrs_slice *)op->attrs = (ingot_attrs_slice){1, {1, {1}}, {1, {-3}}};
    sym(op, "9 4");
    gives(op, 0, "f32 [n] [4]");
    sym(op, "8 4");
    refuses(op, "leave 0..9");
    op = MAKE(gather, 1, in("f32 1000 64"), in("i64 n s"));
    gives(op, 0, "f32 [n] [s] [64]");
    op = MAKE(gather_nd, 1, in("f32 n 5 6 7"), in("i64 n 3 2"));
    ((ingot_attrs_gather_nd *)op->attrs)->batch_dims = 1;
    gives(op, 0, "f32 [n] [3] [7]");
    op = MAKE(broadcast, 1, in("f32 1 4"));
    sym(op, "n s 4");
    gives(op, 0, "f32 [n] [s] [4]");
}

Test(shape_rules, reductions_and_norms)
{
    ingot_op *op = MAKE(reduce, 1, in("f32 n s 64"));
    *(ingot_attrs_reduce *)op->attrs = (ingot_attrs_reduce){1, INGOT_REDUCE_MEAN, {2, {-1, 1}}, 1};
    gives(op, 0, "f32 [n] [1] [1]");
    op = MAKE(arg_reduce, 1, in("f32 n s"));
    gives(op, 0, "i64 [s]");
    op = MAKE(layer_norm, 3, in("f16 n s 64"), in("f16 64"), in("f16 64"));
    ((ingot_attrs_norm *)op->attrs)->axis = -1;
    gives(op, 2, "f32 [n] [s] [1]");
    op = MAKE(softmax, 1, in("f32 n s"));
    ((ingot_attrs_softmax *)op->attrs)->axis = 2;
    refuses(op, "axis 2 of a tensor of rank 2");
    op = MAKE(lstm, 3, in("f32 s n 10"), in("f32 2 80 10"), in("f32 2 80 20"));
    ((ingot_attrs_recurrent *)op->attrs)->hidden = 20;
    ((ingot_attrs_recurrent *)op->attrs)->direction = INGOT_BIDIRECTIONAL;
    gives(op, 0, "f32 [s] [2] [n] [20]");
    gives(op, 2, "f32 [2] [n] [20]");
    gives(MAKE(quantize, 1, in("f32 n 4"), in("f32"), in("i8")), 0, "i8 [n] [4]");
    gives(MAKE(dequantize, 1, in("i8 n 4"), in("f32 4"), in("i8 4")), 0, "f32 [n] [4]");
}

Test(shape_rules, sizes_of_the_data_are_bounded_symbols)
{
    ingot_op *op = MAKE(nonzero, 1, in("f32 n 3"));
    ok(ingot_op_infer(op));
    const ingot_dim *d = op->out[0]->type.dims[1];
    cr_assert(d->kind == INGOT_DIM_SYMBOL && d->lo == 0 && d->hi == 192);
    cr_assert(ingot_module_symbol(m, (int32_t)d->value)->from_data);
    ok(ingot_op_infer(op));
    cr_assert_eq(op->out[0]->type.dims[1], d); /* the same when inferred again */
    op = MAKE(reduce_by, 1, in("f32 n 3 7"), in("i64 2"));
    ok(ingot_op_infer(op));
    cr_assert_eq(op->out[0]->type.rank, 1);
    cr_assert_eq(op->out[0]->type.dims[0]->hi, 64); /* n, the largest */
    ((ingot_attrs_reduce_by *)op->attrs)->keepdims = 1;
    op->out[0]->type.rank = 0;
    ok(ingot_op_infer(op));
    cr_assert_eq(op->out[0]->type.dims[2]->hi, 7);
    ingot_status status = ingot_op_infer(MAKE(reduce_by, 1, in("f32 n"), in("i64 s")));
    cr_assert_eq(ingot_status_code(status), INGOT_UNSUPPORTED);
    ingot_status_free(status);
    refuses(MAKE(reduce_by, 1, in("f32 n"), in("i64 2")), "2 axes of a tensor of rank 1");
    op = MAKE(topk, 2, in("f32 n 10"));
    ((ingot_attrs_topk *)op->attrs)->axis = 1;
    sym(op, "3");
    gives(op, 1, "i64 [n] [3]");
    sym(op, "11");
    refuses(op, "k is 11");
}

Test(shape_rules, programs_and_epilogues_decide_types)
{
    ingot_prog prog, epilogue;
    const char *text = "(f32,f32) r2=add(r0,r1):f32 r3=cast(r2):f16 -> r3, r2";
    ok(ingot_prog_parse(text, strlen(text), &prog));
    ingot_op *op = MAKE(map, 2, in("f32 n 1"), in("f32 4"));
    op->prog = &prog;
    gives(op, 0, "f16 [n] [4]");
    gives(op, 1, "f32 [n] [4]");
    op = MAKE(map, 2, in("f32 n 1"), in("i32 4"));
    op->prog = &prog;
    refuses(op, "operand 1 has type i32, the program expects f32");
    text = "(f32,f32) r2=add(r0,r1):f32 r3=cast(r2):f16 -> r3";
    ok(ingot_prog_parse(text, strlen(text), &epilogue));
    op = MAKE(matmul, 1, in("f32 n 4"), in("f32 4 8"));
    op->prog = &epilogue;
    ok(ingot_op_append_operand(op, in("f32 8")));
    cr_assert_eq(op->n_base, 2);
    gives(op, 0, "f16 [n] [8]");
    op = MAKE(matmul, 1, in("f32 1 4"), in("f32 4 8"));
    op->prog = &epilogue;
    ok(ingot_op_append_operand(op, in("f32 5 8")));
    refuses(op, "epilogue operand and result: 5 and 1 differ");
}

Test(shape_rules, branches_join)
{
    ingot_op *op = MAKE(if, 1, in("bool"), in("f32 n 4"), in("f32 s 4"));
    for (int i = 0; i < 2; i++) {
        ingot_graph *branch = ingot_module_add_graph(m, i ? "else" : "then");
        branch->parent = op;
        op->regions[i] = branch;
        for (int k = 1; k < 3; k++)
            ingot_graph_add_input(branch, NULL, &op->in[k]->type);
        ok(ingot_graph_add_output(branch, NULL, branch->params[i]));
    }
    ok(ingot_op_infer(op));
    const ingot_type *t = &op->out[0]->type;
    cr_assert(t->rank == 2 && t->dims[0]->kind == INGOT_DIM_SYMBOL && t->dims[0]->hi == 512 &&
              ingot_dim_is(t->dims[1], 4));
    ok(ingot_module_verify(m));
}
