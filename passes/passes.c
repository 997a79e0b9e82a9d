/* Running passes by name: order, time, prints, verification, cancellation. */
#include "passes/internal.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const ingot_pass_info table[] = {
#define PASS(name, needs, breaks, summary) {#name, summary, needs, breaks, ingot_pass_##name},
#include "passes/passes.def"
#undef PASS
};
enum { N_PASSES = sizeof table / sizeof table[0] };

const ingot_pass_info *ingot_pass_table(int32_t *out_count)
{
    *out_count = N_PASSES;
    return table;
}

const char *ingot_default_pipeline(int32_t level)
{
    /* Canonicalize again wherever a pass leaves constants to fold or ops that became equal. */
    static const char none[] = "decompose,bf16_products,schedule";
    static const char some[] =
        "integer_products,canonicalize,fold_batch_norm,decompose,canonicalize,bf16_products,sink_reshapes,canonicalize,"
        "fuse_epilogues,fuse_maps,schedule";
    static const char all[] =
        "integer_products,canonicalize,fold_batch_norm,decompose,canonicalize,recognize_activations,"
        "recognize_norms,recognize_attention,canonicalize,bf16_products,sink_reshapes,canonicalize,layout,"
        "fuse_epilogues,fuse_maps,canonicalize,schedule";
    return level <= 0 ? none : level == 1 ? some : all;
}

ingot_status ingot_pass_verify(ingot_module *m, ingot_pass_context *ctx)
{
    (void)ctx;
    return ingot_module_verify(m);
}

static ingot_status unknown_pass(const char *name, size_t size)
{
    ingot_text list = {0};
    for (int32_t i = 0; i < N_PASSES; i++)
        ingot_text_append(&list, "%s%s", i ? ", " : "", table[i].name);
    ingot_status err = ingot_fail(INGOT_BAD_USAGE, "there is no pass '%.*s'; the passes are %s",
                                  (int)(size < 200 ? size : 200), name, list.data ? list.data : "");
    ingot_text_free(&list);
    return err;
}

/* True when comma-separated `names` has `name`, or is "all". */
static bool lists(const char *names, const char *name)
{
    size_t size = strlen(name);
    if (names && !strcmp(names, "all"))
        return true;
    for (const char *at = names; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (!strncmp(at, name, size) && (at[size] == ',' || !at[size]))
            return true;
    }
    return false;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static ingot_status run_one(ingot_module *m, int32_t index, ingot_pass_context *ctx)
{
    double begin = now();
    INGOT_TRY_NOTE(table[index].run(m, ctx), "while running pass %s", table[index].name);
    if (ctx->seconds)
        ctx->seconds[index] += now() - begin;
#ifndef NDEBUG
    INGOT_TRY_NOTE(ingot_module_verify(m), "after pass %s", table[index].name);
#endif
    if (ctx->printed && lists(ctx->print_after, table[index].name)) {
        ingot_text_append(ctx->printed, "// after %s\n", table[index].name);
        ingot_module_print(m, ctx->printed);
    }
    return NULL;
}

static ingot_status run_all(ingot_module *m, const char *names, ingot_pass_context *ctx)
{
    /* All names are checked before anything runs. */
    for (int dry = 1; dry >= 0; dry--) {
        for (const char *at = names; at && *at;) {
            size_t size = strcspn(at, ",");
            int32_t index = 0;
            while (index < N_PASSES && (strlen(table[index].name) != size || memcmp(table[index].name, at, size)))
                index++;
            if (size && index == N_PASSES)
                return unknown_pass(at, size);
            if (size && !dry) {
                INGOT_TRY(ingot_check_cancel(ctx));
                INGOT_TRY(run_one(m, index, ctx));
            }
            at += size + (at[size] == ',');
        }
    }
    return NULL;
}

ingot_status ingot_run_passes(ingot_module *m, const char *names, ingot_pass_context *ctx)
{
    ingot_estimate estimates[INGOT_ESTIMATES] = {{0}};
    ctx->estimates = estimates;
    ctx->constant_bytes = ingot_module_constant_bytes(m);
    ingot_status status = run_all(m, names, ctx);
    ctx->estimates = NULL;
    return status;
}
