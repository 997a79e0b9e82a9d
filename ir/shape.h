/* Helpers of the shape rules (ir/shape_*.c). A rule sets the types of op->out from op->in, op->attrs and op->sym.
 *
 * A rule may rely on ingot_op_infer for: operand and result counts within the row's limits, required operands present,
 * ranks known, an attribute record. It normalises axes in the attributes (a negative one counts from the end). Its
 * errors say what was expected; ingot_op_infer puts op, operands and shapes in front. */
#ifndef INGOT_IR_SHAPE_H
#define INGOT_IR_SHAPE_H
#include "ir/internal.h"

#define RULE(name)                                 \
    ingot_status ingot_shape_##name(ingot_op *op); \
    ingot_status ingot_shape_##name(ingot_op *op)
#define BAD(...) ingot_fail(INGOT_BAD_MODEL, __VA_ARGS__)

static inline const ingot_type *in_type(const ingot_op *op, int32_t i) /* null: left out */
{
    return i < op->n_in && op->in[i] ? &op->in[i]->type : NULL;
}
static inline ingot_module *module_of(const ingot_op *op)
{
    return op->graph->module;
}
static inline const ingot_dim *constant(const ingot_op *op, int64_t value)
{
    return ingot_dim_const(module_of(op), value);
}
static inline void set_type(ingot_op *op, int32_t i, const ingot_type *type)
{
    if (i < op->n_out)
        op->out[i]->type = *type;
}

/* The size that two equal sizes have: the fixed one if any. Different numbers are an error; what only a run can tell
 * becomes a check (INGOT_CHECK_EQUAL) of the module. `what` names the pair for messages. */
ingot_status ingot_infer_unify(ingot_op *op, const ingot_dim *a, const ingot_dim *b, const char *what,
                               const ingot_dim **out);
/* NumPy's broadcasting of one pair: equal, or one of them 1. Of sizes that are not fixed, ingot_dim_broadcast tells
 * which may be 1; others must be equal at run time. */
ingot_status ingot_infer_broadcast_dim(ingot_op *op, const ingot_dim *a, const ingot_dim *b, const ingot_dim **out);
/* `into` becomes the broadcast of itself and t (right-aligned). */
ingot_status ingot_infer_broadcast_into(ingot_op *op, ingot_type *into, const ingot_type *t);
/* `from` may be 1 or equal to `to`, which stays as it is. */
ingot_status ingot_infer_spread_dim(ingot_op *op, const ingot_dim *from, const ingot_dim *to, const char *what);
/* `t` broadcasts to `to` (right-aligned) without enlarging it. */
ingot_status ingot_infer_spread_into(ingot_op *op, const ingot_type *t, const ingot_type *to, const char *what);
/* Normalises an axis of a tensor of that rank in place. */
ingot_status ingot_infer_axis(int64_t *axis, int32_t rank);
/* A list of axes: normalised, each at most once. out_set[rank] says which; out_set may be null. */
ingot_status ingot_infer_axes(ingot_ints *axes, int32_t rank, bool *out_set);
ingot_status ingot_infer_need_rank(const ingot_op *op, int32_t i, int32_t lo, int32_t hi);
ingot_status ingot_infer_need_sym(const ingot_op *op, int32_t n);
ingot_status ingot_infer_need_same_dtype(const ingot_op *op, int32_t i, int32_t j);
/* A new symbol for a size that the data decides, in 0..hi; kept when `result` already has one from an earlier
 * inference. */
const ingot_dim *ingot_infer_data_symbol(ingot_op *op, const char *prefix, const ingot_dim *bound, int32_t result,
                                         int32_t axis);
#endif
