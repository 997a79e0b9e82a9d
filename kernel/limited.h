/* Weights of bytes for CPUs that multiply bytes by vpmaddubsw alone, which saturates sums of two products to 16 bits.
 *
 * Bytes without a sign times signed weights: a sum of products stays within 16 bits as long as the positive weights in
 * it add up to 128 at most, and the negative ones likewise. Words are four neighbours along the summed dim, blocks four
 * words. Two ways keep sums within:
 *
 *   sums 1   a sum has two weights. Which two is free within a block: for each panel of columns and each block an order
 *            of its 16 terms is found that pairs weights whose sums fit in all 16 columns; the kernel orders the
 *            activations by a shuffle. Of normal weights that fill their range nearly all blocks have such an order.
 *   sums 2   a sum has four weights, the same bytes of two words that follow each other: faster, for weights of which
 *            most are small.
 *
 * What is too much all the same is cut off into a **record**: one more word of each column, for four terms of a block.
 *
 * Layout (access limited16; the operand's `lane` is sums): [panels][words][16][4]; sums 1: orders [panels][words] of
 * four bytes, the terms of a block that a word's bytes multiply; i32 starts[panels + 1], the records of each panel;
 * records of INGOT_LIMITED_RECORD bytes: [16][4] weights, i32 cb, kh, kw, ci of the block's first term in a convolution
 * (0, 0, 0, k in a product), four bytes of order. Orders and starts are padded to 64 bytes.
 */
#ifndef INGOT_KERNEL_LIMITED_H
#define INGOT_KERNEL_LIMITED_H
#include "kernel/kernel.h"

#define INGOT_LIMITED_RECORD 96

typedef struct ingot_limited {
    int64_t panels, dims[3], run; /* words of a panel: dims (outermost first, 1 where there is none) times runs of whole
                                     blocks */
    int sums;
} ingot_limited;

/* Of the operand of a spec with fixed sizes; of a packing whose dims are [x][panels]{up to 3 dims}[run][16][4]. */
ingot_limited ingot_limited_of_spec(const ingot_spec *spec);
ingot_limited ingot_limited_of_packing(const ingot_packing *packing);
/* Where orders, starts and records begin; the last is all of it without records. */
int64_t ingot_limited_orders_at(const ingot_limited *l);
int64_t ingot_limited_starts_at(const ingot_limited *l);
int64_t ingot_limited_records_at(const ingot_limited *l);
/* Packed weights of [panels][words][16][4] are brought into the layout, in memory of its size. Returns the number of
 * records; without `write` that is all, and only the weights are touched. */
int64_t ingot_limited_split(const ingot_limited *l, int8_t *weights, bool write);
/* Records that one block of 16 columns needs: [4][16][4] weights, which are changed. */
int64_t ingot_limited_split_block(int8_t *block, int sums);
/* How sums are best kept within the limits (1 or 2), as some of the blocks tell, which read_block writes; 0: 16 bits
 * are faster. */
int ingot_limited_choose(int64_t blocks, void (*read_block)(const void *arg, int64_t index, int8_t *out),
                         const void *arg);
#endif
