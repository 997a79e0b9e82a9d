/* Direct convolutions against the naive interpreter, on every width of vectors. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | mr=0 nr=0 units=0 | %s", task, targets[t]);
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

/* C16 in, C16 out: input rows of `ow * s + k - 1` pixels, dense output. */
static void check_blocked(int oh, int ow, int cb, int ob, int o, int k, int s)
{
    char task[1024];
    int iw = (ow - 1) * s + k, ih = (oh - 1) * s + k;
    snprintf(task, sizeof task,
             "conv n=1 g=1 ob=%d oh=%d ow=%d cb=%d ci=16 kh=%d kw=%d o=%d in=f32[0,0,0,%d,%d,%d,1,%d,16] "
             "in=f32.const[0,0,0,0,0,0,0,0,0] in=f32[0,0,16,0,0,0,0,0,0]*1 "
             "out=f32[0,0,%d,%d,16,0,0,0,0]*1 body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\"",
             ob, oh, ow, cb, k, k, o, iw * 16 * s, 16 * s, ih * iw * 16, iw * 16, oh * ow * 16, ow * 16);
    check(task, NULL);
}

Test(conv, blocked_shapes)
{
    check_blocked(1, 1, 1, 1, 16, 1, 1);  /* one pixel */
    check_blocked(1, 20, 2, 2, 32, 1, 1); /* 1x1 over a run of pixels */
    check_blocked(5, 12, 2, 3, 40, 3, 1); /* an odd number of blocks, channels past o */
    check_blocked(7, 7, 1, 2, 32, 3, 1);  /* rows just longer than an AVX2 tile, two of them in an AVX-512 tile */
    check_blocked(4, 4, 1, 1, 16, 3, 1);  /* a row is less than a tile */
    check_blocked(5, 2, 1, 2, 32, 3, 2);  /* several rows in a tile, stride 2 */
    check_blocked(3, 29, 1, 1, 10, 5, 2); /* long rows, uneven tiles, stride 2 */
    check_blocked(9, 1, 1, 2, 20, 3, 1);  /* columns of pixels */
}

Test(conv, plain_layouts)
{
    /* first layer: three plain channels, 7x7 stride 2, C16 out with a border of one pixel */
    check("conv n=2 g=1 ob=2 oh=5 ow=9 cb=1 ci=3 kh=7 kw=7 o=24 in=f32[1035,0,0,46,2,0,345,23,1] "
          "in=f32.const[0,0,0,0,0,0,0,0,0] out=f32[2464,0,1232,176,16,0,0,0,0]*1",
          NULL);
    /* plain in, plain out: lanes are far apart and end at o */
    check("conv n=1 g=1 ob=2 oh=6 ow=7 cb=1 ci=5 kh=3 kw=3 o=21 in=f32[0,0,0,9,1,0,72,9,1] "
          "in=f32.const[0,0,0,0,0,0,0,0,0] in=f32[0,0,16,0,0,0,0,0,0]*1 out=f32[0,0,672,7,1,0,0,0,0]*42 "
          "body=\"(f32,f32) r2=add(r0,r1):f32 -> r2\"",
          NULL);
    /* channels last out: lanes of stride 1 are whole; here stride over pixels is 32 */
    check("conv n=1 g=1 ob=2 oh=3 ow=7 cb=1 ci=8 kh=1 kw=1 o=32 in=f32[0,0,0,56,8,0,1,0,0] "
          "in=f32.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,16,224,32,0,0,0,0]*1",
          NULL);
}

Test(conv, groups_batches_dynamic)
{
    /* two groups of 16 channels, three images */
    check("conv n=3 g=2 ob=1 oh=4 ow=8 cb=1 ci=16 kh=3 kw=3 o=16 in=f32[1920,960,0,160,16,960,1,160,16] "
          "in=f32.const[0,0,0,0,0,0,0,0,0] out=f32[1024,512,512,128,16,0,0,0,0]*1",
          NULL);
    /* number of images and of pixels set by the run */
    static const int widths[] = {0, 1, 5, 6, 7, 14, 20};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        check("conv n=?0 g=1 ob=2 oh=3 ow=?1 cb=1 ci=16 kh=1 kw=1 o=32 in=f32[?2,0,0,?3,16,0,1,0,0] "
              "in=f32.const[0,0,0,0,0,0,0,0,0] out=f32[?4,0,?2,?3,16,0,0,0,0]*1",
              &(spec_check_options){.sizes = {2, widths[i], widths[i] * 48, widths[i] * 16, widths[i] * 96}});
}

Test(conv, rows_set_by_the_run)
{
    /* rows of 3 and of 8 pixels; tiles of whole rows and of parts of rows */
    static const int rows[] = {0, 1, 2, 5};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t h = rows[i];
        check("conv n=1 g=1 ob=1 oh=?0 ow=3 cb=1 ci=16 kh=3 kw=3 o=16 in=f32[0,0,0,80,16,0,1,80,16] "
              "in=f32.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,?1,48,16,0,0,0,0]*1",
              &(spec_check_options){.sizes = {h, h * 48}});
        check("conv n=1 g=1 ob=2 oh=?0 ow=8 cb=1 ci=16 kh=3 kw=3 o=30 in=f32[0,0,0,160,16,0,1,160,16] "
              "in=f32.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,?1,8,1,0,0,0,0]*?2",
              &(spec_check_options){.sizes = {h, h * 128, h * 8}});
    }
}

Test(conv, bodies)
{
    /* residual with the output's strides, bias, then a large body */
    check("conv n=1 g=1 ob=2 oh=4 ow=7 cb=1 ci=16 kh=1 kw=1 o=32 in=f32[0,0,0,112,16,0,1,0,0] "
          "in=f32.const[0,0,0,0,0,0,0,0,0] in=f32[0,0,16,0,0,0,0,0,0]*1 in=f32[0,0,448,112,16,0,0,0,0]*1 "
          "out=f32[0,0,448,112,16,0,0,0,0]*1 body=\"(f32,f32,f32) r3=add(r0,r1):f32 r4=add(r3,r2):f32 r5=silu(r4):f32 "
          "r6=gelu(r5):f32 -> r6\"",
          NULL);
    /* one number for all, one per pixel */
    check("conv n=1 g=1 ob=1 oh=2 ow=9 cb=1 ci=16 kh=1 kw=1 o=16 in=f32[0,0,0,144,16,0,1,0,0] "
          "in=f32.const[0,0,0,0,0,0,0,0,0] in=f32[0,0,0,0,0,0,0,0,0] in=f32[0,0,0,9,1,0,0,0,0] "
          "out=f32[0,0,288,144,16,0,0,0,0]*1 body=\"(f32,f32,f32) r3=mul(r0,r1):f32 r4=add(r3,r2):f32 -> r4\"",
          NULL);
}
