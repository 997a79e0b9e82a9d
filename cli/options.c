/* Options of a compile that several commands share, and parsing of their arguments. */
#include "cli/cli.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

ingot_status cli_usage(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ingot_fail(INGOT_BAD_USAGE, "%s", text);
}

ingot_status cli_bad_option(int argc, char **argv, const char *command)
{
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    return cli_usage("%s: option '%.100s' is unknown, ambiguous or lacks its argument; see `ingot %s --help`", command,
                     word, command);
}

void cli_options_init(cli_options *o)
{
    *o = (cli_options){.compile = {.struct_size = sizeof o->compile, .progress = cli_progress}};
}

void cli_options_free(cli_options *o)
{
    ingot_arena_release(&o->arena);
}

ingot_status cli_parse_int(const char *text, const char *option, int64_t lo, int64_t hi, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < lo || value > hi)
        return cli_usage("%s: '%.64s' is not a number within %lld..%lld", option, text, (long long)lo, (long long)hi);
    *out = value;
    return NULL;
}

ingot_status cli_parse_number(const char *text, const char *option, double lo, double hi, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= lo && value <= hi))
        return cli_usage("%s: '%.64s' is not a number within %g..%g", option, text, lo, hi);
    *out = value;
    return NULL;
}

ingot_status cli_parse_bytes(const char *text, const char *option, int64_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (unit) {
        value *= pow(1024, (double)(unit - units + 1));
        end++;
    }
    if (end == text || *end || !(value >= 1 && value < 9e18))
        return cli_usage("%s: '%.64s' is not a number of bytes such as 500000, 300M or 2G", option, text);
    *out = (int64_t)value;
    return NULL;
}

/* The part before '=' as a copy, and what follows. */
static ingot_status split_name(cli_options *o, const char *text, const char *option, const char **out_name,
                               const char **out_rest)
{
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text || !equals[1])
        return cli_usage("%s: '%.100s' is not of the form NAME=%s", option, text,
                         strcmp(option, "--dim") ? "1x3x224x224" : "4 or NAME=1:64");
    *out_name = ingot_arena_strndup(&o->arena, text, (size_t)(equals - text));
    *out_rest = equals + 1;
    return *out_name ? NULL : ingot_status_no_memory();
}

static ingot_status take_dim(cli_options *o, const char *text)
{
    const char *rest;
    ingot_size_range *range = &o->sizes[o->compile.n_sizes];
    if (o->compile.n_sizes == CLI_MAX_SIZES)
        return cli_usage("--dim: more than %d", CLI_MAX_SIZES);
    INGOT_TRY(split_name(o, text, "--dim", &range->name, &rest));
    char first[32];
    const char *colon = strchr(rest, ':');
    if (!colon) {
        INGOT_TRY(cli_parse_int(rest, "--dim", 0, INGOT_DIM_MAX_VALUE, &range->lo));
        range->hi = range->lo;
    } else {
        snprintf(first, sizeof first, "%.*s", (int)(colon - rest < 31 ? colon - rest : 31), rest);
        INGOT_TRY(cli_parse_int(first, "--dim", 0, INGOT_DIM_MAX_VALUE, &range->lo));
        INGOT_TRY(cli_parse_int(colon + 1, "--dim", range->lo, INGOT_DIM_MAX_VALUE, &range->hi));
    }
    o->compile.sizes = o->sizes;
    o->compile.n_sizes++;
    return NULL;
}

static ingot_status take_shape(cli_options *o, const char *text)
{
    const char *rest;
    ingot_input_shape *shape = &o->shapes[o->compile.n_shapes];
    if (o->compile.n_shapes == CLI_MAX_SIZES)
        return cli_usage("--shape: more than %d", CLI_MAX_SIZES);
    INGOT_TRY(split_name(o, text, "--shape", &shape->name, &rest));
    shape->rank = 0;
    while (*rest) {
        size_t size = strcspn(rest, "x,");
        char word[32];
        if (shape->rank == INGOT_MAX_RANK || size == 0 || size >= sizeof word)
            return cli_usage("--shape: '%.100s' is not of the form NAME=1x3x224x224 (? leaves a size as it is)", text);
        snprintf(word, sizeof word, "%.*s", (int)size, rest);
        if (!strcmp(word, "?"))
            shape->dims[shape->rank++] = -1;
        else
            INGOT_TRY(cli_parse_int(word, "--shape", 0, INGOT_DIM_MAX_VALUE, &shape->dims[shape->rank++]));
        rest += size + (rest[size] != 0);
    }
    o->compile.shapes = o->shapes;
    o->compile.n_shapes++;
    return NULL;
}

