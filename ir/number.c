/* Numbers as text. */
#include "ir/number.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#define PLAIN_NAN UINT64_C(0x7ff8000000000000)

void ingot_number_print(double value, ingot_text *out)
{
    char text[40];
    if (isnan(value)) {
        if (bits_of(value) == PLAIN_NAN)
            ingot_text_append(out, "nan");
        else
            ingot_text_append(out, "0x%016llx", (unsigned long long)bits_of(value));
        return;
    }
    if (isinf(value)) {
        ingot_text_append(out, value < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits += digits == 1 ? 5 : digits == 6 ? 3 : 1) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (bits_of(strtod(text, NULL)) == bits_of(value))
            break;
    }
    /* MLIR takes no "1e-05" without a point. */
    char *mantissa_end = text + strcspn(text, "e");
    if (memchr(text, '.', (size_t)(mantissa_end - text)))
        ingot_text_append(out, "%s", text);
    else
        ingot_text_append(out, "%.*s.0%s", (int)(mantissa_end - text), text, mantissa_end);
}

size_t ingot_number_parse(const char *text, size_t size, double *out)
{
    char copy[64];
    size_t n = 0;
    while (n < size && n < sizeof copy - 1 &&
           (isalnum((unsigned char)text[n]) || strchr("+-.", text[n] ? text[n] : ' '))) {
        copy[n] = text[n];
        n++;
    }
    copy[n] = 0;
    if (!strcmp(copy, "nan")) {
        *out = double_of(PLAIN_NAN);
        return n;
    }
    if (!strcmp(copy, "inf") || !strcmp(copy, "-inf")) {
        *out = copy[0] == '-' ? -INFINITY : INFINITY;
        return n;
    }
    char *end = copy;
    if (copy[0] == '0' && copy[1] == 'x') {
        *out = double_of(strtoull(copy + 2, &end, 16));
        return *end || n != 18 ? 0 : n;
    }
    if (strpbrk(copy, "xXnNpP")) /* strtod would take more than our decimals */
        return 0;
    *out = strtod(copy, &end);
    return end == copy || *end ? 0 : n;
}

size_t ingot_integer_parse(const char *text, size_t size, int64_t *out)
{
    size_t n = 0;
    bool negative = n < size && text[n] == '-';
    int64_t value = 0;
    n += negative;
    size_t first = n;
    for (; n < size && isdigit((unsigned char)text[n]); n++) { /* from the negative side, which reaches INT64_MIN */
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, (int64_t)(text[n] - '0'), &value))
            return 0;
    }
    if (n == first || (!negative && value == INT64_MIN))
        return 0;
    *out = negative ? value : -value;
    return n;
}
