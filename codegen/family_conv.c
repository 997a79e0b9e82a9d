/* Direct convolutions: out[n,g,ob,oh,ow,lane] = body(sum over cb,kh,kw,ci of X * W, extras...).
 *
 * A register tile is some output pixels times one or two blocks of 16 output channels (half a block on narrow vectors).
 * Pixels come in one of three ways: ALONG   pixels of one output row, at constant distances AREA    whole rows, when
 * several fit into a tile FLAT    any run of pixels in row-major order, each with its own pointers: for rows that tiles
 * of one row would cover badly, such as 7 by 6 A unit of work is a chunk of tiles for as many channel blocks as have
 * their weights in half of L2. Larger weights come from far: then a unit has a quarter of L2, and each tile fetches its
 * share of the weights of the unit after it.
 *
 * Floats are summed some terms at a time, which are added up then: one chain over all terms would lose more of them.
 *
 * Integers and bf16: a word of x is a group of input channels (dot.c) and the weights are words; sums are I32 or F32.
 */
#include "codegen/microkernel.h"
#include <string.h>

enum { N, G, OB, OH, OW, CB, CI, KH, KW }; /* iteration dims */
typedef enum { ALONG, AREA, FLAT } pixel_mode;

typedef struct conv {
    const ingot_spec *spec;
    ingot_etype vec;    /* of sums */
    int group;          /* input channels of a word; 0: no words */
    bool limited;       /* weights are bytes within limits */
    ingot_escalar x;    /* element of x */
    int mr, vectors;    /* pixels, vectors of a full tile */
    int groups, blocks; /* column groups of one (n, g); blocks of 16 per group (0: half a block) */
    bool odd;           /* the last group has one block only */
    pixel_mode mode;
    int limit; /* of the tiling: pixels, rows (AREA) */
    int groups_per_unit;
    int64_t ahead; /* elements of the next unit's weights that a pixel's tile fetches into L2; 0: none */
} conv;

/* Steps of one block's sums: elements of x, or words of it. */
static int64_t taps(const ingot_spec *s)
{
    int group = ingot_spec_group(s);
    return s->dims[CB] * s->dims[CI] / (group ? group : 1) * s->dims[KH] * s->dims[KW];
}

static bool same_step(const ingot_spec *s, int32_t operand)
{
    ingot_size oh = s->operands[operand].strides[OH], ow = s->operands[operand].strides[OW];
    return !ingot_size_is_dynamic(oh) && !ingot_size_is_dynamic(ow) && oh == ow * s->dims[OW];
}

/* Rows that follow each other without a gap in all operands are one row. */
static bool one_row(const ingot_spec *s)
{
    if (ingot_size_is_dynamic(s->dims[OW]) || ingot_size_is_dynamic(s->dims[OH]))
        return false;
    for (int32_t i = 0; i < s->n_in + s->n_out; i++)
        if (i != 1 && !same_step(s, i))
            return false;
    return true;
}

