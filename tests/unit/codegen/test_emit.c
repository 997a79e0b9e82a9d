/* What comes out of code generation: forms of output, target features, refusals, the table of targets. */
#include "codegen/codegen.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define PRODUCT(target)                                                                          \
    "contract b0=1 b1=1 m=384 n=768 k=768 in=f32[0,0,768,0,1] in=f32.packed16.const[0,0,0,0,0] " \
    "out=f32[0,0,768,1,0] | mr=0 nr=0 kc=0 nb=0 units=0 | " target

static char *compile(ingot_arena *arena, const char *line, ingot_emit_kind kind)
{
    ingot_object out;
    ingot_status s =
        ingot_codegen_compile(&line, 1, &(ingot_codegen_options){.workers = -1, .emit = kind}, arena, &out);
    cr_assert_null(s, "%s", ingot_status_message(s));
    char *text = ingot_arena_strndup(arena, out.data, out.size);
    cr_assert_not_null(text);
    return text;
}

Test(emit, forms)
{
    ingot_arena arena = {0};
    cr_expect(strstr(compile(&arena, PRODUCT("x86-64-v3"), INGOT_EMIT_MLIR), "llvm.intr.fma") != NULL);
    cr_expect(strstr(compile(&arena, PRODUCT("x86-64-v3"), INGOT_EMIT_LLVM), "@llvm.fma.v8f32") != NULL);
    cr_expect(strstr(compile(&arena, PRODUCT("x86-64-v3"), INGOT_EMIT_ASM), "vfmadd231ps") != NULL);
    cr_expect(memcmp(compile(&arena, PRODUCT("x86-64-v3"), INGOT_EMIT_OBJECT), "\177ELF", 4) == 0);
    ingot_arena_release(&arena);
}

/* Lines of assembly that have both words. */
static int lines_with(const char *text, const char *a, const char *b)
{
    int n = 0;
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        size_t size = end ? (size_t)(end - line) : strlen(line);
        n += memmem(line, size, a, strlen(a)) && memmem(line, size, b, strlen(b));
        line += size + (end != NULL);
    }
    return n;
}

Test(emit, registers_of_each_target)
{
    ingot_arena arena = {0};
    char *sse = compile(&arena, PRODUCT("x86-64-v2"), INGOT_EMIT_ASM);
    char *avx2 = compile(&arena, PRODUCT("x86-64-v3"), INGOT_EMIT_ASM);
    cr_expect_eq(lines_with(sse, "ymm", ""), 0);
    cr_expect_gt(lines_with(sse, "mulps", "xmm"), 0);
    cr_expect_eq(lines_with(avx2, "vfmadd231ps", "ymm"), 48, "one tile of 6x16, four steps");
    cr_expect_eq(lines_with(avx2, "vbroadcastss", "ymm"), 24);
    cr_expect_eq(lines_with(avx2, "prefetch", ""), 1, "22 tiles fetch the columns that come next");
    static const char *const wide[] = {PRODUCT("x86-64-v4"), PRODUCT("znver4"), PRODUCT("sapphirerapids")};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        char *avx512 = compile(&arena, wide[i], INGOT_EMIT_ASM);
        cr_expect_eq(lines_with(avx512, "vfmadd231ps", "zmm"), 54, "tiles of 14x32 and 13x32");
        cr_expect_eq(lines_with(avx512, "(%rsp)", "zmm"), 0, "sums leave their registers");
    }
    cr_expect_eq(lines_with(sse, "(%rsp)", "xmm"), 0);
    cr_expect_eq(lines_with(avx2, "(%rsp)", "ymm"), 0);
    cr_expect_eq(lines_with(avx2, "@PLT", ""), 0, "generated code calls a library");
    ingot_arena_release(&arena);
}

#define INTEGERS(a, b, target)                                         \
    "contract b0=1 b1=1 m=384 n=768 k=768 in=" a "[0,0,768,0,1] in=" b \
    ".packed16.const[0,0,0,0,0] out=i32[0,0,768,1,0] "                 \
    "| mr=0 nr=0 kc=0 nb=0 units=0 | " target

/* Products of integers use the instructions that do not saturate, and their sums stay in registers. */
Test(emit, integers_of_each_target)
{
    static const struct {
        const char *line, *instruction, *registers;
        int count;
    } cases[] = {
        {INTEGERS("u8", "i8", "znver4"), "vpdpbusd", "zmm", 54},
        {INTEGERS("u8", "i8", "icelake-server"), "vpdpbusd", "zmm", 54},
        {INTEGERS("i16", "i16", "sapphirerapids"), "vpdpwssd", "zmm", 54},
        {INTEGERS("i16", "i16", "x86-64-v4"), "vpmaddwd", "zmm", 54},
        {INTEGERS("i16", "i16", "x86-64-v3"), "vpmaddwd", "ymm", 12},
        {INTEGERS("i16", "i16", "x86-64-v2"), "pmaddwd", "xmm", 12},
    };
    ingot_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = compile(&arena, cases[i].line, INGOT_EMIT_ASM);
        cr_expect_eq(lines_with(text, cases[i].instruction, cases[i].registers), cases[i].count, "%s: %d",
                     cases[i].line, lines_with(text, cases[i].instruction, cases[i].registers));
        cr_expect_eq(lines_with(text, "maddubs", ""), 0);
        cr_expect_eq(lines_with(text, "(%rsp)", cases[i].registers), 0, "%s: sums leave their registers",
                     cases[i].line);
    }
    ingot_arena_release(&arena);
}

