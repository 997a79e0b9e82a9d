/* Matrix products: out[b0,b1,m,n] = body(sum_k A * B, extras...).
 *
 * A unit of work is a block of columns for a chunk of row tiles of one (b0, b1). Inside: blocks of k, then row tiles,
 * then panels of columns, then the register tile. B is read from 16-column panels (packed at compile time), from dense
 * rows, or - when columns are not contiguous, as in Q * K^T - from panels that the unit packs on its stack. Rows are
 * split into equal tiles; which tile a row is in, and the order of its sums, never depend on units.
 *
 * Integers and bf16: k goes by groups of neighbours, a word of A (dot.c); panels of B hold words. Sums, of I32 or F32,
 * are in registers over all of k.
 */
#include "codegen/microkernel.h"
#include <string.h>

enum { B0, B1, M, N, K }; /* iteration dims */
typedef enum { PANELS, ROWS, STACK } b_kind;
#define STACK_BYTES (64 * 1024) /* of packed columns */

/* Decisions and values of the function being written. */
typedef struct contract {
    const ingot_spec *spec;
    ingot_etype vec; /* of sums */
    int group;       /* elements of A in a word; 0: no words */
    bool limited;    /* B is bytes within limits */
    ingot_escalar a; /* element of A */
    int element_bytes, mr, nr, vectors;
    b_kind b;
    int64_t kc, k_limit; /* k block; sums of more than k_limit terms are made in blocks */
    bool blocked;        /* k may have several blocks: partial sums live in out */
    bool inline_body;
    int tiles;   /* row tiles of a unit */
    int sharers; /* tiles that share fetching the next columns of B; 0: none is fetched */
} contract;

static int32_t extra_count(const ingot_spec *spec)
{
    return spec->n_in - 2;
}

/* Rows of B far apart lie on as many pages as there are k: with some rows of A to use them, a copy pays. */
static bool scattered(const ingot_spec *spec, int mr)
{
    ingot_size step = spec->operands[1].strides[K], m = spec->dims[M], k = spec->dims[K];
    bool many = ingot_size_is_dynamic(m) || m > 2 * mr;
    return many && (ingot_size_is_dynamic(step) || step >= 128) && (ingot_size_is_dynamic(k) || k > 16);
}

/* Whether the result has room for sums that are not finished. */
static bool sums_fit_out(const ingot_spec *spec)
{
    ingot_dtype sum = ingot_spec_sum(spec);
    return ingot_dtype_is_float(sum) && spec->operands[spec->n_in].dtype == sum;
}

/* Tiles among which the lines of the next columns are shared out, where columns are too many to stay in L2: those that
 * pass over the same columns. A tile alone reads columns as fast as they come, which no fetching speeds up. */
static int sharers(const contract *c, const ingot_target *target)
{
    ingot_size m = c->spec->dims[M], n = c->spec->dims[N], k = c->spec->dims[K];
    if (c->b != PANELS || c->group || ingot_size_is_dynamic(n) || ingot_size_is_dynamic(k) ||
        (double)n * (double)k * c->element_bytes <= target->l2_bytes / 2.0 ||
        c->kc * c->nr * c->element_bytes > target->l2_bytes / 4)
        return 0;
    int64_t tiles = 4; /* where a run decides: of many, the first ones fetch all */
    if (!ingot_size_is_dynamic(m)) {
        int64_t all = m > 0 ? (m + c->mr - 1) / c->mr : 1, height = (m + all - 1) / all;
        tiles = all - (all * height - m); /* tall ones */
    }
    tiles = tiles < c->tiles ? tiles : c->tiles;
    bool alone = tiles < 2 && c->nr >= 16; /* narrower groups pass over each line more than once */
    return alone ? 0 : (int)tiles;
}

static contract decide(const ingot_spec *spec, const ingot_target *target)
{
    contract c = {.spec = spec};
    const ingot_operand *b = &spec->operands[1];
    c.group = ingot_spec_group(spec);
    c.a = ingot_e_scalar_of(spec->operands[0].dtype);
    ingot_escalar scalar = ingot_e_scalar_of(ingot_spec_sum(spec));
    c.element_bytes = ingot_e_scalar_bytes(scalar);
    c.vec = ingot_e_vector(scalar, target->vector_bytes / c.element_bytes);
    c.nr = target->tile_cols * 4 / c.element_bytes;
    if (spec->decisions[1] > 0 && spec->decisions[1] % c.vec.lanes == 0 && spec->decisions[1] / c.vec.lanes <= 4)
        c.nr = (int)spec->decisions[1];
    c.vectors = c.nr / c.vec.lanes;
    c.limited = ingot_spec_is_limited(spec);
    c.mr = c.limited ? ingot_target_limited_rows(target, spec, c.vectors) : target->tile_rows;
    if (spec->decisions[0] > 0 && spec->decisions[0] <= INGOT_MICRO_ROWS &&
        spec->decisions[0] * c.vectors <= INGOT_MICRO_ACCS)
        c.mr = (int)spec->decisions[0];
    c.b = ingot_access_is_packed(b->access)                          ? PANELS
          : !c.group && b->strides[N] == 1 && !scattered(spec, c.mr) ? ROWS
                                                                     : STACK;
    c.k_limit = c.b == STACK                                           ? STACK_BYTES / c.element_bytes / 64
                : c.nr * c.element_bytes * 256 <= target->l1_bytes / 2 ? 256
                                                                       : 512;
    if (spec->decisions[2] >= 64 && (c.b != STACK || spec->decisions[2] < c.k_limit))
        c.k_limit = spec->decisions[2];
    ingot_size k = spec->dims[K];
    bool whole = c.group || !sums_fit_out(spec);
    if (whole) {
        int64_t steps = c.group ? (k + c.group - 1) / c.group : k;
        c.kc = k > 0 ? steps : 1;
    } else if (ingot_size_is_dynamic(k)) {
        c.kc = c.k_limit;
        c.blocked = true;
    } else if (k > c.k_limit + c.k_limit / 4 && !(spec->dims[M] >= 0 && spec->dims[M] <= c.mr && c.b != STACK)) {
        int64_t blocks = (k + c.k_limit - 1) / c.k_limit;
        c.kc = (k + blocks - 1) / blocks;
        c.kc += c.kc % 4 ? 4 - c.kc % 4 : 0;
        c.blocked = true;
    } else {
        c.kc = k > 0 ? k : 1; /* one row tile reads B once: no use in blocks */
    }
    c.inline_body = !sums_fit_out(spec) || ingot_micro_inline_body(spec);
    /* packing columns on the stack pays off over more rows */
    c.tiles = spec->decisions[4] > 0 ? (int)spec->decisions[4] : c.b == STACK ? 32 : c.mr > 8 ? 4 : 8;
    c.sharers = sharers(&c, target);
    return c;
}