static conv decide(const ingot_spec *spec, const ingot_target *target)
{
    conv c = {.spec = spec, .group = ingot_spec_group(spec)};
    c.vec = ingot_e_vector(ingot_e_scalar_of(ingot_spec_sum(spec)), target->vector_bytes / 4);
    c.x = ingot_e_scalar_of(spec->operands[0].dtype);
    int nr = target->tile_cols;
    if (nr > 16 && spec->dims[OB] < 2)
        nr = 16;
    if (spec->decisions[1] >= c.vec.lanes && spec->decisions[1] <= 32 && spec->decisions[1] <= 4 * c.vec.lanes &&
        spec->decisions[1] % c.vec.lanes == 0 && (spec->decisions[1] <= 16 || spec->dims[OB] > 1))
        nr = (int)spec->decisions[1];
    c.vectors = nr / c.vec.lanes;
    c.blocks = nr / 16;
    c.limited = ingot_spec_is_limited(spec);
    c.mr = c.limited ? ingot_target_limited_rows(target, spec, c.vectors) : target->tile_rows;
    if (spec->decisions[0] > 0 && spec->decisions[0] <= INGOT_MICRO_ROWS &&
        spec->decisions[0] * c.vectors <= INGOT_MICRO_ACCS)
        c.mr = (int)spec->decisions[0];
    c.groups = (int)(c.blocks ? (spec->dims[OB] + c.blocks - 1) / c.blocks : spec->dims[OB] * (16 / nr));
    c.odd = c.blocks > 1 && spec->dims[OB] % c.blocks != 0;
    ingot_size ow = spec->dims[OW];
    c.limit = c.mr;
    if (!ingot_size_is_dynamic(ow) && !one_row(spec)) {
        if (ow <= c.mr && ow > 0) {
            c.mode = AREA;
            c.limit = c.mr / (int)ow;
        } else if (ow < 2 * c.mr && ow % c.mr != 0 && c.mr <= 8 && !ingot_size_is_dynamic(spec->dims[OH])) {
            c.mode = FLAT;
        }
    }
    int64_t bytes = taps(spec) * 4 * nr, room = target->l2_bytes / 2;
    int64_t per_unit = bytes > 0 ? room / bytes : c.groups;
    int64_t pixels = ingot_size_is_dynamic(ow) || ingot_size_is_dynamic(spec->dims[OH]) ? 0 : spec->dims[OH] * ow;
    /* smaller units read x more often, so it has to be near */
    bool near = pixels * spec->dims[CB] * spec->dims[CI] * ingot_e_scalar_bytes(c.x) <= room;
    if (per_unit < c.groups && bytes <= room * 3 / 4 && spec->dims[CI] == 16 && pixels > 0 && near) {
        per_unit = room / 2 / bytes > 1 ? room / 2 / bytes : 1;
        c.ahead = (per_unit * bytes / 4 + pixels - 1) / pixels;
    }
    c.groups_per_unit = (int)(per_unit < 1 ? 1 : per_unit > c.groups ? c.groups : per_unit);
    return c;
}

/* ---- Units ---- */

typedef struct split {
    ingot_ev rows, columns; /* of pixels as the tiles see them */
    ingot_tiling tiles;     /* ALONG: of one row; AREA: of rows; FLAT: of all pixels */
    ingot_ev group_chunks;
    ingot_ev rows_per_unit, row_chunks, tiles_per_unit, tile_chunks;
    ingot_ev units;
} split;

#define UNIT_FLOPS (2 << 20)

static split make_split(ingot_emitter *e, const conv *c)
{
    const ingot_spec *spec = c->spec;
    split s;
    s.rows = ingot_e_size(e, spec->dims[OH]);
    s.columns = ingot_e_size(e, spec->dims[OW]);
    ingot_ev one = ingot_e_int(e, 1), along = s.columns;
    if (c->mode == ALONG && one_row(spec)) {
        along = s.columns = ingot_e_mul(e, s.rows, s.columns);
        s.rows = one;
    } else if (c->mode == AREA) {
        along = s.rows;
        s.rows = one;
    } else if (c->mode == FLAT) {
        along = ingot_e_mul(e, s.rows, s.columns);
        s.rows = one;
    }
    s.tiles = ingot_tiling_make(e, along, c->limit);
    /* rows and tiles of a unit: enough work to be worth handing out, and no more */
    double tile_flops = 2.0 * (double)taps(spec) * c->mr * c->vectors * c->vec.lanes * c->groups_per_unit + 1;
    int64_t tiles = (int64_t)(UNIT_FLOPS / tile_flops) + 1;
    if (spec->decisions[2] > 0)
        tiles = spec->decisions[2];
    s.tiles_per_unit = ingot_e_int(e, tiles);
    s.tile_chunks = ingot_e_ceil_div(e, s.tiles.count, s.tiles_per_unit);
    int64_t row_tiles = s.tiles.count.known && s.tiles.count.value > 0 ? s.tiles.count.value : 4;
    int64_t rows = tiles / row_tiles;
    s.rows_per_unit = ingot_e_int(e, c->mode == ALONG && rows > 1 ? rows : 1);
    s.row_chunks = ingot_e_ceil_div(e, s.rows, s.rows_per_unit);
    s.group_chunks = ingot_e_int(e, (c->groups + c->groups_per_unit - 1) / c->groups_per_unit);
    s.units = ingot_e_mul(e, ingot_e_mul(e, ingot_e_size(e, spec->dims[N]), ingot_e_size(e, spec->dims[G])),
                          ingot_e_mul(e, s.group_chunks, ingot_e_mul(e, s.row_chunks, s.tile_chunks)));
    return s;
}

