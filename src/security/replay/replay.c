/* replay.c: the window of requests that were executed.
 *
 * Entries stand in a ring in the order they came; a table of places in the ring
 * finds them by key. What left the window goes out at the old end. The same
 * entries stand in the log STORE_REPLAY, so that the window survives a restart;
 * a record there is 50 octets (doc/protocol/store.md):
 *
 *    0        16         32    40     42        50
 *    | key    | digest   | at  | rsc  | resource |
 *
 * One originator holds a share of the memory at most: beyond it, its own oldest
 * entry goes, so that nobody pushes out what others changed. What is read at the
 * start has no owner any more (the log names none) and goes by age.
 *
 * key     first half of SHA-256(SHA-256(originator) || request identifier)
 * digest  first half of SHA-256(content without the value of ot): its name stands there,
 *         once, so that no two primitives become one by this */
#include "crypt/crypt.h"
#include "security/replay/inner.h"

/* Keys are halves of SHA-256, but who sends chooses them: keyed all the same. */
static uint32_t *bucket_of(const struct replay *r, const uint8_t key[KEY])
{
	return &r->table[hash_bytes(&r->hash_key, bytes_make(key, KEY)) & (r->ring_n - 1)];
}

static struct entry *find(const struct replay *r, const uint8_t key[KEY])
{
	uint32_t at = r->ring_n ? *bucket_of(r, key) : NONE;

	while (at != NONE && !bytes_equal(BYTES_OF(r->ring[at - 1].key), bytes_make(key, KEY)))
		at = r->ring[at - 1].next;
	return at == NONE ? NULL : &r->ring[at - 1];
}

void replay_link(struct replay *r, struct entry *e)
{
	uint32_t *bucket = bucket_of(r, e->key);

	e->next = *bucket;
	*bucket = (uint32_t)(e - r->ring) + 1;
}

void replay_unlink(struct replay *r, struct entry *e)
{
	uint32_t *at = bucket_of(r, e->key), me = (uint32_t)(e - r->ring) + 1;

	while (*at != me)
		at = &r->ring[*at - 1].next;
	*at = e->next;
}

static void drop_oldest(struct replay *r)
{
	struct entry *e = entry_at(r, r->head);

	if (e->status) {
		replay_unlink(r, e);
		share_release(r, e);
	} else {
		r->empty--;
	}
	r->head++;
}

static err_t grow(struct replay *r)
{
	size_t n = r->ring_n ? r->ring_n * 2 : 1024;
	struct entry *ring = mem_new(n, sizeof(*ring));
	uint32_t *table = mem_new(n, sizeof(*table));
	struct replay old = *r;

	if (!ring || !table) {
		mem_free(ring);
		mem_free(table);
		return ERR_MEMORY;
	}
	r->ring = ring;
	r->table = table;
	r->ring_n = n;
	for (uint64_t i = r->head; i < r->tail; i++) {
		*entry_at(r, i) = *entry_at(&old, i);
		if (entry_at(r, i)->status)
			replay_link(r, entry_at(r, i));
	}
	mem_free(old.ring);
	mem_free(old.table);
	return ERR_OK;
}

static err_t add(struct replay *r, const struct entry *e)
{
	struct entry *place;
	err_t err = ERR_OK;

	if (r->tail - r->settled >= BATCH)
		return ERR_LIMIT;
	if (r->tail - r->head == r->ring_n)
		TRY(grow(r));
	place = entry_at(r, r->tail++);
	*place = *e;
	replay_link(r, place);
out:
	return err;
}

/* --- opening ----------------------------------------------------------------------- */

static void pack(const struct entry *e, uint8_t out[RECORD])
{
	bytes_copy(out, e->key, KEY);
	bytes_copy(out + 16, e->digest, KEY);
	put_be64(out + 32, (uint64_t)e->at);
	put_be16(out + 40, e->status);
	put_be64(out + 42, e->resource);
}

