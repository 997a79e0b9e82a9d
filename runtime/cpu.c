/* Which instruction sets this machine has, as far as generated code asks, and which version of a model that suits. */
#include "runtime/plan.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bits of INGOT_CPU_* (costmodel/costmodel.h), which the runtime does not include. */
enum {
    SSE42 = 1,
    AVX = 2,
    AVX2 = 4,
    FMA = 8,
    F16C = 16,
    BMI2 = 32,
    AVX512F = 64,
    AVX512BW = 128,
    AVX512VL = 256,
    AVX512DQ = 512,
    AVX512VNNI = 1024,
    AVX512BF16 = 2048
};

uint64_t ingot_cpu_detect(void)
{
    uint64_t bits = 0;
    __builtin_cpu_init(); /* checks with XGETBV that the system saves the wide registers */
    bits |= __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt") ? SSE42 : 0;
    bits |= __builtin_cpu_supports("avx") ? AVX : 0;
    bits |= __builtin_cpu_supports("avx2") ? AVX2 : 0;
    bits |= __builtin_cpu_supports("fma") ? FMA : 0;
    bits |= __builtin_cpu_supports("f16c") ? F16C : 0;
    bits |= __builtin_cpu_supports("bmi2") ? BMI2 : 0;
    bits |= __builtin_cpu_supports("avx512f") ? AVX512F : 0;
    bits |= __builtin_cpu_supports("avx512bw") ? AVX512BW : 0;
    bits |= __builtin_cpu_supports("avx512vl") ? AVX512VL : 0;
    bits |= __builtin_cpu_supports("avx512dq") ? AVX512DQ : 0;
    bits |= __builtin_cpu_supports("avx512vnni") ? AVX512VNNI : 0;
    bits |= __builtin_cpu_supports("avx512bf16") ? AVX512BF16 : 0;
    return bits;
}

static bool runs_here(const ingot_model *model, uint64_t have)
{
    /* What is no plan is left to the checks of whoever opens it. */
    const ingot_plan *plan = model->plan;
    return plan && (uintptr_t)plan % 8 == 0 && !memcmp(plan->magic, INGOT_PLAN_MAGIC, sizeof plan->magic) &&
           (plan->cpu_required & ~have) == 0;
}

const ingot_model *ingot_model_for_cpu(const ingot_model *model)
{
    uint64_t have = ingot_cpu_detect();
    /* The field came with this size; a chain is short, and a damaged one must end. */
    for (int i = 0; model && i < 64 && !runs_here(model, have); i++) {
        if (model->struct_size < sizeof *model || !model->fallback)
            break;
        model = model->fallback;
    }
    return model;
}
