/* Winograd kernels: how their work is cut, and what it costs. */
#include "costmodel/winograd.h"

#define MOST_UNITS   32
#define UNIT_FLOPS   (1 << 20)            /* worth handing out */
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
void ingot_winograd_decide(ingot_spec *spec, const ingot_target *target)
{
    enum { TILES, CHUNK, PART, RUN };
    int64_t *d = spec->decisions, ob = spec->dims[1], together = target->tile_cols > 16 ? target->tile_cols / 16 : 1;
    ingot_winograd_layout l;
    const char *why;
    d[TILES] = d[CHUNK] = d[PART] = d[RUN] = 1;
    if (!ingot_winograd_layout_get(spec, &l, &why))
        return;
    int64_t points = l.points, tile_bytes = points * l.k * 4;
    bool streams = ingot_winograd_filter_elems(spec) * 4 > target->l2_bytes / 2;
    int64_t tiles = most(2 * target->tile_rows, SMALL_V / tile_bytes);
    d[TILES] = even_piece(l.tiles, streams ? most(tiles, 24) : tiles);
    int64_t chunk = most(target->l2_bytes * 3 / 8 / (points * d[TILES] * 64) / together * together, together);
    d[CHUNK] = (even_piece(ob, chunk) + together - 1) / together * together;
    d[PART] = ob;
    ingot_winograd_layout_get(spec, &l, &why);
    int64_t units = most(least(SCRATCH_ROOM / (l.slice * 4), MOST_UNITS), 2);
    units = most(least(units, (int64_t)(ingot_winograd_flops(spec) / UNIT_FLOPS)), 1);
    if (l.blocks >= units)
        d[RUN] = (l.blocks + units - 1) / units;
    else /* parts of whole chunks; each makes V again on another thread */
        d[PART] = most(even_piece(ob, most(ob * l.blocks / units, 1)), least(ob, 4));
    if (d[PART] < ob)
        d[PART] = (d[PART] + d[CHUNK] - 1) / d[CHUNK] * d[CHUNK];
}

/* Products near the peak; transforms by the instructions that memory accesses leave time for; U from where it lies
 * between runs, which hides behind the products in part. */
double ingot_winograd_predict_ns(const ingot_spec *spec, const ingot_target *target)
{
    ingot_winograd_layout l;
    const char *why;
    if (!ingot_winograd_layout_get(spec, &l, &why))
        return 0;
    double lanes = target->vector_bytes / 4.0, peak = target->ghz * target->fma_per_cycle * 2 * lanes;
    double products = 2.0 * (double)l.points * (double)l.tiles * (double)l.c * (double)((l.o + 7) / 8 * 8);
    /* a register tile costs some steps more than it has; those of a block may be low ones */
    double rows = (double)l.tiles / (double)most(l.blocks, 1), fill = rows / (rows + 1);
    double compute = products / peak / (0.95 * fill) * (1 + 6 / (double)l.c);
    double transforms = (ingot_winograd_flops(spec) - products) / (lanes * target->ghz * 1.3);
    double u_bytes = (double)ingot_winograd_filter_elems(spec) * 4;
    double first = u_bytes / (u_bytes > (double)target->l3_bytes / 8 ? target->dram_gbs : target->l3_gbs);
    double again =
        u_bytes <= (double)target->l2_bytes / 2 ? 0 : u_bytes * (double)(most(l.blocks, 1) - 1) / target->l3_gbs;
    double arithmetic = compute + transforms, stream = first + again;
    return arithmetic > stream ? arithmetic + 0.3 * stream : stream + 0.3 * arithmetic;
}
