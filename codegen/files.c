/* Groups of files written under temporary names in their own folder, so that renaming them is atomic. */
#include "codegen/files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FOLDERS 256

static ingot_status make_folder(ingot_files *f, const char *path)
{
    struct stat info;
    if (!mkdir(path, 0777)) {
        char *copy = ingot_arena_strndup(&f->arena, path, strlen(path));
        if (copy && f->n_made < f->capacity)
            f->made[f->n_made++] = copy;
        return copy ? NULL : ingot_status_no_memory();
    }
    int error = errno;
    if (error == EEXIST && !stat(path, &info) && S_ISDIR(info.st_mode))
        return NULL;
    return ingot_fail(INGOT_IO, "%s: %s", path, error == EEXIST ? "is not a folder" : strerror(error));
}

/* The folder and its parents. */
static ingot_status make_folders(ingot_files *f, const char *path)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        struct stat info;
        char *parent = ingot_arena_strndup(&f->arena, path, (size_t)(slash - path));
        if (!parent)
            return ingot_status_no_memory();
        if (stat(parent, &info) || !S_ISDIR(info.st_mode))
            INGOT_TRY(make_folder(f, parent));
    }
    return path[strlen(path) - 1] == '/' ? NULL : make_folder(f, path);
}

ingot_status ingot_files_begin(ingot_files *files, const char *folder)
{
    *files = (ingot_files){.capacity = MAX_FOLDERS};
    files->last = &files->first;
    if (!folder || !*folder)
        return ingot_fail(INGOT_BAD_USAGE, "no output folder given");
    INGOT_TRY(ingot_arena_array(&files->arena, MAX_FOLDERS, sizeof *files->made, (void **)&files->made));
    files->folder = ingot_arena_printf(&files->arena, "%s%s", *folder == '-' ? "./" : "", folder);
    if (!files->folder)
        return ingot_status_no_memory();
    return make_folders(files, files->folder);
}

ingot_status ingot_files_open(ingot_files *files, const char *name, bool keep, int *out_fd, const char **out_temporary)
{
    const char *slash = strrchr(name, '/');
    int32_t prefix = slash ? (int32_t)(slash - name + 1) : 0;
    if (slash) {
        char *folder = ingot_arena_printf(&files->arena, "%s/%.*s", files->folder, (int)prefix - 1, name);
        if (!folder)
            return ingot_status_no_memory();
        INGOT_TRY(make_folder(files, folder));
    }
    ingot_file_entry *entry = ingot_arena_alloc(&files->arena, 1, sizeof *entry);
    char *temporary =
        ingot_arena_printf(&files->arena, "%s/%.*s.%s.%ld.%zx.tmp", files->folder, (int)prefix, name, name + prefix,
                           (long)getpid(), (size_t)(uintptr_t)files); /* threads of one process differ */
    char *final = ingot_arena_printf(&files->arena, "%s/%s", files->folder, name);
    if (!entry || !temporary || !final)
        return ingot_status_no_memory();
    (void)unlink(temporary); /* of a process of that number that was killed */
    *out_fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (*out_fd < 0)
        return ingot_fail(INGOT_IO, "%s: %s", temporary, strerror(errno));
    *entry = (ingot_file_entry){temporary, keep ? final : NULL, NULL};
    *files->last = entry;
    files->last = &entry->next;
    if (out_temporary)
        *out_temporary = temporary;
    return NULL;
}

ingot_status ingot_files_add(ingot_files *files, const char *name, const void *data, size_t size)
{
    int fd;
    INGOT_TRY(ingot_files_open(files, name, true, &fd, NULL));
    ingot_status status = ingot_write_all(fd, data, size);
    if (close(fd) && !status)
        status = ingot_fail(INGOT_IO, "%s", strerror(errno));
    return ingot_status_note(status, "%s/%s", files->folder, name);
}

ingot_status ingot_files_commit(ingot_files *files)
{
    for (ingot_file_entry *e = files->first; e; e = e->next) {
        if (!e->final)
            continue;
        if (rename(e->temporary, e->final))
            return ingot_fail(INGOT_IO, "%s: %s", e->final, strerror(errno));
        e->final = NULL;
        e->temporary = NULL;
    }
    files->committed = true;
    return NULL;
}

void ingot_files_end(ingot_files *files)
{
    for (ingot_file_entry *e = files->first; e; e = e->next) {
        if (e->temporary)
            (void)unlink(e->temporary);
    }
    for (int32_t i = files->n_made - 1; i >= 0 && !files->committed; i--)
        (void)rmdir(files->made[i]); /* only if empty */
    ingot_arena_release(&files->arena);
}
