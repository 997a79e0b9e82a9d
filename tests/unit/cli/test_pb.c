/* Values as protobuf files: written, then read again. */
#include "cli/cli.h"
#include "cli/verify.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static ingot_heap heap;
static ingot_arena arena;

static void ok(ingot_status status)
{
    cr_assert_null(status, "%s", ingot_status_message(status));
}

static ingot_box *make(ingot_dtype dtype, int64_t n, const void *data)
{
    ingot_box *box;
    ok(ingot_box_make_tensor(&heap, dtype, 1, &n, &box));
    if (n)
        memcpy(box->tensor.data, data, (size_t)ingot_dtype_bytes(dtype, n));
    return box;
}

static ingot_box *list(ingot_form form, ingot_dtype dtype, int64_t n, ingot_box *const *elements)
{
    ingot_box *box;
    ok(ingot_box_make_list(&heap, form, dtype, n, &box));
    for (int64_t i = 0; i < n; i++)
        box->elements[i] = elements[i];
    return box;
}

/* Writes, reads as that form, compares. */
static void round_trip(const ingot_box *box)
{
    char folder[] = "/tmp/ingot-pb-XXXXXX", path[64], why[256] = "";
    cr_assert_not_null(mkdtemp(folder));
    ingot_tensor value = cli_tensor_of_box(box), again;
    verify_difference d = {0};
    ok(cli_write_tensor(folder, 0, "value", &value));
    snprintf(path, sizeof path, "%s/0.pb", folder);
    ok(cli_read_value(path, box->form, box->tensor.dtype, &arena, &heap, &again));
    cr_expect(verify_compare(&again, &value, &(verify_tolerance){0}, &d, why, sizeof why), "%s", why);
    cr_expect_eq(cli_box_of(&again)->form, box->form);
    unlink(path);
    rmdir(folder);
}

Test(pb, sequences_and_optionals_come_back)
{
    ingot_string texts[2] = {{"a", 1}, {"", 0}};
    ingot_box *f[] = {make(INGOT_F32, 2, (float[]){1, 2}), make(INGOT_F32, 0, NULL)},
              *s[] = {make(INGOT_STRING, 2, texts)};
    ingot_box *sequence = list(INGOT_FORM_SEQUENCE, INGOT_F32, 2, f);
    round_trip(sequence);
    round_trip(list(INGOT_FORM_SEQUENCE, INGOT_STRING, 1, s));
    round_trip(list(INGOT_FORM_SEQUENCE, INGOT_I64, 0, NULL));
    round_trip(list(INGOT_FORM_OPTIONAL, INGOT_F32, 1, f));
    round_trip(list(INGOT_FORM_OPTIONAL, INGOT_F32, 0, NULL));
    round_trip(list(INGOT_FORM_OPTIONAL_SEQUENCE, INGOT_F32, 1, &sequence));
    round_trip(list(INGOT_FORM_OPTIONAL_SEQUENCE, INGOT_F32, 0, NULL));
}

Test(pb, differences_between_boxes_are_named)
{
    ingot_box *a[] = {make(INGOT_F32, 2, (float[]){1, 2}), make(INGOT_F32, 1, (float[]){3})},
              *b[] = {a[0], make(INGOT_F32, 1, (float[]){4})};
    ingot_tensor x = cli_tensor_of_box(list(INGOT_FORM_SEQUENCE, INGOT_F32, 2, a)),
                 y = cli_tensor_of_box(list(INGOT_FORM_SEQUENCE, INGOT_F32, 2, b)),
                 z = cli_tensor_of_box(list(INGOT_FORM_SEQUENCE, INGOT_F32, 1, b));
    verify_difference d = {0};
    char why[256];
    cr_assert_not(verify_compare(&x, &y, &(verify_tolerance){0}, &d, why, sizeof why));
    cr_expect_str_eq(why, "in its element 1 element 0 is 3, expected 4");
    cr_assert_not(verify_compare(&x, &z, &(verify_tolerance){0}, &d, why, sizeof why));
    cr_expect_str_eq(why, "has 2 elements, expected 1");
    cr_assert_not(verify_compare(&x, &a[0]->tensor, &(verify_tolerance){0}, &d, why, sizeof why));
    ingot_text text = {0};
    cli_print_shape(&x, &text);
    cr_expect_str_eq(text.data, "sequence of f32 (f32[2], f32[1])");
    ingot_text_free(&text);
}

Test(pb, refuses_damaged_values)
{
    static const struct {
        const char *bytes;
        size_t size;
        ingot_form form;
        const char *part;
    } cases[] = {
        {"\x1a\x05\x08\x02", 4, INGOT_FORM_SEQUENCE, "a value"},              /* a length beyond the end */
        {"\x1a\x02\x10\x07", 4, INGOT_FORM_SEQUENCE, "an element is of i64"}, /* not the model's type */
        {"\x1a\x00\x1a\x00", 4, INGOT_FORM_OPTIONAL, "more than one value"},
        {"\x1a\x04\x08\x02\x10\x01", 6, INGOT_FORM_SEQUENCE, "expected 8 bytes of data, found 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[] = "/tmp/ingot-pb-XXXXXX";
        int fd = mkstemp(path);
        cr_assert(fd >= 0 && write(fd, cases[i].bytes, cases[i].size) == (ssize_t)cases[i].size);
        close(fd);
        ingot_tensor out;
        ingot_status status = cli_read_value(path, cases[i].form, INGOT_F32, &arena, &heap, &out);
        cr_assert_not_null(status, "case %zu", i);
        cr_expect_not_null(strstr(ingot_status_message(status), cases[i].part), "%s", ingot_status_message(status));
        ingot_status_free(status);
        unlink(path);
    }
}
