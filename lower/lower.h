/* Lowering, private to lower/: one graph becomes specs, steps, buffers and places.
 *
 * Every value gets a location: a buffer, an offset and one stride per dim. Views (reshape, transpose, slice,
 * broadcast...) are locations that share their operand's buffer; an op that cannot read such strides asks for a dense
 * copy. Where a value will lie is settled before its op is lowered: in the caller's output, inside the result of a
 * concat, or in a buffer of its own with the border of zeros that convolutions read.
 */
#ifndef INGOT_LOWER_LOWER_H
#define INGOT_LOWER_LOWER_H
#include "costmodel/costmodel.h"
#include "kernel/kernel.h"

typedef struct location {
    bool valid;
    int32_t buffer;
    const ingot_dim *offset; /* elements */
    ingot_dtype dtype;
    int32_t rank;
    const ingot_dim *dims[INGOT_MAX_RANK];    /* logical sizes */
    const ingot_dim *strides[INGOT_MAX_RANK]; /* elements; C16: [1] is that of a block of 16 channels and channels of a
                                                 block have stride 1 */
    ingot_layout layout;
    int32_t halo[4]; /* zeros there are around the two last dims: top, left, bottom, right */
} location;

/* Where a value's op shall write, decided by its consumers. */
typedef struct placement {
    const ingot_value *inside; /* result of a concat that holds this value; null: none */
    const ingot_dim *at;       /* first index there along `axis` */
    int32_t axis;
    int32_t output;         /* number of the graph output that it is; -1 */
    int32_t halo[4];        /* wanted by convolutions */
    const ingot_ints *perm; /* its one reader is this transpose, whose result shall be dense; null: none */
} placement;

typedef struct dense_copy { /* a value copied to where a consumer can read it */
    const ingot_value *value;
    location at;
    struct dense_copy *next;
} dense_copy;

typedef struct lowering {
    ingot_module *m;
    ingot_program *p;
    const ingot_lower_options *options;
    const ingot_target *target;
    ingot_arena *arena;    /* the program's */
    location *locations;   /* by value id */
    placement *placements; /* by value id */
    uint32_t n_values;
    dense_copy *copies;
    const ingot_op *op; /* being lowered */
    int32_t spec_capacity, buffer_capacity, place_capacity, step_capacity, weight_capacity;
    uint64_t *spec_hashes;
    int32_t region_depth;
    struct loop_range *loops; /* for lifetimes */
} lowering;
typedef struct loop_range {
    int32_t first, last;
    struct loop_range *next;
} loop_range;

/* ingot_decide by the options' model (or another), its time added up. */
struct ingot_choice;
ingot_status ingot_lower_decide(lowering *l, const ingot_cost_model *model, const ingot_cost_query *query,
                                ingot_spec *io_spec, struct ingot_choice *out);

/* ---- program.c: growing the program ---- */
ingot_status ingot_lower_add_buffer(lowering *l, ingot_pool_kind pool, int32_t index, const ingot_dim *bytes,
                                    const char *name, int32_t *out);
/* A dense place at an element offset of a location's buffer. */
ingot_status ingot_lower_add_place(lowering *l, const location *at, int32_t *out);
ingot_status ingot_lower_add_step(lowering *l, ingot_step_kind kind, int32_t n_in, const int32_t *in, int32_t n_out,
                                  const int32_t *out, ingot_step **out_step);
/* Weight for a constant, shared between equal requests; null packing: dense as it is. */
ingot_status ingot_lower_add_weight(lowering *l, const ingot_value *value, const ingot_packing *packing,
                                    int64_t size_bytes, location *out);

/* Of bytes that are packed within limits (kernel/limited.h); sets packing->limited. packing.c */
ingot_status ingot_lower_add_limited(lowering *l, const ingot_value *value, ingot_packing *packing, location *out);
/* What that sets it to. */
ingot_status ingot_lower_limited_sums(lowering *l, const ingot_value *value, ingot_packing packing, int32_t *out);

