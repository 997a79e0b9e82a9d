/* Symbolic sizes: canonical form, simplification, ranges, text; and agreement with plain arithmetic. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static ingot_module *m;
static const ingot_dim *seq, *batch, *h, *zero_up;

static void setup(void)
{
    cr_assert_null(ingot_module_create(NULL, &m));
    seq = ingot_symbol(m, "seq", 1, 512);
    batch = ingot_symbol(m, "batch", 1, 64);
    h = ingot_symbol(m, "h", 32, 1024);
    zero_up = ingot_symbol(m, "count", 0, INGOT_DIM_MAX_VALUE);
}

static void teardown(void)
{
    ingot_module_destroy(m);
}

TestSuite(dim, .init = setup, .fini = teardown);

static const ingot_dim *c(int64_t v)
{
    return ingot_dim_const(m, v);
}
#define ADD(a, b) ingot_dim_add(m, a, b)
#define SUB(a, b) ingot_dim_sub(m, a, b)
#define MUL(a, b) ingot_dim_mul(m, a, b)
#define DIV(a, b) ingot_dim_floordiv(m, a, b)
#define MOD(a, b) ingot_dim_mod(m, a, b)
#define MIN(a, b) ingot_dim_min(m, a, b)
#define MAX(a, b) ingot_dim_max(m, a, b)

Test(dim, equal_expressions_are_equal_pointers)
{
    cr_assert_eq(SUB(ADD(seq, c(1)), seq), c(1));
    cr_assert_eq(MUL(ADD(seq, batch), c(2)), ADD(MUL(batch, c(2)), ADD(seq, seq)));
    cr_assert_eq(MUL(MUL(seq, batch), h), MUL(h, MUL(batch, seq)));
    cr_assert_eq(MUL(ADD(seq, c(1)), SUB(seq, c(1))), SUB(MUL(seq, seq), c(1)));
    cr_assert_eq(SUB(seq, seq), c(0));
    cr_assert_eq(MUL(seq, c(0)), c(0));
}

Test(dim, division_cancels)
{
    cr_assert_eq(DIV(MUL(seq, batch), batch), seq);
    cr_assert_eq(DIV(MUL(seq, c(8)), c(4)), MUL(seq, c(2)));
    cr_assert_eq(DIV(MUL(MUL(seq, ADD(h, c(1))), c(64)), ADD(h, c(1))), MUL(seq, c(64)));
    cr_assert_eq(DIV(seq, seq), c(1));
    cr_assert_eq(DIV(ADD(MUL(seq, c(4)), c(3)), c(4)), seq);
    cr_assert_eq(DIV(ADD(MUL(seq, c(2)), c(5)), c(6)), DIV(ADD(seq, c(2)), c(3)));
    cr_assert_eq(DIV(DIV(h, c(2)), c(3)), DIV(h, c(6)));
    cr_assert_eq(DIV(ADD(DIV(h, c(2)), c(1)), c(2)), DIV(ADD(h, c(2)), c(4)));
    cr_assert_eq(ADD(DIV(SUB(ADD(h, c(2)), c(3)), c(2)), c(1)), DIV(ADD(h, c(1)), c(2)));
    cr_assert_eq(DIV(seq, c(1000)), c(0)); /* below its divisor */
    cr_assert_eq(MOD(MUL(seq, c(12)), c(4)), c(0));
    cr_assert_eq(MOD(ADD(MUL(seq, c(4)), c(7)), c(4)), c(3));
    cr_assert_eq(MOD(seq, c(600)), seq);
    cr_assert_eq(ingot_dim_round_up(m, MUL(seq, c(16)), 16), MUL(seq, c(16)));
}

Test(dim, ranges_decide_minimum_and_maximum)
{
    cr_assert_eq(MAX(seq, c(1)), seq);
    cr_assert_eq(MIN(seq, c(512)), seq);
    cr_assert_eq(MAX(seq, ADD(seq, c(3))), ADD(seq, c(3)));
    cr_assert_neq(MAX(zero_up, c(1)), zero_up);
    cr_assert_eq(MAX(MAX(zero_up, c(1)), c(1)), MAX(c(1), zero_up));
    cr_assert_eq(MAX(MAX(zero_up, c(1)), c(2)), MAX(zero_up, c(2)));
    cr_assert_eq(MUL(seq, batch)->hi, 512 * 64);
    cr_assert_eq(DIV(ADD(h, c(1)), c(2))->lo, 16);
}

