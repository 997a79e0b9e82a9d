/* Depthwise convolutions: out[n,cb,oh,ow,lane] = body(sum over kh,kw of X * W, extras...), 16 channels a block, lanes
 * of stride 1.
 *
 * A tile is a run of output pixels of one row for one vector of channels: sums and the weights of one row of taps stay
 * in registers, and every input vector is loaded once per row of taps for all the pixels that read it. A unit is some
 * rows of one block.
 */
#include "codegen/microkernel.h"
#include <stdio.h>
#include <string.h>

enum { N, CB, OH, OW, KH, KW }; /* iteration dims */
#define UNROLLED_TAPS 25
#define UNIT_FLOPS    (400 * 1000)
#define MAX_PIXELS    14

typedef struct depthwise {
    const ingot_spec *spec;
    ingot_etype vec;
    int limit; /* pixels */
} depthwise;

static depthwise decide(const ingot_spec *spec, const ingot_target *target)
{
    depthwise d = {.spec = spec,
                   .vec = ingot_e_vector(INGOT_E_F32, target->vector_bytes / 4),
                   .limit = target->vector_regs > 16 ? 14 : 8};
    if (spec->decisions[0] > 0 && spec->decisions[0] <= MAX_PIXELS)
        d.limit = (int)spec->decisions[0];
    return d;
}

typedef struct split {
    ingot_tiling tiles;
    ingot_ev rows, rows_per_unit, chunks, units;
} split;

static split make_split(ingot_emitter *e, const depthwise *d)
{
    const ingot_spec *spec = d->spec;
    split s;
    s.tiles = ingot_tiling_make(e, ingot_e_size(e, spec->dims[OW]), d->limit);
    s.rows = ingot_e_size(e, spec->dims[OH]);
    int64_t width = ingot_size_is_dynamic(spec->dims[OW]) ? 32 : spec->dims[OW];
    double flops = 32.0 * (double)spec->dims[KH] * (double)spec->dims[KW] * (double)width + 1;
    int64_t rows = spec->decisions[1] > 0 ? spec->decisions[1] : (int64_t)(UNIT_FLOPS / flops) + 1;
    s.rows_per_unit = ingot_e_int(e, rows);
    s.chunks = ingot_e_ceil_div(e, s.rows, s.rows_per_unit);
    s.units = ingot_e_mul(e, ingot_e_mul(e, ingot_e_size(e, spec->dims[N]), ingot_e_size(e, spec->dims[CB])), s.chunks);
    return s;
}

static ingot_ev units(ingot_emitter *e)
{
    depthwise d = decide(e->spec, e->target);
    return make_split(e, &d).units;
}

/* ---- One tile ---- */

enum { P_N, P_CB, P_ROW, P_COLUMN, P_COUNT };

/* One row of taps: accs[i] += x[i, kw] * w[kw]. Inputs at the same distance are the same vector, loaded once. */
static void tap_row(ingot_emitter *e, const depthwise *d, int pixels, ingot_ev x, ingot_ev w, int64_t kw_count,
                    ingot_ev *accs)
{
    const ingot_operand *in = &d->spec->operands[0];
    ingot_ev step = ingot_e_size(e, in->strides[OW]), tap = ingot_e_size(e, in->strides[KW]), weights[UNROLLED_TAPS];
    struct {
        int64_t distance;
        ingot_ev value;
    } seen[MAX_PIXELS * UNROLLED_TAPS];
    int n_seen = 0;
    for (int64_t k = 0; k < kw_count; k++)
        weights[k] = ingot_e_load(e, d->vec, w, ingot_e_int(e, 16 * k));
    for (int i = 0; i < pixels; i++) {
        for (int64_t k = 0; k < kw_count; k++) {
            ingot_ev distance = ingot_e_add(e, ingot_e_mul_int(e, step, i), ingot_e_mul_int(e, tap, k)),
                     value = {.id = -1};
            for (int q = 0; distance.known && q < n_seen; q++)
                if (seen[q].distance == distance.value)
                    value = seen[q].value;
            if (value.id < 0) {
                value = ingot_e_load(e, d->vec, x, distance);
                if (distance.known) {
                    seen[n_seen].distance = distance.value;
                    seen[n_seen++].value = value;
                }
            }
            accs[i] = ingot_e_fma(e, value, weights[k], accs[i]);
        }
    }
}

