/* Portable kernels that move elements. */
#include "kernel_call.h"

static float x6[] = {1, 2, 3, 4, 5, 6};

Test(move, transposes_packed_elements)
{
    uint8_t x[] = {0x21, 0x43, 0x65}, y[3]; /* u4 [2, 3]: 1 2 3 / 4 5 6 */
    ingot_attrs_perm attrs = {.perm = LIST(1, 0)};
    ingot_tensor in = tensor(INGOT_U4, x, DIMS(2, 3)), out = tensor(INGOT_U4, y, DIMS(3, 2));
    expect_ok(call_kernel(INGOT_PORTABLE_transpose,
                          (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 1, .in = &in, .out = &out}));
    cr_assert_arr_eq(y, ((uint8_t[]){0x41, 0x52, 0x63}), 3);
}

Test(move, slices_backwards)
{
    float y[4];
    ingot_attrs_slice attrs = {.axes = LIST(1), .steps = LIST(-2)};
    const int64_t sym[] = {2, 2};
    ingot_tensor in = tensor(INGOT_F32, x6, DIMS(2, 3)), out = tensor(INGOT_F32, y, DIMS(2, 2));
    ingot_call call = {.attrs = &attrs, .sym = sym, .n_in = 1, .n_out = 1, .n_sym = 2, .in = &in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_slice, call));
    EXPECT_F32(y, 3, 1, 6, 4);
    call.sym = (const int64_t[]){1, 2};
    expect_error(call_kernel(INGOT_PORTABLE_slice, call), "start 1, count 2, step -2");
}

Test(move, slices_with_bounds_known_only_when_run)
{
    float y[6];
    int64_t starts[] = {-1}, ends[] = {INT64_MIN}, axes[] = {1}, steps[] = {-1};
    ingot_attrs_none attrs = {1};
    ingot_tensor in[] = {tensor(INGOT_F32, x6, DIMS(2, 3)), tensor(INGOT_I64, starts, DIMS(1)),
                         tensor(INGOT_I64, ends, DIMS(1)), tensor(INGOT_I64, axes, DIMS(1)),
                         tensor(INGOT_I64, steps, DIMS(1))};
    ingot_tensor out = tensor(INGOT_F32, y, DIMS(2, 3));
    ingot_call call = {.attrs = &attrs, .n_in = 5, .n_out = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_slice_dynamic, call));
    EXPECT_F32(y, 3, 2, 1, 6, 5, 4);
    ends[0] = 0;
    expect_ok(call_kernel(INGOT_PORTABLE_slice_dynamic, call));
    cr_assert_eq(out.dims[1], 2);
    EXPECT_F32(y, 3, 2, 6, 5);
    steps[0] = 0;
    expect_error(call_kernel(INGOT_PORTABLE_slice_dynamic, call), "step of axis 1 is 0");
}

Test(move, pads_by_reflection_and_cuts)
{
    float y[6];
    ingot_attrs_pad attrs = {.mode = INGOT_PAD_REFLECT};
    ingot_tensor in = tensor(INGOT_F32, x6, DIMS(6)), out = tensor(INGOT_F32, y, DIMS(6));
    expect_ok(call_kernel(INGOT_PORTABLE_pad, (ingot_call){.attrs = &attrs,
                                                           .sym = (const int64_t[]){2, -2},
                                                           .n_in = 1,
                                                           .n_out = 1,
                                                           .n_sym = 2,
                                                           .in = &in,
                                                           .out = &out}));
    EXPECT_F32(y, 3, 2, 1, 2, 3, 4);
}

