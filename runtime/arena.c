/* Memory that lives and dies together: a chain of blocks that only grows; and growable text. */
#include "runtime/arena.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT         ((size_t)16)
#define FIRST_BLOCK_BYTES ((size_t)4096)
#define MAX_BLOCK_BYTES   ((size_t)1 << 20)

struct ingot_arena_block {
    struct ingot_arena_block *prev;
    size_t capacity, used; /* bytes after the header */
};
_Static_assert(sizeof(struct ingot_arena_block) <= 2 * ALIGNMENT, "the header takes two units");
#define HEADER_BYTES (2 * ALIGNMENT)

/* calloc: fresh pages come zeroed from the system, so big blocks cost nothing until touched. */
static struct ingot_arena_block *block_create(size_t capacity)
{
    struct ingot_arena_block *block = capacity > SIZE_MAX - HEADER_BYTES ? NULL : calloc(1, HEADER_BYTES + capacity);
    if (block)
        block->capacity = capacity;
    return block;
}

static void *block_take(struct ingot_arena_block *block, size_t size)
{
    void *data = (char *)block + HEADER_BYTES + block->used;
    block->used += size;
    return data;
}

ingot_status ingot_arena_array(ingot_arena *arena, size_t count, size_t size, void **out)
{
    size_t bytes;
    *out = NULL;
    if (ingot_mul_overflows(count, size, &bytes) || bytes > SIZE_MAX / 2)
        return ingot_fail(INGOT_LIMIT, "an array of %zu entries of %zu bytes does not fit in memory", count, size);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!bytes)
        bytes = ALIGNMENT; /* distinct, non-null */
    if (arena->limit_bytes &&
        (arena->used_bytes > arena->limit_bytes || bytes > arena->limit_bytes - arena->used_bytes))
        return ingot_fail(INGOT_LIMIT, "needs more than the limit of %zu bytes of memory", arena->limit_bytes);
    struct ingot_arena_block *last = arena->last;
    if (!last || last->capacity - last->used < bytes) {
        size_t capacity = last ? last->capacity * 2 : FIRST_BLOCK_BYTES;
        if (capacity > MAX_BLOCK_BYTES)
            capacity = MAX_BLOCK_BYTES;
        bool own = bytes > capacity / 4; /* a block of its own: the rest of the last one stays in use */
        struct ingot_arena_block *block = block_create(own ? bytes : capacity);
        if (!block)
            return ingot_status_no_memory();
        if (own && last) {
            block->prev = last->prev;
            last->prev = block;
        } else {
            block->prev = last;
            arena->last = block;
        }
        last = block;
    }
    arena->used_bytes += bytes;
    *out = block_take(last, bytes);
    return NULL;
}

void *ingot_arena_alloc(ingot_arena *arena, size_t count, size_t size)
{
    void *data;
    ingot_status_free(ingot_arena_array(arena, count, size, &data));
    return data;
}

char *ingot_arena_strndup(ingot_arena *arena, const char *text, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : ingot_arena_alloc(arena, size + 1, 1);
    if (copy && size)
        memcpy(copy, text, size);
    return copy;
}

char *ingot_arena_printf(ingot_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = size < 0 ? NULL : ingot_arena_alloc(arena, (size_t)size + 1, 1);
    if (!text)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

void ingot_arena_release(ingot_arena *arena)
{
    struct ingot_arena_block *block = arena->last;
    while (block) {
        struct ingot_arena_block *prev = block->prev;
        free(block);
        block = prev;
    }
    arena->last = NULL;
    arena->used_bytes = 0;
}

/* ---- text ---- */

/* Room for `more` bytes and a null. */
static bool text_reserve(ingot_text *text, size_t more)
{
    if (text->failed)
        return false;
    if (more > SIZE_MAX / 4 || text->size > SIZE_MAX / 4) {
        text->failed = true;
        return false;
    }
    size_t needed = text->size + more + 1;
    if (needed <= text->capacity)
        return true;
    size_t capacity = text->capacity ? text->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void ingot_text_append(ingot_text *text, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (size < 0) {
        text->failed = true;
        return;
    }
    if ((size_t)size < sizeof small) {
        ingot_text_append_bytes(text, small, (size_t)size);
        return;
    }
    if (!text_reserve(text, (size_t)size))
        return;
    va_start(args, format);
    (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

void ingot_text_append_bytes(ingot_text *text, const void *bytes, size_t size)
{
    if (!text_reserve(text, size))
        return;
    if (size)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = 0;
}

void ingot_text_free(ingot_text *text)
{
    free(text->data);
    *text = (ingot_text){0};
}
