/* Winograd convolutions (kernel/winograd.h): for each block of tiles the input transform writes V, a matrix [tiles][k]
 * for each of the points; micro-kernels multiply it with the filters' U of some channel blocks into M; the output
 * transform makes results of M and applies the body.
 *
 * V of a block and M of a chunk of channel blocks stay in L2; U streams through it, fetched one panel ahead when it
 * does not fit. Tiles over the right and lower edge read zeros there and store what is inside. A part of the channels
 * on its own makes V again, unless the unit before, in the same call, has left it.
 *
 * Sizes may be open: how many tiles a block has is then a run's, and so is the height of its register tiles.
 *
 * Integers (kernel/winograd_exact.h) are 16 bits in V, sums of 32 bits in M.
 */
#include "codegen/microkernel.h"
#include "codegen/winograd_lines.h"
#include <stdio.h>
#include <string.h>

enum { N, OB, OH, OW, CB }; /* iteration dims */

typedef struct winograd {
    const ingot_spec *spec;
    const ingot_winograd *h, *w; /* along rows and columns */
    ingot_winograd_layout l;
    ingot_etype vec;  /* of sums */
    ingot_etype x, v; /* of x as it is loaded, of V: as many lanes */
    int mr, vectors;  /* tiles and vectors of a register tile */
    int blocks;       /* channel blocks of one; 0: a part of a block */
    bool half;        /* the last channel block has eight channels or less, and vectors are no longer */
    int64_t panel;    /* 32 bits of U for a point and a channel block */
    bool fetch;       /* U ahead */
    int32_t scratch;  /* operand */
} winograd;

static winograd decide(const ingot_spec *spec, const ingot_target *target)
{
    winograd c = {.spec = spec, .mr = target->tile_rows};
    const char *why;
    ingot_winograd_layout_get(spec, &c.l, &why);
    c.vec = ingot_e_vector(ingot_e_scalar_of(ingot_spec_sum(spec)), target->vector_bytes / 4);
    c.v = c.vec;
    if (c.l.group == 2) /* a block's channels at most */
        c.v = ingot_e_vector(INGOT_E_I16, target->vector_bytes > 32 ? 16 : target->vector_bytes / 2);
    c.x = ingot_e_with_scalar(c.v, ingot_e_scalar_of(spec->operands[0].dtype));
    c.h = c.l.h;
    c.w = c.l.w;
    int columns = target->tile_cols > 16 && spec->dims[OB] < 2 ? 16 : target->tile_cols;
    c.vectors = columns / c.vec.lanes;
    c.blocks = columns / 16;
    c.half = (c.l.o - 1) % 16 < 8 && c.vec.lanes <= 8;
    c.panel = c.l.words * 16;
    c.fetch = ingot_winograd_filter_bytes(spec) > target->l2_bytes / 2;
    c.scratch = spec->n_in + 1;
    return c;
}

static ingot_ev size(ingot_emitter *e, const winograd *c, int d)
{
    return ingot_e_size(e, c->spec->dims[d]);
}

static ingot_ev tiles_x(ingot_emitter *e, const winograd *c)
{
    return ingot_e_ceil_div(e, size(e, c, OW), ingot_e_int(e, c->w->m));
}

static ingot_ev tiles_y(ingot_emitter *e, const winograd *c)
{
    return ingot_e_ceil_div(e, size(e, c, OH), ingot_e_int(e, c->h->m));
}

/* How the work is cut. */
typedef struct split {
    ingot_ev tiles, blocks;
    ingot_ev run, part, parts; /* of a unit: blocks, channel blocks; units of a run of blocks */
    ingot_ev units;
} split;

static split make_split(ingot_emitter *e, const winograd *c)
{
    const ingot_winograd_layout *l = &c->l;
    split s = {.run = ingot_e_int(e, l->run), .part = ingot_e_int(e, l->part), .parts = ingot_e_int(e, l->parts)};
    s.tiles = ingot_e_mul(e, size(e, c, N), ingot_e_mul(e, tiles_y(e, c), tiles_x(e, c)));
    s.blocks = ingot_e_ceil_div(e, s.tiles, ingot_e_int(e, l->block));
    if (l->open) {
        ingot_ev most = ingot_e_int(e, l->units);
        ingot_ev many = ingot_e_cmp(e, "sgt", ingot_e_mul_int(e, s.blocks, l->parts), most);
        s.part = ingot_e_select(e, many, size(e, c, OB), s.part);
        s.parts = ingot_e_select(e, many, ingot_e_int(e, 1), s.parts);
        s.run = ingot_e_max(e, s.run, ingot_e_ceil_div(e, s.blocks, most));
    }
    s.units = ingot_e_mul(e, ingot_e_ceil_div(e, s.blocks, s.run), s.parts);
    return s;
}

static ingot_ev units(ingot_emitter *e)
{
    winograd c = decide(e->spec, e->target);
    return make_split(e, &c).units;
}

/* ---- Input transform ---- */

static ingot_escalar scalar_of(ingot_etype type)
{
    return (ingot_escalar)type.scalar;
}

