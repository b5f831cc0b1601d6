/* match_values.c: types, labels and attributes of one row against the values of
 * a condition, and label queries [TS-0004 7.3.3.17]. */
#include "resource/match.h"

err_t subject_open(const struct matcher *m, const struct store_row *row, struct subject *out,
                   bool *known)
{
	out->m = m;
	out->row = row;
	out->type = resource_row_type(row);
	*known = out->type != NULL;
	return *known ? set_load(&out->body, row->body) : ERR_OK;
}

/* --- labels ------------------------------------------------------------------------ */

static bool list_has(const struct cbor *list, struct bytes text)
{
	struct bytes content = list->s;
	struct cbor item;

	for (uint64_t i = 0; list->kind == CBOR_ARRAY && i < list->u; i++) {
		if (cbor_next(&content, &item) != ERR_OK)
			return false;
		if (item.kind == CBOR_TEXT && bytes_equal(item.s, text))
			return true;
	}
	return false;
}

/* A label query taken apart: key, what is asked of it, and the values that stand
 * behind it, separated by commas. */
enum label_verb { LABEL_HAS, LABEL_NOT, LABEL_EQ, LABEL_NE, LABEL_IN, LABEL_NI };

struct label_query {
	enum label_verb verb;
	struct bytes key, values;
};

static struct bytes trimmed(struct bytes b)
{
	while (b.n && b.p[0] == ' ')
		b = bytes_sub(b, 1, b.n);
	while (b.n && b.p[b.n - 1] == ' ')
		b.n--;
	return b;
}

/* "key WORD rest": the first place where the word stands between blanks. */
static bool split_at(struct bytes text, struct bytes word, struct bytes *before,
                     struct bytes *behind)
{
	for (size_t i = 1; i + word.n + 1 < text.n; i++) {
		if (text.p[i] != ' ' || text.p[i + 1 + word.n] != ' ' ||
		    !bytes_equal(bytes_sub(text, i + 1, word.n), word))
			continue;
		*before = trimmed(bytes_sub(text, 0, i));
		*behind = trimmed(bytes_sub(text, i + word.n + 2, text.n));
		return true;
	}
	return false;
}

static bool in_brackets(struct bytes *values)
{
	if (values->n < 3 || values->p[0] != '(' || values->p[values->n - 1] != ')')
		return false;
	*values = bytes_sub(*values, 1, values->n - 2);
	return true;
}

static bool label_query_read(struct bytes text, struct label_query *q)
{
	static const struct { const char *word; enum label_verb verb; } words[] = {
		{ "EQ", LABEL_EQ }, { "NE", LABEL_NE }, { "IN", LABEL_IN }, { "NI", LABEL_NI },
	};

	text = trimmed(text);
	*q = (struct label_query){ .verb = LABEL_HAS, .key = text };
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (!split_at(text, bytes_str(words[i].word), &q->key, &q->values))
			continue;
		q->verb = words[i].verb;
		if (q->verb >= LABEL_IN && !in_brackets(&q->values))
			return false;
		return q->key.n > 0 && q->values.n > 0;
	}
	if (bytes_starts(text, BYTES("NT "))) {
		q->verb = LABEL_NOT;
		q->key = trimmed(bytes_sub(text, 3, text.n));
	} else if (bytes_find(text, ':') < text.n) {
		q->verb = LABEL_EQ;
		q->values = text;
		q->key = bytes_cut(&q->values, ':');
	}
	return q->key.n > 0;
}

bool label_query_ok(struct bytes query)
{
	struct label_query q;

	return label_query_read(query, &q);
}

/* Is the value of one label among those of the query? */
static bool value_listed(const struct label_query *q, struct bytes value, size_t *steps)
{
	struct bytes rest = q->values;

	if (q->verb < LABEL_IN)
		return bytes_equal(value, q->values);
	for (; rest.n; ++*steps) {
		if (bytes_equal(trimmed(bytes_cut(&rest, ',')), value))
			return true;
	}
	return false;
}

