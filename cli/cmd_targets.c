/* ingot targets: the CPUs that code can be made for. */
#include "cli/cli.h"
#include "costmodel/store.h"
#include "runtime/plan.h"
#include <string.h>

static const char help[] =
    "usage: ingot targets [--json] [--store FILE]\n\n"
    "Lists what --cpu takes: name, whether this machine runs it, vector width, and which CPUs it stands for.\n"
    "`native`, the default, is the row of this machine. Then what `ingot measure --calibrate` found of machines.\n";

/* ---- Calibrated machines, from the measurement store ---- */

typedef struct listing {
    bool json, any;
    cJSON *array;
} listing;

static ingot_status show_machine(void *arg, const ingot_store_machine *m)
{
    listing *l = arg;
    if (m->measured.gflops <= 0)
        return NULL;
    char text[INGOT_MACHINE_TEXT];
    ingot_machine_print(&m->measured, text);
    if (!l->json) {
        printf("%s\n%s, %s, Ingot %s\n", l->any ? "" : "\ncalibrated machines", m->target, m->cpu, m->compiler);
        for (const char *at = text; *at;) { /* four numbers a line */
            size_t size = 0;
            for (int n = 0; n < 4 && at[size]; n++)
                size += strcspn(at + size, " ") + (at[size + strcspn(at + size, " ")] != 0);
            printf("  %.*s\n", (int)size, at);
            at += size;
        }
    }
    l->any = true;
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "target", m->target);
    cJSON_AddStringToObject(item, "cpu", m->cpu);
    cJSON_AddStringToObject(item, "measured", text);
    cJSON_AddItemToArray(l->array, item);
    return NULL;
}

/* A store that is not there is no error, unless it was named. */
static ingot_status show_machines(const char *path, bool json, cJSON *array)
{
    listing l = {.json = json, .array = array};
    ingot_arena arena = {0};
    ingot_store *store = NULL;
    const char *at = path;
    ingot_status status = path ? NULL : ingot_store_default_path(false, &arena, &at);
    if (!status)
        status = ingot_store_open(at, INGOT_STORE_READ, &store);
    if (status && !path) {
        ingot_status_free(status);
        status = NULL;
    } else if (!status) {
        status = ingot_store_each_machine(store, show_machine, &l);
    }
    ingot_store_close(store);
    ingot_arena_release(&arena);
    return status;
}

ingot_status cli_targets(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"store", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    bool json = false;
    const char *store = NULL;
    for (int option; (option = getopt_long(argc, argv, "hj", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return NULL;
        }
        if (option == 's')
            store = optarg;
        else if (option == 'j')
            json = true;
        else
            return cli_bad_option(argc, argv, "targets");
    }
    const ingot_target *native = NULL;
    ingot_status_free(ingot_target_find("native", &native));
    uint64_t have = ingot_cpu_detect();
    int32_t n;
    const ingot_target *table = ingot_target_table(&n);
    cJSON *root = cJSON_CreateObject(), *array = cJSON_AddArrayToObject(root, "targets");
    cJSON_AddNumberToObject(root, "schema", 1);
    cJSON_AddStringToObject(root, "native", native ? native->name : "");
    for (int32_t i = 0; i < n; i++) {
        const ingot_target *t = &table[i];
        bool runs = (t->required & ~have) == 0;
        if (!json)
            printf("%-15s %-7s %3d-bit  %s%s\n", t->name, runs ? "runs" : "-", t->vector_bytes * 8, t->summary,
                   t == native ? "  (this machine)" : "");
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", t->name);
        cJSON_AddStringToObject(item, "summary", t->summary);
        cJSON_AddBoolToObject(item, "runs_here", runs);
        cJSON_AddNumberToObject(item, "vector_bits", t->vector_bytes * 8);
        cJSON_AddItemToArray(array, item);
    }
    ingot_status status = show_machines(store, json, cJSON_AddArrayToObject(root, "machines"));
    if (json && !status)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return status;
}