/* Of x, as V has it. */
static ingot_ev load_x(ingot_emitter *e, const winograd *c, ingot_ev base, int64_t index)
{
    ingot_ev x = ingot_e_load(e, c->x, base, ingot_e_int(e, index));
    return c->x.scalar == c->v.scalar ? x : ingot_e_cast(e, "arith.extui", x, scalar_of(c->v));
}

/* `count` tiles side by side of the first `width` channels of a block: from `x`, with rows `row` apart, to V at element
 * `to`. */
static void write_input(ingot_emitter *e, const winograd *c, ingot_ev x, ingot_ev row, ingot_ev to, ingot_ev count,
                        ingot_ev width)
{
    int th = c->h->t, tw = c->w->t;
    ingot_ev grid[INGOT_WINOGRAD_T][INGOT_WINOGRAD_T], column[INGOT_WINOGRAD_T], rows[INGOT_WINOGRAD_T];
    ingot_eloop tiles, lanes;
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, 1), 0, NULL, &tiles);
    ingot_e_for(e, ingot_e_int(e, 0), width, ingot_e_int(e, c->v.lanes), 0, NULL, &lanes);
    ingot_ev from =
        ingot_e_gep(e, scalar_of(c->x), x, ingot_e_add(e, ingot_e_mul_int(e, tiles.index, c->w->m * 16), lanes.index));
    for (int i = 0; i < th; i++)
        rows[i] = ingot_e_gep(e, scalar_of(c->x), from, ingot_e_mul_int(e, row, i));
    for (int j = 0; j < tw; j++) {
        for (int i = 0; i < th; i++)
            column[i] = load_x(e, c, rows[i], 16 * j);
        ingot_winograd_line_in(e, c->h, column, grid[j]);
    }
    ingot_ev v =
        ingot_e_gep(e, scalar_of(c->v), e->operands[c->scratch],
                    ingot_e_add(e, to, ingot_e_add(e, ingot_e_mul_int(e, tiles.index, c->l.v_row), lanes.index)));
    for (int i = 0; i < th; i++) {
        ingot_ev line[INGOT_WINOGRAD_T], out[INGOT_WINOGRAD_T];
        for (int j = 0; j < tw; j++)
            line[j] = grid[j][i];
        ingot_winograd_line_in(e, c->w, line, out);
        for (int j = 0; j < tw; j++)
            ingot_e_store(e, out[j], v, ingot_e_int(e, (i * tw + j) * c->l.v_plane));
    }
    ingot_e_for_end(e, &lanes, NULL);
    ingot_e_for_end(e, &tiles, NULL);
}

