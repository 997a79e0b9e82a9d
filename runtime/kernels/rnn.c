/* rnn: ONNX's RNN, h = f(x W + h R + biases). */
#include "runtime/kernels/kernels.h"

ingot_status ingot_portable_rnn(const ingot_call *call)
{
    kernel_recurrent s;
    INGOT_TRY(ingot_kernel_recurrent(call, "rnn", 1, &s));
    int64_t n = s.hidden;
    for (int64_t direction = 0; direction < s.directions; direction++) {
        for (int64_t batch = 0; batch < s.batch; batch++) {
            int64_t length = 0;
            INGOT_TRY(ingot_kernel_recurrent_length(&s, "rnn", batch, &length));
            ingot_kernel_recurrent_run_start(&s, direction, batch);
            for (int64_t i = 0; i < length; i++) {
                int64_t time = kernel_recurrent_time(&s, direction, i, length);
                ingot_kernel_load_f64(s.row, s.x->data, s.x->dtype, time * s.x_step + batch * s.x_batch, 1, s.inputs);
                for (int64_t j = 0; j < n; j++)
                    s.pre[j] = ingot_kernel_recurrent_bias(&s, direction, 0, j) +
                               ingot_kernel_recurrent_bias(&s, direction, 1, j);
                ingot_kernel_recurrent_rows(s.w, direction, n, s.inputs, 0, n, s.row, s.pre);
                ingot_kernel_recurrent_rows(s.r, direction, n, n, 0, n, s.h, s.pre);
                for (int64_t j = 0; j < n; j++)
                    s.h[j] = ingot_kernel_recurrent_act(&s, direction, 0, 1, ingot_kernel_recurrent_clip(&s, s.pre[j]));
                ingot_kernel_recurrent_store(&s, call, direction, batch, time);
            }
            ingot_kernel_recurrent_finish(&s, call, direction, batch, length);
        }
    }
    return NULL;
}
