/* lstm and gru: the recurrent part, over all time steps of one direction and some rows of the batch.
 *
 * Per step: state times r, then the gates' activations fused with the new state. States and products live in scratch.
 * xw holds the inputs' part of all gates, gate g at g * h. The optional recurrent bias (gru) has all gates too and is
 * added to the product.
 *
 * A unit is one or two register tiles of rows. Those of a call that lie side by side are worked on together, as many as
 * the scratch holds, since all of r is read in every step: a chunk of its columns that fits into L1 is multiplied with
 * all of their rows. Every other step goes through an r that does not stay in L2 backwards, so that it begins with what
 * is still near.
 */
#include "codegen/blocks.h"
#include "codegen/microkernel.h"

typedef ingot_ev V;
enum { T, N, DIR, H, XW = 0, R = 1, most_scratch = 96 * 1024, most_rows = 8, most_tiles = 4 };

typedef struct cell {
    ingot_emitter *e;
    bool gru, reset_after; /* reset_after: linear_before_reset */
    int gates, lanes, registers;
    int limit;                   /* rows of a register tile, at most */
    int group, rows;             /* tiles worked on together, at most, and their rows */
    int64_t h, width, columns;   /* gates * h; panels * 16 */
    int64_t chunk;               /* columns multiplied with all rows of a group */
    bool far;                    /* r does not stay in L2 */
    int64_t state_row, gate_row; /* elements of a row of scratch */
    int h0, c0, rb;              /* inputs; -1: not there */
    ingot_tiling tiles;          /* of the batch */
    V dir, tile0, tile1;         /* the group */
    V first_row, n_rows;
    V state, memory, reset_state, products, products2; /* scratch; memory: lstm; the last ones: gru */
} cell;

/* Vectors of a register tile: as many as there are registers for, beside a row of columns and one broadcast value. One
 * row reads all columns from memory. */
static int vectors_of(const cell *c, int height)
{
    int vectors = (c->registers - 1) / (height + 1);
    return height == 1 ? 8 : vectors > 4 ? 4 : vectors;
}

static bool make_cell(const ingot_spec *spec, const ingot_target *target, cell *c)
{
    *c = (cell){
        .gru = spec->family == INGOT_FAMILY_gru, .lanes = target->vector_bytes / 4, .h0 = -1, .c0 = -1, .rb = -1};
    if (c->lanes > 16)
        c->lanes = 16;
    c->gates = c->gru ? 3 : 4;
    int next = 2;
    if (spec->params[1])
        c->h0 = next++;
    if (!c->gru && spec->params[2])
        c->c0 = next++;
    c->reset_after = c->gru && spec->params[2];
    if (c->gru && spec->params[3])
        c->rb = next++;
    if (next != spec->n_in || ingot_size_is_dynamic(spec->dims[H]) || spec->dims[H] < 1 || spec->dims[H] > 8192)
        return false;
    c->h = spec->dims[H];
    c->width = c->gates * c->h;
    c->columns = (c->width + 15) / 16 * 16;
    c->state_row = ((c->h + 15) / 16 | 1) * 16; /* an odd number of lines: rows in different sets of the cache */
    c->gate_row = c->columns + 16;
    int64_t room = most_scratch / (4 * (2 * c->state_row + (c->gru ? 2 : 1) * c->gate_row));
    if (room < 1)
        return false;
    c->limit = target->tile_rows < most_rows ? target->tile_rows : most_rows;
    if (spec->decisions[0] > 0 && spec->decisions[0] <= most_rows)
        c->limit = (int)spec->decisions[0];
    if (c->limit > room)
        c->limit = (int)room;
    int64_t n = ingot_b_estimate(spec->dims[N], -1), tiles = n > 0 ? (n + c->limit - 1) / c->limit : most_tiles;
    if (n > 0)
        c->limit = (int)((n + tiles - 1) / tiles);
    tiles = tiles < most_tiles ? tiles : most_tiles;
    c->group = (int)(room / c->limit < tiles ? room / c->limit : tiles);
    c->rows = c->group * c->limit;
    c->registers = target->vector_regs;
    c->far = c->h * c->columns * 4 > target->l2_bytes / 2;
    /* whole tiles of the heights that there are; 24 vectors suit all */
    int vectors = n <= 0 ? 24 : vectors_of(c, c->limit);
    if (n > 0 && n % c->limit != 0 && vectors_of(c, c->limit - 1) != vectors)
        vectors = 24;
    int64_t wide = (int64_t)vectors * c->lanes, near = target->l1_bytes / 2 / (4 * c->h);
    c->chunk = near > wide ? near / wide * wide : wide;
    return true;
}

