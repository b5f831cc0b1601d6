/* notification_send.c: whether what is owed may still be sent, the request that
 * carries it, and what becomes of it. */
#include "request/notification_inside.h"

#include "base/log.h"

enum { PRIMITIVE_MAX = 4 << 20, CHECK_AGAIN_MS = 10000, TARGET_TEXT = 256, PENDING_MS = 1000 };

static const char of_revoked[] = "its originator's credential was revoked";
static const char to_revoked[] = "its receiver's credential was revoked";

static err_t drop(struct notification *n, const char *why)
{
	n->verdict = NOTIFICATION_DROP;
	n->why = why;
	return ERR_OK;
}

static err_t wait_until(struct notification *n, int64_t until)
{
	n->verdict = NOTIFICATION_WAIT;
	n->until = until;
	return ERR_OK;
}

static bool names(struct bytes body, struct bytes target)
{
	struct cbor nu, item;

	if (!notification_member(body, "nu", &nu) || nu.kind != CBOR_ARRAY)
		return false;
	while (nu.s.n && cbor_next(&nu.s, &item) == ERR_OK) {
		if (bytes_equal(item.s, target))
			return true;
	}
	return false;
}

/* "Cdev" of "//sp/in-cse/Cdev": the lab knows its administrator by that. */
static struct bytes stem_of(struct bytes absolute)
{
	while (bytes_find(absolute, '/') < absolute.n)
		(void)bytes_cut(&absolute, '/');
	return absolute;
}

/* Is the subscription still there, still to this target, and may its creator still
 * read what is told? */
static err_t judge_subscription(struct work *w, const struct queue_entry *e,
                                struct notification *n)
{
	const struct store_row *sub;
	bool scheduled;
	err_t err;

	TRY(store_get(w->room->store, e->subscription, &sub));
	if (!sub || (sub->type != SUBSCRIPTION && sub->type != CROSS_SUBSCRIPTION) || (sub->expires && sub->expires <= w->in->now))
		return drop(n, "the subscription is gone");
	if (!names(sub->body, e->target))
		return drop(n, "the subscription has another target");
	n->type = sub->type;
	if (!facts_may_retrieve(w, e->resource))
		return w->judge_err != ERR_OK ? w->judge_err
		                              : drop(n, "its creator may no longer retrieve");
	if (e->event_category == CATEGORY_IMMEDIATE) /* whatever the schedule says */
		goto out;
	TRY(notification_scheduled(w, e->subscription, &scheduled));
	if (!scheduled)
		return wait_until(n, w->in->now + CHECK_AGAIN_MS);
out:
	return err;
}

static err_t judge_group(struct work *w, const struct queue_entry *e, struct notification *n)
{
	bool may;
	err_t err;

	TRY(notification_group_may(w, e, &may));
	if (!may)
		err = drop(n, "the group gathers it no more, or its creator may no longer retrieve");
out:
	return err;
}

/* Who stands behind it: a credential that was revoked stands for nobody. */
static err_t judge_originator(struct work *w, struct notification *n)
{
	bool gone;
	err_t err;

	TRY(behind_is_gone(w, w->originator, &gone, &w->vouched));
	if (gone)
		return drop(n, of_revoked);
out:
	return err;
}

static err_t creator_may(struct work *w, struct bytes creator, uint64_t resource,
                         bool (*may)(void *self, uint64_t id), bool *yes)
{
	struct work as = { .room = w->room, .in = w->in, .originator = creator };
	bool gone;
	err_t err;

	as.request.from = stem_of(creator);
	TRY(behind_is_gone(w, creator, &gone, &as.vouched));
	*yes = !gone && may(&as, resource);
	err = as.judge_err;
out:
	return err;
}

err_t notification_creator_may(struct work *w, struct bytes creator, uint64_t resource, bool *yes)
{
	return creator_may(w, creator, resource, facts_may_retrieve, yes);
}

err_t notification_creator_may_notify(struct work *w, struct bytes creator, uint64_t resource,
                                      bool *yes)
{
	return creator_may(w, creator, resource, facts_may_notify, yes);
}

/* Who is told: the receiver, or the CSE that what is elsewhere is handed to. */
static uint64_t whose(const struct reach *reach)
{
	return reach->entity ? reach->entity : reach->hop;
}

