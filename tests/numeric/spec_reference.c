/* The naive interpreter of kernel specs: loops over iteration dims, affine access, doubles. */
#include "spec_reference.h"
#include "kernel/limited.h"
#include "kernel/winograd.h"
#include <math.h>
#include <string.h>

#define D INGOT_SPEC_DIMS

typedef struct run {
    const ingot_spec *s;
    spec_data *d;
    int64_t n[D], p[INGOT_SPEC_PARAMS];
} run;

static int64_t size_of(const int64_t *sizes, ingot_size s)
{
    return ingot_size_is_dynamic(s) ? sizes[ingot_size_index(s)] : s;
}

/* ---- Scalar programs ---- */

static double wrap(double x, ingot_dtype t)
{
    if (t == INGOT_F32)
        return x;
    if (ingot_dtype_is_float(t)) {
        uint8_t bytes[16];
        ingot_store_f64(bytes, t, 0, x);
        return ingot_load_f64(bytes, t, 0);
    }
    if (t == INGOT_BOOL)
        return x != 0;
    int bits = ingot_dtype_bits(t);
    if (bits >= 64 || x != x)
        return trunc(x);
    int64_t v = (int64_t)x;
    uint64_t u = (uint64_t)v & ((1ull << bits) - 1);
    if (ingot_dtype_is_signed(t) && (u >> (bits - 1)) & 1)
        return (double)(int64_t)(u | ~((1ull << bits) - 1));
    return (double)u;
}

