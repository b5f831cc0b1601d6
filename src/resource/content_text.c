/* content_text.c: a walk over JSON text to the value at a path [RFC 8259]. Nothing is built of
 * the text: this process judges, and has no decoder of formats from outside. The whole is
 * walked, so that what is no JSON has no values. Without recursion; DEPTH_MAX containers in
 * containers. Of two members with one name the first that leads to a value counts. */
#include "resource/content.h"

#include "base/number.h"
#include "codec/json_escape.h"

enum { DEPTH_MAX = 32 };

enum next { VALUE, MEMBER, AFTER, END };

struct walk {
	const uint8_t *at, *end;
	struct buf *room;           /* the string read last */
	/* containers around here; of lists, the index of the next item */
	bool list[DEPTH_MAX];
	uint64_t index[DEPTH_MAX];
	size_t depth, matched;      /* so many of them, from the outermost, are on the path */
	const struct content_step *steps;
	size_t steps_n;
};

static void skip_blanks(struct walk *w)
{
	while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\r' || *w->at == '\t'))
		w->at++;
}

static bool take(struct walk *w, uint8_t c)
{
	skip_blanks(w);
	if (w->at == w->end || *w->at != c)
		return false;
	w->at++;
	return true;
}

/* --- scalars ---------------------------------------------------------------------------- */

/* Behind the opening quote. */
static err_t take_string(struct walk *w)
{
	err_t err = ERR_OK;

	buf_clear(w->room);
	while (w->at < w->end && *w->at != '"') {
		const uint8_t *run = w->at;

		while (w->at < w->end && *w->at != '"' && *w->at != '\\' && *w->at >= 0x20)
			w->at++;
		TRY(buf_add(w->room, bytes_make(run, (size_t)(w->at - run))));
		if (w->at == w->end || *w->at == '"')
			break;
		if (*w->at++ != '\\')
			return ERR_SYNTAX;
		TRY(json_escape(&w->at, w->end, w->room));
	}
	TRY(w->at < w->end ? ERR_OK : ERR_SYNTAX);
	w->at++;
out:
	return err;
}

/* An integer within 64 bits, as the codec has them. */
static err_t read_integer(struct bytes text, struct cbor *out)
{
	bool negative = text.p[0] == '-';
	err_t err;

	out->kind = CBOR_UINT;
	TRY(bytes_to_u64(bytes_sub(text, negative, text.n), UINT64_MAX, &out->u));
	if (!negative || out->u == 0)
		return ERR_OK;
	if (out->u-- > (uint64_t)INT64_MAX + 1)
		return ERR_RANGE;
	out->kind = CBOR_NINT;
out:
	return err;
}

static err_t take_number(struct walk *w, struct cbor *out)
{
	const uint8_t *from = w->at;
	bool integer = true;
	struct bytes text;

	for (; w->at < w->end; w->at++) {
		uint8_t c = *w->at;

		if (c == '.' || c == 'e' || c == 'E')
			integer = false;
		else if ((c < '0' || c > '9') && c != '-' && c != '+')
			break;
	}
	text = bytes_make(from, (size_t)(w->at - from));
	if (integer)
		return read_integer(text, out);
	out->kind = CBOR_FLOAT;
	return number_parse(text, &out->f);
}

static err_t take_word(struct walk *w, struct cbor *out)
{
	static const struct { struct bytes word; struct cbor value; } words[] = {
		{ BYTES("true"), { .kind = CBOR_BOOL, .u = 1 } },
		{ BYTES("false"), { .kind = CBOR_BOOL } }, { BYTES("null"), { .kind = CBOR_NULL } },
	};
	struct bytes rest = bytes_make(w->at, (size_t)(w->end - w->at));

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!bytes_starts(rest, words[i].word))
			continue;
		*out = words[i].value;
		w->at += words[i].word.n;
		return ERR_OK;
	}
	return ERR_SYNTAX;
}

