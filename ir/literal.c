/* Constants: their ops, their bytes, and the files that they lie in. */
#include "ir/internal.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static ingot_status constant_op(ingot_graph *g, ingot_op *before, const ingot_type *type, ingot_literal **out_literal,
                                ingot_value **out)
{
    ingot_module *m = g->module;
    void *memory;
    ingot_op *op;
    int64_t bytes = ingot_dtype_bytes(type->dtype, ingot_type_count(type));
    if (bytes < 0 || bytes > m->limits->max_tensor_bytes)
        return ingot_fail(INGOT_LIMIT, "a constant of more than %lld bytes (--max-tensor-bytes), or of no fixed size",
                          (long long)m->limits->max_tensor_bytes);
    INGOT_TRY(ingot_arena_array(&m->arena, 1, sizeof(ingot_literal), &memory));
    INGOT_TRY(ingot_graph_add_op(g, before, INGOT_OP_constant, 0, NULL, 1, &op));
    op->literal = memory;
    op->literal->size_bytes = bytes;
    op->out[0]->type = *type;
    *out_literal = op->literal;
    *out = op->out[0];
    return NULL;
}

/* A deep copy: string elements take their text along. */
static ingot_status copy_data(ingot_module *m, ingot_dtype dtype, const void *data, int64_t size_bytes,
                              const void **out)
{
    void *copy;
    INGOT_TRY(ingot_arena_array(&m->arena, (size_t)size_bytes, 1, &copy));
    if (size_bytes)
        memcpy(copy, data, (size_t)size_bytes);
    if (dtype == INGOT_STRING) {
        ingot_string *strings = copy;
        for (int64_t i = 0; i < size_bytes / (int64_t)sizeof *strings; i++) {
            strings[i].data = ingot_arena_strndup(&m->arena, strings[i].data, (size_t)strings[i].size);
            if (!strings[i].data)
                return ingot_status_no_memory();
        }
    }
    *out = copy;
    return NULL;
}

ingot_status ingot_graph_add_constant(ingot_graph *g, ingot_op *before, const ingot_type *type, const void *data,
                                      bool copy, ingot_value **out)
{
    ingot_literal *lit;
    INGOT_TRY(constant_op(g, before, type, &lit, out));
    lit->data = data;
    if (copy)
        INGOT_TRY(copy_data(g->module, type->dtype, data, lit->size_bytes, &lit->data));
    return ingot_op_infer((*out)->def);
}

ingot_status ingot_graph_add_splat(ingot_graph *g, ingot_op *before, const ingot_type *type, double value,
                                   ingot_value **out)
{
    ingot_literal *lit;
    void *element;
    if (type->dtype == INGOT_STRING)
        return ingot_fail(INGOT_INTERNAL, "a number as the element of a string constant");
    INGOT_TRY(constant_op(g, before, type, &lit, out));
    INGOT_TRY(ingot_arena_array(&g->module->arena, 1, 16, &element));
    ingot_store_f64(element, type->dtype, 0, value);
    lit->kind = INGOT_LITERAL_SPLAT;
    lit->data = element;
    return ingot_op_infer((*out)->def);
}

const ingot_literal *ingot_value_literal(const ingot_value *v)
{
    return v && v->def && v->def->kind == INGOT_OP_constant ? v->def->literal : NULL;
}

