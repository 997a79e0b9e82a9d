/* Winograd convolutions F(mh x mw, 3 x 3), shared by packing, code generation and prediction: the matrices, and how a
 * kernel lays out its scratch memory.
 *
 * A tile of m x m results needs t x t inputs d (t = m + 2) and the filter g:  y = AT [(G g GT) * (BT d B)] A.
 * The products of all channels together are t * t independent matrix products. An axis without taps (filters 1 x 3 and
 * 3 x 1) has tiles of one result and matrices that are 1. All scales are in G, which is applied
 * to constants at compile time, in double. Integers have matrices and a packing of their own (kernel/winograd_exact.h).
 * Source: Lavin and Gray, arXiv:1509.09308; points 0, +-2/3, +-3/2 of F(4 x 4) in the spirit of arXiv:1803.10986:
 * among pairs of simple fractions they gave the smallest error, at most twice that of direct summation.
 */
#ifndef INGOT_KERNEL_WINOGRAD_H
#define INGOT_KERNEL_WINOGRAD_H
#include "kernel/kernel.h"

#define INGOT_WINOGRAD_T 6 /* the largest t */

typedef struct ingot_winograd { /* of one axis */
    int m, t, taps;
    double bt[INGOT_WINOGRAD_T][INGOT_WINOGRAD_T]; /* [t][t] */
    double at[4][INGOT_WINOGRAD_T];                /* [m][t] */
    double g[INGOT_WINOGRAD_T][3];                 /* [t][taps] */
} ingot_winograd;
/* m: 1 (no taps), 2 or 4; else null. */
const ingot_winograd *ingot_winograd_get(int64_t m);
/* G g GT of one filter g [3 or 1][3 or 1]: out [h->t][w->t]. */
void ingot_winograd_transform_filter(const ingot_winograd *h, const ingot_winograd *w, const double *g, double *out);
/* Filters w [o][c][3 or 1][3 or 1] as U [points][ceil(o / 16)][16 * ceil(c / 16)][16], zeros past o and c. */
void ingot_winograd_pack(int64_t mh, int64_t mw, int64_t o, int64_t c, const float *w, float *out);

/* Tiles are numbered through all images. A block of tiles is transformed, multiplied and transformed back at a time; a
 * unit of work is a run of blocks for a part of the channel blocks.
 *
 * Images whose number or size only a run decides: tiles and blocks are counted then. `run` is the least blocks of a
 * unit, and units are not split into parts, where else there would be more of them than there is scratch for. */
typedef struct ingot_winograd_layout {
    const ingot_winograd *h, *w;     /* along rows, along columns */
    int64_t points;                  /* of a tile: h->t * w->t */
    int64_t tiles_y, tiles_x, tiles; /* of an image, an image, all */
    int64_t block, blocks;           /* tiles of a block, how many */
    int64_t chunk, part, parts;      /* channel blocks: multiplied between two transforms, of a unit; how many parts */
    int64_t run, units;              /* blocks of a unit; how many units, open sizes: at most */
    bool open;                       /* a run decides sizes: tiles_y, tiles_x, tiles and blocks are 0 */
    int64_t o, c;                    /* real output and input channels */
    int64_t k;                       /* input channels, in whole blocks */
    int group;                       /* elements of V in 32 bits: one float, or two integers */
    int64_t steps, words;            /* 32 bits of the real channels; of k */
    /* Scratch. A call uses the slice of its first unit: V [points][block][k], then M [points][chunk][block][16]. Rows
     * and planes of V count its elements, all else counts 32 bits. */
    int64_t v_row, v_plane, m_at, m_plane, slice;
} ingot_winograd_layout;
/* Whether the spec (family winograd) has sizes and decisions within what 32-bit counts hold; else why not. */
bool ingot_winograd_layout_get(const ingot_spec *spec, ingot_winograd_layout *out, const char **out_why);
/* Floating-point operations (products and transforms) of a tile; tiles and operations of a call. sizes: of a run; null:
 * open ones are 1. */
double ingot_winograd_tile_flops(const ingot_spec *spec);
double ingot_winograd_tiles(const ingot_spec *spec, const int64_t *sizes);
double ingot_winograd_flops(const ingot_spec *spec, const int64_t *sizes);
/* Elements of the packed filters and of the scratch operand, and bytes of the filters; 0 when the spec has no layout.
 */
int64_t ingot_winograd_filter_elems(const ingot_spec *spec);
int64_t ingot_winograd_filter_bytes(const ingot_spec *spec);
int64_t ingot_winograd_scratch_elems(const ingot_spec *spec);
#endif
