/* notification_owe.c: what a subscription is owed of an event: the notification data
 * object, and how its policies have it queued [TS-0004 7.5.1.1, 7.5.1.2.2]. */
#include "request/notification_inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "primitive/context.h"

enum {
	BATCH_MS = 60000, URI_TEXT = 4096,
};

/* --- rows that outlive changes of the store ------------------------------------------- */

err_t notification_row(struct work *w, uint64_t id, struct store_row *out, bool *found)
{
	struct arena *a = &w->room->arena;
	const struct store_row *row;
	err_t err;

	TRY(store_get(w->room->store, id, &row));
	/* What is told of by ourselves is what expired, among others. */
	*found = row && (!w->request.operation || row->expires == 0 ||
	                 row->expires > w->in->now);
	if (!*found)
		goto out;
	*out = *row;
	TRY(arena_copy(a, row->body, &out->body));
	TRY(arena_copy(a, row->name, &out->name));
	TRY(arena_copy(a, row->ident, &out->ident));
out:
	return err;
}

bool notification_member(struct bytes body, const char *key, struct cbor *out)
{
	bool found = false;

	return cbor_find(body, bytes_str(key), out, &found) == ERR_OK && found;
}

static uint64_t number(struct bytes body, const char *key, uint64_t otherwise)
{
	struct cbor value;

	return notification_member(body, key, &value) && value.kind == CBOR_UINT ? value.u : otherwise;
}

static int64_t duration(struct bytes body, const char *key, int64_t otherwise)
{
	struct cbor value;
	int64_t ms;

	return notification_member(body, key, &value) && value.kind == CBOR_TEXT &&
	       clock_duration(value.s, &ms) == ERR_OK ? ms : otherwise;
}

/* --- the notification data object [TS-0004 7.5.1.1] ------------------------------------- */

struct members {
	struct buf values;
	struct cbor_member m[8];
	size_t at[8], n;
};

static struct buf *put(struct members *m, const char *key)
{
	must(m->n < COUNT_OF(m->m));
	m->m[m->n].key = bytes_str(key);
	m->at[m->n++] = m->values.n;
	return &m->values;
}

static err_t close_members(struct members *m, struct buf *out)
{
	for (size_t i = 0; i < m->n; i++) {
		size_t end = i + 1 < m->n ? m->at[i + 1] : m->values.n;

		m->m[i].value = bytes_make(m->values.p + m->at[i], end - m->at[i]);
	}
	return cbor_put_members(out, m->m, m->n);
}

