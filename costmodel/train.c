/* Training: trees by XGBoost; linear weights by least squares; nearest points by drawing; words by gradient descent. */
#include "costmodel/train.h"
#include "costmodel/neighbour.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct trainer {
    const ingot_dataset *data;
    const ingot_train_options *o;
    int32_t n, *rows; /* those to train on */
    ingot_knowledge *out;
} trainer;

/* A share of the problems, not of the rows: candidates of one task tell the same story. */
static bool is_drawn(const ingot_train_options *o, int32_t problem)
{
    uint64_t seed = o->seed * 77 + (uint64_t)problem * 131071;
    ingot_random_below(&seed, 2);
    return o->share <= 0 || o->share >= 1 || (double)ingot_random_below(&seed, 10000) < o->share * 10000;
}

/* ---- Trees ---- */

static ingot_status train_forest(trainer *t)
{
    float *features = malloc((size_t)t->n * INGOT_FEATURE_COUNT * sizeof *features);
    float *labels = malloc((size_t)t->n * sizeof *labels);
    ingot_status status = features && labels ? NULL : ingot_status_no_memory();
    for (int32_t i = 0; i < t->n && !status; i++) {
        const ingot_data_row *row = &t->data->rows[t->rows[i]];
        for (int f = 0; f < INGOT_FEATURE_COUNT; f++)
            features[(size_t)i * INGOT_FEATURE_COUNT + (size_t)f] = (float)row->features[f];
        labels[i] = (float)row->label;
    }
    if (!status)
        status = ingot_xgboost_train(t->n, features, labels, t->o, &t->out->arena, &t->out->forest);
    free(features);
    free(labels);
    return status;
}

/* ---- Linear weights: (X'X + ridge) w = X'y by Cholesky's decomposition ---- */

#define N_W INGOT_LINEAR_WEIGHTS

static void design(const double *features, double *x)
{
    memset(x, 0, N_W * sizeof *x);
    memcpy(x, features, INGOT_FEATURE_COUNT * sizeof *x);
    x[INGOT_FEATURE_family] = 0; /* a number without an order: the last weights stand for it */
    x[INGOT_FEATURE_COUNT] = 1;
    x[INGOT_FEATURE_COUNT + 1 + (int)features[INGOT_FEATURE_family] % INGOT_FAMILIES_MOST] = 1;
}

static void solve(double *a, double *b)
{
    for (int i = 0; i < N_W; i++)
        for (int j = 0; j <= i; j++) {
            double sum = a[i * N_W + j];
            for (int k = 0; k < j; k++)
                sum -= a[i * N_W + k] * a[j * N_W + k];
            a[i * N_W + j] = i == j ? sqrt(sum > 1e-12 ? sum : 1e-12) : sum / a[j * N_W + j];
        }
    for (int i = 0; i < N_W; i++) {
        for (int k = 0; k < i; k++)
            b[i] -= a[i * N_W + k] * b[k];
        b[i] /= a[i * N_W + i];
    }
    for (int i = N_W - 1; i >= 0; i--) {
        for (int k = i + 1; k < N_W; k++)
            b[i] -= a[k * N_W + i] * b[k];
        b[i] /= a[i * N_W + i];
    }
}

static ingot_status train_linear(trainer *t, double (*label)(const ingot_data_row *row), const double **out)
{
    double *a = calloc((size_t)N_W * N_W, sizeof *a), *b, x[N_W];
    if (!a)
        return ingot_status_no_memory();
    ingot_status status = ingot_arena_array(&t->out->arena, N_W, sizeof *b, (void **)&b);
    if (status) {
        free(a);
        return status;
    }
    memset(b, 0, N_W * sizeof *b);
    for (int32_t i = 0; i < t->n; i++) {
        const ingot_data_row *row = &t->data->rows[t->rows[i]];
        design(row->features, x);
        for (int r = 0; r < N_W; r++) {
            if (x[r] == 0)
                continue;
            b[r] += x[r] * label(row);
            for (int c = 0; c <= r; c++)
                a[r * N_W + c] += x[r] * x[c];
        }
    }
    for (int r = 0; r < N_W; r++)
        a[r * N_W + r] += 1;
    solve(a, b);
    free(a);
    *out = b;
    return NULL;
}

static double utilisation_label(const ingot_data_row *row)
{
    return row->label;
}

static double code_label(const ingot_data_row *row)
{
    return log2(row->code_bytes > 1 ? row->code_bytes : 1);
}

/* ---- Nearest ---- */

