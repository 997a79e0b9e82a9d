/* attention: out = softmax(scale * q k^T + mask) v, in one pass over blocks of keys.
 *
 * A unit is one head and a tile of rows. Per block of keys: k is transposed into scratch, scores of all rows are a
 * small matrix product, their running maxima and sums are brought up to date, and the weighted values are added to sums
 * that are rescaled when a maximum rises. Scratch is bounded, whatever the number of keys. Both products use register
 * tiles of `height` rows by two vectors; short remainders repeat their last row.
 */
#include "codegen/blocks.h"
#include <math.h>

typedef ingot_ev V;
enum { B, H, M, N, D, E, Q = 0, K = 1, VALUES = 2, MASK = 3, columns = 2, most_scratch = 96 * 1024 };

typedef struct shape {
    int lanes, height;      /* of a register tile: height x (2 * lanes) */
    int64_t rows, keys;     /* of a unit; of a block */
    int64_t d, e, e_padded; /* e_padded: whole register tiles */
} shape;

typedef struct head {
    ingot_emitter *e;
    shape s;
    V at[INGOT_SPEC_DIMS];                        /* b, h; others 0 */
    V kv[INGOT_SPEC_DIMS];                        /* the same for k and v */
    V first_row, n_rows;                          /* of the unit */
    V keys, scores, sums, largest, total, factor; /* scratch: [d][keys], [rows][keys], [rows][e_padded], [rows] each */
    V packed_values;                              /* scratch: [keys][e_padded] */
    V values, values_stride;                      /* of the block */
} head;

static shape make_shape(const ingot_spec *spec, const ingot_target *target)
{
    shape s = {.lanes = target->vector_bytes / 4,
               .height = target->vector_regs >= 32 ? 12 : 6,
               .d = spec->dims[D],
               .e = spec->dims[E]};
    int64_t m = ingot_b_estimate(spec->dims[M], 1 << 20);
    int64_t wide = (int64_t)columns * s.lanes;
    s.e_padded = (s.e + wide - 1) / wide * wide;
    if (m < s.height)
        s.height = m > 0 ? (int)m : 1;
    if (spec->decisions[0] > 0 && spec->decisions[0] <= 14)
        s.height = (int)spec->decisions[0];
    s.keys = spec->decisions[1] > 0 && spec->decisions[1] <= 256 ? (spec->decisions[1] + wide - 1) / wide * wide : 64;
    int64_t most = 48 / s.height * s.height, tiles = (m + most - 1) / (most > 0 ? most : 1);
    s.rows = (m + tiles - 1) / (tiles > 0 ? tiles : 1);
    s.rows = (s.rows + s.height - 1) / s.height * s.height;
    if (ingot_size_is_dynamic(spec->dims[M]) || s.rows < s.height)
        s.rows = most;
    while (s.keys > wide && 4 * ((s.d + s.e_padded) * s.keys + s.rows * (s.keys + s.e_padded + 3)) > most_scratch)
        s.keys -= wide;
    return s;
}

static int64_t scratch_bytes(const shape *s)
{
    return 4 * ((s->d + s->e_padded) * s->keys + s->rows * (s->keys + s->e_padded + 3));
}

static V attention_count(ingot_emitter *e)
{
    const ingot_spec *spec = e->spec;
    shape s = make_shape(spec, e->target);
    V tiles = ingot_e_ceil_div(e, ingot_e_size(e, spec->dims[M]), ingot_e_int(e, s.rows));
    return ingot_e_mul(e, ingot_e_mul(e, ingot_e_size(e, spec->dims[B]), ingot_e_size(e, spec->dims[H])), tiles);
}

static ingot_etype vector(const head *h)
{
    return ingot_e_vector(INGOT_E_F32, h->s.lanes);
}

static V load_scalar(ingot_emitter *e, V base, V index)
{
    return ingot_e_load(e, ingot_e_type(INGOT_E_F32), base, index);
}

/* ---- k^T ---- */

/* Keys [first, first + count) as scratch [d][keys]. Columns past `count`, up to a multiple of lanes, repeat the last
 * key. */
