/* One case of `ingot verify`: its data sets read, the model compiled for their shapes, run, compared. */
#include "cli/verify.h"
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_VALUES 512

const char *verify_status_name(verify_status status)
{
    static const char *const names[] = {"pass", "fail", "skip", "unsupported", "invalid", "crash"};
    return names[status];
}

static verify_status status_of(ingot_status error)
{
    switch (ingot_status_code(error)) {
    case INGOT_OK:
        return VERIFY_PASS;
    case INGOT_UNSUPPORTED:
        return VERIFY_UNSUPPORTED;
    case INGOT_BAD_MODEL:
        return VERIFY_INVALID;
    default:
        return VERIFY_FAIL;
    }
}

/* KIND_0.pb, KIND_1.pb, ... of a data set, until one is missing; what they hold is as the model's ports say. */
static ingot_status read_values(const char *set, const char *kind, int32_t n_ports, const cli_port *ports,
                                ingot_arena *arena, ingot_heap *heap, ingot_tensor **out, int32_t *out_n)
{
    INGOT_TRY(ingot_arena_array(arena, MAX_VALUES, sizeof **out, (void **)out));
    for (*out_n = 0; *out_n < MAX_VALUES; (*out_n)++) {
        char path[4096];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s_%d.pb", set, kind, *out_n);
        if (stat(path, &info)) {
            snprintf(path, sizeof path, "%s/%s_%d.npy", set, kind, *out_n);
            if (stat(path, &info))
                break;
        }
        bool known = *out_n < n_ports;
        INGOT_TRY(cli_read_value(path, known ? ports[*out_n].form : INGOT_FORM_TENSOR,
                                 known ? ports[*out_n].dtype : INGOT_UNDEFINED, arena, heap, &(*out)[*out_n]));
    }
    return NULL;
}

typedef struct case_state {
    const verify_case *c;
    const verify_options *options;
    verify_result *result;
    ingot_arena arena;
    ingot_heap boxes;
    cli_interface ports;
    cli_options compile;
    cli_model model, reference; /* reference: portable kernels, for --per-op */
    int64_t compiled_shapes[16][INGOT_MAX_RANK + 1];
    int32_t n_own; /* outputs of the model itself, before those that --per-op keeps */
    bool open;
} case_state;

static void set_message(verify_result *r, const char *format, ...) INGOT_PRINTF(2, 3);
static void set_message(verify_result *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
}

/* (Re)compiles for the shapes of a data set's inputs, unless the model that is open takes them. */
static ingot_status open_for(case_state *s, int32_t n_inputs, const ingot_tensor *inputs)
{
    bool artifact = cli_is_artifact(s->c->model), specialise = !artifact && !s->options->dynamic;
    if (s->open && specialise) {
        bool same = n_inputs == s->model.info->n_inputs;
        for (int32_t i = 0; same && i < n_inputs; i++)
            for (int32_t d = 0; same && d < inputs[i].rank; d++)
                same = d < s->model.info->inputs[i].rank && inputs[i].dims[d] == s->model.info->inputs[i].dims[d];
        if (!same) {
            cli_model_close(&s->model);
            cli_model_close(&s->reference);
            s->open = false;
        }
    }
    if (s->open)
        return NULL;
    s->compile = s->options->common;
    s->compile.arena = (ingot_arena){0};
    if (specialise) {
        for (int32_t i = 0; i < n_inputs && i < s->ports.n_inputs; i++)
            if (!cli_box_of(&inputs[i]))
                INGOT_TRY(cli_add_shape(&s->compile, s->ports.inputs[i].name, &inputs[i]));
    }
    s->compile.compile.keep_all = s->options->per_op;
    INGOT_TRY(cli_model_open(s->c->model, &s->compile, &s->model));
    s->open = true;
    if (s->model.compiled)
        s->result->portable = ingot_program_count_portable(s->model.compiled->program, true);
    if (s->options->per_op && !artifact) {
        s->compile.compile.no_generated = 1;
        INGOT_TRY(cli_model_open(s->c->model, &s->compile, &s->reference));
    }
    return NULL;
}

static int32_t find_output(const ingot_model_info *info, const char *name)
{
    for (int32_t i = 0; i < info->n_outputs; i++)
        if (!strcmp(info->outputs[i].name, name))
            return i;
    return -1;
}

/* The first value, in the order of execution, that differs between generated and portable kernels. Values are matched
 * by name, which holds the op's id; those that only one of the two has (the layouts differ) are left out. */
