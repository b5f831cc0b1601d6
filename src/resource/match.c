/* match.c: filter criteria against one row [TS-0004 7.3.3.17]. Values of one
 * condition are alternatives; conditions are joined by AND, by OR, or by XOR (an
 * odd number of them holds).
 *
 * Conditions on children and on the parent count only where the originator may
 * know of that child or parent: else what is hidden could be asked for by its
 * neighbours. */
#include "resource/match.h"

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
	*out = in_time(s->row->created, s->m->filter->created_after, s->m->filter->created_before);
	return ERR_OK;
}

static err_t match_modified(struct subject *s, enum verdict *out)
{
	*out = in_time(s->row->modified, s->m->filter->modified_since, s->m->filter->unmodified_since);
	return ERR_OK;
}

static err_t match_expiry(struct subject *s, enum verdict *out)
{
	*out = in_time(s->row->expires, s->m->filter->expire_after, s->m->filter->expire_before);
	if (*out == YES && s->row->expires == 0)
		*out = NO;
	return ERR_OK;
}

/* contentType against the media type of contentInfo, or against all of it
 * [TS-0004 7.3.3.17.8]. */
static err_t match_content_type(struct subject *s, enum verdict *out)
{
	struct bytes rest, media;
	struct cbor info;

	*out = s->m->filter->content_types_n ? NO : ABSENT;
	if (!s->m->filter->content_types_n || !set_get(&s->body, BYTES("cnf"), &info) ||
	    info.kind != CBOR_TEXT)
		return ERR_OK;
	rest = info.s;
	media = bytes_cut(&rest, ':');
	for (size_t i = 0; i < s->m->filter->content_types_n; i++) {
		if (bytes_equal(s->m->filter->content_types[i], media) ||
		    bytes_equal(s->m->filter->content_types[i], info.s))
			*out = YES;
	}
	return ERR_OK;
}

static err_t match_size(struct subject *s, enum verdict *out)
{
	const struct filter_criteria *f = s->m->filter;

	*out = f->has_size_above || f->has_size_below ? NO : ABSENT;
	if (*out == NO && type_attribute(s->type, BYTES("cs")))
		*out = verdict((!f->has_size_above || f->size_above <= s->row->size) &&
		               (!f->has_size_below || s->row->size < f->size_below));
	return ERR_OK;
}

static err_t match_state(struct subject *s, enum verdict *out)
{
	const struct filter_criteria *f = s->m->filter;
	uint64_t st = set_uint(&s->body, BYTES("st"), 0);

	*out = f->has_state_above || f->has_state_below ? NO : ABSENT;
	if (*out == NO && type_attribute(s->type, BYTES("st")))
		*out = verdict((!f->has_state_above || f->state_above <= st) &&
		               (!f->has_state_below || st < f->state_below));
	return ERR_OK;
}

static err_t match_label_queries(struct subject *s, enum verdict *out)
{
	enum { STEPS_IN_UNIT = 256 };
	const struct filter_criteria *f = s->m->filter;
	size_t steps = 0;

	*out = f->label_queries_n ? NO : ABSENT;
	for (size_t i = 0; i < f->label_queries_n && *out == NO; i++)
		*out = verdict(label_query_holds(&s->body, f->label_queries[i], &steps));
	(void)resource_spend(s->m->r, steps / STEPS_IN_UNIT);
	return ERR_OK;
}

static err_t match_place(struct subject *s, enum verdict *out)
{
	*out = s->m->filter->geometry_type ? verdict(geo_holds(s->m, &s->body)) : ABSENT;
	return ERR_OK;
}

static err_t match_content(struct subject *s, enum verdict *out)
{
	struct bytes query = s->m->filter->content_query;
	bool yes = false;
	err_t err = ERR_OK;

	if (query.n && type_attribute(s->type, BYTES("con")) && type_attribute(s->type, BYTES("cnf")))
		TRY(content_query_holds(s->m->r, &s->body, query, &yes));
	*out = query.n ? verdict(yes) : ABSENT;
out:
	return err;
}

/* --- conditions on a row, its children, its parent -------------------------------- */

static bool any_values(const struct filter_values *v)
{
	return v->types_n || v->labels_n || v->attributes_n;
}

static bool all_seen(const struct filter_values *v, const struct seen *seen)
{
	return (!v->types_n || seen->types) && (!v->labels_n || seen->labels) &&
	       (!v->attributes_n || seen->attributes);
}

/* A child or parent that the originator may know of. */
static err_t look_at(const struct matcher *m, const struct filter_values *v, uint64_t id,
                     struct seen *seen)
{
	const struct store_row *row;
	struct subject relative;
	bool known = false;
	err_t err;

	m->r->looked++;
	TRY(store_get(m->r->store, id, &row));
	if (!row || row_expired(row, m->now) || !m->may || !m->may->may(m->may->self, id))
		goto out;
	TRY(subject_open(m, row, &relative, &known));
	if (known)
		TRY(values_see(&relative, v, seen));
out:
	return err;
}

