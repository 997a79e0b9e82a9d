/* Matrix products against the naive interpreter, on every width of vectors. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

/* Checks `task | mr=0 ...` on all targets. */
static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | mr=0 nr=0 kc=0 nb=0 units=0 | %s", task, targets[t]);
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

/* out[m,n] = A[m,k] * packed B, all dense. */
static void check_dense(int64_t m, int64_t n, int64_t k)
{
    char task[512];
    snprintf(task, sizeof task,
             "contract b0=1 b1=1 m=%lld n=%lld k=%lld in=f32[0,0,%lld,0,1] in=f32.packed16.const[0,0,0,0,0] "
             "out=f32[0,0,%lld,1,0]",
             (long long)m, (long long)n, (long long)k, (long long)k, (long long)n);
    check(task, NULL);
}

Test(contract, static_shapes)
{
    static const int shapes[][3] = {
        {1, 1, 1},                   /* everything is an edge */
        {1, 16, 8},                  /* one row, one panel: chains of sums */
        {1, 48, 77},                 /* one row, k not a multiple of the chains */
        {2, 17, 5},                  /* one column past a panel */
        {3, 33, 16},                 /* one column past two panels */
        {6, 16, 64},                 /* exactly one AVX2 tile */
        {7, 15, 64},                 /* a row past a tile, a column short of a panel */
        {14, 32, 9},                 /* exactly one AVX-512 tile */
        {15, 40, 9},                 /* half a panel more */
        {29, 100, 31},               /* uneven tiles */
        {64, 64, 64},   {100, 7, 3}, /* fewer columns than a vector */
        {5, 300, 20},                /* many panels, one row tile */
        {13, 24, 2100},              /* k in blocks: partial sums in out */
        {4, 40, 2100},               /* one row tile: no k blocks */
        {0, 16, 4},     {4, 0, 4},   /* nothing to do */
        {4, 16, 0},                  /* empty sums are zeros */
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        check_dense(shapes[i][0], shapes[i][1], shapes[i][2]);
}

Test(contract, dynamic_rows)
{
    static const int rows[] = {0, 1, 2, 3, 5, 6, 7, 13, 14, 15, 28, 29, 50}; /* around multiples of 6 and 14 */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(
            "contract b0=1 b1=1 m=?0 n=40 k=33 in=f32[0,0,33,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,40,1,0]",
            &(spec_check_options){.sizes = {rows[i]}});
}

Test(contract, dynamic_everything)
{
    static const int sizes[][3] = {{1, 1, 1},     {7, 35, 20}, {14, 64, 0}, {6, 16, 1200},
                                   {20, 17, 520}, {0, 3, 3},   {9, 0, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        spec_check_options o = {.sizes = {sizes[i][0], sizes[i][1], sizes[i][2]}};
        check(
            "contract b0=1 b1=1 m=?0 n=?1 k=?2 in=f32[0,0,?2,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,?1,1,0]",
            &o);
        check("contract b0=1 b1=1 m=?0 n=?1 k=?2 in=f32[0,0,?2,0,1] in=f32[0,0,0,1,?1] out=f32[0,0,?1,1,0]", &o);
        check("contract b0=1 b1=1 m=?0 n=?1 k=?2 in=f32[0,0,?2,0,1] in=f32[0,0,0,?2,1] out=f32[0,0,?1,1,0]", &o);
    }
}

Test(contract, batches_and_strides)
{
    /* attention's products: heads inside rows, P * V and Q * K^T */
    check("contract b0=2 b1=3 m=19 n=20 k=21 in=f32[1197,399,21,0,1] in=f32[1260,20,0,1,60] out=f32[1140,20,60,1,0]",
          NULL);
    check("contract b0=2 b1=3 m=19 n=21 k=20 in=f32[1140,20,60,0,1] in=f32[1260,20,0,60,1] out=f32[1197,399,21,1,0]",
          NULL);
    /* one B for all batches, rows far apart, A transposed */
    check("contract b0=3 b1=1 m=10 n=18 k=12 in=f32[200,0,1,0,16] in=f32[0,0,0,1,18] out=f32[180,0,18,1,0]", NULL);
    /* columns of B with a stride and k too: neither dense nor transposed */
    check("contract b0=1 b1=1 m=10 n=18 k=12 in=f32[0,0,12,0,1] in=f32[0,0,0,2,50] out=f32[0,0,18,1,0]", NULL);
    /* Q * K^T of long rows: the stack takes a part of k at a time */
    check("contract b0=1 b1=1 m=9 n=70 k=1500 in=f32[0,0,1500,0,1] in=f32[0,0,0,1500,1] out=f32[0,0,70,1,0]", NULL);
    /* packed B per batch */
    check("contract b0=2 b1=1 m=5 n=20 k=7 in=f32[35,0,7,0,1] in=f32.packed16.const[224,0,0,0,0] out=f32[100,0,20,1,0]",
          NULL);
    /* more columns than one unit takes */
    check("contract b0=1 b1=1 m=20 n=1500 k=6 in=f32[0,0,6,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,1500,1,0]",
          NULL);
}

/* Columns that stay in no L2 are fetched while tiles pass over the ones before them. */
Test(contract, columns_from_afar)
{
    static const char *const decisions[] = {
        "mr=0 nr=0 kc=0 nb=0 units=0", "mr=4 nr=8 kc=0 nb=0 units=0",    /* half a panel at a time */
        "mr=3 nr=32 kc=0 nb=0 units=0", "mr=6 nr=16 kc=64 nb=64 units=2" /* two; blocks of k, few tiles */
    };
    for (size_t d = 0; d < sizeof decisions / sizeof decisions[0]; d++)
        for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
            for (int dynamic = 0; dynamic < (d == 0 ? 2 : 1); dynamic++) {
                char line[1024], why[512];
                snprintf(line, sizeof line,
                         "contract b0=1 b1=1 m=%s n=1040 k=300 in=f32[0,0,300,0,1] in=f32.packed16.const[0,0,0,0,0] "
                         "out=f32[0,0,1040,1,0] | %s | %s",
                         dynamic ? "?0" : "16", decisions[d], targets[t]);
                cr_expect(spec_check(line, &(spec_check_options){.sizes = {16}}, why), "%s", why);
            }
}

Test(contract, double_precision)
{
    spec_check_options o = {.tolerance = 1e-14};
    check("contract b0=1 b1=1 m=13 n=19 k=40 in=f64[0,0,40,0,1] in=f64[0,0,0,1,19] out=f64[0,0,19,1,0]", &o);
    check("contract b0=1 b1=1 m=13 n=19 k=40 in=f64[0,0,40,0,1] in=f64[0,0,0,40,1] out=f64[0,0,19,1,0]", &o);
}

Test(contract, bodies)
{
    /* bias along n, written behind each tile */
    check("contract b0=1 b1=1 m=13 n=37 k=20 in=f32[0,0,20,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,0,1,0] "
          "out=f32[0,0,37,1,0] "
          "body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\"",
          NULL);
    /* bias per row, residual and a scalar */
    check("contract b0=2 b1=1 m=9 n=21 k=20 in=f32[180,0,20,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,1,0,0] "
          "in=f32[189,0,21,1,0] in=f32[0,0,0,0,0] out=f32[189,0,21,1,0] "
          "body=\"(f32,f32,f32,f32) r4=add(r0,r1):f32 r5=mul(r4,r3):f32 r6=add(r5,r2):f32 -> r6\"",
          NULL);
    /* an operand read across its rows */
    check("contract b0=1 b1=1 m=9 n=21 k=20 in=f32[0,0,20,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,1,9,0] "
          "out=f32[0,0,21,1,0] "
          "body=\"(f32,f32) r2=add(r0,r1):f32 -> r2\"",
          NULL);
    /* a large body goes over stored sums; k in blocks */
    check("contract b0=1 b1=1 m=13 n=37 k=1300 in=f32[0,0,1300,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,0,1,0] "
          "out=f32[0,0,37,1,0] "
          "body=\"(f32,f32) r2=add(r0,r1):f32 r3=gelu(r2):f32 r4=tanh(r3):f32 -> r4\"",
          NULL);
    check("contract b0=1 b1=1 m=?0 n=37 k=20 in=f32[0,0,20,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,0,1,0] "
          "out=f32[0,0,37,1,0] "
          "body=\"(f32,f32) r2=add(r0,r1):f32 r3=gelu(r2):f32 r4=tanh(r3):f32 -> r4\"",
          &(spec_check_options){.sizes = {17}});
    /* no columns are left over from pairs of vectors; bias per row, a residual, a comparison */
    check("contract b0=1 b1=1 m=9 n=64 k=20 in=f32[0,0,20,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,1,0,0] "
          "in=f32[0,0,64,1,0] out=f32[0,0,64,1,0] "
          "body=\"(f32,f32,f32) r3=add(r0,r1):f32 r4=tanh(r3):f32 r5=erf(r4):f32 r6=lt(r5,r2):bool "
          "r7=select(r6,r5,r2):f32 -> r7\"",
          NULL);
    /* small body, k in blocks */
    check("contract b0=1 b1=1 m=13 n=37 k=1300 in=f32[0,0,1300,0,1] in=f32.packed16.const[0,0,0,0,0] in=f32[0,0,0,1,0] "
          "out=f32[0,0,37,1,0] "
          "body=\"(f32,f32) r2=add(r0,r1):f32 -> r2\"",
          NULL);
}
