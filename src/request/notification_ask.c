/* notification_ask.c: what is asked of others before an operation: does a target
 * want a subscription's notifications [TS-0004 7.5.1.2.3], may an update be
 * [7.5.1.2.19]. The answers come by serving the request again (outbound.h). */
#include "request/notification_inside.h"

#include "primitive/id.h"
#include "request/blocked.h"
#include "request/work.h"
#include "resource/subscribe.h"
#include "wire/wire.h"

enum { PRIMITIVE_MAX = 2 << 20, TARGETS_MAX = 64, URI_TEXT = 4096 };

static bool member(struct bytes body, const char *key, struct cbor *out)
{
	bool found = false;

	return body.n && cbor_find(body, bytes_str(key), out, &found) == ERR_OK && found;
}

/* Ask `target` with this notification, which names `row`, one that may be another the next time;
 * r->status 0: nobody answered. */
static err_t ask_of(struct work *w, const char *what, uint64_t row, struct bytes target, struct bytes content,
                    struct response_primitive *r)
{
	struct outbound_request request = { .operation = OPERATION_NOTIFY, .to = target,
		                            .content = content, .originated = w->in->now };
	struct buf primitive = buf_make(PRIMITIVE_MAX), seed = buf_make(PRIMITIVE_MAX);
	struct reach reach;
	err_t err;

	TRY(buf_printf(&seed, "%s %llu %llu %zu ", what, (unsigned long long)w->target.id, (unsigned long long)row,
	               target.n));
	TRY(buf_add(&seed, target));
	/* Of several within a transaction each is asked for itself. */
	TRY(buf_add(&seed, w->request.content));
	TRY(outbound_identifier(w, bytes_of_buf(&seed), &request.rqi));
	TRY(reach_of(w, target, &reach));
	request.from = reach.from;
	request.rvi = reach_release(&reach);
	TRY(outbound_compose(&request, &primitive));
	TRY(reach_exchange(w, &reach, bytes_of_buf(&primitive), SEND_REPEAT, r));
out:
	buf_free(&primitive);
	buf_free(&seed);
	return err;
}

/* What is asked now stands on the right of `creator` to retrieve and notify these rows, as far as it has
 * that by itself: what an association adds to it is gone when the question waits to be fetched. */
static err_t stand_on(struct work *w, struct bytes creator, uint64_t row, uint64_t retrieves, uint64_t notifies)
{
	bool yes;
	err_t err = ERR_OK;

	w->ground = (struct outbound_ground){ .creator = creator, .row = row };
	if (retrieves)
		TRY(notification_creator_may(w, creator, retrieves, &yes));
	w->ground.retrieves = retrieves && yes ? retrieves : 0;
	if (notifies)
		TRY(notification_creator_may_notify(w, creator, notifies, &yes));
	w->ground.notifies = notifies && yes ? notifies : 0;
out:
	return err;
}

err_t notification_stands(struct request_room *room, const struct outbound_ground *g, int64_t now, bool *yes)
{
	struct request_arrival in = { .now = now };
	struct work w = { .room = room, .in = &in };
	const struct store_row *row;
	bool gone, live;
	err_t err = ERR_OK;

	*yes = true;
	if (!g->creator.n)
		goto out;
	if (g->row) {
		TRY(store_get(room->store, g->row, &row));
		*yes = row && !(row->expires && row->expires <= now);
	}
	TRY(behind_is_gone(&w, g->creator, &gone, &live));
	*yes &= !gone;
	if (*yes && g->retrieves)
		TRY(notification_creator_may(&w, g->creator, g->retrieves, yes));
	if (*yes && g->notifies)
		TRY(notification_creator_may_notify(&w, g->creator, g->notifies, yes));
out:
	return err;
}

