/* number.h: float64 to and from decimal text, exact and round-trip. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/bytes.h"

enum { NUMBER_TEXT_MAX = 32, NUMBER_INPUT_MAX = 1024 };

/* A decimal number of the JSON grammar (sign, digits, fraction, exponent) as
 * the nearest float64. ERR_SYNTAX; ERR_RANGE beyond float64; ERR_LIMIT above
 * NUMBER_INPUT_MAX octets. What is too small becomes zero. */
err_t number_parse(struct bytes text, double *out) MUST_USE;

/* The shortest decimal text that reads back as v; v is finite. The text always
 * has a fraction or an exponent, so that it is not taken for an integer.
 * Returns the length. */
size_t number_print(double v, char out[NUMBER_TEXT_MAX]);

#endif
