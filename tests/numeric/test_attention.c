/* Attention against the naive interpreter: blocks of keys, masks, causality, grouped heads, odd sizes. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

typedef struct attention {
    int b, h, m, n, d, e, group, causal, mask, past; /* mask: 1 f32 per key, 2 bool per row and key */
} attention;

/* q: [b, m, h, d]; k: [b, n, h, d] or, transposed, [b, h, d, n]; v: [b, n, h, e]; out: [b, m, h, e]. */
static void check(const attention *a, bool transposed, bool dynamic)
{
    int kv = a->group > 0 ? a->h / a->group : a->h;
    char line[2048], dims[256], mask[128] = "", key[128], why[512];
    spec_check_options options = {.sizes = {a->m, a->n, a->past, a->m * a->h * a->d, a->n * kv * a->d, a->n * kv * a->e,
                                            a->m * a->h * a->e, a->m * a->n},
                                  .tolerance = 1e-5};
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        if (dynamic) {
            snprintf(dims, sizeof dims, "b=%d h=%d m=?0 n=?1 d=%d e=%d group=%d causal=%d mask=%d past=?2", a->b, a->h,
                     a->d, a->e, a->group, a->causal, a->mask != 0);
            snprintf(key, sizeof key, transposed ? "in=f32[?4,%d,0,1,?1,0]" : "in=f32[?4,%d,0,%d,1,0]",
                     transposed ? a->d * a->n : a->d, kv * a->d);
            if (transposed)
                snprintf(key, sizeof key, "in=f32[?4,?8,0,1,?1,0]");
            options.sizes[8] = a->d * a->n;
        } else {
            snprintf(dims, sizeof dims, "b=%d h=%d m=%d n=%d d=%d e=%d group=%d causal=%d mask=%d past=%d", a->b, a->h,
                     a->m, a->n, a->d, a->e, a->group, a->causal, a->mask != 0, a->past);
            if (transposed)
                snprintf(key, sizeof key, "in=f32[%d,%d,0,1,%d,0]", a->n * kv * a->d, a->d * a->n, a->n);
            else
                snprintf(key, sizeof key, "in=f32[%d,%d,0,%d,1,0]", a->n * kv * a->d, a->d, kv * a->d);
        }
        if (a->mask == 1)
            snprintf(mask, sizeof mask, dynamic ? " in=f32[?1,0,0,1,0,0]" : " in=f32[%d,0,0,1,0,0]", a->n);
        if (a->mask == 2)
            snprintf(mask, sizeof mask, dynamic ? " in=bool[?7,0,?1,1,0,0]" : " in=bool[%d,0,%d,1,0,0]", a->m * a->n,
                     a->n);
        if (dynamic)
            snprintf(line, sizeof line,
                     "attention %s imm0=0.35 in=f32[?3,%d,%d,0,1,0] %s in=f32[?5,%d,0,%d,0,1]%s "
                     "out=f32[?6,%d,%d,0,0,1] | | %s",
                     dims, a->d, a->h * a->d, key, a->e, kv * a->e, mask, a->e, a->h * a->e, targets[t]);
        else
            snprintf(line, sizeof line,
                     "attention %s imm0=0.35 in=f32[%d,%d,%d,0,1,0] %s in=f32[%d,%d,0,%d,0,1]%s "
                     "out=f32[%d,%d,%d,0,0,1] | | %s",
                     dims, a->m * a->h * a->d, a->d, a->h * a->d, key, a->n * kv * a->e, a->e, kv * a->e, mask,
                     a->m * a->h * a->e, a->e, a->h * a->e, targets[t]);
        cr_expect(spec_check(line, &options, why), "%s", why);
    }
}

static const attention cases[] = {
    {1, 2, 12, 64, 16, 32, 0, 0, 0, 0},    /* whole tiles, one block of keys */
    {2, 3, 50, 77, 20, 36, 0, 0, 1, 0},    /* several blocks, every dim ragged, a mask per key */
    {1, 2, 1, 200, 64, 64, 0, 0, 0, 0},    /* decoding: one row */
    {1, 1, 7, 7, 8, 8, 0, 1, 0, 0},        /* causal; one row more than an AVX2 tile */
    {1, 4, 9, 140, 12, 5, 2, 1, 0, 131},   /* grouped heads, causal after a past, fewer values than lanes */
    {2, 1, 100, 130, 16, 16, 0, 0, 2, 0},  /* a bool mask for every row: whole blocks may be masked */
    {1, 1, 5, 1, 1, 1, 0, 0, 0, 0},        /* one key, one element */
    {1, 1, 13, 70, 100, 100, 0, 1, 1, 60}, /* large heads, mask and causality together */
};

Test(attention, static_sizes)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int transposed = 0; transposed < 2; transposed++)
            check(&cases[i], transposed, false);
}

Test(attention, dynamic_sizes)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(&cases[i], i % 2, true);
}
