/* transaction [TS-0001 9.6.48; TS-0004 7.4.61]: one request and its state. What became of the
 * request is found out before the resource is made or changed (request/transaction.c). */
#include "resource/lock.h"

#include "resource/engine.h"

enum { BLOCK_ALL = 1 };

static err_t created(struct resource_work *w)
{
	err_t err;

	if (!w->ask->transaction)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "not through a group or within a transaction", NO_DETAIL);
	TRY(transaction_at_once(w));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tctl"), TRANSACTION_LOCK));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), STATE_LOCKED));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tltp"), set_uint(&w->set, BYTES("tltp"), BLOCK_ALL)));
	/* As long as it is open it lives a minute; then as long as was asked. */
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@et"), (uint64_t)w->row.expires));
	if (w->row.expires > w->now + LOCK_MS)
		w->row.expires = w->now + LOCK_MS;
	w->r->locks = true;
out:
	return err;
}

static err_t step(struct resource_work *w, uint64_t control)
{
	const struct transaction_result *result = w->ask->transaction;
	uint64_t state = STATE_ABORTED;
	struct cbor creator;
	err_t err = ERR_OK;

	if (!set_get(&w->before, BYTES(INTERNAL_CREATOR), &creator) || !bytes_equal(creator.s, w->ask->originator))
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "its creator alone controls it", BYTES("tctl"));
	if (!lock_steps(&w->row, w->ask->originator, control))
		return refuse(w->out, RSC_ILLEGAL_TRANSACTION_STATE_TRANSITION_ATTEMPTED, "not after this state",
		              BYTES("tctl"));
	if (control != TRANSACTION_ABORT && !result)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "not through a group or within a transaction", BYTES("tctl"));
	if (control == TRANSACTION_EXECUTE)
		state = result->committed ? STATE_EXECUTED : STATE_ERROR;
	else if (control == TRANSACTION_COMMIT && result->committed)
		state = STATE_COMMITTED;
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), state));
	if (control != TRANSACTION_ABORT)
		TRY(set_put(&w->set, BYTES("rsp"), result->responses));
	if (state == STATE_COMMITTED || state == STATE_ABORTED)
		w->row.expires = (int64_t)set_uint(&w->set, BYTES("@et"), (uint64_t)w->row.expires);
out:
	return err;
}

static err_t updated(struct resource_work *w)
{
	struct cbor tctl;
	uint64_t state;
	err_t err = ERR_OK;

	if (set_get(&w->asked, BYTES("tctl"), &tctl))
		TRY(step(w, tctl.u));
	/* No lock is made longer. */
	state = set_uint(&w->set, BYTES("trst"), 0);
	if (state != STATE_COMMITTED && state != STATE_ABORTED && w->row.expires > w->row.created + LOCK_MS)
		w->row.expires = w->row.created + LOCK_MS;
out:
	return err;
}

/* [TS-0004 7.4.61.2.4] */
static err_t deleted(struct resource_work *w)
{
	uint64_t state = set_uint(&w->set, BYTES("trst"), 0);

	if (state != STATE_COMMITTED && state != STATE_ABORTED)
		return refuse(w->out, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE, "it is neither committed nor aborted",
		              NO_DETAIL);
	return ERR_OK;
}

const struct resource_hooks resource_hooks_trac = { .created = created, .updated = updated, .deleted = deleted };
