/* Winograd kernels: how their work is cut, and what it costs. */
#include "costmodel/winograd.h"
#include <math.h>
#include <string.h>

#define MOST_UNITS   32
#define UNIT_FLOPS   (1 << 20)            /* worth handing out */
#define OPEN_PARTS   8                    /* of a block, where sizes are open */
#define SCRATCH_ROOM ((int64_t)4 << 20)   /* bytes for all units, as far as two of them fit */
#define SMALL_V      ((int64_t)64 * 1024) /* bytes of V that make the input transform cheap */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* `total` in as few pieces of at most `limit` as possible, evenly: the size of a piece. */
static int64_t even_piece(int64_t total, int64_t limit)
{
    int64_t pieces = most((total + limit - 1) / limit, 1);
    return most((total + pieces - 1) / pieces, 1);
}

/* Tiles of a block: few, to keep V near, unless U does not stay in L2: then every block reads it again. Channel blocks
 * of a chunk: M takes up to 3/8 of L2. */
void ingot_winograd_decide(ingot_spec *spec, const ingot_target *target, int64_t given_tiles, int64_t given_chunk)
{
    enum { TILES, CHUNK, PART, RUN };
    int64_t *d = spec->decisions, ob = spec->dims[1], together = target->tile_cols > 16 ? target->tile_cols / 16 : 1;
    ingot_winograd_layout l;
    const char *why;
    d[TILES] = d[CHUNK] = d[PART] = d[RUN] = 1;
    if (!ingot_winograd_layout_get(spec, &l, &why))
        return;
    int64_t points = l.points, tile_bytes = points * l.words * 4;
    bool streams = ingot_winograd_filter_bytes(spec) > target->l2_bytes / 2;
    int64_t tiles = most(2 * target->tile_rows, SMALL_V / tile_bytes);
    tiles = streams ? most(tiles, 24) : tiles;
    /* of open sizes, what a block of them has is cut into register tiles in a run */
    tiles = l.open ? tiles / target->tile_rows * target->tile_rows : even_piece(l.tiles, tiles);
    d[TILES] = given_tiles > 0 ? (l.open ? given_tiles : least(given_tiles, l.tiles)) : tiles;
    int64_t chunk = most(target->l2_bytes * 3 / 8 / (points * d[TILES] * 64) / together * together, together);
    d[CHUNK] = given_chunk > 0 ? least(given_chunk, ob) : (even_piece(ob, chunk) + together - 1) / together * together;
    d[PART] = ob;
    ingot_winograd_layout_get(spec, &l, &why);
    int64_t units = most(least(SCRATCH_ROOM / (l.slice * 4), MOST_UNITS), 2);
    double block = ingot_winograd_tile_flops(spec) * (double)d[TILES];
    double flops = l.open ? block : ingot_winograd_flops(spec, NULL);
    units = most(least(units, (int64_t)(flops / UNIT_FLOPS)), 1);
    if (l.open) { /* as many parts as one block is worth */
        d[RUN] = most((int64_t)(UNIT_FLOPS / block), 1);
        d[PART] = most(even_piece(ob, most(ob / least(units, OPEN_PARTS), 1)), least(ob, 4));
    } else if (l.blocks >= units)
        d[RUN] = (l.blocks + units - 1) / units;
    else /* parts of whole chunks; each makes V again on another thread */
        d[PART] = most(even_piece(ob, most(ob * l.blocks / units, 1)), least(ob, 4));
    if (d[PART] < ob)
        d[PART] = (d[PART] + d[CHUNK] - 1) / d[CHUNK] * d[CHUNK];
}

/* vpmaddwd and the addition behind it share ports. */
double ingot_winograd_products_a_lane(const ingot_spec *spec, const ingot_target *target)
{
    return ingot_spec_group(spec) != 2 ? 1 : ingot_target_multiplies_bytes(target) ? 2 : 1.5;
}

/* Products near the peak; transforms by the instructions that memory accesses leave time for; U from where it lies
 * between runs, which hides behind the products in part. */