/* ---- Split into units ---- */

typedef struct split {
    ingot_tiling rows;
    ingot_ev n_block, n_blocks; /* columns of a unit (a multiple of nr), how many */
    ingot_ev tiles, chunks;     /* row tiles of a unit, how many */
    ingot_ev units;
} split;

static int64_t round_to(int64_t value, int64_t multiple, int64_t lo, int64_t hi)
{
    value = value / multiple * multiple;
    if (value > hi)
        value = hi / multiple * multiple;
    return value < lo ? lo : value;
}

#define WANTED_UNITS 32        /* for up to 16 threads */
#define UNIT_TERMS   (1 << 19) /* multiply-adds worth handing out */

/* Column blocks narrower than `columns` when otherwise there would be few units, as far as they stay worth their while.
 */
static int64_t enough_units(const contract *c, int64_t tiles, int64_t step, int64_t columns)
{
    const ingot_size *d = c->spec->dims;
    for (int i = B0; i <= K; i++)
        if (ingot_size_is_dynamic(d[i]) || d[i] <= 0)
            return columns;
    int64_t rows = tiles * c->mr < d[M] ? tiles * c->mr : d[M], others = (d[M] + rows - 1) / rows;
    for (int i = B0; i <= B1; i++) {
        if (others >= WANTED_UNITS || d[i] >= WANTED_UNITS)
            return columns;
        others *= d[i];
    }
    int64_t blocks = (WANTED_UNITS + others - 1) / others, narrow = (d[N] + blocks - 1) / blocks;
    int64_t least = UNIT_TERMS / (rows * d[K]) + 1;
    narrow = (narrow > least ? narrow : least) + step - 1;
    return round_to(narrow, step, step, columns);
}

/* Column blocks stay in half of L2 while row tiles pass; with a tile or two of rows there is nothing to keep, and small
 * blocks give all threads work. */
static split make_split(ingot_emitter *e, const contract *c)
{
    const ingot_spec *spec = c->spec;
    split s;
    s.rows = ingot_tiling_make(e, ingot_e_size(e, spec->dims[M]), c->mr);
    int64_t column_bytes = c->kc * c->element_bytes, step = c->nr > 16 ? c->nr : 16;
    int64_t large = round_to(e->target->l2_bytes / 2 / column_bytes, step, step, 1024);
    int64_t small = round_to(e->target->l2_bytes / 4 / column_bytes, step, step, 512);
    if (spec->decisions[3] > 0)
        large = small = round_to(spec->decisions[3], step, step, 1 << 20);
    if (c->b == STACK) {
        int64_t room = round_to(STACK_BYTES / column_bytes, step, step, 1024);
        large = large < room ? large : room;
        small = small < room ? small : room;
    }
    if (spec->decisions[3] <= 0)
        large = enough_units(c, c->tiles, step, large);
    ingot_ev few = ingot_e_cmp(e, "sle", s.rows.count, ingot_e_int(e, 2));
    s.n_block = ingot_e_select(e, few, ingot_e_int(e, small), ingot_e_int(e, large));
    ingot_ev n = ingot_e_size(e, spec->dims[N]);
    s.n_blocks = ingot_e_ceil_div(e, n, s.n_block);
    s.tiles = ingot_e_int(e, c->tiles);
    s.chunks = ingot_e_ceil_div(e, s.rows.count, s.tiles);
    ingot_ev batch = ingot_e_mul(e, ingot_e_size(e, spec->dims[B0]), ingot_e_size(e, spec->dims[B1]));
    s.units = ingot_e_mul(e, ingot_e_mul(e, batch, s.n_blocks), s.chunks);
    return s;
}

static ingot_ev units(ingot_emitter *e)
{
    contract c = decide(e->spec, e->target);
    return make_split(e, &c).units;
}

/* ---- One row tile over columns [j0, j1) ---- */

/* Parameters of tile helpers: P_TILES tiles from row P_I on, columns [P_J0, P_J1), P_KN terms from P_K0; those the
 * caller knows are constants. */
enum { P_I, P_TILES, P_B0, P_B1, P_J0, P_J1, P_JB, P_K0, P_KN, P_PANEL, P_FIRST, P_LAST, P_COLUMNS, P_COUNT };

static ingot_ev operand_offset(ingot_emitter *e, const ingot_operand *o, const ingot_ev *p, int row)
{
    ingot_ev index = ingot_e_linear(e, 3, (ingot_ev[]){p[P_B0], p[P_B1], p[P_I]}, o->strides);
    return row ? ingot_e_add(e, index, ingot_e_mul_int(e, ingot_e_size(e, o->strides[M]), row)) : index;
}

/* Rows of A from column k0 on. */
static void locate_rows(ingot_emitter *e, const contract *c, const ingot_ev *p, ingot_micro *m)
{
    const ingot_operand *a = &c->spec->operands[0];
    ingot_ev index = ingot_e_mad(e, p[P_K0], ingot_e_size(e, a->strides[K]), operand_offset(e, a, p, 0));
    ingot_ev first = ingot_e_gep(e, c->a, e->operands[0], index);
    bool fixed = !ingot_size_is_dynamic(a->strides[M]);
    for (int r = 0; r < m->rows; r++) {
        m->row[r] = fixed || r == 0
                        ? first
                        : ingot_e_gep(e, c->a, first, ingot_e_mul_int(e, ingot_e_size(e, a->strides[M]), r));
        m->row_shift[r] = fixed ? r * a->strides[M] : 0;
    }
}

