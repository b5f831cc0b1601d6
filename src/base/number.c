/* number.c: float64 to and from decimal text.
 *
 * Readings of sensors have few digits: for these both directions are one exact
 * multiplication or division [Clinger 1990]; the C library does the rest. */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double powers[] = {
	1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* Mantissas up to here are exact in float64. */
static const uint64_t exact_max = (uint64_t)1 << 53;

/* The digits, the point and the exponent of a number, where these are small. */
struct decimal {
	bool negative, small;
	uint64_t mantissa;
	int scale; /* power of ten */
};

static bool is_digit(struct bytes t, size_t i)
{
	return i < t.n && t.p[i] >= '0' && t.p[i] <= '9';
}

static size_t decimal_digits(struct bytes t, size_t i, struct decimal *d, bool fraction)
{
	for (; is_digit(t, i); i++) {
		if (d->mantissa >= exact_max / 10 - 1) {
			d->small = false;
			continue;
		}
		d->mantissa = d->mantissa * 10 + (uint64_t)(t.p[i] - '0');
		d->scale -= fraction;
	}
	return i;
}

static size_t decimal_exponent(struct bytes t, size_t i, struct decimal *d)
{
	bool minus = i < t.n && t.p[i] == '-';
	int e = 0;

	if (i < t.n && (t.p[i] == '+' || t.p[i] == '-'))
		i++;
	for (; is_digit(t, i); i++) {
		if (e < 100000)
			e = e * 10 + (t.p[i] - '0');
	}
	d->scale += minus ? -e : e;
	return i;
}

/* ERR_SYNTAX unless t is sign, digits, fraction, exponent and nothing else. */
static err_t decimal_read(struct bytes t, struct decimal *d)
{
	size_t i = 0, from;

	*d = (struct decimal){ .small = true };
	if (t.n && t.p[0] == '-') {
		d->negative = true;
		i++;
	}
	from = i;
	i = decimal_digits(t, i, d, false);
	if (i == from || (t.p[from] == '0' && i > from + 1))
		return ERR_SYNTAX;
	if (i < t.n && t.p[i] == '.') {
		from = ++i;
		i = decimal_digits(t, i, d, true);
		if (i == from)
			return ERR_SYNTAX;
	}
	if (i < t.n && (t.p[i] == 'e' || t.p[i] == 'E')) {
		i = decimal_exponent(t, i + 1, d);
		if (!is_digit(t, i - 1))
			return ERR_SYNTAX;
	}
	return i == t.n ? ERR_OK : ERR_SYNTAX;
}

err_t number_parse(struct bytes text, double *out)
{
	char copy[NUMBER_INPUT_MAX + 1];
	struct decimal d;
	double v;
	err_t err;

	TRY(decimal_read(text, &d));
	if (d.small && d.scale >= -22 && d.scale <= 22) {
		v = (double)d.mantissa;
		v = d.scale < 0 ? v / powers[-d.scale] : v * powers[d.scale];
		*out = d.negative ? -v : v;
		return ERR_OK;
	}
	TRY(bytes_put_str(copy, sizeof(copy), text));
	v = strtod(copy, NULL);
	if (isinf(v))
		return ERR_RANGE;
	*out = v;
out:
	return err;
}

/* m as decimal digits with a point before the last k. */
static size_t print_decimal(bool negative, uint64_t m, int k, char out[NUMBER_TEXT_MAX])
{
	char digits[24];
	size_t n = 0, at = sizeof(digits);

	for (int i = 0; m > 0 || i <= k; i++, m /= 10) {
		if (i == k)
			digits[--at] = '.';
		digits[--at] = (char)('0' + m % 10);
	}
	if (negative)
		out[n++] = '-';
	bytes_copy(out + n, digits + at, sizeof(digits) - at);
	return n + sizeof(digits) - at;
}

/* Few digits after the point: m / 10^k == v proves that m with k digits after
 * the point reads back as v, because both are exact and division rounds once. */
static size_t print_short(double v, char out[NUMBER_TEXT_MAX])
{
	double size = fabs(v);

	if (size < 1e-3 || size >= 1e9)
		return 0;
	for (int k = 1; k <= 6; k++) {
		uint64_t m = (uint64_t)(size * powers[k] + 0.5);

		if ((double)m / powers[k] == size)
			return print_decimal(v < 0, m, k, out);
	}
	return 0;
}

size_t number_print(double v, char out[NUMBER_TEXT_MAX])
{
	struct bytes text;
	size_t n;

	must(isfinite(v));
	n = print_short(v, out);
	for (int digits = 15; n == 0; digits++) {
		n = (size_t)snprintf(out, NUMBER_TEXT_MAX, "%.*g", digits, v);
		if (digits < 17 && strtod(out, NULL) != v)
			n = 0;
	}
	text = bytes_make(out, n);
	if (bytes_find(text, '.') == n && bytes_find(text, 'e') == n)
		n += (size_t)snprintf(out + n, NUMBER_TEXT_MAX - n, ".0");
	return n;
}
