/* What can be told from the machine code of a kernel: its size, and how often vector registers are spilled. */
#include "codegen/codegen.h"
#include "codegen/elf.h"
#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>
#include <string.h>

typedef struct inspection {
    LLVMDisasmContextRef disassembler;
    int64_t bytes, spills;
} inspection;

/* "vmovups %ymm3, 96(%rsp)": a whole vector register goes to the stack. */
static bool is_spill(const char *text)
{
    text += strspn(text, " \t");
    if (strncmp(text, "vmov", 4) && strncmp(text, "movap", 5) && strncmp(text, "movup", 5) && strncmp(text, "movdq", 5))
        return false;
    const char *comma = strrchr(text, ',');
    const char *first = strchr(text, '%');
    return comma && first && first < comma && strncmp(first + 2, "mm", 2) == 0 &&
           (strstr(comma, "(%rsp") || strstr(comma, "(%rbp"));
}

static void read_code(void *arg, const char *code, size_t size)
{
    inspection *i = arg;
    i->bytes += (int64_t)size;
    char text[256];
    for (size_t at = 0; at < size;) {
        size_t step =
            LLVMDisasmInstruction(i->disassembler, (uint8_t *)(uintptr_t)(code + at), size - at, at, text, sizeof text);
        if (step == 0)
            break;
        i->spills += is_spill(text);
        at += step;
    }
}

ingot_status ingot_object_inspect(const ingot_object *object, int32_t *out_code_bytes, int32_t *out_spills)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86Disassembler();
    inspection i = {.disassembler = LLVMCreateDisasmCPU("x86_64-unknown-linux-gnu", "x86-64-v4", NULL, 0, NULL, NULL)};
    if (!i.disassembler)
        return ingot_fail(INGOT_INTERNAL, "no disassembler for x86-64");
    ingot_status status = ingot_elf_read_code(object->data, object->size, read_code, &i);
    LLVMDisasmDispose(i.disassembler);
    *out_code_bytes = (int32_t)(i.bytes < INT32_MAX ? i.bytes : INT32_MAX);
    *out_spills = (int32_t)(i.spills < INT32_MAX ? i.spills : INT32_MAX);
    return status;
}
