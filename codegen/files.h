/* Files that appear together or not at all: written under temporary names, renamed at the end. Private to codegen/.
 *
 *     ingot_files f;
 *     ingot_files_begin(&f, "out");
 *     ingot_status s = ingot_files_add(&f, "model.h", text, size);
 *     if (!s) s = ingot_files_commit(&f);
 *     ingot_files_end(&f);                    // removes what was not committed
 */
#ifndef INGOT_CODEGEN_FILES_H
#define INGOT_CODEGEN_FILES_H
#include "runtime/arena.h"

typedef struct ingot_file_entry {
    char *temporary, *final; /* final: null for a file that is only needed meanwhile */
    struct ingot_file_entry *next;
} ingot_file_entry;
typedef struct ingot_files {
    ingot_arena arena;
    const char *folder; /* never begins with '-', so that commands take it for a path */
    ingot_file_entry *first, **last;
    char **made; /* folders that did not exist before */
    int32_t n_made, capacity;
    bool committed;
} ingot_files;
/* Creates the folder and its parents. */
ingot_status ingot_files_begin(ingot_files *files, const char *folder);
/* A new temporary file, open for writing; `name` may have one folder before it ("ingot/runtime.h"). `keep` false:
 * removed at the end. */
ingot_status ingot_files_open(ingot_files *files, const char *name, bool keep, int *out_fd, const char **out_temporary);
ingot_status ingot_files_add(ingot_files *files, const char *name, const void *data, size_t size);
ingot_status ingot_files_commit(ingot_files *files);
void ingot_files_end(ingot_files *files);
/* All bytes to a descriptor (weights_file.c). */
ingot_status ingot_write_all(int fd, const void *data, size_t size);
#endif
