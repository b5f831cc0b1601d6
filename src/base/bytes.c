/* bytes.c: octets, borrowed and owned. */
#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bytes_compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool bytes_starts(struct bytes b, struct bytes prefix)
{
	return b.n >= prefix.n && bytes_equal(bytes_sub(b, 0, prefix.n), prefix);
}

bool bytes_ends(struct bytes b, struct bytes suffix)
{
	return b.n >= suffix.n &&
	       bytes_equal(bytes_sub(b, b.n - suffix.n, suffix.n), suffix);
}

size_t bytes_find(struct bytes b, uint8_t c)
{
	const uint8_t *at = b.n ? memchr(b.p, c, b.n) : NULL;

	return at ? (size_t)(at - b.p) : b.n;
}

struct bytes bytes_cut(struct bytes *b, uint8_t separator)
{
	size_t at = bytes_find(*b, separator);
	struct bytes before = bytes_sub(*b, 0, at);

	*b = at < b->n ? bytes_sub(*b, at + 1, b->n) : bytes_sub(*b, b->n, 0);
	return before;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct bytes bytes_trim(struct bytes b)
{
	while (b.n && is_blank(b.p[0]))
		b = bytes_sub(b, 1, b.n);
	while (b.n && is_blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

err_t bytes_to_u64(struct bytes b, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (b.n == 0 || (b.n > 1 && b.p[0] == '0'))
		return ERR_SYNTAX;
	for (size_t i = 0; i < b.n; i++) {
		uint64_t digit = (uint64_t)b.p[i] - '0';

		if (b.p[i] < '0' || b.p[i] > '9')
			return ERR_SYNTAX;
		if (v > (UINT64_MAX - digit) / 10)
			return ERR_RANGE;
		v = v * 10 + digit;
	}
	if (v > max)
		return ERR_RANGE;
	*out = v;
	return ERR_OK;
}

static const char hex_digits[] = "0123456789abcdef";

void bytes_to_hex(struct bytes b, char *out, size_t out_size)
{
	must(out_size >= 2 * b.n + 1);
	for (size_t i = 0; i < b.n; i++) {
		out[2 * i] = hex_digits[b.p[i] >> 4];
		out[2 * i + 1] = hex_digits[b.p[i] & 15];
	}
	out[2 * b.n] = '\0';
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

err_t bytes_from_hex(struct bytes hex, uint8_t *out, size_t n)
{
	if (hex.n != 2 * n)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(hex.p[2 * i]);
		int low = hex_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return ERR_SYNTAX;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return ERR_OK;
}

void bytes_move(void *to, const void *from, size_t n)
{
	if (n)
		memmove(to, from, n);
}

err_t bytes_put(void *to, size_t size, struct bytes from)
{
	if (from.n > size)
		return ERR_LIMIT;
	bytes_copy(to, from.p, from.n);
	return ERR_OK;
}

err_t bytes_put_str(char *to, size_t size, struct bytes from)
{
	if (from.n >= size)
		return ERR_LIMIT;
	if (bytes_find(from, 0) != from.n)
		return ERR_SYNTAX;
	bytes_copy(to, from.p, from.n);
	to[from.n] = '\0';
	return ERR_OK;
}

bool text_vprint(char *to, size_t size, const char *fmt, va_list ap)
{
	int n;

	must(size > 0);
	n = vsnprintf(to, size, fmt, ap);
	if (n < 0)
		to[0] = '\0';
	return n >= 0 && (size_t)n < size;
}

bool text_print(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	bool whole;

	va_start(ap, fmt);
	whole = text_vprint(to, size, fmt, ap);
	va_end(ap);
	return whole;
}

/* Octets of the sequence that starts with c, 0 when c cannot start one. */
static size_t utf8_length(uint8_t c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	return 0;
}

static bool utf8_second_ok(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0: /* overlong */
		return second >= 0xa0;
	case 0xed: /* surrogates */
		return second <= 0x9f;
	case 0xf0: /* overlong */
		return second >= 0x90;
	case 0xf4: /* above U+10FFFF */
		return second <= 0x8f;
	default:
		return true;
	}
}

/* Eight octets of 1 to 127? Only of 0 there is something to borrow. */
static inline bool are_ascii(const uint8_t *p)
{
	uint64_t v;

	bytes_copy(&v, p, sizeof(v));
	return !((v | (v - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080));
}

bool bytes_is_utf8(struct bytes b)
{
	for (size_t i = 0; i < b.n;) {
		size_t n;

		/* Most octets are ASCII, eight at a time; NUL is for below. */
		while (b.n - i >= 8 && are_ascii(b.p + i))
			i += 8;
		if (i == b.n)
			break;
		if (b.p[i] - 1u < 0x7f) {
			i++;
			continue;
		}
		n = utf8_length(b.p[i]);
		if (n == 0 || n > b.n - i || b.p[i] == 0)
			return false;
		for (size_t k = 1; k < n; k++) {
			if ((b.p[i + k] & 0xc0) != 0x80)
				return false;
		}
		if (n > 1 && !utf8_second_ok(b.p[i], b.p[i + 1]))
			return false;
		i += n;
	}
	return true;
}

bool bytes_is_printable(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] < 0x20 || b.p[i] > 0x7e)
			return false;
	}
	return true;
}
