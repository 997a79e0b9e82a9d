/* Compilation of one spec line, here or in worker processes; private to codegen/. */
#ifndef INGOT_WORKER_H
#define INGOT_WORKER_H
#include "codegen/codegen.h"

/* One line through parsing, emission, the cache and LLVM, in this process. */
ingot_status ingot_compile_line(const char *line, const ingot_codegen_options *options, ingot_text *out);
/* All lines by `workers` processes. */
ingot_status ingot_compile_with_workers(const char *const *lines, int32_t n, int32_t workers,
                                        const ingot_codegen_options *options, ingot_arena *arena, ingot_object *out);
/* Bytes of an earlier result for `key` (any text) appended to `out`; false: not there, or damaged. */
bool ingot_cache_read(const char *dir, const char *key, size_t key_size, ingot_text *out);
/* Best effort: a full disk or a missing folder is no error. */
void ingot_cache_write(const char *dir, const char *key, size_t key_size, const void *data, size_t size);
#endif
