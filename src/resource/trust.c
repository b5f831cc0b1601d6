/* trust.c: the bases of MAF and MEF, and who is registered there. The functions are closed
 * until an operator opens them: until then there is no base, and so no address. */
#include "resource/trust.h"

#include "primitive/id.h"
#include "resource/engine.h"

enum { BASE = 1, CLIENTS_MAX = 64, TYPE_OF_CLIENT = 2, MASTER = 21 };

/* Name, identifier and type of a base; its clients' type is two further. The identifier is
 * not the name, since a node that is nothing else may well be /maf. */
static const struct { const char *name, *ident; uint32_t type; } places[TRUST_PLACES] = {
	[TRUST_MAF] = { "maf", "mafBase", 241 },
	[TRUST_MEF] = { "mef", "mefBase", 242 },
};

err_t trust_base(struct resources *r, enum trust_place place, uint64_t *id)
{
	const struct store_row *row;
	err_t err;

	*id = BASE;
	if (place == TRUST_CSE)
		return ERR_OK;
	TRY(store_find_ident(r->store, bytes_str(places[place].ident), id));
	if (*id)
		TRY(store_get(r->store, *id, &row));
	if (*id && (!row || row->type != places[place].type))
		*id = 0;
out:
	return err;
}

err_t trust_open(struct resources *r, const struct permit *system, enum trust_place place,
                 int64_t now)
{
	struct attribute_set set = { .n = 0 };
	struct store_row row = { .parent = BASE, .created = now, .modified = now };
	struct arena a;
	err_t err;

	if (place == TRUST_CSE || !permit_covers(system, RIGHT_CREATE, BASE))
		return ERR_REFUSED;
	arena_init(&a, 1 << 16);
	row.name = bytes_str(places[place].name);
	row.ident = bytes_str(places[place].ident);
	row.type = places[place].type;
	row.id = store_next_id(r->store);
	TRY(set_encode(r, &a, &set, &row.body));
	TRY(store_insert(r->store, &row));
out:
	arena_free(&a);
	return err;
}

bool trust_usage_fits(enum trust_place place, uint64_t suid)
{
	return place == TRUST_MEF ? suid >= MASTER && suid <= 25 : place == TRUST_MAF && suid >= 32 && suid <= 35;
}

err_t trust_put_target(struct resources *r, struct bytes id, uint64_t suid, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(r);
	struct buf absolute = buf_make(URI_MAX);
	err_t err;

	if (suid == MASTER) {
		TRY(buf_add(&absolute, BYTES("//")));
		TRY(id.n <= DOMAIN_MAX ? buf_add(&absolute, id) : ERR_LIMIT);
		TRY(id_is_sp(bytes_of_buf(&absolute)) ? cbor_put_text(out, id) : ERR_SYNTAX);
	} else {
		TRY(id_absolute(id, cse->sp_id, cse->cse_id, &absolute));
		TRY(cbor_put_text(out, bytes_of_buf(&absolute)));
	}
out:
	buf_free(&absolute);
	return err;
}

/* Is the row a registration that holds now? */
static err_t is_registration(struct resources *r, uint64_t id, uint64_t base, struct bytes admin,
                             int64_t now, bool *yes)
{
	const struct store_row *row;
	struct cbor adfq;
	bool found;
	err_t err;

	*yes = false;
	TRY(store_get(r->store, id, &row));
	if (!row || row->parent != base || row_expired(row, now) ||
	    (row->type != places[TRUST_MAF].type + TYPE_OF_CLIENT &&
	     row->type != places[TRUST_MEF].type + TYPE_OF_CLIENT))
		goto out;
	TRY(body_get(row->body, BYTES("adfq"), &adfq, &found));
	*yes = admin.n == 0 || (found && bytes_equal(adfq.s, admin));
out:
	return err;
}

/* Each is in the keeper's file, which is written whole: a client has so many at once. */
err_t trust_keys_of(struct resource_work *w, size_t *n)
{
	struct store_find find = { .name = BYTES("cr"), .value = w->ask->originator, .limit = CLIENTS_MAX };
	const struct store_row *row;
	uint64_t ids[CLIENTS_MAX];
	size_t found;
	err_t err;

	*n = 0;
	do {
		TRY(store_index_find(w->r->store, &find, ids, &found));
		for (size_t i = 0; i < found; i++) {
			TRY(store_get(w->r->store, ids[i], &row));
			*n += row && row->type == TYPE_KEY && !row_expired(row, w->now);
		}
		if (found)
			find.after = ids[found - 1];
	} while (found == CLIENTS_MAX && *n < KEYS_OF_CLIENT);
out:
	return err;
}

