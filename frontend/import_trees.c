/* ai.onnx.ml: ensembles of decision trees. The three operators become one op over tables (runtime/kernels/
 * tree_ensemble.c says how they look); what the first two spell by numbers of trees and nodes is resolved here. */
#include "frontend/ml.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 6 }; /* of a node: feature, mode, if true, if false, NaN is true, set */

typedef struct {
    int64_t n_nodes, n_roots, n_leaves, n_entries, n_sets, n_members;
    int64_t *nodes, *roots, *leaves, *targets, *sets;
    double *splits, *weights, *members;
} tables;

static ingot_value *ints_table(ingot_node *n, const int64_t *data, int64_t count, int32_t rank, const int64_t *dims)
{
    ingot_ml_list list = {.count = count, .ints = data};
    return ingot_ml_constant(n, &list, INGOT_I64, rank, dims);
}

static ingot_value *floats_table(ingot_node *n, const double *data, int64_t count)
{
    ingot_ml_list list = {.count = count, .floats = data};
    return ingot_ml_vector(n, &list, INGOT_F64);
}

static ingot_value *emit_trees(ingot_node *n, const tables *t, int64_t aggregate, int64_t targets)
{
    ingot_value *x = n->in[0];
    if (n->error)
        return ingot_placeholder(n);
    if (x->type.rank == 1)
        x = ingot_unsqueeze(n, x, 0);
    int64_t dims[] = {t->n_nodes, COLUMNS}, offsets = t->n_leaves + 1, set_offsets = t->n_sets + 1;
    ingot_value *in[] = {x,
                         ints_table(n, t->nodes, t->n_nodes * COLUMNS, 2, dims),
                         floats_table(n, t->splits, t->n_nodes),
                         ints_table(n, t->roots, t->n_roots, 1, &t->n_roots),
                         ints_table(n, t->leaves, offsets, 1, &offsets),
                         ints_table(n, t->targets, t->n_entries, 1, &t->n_entries),
                         floats_table(n, t->weights, t->n_entries),
                         t->n_sets ? ints_table(n, t->sets, set_offsets, 1, &set_offsets) : NULL,
                         t->n_sets ? floats_table(n, t->members, t->n_members) : NULL};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_tree_ensemble, t->n_sets ? 9 : 7, in, 1);
    ingot_attrs_trees *a = op->attrs;
    a->aggregate = aggregate;
    a->targets = targets;
    return ingot_emit_end(n, op);
}

/* ---- Nodes by numbers of tree and node ---- */
typedef struct {
    int64_t tree, node, place;
} number;

