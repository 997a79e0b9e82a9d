/* Pooling against the naive interpreter: borders, strides, dilations, both layouts. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

typedef struct pooling {
    int n, cb, h, w, k, stride, dilation, pad_before, pad_after, include_pad;
} pooling;

static int output_size(int size, const pooling *p)
{
    return (size + p->pad_before + p->pad_after - (p->k - 1) * p->dilation - 1) / p->stride + 1;
}

/* Both kinds, static and dynamic sizes, with and without a body. */
static void check(const pooling *p, int lane)
{
    int oh = output_size(p->h, p), ow = output_size(p->w, p);
    int row = p->w * lane, block = p->h * row, image = p->cb * block, out_row = ow * lane, out_block = oh * out_row,
        out_image = p->cb * out_block;
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
        for (int kind = 0; kind < 2; kind++)
            for (int dynamic = 0; dynamic < 2; dynamic++) {
                char line[2048], dims[256], params[256], why[512];
                const char *name = kind == 0 ? "max" : "avg";
                spec_check_options options = {.sizes = {p->n, p->cb, oh, ow, p->h, p->w, p->pad_before}};
                if (dynamic) {
                    snprintf(dims, sizeof dims, "n=?0 cb=?1 oh=?2 ow=?3 kh=%d kw=%d lane=%d", p->k, p->k, lane);
                    snprintf(params, sizeof params,
                             "kind=%s sh=%d sw=%d dh=%d dw=%d pt=?6 pl=?6 ih=?4 iw=?5 include_pad=%d pb=%d pr=%d", name,
                             p->stride, p->stride, p->dilation, p->dilation, p->include_pad, p->pad_after,
                             p->pad_after);
                } else {
                    snprintf(dims, sizeof dims, "n=%d cb=%d oh=%d ow=%d kh=%d kw=%d lane=%d", p->n, p->cb, oh, ow, p->k,
                             p->k, lane);
                    snprintf(params, sizeof params,
                             "kind=%s sh=%d sw=%d dh=%d dw=%d pt=%d pl=%d ih=%d iw=%d include_pad=%d pb=%d pr=%d", name,
                             p->stride, p->stride, p->dilation, p->dilation, p->pad_before, p->pad_before, p->h, p->w,
                             p->include_pad, p->pad_after, p->pad_after);
                }
                snprintf(line, sizeof line,
                         "window %s %s in=f32[%d,%d,%d,%d,0,0,1]%s out=f32[%d,%d,%d,%d,0,0,1]%s | | %s", dims, params,
                         image, block, row, lane, dynamic ? " in=f32[0,0,0,0,0,0,1]" : "", out_image, out_block,
                         out_row, lane, dynamic ? " body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\"" : "",
                         targets[t]);
                cr_expect(spec_check(line, &options, why), "%s", why);
            }
}

static const pooling poolings[] = {
    {1, 2, 7, 9, 3, 2, 1, 1, 1, 0},   /* ResNet's: borders on all sides */
    {2, 1, 8, 8, 2, 2, 1, 0, 0, 0},   /* no borders at all */
    {1, 1, 9, 40, 3, 1, 1, 1, 1, 1},  /* stride 1: a long interior, padding counted */
    {1, 1, 5, 20, 2, 3, 1, 0, 2, 1},  /* ceil mode: the last window leaves the padded input */
    {1, 1, 11, 13, 3, 1, 3, 2, 2, 0}, /* dilated */
    {1, 1, 3, 3, 5, 1, 1, 2, 2, 0},   /* the window is larger than the input */
    {1, 1, 4, 4, 3, 1, 1, 2, 2, 1},   /* corners whose window is nearly all padding */
    {1, 1, 12, 24, 9, 2, 1, 4, 4, 0}, /* more columns than are unrolled */
    {0, 3, 4, 4, 2, 2, 1, 0, 0, 0},   /* no images */
};

Test(window, blocks_of_16)
{
    for (size_t i = 0; i < sizeof poolings / sizeof poolings[0]; i++)
        check(&poolings[i], 16);
}

Test(window, plain)
{
    for (size_t i = 0; i < sizeof poolings / sizeof poolings[0]; i++)
        check(&poolings[i], 1);
}

Test(window, refusals)
{
    ingot_spec spec;
    const char *why = "";
    const char *line = "window n=1 cb=1 oh=4 ow=4 kh=2 kw=2 lane=16 kind=max sh=2 sw=2 dh=1 dw=1 pt=0 pl=0 ih=8 iw=8 "
                       "include_pad=0 pb=0 pr=0 in=u8[0,0,128,16,0,0,1] out=u8[0,0,64,16,0,0,1] | | x86-64-v3";
    cr_assert_null(ingot_spec_parse(line, strlen(line), &spec));
    cr_expect_not(ingot_codegen_supports(&spec, &why));
    cr_expect_str_eq(why, "window: f32 only");
}
