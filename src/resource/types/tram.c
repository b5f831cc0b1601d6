/* transactionMgmt [TS-0001 9.6.47; TS-0004 7.4.60]: what became of several requests. They
 * were done, or undone, before the resource is made (request/transaction.c); or it is
 * made first, and they are done step by step (request/coordinate.c). */
#include "resource/coordinate.h"

#include "resource/engine.h"

enum { CSE_CONTROLLED = 1, BLOCK_ALL = 1, DELETE_WHEN_OVER = 1, SHOWN_MS = 60000 };

static err_t put_defaults(struct resource_work *w)
{
	static const struct { const char *key; uint64_t initial; } initial[] = {
		{ "tmd", CSE_CONTROLLED }, { "tltp", BLOCK_ALL }, { "tmr", 0 }, { "tmh", DELETE_WHEN_OVER },
	};
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(initial); i++)
		TRY(set_put_uint(w->r, w->arena, &w->set, bytes_str(initial[i].key),
		                 set_uint(&w->set, bytes_str(initial[i].key), initial[i].initial)));
out:
	return err;
}

/* Nothing is done yet: how it will be asked for is kept. */
static err_t coordinate(struct resource_work *w)
{
	err_t err;

	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@co"), 1));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tctl"), TRANSACTION_INITIAL));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), TRANSACTION_INITIAL));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("@fr"), w->ask->request->from));
	if (w->ask->credential.n)
		TRY(set_put_text(w->r, w->arena, &w->set, BYTES("@cd"), w->ask->credential));
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	const struct transaction_result *result = w->ask->transaction;
	struct transaction_times times;
	err_t err;

	if (!result)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "not through a group or within a transaction", NO_DETAIL);
	TRY(transaction_times(w, &times));
	TRY(put_defaults(w));
	if (result->coordinated)
		return coordinate(w);
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tctl"), result->committed ? TRANSACTION_COMMIT : TRANSACTION_ABORT));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), result->committed ? STATE_COMMITTED : STATE_ABORTED));
	TRY(set_put(&w->set, BYTES("rsps"), result->responses));
	/* It goes when it is over: a minute is left to read it in. */
	if (set_uint(&w->set, BYTES("tmh"), DELETE_WHEN_OVER) == DELETE_WHEN_OVER && w->row.expires > w->now + SHOWN_MS)
		w->row.expires = w->now + SHOWN_MS;
out:
	return err;
}

/* [TS-0004 7.4.60.2.3] */
static err_t updated(struct resource_work *w)
{
	uint64_t state = set_uint(&w->before, BYTES("trst"), 0);
	struct cbor value, creator;

	if (!set_get(&w->asked, BYTES("tctl"), &value))
		return ERR_OK;
	if (!set_get(&w->before, BYTES(INTERNAL_CREATOR), &creator) || !bytes_equal(creator.s, w->ask->originator))
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "its creator alone controls it", BYTES("tctl"));
	if (set_uint(&w->before, BYTES("tmd"), CSE_CONTROLLED) == CSE_CONTROLLED)
		return refuse(w->out, RSC_BAD_REQUEST, "the CSE controls it", BYTES("tctl"));
	if (set_uint(&w->before, BYTES("@lf"), 0))
		return refuse(w->out, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE, "the step before is not done", BYTES("tctl"));
	if (!coordinated_steps(state, value.u))
		return refuse(w->out, RSC_ILLEGAL_TRANSACTION_STATE_TRANSITION_ATTEMPTED, "not after this state",
		              BYTES("tctl"));
	return ERR_OK;
}

/* [TS-0004 7.4.60.2.4] */
static err_t deleted(struct resource_work *w)
{
	uint64_t state = set_uint(&w->set, BYTES("trst"), 0);

	if (!work_is_asked(w)) /* it expired */
		return ERR_OK;
	/* Where a round does not end (somebody took its requests away) the locks do; of one that waits for
	 * its time none is held. */
	if (state != STATE_COMMITTED && state != STATE_ABORTED && w->now < w->row.modified + 2 * LOCK_MS)
		return refuse(w->out, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE, "it is neither committed nor aborted",
		              NO_DETAIL);
	return ERR_OK;
}

static err_t written(struct resource_work *w)
{
	return coordinated_index(w->r, w->row.id, &w->set);
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return coordinated_index(r, row->id, NULL);
}

static err_t reindexed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return coordinated_index(r, row->id, set);
}

const struct resource_hooks resource_hooks_tram = {
	.created = created, .updated = updated, .deleted = deleted,
	.written = written, .removed = removed, .reindexed = reindexed,
};
