/* The reader's characters and tokens. */
#include "ir/parse_impl.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ingot_status fail_v(const ingot_reader *r, size_t at, const char *format, va_list args)
{
    char what[512];
    size_t line = 1, column = 1;
    (void)vsnprintf(what, sizeof what, format, args);
    for (size_t i = 0; i < at && i < r->size; i++) {
        column = r->text[i] == '\n' ? 1 : column + 1;
        line += r->text[i] == '\n';
    }
    return ingot_fail(INGOT_BAD_MODEL, "%s:%zu:%zu: %s", r->file, line, column, what);
}

ingot_status ingot_reader_fail(const ingot_reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ingot_status status = fail_v(r, r->at, format, args);
    va_end(args);
    return status;
}

ingot_status ingot_reader_fail_at(const ingot_reader *r, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    ingot_status status = fail_v(r, at, format, args);
    va_end(args);
    return status;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

char ingot_reader_peek(ingot_reader *r)
{
    while (r->at < r->size) {
        char c = r->text[r->at];
        if (c == '/' && r->at + 1 < r->size && r->text[r->at + 1] == '/') {
            while (r->at < r->size && r->text[r->at] != '\n')
                r->at++;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            r->at++;
        } else {
            return c;
        }
    }
    return 0;
}

bool ingot_reader_take(ingot_reader *r, const char *word)
{
    size_t n = strlen(word);
    (void)ingot_reader_peek(r);
    if (r->size - r->at < n || memcmp(r->text + r->at, word, n))
        return false;
    if (is_name_char(word[0]) && is_name_char(word[n - 1]) && r->at + n < r->size && is_name_char(r->text[r->at + n]))
        return false;
    r->at += n;
    return true;
}

ingot_status ingot_reader_expect(ingot_reader *r, const char *word)
{
    return ingot_reader_take(r, word) ? NULL : ingot_reader_fail(r, "expected '%s'", word);
}

ingot_status ingot_reader_name(ingot_reader *r, const char **out, size_t *out_size)
{
    (void)ingot_reader_peek(r);
    size_t begin = r->at;
    while (r->at < r->size && is_name_char(r->text[r->at]))
        r->at++;
    *out = r->text + begin;
    *out_size = r->at - begin;
    return *out_size ? NULL : ingot_reader_fail(r, "expected a name");
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

ingot_status ingot_reader_string(ingot_reader *r, char **out, size_t *out_size)
{
    if (ingot_reader_peek(r) != '"')
        return ingot_reader_fail(r, "expected a string");
    size_t end = ++r->at;
    while (end < r->size && r->text[end] != '"' && r->text[end] != '\n')
        end += r->text[end] == '\\' ? 2 : 1;
    if (end >= r->size || r->text[end] != '"')
        return ingot_reader_fail(r, "a string without end");
    void *memory;
    INGOT_TRY(ingot_arena_array(&r->m->arena, end - r->at + 1, 1, &memory));
    char *text = memory;
    size_t n = 0;
    while (r->at < end) {
        char c = r->text[r->at++];
        if (c != '\\') {
            text[n++] = c;
            continue;
        }
        c = r->text[r->at++];
        int high = hex_digit(c), low = r->at < end ? hex_digit(r->text[r->at]) : -1;
        if (c == '"' || c == '\\') {
            text[n++] = c;
        } else if (high >= 0 && low >= 0) {
            text[n++] = (char)(high << 4 | low);
            r->at++;
        } else if (c == 'n' || c == 't') {
            text[n++] = c == 'n' ? '\n' : '\t';
        } else {
            return ingot_reader_fail(r, "unknown escape '\\%c'", isprint((unsigned char)c) ? c : '?');
        }
    }
    r->at = end + 1;
    *out = text;
    *out_size = n;
    return NULL;
}

ingot_status ingot_reader_int(ingot_reader *r, int64_t *out)
{
    (void)ingot_reader_peek(r);
    size_t n = ingot_integer_parse(r->text + r->at, r->size - r->at, out);
    if (!n || (r->at + n < r->size && is_name_char(r->text[r->at + n])))
        return ingot_reader_fail(r, "expected an integer of 64 bits");
    r->at += n;
    if (ingot_reader_peek(r) == ':') { /* "1 : i64", as MLIR prints it */
        size_t before = r->at++;
        if (!ingot_reader_take(r, "i64"))
            r->at = before;
    }
    return NULL;
}

ingot_status ingot_reader_double(ingot_reader *r, double *out)
{
    (void)ingot_reader_peek(r);
    size_t n = ingot_number_parse(r->text + r->at, r->size - r->at, out);
    if (!n)
        return ingot_reader_fail(r, "expected a number");
    r->at += n;
    if (ingot_reader_peek(r) == ':') {
        size_t before = r->at++;
        if (!ingot_reader_take(r, "f64"))
            r->at = before;
    }
    return NULL;
}

ingot_status ingot_reader_enter(ingot_reader *r)
{
    if (r->depth >= r->max_depth)
        return ingot_reader_fail(r, "nested deeper than %d (--max-depth)", (int)r->max_depth);
    r->depth++;
    return NULL;
}