static double scalar(int op, const double *a, ingot_dtype t, ingot_dtype result)
{
    bool f = ingot_dtype_is_float(t);
    int64_t x = f ? 0 : (int64_t)a[0], y = f ? 0 : (int64_t)a[1];
    switch (op) {
    case INGOT_SCALAR_abs:
        return fabs(a[0]);
    case INGOT_SCALAR_neg:
        return -a[0];
    case INGOT_SCALAR_sign:
        return a[0] != a[0] ? a[0] : (a[0] > 0) - (a[0] < 0);
    case INGOT_SCALAR_ceil:
        return ceil(a[0]);
    case INGOT_SCALAR_floor:
        return floor(a[0]);
    case INGOT_SCALAR_round:
        return nearbyint(a[0]);
    case INGOT_SCALAR_exp:
        return exp(a[0]);
    case INGOT_SCALAR_log:
        return log(a[0]);
    case INGOT_SCALAR_sqrt:
        return sqrt(a[0]);
    case INGOT_SCALAR_rsqrt:
        return 1 / sqrt(a[0]);
    case INGOT_SCALAR_reciprocal:
        return 1 / a[0];
    case INGOT_SCALAR_sin:
        return sin(a[0]);
    case INGOT_SCALAR_cos:
        return cos(a[0]);
    case INGOT_SCALAR_tan:
        return tan(a[0]);
    case INGOT_SCALAR_asin:
        return asin(a[0]);
    case INGOT_SCALAR_acos:
        return acos(a[0]);
    case INGOT_SCALAR_atan:
        return atan(a[0]);
    case INGOT_SCALAR_sinh:
        return sinh(a[0]);
    case INGOT_SCALAR_cosh:
        return cosh(a[0]);
    case INGOT_SCALAR_tanh:
        return tanh(a[0]);
    case INGOT_SCALAR_asinh:
        return asinh(a[0]);
    case INGOT_SCALAR_acosh:
        return acosh(a[0]);
    case INGOT_SCALAR_atanh:
        return atanh(a[0]);
    case INGOT_SCALAR_erf:
        return erf(a[0]);
    case INGOT_SCALAR_sigmoid:
        return 1 / (1 + exp(-a[0]));
    case INGOT_SCALAR_relu:
        return a[0] < 0 ? 0 : a[0];
    case INGOT_SCALAR_softplus:
        return a[0] > 30 ? a[0] : log1p(exp(a[0]));
    case INGOT_SCALAR_gelu:
        return a[0] * (1 + erf(a[0] / sqrt(2))) / 2;
    case INGOT_SCALAR_gelu_tanh:
        return a[0] * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (a[0] + 0.044715 * a[0] * a[0] * a[0]))) / 2;
    case INGOT_SCALAR_silu:
        return a[0] / (1 + exp(-a[0]));
    case INGOT_SCALAR_hard_swish:
        return a[0] * fmin(fmax(a[0] / 6 + 0.5, 0), 1);
    case INGOT_SCALAR_not:
        return a[0] == 0;
    case INGOT_SCALAR_bit_not:
        return (double)~x;
    case INGOT_SCALAR_is_nan:
        return a[0] != a[0];
    case INGOT_SCALAR_is_inf:
        return isinf(a[0]) != 0;
    case INGOT_SCALAR_cast:
        return !f || ingot_dtype_is_float(result) ? a[0] : result == INGOT_BOOL ? a[0] != 0 : trunc(a[0]);
    case INGOT_SCALAR_add:
        return a[0] + a[1];
    case INGOT_SCALAR_sub:
        return a[0] - a[1];
    case INGOT_SCALAR_mul:
        return a[0] * a[1];
    case INGOT_SCALAR_div:
        return f ? a[0] / a[1] : y == 0 ? 0 : trunc(a[0] / a[1]);
    case INGOT_SCALAR_mod:
        return !f && y == 0 ? 0 : a[0] - floor(a[0] / a[1]) * a[1];
    case INGOT_SCALAR_fmod:
        return !f && y == 0 ? 0 : fmod(a[0], a[1]);
    case INGOT_SCALAR_pow:
        return pow(a[0], a[1]);
    case INGOT_SCALAR_max:
        return a[0] != a[0] || a[1] != a[1] ? NAN : a[0] > a[1] ? a[0] : a[1];
    case INGOT_SCALAR_min:
        return a[0] != a[0] || a[1] != a[1] ? NAN : a[0] < a[1] ? a[0] : a[1];
    case INGOT_SCALAR_and:
        return a[0] != 0 && a[1] != 0;
    case INGOT_SCALAR_or:
        return a[0] != 0 || a[1] != 0;
    case INGOT_SCALAR_xor:
        return (a[0] != 0) != (a[1] != 0);
    case INGOT_SCALAR_bit_and:
        return (double)(x & y);
    case INGOT_SCALAR_bit_or:
        return (double)(x | y);
    case INGOT_SCALAR_bit_xor:
        return (double)(x ^ y);
    case INGOT_SCALAR_shift_left:
        return y >= 64 ? 0 : (double)(int64_t)((uint64_t)x << y);
    case INGOT_SCALAR_shift_right:
        return y >= 64 ? 0 : (double)((uint64_t)x >> y);
    case INGOT_SCALAR_eq:
        return a[0] == a[1];
    case INGOT_SCALAR_ne:
        return a[0] != a[1];
    case INGOT_SCALAR_lt:
        return a[0] < a[1];
    case INGOT_SCALAR_le:
        return a[0] <= a[1];
    case INGOT_SCALAR_gt:
        return a[0] > a[1];
    case INGOT_SCALAR_ge:
        return a[0] >= a[1];
    case INGOT_SCALAR_select:
        return a[0] != 0 ? a[1] : a[2];
    case INGOT_SCALAR_fma:
        return a[0] * a[1] + a[2];
    default:
        return NAN;
    }
}