/* Is the target the originator itself? It need not be asked. */
err_t notification_is_originator(struct work *w, struct bytes target, bool *yes)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf absolute = buf_make(URI_TEXT);
	struct target place;
	struct cbor creator;
	const struct store_row *row;
	struct bytes sp_relative = id_behind_sp(w->originator, cse->sp_id);
	err_t err;

	*yes = bytes_equal(target, w->originator) || bytes_equal(target, w->request.from) ||
	       (sp_relative.n && bytes_equal(target, sp_relative));
	if (*yes)
		return ERR_OK;
	TRY(resource_resolve(w->room->resources, target, &place));
	if (place.place != TARGET_HERE || place.virtual_child)
		goto out;
	TRY(store_get(w->room->store, place.id, &row));
	/* A crossResourceSubscription is its creator's. */
	if (row && row->type == CROSS_SUBSCRIPTION)
		*yes = member(row->body, "@cr", &creator) && bytes_equal(creator.s, w->originator);
	if (!row || !row->ident.n)
		goto out;
	TRY(buf_add(&absolute, cse->sp_id));
	if (row->ident.p[0] == 'C')
		TRY(buf_add(&absolute, cse->cse_id));
	TRY(buf_add_byte(&absolute, '/'));
	TRY(buf_add(&absolute, row->ident));
	*yes = bytes_equal(bytes_of_buf(&absolute), w->originator);
out:
	buf_free(&absolute);
	return err;
}

/* The receiver's policy, where it is here: may the creator notify it? [TS-0001
 * 9.6.2.3] */
static err_t may_notify(struct work *w, struct bytes target, bool *yes)
{
	struct target place;
	err_t err;

	TRY(resource_resolve(w->room->resources, target, &place));
	*yes = place.place != TARGET_HERE || facts_may_notify(w, place.id);
	err = w->judge_err;
out:
	return err;
}

/* "sur": the subscription */
static err_t put_reference(struct work *w, const struct store_row *sub, struct buf *out)
{
	struct buf reference = buf_make(URI_TEXT);
	err_t err;

	TRY(buf_add(&reference, resources_cse(w->room->resources)->cse_id));
	TRY(buf_add_byte(&reference, '/'));
	TRY(resource_identifier(sub, &reference));
	TRY(cbor_put_text(out, BYTES("sur")));
	TRY(cbor_put_text(out, bytes_of_buf(&reference)));
out:
	buf_free(&reference);
	return err;
}

/* { "m2m:sgn": { "cr": originator, "sur": .., "vrq": true } } */
static err_t put_verification(struct work *w, uint64_t subscription, struct buf *out)
{
	const struct store_row *row;
	err_t err;

	TRY(store_get(w->room->store, subscription, &row));
	TRY(row ? ERR_OK : ERR_TAMPERED);
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sgn")));
	TRY(cbor_put_map(out, 3));
	TRY(cbor_put_text(out, BYTES("cr")));
	TRY(cbor_put_text(out, w->request.from.n ? w->request.from : w->originator));
	TRY(put_reference(w, row, out));
	TRY(cbor_put_text(out, BYTES("vrq")));
	TRY(cbor_put_bool(out, true));
out:
	return err;
}

static void not_verified(struct work *w, unsigned status)
{
	static const unsigned passed_on[] = { RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE,
		                              RSC_SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE };

	for (size_t i = 0; i < COUNT_OF(passed_on); i++) {
		if (status == passed_on[i])
			work_refuse(w, status, "TS-0004 7.5.1.2.3", "a notification target refuses");
	}
	if (!w->status)
		work_refuse(w, RSC_SUBSCRIPTION_VERIFICATION_INITIATION_FAILED, "TS-0004 7.5.1.2.3",
		            status ? "a notification target refuses"
		                   : "a notification target cannot be reached");
}

/* Who makes or changes a subscription may retrieve what it is to, and notify the target. */
static err_t stand_on_verified(struct work *w, struct bytes target)
{
	bool made = w->request.operation == OPERATION_CREATE;
	const struct store_row *row = NULL;
	struct target place;
	uint64_t subject = made && w->request.type == SUBSCRIPTION ? w->target.id : 0;
	err_t err;

	if (!made && w->target.type == SUBSCRIPTION)
		TRY(store_get(w->room->store, w->target.id, &row));
	subject = row ? row->parent : subject;
	TRY(resource_resolve(w->room->resources, target, &place));
	err = stand_on(w, w->originator, made ? 0 : w->target.id, subject, place.place == TARGET_HERE ? place.id : 0);
out:
	return err;
}