static ingot_status train_nearest(trainer *t)
{
    ingot_nearest_point *points;
    float *scale;
    int32_t n = t->n < INGOT_NEAREST_MOST ? t->n : INGOT_NEAREST_MOST;
    INGOT_TRY(ingot_arena_array(&t->out->arena, INGOT_FEATURE_COUNT, sizeof *scale, (void **)&scale));
    INGOT_TRY(ingot_arena_array(&t->out->arena, (size_t)n + 1, sizeof *points, (void **)&points));
    for (int f = 0; f < INGOT_FEATURE_COUNT; f++) {
        double sum = 0, squares = 0;
        for (int32_t i = 0; i < t->n; i++) {
            double x = t->data->rows[t->rows[i]].features[f];
            sum += x;
            squares += x * x;
        }
        double variance = squares / t->n - sum / t->n * (sum / t->n);
        scale[f] = variance > 1e-12 ? (float)(1 / sqrt(variance)) : 0;
    }
    for (int32_t i = 0; i < n; i++) {
        const ingot_data_row *row = &t->data->rows[t->rows[(int64_t)i * t->n / n]];
        for (int f = 0; f < INGOT_FEATURE_COUNT; f++)
            points[i].features[f] = (float)row->features[f] * scale[f];
        points[i].value = (float)row->label;
    }
    t->out->scale = scale;
    t->out->nearest = points;
    t->out->n_nearest = n;
    return NULL;
}

/* ---- Words ---- */

/* Stochastic gradient descent with AdaGrad's rates on log(time), whose size the words have to tell. */
static ingot_status train_tokens(trainer *t)
{
    enum { EPOCHS = 30, N = INGOT_TOKEN_BUCKETS + 1 };
    float *w, *g = calloc(N, sizeof *g);
    uint64_t seed = t->o->seed + 99;
    if (!g)
        return ingot_status_no_memory();
    ingot_status status = ingot_arena_array(&t->out->arena, N, sizeof *w, (void **)&w);
    if (status) {
        free(g);
        return status;
    }
    memset(w, 0, N * sizeof *w);
    for (int32_t i = 0; i < t->n; i++)
        w[N - 1] += (float)(log2(t->data->rows[t->rows[i]].ns) / t->n);
    for (int64_t step = 0; step < (int64_t)EPOCHS * t->n; step++) {
        int32_t row = t->rows[ingot_random_below(&seed, t->n)];
        const uint8_t *x = t->data->tokens + (size_t)row * INGOT_TOKEN_BUCKETS;
        float y = w[N - 1];
        for (int i = 0; i < N - 1; i++)
            y += w[i] * (float)x[i] / 16;
        float error = y - (float)log2(t->data->rows[row].ns);
        error = error > 4 ? 4 : error < -4 ? -4 : error;
        for (int i = 0; i < N; i++) {
            float d = i < N - 1 ? (x[i] ? error * (float)x[i] / 16 + 1e-4F * w[i] : 0) : error;
            if (d == 0)
                continue;
            g[i] += d * d;
            w[i] -= 0.05F * d / (sqrtf(g[i]) + 1e-3F);
        }
    }
    free(g);
    t->out->tokens = w;
    return NULL;
}

/* ---- All ---- */

static ingot_status train(trainer *t)
{
    for (int32_t i = 0; i < t->n; i++)
        t->out->families |= 1u << t->data->rows[t->rows[i]].family;
    INGOT_TRY(train_forest(t));
    if (t->o->forest_only)
        return NULL;
    INGOT_TRY(train_linear(t, utilisation_label, &t->out->linear));
    INGOT_TRY(train_linear(t, code_label, &t->out->code_bytes));
    INGOT_TRY(train_nearest(t));
    return t->data->tokens ? train_tokens(t) : NULL;
}

ingot_status ingot_train(const ingot_dataset *data, const uint8_t *uses, const ingot_train_options *options,
                         ingot_knowledge *out)
{
    memset(out, 0, sizeof *out);
    trainer t = {.data = data, .o = options, .out = out};
    out->machine = data->machine;
    out->context = 1;
    snprintf(out->target, sizeof out->target, "%s", data->target);
    t.rows = malloc((size_t)data->n * sizeof *t.rows);
    if (!t.rows)
        return ingot_status_no_memory();
    for (int32_t i = 0; i < data->n; i++)
        if ((!uses || uses[i] == INGOT_ROW_TRAIN) && is_drawn(options, data->rows[i].problem))
            t.rows[t.n++] = i;
    ingot_status status =
        t.n >= 20
            ? train(&t)
            : ingot_fail(INGOT_BAD_USAGE, "%d measurements are too few to learn from; `ingot measure` makes more", t.n);
    free(t.rows);
    if (status)
        ingot_knowledge_release(out);
    return status;
}
