/* match.c: filter criteria against one row [TS-0004 7.3.3.17]. Values of one
 * condition are alternatives; conditions are joined by AND, or by OR. */
#include "resource/engine.h"

struct subject {
	struct resources *r;
	const struct filter_criteria *f;
	const struct store_row *row;
	const struct resource_type *type;
	struct attribute_set body;
};

enum verdict { ABSENT, NO, YES };

static enum verdict verdict(bool yes)
{
	return yes ? YES : NO;
}

/* after <= t < before, as far as given (0: not). */
static enum verdict in_time(int64_t t, int64_t after, int64_t before)
{
	if (!after && !before)
		return ABSENT;
	return verdict((!after || after <= t) && (!before || t < before));
}

static err_t match_created(struct subject *s, enum verdict *out)
{
	*out = in_time(s->row->created, s->f->created_after, s->f->created_before);
	return ERR_OK;
}

static err_t match_modified(struct subject *s, enum verdict *out)
{
	*out = in_time(s->row->modified, s->f->modified_since, s->f->unmodified_since);
	return ERR_OK;
}

static err_t match_expiry(struct subject *s, enum verdict *out)
{
	*out = in_time(s->row->expires, s->f->expire_after, s->f->expire_before);
	if (*out == YES && s->row->expires == 0)
		*out = NO;
	return ERR_OK;
}

static err_t match_type(struct subject *s, enum verdict *out)
{
	*out = s->f->types_n ? NO : ABSENT;
	for (size_t i = 0; i < s->f->types_n; i++) {
		if (s->f->types[i] == s->row->type)
			*out = YES;
	}
	return ERR_OK;
}

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

static err_t match_labels(struct subject *s, enum verdict *out)
{
	struct cbor labels;

	*out = s->f->labels_n ? NO : ABSENT;
	if (!s->f->labels_n || !set_get(&s->body, BYTES("lbl"), &labels))
		return ERR_OK;
	for (size_t i = 0; i < s->f->labels_n; i++) {
		if (list_has(&labels, s->f->labels[i]))
			*out = YES;
	}
	return ERR_OK;
}

/* contentType against the media type of contentInfo, or against all of it
 * [TS-0004 7.3.3.17.8]. */
static err_t match_content_type(struct subject *s, enum verdict *out)
{
	struct bytes rest, media;
	struct cbor info;

	*out = s->f->content_types_n ? NO : ABSENT;
	if (!s->f->content_types_n || !set_get(&s->body, BYTES("cnf"), &info) ||
	    info.kind != CBOR_TEXT)
		return ERR_OK;
	rest = info.s;
	media = bytes_cut(&rest, ':');
	for (size_t i = 0; i < s->f->content_types_n; i++) {
		if (bytes_equal(s->f->content_types[i], media) ||
		    bytes_equal(s->f->content_types[i], info.s))
			*out = YES;
	}
	return ERR_OK;
}

static err_t match_size(struct subject *s, enum verdict *out)
{
	const struct filter_criteria *f = s->f;

	*out = f->has_size_above || f->has_size_below ? NO : ABSENT;
	if (*out == NO && type_attribute(s->type, BYTES("cs")))
		*out = verdict((!f->has_size_above || f->size_above <= s->row->size) &&
		               (!f->has_size_below || s->row->size < f->size_below));
	return ERR_OK;
}

static err_t match_state(struct subject *s, enum verdict *out)
{
	const struct filter_criteria *f = s->f;
	uint64_t st = set_uint(&s->body, BYTES("st"), 0);

	*out = f->has_state_above || f->has_state_below ? NO : ABSENT;
	if (*out == NO && type_attribute(s->type, BYTES("st")))
		*out = verdict((!f->has_state_above || f->state_above <= st) &&
		               (!f->has_state_below || st < f->state_below));
	return ERR_OK;
}

enum { PATTERN_STEPS = 1 << 20, STEPS_IN_UNIT = 1024 };

/* '*' stands for any octets, nothing else is special. Linear but for the last
 * '*' seen, so that a pattern takes length x length steps at most; a text for
 * which these are too many does not match. */
static bool pattern_matches(struct bytes text, struct bytes pattern, size_t *steps)
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

static err_t match_attributes(struct subject *s, enum verdict *out)
{
	const struct filter_criteria *f = s->f;
	struct attribute_set shown;
	struct cbor have;
	size_t steps = 0;
	err_t err = ERR_OK;

	*out = f->attributes_n ? NO : ABSENT;
	if (!f->attributes_n)
		return ERR_OK;
	/* Only what can be shown can be searched. */
	arena_reset(&s->r->passing);
	TRY(view_attributes(s->r, &s->r->passing, s->row, &shown));
	for (size_t i = 0; i < f->attributes_n; i++) {
		if (set_get(&shown, f->attribute_names[i], &have) &&
		    value_equals(&have, &f->attributes[i], f->usage == 1 ? &steps : NULL))
			*out = YES;
	}
	(void)resource_spend(s->r, steps / STEPS_IN_UNIT);
out:
	return err;
}

bool filter_known(const struct filter_criteria *f)
{
	for (size_t i = 0; i < f->attributes_n; i++) {
		if (resource_search(f->attribute_names[i]) == SEARCH_UNKNOWN)
			return false;
	}
	return true;
}

err_t filter_matches(struct resources *r, const struct filter_criteria *f,
                     const struct store_row *row, bool *matches)
{
	static err_t (*const conditions[])(struct subject *, enum verdict *) = {
		match_type, match_content_type, match_created, match_modified, match_expiry, match_size,
		match_state, match_labels, match_attributes,
	};
	struct subject s = { .r = r, .f = f, .row = row,
	                     .type = resource_row_type(row) };
	bool all = true, any = false, some = false;
	enum verdict v;
	err_t err;

	*matches = false;
	if (!s.type)
		return ERR_OK;
	TRY(set_load(&s.body, row->body));
	for (size_t i = 0; i < COUNT_OF(conditions); i++) {
		TRY(conditions[i](&s, &v));
		some = some || v != ABSENT;
		all = all && v != NO;
		any = any || v == YES;
	}
	*matches = !some || (f->operation == 2 ? any : all);
out:
	return err;
}