#define WINOGRAD(x, target)                                                                               \
    "winograd n=1 ob=4 oh=28 ow=28 cb=4 mh=4 mw=4 o=64 c=64 in=" x "[0,0,480,16,14400]*1 "                \
    "in=i16.packed16.const[0,0,0,0,0] out=i32[0,12544,448,16,0]*1 out=i32.scratch[0,0,0,0,0] | tiles=24 " \
    "chunk=4 part=4 run=1 | " target

/* Winograd's products of integers are those of pairs of 16 bits, whose sums stay in registers; bytes are widened as
 * they are loaded. */
Test(emit, winograd_of_integers)
{
    static const struct {
        const char *line, *instruction, *registers;
    } cases[] = {
        {WINOGRAD("u8", "sapphirerapids"), "vpdpwssd", "zmm"},
        {WINOGRAD("i16", "x86-64-v4"), "vpmaddwd", "zmm"},
        {WINOGRAD("u8", "x86-64-v3"), "vpmaddwd", "ymm"},
        {WINOGRAD("u8", "x86-64-v2"), "pmaddwd", "xmm"},
    };
    ingot_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = compile(&arena, cases[i].line, INGOT_EMIT_ASM);
        cr_expect_gt(lines_with(text, cases[i].instruction, cases[i].registers), 0, "%s", cases[i].line);
        cr_expect_eq(lines_with(text, cases[i].instruction, "(%rsp)"), 0, "%s", cases[i].line);
        cr_expect_eq(lines_with(text, "pmovzxbw", "") > 0, strstr(cases[i].line, "in=u8") != NULL);
        cr_expect_eq(lines_with(text, "pmulld", "") > 0, true, "the inverse of nine");
    }
    ingot_arena_release(&arena);
}

#define BF16(a, target)                                                                             \
    "contract b0=1 b1=1 m=384 n=768 k=768 in=" a "[0,0,768,0,1] in=bf16.packed16.const[0,0,0,0,0] " \
    "out=f32[0,0,768,1,0] | mr=0 nr=0 kc=0 nb=0 units=0 | " target
#define BF16_CONV(a, target)                                                                        \
    "conv n=1 g=1 ob=4 oh=14 ow=28 cb=4 ci=16 kh=3 kw=3 o=64 in=" a "[0,0,0,480,16,7680,1,480,16] " \
    "in=bf16.packed16.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,6272,448,16,0,0,0,0]*1 | mr=0 nr=0 units=0 | " target

/* Pairs of bf16 are one instruction where there is one; else words are widened, two FMAs each. Sums stay in registers.
 */
Test(emit, bf16_of_each_target)
{
    static const struct {
        const char *line, *instruction, *registers;
        int count;
    } cases[] = {
        {BF16("bf16", "sapphirerapids"), "vdpbf16ps", "zmm", 54},
        {BF16("bf16", "znver4"), "vdpbf16ps", "zmm", 54},
        {BF16("bf16", "znver5"), "vdpbf16ps", "zmm", 54},
        {BF16("f32", "znver4"), "vfmadd231ps", "zmm", 108},
        {BF16("f32", "x86-64-v4"), "vfmadd231ps", "zmm", 108},
        {BF16("f32", "x86-64-v3"), "vfmadd231ps", "ymm", 24},
        {BF16_CONV("bf16", "sapphirerapids"), "vdpbf16ps", "zmm", 28},
        {BF16_CONV("f32", "x86-64-v3"), "vfmadd231ps", "ymm", 0},
    };
    ingot_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = compile(&arena, cases[i].line, INGOT_EMIT_ASM);
        int n = lines_with(text, cases[i].instruction, cases[i].registers);
        cr_expect(cases[i].count ? n == cases[i].count : n > 0, "%s: %d", cases[i].line, n);
        cr_expect_eq(lines_with(text, "(%rsp)", cases[i].registers), 0, "%s: sums leave their registers",
                     cases[i].line);
    }
    char *rounds = compile(&arena, "map d0=4096 in=f32[1] out=bf16[1] body=\"(f32) r1=cast(r0):bf16 -> r1\" | | znver4",
                           INGOT_EMIT_ASM);
    cr_expect_gt(lines_with(rounds, "vcvtneps2bf16", ""), 0);
    ingot_arena_release(&arena);
}

#define LIMITED(sums, target)                                                                        \
    "contract b0=1 b1=1 m=380 n=768 k=768 in=u8[0,0,768,0,1] in=i8.limited16.const[0,0,0,0,0]*" sums \
    " out=i32[0,0,768,1,0] | mr=0 nr=0 kc=0 nb=0 units=0 | " target

