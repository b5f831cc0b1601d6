/* members.c: what the members of a group at other CSEs are [TS-0004 7.4.13.2.1]: each is
 * retrieved, by this CSE for itself, before the group is made or its members are named
 * anew, and again where that could not be had. What is made of the answers is the type's. */
#include "request/later_work.h"
#include "request/members.h"
#include "request/notification.h"
#include "request/reach.h"
#include "request/work.h"
#include "resource/subscribe.h"
#include "wire/wire.h"

enum { URI_TEXT = 4096, PRIMITIVE_MAX = 16384 };

static bool member(struct bytes body, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return body.n && cbor_find(body, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

/* Of a virtual resource its parent is asked for. */
static struct bytes whole(struct bytes address)
{
	static const char *const virtuals[] = { "/fopt", "/la", "/ol" };

	for (size_t i = 0; i < COUNT_OF(virtuals); i++) {
		if (bytes_ends(address, bytes_str(virtuals[i])))
			return bytes_sub(address, 0, address.n - bytes_str(virtuals[i]).n);
	}
	return address;
}

static err_t ask(struct work *w, struct remote_member *m)
{
	struct outbound_request request = { .operation = OPERATION_RETRIEVE, .to = whole(m->address),
		                            .originated = w->in->now };
	struct buf primitive = buf_make(PRIMITIVE_MAX), seed = buf_make(URI_TEXT);
	struct response_primitive r;
	struct reach reach;
	err_t err;

	TRY(buf_add(&seed, BYTES("member ")));
	TRY(buf_add(&seed, m->address));
	TRY(outbound_identifier(w, bytes_of_buf(&seed), &request.rqi));
	TRY(reach_of(w, request.to, &reach));
	request.from = reach.from;
	request.rvi = reach_release(&reach);
	TRY(outbound_compose(&request, &primitive));
	TRY(reach_exchange(w, &reach, bytes_of_buf(&primitive), SEND_REPEAT, &r));
	m->status = r.status;
	m->content = r.content;
	m->behind = !reach.direct;
out:
	buf_free(&primitive);
	buf_free(&seed);
	return err;
}

/* Does anybody look at the types of members, and which are named? */
static err_t named(struct work *w, struct cbor *mid, bool *yes)
{
	struct bytes asked = BYTES_NONE;
	bool creates = w->request.operation == OPERATION_CREATE && w->request.type == TYPE_GROUP;
	bool updates = w->request.operation == OPERATION_UPDATE && w->target.type == TYPE_GROUP;
	const struct store_row *row;
	struct cbor mt;
	err_t err = ERR_OK;

	if (creates || updates)
		asked = subscription_asked(w->request.content);
	*yes = asked.n && member(asked, "mid", CBOR_ARRAY, mid) && mid->u <= GROUP_MEMBERS_MAX;
	if (*yes && creates)
		*yes = member(asked, "mt", CBOR_UINT, &mt) && mt.u != 0;
	if (!*yes || creates)
		goto out;
	TRY(store_get(w->room->store, w->target.id, &row));
	*yes = row && member(row->body, "mt", CBOR_UINT, &mt) && mt.u != 0;
out:
	return err;
}

/* All are asked together: each notes its need before one is waited for. */
static err_t ask_all(struct work *w, struct cbor mid, const struct remote_member **list, size_t *n)
{
	struct remote_member *m = NULL;
	struct target place;
	struct cbor item;
	bool pending = false;
	void *room;
	err_t err;

	TRY(arena_take(&w->room->arena, (mid.u + 1) * sizeof(*m), &room));
	m = room;
	while (mid.s.n) {
		TRY(cbor_next(&mid.s, &item));
		if (item.kind != CBOR_TEXT)
			break; /* the rows of the type refuse it */
		TRY(resource_resolve(w->room->resources, item.s, &place));
		if (place.place != TARGET_ELSEWHERE)
			continue;
		m[*n] = (struct remote_member){ .address = item.s };
		err = ask(w, &m[(*n)++]);
		pending = pending || err == ERR_PENDING;
		TRY(err == ERR_PENDING ? ERR_OK : err);
	}
	*list = m;
	err = pending ? ERR_PENDING : ERR_OK;
out:
	return err;
}

err_t members_ask(struct work *w, const struct remote_member **list, size_t *n)
{
	struct cbor mid;
	bool yes;
	err_t err;

	*list = NULL;
	*n = 0;
	TRY(named(w, &mid, &yes));
	if (yes)
		err = ask_all(w, mid, list, n);
out:
	return err;
}

/* --- again ------------------------------------------------------------------------------------- */

static const char reason[] = "memberTypeValidated";

/* Nobody's turn is taken for it: where too much waits, the next round comes. */
err_t members_due(struct request_room *room, uint64_t group, int64_t now, bool *changed)
{
	struct bytes own = resources_cse(room->resources)->cse_id;
	err_t err;

	*changed = !later_full(&room->later, own);
	if (!*changed)
		return ERR_OK;
	TRY(resource_group_asks(room->resources, permit_for_system(reason), group, now));
	err = later_add(&room->later, now, group, own);
out:
	return err;
}

err_t members_validate(struct work *w)
{
	struct group_members members = { .list = NULL };
	const struct store_row *row;
	bool changed = false;
	struct cbor mid;
	err_t err;

	w->status = 0; /* it came on no association: this CSE asks */
	w->originator = w->request.from = resources_cse(w->room->resources)->cse_id;
	w->request.operation = OPERATION_UPDATE;
	TRY(store_get(w->room->store, w->in->deferred, &row));
	if (row && member(row->body, "mid", CBOR_ARRAY, &mid)) {
		TRY(arena_copy(&w->room->arena, mid.s, &mid.s));
		TRY(ask_all(w, mid, &members.list, &members.n));
		TRY(resource_group_validate(w->room->resources, permit_for_system(reason), w->in->deferred, &members,
		                            &w->room->arena, &changed));
	}
	if (changed)
		TRY(notification_changed(w, w->in->deferred));
	w->outcome = (struct outcome){ .status = RSC_UPDATED, .resource = w->in->deferred,
		                       .what = changed ? "the members of a group were judged again" : "members of a group cannot be seen yet" };
	w->room->must_commit = true;
	err = record_request(w);
out:
	return err;
}