/* "/in-cse/sub12" */
static err_t put_reference(struct request_room *room, const struct store_row *sub, struct buf *out)
{
	struct buf text = buf_make(URI_TEXT);
	err_t err;

	TRY(buf_add(&text, resources_cse(room->resources)->cse_id));
	TRY(buf_add_byte(&text, '/'));
	TRY(resource_identifier(sub, &text));
	TRY(cbor_put_text(out, bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err;
}

/* nev: { rep, net, om: { op, or } } */
static err_t put_event(struct work *w, enum event_type type, struct bytes shown, struct buf *out)
{
	struct members m = { .values = buf_make(NOTIFICATION_CONTENT_MAX) };
	struct members om = { .values = buf_make(URI_TEXT) };
	err_t err;

	TRY(buf_add(put(&m, "rep"), shown));
	if (type != EVENT_OPERATION) {
		TRY(cbor_put_uint(put(&m, "net"), type));
	} else {
		TRY(cbor_put_uint(put(&om, "op"), w->request.operation));
		TRY(cbor_put_text(put(&om, "or"), w->request.from.n ? w->request.from
		                                                    : w->originator));
		TRY(close_members(&om, put(&m, "om")));
	}
	TRY(close_members(&m, out));
out:
	buf_free(&m.values);
	buf_free(&om.values);
	return err;
}

/* { "m2m:sgn": ... }. shown empty: the subscription ends. */
static err_t put_notification(struct work *w, const struct noticed *n, struct buf *out)
{
	struct members m = { .values = buf_make(NOTIFICATION_CONTENT_MAX) };
	struct cbor forward, creator;
	err_t err;

	TRY(put_reference(w->room, &n->sub, put(&m, "sur")));
	if (notification_member(n->sub.body, "cr", &creator))
		TRY(buf_add(put(&m, "cr"), creator.raw));
	if (n->shown.n)
		TRY(put_event(w, n->type, n->shown, put(&m, "nev")));
	else
		TRY(cbor_put_bool(put(&m, "sud"), true));
	if (notification_member(n->sub.body, "nfu", &forward))
		TRY(buf_add(put(&m, "nfu"), forward.raw));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sgn")));
	TRY(close_members(&m, out));
out:
	buf_free(&m.values);
	return err;
}

/* --- what is owed -------------------------------------------------------------------------- */

/* May it be told now? A schedule below the subscription says when. */
err_t notification_scheduled(struct work *w, uint64_t sub, bool *now)
{
	struct store_scan scan = { .parent = sub, .type = TYPE_SCHEDULE, .limit = 1 };
	const struct store_row *row = NULL;
	struct cbor element, entries, entry;
	uint64_t id;
	size_t n;
	bool found;
	err_t err;

	*now = true;
	TRY(store_children(w->room->store, &scan, &id, &n));
	if (n == 0)
		goto out;
	TRY(store_get(w->room->store, id, &row));
	if (!row || !notification_member(row->body, "se", &element) ||
	    cbor_find(element.raw, BYTES("sce"), &entries, &found) != ERR_OK || !found)
		goto out;
	*now = false;
	while (entries.s.n && !*now) {
		TRY(cbor_next(&entries.s, &entry));
		*now = schedule_holds(entry.s, w->in->now) == VERDICT_YES;
	}
out:
	return err;
}

/* The end of so many windows, never later than in a hundred years. */
static int64_t windows_end(int64_t since, int64_t window, uint64_t n)
{
	const int64_t far = since + (int64_t)100 * 366 * 24 * 3600 * 1000;
	int64_t end;

	if (__builtin_mul_overflow(window, n, &end) || __builtin_add_overflow(since, end, &end) || end > far)
		return far;
	return end;
}

/* How many of this subscription went out in its window; the next ones wait for the
 * next window [TS-0001 10.2.10.7]. */
static int64_t rate_limited(struct request_room *room, const struct store_row *sub, int64_t now)
{
	struct notification_rate *oldest = &room->rates[0], *r = NULL;
	struct cbor limit;
	uint64_t most;
	int64_t window;

	if (!notification_member(sub->body, "rl", &limit))
		return now;
	most = number(limit.raw, "mnn", 0);
	window = duration(limit.raw, "tww", 0);
	if (most == 0 || window == 0)
		return now;
	for (size_t i = 0; i < COUNT_OF(room->rates); i++) {
		if (room->rates[i].subscription == sub->id)
			r = &room->rates[i];
		if (room->rates[i].since < oldest->since)
			oldest = &room->rates[i];
	}
	r = r ? r : oldest;
	if (r->subscription != sub->id ||
	    now >= windows_end(r->since, window, r->n / most + (r->n % most != 0)))
		*r = (struct notification_rate){ sub->id, now, 0 };
	return windows_end(r->since, window, r->n++ / most);
}

/* The policies of the subscription, as far as they say how it is queued. */
static void apply_policies(struct work *w, const struct store_row *sub, struct queue_entry *e)
{
	struct cbor batch;

	e->event_category = (unsigned)number(sub->body, "nec", 0);
	e->due = e->window = rate_limited(w->room, sub, w->in->now);
	if (notification_member(sub->body, "rl", &batch))
		e->flags |= QUEUE_HELD;
	if (notification_member(sub->body, "bn", &batch)) {
		e->flags |= QUEUE_BATCHED;
		e->batch = (unsigned)number(batch.raw, "num", 0);
		e->due = w->in->now + duration(batch.raw, "dur", BATCH_MS);
	}
	if (notification_member(sub->body, "ln", &batch) && batch.kind == CBOR_BOOL && batch.u) {
		e->flags |= QUEUE_LATEST;
		e->event_category = CATEGORY_LATEST;
	}
	if (number(sub->body, "pn", 0) != 0) {
		e->flags |= QUEUE_KEPT | QUEUE_HELD | (number(sub->body, "pn", 0) == 1 ? QUEUE_LATEST : 0);
		e->expires = sub->expires;
	} else {
		e->expires = w->in->now + w->room->keep_ms;
	}
}

/* A queue that is full loses what is new, and says so in the log. */
err_t notification_add(struct work *w, const struct queue_entry *e)
{
	struct audit_record record = {
		.kind = AUDIT_CHANGE, .at = w->in->now, .originator = e->originator,
		.target = bytes_sub(e->target, 0, 256), .rule = BYTES("queue"),
		.text = BYTES("notification not kept: too many wait"),
	};
	err_t err = queue_add(w->room->queue, e, w->in->now);

	if (err != ERR_LIMIT)
		return err;
	log_event(LOG_WARN, "notification not kept", "why=too many wait");
	return audit_append(w->room->audit, &record);
}

err_t notification_creator(struct work *w, const struct store_row *sub, struct bytes *out)
{
	struct resource_policy policy;
	err_t err;

	*out = BYTES_NONE;
	TRY(resource_policy(w->room->resources, sub, &w->room->arena, &policy));
	*out = policy.creator;
out:
	return err;
}

/* A crossResourceSubscription of this CSE: it is told here, and not sent to. */
static err_t is_cross(struct work *w, struct bytes target, uint64_t *id)
{
	struct target place;
	err_t err;

	*id = 0;
	TRY(resource_resolve(w->room->resources, target, &place));
	if (place.place == TARGET_HERE && place.type == CROSS_SUBSCRIPTION && !place.virtual_child)
		*id = place.id;
out:
	return err;
}

static err_t owe_to(struct work *w, struct queue_entry *e, const struct store_row *sub,
                    const struct cbor *targets)
{
	struct bytes items = targets->kind == CBOR_ARRAY ? targets->s : targets->raw;
	uint64_t cross, group;
	struct cbor item;
	err_t err = ERR_OK;

	while (items.n) {
		TRY(cbor_next(&items, &item));
		e->target = item.s;
		TRY(is_cross(w, item.s, &cross));
		TRY(notification_group_here(w, item.s, &group));
		if (group)
			TRY(notification_group_owe(w, e, sub, group));
		else if (item.kind == CBOR_TEXT && !cross)
			TRY(notification_add(w, e));
	}
out:
	return err;
}

/* { "m2m:sgn": { "sur": crs } } to its targets. */
static err_t owe_cross(struct work *w, uint64_t id)
{
	struct queue_entry e = { .subscription = id, .resource = id, .created = w->in->now };
	struct noticed n = { .next = NULL };
	struct buf content = buf_make(URI_TEXT);
	struct cbor targets;
	bool found;
	err_t err;

	TRY(notification_row(w, id, &n.sub, &found));
	if (!found || !notification_member(n.sub.body, "nu", &targets))
		goto out;
	TRY(notification_creator(w, &n.sub, &e.originator));
	apply_policies(w, &n.sub, &e);
	TRY(cbor_put_map(&content, 1));
	TRY(cbor_put_text(&content, BYTES("m2m:sgn")));
	TRY(cbor_put_map(&content, 1));
	TRY(cbor_put_text(&content, BYTES("sur")));
	TRY(put_reference(w->room, &n.sub, &content));
	e.content = bytes_of_buf(&content);
	TRY(owe_to(w, &e, &n.sub, &targets));
out:
	buf_free(&content);
	return err;
}

/* What it tells of is in part what its members tell of: its creator must still be allowed to
 * retrieve each. Of what ended there is nothing left to judge by. */
static err_t cross_may(struct work *w, const struct noticed *n, uint64_t cross, bool *yes)
{
	struct store_row crs;
	struct bytes creator;
	err_t err;

	TRY(notification_creator(w, &n->sub, &creator));
	*yes = true;
	if (!n->ends)
		TRY(notification_creator_may(w, creator, n->sub.parent, yes));
	if (*yes)
		TRY(notification_row(w, cross, &crs, yes));
	if (!*yes || n->ends)
		goto out;
	TRY(notification_creator(w, &crs, &creator));
	TRY(notification_creator_may(w, creator, n->sub.parent, yes));
out:
	return err;
}

/* The crossResourceSubscriptions that wait for this one. */
static err_t tell_cross(struct work *w, const struct noticed *n)
{
	struct cbor list, item;
	uint64_t cross;
	bool yes;
	err_t err = ERR_OK;

	if (!notification_member(n->sub.body, "acrs", &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		TRY(is_cross(w, item.s, &cross));
		yes = false;
		if (cross)
			TRY(cross_has(w, cross, n->sub.id, &yes));
		if (yes)
			TRY(cross_may(w, n, cross, &yes));
		if (yes)
			TRY(cross_told(w, n->sub.id, cross, &yes));
		if (yes)
			TRY(owe_cross(w, cross));
	}
out:
	return err;
}

err_t notification_owe(struct work *w, const struct noticed *n)
{
	const char *list = n->shown.n ? "nu" : "su";
	struct queue_entry e = { .subscription = n->sub.id, .resource = n->sub.parent,
		                 .created = w->in->now, .due = w->in->now,
		                 .expires = w->in->now + w->room->keep_ms };
	struct buf content = buf_make(NOTIFICATION_CONTENT_MAX);
	struct cbor targets;
	bool scheduled = true;
	err_t err = ERR_OK;

	if (!w->room->queue || !notification_member(n->sub.body, list, &targets))
		goto out;
	TRY(notification_creator(w, &n->sub, &e.originator));
	if (n->shown.n) {
		apply_policies(w, &n->sub, &e);
		TRY(notification_scheduled(w, n->sub.id, &scheduled));
		if (!scheduled && e.event_category != CATEGORY_IMMEDIATE && !(e.flags & QUEUE_KEPT))
			goto out;
	} else {
		e.flags = QUEUE_DELETION;
	}
	/* It ends with what it tells of: nothing will be left to judge it by. */
	if (n->ends)
		e.flags |= QUEUE_DELETION;
	TRY(put_notification(w, n, &content));
	e.content = bytes_of_buf(&content);
	TRY(owe_to(w, &e, &n->sub, &targets));
	if (n->shown.n)
		TRY(tell_cross(w, n));
out:
	buf_free(&content);
	return err;
}

/* --- owed by others of the house --------------------------------------------------------------- */

err_t notification_missing(struct request_room *room, uint64_t sub, struct bytes tsn, int64_t now)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	struct noticed n = { .type = EVENT_MISSING_DATA, .shown = tsn };
	bool found;
	err_t err;

	TRY(notification_row(&w, sub, &n.sub, &found));
	if (found)
		TRY(notification_owe(&w, &n));
out:
	return err;
}