static void call_input(ingot_emitter *e, const winograd *c, ingot_ev x, ingot_ev row, ingot_ev to, ingot_ev count,
                       ingot_ev width)
{
    ingot_ehelper h = {
        .name = "input",
        .kernel_args = true,
        .n = 5,
        .types = {ingot_e_type(INGOT_E_PTR), INGOT_E_I64_TYPE, INGOT_E_I64_TYPE, INGOT_E_I64_TYPE, INGOT_E_I64_TYPE},
        .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev p[5];
    if (ingot_e_helper_begin(e, &h, p)) {
        write_input(e, c, p[0], p[1], p[2], p[3], p[4]);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, (ingot_ev[]){x, row, to, count, width});
}

/* A tile over an edge: the `high` rows and `wide` columns that are there, and zeros. */
static void write_edge_input(ingot_emitter *e, const winograd *c, ingot_ev x, ingot_ev high, ingot_ev wide, ingot_ev to)
{
    int th = c->h->t, tw = c->w->t;
    ingot_ev stage = ingot_e_alloca(e, scalar_of(c->x), c->l.points * 16), zero = ingot_e_int(e, 0),
             one = ingot_e_int(e, 1);
    ingot_eloop rows, columns, lanes;
    ingot_e_for(e, zero, ingot_e_int(e, th), one, 0, NULL, &rows);
    ingot_e_for(e, zero, ingot_e_int(e, tw), one, 0, NULL, &columns);
    ingot_ev inside = ingot_e_op2(e, "arith.andi", ingot_e_cmp(e, "slt", rows.index, high),
                                  ingot_e_cmp(e, "slt", columns.index, wide));
    ingot_e_for(e, zero, ingot_e_int(e, 16), ingot_e_int(e, c->x.lanes), 0, NULL, &lanes);
    ingot_ev lane = ingot_e_add(e, ingot_e_mul_int(e, columns.index, 16), lanes.index);
    ingot_eif there;
    ingot_e_if(e, inside, 1, &c->x, &there);
    ingot_ev value = ingot_e_load(e, c->x, x,
                                  ingot_e_mad(e, rows.index, ingot_e_size(e, c->spec->operands[0].strides[OH]), lane)),
             none = ingot_e_zero(e, c->x);
    ingot_e_else(e, &there, &value);
    ingot_e_if_end(e, &there, &none);
    ingot_e_store(e, there.results[0], stage, ingot_e_add(e, ingot_e_mul_int(e, rows.index, tw * 16), lane));
    ingot_e_for_end(e, &lanes, NULL);
    ingot_e_for_end(e, &columns, NULL);
    ingot_e_for_end(e, &rows, NULL);
    call_input(e, c, stage, ingot_e_int(e, tw * 16), to, one, ingot_e_int(e, 16));
}

static void call_edge_input(ingot_emitter *e, const winograd *c, ingot_ev x, ingot_ev high, ingot_ev wide, ingot_ev to)
{
    ingot_ehelper h = {.name = "edge_input",
                       .kernel_args = true,
                       .n = 4,
                       .types = {ingot_e_type(INGOT_E_PTR), INGOT_E_I64_TYPE, INGOT_E_I64_TYPE, INGOT_E_I64_TYPE},
                       .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev p[4];
    if (ingot_e_helper_begin(e, &h, p)) {
        write_edge_input(e, c, p[0], p[1], p[2], p[3]);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, (ingot_ev[]){x, high, wide, to});
}

/* A block's tiles as runs in rows of tiles, so that memory is gone through in order: a loop over the rows, and what is
 * known of a run inside it. */
typedef struct tile_runs {
    ingot_eloop loop;
    ingot_ev before;             /* tiles of the block before the run */
    ingot_ev count;              /* of the run */
    ingot_ev image, row, column; /* of the run's first result */
} tile_runs;

static void begin_runs(ingot_emitter *e, const winograd *c, ingot_ev first, ingot_ev count, tile_runs *runs)
{
    ingot_ev across = tiles_x(e, c), down = tiles_y(e, c), one = ingot_e_int(e, 1), end = ingot_e_add(e, first, count);
    ingot_e_for(e, ingot_e_div(e, first, across), ingot_e_ceil_div(e, end, across), one, 0, NULL, &runs->loop);
    ingot_ev begin = ingot_e_mul(e, runs->loop.index, across), from = ingot_e_max(e, first, begin);
    runs->before = ingot_e_sub(e, from, first);
    runs->count = ingot_e_sub(e, ingot_e_min(e, end, ingot_e_add(e, begin, across)), from);
    runs->image = ingot_e_div(e, runs->loop.index, down);
    runs->row = ingot_e_mul_int(e, ingot_e_sub(e, runs->loop.index, ingot_e_mul(e, runs->image, down)), c->h->m);
    runs->column = ingot_e_mul_int(e, ingot_e_sub(e, from, begin), c->w->m);
}

/* Tiles of the run that are inside as a whole; they come first. */
static ingot_ev whole_tiles(ingot_emitter *e, const winograd *c, const tile_runs *run)
{
    ingot_ev room = ingot_e_sub(e, size(e, c, OW), run->column), zero = ingot_e_int(e, 0);
    ingot_ev n = ingot_e_min(e, run->count, ingot_e_div(e, ingot_e_max(e, room, zero), ingot_e_int(e, c->w->m)));
    ingot_ev high = ingot_e_cmp(e, "sle", ingot_e_add_int(e, run->row, c->h->m), size(e, c, OH));
    return ingot_e_select(e, high, n, zero);
}

/* Whether all rows or columns fill whole tiles. */
static bool no_edge(ingot_size size, int m)
{
    return !ingot_size_is_dynamic(size) && size % m == 0;
}

static void write_v(ingot_emitter *e, const winograd *c, ingot_ev count, ingot_ev first, ingot_ev slice)
{
    const ingot_spec *s = c->spec;
    const ingot_operand *in = &s->operands[0];
    bool edges = !no_edge(s->dims[OH], c->h->m) || !no_edge(s->dims[OW], c->w->m);
    ingot_ev row_stride = ingot_e_size(e, in->strides[OH]);
    tile_runs run;
    ingot_eloop blocks, loop;
    begin_runs(e, c, first, count, &run);
    ingot_ev at = ingot_e_linear(e, 3, (ingot_ev[]){run.image, run.row, run.column},
                                 (ingot_size[]){in->strides[N], in->strides[OH], 16});
    ingot_ev whole = edges ? whole_tiles(e, c, &run) : run.count;
    ingot_ev v = ingot_e_mad(e, slice, ingot_e_int(e, c->l.group), ingot_e_mul_int(e, run.before, c->l.v_row)),
             one = ingot_e_int(e, 1);
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, s->dims[CB]), one, 0, NULL, &blocks);
    ingot_ev x = ingot_e_gep(e, scalar_of(c->x), e->operands[0],
                             ingot_e_mad(e, blocks.index, ingot_e_size(e, in->strides[CB]), at));
    ingot_ev to = ingot_e_add(e, v, ingot_e_mul_int(e, blocks.index, 16));
    ingot_ev width = ingot_e_min(e, ingot_e_sub(e, ingot_e_int(e, c->l.c), ingot_e_mul_int(e, blocks.index, 16)),
                                 ingot_e_int(e, 16));
    call_input(e, c, x, row_stride, to, whole, width);
    if (edges) {
        ingot_e_for(e, whole, run.count, one, 0, NULL, &loop);
        ingot_ev high = ingot_e_sub(e, ingot_e_add_int(e, size(e, c, OH), c->h->taps - 1), run.row),
                 wide = ingot_e_sub(e, ingot_e_add_int(e, size(e, c, OW), c->w->taps - 1), run.column);
        call_edge_input(e, c, ingot_e_gep(e, scalar_of(c->x), x, ingot_e_mul_int(e, loop.index, c->w->m * 16)), high,
                        ingot_e_sub(e, wide, ingot_e_mul_int(e, loop.index, c->w->m)),
                        ingot_e_add(e, to, ingot_e_mul_int(e, loop.index, c->l.v_row)));
        ingot_e_for_end(e, &loop, NULL);
    }
    ingot_e_for_end(e, &blocks, NULL);
    ingot_e_for_end(e, &run.loop, NULL);
}

