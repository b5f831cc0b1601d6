/* fanout.c: a request to the fan-out point of a group goes to every member, each
 * with an access decision of its own [TS-0001 10.2.7; TS-0004 7.4.14]. The
 * answer is
 *
 *   { "m2m:agr": { "m2m:rsp": [ { "fr": .., "pc": .., "rqi": .., "rsc": .., "rvi": .. } ] } }
 *
 * A group that is reached again through itself, here or through another CSE, is
 * answered 4104: the Group Request Identifier goes with the request, and is
 * remembered for each group. Members at other CSEs are asked all at once
 * (request/forward.c), each by a request of its own from the same originator. */
#include "request/notification.h"
#include "request/work.h"

enum { RESPONSE_MEMBERS = 5, ADDRESS_MAX = 8192, MEMBER_EFFORT = 8 };

/* One rsp of the aggregated response. From is the member as the group names it, whatever
 * stands behind the fan-out point [7.4.14.2.5]. */
err_t fanout_response(struct buf *out, struct work *member, struct bytes from)
{
	struct buf value[RESPONSE_MEMBERS] = { buf_make(64), buf_make(4096), buf_make(ADDRESS_MAX),
		                                     buf_make(64) };
	struct bytes release = answer_release(member);
	struct cbor_member m[RESPONSE_MEMBERS];
	size_t n = 3;
	err_t err;

	TRY(cbor_put_uint(&value[0], work_status(member)));
	TRY(cbor_put_text(&value[1], member->request.rqi));
	TRY(cbor_put_text(&value[2], from));
	m[0] = (struct cbor_member){ BYTES("rsc"), bytes_of_buf(&value[0]) };
	m[1] = (struct cbor_member){ BYTES("rqi"), bytes_of_buf(&value[1]) };
	m[2] = (struct cbor_member){ BYTES("fr"), bytes_of_buf(&value[2]) };
	if (release.n) {
		TRY(cbor_put_text(&value[3], release));
		m[n++] = (struct cbor_member){ BYTES("rvi"), bytes_of_buf(&value[3]) };
	}
	if (member->content.n)
		m[n++] = (struct cbor_member){ BYTES("pc"), bytes_of_buf(&member->content) };
	TRY(cbor_put_members(out, m, n));
out:
	for (size_t i = 0; i < RESPONSE_MEMBERS; i++)
		buf_free(&value[i]);
	return err;
}

/* The member's address with what stands behind the fan-out point. */
static err_t member_address(struct work *w, struct bytes member, struct bytes *out)
{
	struct buf b = buf_make(ADDRESS_MAX);
	err_t err;

	TRY(buf_add(&b, member));
	TRY(buf_add(&b, w->target.rest));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&b), out));
out:
	buf_free(&b);
	return err;
}

static err_t one_member(struct work *w, const struct chosen *chosen, struct buf *responses,
                        unsigned *status)
{
	struct work member = {
		.room = w->room, .in = w->in, .request = w->request,
		.association = w->association, .originator = w->originator,
		.app_id = w->app_id, .question = w->question, .depth = w->depth + 1, .fan = w->fan,
		.content = buf_make(w->room->content_max),
	};
	err_t err;

	for (size_t i = 0; i < FAN_OUT_DEPTH; i++)
		member.groups[i] = w->groups[i];
	member.request.has[PARAM_GRTM] = chosen->partly;
	TRY(member_address(w, chosen->address, &member.request.to));
	TRY(request_member(&member));
	*status = work_status(&member);
	TRY(fanout_response(responses, &member, chosen->address));
out:
	buf_free(&member.content);
	return err;
}

/* --- the Group Request Identifier ------------------------------------------------ */

/* The one of the request, or a new one; it goes on with every member's request. */
static err_t identify(struct work *w, bool *seen)
{
	bool brought = w->request.has[PARAM_GID];
	struct buf encoded = buf_make(4096);
	struct bytes gid = w->request.value[PARAM_GID].s, text;
	err_t err;

	if (!brought) {
		TRY(outbound_identifier(w, BYTES("group"), &gid));
		TRY(cbor_put_text(&encoded, gid));
		TRY(arena_copy(&w->room->arena, bytes_of_buf(&encoded), &text));
		TRY(cbor_read(text, &w->request.value[PARAM_GID]));
		w->request.has[PARAM_GID] = true;
	}
	TRY(once_seen(w, gid, seen));
	/* A pass, or a round, of the same request is no second one. */
	*seen = *seen && brought && !w->in->again && !w->fan->number && !w->depth && !w->fan->refused;
out:
	buf_free(&encoded);
	return err;
}

/* Why the group is not entered, 0 when it may be. */
static err_t barred(struct work *w, unsigned *status, const char **why)
{
	bool seen;
	err_t err = ERR_OK;

	*status = 0;
	*why = "the group was reached through itself";
	for (size_t i = 0; i < w->depth && i < FAN_OUT_DEPTH; i++) {
		if (w->groups[i] == w->target.parent_of_virtual)
			*status = RSC_GROUP_REQUEST_IDENTIFIER_EXISTS;
	}
	if (*status)
		return ERR_OK;
	TRY(identify(w, &seen));
	if (seen)
		*status = RSC_GROUP_REQUEST_IDENTIFIER_EXISTS;
	else if (w->depth >= FAN_OUT_DEPTH) {
		*why = "groups in groups, too deep";
		*status = RSC_BAD_REQUEST;
	}
out:
	return err;
}

