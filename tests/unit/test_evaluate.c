/* Evaluation of constants through the portable kernels. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <string.h>

static ingot_module *m;
static ingot_graph *g;
static ingot_arena arena;

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s [%s]", ingot_status_message(status), ingot_status_origin(status));
}

static void setup(void)
{
    arena = (ingot_arena){0};
    ok(ingot_module_create(NULL, &m));
    g = ingot_module_add_graph(m, "main");
}

static void teardown(void)
{
    ingot_arena_release(&arena);
    ingot_module_destroy(m);
}

TestSuite(evaluate, .init = setup, .fini = teardown);

static ingot_value *floats(int32_t rank, const int64_t *dims, const float *data)
{
    ingot_value *v;
    ingot_type t = ingot_type_static(m, INGOT_F32, rank, dims);
    ok(ingot_graph_add_constant(g, NULL, &t, data, true, &v));
    return v;
}

static ingot_op *make(ingot_op_kind kind, int32_t n, ingot_value *const *in)
{
    ingot_op *op;
    ok(ingot_graph_add_op(g, NULL, kind, n, in, 1, &op));
    return op;
}

static void gives(ingot_op *op, int32_t n, const float *expected)
{
    void *data;
    ok(ingot_op_infer(op));
    ok(ingot_op_evaluate(op, &arena, &data));
    cr_assert(!memcmp(data, expected, (size_t)n * sizeof(float)));
}

Test(evaluate, elementwise_ops_broadcast)
{
    ingot_value *a = floats(2, (int64_t[]){2, 1}, (float[]){1, 2}), *b;
    ingot_type t = ingot_type_static(m, INGOT_F32, 1, (int64_t[]){3});
    ok(ingot_graph_add_splat(g, NULL, &t, 10, &b));
    gives(make(INGOT_OP_mul, 2, (ingot_value *[]){a, b}), 6, (float[]){10, 10, 10, 20, 20, 20});
}

Test(evaluate, products_and_moves)
{
    ingot_value *a = floats(2, (int64_t[]){2, 2}, (float[]){1, 2, 3, 4});
    gives(make(INGOT_OP_matmul, 2, (ingot_value *[]){a, a}), 4, (float[]){7, 10, 15, 22});
    ingot_op *transpose = make(INGOT_OP_transpose, 1, &a);
    *(ingot_attrs_perm *)transpose->attrs = (ingot_attrs_perm){1, {2, {1, 0}}};
    gives(transpose, 4, (float[]){1, 3, 2, 4});
}

Test(evaluate, sizes_of_the_data_are_settled)
{
    ingot_value *a = floats(1, (int64_t[]){4}, (float[]){0, 5, 0, 7});
    ingot_op *op = make(INGOT_OP_nonzero, 1, &a);
    void *data;
    ok(ingot_op_infer(op));
    ok(ingot_op_evaluate(op, &arena, &data));
    cr_assert(ingot_dim_is(op->out[0]->type.dims[1], 2));
    cr_assert_eq(((const int64_t *)data)[1], 3);
}

Test(evaluate, refuses_what_is_not_known)
{
    ingot_type t = ingot_type_static(m, INGOT_F32, 1, (int64_t[]){2});
    ingot_value *x = ingot_graph_add_input(g, "x", &t);
    ingot_op *op = make(INGOT_OP_relu, 1, &x);
    void *data;
    ok(ingot_op_infer(op));
    ingot_status status = ingot_op_evaluate(op, &arena, &data);
    cr_assert_eq(ingot_status_code(status), INGOT_UNSUPPORTED);
    ingot_status_free(status);
}
