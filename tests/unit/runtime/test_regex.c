/* Regular expressions: what matches all of a text, what is refused, and time that stays in bounds. */
#include "runtime/boxed/text.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static bool matches_sized(const char *pattern, const char *text, int64_t size)
{
    ingot_arena arena = {0};
    const ingot_regex *regex;
    ingot_status status = ingot_regex_compile(&arena, pattern, (int64_t)strlen(pattern), &regex);
    cr_assert_null(status, "%s", ingot_status_message(status));
    void *scratch = malloc((size_t)ingot_regex_scratch_bytes(regex));
    bool matches = ingot_regex_match(regex, text, size, scratch);
    free(scratch);
    ingot_arena_release(&arena);
    return matches;
}

static bool matches(const char *pattern, const char *text)
{
    return matches_sized(pattern, text, (int64_t)strlen(text));
}

static void refuse(const char *pattern, ingot_code code, const char *part)
{
    ingot_arena arena = {0};
    const ingot_regex *regex;
    ingot_status status = ingot_regex_compile(&arena, pattern, (int64_t)strlen(pattern), &regex);
    cr_expect_eq(ingot_status_code(status), code, "'%s': %s", pattern, ingot_status_message(status));
    cr_expect_not_null(strstr(ingot_status_message(status), part), "'%s': %s", pattern, ingot_status_message(status));
    ingot_status_free(status);
    ingot_arena_release(&arena);
}

