/* lock.c: who is kept out by a transaction, and when. */
#include "resource/lock.h"

#include "base/clock.h"
#include "resource/engine.h"

enum { ALLOW_RETRIEVES = 2 };
#define HELD_INDEX BYTES("@held")

static uint64_t number_of(const struct store_row *row, struct bytes key)
{
	struct cbor v;
	bool found;

	return body_get(row->body, key, &v, &found) == ERR_OK && found && v.kind == CBOR_UINT ? v.u : 0;
}

static bool holds(uint64_t state)
{
	return state == STATE_LOCKED || state == STATE_EXECUTED || state == STATE_ERROR;
}

static bool is_open(const struct store_row *row)
{
	return holds(number_of(row, BYTES("trst")));
}

bool lock_is_open(const struct store_row *row, int64_t now)
{
	return row->type == TRANSACTION && !row_expired(row, now) && is_open(row);
}

err_t lock_index(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	bool held = set && holds(set_uint(set, BYTES("trst"), 0));
	struct buf text = buf_make(32);
	struct bytes value;
	err_t err;

	TRY(buf_add_u64(&text, row->parent));
	value = bytes_of_buf(&text);
	r->locks |= held;
	err = store_index_set(r->store, row->id, HELD_INDEX, &value, held ? 1 : 0);
out:
	buf_free(&text);
	return err;
}

err_t lock_holds(struct resources *r, uint64_t resource, bool reads, int64_t now, uint64_t but, bool *yes)
{
	struct store_find find = { .name = HELD_INDEX, .limit = PAGE };
	struct buf text = buf_make(32);
	const struct store_row *row;
	uint64_t ids[PAGE];
	size_t n;
	err_t err = ERR_OK;

	*yes = false;
	if (!r->locks || !resource)
		goto out;
	TRY(buf_add_u64(&text, resource));
	find.value = bytes_of_buf(&text);
	/* Those that ended a moment ago, and at most one that did not. */
	TRY(store_index_find(r->store, &find, ids, &n));
	for (size_t i = 0; i < n && !*yes; i++) {
		if (ids[i] == but)
			continue;
		TRY(store_get(r->store, ids[i], &row));
		*yes = row && row->parent == resource && lock_is_open(row, now) &&
		       !(reads && number_of(row, BYTES("tltp")) == ALLOW_RETRIEVES);
	}
out:
	buf_free(&text);
	return err;
}

err_t locks_open(struct resources *r)
{
	static const uint8_t states[] = { STATE_LOCKED, STATE_EXECUTED, STATE_ERROR };

	return index_has_any(r, BYTES("trst"), states, COUNT_OF(states), &r->locks);
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
		return is_open(row) || state == STATE_INITIAL;
	return (step == TRANSACTION_LOCK && state == STATE_INITIAL) ||
	       (step == TRANSACTION_EXECUTE && state == STATE_LOCKED) ||
	       (step == TRANSACTION_COMMIT && state == STATE_EXECUTED);
}

/* --- times ------------------------------------------------------------------------------------ */

void transaction_times_read(struct bytes body, struct transaction_times *out)
{
	const struct { const char *key; int64_t *to; } times[] = {
		{ "tltm", &out->lock }, { "text", &out->execute }, { "tct", &out->commit }, { "tept", &out->end },
	};
	struct cbor v;
	bool found;

	for (size_t i = 0; i < COUNT_OF(times); i++) {
		*times[i].to = 0;
		if (cbor_find(body, bytes_str(times[i].key), &v, &found) == ERR_OK && found && v.kind == CBOR_TEXT &&
		    clock_parse(v.s, times[i].to) != ERR_OK)
			*times[i].to = 0;
	}
}

static err_t parse(struct resource_work *w, const char *key, int64_t *out)
{
	struct cbor v;

	*out = 0;
	if (set_get(&w->set, bytes_str(key), &v) && (v.kind != CBOR_TEXT || clock_parse(v.s, out) != ERR_OK))
		return refuse(w->out, RSC_BAD_REQUEST, "no time", bytes_str(key));
	return ERR_OK;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

err_t transaction_times(struct resource_work *w, struct transaction_times *out)
{
	int64_t first, last;
	err_t err;

	TRY(parse(w, "tltm", &out->lock));
	TRY(parse(w, "text", &out->execute));
	TRY(parse(w, "tct", &out->commit));
	TRY(parse(w, "tept", &out->end));
	last = latest(latest(out->lock, out->execute), out->commit);
	if ((out->execute && out->execute < out->lock) || (out->commit && out->commit < last))
		return refuse(w->out, RSC_BAD_REQUEST, "a step before the one it follows", NO_DETAIL);
	first = latest(out->lock, w->now);
	if (last - first > LOCK_MS)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "no lock lasts longer than a minute", BYTES("tltm"));
	if (last > w->row.expires)
		return refuse(w->out, RSC_BAD_REQUEST, "it ends before its last step", BYTES("et"));
	if (out->end && (out->end <= w->now || out->end < last))
		return refuse(w->out, RSC_BAD_REQUEST, "it ends before its last step", BYTES("tept"));
out:
	return err;
}
