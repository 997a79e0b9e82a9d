/* Portable kernels that read images at places that data gives, and transforms: what they refuse, and corner cases. */
#include "kernel_call.h"

static float x4[] = {1, 2, 3, 4};

static ingot_call call_of(const void *attrs, ingot_tensor *in, int32_t n_in, ingot_tensor *out)
{
    return (ingot_call){.attrs = attrs, .n_in = n_in, .n_out = 1, .in = in, .out = out};
}

Test(vision, a_grid_that_is_not_finite_reads_outside)
{
    float grid[] = {NAN, 0, 1e30f, -1e30f, -INFINITY, 0}, y[3];
    ingot_attrs_grid_sample attrs = {.mode = INGOT_RESIZE_LINEAR};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(1, 1, 2, 2)), tensor(INGOT_F32, grid, DIMS(1, 1, 3, 2))},
                 out = tensor(INGOT_F32, y, DIMS(1, 1, 1, 3));
    expect_ok(call_kernel(INGOT_PORTABLE_grid_sample, call_of(&attrs, in, 2, &out)));
    EXPECT_F32(y, 0, 0, 0);
    attrs.padding = INGOT_GRID_REFLECTION;
    expect_ok(call_kernel(INGOT_PORTABLE_grid_sample, call_of(&attrs, in, 2, &out)));
    attrs.padding = INGOT_GRID_BORDER;
    expect_ok(call_kernel(INGOT_PORTABLE_grid_sample, call_of(&attrs, in, 2, &out)));
    cr_assert_float_eq(y[1], 2, 1e-6);
}

Test(vision, reflection_over_one_element_is_that_element)
{
    float grid[] = {-1.5f, 0.7f, 3, 3}, y[2];
    ingot_attrs_grid_sample attrs = {.mode = INGOT_RESIZE_LINEAR, .padding = INGOT_GRID_REFLECTION, .align_corners = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(1, 1, 1, 1)), tensor(INGOT_F32, grid, DIMS(1, 1, 2, 2))},
                 out = tensor(INGOT_F32, y, DIMS(1, 1, 1, 2));
    expect_ok(call_kernel(INGOT_PORTABLE_grid_sample, call_of(&attrs, in, 2, &out)));
    EXPECT_F32(y, 1, 1);
}

Test(vision, nearest_keeps_large_integers)
{
    int64_t x[] = {INT64_MAX, INT64_MIN}, y[1];
    float grid[] = {-1, 0};
    ingot_attrs_grid_sample attrs = {.mode = INGOT_RESIZE_NEAREST, .align_corners = 1};
    ingot_tensor in[] = {tensor(INGOT_I64, x, DIMS(1, 1, 1, 2)), tensor(INGOT_F32, grid, DIMS(1, 1, 1, 2))},
                 out = tensor(INGOT_I64, y, DIMS(1, 1, 1, 1));
    expect_ok(call_kernel(INGOT_PORTABLE_grid_sample, call_of(&attrs, in, 2, &out)));
    EXPECT_I64(y, INT64_MAX);
}

Test(vision, unpooling_refuses_an_index_outside)
{
    int64_t index[] = {0, 2, 7, 9}, sym[] = {1, 1, 8, 1, 1, 8};
    float y[8];
    ingot_attrs_none attrs = {1};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(1, 1, 4)), tensor(INGOT_I64, index, DIMS(1, 1, 4))},
                 out = tensor(INGOT_F32, y, DIMS(1, 1, 8));
    ingot_call call = call_of(&attrs, in, 2, &out);
    call.sym = sym;
    call.n_sym = 6;
    expect_error(call_kernel(INGOT_PORTABLE_max_unpool, call), "index 9 is outside 0..7");
    index[3] = 3;
    expect_ok(call_kernel(INGOT_PORTABLE_max_unpool, call));
    EXPECT_F32(y, 1, 0, 2, 4, 0, 0, 0, 3);
}

Test(vision, a_region_without_bounds_is_refused)
{
    float rois[] = {0, 0, 1e30f, 1}, y[1];
    int64_t batch[] = {0};
    ingot_attrs_roi attrs = {.height = 1, .width = 1, .scale = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(1, 1, 2, 2)), tensor(INGOT_F32, rois, DIMS(1, 4)),
                         tensor(INGOT_I64, batch, DIMS(1))},
                 out = tensor(INGOT_F32, y, DIMS(1, 1, 1, 1));
    expect_error(call_kernel(INGOT_PORTABLE_roi_align, call_of(&attrs, in, 3, &out)), "samples for each cell");
    rois[2] = NAN;
    expect_error(call_kernel(INGOT_PORTABLE_roi_align, call_of(&attrs, in, 3, &out)), "not finite");
    rois[2] = 1;
    batch[0] = 1;
    expect_error(call_kernel(INGOT_PORTABLE_roi_align, call_of(&attrs, in, 3, &out)), "batch index 1 of 1");
}

