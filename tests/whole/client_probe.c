/* Looks at a compiled digits model from a caller's side. Built with the linker's --wrap for the allocator, so that
 * it sees what the model's run allocates. Usage: probe WHAT digits.weights IMAGE.npy, where WHAT is
 *   threads N    the scores as hexadecimal bits, run on N threads of the runtime's own pool
 *   caller       the same, on a parallel_for given by this program, which runs the parts backwards
 *   allocations  how many times the allocator was called during 100 runs after the first
 *   memory       the scores, with the weights given in memory and the output in memory of the context
 *   misaligned   as memory, but the weights 4 bytes off: prints the refusal
 */
#include "digits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long allocations;
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
int __real_posix_memalign(void **, size_t, size_t);
void *__real_mmap(void *, size_t, int, int, int, long);
void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __real_aligned_alloc(alignment, size);
}
int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    allocations++;
    return __real_posix_memalign(out, alignment, size);
}
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, long offset)
{
    allocations++;
    return __real_mmap(address, size, protection, flags, file, offset);
}

static void backwards(void *pool, int32_t count, void (*body)(void *arg, int32_t i), void *arg)
{
    (void)pool;
    for (int32_t i = count; i-- > 0;)
        body(arg, i);
}

static int fail(ingot_status error)
{
    fprintf(stderr, "%s\n", ingot_status_message(error));
    int code = (int)ingot_status_code(error);
    ingot_status_free(error);
    return code;
}

int main(int argc, char **argv)
{
    int at = argc > 1 && !strcmp(argv[1], "threads") ? 3 : 2;
    float image[64], score[10];
    FILE *file = argc == at + 2 ? fopen(argv[at + 1], "rb") : NULL;
    if (!file || fseek(file, -256, SEEK_END) || fread(image, sizeof image, 1, file) != 1)
        return 2;
    fclose(file);

    ingot_init_options options = {.struct_size = sizeof options, .weights_path = argv[at]};
    char *buffer = NULL;
    int in_memory = !strcmp(argv[1], "memory"), misaligned = !strcmp(argv[1], "misaligned");
    if (in_memory || misaligned) {
        file = fopen(argv[at], "rb");
        if (!file || fseek(file, 0, SEEK_END))
            return 2;
        long size = ftell(file);
        rewind(file);
        buffer = aligned_alloc(4096, ((size_t)size + 8191) / 4096 * 4096);
        char *start = buffer + (misaligned ? 4 : 0);
        if (!buffer || fread(start, (size_t)size, 1, file) != 1)
            return 2;
        fclose(file);
        options.weights_path = NULL;
        options.weights = start;
        options.weights_size = (uint64_t)size;
    }
    if (!strcmp(argv[1], "threads"))
        options.threads = (int32_t)strtol(argv[2], NULL, 10);
    if (!strcmp(argv[1], "caller"))
        options.parallel_for = backwards;

    int64_t in_shape[] = {1, 1, 8, 8}, out_shape[INGOT_MAX_RANK] = {1, 10};
    DLTensor in = {image, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, in_shape, NULL, 0};
    DLTensor out = {in_memory ? NULL : score, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, out_shape, NULL, 0};
    const DLTensor *inputs[] = {&in};
    DLTensor *outputs[] = {&out};
    digits_context *model = NULL;
    ingot_status error = digits_init(&options, &model);
    if (!error)
        error = digits_run(model, inputs, outputs);
    if (error)
        return fail(error);
    if (!strcmp(argv[1], "allocations")) {
        unsigned long before = allocations;
        for (int i = 0; i < 100 && !error; i++)
            error = digits_run(model, inputs, outputs);
        if (error)
            return fail(error);
        printf("%lu\n", allocations - before);
    } else {
        for (int i = 0; i < 10; i++) {
            uint32_t bits;
            memcpy(&bits, (const char *)out.data + 4 * i, 4);
            printf("%08x ", (unsigned)bits);
        }
        printf("\n");
    }
    digits_destroy(model);
    free(buffer);
    return 0;
}