static void pack_keys(head *h, V first, V count)
{
    ingot_emitter *e = h->e;
    int n = h->s.lanes;
    V at[INGOT_SPEC_DIMS], rows[64], last = ingot_e_add_int(e, count, -1);
    for (int i = 0; i < INGOT_SPEC_DIMS; i++)
        at[i] = h->kv[i];
    ingot_bmask all = ingot_b_mask_all();
    ingot_eloop loop, dims;
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, n), 0, NULL, &loop);
    if (ingot_b_is(e->spec->operands[K].strides[N], 1)) { /* already transposed */
        ingot_bmask mask = ingot_b_mask(e, n, ingot_e_sub(e, count, loop.index));
        at[N] = ingot_e_add(e, first, loop.index);
        ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, h->s.d), ingot_e_int(e, 1), 0, NULL, &dims);
        at[D] = dims.index;
        V x = ingot_b_load(e, K, at, N, n, &mask);
        ingot_e_store(e, x, h->keys, ingot_e_add(e, ingot_e_mul_int(e, dims.index, h->s.keys), loop.index));
        ingot_e_for_end(e, &dims, NULL);
    } else {
        V base[64];
        at[D] = ingot_e_int(e, 0);
        for (int i = 0; i < n; i++) {
            at[N] = ingot_e_add(e, first, ingot_e_min(e, ingot_e_add_int(e, loop.index, i), last));
            base[i] = ingot_e_gep(e, INGOT_E_F32, e->operands[K], ingot_b_index(e, K, at));
        }
        V stride = ingot_e_size(e, e->spec->operands[K].strides[D]);
        int64_t whole = h->s.d / n * n;
        for (int rest = 0; rest < 2; rest++) {
            if (rest ? whole == h->s.d : whole == 0)
                continue;
            V d = ingot_e_int(e, whole);
            if (!rest) {
                ingot_e_for(e, ingot_e_int(e, 0), d, ingot_e_int(e, n), 0, NULL, &dims);
                d = dims.index;
            }
            ingot_bmask mask = rest ? ingot_b_mask(e, n, ingot_e_int(e, h->s.d - whole)) : all;
            for (int i = 0; i < n; i++)
                rows[i] = ingot_e_load_strided(e, vector(h), base[i], ingot_e_mul(e, d, stride), stride,
                                               mask.of[INGOT_E_F32]);
            ingot_b_transpose(e, n, rows);
            for (int i = 0; i < (rest ? (int)(h->s.d - whole) : n); i++)
                ingot_e_store(e, rows[i], h->keys,
                              ingot_e_add(e, ingot_e_mul_int(e, ingot_e_add_int(e, d, i), h->s.keys), loop.index));
            if (!rest)
                ingot_e_for_end(e, &dims, NULL);
        }
    }
    ingot_e_for_end(e, &loop, NULL);
}

/* Values [first, first + count) for the products: a dense copy in scratch when enough rows use it, since rows of v are
 * often a multiple of 1 KiB apart and would share few cache sets; else where they are. */
static void pack_values(head *h, V first, V count)
{
    ingot_emitter *e = h->e;
    int n = h->s.lanes;
    V at[INGOT_SPEC_DIMS], zero = ingot_e_int(e, 0);
    for (int i = 0; i < INGOT_SPEC_DIMS; i++)
        at[i] = h->kv[i];
    at[N] = first;
    V source = ingot_e_gep(e, INGOT_E_F32, e->operands[VALUES], ingot_b_index(e, VALUES, at));
    V stride = ingot_e_size(e, e->spec->operands[VALUES].strides[N]),
      many = ingot_e_cmp(e, "sge", h->n_rows, ingot_e_int(e, 8));
    ingot_eif branch;
    ingot_eloop rows, loop;
    ingot_e_if(e, many, 0, NULL, &branch);
    ingot_e_for(e, zero, count, ingot_e_int(e, 1), 0, NULL, &rows);
    V from = ingot_e_mul(e, rows.index, stride), to = ingot_e_mul_int(e, rows.index, h->s.e_padded);
    int64_t whole = h->s.e / n * n;
    if (whole > 0) {
        ingot_e_for(e, zero, ingot_e_int(e, whole), ingot_e_int(e, n), 0, NULL, &loop);
        V x = ingot_e_load(e, vector(h), source, ingot_e_add(e, from, loop.index));
        ingot_e_store(e, x, h->packed_values, ingot_e_add(e, to, loop.index));
        ingot_e_for_end(e, &loop, NULL);
    }
    if (whole < h->s.e) {
        ingot_emask mask = ingot_e_mask(e, vector(h), ingot_e_int(e, h->s.e - whole));
        V x = ingot_e_load_masked(e, vector(h), source, ingot_e_add_int(e, from, whole), mask);
        ingot_e_store(e, x, h->packed_values, ingot_e_add_int(e, to, whole));
    }
    ingot_e_for_end(e, &rows, NULL);
    ingot_e_if_end(e, &branch, NULL);
    h->values = ingot_e_select(e, many, h->packed_values, source);
    h->values_stride = ingot_e_select(e, many, ingot_e_int(e, h->s.e_padded), stride);
}

