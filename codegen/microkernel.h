/* What the compute families share: register tiles of fused multiply-adds, and the split of rows into tiles.
 *
 * Products of integers sum in I32: a step takes a group of neighbouring elements of A (two of 16 bits, four of 8), one
 * 32-bit word, and B has such words in place of its elements (dot.c). Pairs of bf16 are such words too, and sum in F32;
 * A may be F32 then.
 *
 * A tile of `rows` x `vectors` accumulators grows by the outer product of one column of A (one scalar per row,
 * broadcast) and one row of B
 * (`vectors` vectors). Where the scalars and vectors lie is given by pointers with displacements that are known while
 * emitting.
 */
#ifndef INGOT_MICROKERNEL_H
#define INGOT_MICROKERNEL_H
#include "codegen/emit.h"

#define INGOT_MICRO_ROWS    16
#define INGOT_MICRO_VECTORS 8
#define INGOT_MICRO_ACCS    56 /* rows * vectors * chains never exceeds it */

typedef struct ingot_micro {
    ingot_etype type; /* of a vector of sums */
    int group;        /* elements of A in a word of B; 0: B has no words */
    ingot_escalar a;  /* element of A, where there are words; bf16 is I16 */
    ingot_ev a_near;  /* bf16: distance of neighbours in A; else they lie side by side */
    int rows, vectors;
    ingot_ev row[INGOT_MICRO_ROWS];      /* pointers; equal numbers share an address */
    int64_t row_shift[INGOT_MICRO_ROWS]; /* elements added to the pointer; B counts in words */
    ingot_ev column[INGOT_MICRO_VECTORS];
    int64_t column_shift[INGOT_MICRO_VECTORS];
    ingot_emask mask; /* of B's loads */
    /* The loop fetches `ahead_step` elements a step from `ahead` on into L2: what is needed later. */
    bool fetch;
    ingot_ev ahead, ahead_step;
} ingot_micro;

/* acc + products of the groups in words a and b (I32 vectors): pairs of signed 16 bits (group 2), or four unsigned
 * bytes of a times signed ones of b (group 4). Exact. dot.c */
ingot_ev ingot_micro_dot(ingot_emitter *e, int group, ingot_ev acc, ingot_ev a, ingot_ev b);
/* acc (F32) + products of the pairs of bf16 in words a and b (I32 vectors), upper halves first. dot.c */
ingot_ev ingot_micro_dot_bf16(ingot_emitter *e, ingot_ev acc, ingot_ev a, ingot_ev b);
/* One half of each word, a bf16, as F32. dot.c */
ingot_ev ingot_micro_half(ingot_emitter *e, ingot_ev words, bool upper);

/* The same of one word or two by vpmaddubsw, whose sums are added in 16 bits first: b is within limits. */
ingot_ev ingot_micro_dot_limited(ingot_emitter *e, int words, ingot_ev acc, const ingot_ev *a, const ingot_ev *b);
/* The 16 bytes at base + shift in all 128 bits of an I32 vector, and words of them: those that the bytes of order tell.
 */
ingot_ev ingot_micro_load_block(ingot_emitter *e, ingot_ev base, int64_t shift, ingot_etype type);
ingot_ev ingot_micro_order(ingot_emitter *e, ingot_ev block, ingot_ev order);

/* accs[r * vectors + q] += A[row r, at a_index] * B[at b_index, vector q]. */
void ingot_micro_step(ingot_emitter *e, const ingot_micro *m, ingot_ev a_index, ingot_ev b_index, ingot_ev *accs);
/* A step with the first `rest` elements of a group only; none: nothing. */
void ingot_micro_rest(ingot_emitter *e, const ingot_micro *m, int rest, ingot_ev a_index, ingot_ev b_index,
                      ingot_ev *accs);
/* Bytes within limits (kernel/limited.h): where the weights of the columns of a tile are, from column `lane0` of panel
 * `panel` on. */
typedef struct ingot_limited_at {
    int sums;
    int64_t words; /* of a panel */
    ingot_ev panel, lane0, orders, starts, records;
} ingot_limited_at;
ingot_limited_at ingot_micro_limited(ingot_emitter *e, ingot_ev panel, ingot_ev lane0);
/* `count` words (whole blocks) that follow each other in A and in a panel of B. */
void ingot_micro_words(ingot_emitter *e, const ingot_micro *m, const ingot_limited_at *l, int64_t count,
                       ingot_ev a_index, ingot_ev b_index, ingot_ev *accs);
/* And what is beyond the limits. strides: elements of A that the parts of a record's place count. */
void ingot_micro_records(ingot_emitter *e, const ingot_micro *m, const ingot_limited_at *l, const ingot_ev *strides,
                         ingot_ev *accs);
/* Whether a spec's weights are as these take them, when they are limited. */
bool ingot_micro_limited_supported(const ingot_spec *spec, const ingot_target *target, const char **out_why);
/* As many steps as `count` says, at multiples of a_step and b_step. Small tiles keep several sums (chains) to hide the
 * latency of FMA; how many depends on the tile's shape alone. accs: the start in, the sums out. */
void ingot_micro_loop(ingot_emitter *e, const ingot_micro *m, ingot_ev count, ingot_ev a_step, ingot_ev b_step,
                      ingot_ev *accs);

/* `total` rows in tiles of at most `limit`, as equal as can be: tall ones first, then ones that are a row shorter. All
 * values fold for known totals. */
typedef struct ingot_tiling {
    ingot_ev total, count, tall_count, tall; /* tall: height of the tall ones */
} ingot_tiling;
ingot_tiling ingot_tiling_make(ingot_emitter *e, ingot_ev total, int limit);
/* Emits tiles [from, to) as runs of tiles of one height: `count` tiles (maybe none) that start at row `start`; `height`
 * is known in each call. Heights 1..limit are told apart at run time by a switch in a helper of its own when `total` is
 * dynamic; `params` (n of them) are values of the caller that the tile code needs, handed through. */
typedef struct ingot_tile_body {
    void (*emit)(ingot_emitter *e, void *arg, int height, ingot_ev start, ingot_ev count, const ingot_ev *params);
    void *arg;
    const char *name; /* of the helper */
    int32_t n_params;
    const ingot_ev *params;
} ingot_tile_body;
void ingot_tiling_run(ingot_emitter *e, const ingot_tiling *t, int limit, ingot_ev from, ingot_ev to,
                      const ingot_tile_body *body);

/* "NAMEheight_hash": the hash is that of the known ones among the parameters, which the helper's code has inside. */
void ingot_micro_helper_name(ingot_ehelper *h, const char *name, int height, int n, const ingot_ev *params);

/* Zeros for `n` accumulators. */
void ingot_micro_zero(ingot_emitter *e, ingot_etype type, int n, ingot_ev *accs);
/* The spec's body on one vector: `raw` and n_extra values of the last inputs (none: raw itself). A large body is a
 * helper that all places call. */
ingot_ev ingot_micro_apply_body(ingot_emitter *e, const ingot_spec *spec, ingot_ev raw, int32_t n_extra,
                                const ingot_ev *extra);
/* Whether a body is small enough to be written behind each tile; others get a function that goes over the stored sums.
 */
bool ingot_micro_inline_body(const ingot_spec *spec);
#endif