/* ---- location.c ---- */
const ingot_dim *ingot_lower_const(lowering *l, int64_t value);
const ingot_dim *ingot_lower_mul(lowering *l, const ingot_dim *a, const ingot_dim *b);
/* Row-major strides of dims. */
void ingot_location_set_dense(lowering *l, location *at);
bool ingot_location_is_dense(lowering *l, const location *at);
/* Where an operand is; constants get their weight. */
ingot_status ingot_lower_locate(lowering *l, ingot_value *v, location *out);
/* As above, for a copy: dense where nothing copies through strides. */
ingot_status ingot_lower_locate_to_copy(lowering *l, ingot_value *v, location *out);
/* As above but dense, plain, row-major: copies when it is not. */
ingot_status ingot_lower_locate_dense(lowering *l, ingot_value *v, location *out);
/* Where the op's result shall be written: claims its placement, or a new buffer with the wanted halo (whose zeros are
 * written by steps). */
ingot_status ingot_lower_claim(lowering *l, ingot_value *v, location *out);
/* A new arena buffer for a value of this type; halo may be null. */
ingot_status ingot_lower_new_buffer(lowering *l, const ingot_type *type, const int32_t *halo, const char *name,
                                    location *out);
/* Copies elements of equal logical dims between any two locations (layouts may differ). */
ingot_status ingot_lower_copy(lowering *l, const location *from, const location *to, const char *label);
ingot_status ingot_lower_fill_zero(lowering *l, const location *at, const char *label);
/* As above for one or two locations of equal sizes, in one kernel. */
ingot_status ingot_lower_fill_zeros(lowering *l, int32_t n, const location *at, const char *label);
/* Zeros in the border (halo) around a value. */
ingot_status ingot_lower_zero_border(lowering *l, const location *at);
/* View of `at` with other dims, when strides allow; false: a copy is needed. */
bool ingot_location_reshape(lowering *l, const location *at, int32_t rank, const ingot_dim *const *dims, location *out);
/* Physical iteration dims of a C16 location: n, blocks, spatial..., 16. */
int32_t ingot_location_physical(lowering *l, const location *at, const ingot_dim **dims, const ingot_dim **strides);
/* A constant, scalar, per-channel or same-shape operand as strides over the physical dims of a C16 result; copies where
 * it must. */
ingot_status ingot_lower_c16_operand(lowering *l, ingot_value *v, const location *result, location *out_at,
                                     const ingot_dim **out_strides);
/* Strides of an operand broadcast to `rank` dims (aligned right; 0 where its size is 1 and the result's is not). */
void ingot_location_broadcast_strides(lowering *l, const location *at, int32_t rank, const ingot_dim *const *dims,
                                      const ingot_dim **out);

/* Whether only a run knows if these strides of an operand spread its last dim. */
bool ingot_location_fast_is_open(const location *at, int32_t rank, const ingot_dim *const *strides);
/* Finds an operand in plain layout and these strides. Where only a run knows whether the last dim is spread, in a copy
 * that is as long as the result: emitters of other families than map want the fast stride to be a number. */
ingot_status ingot_lower_locate_spread(lowering *l, ingot_value *v, int32_t rank, const ingot_dim *const *dims,
                                       location *out, const ingot_dim **out_strides);

/* ---- spec_builder.c: specs with their dynamic sizes ---- */
typedef struct spec_builder {
    lowering *l;
    ingot_spec spec;
    const ingot_dim *sizes[INGOT_SPEC_SIZES];
    int32_t n_sizes;
    location at[INGOT_SPEC_OPERANDS];
    bool failed; /* too many dynamic sizes */
} spec_builder;
void ingot_spec_begin(spec_builder *b, lowering *l, ingot_family family);
ingot_size ingot_spec_size(spec_builder *b, const ingot_dim *d);
/* Next operand (inputs first) with strides over the spec's dims. */
ingot_operand *ingot_spec_add_operand(spec_builder *b, const location *at, const ingot_dim *const *strides,
                                      bool output);
/* Whether the emitters take it; a reason else. */
bool ingot_spec_supported(spec_builder *b, const char **out_why);
/* Adds spec and step. */
ingot_status ingot_spec_finish(spec_builder *b, const char *label);

