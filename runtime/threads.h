/* The built-in pool of threads behind ingot_parallel_for_fn.
 *
 * The caller of a loop works too, and parts are claimed one by one, so that a thread which the system has not scheduled
 * delays nobody. Idle threads sleep (after a few microseconds of looking for more work). A loop started from inside a
 * loop, or from a second thread while one is running, is done by its caller alone.
 */
#ifndef INGOT_RUNTIME_THREADS_H
#define INGOT_RUNTIME_THREADS_H
#include "runtime/status.h"

typedef struct ingot_threads ingot_threads;
/* A pool of `count` threads, the caller's included. Fewer when the system gives fewer; `out` is null (no failure) for
 * count <= 1. */
ingot_status ingot_threads_create(int32_t count, ingot_threads **out);
/* No loop may be running. Null is fine. */
void ingot_threads_destroy(ingot_threads *threads);
/* An ingot_parallel_for_fn; `pool` is the ingot_threads, or null: the caller alone. */
void ingot_threads_for(void *pool, int32_t count, void (*body)(void *arg, int32_t i), void *arg);
/* CPUs of the affinity mask, at least 1. */
int32_t ingot_threads_default_count(void);
#endif
