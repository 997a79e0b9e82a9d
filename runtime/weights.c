/* The weights of a model: found, checked, mapped read-only, and shared by the model's contexts.
 *
 * Mapped files are kept in one list with counts, under a lock; the last context to go unmaps. */
#include "runtime/weights.h"
#include "runtime/context.h"
#include "runtime/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ingot_weights {
    ingot_arena memory;
    const ingot_plan *plan;
    void *map;
    size_t map_bytes;
    dev_t device;
    ino_t inode;
    struct timespec modified;
    int32_t users;
    ingot_weights *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ingot_weights *mapped;

/* Header against plan. `where` names the file or the memory. */
static ingot_status check_header(const ingot_plan *plan, const void *file, uint64_t file_bytes, const char *where)
{
    ingot_weights_header h;
    if (file_bytes < sizeof h)
        return ingot_fail(INGOT_BAD_MODEL, "%s: %llu bytes are too few for a weights file", where,
                          (unsigned long long)file_bytes);
    memcpy(&h, file, sizeof h);
    if (memcmp(h.magic, INGOT_WEIGHTS_MAGIC, sizeof h.magic))
        return ingot_fail(INGOT_BAD_MODEL, "%s: not a weights file (it does not begin with %s)", where,
                          INGOT_WEIGHTS_MAGIC);
    if (h.version != INGOT_WEIGHTS_VERSION || h.data_offset != INGOT_WEIGHTS_OFFSET)
        return ingot_fail(INGOT_BAD_MODEL, "%s: weights file of version %u, expected %u", where, (unsigned)h.version,
                          INGOT_WEIGHTS_VERSION);
    if (memcmp(h.build_id, plan->build_id, sizeof h.build_id)) {
        char found[33], expected[33];
        ingot_digest_print(h.build_id, found);
        ingot_digest_print(plan->build_id, expected);
        return ingot_fail(INGOT_BAD_MODEL, "%s: belongs to another compile (build %s, the model's is %s)", where, found,
                          expected);
    }
    if (h.size != plan->weights_bytes || memcmp(h.digest, plan->weights_digest, sizeof h.digest))
        return ingot_fail(INGOT_BAD_MODEL, "%s: its header does not agree with the model", where);
    if (file_bytes < INGOT_WEIGHTS_OFFSET || file_bytes - INGOT_WEIGHTS_OFFSET < h.size)
        return ingot_fail(INGOT_BAD_MODEL, "%s: is cut off: %llu bytes, expected %llu", where,
                          (unsigned long long)file_bytes, (unsigned long long)(h.size + INGOT_WEIGHTS_OFFSET));
    return NULL;
}

static ingot_status map_descriptor(const ingot_plan *plan, int fd, const char *path, ingot_weights **out)
{
    struct stat info;
    if (fstat(fd, &info))
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return ingot_fail(INGOT_IO, "%s: is not a file", path);
    for (ingot_weights *w = mapped; w; w = w->next) {
        if (w->plan == plan && w->device == info.st_dev && w->inode == info.st_ino &&
            w->map_bytes == (size_t)info.st_size && w->modified.tv_sec == info.st_mtim.tv_sec &&
            w->modified.tv_nsec == info.st_mtim.tv_nsec) {
            w->users++;
            *out = w;
            return NULL;
        }
    }
    if (info.st_size < (off_t)sizeof(ingot_weights_header))
        return check_header(plan, NULL, (uint64_t)info.st_size, path);
    void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return ingot_fail(errno == ENOMEM ? INGOT_LIMIT : INGOT_IO, "%s: cannot be mapped: %s", path, strerror(errno));
    ingot_status status = check_header(plan, map, (uint64_t)info.st_size, path);
    ingot_arena arena = {0};
    ingot_weights *w = status ? NULL : ingot_arena_alloc(&arena, 1, sizeof *w);
    if (!w) {
        munmap(map, (size_t)info.st_size);
        return status ? status : ingot_status_no_memory();
    }
    *w = (ingot_weights){.memory = arena,
                         .plan = plan,
                         .map = map,
                         .map_bytes = (size_t)info.st_size,
                         .device = info.st_dev,
                         .inode = info.st_ino,
                         .modified = info.st_mtim,
                         .users = 1,
                         .next = mapped};
    mapped = w;
    *out = w;
    return NULL;
}

static ingot_status map_file(const ingot_plan *plan, const char *path, ingot_weights **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    pthread_mutex_lock(&lock);
    ingot_status status = map_descriptor(plan, fd, path, out);
    pthread_mutex_unlock(&lock);
    close(fd);
    return status;
}

