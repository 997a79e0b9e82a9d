/* The interpreter of lstm and gru specs: one time step after the other, in double. */
#include "spec_reference.h"
#include <math.h>
#include <stdlib.h>

enum { T, N, DIR, H };

typedef struct recurrence {
    const ingot_spec *spec;
    spec_data *data;
    const int64_t *n;
    int64_t gates;
} recurrence;

static int64_t index_of(const recurrence *r, int32_t operand, int64_t t, int64_t n, int64_t dir, int64_t h)
{
    const int64_t at[4] = {t, n, dir, h};
    int64_t sum = 0;
    for (int d = 0; d < 4; d++) {
        ingot_size s = r->spec->operands[operand].strides[d];
        sum += at[d] * (ingot_size_is_dynamic(s) ? r->data->sizes[ingot_size_index(s)] : s);
    }
    return sum;
}

static double get(const recurrence *r, int32_t operand, int64_t t, int64_t n, int64_t dir, int64_t h)
{
    return operand < 0 ? 0 : ((const float *)r->data->operands[operand])[index_of(r, operand, t, n, dir, h)];
}

static void put(const recurrence *r, int32_t operand, int64_t t, int64_t n, int64_t dir, int64_t h, double value)
{
    int64_t at = index_of(r, operand, t, n, dir, h);
    r->data->values[operand][at] = value;
    r->data->magnitudes[operand][at] = 1;
}

/* Column `column` of x r. */
static double product(const recurrence *r, const double *x, int64_t dir, int64_t column)
{
    const float *panel =
        (const float *)r->data->operands[1] + index_of(r, 1, 0, 0, dir, 0) + column / 16 * r->n[H] * 16 + column % 16;
    double sum = 0;
    for (int64_t k = 0; k < r->n[H]; k++)
        sum += x[k] * panel[k * 16];
    return sum;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void lstm_step(const recurrence *r, int64_t t, int64_t n, int64_t dir, double *state, double *memory,
                      double *next)
{
    int64_t h = r->n[H];
    for (int64_t j = 0; j < h; j++) {
        double gate[4];
        for (int g = 0; g < 4; g++)
            gate[g] = get(r, 0, t, n, dir, g * h + j) + product(r, state, dir, g * h + j);
        memory[j] = sigmoid(gate[2]) * memory[j] + sigmoid(gate[0]) * tanh(gate[3]);
        next[j] = sigmoid(gate[1]) * tanh(memory[j]);
    }
}

static void gru_step(const recurrence *r, int64_t t, int64_t n, int64_t dir, double *state, double *reset, double *next,
                     bool after, int32_t bias)
{
    int64_t h = r->n[H];
    for (int64_t j = 0; j < h; j++)
        reset[j] =
            sigmoid(get(r, 0, t, n, dir, h + j) + product(r, state, dir, h + j) + get(r, bias, 0, 0, dir, h + j));
    if (!after)
        for (int64_t j = 0; j < h; j++)
            reset[j] *= state[j];
    for (int64_t j = 0; j < h; j++) {
        double z = sigmoid(get(r, 0, t, n, dir, j) + product(r, state, dir, j) + get(r, bias, 0, 0, dir, j)),
               own = get(r, bias, 0, 0, dir, 2 * h + j);
        double x = get(r, 0, t, n, dir, 2 * h + j), g;
        if (after)
            g = tanh(x + reset[j] * (product(r, state, dir, 2 * h + j) + own));
        else
            g = tanh(x + product(r, reset, dir, 2 * h + j) + own);
        next[j] = (1 - z) * g + z * state[j];
    }
}

void spec_interpret_recurrent(const ingot_spec *spec, spec_data *data, const int64_t *dims, const int64_t *params)
{
    bool gru = spec->family == INGOT_FAMILY_gru;
    recurrence r = {spec, data, dims, gru ? 3 : 4};
    int64_t h = dims[H];
    int32_t next_input = 2, h0 = params[1] ? next_input++ : -1, c0 = !gru && params[2] ? next_input++ : -1,
            bias = gru && params[3] ? next_input : -1, out = spec->n_in;
    double *state = calloc((size_t)h, sizeof *state), *other = calloc((size_t)h, sizeof *other),
           *next = calloc((size_t)h, sizeof *next);
    for (int64_t dir = 0; dir < dims[DIR] && state && other && next; dir++)
        for (int64_t n = 0; n < dims[N]; n++) {
            for (int64_t j = 0; j < h; j++) {
                state[j] = get(&r, h0, 0, n, dir, j);
                other[j] = get(&r, c0, 0, n, dir, j);
            }
            for (int64_t step = 0; step < dims[T]; step++) {
                int64_t t = params[0] >> dir & 1 ? dims[T] - 1 - step : step;
                if (gru)
                    gru_step(&r, t, n, dir, state, other, next, params[2] != 0, bias);
                else
                    lstm_step(&r, t, n, dir, state, other, next);
                for (int64_t j = 0; j < h; j++)
                    put(&r, out, t, n, dir, j, state[j] = next[j]);
            }
            for (int64_t j = 0; j < h; j++) {
                if (spec->n_out > 1)
                    put(&r, out + 1, 0, n, dir, j, state[j]);
                if (spec->n_out > 2)
                    put(&r, out + 2, 0, n, dir, j, other[j]);
            }
        }
    free(state);
    free(other);
    free(next);
}

int64_t spec_recurrent_tail(const ingot_spec *spec, const int64_t *dims, int32_t operand)
{
    bool gru = spec->family == INGOT_FAMILY_gru;
    int64_t gates = gru ? 3 : 4, h = dims[H];
    if (operand == 0)
        return (gates - 1) * h; /* the other gates */
    if (operand == 1)
        return (gates * h + 15) / 16 * 16 * h - 1; /* one direction's panels */
    int32_t bias = 2 + (spec->params[1] != 0);
    return gru && spec->params[3] != 0 && operand == bias ? (gates - 1) * h : 0;
}