void spec_eval_prog(const ingot_prog *prog, const double *args, double *results)
{
    double r[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    memcpy(r, args, (size_t)prog->n_args * sizeof *r);
    for (int32_t i = 0; i < prog->n_instrs; i++) {
        const ingot_instr *in = &prog->instrs[i];
        int32_t at = prog->n_args + i;
        if (in->op == INGOT_SCALAR_const) {
            r[at] = ingot_dtype_is_float((ingot_dtype)in->dtype) ? in->imm.f : (double)in->imm.i;
            continue;
        }
        double a[3] = {r[in->a], in->b >= 0 ? r[in->b] : 0, in->c >= 0 ? r[in->c] : 0};
        ingot_dtype t =
            (ingot_dtype)(in->a < prog->n_args ? prog->arg_dtypes[in->a] : prog->instrs[in->a - prog->n_args].dtype);
        r[at] = wrap(scalar(in->op, a, t, (ingot_dtype)in->dtype), (ingot_dtype)in->dtype);
    }
    for (int32_t i = 0; i < prog->n_results; i++)
        results[i] = r[prog->results[i]];
}

/* ---- Access ---- */

static int64_t at(const run *r, int32_t operand, const int64_t *index)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < r->s->n_dims; i++)
        sum += index[i] * size_of(r->d->sizes, r->s->operands[operand].strides[i]);
    return sum;
}

static double load(const run *r, int32_t operand, int64_t element)
{
    return ingot_load_f64(r->d->operands[operand], r->s->operands[operand].dtype, element);
}

/* Weight at `element` of operand 1, which multiplies what lies at `place` (kernel/limited.h): with what was cut off. */
static double load_weight(const run *r, int64_t element, int64_t panel, const int32_t place[4])
{
    double sum = load(r, 1, element);
    if (r->s->operands[1].access != INGOT_ACCESS_LIMITED16)
        return sum;
    ingot_limited l = ingot_limited_of_spec(r->s);
    const char *base = r->d->operands[1];
    int64_t block = element / 256 * 256, column = element % 64 / 4, term = element / 64 % 4 * 4 + element % 4;
    int32_t range[2], at[4];
    for (int i = 0; i < 16 && l.sums == 1; i++)
        if (base[ingot_limited_orders_at(&l) + block / 16 + i] == term)
            sum = base[block + i / 4 * 64 + column * 4 + i % 4];
    memcpy(range, base + ingot_limited_starts_at(&l) + 4 * panel, sizeof range);
    for (int32_t i = range[0]; i < range[1]; i++) {
        const char *record = base + ingot_limited_records_at(&l) + (int64_t)i * INGOT_LIMITED_RECORD;
        memcpy(at, record + 64, sizeof at);
        for (int k = 0; k < 4 && memcmp(at, place, sizeof at) == 0; k++)
            if (record[80 + k] == term)
                sum += (int8_t)record[column * 4 + k];
    }
    return sum;
}

static void put(const run *r, int32_t operand, int64_t element, double value, double magnitude)
{
    r->d->values[operand][element] = value;
    r->d->magnitudes[operand][element] = magnitude;
}

static bool next(const run *r, int64_t *index, int32_t from, int32_t to)
{
    for (int32_t i = to - 1; i >= from; i--) {
        if (++index[i] < r->n[i])
            return true;
        index[i] = 0;
    }
    return false;
}

static bool none(const run *r, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to; i++)
        if (r->n[i] <= 0)
            return true;
    return false;
}

/* body(raw, the last inputs at `index` and lane) -> the first output there. */
static void finish(const run *r, double raw, double magnitude, int32_t first_extra, const int64_t *index, int64_t lane)
{
    const ingot_spec *s = r->s;
    double args[INGOT_PROG_MAX_ARGS] = {raw}, results[INGOT_PROG_MAX_RESULTS] = {raw};
    for (int32_t x = first_extra; x < s->n_in; x++)
        args[1 + x - first_extra] = load(r, x, at(r, x, index) + lane * size_of(r->d->sizes, s->operands[x].lane));
    if (s->has_body)
        spec_eval_prog(&s->body, args, results);
    for (int32_t o = 0; o < (s->has_body ? s->body.n_results : 1); o++)
        put(r, s->n_in + o, at(r, s->n_in + o, index) + lane * size_of(r->d->sizes, s->operands[s->n_in + o].lane),
            results[o], magnitude + fabs(results[o]));
}

/* ---- Families ---- */

