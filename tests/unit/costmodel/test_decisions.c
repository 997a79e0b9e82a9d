/* Candidates of decisions: within registers, each once, each something that an emitter takes; and choices among them.
 */
#include "codegen/codegen.h"
#include "costmodel/decide.h"
#include "costmodel/decisions.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const tasks[] = {
    "contract b0=1 b1=1 m=128 n=768 k=3072 in=f32[0,0,3072,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,768,1,0]",
    "contract b0=1 b1=1 m=1 n=40 k=70 in=f32[0,0,70,0,1] in=f32.packed16.const[0,0,0,0,0] out=f32[0,0,40,1,0]",
    "conv n=1 g=1 ob=4 oh=56 ow=56 cb=4 ci=16 kh=3 kw=3 o=64 in=f32[0,0,0,928,16,53824,1,928,16] "
    "in=f32.packed16.const[0,0,0,0,0,0,0,0,0] out=f32[0,0,50176,896,16,0,0,0,0]*1",
    "depthwise n=1 cb=2 oh=14 ow=14 kh=3 kw=3 in=f32[0,4096,256,16,256,16] in=f32.const[0,144,0,0,48,16] "
    "out=f32[0,3136,224,16,0,0]",
    "map d0=128 d1=768 in=f32[768,1] in=f32.const[0,1] out=f32[768,1] body=\"(f32,f32) r2=add(r0,r1):f32 -> r2\"",
    "attention b=1 h=12 m=128 n=128 d=64 e=64 group=1 causal=0 mask=0 past=0 imm0=0.125 "
    "in=f32[0,8192,64,0,1,0] in=f32[0,8192,0,64,1,0] in=f32[0,8192,0,64,0,1] out=f32[0,8192,64,0,0,1]",
    "reduce o0=1 o1=12 o2=128 r0=1 r1=128 i=1 kind=softmax scale=0 bias=0 in=f32[0,16384,128,0,1,0] "
    "out=f32[0,16384,128,0,1,0]",
};
enum { N_TASKS = sizeof tasks / sizeof tasks[0] };

static ingot_spec parse(const char *task, const char *target)
{
    char line[2048];
    ingot_spec spec;
    snprintf(line, sizeof line, "%s | | %s", task, target);
    ingot_status status = ingot_spec_parse(line, strlen(line), &spec);
    cr_assert(status == NULL, "%s: %s", task, status ? ingot_status_message(status) : "");
    return spec;
}

static const ingot_target *find(const char *name)
{
    const ingot_target *target;
    cr_assert(ingot_target_find(name, &target) == NULL);
    return target;
}

Test(decisions, candidates_are_distinct_and_can_be_generated)
{
    static const char *const targets[] = {"x86-64-v2", "znver3", "znver5"};
    for (int t = 0; t < 3; t++)
        for (int i = 0; i < N_TASKS; i++) {
            ingot_decision_list list;
            ingot_spec spec = parse(tasks[i], targets[t]);
            cr_assert(ingot_decisions_list(&spec, find(targets[t]), &list) == NULL);
            cr_expect_gt(list.n, 1, "%s on %s", tasks[i], targets[t]);
            for (int32_t a = 0; a < list.n; a++) {
                const char *why = "";
                memcpy(spec.decisions, list.vectors[a], sizeof spec.decisions);
                cr_expect(ingot_codegen_supports(&spec, &why), "%s on %s: %s", tasks[i], targets[t], why);
                for (int32_t b = 0; b < a; b++)
                    cr_expect(memcmp(list.vectors[a], list.vectors[b], sizeof list.vectors[a]) != 0);
            }
        }
}

Test(decisions, register_tiles_fit)
{
    const ingot_target *target = find("znver3");
    ingot_spec spec = parse(tasks[0], "znver3");
    ingot_decision_list list;
    cr_assert(ingot_decisions_list(&spec, target, &list) == NULL);
    for (int32_t i = 1; i < list.n; i++) {
        int64_t vectors = list.vectors[i][1] / 8;
        cr_expect_leq(list.vectors[i][0] * vectors + vectors + 1, target->vector_regs);
    }
}

