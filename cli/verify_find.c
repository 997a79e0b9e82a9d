/* Paths to cases: ONNX test directories, trees of them, artifacts. */
#include "cli/verify.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_DEPTH 8

static ingot_status add_case(ingot_arena *arena, verify_case **io_cases, int32_t *io_n, int32_t *io_capacity,
                             const char *path, const char *model)
{
    if (*io_n == *io_capacity) {
        int32_t capacity = *io_capacity ? *io_capacity * 2 : 256;
        verify_case *fresh;
        INGOT_TRY(ingot_arena_array(arena, (size_t)capacity, sizeof *fresh, (void **)&fresh));
        if (*io_n)
            memcpy(fresh, *io_cases, (size_t)*io_n * sizeof *fresh);
        *io_cases = fresh;
        *io_capacity = capacity;
    }
    (*io_cases)[(*io_n)++] = (verify_case){path, model};
    return NULL;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* The model of a folder: model.onnx, else its only .onnx beside data sets, else its only .so; null: none. */
static const char *model_in(const char *path, struct dirent **entries, int n, ingot_arena *arena)
{
    const char *onnx = NULL, *shared = NULL;
    int n_onnx = 0, n_shared = 0;
    bool data = false;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        if (!strcmp(name, "model.onnx"))
            return ingot_arena_printf(arena, "%s/model.onnx", path);
        data |= !strncmp(name, "test_data_set_", 14);
        if (dot && !strcmp(dot, ".onnx")) {
            onnx = name;
            n_onnx++;
        }
        if (dot && !strcmp(dot, ".so")) {
            shared = name;
            n_shared++;
        }
    }
    if (n_onnx == 1 && data)
        return ingot_arena_printf(arena, "%s/%s", path, onnx);
    return n_shared == 1 ? ingot_arena_printf(arena, "%s/%s", path, shared) : NULL;
}

static ingot_status find_in(const char *path, int depth, ingot_arena *arena, verify_case **io_cases, int32_t *io_n,
                            int32_t *io_capacity)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0)
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    const char *model = model_in(path, entries, n, arena);
    ingot_status status = model ? add_case(arena, io_cases, io_n, io_capacity, path, model) : NULL;
    for (int i = 0; i < n; i++) {
        if (!status && !model && depth < MAX_DEPTH && entries[i]->d_name[0] != '.') {
            const char *inner = ingot_arena_printf(arena, "%s/%s", path, entries[i]->d_name);
            if (inner && is_folder(inner))
                status = find_in(inner, depth + 1, arena, io_cases, io_n, io_capacity);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

ingot_status verify_find(const char *path, ingot_arena *arena, verify_case **io_cases, int32_t *io_n,
                         int32_t *io_capacity)
{
    struct stat info;
    if (stat(path, &info))
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) {
        int32_t before = *io_n;
        INGOT_TRY(find_in(path, 0, arena, io_cases, io_n, io_capacity));
        if (*io_n == before)
            return ingot_fail(INGOT_IO, "%s: holds no test directory (model.onnx and test_data_set_*) and no artifact",
                              path);
        return NULL;
    }
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? ingot_arena_strndup(arena, path, (size_t)(slash - path)) : ".";
    return folder ? add_case(arena, io_cases, io_n, io_capacity, path, path) : ingot_status_no_memory();
}
