/* Weights of bytes within limits, and what is beyond them. */
#include "kernel/limited.h"
#include <string.h>

#define LIMIT       128 /* 255 * 128 = 32640 */
#define BLOCK       256 /* bytes of 16 terms of 16 columns */
#define SEEN_BLOCKS 500

ingot_limited ingot_limited_of_spec(const ingot_spec *spec)
{
    const ingot_size *d = spec->dims;
    int sums = (int)spec->operands[1].lane;
    if (spec->family == INGOT_FAMILY_conv)
        return (ingot_limited){d[1] * d[2], {d[5], d[7], d[8]}, d[6] / 4, sums};
    return (ingot_limited){(d[3] + 15) / 16, {1, 1, 1}, d[4] / 4, sums};
}

ingot_limited ingot_limited_of_packing(const ingot_packing *p)
{
    ingot_limited l = {p->dest_dims[0] * p->dest_dims[1], {1, 1, 1}, p->dest_dims[p->dest_rank - 3], p->limited};
    for (int32_t d = 2; d < p->dest_rank - 3 && d < 5; d++)
        l.dims[d - 2] = p->dest_dims[d];
    return l;
}

static int64_t words_of(const ingot_limited *l)
{
    return l->dims[0] * l->dims[1] * l->dims[2] * l->run;
}

int64_t ingot_limited_orders_at(const ingot_limited *l)
{
    return l->panels * words_of(l) * 64;
}

int64_t ingot_limited_starts_at(const ingot_limited *l)
{
    return ingot_limited_orders_at(l) + (l->sums == 1 ? (l->panels * words_of(l) * 4 + 63) / 64 * 64 : 0);
}

int64_t ingot_limited_records_at(const ingot_limited *l)
{
    return ingot_limited_starts_at(l) + (4 * (l->panels + 1) + 63) / 64 * 64;
}

/* ---- Orders: term i of the block is byte i % 4 of word i / 4 ---- */

/* Whether two terms may share a sum in all columns. Written to be vectors. */
static bool fits(const int16_t *a, const int16_t *b)
{
    int16_t most = 0;
    for (int c = 0; c < 16; c++) {
        int16_t sum = (int16_t)(a[c] + b[c]), size = (int16_t)(sum < 0 ? -sum : sum);
        most = size > most ? size : most;
    }
    return most <= LIMIT;
}

typedef struct matching {
    uint16_t fits[16]; /* bit j: terms i and j may share a sum */
    int8_t mate[16], best[16];
    int pairs, best_pairs, steps;
} matching;

/* Of the free terms the one that fits with the fewest others. */
static int pick(const matching *m, unsigned free)
{
    int best = -1, fewest = 17;
    for (unsigned rest = free; rest; rest &= rest - 1) {
        int i = __builtin_ctz(rest), n = __builtin_popcount(m->fits[i] & free);
        if (n < fewest) {
            fewest = n;
            best = i;
        }
    }
    return best;
}

/* Pairs the free terms that fit, as far as a few steps find how; keeps the best that was met. */
static bool match(matching *m, unsigned free)
{
    if (m->pairs > m->best_pairs || m->best_pairs < 0) {
        m->best_pairs = m->pairs;
        memcpy(m->best, m->mate, sizeof m->best);
    }
    if (!free)
        return m->pairs == 8;
    if (++m->steps > 200)
        return false;
    int i = pick(m, free);
    free &= ~(1u << i);
    for (unsigned with = m->fits[i] & free; with; with &= with - 1) {
        int j = __builtin_ctz(with);
        m->mate[i] = (int8_t)j;
        m->mate[j] = (int8_t)i;
        m->pairs++;
        if (match(m, free & ~(1u << j)))
            return true;
        m->mate[i] = m->mate[j] = -1;
        m->pairs--;
    }
    return match(m, free); /* that one is left over */
}

/* terms [16][16]: of all columns. */
static void find_order(const int16_t *terms, uint8_t *order)
{
    matching m = {.best_pairs = -1};
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < i; j++)
            if (fits(terms + 16 * i, terms + 16 * j)) {
                m.fits[i] = (uint16_t)(m.fits[i] | 1u << j);
                m.fits[j] = (uint16_t)(m.fits[j] | 1u << i);
            }
    memset(m.mate, -1, sizeof m.mate);
    match(&m, 0xFFFF);
    int n = 0;
    for (int i = 0; i < 16; i++)
        if (m.best[i] > i) {
            order[n++] = (uint8_t)i;
            order[n++] = (uint8_t)m.best[i];
        }
    for (int i = 0; i < 16; i++)
        if (m.best[i] < 0)
            order[n++] = (uint8_t)i;
}

