/* From a spec to numbers: its loop nest as rows x columns x depth, its memory, its tiles. */
#include "costmodel/features.h"
#include "costmodel/decisions.h"
#include "costmodel/winograd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const ingot_feature_info *ingot_feature_table(void)
{
    static const ingot_feature_info table[INGOT_FEATURE_COUNT] = {
#define FEATURE(name, unit, meaning) {#name, unit, meaning},
#include "costmodel/features.def"
#undef FEATURE
    };
    return table;
}

static double size_of(const ingot_cost_query *q, ingot_size size)
{
    if (!ingot_size_is_dynamic(size))
        return (double)size;
    return q->sizes ? (double)q->sizes[ingot_size_index(size)] : 1;
}

static double log_count(double x)
{
    return log2(1 + (x > 0 ? x : 0));
}

static double log_ratio(double a, double b)
{
    double r = log2((a > 1 ? a : 1) / (b > 1 ? b : 1));
    return r < -20 ? -20 : r;
}

/* ---- The roofline ---- */

static double bandwidth(const ingot_target *t, double bytes)
{
    if (bytes <= (double)t->l1_bytes)
        return t->l1_gbs;
    if (bytes <= (double)t->l2_bytes)
        return t->l2_gbs;
    return bytes <= (double)t->l3_bytes ? t->l3_gbs : t->dram_gbs;
}

/* Multiply-adds of a lane at once. What is widened first is multiplied as floats; bytes within limits take one more
 * multiplication for each sum. */
static double products_a_lane(const ingot_cost_query *q)
{
    int group = ingot_spec_group(q->spec);
    bool widened = group && ingot_spec_sum(q->spec) == INGOT_F32 &&
                   (q->spec->operands[0].dtype == INGOT_F32 || !ingot_target_multiplies_bf16(q->target));
    if (q->spec->family == INGOT_FAMILY_winograd)
        return ingot_winograd_products_a_lane(q->spec, q->target);
    if (ingot_spec_is_limited(q->spec))
        return group * (q->spec->operands[1].lane == 2 ? 2.0 / 3 : 0.5);
    return group && !widened ? group : 1;
}

static ingot_roofline roofline(const ingot_cost_query *q, const ingot_spec_work *work)
{
    const ingot_target *t = q->target;
    double peak = t->ghz * t->fma_per_cycle * 2 * t->vector_bytes / 4; /* f32 flops a ns */
    peak *= products_a_lane(q);
    double cold = q->cold ? work->bytes_const : 0, bytes = work->bytes_in + work->bytes_out + work->bytes_const;
    ingot_roofline r = {.bytes = bytes, .compute_ns = work->flops / peak};
    r.memory_ns = (bytes - cold) / bandwidth(t, bytes) + cold / t->dram_gbs;
    r.ns = t->call_ns + (r.compute_ns > r.memory_ns ? r.compute_ns : r.memory_ns);
    return r;
}

ingot_roofline ingot_roofline_of(const ingot_cost_query *query)
{
    ingot_spec_work work = ingot_spec_count_work(query->spec, query->sizes);
    return roofline(query, &work);
}

/* ---- The loop nest ---- */

typedef struct nest {
    double batch, rows, columns, depth, taps, width, step;
    int lane;          /* dim that vectors run along; -1: implied lanes of stride 1 */
    double row_step;   /* stride (elements) between rows of unpacked columns */
    double row_groups; /* rows are tiled within each of so many groups */
} nest;

static double stride_of(const ingot_cost_query *q, int32_t operand, int d)
{
    return fabs(size_of(q, q->spec->operands[operand].strides[d]));
}

/* The dim along which most operands of a map are contiguous, as the emitter finds it. */
static int map_lane(const ingot_cost_query *q)
{
    const ingot_spec *s = q->spec;
    if (s->decisions[0] > 0 && s->decisions[0] <= s->n_dims)
        return (int)s->decisions[0] - 1;
    int lane = s->n_dims - 1, best = -1;
    for (int d = s->n_dims - 1; d >= 0; d--) {
        double size = size_of(q, s->dims[d]);
        int score = 0;
        for (int k = 0; k < s->n_in + s->n_out; k++) {
            double stride = stride_of(q, k, d);
            score += k >= s->n_in ? (stride == 1 ? 6 : 0) : stride == 1 ? 3 : stride == 0 ? 2 : 0;
        }
        score = size <= 1 ? -1 : size < 4 ? score * 2 / 5 : score;
        if (score > best) {
            best = score;
            lane = d;
        }
    }
    return lane;
}