static int by_number(const void *a, const void *b)
{
    const number *x = a, *y = b;
    if (x->tree != y->tree)
        return x->tree < y->tree ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Place of the first of that number in a sorted list, or where it would be. */
static int64_t find_number(const number *list, int64_t count, int64_t tree, int64_t node)
{
    int64_t lo = 0, hi = count;
    number key = {tree, node, INT64_MIN};
    while (lo < hi) {
        int64_t middle = lo + (hi - lo) / 2;
        if (by_number(&list[middle], &key) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static number *sorted_numbers(ingot_node *n, const ingot_ml_list *trees, const ingot_ml_list *nodes)
{
    number *list = ingot_ml_array(n, trees->count, sizeof *list);
    for (int64_t i = 0; i < trees->count && !n->error; i++)
        list[i] = (number){trees->ints[i], nodes->ints[i], i};
    if (!n->error)
        qsort(list, (size_t)trees->count, sizeof *list, by_number);
    return list;
}

static int64_t mode_of(ingot_node *n, const ingot_string *text)
{
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", NULL};
    for (int64_t i = 0; names[i]; i++)
        if ((size_t)text->size == strlen(names[i]) && !memcmp(text->data, names[i], (size_t)text->size))
            return i;
    if (text->size == 4 && !memcmp(text->data, "LEAF", 4))
        return -1;
    ingot_node_bad(n, "a node of mode '%.*s'", (int)(text->size < 64 ? text->size : 64), text->data);
    return -1;
}

/* Fills nodes and roots; each leaf node has the number of a leaf in `leaf_of`, else -1. */
static void read_nodes(ingot_node *n, tables *t, const number *by_id, const int64_t *modes, const int64_t *leaf_of)
{
    ingot_ml_list trees = ingot_ml_ints(n, "nodes_treeids"), ids = ingot_ml_ints(n, "nodes_nodeids");
    ingot_ml_list features = ingot_ml_ints(n, "nodes_featureids"), values = ingot_ml_weights(n, "nodes_values");
    ingot_ml_list next[] = {ingot_ml_ints(n, "nodes_truenodeids"), ingot_ml_ints(n, "nodes_falsenodeids")};
    ingot_ml_list nan_true = ingot_ml_ints(n, "nodes_missing_value_tracks_true");
    int64_t count = trees.count;
    if (!n->error && (ids.count != count || features.count != count || values.count != count ||
                      next[0].count != count || next[1].count != count || (nan_true.count && nan_true.count != count)))
        ingot_node_bad(n, "the nodes_ lists differ in length");
    for (int64_t i = 0; i < count && !n->error; i++) {
        int64_t *node = t->nodes + i * COLUMNS;
        t->splits[i] = values.floats[i];
        node[0] = features.ints[i];
        node[1] = modes[i];
        node[4] = nan_true.count && nan_true.ints[i];
        node[5] = -1;
        for (int k = 0; k < 2 && modes[i] >= 0; k++) {
            int64_t at = find_number(by_id, count, trees.ints[i], next[k].ints[i]);
            if (at == count || by_id[at].tree != trees.ints[i] || by_id[at].node != next[k].ints[i]) {
                ingot_node_bad(n, "node %lld of tree %lld leads to node %lld, which is not there",
                               (long long)ids.ints[i], (long long)trees.ints[i], (long long)next[k].ints[i]);
                return;
            }
            int64_t place = by_id[at].place;
            node[2 + k] = modes[place] < 0 ? -1 - leaf_of[place] : place;
        }
    }
}

/* The root of a tree is the first of its nodes in the lists. */
static void find_roots(ingot_node *n, tables *t, const number *by_id, int64_t count, const int64_t *modes,
                       const int64_t *leaf_of)
{
    for (int64_t i = 0; i < count && !n->error;) {
        int64_t first = by_id[i].place, end = i;
        for (; end < count && by_id[end].tree == by_id[i].tree; end++)
            first = by_id[end].place < first ? by_id[end].place : first;
        t->roots[t->n_roots++] = modes[first] < 0 ? -1 - leaf_of[first] : first;
        i = end;
    }
}

/* The tables of TreeEnsembleRegressor and -Classifier; the lists of leaves begin with `prefix`. */
static void read_old(ingot_node *n, tables *t, const char *prefix)
{
    char names[4][32];
    static const char *const suffixes[] = {"treeids", "nodeids", "ids", "weights"};
    for (int i = 0; i < 4; i++) {
        strcpy(names[i], prefix);
        strcat(names[i], suffixes[i]);
    }
    ingot_ml_list trees = ingot_ml_ints(n, "nodes_treeids"), ids = ingot_ml_ints(n, "nodes_nodeids");
    ingot_ml_list leaf_trees = ingot_ml_ints(n, names[0]), leaf_ids = ingot_ml_ints(n, names[1]);
    ingot_ml_list targets = ingot_ml_ints(n, names[2]), weights = ingot_ml_weights(n, names[3]);
    const ingot_onnx_attr *texts = ingot_attr_find(n, "nodes_modes", INGOT_ONNX_STRINGS);
    int64_t count = trees.count, entries = leaf_trees.count;
    if (!n->error && (!count || ids.count != count || !texts || texts->n != count))
        ingot_node_bad(n, "the nodes_ lists differ in length, or there are none");
    else if (!n->error && (leaf_ids.count != entries || targets.count != entries || weights.count != entries))
        ingot_node_bad(n, "the %s lists differ in length", prefix);
    if (n->error)
        return;
    *t = (tables){.n_nodes = count, .n_entries = entries};
    t->nodes = ingot_ml_array(n, count * COLUMNS, sizeof *t->nodes);
    t->splits = ingot_ml_array(n, count, sizeof *t->splits);
    t->roots = ingot_ml_array(n, count, sizeof *t->roots);
    t->leaves = ingot_ml_array(n, count + 1, sizeof *t->leaves);
    t->targets = ingot_ml_array(n, entries, sizeof *t->targets);
    t->weights = ingot_ml_array(n, entries, sizeof *t->weights);
    int64_t *modes = ingot_ml_array(n, count, sizeof *modes), *leaf_of = ingot_ml_array(n, count, sizeof *leaf_of);
    number *by_id = sorted_numbers(n, &trees, &ids), *of_leaves = sorted_numbers(n, &leaf_trees, &leaf_ids);
    for (int64_t i = 0; i < count && !n->error; i++)
        modes[i] = mode_of(n, &texts->strings[i]);
    int64_t filled = 0;
    for (int64_t i = 0; i < count && !n->error; i++) {
        if (modes[i] >= 0)
            continue;
        leaf_of[i] = t->n_leaves;
        for (int64_t e = find_number(of_leaves, entries, trees.ints[i], ids.ints[i]);
             e < entries && filled < entries && of_leaves[e].tree == trees.ints[i] && of_leaves[e].node == ids.ints[i];
             e++, filled++) {
            t->targets[filled] = targets.ints[of_leaves[e].place];
            t->weights[filled] = weights.floats[of_leaves[e].place];
        }
        t->leaves[++t->n_leaves] = filled;
    }
    t->n_entries = filled;
    read_nodes(n, t, by_id, modes, leaf_of);
    find_roots(n, t, by_id, count, modes, leaf_of);
}

static ingot_value *add_base(ingot_node *n, ingot_value *scores, const ingot_ml_list *base)
{
    return base->count ? ingot_emit2(n, INGOT_OP_add, scores, ingot_ml_vector(n, base, INGOT_F64)) : scores;
}

void ingot_import_tree_regressor(ingot_node *n)
{
    static const char *const aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX", NULL};
    tables t = {0};
    read_old(n, &t, "target_");
    ingot_ml_list base = ingot_ml_weights(n, "base_values");
    int32_t aggregate = ingot_attr_choice(n, "aggregate_function", "SUM", aggregates);
    ingot_value *y = emit_trees(n, &t, aggregate, ingot_attr_int(n, "n_targets", 1));
    y = ingot_cast(n, add_base(n, y, &base), INGOT_F32);
    n->out[0] = ingot_ml_transform(n, y, ingot_ml_transform_attr(n));
}

/* ---- Classifier ---- */

/* Whether all leaves speak of one class: its score then decides between two. */
static bool one_class(const tables *t)
{
    for (int64_t i = 1; i < t->n_entries; i++)
        if (t->targets[i] != t->targets[0])
            return false;
    return t->n_entries > 0;
}

static bool all_positive(const tables *t)
{
    for (int64_t i = 0; i < t->n_entries; i++)
        if (t->weights[i] < 0)
            return false;
    return true;
}

/* All leaves speak of one class. The first: its score is that of the second, as converters write it; the second: the
 * score of the first is zero. A score above zero is in favour, or above a half where all weights are positive. */
static void two_classes(ingot_node *n, const tables *t, ingot_value *scores, const ingot_ml_list *base,
                        const ingot_ml_labels *labels, int32_t transform)
{
    int64_t column = t->targets[0];
    bool share = all_positive(t);
    ingot_value *s = ingot_ml_column(n, scores, column < labels->count ? column : 0);
    if (base->count) {
        double shift = base->floats[column < base->count ? column : 0];
        s = ingot_emit2(n, INGOT_OP_add, s, ingot_splat_like(n, s, shift));
    }
    s = ingot_cast(n, s, INGOT_F32);
    ingot_value *test = ingot_emit2(n, INGOT_OP_gt, s, ingot_splat_like(n, s, share ? 0.5 : 0));
    n->out[0] = ingot_ml_choose(n, labels, n->error ? test : ingot_squeeze(n, test, 1));
    if (column == 0) {
        n->out[1] = ingot_ml_pair(n, s, share, transform);
    } else {
        ingot_value *none = ingot_emit2(n, INGOT_OP_mul, s, ingot_splat_like(n, s, 0));
        n->out[1] = ingot_ml_transform(n, ingot_concat(n, 2, (ingot_value *[]){none, s}, 1), transform);
    }
}

void ingot_import_tree_classifier(ingot_node *n)
{
    tables t = {0};
    read_old(n, &t, "class_");
    ingot_ml_list base = ingot_ml_weights(n, "base_values");
    ingot_ml_labels labels = ingot_ml_read_labels(n, "classlabels_int64s", "classlabels_strings");
    int32_t transform = ingot_ml_transform_attr(n);
    if (!n->error && !labels.count)
        ingot_node_bad(n, "the labels of the classes are missing");
    ingot_value *scores = emit_trees(n, &t, INGOT_TREES_SUM, labels.count);
    if (n->error)
        return;
    if (labels.count <= 2 && one_class(&t) && t.targets[0] <= 1) {
        two_classes(n, &t, scores, &base, &labels, transform);
        return;
    }
    scores = ingot_cast(n, add_base(n, scores, &base), INGOT_F32);
    n->out[0] = ingot_ml_label_of(n, &labels, ingot_ml_best(n, scores));
    n->out[1] = ingot_ml_transform(n, scores, transform);
}

/* ---- TreeEnsemble: nodes and leaves by place ---- */
static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sets end with a NaN each, in the order of the nodes that test them. */
static void read_sets(ingot_node *n, tables *t)
{
    ingot_ml_list given = ingot_ml_tensor(n, "membership_values");
    t->sets = ingot_ml_array(n, given.count + 1, sizeof *t->sets);
    t->members = ingot_ml_array(n, given.count, sizeof *t->members);
    for (int64_t i = 0; i < given.count && !n->error; i++) {
        if (given.floats[i] == given.floats[i]) {
            t->members[t->n_members++] = given.floats[i];
            continue;
        }
        double *first = t->members + t->sets[t->n_sets];
        qsort(first, (size_t)(t->members + t->n_members - first), sizeof *first, by_value);
        t->sets[++t->n_sets] = t->n_members;
    }
}

void ingot_import_tree_ensemble(ingot_node *n)
{
    ingot_ml_list roots = ingot_ml_ints(n, "tree_roots"), features = ingot_ml_ints(n, "nodes_featureids");
    ingot_ml_list next[] = {ingot_ml_ints(n, "nodes_truenodeids"), ingot_ml_ints(n, "nodes_falsenodeids")};
    ingot_ml_list leafs[] = {ingot_ml_ints(n, "nodes_trueleafs"), ingot_ml_ints(n, "nodes_falseleafs")};
    ingot_ml_list nan_true = ingot_ml_ints(n, "nodes_missing_value_tracks_true");
    ingot_ml_list modes = ingot_ml_tensor(n, "nodes_modes"), splits = ingot_ml_tensor(n, "nodes_splits");
    ingot_ml_list targets = ingot_ml_ints(n, "leaf_targetids"), weights = ingot_ml_tensor(n, "leaf_weights");
    int64_t count = features.count;
    bool fits = next[0].count == count && next[1].count == count && leafs[0].count == count &&
                leafs[1].count == count && modes.count == count && splits.count == count &&
                (!nan_true.count || nan_true.count == count) && targets.count == weights.count;
    if (!n->error && (!fits || !count || !roots.count))
        ingot_node_bad(n, "the nodes_ or leaf_ lists differ in length, or there are none");
    tables t = {.n_nodes = count, .n_roots = roots.count, .n_leaves = targets.count, .n_entries = targets.count};
    t.nodes = ingot_ml_array(n, count * COLUMNS, sizeof *t.nodes);
    t.splits = ingot_ml_array(n, count, sizeof *t.splits);
    t.roots = ingot_ml_array(n, roots.count, sizeof *t.roots);
    t.leaves = ingot_ml_array(n, targets.count + 1, sizeof *t.leaves);
    t.targets = ingot_ml_array(n, targets.count, sizeof *t.targets);
    t.weights = ingot_ml_array(n, targets.count, sizeof *t.weights);
    read_sets(n, &t);
    int64_t set = 0;
    for (int64_t i = 0; i < count && !n->error; i++) {
        int64_t *node = t.nodes + i * COLUMNS;
        t.splits[i] = splits.floats[i];
        node[0] = features.ints[i];
        node[1] = modes.floats[i] >= 0 && modes.floats[i] <= 6 ? (int64_t)modes.floats[i] : -1;
        node[4] = nan_true.count && nan_true.ints[i];
        node[5] = node[1] == 6 ? set++ : -1;
        for (int k = 0; k < 2; k++) {
            int64_t to = next[k].ints[i], most = leafs[k].ints[i] ? targets.count : count;
            if (node[1] < 0 || to < 0 || to >= most)
                ingot_node_bad(n, "node %lld has mode %g and leads to %s %lld of %lld", (long long)i, modes.floats[i],
                               leafs[k].ints[i] ? "leaf" : "node", (long long)to, (long long)most);
            node[2 + k] = leafs[k].ints[i] ? -1 - to : to;
        }
    }
    for (int64_t i = 0; i < targets.count && !n->error; i++) {
        t.leaves[i + 1] = i + 1;
        t.targets[i] = targets.ints[i];
        t.weights[i] = weights.floats[i];
    }
    for (int64_t i = 0; i < roots.count && !n->error; i++)
        t.roots[i] = roots.ints[i] < 0 ? count : roots.ints[i];
    if (!n->error && set != t.n_sets)
        ingot_node_bad(n, "%lld nodes test for members, membership_values has %lld sets", (long long)set,
                       (long long)t.n_sets);
    int64_t aggregate = ingot_attr_int(n, "aggregate_function", 1), transform = ingot_attr_int(n, "post_transform", 0);
    if (aggregate < 0 || aggregate > 3 || transform < 0 || transform > 4)
        ingot_node_bad(n, "aggregate_function %lld, post_transform %lld", (long long)aggregate, (long long)transform);
    ingot_value *y = emit_trees(n, &t, aggregate, ingot_attr_int(n, "n_targets", 1));
    n->out[0] = ingot_ml_transform(n, ingot_cast(n, y, n->in[0]->type.dtype), (int32_t)transform);
}
