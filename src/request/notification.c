/* notification.c: what the operation under way means to subscriptions. */
#include "request/notification_inside.h"

enum { EXPIRE_SOME = 8, CONTAINER = 3, CONTENT_INSTANCE = 4, RCN_WITH_CHILDREN = 4, RCN_CHILDREN = 8 };

/* --- events ------------------------------------------------------------------------------------ */

static err_t show(struct work *w, const struct store_row *sub, const struct resource_event *e,
                  struct bytes *out)
{
	struct buf shown = buf_make(NOTIFICATION_CONTENT_MAX);
	err_t err;

	TRY(subscription_shows(w->room->resources, &w->room->arena, sub, e, &shown));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&shown), out));
out:
	buf_free(&shown);
	return err;
}

/* What one subscription wants of the event: told at once, or kept until the delete
 * is done. */
static err_t tell(struct work *w, uint64_t id, struct resource_event *e, bool later)
{
	struct noticed n = { .type = e->type }, *kept;
	struct bytes creator;
	void *room;
	bool found, wants;
	err_t err;

	TRY(notification_row(w, id, &n.sub, &found));
	if (!found)
		goto out;
	TRY(subscription_wants(w->room->resources, &n.sub, e, &wants));
	n.ends = later && e->type != EVENT_DELETE_CHILD;
	if (wants && n.ends) {
		TRY(notification_creator(w, &n.sub, &creator));
		TRY(notification_creator_may(w, creator, n.sub.parent, &wants));
	}
	if (!wants)
		goto out;
	TRY(show(w, &n.sub, e, &n.shown));
	if (!later)
		TRY(notification_owe(w, &n));
	if (!later)
		goto out;
	TRY(arena_take(&w->room->arena, sizeof(*kept), &room));
	kept = room;
	*kept = n;
	kept->next = w->noticed;
	w->noticed = kept;
out:
	return err;
}

/* The event, and the operation where that is monitored, to all subscriptions of a
 * resource but one. */
static err_t tell_all(struct work *w, uint64_t resource, struct resource_event *e, uint64_t but,
                      bool later)
{
	uint64_t *ids;
	size_t n;
	void *room;
	err_t err;

	TRY(arena_take(&w->room->arena, SUBSCRIPTIONS_MAX * sizeof(*ids), &room));
	ids = room;
	TRY(subscriptions_of(w->room->resources, resource, ids, &n));
	for (size_t i = 0; i < n; i++) {
		if (ids[i] != but)
			TRY(tell(w, ids[i], e, later));
	}
out:
	return err;
}

static struct resource_event event_of(const struct work *w, enum event_type type,
                                      const struct store_row *subject)
{
	return (struct resource_event){
		.type = type, .subject = subject, .operation = w->request.operation,
		.asked = w->request.operation == OPERATION_UPDATE
		                 ? subscription_asked(w->request.content) : BYTES_NONE,
		.originator = w->request.from, .originator_absolute = w->originator,
		.discovers = w->discovers,
	};
}

/* No row has subscriptions where no subscription is: one question to the store,
 * and none for reads that nobody watches. */
static err_t has_subscriptions(struct work *w, uint64_t resource, bool *yes)
{
	struct store_scan scan = { .parent = resource, .type = SUBSCRIPTION, .limit = 1 };
	uint64_t id;
	size_t n = 0;
	err_t err = ERR_OK;

	if (resource)
		TRY(store_children(w->room->store, &scan, &id, &n));
	*yes = n > 0;
out:
	return err;
}

static err_t happened(struct work *w, uint64_t resource, enum event_type type, uint64_t subject,
                      bool later)
{
	struct resource_event event;
	struct store_row row, target;
	bool some, found;
	err_t err;

	TRY(has_subscriptions(w, resource, &some));
	if (!some)
		goto out;
	TRY(notification_row(w, subject, &row, &found));
	if (!found)
		goto out;
	event = event_of(w, type, &row);
	/* A subscription is not told of itself. */
	TRY(tell_all(w, resource, &event, subject, later));
	if (type == EVENT_DELETE_CHILD || type == EVENT_NO_CHILD || type == EVENT_OPERATION)
		goto out;
	TRY(notification_row(w, resource, &target, &found));
	event = event_of(w, EVENT_OPERATION, &target);
	if (found && subscription_watches_reads(w->room->resources, resource))
		TRY(tell_all(w, resource, &event, subject, later));
out:
	return err;
}

/* The resource that this subscription is to goes. */
static err_t tell_of_end(struct work *w, uint64_t sub, uint64_t resource)
{
	struct resource_event event;
	struct store_row row;
	bool found;
	err_t err;

	TRY(notification_row(w, resource, &row, &found));
	if (!found)
		goto out;
	event = event_of(w, EVENT_DELETE, &row);
	TRY(tell(w, sub, &event, true));
	event = event_of(w, EVENT_OPERATION, &row);
	if (w->request.operation && subscription_watches_reads(w->room->resources, resource))
		TRY(tell(w, sub, &event, true));
out:
	return err;
}