/* ---- Register tiles ---- */

/* acc[r * n + c] += a(r, k) * b(k, c) for k in [0, depth). a: base pointer of each row and one stride; b: pointer and
 * row stride, `n` vectors from `column`. */
static void multiply(head *h, int height, const V *a, V a_stride, V b, V b_stride, V column, int n,
                     const ingot_emask *last, V depth, V *acc)
{
    ingot_emitter *e = h->e;
    ingot_eloop loop;
    V next[INGOT_E_MAX_CARRIED], vectors[columns];
    ingot_e_for(e, ingot_e_int(e, 0), depth, ingot_e_int(e, 1), height * n, acc, &loop);
    V row = ingot_e_mad(e, loop.index, b_stride, column);
    for (int c = 0; c < n; c++) {
        V at = ingot_e_add_int(e, row, (int64_t)c * h->s.lanes);
        vectors[c] = c == n - 1 ? ingot_e_load_masked(e, vector(h), b, at, *last) : ingot_e_load(e, vector(h), b, at);
    }
    for (int r = 0; r < height; r++) {
        V x = ingot_e_splat(e, load_scalar(e, a[r], ingot_e_mul(e, loop.index, a_stride)), h->s.lanes);
        for (int c = 0; c < n; c++)
            next[r * n + c] = ingot_e_fma(e, x, vectors[c], loop.args[r * n + c]);
    }
    ingot_e_for_end(e, &loop, next);
    for (int i = 0; i < height * n; i++)
        acc[i] = loop.results[i];
}

/* Row numbers row.. of a tile inside the unit; those past its end are the last one. */
static V tile_row(head *h, V row, int r)
{
    V at = ingot_e_add_int(h->e, row, r);
    return r == 0 ? at : ingot_e_min(h->e, at, ingot_e_add_int(h->e, h->n_rows, -1));
}

/* Scores of `height` rows from `row` on for `count` keys. */
static void score_tile(head *h, int height, V row, V count)
{
    ingot_emitter *e = h->e;
    V at[INGOT_SPEC_DIMS], a[16], acc[INGOT_E_MAX_CARRIED], zero = ingot_e_zero(e, vector(h));
    for (int i = 0; i < INGOT_SPEC_DIMS; i++)
        at[i] = h->at[i];
    for (int r = 0; r < height; r++) {
        at[M] = ingot_e_add(e, h->first_row, tile_row(h, row, r));
        a[r] = ingot_e_gep(e, INGOT_E_F32, e->operands[Q], ingot_b_index(e, Q, at));
    }
    ingot_emask all = ingot_e_mask_all();
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, (int64_t)columns * h->s.lanes), 0, NULL, &loop);
    for (int i = 0; i < height * columns; i++)
        acc[i] = zero;
    multiply(h, height, a, ingot_e_size(e, e->spec->operands[Q].strides[D]), h->keys, ingot_e_int(e, h->s.keys),
             loop.index, columns, &all, ingot_e_int(e, h->s.d), acc);
    V scale = ingot_e_const_float(e, vector(h), e->spec->imm[0]);
    for (int r = 0; r < height; r++)
        for (int c = 0; c < columns; c++) {
            V index =
                ingot_e_add_int(e, ingot_e_mad(e, ingot_e_add_int(e, row, r), ingot_e_int(e, h->s.keys), loop.index),
                                (int64_t)c * h->s.lanes);
            ingot_e_store(e, ingot_e_mulf(e, acc[r * columns + c], scale), h->scores, index);
        }
    ingot_e_for_end(e, &loop, NULL);
}