/* The receiver's own policy [TS-0001 9.6.2.3]; who was revoked is told nothing. */
static err_t judge_receiver(struct work *w, struct notification *n)
{
	struct buf absolute = buf_make(1024);
	bool known, live;
	err_t err = ERR_OK;

	if (!whose(&n->reach))
		goto out;
	TRY(reach_identity(w, whose(&n->reach), &absolute));
	TRY(registry_entity_live(w->room->registry, bytes_of_buf(&absolute), w->in->now, &known, &live));
	if (known && !live)
		err = drop(n, to_revoked);
	else if (n->reach.entity && !bytes_equal(bytes_of_buf(&absolute), w->originator) &&
	         !facts_may_notify(w, n->reach.entity))
		err = w->judge_err != ERR_OK ? w->judge_err
		                             : drop(n, "the receiver does not take notifications of its creator");
out:
	buf_free(&absolute);
	return err;
}

/* The schedules of the receiver and of its node say when it is there [7.5.1.2.2 step 3.0]. */
static err_t judge_schedule(struct work *w, const struct queue_entry *e, struct notification *n)
{
	const struct store_row *row;
	struct target node;
	struct cbor nl;
	bool there = true;
	err_t err = ERR_OK;

	if (!n->reach.entity || n->verdict != NOTIFICATION_SEND)
		goto out;
	TRY(notification_scheduled(w, n->reach.entity, &there));
	TRY(store_get(w->room->store, n->reach.entity, &row));
	if (there && row && notification_member(row->body, "nl", &nl) && nl.kind == CBOR_TEXT) {
		TRY(resource_resolve(w->room->resources, nl.s, &node));
		if (node.place == TARGET_HERE && node.type == TYPE_NODE && !node.virtual_child)
			TRY(notification_scheduled(w, node.id, &there));
	}
	if (!there)
		err = e->flags & QUEUE_KEPT ? wait_until(n, w->in->now + CHECK_AGAIN_MS)
		                            : drop(n, "the receiver is not there now, by its schedule");
out:
	return err;
}

/* --- the request --------------------------------------------------------------------- */

/* The m2m:sgn of each entry, one behind the other. The first was judged; those that a
 * group gathered beside it are of other subscriptions, and are judged one by one: what
 * may not be sent any more is none of this message. It is first in its lane by and by,
 * and goes then, with a record of its own. */
static err_t gather(struct work *w, struct notification *n, struct buf *items)
{
	struct queue_entry e;
	struct cbor sgn;
	size_t kept = 0;
	bool found, may;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n->n; i++) {
		TRY(queue_read(w->room->queue, n->numbers[i], &w->room->arena, &e));
		may = i == 0 || !e.expires || e.expires > w->in->now;
		if (may && i > 0 && e.flags & QUEUE_GROUP)
			TRY(notification_group_may(w, &e, &may));
		if (!may)
			continue;
		TRY(cbor_find(e.content, BYTES("m2m:sgn"), &sgn, &found));
		TRY(found ? buf_add(items, sgn.raw) : ERR_TAMPERED);
		n->numbers[kept++] = n->numbers[i];
	}
	n->n = kept;
out:
	return err;
}

/* { "m2m:agn": { "m2m:sgn": [ ... ] } } of { "m2m:sgn": .. } each. */
static err_t aggregate(struct work *w, struct notification *n, struct buf *out)
{
	struct buf items = buf_make(PRIMITIVE_MAX);
	err_t err;

	TRY(gather(w, n, &items));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:agn")));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sgn")));
	TRY(cbor_put_array(out, n->n));
	TRY(buf_add(out, bytes_of_buf(&items)));
out:
	buf_free(&items);
	return err;
}

/* A group gathers for one target on the right of several: each creator's by itself. */
static err_t of_one_creator(struct work *w, struct notification *n)
{
	struct queue_entry e;
	size_t kept = 1;
	err_t err = ERR_OK;

	for (size_t i = 1; i < n->n; i++) {
		TRY(queue_read(w->room->queue, n->numbers[i], &w->room->arena, &e));
		if (bytes_equal(e.originator, w->originator))
			n->numbers[kept++] = n->numbers[i];
	}
	n->n = kept;
out:
	return err;
}

