/* ingot info: what a model or an artifact takes, gives and holds. */
#include "cli/cli.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char help[] =
    "usage: ingot info MODEL [--json] [--dim NAME=4] [--shape IN=1x3x8x8]\n"
    "       ingot info --operators [--json]\n\n"
    "Of a model: inputs, outputs, dynamic sizes, opsets, ops by count, parameters, floating-point operations of a run\n"
    "(dynamic sizes at their low end). Of an artifact (.so, or the folder that it lies in): inputs, outputs, CPU, "
    "memory.\n\n"
    "  --operators   the operators that can be imported: a row for each opset from which on one is read differently,\n"
    "                with the numbers of inputs and outputs\n";

/* ---- Models ---- */

static double size_of(const ingot_dim *d)
{
    return (double)(d->lo > 1 ? d->lo : d->hi < 1 ? 0 : 1);
}

static double count_of(const ingot_value *v)
{
    double count = 1;
    for (int32_t i = 0; i < v->type.rank; i++)
        count *= size_of(v->type.dims[i]);
    return v->type.rank < 0 ? 0 : count;
}

/* Multiply-adds count as 2; elementwise ops as one for each element of the result; moving data as none. */
static double flops_of(const ingot_op *op)
{
    double out = op->n_out > 0 ? count_of(op->out[0]) : 0;
    const ingot_type *a = op->n_in > 0 && op->in[0] ? &op->in[0]->type : NULL,
                     *b = op->n_in > 1 && op->in[1] ? &op->in[1]->type : NULL;
    switch (op->kind) {
    case INGOT_OP_matmul:
    case INGOT_OP_matmul_bf16:
    case INGOT_OP_matmul_integer: {
        bool transposed = op->kind != INGOT_OP_matmul_integer && ((const ingot_attrs_matmul *)op->attrs)->trans_a;
        return a && a->rank >= 2 ? 2 * out * size_of(a->dims[transposed ? a->rank - 2 : a->rank - 1]) : 2 * out;
    }
    case INGOT_OP_conv:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_conv_integer:
        return b && b->rank > 0 ? 2 * out * count_of(op->in[1]) / size_of(b->dims[0]) : 0;
    case INGOT_OP_conv_transpose:
        return b && b->rank > 1 ? 2 * count_of(op->in[0]) * count_of(op->in[1]) / size_of(b->dims[0]) : 0;
    case INGOT_OP_lstm:
    case INGOT_OP_gru:
    case INGOT_OP_rnn:
        return a && a->rank == 3 && op->n_in > 2 && op->in[2]
                   ? 2 * size_of(a->dims[0]) * size_of(a->dims[1]) * (count_of(op->in[1]) + count_of(op->in[2]))
                   : 0;
    case INGOT_OP_attention:
        return b && b->rank == 4 ? 4 * out * size_of(b->dims[2]) : 0;
    case INGOT_OP_constant:
    case INGOT_OP_dims:
    case INGOT_OP_bind_dims:
    case INGOT_OP_if:
    case INGOT_OP_loop:
        return 0;
    default:
        return ingot_op_info_get(op->kind)->view                                 ? 0
               : op->kind == INGOT_OP_softmax || op->kind == INGOT_OP_layer_norm ? 8 * out
                                                                                 : out;
    }
}

typedef struct totals {
    double parameters, weight_bytes, flops;
} totals;

static totals count_all(const ingot_module *m)
{
    totals t = {0};
    for (int32_t g = 0; g < m->n_graphs; g++) {
        for (const ingot_op *op = m->graphs[g]->first; op; op = op->next) {
            t.flops += flops_of(op);
            if (op->kind != INGOT_OP_constant || !ingot_dtype_is_float(op->out[0]->type.dtype))
                continue;
            t.parameters += count_of(op->out[0]);
            t.weight_bytes += op->literal ? (double)op->literal->size_bytes : 0;
        }
    }
    return t;
}

static void print_type(const ingot_module *m, const ingot_type *t, ingot_text *out)
{
    ingot_text_append(out, "%s[", ingot_dtype_name(t->dtype));
    for (int32_t d = 0; d < t->rank; d++) {
        if (d)
            ingot_text_append(out, ",");
        ingot_dim_print(m, t->dims[d], out);
    }
    ingot_text_append(out, "]");
}

