/* gather: out[o, j, i] = data[o, index[j], i]: rows of i elements copied as vectors.
 *
 * Negative indices count from the end; rows of bad ones are zeros, and the number of bad indices goes to the second
 * output, if there is one: unit 0 looks through all of them, so that no unit depends on another. A unit is some rows,
 * or a piece of a long one.
 */
#include "codegen/blocks.h"

typedef ingot_ev V;
enum { O, J, I, DATA = 0, INDEX = 1, OUT = 2, BAD = 3, unit_elements = 8192 };

typedef struct gather_units {
    V rows, piece, pieces, group;
} gather_units;

static gather_units make_units(ingot_emitter *e)
{
    const ingot_spec *spec = e->spec;
    V one = ingot_e_int(e, 1), row = ingot_e_size(e, spec->dims[I]);
    gather_units u;
    u.rows = ingot_e_mul(e, ingot_e_size(e, spec->dims[O]), ingot_e_size(e, spec->dims[J]));
    u.piece = ingot_e_int(e, 2 * unit_elements);
    u.pieces = ingot_e_ceil_div(e, row, u.piece);
    u.group = ingot_e_max(e, ingot_e_div(e, ingot_e_int(e, unit_elements), ingot_e_max(e, row, one)), one);
    return u;
}

static V gather_count(ingot_emitter *e)
{
    gather_units u = make_units(e);
    V n = ingot_e_mul(e, ingot_e_ceil_div(e, u.rows, u.group), u.pieces);
    return e->spec->n_out > 1 ? ingot_e_max(e, n, ingot_e_int(e, 1)) : n;
}

/* Index j, wrapped; *out_good: an I1. */
static V load_index(ingot_emitter *e, V j, V *out_good)
{
    const ingot_operand *operand = &e->spec->operands[INDEX];
    V zero = ingot_e_int(e, 0), axis = ingot_e_size(e, e->spec->params[0]), coords[3] = {zero, j, zero};
    V x = ingot_e_load(e, ingot_e_type(ingot_e_scalar_of(operand->dtype)), e->operands[INDEX],
                       ingot_b_index(e, INDEX, coords));
    x = ingot_e_cast(e, "arith.extsi", x, INGOT_E_I64);
    x = ingot_e_add(e, x, ingot_e_select(e, ingot_e_cmp(e, "slt", x, zero), axis, zero));
    *out_good = ingot_e_cmp(e, "ult", x, axis);
    return x;
}

static void count_bad(ingot_emitter *e)
{
    V zero = ingot_e_int(e, 0), good;
    ingot_eloop loop;
    ingot_e_for(e, zero, ingot_e_size(e, e->spec->dims[J]), ingot_e_int(e, 1), 1, &zero, &loop);
    load_index(e, loop.index, &good);
    V next = ingot_e_add(e, loop.args[0], ingot_e_select(e, good, zero, ingot_e_int(e, 1)));
    ingot_e_for_end(e, &loop, &next);
    ingot_e_store(e, loop.results[0], e->operands[BAD], zero);
}

static int lanes_for(const ingot_emitter *e)
{
    const ingot_spec *spec = e->spec;
    int lanes = e->target->vector_bytes / ingot_e_scalar_bytes(ingot_e_scalar_of(spec->operands[DATA].dtype));
    while (lanes > 1 && ingot_b_estimate(spec->dims[I], 64) <= lanes / 2)
        lanes /= 2;
    return lanes;
}

/* Elements [lo, hi) of row j of part o. Source null (id -1): zeros. */
static void copy_row(ingot_emitter *e, V source, V destination, V lo, V hi)
{
    const ingot_spec *spec = e->spec;
    int lanes = lanes_for(e);
    ingot_etype type = ingot_e_vector(ingot_e_scalar_of(spec->operands[DATA].dtype), lanes);
    V from = ingot_e_size(e, spec->operands[DATA].strides[I]), to = ingot_e_size(e, spec->operands[OUT].strides[I]);
    V whole =
        ingot_e_add(e, lo, ingot_e_mul_int(e, ingot_e_div(e, ingot_e_sub(e, hi, lo), ingot_e_int(e, lanes)), lanes));
    for (int rest = 0; rest < 2; rest++) {
        V at = whole;
        ingot_emask mask = ingot_e_mask_all();
        ingot_eloop loop;
        ingot_eif branch;
        if (rest) {
            if (lanes == 1 || (whole.known && hi.known && whole.value >= hi.value))
                return;
            ingot_e_if(e, ingot_e_cmp(e, "slt", whole, hi), 0, NULL, &branch);
            mask = ingot_e_mask(e, type, ingot_e_sub(e, hi, whole));
        } else {
            ingot_e_for(e, lo, whole, ingot_e_int(e, lanes), 0, NULL, &loop);
            at = loop.index;
        }
        V value = source.id < 0 ? ingot_e_zero(e, type)
                                : ingot_e_load_strided(e, type, source, ingot_e_mul(e, at, from), from, mask);
        ingot_e_store_strided(e, value, destination, ingot_e_mul(e, at, to), to, mask);
        if (rest)
            ingot_e_if_end(e, &branch, NULL);
        else
            ingot_e_for_end(e, &loop, NULL);
    }
}

