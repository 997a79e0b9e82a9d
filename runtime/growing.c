/* Memory of buffers whose bytes the data decides: made when a step first touches them, grown as the sizes do, kept
 * between runs. */
#include "runtime/context.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What the control group of this process may use, if it says; else `most`. */
static uint64_t group_limit(uint64_t most)
{
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    if (!file)
        return most;
    char line[32];
    unsigned long long limit = fgets(line, sizeof line, file) ? strtoull(line, NULL, 10) : 0; /* "max" reads as 0 */
    (void)fclose(file);
    return limit && limit < most ? limit : most;
}

uint64_t ingot_memory_size(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? group_limit((uint64_t)pages * (uint64_t)page_bytes) : UINT64_MAX;
}

/* What others than `region` hold: working memory alone, or outputs too. */
static uint64_t held_bytes(const ingot_context *ctx, const ingot_region *region, bool outputs)
{
    uint64_t total = ctx->arena.capacity;
    for (int32_t i = 0; i < ctx->view.n_buffers; i++)
        total += &ctx->growing[i] == region ? 0 : ctx->growing[i].capacity;
    for (int32_t i = 0; outputs && i < ctx->view.n_outputs; i++)
        total += &ctx->outputs[i].own == region ? 0 : ctx->outputs[i].own.capacity;
    return total;
}

/* Bytes that the region may have. `most`: of all; `why`: where that comes from. */
static ingot_status check_limit(const ingot_context *ctx, const ingot_plan_buffer *b, uint64_t bytes, uint64_t others,
                                uint64_t most, const char *why, uint64_t *out_room)
{
    const char *name = ingot_plan_text(&ctx->view, b->name);
    uint64_t room = others < most ? most - others : 0;
    if (room < *out_room)
        *out_room = room;
    if (bytes <= room)
        return NULL;
    return ingot_fail(
        INGOT_LIMIT,
        "the data decides sizes that need %llu bytes for value '%s': with %llu bytes held for others, more "
        "than the %llu bytes %s",
        (unsigned long long)bytes, *name ? name : "(no name)", (unsigned long long)others, (unsigned long long)most,
        why);
}

static ingot_status enlarge(ingot_context *ctx, const ingot_plan_buffer *b, ingot_region *region, uint64_t bytes)
{
    uint64_t compiled = ctx->view.plan->max_workspace_bytes, room = UINT64_MAX;
    if (b->pool == 0 && compiled)
        INGOT_TRY(check_limit(ctx, b, bytes, held_bytes(ctx, region, false), compiled,
                              "of working memory that the model was compiled for (--max-workspace)", &room));
    INGOT_TRY(check_limit(ctx, b, bytes, held_bytes(ctx, region, true), ctx->memory_limit,
                          "of memory that this process may use", &room));
    return ingot_region_extend(region, bytes, room);
}

ingot_status ingot_context_make_room(ingot_context *ctx, int32_t buffer)
{
    const ingot_plan_view *v = &ctx->view;
    const ingot_plan_buffer *b = &v->buffers[buffer];
    int64_t bytes = ctx->env[b->bytes];
    const char *name = ingot_plan_text(v, b->name);
    if (bytes == INGOT_UNKNOWN)
        return ingot_fail(INGOT_LIMIT, "the size of value '%s' is too large or not decided yet", name);
    if (bytes < 0)
        return ingot_fail(INGOT_BAD_USAGE, "the data decides a size below 0 for value '%s' (%lld bytes)", name,
                          (long long)bytes);
    ingot_output_state *output = b->pool == 3 ? &ctx->outputs[b->index] : NULL;
    ingot_region *region = output ? &output->own : &ctx->growing[buffer];
    if (!region->data || (uint64_t)bytes > region->capacity)
        INGOT_TRY(enlarge(ctx, b, region, (uint64_t)bytes));
    if (output) {
        output->data = region->data;
        output->bytes = bytes;
    }
    ctx->buffer_data[buffer] = region->data;
    ctx->buffer_bytes[buffer] = bytes;
    return NULL;
}
