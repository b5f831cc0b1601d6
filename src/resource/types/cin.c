/* contentInstance [TS-0001 9.6.7; TS-0004 7.4.7]: one datum, never changed. */
#include "resource/engine.h"

#include "codec/json.h"

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

/* Each name of a contentRef stands once [TS-0004 6.3.5.36]. */
static err_t check_references(struct resource_work *w)
{
	struct cbor conr, list, entry, name, other;
	struct bytes rest, before;
	bool found;
	err_t err = ERR_OK;

	if (!set_get(&w->set, BYTES("conr"), &conr))
		return ERR_OK;
	TRY(cbor_find(conr.raw, BYTES("urir"), &list, &found));
	rest = found ? list.s : BYTES_NONE;
	while (rest.n) {
		before = bytes_sub(list.s, 0, list.s.n - rest.n);
		TRY(cbor_next(&rest, &entry));
		TRY(cbor_find(entry.raw, BYTES("nm"), &name, &found));
		while (before.n) {
			TRY(cbor_next(&before, &entry));
			TRY(cbor_find(entry.raw, BYTES("nm"), &other, &found));
			if (bytes_equal(other.s, name.s))
				return refuse(w->out, RSC_BAD_REQUEST, "a name stands twice", BYTES("conr"));
		}
	}
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check_references(w));
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

const struct resource_hooks resource_hooks_cin = {
	.hidden = hidden,
	.created = created,
};
