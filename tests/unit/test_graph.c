/* Graph building: use lists, order, literals, hash and equality, the verifier. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ingot_module *m;
static ingot_graph *g;
static ingot_value *x, *y;

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s [%s]", ingot_status_message(status), ingot_status_origin(status));
}

static void setup(void)
{
    ok(ingot_module_create(NULL, &m));
    g = ingot_module_add_graph(m, "main");
    ingot_type t = ingot_type_static(m, INGOT_F32, 2, (int64_t[]){2, 3});
    x = ingot_graph_add_input(g, "x", &t);
    y = ingot_graph_add_input(g, "y", &t);
}

static void teardown(void)
{
    ingot_module_destroy(m);
}

TestSuite(graph, .init = setup, .fini = teardown);

static ingot_op *add(ingot_op_kind kind, int32_t n, ingot_value *const *in)
{
    ingot_op *op;
    ok(ingot_graph_add_op(g, NULL, kind, n, in, 1, &op));
    ok(ingot_op_infer(op));
    return op;
}

Test(graph, keeps_use_lists)
{
    ingot_op *sum = add(INGOT_OP_add, 2, (ingot_value *[]){x, x});
    ingot_op *relu = add(INGOT_OP_relu, 1, sum->out);
    ok(ingot_graph_add_output(g, "z", relu->out[0]));
    ok(ingot_graph_add_output(g, "again", relu->out[0]));
    ok(ingot_module_verify(m));
    cr_assert(x->uses && x->uses->index == 0 && x->uses->next->index == 1 && !x->uses->next->next);
    cr_assert_not(ingot_value_has_one_use(relu->out[0]));
    ingot_op_set_operand(sum, 0, y);
    cr_assert(ingot_value_has_one_use(x) && ingot_value_has_one_use(y));
    ok(ingot_module_verify(m));
    ingot_value_replace_uses(relu->out[0], sum->out[0]);
    cr_assert_eq(g->results[1], sum->out[0]);
    ingot_op_erase(relu);
    ok(ingot_module_verify(m));
    ingot_value_replace_uses(x, y);
    cr_assert_not(ingot_value_has_uses(x));
    ok(ingot_module_verify(m));
    ok(ingot_op_append_operand(sum, y));
    cr_assert_eq(sum->n_base, 3);
    ingot_status status = ingot_module_verify(m);
    cr_assert_eq(ingot_status_code(status), INGOT_INTERNAL); /* add takes two */
    ingot_status_free(status);
}

Test(graph, moves_ops_and_minds_their_order)
{
    ingot_op *a = add(INGOT_OP_relu, 1, &x), *b = add(INGOT_OP_exp, 1, &x),
             *c = add(INGOT_OP_add, 2, (ingot_value *[]){a->out[0], b->out[0]});
    ingot_op_move_before(b, a);
    cr_assert(g->first == b && b->next == a && a->next == c && g->last == c && c->prev == a);
    ok(ingot_module_verify(m));
    ingot_op_move_before(a, NULL);
    cr_assert_eq(g->last, a);
    ingot_status status = ingot_module_verify(m);
    cr_assert(strstr(ingot_status_message(status), "operand defined below"));
    ingot_status_free(status);
}

Test(graph, tells_equal_ops_by_value)
{
    ingot_op *a = add(INGOT_OP_softmax, 1, &x), *b = add(INGOT_OP_softmax, 1, &x), *c = add(INGOT_OP_softmax, 1, &y);
    cr_assert(ingot_op_same(a, b) && ingot_op_hash(a) == ingot_op_hash(b));
    cr_assert_not(ingot_op_same(a, c));
    ((ingot_attrs_softmax *)b->attrs)->log = 1;
    cr_assert_not(ingot_op_same(a, b));
    cr_assert_neq(ingot_op_hash(a), ingot_op_hash(b));
    ingot_value *p, *q, *r;
    ingot_type t = ingot_type_static(m, INGOT_F32, 1, (int64_t[]){2});
    ok(ingot_graph_add_constant(g, NULL, &t, (float[]){1, 2}, true, &p));
    ok(ingot_graph_add_constant(g, NULL, &t, (float[]){1, 2}, true, &q));
    ok(ingot_graph_add_constant(g, NULL, &t, (float[]){1, 3}, true, &r));
    cr_assert(ingot_op_same(p->def, q->def) && ingot_op_hash(p->def) == ingot_op_hash(q->def));
    cr_assert_not(ingot_op_same(p->def, r->def));
}

