/* ingot bench --serve: a worker of bench/peers/peers.py, asked over stdin, answering over stdout. */
#include "cli/bench.h"
#include <string.h>

#define MAX_LINE 8192

/* Values by the names in FOLDER/names.txt, from FOLDER/<i>.npy. */
static ingot_status read_inputs(bench_options *o)
{
    char path[4096];
    void *text;
    size_t size;
    snprintf(path, sizeof path, "%s/names.txt", o->inputs_dir);
    INGOT_TRY(cli_read_file(path, 1 << 20, &o->arena, &text, &size));
    for (const char *at = text, *end = at + size; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t length = line_end ? (size_t)(line_end - at) : (size_t)(end - at);
        if (length > 0) {
            if (o->n_inputs == (int32_t)(sizeof o->inputs / sizeof o->inputs[0]))
                return ingot_fail(INGOT_LIMIT, "%s: too many inputs", path);
            cli_value *value = &o->inputs[o->n_inputs];
            value->name = ingot_arena_strndup(&o->arena, at, length);
            if (!value->name)
                return ingot_status_no_memory();
            char file[4096];
            snprintf(file, sizeof file, "%s/%d.npy", o->inputs_dir, o->n_inputs);
            INGOT_TRY(cli_read_tensor(file, &o->arena, &value->tensor));
            o->n_inputs++;
        }
        at += length + 1;
    }
    return NULL;
}

static ingot_status answer_time(cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs, double seconds)
{
    ingot_arena scratch = {0};
    double *ms;
    int32_t n;
    ingot_status status = bench_time(m, inputs, outputs, seconds, 1, &scratch, &ms, &n);
    for (int32_t i = 0; !status && i < n; i++)
        printf(i ? " %.5g" : "%.5g", ms[i]);
    if (!status)
        printf("\n");
    ingot_arena_release(&scratch);
    return status;
}

static ingot_status answer_dump(cli_model *m, const ingot_tensor *outputs, const char *folder)
{
    INGOT_TRY(cli_make_folder(folder));
    for (int32_t i = 0; i < m->info->n_outputs; i++)
        INGOT_TRY(cli_write_tensor(folder, i, m->info->outputs[i].name, &outputs[i]));
    printf("ok\n");
    return NULL;
}

static ingot_status answer(cli_model *m, const ingot_tensor *inputs, ingot_tensor *outputs, char *line)
{
    double seconds;
    line[strcspn(line, "\r\n")] = 0;
    if (sscanf(line, "time %lf", &seconds) == 1)
        return answer_time(m, inputs, outputs, seconds);
    if (!strncmp(line, "dump ", 5))
        return answer_dump(m, outputs, line + 5);
    return cli_usage("--serve: '%.64s' is none of: time SECONDS, dump DIR, quit", line);
}

static ingot_status serve(bench_options *o, cli_model *m)
{
    ingot_tensor *inputs, *outputs;
    INGOT_TRY(cli_model_fill_inputs(m, &o->common, o->n_inputs, o->inputs, o->inputs_dir ? NULL : &o->seed, &o->arena,
                                    &inputs));
    INGOT_TRY(ingot_arena_array(&o->arena, (size_t)m->info->n_outputs + 1, sizeof *outputs, (void **)&outputs));
    char line[MAX_LINE];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4) != 0) {
        ingot_status status = answer(m, inputs, outputs, line);
        if (status) {
            printf("error %s\n", ingot_status_message(status));
            ingot_status_free(status);
        }
        fflush(stdout);
    }
    return NULL;
}

ingot_status bench_serve(bench_options *o)
{
    cli_model m = {0};
    double base = (double)cli_rss_bytes();
    ingot_status status = o->inputs_dir ? read_inputs(o) : NULL;
    o->common.compile.pin_dynamic = 1;
    o->common.compile.threads = 0; /* --threads is of the runs */
    o->common.compile.progress = NULL;
    for (int32_t i = 0; !status && i < o->n_inputs && !cli_is_artifact(o->model); i++)
        status = cli_add_shape(&o->common, o->inputs[i].name, &o->inputs[i].tensor);
    if (!status)
        status = cli_model_open(o->model, &o->common, &m);
    if (status) { /* the harness reads one line */
        ingot_text line = {0};
        ingot_text_append(&line, "%s", ingot_status_message(status));
        for (size_t i = 0; i < line.size; i++)
            if (line.data[i] == '\n')
                line.data[i] = ' ';
        printf("error %s\n", line.data ? line.data : "");
        fflush(stdout);
        ingot_text_free(&line);
        return status;
    }
    printf("ready load_s=%.6f compile_s=%.3f rss_mb=%.1f base_mb=%.1f version=%s\n", m.load_s, m.compile_s,
           (double)cli_rss_bytes() / 1e6, base / 1e6, INGOT_VERSION);
    fflush(stdout);
    status = serve(o, &m);
    cli_model_close(&m);
    return status;
}
