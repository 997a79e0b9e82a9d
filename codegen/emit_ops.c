/* The builder's arithmetic: integers that fold, floats, vectors. */
#include "codegen/emit_impl.h"
#include <stdio.h>
#include <string.h>

/* ---- i64 ---- */

static ingot_ev binary(ingot_emitter *e, const char *op, ingot_ev a, ingot_ev b)
{
    int32_t x = ingot_e_id(e, a), y = ingot_e_id(e, b);
    ingot_ev r = ingot_e_fresh(e, a.type);
    if (!ingot_e_type_equal(a.type, b.type))
        ingot_e_fail(e, INGOT_INTERNAL, "%s of %s and %s", op, ingot_e_type_name(a.type), ingot_e_type_name(b.type));
    ingot_e_line(e, "%%%d = %s %%%d, %%%d : %s", r.id, op, x, y, ingot_e_type_name(a.type));
    return r;
}

/* Known results wrap like the machine's. */
static ingot_ev known(ingot_emitter *e, uint64_t value)
{
    return ingot_e_int(e, (int64_t)value);
}

ingot_ev ingot_e_add(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known)
        return known(e, (uint64_t)a.value + (uint64_t)b.value);
    if (ingot_e_is_known(a, 0))
        return b;
    if (ingot_e_is_known(b, 0))
        return a;
    return binary(e, "arith.addi", a, b);
}

ingot_ev ingot_e_sub(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known)
        return known(e, (uint64_t)a.value - (uint64_t)b.value);
    if (ingot_e_is_known(b, 0))
        return a;
    if (!a.known && a.id >= 0 && !b.known && a.id == b.id)
        return ingot_e_int(e, 0);
    return binary(e, "arith.subi", a, b);
}

ingot_ev ingot_e_mul(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known)
        return known(e, (uint64_t)a.value * (uint64_t)b.value);
    if (ingot_e_is_known(a, 0) || ingot_e_is_known(b, 0))
        return ingot_e_int(e, 0);
    if (ingot_e_is_known(a, 1))
        return b;
    if (ingot_e_is_known(b, 1))
        return a;
    return binary(e, "arith.muli", a, b);
}

ingot_ev ingot_e_add_int(ingot_emitter *e, ingot_ev a, int64_t b)
{
    return ingot_e_add(e, a, ingot_e_int(e, b));
}

ingot_ev ingot_e_mul_int(ingot_emitter *e, ingot_ev a, int64_t b)
{
    return ingot_e_mul(e, a, ingot_e_int(e, b));
}

ingot_ev ingot_e_mad(ingot_emitter *e, ingot_ev a, ingot_ev b, ingot_ev c)
{
    return ingot_e_add(e, ingot_e_mul(e, a, b), c);
}

ingot_ev ingot_e_div(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known && b.value > 0)
        return ingot_e_int(e, a.value / b.value);
    if (ingot_e_is_known(b, 1))
        return a;
    return binary(e, "arith.divui", a, b);
}

ingot_ev ingot_e_rem(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known && b.value > 0)
        return ingot_e_int(e, a.value % b.value);
    if (ingot_e_is_known(b, 1))
        return ingot_e_int(e, 0);
    return binary(e, "arith.remui", a, b);
}

ingot_ev ingot_e_ceil_div(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (ingot_e_is_known(b, 1))
        return a;
    return ingot_e_div(e, ingot_e_add(e, a, ingot_e_add_int(e, b, -1)), b);
}

ingot_ev ingot_e_min(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known)
        return a.value < b.value ? a : b;
    return binary(e, "arith.minsi", a, b);
}

ingot_ev ingot_e_max(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    if (a.known && b.known)
        return a.value > b.value ? a : b;
    return binary(e, "arith.maxsi", a, b);
}

ingot_ev ingot_e_linear(ingot_emitter *e, int n, const ingot_ev *indices, const ingot_size *strides)
{
    ingot_ev sum = ingot_e_int(e, 0);
    for (int i = 0; i < n; i++)
        if (ingot_size_is_dynamic(strides[i]) || strides[i] != 0)
            sum = ingot_e_mad(e, indices[i], ingot_e_size(e, strides[i]), sum);
    return sum;
}

