/* Reductions, softmax, norms and arg_max against the naive interpreter: every kind, both ways of running lanes, ragged
 * and dynamic sizes. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | | %s", task, targets[t]);
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

static const char *const plain[] = {"sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square"};

Test(reduce, kinds)
{
    char task[512];
    for (size_t k = 0; k < sizeof plain / sizeof plain[0]; k++) {
        snprintf(
            task, sizeof task,
            "reduce o0=1 o1=2 o2=3 r0=1 r1=37 i=1 kind=%s scale=0 bias=0 in=f32[0,111,37,0,1,0] out=f32[0,3,1,0,0,0]",
            plain[k]); /* rows with a tail */
        check(task, NULL);
        snprintf(task, sizeof task,
                 "reduce o0=2 o1=3 o2=1 r0=7 r1=7 i=16 kind=%s scale=0 bias=0 in=f32[2352,784,0,112,16,1] "
                 "out=f32[48,16,0,0,0,1]",
                 plain[k]); /* global pooling of blocks of 16 */
        check(task, NULL);
        snprintf(task, sizeof task,
                 "reduce o0=?0 o1=1 o2=1 r0=?1 r1=?2 i=?3 kind=%s scale=0 bias=0 in=f32[?4,0,0,?5,?3,1] "
                 "out=f32[?3,0,0,0,0,1]",
                 plain[k]); /* all sizes of a run, some empty */
        static const int64_t sizes[][4] = {{2, 3, 5, 21}, {1, 1, 1, 1}, {3, 0, 4, 9}, {0, 2, 2, 2}, {2, 2, 9, 40}};
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            const int64_t *n = sizes[s];
            check(task, &(spec_check_options){.sizes = {n[0], n[1], n[2], n[3], n[1] * n[2] * n[3], n[2] * n[3]}});
        }
    }
}

Test(reduce, shapes)
{
    check("reduce o0=3 o1=1 o2=1 r0=1 r1=50 i=21 kind=sum scale=0 bias=0 in=f32[1050,0,0,0,21,1] out=f32[21,0,0,0,0,1]",
          NULL); /* columns, a ragged inner dim */
    check("reduce o0=2 o1=5 o2=1 r0=3 r1=40 i=1 kind=mean scale=0 bias=0 in=f32[600,40,0,200,1,0] out=f32[5,1,0,0,0,0]",
          NULL); /* two reduced dims apart */
    check("reduce o0=1 o1=1 o2=1 r0=1 r1=300007 i=1 kind=sum scale=0 bias=0 in=f32[0,0,0,0,1,0] out=f32[0,0,0,0,0,0]",
          NULL); /* one long sum, in blocks */
    check("reduce o0=1 o1=1 o2=4 r0=1 r1=33 i=1 kind=sum scale=0 bias=0 in=f32[0,0,99,0,3,0] out=f32[0,0,1,0,0,0]",
          NULL); /* no unit stride */
    check("reduce o0=1 o1=1 o2=40 r0=1 r1=9 i=1 kind=max scale=0 bias=0 in=f32[0,0,1,0,40,0] out=f32[0,0,1,0,0,0]",
          NULL); /* lanes along an outer dim */
    check("reduce o0=1 o1=2 o2=1 r0=1 r1=37 i=1 kind=sum scale=0 bias=0 in=i64[0,37,0,0,1,0] out=i64[0,1,0,0,0,0]",
          NULL); /* integers */
    check("reduce o0=1 o1=2 o2=1 r0=1 r1=37 i=1 kind=max scale=0 bias=0 in=i32[0,37,0,0,1,0] out=i32[0,1,0,0,0,0]",
          NULL);
    check("reduce o0=1 o1=2 o2=1 r0=1 r1=37 i=1 kind=mean scale=0 bias=0 in=f64[0,37,0,0,1,0] out=f64[0,1,0,0,0,0]",
          NULL); /* doubles */
    check("reduce o0=1 o1=2 o2=3 r0=1 r1=37 i=1 kind=sum scale=0 bias=0 in=f32[0,111,37,0,1,0] in=f32[0,3,1,0,0,0] "
          "out=f32[0,3,1,0,0,0] body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\"",
          NULL); /* an epilogue */
}

Test(reduce, softmax)
{
    static const int columns[] = {1, 5, 16, 77, 384, 1000}; /* one; short of a vector; exact; tails; long rows */
    static const char *const kinds[] = {"softmax", "log_softmax"};
    char task[512];
    for (size_t k = 0; k < 2; k++) {
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
            int n = columns[c];
            snprintf(task, sizeof task,
                     "reduce o0=1 o1=3 o2=4 r0=1 r1=%d i=1 kind=%s scale=0 bias=0 in=f32[0,%d,%d,0,1,0] "
                     "out=f32[0,%d,%d,0,1,0]",
                     n, kinds[k], 4 * n, n, 4 * n, n);
            check(task, NULL);
            snprintf(task, sizeof task,
                     "reduce o0=1 o1=1 o2=?0 r0=1 r1=?1 i=1 kind=%s scale=0 bias=0 in=f32[0,0,?2,0,1,0] "
                     "out=f32[0,0,?1,0,1,0]",
                     kinds[k]);
            check(task, &(spec_check_options){.sizes = {7, n, n + 3}});
        }
        snprintf(task, sizeof task,
                 "reduce o0=2 o1=1 o2=1 r0=9 r1=1 i=21 kind=%s scale=0 bias=0 in=f32[189,0,0,21,0,1] "
                 "out=f32[189,0,0,21,0,1]",
                 kinds[k]); /* along an outer axis */
        check(task, NULL);
        snprintf(task, sizeof task,
                 "reduce o0=1 o1=1 o2=4 r0=1 r1=37 i=1 kind=%s scale=0 bias=0 in=f32[0,0,37,0,1,0] "
                 "in=f32[0,0,37,0,1,0] out=f32[0,0,37,0,1,0] body=\"(f32,f32) r2=mul(r0,r1):f32 -> r2\"",
                 kinds[k]);
        check(task, NULL);
    }
}

