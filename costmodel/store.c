/* The measurement store on SQLite. */
#include "costmodel/store.h"
#include "costmodel/features.h"
#include "runtime/plan.h"
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 2 /* 1: kernels of models without times */

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS machine(id INTEGER PRIMARY KEY, cpu TEXT NOT NULL, flags TEXT NOT NULL, target TEXT "
    "NOT NULL, compiler TEXT NOT NULL, calibration TEXT NOT NULL DEFAULT '', UNIQUE(cpu, flags, target, compiler));"
    "CREATE TABLE IF NOT EXISTS point(id INTEGER PRIMARY KEY, machine INTEGER NOT NULL REFERENCES machine(id), "
    "spec TEXT NOT NULL, task TEXT NOT NULL, problem TEXT NOT NULL, origin TEXT NOT NULL, cold INTEGER NOT NULL, "
    "threads INTEGER NOT NULL, median_ns REAL NOT NULL, spread REAL NOT NULL, reference REAL NOT NULL, code_bytes "
    "INTEGER NOT NULL, spills INTEGER NOT NULL, timings BLOB NOT NULL, features BLOB NOT NULL, "
    "UNIQUE(machine, spec, cold, threads));"
    "CREATE INDEX IF NOT EXISTS point_task ON point(machine, task, cold);"
    "CREATE TABLE IF NOT EXISTS model_run(id INTEGER PRIMARY KEY, machine INTEGER NOT NULL REFERENCES machine(id), "
    "model TEXT NOT NULL, config TEXT NOT NULL, kernels TEXT NOT NULL, cold INTEGER NOT NULL, ns REAL NOT NULL, "
    "other_ns REAL NOT NULL, spread REAL NOT NULL, UNIQUE(machine, model, config));"
    "PRAGMA user_version = 2;";

struct ingot_store {
    sqlite3 *db;
    char path[512];
};

static ingot_status failed(const ingot_store *store, const char *what)
{
    return ingot_fail(INGOT_IO, "%s: %s: %s", store->path, what, sqlite3_errmsg(store->db));
}

static ingot_status execute(ingot_store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? NULL : failed(store, "cannot be used");
}

static ingot_status check_version(ingot_store *store)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK)
        return failed(store, "is not a measurement store");
    int version = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : -1;
    sqlite3_finalize(s);
    if (version >= 0 && version <= SCHEMA_VERSION)
        return NULL;
    if (version < 0)
        return ingot_fail(INGOT_IO, "%s: is not a measurement store", store->path);
    return ingot_fail(INGOT_IO, "%s: has schema version %d; this Ingot reads version %d", store->path, version,
                      SCHEMA_VERSION);
}

ingot_status ingot_store_open(const char *path, ingot_store_mode mode, ingot_store **out)
{
    ingot_store *store = calloc(1, sizeof *store);
    *out = NULL;
    if (!store)
        return ingot_status_no_memory();
    snprintf(store->path, sizeof store->path, "%s", path);
    int flags = mode == INGOT_STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    ingot_status status = NULL;
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK)
        status = mode == INGOT_STORE_READ
                     ? ingot_fail(INGOT_IO, "%s: no measurements there; `ingot measure` makes some", path)
                     : failed(store, "cannot be opened");
    if (!status) {
        sqlite3_busy_timeout(store->db, 10000);
        status = check_version(store);
    }
    if (!status && mode == INGOT_STORE_CREATE)
        status = execute(store, schema);
    if (status)
        ingot_store_close(store);
    else
        *out = store;
    return status;
}

void ingot_store_close(ingot_store *store)
{
    if (!store)
        return;
    sqlite3_close(store->db);
    free(store);
}

/* Each missing folder on the way to a file. */
static ingot_status make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        int rc = mkdir(path, 0777);
        ingot_status status = rc && errno != EEXIST ? ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno)) : NULL;
        *at = '/';
        if (status)
            return status;
    }
    return NULL;
}

