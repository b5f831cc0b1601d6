/* content.c: queries on what contentInstances hold [TS-0001 J.2; TS-0004 7.3.3.17.13].
 *
 *   $.room[0]."air pressure" GE 990 AND $.unit EQ "hPa"
 *
 * A path from $ (the whole), a keyword, a JSON scalar; joined by AND or by OR, not by both.
 * What is asked of a member that is not there does not hold. Only content that its
 * contentInfo says is JSON, or that is an object or a list already, is looked into.
 *
 * Bounded: a query in length, conditions and steps; a content by the codec's limits, and
 * what it costs to read is taken from the effort of the request. */
#include "resource/match.h"

#include "base/base64.h"
#include "codec/json.h"

enum {
	QUERY_MAX = 1024, CONDITIONS_MAX = 16, STEPS_MAX = 32, INDEX_DIGITS = 6,
	OCTETS_IN_UNIT = 512,
};

enum verb { VERB_EQ, VERB_NE, VERB_GT, VERB_LT, VERB_GE, VERB_LE, VERB_MATCH };

struct condition {
	struct bytes path; /* behind $ */
	enum verb verb;
	size_t at, end;    /* the scalar, in query.values */
};

struct query {
	struct condition c[CONDITIONS_MAX];
	size_t n;
	bool any;          /* OR */
	struct buf values; /* encoded */
};

/* --- a path ------------------------------------------------------------------------- */

static bool is_special(uint8_t c)
{
	return bytes_find(BYTES("$. []{}\""), c) < sizeof("$. []{}\"") - 1;
}

/* A name behind its dot, in quotes where it has special characters. */
static bool take_name(struct bytes *rest, struct bytes *name)
{
	bool quoted = rest->n && rest->p[0] == '"';
	size_t n = 0;

	if (quoted) {
		*rest = bytes_sub(*rest, 1, rest->n);
		*name = bytes_sub(*rest, 0, bytes_find(*rest, '"'));
		/* With what follows there was a closing one. */
		if (name->n == rest->n)
			return false;
		*rest = bytes_sub(*rest, name->n + 1, rest->n);
		return name->n > 0;
	}
	while (n < rest->n && !is_special(rest->p[n]))
		n++;
	*name = bytes_sub(*rest, 0, n);
	*rest = bytes_sub(*rest, n, rest->n);
	return n > 0;
}

static bool take_index(struct bytes *rest, uint64_t *index)
{
	struct bytes digits = bytes_sub(*rest, 0, bytes_find(*rest, ']'));

	if (digits.n == rest->n || digits.n > INDEX_DIGITS ||
	    bytes_to_u64(digits, UINT64_MAX, index) != ERR_OK)
		return false;
	*rest = bytes_sub(*rest, digits.n + 1, rest->n);
	return true;
}

struct step {
	struct bytes name; /* empty: an index */
	uint64_t index;    /* from 0 */
};

/* The next step of a path. */
static bool take_step(struct bytes *rest, struct step *out)
{
	uint8_t sign = rest->n ? rest->p[0] : 0;

	*out = (struct step){ .index = 0 };
	*rest = bytes_sub(*rest, 1, rest->n);
	if (sign == '.')
		return take_name(rest, &out->name);
	return sign == '[' && take_index(rest, &out->index);
}

/* "$.a[1]" up to the blank behind it. */
static bool take_path(struct bytes *rest, struct bytes *path)
{
	struct bytes start;
	struct step step;
	size_t steps = 0;

	if (!rest->n || rest->p[0] != '$')
		return false;
	*rest = bytes_sub(*rest, 1, rest->n);
	start = *rest;
	while (rest->n && rest->p[0] != ' ') {
		if (++steps > STEPS_MAX || !take_step(rest, &step))
			return false;
	}
	*path = bytes_sub(start, 0, start.n - rest->n);
	return true;
}

/* --- a query ------------------------------------------------------------------------ */

static bool take_blank(struct bytes *rest)
{
	if (!rest->n || rest->p[0] != ' ')
		return false;
	*rest = bytes_sub(*rest, 1, rest->n);
	return true;
}

/* " WORD " */
static bool take_word(struct bytes *rest, struct bytes *word)
{
	if (!take_blank(rest))
		return false;
	*word = bytes_sub(*rest, 0, bytes_find(*rest, ' '));
	*rest = bytes_sub(*rest, word->n, rest->n);
	return take_blank(rest);
}

