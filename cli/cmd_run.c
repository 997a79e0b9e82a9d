/* ingot run: one run of a model or an artifact on values from files or at random. */
#include "cli/cli.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: ingot run MODEL [OPTION...]\n\n"
    "Compiles MODEL (.onnx) in memory, or opens an artifact (.so, or the folder that it lies in), and runs it once.\n"
    "Prints name, type, shape, least, largest and mean value of every output.\n\n"
    "  --input NAME=@FILE   value of an input, .npy or .pb (sequences and optionals: .pb); repeatable\n"
    "  --random[=SEED]      values for the inputs that have none: normal floats, integers 0 or 1\n"
    "  -o, --output-dir D   write D/<index>.npy (.pb for types that .npy lacks); D is created\n"
    "  --keep VALUE         make an inner value an output too; repeatable\n"
    "  --dim NAME=N         a dynamic size; else the inputs say, else the least (at least 1)\n"
    "  --shape IN=1x3x8x8   shape of an input\n"
    "  --threads N          default: the CPUs of the affinity mask\n"
    "  --cpu T, -O0..3, --no-portable, --exact-conv, --precision=bf16, --no-generated, --cache DIR, --max-...   as for "
    "`ingot compile`\n"
    "  --json               statistics as JSON\n";

#define MAX_INPUTS 256
typedef struct run_options {
    cli_options common;
    cli_value inputs[MAX_INPUTS];
    const char *keep[MAX_INPUTS];
    int32_t n_inputs, n_keep;
    const char *model, *output_dir;
    bool random, json;
    uint64_t seed;
    ingot_arena arena;
    ingot_heap boxes; /* inputs that are sequences or optionals */
} run_options;

enum { OPTION_INPUT = CLI_OPTION_OWN, OPTION_RANDOM, OPTION_KEEP, OPTION_JSON };

static ingot_status parse(int argc, char **argv, run_options *o, bool *out_help)
{
    static const struct option options[] = {
        CLI_COMPILE_OPTIONS,
        {"input", required_argument, NULL, OPTION_INPUT},
        {"random", optional_argument, NULL, OPTION_RANDOM},
        {"output-dir", required_argument, NULL, 'o'},
        {"keep", required_argument, NULL, OPTION_KEEP},
        {"json", no_argument, NULL, OPTION_JSON},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "hO:o:", options, NULL)) != -1;) {
        bool taken;
        INGOT_TRY(cli_options_take(&o->common, option, optarg, &taken));
        if (taken)
            continue;
        int64_t number;
        switch (option) {
        case 'h':
            *out_help = true;
            return NULL;
        case 'o':
            o->output_dir = optarg;
            break;
        case OPTION_INPUT:
            if (o->n_inputs == MAX_INPUTS)
                return cli_usage("more than %d inputs", MAX_INPUTS);
            INGOT_TRY(cli_parse_input(optarg, &o->arena, &o->inputs[o->n_inputs]));
            o->n_inputs++;
            break;
        case OPTION_RANDOM:
            o->random = true;
            if (optarg) {
                INGOT_TRY(cli_parse_int(optarg, "--random", 0, INT64_MAX, &number));
                o->seed = (uint64_t)number;
            }
            break;
        case OPTION_KEEP:
            if (o->n_keep == MAX_INPUTS)
                return cli_usage("more than %d kept values", MAX_INPUTS);
            o->keep[o->n_keep++] = optarg;
            break;
        case OPTION_JSON:
            o->json = true;
            break;
        default:
            return cli_bad_option(argc, argv, "run");
        }
    }
    if (optind + 1 != argc)
        return cli_usage(optind == argc ? "run: no model given" : "run: one model at a time");
    o->model = argv[optind];
    return NULL;
}

