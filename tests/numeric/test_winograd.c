/* Winograd convolutions against plain ones in double, on every width of vectors. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

static void check(const char *task, const char *decisions)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | %s | %s", task, decisions, targets[t]);
        cr_expect(spec_check(line, &(spec_check_options){.tolerance = 3e-6}, why), "%s", why);
    }
}

/* Inputs with exactly their border; outputs inside a larger buffer of the same kind. */
static void check_channels(int n, int o, int oh, int ow, int c, const char *decisions)
{
    static const int tiles[][2] = {{2, 2}, {4, 4}, {1, 2}, {1, 4}, {2, 1}, {4, 1}}; /* 3x3, 1x3, 3x1 */
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        char task[1024];
        int ob = (o + 15) / 16, cb = (c + 15) / 16;
        int mh = tiles[i][0], mw = tiles[i][1], iw = ow + (mw > 1 ? 2 : 0), ih = oh + (mh > 1 ? 2 : 0);
        snprintf(task, sizeof task,
                 "winograd n=%d ob=%d oh=%d ow=%d cb=%d mh=%d mw=%d o=%d c=%d in=f32[%d,0,%d,16,%d]*1 "
                 "in=f32.packed16.const[0,0,0,0,0] "
                 "in=f32.const[0,16,0,0,0]*1 out=f32[%d,%d,%d,16,0]*1 out=f32.scratch[0,0,0,0,0] "
                 "body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\"",
                 n, ob, oh, ow, cb, mh, mw, o, c, cb * ih * iw * 16, iw * 16, ih * iw * 16, ob * ih * iw * 16,
                 ih * iw * 16, iw * 16);
        check(task, decisions);
    }
}

static void check_shape(int n, int ob, int oh, int ow, int cb, const char *decisions)
{
    check_channels(n, ob * 16, oh, ow, cb * 16, decisions);
}

Test(winograd, parts_of_blocks)
{
    check_channels(1, 24, 9, 10, 24, "tiles=13 chunk=2 part=2 run=1"); /* half a block, in and out */
    check_channels(1, 5, 8, 8, 3, "tiles=6 chunk=1 part=1 run=1");
    check_channels(1, 41, 6, 6, 25, "tiles=9 chunk=2 part=3 run=1"); /* just more than half */
}

Test(winograd, shapes)
{
    check_shape(1, 1, 4, 4, 1, "tiles=1 chunk=1 part=1 run=1");   /* one tile, or four of them in a block each */
    check_shape(1, 2, 8, 8, 2, "tiles=4 chunk=2 part=2 run=1");   /* whole tiles; one pair of blocks */
    check_shape(1, 1, 1, 1, 1, "tiles=8 chunk=1 part=1 run=1");   /* less than a tile; a block that is never full */
    check_shape(1, 3, 7, 9, 1, "tiles=7 chunk=2 part=3 run=1");   /* over both edges; an odd number of blocks */
    check_shape(2, 2, 5, 6, 2, "tiles=5 chunk=1 part=1 run=1");   /* blocks across two images; parts that share V */
    check_shape(1, 2, 13, 13, 1, "tiles=6 chunk=1 part=2 run=2"); /* two blocks a unit, the last one alone */
    check_shape(1, 2, 3, 30, 1, "tiles=16 chunk=2 part=2 run=1"); /* several heights of register tiles */
    check_shape(0, 2, 4, 4, 1, "tiles=4 chunk=1 part=2 run=1");   /* nothing to do */
    check_shape(1, 1, 4, 0, 1, "tiles=4 chunk=1 part=1 run=1");
}

/* Sizes that a run decides: n, rows and columns, then strides (image and row of x, block of x, image of the result). */
static void open_sizes(int64_t *out, int n, int oh, int ow, int ob, int cb, int mh, int mw)
{
    int64_t iw = ow + (mw > 1 ? 2 : 0), ih = oh + (mh > 1 ? 2 : 0);
    const int64_t sizes[] = {n, oh, ow, cb * ih * iw * 16, iw * 16, ih * iw * 16, ob * ih * iw * 16};
    memcpy(out, sizes, sizeof sizes);
}

static void check_open(int o, int c, const char *decisions)
{
    static const int tiles[][2] = {{2, 2}, {4, 4}, {1, 4}, {2, 1}};
    static int64_t sizes[64][INGOT_SPEC_SIZES];
    int ob = (o + 15) / 16, cb = (c + 15) / 16;
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        int mh = tiles[i][0], mw = tiles[i][1], n = 0;
        for (int oh = 1; oh <= 5; oh++) /* all that may be left over an edge */
            for (int ow = 1; ow <= 9; ow += oh == 1 ? 1 : 2)
                open_sizes(sizes[n++], 1 + (oh + ow) % 3, oh, ow, ob, cb, mh, mw);
        open_sizes(sizes[n++], 0, 4, 4, ob, cb, mh, mw); /* nothing to do */
        open_sizes(sizes[n++], 2, 3, 0, ob, cb, mh, mw);
        open_sizes(sizes[n++], 2, 23, 37, ob, cb, mh, mw); /* more blocks than units */
        char task[1024];
        snprintf(task, sizeof task,
                 "winograd n=?0 ob=%d oh=?1 ow=?2 cb=%d mh=%d mw=%d o=%d c=%d in=f32[?3,0,?4,16,?5]*1 "
                 "in=f32.packed16.const[0,0,0,0,0] in=f32.const[0,16,0,0,0]*1 in=f32[?6,?5,?4,16,0]*1 "
                 "out=f32[?6,?5,?4,16,0]*1 out=f32.scratch[0,0,0,0,0] "
                 "body=\"(f32,f32,f32) r3=add(r0,r1):f32 r4=mul(r3,r2):f32 -> r4\"",
                 ob, cb, mh, mw, o, c);
        for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
            char line[2048], why[512];
            spec_check_options options = {
                .tolerance = 3e-6, .more = (const int64_t(*)[INGOT_SPEC_SIZES])sizes, .n_more = n};
            open_sizes(options.sizes, 1, 8, 8, ob, cb, mh, mw);
            snprintf(line, sizeof line, "%s | %s | %s", task, decisions, targets[t]);
            cr_expect(spec_check(line, &options, why), "%s", why);
        }
    }
}

