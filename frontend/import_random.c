/* Random numbers. They depend on the seed and the place in the tensor alone: the same in every run, for any number of
 * threads, on any machine. Without a seed attribute, a node's seed is the number of its op, so that nodes differ.
 * ONNX leaves the generator open: the numbers are not those of other runtimes. */
#include "frontend/import.h"
#include <string.h>

ingot_value *ingot_random(ingot_node *n, ingot_random_kind kind, ingot_dtype dtype, int32_t rank,
                          const ingot_dim *const *dims, double a, double b)
{
    bool has_seed = ingot_attr_has(n, "seed"), whole = !strcmp(n->view->op_type, "Dropout");
    double given = whole ? (double)ingot_attr_int(n, "seed", 0) : ingot_attr_float(n, "seed", 0);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_random, 0, NULL, 1);
    ingot_attrs_random *attrs = op->attrs;
    attrs->kind = kind;
    attrs->to = dtype;
    attrs->a = a;
    attrs->b = b;
    attrs->seed = op->id;
    if (has_seed)
        memcpy(&attrs->seed, &given, sizeof given);
    ingot_emit_sym(n, op, rank, dims);
    return ingot_emit_end(n, op);
}

/* The type that an attribute asks for. */
static ingot_dtype dtype_attr(ingot_node *n, ingot_dtype otherwise)
{
    int64_t dtype = ingot_attr_int(n, "dtype", otherwise);
    if (dtype <= INGOT_UNDEFINED || dtype >= INGOT_DTYPE_COUNT) {
        ingot_node_bad(n, "dtype is %lld, not an element type", (long long)dtype);
        return otherwise;
    }
    return (ingot_dtype)dtype;
}

/* RandomUniform and RandomNormal, of a given shape or like the input. */
void ingot_import_random(ingot_node *n)
{
    const ingot_value *like = n->in[0];
    const ingot_dim *dims[INGOT_MAX_RANK];
    ingot_ints shape = {0};
    int32_t rank = like ? like->type.rank : 0;
    bool normal = n->arg == INGOT_RANDOM_NORMAL;
    double a = ingot_attr_float(n, normal ? "mean" : "low", 0), b = ingot_attr_float(n, normal ? "scale" : "high", 1);
    if (!like) {
        if (!ingot_attr_ints(n, "shape", &shape) || shape.n > INGOT_MAX_RANK) {
            ingot_node_bad(n, "shape is missing, or has more than %d sizes", INGOT_MAX_RANK);
            return;
        }
        rank = (int32_t)shape.n;
    }
    for (int32_t i = 0; i < rank; i++)
        dims[i] = like ? like->type.dims[i] : ingot_const_dim(n, shape.v[i]);
    n->out[0] = ingot_random(n, (ingot_random_kind)n->arg, dtype_attr(n, like ? like->type.dtype : INGOT_F32), rank,
                             dims, a, b);
}

/* 1 with the probability that x gives, else 0. */
void ingot_import_bernoulli(ingot_node *n)
{
    ingot_value *x = n->in[0];
    ingot_dtype wide = x->type.dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32;
    ingot_value *u = ingot_random(n, INGOT_RANDOM_UNIFORM, wide, x->type.rank, x->type.dims, 0, 1);
    n->out[0] = ingot_cast(n, ingot_emit2(n, INGOT_OP_lt, u, ingot_cast(n, x, wide)), dtype_attr(n, x->type.dtype));
}

/* Logarithms of weights [B, C] to drawn classes [B, samples]: how many running sums of probabilities are not above a
 * uniform number. */
void ingot_import_multinomial(ingot_node *n)
{
    ingot_value *x = n->in[0];
    int64_t samples = ingot_attr_int(n, "sample_size", 1), dtype = ingot_attr_int(n, "dtype", INGOT_I32);
    if (x->type.rank != 2 || samples < 1 || samples > INT32_MAX || (dtype != INGOT_I32 && dtype != INGOT_I64)) {
        ingot_node_bad(n, "an input of rank %d, %lld samples, type %lld: expected [batch, classes], i32 or i64",
                       x->type.rank, (long long)samples, (long long)dtype);
        return;
    }
    ingot_dtype wide = x->type.dtype == INGOT_F64 ? INGOT_F64 : INGOT_F32;
    ingot_value *p = ingot_softmax(n, ingot_cast(n, x, wide), 1, false);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_cumsum, 1, &p, 1);
    ((ingot_attrs_cumsum *)op->attrs)->axis = 1;
    ingot_value *sums = ingot_emit_end(n, op);
    if (n->error)
        return;
    const ingot_dim *one = ingot_const_dim(n, 1), *classes = x->type.dims[1];
    /* The last sum is 1 but for rounding: without it the count stays below the number of classes. */
    sums = ingot_slice(n, sums, 1, ingot_const_dim(n, 0), ingot_dim_sub(n->m, classes, one));
    const ingot_dim *shape[] = {x->type.dims[0], ingot_const_dim(n, samples), one};
    ingot_value *u = ingot_random(n, INGOT_RANDOM_UNIFORM, wide, 3, shape, 0, 1);
    if (n->error)
        return;
    ingot_value *passed = ingot_emit2(n, INGOT_OP_le, ingot_unsqueeze(n, sums, 1), u);
    ingot_ints axis = {.n = 1, .v = {2}};
    n->out[0] = ingot_reduce(n, ingot_cast(n, passed, (ingot_dtype)dtype), INGOT_REDUCE_SUM, &axis, false);
}
