/* Text of scalar programs: "(f32,f32) r2=const(0.5):f32 r3=fma(r0,r1,r2):f32 -> r3", exact both ways.
 * "cast(r0,overflow)" is a cast to float8 that does not saturate (ONNX's saturate=0): its imm.i is 1. */
#include "ir/internal.h"
#include "ir/number.h"
#include <ctype.h>
#include <string.h>

static const char *scalar_name(int op)
{
    return op == INGOT_SCALAR_const ? "const" : (unsigned)op < INGOT_SCALAR_COUNT ? ingot_scalar_table[op].name : "?";
}

void ingot_prog_print(const ingot_prog *prog, ingot_text *out)
{
    ingot_text_append(out, "(");
    for (int32_t i = 0; i < prog->n_args; i++)
        ingot_text_append(out, "%s%s", i ? "," : "", ingot_dtype_name((ingot_dtype)prog->arg_dtypes[i]));
    ingot_text_append(out, ")");
    for (int32_t i = 0; i < prog->n_instrs; i++) {
        const ingot_instr *instr = &prog->instrs[i];
        ingot_text_append(out, " r%d=%s(", (int)(prog->n_args + i), scalar_name(instr->op));
        if (instr->op == INGOT_SCALAR_const) {
            if (ingot_dtype_is_float((ingot_dtype)instr->dtype))
                ingot_number_print(instr->imm.f, out);
            else
                ingot_text_append(out, "%lld", (long long)instr->imm.i);
        } else {
            const int16_t operands[3] = {instr->a, instr->b, instr->c};
            int arity = (unsigned)instr->op < INGOT_SCALAR_COUNT ? ingot_scalar_table[instr->op].arity : 0;
            for (int k = 0; k < arity; k++)
                ingot_text_append(out, "%sr%d", k ? "," : "", (int)operands[k]);
            if (instr->op == INGOT_SCALAR_cast && instr->imm.i)
                ingot_text_append(out, ",overflow");
        }
        ingot_text_append(out, "):%s", ingot_dtype_name((ingot_dtype)instr->dtype));
    }
    ingot_text_append(out, " ->");
    for (int32_t i = 0; i < prog->n_results; i++)
        ingot_text_append(out, "%s r%d", i ? "," : "", (int)prog->results[i]);
}

/* ---- reader ---- */

typedef struct {
    const char *text;
    size_t size, at;
} reader;

static ingot_status fail(const reader *r, const char *expected)
{
    return ingot_fail(INGOT_BAD_MODEL, "program: column %zu: expected %s", r->at + 1, expected);
}

static void skip(reader *r)
{
    while (r->at < r->size && isspace((unsigned char)r->text[r->at]))
        r->at++;
}

static bool take(reader *r, const char *word)
{
    size_t n = strlen(word);
    skip(r);
    if (r->size - r->at < n || memcmp(r->text + r->at, word, n))
        return false;
    r->at += n;
    return true;
}

static size_t word_size(reader *r)
{
    skip(r);
    size_t n = 0;
    while (r->at + n < r->size && (isalnum((unsigned char)r->text[r->at + n]) || r->text[r->at + n] == '_'))
        n++;
    return n;
}

static ingot_status read_dtype(reader *r, int16_t *out)
{
    size_t n = word_size(r);
    ingot_dtype dtype = ingot_dtype_parse(r->text + r->at, n);
    if (dtype == INGOT_UNDEFINED)
        return fail(r, "an element type");
    r->at += n;
    *out = (int16_t)dtype;
    return NULL;
}

static ingot_status read_register(reader *r, int16_t *out)
{
    int64_t value;
    size_t n = 0;
    if (take(r, "r"))
        n = ingot_integer_parse(r->text + r->at, r->size - r->at, &value);
    if (!n || value < 0 || value > INGOT_PROG_MAX_ARGS + INGOT_PROG_MAX_INSTRS)
        return fail(r, "a register");
    r->at += n;
    *out = (int16_t)value;
    return NULL;
}

static ingot_status read_constant(reader *r, ingot_instr *instr)
{
    /* The type comes after the number: look ahead for it. */
    size_t close = r->at;
    while (close < r->size && r->text[close] != ')')
        close++;
    reader ahead = {r->text, r->size, close};
    int16_t dtype;
    if (!take(&ahead, "):"))
        return fail(&ahead, "'):'");
    INGOT_TRY(read_dtype(&ahead, &dtype));
    skip(r);
    size_t n;
    if (ingot_dtype_is_float((ingot_dtype)dtype))
        n = ingot_number_parse(r->text + r->at, close - r->at, &instr->imm.f);
    else
        n = ingot_integer_parse(r->text + r->at, close - r->at, &instr->imm.i);
    if (!n)
        return fail(r, "a number");
    r->at += n;
    return NULL;
}

static ingot_status read_instr(reader *r, ingot_prog *prog)
{
    int16_t result;
    if (prog->n_instrs == INGOT_PROG_MAX_INSTRS)
        return fail(r, "fewer instructions");
    ingot_instr *instr = &prog->instrs[prog->n_instrs];
    *instr = (ingot_instr){.a = -1, .b = -1, .c = -1};
    INGOT_TRY(read_register(r, &result));
    if (result != prog->n_args + prog->n_instrs)
        return fail(r, "registers in order");
    if (!take(r, "="))
        return fail(r, "'='");
    size_t n = word_size(r);
    int op = 0;
    while (op < INGOT_SCALAR_COUNT && (strlen(scalar_name(op)) != n || memcmp(scalar_name(op), r->text + r->at, n)))
        op++;
    if (op == INGOT_SCALAR_COUNT && (n != 5 || memcmp("const", r->text + r->at, 5)))
        return fail(r, "an operation");
    instr->op = (int16_t)op;
    r->at += n;
    if (!take(r, "("))
        return fail(r, "'('");
    if (op == INGOT_SCALAR_const) {
        INGOT_TRY(read_constant(r, instr));
    } else {
        int16_t *operands[3] = {&instr->a, &instr->b, &instr->c};
        for (int k = 0; k < ingot_scalar_table[op].arity; k++) {
            if (k && !take(r, ","))
                return fail(r, "','");
            INGOT_TRY(read_register(r, operands[k]));
        }
        if (op == INGOT_SCALAR_cast && take(r, ",overflow"))
            instr->imm.i = 1;
    }
    if (!take(r, ")") || !take(r, ":"))
        return fail(r, "'):'");
    INGOT_TRY(read_dtype(r, &instr->dtype));
    prog->n_instrs++;
    return NULL;
}

ingot_status ingot_prog_parse(const char *text, size_t size, ingot_prog *out)
{
    reader r = {text, size, 0};
    memset(out, 0, sizeof *out);
    if (!take(&r, "("))
        return fail(&r, "'('");
    if (!take(&r, ")")) {
        do {
            if (out->n_args == INGOT_PROG_MAX_ARGS)
                return fail(&r, "fewer arguments");
            INGOT_TRY(read_dtype(&r, &out->arg_dtypes[out->n_args]));
            out->n_args++;
        } while (take(&r, ","));
        if (!take(&r, ")"))
            return fail(&r, "')'");
    }
    while (!take(&r, "->"))
        INGOT_TRY(read_instr(&r, out));
    do {
        if (out->n_results == INGOT_PROG_MAX_RESULTS)
            return fail(&r, "fewer results");
        INGOT_TRY(read_register(&r, &out->results[out->n_results]));
        out->n_results++;
    } while (take(&r, ","));
    skip(&r);
    if (r.at != r.size)
        return fail(&r, "the end");
    return ingot_prog_verify(out);
}
