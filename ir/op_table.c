/* The op table in memory: ir's columns of ops.def. */
#include "ir/internal.h"
#include <string.h>

ingot_shape_fn ingot_shape_elementwise;
#define SCALAR_OP(name, arity, result)
#define OP(name, in_lo, in_hi, out_lo, out_hi, attrs, shape, portable, traits) ingot_shape_fn ingot_shape_##shape;
#include "ir/ops.def"
#undef SCALAR_OP
#undef OP

#define RESULT_same INGOT_RESULT_SAME
#define RESULT_bool INGOT_RESULT_BOOL
#define RESULT_attr INGOT_RESULT_ATTR
const ingot_scalar_info ingot_scalar_table[INGOT_SCALAR_COUNT] = {
#define SCALAR(name, arity, result) {#name, arity, RESULT_##result},
#include "runtime/scalar.def"
#undef SCALAR
};

/* Scalar ops with attributes; the others have none. */
#define SCALAR_ATTRS(kind)                            \
    ((kind) == INGOT_OP_cast     ? INGOT_ATTRS_cast   \
     : (kind) == INGOT_OP_is_inf ? INGOT_ATTRS_is_inf \
     : (kind) == INGOT_OP_mod    ? INGOT_ATTRS_mod    \
                                 : INGOT_ATTRS_none)
#define HAS(traits, letter) \
    ((traits "...")[0] == (letter) || (traits "...")[1] == (letter) || (traits "...")[2] == (letter))
enum { INGOT_PORTABLE_special = -1 };

static const ingot_op_info infos[INGOT_OP_COUNT] = {
#define SCALAR_OP(name, arity, result) \
    {#name, arity, arity, 1, 1, SCALAR_ATTRS(INGOT_OP_##name), INGOT_PORTABLE_map, true, true, true, false, false},
#define OP(name, in_lo, in_hi, out_lo, out_hi, attrs, shape, portable, traits) \
    {#name,                                                                    \
     in_lo,                                                                    \
     in_hi,                                                                    \
     out_lo,                                                                   \
     out_hi,                                                                   \
     INGOT_ATTRS_##attrs,                                                      \
     INGOT_PORTABLE_##portable,                                                \
     false,                                                                    \
     HAS(traits, 'P'),                                                         \
     HAS(traits, 'F'),                                                         \
     HAS(traits, 'V'),                                                         \
     HAS(traits, 'S')},
#include "ir/ops.def"
#undef SCALAR_OP
#undef OP
};

static ingot_shape_fn *const shape_rules[INGOT_OP_COUNT] = {
#define SCALAR_OP(name, arity, result)                                         ingot_shape_elementwise,
#define OP(name, in_lo, in_hi, out_lo, out_hi, attrs, shape, portable, traits) ingot_shape_##shape,
#include "ir/ops.def"
#undef SCALAR_OP
#undef OP
};

const ingot_op_info *ingot_op_info_get(ingot_op_kind kind)
{
    return (unsigned)kind < INGOT_OP_COUNT ? &infos[kind] : NULL;
}

int32_t ingot_op_boxed(ingot_op_kind kind)
{
    static const int16_t table[INGOT_OP_COUNT] = {
#define BOXED(name) [INGOT_OP_##name] = 1 + INGOT_BOXED_##name,
#define BOXED_STEP(name)
#include "runtime/boxed.def"
#undef BOXED
    };
    return (unsigned)kind < INGOT_OP_COUNT ? table[kind] - 1 : -1;
}

ingot_shape_fn *ingot_op_shape_rule(ingot_op_kind kind)
{
    return shape_rules[kind];
}

ingot_op_kind ingot_op_kind_parse(const char *name, size_t size)
{
    for (int i = 0; i < INGOT_OP_COUNT; i++) {
        if (strlen(infos[i].name) == size && !memcmp(infos[i].name, name, size))
            return (ingot_op_kind)i;
    }
    return INGOT_OP_COUNT;
}

bool ingot_op_takes_epilogue(ingot_op_kind kind)
{
    switch (kind) {
    case INGOT_OP_matmul:
    case INGOT_OP_conv:
    case INGOT_OP_matmul_bf16:
    case INGOT_OP_matmul_integer:
    case INGOT_OP_conv_bf16:
    case INGOT_OP_conv_integer:
    case INGOT_OP_conv_transpose:
    case INGOT_OP_reduce:
    case INGOT_OP_layer_norm:
    case INGOT_OP_rms_norm:
    case INGOT_OP_softmax:
    case INGOT_OP_max_pool:
    case INGOT_OP_avg_pool:
        return true;
    default:
        return false;
    }
}