ingot_status ingot_store_default_path(bool make_folder, ingot_arena *arena, const char **out)
{
    const char *given = getenv("INGOT_STORE"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (given && *given)
        path = ingot_arena_printf(arena, "%s", given);
    else if (data && *data)
        path = ingot_arena_printf(arena, "%s/ingot/measurements.db", data);
    else if (home && *home)
        path = ingot_arena_printf(arena, "%s/.local/share/ingot/measurements.db", home);
    else
        return ingot_fail(INGOT_BAD_USAGE, "no place for measurements: set INGOT_STORE or HOME, or give --store FILE");
    if (!path)
        return ingot_status_no_memory();
    if (make_folder)
        INGOT_TRY(make_folders(path));
    *out = path;
    return NULL;
}

/* ---- Statements ---- */

static ingot_status prepare(ingot_store *store, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(store->db, sql, -1, out, NULL) == SQLITE_OK ? NULL : failed(store, "cannot be read");
}

static void bind_text(sqlite3_stmt *s, int i, const char *text)
{
    sqlite3_bind_text(s, i, text ? text : "", -1, SQLITE_TRANSIENT);
}

static ingot_status finish(ingot_store *store, sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    sqlite3_finalize(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? NULL : failed(store, "cannot be written");
}

static const char *text_at(sqlite3_stmt *s, int i)
{
    const char *text = (const char *)sqlite3_column_text(s, i);
    return text ? text : "";
}

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

/* ---- Machines ---- */

/* "model name" of the first CPU. */
static void read_cpuinfo(ingot_store_machine *m)
{
    char line[8192];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f) && !m->cpu[0]) {
        char *value = strchr(line, ':');
        if (!value)
            continue;
        value += strspn(value, ": ");
        value[strcspn(value, "\n")] = 0;
        if (strncmp(line, "model name", 10) == 0)
            copy_text(m->cpu, sizeof m->cpu, value);
    }
    if (f)
        fclose(f);
}

void ingot_store_this_machine(const ingot_target *native, const char *version, ingot_store_machine *out)
{
    static const char *const names[] = {"sse4.2",  "avx",      "avx2",     "fma",      "f16c",       "bmi2",
                                        "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni", "avx512bf16"};
    *out = (ingot_store_machine){0};
    read_cpuinfo(out);
    uint64_t have = ingot_cpu_detect();
    size_t at = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (have >> i & 1)
            at += (size_t)snprintf(out->flags + at, sizeof out->flags - at, "%s%s", at ? " " : "", names[i]);
    copy_text(out->target, sizeof out->target, native->name);
    copy_text(out->compiler, sizeof out->compiler, version);
}

ingot_status ingot_store_add_machine(ingot_store *store, ingot_store_machine *m)
{
    char calibration[INGOT_MACHINE_TEXT] = "";
    sqlite3_stmt *s;
    if (m->measured.gflops > 0)
        ingot_machine_print(&m->measured, calibration);
    INGOT_TRY(prepare(store,
                      "INSERT INTO machine(cpu, flags, target, compiler, calibration) VALUES(?, ?, ?, ?, ?) ON "
                      "CONFLICT DO UPDATE SET calibration = CASE WHEN excluded.calibration = '' THEN calibration ELSE "
                      "excluded.calibration END RETURNING id, calibration",
                      &s));
    bind_text(s, 1, m->cpu);
    bind_text(s, 2, m->flags);
    bind_text(s, 3, m->target);
    bind_text(s, 4, m->compiler);
    bind_text(s, 5, calibration);
    if (sqlite3_step(s) != SQLITE_ROW) {
        sqlite3_finalize(s);
        return failed(store, "cannot be written");
    }
    m->id = sqlite3_column_int64(s, 0);
    ingot_machine_parse(text_at(s, 1), &m->measured);
    return finish(store, s);
}

ingot_status ingot_store_each_machine(ingot_store *store, ingot_store_machine_fn *fn, void *arg)
{
    sqlite3_stmt *s;
    ingot_status status = NULL;
    INGOT_TRY(prepare(store, "SELECT id, cpu, flags, target, compiler, calibration FROM machine ORDER BY id", &s));
    while (!status && sqlite3_step(s) == SQLITE_ROW) {
        ingot_store_machine m = {.id = sqlite3_column_int64(s, 0)};
        copy_text(m.cpu, sizeof m.cpu, text_at(s, 1));
        copy_text(m.flags, sizeof m.flags, text_at(s, 2));
        copy_text(m.target, sizeof m.target, text_at(s, 3));
        copy_text(m.compiler, sizeof m.compiler, text_at(s, 4));
        ingot_machine_parse(text_at(s, 5), &m.measured);
        status = fn(arg, &m);
    }
    sqlite3_finalize(s);
    return status;
}

