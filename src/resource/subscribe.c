/* subscribe.c: criteria of a subscription against an event, and what is shown. */
#include "resource/subscribe.h"

#include "base/clock.h"
#include "resource/engine.h"


/* --- which event ---------------------------------------------------------------- */

static bool list_has(const struct cbor *list, uint64_t wanted)
{
	struct bytes items = list->s;
	struct cbor item;

	while (list->kind == CBOR_ARRAY && items.n) {
		if (cbor_next(&items, &item) != ERR_OK)
			return false;
		if (item.kind == CBOR_UINT && item.u == wanted)
			return true;
	}
	return list->kind == CBOR_UINT && list->u == wanted;
}

static bool get(struct bytes map, const char *key, struct cbor *out)
{
	bool found = false;

	return map.n && cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found;
}

enum { DISCOVERY_BIT = 32 }; /* [TS-0004 6.3.4.2.29] */

/* om: { ops: access bits, op: one operation, or: originator } each. */
static bool monitors(const struct cbor *list, const struct resource_event *e)
{
	struct bytes items = list->kind == CBOR_ARRAY ? list->s : BYTES_NONE;
	struct cbor item, value;

	while (items.n) {
		bool yes = true;

		if (cbor_next(&items, &item) != ERR_OK || item.kind != CBOR_MAP)
			return false;
		if (get(item.raw, "ops", &value))
			yes = yes && value.u & (e->discovers ? DISCOVERY_BIT : 1ull << (e->operation - 1));
		if (get(item.raw, "op", &value))
			yes = yes && value.u == e->operation;
		if (get(item.raw, "or", &value))
			yes = yes && (bytes_equal(value.s, e->originator) ||
			              bytes_equal(value.s, e->originator_absolute));
		if (yes)
			return true;
	}
	return false;
}

/* Does the update name one of the attributes? */
static bool touches(const struct cbor *attributes, struct bytes asked)
{
	struct bytes items = attributes->s;
	struct cbor item, value;
	bool found;

	while (attributes->kind == CBOR_ARRAY && items.n) {
		if (cbor_next(&items, &item) != ERR_OK)
			return false;
		if (asked.n && cbor_find(asked, item.s, &value, &found) == ERR_OK && found)
			return true;
	}
	return false;
}

static bool is_event(struct bytes enc, const struct resource_event *e)
{
	struct cbor types, value;
	bool monitored = get(enc, "om", &value);

	if (e->type == EVENT_OPERATION)
		return monitored && monitors(&value, e);
	if (get(enc, "net", &types) ? !list_has(&types, e->type)
	                            : monitored || e->type != EVENT_UPDATE)
		return false;
	if ((e->type == EVENT_CREATE_CHILD || e->type == EVENT_DELETE_CHILD) &&
	    get(enc, "chty", &value))
		return list_has(&value, e->subject->type);
	if ((e->type == EVENT_UPDATE || e->type == EVENT_BLOCKING_UPDATE) &&
	    get(enc, "atr", &value))
		return touches(&value, e->asked);
	return true;
}

/* --- further conditions: as filter criteria on what is shown ----------------------- */

static void read_time(struct bytes enc, const char *key, int64_t *out)
{
	struct cbor value;

	if (get(enc, key, &value) && clock_parse(value.s, out) != ERR_OK)
		*out = 0;
}

static void read_number(struct bytes enc, const char *key, bool *has, uint64_t *out)
{
	struct cbor value;

	*has = get(enc, key, &value) && value.kind == CBOR_UINT;
	if (*has)
		*out = value.u;
}

static void read_labels(struct bytes enc, struct filter_criteria *f)
{
	struct cbor value, item;
	struct bytes items;

	if (!get(enc, "lbl", &value) || value.kind != CBOR_ARRAY)
		return;
	items = value.s;
	while (items.n && f->self.labels_n < FILTER_LIST_MAX && cbor_next(&items, &item) == ERR_OK)
		f->self.labels[f->self.labels_n++] = item.s;
}