static void gather_body(ingot_emitter *e, V begin, V end)
{
    const ingot_spec *spec = e->spec;
    gather_units u = make_units(e);
    V zero = ingot_e_int(e, 0), one = ingot_e_int(e, 1), size = ingot_e_size(e, spec->dims[I]);
    ingot_escalar scalar = ingot_e_scalar_of(spec->operands[DATA].dtype);
    ingot_eif first, branch;
    ingot_eloop units, rows;
    if (spec->n_out > 1) {
        ingot_e_if(e, ingot_e_cmp(e, "eq", begin, zero), 0, NULL, &first);
        count_bad(e);
        ingot_e_if_end(e, &first, NULL);
    }
    ingot_e_for(e, begin, end, one, 0, NULL, &units);
    V pieces = ingot_e_max(e, u.pieces, one), block = ingot_e_div(e, units.index, pieces);
    V lo = ingot_e_mul(e, ingot_e_sub(e, units.index, ingot_e_mul(e, block, pieces)), u.piece),
      hi = ingot_e_min(e, ingot_e_add(e, lo, u.piece), size);
    V row = ingot_e_mul(e, block, u.group);
    ingot_e_for(e, row, ingot_e_min(e, ingot_e_add(e, row, u.group), u.rows), one, 0, NULL, &rows);
    V digits[2], good;
    ingot_e_unflatten(e, rows.index, 2, (V[]){ingot_e_size(e, spec->dims[O]), ingot_e_size(e, spec->dims[J])}, digits);
    V index = load_index(e, digits[1], &good);
    V destination = ingot_e_gep(e, scalar, e->operands[OUT], ingot_b_index(e, OUT, (V[]){digits[0], digits[1], zero}));
    ingot_e_if(e, good, 0, NULL, &branch);
    V at = ingot_e_add(e, ingot_b_index(e, DATA, (V[]){digits[0], zero, zero}),
                       ingot_e_mul(e, index, ingot_e_size(e, spec->params[1])));
    copy_row(e, ingot_e_gep(e, scalar, e->operands[DATA], at), destination, lo, hi);
    ingot_e_else(e, &branch, NULL);
    copy_row(e, (V){.id = -1}, destination, lo, hi);
    ingot_e_if_end(e, &branch, NULL);
    ingot_e_for_end(e, &rows, NULL);
    ingot_e_for_end(e, &units, NULL);
}

static bool gather_supports(const ingot_spec *spec, const ingot_target *target, const char **out_why)
{
    if (!ingot_b_operands_supported(spec, target, out_why))
        return false;
    *out_why = "gather: data, indices (i32, i64, along j only) -> rows of the same type, count of bad indices (i64)";
    if (spec->n_in != 2 || spec->n_out < 1 || spec->n_out > 2 || spec->has_body ||
        spec->operands[OUT].dtype != spec->operands[DATA].dtype)
        return false;
    if (spec->n_out == 2 && spec->operands[BAD].dtype != INGOT_I64)
        return false;
    const ingot_operand *index = &spec->operands[INDEX];
    if ((index->dtype != INGOT_I64 && index->dtype != INGOT_I32) || !ingot_b_is(index->strides[O], 0) ||
        !ingot_b_is(index->strides[I], 0))
        return false;
    for (int k = 0; k < spec->n_in + spec->n_out; k++)
        if (spec->operands[k].access != INGOT_ACCESS_STRIDED || spec->operands[k].lane != 0)
            return false;
    return true;
}

const ingot_family_emitter ingot_emit_gather = {"gather", gather_count, gather_body, gather_supports};
