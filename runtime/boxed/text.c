/* Texts: UTF-8, white space and letter case. */
#include "runtime/boxed/text.h"

int32_t ingot_text_decode(const char *text, int64_t size, int64_t at, int32_t *out_bytes)
{
    const unsigned char *b = (const unsigned char *)text + at;
    int32_t n = b[0] < 0x80 ? 1 : b[0] >= 0xf0 && b[0] < 0xf8 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc0 ? 2 : 1;
    *out_bytes = 1;
    if (n == 1 || b[0] >= 0xf8 || n > size - at)
        return b[0];
    int32_t point = b[0] & (0xff >> (n + 1));
    for (int32_t i = 1; i < n; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return b[0];
        point = point << 6 | (b[i] & 0x3f);
    }
    *out_bytes = n;
    return point;
}

int32_t ingot_text_encode(int32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    int32_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (int32_t i = n - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)((0xf00 >> n & 0xff) | point);
    return n;
}

bool ingot_text_is_space(int32_t p)
{
    return (p >= 9 && p <= 13) || (p >= 0x1c && p <= 0x20) || p == 0x85 || p == 0xa0 || p == 0x1680 ||
           (p >= 0x2000 && p <= 0x200a) || p == 0x2028 || p == 0x2029 || p == 0x202f || p == 0x205f || p == 0x3000;
}

/* Runs of letters: those whose lower case is `shift` further, or (shift 1) even and odd neighbours. */
static const struct {
    int32_t first, last, shift;
} letters[] = {
    {'A', 'Z', 32},      {0xc0, 0xd6, 32},    {0xd8, 0xde, 32},     {0x100, 0x12f, 1},  {0x132, 0x137, 1},
    {0x14a, 0x177, 1},   {0x370, 0x373, 1},   {0x391, 0x3a1, 32},   {0x3a3, 0x3ab, 32}, {0x400, 0x40f, 80},
    {0x410, 0x42f, 32},  {0x460, 0x481, 1},   {0x48a, 0x4bf, 1},    {0x4d0, 0x52f, 1},  {0x531, 0x556, 48},
    {0x1e00, 0x1e95, 1}, {0x1ea0, 0x1eff, 1}, {0xff21, 0xff3a, 32},
};

/* Neighbours whose upper case is odd. */
static const struct {
    int32_t first, last;
} odd_letters[] = {{0x139, 0x148}, {0x179, 0x17e}, {0x4c1, 0x4ce}};

static int32_t change_case(int32_t p, bool lower)
{
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        int32_t shift = letters[i].shift, first = letters[i].first, last = letters[i].last;
        if (shift == 1) {
            if (p >= first && p <= last)
                return lower ? p | 1 : p & ~1;
        } else if (lower ? p >= first && p <= last : p >= first + shift && p <= last + shift) {
            return lower ? p + shift : p - shift;
        }
    }
    for (size_t i = 0; i < sizeof odd_letters / sizeof *odd_letters; i++)
        if (p >= odd_letters[i].first && p <= odd_letters[i].last)
            return lower ? ((p + 1) & ~1) : ((p - 1) | 1);
    return p;
}

int32_t ingot_text_lower(int32_t point)
{
    return change_case(point, true);
}

int32_t ingot_text_upper(int32_t point)
{
    return change_case(point, false);
}
