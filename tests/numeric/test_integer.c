/* Products and convolutions of integers against the naive interpreter: exact sums, on every width of vectors. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

static void check(const char *task, const spec_check_options *options)
{
    spec_check_options exact = options ? *options : (spec_check_options){0};
    exact.tolerance = 1e-13;
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | mr=0 nr=0 units=0 | %s", task, targets[t]);
        cr_expect(spec_check(line, &exact, why), "%s", why);
    }
}

/* out = A * packed B as i32, dense. */
static void check_product(const char *a, const char *b, int m, int n, int k)
{
    char task[512];
    snprintf(task, sizeof task,
             "contract b0=1 b1=1 m=%d n=%d k=%d in=%s[0,0,%d,0,1] in=%s.packed16.const[0,0,0,0,0] out=i32[0,0,%d,1,0]",
             m, n, k, a, k, b, n);
    check(task, NULL);
}

Test(integer, products)
{
    static const int sizes[][3] = {{1, 16, 4},  {1, 1, 1},   {6, 16, 8},    {7, 33, 3},  {13, 40, 64},
                                   {29, 17, 5}, {3, 96, 30}, {12, 16, 770}, {50, 64, 18}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        check_product("i16", "i16", sizes[i][0], sizes[i][1], sizes[i][2]);
        check_product("u8", "i8", sizes[i][0], sizes[i][1], sizes[i][2]);
    }
}

Test(integer, sums_beyond_float)
{
    check_product("i16", "i16", 2, 16, 2001); /* about 2^26 */
    check_product("u8", "i8", 2, 16, 4003);
}

Test(integer, batches_and_rows_set_by_the_run)
{
    check("contract b0=2 b1=3 m=?0 n=20 k=10 in=i16[?1,?2,10,0,1] in=i16.packed16.const[0,320,0,0,0] "
          "out=i32[?3,?4,20,1,0]",
          &(spec_check_options){.sizes = {9, 270, 90, 540, 180}});
    check("contract b0=1 b1=1 m=?0 n=40 k=8 in=u8[0,0,8,0,1] in=i8.packed16.const[0,0,0,0,0] out=i32[0,0,40,1,0]",
          &(spec_check_options){.sizes = {23}});
}

/* A matrix that no compiler knew: rows of contiguous columns, and columns that lie along k. */
Test(integer, strided_matrix)
{
    static const int columns[] = {1, 8, 20, 32, 64}, terms[] = {1, 2, 15, 64};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        for (size_t j = 0; j < sizeof terms / sizeof terms[0]; j++) {
            char task[512];
            int n = columns[i], k = terms[j];
            snprintf(task, sizeof task,
                     "contract b0=1 b1=2 m=11 n=%d k=%d in=i16[0,%d,%d,0,1] in=i16[0,%d,0,1,%d] out=i32[0,%d,%d,1,0]",
                     n, k, 11 * k, k, n * k, n, 11 * n, n);
            check(task, NULL);
            snprintf(task, sizeof task,
                     "contract b0=1 b1=2 m=11 n=%d k=%d in=i16[0,%d,%d,0,1] in=i16[0,%d,0,%d,1] out=i32[0,%d,%d,1,0]",
                     n, k, 11 * k, k, n * k, k, 11 * n, n);
            check(task, NULL);
        }
    check("contract b0=1 b1=1 m=5 n=18 k=9 in=i16[0,0,9,0,1] in=i16[0,0,0,3,60] out=i32[0,0,18,1,0]", NULL);
}