/* Tiles of a unit: two where there are units enough. */
static V tiles_of_unit(ingot_emitter *e, const ingot_tiling *tiles)
{
    V half = ingot_e_div(e, tiles->count, ingot_e_int(e, 2));
    return ingot_e_min(e, ingot_e_max(e, half, ingot_e_int(e, 1)), ingot_e_int(e, 2));
}

static V units_of_direction(ingot_emitter *e, const cell *c, ingot_tiling *out_tiles)
{
    *out_tiles = ingot_tiling_make(e, ingot_e_size(e, e->spec->dims[N]), c->limit);
    return ingot_e_ceil_div(e, out_tiles->count, tiles_of_unit(e, out_tiles));
}

static V recurrent_count(ingot_emitter *e)
{
    cell c;
    ingot_tiling tiles;
    make_cell(e->spec, e->target, &c);
    return ingot_e_mul(e, ingot_e_size(e, e->spec->dims[DIR]), units_of_direction(e, &c, &tiles));
}

static ingot_etype vector(const cell *c)
{
    return ingot_e_vector(INGOT_E_F32, c->lanes);
}

static V dim(const cell *c, int d)
{
    return ingot_e_size(c->e, c->e->spec->dims[d]);
}

/* ---- Product ---- */

/* What the products of a chunk of columns are made from: state rows, products, the first row of the group, elements of
 * r before the direction's, columns. */
enum { P_FROM, P_OUT, P_FIRST, P_DIR, P_R, P_BEGIN, P_END, P_COUNT };

typedef struct product {
    const cell *c;
    int64_t first, last; /* columns, whole panels */
} product;

/* Element of a direction's r at the top of a column. */
static V column_at(const cell *c, V column)
{
    V lane = ingot_e_rem(c->e, column, ingot_e_int(c->e, 16));
    return ingot_e_mad(c->e, ingot_e_sub(c->e, column, lane), ingot_e_int(c->e, c->h), lane);
}

/* out[row][column ..] = bias + from[row][:] r for some rows and `vectors` vectors of columns. */
static void multiply(const cell *c, int height, int vectors, V from, V out, V column, const V *p)
{
    ingot_emitter *e = c->e;
    V acc[INGOT_MICRO_ACCS], zero = ingot_e_int(e, 0);
    ingot_micro m = {.type = vector(c), .rows = height, .vectors = vectors, .mask = ingot_e_mask_all()};
    for (int q = 0; q < vectors; q++) {
        V at = ingot_e_add_int(e, column, (int64_t)q * c->lanes);
        m.column[q] = ingot_e_gep(e, INGOT_E_F32, e->operands[R], ingot_e_add(e, p[P_R], column_at(c, at)));
        acc[q] = ingot_e_zero(e, vector(c));
        if (c->rb >= 0) {
            ingot_emask mask = ingot_e_mask(e, vector(c), ingot_e_sub(e, ingot_e_int(e, c->width), at));
            V index = ingot_b_index(e, c->rb, (V[]){zero, zero, p[P_DIR], at});
            acc[q] = ingot_e_load_masked(e, vector(c), e->operands[c->rb], index, mask);
        }
    }
    for (int row = 0; row < height; row++) {
        m.row[row] = from;
        m.row_shift[row] = row * c->state_row;
        for (int q = 0; q < vectors; q++)
            acc[row * vectors + q] = acc[q];
    }
    ingot_micro_loop(e, &m, ingot_e_int(e, c->h), ingot_e_int(e, 1), ingot_e_int(e, 16), acc);
    for (int row = 0; row < height; row++)
        for (int q = 0; q < vectors; q++)
            ingot_e_store(e, acc[row * vectors + q], out,
                          ingot_e_add_int(e, column, row * c->gate_row + (int64_t)q * c->lanes));
}

