/* ai.onnx.ml: linear models and support vector machines. */
#include "frontend/ml.h"
#include <string.h>

/* x [N, F] times the rows of a list of coefficients [rows, F], plus a bias for each row (or one for all, or none). */
static ingot_value *linear(ingot_node *n, ingot_value *x, const ingot_ml_list *coefficients, int64_t rows,
                           const ingot_ml_list *bias)
{
    if (!n->error && (rows < 1 || coefficients->count % rows || (bias->count > 1 && bias->count != rows)))
        ingot_node_bad(n, "%lld coefficients and %lld intercepts for %lld results", (long long)coefficients->count,
                       (long long)bias->count, (long long)rows);
    if (n->error)
        return ingot_placeholder(n);
    int64_t dims[] = {rows, coefficients->count / rows};
    ingot_value *y = ingot_matmul(n, x, ingot_ml_constant(n, coefficients, INGOT_F32, 2, dims), false, true);
    return bias->count ? ingot_emit2(n, INGOT_OP_add, y, ingot_ml_vector(n, bias, INGOT_F32)) : y;
}

void ingot_import_linear_regressor(ingot_node *n)
{
    ingot_ml_list coefficients = ingot_ml_floats(n, "coefficients"), bias = ingot_ml_floats(n, "intercepts");
    ingot_value *y = linear(n, ingot_ml_rows(n, n->in[0]), &coefficients, ingot_attr_int(n, "targets", 1), &bias);
    n->out[0] = ingot_ml_transform(n, y, ingot_ml_transform_attr(n));
}

static ingot_value *flat(ingot_node *n, ingot_value *column)
{
    return n->error ? column : ingot_squeeze(n, column, 1);
}

static ingot_value *above(ingot_node *n, ingot_value *scores, double threshold)
{
    return flat(n, ingot_emit2(n, INGOT_OP_gt, scores, ingot_splat_like(n, scores, threshold)));
}

void ingot_import_linear_classifier(ingot_node *n)
{
    ingot_ml_list coefficients = ingot_ml_floats(n, "coefficients"), bias = ingot_ml_floats(n, "intercepts");
    ingot_ml_labels labels = ingot_ml_read_labels(n, "classlabels_ints", "classlabels_strings");
    int32_t transform = ingot_ml_transform_attr(n);
    ingot_value *x = ingot_ml_rows(n, n->in[0]);
    /* Without intercepts, the number of features tells that of the scores. */
    int64_t rows = bias.count;
    if (!rows && !n->error && ingot_dim_is_const(x->type.dims[1]) && x->type.dims[1]->value > 0)
        rows = coefficients.count / x->type.dims[1]->value;
    ingot_value *scores = linear(n, x, &coefficients, rows, &bias);
    if (n->error)
        return;
    if (rows > 1) {
        n->out[0] = ingot_ml_label_of(n, &labels, ingot_ml_best(n, scores));
        n->out[1] = ingot_ml_transform(n, scores, transform);
        return;
    }
    n->out[0] = ingot_ml_choose(n, &labels, above(n, scores, 0));
    n->out[1] =
        labels.count == 2 ? ingot_ml_pair(n, scores, true, transform) : ingot_ml_transform(n, scores, transform);
}

/* ---- Support vector machines ---- */
enum { LINEAR, POLY, RBF, SIGMOID };

static int32_t kernel_attr(ingot_node *n)
{
    static const char *const names[] = {"LINEAR", "POLY", "RBF", "SIGMOID", NULL};
    return ingot_attr_choice(n, "kernel_type", "LINEAR", names);
}

/* The kernel function of each row of x with each of `count` support vectors: [N, count]. */
static ingot_value *kernel(ingot_node *n, ingot_value *x, int64_t count)
{
    ingot_ml_list vectors = ingot_ml_floats(n, "support_vectors"), params = ingot_ml_floats(n, "kernel_params");
    int32_t kind = kernel_attr(n);
    if (!n->error && (count < 1 || vectors.count % count || (kind != LINEAR && params.count < 3)))
        ingot_node_bad(n, "%lld numbers of %lld support vectors, %lld kernel parameters (gamma, coef0, degree)",
                       (long long)vectors.count, (long long)count, (long long)params.count);
    if (n->error)
        return ingot_placeholder(n);
    int64_t dims[] = {count, vectors.count / count};
    ingot_value *v = ingot_ml_constant(n, &vectors, INGOT_F32, 2, dims);
    if (kind == RBF) {
        ingot_value *d = ingot_emit2(n, INGOT_OP_distances, x, v);
        return ingot_emit1(n, INGOT_OP_exp, ingot_emit2(n, INGOT_OP_mul, d, ingot_splat_like(n, d, -params.floats[0])));
    }
    ingot_value *y = ingot_matmul(n, x, v, false, true);
    if (kind == LINEAR)
        return y;
    y = ingot_emit2(n, INGOT_OP_mul, y, ingot_splat_like(n, y, params.floats[0]));
    y = ingot_emit2(n, INGOT_OP_add, y, ingot_splat_like(n, y, params.floats[1]));
    return kind == SIGMOID ? ingot_emit1(n, INGOT_OP_tanh, y)
                           : ingot_emit2(n, INGOT_OP_pow, y, ingot_splat_like(n, y, params.floats[2]));
}

