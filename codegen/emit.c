/* The builder's core: functions, constants, sizes, text. */
#include "codegen/emit_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ingot_e_fail(ingot_emitter *e, ingot_code code, const char *format, ...)
{
    if (e->failed)
        return;
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    e->failed = true;
    e->status = ingot_fail(code, "%s", text);
}

/* ---- Types ---- */

ingot_escalar ingot_e_scalar_of(ingot_dtype dtype)
{
    switch (dtype) {
    case INGOT_F32:
        return INGOT_E_F32;
    case INGOT_F64:
        return INGOT_E_F64;
    case INGOT_F16:
        return INGOT_E_F16;
    case INGOT_BOOL:
        return INGOT_E_I1;
    case INGOT_U8:
    case INGOT_I8:
        return INGOT_E_I8;
    case INGOT_U16:
    case INGOT_I16:
    case INGOT_BF16: /* its bits: there is no arithmetic on it */
        return INGOT_E_I16;
    case INGOT_U32:
    case INGOT_I32:
        return INGOT_E_I32;
    case INGOT_U64:
    case INGOT_I64:
        return INGOT_E_I64;
    default:
        return INGOT_E_NONE;
    }
}

int ingot_e_scalar_bytes(ingot_escalar scalar)
{
    static const int bytes[] = {4, 8, 2, 2, 1, 1, 2, 4, 8, 8, 0};
    return bytes[scalar];
}

const char *ingot_e_type_name(ingot_etype type)
{
    static const char *const names[] = {"f32", "f64", "f16", "bf16",      "i1", "i8",
                                        "i16", "i32", "i64", "!llvm.ptr", "()"};
    static _Thread_local char buffers[8][32];
    static _Thread_local unsigned next;
    if (type.lanes <= 1)
        return names[type.scalar];
    char *text = buffers[next++ % 8];
    snprintf(text, sizeof buffers[0], "vector<%dx%s>", type.lanes, names[type.scalar]);
    return text;
}

/* ---- Text ---- */

void ingot_e_line(ingot_emitter *e, const char *format, ...)
{
    if (e->failed || !e->function)
        return;
    if (++e->ops > EMIT_MAX_OPS) {
        ingot_e_fail(e, INGOT_LIMIT, "the kernel has more than %d operations", EMIT_MAX_OPS);
        return;
    }
    char line[4096];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof line) {
        ingot_e_fail(e, INGOT_INTERNAL, "a line of a kernel is too long");
        return;
    }
    ingot_text_append_bytes(&e->function->body, "    ", 4);
    ingot_text_append_bytes(&e->function->body, line, (size_t)size);
    ingot_text_append_bytes(&e->function->body, "\n", 1);
}

ingot_ev ingot_e_fresh(ingot_emitter *e, ingot_etype type)
{
    return (ingot_ev){.id = e->function ? e->function->next_id++ : 0, .type = type};
}

/* ---- Constants ---- */

static int32_t constant(ingot_emitter *e, ingot_etype type, uint64_t bits, bool iota)
{
    ingot_efunction *f = e->function;
    if (e->failed || !f)
        return 0;
    for (int32_t i = 0; i < f->n_consts; i++)
        if (f->consts[i].bits == bits && f->consts[i].iota == iota && ingot_e_type_equal(f->consts[i].type, type))
            return f->consts[i].id;
    int32_t id = f->next_id++;
    if (f->n_consts < INGOT_E_MAX_CONSTS)
        f->consts[f->n_consts++] = (emit_const){type, bits, id, iota};
    char value[32];
    if (type.scalar == INGOT_E_F64)
        snprintf(value, sizeof value, "0x%016llX", (unsigned long long)bits);
    else if (type.scalar == INGOT_E_F32)
        snprintf(value, sizeof value, "0x%08llX", (unsigned long long)(bits & 0xFFFFFFFFu));
    else if (ingot_e_is_float(type))
        snprintf(value, sizeof value, "0x%04llX", (unsigned long long)(bits & 0xFFFFu));
    else if (type.scalar == INGOT_E_I1)
        snprintf(value, sizeof value, "%s", bits & 1 ? "true" : "false");
    else
        snprintf(value, sizeof value, "%lld", (long long)(int64_t)bits);
    if (iota) {
        ingot_text_append(&f->head, "    %%%d = arith.constant dense<[", id);
        for (int i = 0; i < type.lanes; i++)
            ingot_text_append(&f->head, "%s%d", i ? ", " : "", i);
        ingot_text_append(&f->head, "]> : %s\n", ingot_e_type_name(type));
    } else if (type.lanes > 1) {
        ingot_text_append(&f->head, "    %%%d = arith.constant dense<%s> : %s\n", id, value, ingot_e_type_name(type));
    } else if (type.scalar == INGOT_E_I1) {
        ingot_text_append(&f->head, "    %%%d = arith.constant %s\n", id, value);
    } else {
        ingot_text_append(&f->head, "    %%%d = arith.constant %s : %s\n", id, value, ingot_e_type_name(type));
    }
    return id;
}