/* ---- Points ---- */

/* Features of the point, for those who read the file with other tools; ours are computed anew. */
static ingot_status bind_features(sqlite3_stmt *s, int i, const ingot_store_point *p)
{
    ingot_spec spec;
    double f[INGOT_FEATURE_COUNT];
    const ingot_target *target;
    INGOT_TRY(ingot_spec_parse(p->spec, strlen(p->spec), &spec));
    INGOT_TRY(ingot_target_find(spec.target, &target));
    const ingot_cost_query query = {.spec = &spec, .target = target, .cold = p->cold};
    ingot_features_compute(&query, f);
    sqlite3_bind_blob(s, i, f, sizeof f, SQLITE_TRANSIENT);
    return NULL;
}

ingot_status ingot_store_add_point(ingot_store *store, const ingot_store_point *p)
{
    sqlite3_stmt *s;
    INGOT_TRY(prepare(store,
                      "INSERT OR REPLACE INTO point(machine, spec, task, problem, origin, cold, threads, median_ns, "
                      "spread, reference, code_bytes, spills, timings, features) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                      "?, ?, ?, ?)",
                      &s));
    sqlite3_bind_int64(s, 1, p->machine);
    bind_text(s, 2, p->spec);
    bind_text(s, 3, p->task);
    bind_text(s, 4, p->problem);
    bind_text(s, 5, p->origin);
    sqlite3_bind_int(s, 6, p->cold);
    sqlite3_bind_int(s, 7, p->threads);
    sqlite3_bind_double(s, 8, p->median_ns);
    sqlite3_bind_double(s, 9, p->spread);
    sqlite3_bind_double(s, 10, p->reference);
    sqlite3_bind_int(s, 11, p->code_bytes);
    sqlite3_bind_int(s, 12, p->spills);
    float timings[INGOT_TIMINGS];
    for (int32_t i = 0; i < p->n && i < INGOT_TIMINGS; i++)
        timings[i] = (float)p->ns[i];
    sqlite3_bind_blob(s, 13, timings, p->n * (int)sizeof timings[0], SQLITE_TRANSIENT);
    ingot_status status = bind_features(s, 14, p);
    if (status) {
        sqlite3_finalize(s);
        return status;
    }
    return finish(store, s);
}

ingot_status ingot_store_has_task(ingot_store *store, int64_t machine, const char *task, bool cold, bool *out)
{
    sqlite3_stmt *s;
    INGOT_TRY(prepare(store, "SELECT 1 FROM point WHERE machine = ? AND task = ? AND cold = ? LIMIT 1", &s));
    sqlite3_bind_int64(s, 1, machine);
    bind_text(s, 2, task);
    sqlite3_bind_int(s, 3, cold);
    *out = sqlite3_step(s) == SQLITE_ROW;
    sqlite3_finalize(s);
    return NULL;
}

ingot_status ingot_store_count(ingot_store *store, int64_t *out_points, int64_t *out_tasks)
{
    sqlite3_stmt *s;
    INGOT_TRY(prepare(store, "SELECT count(*), count(DISTINCT task) FROM point", &s));
    bool found = sqlite3_step(s) == SQLITE_ROW;
    *out_points = found ? sqlite3_column_int64(s, 0) : 0;
    *out_tasks = found ? sqlite3_column_int64(s, 1) : 0;
    sqlite3_finalize(s);
    return NULL;
}

