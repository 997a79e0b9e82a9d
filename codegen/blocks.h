/* Building blocks of the family emitters: operands addressed by coordinates, masks for all their element types, bodies,
 * transposes.
 *
 * A "lane dim" is the iteration dim that the lanes of a vector run along; coordinates hold the first lane's index
 * there.
 */
#ifndef INGOT_BLOCKS_H
#define INGOT_BLOCKS_H
#include "codegen/vector_math.h"

/* Masks of the first `count` of `lanes` lanes, one for each element type of the spec's operands. */
typedef struct ingot_bmask {
    bool all;
    ingot_emask of[INGOT_E_NONE];
} ingot_bmask;
ingot_bmask ingot_b_mask(ingot_emitter *e, int lanes, ingot_ev count);
ingot_bmask ingot_b_mask_all(void);

/* Types and target: what every family asks. F16 needs F16C; packed16 only where `packed` allows it. */
bool ingot_b_operands_supported(const ingot_spec *spec, const ingot_target *target, const char **out_why);
/* All operands that take part in arithmetic are f32. */
bool ingot_b_all_f32(const ingot_spec *spec);

static inline bool ingot_b_is(ingot_size size, int64_t value)
{
    return !ingot_size_is_dynamic(size) && size == value;
}
/* The size, or `guess` when a run decides it. */
static inline int64_t ingot_b_estimate(ingot_size size, int64_t guess)
{
    return ingot_size_is_dynamic(size) ? guess : size;
}

/* Linear element index of operand `k` at coordinates of all iteration dims. */
ingot_ev ingot_b_index(ingot_emitter *e, int k, const ingot_ev *coords);
/* Vector of `lanes` elements of operand k along lane_dim (-1: a splat). */
ingot_ev ingot_b_load(ingot_emitter *e, int k, const ingot_ev *coords, int lane_dim, int lanes,
                      const ingot_bmask *mask);
void ingot_b_store(ingot_emitter *e, int k, ingot_ev value, const ingot_ev *coords, int lane_dim,
                   const ingot_bmask *mask);
/* Result of the spec's body for the raw value, with extras (the last inputs) loaded at these coordinates; the raw value
 * when there is none. */
ingot_ev ingot_b_body(ingot_emitter *e, ingot_ev raw, const ingot_ev *coords, int lane_dim, const ingot_bmask *mask);
int ingot_b_extras(const ingot_spec *spec);

/* n vectors of n lanes, in place: lane j of vector i and lane i of vector j change places. */
void ingot_b_transpose(ingot_emitter *e, int n, ingot_ev *rows);

/* Largest lane of a float vector that has no NaN, or any lane when it has. */
ingot_ev ingot_b_max_across(ingot_emitter *e, ingot_ev vector);
/* Combines n values pairwise into one. */
ingot_ev ingot_b_tree(ingot_emitter *e, ingot_ev (*combine)(ingot_emitter *, ingot_ev, ingot_ev), int n,
                      const ingot_ev *values);
#endif