static ingot_ev units(ingot_emitter *e)
{
    conv c = decide(e->spec, e->target);
    return make_split(e, &c).units;
}

/* ---- One tile ---- */

enum { P_N, P_G, P_ROW, P_COLUMN, P_GROUP0, P_GROUP1, P_COUNT };

/* Offsets of the tile's pixels in an operand: `shared` for all of them with constant `shift`s, or one value for each.
 */
typedef struct pixels {
    int count;
    bool constant;
    ingot_ev index[INGOT_MICRO_ROWS];
    int64_t shift[INGOT_MICRO_ROWS];
} pixels;

static pixels locate(ingot_emitter *e, const conv *c, int height, const ingot_ev *p, const ingot_operand *o)
{
    const ingot_spec *s = c->spec;
    ingot_ev sh = ingot_e_size(e, o->strides[OH]), sw = ingot_e_size(e, o->strides[OW]),
             columns = ingot_e_size(e, s->dims[OW]);
    pixels px = {.count = c->mode == AREA ? height * (int)s->dims[OW] : height};
    px.constant = sh.known && sw.known && c->mode != FLAT;
    ingot_ev base = ingot_e_linear(e, 2, (ingot_ev[]){p[P_N], p[P_G]}, o->strides);
    for (int i = 0; i < px.count; i++) {
        int64_t down = c->mode == AREA ? i / s->dims[OW] : 0, across = c->mode == AREA ? i % s->dims[OW] : i;
        ingot_ev row = p[P_ROW], column = p[P_COLUMN];
        if (c->mode == FLAT) {
            ingot_ev flat = ingot_e_add_int(e, p[P_COLUMN], i);
            row = ingot_e_div(e, flat, columns);
            column = ingot_e_sub(e, flat, ingot_e_mul(e, row, columns));
            across = 0;
        }
        if (px.constant) {
            px.index[i] = i ? px.index[0] : ingot_e_mad(e, row, sh, ingot_e_mad(e, column, sw, base));
            px.shift[i] = down * sh.value + across * sw.value;
        } else {
            px.index[i] = ingot_e_mad(e, ingot_e_add_int(e, row, down), sh,
                                      ingot_e_mad(e, ingot_e_add_int(e, column, across), sw, base));
            px.shift[i] = 0;
        }
    }
    return px;
}

/* The nest of loops over cb, kh, kw and ci around the multiply-adds; loops of one round are left out, a few channels
 * are unrolled (of floats: LLVM would reorder sums of integers, and spill them). */
typedef struct nest {
    const conv *c;
    ingot_micro m;
    int n;          /* accumulators */
    ingot_ev ahead; /* what this tile fetches of the next weights, `lines` cache lines in each round of 16 channels */
    int64_t lines;
    ingot_limited_at limited;
    int split; /* the loop whose rounds are summed `rounds` at a time; -1: one chain */
    int64_t rounds;
} nest;

static const int order[4] = {CB, KH, KW, CI};

#define CHAIN     144 /* terms of one chain: 16 channels under 3x3 taps */
#define ONE_CHAIN 256 /* as many are not worth splitting */

static void split_sums(nest *t)
{
    const ingot_spec *s = t->c->spec;
    int64_t inside = taps(s);
    t->split = -1;
    for (int level = 0; level < 4 && !t->c->group && taps(s) > ONE_CHAIN && t->split < 0; level++) {
        inside /= s->dims[order[level]];
        if (inside <= CHAIN) {
            t->split = level;
            t->rounds = CHAIN / inside;
        }
    }
}

static void reduce_loops(ingot_emitter *e, nest *t, int level, ingot_ev a_index, ingot_ev b_index, ingot_ev *accs);

/* Rounds [from, to) of a loop in chains of their own, added to accs. */
static void sum_rounds(ingot_emitter *e, nest *t, int level, ingot_ev from, ingot_ev to, const ingot_ev *index,
                       const ingot_ev *step, ingot_ev *accs)
{
    ingot_ev sums[INGOT_MICRO_ACCS];
    ingot_eloop loop;
    ingot_micro_zero(e, t->c->vec, t->n, sums);
    ingot_e_for(e, from, to, ingot_e_int(e, 1), t->n, sums, &loop);
    reduce_loops(e, t, level + 1, ingot_e_mad(e, loop.index, step[0], index[0]),
                 ingot_e_mad(e, loop.index, step[1], index[1]), loop.args);
    ingot_e_for_end(e, &loop, loop.args);
    for (int i = 0; i < t->n; i++)
        accs[i] = ingot_e_addf(e, accs[i], loop.results[i]);
}

