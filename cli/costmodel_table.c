/* ingot costmodel export, import: the measurement store as a table of tab-separated values, compressed when the name
 * ends in .gz.
 *
 *     machine  id cpu flags target compiler calibration
 *     point    machine spec cold threads origin median_ns spread reference code_bytes spills timings [features...]
 *     run      machine model config cold ns other_ns spread kernels
 *
 * timings: ns, with commas between; kernels: "COUNT SPEC" with " ;; " between. Lines with # are comments.
 */
#include "cli/costmodel.h"
#include "costmodel/winograd.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BETWEEN " ;; "

/* ---- Export ---- */

typedef struct writer {
    gzFile file;
    bool features;
    int64_t rows;
} writer;

static ingot_status written(int result, writer *w)
{
    int code;
    w->rows++;
    return result > 0 ? NULL : ingot_fail(INGOT_IO, "writing the table: %s", gzerror(w->file, &code));
}

static ingot_status export_machine(void *arg, const ingot_store_machine *m)
{
    writer *w = arg;
    char calibration[INGOT_MACHINE_TEXT] = "";
    if (m->measured.gflops > 0)
        ingot_machine_print(&m->measured, calibration);
    return written(gzprintf(w->file, "machine\t%lld\t%s\t%s\t%s\t%s\t%s\n", (long long)m->id, m->cpu, m->flags,
                            m->target, m->compiler, calibration),
                   w);
}

static ingot_status export_point(void *arg, const ingot_store_point *p)
{
    writer *w = arg;
    ingot_text line = {0};
    ingot_text_append(&line, "point\t%lld\t%s\t%d\t%d\t%s\t%.6g\t%.3g\t%.4g\t%d\t%d\t", (long long)p->machine, p->spec,
                      p->cold, p->threads, p->origin, p->median_ns, p->spread, p->reference, p->code_bytes, p->spills);
    for (int32_t i = 0; i < p->n; i++)
        ingot_text_append(&line, "%s%.5g", i ? "," : "", p->ns[i]);
    ingot_status status = NULL;
    if (w->features) {
        ingot_spec spec;
        const ingot_target *target = NULL;
        double f[INGOT_FEATURE_COUNT];
        status = ingot_spec_parse(p->spec, strlen(p->spec), &spec);
        if (!status)
            status = ingot_target_find(spec.target, &target);
        if (!status) {
            const ingot_cost_query query = {.spec = &spec, .target = target, .cold = p->cold};
            ingot_features_compute(&query, f);
            for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
                ingot_text_append(&line, "\t%.6g", f[i]);
        }
    }
    ingot_text_append(&line, "\n");
    if (!status)
        status = line.failed ? ingot_status_no_memory() : written(gzwrite(w->file, line.data, (unsigned)line.size), w);
    ingot_text_free(&line);
    return status;
}

static ingot_status export_run(void *arg, const ingot_store_model_run *r)
{
    writer *w = arg;
    ingot_text line = {0};
    ingot_text_append(&line, "run\t%lld\t%s\t%s\t%d\t%.7g\t%.7g\t%.3g\t", (long long)r->machine, r->model, r->config,
                      r->cold, r->ns, r->other_ns, r->spread);
    for (const char *at = r->kernels; *at;) {
        size_t size = strcspn(at, "\n");
        ingot_text_append(&line, "%.*s%s", (int)size, at, at[size] && at[size + 1] ? BETWEEN : "");
        at += size + (at[size] != 0);
    }
    ingot_text_append(&line, "\n");
    ingot_status status =
        line.failed ? ingot_status_no_memory() : written(gzwrite(w->file, line.data, (unsigned)line.size), w);
    ingot_text_free(&line);
    return status;
}

static bool is_compressed(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && !strcmp(path + n - 3, ".gz");
}

ingot_status costmodel_export(costmodel_options *o)
{
    if (o->n_arguments != 1)
        return cli_usage("costmodel export: one file, please");
    const char *path = o->arguments[0];
    INGOT_TRY(ingot_store_open(o->path, INGOT_STORE_READ, &o->store));
    writer w = {.file = gzopen(path, is_compressed(path) ? "wb9" : "wbT"), .features = o->features};
    if (!w.file)
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    ingot_status status = ingot_store_each_machine(o->store, export_machine, &w);
    if (!status && o->features) {
        ingot_text names = {0};
        ingot_text_append(&names, "# features of points:");
        for (int i = 0; i < INGOT_FEATURE_COUNT; i++)
            ingot_text_append(&names, "\t%s", ingot_feature_table()[i].name);
        ingot_text_append(&names, "\n");
        status = names.failed ? ingot_status_no_memory() : written(gzputs(w.file, names.data), &w);
        ingot_text_free(&names);
    }
    if (!status)
        status = ingot_store_each_point(o->store, export_point, &w);
    if (!status)
        status = ingot_store_each_model_run(o->store, export_run, &w);
    if (gzclose(w.file) != Z_OK && !status)
        status = ingot_fail(INGOT_IO, "%s: cannot be written", path);
    if (!status)
        printf("%s: %lld rows\n", path, (long long)w.rows);
    return status;
}

/* ---- Import ---- */

typedef struct table_reader {
    ingot_store *store;
    const char *path;
    int64_t line, rows, ids[256];
} table_reader;

static ingot_status bad(const table_reader *t, const char *what)
{
    return ingot_fail(INGOT_BAD_USAGE, "%s:%lld: %s", t->path, (long long)t->line, what);
}

/* Splits at tabs; the number of fields, at most `most`. */
static int split(char *line, int most, char **out)
{
    int n = 0;
    for (char *at = line; at && n < most;) {
        out[n++] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = 0;
    }
    return n;
}

