/* json_print.c: canonical CBOR as JSON text, close together or for people. */
#include "base/number.h"
#include "codec/canon.h"
#include "codec/json.h"

struct print_frame {
	bool map;
	uint64_t left; /* items or pairs */
};

struct printer {
	struct buf *out;
	struct bytes in;
	bool pretty;
	struct print_frame frames[CODEC_DEPTH_MAX];
	size_t depth;
};

static err_t put_escape(struct buf *out, uint8_t c)
{
	static const struct bytes names = { (const uint8_t *)"\"\\\b\f\n\r\t", 7 };
	static const char letters[] = "\"\\bfnrt";
	uint8_t two[2] = { '\\', 0 };
	size_t i = bytes_find(names, c);

	if (i == names.n)
		return buf_printf(out, "\\u%04x", c);
	two[1] = (uint8_t)letters[i];
	return buf_add(out, BYTES_OF(two));
}

/* Octets that stand for themselves. No control reaches a terminal as such: DEL
 * and U+0080..U+009F are escaped as well. */
static bool is_plain(struct bytes s, size_t i)
{
	static const bool plain[256] = {
		[' ' ... '!'] = true, ['#' ... '['] = true, [']' ... '~'] = true,
		[0x80 ... 0xc1] = true, [0xc3 ... 0xff] = true,
	};

	return plain[s.p[i]] || (s.p[i] == 0xc2 && !(i + 1 < s.n && s.p[i + 1] < 0xa0));
}

static err_t put_escaped(struct buf *out, struct bytes utf8)
{
	err_t err = ERR_OK;

	for (size_t i = 0, from = 0; from < utf8.n; from = ++i) {
		while (i < utf8.n && is_plain(utf8, i))
			i++;
		TRY(buf_add(out, bytes_sub(utf8, from, i - from)));
		if (i < utf8.n && utf8.p[i] == 0xc2)
			i++; /* the second octet is the code point */
		if (i < utf8.n)
			TRY(put_escape(out, utf8.p[i]));
	}
out:
	return err;
}

err_t json_put_string(struct buf *out, struct bytes utf8)
{
	size_t i = 0;
	uint8_t *to;
	err_t err = ERR_OK;

	if (out->cap - out->n < utf8.n + 2)
		TRY(buf_reserve(out, utf8.n + 2));
	to = out->p + out->n;
	*to++ = '"';
	/* Most texts are short and stand for themselves. */
	for (; i < utf8.n && is_plain(utf8, i); i++)
		*to++ = utf8.p[i];
	out->n += 1 + i;
	if (i < utf8.n)
		TRY(put_escaped(out, bytes_sub(utf8, i, utf8.n)));
	err = buf_add_byte(out, '"');
out:
	return err;
}

static err_t put_float(struct buf *out, double v)
{
	char text[NUMBER_TEXT_MAX];
	size_t n = number_print(v, text);

	return buf_add(out, bytes_make(text, n));
}

static err_t put_negative(struct buf *out, uint64_t u)
{
	err_t err;

	TRY(buf_add_byte(out, '-'));
	err = buf_add_u64(out, u + 1);
out:
	return err;
}

static err_t put_scalar(struct buf *out, const struct cbor *v)
{
	switch (v->kind) {
	case CBOR_UINT:
		return buf_add_u64(out, v->u);
	case CBOR_NINT:
		return put_negative(out, v->u);
	case CBOR_TEXT:
		return json_put_string(out, v->s);
	case CBOR_BOOL:
		return buf_add(out, v->u ? BYTES("true") : BYTES("false"));
	case CBOR_NULL:
		return buf_add(out, BYTES("null"));
	case CBOR_FLOAT:
		return put_float(out, v->f);
	default:
		return ERR_TYPE; /* octets have no JSON form */
	}
}

static err_t new_line(struct printer *p)
{
	err_t err;

	if (!p->pretty)
		return ERR_OK;
	TRY(buf_add_byte(p->out, '\n'));
	for (size_t i = 0; i < p->depth; i++)
		TRY(buf_add(p->out, BYTES("  ")));
out:
	return err;
}

/* The text that comes next; most items are one. False: it is none, or not whole. */
static inline bool take_text(struct printer *p, struct bytes *text)
{
	struct bytes rest = p->in;
	struct canon_in h;

	if (canon_read_head(&rest, &h) != ERR_OK || h.major != 3 || !canon_is_shortest(&h) ||
	    h.n > rest.n)
		return false;
	*text = bytes_make(rest.p, (size_t)h.n);
	p->in = bytes_make(rest.p + h.n, rest.n - (size_t)h.n);
	return true;
}

/* The next value; a container is opened and its content comes next. */
static err_t put_value(struct printer *p)
{
	unsigned major = p->in.n ? p->in.p[0] >> 5 : 0;
	struct bytes rest = p->in, text;
	struct canon_in h;
	struct cbor v;
	err_t err;

	if (take_text(p, &text))
		return json_put_string(p->out, text);
	if (major != 4 && major != 5) {
		TRY(cbor_next(&p->in, &v));
		return put_scalar(p->out, &v);
	}
	TRY(canon_read_head(&rest, &h));
	if (!canon_is_shortest(&h))
		return ERR_SYNTAX;
	if (p->depth == CODEC_DEPTH_MAX)
		return ERR_LIMIT;
	p->in = rest;
	p->frames[p->depth++] = (struct print_frame){ h.major == 5, h.n };
	TRY(buf_add_byte(p->out, h.major == 5 ? '{' : '['));
	err = h.n ? new_line(p) : ERR_OK;
out:
	return err;
}

static err_t put_key(struct printer *p)
{
	struct bytes text;
	struct cbor other;
	err_t err;

	if (!take_text(p, &text)) {
		TRY(cbor_next(&p->in, &other));
		return ERR_TYPE;
	}
	TRY(json_put_string(p->out, text));
	err = buf_add(p->out, p->pretty ? BYTES(": ") : BYTES(":"));
out:
	return err;
}

/* What follows a value: the ends of full containers, then a comma. */
static err_t put_after(struct printer *p, bool *done, bool opened)
{
	err_t err = ERR_OK;

	while (p->depth > 0 && p->frames[p->depth - 1].left == 0) {
		bool map = p->frames[--p->depth].map;

		if (!opened)
			TRY(new_line(p));
		opened = false;
		TRY(buf_add_byte(p->out, map ? '}' : ']'));
	}
	*done = p->depth == 0;
	if (*done || opened)
		return ERR_OK;
	TRY(buf_add_byte(p->out, ','));
	err = new_line(p);
out:
	return err;
}

static err_t print(struct bytes in, struct buf *out, bool pretty)
{
	struct printer p;
	size_t start = out->n;
	bool done = false;
	err_t err;

	p.out = out;
	p.in = in;
	p.pretty = pretty;
	p.depth = 0;
	while (!done) {
		size_t depth = p.depth;

		if (depth > 0) {
			p.frames[depth - 1].left--;
			if (p.frames[depth - 1].map)
				TRY(put_key(&p));
		}
		TRY(put_value(&p));
		TRY(put_after(&p, &done, p.depth > depth));
	}
	err = p.in.n == 0 ? ERR_OK : ERR_SYNTAX;
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}

err_t cbor_to_json(struct bytes in, struct buf *out)
{
	return print(in, out, false);
}

err_t cbor_to_json_pretty(struct bytes in, struct buf *out)
{
	return print(in, out, true);
}
