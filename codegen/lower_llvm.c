/* MLIR text -> MLIR passes -> LLVM IR -> machine code. One context per call: nothing is kept, so calls are independent
 * of each other. */
#include "codegen/emit.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <mlir-c/Diagnostics.h>
#include <mlir-c/Dialect/Arith.h>
#include <mlir-c/Dialect/ControlFlow.h>
#include <mlir-c/Dialect/LLVM.h>
#include <mlir-c/Dialect/SCF.h>
#include <mlir-c/Dialect/Vector.h>
#include <mlir-c/IR.h>
#include <mlir-c/Pass.h>
#include <mlir-c/RegisterEverything.h>
#include <mlir-c/Target/LLVMIR.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TRIPLE "x86_64-unknown-linux-gnu"
#define MLIR_PASSES                                                                                            \
    "convert-vector-to-llvm,convert-scf-to-cf,convert-arith-to-llvm,convert-cf-to-llvm,convert-index-to-llvm," \
    "reconcile-unrealized-casts"
#define LLVM_PASSES "function(early-cse,instcombine<no-verify-fixpoint>,loop-mssa(licm))"

const char *ingot_lower_version(void)
{
    return "llvm 22 | " MLIR_PASSES " | " LLVM_PASSES " | codegen O2";
}

typedef struct diagnostics {
    char text[512];
    size_t size;
} diagnostics;

static void collect(MlirStringRef s, void *arg)
{
    diagnostics *d = arg;
    size_t room = sizeof d->text - 1 - d->size, n = s.length < room ? s.length : room;
    memcpy(d->text + d->size, s.data, n);
    d->size += n;
    d->text[d->size] = '\0';
}

static MlirLogicalResult on_diagnostic(MlirDiagnostic diagnostic, void *arg)
{
    mlirDiagnosticPrint(diagnostic, collect, arg);
    collect(mlirStringRefCreateFromCString("; "), arg);
    return mlirLogicalResultSuccess();
}

static pthread_once_t registered = PTHREAD_ONCE_INIT;
static void register_all(void)
{
    mlirRegisterAllPasses();
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
}

static MlirContext make_context(void)
{
    MlirDialectRegistry registry = mlirDialectRegistryCreate();
    mlirRegisterAllDialects(registry); /* with their conversions to LLVM */
    MlirContext context = mlirContextCreateWithRegistry(registry, false);
    mlirDialectRegistryDestroy(registry);
    mlirRegisterAllLLVMTranslations(context);
    return context;
}

/* Every function carries the target, so that passes and code generation agree; the entry alone is visible, and may be
 * met again in another object. */
static void set_attributes(LLVMModuleRef module, const ingot_target *target)
{
    char bits[8];
    snprintf(bits, sizeof bits, "%d", target->vector_bytes * 8);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f))
            continue;
        LLVMAddTargetDependentFunctionAttr(f, "target-cpu", target->llvm_cpu);
        if (target->llvm_features[0])
            LLVMAddTargetDependentFunctionAttr(f, "target-features", target->llvm_features);
        LLVMAddTargetDependentFunctionAttr(f, "prefer-vector-width", bits);
        LLVMAddTargetDependentFunctionAttr(f, "min-legal-vector-width", bits);
        unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
        LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex,
                                LLVMCreateEnumAttribute(LLVMGetModuleContext(module), nounwind, 0));
        if (LLVMGetLinkage(f) == LLVMExternalLinkage) {
            LLVMSetLinkage(f, LLVMWeakAnyLinkage);
            LLVMSetVisibility(f, LLVMHiddenVisibility);
        }
    }
}

