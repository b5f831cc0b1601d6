/* quota.c: accounts of originators in a table; what changed since the mark is kept as
 * a list of changes, so that it can be taken back. A transaction that is undone
 * forgets the table: it is read again from the store. */
#include "request/quota.h"

enum { BUCKETS = 4096, ACCOUNTS_MAX = 65536, NAME_MAX_OCTETS = 512, RECORD = 16 };

struct account {
	struct account *next;       /* in its bucket */
	struct account *next_dirty;
	bool dirty;
	uint64_t rows, octets;
	size_t name_n;
	uint8_t name[];             /* of the originator */
};

struct change {
	struct account *of;
	uint64_t rows, octets;      /* as they were */
};

struct quota {
	struct store *store;
	struct quota_limits limits;
	struct hash_key key;
	struct account *buckets[BUCKETS];
	size_t accounts_n;
	struct account *dirty;
	struct change *changes;     /* since the mark */
	size_t changes_n, changes_cap;
	struct arena arena;
};

err_t quota_open(struct store *s, struct hash_key key, struct quota **out)
{
	struct quota *q = mem_new(1, sizeof(*q));

	*out = q;
	if (!q)
		return ERR_MEMORY;
	q->store = s;
	q->key = key;
	arena_init(&q->arena, 4096);
	return ERR_OK;
}

static void forget_all(struct quota *q)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (q->buckets[i]) {
			struct account *a = q->buckets[i];

			q->buckets[i] = a->next;
			mem_free(a);
		}
	}
	q->accounts_n = q->changes_n = 0;
	q->dirty = NULL;
}

void quota_close(struct quota *q)
{
	if (!q)
		return;
	forget_all(q);
	mem_free(q->changes);
	arena_free(&q->arena);
	mem_free(q);
}

void quota_limit(struct quota *q, struct quota_limits limits)
{
	q->limits = limits;
}

/* --- accounts ------------------------------------------------------------------------- */

static err_t read_account(struct quota *q, struct account *a)
{
	struct bytes value;
	err_t err;

	arena_reset(&q->arena);
	TRY(store_record_get(q->store, STORE_ACCOUNT, bytes_make(a->name, a->name_n), &q->arena,
	                     &value));
	if (value.n == RECORD) {
		a->rows = get_be64(value.p);
		a->octets = get_be64(value.p + 8);
	} else if (value.n) {
		err = ERR_TAMPERED;
	}
out:
	return err;
}

static err_t account_of(struct quota *q, struct bytes name, struct account **out)
{
	struct account **bucket = &q->buckets[hash_bytes(&q->key, name) % BUCKETS], *a = *bucket;
	err_t err = ERR_OK;

	while (a && !bytes_equal(bytes_make(a->name, a->name_n), name))
		a = a->next;
	*out = a;
	if (a)
		return ERR_OK;
	a = mem_new(1, sizeof(*a) + name.n);
	if (!a)
		return ERR_MEMORY;
	a->name_n = name.n;
	bytes_copy(a->name, name.p, name.n);
	TRY(read_account(q, a));
	a->next = *bucket;
	*bucket = a;
	q->accounts_n++;
	*out = a;
	a = NULL;
out:
	mem_free(a);
	return err;
}

static err_t note_change(struct quota *q, struct account *a)
{
	size_t cap = q->changes_cap ? 2 * q->changes_cap : 64;
	struct change *more;

	if (q->changes_n == q->changes_cap) {
		more = mem_grow(q->changes, q->changes_cap, cap, sizeof(*more));
		if (!more)
			return ERR_MEMORY;
		q->changes = more;
		q->changes_cap = cap;
	}
	q->changes[q->changes_n++] = (struct change){ a, a->rows, a->octets };
	if (!a->dirty) {
		a->dirty = true;
		a->next_dirty = q->dirty;
		q->dirty = a;
	}
	return ERR_OK;
}

static bool fits(uint64_t have, uint64_t more, uint64_t limit)
{
	return limit == 0 || more == 0 || (have <= limit && more <= limit - have);
}

static err_t take(void *self, struct bytes creator, uint64_t rows, uint64_t octets, bool *well)
{
	struct quota *q = self;
	struct account *a;
	err_t err;

	*well = true;
	if (creator.n == 0 || creator.n > NAME_MAX_OCTETS)
		return ERR_OK;
	TRY(account_of(q, creator, &a));
	*well = fits(a->rows, rows, q->limits.rows) && fits(a->octets, octets, q->limits.octets);
	if (!*well)
		goto out;
	TRY(note_change(q, a));
	a->rows += rows;
	a->octets += octets;
out:
	return err;
}

static err_t owe(void *self, struct bytes creator, uint64_t octets)
{
	struct quota *q = self;
	struct account *a;
	err_t err = ERR_OK;

	if (creator.n == 0 || creator.n > NAME_MAX_OCTETS)
		return ERR_OK;
	TRY(account_of(q, creator, &a));
	TRY(note_change(q, a));
	a->octets += octets;
out:
	return err;
}

/* Never below nothing: a store from before there were accounts holds rows that were
 * not counted. */
static err_t give(void *self, struct bytes creator, uint64_t rows, uint64_t octets)
{
	struct quota *q = self;
	struct account *a;
	err_t err = ERR_OK;

	if (creator.n == 0 || creator.n > NAME_MAX_OCTETS)
		return ERR_OK;
	TRY(account_of(q, creator, &a));
	TRY(note_change(q, a));
	a->rows -= rows < a->rows ? rows : a->rows;
	a->octets -= octets < a->octets ? octets : a->octets;
out:
	return err;
}

struct resource_accounts quota_accounts(struct quota *q)
{
	return (struct resource_accounts){ take, owe, give, q };
}

/* --- transactions ----------------------------------------------------------------------- */

void quota_mark(struct quota *q)
{
	if (q)
		q->changes_n = 0;
}

void quota_undo_to_mark(struct quota *q)
{
	while (q && q->changes_n > 0) {
		const struct change *c = &q->changes[--q->changes_n];

		c->of->rows = c->rows;
		c->of->octets = c->octets;
	}
}

err_t quota_write(struct quota *q)
{
	err_t err = ERR_OK;

	for (struct account *a = q ? q->dirty : NULL; a; a = a->next_dirty) {
		struct bytes name = bytes_make(a->name, a->name_n);
		uint8_t record[RECORD];

		put_be64(record, a->rows);
		put_be64(record + 8, a->octets);
		if (a->rows || a->octets)
			TRY(store_record_put(q->store, STORE_ACCOUNT, name, BYTES_OF(record)));
		else
			TRY(store_record_delete(q->store, STORE_ACCOUNT, name));
	}
out:
	return err;
}

void quota_settle(struct quota *q, bool committed)
{
	if (!q)
		return;
	q->changes_n = 0;
	if (!committed || q->accounts_n > ACCOUNTS_MAX) {
		forget_all(q);
		return;
	}
	while (q->dirty) {
		q->dirty->dirty = false;
		q->dirty = q->dirty->next_dirty;
	}
}
