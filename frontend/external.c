/* External data of initializers: files beside the model, never anything else.
 *
 * The location is resolved beneath the model's folder, without following links: by openat2 where the kernel has it,
 * else one component at a time with O_NOFOLLOW. The opened file must be a regular one with a single link, and hold the
 * range asked for.
 */
#include "frontend/importer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(SYS_openat2) && __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#define HAVE_OPENAT2 1
#endif

/* A plain relative path: no empty, "." or ".." components and no leading slash. */
static bool location_is_safe(const char *location)
{
    if (!*location || *location == '/' || strlen(location) >= 4096 || strchr(location, '\\'))
        return false;
    for (const char *at = location; *at;) {
        size_t size = strcspn(at, "/");
        if (size == 0 || size > 255 || (size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += size;
        at += *at == '/';
    }
    return true;
}

/* "./x" is common and harmless. */
static const char *skip_dot(const char *location)
{
    while (location[0] == '.' && location[1] == '/')
        location += 2;
    return location;
}

static int open_by_components(int folder, const char *location)
{
    int at = dup(folder);
    char part[256];
    while (at >= 0) {
        size_t size = strcspn(location, "/");
        memcpy(part, location, size);
        part[size] = 0;
        bool last = !location[size];
        int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
        int next = openat(at, part, flags);
        int saved = errno;
        close(at);
        errno = saved;
        if (last)
            return next;
        at = next;
        location += size + 1;
    }
    return -1;
}

static int open_beneath(int folder, const char *location)
{
#ifdef HAVE_OPENAT2
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, folder, location, &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return (int)fd;
#endif
    return open_by_components(folder, location);
}

/* Takes the descriptor. */
static ingot_status check_file(ingot_importer *im, int fd, const char *location, ingot_external_file *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return ingot_fail(INGOT_IO, "external data '%s': %s", location, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ingot_fail(INGOT_BAD_MODEL, "external data '%s' is not a regular file", location);
    if (info.st_nlink != 1)
        return ingot_fail(INGOT_BAD_MODEL, "external data '%s' has %lld hard links: only a file of its own is read",
                          location, (long long)info.st_nlink);
    out->size_bytes = (int64_t)info.st_size;
    const char *path = ingot_arena_printf(&im->module->arena, "%s/%s", im->folder, location);
    if (!path)
        return ingot_status_no_memory();
    return ingot_module_add_file(im->module, fd, path, out->size_bytes, &out->handle);
}

static ingot_status open_file(ingot_importer *im, const char *location, const char *tensor, ingot_external_file **out)
{
    for (ingot_external_file *f = im->external; f; f = f->next)
        if (!strcmp(f->location, location)) {
            *out = f;
            return NULL;
        }
    if (!im->folder)
        return ingot_fail(INGOT_BAD_MODEL, "tensor '%s' has external data '%s', but the model is not a file", tensor,
                          location);
    ingot_external_file *f;
    INGOT_TRY(ingot_arena_array(&im->scratch, 1, sizeof *f, (void **)&f));
    f->location = ingot_arena_strndup(&im->module->arena, location, strlen(location));
    if (!f->location)
        return ingot_status_no_memory();
    int folder = open(im->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return ingot_fail(INGOT_IO, "folder '%s' of the model: %s", im->folder, strerror(errno));
    int fd = open_beneath(folder, location);
    int saved = errno;
    close(folder);
    if (fd < 0)
        return ingot_fail(saved == ELOOP || saved == EXDEV ? INGOT_BAD_MODEL : INGOT_IO,
                          "tensor '%s': external data '%s': %s", tensor, location,
                          saved == ELOOP ? "links are not followed" : strerror(saved));
    ingot_status status = check_file(im, fd, location, f);
    if (status) {
        close(fd);
        return ingot_status_note(status, "tensor '%s'", tensor);
    }
    f->next = im->external;
    im->external = f;
    *out = f;
    return NULL;
}

static bool parse_size(const char *text, int64_t *out)
{
    if (!text || !*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return false;
    *out = strtoll(text, NULL, 10);
    return true;
}

ingot_status ingot_external_open(ingot_importer *im, const ingot_onnx_tensor *tensor, int64_t need_bytes,
                                 int32_t *out_handle, const char **out_path, int64_t *out_offset)
{
    if (!tensor->location)
        return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': external data without a location", tensor->name);
    const char *location = skip_dot(tensor->location);
    if (!location_is_safe(location))
        return ingot_fail(INGOT_BAD_MODEL,
                          "tensor '%s': external data '%s' is not a plain path inside the model's folder", tensor->name,
                          tensor->location);
    int64_t offset = 0, length = need_bytes;
    if ((tensor->offset && !parse_size(tensor->offset, &offset)) ||
        (tensor->length && !parse_size(tensor->length, &length)))
        return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': offset '%s', length '%s' of external data", tensor->name,
                          tensor->offset ? tensor->offset : "", tensor->length ? tensor->length : "");
    if (length != need_bytes)
        return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': expected %lld bytes of data, found %lld in '%s'", tensor->name,
                          (long long)need_bytes, (long long)length, location);
    ingot_external_file *file = NULL;
    INGOT_TRY(open_file(im, location, tensor->name, &file));
    if (offset > file->size_bytes || length > file->size_bytes - offset)
        return ingot_fail(INGOT_BAD_MODEL, "tensor '%s': bytes %lld to %lld of '%s', which has %lld", tensor->name,
                          (long long)offset, (long long)(offset + length), location, (long long)file->size_bytes);
    *out_handle = file->handle;
    *out_path = file->location;
    *out_offset = offset;
    return NULL;
}