double ingot_winograd_predict_ns(const ingot_spec *spec, const int64_t *sizes, const ingot_target *target)
{
    ingot_winograd_layout l;
    const char *why;
    if (!ingot_winograd_layout_get(spec, &l, &why))
        return 0;
    double lanes = target->vector_bytes / 4.0, peak = target->ghz * target->fma_per_cycle * 2 * lanes;
    peak *= ingot_winograd_products_a_lane(spec, target);
    double tiles = ingot_winograd_tiles(spec, sizes), blocks = most((int64_t)ceil(tiles / (double)l.block), 1);
    double products = 2.0 * (double)l.points * tiles * (double)l.c * (double)((l.o + 7) / 8 * 8);
    /* a register tile costs some steps more than it has; those of a block may be low ones */
    double rows = tiles / blocks, fill = rows / (rows + 1);
    double compute = products / peak / (0.95 * fill) * (1 + 6 / (double)l.steps);
    double transforms = (ingot_winograd_flops(spec, sizes) - products) / (lanes * target->ghz * 1.3);
    double u_bytes = (double)ingot_winograd_filter_bytes(spec);
    double first = u_bytes / (u_bytes > (double)target->l3_bytes / 8 ? target->dram_gbs : target->l3_gbs);
    double again = u_bytes <= (double)target->l2_bytes / 2 ? 0 : u_bytes * (blocks - 1) / target->l3_gbs;
    double arithmetic = compute + transforms, stream = first + again;
    return arithmetic > stream ? arithmetic + 0.3 * stream : stream + 0.3 * arithmetic;
}

/* Iteration dims of the two families. */
enum { W_N, W_OB, W_OH, W_OW, W_CB };
enum { C_N, C_G, C_OB, C_OH, C_OW, C_CB, C_CI, C_KH, C_KW };

bool ingot_winograd_to_conv(const ingot_spec *w, ingot_spec *out)
{
    *out = *w;
    out->family = INGOT_FAMILY_conv;
    out->n_dims = ingot_family_info_get(INGOT_FAMILY_conv)->n_dims;
    out->n_out = 1; /* no scratch */
    const int64_t dims[] = {w->dims[W_N],
                            1,
                            w->dims[W_OB],
                            w->dims[W_OH],
                            w->dims[W_OW],
                            w->dims[W_CB],
                            16,
                            w->params[0] == 1 ? 1 : 3,
                            w->params[1] == 1 ? 1 : 3};
    memcpy(out->dims, dims, sizeof dims);
    memset(out->params, 0, sizeof out->params);
    memset(out->decisions, 0, sizeof out->decisions);
    memset(&out->operands[w->n_in + 1], 0, sizeof out->operands[0]);
    out->params[0] = w->params[2];
    for (int32_t i = 0; i < out->n_in + 1; i++) {
        const ingot_size *s = w->operands[i].strides;
        const ingot_size image[] = {s[W_N], 0, 0, s[W_OH], s[W_OW], s[W_CB], 1, s[W_OH], s[W_OW]};
        const ingot_size other[] = {s[W_N], 0, s[W_OB], s[W_OH], s[W_OW], 0, 0, 0, 0};
        memcpy(out->operands[i].strides, i == 0 ? image : other, sizeof image);
    }
    out->operands[0].lane = 0;
    memset(out->operands[1].strides, 0, sizeof out->operands[1].strides);
    out->operands[1].lane = 0;
    const ingot_target *target;
    ingot_status unknown = ingot_target_find(w->target, &target);
    if (out->operands[0].dtype == INGOT_U8) {
        bool limited = !unknown && ingot_target_limits_bytes(target);
        out->operands[1].dtype = INGOT_I8;
        out->operands[1].access = limited ? INGOT_ACCESS_LIMITED16 : INGOT_ACCESS_PACKED16;
        out->operands[1].lane = limited;
    }
    ingot_status_free(unknown);
    return true;
}