/* Made each time it is sent: late nowhere, and by its identifier the same to who has it already. */
static err_t compose(struct work *w, const struct queue_entry *e, struct notification *n)
{
	struct buf content = buf_make(PRIMITIVE_MAX), primitive = buf_make(PRIMITIVE_MAX);
	struct buf rqi = buf_make(TARGET_TEXT);
	struct outbound_request request = {
		.operation = OPERATION_NOTIFY, .to = reach_place(e->target),
		.from = n->reach.from, .rqi = e->rqi, .rvi = reach_release(&n->reach),
		.event_category = e->event_category, .content = e->content,
		.originated = w->in->now,
	};
	err_t err;

	/* What pendingNotification kept is the latest [7.5.1.2.2 step 4.0]. */
	if (e->flags & QUEUE_KEPT && e->flags & QUEUE_LATEST && w->in->now >= e->created + PENDING_MS)
		request.event_category = CATEGORY_LATEST;
	n->n = queue_together(w->room->queue, e->number, w->in->now, n->numbers);
	if (n->group)
		TRY(of_one_creator(w, n));
	/* Of a batch with latestNotify one is left [TS-0001 10.2.10.7]. */
	if (e->flags & QUEUE_BATCHED && (n->n > 1 || !(e->flags & QUEUE_LATEST))) {
		TRY(aggregate(w, n, &content));
		request.content = bytes_of_buf(&content);
		/* When it goes again with more in it, it is another request. */
		TRY(buf_printf(&rqi, "%.*s-%llx", BYTES_FMT(e->rqi),
		               (unsigned long long)n->numbers[n->n - 1]));
		request.rqi = bytes_of_buf(&rqi);
	}
	TRY(outbound_compose(&request, &primitive));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&primitive), &n->primitive));
out:
	buf_free(&content);
	buf_free(&primitive);
	buf_free(&rqi);
	return err;
}

/* Nowhere to send it: kept, where the subscription says so, else tried again until
 * it expires. */
static err_t judge_entry(struct work *w, const struct queue_entry *e, struct notification *n)
{
	err_t err;

	if (e->expires && e->expires <= w->in->now)
		return drop(n, "it could not be delivered in time");
	if (queue_outdated(w->room->queue, n->numbers[0]))
		return drop(n, "a later one takes its place");
	TRY(judge_originator(w, n));
	if (n->verdict == NOTIFICATION_SEND && n->group)
		TRY(judge_group(w, e, n));
	else if (n->verdict == NOTIFICATION_SEND && e->subscription && !(e->flags & QUEUE_DELETION))
		TRY(judge_subscription(w, e, n));
	if (n->verdict != NOTIFICATION_SEND)
		goto out;
	TRY(reach_of(w, e->target, &n->reach));
	TRY(judge_receiver(w, n));
	TRY(judge_schedule(w, e, n));
	if (n->verdict == NOTIFICATION_SEND && n->reach.n == 0)
		TRY(e->flags & QUEUE_KEPT ? wait_until(n, w->in->now + CHECK_AGAIN_MS)
		                          : drop(n, "the target cannot be reached from here"));
	if (n->verdict == NOTIFICATION_SEND)
		TRY(compose(w, e, n));
out:
	return err;
}

err_t notification_judge(struct request_room *room, uint64_t number, int64_t now,
                         struct notification *out)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	struct queue_entry e;
	err_t err;

	arena_reset(&room->arena);
	resource_begin(room->resources);
	*out = (struct notification){ .verdict = NOTIFICATION_SEND, .numbers = { number }, .n = 1 };
	TRY(queue_read(room->queue, number, &room->arena, &e));
	w.originator = out->originator = e.originator;
	w.request.from = stem_of(e.originator);
	out->target = e.target;
	out->rqi = e.rqi;
	out->group = e.flags & QUEUE_GROUP;
	out->subscription = e.flags & QUEUE_DELETION || out->group ? 0 : e.subscription;
	err = judge_entry(&w, &e, out);
out:
	return err;
}

/* --- what became of it ------------------------------------------------------------------ */

/* Also when it came before, with another time: 4105. */
static bool has_arrived(unsigned status)
{
	return status_is_success(status) || status == RSC_CONFLICT;
}

static err_t record(struct request_room *room, const struct notification *n, unsigned status,
                    int64_t now)
{
	struct audit_record record = {
		.kind = AUDIT_DECISION, .at = now, .operation = OPERATION_NOTIFY, .status = status,
		.originator = bytes_sub(n->originator, 0, TARGET_TEXT),
		.target = bytes_sub(n->target, 0, TARGET_TEXT), .request = n->rqi,
		.rule = BYTES("notification"),
		.text = bytes_str(n->why ? n->why : has_arrived(status) ? "delivered" : "refused by the target"),
	};

	return audit_append(room->audit, &record);
}