Test(dim, overflow_is_not_a_number)
{
    const ingot_dim *big = c(INT64_MAX);
    const ingot_dim *sum = ADD(big, c(1)), *product = MUL(big, c(2));
    cr_assert_not(ingot_dim_is_const(sum));
    cr_assert_not(ingot_dim_is_const(product));
    cr_assert_eq(ingot_dim_eval(sum, NULL), INT64_MIN);
    cr_assert_eq(ingot_dim_eval(product, NULL), INT64_MIN);
    cr_assert_eq(MUL(MUL(zero_up, zero_up), MUL(zero_up, zero_up))->hi, INT64_MAX);
    int64_t symbols[4] = {1, 1, 1, 0};
    cr_assert_eq(ingot_dim_eval(ingot_dim_floordiv(m, seq, zero_up), symbols), INT64_MIN);
}

Test(dim, growth_without_end_becomes_a_status)
{
    const ingot_dim *d = seq;
    for (int i = 0; i < 3000; i++)
        d = ADD(MUL(MAX(d, ADD(DIV(d, c(3)), batch)), c(2)), c(i));
    ingot_type t = ingot_type_make(INGOT_F32, 1, &d);
    ingot_graph *g = ingot_module_add_graph(m, "main");
    ingot_value *x = ingot_graph_add_input(g, "x", &t);
    ingot_op *op;
    cr_assert_null(ingot_graph_add_op(g, NULL, INGOT_OP_relu, 1, &x, 1, &op));
    ingot_status status = ingot_op_infer(op);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    ingot_status_free(status);
}

Test(dim, substitutes_and_pins)
{
    const ingot_dim *d = ADD(MUL(seq, batch), DIV(h, c(2)));
    cr_assert_eq(ingot_dim_substitute(m, d, batch->value, c(4)), ADD(MUL(seq, c(4)), DIV(h, c(2))));
    ingot_graph *g = ingot_module_add_graph(m, "main");
    ingot_type t = ingot_type_make(INGOT_F32, 1, &d);
    ingot_value *x = ingot_graph_add_input(g, "x", &t);
    cr_assert_null(ingot_module_pin_symbol(m, (int32_t)batch->value, 2));
    cr_assert_eq(x->type.dims[0], ADD(MUL(seq, c(2)), DIV(h, c(2))));
    ingot_status status = ingot_module_pin_symbol(m, (int32_t)seq->value, 513);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE);
    ingot_status_free(status);
}

/* A random expression, its value by plain arithmetic beside it. */
static const ingot_dim *grow(unsigned *seed, int depth, const int64_t *symbols, int64_t *out)
{
    static const ingot_dim *const *const all[] = {&seq, &batch, &h, &zero_up};
    *seed = *seed * 1103515245u + 12345u;
    unsigned pick = *seed >> 16 & 0xff;
    if (depth == 0 || pick < 30) {
        if (pick % 3 == 0) {
            *out = (int64_t)(pick % 17) - 6;
            return c(*out);
        }
        *out = symbols[pick % 4];
        return *all[pick % 4];
    }
    int64_t a, b, q;
    const ingot_dim *x = grow(seed, depth - 1, symbols, &a), *y;
    if (pick % 6 >= 4) {
        b = 1 + pick % 7;
        y = c(b);
    } else {
        y = grow(seed, depth - 1, symbols, &b);
    }
    switch (pick % 6) {
    case 0:
        *out = a + b;
        return ADD(x, y);
    case 1:
        *out = a - b;
        return SUB(x, y);
    case 2:
        *out = a * b % 1000003 == a * b ? a * b : a;
        return *out == a * b ? MUL(x, y) : x;
    case 3:
        *out = pick & 64 ? (a < b ? a : b) : (a > b ? a : b);
        return pick & 64 ? MIN(x, y) : MAX(x, y);
    default:
        q = a / b - (a % b < 0);
        *out = pick % 6 == 4 ? q : a - q * b;
        return pick % 6 == 4 ? DIV(x, y) : MOD(x, y);
    }
}

