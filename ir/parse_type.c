/* The reader's types and literals. */
#include "ir/parse_impl.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ingot_status read_dtype(ingot_reader *r, ingot_dtype *out)
{
    for (int i = 0; i < INGOT_DTYPE_COUNT; i++) {
        if (ingot_reader_take(r, ingot_mlir_types[i])) {
            *out = (ingot_dtype)i;
            return NULL;
        }
    }
    return ingot_reader_fail(r, "expected an element type");
}

ingot_status ingot_reader_dim(ingot_reader *r, const ingot_dim **out)
{
    char *text;
    size_t size, at = r->at;
    INGOT_TRY(ingot_reader_string(r, &text, &size));
    ingot_status status = ingot_dim_parse(r->m, text, size, out);
    if (!status)
        return NULL;
    ingot_status placed = ingot_reader_fail_at(r, at, "%s", ingot_status_message(status));
    ingot_status_free(status);
    return placed;
}

/* ["batch", "seq"] for the '?' of the type, in order. */
static ingot_status read_dims(ingot_reader *r, ingot_type *t)
{
    bool first = true;
    INGOT_TRY(ingot_reader_expect(r, "["));
    for (int32_t i = 0; i < t->rank; i++) {
        if (t->dims[i])
            continue;
        if (!first)
            INGOT_TRY(ingot_reader_expect(r, ","));
        INGOT_TRY(ingot_reader_dim(r, &t->dims[i]));
        first = false;
    }
    return ingot_reader_expect(r, "]");
}

static ingot_status read_encoding(ingot_reader *r, ingot_type *t)
{
    if (ingot_reader_peek(r) == '[')
        return read_dims(r, t);
    INGOT_TRY(ingot_reader_expect(r, "{"));
    if (t->rank < 0) {
        int64_t rank;
        INGOT_TRY(ingot_reader_expect(r, "rank"));
        INGOT_TRY(ingot_reader_expect(r, "="));
        INGOT_TRY(ingot_reader_int(r, &rank));
        if (rank < INGOT_RANK_NONE || rank > INGOT_MAX_RANK)
            return ingot_reader_fail(r, "a rank beyond %d", INGOT_MAX_RANK);
        t->inner_rank = (int32_t)rank;
        return ingot_reader_expect(r, "}");
    }
    if (ingot_reader_take(r, "dims")) {
        INGOT_TRY(ingot_reader_expect(r, "="));
        INGOT_TRY(read_dims(r, t));
        INGOT_TRY(ingot_reader_expect(r, ","));
    }
    INGOT_TRY(ingot_reader_expect(r, "layout"));
    INGOT_TRY(ingot_reader_expect(r, "="));
    INGOT_TRY(ingot_reader_expect(r, "\"c16\""));
    t->layout = INGOT_LAYOUT_C16;
    return ingot_reader_expect(r, "}");
}

/* Behind "!ingot.sequence<" or "!ingot.optional<": what is inside, boxed, and '>'. */
static ingot_status read_wrapped(ingot_reader *r, bool sequence, ingot_type *out)
{
    bool inner_sequence = !sequence && ingot_reader_take(r, "!ingot.sequence<"), none;
    size_t inside = r->at;
    INGOT_TRY(ingot_reader_expect(r, "tensor"));
    INGOT_TRY(ingot_reader_expect(r, "<"));
    INGOT_TRY(ingot_reader_expect(r, "*"));
    r->at = inside;
    INGOT_TRY(ingot_reader_type(r, out, &none));
    out->form = sequence ? INGOT_FORM_SEQUENCE : inner_sequence ? INGOT_FORM_OPTIONAL_SEQUENCE : INGOT_FORM_OPTIONAL;
    if (inner_sequence)
        INGOT_TRY(ingot_reader_expect(r, ">"));
    return ingot_reader_expect(r, ">");
}

ingot_status ingot_reader_type(ingot_reader *r, ingot_type *out, bool *out_none)
{
    *out = ingot_type_boxed(INGOT_UNDEFINED, INGOT_FORM_TENSOR, INGOT_RANK_UNKNOWN);
    *out_none = ingot_reader_take(r, "none");
    if (*out_none)
        return NULL;
    bool sequence = ingot_reader_take(r, "!ingot.sequence<");
    if (sequence || ingot_reader_take(r, "!ingot.optional<"))
        return read_wrapped(r, sequence, out);
    INGOT_TRY(ingot_reader_expect(r, "tensor"));
    INGOT_TRY(ingot_reader_expect(r, "<"));
    bool dynamic = false;
    if (ingot_reader_take(r, "*")) {
        if (r->at >= r->size || r->text[r->at++] != 'x')
            return ingot_reader_fail(r, "expected 'x'");
    } else {
        out->rank = 0;
        for (;;) {
            char c = ingot_reader_peek(r);
            if (c != '?' && !isdigit((unsigned char)c))
                break;
            if (out->rank == INGOT_MAX_RANK)
                return ingot_reader_fail(r, "more than %d axes", INGOT_MAX_RANK);
            int64_t value;
            size_t n = 1;
            if (c == '?') {
                dynamic = true;
            } else {
                n = ingot_integer_parse(r->text + r->at, r->size - r->at, &value);
                if (!n)
                    return ingot_reader_fail(r, "a size beyond 64 bits");
                out->dims[out->rank] = ingot_dim_const(r->m, value);
            }
            out->rank++;
            r->at += n;
            if (r->at >= r->size || r->text[r->at++] != 'x')
                return ingot_reader_fail(r, "expected 'x'");
        }
    }
    INGOT_TRY(read_dtype(r, &out->dtype));
    if (ingot_reader_take(r, ","))
        INGOT_TRY(read_encoding(r, out));
    else if (dynamic)
        return ingot_reader_fail(r, "expected the sizes of '?', as in tensor<?xf32, [\"batch\"]>");
    for (int32_t i = 0; i < out->rank; i++) {
        if (!out->dims[i])
            return ingot_reader_fail(r, "a '?' without its size");
    }
    return ingot_reader_expect(r, ">");
}

