/* The measurement store: what is added comes back, stores merge, other files are refused. */
#include "costmodel/dataset.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char spec_line[] =
    "map d0=4096 in=f32[1] out=f32[1] body=\"(f32) r1=relu(r0):f32 -> r1\" | unroll=4 | znver3";
static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/ingot-store-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(store, .init = make_folder, .fini = remove_folder);

static void expect_ok(ingot_status status)
{
    cr_assert(status == NULL, "%s", status ? ingot_status_message(status) : "");
}

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static ingot_store *open_with(const char *name, const char *cpu, int32_t points)
{
    ingot_store *store;
    ingot_store_machine m = {.target = "znver3", .compiler = "1"};
    snprintf(m.cpu, sizeof m.cpu, "%s", cpu);
    ingot_machine_parse("gflops=100 l1_gbs=200 l2_gbs=100 l3_gbs=40 dram_gbs=15", &m.measured);
    expect_ok(ingot_store_open(path_of(name), INGOT_STORE_CREATE, &store));
    expect_ok(ingot_store_add_machine(store, &m));
    for (int32_t i = 0; i < points; i++) {
        char line[512];
        snprintf(line, sizeof line,
                 "map d0=%d in=f32[1] out=f32[1] body=\"(f32) r1=relu(r0):f32 -> r1\" | unroll=4 | znver3", 64 + i);
        ingot_store_point p = {.machine = m.id,
                               .spec = line,
                               .task = line,
                               .problem = line,
                               .origin = "a.b1",
                               .threads = 1,
                               .n = 3,
                               .ns = {101, 100, 102},
                               .median_ns = 101,
                               .spread = 0.01};
        expect_ok(ingot_store_add_point(store, &p));
    }
    return store;
}

static ingot_status check_point(void *arg, const ingot_store_point *p)
{
    ++*(int *)arg;
    cr_expect_eq(p->n, 3);
    cr_expect_float_eq(p->ns[2], 102, 1e-3);
    cr_expect_str_eq(p->origin, "a.b1");
    return NULL;
}

Test(store, points_come_back)
{
    ingot_store *store = open_with("a.db", "one", 3);
    int n = 0;
    int64_t points, tasks;
    expect_ok(ingot_store_each_point(store, check_point, &n));
    cr_expect_eq(n, 3);
    expect_ok(ingot_store_count(store, &points, &tasks));
    cr_expect(points == 3 && tasks == 3);
    ingot_store_close(store);
}

Test(store, a_newer_measurement_replaces)
{
    ingot_store *store = open_with("a.db", "one", 3);
    ingot_store_close(store);
    store = open_with("a.db", "one", 3);
    int64_t points, tasks;
    expect_ok(ingot_store_count(store, &points, &tasks));
    cr_expect_eq(points, 3);
    ingot_store_close(store);
}

typedef struct kept_run {
    double ns;
    char kernels[128];
} kept_run;

static ingot_status take_run(void *arg, const ingot_store_model_run *r)
{
    kept_run *kept = arg;
    kept->ns = r->ns;
    snprintf(kept->kernels, sizeof kept->kernels, "%s", r->kernels);
    return NULL;
}