/* What became of the members, beside their responses. */
struct tally {
	struct bytes *deleted; /* as the group names them */
	size_t deleted_n;
	size_t silent;         /* that could not be reached */
};

/* la, ol, fopt: what is deleted by it is not the member [TS-0004 7.4.14.3.5]. */
static bool is_virtual(struct bytes member)
{
	static const char *const names[] = { "/la", "/ol", "/fopt" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (bytes_ends(member, bytes_str(names[i])))
			return true;
	}
	return false;
}

static void count(struct work *w, struct tally *t, struct bytes member, unsigned status)
{
	t->silent += status == RSC_TARGET_NOT_REACHABLE;
	if (w->request.operation == OPERATION_DELETE && !w->target.rest.n &&
	    status == RSC_DELETED && !is_virtual(member))
		t->deleted[t->deleted_n++] = member;
}

static err_t each_member(struct work *w, const struct chosen *list, size_t n, struct buf *responses,
                         struct tally *tally)
{
	bool pending = false;
	unsigned status;
	void *p;
	err_t err;

	TRY(arena_take(&w->room->arena, (n + 1) * sizeof(*tally->deleted), &p));
	tally->deleted = p;
	for (size_t i = 0; i < n; i++) {
		TRY(resource_spend(w->room->resources, MEMBER_EFFORT) ? ERR_OK : ERR_LIMIT);
		err = one_member(w, &list[i], responses, &status);
		/* The others are asked meanwhile. */
		pending = pending || err == ERR_PENDING;
		TRY(err == ERR_PENDING ? ERR_OK : err);
		if (!pending)
			count(w, tally, list[i].address, status);
	}
	err = pending ? ERR_PENDING : ERR_OK;
out:
	return err;
}

/* {"m2m:agr": {"m2m:rsp": [responses]}} */
static err_t put_aggregate(struct buf *out, uint64_t n, struct bytes responses)
{
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:agr")));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:rsp")));
	TRY(cbor_put_array(out, n));
	TRY(buf_add(out, responses));
out:
	return err;
}

static err_t read_members(struct work *w, struct cbor *out)
{
	const struct store_row *group;
	struct bytes view, members;
	err_t err;

	TRY(store_get(w->room->store, w->target.parent_of_virtual, &group));
	TRY(group ? ERR_OK : ERR_TAMPERED);
	/* Expired is gone, whether swept yet or not. */
	if (group->expires != 0 && group->expires <= w->in->now) {
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.3.2.6", "no such resource");
		return ERR_OK;
	}
	TRY(w->target.virtual_child->fans_out(w->room->resources, group, &view));
	TRY(arena_copy(&w->room->arena, view, &members));
	TRY(cbor_read(members, out));
	TRY(out->kind == CBOR_ARRAY ? ERR_OK : ERR_TAMPERED);
out:
	return err;
}

static bool may_enter(struct work *w, uint64_t members)
{
	if (members == 0)
		work_refuse(w, RSC_NO_MEMBERS, "TS-0004 7.4.14", "the group has no members");
	else if (members > w->fan->members_left)
		work_refuse(w, RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED, "limit", "too many members for one request");
	return !w->status;
}

err_t fanout_run(struct work *w)
{
	struct buf responses = buf_make(w->room->content_max);
	struct tally tally = { .deleted_n = 0 };
	struct cbor members = { .u = 0 };
	struct chosen *list;
	size_t n = 0;
	const char *why;
	unsigned status;
	err_t err;

	TRY(notification_group_begin(w));
	TRY(barred(w, &status, &why));
	if (status) {
		work_refuse(w, status, "TS-0001 10.2.7", why);
		goto out;
	}
	TRY(read_members(w, &members));
	if (w->status)
		goto out;
	if (!may_enter(w, members.u))
		goto out;
	TRY(chosen_members(w, &members, &list, &n));
	if (w->status)
		goto out;
	TRY(notification_group_note(w));
	if (w->status)
		goto out;
	w->fan->members_left -= (unsigned)n;
	w->groups[w->depth] = w->target.parent_of_virtual;
	TRY(each_member(w, list, n, &responses, &tally));
	if (tally.silent == n) {
		work_refuse(w, RSC_GROUP_MEMBERS_NOT_RESPONDED, "TS-0004 7.4.14.2.5", "no member could be reached");
		goto out;
	}
	if (tally.deleted_n)
		TRY(resource_group_drop(w->room->resources, permit_for_system("members deleted"), w->target.id,
		                        tally.deleted, tally.deleted_n, w->in->now));
	TRY(put_aggregate(&w->content, n, bytes_of_buf(&responses)));
	w->outcome.status = RSC_OK;
out:
	buf_free(&responses);
	return err;
}
