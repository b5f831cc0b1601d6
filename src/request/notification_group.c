/* notification_group.c: subscriptions made through a group, whose notifications it
 * gathers [TS-0004 7.4.14.2.3, 7.4.14.2.5, 7.5.1.2.6].
 *
 *   a subscription for fopt with nfu --> nfu is asked; the group notes nfu and the
 *       creator; each member's subscription is to notify the group
 *   a member here tells the group, a CSE of a member notifies it
 *       --> owed to nfu, in the lane of the group --> one m2m:agn, by its nar
 *
 * nfu comes back in each notification. Only what the group noted counts, so that no
 * CSE has this node send where nobody asked it to. The right on which it stands is
 * the creator's, judged again before the sending. */
#include "request/notification_inside.h"

#include "base/clock.h"
#include "primitive/id.h"

enum { URI_TEXT = 4096, ATTRIBUTES = 128, BATCH_MS = 60000 };

static err_t name_of(struct work *w, uint64_t group, struct bytes *out)
{
	struct buf text = buf_make(URI_TEXT);
	err_t err;

	TRY(buf_add(&text, resources_cse(w->room->resources)->cse_id));
	TRY(buf_printf(&text, "/grp%llu", (unsigned long long)group));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&text), out));
out:
	buf_free(&text);
	return err;
}

/* --- made through the group ------------------------------------------------------------ */

static err_t put_content(struct work *w, struct cbor_member *m, size_t n, struct bytes *out)
{
	struct buf content = buf_make(NOTIFICATION_CONTENT_MAX);
	err_t err;

	TRY(cbor_put_map(&content, 1));
	TRY(cbor_put_text(&content, BYTES("m2m:sub")));
	TRY(cbor_put_members(&content, m, n));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&content), out));
out:
	buf_free(&content);
	return err;
}

/* The request with the group in nu. What is no subscription is left to the members to
 * refuse. */
static err_t readdress(struct work *w, struct bytes asked)
{
	struct buf nu = buf_make(URI_TEXT);
	struct cbor_member m[ATTRIBUTES];
	struct bytes pairs, name, content;
	struct cbor map, value;
	bool more = true;
	size_t n = 0;
	err_t err;

	TRY(name_of(w, w->target.parent_of_virtual, &name));
	TRY(cbor_put_array(&nu, 1));
	TRY(cbor_put_text(&nu, name));
	TRY(cbor_read(asked, &map));
	for (pairs = map.s; more && n < ATTRIBUTES;) {
		TRY(cbor_pair(&pairs, &m[n].key, &value, &more));
		if (!more)
			break;
		m[n].value = bytes_equal(m[n].key, BYTES("nu")) ? bytes_of_buf(&nu) : value.raw;
		n++;
	}
	TRY(put_content(w, m, n, &content));
	TRY(cbor_read(content, &w->request.value[PARAM_PC]));
	w->request.content = content;
out:
	buf_free(&nu);
	return err;
}

err_t notification_group_begin(struct work *w)
{
	struct bytes asked = subscription_asked(w->request.content);
	struct cbor nfu;
	err_t err = ERR_OK;

	/* Within another group, here or elsewhere: that one gathers. */
	if (w->depth || w->request.has[PARAM_GID] || w->forward.n ||
	    w->request.operation != OPERATION_CREATE || w->request.type != SUBSCRIPTION || !asked.n ||
	    !notification_member(asked, "nfu", &nfu) || nfu.kind != CBOR_TEXT)
		return ERR_OK;
	TRY(arena_copy(&w->room->arena, nfu.s, &w->forward));
	err = readdress(w, asked);
out:
	return err;
}

err_t notification_group_note(struct work *w)
{
	err_t err;

	if (!w->forward.n)
		return ERR_OK;
	TRY(notification_verify(w, w->forward, w->target.parent_of_virtual));
	if (!w->status)
		TRY(resource_group_gather(w->room->resources, permit_for_system("notificationForwardingURI"),
		                          w->target.parent_of_virtual, w->forward, w->originator));
out:
	return err;
}

err_t notification_group_here(struct work *w, struct bytes target, uint64_t *id)
{
	struct target place;
	err_t err;

	*id = 0;
	TRY(resource_resolve(w->room->resources, target, &place));
	if (place.place == TARGET_HERE && place.type == TYPE_GROUP && !place.virtual_child)
		*id = place.id;
out:
	return err;
}