bool label_query_holds(const struct attribute_set *body, struct bytes query, size_t *steps)
{
	bool has_key = false, has_value = false, listed = false;
	struct cbor labels, item;
	struct label_query q;
	struct bytes rest;

	if (!label_query_read(query, &q))
		return false;
	if (set_get(body, BYTES("lbl"), &labels) && labels.kind == CBOR_ARRAY) {
		for (rest = labels.s; rest.n && cbor_next(&rest, &item) == ERR_OK; ++*steps) {
			struct bytes value = item.s, key = bytes_cut(&value, ':');

			if (item.kind != CBOR_TEXT || !bytes_equal(key, q.key))
				continue;
			has_key = true;
			has_value |= item.s.n > key.n;
			listed |= item.s.n > key.n && value_listed(&q, value, steps);
		}
	}
	if (q.verb == LABEL_HAS || q.verb == LABEL_NOT)
		return has_key == (q.verb == LABEL_HAS);
	return q.verb == LABEL_EQ || q.verb == LABEL_IN ? listed : has_value && !listed;
}

/* --- attributes -------------------------------------------------------------------- */

enum { PATTERN_STEPS = 1 << 20, STEPS_IN_UNIT = 1024 };

/* Linear but for the last '*' seen, so that a pattern takes length x length steps at
 * most. */
bool pattern_matches(struct bytes text, struct bytes pattern, size_t *steps)
{
	size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;

	while (t < text.n) {
		if (++*steps > PATTERN_STEPS)
			return false;
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* A query may carry a number or a truth as text. steps NULL: no patterns. */
static bool scalar_equals(const struct cbor *have, const struct cbor *want, size_t *steps)
{
	uint64_t number;

	if (bytes_equal(have->raw, want->raw))
		return true;
	if (want->kind != CBOR_TEXT)
		return false;
	if (have->kind == CBOR_TEXT)
		return steps && pattern_matches(have->s, want->s, steps);
	if (have->kind == CBOR_UINT)
		return bytes_to_u64(want->s, UINT64_MAX, &number) == ERR_OK && number == have->u;
	if (have->kind == CBOR_BOOL)
		return bytes_equal(want->s, have->u ? BYTES("true") : BYTES("false"));
	return false;
}

static bool value_equals(const struct cbor *have, const struct cbor *want, size_t *steps)
{
	struct bytes content = have->s;
	struct cbor item;

	if (scalar_equals(have, want, steps))
		return true;
	for (uint64_t i = 0; have->kind == CBOR_ARRAY && i < have->u; i++) {
		if (cbor_next(&content, &item) != ERR_OK)
			return false;
		if (scalar_equals(&item, want, steps))
			return true;
	}
	return false;
}

/* --- all three ----------------------------------------------------------------------- */

static bool sees_type(const struct subject *s, const struct filter_values *v)
{
	for (size_t i = 0; i < v->types_n; i++) {
		if (v->types[i] == s->row->type)
			return true;
	}
	return false;
}

static bool sees_label(const struct subject *s, const struct filter_values *v)
{
	struct cbor labels;

	if (!v->labels_n || !set_get(&s->body, BYTES("lbl"), &labels))
		return false;
	for (size_t i = 0; i < v->labels_n; i++) {
		if (list_has(&labels, v->labels[i]))
			return true;
	}
	return false;
}

/* Only what can be shown can be searched; '*' is a pattern in a discovery alone. */
static err_t see_attributes(const struct subject *s, const struct filter_values *v, bool *sees)
{
	struct resources *r = s->m->r;
	bool patterns = s->m->filter->usage == 1;
	struct attribute_set shown;
	struct cbor have;
	size_t steps = 0;
	err_t err;

	arena_reset(&r->passing);
	TRY(view_attributes(r, &r->passing, s->row, &shown));
	for (size_t i = 0; i < v->attributes_n && !*sees; i++)
		*sees = set_get(&shown, v->attribute_names[i], &have) &&
		        value_equals(&have, &v->attributes[i], patterns ? &steps : NULL);
	(void)resource_spend(r, steps / STEPS_IN_UNIT);
out:
	return err;
}

err_t values_see(const struct subject *s, const struct filter_values *v, struct seen *seen)
{
	err_t err = ERR_OK;

	seen->types |= sees_type(s, v);
	seen->labels |= sees_label(s, v);
	if (v->attributes_n && !seen->attributes)
		TRY(see_attributes(s, v, &seen->attributes));
out:
	return err;
}
