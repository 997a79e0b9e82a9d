/* Element types: every code of the small floats there and back, rounding against a search of all values, packing. */
#include "runtime/portable.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const ingot_dtype small_floats[] = {INGOT_F16,    INGOT_BF16,       INGOT_F8E4M3FN, INGOT_F8E4M3FNUZ,
                                           INGOT_F8E5M2, INGOT_F8E5M2FNUZ, INGOT_F4E2M1,   INGOT_F8E8M0};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static uint32_t code_of(const void *data, ingot_dtype dtype)
{
    uint16_t wide;
    memcpy(&wide, data, 2);
    return ingot_dtype_bits(dtype) == 16 ? wide : *(const uint8_t *)data;
}

static double value_of(ingot_dtype dtype, uint32_t code)
{
    uint8_t data[2] = {(uint8_t)code, (uint8_t)(code >> 8)};
    return ingot_load_f64(data, dtype, 0);
}

static uint32_t encode(ingot_dtype dtype, double value)
{
    uint8_t data[2] = {0, 0};
    ingot_store_f64(data, dtype, 0, value);
    return code_of(data, dtype);
}

/* Weights are rounded by a shorter way than other casts. */
Test(dtype, f32_is_rounded_to_bf16_as_everywhere)
{
    static const uint32_t edges[] = {0x00000000, 0x80000000, 0x3f808000, 0x3f818000, 0x3f808001, 0x3f807fff,
                                     0x7f7fffff, 0xff7fffff, 0x7f7f7fff, 0x7f800000, 0xff800000, 0x7f800001,
                                     0x7fffffff, 0x00000001, 0x00008000, 0x00018000, 0x807fffff};
    uint32_t state = 1;
    for (int i = 0; i < 100000; i++) {
        uint32_t bits = i < (int)COUNT(edges) ? edges[i] : (state = state * 1664525u + 1013904223u);
        float value;
        uint16_t got;
        memcpy(&value, &bits, sizeof value);
        ingot_round_to_bf16(&value, 1, &got);
        cr_assert_eq(got, encode(INGOT_BF16, (double)value), "%08x", bits);
    }
}

Test(dtype, small_floats_survive_the_way_there_and_back)
{
    for (size_t t = 0; t < COUNT(small_floats); t++) {
        ingot_dtype dtype = small_floats[t];
        for (uint32_t code = 0; code < 1u << ingot_dtype_bits(dtype); code++) {
            double value = value_of(dtype, code);
            if (isnan(value))
                cr_assert(isnan(value_of(dtype, encode(dtype, value))));
            else if (isinf(value) && dtype == INGOT_F8E5M2)
                cr_assert_eq(encode(dtype, value), code - 1); /* saturates */
            else
                cr_assert_eq(encode(dtype, value), code, "%s 0x%x", ingot_dtype_name(dtype), code);
        }
    }
}

/* Among all finite values the nearest; of two equally near the even code. */
static double nearest(ingot_dtype dtype, double x)
{
    double best = NAN;
    uint32_t best_code = 0;
    for (uint32_t code = 0; code < 1u << ingot_dtype_bits(dtype); code++) {
        double v = value_of(dtype, code);
        if (!isfinite(v))
            continue;
        if (isnan(best) || fabs(v - x) < fabs(best - x) ||
            (fabs(v - x) == fabs(best - x) && code % 2 == 0 && best_code % 2))
            best = v, best_code = code;
    }
    return best;
}

Test(dtype, eight_and_four_bit_floats_round_to_nearest_even_and_saturate)
{
    for (size_t t = 2; t < 7; t++) {
        ingot_dtype dtype = small_floats[t];
        for (int i = 0; i < 4000; i++) {
            double x = ldexp(1 + (i * 37 % 256) / 256.0, i % 50 - 28) * (i % 2 ? -1 : 1);
            double got = value_of(dtype, encode(dtype, x)), expected = nearest(dtype, x);
            cr_assert(got == expected, "%s: %a became %a, not %a", ingot_dtype_name(dtype), x, got, expected);
        }
        cr_assert_eq(value_of(dtype, encode(dtype, INFINITY)), nearest(dtype, 1e6));
        cr_assert_eq(value_of(dtype, encode(dtype, -1e300)), nearest(dtype, -1e6));
    }
}

Test(dtype, half_floats_round_midpoints_to_even_and_overflow_to_infinity)
{
    for (size_t t = 0; t < 2; t++) {
        ingot_dtype dtype = small_floats[t];
        uint32_t inf = encode(dtype, INFINITY);
        for (uint32_t code = 0; code + 1 < inf; code++) {
            double low = value_of(dtype, code), high = value_of(dtype, code + 1), middle = (low + high) / 2;
            cr_assert_eq(encode(dtype, middle), code % 2 ? code + 1 : code);
            cr_assert_eq(encode(dtype, nextafter(middle, -1)), code);
            cr_assert_eq(encode(dtype, nextafter(middle, INFINITY)), code + 1);
        }
        double most = value_of(dtype, inf - 1), step = most - value_of(dtype, inf - 2);
        cr_assert_eq(encode(dtype, most + step / 2), inf);
        cr_assert_eq(encode(dtype, nextafter(most + step / 2, 0)), inf - 1);
    }
}