err_t notification_verify(struct work *w, struct bytes target, uint64_t subscription)
{
	struct buf content = buf_make(URI_TEXT);
	struct response_primitive r;
	bool itself, allowed;
	err_t err;

	TRY(notification_is_originator(w, target, &itself));
	if (!itself)
		TRY(notification_group_takes(w, target, &itself));
	if (itself)
		goto out;
	TRY(may_notify(w, target, &allowed));
	if (!allowed) {
		not_verified(w, RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE);
		goto out;
	}
	TRY(stand_on_verified(w, target));
	TRY(put_verification(w, subscription, &content));
	w->room->needs.names_rows |= w->request.operation == OPERATION_CREATE;
	err = ask_of(w, "vrq", subscription, target, bytes_of_buf(&content), &r);
	w->ground = (struct outbound_ground){ .row = 0 };
	TRY(err);
	if (!status_is_success(r.status))
		not_verified(w, r.status);
	else if (w->room->queue)
		queue_reached(w->room->queue, target);
out:
	buf_free(&content);
	return err;
}

/* Before an update of a subscription: who is a target already was asked. */
static err_t keep_targets(struct work *w)
{
	const struct store_row *row;
	struct cbor nu;
	err_t err;

	w->old_targets = BYTES_NONE;
	TRY(store_get(w->room->store, w->target.id, &row));
	if (row && member(row->body, "nu", &nu) && nu.kind == CBOR_ARRAY)
		TRY(arena_copy(&w->room->arena, nu.s, &w->old_targets));
out:
	return err;
}

static err_t is_old_target(struct work *w, struct bytes target, bool *yes)
{
	struct bytes rest = w->request.operation == OPERATION_UPDATE ? w->old_targets : BYTES_NONE;
	struct cbor item;
	err_t err = ERR_OK;

	*yes = false;
	while (rest.n && !*yes) {
		TRY(cbor_next(&rest, &item));
		*yes = bytes_equal(item.s, target);
	}
out:
	return err;
}

/* Before there is a subscription: does it tell others than the originator? */
static err_t look_at_targets(struct work *w)
{
	struct bytes asked = subscription_asked(w->request.content);
	struct cbor nu, item;
	bool itself = true;
	err_t err = ERR_OK;

	w->tells_others = false;
	if (!asked.n || !member(asked, "nu", &nu) || nu.kind != CBOR_ARRAY || nu.u > TARGETS_MAX)
		return ERR_OK; /* the rows of the type refuse it */
	while (nu.s.n && itself) {
		TRY(cbor_next(&nu.s, &item));
		if (item.kind != CBOR_TEXT)
			break;
		TRY(notification_is_originator(w, item.s, &itself));
	}
	w->tells_others = !itself;
out:
	return err;
}

/* Nobody is asked about what the rows of the type refuse. */
static bool rows_accept(const struct work *w, struct bytes asked)
{
	bool update = w->request.operation == OPERATION_UPDATE, found = true;
	const struct resource_type *type = resource_type(update ? w->target.type : w->request.type);
	struct bytes pairs, key;
	struct cbor v;
	uint64_t n;

	if (!type || cbor_map(asked, &pairs, &n) != ERR_OK)
		return false;
	while (cbor_pair(&pairs, &key, &v, &found) == ERR_OK && found) {
		const struct attribute *a = type_attribute(type, key);

		if (!a || (update && a->update == NP) || (v.kind != CBOR_NULL && !value_ok(a, &v)))
			return false;
	}
	return true;
}

