/* json.c: JSON text into canonical CBOR. One pass, no tree, no recursion: a
 * small machine of states over the text, containers on canon's stack. */
#include "base/number.h"
#include "codec/canon.h"
#include "codec/json.h"
#include "codec/json_escape.h"

enum state { WANT_VALUE, WANT_FIRST_ITEM, WANT_FIRST_KEY, WANT_KEY, AFTER_VALUE, DONE };

struct parser {
	struct canon canon;
	const uint8_t *at, *end;
	struct buf text; /* a string that had escapes */
	enum state state;
};

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end &&
	       (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
		p->at++;
}

/* --- strings ----------------------------------------------------------------- */

/* Octets that end a run of plain text: quote, backslash, controls. */
static inline bool is_special(uint8_t c)
{
	return c == '"' || c == '\\' || c < 0x20;
}

/* The rest of a string that has an escape; `from` is its first octet. */
static err_t take_escaped(struct parser *p, const uint8_t *from, struct bytes *out)
{
	err_t err;

	buf_clear(&p->text);
	TRY(buf_add(&p->text, bytes_make(from, (size_t)(p->at - from))));
	while (p->at < p->end && *p->at != '"') {
		const uint8_t *run = p->at;

		while (p->at < p->end && !is_special(*p->at))
			p->at++;
		TRY(buf_add(&p->text, bytes_make(run, (size_t)(p->at - run))));
		if (p->at == p->end || *p->at == '"')
			break;
		if (*p->at++ != '\\')
			return ERR_SYNTAX;
		TRY(json_escape(&p->at, p->end, &p->text));
	}
	*out = bytes_of_buf(&p->text);
	err = p->at < p->end ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

/* A string; p->at stands behind its opening quote. The view is valid until the
 * next string. */
static err_t take_string(struct parser *p, struct bytes *out)
{
	const uint8_t *from = p->at, *at = from, *end = p->end;
	uint8_t high = 0;
	err_t err;

	while (at < end && !is_special(*at))
		high |= *at++;
	p->at = at;
	if (at == end || *at < 0x20)
		return ERR_SYNTAX;
	if (*at == '"') {
		*out = bytes_make(from, (size_t)(at - from));
	} else {
		TRY(take_escaped(p, from, out));
		high = 0x80;
	}
	p->at++;
	if (out->n > p->canon.limits->string)
		return ERR_LIMIT;
	err = high < 0x80 || bytes_is_utf8(*out) ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

/* --- numbers and words ------------------------------------------------------- */

static err_t put_integer(struct parser *p, struct bytes text)
{
	bool negative = text.p[0] == '-';
	uint64_t v;
	err_t err;

	TRY(bytes_to_u64(bytes_sub(text, negative, text.n), UINT64_MAX, &v));
	if (!negative)
		return cbor_put_uint(p->canon.out, v);
	if (v > (uint64_t)INT64_MAX + 1)
		return ERR_RANGE;
	return v == 0 ? cbor_put_uint(p->canon.out, 0) : canon_head(p->canon.out, 1, v - 1);
out:
	return err;
}

static err_t take_number(struct parser *p)
{
	const uint8_t *from = p->at;
	bool integer = true;
	struct bytes text;
	double v;
	err_t err;

	for (; p->at < p->end; p->at++) {
		uint8_t c = *p->at;

		if (c == '.' || c == 'e' || c == 'E')
			integer = false;
		else if ((c < '0' || c > '9') && c != '-' && c != '+')
			break;
	}
	text = bytes_make(from, (size_t)(p->at - from));
	if (integer)
		return put_integer(p, text);
	TRY(number_parse(text, &v));
	err = cbor_put_float(p->canon.out, v);
out:
	return err;
}

static err_t take_word(struct parser *p)
{
	static const struct {
		struct bytes word;
		uint8_t cbor;
	} words[] = {
		{ { (const uint8_t *)"true", 4 }, 0xf5 },
		{ { (const uint8_t *)"false", 5 }, 0xf4 },
		{ { (const uint8_t *)"null", 4 }, 0xf6 },
	};
	struct bytes rest = bytes_make(p->at, (size_t)(p->end - p->at));

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (bytes_starts(rest, words[i].word)) {
			p->at += words[i].word.n;
			return buf_add_byte(p->canon.out, words[i].cbor);
		}
	}
	return ERR_SYNTAX;
}

/* --- the machine ------------------------------------------------------------- */

static err_t take_value(struct parser *p)
{
	struct bytes s;
	uint8_t c;
	err_t err;

	if (p->at == p->end)
		return ERR_SYNTAX;
	TRY(canon_count(&p->canon));
	c = *p->at;
	p->state = AFTER_VALUE;
	if (c == '"') {
		p->at++;
		TRY(take_string(p, &s));
		return cbor_put_text(p->canon.out, s);
	}
	if (c == '{' || c == '[') {
		p->at++;
		p->state = c == '{' ? WANT_FIRST_KEY : WANT_FIRST_ITEM;
		return canon_open(&p->canon, c == '{');
	}
	err = c == '-' || (c >= '0' && c <= '9') ? take_number(p) : take_word(p);
out:
	return err;
}

static err_t take_close(struct parser *p)
{
	p->at++;
	p->state = AFTER_VALUE;
	return canon_close(&p->canon);
}

static err_t take_first_item(struct parser *p)
{
	return p->at < p->end && *p->at == ']' ? take_close(p) : take_value(p);
}

static err_t take_key(struct parser *p)
{
	struct bytes key;
	err_t err;

	if (p->at == p->end || *p->at++ != '"')
		return ERR_SYNTAX;
	TRY(take_string(p, &key));
	TRY(canon_key(&p->canon, key));
	skip_blanks(p);
	if (p->at == p->end || *p->at++ != ':')
		return ERR_SYNTAX;
	p->state = WANT_VALUE;
out:
	return err;
}

static err_t take_first_key(struct parser *p)
{
	return p->at < p->end && *p->at == '}' ? take_close(p) : take_key(p);
}

/* Behind a value: a comma, the end of its container, or of the text. */
static err_t take_after(struct parser *p)
{
	struct canon_frame *top = canon_top(&p->canon);

	if (!top) {
		p->state = DONE;
		return p->at == p->end ? ERR_OK : ERR_SYNTAX;
	}
	if (p->at == p->end)
		return ERR_SYNTAX;
	if (*p->at == (top->map ? '}' : ']'))
		return take_close(p);
	if (*p->at++ != ',')
		return ERR_SYNTAX;
	p->state = top->map ? WANT_KEY : WANT_VALUE;
	return ERR_OK;
}

err_t json_to_cbor(struct bytes in, const struct codec_limits *limits, struct buf *out)
{
	static err_t (*const steps[])(struct parser *) = {
		[WANT_VALUE] = take_value,         [WANT_FIRST_ITEM] = take_first_item,
		[WANT_FIRST_KEY] = take_first_key, [WANT_KEY] = take_key,
		[AFTER_VALUE] = take_after,
	};
	struct parser p;
	err_t err;

	if (in.n > limits->octets)
		return ERR_LIMIT;
	if (in.n == 0)
		return ERR_SYNTAX;
	p.at = in.p;
	p.end = in.p + in.n;
	p.text = buf_make(in.n);
	p.state = WANT_VALUE;
	canon_init(&p.canon, out, limits);
	/* mostly enough; a buffer that may not grow so far says no when it must */
	if (buf_reserve(out, in.n) == ERR_MEMORY)
		return canon_end(&p.canon, ERR_MEMORY);
	do {
		skip_blanks(&p);
		TRY(steps[p.state](&p));
	} while (p.state != DONE);
out:
	buf_free(&p.text);
	return canon_end(&p.canon, err);
}