/* Stride 1, filters of 3 or 1, channels in blocks of 16 everywhere; floats throughout, or integers that are summed. */
static bool could_be_winograd(const ingot_spec *c)
{
    const ingot_size *d = c->dims, *x = c->operands[0].strides;
    bool exact = ingot_spec_group(c) != 0 && ingot_spec_sum(c) == INGOT_I32;
    bool three = (d[C_KH] == 3 || d[C_KH] == 1) && (d[C_KW] == 3 || d[C_KW] == 1) && d[C_KH] * d[C_KW] > 1;
    if (c->family != INGOT_FAMILY_conv || !three || d[C_G] != 1 || d[C_CI] != 16 || x[C_CI] != 1 || x[C_OW] != 16 ||
        !ingot_access_is_packed(c->operands[1].access) || (c->operands[0].dtype != INGOT_F32 && !exact))
        return false;
    for (int32_t i = 0; i < 9; i++)
        if (ingot_size_is_dynamic(d[i]))
            return false;
    if ((d[C_KH] > 1 && x[C_KH] != x[C_OH]) || (d[C_KW] > 1 && x[C_KW] != x[C_OW]))
        return false;
    for (int32_t i = 2; i <= c->n_in; i++)
        if ((c->operands[i].dtype != INGOT_F32 && !exact) ||
            (i == c->n_in ? c->operands[i].lane != 1 : c->operands[i].lane > 1))
            return false;
    return c->n_in + 2 <= INGOT_SPEC_OPERANDS;
}

bool ingot_winograd_from_conv(const ingot_spec *c, int64_t m, const ingot_target *target, ingot_spec *out)
{
    if (!could_be_winograd(c))
        return false;
    *out = *c;
    out->family = INGOT_FAMILY_winograd;
    out->n_dims = ingot_family_info_get(INGOT_FAMILY_winograd)->n_dims;
    memset(out->dims, 0, sizeof out->dims);
    memset(out->params, 0, sizeof out->params);
    memset(out->decisions, 0, sizeof out->decisions);
    const int64_t dims[] = {c->dims[C_N], c->dims[C_OB], c->dims[C_OH], c->dims[C_OW], c->dims[C_CB]};
    memcpy(out->dims, dims, sizeof dims);
    out->params[0] = c->dims[C_KH] == 1 ? 1 : m;
    out->params[1] = c->dims[C_KW] == 1 ? 1 : m;
    out->params[2] = c->params[0];
    out->params[3] = c->dims[C_CB] * 16;
    for (int32_t i = 0; i <= c->n_in; i++) {
        const ingot_size *s = c->operands[i].strides;
        const ingot_size image[] = {s[C_N], 0, s[C_OH], s[C_OW], s[C_CB], 0, 0, 0, 0};
        const ingot_size other[] = {s[C_N], s[C_OB], s[C_OH], s[C_OW], 0, 0, 0, 0, 0};
        memcpy(out->operands[i].strides, i == 0 ? image : other, sizeof image);
    }
    memset(out->operands[1].strides, 0, sizeof out->operands[1].strides);
    out->operands[0].lane = out->operands[1].lane = 1;
    out->operands[1].access = INGOT_ACCESS_PACKED16;
    out->operands[1].dtype = c->operands[0].dtype == INGOT_F32 ? INGOT_F32 : INGOT_I16;
    out->operands[c->n_in + 1] = (ingot_operand){.dtype = ingot_spec_sum(out), .access = INGOT_ACCESS_SCRATCH};
    out->n_out = 2;
    ingot_winograd_decide(out, target, 0, 0);
    return ingot_winograd_scratch_elems(out) > 0;
}

ingot_status ingot_spec_problem(const ingot_spec *spec, ingot_text *out)
{
    ingot_spec direct;
    if (spec->family == INGOT_FAMILY_winograd && ingot_winograd_to_conv(spec, &direct))
        ingot_spec_print_task(&direct, out);
    else
        ingot_spec_print_task(spec, out);
    return out->failed ? ingot_status_no_memory() : NULL;
}
