/* json_escape.c: see json_escape.h. */
#include "codec/json_escape.h"

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind \u. */
static err_t take_hex4(const uint8_t **at, const uint8_t *end, uint32_t *out)
{
	*out = 0;
	if (end - *at < 4)
		return ERR_SYNTAX;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(*(*at)++);

		if (d < 0)
			return ERR_SYNTAX;
		*out = *out << 4 | (uint32_t)d;
	}
	return ERR_OK;
}

static err_t put_utf8(struct buf *out, uint32_t c)
{
	uint8_t o[4];

	if (c < 0x80)
		return buf_add_byte(out, (uint8_t)c);
	if (c < 0x800) {
		o[0] = (uint8_t)(0xc0 | c >> 6);
		o[1] = (uint8_t)(0x80 | (c & 63));
		return buf_add(out, bytes_make(o, 2));
	}
	if (c < 0x10000) {
		o[0] = (uint8_t)(0xe0 | c >> 12);
		o[1] = (uint8_t)(0x80 | (c >> 6 & 63));
		o[2] = (uint8_t)(0x80 | (c & 63));
		return buf_add(out, bytes_make(o, 3));
	}
	o[0] = (uint8_t)(0xf0 | c >> 18);
	o[1] = (uint8_t)(0x80 | (c >> 12 & 63));
	o[2] = (uint8_t)(0x80 | (c >> 6 & 63));
	o[3] = (uint8_t)(0x80 | (c & 63));
	return buf_add(out, bytes_make(o, 4));
}

/* \uXXXX, a pair of them for a character above U+FFFF. */
static err_t take_unicode(const uint8_t **at, const uint8_t *end, struct buf *out)
{
	uint32_t c, low;
	err_t err;

	TRY(take_hex4(at, end, &c));
	if (c == 0 || (c >= 0xdc00 && c <= 0xdfff))
		return ERR_SYNTAX;
	if (c >= 0xd800 && c <= 0xdbff) {
		if (end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
			return ERR_SYNTAX;
		*at += 2;
		TRY(take_hex4(at, end, &low));
		if (low < 0xdc00 || low > 0xdfff)
			return ERR_SYNTAX;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	err = put_utf8(out, c);
out:
	return err;
}

err_t json_escape(const uint8_t **at, const uint8_t *end, struct buf *out)
{
	static const char values[] = "\"\\/\b\f\n\r\t";
	struct bytes known = BYTES("\"\\/bfnrt");
	size_t i;

	if (*at == end)
		return ERR_SYNTAX;
	if (**at == 'u') {
		(*at)++;
		return take_unicode(at, end, out);
	}
	i = bytes_find(known, **at);
	if (i == known.n)
		return ERR_SYNTAX;
	(*at)++;
	return buf_add_byte(out, (uint8_t)values[i]);
}