/* ---- Products ---- */

#define SUMMED_AT_ONCE \
    96 /* channels of floats: the error of a sum grows with its length, that of sums of sums hardly */

/* Where a register tile reads and writes. */
typedef struct product {
    int height, vectors;
    ingot_ev v, u, m, ahead; /* pointers */
    ingot_ev ahead_step;
} product;

/* `count` steps, of one channel or two, from `first` on: M = V U, or M += V U. */
static void sum_channels(ingot_emitter *e, const winograd *c, const product *p, ingot_ev first, ingot_ev count,
                         bool more)
{
    int lanes = c->vec.lanes, n = p->height * p->vectors;
    ingot_ev accs[INGOT_MICRO_ACCS], v = ingot_e_gep(e, scalar_of(c->v), p->v, ingot_e_mul_int(e, first, c->l.group)),
                                     u = ingot_e_gep(e, scalar_of(c->vec), p->u, ingot_e_mul_int(e, first, 16));
    ingot_micro m = {.type = c->vec,
                     .group = c->l.group == 2 ? 2 : 0,
                     .a = scalar_of(c->v),
                     .rows = p->height,
                     .vectors = p->vectors,
                     .mask = ingot_e_mask_all()};
    for (int q = 0; q < p->vectors; q++) {
        m.column[q] = u;
        m.column_shift[q] = q * lanes / 16 * c->panel + q * lanes % 16;
    }
    for (int r = 0; r < p->height; r++) {
        m.row[r] = v;
        m.row_shift[r] = r * c->l.v_row;
    }
    m.fetch = c->fetch;
    m.ahead_step = p->ahead_step;
    if (c->fetch)
        m.ahead = ingot_e_gep(e, scalar_of(c->vec), p->ahead, ingot_e_mul(e, first, p->ahead_step));
    ingot_micro_zero(e, c->vec, n, accs);
    ingot_micro_loop(e, &m, count, ingot_e_int(e, c->l.group), ingot_e_int(e, 16), accs);
    for (int r = 0; r < p->height; r++)
        for (int q = 0; q < p->vectors; q++) {
            ingot_ev at = ingot_e_int(e, q * lanes / 16 * c->l.block * 16 + r * 16 + q * lanes % 16),
                     sum = accs[r * p->vectors + q];
            if (more)
                sum = ingot_e_addf(e, ingot_e_load(e, c->vec, p->m, at), sum);
            ingot_e_store(e, sum, p->m, at);
        }
}

/* `tiles` register tiles of `height` tiles each for one point and one group of channels. */
static void write_product(ingot_emitter *e, const winograd *c, int height, int vectors, bool zeros, ingot_ev ahead_step,
                          const ingot_ev *given)
{
    enum { FROM, FILTERS, TO, TILES, AHEAD };
    product p = {.height = height, .vectors = vectors, .ahead_step = ahead_step};
    int64_t steps = c->l.steps, blocks = c->l.group == 2 ? 1 : (steps + SUMMED_AT_ONCE - 1) / SUMMED_AT_ONCE,
            size = (steps + blocks - 1) / blocks;
    ingot_ev scratch = e->operands[c->scratch], filters = e->operands[1], step = ingot_e_int(e, size);
    ingot_eloop loop, rest;
    p.u = ingot_e_gep(e, scalar_of(c->vec), filters, given[FILTERS]);
    ingot_e_for(e, ingot_e_int(e, 0), given[TILES], ingot_e_int(e, 1), 0, NULL, &loop);
    p.v = ingot_e_gep(e, scalar_of(c->v), scratch,
                      ingot_e_add(e, given[FROM], ingot_e_mul_int(e, loop.index, height * c->l.v_row)));
    p.m = ingot_e_gep(e, scalar_of(c->vec), scratch,
                      ingot_e_add(e, given[TO], ingot_e_mul_int(e, loop.index, height * 16)));
    if (c->fetch)
        p.ahead = ingot_e_gep(e, scalar_of(c->vec), filters,
                              ingot_e_mad(e, loop.index, ingot_e_mul_int(e, ahead_step, c->l.words), given[AHEAD]));
    sum_channels(e, c, &p, ingot_e_int(e, 0), step, false);
    if (blocks > 1) {
        ingot_e_for(e, step, ingot_e_int(e, steps), step, 0, NULL, &rest);
        ingot_ev left = ingot_e_sub(e, ingot_e_int(e, steps), rest.index);
        sum_channels(e, c, &p, rest.index, steps % size == 0 ? step : ingot_e_min(e, step, left), true);
        ingot_e_for_end(e, &rest, NULL);
    }
    for (int r = 0; r < height && zeros; r++) /* the half of the block that has no channels */
        for (int q = 0; q < 8; q += c->vec.lanes)
            ingot_e_store(e, ingot_e_zero(e, c->vec), p.m, ingot_e_int(e, r * 16 + 8 + q));
    ingot_e_for_end(e, &loop, NULL);
}

