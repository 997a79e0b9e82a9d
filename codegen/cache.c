/* Results of compilation by content: one file per key, named by the key's digest.
 *
 * A file is written under a name of its own and renamed, so that readers and other writers only ever meet whole ones.
 * It carries the digest of its key and of its contents, so that a damaged or foreign file is a miss.
 */
#include "codegen/worker.h"
#include "runtime/plan.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct cache_header {
    char magic[8];
    uint8_t key[16], data[16]; /* digests */
    uint64_t size;
} cache_header;
#define CACHE_MAGIC "INGOTOB1"
#define CACHE_LIMIT (64 << 20)

static bool path_of(const char *dir, const uint8_t key[16], const char *suffix, char *out, size_t room)
{
    char hex[33];
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", key[i]);
    int n = snprintf(out, room, "%s/%s%s", dir, hex, suffix);
    return n > 0 && (size_t)n < room;
}

static bool read_all(int fd, void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = read(fd, (char *)data + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, (const char *)data + at, size - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool ingot_cache_read(const char *dir, const char *key, size_t key_size, ingot_text *out)
{
    char path[4096];
    uint8_t digest[16], check[16];
    cache_header header;
    struct stat info;
    ingot_digest(key, key_size, digest);
    if (!path_of(dir, digest, ".o", path, sizeof path))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ingot_text data = {0};
    bool ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && read_all(fd, &header, sizeof header) &&
              memcmp(header.magic, CACHE_MAGIC, 8) == 0 && memcmp(header.key, digest, 16) == 0 &&
              header.size <= CACHE_LIMIT && (uint64_t)info.st_size == sizeof header + header.size;
    char block[16384];
    for (uint64_t left = ok ? header.size : 0; ok && left > 0;) {
        size_t part = left < sizeof block ? (size_t)left : sizeof block;
        ok = read_all(fd, block, part);
        ingot_text_append_bytes(&data, block, part);
        left -= part;
    }
    close(fd);
    if (ok && !data.failed && data.size == header.size) {
        ingot_digest(data.data, data.size, check);
        ok = memcmp(check, header.data, 16) == 0;
        if (ok)
            ingot_text_append_bytes(out, data.data, data.size);
    } else {
        ok = false;
    }
    ingot_text_free(&data);
    return ok && !out->failed;
}

/* The folder and its parents, as far as they can be made. */
static void make_folders(const char *dir)
{
    char part[4096];
    size_t size = strlen(dir);
    for (size_t i = 1; i <= size && size < sizeof part; i++)
        if (i == size || dir[i] == '/') {
            snprintf(part, sizeof part, "%.*s", (int)i, dir);
            mkdir(part, 0777);
        }
}

void ingot_cache_write(const char *dir, const char *key, size_t key_size, const void *data, size_t size)
{
    char path[4096], temporary[4096], suffix[48];
    cache_header header = {.size = size};
    memcpy(header.magic, CACHE_MAGIC, 8);
    if (size == 0 || size > CACHE_LIMIT)
        return;
    ingot_digest(key, key_size, header.key);
    ingot_digest(data, size, header.data);
    snprintf(suffix, sizeof suffix, ".%ld.tmp", (long)getpid());
    if (!path_of(dir, header.key, ".o", path, sizeof path) ||
        !path_of(dir, header.key, suffix, temporary, sizeof temporary))
        return;
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(temporary, flags, 0666);
    if (fd < 0 && errno == ENOENT) {
        make_folders(dir);
        fd = open(temporary, flags, 0666);
    }
    if (fd < 0)
        return;
    bool ok = write_all(fd, &header, sizeof header) && write_all(fd, data, size);
    ok = close(fd) == 0 && ok;
    if (!ok || rename(temporary, path) != 0)
        unlink(temporary);
}
