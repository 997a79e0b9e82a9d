/* map: out = body(in...), elementwise over up to six dims with any strides; identity bodies are copies and transposes.
 *
 * Vectors run along the dim where most operands have stride 1. When an input has its unit stride along another dim than
 * the output, blocks are transposed in registers. A unit is about `unit_elements` elements: consecutive rows (all dims
 * but the lane dim and those looped over inside a row), or a piece of a long row.
 */
#include "codegen/blocks.h"
#include <string.h>

enum { unit_elements = 8192, guess = 64, max_inputs = INGOT_SPEC_OPERANDS };

typedef struct map_plan {
    int lane;   /* lane dim */
    int across; /* dim that transposed inputs run along; -1: none */
    int cut;    /* dim that units have pieces of: the outermost inner dim if its size is open, else across or lane */
    int lanes;
    bool transposed[max_inputs];         /* input k is read along `across` */
    int n_rows, rows[INGOT_SPEC_DIMS];   /* dims flattened into row numbers, outermost first */
    int n_inner, inner[INGOT_SPEC_DIMS]; /* dims looped over inside a row */
    int unroll;
} map_plan;

/* ---- Choices ---- */

static int lane_score(const ingot_spec *spec, int d)
{
    if (ingot_b_is(spec->dims[d], 1) || ingot_b_is(spec->dims[d], 0))
        return -1;
    int score = 0;
    for (int k = 0; k < spec->n_in + spec->n_out; k++) {
        ingot_size s = spec->operands[k].strides[d];
        if (k >= spec->n_in)
            score += ingot_b_is(s, 1) ? 6 : 0;
        else
            score += ingot_b_is(s, 1) ? 3 : ingot_b_is(s, 0) ? 2 : 0;
    }
    return ingot_b_estimate(spec->dims[d], guess) < 4 ? score * 2 / 5 : score;
}

static int lanes_for(const ingot_spec *spec, const ingot_target *target)
{
    int widest = 1;
    bool words = false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++) {
        int bytes = ingot_e_scalar_bytes(ingot_e_scalar_of(spec->operands[k].dtype));
        widest = bytes > widest ? bytes : widest;
        words = words || bytes == 4;
    }
    /* What a body computes in between counts too: u8 -> f32 -> u8. */
    for (int i = 0; i < spec->body.n_instrs; i++) {
        int bytes = ingot_e_scalar_bytes(ingot_e_scalar_of((ingot_dtype)spec->body.instrs[i].dtype));
        if (spec->body.instrs[i].dtype == INGOT_F16)
            bytes = 4;
        widest = bytes > widest ? bytes : widest;
        words = words || bytes == 4;
    }
    return target->vector_bytes / (words ? 4 : widest);
}

static bool can_transpose(const ingot_spec *spec, int lane, int across)
{
    if (ingot_b_estimate(spec->dims[lane], guess) < 4 || ingot_b_estimate(spec->dims[across], guess) < 4)
        return false;
    for (int k = spec->n_in; k < spec->n_in + spec->n_out; k++)
        if (!ingot_b_is(spec->operands[k].strides[lane], 1))
            return false;
    return true;
}

