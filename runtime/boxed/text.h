/* Texts: UTF-8 code points, white space, letter case; and regular expressions. */
#ifndef INGOT_RUNTIME_BOXED_TEXT_H
#define INGOT_RUNTIME_BOXED_TEXT_H
#include "runtime/arena.h"
#include <stdbool.h>

/* The code point at text[at] (at < size) and its bytes; a byte that begins none stands for itself. */
int32_t ingot_text_decode(const char *text, int64_t size, int64_t at, int32_t *out_bytes);
/* At most 4 bytes; returns how many. */
int32_t ingot_text_encode(int32_t point, char out[4]);
bool ingot_text_is_space(int32_t point); /* as Unicode has it */
/* Of Latin, Greek and Cyrillic letters whose two cases are one code point each; others stay. */
int32_t ingot_text_lower(int32_t point);
int32_t ingot_text_upper(int32_t point);

/* A regular expression in RE2's syntax, compiled to a list of instructions that are followed all at once: time is
 * proportional to the text times the list, whatever the expression. */
typedef struct ingot_regex ingot_regex;
/* Lives in the arena. INGOT_BAD_MODEL for what is no expression, INGOT_UNSUPPORTED for RE2's classes of Unicode
 * properties (\p), \C and \Q, INGOT_LIMIT for one that is too large. */
ingot_status ingot_regex_compile(ingot_arena *arena, const char *pattern, int64_t size, const ingot_regex **out);
/* Whether all of the text matches. `scratch`: ingot_regex_scratch_bytes(regex) bytes. */
int64_t ingot_regex_scratch_bytes(const ingot_regex *regex);
bool ingot_regex_match(const ingot_regex *regex, const char *text, int64_t size, void *scratch);
#endif