err_t notification_group_takes(struct work *w, struct bytes target, bool *yes)
{
	struct bytes asked = subscription_asked(w->request.content), creator = w->originator;
	struct store_row sub;
	struct cbor nfu;
	uint64_t group;
	bool found;
	err_t err;

	*yes = false;
	TRY(notification_group_here(w, target, &group));
	if (!group || !creator.n)
		goto out;
	found = asked.n && notification_member(asked, "nfu", &nfu) && nfu.kind == CBOR_TEXT;
	if (!found && w->request.operation == OPERATION_UPDATE) {
		TRY(notification_row(w, w->target.id, &sub, &found));
		found = found && notification_member(sub.body, "nfu", &nfu) && nfu.kind == CBOR_TEXT;
	}
	if (found)
		TRY(resource_group_gathers(w->room->resources, group, nfu.s, &creator, &w->room->arena, yes));
out:
	return err;
}

/* --- gathered -------------------------------------------------------------------------- */

/* By the group's nar; without it, by its members and the time of any batch. */
static err_t owe(struct work *w, uint64_t group, struct queue_entry *e)
{
	struct store_row row;
	struct cbor nar, value;
	int64_t ms = BATCH_MS;
	bool found, policy;
	err_t err;

	TRY(notification_row(w, group, &row, &found));
	if (!found)
		goto out;
	policy = notification_member(row.body, "nar", &nar);
	if (policy && notification_member(nar.raw, "dur", &value) && value.kind == CBOR_TEXT)
		(void)!clock_duration(value.s, &ms);
	if (policy ? notification_member(nar.raw, "num", &value) : notification_member(row.body, "cnm", &value))
		e->batch = (unsigned)value.u;
	e->subscription = group;
	e->flags = (e->flags & QUEUE_DELETION) | QUEUE_BATCHED | QUEUE_GROUP;
	e->due = w->in->now + ms;
	err = notification_add(w, e);
out:
	return err;
}

err_t notification_group_owe(struct work *w, const struct queue_entry *asked,
                             const struct store_row *sub, uint64_t group)
{
	struct queue_entry e = *asked;
	struct cbor nfu;
	bool gathers = false;
	err_t err = ERR_OK;

	if (!notification_member(sub->body, "nfu", &nfu) || nfu.kind != CBOR_TEXT)
		return ERR_OK;
	TRY(resource_group_gathers(w->room->resources, group, nfu.s, &e.originator, &w->room->arena, &gathers));
	e.target = nfu.s;
	e.resource = sub->id;
	if (gathers)
		TRY(owe(w, group, &e));
out:
	return err;
}

/* Does the subscription of this CSE still have it told to the group, and may its creator
 * still read what is told? */
static err_t still_told(struct work *w, const struct queue_entry *e, bool *yes)
{
	struct cbor nu, item, nfu;
	struct store_row sub;
	uint64_t group = 0;
	bool found;
	err_t err;

	*yes = false;
	TRY(notification_row(w, e->resource, &sub, &found));
	if (!found || sub.type != SUBSCRIPTION || (sub.expires && sub.expires <= w->in->now) ||
	    !notification_member(sub.body, "nfu", &nfu) || !bytes_equal(nfu.s, e->target) ||
	    !notification_member(sub.body, "nu", &nu) || nu.kind != CBOR_ARRAY)
		goto out;
	while (nu.s.n && group != e->subscription) {
		TRY(cbor_next(&nu.s, &item));
		TRY(notification_group_here(w, item.s, &group));
	}
	if (group == e->subscription)
		TRY(notification_creator_may(w, e->originator, sub.parent, yes));
out:
	return err;
}

err_t notification_group_may(struct work *w, const struct queue_entry *e, bool *yes)
{
	struct bytes creator = e->originator;
	err_t err;

	TRY(resource_group_gathers(w->room->resources, e->subscription, e->target, &creator,
	                           &w->room->arena, yes));
	if (*yes && e->resource && !(e->flags & QUEUE_DELETION))
		TRY(still_told(w, e, yes));
out:
	return err;
}

