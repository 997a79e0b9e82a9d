/* The object of an artifact that is no kernel: plan bytes, kernel table and ingot_model of each version, and the
 * functions NAME_init and so on, which hand the first to the runtime. Made through LLVM's C API for the baseline CPU,
 * position independent. */
#include "codegen/artifact.h"
#include "runtime/weights.h"
#include <errno.h>
#include <fcntl.h>
#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_EMBEDDED_BYTES ((int64_t)1 << 30) /* code and data must stay within 2 GiB of each other */

typedef struct plan_module {
    const char *name;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef pointer, i32, model_type;
    LLVMValueRef model;
    ingot_text diagnostics;
} plan_module;

static void symbol_name(const plan_module *m, const char *suffix, ingot_text *out)
{
    out->size = 0;
    ingot_text_append(out, "%s_%s", m->name, suffix);
}

/* A constant of the module's own. */
static LLVMValueRef add_constant(plan_module *m, const char *name, LLVMValueRef value, unsigned alignment)
{
    LLVMValueRef global = LLVMAddGlobal(m->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, 1);
    LLVMSetLinkage(global, LLVMInternalLinkage);
    LLVMSetAlignment(global, alignment);
    return global;
}

static ingot_status add_kernel_table(plan_module *m, const char *const *names, int32_t n, ingot_arena *scratch,
                                     const char *symbol, LLVMValueRef *out)
{
    LLVMValueRef *entries;
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof(LLVMValueRef), (void **)&entries));
    LLVMTypeRef any_function = LLVMFunctionType(LLVMVoidTypeInContext(m->context), NULL, 0, 0);
    for (int32_t i = 0; i < n; i++) {
        entries[i] = LLVMGetNamedFunction(m->module, names[i]);
        if (!entries[i])
            entries[i] = LLVMAddFunction(m->module, names[i], any_function);
    }
    *out = add_constant(m, symbol, LLVMConstArray2(m->pointer, entries, (uint64_t)n), 8);
    return NULL;
}

