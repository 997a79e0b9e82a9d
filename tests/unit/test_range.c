/* What numbers integers can be, by what makes them. */
#include "ir/ir.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* `ops` make %9, a tensor<1x2x4x4xR>, of the parameters %0 (f32), %1 (u8) and %2 (i16) of the same shape. */
static void check(const char *ops, const char *r, int64_t low, int64_t high)
{
    char text[2048];
    ingot_module *m = NULL;
    int64_t got_low, got_high;
    snprintf(text, sizeof text,
             "module {\n  \"ingot.graph\"() ({\n"
             "  ^bb0(%%0: tensor<1x2x4x4xf32>, %%1: tensor<1x2x4x4xui8>, %%2: tensor<1x2x4x4xi16>):\n%s"
             "    \"ingot.return\"(%%9) {names = [\"y\"]} : (tensor<1x2x4x4x%s>) -> ()\n"
             "  }) {sym_name = \"main\", param_names = [\"x\", \"b\", \"w\"]} : () -> ()\n}\n",
             ops, r);
    ingot_status status = ingot_module_parse(text, strlen(text), "range", NULL, &m);
    cr_assert_null(status, "%s\n%s", ingot_status_message(status), text);
    ingot_value_range(m->graphs[0]->results[0], &got_low, &got_high);
    cr_expect_eq(got_low, low, "%lld, not %lld: %s", (long long)got_low, (long long)low, ops);
    cr_expect_eq(got_high, high, "%lld, not %lld: %s", (long long)got_high, (long long)high, ops);
    ingot_module_destroy(m);
}

static void check_map(const char *operand, const char *type, const char *prog, const char *r, int64_t low, int64_t high)
{
    char ops[1024];
    snprintf(ops, sizeof ops,
             "    %%9 = \"ingot.map\"(%s) {prog = \"%s\"} : (tensor<1x2x4x4x%s>) -> tensor<1x2x4x4x%s>\n", operand,
             prog, type, r);
    check(ops, r, low, high);
}

Test(range, types)
{
    check_map("%0", "f32", "(f32) r1=cast(r0):u8 -> r1", "ui8", 0, 255);
    check_map("%1", "ui8", "(u8) r1=cast(r0):i16 -> r1", "i16", 0, 255);
    check_map("%2", "i16", "(i16) r1=cast(r0):i32 -> r1", "i32", -32768, 32767);
    check_map("%2", "i16", "(i16) r1=cast(r0):u8 -> r1", "ui8", 0, 255);
    check_map("%0", "f32", "(f32) -> r0", "f32", INT64_MIN, INT64_MAX);
}

/* What quantization and the loss of a zero point are made of. */
Test(range, clamped_and_shifted)
{
    check_map("%0", "f32",
              "(f32) r1=round(r0):f32 r2=const(-10.0):f32 r3=max(r1,r2):f32 r4=const(200.0):f32 r5=min(r3,r4):f32 "
              "r6=cast(r5):i16 -> r6",
              "i16", -10, 200);
    check_map("%0", "f32", "(f32) r1=relu(r0):f32 r2=const(255.0):f32 r3=min(r1,r2):f32 r4=cast(r3):i16 -> r4", "i16",
              0, 255);
    check_map("%1", "ui8", "(u8) r1=cast(r0):i16 r2=const(128):i16 r3=sub(r1,r2):i16 -> r3", "i16", -128, 127);
    check_map("%1", "ui8", "(u8) r1=cast(r0):i32 r2=neg(r1):i32 r3=const(-3):i32 r4=mul(r2,r3):i32 -> r4", "i32", 0,
              765);
    /* what could wrap is all that there is */
    check_map("%2", "i16", "(i16) r1=const(1):i16 r2=add(r0,r1):i16 -> r2", "i16", -32768, 32767);
    check_map("%1", "ui8", "(u8) r1=const(1):u8 r2=sub(r0,r1):u8 -> r2", "ui8", 0, 255);
    check_map("%0", "f32", "(f32) r1=const(300.0):f32 r2=min(r0,r1):f32 r3=cast(r2):i16 -> r3", "i16", -32768, 32767);
}

/* Elements handed on; an epilogue on them; ops that make numbers of their own. */
Test(range, through_other_ops)
{
    static const char cast[] = "    %3 = \"ingot.cast\"(%1) {to = 5, saturate = 1} : (tensor<1x2x4x4xui8>) -> "
                               "tensor<1x2x4x4xi16>\n";
    char ops[1024];
    snprintf(
        ops, sizeof ops,
        "%s    %%9 = \"ingot.transpose\"(%%3) {perm = [0, 1, 3, 2]} : (tensor<1x2x4x4xi16>) -> tensor<1x2x4x4xi16>\n",
        cast);
    check(ops, "i16", 0, 255);
    snprintf(ops, sizeof ops,
             "%s    %%9 = \"ingot.add\"(%%3, %%2) : (tensor<1x2x4x4xi16>, tensor<1x2x4x4xi16>) -> "
             "tensor<1x2x4x4xi16>\n",
             cast);
    check(ops, "i16", -32768, 32767);
    snprintf(ops, sizeof ops,
             "%s    %%9 = \"ingot.sub\"(%%3, %%3) : (tensor<1x2x4x4xi16>, tensor<1x2x4x4xi16>) -> "
             "tensor<1x2x4x4xi16>\n",
             cast);
    check(ops, "i16", -255, 255);
}

/* Each op reads its operand twice: the answer is given up on, not found by looking at 2^40 ops. */
Test(range, of_many_ops)
{
    ingot_module *m = NULL;
    ingot_text text = {0};
    int64_t low, high;
    ingot_text_append(
        &text, "module {\n  \"ingot.graph\"() ({\n  ^bb0(%%0: tensor<4xui8>):\n    %%1 = \"ingot.cast\"(%%0) {to = "
               "6, saturate = 1} : (tensor<4xui8>) -> tensor<4xi32>\n");
    for (int i = 1; i < 41; i++)
        ingot_text_append(&text,
                          "    %%%d = \"ingot.min\"(%%%d, %%%d) : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>\n",
                          i + 1, i, i);
    ingot_text_append(&text, "    \"ingot.return\"(%%41) {names = [\"y\"]} : (tensor<4xi32>) -> ()\n  }) {sym_name = "
                             "\"main\", param_names = [\"x\"]} : () -> ()\n}\n");
    ingot_status status = ingot_module_parse(text.data, text.size, "range", NULL, &m);
    cr_assert_null(status, "%s", ingot_status_message(status));
    ingot_value_range(m->graphs[0]->results[0], &low, &high);
    cr_expect_leq(low, 0);
    cr_expect_geq(high, 255);
    ingot_module_destroy(m);
    ingot_text_free(&text);
}