err_t trust_registered(struct resources *r, uint64_t base, struct bytes client, struct bytes admin,
                       int64_t now, uint64_t *id)
{
	struct store_find find = { .name = BYTES("cr"), .value = client, .limit = CLIENTS_MAX };
	uint64_t ids[CLIENTS_MAX];
	bool yes = false;
	size_t n;
	err_t err;

	*id = 0;
	do {
		TRY(store_index_find(r->store, &find, ids, &n));
		for (size_t i = 0; i < n && !yes; i++) {
			TRY(is_registration(r, ids[i], base, admin, now, &yes));
			*id = yes ? ids[i] : 0;
		}
		if (n)
			find.after = ids[n - 1];
	} while (n == CLIENTS_MAX && !yes);
out:
	return err;
}

/* --- a target of a key ------------------------------------------------------------------- */

err_t trust_is_target(const struct store_row *row, struct bytes originator, struct bytes credential,
                      bool *yes)
{
	struct bytes domain = bytes_sub(credential, BYTES("32-").n, credential.n), content;
	struct cbor list, item;
	bool found, is_cse = bytes_starts(credential, BYTES("32-"));
	err_t err;

	*yes = false;
	if (row->type != TYPE_KEY)
		return ERR_OK;
	TRY(body_get(row->body, BYTES("tgis"), &list, &found));
	content = found && list.kind == CBOR_ARRAY ? list.s : BYTES_NONE;
	for (uint64_t i = 0; content.n && i < list.u; i++) {
		TRY(cbor_next(&content, &item));
		*yes |= bytes_equal(item.s, originator) || (is_cse && bytes_equal(item.s, domain));
	}
out:
	return err;
}

err_t trust_client_of(const struct store_row *row, struct bytes *client)
{
	struct cbor cr;
	bool found;
	err_t err;

	TRY(body_get(row->body, BYTES("cr"), &cr, &found));
	*client = found && cr.kind == CBOR_TEXT ? cr.s : BYTES_NONE;
out:
	return err;
}

/* --- a client registers ------------------------------------------------------------------ */

/* The name of a stakeholder, as an SP-ID holds it. */
err_t trust_admin(struct resource_work *w, struct bytes *admin)
{
	struct buf sp = buf_make(URI_MAX);
	struct cbor adfq = { .kind = CBOR_NULL };
	err_t err;

	TRY(buf_add(&sp, BYTES("//")));
	if (set_get(&w->set, BYTES("adfq"), &adfq) && adfq.s.n <= DOMAIN_MAX)
		TRY(buf_add(&sp, adfq.s));
	*admin = adfq.s;
	if (!id_is_sp(bytes_of_buf(&sp)))
		err = refuse(w->out, RSC_BAD_REQUEST, "is no domain name", BYTES("adfq"));
out:
	buf_free(&sp);
	return err;
}

/* One registration an administrating stakeholder [TS-0003 8.3.5.2.3, 8.8.2.3]. */
err_t trust_client_created(struct resource_work *w)
{
	struct bytes admin, by_key = BYTES("12-");
	bool given = false;
	uint64_t there;
	err_t err;

	TRY(trust_admin(w, &admin));
	TRY(trust_registered(w->r, w->parent.id, w->ask->originator, admin, w->now, &there));
	if (there)
		return refuse(w->out, RSC_CONFLICT, "this client is registered for this stakeholder",
		              BYTES("adfq"));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("cr"), w->ask->originator));
	if (w->parent.type == places[TRUST_MAF].type)
		TRY(trust_assign(w, &given));
	/* By which key it came, where it came by one. */
	if (!given && bytes_starts(w->ask->credential, by_key) && bytes_find(w->ask->credential, '@') < w->ask->credential.n)
		TRY(set_put_text(w->r, w->arena, &w->set, BYTES("aski"),
		                 bytes_sub(w->ask->credential, by_key.n, w->ask->credential.n)));
out:
	return err;
}

/* Below it from the beginning: what it is to do, and nobody has said so yet. */
err_t trust_client_written(struct resource_work *w)
{
	return w->row.version == 0 ? configuration_none(w) : ERR_OK;
}
