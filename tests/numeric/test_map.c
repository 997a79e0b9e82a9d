/* Elementwise kernels, copies and transposes against the naive interpreter: shapes, strides, types, every scalar
 * operation. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};
#define RELU_ADD " body=\"(f32,f32) r2=add(r0,r1):f32 r3=relu(r2):f32 -> r3\""
#define COPY     " body=\"(f32) -> r0\""

static void check(const char *task, const spec_check_options *options)
{
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        char line[2048], why[512];
        snprintf(line, sizeof line, "%s | | %s", task, targets[t]);
        ingot_spec spec;
        const char *reason = "";
        ingot_status status = ingot_spec_parse(line, strlen(line), &spec);
        cr_assert_null(status, "%s", ingot_status_message(status));
        if (!ingot_codegen_supports(&spec, &reason)) {
            cr_expect(strstr(line, "f16") != NULL && t == 0, "%s: %s", line, reason); /* F16C is what v2 lacks */
            continue;
        }
        cr_expect(spec_check(line, options, why), "%s", why);
    }
}

Test(map, rows)
{
    check("map d0=1 in=f32[1] in=f32[1] out=f32[1]" RELU_ADD, NULL);                /* one element */
    check("map d0=1000 in=f32[1] in=f32[1] out=f32[1]" RELU_ADD, NULL);             /* flat, a tail */
    check("map d0=40007 in=f32[1] in=f32[1] out=f32[1]" RELU_ADD, NULL);            /* pieces of one row */
    check("map d0=13 d1=77 in=f32[80,1] in=f32[0,1] out=f32[77,1]" RELU_ADD, NULL); /* a row broadcast */
    check("map d0=5 d1=33 in=f32[33,1] in=f32[1,0] out=f32[40,1]" RELU_ADD, NULL); /* a column broadcast, padded rows */
    check("map d0=50 d1=3 in=f32[3,1] in=f32[0,1] out=f32[3,1]" RELU_ADD, NULL);   /* rows shorter than a vector */
    check("map d0=3 d1=20000 in=f32[20000,1] in=f32[0,0] out=f32[20000,1]" RELU_ADD,
          NULL); /* rows in pieces, a scalar */
    check("map d0=2 d1=3 d2=2 d3=3 d4=2 d5=5 in=f32[180,60,30,10,5,1] in=f32[0,5,0,0,0,1] "
          "out=f32[180,60,30,10,5,1]" RELU_ADD,
          NULL); /* six dims */
    check("map d0=2 d1=2 d2=3 d3=2 d4=1 d5=2 d6=2 d7=3 d8=5 in=f32[0,360,0,60,60,30,0,5,1] "
          "out=f32[720,360,120,60,60,30,15,5,1]" COPY,
          NULL);                                                    /* nine dims, as a tile of four axes has them */
    check("map d0=10 d1=20 in=f32[20,1] out=f32[40,2]" COPY, NULL); /* strided result */
    check("map d0=10 d1=21 in=f32[63,3] out=f32[21,1]" COPY, NULL); /* strided input */
    check("map d0=0 d1=7 in=f32[7,1] out=f32[7,1]" COPY, NULL);     /* nothing */
    check("map d0=100 out=f32[1] body=\"() r0=const(2.5):f32 -> r0\"", NULL); /* a fill */
    check("map d0=5 d1=30 in=f32[30,1] out=f32[30,1] out=bool[30,1] body=\"(f32) r1=neg(r0):f32 r2=const(0):f32 "
          "r3=gt(r0,r2):bool -> r1, r3\"",
          NULL); /* two results */
}

