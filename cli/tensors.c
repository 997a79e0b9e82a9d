/* Values: from files, at random, to files, and what can be said of them in a line. */
#include "cli/cli.h"
#include "codegen/files.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ingot_status cli_write_file(const char *path, const void *data, size_t size)
{
    const char *slash = strrchr(path, '/');
    ingot_arena arena = {0};
    const char *folder = slash ? ingot_arena_strndup(&arena, path, (size_t)(slash - path) + (slash == path)) : ".";
    ingot_files files;
    ingot_status status = folder ? ingot_files_begin(&files, folder) : ingot_status_no_memory();
    if (!status) {
        status = ingot_files_add(&files, slash ? slash + 1 : path, data, size);
        if (!status)
            status = ingot_files_commit(&files);
        ingot_files_end(&files);
    }
    ingot_arena_release(&arena);
    return status;
}

ingot_status cli_read_file(const char *path, int64_t limit, ingot_arena *arena, void **out_data, size_t *out_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    struct stat info;
    ingot_status status = NULL;
    char *data = NULL;
    size_t at = 0;
    if (fstat(fd, &info))
        status = ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        status = ingot_fail(INGOT_IO, "%s: is %s, not a file", path, S_ISDIR(info.st_mode) ? "a directory" : "special");
    else if (info.st_size > limit)
        status = ingot_fail(INGOT_LIMIT, "%s: %lld bytes are more than %lld", path, (long long)info.st_size,
                            (long long)limit);
    else
        status = ingot_arena_array(arena, (size_t)info.st_size + 1, 1, (void **)&data);
    while (!status && at < (size_t)info.st_size) {
        ssize_t got = read(fd, data + at, (size_t)info.st_size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            status = ingot_fail(INGOT_IO, "%s: %s", path, got < 0 ? strerror(errno) : "is shorter than it was");
        else
            at += (size_t)got;
    }
    close(fd);
    *out_data = data;
    *out_size = at;
    return status;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t size = strlen(path), tail = strlen(ending);
    return size >= tail && !strcmp(path + size - tail, ending);
}

ingot_status cli_read_tensor(const char *path, ingot_arena *arena, ingot_tensor *out)
{
    if (!ends_in(path, ".npy"))
        return ingot_read_tensor_pb(path, arena, out);
    ingot_arena scratch = {0};
    void *data;
    size_t size;
    ingot_status status = cli_read_file(path, (int64_t)1 << 36, &scratch, &data, &size);
    if (!status)
        status = cli_npy_parse(data, size, path, arena, out);
    ingot_arena_release(&scratch);
    return status;
}

ingot_tensor cli_tensor_of_box(const ingot_box *box)
{
    return (ingot_tensor){.data = (void *)(uintptr_t)box};
}

const ingot_box *cli_box_of(const ingot_tensor *value)
{
    return value->dtype == INGOT_UNDEFINED ? value->data : NULL;
}

ingot_status cli_read_value(const char *path, ingot_form form, ingot_dtype dtype, ingot_arena *arena, ingot_heap *heap,
                            ingot_tensor *out)
{
    ingot_box *box;
    if (form == INGOT_FORM_TENSOR)
        return cli_read_tensor(path, arena, out);
    if (ends_in(path, ".npy"))
        return ingot_fail(INGOT_BAD_USAGE, "%s: a sequence or an optional is read from .pb files", path);
    INGOT_TRY(ingot_read_box_pb(path, form, dtype, heap, &box));
    *out = cli_tensor_of_box(box);
    return NULL;
}

ingot_status cli_read_inputs(const char *model, int32_t n, cli_value *values, ingot_arena *arena, ingot_heap *heap)
{
    cli_interface ports = {0};
    if (n)
        INGOT_TRY(cli_read_interface(model, arena, &ports));
    for (int32_t i = 0; i < n; i++) {
        const cli_port *port = NULL;
        for (int32_t k = 0; k < ports.n_inputs; k++)
            if (!strcmp(ports.inputs[k].name, values[i].name))
                port = &ports.inputs[k];
        INGOT_TRY(cli_read_value(values[i].path, port ? port->form : INGOT_FORM_TENSOR,
                                 port ? port->dtype : INGOT_UNDEFINED, arena, heap, &values[i].tensor));
    }
    return NULL;
}

ingot_status cli_parse_input(const char *argument, ingot_arena *arena, cli_value *out)
{
    const char *at = strstr(argument, "=@");
    if (!at || at == argument || !at[2])
        return cli_usage("--input: '%.200s' is not of the form NAME=@FILE.npy", argument);
    out->name = ingot_arena_strndup(arena, argument, (size_t)(at - argument));
    out->path = at + 2;
    return out->name ? NULL : ingot_status_no_memory();
}

/* All of the bytes, or a status. */
static ingot_status write_all(int fd, const void *data, size_t size, const char *path)
{
    for (const char *at = data; size > 0;) {
        ssize_t put = write(fd, at, size < ((size_t)1 << 30) ? size : (size_t)1 << 30);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
        at += put;
        size -= (size_t)put;
    }
    return NULL;
}

ingot_status cli_write_tensor(const char *folder, int32_t index, const char *name, const ingot_tensor *t)
{
    bool npy = !cli_box_of(t) && cli_npy_can_hold(t->dtype);
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%d.%s", folder, index, npy ? "npy" : "pb") >= (int)sizeof path)
        return ingot_fail(INGOT_IO, "%.100s...: the path is too long", folder);
    ingot_text head = {0};
    ingot_status status = npy ? cli_npy_format(t, &head) : cli_pb_format(name, t, &head);
    int fd = status ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (!status && fd < 0)
        status = ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    if (!status)
        status = write_all(fd, head.data, head.size, path);
    if (!status && npy)
        status = write_all(fd, t->data, (size_t)ingot_dtype_bytes(t->dtype, ingot_tensor_count(t)), path);
    if (fd >= 0 && close(fd) && !status)
        status = ingot_fail(INGOT_IO, "%s: %s", path, strerror(errno));
    ingot_text_free(&head);
    return status;
}

ingot_status cli_make_folder(const char *path)
{
    char part[4096];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof part)
        return ingot_fail(INGOT_IO, "'%.100s' cannot be the name of a folder", path);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i])
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        if (mkdir(part, 0777) && errno != EEXIST)
            return ingot_fail(INGOT_IO, "%s: %s", part, strerror(errno));
    }
    struct stat info;
    if (stat(path, &info) || !S_ISDIR(info.st_mode))
        return ingot_fail(INGOT_IO, "%s: is not a folder", path);
    return NULL;
}