ingot_status cli_add_shape(cli_options *o, const char *name, const ingot_tensor *like)
{
    if (o->compile.n_shapes == CLI_MAX_SIZES)
        return cli_usage("more than %d inputs", CLI_MAX_SIZES);
    ingot_input_shape *shape = &o->shapes[o->compile.n_shapes++];
    *shape = (ingot_input_shape){.name = name, .rank = like->rank};
    memcpy(shape->dims, like->dims, sizeof shape->dims);
    o->compile.shapes = o->shapes;
    return NULL;
}

ingot_status cli_options_take(cli_options *o, int option, const char *argument, bool *out_taken)
{
    int64_t value;
    *out_taken = true;
    switch (option) {
    case 'O':
        INGOT_TRY(cli_parse_int(argument, "-O", 0, 3, &value));
        o->compile.level = value == 0 ? -1 : (int32_t)value;
        return NULL;
    case CLI_OPTION_CPU:
        o->compile.cpu = argument;
        return NULL;
    case CLI_OPTION_DIM:
        return take_dim(o, argument);
    case CLI_OPTION_SHAPE:
        return take_shape(o, argument);
    case CLI_OPTION_THREADS:
        INGOT_TRY(cli_parse_int(argument, "--threads", 1, 4096, &value));
        o->threads = (int32_t)value;
        o->compile.threads = (int32_t)value;
        return NULL;
    case CLI_OPTION_NO_PORTABLE:
        o->compile.no_portable = 1;
        return NULL;
    case CLI_OPTION_NO_GENERATED:
        o->compile.no_generated = 1;
        return NULL;
    case CLI_OPTION_COST_MODEL:
        o->compile.cost_model = argument;
        return NULL;
    case CLI_OPTION_TUNE:
        o->compile.tune_s = 60;
        if (argument)
            INGOT_TRY(cli_parse_number(argument, "--tune", 0, 1e6, &o->compile.tune_s));
        return NULL;
    case CLI_OPTION_EXACT_CONV:
        o->compile.exact_conv = 1;
        return NULL;
    case CLI_OPTION_PRECISION:
        if (strcmp(argument, "f32") && strcmp(argument, "bf16"))
            return cli_usage("--precision: '%.64s' is neither f32 nor bf16", argument);
        o->compile.precision = strcmp(argument, "bf16") ? INGOT_PRECISION_F32 : INGOT_PRECISION_BF16;
        return NULL;
    case CLI_OPTION_CACHE:
        o->compile.cache_dir = argument;
        return NULL;
    case CLI_OPTION_MAX_MEMORY:
        return cli_parse_bytes(argument, "--max-memory", &o->compile.max_memory);
    case CLI_OPTION_MAX_WORKSPACE:
        return cli_parse_bytes(argument, "--max-workspace", &o->compile.max_workspace);
    case CLI_OPTION_MAX_NODES:
        return cli_parse_int(argument, "--max-nodes", 1, INT32_MAX, &o->compile.max_nodes);
    case CLI_OPTION_MAX_TENSOR_BYTES:
        return cli_parse_bytes(argument, "--max-tensor-bytes", &o->compile.max_tensor_bytes);
    case CLI_OPTION_MAX_FOLD_BYTES:
        return cli_parse_bytes(argument, "--max-fold-bytes", &o->compile.max_fold_bytes);
    case CLI_OPTION_MAX_DEPTH:
        INGOT_TRY(cli_parse_int(argument, "--max-depth", 1, 1000, &value));
        o->compile.max_depth = (int32_t)value;
        return NULL;
    default:
        *out_taken = false;
        return NULL;
    }
}