static void run_map(const run *r)
{
    const ingot_spec *s = r->s;
    int64_t index[D] = {0};
    if (none(r, 0, s->n_dims))
        return;
    do {
        double args[INGOT_PROG_MAX_ARGS] = {0}, results[INGOT_PROG_MAX_RESULTS];
        double magnitude = 0;
        for (int32_t i = 0; i < s->n_in; i++) {
            args[i] = load(r, i, at(r, i, index));
            magnitude = fmax(magnitude, fabs(args[i]));
        }
        results[0] = args[0];
        if (s->has_body)
            spec_eval_prog(&s->body, args, results);
        for (int32_t o = 0; o < s->n_out; o++)
            put(r, s->n_in + o, at(r, s->n_in + o, index), results[o], magnitude + fabs(results[o]));
    } while (next(r, index, 0, s->n_dims));
}

static void run_contract(const run *r)
{
    enum { B0, B1, M, N, K };
    const ingot_operand *b = &r->s->operands[1];
    int64_t i[D] = {0}, k = r->n[K], word = ingot_spec_group(r->s) ? ingot_spec_group(r->s) : 1,
            words = (k + word - 1) / word;
    if (none(r, 0, K))
        return;
    do {
        double sum = 0, magnitude = 0;
        for (i[K] = 0; i[K] < k; i[K]++) {
            int64_t e = ingot_access_is_packed(b->access)
                            ? at(r, 1, (int64_t[D]){i[B0], i[B1]}) + i[N] / 16 * words * word * 16 +
                                  (i[K] / word * 16 + i[N] % 16) * word + i[K] % word
                            : at(r, 1, i);
            double term = load(r, 0, at(r, 0, i)) *
                          load_weight(r, e, i[N] / 16, (int32_t[4]){0, 0, 0, (int32_t)(i[K] / 16 * 16)});
            sum += term;
            magnitude += fabs(term);
        }
        i[K] = 0;
        finish(r, sum, magnitude, 2, i, 0);
    } while (next(r, i, 0, K));
}

static void run_conv(const run *r)
{
    enum { N, G, OB, OH, OW, CB, CI, KH, KW };
    int64_t i[D] = {0}, o = r->p[0], word = ingot_spec_group(r->s) ? ingot_spec_group(r->s) : 1;
    bool whole = r->s->operands[r->s->n_in].lane == 1;
    if (none(r, 0, CB))
        return;
    do {
        for (int64_t lane = 0; lane < 16 && (whole || i[OB] * 16 + lane < o); lane++) {
            double sum = 0, magnitude = 0;
            int64_t w = (i[G] * r->n[OB] + i[OB]) * r->n[CB] * r->n[KH] * r->n[KW] * r->n[CI];
            for (i[CB] = 0; i[CB] < r->n[CB]; i[CB]++)
                for (i[KH] = 0; i[KH] < r->n[KH]; i[KH]++)
                    for (i[KW] = 0; i[KW] < r->n[KW]; i[KW]++)
                        for (i[CI] = 0; i[CI] < r->n[CI]; i[CI]++, w++) {
                            int32_t place[4] = {(int32_t)i[CB], (int32_t)i[KH], (int32_t)i[KW],
                                                (int32_t)(i[CI] / 16 * 16)};
                            double term =
                                load(r, 0, at(r, 0, i)) * load_weight(r, (w / word * 16 + lane) * word + w % word,
                                                                      i[G] * r->n[OB] + i[OB], place);
                            sum += term;
                            magnitude += fabs(term);
                        }
            i[CB] = i[CI] = i[KH] = i[KW] = 0;
            finish(r, sum, magnitude, 2, i, lane);
        }
    } while (next(r, i, 0, CB));
}