void ingot_e_unflatten(ingot_emitter *e, ingot_ev value, int n, const ingot_ev *radix, ingot_ev *out_digits)
{
    for (int i = n - 1; i >= 0; i--) {
        if (i == 0) {
            out_digits[0] = value;
        } else if (ingot_e_is_known(radix[i], 1)) {
            out_digits[i] = ingot_e_int(e, 0);
        } else {
            ingot_ev q = ingot_e_div(e, value, radix[i]);
            out_digits[i] = ingot_e_sub(e, value, ingot_e_mul(e, q, radix[i]));
            value = q;
        }
    }
    /* the outermost digit of a radix of one is zero, whatever is left */
    if (n > 0 && ingot_e_is_known(radix[0], 1))
        out_digits[0] = ingot_e_int(e, 0);
}

static bool compare_known(const char *op, int64_t a, int64_t b)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    if (!strcmp(op, "eq"))
        return a == b;
    if (!strcmp(op, "ne"))
        return a != b;
    if (!strcmp(op, "slt"))
        return a < b;
    if (!strcmp(op, "sle"))
        return a <= b;
    if (!strcmp(op, "sgt"))
        return a > b;
    if (!strcmp(op, "sge"))
        return a >= b;
    if (!strcmp(op, "ult"))
        return ua < ub;
    if (!strcmp(op, "ule"))
        return ua <= ub;
    return !strcmp(op, "ugt") ? ua > ub : ua >= ub;
}

ingot_ev ingot_e_cmp(ingot_emitter *e, const char *op, ingot_ev a, ingot_ev b)
{
    ingot_etype type = ingot_e_with_scalar(a.type, INGOT_E_I1);
    if (a.known && b.known)
        return ingot_e_const_int(e, type, compare_known(op, a.value, b.value));
    int32_t x = ingot_e_id(e, a), y = ingot_e_id(e, b);
    ingot_ev r = ingot_e_fresh(e, type);
    ingot_e_line(e, "%%%d = arith.cmpi %s, %%%d, %%%d : %s", r.id, op, x, y, ingot_e_type_name(a.type));
    return r;
}

/* ---- Any type ---- */

ingot_ev ingot_e_op(ingot_emitter *e, const char *mnemonic, int n, const ingot_ev *args)
{
    int32_t ids[3] = {0};
    for (int i = 0; i < n && i < 3; i++) {
        ids[i] = ingot_e_id(e, args[i]);
        if (!ingot_e_type_equal(args[i].type, args[0].type))
            ingot_e_fail(e, INGOT_INTERNAL, "%s of %s and %s", mnemonic, ingot_e_type_name(args[0].type),
                         ingot_e_type_name(args[i].type));
    }
    ingot_ev r = ingot_e_fresh(e, args[0].type);
    const char *type = ingot_e_type_name(r.type);
    /* llvm.intr.* ops have a functional type, the others a plain one */
    if (!strncmp(mnemonic, "llvm.intr.", 10)) {
        if (n == 1)
            ingot_e_line(e, "%%%d = %s(%%%d) : (%s) -> %s", r.id, mnemonic, ids[0], type, type);
        else if (n == 2)
            ingot_e_line(e, "%%%d = %s(%%%d, %%%d) : (%s, %s) -> %s", r.id, mnemonic, ids[0], ids[1], type, type, type);
        else
            ingot_e_line(e, "%%%d = %s(%%%d, %%%d, %%%d) : (%s, %s, %s) -> %s", r.id, mnemonic, ids[0], ids[1], ids[2],
                         type, type, type, type);
        return r;
    }
    if (n == 1)
        ingot_e_line(e, "%%%d = %s %%%d : %s", r.id, mnemonic, ids[0], type);
    else if (n == 2)
        ingot_e_line(e, "%%%d = %s %%%d, %%%d : %s", r.id, mnemonic, ids[0], ids[1], type);
    else
        ingot_e_line(e, "%%%d = %s %%%d, %%%d, %%%d : %s", r.id, mnemonic, ids[0], ids[1], ids[2], type);
    return r;
}

ingot_ev ingot_e_op1(ingot_emitter *e, const char *mnemonic, ingot_ev a)
{
    return ingot_e_op(e, mnemonic, 1, &a);
}

ingot_ev ingot_e_op2(ingot_emitter *e, const char *mnemonic, ingot_ev a, ingot_ev b)
{
    return ingot_e_op(e, mnemonic, 2, (ingot_ev[]){a, b});
}

ingot_ev ingot_e_addf(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return binary(e, "arith.addf", a, b);
}

ingot_ev ingot_e_subf(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return binary(e, "arith.subf", a, b);
}

