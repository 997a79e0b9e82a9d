/* mel_weights: the matrix [length / 2 + 1, bins] that turns a spectrum into mel bins: triangles, evenly spaced on the
 * mel scale between two frequencies. */
#include "runtime/kernels/kernels.h"

static double mel_of(double hertz)
{
    return 2595 * log10(1 + hertz / 700);
}

static double hertz_of(double mel)
{
    return 700 * (pow(10, mel / 2595) - 1);
}

/* Sets element (row, col) where the row exists. */
static void put(const ingot_tensor *y, int64_t row, int64_t col, double value)
{
    if (row >= 0 && row < y->dims[0])
        ingot_store_f64(y->data, y->dtype, row * y->dims[1] + col, value);
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

ingot_status ingot_portable_mel_weights(const ingot_call *call)
{
    INGOT_TRY(ingot_kernel_check(call, "mel_weights", 5, 1));
    const ingot_tensor *y = &call->out[0];
    double given[5]; /* bins, length, rate, lowest and highest frequency */
    for (int i = 0; i < 5; i++) {
        KERNEL_REQUIRE(ingot_tensor_count(&call->in[i]) == 1, "mel_weights: operand %d is not one number", i);
        given[i] = ingot_load_f64(call->in[i].data, call->in[i].dtype, 0);
        KERNEL_REQUIRE(isfinite(given[i]) && given[i] >= 0, "mel_weights: operand %d is %g", i, given[i]);
    }
    KERNEL_REQUIRE(y->rank == 2 && (double)y->dims[1] == given[0] && (double)y->dims[0] == floor(given[1] / 2) + 1 &&
                       given[2] > 0,
                   "mel_weights: %g bins, length %g, rate %g", given[0], given[1], given[2]);
    int64_t bins = y->dims[1], rows = y->dims[0];
    double zero = 0, low = mel_of(given[3]), step = (mel_of(given[4]) - low) / (double)(bins + 2);
    for (int64_t i = 0; i < rows * bins; i++)
        ingot_kernel_store_f64(y->data, y->dtype, i, 1, &zero, 1);
    for (int64_t i = 0; i < bins; i++) {
        int64_t at[3]; /* where the triangle begins, peaks and ends */
        for (int k = 0; k < 3; k++) {
            double row = floor((given[1] + 1) * hertz_of((double)(i + k) * step + low) / given[2]);
            KERNEL_REQUIRE(row >= 0 && row < 0x1p53, "mel_weights: bin %lld lies at row %g", (long long)i, row);
            at[k] = (int64_t)row;
        }
        if (at[1] == at[0])
            put(y, at[1], i, 1);
        for (int64_t j = clamp(at[0], 0, rows); at[1] > at[0] && j < clamp(at[1] + 1, 0, rows); j++)
            put(y, j, i, (double)(j - at[0]) / (double)(at[1] - at[0]));
        for (int64_t j = clamp(at[1], 0, rows); j < clamp(at[2], 0, rows); j++)
            put(y, j, i, (double)(at[2] - j) / (double)(at[2] - at[1]));
    }
    return NULL;
}
