/* Private to `ingot costmodel`.
 *
 *   cmd_costmodel.c       options, train, merge
 *   costmodel_eval.c      tables and plots
 *   costmodel_table.c     export and import
 *   costmodel_predict.c   one kernel
 */
#ifndef INGOT_CLI_COSTMODEL_H
#define INGOT_CLI_COSTMODEL_H
#include "cli/cli.h"
#include "costmodel/evaluate.h"

#define COSTMODEL_MOST_SEEDS 25

typedef struct costmodel_options {
    const char *path, *output, *model, *specs, *plot, *rows;
    char **arguments;
    int32_t n_arguments, split; /* split -1: not given */
    int64_t seed, seeds;
    bool no_monotone, no_tokens, features, json;
    ingot_arena arena;
    ingot_store *store;
    ingot_dataset data;
} costmodel_options;

ingot_status costmodel_train(costmodel_options *o);
ingot_status costmodel_eval(costmodel_options *o);
ingot_status costmodel_predict(costmodel_options *o);
/* The predicted cost of a kernel on stdout, and the features that move it most. */
void costmodel_print_prediction(const ingot_cost_model *model, const ingot_cost_query *query);
ingot_status costmodel_export(costmodel_options *o);
ingot_status costmodel_import(costmodel_options *o);
ingot_status costmodel_merge(costmodel_options *o);

/* Opens the store and loads the data set of this machine (or the one with most data). */
ingot_status costmodel_load(costmodel_options *o);
ingot_train_options costmodel_train_options(const costmodel_options *o);
ingot_status costmodel_set_sigma(costmodel_options *o, ingot_knowledge *k);
#endif