/* Register tiles of a height that is told apart in a run. */
typedef struct open_product {
    const winograd *c;
    int vectors;
    bool half;
} open_product;

enum { OPEN_FROM, OPEN_FILTERS, OPEN_TO, OPEN_AHEAD, OPEN_STEP, OPEN_COUNT };

static void open_height(ingot_emitter *e, void *arg, int height, ingot_ev start, ingot_ev count, const ingot_ev *p)
{
    const open_product *of = arg;
    const winograd *c = of->c;
    ingot_ev before = ingot_e_div(e, start, ingot_e_int(e, height + 1)); /* tall ones: none, they come first */
    const ingot_ev given[5] = {ingot_e_mad(e, start, ingot_e_int(e, c->l.v_row), p[OPEN_FROM]), p[OPEN_FILTERS],
                               ingot_e_add(e, p[OPEN_TO], ingot_e_mul_int(e, start, 16)), count,
                               ingot_e_mad(e, before, ingot_e_mul_int(e, p[OPEN_STEP], c->l.words), p[OPEN_AHEAD])};
    write_product(e, c, height, of->vectors, of->half, p[OPEN_STEP], given);
}

/* All tiles of a block for one point and one group of channels: two heights at most. */
static void call_products(ingot_emitter *e, const winograd *c, ingot_ev all, int vectors, bool half, ingot_ev from,
                          ingot_ev filters, ingot_ev to, ingot_ev ahead)
{
    /* half as wide, twice as high */
    bool higher = vectors < c->vectors && 2 * c->mr <= INGOT_MICRO_ROWS;
    int limit = higher ? 2 * c->mr : c->mr;
    ingot_tiling t = ingot_tiling_make(e, all, limit);
    if (!all.known) {
        ingot_ev share = c->fetch ? ingot_e_ceil_div(e, ingot_e_int(e, 16), t.count) : ingot_e_int(e, 0);
        open_product of = {c, vectors, half};
        const ingot_ev params[OPEN_COUNT] = {from, filters, to, ahead, share};
        ingot_tiling_run(e, &t, limit, ingot_e_int(e, 0), t.count,
                         &(ingot_tile_body){open_height, &of, "product", OPEN_COUNT, params});
        return;
    }
    int64_t step = c->fetch ? (16 + t.count.value - 1) / t.count.value : 0, done = 0;
    for (int part = 0; part < 2; part++) {
        int64_t tiles = part == 0 ? t.tall_count.value : t.count.value - t.tall_count.value,
                height = t.tall.value - part, before = part == 0 ? 0 : t.tall_count.value;
        if (tiles == 0)
            continue;
        ingot_ehelper h = {.kernel_args = true, .n = 5, .result = ingot_e_type(INGOT_E_NONE)};
        snprintf(h.name, sizeof h.name, "product%dx%d_%d%s", (int)height, vectors, (int)step, half ? "_half" : "");
        ingot_ev p[5];
        for (int i = 0; i < h.n; i++)
            h.types[i] = INGOT_E_I64_TYPE;
        if (ingot_e_helper_begin(e, &h, p)) {
            write_product(e, c, (int)height, vectors, half, ingot_e_int(e, step), p);
            ingot_e_helper_end(e, (ingot_ev){.id = -1});
        }
        ingot_e_call(e, &h,
                     (ingot_ev[]){ingot_e_add_int(e, from, done * c->l.v_row), filters,
                                  ingot_e_add_int(e, to, done * 16), ingot_e_int(e, tiles),
                                  ingot_e_add_int(e, ahead, before * step * c->l.words)});
        done += tiles * height;
    }
}

/* M for channel blocks [ob0, ob1), points one after the other. */
static void write_m(ingot_emitter *e, const winograd *c, ingot_ev count, ingot_ev slice, ingot_ev ob0, ingot_ev ob1)
{
    int64_t points = c->l.points, plane = c->spec->dims[OB] * c->panel;
    int64_t step = c->blocks > 1 ? c->blocks : 1;
    ingot_ev one = ingot_e_int(e, 1), filters = ingot_e_mul_int(e, ob0, c->panel);
    ingot_eloop point, group, half;
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, points), one, 0, NULL, &point);
    ingot_ev from = ingot_e_mad(e, slice, ingot_e_int(e, c->l.group), ingot_e_mul_int(e, point.index, c->l.v_plane)),
             to = ingot_e_add(e, ingot_e_add_int(e, slice, c->l.m_at), ingot_e_mul_int(e, point.index, c->l.m_plane)),
             base = ingot_e_mul_int(e, point.index, plane);
    /* the panel after the last: the next point's first, or the next chunk's */
    ingot_ev last = ingot_e_cmp(e, "eq", point.index, ingot_e_int(e, points - 1));
    ingot_ev after = ingot_e_select(e, last, ingot_e_mul_int(e, ob1, c->panel),
                                    ingot_e_add(e, ingot_e_add_int(e, base, plane), filters));
    ingot_e_for(e, ob0, ob1, ingot_e_int(e, step), 0, NULL, &group);
    ingot_ev u = ingot_e_add(e, base, ingot_e_mul_int(e, group.index, c->panel)),
             next = ingot_e_add_int(e, group.index, step),
             m = ingot_e_add(e, to, ingot_e_mul_int(e, ingot_e_sub(e, group.index, ob0), c->l.block * 16));
    ingot_ev ahead = ingot_e_select(e, ingot_e_cmp(e, "slt", next, ob1), ingot_e_add_int(e, u, step * c->panel), after);
    ingot_eif whole;
    ingot_ev is_whole = ingot_e_cmp(e, "sle", next, ob1);
    if (c->half)
        is_whole = ingot_e_cmp(e, "slt", group.index, ingot_e_int(e, c->spec->dims[OB] - 1));
    int width = c->vectors * c->vec.lanes, narrow = c->blocks > 1 ? 16 : 8;
    ingot_e_if(e, is_whole, 0, NULL, &whole);
    half.index = ingot_e_int(e, 0);
    if (width < 16)
        ingot_e_for(e, half.index, ingot_e_int(e, 16), ingot_e_int(e, width), 0, NULL, &half);
    call_products(e, c, count, c->vectors, false, from, ingot_e_add(e, u, half.index), ingot_e_add(e, m, half.index),
                  ahead);
    if (width < 16)
        ingot_e_for_end(e, &half, NULL);
    if (c->blocks > 1 || c->half) {
        ingot_e_else(e, &whole, NULL);
        call_products(e, c, count, narrow / c->vec.lanes, c->half, from, u, m, ahead);
    }
    ingot_e_if_end(e, &whole, NULL);
    ingot_e_for_end(e, &group, NULL);
    ingot_e_for_end(e, &point, NULL);
}