err_t notification_verify_all(struct work *w)
{
	struct bytes asked = subscription_asked(w->request.content);
	uint64_t row = w->request.operation == OPERATION_CREATE ? w->outcome.resource : w->target.id;
	bool pending = false, old;
	struct cbor nu, item;
	err_t err = ERR_OK;

	if (!asked.n || !member(asked, "nu", &nu) || nu.kind != CBOR_ARRAY || nu.u > TARGETS_MAX ||
	    !rows_accept(w, asked))
		return ERR_OK; /* the rows of the type refuse it */
	while (nu.s.n && !w->status) {
		TRY(cbor_next(&nu.s, &item));
		if (item.kind != CBOR_TEXT)
			break;
		TRY(is_old_target(w, item.s, &old));
		err = old ? ERR_OK : notification_verify(w, item.s, row);
		pending = pending || err == ERR_PENDING;
		TRY(err == ERR_PENDING ? ERR_OK : err);
	}
	err = pending && !w->status ? ERR_PENDING : ERR_OK;
out:
	return err;
}

/* Who may not read the resource is not told of it either [7.4.8.2.1]. */
static err_t may_subscribe(struct work *w)
{
	if (!facts_may_retrieve(w, w->target.id) && w->judge_err == ERR_OK)
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.4.8.2.1",
		            "who subscribes must be allowed to retrieve");
	return w->judge_err;
}

/* --- blocking updates --------------------------------------------------------------------- */

/* { "m2m:sgn": { "cr": creator, where the subscription says it, "nev": { "net": 7, "rep": what
 * the update asks }, "sur": .. } } */
static err_t put_blocking(struct work *w, const struct store_row *sub, struct buf *out)
{
	struct cbor cr;
	bool named = member(sub->body, "cr", &cr) && cr.kind == CBOR_TEXT;
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sgn")));
	TRY(cbor_put_map(out, named ? 3 : 2));
	if (named) {
		TRY(cbor_put_text(out, BYTES("cr")));
		TRY(cbor_put_text(out, cr.s));
	}
	TRY(cbor_put_text(out, BYTES("nev")));
	TRY(cbor_put_map(out, 2));
	TRY(cbor_put_text(out, BYTES("net")));
	TRY(cbor_put_uint(out, EVENT_BLOCKING_UPDATE));
	TRY(cbor_put_text(out, BYTES("rep")));
	TRY(subscription_shows_asked(w->room->resources, &w->room->arena, w->target.id,
	                             w->request.content, out));
	TRY(put_reference(w, sub, out));
out:
	return err;
}

/* The receiver, as of what is owed: it takes notifications of the creator, or is he himself;
 * and nobody is told whose credential was revoked. */
static err_t receiver_takes(struct work *w, struct bytes creator, struct bytes target, bool *yes)
{
	struct buf absolute = buf_make(URI_TEXT);
	struct reach reach;
	bool known, live;
	err_t err;

	*yes = true;
	TRY(reach_of(w, target, &reach));
	if (!reach.entity && !reach.hop)
		goto out;
	TRY(reach_identity(w, reach.entity ? reach.entity : reach.hop, &absolute));
	TRY(registry_entity_live(w->room->registry, bytes_of_buf(&absolute), w->in->now, &known, &live));
	*yes = !known || live;
	if (*yes && reach.entity && !bytes_equal(bytes_of_buf(&absolute), creator))
		TRY(notification_creator_may_notify(w, creator, reach.entity, yes));
out:
	buf_free(&absolute);
	return err;
}

static err_t record_no_say(struct work *w, struct bytes creator, struct bytes target, const char *why)
{
	struct audit_record record = {
		.kind = AUDIT_DECISION, .at = w->in->now, .operation = OPERATION_NOTIFY,
		.originator = bytes_sub(creator, 0, 256), .target = bytes_sub(target, 0, 256),
		.rule = BYTES("blocking update"), .text = bytes_str(why),
	};

	return audit_append(w->room->audit, &record);
}

/* Why is the target of a subscription not asked, NULL: it is? It hears what is about to be, and can say no: both on
 * the right of the creator, as it is now. Without it the update goes on, which is on record. */
