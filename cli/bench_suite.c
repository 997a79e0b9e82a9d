/* ingot bench --kernel-suite: the kernels of a file, and the share of its bound that each group of them reaches. */
#include "cli/bench.h"
#include <stdlib.h>
#include <string.h>

#define WANTED 0.7 /* of the bound, of any kernel */

/* Kernels that are held to the same share: families, but contractions by their rows and convolutions by their taps. */
enum { ROWS, FEW_ROWS, CONV_1X1, CONV_3X3, CONV, OTHER };
static const char *const split_names[] = {"contract, m >= 16", "contract, m < 16", "conv 1x1", "conv 3x3",
                                          "conv, other"};
#define GROUPS (OTHER + INGOT_FAMILY_COUNT)

static int64_t value_of(ingot_size size, const int64_t *sizes)
{
    return ingot_size_is_dynamic(size) ? sizes[ingot_size_index(size)] : size;
}

int32_t bench_kernel_group(const ingot_spec *spec, const int64_t *sizes)
{
    if (spec->family == INGOT_FAMILY_contract)
        return value_of(spec->dims[2], sizes) >= 16 ? ROWS : FEW_ROWS;
    if (spec->family != INGOT_FAMILY_conv)
        return OTHER + (int32_t)spec->family;
    int64_t kh = value_of(spec->dims[7], sizes), kw = value_of(spec->dims[8], sizes);
    return kh == 1 && kw == 1 ? CONV_1X1 : kh == 3 && kw == 3 ? CONV_3X3 : CONV;
}

static const char *group_name(int32_t group)
{
    return group < OTHER ? split_names[group] : ingot_family_info_get((ingot_family)(group - OTHER))->name;
}

typedef struct suite_line {
    bench_kernel_result result;
    int32_t number; /* in the file */
} suite_line;

static int by_share(const void *a, const void *b)
{
    const suite_line *x = a, *y = b;
    return cli_compare_doubles(&x->result.of_bound, &y->result.of_bound);
}

/* `lines` of one group, sorted by share. */
static void print_group(const bench_options *o, const suite_line *lines, int32_t n, double median, cJSON *families)
{
    int32_t below = 0;
    while (below < n && lines[below].result.of_bound < WANTED)
        below++;
    const char *name = group_name(lines->result.group);
    if (!families) {
        printf("%-20s %5d  %5.0f%%  %5.0f%%  %11d  %s:%d\n", name, n, 100 * median, 100 * lines->result.of_bound, below,
               o->kernel_suite, lines->number);
        return;
    }
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "family", name);
    cJSON_AddNumberToObject(item, "kernels", n);
    cli_json_number(item, "median", median);
    cli_json_number(item, "worst", lines->result.of_bound);
    cJSON_AddNumberToObject(item, "worst_line", lines->number);
    cJSON_AddNumberToObject(item, "below_70", below);
    cJSON_AddItemToArray(families, item);
}

/* By group; reorders the lines. */
static ingot_status print_summary(const bench_options *o, suite_line *lines, int32_t n, ingot_arena *arena)
{
    cJSON *root = o->json ? cJSON_CreateObject() : NULL,
          *families = root ? cJSON_AddArrayToObject(root, "families") : NULL;
    suite_line *some;
    double *shares;
    INGOT_TRY(ingot_arena_array(arena, (size_t)n + 1, sizeof *some, (void **)&some));
    INGOT_TRY(ingot_arena_array(arena, (size_t)n + 1, sizeof *shares, (void **)&shares));
    if (!root)
        printf("\n%-20s %5s  %6s  %6s  %11s  %s\n", "share of the bound", "specs", "median", "worst", "under 70 %",
               "worst at");
    qsort(lines, (size_t)n, sizeof *lines, by_share);
    for (int32_t group = 0; group < GROUPS; group++) {
        int32_t count = 0;
        for (int32_t i = 0; i < n; i++)
            if (lines[i].result.group == group) {
                some[count] = lines[i];
                shares[count++] = lines[i].result.of_bound;
            }
        if (count)
            print_group(o, some, count, cli_percentile(shares, count, 0.5), families);
    }
    return root ? cli_json_print(root, false) : NULL;
}

/* A line that cannot be timed does not keep the others from it. */
static void print_failure(const bench_options *o, const char *line, int32_t number, ingot_status status)
{
    if (o->json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "spec", line);
        cJSON_AddStringToObject(root, "error", ingot_status_message(status));
        ingot_status_free(cli_json_print(root, false));
    } else {
        printf("%s:%d: %s\n", o->kernel_suite, number, ingot_status_message(status));
    }
    ingot_status_free(status);
}

ingot_status bench_suite(bench_options *o, const ingot_machine *machine)
{
    void *data;
    size_t size;
    INGOT_TRY(cli_read_file(o->kernel_suite, 1 << 28, &o->arena, &data, &size));
    ((char *)data)[size] = 0; /* cli_read_file leaves room */
    size_t capacity = 1;
    for (size_t i = 0; i < size; i++)
        capacity += ((const char *)data)[i] == '\n';
    suite_line *lines;
    INGOT_TRY(ingot_arena_array(&o->arena, capacity, sizeof *lines, (void **)&lines));
    int32_t number = 0, n = 0, failed = 0;
    ingot_code code = INGOT_OK;
    for (char *at = data, *next; at && *at; at = next) {
        next = strchr(at, '\n');
        if (next)
            *next++ = 0;
        number++;
        if (!*at || *at == '#')
            continue;
        ingot_status status = bench_kernel(o, at, machine, &lines[n].result);
        lines[n].number = number;
        n += !status;
        if (status) {
            code = ingot_status_code(status);
            failed++;
            print_failure(o, at, number, status);
        }
    }
    INGOT_TRY(print_summary(o, lines, n, &o->arena));
    return failed ? ingot_fail(code, "%s: %d of %d specs could not be timed", o->kernel_suite, failed, failed + n)
                  : NULL;
}
