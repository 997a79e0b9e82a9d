/* Candidates for the decisions of each family, as problems for the solver: registers and caches are the constraints. */
#include "costmodel/decisions.h"
#include "costmodel/solver.h"
#include "costmodel/winograd.h"
#include <string.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_static(const ingot_spec *spec)
{
    for (int32_t d = 0; d < spec->n_dims; d++)
        if (ingot_size_is_dynamic(spec->dims[d]))
            return false;
    return true;
}

/* ---- Problems: variables are the decisions in their order ---- */

static int64_t lanes_of(const ingot_target *t)
{
    return t->vector_bytes / 4;
}

/* Accumulators, a row of columns and one broadcast value fit the registers; enough accumulators hide the latency of
 * FMA where there are rows for them. */
static void register_tile(ingot_csp *csp, const ingot_spec *s, const ingot_target *t, int64_t rows, int32_t mr,
                          int32_t nr)
{
    int64_t lanes = lanes_of(t), least_accumulators = least(t->vector_regs > 16 ? 12 : 6, most(rows, 1));
    if (ingot_spec_is_limited(s)) /* rows of columns, and what is made of them */
        ingot_csp_at_most(csp, (t->vector_regs - 4) * lanes,
                          INGOT_TERMS({1, {mr, nr}}, {s->operands[1].lane == 2 ? 2 : 1, {nr}}));
    else
        ingot_csp_at_most(csp, (t->vector_regs - 1) * lanes, INGOT_TERMS({1, {mr, nr}}, {1, {nr}}));
    ingot_csp_at_most(csp, -least_accumulators * lanes, INGOT_TERMS({-1, {mr, nr}}));
}

/* Tiles wider than usual only where none is left over: the rest of the columns would be summed in another order than
 * the others, and equal columns give different results. */
static int32_t add_columns(ingot_csp *csp, const ingot_target *t, int64_t columns)
{
    int64_t lanes = lanes_of(t), list[3], n = 0;
    for (int64_t v = 1; v <= 4; v *= 2)
        if (v == 1 || (v * lanes < 2 * columns && (v * lanes <= t->tile_cols || columns % (v * lanes) == 0)))
            list[n++] = v * lanes;
    return ingot_csp_list(csp, "nr", (int32_t)n, list);
}

static void contract(ingot_csp *csp, const ingot_spec *s, const ingot_target *t)
{
    int64_t m = s->dims[2], n = s->dims[3], k = s->dims[4], elem = s->operands[0].dtype == INGOT_F64 ? 8 : 4;
    int32_t mr = ingot_csp_range(csp, "mr", 1, least(most(m, 1), 14), 1), nr = add_columns(csp, t, n);
    int64_t kc_list[3] = {256, 512, k}, nb_list[3] = {0, 128, 512};
    int32_t n_kc = 0, n_nb = 0;
    for (int i = 0; i < 3; i++)
        if (i == 2 || kc_list[i] * 5 / 4 < k)
            kc_list[n_kc++] = most(kc_list[i], 64);
    for (int i = 0; i < 3; i++)
        if (nb_list[i] < n)
            nb_list[n_nb++] = nb_list[i];
    int32_t kc = ingot_csp_list(csp, "kc", n_kc, kc_list), nb = ingot_csp_list(csp, "nb", n_nb, nb_list);
    int64_t units[2] = {0, 32};
    ingot_csp_list(csp, "units", m > 8 * t->tile_rows ? 2 : 1, units);
    register_tile(csp, s, t, m, mr, nr);
    ingot_csp_multiple(csp, nb, nr);
    ingot_csp_at_most(csp, t->l2_bytes, INGOT_TERMS({elem, {nb, kc}}));
    if (m >= 6) /* among tiles of one width, tall ones: short ones only reload columns */
        ingot_csp_at_most(csp, -least(m, 4), INGOT_TERMS({-1, {mr}}));
}

static void conv(ingot_csp *csp, const ingot_spec *s, const ingot_target *t)
{
    int64_t pixels = s->dims[3] * s->dims[4], list[5] = {0, 1, 4, 16, 64}, n = 0;
    int32_t mr = ingot_csp_range(csp, "mr", 1, least(most(pixels, 1), 14), 1);
    int32_t nr = add_columns(csp, t, s->dims[2] * 16);
    while (n < 5 && list[n] * t->tile_rows <= pixels)
        n++;
    ingot_csp_list(csp, "units", (int32_t)n, list);
    register_tile(csp, s, t, pixels, mr, nr);
}