/* Bytes within limits: one vpmaddubsw for each word, and the records' once more. Sums stay in registers; with two words
 * a sum, one does not (a load and a store in a loop of 14 cycles). */
Test(emit, limited_bytes_of_each_target)
{
    static const struct {
        const char *line, *registers;
        int bytes, pairs, outside;
    } cases[] = {{LIMITED("1", "x86-64-v3"), "ymm", 20, 20, 0},
                 {LIMITED("2", "x86-64-v3"), "ymm", 24, 16, 4},
                 {LIMITED("1", "x86-64-v2"), "xmm", 20, 20, 0}};
    ingot_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = compile(&arena, cases[i].line, INGOT_EMIT_ASM);
        cr_expect_eq(lines_with(text, "pmaddubsw", cases[i].registers), cases[i].bytes, "%s: %d", cases[i].line,
                     lines_with(text, "pmaddubsw", cases[i].registers));
        cr_expect_eq(lines_with(text, "pmaddwd", cases[i].registers), cases[i].pairs, "%s: %d", cases[i].line,
                     lines_with(text, "pmaddwd", cases[i].registers));
        cr_expect_leq(lines_with(text, "(%rsp)", cases[i].registers), cases[i].outside,
                      "%s: sums leave their registers", cases[i].line);
    }
    ingot_arena_release(&arena);
}

static void refuses(const char *line)
{
    ingot_spec spec;
    const char *why = NULL;
    ingot_status s = ingot_spec_parse(line, strlen(line), &spec);
    cr_assert_null(s, "%s", ingot_status_message(s));
    cr_expect_not(ingot_codegen_supports(&spec, &why));
    cr_expect_not_null(why);
    ingot_arena arena = {0};
    ingot_object out;
    s = ingot_codegen_compile(&line, 1, &(ingot_codegen_options){.workers = -1}, &arena, &out);
    cr_expect_not_null(s);
    ingot_status_free(s);
    ingot_arena_release(&arena);
}

Test(emit, refusals)
{
#define REST " | mr=0 nr=0 kc=0 nb=0 units=0 | "
    refuses("contract b0=1 b1=1 m=8 n=7 k=7 in=f16[0,0,7,0,1] in=f16[0,0,0,1,7] out=f16[0,0,7,1,0]" REST "x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=7 k=7 in=f32[0,0,7,0,1] in=f32[0,0,0,1,7] out=f32[0,0,1,8,0]" REST "x86-64-v3");
    refuses("contract b0=1 b1=1 m=9000000000000 n=7 k=7 in=f32[0,0,7,0,1] in=f32[0,0,0,1,7] out=f32[0,0,7,1,0]" REST
            "x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=7 k=7 in=f32[0,0,7,0,1] in=f32[0,0,0,1,7] out=f32[0,0,7,1,0]" REST "pentium");
    /* bf16: not packed; times another type; an unknown number of terms; arithmetic on it */
    refuses("contract b0=1 b1=1 m=8 n=7 k=7 in=f32[0,0,7,0,1] in=bf16[0,0,0,1,7] out=f32[0,0,7,1,0]" REST "x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=7 k=7 in=bf16[0,0,7,0,1] in=f32.packed16[0,0,0,0,0] out=f32[0,0,7,1,0]" REST
            "x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=7 k=?0 in=f32[0,0,?0,0,1] in=bf16.packed16[0,0,0,0,0] out=f32[0,0,7,1,0]" REST
            "x86-64-v3");
    refuses("map d0=8 in=bf16[1] out=bf16[1] body=\"(bf16) r1=relu(r0):bf16 -> r1\" | | x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=16 k=20 in=u8[0,0,20,0,1] in=i8.limited16[0,0,0,0,0]*1 out=i32[0,0,16,1,0]" REST
            "x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=16 k=16 in=u8[0,0,16,0,1] in=i8.limited16[0,0,0,0,0]*3 out=i32[0,0,16,1,0]" REST
            "x86-64-v3");
    refuses("contract b0=1 b1=1 m=8 n=16 k=16 in=u8[0,0,16,0,1] in=i8.limited16[0,0,0,0,0]*1 out=i32[0,0,16,1,0]" REST
            "x86-64-v4-on-v3");
}

Test(emit, targets)
{
    int32_t n;
    const ingot_target *table = ingot_target_table(&n), *native;
    for (int32_t i = 0; i < n; i++) {
        const ingot_target *found;
        cr_expect(strcmp(table[i].name, "x86-64-v4-on-v3") != 0, "a row for tests is listed");
        cr_assert_null(ingot_target_find(table[i].name, &found));
        cr_expect_eq(found, &table[i]);
    }
    ingot_status s = ingot_target_find("native", &native);
    cr_assert_null(s, "%s", ingot_status_message(s));
    s = ingot_target_find("pentium", &native);
    cr_expect_eq(ingot_status_code(s), INGOT_BAD_USAGE);
    cr_expect(strstr(ingot_status_message(s), "x86-64-v3") != NULL);
    ingot_status_free(s);
}
