/* Products of bytes with weights within limits (kernel/limited.h) against the naive interpreter. Weights and
 * activations are at the ends of their ranges so often that many sums of two products would saturate. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static void check(const char *task, const spec_check_options *options)
{
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3"};
    spec_check_options exact = options ? *options : (spec_check_options){0};
    exact.tolerance = 1e-13;
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | mr=0 nr=0 units=0 | %s", task, targets[t]);
        cr_expect(spec_check(line, &exact, why), "%s", why);
    }
}

/* One block, several; rows past a tile; columns that fill no vector, no panel, several units. */
Test(limited_bytes, products)
{
    static const int sizes[][3] = {{1, 16, 16}, {7, 1, 32}, {13, 40, 48}, {29, 17, 64}, {3, 96, 768}, {50, 200, 80}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int sums = 1; sums <= 2; sums++) {
            char task[512];
            int m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
            snprintf(task, sizeof task,
                     "contract b0=1 b1=1 m=%d n=%d k=%d in=u8[0,0,%d,0,1] in=i8.limited16.const[0,0,0,0,0]*%d "
                     "out=i32[0,0,%d,1,0]",
                     m, n, k, k, sums, n);
            check(task, NULL);
        }
}

Test(limited_bytes, sums_beyond_float)
{
    check("contract b0=1 b1=1 m=2 n=16 k=4000 in=u8[0,0,4000,0,1] in=i8.limited16.const[0,0,0,0,0]*1 "
          "out=i32[0,0,16,1,0]",
          NULL);
}

Test(limited_bytes, rows_set_by_the_run)
{
    check("contract b0=2 b1=1 m=?0 n=40 k=32 in=u8[?1,0,32,0,1] in=i8.limited16.const[0,0,0,0,0]*1 "
          "out=i32[?2,0,40,1,0]",
          &(spec_check_options){.sizes = {23, 23 * 32, 23 * 40}});
    check("conv n=1 g=1 ob=2 oh=?0 ow=?1 cb=2 ci=16 kh=3 kw=3 o=20 in=u8[0,0,0,?2,16,?3,1,?2,16] "
          "in=i8.limited16.const[0,0,0,0,0,0,0,0,0]*1 out=i32[0,0,?4,?5,16,0,0,0,0]*1",
          &(spec_check_options){.sizes = {5, 13, 15 * 16, 7 * 15 * 16, 5 * 13 * 16, 13 * 16}});
}

/* C16 in, C16 out, as in test_conv.c. */
Test(limited_bytes, convolutions)
{
    static const int shapes[][7] = {{1, 1, 1, 1, 16, 1, 1},  {1, 20, 2, 2, 32, 1, 1}, {5, 12, 2, 3, 40, 3, 1},
                                    {7, 7, 1, 2, 32, 3, 1},  {4, 4, 1, 1, 16, 3, 1},  {5, 2, 1, 2, 32, 3, 2},
                                    {3, 29, 1, 1, 10, 5, 2}, {9, 1, 1, 2, 20, 3, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int sums = 1; sums <= 2; sums++) {
            const int *s = shapes[i];
            int oh = s[0], ow = s[1], k = s[5], step = s[6], iw = (ow - 1) * step + k, ih = (oh - 1) * step + k;
            char task[1024];
            snprintf(task, sizeof task,
                     "conv n=1 g=1 ob=%d oh=%d ow=%d cb=%d ci=16 kh=%d kw=%d o=%d in=u8[0,0,0,%d,%d,%d,1,%d,16] "
                     "in=i8.limited16.const[0,0,0,0,0,0,0,0,0]*%d in=i32[0,0,16,0,0,0,0,0,0]*1 "
                     "out=i32[0,0,%d,%d,16,0,0,0,0]*1 body=\"(i32,i32) r2=add(r0,r1):i32 -> r2\"",
                     s[3], oh, ow, s[2], k, k, s[4], iw * 16 * step, 16 * step, ih * iw * 16, iw * 16, sums,
                     oh * ow * 16, ow * 16);
            check(task, NULL);
        }
    /* groups of channels, two images */
    check("conv n=2 g=3 ob=1 oh=4 ow=5 cb=2 ci=16 kh=3 kw=3 o=16 in=u8[4032,1344,0,112,16,672,1,112,16] "
          "in=i8.limited16.const[0,0,0,0,0,0,0,0,0]*1 out=i32[960,320,320,80,16,0,0,0,0]*1",
          NULL);
}
