/* Drawing tasks near a task: sizes change, and the strides of every operand are laid out anew in the same order. */
#include "costmodel/neighbour.h"
#include <stdlib.h>
#include <string.h>

int64_t ingot_random_below(uint64_t *seed, int64_t n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = *seed ^ (*seed >> 29);
    return n > 1 ? (int64_t)((x >> 11) % (uint64_t)n) : 0;
}

void ingot_spec_pin(const ingot_spec *spec, const int64_t *sizes, ingot_spec *out)
{
    *out = *spec;
    ingot_size *const lists[2] = {out->dims, out->params};
    const int32_t counts[2] = {INGOT_SPEC_DIMS, INGOT_SPEC_PARAMS};
    for (int l = 0; l < 2; l++)
        for (int32_t i = 0; i < counts[l]; i++)
            if (ingot_size_is_dynamic(lists[l][i]))
                lists[l][i] = sizes[ingot_size_index(lists[l][i])];
    for (int32_t k = 0; k < spec->n_in + spec->n_out; k++) {
        ingot_operand *o = &out->operands[k];
        for (int32_t d = 0; d < spec->n_dims; d++)
            if (ingot_size_is_dynamic(o->strides[d]))
                o->strides[d] = sizes[ingot_size_index(o->strides[d])];
        if (ingot_size_is_dynamic(o->lane))
            o->lane = sizes[ingot_size_index(o->lane)];
    }
}

/* Sizes that stay: taps, lanes, and what an emitter wants as it is. */
static bool may_change(const ingot_spec *s, int32_t d)
{
    switch (s->family) {
    case INGOT_FAMILY_conv:
        return d != 1 && d < 6;
    case INGOT_FAMILY_depthwise:
        return d < 4;
    case INGOT_FAMILY_window:
        return d < 4;
    case INGOT_FAMILY_lstm:
    case INGOT_FAMILY_gru:
        return d < 2;
    default:
        return true;
    }
}

static int64_t scaled(int64_t size, uint64_t *seed)
{
    static const int64_t up[] = {1, 1, 3, 5, 3, 2, 7, 4, 1, 3}, down[] = {4, 2, 4, 4, 2, 1, 8, 1, 3, 1};
    int64_t pick = ingot_random_below(seed, 10), result = size * up[pick] / down[pick];
    if (result >= 32 && ingot_random_below(seed, 2))
        result = (result + 8) / 16 * 16;
    else if (ingot_random_below(seed, 3) == 0)
        result += ingot_random_below(seed, 7) - 3;
    return result < 1 ? 1 : result;
}

/* The extents that an operand's strides run over; windows read whole input rows and columns. */
static int64_t extent_of(const ingot_spec *s, int32_t operand, int32_t d)
{
    if (s->family == INGOT_FAMILY_window && operand == 0 && (d == 2 || d == 3))
        return s->params[d == 2 ? 7 : 8];
    return s->dims[d];
}

/* Strides in ascending order: one that lies beyond all that the smaller ones reach is laid out behind them again, with
 * the same slack; one inside (rows of taps and rows of results) stays the same multiple of a smaller one. */
static void lay_out(const ingot_spec *from, ingot_spec *to, int32_t operand, int64_t lanes)
{
    const ingot_operand *a = &from->operands[operand];
    ingot_operand *b = &to->operands[operand];
    int32_t order[INGOT_SPEC_DIMS], n = 0;
    for (int32_t d = 0; d < from->n_dims; d++) {
        if (a->strides[d] <= 0)
            continue;
        int32_t at = n++;
        for (; at > 0 && a->strides[order[at - 1]] > a->strides[d]; at--)
            order[at] = order[at - 1];
        order[at] = d;
    }
    int64_t span_a = lanes, span_b = lanes;
    for (int32_t i = 0; i < n; i++) {
        int32_t d = order[i], base = -1;
        int64_t stride = a->strides[d];
        for (int32_t j = i - 1; j >= 0 && stride < span_a && base < 0; j--)
            if (stride % a->strides[order[j]] == 0)
                base = order[j];
        if (base >= 0)
            b->strides[d] = stride / a->strides[base] * b->strides[base];
        else if (stride >= span_a)
            b->strides[d] = (stride - span_a) + span_b;
        if (base < 0 && lanes == 16 && b->strides[d] % 16)
            b->strides[d] += 16 - b->strides[d] % 16;
        span_a += (extent_of(from, operand, d) - 1) * a->strides[d];
        span_b += (extent_of(to, operand, d) - 1) * b->strides[d];
    }
}

