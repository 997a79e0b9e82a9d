/* Gradient boosting by XGBoost. The library is opened when a model is trained, so that compiling needs none of it. */
#include "costmodel/train.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

typedef struct library {
    void *handle;
    __typeof__(&XGBGetLastError) last_error;
    __typeof__(&XGDMatrixCreateFromMat) matrix_create;
    __typeof__(&XGDMatrixSetFloatInfo) matrix_set;
    __typeof__(&XGDMatrixFree) matrix_free;
    __typeof__(&XGBoosterCreate) create;
    __typeof__(&XGBoosterSetParam) set;
    __typeof__(&XGBoosterPredict) predict;
    __typeof__(&XGBoosterBoostOneIter) boost;
    __typeof__(&XGBoosterDumpModelEx) dump;
    __typeof__(&XGBoosterFree) release;
} library;

static ingot_status open_library(library *l)
{
    static const char *const names[] = {"libxgboost.so.0", "libxgboost.so"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !l->handle; i++)
        l->handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!l->handle)
        return ingot_fail(INGOT_UNSUPPORTED,
                          "training needs XGBoost, which is not installed: on Debian, the package "
                          "libxgboost0 (%s)",
                          dlerror());
    const struct {
        const char *name;
        void *to;
    } symbols[] = {{"XGBGetLastError", &l->last_error},       {"XGDMatrixCreateFromMat", &l->matrix_create},
                   {"XGDMatrixSetFloatInfo", &l->matrix_set}, {"XGDMatrixFree", &l->matrix_free},
                   {"XGBoosterCreate", &l->create},           {"XGBoosterSetParam", &l->set},
                   {"XGBoosterPredict", &l->predict},         {"XGBoosterBoostOneIter", &l->boost},
                   {"XGBoosterDumpModelEx", &l->dump},        {"XGBoosterFree", &l->release}};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *address = dlsym(l->handle, symbols[i].name);
        if (!address)
            return ingot_fail(INGOT_UNSUPPORTED, "XGBoost here has no %s", symbols[i].name);
        memcpy(symbols[i].to, &address, sizeof address);
    }
    return NULL;
}

static ingot_status failed(const library *l, const char *what)
{
    return ingot_fail(INGOT_INTERNAL, "XGBoost, %s: %s", what, l->last_error());
}

/* ---- Its text to nodes ---- */

typedef struct dumped_node {
    int32_t feature, yes, no; /* feature -1: a leaf */
    float value;
} dumped_node;

/* "3:[f12<0.5] yes=7,no=8,missing=7" or "7:leaf=0.25", one a line, indented. */
static bool read_line(const char *line, int32_t *id, dumped_node *node)
{
    line += strspn(line, "\t ");
    double value;
    if (sscanf(line, "%d:leaf=%lf", id, &value) == 2) {
        *node = (dumped_node){.feature = -1, .value = (float)value};
        return true;
    }
    if (sscanf(line, "%d:[f%d<%lf] yes=%d,no=%d", id, &node->feature, &value, &node->yes, &node->no) != 5)
        return false;
    node->value = (float)value;
    return true;
}

/* Breadth first: children side by side, after their parent. */
static ingot_status add_tree(const char *text, ingot_tree_node *nodes, int32_t room, int32_t *out_n)
{
    enum { MOST = 4096 };
    dumped_node *dumped = calloc(MOST, sizeof *dumped);
    int32_t *queue = calloc(MOST, sizeof *queue), n = 1;
    ingot_status status = dumped && queue ? NULL : ingot_status_no_memory();
    for (const char *at = text; !status && at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        int32_t id;
        dumped_node node;
        if (!at[strspn(at, "\t \n")])
            break;
        if (!read_line(at, &id, &node) || id < 0 || id >= MOST || node.feature >= INGOT_FEATURE_COUNT ||
            (node.feature >= 0 && (node.yes <= 0 || node.no <= 0 || node.yes >= MOST || node.no >= MOST)))
            status = ingot_fail(INGOT_INTERNAL, "XGBoost's text of a tree: '%.60s'", at);
        else
            dumped[id] = node;
    }
    for (int32_t i = 0; i < n && !status; i++) {
        const dumped_node *node = &dumped[queue[i]];
        if (i >= room || n + 2 > MOST) {
            status = ingot_fail(INGOT_LIMIT, "a tree with more than %d nodes", room < MOST ? room : MOST);
        } else if (node->feature < 0) {
            nodes[i] = (ingot_tree_node){.threshold = node->value};
        } else {
            nodes[i] = (ingot_tree_node){node->value, (uint16_t)node->feature, (uint16_t)n};
            queue[n++] = node->yes;
            queue[n++] = node->no;
        }
    }
    free(dumped);
    free(queue);
    *out_n = n;
    return status;
}

