/* coordinate.c: transactionMgmt that is done step by step, as it is stored. */
#include "resource/coordinate.h"

#include "resource/engine.h"

enum { BY_CSE = 1 };
#define DUE_INDEX BYTES("@due")

static err_t texts(const struct attribute_set *set, struct bytes key, struct arena *a, struct bytes *out, size_t n)
{
	struct cbor list, item;
	err_t err = ERR_OK;

	if (!set_get(set, key, &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	for (size_t i = 0; i < n && list.s.n; i++) {
		TRY(cbor_next(&list.s, &item));
		if (item.kind != CBOR_NULL)
			TRY(arena_copy(a, item.kind == CBOR_TEXT ? item.s : item.raw, &out[i]));
	}
out:
	return err;
}

static err_t requests_of(const struct attribute_set *set, struct arena *a, struct coordinated *out)
{
	struct cbor rqps, list, item;
	bool found = false;
	err_t err = ERR_OK;

	if (!set_get(set, BYTES("rqps"), &rqps))
		return ERR_TAMPERED;
	TRY(cbor_find(rqps.raw, BYTES("rqp"), &list, &found));
	if (!found)
		TRY(cbor_find(rqps.raw, BYTES("m2m:rqp"), &list, &found));
	while (found && list.kind == CBOR_ARRAY && list.s.n && out->n < COORDINATED_MAX) {
		TRY(cbor_next(&list.s, &item));
		TRY(arena_copy(a, item.raw, &out->requests[out->n++]));
	}
out:
	return err;
}

static err_t text_of(const struct attribute_set *set, struct arena *a, const char *key, struct bytes *out)
{
	struct cbor v;

	if (!set_get(set, bytes_str(key), &v) || v.kind != CBOR_TEXT)
		return ERR_OK;
	return arena_copy(a, v.s, out);
}

err_t coordinated_read(struct resources *r, struct arena *a, uint64_t id, struct coordinated *out, bool *found)
{
	struct attribute_set *set;
	const struct store_row *row;
	void *p;
	err_t err;

	*out = (struct coordinated){ .id = id };
	*found = false;
	TRY(store_get(r->store, id, &row));
	if (!row || row->type != TRANSACTION_MGMT)
		goto out;
	TRY(arena_take(a, sizeof(*set), &p));
	set = p;
	TRY(set_load(set, row->body));
	*found = set_uint(set, BYTES("@co"), 0) == 1;
	if (!*found)
		goto out;
	out->control = set_uint(set, BYTES("tctl"), 0);
	out->state = set_uint(set, BYTES("trst"), 0);
	out->left = set_uint(set, BYTES("@lf"), 0);
	out->by_cse = set_uint(set, BYTES("tmd"), BY_CSE) == BY_CSE;
	out->failed = set_uint(set, BYTES("@fa"), 0) == 1;
	out->again = set_uint(set, BYTES("@ag"), 0) == 1;
	out->done = set_uint(set, BYTES("@do"), 0);
	out->round = set_uint(set, BYTES("@ro"), 0);
	out->tries = set_uint(set, BYTES("@tn"), 0);
	out->tries_max = set_uint(set, BYTES("tmr"), 0);
	out->began = (int64_t)set_uint(set, BYTES("@bt"), 0);
	out->retry = (int64_t)set_uint(set, BYTES("@ra"), 0);
	out->next = (int64_t)set_uint(set, BYTES("@nx"), 0);
	transaction_times_read(row->body, &out->times);
	out->chain = set_uint(set, BYTES("@bg"), UINT64_MAX);
	out->inside = out->chain != UINT64_MAX;
	TRY(text_of(set, a, INTERNAL_CREATOR, &out->creator));
	TRY(text_of(set, a, "@fr", &out->from));
	TRY(text_of(set, a, "@cd", &out->credential));
	TRY(requests_of(set, a, out));
	TRY(texts(set, BYTES("@ad"), a, out->addresses, out->n));
	TRY(texts(set, BYTES("@rs"), a, out->responses, out->n));
out:
	return err;
}

static err_t put_list(struct own_change *c, struct bytes key, const struct bytes *items, size_t n, bool text)
{
	struct buf b = buf_make(SCRATCH_MAX);
	struct bytes kept;
	err_t err;

	TRY(cbor_put_array(&b, n));
	for (size_t i = 0; i < n; i++) {
		if (items[i].n == 0)
			TRY(cbor_put_null(&b));
		else
			TRY(text ? cbor_put_text(&b, items[i]) : buf_add(&b, items[i]));
	}
	TRY(arena_copy(&c->arena, bytes_of_buf(&b), &kept));
	err = set_put(&c->set, key, kept);
out:
	buf_free(&b);
	return err;
}

/* { "m2m:rsp": [ those that there are ] } */
static err_t put_responses(struct own_change *c, const struct coordinated *t)
{
	struct buf b = buf_make(SCRATCH_MAX);
	struct bytes kept;
	size_t n = 0;
	err_t err;

	for (size_t i = 0; i < t->n; i++)
		n += t->responses[i].n > 0;
	TRY(cbor_put_map(&b, 1));
	TRY(cbor_put_text(&b, BYTES("m2m:rsp")));
	TRY(cbor_put_array(&b, n));
	for (size_t i = 0; i < t->n; i++)
		TRY(buf_add(&b, t->responses[i]));
	TRY(arena_copy(&c->arena, bytes_of_buf(&b), &kept));
	err = set_put(&c->set, BYTES("rsps"), kept);
out:
	buf_free(&b);
	return err;
}

err_t coordinated_write(struct resources *r, const struct permit *system, const struct coordinated *t)
{
	const struct { const char *key; uint64_t value; } numbers[] = {
		{ "tctl", t->control }, { "trst", t->state }, { "@lf", t->left }, { "@fa", t->failed }, { "@ag", t->again },
		{ "@do", t->done }, { "@ro", t->round }, { "@tn", t->tries }, { "@bt", (uint64_t)t->began }, { "@ra", (uint64_t)t->retry },
		{ "@nx", (uint64_t)t->next },
	};
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, t->id, &c));
	if (!c.row.id)
		goto out;
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		TRY(set_put_uint(r, &c.arena, &c.set, bytes_str(numbers[i].key), numbers[i].value));
	if (t->inside)
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@bg"), t->chain));
	else
		set_drop(&c.set, BYTES("@bg"));
	TRY(put_list(&c, BYTES("@ad"), t->addresses, t->n, true));
	TRY(put_list(&c, BYTES("@rs"), t->responses, t->n, false));
	TRY(put_responses(&c, t));
	TRY(coordinated_index(r, t->id, &c.set));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

/* --- time ------------------------------------------------------------------------------------- */

err_t coordinated_index(struct resources *r, uint64_t id, const struct attribute_set *set)
{
	bool waits = set && set_uint(set, BYTES("@co"), 0) == 1 && set_uint(set, BYTES("@nx"), 0) != 0;
	struct bytes value = BYTES("1");

	return store_index_set(r->store, id, DUE_INDEX, &value, waits ? 1 : 0);
}

err_t coordinated_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit, size_t *n)
{
	struct store_find find = { .name = DUE_INDEX, .value = BYTES("1"), .after = *after,
	                           .limit = limit < PAGE ? limit : PAGE };
	const struct store_row *row;
	uint64_t found[PAGE];
	size_t found_n = 0;
	struct cbor v;
	bool has;
	err_t err = ERR_OK;

	*n = 0;
	TRY(store_index_find(r->store, &find, found, &found_n));
	*after = found_n < find.limit ? 0 : found[found_n - 1];
	for (size_t i = 0; i < found_n; i++) {
		TRY(store_get(r->store, found[i], &row));
		if (!row || row->type != TRANSACTION_MGMT || row_expired(row, now))
			continue;
		TRY(body_get(row->body, BYTES("@nx"), &v, &has));
		if (has && v.kind == CBOR_UINT && v.u <= (uint64_t)now)
			ids[(*n)++] = found[i];
	}
out:
	return err;
}

bool coordinated_steps(uint64_t state, uint64_t control)
{
	switch (control) {
	case TRANSACTION_LOCK: return state == TRANSACTION_INITIAL;
	case TRANSACTION_EXECUTE: return state == STATE_LOCKED;
	case TRANSACTION_COMMIT: return state == STATE_EXECUTED;
	case TRANSACTION_ABORT: return state != STATE_COMMITTED && state != STATE_ABORTED;
	default: return false;
	}
}