/* Columns j.. of B; returns the step of one k. */
static ingot_ev locate_columns(ingot_emitter *e, const contract *c, const ingot_ev *p, ingot_ev j, ingot_micro *m)
{
    ingot_escalar scalar = (ingot_escalar)c->vec.scalar;
    if (c->b == ROWS) {
        ingot_ev at = ingot_e_gep(e, scalar, p[P_COLUMNS], j);
        for (int q = 0; q < m->vectors; q++) {
            m->column[q] = at;
            m->column_shift[q] = q * m->type.lanes;
        }
        return ingot_e_size(e, c->spec->operands[1].strides[K]);
    }
    /* panels of 16 columns; a group of columns that begins inside a panel ends inside it */
    ingot_ev sixteen = ingot_e_int(e, 16);
    ingot_ev from = ingot_e_sub(e, j, p[P_JB]);
    bool aligned = m->vectors * m->type.lanes >= 16;
    ingot_ev inside = aligned ? ingot_e_int(e, 0) : ingot_e_rem(e, from, sixteen);
    ingot_ev at =
        ingot_e_gep(e, scalar, p[P_COLUMNS], ingot_e_mad(e, ingot_e_div(e, from, sixteen), p[P_PANEL], inside));
    for (int q = 0; q < m->vectors; q++) {
        int64_t column = (int64_t)q * m->type.lanes, panel = column / 16;
        if (p[P_PANEL].known) {
            m->column[q] = at;
            m->column_shift[q] = panel * p[P_PANEL].value + column % 16;
        } else {
            m->column[q] = panel == 0 ? at
                           : q > 0 && (column - m->type.lanes) / 16 == panel
                               ? m->column[q - 1]
                               : ingot_e_gep(e, scalar, at, ingot_e_mul_int(e, p[P_PANEL], panel));
            m->column_shift[q] = column % 16;
        }
    }
    return sixteen;
}

/* What tile number `tile` of those that pass over the columns at j fetches of the next ones: their panels' lines are
 * shared out, to steps of the tiles. */
static void locate_ahead(ingot_emitter *e, const contract *c, const ingot_ev *p, ingot_ev j, ingot_ev tile,
                         ingot_micro *m)
{
    int width = m->vectors * m->type.lanes, panels = width > 16 ? width / 16 : 1,
        groups = width < 16 ? 16 / width : 1; /* of columns: panels of one, or groups of a panel */
    ingot_ev sixteen = ingot_e_int(e, 16), from = ingot_e_sub(e, j, p[P_JB]), first = ingot_e_sub(e, p[P_J0], p[P_JB]),
             panel = ingot_e_div(e, from, sixteen),
             part = ingot_e_min(e, tile, ingot_e_int(e, (int64_t)c->sharers - 1));
    int64_t parts = (int64_t)c->sharers * groups / panels, share = parts > 0 ? (16 + parts - 1) / parts : 16;
    ingot_ev next = ingot_e_mul(e, ingot_e_add_int(e, panel, panels), p[P_PANEL]);
    if (c->blocked) { /* behind the last columns of a block of k come the first ones of the next block */
        ingot_ev last = ingot_e_cmp(e, "sge", ingot_e_add_int(e, j, width), p[P_J1]),
                 below = ingot_e_add_int(e, ingot_e_mul(e, ingot_e_div(e, first, sixteen), p[P_PANEL]), c->kc * 16);
        next = ingot_e_select(e, last, below, next);
    }
    if (panels > 1) {
        ingot_ev count = ingot_e_int(e, panels);
        next = ingot_e_mad(e, ingot_e_rem(e, part, count), p[P_PANEL], next);
        part = ingot_e_div(e, part, count);
    } else if (groups > 1) {
        ingot_ev group = ingot_e_div(e, ingot_e_rem(e, from, sixteen), ingot_e_int(e, width));
        part = ingot_e_mad(e, group, ingot_e_int(e, c->sharers), part);
    }
    m->fetch = true;
    m->ahead_step = ingot_e_int(e, share);
    m->ahead = ingot_e_gep(e, (ingot_escalar)c->vec.scalar, p[P_COLUMNS],
                           ingot_e_mad(e, part, ingot_e_mul_int(e, p[P_KN], share), next));
}

/* Vector q of row r, finished: the body on one vector. `raw` is the sum; `extra` are the other operands' values. */
static ingot_ev apply_body(ingot_emitter *e, const ingot_spec *spec, ingot_ev raw, const ingot_ev *extra)
{
    ingot_ev args[INGOT_PROG_MAX_ARGS], results[INGOT_PROG_MAX_RESULTS];
    if (!spec->has_body)
        return raw;
    if (!sums_fit_out(spec)) /* no pass of its own over stored sums */
        return ingot_micro_apply_body(e, spec, raw, extra_count(spec), extra);
    args[0] = raw;
    for (int32_t x = 0; x < extra_count(spec); x++)
        args[1 + x] = extra[x];
    ingot_e_prog(e, &spec->body, args, results);
    return results[0];
}

static ingot_ev load_extra(ingot_emitter *e, const ingot_spec *spec, int32_t x, int lanes, ingot_ev row_index,
                           ingot_ev j, ingot_emask mask)
{
    const ingot_operand *o = &spec->operands[2 + x];
    ingot_ev stride = ingot_e_size(e, o->strides[N]);
    ingot_etype type = ingot_e_vector(ingot_e_scalar_of(o->dtype), lanes);
    return ingot_e_load_strided(e, type, e->operands[2 + x], ingot_e_mad(e, j, stride, row_index), stride, mask);
}

/* Sums -> out, through the body when `finish`. */
static void store_tile(ingot_emitter *e, const contract *c, const ingot_ev *p, ingot_ev j, const ingot_micro *m,
                       ingot_emask mask, bool finish, const ingot_ev *accs)
{
    const ingot_spec *spec = c->spec;
    int32_t out = spec->n_in, extras = finish ? extra_count(spec) : 0;
    for (int q = 0; q < m->vectors; q++) {
        ingot_ev column = ingot_e_add_int(e, j, (int64_t)q * m->type.lanes), extra[INGOT_SPEC_OPERANDS];
        for (int r = 0; r < m->rows; r++) {
            for (int32_t x = 0; x < extras; x++) {
                const ingot_operand *o = &spec->operands[2 + x];
                if (r == 0 || ingot_size_is_dynamic(o->strides[M]) ||
                    o->strides[M] != 0) /* a row vector is loaded once */
                    extra[x] = load_extra(e, spec, x, m->type.lanes, operand_offset(e, o, p, r), column, mask);
            }
            ingot_ev v = finish ? apply_body(e, spec, accs[r * m->vectors + q], extra) : accs[r * m->vectors + q];
            ingot_e_store_masked(e, v, e->operands[out],
                                 ingot_e_add(e, operand_offset(e, &spec->operands[out], p, r), column), mask);
        }
    }
}

/* The sums of a tile of floats over all of the block's terms, `k_limit` at a time: one chain over more would lose more
 * of them. accs: zeros in, sums out. */
