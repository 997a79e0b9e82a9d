/* Portable kernels that compute: products, windows, reductions, quantization, interpolation. */
#include "kernel_call.h"

static float x4[] = {1, 2, 3, 4};

Test(nn, multiplies_matrices_either_way_round)
{
    float b[] = {1, 0, 1, 1}, y[4];
    ingot_attrs_matmul attrs = {.trans_b = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(2, 2)), tensor(INGOT_F32, b, DIMS(2, 2))},
                 out = tensor(INGOT_F32, y, DIMS(2, 2));
    ingot_call call = {.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_matmul, call));
    EXPECT_F32(y, 1, 3, 3, 7);
    attrs.trans_b = 0;
    expect_ok(call_kernel(INGOT_PORTABLE_matmul, call));
    EXPECT_F32(y, 3, 2, 7, 4);
}

Test(nn, an_empty_product_is_zero)
{
    float y[4] = {9, 9, 9, 9}, none[1];
    ingot_attrs_matmul attrs = {.present = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, none, DIMS(2, 0)), tensor(INGOT_F32, none, DIMS(0, 2))},
                 out = tensor(INGOT_F32, y, DIMS(2, 2));
    expect_ok(call_kernel(INGOT_PORTABLE_matmul,
                          (ingot_call){.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out}));
    EXPECT_F32(y, 0, 0, 0, 0);
}

Test(nn, convolves_with_padding)
{
    float w[] = {1, 1, 1}, y[4];
    ingot_attrs_conv attrs = {.groups = 1, .pads = LIST(1, 1)};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(1, 1, 4)), tensor(INGOT_F32, w, DIMS(1, 1, 3))},
                 out = tensor(INGOT_F32, y, DIMS(1, 1, 4));
    ingot_call call = {.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_conv, call));
    EXPECT_F32(y, 3, 6, 9, 7);
    attrs.groups = 2;
    expect_error(call_kernel(INGOT_PORTABLE_conv, call), "2 groups");
}

Test(nn, average_counts_what_it_is_told_to)
{
    float y[2];
    ingot_attrs_pool attrs = {.kernel = LIST(3), .strides = LIST(3), .pads = LIST(1, 1), .ceil_mode = 1};
    ingot_tensor in = tensor(INGOT_F32, x4, DIMS(1, 1, 4)), out = tensor(INGOT_F32, y, DIMS(1, 1, 2));
    ingot_call call = {.attrs = &attrs, .n_in = 1, .n_out = 1, .in = &in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_avg_pool, call));
    EXPECT_F32(y, 1.5f, 3.5f);
    attrs.count_include_pad = 1;
    expect_ok(call_kernel(INGOT_PORTABLE_avg_pool, call));
    EXPECT_F32(y, 1, 7.0f / 3);
}

Test(nn, max_pool_numbers_columns_first_on_request)
{
    float y[1];
    int64_t index[1];
    ingot_attrs_pool attrs = {.kernel = LIST(1, 2), .storage_order = 1};
    ingot_tensor in = tensor(INGOT_F32, x4, DIMS(1, 1, 2, 2)),
                 out[] = {tensor(INGOT_F32, y, DIMS(1, 1, 1, 1)), tensor(INGOT_I64, index, DIMS(1, 1, 1, 1))};
    expect_ok(call_kernel(INGOT_PORTABLE_max_pool,
                          (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 2, .in = &in, .out = out}));
    EXPECT_F32(y, 2);
    EXPECT_I64(index, 2);
}

Test(nn, reductions_of_nothing_have_their_neutral_element)
{
    static const float want[] = {0, NAN, -INFINITY, INFINITY, 1, 0, 0, -INFINITY, -INFINITY, 0};
    for (int kind = INGOT_REDUCE_SUM; kind <= INGOT_REDUCE_SUM_SQUARE; kind++) {
        float y[2], none[1];
        ingot_attrs_reduce attrs = {.kind = kind, .axes = LIST(1)};
        ingot_tensor in = tensor(INGOT_F32, none, DIMS(2, 0)), out = tensor(INGOT_F32, y, DIMS(2));
        expect_ok(call_kernel(INGOT_PORTABLE_reduce,
                              (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 1, .in = &in, .out = &out}));
        EXPECT_F32(y, want[kind], want[kind]);
    }
}