/* ---- literals ---- */

static ingot_status read_float(ingot_reader *r, ingot_dtype dtype, void *data, int64_t i)
{
    double value;
    (void)ingot_reader_peek(r);
    if (r->size - r->at > 2 && r->text[r->at] == '0' && r->text[r->at + 1] == 'x') { /* the element's bits */
        char digits[17];
        size_t n = 0;
        for (r->at += 2; r->at < r->size && n < 16 && isxdigit((unsigned char)r->text[r->at]); r->at++)
            digits[n++] = r->text[r->at];
        digits[n] = 0;
        uint64_t bits = strtoull(digits, NULL, 16);
        int32_t width = ingot_dtype_bits(dtype);
        if (width < 8 || n != (size_t)width / 4)
            return ingot_reader_fail(r, "expected %d hexadecimal digits", (int)width / 4);
        memcpy((char *)data + i * (width / 8), &bits, (size_t)width / 8);
        return NULL;
    }
    size_t n = ingot_number_parse(r->text + r->at, r->size - r->at, &value);
    if (!n)
        return ingot_reader_fail(r, "expected a number");
    r->at += n;
    ingot_store_f64(data, dtype, i, value);
    return NULL;
}

static ingot_status read_element(ingot_reader *r, ingot_dtype dtype, void *data, int64_t i)
{
    if (dtype == INGOT_STRING) {
        char *text;
        size_t size;
        INGOT_TRY(ingot_reader_string(r, &text, &size));
        ((ingot_string *)data)[i] = (ingot_string){text, (int64_t)size};
        return NULL;
    }
    if (dtype == INGOT_C64 || dtype == INGOT_C128) {
        ingot_dtype part = dtype == INGOT_C64 ? INGOT_F32 : INGOT_F64;
        INGOT_TRY(ingot_reader_expect(r, "("));
        INGOT_TRY(read_float(r, part, data, 2 * i));
        INGOT_TRY(ingot_reader_expect(r, ","));
        INGOT_TRY(read_float(r, part, data, 2 * i + 1));
        return ingot_reader_expect(r, ")");
    }
    if (ingot_dtype_is_float(dtype))
        return read_float(r, dtype, data, i);
    if (dtype == INGOT_BOOL) {
        bool truth = ingot_reader_take(r, "true");
        if (!truth && !ingot_reader_take(r, "false"))
            return ingot_reader_fail(r, "expected true or false");
        ((uint8_t *)data)[i] = truth;
        return NULL;
    }
    (void)ingot_reader_peek(r);
    int64_t value;
    size_t n = ingot_integer_parse(r->text + r->at, r->size - r->at, &value);
    if (!n && dtype == INGOT_U64 && isdigit((unsigned char)ingot_reader_peek(r))) {
        uint64_t whole = 0;
        bool overflow = false;
        for (; r->at + n < r->size && isdigit((unsigned char)r->text[r->at + n]); n++) {
            overflow |= __builtin_mul_overflow(whole, (uint64_t)10, &whole);
            overflow |= __builtin_add_overflow(whole, (uint64_t)(r->text[r->at + n] - '0'), &whole);
        }
        n = overflow ? 0 : n;
        value = (int64_t)whole;
    }
    if (!n)
        return ingot_reader_fail(r, "expected an integer");
    r->at += n;
    ingot_store_i64(data, dtype, i, value);
    if (ingot_load_i64(data, dtype, i) != value)
        return ingot_reader_fail(r, "an element beyond %s", ingot_dtype_name(dtype));
    return NULL;
}