/* ---- lower_winograd.c: a convolution with stride 1 and kernel 3x3, 1x3 or 3x1, x at the first tap, where that is
 * predicted to be faster than the direct one, whose weights have that access (limited16: and lane) ----
 */
ingot_status ingot_lower_winograd(lowering *l, ingot_op *op, const int64_t *kernel, const location *x,
                                  const location *y, const ingot_operand *weights, bool *out_done);

/* ---- one per family of ops; *out_done false: not possible, nothing was added, use the portable kernel ---- */
typedef ingot_status ingot_lower_fn(lowering *l, ingot_op *op, bool *out_done);
ingot_lower_fn ingot_lower_map, ingot_lower_concat, ingot_lower_pad, ingot_lower_relayout, ingot_lower_view,
    ingot_lower_matmul, ingot_lower_conv, ingot_lower_conv_transpose, ingot_lower_reduce, ingot_lower_softmax,
    ingot_lower_norm, ingot_lower_arg_reduce, ingot_lower_pool, ingot_lower_gather, ingot_lower_attention,
    ingot_lower_lstm, ingot_lower_gru, ingot_lower_resize;
ingot_status ingot_lower_portable(lowering *l, ingot_op *op);
/* Whether the op gives this size its value while it runs: a symbol of its results' that no operand has. */
bool ingot_lower_decides_size(const lowering *l, const ingot_op *op, const ingot_dim *size);
/* Steps for the checks of a region whose sizes are known once `after` has run (null: on entry to the region). */
ingot_status ingot_lower_region_checks(lowering *l, const ingot_graph *g, const ingot_op *after);
/* Places of operands, dense; -1 for those left out. */
ingot_status ingot_lower_dense_places(lowering *l, int32_t n, ingot_value *const *values, int32_t *out);
/* Sizes that a portable or boxed step is called with, and those of its results that it decides. */
ingot_status ingot_lower_portable_sizes(lowering *l, const ingot_op *op, ingot_step *step);
ingot_status ingot_lower_symbols_of_results(lowering *l, const ingot_op *op, ingot_step *step);
ingot_status ingot_lower_graph(lowering *l, ingot_graph *g);
ingot_status ingot_lower_control(lowering *l, ingot_op *op); /* if, loop */
/* Boxed ops, and identity of a boxed value. */
ingot_status ingot_lower_boxed(lowering *l, ingot_op *op);
/* A value to where its boxed form lies; `from` must be dense. */
ingot_status ingot_lower_copy_boxed(lowering *l, const location *from, const location *to, const char *label);
/* Steps at the start of the program that make all constants of strings. */
ingot_status ingot_lower_texts(lowering *l);
ingot_status ingot_lower_loop(lowering *l, ingot_op *op);
ingot_status ingot_lower_add_jump(lowering *l, ingot_step_kind kind, int32_t condition, int32_t *out_index);
/* Parameters of a region from `first_param` on are its captures, where they lie. */
ingot_status ingot_lower_bind_captures(lowering *l, ingot_graph *region, int32_t first_param,
                                       ingot_value *const *captures);
/* Gives a symbol that the data decides the value of an integer scalar, or of another size. */
ingot_status ingot_lower_bind_place(lowering *l, const ingot_dim *symbol, int32_t place);
ingot_status ingot_lower_set_symbol(lowering *l, const ingot_dim *symbol, const ingot_dim *value);
ingot_status ingot_lower_dims(lowering *l, ingot_op *op);
ingot_status ingot_lower_bind(lowering *l, ingot_op *op);
/* The map kernel of a program over operands at these locations (broadcast to `out`'s dims); shared by copies, fills,
 * epilogues. */
ingot_status ingot_lower_map_kernel(lowering *l, const ingot_prog *prog, int32_t n_in, const location *in,
                                    const ingot_dim *const (*in_strides)[INGOT_MAX_RANK], int32_t n_out,
                                    const location *out, int32_t rank, const ingot_dim *const *dims,
                                    const ingot_dim *const (*out_strides)[INGOT_MAX_RANK], const char *label,
                                    bool *out_done);
const char *ingot_lower_label(lowering *l, const ingot_op *op);

/* ---- memory_plan.c ---- */
ingot_status ingot_plan_memory(lowering *l);
#endif
