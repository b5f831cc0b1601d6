/* cache.c: opened rows in memory, found by id, by parent and name, by ident.
 *
 * Clean slots stand in a list by last use and are dropped from its old end, but
 * only at the borders of requests and transactions: row pointers given out stay
 * good until then. Dirty slots stand outside that list until they are written. */
#include "store/inner.h"

enum { BUCKETS_FIRST = 1024, CLEAN_OVER = 65536 };
enum { OCTETS_OVER = 256 * 1024 * 1024 };

static uint64_t name_hash(const struct store *s, uint64_t parent, struct bytes name)
{
	struct hash_key k = s->hash_key;

	k.k[0] ^= parent;
	return hash_bytes(&k, name);
}

static void table_grow(struct slot_table *t, enum slot_link by)
{
	size_t buckets = t->buckets ? t->buckets * 2 : BUCKETS_FIRST;
	struct slot **heads = mem_new(buckets, sizeof(*heads));

	if (!heads)
		return; /* longer chains, no error */
	for (size_t i = 0; i < t->buckets; i++) {
		while (t->heads[i]) {
			struct slot *slot = t->heads[i];
			struct slot **head = &heads[slot->hash[by] & (buckets - 1)];

			t->heads[i] = slot->next[by];
			slot->next[by] = *head;
			*head = slot;
		}
	}
	mem_free(t->heads);
	t->heads = heads;
	t->buckets = buckets;
}

static err_t table_ready(struct store *s)
{
	for (int by = 0; by < SLOT_LINKS; by++) {
		struct slot_table *t = &s->tables[by];

		if (t->used >= t->buckets)
			table_grow(t, by);
		if (!t->buckets)
			return ERR_MEMORY;
	}
	return ERR_OK;
}

static void link_slot(struct store *s, struct slot *slot, enum slot_link by, uint64_t hash)
{
	struct slot_table *t = &s->tables[by];
	struct slot **head = &t->heads[hash & (t->buckets - 1)];

	slot->hash[by] = hash;
	slot->next[by] = *head;
	slot->linked[by] = true;
	*head = slot;
	t->used++;
}

static void unlink_slot(struct store *s, struct slot *slot, enum slot_link by)
{
	struct slot_table *t = &s->tables[by];
	struct slot **at;

	if (!slot->linked[by])
		return;
	at = &t->heads[slot->hash[by] & (t->buckets - 1)];
	while (*at != slot)
		at = &(*at)->next[by];
	*at = slot->next[by];
	slot->linked[by] = false;
	t->used--;
}

static struct slot *bucket(struct store *s, enum slot_link by, uint64_t hash)
{
	struct slot_table *t = &s->tables[by];

	return t->buckets ? t->heads[hash & (t->buckets - 1)] : NULL;
}

static uint64_t id_hash(uint64_t id)
{
	/* Ids are ours: no key needed. */
	return id * 0x9e3779b97f4a7c15 >> 20;
}

struct slot *cache_find(struct store *s, uint64_t id)
{
	struct slot *slot = bucket(s, BY_ID, id_hash(id));

	while (slot && slot->id != id)
		slot = slot->next[BY_ID];
	return slot;
}

struct slot *cache_find_name(struct store *s, uint64_t parent, struct bytes name)
{
	uint64_t hash = name_hash(s, parent, name);
	struct slot *slot;

	for (slot = bucket(s, BY_NAME, hash); slot; slot = slot->next[BY_NAME])
		if (slot->hash[BY_NAME] == hash && slot->data->row.parent == parent &&
		    bytes_equal(slot->data->row.name, name))
			break;
	return slot;
}

struct slot *cache_find_ident(struct store *s, struct bytes ident)
{
	uint64_t hash = hash_bytes(&s->hash_key, ident);
	struct slot *slot;

	for (slot = bucket(s, BY_IDENT, hash); slot; slot = slot->next[BY_IDENT])
		if (slot->hash[BY_IDENT] == hash && bytes_equal(slot->data->row.ident, ident))
			break;
	return slot;
}

