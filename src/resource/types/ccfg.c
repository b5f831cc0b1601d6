/* The configuration of a client of MAF or MEF [TS-0003 8.3.5.2.4, 8.8.2.4]: which keys its
 * stakeholder wants it to register, and for whom. Operators give it for one registration,
 * or for all of a function; one's own goes before that of all, usage by usage.
 *
 *   mafBase  "@32": [ "//sp.example/in-cse" ]      of all
 *     registration
 *       cfg  "@32": [ "//sp.example/mn-cse" ]      its own; shown as keyRegCfg
 *
 * It binds: a key for a usage that it names is registered for these targets, or for some
 * of them, and for no others. */
#include "primitive/id.h"
#include "resource/engine.h"
#include "resource/trust.h"

enum { ITEM_MAX = 16384, NAME_MAX = 4 };

static const char name[] = "cfg";
static const uint8_t usages[] = { 21, 22, 23, 24, 25, 32, 33, 34, 35 };

/* Member of a body that is ours: the targets of this usage. */
static struct bytes key_of(uint64_t suid)
{
	static const char *const keys[] = {
		[21] = "@21", [22] = "@22", [23] = "@23", [24] = "@24", [25] = "@25",
		[32] = "@32", [33] = "@33", [34] = "@34", [35] = "@35",
	};

	return suid < COUNT_OF(keys) && keys[suid] ? bytes_str(keys[suid]) : BYTES_NONE;
}

err_t configuration_none(struct resource_work *w)
{
	struct store_row row = { .parent = w->row.id, .type = TYPE_CLIENT_CFG, .created = w->now, .modified = w->now,
		                 .name = bytes_str(name) };
	struct attribute_set set = { .n = 0 };
	err_t err;

	row.id = store_next_id(w->r->store);
	TRY(set_put_text(w->r, w->arena, &set, BYTES(INTERNAL_CREATOR), w->ask->originator));
	TRY(set_encode(w->r, w->arena, &set, &row.body));
	TRY(work_account(w, BYTES_NONE, row.body));
	TRY(store_insert(w->r->store, &row));
out:
	return err;
}

/* --- what holds ------------------------------------------------------------------------- */

static err_t targets_in(struct resources *r, uint64_t id, uint64_t suid, struct arena *a, struct bytes *list)
{
	const struct store_row *row;
	struct cbor v;
	bool found = false;
	err_t err;

	*list = BYTES_NONE;
	TRY(store_get(r->store, id, &row));
	if (row)
		TRY(body_get(row->body, key_of(suid), &v, &found));
	if (found)
		TRY(arena_copy(a, v.raw, list));
out:
	return err;
}

err_t trust_configured(struct resources *r, const struct trust_client *client, uint64_t suid, struct arena *a,
                       struct bytes *list)
{
	uint64_t own;
	err_t err;

	*list = BYTES_NONE;
	if (!key_of(suid).n)
		return ERR_OK;
	TRY(store_find_child(r->store, client->registration, bytes_str(name), &own));
	if (own)
		TRY(targets_in(r, own, suid, a, list));
	if (!list->n)
		TRY(targets_in(r, client->base, suid, a, list));
out:
	return err;
}

/* --- given by an operator ------------------------------------------------------------------ */

/* The row that it is kept in: of the function, or of one registration there. */
static err_t find_row(struct resources *r, const struct trust_configuration *c, uint64_t *id)
{
	struct place place;
	uint64_t base;
	err_t err;

	*id = 0;
	TRY(trust_base(r, c->place, &base));
	if (!c->registration.n) {
		*id = base;
	} else {
		const struct store_row *row;

		TRY(tree_walk(r, c->registration, &place));
		if (place.where != TARGET_HERE || place.virtual_child)
			return ERR_MISSING;
		TRY(store_get(r->store, place.id, &row));
		if (row && base && row->parent == base)
			TRY(store_find_child(r->store, place.id, bytes_str(name), id));
	}
	err = *id ? ERR_OK : ERR_MISSING;
out:
	return err;
}

err_t trust_configure(struct resources *r, const struct permit *system, const struct trust_configuration *c)
{
	struct own_change change = { .row.id = 0 };
	struct buf list = buf_make(ITEM_MAX);
	struct bytes encoded;
	uint64_t id;
	err_t err;

	TRY(trust_usage_fits(c->place, c->suid) ? ERR_OK : ERR_RANGE);
	TRY(find_row(r, c, &id));
	TRY(own_begin(r, system, id, &change));
	TRY(change.row.id ? ERR_OK : ERR_MISSING);
	set_drop(&change.set, key_of(c->suid));
	if (c->targets_n) {
		TRY(cbor_put_array(&list, c->targets_n));
		for (size_t i = 0; i < c->targets_n; i++)
			TRY(trust_put_target(r, c->targets[i], c->suid, &list));
		TRY(arena_copy(&change.arena, bytes_of_buf(&list), &encoded));
		TRY(set_put(&change.set, key_of(c->suid), encoded));
	}
	change.row.modified = c->now;
	err = own_write(r, &change);
out:
	if (change.row.id)
		own_end(&change);
	buf_free(&list);
	return err;
}