static void read_filter(struct bytes enc, struct filter_criteria *f)
{
	struct cbor value;

	*f = (struct filter_criteria){ .usage = 2, .operation = 1 };
	if (get(enc, "fo", &value))
		f->operation = (unsigned)value.u;
	read_time(enc, "crb", &f->created_before);
	read_time(enc, "cra", &f->created_after);
	read_time(enc, "ms", &f->modified_since);
	read_time(enc, "us", &f->unmodified_since);
	read_time(enc, "exb", &f->expire_before);
	read_time(enc, "exa", &f->expire_after);
	read_number(enc, "sts", &f->has_state_below, &f->state_below);
	read_number(enc, "stb", &f->has_state_above, &f->state_above);
	read_number(enc, "sza", &f->has_size_above, &f->size_above);
	read_number(enc, "szb", &f->has_size_below, &f->size_below);
	read_labels(enc, f);
}

err_t subscription_wants(struct resources *r, const struct store_row *sub,
                         const struct resource_event *e, bool *yes)
{
	struct filter_criteria filter;
	struct cbor enc;
	bool found;
	err_t err;

	*yes = false;
	TRY(body_get(sub->body, BYTES("enc"), &enc, &found));
	if (!found)
		enc.raw = BYTES_NONE;
	if (!is_event(enc.raw, e))
		goto out;
	read_filter(enc.raw, &filter);
	TRY(filter_matches(&(struct matcher){ .r = r, .filter = &filter }, e->subject, yes));
out:
	return err;
}

/* --- what is shown ------------------------------------------------------------------ */

static err_t put_uri(struct resources *r, const struct store_row *row, struct buf *out)
{
	struct buf address = buf_make(URI_MAX);
	err_t err;

	TRY(buf_add(&address, r->cse.cse_id));
	TRY(buf_add_byte(&address, '/'));
	TRY(resource_identifier(row, &address));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:uri")));
	TRY(cbor_put_text(out, bytes_of_buf(&address)));
out:
	buf_free(&address);
	return err;
}

/* Of what the update named, as it is now; what it deleted is null. And what every
 * update changes. */
static err_t only_modified(struct bytes asked, struct attribute_set *set)
{
	static const struct bytes always[] = { BYTES("lt"), BYTES("st") };
	static const uint8_t null = 0xf6;
	struct attribute_set named = { .n = 0 };
	struct bytes pairs, key;
	struct cbor map, value;
	bool found = true;
	err_t err;

	TRY(cbor_read(asked, &map));
	for (size_t i = 0; i < COUNT_OF(always); i++) {
		if (set_get(set, always[i], &value))
			TRY(set_put(&named, always[i], value.raw));
	}
	for (pairs = map.s; found;) {
		struct cbor now;

		TRY(cbor_pair(&pairs, &key, &value, &found));
		if (found)
			TRY(set_put(&named, key, set_get(set, key, &now) ? now.raw
			                                                 : bytes_make(&null, 1)));
	}
	*set = named;
out:
	return err;
}

static unsigned content_type(const struct store_row *sub, enum event_type type)
{
	struct cbor value;
	bool found;

	if (body_get(sub->body, BYTES("nct"), &value, &found) == ERR_OK && found)
		return (unsigned)value.u;
	return type == EVENT_BLOCKING_UPDATE ? CONTENT_MODIFIED : CONTENT_ALL;
}

err_t subscription_shows(struct resources *r, struct arena *a, const struct store_row *sub,
                         const struct resource_event *e, struct buf *out)
{
	unsigned type = content_type(sub, e->type);
	struct attribute_set set;
	err_t err;

	if (type == CONTENT_ID)
		return put_uri(r, e->subject, out);
	TRY(view_attributes(r, a, e->subject, &set));
	if (type == CONTENT_MODIFIED && e->asked.n)
		TRY(only_modified(e->asked, &set));
	err = view_put(resource_row_type(e->subject), &set, out);
out:
	return err;
}