static void sum_terms(ingot_emitter *e, const contract *c, const ingot_micro *m, ingot_ev count, ingot_ev a_step,
                      ingot_ev b_step, ingot_ev *accs)
{
    int n = m->rows * m->vectors;
    if (!count.known || count.value <= c->k_limit + c->k_limit / 4) {
        ingot_micro_loop(e, m, count, a_step, b_step, accs);
        return;
    }
    ingot_escalar scalar = (ingot_escalar)m->type.scalar;
    ingot_ev sums[INGOT_MICRO_ACCS];
    ingot_eloop loop;
    ingot_micro part = *m;
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, c->k_limit), n, accs, &loop);
    ingot_ev a = ingot_e_mul(e, loop.index, a_step), b = ingot_e_mul(e, loop.index, b_step);
    for (int r = 0; r < m->rows; r++)
        part.row[r] =
            r > 0 && m->row[r].id == m->row[r - 1].id ? part.row[r - 1] : ingot_e_gep(e, scalar, m->row[r], a);
    for (int q = 0; q < m->vectors; q++)
        part.column[q] = q > 0 && m->column[q].id == m->column[q - 1].id ? part.column[q - 1]
                                                                         : ingot_e_gep(e, scalar, m->column[q], b);
    if (m->fetch)
        part.ahead = ingot_e_gep(e, scalar, m->ahead, ingot_e_mul(e, loop.index, m->ahead_step));
    ingot_micro_zero(e, m->type, n, sums);
    ingot_micro_loop(e, &part, ingot_e_min(e, ingot_e_int(e, c->k_limit), ingot_e_sub(e, count, loop.index)), a_step,
                     b_step, sums);
    for (int i = 0; i < n; i++)
        sums[i] = ingot_e_addf(e, loop.args[i], sums[i]);
    ingot_e_for_end(e, &loop, sums);
    memcpy(accs, loop.results, (size_t)n * sizeof *accs);
}

/* Bytes within limits, and what is beyond. */
static void sum_limited(ingot_emitter *e, const contract *c, const ingot_micro *m, ingot_ev j, ingot_ev *accs)
{
    ingot_ev zero = ingot_e_int(e, 0), sixteen = ingot_e_int(e, 16);
    bool aligned = m->vectors * m->type.lanes >= 16;
    ingot_limited_at l =
        ingot_micro_limited(e, ingot_e_div(e, j, sixteen), aligned ? zero : ingot_e_rem(e, j, sixteen));
    ingot_micro_words(e, m, &l, c->kc, zero, zero, accs);
    ingot_micro_records(e, m, &l, (ingot_ev[]){zero, zero, zero, ingot_e_int(e, 1)}, accs);
}

/* Groups of `vectors` vectors of columns [j0, j1), and for each all row tiles, while the group's part of B is in L1. */
static void emit_columns(ingot_emitter *e, const contract *c, int rows, int vectors, bool masked, const ingot_ev *given)
{
    const ingot_spec *spec = c->spec;
    ingot_ev p[P_COUNT];
    memcpy(p, given, sizeof p);
    ingot_ev along = ingot_e_size(e, spec->operands[0].strides[K]);
    ingot_micro m = {.type = c->vec,
                     .group = c->group,
                     .a = c->a,
                     .a_near = along,
                     .rows = rows,
                     .vectors = vectors,
                     .mask = ingot_e_mask_all()};
    int n = rows * vectors;
    ingot_ev accs[INGOT_MICRO_ACCS];
    ingot_eloop loop, tiles;
    ingot_e_for(e, p[P_J0], p[P_J1], ingot_e_int(e, (int64_t)vectors * c->vec.lanes), 0, NULL, &loop);
    ingot_ev j = loop.index;
    ingot_emask mask = masked ? ingot_e_mask(e, c->vec, ingot_e_sub(e, p[P_J1], j)) : ingot_e_mask_all();
    if (c->b == ROWS)
        m.mask = mask;
    ingot_ev step = locate_columns(e, c, p, j, &m);
    ingot_e_for(e, ingot_e_int(e, 0), p[P_TILES], ingot_e_int(e, 1), 0, NULL, &tiles);
    p[P_I] = ingot_e_add(e, given[P_I], ingot_e_mul_int(e, tiles.index, rows));
    locate_rows(e, c, p, &m);
    if (c->sharers && vectors == c->vectors)
        locate_ahead(e, c, p, j, tiles.index, &m);
    ingot_micro_zero(e, c->vec, n, accs);
    if (c->limited) {
        sum_limited(e, c, &m, j, accs);
    } else if (c->group) {
        int64_t words = spec->dims[K] / c->group;
        ingot_micro_loop(e, &m, p[P_KN], ingot_e_mul_int(e, along, c->group), step, accs);
        ingot_micro_rest(e, &m, (int)(spec->dims[K] % c->group), ingot_e_mul_int(e, along, words * c->group),
                         ingot_e_mul_int(e, step, words), accs);
    } else {
        sum_terms(e, c, &m, p[P_KN], along, step, accs);
    }
    if (c->blocked) { /* and the sums of earlier blocks */
        ingot_etype types[INGOT_MICRO_ACCS];
        ingot_ev all[INGOT_MICRO_ACCS];
        ingot_eif branch;
        for (int i = 0; i < n; i++)
            types[i] = c->vec;
        ingot_e_if(e, ingot_e_cmp(e, "eq", p[P_FIRST], ingot_e_int(e, 0)), n, types, &branch);
        for (int r = 0; r < rows; r++)
            for (int q = 0; q < vectors; q++) {
                ingot_ev before =
                    ingot_e_load_masked(e, c->vec, e->operands[spec->n_in],
                                        ingot_e_add(e, operand_offset(e, &spec->operands[spec->n_in], p, r),
                                                    ingot_e_add_int(e, j, (int64_t)q * c->vec.lanes)),
                                        mask);
                all[r * vectors + q] = ingot_e_addf(e, before, accs[r * vectors + q]);
            }
        ingot_e_else(e, &branch, all);
        ingot_e_if_end(e, &branch, accs);
        memcpy(accs, branch.results, (size_t)n * sizeof accs[0]);
    }
    if (c->inline_body && c->blocked) {
        ingot_eif last;
        ingot_e_if(e, ingot_e_cmp(e, "ne", p[P_LAST], ingot_e_int(e, 0)), 0, NULL, &last);
        store_tile(e, c, p, j, &m, mask, true, accs);
        ingot_e_else(e, &last, NULL);
        store_tile(e, c, p, j, &m, mask, false, accs);
        ingot_e_if_end(e, &last, NULL);
    } else {
        store_tile(e, c, p, j, &m, mask, c->inline_body, accs);
    }
    ingot_e_for_end(e, &tiles, NULL);
    ingot_e_for_end(e, &loop, NULL);
}