ingot_status ingot_store_each_point(ingot_store *store, ingot_store_point_fn *fn, void *arg)
{
    sqlite3_stmt *s;
    ingot_status status = NULL;
    INGOT_TRY(prepare(store,
                      "SELECT machine, spec, task, problem, origin, cold, threads, median_ns, spread, reference, "
                      "code_bytes, spills, timings FROM point ORDER BY id",
                      &s));
    while (!status && sqlite3_step(s) == SQLITE_ROW) {
        ingot_store_point p = {
            .machine = sqlite3_column_int64(s, 0),
            .spec = text_at(s, 1),
            .task = text_at(s, 2),
            .problem = text_at(s, 3),
            .origin = text_at(s, 4),
            .cold = sqlite3_column_int(s, 5) != 0,
            .threads = sqlite3_column_int(s, 6),
            .median_ns = sqlite3_column_double(s, 7),
            .spread = sqlite3_column_double(s, 8),
            .reference = sqlite3_column_double(s, 9),
            .code_bytes = sqlite3_column_int(s, 10),
            .spills = sqlite3_column_int(s, 11),
        };
        const void *timings = sqlite3_column_blob(s, 12);
        int32_t n = sqlite3_column_bytes(s, 12) / (int32_t)sizeof(float);
        for (p.n = 0; timings && p.n < n && p.n < INGOT_TIMINGS; p.n++) {
            float ns;
            memcpy(&ns, (const char *)timings + (size_t)p.n * sizeof ns, sizeof ns);
            p.ns[p.n] = (double)ns;
        }
        status = fn(arg, &p);
    }
    sqlite3_finalize(s);
    return status;
}

/* ---- Whole models ---- */

const char *ingot_store_kernel(const char *line, int32_t *out_count, double *out_ns)
{
    char *end;
    *out_count = (int32_t)strtol(line, &end, 10);
    *out_ns = *end == '@' ? strtod(end + 1, &end) : 0;
    return end + (*end == ' ');
}

/* Both runs as one: of each kernel the shorter time. What the quicker run loses by that, it is shorter. Where that does
 * not tell what a kernel took, it is what the other one does, times `share`. False: they are of different kernels. */
static bool merge_times(const char *quicker, const char *other, double share, ingot_text *out, double *out_saved)
{
    *out_saved = 0;
    while (*quicker && *other) {
        int32_t counts[2];
        double ns[2];
        quicker = ingot_store_kernel(quicker, &counts[0], &ns[0]);
        other = ingot_store_kernel(other, &counts[1], &ns[1]);
        size_t sizes[2] = {strcspn(quicker, "\n"), strcspn(other, "\n")};
        if (counts[0] != counts[1] || sizes[0] != sizes[1] || memcmp(quicker, other, sizes[0]) != 0)
            return false;
        bool shorter = ns[1] > 0 && ns[1] < ns[0];
        *out_saved += shorter ? counts[0] * (ns[0] - ns[1]) : 0;
        ns[0] = ns[0] > 0 ? ns[0] : ns[1] * share;
        ingot_text_append(out, "%d", counts[0]);
        if (ns[shorter] > 0)
            ingot_text_append(out, "@%.5g", ns[shorter]);
        ingot_text_append(out, " %.*s\n", (int)sizes[0], quicker);
        quicker += sizes[0] + (quicker[sizes[0]] != 0);
        other += sizes[1] + (other[sizes[1]] != 0);
    }
    return *quicker == *other;
}

/* The new run, or it and the old one of the same kernels as one, whose list is in `kernels`. */
static ingot_status merge_with_old(ingot_store *store, ingot_store_model_run *r, ingot_text *kernels)
{
    sqlite3_stmt *s;
    INGOT_TRY(
        prepare(store, "SELECT kernels, ns, spread FROM model_run WHERE machine = ? AND model = ? AND config = ?", &s));
    sqlite3_bind_int64(s, 1, r->machine);
    bind_text(s, 2, r->model);
    bind_text(s, 3, r->config);
    if (sqlite3_step(s) == SQLITE_ROW) {
        const char *old = text_at(s, 0);
        double ns = sqlite3_column_double(s, 1), saved;
        bool quicker = ns < r->ns;
        double share = r->ns > 0 && ns > 0 ? fmin(r->ns / ns, ns / r->ns) : 1;
        if (merge_times(quicker ? old : r->kernels, quicker ? r->kernels : old, share, kernels, &saved) &&
            !kernels->failed) {
            r->kernels = kernels->data ? kernels->data : "";
            r->spread = quicker ? sqlite3_column_double(s, 2) : r->spread;
            r->ns = (quicker ? ns : r->ns) - saved;
        }
    }
    sqlite3_finalize(s);
    return kernels->failed ? ingot_status_no_memory() : NULL;
}