static err_t take_scalar(struct walk *w, struct cbor *out)
{
	err_t err;

	*out = (struct cbor){ .kind = CBOR_TEXT };
	if (w->at == w->end)
		return ERR_SYNTAX;
	if (*w->at != '"')
		return *w->at == '-' || (*w->at >= '0' && *w->at <= '9') ? take_number(w, out) : take_word(w, out);
	w->at++;
	TRY(take_string(w));
	out->s = bytes_of_buf(w->room);
out:
	return err;
}

err_t content_scalar(struct bytes text, struct buf *room, struct cbor *out)
{
	struct walk w = { .at = text.p, .end = text.p + text.n, .room = room };
	err_t err;

	TRY(take_scalar(&w, out));
	err = w.at == w.end ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

/* --- the way ---------------------------------------------------------------------------- */

/* Is the member that begins the one that the path names? */
static void match(struct walk *w, bool list)
{
	size_t at = w->depth - 1;
	const struct content_step *step = at < w->steps_n ? &w->steps[at] : NULL;

	if (!step || w->matched != at || (step->name.n == 0) != list)
		return;
	if (list ? step->index == w->index[at] : bytes_equal(step->name, bytes_of_buf(w->room)))
		w->matched = w->depth;
}

static err_t take_member(struct walk *w, enum next *next)
{
	bool list = w->list[w->depth - 1];
	err_t err = ERR_OK;

	*next = VALUE;
	if (!list) {
		TRY(take(w, '"') ? take_string(w) : ERR_SYNTAX);
		match(w, false);
		TRY(take(w, ':') ? ERR_OK : ERR_SYNTAX);
	} else {
		match(w, true);
		w->index[w->depth - 1]++;
	}
out:
	return err;
}

static err_t enter(struct walk *w, bool list, enum next *next)
{
	if (w->depth == DEPTH_MAX)
		return ERR_LIMIT;
	w->list[w->depth] = list;
	w->index[w->depth++] = 0;
	*next = MEMBER;
	if (take(w, list ? ']' : '}')) {
		w->depth--;
		*next = AFTER;
	}
	return ERR_OK;
}

/* Behind a value: it is left, and with it what of the path led to it. */
static err_t leave(struct walk *w, enum next *next)
{
	if (w->depth && w->matched == w->depth)
		w->matched--;
	if (w->depth == 0) {
		skip_blanks(w);
		*next = END;
		return w->at == w->end ? ERR_OK : ERR_SYNTAX;
	}
	*next = MEMBER;
	if (take(w, ','))
		return ERR_OK;
	if (!take(w, w->list[w->depth - 1] ? ']' : '}'))
		return ERR_SYNTAX;
	w->depth--;
	*next = AFTER;
	return ERR_OK;
}

err_t content_text_find(struct bytes text, const struct content_step *steps, size_t n, struct buf *room,
                        struct cbor *out, bool *found)
{
	struct buf strings = buf_make(text.n + 1);
	struct walk w = { .at = text.p, .end = text.p + text.n, .room = &strings, .steps = steps, .steps_n = n };
	enum next next = VALUE;
	err_t err = ERR_OK;

	*found = false;
	while (next != END) {
		bool here, scalar = false;
		struct cbor value;

		if (next != VALUE) {
			TRY(next == MEMBER ? take_member(&w, &next) : leave(&w, &next));
			continue;
		}
		here = w.matched == w.depth && w.depth == n && !*found;
		if (take(&w, '[') || take(&w, '{')) {
			value = (struct cbor){ .kind = w.at[-1] == '[' ? CBOR_ARRAY : CBOR_MAP };
			TRY(enter(&w, value.kind == CBOR_ARRAY, &next));
		} else {
			TRY(take_scalar(&w, &value));
			scalar = true;
			next = AFTER;
		}
		if (!here)
			continue;
		*found = true;
		*out = value;
		if (scalar && value.kind == CBOR_TEXT) {
			buf_clear(room);
			TRY(buf_add(room, value.s));
			out->s = bytes_of_buf(room);
		}
	}
out:
	buf_free(&strings);
	return err;
}