Test(map, dynamic_rows)
{
    static const int64_t sizes[][2] = {{1, 1},    {3, 5}, {4, 16}, {7, 77},  {1, 30000},
                                       {9000, 1}, {0, 5}, {5, 0},  {130, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        spec_check_options options = {.sizes = {sizes[i][0], sizes[i][1], sizes[i][1] + 3}};
        check("map d0=?0 d1=?1 in=f32[?2,1] in=f32[0,1] out=f32[?1,1]" RELU_ADD, &options);
        check("map d0=?0 d1=?1 in=f32[1,?0] in=f32[?1,1] out=f32[?1,1]" RELU_ADD, &options); /* transposed input */
        check("map d0=?0 d1=?1 in=f32[?1,1] in=f32[1,0] out=f32[1,?0]" RELU_ADD, &options);  /* transposed result */
    }
    check("map d0=?0 d1=?1 in=f32[?2,?3] out=f32[?4,?5]" COPY,
          &(spec_check_options){.sizes = {6, 11, 40, 3, 22, 2}}); /* strides of a run throughout */
}

/* Rows of few elements inside dims of open sizes: blocks of channels along images, nearest neighbours, borders. */
Test(map, short_rows_in_open_dims)
{
    static const int64_t sizes[][2] = {{1, 1}, {1, 7}, {5, 40}, {2, 700}, {300, 2}, {1, 20000}, {0, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t h = sizes[i][0], w = sizes[i][1], few = w < 50 ? w : 50;
        const spec_check_options padded = {.sizes = {h, w, (w + 2) * 16, (h + 2) * (w + 2) * 16}},
                                 blocks = {.sizes = {h, w, w * 16, w * 64, w * 32}},
                                 plain = {.sizes = {h, w, w * 16, w * 4}},
                                 three = {.sizes = {h < 6 ? h : 6, few, 4, few * 16, few * 64, 64}};
        check("map d0=3 d1=?0 d2=?1 d3=16 in=f32[?3,?2,16,1] in=f32[16,0,0,1] out=f32[?3,?2,16,1]" RELU_ADD, &padded);
        check("map d0=2 d1=?0 d2=?1 d3=5 in=f32[?3,?2,16,1] out=f32[?3,?2,16,1]" COPY, &padded); /* few channels */
        check("map d0=?0 d1=?1 d2=16 out=f32[?2,16,1] body=\"() r0=const(0):f32 -> r0\"", &padded);
        check("map d0=?0 d1=2 d2=?1 d3=2 d4=16 in=f32[?2,0,16,0,1] out=f32[?3,?4,32,16,1]" COPY,
              &blocks); /* each pixel four times */
        check("map d0=?0 d1=4 d2=?1 d3=4 in=f32[?1,0,1,0] out=f32[?2,?3,4,1]" COPY, &plain);
        check("map d0=?0 d1=?1 d2=?2 d3=16 in=f32[?3,16,0,1] out=f32[?4,?5,16,1]" COPY, &three);
    }
}

Test(map, transposes)
{
    check("map d0=37 d1=50 in=f32[1,37] out=f32[50,1]" COPY, NULL);                   /* ragged both ways */
    check("map d0=48 d1=64 in=f32[1,48] out=f32[64,1]" COPY, NULL);                   /* whole blocks */
    check("map d0=4 d1=17 d2=30 in=f32[510,1,17] out=f32[510,30,1]" COPY, NULL);      /* batched */
    check("map d0=2 d1=3 d2=100 in=f32[300,1,3] out=f32[300,100,1]" COPY, NULL);      /* NHWC to NCHW, three channels */
    check("map d0=2 d1=100 d2=3 in=f32[300,1,100] out=f32[300,3,1]" COPY, NULL);      /* and back */
    check("map d0=19 d1=23 in=f32[1,19] in=f32[0,1] out=f32[23,1]" RELU_ADD, NULL);   /* with arithmetic */
    check("map d0=40 d1=50 in=u8[1,40] out=u8[50,1] body=\"(u8) -> r0\"", NULL);      /* bytes */
    check("map d0=21 d1=19 in=i64[1,21] out=i64[19,1] body=\"(i64) -> r0\"", NULL);   /* eight bytes */
    check("map d0=21 d1=19 in=i16[1,21] out=i16[19,1] body=\"(i16) -> r0\"", NULL);   /* two bytes */
    check("map d0=12 d1=9 d2=300 in=f32[300,3600,1] out=f32[2700,300,1]" COPY, NULL); /* heads: rows stay whole */
}

/* Every operation, on the types it has. */
Test(map, operations)
{
    static const char *const types[] = {"f32", "f64", "f16", "i32", "i64", "u8", "bool"};
    static const struct {
        const char *name;
        int arity;
        const char *result;
    } ops[] = {
#define SCALAR(name, arity, result) {#name, arity, #result},
#include "runtime/scalar.def"
#undef SCALAR
    };
    int done = 0;
    for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++)
        for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
            if (strcmp(ops[o].name, "cast") == 0)
                continue;
            const char *type = types[t], *result = strcmp(ops[o].result, "bool") == 0 ? "bool" : type, *why;
            bool select = strcmp(ops[o].name, "select") == 0;
            char line[1024], tail[256], args[64], inputs[64];
            snprintf(args, sizeof args, "%s%s%s", select ? "bool" : type, ops[o].arity > 1 ? "," : "",
                     ops[o].arity > 1 ? type : "");
            if (ops[o].arity > 2)
                snprintf(args + strlen(args), sizeof args - strlen(args), ",%s", type);
            snprintf(inputs, sizeof inputs, "in=%s[1]%s%s%s", select ? "bool" : type, ops[o].arity > 1 ? " in=" : "",
                     ops[o].arity > 1 ? type : "", ops[o].arity > 1 ? "[1]" : "");
            if (ops[o].arity > 2)
                snprintf(inputs + strlen(inputs), sizeof inputs - strlen(inputs), " in=%s[1]", type);
            snprintf(tail, sizeof tail, "body=\"(%s) r%d=%s(%s):%s -> r%d\"", args, ops[o].arity, ops[o].name,
                     ops[o].arity == 1   ? "r0"
                     : ops[o].arity == 2 ? "r0,r1"
                                         : "r0,r1,r2",
                     result, ops[o].arity);
            snprintf(line, sizeof line, "map d0=77 %s out=%s[1] %s | | x86-64-v3", inputs, result, tail);
            ingot_spec spec;
            ingot_status status = ingot_spec_parse(line, strlen(line), &spec);
            if (status != NULL) { /* the operation is not defined for the type */
                ingot_status_free(status);
                continue;
            }
            if (!ingot_codegen_supports(&spec, &why))
                continue;
            double tolerance = strcmp(type, "f16") == 0 ? 4e-3 : 4e-6;
            snprintf(line, sizeof line, "map d0=77 %s out=%s[1] %s", inputs, result, tail);
            spec_check_options options = {.tolerance = tolerance, .skip_splits = true};
            if (t == 0) { /* all widths for f32, one for the others: each is a compile */
                check(line, &options);
            } else {
                char reason[512];
                snprintf(line + strlen(line), sizeof line - strlen(line), " | | x86-64-v3");
                cr_expect(spec_check(line, &options, reason), "%s", reason);
            }
            done++;
        }
    cr_expect(done > 120, "only %d operations have generated code", done);
}