static ingot_status machine_of(const table_reader *t, const char *text, int64_t *out)
{
    long id = strtol(text, NULL, 10);
    *out = id >= 0 && id < 256 ? t->ids[id] : 0;
    return *out > 0 ? NULL : bad(t, "a row of a machine that is not in the table");
}

static ingot_status import_machine(table_reader *t, char **field)
{
    ingot_store_machine m = {0};
    long id = strtol(field[1], NULL, 10);
    if (id < 0 || id >= 256)
        return bad(t, "the number of a machine is not within 0..255");
    snprintf(m.cpu, sizeof m.cpu, "%s", field[2]);
    snprintf(m.flags, sizeof m.flags, "%s", field[3]);
    snprintf(m.target, sizeof m.target, "%s", field[4]);
    snprintf(m.compiler, sizeof m.compiler, "%s", field[5]);
    ingot_machine_parse(field[6], &m.measured);
    INGOT_TRY(ingot_store_add_machine(t->store, &m));
    t->ids[id] = m.id;
    return NULL;
}

static ingot_status import_point(table_reader *t, char **field)
{
    ingot_spec spec;
    ingot_text task = {0}, problem = {0};
    ingot_store_point p = {.spec = field[2],
                           .cold = strcmp(field[3], "0") != 0,
                           .threads = (int32_t)strtol(field[4], NULL, 10),
                           .origin = field[5],
                           .median_ns = strtod(field[6], NULL),
                           .spread = strtod(field[7], NULL),
                           .reference = strtod(field[8], NULL),
                           .code_bytes = (int32_t)strtol(field[9], NULL, 10),
                           .spills = (int32_t)strtol(field[10], NULL, 10)};
    for (char *at = field[11]; at && *at && p.n < INGOT_TIMINGS; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        p.ns[p.n++] = strtod(at, NULL);
    INGOT_TRY_NOTE(ingot_spec_parse(p.spec, strlen(p.spec), &spec), "%s:%lld", t->path, (long long)t->line);
    INGOT_TRY(machine_of(t, field[1], &p.machine));
    ingot_spec_print_task(&spec, &task);
    ingot_status status = ingot_spec_problem(&spec, &problem);
    p.task = task.data;
    p.problem = problem.data;
    if (!status)
        status = task.failed ? ingot_status_no_memory() : ingot_store_add_point(t->store, &p);
    ingot_text_free(&task);
    ingot_text_free(&problem);
    return status;
}

static ingot_status import_run(table_reader *t, char **field)
{
    ingot_store_model_run r = {.model = field[2],
                               .config = field[3],
                               .cold = strcmp(field[4], "0") != 0,
                               .ns = strtod(field[5], NULL),
                               .other_ns = strtod(field[6], NULL),
                               .spread = strtod(field[7], NULL)};
    ingot_text kernels = {0};
    INGOT_TRY(machine_of(t, field[1], &r.machine));
    for (const char *at = field[8], *end; at && *at; at = end ? end + strlen(BETWEEN) : NULL) {
        end = strstr(at, BETWEEN);
        ingot_text_append(&kernels, "%.*s\n", (int)(end ? end - at : (long)strlen(at)), at);
    }
    r.kernels = kernels.data ? kernels.data : "";
    ingot_status status = kernels.failed ? ingot_status_no_memory() : ingot_store_add_model_run(t->store, &r);
    ingot_text_free(&kernels);
    return status;
}

static ingot_status import_line(table_reader *t, char *line)
{
    char *field[16];
    int n = split(line, 12, field);
    if (n >= 9 && !strcmp(field[0], "run"))
        return import_run(t, field);
    if (n >= 12 && !strcmp(field[0], "point")) {
        field[11][strcspn(field[11], "\t")] = 0; /* features are computed anew */
        return import_point(t, field);
    }
    if (n >= 7 && !strcmp(field[0], "machine"))
        return import_machine(t, field);
    return bad(t, "a row that is no machine, point or run, or lacks columns");
}

/* A line of any length. */
static ingot_status read_line(gzFile file, ingot_text *line, bool *out_more)
{
    char piece[65536];
    line->size = 0;
    *out_more = false;
    while (gzgets(file, piece, sizeof piece)) {
        *out_more = true;
        size_t size = strlen(piece);
        bool whole = size > 0 && piece[size - 1] == '\n';
        ingot_text_append_bytes(line, piece, size - whole);
        if (whole)
            break;
        if (line->size > (64u << 20))
            return ingot_fail(INGOT_LIMIT, "a line of the table is longer than 64 MB");
    }
    ingot_text_append_bytes(line, "", 1);
    return line->failed ? ingot_status_no_memory() : NULL;
}

ingot_status costmodel_import(costmodel_options *o)
{
    if (o->n_arguments != 1)
        return cli_usage("costmodel import: one file, please");
    table_reader t = {.path = o->arguments[0]};
    INGOT_TRY(ingot_store_open(o->path, INGOT_STORE_CREATE, &o->store));
    gzFile file = gzopen(t.path, "rb");
    if (!file)
        return ingot_fail(INGOT_IO, "%s: %s", t.path, strerror(errno));
    t.store = o->store;
    ingot_text line = {0};
    bool more = true;
    ingot_status status = ingot_store_begin(t.store);
    while (!status && more) {
        status = read_line(file, &line, &more);
        t.line++;
        if (!status && more && line.data[0] && line.data[0] != '#') {
            status = import_line(&t, line.data);
            t.rows++;
        }
    }
    ingot_text_free(&line);
    gzclose(file);
    ingot_status ended = ingot_store_end(t.store, status == NULL);
    if (!status)
        status = ended;
    else
        ingot_status_free(ended);
    if (!status)
        printf("%s: %lld rows from %s\n", o->path, (long long)t.rows, t.path);
    return status;
}
