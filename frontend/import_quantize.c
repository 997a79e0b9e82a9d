/* Quantization: to and from integers, products of integers. */
#include "frontend/import.h"
#include <string.h>

/* Lists of scales and zero points as long as `axis` of x. Where these lengths are symbols, a list of one entry is good
 * for the whole axis. */
static void along_axis(ingot_node *n, const ingot_value *x, int64_t axis, ingot_value **scale, ingot_value **zero)
{
    ingot_value **lists[] = {scale, zero};
    if (n->error || (*scale)->type.rank != 1 || axis < 0 || axis >= x->type.rank)
        return;
    for (int i = 0; i < 2; i++)
        if (*lists[i] && (*lists[i])->type.rank == 1 &&
            ingot_dim_broadcast(n->m, (*lists[i])->type.dims[0], x->type.dims[axis]))
            *lists[i] = ingot_broadcast(n, *lists[i], 1, &x->type.dims[axis]);
}

/* The axis of scales that are a list; per-axis from opset 13 on, per block from 21 on. The lists become as long as it.
 */
static int32_t scales_axis(ingot_node *n, ingot_value **scale, ingot_value **zero)
{
    int32_t rank = n->in[0]->type.rank;
    int32_t axis = rank > 0 && (*scale)->type.rank > 0 && ingot_type_count(&(*scale)->type) != 1
                       ? ingot_node_axis(n, ingot_attr_int(n, "axis", 1), rank)
                       : 0;
    along_axis(n, n->in[0], axis, scale, zero);
    return axis;
}

/* The attributes that both directions share. */
static void quantize_attrs(ingot_node *n, ingot_op *op, int32_t axis)
{
    ingot_attrs_quantize *a = op->attrs;
    a->axis = axis;
    a->block = ingot_attr_int(n, "block_size", 0);
    a->saturate = ingot_attr_int(n, "saturate", 1) != 0;
    if (a->block < 0)
        ingot_node_bad(n, "block_size is negative");
}

ingot_value *ingot_dequantize(ingot_node *n, ingot_value *x, ingot_value *scale, ingot_value *zero, int32_t axis)
{
    along_axis(n, x, axis, &scale, &zero);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dequantize, zero ? 3 : 2, (ingot_value *[]){x, scale, zero}, 1);
    ((ingot_attrs_quantize *)op->attrs)->axis = axis;
    ((ingot_attrs_quantize *)op->attrs)->saturate = 1;
    return ingot_emit_end(n, op);
}

ingot_value *ingot_quantize(ingot_node *n, ingot_value *x, ingot_value *scale, ingot_value *zero, int32_t axis)
{
    along_axis(n, x, axis, &scale, &zero);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_quantize, 3, (ingot_value *[]){x, scale, zero}, 1);
    ((ingot_attrs_quantize *)op->attrs)->axis = axis;
    ((ingot_attrs_quantize *)op->attrs)->saturate = 1;
    return ingot_emit_end(n, op);
}

/* Checks an element type given as an attribute; absent: `otherwise`. */
static ingot_dtype dtype_attr(ingot_node *n, const char *name, ingot_dtype otherwise)
{
    int64_t dtype = ingot_attr_int(n, name, 0);
    if (dtype < 0 || dtype >= INGOT_DTYPE_COUNT) {
        ingot_node_bad(n, "%s is %lld, not an element type", name, (long long)dtype);
        return otherwise;
    }
    return dtype ? (ingot_dtype)dtype : otherwise;
}

/* y = saturate(round(x / scale) + zero); the type is that of the zero point, else output_dtype, else u8. */
void ingot_import_quantize_linear(ingot_node *n)
{
    ingot_value *x = n->in[0], *scale = n->in[1], *zero = n->in[2];
    ingot_dtype to = dtype_attr(n, "output_dtype", zero ? zero->type.dtype : INGOT_U8);
    if (zero && !n->error && to != zero->type.dtype)
        ingot_node_bad(n, "output_dtype does not agree with the zero point");
    if (!ingot_dtype_is_float(scale->type.dtype))
        scale = ingot_cast(n, scale, INGOT_F32);
    /* Half and integer operands are divided in the type of the scale. */
    x = ingot_cast(n, x, scale->type.dtype);
    int32_t axis = scales_axis(n, &scale, &zero);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_quantize, zero ? 3 : 2, (ingot_value *[]){x, scale, zero}, 1);
    quantize_attrs(n, op, axis);
    if (!n->error)
        op->out[0]->type.dtype = to;
    n->out[0] = ingot_emit_end(n, op);
}

/* y = (x - zero) * scale, in the type of the scale unless output_dtype says otherwise. */
void ingot_import_dequantize_linear(ingot_node *n)
{
    ingot_value *scale = n->in[1], *zero = n->in[2];
    int32_t axis = scales_axis(n, &scale, &zero);
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dequantize, zero ? 3 : 2, (ingot_value *[]){n->in[0], scale, zero}, 1);
    quantize_attrs(n, op, axis);
    n->out[0] = ingot_emit_end(n, op);
    n->out[0] = ingot_cast(n, n->out[0], dtype_attr(n, "output_dtype", scale->type.dtype));
}

void ingot_import_dynamic_quantize(ingot_node *n)
{
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_dynamic_quantize, 1, n->in, 3);
    ingot_emit_end(n, op);
    for (int32_t i = 0; i < 3; i++)
        n->out[i] = op->out[i];
}

void ingot_import_matmul_integer(ingot_node *n)
{
    ingot_value *a = n->in[0], *b = n->in[1];
    bool vector_a = a->type.rank == 1, vector_b = b->type.rank == 1;
    if (a->type.rank == 0 || b->type.rank == 0) {
        ingot_node_bad(n, "a matrix product of scalars");
        return;
    }
    if (vector_a)
        a = ingot_unsqueeze(n, a, 0);
    if (vector_b)
        b = ingot_unsqueeze(n, b, 1);
    int32_t count = n->in[3] ? 4 : n->in[2] ? 3 : 2;
    ingot_value *y = ingot_emit_end(
        n, ingot_emit_begin(n, INGOT_OP_matmul_integer, count, (ingot_value *[]){a, b, n->in[2], n->in[3]}, 1));
    if (vector_b && !n->error)
        y = ingot_squeeze(n, y, y->type.rank - 1);
    if (vector_a && !n->error)
        y = ingot_squeeze(n, y, y->type.rank - (vector_b ? 1 : 2));
    n->out[0] = y;
}

/* a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero; scales of a and y may be one for each row, those of b for
 * each column. */
void ingot_import_qlinear_matmul(ingot_node *n)
{
    for (int i = 1; i < 8; i++) {
        if (i != 3 && n->in[i]->type.rank > 1) {
            ingot_node_unsupported(n, "scales of rank %d: only scalars and lists are supported", n->in[i]->type.rank);
            return;
        }
    }
    int32_t row = n->in[0]->type.rank - 2, column = n->in[3]->type.rank - 1;
    ingot_value *a = ingot_dequantize(n, n->in[0], n->in[1], n->in[2], row < 0 ? 0 : row);
    ingot_value *b = ingot_dequantize(n, n->in[3], n->in[4], n->in[5], column < 0 ? 0 : column);
    ingot_value *y = ingot_matmul(n, a, b, false, false);
    n->out[0] = ingot_quantize(n, y, n->in[6], n->in[7], y->type.rank >= 2 ? y->type.rank - 2 : 0);
}
