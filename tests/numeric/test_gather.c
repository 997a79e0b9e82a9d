/* Gathers of rows: element sizes, lengths, strides, bad indices. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[1024], why[512];
        snprintf(line, sizeof line, "%s | | %s", task, targets[t]);
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

Test(gather, static_rows)
{
    static const char *const types[] = {"f32", "u8", "i64", "bool", "i32", "f64", "i16"};
    static const int rows[] = {1, 2, 7, 16, 33, 768}; /* an element; less than a vector; tails; an embedding */
    char task[512];
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
            snprintf(task, sizeof task,
                     "gather o=2 j=9 i=%d axis_size=5 axis_stride=%d in=%s[%d,0,1] in=i64[0,1,0] out=%s[%d,%d,1] "
                     "out=i64[0,0,0]",
                     rows[r], rows[r], types[t], 5 * rows[r], types[t], 9 * rows[r], rows[r]);
            check(task, NULL);
        }
}

Test(gather, strides_and_indices)
{
    check("gather o=3 j=40 i=4 axis_size=6 axis_stride=1 in=f32[24,0,6] in=i32[0,2,0] out=f32[160,1,40] out=i64[0,0,0]",
          NULL); /* along the last axis, indices of another array's column */
    check("gather o=1 j=1 i=50000 axis_size=3 axis_stride=50000 in=f32[0,0,1] in=i64[0,0,0] out=f32[0,0,1] "
          "out=i64[0,0,0]",
          NULL); /* one long row in pieces */
    check("gather o=1 j=9000 i=1 axis_size=10 axis_stride=1 in=i64[0,0,1] in=i64[0,1,0] out=i64[0,1,1]",
          NULL); /* nobody counts */
    check("gather o=1 j=4 i=3 axis_size=0 axis_stride=3 in=f32[0,0,1] in=i64[0,1,0] out=f32[0,3,1] out=i64[0,0,0]",
          NULL); /* every index is bad */
}

Test(gather, dynamic)
{
    static const int64_t sizes[][6] = {{2, 9, 7, 5, 7, 35}, {1, 1, 40000, 4, 40000, 160000},
                                       {0, 3, 3, 3, 3, 9},  {2, 0, 3, 3, 3, 9},
                                       {2, 4, 0, 3, 0, 0},  {3, 100, 64, 1, 64, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        spec_check_options options = {.sizes = {sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4],
                                                sizes[i][5], sizes[i][1] * sizes[i][2]}};
        check("gather o=?0 j=?1 i=?2 axis_size=?3 axis_stride=?4 in=f32[?5,0,1] in=i64[0,1,0] out=f32[?6,?2,1] "
              "out=i64[0,0,0]",
              &options);
    }
}