/* --- reported by another CSE ------------------------------------------------------------- */

/* Is it at this CSE, "/mn"? */
static bool is_at(struct work *w, struct bytes address, struct bytes cse)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id;

	if (bytes_starts(address, sp))
		address = bytes_sub(address, sp.n, address.n);
	return bytes_starts(address, cse) && address.n > cse.n && address.p[cse.n] == '/';
}

err_t notification_is_report(struct work *w, bool *yes)
{
	struct bytes cse = BYTES_NONE;
	struct cbor mid, item;
	struct store_row row;
	bool found = false;
	err_t err = ERR_OK;

	*yes = false;
	if (w->request.operation != OPERATION_NOTIFY || w->target.type != TYPE_GROUP || w->target.virtual_child)
		return ERR_OK;
	if (id_form(w->originator) == ID_ABS_CSE)
		cse = behind_cse(w, w->originator);
	if (cse.n)
		TRY(notification_row(w, w->target.id, &row, &found));
	if (!found || !notification_member(row.body, "mid", &mid) || mid.kind != CBOR_ARRAY)
		goto out;
	while (mid.s.n && !*yes) {
		TRY(cbor_next(&mid.s, &item));
		*yes = is_at(w, item.s, cse);
	}
out:
	return err;
}

/* One m2m:sgn: of a subscription at that CSE, for whom the group gathers? */
static err_t report(struct work *w, struct bytes sgn)
{
	struct queue_entry e = { .created = w->in->now, .expires = w->in->now + w->room->keep_ms };
	struct buf content = buf_make(NOTIFICATION_CONTENT_MAX);
	struct cbor nfu, sur;
	bool known = false;
	err_t err = ERR_OK;

	if (notification_member(sgn, "nfu", &nfu) && nfu.kind == CBOR_TEXT &&
	    notification_member(sgn, "sur", &sur) && sur.kind == CBOR_TEXT &&
	    is_at(w, sur.s, behind_cse(w, w->originator)))
		TRY(resource_group_gathers(w->room->resources, w->target.id, nfu.s, &e.originator,
		                           &w->room->arena, &known));
	if (!known) {
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.5.1.2.6",
		            "the group gathers no such notification");
		goto out;
	}
	e.target = nfu.s;
	TRY(cbor_put_map(&content, 1));
	TRY(cbor_put_text(&content, BYTES("m2m:sgn")));
	TRY(buf_add(&content, sgn));
	e.content = bytes_of_buf(&content);
	err = owe(w, w->target.id, &e);
out:
	buf_free(&content);
	return err;
}

/* The notification, or those of an aggregated one, which are not nested. */
static err_t report_all(struct work *w)
{
	struct bytes pc = w->request.content;
	struct cbor sgn, agn, item;
	err_t err = ERR_OK;

	if (notification_member(pc, "m2m:sgn", &sgn) && sgn.kind == CBOR_MAP)
		return report(w, sgn.raw);
	if (!notification_member(pc, "m2m:agn", &agn) || agn.kind != CBOR_MAP ||
	    !notification_member(agn.raw, "m2m:sgn", &sgn) || sgn.kind != CBOR_ARRAY || sgn.u > QUEUE_BATCH) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.5.1.1", "this is no notification");
		return ERR_OK;
	}
	while (sgn.s.n && !w->status) {
		TRY(cbor_next(&sgn.s, &item));
		if (item.kind == CBOR_MAP)
			TRY(report(w, item.raw));
	}
out:
	return err;
}

err_t notification_report(struct work *w)
{
	struct cbor sgn, vrq;
	bool member;
	err_t err;

	TRY(notification_is_report(w, &member));
	if (!member || !w->room->queue) {
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.5.1.2.6",
		            "a group is notified by the CSEs of its members");
		goto out;
	}
	/* The request that makes the subscription waits for this answer. */
	if (!notification_member(w->request.content, "m2m:sgn", &sgn) || sgn.kind != CBOR_MAP ||
	    !notification_member(sgn.raw, "vrq", &vrq) || vrq.kind != CBOR_BOOL || !vrq.u)
		TRY(report_all(w));
	if (!w->status)
		w->outcome = (struct outcome){ .status = RSC_OK, .resource = w->target.id };
out:
	return err;
}