/* Calls a helper with those parameters that are not known here; writes it first if it is new. */
typedef void write_helper(ingot_emitter *e, const contract *c, int rows, const ingot_ev *p);
static void call_helper(ingot_emitter *e, const contract *c, const char *name, int rows, const ingot_ev *p,
                        write_helper *write)
{
    ingot_ehelper h = {.kernel_args = true, .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev args[P_COUNT], params[P_COUNT], inner[P_COUNT];
    ingot_micro_helper_name(&h, name, rows, P_COUNT, p);
    for (int i = 0; i < P_COUNT; i++)
        if (!p[i].known && p[i].id >= 0) {
            h.types[h.n] = p[i].type;
            args[h.n++] = p[i];
        }
    if (ingot_e_helper_begin(e, &h, params)) {
        for (int i = 0, next = 0; i < P_COUNT; i++)
            inner[i] = p[i].known || p[i].id < 0 ? p[i] : params[next++];
        write(e, c, rows, inner);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, args);
}

static void write_full(ingot_emitter *e, const contract *c, int rows, const ingot_ev *p)
{
    emit_columns(e, c, rows, c->vectors, false, p);
}

/* Columns past the last whole group: one vector at a time, masked. */
static void write_tail(ingot_emitter *e, const contract *c, int rows, const ingot_ev *p)
{
    emit_columns(e, c, rows, 1, true, p);
}

/* Columns [from, to) of a row, `lanes` at a time, through the body; row_index: of the extras, then of out. */
static void finish_columns(ingot_emitter *e, const contract *c, int lanes, ingot_ev from, ingot_ev to,
                           const ingot_ev *row_index)
{
    const ingot_spec *spec = c->spec;
    int32_t n = extra_count(spec), out = spec->n_in;
    ingot_etype type = ingot_e_vector((ingot_escalar)c->vec.scalar, lanes);
    ingot_ev extra[INGOT_SPEC_OPERANDS];
    ingot_eloop loop;
    ingot_e_for(e, from, to, ingot_e_int(e, lanes), 0, NULL, &loop);
    ingot_ev j = loop.index, at = ingot_e_add(e, row_index[n], j);
    ingot_emask mask = lanes > c->vec.lanes ? ingot_e_mask_all() : ingot_e_mask(e, type, ingot_e_sub(e, to, j));
    ingot_ev raw = ingot_e_load_masked(e, type, e->operands[out], at, mask);
    for (int32_t x = 0; x < n; x++)
        extra[x] = load_extra(e, spec, x, lanes, row_index[x], j, mask);
    ingot_e_store_masked(e, apply_body(e, spec, raw, extra), e->operands[out], at, mask);
    ingot_e_for_end(e, &loop, NULL);
}

/* A large body, over sums that are stored: rows come as a value (in P_KN), so that one function serves all heights. Two
 * vectors go through it side by side: one alone would mostly wait for its own results. */
static void write_body(ingot_emitter *e, const contract *c, int rows, const ingot_ev *p)
{
    const ingot_spec *spec = c->spec;
    int wide = 2 * c->vec.lanes;
    (void)rows;
    ingot_eloop down;
    ingot_e_for(e, ingot_e_int(e, 0), p[P_KN], ingot_e_int(e, 1), 0, NULL, &down);
    ingot_ev q[P_COUNT], row_index[INGOT_SPEC_OPERANDS];
    memcpy(q, p, sizeof q);
    q[P_I] = ingot_e_add(e, p[P_I], down.index);
    for (int32_t x = 0; x <= extra_count(spec); x++)
        row_index[x] = operand_offset(e, &spec->operands[2 + x], q, 0); /* the last one is out */
    /* units begin at whole groups of columns */
    bool whole =
        !ingot_size_is_dynamic(spec->dims[N]) && spec->dims[N] % wide == 0 && (c->nr > 16 ? c->nr : 16) % wide == 0;
    ingot_ev rest = whole ? ingot_e_int(e, 0) : ingot_e_rem(e, ingot_e_sub(e, p[P_J1], p[P_J0]), ingot_e_int(e, wide));
    ingot_ev edge = ingot_e_sub(e, p[P_J1], rest);
    finish_columns(e, c, wide, p[P_J0], edge, row_index);
    if (!whole)
        finish_columns(e, c, c->vec.lanes, edge, p[P_J1], row_index);
    ingot_e_for_end(e, &down, NULL);
}

/* Row tiles of one height over the unit's columns. */
static void emit_tiles(ingot_emitter *e, void *arg, int height, ingot_ev start, ingot_ev count, const ingot_ev *params)
{
    const contract *c = arg;
    ingot_ev p[P_COUNT], q[P_COUNT];
    memcpy(p, params, sizeof p);
    p[P_I] = start;
    p[P_TILES] = count;
    ingot_ev width = ingot_e_sub(e, p[P_J1], p[P_J0]),
             whole = ingot_e_sub(e, width, ingot_e_rem(e, width, ingot_e_int(e, c->nr)));
    ingot_ev edge = ingot_e_add(e, p[P_J0], whole);
    memcpy(q, p, sizeof q);
    q[P_J1] = edge;
    call_helper(e, c, "tile", height, q, write_full);
    ingot_size n = c->spec->dims[N];
    if (ingot_size_is_dynamic(n) || n % c->nr != 0) {
        q[P_J0] = edge;
        q[P_J1] = p[P_J1];
        ingot_eif some;
        ingot_e_if(e, ingot_e_cmp(e, "slt", edge, p[P_J1]), 0, NULL, &some);
        call_helper(e, c, "edge", height, q, write_tail);
        ingot_e_if_end(e, &some, NULL);
    }
    if (c->spec->has_body && !c->inline_body) {
        ingot_eif last;
        ingot_e_if(e, ingot_e_cmp(e, "ne", p[P_LAST], ingot_e_int(e, 0)), 0, NULL, &last);
        memcpy(q, p, sizeof q);
        q[P_KN] = ingot_e_mul_int(e, count, height);
        if (q[P_KN].known) /* the same function for all */
            q[P_KN] = ingot_e_opaque(e, q[P_KN].value);
        if (q[P_I].known)
            q[P_I] = ingot_e_opaque(e, q[P_I].value);
        q[P_TILES] = ingot_e_int(e, 0);
        call_helper(e, c, "finish", 0, q, write_body);
        ingot_e_if_end(e, &last, NULL);
    }
}

/* ---- Columns packed on the stack ---- */

/* lanes x lanes elements: row i of the result is column i of the input. Exchanges blocks of 1, 2, 4... */
static void transpose(ingot_emitter *e, int lanes, ingot_ev *rows)
{
    for (int d = lanes / 2; d >= 1; d /= 2) {
        int low[64], high[64];
        for (int c = 0; c < lanes; c++) {
            low[c] = (c & d) == 0 ? c : lanes + c - d;
            high[c] = (c & d) == 0 ? c + d : lanes + c;
        }
        for (int i = 0; i < lanes; i++) {
            if (i & d)
                continue;
            ingot_ev a = rows[i], b = rows[i + d];
            rows[i] = ingot_e_shuffle(e, a, b, lanes, low);
            rows[i + d] = ingot_e_shuffle(e, a, b, lanes, high);
        }
    }
}

/* One group of `lanes` columns for k steps [k, k + lanes): columns past n repeat the last one and are never stored in
 * the end. */
static void pack_square(ingot_emitter *e, const contract *c, const ingot_ev *column, ingot_ev to, ingot_ev k)
{
    ingot_escalar scalar = (ingot_escalar)c->vec.scalar;
    int lanes = c->vec.lanes;
    ingot_ev rows[64], at = ingot_e_gep(e, scalar, to, ingot_e_mul_int(e, k, 16));
    for (int i = 0; i < lanes; i++)
        rows[i] = ingot_e_load(e, c->vec, column[i], k);
    transpose(e, lanes, rows);
    for (int i = 0; i < lanes; i++)
        ingot_e_store(e, rows[i], at, ingot_e_int(e, 16 * i));
}

static void pack_scalars(ingot_emitter *e, const contract *c, const ingot_ev *column, ingot_ev to, ingot_ev from,
                         ingot_ev count)
{
    ingot_escalar scalar = (ingot_escalar)c->vec.scalar;
    ingot_ev stride = ingot_e_size(e, c->spec->operands[1].strides[K]);
    ingot_eloop loop;
    ingot_e_for(e, from, count, ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_ev at = ingot_e_gep(e, scalar, to, ingot_e_mul_int(e, loop.index, 16)),
             index = ingot_e_mul(e, loop.index, stride);
    for (int i = 0; i < c->vec.lanes; i++)
        ingot_e_store(e, ingot_e_load(e, ingot_e_type(scalar), column[i], index), at, ingot_e_int(e, i));
    ingot_e_for_end(e, &loop, NULL);
}

/* Contiguous columns: row after row, so that every page is met once. */
static void pack_rows(ingot_emitter *e, const contract *c, const ingot_ev *p, ingot_ev base)
{
    ingot_escalar scalar = (ingot_escalar)c->vec.scalar;
    ingot_ev step = ingot_e_size(e, c->spec->operands[1].strides[K]), sixteen = ingot_e_int(e, 16);
    ingot_eloop down, across;
    ingot_e_for(e, ingot_e_int(e, 0), p[P_KN], ingot_e_int(e, 1), 0, NULL, &down);
    ingot_ev row = ingot_e_gep(e, scalar, e->operands[1], ingot_e_mad(e, down.index, step, base));
    ingot_ev to = ingot_e_gep(e, scalar, p[P_COLUMNS], ingot_e_mul_int(e, down.index, 16));
    ingot_e_for(e, p[P_J0], p[P_J1], ingot_e_int(e, c->vec.lanes), 0, NULL, &across);
    ingot_emask mask = ingot_e_mask(e, c->vec, ingot_e_sub(e, p[P_J1], across.index));
    ingot_ev v = ingot_e_load_masked(e, c->vec, row, across.index, mask);
    ingot_ev from = ingot_e_sub(e, across.index, p[P_J0]);
    ingot_e_store(e, v, to, ingot_e_mad(e, ingot_e_div(e, from, sixteen), p[P_PANEL], ingot_e_rem(e, from, sixteen)));
    ingot_e_for_end(e, &across, NULL);
    ingot_e_for_end(e, &down, NULL);
}

/* Words of pairs from two rows of contiguous columns; of one row and zeros when there is an odd one. */
static void pack_pairs(ingot_emitter *e, const contract *c, const ingot_ev *p, ingot_ev base)
{
    int lanes = c->vec.lanes, picks[64];
    int64_t k = c->spec->dims[K];
    ingot_etype row = ingot_e_vector(INGOT_E_I16, lanes);
    ingot_ev step = ingot_e_size(e, c->spec->operands[1].strides[K]), sixteen = ingot_e_int(e, 16);
    for (int i = 0; i < 2 * lanes; i++)
        picks[i] = i / 2 + (i % 2 ? lanes : 0);
    for (int odd = 0; odd < 2; odd++) {
        ingot_ev first = ingot_e_int(e, odd ? k / 2 : 0), last = ingot_e_int(e, odd ? (k + 1) / 2 : k / 2);
        if (first.value == last.value)
            continue;
        ingot_eloop down, across;
        ingot_e_for(e, first, last, ingot_e_int(e, 1), 0, NULL, &down);
        ingot_ev at = ingot_e_mad(e, ingot_e_mul_int(e, down.index, 2), step, base);
        ingot_ev to = ingot_e_gep(e, INGOT_E_I32, p[P_COLUMNS], ingot_e_mul_int(e, down.index, 16));
        ingot_e_for(e, p[P_J0], p[P_J1], ingot_e_int(e, lanes), 0, NULL, &across);
        ingot_size n = c->spec->dims[N]; /* units end at whole vectors but for the last columns */
        ingot_emask mask = !ingot_size_is_dynamic(n) && n % lanes == 0
                               ? ingot_e_mask_all()
                               : ingot_e_mask(e, row, ingot_e_sub(e, p[P_J1], across.index));
        ingot_ev index = ingot_e_add(e, at, across.index);
        ingot_ev even = ingot_e_load_masked(e, row, e->operands[1], index, mask),
                 other = odd ? ingot_e_zero(e, row)
                             : ingot_e_load_masked(e, row, e->operands[1], ingot_e_add(e, index, step), mask);
        ingot_ev words = ingot_e_reinterpret(e, ingot_e_shuffle(e, even, other, 2 * lanes, picks), c->vec);
        ingot_ev from = ingot_e_sub(e, across.index, p[P_J0]);
        ingot_e_store(e, words, to,
                      ingot_e_mad(e, ingot_e_div(e, from, sixteen), p[P_PANEL], ingot_e_rem(e, from, sixteen)));
        ingot_e_for_end(e, &across, NULL);
        ingot_e_for_end(e, &down, NULL);
    }
}

/* Words [from, count) of columns whose elements are `stride` apart, one by one; `rest` elements of the last one. */
static void pack_words(ingot_emitter *e, const contract *c, const ingot_ev *column, ingot_ev to, ingot_ev from,
                       ingot_ev count, int elements)
{
    ingot_ev stride = ingot_e_size(e, c->spec->operands[1].strides[K]);
    ingot_etype element = ingot_e_type(INGOT_E_I16);
    ingot_eloop loop;
    ingot_e_for(e, from, count, ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_ev at = ingot_e_gep(e, INGOT_E_I16, to, ingot_e_mul_int(e, loop.index, 32)),
             index = ingot_e_mul(e, ingot_e_mul_int(e, loop.index, 2), stride);
    for (int i = 0; i < c->vec.lanes; i++) {
        ingot_ev low = ingot_e_load(e, element, column[i], index),
                 high = elements > 1 ? ingot_e_load(e, element, column[i], ingot_e_add(e, index, stride))
                                     : ingot_e_zero(e, element);
        ingot_e_store(e, low, at, ingot_e_int(e, 2 * i));
        ingot_e_store(e, high, at, ingot_e_int(e, 2 * i + 1));
    }
    ingot_e_for_end(e, &loop, NULL);
}

/* As pack_square, of words: lanes of them from each column. */
static void pack_word_square(ingot_emitter *e, const contract *c, const ingot_ev *column, ingot_ev to, ingot_ev word)
{
    int lanes = c->vec.lanes;
    ingot_ev rows[64], at = ingot_e_gep(e, INGOT_E_I32, to, ingot_e_mul_int(e, word, 16));
    for (int i = 0; i < lanes; i++)
        rows[i] = ingot_e_reinterpret(
            e, ingot_e_load(e, ingot_e_vector(INGOT_E_I16, 2 * lanes), column[i], ingot_e_mul_int(e, word, 2)), c->vec);
    transpose(e, lanes, rows);
    for (int i = 0; i < lanes; i++)
        ingot_e_store(e, rows[i], at, ingot_e_int(e, 16 * i));
}

/* One group of columns of pairs. */
static void pack_columns(ingot_emitter *e, const contract *c, const ingot_ev *column, ingot_ev to)
{
    int64_t k = c->spec->dims[K], words = k / 2;
    int lanes = c->vec.lanes;
    ingot_ev whole = ingot_e_int(e, c->spec->operands[1].strides[K] == 1 ? words / lanes * lanes : 0);
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_int(e, 0), whole, ingot_e_int(e, lanes), 0, NULL, &loop);
    pack_word_square(e, c, column, to, loop.index);
    ingot_e_for_end(e, &loop, NULL);
    pack_words(e, c, column, to, whole, ingot_e_int(e, words), 2);
    if (k % 2)
        pack_words(e, c, column, to, ingot_e_int(e, words), ingot_e_int(e, words + 1), 1);
}

/* Helper: columns [j0, j1) of B from k0 on, kn steps, to panels at P_COLUMNS. */
static void write_pack(ingot_emitter *e, const contract *c, int rows, const ingot_ev *p)
{
    const ingot_operand *b = &c->spec->operands[1];
    ingot_escalar scalar = (ingot_escalar)c->vec.scalar;
    int lanes = c->vec.lanes;
    (void)rows;
    ingot_ev base = ingot_e_linear(e, 3, (ingot_ev[]){p[P_B0], p[P_B1], p[P_K0]},
                                   (ingot_size[]){b->strides[B0], b->strides[B1], b->strides[K]});
    ingot_ev last = ingot_e_add_int(e, p[P_J1], -1), sixteen = ingot_e_int(e, 16), column[64];
    ingot_eloop groups, loop;
    if (b->strides[N] == 1) {
        (c->group ? pack_pairs : pack_rows)(e, c, p, base);
        return;
    }
    ingot_e_for(e, p[P_J0], p[P_J1], ingot_e_int(e, lanes), 0, NULL, &groups);
    ingot_ev from = ingot_e_sub(e, groups.index, p[P_J0]);
    ingot_ev to = ingot_e_gep(e, scalar, p[P_COLUMNS],
                              ingot_e_mad(e, ingot_e_div(e, from, sixteen), p[P_PANEL], ingot_e_rem(e, from, sixteen)));
    for (int i = 0; i < lanes; i++) {
        ingot_ev j = ingot_e_min(e, ingot_e_add_int(e, groups.index, i), last);
        column[i] = ingot_e_gep(e, ingot_e_scalar_of(b->dtype), e->operands[1],
                                ingot_e_mad(e, j, ingot_e_size(e, b->strides[N]), base));
    }
    if (c->group) {
        pack_columns(e, c, column, to);
    } else if (b->strides[K] == 1) {
        ingot_ev rest = ingot_e_rem(e, p[P_KN], ingot_e_int(e, lanes)), whole = ingot_e_sub(e, p[P_KN], rest);
        ingot_e_for(e, ingot_e_int(e, 0), whole, ingot_e_int(e, lanes), 0, NULL, &loop);
        pack_square(e, c, column, to, loop.index);
        ingot_e_for_end(e, &loop, NULL);
        pack_scalars(e, c, column, to, whole, p[P_KN]);
    } else {
        pack_scalars(e, c, column, to, ingot_e_int(e, 0), p[P_KN]);
    }
    ingot_e_for_end(e, &groups, NULL);
}

/* ---- Units ---- */

/* One block of k for all row tiles of the unit; p holds everything but the row. */
static void emit_block(ingot_emitter *e, contract *c, const split *s, ingot_ev tile0, ingot_ev tile1, ingot_ev stack,
                       ingot_ev *p)
{
    const ingot_operand *b = &c->spec->operands[1];
    if (c->b == STACK) {
        p[P_PANEL] = ingot_e_int(e, c->kc * 16);
        p[P_COLUMNS] = stack;
        p[P_JB] = p[P_J0];
        call_helper(e, c, "pack", 0, p, write_pack);
    } else {
        ingot_ev index = ingot_e_linear(e, 2, (ingot_ev[]){p[P_B0], p[P_B1]}, b->strides);
        ingot_ev step = c->b == PANELS ? ingot_e_int(e, 16) : ingot_e_size(e, b->strides[K]);
        p[P_PANEL] = ingot_e_mul_int(e, c->group ? ingot_e_int(e, c->kc) : ingot_e_size(e, c->spec->dims[K]), 16);
        p[P_COLUMNS] = ingot_e_gep(e, ingot_e_scalar_of(b->dtype), e->operands[1],
                                   ingot_e_mad(e, p[P_K0], step, index)); /* k0 is 0 for words */
        p[P_JB] = ingot_e_int(e, 0);
    }
    ingot_tile_body body = {.emit = emit_tiles, .arg = c, .name = "tile", .n_params = P_COUNT, .params = p};
    if (c->b != STACK) {
        ingot_tiling_run(e, &s->rows, c->mr, tile0, tile1, &body);
        return;
    }
    /* many tiles share the packed columns; those that go over all of them at a time are on few enough pages */
    ingot_ev few = ingot_e_int(e, c->mr > 8 ? 4 : 8);
    ingot_eloop loop;
    ingot_e_for(e, tile0, tile1, few, 0, NULL, &loop);
    ingot_tiling_run(e, &s->rows, c->mr, loop.index, ingot_e_min(e, ingot_e_add(e, loop.index, few), tile1), &body);
    ingot_e_for_end(e, &loop, NULL);
}

static void emit_unit(ingot_emitter *e, contract *c, const split *s, ingot_ev unit, ingot_ev stack)
{
    const ingot_spec *spec = c->spec;
    ingot_ev one = ingot_e_int(e, 1), k = ingot_e_size(e, spec->dims[K]), digits[4], p[P_COUNT];
    ingot_ev radix[4] = {ingot_e_size(e, spec->dims[B0]), ingot_e_size(e, spec->dims[B1]), s->n_blocks, s->chunks};
    ingot_e_unflatten(e, unit, 4, radix, digits);
    p[P_I] = p[P_TILES] = ingot_e_int(e, 0);
    p[P_B0] = digits[0];
    p[P_B1] = digits[1];
    p[P_J0] = ingot_e_mul(e, digits[2], s->n_block);
    p[P_J1] = ingot_e_min(e, ingot_e_add(e, p[P_J0], s->n_block), ingot_e_size(e, spec->dims[N]));
    ingot_ev tile0 = ingot_e_mul(e, digits[3], s->tiles),
             tile1 = ingot_e_min(e, ingot_e_add(e, tile0, s->tiles), s->rows.count);
    if (!c->blocked) {
        p[P_K0] = ingot_e_int(e, 0);
        p[P_KN] = c->group ? ingot_e_int(e, spec->dims[K] / c->group) : k;
        p[P_FIRST] = p[P_LAST] = one;
        emit_block(e, c, s, tile0, tile1, stack, p);
        return;
    }
    ingot_ev kc = ingot_e_int(e, c->kc);
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_max(e, k, one), kc, 0, NULL, &loop);
    p[P_K0] = loop.index;
    p[P_KN] = k.known && k.value % c->kc == 0 ? kc : ingot_e_min(e, kc, ingot_e_sub(e, k, loop.index));
    p[P_FIRST] = ingot_e_from_bool(e, ingot_e_cmp(e, "eq", loop.index, ingot_e_int(e, 0)));
    p[P_LAST] = ingot_e_from_bool(e, ingot_e_cmp(e, "sge", ingot_e_add(e, loop.index, kc), k));
    emit_block(e, c, s, tile0, tile1, stack, p);
    ingot_e_for_end(e, &loop, NULL);
}

static void body(ingot_emitter *e, ingot_ev begin, ingot_ev end)
{
    contract c = decide(e->spec, e->target);
    split s = make_split(e, &c);
    ingot_ev stack = {.id = -1};
    if (c.b == STACK)
        stack = ingot_e_alloca(e, (ingot_escalar)c.vec.scalar, STACK_BYTES / c.element_bytes);
    ingot_eloop loop;
    ingot_e_for(e, begin, end, ingot_e_int(e, 1), 0, NULL, &loop);
    emit_unit(e, &c, &s, loop.index, stack);
    ingot_e_for_end(e, &loop, NULL);
}

static bool supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    const ingot_operand *a = &spec->operands[0], *b = &spec->operands[1], *out = &spec->operands[spec->n_in];
    int group = ingot_spec_group(spec);
    ingot_dtype sum = ingot_spec_sum(spec);
    bool packed = ingot_access_is_packed(b->access), integer = sum == INGOT_I32;
    (void)target;
    if (spec->n_in < 2 || spec->n_out != 1)
        *out_why = "contract: operands";
    else if (group && (ingot_size_is_dynamic(spec->dims[K]) || (integer && a->strides[K] != 1)))
        *out_why = "contract: integers along k that are not contiguous, or the number of terms not fixed";
    else if (!ingot_micro_limited_supported(spec, target, out_why))
        return false;
    else if (group && !packed && (!integer || group != 2 || spec->dims[K] > STACK_BYTES / 64))
        *out_why = "contract: a matrix of bytes or bf16, or too high, that is not packed";
    else if (!ingot_size_is_dynamic(spec->dims[K]) && spec->dims[K] > (1 << 26))
        *out_why = "contract: more than 2^26 terms";
    else if (!group && ((a->dtype != INGOT_F32 && a->dtype != INGOT_F64) || b->dtype != a->dtype))
        *out_why = "contract: element types other than f32, f64, i16, u8 and i8, or a matrix of bf16";
    else if (!group && out->dtype != a->dtype &&
             (ingot_size_is_dynamic(spec->dims[K]) || (!packed && spec->dims[K] > STACK_BYTES / 128)))
        *out_why = "contract: a result of another type after many terms";
    else if (a->access != INGOT_ACCESS_STRIDED || (packed && b->dtype == INGOT_F64))
        *out_why = "contract: packed access";
    else if (out->strides[N] != 1)
        *out_why = "contract: columns of the result are not contiguous";
    else if (spec->has_body &&
             (spec->body.n_args != spec->n_in - 1 || spec->body.n_results != 1 ||
              (ingot_dtype)spec->body.arg_dtypes[0] != sum || ingot_e_prog_result_dtype(&spec->body, 0) != out->dtype))
        *out_why = "contract: body";
    else if (!spec->has_body && out->dtype != sum)
        *out_why = "contract: type of the result";
    else
        return true;
    return false;
}

const ingot_family_emitter ingot_emit_contract = {"contract", units, body, supports};