/* ---- search ---- */

typedef struct {
    uintptr_t address;
    ingot_arena *arena;
    const char *folder; /* with the slash; null: in the program itself */
    bool failed;
} object_search;

/* The loaded file that holds an address; dl_iterate_phdr is there in static programs too. */
static int match_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    object_search *s = arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD || s->address < start || s->address - start >= segment->p_memsz)
            continue;
        const char *slash = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
        if (slash) {
            s->folder = ingot_arena_strndup(s->arena, info->dlpi_name, (size_t)(slash - info->dlpi_name) + 1);
            s->failed = !s->folder;
        }
        return 1;
    }
    return 0;
}

static ingot_status find_file(const ingot_plan_view *view, ingot_arena *arena, const char **out_path)
{
    object_search search = {.address = (uintptr_t)view->plan, .arena = arena};
    dl_iterate_phdr(match_object, &search);
    if (search.failed)
        return ingot_status_no_memory();
    const char *beside = search.folder ? ingot_arena_printf(arena, "%s%s.weights", search.folder, view->name) : NULL;
    const char *here = ingot_arena_printf(arena, "%s.weights", view->name);
    if (!here || (search.folder && !beside))
        return ingot_status_no_memory();
    *out_path = beside && !access(beside, F_OK) ? beside : here;
    if (!access(*out_path, F_OK))
        return NULL;
    if (beside)
        return ingot_fail(INGOT_IO,
                          "no weights: there is neither %s nor %s (in the working directory); set weights_path", beside,
                          here);
    return ingot_fail(INGOT_IO, "no weights: there is no %s in the working directory; set weights_path", here);
}

/* ---- interface ---- */

static ingot_status acquire(const ingot_model *model, const ingot_plan_view *view, const ingot_init_options *options,
                            ingot_arena *scratch, ingot_weights **out, const void **out_data)
{
    const ingot_plan *plan = view->plan;
    const char *path = options->weights_path;
    const void *memory = options->weights;
    uint64_t memory_bytes = options->weights_size;
    const char *where = "the weights in memory";
    if (!memory && !path && model->embedded_weights) {
        memory = model->embedded_weights;
        memory_bytes = plan->weights_bytes + INGOT_WEIGHTS_OFFSET;
        where = "the embedded weights";
    }
    if (memory) {
        if ((uintptr_t)memory % 64)
            return ingot_fail(INGOT_BAD_USAGE, "%s: %p is not aligned to 64 bytes", where, memory);
        INGOT_TRY(check_header(plan, memory, memory_bytes, where));
        *out_data = (const char *)memory + INGOT_WEIGHTS_OFFSET;
    } else {
        if (!path)
            INGOT_TRY(find_file(view, scratch, &path));
        where = path;
        INGOT_TRY(map_file(plan, path, out));
        *out_data = (const char *)(*out)->map + INGOT_WEIGHTS_OFFSET;
    }
    if (options->verify_weights) {
        uint8_t digest[16];
        ingot_digest(*out_data, (size_t)plan->weights_bytes, digest);
        if (memcmp(digest, plan->weights_digest, sizeof digest))
            return ingot_fail(INGOT_BAD_MODEL, "%s: damaged: the digest of the weights is not the model's", where);
    }
    return NULL;
}

ingot_status ingot_weights_acquire(const ingot_model *model, const ingot_plan_view *view,
                                   const ingot_init_options *options, ingot_weights **out, const void **out_data)
{
    static const _Alignas(64) char none[64];
    *out = NULL;
    *out_data = none;
    if (!view->plan->weights_bytes)
        return NULL;
    ingot_arena scratch = {0};
    ingot_status status = acquire(model, view, options, &scratch, out, out_data);
    ingot_arena_release(&scratch);
    if (status) {
        ingot_weights_release(*out);
        *out = NULL;
    }
    return status;
}

void ingot_weights_release(ingot_weights *weights)
{
    if (!weights)
        return;
    pthread_mutex_lock(&lock);
    bool last = --weights->users == 0;
    if (last) {
        ingot_weights **at = &mapped;
        while (*at != weights)
            at = &(*at)->next;
        *at = weights->next;
    }
    pthread_mutex_unlock(&lock);
    if (last) {
        munmap(weights->map, weights->map_bytes);
        ingot_arena arena = weights->memory;
        ingot_arena_release(&arena);
    }
}
