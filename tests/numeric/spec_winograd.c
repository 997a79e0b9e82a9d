/* The interpreter for Winograd kernels: a plain convolution. Their packed operand is made of filters that are a
 * function of their indices, so that matrices and packing are held to what they stand for. */
#include "costmodel/neighbour.h"
#include "kernel/winograd_exact.h"
#include "spec_reference.h"
#include <math.h>

static int taps_of(const ingot_spec *s)
{
    return (s->params[0] > 1 ? 3 : 1) * (s->params[1] > 1 ? 3 : 1);
}

double spec_winograd_filter(const ingot_spec *spec, int64_t o, int64_t c, int kh, int kw)
{
    uint64_t x = (uint64_t)((o * 1024 + c) * 9 + kh * 3 + kw + 1) * 6364136223846793005u;
    x ^= x >> 31;
    x *= 1442695040888963407u;
    double u = (double)(x >> 40) / 8388608.0 - 1;
    if (ingot_spec_group(spec) != 2)
        return (double)(float)u;
    double most = fmin(floor(33554431.0 / (255.0 * (double)(spec->params[3] * taps_of(spec)))), 128);
    return u < -0.5 ? -most : fmin(round(2 * u * most), fmin(most, 127)); /* the ends often */
}

void spec_winograd_fill(const ingot_spec *spec, void *out)
{
    int64_t o = spec->params[2], c = spec->params[3], taps = taps_of(spec);
    ingot_arena arena = {0};
    int kw = spec->params[1] > 1 ? 3 : 1;
    float *w = ingot_arena_alloc(&arena, (size_t)(o * c * taps) + 1, sizeof *w);
    int16_t *whole = ingot_arena_alloc(&arena, (size_t)(o * c * taps) + 1, sizeof *whole);
    for (int64_t i = 0; i < o * c * taps; i++) {
        double weight = spec_winograd_filter(spec, i / (taps * c), i / taps % c, (int)(i % taps / kw), (int)(i % kw));
        w[i] = (float)weight;
        whole[i] = ingot_spec_group(spec) == 2 ? (int16_t)weight : 0;
    }
    const ingot_winograd_integers integers = {o, c, taps, INGOT_I16, whole, -255, 255};
    if (ingot_spec_group(spec) == 2)
        ingot_winograd_exact_pack(spec->params[0], spec->params[1], &integers, out);
    else
        ingot_winograd_pack(spec->params[0], spec->params[1], o, c, w, out);
    ingot_arena_release(&arena);
}

static void one_result(const ingot_spec *s, spec_data *d, const int64_t *i, int64_t lane)
{
    enum { N, OB, OH, OW, CB };
    double sum = 0, magnitude = 0, args[INGOT_PROG_MAX_ARGS], result;
    int64_t at[INGOT_SPEC_OPERANDS] = {0};
    for (int32_t k = 0; k < s->n_in + s->n_out; k++)
        for (int32_t dim = 0; dim < 4; dim++)
            at[k] += i[dim] * s->operands[k].strides[dim];
    for (int64_t c = 0; c < s->params[3] && i[OB] * 16 + lane < s->params[2]; c++)
        for (int kh = 0; kh < (s->params[0] > 1 ? 3 : 1); kh++)
            for (int kw = 0; kw < (s->params[1] > 1 ? 3 : 1); kw++) {
                const int64_t *strides = s->operands[0].strides;
                int64_t place = at[0] + c / 16 * strides[CB] + kh * strides[OH] + kw * strides[OW] + c % 16;
                double term = ingot_load_f64(d->operands[0], s->operands[0].dtype, place) *
                              spec_winograd_filter(s, i[OB] * 16 + lane, c, kh, kw);
                sum += term;
                magnitude += fabs(term);
            }
    args[0] = result = sum;
    for (int32_t k = 2; k < s->n_in; k++)
        args[k - 1] = ingot_load_f64(d->operands[k], s->operands[k].dtype, at[k] + lane * s->operands[k].lane);
    if (s->has_body)
        spec_eval_prog(&s->body, args, &result);
    d->values[s->n_in][at[s->n_in] + lane] = result;
    d->magnitudes[s->n_in][at[s->n_in] + lane] = magnitude + fabs(result);
}

void spec_interpret_winograd(const ingot_spec *spec, spec_data *d)
{
    ingot_spec pinned;
    const ingot_spec *s = &pinned;
    int64_t i[4];
    ingot_spec_pin(spec, d->sizes, &pinned);
    for (i[0] = 0; i[0] < s->dims[0]; i[0]++)
        for (i[1] = 0; i[1] < s->dims[1]; i[1]++)
            for (i[2] = 0; i[2] < s->dims[2]; i[2]++)
                for (i[3] = 0; i[3] < s->dims[3]; i[3]++)
                    for (int64_t lane = 0; lane < 16; lane++)
                        one_result(s, d, i, lane);
}
