/* linear_attention: attention as a recurrence over a state S [Dk, Dv] for each head of the keys.
 *
 * A token fades the state (decay, a logarithm), adds k v' to it (with beta: beta k (v - S' k)', the delta rule), and
 * each head of the queries that shares it reads scale * q' S. The state is kept in double. */
#include "runtime/kernels/kernels.h"

typedef struct {
    const ingot_tensor *q, *k, *v, *state, *decay, *beta; /* the last three may be null */
    int64_t batch, tokens, q_heads, heads, width, values; /* width: Dk, values: Dv */
    double scale;
} operands;

static bool is_3d(const ingot_tensor *t, int64_t batch, int64_t tokens)
{
    return t->rank == 3 && t->dims[0] == batch && t->dims[1] == tokens && ingot_dtype_is_float(t->dtype);
}

static ingot_status check(const ingot_call *call, operands *o)
{
    INGOT_TRY(ingot_kernel_check(call, "linear_attention", 3, 2));
    const ingot_attrs_linear_attention *attrs = call->attrs;
    *o = (operands){
        .q = &call->in[0], .k = &call->in[1], .v = &call->in[2], .q_heads = attrs->q_heads, .heads = attrs->kv_heads};
    o->state = kernel_has_in(call, 3) ? &call->in[3] : NULL;
    o->decay = kernel_has_in(call, 4) ? &call->in[4] : NULL;
    o->beta = kernel_has_in(call, 5) ? &call->in[5] : NULL;
    KERNEL_REQUIRE(o->heads >= 1 && o->q_heads >= 1 && o->q_heads % o->heads == 0 && o->q->rank == 3,
                   "linear_attention: %lld heads of queries, %lld of keys, queries of rank %d", (long long)o->q_heads,
                   (long long)o->heads, o->q->rank);
    o->batch = o->q->dims[0], o->tokens = o->q->dims[1], o->width = o->q->dims[2] / o->q_heads;
    const ingot_tensor *y = &call->out[0], *last = &call->out[1];
    bool fits = is_3d(o->q, o->batch, o->tokens) && is_3d(o->k, o->batch, o->tokens) &&
                is_3d(o->v, o->batch, o->tokens) && is_3d(y, o->batch, o->tokens) &&
                o->width * o->q_heads == o->q->dims[2] && o->k->dims[2] == o->width * o->heads &&
                o->v->dims[2] % o->heads == 0 && last->rank == 4 && last->dims[0] == o->batch &&
                last->dims[1] == o->heads && ingot_dtype_is_float(last->dtype);
    o->values = fits ? o->v->dims[2] / o->heads : 0;
    fits =
        fits && y->dims[2] == o->values * o->q_heads && last->dims[2] == o->width && last->dims[3] == o->values &&
        (!o->state || (kernel_same_dims(o->state, last) && ingot_dtype_is_float(o->state->dtype))) &&
        (!o->decay || (is_3d(o->decay, o->batch, o->tokens) &&
                       (o->decay->dims[2] == o->heads || o->decay->dims[2] == o->heads * o->width))) &&
        (!o->beta || (is_3d(o->beta, o->batch, o->tokens) && (o->beta->dims[2] == o->heads || o->beta->dims[2] == 1)));
    KERNEL_REQUIRE(fits, "linear_attention: operands do not fit %lld heads of queries and %lld of keys",
                   (long long)o->q_heads, (long long)o->heads);
    o->scale = attrs->scale != 0 ? attrs->scale : o->width ? 1 / sqrt((double)o->width) : 1;
    return NULL;
}

/* Element `i` of head h of a token's row. */
static double entry(const ingot_tensor *t, int64_t token, int64_t h, int64_t size, int64_t i)
{
    return ingot_load_f64(t->data, t->dtype, token * t->dims[2] + h * size + i);
}

/* One token into the state; v: scratch [values]. */
static void update(const operands *o, int64_t token, int64_t h, double *state, double *v)
{
    for (int64_t d = 0; o->decay && d < o->width; d++) {
        bool shared = o->decay->dims[2] == o->heads;
        double fade = exp(shared ? entry(o->decay, token, h, 1, 0) : entry(o->decay, token, h, o->width, d));
        for (int64_t m = 0; m < o->values; m++)
            state[d * o->values + m] *= fade;
    }
    for (int64_t m = 0; m < o->values; m++)
        v[m] = entry(o->v, token, h, o->values, m);
    if (o->beta) {
        double rate = entry(o->beta, token, o->beta->dims[2] == 1 ? 0 : h, 1, 0);
        for (int64_t d = 0; d < o->width; d++) {
            double k = entry(o->k, token, h, o->width, d);
            for (int64_t m = 0; m < o->values; m++)
                v[m] -= k * state[d * o->values + m];
        }
        for (int64_t m = 0; m < o->values; m++)
            v[m] *= rate;
    }
    for (int64_t d = 0; d < o->width; d++) {
        double k = entry(o->k, token, h, o->width, d);
        for (int64_t m = 0; m < o->values; m++)
            state[d * o->values + m] += k * v[m];
    }
}

static void read_state(const operands *o, int64_t token, int64_t q_head, const double *state, double *row,
                       const ingot_tensor *y)
{
    memset(row, 0, (size_t)o->values * sizeof *row);
    for (int64_t d = 0; d < o->width; d++) {
        double q = entry(o->q, token, q_head, o->width, d);
        for (int64_t m = 0; m < o->values; m++)
            row[m] += q * state[d * o->values + m];
    }
    for (int64_t m = 0; m < o->values; m++)
        row[m] *= o->scale;
    ingot_kernel_store_f64(y->data, y->dtype, token * y->dims[2] + q_head * o->values, 1, row, o->values);
}

ingot_status ingot_portable_linear_attention(const ingot_call *call)
{
    operands o;
    INGOT_TRY(check(call, &o));
    const ingot_tensor *last = &call->out[1];
    int64_t size = o.width * o.values, share = o.q_heads / o.heads;
    double *state = call->scratch, *row = state + size;
    for (int64_t lane = 0; lane < o.batch * o.heads; lane++) {
        int64_t b = lane / o.heads, h = lane % o.heads;
        memset(state, 0, (size_t)size * sizeof *state);
        if (o.state)
            ingot_kernel_load_f64(state, o.state->data, o.state->dtype, lane * size, 1, size);
        for (int64_t token = b * o.tokens; token < (b + 1) * o.tokens; token++) {
            update(&o, token, h, state, row);
            for (int64_t q = h * share; q < (h + 1) * share; q++)
                read_state(&o, token, q, state, row, &call->out[0]);
        }
        ingot_kernel_store_f64(last->data, last->dtype, lane * size, 1, state, size);
    }
    return NULL;
}