/* `n` vectors of values from `column` on, added to the sums of `height` rows. */
static void value_columns(head *h, int height, V row, const V *a, V values, V column, int n, V count)
{
    ingot_emitter *e = h->e;
    V acc[INGOT_E_MAX_CARRIED];
    V end = ingot_e_add_int(e, column, (int64_t)n * h->s.lanes);
    /* Only the last vector of the last columns can be short, and those have a known place. */
    int64_t missing = column.known && end.value > h->s.e ? end.value - h->s.e : 0;
    ingot_emask last = ingot_e_mask(e, vector(h), ingot_e_int(e, h->s.lanes - missing));
    for (int r = 0; r < height; r++) {
        V at = ingot_e_add_int(e, row, r);
        V factor = ingot_e_splat(e, load_scalar(e, h->factor, at), h->s.lanes);
        for (int c = 0; c < n; c++) {
            V index =
                ingot_e_add_int(e, ingot_e_mad(e, at, ingot_e_int(e, h->s.e_padded), column), (int64_t)c * h->s.lanes);
            acc[r * n + c] = ingot_e_mulf(e, ingot_e_load(e, vector(h), h->sums, index), factor);
        }
    }
    multiply(h, height, a, ingot_e_int(e, 1), values, h->values_stride, column, n, &last, count, acc);
    for (int r = 0; r < height; r++)
        for (int c = 0; c < n; c++) {
            V index =
                ingot_e_add_int(e, ingot_e_mad(e, ingot_e_add_int(e, row, r), ingot_e_int(e, h->s.e_padded), column),
                                (int64_t)c * h->s.lanes);
            ingot_e_store(e, acc[r * n + c], h->sums, index);
        }
}

static void value_tile(head *h, int height, V row, V count)
{
    ingot_emitter *e = h->e;
    V a[16], values = h->values;
    for (int r = 0; r < height; r++)
        a[r] = ingot_e_gep(e, INGOT_E_F32, h->scores, ingot_e_mul_int(e, tile_row(h, row, r), h->s.keys));
    int64_t wide = (int64_t)columns * h->s.lanes, whole = h->s.e / wide * wide;
    if (whole > 0) {
        ingot_eloop loop;
        ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, whole), ingot_e_int(e, wide), 0, NULL, &loop);
        value_columns(h, height, row, a, values, loop.index, columns, count);
        ingot_e_for_end(e, &loop, NULL);
    }
    int n = (int)((h->s.e - whole + h->s.lanes - 1) / h->s.lanes);
    if (n > 0)
        value_columns(h, height, row, a, values, ingot_e_int(e, whole), n, count);
}

/* ---- Softmax of a block ---- */

static V from_float(ingot_emitter *e, int lanes, double x)
{
    return ingot_e_const_float(e, ingot_e_vector(INGOT_E_F32, lanes), x);
}

/* Adds the mask to the vector of scores of row (of all rows) and key (of all keys). */
static V add_mask(head *h, V scores, V row, V key, const ingot_bmask *inside)
{
    ingot_emitter *e = h->e;
    if (!e->spec->params[2])
        return scores;
    V at[INGOT_SPEC_DIMS];
    for (int i = 0; i < INGOT_SPEC_DIMS; i++)
        at[i] = h->at[i];
    at[M] = row;
    at[N] = key;
    V mask = ingot_b_load(e, MASK, at, N, h->s.lanes, inside);
    if (e->spec->operands[MASK].dtype == INGOT_BOOL)
        return ingot_e_select(e, mask, scores, from_float(e, h->s.lanes, -INFINITY));
    return ingot_e_addf(e, scores, mask);
}

/* Masks the scores [lo, hi) of a row and takes them into its maxima; `open`: keys of the block that count, a constant
 * number of lanes when `whole`. */
