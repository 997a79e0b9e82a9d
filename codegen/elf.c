/* Reading the symbol table of an ELF object. Nothing in it is believed: every offset and count is compared with the
 * size. */
#include "codegen/elf.h"
#include <elf.h>
#include <string.h>

#define BAD(what) ingot_fail(INGOT_BAD_MODEL, "malformed object file: %s", what)

static bool is_inside(uint64_t offset, uint64_t bytes, size_t size)
{
    return offset <= size && bytes <= size - offset;
}

static ingot_status read_table(const char *object, size_t size, const Elf64_Shdr *symtab, const Elf64_Shdr *strtab,
                               ingot_arena *arena, ingot_elf_symbol **out, int32_t *out_n)
{
    if (symtab->sh_entsize != sizeof(Elf64_Sym) || !is_inside(symtab->sh_offset, symtab->sh_size, size))
        return BAD("its symbol table");
    if (!is_inside(strtab->sh_offset, strtab->sh_size, size) || !strtab->sh_size ||
        object[strtab->sh_offset + strtab->sh_size - 1])
        return BAD("its string table");
    uint64_t n = symtab->sh_size / sizeof(Elf64_Sym);
    if (n > INT32_MAX)
        return BAD("too many symbols");
    INGOT_TRY(ingot_arena_array(arena, (size_t)n, sizeof **out, (void **)out));
    for (uint64_t i = 0; i < n; i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, object + symtab->sh_offset + i * sizeof symbol, sizeof symbol);
        unsigned bind = ELF64_ST_BIND(symbol.st_info);
        if (symbol.st_name >= strtab->sh_size)
            return BAD("a symbol's name");
        const char *name = object + strtab->sh_offset + symbol.st_name;
        if ((bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) && *name)
            (*out)[(*out_n)++] = (ingot_elf_symbol){name, symbol.st_shndx != SHN_UNDEF, bind == STB_WEAK};
    }
    return NULL;
}

/* The header, checked with the place of the section table. */
static ingot_status read_header(const char *bytes, size_t size, Elf64_Ehdr *header)
{
    if (size < sizeof *header)
        return BAD("it is too short");
    memcpy(header, bytes, sizeof *header);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_type != ET_REL ||
        header->e_shentsize != sizeof(Elf64_Shdr))
        return BAD("not a 64-bit little-endian relocatable ELF file");
    if (!is_inside(header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr), size))
        return BAD("its section table");
    return NULL;
}

ingot_status ingot_elf_read_code(const void *object, size_t size, ingot_elf_code *code, void *arg)
{
    const char *bytes = object;
    Elf64_Ehdr header;
    INGOT_TRY(read_header(bytes, size, &header));
    for (uint32_t i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr section;
        memcpy(&section, bytes + header.e_shoff + i * sizeof section, sizeof section);
        if (section.sh_type != SHT_PROGBITS || !(section.sh_flags & SHF_EXECINSTR))
            continue;
        if (!is_inside(section.sh_offset, section.sh_size, size))
            return BAD("a section");
        code(arg, bytes + section.sh_offset, (size_t)section.sh_size);
    }
    return NULL;
}

ingot_status ingot_elf_read_symbols(const void *object, size_t size, ingot_arena *arena, ingot_elf_symbol **out,
                                    int32_t *out_n)
{
    const char *bytes = object;
    Elf64_Ehdr header;
    *out = NULL;
    *out_n = 0;
    INGOT_TRY(read_header(bytes, size, &header));
    for (uint32_t i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr section, strings;
        memcpy(&section, bytes + header.e_shoff + i * sizeof section, sizeof section);
        if (section.sh_type != SHT_SYMTAB)
            continue;
        if (section.sh_link >= header.e_shnum)
            return BAD("its string table");
        memcpy(&strings, bytes + header.e_shoff + section.sh_link * sizeof strings, sizeof strings);
        return read_table(bytes, size, &section, &strings, arena, out, out_n);
    }
    return NULL;
}