/* Tiles of one height times a chunk of columns; the last chunk may end with some that fill no wide tile. */
static void multiply_tiles(ingot_emitter *e, void *arg, int height, V start, V count, const V *p)
{
    const product *of = arg;
    const cell *c = of->c;
    int vectors = vectors_of(c, height), wide = vectors * c->lanes;
    ingot_eloop tiles, columns;
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, 1), 0, NULL, &tiles);
    V row = ingot_e_mad(e, tiles.index, ingot_e_int(e, height), ingot_e_sub(e, start, p[P_FIRST]));
    V from = ingot_e_gep(e, INGOT_E_F32, p[P_FROM], ingot_e_mul_int(e, row, c->state_row)),
      out = ingot_e_gep(e, INGOT_E_F32, p[P_OUT], ingot_e_mul_int(e, row, c->gate_row));
    bool whole = (of->last - of->first) % wide == 0 && c->chunk % wide == 0;
    V rest = whole ? ingot_e_int(e, 0) : ingot_e_rem(e, ingot_e_sub(e, p[P_END], p[P_BEGIN]), ingot_e_int(e, wide));
    V end = ingot_e_sub(e, p[P_END], rest);
    ingot_e_for(e, p[P_BEGIN], end, ingot_e_int(e, wide), 0, NULL, &columns);
    multiply(c, height, vectors, from, out, columns.index, p);
    ingot_e_for_end(e, &columns, NULL);
    if (!whole) {
        ingot_e_for(e, end, p[P_END], ingot_e_int(e, c->lanes), 0, NULL, &columns);
        multiply(c, height, 1, from, out, columns.index, p);
        ingot_e_for_end(e, &columns, NULL);
    }
    ingot_e_for_end(e, &tiles, NULL);
}

/* Columns [first, last) of the gates, widened to whole panels. */
static void multiply_state(const cell *c, V from, V out, V odd, int64_t first, int64_t last)
{
    ingot_emitter *e = c->e;
    product of = {.c = c, .first = first / 16 * 16, .last = (last + 15) / 16 * 16};
    int64_t chunks = (of.last - of.first + c->chunk - 1) / c->chunk;
    V zero = ingot_e_int(e, 0), one = ingot_e_int(e, 1), p[P_COUNT];
    ingot_eloop loop;
    ingot_e_for(e, zero, ingot_e_int(e, chunks), one, 0, NULL, &loop);
    V chunk = loop.index;
    if (c->far)
        chunk = ingot_e_select(e, odd, ingot_e_sub(e, ingot_e_int(e, chunks - 1), chunk), chunk);
    p[P_FROM] = from;
    p[P_OUT] = out;
    p[P_FIRST] = c->first_row;
    p[P_DIR] = c->dir;
    p[P_R] = ingot_e_mul(e, c->dir, ingot_e_size(e, e->spec->operands[R].strides[DIR]));
    p[P_BEGIN] = ingot_e_add_int(e, ingot_e_mul_int(e, chunk, c->chunk), of.first);
    p[P_END] = ingot_e_min(e, ingot_e_add_int(e, p[P_BEGIN], c->chunk), ingot_e_int(e, of.last));
    ingot_tile_body body = {.emit = multiply_tiles, .arg = &of, .name = "product", .n_params = P_COUNT, .params = p};
    ingot_tiling_run(e, &c->tiles, c->limit, c->tile0, c->tile1, &body);
    ingot_e_for_end(e, &loop, NULL);
}

/* ---- Activations ---- */

/* What a vector of the hidden state at j of one row works with. */
typedef struct lane_block {
    V t, row, j; /* row: inside the unit */
    const ingot_bmask *mask;
} lane_block;

static V load_scratch(const cell *c, V base, int64_t row_size, const lane_block *b, int64_t at)
{
    V index = ingot_e_add_int(c->e, ingot_e_mad(c->e, b->row, ingot_e_int(c->e, row_size), b->j), at);
    return ingot_e_load(c->e, vector(c), base, index);
}

