/* content.c: queries on what contentInstances hold, by annex J.2 of TS-0001 [TS-0004 7.3.3.17.13].
 *
 *   $.room[0]."air pressure" GE 990 AND $.unit EQ "hPa"
 *
 * A path from $ (the whole), a keyword, a JSON scalar; joined by AND or by OR, not by both.
 * What is asked of a member that is not there does not hold. Only content that its
 * contentInfo says is JSON, or that is an object or a list already, is looked into.
 *
 * Bounded: a query in length, conditions and steps; what a content costs to read is taken
 * from the effort of the request. */
#include "resource/match.h"

#include "base/base64.h"
#include "resource/content.h"

enum {
	QUERY_MAX = 1024, CONDITIONS_MAX = 16, STEPS_MAX = 32, INDEX_DIGITS = 6,
	OCTETS_IN_UNIT = 512, CONTENT_MAX = 1 << 20,
};

enum verb { VERB_EQ, VERB_NE, VERB_GT, VERB_LT, VERB_GE, VERB_LE, VERB_MATCH };

struct condition {
	struct bytes path; /* behind $ */
	enum verb verb;
	struct bytes scalar;
};

struct query {
	struct condition c[CONDITIONS_MAX];
	size_t n;
	bool any;          /* OR */
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

/* The next step of a path. */
static bool take_step(struct bytes *rest, struct content_step *out)
{
	uint8_t sign = rest->n ? rest->p[0] : 0;

	*out = (struct content_step){ .index = 0 };
	*rest = bytes_sub(*rest, 1, rest->n);
	if (sign == '.')
		return take_name(rest, &out->name);
	return sign == '[' && take_index(rest, &out->index);
}

/* "$.a[1]" up to the blank behind it. */
static bool take_path(struct bytes *rest, struct bytes *path)
{
	struct content_step step;
	struct bytes start;
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

/* Is this a scalar, and one that the verb can be asked with? */
static bool suits(enum verb verb, struct bytes scalar)
{
	struct buf room = buf_make(QUERY_MAX);
	struct cbor v;
	bool well = content_scalar(scalar, &room, &v) == ERR_OK;

	if (well && verb == VERB_MATCH)
		well = v.kind == CBOR_TEXT;
	else if (well && verb != VERB_EQ && verb != VERB_NE)
		well = v.kind != CBOR_BOOL && v.kind != CBOR_NULL;
	buf_free(&room);
	return well;
}

static bool take_condition(struct bytes *rest, struct query *q)
{
	struct condition *c = &q->c[q->n];
	struct bytes word;

	if (q->n++ == CONDITIONS_MAX || !take_path(rest, &c->path) || !take_word(rest, &word) ||
	    !verb_named(word, &c->verb))
		return false;
	c->scalar = bytes_sub(*rest, 0, scalar_end(*rest));
	*rest = bytes_sub(*rest, c->scalar.n, rest->n);
	return suits(c->verb, c->scalar);
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

static bool query_read(struct bytes text, struct query *q)
{
	q->n = 0;
	q->any = false;
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

	return query_read(query, &q);
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
	/* One is no more than the other, but they are the same, or not. */
	if (a->kind == b->kind && (a->kind == CBOR_NULL || (a->kind == CBOR_BOOL && a->u == b->u)))
		return SAME;
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
	case VERB_EQ: return o == SAME;
	case VERB_NE: return o != SAME;
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
static bool follow(struct cbor at, const struct content_step *steps, size_t n, struct cbor *out)
{
	bool found;

	for (size_t i = 0; i < n; i++) {
		struct cbor next;

		found = steps[i].name.n ? at.kind == CBOR_MAP &&
		                                  cbor_find(at.raw, steps[i].name, &next, &found) == ERR_OK && found
		                        : item_at(&at, steps[i].index, &next);
		if (!found)
			return false;
		at = next;
	}
	*out = at;
	return true;
}

/* A content as it is: a value, or text of one. */
struct content {
	struct cbor value;
	bool is_text;
	struct buf have, want; /* strings of what is compared */
	size_t steps;          /* of patterns */
};

static err_t holds_one(struct content *content, const struct condition *c, bool *yes)
{
	struct content_step steps[STEPS_MAX];
	struct bytes path = c->path;
	struct cbor have, want;
	size_t n = 0;
	bool found;
	err_t err = ERR_OK;

	while (path.n)
		must(take_step(&path, &steps[n++]));
	if (content->is_text)
		TRY(content_text_find(content->value.s, steps, n, &content->have, &have, &found));
	else
		found = follow(content->value, steps, n, &have);
	TRY(content_scalar(c->scalar, &content->want, &want));
	*yes = found && compares(&have, c->verb, &want, &content->steps);
out:
	return err;
}

static err_t holds(struct content *content, const struct query *q, bool *yes)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < q->n; i++) {
		TRY(holds_one(content, &q->c[i], yes));
		if (*yes == q->any)
			break;
	}
out:
	if (err != ERR_OK)
		*yes = false;
	return err;
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

/* ERR_MISSING: it is no JSON, does not say so, or the request has no effort left for it. */
static err_t content_of(struct resources *r, const struct attribute_set *body, size_t conditions,
                        struct content *out)
{
	bool told, coded = false;
	struct cbor info;
	err_t err = ERR_OK;

	told = set_get(body, BYTES("cnf"), &info) && info.kind == CBOR_TEXT;
	if (!set_get(body, BYTES("con"), &out->value) || (told && !says_json(info.s, &coded)))
		return ERR_MISSING;
	out->is_text = out->value.kind == CBOR_TEXT;
	if (out->is_text ? !told : coded)
		return ERR_MISSING;
	if (!resource_spend(r, 1 + conditions * out->value.raw.n / OCTETS_IN_UNIT))
		return ERR_MISSING;
	arena_reset(&r->passing);
	if (coded)
		TRY(decoded(&r->passing, out->value.s, &out->value.s));
	err = !coded || bytes_is_utf8(out->value.s) ? ERR_OK : ERR_MISSING;
out:
	return err;
}

err_t content_query_holds(struct resources *r, const struct attribute_set *body, struct bytes query,
                          bool *yes)
{
	struct content content = { .have = buf_make(CONTENT_MAX), .want = buf_make(QUERY_MAX) };
	struct query q;
	err_t err;

	*yes = false;
	TRY(query_read(query, &q) ? ERR_OK : ERR_MISSING);
	TRY(content_of(r, body, q.n, &content));
	TRY(holds(&content, &q, yes));
	(void)resource_spend(r, content.steps / OCTETS_IN_UNIT);
out:
	buf_free(&content.have);
	buf_free(&content.want);
	return err == ERR_MEMORY ? err : ERR_OK;
}