/* Children of one type alone are looked at where it is the only one asked for. */
static err_t look_at_children(const struct subject *s, struct seen *seen)
{
	const struct filter_values *v = &s->m->filter->child;
	struct store_scan scan = { .parent = s->row->id, .limit = PAGE };
	uint64_t ids[PAGE];
	size_t n, looked = 0;
	err_t err;

	if (v->types_n == 1 && !v->labels_n && !v->attributes_n)
		scan.type = v->types[0];
	do {
		TRY(store_children(s->m->r->store, &scan, ids, &n));
		for (size_t i = 0; i < n && !all_seen(v, seen); i++) {
			if (++looked > CHILDREN_MAX || !resource_spend(s->m->r, 1))
				return ERR_OK;
			TRY(look_at(s->m, v, ids[i], seen));
		}
		if (n)
			scan.after = ids[n - 1];
	} while (n == PAGE && !all_seen(v, seen));
out:
	return err;
}

/* --- joining ------------------------------------------------------------------------ */

struct tally {
	size_t conditions, held;
};

static void count(struct tally *t, enum verdict v)
{
	t->conditions += v != ABSENT;
	t->held += v == YES;
}

static void count_values(struct tally *t, const struct filter_values *v, const struct seen *seen)
{
	count(t, v->types_n ? verdict(seen->types) : ABSENT);
	count(t, v->labels_n ? verdict(seen->labels) : ABSENT);
	count(t, v->attributes_n ? verdict(seen->attributes) : ABSENT);
}

static bool joined(const struct tally *t, unsigned operation)
{
	if (t->conditions == 0)
		return true;
	if (operation == FILTER_OR)
		return t->held > 0;
	return operation == FILTER_XOR ? t->held % 2 == 1 : t->held == t->conditions;
}

static err_t match_own(struct subject *s, struct tally *t)
{
	static err_t (*const conditions[])(struct subject *, enum verdict *) = {
		match_content_type, match_created, match_modified, match_expiry, match_size,
		match_state, match_label_queries, match_place, match_content,
	};
	const struct filter_values *v = &s->m->filter->self;
	struct seen seen = { 0 };
	enum verdict verdict;
	err_t err = ERR_OK;

	if (any_values(v))
		TRY(values_see(s, v, &seen));
	count_values(t, v, &seen);
	for (size_t i = 0; i < COUNT_OF(conditions); i++) {
		TRY(conditions[i](s, &verdict));
		count(t, verdict);
	}
out:
	return err;
}

static err_t match_relatives(struct subject *s, struct tally *t)
{
	const struct filter_criteria *f = s->m->filter;
	struct seen child = { 0 }, parent = { 0 };
	err_t err = ERR_OK;

	/* With AND there is nothing left to be found out. */
	if (f->operation == FILTER_AND && t->held < t->conditions)
		return ERR_OK;
	if (any_values(&f->parent) && s->row->parent)
		TRY(look_at(s->m, &f->parent, s->row->parent, &parent));
	if (any_values(&f->child))
		TRY(look_at_children(s, &child));
	count_values(t, &f->parent, &parent);
	count_values(t, &f->child, &child);
out:
	return err;
}

err_t filter_matches(const struct matcher *m, const struct store_row *row, bool *matches)
{
	struct tally tally = { 0 };
	struct subject s;
	bool known;
	err_t err;

	*matches = false;
	TRY(subject_open(m, row, &s, &known));
	if (!known)
		return ERR_OK;
	TRY(match_own(&s, &tally));
	TRY(match_relatives(&s, &tally));
	*matches = joined(&tally, m->filter->operation);
out:
	return err;
}

static bool names_known(const struct filter_values *v)
{
	for (size_t i = 0; i < v->attributes_n; i++) {
		if (resource_search(v->attribute_names[i]) == SEARCH_UNKNOWN)
			return false;
	}
	return true;
}

bool filter_known(const struct filter_criteria *f)
{
	for (size_t i = 0; i < f->label_queries_n; i++) {
		if (!label_query_ok(f->label_queries[i]))
			return false;
	}
	return names_known(&f->self) && names_known(&f->child) && names_known(&f->parent) &&
	       (!f->geometry_type || geo_ok(f->geometry_type, f->geometry)) &&
	       (!f->content_query.n || content_query_ok(f->content_query));
}

static bool names_shown_only(const struct filter_values *v)
{
	for (size_t i = 0; i < v->attributes_n; i++) {
		if (resource_search(v->attribute_names[i]) == SEARCH_SHOWN)
			return true;
	}
	return false;
}

bool filter_reads(const struct filter_criteria *f)
{
	return f->geometry_type || f->content_query.n || names_shown_only(&f->self) ||
	       names_shown_only(&f->child) || names_shown_only(&f->parent);
}