static void store_scratch(const cell *c, V value, V base, int64_t row_size, const lane_block *b, int64_t at)
{
    V index = ingot_e_add_int(c->e, ingot_e_mad(c->e, b->row, ingot_e_int(c->e, row_size), b->j), at);
    ingot_e_store_masked(c->e, value, base, index, b->mask->of[INGOT_E_F32]);
}

static V batch_row(const cell *c, const lane_block *b)
{
    return ingot_e_add(c->e, c->first_row, b->row);
}

/* The inputs' part of gate g. */
static V input_part(const cell *c, const lane_block *b, int g)
{
    V at = ingot_e_add_int(c->e, b->j, g * c->h);
    return ingot_b_load(c->e, XW, (V[]){b->t, batch_row(c, b), c->dir, at}, H, c->lanes, b->mask);
}

static V gate_sum(const cell *c, const lane_block *b, V products, int g)
{
    return ingot_e_addf(c->e, input_part(c, b, g), load_scratch(c, products, c->gate_row, b, g * c->h));
}

static void new_state(const cell *c, const lane_block *b, V h)
{
    store_scratch(c, h, c->state, c->state_row, b, 0);
    ingot_b_store(c->e, c->e->spec->n_in, h, (V[]){b->t, batch_row(c, b), c->dir, b->j}, H, b->mask);
}

typedef void part_fn(const cell *c, const lane_block *b);

/* What sigmoid divides one by. Beyond 30 below 0 it is as good as 0, and three of them multiplied stay finite. */
static V below_sigmoid(ingot_emitter *e, V x)
{
    V one = ingot_e_const_float(e, x.type, 1);
    return ingot_e_addf(e, one, ingot_e_exp_within(e, ingot_e_negf(e, x), 30));
}

/* Two divisions for five functions: memory = old / f + above / (i * below), state = above' / (o * below'), where i, f
 * and o are what those gates divide by. */
static void lstm_part(const cell *c, const lane_block *b)
{
    ingot_emitter *e = c->e;
    V i = below_sigmoid(e, gate_sum(c, b, c->products, 0)), o = below_sigmoid(e, gate_sum(c, b, c->products, 1));
    V f = below_sigmoid(e, gate_sum(c, b, c->products, 2)), above, below;
    ingot_e_tanh_fraction(e, gate_sum(c, b, c->products, 3), &above, &below);
    V i_below = ingot_e_mulf(e, i, below), old = load_scratch(c, c->memory, c->state_row, b, 0);
    V memory = ingot_e_divf(e, ingot_e_fma(e, old, i_below, ingot_e_mulf(e, above, f)), ingot_e_mulf(e, f, i_below));
    store_scratch(c, memory, c->memory, c->state_row, b, 0);
    ingot_e_tanh_fraction(e, memory, &above, &below);
    new_state(c, b, ingot_e_divf(e, above, ingot_e_mulf(e, o, below)));
}

/* (1 - z) * g + z * h = g + z * (h - g) */
static V blend(const cell *c, V z, V g, V h)
{
    return ingot_e_fma(c->e, z, ingot_e_subf(c->e, h, g), g);
}

static void gru_after_part(const cell *c, const lane_block *b)
{
    ingot_emitter *e = c->e;
    V z = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 0)), r = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 1));
    V g =
        ingot_e_tanh(e, ingot_e_fma(e, r, load_scratch(c, c->products, c->gate_row, b, 2 * c->h), input_part(c, b, 2)));
    new_state(c, b, blend(c, z, g, load_scratch(c, c->state, c->state_row, b, 0)));
}

/* Reset before the product: z waits in its place, r * h is what is multiplied. */
static void gru_gates_part(const cell *c, const lane_block *b)
{
    ingot_emitter *e = c->e;
    V z = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 0)), r = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 1));
    store_scratch(c, z, c->products, c->gate_row, b, 0);
    store_scratch(c, ingot_e_mulf(e, r, load_scratch(c, c->state, c->state_row, b, 0)), c->reset_state, c->state_row, b,
                  0);
}

static void gru_state_part(const cell *c, const lane_block *b)
{
    V z = load_scratch(c, c->products, c->gate_row, b, 0), g = ingot_e_tanh(c->e, gate_sum(c, b, c->products2, 2));
    new_state(c, b, blend(c, z, g, load_scratch(c, c->state, c->state_row, b, 0)));
}

