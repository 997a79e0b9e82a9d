/* ingot costmodel: training, evaluating and exchanging what the cost model learns from. */
#include "cli/costmodel.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: ingot costmodel COMMAND [OPTION...]\n\n"
    "  train                learn from the measurement store: trees, linear weights, nearest kernels, words\n"
    "  eval                 errors and decision regret of every cost model, cross-validated\n"
    "  predict SPEC...      the cost of kernels, and what features say about it\n"
    "  export FILE          the store as a table (TSV), .gz compressed   --features: with the features of each kernel\n"
    "  import FILE          a table into the store\n"
    "  merge FILE.db        another store into this one\n\n"
    "  --store FILE         $INGOT_STORE, else ~/.local/share/ingot/measurements.db\n"
    "  -o FILE              train: where the model goes (beside the store: cost.model); use with --cost-model=FILE\n"
    "  --split S            shape, model or family: train on one side of it; eval: only this one\n"
    "  --seed N, --seeds N  of splits and training (1); eval: how many, median and range are shown (5)\n"
    "  --model M            eval: also this model as it is; predict: by it (learned)\n"
    "  --specs FILE         eval: on measured kernels of this list only\n"
    "  --no-monotone        let better filled tiles be predicted slower\n"
    "  --no-tokens          leave out the model of words, which is slow to train\n"
    "  --plot FILE.svg      eval: predicted against measured; --rows FILE.tsv: the numbers\n"
    "  --json               for programs\n";

typedef ingot_status command_fn(costmodel_options *o);
static const struct {
    const char *name;
    command_fn *run;
} commands[] = {{"train", costmodel_train},   {"eval", costmodel_eval},     {"predict", costmodel_predict},
                {"export", costmodel_export}, {"import", costmodel_import}, {"merge", costmodel_merge}};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

enum {
    OPTION_STORE = CLI_OPTION_OWN,
    OPTION_SPLIT,
    OPTION_SEED,
    OPTION_SEEDS,
    OPTION_MODEL,
    OPTION_SPECS,
    OPTION_NO_MONOTONE,
    OPTION_NO_TOKENS,
    OPTION_PLOT,
    OPTION_ROWS,
    OPTION_FEATURES,
    OPTION_JSON
};

static ingot_status parse_split(const char *text, costmodel_options *o)
{
    for (int s = 0; s < INGOT_SPLITS; s++)
        if (!strcmp(text, ingot_split_name((ingot_split)s))) {
            o->split = s;
            return NULL;
        }
    return cli_usage("--split: '%.32s' is none of shape, model, family", text);
}

static ingot_status parse(int argc, char **argv, costmodel_options *o, bool *out_help)
{
    static const struct option options[] = {{"store", required_argument, NULL, OPTION_STORE},
                                            {"split", required_argument, NULL, OPTION_SPLIT},
                                            {"seed", required_argument, NULL, OPTION_SEED},
                                            {"seeds", required_argument, NULL, OPTION_SEEDS},
                                            {"model", required_argument, NULL, OPTION_MODEL},
                                            {"specs", required_argument, NULL, OPTION_SPECS},
                                            {"no-monotone", no_argument, NULL, OPTION_NO_MONOTONE},
                                            {"no-tokens", no_argument, NULL, OPTION_NO_TOKENS},
                                            {"plot", required_argument, NULL, OPTION_PLOT},
                                            {"rows", required_argument, NULL, OPTION_ROWS},
                                            {"features", no_argument, NULL, OPTION_FEATURES},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "ho:", options, NULL)) != -1;) {
        switch (option) {
        case 'h':
            *out_help = true;
            return NULL;
        case 'o':
            o->output = optarg;
            break;
        case OPTION_STORE:
            o->path = optarg;
            break;
        case OPTION_SPLIT:
            INGOT_TRY(parse_split(optarg, o));
            break;
        case OPTION_SEED:
            INGOT_TRY(cli_parse_int(optarg, "--seed", 0, INT32_MAX, &o->seed));
            break;
        case OPTION_SEEDS:
            INGOT_TRY(cli_parse_int(optarg, "--seeds", 1, COSTMODEL_MOST_SEEDS, &o->seeds));
            break;
        case OPTION_MODEL:
            o->model = optarg;
            break;
        case OPTION_SPECS:
            o->specs = optarg;
            break;
        case OPTION_NO_MONOTONE:
            o->no_monotone = true;
            break;
        case OPTION_NO_TOKENS:
            o->no_tokens = true;
            break;
        case OPTION_PLOT:
            o->plot = optarg;
            break;
        case OPTION_ROWS:
            o->rows = optarg;
            break;
        case OPTION_FEATURES:
            o->features = true;
            break;
        case OPTION_JSON:
            o->json = true;
            break;
        default:
            return cli_bad_option(argc, argv, "costmodel");
        }
    }
    o->arguments = argv + optind;
    o->n_arguments = argc - optind;
    return NULL;
}