static err_t say_of(struct work *w, const struct store_row *sub, struct bytes *creator, struct bytes *target,
                    const char **why)
{
	struct cbor nu, item;
	bool yes;
	err_t err;

	if (!member(sub->body, "nu", &nu) || nu.kind != CBOR_ARRAY || !nu.u)
		TRY(ERR_TAMPERED);
	TRY(cbor_next(&nu.s, &item));
	*target = item.s;
	TRY(notification_creator(w, sub, creator));
	TRY(notification_creator_may(w, *creator, sub->parent, &yes));
	*why = yes ? NULL : "not asked: its creator may no longer retrieve";
	if (!yes)
		goto out;
	TRY(receiver_takes(w, *creator, *target, &yes));
	*why = yes ? NULL : "not asked: the receiver takes nothing of its creator";
out:
	return err;
}

static err_t has_say(struct work *w, const struct store_row *sub, struct bytes *target, bool *yes)
{
	struct bytes creator;
	const char *why;
	err_t err;

	TRY(say_of(w, sub, &creator, target, &why));
	if (why)
		TRY(record_no_say(w, creator, *target, why));
	*yes = !why;
out:
	return err;
}

err_t notification_blocks(void *self, uint64_t subscription, bool *yes)
{
	struct bytes creator, target;
	struct work *w = self;
	struct store_row sub;
	const char *why = NULL;
	err_t err;

	TRY(notification_row(w, subscription, &sub, yes));
	if (*yes)
		TRY(say_of(w, &sub, &creator, &target, &why));
	*yes &= !why;
out:
	return err;
}

static err_t ask_blocking(struct work *w, const struct blocking *b)
{
	const struct store_row *sub = &b->sub;
	struct buf content = buf_make(PRIMITIVE_MAX);
	struct response_primitive r;
	err_t err;

	TRY(put_blocking(w, sub, &content));
	w->ground = b->ground;
	err = ask_of(w, "blocking", sub->id, b->agrees, bytes_of_buf(&content), &r);
	w->ground = (struct outbound_ground){ .row = 0 };
	TRY(err);
	if (r.status == 0 || r.status == RSC_TARGET_NOT_REACHABLE)
		work_refuse(w, RSC_REMOTE_ENTITY_NOT_REACHABLE, "TS-0004 7.5.1.2.19",
		            "who has to agree to the update cannot be reached");
	else if (!status_is_success(r.status))
		work_refuse(w, RSC_OPERATION_DENIED_BY_REMOTE_ENTITY, "TS-0004 7.5.1.2.19",
		            "who has to agree to the update does not");
out:
	buf_free(&content);
	return err;
}

/* Does this one, which outlives changes of the store, want the update? */
static err_t wants_update(struct work *w, const struct store_row *sub, bool *wants)
{
	struct resource_event event = { .type = EVENT_BLOCKING_UPDATE, .operation = OPERATION_UPDATE,
		                        .asked = subscription_asked(w->request.content) };
	err_t err;

	*wants = false;
	TRY(store_get(w->room->store, w->target.id, &event.subject));
	if (event.subject)
		TRY(subscription_wants(w->room->resources, sub, &event, wants));
out:
	return err;
}

static err_t stand_on_say(struct work *w, struct blocking *b)
{
	struct bytes creator;
	struct reach reach;
	err_t err;

	TRY(notification_creator(w, &b->sub, &creator));
	TRY(reach_of(w, b->agrees, &reach));
	TRY(stand_on(w, creator, b->sub.id, b->sub.parent, reach.entity));
	b->ground = w->ground;
	w->ground = (struct outbound_ground){ .row = 0 };
out:
	return err;
}

/* Whose target has a say, by what holds before the update: it could take the right away. */
static err_t who_has_say(struct work *w)
{
	struct store_row sub;
	struct bytes target;
	struct blocking **end = &w->blocking;
	size_t left = SUBSCRIPTIONS_MAX;
	uint64_t at = 0;
	bool wants;
	void *room;
	err_t err;

	*end = NULL;
	do {
		TRY(subscription_blocking(w->room->resources, w->target.id, &at, &left));
		wants = false;
		if (at)
			TRY(notification_row(w, at, &sub, &wants));
		if (wants)
			TRY(wants_update(w, &sub, &wants));
		if (wants)
			TRY(has_say(w, &sub, &target, &wants));
		if (!wants)
			continue;
		TRY(arena_take(&w->room->arena, sizeof(**end), &room));
		*end = room;
		**end = (struct blocking){ .sub = sub, .agrees = target };
		TRY(stand_on_say(w, *end));
		end = &(*end)->next;
	} while (at);
out:
	return err;
}

