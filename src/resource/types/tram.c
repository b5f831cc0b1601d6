/* transactionMgmt [TS-0001 9.6.47; TS-0004 7.4.60]: what became of several requests. They
 * were done, or undone, before the resource is made (request/transaction.c). */
#include "resource/engine.h"

#include "base/clock.h"

enum {
	CSE_CONTROLLED = 1, BLOCK_ALL = 1, DELETE_WHEN_OVER = 1, CONTROL_COMMIT = 4, CONTROL_ABORT, COMMITTED = 4,
	ABORTED = 6, SHOWN_MS = 60000
};

err_t transaction_at_once(struct resource_work *w)
{
	static const char *const times[] = { "tltm", "text", "tct" };
	struct cbor value;
	int64_t at;

	for (size_t i = 0; i < COUNT_OF(times); i++) {
		if (set_get(&w->asked, bytes_str(times[i]), &value) && value.kind == CBOR_TEXT &&
		    clock_parse(value.s, &at) == ERR_OK && at > w->now)
			return refuse(w->out, RSC_NOT_IMPLEMENTED, "it is done at once", bytes_str(times[i]));
	}
	return ERR_OK;
}

static err_t created(struct resource_work *w)
{
	const struct transaction_result *result = w->ask->transaction;
	static const struct { const char *key; uint64_t initial; } initial[] = {
		{ "tmd", CSE_CONTROLLED }, { "tltp", BLOCK_ALL }, { "tmr", 0 }, { "tmh", DELETE_WHEN_OVER },
	};
	err_t err;

	if (!result || set_uint(&w->set, BYTES("tmd"), CSE_CONTROLLED) != CSE_CONTROLLED)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "this CSE controls transactions itself", BYTES("tmd"));
	TRY(transaction_at_once(w));
	for (size_t i = 0; i < COUNT_OF(initial); i++)
		TRY(set_put_uint(w->r, w->arena, &w->set, bytes_str(initial[i].key),
		                 set_uint(&w->set, bytes_str(initial[i].key), initial[i].initial)));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("tctl"), result->committed ? CONTROL_COMMIT : CONTROL_ABORT));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("trst"), result->committed ? COMMITTED : ABORTED));
	TRY(set_put(&w->set, BYTES("rsps"), result->responses));
	/* It goes when it is over: a minute is left to read it in. */
	if (set_uint(&w->set, BYTES("tmh"), DELETE_WHEN_OVER) == DELETE_WHEN_OVER && w->row.expires > w->now + SHOWN_MS)
		w->row.expires = w->now + SHOWN_MS;
out:
	return err;
}

static err_t updated(struct resource_work *w)
{
	struct cbor value;

	if (set_get(&w->asked, BYTES("tctl"), &value))
		return refuse(w->out, RSC_BAD_REQUEST, "the CSE controls it", BYTES("tctl"));
	return ERR_OK;
}

const struct resource_hooks resource_hooks_tram = { .created = created, .updated = updated };
