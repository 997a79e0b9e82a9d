/* Passes keep results: every golden input of a pass is run by the portable kernels before and after that pass and after
 * whole pipelines. */
#include "passes/passes.h"
#include "tests/numeric/interpret.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/numeric/interpret.c" /* a helper of this folder; test programs are one source each */

static char *read_text(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    char *text = calloc(1, 1 << 20);
    *out_size = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static void check(ingot_status status, const char *what)
{
    cr_assert(status == NULL, "%s: %s", what, ingot_status_message(status));
}

/* Results of `text` after `passes` against those before. */
static void compare(const char *path, const char *text, size_t size, const char *passes)
{
    ingot_module *before, *after;
    ingot_arena arena = {0};
    ingot_tensor *want, *got;
    ingot_pass_context ctx = {.level = 2};
    char what[512];
    snprintf(what, sizeof what, "%s --passes=%s", path, passes);
    check(ingot_module_parse(text, size, path, NULL, &before), what);
    check(ingot_module_parse(text, size, path, NULL, &after), what);
    check(ingot_run_passes(after, passes, &ctx), what);
    check(ingot_module_verify(after), what);
    check(interpret_module(before, 7, 2, &arena, &want), what);
    check(interpret_module(after, 7, 2, &arena, &got), what);
    cr_assert_eq(before->graphs[0]->n_results, after->graphs[0]->n_results, "%s", what);
    for (int32_t i = 0; i < before->graphs[0]->n_results; i++) {
        double difference = interpret_difference(&got[i], &want[i], 1e-4);
        cr_assert(difference <= 1, "%s: result %d differs by %g tolerances", what, (int)i, difference);
    }
    ingot_arena_release(&arena);
    ingot_module_destroy(before);
    ingot_module_destroy(after);
}

Test(passes, golden_inputs_keep_results)
{
    int32_t n, cases = 0;
    const ingot_pass_info *table = ingot_pass_table(&n);
    for (int32_t i = 0; i < n; i++) {
        char folder[256], path[600];
        snprintf(folder, sizeof folder, INGOT_SOURCE_DIR "/tests/golden/%s", table[i].name);
        DIR *dir = opendir(folder);
        if (!dir)
            continue;
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            size_t length = strlen(entry->d_name), size;
            if (length < 6 || strcmp(entry->d_name + length - 5, ".mlir"))
                continue;
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            char *text = read_text(path, &size);
            if (strstr(text, "100000x")) { /* shows that a splat is not expanded: too large to run */
                free(text);
                continue;
            }
            compare(path, text, size, table[i].name);
            for (int32_t level = 0; level <= 3; level++)
                compare(path, text, size, ingot_default_pipeline(level));
            free(text);
            cases++;
        }
        closedir(dir);
    }
    cr_assert(cases > 30, "%d cases found", (int)cases);
}

Test(passes, unknown_pass_is_refused_before_any_runs)
{
    static const char text[] = "module {\n  \"ingot.graph\"() ({\n  ^bb0(%0: tensor<2xf32>):\n    %1 = "
                               "\"ingot.exp\"(%0) : (tensor<2xf32>) -> tensor<2xf32>\n"
                               "    \"ingot.return\"(%0) {names = [\"y\"]} : (tensor<2xf32>) -> ()\n  }) {sym_name = "
                               "\"main\", param_names = [\"x\"]} : () -> ()\n}\n";
    ingot_module *m;
    ingot_pass_context ctx = {.level = 2};
    check(ingot_module_parse(text, sizeof text - 1, "test", NULL, &m), "parse");
    ingot_status status = ingot_run_passes(m, "canonicalize,polish", &ctx);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE);
    cr_assert(strstr(ingot_status_message(status), "fuse_maps") != NULL);
    ingot_status_free(status);
    cr_assert_not_null(m->graphs[0]->first); /* the dead exp is still there */
    ingot_module_destroy(m);
}

static ingot_status stop(void *arg)
{
    (void)arg;
    return ingot_status_make(INGOT_LIMIT, __FILE__, __LINE__, "cancelled");
}

Test(passes, cancellation_ends_a_run)
{
    static const char text[] = "module {\n  \"ingot.graph\"() ({\n  ^bb0(%0: tensor<2xf32>):\n    \"ingot.return\"(%0) "
                               "{names = [\"y\"]} : (tensor<2xf32>) -> ()\n"
                               "  }) {sym_name = \"main\", param_names = [\"x\"]} : () -> ()\n}\n";
    ingot_module *m;
    ingot_pass_context ctx = {.level = 2, .cancelled = stop};
    check(ingot_module_parse(text, sizeof text - 1, "test", NULL, &m), "parse");
    ingot_status status = ingot_run_passes(m, "canonicalize", &ctx);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    ingot_status_free(status);
    ingot_module_destroy(m);
}