void ingot_import_svm_regressor(ingot_node *n)
{
    ingot_ml_list coefficients = ingot_ml_floats(n, "coefficients"), rho = ingot_ml_floats(n, "rho");
    int64_t supports = ingot_attr_int(n, "n_supports", 0);
    ingot_value *x = ingot_ml_rows(n, n->in[0]);
    if (!n->error && (supports < 0 || rho.count < 1))
        ingot_node_bad(n, "%lld support vectors, %lld numbers in rho", (long long)supports, (long long)rho.count);
    rho.count = rho.count ? 1 : 0;
    ingot_value *y = linear(n, supports ? kernel(n, x, supports) : x, &coefficients, 1, &rho);
    if (ingot_attr_int(n, "one_class", 0)) {
        ingot_value *positive = ingot_emit2(n, INGOT_OP_gt, y, ingot_splat_like(n, y, 0));
        y = ingot_emit3(n, INGOT_OP_select, positive, ingot_splat_like(n, y, 1), ingot_splat_like(n, y, -1));
    }
    n->out[0] = ingot_ml_transform(n, y, ingot_ml_transform_attr(n));
}

/* Scores of all pairs of classes i < j: [N, pairs]. Coefficients are [classes - 1, vectors], the vectors of one class
 * side by side; the row of a pair takes those of i in row j - 1 and those of j in row i. */
static ingot_value *pair_scores(ingot_node *n, ingot_value *k, const ingot_ml_list *sizes, int64_t count, int64_t pairs)
{
    ingot_ml_list coefficients = ingot_ml_floats(n, "coefficients"), rho = ingot_ml_floats(n, "rho");
    int64_t classes = sizes->count;
    if (!n->error && (coefficients.count != (classes - 1) * count || rho.count < pairs))
        ingot_node_bad(n, "%lld coefficients and %lld numbers in rho for %lld classes and %lld support vectors",
                       (long long)coefficients.count, (long long)rho.count, (long long)classes, (long long)count);
    double *weights = ingot_ml_array(n, pairs * count, sizeof *weights), *row = weights;
    int64_t start_i = 0;
    for (int64_t i = 0; i < classes && !n->error; i++) {
        int64_t start_j = start_i + sizes->ints[i];
        for (int64_t j = i + 1; j < classes; j++, row += count) {
            memcpy(row + start_i, coefficients.floats + (j - 1) * count + start_i,
                   (size_t)sizes->ints[i] * sizeof *row);
            memcpy(row + start_j, coefficients.floats + i * count + start_j, (size_t)sizes->ints[j] * sizeof *row);
            start_j += sizes->ints[j];
        }
        start_i += sizes->ints[i];
    }
    ingot_ml_list all = {.count = pairs * count, .floats = weights};
    rho.count = pairs;
    return linear(n, k, &all, pairs, &rho);
}

/* How many pairs each class wins: [N, classes]. */
static ingot_value *count_votes(ingot_node *n, ingot_value *scores, int64_t classes, int64_t pairs)
{
    double *won = ingot_ml_array(n, 2 * pairs * classes, sizeof *won), *lost = won + pairs * classes;
    int64_t pair = 0;
    for (int64_t i = 0; i < classes && !n->error; i++)
        for (int64_t j = i + 1; j < classes; j++, pair++) {
            won[pair * classes + i] = 1;
            lost[pair * classes + j] = 1;
        }
    int64_t dims[] = {pairs, classes};
    ingot_ml_list winners = {.count = pairs * classes, .floats = won},
                  losers = {.count = pairs * classes, .floats = lost};
    ingot_value *is_won = ingot_emit2(n, INGOT_OP_gt, scores, ingot_splat_like(n, scores, 0));
    ingot_value *a = ingot_cast(n, is_won, INGOT_F32);
    ingot_value *b = ingot_cast(n, ingot_emit1(n, INGOT_OP_not, is_won), INGOT_F32);
    return ingot_emit2(n, INGOT_OP_add,
                       ingot_matmul(n, a, ingot_ml_constant(n, &winners, INGOT_F32, 2, dims), false, false),
                       ingot_matmul(n, b, ingot_ml_constant(n, &losers, INGOT_F32, 2, dims), false, false));
}