Test(map, casts)
{
    static const char *const types[] = {"f32", "f64", "f16", "i32", "i64", "u8", "i8", "i16", "bool"};
    for (size_t a = 0; a < sizeof types / sizeof types[0]; a++)
        for (size_t b = 0; b < sizeof types / sizeof types[0]; b++) {
            char task[256];
            /* Values of floats are below one: integers come out as zeros, so scale them up. */
            bool scale = types[a][0] == 'f' && types[b][0] != 'f' && types[b][0] != 'b';
            if (scale)
                snprintf(task, sizeof task,
                         "map d0=37 in=%s[1] out=%s[1] body=\"(%s) r1=const(90):%s r2=mul(r0,r1):%s r3=abs(r2):%s "
                         "r4=cast(r3):%s -> r4\"",
                         types[a], types[b], types[a], types[a], types[a], types[a], types[b]);
            else
                snprintf(task, sizeof task, "map d0=37 in=%s[1] out=%s[1] body=\"(%s) r1=cast(r0):%s -> r1\"", types[a],
                         types[b], types[a], types[b]);
            check(task, &(spec_check_options){.tolerance = 1e-3, .skip_splits = true});
        }
}

Test(map, safe_integers)
{
    /* Divisors include zeros: random integers in [-50, 50). */
    check("map d0=500 in=i32[1] in=i32[1] out=i32[1] body=\"(i32,i32) r2=div(r0,r1):i32 -> r2\"", NULL);
    check("map d0=500 in=i64[1] in=i64[1] out=i64[1] body=\"(i64,i64) r2=mod(r0,r1):i64 -> r2\"", NULL);
    check("map d0=500 in=i8[1] in=i8[1] out=i8[1] body=\"(i8,i8) r2=fmod(r0,r1):i8 -> r2\"", NULL);
}

Test(map, refusals)
{
    static const char *const lines[] = {
        "map d0=4 in=f32[1] out=f32[1] body=\"(f32) r1=tan(r0):f32 -> r1\" | | x86-64-v3",
        "map d0=4 in=f16[1] out=f16[1] body=\"(f16) -> r0\" | | x86-64-v2",
        "map d0=4 in=f64[1] out=f64[1] body=\"(f64) r1=exp(r0):f64 -> r1\" | | x86-64-v3",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ingot_spec spec;
        const char *why = "";
        cr_assert_null(ingot_spec_parse(lines[i], strlen(lines[i]), &spec));
        cr_expect_not(ingot_codegen_supports(&spec, &why), "%s", lines[i]);
        cr_expect(strlen(why) > 0);
    }
}
