/* cross.c: crossResourceSubscription: its target is told when all of several
 * subscriptions were told of something within one window [TS-0001 10.2.10.8; TS-0004
 * 7.4.58, 7.5.1.2.18]. Of this CSE's resources only.
 *
 *   created --> a subscription at each regular resource, on its creator's right;
 *               its name in associatedCrossResourceSub of each subscription named
 *   one of them is told --> noted in the window --all--> the target is owed a notice
 *
 * Windows are in memory: a restart begins new ones. */
#include "request/cross.h"

#include "base/clock.h"
#include "request/notification.h"
#include "request/work.h"
#include "resource/subscribe.h"

enum { CONTENT_MAX = 64 * 1024, URI_TEXT = 4096, PERIODIC = 1 };

static bool member(struct bytes body, const char *key, struct cbor *out)
{
	bool found = false;

	return cbor_find(body, bytes_str(key), out, &found) == ERR_OK && found;
}

static err_t name_of(struct work *w, uint64_t id, const char *type, struct bytes *out)
{
	struct buf text = buf_make(URI_TEXT);
	err_t err;

	TRY(buf_add(&text, resources_cse(w->room->resources)->cse_id));
	TRY(buf_printf(&text, "/%s%llu", type, (unsigned long long)id));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&text), out));
out:
	buf_free(&text);
	return err;
}

/* --- its members ------------------------------------------------------------------ */

static err_t put_list(struct buf *out, struct bytes one)
{
	err_t err;

	TRY(cbor_put_array(out, 1));
	TRY(cbor_put_text(out, one));
out:
	return err;
}

/* { "m2m:sub": { "acrs": [crs], "enc": .., "et": .., "nec": .., "nu": [crs] } }: it lives
 * as long as the crossResourceSubscription. */
static err_t put_subscription(const struct store_row *crs, const struct cbor *enc, struct bytes name,
                              struct buf *out)
{
	struct buf list = buf_make(URI_TEXT), end = buf_make(64);
	struct cbor_member m[5];
	char stamp[CLOCK_STAMP_LENGTH + 1];
	struct cbor nec;
	size_t n = 0;
	err_t err;

	TRY(put_list(&list, name));
	m[n++] = (struct cbor_member){ BYTES("acrs"), bytes_of_buf(&list) };
	m[n++] = (struct cbor_member){ BYTES("nu"), bytes_of_buf(&list) };
	m[n++] = (struct cbor_member){ BYTES("enc"), enc->raw };
	if (crs->expires) {
		clock_stamp(crs->expires, stamp);
		TRY(cbor_put_text(&end, bytes_str(stamp)));
		m[n++] = (struct cbor_member){ BYTES("et"), bytes_of_buf(&end) };
	}
	if (member(crs->body, "nec", &nec))
		m[n++] = (struct cbor_member){ BYTES("nec"), nec.raw };
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sub")));
	TRY(cbor_put_members(out, m, n));
out:
	buf_free(&list);
	buf_free(&end);
	return err;
}

/* { "m2m:sub": { "acrs": [.., crs] } } */
static err_t put_association(struct work *w, struct bytes address, struct bytes crs, struct buf *out)
{
	const struct store_row *row;
	struct target target;
	struct cbor old = { .u = 0 };
	err_t err;

	TRY(resource_resolve(w->room->resources, address, &target));
	TRY(store_get(w->room->store, target.id, &row));
	if (row && (!member(row->body, "acrs", &old) || old.kind != CBOR_ARRAY))
		old = (struct cbor){ .u = 0 };
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sub")));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("acrs")));
	TRY(cbor_put_array(out, (size_t)old.u + 1));
	TRY(buf_add(out, old.s));
	TRY(cbor_put_text(out, crs));
out:
	return err;
}

/* The same steps as any request of the originator's: its right, its record. */
static err_t ask(struct work *w, unsigned operation, struct bytes to, struct bytes content,
                 uint64_t *made)
{
	struct work m = {
		.room = w->room, .in = w->in, .request = w->request, .association = w->association,
		.originator = w->originator, .app_id = w->app_id, .question = w->question,
		.depth = w->depth + 1, .content = buf_make(w->room->content_max),
	};
	err_t err;

	m.request.operation = operation;
	m.request.to = to;
	m.request.type = operation == OPERATION_CREATE ? SUBSCRIPTION : 0;
	m.request.content = content;
	m.request.result_content = 0;
	TRY(request_member(&m));
	*made = m.outcome.resource;
	if (!status_is_success(work_status(&m)))
		w->outcome = (struct outcome){ .status = RSC_CROSS_RESOURCE_OPERATION_FAILURE,
			                       .what = "a resource named cannot be subscribed to" };
out:
	buf_free(&m.content);
	return err;
}

