/* The wire reader: values, and bytes that end or lie where they should not. */
#include "frontend/wire.h"
#include "tests/unit/onnx_writer.h"
#include <criterion/criterion.h>

Test(wire, reads_the_four_kinds_of_fields)
{
    pb b = {0};
    pb_int(&b, 1, 300);
    pb_int(&b, 2, -1);
    pb_text(&b, 3, "hello");
    ingot_text_append_bytes(&b, "\x25\x00\x00\x80\x3f", 5);                 /* field 4, fixed32: 1.0f */
    ingot_text_append_bytes(&b, "\x29\x01\x00\x00\x00\x00\x00\x00\x00", 9); /* field 5, fixed64: 1 */
    ingot_wire w = ingot_wire_open(b.data, b.size);
    ingot_wire_field f;
    cr_assert(ingot_wire_next(&w, &f));
    cr_assert(f.number == 1 && f.type == INGOT_WIRE_VARINT && f.value == 300);
    cr_assert(ingot_wire_next(&w, &f));
    cr_assert(f.value == UINT64_MAX);
    cr_assert(ingot_wire_next(&w, &f));
    cr_assert(f.type == INGOT_WIRE_BYTES && f.size == 5 && !memcmp(f.data, "hello", 5));
    cr_assert(ingot_wire_next(&w, &f));
    cr_assert(f.type == INGOT_WIRE_FIXED32 && f.value == 0x3f800000);
    cr_assert(ingot_wire_next(&w, &f));
    cr_assert(f.type == INGOT_WIRE_FIXED64 && f.value == 1);
    cr_assert_not(ingot_wire_next(&w, &f));
    cr_assert_null(w.error);
    ingot_text_free(&b);
}

static const char *fault_of(const char *bytes, size_t size)
{
    ingot_wire w = ingot_wire_open(bytes, size);
    ingot_wire_field f;
    while (ingot_wire_next(&w, &f))
        ;
    return w.error;
}

Test(wire, refuses_what_is_cut_off)
{
    cr_assert_not_null(fault_of("\x08", 1));             /* a key without its number */
    cr_assert_not_null(fault_of("\x08\x80", 2));         /* a number that goes on */
    cr_assert_not_null(fault_of("\x0a", 1));             /* no length */
    cr_assert_not_null(fault_of("\x0a\x05hell", 6));     /* one byte short */
    cr_assert_not_null(fault_of("\x0d\x00\x00\x00", 4)); /* fixed32 */
    cr_assert_not_null(fault_of("\x09\x00\x00\x00", 4)); /* fixed64 */
    cr_assert_null(fault_of("", 0));
}

Test(wire, refuses_lengths_that_wrap_groups_and_overlong_numbers)
{
    cr_assert_not_null(fault_of("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
    cr_assert_not_null(fault_of("\x0b", 1)); /* start of a group */
    cr_assert_not_null(fault_of("\x0c", 1));
    cr_assert_not_null(fault_of("\x0e", 1));                                          /* no such wire type */
    cr_assert_not_null(fault_of("\x00\x00", 2));                                      /* field number 0 */
    cr_assert_not_null(fault_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11)); /* 65 bits */
}

Test(wire, reads_lists_packed_or_not)
{
    ingot_wire_field packed = {.type = INGOT_WIRE_BYTES, .data = (const uint8_t *)"\x01\xac\x02\x03", .size = 4};
    ingot_wire_list list = ingot_wire_list_open(&packed, INGOT_WIRE_VARINT);
    uint64_t v, sum = 0;
    while (ingot_wire_list_next(&list, &v))
        sum += v;
    cr_assert_eq(sum, 304);
    cr_assert_null(list.packed.error);
    ingot_wire_field single = {.type = INGOT_WIRE_VARINT, .value = 7};
    list = ingot_wire_list_open(&single, INGOT_WIRE_VARINT);
    cr_assert(ingot_wire_list_next(&list, &v) && v == 7);
    cr_assert_not(ingot_wire_list_next(&list, &v));
    ingot_wire_field odd = {.type = INGOT_WIRE_BYTES, .data = (const uint8_t *)"\x01\x02\x03", .size = 3};
    list = ingot_wire_list_open(&odd, INGOT_WIRE_FIXED32);
    cr_assert_not(ingot_wire_list_next(&list, &v));
    cr_assert_not_null(list.packed.error);
    ingot_wire_field wrong = {.type = INGOT_WIRE_FIXED64, .value = 7};
    list = ingot_wire_list_open(&wrong, INGOT_WIRE_VARINT);
    cr_assert_not(ingot_wire_list_next(&list, &v));
    cr_assert_not_null(list.packed.error);
}
