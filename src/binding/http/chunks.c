/* chunks.c: content in chunks [RFC 9112 7.1], of answers that the laboratory reads.
 *
 *   hex size [;extension] CRLF octets CRLF ... 0 CRLF CRLF
 *
 * As strict as the head: no bare LF, no blanks before the size, no trailers. Requests never
 * come here: what could be read in two ways is refused there (411). */
#include "binding/http/fields.h"

enum { SIZE_LINE_MAX = 128, SIZE_DIGITS_MAX = 8 };

static bool hex_size(struct bytes text, uint64_t *out)
{
	*out = 0;
	if (text.n == 0 || text.n > SIZE_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (!octet_is(c, OCTET_HEX))
			return false;
		*out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return true;
}

err_t chunk_next(struct bytes rest, struct bytes *octets, size_t *whole)
{
	struct bytes line = rest, size;
	size_t lf = bytes_find(rest, '\n');
	uint64_t n;

	*whole = 0;
	*octets = BYTES_NONE;
	if (lf > SIZE_LINE_MAX)
		return ERR_SYNTAX;
	if (lf == rest.n)
		return ERR_OK;
	line = bytes_sub(rest, 0, lf ? lf - 1 : 0);
	size = bytes_cut(&line, ';');
	if (lf == 0 || rest.p[lf - 1] != '\r' || !hex_size(octets_trim(size), &n) ||
	    (size.n && (size.p[0] == ' ' || size.p[0] == '\t')) || (line.n && !octets_are(line, OCTET_VALUE)))
		return ERR_SYNTAX;
	if (rest.n - (lf + 1) < n + 2)
		return ERR_OK;
	rest = bytes_sub(rest, lf + 1, rest.n);
	if (rest.p[n] != '\r' || rest.p[n + 1] != '\n')
		return ERR_SYNTAX;
	*octets = bytes_sub(rest, 0, n);
	*whole = lf + 1 + n + 2;
	return ERR_OK;
}

err_t chunks_join(struct bytes body, struct buf *out)
{
	struct bytes octets;
	size_t whole;
	err_t err;

	do {
		TRY(chunk_next(body, &octets, &whole));
		if (whole == 0)
			return ERR_SYNTAX;
		TRY(buf_add(out, octets));
		body = bytes_sub(body, whole, body.n);
	} while (octets.n);
out:
	return err;
}
