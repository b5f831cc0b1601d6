/* rows.c: resource rows: put, take, find, walk.
 *
 * Every look-up asks the slots first and the engine second; what the engine
 * says is believed after the row was opened and is the one asked for.
 *
 * A row whose name ends in its own id in decimal ("cin-117" of row 117) does not
 * stand in the name index: it is found by that number. No other row of the same
 * parent can have its name (store_insert looks at both), so names stay unique
 * while the mass type pays for one index entry less.
 *
 * Nor does it pay for looking whether somebody gave its name before: `future` is
 * the greatest number in which a name ends that is not its row's own and was not
 * in use when the name was given. A name whose number is new (>= fresh_from) and
 * above `future` can stand in no index, nor among the names of the slots. */
#include "store/inner.h"

#define ROW_NAME BYTES("row/name")
#define ROW_IDENT BYTES("row/ident")

/* The number a name ends in; 0 when it is nothing but a number, or ends in none. */
static uint64_t name_number(struct bytes name)
{
	size_t at = name.n;
	uint64_t v = 0;

	while (at > 0 && name.p[at - 1] >= '0' && name.p[at - 1] <= '9')
		at--;
	if (at == 0 || bytes_to_u64(bytes_sub(name, at, name.n), UINT64_MAX, &v) != ERR_OK)
		return 0;
	return v;
}

static bool is_gone(const struct slot *slot)
{
	return slot->state == SLOT_DELETED || slot->state == SLOT_VOID;
}

err_t rows_slot(struct store *s, uint64_t id, struct slot **out)
{
	struct slot *slot = cache_find(s, id);
	struct row_data *data = NULL;
	struct sealed_row row;
	bool found;
	err_t err = ERR_OK;

	*out = NULL;
	if (slot) {
		if (!is_gone(slot)) {
			cache_use(s, slot);
			*out = slot;
		}
		return ERR_OK;
	}
	if (id == 0 || id >= s->fresh_from)
		return ERR_OK;
	TRY(s->ops->row_get(s->engine, id, &row, &found));
	if (!found)
		return ERR_OK;
	TRY(unseal_row(s, &row, &data));
	TRY(cache_add(s, id, &slot));
	cache_attach(s, slot, data);
	data = NULL;
	*out = slot;
out:
	mem_free(data);
	return err;
}

err_t store_fetch(struct store *s, const uint64_t *ids, size_t n, const struct store_row **out)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		struct slot *slot;

		out[i] = NULL;
		TRY(rows_slot(s, ids[i], &slot));
		if (slot)
			out[i] = &slot->data->row;
	}
out:
	return err;
}

err_t store_get(struct store *s, uint64_t id, const struct store_row **out)
{
	return store_fetch(s, &id, 1, out);
}

/* --- finding -------------------------------------------------------------------- */

static err_t name_hash(struct store *s, uint32_t generation, uint64_t parent, struct bytes name,
                       uint8_t out[ENGINE_HASH])
{
	uint8_t octets[8];

	put_be64(octets, parent);
	return keyed_hash(s, generation, ROW_NAME, BYTES_OF(octets), name, out);
}

err_t rows_rehash(struct store *s, struct row_data *data)
{
	const struct store_row *row = &data->row;
	uint32_t now = s->generations.now;
	err_t err = ERR_OK;

	if (data->has_name)
		TRY(name_hash(s, now, row->parent, row->name, data->name_h));
	if (row->ident.n)
		TRY(keyed_hash(s, now, ROW_IDENT, row->ident, BYTES_NONE, data->ident_h));
out:
	return err;
}

static bool is_named(const struct slot *slot, uint64_t parent, struct bytes name)
{
	return slot->data->row.parent == parent && bytes_equal(slot->data->row.name, name);
}

/* Through the name index: a row that says otherwise was put there by a stranger. */
static err_t find_indexed(struct store *s, uint64_t parent, struct bytes name, uint64_t *id)
{
	uint32_t generation[2];
	unsigned n = keyed_generations(s, generation);
	uint8_t name_h[ENGINE_HASH];
	struct slot *slot;
	uint64_t found = 0;
	err_t err = ERR_OK;

	*id = 0;
	for (unsigned i = 0; i < n && !found; i++) {
		TRY(name_hash(s, generation[i], parent, name, name_h));
		TRY(s->ops->row_named(s->engine, name_h, &found));
	}
	if (!found)
		return ERR_OK;
	slot = cache_find(s, found);
	if (slot && is_gone(slot))
		return ERR_OK;
	TRY(rows_slot(s, found, &slot));
	if (!slot || !is_named(slot, parent, name))
		return ERR_TAMPERED;
	*id = found;
out:
	return err;
}

err_t store_find_child(struct store *s, uint64_t parent, struct bytes name, uint64_t *id)
{
	uint64_t number = name_number(name);
	bool unheard = number >= s->fresh_from && number > s->future;
	struct slot *slot = unheard ? NULL : cache_find_name(s, parent, name);
	err_t err;

	*id = 0;
	if (!slot && number) {
		TRY(rows_slot(s, number, &slot));
		if (slot && !is_named(slot, parent, name))
			slot = NULL;
	}
	if (slot) {
		cache_use(s, slot);
		*id = slot->id;
		return ERR_OK;
	}
	if (unheard)
		return ERR_OK;
	TRY(find_indexed(s, parent, name, id));
out:
	return err;
}

