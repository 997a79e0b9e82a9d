/* NumPy's .npy format: reading (versions 1 to 3, C or Fortran order, either byte order, strings too) and writing. */
#include "cli/cli.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *descr; /* without the byte order */
    ingot_dtype dtype;
} types[] = {
    {"f4", INGOT_F32}, {"f8", INGOT_F64},  {"f2", INGOT_F16}, {"i8", INGOT_I64},   {"i4", INGOT_I32},
    {"i2", INGOT_I16}, {"i1", INGOT_I8},   {"u8", INGOT_U64}, {"u4", INGOT_U32},   {"u2", INGOT_U16},
    {"u1", INGOT_U8},  {"b1", INGOT_BOOL}, {"c8", INGOT_C64}, {"c16", INGOT_C128},
};
enum { N_TYPES = sizeof types / sizeof types[0] };

typedef struct npy_header {
    char descr[16];
    bool fortran;
    int32_t rank;
    int64_t dims[INGOT_MAX_RANK];
    size_t data_offset;
} npy_header;

static ingot_status bad(const char *path, const char *why)
{
    return ingot_fail(INGOT_IO, "%s: not a usable .npy file: %s", path, why);
}

/* What follows 'KEY': in the dictionary, or null. */
static const char *find_key(const char *dict, const char *key)
{
    const char *at = strstr(dict, key);
    if (!at)
        return NULL;
    at += strlen(key);
    while (isspace((unsigned char)*at))
        at++;
    if (*at != ':')
        return NULL;
    for (at++; isspace((unsigned char)*at);)
        at++;
    return at;
}

static ingot_status parse_dict(const char *dict, const char *path, npy_header *h)
{
    const char *descr = find_key(dict, "'descr'"), *order = find_key(dict, "'fortran_order'"),
               *shape = find_key(dict, "'shape'");
    if (!descr || !order || !shape || *shape != '(')
        return bad(path, "its header lacks descr, fortran_order or shape");
    const char *end = *descr == '\'' ? strchr(descr + 1, '\'') : NULL;
    if (!end || (size_t)(end - descr - 1) >= sizeof h->descr)
        return bad(path, "a structured type");
    memcpy(h->descr, descr + 1, (size_t)(end - descr - 1));
    h->descr[end - descr - 1] = 0;
    h->fortran = !strncmp(order, "True", 4);
    h->rank = 0;
    for (const char *at = shape + 1; *at && *at != ')';) {
        if (*at == ',' || isspace((unsigned char)*at) || *at == 'L') {
            at++;
            continue;
        }
        char *next;
        long long size = isdigit((unsigned char)*at) ? strtoll(at, &next, 10) : -1;
        if (size < 0 || size > INT64_MAX / 2)
            return bad(path, "a size that is not a number");
        if (h->rank == INGOT_MAX_RANK)
            return bad(path, "more than 12 axes");
        h->dims[h->rank++] = size;
        at = next;
    }
    return NULL;
}

static ingot_status parse_header(const uint8_t *data, size_t size, const char *path, ingot_arena *arena, npy_header *h)
{
    if (size < 10 || memcmp(data, "\x93NUMPY", 6) != 0)
        return bad(path, "it does not begin with NumPy's magic bytes");
    size_t at = data[6] == 1 ? 10 : 12, length = data[8] | (size_t)data[9] << 8;
    if (data[6] < 1 || data[6] > 3)
        return bad(path, "an unknown version");
    if (data[6] > 1) {
        if (size < 12)
            return bad(path, "it is cut off");
        length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    }
    if (length > size - at)
        return bad(path, "it is cut off");
    char *dict = ingot_arena_strndup(arena, (const char *)data + at, length);
    if (!dict)
        return ingot_status_no_memory();
    h->data_offset = at + length;
    return parse_dict(dict, path, h);
}

/* Position in row-major order of element `i` of column-major data. */
static int64_t fortran_index(const npy_header *h, int64_t i)
{
    int64_t index[INGOT_MAX_RANK] = {0}, out = 0;
    for (int32_t d = 0; d < h->rank; d++) {
        index[d] = i % h->dims[d];
        i /= h->dims[d];
    }
    for (int32_t d = 0; d < h->rank; d++)
        out = out * h->dims[d] + index[d];
    return out;
}