static void depthwise(ingot_csp *csp, const ingot_spec *s, const ingot_target *t)
{
    int64_t list[4] = {0, 1, 4, 16}, n = 0;
    ingot_csp_range(csp, "mr", least(most(s->dims[3], 1), 2), least(most(s->dims[3], 1), t->vector_regs > 16 ? 14 : 12),
                    1);
    while (n < 4 && (n == 0 || list[n] < s->dims[2]))
        n++;
    ingot_csp_list(csp, "units", (int32_t)n, list);
}

static void winograd(ingot_csp *csp, const ingot_spec *s, const ingot_target *t)
{
    ingot_winograd_layout l;
    const char *why;
    ingot_spec own = *s;
    ingot_winograd_decide(&own, t, 0, 0);
    if (!ingot_winograd_layout_get(&own, &l, &why))
        return;
    int32_t tiles = ingot_csp_range(csp, "tiles", least(l.tiles, t->tile_rows), least(l.tiles, 96), 2);
    int64_t step = t->tile_cols > 16 ? t->tile_cols / 16 : 1, list[8], n = 0;
    for (int64_t chunk = step; chunk < s->dims[1] && n < 7; chunk *= 2)
        list[n++] = chunk;
    list[n++] = s->dims[1];
    int32_t chunk = ingot_csp_list(csp, "chunk", (int32_t)n, list);
    /* V and M of a block, within L2; and not so few tiles that the transforms find nothing to do */
    ingot_csp_at_most(csp, t->l2_bytes,
                      INGOT_TERMS({4 * l.points * l.words, {tiles}}, {64 * l.points, {tiles, chunk}}));
}

static void map(ingot_csp *csp, const ingot_spec *s)
{
    int64_t axes[INGOT_SPEC_DIMS + 1] = {0}, n = 1, unroll[4] = {1, 2, 4, 8};
    for (int32_t d = 0; d < s->n_dims; d++)
        if (s->operands[s->n_in].strides[d] == 1 && s->dims[d] >= 4)
            axes[n++] = d + 1;
    for (int32_t i = 0; i < s->n_in && n == 1; i++) /* scattered stores only where there is no other way */
        for (int32_t d = 0; d < s->n_dims; d++)
            if (s->operands[i].strides[d] == 1 && s->dims[d] >= 4 && n < INGOT_SPEC_DIMS + 1)
                axes[n++] = d + 1;
    ingot_csp_list(csp, "axis", (int32_t)n, axes);
    ingot_csp_list(csp, "unroll", 4, unroll);
}

static void attention(ingot_csp *csp, const ingot_spec *s, const ingot_target *t)
{
    int64_t keys[4] = {32, 64, 128, 256};
    int32_t mr = ingot_csp_range(csp, "mr", 1, least(most(s->dims[2], 1), t->vector_regs > 16 ? 12 : 6), 1);
    int32_t nb = ingot_csp_list(csp, "nb", 4, keys);
    ingot_csp_at_most(csp, t->l2_bytes / 2, INGOT_TERMS({4 * (s->dims[4] + s->dims[5]), {nb}}, {4, {mr, nb}}));
}

static void set_problem(ingot_csp *csp, const ingot_spec *s, const ingot_target *t)
{
    static const int64_t unroll[3] = {1, 2, 4};
    switch (s->family) {
    case INGOT_FAMILY_contract:
        contract(csp, s, t);
        break;
    case INGOT_FAMILY_conv:
        conv(csp, s, t);
        break;
    case INGOT_FAMILY_depthwise:
        depthwise(csp, s, t);
        break;
    case INGOT_FAMILY_winograd:
        winograd(csp, s, t);
        break;
    case INGOT_FAMILY_map:
        map(csp, s);
        break;
    case INGOT_FAMILY_reduce:
        ingot_csp_list(csp, "unroll", 3, unroll);
        break;
    case INGOT_FAMILY_attention:
        attention(csp, s, t);
        break;
    default: /* recurrent kernels: the tallest tiles that rows fill evenly */
        break;
    }
}

/* ---- Lists ---- */

typedef struct collector {
    const ingot_spec *spec;
    const ingot_target *target;
    ingot_decision_list *list;
    int32_t n_vars;
    int64_t seen, every; /* of the solutions, every so many is kept */
} collector;