/* A crossResourceSubscription ends with any of its members: which, while they can be
 * found. */
static err_t note_crosses(struct work *w, struct noticed *n)
{
	struct cbor list, item;
	struct target target;
	bool yes;
	err_t err = ERR_OK;

	if (!notification_member(n->sub.body, "acrs", &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	while (list.s.n && n->crosses_n < COUNT_OF(n->crosses)) {
		TRY(cbor_next(&list.s, &item));
		TRY(resource_resolve(w->room->resources, item.s, &target));
		if (target.place != TARGET_HERE || target.virtual_child)
			continue;
		TRY(cross_has(w, target.id, n->sub.id, &yes));
		if (yes)
			n->crosses[n->crosses_n++] = target.id;
	}
out:
	return err;
}

/* Subscriptions that end with the row: whom they asked to be told [su]. */
static err_t note_end(struct work *w, uint64_t id)
{
	struct noticed *n;
	struct cbor su;
	void *room;
	bool found;
	err_t err;

	TRY(arena_take(&w->room->arena, sizeof(*n), &room));
	n = room;
	TRY(notification_row(w, id, &n->sub, &found));
	if (!found || !(notification_member(n->sub.body, "su", &su) || notification_member(n->sub.body, "acrs", &su) ||
	                n->sub.type == CROSS_SUBSCRIPTION))
		goto out;
	TRY(note_crosses(w, n));
	n->next = w->noticed;
	w->noticed = n;
out:
	return err;
}

/* Before a row goes: its parent's subscriptions, and those that go with it. */
static err_t on_removal(void *self, uint64_t id, uint64_t root)
{
	struct work *w = self;
	const struct store_row *row;
	uint64_t parent;
	uint32_t type;
	err_t err;

	TRY(store_get(w->room->store, id, &row));
	if (!row)
		goto out;
	parent = row->parent;
	type = row->type;
	if (id == root)
		TRY(happened(w, parent, EVENT_DELETE_CHILD, id, true));
	else
		TRY(tell_of_end(w, id, parent));
	if (type == SUBSCRIPTION || type == CROSS_SUBSCRIPTION)
		TRY(note_end(w, id));
out:
	return err;
}

void notification_watch_removal(struct work *w)
{
	resource_on_removal(w->room->resources, on_removal, w);
}

/* The subscriptions that a crossResourceSubscription made end with it [TS-0004 7.4.58]. */
static err_t end_together(struct work *w, const struct store_row *sub)
{
	struct cbor list, item;
	struct target target;
	err_t err = ERR_OK;

	if (!notification_member(sub->body, "rrats", &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		TRY(resource_resolve(w->room->resources, item.s, &target));
		if (target.place == TARGET_HERE && !target.virtual_child && target.type == SUBSCRIPTION)
			TRY(notification_end(w->room, &target, w->in->now));
	}
out:
	return err;
}

static err_t owe_noticed(struct work *w)
{
	err_t err = ERR_OK;

	for (struct noticed *i = w->noticed; i; i = i->next) {
		TRY(notification_owe(w, i));
		if (i->shown.n)
			continue;
		TRY(cross_end(w, i->crosses, i->crosses_n));
		if (i->sub.type != CROSS_SUBSCRIPTION)
			continue;
		TRY(end_together(w, &i->sub));
		TRY(cross_ended(w, &i->sub));
	}
out:
	return err;
}

/* A few at a time: what is shown of them is held until it is owed. */
static err_t expire_some(struct request_room *room, int64_t now, size_t limit, size_t *n)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	err_t err;

	arena_reset(&room->arena);
	notification_watch_removal(&w);
	err = resource_expire(room->resources, permit_for_system("expirationTime"), now, limit, n);
	resource_on_removal(room->resources, NULL, NULL);
	TRY(err);
	err = owe_noticed(&w);
out:
	return err;
}

err_t notification_expire(struct request_room *room, int64_t now, size_t limit, size_t *n)
{
	size_t some, want;
	err_t err;

	*n = 0;
	do {
		want = limit - *n < EXPIRE_SOME ? limit - *n : EXPIRE_SOME;
		TRY(expire_some(room, now, want, &some));
		*n += some;
	} while (some == want && *n < limit);
out:
	return err;
}

static err_t after_delete(struct work *w)
{
	size_t n;
	err_t err = ERR_OK;

	TRY(owe_noticed(w));
	if ((w->target.type == SUBSCRIPTION || w->target.type == CROSS_SUBSCRIPTION) && w->room->queue)
		TRY(queue_cancel(w->room->queue, w->target.id, false, &n));
out:
	return err;
}

/* pendingNotification taken away or narrowed: so is what is pending [7.4.8.2.3]. What waits for a batch or a
 * window does not wait for a policy that is no more, and goes before what comes now [TS-0001 10.2.10.7]. */
static err_t after_policy_change(struct work *w)
{
	struct cbor policy;
	struct bytes asked = subscription_asked(w->request.content);
	size_t n;
	err_t err = ERR_OK;

	if (!w->room->queue || !asked.n)
		goto out;
	if (notification_member(asked, "pn", &policy) && (policy.kind == CBOR_NULL || policy.u == 1))
		TRY(queue_cancel(w->room->queue, w->target.id, policy.kind != CBOR_NULL, &n));
	if (notification_member(asked, "rl", &policy))
		TRY(queue_release(w->room->queue, w->target.id, w->in->now, true));
	else if (notification_member(asked, "bn", &policy))
		TRY(queue_release(w->room->queue, w->target.id, w->in->now, false));
out:
	return err;
}

/* Somebody who was asked said no: what was done is undone. */
static bool is_refused(struct work *w)
{
	if (!w->status)
		return false;
	w->outcome = (struct outcome){ .status = w->status, .what = w->what };
	w->status = 0;
	return true;
}

/* The targets of a new subscription are asked last: what is wrong with it is said first,
 * and nobody hears of one that cannot be [TS-0004 7.4.8.2.1]. */
static err_t after_create(struct work *w)
{
	bool cross = w->request.type == CROSS_SUBSCRIPTION;
	err_t err = ERR_OK;

	if (w->request.type == SUBSCRIPTION || cross)
		TRY(notification_verify_all(w));
	if (is_refused(w))
		goto out;
	if (cross)
		TRY(cross_created(w));
	if (status_is_success(w->outcome.status))
		err = happened(w, w->target.id, EVENT_CREATE_CHILD, w->outcome.resource, false);
out:
	return err;
}

/* Children of a container were asked for, and there is no instance [TS-0004 6.3.4.2.19]. */
static err_t is_empty(struct work *w, bool *yes)
{
	unsigned rcn = w->request.result_content;
	struct store_scan scan = { .parent = w->target.id, .type = CONTENT_INSTANCE, .newest_first = true, .limit = 1 };
	const struct store_row *row;
	uint64_t id;
	size_t n = 0;
	err_t err = ERR_OK;

	*yes = false;
	if (w->target.type != CONTAINER || (rcn != RCN_WITH_CHILDREN && rcn != RCN_CHILDREN))
		return ERR_OK;
	TRY(store_children(w->room->store, &scan, &id, &n));
	*yes = n == 0;
	if (n == 0)
		goto out;
	TRY(store_get(w->room->store, id, &row));
	*yes = !row || (row->expires && row->expires <= w->in->now);
out:
	return err;
}

static err_t after_read(struct work *w)
{
	bool empty;
	err_t err;

	if (!subscription_watches_reads(w->room->resources, w->target.id))
		return ERR_OK;
	TRY(happened(w, w->target.id, EVENT_OPERATION, w->target.id, false));
	TRY(is_empty(w, &empty));
	if (empty)
		TRY(happened(w, w->target.id, EVENT_NO_CHILD, w->target.id, false));
out:
	return err;
}

err_t notification_after(struct work *w)
{
	err_t err = ERR_OK;

	switch (w->request.operation) {
	case OPERATION_CREATE:
		return after_create(w);
	case OPERATION_UPDATE:
		/* Nobody is asked about an update that is wrong [TS-0001 10.2.10.7]. */
		if (w->target.type == SUBSCRIPTION || w->target.type == CROSS_SUBSCRIPTION)
			TRY(notification_verify_all(w));
		if (!w->status)
			TRY(notification_may_update(w));
		if (is_refused(w))
			goto out;
		TRY(happened(w, w->target.id, EVENT_UPDATE, w->target.id, false));
		if (w->target.type == SUBSCRIPTION) {
			TRY(after_policy_change(w));
			TRY(cross_end(w, w->left, w->left_n));
		}
		break;
	case OPERATION_DELETE:
		return after_delete(w);
	default:
		TRY(after_read(w));
	}
out:
	return err;
}

err_t notification_child(struct work *w, uint64_t parent, uint64_t child)
{
	return happened(w, parent, EVENT_CREATE_CHILD, child, false);
}

err_t notification_changed(struct work *w, uint64_t row)
{
	return happened(w, row, EVENT_UPDATE, row, false);
}

err_t notification_empty(struct work *w)
{
	if (!subscription_watches_reads(w->room->resources, w->target.parent_of_virtual))
		return ERR_OK;
	return happened(w, w->target.parent_of_virtual, EVENT_NO_CHILD,
	                w->target.parent_of_virtual, false);
}
