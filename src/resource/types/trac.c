/* transaction [TS-0001 9.6.48; TS-0004 7.4.61]: one request and its state. What became of the
 * request is found out before the resource is made or changed (request/transaction.c). */
#include "resource/lock.h"

#include "resource/engine.h"

enum { BLOCK_ALL = 1 };

/* From now on a minute at most, then as long as was asked. */
static err_t hold(struct resource_work *w, int64_t until)
{
	err_t err;

	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@lk"), (uint64_t)w->now));
	w->row.expires = until > w->now + LOCK_MS ? w->now + LOCK_MS : until;
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	struct transaction_times times;
	bool waits;
	err_t err;

	if (!w->ask->transaction)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "not through a group or within a transaction", NO_DETAIL);
	TRY(transaction_times(w, &times));
	waits = times.lock > w->now;
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tctl"), waits ? TRANSACTION_INITIAL : TRANSACTION_LOCK));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), waits ? STATE_INITIAL : STATE_LOCKED));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tltp"), set_uint(&w->set, BYTES("tltp"), BLOCK_ALL)));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@et"), (uint64_t)w->row.expires));
	if (!waits)
		TRY(hold(w, w->row.expires));
out:
	return err;
}

static uint64_t state_after(uint64_t control, bool well)
{
	switch (control) {
	case TRANSACTION_LOCK: return well ? STATE_LOCKED : STATE_ABORTED; /* nothing is held, nothing is to be undone */
	case TRANSACTION_EXECUTE: return well ? STATE_EXECUTED : STATE_ERROR;
	case TRANSACTION_COMMIT: return well ? STATE_COMMITTED : STATE_ABORTED;
	default: return STATE_ABORTED;
	}
}

static err_t step(struct resource_work *w, uint64_t control)
{
	const struct transaction_result *result = w->ask->transaction;
	int64_t asked = (int64_t)set_uint(&w->set, BYTES("@et"), (uint64_t)w->row.expires);
	struct cbor creator;
	uint64_t state;
	err_t err = ERR_OK;

	if (!set_get(&w->before, BYTES(INTERNAL_CREATOR), &creator) || !bytes_equal(creator.s, w->ask->originator))
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "its creator alone controls it", BYTES("tctl"));
	if (!lock_steps(&w->row, w->ask->originator, control))
		return refuse(w->out, RSC_ILLEGAL_TRANSACTION_STATE_TRANSITION_ATTEMPTED, "not after this state",
		              BYTES("tctl"));
	if (control != TRANSACTION_ABORT && !result)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "not through a group or within a transaction", BYTES("tctl"));
	state = state_after(control, result && result->committed);
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), state));
	if (control != TRANSACTION_ABORT && (control != TRANSACTION_LOCK || state == STATE_ABORTED))
		TRY(set_put(&w->set, BYTES("rsp"), result->responses));
	if (state == STATE_LOCKED)
		TRY(hold(w, asked));
	if (state == STATE_COMMITTED || state == STATE_ABORTED)
		w->row.expires = asked;
out:
	return err;
}

static err_t updated(struct resource_work *w)
{
	struct cbor tctl;
	uint64_t state;
	int64_t end;
	err_t err = ERR_OK;

	if (set_get(&w->asked, BYTES("tctl"), &tctl))
		TRY(step(w, tctl.u));
	/* No lock is made longer. */
	state = set_uint(&w->set, BYTES("trst"), 0);
	end = (int64_t)set_uint(&w->set, BYTES("@lk"), (uint64_t)w->row.created) + LOCK_MS;
	if (state != STATE_INITIAL && state != STATE_COMMITTED && state != STATE_ABORTED && w->row.expires > end)
		w->row.expires = end;
out:
	return err;
}

static err_t reindexed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return lock_index(r, row, set);
}

static err_t written(struct resource_work *w)
{
	return lock_index(w->r, &w->row, &w->set);
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return lock_index(r, row, NULL);
}

/* [TS-0004 7.4.61.2.4] */
static err_t deleted(struct resource_work *w)
{
	uint64_t state = set_uint(&w->set, BYTES("trst"), 0);

	if (!work_is_asked(w)) /* it expired */
		return ERR_OK;
	if (state != STATE_COMMITTED && state != STATE_ABORTED)
		return refuse(w->out, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE, "it is neither committed nor aborted",
		              NO_DETAIL);
	return ERR_OK;
}

const struct resource_hooks resource_hooks_trac = {
	.created = created, .updated = updated, .deleted = deleted,
	.written = written, .removed = removed, .reindexed = reindexed,
};