static void run_depthwise(const run *r)
{
    enum { N, CB, OH, OW, KH, KW };
    int64_t i[D] = {0};
    if (none(r, 0, KH))
        return;
    do {
        for (int64_t lane = 0; lane < 16; lane++) {
            double sum = 0, magnitude = 0;
            for (i[KH] = 0; i[KH] < r->n[KH]; i[KH]++)
                for (i[KW] = 0; i[KW] < r->n[KW]; i[KW]++) {
                    double term = load(r, 0, at(r, 0, i) + lane) *
                                  load(r, 1, ((i[CB] * r->n[KH] + i[KH]) * r->n[KW] + i[KW]) * 16 + lane);
                    sum += term;
                    magnitude += fabs(term);
                }
            i[KH] = i[KW] = 0;
            const ingot_spec *s = r->s;
            double args[INGOT_PROG_MAX_ARGS] = {sum}, result = sum;
            for (int32_t x = 2; x < s->n_in; x++)
                args[x - 1] = load(r, x, at(r, x, i) + lane * size_of(r->d->sizes, s->operands[x].lane));
            if (s->has_body)
                spec_eval_prog(&s->body, args, &result);
            put(r, s->n_in, at(r, s->n_in, i) + lane, result, magnitude + fabs(result));
        }
    } while (next(r, i, 0, KH));
}

/* Reductions that give one value per (o, i). */
static double fold(int kind, double sum, double value)
{
    switch (kind) {
    case INGOT_SPEC_MAX:
        return value != value || sum != sum ? NAN : value > sum ? value : sum;
    case INGOT_SPEC_MIN:
        return value != value || sum != sum ? NAN : value < sum ? value : sum;
    case INGOT_SPEC_PROD:
        return sum * value;
    case INGOT_SPEC_L1:
        return sum + fabs(value);
    case INGOT_SPEC_L2:
    case INGOT_SPEC_SUM_SQUARE:
        return sum + value * value;
    default:
        return sum + value;
    }
}

static void reduce_to_one(const run *r, int kind, int64_t *i)
{
    int64_t count = r->n[3] * r->n[4], best = 0;
    double sum = kind == INGOT_SPEC_MAX || kind == INGOT_SPEC_ARG_MAX   ? -INFINITY
                 : kind == INGOT_SPEC_MIN || kind == INGOT_SPEC_ARG_MIN ? INFINITY
                                                                        : kind == INGOT_SPEC_PROD,
           magnitude = 0;
    for (int64_t k = 0; k < count; k++) {
        i[3] = k / r->n[4];
        i[4] = k % r->n[4];
        double x = load(r, 0, at(r, 0, i));
        if (kind == INGOT_SPEC_ARG_MAX ? x > sum : kind == INGOT_SPEC_ARG_MIN ? x < sum : false) {
            sum = x;
            best = k;
        } else if (kind != INGOT_SPEC_ARG_MAX && kind != INGOT_SPEC_ARG_MIN) {
            sum = fold(kind, sum, x);
        }
        magnitude += kind == INGOT_SPEC_SUM_SQUARE || kind == INGOT_SPEC_L2 ? x * x : fabs(x);
    }
    i[3] = i[4] = 0;
    if (kind == INGOT_SPEC_MEAN) {
        sum /= (double)count;
        magnitude /= (double)count;
    }
    if (kind == INGOT_SPEC_L2)
        sum = sqrt(sum);
    if (kind == INGOT_SPEC_MAX || kind == INGOT_SPEC_MIN || kind == INGOT_SPEC_PROD)
        magnitude = fabs(sum);
    finish(r, kind == INGOT_SPEC_ARG_MAX || kind == INGOT_SPEC_ARG_MIN ? (double)best : sum, magnitude, 1, i, 0);
}