err_t subscription_shows_asked(struct resources *r, struct arena *a, uint64_t resource,
                               struct bytes content, struct buf *out)
{
	const struct resource_type *type = NULL;
	const struct store_row *row;
	struct attribute_set *set;
	size_t n = 0;
	void *p;
	err_t err;

	TRY(store_get(r->store, resource, &row));
	type = row ? resource_row_type(row) : NULL;
	if (!type)
		return ERR_MISSING;
	TRY(arena_take(a, sizeof(*set), &p));
	set = p;
	/* What cannot be read changes nothing: the update will be refused. */
	if (set_load(set, subscription_asked(content)) != ERR_OK)
		set->n = 0;
	for (size_t i = 0; i < set->n; i++) {
		const struct attribute *rule = type_attribute(type, set->m[i].key);

		if (!rule || !(rule->flags & F_SECRET))
			set->m[n++] = set->m[i];
	}
	set->n = n;
	err = view_put(type, set, out);
out:
	return err;
}

/* --- reads that are events ------------------------------------------------------------- */

#define WATCHED "watched reads"

static void watch(struct resources *r, uint64_t resource)
{
	if (r->watched_n < WATCHED_MAX && !subscription_watches_reads(r, resource))
		r->watched[r->watched_n++] = resource;
}

bool subscription_watches_reads(const struct resources *r, uint64_t resource)
{
	for (size_t i = 0; i < r->watched_n; i++) {
		if (r->watched[i] == resource)
			return true;
	}
	return r->watched_n == WATCHED_MAX;
}

/* Written each time: an undone request leaves more in memory than is stored. */
err_t subscription_watch_row(struct resources *r, uint64_t resource)
{
	struct buf ids = buf_make(8 * WATCHED_MAX);
	uint8_t id[8];
	err_t err;

	watch(r, resource);
	for (size_t i = 0; i < r->watched_n; i++) {
		put_be64(id, r->watched[i]);
		TRY(buf_add(&ids, BYTES_OF(id)));
	}
	TRY(store_record_put(r->store, STORE_NODE, BYTES(WATCHED), bytes_of_buf(&ids)));
out:
	buf_free(&ids);
	return err;
}

err_t subscription_watch(struct resource_work *w, bool reads)
{
	return reads ? subscription_watch_row(w->r, w->parent.id) : ERR_OK;
}

err_t subscription_watch_open(struct resources *r)
{
	struct bytes ids;
	err_t err;

	TRY(store_record_get(r->store, STORE_NODE, BYTES(WATCHED), &r->passing, &ids));
	for (size_t i = 0; i + 8 <= ids.n; i += 8)
		watch(r, get_be64(ids.p + i));
out:
	arena_reset(&r->passing);
	return err;
}

/* --- finding and counting --------------------------------------------------------------- */

err_t subscriptions_of(struct resources *r, uint64_t resource, uint64_t *ids, size_t *n)
{
	struct store_scan scan = { .parent = resource, .type = SUBSCRIPTION, .limit = SUBSCRIPTIONS_MAX };

	return store_children(r->store, &scan, ids, n);
}

err_t subscription_blocking(struct resources *r, uint64_t resource, uint64_t *at, size_t *left)
{
	struct store_scan scan = { .parent = resource, .type = SUBSCRIPTION, .after = *at };
	const struct store_row *row;
	struct cbor enc, types;
	uint64_t ids[PAGE];
	size_t n;
	err_t err = ERR_OK;

	*at = 0;
	do {
		scan.limit = *left < PAGE ? *left : PAGE;
		if (!scan.limit)
			break;
		TRY(store_children(r->store, &scan, ids, &n));
		for (size_t i = 0; i < n && !*at; i++, --*left) {
			TRY(store_get(r->store, ids[i], &row));
			if (row && get(row->body, "enc", &enc) && get(enc.raw, "net", &types) &&
			    list_has(&types, EVENT_BLOCKING_UPDATE))
				*at = ids[i];
		}
		scan.after = n ? ids[n - 1] : 0;
	} while (n == scan.limit && !*at);
out:
	return err;
}

