/* Measurements in an SQLite file: kernels on random data, whole models, and what calibration found of each machine.
 * Several processes may use one file.
 *
 *     ingot_store *store;
 *     INGOT_TRY(ingot_store_open(path, INGOT_STORE_CREATE, &store));
 *     INGOT_TRY(ingot_store_add_machine(store, &machine, &id));
 *     INGOT_TRY(ingot_store_add_point(store, &point));
 *     ingot_store_close(store);
 *
 * Tables (schema version in PRAGMA user_version): machine, point, model_run, tuned; see store.c.
 */
#ifndef INGOT_COSTMODEL_STORE_H
#define INGOT_COSTMODEL_STORE_H
#include "costmodel/costmodel.h"
#include "costmodel/machine.h"

#define INGOT_TIMINGS 21 /* of one point; the label is their median */

typedef struct ingot_store ingot_store;
typedef enum { INGOT_STORE_READ, INGOT_STORE_CREATE } ingot_store_mode;
INGOT_MUST_USE ingot_status ingot_store_open(const char *path, ingot_store_mode mode, ingot_store **out);
void ingot_store_close(ingot_store *store);
/* $INGOT_STORE, else ingot/measurements.db in $XDG_DATA_HOME or ~/.local/share; in `arena`. make_folder: creates it. */
INGOT_MUST_USE ingot_status ingot_store_default_path(bool make_folder, ingot_arena *arena, const char **out);

/* The same CPU, flags, target row and compiler version: the same machine. */
typedef struct ingot_store_machine {
    int64_t id;
    char cpu[128], flags[512], target[32], compiler[32];
    ingot_machine measured; /* zeros: not calibrated */
} ingot_store_machine;
/* Fills in this machine's names. */
void ingot_store_this_machine(const ingot_target *native, const char *version, ingot_store_machine *out);
/* Finds or adds; a calibration that is given replaces the old one. Sets machine->id. */
INGOT_MUST_USE ingot_status ingot_store_add_machine(ingot_store *store, ingot_store_machine *machine);
typedef ingot_status ingot_store_machine_fn(void *arg, const ingot_store_machine *machine);
INGOT_MUST_USE ingot_status ingot_store_each_machine(ingot_store *store, ingot_store_machine_fn *fn, void *arg);

typedef struct ingot_store_point {
    int64_t machine;
    const char *spec;    /* the whole line */
    const char *task;    /* its task part: what splits and regret go by */
    const char *problem; /* tasks that compute the same (a direct and a Winograd convolution) share it; else the task */
    const char *origin;  /* the model that it is from, or "near MODEL" */
    bool cold;
    int32_t threads, n;         /* n timings */
    double ns[INGOT_TIMINGS];   /* of a call each */
    double median_ns, spread;   /* spread: interquartile range over the median */
    double reference;           /* time of the reference work around it over its best: 1 on a quiet machine */
    int32_t code_bytes, spills; /* spills: vector registers written to the stack, instructions */
} ingot_store_point;
/* Replaces an older measurement of the same spec and state on the same machine. */
INGOT_MUST_USE ingot_status ingot_store_add_point(ingot_store *store, const ingot_store_point *point);
INGOT_MUST_USE ingot_status ingot_store_has_task(ingot_store *store, int64_t machine, const char *task, bool cold,
                                                 bool *out);
INGOT_MUST_USE ingot_status ingot_store_count(ingot_store *store, int64_t *out_points, int64_t *out_tasks);
typedef ingot_status ingot_store_point_fn(void *arg, const ingot_store_point *point);
/* In the order of insertion. Strings live until the callback returns. */
INGOT_MUST_USE ingot_status ingot_store_each_point(ingot_store *store, ingot_store_point_fn *fn, void *arg);

/* A model run as a whole: its kernels as lines "COUNT@NS SPEC", one each; NS: what a call took on average in this run
 * (stores of schema version 1: "COUNT SPEC"). */
typedef struct ingot_store_model_run {
    int64_t machine;
    const char *model, *config; /* "resnet50", "batch=4" */
    const char *kernels;
    bool cold;
    double ns, other_ns, spread; /* other_ns: predicted for steps that are no kernels */
} ingot_store_model_run;
/* Measured again with the same kernels, the shortest time of each stays, and the quicker run less what its kernels lose
 * by that: what disturbs a run only ever makes it longer. */
INGOT_MUST_USE ingot_status ingot_store_add_model_run(ingot_store *store, const ingot_store_model_run *run);
/* Reads a line of `kernels`: returns its spec, which ends with the line; ns 0: not told. */
const char *ingot_store_kernel(const char *line, int32_t *out_count, double *out_ns);
typedef ingot_status ingot_store_model_run_fn(void *arg, const ingot_store_model_run *run);
INGOT_MUST_USE ingot_status ingot_store_each_model_run(ingot_store *store, ingot_store_model_run_fn *fn, void *arg);

/* One transaction around many additions; keep: false takes them all back. */
INGOT_MUST_USE ingot_status ingot_store_begin(ingot_store *store);
INGOT_MUST_USE ingot_status ingot_store_end(ingot_store *store, bool keep);
/* Everything of another file. */
INGOT_MUST_USE ingot_status ingot_store_merge(ingot_store *store, const char *path, int64_t *out_added);
#endif
