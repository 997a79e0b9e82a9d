/* Compilation of spec lines: worker processes, the cache, failures that name their line. */
#include "codegen/codegen.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES 6
static char texts[LINES][256];
static const char *lines[LINES];

static void make_lines(void)
{
    for (int i = 0; i < LINES; i++) {
        snprintf(texts[i], sizeof texts[i],
                 "contract b0=1 b1=1 m=%d n=16 k=8 in=f32[0,0,8,0,1] in=f32.packed16.const[0,0,0,0,0] "
                 "out=f32[0,0,16,1,0] | mr=0 nr=0 kc=0 nb=0 units=0 | x86-64-v3",
                 i + 1);
        lines[i] = texts[i];
    }
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static void count(void *arg, int32_t done, int32_t total)
{
    int *last = arg;
    cr_expect_eq(total, LINES);
    cr_expect_eq(done, *last + 1);
    *last = done;
}

Test(workers, same_bytes_as_in_process)
{
    ingot_arena arena = {0};
    ingot_object here[LINES], there[LINES];
    int done = 0, before = open_descriptors();
    make_lines();
    ingot_status s = ingot_codegen_compile(
        lines, LINES, &(ingot_codegen_options){.workers = 3, .progress = count, .progress_arg = &done}, &arena, there);
    cr_assert_null(s, "%s", ingot_status_message(s));
    cr_expect_eq(done, LINES);
    cr_expect_eq(open_descriptors(), before);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a worker is left");
    s = ingot_codegen_compile(lines, LINES, &(ingot_codegen_options){.workers = -1}, &arena, here);
    cr_assert_null(s, "%s", ingot_status_message(s));
    for (int i = 0; i < LINES; i++) {
        cr_assert_eq(here[i].size, there[i].size);
        cr_expect(memcmp(here[i].data, there[i].data, here[i].size) == 0, "object %d differs", i);
        cr_expect(memcmp(here[i].data, "\177ELF", 4) == 0);
    }
    ingot_arena_release(&arena);
}

static void expect_failure(const ingot_codegen_options *options, ingot_code code, const char *part)
{
    ingot_arena arena = {0};
    ingot_object out[LINES];
    int before = open_descriptors();
    ingot_status s = ingot_codegen_compile(lines, LINES, options, &arena, out);
    cr_assert_not_null(s, "no failure, but expected: %s", part);
    cr_expect_eq(ingot_status_code(s), code, "%s", ingot_status_message(s));
    cr_expect(strstr(ingot_status_message(s), part) != NULL, "%s", ingot_status_message(s));
    cr_expect_eq(open_descriptors(), before);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a worker is left");
    ingot_status_free(s);
    ingot_arena_release(&arena);
}

Test(workers, failures_name_their_line)
{
    make_lines();
    lines[3] = "contract nonsense | | x86-64-v3";
    expect_failure(&(ingot_codegen_options){.workers = 2}, INGOT_BAD_USAGE, "nonsense");
    make_lines();
    expect_failure(&(ingot_codegen_options){.workers = 2, .timeout_s = 1e-6}, INGOT_LIMIT, "took more than");
}

/* The C library may have address space in reserve, so that little work still succeeds; if not, it is a status that says
 * so. */
Test(workers, memory_limit)
{
    ingot_arena arena = {0};
    ingot_object out[LINES];
    int before = open_descriptors();
    make_lines();
    ingot_status s =
        ingot_codegen_compile(lines, LINES, &(ingot_codegen_options){.workers = 2, .max_memory = 8 << 20}, &arena, out);
    cr_expect(!s || (ingot_status_code(s) == INGOT_INTERNAL && strstr(ingot_status_message(s), "memory limit")), "%s",
              ingot_status_message(s));
    cr_expect_eq(open_descriptors(), before);
    ingot_status_free(s);
    ingot_arena_release(&arena);
}

static ingot_status stop_now(void *arg)
{
    (void)arg;
    return ingot_fail(INGOT_LIMIT, "stopped by the caller");
}

Test(workers, cancelling)
{
    make_lines();
    expect_failure(&(ingot_codegen_options){.workers = 2, .cancelled = stop_now}, INGOT_LIMIT, "stopped by the caller");
}

Test(workers, cache_survives_damage)
{
    char dir[] = "/tmp/ingot-cache-XXXXXX", path[600];
    ingot_arena arena = {0};
    ingot_object first[LINES], again[LINES];
    make_lines();
    cr_assert_not_null(mkdtemp(dir));
    const ingot_codegen_options options = {.workers = 2, .cache_dir = dir};
    for (int round = 0; round < 3; round++) {
        ingot_status s = ingot_codegen_compile(lines, LINES, &options, &arena, round ? again : first);
        cr_assert_null(s, "%s", ingot_status_message(s));
        for (int i = 0; i < LINES && round > 0; i++)
            cr_expect(first[i].size == again[i].size && memcmp(first[i].data, again[i].data, first[i].size) == 0);
        DIR *d = opendir(dir);
        int files = 0;
        for (struct dirent *f; d && (f = readdir(d));) {
            if (f->d_name[0] == '.')
                continue;
            files++;
            snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
            if (round == 2) {
                unlink(path);
            } else if (round == 1 || files % 2) { /* cut, or changed in the middle */
                FILE *file = fopen(path, files % 3 ? "r+" : "w");
                if (file) {
                    fseek(file, 300, SEEK_SET);
                    fputs("damaged", file);
                    fclose(file);
                }
            }
        }
        if (d)
            closedir(d);
        cr_expect_eq(files, LINES);
    }
    rmdir(dir);
    ingot_arena_release(&arena);
}

Test(workers, cache_makes_its_folder_and_the_parents)
{
    char base[] = "/tmp/ingot-cache-XXXXXX", dir[64], path[600];
    ingot_arena arena = {0};
    ingot_object out[LINES];
    make_lines();
    cr_assert_not_null(mkdtemp(base));
    snprintf(dir, sizeof dir, "%s/a/b", base);
    const ingot_codegen_options options = {.workers = 2, .cache_dir = dir};
    cr_assert_null(ingot_codegen_compile(lines, LINES, &options, &arena, out));
    DIR *d = opendir(dir);
    cr_assert_not_null(d);
    int files = 0;
    for (struct dirent *f; (f = readdir(d));) {
        if (f->d_name[0] == '.')
            continue;
        files++;
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        unlink(path);
    }
    closedir(d);
    cr_expect_eq(files, LINES);
    cr_expect_eq(rmdir(dir), 0);
    *strrchr(dir, '/') = 0;
    cr_expect_eq(rmdir(dir), 0);
    cr_expect_eq(rmdir(base), 0);
    ingot_arena_release(&arena);
}
