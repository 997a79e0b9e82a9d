/* lstm: ONNX's LSTM. Gates in the order input, output, forget, cell; peepholes in the order input, output, forget. */
#include "runtime/kernels/kernels.h"

static double peephole(const kernel_recurrent *s, int64_t direction, int64_t gate, int64_t j)
{
    return s->peephole ? ingot_load_f64(s->peephole->data, s->peephole->dtype, (direction * 3 + gate) * s->hidden + j)
                       : 0;
}

static double gate(const kernel_recurrent *s, int64_t direction, int slot, double x)
{
    return ingot_kernel_recurrent_act(s, direction, slot, 3, ingot_kernel_recurrent_clip(s, x));
}

static void step(const kernel_recurrent *s, int64_t direction)
{
    int64_t n = s->hidden, rows = 4 * n;
    for (int64_t i = 0; i < rows; i++)
        s->pre[i] = ingot_kernel_recurrent_bias(s, direction, 0, i) + ingot_kernel_recurrent_bias(s, direction, 1, i);
    ingot_kernel_recurrent_rows(s->w, direction, rows, s->inputs, 0, rows, s->row, s->pre);
    ingot_kernel_recurrent_rows(s->r, direction, rows, n, 0, rows, s->h, s->pre);
    for (int64_t j = 0; j < n; j++) {
        double old = s->c[j];
        double input = gate(s, direction, 0, s->pre[j] + peephole(s, direction, 0, j) * old);
        double forget = s->attrs->input_forget
                            ? 1 - input
                            : gate(s, direction, 0, s->pre[2 * n + j] + peephole(s, direction, 2, j) * old);
        double cell = forget * old + input * gate(s, direction, 1, s->pre[3 * n + j]);
        double output = gate(s, direction, 0, s->pre[n + j] + peephole(s, direction, 1, j) * cell);
        s->c[j] = cell;
        s->h[j] = output * ingot_kernel_recurrent_act(s, direction, 2, 3, cell);
    }
}

ingot_status ingot_portable_lstm(const ingot_call *call)
{
    kernel_recurrent s;
    INGOT_TRY(ingot_kernel_recurrent(call, "lstm", 4, &s));
    for (int64_t direction = 0; direction < s.directions; direction++) {
        for (int64_t batch = 0; batch < s.batch; batch++) {
            int64_t length = 0;
            INGOT_TRY(ingot_kernel_recurrent_length(&s, "lstm", batch, &length));
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
