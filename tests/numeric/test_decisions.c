/* Whatever the cost model decides, results stay right: every candidate of some tasks against the interpreter. */
#include "costmodel/decisions.h"
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* At most so many candidates of one task, evenly. */
static void check(const char *task, const char *target_name, int32_t most)
{
    char line[2048], why[512];
    ingot_spec spec;
    const ingot_target *target;
    ingot_decision_list list;
    snprintf(line, sizeof line, "%s | | %s", task, target_name);
    cr_assert(ingot_spec_parse(line, strlen(line), &spec) == NULL, "%s", task);
    cr_assert(ingot_target_find(target_name, &target) == NULL);
    cr_assert(ingot_decisions_list(&spec, target, &list) == NULL);
    int32_t step = (list.n + most - 1) / most;
    for (int32_t i = 1; i < list.n; i += step < 1 ? 1 : step) {
        ingot_text text = {0};
        memcpy(spec.decisions, list.vectors[i], sizeof spec.decisions);
        ingot_spec_print(&spec, &text);
        cr_assert(!text.failed);
        cr_expect(spec_check(text.data, NULL, why), "%s", why);
        ingot_text_free(&text);
    }
}

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

Test(decisions, of_products)
{
    for (int t = 0; t < 3; t++) {
        check("contract b0=1 b1=1 m=13 n=70 k=700 in=f32[0,0,700,0,1] in=f32.packed16.const[0,0,0,0,0] "
              "out=f32[0,0,70,1,0]",
              targets[t], 12);
        check("contract b0=1 b1=2 m=7 n=24 k=33 in=f32[0,231,33,0,1] in=f32[0,792,0,1,24] out=f32[0,168,24,1,0]",
              targets[t], 8);
    }
}

Test(decisions, of_convolutions)
{
    for (int t = 0; t < 3; t++) {
        check("conv n=1 g=1 ob=3 oh=5 ow=7 cb=2 ci=16 kh=3 kw=3 o=44 in=f32[0,0,0,144,16,1008,1,144,16] "
              "in=f32.packed16.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,560,112,16,0,0,0,0]*1",
              targets[t], 12);
        check("depthwise n=1 cb=2 oh=5 ow=9 kh=3 kw=3 in=f32[0,1232,176,16,176,16] in=f32.const[0,144,0,0,48,16] "
              "out=f32[0,720,144,16,0,0]",
              targets[t], 8);
    }
}

Test(decisions, of_elementwise_kernels)
{
    for (int t = 0; t < 3; t++) {
        check("map d0=5 d1=9 d2=17 in=f32[153,1,9] in=f32.const[0,0,1] out=f32[153,17,1] body=\"(f32,f32) "
              "r2=add(r0,r1):f32 -> r2\"",
              targets[t], 16);
        check("reduce o0=1 o1=3 o2=5 r0=1 r1=45 i=1 kind=softmax scale=0 bias=0 in=f32[0,225,45,0,1,0] "
              "out=f32[0,225,45,0,1,0]",
              targets[t], 4);
    }
}

Test(decisions, of_attention)
{
    for (int t = 0; t < 3; t++)
        check("attention b=1 h=2 m=9 n=70 d=16 e=16 group=1 causal=0 mask=0 past=0 imm0=0.25 "
              "in=f32[0,144,16,0,1,0] in=f32[0,1120,0,16,1,0] in=f32[0,1120,0,16,0,1] out=f32[0,144,16,0,0,1]",
              targets[t], 8);
}