static map_plan make_plan(const ingot_spec *spec, const ingot_target *target)
{
    map_plan plan = {.lane = spec->n_dims - 1, .across = -1, .unroll = 1};
    int best = -1;
    for (int d = spec->n_dims - 1; d >= 0; d--) {
        int score = lane_score(spec, d);
        if (score > best) {
            best = score;
            plan.lane = d;
        }
    }
    if (spec->decisions[0] > 0 && spec->decisions[0] <= spec->n_dims)
        plan.lane = (int)spec->decisions[0] - 1;
    plan.lanes = lanes_for(spec, target);
    for (int k = 0; k < spec->n_in && plan.across < 0; k++) {
        ingot_size along = spec->operands[k].strides[plan.lane];
        if (ingot_b_is(along, 1) || ingot_b_is(along, 0))
            continue;
        for (int d = spec->n_dims - 1; d >= 0; d--)
            if (d != plan.lane && ingot_b_is(spec->operands[k].strides[d], 1) && can_transpose(spec, plan.lane, d))
                plan.across = d;
    }
    if (plan.across >= 0) {
        plan.lanes = plan.lanes > 16 ? 16 : plan.lanes;
        for (int k = 0; k < spec->n_in; k++) {
            const ingot_size *s = spec->operands[k].strides;
            plan.transposed[k] =
                !ingot_b_is(s[plan.lane], 1) && !ingot_b_is(s[plan.lane], 0) && ingot_b_is(s[plan.across], 1);
        }
    } else {
        while (plan.lanes > 1 && ingot_b_estimate(spec->dims[plan.lane], guess) <= plan.lanes / 2)
            plan.lanes /= 2;
        int cost = ingot_prog_cost(&spec->body);
        plan.unroll = cost <= 3 ? 4 : cost <= 12 ? 2 : 1;
        for (int k = 0; k < spec->n_in + spec->n_out; k++)
            if (!ingot_b_is(spec->operands[k].strides[plan.lane], 1) &&
                !ingot_b_is(spec->operands[k].strides[plan.lane], 0))
                plan.unroll = 1;
        if (spec->decisions[1] > 0 && spec->decisions[1] <= 8)
            plan.unroll = (int)spec->decisions[1];
        if (ingot_b_estimate(spec->dims[plan.lane], 1024) < 2 * plan.lanes * plan.unroll)
            plan.unroll = 1;
    }
    /* Inner loops until a row is worth its division into coordinates. A dim of open size is the last of them, and only
     * if what is inside of it is fixed. */
    int64_t row = ingot_b_estimate(spec->dims[plan.lane], guess);
    bool fixed = plan.across < 0 && !ingot_size_is_dynamic(spec->dims[plan.lane]);
    int first = spec->n_dims;
    plan.cut = plan.across >= 0 ? plan.across : plan.lane;
    for (int d = spec->n_dims - 1; d >= 0 && row < 2048; d--) {
        if (d == plan.lane || d == plan.across)
            continue;
        if (ingot_size_is_dynamic(spec->dims[d])) {
            if (fixed)
                plan.cut = first = d;
            break;
        }
        row *= spec->dims[d] > 0 ? spec->dims[d] : 1;
        if (row > 4 * unit_elements)
            break;
        first = d;
    }
    for (int d = 0; d < spec->n_dims; d++) {
        if (d == plan.lane || d == plan.across)
            continue;
        if (d < first)
            plan.rows[plan.n_rows++] = d;
        else
            plan.inner[plan.n_inner++] = d;
    }
    return plan;
}

/* ---- Units ---- */

typedef struct map_units {
    ingot_ev rows, rows_per_unit; /* rows: product of the row dims */
    ingot_ev piece, pieces;       /* of the dim that is cut: elements, count */
} map_units;

static ingot_ev product(ingot_emitter *e, int n, const int *dims, int without)
{
    ingot_ev p = ingot_e_int(e, 1);
    for (int i = 0; i < n; i++)
        if (dims[i] != without)
            p = ingot_e_mul(e, p, ingot_e_size(e, e->spec->dims[dims[i]]));
    return p;
}

static map_units make_units(ingot_emitter *e, const map_plan *plan)
{
    map_units u;
    ingot_ev one = ingot_e_int(e, 1), lane = ingot_e_size(e, e->spec->dims[plan->lane]),
             rest = ingot_e_size(e, e->spec->dims[plan->cut]);
    u.rows = product(e, plan->n_rows, plan->rows, -1);
    ingot_ev whole = ingot_e_mul(e, product(e, plan->n_inner, plan->inner, plan->cut), lane),
             step = ingot_e_int(e, unit_elements);
    if (plan->cut != plan->lane) {
        /* Across: in multiples of a cache line of it. */
        int line = plan->across < 0 ? 1 : plan->lanes > 16 ? plan->lanes : 16;
        ingot_ev of_unit = ingot_e_int(e, plan->across < 0 ? unit_elements : 2 * unit_elements);
        ingot_ev blocks = ingot_e_div(e, of_unit, ingot_e_max(e, ingot_e_mul_int(e, whole, line), one));
        step = ingot_e_mul_int(e, ingot_e_max(e, blocks, one), line);
        whole = ingot_e_mul(e, whole, rest);
    }
    u.piece = step;
    u.pieces = ingot_e_max(e, ingot_e_ceil_div(e, rest, step), one);
    u.rows_per_unit = ingot_e_max(e, ingot_e_div(e, ingot_e_int(e, unit_elements), ingot_e_max(e, whole, one)), one);
    return u;
}