int32_t ingot_e_id(ingot_emitter *e, ingot_ev v)
{
    if (v.known && v.id < 0)
        return constant(e, v.type, (uint64_t)v.value, false);
    if (v.id < 0)
        ingot_e_fail(e, INGOT_INTERNAL, "a kernel uses a value that was not made");
    return v.id;
}

ingot_ev ingot_e_int(ingot_emitter *e, int64_t value)
{
    (void)e;
    return (ingot_ev){.id = -1, .type = INGOT_E_I64_TYPE, .known = true, .value = value};
}

ingot_ev ingot_e_opaque(ingot_emitter *e, int64_t value)
{
    return (ingot_ev){.id = ingot_e_id(e, ingot_e_int(e, value)), .type = INGOT_E_I64_TYPE};
}

ingot_ev ingot_e_from_bool(ingot_emitter *e, ingot_ev bit)
{
    return bit.known ? ingot_e_int(e, bit.value) : ingot_e_cast(e, "arith.extui", bit, INGOT_E_I64);
}

ingot_ev ingot_e_const_int(ingot_emitter *e, ingot_etype type, int64_t value)
{
    if (type.lanes <= 1 && (type.scalar == INGOT_E_I64 || type.scalar == INGOT_E_I1))
        return (ingot_ev){
            .id = -1, .type = type, .known = true, .value = type.scalar == INGOT_E_I1 ? value & 1 : value};
    /* in the range that the text form of the type takes */
    int bits = type.scalar == INGOT_E_I1 ? 1 : 8 * ingot_e_scalar_bytes(type.scalar);
    if (bits < 64 && bits > 1)
        value = (int64_t)((uint64_t)value << (64 - bits)) >> (64 - bits);
    return (ingot_ev){.id = constant(e, type, (uint64_t)value, false), .type = type};
}

ingot_ev ingot_e_const_bits(ingot_emitter *e, ingot_etype type, uint64_t bits)
{
    return (ingot_ev){.id = constant(e, type, bits, false), .type = type};
}

ingot_ev ingot_e_const_float(ingot_emitter *e, ingot_etype type, double value)
{
    uint64_t bits = 0;
    if (type.scalar == INGOT_E_F64) {
        memcpy(&bits, &value, 8);
    } else {
        float single = (float)value;
        uint32_t b;
        memcpy(&b, &single, 4);
        bits = b;
        if (type.scalar == INGOT_E_F16 || type.scalar == INGOT_E_BF16) {
            uint8_t half[2];
            ingot_store_f64(half, type.scalar == INGOT_E_F16 ? INGOT_F16 : INGOT_BF16, 0, value);
            bits = (uint64_t)half[0] | (uint64_t)half[1] << 8;
        }
    }
    return ingot_e_const_bits(e, type, bits);
}

ingot_ev ingot_e_zero(ingot_emitter *e, ingot_etype type)
{
    return ingot_e_is_float(type) ? ingot_e_const_bits(e, type, 0) : ingot_e_const_int(e, type, 0);
}

ingot_ev ingot_e_iota(ingot_emitter *e, ingot_etype type)
{
    return (ingot_ev){.id = constant(e, type, 0, true), .type = type};
}