/* All taps; unrolled when there are few. */
static void sum_taps(ingot_emitter *e, const depthwise *d, int pixels, ingot_ev x, ingot_ev w, ingot_ev *accs)
{
    const ingot_spec *s = d->spec;
    int64_t kh = s->dims[KH], kw = s->dims[KW];
    ingot_ev row_step = ingot_e_size(e, s->operands[0].strides[KH]), zero = ingot_e_int(e, 0), one = ingot_e_int(e, 1);
    ingot_eloop rows, columns;
    if (kh * kw <= UNROLLED_TAPS) {
        for (int64_t i = 0; i < kh; i++)
            tap_row(e, d, pixels, ingot_e_gep(e, INGOT_E_F32, x, ingot_e_mul_int(e, row_step, i)),
                    ingot_e_gep(e, INGOT_E_F32, w, ingot_e_int(e, 16 * kw * i)), kw, accs);
        return;
    }
    ingot_e_for(e, zero, ingot_e_int(e, kh), one, pixels, accs, &rows);
    ingot_ev x_row = ingot_e_gep(e, INGOT_E_F32, x, ingot_e_mul(e, rows.index, row_step)),
             w_row = ingot_e_gep(e, INGOT_E_F32, w, ingot_e_mul_int(e, rows.index, 16 * kw));
    if (kw <= UNROLLED_TAPS) {
        tap_row(e, d, pixels, x_row, w_row, kw, rows.args);
    } else {
        ingot_e_for(e, zero, ingot_e_int(e, kw), one, pixels, rows.args, &columns);
        ingot_ev step = ingot_e_size(e, s->operands[0].strides[KW]);
        tap_row(e, d, pixels, ingot_e_gep(e, INGOT_E_F32, x_row, ingot_e_mul(e, columns.index, step)),
                ingot_e_gep(e, INGOT_E_F32, w_row, ingot_e_mul_int(e, columns.index, 16)), 1, columns.args);
        ingot_e_for_end(e, &columns, columns.args);
        memcpy(rows.args, columns.results, (size_t)pixels * sizeof *accs);
    }
    ingot_e_for_end(e, &rows, rows.args);
    memcpy(accs, rows.results, (size_t)pixels * sizeof *accs);
}

static ingot_ev offset(ingot_emitter *e, const ingot_operand *o, const ingot_ev *p, ingot_ev lane0, bool in_lanes)
{
    ingot_ev index = ingot_e_linear(e, 4, (ingot_ev[]){p[P_N], p[P_CB], p[P_ROW], p[P_COLUMN]}, o->strides);
    return in_lanes ? ingot_e_add(e, index, lane0) : index;
}

/* One run of pixels, all vectors of the block. */
static void write_tile(ingot_emitter *e, const depthwise *d, int pixels, const ingot_ev *p)
{
    const ingot_spec *s = d->spec;
    int32_t extras = s->n_in - 2, out = s->n_in;
    ingot_ev accs[MAX_PIXELS], extra[INGOT_SPEC_OPERANDS];
    ingot_eloop parts;
    ingot_e_for(e, ingot_e_int(e, 0), ingot_e_int(e, 16), ingot_e_int(e, d->vec.lanes), 0, NULL, &parts);
    ingot_ev lane0 = parts.index;
    ingot_ev x = ingot_e_gep(e, INGOT_E_F32, e->operands[0], offset(e, &s->operands[0], p, lane0, true));
    ingot_ev w = ingot_e_gep(e, INGOT_E_F32, e->operands[1],
                             ingot_e_add(e, ingot_e_mul_int(e, p[P_CB], 16 * s->dims[KH] * s->dims[KW]), lane0));
    ingot_micro_zero(e, d->vec, pixels, accs);
    sum_taps(e, d, pixels, x, w, accs);
    for (int i = 0; i < pixels; i++) {
        for (int32_t k = 0; k < extras; k++) {
            const ingot_operand *o = &s->operands[2 + k];
            if (i > 0 && !ingot_size_is_dynamic(o->strides[OW]) && o->strides[OW] == 0)
                continue;
            ingot_ev lane = ingot_e_size(e, o->lane);
            ingot_ev index = ingot_e_add(e, offset(e, o, p, lane0, ingot_e_is_known(lane, 1)),
                                         ingot_e_mul_int(e, ingot_e_size(e, o->strides[OW]), i));
            extra[k] = ingot_e_load_strided(e, ingot_e_with_scalar(d->vec, ingot_e_scalar_of(o->dtype)),
                                            e->operands[2 + k], index, lane, ingot_e_mask_all());
        }
        ingot_ev index = ingot_e_add(e, offset(e, &s->operands[out], p, lane0, true),
                                     ingot_e_mul_int(e, ingot_e_size(e, s->operands[out].strides[OW]), i));
        ingot_e_store(e, ingot_micro_apply_body(e, s, accs[i], extras, extra), e->operands[out], index);
    }
    ingot_e_for_end(e, &parts, NULL);
}

