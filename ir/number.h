/* Numbers as text, exact both ways: the shortest decimal that reads back as the same double; NaNs with a payload as
 * their bits. */
#ifndef INGOT_IR_NUMBER_H
#define INGOT_IR_NUMBER_H
#include "runtime/arena.h"

/* "0.5", "1.0", "-inf", "nan", "0x7ff8000000000001". Always marks a float: has a '.', an exponent, or is one of the
 * words. */
void ingot_number_print(double value, ingot_text *out);
/* Reads what print writes (and any C decimal) from text[0..size); bytes taken, 0 when there is no number. */
size_t ingot_number_parse(const char *text, size_t size, double *out);
/* A decimal int64; bytes taken, 0 when there is none or it does not fit. */
size_t ingot_integer_parse(const char *text, size_t size, int64_t *out);
#endif