/* ---- Output transform ---- */

enum { O_FROM, O_IMAGE, O_ROW, O_COLUMN, O_TILES, O_BLOCK, O_COUNT };

static ingot_ev pixel_index(ingot_emitter *e, const ingot_operand *o, const ingot_ev *p, int i, int j)
{
    return ingot_e_linear(
        e, 4, (ingot_ev[]){p[O_IMAGE], p[O_BLOCK], ingot_e_add_int(e, p[O_ROW], i), ingot_e_add_int(e, p[O_COLUMN], j)},
        o->strides);
}

static ingot_ev load_extra(ingot_emitter *e, const winograd *c, int32_t x, const ingot_ev *p, ingot_ev lane0, int i,
                           int j)
{
    const ingot_operand *o = &c->spec->operands[x];
    return ingot_e_load_strided(e, ingot_e_with_scalar(c->vec, ingot_e_scalar_of(o->dtype)), e->operands[x],
                                ingot_e_add(e, pixel_index(e, o, p, i, j), ingot_e_mul_int(e, lane0, o->lane)),
                                ingot_e_int(e, o->lane), ingot_e_mask_all());
}

static bool same_everywhere(const ingot_operand *o)
{
    return o->strides[OH] == 0 && o->strides[OW] == 0;
}

/* Result (i, j) of the tile at p: the body, and the store. `fixed`: extras that are the same for all results. */
static void store_pixel(ingot_emitter *e, const winograd *c, const ingot_ev *p, ingot_ev lane0, int i, int j,
                        const ingot_ev *fixed, ingot_ev value)
{
    const ingot_spec *s = c->spec;
    int32_t extras = s->n_in - 2, out = s->n_in;
    ingot_ev extra[INGOT_SPEC_OPERANDS];
    for (int32_t x = 0; x < extras; x++)
        extra[x] = same_everywhere(&s->operands[2 + x]) ? fixed[x] : load_extra(e, c, 2 + x, p, lane0, i, j);
    ingot_e_store(e, ingot_micro_apply_body(e, s, value, extras, extra), e->operands[out],
                  ingot_e_add(e, pixel_index(e, &s->operands[out], p, i, j), lane0));
}

/* Whether row or column `i` of a tile is inside for every tile. */
static bool always_inside(ingot_size size, int m, int i)
{
    return i == 0 || (!ingot_size_is_dynamic(size) && (size % m == 0 || i < size % m));
}

/* Results of the tile at p from `source`, a vector of channels. whole: all of it is inside. */
static void write_tile(ingot_emitter *e, const winograd *c, const ingot_ev *p, ingot_ev source, ingot_ev lane0,
                       const ingot_ev *fixed, bool whole)
{
    const ingot_spec *s = c->spec;
    int th = c->h->t, tw = c->w->t, mh = c->h->m, mw = c->w->m;
    ingot_winograd_unscale unscale = ingot_winograd_exact_unscale(mh, mw);
    ingot_ev grid[INGOT_WINOGRAD_T][4];
    for (int j = 0; j < tw; j++) {
        ingot_ev column[INGOT_WINOGRAD_T];
        for (int i = 0; i < th; i++)
            column[i] = ingot_e_load(e, c->vec, source, ingot_e_int(e, (i * tw + j) * c->l.m_plane));
        ingot_winograd_line_out(e, c->h, column, grid[j]);
    }
    for (int i = 0; i < mh; i++) {
        ingot_ev line[INGOT_WINOGRAD_T], out[4], inside;
        ingot_eif row, column;
        bool rows = whole || always_inside(s->dims[OH], mh, i);
        if (!rows) {
            inside = ingot_e_cmp(e, "slt", ingot_e_add_int(e, p[O_ROW], i), size(e, c, OH));
            ingot_e_if(e, inside, 0, NULL, &row);
        }
        for (int j = 0; j < tw; j++)
            line[j] = grid[j][i];
        ingot_winograd_line_out(e, c->w, line, out);
        for (int j = 0; j < mw; j++) {
            bool columns = whole || always_inside(s->dims[OW], mw, j);
            if (!columns) {
                inside = ingot_e_cmp(e, "slt", ingot_e_add_int(e, p[O_COLUMN], j), size(e, c, OW));
                ingot_e_if(e, inside, 0, NULL, &column);
            }
            store_pixel(e, c, p, lane0, i, j, fixed,
                        c->l.group == 2 ? ingot_winograd_unscaled(e, unscale, out[j]) : out[j]);
            if (!columns)
                ingot_e_if_end(e, &column, NULL);
        }
        if (!rows)
            ingot_e_if_end(e, &row, NULL);
    }
}

