/* Products and convolutions with weights of bf16 against the naive interpreter: widened where A is f32, pairs where it
 * is bf16, on every width of vectors. The row of tests for AVX-512 does vdpbf16ps by two FMAs. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};
static const char *const types[] = {"f32", "bf16"};
#define FOR_TYPES(t) for (size_t t = 0; t < 2; t++)

static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | mr=0 nr=0 units=0 | %s", task, targets[t]);
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

static void check_product(const char *a, int m, int n, int k)
{
    char task[512];
    snprintf(
        task, sizeof task,
        "contract b0=1 b1=1 m=%d n=%d k=%d in=%s[0,0,%d,0,1] in=bf16.packed16.const[0,0,0,0,0] out=f32[0,0,%d,1,0]", m,
        n, k, a, k, n);
    check(task, NULL);
}

Test(bf16, products)
{
    static const int shapes[][3] = {
        {1, 1, 1},     /* a word that is half empty */
        {1, 16, 8},    /* one row: chains of sums */
        {1, 50, 77},   /* odd k, columns past the panels */
        {2, 17, 5},    /* one column past a panel */
        {6, 16, 64},   /* exactly one AVX2 tile */
        {7, 33, 3},    /* a row past it */
        {14, 32, 9},   /* exactly one AVX-512 tile */
        {29, 100, 31}, /* uneven tiles */
        {13, 24, 2101} /* more terms than a block of f32 has */
    };
    FOR_TYPES(t)
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_product(types[t], shapes[i][0], shapes[i][1], shapes[i][2]);
}

/* Rows set by the run; a matrix for each batch; A transposed, so that neighbours along k are apart. */
Test(bf16, strides_and_sizes_of_a_run)
{
    FOR_TYPES(t)
    {
        char task[512];
        snprintf(task, sizeof task,
                 "contract b0=2 b1=1 m=?0 n=40 k=9 in=%s[?1,0,9,0,1] in=bf16.packed16.const[480,0,0,0,0] "
                 "out=f32[?2,0,40,1,0]",
                 types[t]);
        static const int rows[] = {0, 1, 5, 23};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            check(task, &(spec_check_options){.sizes = {rows[i], rows[i] * 9, rows[i] * 40}});
        snprintf(task, sizeof task,
                 "contract b0=1 b1=1 m=10 n=18 k=13 in=%s[0,0,1,0,16] in=bf16.packed16.const[0,0,0,0,0] "
                 "out=f32[0,0,18,1,0]",
                 types[t]);
        check(task, NULL);
        snprintf(task, sizeof task,
                 "contract b0=1 b1=1 m=10 n=18 k=12 in=%s[0,0,1,0,?0] in=bf16.packed16.const[0,0,0,0,0] "
                 "out=f32[0,0,18,1,0]",
                 types[t]);
        check(task, &(spec_check_options){.sizes = {11}});
    }
}

Test(bf16, bodies)
{
    FOR_TYPES(t)
    {
        char task[1024];
        /* bias and relu; a large body over stored sums; sums rounded to bf16, which have no room in the result */
        static const char *const bodies[][2] = {
            {"f32", "(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3"},
            {"f32", "(f32,f32) r2=add(r0,r1):f32 r3=gelu(r2):f32 r4=tanh(r3):f32 -> r4"},
            {"bf16", "(f32,f32) r2=add(r0,r1):f32 r3=gelu(r2):f32 r4=cast(r3):bf16 -> r4"},
        };
        for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
            snprintf(task, sizeof task,
                     "contract b0=1 b1=1 m=13 n=37 k=20 in=%s[0,0,20,0,1] in=bf16.packed16.const[0,0,0,0,0] "
                     "in=f32[0,0,0,1,0] out=%s[0,0,37,1,0] body=\"%s\"",
                     types[t], bodies[i][0], bodies[i][1]);
            check(task, &(spec_check_options){.tolerance = i == 2 ? 5e-3 : 0});
        }
    }
}

/* C16 in, C16 out, as in test_conv.c. */
static void check_blocked(const char *x, const int *s)
{
    char task[1024];
    int oh = s[0], ow = s[1], cb = s[2], ob = s[3], k = s[5], step = s[6], iw = (ow - 1) * step + k,
        ih = (oh - 1) * step + k;
    snprintf(task, sizeof task,
             "conv n=1 g=1 ob=%d oh=%d ow=%d cb=%d ci=16 kh=%d kw=%d o=%d in=%s[0,0,0,%d,%d,%d,1,%d,16] "
             "in=bf16.packed16.const[0,0,0,0,0,0,0,0,0] in=f32[0,0,16,0,0,0,0,0,0]*1 out=f32[0,0,%d,%d,16,0,0,0,0]*1 "
             "body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\"",
             ob, oh, ow, cb, k, k, s[4], x, iw * 16 * step, 16 * step, ih * iw * 16, iw * 16, oh * ow * 16, ow * 16);
    check(task, NULL);
}

Test(bf16, convolutions)
{
    static const int shapes[][7] = {{1, 1, 1, 1, 16, 1, 1}, {1, 20, 2, 2, 32, 1, 1}, {5, 12, 2, 3, 40, 3, 1},
                                    {7, 7, 1, 2, 32, 3, 1}, {5, 2, 1, 2, 32, 3, 2},  {3, 29, 1, 1, 10, 5, 2},
                                    {6, 6, 20, 1, 16, 1, 1}};
    FOR_TYPES(t)
    {
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            check_blocked(types[t], shapes[i]);
        char task[512];
        /* two groups of 16 channels, three images */
        snprintf(task, sizeof task,
                 "conv n=3 g=2 ob=1 oh=4 ow=8 cb=1 ci=16 kh=3 kw=3 o=16 in=%s[1920,960,0,160,16,960,1,160,16] "
                 "in=bf16.packed16.const[0,0,0,0,0,0,0,0,0] out=f32[1024,512,512,128,16,0,0,0,0]*1",
                 types[t]);
        check(task, NULL);
        /* plain channels, which are far apart, in and out */
        snprintf(task, sizeof task,
                 "conv n=1 g=1 ob=2 oh=6 ow=7 cb=1 ci=6 kh=3 kw=3 o=21 in=%s[0,0,0,9,1,0,72,9,1] "
                 "in=bf16.packed16.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,672,7,1,0,0,0,0]*42",
                 types[t]);
        check(task, NULL);
    }
}

/* Casts in maps: the bits of the rounding itself, as the portable kernels have them. */
Test(bf16, casts)
{
    static const char *const tasks[] = {
        "map d0=37 in=f32[1] out=bf16[1] body=\"(f32) r1=cast(r0):bf16 -> r1\"",
        "map d0=37 in=bf16[1] out=f32[1] body=\"(bf16) r1=cast(r0):f32 -> r1\"",
        "map d0=37 in=bool[1] out=bf16[1] body=\"(bool) r1=cast(r0):bf16 -> r1\"",
        "map d0=37 in=bf16[1] out=i32[1] body=\"(bf16) r1=cast(r0):i32 -> r1\"",
        "map d0=5 d1=19 in=bf16[1,5] out=bf16[19,1] body=\"(bf16) -> r0\"",
    };
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
            char line[512], why[512];
            snprintf(line, sizeof line, "%s | | %s", tasks[i], targets[t]);
            cr_expect(spec_check(line, &(spec_check_options){.tolerance = 1e-12}, why), "%s", why);
        }
}
