/* The cost models behind one interface, by name: simple ones, learned ones, and shared libraries. */
#include "costmodel/decisions.h"
#include "costmodel/learned.h"
#include "ingot/costmodel.h"
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- What all answers have in common ---- */

static ingot_cost answer(const ingot_cost_query *q, const ingot_roofline *r, double ns, double uncertainty)
{
    const ingot_target *t = q->target;
    int64_t d[INGOT_SPEC_DECISIONS];
    ingot_cost c = {.ns = ns, .bytes_moved = r->bytes, .uncertainty = uncertainty};
    c.bound_ns = r->compute_ns > r->memory_ns ? r->compute_ns : r->memory_ns;
    int level = r->bytes <= (double)t->l1_bytes   ? 0
                : r->bytes <= (double)t->l2_bytes ? 1
                : r->bytes <= (double)t->l3_bytes ? 2
                                                  : 3;
    for (int i = 0; i <= level; i++)
        c.level_bytes[i] = r->bytes;
    if (q->cold && level < 3)
        c.level_bytes[3] = ingot_spec_count_work(q->spec, q->sizes).bytes_const;
    bool tiled = q->spec->family == INGOT_FAMILY_contract || q->spec->family == INGOT_FAMILY_conv;
    if (tiled) {
        ingot_decisions_fill(q->spec, q->sizes, t, d);
        double vectors = (double)d[1] * 4 / t->vector_bytes, need = (double)d[0] * vectors + vectors + 1;
        c.spills = need > t->vector_regs ? need - t->vector_regs : 0;
    }
    return c;
}

/* ---- constant, flops ---- */

static ingot_cost predict_constant(const ingot_cost_model *self, const ingot_cost_query *q)
{
    (void)self;
    ingot_roofline r = ingot_roofline_of(q);
    return answer(q, &r, 1e5, 10);
}

static ingot_cost predict_flops(const ingot_cost_model *self, const ingot_cost_query *q)
{
    (void)self;
    ingot_roofline r = ingot_roofline_of(q);
    return answer(q, &r, q->target->call_ns + 2 * r.compute_ns, 3);
}

/* ---- Learned ---- */

typedef enum { PART_FOREST, PART_LINEAR, PART_NEAREST, PART_TOKENS } part;

typedef struct learned_state {
    const ingot_knowledge *k;
    ingot_knowledge own; /* of a file */
    ingot_target row;    /* the trained target with the numbers that rooflines were computed with */
    part part;
    char name[32];
    void *library;
    const ingot_costmodel_plugin_info *plugin;
} learned_state;

/* The query for the row that the model was trained on, where the target is that one. */
static ingot_cost_query own_query(const learned_state *s, const ingot_cost_query *q)
{
    ingot_cost_query own = *q;
    if (s->row.name && !strcmp(s->row.name, q->target->name))
        own.target = &s->row;
    return own;
}

static ingot_cost predict_learned(const ingot_cost_model *self, const ingot_cost_query *query)
{
    const learned_state *s = self->state;
    ingot_cost_query q = own_query(s, query);
    double f[INGOT_FEATURE_COUNT], ns;
    ingot_roofline r = ingot_features_compute(&q, f);
    if (s->part == PART_FOREST)
        ns = ingot_knowledge_predict_ns(s->k, &q, f, r.ns);
    else
        ns = ingot_time_at(r.ns, s->part == PART_LINEAR ? ingot_linear_predict(s->k->linear, f)
                                                        : ingot_nearest_predict(s->k, f));
    double sigma = s->k->sigma[q.spec->family % INGOT_FAMILIES_MOST];
    ingot_cost c = answer(&q, &r, ns, exp2(sigma) - 1);
    if (s->k->code_bytes)
        c.code_bytes = exp2(ingot_linear_predict(s->k->code_bytes, f));
    return c;
}

/* Without a source of MLIR (ingot_cost_model.mlir), or for a kernel that has none, the roofline answers. */
static ingot_cost predict_tokens(const ingot_cost_model *self, const ingot_cost_query *query)
{
    const learned_state *s = self->state;
    ingot_cost_query q = own_query(s, query);
    ingot_roofline r = ingot_roofline_of(&q);
    float *counts = malloc(INGOT_TOKEN_BUCKETS * sizeof *counts);
    ingot_text mlir = {0};
    double ns = r.ns;
    ingot_status status = self->mlir ? self->mlir(q.spec, &mlir) : NULL;
    if (!status && counts && mlir.size) {
        ingot_tokens_count(mlir.data, mlir.size, counts);
        ns = exp2(ingot_tokens_predict(s->k->tokens, counts));
    }
    ingot_status_free(status);
    ingot_text_free(&mlir);
    free(counts);
    return answer(&q, &r, ns > r.ns ? ns : r.ns, 1);
}