Test(nn, reduces_over_either_axis)
{
    float y[2];
    ingot_attrs_reduce attrs = {.kind = INGOT_REDUCE_SUM, .axes = LIST(0)};
    ingot_tensor in = tensor(INGOT_F32, x4, DIMS(2, 2)), out = tensor(INGOT_F32, y, DIMS(2));
    ingot_call call = {.attrs = &attrs, .n_in = 1, .n_out = 1, .in = &in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_reduce, call));
    EXPECT_F32(y, 4, 6);
    attrs.axes.v[0] = -1;
    expect_ok(call_kernel(INGOT_PORTABLE_reduce, call));
    EXPECT_F32(y, 3, 7);
}

Test(nn, reduces_over_axes_that_are_an_operand)
{
    float y[4];
    int64_t list[2] = {-1, 1};
    ingot_attrs_reduce_by attrs = {.kind = INGOT_REDUCE_SUM, .keepdims = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x4, DIMS(2, 2)), tensor(INGOT_I64, list, DIMS(1))};
    ingot_tensor out = tensor(INGOT_F32, y, DIMS(2, 2));
    ingot_call call = {.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_reduce_by, call));
    cr_assert(out.dims[0] == 2 && out.dims[1] == 1);
    EXPECT_F32(y, 3, 7);
    out = tensor(INGOT_F32, y, DIMS(2, 2));
    in[1].dims[0] = 0; /* all */
    expect_ok(call_kernel(INGOT_PORTABLE_reduce_by, call));
    cr_assert(out.dims[0] == 1 && out.dims[1] == 1);
    EXPECT_F32(y, 10);
    out = tensor(INGOT_F32, y, DIMS(2, 2));
    attrs.noop_empty = 1;
    expect_ok(call_kernel(INGOT_PORTABLE_reduce_by, call));
    EXPECT_F32(y, 1, 2, 3, 4);
    in[1].dims[0] = 2;
    expect_error(call_kernel(INGOT_PORTABLE_reduce_by, call), "axis 1 is listed twice");
    list[1] = 2;
    expect_error(call_kernel(INGOT_PORTABLE_reduce_by, call), "axis 2 is outside");
    in[1].dims[0] = 1;
    attrs.keepdims = 0;
    expect_error(call_kernel(INGOT_PORTABLE_reduce_by, call), "the result has rank 1");
}

Test(nn, quantize_rounds_half_to_even_and_saturates)
{
    float x[] = {0.5f, 1.5f, -2.5f, 300}, scale[] = {1};
    int8_t y[4], zero[] = {1};
    ingot_attrs_quantize attrs = {.axis = 1, .saturate = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x, DIMS(4)), tensor(INGOT_F32, scale, 0, NULL),
                         tensor(INGOT_I8, zero, 0, NULL)};
    ingot_tensor out = tensor(INGOT_I8, y, DIMS(4));
    expect_ok(call_kernel(INGOT_PORTABLE_quantize,
                          (ingot_call){.attrs = &attrs, .n_in = 3, .n_out = 1, .in = in, .out = &out}));
    cr_assert_arr_eq(y, ((int8_t[]){1, 3, -1, 127}), 4);
}

Test(nn, dequantize_takes_a_scale_per_block)
{
    uint8_t x[] = {1, 2, 3, 4};
    float scale[] = {1, 10}, y[4];
    ingot_attrs_quantize attrs = {.axis = 0, .block = 3};
    ingot_tensor in[] = {tensor(INGOT_U8, x, DIMS(4)), tensor(INGOT_F32, scale, DIMS(2))},
                 out = tensor(INGOT_F32, y, DIMS(4));
    expect_ok(call_kernel(INGOT_PORTABLE_dequantize,
                          (ingot_call){.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out}));
    EXPECT_F32(y, 1, 2, 3, 40);
}