/* A run of tiles of one channel block. */
static void write_output(ingot_emitter *e, const winograd *c, const ingot_ev *given, bool whole)
{
    const ingot_spec *s = c->spec;
    ingot_ev fixed[INGOT_SPEC_OPERANDS], p[O_COUNT];
    ingot_eloop tiles, lanes;
    memcpy(p, given, sizeof p);
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, 16), ingot_e_int(e, c->vec.lanes), 0, NULL, &lanes);
    for (int32_t x = 2; x < s->n_in; x++)
        if (same_everywhere(&s->operands[x]))
            fixed[x - 2] = load_extra(e, c, x, p, lanes.index, 0, 0);
    ingot_e_for(e, ingot_e_int(e, 0), p[O_TILES], ingot_e_int(e, 1), 0, NULL, &tiles);
    p[O_COLUMN] = ingot_e_add(e, given[O_COLUMN], ingot_e_mul_int(e, tiles.index, c->w->m));
    ingot_ev from = ingot_e_add(e, p[O_FROM], ingot_e_add(e, ingot_e_mul_int(e, tiles.index, 16), lanes.index));
    write_tile(e, c, p, ingot_e_gep(e, scalar_of(c->vec), e->operands[c->scratch], from), lanes.index, fixed, whole);
    ingot_e_for_end(e, &tiles, NULL);
    ingot_e_for_end(e, &lanes, NULL);
}

