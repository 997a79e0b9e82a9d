/* Arenas and growable text. */
#include "runtime/arena.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(arena, hands_out_zeroed_aligned_pieces_that_do_not_overlap)
{
    ingot_arena a = {0};
    unsigned char *pieces[300];
    for (int i = 0; i < 300; i++) {
        size_t size = (size_t)i * 31 % 5000;
        pieces[i] = ingot_arena_alloc(&a, size, 1);
        cr_assert_not_null(pieces[i]);
        cr_assert_eq((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(pieces[i][k], 0);
        memset(pieces[i], i, size);
    }
    for (int i = 0; i < 300; i++) {
        for (size_t k = 0; k < (size_t)i * 31 % 5000; k++)
            cr_assert_eq(pieces[i][k], (unsigned char)i);
    }
    ingot_arena_release(&a);
    cr_assert_eq(a.used_bytes, 0);
}

Test(arena, refuses_overflow_and_its_limit)
{
    ingot_arena a = {.limit_bytes = 1000};
    void *p;
    ingot_status status = ingot_arena_array(&a, SIZE_MAX / 2, 3, &p);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    cr_assert_null(p);
    ingot_status_free(status);
    status = ingot_arena_array(&a, 1001, 1, &p);
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    ingot_status_free(status);
    cr_assert_not_null(ingot_arena_alloc(&a, 900, 1));
    cr_assert_null(ingot_arena_alloc(&a, 200, 1));
    ingot_arena_release(&a);
}

Test(arena, copies_and_formats_text)
{
    ingot_arena a = {0};
    cr_assert_str_eq(ingot_arena_strndup(&a, "batch:1", 5), "batch");
    cr_assert_str_eq(ingot_arena_printf(&a, "%s_%d", "Conv", 7), "Conv_7");
    ingot_arena_release(&a);
}

Test(text, grows_and_stays_terminated)
{
    ingot_text t = {0};
    for (int i = 0; i < 1000; i++)
        ingot_text_append(&t, "%d,", i);
    ingot_text_append(&t, "%2000d", 1);
    ingot_text_append_bytes(&t, "a\0b", 3);
    cr_assert_not(t.failed);
    cr_assert_eq(t.size, 3890 + 2000 + 3);
    cr_assert_eq(t.data[t.size], 0);
    ingot_text_free(&t);
    cr_assert_null(t.data);
}
