/* What the passes share: building ops, looking through them, programs, and the shape of a rewrite.
 *
 * A rewrite makes its new ops right before the op it replaces, then calls ingot_replace_op(): types stay, and ops that
 * lose their last use go. Loops over a graph take `op->next` after the rewrite, from the last op that is known to be
 * still linked.
 */
#ifndef INGOT_PASSES_INTERNAL_H
#define INGOT_PASSES_INTERNAL_H
#include "passes/passes.h"

#define PASS(name, needs, breaks, summary) ingot_pass_fn ingot_pass_##name;
#include "passes/passes.def"
#undef PASS

/* ---- Building (util.c) ---- */

/* New op of one result before `before`, in its graph and with its loc; types not inferred yet. */
ingot_status ingot_build(ingot_op *before, ingot_op_kind kind, int32_t n_in, ingot_value *const *in, ingot_op **out);
/* The same of an op without attributes, inferred. */
ingot_status ingot_build1(ingot_op *before, ingot_op_kind kind, ingot_value *a, ingot_value **out);
ingot_status ingot_build2(ingot_op *before, ingot_op_kind kind, ingot_value *a, ingot_value *b, ingot_value **out);
ingot_status ingot_build3(ingot_op *before, ingot_op_kind kind, ingot_value *a, ingot_value *b, ingot_value *c,
                          ingot_value **out);
/* A number as a constant of rank 0. */
ingot_status ingot_build_number(ingot_op *before, ingot_dtype dtype, double value, ingot_value **out);
ingot_status ingot_build_cast(ingot_op *before, ingot_value *v, ingot_dtype to,
                              ingot_value **out); /* v itself when it has that type */
ingot_status ingot_build_reshape(ingot_op *before, ingot_value *v, int32_t rank, const ingot_dim *const *dims,
                                 ingot_value **out); /* v itself when it has that shape */
ingot_status ingot_build_transpose(ingot_op *before, ingot_value *v, const int64_t *perm, ingot_value **out);
ingot_status ingot_build_reduce(ingot_op *before, ingot_value *v, ingot_reduce_kind kind, const ingot_ints *axes,
                                bool keepdims, ingot_value **out);
ingot_status ingot_build_slice1(ingot_op *before, ingot_value *v, int64_t axis, const ingot_dim *start,
                                const ingot_dim *count, ingot_value **out);
/* A dense f32/f16/... constant from doubles. */
ingot_status ingot_build_constant_f64(ingot_op *before, const ingot_type *type, const double *values,
                                      ingot_value **out);
/* Copies the attribute record; both ops are of kinds with the same record. */
void ingot_copy_attrs(ingot_op *to, const ingot_op *from);

/* ---- Taking away ---- */

/* Gives all uses of op's only result to `v`, whose type must be equal (else INGOT_INTERNAL), and erases what is dead
 * then. */
ingot_status ingot_replace_op(ingot_op *op, ingot_value *v);
/* Erases `op` if nothing uses it and it may go, then its operands' definitions likewise. */
void ingot_erase_dead(ingot_op *op);
bool ingot_op_may_go(const ingot_op *op); /* pure, no results used, defines no sizes */

/* ---- Looking ---- */

/* The op behind v if it is of that kind and carries no program, else null. */
ingot_op *ingot_def(const ingot_value *v, ingot_op_kind kind);
bool ingot_same_shape(const ingot_type *a, const ingot_type *b); /* rank and dims; neither dtype nor layout */
/* v = kind(x, number), in either order when the op commutes. */
bool ingot_match_number(const ingot_value *v, ingot_op_kind kind, ingot_value **out_x, double *out_number);
/* Follows multiplications and divisions of single use by numbers: v = *out_x * *out_scale. */
void ingot_strip_scale(ingot_value *v, ingot_value **out_x, double *out_scale);
bool ingot_near(double a, double b);                     /* within 1e-4 relative, for constants that exporters round */
bool ingot_is_number(const ingot_value *v, double want); /* splat of a value near `want` */
/* True when `v`'s shape, aligned right, broadcasts to `to` without enlarging it. */
bool ingot_broadcasts_to(const ingot_type *v, const ingot_type *to);
/* True for elementwise ops and maps that may go into programs: no strings, no types under 8 bits, no float8. */
bool ingot_is_elementwise(const ingot_op *op);
/* Bytes of a value; open sizes count as typical ones (ingot_dim_typical), at least 1. */
int64_t ingot_value_bytes(const ingot_value *v);
/* Dense contents as doubles (float types, at most `limit` elements); null when not constant or too large. In `arena`.
 */
