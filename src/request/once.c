/* once.c: a request that comes by way of a group is done once at its target, whatever
 * groups it came through [TS-0004 7.3.3.2; TS-0001 8.1.2]. What came from elsewhere is known
 * by its Group Request Identifier, what this CSE fans out itself by the member, and what came with
 * one and is fanned out by both. */
#include "request/work.h"

static bool is_group(const struct work *w)
{
	return w->target.virtual_child && w->target.virtual_child->fans_out;
}

static err_t key_of(struct work *w, struct bytes gid, uint8_t key[OUTBOUND_KEY])
{
	struct buf b = buf_make(4096);
	uint8_t target[8];
	err_t err;

	put_be64(target, is_group(w) ? w->target.parent_of_virtual : w->target.id);
	TRY(buf_add(&b, BYTES_OF(target)));
	TRY(buf_add(&b, gid));
	store_digest(bytes_of_buf(&b), key);
out:
	buf_free(&b);
	return err;
}

/* The same Request Identifier: it is the same request, sent again. */
err_t once_seen(struct work *w, struct bytes gid, bool *seen)
{
	struct request_room *room = w->room;
	struct group_request new;
	err_t err;

	*seen = false;
	TRY(key_of(w, gid, new.target));
	store_digest(w->request.rqi, new.request);
	for (size_t i = 0; i < GROUP_REQUESTS; i++) {
		const struct group_request *old = &room->group_requests[i];

		if (!bytes_equal(BYTES_OF(old->target), BYTES_OF(new.target)))
			continue;
		*seen = !bytes_equal(BYTES_OF(old->request), BYTES_OF(new.request));
		return ERR_OK;
	}
	room->group_requests[room->group_requests_at++ % GROUP_REQUESTS] = new;
out:
	return err;
}

/* As a member of the fan-out that is under way. */
static err_t reached(struct work *w, bool *before)
{
	uint64_t id = is_group(w) ? w->target.parent_of_virtual : w->target.id;
	struct fan *fan = w->fan;
	void *room;
	err_t err = ERR_OK;

	*before = false;
	if (w->target.virtual_child && !is_group(w))
		return ERR_OK; /* la, ol: not the resource that they stand for */
	if (!fan->reached) {
		TRY(arena_take(&w->room->arena, FAN_OUT_MEMBERS * sizeof(*fan->reached), &room));
		fan->reached = room;
	}
	for (size_t i = 0; i < fan->reached_n && !*before; i++)
		*before = fan->reached[i] == id;
	if (!*before && fan->reached_n < FAN_OUT_MEMBERS)
		fan->reached[fan->reached_n++] = id;
out:
	return err;
}

err_t once_check(struct work *w)
{
	bool twice = false, known = !w->fan && !w->depth && w->request.has[PARAM_GID];
	err_t err = ERR_OK;

	if (w->target.place != TARGET_HERE || w->repeated)
		return ERR_OK;
	if (w->fan) {
		TRY(reached(w, &twice));
		known = !twice && w->fan->brought && !w->target.virtual_child;
	}
	if (known && !is_group(w))
		TRY(once_seen(w, w->request.value[PARAM_GID].s, &twice));
	if (twice)
		work_refuse(w, RSC_GROUP_REQUEST_IDENTIFIER_EXISTS, "TS-0004 7.3.3.2",
		            "the target was reached by this request through a group before");
out:
	return err;
}
