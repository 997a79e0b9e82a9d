/* The heap of boxed values: blocks by size, handed out again once free; and a pool of texts that goes run by run. */
#include "runtime/box.h"
#include <string.h>

#define LEAST_BYTES  ((uint64_t)64)
#define TEXTS_BYTES  ((size_t)1 << 16)
#define HEADER_BYTES 16

typedef struct block {
    uint32_t class, reserved;
    struct block *next; /* when free */
} block;
_Static_assert(sizeof(block) <= HEADER_BYTES, "the header takes one unit");

/* Sizes 64, 80, 96, 112, 128, 160...: a block wastes a fifth at most. */
static uint32_t class_of(uint64_t bytes, uint64_t *out_room)
{
    uint32_t class = 0;
    for (uint64_t base = LEAST_BYTES;; base *= 2) {
        for (uint64_t quarter = 0; quarter < 4; quarter++, class ++) {
            *out_room = base + base / 4 * quarter;
            if (bytes <= *out_room)
                return class;
        }
    }
}

ingot_status ingot_heap_take(ingot_heap *heap, int64_t size, void **out)
{
    *out = NULL;
    if (size < 0 || size > (int64_t)1 << 46)
        return ingot_fail(INGOT_LIMIT, "a boxed value of %lld bytes is too large", (long long)size);
    uint64_t room;
    uint32_t class = class_of((uint64_t)size, &room);
    block *b = heap->free[class];
    if (b) {
        heap->free[class] = b->next;
    } else {
        void *memory;
        INGOT_TRY_NOTE(ingot_arena_array(&heap->memory, HEADER_BYTES + (size_t)room, 1, &memory),
                       "memory for sequences, optionals, texts and values of unknown rank");
        b = memory;
        b->class = class;
    }
    *out = (char *)b + HEADER_BYTES;
    return NULL;
}

void ingot_heap_give(ingot_heap *heap, void *data)
{
    if (!data)
        return;
    block *b = (block *)(void *)((char *)data - HEADER_BYTES);
    b->next = heap->free[b->class];
    heap->free[b->class] = b;
}

/* A chunk begins with the address of the one before it. */
ingot_status ingot_heap_text(ingot_heap *heap, int64_t size, char **out)
{
    struct ingot_heap_texts *t = &heap->texts[0];
    if (size < 0 || size > (int64_t)1 << 40)
        return ingot_fail(INGOT_LIMIT, "a text of %lld bytes is too long", (long long)size);
    if (!t->chunks || t->capacity - t->used < (size_t)size) {
        size_t capacity = sizeof(char *) + (size_t)size;
        void *chunk;
        if (capacity < TEXTS_BYTES)
            capacity = TEXTS_BYTES;
        INGOT_TRY(ingot_heap_take(heap, (int64_t)capacity, &chunk));
        memcpy(chunk, &t->chunks, sizeof t->chunks);
        *t = (struct ingot_heap_texts){chunk, sizeof(char *), capacity};
    }
    *out = t->chunks + t->used;
    t->used += (size_t)size;
    return NULL;
}

void ingot_heap_begin(ingot_heap *heap)
{
    for (char *chunk = heap->texts[1].chunks, *older; chunk; chunk = older) {
        memcpy(&older, chunk, sizeof older);
        ingot_heap_give(heap, chunk);
    }
    heap->texts[1] = heap->texts[0];
    heap->texts[0] = (struct ingot_heap_texts){0};
}