static ingot_status run(int argc, char **argv, costmodel_options *o)
{
    bool wants_help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
    command_fn *command = NULL;
    for (int i = 0; i < N_COMMANDS && argc > 1; i++)
        if (!strcmp(argv[1], commands[i].name))
            command = commands[i].run;
    if (!command && !wants_help)
        return cli_usage(argc > 1 ? "costmodel: no command '%.32s'; --help lists them" : "costmodel: no command",
                         argc > 1 ? argv[1] : "");
    if (command)
        INGOT_TRY(parse(argc - 1, argv + 1, o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return NULL;
    }
    if (!o->path)
        INGOT_TRY(ingot_store_default_path(true, &o->arena, &o->path));
    return command(o);
}

ingot_status cli_costmodel(int argc, char **argv)
{
    costmodel_options o = {.split = -1, .seed = 1, .seeds = 5};
    ingot_status status = run(argc, argv, &o);
    ingot_dataset_release(&o.data);
    ingot_store_close(o.store);
    ingot_arena_release(&o.arena);
    return status;
}

/* ---- What commands share ---- */

static void show_tokens(int32_t done, int32_t total)
{
    cli_progress(NULL, "reading the MLIR of kernels", done, total);
}

ingot_status costmodel_load(costmodel_options *o)
{
    const ingot_target *native;
    ingot_store_machine here;
    INGOT_TRY(ingot_target_find("native", &native));
    ingot_store_this_machine(native, INGOT_VERSION, &here);
    INGOT_TRY(ingot_store_open(o->path, INGOT_STORE_READ, &o->store));
    INGOT_TRY(ingot_dataset_load(o->store, &here, &o->data));
    if (!o->no_tokens)
        INGOT_TRY(ingot_dataset_add_tokens(&o->data, ingot_codegen_mlir, show_tokens));
    return NULL;
}

/* ---- train ---- */

ingot_status costmodel_train(costmodel_options *o)
{
    INGOT_TRY(costmodel_load(o));
    const ingot_dataset *d = &o->data;
    uint8_t *uses = NULL;
    if (o->split >= 0) {
        INGOT_TRY(ingot_arena_array(&o->arena, (size_t)d->n, 1, (void **)&uses));
        INGOT_TRY(ingot_split_rows(d, (ingot_split)o->split, 0, (uint64_t)o->seed, uses, NULL));
    }
    const ingot_train_options options = costmodel_train_options(o);
    ingot_knowledge k;
    cli_progress(NULL, "training", 0, 0);
    INGOT_TRY(ingot_train(d, uses, &options, &k));
    ingot_text text = {0};
    ingot_status status = costmodel_set_sigma(o, &k);
    if (!status)
        status = ingot_knowledge_write(&k, &text);
    const char *path = o->output;
    if (!path)
        path = ingot_arena_printf(&o->arena, "%.*s/cost.model",
                                  strrchr(o->path, '/') ? (int)(strrchr(o->path, '/') - o->path) : 1,
                                  strrchr(o->path, '/') ? o->path : ".");
    if (!status)
        status = path ? cli_write_file(path, text.data, text.size) : ingot_status_no_memory();
    cli_progress_clear();
    if (!status && !o->json)
        printf("%s: %d trees, %d nodes from %d kernels of %d problems (%d labels of %d, %.1f %%, too noisy); use it "
               "with --cost-model=%s\n",
               path, k.forest.n_trees, k.forest.n_nodes, d->n, d->n_problems, d->n_dropped, d->n_measured,
               100.0 * d->n_dropped / d->n_measured, path);
    ingot_text_free(&text);
    ingot_knowledge_release(&k);
    return status;
}

ingot_train_options costmodel_train_options(const costmodel_options *o)
{
    return (ingot_train_options){.trees = INGOT_TRAIN_TREES,
                                 .depth = INGOT_TRAIN_DEPTH,
                                 .rate = INGOT_TRAIN_RATE,
                                 .seed = (uint64_t)o->seed,
                                 .monotone = !o->no_monotone};
}

/* The spread of the errors of kernels that were held out, per family, and what whole models take over such kernels. */
ingot_status costmodel_set_sigma(costmodel_options *o, ingot_knowledge *k)
{
    const ingot_dataset *d = &o->data;
    ingot_metrics metrics[INGOT_EVALUATED];
    ingot_train_options options = costmodel_train_options(o);
    options.forest_only = true;
    double *predicted, squares[INGOT_FAMILIES_MOST] = {0}, all = 0;
    int32_t counts[INGOT_FAMILIES_MOST] = {0};
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)d->n, sizeof *predicted, (void **)&predicted));
    INGOT_TRY(ingot_evaluate(d, INGOT_SPLIT_SHAPE, (uint64_t)o->seed, &options, predicted, NULL, metrics));
    for (int32_t i = 0; i < d->n; i++) {
        double error = log2(predicted[i] / d->rows[i].ns);
        if (isnan(error))
            continue;
        squares[d->rows[i].family % INGOT_FAMILIES_MOST] += error * error;
        counts[d->rows[i].family % INGOT_FAMILIES_MOST]++;
        all += error * error / d->n;
    }
    k->context = metrics[INGOT_EVAL_LEARNED].context;
    for (int f = 0; f < INGOT_FAMILIES_MOST; f++)
        k->sigma[f] = counts[f] >= 10 ? sqrt(squares[f] / counts[f]) : 2 * sqrt(all);
    return NULL;
}

/* ---- merge ---- */

ingot_status costmodel_merge(costmodel_options *o)
{
    if (o->n_arguments != 1)
        return cli_usage("costmodel merge: one store, please");
    int64_t added;
    INGOT_TRY(ingot_store_open(o->path, INGOT_STORE_CREATE, &o->store));
    INGOT_TRY(ingot_store_merge(o->store, o->arguments[0], &added));
    printf("%s: %lld measurements from %s\n", o->path, (long long)added, o->arguments[0]);
    return NULL;
}
