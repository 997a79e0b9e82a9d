/* Private to `ingot measure`: cmd_measure.c draws and times kernels, measure_whole.c times models. */
#ifndef INGOT_CLI_MEASURE_H
#define INGOT_CLI_MEASURE_H
#include "cli/cli.h"
#include "driver/measure.h"

typedef struct measure_options {
    cli_options common;
    char **models;
    int32_t n_models;
    const char *path, *specs;
    double minutes, near;
    int64_t points, seed;
    bool whole, calibrate, json;
    ingot_arena arena;
    ingot_store *store;
    ingot_store_machine machine;
    const ingot_target *target;
    ingot_cost_model *model; /* whose errors decide where more is measured */
    ingot_quiet quiet;
    int64_t added, failed;
} measure_options;
ingot_status measure_models(measure_options *o);
#endif
