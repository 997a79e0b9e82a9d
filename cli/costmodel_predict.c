/* ingot costmodel predict: what the cost model says of one kernel, and which features move it. */
#include "cli/costmodel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct contribution {
    int feature;
    double log2; /* of the time */
} contribution;

static int compare(const void *a, const void *b)
{
    double x = fabs(((const contribution *)a)->log2), y = fabs(((const contribution *)b)->log2);
    return (x < y) - (x > y);
}

typedef struct explanation {
    ingot_cost cost;
    double features[INGOT_FEATURE_COUNT];
    contribution parts[INGOT_FEATURE_COUNT]; /* largest first */
    bool known;                              /* the parts are */
} explanation;

static explanation explain(const ingot_cost_model *model, const ingot_cost_query *query)
{
    explanation e = {.cost = ingot_cost_predict(model, query)};
    double parts[INGOT_FEATURE_COUNT];
    ingot_features_compute(query, e.features);
    e.known = ingot_cost_contributions(model, query, parts);
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
        e.parts[i] = (contribution){i, e.known ? parts[i] : 0};
    qsort(e.parts, INGOT_FEATURE_COUNT, sizeof *e.parts, compare);
    return e;
}

void costmodel_print_prediction(const ingot_cost_model *model, const ingot_cost_query *query)
{
    enum { SHOWN = 10 };
    explanation e = explain(model, query);
    printf("  %s: %.3f us, a factor of %.2f either way; bound %.3f us; %.0f bytes moved", model->name, e.cost.ns / 1e3,
           1 + e.cost.uncertainty, e.cost.bound_ns / 1e3, e.cost.bytes_moved);
    if (e.cost.code_bytes > 0)
        printf("; about %.0f bytes of code", e.cost.code_bytes);
    printf("\n");
    for (int i = 0; i < SHOWN && e.known; i++) {
        const ingot_feature_info *info = &ingot_feature_table()[e.parts[i].feature];
        printf("  %+6.1f %% time  %-14s = %-10.4g %s\n", 100 * (exp2(e.parts[i].log2) - 1), info->name,
               e.features[e.parts[i].feature], info->unit);
    }
}

static void add_json(cJSON *array, const ingot_cost_model *model, const ingot_cost_query *query, const char *line)
{
    explanation e = explain(model, query);
    double parts[INGOT_FEATURE_COUNT];
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
        parts[e.parts[i].feature] = e.known ? e.parts[i].log2 : NAN;
    cJSON *item = cJSON_CreateObject(), *list;
    cJSON_AddStringToObject(item, "spec", line);
    cJSON_AddStringToObject(item, "model", model->name);
    cli_json_number(item, "ns", e.cost.ns);
    cli_json_number(item, "bound_ns", e.cost.bound_ns);
    cli_json_number(item, "uncertainty", e.cost.uncertainty);
    cli_json_number(item, "bytes_moved", e.cost.bytes_moved);
    cli_json_number(item, "code_bytes", e.cost.code_bytes);
    cli_json_number(item, "spills", e.cost.spills);
    list = cJSON_AddArrayToObject(item, "features");
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++) {
        cJSON *f = cJSON_CreateObject();
        cJSON_AddStringToObject(f, "name", ingot_feature_table()[i].name);
        cli_json_number(f, "value", e.features[i]);
        cli_json_number(f, "log2_time", parts[i]);
        cJSON_AddItemToArray(list, f);
    }
    cJSON_AddItemToArray(array, item);
}

static ingot_status predict(costmodel_options *o, const ingot_cost_model *model, const char *line, cJSON *array)
{
    ingot_spec spec;
    const ingot_target *target;
    INGOT_TRY(ingot_spec_parse(line, strlen(line), &spec));
    INGOT_TRY(ingot_target_find(spec.target, &target));
    int64_t sizes[INGOT_SPEC_SIZES];
    for (int i = 0; i < INGOT_SPEC_SIZES; i++)
        sizes[i] = 64;
    const ingot_cost_query query = {.spec = &spec, .sizes = sizes, .target = target};
    if (o->json) {
        add_json(array, model, &query, line);
        return NULL;
    }
    printf("%s\n", line);
    costmodel_print_prediction(model, &query);
    return NULL;
}

ingot_status costmodel_predict(costmodel_options *o)
{
    if (o->n_arguments == 0)
        return cli_usage("costmodel predict: no kernel given");
    ingot_cost_model *model;
    INGOT_TRY(ingot_cost_model_open(o->model ? o->model : "learned", &model));
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON *array = cJSON_AddArrayToObject(root, "kernels");
    ingot_status status = NULL;
    for (int32_t i = 0; i < o->n_arguments && !status; i++)
        status = predict(o, model, o->arguments[i], array);
    ingot_cost_model_close(model);
    if (!status && o->json)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return status;
}
