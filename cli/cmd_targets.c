/* ingot targets: the CPUs that code can be made for. */
#include "cli/cli.h"
#include "runtime/plan.h"

static const char help[] =
    "usage: ingot targets [--json]\n\n"
    "Lists what --cpu takes: name, whether this machine runs it, vector width, and which CPUs it stands for.\n"
    "`native`, the default, is the row of this machine.\n";

ingot_status cli_targets(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "hj", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return NULL;
        }
        if (option != 'j')
            return cli_bad_option(argc, argv, "targets");
        json = true;
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
    if (json)
        return cli_json_print(root, true);
    cJSON_Delete(root);
    return NULL;
}
