/* lock.c: who is kept out by a transaction. */
#include "resource/lock.h"

#include "resource/engine.h"

enum { ALLOW_RETRIEVES = 2 };

static uint64_t number_of(const struct store_row *row, struct bytes key)
{
	struct cbor v;
	bool found;

	return body_get(row->body, key, &v, &found) == ERR_OK && found && v.kind == CBOR_UINT ? v.u : 0;
}

static bool is_open(const struct store_row *row)
{
	uint64_t state = number_of(row, BYTES("trst"));

	return state == STATE_LOCKED || state == STATE_EXECUTED || state == STATE_ERROR;
}

bool lock_is_open(const struct store_row *row, int64_t now)
{
	return row->type == TRANSACTION && !row_expired(row, now) && is_open(row);
}

err_t lock_holds(struct resources *r, uint64_t resource, bool reads, int64_t now, uint64_t but, bool *yes)
{
	struct store_scan scan = { .parent = resource, .type = TRANSACTION, .newest_first = true, .limit = 1 };
	const struct store_row *row;
	uint64_t id;
	size_t n;
	err_t err = ERR_OK;

	*yes = false;
	if (!r->locks || !resource)
		goto out;
	/* While one is open there is no newer one. */
	TRY(store_children(r->store, &scan, &id, &n));
	if (n == 0 || id == but)
		goto out;
	TRY(store_get(r->store, id, &row));
	*yes = row && lock_is_open(row, now) && !(reads && number_of(row, BYTES("tltp")) == ALLOW_RETRIEVES);
out:
	return err;
}

err_t locks_open(struct resources *r)
{
	static const uint8_t states[] = { STATE_LOCKED, STATE_EXECUTED, STATE_ERROR }; /* in CBOR */
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(states) && !r->locks; i++) {
		struct store_find find = { .name = BYTES("trst"), .value = bytes_make(&states[i], 1), .limit = 1 };
		uint64_t id;
		size_t n;

		TRY(store_index_find(r->store, &find, &id, &n));
		r->locks = n > 0;
	}
out:
	return err;
}

bool lock_steps(const struct store_row *row, struct bytes originator, uint64_t step)
{
	uint64_t state = number_of(row, BYTES("trst"));
	struct cbor creator;
	bool found;

	if (body_get(row->body, BYTES(INTERNAL_CREATOR), &creator, &found) != ERR_OK || !found ||
	    !bytes_equal(creator.s, originator))
		return false;
	if (step == TRANSACTION_ABORT)
		return is_open(row);
	return (step == TRANSACTION_EXECUTE && state == STATE_LOCKED) ||
	       (step == TRANSACTION_COMMIT && state == STATE_EXECUTED);
}
