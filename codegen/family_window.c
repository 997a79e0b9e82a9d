/* window: max and average pooling over n cb oh ow, lanes along the 16 channels of a C16 block, else along ow.
 *
 * Borders are handled by the bounds of the tap loops. A row of outputs has a left edge, an interior where all columns
 * of every window are inside, and a right edge; only the edges compute column bounds. A unit is some rows.
 */
#include "codegen/blocks.h"
#include <math.h>
#include <string.h>

typedef ingot_ev V;
enum { N, CB, OH, OW, KH, KW, LANE };
enum { KIND, SH, SW, DH, DW, PT, PL, IH, IW, INCLUDE_PAD, PB, PR };
enum { unit_taps = 16384, most_accumulators = 8 };

typedef struct pool {
    ingot_emitter *e;
    bool max, include_pad, along_row; /* along_row: lanes along ow */
    int lanes, vectors;               /* vectors of the lane dim */
    V y0, kh_lo, kh_hi, rows_counted; /* of the output row: input row of tap 0, tap bounds, what an average counts */
} pool;

/* Which part of a window's columns. */
typedef struct columns {
    bool full;
    V lo, hi, counted;
} columns;

static V param(ingot_emitter *e, int p)
{
    return ingot_e_size(e, e->spec->params[p]);
}

static V dim(ingot_emitter *e, int d)
{
    return ingot_e_size(e, e->spec->dims[d]);
}

static pool make_pool(ingot_emitter *e)
{
    const ingot_spec *spec = e->spec;
    pool p = {.e = e,
              .max = spec->params[KIND] == INGOT_SPEC_POOL_MAX,
              .include_pad = spec->params[INCLUDE_PAD] != 0,
              .lanes = e->lanes_f32};
    p.along_row = ingot_b_is(spec->dims[LANE], 1);
    if (p.along_row) {
        while (p.lanes > 1 && ingot_b_estimate(spec->dims[OW], 64) < p.lanes)
            p.lanes /= 2;
        p.vectors = 1;
    } else {
        while (p.lanes > 1 && spec->dims[LANE] % p.lanes != 0)
            p.lanes /= 2;
        p.vectors = (int)(spec->dims[LANE] / p.lanes);
    }
    return p;
}

static V rows_per_unit(ingot_emitter *e)
{
    V work = ingot_e_mul(e, ingot_e_mul(e, dim(e, OW), dim(e, LANE)), ingot_e_mul(e, dim(e, KH), dim(e, KW)));
    V one = ingot_e_int(e, 1);
    return ingot_e_max(e, ingot_e_div(e, ingot_e_int(e, unit_taps), ingot_e_max(e, work, one)), one);
}

static V all_rows(ingot_emitter *e)
{
    return ingot_e_mul(e, ingot_e_mul(e, dim(e, N), dim(e, CB)), dim(e, OH));
}

static V window_count(ingot_emitter *e)
{
    return ingot_e_ceil_div(e, all_rows(e), rows_per_unit(e));
}

static V not_negative(ingot_emitter *e, V x)
{
    return ingot_e_max(e, x, ingot_e_int(e, 0));
}

/* Taps [*lo, *hi) of `taps` whose position first + tap * dilation lies in [0, size), and how many an average counts. */
static void tap_bounds(const pool *p, V first, int taps, int dilation, int size, int pad_after, V *lo, V *hi,
                       V *counted)
{
    ingot_emitter *e = p->e;
    V step = param(e, dilation), n = dim(e, taps), inside = param(e, size);
    *lo = ingot_e_ceil_div(e, not_negative(e, ingot_e_sub(e, ingot_e_int(e, 0), first)), step);
    *hi = ingot_e_min(e, n, ingot_e_ceil_div(e, not_negative(e, ingot_e_sub(e, inside, first)), step));
    if (p->include_pad) {
        V end = ingot_e_add(e, inside, param(e, pad_after));
        *counted = ingot_e_min(e, n, ingot_e_ceil_div(e, not_negative(e, ingot_e_sub(e, end, first)), step));
    } else {
        *counted = not_negative(e, ingot_e_sub(e, *hi, *lo));
    }
}

static V fold(const pool *p, V acc, V x)
{
    return p->max ? ingot_e_maxf(p->e, acc, x) : ingot_e_addf(p->e, acc, x);
}

/* Every second element from `index` on, of which the last is not passed: the even ones of one vector, the odd ones of
 * the vector that ends there. */
static V load_pairs(ingot_emitter *e, ingot_etype type, V base, V index)
{
    int picks[64], half = type.lanes / 2;
    V low = ingot_e_load(e, type, base, index),
      high = ingot_e_load(e, type, base, ingot_e_add_int(e, index, type.lanes - 1));
    for (int l = 0; l < type.lanes; l++)
        picks[l] = l < half ? 2 * l : type.lanes + 2 * (l - half) + 1;
    return ingot_e_shuffle(e, low, high, type.lanes, picks);
}

