/* Knowledge as text: a line per tree node, per weight, per point. Every number is checked: a file may come from
 * anywhere. */
#include "costmodel/learned.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TREES 4096
#define MOST_NODES (1 << 20)

/* ---- Writing ---- */

static void write_doubles(ingot_text *out, const char *name, int32_t n, const double *values)
{
    if (!values)
        return;
    ingot_text_append(out, "%s %d\n", name, n);
    for (int32_t i = 0; i < n; i++)
        ingot_text_append(out, "%.9g\n", values[i]);
}

static void write_forest(ingot_text *out, const ingot_forest *f)
{
    if (f->n_trees == 0)
        return;
    ingot_text_append(out, "forest %d %d %.9g\n", f->n_trees, f->n_nodes, f->base);
    for (int32_t t = 0; t < f->n_trees; t++) {
        int32_t end = t + 1 < f->n_trees ? f->roots[t + 1] : f->n_nodes;
        ingot_text_append(out, "tree %d\n", end - f->roots[t]);
        for (int32_t i = f->roots[t]; i < end; i++) {
            const ingot_tree_node *node = &f->nodes[i];
            if (node->left)
                ingot_text_append(out, "%d %d %.9g\n", node->feature, node->left, (double)node->threshold);
            else
                ingot_text_append(out, "%.6g\n", (double)node->threshold);
        }
    }
}

ingot_status ingot_knowledge_write(const ingot_knowledge *k, ingot_text *out)
{
    char machine[INGOT_MACHINE_TEXT];
    ingot_machine_print(&k->machine, machine);
    ingot_text_append(out, "ingot cost model 1\ntarget %s\nmachine %s\nfeatures %d", k->target, machine,
                      INGOT_FEATURE_COUNT);
    for (int32_t i = 0; i < INGOT_FEATURE_COUNT; i++)
        ingot_text_append(out, " %s", ingot_feature_table()[i].name);
    ingot_text_append(out, "\n");
    ingot_text_append(out, "families %u\ncontext %.4g\n", k->families, k->context);
    write_doubles(out, "sigma", INGOT_FAMILIES_MOST, k->sigma);
    write_forest(out, &k->forest);
    write_doubles(out, "linear", INGOT_LINEAR_WEIGHTS, k->linear);
    write_doubles(out, "code_bytes", INGOT_LINEAR_WEIGHTS, k->code_bytes);
    if (k->tokens) {
        int32_t n = 0;
        for (int32_t i = 0; i < INGOT_TOKEN_BUCKETS + 1; i++)
            n += k->tokens[i] != 0;
        ingot_text_append(out, "tokens %d\n", n);
        for (int32_t i = 0; i < INGOT_TOKEN_BUCKETS + 1; i++)
            if (k->tokens[i] != 0)
                ingot_text_append(out, "%d %.5g\n", i, (double)k->tokens[i]);
    }
    if (k->n_nearest) {
        ingot_text_append(out, "nearest %d\n", k->n_nearest);
        for (int32_t f = 0; f < INGOT_FEATURE_COUNT; f++)
            ingot_text_append(out, "%.6g%s", (double)k->scale[f], f + 1 < INGOT_FEATURE_COUNT ? " " : "\n");
        for (int32_t i = 0; i < k->n_nearest; i++) {
            for (int32_t f = 0; f < INGOT_FEATURE_COUNT; f++)
                ingot_text_append(out, "%.3g ", (double)k->nearest[i].features[f]);
            ingot_text_append(out, "%.4g\n", (double)k->nearest[i].value);
        }
    }
    ingot_text_append(out, "end\n");
    return out->failed ? ingot_status_no_memory() : NULL;
}

/* ---- Reading ---- */

typedef struct reader {
    char *at; /* a copy, terminated */
    int32_t line;
    ingot_arena *arena;
} reader;

static ingot_status bad(const reader *r, const char *expected)
{
    return ingot_fail(INGOT_BAD_USAGE, "cost model, line %d: expected %s, found '%.24s'", r->line, expected,
                      *r->at ? r->at : "the end");
}

static char *take_line(reader *r)
{
    char *line = r->at, *end = strchr(line, '\n');
    if (end)
        *end++ = 0;
    else
        end = line + strlen(line);
    r->at = end;
    r->line++;
    return line;
}

static ingot_status take_number(reader *r, char **at, double *out)
{
    char *end;
    *out = strtod(*at, &end);
    if (end == *at || !isfinite(*out))
        return bad(r, "a number");
    *at = end;
    return NULL;
}