static V mask_and_max(head *h, V row, V first, V lo, V hi, V open, bool whole, V acc)
{
    ingot_emitter *e = h->e;
    int n = h->s.lanes;
    V base = ingot_e_mul_int(e, row, h->s.keys);
    ingot_eloop loop;
    ingot_e_for(e, lo, hi, ingot_e_int(e, n), 1, &acc, &loop);
    V at = ingot_e_add(e, base, loop.index), s = ingot_e_load(e, vector(h), h->scores, at);
    ingot_bmask inside = whole ? ingot_b_mask_all() : ingot_b_mask(e, n, ingot_e_sub(e, open, loop.index));
    s = add_mask(h, s, ingot_e_add(e, h->first_row, row), ingot_e_add(e, first, loop.index), &inside);
    if (!inside.all)
        s = ingot_e_select(e, inside.of[INGOT_E_F32].bits, s, from_float(e, n, -INFINITY));
    if (!whole || e->spec->params[2])
        ingot_e_store(e, s, h->scores, at);
    V next = ingot_e_maxf_fast(e, s, loop.args[0]); /* NaN is skipped here and comes back in the sum */
    ingot_e_for_end(e, &loop, &next);
    return loop.results[0];
}

/* Scores of one row become exponentials; maximum, sum and factor of the row are renewed. */
static void softmax_row(head *h, V row, V first, V count)
{
    ingot_emitter *e = h->e;
    int n = h->s.lanes;
    V step = ingot_e_int(e, n), zero = ingot_e_int(e, 0), base = ingot_e_mul_int(e, row, h->s.keys),
      acc = from_float(e, n, -INFINITY), open = count;
    if (e->spec->params[1]) {
        V reach = ingot_e_add_int(
            e, ingot_e_add(e, ingot_e_add(e, h->first_row, row), ingot_e_size(e, e->spec->params[3])), 1);
        open = ingot_e_max(e, ingot_e_min(e, count, ingot_e_sub(e, reach, first)), zero);
    }
    /* Vectors that count in all lanes, then the others: a select before every store would become a masked store, which
     * is slow to read back. */
    V whole = ingot_e_mul_int(e, ingot_e_div(e, open, step), n), next;
    ingot_eloop loop;
    acc = mask_and_max(h, row, first, zero, whole, open, true, acc);
    acc = mask_and_max(h, row, first, whole, count, open, false, acc);
    V before = load_scalar(e, h->largest, row);
    V now = ingot_e_maxf_fast(e, ingot_b_max_across(e, acc), before);
    ingot_e_store(e, now, h->largest, row);
    /* While all keys are masked the maximum is -infinity; anything finite does then. */
    V finite = ingot_e_select(e, ingot_e_cmpf(e, "oeq", now, from_float(e, 1, -INFINITY)), from_float(e, 1, 0), now);
    V factor = ingot_e_exp_nonpositive(e, ingot_e_subf(e, before, finite)), high = ingot_e_splat(e, finite, n);
    acc = from_float(e, n, 0);
    ingot_e_for(e, zero, count, step, 1, &acc, &loop);
    V at = ingot_e_add(e, base, loop.index);
    V p = ingot_e_exp_nonpositive(e, ingot_e_subf(e, ingot_e_load(e, vector(h), h->scores, at), high));
    ingot_e_store(e, p, h->scores, at);
    next = ingot_e_addf(e, loop.args[0], p);
    ingot_e_for_end(e, &loop, &next);
    V total = ingot_e_fma(e, load_scalar(e, h->total, row), factor, ingot_e_reduce(e, "add", loop.results[0]));
    ingot_e_store(e, total, h->total, row);
    ingot_e_store(e, factor, h->factor, row);
}

/* ---- One unit ---- */

static void begin_rows(head *h)
{
    ingot_emitter *e = h->e;
    ingot_eloop loop, inner;
    V one = ingot_e_int(e, 1), zero = ingot_e_int(e, 0);
    ingot_e_for(e, zero, ingot_e_int(e, h->s.rows), one, 0, NULL, &loop);
    ingot_e_store(e, from_float(e, 1, -INFINITY), h->largest, loop.index);
    ingot_e_store(e, from_float(e, 1, 0), h->total, loop.index);
    ingot_e_store(e, from_float(e, 1, 1), h->factor, loop.index);
    ingot_e_for_end(e, &loop, NULL);
    ingot_e_for(e, zero, ingot_e_int(e, h->s.rows * h->s.e_padded), ingot_e_int(e, h->s.lanes), 0, NULL, &inner);
    ingot_e_store(e, ingot_e_zero(e, vector(h)), h->sums, inner.index);
    ingot_e_for_end(e, &inner, NULL);
}