static void show_value(const ingot_module *m, const char *name, const ingot_type *t, cJSON *array, bool json)
{
    ingot_text text = {0};
    print_type(m, t, &text);
    if (!json)
        printf("    %-24s %s\n", name ? name : "", text.data ? text.data : "");
    ingot_text_free(&text);
    cJSON *item = cJSON_CreateObject(), *shape;
    cJSON_AddStringToObject(item, "name", name ? name : "");
    cJSON_AddStringToObject(item, "dtype", ingot_dtype_name(t->dtype));
    shape = cJSON_AddArrayToObject(item, "shape");
    for (int32_t d = 0; d < t->rank; d++) {
        ingot_text size = {0};
        ingot_dim_print(m, t->dims[d], &size);
        cJSON_AddItemToArray(shape, ingot_dim_is_const(t->dims[d]) ? cJSON_CreateNumber((double)t->dims[d]->value)
                                                                   : cJSON_CreateString(size.data ? size.data : "?"));
        ingot_text_free(&size);
    }
    cJSON_AddItemToArray(array, item);
}

static void show_file(const ingot_onnx_summary *s, cJSON *root, bool json)
{
    if (!json)
        printf("  made by   %s, IR version %" PRId64 ", graph '%s'\n  opsets   ", *s->producer ? s->producer : "?",
               s->ir_version, s->graph_name ? s->graph_name : "");
    cJSON_AddStringToObject(root, "producer", s->producer);
    cJSON_AddNumberToObject(root, "ir_version", (double)s->ir_version);
    cJSON *opsets = cJSON_AddObjectToObject(root, "opsets"), *ops;
    for (int32_t i = 0; i < s->n_opsets; i++) {
        const char *domain = *s->opset_domains[i] ? s->opset_domains[i] : "ai.onnx";
        if (!json)
            printf("%s %s %" PRId64, i ? "," : "", domain, s->opset_versions[i]);
        cJSON_AddNumberToObject(opsets, domain, (double)s->opset_versions[i]);
    }
    if (!json)
        printf("\n  ops       %d:", s->n_nodes);
    ops = cJSON_AddObjectToObject(root, "ops");
    for (int32_t i = 0; i < s->n_op_types; i++) {
        if (!json)
            printf("%s %s %" PRId64, i ? "," : "", s->op_types[i], s->op_counts[i]);
        cJSON_AddNumberToObject(ops, s->op_types[i], (double)s->op_counts[i]);
    }
    if (!json)
        printf("\n");
    if (s->n_functions && !json)
        printf("  functions %d\n", s->n_functions);
    cJSON_AddNumberToObject(root, "functions", s->n_functions);
}

static void show_module(const ingot_module *m, cJSON *root, bool json)
{
    const ingot_graph *g = m->graphs[0];
    cJSON *inputs = cJSON_AddArrayToObject(root, "inputs"), *outputs = cJSON_AddArrayToObject(root, "outputs"),
          *sizes = cJSON_AddArrayToObject(root, "dynamic_sizes");
    if (!json)
        printf("  inputs\n");
    for (int32_t i = 0; i < g->n_params; i++)
        show_value(m, g->params[i]->name, &g->params[i]->type, inputs, json);
    if (!json)
        printf("  outputs\n");
    for (int32_t i = 0; i < g->n_results; i++)
        show_value(m, g->result_names[i], &g->results[i]->type, outputs, json);
    for (int32_t i = 0; i < ingot_module_symbol_count(m); i++) {
        const ingot_symbol_info *s = ingot_module_symbol(m, i);
        if (!json)
            printf(i ? "%s" : "  dynamic sizes\n%s", "");
        if (!json)
            printf("    %-24s %" PRId64 "..%" PRId64 "%s\n", s->name, s->lo, s->hi,
                   s->from_data ? ", decided by the data" : "");
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", s->name);
        cJSON_AddNumberToObject(item, "lo", (double)s->lo);
        cJSON_AddNumberToObject(item, "hi", (double)s->hi);
        cJSON_AddBoolToObject(item, "from_data", s->from_data);
        cJSON_AddItemToArray(sizes, item);
    }
    totals t = count_all(m);
    char parameters[32], bytes[32], flops[32];
    cli_print_count(t.parameters, parameters);
    cli_print_bytes(t.weight_bytes, bytes);
    cli_print_count(t.flops, flops);
    if (!json)
        printf("  parameters %s (%s)\n  FLOPs      %s a run%s\n", parameters, bytes, flops,
               ingot_module_symbol_count(m) ? ", dynamic sizes at their low end" : "");
    cli_json_number(root, "parameters", t.parameters);
    cli_json_number(root, "weight_bytes", t.weight_bytes);
    cli_json_number(root, "flops", t.flops);
}