/* The criteria of the i-th resource; one for all when there is but one. */
static err_t criteria(const struct store_row *crs, uint64_t i, struct cbor *enc, bool *found)
{
	struct cbor set, list;
	err_t err = ERR_OK;

	*found = false;
	if (!member(crs->body, "encs", &set) || !member(set.raw, "encn", &list) ||
	    list.kind != CBOR_ARRAY)
		goto out;
	if (list.u == 1)
		i = 0;
	for (uint64_t k = 0; k <= i && list.s.n; k++) {
		TRY(cbor_next(&list.s, enc));
		*found = k == i;
	}
out:
	return err;
}

static err_t subscribe_all(struct work *w, const struct store_row *crs, struct bytes name)
{
	struct buf content = buf_make(CONTENT_MAX);
	struct bytes made[CROSS_MEMBERS];
	struct cbor list, item, enc;
	size_t n = 0;
	uint64_t id;
	bool found;
	err_t err = ERR_OK;

	if (!member(crs->body, "rrat", &list) || list.kind != CBOR_ARRAY)
		goto out;
	while (list.s.n && n < CROSS_MEMBERS && status_is_success(w->outcome.status)) {
		TRY(cbor_next(&list.s, &item));
		TRY(criteria(crs, n, &enc, &found));
		TRY(found ? ERR_OK : ERR_TAMPERED);
		buf_clear(&content);
		TRY(put_subscription(crs, &enc, name, &content));
		TRY(ask(w, OPERATION_CREATE, item.s, bytes_of_buf(&content), &id));
		TRY(name_of(w, id, "sub", &made[n++]));
	}
	if (status_is_success(w->outcome.status))
		TRY(subscription_set_list(w->room->resources, permit_for_system("crossResourceSubscription"),
		                          crs->id, BYTES("rrats"), made, n));
out:
	buf_free(&content);
	return err;
}

static err_t associate_all(struct work *w, const struct store_row *crs, struct bytes name)
{
	struct buf content = buf_make(CONTENT_MAX);
	struct cbor list, item;
	uint64_t id;
	err_t err = ERR_OK;

	if (!member(crs->body, "srat", &list) || list.kind != CBOR_ARRAY)
		goto out;
	while (list.s.n && status_is_success(w->outcome.status)) {
		TRY(cbor_next(&list.s, &item));
		buf_clear(&content);
		TRY(put_association(w, item.s, name, &content));
		TRY(ask(w, OPERATION_UPDATE, item.s, bytes_of_buf(&content), &id));
	}
out:
	buf_free(&content);
	return err;
}

static uint64_t count_of(struct bytes body, const char *key)
{
	struct cbor list;

	return member(body, key, &list) && list.kind == CBOR_ARRAY ? list.u : 0;
}

static uint64_t members_of(const struct store_row *crs)
{
	return count_of(crs->body, "rrat") + count_of(crs->body, "srat");
}

/* Criteria for the regular resources: one for all, or one for each [7.4.58.2.1]. */
static const char *fault_of(const struct store_row *crs)
{
	uint64_t regular = count_of(crs->body, "rrat"), criteria = 0;
	struct cbor set;

	if (member(crs->body, "encs", &set))
		criteria = count_of(set.raw, "encn");
	if (members_of(crs) == 0 || members_of(crs) > CROSS_MEMBERS)
		return "one resource or subscription at least, sixteen at most";
	if (regular && criteria != 1 && criteria != regular)
		return "criteria for all resources, or for each";
	return NULL;
}

err_t cross_created(struct work *w)
{
	struct outcome outcome = w->outcome;
	const struct store_row *row;
	struct store_row crs;
	struct bytes name;
	err_t err;

	TRY(store_get(w->room->store, outcome.resource, &row));
	TRY(row ? ERR_OK : ERR_TAMPERED);
	crs = *row;
	TRY(arena_copy(&w->room->arena, row->body, &crs.body));
	if (fault_of(&crs)) {
		w->outcome = (struct outcome){ .status = RSC_BAD_REQUEST, .what = fault_of(&crs) };
		goto out;
	}
	TRY(name_of(w, crs.id, "crs", &name));
	TRY(subscribe_all(w, &crs, name));
	if (status_is_success(w->outcome.status))
		TRY(associate_all(w, &crs, name));
	if (status_is_success(w->outcome.status) && w->content.n)
		TRY(apply_represent(w));
out:
	return err;
}

err_t cross_has(struct work *w, uint64_t crs, uint64_t sub, bool *yes)
{
	static const char *const members[] = { "rrats", "srat" };
	const struct store_row *row;
	struct target target;
	struct cbor list, item;
	err_t err;

	*yes = false;
	TRY(store_get(w->room->store, crs, &row));
	for (size_t i = 0; row && row->type == CROSS_SUBSCRIPTION && i < COUNT_OF(members); i++) {
		if (!member(row->body, members[i], &list) || list.kind != CBOR_ARRAY)
			continue;
		while (list.s.n && !*yes) {
			TRY(cbor_next(&list.s, &item));
			TRY(resource_resolve(w->room->resources, item.s, &target));
			*yes = target.place == TARGET_HERE && !target.virtual_child && target.id == sub;
		}
	}
out:
	return err;
}

