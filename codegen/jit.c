/* Objects in memory as callable code: LLVM ORC. */
#include "codegen/codegen.h"
#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <stdlib.h>
#include <string.h>

struct ingot_jit {
    LLVMOrcLLJITRef lljit;
};

static ingot_status take_error(LLVMErrorRef error, const char *what)
{
    if (!error)
        return NULL;
    char *text = LLVMGetErrorMessage(error);
    ingot_status status = ingot_fail(INGOT_INTERNAL, "%s: %s", what, text);
    LLVMDisposeErrorMessage(text);
    return status;
}

static ingot_status define_symbols(ingot_jit *jit, const ingot_jit_symbol *symbols, int32_t n)
{
    if (n == 0)
        return NULL;
    LLVMOrcCSymbolMapPair *pairs = calloc((size_t)n, sizeof *pairs);
    if (!pairs)
        return ingot_status_no_memory();
    for (int32_t i = 0; i < n; i++) {
        pairs[i].Name = LLVMOrcLLJITMangleAndIntern(jit->lljit, symbols[i].name);
        pairs[i].Sym.Address = (LLVMOrcExecutorAddress)(uintptr_t)symbols[i].address;
        pairs[i].Sym.Flags.GenericFlags = LLVMJITSymbolGenericFlagsExported;
    }
    LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(pairs, (size_t)n); /* takes the names */
    free(pairs);
    LLVMErrorRef error = LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(jit->lljit), unit);
    if (error)
        LLVMOrcDisposeMaterializationUnit(unit);
    return take_error(error, "JIT symbols");
}

/* What generated code may call without being told: the C library of this process (memcpy, memset). */
static ingot_status add_process_symbols(ingot_jit *jit)
{
    LLVMOrcDefinitionGeneratorRef generator = NULL;
    INGOT_TRY(take_error(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(
                             &generator, LLVMOrcLLJITGetGlobalPrefix(jit->lljit), NULL, NULL),
                         "JIT process symbols"));
    LLVMOrcJITDylibAddGenerator(LLVMOrcLLJITGetMainJITDylib(jit->lljit), generator);
    return NULL;
}

static ingot_status add_objects(ingot_jit *jit, const ingot_object *objects, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        LLVMMemoryBufferRef buffer =
            LLVMCreateMemoryBufferWithMemoryRangeCopy(objects[i].data, objects[i].size, "ingot_object");
        INGOT_TRY(take_error(LLVMOrcLLJITAddObjectFile(jit->lljit, LLVMOrcLLJITGetMainJITDylib(jit->lljit), buffer),
                             "JIT object"));
    }
    return NULL;
}

ingot_status ingot_jit_create(const ingot_object *objects, int32_t n, const ingot_jit_symbol *symbols,
                              int32_t n_symbols, ingot_jit **out)
{
    *out = NULL;
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    ingot_jit *jit = calloc(1, sizeof *jit);
    if (!jit)
        return ingot_status_no_memory();
    ingot_status status = take_error(LLVMOrcCreateLLJIT(&jit->lljit, NULL), "JIT");
    if (!status)
        status = define_symbols(jit, symbols, n_symbols);
    if (!status)
        status = add_process_symbols(jit);
    if (!status)
        status = add_objects(jit, objects, n);
    if (status) {
        ingot_jit_destroy(jit);
        return status;
    }
    *out = jit;
    return NULL;
}

ingot_status ingot_jit_lookup(ingot_jit *jit, const char *name, void **out_address)
{
    LLVMOrcExecutorAddress address = 0;
    *out_address = NULL;
    INGOT_TRY(take_error(LLVMOrcLLJITLookup(jit->lljit, &address, name), name));
    *out_address = (void *)(uintptr_t)address;
    return NULL;
}

void ingot_jit_destroy(ingot_jit *jit)
{
    if (!jit)
        return;
    if (jit->lljit) {
        LLVMErrorRef error = LLVMOrcDisposeLLJIT(jit->lljit);
        if (error)
            LLVMConsumeError(error);
    }
    free(jit);
}
