/* The digest of weights and of what builds are made from: 128 bits, four independent lanes of multiply and rotate so
 * that it runs at memory speed. It finds damage and mix-ups; it is no defence against an adversary.
 *
 * Per stripe of 32 bytes, lane i takes the little-endian word w_i: lane = rotate(lane ^ (w_i * A), 31) * B + i. The
 * last stripe is padded with zeros; the length goes in at the end, and a final mix spreads every lane over all bits. */
#include "runtime/digest.h"
#include <string.h>

#define MULTIPLIER_A 0x9e3779b97f4a7c15u
#define MULTIPLIER_B 0xd6e8feb86659fd93u

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = word << 8 | bytes[i];
    return word;
}

static void mix_stripe(uint64_t lanes[4], const uint8_t *stripe)
{
    for (int i = 0; i < 4; i++)
        lanes[i] = rotate(lanes[i] ^ (load_word(stripe + 8 * i) * MULTIPLIER_A), 31) * MULTIPLIER_B + (uint64_t)i;
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
    size_t held = (size_t)(state->size % sizeof state->stripe);
    state->size += size;
    if (held) {
        size_t room = sizeof state->stripe - held, take = size < room ? size : room;
        if (take)
            memcpy(state->stripe + held, bytes, take);
        if (take < room)
            return;
        mix_stripe(state->lanes, state->stripe);
        bytes += take;
        size -= take;
    }
    for (; size >= sizeof state->stripe; bytes += sizeof state->stripe, size -= sizeof state->stripe)
        mix_stripe(state->lanes, bytes);
    if (size)
        memcpy(state->stripe, bytes, size);
}

void ingot_digest_end(ingot_digest_state *state, uint8_t out[16])
{
    size_t held = (size_t)(state->size % sizeof state->stripe);
    if (held) {
        memset(state->stripe + held, 0, sizeof state->stripe - held);
        mix_stripe(state->lanes, state->stripe);
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