Test(dim, agrees_with_plain_arithmetic_and_keeps_within_its_range)
{
    const int64_t symbols[4] = {7, 3, 45, 0};
    for (unsigned i = 0; i < 20000; i++) {
        unsigned seed = i;
        int64_t expected;
        const ingot_dim *d = grow(&seed, 5, symbols, &expected);
        int64_t got = ingot_dim_eval(d, symbols);
        ingot_text text = {0};
        ingot_dim_print(m, d, &text);
        cr_assert_eq(got, expected, "%u: %s = %lld, expected %lld", i, text.data, (long long)got, (long long)expected);
        cr_assert(d->lo <= got && got <= d->hi, "%u: %s", i, text.data);
        const ingot_dim *again;
        ingot_status status = ingot_dim_parse(m, text.data, text.size, &again);
        cr_assert_null(status, "%s: %s", text.data, ingot_status_message(status));
        ingot_text second = {0};
        ingot_dim_print(m, again, &second);
        cr_assert_str_eq(second.data, text.data);
        ingot_text_free(&text);
        ingot_text_free(&second);
    }
}

Test(dim, text_is_readable_and_bad_text_is_refused)
{
    ingot_text text = {0};
    ingot_dim_print(m, ADD(MUL(seq, c(2)), SUB(DIV(batch, c(2)), c(1))), &text);
    cr_assert_str_eq(text.data, "seq * 2 + floordiv(batch, 2) - 1");
    ingot_text_free(&text);
    const ingot_dim *d;
    static const char *const bad[] = {"",    "1 +", "floordiv(1)", "max(1, 2", "99999999999999999999",
                                      "a b", "(((", "'open",       "a / 2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ingot_status status = ingot_dim_parse(m, bad[i], strlen(bad[i]), &d);
        cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL, "%s", bad[i]);
        ingot_status_free(status);
    }
}

Test(dim, typical_values_are_one_image_of_some_side)
{
    ingot_graph *g = ingot_module_add_graph(m, "main");
    ingot_type image = ingot_type_make(INGOT_F32, 3, (const ingot_dim *[]){batch, c(3), h});
    ingot_type list = ingot_type_make(INGOT_F32, 1, (const ingot_dim *[]){seq});
    ingot_graph_add_input(g, "image", &image);
    ingot_graph_add_input(g, "list", &list);
    cr_assert_eq(ingot_dim_typical(m, c(7)), 7);
    cr_assert_eq(ingot_dim_typical(m, batch), 1);
    cr_assert_eq(ingot_dim_typical(m, seq), 256); /* a list has no images */
    cr_assert_eq(ingot_dim_typical(m, MUL(MUL(batch, c(3)), DIV(ADD(h, c(1)), c(2)))), 3 * 128);
    cr_assert_eq(ingot_dim_typical(m, ingot_symbol(m, "large", 1000, 2000)), 1000);
    cr_assert_eq(ingot_dim_typical(m, ingot_symbol(m, "small", 1, 6)), 6);
    cr_assert_eq(ingot_dim_typical(m, DIV(seq, MOD(batch, c(1000)))), 256);
    cr_assert_eq(ingot_dim_typical(m, DIV(seq, SUB(batch, batch))), INT64_MIN);
}

/* What data decides in 0..9, below and above what the inputs decide. */
Test(dim, upper_bound_holds_for_every_value_of_the_data)
{
    const ingot_dim *data = ingot_symbol_fresh(m, "data", 0, 9, true), *small = ingot_symbol(m, "small", 1, 6);
    const ingot_dim *cases[] = {
        data,
        SUB(small, data),
        MUL(SUB(seq, data), small),
        SUB(c(40), MUL(data, MUL(small, c(2)))),
        DIV(SUB(MUL(small, c(5)), data), c(3)),
        DIV(MUL(small, c(100)), ADD(data, c(1))),
        MOD(ADD(data, small), c(4)),
        MAX(SUB(MIN(data, small), c(2)), c(0)),
        MUL(SUB(data, c(3)), SUB(data, c(7))),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const ingot_dim *upper = ingot_dim_upper(m, cases[i]);
        cr_assert(ingot_dim_is_from_data(m, cases[i]));
        cr_assert(!ingot_dim_is_from_data(m, upper), "case %zu", i);
        int64_t symbols[16] = {0};
        symbols[seq->value] = 20;
        for (symbols[small->value] = 1; symbols[small->value] <= 6; symbols[small->value]++) {
            for (symbols[data->value] = 0; symbols[data->value] <= 9; symbols[data->value]++)
                cr_assert_geq(ingot_dim_eval(upper, symbols), ingot_dim_eval(cases[i], symbols), "case %zu", i);
        }
    }
    cr_assert_eq(ingot_dim_upper(m, MUL(seq, small)), MUL(seq, small));
}
