/* Editing scalar programs: arguments first, then instructions in order of evaluation; equal instructions are kept once.
 */
#include "passes/internal.h"
#include <string.h>

static int16_t moved(int16_t reg, int32_t from, int by)
{
    return (int16_t)(reg >= from ? reg + by : reg);
}

int32_t ingot_prog_add_arg(ingot_prog *p, ingot_dtype dtype)
{
    if (p->n_args >= INGOT_PROG_MAX_ARGS)
        return -1;
    for (int32_t i = 0; i < p->n_instrs; i++) {
        ingot_instr *in = &p->instrs[i];
        in->a = moved(in->a, p->n_args, 1);
        in->b = moved(in->b, p->n_args, 1);
        in->c = moved(in->c, p->n_args, 1);
    }
    for (int32_t i = 0; i < p->n_results; i++)
        p->results[i] = moved(p->results[i], p->n_args, 1);
    p->arg_dtypes[p->n_args] = (int16_t)dtype;
    return p->n_args++;
}

static int32_t append(ingot_prog *p, const ingot_instr *instr)
{
    for (int32_t i = 0; i < p->n_instrs; i++) {
        const ingot_instr *have = &p->instrs[i];
        if (have->op == instr->op && have->dtype == instr->dtype && have->a == instr->a && have->b == instr->b &&
            have->c == instr->c && have->imm.i == instr->imm.i)
            return p->n_args + i;
    }
    if (p->n_instrs >= INGOT_PROG_MAX_INSTRS)
        return -1;
    p->instrs[p->n_instrs] = *instr;
    return p->n_args + p->n_instrs++;
}

int32_t ingot_prog_splat(ingot_prog *p, const ingot_value *v)
{
    ingot_dtype dtype = v->type.dtype;
    const ingot_literal *literal = ingot_value_literal(v);
    double number = 0;
    ingot_instr instr = {.op = INGOT_SCALAR_const, .dtype = (int16_t)dtype, .a = -1, .b = -1, .c = -1};
    (void)ingot_value_is_splat(v->graph->module, v, &number);
    if (ingot_dtype_is_float(dtype)) {
        instr.imm.f = number;
    } else if (literal->kind != INGOT_LITERAL_FILE) {
        instr.imm.i = ingot_load_i64(literal->data, dtype, 0);
    } else {
        ingot_arena scratch = {0}; /* a double would not hold all 64-bit integers */
        const void *data;
        ingot_status err = ingot_literal_get_data(v->graph->module, literal, dtype, &scratch, &data);
        if (!err)
            instr.imm.i = ingot_load_i64(data, dtype, 0);
        ingot_arena_release(&scratch);
        if (err) {
            ingot_status_free(err);
            return -1;
        }
    }
    return append(p, &instr);
}

bool ingot_prog_inline(ingot_prog *p, const ingot_prog *src, const int32_t *args, int32_t *out_results)
{
    int32_t map[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    for (int32_t i = 0; i < src->n_args; i++)
        map[i] = args[i];
    for (int32_t i = 0; i < src->n_instrs; i++) {
        ingot_instr instr = src->instrs[i];
        instr.a = (int16_t)(instr.a < 0 ? -1 : map[instr.a]);
        instr.b = (int16_t)(instr.b < 0 ? -1 : map[instr.b]);
        instr.c = (int16_t)(instr.c < 0 ? -1 : map[instr.c]);
        map[src->n_args + i] = append(p, &instr);
        if (map[src->n_args + i] < 0)
            return false;
    }
    for (int32_t i = 0; i < src->n_results; i++)
        out_results[i] = map[src->results[i]];
    return true;
}

void ingot_prog_trim(ingot_prog *p)
{
    bool needed[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS] = {0};
    int16_t map[INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS];
    for (int32_t i = 0; i < p->n_results; i++)
        needed[p->results[i]] = true;
    for (int32_t i = p->n_instrs; i-- > 0;) {
        const ingot_instr *in = &p->instrs[i];
        if (!needed[p->n_args + i])
            continue;
        if (in->a >= 0)
            needed[in->a] = true;
        if (in->b >= 0)
            needed[in->b] = true;
        if (in->c >= 0)
            needed[in->c] = true;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < p->n_args; i++)
        map[i] = (int16_t)i;
    for (int32_t i = 0; i < p->n_instrs; i++) {
        if (!needed[p->n_args + i])
            continue;
        ingot_instr in = p->instrs[i];
        in.a = (int16_t)(in.a < 0 ? -1 : map[in.a]);
        in.b = (int16_t)(in.b < 0 ? -1 : map[in.b]);
        in.c = (int16_t)(in.c < 0 ? -1 : map[in.c]);
        map[p->n_args + i] = (int16_t)(p->n_args + kept);
        p->instrs[kept++] = in;
    }
    memset(&p->instrs[kept], 0, (size_t)(p->n_instrs - kept) * sizeof p->instrs[0]);
    p->n_instrs = kept;
    for (int32_t i = 0; i < p->n_results; i++)
        p->results[i] = map[p->results[i]];
}

void ingot_prog_of(const ingot_op *op, ingot_prog *out)
{
    if (op->kind == INGOT_OP_map && op->prog)
        *out = *op->prog;
    else
        ingot_op_to_prog(op, out);
}

bool ingot_prog_is_expensive(const ingot_prog *p)
{
    for (int32_t i = 0; i < p->n_instrs; i++) {
        switch (p->instrs[i].op) {
        case INGOT_SCALAR_exp:
        case INGOT_SCALAR_log:
        case INGOT_SCALAR_sin:
        case INGOT_SCALAR_cos:
        case INGOT_SCALAR_tan:
        case INGOT_SCALAR_asin:
        case INGOT_SCALAR_acos:
        case INGOT_SCALAR_atan:
        case INGOT_SCALAR_sinh:
        case INGOT_SCALAR_cosh:
        case INGOT_SCALAR_tanh:
        case INGOT_SCALAR_asinh:
        case INGOT_SCALAR_acosh:
        case INGOT_SCALAR_atanh:
        case INGOT_SCALAR_erf:
        case INGOT_SCALAR_sigmoid:
        case INGOT_SCALAR_softplus:
        case INGOT_SCALAR_gelu:
        case INGOT_SCALAR_gelu_tanh:
        case INGOT_SCALAR_silu:
        case INGOT_SCALAR_pow:
        case INGOT_SCALAR_mod:
        case INGOT_SCALAR_fmod:
        case INGOT_SCALAR_div:
        case INGOT_SCALAR_sqrt:
        case INGOT_SCALAR_rsqrt:
        case INGOT_SCALAR_reciprocal:
            return true;
        default:
            break;
        }
    }
    return false;
}