static void write_rows(head *h)
{
    ingot_emitter *e = h->e;
    int out = e->spec->n_in, n = h->s.lanes;
    V at[INGOT_SPEC_DIMS];
    ingot_eloop loop, inner;
    for (int i = 0; i < INGOT_SPEC_DIMS; i++)
        at[i] = h->at[i];
    ingot_e_for(e, ingot_e_int(e, 0), h->n_rows, ingot_e_int(e, 1), 0, NULL, &loop);
    V total = load_scalar(e, h->total, loop.index), one = from_float(e, 1, 1), zero = from_float(e, 1, 0);
    V scale = ingot_e_select(e, ingot_e_cmpf(e, "oeq", total, zero), zero,
                             ingot_e_divf(e, one, total)); /* no key at all: zeros */
    scale = ingot_e_splat(e, scale, n);
    at[M] = ingot_e_add(e, h->first_row, loop.index);
    V base = ingot_e_mul_int(e, loop.index, h->s.e_padded);
    int64_t whole = h->s.e / n * n;
    for (int rest = 0; rest < 2; rest++) {
        if (rest ? whole == h->s.e : whole == 0)
            continue;
        at[E] = ingot_e_int(e, whole);
        ingot_bmask mask = rest ? ingot_b_mask(e, n, ingot_e_int(e, h->s.e - whole)) : ingot_b_mask_all();
        if (!rest) {
            ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, whole), ingot_e_int(e, n), 0, NULL, &inner);
            at[E] = inner.index;
        }
        V y = ingot_e_mulf(e, ingot_e_load(e, vector(h), h->sums, ingot_e_add(e, base, at[E])), scale);
        ingot_b_store(e, out, y, at, E, &mask);
        if (!rest)
            ingot_e_for_end(e, &inner, NULL);
    }
    ingot_e_for_end(e, &loop, NULL);
}

/* Calls one of the tile functions for all rows: whole tiles, then the rest as one tile that repeats its last row; a
 * single row by itself. */
static void for_tiles(head *h, V count, bool values)
{
    ingot_emitter *e = h->e;
    int64_t m = ingot_b_estimate(e->spec->dims[M], -1);
    bool divides = m >= 0 && m % h->s.height == 0 && (m % h->s.rows == 0 || h->s.rows % h->s.height == 0);
    ingot_eloop loop;
    ingot_eif one_row;
    V height = ingot_e_int(e, h->s.height);
    ingot_e_for(e, ingot_e_int(e, 0), h->n_rows, height, 0, NULL, &loop);
    if (!divides && h->s.height > 1)
        ingot_e_if(e, ingot_e_cmp(e, "eq", ingot_e_sub(e, h->n_rows, loop.index), ingot_e_int(e, 1)), 0, NULL,
                   &one_row);
    for (int single = !divides && h->s.height > 1; single >= 0; single--) {
        int rows = single ? 1 : h->s.height;
        if (values)
            value_tile(h, rows, loop.index, count);
        else
            score_tile(h, rows, loop.index, count);
        if (single)
            ingot_e_else(e, &one_row, NULL);
    }
    if (!divides && h->s.height > 1)
        ingot_e_if_end(e, &one_row, NULL);
    ingot_e_for_end(e, &loop, NULL);
}

static void do_unit(head *h)
{
    ingot_emitter *e = h->e;
    const ingot_spec *spec = e->spec;
    V keys = ingot_e_size(e, spec->dims[N]), zero = ingot_e_int(e, 0);
    if (spec->params[1]) { /* keys after the last row's are masked for all */
        V reach = ingot_e_add(e, ingot_e_add(e, h->first_row, h->n_rows), ingot_e_size(e, spec->params[3]));
        keys = ingot_e_min(e, keys, ingot_e_max(e, reach, zero));
    }
    begin_rows(h);
    ingot_eloop loop, rows;
    ingot_e_for(e, zero, keys, ingot_e_int(e, h->s.keys), 0, NULL, &loop);
    V count = ingot_e_min(e, ingot_e_sub(e, keys, loop.index), ingot_e_int(e, h->s.keys));
    pack_keys(h, loop.index, count);
    pack_values(h, loop.index, count);
    for_tiles(h, count, false);
    ingot_e_for(e, zero, h->n_rows, ingot_e_int(e, 1), 0, NULL, &rows);
    softmax_row(h, rows.index, loop.index, count);
    ingot_e_for_end(e, &rows, NULL);
    for_tiles(h, count, true);
    ingot_e_for_end(e, &loop, NULL);
    write_rows(h);
}