/* Decisions were learned for vectors of one width and number. */
static bool knows_like(const ingot_cost_model *self, const ingot_target *target)
{
    const learned_state *s = self->state;
    return target->vector_bytes == s->row.vector_bytes && target->vector_regs == s->row.vector_regs;
}

static bool knows_all(const ingot_cost_model *self, const ingot_target *target)
{
    (void)self, (void)target;
    return true;
}

static void destroy_state(ingot_cost_model *self)
{
    learned_state *s = self->state;
    ingot_knowledge_release(&s->own);
    if (s->plugin && s->plugin->close)
        s->plugin->close(s->plugin->state);
    if (s->library)
        dlclose(s->library);
    free(s);
}

static bool has_part(const ingot_knowledge *k, part p)
{
    return p == PART_FOREST    ? k->forest.n_trees > 0
           : p == PART_LINEAR  ? k->linear != NULL
           : p == PART_NEAREST ? k->n_nearest > 0
                               : k->tokens != NULL;
}

static ingot_status set_learned(ingot_cost_model *m, learned_state *s, part p)
{
    static const char *const names[] = {"learned", "linear", "nearest", "tokens"};
    if (!has_part(s->k, p))
        return ingot_fail(INGOT_BAD_USAGE, "this cost model has no part '%s'", names[p]);
    const ingot_target *row;
    if (s->k->target[0]) {
        INGOT_TRY(ingot_target_find(s->k->target, &row));
        s->row = *row;
        ingot_machine_apply(&s->k->machine, &s->row);
    }
    s->part = p;
    m->name = names[p];
    m->predict = p == PART_TOKENS ? predict_tokens : predict_learned;
    m->knows = knows_like;
    m->context = s->k->context;
    return NULL;
}

/* ---- Shared libraries ---- */

static ingot_cost predict_plugin(const ingot_cost_model *self, const ingot_cost_query *q)
{
    const learned_state *s = self->state;
    double f[INGOT_FEATURE_COUNT];
    const char *names[INGOT_FEATURE_COUNT];
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
        names[i] = ingot_feature_table()[i].name;
    ingot_roofline r = ingot_features_compute(q, f);
    ingot_text line = {0};
    ingot_spec_print(q->spec, &line);
    const ingot_plugin_query query = {.struct_size = sizeof query,
                                      .cold = q->cold,
                                      .spec = line.data ? line.data : "",
                                      .target = q->target->name,
                                      .roofline_ns = r.ns,
                                      .flops = ingot_spec_count_work(q->spec, q->sizes).flops,
                                      .bytes = r.bytes,
                                      .n_features = INGOT_FEATURE_COUNT,
                                      .feature_names = names,
                                      .features = f};
    ingot_plugin_cost cost = {.struct_size = sizeof cost};
    s->plugin->predict(s->plugin->state, &query, &cost);
    ingot_text_free(&line);
    bool sane = isfinite(cost.ns) && cost.ns > 0;
    ingot_cost c = answer(q, &r, sane ? cost.ns : r.ns, isfinite(cost.uncertainty) ? cost.uncertainty : 1);
    c.code_bytes = isfinite(cost.code_bytes) ? cost.code_bytes : 0;
    c.spills = isfinite(cost.spills) && cost.spills > c.spills ? cost.spills : c.spills;
    return c;
}

static ingot_status open_plugin(ingot_cost_model *m, learned_state *s, const char *path)
{
    s->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!s->library)
        return ingot_fail(INGOT_IO, "cost model: %s", dlerror());
    __typeof__(&ingot_costmodel_plugin) entry;
    void *address = dlsym(s->library, "ingot_costmodel_plugin");
    if (!address)
        return ingot_fail(INGOT_BAD_USAGE, "%s: exports no ingot_costmodel_plugin; see <ingot/costmodel.h>", path);
    memcpy(&entry, &address, sizeof entry);
    const ingot_costmodel_plugin_info *info = entry();
    if (!info || info->abi != INGOT_COSTMODEL_ABI || info->struct_size < sizeof *info || !info->predict)
        return ingot_fail(INGOT_BAD_USAGE, "%s: %s", path,
                          !info ? "could not be set up"
                                : "was made for another version of <ingot/costmodel.h>, or is not complete");
    s->plugin = info;
    snprintf(s->name, sizeof s->name, "%s", info->name ? info->name : "plug-in");
    m->name = s->name;
    m->predict = predict_plugin;
    m->knows = knows_all;
    return NULL;
}