static ingot_status emit_machine_code(LLVMModuleRef module, LLVMTargetMachineRef machine, ingot_emit_kind kind,
                                      ingot_text *out)
{
    char *error = NULL;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef failed = LLVMRunPasses(module, LLVM_PASSES, machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (failed) {
        error = LLVMGetErrorMessage(failed);
        ingot_status status = ingot_fail(INGOT_INTERNAL, "LLVM passes: %s", error);
        LLVMDisposeErrorMessage(error);
        return status;
    }
    if (kind == INGOT_EMIT_LLVM) {
        char *text = LLVMPrintModuleToString(module);
        ingot_text_append_bytes(out, text, strlen(text));
        LLVMDisposeMessage(text);
        return NULL;
    }
    LLVMMemoryBufferRef buffer = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, kind == INGOT_EMIT_ASM ? LLVMAssemblyFile : LLVMObjectFile,
                                            &error, &buffer)) {
        ingot_status status = ingot_fail(INGOT_INTERNAL, "LLVM code generation: %s", error ? error : "");
        LLVMDisposeMessage(error);
        return status;
    }
    ingot_text_append_bytes(out, LLVMGetBufferStart(buffer), LLVMGetBufferSize(buffer));
    LLVMDisposeMemoryBuffer(buffer);
    return NULL;
}

static ingot_status lower_translated(LLVMModuleRef module, const ingot_target *target, ingot_emit_kind kind,
                                     ingot_text *out)
{
    char *error = NULL;
    LLVMTargetRef x86;
    if (LLVMGetTargetFromTriple(TRIPLE, &x86, &error)) {
        ingot_status status = ingot_fail(INGOT_INTERNAL, "LLVM target: %s", error ? error : "");
        LLVMDisposeMessage(error);
        return status;
    }
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(x86, TRIPLE, target->llvm_cpu, target->llvm_features,
                                                           LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelDefault);
    if (!machine)
        return ingot_fail(INGOT_INTERNAL, "LLVM has no target machine for %s", target->llvm_cpu);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetTarget(module, TRIPLE);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    set_attributes(module, target);
    ingot_status status = emit_machine_code(module, machine, kind, out);
    LLVMDisposeTargetMachine(machine);
    return status;
}

static ingot_status lower_parsed(MlirContext context, MlirModule module, const ingot_target *target,
                                 ingot_emit_kind kind, diagnostics *why, ingot_text *out)
{
    MlirPassManager passes = mlirPassManagerCreate(context);
#ifdef NDEBUG
    mlirPassManagerEnableVerifier(passes, false);
#else
    mlirPassManagerEnableVerifier(passes, true);
#endif
    bool ok =
        mlirLogicalResultIsSuccess(mlirOpPassManagerAddPipeline(
            mlirPassManagerGetAsOpPassManager(passes), mlirStringRefCreateFromCString(MLIR_PASSES), collect, why)) &&
        mlirLogicalResultIsSuccess(mlirPassManagerRunOnOp(passes, mlirModuleGetOperation(module)));
    mlirPassManagerDestroy(passes);
    if (!ok)
        return ingot_fail(INGOT_INTERNAL, "MLIR passes: %s", why->text);
    LLVMContextRef llvm = LLVMContextCreate();
    LLVMModuleRef translated = mlirTranslateModuleToLLVMIR(mlirModuleGetOperation(module), llvm);
    ingot_status status = translated ? lower_translated(translated, target, kind, out)
                                     : ingot_fail(INGOT_INTERNAL, "MLIR to LLVM: %s", why->text);
    if (translated)
        LLVMDisposeModule(translated);
    LLVMContextDispose(llvm);
    return status;
}

ingot_status ingot_lower_module(const char *mlir, size_t size, const ingot_target *target, ingot_emit_kind kind,
                                ingot_text *out)
{
    if (kind == INGOT_EMIT_MLIR) {
        ingot_text_append_bytes(out, mlir, size);
        return out->failed ? ingot_status_no_memory() : NULL;
    }
    pthread_once(&registered, register_all);
    diagnostics why = {{0}, 0};
    MlirContext context = make_context();
    mlirContextAttachDiagnosticHandler(context, on_diagnostic, &why, NULL);
    MlirModule module = mlirModuleCreateParse(context, mlirStringRefCreate(mlir, size));
    ingot_status status;
    if (mlirModuleIsNull(module)) {
        status = ingot_fail(INGOT_INTERNAL, "MLIR of a kernel does not parse: %s", why.text);
    } else {
        status = lower_parsed(context, module, target, kind, &why, out);
        mlirModuleDestroy(module);
    }
    mlirContextDestroy(context);
    if (!status && out->failed)
        status = ingot_status_no_memory();
    return status;
}
