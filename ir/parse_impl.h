/* The reader's own header: characters and tokens (parse_lex.c), types and literals (parse_type.c), ops and modules
 * (parse.c). */
#ifndef INGOT_IR_PARSE_IMPL_H
#define INGOT_IR_PARSE_IMPL_H
#include "ir/number.h"
#include "ir/text.h"

typedef struct ingot_reader {
    ingot_module *m;
    const char *text, *file;
    size_t size, at, checks_at; /* checks_at: of the list of checks, which is read last; 0: none */
    int32_t depth, max_depth;
    ingot_value **values; /* by id; null: not defined yet */
    int64_t n_values;
} ingot_reader;

/* INGOT_BAD_MODEL "file:line:column: expected ..." at the current place (or at `at`). */
ingot_status ingot_reader_fail(const ingot_reader *r, const char *format, ...) INGOT_PRINTF(2, 3);
ingot_status ingot_reader_fail_at(const ingot_reader *r, size_t at, const char *format, ...) INGOT_PRINTF(3, 4);
/* Skips space and // comments; the next character, 0 at the end. */
char ingot_reader_peek(ingot_reader *r);
/* Takes `word` if it comes next. Words of letters must end there. */
bool ingot_reader_take(ingot_reader *r, const char *word);
INGOT_MUST_USE ingot_status ingot_reader_expect(ingot_reader *r, const char *word);
/* A bare name: letters, digits, '_', '.', '$'. Points into the text. */
INGOT_MUST_USE ingot_status ingot_reader_name(ingot_reader *r, const char **out, size_t *out_size);
/* A quoted string, unescaped into the arena; null-terminated, but may hold nulls. */
INGOT_MUST_USE ingot_status ingot_reader_string(ingot_reader *r, char **out, size_t *out_size);
INGOT_MUST_USE ingot_status ingot_reader_int(ingot_reader *r, int64_t *out);
/* An f64 attribute: decimal, or 0x and 16 digits of bits with an optional ": f64". */
INGOT_MUST_USE ingot_status ingot_reader_double(ingot_reader *r, double *out);
/* Enters a level of nesting; leave by r->depth--. */
INGOT_MUST_USE ingot_status ingot_reader_enter(ingot_reader *r);

/* tensor<...>; INGOT_UNDEFINED with rank -1 for `none`. */
INGOT_MUST_USE ingot_status ingot_reader_type(ingot_reader *r, ingot_type *out, bool *out_none);
INGOT_MUST_USE ingot_status ingot_reader_dim(ingot_reader *r, const ingot_dim **out); /* a quoted size */
/* dense<...> : type or #ingot.file<...>; out_type is undefined for a file. */
INGOT_MUST_USE ingot_status ingot_reader_literal(ingot_reader *r, ingot_literal *out, ingot_type *out_type);
#endif