static ingot_status take_count(reader *r, char **at, int64_t most, int32_t *out)
{
    double value;
    INGOT_TRY(take_number(r, at, &value));
    if (value < 0 || value > (double)most || value != floor(value))
        return bad(r, "a count that is not too large");
    *out = (int32_t)value;
    return NULL;
}

static ingot_status read_doubles(reader *r, char *rest, int32_t n, const double **out)
{
    int32_t given;
    double *values;
    INGOT_TRY(take_count(r, &rest, n, &given));
    if (given != n)
        return bad(r, "as many weights as this version has");
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)n, sizeof *values, (void **)&values));
    for (int32_t i = 0; i < n; i++) {
        char *line = take_line(r);
        INGOT_TRY(take_number(r, &line, &values[i]));
    }
    *out = values;
    return NULL;
}

/* Children come after their parents, so that every walk ends. */
static ingot_status read_tree(reader *r, int32_t n, ingot_tree_node *nodes)
{
    for (int32_t i = 0; i < n; i++) {
        char *line = take_line(r);
        double first, threshold;
        int32_t left;
        INGOT_TRY(take_number(r, &line, &first));
        if (line[strspn(line, " ")] == 0) {
            nodes[i] = (ingot_tree_node){.threshold = (float)first};
            continue;
        }
        INGOT_TRY(take_count(r, &line, UINT16_MAX, &left));
        INGOT_TRY(take_number(r, &line, &threshold));
        if (first < 0 || first >= INGOT_FEATURE_COUNT || first != floor(first) || left <= i || left + 1 >= n)
            return bad(r, "a feature and children that follow");
        nodes[i] = (ingot_tree_node){(float)threshold, (uint16_t)first, (uint16_t)left};
    }
    return NULL;
}

static ingot_status read_forest(reader *r, char *rest, ingot_forest *out)
{
    int32_t *roots, n_trees, n_nodes, at = 0;
    ingot_tree_node *nodes;
    INGOT_TRY(take_count(r, &rest, MOST_TREES, &n_trees));
    INGOT_TRY(take_count(r, &rest, MOST_NODES, &n_nodes));
    INGOT_TRY(take_number(r, &rest, &out->base));
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)n_trees + 1, sizeof *roots, (void **)&roots));
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)n_nodes + 1, sizeof *nodes, (void **)&nodes));
    for (int32_t t = 0; t < n_trees; t++) {
        char *line = take_line(r);
        int32_t n;
        if (strncmp(line, "tree ", 5))
            return bad(r, "'tree'");
        line += 5;
        INGOT_TRY(take_count(r, &line, n_nodes - at, &n));
        if (n < 1)
            return bad(r, "a tree that is not empty");
        roots[t] = at;
        INGOT_TRY(read_tree(r, n, nodes + at));
        at += n;
    }
    if (at != n_nodes)
        return bad(r, "as many nodes as announced");
    out->n_trees = n_trees;
    out->n_nodes = n_nodes;
    out->roots = roots;
    out->nodes = nodes;
    return NULL;
}

static ingot_status read_tokens(reader *r, char *rest, ingot_knowledge *k)
{
    int32_t n, index;
    float *weights;
    INGOT_TRY(take_count(r, &rest, INGOT_TOKEN_BUCKETS + 1, &n));
    INGOT_TRY(ingot_arena_array(r->arena, INGOT_TOKEN_BUCKETS + 1, sizeof *weights, (void **)&weights));
    memset(weights, 0, (INGOT_TOKEN_BUCKETS + 1) * sizeof *weights);
    for (int32_t i = 0; i < n; i++) {
        char *line = take_line(r);
        double value;
        INGOT_TRY(take_count(r, &line, INGOT_TOKEN_BUCKETS, &index));
        INGOT_TRY(take_number(r, &line, &value));
        weights[index] = (float)value;
    }
    k->tokens = weights;
    return NULL;
}

static ingot_status read_floats(reader *r, int32_t n, float *out)
{
    char *line = take_line(r);
    for (int32_t i = 0; i < n; i++) {
        double value;
        INGOT_TRY(take_number(r, &line, &value));
        out[i] = (float)value;
    }
    return NULL;
}

