/* Text of sizes: sums of products with floordiv(a, b), mod, min and max; names that are no identifiers stand in single
 * quotes. */
#include "ir/internal.h"
#include <ctype.h>
#include <string.h>

static const char *const function_names[] = {
    [INGOT_DIM_FLOORDIV] = "floordiv", [INGOT_DIM_MOD] = "mod", [INGOT_DIM_MIN] = "min", [INGOT_DIM_MAX] = "max"};

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static int function_kind(const char *name, size_t size)
{
    for (int kind = INGOT_DIM_FLOORDIV; kind <= INGOT_DIM_MAX; kind++) {
        if (strlen(function_names[kind]) == size && !memcmp(function_names[kind], name, size))
            return kind;
    }
    return -1;
}

static void print_symbol(const char *name, ingot_text *out)
{
    bool plain = is_name_start(name[0]) && function_kind(name, strlen(name)) < 0;
    for (const char *c = name; plain && *c; c++)
        plain = is_name_char(*c);
    if (plain) {
        ingot_text_append(out, "%s", name);
        return;
    }
    ingot_text_append(out, "'");
    for (const char *c = name; *c; c++)
        ingot_text_append(out, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
    ingot_text_append(out, "'");
}

static void print_factor(const ingot_module *m, const ingot_dim *d, ingot_text *out);

static void print_product(const ingot_module *m, const ingot_dim *d, ingot_text *out)
{
    for (; d->kind == INGOT_DIM_MUL && !ingot_dim_is_opaque(d); d = d->b) {
        print_factor(m, d->a, out);
        ingot_text_append(out, " * ");
    }
    print_factor(m, d, out);
}

static void print_factor(const ingot_module *m, const ingot_dim *d, ingot_text *out)
{
    if (d->kind == INGOT_DIM_CONST) {
        ingot_text_append(out, "%lld", (long long)d->value);
    } else if (d->kind == INGOT_DIM_SYMBOL) {
        print_symbol(m->dims->symbols[d->value]->name, out);
    } else if (d->kind == INGOT_DIM_ADD || d->kind == INGOT_DIM_MUL) { /* opaque */
        ingot_text_append(out, "(");
        ingot_dim_print(m, d->a, out);
        ingot_text_append(out, d->kind == INGOT_DIM_ADD ? ") + (" : ") * (");
        ingot_dim_print(m, d->b, out);
        ingot_text_append(out, ")");
    } else {
        ingot_text_append(out, "%s(", function_names[d->kind]);
        ingot_dim_print(m, d->a, out);
        ingot_text_append(out, ", ");
        ingot_dim_print(m, d->b, out);
        ingot_text_append(out, ")");
    }
}

void ingot_dim_print(const ingot_module *m, const ingot_dim *d, ingot_text *out)
{
    for (; d->kind == INGOT_DIM_ADD && !ingot_dim_is_opaque(d); d = d->b) {
        print_product(m, d->a, out);
        if (d->b->kind == INGOT_DIM_CONST && d->b->value < 0 && d->b->value != INT64_MIN) {
            ingot_text_append(out, " - %lld", (long long)-d->b->value);
            return;
        }
        ingot_text_append(out, " + ");
    }
    print_product(m, d, out);
}

/* ---- reader ---- */

typedef struct {
    ingot_module *m;
    const char *text;
    size_t size, at;
    int depth;
} reader;

static ingot_status fail(const reader *r, const char *expected)
{
    return ingot_fail(INGOT_BAD_MODEL, "size '%.*s': column %zu: expected %s", (int)(r->size < 200 ? r->size : 200),
                      r->text, r->at + 1, expected);
}

static char peek(reader *r)
{
    while (r->at < r->size && (r->text[r->at] == ' ' || r->text[r->at] == '\t'))
        r->at++;
    return r->at < r->size ? r->text[r->at] : 0;
}

static bool take(reader *r, char c)
{
    bool there = peek(r) == c && r->at < r->size;
    r->at += there;
    return there;
}

static ingot_status read_sum(reader *r, const ingot_dim **out);

static ingot_status read_number(reader *r, bool negative, const ingot_dim **out)
{
    int64_t value = 0;
    size_t begin = r->at;
    for (; r->at < r->size && isdigit((unsigned char)r->text[r->at]); r->at++) {
        int64_t digit = r->text[r->at] - '0'; /* built from the negative side, which reaches INT64_MIN */
        if (__builtin_mul_overflow(value, (int64_t)10, &value) || __builtin_sub_overflow(value, digit, &value))
            return fail(r, "a number of 64 bits");
    }
    if (r->at == begin)
        return fail(r, "a number");
    if (!negative && value == INT64_MIN)
        return fail(r, "a number of 64 bits");
    *out = ingot_dim_const(r->m, negative ? value : -value);
    return NULL;
}

static ingot_status read_name(reader *r, char *name, size_t capacity, bool *out_quoted)
{
    size_t n = 0;
    *out_quoted = take(r, '\'');
    while (r->at < r->size) {
        char c = r->text[r->at];
        if (*out_quoted ? c == '\'' : !is_name_char(c))
            break;
        r->at++;
        if (*out_quoted && c == '\\' && r->at < r->size)
            c = r->text[r->at++];
        if (n + 1 >= capacity || !c)
            return fail(r, "a name of less than 256 characters");
        name[n++] = c;
    }
    name[n] = 0;
    if (*out_quoted && !take(r, '\''))
        return fail(r, "a closing quote");
    return NULL;
}

static ingot_status read_factor(reader *r, const ingot_dim **out)
{
    static const ingot_dim *(*const functions[])(ingot_module *, const ingot_dim *,
                                                 const ingot_dim *) = {[INGOT_DIM_FLOORDIV] = ingot_dim_floordiv,
                                                                       [INGOT_DIM_MOD] = ingot_dim_mod,
                                                                       [INGOT_DIM_MIN] = ingot_dim_min,
                                                                       [INGOT_DIM_MAX] = ingot_dim_max};
    char c = peek(r), name[256];
    if (take(r, '(')) {
        INGOT_TRY(read_sum(r, out));
        return take(r, ')') ? NULL : fail(r, "')'");
    }
    if (take(r, '-')) {
        if (isdigit((unsigned char)peek(r)))
            return read_number(r, true, out);
        if (++r->depth > INGOT_DIM_MAX_DEPTH)
            return fail(r, "less nesting");
        INGOT_TRY(read_factor(r, out));
        r->depth--;
        *out = ingot_dim_mul(r->m, *out, ingot_dim_const(r->m, -1));
        return NULL;
    }
    if (isdigit((unsigned char)c))
        return read_number(r, false, out);
    if (!is_name_start(c) && c != '\'')
        return fail(r, "a number, a name or '('");
    bool quoted;
    INGOT_TRY(read_name(r, name, sizeof name, &quoted));
    int kind = quoted ? -1 : function_kind(name, strlen(name));
    if (kind < 0) {
        *out = ingot_symbol(r->m, name, 0, INGOT_DIM_MAX_VALUE);
        return NULL;
    }
    const ingot_dim *a, *b;
    if (!take(r, '('))
        return fail(r, "'('");
    INGOT_TRY(read_sum(r, &a));
    if (!take(r, ','))
        return fail(r, "','");
    INGOT_TRY(read_sum(r, &b));
    if (!take(r, ')'))
        return fail(r, "')'");
    *out = functions[kind](r->m, a, b);
    return NULL;
}

static ingot_status read_sum(reader *r, const ingot_dim **out)
{
    const ingot_dim *sum = NULL, *product, *factor;
    if (++r->depth > INGOT_DIM_MAX_DEPTH)
        return fail(r, "less nesting");
    bool minus = false;
    do {
        INGOT_TRY(read_factor(r, &product));
        while (take(r, '*')) {
            INGOT_TRY(read_factor(r, &factor));
            product = ingot_dim_mul(r->m, product, factor);
        }
        sum = !sum ? product : minus ? ingot_dim_sub(r->m, sum, product) : ingot_dim_add(r->m, sum, product);
        minus = peek(r) == '-';
    } while (take(r, '+') || take(r, '-'));
    r->depth--;
    *out = sum;
    return NULL;
}

ingot_status ingot_dim_parse(ingot_module *m, const char *text, size_t size, const ingot_dim **out)
{
    reader r = {.m = m, .text = text, .size = size};
    INGOT_TRY(read_sum(&r, out));
    if (peek(&r) || r.at < r.size)
        return fail(&r, "an operator or the end");
    return ingot_dims_check(m);
}