ingot_ev ingot_e_size(ingot_emitter *e, ingot_size size)
{
    if (!ingot_size_is_dynamic(size))
        return ingot_e_int(e, size);
    ingot_efunction *f = e->function;
    int32_t i = ingot_size_index(size);
    if (!f || f->sizes.id < 0 || i < 0 || i >= INGOT_SPEC_SIZES) {
        ingot_e_fail(e, INGOT_INTERNAL, "a kernel uses a size outside its reach");
        return ingot_e_int(e, 1);
    }
    if (f->size_values[i].id < 0) {
        int32_t p = f->next_id++;
        f->size_values[i] = ingot_e_fresh(e, INGOT_E_I64_TYPE);
        ingot_text_append(&f->head, "    %%%d = llvm.getelementptr %%%d[%d] : (!llvm.ptr) -> !llvm.ptr, i64\n", p,
                          f->sizes.id, i);
        ingot_text_append(&f->head, "    %%%d = llvm.load %%%d {alignment = 8 : i64} : !llvm.ptr -> i64\n",
                          f->size_values[i].id, p);
    }
    return f->size_values[i];
}

ingot_ev ingot_e_alloca(ingot_emitter *e, ingot_escalar scalar, int64_t count)
{
    ingot_ev p = ingot_e_fresh(e, ingot_e_type(INGOT_E_PTR));
    int32_t n = ingot_e_id(e, ingot_e_int(e, count));
    if (e->function)
        ingot_text_append(&e->function->head,
                          "    %%%d = llvm.alloca %%%d x %s {alignment = 64 : i64} : (i64) -> !llvm.ptr\n", p.id, n,
                          ingot_e_type_name(ingot_e_type(scalar == INGOT_E_I1 ? INGOT_E_I8 : scalar)));
    return p;
}

/* ---- Functions ---- */

static int32_t kernel_operands(const ingot_emitter *e)
{
    return e->spec ? e->spec->n_in + e->spec->n_out : 0;
}

static ingot_efunction *function_open(ingot_emitter *e)
{
    ingot_efunction *f = e->depth < INGOT_E_FUNCTION_DEPTH ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        ingot_e_fail(e, INGOT_LIMIT, "no memory for a function of a kernel");
        return NULL;
    }
    f->outer = e->function;
    f->sizes.id = -1;
    for (int32_t i = 0; i < INGOT_SPEC_SIZES; i++)
        f->size_values[i].id = -1;
    memcpy(f->outer_operands, e->operands, sizeof e->operands);
    e->function = f;
    e->depth++;
    return f;
}

static void function_close(ingot_emitter *e)
{
    ingot_efunction *f = e->function;
    if (!f)
        return;
    ingot_text *parts[3] = {&f->signature, &f->head, &f->body};
    for (int i = 0; i < 3; i++) {
        if (parts[i]->failed)
            ingot_e_fail(e, INGOT_LIMIT, "no memory for the text of a kernel");
        if (parts[i]->data)
            ingot_text_append_bytes(&e->module, parts[i]->data, parts[i]->size);
        ingot_text_free(parts[i]);
    }
    ingot_text_append(&e->module, "  }\n");
    memcpy(e->operands, f->outer_operands, sizeof e->operands);
    e->function = f->outer;
    e->depth--;
    free(f);
}

void ingot_e_entry_begin(ingot_emitter *e, const char *symbol, ingot_ev *out_params)
{
    ingot_efunction *f = function_open(e);
    if (!f)
        return;
    ingot_etype types[4] = {ingot_e_type(INGOT_E_PTR), ingot_e_type(INGOT_E_PTR), INGOT_E_I64_TYPE, INGOT_E_I64_TYPE};
    ingot_text_append(&f->signature, "  llvm.func @%s(", symbol);
    for (int i = 0; i < 4; i++) {
        out_params[i] = ingot_e_fresh(e, types[i]);
        ingot_text_append(&f->signature, "%s%%%d: %s", i ? ", " : "", out_params[i].id, ingot_e_type_name(types[i]));
    }
    ingot_text_append(&f->signature, ") -> i64 {\n");
    f->sizes = out_params[1];
    f->decl.result = INGOT_E_I64_TYPE;
}

/* Whether module text or an open function already has this name; names are unique, so a search for "@name(" after
 * "llvm.func" suffices. */
static bool function_exists(const ingot_emitter *e, const char *name)
{
    char key[80];
    int size = snprintf(key, sizeof key, "llvm.func internal @%s(", name);
    if (e->module.data && memmem(e->module.data, e->module.size, key, (size_t)size))
        return true;
    for (const ingot_efunction *f = e->function; f; f = f->outer)
        if (strcmp(f->decl.name, name) == 0)
            return true;
    return false;
}