Test(reduce, norms)
{
    static const int columns[] = {7, 64, 77, 768};
    char task[512];
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        int n = columns[c];
        snprintf(task, sizeof task,
                 "reduce o0=1 o1=3 o2=4 r0=1 r1=%d i=1 kind=layer_norm scale=1 bias=1 imm0=1e-05 in=f32[0,%d,%d,0,1,0] "
                 "in=f32[0,0,0,0,1,0] in=f32[0,0,0,0,1,0] out=f32[0,%d,%d,0,1,0]",
                 n, 4 * n, n, 4 * n, n);
        check(task, &(spec_check_options){.tolerance = 1e-5});
        snprintf(task, sizeof task,
                 "reduce o0=1 o1=1 o2=4 r0=1 r1=%d i=1 kind=rms_norm scale=1 bias=0 imm0=1e-06 in=f32[0,0,%d,0,1,0] "
                 "in=f32[0,0,0,0,1,0] out=f32[0,0,%d,0,1,0]",
                 n, n, n);
        check(task, &(spec_check_options){.tolerance = 1e-5});
        check("reduce o0=1 o1=1 o2=?0 r0=1 r1=?1 i=1 kind=layer_norm scale=0 bias=0 imm0=1e-05 in=f32[0,0,?1,0,1,0] "
              "in=f32[0,0,?1,0,1,0] out=f32[0,0,?1,0,1,0] body=\"(f32,f32) r2=add(r0,r1):f32 -> r2\"",
              &(spec_check_options){.tolerance = 1e-5, .sizes = {5, n}});
    }
    /* instance norm of blocks of 16: lanes along channels */
    check("reduce o0=2 o1=3 o2=1 r0=5 r1=6 i=16 kind=layer_norm scale=1 bias=1 imm0=1e-05 in=f32[1440,480,0,96,16,1] "
          "in=f32[0,16,0,0,0,1] in=f32[0,16,0,0,0,1] out=f32[1440,480,0,96,16,1]",
          &(spec_check_options){.tolerance = 1e-5});
}

Test(reduce, arg)
{
    static const char *const kinds[] = {"arg_max", "arg_min"};
    char task[512];
    for (size_t k = 0; k < 2; k++) {
        snprintf(
            task, sizeof task,
            "reduce o0=1 o1=2 o2=3 r0=101 r1=1 i=1 kind=%s scale=0 bias=0 in=f32[0,303,101,1,0,0] out=i64[0,3,1,0,0,0]",
            kinds[k]);
        check(task, NULL);
        snprintf(
            task, sizeof task,
            "reduce o0=1 o1=2 o2=1 r0=11 r1=1 i=37 kind=%s scale=0 bias=0 in=f32[0,407,0,37,0,1] out=i64[0,37,0,0,0,1]",
            kinds[k]);
        check(task, NULL);
        snprintf(
            task, sizeof task,
            "reduce o0=1 o1=1 o2=?0 r0=?1 r1=1 i=1 kind=%s scale=0 bias=0 in=i32[0,0,?1,1,0,0] out=i64[0,0,1,0,0,0]",
            kinds[k]); /* integers: ties */
        check(task, &(spec_check_options){.sizes = {4, 300}});
    }
}

Test(reduce, refusals)
{
    static const char *const lines[] = {
        "reduce o0=1 o1=1 o2=4 r0=1 r1=8 i=1 kind=mean scale=0 bias=0 in=i32[0,0,8,0,1,0] out=i32[0,0,1,0,0,0] | | "
        "x86-64-v3",
        "reduce o0=1 o1=1 o2=4 r0=2 r1=8 i=1 kind=arg_max scale=0 bias=0 in=f32[0,0,16,8,1,0] out=i64[0,0,1,0,0,0] | | "
        "x86-64-v3",
        "reduce o0=1 o1=1 o2=4 r0=1 r1=8 i=1 kind=softmax scale=0 bias=0 in=f64[0,0,8,0,1,0] out=f64[0,0,8,0,1,0] | | "
        "x86-64-v3",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ingot_spec spec;
        const char *why = "";
        cr_assert_null(ingot_spec_parse(lines[i], strlen(lines[i]), &spec));
        cr_expect_not(ingot_codegen_supports(&spec, &why), "%s", lines[i]);
        cr_expect(strlen(why) > 0);
    }
}