static int contiguous_dim(const ingot_cost_query *q, int32_t operand, int otherwise)
{
    for (int d = q->spec->n_dims - 1; d >= 0; d--)
        if (stride_of(q, operand, d) == 1 && size_of(q, q->spec->dims[d]) > 1)
            return d;
    return otherwise;
}

static nest find_nest(const ingot_cost_query *q, const double *e)
{
    const ingot_spec *s = q->spec;
    nest n = {
        .batch = 1, .rows = 1, .columns = 1, .depth = 1, .taps = 1, .width = 1, .step = 1, .lane = -1, .row_groups = 1};
    switch (s->family) {
    case INGOT_FAMILY_contract:
        n.batch = e[0] * e[1], n.rows = e[2], n.columns = n.width = e[3], n.depth = e[4], n.lane = 3;
        n.row_step = stride_of(q, 1, 4);
        break;
    case INGOT_FAMILY_conv:
        n.batch = e[0] * e[1], n.rows = e[3] * e[4], n.columns = e[2] * 16, n.depth = e[5] * e[6] * e[7] * e[8];
        n.taps = e[7] * e[8], n.width = e[4];
        n.step = stride_of(q, 0, 6) > 0 ? stride_of(q, 0, 4) / (e[6] >= 16 ? 16 : 1) : 1;
        /* rows that follow each other without a gap are one */
        n.row_groups = stride_of(q, 0, 3) == stride_of(q, 0, 4) * e[4] &&
                               stride_of(q, s->n_in, 3) == stride_of(q, s->n_in, 4) * e[4]
                           ? 1
                           : e[3];
        break;
    case INGOT_FAMILY_depthwise:
        n.batch = e[0], n.rows = e[2] * e[3], n.columns = e[1] * 16, n.depth = n.taps = e[4] * e[5], n.width = e[3];
        n.step = stride_of(q, 0, 3) / 16, n.row_groups = e[2];
        break;
    case INGOT_FAMILY_winograd: {
        double mh = e[2] > 1 ? (double)s->params[0] : 1, mw = (double)s->params[1];
        n.batch = (double)((s->params[0] + (s->params[0] > 1 ? 2 : 0)) * (s->params[1] + (s->params[1] > 1 ? 2 : 0)));
        n.rows = e[0] * ceil(e[2] / mh) * ceil(e[3] / (mw > 0 ? mw : 1));
        n.columns = e[1] * 16, n.depth = e[4] * 16, n.taps = n.batch, n.width = e[3];
        break;
    }
    case INGOT_FAMILY_map:
        n.lane = map_lane(q);
        n.columns = e[n.lane];
        for (int d = 0; d < s->n_dims; d++)
            n.rows *= d == n.lane ? 1 : e[d];
        n.width = e[s->n_dims - 1];
        break;
    case INGOT_FAMILY_reduce:
        n.lane = contiguous_dim(q, 0, 5);
        n.rows = e[0] * e[1] * e[2], n.columns = e[5], n.depth = e[3] * e[4], n.width = e[n.lane];
        break;
    case INGOT_FAMILY_window:
        n.batch = e[0] * e[1], n.rows = e[6] > 1 ? e[2] * e[3] : e[2], n.columns = e[6] > 1 ? e[6] : e[3];
        n.depth = n.taps = e[4] * e[5], n.width = e[3];
        n.step = size_of(q, s->params[2]);
        n.lane = e[6] > 1 ? 6 : 3;
        break;
    case INGOT_FAMILY_gather:
        n.rows = e[0] * e[1], n.columns = n.width = e[2], n.lane = 2;
        break;
    case INGOT_FAMILY_attention:
        n.batch = e[0] * e[1], n.rows = e[2], n.columns = e[3], n.depth = e[4], n.width = e[5], n.lane = 4;
        break;
    case INGOT_FAMILY_lstm:
    case INGOT_FAMILY_gru:
        n.batch = e[0] * e[2], n.rows = e[1], n.depth = e[3], n.width = e[0];
        n.columns = e[3] * (s->family == INGOT_FAMILY_lstm ? 4 : 3);
        break;
    default:
        break;
    }
    return n;
}