static void reduce_full(const run *r, int kind, int64_t *i)
{
    int64_t count = r->n[3] * r->n[4];
    double high = -INFINITY, sum = 0, squares = 0, mean = 0;
    int32_t scale = r->p[1] ? 1 : 0, bias = r->p[2] ? 1 + scale : 0, extra = 1 + scale + (bias != 0);
    bool norm = kind == INGOT_SPEC_LAYER_NORM || kind == INGOT_SPEC_RMS_NORM;
    for (int pass = 0; pass < 3; pass++) {
        for (int64_t k = 0; k < count; k++) {
            i[3] = k / r->n[4];
            i[4] = k % r->n[4];
            double x = load(r, 0, at(r, 0, i));
            if (pass == 0) {
                high = x > high || x != x ? x : high;
                mean += x / (double)count;
            } else if (pass == 1) {
                double centred = kind == INGOT_SPEC_LAYER_NORM ? x - mean : x;
                sum += exp(x - high);
                squares += centred * centred / (double)count;
            } else {
                double y = kind == INGOT_SPEC_SOFTMAX       ? exp(x - high) / sum
                           : kind == INGOT_SPEC_LOG_SOFTMAX ? x - high - log(sum)
                           : kind == INGOT_SPEC_LAYER_NORM  ? (x - mean) / sqrt(squares + r->s->imm[0])
                                                            : x / sqrt(squares + r->s->imm[0]);
                if (norm && scale)
                    y *= load(r, scale, at(r, scale, i));
                if (norm && bias)
                    y += load(r, bias, at(r, bias, i));
                finish(r, y, kind == INGOT_SPEC_SOFTMAX ? fabs(y) : 1 + fabs(x) + fabs(high), norm ? extra : 1, i, 0);
            }
        }
    }
    i[3] = i[4] = 0;
}

static void run_reduce(const run *r)
{
    int64_t i[D] = {0};
    int kind = (int)r->p[0];
    bool full = kind >= INGOT_SPEC_SOFTMAX && kind <= INGOT_SPEC_RMS_NORM;
    for (i[0] = 0; i[0] < r->n[0]; i[0]++)
        for (i[1] = 0; i[1] < r->n[1]; i[1]++)
            for (i[2] = 0; i[2] < r->n[2]; i[2]++)
                for (i[5] = 0; i[5] < r->n[5]; i[5]++)
                    (full ? reduce_full : reduce_to_one)(r, kind, i);
}

static void run_window(const run *r)
{
    enum { N, CB, OH, OW, KH, KW, LANE };
    enum { KIND, SH, SW, DH, DW, PT, PL, IH, IW, INCLUDE_PAD, PB, PR };
    const int64_t *p = r->p;
    int64_t i[D] = {0}, lanes = r->n[LANE];
    if (none(r, 0, KH) || lanes <= 0)
        return;
    do {
        for (int64_t lane = 0; lane < lanes; lane++) {
            double sum = p[KIND] == INGOT_SPEC_POOL_MAX ? -INFINITY : 0, magnitude = 0;
            int64_t taps = 0;
            for (int64_t kh = 0; kh < r->n[KH]; kh++)
                for (int64_t kw = 0; kw < r->n[KW]; kw++) {
                    int64_t y = i[OH] * p[SH] - p[PT] + kh * p[DH], x = i[OW] * p[SW] - p[PL] + kw * p[DW];
                    if (p[INCLUDE_PAD] && y < p[IH] + p[PB] && x < p[IW] + p[PR])
                        taps++;
                    if (y < 0 || y >= p[IH] || x < 0 || x >= p[IW])
                        continue;
                    taps += !p[INCLUDE_PAD];
                    double v = load(r, 0, at(r, 0, (int64_t[D]){i[N], i[CB], y, x, 0, 0, lane}));
                    sum = p[KIND] == INGOT_SPEC_POOL_MAX ? fold(INGOT_SPEC_MAX, sum, v) : sum + v;
                    magnitude += fabs(v);
                }
            if (p[KIND] == INGOT_SPEC_POOL_AVG)
                sum = taps ? sum / (double)taps : 0;
            i[LANE] = lane;
            finish(r, sum, magnitude, 1, i, 0);
            i[LANE] = 0;
        }
    } while (next(r, i, 0, KH));
}

static void run_gather(const run *r)
{
    int64_t i[D] = {0}, bad = 0, axis = r->p[0];
    const ingot_operand *indices = &r->s->operands[1];
    if (!none(r, 0, 3)) {
        do {
            int64_t j = ingot_load_i64(r->d->operands[1], indices->dtype, at(r, 1, (int64_t[D]){0, i[1], 0}));
            j += j < 0 ? axis : 0;
            bool ok = j >= 0 && j < axis;
            double v = ok ? load(r, 0, at(r, 0, (int64_t[D]){i[0], 0, i[2]}) + j * r->p[1]) : 0;
            put(r, 2, at(r, 2, i), v, fabs(v));
            bad += !ok && i[0] == 0 && i[2] == 0;
        } while (next(r, i, 0, 3));
    }
    if (r->s->n_out > 1)
        put(r, 3, 0, (double)bad, 0);
}