/* Does a part for all real rows and all of the hidden state. */
static void for_state(const cell *c, V t, part_fn *part)
{
    ingot_emitter *e = c->e;
    ingot_eloop rows, loop;
    int64_t whole = c->h / c->lanes * c->lanes;
    ingot_bmask all = ingot_b_mask_all();
    ingot_e_for(e, ingot_e_int(e, 0), c->n_rows, ingot_e_int(e, 1), 0, NULL, &rows);
    if (whole > 0) {
        ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, whole), ingot_e_int(e, c->lanes), 0, NULL, &loop);
        part(c, &(lane_block){t, rows.index, loop.index, &all});
        ingot_e_for_end(e, &loop, NULL);
    }
    if (whole < c->h) {
        ingot_bmask mask = ingot_b_mask(e, c->lanes, ingot_e_int(e, c->h - whole));
        part(c, &(lane_block){t, rows.index, ingot_e_int(e, whole), &mask});
    }
    ingot_e_for_end(e, &rows, NULL);
}

/* ---- One unit ---- */

static void load_first_state(const cell *c, const lane_block *b)
{
    V at[] = {ingot_e_int(c->e, 0), batch_row(c, b), c->dir, b->j};
    if (c->h0 >= 0)
        store_scratch(c, ingot_b_load(c->e, c->h0, at, H, c->lanes, b->mask), c->state, c->state_row, b, 0);
    if (c->c0 >= 0)
        store_scratch(c, ingot_b_load(c->e, c->c0, at, H, c->lanes, b->mask), c->memory, c->state_row, b, 0);
}

static void store_last_state(const cell *c, const lane_block *b)
{
    V at[] = {ingot_e_int(c->e, 0), batch_row(c, b), c->dir, b->j};
    int out = c->e->spec->n_in;
    if (c->e->spec->n_out > 1)
        ingot_b_store(c->e, out + 1, load_scratch(c, c->state, c->state_row, b, 0), at, H, b->mask);
    if (c->e->spec->n_out > 2)
        ingot_b_store(c->e, out + 2, load_scratch(c, c->memory, c->state_row, b, 0), at, H, b->mask);
}

static void clear(const cell *c, V base, int64_t count)
{
    ingot_eloop loop;
    ingot_e_for(c->e, ingot_e_int(c->e, 0), ingot_e_int(c->e, count), ingot_e_int(c->e, c->lanes), 0, NULL, &loop);
    ingot_e_store(c->e, ingot_e_zero(c->e, vector(c)), base, loop.index);
    ingot_e_for_end(c->e, &loop, NULL);
}

/* odd: of the step's number. */
static void do_step(const cell *c, V t, V odd)
{
    if (!c->gru) {
        multiply_state(c, c->state, c->products, odd, 0, c->width);
        for_state(c, t, lstm_part);
    } else if (c->reset_after) {
        multiply_state(c, c->state, c->products, odd, 0, c->width);
        for_state(c, t, gru_after_part);
    } else {
        multiply_state(c, c->state, c->products, odd, 0, 2 * c->h);
        for_state(c, t, gru_gates_part);
        multiply_state(c, c->reset_state, c->products2, odd, 2 * c->h, c->width);
        for_state(c, t, gru_state_part);
    }
}

/* Row of the batch where a tile begins: tall ones come first. */
static V tile_row(const cell *c, V tile)
{
    V low = ingot_e_max(c->e, ingot_e_sub(c->e, tile, c->tiles.tall_count), ingot_e_int(c->e, 0));
    return ingot_e_sub(c->e, ingot_e_mul(c->e, tile, c->tiles.tall), low);
}

