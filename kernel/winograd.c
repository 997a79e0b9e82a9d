/* Winograd convolutions: matrices, transformed filters, layout of scratch memory. */
#include "kernel/winograd_exact.h"

static const ingot_winograd f1 = {.m = 1, .t = 1, .taps = 1, .bt = {{1}}, .at = {{1}}, .g = {{1}}};

/* Points 0, 1, -1 and infinity. */
static const ingot_winograd f2 = {
    .m = 2,
    .t = 4,
    .taps = 3,
    .bt = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}},
    .at = {{1, 1, 1, 0}, {0, 1, -1, 1}},
    .g = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
};

/* Points 0, +-A, +-B and infinity, where A * B = 1 saves multiplications. */
#define A  (2.0 / 3)
#define B  (3.0 / 2)
#define NA (2 * A * A * (A * A - B * B)) /* product of the distances of A from the other points */
#define NB (2 * B * B * (B * B - A * A))
static const ingot_winograd f4 = {
    .m = 4,
    .t = 6,
    .taps = 3,
    .bt = {{1, 0, -(A *A + B * B), 0, 1, 0},
           {0, -B, -(B *B), A, 1, 0},
           {0, B, -(B *B), -A, 1, 0},
           {0, -A, -(A *A), B, 1, 0},
           {0, A, -(A *A), -B, 1, 0},
           {0, 1, 0, -(A *A + B * B), 0, 1}},
    .at = {{1, 1, 1, 1, 1, 0},
           {0, A, -A, B, -B, 0},
           {0, A *A, A *A, B *B, B *B, 0},
           {0, A *A *A, -A *A *A, B *B *B, -B *B *B, 1}},
    .g = {{1, 0, 0},
          {1 / NA, A / NA, A *A / NA},
          {1 / NA, -A / NA, A *A / NA},
          {1 / NB, B / NB, B *B / NB},
          {1 / NB, -B / NB, B *B / NB},
          {0, 0, 1}},
};
#undef A
#undef B
#undef NA
#undef NB

const ingot_winograd *ingot_winograd_get(int64_t m)
{
    return m == 1 ? &f1 : m == 2 ? &f2 : m == 4 ? &f4 : NULL;
}

void ingot_winograd_transform_filter(const ingot_winograd *h, const ingot_winograd *w, const double *g, double *out)
{
    double rows[INGOT_WINOGRAD_T][3] = {{0}};
    for (int i = 0; i < h->t; i++)
        for (int k = 0; k < h->taps; k++)
            for (int j = 0; j < w->taps; j++)
                rows[i][j] += h->g[i][k] * g[w->taps * k + j];
    for (int i = 0; i < h->t; i++)
        for (int j = 0; j < w->t; j++)
            out[i * w->t + j] = rows[i][0] * w->g[j][0] + rows[i][1] * w->g[j][1] + rows[i][2] * w->g[j][2];
}

void ingot_winograd_pack(int64_t mh, int64_t mw, int64_t o, int64_t c, const float *w, float *out)
{
    const ingot_winograd *fh = ingot_winograd_get(mh), *fw = ingot_winograd_get(mw);
    int64_t k = (c + 15) / 16 * 16, blocks = (o + 15) / 16, plane = blocks * k * 16;
    int points = fh->t * fw->t, taps = fh->taps * fw->taps;
    for (int64_t oo = 0; oo < blocks * 16; oo++) {
        for (int64_t cc = 0; cc < k; cc++) {
            double g[9], u[INGOT_WINOGRAD_T * INGOT_WINOGRAD_T] = {0};
            for (int i = 0; i < taps; i++)
                g[i] = oo < o && cc < c ? (double)w[(oo * c + cc) * taps + i] : 0;
            ingot_winograd_transform_filter(fh, fw, g, u);
            float *at = out + (oo / 16 * k + cc) * 16 + oo % 16;
            for (int i = 0; i < points; i++)
                at[i * plane] = (float)u[i];
        }
    }
}

#define MOST_TILES ((int64_t)1 << 30)
#define MOST_SLICE ((int64_t)1 << 28) /* elements */
/* Open sizes: units as far as their slices fit, and two in any case. */
#define OPEN_UNITS ((int64_t)32)
#define OPEN_ROOM  ((int64_t)1 << 20) /* elements */

/* Elements from one of the planes to the next, `line` of them in a cache line: an odd number of lines, so that the same
 * place in all planes is spread over the sets of a cache. */
static int64_t plane(int64_t elems, int64_t line)
{
    return ((elems + line - 1) / line | 1) * line;
}