/* Of the same kernels the shortest times stay, and the quicker run less what they save it; other kernels replace it. */
Test(store, runs_of_a_model_are_merged)
{
    ingot_store *store = open_with("a.db", "one", 1);
    const struct {
        const char *kernels;
        double ns, kept_ns;
        const char *kept;
    } runs[] = {
        {"1 a\n", 100, 100, "1 a\n"}, /* as stores of schema version 1 have them */
        {"1 a\n", 120, 100, "1 a\n"},
        {"1@60 a\n", 120, 100, "1@50 a\n"}, /* all of it a sixth shorter */
        {"1@60 a\n", 90, 80, "1@50 a\n"},
        {"2@30 b\n1@20 c\n", 100, 100, "2@30 b\n1@20 c\n"},
        {"2@25 b\n1@50 c\n", 120, 90, "2@25 b\n1@20 c\n"}, /* slower, but not its b: 2 * 5 less */
        {"2@28 b\n1@10 c\n", 80, 74, "2@25 b\n1@10 c\n"},  /* quicker, and b was quicker still */
        {"1@28 b\n1@10 c\n", 300, 300, "1@28 b\n1@10 c\n"},
    };
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        const ingot_store_model_run r = {
            .machine = 1, .model = "m", .config = "default", .kernels = runs[i].kernels, .ns = runs[i].ns};
        kept_run kept = {0};
        expect_ok(ingot_store_add_model_run(store, &r));
        expect_ok(ingot_store_each_model_run(store, take_run, &kept));
        cr_expect_float_eq(kept.ns, runs[i].kept_ns, 1e-9, "%d: %g", (int)i, kept.ns);
        cr_expect_str_eq(kept.kernels, runs[i].kept);
    }
    ingot_store_close(store);
}

Test(store, stores_merge)
{
    ingot_store_close(open_with("b.db", "two", 4));
    ingot_store *store = open_with("a.db", "one", 3);
    int64_t added, points, tasks;
    expect_ok(ingot_store_merge(store, path_of("b.db"), &added));
    expect_ok(ingot_store_count(store, &points, &tasks));
    cr_expect_eq(added, 4);
    cr_expect_eq(points, 7);
    ingot_store_close(store);
}

Test(store, other_files_are_refused)
{
    ingot_store *store;
    ingot_status status = ingot_store_open(path_of("none.db"), INGOT_STORE_READ, &store);
    cr_assert(status != NULL);
    cr_expect(strstr(ingot_status_message(status), "ingot measure") != NULL);
    ingot_status_free(status);
    FILE *f = fopen(path_of("text.db"), "wb");
    cr_assert(f != NULL);
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", f);
    fclose(f);
    status = ingot_store_open(path_of("text.db"), INGOT_STORE_CREATE, &store);
    cr_assert(status != NULL && store == NULL);
    cr_expect_eq(ingot_status_code(status), INGOT_IO);
    ingot_status_free(status);
}

Test(store, a_data_set_is_split_without_overlap)
{
    ingot_store *store = open_with("a.db", "one", 50);
    ingot_dataset data;
    expect_ok(ingot_dataset_load(store, NULL, &data));
    cr_expect_eq(data.n, 50);
    uint8_t uses[50];
    int tested[50] = {0};
    for (int32_t fold = 0; fold < ingot_split_folds(INGOT_SPLIT_SHAPE); fold++) {
        expect_ok(ingot_split_rows(&data, INGOT_SPLIT_SHAPE, fold, 7, uses, NULL));
        for (int i = 0; i < 50; i++) {
            tested[i] += uses[i] == INGOT_ROW_TEST;
            for (int k = 0; k < 50; k++) /* no problem on both sides */
                cr_assert(data.rows[i].problem != data.rows[k].problem || uses[i] == uses[k]);
        }
    }
    for (int i = 0; i < 50; i++)
        cr_expect_eq(tested[i], 1);
    ingot_dataset_release(&data);
    ingot_store_close(store);
}

Test(store, features_are_finite_and_named)
{
    ingot_spec spec;
    const ingot_target *target;
    double f[INGOT_FEATURE_COUNT];
    expect_ok(ingot_spec_parse(spec_line, strlen(spec_line), &spec));
    expect_ok(ingot_target_find("znver3", &target));
    const ingot_cost_query query = {.spec = &spec, .target = target};
    ingot_features_compute(&query, f);
    for (int i = 0; i < INGOT_FEATURE_COUNT; i++) {
        cr_expect(f[i] > -1e6 && f[i] < 1e6, "%s is %g", ingot_feature_table()[i].name, f[i]);
        cr_expect(*ingot_feature_table()[i].meaning != 0);
    }
    cr_expect_float_eq(f[INGOT_FEATURE_bytes_in], 14, 0.01); /* 16 KB */
    cr_expect_eq(f[INGOT_FEATURE_unit_stride], 2);
}
