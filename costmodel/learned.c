/* Cost models over features: predictions from arrays. */
#include "costmodel/learned.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Trees go down side by side, without a branch on what a comparison says: their steps wait for memory, and branches
 * would be guessed wrong half of the time. */
double ingot_forest_predict(const ingot_forest *f, const double *features)
{
    enum { SIDE_BY_SIDE = 8 };
    float x[INGOT_FEATURE_COUNT];
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
        x[i] = (float)features[i];
    double sum = f->base;
    for (int32_t t = 0; t < f->n_trees; t += SIDE_BY_SIDE) {
        const ingot_tree_node *root[SIDE_BY_SIDE];
        int32_t at[SIDE_BY_SIDE] = {0}, n = f->n_trees - t < SIDE_BY_SIDE ? f->n_trees - t : SIDE_BY_SIDE, inside = 1;
        for (int32_t i = 0; i < SIDE_BY_SIDE; i++)
            root[i] = f->nodes + f->roots[i < n ? t + i : t];
        while (inside) {
            inside = 0;
            for (int32_t i = 0; i < SIDE_BY_SIDE; i++) {
                const ingot_tree_node *node = root[i] + at[i];
                int32_t left = node->left, next = left + !(x[node->feature] < node->threshold);
                at[i] = left ? next : at[i];
                inside |= left;
            }
        }
        for (int32_t i = 0; i < n; i++)
            sum += (double)root[i][at[i]].threshold;
    }
    return sum;
}

double ingot_time_at(double roofline_ns, double log_utilisation)
{
    double most = INGOT_MOST_UTILISATION, least = INGOT_LEAST_UTILISATION;
    return roofline_ns / exp2(log_utilisation > most ? most : log_utilisation < least ? least : log_utilisation);
}

bool ingot_knowledge_has_family(const ingot_knowledge *k, ingot_family family)
{
    return (k->families >> (int)family & 1) != 0;
}

double ingot_knowledge_predict_ns(const ingot_knowledge *k, const ingot_cost_query *query, const double *features,
                                  double roofline_ns)
{
    if (ingot_knowledge_has_family(k, query->spec->family))
        return ingot_time_at(roofline_ns, ingot_forest_predict(&k->forest, features));
    ingot_spec own = *query->spec;
    ingot_cost_query q = *query;
    double f[INGOT_FEATURE_COUNT];
    if (own.family != INGOT_FAMILY_winograd) /* which has no decisions of the emitter's */
        memset(own.decisions, 0, sizeof own.decisions);
    q.spec = &own;
    ingot_features_compute(&q, f);
    double guess = ingot_cost_predict(&ingot_cost_roofline, &q).ns;
    return cbrt(guess * guess * ingot_time_at(roofline_ns, ingot_forest_predict(&k->forest, f)));
}

double ingot_linear_predict(const double *weights, const double *features)
{
    double sum = weights[INGOT_FEATURE_COUNT];
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
        sum += weights[i] * features[i];
    int family = (int)features[INGOT_FEATURE_family];
    return sum + weights[INGOT_FEATURE_COUNT + 1 + (family < INGOT_FAMILIES_MOST ? family : 0)];
}

/* The four nearest of the same family, weighted by the inverse of their distances. */
double ingot_nearest_predict(const ingot_knowledge *k, const double *features)
{
    enum { NEAREST = 4 };
    float distance[NEAREST], value[NEAREST], x[INGOT_FEATURE_COUNT];
    int n = 0;
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
        x[i] = (float)features[i] * k->scale[i];
    for (int32_t p = 0; p < k->n_nearest; p++) {
        const float *y = k->nearest[p].features;
        float sum = x[INGOT_FEATURE_family] == y[INGOT_FEATURE_family] ? 0 : 1e6F;
        for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
            sum += (x[i] - y[i]) * (x[i] - y[i]);
        int at = n < NEAREST ? n++ : NEAREST;
        for (; at > 0 && distance[at - 1] > sum; at--)
            if (at < NEAREST) {
                distance[at] = distance[at - 1];
                value[at] = value[at - 1];
            }
        if (at < NEAREST) {
            distance[at] = sum;
            value[at] = k->nearest[p].value;
        }
    }
    double weights = 0, sum = 0;
    for (int i = 0; i < n; i++) {
        double w = 1 / (1e-3 + sqrt((double)distance[i]));
        weights += w;
        sum += w * (double)value[i];
    }
    return n ? sum / weights : -2;
}

/* ---- Words of MLIR ---- */

static uint32_t hash_word(const char *word, size_t size)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (uint8_t)word[i]) * 16777619u;
    return h;
}

/* Numbers count by their magnitude; values (%12) are all alike, or their numbering would be learned. */
static uint32_t token_of(const char *word, size_t size)
{
    if (word[0] == '%')
        return 1;
    if (isdigit((unsigned char)word[0])) {
        double value = strtod(word, NULL);
        return 100 + (uint32_t)(2 * log2(1 + (value < 1e15 ? value : 1e15)));
    }
    return hash_word(word, size) | 0x80000000u;
}

void ingot_tokens_count(const char *mlir, size_t size, float *out)
{
    memset(out, 0, INGOT_TOKEN_BUCKETS * sizeof *out);
    uint32_t last = 0, before = 0;
    for (size_t at = 0; at < size;) {
        size_t begin = at;
        while (at < size && (isalnum((unsigned char)mlir[at]) || strchr("%_.", mlir[at])))
            at++;
        if (at == begin) {
            at++;
            continue;
        }
        uint32_t token = token_of(mlir + begin, at - begin);
        const uint32_t grams[3] = {token * 2654435761u, (token ^ last * 31u) * 2246822519u,
                                   (token ^ last * 31u ^ before * 977u) * 3266489917u};
        for (int i = 0; i < 3; i++)
            out[(grams[i] >> 20) % INGOT_TOKEN_BUCKETS]++;
        before = last;
        last = token;
    }
    for (int i = 0; i < INGOT_TOKEN_BUCKETS; i++)
        out[i] = log1pf(out[i]);
}

double ingot_tokens_predict(const float *weights, const float *counts)
{
    double sum = (double)weights[INGOT_TOKEN_BUCKETS];
    for (int i = 0; i < INGOT_TOKEN_BUCKETS; i++)
        sum += (double)(weights[i] * counts[i]);
    return sum;
}