static ingot_ev map_count(ingot_emitter *e)
{
    map_plan plan = make_plan(e->spec, e->target);
    map_units u = make_units(e, &plan);
    ingot_ev n = ingot_e_mul(e, ingot_e_ceil_div(e, u.rows, u.rows_per_unit), u.pieces);
    /* Nothing to do when a dim is empty. */
    ingot_ev all = ingot_e_int(e, 1);
    for (int d = 0; d < e->spec->n_dims; d++)
        all = ingot_e_mul(e, all, ingot_e_size(e, e->spec->dims[d]));
    return ingot_e_min(e, n, all);
}

/* ---- One row ---- */

typedef struct row {
    const map_plan *plan;
    ingot_ev base[INGOT_SPEC_OPERANDS];     /* pointers to the row's first element */
    ingot_ev constant[INGOT_SPEC_OPERANDS]; /* inputs that do not vary along the row, as scalars */
    bool varies[INGOT_SPEC_OPERANDS];
} row;

static ingot_etype operand_type(const ingot_emitter *e, int k, int lanes)
{
    return ingot_e_vector(ingot_e_scalar_of(e->spec->operands[k].dtype), lanes);
}

static void store_results(ingot_emitter *e, const row *r, ingot_ev *args, ingot_ev at, int lanes,
                          const ingot_bmask *mask)
{
    const ingot_spec *spec = e->spec;
    ingot_ev results[INGOT_PROG_MAX_RESULTS];
    ingot_e_prog(e, &spec->body, args, results);
    for (int i = 0; i < spec->n_out; i++) {
        int k = spec->n_in + i;
        ingot_ev stride = ingot_e_size(e, spec->operands[k].strides[r->plan->lane]);
        ingot_ev value = results[i].type.lanes < lanes ? ingot_e_splat(e, results[i], lanes) : results[i];
        ingot_e_store_strided(e, value, r->base[k], ingot_e_mul(e, at, stride), stride, mask->of[value.type.scalar]);
    }
}

/* `count` vectors from element `at` of the row: all loads, then all results. */
static void do_vectors(ingot_emitter *e, const row *r, ingot_ev at, int lanes, int count, const ingot_bmask *mask)
{
    const ingot_spec *spec = e->spec;
    ingot_ev args[8][INGOT_PROG_MAX_ARGS];
    for (int u = 0; u < count; u++) {
        for (int k = 0; k < spec->n_in; k++) {
            if (!r->varies[k]) {
                args[u][k] = ingot_e_splat(e, r->constant[k], lanes);
                continue;
            }
            ingot_ev stride = ingot_e_size(e, spec->operands[k].strides[r->plan->lane]);
            ingot_ev index = ingot_e_mul(e, ingot_e_add_int(e, at, (int64_t)u * lanes), stride);
            ingot_etype type = operand_type(e, k, lanes);
            args[u][k] = ingot_e_load_strided(e, type, r->base[k], index, stride, mask->of[type.scalar]);
        }
    }
    for (int u = 0; u < count; u++)
        store_results(e, r, args[u], ingot_e_add_int(e, at, (int64_t)u * lanes), lanes, mask);
}

static ingot_ev round_down(ingot_emitter *e, ingot_ev n, int64_t step)
{
    return ingot_e_mul_int(e, ingot_e_div(e, n, ingot_e_int(e, step)), step);
}

