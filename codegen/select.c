/* Which members of the runtime's archive an artifact carries: what defines the symbols that are needed, and what those
 * need in turn. */
#include "codegen/artifact.h"
#include "codegen/elf.h"
#include <string.h>

typedef struct selection {
    const ingot_archive_member *members;
    ingot_elf_symbol **symbols; /* per member */
    int32_t *n_symbols;
    bool *taken;
    int32_t n, *queue, n_queued;
} selection;

/* Members are at most some hundreds of small files: no table is needed. Weak references pull nothing in. */
static void need(selection *s, const char *name)
{
    for (int32_t m = 0; m < s->n; m++) {
        for (int32_t k = 0; k < s->n_symbols[m]; k++) {
            if (!s->symbols[m][k].defined || strcmp(s->symbols[m][k].name, name))
                continue;
            if (!s->taken[m]) {
                s->taken[m] = true;
                s->queue[s->n_queued++] = m;
            }
            return;
        }
    }
}

static void need_undefined(selection *s, const ingot_elf_symbol *symbols, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (!symbols[i].defined && !symbols[i].weak)
            need(s, symbols[i].name);
    }
}

ingot_status ingot_archive_select(const ingot_archive_member *members, int32_t n, const ingot_object *users,
                                  int32_t n_users, const char *const *roots, int32_t n_roots, ingot_arena *scratch,
                                  bool *out_taken)
{
    selection s = {.members = members, .n = n, .taken = out_taken};
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *s.symbols, (void **)&s.symbols));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *s.n_symbols, (void **)&s.n_symbols));
    INGOT_TRY(ingot_arena_array(scratch, (size_t)n + 1, sizeof *s.queue, (void **)&s.queue));
    for (int32_t m = 0; m < n; m++) {
        out_taken[m] = false;
        INGOT_TRY_NOTE(
            ingot_elf_read_symbols(members[m].data, members[m].size, scratch, &s.symbols[m], &s.n_symbols[m]), "%s",
            members[m].name);
    }
    for (int32_t i = 0; i < n_roots; i++)
        need(&s, roots[i]);
    for (int32_t i = 0; i < n_users; i++) {
        ingot_elf_symbol *symbols;
        int32_t count;
        INGOT_TRY(ingot_elf_read_symbols(users[i].data, users[i].size, scratch, &symbols, &count));
        need_undefined(&s, symbols, count);
    }
    for (int32_t i = 0; i < s.n_queued; i++)
        need_undefined(&s, s.symbols[s.queue[i]], s.n_symbols[s.queue[i]]);
    return NULL;
}
