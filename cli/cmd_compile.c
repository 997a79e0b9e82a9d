/* ingot compile: a model to an artifact. */
#include "cli/cli.h"
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: ingot compile MODEL.onnx -o DIR [OPTION...]\n\n"
    "Writes DIR/NAME.h, NAME.a, NAME.weights, NAME.json and a copy of ingot/runtime.h; NAME is the file's stem.\n\n"
    "  -o, --output-dir DIR   created if need be\n"
    "  --name NAME            of the artifact and its symbols, a C identifier\n"
    "  --emit=LIST            instead of the archive: so, obj, mlir, llvm, asm, report (archive adds it again)\n"
    "  --embed-weights        the weights inside the archive or shared object\n"
    "  --cpu A,B,...          targets, chosen from when loaded; default native (`ingot targets`)\n"
    "  -O0..3                 default 2\n"
    "  --dim NAME=4           fix a dynamic size; NAME=1:64 bounds it\n"
    "  --shape IN=1x3x8x8     shape of an input; ? leaves a size as it is\n"
    "  --no-portable          an op without a generated kernel is an error\n"
    "  --exact-conv           no Winograd kernels: convolutions sum their products directly\n"
    "  --precision=bf16       weights of products in bf16 where that is faster; default f32\n"
    "  --threads N            of the compile; default: the CPUs of the affinity mask\n"
    "  --cache DIR            keep kernels that were generated, and use those that are there\n"
    "  --max-memory SIZE      of the compiler     --max-workspace SIZE   of a run of the artifact\n"
    "  --max-nodes N, --max-tensor-bytes SIZE, --max-fold-bytes SIZE, --max-depth N   limits of the model\n"
    "  --print-after=PASS     the IR after these passes (or all), on stderr\n"
    "  --timing               seconds per stage and pass\n"
    "  --json                 the report on stdout instead of the summary\n"
    "  -q, --quiet            no summary\n";

enum { OPTION_NAME = CLI_OPTION_OWN, OPTION_EMIT, OPTION_EMBED, OPTION_PRINT_AFTER, OPTION_TIMING, OPTION_JSON };

typedef struct compile_options {
    cli_options common;
    ingot_write_options write;
    const char *model;
    bool timing, json, quiet;
} compile_options;

static ingot_status parse_emit(const char *list, uint32_t *out)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } kinds[] = {
        {"archive", INGOT_WRITE_ARCHIVE}, {"so", INGOT_WRITE_SO},     {"report", INGOT_WRITE_REPORT},
        {"mlir", INGOT_WRITE_MLIR},       {"llvm", INGOT_WRITE_LLVM}, {"asm", INGOT_WRITE_ASM},
        {"obj", INGOT_WRITE_OBJECT},
    };
    for (const char *at = list; *at;) {
        size_t size = strcspn(at, ","), k = 0, n = sizeof kinds / sizeof kinds[0];
        while (k < n && (strlen(kinds[k].name) != size || memcmp(kinds[k].name, at, size) != 0))
            k++;
        if (k == n)
            return cli_usage("--emit: '%.*s' is none of archive, so, report, mlir, llvm, asm, obj",
                             (int)(size < 64 ? size : 64), at);
        *out |= kinds[k].bit;
        at += size + (at[size] == ',');
    }
    return NULL;
}

static void print_ir(void *arg, const char *text)
{
    (void)arg;
    cli_progress_clear();
    fputs(text, stderr);
}

static ingot_status parse(int argc, char **argv, compile_options *o, bool *out_help)
{
    static const struct option options[] = {
        CLI_COMPILE_OPTIONS,
        {"output-dir", required_argument, NULL, 'o'},
        {"name", required_argument, NULL, OPTION_NAME},
        {"emit", required_argument, NULL, OPTION_EMIT},
        {"embed-weights", no_argument, NULL, OPTION_EMBED},
        {"print-after", required_argument, NULL, OPTION_PRINT_AFTER},
        {"timing", no_argument, NULL, OPTION_TIMING},
        {"json", no_argument, NULL, OPTION_JSON},
        {"quiet", no_argument, NULL, 'q'},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "hqO:o:", options, NULL)) != -1;) {
        bool taken;
        INGOT_TRY(cli_options_take(&o->common, option, optarg, &taken));
        if (taken)
            continue;
        switch (option) {
        case 'h':
            *out_help = true;
            return NULL;
        case 'q':
            o->quiet = true;
            break;
        case 'o':
            o->write.out_dir = optarg;
            break;
        case OPTION_NAME:
            o->common.compile.name = optarg;
            break;
        case OPTION_EMIT:
            INGOT_TRY(parse_emit(optarg, &o->write.what));
            break;
        case OPTION_EMBED:
            o->write.embed_weights = 1;
            break;
        case OPTION_PRINT_AFTER:
            o->common.compile.print_after = optarg;
            o->common.compile.print = print_ir;
            break;
        case OPTION_TIMING:
            o->timing = true;
            break;
        case OPTION_JSON:
            o->json = true;
            break;
        default:
            return cli_bad_option(argc, argv, "compile");
        }
    }
    if (optind + 1 != argc)
        return cli_usage(optind == argc ? "compile: no model given"
                                        : "compile: one model at a time; '%.64s' is one too many",
                         argv[argc - 1]);
    o->model = argv[optind];
    if (!o->write.out_dir)
        return cli_usage("compile: no output folder: give one with -o DIR");
    return NULL;
}