static ingot_status read_file(const ingot_module *m, const ingot_literal *lit, char *to)
{
    const struct ingot_file_table *files = m->files;
    if (lit->file_handle < 0 || lit->file_handle >= files->n)
        return ingot_fail(INGOT_IO, "%s: the file of this constant is not open", lit->file ? lit->file : "(unnamed)");
    const struct ingot_file_entry *file = &files->entries[lit->file_handle];
    if (lit->file_offset < 0 || lit->file_offset > file->size_bytes ||
        lit->size_bytes > file->size_bytes - lit->file_offset)
        return ingot_fail(INGOT_BAD_MODEL, "%s: bytes %lld..+%lld lie outside of the file of %lld bytes", file->path,
                          (long long)lit->file_offset, (long long)lit->size_bytes, (long long)file->size_bytes);
    for (int64_t done = 0; done < lit->size_bytes;) {
        ssize_t n = pread(file->fd, to + done, (size_t)(lit->size_bytes - done), (off_t)(lit->file_offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ingot_fail(INGOT_IO, "%s: %s", file->path, strerror(errno));
        if (n == 0)
            return ingot_fail(INGOT_IO, "%s: ends before byte %lld", file->path,
                              (long long)(lit->file_offset + lit->size_bytes));
        done += n;
    }
    return NULL;
}

static void expand_splat(const ingot_literal *lit, ingot_dtype dtype, char *to)
{
    int bits = ingot_dtype_bits(dtype);
    if (bits < 8) { /* one byte holds the pattern */
        uint8_t byte = 0;
        for (int64_t i = 0; i < 8 / (bits ? bits : 8); i++)
            ingot_copy_element(&byte, i, lit->data, 0, dtype);
        memset(to, byte, (size_t)lit->size_bytes);
        return;
    }
    size_t size = (size_t)bits / 8, total = (size_t)lit->size_bytes;
    if (total < size)
        return;
    memcpy(to, lit->data, size);
    for (size_t done = size; done < total; done *= 2)
        memcpy(to + done, to, done < total - done ? done : total - done);
}

ingot_status ingot_literal_get_data(ingot_module *m, const ingot_literal *lit, ingot_dtype dtype, ingot_arena *arena,
                                    const void **out)
{
    if (lit->kind == INGOT_LITERAL_MEMORY) {
        *out = lit->data;
        return NULL;
    }
    void *data;
    *out = NULL;
    INGOT_TRY(ingot_arena_array(arena, (size_t)lit->size_bytes, 1, &data));
    if (lit->kind == INGOT_LITERAL_FILE)
        INGOT_TRY(read_file(m, lit, data));
    else
        expand_splat(lit, dtype, data);
    *out = data;
    return NULL;
}

ingot_status ingot_module_add_file(ingot_module *m, int fd, const char *path, int64_t size_bytes, int32_t *out_handle)
{
    struct ingot_file_table *files = m->files;
    if (files->n == files->capacity) {
        int32_t capacity = files->capacity ? files->capacity * 2 : 4;
        void *entries;
        INGOT_TRY(ingot_arena_array(&m->arena, (size_t)capacity, sizeof *files->entries, &entries));
        if (files->n)
            memcpy(entries, files->entries, (size_t)files->n * sizeof *files->entries);
        files->entries = entries;
        files->capacity = capacity;
    }
    char *copy = ingot_arena_strndup(&m->arena, path, strlen(path));
    if (!copy)
        return ingot_status_no_memory();
    files->entries[files->n] = (struct ingot_file_entry){fd, copy, size_bytes};
    *out_handle = files->n++;
    return NULL;
}

bool ingot_value_is_splat(ingot_module *m, const ingot_value *v, double *out_value)
{
    const ingot_literal *lit = ingot_value_literal(v);
    int64_t count = lit ? ingot_type_count(&v->type) : 0;
    if (count < 1 || v->type.dtype == INGOT_STRING)
        return false;
    if (lit->kind == INGOT_LITERAL_FILE && lit->size_bytes > 4096)
        return false; /* not worth the reading: importers make splats of what they find uniform */
    ingot_arena scratch = {0};
    const void *data = lit->data;
    if (lit->kind == INGOT_LITERAL_FILE) {
        ingot_status status = ingot_literal_get_data(m, lit, v->type.dtype, &scratch, &data);
        if (status) {
            ingot_status_free(status);
            ingot_arena_release(&scratch);
            return false;
        }
    }
    double first = ingot_load_f64(data, v->type.dtype, 0);
    bool same = true;
    if (lit->kind != INGOT_LITERAL_SPLAT) {
        int64_t first_bits = ingot_load_i64(data, v->type.dtype, 0);
        for (int64_t i = 1; same && i < count; i++) {
            double other = ingot_load_f64(data, v->type.dtype, i);
            same = !memcmp(&other, &first, sizeof other) && ingot_load_i64(data, v->type.dtype, i) == first_bits;
        }
    }
    ingot_arena_release(&scratch);
    *out_value = first;
    return same;
}