bool ingot_e_helper_begin(ingot_emitter *e, const ingot_ehelper *helper, ingot_ev *out_params)
{
    if (e->failed || function_exists(e, helper->name))
        return false;
    ingot_efunction *f = function_open(e);
    if (!f)
        return false;
    f->decl = *helper;
    const char *separator = "";
    ingot_text_append(&f->signature, "  llvm.func internal @%s(", helper->name);
    if (helper->kernel_args) {
        for (int32_t i = 0; i < kernel_operands(e); i++) {
            e->operands[i] = ingot_e_fresh(e, ingot_e_type(INGOT_E_PTR));
            ingot_text_append(&f->signature, "%s%%%d: !llvm.ptr {llvm.noalias}", separator, e->operands[i].id);
            separator = ", ";
        }
        f->sizes = ingot_e_fresh(e, ingot_e_type(INGOT_E_PTR));
        ingot_text_append(&f->signature, "%s%%%d: !llvm.ptr {llvm.noalias, llvm.readonly}", separator, f->sizes.id);
        separator = ", ";
    }
    for (int32_t i = 0; i < helper->n; i++) {
        out_params[i] = ingot_e_fresh(e, helper->types[i]);
        ingot_text_append(&f->signature, "%s%%%d: %s", separator, out_params[i].id,
                          ingot_e_type_name(helper->types[i]));
        separator = ", ";
    }
    ingot_text_append(&f->signature, ")");
    if (helper->result.scalar != INGOT_E_NONE)
        ingot_text_append(&f->signature, " -> %s", ingot_e_type_name(helper->result));
    ingot_text_append(&f->signature, " attributes {passthrough = [\"noinline\"]} {\n");
    return true;
}

void ingot_e_helper_end(ingot_emitter *e, ingot_ev result)
{
    if (!e->function)
        return;
    if (e->function->decl.result.scalar == INGOT_E_NONE)
        ingot_e_line(e, "llvm.return");
    else
        ingot_e_line(e, "llvm.return %%%d : %s", ingot_e_id(e, result), ingot_e_type_name(e->function->decl.result));
    function_close(e);
}

ingot_ev ingot_e_call(ingot_emitter *e, const ingot_ehelper *helper, const ingot_ev *args)
{
    ingot_text names = {0}, types = {0};
    const char *separator = "";
    if (helper->kernel_args) {
        for (int32_t i = 0; i < kernel_operands(e); i++) {
            ingot_text_append(&names, "%s%%%d", separator, ingot_e_id(e, e->operands[i]));
            ingot_text_append(&types, "%s!llvm.ptr", separator);
            separator = ", ";
        }
        ingot_text_append(&names, "%s%%%d", separator, e->function ? e->function->sizes.id : 0);
        ingot_text_append(&types, "%s!llvm.ptr", separator);
        separator = ", ";
    }
    for (int32_t i = 0; i < helper->n; i++) {
        if (!ingot_e_type_equal(args[i].type, helper->types[i]))
            ingot_e_fail(e, INGOT_INTERNAL, "argument %d of helper %s has type %s", i, helper->name,
                         ingot_e_type_name(args[i].type));
        ingot_text_append(&names, "%s%%%d", separator, ingot_e_id(e, args[i]));
        ingot_text_append(&types, "%s%s", separator, ingot_e_type_name(args[i].type));
        separator = ", ";
    }
    ingot_ev result = {.id = -1, .type = helper->result};
    if (names.failed || types.failed) {
        ingot_e_fail(e, INGOT_LIMIT, "no memory for the text of a kernel");
    } else if (helper->result.scalar == INGOT_E_NONE) {
        ingot_e_line(e, "llvm.call @%s(%s) : (%s) -> ()", helper->name, names.data ? names.data : "",
                     types.data ? types.data : "");
    } else {
        result = ingot_e_fresh(e, helper->result);
        ingot_e_line(e, "%%%d = llvm.call @%s(%s) : (%s) -> %s", result.id, helper->name, names.data ? names.data : "",
                     types.data ? types.data : "", ingot_e_type_name(helper->result));
    }
    ingot_text_free(&names);
    ingot_text_free(&types);
    return result;
}
