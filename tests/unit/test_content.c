/* Symbolic contents: shape computations of models become expressions. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <string.h>

static ingot_module *m;
static ingot_graph *g;
static const ingot_dim *seq, *batch;

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s [%s]", ingot_status_message(status), ingot_status_origin(status));
}

static void setup(void)
{
    ok(ingot_module_create(NULL, &m));
    g = ingot_module_add_graph(m, "main");
    seq = ingot_symbol(m, "seq", 1, 512);
    batch = ingot_symbol(m, "batch", 1, 64);
}

static void teardown(void)
{
    ingot_module_destroy(m);
}

TestSuite(content, .init = setup, .fini = teardown);

static ingot_value *numbers(int32_t n, const int64_t *v) /* n < 0: a scalar */
{
    ingot_value *out;
    ingot_type t = ingot_type_static(m, INGOT_I64, n < 0 ? 0 : 1, (int64_t[]){n});
    ok(ingot_graph_add_constant(g, NULL, &t, v, true, &out));
    return out;
}

static ingot_value *dims(int32_t n, const ingot_dim *const *d)
{
    ingot_op *op;
    ok(ingot_graph_add_op(g, NULL, INGOT_OP_dims, 0, NULL, 1, &op));
    ok(ingot_op_set_sym(op, n, d));
    ok(ingot_op_infer(op));
    return op->out[0];
}

static ingot_op *make(ingot_op_kind kind, int32_t n, ingot_value *const *in)
{
    ingot_op *op;
    ok(ingot_graph_add_op(g, NULL, kind, n, in, 1, &op));
    return op;
}

static ingot_value *apply2(ingot_op_kind kind, ingot_value *a, ingot_value *b)
{
    ingot_op *op = make(kind, 2, (ingot_value *[]){a, b});
    ok(ingot_op_infer(op));
    return op->out[0];
}

static ingot_value *cast(ingot_value *v, ingot_dtype to)
{
    ingot_op *op = make(INGOT_OP_cast, 1, &v);
    ((ingot_attrs_cast *)op->attrs)->to = to;
    ok(ingot_op_infer(op));
    return op->out[0];
}

Test(content, arithmetic_follows_symbols)
{
    ingot_value *shape = dims(2, (const ingot_dim *[]){batch, seq});
    ingot_value *two = numbers(-1, (int64_t[]){2});
    ingot_value *sum = apply2(INGOT_OP_add, apply2(INGOT_OP_mul, shape, two), numbers(2, (int64_t[]){0, -1}));
    cr_assert_eq(sum->n_content, 2);
    cr_assert_eq(sum->content[0], ingot_dim_mul(m, batch, ingot_dim_const(m, 2)));
    cr_assert_eq(sum->content[1],
                 ingot_dim_sub(m, ingot_dim_mul(m, seq, ingot_dim_const(m, 2)), ingot_dim_const(m, 1)));
    ingot_value *half = apply2(INGOT_OP_div, sum, two);
    cr_assert_eq(half->content[0], batch);
    cr_assert_eq(half->content[1], ingot_dim_sub(m, seq, ingot_dim_const(m, 1)));
}

Test(content, division_truncates_where_the_sign_is_known_only)
{
    ingot_value *q = apply2(INGOT_OP_div, numbers(3, (int64_t[]){-7, 7, -7}), numbers(3, (int64_t[]){2, -2, 0}));
    cr_assert(ingot_dim_is(q->content[0], -3) && ingot_dim_is(q->content[1], -3) && ingot_dim_is(q->content[2], 0));
    ingot_value *negative = apply2(INGOT_OP_sub, dims(1, &seq), numbers(1, (int64_t[]){100}));
    cr_assert_null(apply2(INGOT_OP_div, negative, numbers(1, (int64_t[]){3}))->content);
    ingot_value *r = apply2(INGOT_OP_mod, numbers(2, (int64_t[]){-7, 7}), numbers(2, (int64_t[]){3, -3}));
    cr_assert(ingot_dim_is(r->content[0], 2) && ingot_dim_is(r->content[1], -2));
}

