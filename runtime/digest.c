/* The digest of weights and of what builds are made from: 128 bits, four independent lanes of multiply and rotate so
 * that it runs at memory speed. It finds damage and mix-ups; it is no defence against an adversary.
 *
 * Per stripe of 32 bytes, lane i takes the little-endian word w_i: lane = rotate(lane ^ (w_i * A), 31) * B + i. The
 * last stripe is padded with zeros; the length goes in at the end, and a final mix spreads every lane over all bits. */
#include "runtime/digest.h"
#include <string.h>

#define MULTIPLIER_A 0x9e3779b97f4a7c15u
#define MULTIPLIER_B 0xd6e8feb86659fd93u
#define STRIPE_BYTES sizeof(((ingot_digest_state *)0)->stripe)

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

/* Spelled out, so that compilers see one load. */
static uint64_t load_word(const uint8_t *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 |
           (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

static uint64_t mix_word(uint64_t lane, const uint8_t *word, uint64_t number)
{
    return rotate(lane ^ (load_word(word) * MULTIPLIER_A), 31) * MULTIPLIER_B + number;
}

/* The lanes are copies meanwhile: bytes could lie anywhere, as far as a compiler knows. */
static void mix_stripes(uint64_t lanes[4], const uint8_t *bytes, size_t stripes)
{
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (; stripes > 0; stripes--, bytes += STRIPE_BYTES) {
        a = mix_word(a, bytes, 0);
        b = mix_word(b, bytes + 8, 1);
        c = mix_word(c, bytes + 16, 2);
        d = mix_word(d, bytes + 24, 3);
    }
    lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
}

/* Every input bit reaches every output bit. */
static uint64_t avalanche(uint64_t x)
{
    x = (x ^ x >> 32) * MULTIPLIER_B;
    x = (x ^ x >> 29) * MULTIPLIER_A;
    return x ^ x >> 32;
}

void ingot_digest_begin(ingot_digest_state *state)
{
    *state = (ingot_digest_state){.lanes = {1, MULTIPLIER_A, MULTIPLIER_B, MULTIPLIER_A ^ MULTIPLIER_B}};
}

void ingot_digest_add(ingot_digest_state *state, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t held = (size_t)(state->size % STRIPE_BYTES);
    state->size += size;
    if (held) {
        size_t room = STRIPE_BYTES - held, take = size < room ? size : room;
        if (take)
            memcpy(state->stripe + held, bytes, take);
        if (take < room)
            return;
        mix_stripes(state->lanes, state->stripe, 1);
        bytes += take;
        size -= take;
    }
    size_t rest = size % STRIPE_BYTES;
    mix_stripes(state->lanes, bytes, size / STRIPE_BYTES);
    if (rest)
        memcpy(state->stripe, bytes + (size - rest), rest);
}

void ingot_digest_end(ingot_digest_state *state, uint8_t out[16])
{
    size_t held = (size_t)(state->size % STRIPE_BYTES);
    if (held) {
        memset(state->stripe + held, 0, STRIPE_BYTES - held);
        mix_stripes(state->lanes, state->stripe, 1);
    }
    uint64_t *l = state->lanes;
    uint64_t low = avalanche(l[0] ^ rotate(l[1], 17) ^ state->size);
    uint64_t high = avalanche(l[2] ^ rotate(l[3], 29) ^ low);
    low = avalanche(low + rotate(high, 23) + l[3]);
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(low >> 8 * i);
        out[8 + i] = (uint8_t)(high >> 8 * i);
    }
}

void ingot_digest(const void *data, size_t size, uint8_t out[16])
{
    ingot_digest_state state;
    ingot_digest_begin(&state);
    ingot_digest_add(&state, data, size);
    ingot_digest_end(&state, out);
}

void ingot_digest_print(const uint8_t digest[16], char out[33])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[32] = 0;
}