/* ---- Parts of the vector ---- */

static int kind_of(const ingot_spec *s)
{
    switch (s->family) {
    case INGOT_FAMILY_reduce:
    case INGOT_FAMILY_window:
        return (int)s->params[0];
    case INGOT_FAMILY_winograd:
        return (int)(s->params[0] * s->params[1]);
    case INGOT_FAMILY_attention:
        return (s->params[1] ? 1 : 0) + (s->params[2] ? 2 : 0);
    default:
        return 0;
    }
}

static void put_tiles(const ingot_cost_query *q, const nest *n, double *out)
{
    const ingot_target *t = q->target;
    int64_t d[INGOT_SPEC_DECISIONS];
    ingot_decisions_fill(q->spec, q->sizes, t, d);
    double lanes = t->vector_bytes / 4.0, height = 1, wide = lanes, k_block = n->depth, block = n->columns;
    switch (q->spec->family) {
    case INGOT_FAMILY_contract:
        height = (double)d[0], wide = (double)d[1], k_block = (double)d[2], block = (double)d[3];
        break;
    case INGOT_FAMILY_conv:
        height = (double)d[0], wide = (double)d[1];
        break;
    case INGOT_FAMILY_winograd:
        height = t->tile_rows, wide = t->tile_cols, block = (double)d[1] * 16;
        break;
    case INGOT_FAMILY_depthwise:
    case INGOT_FAMILY_attention:
    case INGOT_FAMILY_lstm:
    case INGOT_FAMILY_gru:
        height = (double)d[0];
        wide = q->spec->family == INGOT_FAMILY_depthwise ? lanes : 2 * lanes;
        break;
    case INGOT_FAMILY_map:
        wide = lanes * (double)d[1];
        break;
    default:
        break;
    }
    height = height > 0 ? height : 1;
    k_block = k_block > 0 && k_block < n->depth ? k_block : n->depth;
    block = block > 0 && block < n->columns ? block : n->columns;
    double group = n->rows / (n->row_groups > 0 ? n->row_groups : 1), tiles = ceil(group / height);
    out[INGOT_FEATURE_tile_rows] = height;
    out[INGOT_FEATURE_tile_columns] = wide / lanes;
    out[INGOT_FEATURE_registers] = height * wide / lanes / t->vector_regs;
    out[INGOT_FEATURE_row_fill] = tiles > 0 ? group / (tiles * height) : 1;
    out[INGOT_FEATURE_row_height] = tiles > 0 ? group / tiles : 0;
    out[INGOT_FEATURE_column_fill] = n->columns > 0 ? n->columns / (ceil(n->columns / wide) * wide) : 1;
    out[INGOT_FEATURE_lane_fill] = n->columns > 0 ? n->columns / (ceil(n->columns / lanes) * lanes) : 1;
    out[INGOT_FEATURE_k_block] = log_count(k_block);
    out[INGOT_FEATURE_k_blocks] = k_block > 0 ? ceil(n->depth / k_block) : 1;
    out[INGOT_FEATURE_column_block] = log_count(block);
    out[INGOT_FEATURE_panel_l1] = log_ratio(k_block * wide * 4, (double)t->l1_bytes);
    out[INGOT_FEATURE_block_l2] = log_ratio(k_block * block * 4, (double)t->l2_bytes);
    for (int i = 0; i < 5; i++)
        out[INGOT_FEATURE_first + i] = log_count((double)q->spec->decisions[i]);
}