/* Elements [lo, hi) along the lane dim; coords[lane] is ignored. */
static void do_row(ingot_emitter *e, const map_plan *plan, ingot_ev *coords, ingot_ev lo, ingot_ev hi)
{
    const ingot_spec *spec = e->spec;
    row r = {.plan = plan};
    ingot_bmask all = ingot_b_mask_all();
    coords[plan->lane] = ingot_e_int(e, 0);
    for (int k = 0; k < spec->n_in + spec->n_out; k++) {
        r.base[k] =
            ingot_e_gep(e, ingot_e_scalar_of(spec->operands[k].dtype), e->operands[k], ingot_b_index(e, k, coords));
        r.varies[k] = k >= spec->n_in || !ingot_b_is(spec->operands[k].strides[plan->lane], 0);
        if (!r.varies[k])
            r.constant[k] = ingot_e_load(e, operand_type(e, k, 1), r.base[k], ingot_e_int(e, 0));
    }
    int lanes = plan->lanes;
    ingot_ev n = ingot_e_sub(e, hi, lo), at = lo;
    ingot_eloop loop;
    for (int unroll = plan->unroll; unroll >= 1; unroll = unroll > 1 ? 1 : 0) {
        ingot_ev end = ingot_e_add(e, lo, round_down(e, n, (int64_t)lanes * unroll));
        if (!(at.known && end.known && at.value >= end.value)) {
            ingot_e_for(e, at, end, ingot_e_int(e, (int64_t)lanes * unroll), 0, NULL, &loop);
            do_vectors(e, &r, loop.index, lanes, unroll, &all);
            ingot_e_for_end(e, &loop, NULL);
        }
        at = end;
    }
    ingot_ev left = ingot_e_sub(e, hi, at);
    if (lanes == 1 || ingot_e_is_known(left, 0))
        return;
    ingot_eif branch;
    ingot_e_if(e, ingot_e_cmp(e, "slt", at, hi), 0, NULL, &branch);
    ingot_bmask mask = ingot_b_mask(e, lanes, left);
    do_vectors(e, &r, at, lanes, 1, &mask);
    ingot_e_if_end(e, &branch, NULL);
}

/* ---- Transposed blocks ---- */

/* One block of lanes x lanes at (coords[across], coords[lane]). left_across, left_lane: elements left there when fewer
 * than a block, else NULL. */
static void do_block(ingot_emitter *e, const map_plan *plan, const ingot_ev *at, const ingot_ev *left_across,
                     const ingot_ev *left_lane)
{
    const ingot_spec *spec = e->spec;
    int n = plan->lanes;
    ingot_ev coords[INGOT_SPEC_DIMS], tiles[INGOT_PROG_MAX_ARGS][16];
    ingot_bmask all = ingot_b_mask_all(), across_mask = left_across ? ingot_b_mask(e, n, *left_across) : all,
                lane_mask = left_lane ? ingot_b_mask(e, n, *left_lane) : all;
    for (int d = 0; d < spec->n_dims; d++)
        coords[d] = at[d];
    for (int k = 0; k < spec->n_in; k++) {
        if (!plan->transposed[k])
            continue;
        for (int i = 0; i < n; i++) {
            ingot_ev step = ingot_e_int(e, i); /* past the end: the last row again, its lanes are not stored */
            if (left_lane && i > 0)
                step = ingot_e_min(e, step, ingot_e_add_int(e, *left_lane, -1));
            coords[plan->lane] = ingot_e_add(e, at[plan->lane], step);
            tiles[k][i] = ingot_b_load(e, k, coords, plan->across, n, &across_mask);
        }
        ingot_b_transpose(e, n, tiles[k]);
    }
    coords[plan->lane] = at[plan->lane];
    for (int j = 0; j < n; j++) {
        ingot_eif branch;
        if (left_across)
            ingot_e_if(e, ingot_e_cmp(e, "slt", ingot_e_int(e, j), *left_across), 0, NULL, &branch);
        coords[plan->across] = ingot_e_add_int(e, at[plan->across], j);
        ingot_ev args[INGOT_PROG_MAX_ARGS], results[INGOT_PROG_MAX_RESULTS];
        for (int k = 0; k < spec->n_in; k++)
            args[k] = plan->transposed[k] ? tiles[k][j] : ingot_b_load(e, k, coords, plan->lane, n, &lane_mask);
        ingot_e_prog(e, &spec->body, args, results);
        for (int i = 0; i < spec->n_out; i++) {
            ingot_ev value = results[i].type.lanes < n ? ingot_e_splat(e, results[i], n) : results[i];
            ingot_b_store(e, spec->n_in + i, value, coords, plan->lane, &lane_mask);
        }
        if (left_across)
            ingot_e_if_end(e, &branch, NULL);
    }
}

