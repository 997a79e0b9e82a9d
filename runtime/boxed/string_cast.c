/* string_cast: numbers to texts and back. Floats are written with the fewest digits that read back as the same. */
#include "runtime/boxed/boxed.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define MAX_DIGITS 400 /* a number's text is no longer */

static int print_float(double value, ingot_dtype dtype, char *out, size_t size)
{
    if (isnan(value))
        return snprintf(out, size, "NaN");
    if (isinf(value))
        return snprintf(out, size, value > 0 ? "INF" : "-INF");
    int used = 0, most = dtype == INGOT_F64 ? 17 : dtype == INGOT_F32 ? 9 : 5;
    for (int digits = 1; digits <= most; digits++) {
        uint64_t a = 0, b = 0;
        used = snprintf(out, size, "%.*g", digits, value);
        ingot_store_f64(&a, dtype, 0, strtod(out, NULL));
        ingot_store_f64(&b, dtype, 0, value);
        if (a == b)
            break;
    }
    return used;
}

static ingot_status print_all(ingot_boxed_call *call, const ingot_tensor *x, const ingot_tensor *y)
{
    for (int64_t i = 0, n = ingot_tensor_count(x); i < n; i++) {
        char text[64], *copy;
        int size;
        if (x->dtype == INGOT_BOOL)
            size = snprintf(text, sizeof text, "%s", ingot_load_i64(x->data, x->dtype, i) ? "True" : "False");
        else if (ingot_dtype_is_float(x->dtype))
            size = print_float(ingot_load_f64(x->data, x->dtype, i), x->dtype, text, sizeof text);
        else if (x->dtype == INGOT_U64)
            size = snprintf(text, sizeof text, "%" PRIu64, (uint64_t)ingot_load_i64(x->data, x->dtype, i));
        else
            size = snprintf(text, sizeof text, "%" PRId64, ingot_load_i64(x->data, x->dtype, i));
        INGOT_TRY(ingot_heap_text(call->heap, size, &copy));
        memcpy(copy, text, (size_t)size);
        ((ingot_string *)y->data)[i] = (ingot_string){copy, size};
    }
    return NULL;
}

/* One text as an element of y. False: it is no number of that type. */
static bool read_number(const char *text, const ingot_tensor *y, int64_t i)
{
    char *end;
    errno = 0;
    if (y->dtype == INGOT_BOOL) {
        bool yes = !strcasecmp(text, "true") || !strcmp(text, "1"),
             no = !strcasecmp(text, "false") || !strcmp(text, "0");
        ingot_store_i64(y->data, y->dtype, i, yes);
        return yes || no;
    }
    if (ingot_dtype_is_float(y->dtype)) {
        ingot_store_f64(y->data, y->dtype, i, strtod(text, &end));
        return end != text && !*end;
    }
    if (y->dtype == INGOT_U64) {
        ingot_store_i64(y->data, y->dtype, i, (int64_t)strtoull(text, &end, 10));
        return end != text && !*end && !errno && !strchr(text, '-');
    }
    int64_t value = strtoll(text, &end, 10);
    ingot_store_i64(y->data, y->dtype, i, value);
    return end != text && !*end && !errno && ingot_load_i64(y->data, y->dtype, i) == value;
}

static ingot_status read_all(const ingot_tensor *x, const ingot_tensor *y)
{
    for (int64_t i = 0, n = ingot_tensor_count(x); i < n; i++) {
        ingot_string s = ((const ingot_string *)x->data)[i];
        char text[MAX_DIGITS + 1];
        while (s.size && (*s.data == ' ' || (*s.data >= '\t' && *s.data <= '\r')))
            s = (ingot_string){s.data + 1, s.size - 1};
        while (s.size && (s.data[s.size - 1] == ' ' || (s.data[s.size - 1] >= '\t' && s.data[s.size - 1] <= '\r')))
            s.size--;
        bool fits = s.size > 0 && s.size <= MAX_DIGITS && !memchr(s.data, 0, (size_t)s.size);
        if (fits) {
            memcpy(text, s.data, (size_t)s.size);
            text[s.size] = 0;
        }
        if (!fits || !read_number(text, y, i))
            return ingot_fail(INGOT_BAD_USAGE, "string_cast: string %lld, '%.*s', is no number of type %s",
                              (long long)i, (int)(s.size > 40 ? 40 : s.size), s.size ? s.data : "",
                              ingot_dtype_name(y->dtype));
    }
    return NULL;
}

ingot_status ingot_boxed_string_cast(ingot_boxed_call *call)
{
    INGOT_TRY(ingot_boxed_check(call, "string_cast", 1, 1));
    INGOT_TRY(ingot_boxed_need(call, "string_cast", 0, INGOT_FORM_TENSOR));
    ingot_dtype to = (ingot_dtype)((const ingot_attrs_cast *)call->attrs)->to;
    const ingot_tensor *x = boxed_tensor(call, 0);
    ingot_tensor *y;
    bool prints = to == INGOT_STRING;
    ingot_dtype number = prints ? x->dtype : to;
    KERNEL_REQUIRE(prints != (x->dtype == INGOT_STRING) && number != INGOT_C64 && number != INGOT_C128 &&
                       number > INGOT_UNDEFINED && number < INGOT_DTYPE_COUNT,
                   "string_cast: from %s to %s", ingot_dtype_name(x->dtype), ingot_dtype_name(to));
    INGOT_TRY(ingot_boxed_result(call, 0, to, x->rank, x->dims, &y));
    return prints ? print_all(call, x, y) : read_all(x, y);
}
