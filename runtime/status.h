/* Errors as values: construction, notes and the TRY macros. The reading half is public, in <ingot/runtime.h>.
 *
 * A status is null on success, so passing one on costs a compare. On failure it carries a code and a message; callers
 * add notes on the way up. Lack of memory is a static value: failing never fails. Whoever receives a status frees it or
 * returns it.
 */
#ifndef INGOT_RUNTIME_STATUS_H
#define INGOT_RUNTIME_STATUS_H
#include <ingot/runtime.h>
#include <stdarg.h>

#define INGOT_MUST_USE     __attribute__((warn_unused_result))
#define INGOT_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* A new failure at a place of our source. `code` is not INGOT_OK. */
ingot_status ingot_status_make(ingot_code code, const char *file, int line, const char *format, ...) INGOT_PRINTF(4, 5);
/* Adds "while ...": text in front of the message, and hands `status` back. Null stays null. */
ingot_status ingot_status_note(ingot_status status, const char *format, ...) INGOT_PRINTF(2, 3);
/* Our source's file:line where the failure began (null status: ""). */
const char *ingot_status_origin(ingot_status status);
/* The static out-of-memory status; freeing it is harmless. */
ingot_status ingot_status_no_memory(void);

#define ingot_fail(code, ...) ingot_status_make((code), __FILE__, __LINE__, __VA_ARGS__)
#define INGOT_TRY(expr)                               \
    do {                                              \
        ingot_status try_status_ = (expr);            \
        if (__builtin_expect(try_status_ != NULL, 0)) \
            return try_status_;                       \
    } while (0)
#define INGOT_TRY_NOTE(expr, ...)                               \
    do {                                                        \
        ingot_status try_status_ = (expr);                      \
        if (__builtin_expect(try_status_ != NULL, 0))           \
            return ingot_status_note(try_status_, __VA_ARGS__); \
    } while (0)
#endif