static ingot_status read_nearest(reader *r, char *rest, ingot_knowledge *k)
{
    ingot_nearest_point *points;
    float *scale;
    INGOT_TRY(take_count(r, &rest, INGOT_NEAREST_MOST, &k->n_nearest));
    INGOT_TRY(ingot_arena_array(r->arena, INGOT_FEATURE_COUNT, sizeof *scale, (void **)&scale));
    INGOT_TRY(ingot_arena_array(r->arena, (size_t)k->n_nearest + 1, sizeof *points, (void **)&points));
    INGOT_TRY(read_floats(r, INGOT_FEATURE_COUNT, scale));
    for (int32_t i = 0; i < k->n_nearest; i++) /* the value follows the features in memory and in the text */
        INGOT_TRY(read_floats(r, INGOT_FEATURE_COUNT + 1, points[i].features));
    k->scale = scale;
    k->nearest = points;
    return NULL;
}

/* The same features in the same order, or the numbers of nodes would mean something else. */
static ingot_status check_features(reader *r, char *rest)
{
    int32_t n;
    INGOT_TRY(take_count(r, &rest, 10000, &n));
    for (int32_t i = 0; i < INGOT_FEATURE_COUNT; i++) {
        const char *name = ingot_feature_table()[i].name;
        rest += strspn(rest, " ");
        if (strncmp(rest, name, strlen(name)) || (rest[strlen(name)] != ' ' && rest[strlen(name)] != 0))
            return ingot_fail(
                INGOT_BAD_USAGE,
                "cost model, line %d: feature %d is not '%s': it was trained by another version of Ingot; "
                "train it again with `ingot costmodel train`",
                r->line, i, name);
        rest += strlen(name);
    }
    return n == INGOT_FEATURE_COUNT ? NULL : bad(r, "the features of this version");
}

static ingot_status read_section(reader *r, char *line, ingot_knowledge *k)
{
    char *rest = strchr(line, ' ');
    if (!rest)
        return bad(r, "a section and its size");
    *rest++ = 0;
    if (!strcmp(line, "target")) {
        snprintf(k->target, sizeof k->target, "%s", rest);
        return NULL;
    }
    if (!strcmp(line, "machine")) {
        ingot_machine_parse(rest, &k->machine);
        return NULL;
    }
    if (!strcmp(line, "features"))
        return check_features(r, rest);
    if (!strcmp(line, "families")) {
        k->families = (uint32_t)strtoul(rest, NULL, 10);
        return NULL;
    }
    if (!strcmp(line, "context")) {
        k->context = strtod(rest, NULL);
        return k->context > 0.1 && k->context < 10 ? NULL : bad(r, "a factor");
    }
    if (!strcmp(line, "sigma")) {
        const double *sigma;
        INGOT_TRY(read_doubles(r, rest, INGOT_FAMILIES_MOST, &sigma));
        memcpy(k->sigma, sigma, sizeof k->sigma);
        return NULL;
    }
    if (!strcmp(line, "forest"))
        return read_forest(r, rest, &k->forest);
    if (!strcmp(line, "linear"))
        return read_doubles(r, rest, INGOT_LINEAR_WEIGHTS, &k->linear);
    if (!strcmp(line, "code_bytes"))
        return read_doubles(r, rest, INGOT_LINEAR_WEIGHTS, &k->code_bytes);
    if (!strcmp(line, "tokens"))
        return read_tokens(r, rest, k);
    if (!strcmp(line, "nearest"))
        return read_nearest(r, rest, k);
    return bad(r, "the name of a section");
}

ingot_status ingot_knowledge_read(const char *text, size_t size, ingot_knowledge *out)
{
    memset(out, 0, sizeof *out);
    ingot_arena scratch = {0};
    reader r = {.at = ingot_arena_strndup(&scratch, text, size), .arena = &out->arena};
    ingot_status status = r.at ? NULL : ingot_status_no_memory();
    if (!status && strcmp(take_line(&r), "ingot cost model 1"))
        status = ingot_fail(INGOT_BAD_USAGE, "not a cost model: it does not begin with 'ingot cost model 1'");
    bool ended = false;
    while (!status && !ended) {
        char *line = take_line(&r);
        ended = !strcmp(line, "end");
        if (!ended)
            status = read_section(&r, line, out);
    }
    ingot_arena_release(&scratch);
    if (status)
        ingot_knowledge_release(out);
    return status;
}

void ingot_knowledge_release(ingot_knowledge *k)
{
    ingot_arena_release(&k->arena);
    memset(k, 0, sizeof *k);
}
