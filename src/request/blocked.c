/* blocked.c: while an update waits for somebody to agree to it, other updates of the
 * resource and its deletion wait for the update [TS-0001 10.2.10.7].
 *
 * They are kept as any request that needs an answer from elsewhere, and are served
 * again when such an update ended; one that waited until its time was over is 4008. */
#include "request/blocked.h"

#include "primitive/status.h"
#include "request/work.h"

enum { SEED = 64 };

/* By what arrived: the same whenever it is served, and for all that is done within it. */
static void key_of(const struct work *w, uint8_t key[OUTBOUND_KEY])
{
	uint8_t both[OUTBOUND_KEY + 8];

	store_digest(w->in->primitive, both);
	put_be64(both + OUTBOUND_KEY, w->in->association);
	store_digest(BYTES_OF(both), key);
}

/* Who agrees may be anybody's, and hang: nobody waits for so many that others cannot. */
static bool has_too_many(const struct work *w, uint64_t whose)
{
	const struct blocked_update *list = w->room->blocked;
	size_t n = 0;

	for (size_t i = 0; i < BLOCKED_UPDATES; i++)
		n += list[i].resource && list[i].whose == whose && list[i].until > w->in->now;
	return n >= BLOCKED_OF_ONE;
}

void blocked_begin(struct work *w)
{
	struct blocked_update *list = w->room->blocked, *slot = NULL;
	uint8_t key[OUTBOUND_KEY], digest[32];
	uint64_t whose;

	store_digest(w->originator, digest);
	whose = get_be64(digest);
	key_of(w, key);
	for (size_t i = 0; i < BLOCKED_UPDATES && !slot; i++) {
		if (list[i].resource == w->target.id && bytes_equal(BYTES_OF(list[i].request), BYTES_OF(key)))
			slot = &list[i];
	}
	for (size_t i = 0; i < BLOCKED_UPDATES && !slot && !has_too_many(w, whose); i++) {
		if (!list[i].resource || list[i].until <= w->in->now)
			slot = &list[i];
	}
	if (!slot) {
		work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", "too many updates wait for agreement");
		return;
	}
	*slot = (struct blocked_update){ .resource = w->target.id, .whose = whose, .until = w->in->now + BLOCKED_MS };
	bytes_copy(slot->request, key, sizeof(key));
}

void blocked_end(struct work *w)
{
	uint8_t key[OUTBOUND_KEY];
	bool any = false;

	for (size_t i = 0; i < BLOCKED_UPDATES && !any; i++)
		any = w->room->blocked[i].resource != 0;
	if (!any)
		return;
	key_of(w, key);
	for (size_t i = 0; i < BLOCKED_UPDATES; i++) {
		struct blocked_update *b = &w->room->blocked[i];

		if (!b->resource || !bytes_equal(BYTES_OF(b->request), BYTES_OF(key)))
			continue;
		b->resource = 0;
		w->room->unblocked = true;
	}
}

/* Was it waited for until the time was over? */
static bool too_late(const struct work *w)
{
	const struct outbound_memo *memo = &w->in->memo;

	for (size_t i = 0; i < memo->n; i++) {
		if (memo->list[i].err == ERR_TIMEOUT)
			return true;
	}
	return false;
}

static err_t wait_for_end(struct work *w)
{
	struct buf seed = buf_make(SEED);
	err_t err;

	/* Another question each time: what ended may have been another request. */
	TRY(buf_printf(&seed, "end %llu", (unsigned long long)w->in->memo.n));
	err = outbound_wait(w, BYTES(OUTBOUND_END), bytes_of_buf(&seed));
out:
	buf_free(&seed);
	return err;
}

err_t blocked_wait(struct work *w)
{
	const struct blocked_update *list = w->room->blocked;
	uint8_t key[OUTBOUND_KEY];
	bool known = false, waits = false;

	for (size_t i = 0; i < BLOCKED_UPDATES && w->room->is_kept; i++) {
		if (list[i].resource != w->target.id || list[i].until <= w->in->now)
			continue;
		if (!known)
			key_of(w, key);
		known = true;
		waits = waits || !bytes_equal(BYTES_OF(list[i].request), BYTES_OF(key));
	}
	if (waits && !too_late(w))
		return wait_for_end(w);
	if (waits)
		work_refuse(w, RSC_REQUEST_TIMEOUT, "TS-0001 10.2.10.7", "another update of the resource waits for agreement");
	return ERR_OK;
}
