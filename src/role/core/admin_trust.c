/* admin_trust.c: the operator opens the MAF or the MEF of this node, and looks who is
 * registered there. Who may become a client is a rule of access at its base
 * (admin_access.c). */
#include "resource/trust.h"
#include "role/core/core.h"

enum { PAGE = 64 };

static err_t refuse(struct admin *a, err_t err, const char *text)
{
	admin_say(a, text);
	return err;
}

static err_t read_place(struct admin *a, enum trust_place *place)
{
	unsigned n = wire_get_u8(&a->in);
	err_t err;

	TRY(wire_done(&a->in));
	if (n != TRUST_MAF && n != TRUST_MEF)
		return ERR_SYNTAX;
	*place = (enum trust_place)n;
	TRY(bytes_put_str(a->subject, sizeof(a->subject), n == TRUST_MAF ? BYTES("MAF") : BYTES("MEF")));
out:
	return err;
}

err_t admin_trust_open(struct admin *a)
{
	enum trust_place place;
	err_t err;

	TRY(read_place(a, &place));
	err = trust_open(a->core->room.resources, permit_for_system("an operator opens MAF or MEF"), place,
	                 a->core->now);
	if (err == ERR_EXISTS)
		err = refuse(a, err, "it is open already");
out:
	return err;
}

static void put_text(struct row *r, const char *key, struct bytes body, const char *attribute)
{
	struct cbor v;
	bool found;

	if (cbor_find(body, bytes_str(attribute), &v, &found) == ERR_OK && found && v.kind == CBOR_TEXT)
		row_text(r, key, v.s);
}

static err_t put_registration(struct admin *a, const struct store_row *row)
{
	const struct resource_type *type = resource_row_type(row);
	struct buf id = buf_make(FACT_ID_MAX);
	struct row r = row_begin();
	err_t err;

	TRY(resource_identifier(row, &id));
	row_text(&r, "id", bytes_of_buf(&id));
	row_text(&r, "type", bytes_str(type ? type->name : "?"));
	put_text(&r, "client", row->body, "cr");
	put_text(&r, "administrator", row->body, "adfq");
	row_uint(&r, "until", (uint64_t)row->expires);
	err = admin_row_out(a, &r);
out:
	buf_free(&id);
	return err;
}

err_t admin_trust_list(struct admin *a)
{
	struct store *store = a->core->store;
	struct store_scan scan = { .limit = PAGE };
	const struct store_row *row;
	enum trust_place place;
	uint64_t ids[PAGE];
	size_t n;
	err_t err;

	TRY(read_place(a, &place));
	TRY(trust_base(a->core->room.resources, place, &scan.parent));
	if (!scan.parent)
		return refuse(a, ERR_MISSING, "it is not open on this node");
	do {
		TRY(store_children(store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++) {
			TRY(store_get(store, ids[i], &row));
			if (row)
				TRY(put_registration(a, row));
		}
		if (n)
			scan.after = ids[n - 1];
		store_trim(store);
	} while (n == PAGE);
out:
	return err;
}