/* All steps of the tiles of a group. */
static void do_group(cell *c)
{
    ingot_emitter *e = c->e;
    V one = ingot_e_int(e, 1), zero = ingot_e_int(e, 0), steps = dim(c, T);
    ingot_eloop loop;
    c->first_row = tile_row(c, c->tile0);
    c->n_rows = ingot_e_sub(e, tile_row(c, c->tile1), c->first_row);
    clear(c, c->state, c->rows * c->state_row);
    clear(c, c->memory, c->rows * c->state_row);
    for_state(c, zero, load_first_state);
    V bits = ingot_e_size(e, e->spec->params[0]);
    V bit = ingot_e_op2(e, "arith.shrui", bits, c->dir),
      backwards = ingot_e_cmp(e, "ne", ingot_e_op2(e, "arith.andi", bit, one), zero);
    ingot_e_for(e, zero, steps, one, 0, NULL, &loop);
    V from_end = ingot_e_sub(e, ingot_e_add_int(e, steps, -1), loop.index);
    V odd = ingot_e_cmp(e, "ne", ingot_e_rem(e, loop.index, ingot_e_int(e, 2)), zero);
    do_step(c, ingot_e_select(e, backwards, from_end, loop.index), odd);
    ingot_e_for_end(e, &loop, NULL);
    for_state(c, zero, store_last_state);
}

static void recurrent_body(ingot_emitter *e, V begin, V end)
{
    cell c;
    make_cell(e->spec, e->target, &c);
    c.e = e;
    c.state = ingot_e_alloca(e, INGOT_E_F32, c.rows * c.state_row);
    c.memory = ingot_e_alloca(e, INGOT_E_F32, c.rows * c.state_row);
    c.reset_state = c.memory; /* gru has no memory, lstm no reset */
    c.products = ingot_e_alloca(e, INGOT_E_F32, c.rows * c.gate_row);
    c.products2 = c.gru && !c.reset_after ? ingot_e_alloca(e, INGOT_E_F32, c.rows * c.gate_row) : c.products;
    V one = ingot_e_int(e, 1), zero = ingot_e_int(e, 0),
      units = ingot_e_max(e, units_of_direction(e, &c, &c.tiles), one), per_unit = tiles_of_unit(e, &c.tiles),
      group = ingot_e_int(e, c.group);
    ingot_eloop dirs, groups;
    ingot_e_for(e, ingot_e_div(e, begin, units), ingot_e_ceil_div(e, end, units), one, 0, NULL, &dirs);
    c.dir = dirs.index;
    V before = ingot_e_mul(e, c.dir, units), from = ingot_e_max(e, ingot_e_sub(e, begin, before), zero),
      to = ingot_e_min(e, ingot_e_sub(e, end, before), units);
    V last = ingot_e_min(e, ingot_e_mul(e, to, per_unit), c.tiles.count);
    ingot_e_for(e, ingot_e_mul(e, from, per_unit), last, group, 0, NULL, &groups);
    c.tile0 = groups.index;
    c.tile1 = ingot_e_min(e, ingot_e_add(e, c.tile0, group), last);
    do_group(&c);
    ingot_e_for_end(e, &groups, NULL);
    ingot_e_for_end(e, &dirs, NULL);
}

static bool recurrent_supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    if (!ingot_b_operands_supported(spec, target, out_why))
        return false;
    *out_why = "recurrent: f32 only, no body";
    if (!ingot_b_all_f32(spec) || spec->has_body)
        return false;
    *out_why = "recurrent: flags are not sizes of a run, r is packed16, gates have unit stride";
    for (int p = 0; p < 4; p++)
        if (ingot_size_is_dynamic(spec->params[p]))
            return false;
    if (spec->n_in < 2 || spec->n_out < 1 || spec->n_out > (spec->family == INGOT_FAMILY_gru ? 2 : 3))
        return false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++)
        if ((spec->operands[k].access == INGOT_ACCESS_PACKED16) != (k == R))
            return false;
    if (!ingot_b_is(spec->operands[XW].strides[H], 1))
        return false;
    cell c;
    *out_why = "recurrent: a hidden size known at compile time whose state fits the scratch, and the inputs that the "
               "flags say";
    return make_cell(spec, target, &c) && (c.rb < 0 || ingot_b_is(spec->operands[c.rb].strides[H], 1));
}

const ingot_family_emitter ingot_emit_lstm = {"lstm", recurrent_count, recurrent_body, recurrent_supports};
const ingot_family_emitter ingot_emit_gru = {"gru", recurrent_count, recurrent_body, recurrent_supports};