static void put_access(const ingot_cost_query *q, const nest *n, double *out)
{
    const ingot_spec *s = q->spec;
    double far = n->row_step, widest = 0, narrowest = 8;
    int unit = 0, none = 0, distant = 0, integers = 0;
    for (int32_t i = 0; i < s->n_in + s->n_out; i++) {
        const ingot_operand *o = &s->operands[i];
        double bytes = ingot_dtype_bits(o->dtype) / 8.0;
        widest = bytes > widest ? bytes : widest;
        narrowest = bytes < narrowest ? bytes : narrowest;
        integers += !ingot_dtype_is_float(o->dtype);
        if (o->access != INGOT_ACCESS_STRIDED)
            continue;
        double stride = n->lane < 0 ? size_of(q, o->lane) : stride_of(q, i, n->lane);
        if (n->lane < 0 && s->family == INGOT_FAMILY_depthwise)
            stride = 1;
        unit += stride == 1;
        none += stride == 0;
        distant += stride > 1;
        far = stride > far ? stride : far;
    }
    bool packed = s->n_in > 1 && ingot_access_is_packed(s->operands[1].access);
    const ingot_operand *result = &s->operands[s->n_in];
    double out_stride = n->lane < 0 ? size_of(q, result->lane) : stride_of(q, s->n_in, n->lane);
    double size = ingot_dtype_bits(result->dtype) / 8.0;
    out[INGOT_FEATURE_operands] = s->n_in + s->n_out;
    out[INGOT_FEATURE_unit_stride] = unit;
    out[INGOT_FEATURE_no_stride] = none;
    out[INGOT_FEATURE_far_stride] = distant;
    out[INGOT_FEATURE_far_bytes] = packed ? 0 : log_count(far * 4);
    out[INGOT_FEATURE_packed] = packed;
    out[INGOT_FEATURE_element] = widest;
    out[INGOT_FEATURE_narrow] = narrowest;
    out[INGOT_FEATURE_integers] = integers;
    out[INGOT_FEATURE_bytes_line] = out_stride <= 1 ? 1 : out_stride * size >= 64 ? size / 64 : 1 / out_stride;
}

/* Outputs of pooling whose taps all lie inside, as a share: the others look at bounds. */
static double inside(const ingot_cost_query *q, const double *e)
{
    enum { STRIDE = 1, DILATION = 3, PAD = 5, SIZE = 7 };
    double share = 1;
    for (int i = 0; i < 2; i++) {
        const ingot_size *p = q->spec->params + i;
        double stride = size_of(q, p[STRIDE]), pad = size_of(q, p[PAD]), out = e[2 + i];
        double reach = (e[4 + i] - 1) * size_of(q, p[DILATION]), room = size_of(q, p[SIZE]) - reach - 1 + pad;
        double first = stride > 0 ? ceil(pad / stride) : 0, last = stride > 0 && room >= 0 ? floor(room / stride) : -1;
        double count = (last < out - 1 ? last : out - 1) - first + 1;
        share *= out > 0 && count > 0 ? count / out : 0;
    }
    return share;
}

/* Largest power of two up to a page that divides a distance. */
static double alignment(double bytes)
{
    int64_t b = (int64_t)bytes;
    int k = 0;
    while (b > 0 && k < 12 && b % 2 == 0) {
        b /= 2;
        k++;
    }
    return b > 0 ? k : 12;
}

/* Where an operand lies: how many pages, and how its lines crowd on the sets of a first-level cache (64 sets of 8
 * lines). Its dims are taken from the smallest stride on; each repeats what the ones before it cover. */
