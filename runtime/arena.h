/* Memory that lives and dies together, and growable text. The only places besides status.c that call malloc.
 *
 *     ingot_arena a = {0};
 *     int64_t *dims;
 *     INGOT_TRY(ingot_arena_array(&a, n, sizeof *dims, (void **)&dims));   // zeroed
 *     ...
 *     ingot_arena_release(&a);
 */
#ifndef INGOT_RUNTIME_ARENA_H
#define INGOT_RUNTIME_ARENA_H
#include "runtime/status.h"
#include <stdbool.h>

typedef struct ingot_arena {
    struct ingot_arena_block *last;
    size_t used_bytes;  /* handed out so far */
    size_t limit_bytes; /* 0: none; beyond it INGOT_LIMIT */
} ingot_arena;

/* `count * size` zeroed bytes, 16-byte aligned, checked for overflow. */
INGOT_MUST_USE ingot_status ingot_arena_array(ingot_arena *arena, size_t count, size_t size, void **out);
/* As above but null when there is no memory: for callers that check once later. */
void *ingot_arena_alloc(ingot_arena *arena, size_t count, size_t size);
/* A copy of text with a terminating null; null when there is no memory. */
char *ingot_arena_strndup(ingot_arena *arena, const char *text, size_t size);
char *ingot_arena_printf(ingot_arena *arena, const char *format, ...) INGOT_PRINTF(2, 3);
void ingot_arena_release(ingot_arena *arena);

/* Growable text or bytes. A failed append sets `failed` and drops the rest, so that callers check once at the end. */
typedef struct ingot_text {
    char *data; /* null-terminated when data is not null */
    size_t size, capacity;
    bool failed;
} ingot_text;
void ingot_text_append(ingot_text *text, const char *format, ...) INGOT_PRINTF(2, 3);
void ingot_text_append_bytes(ingot_text *text, const void *bytes, size_t size);
void ingot_text_free(ingot_text *text);

/* Checked arithmetic: true when the result does not fit. */
#define ingot_mul_overflows(a, b, out) __builtin_mul_overflow((a), (b), (out))
#define ingot_add_overflows(a, b, out) __builtin_add_overflow((a), (b), (out))
#endif
