/* .npy files: round trips, the forms that NumPy writes, and files that are damaged. */
#include "cli/cli.h"
#include <criterion/criterion.h>
#include <string.h>

/* A file of version 1 with this dictionary and data. */
static void make_file(ingot_text *out, const char *dict, const void *data, size_t size)
{
    uint8_t head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)strlen(dict), (uint8_t)(strlen(dict) >> 8)};
    ingot_text_append_bytes(out, head, sizeof head);
    ingot_text_append(out, "%s", dict);
    ingot_text_append_bytes(out, data, size);
}

static ingot_code parse(const char *dict, const void *data, size_t size, ingot_arena *arena, ingot_tensor *out)
{
    ingot_text file = {0};
    make_file(&file, dict, data, size);
    ingot_status status = cli_npy_parse(file.data, file.size, "x.npy", arena, out);
    ingot_code code = ingot_status_code(status);
    ingot_status_free(status);
    ingot_text_free(&file);
    return code;
}

Test(npy, every_type_it_holds_round_trips)
{
    for (int dtype = 1; dtype < INGOT_DTYPE_COUNT; dtype++) {
        if (!cli_npy_can_hold((ingot_dtype)dtype))
            continue;
        ingot_arena arena = {0};
        uint8_t data[6 * 16];
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = dtype == INGOT_BOOL ? i & 1 : (uint8_t)(i * 7);
        ingot_tensor in = {.data = data, .dtype = (ingot_dtype)dtype, .rank = 2, .dims = {2, 3}}, out;
        int64_t bytes = ingot_dtype_bytes(in.dtype, 6);
        ingot_text file = {0};
        cr_assert_null(cli_npy_format(&in, &file));
        cr_assert_eq(file.size % 64, 0, "data begins at a multiple of 64");
        ingot_text_append_bytes(&file, data, (size_t)bytes);
        cr_assert_null(cli_npy_parse(file.data, file.size, "x.npy", &arena, &out));
        cr_assert_eq(out.dtype, in.dtype);
        cr_assert_eq(out.rank, 2);
        cr_assert_eq(out.dims[1], 3);
        cr_assert_arr_eq((const uint8_t *)out.data, data, (size_t)bytes);
        ingot_text_free(&file);
        ingot_arena_release(&arena);
    }
}

Test(npy, a_scalar_and_one_axis_have_pythons_tuples)
{
    float x = 2.5f;
    ingot_text file = {0};
    cr_assert_null(cli_npy_format(&(ingot_tensor){.data = &x, .dtype = INGOT_F32}, &file));
    cr_assert_not_null(strstr(file.data + 10, "'shape': (), }"));
    ingot_text_free(&file);
    cr_assert_null(cli_npy_format(&(ingot_tensor){.data = &x, .dtype = INGOT_F32, .rank = 1, .dims = {1}}, &file));
    cr_assert_not_null(strstr(file.data + 10, "'shape': (1, ), }"));
    ingot_text_free(&file);
}

Test(npy, fortran_order_and_big_endian_are_turned)
{
    ingot_arena arena = {0};
    ingot_tensor t;
    const int16_t columns[6] = {0, 3, 1, 4, 2, 5}; /* 2x3, column by column */
    cr_assert_eq(parse("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }", columns, 12, &arena, &t),
                 INGOT_OK);
    for (int16_t i = 0; i < 6; i++)
        cr_assert_eq(((const int16_t *)t.data)[i], i);
    const uint8_t big[8] = {0, 0, 1, 2, 0xFF, 0xFF, 0xFF, 0xFE};
    cr_assert_eq(parse("{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }", big, 8, &arena, &t), INGOT_OK);
    cr_assert_eq(((const int32_t *)t.data)[0], 258);
    cr_assert_eq(((const int32_t *)t.data)[1], -2);
    ingot_arena_release(&arena);
}

Test(npy, unicode_becomes_utf8)
{
    ingot_arena arena = {0};
    ingot_tensor t;
    const uint32_t text[4] = {'a', 0x20AC, 0, 0}; /* two strings of two characters */
    cr_assert_eq(parse("{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }", text, 16, &arena, &t), INGOT_OK);
    const ingot_string *s = t.data;
    cr_assert_eq(t.dtype, INGOT_STRING);
    cr_assert_eq(s[0].size, 4);
    cr_assert_arr_eq(s[0].data, "a\xE2\x82\xAC", 4);
    cr_assert_eq(s[1].size, 0);
    ingot_arena_release(&arena);
}

Test(npy, damaged_files_are_refused)
{
    static const char *const dicts[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",                     /* data too short */
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", /* overflow */
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1), }", /* too many axes */
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<U999999999999', 'fortran_order': False, 'shape': (9,), }",
        "{'descr': '', 'fortran_order': False, 'shape': (1,), }",
        "",
    };
    float data[2] = {1, 2};
    for (size_t i = 0; i < sizeof dicts / sizeof dicts[0]; i++) {
        ingot_arena arena = {0};
        ingot_tensor t;
        cr_assert_eq(parse(dicts[i], data, sizeof data, &arena, &t), INGOT_IO, "%s", dicts[i]);
        ingot_arena_release(&arena);
    }
    ingot_arena arena = {0};
    ingot_tensor t;
    ingot_text file = {0};
    make_file(&file, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", data, sizeof data);
    for (size_t size = 0; size < file.size; size++) {
        ingot_status status = cli_npy_parse(file.data, size, "x.npy", &arena, &t);
        cr_assert_eq(ingot_status_code(status), INGOT_IO, "cut to %zu bytes", size);
        ingot_status_free(status);
    }
    ingot_text_free(&file);
    ingot_arena_release(&arena);
}