Test(vision, deformed_taps_without_offsets_are_those_of_a_convolution)
{
    float w[] = {1, 1}, offsets[2 * 2 * 2] = {0}, y[2];
    ingot_attrs_deform_conv attrs = {.groups = 1, .offset_groups = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(1, 1, 2, 2)), tensor(INGOT_F32, w, DIMS(1, 1, 1, 2)),
                         tensor(INGOT_F32, offsets, DIMS(1, 4, 2, 1))},
                 out = tensor(INGOT_F32, y, DIMS(1, 1, 2, 1));
    expect_ok(call_kernel(INGOT_PORTABLE_deform_conv, call_of(&attrs, in, 3, &out)));
    EXPECT_F32(y, 3, 7);
    offsets[0] = INFINITY; /* the first tap of the first place: outside */
    expect_ok(call_kernel(INGOT_PORTABLE_deform_conv, call_of(&attrs, in, 3, &out)));
    EXPECT_F32(y, 2, 7);
}

Test(signal, transforms_of_every_length_agree_with_the_definition)
{
    for (int64_t n = 1; n <= 40; n++) {
        double x[80], y[80];
        for (int64_t i = 0; i < 2 * n; i++)
            x[i] = sin((double)(i * i % 17));
        ingot_attrs_dft attrs = {.axis = 0};
        ingot_tensor in = tensor(INGOT_F64, x, DIMS(n, 2)), out = tensor(INGOT_F64, y, DIMS(n, 2));
        ingot_call call = call_of(&attrs, &in, 1, &out);
        call.sym = &n;
        call.n_sym = 1;
        expect_ok(call_kernel(INGOT_PORTABLE_dft, call));
        for (int64_t k = 0; k < n; k++) {
            double re = 0, im = 0;
            for (int64_t i = 0; i < n; i++) {
                double angle = -6.283185307179586 * (double)(i * k % n) / (double)n;
                re += x[2 * i] * cos(angle) - x[2 * i + 1] * sin(angle);
                im += x[2 * i] * sin(angle) + x[2 * i + 1] * cos(angle);
            }
            cr_assert(fabs(re - y[2 * k]) < 1e-12 * (double)n && fabs(im - y[2 * k + 1]) < 1e-12 * (double)n,
                      "length %d, frequency %d", (int)n, (int)k);
        }
    }
}

Test(signal, half_a_spectrum_goes_back_to_a_real_signal)
{
    double x[] = {10, 0, -2, 2, -2, 9}, y[4]; /* of 1 2 3 4; the last imaginary part does not count */
    int64_t n = 4;
    ingot_attrs_dft attrs = {.axis = 0, .inverse = 1, .onesided = 1};
    ingot_tensor in = tensor(INGOT_F64, x, DIMS(3, 2)), out = tensor(INGOT_F64, y, DIMS(4, 1));
    ingot_call call = call_of(&attrs, &in, 1, &out);
    call.sym = &n;
    call.n_sym = 1;
    expect_ok(call_kernel(INGOT_PORTABLE_dft, call));
    for (int i = 0; i < 4; i++)
        cr_assert_float_eq(y[i], i + 1, 1e-12);
}

Test(signal, running_products_wrap_and_exclude)
{
    int8_t x[] = {3, 50, 2}, y[3];
    ingot_attrs_cumsum attrs = {.product = 1};
    ingot_tensor in = tensor(INGOT_I8, x, DIMS(3)), out = tensor(INGOT_I8, y, DIMS(3));
    expect_ok(call_kernel(INGOT_PORTABLE_cumsum, call_of(&attrs, &in, 1, &out)));
    cr_assert_arr_eq(y, ((int8_t[]){3, (int8_t)150, (int8_t)300}), 3);
    attrs.exclusive = attrs.reverse = 1;
    expect_ok(call_kernel(INGOT_PORTABLE_cumsum, call_of(&attrs, &in, 1, &out)));
    cr_assert_arr_eq(y, ((int8_t[]){100, 2, 1}), 3);
}

Test(signal, determinants_of_singular_and_empty_matrices)
{
    float x[] = {1, 2, 2, 4}, y[1] = {9};
    ingot_attrs_none attrs = {1};
    ingot_tensor in = tensor(INGOT_F32, x, DIMS(2, 2)), out = tensor(INGOT_F32, y, 0, NULL);
    expect_ok(call_kernel(INGOT_PORTABLE_det, call_of(&attrs, &in, 1, &out)));
    EXPECT_F32(y, 0);
    in = tensor(INGOT_F32, x, DIMS(0, 0));
    expect_ok(call_kernel(INGOT_PORTABLE_det, call_of(&attrs, &in, 1, &out)));
    EXPECT_F32(y, 1);
}
