/* lstm and gru against the naive interpreter: directions, initial states, odd hidden sizes, batches around the row
 * tile. */
#include "spec_reference.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4-on-v3"};

typedef struct recurrent {
    int t, n, dir, h, dirs;
    int state; /* initial states are given */
} recurrent;

static void set_sizes(int64_t *out, const recurrent *c, int n, int width)
{
    const int64_t sizes[] = {c->t, n, n * c->dir * width, n * c->dir * c->h, n * c->h};
    memcpy(out, sizes, sizeof sizes);
}

static void check(const char *family, const recurrent *c, const char *flags, bool bias, bool dynamic)
{
    bool gru = family[0] == 'g';
    int gates = gru ? 3 : 4, width = gates * c->h, panels = (width + 15) / 16, states = gru ? 1 : 2;
    char line[2048], dims[128], inputs[256], state[128], why[512];
    static int64_t more[20][INGOT_SPEC_SIZES]; /* batches of all heights of tiles, in one kernel */
    spec_check_options options = {.tolerance = 1e-5, .more = (const int64_t(*)[INGOT_SPEC_SIZES])more};
    set_sizes(options.sizes, c, c->n, width);
    for (int n = 1; n <= 20 && dynamic; n++)
        set_sizes(more[options.n_more++], c, n, width);
    for (size_t target = 0; target < sizeof targets / sizeof targets[0]; target++) {
        if (dynamic) {
            snprintf(dims, sizeof dims, "t=?0 n=?1 dir=%d h=%d", c->dir, c->h);
            snprintf(inputs, sizeof inputs, "in=f32[?2,%d,%d,1] in=f32.packed16[0,0,%d,0]", c->dir * width, width,
                     panels * c->h * 16);
            snprintf(state, sizeof state, "=f32[0,%d,?4,1]", c->h);
        } else {
            snprintf(dims, sizeof dims, "t=%d n=%d dir=%d h=%d", c->t, c->n, c->dir, c->h);
            snprintf(inputs, sizeof inputs, "in=f32[%d,%d,%d,1] in=f32.packed16[0,0,%d,0]", c->n * c->dir * width,
                     c->dir * width, width, panels * c->h * 16);
            snprintf(state, sizeof state, "=f32[0,%d,%d,1]", c->h, c->n * c->h);
        }
        int at =
            snprintf(line, sizeof line, "%s %s dirs=%d h0=%d %s %s", family, dims, c->dirs, c->state, flags, inputs);
        for (int i = 0; i < states && c->state; i++)
            at += snprintf(line + at, sizeof line - (size_t)at, " in%s", state);
        if (bias)
            at += snprintf(line + at, sizeof line - (size_t)at, " in=f32[0,0,%d,1]", width);
        if (dynamic)
            at += snprintf(line + at, sizeof line - (size_t)at, " out=f32[?3,%d,?4,1]", c->h);
        else
            at += snprintf(line + at, sizeof line - (size_t)at, " out=f32[%d,%d,%d,1]", c->n * c->dir * c->h, c->h,
                           c->n * c->h);
        for (int i = 0; i < states; i++)
            at += snprintf(line + at, sizeof line - (size_t)at, " out%s", state);
        snprintf(line + at, sizeof line - (size_t)at, " | | %s", targets[target]);
        cr_expect(spec_check(line, &options, why), "%s", why);
    }
}

static const recurrent cases[] = {
    {3, 1, 1, 16, 0, 1},  /* one row: panels side by side */
    {5, 4, 2, 32, 2, 1},  /* bidirectional, whole tiles */
    {2, 9, 1, 20, 1, 0},  /* backwards, rows past a tile, gates that straddle panels */
    {4, 2, 2, 5, 2, 0},   /* fewer than a vector */
    {1, 3, 1, 1, 0, 1},   /* one element */
    {0, 2, 1, 8, 0, 1},   /* no steps: states pass through */
    {2, 6, 1, 67, 0, 1},  /* every dim odd */
    {3, 0, 1, 16, 0, 1},  /* nothing to do */
    {3, 13, 2, 24, 1, 1}, /* units of more than a tile, groups of more than a unit */
};

Test(recurrent, lstm)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int dynamic = 0; dynamic < 2; dynamic++)
            check("lstm", &cases[i], cases[i].state ? "c0=1" : "c0=0", false, dynamic);
}

/* Weights that are fetched ahead, there and back; as many rows together as scratch has room for. */
Test(recurrent, large)
{
    static const recurrent large[] = {{3, 1, 1, 150, 0, 1}, {3, 8, 1, 150, 0, 1}, {2, 23, 1, 272, 1, 0}};
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        check("lstm", &large[i], large[i].state ? "c0=1" : "c0=0", false, i == 0);
        check("gru", &large[i], "linear_before_reset=0 rb=0", false, i == 1);
    }
}

Test(recurrent, gru)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int flags = 0; flags < 4; flags++) {
            char text[64];
            snprintf(text, sizeof text, "linear_before_reset=%d rb=%d", flags & 1, flags >> 1);
            check("gru", &cases[i], text, flags >> 1, flags & 1);
        }
}
