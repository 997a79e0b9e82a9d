/* tree_ensemble: what decision trees say of rows x [N, F], summed up for each target.
 *
 *   nodes    i64 [n, 6]: feature, mode, next if true, next if false, whether NaN is true, set of a member test.
 *            A next of k >= 0 is node k, one below is leaf -1 - k.
 *   splits   f64 [n]
 *   roots    i64 [trees]: as a next
 *   leaves   i64 [leaves + 1]: entries leaves[k] .. leaves[k + 1] of
 *   targets  i64 [e], weights f64 [e]: what a leaf adds to which target
 *   sets     i64 [s + 1]: set k has the rising members sets[k] .. sets[k + 1] of
 *   members  f64 [m]
 * Everything is checked when it is met: nothing that a model holds makes the walk leave its tables or go in circles. */
#include "runtime/kernels/kernels.h"

enum { FEATURE, MODE, IF_TRUE, IF_FALSE, NAN_TRUE, SET, COLUMNS };
enum { LEQ, LT, GTE, GT, EQ, NEQ, MEMBER };

typedef struct {
    const ingot_tensor *x;
    const int64_t *nodes, *roots, *leaves, *targets, *sets;
    const double *splits, *weights, *members;
    int64_t n_nodes, n_roots, n_leaves, n_entries, n_sets, n_members, n_targets;
} forest;

static ingot_status check(const ingot_call *call, forest *f)
{
    static const ingot_dtype types[] = {INGOT_I64, INGOT_F64, INGOT_I64, INGOT_I64,
                                        INGOT_I64, INGOT_F64, INGOT_I64, INGOT_F64};
    INGOT_TRY(ingot_kernel_check(call, "tree_ensemble", 7, 1));
    const ingot_tensor *in = call->in, *y = &call->out[0];
    const ingot_attrs_trees *attrs = call->attrs;
    bool sets = kernel_has_in(call, 7) && kernel_has_in(call, 8);
    for (int32_t i = 1; i < (sets ? 9 : 7); i++)
        KERNEL_REQUIRE(in[i].dtype == types[i - 1] && in[i].rank == (i == 1 ? 2 : 1),
                       "tree_ensemble: operand %d is %s of rank %d", i, ingot_dtype_name(in[i].dtype), in[i].rank);
    KERNEL_REQUIRE(in[0].rank == 2 && y->rank == 2 && y->dtype == INGOT_F64 && y->dims[0] == in[0].dims[0] &&
                       y->dims[1] == attrs->targets && in[1].dims[1] == COLUMNS && in[2].dims[0] == in[1].dims[0] &&
                       in[4].dims[0] >= 1 && in[5].dims[0] == in[6].dims[0] && (!sets || in[7].dims[0] >= 1),
                   "tree_ensemble: the sizes of its tables do not fit together");
    *f = (forest){.x = in,
                  .nodes = in[1].data,
                  .splits = in[2].data,
                  .roots = in[3].data,
                  .leaves = in[4].data,
                  .targets = in[5].data,
                  .weights = in[6].data,
                  .n_nodes = in[1].dims[0],
                  .n_roots = in[3].dims[0],
                  .n_leaves = in[4].dims[0] - 1,
                  .n_entries = in[5].dims[0],
                  .n_targets = attrs->targets};
    if (sets) {
        f->sets = in[7].data;
        f->members = in[8].data;
        f->n_sets = in[7].dims[0] - 1;
        f->n_members = in[8].dims[0];
    }
    return NULL;
}

static bool is_member(const forest *f, int64_t set, double v)
{
    if (set < 0 || set >= f->n_sets)
        return false;
    int64_t lo = f->sets[set], hi = f->sets[set + 1], end = hi;
    if (lo < 0 || hi > f->n_members)
        return false;
    while (lo < hi) {
        int64_t middle = lo + (hi - lo) / 2;
        if (f->members[middle] < v)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < end && f->members[lo] == v;
}

static bool decide(const forest *f, int64_t node, double v)
{
    const int64_t *n = f->nodes + node * COLUMNS;
    double split = f->splits[node];
    if (isnan(v) && n[NAN_TRUE])
        return true;
    switch (n[MODE]) {
    case LEQ:
        return v <= split;
    case LT:
        return v < split;
    case GTE:
        return v >= split;
    case GT:
        return v > split;
    case EQ:
        return v == split;
    case NEQ:
        return v != split;
    default:
        return is_member(f, n[SET], v);
    }
}

static ingot_status find_leaf(const forest *f, int64_t row, int64_t at, int64_t *out)
{
    int64_t left = f->n_nodes;
    while (at >= 0) {
        KERNEL_REQUIRE(at < f->n_nodes && left-- > 0, "tree_ensemble: node %lld of %lld, or a tree with a cycle",
                       (long long)at, (long long)f->n_nodes);
        const int64_t *n = f->nodes + at * COLUMNS;
        KERNEL_REQUIRE(n[FEATURE] >= 0 && n[FEATURE] < f->x->dims[1],
                       "tree_ensemble: node %lld tests feature %lld of %lld", (long long)at, (long long)n[FEATURE],
                       (long long)f->x->dims[1]);
        double v = ingot_load_f64(f->x->data, f->x->dtype, row * f->x->dims[1] + n[FEATURE]);
        at = n[decide(f, at, v) ? IF_TRUE : IF_FALSE];
    }
    KERNEL_REQUIRE(at >= -f->n_leaves, "tree_ensemble: leaf %lld of %lld", (long long)-(at + 1),
                   (long long)f->n_leaves);
    *out = -(at + 1);
    return NULL;
}

ingot_status ingot_portable_tree_ensemble(const ingot_call *call)
{
    forest f = {0};
    INGOT_TRY(check(call, &f));
    int64_t how = ((const ingot_attrs_trees *)call->attrs)->aggregate;
    double *y = call->out[0].data;
    bool *met = call->scratch; /* [targets], for the current row */
    for (int64_t row = 0; row < f.x->dims[0]; row++, y += f.n_targets) {
        memset(met, 0, (size_t)f.n_targets * sizeof *met);
        memset(y, 0, (size_t)f.n_targets * sizeof *y);
        for (int64_t t = 0; t < f.n_roots; t++) {
            int64_t leaf = 0;
            INGOT_TRY(find_leaf(&f, row, f.roots[t], &leaf));
            KERNEL_REQUIRE(f.leaves[leaf] >= 0 && f.leaves[leaf + 1] <= f.n_entries,
                           "tree_ensemble: the entries of leaf %lld", (long long)leaf);
            for (int64_t e = f.leaves[leaf]; e < f.leaves[leaf + 1]; e++) {
                int64_t target = f.targets[e];
                KERNEL_REQUIRE(target >= 0 && target < f.n_targets, "tree_ensemble: target %lld of %lld",
                               (long long)target, (long long)f.n_targets);
                double v = f.weights[e], old = y[target];
                if (how == INGOT_TREES_MIN)
                    v = met[target] && old < v ? old : v;
                else if (how == INGOT_TREES_MAX)
                    v = met[target] && old > v ? old : v;
                else
                    v = old + v;
                y[target] = v;
                met[target] = true;
            }
        }
        for (int64_t k = 0; how == INGOT_TREES_AVERAGE && f.n_roots && k < f.n_targets; k++)
            y[k] /= (double)f.n_roots;
    }
    return NULL;
}