static ingot_status take_forest(const library *l, BoosterHandle booster, double base, int32_t depth, ingot_arena *arena,
                                ingot_forest *out)
{
    bst_ulong n = 0;
    const char **texts = NULL;
    if (l->dump(booster, "", 0, "text", &n, &texts))
        return failed(l, "reading the trees");
    int32_t room = (int32_t)n * (2 << depth), at = 0, *roots;
    ingot_tree_node *nodes;
    INGOT_TRY(ingot_arena_array(arena, (size_t)n + 1, sizeof *roots, (void **)&roots));
    INGOT_TRY(ingot_arena_array(arena, (size_t)room + 1, sizeof *nodes, (void **)&nodes));
    for (bst_ulong t = 0; t < n; t++) {
        int32_t count;
        roots[t] = at;
        INGOT_TRY(add_tree(texts[t], nodes + at, room - at, &count));
        at += count;
    }
    *out = (ingot_forest){.n_trees = (int32_t)n, .n_nodes = at, .base = base, .roots = roots, .nodes = nodes};
    return NULL;
}

/* ---- Training ---- */

typedef struct setting {
    const char *name;
    char value[1024];
} setting;

/* One tree more, on the errors of those before. Small errors count by their squares, large ones by their size (weights
 * of iterated least squares for sqrt(1 + (error / KNEE)^2), Charbonnier's loss): a label that was disturbed pulls no
 * more than another. */
static ingot_status add_round(const library *l, DMatrixHandle matrix, BoosterHandle booster, int32_t n,
                              const float *labels, float *gradients, float *weights)
{
    const double knee = 0.1; /* log2 of a time: 7 % */
    bst_ulong count = 0;
    const float *predicted = NULL;
    if (l->predict(booster, matrix, 1, 0, 1, &count, &predicted) || count != (bst_ulong)n)
        return failed(l, "predicting");
    for (int32_t i = 0; i < n; i++) {
        double error = (double)predicted[i] - (double)labels[i];
        weights[i] = (float)(1 / sqrt(1 + error / knee * (error / knee)));
        gradients[i] = (float)error * weights[i];
    }
    return l->boost(booster, matrix, gradients, weights, (bst_ulong)n) ? failed(l, "training") : NULL;
}

static ingot_status boost(const library *l, DMatrixHandle matrix, BoosterHandle booster, double base, int32_t n,
                          const float *labels, const ingot_train_options *o, ingot_arena *arena, ingot_forest *out)
{
    setting s[12] = {{"objective", "reg:squarederror"},
                     {"tree_method", "hist"},
                     {"max_bin", "256"},
                     {"subsample", "0.8"},
                     {"colsample_bytree", "0.7"},
                     {"lambda", "1.0"},
                     {"verbosity", "0"},
                     {"max_depth", ""},
                     {"eta", ""},
                     {"seed", ""},
                     {"base_score", ""},
                     {"nthread", ""}};
    snprintf(s[7].value, sizeof s[7].value, "%d", o->depth);
    snprintf(s[8].value, sizeof s[8].value, "%g", o->rate);
    snprintf(s[9].value, sizeof s[9].value, "%llu", (unsigned long long)(o->seed % 1000000));
    snprintf(s[10].value, sizeof s[10].value, "%.9g", base);
    snprintf(s[11].value, sizeof s[11].value, "%d", o->threads > 0 ? o->threads : 1);
    for (int i = 0; i < 12; i++)
        if (l->set(booster, s[i].name, s[i].value))
            return failed(l, s[i].name);
    if (o->monotone) {
        setting m = {"monotone_constraints", "("};
        for (int i = 0; i < INGOT_FEATURE_COUNT; i++) {
            bool up = i == INGOT_FEATURE_row_fill || i == INGOT_FEATURE_column_fill || i == INGOT_FEATURE_lane_fill;
            strcat(m.value, i ? (up ? ",1" : ",0") : up ? "1" : "0");
        }
        strcat(m.value, ")");
        if (l->set(booster, m.name, m.value))
            return failed(l, m.name);
    }
    float *gradients = malloc(((size_t)n + 1) * sizeof *gradients),
          *weights = malloc(((size_t)n + 1) * sizeof *weights);
    ingot_status status = gradients && weights ? NULL : ingot_status_no_memory();
    for (int32_t i = 0; i < o->trees && !status; i++)
        status = add_round(l, matrix, booster, n, labels, gradients, weights);
    free(gradients);
    free(weights);
    INGOT_TRY(status);
    return take_forest(l, booster, base, o->depth, arena, out);
}

ingot_status ingot_xgboost_train(int32_t n, const float *features, const float *labels,
                                 const ingot_train_options *options, ingot_arena *arena, ingot_forest *out)
{
    library l = {0};
    INGOT_TRY(open_library(&l));
    double base = 0;
    for (int32_t i = 0; i < n; i++)
        base += (double)labels[i] / n;
    DMatrixHandle matrix = NULL;
    BoosterHandle booster = NULL;
    ingot_status status = NULL;
    if (l.matrix_create(features, (bst_ulong)n, INGOT_FEATURE_COUNT, NAN, &matrix) ||
        l.matrix_set(matrix, "label", labels, (bst_ulong)n) || l.create(&matrix, 1, &booster))
        status = failed(&l, "preparing the data");
    if (!status)
        status = boost(&l, matrix, booster, base, n, labels, options, arena, out);
    if (booster)
        l.release(booster);
    if (matrix)
        l.matrix_free(matrix);
    return status; /* the library stays: its threads may still live */
}