static void reduce_loops(ingot_emitter *e, nest *t, int level, ingot_ev a_index, ingot_ev b_index, ingot_ev *accs)
{
    const ingot_spec *s = t->c->spec;
    int64_t group = t->c->group ? t->c->group : 1;
    if (level == 4) {
        ingot_micro_step(e, &t->m, a_index, b_index, accs);
        return;
    }
    if (level == 3)
        for (int64_t i = 0; i < t->lines; i++)
            ingot_e_prefetch(
                e, INGOT_E_F32, t->ahead,
                ingot_e_add_int(e, ingot_e_div(e, ingot_e_mul_int(e, b_index, t->lines * group), ingot_e_int(e, 16)),
                                i * 16),
                2);
    int64_t count = s->dims[order[level]], b_step = 16;
    ingot_ev a_step = ingot_e_size(e, s->operands[0].strides[order[level]]);
    for (int i = level + 1; i < 4; i++)
        b_step *= s->dims[order[i]] / (i == 3 ? group : 1);
    if (level == 3) {
        count /= group;
        a_step = ingot_e_mul_int(e, a_step, group);
    }
    /* taps of a row that follow each other in memory as their channels do: one loop */
    if (level == 2 && t->c->group && s->operands[0].strides[KW] == s->dims[CI] && !t->lines) {
        count *= s->dims[CI] / group;
        a_step = ingot_e_int(e, group);
        b_step = 16;
        level = 3;
    }
    if (level == 3 && t->c->limited) {
        ingot_micro_words(e, &t->m, &t->limited, count, a_index, b_index, accs);
        return;
    }
    if (level == t->split) {
        ingot_ev index[2] = {a_index, b_index}, step[2] = {a_step, ingot_e_int(e, b_step)}, all = ingot_e_int(e, count);
        ingot_eloop blocks;
        ingot_e_for(e, ingot_e_int(e, 0), all, ingot_e_int(e, t->rounds), t->n, accs, &blocks);
        ingot_ev end = ingot_e_add_int(e, blocks.index, t->rounds);
        sum_rounds(e, t, level, blocks.index, count % t->rounds ? ingot_e_min(e, end, all) : end, index, step,
                   blocks.args);
        ingot_e_for_end(e, &blocks, blocks.args);
        memcpy(accs, blocks.results, (size_t)t->n * sizeof *accs);
        return;
    }
    if (count == 1 || (level == 3 && count <= 4 && group == 1)) {
        for (int64_t i = 0; i < count; i++)
            reduce_loops(e, t, level + 1, ingot_e_add(e, a_index, ingot_e_mul_int(e, a_step, i)),
                         ingot_e_add_int(e, b_index, i * b_step), accs);
        return;
    }
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, count), ingot_e_int(e, 1), t->n, accs, &loop);
    reduce_loops(e, t, level + 1, ingot_e_mad(e, loop.index, a_step, a_index),
                 ingot_e_add(e, b_index, ingot_e_mul_int(e, loop.index, b_step)), loop.args);
    ingot_e_for_end(e, &loop, loop.args);
    memcpy(accs, loop.results, (size_t)t->n * sizeof *accs);
}

/* What is beyond the limits of bytes. */
static void add_records(ingot_emitter *e, const nest *t, ingot_ev *accs)
{
    const ingot_spec *s = t->c->spec;
    ingot_ev strides[4];
    static const int digits[4] = {CB, KH, KW, CI};
    for (int i = 0; i < 4; i++) /* of one round: always 0 */
        strides[i] = s->dims[digits[i]] > 1 ? ingot_e_size(e, s->operands[0].strides[digits[i]]) : ingot_e_int(e, 0);
    ingot_micro_records(e, &t->m, &t->limited, strides, accs);
}

