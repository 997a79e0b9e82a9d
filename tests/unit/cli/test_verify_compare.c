/* When a result counts as right. */
#include "cli/verify.h"
#include <criterion/criterion.h>
#include <math.h>

static const verify_tolerance defaults = {.rtol = 1e-3, .atol = 1e-7};

static bool close_enough(ingot_dtype dtype, const void *got, const void *want, int64_t n, const verify_tolerance *tol,
                         verify_difference *d)
{
    char why[256];
    ingot_tensor a = {.data = (void *)(uintptr_t)got, .dtype = dtype, .rank = 1, .dims = {n}}, b = a;
    b.data = (void *)(uintptr_t)want;
    return verify_compare(&a, &b, tol, d, why, sizeof why);
}

Test(verify_compare, tolerances_add_up)
{
    verify_difference d = {0};
    const float want[2] = {100, 0}, near[2] = {100.09f, 0}, far[2] = {100.2f, 0}, off_zero[2] = {100, 0.005f};
    cr_assert(close_enough(INGOT_F32, near, want, 2, &defaults, &d));
    cr_assert_not(close_enough(INGOT_F32, far, want, 2, &defaults, &d));
    cr_assert_not(close_enough(INGOT_F32, off_zero, want, 2, &defaults, &d));
    const verify_tolerance scaled = {.rtol = 1e-3, .atol_scaled = 1e-4};
    cr_assert(close_enough(INGOT_F32, off_zero, want, 2, &scaled, &d));
    cr_assert_float_eq(d.max_abs, 0.2, 1e-4);
}

Test(verify_compare, nan_equals_nan_and_infinity_itself)
{
    verify_difference d = {0};
    const float want[3] = {NAN, INFINITY, -INFINITY}, other[3] = {NAN, INFINITY, INFINITY},
                number[3] = {0, INFINITY, -INFINITY};
    cr_assert(close_enough(INGOT_F32, want, want, 3, &defaults, &d));
    cr_assert_not(close_enough(INGOT_F32, other, want, 3, &defaults, &d));
    cr_assert_not(close_enough(INGOT_F32, number, want, 3, &defaults, &d));
    cr_assert_eq(d.n_compared, 3);
}

Test(verify_compare, integers_are_exact)
{
    verify_difference d = {0};
    const int64_t want[2] = {INT64_MAX, 5}, got[2] = {INT64_MAX - 1, 5};
    cr_assert(close_enough(INGOT_I64, want, want, 2, &defaults, &d));
    cr_assert_not(close_enough(INGOT_I64, got, want, 2, &defaults, &d));
}

Test(verify_compare, ulps_are_counted_across_zero)
{
    verify_difference d = {0};
    const float want[1] = {1e-45f}, got[1] = {-1e-45f};
    const verify_tolerance two = {.max_ulp = 2}, one = {.max_ulp = 1};
    cr_assert(close_enough(INGOT_F32, got, want, 1, &two, &d));
    cr_assert_not(close_enough(INGOT_F32, got, want, 1, &one, &d));
    cr_assert_float_eq(d.max_ulp, 2, 0);
}

Test(verify_compare, scaled_ulps_are_steps_of_the_largest_element)
{
    verify_difference d = {0};
    const float want[2] = {1e-6f, -3.0f}, got[2] = {1e-6f + 0x1p-22f, -3.0f};
    cr_assert(close_enough(INGOT_F32, got, want, 2, &(verify_tolerance){.atol = 1}, &d));
    cr_assert_float_eq(d.max_ulp_scaled, 1, 1e-3);
    cr_assert_gt(d.max_ulp, 1000);
}

Test(verify_compare, shapes_and_types_must_agree)
{
    verify_difference d = {0};
    char why[256];
    float data[6] = {0};
    ingot_tensor a = {.data = data, .dtype = INGOT_F32, .rank = 2, .dims = {2, 3}},
                 b = {.data = data, .dtype = INGOT_F32, .rank = 2, .dims = {3, 2}};
    cr_assert_not(verify_compare(&a, &b, &defaults, &d, why, sizeof why));
    b = a;
    b.dtype = INGOT_I32;
    cr_assert_not(verify_compare(&a, &b, &defaults, &d, why, sizeof why));
    cr_assert_eq(d.n_compared, 0);
}
