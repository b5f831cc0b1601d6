/* index.c: which resources have this value. Values are kept as keyed hashes,
 * each entry with a short MAC over hash and id, so that an entry moved to
 * another row is refused. */
#include "store/inner.h"

enum { CHUNK = 64 };

static err_t value_hash(struct store *s, uint32_t generation, struct bytes name, struct bytes value,
                        uint8_t out[ENGINE_HASH])
{
	uint8_t purpose[6 + ATTRIBUTE_MAX] = "index/";

	if (name.n == 0 || name.n > ATTRIBUTE_MAX || bytes_find(name, 0) < name.n)
		return ERR_RANGE;
	bytes_copy(purpose + 6, name.p, name.n);
	return keyed_hash(s, generation, bytes_make(purpose, 6 + name.n), value, BYTES_NONE, out);
}

static bool has_value(const struct index_change *c, const uint8_t value_h[ENGINE_HASH], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_equal(bytes_make(c->values[i], ENGINE_HASH), bytes_make(value_h, ENGINE_HASH)))
			return true;
	return false;
}

static const struct index_change *change_of(const struct slot *slot, struct bytes name)
{
	const struct index_change *c = slot->index;

	while (c && !bytes_equal(bytes_make(c->attribute, c->attribute_n), name))
		c = c->next;
	return c;
}

err_t store_index_set(struct store *s, uint64_t id, struct bytes name, const struct bytes *values, size_t n)
{
	struct index_change *c;
	struct slot *slot;
	err_t err;

	must(s->inside);
	if (name.n == 0 || name.n > ATTRIBUTE_MAX || n > 65536)
		return ERR_RANGE;
	TRY(rows_slot(s, id, &slot));
	if (!slot)
		return ERR_MISSING;
	c = mem_new(1, sizeof(*c) + n * ENGINE_HASH);
	if (!c)
		return ERR_MEMORY;
	c->generation = s->generations.now;
	c->attribute_n = (uint8_t)name.n;
	bytes_copy(c->attribute, name.p, name.n);
	for (size_t i = 0; i < n && err == ERR_OK; i++) {
		err = value_hash(s, c->generation, name, values[i], c->values[c->n]);
		if (err == ERR_OK && !has_value(c, c->values[c->n], c->n))
			c->n++;
	}
	if (err == ERR_OK)
		err = change_slot(s, slot, slot->state == SLOT_CLEAN ? SLOT_TOUCHED : slot->state);
	if (err == ERR_OK)
		err = change_index(s, slot, c);
	if (err != ERR_OK)
		mem_free(c);
out:
	return err;
}

/* Keep ids ascending, at most limit. */
static void add_id(uint64_t id, uint64_t *ids, size_t limit, size_t *n)
{
	size_t at;

	if (*n == limit && id > ids[limit - 1])
		return;
	at = *n < limit ? (*n)++ : *n - 1;
	for (; at > 0 && id < ids[at - 1]; at--)
		ids[at] = ids[at - 1];
	ids[at] = id;
}

static void find_changed(struct store *s, const struct index_entry *asked, uint64_t *ids, size_t limit, size_t *n)
{
	for (size_t i = 0; i < s->indexed_n; i++) {
		const struct slot *slot = s->indexed[i];
		const struct index_change *c = slot->data ? change_of(slot, asked->attribute) : NULL;

		if (c && slot->id > asked->id && has_value(c, asked->value_h, c->n))
			add_id(slot->id, ids, limit, n);
	}
}

/* Does this engine entry still hold, and is it bound to its row? */
static err_t entry_holds(struct store *s, uint32_t generation, const struct index_entry *entry,
                         bool *holds)
{
	const struct slot *slot = cache_find(s, entry->id);
	struct index_entry good = *entry;
	err_t err;

	*holds = false;
	if (slot && (!slot->data || change_of(slot, entry->attribute)))
		return ERR_OK;
	TRY(keyed_check(s, generation, &good));
	if (!bytes_equal(BYTES_OF(good.check), BYTES_OF(entry->check)))
		return ERR_TAMPERED;
	*holds = true;
out:
	return err;
}

/* What is hashed under the index keys of one generation; ids are kept ascending. */
static err_t find_under(struct store *s, uint32_t generation, const struct store_find *find,
                        uint64_t *ids, size_t *n)
{
	struct index_entry asked = { .attribute = find->name, .id = find->after }, at, chunk[CHUNK];
	size_t got = CHUNK;
	err_t err;

	TRY(value_hash(s, generation, find->name, find->value, asked.value_h));
	at = asked;
	while (got == CHUNK && (*n < find->limit || at.id < ids[find->limit - 1])) {
		TRY(s->ops->index_find(s->engine, &at, chunk, CHUNK, &got));
		for (size_t i = 0; i < got; i++) {
			bool holds;

			at.id = chunk[i].id;
			TRY(entry_holds(s, generation, &chunk[i], &holds));
			if (holds)
				add_id(at.id, ids, find->limit, n);
		}
	}
	find_changed(s, &asked, ids, find->limit, n);
out:
	return err;
}

err_t store_index_find(struct store *s, const struct store_find *find, uint64_t *ids, size_t *n)
{
	uint32_t generation[2];
	unsigned generations = keyed_generations(s, generation);
	err_t err = ERR_OK;

	*n = 0;
	for (unsigned i = 0; i < generations && find->limit; i++)
		TRY(find_under(s, generation[i], find, ids, n));
out:
	return err;
}
