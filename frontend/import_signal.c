/* Windows of signal processing, and optionals that hold tensors. */
#include "frontend/import.h"

#define PI 3.14159265358979323846

/* a0 - a1 cos(2 pi i / N) + a2 cos(4 pi i / N) for i in [0, size), N = size or, symmetric, size - 1. arg: row of the
 * table. */
void ingot_import_window(ingot_node *n)
{
    static const double terms[3][3] = {
        {0.5, 0.5, 0}, {25.0 / 46.0, 21.0 / 46.0, 0}, {0.42, 0.5, 0.08}}; /* Hann, Hamming, Blackman */
    const double *a = terms[n->arg];
    const ingot_dim *size[INGOT_MAX_CONTENT];
    int64_t dtype = ingot_attr_int(n, "output_datatype", INGOT_F32);
    bool periodic = ingot_attr_int(n, "periodic", 1) != 0;
    if (ingot_operand_dims(n, n->in[0], 0, INGOT_DIM_MAX_VALUE, size) != 1 || dtype <= INGOT_UNDEFINED ||
        dtype >= INGOT_DTYPE_COUNT || !ingot_dtype_is_float((ingot_dtype)dtype)) {
        ingot_node_bad(n, "expected one size and a floating-point type");
        return;
    }
    ingot_value *bounds[] = {ingot_splat(n, INGOT_I64, 0), ingot_splat(n, INGOT_I64, 1)};
    ingot_op *op = ingot_emit_begin(n, INGOT_OP_range, 2, bounds, 1);
    ingot_emit_sym(n, op, 1, size);
    ingot_value *i = ingot_cast(n, ingot_emit_end(n, op), INGOT_F64);
    const ingot_dim *period = periodic ? size[0] : ingot_dim_sub(n->m, size[0], ingot_const_dim(n, 1));
    ingot_value *whole = ingot_cast(n, ingot_dims_value(n, -1, &period), INGOT_F64);
    ingot_value *angle =
        ingot_emit2(n, INGOT_OP_div, ingot_emit2(n, INGOT_OP_mul, i, ingot_splat(n, INGOT_F64, 2 * PI)), whole);
    ingot_value *first =
        ingot_emit2(n, INGOT_OP_mul, ingot_emit1(n, INGOT_OP_cos, angle), ingot_splat(n, INGOT_F64, a[1]));
    ingot_value *y = ingot_emit2(n, INGOT_OP_sub, ingot_splat(n, INGOT_F64, a[0]), first);
    if (a[2] != 0) {
        ingot_value *twice = ingot_emit2(n, INGOT_OP_mul, angle, ingot_splat(n, INGOT_F64, 2));
        ingot_value *second = ingot_emit1(n, INGOT_OP_cos, twice);
        y = ingot_emit2(n, INGOT_OP_add, y, ingot_emit2(n, INGOT_OP_mul, second, ingot_splat(n, INGOT_F64, a[2])));
    }
    n->out[0] = ingot_cast(n, y, (ingot_dtype)dtype);
}

/* Of a tensor: always true; without an input: false. */
void ingot_import_optional_has_element(ingot_node *n)
{
    n->out[0] = ingot_splat(n, INGOT_BOOL, n->in[0] != NULL);
}