/* --- whose right is gone ------------------------------------------------------------------ */

/* Why it goes when the entity has no credential any more; *why NULL: it stays. */
static err_t concerns(struct work *w, const struct queue_entry *e, struct bytes entity, const char **why)
{
	struct buf absolute = buf_make(1024);
	struct reach reach;
	bool gone, live;
	err_t err;

	TRY(behind_is_gone(w, e->originator, &gone, &live));
	*why = gone || bytes_equal(e->originator, entity) ? of_revoked : NULL;
	if (*why || reach_is_url(e->target))
		goto out;
	TRY(reach_of(w, e->target, &reach));
	if (whose(&reach))
		TRY(reach_identity(w, whose(&reach), &absolute));
	if (bytes_equal(bytes_of_buf(&absolute), entity))
		*why = to_revoked;
out:
	buf_free(&absolute);
	return err;
}

err_t notification_revoked(struct request_room *room, struct bytes entity, int64_t now, size_t *n)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	struct queue_entry e;
	struct notification gone;
	uint64_t number = 0;
	err_t err = ERR_OK;

	*n = 0;
	resource_begin(room->resources);
	while ((number = queue_after(room->queue, number)) != 0) {
		arena_reset(&room->arena);
		TRY(queue_read(room->queue, number, &room->arena, &e));
		gone = (struct notification){ .target = e.target, .originator = e.originator, .rqi = e.rqi };
		TRY(concerns(&w, &e, entity, &gone.why));
		if (!gone.why)
			continue;
		TRY(queue_remove(room->queue, number));
		TRY(record(room, &gone, 0, now));
		++*n;
	}
out:
	return err;
}

err_t notification_end(struct request_room *room, const struct target *target, int64_t now)
{
	const struct permit *system = permit_for_system("subscription over");
	struct request_primitive request = { .operation = OPERATION_DELETE };
	struct resource_ask ask = { .request = &request, .target = target, .permit = system,
		                    .arena = &room->arena, .now = now };
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in, .target = *target };
	struct buf content = buf_make(PRIMITIVE_MAX);
	struct outcome outcome;
	err_t err;

	w.request.operation = OPERATION_DELETE;
	notification_watch_removal(&w);
	err = resource_delete(room->resources, &ask, &content, &outcome);
	resource_on_removal(room->resources, NULL, NULL);
	TRY(err);
	if (status_is_success(outcome.status))
		TRY(notification_after(&w));
out:
	buf_free(&content);
	return err;
}

err_t notification_tried(struct request_room *room, const struct notification *n, bool answered)
{
	if (!n->subscription)
		return ERR_OK;
	return subscription_statistics(room->resources, permit_for_system("notificationStatsEnable"),
	                               n->subscription, n->target, answered);
}

/* One less of those that the subscription may send; with the last it ends. */
static err_t count(struct request_room *room, uint64_t sub, uint32_t type, int64_t now)
{
	struct target target = { .place = TARGET_HERE, .id = sub, .type = type };
	bool over;
	err_t err;

	TRY(subscription_count(room->resources, permit_for_system("expirationCounter"), sub, now, &over));
	if (over)
		TRY(notification_end(room, &target, now));
out:
	return err;
}

/* What a group gathered counts for the subscriptions that told it. */
static err_t count_gathered(struct request_room *room, const struct notification *n, int64_t now)
{
	struct queue_entry e;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n->n; i++) {
		arena_reset(&room->scratch);
		TRY(queue_read(room->queue, n->numbers[i], &room->scratch, &e));
		if (e.resource && !(e.flags & QUEUE_DELETION))
			TRY(count(room, e.resource, SUBSCRIPTION, now));
	}
out:
	return err;
}

err_t notification_done(struct request_room *room, const struct notification *n, unsigned status,
                        int64_t now)
{
	bool success = has_arrived(status);
	err_t err = ERR_OK;

	if (n->group && success)
		TRY(count_gathered(room, n, now));
	for (size_t i = 0; i < n->n; i++)
		TRY(queue_remove(room->queue, n->numbers[i]));
	TRY(record(room, n, status, now));
	if (n->subscription && success)
		TRY(count(room, n->subscription, n->type, now));
out:
	return err;
}