Test(nn, resize_interpolates_between_pixel_centres)
{
    float x[] = {0, 4}, y[4];
    ingot_attrs_resize attrs = {.mode = INGOT_RESIZE_LINEAR, .coords = INGOT_COORDS_HALF_PIXEL};
    ingot_tensor in = tensor(INGOT_F32, x, DIMS(2)), out = tensor(INGOT_F32, y, DIMS(4));
    ingot_call call = {
        .attrs = &attrs, .sym = (const int64_t[]){4}, .n_in = 1, .n_out = 1, .n_sym = 1, .in = &in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_resize, call));
    EXPECT_F32(y, 0, 1, 3, 4);
}

Test(nn, resize_takes_scales_from_an_operand)
{
    float x[] = {0, 1, 2, 3}, y[8], scale[] = {1.5F};
    ingot_attrs_resize attrs = {.mode = INGOT_RESIZE_LINEAR, .coords = INGOT_COORDS_ASYMMETRIC};
    ingot_tensor in[] = {tensor(INGOT_F32, x, DIMS(4)), tensor(INGOT_F32, scale, DIMS(1))};
    ingot_tensor out = tensor(INGOT_F32, y, DIMS(6));
    int64_t sizes[] = {6};
    ingot_call call = {.attrs = &attrs, .sym = sizes, .n_in = 2, .n_out = 1, .n_sym = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_resize, call));
    EXPECT_F32(y, 0, 0.6666667F, 1.3333334F, 2, 2.6666667F, 3);
    attrs.antialias = 1;
    scale[0] = 0.001F; /* not what made 6 of 4: more taps than there is room for */
    expect_error(call_kernel(INGOT_PORTABLE_resize, call), "with scale 0.001");
    in[1].dims[0] = 2;
    expect_error(call_kernel(INGOT_PORTABLE_resize, call), "not a list of 1 scales");
}

Test(nn, causal_attention_sees_only_the_past)
{
    float q[] = {0, 0}, k[] = {1, 1}, v[] = {2, 4}, y[2];
    ingot_attrs_attention attrs = {.scale = 1, .causal = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, q, DIMS(1, 1, 2, 1)), tensor(INGOT_F32, k, DIMS(1, 1, 2, 1)),
                         tensor(INGOT_F32, v, DIMS(1, 1, 2, 1))};
    ingot_tensor out = tensor(INGOT_F32, y, DIMS(1, 1, 2, 1));
    expect_ok(call_kernel(INGOT_PORTABLE_attention,
                          (ingot_call){.attrs = &attrs, .n_in = 3, .n_out = 1, .in = in, .out = &out}));
    EXPECT_F32(y, 2, 3);
}

Test(nn, rnn_stops_at_the_length_of_a_sequence)
{
    float x[] = {1, 1, 1}, w[] = {1}, r[] = {1}, y[3], h[1];
    int32_t lens[] = {2};
    ingot_attrs_recurrent attrs = {.hidden = 1, .activations = LIST(INGOT_ACT_RELU)};
    ingot_tensor in[] = {tensor(INGOT_F32, x, DIMS(3, 1, 1)),
                         tensor(INGOT_F32, w, DIMS(1, 1, 1)),
                         tensor(INGOT_F32, r, DIMS(1, 1, 1)),
                         {0},
                         tensor(INGOT_I32, lens, DIMS(1))};
    ingot_tensor out[] = {tensor(INGOT_F32, y, DIMS(3, 1, 1, 1)), tensor(INGOT_F32, h, DIMS(1, 1, 1))};
    ingot_call call = {.attrs = &attrs, .n_in = 5, .n_out = 2, .in = in, .out = out};
    expect_ok(call_kernel(INGOT_PORTABLE_rnn, call));
    EXPECT_F32(y, 1, 2, 0);
    EXPECT_F32(h, 2);
    lens[0] = 4;
    expect_error(call_kernel(INGOT_PORTABLE_rnn, call), "length 4 of sequence 0");
}
