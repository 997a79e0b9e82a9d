/* Random numbers: moments, ranges, correlations, and that a seed decides them. */
#include "kernel_call.h"

#define N 100000
static float y[N], z[N];

static void draw(float *out, int64_t kind, double a, double b, int64_t seed)
{
    ingot_attrs_random attrs = {.kind = kind, .to = INGOT_F32, .a = a, .b = b, .seed = seed};
    ingot_tensor t = tensor(INGOT_F32, out, DIMS(N));
    expect_ok(call_kernel(INGOT_PORTABLE_random, (ingot_call){.attrs = &attrs, .n_out = 1, .out = &t}));
}

/* Mean, variance, fourth moment over the squared variance. */
static void moments(const float *v, double *out)
{
    double sum = 0, second = 0, fourth = 0;
    for (int i = 0; i < N; i++)
        sum += (double)v[i];
    out[0] = sum / N;
    for (int i = 0; i < N; i++) {
        double d = (double)v[i] - out[0];
        second += d * d;
        fourth += d * d * d * d;
    }
    out[1] = second / N;
    out[2] = fourth / N / out[1] / out[1];
}

Test(random, uniform_numbers_fill_their_range_evenly)
{
    double m[3];
    int counts[20] = {0};
    draw(y, INGOT_RANDOM_UNIFORM, -1, 3, 5);
    moments(y, m);
    cr_assert(fabs(m[0] - 1) < 0.02 && fabs(m[1] - 16.0 / 12) < 0.02 && fabs(m[2] - 1.8) < 0.02, "%g %g %g", m[0], m[1],
              m[2]);
    for (int i = 0; i < N; i++) {
        cr_assert(y[i] >= -1 && y[i] < 3);
        counts[(int)((y[i] + 1) * 5)]++;
    }
    double chi = 0;
    for (int k = 0; k < 20; k++)
        chi += (counts[k] - N / 20.0) * (counts[k] - N / 20.0) / (N / 20.0);
    cr_assert(chi < 50, "chi square of %g over 19 degrees of freedom", chi);
}

Test(random, normal_numbers_have_their_moments)
{
    double m[3], neighbours = 0;
    draw(y, INGOT_RANDOM_NORMAL, 2, 0.5, 1);
    moments(y, m);
    cr_assert(fabs(m[0] - 2) < 0.01 && fabs(m[1] - 0.25) < 0.005 && fabs(m[2] - 3) < 0.1, "%g %g %g", m[0], m[1], m[2]);
    for (int i = 1; i < N; i++)
        neighbours += ((double)y[i] - 2) * ((double)y[i - 1] - 2) / 0.25 / N;
    cr_assert(fabs(neighbours) < 0.015, "neighbours correlate by %g", neighbours);
}

Test(random, a_seed_gives_the_same_numbers_and_another_seed_others)
{
    draw(y, INGOT_RANDOM_UNIFORM, 0, 1, 7);
    draw(z, INGOT_RANDOM_UNIFORM, 0, 1, 7);
    cr_assert_arr_eq(y, z, sizeof y);
    draw(z, INGOT_RANDOM_UNIFORM, 0, 1, 8);
    double product = 0;
    for (int i = 0; i < N; i++)
        product += ((double)y[i] - 0.5) * ((double)z[i] - 0.5) * 12 / N;
    cr_assert(fabs(product) < 0.015, "seeds 7 and 8 correlate by %g", product);
}