static void put_in_order(int8_t *block, uint8_t *order)
{
    int16_t terms[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        terms[(i / 64 * 4 + i % 4) * 16 + i % 64 / 4] = block[i];
    find_order(terms, order);
    for (int i = 0; i < BLOCK; i++)
        block[i] = (int8_t)terms[order[i / 64 * 4 + i % 4] * 16 + i % 64 / 4];
}

/* ---- Cutting off ---- */

/* What the weights of one sign in a sum have too much: those of bytes `half` * 2 and the next, of one word or two. */
static int excess(const int8_t *a, const int8_t *b, int half, int sign)
{
    int sum = -LIMIT;
    for (int i = 2 * half; i < 2 * half + 2; i++) {
        sum += a[i] * sign > 0 ? a[i] * sign : 0;
        sum += b && b[i] * sign > 0 ? b[i] * sign : 0;
    }
    return sum > 0 ? sum : 0;
}

/* Moves weights of one column's word from `from` to `record`: what is too much, as far as a record's own sums take it.
 */
static bool move(int8_t *from, const int8_t *other, int8_t *record)
{
    bool any = false;
    memset(record, 0, 4);
    for (int half = 0; half < 2; half++)
        for (int sign = -1; sign <= 1; sign += 2) {
            int over = excess(from, other, half, sign);
            over = over < LIMIT ? over : LIMIT;
            for (int i = 2 * half; i < 2 * half + 2; i++) {
                int there = from[i] * sign, part = there < over ? there : over;
                if (part <= 0)
                    continue;
                record[i] = (int8_t)(part * sign);
                from[i] = (int8_t)(from[i] - record[i]);
                over -= part;
                any = true;
            }
        }
    return any;
}

/* Whether some sum of a word's 16 columns has too much. */
static bool exceeds(const int8_t *word, const int8_t *other)
{
    int16_t most = 0;
    for (int i = 0; i < 32; i++) {
        int16_t up = 0, down = 0;
        for (int k = 2 * i; k < 2 * i + 2; k++) {
            up = (int16_t)(up + (word[k] > 0 ? word[k] : 0) + (other[k] > 0 ? other[k] : 0));
            down = (int16_t)(down - (word[k] < 0 ? word[k] : 0) - (other[k] < 0 ? other[k] : 0));
        }
        most = up > most ? up : most;
        most = down > most ? down : most;
    }
    return most > LIMIT;
}

/* Records of one word, while the other of its sums stays as it is; out: where they go, or null. */
static int64_t cut_word(int8_t *word, const int8_t *other, const int32_t *place, const uint8_t *order, uint8_t *out)
{
    int64_t n = 0;
    static const int8_t nothing[64];
    for (bool any = exceeds(word, other ? other : nothing); any;) {
        uint8_t record[INGOT_LIMITED_RECORD] = {0};
        any = false;
        for (int64_t c = 0; c < 16; c++)
            any |= move(word + 4 * c, other ? other + 4 * c : NULL, (int8_t *)record + 4 * c);
        memcpy(record + 64, place, 16);
        memcpy(record + 80, order, 4);
        if (any && out)
            memcpy(out + n * INGOT_LIMITED_RECORD, record, sizeof record);
        n += any;
    }
    return n;
}

/* order: the block's, set for sums of 1. */
static int64_t cut_block(int8_t *block, int sums, const int32_t *place, uint8_t *order, uint8_t *out)
{
    int64_t n = 0;
    for (int i = 0; i < 16; i++)
        order[i] = (uint8_t)i;
    if (sums == 1)
        put_in_order(block, order);
    for (int w = 0; w < 4; w++) {
        int8_t *word = block + w * 64, *other = sums == 1 ? NULL : block + (w ^ 1) * 64;
        n += cut_word(word, other, place, order + 4 * w, out ? out + n * INGOT_LIMITED_RECORD : NULL);
    }
    return n;
}

int64_t ingot_limited_split_block(int8_t *block, int sums)
{
    uint8_t order[16];
    return cut_block(block, sums, (int32_t[4]){0}, order, NULL);
}

int64_t ingot_limited_split(const ingot_limited *l, int8_t *weights, bool write)
{
    int64_t n = 0, blocks = words_of(l) / 4;
    uint8_t *all = (uint8_t *)weights, *records = write ? all + ingot_limited_records_at(l) : NULL, unused[16];
    if (write)
        memset(all + ingot_limited_orders_at(l), 0, (size_t)(ingot_limited_records_at(l) - ingot_limited_orders_at(l)));
    for (int64_t p = 0; p < l->panels; p++) {
        for (int64_t b = 0; b < blocks; b++) {
            int64_t at = p * blocks + b, r = b / (l->run / 4);
            int32_t place[4] = {(int32_t)(r / (l->dims[1] * l->dims[2])), (int32_t)(r / l->dims[2] % l->dims[1]),
                                (int32_t)(r % l->dims[2]), (int32_t)(b % (l->run / 4) * 16)};
            uint8_t *order = write && l->sums == 1 ? all + ingot_limited_orders_at(l) + at * 16 : unused;
            n += cut_block(weights + at * BLOCK, l->sums, place, order,
                           records ? records + n * INGOT_LIMITED_RECORD : NULL);
        }
        int32_t end = (int32_t)n;
        if (write)
            memcpy(all + ingot_limited_starts_at(l) + 4 * (p + 1), &end, sizeof end);
    }
    return n;
}

/* A record is about as long as a word and a bit, what two words take in one sum as one and a half, and the same weights
 * in 16 bits as 1.2 for each word. */
int ingot_limited_choose(int64_t blocks, void (*read_block)(const void *arg, int64_t index, int8_t *out),
                         const void *arg)
{
    int64_t every = (blocks + SEEN_BLOCKS - 1) / SEEN_BLOCKS, words = 0, records[3] = {0};
    for (int64_t i = 0; i < blocks; i += every, words += 4)
        for (int sums = 1; sums <= 2; sums++) {
            int8_t block[BLOCK];
            read_block(arg, i, block);
            records[sums] += ingot_limited_split_block(block, sums);
        }
    return records[2] * 100 <= words * 15 ? 2 : records[1] * 100 <= words * 15 ? 1 : 0;
}