Test(move, gathers_and_names_a_bad_index)
{
    float y[4];
    int64_t indices[] = {-1, 0};
    ingot_attrs_axis attrs = {.axis = 1};
    ingot_tensor in[] = {tensor(INGOT_F32, x6, DIMS(2, 3)), tensor(INGOT_I64, indices, DIMS(2))},
                 out = tensor(INGOT_F32, y, DIMS(2, 2));
    ingot_call call = {.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    expect_ok(call_kernel(INGOT_PORTABLE_gather, call));
    EXPECT_F32(y, 3, 1, 6, 4);
    indices[1] = 3;
    expect_error(call_kernel(INGOT_PORTABLE_gather, call), "gather: index 3 is outside [-3, 3)");
}

Test(move, scatters_with_a_sum)
{
    float updates[] = {10, 20}, y[6];
    int64_t indices[] = {1, 0, -1, 0};
    ingot_attrs_scatter attrs = {.reduction = INGOT_SCATTER_ADD};
    ingot_tensor in[] = {tensor(INGOT_F32, x6, DIMS(2, 3)), tensor(INGOT_I64, indices, DIMS(2, 2)),
                         tensor(INGOT_F32, updates, DIMS(2))};
    ingot_tensor out = tensor(INGOT_F32, y, DIMS(2, 3));
    expect_ok(call_kernel(INGOT_PORTABLE_scatter_nd,
                          (ingot_call){.attrs = &attrs, .n_in = 3, .n_out = 1, .in = in, .out = &out}));
    EXPECT_F32(y, 1, 2, 3, 34, 5, 6);
}

Test(move, one_hot_out_of_range_is_all_off)
{
    float values[] = {0, 1}, y[6];
    int64_t indices[] = {-1, 3};
    ingot_attrs_one_hot attrs = {.axis = -1};
    ingot_tensor in[] = {tensor(INGOT_I64, indices, DIMS(2)), tensor(INGOT_F32, values, DIMS(2))},
                 out = tensor(INGOT_F32, y, DIMS(2, 3));
    expect_ok(call_kernel(INGOT_PORTABLE_one_hot,
                          (ingot_call){.attrs = &attrs, .n_in = 2, .n_out = 1, .in = in, .out = &out}));
    EXPECT_F32(y, 0, 0, 1, 0, 0, 0);
}

Test(move, topk_prefers_the_lower_index_of_equals)
{
    float x[] = {2, 5, 5, NAN}, values[3];
    int64_t indices[3];
    ingot_attrs_topk attrs = {.axis = 0, .largest = 1, .sorted = 1};
    ingot_tensor in = tensor(INGOT_F32, x, DIMS(4)),
                 out[] = {tensor(INGOT_F32, values, DIMS(3)), tensor(INGOT_I64, indices, DIMS(3))};
    expect_ok(
        call_kernel(INGOT_PORTABLE_topk, (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 2, .in = &in, .out = out}));
    EXPECT_I64(indices, 3, 1, 2);
}

Test(move, nonzero_lowers_its_result_size)
{
    int64_t y[8];
    float x[] = {0, 7, 8, 0};
    ingot_attrs_none attrs = {1};
    ingot_tensor in = tensor(INGOT_F32, x, DIMS(2, 2)), out = tensor(INGOT_I64, y, DIMS(2, 4));
    expect_ok(call_kernel(INGOT_PORTABLE_nonzero,
                          (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 1, .in = &in, .out = &out}));
    cr_assert_eq(out.dims[1], 2);
    EXPECT_I64(y, 0, 1, 1, 0);
}

Test(move, unique_gives_places_both_ways)
{
    float x[] = {3, 1, 3}, y[3];
    int64_t first[3], inverse[3], counts[3];
    ingot_attrs_unique attrs = {.sorted = 1};
    ingot_tensor in = tensor(INGOT_F32, x, DIMS(3));
    ingot_tensor out[] = {tensor(INGOT_F32, y, DIMS(3)), tensor(INGOT_I64, first, DIMS(3)),
                          tensor(INGOT_I64, inverse, DIMS(3)), tensor(INGOT_I64, counts, DIMS(3))};
    expect_ok(call_kernel(INGOT_PORTABLE_unique,
                          (ingot_call){.attrs = &attrs, .n_in = 1, .n_out = 4, .in = &in, .out = out}));
    cr_assert_eq(out[0].dims[0], 2);
    EXPECT_F32(y, 1, 3);
    EXPECT_I64(first, 1, 0);
    EXPECT_I64(inverse, 1, 0, 1);
    EXPECT_I64(counts, 1, 2);
}