static void emit_tiles(ingot_emitter *e, void *arg, int height, ingot_ev first, ingot_ev count, const ingot_ev *params)
{
    const depthwise *d = arg;
    ingot_eloop loop;
    ingot_e_for(e, ingot_e_int(e, 0), count, ingot_e_int(e, 1), 0, NULL, &loop);
    ingot_ev start = ingot_e_add(e, first, ingot_e_mul_int(e, loop.index, height));
    ingot_ehelper h = {.kernel_args = true, .n = P_COUNT, .result = ingot_e_type(INGOT_E_NONE)};
    ingot_ev args[P_COUNT], inner[P_COUNT];
    snprintf(h.name, sizeof h.name, "tile%d", height);
    memcpy(args, params, sizeof args);
    args[P_COLUMN] = start;
    for (int i = 0; i < P_COUNT; i++)
        h.types[i] = INGOT_E_I64_TYPE;
    if (ingot_e_helper_begin(e, &h, inner)) {
        write_tile(e, d, height, inner);
        ingot_e_helper_end(e, (ingot_ev){.id = -1});
    }
    ingot_e_call(e, &h, args);
    ingot_e_for_end(e, &loop, NULL);
}

static void body(ingot_emitter *e, ingot_ev begin, ingot_ev end)
{
    depthwise d = decide(e->spec, e->target);
    split s = make_split(e, &d);
    ingot_ev one = ingot_e_int(e, 1), digits[3], p[P_COUNT];
    ingot_eloop loop, rows;
    ingot_e_for(e, begin, end, one, 0, NULL, &loop);
    ingot_e_unflatten(e, loop.index, 3,
                      (ingot_ev[]){ingot_e_size(e, e->spec->dims[N]), ingot_e_size(e, e->spec->dims[CB]), s.chunks},
                      digits);
    ingot_ev row0 = ingot_e_mul(e, digits[2], s.rows_per_unit);
    ingot_e_for(e, row0, ingot_e_min(e, ingot_e_add(e, row0, s.rows_per_unit), s.rows), one, 0, NULL, &rows);
    p[P_N] = digits[0];
    p[P_CB] = digits[1];
    p[P_ROW] = rows.index;
    p[P_COLUMN] = ingot_e_int(e, 0);
    ingot_tile_body tile = {.emit = emit_tiles, .arg = &d, .name = "tile", .n_params = P_COUNT, .params = p};
    ingot_tiling_run(e, &s.tiles, d.limit, ingot_e_int(e, 0), s.tiles.count, &tile);
    ingot_e_for_end(e, &rows, NULL);
    ingot_e_for_end(e, &loop, NULL);
}

static bool supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    (void)target;
    *out_why = NULL;
    if (spec->n_in < 2 || spec->n_out != 1) {
        *out_why = "depthwise: operands";
        return false;
    }
    const ingot_operand *o = spec->operands;
    ingot_dtype result = spec->has_body ? ingot_e_prog_result_dtype(&spec->body, 0) : INGOT_F32;
    if (o[0].dtype != INGOT_F32 || o[1].dtype != INGOT_F32)
        *out_why = "depthwise: element types other than f32";
    if (ingot_size_is_dynamic(spec->dims[KH]) || ingot_size_is_dynamic(spec->dims[KW]) || spec->dims[KH] < 1 ||
        spec->dims[KW] < 1)
        *out_why = "depthwise: taps that are not fixed";
    else if (spec->dims[KH] > 4096 || spec->dims[KW] > 4096)
        *out_why = "depthwise: more than 4096 rows or columns of taps";
    for (int32_t i = 2; i < spec->n_in; i++)
        if (o[i].lane != 1 && o[i].lane != 0)
            *out_why = "depthwise: lanes of an operand";
    if (spec->has_body && (spec->body.n_args != spec->n_in - 1 || spec->body.n_results != 1 ||
                           spec->body.arg_dtypes[0] != INGOT_F32 || result != o[spec->n_in].dtype))
        *out_why = "depthwise: body";
    if (!spec->has_body && o[spec->n_in].dtype != result)
        *out_why = "depthwise: type of the result";
    return *out_why == NULL;
}

const ingot_family_emitter ingot_emit_depthwise = {"depthwise", units, body, supports};
