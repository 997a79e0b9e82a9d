/* ingot opt: passes over a model or over IR text, printed. */
#include "cli/cli.h"
#include <string.h>

static const char help[] =
    "usage: ingot opt MODEL [--passes=A,B,C] [OPTION...]\n\n"
    "MODEL is .onnx, or IR text (.mlir). Runs passes and prints the IR on stdout.\n\n"
    "  --passes=A,B,C         default: the pipeline of -O; empty: none\n"
    "  -O0..3                 default 2\n"
    "  --print-after=PASS     also print after these passes (or all)\n"
    "  --cpu TARGET, --dim NAME=4, --shape IN=1x3x8x8, --precision=bf16   as for `ingot compile`\n"
    "  --log                  what the passes did, on stderr\n"
    "  --list                 the passes there are\n";

enum { OPTION_PASSES = CLI_OPTION_OWN, OPTION_PRINT_AFTER, OPTION_LOG, OPTION_LIST };

typedef struct opt_options {
    cli_options common;
    const char *model, *passes;
    bool log;
} opt_options;

static void print_log(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static bool is_text(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcmp(dot, ".mlir") || !strcmp(dot, ".ir"));
}

static ingot_status run_passes(const opt_options *o, ingot_compiled *compiled)
{
    const ingot_compile_options *c = &o->common.compile;
    ingot_module *m = compiled->module;
    int32_t level = c->level == 0 ? 2 : c->level < 0 ? 0 : c->level;
    ingot_text printed = {0};
    ingot_pass_context ctx = {
        .target = compiled->target,
        .level = level,
        .print_after = c->print_after,
        .printed = c->print_after ? &printed : NULL,
        .log = o->log ? print_log : NULL,
        .max_fold_bytes = c->max_fold_bytes,
        .bf16 = c->precision == INGOT_PRECISION_BF16,
        .exact_conv = c->exact_conv != 0,
        .cost_model = compiled->cost_model,
    };
    ingot_status status = ingot_run_passes(m, o->passes ? o->passes : ingot_default_pipeline(level), &ctx);
    if (!status)
        status = ingot_module_verify(m);
    fputs(printed.data ? printed.data : "", stdout);
    ingot_text_free(&printed);
    INGOT_TRY(status);
    ingot_text out = {0};
    ingot_module_print(m, &out);
    if (out.failed)
        status = ingot_status_no_memory();
    else
        fputs(out.data ? out.data : "", stdout);
    ingot_text_free(&out);
    return status;
}

/* The module as the passes get it; text is read whole, and borrowed from `arena`. */
static ingot_status load(const opt_options *o, ingot_compiled *c, ingot_arena *arena)
{
    if (!is_text(o->model))
        return ingot_driver_import(c);
    void *text;
    size_t size;
    INGOT_TRY(cli_read_file(o->model, (int64_t)1 << 30, arena, &text, &size));
    INGOT_TRY(ingot_module_parse(text, size, o->model, &c->import.limits, &c->module));
    return ingot_module_verify(c->module);
}

static ingot_status list_passes(void)
{
    int32_t n;
    const ingot_pass_info *passes = ingot_pass_table(&n);
    for (int32_t i = 0; i < n; i++)
        printf("%-22s %s\n", passes[i].name, passes[i].summary);
    return NULL;
}

static ingot_status run(int argc, char **argv, opt_options *o, ingot_compiled *c, ingot_arena *arena)
{
    static const struct option options[] = {
        CLI_COMPILE_OPTIONS,
        {"passes", required_argument, NULL, OPTION_PASSES},
        {"print-after", required_argument, NULL, OPTION_PRINT_AFTER},
        {"log", no_argument, NULL, OPTION_LOG},
        {"list", no_argument, NULL, OPTION_LIST},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "hO:", options, NULL)) != -1;) {
        bool taken;
        INGOT_TRY(cli_options_take(&o->common, option, optarg, &taken));
        if (taken)
            continue;
        switch (option) {
        case 'h':
            fputs(help, stdout);
            return NULL;
        case OPTION_PASSES:
            o->passes = optarg;
            break;
        case OPTION_PRINT_AFTER:
            o->common.compile.print_after = optarg;
            break;
        case OPTION_LOG:
            o->log = true;
            break;
        case OPTION_LIST:
            return list_passes();
        default:
            return cli_bad_option(argc, argv, "opt");
        }
    }
    if (optind + 1 != argc)
        return cli_usage(optind == argc ? "opt: no model given" : "opt: one model at a time");
    o->model = argv[optind];
    o->common.compile.path = o->model;
    INGOT_TRY(ingot_driver_set_options(c, &o->common.compile));
    INGOT_TRY(load(o, c, arena));
    if (c->options.precision)
        INGOT_TRY(ingot_driver_open_cost_model(c));
    return run_passes(o, c);
}

ingot_status cli_opt(int argc, char **argv)
{
    static opt_options o; /* large: many sizes and shapes */
    ingot_compiled c = {0};
    ingot_arena arena = {0};
    cli_options_init(&o.common);
    ingot_status status = run(argc, argv, &o, &c, &arena);
    ingot_cost_model_close(c.cost_model);
    ingot_module_destroy(c.module);
    ingot_arena_release(&c.arena);
    ingot_arena_release(&arena);
    cli_options_free(&o.common);
    return status;
}
