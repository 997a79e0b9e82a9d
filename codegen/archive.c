/* Archives as the linker wants them: System V / GNU `ar`, with a symbol table, and the same bytes for the same members.
 *
 *     "!<arch>\n"
 *     "/"    symbol table: big-endian count, member offset per symbol, names
 *     "//"   names of more than 15 characters, each ending in "/\n"
 *     members, each a header of 60 characters and its bytes, padded to an even length */
#include "codegen/codegen.h"
#include "codegen/elf.h"
#include <stdlib.h>
#include <string.h>

#define MAGIC        "!<arch>\n"
#define MAGIC_BYTES  8
#define HEADER_BYTES 60
#define SHORT_NAME   15

/* ---- writing ---- */

typedef struct layout {
    ingot_elf_symbol **symbols; /* per member */
    int32_t *n_symbols;
    uint64_t *offsets; /* of member headers */
    uint32_t *name_at; /* offset in the table of long names; UINT32_MAX: short */
    uint64_t n_defined, names_bytes, long_bytes;
} layout;

static uint64_t even(uint64_t size)
{
    return size + size % 2;
}

static void append_header(ingot_text *out, const char *name, uint64_t size, bool plain)
{
    if (plain) /* the two tables have no date and owner */
        ingot_text_append(out, "%-48s%-10llu`\n", name, (unsigned long long)size);
    else
        ingot_text_append(out, "%-16s%-12s%-6s%-6s%-8s%-10llu`\n", name, "0", "0", "0", "644",
                          (unsigned long long)size);
}

static void append_big_endian(ingot_text *out, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    ingot_text_append_bytes(out, bytes, 4);
}

static ingot_status lay_out(const ingot_archive_member *members, int32_t n, ingot_arena *scratch, layout *l)
{
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *l->symbols, (void **)&l->symbols));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *l->n_symbols, (void **)&l->n_symbols));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *l->offsets, (void **)&l->offsets));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *l->name_at, (void **)&l->name_at));
    for (int32_t i = 0; i < n; i++) {
        size_t size = strlen(members[i].name);
        if (!size || strchr(members[i].name, '/') || strchr(members[i].name, '\n'))
            return ingot_fail(INGOT_BAD_USAGE, "'%s' cannot be the name of an archive's member", members[i].name);
        INGOT_TRY_NOTE(
            ingot_elf_read_symbols(members[i].data, members[i].size, scratch, &l->symbols[i], &l->n_symbols[i]), "%s",
            members[i].name);
        for (int32_t k = 0; k < l->n_symbols[i]; k++) {
            if (!l->symbols[i][k].defined)
                continue;
            l->n_defined++;
            l->names_bytes += strlen(l->symbols[i][k].name) + 1;
        }
        l->name_at[i] = UINT32_MAX;
        if (size > SHORT_NAME) {
            l->name_at[i] = (uint32_t)l->long_bytes;
            l->long_bytes += size + 2;
        }
    }
    uint64_t at = MAGIC_BYTES + HEADER_BYTES + even(4 + 4 * l->n_defined + l->names_bytes);
    at += l->long_bytes ? HEADER_BYTES + even(l->long_bytes) : 0;
    for (int32_t i = 0; i < n; i++) {
        l->offsets[i] = at;
        at += HEADER_BYTES + even(members[i].size);
    }
    if (at > UINT32_MAX)
        return ingot_fail(INGOT_LIMIT, "the archive is larger than 4 GiB");
    return NULL;
}

static void append_symbols(const layout *l, int32_t n, ingot_text *out)
{
    append_header(out, "/", even(4 + 4 * l->n_defined + l->names_bytes), false);
    append_big_endian(out, (uint32_t)l->n_defined);
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < l->n_symbols[i]; k++) {
            if (l->symbols[i][k].defined)
                append_big_endian(out, (uint32_t)l->offsets[i]);
        }
    }
    for (int32_t i = 0; i < n; i++) {
        for (int32_t k = 0; k < l->n_symbols[i]; k++) {
            if (l->symbols[i][k].defined)
                ingot_text_append_bytes(out, l->symbols[i][k].name, strlen(l->symbols[i][k].name) + 1);
        }
    }
    ingot_text_append_bytes(out, "", l->names_bytes % 2);
}

static void append_long_names(const layout *l, const ingot_archive_member *members, int32_t n, ingot_text *out)
{
    if (!l->long_bytes)
        return;
    append_header(out, "//", even(l->long_bytes), true);
    for (int32_t i = 0; i < n; i++) {
        if (l->name_at[i] != UINT32_MAX)
            ingot_text_append(out, "%s/\n", members[i].name);
    }
    ingot_text_append_bytes(out, "\n", l->long_bytes % 2);
}