ingot_status ingot_constant_f64(ingot_module *m, const ingot_value *v, ingot_arena *arena, int64_t limit, double **out);

/* ---- Predicted times (estimate.c) ----
 * Nanoseconds of the kernel that an op would become, with its best decisions, on dense operands; open sizes count as
 * typical ones (ingot_dim_typical). 0: no cost model, or no kernel for it. */

/* `prog` for each element of `result` (C16: of its whole blocks), from operands `in` that broadcast to it. */
double ingot_estimate_map(const ingot_pass_context *ctx, const ingot_module *m, const ingot_prog *prog,
                          const ingot_type *result, ingot_value *const *in);
double ingot_estimate_op(const ingot_pass_context *ctx, const ingot_op *op); /* elementwise, as it stands */
double ingot_estimate_pool(const ingot_pass_context *ctx, const ingot_op *op, ingot_layout layout);
/* A matmul or convolution whose second operand is constant, in its best form, with operands of these types; by the
 * roofline where there is no cost model. */
double ingot_estimate_product(const ingot_pass_context *ctx, const ingot_op *op, ingot_dtype in, ingot_dtype weights);
/* One that repeats elements (ingot_resize_repeats). */
double ingot_estimate_resize(const ingot_pass_context *ctx, const ingot_op *op, ingot_layout layout);
/* Moving a value of `type` between plain and C16. */
double ingot_estimate_relayout(const ingot_pass_context *ctx, const ingot_module *m, const ingot_type *type,
                               ingot_layout to);

/* ---- Notes ---- */
void ingot_note(ingot_pass_context *ctx, const char *format, ...) INGOT_PRINTF(2, 3);
ingot_status ingot_check_cancel(ingot_pass_context *ctx);

/* Runs `body` on every graph that is reachable from main: main first, then regions as they are met. */
typedef ingot_status ingot_graph_fn(ingot_graph *g, ingot_pass_context *ctx, void *arg);
ingot_status ingot_each_graph(ingot_module *m, ingot_pass_context *ctx, void *arg, ingot_graph_fn *body);

/* Runs `body` on the ops that `g` has now, in order, without those that are erased meanwhile. `scratch` is empty at
 * each call. */
typedef ingot_status ingot_op_fn(ingot_op *op, ingot_arena *scratch, ingot_pass_context *ctx);
ingot_status ingot_each_op(ingot_graph *g, ingot_pass_context *ctx, ingot_op_fn *body);
/* The ops of `g` in order, in `arena`. */
ingot_status ingot_list_ops(ingot_graph *g, ingot_arena *arena, ingot_op ***out_ops, int32_t *out_count);
static inline bool ingot_op_is_linked(const ingot_op *op)
{
    return op->prev || op->next || op->graph->first == op;
}

/* ---- Programs (program.c) ----
 * Registers are int32_t; -1 when the program is full. */

/* New last argument: registers of instructions move up by one (and so must the caller's). */
int32_t ingot_prog_add_arg(ingot_prog *p, ingot_dtype dtype);
/* The element of a splat (ingot_value_is_splat), as a constant. */
int32_t ingot_prog_splat(ingot_prog *p, const ingot_value *v);
/* Appends `src`'s instructions with its arguments replaced by registers of `p`; `out_results` gets its results'
 * registers. */
bool ingot_prog_inline(ingot_prog *p, const ingot_prog *src, const int32_t *args, int32_t *out_results);
/* Drops instructions that no result needs. */
void ingot_prog_trim(ingot_prog *p);
/* An elementwise op or map as a program. */
void ingot_prog_of(const ingot_op *op, ingot_prog *out);
/* Has functions that cost more than a few cycles an element (exp, tanh, pow, ...). */
bool ingot_prog_is_expensive(const ingot_prog *p);

/* ---- Canonicalization rules (fold.c, simplify.c, simplify_shape.c): each sets *changed when it rewrote ---- */
ingot_status ingot_fold_op(ingot_op *op, ingot_pass_context *ctx, bool *changed);
ingot_status ingot_simplify_scalar(ingot_op *op, bool *changed);
ingot_status ingot_simplify_shape(ingot_op *op, bool *changed);
ingot_status ingot_simplify_slices(ingot_op *op, bool *changed);
ingot_status ingot_simplify_if(ingot_op *op, bool *changed);
/* Common subexpressions of one graph (cse.c), dead ops of the module (dce.c). */
ingot_status ingot_cse_graph(ingot_graph *g, bool *changed);
ingot_status ingot_remove_dead(ingot_module *m, bool *changed);
#endif