Test(dtype, known_codes)
{
    cr_assert_eq(encode(INGOT_F16, 1), 0x3c00);
    cr_assert_eq(encode(INGOT_F16, 65504), 0x7bff);
    cr_assert_eq(encode(INGOT_BF16, -2), 0xc000);
    cr_assert_eq(encode(INGOT_F8E4M3FN, 448), 0x7e);
    cr_assert_eq(encode(INGOT_F8E4M3FNUZ, 240), 0x7f);
    cr_assert_eq(encode(INGOT_F8E4M3FNUZ, -0.0), 0);
    cr_assert_eq(encode(INGOT_F8E4M3FNUZ, NAN), 0x80);
    cr_assert_eq(encode(INGOT_F8E5M2, 57344), 0x7b);
    cr_assert_eq(encode(INGOT_F4E2M1, 2.5), 0x4);
    cr_assert_eq(encode(INGOT_F4E2M1, -7), 0xf);
    cr_assert_eq(encode(INGOT_F8E8M0, 1), 127);
    cr_assert_eq(encode(INGOT_F8E8M0, 1.5), 128); /* away from zero */
    cr_assert_eq(encode(INGOT_F8E8M0, INFINITY), 255);
}

Test(dtype, packed_elements_keep_their_neighbours)
{
    static const ingot_dtype packed[] = {INGOT_I4, INGOT_U4, INGOT_I2, INGOT_U2, INGOT_F4E2M1};
    for (size_t t = 0; t < COUNT(packed); t++) {
        int bits = ingot_dtype_bits(packed[t]), n = 16;
        uint8_t data[8] = {0}, copy[8];
        for (int i = 0; i < n; i++) {
            memcpy(copy, data, sizeof copy);
            ingot_store_i64(data, packed[t], i, 1);
            for (int k = 0; k < n; k++) {
                if (k != i)
                    cr_assert_eq(ingot_load_i64(data, packed[t], k), ingot_load_i64(copy, packed[t], k));
            }
            cr_assert_eq(ingot_load_i64(data, packed[t], i), 1);
        }
        cr_assert_eq(ingot_dtype_bytes(packed[t], 3), bits == 4 ? 2 : 1);
    }
    uint8_t one[1] = {0};
    ingot_store_i64(one, INGOT_I4, 1, -8);
    cr_assert_eq(one[0], 0x80); /* the second element is in the high bits */
    cr_assert_eq(ingot_load_i64(one, INGOT_I4, 1), -8);
    ingot_store_i64(one, INGOT_I2, 0, -2);
    cr_assert_eq(ingot_load_i64(one, INGOT_I2, 0), -2);
}

Test(dtype, integers_wrap_and_floats_truncate)
{
    int64_t wide = 0;
    ingot_store_i64(&wide, INGOT_I8, 0, 200);
    cr_assert_eq(ingot_load_i64(&wide, INGOT_I8, 0), -56);
    ingot_store_f64(&wide, INGOT_I32, 0, -3.9);
    cr_assert_eq(ingot_load_i64(&wide, INGOT_I32, 0), -3);
    ingot_store_f64(&wide, INGOT_U8, 0, -1);
    cr_assert_eq(ingot_load_i64(&wide, INGOT_U8, 0), 255);
    ingot_store_f64(&wide, INGOT_I64, 0, NAN);
    cr_assert_eq(wide, 0);
    ingot_store_f64(&wide, INGOT_I64, 0, 1e300);
    cr_assert_eq(wide, INT64_MAX);
    ingot_store_f64(&wide, INGOT_U64, 0, 0x1p63);
    cr_assert_eq(ingot_load_f64(&wide, INGOT_U64, 0), 0x1p63);
    ingot_store_f64(&wide, INGOT_BOOL, 0, NAN);
    cr_assert_eq(ingot_load_i64(&wide, INGOT_BOOL, 0), 1);
}

Test(dtype, names_and_sizes)
{
    for (int t = 1; t < INGOT_DTYPE_COUNT; t++) {
        const char *name = ingot_dtype_name(t);
        cr_assert_eq(ingot_dtype_parse(name, strlen(name)), (ingot_dtype)t);
        cr_assert_eq(ingot_dtype_bytes(t, 8), ingot_dtype_bits(t));
        cr_assert_eq(ingot_dtype_bytes(t, -1), -1);
    }
    cr_assert_eq(ingot_dtype_bytes(INGOT_F64, INT64_MAX / 4), -1);
    cr_assert_eq(ingot_dtype_parse("f3", 2), INGOT_UNDEFINED);
    ingot_tensor huge = {.rank = 3, .dims = {INT64_MAX, 2, 1}}, empty = {.rank = 3, .dims = {INT64_MAX, 2, 0}};
    cr_assert_eq(ingot_tensor_count(&huge), -1);
    cr_assert_eq(ingot_tensor_count(&empty), 0);
}