static void spread(const ingot_cost_query *q, int32_t operand, const double *e, double *out_pages, double *out_sets)
{
    enum { SETS = 64, WAYS = 8, LINE = 64, PAGE = 4096 };
    const ingot_spec *s = q->spec;
    double size = ingot_dtype_bits(s->operands[operand].dtype) / 8.0, step[INGOT_SPEC_DIMS], count[INGOT_SPEC_DIMS];
    int n = 0;
    for (int d = 0; d < s->n_dims; d++) {
        double stride = stride_of(q, operand, d) * size;
        if (stride <= 0 || e[d] <= 1)
            continue;
        int at = n++;
        for (; at > 0 && step[at - 1] > stride; at--) {
            step[at] = step[at - 1];
            count[at] = count[at - 1];
        }
        step[at] = stride;
        count[at] = e[d];
    }
    double span = size, lines = 1, sets = 1, pages = 1; /* span: bytes without a gap */
    if (size_of(q, s->operands[operand].lane) == 1)
        span = 16 * size;
    for (int i = 0; i < n; i++) {
        bool dense = step[i] <= span;
        double reach = step[i] * (count[i] - 1) + span;
        if (dense) {
            lines = sets = ceil(reach / LINE);
            pages = ceil(reach / PAGE);
            span = reach;
        } else {
            int64_t apart = (int64_t)(step[i] / LINE) % SETS, distinct = SETS;
            while (apart && apart % 2 == 0 && distinct > 1) {
                apart /= 2;
                distinct /= 2;
            }
            distinct = step[i] < LINE ? SETS : apart ? distinct : 1;
            double lines_apart = step[i] < LINE ? step[i] / LINE : 1;
            lines *= 1 + (count[i] - 1) * lines_apart;
            sets *= count[i] < (double)distinct ? count[i] : (double)distinct;
            pages *= step[i] >= PAGE ? count[i] : 1 + (count[i] - 1) * step[i] / PAGE;
            span = step[i] < LINE ? reach : span;
        }
        sets = sets > SETS ? SETS : sets;
    }
    *out_pages = log_count(pages);
    *out_sets = log_ratio(lines, 1) - log2(sets * WAYS);
}

/* Distances of rows: where what a vector touches lies in the caches. */
static void put_rows(const ingot_cost_query *q, const nest *n, const double *e, double *out)
{
    const ingot_spec *s = q->spec;
    double sizes[3] = {1, 1, 1}, points = 1, widest = out[INGOT_FEATURE_element];
    int found[3] = {-1, -1, -1}, n_found = 0, outer = -1, across = 0;
    for (int d = s->n_dims - 1; d >= 0; d--) {
        points *= e[d] > 0 ? e[d] : 1;
        if (e[d] <= 1)
            continue;
        out[INGOT_FEATURE_dims]++;
        outer = d;
        if (n_found < 3) {
            found[n_found] = d;
            sizes[n_found++] = e[d];
        }
    }
    for (int32_t i = 0; i < s->n_in && n->lane >= 0; i++)
        across += stride_of(q, i, n->lane) > 1 && contiguous_dim(q, i, n->lane) != n->lane;
    int row = found[0] == n->lane || n->lane < 0 ? found[1] : found[0]; /* the innermost dim besides the lanes */
    double bytes = ingot_dtype_bits(s->operands[s->n_in].dtype) / 8.0;
    double result = row >= 0 ? stride_of(q, s->n_in, row) * bytes : 0;
    double operand = row >= 0 && s->n_in > 0 ? stride_of(q, 0, row) * ingot_dtype_bits(s->operands[0].dtype) / 8.0 : 0;
    out[INGOT_FEATURE_last] = log_count(sizes[0]);
    out[INGOT_FEATURE_second_last] = log_count(sizes[1]);
    out[INGOT_FEATURE_third_last] = log_count(sizes[2]);
    out[INGOT_FEATURE_across] = across;
    out[INGOT_FEATURE_result_step] = log_count(result);
    out[INGOT_FEATURE_operand_step] = log_count(operand);
    out[INGOT_FEATURE_result_align] = alignment(result);
    out[INGOT_FEATURE_outer_align] = outer >= 0 ? alignment(stride_of(q, s->n_in, outer) * bytes) : 12;
    out[INGOT_FEATURE_operand_align] = alignment(operand);
    spread(q, s->n_in, e, &out[INGOT_FEATURE_result_pages], &out[INGOT_FEATURE_result_sets]);
    if (s->n_in > 0)
        spread(q, 0, e, &out[INGOT_FEATURE_operand_pages], &out[INGOT_FEATURE_operand_sets]);
    if (s->family == INGOT_FAMILY_gather) { /* rows of a table, anywhere in it */
        double table = size_of(q, s->params[0]) * size_of(q, s->params[1]) * ingot_dtype_bits(s->operands[0].dtype) / 8;
        out[INGOT_FEATURE_operand_pages] = log_count(table / 4096);
        out[INGOT_FEATURE_operand_sets] = log_ratio(table, (double)q->target->l2_bytes);
    }
    out[INGOT_FEATURE_inside] = s->family == INGOT_FAMILY_window ? inside(q, e) : 1;
    out[INGOT_FEATURE_vectors] = log_count(points * (widest > 4 ? widest : 4) / q->target->vector_bytes);
}

