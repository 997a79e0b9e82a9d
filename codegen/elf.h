/* Global symbols of ELF relocatable objects (64-bit, little endian), read with bounds checks: what archives and the
 * choice of their members need. */
#ifndef INGOT_CODEGEN_ELF_H
#define INGOT_CODEGEN_ELF_H
#include "runtime/arena.h"

typedef struct ingot_elf_symbol {
    const char *name; /* in the object's memory */
    bool defined, weak;
} ingot_elf_symbol;
/* All global and weak symbols that have names, in the object's order; `arena` holds the array. INGOT_BAD_MODEL for what
 * is no such object. */
ingot_status ingot_elf_read_symbols(const void *object, size_t size, ingot_arena *arena, ingot_elf_symbol **out,
                                    int32_t *out_n);
/* Calls back with each section of machine code. */
typedef void ingot_elf_code(void *arg, const char *code, size_t size);
ingot_status ingot_elf_read_code(const void *object, size_t size, ingot_elf_code *code, void *arg);
#endif
