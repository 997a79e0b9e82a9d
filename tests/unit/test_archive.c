/* Archives round-trip, the system's tools read them, and nothing malformed is believed. */
#include "codegen/artifact.h"
#include "codegen/elf.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ingot_arena arena;

/* The compiler's own copy of the runtime: some dozens of real objects. */
static int32_t read_runtime(ingot_archive_member **out)
{
    int32_t n;
    ingot_status status = ingot_archive_read(ingot_rt_archive_begin,
                                             (size_t)(ingot_rt_archive_end - ingot_rt_archive_begin), &arena, out, &n);
    cr_assert_null(status, "%s", ingot_status_message(status));
    cr_assert_gt(n, 20);
    return n;
}

static void release(void)
{
    ingot_arena_release(&arena);
}

Test(archive, what_is_written_is_read_back, .fini = release)
{
    ingot_archive_member *runtime, *again;
    int32_t n = read_runtime(&runtime), n_again;
    ingot_text bytes = {0}, twice = {0};
    cr_assert_null(ingot_archive_write(runtime, n, &bytes));
    cr_assert_null(ingot_archive_read(bytes.data, bytes.size, &arena, &again, &n_again));
    cr_assert_eq(n, n_again);
    for (int32_t i = 0; i < n; i++) {
        cr_assert_str_eq(runtime[i].name, again[i].name);
        cr_assert_eq(runtime[i].size, again[i].size);
        cr_assert_arr_eq(runtime[i].data, again[i].data, runtime[i].size);
    }
    cr_assert_null(ingot_archive_write(again, n, &twice));
    cr_assert_eq(bytes.size, twice.size);
    cr_assert_arr_eq(bytes.data, twice.data, bytes.size);
    ingot_text_free(&bytes);
    ingot_text_free(&twice);
}

Test(archive, the_systems_tools_find_its_symbols, .fini = release)
{
    ingot_archive_member *runtime;
    int32_t n = read_runtime(&runtime);
    char path[64], command[160], line[512];
    ingot_text bytes = {0};
    cr_assert_null(ingot_archive_write(runtime, n, &bytes));
    snprintf(path, sizeof path, "/tmp/ingot-test-%ld.a", (long)getpid());
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    ingot_text_free(&bytes);
    snprintf(command, sizeof command, "nm --print-armap %s 2>/dev/null", path);
    FILE *nm = popen(command, "r");
    bool found = false;
    while (nm && fgets(line, sizeof line, nm))
        found |= !strcmp(line, "ingot_context_create in context.c.o\n");
    if (nm && pclose(nm) == 0)
        cr_assert(found);
    unlink(path);
}

Test(archive, carries_what_is_needed_and_no_more, .fini = release)
{
    static const char *const roots[] = {"ingot_portable_softmax", "ingot_status_free"};
    ingot_archive_member *runtime;
    int32_t n = read_runtime(&runtime);
    bool *taken = ingot_arena_alloc(&arena, (size_t)n, sizeof *taken);
    cr_assert_null(ingot_archive_select(runtime, n, NULL, 0, roots, 2, &arena, taken));
    for (int32_t i = 0; i < n; i++) {
        if (!strcmp(runtime[i].name, "softmax.c.o") || !strcmp(runtime[i].name, "status.c.o"))
            cr_assert(taken[i], "%s is missing", runtime[i].name);
        if (!strcmp(runtime[i].name, "conv.c.o") || !strcmp(runtime[i].name, "context.c.o"))
            cr_assert_not(taken[i], "%s is not needed", runtime[i].name);
    }
}

static void expect_refused(ingot_status status)
{
    cr_expect_not_null(status);
    cr_expect_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    ingot_status_free(status);
}

Test(archive, malformed_ones_are_refused, .fini = release)
{
    static const char *const bad[] = {"",
                                      "!<arch>",
                                      "!<arch>\nx",
                                      "!<arch>\n/               0           0     0     0       9999999999`\n",
                                      "!<arch>\na/              0           0     0     644     4         `\nxyz",
                                      "!<arch>\na/              0           0     0     644     x         `\n",
                                      "!<arch>\n/99             0           0     0     644     0         `\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ingot_archive_member *members;
        int32_t n;
        expect_refused(ingot_archive_read(bad[i], strlen(bad[i]), &arena, &members, &n));
    }
}

Test(archive, damaged_objects_are_survived, .fini = release)
{
    ingot_archive_member *runtime;
    int32_t n = read_runtime(&runtime), smallest = 0, n_symbols;
    for (int32_t i = 0; i < n; i++)
        smallest = runtime[i].size < runtime[smallest].size ? i : smallest;
    size_t size = runtime[smallest].size;
    char *copy = malloc(size);
    for (size_t i = 0; i < size; i++) {
        ingot_arena scratch = {0};
        ingot_elf_symbol *symbols;
        memcpy(copy, runtime[smallest].data, size);
        copy[i] ^= (char)0x81;
        ingot_status_free(ingot_elf_read_symbols(copy, i % 2 ? size : i, &scratch, &symbols, &n_symbols));
        ingot_arena_release(&scratch);
    }
    free(copy);
    ingot_text out = {0};
    expect_refused(ingot_archive_write(&(ingot_archive_member){"x.o", "not an object", 13}, 1, &out));
    ingot_status status =
        ingot_archive_write(&(ingot_archive_member){"a/b.o", runtime[0].data, runtime[0].size}, 1, &out);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_USAGE);
    ingot_status_free(status);
    ingot_text_free(&out);
}
