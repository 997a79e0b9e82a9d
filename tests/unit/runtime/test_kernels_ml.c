/* Portable kernels of classical models: what hostile tables do, and corner cases. */
#include "kernel_call.h"

/* One node that tests feature 0 <= 1, two leaves. */
typedef struct {
    int64_t nodes[12], roots[1], leaves[3], targets[2];
    double splits[2], weights[2], y[2];
    float x[2];
} stump;

static stump plain(void)
{
    return (stump){.nodes = {0, 0, -1, -2, 0, -1, 0, 0, -1, -1, 0, -1},
                   .leaves = {0, 1, 2},
                   .targets = {0, 0},
                   .splits = {1, 1},
                   .weights = {10, 20},
                   .x = {0.5f, 2}};
}

static ingot_status grow(stump *s)
{
    static ingot_attrs_trees attrs = {.aggregate = INGOT_TREES_SUM, .targets = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, s->x, DIMS(2, 1)),   tensor(INGOT_I64, s->nodes, DIMS(2, 6)),
                         tensor(INGOT_F64, s->splits, DIMS(2)), tensor(INGOT_I64, s->roots, DIMS(1)),
                         tensor(INGOT_I64, s->leaves, DIMS(3)), tensor(INGOT_I64, s->targets, DIMS(2)),
                         tensor(INGOT_F64, s->weights, DIMS(2))},
                 out = tensor(INGOT_F64, s->y, DIMS(2, 1));
    return call_kernel(INGOT_PORTABLE_tree_ensemble,
                       (ingot_call){.attrs = &attrs, .n_in = 7, .n_out = 1, .in = in, .out = &out});
}

Test(ml, a_stump_decides)
{
    stump s = plain();
    expect_ok(grow(&s));
    cr_assert(s.y[0] == 10 && s.y[1] == 20);
    s.x[0] = NAN;
    expect_ok(grow(&s));
    cr_assert_eq(s.y[0], 20);
    s.nodes[4] = 1;
    expect_ok(grow(&s));
    cr_assert_eq(s.y[0], 10);
}

Test(ml, tables_that_lead_nowhere_are_refused)
{
    stump s = plain();
    s.nodes[2] = 1, s.nodes[8] = s.nodes[9] = 0;
    expect_error(grow(&s), "cycle");
    s = plain();
    s.nodes[2] = 7;
    expect_error(grow(&s), "node 7 of 2");
    s = plain();
    s.nodes[2] = -9;
    expect_error(grow(&s), "leaf 8 of 2");
    s = plain();
    s.nodes[0] = 3;
    expect_error(grow(&s), "feature 3 of 1");
    s = plain();
    s.targets[1] = 1;
    expect_error(grow(&s), "target 1 of 1");
    s = plain();
    s.leaves[2] = 5;
    expect_error(grow(&s), "entries of leaf 1");
    s = plain();
    s.roots[0] = INT64_MIN;
    expect_error(grow(&s), "leaf");
}

Test(ml, lookups_find_nan_and_the_ends)
{
    float x[] = {NAN, -3, 8, 1}, keys[] = {-3, 1, 8, NAN};
    int64_t values[] = {1, 2, 3, 4}, rest[] = {-1}, y[4];
    ingot_attrs_none attrs = {1};
    ingot_tensor in[] = {tensor(INGOT_F32, x, DIMS(4)), tensor(INGOT_F32, keys, DIMS(4)),
                         tensor(INGOT_I64, values, DIMS(4)), tensor(INGOT_I64, rest, 0, NULL)},
                 out = tensor(INGOT_I64, y, DIMS(4));
    ingot_call call = {.attrs = &attrs, .n_in = 4, .n_out = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_lookup, call));
    EXPECT_I64(y, 4, 1, 3, 2);
    x[1] = 0;
    expect_ok(call_kernel(INGOT_PORTABLE_lookup, call));
    EXPECT_I64(y, 4, -1, 3, 2);
    call.n_in = 3;
    expect_error(call_kernel(INGOT_PORTABLE_lookup, call), "element 1, 0, is none of the 4 keys");
}

Test(ml, coupled_probabilities_of_certain_pairs)
{
    double x[] = {1, 1, 0.5}, y[3];
    int64_t n = 3;
    ingot_attrs_none attrs = {1};
    ingot_tensor in = tensor(INGOT_F64, x, DIMS(1, 3)), out = tensor(INGOT_F64, y, DIMS(1, 3));
    expect_ok(call_kernel(
        INGOT_PORTABLE_couple_pairs,
        (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 1, .in = &in, .out = &out, .sym = &n, .n_sym = 1}));
    cr_assert(y[0] > 0.99 && fabs(y[0] + y[1] + y[2] - 1) < 1e-9);
}