/* ---- At random ---- */

/* splitmix64: https://prng.di.unimi.it/splitmix64.c, public domain */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}
static double next_uniform(uint64_t *state) /* (0, 1] */
{
    return ((double)(next_random(state) >> 11) + 1) / 9007199254740992.0;
}

ingot_status cli_random_tensor(ingot_dtype dtype, int32_t rank, const int64_t *dims, uint64_t *seed, ingot_arena *arena,
                               ingot_tensor *out)
{
    ingot_tensor fresh = {.dtype = dtype, .rank = rank};
    memcpy(fresh.dims, dims, (size_t)rank * sizeof *dims); /* `dims` may lie in *out */
    *out = fresh;
    int64_t count = ingot_tensor_count(out), bytes = count < 0 ? -1 : ingot_dtype_bytes(dtype, count);
    if (bytes < 0)
        return ingot_fail(INGOT_LIMIT, "a random value of this size is too large");
    char *data;
    INGOT_TRY(ingot_arena_array(arena, (size_t)bytes + 128, 1, (void **)&data));
    data += (64 - (uintptr_t)data % 64) % 64;
    out->data = data;
    if (dtype == INGOT_STRING) {
        ingot_string *strings = out->data;
        for (int64_t i = 0; i < count; i++)
            strings[i] = (ingot_string){"a", 1};
        return NULL;
    }
    bool complex = dtype == INGOT_C64 || dtype == INGOT_C128;
    ingot_dtype part = dtype == INGOT_C64 ? INGOT_F32 : dtype == INGOT_C128 ? INGOT_F64 : dtype;
    for (int64_t i = 0; i < (complex ? 2 * count : count); i++) {
        if (complex || ingot_dtype_is_float(dtype))
            ingot_store_f64(out->data, part, i,
                            sqrt(-2 * log(next_uniform(seed))) * cos(6.283185307179586 * next_uniform(seed)));
        else
            ingot_store_i64(out->data, part, i, (int64_t)(next_random(seed) >> 63));
    }
    return NULL;
}

/* ---- In a line ---- */

cli_tensor_stats cli_stats_of(const ingot_tensor *t)
{
    cli_tensor_stats s = {.count = ingot_tensor_count(t), .min = INFINITY, .max = -INFINITY};
    if (cli_box_of(t) || t->dtype == INGOT_STRING || t->dtype == INGOT_C64 || t->dtype == INGOT_C128 || s.count <= 0 ||
        !t->data)
        return s;
    double sum = 0;
    for (int64_t i = 0; i < s.count; i++) {
        double x = ingot_load_f64(t->data, t->dtype, i);
        if (!isfinite(x)) {
            s.not_finite++;
            continue;
        }
        s.min = x < s.min ? x : s.min;
        s.max = x > s.max ? x : s.max;
        sum += x;
    }
    s.valid = s.not_finite < s.count;
    s.mean = s.valid ? sum / (double)(s.count - s.not_finite) : NAN;
    return s;
}

static void print_box(const ingot_box *box, ingot_text *out)
{
    static const char *const forms[] = {"", "sequence of ", "optional ", "optional sequence of "};
    if (box->form == INGOT_FORM_TENSOR) {
        cli_print_shape(&box->tensor, out);
        return;
    }
    ingot_text_append(out, "%s%s (", forms[box->form], ingot_dtype_name(box->tensor.dtype));
    for (int64_t i = 0; i < box->count && i < 16; i++) {
        ingot_text_append(out, i ? ", " : "");
        print_box(box->elements[i], out);
    }
    ingot_text_append(out, box->count > 16 ? ", ... %lld in all)" : ")", (long long)box->count);
}

void cli_print_shape(const ingot_tensor *t, ingot_text *out)
{
    if (cli_box_of(t)) {
        print_box(cli_box_of(t), out);
        return;
    }
    ingot_text_append(out, "%s[", ingot_dtype_name(t->dtype));
    for (int32_t d = 0; d < t->rank; d++)
        ingot_text_append(out, "%s%" PRId64, d ? "," : "", t->dims[d]);
    ingot_text_append(out, "]");
}
