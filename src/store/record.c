/* record.c: small named records. Few, small, rarely changed: the changes of a
 * transaction are a list, newest first in each chain. */
#include "store/inner.h"

enum { KEY_MAX = 1024, VALUE_MAX = 1024 * 1024 };

static err_t hash_of(struct store *s, uint32_t generation, uint32_t kind, struct bytes key,
                     uint8_t out[ENGINE_HASH])
{
	uint8_t octets[4];

	put_be32(octets, kind);
	return keyed_hash(s, generation, BYTES("record"), BYTES_OF(octets), key, out);
}

err_t record_hash(struct store *s, uint32_t kind, struct bytes key, uint8_t out[ENGINE_HASH])
{
	return hash_of(s, s->generations.now, kind, key, out);
}

static size_t chain_of(const uint8_t key_h[ENGINE_HASH])
{
	return get_be32(key_h) % CHAINS;
}

static struct record_change *find_change(struct store *s, uint32_t kind, const uint8_t key_h[ENGINE_HASH])
{
	struct record_change *c = s->record_chains[chain_of(key_h)];

	while (c && (c->kind != kind || !bytes_equal(BYTES_OF(c->key_h), bytes_make(key_h, ENGINE_HASH))))
		c = c->older;
	return c;
}

void records_forget(struct store *s, size_t down_to)
{
	while (s->records_n > down_to) {
		struct record_change *c = s->records[--s->records_n];

		s->record_chains[chain_of(c->key_h)] = c->older;
		s->record_octets -= c->key.n + c->value.n;
		mem_free(c);
	}
}

struct record_ask {
	uint32_t kind;
	bool deleted;
	struct bytes key, value;
};

static err_t add_change(struct store *s, uint32_t generation, const struct record_ask *ask)
{
	struct record_change *c = NULL;
	size_t chain, n = ask->key.n + ask->value.n;
	uint8_t *at;
	err_t err;

	must(s->inside);
	if (ask->key.n == 0 || ask->key.n > KEY_MAX || ask->value.n > VALUE_MAX ||
	    s->record_octets + n > PENDING_MAX)
		return ERR_LIMIT;
	TRY(list_room(&s->records, s->records_n, &s->records_cap, sizeof(*s->records)));
	c = mem_new(1, sizeof(*c) + n);
	if (!c)
		return ERR_MEMORY;
	TRY(hash_of(s, generation, ask->kind, ask->key, c->key_h));
	at = (uint8_t *)(c + 1);
	bytes_copy(at, ask->key.p, ask->key.n);
	bytes_copy(at + ask->key.n, ask->value.p, ask->value.n);
	c->kind = ask->kind;
	c->deleted = ask->deleted;
	c->key = bytes_make(at, ask->key.n);
	c->value = bytes_make(at + ask->key.n, ask->value.n);
	chain = chain_of(c->key_h);
	c->older = s->record_chains[chain];
	s->record_chains[chain] = c;
	s->records[s->records_n++] = c;
	s->record_octets += n;
	c = NULL;
out:
	mem_free(c);
	return err;
}

/* While index keys are rotated it may stand in the place of before: from there it goes. */
static err_t record_change(struct store *s, const struct record_ask *ask)
{
	size_t before = s->records_n;
	err_t err = ERR_OK;

	if (s->generations.before != NO_GENERATION)
		TRY(add_change(s, s->generations.before,
		               &(struct record_ask){ ask->kind, true, ask->key, BYTES_NONE }));
	err = add_change(s, s->generations.now, ask);
out:
	if (err != ERR_OK)
		records_forget(s, before);
	return err;
}

err_t store_record_put(struct store *s, enum store_record kind, struct bytes key, struct bytes value)
{
	return record_change(s, &(struct record_ask){ kind, false, key, value });
}

err_t store_record_delete(struct store *s, enum store_record kind, struct bytes key)
{
	return record_change(s, &(struct record_ask){ kind, true, key, BYTES_NONE });
}

err_t record_change_internal(struct store *s, struct bytes key, struct bytes value)
{
	return record_change(s, &(struct record_ask){ STORE_INTERNAL, false, key, value });
}

bool record_is_changed(struct store *s, uint32_t kind, const uint8_t key_h[ENGINE_HASH])
{
	return find_change(s, kind, key_h) != NULL;
}

err_t record_change_same(struct store *s, uint32_t kind, struct bytes key, struct bytes value)
{
	return record_change(s, &(struct record_ask){ kind, false, key, value });
}

err_t record_get(struct store *s, uint32_t kind, struct bytes key, struct bytes *value)
{
	uint32_t generation[2];
	unsigned n = keyed_generations(s, generation);
	struct sealed_record r;
	struct bytes stored;
	bool found = false;
	err_t err = ERR_OK;

	*value = BYTES_NONE;
	for (unsigned i = 0; i < n && !found; i++) {
		const struct record_change *c;
		uint8_t key_h[ENGINE_HASH];

		TRY(hash_of(s, generation[i], kind, key, key_h));
		c = find_change(s, kind, key_h);
		if (c) {
			*value = c->value;
			return ERR_OK;
		}
		TRY(s->ops->record_get(s->engine, kind, key_h, &r, &found));
	}
	if (!found)
		return ERR_OK;
	TRY(unseal_record(s, &r, &stored, value));
	if (!bytes_equal(stored, key))
		err = ERR_TAMPERED;
out:
	return err;
}

err_t store_record_get(struct store *s, enum store_record kind, struct bytes key, struct arena *a,
                       struct bytes *value)
{
	struct bytes view;
	err_t err;

	*value = BYTES_NONE;
	TRY(record_get(s, kind, key, &view));
	TRY(arena_copy(a, view, value));
out:
	return err;
}

typedef err_t (*record_each)(void *self, struct bytes key, struct bytes value);

/* The callee may read the store, which uses s->opened: it gets a copy. */
static err_t give(struct store *s, const struct sealed_record *r, record_each each, void *self)
{
	struct bytes key, value;
	struct buf copy = buf_make(KEY_MAX + VALUE_MAX);
	size_t key_n;
	err_t err;

	TRY(unseal_record(s, r, &key, &value));
	key_n = key.n;
	TRY(buf_add(&copy, key));
	TRY(buf_add(&copy, value));
	TRY(each(self, bytes_make(copy.p, key_n), bytes_make(copy.p + key_n, copy.n - key_n)));
out:
	buf_free(&copy);
	return err;
}

err_t store_record_walk(struct store *s, enum store_record kind, record_each each, void *self)
{
	uint8_t at[ENGINE_HASH];
	const uint8_t *from = NULL;
	struct sealed_record r;
	size_t changes = s->records_n;
	bool found;
	err_t err;

	for (;;) {
		TRY(s->ops->record_next(s->engine, kind, from, &r, &found));
		if (!found)
			break;
		bytes_copy(at, r.key_h, ENGINE_HASH);
		from = at;
		if (!find_change(s, kind, at))
			TRY(give(s, &r, each, self));
	}
	for (size_t i = 0; i < changes && i < s->records_n; i++) {
		const struct record_change *c = s->records[i];

		if (c->kind == (uint32_t)kind && !c->deleted && find_change(s, kind, c->key_h) == c)
			TRY(each(self, c->key, c->value));
	}
out:
	return err;
}