err_t store_find_ident(struct store *s, struct bytes ident, uint64_t *id)
{
	struct slot *slot = cache_find_ident(s, ident);
	uint32_t generation[2];
	unsigned n = keyed_generations(s, generation);
	uint8_t ident_h[ENGINE_HASH];
	uint64_t found = 0;
	err_t err = ERR_OK;

	*id = 0;
	if (ident.n == 0)
		return ERR_OK;
	if (slot) {
		cache_use(s, slot);
		*id = slot->id;
		return ERR_OK;
	}
	for (unsigned i = 0; i < n && !found; i++) {
		TRY(keyed_hash(s, generation[i], ROW_IDENT, ident, BYTES_NONE, ident_h));
		TRY(s->ops->row_ident(s->engine, ident_h, &found));
	}
	slot = found ? cache_find(s, found) : NULL;
	if (!found || (slot && is_gone(slot)))
		return ERR_OK;
	TRY(rows_slot(s, found, &slot));
	if (!slot || !bytes_equal(slot->data->row.ident, ident))
		return ERR_TAMPERED;
	*id = found;
out:
	return err;
}

/* --- changing ------------------------------------------------------------------- */

uint64_t store_next_id(struct store *s)
{
	uint64_t at = s->promised;

	must(s->inside);
	for (size_t i = 0; i < s->promises_n; i++) {
		const struct store_ids *ids = &s->promises[i];

		if (at < ids->end - ids->from) {
			s->promised++;
			return ids->from + at;
		}
		at -= ids->end - ids->from;
	}
	return s->next_id++;
}

uint64_t store_id_at(const struct store *s)
{
	return s->next_id;
}

bool store_keep_ids(struct store *s, uint64_t end)
{
	must(s->inside);
	if (s->next_id < end)
		s->next_id = end;
	if (s->at_begin.next_id < end)
		s->at_begin.next_id = end;
	return end <= s->reserved;
}

void store_promise_ids(struct store *s, const struct store_ids *list, size_t n)
{
	s->promised = 0;
	s->promises = list;
	s->promises_n = n;
}

static bool row_fits(const struct store_row *row)
{
	return row->name.n <= NAME_MAX_OCTETS && row->ident.n <= NAME_MAX_OCTETS &&
	       row->body.n <= BODY_MAX;
}

/* Are id, name and ident free? Fills the hashes of the new version. */
static err_t insert_allowed(struct store *s, struct row_data *data)
{
	const struct store_row *row = &data->row;
	uint64_t number = name_number(row->name), taken = 0;
	struct slot *slot;
	err_t err;

	TRY(rows_slot(s, row->id, &slot));
	if (slot || cache_find(s, row->id))
		return ERR_EXISTS;
	TRY(store_find_child(s, row->parent, row->name, &taken));
	if (taken)
		return ERR_EXISTS;
	data->has_name = number != row->id;
	if (data->has_name && number >= s->fresh_from && number > s->future)
		s->future = number;
	if (row->ident.n)
		TRY(store_find_ident(s, row->ident, &taken));
	if (taken)
		return ERR_EXISTS;
	TRY(rows_rehash(s, data));
out:
	return err;
}

err_t store_insert(struct store *s, const struct store_row *row)
{
	struct row_data *data = NULL;
	struct slot *slot = NULL;
	err_t err;

	must(s->inside);
	if (row->id == 0 || row->name.n == 0)
		return ERR_RANGE;
	if (!row_fits(row))
		return ERR_LIMIT;
	TRY(row_data_new(row, &data));
	data->row.version = 1;
	TRY(insert_allowed(s, data));
	*childless_at(s, row->parent, row->type) = (struct childless){ 0 };
	TRY(cache_add(s, row->id, &slot));
	slot->parent = row->parent;
	TRY(change_slot(s, slot, SLOT_NEW));
	change_as_child(s, slot);
	change_data(s, slot, data);
	data = NULL;
	slot = NULL;
	s->rows_change++;
	if (row->id >= s->next_id)
		s->next_id = row->id + 1;
out:
	if (slot)
		cache_drop(s, slot);
	mem_free(data);
	return err;
}

static enum slot_state changed_state(const struct slot *slot)
{
	return slot->state == SLOT_NEW ? SLOT_NEW : SLOT_CHANGED;
}

err_t store_update(struct store *s, const struct store_row *row)
{
	struct row_data *data = NULL;
	struct store_row next;
	struct slot *slot;
	err_t err;

	must(s->inside);
	TRY(rows_slot(s, row->id, &slot));
	if (!slot)
		return ERR_MISSING;
	next = slot->data->row;
	next.body = row->body;
	next.modified = row->modified;
	next.expires = row->expires;
	next.size = row->size;
	next.version++;
	if (!row_fits(&next))
		return ERR_LIMIT;
	TRY(row_data_new(&next, &data));
	data->has_name = slot->data->has_name;
	bytes_copy(data->name_h, slot->data->name_h, ENGINE_HASH);
	bytes_copy(data->ident_h, slot->data->ident_h, ENGINE_HASH);
	TRY(change_slot(s, slot, changed_state(slot)));
	change_data(s, slot, data);
	data = NULL;
out:
	mem_free(data);
	return err;
}

err_t store_delete(struct store *s, uint64_t id)
{
	struct slot *slot;
	err_t err;

	must(s->inside);
	TRY(rows_slot(s, id, &slot));
	if (!slot)
		return ERR_MISSING;
	TRY(change_slot(s, slot, slot->state == SLOT_NEW ? SLOT_VOID : SLOT_DELETED));
	change_data(s, slot, NULL);
	s->rows_change--;
out:
	return err;
}

err_t store_count(struct store *s, uint64_t *rows)
{
	err_t err = ERR_OK;

	if (!s->rows_known)
		TRY(s->ops->row_count(s->engine, &s->rows));
	s->rows_known = true;
	*rows = (uint64_t)((int64_t)s->rows + s->rows_change);
out:
	return err;
}