/* Bias in the sums, scale, rounding, the range of a byte; then a residual; then a large body. */
Test(integer, bodies)
{
    check("contract b0=1 b1=1 m=13 n=37 k=20 in=u8[0,0,20,0,1] in=i8.packed16.const[0,0,0,0,0] in=i32[0,0,0,1,0] "
          "in=f32[0,0,0,1,0] out=u8[0,0,37,1,0] body=\"(i32,i32,f32) r3=add(r0,r1):i32 r4=cast(r3):f32 "
          "r5=const(0.001953125):f32 r6=mul(r4,r5):f32 r7=round(r6):f32 r8=relu(r7):f32 r9=const(255.0):f32 "
          "r10=min(r8,r9):f32 r11=cast(r10):u8 -> r11\"",
          NULL);
    check("contract b0=1 b1=1 m=13 n=37 k=20 in=i16[0,0,20,0,1] in=i16.packed16.const[0,0,0,0,0] in=i16[0,0,37,1,0] "
          "out=i16[0,0,37,1,0] body=\"(i32,i16) r2=cast(r1):i32 r3=sub(r0,r2):i32 r4=cast(r3):f32 "
          "r5=const(0.0009765625):f32 r6=mul(r4,r5):f32 r7=round(r6):f32 r8=cast(r7):i16 -> r8\"",
          NULL);
    char line[1024], why[512];
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        snprintf(line, sizeof line,
                 "contract b0=1 b1=1 m=13 n=37 k=20 in=i16[0,0,20,0,1] in=i16.packed16.const[0,0,0,0,0] "
                 "out=f32[0,0,37,1,0] body=\"(i32) r1=cast(r0):f32 r2=const(0.0009765625):f32 r3=mul(r1,r2):f32 "
                 "r4=gelu(r3):f32 r5=tanh(r4):f32 -> r5\" | | %s",
                 targets[t]);
        cr_expect(spec_check(line, NULL, why), "%s", why);
    }
}

/* C16 in, C16 out, as in test_conv.c. */
static void check_blocked(const char *a, const char *b, int oh, int ow, int cb, int ob, int o, int k, int s)
{
    char task[1024];
    int iw = (ow - 1) * s + k, ih = (oh - 1) * s + k;
    snprintf(task, sizeof task,
             "conv n=1 g=1 ob=%d oh=%d ow=%d cb=%d ci=16 kh=%d kw=%d o=%d in=%s[0,0,0,%d,%d,%d,1,%d,16] "
             "in=%s.const[0,0,0,0,0,0,0,0,0] in=i32[0,0,16,0,0,0,0,0,0]*1 out=i32[0,0,%d,%d,16,0,0,0,0]*1 "
             "body=\"(i32,i32) r2=add(r0,r1):i32 -> r2\"",
             ob, oh, ow, cb, k, k, o, a, iw * 16 * s, 16 * s, ih * iw * 16, iw * 16, b, oh * ow * 16, ow * 16);
    check(task, NULL);
}

Test(integer, convolutions)
{
    static const int shapes[][7] = {{1, 1, 1, 1, 16, 1, 1},  {1, 20, 2, 2, 32, 1, 1}, {5, 12, 2, 3, 40, 3, 1},
                                    {7, 7, 1, 2, 32, 3, 1},  {4, 4, 1, 1, 16, 3, 1},  {5, 2, 1, 2, 32, 3, 2},
                                    {3, 29, 1, 1, 10, 5, 2}, {9, 1, 1, 2, 20, 3, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const int *s = shapes[i];
        check_blocked("i16", "i16", s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
        check_blocked("u8", "i8", s[0], s[1], s[2], s[3], s[4], s[5], s[6]);
    }
}

/* A first layer: three plain channels, groups of taps along a row; plain channels out. */
Test(integer, taps_along_rows)
{
    check("conv n=2 g=1 ob=2 oh=5 ow=9 cb=3 ci=8 kh=7 kw=1 o=24 in=i16[1080,0,0,48,2,360,1,24,0] "
          "in=i16.const[0,0,0,0,0,0,0,0,0] out=i32[2464,0,1232,176,16,0,0,0,0]*1",
          NULL);
    check("conv n=2 g=1 ob=2 oh=5 ow=9 cb=3 ci=8 kh=7 kw=1 o=24 in=u8[1080,0,0,48,2,360,1,24,0] "
          "in=i8.const[0,0,0,0,0,0,0,0,0] out=i32[2464,0,1232,176,16,0,0,0,0]*1",
          NULL);
    check("conv n=1 g=1 ob=2 oh=6 ow=7 cb=5 ci=4 kh=3 kw=1 o=21 in=i16[0,0,0,10,1,80,1,10,0] "
          "in=i16.const[0,0,0,0,0,0,0,0,0] out=i32[0,0,672,7,1,0,0,0,0]*42",
          NULL);
}
