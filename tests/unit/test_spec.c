/* KernelSpecs: exact text both ways, refusals that say where, and the work they count. */
#include "kernel/kernel.h"
#include <criterion/criterion.h>
#include <string.h>

static const char *const lines[] = {
    "map d0=128 d1=768 in=f32[768,1] in=f32.const[0,1] out=f32[768,1] body=\"(f32,f32) r2=add(r0,r1):f32 -> r2\" | "
    "unroll=8 | x86-64-v3",
    "map d0=?0 in=f32[1] out=f32[1] body=\"(f32) -> r0\" | | x86-64-v2",
    "reduce o0=1 o1=12 o2=128 r0=1 r1=128 i=1 kind=softmax scale=0 bias=0 in=f32[0,16384,128,0,1,0] "
    "out=f32[0,16384,128,0,1,0] | | znver3",
    "contract b0=1 b1=1 m=?0 n=768 k=768 in=f32[0,0,768,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,768,1,0] | "
    "mr=6 nr=16 | x86-64-v3",
    "conv n=1 g=1 ob=4 oh=56 ow=56 cb=4 ci=16 kh=3 kw=3 o=64 in=f32[0,0,0,928,16,53824,1,928,16] "
    "in=f32.packed16.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,50176,896,16,0,0,0,0]*1 | | x86-64-v3",
    "contract b0=1 b1=1 m=8 n=16 k=32 in=u8[0,0,32,0,1] in=i8.limited16.const[0,0,0,0,0]*2 out=i32[0,0,16,1,0] | | "
    "znver3",
    "winograd n=1 ob=4 oh=56 ow=56 cb=4 mh=4 mw=4 o=64 c=64 in=f32[0,0,928,16,53824]*1 "
    "in=f32.packed16.const[0,0,0,0,0] out=f32[0,50176,896,16,0]*1 out=f32.scratch[0,0,0,0,0] | tiles=22 chunk=2 part=4 "
    "run=1 | x86-64-v3",
    "winograd n=1 ob=4 oh=56 ow=56 cb=4 mh=4 mw=4 o=64 c=64 in=u8[0,0,928,16,53824]*1 "
    "in=i16.packed16.const[0,0,0,0,0] out=i32[0,50176,896,16,0]*1 out=i32.scratch[0,0,0,0,0] | tiles=22 chunk=2 part=4 "
    "run=1 | x86-64-v3",
    "window n=1 cb=4 oh=56 ow=56 kh=3 kw=3 lane=16 kind=max sh=2 sw=2 dh=1 dw=1 pt=1 pl=1 ih=112 iw=112 include_pad=0 "
    "pb=1 pr=1 in=f32[0,200704,1792,16,0,0,1] out=f32[0,50176,896,16,0,0,1] | | x86-64-v3",
};

Test(spec, text_round_trips_exactly)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ingot_spec spec;
        ingot_status status = ingot_spec_parse(lines[i], strlen(lines[i]), &spec);
        cr_assert_null(status, "%s", ingot_status_message(status));
        ingot_text text = {0};
        ingot_spec_print(&spec, &text);
        cr_expect_str_eq(text.data, lines[i]);
        ingot_text_free(&text);
    }
}

Test(spec, refuses_what_is_not_a_spec)
{
    static const char *const bad[] = {"",
                                      "map",
                                      "blend d0=1",
                                      "map d0=-1 out=f32[1] body=\"() -> r0\" | | t",
                                      "map d0=4 in=f32[1 out=f32[1] body=\"(f32) -> r0\" | | t",
                                      "map d0=4 in=f32[1] out=f32[1] | | t",
                                      "contract b0=1 b1=1 m=1 n=1 in=f32[0,0,0,0,0] out=f32[0,0,0,0,0] | | t",
                                      "map d0=4 in=f32[1] out=f32[1] body=\"(f32,f32) -> r0\" | | t",
                                      "map d0=4 in=f32[1] out=f32[1] body=\"(f32) -> r0\" | tile=3 | t",
                                      "map d0=99999999999999999999 in=f32[1] out=f32[1] body=\"(f32) -> r0\" | | t"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ingot_spec spec;
        ingot_status status = ingot_spec_parse(bad[i], strlen(bad[i]), &spec);
        cr_expect_not_null(status, "accepted: %s", bad[i]);
        cr_expect_eq(ingot_status_code(status), INGOT_BAD_USAGE);
        ingot_status_free(status);
    }
}

Test(spec, equal_text_means_equal_hash_and_other_text_another)
{
    ingot_spec a, b;
    cr_assert_null(ingot_spec_parse(lines[0], strlen(lines[0]), &a));
    b = a;
    cr_expect(ingot_spec_equal(&a, &b));
    cr_expect_eq(ingot_spec_hash(&a), ingot_spec_hash(&b));
    b.dims[0] = 129;
    cr_expect_not(ingot_spec_equal(&a, &b));
    cr_expect_neq(ingot_spec_hash(&a), ingot_spec_hash(&b));
}

Test(spec, counts_the_work_of_a_product)
{
    ingot_spec spec;
    cr_assert_null(ingot_spec_parse(lines[3], strlen(lines[3]), &spec));
    ingot_spec_work work = ingot_spec_count_work(&spec, (int64_t[]){128});
    cr_expect_float_eq(work.flops, 2.0 * 128 * 768 * 768, 1);
    cr_expect_float_eq(work.bytes_const, 4.0 * 768 * 768, 1);
    cr_expect_float_eq(work.bytes_in, 4.0 * 128 * 768, 1);
    cr_expect_float_eq(work.bytes_out, 4.0 * 128 * 768, 1);
}