static bool collect(void *arg, const int64_t *values)
{
    collector *c = arg;
    if (c->seen++ % c->every != 0)
        return true;
    int64_t vector[INGOT_SPEC_DECISIONS] = {0};
    for (int32_t i = 0; i < c->n_vars; i++)
        vector[i] = values[i + 1];
    if (c->spec->family == INGOT_FAMILY_winograd) {
        ingot_spec s = *c->spec;
        ingot_winograd_decide(&s, c->target, vector[0], vector[1]);
        memcpy(vector, s.decisions, sizeof vector);
    }
    for (int32_t i = 0; i < c->list->n; i++)
        if (memcmp(c->list->vectors[i], vector, sizeof vector) == 0)
            return true;
    memcpy(c->list->vectors[c->list->n++], vector, sizeof vector);
    return c->list->n < INGOT_MAX_CANDIDATES;
}

static bool count(void *arg, const int64_t *values)
{
    (void)values;
    ++*(int64_t *)arg;
    return true;
}

ingot_status ingot_decisions_list(const ingot_spec *spec, const ingot_target *target, ingot_decision_list *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->vectors[0], spec->decisions, sizeof out->vectors[0]);
    out->n = 1;
    ingot_csp csp = {0};
    for (int32_t d = 0; d < spec->n_dims; d++)
        if (!ingot_size_is_dynamic(spec->dims[d]) && spec->dims[d] < 1)
            return NULL; /* nothing to do: nothing to decide */
    if (is_static(spec))
        set_problem(&csp, spec, target);
    if (csp.n_vars == 0)
        return NULL;
    int64_t total = 0;
    INGOT_TRY(ingot_csp_solve(&csp, NULL, count, &total, NULL));
    collector c = {.spec = spec, .target = target, .list = out, .n_vars = csp.n_vars};
    c.every = (total + INGOT_MAX_CANDIDATES - 2) / (INGOT_MAX_CANDIDATES - 1);
    c.every = c.every < 1 ? 1 : c.every;
    return ingot_csp_solve(&csp, NULL, collect, &c, NULL);
}

/* ---- What emitters do by themselves ---- */

static int64_t value_of(ingot_size size, const int64_t *sizes)
{
    return ingot_size_is_dynamic(size) ? (sizes ? sizes[ingot_size_index(size)] : 1) : size;
}

static void set_default(int64_t *decision, int64_t value)
{
    if (*decision <= 0)
        *decision = value;
}

static int64_t tile_rows(const ingot_spec *spec, const ingot_target *t)
{
    int32_t vectors = (int32_t)most(t->tile_cols / lanes_of(t), 1);
    return ingot_spec_is_limited(spec) ? ingot_target_limited_rows(t, spec, vectors) : t->tile_rows;
}

void ingot_decisions_fill(const ingot_spec *spec, const int64_t *sizes, const ingot_target *t, int64_t *out)
{
    memcpy(out, spec->decisions, sizeof spec->decisions);
    int64_t e[INGOT_SPEC_DIMS] = {0};
    for (int32_t d = 0; d < spec->n_dims; d++)
        e[d] = value_of(spec->dims[d], sizes);
    switch (spec->family) {
    case INGOT_FAMILY_contract: {
        set_default(&out[0], least(tile_rows(spec, t), most(e[2], 1)));
        set_default(&out[1], t->tile_cols);
        int64_t limit = t->tile_cols * 4 * 256 <= t->l1_bytes / 2 ? 256 : 512;
        set_default(&out[2], e[4] > limit * 5 / 4 && e[2] > out[0] ? limit : most(e[4], 1));
        int64_t room = t->l2_bytes / 2 / (4 * out[2]);
        set_default(&out[3], least(most(room / out[1] * out[1], out[1]), 1024));
        set_default(&out[4], out[0] > 8 ? 4 : 8);
        break;
    }
    case INGOT_FAMILY_conv:
        set_default(&out[0], tile_rows(spec, t));
        set_default(&out[1], t->tile_cols > 16 && e[2] < 2 ? 16 : t->tile_cols);
        break;
    case INGOT_FAMILY_depthwise:
        set_default(&out[0], t->vector_regs > 16 ? 14 : 8);
        break;
    case INGOT_FAMILY_attention:
        set_default(&out[0], least(t->vector_regs > 16 ? 12 : 6, most(e[2], 1)));
        set_default(&out[1], 64);
        break;
    case INGOT_FAMILY_lstm:
    case INGOT_FAMILY_gru: {
        int64_t rows = most(e[1], 1), tiles = (rows - 1) / least(t->tile_rows, 8) + 1;
        set_default(&out[0], (rows - 1) / tiles + 1);
        break;
    }
    case INGOT_FAMILY_map: {
        int cost = spec->has_body ? ingot_prog_cost(&spec->body) : 0;
        set_default(&out[1], cost <= 3 ? 4 : cost <= 12 ? 2 : 1);
        break;
    }
    default:
        break;
    }
}
