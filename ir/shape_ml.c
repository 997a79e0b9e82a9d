/* Shape rules of classical models: lookups, trees, distances. */
#include "ir/shape.h"

RULE(lookup)
{
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_rank(op, 1, 1, 1));
    INGOT_TRY(ingot_infer_need_rank(op, 2, 1, 1));
    INGOT_TRY(ingot_infer_unify(op, in_type(op, 1)->dims[0], in_type(op, 2)->dims[0], "keys and values", &merged));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 2, 3));
    ingot_type t = *in_type(op, 0);
    t.dtype = in_type(op, 2)->dtype;
    set_type(op, 0, &t);
    return NULL;
}

RULE(tree_ensemble)
{
    const ingot_attrs_trees *a = op->attrs;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, 2));
    if (a->targets < 1 || a->targets > INT32_MAX)
        return BAD("%lld targets", (long long)a->targets);
    ingot_type t =
        ingot_type_make(INGOT_F64, 2, (const ingot_dim *[]){in_type(op, 0)->dims[0], constant(op, a->targets)});
    set_type(op, 0, &t);
    return NULL;
}

RULE(distances)
{
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, 2));
    INGOT_TRY(ingot_infer_need_rank(op, 1, 2, 2));
    INGOT_TRY(ingot_infer_need_same_dtype(op, 0, 1));
    const ingot_type *x = in_type(op, 0), *y = in_type(op, 1);
    INGOT_TRY(ingot_infer_unify(op, x->dims[1], y->dims[1], "coordinates", &merged));
    ingot_type t = *x;
    t.dims[1] = y->dims[0];
    set_type(op, 0, &t);
    return NULL;
}

RULE(couple_pairs)
{
    const ingot_dim *merged;
    INGOT_TRY(ingot_infer_need_rank(op, 0, 2, 2));
    INGOT_TRY(ingot_infer_need_sym(op, 1));
    ingot_type t = *in_type(op, 0);
    int64_t n = ingot_dim_is_const(op->sym[0]) ? op->sym[0]->value : 0;
    if (n < 2 || n > INT16_MAX)
        return BAD("%lld classes", (long long)n);
    INGOT_TRY(ingot_infer_unify(op, t.dims[1], constant(op, n * (n - 1) / 2), "pairs of classes", &merged));
    t.dims[1] = op->sym[0];
    set_type(op, 0, &t);
    return NULL;
}
