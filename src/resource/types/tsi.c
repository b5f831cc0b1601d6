/* timeSeriesInstance [TS-0001 9.6.37; TS-0004 7.4.39]: one datum; of one time there is
 * one only. */
#include "resource/engine.h"

#include "codec/json.h"

static err_t content_size(struct resource_work *w, uint64_t *size)
{
	struct cbor con;
	err_t err = ERR_OK;

	must(set_get(&w->set, BYTES("con"), &con));
	*size = con.s.n;
	if (con.kind == CBOR_TEXT)
		goto out;
	buf_clear(&w->r->scratch);
	TRY(cbor_to_json(con.raw, &w->r->scratch));
	*size = w->r->scratch.n;
out:
	return err;
}

/* A sibling with the same dataGenerationTime. */
static err_t check_time(struct resource_work *w)
{
	struct store_find find = { .name = BYTES("dgt"), .limit = PAGE };
	const struct store_row *row;
	uint64_t ids[PAGE];
	struct cbor dgt;
	size_t n;
	err_t err;

	must(set_get(&w->set, BYTES("dgt"), &dgt));
	find.value = dgt.kind == CBOR_TEXT ? dgt.s : dgt.raw;
	do {
		TRY(store_index_find(w->r->store, &find, ids, &n));
		for (size_t i = 0; i < n; i++) {
			TRY(store_get(w->r->store, ids[i], &row));
			if (row && row->parent == w->parent.id)
				return refuse(w->out, RSC_CONFLICT, "there is a datum of this time",
				              BYTES("dgt"));
		}
		if (n)
			find.after = ids[n - 1];
	} while (n == PAGE && resource_spend(w->r, n));
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check_time(w));
	TRY(content_size(w, &w->row.size));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("cs"), w->row.size));
out:
	return err;
}

const struct resource_hooks resource_hooks_tsi = { .created = created };