static err_t load(void *self, uint64_t number, struct bytes record)
{
	struct replay *r = self;
	struct entry e = { .number = number };
	err_t err = ERR_TAMPERED;

	if (!record.p) /* what left the window is gone */
		return ERR_OK;
	if (record.n != RECORD)
		goto out;
	bytes_copy(e.key, record.p, KEY);
	bytes_copy(e.digest, record.p + 16, KEY);
	e.at = (int64_t)get_be64(record.p + 32);
	e.status = get_be16(record.p + 40);
	e.resource = get_be64(record.p + 42);
	if (e.status == 0)
		goto out;
	if (r->tail - r->head == r->entries)
		drop_oldest(r);
	TRY(add(r, &e));
	r->settled = r->tail;
out:
	return err;
}

err_t replay_open(struct store *s, int64_t window, size_t entries, int64_t now, struct replay **out)
{
	struct replay *r = mem_new(1, sizeof(*r));
	err_t err = ERR_MEMORY;

	*out = NULL;
	if (!r)
		goto out;
	r->store = s;
	r->window = window;
	r->entries = entries > 0 ? entries : 1;
	r->swept = 1;
	crypt_random(&r->hash_key, sizeof(r->hash_key));
	err = entries > UINT32_MAX / 4 ? ERR_RANGE : ERR_OK;
	if (err == ERR_OK)
		err = store_log_walk(s, STORE_REPLAY, 0, SIZE_MAX, load, r);
	if (err != ERR_OK)
		goto out;
	while (r->head < r->tail && entry_at(r, r->head)->at + window < now)
		drop_oldest(r);
	r->marked = r->settled = r->tail;
	*out = r;
	r = NULL;
out:
	replay_close(r);
	return err;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	share_free(r);
	mem_free(r->ring);
	mem_free(r->table);
	mem_free(r);
}

/* --- judging ------------------------------------------------------------------------ */

/* A text of 0 octets is none that was kept. */
static bool was_last(const uint8_t kept[TEXT], size_t n, struct bytes text)
{
	return n > 0 && bytes_equal(bytes_make(kept, n), text);
}

static size_t keep_last(uint8_t kept[TEXT], struct bytes text)
{
	return bytes_put(kept, TEXT, text) == ERR_OK ? text.n : 0;
}

static void key_of(struct replay *r, const struct replay_question *q, uint8_t key[KEY])
{
	struct last *l = &r->last;
	uint8_t whole[32];

	if (!was_last(l->who, l->who_n, q->originator)) {
		crypt_sha256(q->originator, l->who_hash);
		l->who_n = keep_last(l->who, q->originator);
		l->request_n = 0;
	}
	if (!was_last(l->request, l->request_n, q->request)) {
		/* The first part has one length: no pair can be read as another. */
		crypt_sha256_two(BYTES_OF(l->who_hash), q->request, whole);
		bytes_copy(l->key, whole, KEY);
		l->request_n = keep_last(l->request, q->request);
	}
	bytes_copy(key, l->key, KEY);
}

static void digest_of(const struct replay_question *q, uint8_t digest[KEY])
{
	size_t at = q->made.n ? (size_t)(q->made.p - q->content.p) : q->content.n;
	uint8_t whole[32];

	must(at + q->made.n <= q->content.n);
	crypt_sha256_two(bytes_sub(q->content, 0, at), bytes_sub(q->content, at + q->made.n, q->content.n), whole);
	bytes_copy(digest, whole, KEY);
}

/* Times are judged for every operation. */
static enum replay_verdict judge_time(const struct replay *r, const struct replay_question *q)
{
	if (q->expires && q->now > q->expires)
		return REPLAY_LATE;
	if (q->mode == REPLAY_OFF)
		return REPLAY_NEW;
	if (!q->originated)
		return q->mode == REPLAY_STRICT ? REPLAY_UNDATED : REPLAY_NEW;
	if (q->originated < q->now - r->window || q->originated > q->now + FUTURE)
		return REPLAY_LATE;
	return REPLAY_NEW;
}

err_t replay_check(struct replay *r, const struct replay_question *q,
                   enum replay_verdict *verdict, struct replay_result *kept)
{
	uint8_t key[KEY], digest[KEY];
	const struct entry *e;