static void print_dim(const ingot_compiled *c, const ingot_dim *d, ingot_text *out)
{
    char text[32];
    if (ingot_dim_is_const(d)) {
        cli_print_bytes((double)d->value, text);
        ingot_text_append(out, "%s", text);
        return;
    }
    ingot_text size = {0};
    ingot_dim_print(c->module, d, &size);
    if (size.size < 80)
        ingot_text_append(out, "%s bytes", size.data ? size.data : "?");
    else
        ingot_text_append(out, "depends on sizes");
    ingot_text_free(&size);
}

static void print_summary(const ingot_compiled *c, const compile_options *o, double seconds)
{
    const ingot_program *p = c->program;
    int32_t n_ops = 0, n_kernel_steps = 0, portable = ingot_program_count_portable(p, false),
            all_portable = ingot_program_count_portable(p, true);
    for (int32_t g = 0; g < c->module->n_graphs; g++)
        for (const ingot_op *op = c->module->graphs[g]->first; op; op = op->next)
            n_ops += op->kind != INGOT_OP_constant;
    for (int32_t i = 0; i < p->n_steps; i++)
        n_kernel_steps += p->steps[i].kind == INGOT_STEP_KERNEL;
    char weights[32];
    cli_print_bytes((double)p->weights_bytes, weights);
    ingot_text memory = {0};
    if (p->arena_bytes)
        print_dim(c, p->arena_bytes, &memory);
    else
        ingot_text_append(&memory, "depends on sizes");
    printf("%s -> %s/%s\n", c->path, o->write.out_dir, c->name);
    printf("  ops       %d imported, %d after optimisation\n", c->n_imported_ops, n_ops);
    printf("  kernels   %d generated, for %d steps\n", p->n_specs, n_kernel_steps);
    printf("  portable  %d op%s", portable, portable == 1 ? "" : "s");
    if (all_portable > portable)
        printf(" (and %d of shape arithmetic)", all_portable - portable);
    for (int32_t i = 0, shown = 0; i < p->n_steps && portable; i++) {
        const ingot_step *step = &p->steps[i];
        if (step->kind != INGOT_STEP_PORTABLE || ingot_step_is_shape_arithmetic(p, step))
            continue;
        printf("%s%s", shown ? ", " : ": ", step->label ? step->label : "");
        if (++shown == 5) {
            printf("%s", portable > 5 ? ", ... (ingot explain lists all)" : "");
            break;
        }
    }
    if (c->options.precision == INGOT_PRECISION_BF16)
        printf("\n  bf16      %d products, %d stay f32 (ingot explain says why)",
               ingot_log_count_precision(c, INGOT_LOG_BF16), ingot_log_count_precision(c, INGOT_LOG_F32));
    printf("\n  memory    %s\n", memory.data ? memory.data : "");
    printf("  weights   %s\n", weights);
    const ingot_compiled *last = c;
    for (; last->fallback; last = last->fallback)
        ;
    printf("  requires  %s: %s\n", last->target->name, last->target->summary);
    if (last != c)
        printf("  versions  %s\n", c->cpus);
    printf("  time      %.2f s\n", seconds);
    ingot_text_free(&memory);
}

static ingot_status finish(compile_options *o, ingot_compiled *c, double begin)
{
    ingot_status status = ingot_compiled_write(c, &o->write);
    cli_progress_clear();
    INGOT_TRY(status);
    if (o->json) {
        const char *report;
        INGOT_TRY(ingot_compiled_get_report(c, &report));
        fputs(report, stdout);
    } else if (!o->quiet) {
        print_summary(c, o, ingot_seconds_now() - begin);
    }
    if (o->timing) {
        ingot_text text = {0};
        ingot_timing_print(&c->timing, &text);
        fputs(text.data ? text.data : "", stderr);
        ingot_text_free(&text);
    }
    return NULL;
}

static ingot_status run(int argc, char **argv, compile_options *o)
{
    bool wants_help = false;
    INGOT_TRY(parse(argc, argv, o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return NULL;
    }
    double begin = ingot_seconds_now();
    ingot_compiled *compiled;
    o->common.compile.path = o->model;
    INGOT_TRY(ingot_compile(&o->common.compile, &compiled));
    ingot_status status = finish(o, compiled, begin);
    ingot_compiled_destroy(compiled);
    return status;
}

ingot_status cli_compile(int argc, char **argv)
{
    static compile_options o; /* large: many sizes and shapes */
    o.write.struct_size = sizeof o.write;
    cli_options_init(&o.common);
    ingot_status status = run(argc, argv, &o);
    cli_options_free(&o.common);
    return status;
}
