/* Writing NAME.weights: a header page, then every constant at its offset, zeros between. */
#include "codegen/codegen.h"
#include "codegen/files.h"
#include "runtime/digest.h"
#include "runtime/weights.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

ingot_status ingot_write_all(int fd, const void *data, size_t size)
{
    const char *bytes = data;
    while (size) {
        ssize_t n = write(fd, bytes, size < (1u << 30) ? size : (1u << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ingot_fail(INGOT_IO, "writing: %s", n < 0 ? strerror(errno) : "nothing was written");
        bytes += n;
        size -= (size_t)n;
    }
    return NULL;
}

static ingot_status add(int fd, ingot_digest_state *digest, const void *data, size_t size)
{
    ingot_digest_add(digest, data, size);
    return ingot_write_all(fd, data, size);
}

static ingot_status add_zeros(int fd, ingot_digest_state *digest, int64_t count)
{
    static const char zeros[4096];
    for (; count > 0; count -= (int64_t)sizeof zeros)
        INGOT_TRY(add(fd, digest, zeros, count < (int64_t)sizeof zeros ? (size_t)count : sizeof zeros));
    return NULL;
}

static ingot_status add_weight(const ingot_weight *weight, int fd, ingot_digest_state *digest)
{
    ingot_arena scratch = {0};
    void *bytes;
    ingot_status status = ingot_arena_array(&scratch, (size_t)weight->size_bytes, 1, &bytes);
    if (!status)
        status = ingot_weight_write(weight, &scratch, bytes);
    if (!status)
        status = add(fd, digest, bytes, (size_t)weight->size_bytes);
    ingot_arena_release(&scratch);
    return status;
}

static ingot_status add_weights(ingot_program *program, int fd, ingot_digest_state *digest)
{
    int64_t at = 0;
    for (int32_t i = 0; i < program->n_weights; i++) {
        const ingot_weight *w = &program->weights[i];
        const char *name = w->value->name ? w->value->name : "without a name";
        if (w->value->type.dtype == INGOT_STRING && w->size_bytes)
            return ingot_fail(INGOT_UNSUPPORTED, "constant %s: strings cannot be in a weights file", name);
        if (w->offset < at || w->size_bytes < 0 || w->size_bytes > program->weights_bytes - w->offset)
            return ingot_fail(INGOT_INTERNAL, "constant %s: bytes %lld and %lld more are not where they should be",
                              name, (long long)w->offset, (long long)w->size_bytes);
        INGOT_TRY(add_zeros(fd, digest, w->offset - at));
        INGOT_TRY_NOTE(add_weight(w, fd, digest), "constant %s", name);
        at = w->offset + w->size_bytes;
    }
    return add_zeros(fd, digest, program->weights_bytes - at);
}

ingot_status ingot_weights_write(ingot_program *program, const uint8_t *build_id, int fd, uint8_t *out_digest)
{
    char page[INGOT_WEIGHTS_OFFSET] = {0};
    ingot_digest_state digest;
    off_t start = lseek(fd, 0, SEEK_CUR);
    if (start < 0)
        return ingot_fail(INGOT_IO, "writing weights: %s", strerror(errno));
    INGOT_TRY(ingot_write_all(fd, page, sizeof page));
    ingot_digest_begin(&digest);
    INGOT_TRY(add_weights(program, fd, &digest));
    ingot_digest_end(&digest, out_digest);
    ingot_weights_header header = {
        .version = INGOT_WEIGHTS_VERSION,
        .data_offset = INGOT_WEIGHTS_OFFSET,
        .size = (uint64_t)program->weights_bytes,
    };
    memcpy(header.magic, INGOT_WEIGHTS_MAGIC, sizeof header.magic);
    memcpy(header.build_id, build_id, sizeof header.build_id);
    memcpy(header.digest, out_digest, sizeof header.digest);
    if (pwrite(fd, &header, sizeof header, start) != (ssize_t)sizeof header)
        return ingot_fail(INGOT_IO, "writing weights: %s", strerror(errno));
    return NULL;
}