/* All of the lane dim for `count` blocks along `across` from coords[across]. */
static void do_stripe(ingot_emitter *e, const map_plan *plan, ingot_ev *coords, int count, const ingot_ev *left_across)
{
    int n = plan->lanes;
    ingot_ev size = ingot_e_size(e, e->spec->dims[plan->lane]), end = round_down(e, size, n),
             first = coords[plan->across];
    ingot_eloop loop;
    if (!ingot_e_is_known(end, 0)) {
        ingot_e_for(e, ingot_e_int(e, 0), end, ingot_e_int(e, n), 0, NULL, &loop);
        coords[plan->lane] = loop.index;
        for (int i = 0; i < count; i++) {
            coords[plan->across] = ingot_e_add_int(e, first, (int64_t)i * n);
            do_block(e, plan, coords, left_across, NULL);
        }
        ingot_e_for_end(e, &loop, NULL);
    }
    ingot_ev left = ingot_e_sub(e, size, end);
    if (!ingot_e_is_known(left, 0)) {
        ingot_eif branch;
        ingot_e_if(e, ingot_e_cmp(e, "sgt", left, ingot_e_int(e, 0)), 0, NULL, &branch);
        coords[plan->lane] = end;
        for (int i = 0; i < count; i++) {
            coords[plan->across] = ingot_e_add_int(e, first, (int64_t)i * n);
            do_block(e, plan, coords, left_across, &left);
        }
        ingot_e_if_end(e, &branch, NULL);
    }
    coords[plan->across] = first;
}

/* [lo, hi) of the dim across, all of the lane dim. */
static void do_transpose(ingot_emitter *e, const map_plan *plan, ingot_ev *coords, ingot_ev lo, ingot_ev hi)
{
    int n = plan->lanes;
    ingot_ev count = ingot_e_sub(e, hi, lo), at = lo;
    int64_t size = ingot_b_estimate(e->spec->dims[plan->across], -1);
    bool whole = size >= 0 && size % n == 0; /* pieces end at multiples of lines, or at the dim's end */
    for (int blocks = 16 / n > 1 ? 16 / n : 1; blocks >= 1; blocks = blocks > 1 ? 1 : 0) {
        if (blocks == 1 && n < 16 && size >= 0 && size % 16 == 0)
            continue;
        ingot_ev end = ingot_e_add(e, lo, round_down(e, count, (int64_t)n * blocks));
        ingot_eloop loop;
        ingot_e_for(e, at, end, ingot_e_int(e, (int64_t)n * blocks), 0, NULL, &loop);
        coords[plan->across] = loop.index;
        do_stripe(e, plan, coords, blocks, NULL);
        ingot_e_for_end(e, &loop, NULL);
        at = end;
    }
    if (whole)
        return;
    ingot_ev left = ingot_e_sub(e, hi, at);
    ingot_eif branch;
    ingot_e_if(e, ingot_e_cmp(e, "slt", at, hi), 0, NULL, &branch);
    coords[plan->across] = at;
    do_stripe(e, plan, coords, 1, &left);
    ingot_e_if_end(e, &branch, NULL);
}

/* ---- All units ---- */

/* Loops over inner dims i.., then the row; [lo, hi) of the dim that is cut. */
static void do_inner(ingot_emitter *e, const map_plan *plan, int i, ingot_ev *coords, ingot_ev lo, ingot_ev hi)
{
    ingot_ev zero = ingot_e_int(e, 0);
    if (i == plan->n_inner) {
        if (plan->across >= 0)
            do_transpose(e, plan, coords, lo, hi);
        else if (plan->cut == plan->lane)
            do_row(e, plan, coords, lo, hi);
        else
            do_row(e, plan, coords, zero, ingot_e_size(e, e->spec->dims[plan->lane]));
        return;
    }
    int d = plan->inner[i];
    ingot_eloop loop;
    ingot_e_for(e, d == plan->cut ? lo : zero, d == plan->cut ? hi : ingot_e_size(e, e->spec->dims[d]),
                ingot_e_int(e, 1), 0, NULL, &loop);
    coords[d] = loop.index;
    do_inner(e, plan, i + 1, coords, lo, hi);
    ingot_e_for_end(e, &loop, NULL);
}

/* The coordinates of the next row: digits in the mixed radix, counted up. */
static void count_up(ingot_emitter *e, int n, const ingot_ev *radix, ingot_ev *digits)
{
    ingot_ev carry = ingot_e_int(e, 1), zero = ingot_e_int(e, 0);
    for (int i = n - 1; i > 0; i--) {
        ingot_ev next = ingot_e_add(e, digits[i], carry), wraps = ingot_e_cmp(e, "eq", next, radix[i]);
        digits[i] = ingot_e_select(e, wraps, zero, next);
        carry = ingot_e_from_bool(e, wraps);
    }
    digits[0] = ingot_e_add(e, digits[0], carry);
}