/* One string of `units` characters of `unit_bytes` (1: bytes; 4: UTF-32), to UTF-8, without the zeros at its end. */
static ingot_status make_string(const uint8_t *from, int64_t units, int unit_bytes, bool swap, ingot_arena *arena,
                                ingot_string *out)
{
    char *text;
    INGOT_TRY(ingot_arena_array(arena, (size_t)units * 4 + 1, 1, (void **)&text));
    int64_t size = 0, used = 0;
    for (int64_t k = 0; k < units; k++) {
        uint32_t c = from[k];
        if (unit_bytes == 4) {
            uint8_t b[4];
            memcpy(b, from + k * 4, 4);
            c = swap ? (uint32_t)b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[0] << 24
                     : (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        }
        if (unit_bytes == 1 || c < 0x80) {
            text[size++] = (char)c;
        } else if (c < 0x800) {
            text[size++] = (char)(0xC0 | c >> 6);
            text[size++] = (char)(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            text[size++] = (char)(0xE0 | c >> 12);
            text[size++] = (char)(0x80 | (c >> 6 & 0x3F));
            text[size++] = (char)(0x80 | (c & 0x3F));
        } else {
            text[size++] = (char)(0xF0 | (c >> 18 & 7));
            text[size++] = (char)(0x80 | (c >> 12 & 0x3F));
            text[size++] = (char)(0x80 | (c >> 6 & 0x3F));
            text[size++] = (char)(0x80 | (c & 0x3F));
        }
        if (c)
            used = size;
    }
    *out = (ingot_string){text, used};
    return NULL;
}

static ingot_status read_strings(const npy_header *h, const uint8_t *data, size_t size, int64_t count, const char *path,
                                 ingot_arena *arena, ingot_tensor *out)
{
    int unit_bytes = h->descr[1] == 'U' ? 4 : 1;
    long long units = strtoll(h->descr + 2, NULL, 10);
    int64_t each, total;
    if (units < 0 || ingot_mul_overflows(units, (int64_t)unit_bytes, &each) ||
        ingot_mul_overflows(each, count, &total) || (size_t)total > size)
        return bad(path, "it is cut off");
    ingot_string *strings;
    INGOT_TRY(ingot_arena_array(arena, (size_t)count + 1, sizeof *strings, (void **)&strings));
    for (int64_t i = 0; i < count; i++)
        INGOT_TRY(make_string(data + i * each, units, unit_bytes, h->descr[0] == '>', arena,
                              &strings[h->fortran ? fortran_index(h, i) : i]));
    out->dtype = INGOT_STRING;
    out->data = strings;
    return NULL;
}

ingot_status cli_npy_parse(const void *bytes, size_t size, const char *path, ingot_arena *arena, ingot_tensor *out)
{
    npy_header h = {0};
    INGOT_TRY(parse_header(bytes, size, path, arena, &h));
    const uint8_t *data = (const uint8_t *)bytes + h.data_offset;
    size -= h.data_offset;
    *out = (ingot_tensor){.rank = h.rank};
    memcpy(out->dims, h.dims, sizeof h.dims);
    int64_t count = ingot_tensor_count(out);
    if (count < 0)
        return bad(path, "its sizes overflow");
    if (h.descr[0] && (h.descr[1] == 'U' || h.descr[1] == 'S'))
        return read_strings(&h, data, size, count, path, arena, out);
    for (int i = 0; i < N_TYPES && h.descr[0]; i++)
        if (!strcmp(h.descr + 1, types[i].descr))
            out->dtype = types[i].dtype;
    if (out->dtype == INGOT_UNDEFINED)
        return ingot_fail(INGOT_IO, "%s: elements of type '%s' have no counterpart in ONNX", path, h.descr);
    int64_t width = ingot_dtype_bits(out->dtype) / 8, total = ingot_dtype_bytes(out->dtype, count);
    if (total < 0 || (size_t)total > size)
        return bad(path, "it is cut off");
    uint8_t *copy;
    INGOT_TRY(ingot_arena_array(arena, (size_t)total + 64, 1, (void **)&copy));
    copy += (64 - (uintptr_t)copy % 64) % 64; /* aligned as generated code likes it */
    if (!h.fortran || h.rank < 2) {
        memcpy(copy, data, (size_t)total);
    } else {
        for (int64_t i = 0; i < count; i++)
            memcpy(copy + fortran_index(&h, i) * width, data + i * width, (size_t)width);
    }
    int64_t part = out->dtype == INGOT_C64 || out->dtype == INGOT_C128 ? width / 2 : width;
    for (int64_t at = 0; h.descr[0] == '>' && part > 1 && at < total; at += part) {
        for (int64_t k = 0; k < part / 2; k++) {
            uint8_t swapped = copy[at + k];
            copy[at + k] = copy[at + part - 1 - k];
            copy[at + part - 1 - k] = swapped;
        }
    }
    out->data = copy;
    return NULL;
}

bool cli_npy_can_hold(ingot_dtype dtype)
{
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].dtype == dtype)
            return true;
    return false;
}

ingot_status cli_npy_format(const ingot_tensor *t, ingot_text *out_header)
{
    const char *descr = NULL;
    for (int i = 0; i < N_TYPES; i++)
        if (types[i].dtype == t->dtype)
            descr = types[i].descr;
    if (!descr)
        return ingot_fail(INGOT_UNSUPPORTED, ".npy cannot hold elements of type %s", ingot_dtype_name(t->dtype));
    ingot_text dict = {0};
    ingot_text_append(&dict, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", strcmp(descr + 1, "1") ? '<' : '|',
                      descr);
    for (int32_t d = 0; d < t->rank; d++)
        ingot_text_append(&dict, d + 1 < t->rank || t->rank == 1 ? "%" PRId64 ", " : "%" PRId64, t->dims[d]);
    ingot_text_append(&dict, "), }");
    while ((10 + dict.size + 1) % 64 && !dict.failed)
        ingot_text_append(&dict, " ");
    ingot_text_append(&dict, "\n");
    uint8_t head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)(dict.size & 255), (uint8_t)(dict.size >> 8)};
    ingot_text_append_bytes(out_header, head, sizeof head);
    if (dict.data)
        ingot_text_append_bytes(out_header, dict.data, dict.size);
    bool failed = dict.failed || out_header->failed;
    ingot_text_free(&dict);
    return failed ? ingot_status_no_memory() : NULL;
}
