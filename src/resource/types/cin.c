/* contentInstance [TS-0001 9.6.7; TS-0004 7.4.7]: one datum, never changed. */
#include "resource/types/rows.h"

#include "codec/json.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(NP),
	ROW_STATE,
	ROW_LABELS(OPT, NP),
	ROWS_ANNOUNCEMENT(NP),
	ROW_CREATOR,
	{ "cnf", "contentInfo", V_CONTENT_INFO, OPT, NP, OPT, F_ONCE, 0 },
	{ "cs", "contentSize", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "conr", "contentRef", V_ANY, OPT, NP, OPT, F_ONCE | F_NOT_BUILT, 0 },
	ROW_ONTOLOGY(NP),
	{ "con", "content", V_ANY, MAN, NP, OPT, F_ONCE, 0 },
};

static const uint32_t parents[] = { 3 };

/* Octets of a string; of anything else its canonical JSON text. */
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

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(content_size(w, &w->row.size));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("cs"), w->row.size));
out:
	return err;
}

/* disableRetrieval of the container: its instances are neither read nor
 * deleted one by one. */
static err_t hidden(struct resources *r, const struct store_row *row, bool *out)
{
	const struct store_row *container;
	struct cbor disr;
	bool found;
	err_t err;

	*out = false;
	TRY(store_get(r->store, row->parent, &container));
	if (!container)
		goto out;
	TRY(body_get(container->body, BYTES("disr"), &disr, &found));
	*out = found && disr.kind == CBOR_BOOL && disr.u == 1;
out:
	return err;
}

const struct resource_type resource_type_cin = {
	.number = 4,
	.name = "contentInstance",
	.short_name = "cin",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_UPDATE,
	.policy_of_parent = true,
	.hidden = hidden,
	.created = created,
};
