/* Seconds per stage and pass of a compile. */
#include "driver/driver.h"
#include <time.h>

double ingot_seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *ingot_stage_name(ingot_stage stage)
{
    static const char *const names[INGOT_STAGE_COUNT] = {"import", "passes", "lowering", "code generation", "writing"};
    return names[stage];
}

void ingot_timing_print(const ingot_timing *timing, ingot_text *out)
{
    double total = 0;
    for (int32_t i = 0; i < INGOT_STAGE_COUNT; i++) {
        total += timing->stages[i];
        ingot_text_append(out, "%10.3f s  %s\n", timing->stages[i], ingot_stage_name((ingot_stage)i));
        if (i == INGOT_STAGE_LOWER)
            ingot_text_append(out, "%16.3f s  decisions by the cost model\n", timing->decisions);
        int32_t n_passes = 0;
        const ingot_pass_info *passes = ingot_pass_table(&n_passes);
        for (int32_t p = 0; i == INGOT_STAGE_PASSES && p < n_passes && p < INGOT_MAX_PASSES; p++)
            if (timing->passes[p] > 0)
                ingot_text_append(out, "%16.3f s  %s\n", timing->passes[p], passes[p].name);
    }
    ingot_text_append(out, "%10.3f s  total\n", total);
}
