/* remote.c: the CSEs that are registered here, and those behind them: where a
 * request for another CSE goes next [TS-0001 9.6.4, 10.2.2; TS-0004 7.3.2.6]. */
#include "resource/engine.h"

#include "base/clock.h"

enum { REMOTE_CSE = 16, CANDIDATES = 16 };

/* A remoteCSE whose attribute has the value. */
static err_t find_by(struct resources *r, struct bytes attribute, struct bytes value, uint64_t *id)
{
	struct store_find find = { .name = attribute, .value = value, .limit = CANDIDATES };
	const struct store_row *row;
	uint64_t ids[CANDIDATES];
	size_t n;
	err_t err;

	*id = 0;
	do {
		TRY(store_index_find(r->store, &find, ids, &n));
		for (size_t i = 0; i < n && !*id; i++) {
			TRY(store_get(r->store, ids[i], &row));
			if (row && row->type == REMOTE_CSE && !row_expired(row, clock_now()))
				*id = ids[i];
		}
		if (n)
			find.after = ids[n - 1];
	} while (n == CANDIDATES && !*id);
out:
	return err;
}

err_t resource_remote(struct resources *r, struct bytes cse_id, uint64_t *id, bool *behind)
{
	err_t err;

	*behind = false;
	TRY(find_by(r, BYTES("csi"), cse_id, id));
	if (*id)
		goto out;
	TRY(find_by(r, BYTES("dcse"), cse_id, id));
	*behind = *id != 0;
out:
	return err;
}

/* A text or the texts of a list, appended; what does not fit is left out. */
static err_t add_texts(struct arena *a, const struct cbor *v, struct descendants *out)
{
	struct bytes rest = v->kind == CBOR_ARRAY ? v->s : v->raw;
	struct cbor item;
	err_t err = ERR_OK;

	while (rest.n && out->n < DESCENDANTS_MAX) {
		TRY(cbor_next(&rest, &item));
		if (item.kind == CBOR_TEXT)
			TRY(arena_copy(a, item.s, &out->list[out->n++]));
	}
out:
	return err;
}

static err_t add_remote(struct resources *r, struct arena *a, uint64_t id, struct bytes but,
                        struct descendants *out)
{
	const struct store_row *row;
	struct cbor csi, dcse;
	bool found;
	err_t err;

	TRY(store_get(r->store, id, &row));
	if (!row || row_expired(row, clock_now()))
		goto out;
	TRY(body_get(row->body, BYTES("csi"), &csi, &found));
	if (!found || bytes_equal(csi.s, but))
		goto out;
	TRY(add_texts(a, &csi, out));
	TRY(body_get(row->body, BYTES("dcse"), &dcse, &found));
	if (found)
		TRY(add_texts(a, &dcse, out));
out:
	return err;
}

err_t resource_descendants(struct resources *r, struct arena *a, struct bytes but,
                           struct descendants *out)
{
	struct store_scan scan = { .parent = 1, .type = REMOTE_CSE, .limit = PAGE };
	uint64_t ids[PAGE];
	size_t n;
	err_t err;

	out->n = 0;
	do {
		TRY(store_children(r->store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++)
			TRY(add_remote(r, a, ids[i], but, out));
		if (n)
			scan.after = ids[n - 1];
	} while (n == PAGE && out->n < DESCENDANTS_MAX);
out:
	return err;
}
