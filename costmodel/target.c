/* The table of targets and which of them this machine is. */
#include "costmodel/costmodel.h"
#include "runtime/plan.h"
#include <cpuid.h>
#include <stdio.h>
#include <string.h>

static const ingot_target rows[] = {
#define TARGET(n, sum, cpu, features, req, vec, regs, tr, tc, l1, l2, l3, ghz_, fma, l1b, l2b, l3b, db, call, wake, \
               hide)                                                                                                \
    {.name = n,                                                                                                     \
     .summary = sum,                                                                                                \
     .llvm_cpu = cpu,                                                                                               \
     .llvm_features = features,                                                                                     \
     .required = req,                                                                                               \
     .vector_bytes = vec,                                                                                           \
     .vector_regs = regs,                                                                                           \
     .tile_rows = tr,                                                                                               \
     .tile_cols = tc,                                                                                               \
     .l1_bytes = l1,                                                                                                \
     .l2_bytes = l2,                                                                                                \
     .l3_bytes = l3,                                                                                                \
     .ghz = ghz_,                                                                                                   \
     .fma_per_cycle = fma,                                                                                          \
     .l1_gbs = l1b,                                                                                                 \
     .l2_gbs = l2b,                                                                                                 \
     .l3_gbs = l3b,                                                                                                 \
     .dram_gbs = db,                                                                                                \
     .call_ns = call,                                                                                               \
     .wake_ns = wake},
#include "costmodel/targets.def"
#undef TARGET
};
enum {
#define TARGET(n, sum, cpu, features, req, vec, regs, tr, tc, l1, l2, l3, ghz_, fma, l1b, l2b, l3b, db, call, wake, \
               hide)                                                                                                \
    +!(hide)
    LISTED_COUNT = 0
#include "costmodel/targets.def"
#undef TARGET
    ,
    ROW_COUNT = sizeof rows / sizeof rows[0]
};

const ingot_target *ingot_target_table(int32_t *out_count)
{
    *out_count = LISTED_COUNT; /* hidden rows are last */
    return rows;
}

static bool stands_for_512(const ingot_target *target)
{
    return target->vector_bytes == 64 && !(target->required & INGOT_CPU_AVX512F);
}

bool ingot_target_multiplies_bytes(const ingot_target *target)
{
    return stands_for_512(target) || (target->required & INGOT_CPU_AVX512VNNI) != 0;
}

bool ingot_target_multiplies_bf16(const ingot_target *target)
{
    return stands_for_512(target) || (target->required & INGOT_CPU_AVX512BF16) != 0;
}

bool ingot_target_limits_bytes(const ingot_target *target)
{
    uint64_t needed = target->vector_bytes == 64   ? INGOT_CPU_AVX512BW
                      : target->vector_bytes == 32 ? INGOT_CPU_AVX2
                                                   : INGOT_CPU_SSE42;
    return !ingot_target_multiplies_bytes(target) && (target->required & needed) != 0;
}

int32_t ingot_target_limited_rows(const ingot_target *target, const ingot_spec *spec, int32_t vectors)
{
    int32_t sums = spec->operands[1].lane == 2 ? 2 : 1, height = (target->vector_regs - sums * vectors - 4) / vectors;
    return height < 1 ? 1 : height > 14 ? 14 : height;
}

static const ingot_target *find(const char *name)
{
    for (int32_t i = 0; i < ROW_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* The row of this CPU by vendor, family and model; null when unknown. */
static const char *host_name(void)
{
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(0, &a, &b, &c, &d))
        return NULL;
    bool amd = b == 0x68747541, intel = b == 0x756e6547; /* "Auth"enticAMD, "Genu"ineIntel */
    __get_cpuid(1, &a, &b, &c, &d);
    unsigned family = (a >> 8) & 15, model = (a >> 4) & 15;
    if (family == 15)
        family += (a >> 20) & 255;
    if (family >= 6)
        model += (a >> 12) & 0xF0;
    if (amd) {
        if (family == 0x17)
            return model >= 0x30 ? "znver2" : "znver1";
        if (family == 0x19)
            return (model >= 0x10 && model <= 0x1F) || (model >= 0x60 && model <= 0xAF) ? "znver4" : "znver3";
        if (family >= 0x1A)
            return "znver5";
    }
    if (intel && family == 6) {
        switch (model) {
        case 0x3C:
        case 0x3F:
        case 0x45:
        case 0x46:
        case 0x3D:
        case 0x47:
        case 0x4F:
        case 0x56:
            return "haswell";
        case 0x4E:
        case 0x5E:
        case 0x8E:
        case 0x9E:
        case 0xA5:
        case 0xA6:
            return "skylake";
        case 0x55:
            return "skylake-avx512";
        case 0x6A:
        case 0x6C:
            return "icelake-server";
        case 0x8F:
        case 0xCF:
        case 0xAD:
        case 0xAE:
            return "sapphirerapids";
        case 0x97:
        case 0x9A:
        case 0xB7:
        case 0xBA:
        case 0xBF:
        case 0xAA:
        case 0xAC:
        case 0xC5:
        case 0xC6:
            return "alderlake";
        default:
            return NULL;
        }
    }
    return NULL;
}

/* By name if the features are really there (a hypervisor may hide some), else the highest level that is. */
static const ingot_target *native(void)
{
    uint64_t have = ingot_cpu_detect();
    const char *name = host_name();
    const ingot_target *t = name ? find(name) : NULL;
    if (t && (t->required & ~have) == 0)
        return t;
    static const char *const levels[] = {"x86-64-v4", "x86-64-v3", "x86-64-v2"};
    for (int i = 0; i < 3; i++) {
        t = find(levels[i]);
        if (t && (t->required & ~have) == 0)
            return t;
    }
    return NULL;
}

ingot_status ingot_target_find(const char *name, const ingot_target **out)
{
    *out = strcmp(name, "native") == 0 ? native() : find(name);
    if (*out)
        return NULL;
    if (strcmp(name, "native") == 0)
        return ingot_fail(INGOT_UNSUPPORTED, "this CPU lacks SSE4.2, which generated code needs");
    char list[512];
    size_t at = 0;
    for (int32_t i = 0; i < LISTED_COUNT && at < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, " %s", rows[i].name);
    return ingot_fail(INGOT_BAD_USAGE, "unknown CPU '%.64s'; known: native%s", name, list);
}
