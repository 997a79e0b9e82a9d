/* Cross-validated predictions, and the metrics of them. */
#include "costmodel/evaluate.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEP_NS 12 /* of one step of a run: the plan's interpreter */

const char *ingot_evaluated_name(ingot_evaluated e)
{
    static const char *const names[INGOT_EVALUATED] = {"constant", "flops",  "roofline", "linear",
                                                       "nearest",  "tokens", "learned"};
    return names[e];
}

const char *ingot_metric_name(int32_t i)
{
    static const char *const names[INGOT_N_METRICS] = {
        "mape",     "ratio",      "within_10",       "within_20",       "spearman", "kendall",     "regret_1",
        "regret_5", "model_mape", "model_within_10", "model_within_20", "context",  "microseconds"};
    return names[i];
}

double ingot_metric_get(const ingot_metrics *m, int32_t i)
{
    double value;
    memcpy(&value, (const char *)m + (size_t)i * sizeof value, sizeof value);
    return value;
}

/* ---- Predictions ---- */

/* What constant and flops fit to the training rows. */
typedef struct simple_fit {
    double constant_ns, ns_per_flop;
} simple_fit;

typedef struct predictions {
    const ingot_dataset *data;
    double *rows[INGOT_EVALUATED];   /* ns, [n] each */
    double *models[INGOT_EVALUATED]; /* ns, [n_runs] each; NAN: not predicted */
    double seconds[INGOT_EVALUATED];
    int64_t count[INGOT_EVALUATED];
    ingot_target target;
    double *model_ns; /* where those of the learned model go; null: nowhere */
} predictions;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double predict(const ingot_knowledge *k, const simple_fit *fit, const ingot_target *target, ingot_evaluated e,
                      const double *features, double roofline_ns, const char *spec_line, bool cold, const float *tokens)
{
    ingot_spec spec;
    ingot_cost_query query = {.spec = &spec, .target = target, .cold = cold};
    int family = (int)features[INGOT_FEATURE_family];
    bool known = e == INGOT_EVAL_LEARNED && ingot_knowledge_has_family(k, (ingot_family)family);
    if (e == INGOT_EVAL_ROOFLINE || (e == INGOT_EVAL_LEARNED && !known)) {
        ingot_status status = ingot_spec_parse(spec_line, strlen(spec_line), &spec);
        if (status) {
            ingot_status_free(status);
            return NAN;
        }
    }
    switch (e) {
    case INGOT_EVAL_CONSTANT:
        return fit->constant_ns;
    case INGOT_EVAL_ROOFLINE:
        return ingot_cost_predict(&ingot_cost_roofline, &query).ns;
    case INGOT_EVAL_FLOPS:
        return fit->ns_per_flop * exp2(features[INGOT_FEATURE_flops]);
    case INGOT_EVAL_LINEAR:
        return k->linear ? ingot_time_at(roofline_ns, ingot_linear_predict(k->linear, features)) : NAN;
    case INGOT_EVAL_NEAREST:
        return k->n_nearest ? ingot_time_at(roofline_ns, ingot_nearest_predict(k, features)) : NAN;
    case INGOT_EVAL_TOKENS:
        return k->tokens && tokens ? exp2(ingot_tokens_predict(k->tokens, tokens)) : NAN;
    default:
        if (known)
            return ingot_time_at(roofline_ns, ingot_forest_predict(&k->forest, features));
        return k->forest.n_trees ? ingot_knowledge_predict_ns(k, &query, features, roofline_ns) : NAN;
    }
}

static simple_fit fit_simple(const ingot_dataset *d, const uint8_t *uses)
{
    double log_ns = 0, log_rate = 0, n = 0;
    for (int32_t i = 0; i < d->n; i++) {
        if (uses && uses[i] != INGOT_ROW_TRAIN)
            continue;
        log_ns += log2(d->rows[i].ns);
        log_rate += log2(d->rows[i].ns) - d->rows[i].features[INGOT_FEATURE_flops];
        n++;
    }
    n = n > 0 ? n : 1;
    return (simple_fit){exp2(log_ns / n), exp2(log_rate / n)};
}

static void predict_rows(predictions *p, const ingot_knowledge *k, const simple_fit *fit, const uint8_t *uses)
{
    const ingot_dataset *d = p->data;
    float *tokens = d->tokens && k->tokens ? malloc(INGOT_TOKEN_BUCKETS * sizeof *tokens) : NULL;
    for (int e = 0; e < INGOT_EVALUATED; e++) {
        double begin = now_s();
        for (int32_t i = 0; i < d->n; i++) {
            const ingot_data_row *row = &d->rows[i];
            if (uses && uses[i] != INGOT_ROW_TEST)
                continue;
            for (int32_t b = 0; tokens && e == INGOT_EVAL_TOKENS && b < INGOT_TOKEN_BUCKETS; b++)
                tokens[b] = (float)d->tokens[(size_t)i * INGOT_TOKEN_BUCKETS + (size_t)b] / 16;
            p->rows[e][i] = predict(k, fit, &p->target, (ingot_evaluated)e, row->features, row->roofline_ns, row->spec,
                                    row->cold, tokens);
            p->count[e]++;
        }
        p->seconds[e] += now_s() - begin;
    }
    free(tokens);
}