	*kept = (struct replay_result){ 0 };
	*verdict = judge_time(r, q);
	if (*verdict != REPLAY_NEW || !q->changes || q->mode == REPLAY_OFF)
		return ERR_OK;
	key_of(r, q, key);
	e = find(r, key);
	if (!e) {
		if (r->asked && bytes_equal(BYTES_OF(key), BYTES_OF(r->asked_key)))
			*verdict = REPLAY_PENDING;
		r->asked = true;
		bytes_copy(r->asked_key, key, KEY);
		return ERR_OK;
	}
	/* Kept a little longer than promised: out of the window is out. */
	if (e->at + r->window < q->now)
		return ERR_OK;
	digest_of(q, digest);
	*verdict = bytes_equal(BYTES_OF(digest), BYTES_OF(e->digest)) ? REPLAY_REPEATED : REPLAY_CONFLICT;
	if (*verdict == REPLAY_REPEATED)
		*kept = (struct replay_result){ e->status, e->resource };
	return ERR_OK;
}

err_t replay_remember(struct replay *r, const struct replay_question *q,
                      const struct replay_result *result)
{
	struct entry e = { .at = q->now, .status = (uint16_t)result->status, .resource = result->resource };
	uint8_t record[RECORD];
	err_t err = ERR_OK;

	if (!q->changes || q->mode == REPLAY_OFF)
		return ERR_OK;
	key_of(r, q, e.key);
	digest_of(q, e.digest);
	e.who = hash_bytes(&r->hash_key, q->originator) | 1;
	pack(&e, record);
	if (r->tail - r->settled >= BATCH)
		return ERR_LIMIT;
	TRY(store_log_append(r->store, STORE_REPLAY, BYTES_OF(record), &e.number));
	TRY(add(r, &e));
	r->asked = false;
out:
	return err;
}

/* --- transactions -------------------------------------------------------------------- */

static void back_to(struct replay *r, uint64_t tail)
{
	while (r->tail > tail)
		replay_unlink(r, entry_at(r, --r->tail));
	r->asked = false;
}

void replay_mark(struct replay *r)
{
	r->marked = r->tail;
	r->trimmed_marked = r->trimmed;
	r->asked = false;
}

void replay_undo_to_mark(struct replay *r)
{
	back_to(r, r->marked);
	r->trimmed = r->trimmed_marked;
}

void replay_settle(struct replay *r, bool committed)
{
	if (!committed)
		back_to(r, r->settled);
	else if (r->trimmed > r->swept)
		r->swept = r->trimmed;
	r->trimmed = r->trimmed_marked = 0;
	/* Only what is durable pushes the oldest out. */
	for (uint64_t i = r->settled; i < r->tail; i++)
		share_settle(r, i);
	while (r->tail - r->head - r->empty > r->entries)
		drop_oldest(r);
	share_compact(r);
	r->settled = r->marked = r->tail;
	r->asked = false;
}

/* --- sweeping ------------------------------------------------------------------------- */

static bool left_window(const struct replay *r, uint64_t count, int64_t now)
{
	return count < r->settled && entry_at(r, count)->at + r->window < now;
}

/* Numbers below this are not needed any more. */
static uint64_t needed_from(const struct replay *r)
{
	uint64_t last;

	if (r->head < r->tail)
		return entry_at(r, r->head)->number;
	return store_log_last(r->store, STORE_REPLAY, &last) == ERR_OK ? last + 1 : 0;
}

bool replay_sweep_due(const struct replay *r, int64_t now)
{
	return left_window(r, r->head, now) || needed_from(r) > r->swept;
}

err_t replay_sweep(struct replay *r, int64_t now)
{
	uint64_t below;
	err_t err;

	for (int i = 0; i < SWEEP && left_window(r, r->head, now); i++)
		drop_oldest(r);
	below = needed_from(r);
	if (below <= r->swept)
		return ERR_OK;
	TRY(store_log_trim(r->store, STORE_REPLAY, below));
	r->trimmed = below;
out:
	return err;
}