Test(content, slices_gathers_and_concatenates)
{
    ingot_value *shape = dims(4, (const ingot_dim *[]){batch, ingot_dim_const(m, 3), seq, ingot_dim_const(m, 8)});
    ingot_op *slice = make(INGOT_OP_slice, 1, &shape);
    *(ingot_attrs_slice *)slice->attrs = (ingot_attrs_slice){1, {1, {0}}, {1, {-2}}};
    ok(ingot_op_set_sym(slice, 2, (const ingot_dim *[]){ingot_dim_const(m, 3), ingot_dim_const(m, 2)}));
    ok(ingot_op_infer(slice));
    cr_assert(ingot_dim_is(slice->out[0]->content[0], 8) && ingot_dim_is(slice->out[0]->content[1], 3));
    ingot_value *picked = apply2(INGOT_OP_gather, shape, numbers(-1, (int64_t[]){-2}));
    cr_assert(picked->type.rank == 0 && picked->content[0] == seq);
    ingot_op *reshape = make(INGOT_OP_reshape, 1, &picked);
    ok(ingot_op_set_sym(reshape, 1, (const ingot_dim *[]){ingot_dim_const(m, 1)}));
    ok(ingot_op_infer(reshape));
    ingot_value *unknown_part = ingot_graph_add_input(g, "n", &reshape->out[0]->type);
    ingot_op *concat =
        make(INGOT_OP_concat, 3, (ingot_value *[]){numbers(1, (int64_t[]){-1}), unknown_part, reshape->out[0]});
    ok(ingot_op_infer(concat));
    cr_assert_eq(concat->out[0]->n_content, 3);
    cr_assert(ingot_dim_is(concat->out[0]->content[0], -1) && !concat->out[0]->content[1]);
    cr_assert_eq(concat->out[0]->content[2], seq);
}

Test(content, compares_selects_and_reduces)
{
    ingot_value *shape = dims(2, (const ingot_dim *[]){batch, seq});
    ingot_value *eq = apply2(INGOT_OP_eq, shape, numbers(-1, (int64_t[]){-1})); /* a size is never -1 */
    cr_assert(ingot_dim_is(eq->content[0], 0) && ingot_dim_is(eq->content[1], 0));
    ingot_op *select = make(INGOT_OP_select, 3, (ingot_value *[]){eq, numbers(2, (int64_t[]){5, 5}), shape});
    ok(ingot_op_infer(select));
    cr_assert_eq(select->out[0]->content[1], seq);
    ingot_op *product = make(INGOT_OP_reduce, 1, &shape);
    *(ingot_attrs_reduce *)product->attrs = (ingot_attrs_reduce){1, INGOT_REDUCE_PROD, {1, {0}}, 0};
    ok(ingot_op_infer(product));
    cr_assert_eq(product->out[0]->content[0], ingot_dim_mul(m, batch, seq));
}

Test(content, casts_keep_what_fits)
{
    ingot_value *shape = dims(1, &seq);
    cr_assert_eq(cast(cast(shape, INGOT_I32), INGOT_I64)->content[0], seq);
    cr_assert_null(cast(shape, INGOT_U8)->content);  /* up to 512 */
    cr_assert_null(cast(shape, INGOT_F32)->content); /* floats: constants only */
    ingot_value *number = numbers(2, (int64_t[]){640, 16777217});
    ingot_value *back = cast(cast(number, INGOT_F32), INGOT_I64);
    cr_assert(ingot_dim_is(back->content[0], 640) && !back->content[1]);
}

Test(content, ranges_and_splats)
{
    ingot_op *range =
        make(INGOT_OP_range, 2, (ingot_value *[]){numbers(-1, (int64_t[]){2}), numbers(-1, (int64_t[]){3})});
    ok(ingot_op_set_sym(range, 1, (const ingot_dim *[]){ingot_dim_const(m, 4)}));
    ok(ingot_op_infer(range));
    cr_assert(ingot_dim_is(range->out[0]->content[3], 11));
    ingot_value *splat;
    ingot_type t = ingot_type_static(m, INGOT_I32, 1, (int64_t[]){5});
    ok(ingot_graph_add_splat(g, NULL, &t, -1, &splat));
    cr_assert(splat->n_content == 5 && ingot_dim_is(splat->content[4], -1));
    t = ingot_type_static(m, INGOT_I32, 1, (int64_t[]){INGOT_MAX_CONTENT + 1});
    ok(ingot_graph_add_splat(g, NULL, &t, -1, &splat));
    cr_assert_null(splat->content);
}
