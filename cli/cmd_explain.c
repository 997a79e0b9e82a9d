/* ingot explain: what the compiler made of a model, and why. */
#include "cli/costmodel.h"
#include "costmodel/decide.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: ingot explain MODEL.onnx [OPTION...]\n\n"
    "Compiles up to code generation and tells: what was fused, each step with its kernel's decisions, predicted time "
    "and\n"
    "bound, what runs portable and why, and memory: peak against the lower bound.\n\n"
    "  --why N   step N's kernel: what its predicted time comes from, feature by feature\n"
    "  --specs   the distinct KernelSpecs, one a line with its count (for `ingot bench --kernel-suite`)\n"
    "  --json    the report, as in NAME.json\n"
    "  --dim NAME=4, --shape IN=1x3x8x8, --cpu T, -O0..3, --no-portable, --exact-conv, --precision=bf16, --max-...   "
    "as for `ingot "
    "compile`\n";

enum { OPTION_SPECS = CLI_OPTION_OWN, OPTION_JSON, OPTION_WHY };

static void print_specs(const ingot_compiled *c)
{
    const ingot_program *p = c->program;
    for (int32_t s = 0; s < p->n_specs; s++) {
        int32_t count = 0;
        for (int32_t i = 0; i < p->n_steps; i++)
            count += p->steps[i].kind == INGOT_STEP_KERNEL && p->steps[i].spec == s;
        printf("# %d step%s\n%s\n", count, count == 1 ? "" : "s", c->lines[s]);
    }
}

static void print_log(const ingot_compiled *c)
{
    printf("what was fused and recognised\n");
    int32_t n = 0;
    for (const ingot_log_line *line = c->log; line; line = line->next, n++)
        printf("  %s\n", line->text);
    if (!n)
        printf("  nothing\n");
}

/* Values in blocks of channels. */
static void print_layout(const ingot_compiled *c)
{
    int32_t blocked = 0, plain = 0, changes = 0;
    for (int32_t g = 0; g < c->module->n_graphs; g++) {
        for (const ingot_op *op = c->module->graphs[g]->first; op; op = op->next) {
            changes += op->kind == INGOT_OP_relayout;
            for (int32_t i = 0; i < op->n_out && op->kind != INGOT_OP_constant; i++)
                ++*(op->out[i]->type.layout == INGOT_LAYOUT_C16 ? &blocked : &plain);
        }
    }
    printf("\nlayout\n  %d values in blocks of 16 channels, %d plain, %d changes of layout\n", blocked, plain, changes);
}

static void format_decisions(ingot_family family, const int64_t *decisions, char *out, size_t size)
{
    const ingot_family_info *info = ingot_family_info_get(family);
    size_t at = 0;
    *out = 0;
    for (int32_t i = 0; i < info->n_decisions && at < size; i++)
        if (decisions[i])
            at +=
                (size_t)snprintf(out + at, size - at, "%s%s=%" PRId64, at ? " " : "", info->decisions[i], decisions[i]);
}

static void print_decisions(const ingot_spec *spec)
{
    char text[160];
    format_decisions(spec->family, spec->decisions, text, sizeof text);
    printf("%-9s  %-24s", ingot_family_info_get(spec->family)->name, text);
}

/* What was chosen, of how many, and what came next. */
static void print_choice(const ingot_step *step, const ingot_spec *spec)
{
    const ingot_choice *choice = step->choice;
    char next[160];
    if (choice->remembered) {
        printf("%28s timed by an earlier --tune\n", "");
        return;
    }
    format_decisions(spec->family, choice->next, next, sizeof next);
    printf("%28s %s of %d candidates: %.2f us; emitter's own %.2f us", "", choice->measured ? "timed best" : "best",
           choice->candidates, choice->ns / 1e3, choice->own_ns / 1e3);
    if (choice->next_ns > 0)
        printf("; next %.2f us (%s)", choice->next_ns / 1e3, *next ? next : "emitter's own");
    printf("\n");
}

static void print_steps(const ingot_compiled *c)
{
    const ingot_program *p = c->program;
    double total = 0;
    for (int32_t i = 0; i < p->n_steps; i++)
        total += ingot_step_cost(c, &p->steps[i]).ns;
    double context = ingot_driver_context(c);
    printf("\nsteps, predicted by the %s model for %s, one thread: %.1f us in all", c->cost_model->name,
           c->target->name, total * context / 1e3);
    if (context != 1)
        printf(" (kernels are predicted as if they ran alone; together they take %.2f times that)", context);
    printf("\n");
    printf("%4s %10s %10s  kernel\n", "step", "us", "bound us");
    for (int32_t i = 0; i < p->n_steps; i++) {
        const ingot_step *step = &p->steps[i];
        const char *portable = ingot_step_portable_name(step);
        ingot_cost cost = ingot_step_cost(c, step);
        printf("%4d %10.2f %10.2f  ", i, cost.ns / 1e3, cost.bound_ns / 1e3);
        if (step->kind == INGOT_STEP_KERNEL)
            print_decisions(&p->specs[step->spec]);
        else
            printf("%-9s %-24s", ingot_step_kind_name(step->kind), portable ? portable : "");
        printf("  %s\n", step->label ? step->label : "");
        if (step->kind == INGOT_STEP_KERNEL && step->choice)
            print_choice(step, &p->specs[step->spec]);
    }
}

