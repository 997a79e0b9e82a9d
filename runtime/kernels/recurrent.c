/* What lstm, gru and rnn share: operands of either layout, products with gate rows, activations. */
#include "runtime/kernels/kernels.h"

static const ingot_tensor *optional(const ingot_call *call, int32_t i)
{
    return kernel_has_in(call, i) ? &call->in[i] : NULL;
}

static ingot_status check_state(const char *name, const ingot_tensor *t, int64_t count, ingot_dtype dtype)
{
    KERNEL_REQUIRE(!t || (ingot_tensor_count(t) == count && t->dtype == dtype),
                   "%s: a state, bias or peephole of %lld elements of %s, expected %lld", name,
                   (long long)ingot_tensor_count(t), ingot_dtype_name(t->dtype), (long long)count);
    return NULL;
}

ingot_status ingot_kernel_recurrent(const ingot_call *call, const char *name, int64_t gates, kernel_recurrent *out)
{
    INGOT_TRY(ingot_kernel_check(call, name, 3, 0));
    const ingot_attrs_recurrent *attrs = call->attrs;
    const ingot_tensor *x = &call->in[0], *w = &call->in[1], *r = &call->in[2];
    KERNEL_REQUIRE(x->rank == 3 && w->rank == 3 && r->rank == 3 && ingot_dtype_is_float(x->dtype) &&
                       w->dtype == x->dtype && r->dtype == x->dtype,
                   "%s: X, W and R must be of rank 3 and one float type", name);
    bool first = attrs->batch_first != 0;
    int64_t directions = attrs->direction == INGOT_BIDIRECTIONAL ? 2 : 1, hidden = r->dims[2], rows = 0;
    *out = (kernel_recurrent){.steps = x->dims[first ? 1 : 0],
                              .batch = x->dims[first ? 0 : 1],
                              .inputs = x->dims[2],
                              .hidden = hidden,
                              .directions = directions,
                              .gates = gates,
                              .attrs = attrs,
                              .x = x,
                              .w = w,
                              .r = r,
                              .bias = optional(call, 3),
                              .lens = optional(call, 4),
                              .h0 = optional(call, 5),
                              .c0 = gates == 4 ? optional(call, 6) : NULL,
                              .peephole = gates == 4 ? optional(call, 7) : NULL};
    KERNEL_REQUIRE(!__builtin_mul_overflow(gates, hidden, &rows) && w->dims[0] == directions &&
                       r->dims[0] == directions && w->dims[1] == rows && r->dims[1] == rows &&
                       w->dims[2] == out->inputs && (!attrs->hidden || attrs->hidden == hidden),
                   "%s: W [%lld, %lld, %lld] and R [%lld, %lld, %lld] do not fit %lld inputs and %lld directions", name,
                   (long long)w->dims[0], (long long)w->dims[1], (long long)w->dims[2], (long long)r->dims[0],
                   (long long)r->dims[1], (long long)r->dims[2], (long long)out->inputs, (long long)directions);
    int64_t states = directions * out->batch * hidden;
    INGOT_TRY(check_state(name, out->bias, 2 * directions * rows, x->dtype));
    INGOT_TRY(check_state(name, out->h0, states, x->dtype));
    INGOT_TRY(check_state(name, out->c0, states, x->dtype));
    INGOT_TRY(check_state(name, out->peephole, 3 * directions * hidden, x->dtype));
    KERNEL_REQUIRE(!out->lens || (kernel_is_index(out->lens->dtype) && ingot_tensor_count(out->lens) == out->batch),
                   "%s: sequence lengths must be %lld integers", name, (long long)out->batch);
    for (int32_t i = 0; i < call->n_out; i++)
        KERNEL_REQUIRE(!kernel_has_out(call, i) ||
                           (ingot_tensor_count(&call->out[i]) == (i ? states : states * out->steps) &&
                            call->out[i].dtype == x->dtype),
                       "%s: result %d does not fit the operands", name, i);
    KERNEL_REQUIRE(attrs->activations.n >= 0 && attrs->activations.n <= INGOT_MAX_INTS, "%s: %lld activations", name,
                   (long long)attrs->activations.n);
    out->x_step = (first ? 1 : out->batch) * out->inputs;
    out->x_batch = (first ? out->steps : 1) * out->inputs;
    out->y_step = (first ? directions : directions * out->batch) * hidden;
    out->y_batch = (first ? out->steps * directions : 1) * hidden;
    out->y_direction = (first ? 1 : out->batch) * hidden;
    out->h_batch = (first ? directions : 1) * hidden;
    out->h_direction = (first ? 1 : out->batch) * hidden;
    out->h = call->scratch;
    out->c = out->h + hidden;
    out->pre = out->c + hidden;
    out->row = out->pre + rows;
    return NULL;
}

ingot_status ingot_kernel_recurrent_length(const kernel_recurrent *s, const char *name, int64_t batch,
                                           int64_t *out_steps)
{
    *out_steps = s->lens ? ingot_load_i64(s->lens->data, s->lens->dtype, batch) : s->steps;
    KERNEL_REQUIRE(*out_steps >= 0 && *out_steps <= s->steps, "%s: length %lld of sequence %lld is outside [0, %lld]",
                   name, (long long)*out_steps, (long long)batch, (long long)s->steps);
    return NULL;
}