ingot_status ingot_store_add_model_run(ingot_store *store, const ingot_store_model_run *run)
{
    sqlite3_stmt *s;
    ingot_store_model_run merged = *run, *r = &merged;
    ingot_text kernels = {0};
    ingot_status status = merge_with_old(store, r, &kernels);
    if (!status)
        status =
            prepare(store,
                    "INSERT OR REPLACE INTO model_run(machine, model, config, kernels, cold, ns, other_ns, spread) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                    &s);
    if (status) {
        ingot_text_free(&kernels);
        return status;
    }
    sqlite3_bind_int64(s, 1, r->machine);
    bind_text(s, 2, r->model);
    bind_text(s, 3, r->config);
    bind_text(s, 4, r->kernels);
    sqlite3_bind_int(s, 5, r->cold);
    sqlite3_bind_double(s, 6, r->ns);
    sqlite3_bind_double(s, 7, r->other_ns);
    sqlite3_bind_double(s, 8, r->spread);
    status = finish(store, s);
    ingot_text_free(&kernels);
    return status;
}

ingot_status ingot_store_each_model_run(ingot_store *store, ingot_store_model_run_fn *fn, void *arg)
{
    sqlite3_stmt *s;
    ingot_status status = NULL;
    INGOT_TRY(prepare(
        store, "SELECT machine, model, config, kernels, cold, ns, other_ns, spread FROM model_run ORDER BY id", &s));
    while (!status && sqlite3_step(s) == SQLITE_ROW) {
        const ingot_store_model_run r = {
            .machine = sqlite3_column_int64(s, 0),
            .model = text_at(s, 1),
            .config = text_at(s, 2),
            .kernels = text_at(s, 3),
            .cold = sqlite3_column_int(s, 4) != 0,
            .ns = sqlite3_column_double(s, 5),
            .other_ns = sqlite3_column_double(s, 6),
            .spread = sqlite3_column_double(s, 7),
        };
        status = fn(arg, &r);
    }
    sqlite3_finalize(s);
    return status;
}

ingot_status ingot_store_begin(ingot_store *store)
{
    return execute(store, "BEGIN");
}

ingot_status ingot_store_end(ingot_store *store, bool keep)
{
    return execute(store, keep ? "COMMIT" : "ROLLBACK");
}

/* ---- Merging ---- */

typedef struct merger {
    ingot_store *to;
    int64_t from_ids[256], to_ids[256], added;
    int32_t n;
} merger;

static ingot_status merge_machine(void *arg, const ingot_store_machine *machine)
{
    merger *m = arg;
    ingot_store_machine copy = *machine;
    if (m->n == 256)
        return ingot_fail(INGOT_LIMIT, "more than 256 machines in one store");
    INGOT_TRY(ingot_store_add_machine(m->to, &copy));
    m->from_ids[m->n] = machine->id;
    m->to_ids[m->n++] = copy.id;
    return NULL;
}

static int64_t new_id(const merger *m, int64_t id)
{
    for (int32_t i = 0; i < m->n; i++)
        if (m->from_ids[i] == id)
            return m->to_ids[i];
    return id;
}

static ingot_status merge_point(void *arg, const ingot_store_point *point)
{
    merger *m = arg;
    ingot_store_point copy = *point;
    copy.machine = new_id(m, point->machine);
    m->added++;
    return ingot_store_add_point(m->to, &copy);
}

static ingot_status merge_run(void *arg, const ingot_store_model_run *run)
{
    merger *m = arg;
    ingot_store_model_run copy = *run;
    copy.machine = new_id(m, run->machine);
    m->added++;
    return ingot_store_add_model_run(m->to, &copy);
}

ingot_status ingot_store_merge(ingot_store *store, const char *path, int64_t *out_added)
{
    merger m = {.to = store};
    ingot_store *from;
    INGOT_TRY(ingot_store_open(path, INGOT_STORE_READ, &from));
    ingot_status status = ingot_store_begin(store);
    if (!status)
        status = ingot_store_each_machine(from, merge_machine, &m);
    if (!status)
        status = ingot_store_each_point(from, merge_point, &m);
    if (!status)
        status = ingot_store_each_model_run(from, merge_run, &m);
    if (status)
        ingot_status_free(ingot_store_end(store, false));
    else
        status = ingot_store_end(store, true);
    ingot_store_close(from);
    *out_added = m.added;
    return status;
}