static ingot_status info_model(const char *path, cli_options *o, bool json, ingot_arena *arena)
{
    ingot_onnx_summary summary = {0};
    INGOT_TRY(ingot_onnx_summarize(path, arena, &summary));
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "file", path);
    if (!json)
        printf("%s\n", path);
    show_file(&summary, root, json);
    ingot_compiled c = {0};
    o->compile.path = path;
    ingot_status status = ingot_driver_set_options(&c, &o->compile);
    if (!status)
        status = ingot_driver_import(&c);
    if (!status)
        show_module(c.module, root, json);
    ingot_module_destroy(c.module);
    ingot_arena_release(&c.arena);
    if (!status && json)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return status;
}

/* ---- Artifacts ---- */

static void show_tensors(const char *title, const ingot_tensor_info *tensors, int32_t n, cJSON *array, bool json)
{
    static const char *const forms[] = {"tensor", "sequence", "optional", "optional sequence"};
    if (!json)
        printf("  %s\n", title);
    for (int32_t i = 0; i < n; i++) {
        cJSON *item = cJSON_CreateObject(), *shape;
        cJSON_AddStringToObject(item, "name", tensors[i].name);
        cJSON_AddStringToObject(item, "dtype", ingot_dtype_name(tensors[i].dtype));
        shape = cJSON_AddArrayToObject(item, "shape");
        cJSON_AddStringToObject(item, "form", forms[tensors[i].form]);
        if (!json)
            printf("    %-24s %s%s%s[", tensors[i].name, tensors[i].form ? forms[tensors[i].form] : "",
                   tensors[i].form ? " of " : "", ingot_dtype_name(tensors[i].dtype));
        if (!json && tensors[i].rank < 0)
            printf("*");
        for (int32_t d = 0; d < tensors[i].rank; d++) {
            bool fixed = tensors[i].dims[d] >= 0;
            const char *name = fixed ? "" : tensors[i].dim_names[d] ? tensors[i].dim_names[d] : "?";
            if (!json && fixed)
                printf("%s%" PRId64, d ? "," : "", tensors[i].dims[d]);
            else if (!json)
                printf("%s%s", d ? "," : "", name);
            cJSON_AddItemToArray(shape,
                                 fixed ? cJSON_CreateNumber((double)tensors[i].dims[d]) : cJSON_CreateString(name));
        }
        if (!json)
            printf("]\n");
        cJSON_AddItemToArray(array, item);
    }
}

static ingot_status info_artifact(const char *path, bool json, ingot_arena *arena)
{
    static const char *const kinds[] = {"arena", "weights", "working memory"};
    const char *file;
    const ingot_model *model;
    void *handle;
    INGOT_TRY(cli_artifact_path(path, arena, &file));
    INGOT_TRY(ingot_model_open(file, &model, &handle));
    const ingot_model_info *info = ingot_model_get_info(model);
    if (!info) {
        ingot_model_close(handle);
        return ingot_fail(INGOT_BAD_MODEL, "%s: its plan is damaged", file);
    }
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "file", file);
    cJSON_AddStringToObject(root, "name", info->name);
    cJSON_AddStringToObject(root, "build_id", info->build_id);
    cJSON_AddStringToObject(root, "cpu", info->cpu);
    if (!json)
        printf("%s\n  name      %s\n  build     %s\n  requires  %s\n", file, info->name, info->build_id, info->cpu);
    show_tensors("inputs", info->inputs, info->n_inputs, cJSON_AddArrayToObject(root, "inputs"), json);
    show_tensors("outputs", info->outputs, info->n_outputs, cJSON_AddArrayToObject(root, "outputs"), json);
    ingot_pool pools[8];
    int32_t n = ingot_model_get_pools(model, NULL, pools, 8);
    cJSON *array = cJSON_AddArrayToObject(root, "pools");
    if (!json)
        printf("  memory%s\n", info->arena_bytes ? "" : ", dynamic sizes at their low end");
    for (int32_t i = 0; i < n && i < 8; i++) {
        char bytes[32];
        const char *kind = pools[i].kind >= 0 && pools[i].kind < 3 ? kinds[pools[i].kind] : "?";
        cli_print_bytes((double)pools[i].size_bytes, bytes);
        if (!json)
            printf("    %-24s %s\n", kind, bytes);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "kind", kind);
        cli_json_number(item, "bytes", (double)pools[i].size_bytes);
        cJSON_AddItemToArray(array, item);
    }
    ingot_model_close(handle);
    if (json)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return NULL;
}