void ingot_kernel_recurrent_rows(const ingot_tensor *matrix, int64_t direction, int64_t rows, int64_t k, int64_t first,
                                 int64_t count, const double *vec, double *out)
{
    double part[KERNEL_BLOCK];
    for (int64_t i = 0; i < count; i++) {
        int64_t at = (direction * rows + first + i) * k;
        double sums[4] = {0, 0, 0, 0}; /* four chains, so that additions overlap */
        for (int64_t l = 0; l < k; l += KERNEL_BLOCK) {
            int64_t n = k - l < KERNEL_BLOCK ? k - l : KERNEL_BLOCK, j = 0;
            ingot_kernel_load_f64(part, matrix->data, matrix->dtype, at + l, 1, n);
            for (; j + 4 <= n; j += 4) {
                for (int u = 0; u < 4; u++)
                    sums[u] += part[j + u] * vec[l + j + u];
            }
            for (; j < n; j++)
                sums[0] += part[j] * vec[l + j];
        }
        out[i] += sums[0] + sums[1] + (sums[2] + sums[3]);
    }
}

double ingot_kernel_recurrent_bias(const kernel_recurrent *s, int64_t direction, int half, int64_t row)
{
    int64_t rows = s->gates * s->hidden;
    return s->bias ? ingot_load_f64(s->bias->data, s->bias->dtype, (direction * 2 + half) * rows + row) : 0;
}

double ingot_kernel_recurrent_clip(const kernel_recurrent *s, double x)
{
    double limit = s->attrs->clip;
    return limit > 0 ? (x > limit ? limit : x < -limit ? -limit : x) : x;
}

double ingot_kernel_recurrent_act(const kernel_recurrent *s, int64_t direction, int slot, int per_direction, double x)
{
    static const int64_t defaults[3] = {INGOT_ACT_SIGMOID, INGOT_ACT_TANH, INGOT_ACT_TANH};
    const ingot_ints *list = &s->attrs->activations;
    int64_t otherwise = per_direction == 1 ? INGOT_ACT_TANH : defaults[slot];
    switch (kernel_int(list, (int32_t)(direction * per_direction + slot),
                       otherwise)) { /* alpha and beta as ONNX defaults them */
    case INGOT_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case INGOT_ACT_RELU:
        return x < 0 ? 0 : x;
    case INGOT_ACT_HARD_SIGMOID: {
        double v = 0.2 * x + 0.5;
        return v < 0 ? 0 : v > 1 ? 1 : v;
    }
    case INGOT_ACT_SOFTSIGN:
        return x / (1 + fabs(x));
    case INGOT_ACT_SOFTPLUS:
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case INGOT_ACT_AFFINE:
        return x;
    case INGOT_ACT_LEAKY_RELU:
        return x < 0 ? 0.01 * x : x;
    case INGOT_ACT_THRESHOLDED_RELU:
        return x > 1 ? x : 0;
    case INGOT_ACT_ELU:
        return x < 0 ? expm1(x) : x;
    case INGOT_ACT_SCALED_TANH:
    default:
        return tanh(x);
    }
}

void ingot_kernel_recurrent_run_start(const kernel_recurrent *s, int64_t direction, int64_t batch)
{
    int64_t at = direction * s->h_direction + batch * s->h_batch;
    for (int64_t j = 0; j < s->hidden; j++) {
        s->h[j] = s->h0 ? ingot_load_f64(s->h0->data, s->h0->dtype, at + j) : 0;
        s->c[j] = s->c0 ? ingot_load_f64(s->c0->data, s->c0->dtype, at + j) : 0;
    }
}

void ingot_kernel_recurrent_store(const kernel_recurrent *s, const ingot_call *call, int64_t direction, int64_t batch,
                                  int64_t time)
{
    if (kernel_has_out(call, 0))
        ingot_kernel_store_f64(call->out[0].data, call->out[0].dtype,
                               time * s->y_step + batch * s->y_batch + direction * s->y_direction, 1, s->h, s->hidden);
}

void ingot_kernel_recurrent_finish(const kernel_recurrent *s, const ingot_call *call, int64_t direction, int64_t batch,
                                   int64_t length)
{
    int64_t at = direction * s->h_direction + batch * s->h_batch;
    for (int32_t i = 1; i < call->n_out && i < 3; i++) {
        if (kernel_has_out(call, i))
            ingot_kernel_store_f64(call->out[i].data, call->out[i].dtype, at, 1, i == 1 ? s->h : s->c, s->hidden);
    }
    const double zero[KERNEL_BLOCK] = {0};
    for (int64_t t = length; t < s->steps && kernel_has_out(call, 0); t++) {
        int64_t to = t * s->y_step + batch * s->y_batch + direction * s->y_direction;
        for (int64_t j = 0; j < s->hidden; j += KERNEL_BLOCK)
            ingot_kernel_store_f64(call->out[0].data, call->out[0].dtype, to + j, 1, zero,
                                   s->hidden - j < KERNEL_BLOCK ? s->hidden - j : KERNEL_BLOCK);
    }
}