/* Adds the kernels that this fold's models predict to the times of whole models. */
static void predict_models(predictions *p, const ingot_knowledge *k, const simple_fit *fit, ingot_split split,
                           int32_t fold, uint64_t seed, const bool *tested)
{
    const ingot_dataset *d = p->data;
    for (int32_t r = 0; r < d->n_runs; r++) {
        const ingot_data_run *run = &d->runs[r];
        if (split == INGOT_SPLIT_MODEL && !tested[r])
            continue;
        for (int32_t i = 0; i < run->n; i++) {
            const ingot_data_kernel *kernel = &run->kernels[i];
            if (split == INGOT_SPLIT_SHAPE && fold >= 0 && ingot_split_fold_of_problem(kernel->problem, seed) != fold)
                continue;
            for (int e = 0; e < INGOT_EVALUATED; e++)
                p->models[e][r] +=
                    kernel->count * (STEP_NS + predict(k, fit, &p->target, (ingot_evaluated)e, kernel->features,
                                                       kernel->roofline_ns, kernel->spec, run->cold, NULL));
        }
    }
}

/* ---- Metrics ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct ranked {
    double value;
    int32_t index;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    return compare_doubles(&((const ranked *)a)->value, &((const ranked *)b)->value);
}

/* Mean ranks of equal values. */
static void rank(int32_t n, ranked *order, double *out)
{
    qsort(order, (size_t)n, sizeof *order, compare_ranked);
    for (int32_t i = 0; i < n;) {
        int32_t j = i;
        while (j < n && order[j].value <= order[i].value)
            j++;
        for (int32_t k = i; k < j; k++)
            out[order[k].index] = (i + j - 1) / 2.0;
        i = j;
    }
}

static double spearman(const ingot_dataset *d, const double *predicted)
{
    int32_t n = 0;
    ranked *order = malloc((size_t)d->n * sizeof *order);
    double *a = malloc((size_t)d->n * sizeof *a), *b = malloc((size_t)d->n * sizeof *b), result = NAN;
    if (order && a && b) {
        double sum = 0;
        for (int32_t i = 0; i < d->n; i++)
            if (!isnan(predicted[i])) {
                order[n] = (ranked){predicted[i], n};
                n++;
            }
        rank(n, order, a);
        n = 0;
        for (int32_t i = 0; i < d->n; i++)
            if (!isnan(predicted[i])) {
                order[n] = (ranked){d->rows[i].ns, n};
                n++;
            }
        rank(n, order, b);
        double mean = (n - 1) / 2.0, xx = 0, yy = 0;
        for (int32_t i = 0; i < n; i++) {
            sum += (a[i] - mean) * (b[i] - mean);
            xx += (a[i] - mean) * (a[i] - mean);
            yy += (b[i] - mean) * (b[i] - mean);
        }
        result = xx > 0 && yy > 0 ? sum / sqrt(xx * yy) : NAN;
    }
    free(order);
    free(a);
    free(b);
    return result;
}

/* Rows in the order of their problems, hot before cold. */
typedef struct group_key {
    int32_t problem, row;
    bool cold;
} group_key;