/* --- retrieved by its client --------------------------------------------------------------- */

/* One keyRegCfg [TS-0003 12.4.3], appended. */
static err_t put_key(struct bytes admin, uint64_t suid, struct bytes targets, struct buf *out)
{
	struct buf adfq = buf_make(ITEM_MAX), usage = buf_make(16);
	struct cbor_member m[3] = { { BYTES("tgis"), targets } };
	err_t err;

	TRY(cbor_put_text(&adfq, admin));
	TRY(cbor_put_uint(&usage, suid));
	m[1] = (struct cbor_member){ BYTES("adfq"), bytes_of_buf(&adfq) };
	m[2] = (struct cbor_member){ BYTES("suid"), bytes_of_buf(&usage) };
	err = cbor_put_members(out, m, COUNT_OF(m));
out:
	buf_free(&adfq);
	buf_free(&usage);
	return err;
}

/* clientRegCfg [TS-0003 12.4.2]: this function, for this stakeholder. */
static err_t put_client(struct resource_work *w, struct bytes admin, struct attribute_set *set)
{
	const struct cse_identity *cse = resources_cse(w->r);
	struct buf fqdn = buf_make(ITEM_MAX), fq = buf_make(ITEM_MAX), adfq = buf_make(ITEM_MAX), all = buf_make(ITEM_MAX);
	struct cbor_member m[2];
	struct bytes encoded;
	err_t err;

	TRY(buf_printf(&fqdn, "%.*s.%.*s", BYTES_FMT(bytes_sub(cse->cse_id, 1, cse->cse_id.n)),
	               BYTES_FMT(bytes_sub(cse->sp_id, 2, cse->sp_id.n))));
	TRY(cbor_put_text(&fq, bytes_of_buf(&fqdn)));
	TRY(cbor_put_text(&adfq, admin));
	m[0] = (struct cbor_member){ BYTES("fq"), bytes_of_buf(&fq) };
	m[1] = (struct cbor_member){ BYTES("adfq"), bytes_of_buf(&adfq) };
	TRY(cbor_put_members(&all, m, COUNT_OF(m)));
	TRY(arena_copy(w->arena, bytes_of_buf(&all), &encoded));
	TRY(set_put(set, BYTES("crc"), encoded));
out:
	buf_free(&fqdn);
	buf_free(&fq);
	buf_free(&adfq);
	buf_free(&all);
	return err;
}

/* All usages of which something is said; *n of them, one after the other. */
static err_t put_keys(struct resource_work *w, const struct trust_client *client, struct bytes admin,
                      struct buf *out, uint64_t *n)
{
	struct bytes list;
	err_t err = ERR_OK;

	*n = 0;
	for (size_t i = 0; i < COUNT_OF(usages); i++) {
		TRY(trust_configured(w->r, client, usages[i], w->arena, &list));
		if (!list.n)
			continue;
		TRY(put_key(admin, usages[i], list, out));
		++*n;
	}
out:
	return err;
}

static err_t shown(struct resource_work *w, struct attribute_set *set)
{
	struct trust_client client = { .registration = w->row.parent };
	struct buf keys = buf_make(16 * ITEM_MAX), list = buf_make(17 * ITEM_MAX);
	const struct store_row *row;
	struct bytes admin, encoded;
	struct cbor adfq;
	uint64_t n;
	bool found;
	err_t err;

	TRY(store_get(w->r->store, client.registration, &row));
	TRY(row ? ERR_OK : ERR_TAMPERED);
	client.base = row->parent;
	TRY(body_get(row->body, BYTES("adfq"), &adfq, &found));
	TRY(arena_copy(w->arena, found ? adfq.s : BYTES_NONE, &admin));
	TRY(put_keys(w, &client, admin, &keys, &n));
	if (!n) {
		err = refuse(w->out, RSC_NOT_FOUND, "nobody has configured this client", NO_DETAIL);
		goto out;
	}
	TRY(cbor_put_array(&list, n));
	TRY(buf_add(&list, bytes_of_buf(&keys)));
	TRY(arena_copy(w->arena, bytes_of_buf(&list), &encoded));
	TRY(set_put(set, BYTES("krc"), encoded));
	TRY(put_client(w, admin, set));
out:
	buf_free(&keys);
	buf_free(&list);
	return err;
}

const struct resource_hooks resource_hooks_ccfg = { .shown = shown };