static void run_attention(const run *r)
{
    enum { B, H, M, N, DIM, E };
    int64_t i[D] = {0}, group = r->p[0] > 0 ? r->p[0] : 1, n = r->n[N];
    ingot_arena arena = {0};
    double *weights = ingot_arena_alloc(&arena, (size_t)(n > 0 ? n : 1), sizeof *weights);
    if (none(r, 0, M + 1) || r->n[E] <= 0 || !weights)
        return;
    for (i[B] = 0; i[B] < r->n[B]; i[B]++)
        for (i[H] = 0; i[H] < r->n[H]; i[H]++)
            for (i[M] = 0; i[M] < r->n[M]; i[M]++) {
                double high = -INFINITY, sum = 0;
                for (int64_t k = 0; k < n; k++) {
                    double dot = 0;
                    for (int64_t c = 0; c < r->n[DIM]; c++)
                        dot += load(r, 0, at(r, 0, (int64_t[D]){i[B], i[H], i[M], 0, c})) *
                               load(r, 1, at(r, 1, (int64_t[D]){i[B], i[H] / group, 0, k, c}));
                    dot *= r->s->imm[0];
                    if (r->p[2]) {
                        double m = load(r, 3, at(r, 3, (int64_t[D]){i[B], i[H], i[M], k}));
                        dot = r->s->operands[3].dtype == INGOT_BOOL ? (m != 0 ? dot : -INFINITY) : dot + m;
                    }
                    if (r->p[1] && k > i[M] + r->p[3])
                        dot = -INFINITY;
                    weights[k] = dot;
                    high = dot > high ? dot : high;
                }
                for (int64_t k = 0; k < n; k++)
                    sum += weights[k] = high == -INFINITY ? 0 : exp(weights[k] - high);
                for (int64_t c = 0; c < r->n[E]; c++) {
                    double v = 0, magnitude = 0;
                    for (int64_t k = 0; k < n; k++) {
                        double x = load(r, 2, at(r, 2, (int64_t[D]){i[B], i[H] / group, 0, k, 0, c}));
                        v += weights[k] * x;
                        magnitude += weights[k] * fabs(x);
                    }
                    if (sum > 0) {
                        v /= sum;
                        magnitude /= sum;
                    }
                    put(r, r->s->n_in, at(r, r->s->n_in, (int64_t[D]){i[B], i[H], i[M], 0, 0, c}), v, 1 + magnitude);
                }
            }
    ingot_arena_release(&arena);
}

void spec_interpret(const ingot_spec *spec, spec_data *data)
{
    run r = {.s = spec, .d = data};
    for (int32_t i = 0; i < spec->n_dims; i++)
        r.n[i] = size_of(data->sizes, spec->dims[i]);
    for (int32_t i = 0; i < INGOT_SPEC_PARAMS; i++)
        r.p[i] = size_of(data->sizes, spec->params[i]);
    for (int32_t o = spec->n_in; o < spec->n_in + spec->n_out; o++)
        for (int64_t k = 0; k < data->counts[o]; k++)
            data->magnitudes[o][k] = -1;
    switch (spec->family) {
    case INGOT_FAMILY_map:
        run_map(&r);
        break;
    case INGOT_FAMILY_reduce:
        run_reduce(&r);
        break;
    case INGOT_FAMILY_contract:
        run_contract(&r);
        break;
    case INGOT_FAMILY_conv:
        run_conv(&r);
        break;
    case INGOT_FAMILY_depthwise:
        run_depthwise(&r);
        break;
    case INGOT_FAMILY_winograd:
        spec_interpret_winograd(spec, data);
        break;
    case INGOT_FAMILY_window:
        run_window(&r);
        break;
    case INGOT_FAMILY_gather:
        run_gather(&r);
        break;
    case INGOT_FAMILY_attention:
        run_attention(&r);
        break;
    default:
        spec_interpret_recurrent(spec, data, r.n, r.p);
        break;
    }
}