static void print_portable(const ingot_compiled *c)
{
    const ingot_program *p = c->program;
    int32_t n = ingot_program_count_portable(p, true);
    printf("\nportable kernels: %d%s\n", n, n ? "" : ", every op has a generated kernel");
    for (int32_t i = 0; i < p->n_steps; i++) {
        const ingot_step *step = &p->steps[i];
        const char *name = ingot_step_portable_name(step);
        if (!name)
            continue;
        const char *reason = ingot_step_portable_reason(c, step);
        printf("  %-20s %s%s%s%s\n", name, step->label ? step->label : "",
               ingot_step_is_shape_arithmetic(p, step) ? " (shape arithmetic)" : "", *reason ? ": " : "", reason);
    }
}

static void print_memory(const ingot_compiled *c)
{
    const ingot_program *p = c->program;
    char bytes[32];
    printf("\nmemory\n");
    if (!p->arena_bytes) {
        printf("  arena    depends on sizes");
    } else if (ingot_dim_is_const(p->arena_bytes)) {
        cli_print_bytes((double)p->arena_bytes->value, bytes);
        printf("  arena    %s", bytes);
        if (p->arena_lower_bound_bytes > 0) {
            cli_print_bytes((double)p->arena_lower_bound_bytes, bytes);
            printf(", lower bound %s (%.1f %% over it)", bytes,
                   100.0 * ((double)p->arena_bytes->value / (double)p->arena_lower_bound_bytes - 1));
        }
    } else {
        ingot_text size = {0};
        ingot_dim_print(c->module, p->arena_bytes, &size);
        printf("  arena    %s bytes", size.size < 200 && size.data ? size.data : "an expression of the dynamic sizes");
        ingot_text_free(&size);
    }
    printf("; placed by %s\n", p->planner ? p->planner : "?");
    int32_t own = 0;
    for (int32_t i = 0; i < p->n_buffers; i++)
        own += p->buffers[i].pool == INGOT_POOL_ARENA && !p->buffers[i].offset && !p->buffers[i].above;
    if (own)
        printf("  growing  %d values whose sizes the data decides, without a bound to plan for\n", own);
    cli_print_bytes((double)p->weights_bytes, bytes);
    printf("  weights  %s\n", bytes);
}

static ingot_status print_why(const ingot_compiled *c, int64_t at)
{
    const ingot_program *p = c->program;
    int64_t sizes[INGOT_SPEC_SIZES];
    if (at >= p->n_steps || p->steps[at].kind != INGOT_STEP_KERNEL)
        return cli_usage("explain: --why %" PRId64 ": the model has %d steps, and only kernels can be told of", at,
                         p->n_steps);
    const ingot_step *step = &p->steps[at];
    const ingot_cost_query query = ingot_step_query(c, step, sizes);
    printf("step %" PRId64 ": %s\n%s\n", at, step->label ? step->label : "", c->lines[step->spec]);
    costmodel_print_prediction(c->cost_model, &query);
    if (step->choice)
        print_choice(step, &p->specs[step->spec]);
    return NULL;
}

static ingot_status explain(ingot_compiled *c, bool json, bool specs, int64_t why)
{
    if (why >= 0)
        return print_why(c, why);
    if (json) {
        const char *report;
        INGOT_TRY(ingot_compiled_get_report(c, &report));
        fputs(report, stdout);
        return NULL;
    }
    if (specs) {
        print_specs(c);
        return NULL;
    }
    print_log(c);
    print_layout(c);
    print_steps(c);
    print_portable(c);
    print_memory(c);
    return NULL;
}

static ingot_status run(int argc, char **argv, cli_options *o)
{
    static const struct option options[] = {CLI_COMPILE_OPTIONS,
                                            {"specs", no_argument, NULL, OPTION_SPECS},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"why", required_argument, NULL, OPTION_WHY},
                                            {0}};
    bool json = false, specs = false;
    int64_t why = -1;
    for (int option; (option = getopt_long(argc, argv, "hO:", options, NULL)) != -1;) {
        bool taken;
        INGOT_TRY(cli_options_take(o, option, optarg, &taken));
        if (taken)
            continue;
        switch (option) {
        case 'h':
            fputs(help, stdout);
            return NULL;
        case OPTION_SPECS:
            specs = true;
            break;
        case OPTION_JSON:
            json = true;
            break;
        case OPTION_WHY:
            INGOT_TRY(cli_parse_int(optarg, "--why", 0, INT32_MAX, &why));
            break;
        default:
            return cli_bad_option(argc, argv, "explain");
        }
    }
    if (optind + 1 != argc)
        return cli_usage(optind == argc ? "explain: no model given" : "explain: one model at a time");
    o->compile.path = argv[optind];
    o->compile.no_code = 1;
    ingot_compiled *c;
    INGOT_TRY(ingot_compile(&o->compile, &c));
    cli_progress_clear();
    ingot_status status = explain(c, json, specs, why);
    ingot_compiled_destroy(c);
    return status;
}

ingot_status cli_explain(int argc, char **argv)
{
    static cli_options o; /* large: many sizes and shapes */
    cli_options_init(&o);
    ingot_status status = run(argc, argv, &o);
    cli_options_free(&o);
    return status;
}
