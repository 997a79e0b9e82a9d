/* Scalar programs in the portable map. */
#include "kernel_call.h"

static ingot_prog one(ingot_scalar op, int n_args, ingot_dtype from, ingot_dtype to)
{
    ingot_prog p = {.n_args = n_args, .n_instrs = 1, .n_results = 1, .results = {(int16_t)n_args}};
    int16_t regs[3] = {-1, -1, -1};
    for (int i = 0; i < n_args; i++) {
        p.arg_dtypes[i] = (int16_t)from;
        regs[i] = (int16_t)i;
    }
    p.instrs[0] = (ingot_instr){.op = (int16_t)op, .dtype = (int16_t)to, .a = regs[0], .b = regs[1], .c = regs[2]};
    return p;
}

static ingot_status map(const ingot_prog *p, const ingot_tensor *in, ingot_tensor *out)
{
    return call_kernel(INGOT_PORTABLE_map,
                       (ingot_call){.prog = p, .n_in = p->n_args, .n_out = 1, .in = in, .out = out});
}

Test(map, broadcasts_both_operands)
{
    float a[] = {1, 2}, b[] = {10, 20, 30}, y[6];
    ingot_prog p = one(INGOT_SCALAR_add, 2, INGOT_F32, INGOT_F32);
    ingot_tensor in[] = {tensor(INGOT_F32, a, DIMS(2, 1)), tensor(INGOT_F32, b, DIMS(3))},
                 out = tensor(INGOT_F32, y, DIMS(2, 3));
    expect_ok(map(&p, in, &out));
    EXPECT_F32(y, 11, 21, 31, 12, 22, 32);
}

Test(map, integers_wrap_and_never_trap)
{
    int32_t a[] = {INT32_MIN, 7, -7, INT32_MAX}, b[] = {-1, 0, 2, 1}, y[4];
    ingot_tensor in[] = {tensor(INGOT_I32, a, DIMS(4)), tensor(INGOT_I32, b, DIMS(4))},
                 out = tensor(INGOT_I32, y, DIMS(4));
    ingot_prog div = one(INGOT_SCALAR_div, 2, INGOT_I32, INGOT_I32),
               add = one(INGOT_SCALAR_add, 2, INGOT_I32, INGOT_I32);
    ingot_prog mod = one(INGOT_SCALAR_mod, 2, INGOT_I32, INGOT_I32);
    expect_ok(map(&div, in, &out));
    cr_assert_arr_eq(y, ((int32_t[]){INT32_MIN, 0, -3, INT32_MAX}), sizeof y);
    expect_ok(map(&add, in, &out));
    cr_assert_arr_eq(y, ((int32_t[]){INT32_MAX, 7, -5, INT32_MIN}), sizeof y);
    expect_ok(map(&mod, in, &out));
    cr_assert_arr_eq(y, ((int32_t[]){0, 0, 1, 0}), sizeof y);
}

Test(map, u64_compares_without_sign)
{
    uint64_t a[] = {UINT64_MAX, 1}, b[] = {1, UINT64_MAX};
    uint8_t y[2];
    ingot_prog p = one(INGOT_SCALAR_lt, 2, INGOT_U64, INGOT_BOOL);
    ingot_tensor in[] = {tensor(INGOT_U64, a, DIMS(2)), tensor(INGOT_U64, b, DIMS(2))},
                 out = tensor(INGOT_BOOL, y, DIMS(2));
    expect_ok(map(&p, in, &out));
    cr_assert_arr_eq(y, ((uint8_t[]){0, 1}), 2);
}

Test(map, nan_goes_through_max_and_relu)
{
    float a[] = {NAN, 1, -1}, b[] = {1, NAN, -2}, y[3];
    ingot_tensor in[] = {tensor(INGOT_F32, a, DIMS(3)), tensor(INGOT_F32, b, DIMS(3))},
                 out = tensor(INGOT_F32, y, DIMS(3));
    ingot_prog max = one(INGOT_SCALAR_max, 2, INGOT_F32, INGOT_F32),
               relu = one(INGOT_SCALAR_relu, 1, INGOT_F32, INGOT_F32);
    expect_ok(map(&max, in, &out));
    EXPECT_F32(y, NAN, NAN, -1);
    expect_ok(map(&relu, in, &out));
    EXPECT_F32(y, NAN, 1, 0);
}

Test(map, float8_casts_saturate_unless_told_otherwise)
{
    float a[] = {464, 465, INFINITY};
    uint8_t y[3];
    ingot_prog p = one(INGOT_SCALAR_cast, 1, INGOT_F32, INGOT_F8E4M3FN);
    ingot_tensor in = tensor(INGOT_F32, a, DIMS(3)), out = tensor(INGOT_F8E4M3FN, y, DIMS(3));
    expect_ok(map(&p, &in, &out));
    cr_assert_arr_eq(y, ((uint8_t[]){0x7e, 0x7e, 0x7e}), 3);
    p.instrs[0].imm.i = 1;
    expect_ok(map(&p, &in, &out));
    cr_assert_arr_eq(y, ((uint8_t[]){0x7e, 0x7f, 0x7f}), 3);
}

Test(map, each_instruction_rounds_to_its_type)
{
    float a[] = {1}, y[1]; /* 1 + 2^-25 is 1 in f32; in double the sum would remain */
    ingot_prog p = {.n_args = 1, .n_instrs = 3, .n_results = 1, .arg_dtypes = {INGOT_F32}, .results = {3}};
    p.instrs[0] =
        (ingot_instr){.op = INGOT_SCALAR_const, .dtype = INGOT_F32, .a = -1, .b = -1, .c = -1, .imm.f = 0x1p-25};
    p.instrs[1] = (ingot_instr){.op = INGOT_SCALAR_add, .dtype = INGOT_F32, .a = 0, .b = 1, .c = -1};
    p.instrs[2] = (ingot_instr){.op = INGOT_SCALAR_sub, .dtype = INGOT_F32, .a = 2, .b = 0, .c = -1};
    ingot_tensor in = tensor(INGOT_F32, a, DIMS(1)), out = tensor(INGOT_F32, y, DIMS(1));
    expect_ok(map(&p, &in, &out));
    cr_assert_eq(y[0], 0.0f);
}

Test(map, strings_compare)
{
    ingot_string a[] = {{"ab", 2}, {"", 0}}, b[] = {{"ac", 2}, {NULL, 0}};
    uint8_t y[2];
    ingot_prog p = one(INGOT_SCALAR_eq, 2, INGOT_STRING, INGOT_BOOL);
    ingot_tensor in[] = {tensor(INGOT_STRING, a, DIMS(2)), tensor(INGOT_STRING, b, DIMS(2))},
                 out = tensor(INGOT_BOOL, y, DIMS(2));
    expect_ok(map(&p, in, &out));
    cr_assert_arr_eq(y, ((uint8_t[]){0, 1}), 2);
}

Test(map, refuses_what_does_not_fit)
{
    float a[3] = {0}, y[4];
    ingot_prog p = one(INGOT_SCALAR_abs, 1, INGOT_F32, INGOT_F32),
               mixed = one(INGOT_SCALAR_add, 1, INGOT_F32, INGOT_I32);
    ingot_tensor in = tensor(INGOT_F32, a, DIMS(3)), out = tensor(INGOT_F32, y, DIMS(4));
    expect_error(map(&p, &in, &out), "does not broadcast");
    expect_error(map(&mixed, &in, &out), "reads register");
    p.results[0] = 9;
    expect_error(map(&p, &in, &out), "result 0 is register 9");
}