/* ---- By name ---- */

static ingot_status read_file(const char *path, ingot_knowledge *out)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return ingot_fail(INGOT_IO,
                          "cost model '%s': %s; names are constant, flops, roofline, linear, nearest, tokens, "
                          "learned, measured",
                          path, strerror(errno));
    ingot_text text = {0};
    char piece[65536];
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0 && text.size < (64u << 20);)
        ingot_text_append_bytes(&text, piece, n);
    fclose(f);
    ingot_status status =
        text.failed ? ingot_status_no_memory() : ingot_knowledge_read(text.data ? text.data : "", text.size, out);
    ingot_text_free(&text);
    return status;
}

static bool ends_in_so(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && !strcmp(path + n - 3, ".so");
}

static ingot_status open_named(ingot_cost_model *m, learned_state *s, const char *name)
{
    static const char *const parts[] = {"learned", "linear", "nearest", "tokens"};
    if (!strcmp(name, "roofline") || !strcmp(name, "constant") || !strcmp(name, "flops")) {
        m->name = !strcmp(name, "roofline") ? "roofline" : !strcmp(name, "constant") ? "constant" : "flops";
        m->predict = *name == 'r' ? ingot_cost_roofline.predict : *name == 'c' ? predict_constant : predict_flops;
        return NULL;
    }
    for (int p = 0; p < 4; p++)
        if (!strcmp(name, parts[p])) {
            s->k = ingot_knowledge_built_in();
            return set_learned(m, s, (part)p);
        }
    if (ends_in_so(name))
        return open_plugin(m, s, name);
    INGOT_TRY_NOTE(read_file(name, &s->own), "%s", name);
    s->k = &s->own;
    return set_learned(m, s, PART_FOREST);
}

ingot_status ingot_cost_model_open(const char *name, ingot_cost_model **out)
{
    ingot_cost_model *m = calloc(1, sizeof *m);
    learned_state *s = calloc(1, sizeof *s);
    ingot_status status = m && s ? NULL : ingot_status_no_memory();
    if (!status) {
        *m = (ingot_cost_model){.state = s, .destroy = destroy_state};
        status = open_named(m, s, name);
    }
    if (status && m && s)
        destroy_state(m);
    else if (status)
        free(s);
    if (status)
        free(m);
    *out = status ? NULL : m;
    return status;
}

void ingot_cost_model_close(ingot_cost_model *m)
{
    if (!m)
        return;
    if (m->destroy)
        m->destroy(m);
    free(m);
}

/* ---- Contributions ---- */

/* Mean of the leaves below a node. */
static double mean_below(const ingot_tree_node *root, int32_t i)
{
    const ingot_tree_node *node = root + i;
    return node->left ? (mean_below(root, node->left) + mean_below(root, node->left + 1)) / 2 : (double)node->threshold;
}

bool ingot_cost_contributions(const ingot_cost_model *m, const ingot_cost_query *query, double *out)
{
    if (m->predict != predict_learned)
        return false;
    const learned_state *s = m->state;
    ingot_cost_query q = own_query(s, query);
    double f[INGOT_FEATURE_COUNT];
    ingot_features_compute(&q, f);
    memset(out, 0, INGOT_FEATURE_COUNT * sizeof *out);
    for (int i = 0; s->part == PART_LINEAR && i < INGOT_FEATURE_COUNT; i++)
        out[i] = -s->k->linear[i] * f[i];
    const ingot_forest *forest = &s->k->forest;
    for (int32_t t = 0; s->part == PART_FOREST && t < forest->n_trees; t++) {
        const ingot_tree_node *root = forest->nodes + forest->roots[t];
        int32_t at = 0;
        double before = mean_below(root, 0);
        while (root[at].left) {
            int feature = root[at].feature;
            at = root[at].left + !((float)f[feature] < root[at].threshold);
            double after = mean_below(root, at);
            out[feature] -= after - before; /* utilisation down: time up */
            before = after;
        }
    }
    return s->part == PART_FOREST || s->part == PART_LINEAR;
}
