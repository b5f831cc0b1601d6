/* roles.c: which Role-IDs are an originator's [TS-0001 9.6.38, 9.6.29; TS-0003 7.3.3]: a
 * request claims them, a role resource here says that it holds them, and the service
 * subscription that it may. What cannot be read gives no role. */
#include "resource/engine.h"
#include "resource/roles.h"

#include "base/clock.h"

enum { PAGES = 16 };
#define HELD BYTES("@held") /* index: issuer, a blank, holder */

static bool is_listed(struct bytes list, struct bytes name)
{
	while (list.n) {
		struct bytes one = bytes_cut(&list, ' ');

		if (one.n && bytes_equal(one, name))
			return true;
	}
	return false;
}

static bool is_claimed(struct cbor claimed, struct bytes role)
{
	struct cbor item;

	for (uint64_t i = 0; i < claimed.u && cbor_next(&claimed.s, &item) == ERR_OK; i++) {
		if (item.kind == CBOR_TEXT && bytes_equal(item.s, role))
			return true;
	}
	return false;
}

/* Of an authority, for the originator, now. */
static bool is_held(const struct store_row *row, const struct resource_role_ask *ask, struct bytes *role)
{
	struct bytes issuer, holder, from, until;
	int64_t since, end;

	return row && row->type == TYPE_ROLE && !row_expired(row, ask->now) &&
	       cbor_find_text(row->body, "rlid", role) == ERR_OK && cbor_find_text(row->body, "tkis", &issuer) == ERR_OK &&
	       cbor_find_text(row->body, "tkhd", &holder) == ERR_OK && cbor_find_text(row->body, "tknb", &from) == ERR_OK &&
	       cbor_find_text(row->body, "tkna", &until) == ERR_OK && bytes_equal(holder, ask->originator) &&
	       is_listed(ask->issuers, issuer) && clock_parse(from, &since) == ERR_OK &&
	       clock_parse(until, &end) == ERR_OK && since <= ask->now && ask->now < end;
}

/* One role resource: its role, when it counts. */
static err_t look_at(struct resources *r, struct arena *a, const struct resource_role_ask *ask, uint64_t id,
                     struct bytes *out, size_t *n)
{
	const struct store_row *row;
	struct bytes role;
	bool may;
	err_t err;

	TRY(store_get(r->store, id, &row));
	if (!is_held(row, ask, &role) || !is_claimed(ask->claimed, role))
		return ERR_OK;
	for (size_t i = 0; i < *n; i++) {
		if (bytes_equal(out[i], role))
			return ERR_OK;
	}
	TRY(arena_copy(a, role, &role)); /* the row may move while others are read */
	TRY(role_may_be_claimed(r, a, ask, role, &may));
	if (may)
		out[(*n)++] = role;
out:
	return err;
}

static err_t put_held(struct buf *out, struct bytes issuer, struct bytes holder)
{
	err_t err;

	buf_clear(out);
	TRY(buf_add(out, issuer));
	TRY(buf_add_byte(out, ' '));
	err = buf_add(out, holder);
out:
	return err;
}

err_t role_index(struct resources *r, uint64_t id, const struct attribute_set *set)
{
	struct buf held = buf_make(2 * URI_MAX + 1);
	struct cbor issuer, holder;
	bool is = set && set_get(set, BYTES("tkis"), &issuer) && set_get(set, BYTES("tkhd"), &holder);
	struct bytes value;
	err_t err = ERR_OK;

	if (is)
		TRY(put_held(&held, issuer.s, holder.s));
	value = bytes_of_buf(&held);
	err = store_index_set(r->store, id, HELD, &value, is);
out:
	buf_free(&held);
	return err;
}

static bool is_full(const struct resource_role_ask *ask, size_t n)
{
	return n >= ROLES_MAX || n >= ask->claimed.u;
}

static err_t look_at_all(struct resources *r, struct arena *a, const struct resource_role_ask *ask,
                         struct store_find find, struct bytes *out, size_t *n)
{
	uint64_t ids[PAGE];
	size_t found = PAGE;
	err_t err = ERR_OK;

	for (unsigned page = 0; page < PAGES && found == PAGE && !is_full(ask, *n); page++) {
		TRY(store_index_find(r->store, &find, ids, &found));
		for (size_t i = 0; i < found && !is_full(ask, *n) && resource_spend(r, 1); i++)
			TRY(look_at(r, a, ask, ids[i], out, n));
		find.after = found ? ids[found - 1] : 0;
	}
out:
	return err;
}

/* By issuer and holder: anybody who may make a role resource may name a holder, and what does
 * not count stands before nothing. Then by the holder alone: what was made before there were
 * such entries, or came from a file, has one from the next rotation on. */
err_t resource_roles(struct resources *r, struct arena *a, const struct resource_role_ask *ask,
                     struct bytes *out, size_t *n)
{
	struct store_find find = { .name = HELD, .limit = PAGE };
	struct buf held = buf_make(2 * URI_MAX + 1);
	struct bytes issuers = ask->issuers;
	err_t err = ERR_OK;

	*n = 0;
	if (ask->originator.n == 0 || ask->claimed.kind != CBOR_ARRAY)
		goto out;
	while (issuers.n) {
		TRY(put_held(&held, bytes_cut(&issuers, ' '), ask->originator));
		find.value = bytes_of_buf(&held);
		TRY(look_at_all(r, a, ask, find, out, n));
	}
	find.name = BYTES("tkhd");
	find.value = ask->originator;
	if (ask->issuers.n)
		TRY(look_at_all(r, a, ask, find, out, n));
out:
	buf_free(&held);
	return err;
}