static void do_rows(ingot_emitter *e, const map_plan *plan, ingot_ev first, ingot_ev last, ingot_ev lo, ingot_ev hi)
{
    ingot_ev coords[INGOT_SPEC_DIMS], radix[INGOT_SPEC_DIMS], digits[INGOT_SPEC_DIMS];
    bool counted = false; /* divisions by open sizes are dear: one for the first row */
    for (int d = 0; d < INGOT_SPEC_DIMS; d++)
        coords[d] = ingot_e_int(e, 0);
    ingot_eloop loop;
    if (plan->n_rows > 0) {
        for (int i = 0; i < plan->n_rows; i++) {
            radix[i] = ingot_e_size(e, e->spec->dims[plan->rows[i]]);
            counted = counted || (i > 0 && !radix[i].known);
        }
        if (counted)
            ingot_e_unflatten(e, first, plan->n_rows, radix, digits);
        ingot_e_for(e, first, last, ingot_e_int(e, 1), counted ? plan->n_rows : 0, digits, &loop);
        if (counted)
            memcpy(digits, loop.args, (size_t)plan->n_rows * sizeof *digits);
        else
            ingot_e_unflatten(e, loop.index, plan->n_rows, radix, digits);
        for (int i = 0; i < plan->n_rows; i++)
            coords[plan->rows[i]] = digits[i];
    }
    do_inner(e, plan, 0, coords, lo, hi);
    if (counted)
        count_up(e, plan->n_rows, radix, digits);
    if (plan->n_rows > 0)
        ingot_e_for_end(e, &loop, digits);
}

static void map_body(ingot_emitter *e, ingot_ev begin, ingot_ev end)
{
    map_plan plan = make_plan(e->spec, e->target);
    map_units u = make_units(e, &plan);
    ingot_ev zero = ingot_e_int(e, 0), size = ingot_e_size(e, e->spec->dims[plan.cut]);
    if (ingot_e_is_known(u.pieces, 1)) { /* whole rows: one range of them */
        ingot_ev last = ingot_e_min(e, ingot_e_mul(e, end, u.rows_per_unit), u.rows);
        do_rows(e, &plan, ingot_e_mul(e, begin, u.rows_per_unit), last, zero, size);
        return;
    }
    if (plan.n_rows == 0 && plan.n_inner == 0) { /* one row: one range of it */
        do_rows(e, &plan, zero, zero, ingot_e_mul(e, begin, u.piece),
                ingot_e_min(e, ingot_e_mul(e, end, u.piece), size));
        return;
    }
    ingot_eloop loop;
    ingot_e_for(e, begin, end, ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_ev block = ingot_e_div(e, loop.index, u.pieces),
             piece = ingot_e_sub(e, loop.index, ingot_e_mul(e, block, u.pieces));
    ingot_ev first = ingot_e_mul(e, block, u.rows_per_unit), lo = ingot_e_mul(e, piece, u.piece);
    do_rows(e, &plan, first, ingot_e_min(e, ingot_e_add(e, first, u.rows_per_unit), u.rows), lo,
            ingot_e_min(e, ingot_e_add(e, lo, u.piece), size));
    ingot_e_for_end(e, &loop, NULL);
}

static bool map_supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    if (!ingot_b_operands_supported(spec, target, out_why))
        return false;
    *out_why = "map: one to nine dims, strided operands and a body";
    if (spec->n_dims < 1 || spec->n_dims > INGOT_SPEC_DIMS || !spec->has_body || spec->body.n_args != spec->n_in ||
        spec->body.n_results != spec->n_out)
        return false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++)
        if (spec->operands[k].access != INGOT_ACCESS_STRIDED || spec->operands[k].lane != 0)
            return false;
    for (int i = 0; i < spec->n_out; i++) {
        *out_why = "map: a result's type is not its operand's";
        if (ingot_e_prog_result_dtype(&spec->body, i) != spec->operands[spec->n_in + i].dtype)
            return false;
    }
    return true;
}

const ingot_family_emitter ingot_emit_map = {"map", map_count, map_body, map_supports};
