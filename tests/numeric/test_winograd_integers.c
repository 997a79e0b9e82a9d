/* Winograd convolutions of integers against plain ones, bit for bit, on every width of vectors. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

#define EXACT 1e-300

static void check(const char *task, const char *decisions)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | %s | %s", task, decisions, targets[t]);
        cr_expect(spec_check(line, &(spec_check_options){.tolerance = EXACT}, why), "%s", why);
    }
}

/* x: "u8" or "i16". Sums as they are and a body that rounds them to bytes, in turns. */
static void check_integers(const char *x, int n, int o, int oh, int ow, int c, const char *decisions)
{
    static const int tiles[][2] = {{4, 4}, {2, 2}, {1, 4}, {4, 1}};
    static const char *const ends[] = {
        "out=i32[%d,%d,%d,16,0]*1 out=i32.scratch[0,0,0,0,0]",
        "in=i32.const[0,16,0,0,0]*1 in=f32.const[0,16,0,0,0]*1 out=u8[%d,%d,%d,16,0]*1 out=i32.scratch[0,0,0,0,0] "
        "body=\"(i32,i32,f32) r3=add(r0,r1):i32 r4=cast(r3):f32 r5=mul(r4,r2):f32 r6=const(0.0001):f32 "
        "r7=mul(r5,r6):f32 r8=round(r7):f32 r9=relu(r8):f32 r10=const(255.0):f32 r11=min(r9,r10):f32 r12=cast(r11):u8 "
        "-> r12\""};
    for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
        int ob = (o + 15) / 16, cb = (c + 15) / 16;
        int mh = tiles[i][0], mw = tiles[i][1], iw = ow + (mw > 1 ? 2 : 0), ih = oh + (mh > 1 ? 2 : 0);
        char task[1024], end[512];
        snprintf(end, sizeof end, ends[(i + (x[0] == 'u')) % 2], ob * ih * iw * 16, ih * iw * 16, iw * 16);
        snprintf(task, sizeof task,
                 "winograd n=%d ob=%d oh=%d ow=%d cb=%d mh=%d mw=%d o=%d c=%d in=%s[%d,0,%d,16,%d]*1 "
                 "in=i16.packed16.const[0,0,0,0,0] %s",
                 n, ob, oh, ow, cb, mh, mw, o, c, x, cb * ih * iw * 16, iw * 16, ih * iw * 16, end);
        check(task, decisions);
    }
}

Test(winograd_integers, shapes)
{
    check_integers("u8", 1, 24, 9, 10, 24, "tiles=13 chunk=2 part=2 run=1");  /* half a block, in and out */
    check_integers("i16", 1, 5, 8, 8, 3, "tiles=6 chunk=1 part=1 run=1");     /* an odd number of channels */
    check_integers("u8", 2, 32, 5, 6, 32, "tiles=5 chunk=1 part=1 run=1");    /* blocks across two images */
    check_integers("i16", 1, 48, 7, 9, 16, "tiles=7 chunk=2 part=3 run=1");   /* over both edges */
    check_integers("u8", 1, 16, 1, 1, 16, "tiles=8 chunk=1 part=1 run=1");    /* less than a tile */
    check_integers("i16", 1, 32, 3, 30, 16, "tiles=16 chunk=2 part=2 run=1"); /* several heights of register tiles */
    check_integers("u8", 0, 32, 4, 4, 16, "tiles=4 chunk=1 part=2 run=1");    /* nothing to do */
}

Test(winograd_integers, many_channels)
{
    check_integers("u8", 1, 80, 6, 6, 512, "tiles=9 chunk=3 part=4 run=1");     /* rows of V that are padded */
    check_integers("i16", 1, 320, 4, 4, 320, "tiles=4 chunk=20 part=20 run=1"); /* filters are fetched ahead */
}

/* n, rows and columns, then strides: image and row of x, block of x, image of the result. */
static void open_sizes(int64_t *out, int n, int oh, int ow)
{
    int64_t iw = ow + 2, ih = oh + 2;
    const int64_t sizes[] = {n, oh, ow, 2 * ih * iw * 16, iw * 16, ih * iw * 16, 3 * ih * iw * 16};
    memcpy(out, sizes, sizeof sizes);
}

Test(winograd_integers, open_sizes)
{
    static int64_t sizes[3][INGOT_SPEC_SIZES];
    char line[1024], why[512];
    spec_check_options options = {.tolerance = EXACT, .more = (const int64_t(*)[INGOT_SPEC_SIZES])sizes, .n_more = 3};
    for (int m = 2; m <= 4; m += 2)
        for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
            open_sizes(options.sizes, 1, 7, 7);
            open_sizes(sizes[0], 1, 1, 1);
            open_sizes(sizes[1], 3, 9, 14);
            open_sizes(sizes[2], 0, 4, 4);
            snprintf(line, sizeof line,
                     "winograd n=?0 ob=3 oh=?1 ow=?2 cb=2 mh=%d mw=%d o=40 c=25 in=u8[?3,0,?4,16,?5]*1 "
                     "in=i16.packed16.const[0,0,0,0,0] in=i16[?6,?5,?4,16,0]*1 out=i16[?6,?5,?4,16,0]*1 "
                     "out=i32.scratch[0,0,0,0,0] body=\"(i32,i16) r2=cast(r0):i16 r3=sub(r2,r1):i16 -> r3\" | "
                     "tiles=13 chunk=1 part=1 run=1 | %s",
                     m, m, targets[t]);
            cr_expect(spec_check(line, &options, why), "%s", why);
        }
}

static void check_types_refused(const char *x, const char *u, const char *out, const char *scratch)
{
    char line[1024];
    ingot_spec spec;
    const char *why = "";
    snprintf(line, sizeof line,
             "winograd n=1 ob=2 oh=6 ow=5 cb=1 mh=4 mw=4 o=32 c=16 in=%s[0,0,112,16,0]*1 "
             "in=%s.packed16.const[0,0,0,0,0] out=%s[0,480,80,16,0]*1 out=%s.scratch[0,0,0,0,0] | tiles=3 chunk=1 "
             "part=2 run=1 | x86-64-v3",
             x, u, out, scratch);
    cr_assert_null(ingot_spec_parse(line, strlen(line), &spec), "%s", line);
    cr_expect_not(ingot_codegen_supports(&spec, &why), "%s", line);
    cr_expect_str_eq(why, "winograd: element types other than f32, or u8, i16 and i32");
}

Test(winograd_integers, refused_types)
{
    check_types_refused("u8", "i8", "i32", "i32");
    check_types_refused("i8", "i16", "i32", "i32");
    check_types_refused("u8", "i16", "f32", "i32");
    check_types_refused("u8", "i16", "i32", "f32");
    check_types_refused("f32", "i16", "f32", "f32");
}
