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

static ingot_status decode(const void *bytes, int64_t size, int64_t height, int64_t width, int64_t format, uint8_t *out)
{
    uint8_t copy[256];
    memcpy(copy, bytes, (size_t)size);
    int64_t sizes[2] = {0}, channels = format == INGOT_PIXEL_GRAYSCALE ? 1 : 3;
    ingot_attrs_none none = {1};
    ingot_attrs_image attrs = {.format = format};
    ingot_tensor in = tensor(INGOT_U8, copy, DIMS(size)), dims = tensor(INGOT_I64, sizes, DIMS(2)),
                 y = tensor(INGOT_U8, out, DIMS(height, width, channels));
    ingot_status status = call_kernel(INGOT_PORTABLE_image_size, call_of(&none, &in, 1, &dims));
    if (status)
        return status;
    cr_assert(sizes[0] == height && sizes[1] == width, "%d by %d", (int)sizes[1], (int)sizes[0]);
    return call_kernel(INGOT_PORTABLE_image_decode, call_of(&attrs, &in, 1, &y));
}

Test(image, all_kinds_of_pnm)
{
    static const struct {
        const char *text;
        int64_t size;
        uint8_t want[6];
    } files[] = {{"P1 # two bits\n2 1\n10", 20, {0, 0, 0, 255, 255, 255}},
                 {"P2\n2 1\n10\n5 10\n", 16, {128, 128, 128, 255, 255, 255}},
                 {"P3 2 1 255 1 2 3 4 5 6", 22, {1, 2, 3, 4, 5, 6}},
                 {"P4\n2 1\n\x80", 8, {0, 0, 0, 255, 255, 255}},
                 {"P5\n2 1\n65535\n\x80\x00\xff\xff", 17, {128, 128, 128, 255, 255, 255}},
                 {"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06", 17, {1, 2, 3, 4, 5, 6}}};
    for (int i = 0; i < 6; i++) {
        uint8_t y[6] = {0};
        expect_ok(decode(files[i].text, files[i].size, 1, 2, INGOT_PIXEL_RGB, y));
        cr_assert_arr_eq(y, files[i].want, 6, "file %d: %d %d %d", i, y[0], y[1], y[2]);
    }
}

Test(image, bmp_rows_from_the_bottom_and_palettes)
{
    uint8_t y[6], file[62 + 8] = {'B', 'M', [10] = 62, [14] = 40, [18] = 1, [22] = 2, [28] = 24};
    memcpy(file + 62, (uint8_t[]){1, 2, 3, 0, 4, 5, 6, 0}, 8);
    expect_ok(decode(file, sizeof file, 2, 1, INGOT_PIXEL_RGB, y));
    cr_assert_arr_eq(y, ((uint8_t[]){6, 5, 4, 3, 2, 1}), 6);
    memset(file + 22, 0xff, 4), file[22] = 0xfe; /* height -2: from the top */
    expect_ok(decode(file, sizeof file, 2, 1, INGOT_PIXEL_BGR, y));
    cr_assert_arr_eq(y, ((uint8_t[]){1, 2, 3, 4, 5, 6}), 6);
    file[28] = 1; /* two colors: black and red; bits 0 and 1 */
    memcpy(file + 54, (uint8_t[]){0, 0, 0, 0, 0, 0, 255, 0}, 8);
    memcpy(file + 62, (uint8_t[]){0, 0, 0, 0, 0x80, 0, 0, 0}, 8);
    expect_ok(decode(file, sizeof file, 2, 1, INGOT_PIXEL_RGB, y));
    cr_assert_arr_eq(y, ((uint8_t[]){0, 0, 0, 255, 0, 0}), 6);
    expect_ok(decode(file, sizeof file, 2, 1, INGOT_PIXEL_GRAYSCALE, y));
    cr_assert(y[0] == 0 && y[1] == 76);
}

Test(image, files_that_promise_more_than_they_hold_are_refused)
{
    uint8_t y[6], file[62] = {'B', 'M', [10] = 54, [14] = 40, [18] = 255, [19] = 255, [22] = 255, [28] = 24};
    expect_error(decode(file, sizeof file, 1, 1, INGOT_PIXEL_RGB, y), "does not fit in 62 bytes");
    file[10] = 0xff, file[13] = 0x7f;
    expect_error(decode(file, sizeof file, 1, 1, INGOT_PIXEL_RGB, y), "does not fit");
    expect_error(decode("P6 99999 99999 255 x", 20, 1, 1, INGOT_PIXEL_RGB, y), "does not fit in 20 bytes");
    expect_error(decode("P5 -1 2 255 xxxx", 16, 1, 1, INGOT_PIXEL_RGB, y), "PNM file of");
    expect_error(decode("P3 1 1 255 7 300 7", 18, 1, 1, INGOT_PIXEL_RGB, y), "missing or too large");
    expect_error(decode("\x89PNG", 4, 1, 1, INGOT_PIXEL_RGB, y), "decode them before the model");
}