Test(decisions, dynamic_sizes_leave_them_to_the_emitter)
{
    ingot_decision_list list;
    ingot_spec spec = parse("map d0=?0 in=f32[1] out=f32[1] body=\"(f32) r1=exp(r0):f32 -> r1\"", "znver3");
    cr_assert(ingot_decisions_list(&spec, find("znver3"), &list) == NULL);
    cr_expect_eq(list.n, 1);
}

Test(decisions, empty_tasks_have_nothing_to_decide)
{
    ingot_decision_list list;
    ingot_spec spec = parse("map d0=0 d1=8 in=f32[8,1] out=f32[8,1] body=\"(f32) r1=exp(r0):f32 -> r1\"", "znver3");
    cr_assert(ingot_decisions_list(&spec, find("znver3"), &list) == NULL);
    cr_expect_eq(list.n, 1);
}

/* ---- Choices ---- */

/* A model that prefers tiles of five rows. */
static ingot_cost prefer_five(const ingot_cost_model *self, const ingot_cost_query *query)
{
    (void)self;
    return (ingot_cost){.ns = query->spec->decisions[0] == 5 ? 50 : query->spec->decisions[0] == 2 ? 99 : 100};
}

static bool knows(const ingot_cost_model *self, const ingot_target *target)
{
    (void)self;
    return target->vector_regs == 16;
}

Test(decide, takes_what_is_predicted_to_be_fastest)
{
    const ingot_cost_model model = {.name = "five", .predict = prefer_five, .knows = knows};
    ingot_spec spec = parse(tasks[0], "znver3"), chosen;
    const ingot_cost_query query = {.spec = &spec, .target = find("znver3")};
    ingot_choice choice;
    cr_assert(ingot_decide(&model, &query, &chosen, &choice) == NULL);
    cr_expect_eq(chosen.decisions[0], 5);
    cr_expect_gt(choice.candidates, 2);
    cr_expect_eq(choice.ns, 50);
    cr_expect_eq(choice.own_ns, 100);
}

Test(decide, keeps_the_emitters_own_for_gains_within_the_margin)
{
    const ingot_cost_model model = {.name = "five", .predict = prefer_five, .knows = knows};
    ingot_spec spec = parse(tasks[1], "znver3"), chosen; /* one row: no taller tiles */
    const ingot_cost_query query = {.spec = &spec, .target = find("znver3")};
    ingot_choice choice;
    cr_assert(ingot_decide(&model, &query, &chosen, &choice) == NULL);
    cr_expect_eq(chosen.decisions[0], 0);
    cr_expect_eq(choice.ns, choice.own_ns);
}

Test(decide, asks_no_model_about_targets_that_it_does_not_know)
{
    const ingot_cost_model model = {.name = "five", .predict = prefer_five, .knows = knows};
    ingot_spec spec = parse(tasks[0], "znver5"), chosen;
    const ingot_cost_query query = {.spec = &spec, .target = find("znver5")};
    ingot_choice choice;
    cr_assert(ingot_decide(&model, &query, &chosen, &choice) == NULL);
    cr_expect_eq(choice.candidates, 1);
    cr_expect_eq(chosen.decisions[0], 0);
}

Test(decide, leaves_work_for_several_threads)
{
    ingot_spec spec = parse(tasks[2], "znver3");
    const int64_t all_in_one[INGOT_SPEC_DECISIONS] = {6, 16, 1 << 20}, small[INGOT_SPEC_DECISIONS] = {6, 16, 4};
    cr_expect(!ingot_decisions_are_parallel(&spec, all_in_one));
    cr_expect(ingot_decisions_are_parallel(&spec, small));
}