static bool in_lanes(const ingot_spec *s, const ingot_operand *o)
{
    return s->family == INGOT_FAMILY_depthwise || s->family == INGOT_FAMILY_winograd ||
           (s->family == INGOT_FAMILY_conv && o->lane == 1);
}

static void fit(const ingot_spec *from, ingot_spec *s)
{
    if (s->family == INGOT_FAMILY_conv)
        s->params[0] = s->dims[2] * 16 - (from->dims[2] * 16 - from->params[0]);
    if (s->family == INGOT_FAMILY_winograd) {
        s->params[2] = s->dims[1] * 16 - (from->dims[1] * 16 - from->params[2]);
        s->params[3] = s->dims[4] * 16 - (from->dims[4] * 16 - from->params[3]);
    }
    if (s->family == INGOT_FAMILY_window) {
        const ingot_size *p = from->params;
        for (int i = 0; i < 2; i++) { /* rows, columns: as much is left over at the end as before */
            int64_t rest = p[7 + i] - (from->dims[2 + i] - 1) * p[1 + i];
            s->params[7 + i] = (s->dims[2 + i] - 1) * p[1 + i] + rest;
            if (s->params[7 + i] < 1)
                s->params[7 + i] = 1;
        }
    }
    for (int32_t k = 0; k < s->n_in + s->n_out; k++)
        if (s->operands[k].access == INGOT_ACCESS_STRIDED)
            lay_out(from, s, k, in_lanes(s, &s->operands[k]) ? 16 : 1);
}

/* Recurrent kernels: operands hold whole multiples of h. */
static void scale_hidden(ingot_spec *s, int64_t h)
{
    for (int32_t k = 0; k < s->n_in + s->n_out; k++)
        for (int32_t d = 0; d < s->n_dims; d++)
            if (s->operands[k].strides[d] >= s->dims[3])
                s->operands[k].strides[d] = s->operands[k].strides[d] / s->dims[3] * h;
    s->dims[3] = h;
}

static bool too_large(const ingot_spec *s, double max_flops, double max_bytes)
{
    ingot_spec_work w = ingot_spec_count_work(s, NULL);
    return w.flops > max_flops || w.bytes_in + w.bytes_out + w.bytes_const > max_bytes;
}

void ingot_spec_neighbour(const ingot_spec *spec, uint64_t *seed, double max_flops, double max_bytes, ingot_spec *out)
{
    ingot_spec s = *spec, scaled_spec;
    memset(s.decisions, 0, sizeof s.decisions);
    if (s.family == INGOT_FAMILY_lstm || s.family == INGOT_FAMILY_gru) {
        if (ingot_random_below(seed, 2))
            scale_hidden(&s, scaled(s.dims[3], seed));
        scaled_spec = s;
        spec = &scaled_spec;
    }
    int64_t changes = 1 + ingot_random_below(seed, 3);
    for (int64_t i = 0; i < changes; i++) {
        int32_t d = (int32_t)ingot_random_below(seed, s.n_dims);
        if (may_change(&s, d) && (s.dims[d] > 1 || ingot_random_below(seed, 4) == 0))
            s.dims[d] = scaled(s.dims[d], seed);
    }
    *out = s;
    fit(spec, out);
    for (int tries = 0; tries < 40 && too_large(out, max_flops, max_bytes); tries++) {
        int32_t d = (int32_t)ingot_random_below(seed, s.n_dims);
        if (may_change(&s, d) && s.dims[d] > 1)
            s.dims[d] = s.dims[d] / 2;
        *out = s;
        fit(spec, out);
    }
}
