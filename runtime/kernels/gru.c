/* gru: ONNX's GRU. Gates in the order update, reset, hidden; linear_before_reset says whether the reset gate comes
 * after R and its bias. */
#include "runtime/kernels/kernels.h"

static double gate(const kernel_recurrent *s, int64_t direction, int slot, double x)
{
    return ingot_kernel_recurrent_act(s, direction, slot, 2, ingot_kernel_recurrent_clip(s, x));
}

static void step(const kernel_recurrent *s, int64_t direction)
{
    int64_t n = s->hidden, rows = 3 * n;
    double *reset = s->row + s->inputs; /* [hidden]: the reset state, then what R makes of it */
    for (int64_t i = 0; i < rows; i++)
        s->pre[i] = ingot_kernel_recurrent_bias(s, direction, 0, i) +
                    (i < 2 * n ? ingot_kernel_recurrent_bias(s, direction, 1, i) : 0);
    ingot_kernel_recurrent_rows(s->w, direction, rows, s->inputs, 0, rows, s->row, s->pre);
    ingot_kernel_recurrent_rows(s->r, direction, rows, n, 0, 2 * n, s->h, s->pre);
    for (int64_t j = 0; j < 2 * n; j++)
        s->pre[j] = gate(s, direction, 0, s->pre[j]);
    double *of_state = reset + n;
    for (int64_t j = 0; j < n; j++) {
        reset[j] = s->attrs->linear_before_reset ? s->h[j] : s->pre[n + j] * s->h[j];
        of_state[j] = ingot_kernel_recurrent_bias(s, direction, 1, 2 * n + j);
    }
    ingot_kernel_recurrent_rows(s->r, direction, rows, n, 2 * n, n, reset, of_state);
    for (int64_t j = 0; j < n; j++) {
        double update = s->pre[j], factor = s->attrs->linear_before_reset ? s->pre[n + j] : 1;
        double hidden = gate(s, direction, 1, s->pre[2 * n + j] + factor * of_state[j]);
        s->h[j] = (1 - update) * hidden + update * s->h[j];
    }
}

ingot_status ingot_portable_gru(const ingot_call *call)
{
    kernel_recurrent s;
    INGOT_TRY(ingot_kernel_recurrent(call, "gru", 3, &s));
    for (int64_t direction = 0; direction < s.directions; direction++) {
        for (int64_t batch = 0; batch < s.batch; batch++) {
            int64_t length = 0;
            INGOT_TRY(ingot_kernel_recurrent_length(&s, "gru", batch, &length));
            ingot_kernel_recurrent_run_start(&s, direction, batch);
            for (int64_t i = 0; i < length; i++) {
                int64_t time = kernel_recurrent_time(&s, direction, i, length);
                ingot_kernel_load_f64(s.row, s.x->data, s.x->dtype, time * s.x_step + batch * s.x_batch, 1, s.inputs);
                step(&s, direction);
                ingot_kernel_recurrent_store(&s, call, direction, batch, time);
            }
            ingot_kernel_recurrent_finish(&s, call, direction, batch, length);
        }
    }
    return NULL;
}