static void attention_body(ingot_emitter *e, V begin, V end)
{
    const ingot_spec *spec = e->spec;
    head h = {.e = e, .s = make_shape(spec, e->target)};
    h.keys = ingot_e_alloca(e, INGOT_E_F32, h.s.d * h.s.keys);
    h.scores = ingot_e_alloca(e, INGOT_E_F32, h.s.rows * h.s.keys);
    h.packed_values = ingot_e_alloca(e, INGOT_E_F32, h.s.keys * h.s.e_padded);
    h.sums = ingot_e_alloca(e, INGOT_E_F32, h.s.rows * h.s.e_padded);
    h.largest = ingot_e_alloca(e, INGOT_E_F32, h.s.rows);
    h.total = ingot_e_alloca(e, INGOT_E_F32, h.s.rows);
    h.factor = ingot_e_alloca(e, INGOT_E_F32, h.s.rows);
    V size = ingot_e_size(e, spec->dims[M]), rows = ingot_e_int(e, h.s.rows), zero = ingot_e_int(e, 0), digits[3];
    ingot_eloop loop;
    ingot_e_for(e, begin, end, ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_e_unflatten(
        e, loop.index, 3,
        (V[]){ingot_e_size(e, spec->dims[B]), ingot_e_size(e, spec->dims[H]), ingot_e_ceil_div(e, size, rows)}, digits);
    for (int i = 0; i < INGOT_SPEC_DIMS; i++)
        h.at[i] = h.kv[i] = zero;
    h.at[B] = h.kv[B] = digits[0];
    h.at[H] = digits[1];
    h.kv[H] = ingot_b_is(spec->params[0], 0) ? digits[1] : ingot_e_div(e, digits[1], ingot_e_size(e, spec->params[0]));
    h.first_row = ingot_e_mul(e, digits[2], rows);
    h.n_rows = ingot_e_min(e, rows, ingot_e_sub(e, size, h.first_row));
    do_unit(&h);
    ingot_e_for_end(e, &loop, NULL);
}

static bool attention_supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    if (!ingot_b_operands_supported(spec, target, out_why))
        return false;
    *out_why = "attention: group, causal and mask are not sizes of a run";
    for (int p = 0; p < 3; p++)
        if (ingot_size_is_dynamic(spec->params[p]))
            return false;
    *out_why = "attention: q, k, v, maybe a mask (f32 or bool) -> one result, no body";
    bool mask = spec->params[2] != 0;
    if (spec->n_in != 3 + mask || spec->n_out != 1 || spec->has_body)
        return false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++) {
        bool may_be_bool = mask && k == MASK;
        if (spec->operands[k].access != INGOT_ACCESS_STRIDED ||
            (spec->operands[k].dtype != INGOT_F32 && !(may_be_bool && spec->operands[k].dtype == INGOT_BOOL)))
            return false;
    }
    *out_why = "attention: head sizes known at compile time, values with unit stride";
    if (ingot_size_is_dynamic(spec->dims[D]) || ingot_size_is_dynamic(spec->dims[E]) || spec->dims[D] < 1 ||
        spec->dims[E] < 1 || !ingot_b_is(spec->operands[VALUES].strides[E], 1))
        return false;
    *out_why = "attention: heads too large for the scratch";
    if (spec->dims[D] > 4096 || spec->dims[E] > 4096)
        return false;
    shape s = make_shape(spec, target);
    return scratch_bytes(&s) <= most_scratch;
}

const ingot_family_emitter ingot_emit_attention = {"attention", attention_count, attention_body, attention_supports};
