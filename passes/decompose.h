/* Parts of decompose.c that have a file of their own. Each replaces the op, or leaves it as it is. */
#ifndef INGOT_PASSES_DECOMPOSE_H
#define INGOT_PASSES_DECOMPOSE_H
#include "passes/internal.h"

/* A vector [C] as [C, 1, ..., 1]: along `axis` of values of `rank` axes. */
ingot_status ingot_build_channel_vector(ingot_op *before, ingot_value *v, int32_t rank, int32_t axis,
                                        ingot_value **out);
/* Replaces op by v, or takes v away again when its type is written differently. */
ingot_status ingot_finish_decomposition(ingot_op *op, ingot_value *v);

ingot_status ingot_decompose_quantize(ingot_op *op);
ingot_status ingot_decompose_dequantize(ingot_op *op, ingot_pass_context *ctx);
ingot_status ingot_decompose_dynamic_quantize(ingot_op *op);
ingot_status ingot_decompose_integer(ingot_op *op, ingot_pass_context *ctx);
ingot_status ingot_decompose_conv_transpose(ingot_op *op, ingot_pass_context *ctx);
#endif