/* ---- Extents ---- */

int64_t spec_operand_count(const ingot_spec *spec, const int64_t *sizes, int32_t o)
{
    const ingot_operand *op = &spec->operands[o];
    int64_t n[D], last = 0, word = ingot_spec_group(spec) ? ingot_spec_group(spec) : 1;
    bool empty = false;
    for (int32_t i = 0; i < spec->n_dims; i++) {
        n[i] = size_of(sizes, spec->dims[i]);
        int64_t stride = size_of(sizes, op->strides[i]), extent = n[i];
        if (spec->family == INGOT_FAMILY_window && o == 0 && (i == 2 || i == 3))
            extent = size_of(sizes, spec->params[i == 2 ? 7 : 8]);
        if (spec->family == INGOT_FAMILY_attention && (o == 1 || o == 2) && i == 1 && spec->params[0] > 1)
            extent = (extent + spec->params[0] - 1) / spec->params[0];
        if (extent <= 0 && stride != 0)
            empty = true;
        if (spec->family == INGOT_FAMILY_winograd && o == 0 && (i == 2 || i == 3) && spec->params[i - 2] > 1)
            extent += 2; /* taps */
        last += extent > 0 ? (extent - 1) * stride : 0;
    }
    if (op->access == INGOT_ACCESS_LIMITED16) { /* no word of 16 columns needs more than three records */
        ingot_limited l = ingot_limited_of_spec(spec);
        return ingot_limited_records_at(&l) + 3 * ingot_limited_orders_at(&l) / 64 * INGOT_LIMITED_RECORD;
    }
    if (op->access == INGOT_ACCESS_SCRATCH)
        return ingot_winograd_scratch_elems(spec);
    if (spec->family == INGOT_FAMILY_winograd && o == 1)
        return ingot_winograd_filter_elems(spec);
    if (spec->family == INGOT_FAMILY_winograd)
        last += 15 * op->lane;
    if (spec->family == INGOT_FAMILY_contract && op->access == INGOT_ACCESS_PACKED16)
        last += (n[3] + 15) / 16 * ((n[4] + word - 1) / word * word) * 16 - 1;
    if (spec->family == INGOT_FAMILY_conv && o == 1)
        return n[1] * n[2] * n[5] * n[6] * n[7] * n[8] * 16;
    if (spec->family == INGOT_FAMILY_conv && (o >= 2)) {
        int64_t lane = size_of(sizes, op->lane), o_channels = size_of(sizes, spec->params[0]);
        int64_t lanes = lane == 1 ? 16 : o_channels < 16 * n[2] ? o_channels - 16 * (n[2] - 1) : 16;
        last += (lanes > 0 ? lanes - 1 : 0) * lane;
        if (lane != 1 && n[2] > 1 && lanes < 16) { /* an earlier, whole block may reach further than the last one */
            int64_t other = last - size_of(sizes, op->strides[2]) + (16 - lanes) * lane;
            last = other > last ? other : last;
        }
    }
    if (spec->family == INGOT_FAMILY_depthwise && o == 1)
        return n[1] * n[4] * n[5] * 16;
    if (spec->family == INGOT_FAMILY_depthwise)
        last += o == 0 || o == spec->n_in ? 15 : 15 * size_of(sizes, op->lane);
    if (spec->family == INGOT_FAMILY_gather && o == 0)
        last += (size_of(sizes, spec->params[0]) - 1) * size_of(sizes, spec->params[1]);
    if (spec->family == INGOT_FAMILY_lstm || spec->family == INGOT_FAMILY_gru)
        last += spec_recurrent_tail(spec, n, o);
    return empty || last < 0 ? 0 : last + 1;
}