static ingot_status find_first_divergence(case_state *s, const ingot_tensor *inputs, const ingot_tensor *got,
                                          int32_t n_own)
{
    ingot_tensor *want;
    INGOT_TRY(ingot_arena_array(&s->arena, (size_t)s->reference.info->n_outputs + 1, sizeof *want, (void **)&want));
    INGOT_TRY(cli_model_run(&s->reference, inputs, want));
    const ingot_model_info *info = s->model.info;
    int32_t n_compared = 0;
    size_t used = strlen(s->result->message);
    char *text = s->result->message + used;
    size_t room = sizeof s->result->message - used;
    const char *separator = used ? "; " : "";
    for (int32_t k = 0; k < info->n_outputs; k++) {
        int32_t i = (k + n_own) % info->n_outputs; /* kept values follow the model's own outputs, which come last */
        int32_t other = find_output(s->reference.info, info->outputs[i].name);
        verify_difference d = {0};
        char why[256];
        if (other < 0)
            continue;
        n_compared++;
        if (verify_compare(&got[i], &want[other], &s->options->tolerance, &d, why, sizeof why))
            continue;
        snprintf(text, room, "%sfirst op that diverges from the portable kernels: %s %s (portable: the latter)",
                 separator, info->outputs[i].name, why);
        s->result->status = VERIFY_FAIL;
        return NULL;
    }
    snprintf(text, room, "%s%d values agree with the portable kernels", separator, n_compared);
    return NULL;
}

static ingot_status run_set(case_state *s, const char *set)
{
    ingot_tensor *inputs, *wanted, *got;
    int32_t n_inputs, n_wanted;
    const cli_interface *ports = &s->ports;
    INGOT_TRY(read_values(set, "input", ports->n_inputs, ports->inputs, &s->arena, &s->boxes, &inputs, &n_inputs));
    INGOT_TRY(read_values(set, "output", ports->n_outputs, ports->outputs, &s->arena, &s->boxes, &wanted, &n_wanted));
    INGOT_TRY(open_for(s, n_inputs, inputs));
    const ingot_model_info *info = s->model.info;
    if (n_inputs != info->n_inputs)
        return ingot_fail(INGOT_BAD_USAGE, "%s: %d input files for a model of %d inputs", set, n_inputs,
                          info->n_inputs);
    INGOT_TRY(ingot_arena_array(&s->arena, (size_t)info->n_outputs + 1, sizeof *got, (void **)&got));
    INGOT_TRY(cli_model_run(&s->model, inputs, got));
    s->n_own = n_wanted;
    if (n_wanted > info->n_outputs)
        return ingot_fail(INGOT_DIFFERS, "%s: %d output files for a model of %d outputs", set, n_wanted,
                          info->n_outputs);
    for (int32_t i = 0; i < n_wanted; i++) {
        char why[256];
        if (verify_compare(&got[i], &wanted[i], &s->options->tolerance, &s->result->difference, why, sizeof why))
            continue;
        if (s->result->status == VERIFY_PASS)
            set_message(s->result, "%s: output '%s' %s", ingot_driver_base_name(set), info->outputs[i].name, why);
        s->result->status = VERIFY_FAIL;
    }
    if (s->options->per_op && s->reference.model)
        INGOT_TRY(find_first_divergence(s, inputs, got, s->n_own));
    return NULL;
}

static int is_set(const struct dirent *entry)
{
    return !strncmp(entry->d_name, "test_data_set_", 14);
}

static ingot_status run_sets(case_state *s)
{
    struct stat info;
    const char *folder = s->c->path;
    if (!stat(folder, &info) && !S_ISDIR(info.st_mode)) {
        const char *slash = strrchr(folder, '/');
        folder = slash ? ingot_arena_strndup(&s->arena, folder, (size_t)(slash - folder)) : ".";
        if (!folder)
            return ingot_status_no_memory();
    }
    struct dirent **entries;
    int n = scandir(folder, &entries, is_set, versionsort);
    if (n < 0)
        return ingot_fail(INGOT_IO, "%s: %s", folder, strerror(errno));
    ingot_status status = NULL;
    if (n)
        status = cli_read_interface(s->c->model, &s->arena, &s->ports);
    for (int i = 0; i < n; i++) {
        const char *set = ingot_arena_printf(&s->arena, "%s/%s", folder, entries[i]->d_name);
        if (!status)
            status = set ? run_set(s, set) : ingot_status_no_memory();
        free(entries[i]);
    }
    free(entries);
    INGOT_TRY(status);
    if (n == 0) {
        s->result->status = VERIFY_SKIP;
        set_message(s->result, "no test_data_set_* to compare with");
        return NULL;
    }
    return NULL;
}

void verify_run_case(const verify_case *c, const verify_options *options, verify_result *out)
{
    double begin = ingot_seconds_now();
    *out = (verify_result){.status = VERIFY_PASS, .portable = -1};
    case_state *s = calloc(1, sizeof *s);
    if (!s) {
        out->status = VERIFY_FAIL;
        set_message(out, "out of memory");
        return;
    }
    s->c = c;
    s->options = options;
    s->result = out;
    ingot_status status = run_sets(s);
    if (status) {
        out->status = status_of(status);
        set_message(out, "%s", ingot_status_message(status));
        ingot_status_free(status);
    }
    cli_model_close(&s->model);
    cli_model_close(&s->reference);
    ingot_arena_release(&s->arena);
    ingot_arena_release(&s->boxes.memory);
    free(s);
    out->seconds = ingot_seconds_now() - begin;
}