err_t notification_may_update(struct work *w)
{
	err_t err = ERR_OK;

	for (const struct blocking *b = w->blocking; b && !w->status; b = b->next) {
		err = ask_blocking(w, b);
		if (err == ERR_PENDING)
			blocked_begin(w);
		TRY(w->status && err == ERR_PENDING ? ERR_OK : err);
	}
out:
	return err;
}

/* --- a target that wants to leave ----------------------------------------------------------- */

/* { "m2m:sgn": { "ntt": originator, "sur": .., "trr": true } } */
static err_t put_removal(struct work *w, const struct store_row *sub, struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:sgn")));
	TRY(cbor_put_map(out, 3));
	TRY(cbor_put_text(out, BYTES("ntt")));
	TRY(cbor_put_text(out, w->request.from.n ? w->request.from : w->originator));
	TRY(put_reference(w, sub, out));
	TRY(cbor_put_text(out, BYTES("trr")));
	TRY(cbor_put_bool(out, true));
out:
	return err;
}

err_t notification_ask_removal(struct work *w, const struct store_row *sub, bool *allowed)
{
	struct buf content = buf_make(URI_TEXT);
	struct response_primitive r;
	struct cbor sgn, tra;
	struct bytes creator;
	bool gone, live;
	err_t err;

	*allowed = false;
	TRY(notification_creator(w, sub, &creator));
	if (!creator.n)
		goto out;
	/* Who was revoked decides nothing, and hears nothing. */
	TRY(behind_is_gone(w, creator, &gone, &live));
	if (gone)
		goto out;
	TRY(put_removal(w, sub, &content));
	w->ground = (struct outbound_ground){ .creator = creator, .row = sub->id };
	err = ask_of(w, "trr", 0, creator, bytes_of_buf(&content), &r);
	w->ground = (struct outbound_ground){ .row = 0 };
	TRY(err);
	*allowed = status_is_success(r.status) && member(r.content, "m2m:sgn", &sgn) &&
	           member(sgn.raw, "tra", &tra) && tra.kind == CBOR_BOOL && tra.u;
out:
	buf_free(&content);
	return err;
}

err_t notification_before(struct work *w)
{
	uint32_t type = w->request.operation == OPERATION_CREATE ? w->request.type : w->target.type;
	bool subscription = type == SUBSCRIPTION || type == CROSS_SUBSCRIPTION;
	err_t err = ERR_OK;

	if (w->request.operation == OPERATION_UPDATE || w->request.operation == OPERATION_DELETE)
		TRY(blocked_wait(w));
	if (w->status)
		goto out;
	/* Where none can be, the type says so, and nobody is asked. */
	if (w->request.operation == OPERATION_CREATE && subscription &&
	    !type_allows_parent(resource_type(type), w->target.type))
		return ERR_OK;
	if (w->request.operation == OPERATION_CREATE && type == SUBSCRIPTION)
		TRY(may_subscribe(w));
	/* They are asked when it was found to be right: notification_after */
	if (!w->status && subscription && w->request.operation == OPERATION_CREATE)
		TRY(look_at_targets(w));
	if (!w->status && subscription && w->request.operation == OPERATION_UPDATE)
		TRY(keep_targets(w));
	if (!w->status && w->request.operation == OPERATION_UPDATE)
		TRY(who_has_say(w));
	if (!w->status && w->request.operation == OPERATION_UPDATE && type == SUBSCRIPTION)
		TRY(cross_note_left(w));
	if (!w->status && w->request.operation == OPERATION_DELETE)
		notification_watch_removal(w);
out:
	return err;
}