static void put_body(const ingot_spec *s, double *out)
{
    int count = 0, casts = 0;
    for (int32_t i = 0; s->has_body && i < s->body.n_instrs; i++) {
        count += s->body.instrs[i].op != INGOT_SCALAR_const;
        casts += s->body.instrs[i].op == INGOT_SCALAR_cast || s->body.instrs[i].dtype == INGOT_I64;
    }
    out[INGOT_FEATURE_casts] = casts;
    out[INGOT_FEATURE_body] = count;
    out[INGOT_FEATURE_body_flops] = s->has_body ? ingot_prog_cost(&s->body) : 0;
    out[INGOT_FEATURE_extras] = s->has_body ? s->body.n_args - (s->family == INGOT_FAMILY_map ? 0 : 1) : 0;
}

/* A product of bf16, and Winograd's of integers, have the features of that of f32, and their own roofline: models know
 * f32, and expect them to come as near to their bound. */
static ingot_roofline as_f32(const ingot_cost_query *q, double *out)
{
    ingot_spec twin = *q->spec;
    ingot_cost_query other = *q;
    bool winograd = twin.family == INGOT_FAMILY_winograd;
    for (int32_t i = 0; i < (winograd ? twin.n_in + twin.n_out : 2); i++)
        twin.operands[i].dtype = INGOT_F32;
    other.spec = &twin;
    ingot_features_compute(&other, out);
    return ingot_roofline_of(q);
}

ingot_roofline ingot_features_compute(const ingot_cost_query *q, double *out)
{
    if (ingot_spec_group(q->spec) && (ingot_spec_sum(q->spec) == INGOT_F32 || q->spec->family == INGOT_FAMILY_winograd))
        return as_f32(q, out);
    const ingot_target *t = q->target;
    ingot_spec_work work = ingot_spec_count_work(q->spec, q->sizes);
    ingot_roofline r = roofline(q, &work);
    double e[INGOT_SPEC_DIMS] = {0};
    for (int32_t d = 0; d < q->spec->n_dims; d++)
        e[d] = size_of(q, q->spec->dims[d]);
    nest n = find_nest(q, e);
    memset(out, 0, INGOT_FEATURE_COUNT * sizeof *out);
    out[INGOT_FEATURE_family] = q->spec->family;
    out[INGOT_FEATURE_kind] = kind_of(q->spec);
    out[INGOT_FEATURE_flops] = log_count(work.flops);
    out[INGOT_FEATURE_bytes_in] = log_count(work.bytes_in);
    out[INGOT_FEATURE_bytes_out] = log_count(work.bytes_out);
    out[INGOT_FEATURE_bytes_const] = log_count(work.bytes_const);
    out[INGOT_FEATURE_intensity] = log_ratio(work.flops, r.bytes);
    out[INGOT_FEATURE_roofline] = log2(r.ns);
    double balance = log_ratio(r.compute_ns * 1e3, r.memory_ns * 1e3);
    out[INGOT_FEATURE_balance] = balance < -10 ? -10 : balance > 10 ? 10 : balance;
    out[INGOT_FEATURE_in_l1] = log_ratio(r.bytes, (double)t->l1_bytes);
    out[INGOT_FEATURE_in_l2] = log_ratio(r.bytes, (double)t->l2_bytes);
    out[INGOT_FEATURE_in_l3] = log_ratio(r.bytes, (double)t->l3_bytes);
    out[INGOT_FEATURE_cold] = q->cold && work.bytes_const > 0;
    out[INGOT_FEATURE_batch] = log_count(n.batch);
    out[INGOT_FEATURE_rows] = log_count(n.rows);
    out[INGOT_FEATURE_columns] = log_count(n.columns);
    out[INGOT_FEATURE_depth] = log_count(n.depth);
    out[INGOT_FEATURE_taps] = n.taps;
    out[INGOT_FEATURE_width] = log_count(n.width);
    out[INGOT_FEATURE_step] = n.step;
    put_tiles(q, &n, out);
    put_access(q, &n, out);
    put_rows(q, &n, e, out);
    put_body(q->spec, out);
    return r;
}