void cache_out_of_lru(struct store *s, struct slot *slot)
{
	if (slot->newer)
		slot->newer->older = slot->older;
	else
		s->newest = slot->older;
	if (slot->older)
		slot->older->newer = slot->newer;
	else
		s->oldest = slot->newer;
	slot->newer = slot->older = NULL;
	s->clean_n--;
	s->clean_octets -= slot->data ? slot->data->size : 0;
}

void cache_into_lru(struct store *s, struct slot *slot)
{
	slot->newer = NULL;
	slot->older = s->newest;
	if (s->newest)
		s->newest->newer = slot;
	else
		s->oldest = slot;
	s->newest = slot;
	s->clean_n++;
	s->clean_octets += slot->data ? slot->data->size : 0;
}

void cache_use(struct store *s, struct slot *slot)
{
	if (slot->state != SLOT_CLEAN || s->newest == slot)
		return;
	cache_out_of_lru(s, slot);
	cache_into_lru(s, slot);
}

err_t cache_add(struct store *s, uint64_t id, struct slot **out)
{
	struct slot *slot;
	err_t err;

	*out = NULL;
	if (s->clean_n > s->cache_rows + CLEAN_OVER || s->clean_octets > s->cache_octets + OCTETS_OVER)
		return ERR_LIMIT;
	TRY(table_ready(s));
	slot = mem_new(1, sizeof(*slot));
	if (!slot)
		return ERR_MEMORY;
	slot->id = id;
	link_slot(s, slot, BY_ID, id_hash(id));
	cache_into_lru(s, slot);
	*out = slot;
out:
	return err;
}

void cache_attach(struct store *s, struct slot *slot, struct row_data *data)
{
	must(!slot->data);
	slot->data = data;
	if (slot->state == SLOT_CLEAN)
		s->clean_octets += data->size;
	/* A row named by its own id is found by that (rows.c). */
	if (data->has_name)
		link_slot(s, slot, BY_NAME, name_hash(s, data->row.parent, data->row.name));
	if (data->row.ident.n)
		link_slot(s, slot, BY_IDENT, hash_bytes(&s->hash_key, data->row.ident));
}

struct row_data *cache_detach(struct store *s, struct slot *slot)
{
	struct row_data *data = slot->data;

	unlink_slot(s, slot, BY_NAME);
	unlink_slot(s, slot, BY_IDENT);
	if (data && slot->state == SLOT_CLEAN)
		s->clean_octets -= data->size;
	slot->data = NULL;
	return data;
}

static void free_row_data(struct row_data *data)
{
	mem_free(data);
}

void cache_drop(struct store *s, struct slot *slot)
{
	free_row_data(cache_detach(s, slot));
	if (slot->state == SLOT_CLEAN)
		cache_out_of_lru(s, slot);
	unlink_slot(s, slot, BY_ID);
	mem_free(slot);
}

void cache_trim(struct store *s)
{
	while (s->clean_n > s->cache_rows || (s->clean_octets > s->cache_octets && s->clean_n > 0))
		cache_drop(s, s->oldest);
}

void cache_free(struct store *s)
{
	while (s->oldest)
		cache_drop(s, s->oldest);
	for (int by = 0; by < SLOT_LINKS; by++)
		mem_free(s->tables[by].heads);
}

static struct bytes place(uint8_t **at, struct bytes b)
{
	struct bytes copy = bytes_make(*at, b.n);

	bytes_copy(*at, b.p, b.n);
	*at += b.n;
	return copy;
}

err_t row_data_new(const struct store_row *row, struct row_data **out)
{
	size_t n = row->name.n + row->ident.n + row->body.n;
	struct row_data *data = mem_new(1, sizeof(*data) + n);
	uint8_t *at;

	*out = data;
	if (!data)
		return ERR_MEMORY;
	at = data->octets;
	data->size = sizeof(*data) + n;
	data->row = *row;
	data->row.name = place(&at, row->name);
	data->row.ident = place(&at, row->ident);
	data->row.body = place(&at, row->body);
	return ERR_OK;
}