/* One tap column for all accumulators: acc[i * vectors + u] for output i of `outputs`. Input at row y, tap kw. */
static void do_tap(const pool *p, const V *coords, int lanes, int vectors, int outputs, V y, V kw, V *acc)
{
    ingot_emitter *e = p->e;
    const ingot_size *strides = e->spec->operands[0].strides;
    ingot_etype type = ingot_e_vector(INGOT_E_F32, lanes);
    V in[INGOT_SPEC_DIMS], zero = ingot_e_int(e, 0), lane = ingot_e_size(e, strides[LANE]);
    memcpy(in, coords, sizeof in);
    in[OH] = y;
    in[KH] = in[KW] = zero;
    if (p->along_row)
        lane = ingot_e_mul(e, ingot_e_size(e, strides[OW]), param(e, SW));
    for (int i = 0; i < outputs; i++) {
        V ow = ingot_e_add_int(e, coords[OW], (int64_t)i * (p->along_row ? lanes : 1));
        V x = ingot_e_sub(e, ingot_e_mul(e, ow, param(e, SW)), param(e, PL));
        in[OW] = ingot_e_add(e, x, ingot_e_mul(e, kw, param(e, DW)));
        for (int u = 0; u < vectors; u++) {
            in[LANE] = ingot_e_int(e, (int64_t)u * lanes);
            V value =
                p->along_row && lanes > 1 && ingot_e_is_known(lane, 2)
                    ? load_pairs(e, type, e->operands[0], ingot_b_index(e, 0, in))
                    : ingot_e_load_strided(e, type, e->operands[0], ingot_b_index(e, 0, in), lane, ingot_e_mask_all());
            acc[i * vectors + u] = fold(p, acc[i * vectors + u], value);
        }
    }
}

/* `outputs` neighbouring outputs (vectors of them along the row) from coords[OW] on. */
static void do_outputs(const pool *p, V *coords, int lanes, int outputs, const columns *c)
{
    ingot_emitter *e = p->e;
    int vectors = p->along_row ? 1 : p->vectors, n = outputs * vectors;
    ingot_etype type = ingot_e_vector(INGOT_E_F32, lanes);
    V acc[INGOT_E_MAX_CARRIED], taps = dim(e, KW);
    for (int i = 0; i < n; i++)
        acc[i] = ingot_e_const_float(e, type, p->max ? -INFINITY : 0);
    ingot_eloop rows, cols;
    ingot_e_for(e, p->kh_lo, p->kh_hi, ingot_e_int(e, 1), n, acc, &rows);
    V y = ingot_e_add(e, p->y0, ingot_e_mul(e, rows.index, param(e, DH)));
    memcpy(acc, rows.args, sizeof acc);
    if (c->full && taps.known && taps.value <= 8) {
        for (int64_t kw = 0; kw < taps.value; kw++)
            do_tap(p, coords, lanes, vectors, outputs, y, ingot_e_int(e, kw), acc);
    } else {
        ingot_e_for(e, c->lo, c->hi, ingot_e_int(e, 1), n, acc, &cols);
        memcpy(acc, cols.args, sizeof acc);
        do_tap(p, coords, lanes, vectors, outputs, y, cols.index, acc);
        ingot_e_for_end(e, &cols, acc);
        memcpy(acc, cols.results, sizeof acc);
    }
    ingot_e_for_end(e, &rows, acc);
    V divisor = {.id = -1};
    if (!p->max) {
        V count = ingot_e_max(e, ingot_e_mul(e, p->rows_counted, c->counted), ingot_e_int(e, 1));
        divisor = count.known ? ingot_e_const_float(e, type, (double)count.value)
                              : ingot_e_splat(e, ingot_e_cast(e, "arith.sitofp", count, INGOT_E_F32), lanes);
    }
    ingot_bmask all = ingot_b_mask_all();
    V first = coords[OW];
    int lane_dim = p->along_row ? OW : LANE;
    for (int i = 0; i < n; i++) {
        V value = p->max ? rows.results[i] : ingot_e_divf(e, rows.results[i], divisor);
        coords[OW] = ingot_e_add_int(e, first, (int64_t)(i / vectors) * (p->along_row ? lanes : 1));
        coords[LANE] = ingot_e_int(e, (int64_t)(i % vectors) * lanes);
        ingot_b_store(e, e->spec->n_in, ingot_b_body(e, value, coords, lane_dim, &all), coords, lane_dim, &all);
    }
    coords[OW] = first;
    coords[LANE] = ingot_e_int(e, 0);
}

/* Outputs [lo, hi) of a row, one at a time, with bounds of their own. */
static void do_edge(const pool *p, V *coords, V lo, V hi)
{
    ingot_emitter *e = p->e;
    if (lo.known && hi.known && lo.value >= hi.value)
        return;
    ingot_eloop loop;
    ingot_e_for(e, lo, hi, ingot_e_int(e, 1), 0, NULL, &loop);
    coords[OW] = loop.index;
    columns c = {.full = false};
    V x0 = ingot_e_sub(e, ingot_e_mul(e, loop.index, param(e, SW)), param(e, PL));
    tap_bounds(p, x0, KW, DW, IW, PR, &c.lo, &c.hi, &c.counted);
    do_outputs(p, coords, p->along_row ? 1 : p->lanes, 1, &c);
    ingot_e_for_end(e, &loop, NULL);
}