static void call_output(ingot_emitter *e, const winograd *c, const ingot_ev *args, bool whole)
{
    ingot_ehelper h = {.kernel_args = true, .n = O_COUNT, .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev p[O_COUNT];
    snprintf(h.name, sizeof h.name, "output%s", whole ? "_whole" : "");
    for (int i = 0; i < O_COUNT; i++)
        h.types[i] = INGOT_E_I64_TYPE;
    if (ingot_e_helper_begin(e, &h, p)) {
        write_output(e, c, p, whole);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, args);
}

static void write_results(ingot_emitter *e, const winograd *c, ingot_ev count, ingot_ev first, ingot_ev slice,
                          ingot_ev ob0, ingot_ev ob1)
{
    tile_runs run;
    ingot_eloop blocks;
    begin_runs(e, c, first, count, &run);
    /* open sizes: where every tile could be over an edge, those that are not are told apart */
    ingot_ev whole = c->l.open ? whole_tiles(e, c, &run) : ingot_e_int(e, 0);
    ingot_ev m = ingot_e_add(e, ingot_e_add_int(e, slice, c->l.m_at), ingot_e_mul_int(e, run.before, 16));
    ingot_e_for(e, ob0, ob1, ingot_e_int(e, 1), 0, NULL, &blocks);
    ingot_ev from = ingot_e_mad(e, ingot_e_sub(e, blocks.index, ob0), ingot_e_int(e, c->l.block * 16), m);
    ingot_ev args[O_COUNT] = {from, run.image, run.row, run.column, whole, blocks.index};
    if (c->l.open)
        call_output(e, c, args, true);
    args[O_FROM] = ingot_e_add(e, from, ingot_e_mul_int(e, whole, 16));
    args[O_COLUMN] = ingot_e_add(e, run.column, ingot_e_mul_int(e, whole, c->w->m));
    args[O_TILES] = ingot_e_sub(e, run.count, whole);
    call_output(e, c, args, false);
    ingot_e_for_end(e, &blocks, NULL);
    ingot_e_for_end(e, &run.loop, NULL);
}

/* ---- Units ---- */

/* `count` tiles from `first` on for channel blocks [ob0, ob1). */
enum { FIRST, OB0, OB1, SLICE, FRESH, TILES, BLOCK_ARGS };

static void write_block(ingot_emitter *e, const winograd *c, ingot_ev count, const ingot_ev *p)
{
    ingot_eif fresh;
    ingot_e_if(e, ingot_e_cmp(e, "ne", p[FRESH], ingot_e_int(e, 0)), 0, NULL, &fresh);
    write_v(e, c, count, p[FIRST], p[SLICE]);
    ingot_e_if_end(e, &fresh, NULL);
    ingot_eloop loop;
    ingot_ev step = ingot_e_int(e, c->l.chunk);
    ingot_e_for(e, p[OB0], p[OB1], step, 0, NULL, &loop);
    ingot_ev end = ingot_e_min(e, ingot_e_add(e, loop.index, step), p[OB1]);
    write_m(e, c, count, p[SLICE], loop.index, end);
    write_results(e, c, count, p[FIRST], p[SLICE], loop.index, end);
    ingot_e_for_end(e, &loop, NULL);
}

static void call_block(ingot_emitter *e, const winograd *c, ingot_ev count, ingot_ev *args)
{
    ingot_ehelper h = {.kernel_args = true, .n = BLOCK_ARGS, .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev p[BLOCK_ARGS];
    args[TILES] = count;
    snprintf(h.name, sizeof h.name, "block%d", count.known ? (int)count.value : 0);
    for (int i = 0; i < h.n; i++)
        h.types[i] = INGOT_E_I64_TYPE;
    if (ingot_e_helper_begin(e, &h, p)) {
        write_block(e, c, count.known ? count : p[TILES], p);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, args);
}

static void body(ingot_emitter *e, ingot_ev begin, ingot_ev end)
{
    winograd c = decide(e->spec, e->target);
    const ingot_winograd_layout *l = &c.l;
    split s = make_split(e, &c);
    ingot_ev one = ingot_e_int(e, 1), slice = ingot_e_mul_int(e, begin, l->slice), digits[2];
    ingot_eloop loop, blocks;
    ingot_e_for(e, begin, end, one, 0, NULL, &loop);
    ingot_e_unflatten(e, loop.index, 2, (ingot_ev[]){ingot_e_ceil_div(e, s.blocks, s.run), s.parts}, digits);
    ingot_ev block0 = ingot_e_mul(e, digits[0], s.run), ob0 = ingot_e_mul(e, digits[1], s.part),
             block1 = ingot_e_min(e, ingot_e_add(e, block0, s.run), s.blocks),
             ob1 = ingot_e_min(e, ingot_e_add(e, ob0, s.part), size(e, &c, OB));
    /* V of the unit before is there when that was another part of the same block */
    ingot_ev fresh = one;
    if (l->parts > 1 && l->run == 1) /* open sizes: longer runs come with one part only */
        fresh = ingot_e_from_bool(e, ingot_e_op2(e, "arith.ori", ingot_e_cmp(e, "eq", loop.index, begin),
                                                 ingot_e_cmp(e, "eq", digits[1], ingot_e_int(e, 0))));
    ingot_e_for(e, block0, block1, one, 0, NULL, &blocks);
    ingot_ev block = ingot_e_int(e, l->block), first = ingot_e_mul(e, blocks.index, block);
    ingot_ev args[BLOCK_ARGS] = {first, ob0, ob1, slice, fresh};
    int64_t rest = l->tiles - (l->blocks - 1) * l->block;
    if (l->open) {
        call_block(e, &c, ingot_e_min(e, block, ingot_e_sub(e, s.tiles, first)), args);
    } else if (rest != l->block && l->blocks > 1) {
        ingot_eif whole;
        ingot_e_if(e, ingot_e_cmp(e, "slt", blocks.index, ingot_e_int(e, l->blocks - 1)), 0, NULL, &whole);
        call_block(e, &c, block, args);
        ingot_e_else(e, &whole, NULL);
        call_block(e, &c, ingot_e_int(e, rest), args);
        ingot_e_if_end(e, &whole, NULL);
    } else if (l->blocks > 0) {
        call_block(e, &c, ingot_e_int(e, rest), args);
    }
    ingot_e_for_end(e, &blocks, NULL);
    ingot_e_for_end(e, &loop, NULL);
}

static bool supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    (void)target;
    if (spec->n_in < 2 || spec->n_out != 2) {
        *out_why = "winograd: operands";
        return false;
    }
    const ingot_operand *x = &spec->operands[0], *u = &spec->operands[1], *out = &spec->operands[spec->n_in];
    ingot_winograd_layout layout;
    if (!ingot_winograd_layout_get(spec, &layout, out_why))
        return false;
    *out_why = NULL;
    bool exact = ingot_spec_group(spec) == 2;
    ingot_dtype sum = ingot_spec_sum(spec);
    if ((!exact && (x->dtype != INGOT_F32 || u->dtype != INGOT_F32)) || (!spec->has_body && out[0].dtype != sum) ||
        out[1].dtype != sum)
        *out_why = "winograd: element types other than f32, or u8, i16 and i32";
    if (u->access != INGOT_ACCESS_PACKED16 || out[1].access != INGOT_ACCESS_SCRATCH)
        *out_why = "winograd: packed filters and scratch";
    for (int32_t i = 0; i <= spec->n_in; i++) {
        const ingot_operand *o = &spec->operands[i];
        if (i >= 2 && i < spec->n_in && o->lane != 0 && o->lane != 1)
            *out_why = "winograd: lanes of an operand";
    }
    if (x->strides[OW] != 16 || out->lane != 1)
        *out_why = "winograd: values that are not in blocks of channels";
    if (spec->has_body &&
        (spec->body.n_args != spec->n_in - 1 || spec->body.n_results != 1 ||
         (ingot_dtype)spec->body.arg_dtypes[0] != sum || ingot_e_prog_result_dtype(&spec->body, 0) != out[0].dtype))
        *out_why = "winograd: body";
    return *out_why == NULL;
}

const ingot_family_emitter ingot_emit_winograd = {"winograd", units, body, supports};
