/* lstm and gru: the recurrent part, over all time steps of one direction and some rows of the batch.
 *
 * Per step: state times r (panels of 16 columns, register tiles of all rows of the unit), then the gates' activations
 * fused with the new state. States and products live in scratch; r stays in the cache between steps. xw holds the
 * inputs' part of all gates, gate g at g * h. The optional recurrent bias (gru) has all gates too and is added to the
 * product.
 */
#include "codegen/blocks.h"
#include <string.h>

typedef ingot_ev V;
enum { T, N, DIR, H, XW = 0, R = 1, most_scratch = 96 * 1024 };

typedef struct cell {
    ingot_emitter *e;
    bool gru, reset_after;       /* reset_after: linear_before_reset */
    int gates, lanes, rows;      /* rows of the batch in a unit */
    int64_t h, width, columns;   /* gates * h; panels * 16 */
    int64_t state_row, gate_row; /* elements of a row of scratch */
    int h0, c0, rb;              /* inputs; -1: not there */
    V dir, first_row, n_rows;
    V state, memory, reset_state, products, products2; /* scratch; memory: lstm; the last ones: gru */
} cell;

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
    c->state_row = (c->h + 15) / 16 * 16;
    c->gate_row = c->columns + 16;
    c->rows = target->vector_regs >= 32 ? 8 : 4;
    if (spec->decisions[0] > 0 && spec->decisions[0] <= 8)
        c->rows = (int)spec->decisions[0];
    int64_t n = ingot_b_estimate(spec->dims[N], c->rows);
    if (n < c->rows)
        c->rows = n > 0 ? (int)n : 1;
    while (c->rows > 1 && 4 * c->rows * (2 * c->state_row + (c->gru ? 2 : 1) * c->gate_row) > most_scratch)
        c->rows--;
    return 4 * c->rows * (2 * c->state_row + (c->gru ? 2 : 1) * c->gate_row) <= most_scratch;
}

static V recurrent_count(ingot_emitter *e)
{
    cell c;
    make_cell(e->spec, e->target, &c);
    return ingot_e_mul(e, ingot_e_size(e, e->spec->dims[DIR]),
                       ingot_e_ceil_div(e, ingot_e_size(e, e->spec->dims[N]), ingot_e_int(e, c.rows)));
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

/* out[row][16 * panel ..] = bias + from[row][:] r for `panels` panels from `panel` on. */
static void product_tile(const cell *c, V from, V out, V panel, int panels)
{
    ingot_emitter *e = c->e;
    int per_panel = 16 / c->lanes, n = per_panel * panels;
    V acc[INGOT_E_MAX_CARRIED], next[INGOT_E_MAX_CARRIED], r[16], zero = ingot_e_int(e, 0),
                                                                  column = ingot_e_mul_int(e, panel, 16);
    V base = ingot_e_add(e, ingot_e_mul(e, c->dir, ingot_e_size(e, e->spec->operands[R].strides[DIR])),
                         ingot_e_mul_int(e, panel, c->h * 16));
    V panel_at = ingot_e_gep(e, INGOT_E_F32, e->operands[R], base);
    for (int k = 0; k < n; k++) {
        V start = ingot_e_zero(e, vector(c));
        if (c->rb >= 0) {
            V at = ingot_e_add_int(e, column, (int64_t)k * c->lanes);
            ingot_emask mask = ingot_e_mask(e, vector(c), ingot_e_sub(e, ingot_e_int(e, c->width), at));
            V index = ingot_b_index(e, c->rb, (V[]){zero, zero, c->dir, at});
            start = ingot_e_load_masked(e, vector(c), e->operands[c->rb], index, mask);
        }
        for (int row = 0; row < c->rows; row++)
            acc[row * n + k] = start;
    }
    ingot_eloop loop;
    ingot_e_for(e, zero, ingot_e_int(e, c->h), ingot_e_int(e, 1), c->rows * n, acc, &loop);
    for (int k = 0; k < n; k++) {
        int64_t at = (int64_t)(k / per_panel) * c->h * 16 + (int64_t)(k % per_panel) * c->lanes;
        r[k] = ingot_e_load(e, vector(c), panel_at, ingot_e_add_int(e, ingot_e_mul_int(e, loop.index, 16), at));
    }
    for (int row = 0; row < c->rows; row++) {
        V x = ingot_e_load(e, ingot_e_type(INGOT_E_F32), from, ingot_e_add_int(e, loop.index, row * c->state_row));
        x = ingot_e_splat(e, x, c->lanes);
        for (int k = 0; k < n; k++)
            next[row * n + k] = ingot_e_fma(e, x, r[k], loop.args[row * n + k]);
    }
    ingot_e_for_end(e, &loop, next);
    for (int row = 0; row < c->rows; row++)
        for (int k = 0; k < n; k++)
            ingot_e_store(e, loop.results[row * n + k], out,
                          ingot_e_add_int(e, column, row * c->gate_row + (int64_t)k * c->lanes));
}

/* Columns [first, last) of the gates, widened to whole panels. */
static void product(const cell *c, V from, V out, int64_t first, int64_t last)
{
    ingot_emitter *e = c->e;
    int64_t lo = first / 16, hi = (last + 15) / 16;
    int vectors = c->rows * (16 / c->lanes), together = vectors >= 8 ? 1 : 8 / vectors; /* enough independent sums */
    for (int panels = together; panels >= 1; panels = panels > 1 ? 1 : 0) {
        int64_t end = lo + (hi - lo) / panels * panels;
        if (end == lo)
            continue;
        ingot_eloop loop;
        ingot_e_for(e, ingot_e_int(e, lo), ingot_e_int(e, end), ingot_e_int(e, panels), 0, NULL, &loop);
        product_tile(c, from, out, loop.index, panels);
        ingot_e_for_end(e, &loop, NULL);
        lo = end;
    }
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

static void lstm_part(const cell *c, const lane_block *b)
{
    ingot_emitter *e = c->e;
    V i = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 0)), o = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 1));
    V f = ingot_e_sigmoid(e, gate_sum(c, b, c->products, 2)), g = ingot_e_tanh(e, gate_sum(c, b, c->products, 3));
    V memory = ingot_e_fma(e, f, load_scratch(c, c->memory, c->state_row, b, 0), ingot_e_mulf(e, i, g));
    store_scratch(c, memory, c->memory, c->state_row, b, 0);
    new_state(c, b, ingot_e_mulf(e, o, ingot_e_tanh(e, memory)));
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