static void do_interior(const pool *p, V *coords, V lo, V hi)
{
    ingot_emitter *e = p->e;
    columns c = {true, ingot_e_int(e, 0), dim(e, KW), dim(e, KW)};
    int most = most_accumulators / p->vectors > 4   ? 4
               : most_accumulators / p->vectors > 0 ? most_accumulators / p->vectors
                                                    : 1;
    V at = lo;
    for (int outputs = most; outputs >= 1; outputs = outputs > 1 ? 1 : 0) {
        int64_t step = (int64_t)outputs * (p->along_row ? p->lanes : 1);
        V count = not_negative(e, ingot_e_sub(e, hi, at));
        V end = ingot_e_add(e, at, ingot_e_mul_int(e, ingot_e_div(e, count, ingot_e_int(e, step)), step));
        ingot_eloop loop;
        if (!(at.known && end.known && at.value >= end.value)) {
            ingot_e_for(e, at, end, ingot_e_int(e, step), 0, NULL, &loop);
            coords[OW] = loop.index;
            do_outputs(p, coords, p->lanes, outputs, &c);
            ingot_e_for_end(e, &loop, NULL);
        }
        at = end;
    }
    if (p->along_row && p->lanes > 1 &&
        !(at.known && hi.known && at.value >= hi.value)) { /* less than a vector is left */
        ingot_eloop loop;
        ingot_e_for(e, at, hi, ingot_e_int(e, 1), 0, NULL, &loop);
        coords[OW] = loop.index;
        do_outputs(p, coords, 1, 1, &c);
        ingot_e_for_end(e, &loop, NULL);
    }
}

static void do_row(pool *p, V *coords)
{
    ingot_emitter *e = p->e;
    V width = dim(e, OW), zero = ingot_e_int(e, 0), stride = param(e, SW),
      reach = ingot_e_mul(e, ingot_e_add_int(e, dim(e, KW), -1), param(e, DW));
    p->y0 = ingot_e_sub(e, ingot_e_mul(e, coords[OH], param(e, SH)), param(e, PT));
    tap_bounds(p, p->y0, KH, DH, IH, PB, &p->kh_lo, &p->kh_hi, &p->rows_counted);
    V left = ingot_e_min(e, ingot_e_ceil_div(e, not_negative(e, param(e, PL)), stride), width);
    V inside = not_negative(e, ingot_e_sub(e, ingot_e_add(e, param(e, IW), param(e, PL)), reach));
    V right = ingot_e_max(e, ingot_e_min(e, ingot_e_ceil_div(e, inside, stride), width), left);
    do_edge(p, coords, zero, left);
    do_interior(p, coords, left, right);
    do_edge(p, coords, right, width);
}

static void window_body(ingot_emitter *e, V begin, V end)
{
    pool p = make_pool(e);
    V per_unit = rows_per_unit(e), coords[INGOT_SPEC_DIMS], digits[3];
    for (int d = 0; d < INGOT_SPEC_DIMS; d++)
        coords[d] = ingot_e_int(e, 0);
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_mul(e, begin, per_unit), ingot_e_min(e, ingot_e_mul(e, end, per_unit), all_rows(e)),
                ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_e_unflatten(e, loop.index, 3, (V[]){dim(e, N), dim(e, CB), dim(e, OH)}, digits);
    memcpy(coords, digits, sizeof digits);
    do_row(&p, coords);
    ingot_e_for_end(e, &loop, NULL);
}

static bool window_supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    if (!ingot_b_operands_supported(spec, target, out_why))
        return false;
    *out_why = "window: f32 only";
    if (spec->operands[0].dtype != INGOT_F32 || (!spec->has_body && spec->operands[spec->n_in].dtype != INGOT_F32) ||
        (spec->has_body && spec->body.arg_dtypes[0] != INGOT_F32))
        return false;
    *out_why = "window: number of operands";
    if (spec->n_out != 1 || (spec->has_body && spec->body.n_args < 1) || spec->n_in != 1 + ingot_b_extras(spec))
        return false;
    if (spec->has_body && ingot_e_prog_result_dtype(&spec->body, 0) != spec->operands[spec->n_in].dtype)
        return false;
    *out_why = "window: kind, strides, dilations and lanes are not sizes of a run";
    static const int fixed[] = {KIND, SH, SW, DH, DW, INCLUDE_PAD};
    for (int i = 0; i < 6; i++)
        if (ingot_size_is_dynamic(spec->params[fixed[i]]))
            return false;
    for (int i = SH; i <= DW; i++)
        if (spec->params[i] < 1)
            return false;
    if (ingot_size_is_dynamic(spec->dims[LANE]) || spec->dims[LANE] < 1 || spec->dims[LANE] > 16)
        return false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++)
        if (spec->operands[k].access != INGOT_ACCESS_STRIDED)
            return false;
    return true;
}

const ingot_family_emitter ingot_emit_window = {"window", window_count, window_body, window_supports};