static int compare_keys(const void *a, const void *b)
{
    const group_key *x = a, *y = b;
    if (x->problem != y->problem)
        return x->problem < y->problem ? -1 : 1;
    if (x->cold != y->cold)
        return x->cold ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

typedef struct group_sums {
    double kendall, regret_1, regret_5;
    int32_t n_kendall, n;
} group_sums;

/* One problem's candidates: what would be chosen, and the order of pairs. */
static void add_group(const ingot_dataset *d, const double *predicted, const group_key *keys, int32_t n,
                      group_sums *sums)
{
    if (n < 2)
        return;
    double concordant = 0, pairs = 0, best = INFINITY;
    int32_t top[5], n_top = 0, best_row = keys[0].row;
    for (int32_t i = 0; i < n; i++) {
        const ingot_data_row *a = &d->rows[keys[i].row];
        if (isnan(predicted[keys[i].row]))
            return;
        if (a->halves[0] < best) {
            best = a->halves[0];
            best_row = keys[i].row;
        }
        int32_t at = n_top < 5 ? n_top++ : 5;
        for (; at > 0 && predicted[keys[i].row] < predicted[top[at - 1]]; at--)
            if (at < 5)
                top[at] = top[at - 1];
        if (at < 5)
            top[at] = keys[i].row;
        for (int32_t j = 0; j < i; j++) {
            const ingot_data_row *b = &d->rows[keys[j].row];
            double measured = a->ns / b->ns - 1, guess = predicted[keys[i].row] - predicted[keys[j].row];
            if (fabs(measured) < 0.02)
                continue; /* within what a timing can tell */
            pairs++;
            concordant += guess == 0 ? 0.5 : (measured > 0) == (guess > 0);
        }
    }
    double best_ns = d->rows[best_row].halves[1], five = INFINITY;
    for (int32_t i = 0; i < n_top; i++)
        five = d->rows[top[i]].halves[1] < five ? d->rows[top[i]].halves[1] : five;
    double chosen = d->rows[top[0]].halves[1];
    sums->regret_1 += chosen > best_ns ? chosen / best_ns - 1 : 0;
    sums->regret_5 += five > best_ns ? five / best_ns - 1 : 0;
    sums->n++;
    if (pairs > 0) {
        sums->kendall += 2 * concordant / pairs - 1;
        sums->n_kendall++;
    }
}

static ingot_status group_metrics(const ingot_dataset *d, const double *predicted, ingot_metrics *m)
{
    group_key *keys = malloc((size_t)d->n * sizeof *keys);
    group_sums sums = {0};
    if (!keys)
        return ingot_status_no_memory();
    for (int32_t i = 0; i < d->n; i++)
        keys[i] = (group_key){d->rows[i].problem, i, d->rows[i].cold};
    qsort(keys, (size_t)d->n, sizeof *keys, compare_keys);
    for (int32_t i = 0; i < d->n;) {
        int32_t j = i;
        while (j < d->n && keys[j].problem == keys[i].problem && keys[j].cold == keys[i].cold)
            j++;
        add_group(d, predicted, keys + i, j - i, &sums);
        i = j;
    }
    free(keys);
    m->kendall = sums.n_kendall ? sums.kendall / sums.n_kendall : NAN;
    m->regret_1 = sums.n ? sums.regret_1 / sums.n : NAN;
    m->regret_5 = sums.n ? sums.regret_5 / sums.n : NAN;
    return NULL;
}

static bool is_predicted(const ingot_data_run *run, double ns)
{
    return !isnan(ns) && ns > run->other_ns;
}

/* Median of measured/predicted over the runs, without those of a model (-1: with all); 1 when there are none. */
static double context_of(const ingot_dataset *d, const double *predicted, int32_t without, double *ratios)
{
    int32_t n = 0;
    for (int32_t r = 0; r < d->n_runs; r++)
        if (d->runs[r].model != without && is_predicted(&d->runs[r], predicted[r]))
            ratios[n++] = d->runs[r].ns / predicted[r];
    qsort(ratios, (size_t)n, sizeof *ratios, compare_doubles);
    return n ? ratios[n / 2] : 1;
}

static ingot_status measure_models(const predictions *p, int e, ingot_metrics *m)
{
    const ingot_dataset *d = p->data;
    double errors = 0, n = 0, in_10 = 0, in_20 = 0, *ratios = malloc(((size_t)d->n_runs + 1) * sizeof *ratios);
    if (!ratios)
        return ingot_status_no_memory();
    m->context = context_of(d, p->models[e], -1, ratios);
    for (int32_t r = 0; r < d->n_runs; r++) {
        double ns = p->models[e][r];
        if (is_predicted(&d->runs[r], ns)) {
            ns *= context_of(d, p->models[e], d->runs[r].model, ratios);
            double error = fabs(ns / d->runs[r].ns - 1);
            errors += error;
            in_10 += error <= 0.1;
            in_20 += error <= 0.2;
            n++;
        }
        if (e == INGOT_EVAL_LEARNED && p->model_ns)
            p->model_ns[r] = ns;
    }
    free(ratios);
    m->model_mape = n > 0 ? errors / n : NAN;
    m->model_within_10 = n > 0 ? in_10 / n : NAN;
    m->model_within_20 = n > 0 ? in_20 / n : NAN;
    return NULL;
}

static ingot_status measure_one(const predictions *p, int e, ingot_metrics *m)
{
    const ingot_dataset *d = p->data;
    const double *predicted = p->rows[e];
    double errors = 0, logs = 0, n = 0, in_10 = 0, in_20 = 0;
    for (int32_t i = 0; i < d->n; i++) {
        if (isnan(predicted[i]))
            continue;
        double error = fabs(predicted[i] / d->rows[i].ns - 1);
        errors += error;
        logs += log(predicted[i] / d->rows[i].ns);
        in_10 += error <= 0.1;
        in_20 += error <= 0.2;
        n++;
    }
    m->mape = n > 0 ? errors / n : NAN;
    m->ratio = n > 0 ? exp(logs / n) : NAN;
    m->within_10 = n > 0 ? in_10 / n : NAN;
    m->within_20 = n > 0 ? in_20 / n : NAN;
    m->spearman = spearman(d, predicted);
    m->microseconds = p->count[e] ? p->seconds[e] * 1e6 / (double)p->count[e] : NAN;
    INGOT_TRY(measure_models(p, e, m));
    return group_metrics(d, predicted, m);
}

/* ---- Both ---- */

static ingot_status create(const ingot_dataset *d, predictions *p)
{
    memset(p, 0, sizeof *p);
    p->data = d;
    INGOT_TRY(ingot_dataset_target(d, &p->target));
    for (int e = 0; e < INGOT_EVALUATED; e++) {
        p->rows[e] = malloc((size_t)d->n * sizeof **p->rows);
        p->models[e] = malloc(((size_t)d->n_runs + 1) * sizeof **p->models);
        if (!p->rows[e] || !p->models[e])
            return ingot_status_no_memory();
        for (int32_t i = 0; i < d->n; i++)
            p->rows[e][i] = NAN;
        for (int32_t r = 0; r < d->n_runs; r++)
            p->models[e][r] = d->runs[r].other_ns;
    }
    return NULL;
}

static void destroy(predictions *p)
{
    for (int e = 0; e < INGOT_EVALUATED; e++) {
        free(p->rows[e]);
        free(p->models[e]);
    }
}

static ingot_status finish(const predictions *p, double *predicted, ingot_metrics *out)
{
    for (int e = 0; e < INGOT_EVALUATED; e++)
        INGOT_TRY(measure_one(p, e, &out[e]));
    if (predicted)
        memcpy(predicted, p->rows[INGOT_EVAL_LEARNED], (size_t)p->data->n * sizeof *predicted);
    return NULL;
}

static ingot_status evaluate_fold(predictions *p, ingot_split split, int32_t fold, uint64_t seed,
                                  const ingot_train_options *options, uint8_t *uses, bool *tested)
{
    ingot_knowledge k;
    INGOT_TRY(ingot_split_rows(p->data, split, fold, seed, uses, tested));
    int32_t n_train = 0, n_test = 0;
    for (int32_t i = 0; i < p->data->n; i++) {
        n_train += uses[i] == INGOT_ROW_TRAIN;
        n_test += uses[i] == INGOT_ROW_TEST;
    }
    if (n_test == 0 || n_train < 20)
        return NULL;
    simple_fit fit = fit_simple(p->data, uses);
    ingot_train_options o = *options;
    o.seed = seed;
    ingot_status status = ingot_train(p->data, uses, &o, &k);
    if (status && ingot_status_code(status) == INGOT_BAD_USAGE) { /* too few: nothing is predicted */
        ingot_status_free(status);
        return NULL;
    }
    INGOT_TRY(status);
    predict_rows(p, &k, &fit, uses);
    if (split != INGOT_SPLIT_FAMILY)
        predict_models(p, &k, &fit, split, fold, seed, tested);
    ingot_knowledge_release(&k);
    return NULL;
}

ingot_status ingot_evaluate(const ingot_dataset *data, ingot_split split, uint64_t seed,
                            const ingot_train_options *options, double *predicted, double *model_ns, ingot_metrics *out)
{
    predictions p;
    uint8_t *uses = malloc((size_t)data->n + 1);
    bool *tested = calloc((size_t)data->n_runs + 1, sizeof *tested);
    ingot_status status = create(data, &p);
    if (!status && (!uses || !tested))
        status = ingot_status_no_memory();
    p.model_ns = model_ns;
    for (int32_t fold = 0; fold < ingot_split_folds(split) && !status; fold++)
        status = evaluate_fold(&p, split, fold, seed, options, uses, tested);
    if (!status)
        status = finish(&p, predicted, out);
    destroy(&p);
    free(uses);
    free(tested);
    return status;
}

ingot_status ingot_evaluate_knowledge(const ingot_dataset *data, const ingot_knowledge *knowledge, ingot_metrics *out)
{
    predictions p;
    bool *tested = calloc((size_t)data->n_runs + 1, sizeof *tested);
    ingot_status status = create(data, &p);
    if (!status && !tested)
        status = ingot_status_no_memory();
    if (!status) {
        simple_fit fit = fit_simple(data, NULL);
        predict_rows(&p, knowledge, &fit, NULL);
        predict_models(&p, knowledge, &fit, INGOT_SPLIT_SHAPE, -1, 0, tested);
        status = finish(&p, NULL, out);
    }
    destroy(&p);
    free(tested);
    return status;
}