/* `.incbin` of the weights file; its path does not stay in the object. */
static ingot_status add_embedded_weights(plan_module *m, const char *path, const char *symbol, LLVMValueRef *out)
{
    struct stat info;
    if (access(path, R_OK) || stat(path, &info))
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    if (info.st_size > MAX_EMBEDDED_BYTES)
        return ingot_fail(INGOT_UNSUPPORTED,
                          "%lld bytes of weights are too many to embed (at most %lld): keep them in their file",
                          (long long)info.st_size, (long long)MAX_EMBEDDED_BYTES);
    ingot_text text = {0};
    ingot_text_append(
        &text,
        ".section .rodata.%s,\"a\",@progbits\n.balign %d\n.globl %s\n.hidden %s\n.type %s,@object\n%s:\n.incbin \"",
        symbol, INGOT_WEIGHTS_OFFSET, symbol, symbol, symbol, symbol);
    for (const char *c = path; *c; c++)
        ingot_text_append(&text, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    ingot_text_append(&text, "\"\n.size %s, .-%s\n.text\n", symbol, symbol);
    if (text.failed)
        return ingot_status_no_memory();
    LLVMSetModuleInlineAsm2(m->module, text.data, text.size);
    ingot_text_free(&text);
    *out = LLVMAddGlobal(m->module, LLVMInt8TypeInContext(m->context), symbol);
    LLVMSetVisibility(*out, LLVMHiddenVisibility);
    return NULL;
}

enum { ABI, SIZE, PLAN, KERNELS, WEIGHTS, NAME, FALLBACK, N_FIELDS }; /* of ingot_model */

/* `fields` holds what all versions share, and the version to fall back to. */
static ingot_status add_version(plan_module *m, const ingot_artifact_version *v, LLVMValueRef *fields,
                                ingot_arena *scratch, ingot_text *symbol, LLVMValueRef *out)
{
    const char *const *names;
    int32_t n;
    INGOT_TRY(ingot_program_kernel_names(v->program, scratch, &names, &n));
    symbol_name(m, "plan", symbol);
    fields[PLAN] = add_constant(m, symbol->data, LLVMConstStringInContext2(m->context, v->plan, v->plan_size, 1), 64);
    symbol_name(m, "kernels", symbol);
    INGOT_TRY(add_kernel_table(m, names, n, scratch, symbol->data, &fields[KERNELS]));
    symbol_name(m, "version", symbol);
    *out = add_constant(m, symbol->data, LLVMConstStructInContext(m->context, fields, N_FIELDS, 0), 8);
    return NULL;
}

static ingot_status add_model(plan_module *m, const ingot_artifact_version *versions, int32_t n_versions,
                              const char *embed_path, ingot_arena *scratch, ingot_text *symbol)
{
    LLVMTypeRef types[N_FIELDS] = {m->i32, m->i32, m->pointer, m->pointer, m->pointer, m->pointer, m->pointer};
    LLVMValueRef fields[N_FIELDS] = {LLVMConstInt(m->i32, INGOT_ABI_VERSION, 0),
                                     LLVMConstInt(m->i32, sizeof(ingot_model), 0)};
    fields[WEIGHTS] = fields[FALLBACK] = LLVMConstPointerNull(m->pointer);
    if (embed_path && versions[0].program->weights_bytes) {
        symbol_name(m, "weights", symbol);
        INGOT_TRY(add_embedded_weights(m, embed_path, symbol->data, &fields[WEIGHTS]));
    }
    symbol_name(m, "name", symbol);
    fields[NAME] = add_constant(m, symbol->data, LLVMConstStringInContext2(m->context, m->name, strlen(m->name), 0), 1);
    for (int32_t i = n_versions - 1; i >= 0; i--) {
        INGOT_TRY(add_version(m, &versions[i], fields, scratch, symbol, &m->model));
        fields[FALLBACK] = m->model;
    }
    m->model_type = LLVMStructTypeInContext(m->context, types, N_FIELDS, 0);
    symbol_name(m, "model", symbol);
    LLVMSetValueName2(m->model, symbol->data, symbol->size);
    LLVMSetLinkage(m->model, LLVMExternalLinkage);
    /* What ingot_model_open looks for; weak, so that several models link into one program. */
    LLVMSetLinkage(LLVMAddAlias2(m->module, m->model_type, 0, m->model, "ingot_model_entry"), LLVMWeakAnyLinkage);
    return NULL;
}

/* NAME_suffix(arguments...) = callee([model,] arguments...). */
static void add_forward(plan_module *m, const char *suffix, const char *callee_name, bool with_model,
                        LLVMTypeRef result, LLVMTypeRef *arguments, unsigned n, ingot_text *symbol)
{
    LLVMTypeRef callee_arguments[5];
    LLVMValueRef values[5];
    unsigned first = with_model ? 1 : 0;
    callee_arguments[0] = m->pointer;
    values[0] = m->model;
    for (unsigned i = 0; i < n; i++)
        callee_arguments[first + i] = arguments[i];
    LLVMTypeRef callee_type = LLVMFunctionType(result, callee_arguments, first + n, 0);
    LLVMValueRef callee = LLVMAddFunction(m->module, callee_name, callee_type);
    symbol_name(m, suffix, symbol);
    LLVMValueRef function = LLVMAddFunction(m->module, symbol->data, LLVMFunctionType(result, arguments, n, 0));
    unsigned no_unwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAttributeRef attribute = LLVMCreateEnumAttribute(m->context, no_unwind, 0);
    LLVMAddAttributeAtIndex(function, LLVMAttributeFunctionIndex, attribute);
    LLVMPositionBuilderAtEnd(m->builder, LLVMAppendBasicBlockInContext(m->context, function, ""));
    for (unsigned i = 0; i < n; i++)
        values[first + i] = LLVMGetParam(function, i);
    LLVMValueRef call = LLVMBuildCall2(m->builder, callee_type, callee, values, first + n, "");
    LLVMSetTailCall(call, 1);
    if (LLVMGetTypeKind(result) == LLVMVoidTypeKind)
        LLVMBuildRetVoid(m->builder);
    else
        LLVMBuildRet(m->builder, call);
}

static void add_functions(plan_module *m, ingot_text *symbol)
{
    LLVMTypeRef pointers[3] = {m->pointer, m->pointer, m->pointer};
    LLVMTypeRef pools[3] = {m->pointer, m->pointer, m->i32};
    add_forward(m, "init", "ingot_context_create", true, m->pointer, pointers, 2, symbol);
    add_forward(m, "run", "ingot_context_run", false, m->pointer, pointers, 3, symbol);
    add_forward(m, "destroy", "ingot_context_destroy", false, LLVMVoidTypeInContext(m->context), pointers, 1, symbol);
    add_forward(m, "info", "ingot_model_get_info", true, m->pointer, pointers, 0, symbol);
    add_forward(m, "pools", "ingot_model_get_pools", true, m->i32, pools, 3, symbol);
}

/* Keeps LLVM from exiting on errors in the assembler. */
static void take_diagnostic(LLVMDiagnosticInfoRef info, void *arg)
{
    char *text = LLVMGetDiagInfoDescription(info);
    if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
        ingot_text_append((ingot_text *)arg, "%s\n", text);
    LLVMDisposeMessage(text);
}

static ingot_status emit(plan_module *m, LLVMTargetMachineRef machine, ingot_arena *arena, ingot_object *out)
{
    char *error = NULL;
    LLVMMemoryBufferRef buffer = NULL;
    if (LLVMVerifyModule(m->module, LLVMReturnStatusAction, &error)) {
        ingot_status status = ingot_fail(INGOT_INTERNAL, "the plan's module: %s", error);
        LLVMDisposeMessage(error);
        return status;
    }
    LLVMDisposeMessage(error);
    error = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, m->module, LLVMObjectFile, &error, &buffer)) {
        ingot_status status = ingot_fail(INGOT_INTERNAL, "the plan's object: %s", error);
        LLVMDisposeMessage(error);
        return status;
    }
    ingot_status status = NULL;
    void *copy;
    if (m->diagnostics.size)
        status = ingot_fail(INGOT_INTERNAL, "the plan's object: %s", m->diagnostics.data);
    else
        status = ingot_arena_array(arena, LLVMGetBufferSize(buffer), 1, &copy);
    if (!status) {
        memcpy(copy, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
        *out = (ingot_object){copy, LLVMGetBufferSize(buffer)};
    }
    LLVMDisposeMemoryBuffer(buffer);
    return status;
}