ingot_ev ingot_e_mulf(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return binary(e, "arith.mulf", a, b);
}

ingot_ev ingot_e_divf(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return binary(e, "arith.divf", a, b);
}

ingot_ev ingot_e_negf(ingot_emitter *e, ingot_ev a)
{
    return ingot_e_op1(e, "arith.negf", a);
}

ingot_ev ingot_e_fma(ingot_emitter *e, ingot_ev a, ingot_ev b, ingot_ev c)
{
    /* without the instruction llvm.fma would be a call of the C library per lane */
    if (!(e->target->required & INGOT_CPU_FMA))
        return ingot_e_addf(e, ingot_e_mulf(e, a, b), c);
    return ingot_e_op(e, "llvm.intr.fma", 3, (ingot_ev[]){a, b, c});
}

ingot_ev ingot_e_cmpf(ingot_emitter *e, const char *op, ingot_ev a, ingot_ev b)
{
    int32_t x = ingot_e_id(e, a), y = ingot_e_id(e, b);
    ingot_ev r = ingot_e_fresh(e, ingot_e_with_scalar(a.type, INGOT_E_I1));
    ingot_e_line(e, "%%%d = arith.cmpf %s, %%%d, %%%d : %s", r.id, op, x, y, ingot_e_type_name(a.type));
    return r;
}

ingot_ev ingot_e_select(ingot_emitter *e, ingot_ev cond, ingot_ev a, ingot_ev b)
{
    if (cond.known)
        return cond.value ? a : b;
    int32_t c = ingot_e_id(e, cond), x = ingot_e_id(e, a), y = ingot_e_id(e, b);
    ingot_ev r = ingot_e_fresh(e, a.type);
    if (cond.type.lanes > 1)
        ingot_e_line(e, "%%%d = arith.select %%%d, %%%d, %%%d : %s, %s", r.id, c, x, y, ingot_e_type_name(cond.type),
                     ingot_e_type_name(a.type));
    else
        ingot_e_line(e, "%%%d = arith.select %%%d, %%%d, %%%d : %s", r.id, c, x, y, ingot_e_type_name(a.type));
    return r;
}

ingot_ev ingot_e_maxf_fast(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_select(e, ingot_e_cmpf(e, "ogt", a, b), a, b);
}

ingot_ev ingot_e_minf_fast(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_select(e, ingot_e_cmpf(e, "olt", a, b), a, b);
}

/* One instruction gives b when either is NaN; a NaN in a is put back. */
ingot_ev ingot_e_maxf(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_select(e, ingot_e_cmpf(e, "uno", a, a), a, ingot_e_maxf_fast(e, a, b));
}

ingot_ev ingot_e_minf(ingot_emitter *e, ingot_ev a, ingot_ev b)
{
    return ingot_e_select(e, ingot_e_cmpf(e, "uno", a, a), a, ingot_e_minf_fast(e, a, b));
}

ingot_ev ingot_e_cast(ingot_emitter *e, const char *op, ingot_ev a, ingot_escalar to)
{
    if (a.type.scalar == to && strcmp(op, "arith.bitcast") != 0)
        return a;
    int32_t x = ingot_e_id(e, a);
    ingot_ev r = ingot_e_fresh(e, ingot_e_with_scalar(a.type, to));
    ingot_e_line(e, "%%%d = %s %%%d : %s to %s", r.id, op, x, ingot_e_type_name(a.type), ingot_e_type_name(r.type));
    return r;
}

/* ---- Vectors ---- */

ingot_ev ingot_e_splat(ingot_emitter *e, ingot_ev scalar, int lanes)
{
    if (lanes <= 1)
        return scalar;
    if (scalar.known)
        return ingot_e_const_int(e, ingot_e_vector(scalar.type.scalar, lanes), scalar.value);
    ingot_ev r = ingot_e_fresh(e, ingot_e_vector(scalar.type.scalar, lanes));
    ingot_e_line(e, "%%%d = vector.broadcast %%%d : %s to %s", r.id, scalar.id, ingot_e_type_name(scalar.type),
                 ingot_e_type_name(r.type));
    return r;
}

ingot_ev ingot_e_extract(ingot_emitter *e, ingot_ev vector, int lane)
{
    if (vector.type.lanes <= 1)
        return vector;
    int32_t x = ingot_e_id(e, vector);
    ingot_ev r = ingot_e_fresh(e, ingot_e_type(vector.type.scalar));
    ingot_e_line(e, "%%%d = vector.extract %%%d[%d] : %s from %s", r.id, x, lane, ingot_e_type_name(r.type),
                 ingot_e_type_name(vector.type));
    return r;
}