struct bytes subscription_asked(struct bytes content)
{
	struct cbor map, value;
	struct bytes key, pairs;
	bool found;

	if (!content.n || cbor_read(content, &map) != ERR_OK || map.kind != CBOR_MAP)
		return BYTES_NONE;
	pairs = map.s;
	if (cbor_pair(&pairs, &key, &value, &found) != ERR_OK || !found || value.kind != CBOR_MAP)
		return BYTES_NONE;
	return value.raw;
}

err_t subscription_set_list(struct resources *r, const struct permit *system, uint64_t id,
                            struct bytes key, const struct bytes *texts, size_t n)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	TRY(set_put_texts(r, &c.arena, &c.set, key, texts, n));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

struct tally {
	struct bytes target;
	bool answered;
	struct bytes before; /* the items of nsi as it was */
};

static uint64_t number_of(struct bytes map, const char *key)
{
	struct cbor value;

	return get(map, key, &value) && value.kind == CBOR_UINT ? value.u : 0;
}

/* { tg, rqs, rsr } of one target, from what it was. */
static err_t put_tally(const struct tally *t, struct bytes target, struct buf *out)
{
	struct bytes items = t->before;
	uint64_t requests = 0, responses = 0, one = bytes_equal(target, t->target);
	struct cbor item, tg;
	err_t err = ERR_OK;

	while (items.n) {
		TRY(cbor_next(&items, &item));
		if (!get(item.raw, "tg", &tg) || !bytes_equal(tg.s, target))
			continue;
		requests = number_of(item.raw, "rqs");
		responses = number_of(item.raw, "rsr");
	}
	TRY(cbor_put_map(out, 3));
	TRY(cbor_put_text(out, BYTES("tg")));
	TRY(cbor_put_text(out, target));
	TRY(cbor_put_text(out, BYTES("rqs")));
	TRY(cbor_put_uint(out, requests + one));
	TRY(cbor_put_text(out, BYTES("rsr")));
	TRY(cbor_put_uint(out, responses + (t->answered ? one : 0)));
out:
	return err;
}

/* Of the targets that it has now and no others, so that it stays as short as nu. */
static err_t put_tallies(const struct attribute_set *set, struct tally *t, struct buf *out)
{
	struct cbor nu, nsi, item;
	err_t err;

	if (!set_get(set, BYTES("nu"), &nu) || nu.kind != CBOR_ARRAY)
		return ERR_TAMPERED;
	t->before = set_get(set, BYTES("nsi"), &nsi) && nsi.kind == CBOR_ARRAY ? nsi.s : BYTES_NONE;
	TRY(cbor_put_array(out, nu.u));
	while (nu.s.n) {
		TRY(cbor_next(&nu.s, &item));
		TRY(put_tally(t, item.s, out));
	}
out:
	return err;
}

err_t subscription_statistics(struct resources *r, const struct permit *system, uint64_t sub,
                              struct bytes target, bool answered)
{
	struct tally tally = { .target = target, .answered = answered };
	struct buf list = buf_make(SCRATCH_MAX);
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, sub, &c));
	if (!c.row.id || !set_true(&c.set, BYTES("nse")))
		goto out;
	TRY(put_tallies(&c.set, &tally, &list));
	TRY(set_put(&c.set, BYTES("nsi"), bytes_of_buf(&list)));
	err = own_write(r, &c);
out:
	buf_free(&list);
	own_end(&c);
	return err;
}

err_t subscription_count(struct resources *r, const struct permit *system, uint64_t sub,
                         int64_t now, bool *over)
{
	struct own_change c;
	struct cbor value;
	err_t err;

	*over = false;
	TRY(own_begin(r, system, sub, &c));
	if (!c.row.id || !set_get(&c.set, BYTES("exc"), &value))
		goto out;
	*over = value.u <= 1;
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("exc"), value.u ? value.u - 1 : 0));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}