static bool verb_named(struct bytes word, enum verb *out)
{
	static const struct { struct bytes word; enum verb verb; } verbs[] = {
		{ BYTES("EQ"), VERB_EQ }, { BYTES("NE"), VERB_NE }, { BYTES("GT"), VERB_GT },
		{ BYTES("LT"), VERB_LT }, { BYTES("GE"), VERB_GE }, { BYTES("LE"), VERB_LE },
		{ BYTES("MATCH"), VERB_MATCH },
	};

	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (!bytes_equal(verbs[i].word, word))
			continue;
		*out = verbs[i].verb;
		return true;
	}
	return false;
}

/* Where a JSON scalar ends: behind its closing quote, or before the next blank. */
static size_t scalar_end(struct bytes text)
{
	size_t n = 1;

	if (!text.n || text.p[0] != '"')
		return bytes_find(text, ' ');
	while (n < text.n && text.p[n] != '"')
		n += text.p[n] == '\\' ? 2 : 1;
	return n < text.n ? n + 1 : text.n;
}

/* Is this scalar one that the verb can be asked with? */
static bool suits(enum verb verb, const struct cbor *v)
{
	if (v->kind == CBOR_ARRAY || v->kind == CBOR_MAP)
		return false;
	if (verb == VERB_MATCH)
		return v->kind == CBOR_TEXT;
	return verb == VERB_EQ || verb == VERB_NE || (v->kind != CBOR_BOOL && v->kind != CBOR_NULL);
}

static bool take_condition(struct bytes *rest, struct query *q)
{
	struct condition *c = &q->c[q->n];
	struct bytes word, text;
	struct cbor v;

	if (q->n == CONDITIONS_MAX || !take_path(rest, &c->path) || !take_word(rest, &word) ||
	    !verb_named(word, &c->verb))
		return false;
	text = bytes_sub(*rest, 0, scalar_end(*rest));
	*rest = bytes_sub(*rest, text.n, rest->n);
	c->at = q->values.n;
	if (json_to_cbor(text, &codec_default_limits, &q->values) != ERR_OK)
		return false;
	c->end = q->values.n;
	q->n++;
	return cbor_read(bytes_sub(bytes_of_buf(&q->values), c->at, c->end - c->at), &v) == ERR_OK &&
	       suits(c->verb, &v);
}

/* What joins this condition to the next; the same everywhere. */
static bool take_joint(struct bytes *rest, struct query *q)
{
	struct bytes word;
	bool any;

	if (!take_word(rest, &word))
		return false;
	any = bytes_equal(word, BYTES("OR"));
	if ((!any && !bytes_equal(word, BYTES("AND"))) || (q->n > 1 && any != q->any))
		return false;
	q->any = any;
	return true;
}

/* The values are the caller's to free, whatever the answer. */
static bool query_read(struct bytes text, struct query *q)
{
	q->n = 0;
	q->any = false;
	q->values = buf_make(2 * QUERY_MAX);
	if (text.n > QUERY_MAX || !take_condition(&text, q))
		return false;
	while (text.n) {
		if (!take_joint(&text, q) || !take_condition(&text, q))
			return false;
	}
	return true;
}

bool content_query_ok(struct bytes query)
{
	struct query q;
	bool ok = query_read(query, &q);

	buf_free(&q.values);
	return ok;
}

/* --- comparing ---------------------------------------------------------------------- */

enum order { BEFORE, SAME, BEHIND, NO_ORDER };

static bool is_number(const struct cbor *v)
{
	return v->kind == CBOR_UINT || v->kind == CBOR_NINT || v->kind == CBOR_FLOAT;
}

static double as_float(const struct cbor *v)
{
	if (v->kind == CBOR_FLOAT)
		return v->f;
	return v->kind == CBOR_UINT ? (double)v->u : -1.0 - (double)v->u;
}

static enum order order_of_numbers(const struct cbor *a, const struct cbor *b)
{
	double x = as_float(a), y = as_float(b);

	if (a->kind == b->kind && a->kind != CBOR_FLOAT && a->u != b->u)
		return (a->u < b->u) == (a->kind == CBOR_UINT) ? BEFORE : BEHIND;
	if (x < y)
		return BEFORE;
	return x > y ? BEHIND : SAME;
}

static enum order order_of(const struct cbor *a, const struct cbor *b)
{
	int difference;

	if (is_number(a) && is_number(b))
		return order_of_numbers(a, b);
	if (a->kind != CBOR_TEXT || b->kind != CBOR_TEXT)
		return NO_ORDER;
	difference = bytes_compare(a->s, b->s);
	if (difference == 0)
		return SAME;
	return difference < 0 ? BEFORE : BEHIND;
}