/* Sums -> out for channel block `block`, lanes from `lane0` on, vector q of the tile. */
static void store_vector(ingot_emitter *e, const conv *c, const pixels *where, int q, int vectors, ingot_ev block,
                         ingot_ev lane0, const ingot_ev *accs)
{
    const ingot_spec *s = c->spec;
    int32_t extras = s->n_in - 2, out = s->n_in;
    const ingot_operand *result = &s->operands[out];
    ingot_ev extra[INGOT_SPEC_OPERANDS];
    ingot_emask mask = ingot_e_mask_all();
    if (result->lane != 1) { /* lanes past o are not there */
        ingot_ev first = ingot_e_add(e, ingot_e_mul_int(e, block, 16), lane0);
        if (ingot_size_is_dynamic(s->params[0]) || s->params[0] % 16 != 0)
            mask = ingot_e_mask(e, c->vec, ingot_e_sub(e, ingot_e_size(e, s->params[0]), first));
    }
    for (int i = 0; i < where[0].count; i++) {
        for (int32_t x = 0; x < extras; x++) {
            const ingot_operand *o = &s->operands[2 + x];
            bool varies = ingot_size_is_dynamic(o->strides[OH]) || ingot_size_is_dynamic(o->strides[OW]) ||
                          o->strides[OH] != 0 || o->strides[OW] != 0;
            if (i > 0 && !varies)
                continue;
            const pixels *px = &where[1 + x];
            ingot_ev lane = ingot_e_size(e, o->lane);
            ingot_ev index = ingot_e_add_int(
                e, ingot_e_mad(e, block, ingot_e_size(e, o->strides[OB]), ingot_e_mad(e, lane0, lane, px->index[i])),
                px->shift[i]);
            extra[x] = ingot_e_load_strided(e, ingot_e_with_scalar(c->vec, ingot_e_scalar_of(o->dtype)),
                                            e->operands[2 + x], index, lane, mask);
        }
        ingot_ev lane = ingot_e_size(e, result->lane);
        ingot_ev index = ingot_e_add_int(
            e,
            ingot_e_mad(e, block, ingot_e_size(e, result->strides[OB]), ingot_e_mad(e, lane0, lane, where[0].index[i])),
            where[0].shift[i]);
        ingot_ev v = ingot_micro_apply_body(e, s, accs[i * vectors + q], extras, extra);
        ingot_e_store_strided(e, v, e->operands[out], index, lane, mask);
    }
}