/* ---- Operators ---- */

static void print_span(int32_t lo, int32_t hi, const char *what)
{
    if (hi < 0)
        printf("  %d or more %s", lo, what);
    else if (lo == hi)
        printf("  %d %s", lo, what);
    else
        printf("  %d to %d %s", lo, hi, what);
}

static ingot_status info_operators(bool json)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON *array = cJSON_AddArrayToObject(root, "operators");
    ingot_onnx_operator op;
    for (int32_t i = 0; ingot_onnx_operator_get(i, &op); i++) {
        const char *domain = *op.domain ? op.domain : "ai.onnx";
        if (!json) {
            printf("%-18s %-30s %3d", domain, op.name, (int)op.since);
            print_span(op.in_lo, op.in_hi, "inputs");
            print_span(op.out_lo, op.out_hi, "outputs\n");
            continue;
        }
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "domain", domain);
        cJSON_AddStringToObject(item, "name", op.name);
        cJSON_AddNumberToObject(item, "since", op.since);
        cJSON_AddItemToObject(item, "inputs", cJSON_CreateIntArray((int[]){op.in_lo, op.in_hi}, 2));
        cJSON_AddItemToObject(item, "outputs", cJSON_CreateIntArray((int[]){op.out_lo, op.out_hi}, 2));
        cJSON_AddBoolToObject(item, "elementwise", op.elementwise);
        cJSON_AddStringToObject(item, "importer", op.importer);
        cJSON_AddItemToArray(array, item);
    }
    if (json)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return NULL;
}

static ingot_status run(int argc, char **argv, cli_options *o, ingot_arena *arena)
{
    enum { OPTION_OPERATORS = CLI_OPTION_OWN + 1 };
    static const struct option options[] = {CLI_COMPILE_OPTIONS,
                                            {"json", no_argument, NULL, CLI_OPTION_OWN},
                                            {"operators", no_argument, NULL, OPTION_OPERATORS},
                                            {0}};
    bool json = false, operators = false;
    for (int option; (option = getopt_long(argc, argv, "hO:", options, NULL)) != -1;) {
        bool taken;
        INGOT_TRY(cli_options_take(o, option, optarg, &taken));
        if (taken)
            continue;
        if (option == 'h') {
            fputs(help, stdout);
            return NULL;
        }
        if (option != CLI_OPTION_OWN && option != OPTION_OPERATORS)
            return cli_bad_option(argc, argv, "info");
        json = json || option == CLI_OPTION_OWN;
        operators = operators || option == OPTION_OPERATORS;
    }
    if (operators)
        return optind == argc ? info_operators(json) : cli_usage("info: --operators takes no model");
    if (optind + 1 != argc)
        return cli_usage(optind == argc ? "info: no model given" : "info: one model at a time");
    return cli_is_artifact(argv[optind]) ? info_artifact(argv[optind], json, arena)
                                         : info_model(argv[optind], o, json, arena);
}

ingot_status cli_info(int argc, char **argv)
{
    static cli_options o; /* large: many sizes and shapes */
    ingot_arena arena = {0};
    cli_options_init(&o);
    ingot_status status = run(argc, argv, &o, &arena);
    ingot_arena_release(&arena);
    cli_options_free(&o);
    return status;
}
