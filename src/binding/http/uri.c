/* uri.c: addresses of resources as paths of HTTP and back [TS-0009 6.2.2.1].
 *
 *   cse-in/lamp           /cse-in/lamp
 *   /mn-cse/cse/lamp      /~/mn-cse/cse/lamp
 *   //sp.example/in-cse   /_/sp.example/in-cse
 *
 * Decoded once. What would be another path to another reader - dot segments,
 * empty segments, an encoded slash - is refused, not repaired. */
#include "binding/http/compose.h"
#include "binding/http/fields.h"

static int hex_of(uint8_t c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

err_t uri_decode(struct bytes raw, uint8_t *out, size_t size, struct bytes *text)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		uint8_t c = raw.p[i];

		if (c == '%') {
			if (raw.n - i < 3 || !octet_is(raw.p[i + 1], OCTET_HEX) ||
			    !octet_is(raw.p[i + 2], OCTET_HEX))
				return ERR_SYNTAX;
			c = (uint8_t)(hex_of(raw.p[i + 1]) << 4 | hex_of(raw.p[i + 2]));
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return ERR_SYNTAX;
		if (n == size)
			return ERR_LIMIT;
		out[n++] = c;
	}
	*text = bytes_make(out, n);
	return bytes_is_utf8(*text) ? ERR_OK : ERR_SYNTAX;
}

err_t uri_encode(struct bytes text, bool path, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	err_t err;

	TRY(buf_reserve(out, 3 * text.n));
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (octet_is(c, OCTET_PLAIN) || (path && c == '/')) {
			out->p[out->n++] = c;
			continue;
		}
		out->p[out->n++] = '%';
		out->p[out->n++] = (uint8_t)hex[c >> 4];
		out->p[out->n++] = (uint8_t)hex[c & 15];
	}
out:
	return err;
}

/* Every segment something, none a step to elsewhere. */
static bool segments_are_plain(struct bytes path)
{
	while (path.n) {
		struct bytes segment;

		path = bytes_sub(path, 1, path.n); /* the slash */
		segment = bytes_sub(path, 0, bytes_find(path, '/'));
		if (segment.n == 0 || bytes_equal(segment, BYTES(".")) ||
		    bytes_equal(segment, BYTES("..")))
			return false;
		path = bytes_sub(path, segment.n, path.n);
	}
	return true;
}

static bool has_encoded_slash(struct bytes raw)
{
	for (size_t i = 0; i + 2 < raw.n; i++) {
		if (raw.p[i] == '%' && raw.p[i + 1] == '2' && (raw.p[i + 2] | 32) == 'f')
			return true;
	}
	return false;
}

/* The path of a request target -> To. */
static err_t path_read(struct bytes raw, struct compose *c)
{
	uint8_t room[HTTP_LINE_MAX];
	struct bytes path = BYTES_NONE, to;
	err_t err;

	TRY(uri_decode(raw, room, sizeof(room), &path));
	if (has_encoded_slash(raw) || !segments_are_plain(path))
		return ERR_SYNTAX;
	to = bytes_sub(path, 1, path.n);
	if (bytes_equal(to, BYTES("~")) || bytes_equal(to, BYTES("_")))
		return ERR_SYNTAX;
	if (bytes_starts(to, BYTES("~/"))) {
		to = bytes_sub(to, 1, to.n);
	} else if (bytes_starts(to, BYTES("_/"))) {
		/* "/_/sp" is "//sp": the octet before the second slash becomes one. */
		room[1] = '/';
	}
	TRY(compose_key(c, param_row(PARAM_TO)->short_name));
	TRY(cbor_put_text(c->parts, to));
out:
	return err;
}

err_t target_read(struct bytes target, struct compose *c, struct buf *inner,
                  enum http_method method)
{
	struct bytes query = target, path = bytes_cut(&query, '?');
	err_t err;

	TRY(path_read(path, c));
	if (query.n)
		TRY(query_read(query, c, inner, method));
out:
	return err;
}

err_t uri_put_path(struct bytes to, struct buf *out)
{
	struct bytes prefix = BYTES("/");
	err_t err;

	if (bytes_starts(to, BYTES("//"))) {
		prefix = BYTES("/_");
		to = bytes_sub(to, 1, to.n);
	} else if (bytes_starts(to, BYTES("/"))) {
		prefix = BYTES("/~");
	}
	TRY(buf_add(out, prefix));
	TRY(uri_encode(to, true, out));
out:
	return err;
}
