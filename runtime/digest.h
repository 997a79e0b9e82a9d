/* A 128-bit digest of bytes that come in pieces; the result does not depend on how they are cut.
 *
 *     ingot_digest_state d;
 *     ingot_digest_begin(&d);
 *     while (read_some(&bytes, &n)) ingot_digest_add(&d, bytes, n);
 *     ingot_digest_end(&d, out);          // equals ingot_digest (runtime/plan.h) of all of them
 */
#ifndef INGOT_RUNTIME_DIGEST_H
#define INGOT_RUNTIME_DIGEST_H
#include "runtime/plan.h"

typedef struct ingot_digest_state {
    uint64_t lanes[4], size;
    uint8_t stripe[32];
} ingot_digest_state;
void ingot_digest_begin(ingot_digest_state *state);
void ingot_digest_add(ingot_digest_state *state, const void *data, size_t size);
void ingot_digest_end(ingot_digest_state *state, uint8_t out[16]);
/* 32 hexadecimal digits and a null. */
void ingot_digest_print(const uint8_t digest[16], char out[33]);
#endif