ingot_status ingot_archive_write(const ingot_archive_member *members, int32_t n, ingot_text *out)
{
    ingot_arena scratch = {0};
    layout l = {0};
    ingot_status status = lay_out(members, n, &scratch, &l);
    if (!status) {
        ingot_text_append_bytes(out, MAGIC, MAGIC_BYTES);
        append_symbols(&l, n, out);
        append_long_names(&l, members, n, out);
        for (int32_t i = 0; i < n; i++) {
            char name[SHORT_NAME + 16];
            ingot_text text = {0};
            if (l.name_at[i] == UINT32_MAX)
                ingot_text_append(&text, "%s/", members[i].name);
            else
                ingot_text_append(&text, "/%u", (unsigned)l.name_at[i]);
            size_t size = text.failed ? 0 : text.size;
            if (size)
                memcpy(name, text.data, size);
            name[size] = 0;
            out->failed |= text.failed;
            ingot_text_free(&text);
            append_header(out, name, members[i].size, false);
            ingot_text_append_bytes(out, members[i].data, members[i].size);
            ingot_text_append_bytes(out, "\n", members[i].size % 2);
        }
        if (out->failed)
            status = ingot_status_no_memory();
    }
    ingot_arena_release(&scratch);
    return status;
}

/* ---- reading ---- */

#define BAD(what) ingot_fail(INGOT_BAD_MODEL, "malformed archive: %s", what)

/* A decimal number padded with spaces. */
static bool parse_number(const char *text, size_t size, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < size && text[i] >= '0' && text[i] <= '9'; i++)
        *out = *out * 10 + (uint64_t)(text[i] - '0');
    bool any = i > 0;
    for (; i < size; i++)
        any &= text[i] == ' ';
    return any;
}

typedef struct reader {
    const char *data;
    size_t size;
    const char *long_names;
    uint64_t long_bytes;
} reader;

/* Name of a member; null text: a table of the archive itself. */
static ingot_status read_name(reader *r, const char *header, const char *body, uint64_t size, ingot_arena *arena,
                              const char **out)
{
    const char *from = header;
    uint64_t at, length = 0;
    *out = NULL;
    if (header[0] == '/' && header[1] == '/') {
        r->long_names = body;
        r->long_bytes = size;
        return NULL;
    }
    if (header[0] == '/' && header[1] >= '0' && header[1] <= '9') {
        if (!parse_number(header + 1, 15, &at) || at >= r->long_bytes)
            return BAD("a member's name");
        from = r->long_names + at;
        while (at + length < r->long_bytes && from[length] != '/' && from[length] != '\n')
            length++;
    } else if (header[0] == '/') {
        return NULL; /* "/" or "/SYM64/" */
    } else {
        while (length < 16 && from[length] != '/' && from[length] != ' ')
            length++;
    }
    *out = ingot_arena_strndup(arena, from, (size_t)length);
    return *out ? NULL : ingot_status_no_memory();
}

/* Counts members, or fills them in when `members` is given. */
static ingot_status read_members(const void *data, size_t size, ingot_arena *arena, ingot_archive_member *members,
                                 int32_t *out_n)
{
    reader r = {.data = data, .size = size};
    *out_n = 0;
    if (size < MAGIC_BYTES || memcmp(data, MAGIC, MAGIC_BYTES))
        return BAD("it does not begin with !<arch>");
    for (size_t at = MAGIC_BYTES; at < size;) {
        uint64_t bytes;
        const char *header = r.data + at, *name;
        if (size - at < HEADER_BYTES || header[58] != '`' || header[59] != '\n' ||
            !parse_number(header + 48, 10, &bytes) || bytes > size - at - HEADER_BYTES)
            return BAD("a member's header");
        INGOT_TRY(read_name(&r, header, header + HEADER_BYTES, bytes, arena, &name));
        if (name && *out_n == INT32_MAX)
            return BAD("too many members");
        if (name && members)
            members[*out_n] = (ingot_archive_member){name, header + HEADER_BYTES, (size_t)bytes};
        *out_n += name != NULL;
        at += HEADER_BYTES + (size_t)bytes;
        at += at < size && at % 2;
    }
    return NULL;
}

ingot_status ingot_archive_read(const void *data, size_t size, ingot_arena *arena, ingot_archive_member **out,
                                int32_t *out_n)
{
    int32_t n;
    *out_n = 0;
    INGOT_TRY(read_members(data, size, arena, NULL, &n));
    INGOT_TRY(ingot_arena_array(arena, (size_t)n + 1, sizeof **out, (void **)out));
    return read_members(data, size, arena, *out, out_n);
}