Test(regex, matches_whole_texts)
{
    static const struct {
        const char *pattern, *yes[4], *no[4];
    } cases[] = {
        {"", {""}, {"a"}},
        {"abc", {"abc"}, {"ab", "abcd", "xabc"}},
        {"a|bc|", {"a", "bc", ""}, {"abc", "b"}},
        {"(a|b)*c", {"c", "abbac"}, {"", "ab"}},
        {"a+b?", {"a", "aaab"}, {"b", "abb"}},
        {"a{2,3}", {"aa", "aaa"}, {"a", "aaaa"}},
        {"(ab){2}", {"abab"}, {"ab", "ababab"}},
        {"x{,2}", {"x{,2}"}, {"xx"}},
        {"a{2,}?", {"aa", "aaaaa"}, {"a"}},
        {"a{0}b", {"b"}, {"ab"}},
        {".", {"a", "\xc3\xa9", "\xe2\x82\xac"}, {"", "\n", "ab"}},
        {"(?s).", {"\n"}, {""}},
        {"[a-c0-9]+", {"a9c"}, {"d", ""}},
        {"[^a-c]", {"d", "\n"}, {"a", "b"}},
        {"[]a]", {"]", "a"}, {"b"}},
        {"[a-]", {"a", "-"}, {"b"}},
        {"[\\d\\-]+", {"1-2"}, {"a"}},
        {"[[:alpha:]_]+", {"ab_"}, {"1"}},
        {"[[:^digit:]]", {"a"}, {"1"}},
        {"\\d+\\.\\d*", {"3.", "3.14"}, {".5", "3,1"}},
        {"\\w+@\\w+\\.(com|org)", {"a_1@b.org"}, {"a@b.net", "@b.com"}},
        {"\\S+\\s\\D", {"ab c"}, {"ab 1"}},
        {"(?i)straSSe\xc3\x84", {"STRASSE\xc3\xa4"}, {"strase"}},
        {"(?i:a)b", {"Ab", "ab"}, {"aB"}},
        {"(?P<name>a)(?:b)(?<other>c)", {"abc"}, {"ab"}},
        {"^a$", {"a"}, {"a\n"}},
        {"(?m)a$\n^b", {"a\nb"}, {"ab"}},
        {"\\Aa\\z", {"a"}, {"b"}},
        {"a\\b b\\B.", {"a bc"}, {"ab b"}},
        {"\\x41\\x{20ac}\\t\\101", {"A\xe2\x82\xac\tA"}, {"A"}},
        {"[\xce\xb1-\xcf\x89]+", {"\xce\xb2\xce\xb3"}, {"b"}},
        {"\\*\\(\\|", {"*(|"}, {"a"}},
        {"(a*)*b", {"b", "aab"}, {"a"}},
        {"(|a)+", {"", "aa"}, {"b"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 4; k++) {
            if (cases[i].yes[k])
                cr_expect(matches(cases[i].pattern, cases[i].yes[k]), "/%s/ '%s'", cases[i].pattern, cases[i].yes[k]);
            if (cases[i].no[k])
                cr_expect_not(matches(cases[i].pattern, cases[i].no[k]), "/%s/ '%s'", cases[i].pattern, cases[i].no[k]);
        }
    cr_assert(matches_sized("a\\x00b", "a\0b", 3));
    cr_assert_not(matches_sized("a", "\xff\xc3", 2), "bytes that are no UTF-8");
}

Test(regex, refuses_with_a_reason)
{
    refuse("a)", INGOT_BAD_MODEL, "byte 1: a ) without its (");
    refuse("(a", INGOT_BAD_MODEL, "a ( without its )");
    refuse("[a", INGOT_BAD_MODEL, "a [ without its ]");
    refuse("*a", INGOT_BAD_MODEL, "nothing to repeat");
    refuse("a**", INGOT_BAD_MODEL, "a repetition of a repetition");
    refuse("[b-a]", INGOT_BAD_MODEL, "ends before it begins");
    refuse("a\\", INGOT_BAD_MODEL, "ends in a backslash");
    refuse("\\y", INGOT_BAD_MODEL, "an unknown escape");
    refuse("(a)\\1", INGOT_BAD_MODEL, "references to groups");
    refuse("(?=a)", INGOT_BAD_MODEL, "an unknown (?");
    refuse("a{1001}", INGOT_BAD_MODEL, "more than 1000 times");
    refuse("[[:foo:]]", INGOT_BAD_MODEL, "an unknown [:class:]");
    refuse("\\x{110000}", INGOT_BAD_MODEL, "a malformed \\x");
    refuse("\\pL", INGOT_UNSUPPORTED, "\\p is not supported");
    refuse("\\Qa\\E", INGOT_UNSUPPORTED, "\\Q is not supported");
    refuse("((a{100}){100}){100}", INGOT_LIMIT, "more than 20000 instructions");
    char deep[2048];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    refuse(deep, INGOT_LIMIT, "nested deeper than 200");
}

/* Where backtracking would take 2^30 steps. */
Test(regex, takes_time_in_proportion, .timeout = 20)
{
    char text[32769];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    cr_assert_not(matches("(a*)*(a|aa)+(a?){30}b", text));
    cr_assert(matches("(a|aa)+", text));
}

Test(text, changes_case)
{
    static const struct {
        int32_t upper, lower;
    } pairs[] = {{'A', 'a'},     {'Z', 'z'},     {0xc9, 0xe9},   {0x100, 0x101},
                 {0x139, 0x13a}, {0x3a9, 0x3c9}, {0x416, 0x436}, {0x401, 0x451}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cr_expect_eq(ingot_text_lower(pairs[i].upper), pairs[i].lower);
        cr_expect_eq(ingot_text_upper(pairs[i].lower), pairs[i].upper);
        cr_expect_eq(ingot_text_lower(pairs[i].lower), pairs[i].lower);
        cr_expect_eq(ingot_text_upper(pairs[i].upper), pairs[i].upper);
    }
    cr_expect_eq(ingot_text_lower(0xd7), 0xd7, "the multiplication sign is no letter");
    cr_expect_eq(ingot_text_upper(0x4e2d), 0x4e2d);
}

Test(text, code_points_go_and_come_back)
{
    static const int32_t points[] = {0, 'a', 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000, 0x10ffff};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        char bytes[4];
        int32_t n = ingot_text_encode(points[i], bytes), used;
        cr_expect_eq(ingot_text_decode(bytes, n, 0, &used), points[i]);
        cr_expect_eq(used, n);
        if (n > 1) { /* cut off: the first byte stands for itself */
            cr_expect_eq(ingot_text_decode(bytes, n - 1, 0, &used), (unsigned char)bytes[0]);
            cr_expect_eq(used, 1);
        }
    }
}
