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

static uint64_t held_bytes(const ingot_context *ctx)
{
    uint64_t total = ctx->arena.capacity;
    for (int32_t i = 0; i < ctx->view.n_buffers; i++)
        total += ctx->growing[i].capacity;
    for (int32_t i = 0; i < ctx->view.n_outputs; i++)
        total += ctx->outputs[i].own.capacity;
    return total;
}

/* What all buffers hold, this one at its new size, against the limit that the model was compiled for and the memory
 * there is. */
static ingot_status check_limits(const ingot_context *ctx, const ingot_plan_buffer *b, uint64_t others, uint64_t bytes)
{
    const ingot_plan_view *v = &ctx->view;
    uint64_t compiled = b->pool == 0 ? v->plan->max_workspace_bytes : 0, total;
    uint64_t limit = compiled && compiled < ctx->memory_limit ? compiled : ctx->memory_limit;
    if (ingot_add_overflows(others, bytes, &total))
        total = UINT64_MAX;
    if (total <= limit)
        return NULL;
    const char *name = ingot_plan_text(v, b->name);
    return ingot_fail(
        INGOT_LIMIT,
        "the data decides sizes that need %llu bytes for value '%s': with %llu bytes held for others, more "
        "than the %llu bytes %s",
        (unsigned long long)bytes, *name ? name : "(no name)", (unsigned long long)others, (unsigned long long)limit,
        limit == compiled ? "of working memory that the model was compiled for (--max-workspace)"
                          : "of memory that this process may use");
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
    if (!region->data || (uint64_t)bytes > region->capacity) {
        INGOT_TRY(check_limits(ctx, b, held_bytes(ctx) - region->capacity, (uint64_t)bytes));
        INGOT_TRY(ingot_region_extend(region, (uint64_t)bytes));
    }
    if (output) {
        output->data = region->data;
        output->bytes = bytes;
    }
    ctx->buffer_data[buffer] = region->data;
    ctx->buffer_bytes[buffer] = bytes;
    return NULL;
}
