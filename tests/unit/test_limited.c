/* Weights of bytes within limits: nothing is lost, and no sum of 16 bits can overflow. */
#include "kernel/limited.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* What one column's weights in a sum of 16 bits can add up to: bytes `half` of one word or two. */
static void check_sums(const int8_t *a, const int8_t *b)
{
    for (int half = 0; half < 2; half++) {
        int above = 0, below = 0;
        for (int i = 2 * half; i < 2 * half + 2; i++) {
            above += (a[i] > 0 ? a[i] : 0) + (b && b[i] > 0 ? b[i] : 0);
            below += (a[i] < 0 ? a[i] : 0) + (b && b[i] < 0 ? b[i] : 0);
        }
        cr_expect_leq(255 * above, INT16_MAX);
        cr_expect_geq(255 * below, INT16_MIN);
    }
}

static int64_t check(const ingot_limited *l, const int8_t *weights)
{
    int64_t size = ingot_limited_orders_at(l), words = size / 64 / l->panels;
    int8_t *copy = malloc((size_t)size), *sums = calloc(1, (size_t)size);
    memcpy(copy, weights, (size_t)size);
    int64_t n = ingot_limited_split(l, copy, false);
    int8_t *all = calloc(1, (size_t)(ingot_limited_records_at(l) + n * INGOT_LIMITED_RECORD));
    memcpy(all, weights, (size_t)size);
    cr_expect_eq(ingot_limited_split(l, all, true), n);
    for (int64_t w = 0; w < l->panels * words; w += l->sums)
        for (int c = 0; c < 16; c++)
            check_sums(all + w * 64 + c * 4, l->sums == 2 ? all + w * 64 + 64 + c * 4 : NULL);
    /* back in their places */
    for (int64_t w = 0; w < l->panels * words; w++)
        for (int i = 0; i < 64; i++) {
            int term = l->sums == 1 ? all[size + w * 4 + i % 4] : (int)(w % 4 * 4 + i % 4);
            cr_assert(term >= 0 && term < 16);
            sums[w / 4 * 256 + term / 4 * 64 + i / 4 * 4 + term % 4] = all[w * 64 + i];
        }
    for (int64_t p = 0; p < l->panels; p++) {
        int32_t range[2], place[4];
        memcpy(range, all + ingot_limited_starts_at(l) + 4 * p, sizeof range);
        for (int32_t i = range[0]; i < range[1]; i++) {
            const int8_t *record = all + ingot_limited_records_at(l) + (int64_t)i * INGOT_LIMITED_RECORD;
            memcpy(place, record + 64, sizeof place);
            int64_t word =
                ((place[0] * l->dims[1] + place[1]) * l->dims[2] + place[2]) * l->run + place[3] / 4 + p * words;
            cr_assert(word >= p * words && word < (p + 1) * words && place[3] % 16 == 0);
            for (int c = 0; c < 16; c++)
                check_sums(record + 4 * c, NULL);
            for (int c = 0; c < 64; c++) {
                int8_t *to = &sums[word * 64 + record[80 + c % 4] / 4 * 64 + c / 4 * 4 + record[80 + c % 4] % 4];
                *to = (int8_t)(*to + record[c]);
            }
        }
    }
    cr_expect_eq(memcmp(sums, weights, (size_t)size), 0, "weights are lost");
    free(copy);
    free(sums);
    free(all);
    return n;
}

/* Weights of all sizes, of the largest only, of a quarter of the range. */
Test(limited, keeps_all_weights)
{
    static const ingot_limited forms[] = {
        {1, {1, 1, 1}, 4, 1}, {3, {1, 1, 1}, 8, 2}, {2, {3, 1, 1}, 4, 1}, {5, {2, 3, 3}, 4, 2}, {17, {1, 7, 1}, 12, 1}};
    unsigned seed = 1;
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        int64_t size = ingot_limited_orders_at(&forms[f]);
        int8_t *w = malloc((size_t)size);
        for (int kind = 0; kind < 5; kind++) {
            for (int64_t i = 0; i < size; i++) {
                int any = (int)(next_random(&seed) % 256) - 128;
                w[i] = (int8_t)(kind == 0   ? any
                                : kind == 1 ? 127
                                : kind == 2 ? -128
                                : kind == 3 ? (i % 2 ? 127 : -128)
                                            : any / 4);
            }
            int64_t n = check(&forms[f], w);
            cr_expect(kind == 4 ? n == 0 : kind != 3 || forms[f].sums == 1 ? n <= 3 * size / 64 : n > 0);
            if (kind == 3 && forms[f].sums == 1)
                cr_expect_eq(n, 0, "signs that alternate pair by themselves");
        }
        free(w);
    }
}

/* An order is found where one column's large weights of one sign come in pairs. */
Test(limited, finds_an_order)
{
    ingot_limited l = {1, {1, 1, 1}, 4, 1};
    int8_t w[256] = {0};
    for (int term = 0; term < 16; term++)
        w[term / 4 * 64 + 7 * 4 + term % 4] = term / 2 % 2 ? 100 : 10;
    cr_expect_eq(check(&l, w), 0);
    l.sums = 2;
    cr_expect_gt(check(&l, w), 0);
}

static void read_one(const void *arg, int64_t index, int8_t *out)
{
    const int *width = arg;
    unsigned seed = (unsigned)index + 1;
    for (int i = 0; i < 256; i++)
        out[i] = (int8_t)((int)(next_random(&seed) % (unsigned)(2 * *width + 1)) - *width);
}

/* Small weights, some that are large, all as large as can be. */
Test(limited, chooses)
{
    cr_expect_eq(ingot_limited_choose(1000, read_one, &(int){32}), 2);
    cr_expect_eq(ingot_limited_choose(1000, read_one, &(int){80}), 1);
    cr_expect_eq(ingot_limited_choose(1000, read_one, &(int){127}), 0);
}