Test(graph, reads_literals_of_every_kind)
{
    ingot_arena scratch = {0};
    ingot_value *v;
    const void *data;
    double number;
    ingot_type t = ingot_type_static(m, INGOT_F32, 1, (int64_t[]){7}),
               four = ingot_type_static(m, INGOT_I4, 1, (int64_t[]){5});
    ok(ingot_graph_add_splat(g, NULL, &t, 2.5, &v));
    ok(ingot_literal_get_data(m, ingot_value_literal(v), INGOT_F32, &scratch, &data));
    for (int i = 0; i < 7; i++)
        cr_assert_eq(((const float *)data)[i], 2.5f);
    cr_assert(ingot_value_is_splat(m, v, &number) && number == 2.5);
    ok(ingot_graph_add_splat(g, NULL, &four, -3, &v));
    ok(ingot_literal_get_data(m, ingot_value_literal(v), INGOT_I4, &scratch, &data));
    for (int i = 0; i < 5; i++)
        cr_assert_eq(ingot_load_i64(data, INGOT_I4, i), -3);
    ok(ingot_graph_add_constant(g, NULL, &t, (float[]){1, 1, 1, 1, 1, 1, 2}, true, &v));
    cr_assert_not(ingot_value_is_splat(m, v, &number));
    ok(ingot_graph_add_constant(g, NULL, &t, (float[]){0, 0, 0, -0.0f, 0, 0, 0}, true, &v));
    cr_assert_not(ingot_value_is_splat(m, v, &number)); /* -0 is not 0 */

    char path[] = "/tmp/ingot-test-XXXXXX";
    int fd = mkstemp(path);
    float content[8] = {9, 1, 2, 3, 4, 5, 6, 7};
    cr_assert_eq(write(fd, content, sizeof content), sizeof content);
    int32_t handle;
    ok(ingot_module_add_file(m, fd, path, sizeof content, &handle));
    ingot_literal lit = {
        .kind = INGOT_LITERAL_FILE, .size_bytes = 28, .file = path, .file_handle = handle, .file_offset = 4};
    ok(ingot_literal_get_data(m, &lit, INGOT_F32, &scratch, &data));
    cr_assert(!memcmp(data, content + 1, 28));
    lit.file_offset = 8;
    ingot_status status = ingot_literal_get_data(m, &lit, INGOT_F32, &scratch, &data);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    ingot_status_free(status);
    unlink(path);
    ingot_arena_release(&scratch);
}

Test(graph, keeps_to_its_limits)
{
    ingot_module *small;
    ok(ingot_module_create(&(ingot_limits){.max_nodes = 2, .max_tensor_bytes = 100}, &small));
    ingot_graph *sg = ingot_module_add_graph(small, "main");
    ingot_value *v;
    ingot_op *op;
    ingot_type t = ingot_type_static(small, INGOT_F32, 1, (int64_t[]){26});
    ingot_status status = ingot_graph_add_splat(sg, NULL, &t, 0, &v);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    ingot_status_free(status);
    ok(ingot_graph_add_op(sg, NULL, INGOT_OP_map, 0, NULL, 1, &op));
    ok(ingot_graph_add_op(sg, NULL, INGOT_OP_map, 0, NULL, 1, &op));
    status = ingot_graph_add_op(sg, NULL, INGOT_OP_map, 0, NULL, 1, &op);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    cr_assert(strstr(ingot_status_message(status), "--max-nodes"));
    ingot_status_free(status);
    ingot_module_destroy(small);
}

Test(graph, one_value_with_many_uses_stays_fast)
{
    for (int i = 0; i < 100000; i++) {
        ingot_op *op;
        ok(ingot_graph_add_op(g, NULL, INGOT_OP_relu, 1, &x, 1, &op));
        op->out[0]->type = x->type;
    }
    ok(ingot_module_verify(m));
}

Test(graph, elementwise_ops_are_programs)
{
    ingot_prog prog;
    ingot_text text = {0};
    ingot_op *op = add(INGOT_OP_add, 2, (ingot_value *[]){x, y});
    ingot_op_to_prog(op, &prog);
    ingot_prog_print(&prog, &text);
    cr_assert_str_eq(text.data, "(f32,f32) r2=add(r0,r1):f32 -> r2");
    ingot_text_free(&text);
    op = add(INGOT_OP_is_inf, 1, &x);
    ((ingot_attrs_is_inf *)op->attrs)->negative = 1;
    ingot_op_to_prog(op, &prog);
    ingot_prog_print(&prog, &text);
    cr_assert_str_eq(text.data,
                     "(f32) r1=is_inf(r0):bool r2=const(0.0):f32 r3=lt(r0,r2):bool r4=and(r1,r3):bool -> r4");
    ingot_prog again;
    ok(ingot_prog_parse(text.data, text.size, &again));
    cr_assert(ingot_prog_equal(&prog, &again));
    ingot_text_free(&text);
    static const char *const bad[] = {"",
                                      "(f32)",
                                      "(f32) -> r1",
                                      "(f32) r1=add(r0):f32 -> r1",
                                      "(f32) r1=neg(r1):f32 -> r1",
                                      "(f32) r2=neg(r0):f32 -> r2",
                                      "(f32) r1=frob(r0):f32 -> r1",
                                      "(f32) r1=const(x):f32 -> r1",
                                      "(q) -> r0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ingot_status status = ingot_prog_parse(bad[i], strlen(bad[i]), &again);
        cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL, "%s", bad[i]);
        ingot_status_free(status);
    }
}
