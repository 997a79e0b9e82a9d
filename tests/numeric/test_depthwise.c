/* Depthwise convolutions against the naive interpreter, on every width of vectors. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | mr=0 units=0 | %s", task, targets[t]);
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

static void check_shape(int n, int cb, int oh, int ow, int k, int s, int dilation, const char *body)
{
    char task[1024];
    int iw = (ow - 1) * s + (k - 1) * dilation + 1, ih = (oh - 1) * s + (k - 1) * dilation + 1;
    snprintf(task, sizeof task,
             "depthwise n=%d cb=%d oh=%d ow=%d kh=%d kw=%d in=f32[%d,%d,%d,%d,%d,%d] in=f32.const[0,0,0,0,0,0] "
             "in=f32[0,16,0,0,0,0]*1 out=f32[%d,%d,%d,16,0,0] body=\"%s\"",
             n, cb, oh, ow, k, k, cb * ih * iw * 16, ih * iw * 16, iw * 16 * s, 16 * s, iw * 16 * dilation,
             16 * dilation, cb * oh * ow * 16, oh * ow * 16, ow * 16, body);
    check(task, NULL);
}

Test(depthwise, shapes)
{
    const char *relu = "(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3";
    check_shape(1, 1, 1, 1, 1, 1, 1, relu);  /* one pixel, one tap */
    check_shape(1, 2, 3, 8, 3, 1, 1, relu);  /* exactly a tile of 8 */
    check_shape(2, 1, 5, 15, 3, 1, 1, relu); /* a pixel past a tile of 14; two images */
    check_shape(1, 1, 4, 9, 3, 2, 1, relu);  /* stride 2: inputs are shared differently */
    check_shape(1, 1, 3, 7, 3, 1, 2, relu);  /* dilated */
    check_shape(1, 1, 3, 7, 5, 1, 1, relu);  /* as many taps as are unrolled */
    check_shape(1, 1, 2, 7, 7, 1, 1, relu);  /* a loop over rows of taps */
    check_shape(1, 1, 0, 7, 3, 1, 1, relu);  /* nothing to do */
    check_shape(1, 2, 3, 6, 3, 1, 1,
                "(f32,f32) r2=add(r0,r1):f32 r3=hard_swish(r2):f32 r4=gelu(r3):f32 -> r4"); /* a large body */
}

Test(depthwise, dynamic)
{
    static const int widths[] = {0, 1, 7, 8, 9, 30};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        int64_t w = widths[i];
        check("depthwise n=?0 cb=2 oh=3 ow=?1 kh=3 kw=3 in=f32[?2,?3,?4,16,?4,16] in=f32.const[0,0,0,0,0,0] "
              "out=f32[?5,?6,?7,16,0,0]",
              &(spec_check_options){
                  .sizes = {2, w, 5 * (w + 2) * 32, 5 * (w + 2) * 16, (w + 2) * 16, 3 * w * 32, 3 * w * 16, w * 16}});
    }
}

Test(depthwise, wide_windows)
{
    /* more columns of taps than are unrolled */
    check("depthwise n=1 cb=1 oh=1 ow=4 kh=1 kw=30 in=f32[0,0,528,16,0,16] in=f32.const[0,0,0,0,0,0] "
          "out=f32[0,0,64,16,0,0]",
          NULL);
}