/* Column groups [from, to) of one pixel tile, `vectors` wide. */
static void emit_groups(ingot_emitter *e, const conv *c, int height, int vectors, const ingot_ev *p, ingot_ev from,
                        ingot_ev to)
{
    const ingot_spec *s = c->spec;
    nest t = {.c = c,
              .m = {.type = c->vec,
                    .group = c->group,
                    .a = c->x,
                    .a_near = ingot_e_size(e, s->operands[0].strides[CI]),
                    .vectors = vectors,
                    .mask = ingot_e_mask_all()}};
    pixels x = locate(e, c, height, p, &s->operands[0]), where[INGOT_SPEC_OPERANDS];
    where[0] = locate(e, c, height, p, &s->operands[s->n_in]);
    for (int32_t i = 2; i < s->n_in; i++)
        where[i - 1] = locate(e, c, height, p, &s->operands[i]);
    t.m.rows = x.count;
    t.n = x.count * vectors;
    if (x.count > INGOT_MICRO_ROWS || t.n > INGOT_MICRO_ACCS) {
        ingot_e_fail(e, INGOT_INTERNAL, "convolution tile of %d pixels", x.count);
        return;
    }
    for (int i = 0; i < x.count; i++) {
        t.m.row[i] = x.constant && i ? t.m.row[0] : ingot_e_gep(e, c->x, e->operands[0], x.index[i]);
        t.m.row_shift[i] = x.shift[i];
    }
    int lanes = c->vec.lanes;
    int64_t block_size = taps(s) * 16;
    ingot_eloop loop;
    ingot_e_for(e, from, to, ingot_e_int(e, 1), 0, NULL, &loop);
    /* group -> first channel block and first lane in it */
    ingot_ev block, lane0 = ingot_e_int(e, 0);
    if (c->blocks) {
        block = ingot_e_mul_int(e, loop.index, c->blocks);
    } else {
        int64_t parts = 16 / ((int64_t)vectors * lanes);
        block = ingot_e_div(e, loop.index, ingot_e_int(e, parts));
        lane0 =
            ingot_e_mul_int(e, ingot_e_sub(e, loop.index, ingot_e_mul_int(e, block, parts)), (int64_t)vectors * lanes);
    }
    ingot_ev all_blocks = ingot_e_mad(e, p[P_G], ingot_e_size(e, s->dims[OB]), block);
    ingot_ev w =
        ingot_e_gep(e, INGOT_E_F32, e->operands[1], ingot_e_add(e, ingot_e_mul_int(e, all_blocks, block_size), lane0));
    for (int q = 0; q < vectors; q++) {
        t.m.column[q] = w;
        t.m.column_shift[q] = (int64_t)q * lanes / 16 * block_size + q * lanes % 16;
    }
    if (c->ahead) { /* per group and tile: c->ahead * pixels / groups, in rounds of 256 weights */
        int64_t group = c->group ? c->group : 1;
        t.lines = (c->ahead * x.count / c->groups_per_unit * (16 / group) / taps(s) + 15) / 16;
        ingot_ev pixel = ingot_e_mad(e, p[P_ROW], ingot_e_size(e, s->dims[OW]), p[P_COLUMN]);
        ingot_ev behind = ingot_e_mul_int(e, ingot_e_sub(e, loop.index, from), t.lines * taps(s) * group);
        int64_t unit = (int64_t)c->groups_per_unit * vectors * lanes * taps(s);
        t.ahead = ingot_e_gep(e, INGOT_E_F32, w,
                              ingot_e_add(e, ingot_e_mad(e, pixel, ingot_e_int(e, c->ahead), behind),
                                          ingot_e_sub(e, ingot_e_int(e, unit),
                                                      ingot_e_mul_int(e, ingot_e_sub(e, loop.index, from),
                                                                      (int64_t)vectors * lanes * taps(s)))));
    }
    ingot_ev accs[INGOT_MICRO_ACCS];
    split_sums(&t);
    if (c->limited)
        t.limited = ingot_micro_limited(e, all_blocks, lane0);
    ingot_micro_zero(e, c->vec, t.n, accs);
    reduce_loops(e, &t, 0, ingot_e_int(e, 0), ingot_e_int(e, 0), accs);
    if (c->limited)
        add_records(e, &t, accs);
    for (int q = 0; q < vectors; q++)
        store_vector(e, c, where, q, vectors, ingot_e_add_int(e, block, q * lanes / 16),
                     ingot_e_add_int(e, lane0, q * lanes % 16), accs);
    ingot_e_for_end(e, &loop, NULL);
}

/* Pixel tiles of one height: a helper per height, with all its column groups inside. */
static void emit_tiles(ingot_emitter *e, void *arg, int height, ingot_ev first, ingot_ev count, const ingot_ev *params)
{
    const conv *c = arg;
    ingot_ev p[P_COUNT], args[P_COUNT], inner[P_COUNT], given[P_COUNT];
    ingot_eloop loop;
    memcpy(p, params, sizeof p);
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_ev start = ingot_e_add(e, first, ingot_e_mul_int(e, loop.index, height));
    if (c->mode == AREA)
        p[P_ROW] = start;
    else
        p[P_COLUMN] = start;
    ingot_ehelper h = {.kernel_args = true, .result = ingot_e_type(INGOT_E_NONE)};
    ingot_micro_helper_name(&h, "tile", height, P_COUNT, p);
    for (int i = 0; i < P_COUNT; i++)
        if (!p[i].known) {
            h.types[h.n] = INGOT_E_I64_TYPE;
            args[h.n++] = p[i];
        }
    if (ingot_e_helper_begin(e, &h, given)) {
        for (int i = 0, next = 0; i < P_COUNT; i++)
            inner[i] = p[i].known ? p[i] : given[next++];
        ingot_ev whole = ingot_e_int(e, c->groups - c->odd);
        emit_groups(e, c, height, c->vectors, inner, inner[P_GROUP0],
                    c->odd ? ingot_e_min(e, inner[P_GROUP1], whole) : inner[P_GROUP1]);
        if (c->odd)
            emit_groups(e, c, height, c->vectors / c->blocks, inner, ingot_e_max(e, inner[P_GROUP0], whole),
                        inner[P_GROUP1]);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, args);
    ingot_e_for_end(e, &loop, NULL);
}

