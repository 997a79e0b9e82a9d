/* Errors as values. */
#include "runtime/status.h"
#include <criterion/criterion.h>
#include <string.h>

static ingot_status inner(int fails)
{
    return fails ? ingot_fail(INGOT_BAD_MODEL, "axis %d of rank %d", 3, 2) : NULL;
}

static ingot_status outer(int fails)
{
    INGOT_TRY(inner(0));
    INGOT_TRY_NOTE(inner(fails), "node '%s'", "Softmax_3");
    return NULL;
}

Test(status, success_is_null_and_has_a_text)
{
    cr_assert_null(outer(0));
    cr_assert_eq(ingot_status_code(NULL), INGOT_OK);
    cr_assert_str_eq(ingot_status_message(NULL), "success");
    cr_assert_str_eq(ingot_status_origin(NULL), "");
    cr_assert_null(ingot_status_note(NULL, "while %s", "nothing failed"));
    ingot_status_free(NULL);
}

Test(status, notes_come_in_front)
{
    ingot_status status = outer(1);
    cr_assert_eq(ingot_status_code(status), INGOT_BAD_MODEL);
    cr_assert_str_eq(ingot_status_message(status), "node 'Softmax_3': axis 3 of rank 2");
    cr_assert(strstr(ingot_status_origin(status), "test_status.c:"));
    ingot_status_free(status);
}

Test(status, lack_of_memory_needs_no_memory)
{
    ingot_status status = ingot_status_note(ingot_status_no_memory(), "while %s", "anything");
    cr_assert_eq(status, ingot_status_no_memory());
    cr_assert_eq(ingot_status_code(status), INGOT_LIMIT);
    ingot_status_free(status);
    ingot_status_free(status);
}

Test(status, notes_without_end_stay_bounded)
{
    ingot_status status = inner(1);
    for (int i = 0; i < 100; i++)
        status = ingot_status_note(status, "%0100000d", i);
    cr_assert_lt(strlen(ingot_status_message(status)), (size_t)3 << 20);
    ingot_status_free(status);
}