static void do_step(const cell *c, V t)
{
    if (!c->gru) {
        product(c, c->state, c->products, 0, c->width);
        for_state(c, t, lstm_part);
    } else if (c->reset_after) {
        product(c, c->state, c->products, 0, c->width);
        for_state(c, t, gru_after_part);
    } else {
        product(c, c->state, c->products, 0, 2 * c->h);
        for_state(c, t, gru_gates_part);
        product(c, c->reset_state, c->products2, 2 * c->h, c->width);
        for_state(c, t, gru_state_part);
    }
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
    V one = ingot_e_int(e, 1), zero = ingot_e_int(e, 0), batch = dim(&c, N),
      blocks = ingot_e_ceil_div(e, batch, ingot_e_int(e, c.rows)), steps = dim(&c, T), digits[2];
    ingot_eloop units, loop;
    ingot_e_for(e, begin, end, one, 0, NULL, &units);
    ingot_e_unflatten(e, units.index, 2, (V[]){dim(&c, DIR), blocks}, digits);
    c.dir = digits[0];
    c.first_row = ingot_e_mul_int(e, digits[1], c.rows);
    c.n_rows = ingot_e_min(e, ingot_e_int(e, c.rows), ingot_e_sub(e, batch, c.first_row));
    clear(&c, c.state, c.rows * c.state_row);
    clear(&c, c.memory, c.rows * c.state_row);
    for_state(&c, zero, load_first_state);
    V bits = ingot_e_size(e, e->spec->params[0]);
    V bit = ingot_e_op2(e, "arith.shrui", bits, c.dir),
      backwards = ingot_e_cmp(e, "ne", ingot_e_op2(e, "arith.andi", bit, one), zero);
    ingot_e_for(e, zero, steps, one, 0, NULL, &loop);
    V from_end = ingot_e_sub(e, ingot_e_add_int(e, steps, -1), loop.index);
    do_step(&c, ingot_e_select(e, backwards, from_end, loop.index));
    ingot_e_for_end(e, &loop, NULL);
    for_state(&c, zero, store_last_state);
    ingot_e_for_end(e, &units, NULL);
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