bool ingot_winograd_layout_get(const ingot_spec *spec, ingot_winograd_layout *out, const char **out_why)
{
    enum { N, OB, OH, OW, CB };
    bool exact = ingot_spec_group(spec) == 2;
    const ingot_winograd *(*get)(int64_t) = exact ? ingot_winograd_exact_get : ingot_winograd_get;
    const ingot_winograd *h = get(spec->params[0]), *w = get(spec->params[1]);
    *out = (ingot_winograd_layout){.h = h, .w = w, .group = exact ? 2 : 1};
    *out_why = "winograd: mh and mw are 1, 2 or 4, and not both 1";
    if (h == NULL || w == NULL || h->m * w->m == 1)
        return false;
    out->points = (int64_t)h->t * w->t;
    *out_why = "winograd: sizes that are not fixed, do not fit, or are too large";
    for (int32_t d = 0; d < 5; d++)
        if (ingot_size_is_dynamic(spec->dims[d]) && d != OB && d != CB)
            out->open = true;
        else if (ingot_size_is_dynamic(spec->dims[d]) || spec->dims[d] < 0 || spec->dims[d] > (1 << 20))
            return false;
    int64_t n = spec->dims[N], ob = spec->dims[OB];
    if (!out->open) {
        out->tiles_y = (spec->dims[OH] + h->m - 1) / h->m;
        out->tiles_x = (spec->dims[OW] + w->m - 1) / w->m;
    }
    out->k = spec->dims[CB] * 16;
    out->o = spec->params[2];
    out->c = spec->params[3];
    if (out->o > ob * 16 || out->o <= ob * 16 - 16 || out->c > out->k || out->c <= out->k - 16)
        return false;
    if (ob < 1 || out->k < 1 || out->tiles_y * out->tiles_x > MOST_TILES ||
        (!out->open && n * out->tiles_y * out->tiles_x > MOST_TILES))
        return false;
    out->tiles = out->open ? 0 : n * out->tiles_y * out->tiles_x;
    *out_why = "winograd: decisions that are missing or too large";
    for (int32_t i = 0; i < 4; i++)
        if (spec->decisions[i] < 1 || spec->decisions[i] > (1 << 20))
            return false;
    out->block = spec->decisions[0];
    out->part = spec->decisions[2] < ob ? spec->decisions[2] : ob;
    out->chunk = spec->decisions[1] < out->part ? spec->decisions[1] : out->part;
    out->run = spec->decisions[3];
    out->blocks = (out->tiles + out->block - 1) / out->block;
    out->parts = (ob + out->part - 1) / out->part;
    out->words = out->k / out->group;
    out->steps = (out->c + out->group - 1) / out->group;
    int64_t line = 16 * out->group;
    out->v_row = out->k + (out->words % 256 == 0 ? line : 0);
    if (out->block * out->v_row > MOST_SLICE || out->block * out->chunk > MOST_SLICE)
        return false;
    out->v_plane = plane(out->block * out->v_row, line);
    out->m_plane = plane(out->chunk * out->block * 16, 16);
    out->m_at = out->v_plane / out->group * out->points;
    out->slice = out->m_at + out->m_plane * out->points;
    out->units = (out->blocks + out->run - 1) / out->run * out->parts;
    if (out->open) {
        int64_t fit = OPEN_ROOM / out->slice, least = out->parts > 2 ? out->parts : 2;
        out->units = fit > OPEN_UNITS ? OPEN_UNITS : fit;
        out->units = out->units > least ? out->units : least;
    }
    return out->slice <= MOST_SLICE && (double)out->slice * (double)out->units < 1e12;
}

double ingot_winograd_tiles(const ingot_spec *spec, const int64_t *sizes)
{
    enum { N, OB, OH, OW };
    double tiles = 1;
    for (int32_t d = 0; d < 4; d++) {
        int64_t size = spec->dims[d], m = d == OH ? spec->params[0] : d == OW ? spec->params[1] : 1;
        if (ingot_size_is_dynamic(size))
            size = sizes ? sizes[ingot_size_index(size)] : 1;
        if (d != OB)
            tiles *= (double)((size + m - 1) / m);
    }
    return tiles;
}

double ingot_winograd_flops(const ingot_spec *spec, const int64_t *sizes)
{
    return ingot_winograd_tiles(spec, sizes) * ingot_winograd_tile_flops(spec);
}

double ingot_winograd_tile_flops(const ingot_spec *spec)
{
    ingot_winograd_layout l;
    const char *why;
    if (!ingot_winograd_layout_get(spec, &l, &why))
        return 0;
    double out = (double)((l.o + 7) / 8 * 8), k = (double)l.c;
    /* of a row or column, with sums and differences shared between points +-p; m 1, 2, 4 */
    static const double to[5] = {[2] = 4, [4] = 14}, back[5] = {[2] = 4, [4] = 13};
    double to_v = to[l.h->m] * l.w->t + to[l.w->m] * l.h->t, of_m = back[l.h->m] * l.w->t + back[l.w->m] * l.h->m;
    return 2.0 * (double)l.points * k * out + to_v * k + of_m * out;
}

int64_t ingot_winograd_filter_elems(const ingot_spec *spec)
{
    ingot_winograd_layout layout;
    const char *why;
    return ingot_winograd_layout_get(spec, &layout, &why) ? layout.points * spec->dims[1] * layout.k * 16 : 0;
}

int64_t ingot_winograd_filter_bytes(const ingot_spec *spec)
{
    return ingot_winograd_filter_elems(spec) * ingot_dtype_bits(spec->operands[1].dtype) / 8;
}

int64_t ingot_winograd_scratch_elems(const ingot_spec *spec)
{
    ingot_winograd_layout layout;
    const char *why;
    return ingot_winograd_layout_get(spec, &layout, &why) ? layout.slice * layout.units : 0;
}
