#include "cli/bench.h"
ingot_status bench_profile(bench_options *o, cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs){(void)o;(void)m;(void)inputs;(void)outputs;return NULL;}