static bool lists(struct bytes asked, struct bytes name)
{
	struct cbor list, item;

	if (!member(asked, "acrs", &list) || list.kind != CBOR_ARRAY)
		return false;
	while (list.s.n && cbor_next(&list.s, &item) == ERR_OK) {
		if (bytes_equal(item.s, name))
			return true;
	}
	return false;
}

err_t cross_note_left(struct work *w)
{
	struct bytes asked = subscription_asked(w->request.content);
	const struct store_row *row;
	struct cbor list, item;
	struct target target;
	bool member_of;
	void *p;
	err_t err;

	w->left_n = 0;
	TRY(store_get(w->room->store, w->target.id, &row));
	if (!asked.n || !member(asked, "acrs", &list) || !row || !member(row->body, "acrs", &list) ||
	    list.kind != CBOR_ARRAY)
		goto out;
	TRY(arena_take(&w->room->arena, (list.u + 1) * sizeof(*w->left), &p));
	w->left = p;
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		TRY(resource_resolve(w->room->resources, item.s, &target));
		member_of = false;
		if (!lists(asked, item.s) && target.place == TARGET_HERE && !target.virtual_child)
			TRY(cross_has(w, target.id, w->target.id, &member_of));
		if (member_of)
			w->left[w->left_n++] = target.id;
	}
out:
	return err;
}

err_t cross_end(struct work *w, const uint64_t *ids, size_t n)
{
	struct target target = { .place = TARGET_HERE, .type = CROSS_SUBSCRIPTION };
	const struct store_row *row;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		TRY(store_get(w->room->store, ids[i], &row));
		target.id = ids[i];
		if (row && row->type == CROSS_SUBSCRIPTION)
			TRY(notification_end(w->room, &target, w->in->now));
	}
out:
	return err;
}

/* The list of subscription `id` without the name. */
static err_t take_from(struct work *w, uint64_t id, const char *key, struct bytes name)
{
	const struct store_row *row;
	struct bytes *texts;
	struct cbor list, item;
	size_t n = 0;
	void *p;
	err_t err;

	TRY(store_get(w->room->store, id, &row));
	if (!row || !member(row->body, key, &list) || list.kind != CBOR_ARRAY)
		goto out;
	TRY(arena_take(&w->room->arena, (list.u + 1) * sizeof(*texts), &p));
	texts = p;
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		if (!bytes_equal(item.s, name))
			TRY(arena_copy(&w->room->arena, item.s, &texts[n++]));
	}
	if (n < list.u)
		TRY(subscription_set_list(w->room->resources, permit_for_system("crossResourceSubscription over"), id,
		                          bytes_str(key), texts, n));
out:
	return err;
}

err_t cross_ended(struct work *w, const struct store_row *crs)
{
	struct cbor list, item;
	struct target target;
	struct bytes name;
	err_t err = ERR_OK;

	if (!member(crs->body, "srat", &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	TRY(name_of(w, crs->id, "crs", &name));
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		TRY(resource_resolve(w->room->resources, item.s, &target));
		if (target.place != TARGET_HERE || target.virtual_child || target.type != SUBSCRIPTION)
			continue;
		TRY(take_from(w, target.id, "acrs", name));
		TRY(take_from(w, target.id, "nu", name));
	}
out:
	return err;
}

/* --- windows ------------------------------------------------------------------------ */

static struct cross_window *window_of(struct request_room *room, uint64_t crs)
{
	struct cross_window *oldest = &room->windows[0];

	for (size_t i = 0; i < COUNT_OF(room->windows); i++) {
		if (room->windows[i].crs == crs)
			return &room->windows[i];
		if (room->windows[i].since < oldest->since)
			oldest = &room->windows[i];
	}
	*oldest = (struct cross_window){ .crs = crs };
	return oldest;
}

/* Begin anew where the last one is over. */
static void turn_window(struct cross_window *x, const struct store_row *crs, int64_t now)
{
	struct cbor value;
	int64_t size = 0, since = now;
	bool periodic = member(crs->body, "twt", &value) && value.u == PERIODIC;

	if (!member(crs->body, "tws", &value) || clock_duration(value.s, &size) != ERR_OK || size <= 0)
		size = 1;
	if (periodic)
		since = crs->created + (now - crs->created) / size * size;
	if (x->n == 0 || (periodic ? x->since != since : now >= x->since + size))
		*x = (struct cross_window){ .crs = x->crs, .since = since };
}

err_t cross_told(struct work *w, uint64_t sub, uint64_t crs, bool *complete)
{
	const struct store_row *row;
	struct cross_window *x;
	bool known = false;
	err_t err;

	*complete = false;
	TRY(store_get(w->room->store, crs, &row));
	if (!row || row->type != CROSS_SUBSCRIPTION)
		goto out;
	x = window_of(w->room, crs);
	turn_window(x, row, w->in->now);
	for (size_t i = 0; i < x->n; i++)
		known = known || x->told[i] == sub;
	if (!known && x->n < CROSS_MEMBERS)
		x->told[x->n++] = sub;
	*complete = x->n == members_of(row);
	if (*complete)
		x->n = 0;
out:
	return err;
}
