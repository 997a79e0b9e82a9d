/* Scalar programs as values: types of registers, checks, comparison, and the program of an elementwise op. */
#include "ir/internal.h"
#include <string.h>

ingot_dtype ingot_prog_register_dtype(const ingot_prog *prog, int32_t r)
{
    if (r < 0 || r >= prog->n_args + prog->n_instrs)
        return INGOT_UNDEFINED;
    return (ingot_dtype)(r < prog->n_args ? prog->arg_dtypes[r] : prog->instrs[r - prog->n_args].dtype);
}

static ingot_status check_instr(const ingot_prog *prog, int32_t i)
{
    const ingot_instr *instr = &prog->instrs[i];
    int32_t result = prog->n_args + i;
    if (instr->dtype <= INGOT_UNDEFINED || instr->dtype >= INGOT_DTYPE_COUNT || instr->dtype == INGOT_STRING)
        return ingot_fail(INGOT_BAD_MODEL, "program: r%d has no type", (int)result);
    if (instr->op < 0 || instr->op > INGOT_SCALAR_const)
        return ingot_fail(INGOT_BAD_MODEL, "program: r%d: unknown operation %d", (int)result, (int)instr->op);
    int arity = instr->op == INGOT_SCALAR_const ? 0 : ingot_scalar_table[instr->op].arity;
    const int16_t operands[3] = {instr->a, instr->b, instr->c};
    for (int k = 0; k < 3; k++) {
        if (k < arity ? operands[k] < 0 || operands[k] >= result : operands[k] != -1)
            return ingot_fail(INGOT_BAD_MODEL, "program: r%d: operand %d is r%d", (int)result, k, (int)operands[k]);
    }
    return NULL;
}

ingot_status ingot_prog_verify(const ingot_prog *prog)
{
    if (prog->n_args < 0 || prog->n_args > INGOT_PROG_MAX_ARGS || prog->n_instrs < 0 ||
        prog->n_instrs > INGOT_PROG_MAX_INSTRS || prog->n_results < 1 || prog->n_results > INGOT_PROG_MAX_RESULTS)
        return ingot_fail(INGOT_BAD_MODEL, "program: %d arguments, %d instructions, %d results", (int)prog->n_args,
                          (int)prog->n_instrs, (int)prog->n_results);
    for (int32_t i = 0; i < prog->n_args; i++) {
        if (prog->arg_dtypes[i] <= INGOT_UNDEFINED || prog->arg_dtypes[i] >= INGOT_DTYPE_COUNT)
            return ingot_fail(INGOT_BAD_MODEL, "program: argument %d has no type", (int)i);
    }
    for (int32_t i = 0; i < prog->n_instrs; i++)
        INGOT_TRY(check_instr(prog, i));
    for (int32_t i = 0; i < prog->n_results; i++) {
        if (ingot_prog_register_dtype(prog, prog->results[i]) == INGOT_UNDEFINED)
            return ingot_fail(INGOT_BAD_MODEL, "program: result r%d does not exist", (int)prog->results[i]);
    }
    return NULL;
}

bool ingot_prog_equal(const ingot_prog *a, const ingot_prog *b)
{
    if (a->n_args != b->n_args || a->n_instrs != b->n_instrs || a->n_results != b->n_results ||
        memcmp(a->arg_dtypes, b->arg_dtypes, (size_t)a->n_args * sizeof a->arg_dtypes[0]) ||
        memcmp(a->results, b->results, (size_t)a->n_results * sizeof a->results[0]))
        return false;
    for (int32_t i = 0; i < a->n_instrs; i++) {
        const ingot_instr *x = &a->instrs[i], *y = &b->instrs[i];
        if (x->op != y->op || x->dtype != y->dtype || x->a != y->a || x->b != y->b || x->c != y->c)
            return false;
        /* As bits: -0 is not 0, a NaN is itself. */
        if ((x->op == INGOT_SCALAR_const || x->op == INGOT_SCALAR_cast) && x->imm.i != y->imm.i)
            return false;
    }
    return true;
}

static int16_t push(ingot_prog *prog, ingot_scalar op, ingot_dtype dtype, int a, int b, int c)
{
    ingot_instr *instr = &prog->instrs[prog->n_instrs];
    *instr = (ingot_instr){(int16_t)op, (int16_t)dtype, (int16_t)a, (int16_t)b, (int16_t)c, 0, {.i = 0}};
    return (int16_t)(prog->n_args + prog->n_instrs++);
}

void ingot_op_to_prog(const ingot_op *op, ingot_prog *out)
{
    memset(out, 0, sizeof *out);
    if (op->kind == INGOT_OP_map && op->prog) {
        *out = *op->prog;
        return;
    }
    out->n_args = op->n_in < 3 ? op->n_in : 3;
    for (int32_t i = 0; i < out->n_args; i++)
        out->arg_dtypes[i] = (int16_t)op->in[i]->type.dtype;
    ingot_dtype dtype = op->out[0]->type.dtype;
    ingot_scalar scalar = (ingot_scalar)op->kind;
    if (op->kind == INGOT_OP_mod && ((const ingot_attrs_mod *)op->attrs)->fmod)
        scalar = INGOT_SCALAR_fmod;
    int16_t r = push(out, scalar, dtype, 0, out->n_args > 1 ? 1 : -1, out->n_args > 2 ? 2 : -1);
    bool float8 = dtype >= INGOT_F8E4M3FN && dtype <= INGOT_F8E5M2FNUZ;
    if (op->kind == INGOT_OP_cast && float8 && !((const ingot_attrs_cast *)op->attrs)->saturate)
        out->instrs[0].imm.i = 1;
    if (op->kind == INGOT_OP_is_inf) {
        const ingot_attrs_is_inf *a = op->attrs;
        if (!a->negative && !a->positive) { /* asks for nothing */
            r = push(out, INGOT_SCALAR_const, INGOT_BOOL, -1, -1, -1);
        } else if (!a->negative || !a->positive) { /* one sign: also x > 0 or x < 0 */
            int16_t zero = push(out, INGOT_SCALAR_const, (ingot_dtype)out->arg_dtypes[0], -1, -1, -1);
            int16_t sign = push(out, a->positive ? INGOT_SCALAR_gt : INGOT_SCALAR_lt, INGOT_BOOL, 0, zero, -1);
            r = push(out, INGOT_SCALAR_and, INGOT_BOOL, r, sign, -1);
        }
    }
    out->n_results = 1;
    out->results[0] = r;
}