/* 1 / (1 + exp(score * a + b)) for each pair, coupled: [N, classes]. */
static ingot_value *probabilities(ingot_node *n, ingot_value *scores, int64_t classes, int64_t pairs)
{
    ingot_ml_list a = ingot_ml_floats(n, "prob_a"), b = ingot_ml_floats(n, "prob_b");
    if (!n->error && (a.count < pairs || b.count < pairs))
        ingot_node_bad(n, "prob_a and prob_b have %lld and %lld numbers for %lld pairs of classes", (long long)a.count,
                       (long long)b.count, (long long)pairs);
    a.count = b.count = pairs;
    if (n->error)
        return scores;
    ingot_value *p = ingot_emit2(n, INGOT_OP_mul, scores, ingot_ml_vector(n, &a, INGOT_F32));
    p = ingot_emit2(n, INGOT_OP_add, p, ingot_ml_vector(n, &b, INGOT_F32));
    p = ingot_emit1(n, INGOT_OP_sigmoid, ingot_emit1(n, INGOT_OP_neg, p));
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_couple_pairs, 1, &p, 1);
    const ingot_dim *count = ingot_const_dim(n, classes);
    ingot_emit_sym(n, op, 1, &count);
    return ingot_emit_end(n, op);
}

void ingot_import_svm_classifier(ingot_node *n)
{
    ingot_ml_list sizes = ingot_ml_ints(n, "vectors_per_class");
    ingot_ml_labels labels = ingot_ml_read_labels(n, "classlabels_ints", "classlabels_strings");
    int32_t transform = ingot_ml_transform_attr(n);
    ingot_value *x = ingot_ml_rows(n, n->in[0]);
    int64_t count = 0, classes = sizes.count;
    for (int64_t i = 0; i < classes && !n->error; i++) {
        if (sizes.ints[i] < 0 || sizes.ints[i] > INT32_MAX)
            ingot_node_bad(n, "vectors_per_class holds %lld", (long long)sizes.ints[i]);
        count += sizes.ints[i];
    }
    if (n->error)
        return;
    if (!count) { /* linear: a row of coefficients for each class */
        ingot_ml_list coefficients = ingot_ml_floats(n, "coefficients"), rho = ingot_ml_floats(n, "rho");
        rho.count = rho.count ? 1 : 0;
        ingot_value *scores = linear(n, x, &coefficients, labels.count ? labels.count : 1, &rho);
        n->out[0] = labels.count > 1 ? ingot_ml_label_of(n, &labels, ingot_ml_best(n, scores))
                                     : ingot_ml_choose(n, &labels, above(n, scores, 0));
        n->out[1] = ingot_ml_transform(n, scores, transform);
        return;
    }
    if (classes > 256) {
        ingot_node_unsupported(n, "%lld classes: at most 256 are supported", (long long)classes);
        return;
    }
    if (classes < 2 || (labels.count && labels.count != classes)) {
        ingot_node_bad(n, "%lld labels, support vectors of %lld classes", (long long)labels.count, (long long)classes);
        return;
    }
    int64_t pairs = classes * (classes - 1) / 2;
    ingot_value *scores = pair_scores(n, kernel(n, x, count), &sizes, count, pairs);
    ingot_value *votes = count_votes(n, scores, classes, pairs);
    n->out[0] = ingot_ml_label_of(n, &labels, ingot_ml_best(n, votes));
    if (ingot_ml_floats(n, "prob_a").count) {
        ingot_value *p = probabilities(n, scores, classes, pairs);
        n->out[0] = ingot_ml_label_of(n, &labels, ingot_ml_best(n, p));
        n->out[1] = ingot_ml_transform(n, p, transform);
    } else {
        n->out[1] =
            classes == 2 ? ingot_ml_pair(n, scores, false, transform) : ingot_ml_transform(n, scores, transform);
    }
}