ingot_ev ingot_e_insert(ingot_emitter *e, ingot_ev vector, ingot_ev scalar, int lane)
{
    if (vector.type.lanes <= 1)
        return scalar;
    int32_t x = ingot_e_id(e, vector), y = ingot_e_id(e, scalar);
    ingot_ev r = ingot_e_fresh(e, vector.type);
    ingot_e_line(e, "%%%d = vector.insert %%%d, %%%d [%d] : %s into %s", r.id, y, x, lane,
                 ingot_e_type_name(scalar.type), ingot_e_type_name(vector.type));
    return r;
}

ingot_ev ingot_e_reinterpret(ingot_emitter *e, ingot_ev v, ingot_etype type)
{
    int32_t x = ingot_e_id(e, v);
    ingot_ev r = ingot_e_fresh(e, type);
    ingot_e_line(e, "%%%d = vector.bitcast %%%d : %s to %s", r.id, x, ingot_e_type_name(v.type),
                 ingot_e_type_name(type));
    return r;
}

ingot_ev ingot_e_shuffle(ingot_emitter *e, ingot_ev a, ingot_ev b, int lanes, const int *picks)
{
    int32_t x = ingot_e_id(e, a), y = ingot_e_id(e, b);
    char list[512];
    size_t at = 0;
    for (int i = 0; i < lanes && at < sizeof list - 8; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%d", i ? ", " : "", picks[i]);
    ingot_ev r = ingot_e_fresh(e, ingot_e_vector(a.type.scalar, lanes));
    ingot_e_line(e, "%%%d = vector.shuffle %%%d, %%%d [%s] : %s, %s", r.id, x, y, list, ingot_e_type_name(a.type),
                 ingot_e_type_name(b.type));
    return r;
}

static ingot_ev combine(ingot_emitter *e, const char *op, ingot_ev a, ingot_ev b)
{
    char name[24];
    if (!strcmp(op, "max"))
        return ingot_e_maxf(e, a, b);
    if (!strcmp(op, "min"))
        return ingot_e_minf(e, a, b);
    if (!strcmp(op, "add") || !strcmp(op, "mul"))
        snprintf(name, sizeof name, "arith.%s%c", op, ingot_e_is_float(a.type) ? 'f' : 'i');
    else
        snprintf(name, sizeof name, "arith.%s", op);
    return binary(e, name, a, b);
}

ingot_ev ingot_e_reduce(ingot_emitter *e, const char *op, ingot_ev vector)
{
    for (int lanes = vector.type.lanes; lanes > 2; lanes /= 2) {
        int low[64], high[64];
        for (int i = 0; i < lanes / 2; i++) {
            low[i] = i;
            high[i] = lanes / 2 + i;
        }
        vector = combine(e, op, ingot_e_shuffle(e, vector, vector, lanes / 2, low),
                         ingot_e_shuffle(e, vector, vector, lanes / 2, high));
    }
    if (vector.type.lanes == 2)
        return combine(e, op, ingot_e_extract(e, vector, 0), ingot_e_extract(e, vector, 1));
    return vector;
}

ingot_ev ingot_e_intrinsic(ingot_emitter *e, const char *name, ingot_etype result_type, int n, const ingot_ev *args)
{
    char ids[256] = "", types[512] = "";
    size_t at = 0, type_at = 0;
    for (int i = 0; i < n && at < sizeof ids - 16 && type_at < sizeof types - 40; i++) {
        at += (size_t)snprintf(ids + at, sizeof ids - at, "%s%%%d", i ? ", " : "", ingot_e_id(e, args[i]));
        type_at += (size_t)snprintf(types + type_at, sizeof types - type_at, "%s%s", i ? ", " : "",
                                    ingot_e_type_name(args[i].type));
    }
    if (result_type.scalar == INGOT_E_NONE) {
        ingot_e_line(e, "llvm.call_intrinsic \"%s\"(%s) : (%s) -> ()", name, ids, types);
        return (ingot_ev){.id = -1, .type = result_type};
    }
    ingot_ev r = ingot_e_fresh(e, result_type);
    ingot_e_line(e, "%%%d = llvm.call_intrinsic \"%s\"(%s) : (%s) -> %s", r.id, name, ids, types,
                 ingot_e_type_name(result_type));
    return r;
}