Test(winograd, open_sizes)
{
    check_open(24, 24, "tiles=6 chunk=2 part=2 run=1"); /* half a block */
    check_open(48, 16,
               "tiles=13 chunk=1 part=1 run=1"); /* parts of a block's channels, as long as there are few blocks */
    check_open(16, 16, "tiles=1 chunk=1 part=1 run=3");
}

Test(winograd, open_sizes_and_many_channels)
{
    char line[1024], why[512]; /* filters are fetched ahead; from one register tile on */
    static int64_t sizes[3][INGOT_SPEC_SIZES];
    spec_check_options options = {.tolerance = 3e-6, .more = (const int64_t(*)[INGOT_SPEC_SIZES])sizes, .n_more = 3};
    open_sizes(options.sizes, 1, 7, 7, 20, 20, 4, 4);
    open_sizes(sizes[0], 1, 1, 1, 20, 20, 4, 4);
    open_sizes(sizes[1], 8, 7, 7, 20, 20, 4, 4);
    open_sizes(sizes[2], 2, 9, 14, 20, 20, 4, 4);
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        snprintf(line, sizeof line,
                 "winograd n=?0 ob=20 oh=?1 ow=?2 cb=20 mh=4 mw=4 o=320 c=320 in=f32[?3,0,?4,16,?5]*1 "
                 "in=f32.packed16.const[0,0,0,0,0] out=f32[?6,?5,?4,16,0]*1 out=f32.scratch[0,0,0,0,0] | tiles=24 "
                 "chunk=3 part=9 run=1 | %s",
                 targets[t]);
        cr_expect(spec_check(line, &options, why), "%s", why);
    }
}

Test(winograd, many_channels)
{
    check_shape(1, 5, 6, 6, 16, "tiles=9 chunk=3 part=4 run=1");    /* rows of V as long as a page's part, padded */
    check_shape(1, 20, 4, 4, 20, "tiles=4 chunk=20 part=20 run=1"); /* filters are fetched ahead */
}

Test(winograd, bodies)
{
    /* bias, residual with its own strides, one number; then a large body */
    for (int m = 2; m <= 4; m += 2) {
        char task[1024];
        snprintf(task, sizeof task,
                 "winograd n=1 ob=2 oh=6 ow=5 cb=1 mh=%d mw=%d o=32 c=16 in=f32[0,0,112,16,0]*1 "
                 "in=f32.packed16.const[0,0,0,0,0] "
                 "in=f32.const[0,16,0,0,0]*1 in=f32[0,512,80,16,0]*1 in=f32[0,0,0,0,0] out=f32[0,480,80,16,0]*1 "
                 "out=f32.scratch[0,0,0,0,0] body=\"(f32,f32,f32,f32) r4=add(r0,r1):f32 r5=add(r4,r2):f32 "
                 "r6=mul(r5,r3):f32 r7=silu(r6):f32 r8=gelu(r7):f32 -> r8\"",
                 m, m);
        check(task, "tiles=3 chunk=1 part=2 run=1");
    }
}

static void check_refused(const char *channels, const char *decisions, const char *expected)
{
    char line[1024];
    ingot_spec spec;
    const char *why = "";
    snprintf(line, sizeof line,
             "winograd n=1 ob=2 oh=6 ow=5 cb=1 %s in=f32[0,0,112,16,0]*1 in=f32.packed16.const[0,0,0,0,0] "
             "out=f32[0,480,80,16,0]*1 out=f32.scratch[0,0,0,0,0] | %s | x86-64-v3",
             channels, decisions);
    cr_assert_null(ingot_spec_parse(line, strlen(line), &spec), "%s", line);
    cr_expect_not(ingot_codegen_supports(&spec, &why), "%s", line);
    cr_expect_str_eq(why, expected);
}

Test(winograd, refusals)
{
    static const char good[] = "tiles=3 chunk=1 part=2 run=1";
    check_refused("mh=3 mw=2 o=32 c=16", good, "winograd: mh and mw are 1, 2 or 4, and not both 1");
    check_refused("mh=1 mw=1 o=32 c=16", good, "winograd: mh and mw are 1, 2 or 4, and not both 1");
    check_refused("mh=2 mw=2 o=33 c=16", good, "winograd: sizes that are not fixed, do not fit, or are too large");
    check_refused("mh=2 mw=2 o=32 c=0", good, "winograd: sizes that are not fixed, do not fit, or are too large");
    check_refused("mh=2 mw=2 o=?0 c=16", good, "winograd: sizes that are not fixed, do not fit, or are too large");
    check_refused("mh=2 mw=2 o=32 c=16", "tiles=3 chunk=1 part=2", "winograd: decisions that are missing or too large");
}
