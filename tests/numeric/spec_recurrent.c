/* The interpreter of lstm and gru specs. */
#include "spec_reference.h"

void spec_interpret_recurrent(const ingot_spec *spec, spec_data *data, const int64_t *dims, const int64_t *params)
{
    (void)spec; (void)data; (void)dims; (void)params;
}
int64_t spec_recurrent_tail(const ingot_spec *spec, const int64_t *dims, int32_t operand)
{
    (void)spec; (void)dims; (void)operand;
    return 0;
}