static ingot_status print_outputs(const run_options *o, const cli_model *m, const ingot_tensor *outputs)
{
    cJSON *root = o->json ? cJSON_CreateObject() : NULL, *array = root ? cJSON_AddArrayToObject(root, "outputs") : NULL;
    if (root)
        cJSON_AddNumberToObject(root, "schema", 1);
    for (int32_t i = 0; i < m->info->n_outputs; i++) {
        const ingot_tensor *t = &outputs[i];
        cli_tensor_stats s = cli_stats_of(t);
        if (o->json) {
            cJSON *item = cJSON_CreateObject(), *shape;
            cJSON_AddStringToObject(item, "name", m->info->outputs[i].name);
            if (cli_box_of(t)) {
                ingot_text text = {0};
                cli_print_shape(t, &text);
                cJSON_AddStringToObject(item, "value", text.data ? text.data : "");
                ingot_text_free(&text);
                cJSON_AddItemToArray(array, item);
                continue;
            }
            cJSON_AddStringToObject(item, "dtype", ingot_dtype_name(t->dtype));
            shape = cJSON_AddArrayToObject(item, "shape");
            for (int32_t d = 0; d < t->rank; d++)
                cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->dims[d]));
            cli_json_number(item, "min", s.valid ? s.min : NAN);
            cli_json_number(item, "max", s.valid ? s.max : NAN);
            cli_json_number(item, "mean", s.valid ? s.mean : NAN);
            cli_json_number(item, "not_finite", (double)s.not_finite);
            cJSON_AddItemToArray(array, item);
            continue;
        }
        ingot_text shape = {0};
        cli_print_shape(t, &shape);
        printf("%s: %s", m->info->outputs[i].name, shape.data ? shape.data : "");
        if (s.valid)
            printf("  min %.6g  max %.6g  mean %.6g", s.min, s.max, s.mean);
        if (s.not_finite)
            printf("  %lld not finite", (long long)s.not_finite);
        printf("\n");
        ingot_text_free(&shape);
    }
    return o->json ? cli_json_print(root, true) : NULL;
}

static ingot_status run_once(run_options *o, cli_model *m)
{
    ingot_tensor *inputs, *outputs;
    INGOT_TRY(
        cli_model_fill_inputs(m, &o->common, o->n_inputs, o->inputs, o->random ? &o->seed : NULL, &o->arena, &inputs));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)m->info->n_outputs + 1, sizeof *outputs, (void **)&outputs));
    INGOT_TRY(cli_model_run(m, inputs, outputs));
    if (o->output_dir) {
        INGOT_TRY(cli_make_folder(o->output_dir));
        for (int32_t i = 0; i < m->info->n_outputs; i++)
            INGOT_TRY(cli_write_tensor(o->output_dir, i, m->info->outputs[i].name, &outputs[i]));
    }
    return print_outputs(o, m, outputs);
}

static ingot_status run(int argc, char **argv, run_options *o)
{
    bool wants_help = false;
    INGOT_TRY(parse(argc, argv, o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return NULL;
    }
    if (o->n_keep > 0 && cli_is_artifact(o->model))
        return cli_usage("--keep needs a model: an artifact has no inner values left");
    o->common.compile.keep = o->keep;
    o->common.compile.n_keep = o->n_keep;
    o->common.compile.pin_dynamic = 1;
    o->common.compile.threads = 0; /* --threads is of the run */
    INGOT_TRY(cli_read_inputs(o->model, o->n_inputs, o->inputs, &o->arena, &o->boxes));
    for (int32_t i = 0; i < o->n_inputs && !cli_is_artifact(o->model); i++)
        if (!cli_box_of(&o->inputs[i].tensor))
            INGOT_TRY(cli_add_shape(&o->common, o->inputs[i].name, &o->inputs[i].tensor));
    cli_model m;
    INGOT_TRY(cli_model_open(o->model, &o->common, &m));
    ingot_status status = run_once(o, &m);
    cli_model_close(&m);
    return status;
}

ingot_status cli_run(int argc, char **argv)
{
    run_options *o = calloc(1, sizeof *o);
    if (!o)
        return ingot_status_no_memory();
    cli_options_init(&o->common);
    ingot_status status = run(argc, argv, o);
    cli_options_free(&o->common);
    ingot_arena_release(&o->arena);
    ingot_arena_release(&o->boxes.memory);
    free(o);
    return status;
}
