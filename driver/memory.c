/* A compiled model in memory: its code through LLVM's ORC, its weights in pages of our own, the same plan as in an
 * artifact. */
#include "driver/driver.h"
#include "runtime/plan.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* NAME.weights as it would be on disk, in a file that has no name. */
static ingot_status map_weights(ingot_compiled *c, ingot_program *weights_of, int fd)
{
    INGOT_TRY(ingot_weights_write(weights_of, c->build_id, fd, c->weights_digest));
    struct stat info;
    if (fstat(fd, &info))
        return ingot_fail(INGOT_IO, "the weights in memory: %s", strerror(errno));
    if (info.st_size == 0)
        return NULL;
    void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return ingot_fail(INGOT_LIMIT, "%lld bytes for the weights: %s", (long long)info.st_size, strerror(errno));
    c->weights = map;
    c->weights_mapped_bytes = (size_t)info.st_size;
    return NULL;
}

static ingot_status make_weights(ingot_compiled *c, ingot_program *weights_of)
{
    int fd = memfd_create("ingot-weights", MFD_CLOEXEC);
    if (fd < 0)
        return ingot_fail(INGOT_LIMIT, "memory for the weights: %s", strerror(errno));
    ingot_status status = map_weights(c, weights_of, fd);
    close(fd);
    return status;
}

static const struct {
    const char *name;
    const void *address;
} portable_table[] = {
#define PORTABLE(name) {"ingot_portable_" #name, (const void *)(uintptr_t)ingot_portable_##name},
#include "runtime/portable.def"
#undef PORTABLE
#define BOXED(name) {"ingot_boxed_" #name, (const void *)(uintptr_t)ingot_boxed_##name},
#include "runtime/boxed.def"
#undef BOXED
};

static const void *find_portable(const char *name)
{
    for (size_t i = 0; i < sizeof portable_table / sizeof portable_table[0]; i++)
        if (!strcmp(portable_table[i].name, name))
            return portable_table[i].address;
    return NULL;
}

static ingot_status make_kernel_table(ingot_compiled *c)
{
    const char *const *names;
    int32_t n;
    INGOT_TRY(ingot_program_kernel_names(c->program, &c->arena, &names, &n));
    INGOT_TRY(ingot_arena_array(&c->arena, (size_t)n + 1, sizeof *c->kernel_table, (void **)&c->kernel_table));
    for (int32_t i = 0; i < n; i++) {
        const void *address = find_portable(names[i]);
        if (!address) {
            void *found = NULL;
            INGOT_TRY(ingot_jit_lookup(c->jit, names[i], &found));
            address = found;
        }
        c->kernel_table[i] = address;
    }
    return NULL;
}

/* The first version that this machine runs, else the last. */
static ingot_compiled *version_for_this_cpu(ingot_compiled *c)
{
    uint64_t have = ingot_cpu_detect();
    while (c->fallback && (c->target->required & ~have))
        c = c->fallback;
    return c;
}

ingot_status ingot_compiled_get_model(ingot_compiled *c, const ingot_model **out_model)
{
    ingot_program *weights_of = c->program;
    c = version_for_this_cpu(c);
    *out_model = NULL;
    if (!c->objects)
        return ingot_fail(INGOT_BAD_USAGE, "this model was compiled without code (no_code)");
    if (!c->has_model) {
        double begin = ingot_seconds_now();
        size_t plan_bytes;
        if (!c->weights)
            INGOT_TRY(make_weights(c, weights_of));
        if (!c->plan)
            INGOT_TRY(ingot_plan_serialize(c->program, c->target, c->build_id, c->weights_digest, &c->arena, &c->plan,
                                           &plan_bytes));
        ((ingot_plan *)c->plan)->max_workspace_bytes = (uint64_t)c->options.max_workspace;
        if (!c->jit && c->program->n_specs > 0)
            INGOT_TRY(ingot_jit_create(c->objects, c->program->n_specs, NULL, 0, &c->jit));
        INGOT_TRY(make_kernel_table(c));
        c->model = (ingot_model){
            .abi_version = INGOT_ABI_VERSION,
            .struct_size = sizeof c->model,
            .plan = c->plan,
            .kernels = c->kernel_table,
            .embedded_weights = c->weights,
            .name = c->name,
        };
        c->has_model = true;
        c->timing.stages[INGOT_STAGE_WRITE] += ingot_seconds_now() - begin;
    }
    *out_model = &c->model;
    return NULL;
}