static ingot_status read_nested(ingot_reader *r, const ingot_type *t, int32_t axis, int64_t *at, void *data)
{
    if (axis == t->rank)
        return read_element(r, t->dtype, data, (*at)++);
    INGOT_TRY(ingot_reader_expect(r, "["));
    for (int64_t i = 0; i < t->dims[axis]->value; i++) {
        if (i)
            INGOT_TRY(ingot_reader_expect(r, ","));
        INGOT_TRY(read_nested(r, t, axis + 1, at, data));
    }
    return ingot_reader_expect(r, "]");
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

static ingot_status read_raw(ingot_reader *r, void *data, int64_t size_bytes)
{
    INGOT_TRY(ingot_reader_expect(r, "\"0x"));
    for (int64_t i = 0; i < size_bytes; i++, r->at += 2) {
        int high = r->at < r->size ? hex_value(r->text[r->at]) : -1;
        int low = r->at + 1 < r->size ? hex_value(r->text[r->at + 1]) : -1;
        if (high < 0 || low < 0)
            return ingot_reader_fail(r, "expected %lld bytes in hexadecimal", (long long)size_bytes);
        ((uint8_t *)data)[i] = (uint8_t)(high << 4 | low);
    }
    return ingot_reader_expect(r, "\"");
}

/* The body of dense<...> for a type that follows it: looks ahead for the type first. */
static ingot_status skip_dense(ingot_reader *r)
{
    while (r->at < r->size && r->text[r->at] != '>') {
        if (r->text[r->at] == '"') {
            for (r->at++; r->at < r->size && r->text[r->at] != '"'; r->at++)
                r->at += r->text[r->at] == '\\';
        }
        r->at++;
    }
    if (r->at > r->size)
        r->at = r->size;
    return ingot_reader_expect(r, ">");
}

static ingot_status read_dense(ingot_reader *r, ingot_literal *out, ingot_type *out_type)
{
    size_t body = r->at, end;
    bool none;
    void *data;
    INGOT_TRY(skip_dense(r));
    INGOT_TRY(ingot_reader_expect(r, ":"));
    INGOT_TRY(ingot_reader_type(r, out_type, &none));
    end = r->at;
    int64_t count = ingot_type_count(out_type), bytes = ingot_dtype_bytes(out_type->dtype, count), at = 0;
    if (none || out_type->dtype == INGOT_UNDEFINED || count < 0 || bytes < 0 || bytes > r->m->limits->max_tensor_bytes)
        return ingot_reader_fail(r, "expected a type of fixed size, at most --max-tensor-bytes");
    out->size_bytes = bytes;
    r->at = body;
    char c = ingot_reader_peek(r);
    bool raw = c == '"' && out_type->dtype != INGOT_STRING;
    out->kind = c != '[' && !raw && out_type->rank > 0 && count > 0 ? INGOT_LITERAL_SPLAT : INGOT_LITERAL_MEMORY;
    /* What is written out takes room in the text, so a short text cannot ask for much memory. */
    if (out->kind == INGOT_LITERAL_MEMORY && count > 0 && (uint64_t)count > (uint64_t)(end - body))
        return ingot_reader_fail(r, "fewer elements than the type has");
    size_t room = out->kind == INGOT_LITERAL_SPLAT ? 16 : (size_t)bytes + 16;
    INGOT_TRY(ingot_arena_array(&r->m->arena, room, 1, &data));
    if (out->kind == INGOT_LITERAL_SPLAT)
        INGOT_TRY(read_element(r, out_type->dtype, data, 0));
    else if (raw)
        INGOT_TRY(read_raw(r, data, bytes));
    else if (count > 0)
        INGOT_TRY(read_nested(r, out_type, 0, &at, data));
    else
        r->at = body;
    out->data = data;
    INGOT_TRY(ingot_reader_expect(r, ">"));
    r->at = end;
    return NULL;
}

static ingot_status open_file(ingot_reader *r, const char *path, int32_t *out)
{
    struct ingot_file_table *files = r->m->files;
    for (int32_t i = 0; i < files->n; i++) {
        if (!strcmp(files->entries[i].path, path)) {
            *out = i;
            return NULL;
        }
    }
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        if (fd >= 0)
            (void)close(fd);
        return ingot_fail(INGOT_IO, "%s: cannot open the constants' file '%s'", r->file, path);
    }
    ingot_status status = ingot_module_add_file(r->m, fd, path, (int64_t)info.st_size, out);
    if (status)
        (void)close(fd);
    return status;
}

ingot_status ingot_reader_literal(ingot_reader *r, ingot_literal *out, ingot_type *out_type)
{
    *out = (ingot_literal){0};
    *out_type = (ingot_type){.rank = -1};
    if (ingot_reader_take(r, "dense<"))
        return read_dense(r, out, out_type);
    char *path;
    size_t size;
    INGOT_TRY(ingot_reader_expect(r, "#ingot.file<"));
    INGOT_TRY(ingot_reader_string(r, &path, &size));
    INGOT_TRY(ingot_reader_expect(r, ","));
    INGOT_TRY(ingot_reader_int(r, &out->file_offset));
    INGOT_TRY(ingot_reader_expect(r, ","));
    INGOT_TRY(ingot_reader_int(r, &out->size_bytes));
    INGOT_TRY(ingot_reader_expect(r, ">"));
    out->kind = INGOT_LITERAL_FILE;
    out->file = path;
    return open_file(r, path, &out->file_handle);
}