static ingot_status create_machine(LLVMTargetMachineRef *out)
{
    static const char triple[] = "x86_64-unknown-linux-gnu";
    LLVMTargetRef target;
    char *error = NULL;
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        ingot_status status = ingot_fail(INGOT_INTERNAL, "LLVM has no target %s: %s", triple, error);
        LLVMDisposeMessage(error);
        return status;
    }
    *out = LLVMCreateTargetMachine(target, triple, "x86-64", "", LLVMCodeGenLevelDefault, LLVMRelocPIC,
                                   LLVMCodeModelDefault);
    return *out ? NULL : ingot_fail(INGOT_INTERNAL, "LLVM makes no code for %s", triple);
}

static ingot_status build(plan_module *m, const ingot_artifact_version *versions, int32_t n_versions,
                          const char *embed_path, ingot_arena *arena, ingot_object *out)
{
    ingot_text symbol = {0};
    ingot_arena scratch = {0};
    LLVMTargetMachineRef machine;
    INGOT_TRY(create_machine(&machine));
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(machine);
    char *triple = LLVMGetTargetMachineTriple(machine);
    LLVMSetModuleDataLayout(m->module, data);
    LLVMSetTarget(m->module, triple);
    LLVMDisposeMessage(triple);
    LLVMDisposeTargetData(data);
    ingot_status status = add_model(m, versions, n_versions, embed_path, &scratch, &symbol);
    if (!status) {
        add_functions(m, &symbol);
        status = symbol.failed ? ingot_status_no_memory() : emit(m, machine, arena, out);
    }
    LLVMDisposeTargetMachine(machine);
    ingot_arena_release(&scratch);
    ingot_text_free(&symbol);
    return status;
}

ingot_status ingot_plan_object(const ingot_artifact_version *versions, int32_t n_versions,
                               const char *embed_weights_path, ingot_arena *arena, ingot_object *out)
{
    plan_module m = {.name = versions[0].program->name, .context = LLVMContextCreate()};
    m.module = LLVMModuleCreateWithNameInContext(m.name, m.context);
    m.builder = LLVMCreateBuilderInContext(m.context);
    m.pointer = LLVMPointerTypeInContext(m.context, 0);
    m.i32 = LLVMInt32TypeInContext(m.context);
    LLVMContextSetDiagnosticHandler(m.context, take_diagnostic, &m.diagnostics);
    ingot_status status = build(&m, versions, n_versions, embed_weights_path, arena, out);
    LLVMDisposeBuilder(m.builder);
    LLVMDisposeModule(m.module);
    LLVMContextDispose(m.context);
    ingot_text_free(&m.diagnostics);
    return status;
}