static bool compares(const struct cbor *have, enum verb verb, const struct cbor *want, size_t *steps)
{
	enum order o = order_of(have, want);

	switch (verb) {
	case VERB_EQ: return o == SAME || bytes_equal(have->raw, want->raw);
	case VERB_NE: return o != SAME && !bytes_equal(have->raw, want->raw);
	case VERB_GT: return o == BEHIND;
	case VERB_LT: return o == BEFORE;
	case VERB_GE: return o == BEHIND || o == SAME;
	case VERB_LE: return o == BEFORE || o == SAME;
	case VERB_MATCH: break;
	}
	return have->kind == CBOR_TEXT && pattern_matches(have->s, want->s, steps);
}

/* --- a content ---------------------------------------------------------------------- */

static bool item_at(const struct cbor *list, uint64_t index, struct cbor *out)
{
	struct bytes rest = list->s;

	if (list->kind != CBOR_ARRAY || index >= list->u)
		return false;
	for (uint64_t i = 0; i <= index; i++) {
		if (cbor_next(&rest, out) != ERR_OK)
			return false;
	}
	return true;
}

/* What is at the end of a path, if anything. */
static bool follow(struct cbor at, struct bytes path, struct cbor *out)
{
	struct step step;
	bool found;

	while (path.n) {
		struct cbor next;

		if (!take_step(&path, &step))
			return false;
		found = step.name.n ? at.kind == CBOR_MAP &&
		                              cbor_find(at.raw, step.name, &next, &found) == ERR_OK && found
		                    : item_at(&at, step.index, &next);
		if (!found)
			return false;
		at = next;
	}
	*out = at;
	return true;
}

static bool holds(const struct query *q, const struct cbor *content, size_t *steps)
{
	bool yes = false;

	for (size_t i = 0; i < q->n; i++) {
		const struct condition *c = &q->c[i];
		struct cbor have, want;

		must(cbor_read(bytes_sub(bytes_of_buf(&q->values), c->at, c->end - c->at), &want) == ERR_OK);
		yes = follow(*content, c->path, &have) && compares(&have, c->verb, &want, steps);
		if (yes == q->any)
			break;
	}
	return yes;
}

/* "application/json", or something "+json"; *coded: in base64 [TS-0004 6.3.3]. */
static bool says_json(struct bytes info, bool *coded)
{
	struct bytes media = bytes_cut(&info, ':'), encoding = bytes_cut(&info, ':');

	*coded = encoding.n && !bytes_equal(encoding, BYTES("0"));
	return bytes_equal(media, BYTES("application/json")) || bytes_ends(media, BYTES("+json"));
}

static err_t decoded(struct arena *a, struct bytes text, struct bytes *out)
{
	size_t n = text.n / 4 * 3;
	void *p;
	err_t err;

	n -= bytes_ends(text, BYTES("==")) ? 2 : bytes_ends(text, BYTES("=")) ? 1 : 0;
	if (text.n < 4)
		return ERR_SYNTAX;
	TRY(arena_take(a, n, &p));
	TRY(base64_read(text, p, n));
	*out = bytes_make(p, n);
out:
	return err;
}

/* The content as a value. ERR_MISSING: it is no JSON, does not say so, or the request has
 * no effort left for it. */
static err_t value_of(struct resources *r, const struct attribute_set *body, struct buf *room,
                      struct cbor *out)
{
	bool told, coded = false;
	struct cbor con, info;
	struct bytes text;
	err_t err;

	told = set_get(body, BYTES("cnf"), &info) && info.kind == CBOR_TEXT;
	if (!set_get(body, BYTES("con"), &con) || (told && !says_json(info.s, &coded)) ||
	    !resource_spend(r, 1 + con.raw.n / OCTETS_IN_UNIT))
		return ERR_MISSING;
	*out = con;
	if (con.kind != CBOR_TEXT)
		return coded ? ERR_MISSING : ERR_OK;
	if (!told)
		return ERR_MISSING;
	text = con.s;
	arena_reset(&r->passing);
	if (coded)
		TRY(decoded(&r->passing, con.s, &text));
	TRY(json_to_cbor(text, &codec_default_limits, room));
	TRY(cbor_read(bytes_of_buf(room), out));
out:
	return err == ERR_OK || err == ERR_MEMORY ? err : ERR_MISSING;
}

err_t content_query_holds(struct resources *r, const struct attribute_set *body, struct bytes query,
                          bool *yes)
{
	/* Decimal text may take three times its length as float64. */
	struct buf room = buf_make(4 * codec_default_limits.octets);
	struct query q;
	struct cbor v;
	size_t steps = 0;
	err_t err;

	*yes = false;
	TRY(query_read(query, &q) ? ERR_OK : ERR_MISSING);
	TRY(value_of(r, body, &room, &v));
	*yes = holds(&q, &v, &steps);
	(void)resource_spend(r, steps / OCTETS_IN_UNIT);
out:
	buf_free(&q.values);
	buf_free(&room);
	return err == ERR_MISSING ? ERR_OK : err;
}