static void emit_unit(ingot_emitter *e, conv *c, const split *s, ingot_ev unit)
{
    const ingot_spec *spec = c->spec;
    ingot_ev radix[5] = {ingot_e_size(e, spec->dims[N]), ingot_e_size(e, spec->dims[G]), s->group_chunks, s->row_chunks,
                         s->tile_chunks},
             digits[5], p[P_COUNT];
    ingot_e_unflatten(e, unit, 5, radix, digits);
    p[P_N] = digits[0];
    p[P_G] = digits[1];
    p[P_GROUP0] = ingot_e_mul_int(e, digits[2], c->groups_per_unit);
    p[P_GROUP1] = ingot_e_min(e, ingot_e_add_int(e, p[P_GROUP0], c->groups_per_unit), ingot_e_int(e, c->groups));
    p[P_ROW] = p[P_COLUMN] = ingot_e_int(e, 0);
    ingot_ev tile0 = ingot_e_mul(e, digits[4], s->tiles_per_unit),
             tile1 = ingot_e_min(e, ingot_e_add(e, tile0, s->tiles_per_unit), s->tiles.count);
    ingot_tile_body body = {.emit = emit_tiles, .arg = c, .name = "tile", .n_params = P_COUNT, .params = p};
    if (ingot_e_is_known(s->rows, 1)) {
        ingot_tiling_run(e, &s->tiles, c->limit, tile0, tile1, &body);
        return;
    }
    ingot_ev row0 = ingot_e_mul(e, digits[3], s->rows_per_unit),
             row1 = ingot_e_min(e, ingot_e_add(e, row0, s->rows_per_unit), s->rows);
    ingot_eloop rows;
    ingot_e_for(e, row0, row1, ingot_e_int(e, 1), 0, NULL, &rows);
    p[P_ROW] = rows.index;
    ingot_tiling_run(e, &s->tiles, c->limit, tile0, tile1, &body);
    ingot_e_for_end(e, &rows, NULL);
}

static void body(ingot_emitter *e, ingot_ev begin, ingot_ev end)
{
    conv c = decide(e->spec, e->target);
    split s = make_split(e, &c);
    ingot_eloop loop;
    ingot_e_for(e, begin, end, ingot_e_int(e, 1), 0, NULL, &loop);
    emit_unit(e, &c, &s, loop.index);
    ingot_e_for_end(e, &loop, NULL);
}

static bool supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    static const int fixed[] = {G, OB, CB, CI, KH, KW};
    (void)target;
    *out_why = NULL;
    if (spec->n_in < 2 || spec->n_out != 1) {
        *out_why = "conv: operands";
        return false;
    }
    const ingot_operand *x = &spec->operands[0], *w = &spec->operands[1], *out = &spec->operands[spec->n_in];
    int group = ingot_spec_group(spec);
    ingot_dtype sum = ingot_spec_sum(spec);
    if (!group && (x->dtype != INGOT_F32 || w->dtype != INGOT_F32))
        *out_why = "conv: element types other than f32, i16, u8 and i8, or weights of bf16";
    if (group && ((sum == INGOT_I32 && x->strides[CI] != 1) || spec->dims[CI] % group != 0))
        *out_why = "conv: input channels that are no whole groups";
    if (!ingot_micro_limited_supported(spec, target, out_why))
        return false;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (ingot_size_is_dynamic(spec->dims[fixed[i]]) || spec->dims[fixed[i]] < 1)
            *out_why = "conv: sizes of channels and taps that are not fixed";
        else if (spec->dims[fixed[i]] > (1 << 16))
            *out_why = "conv: more than 65536 channels or taps";
    for (int32_t i = 2; i < spec->n_in; i++)
        if (out->lane == 1 && spec->operands[i].lane != 1 && spec->operands[i].lane != 0)
            *out_why = "conv: lanes of an operand";
    if (spec->has_body &&
        (spec->body.n_args != spec->n_in - 1 || spec->body.n_results != 1 ||
         (ingot_dtype)spec->body.arg_dtypes[0] != sum || ingot_e_prog_result_dtype(&spec->body, 0) != out->dtype))
        *out_why = "conv: body";
    if (!spec->has_body && out->dtype != sum)
        *out_why = "conv: type of the result";
    if (!*out_why &&
        (double)spec->dims[CB] * (double)spec->dims[CI] * (double)spec->dims[KH] * (double)spec->dims[KW] > 1e8)
        *out_why = "conv: too many terms";
    return *out_why == NULL;
}

const ingot_family_emitter ingot_emit_conv = {"conv", units, body, supports};
