/* queue.c: the durable queue: its records, and what a transaction adds and takes away.
 *
 * In memory stand order, times and sizes; content stays in the store until it is
 * sent. What a transaction did is a journal, so that a part of it can be undone;
 * until it is committed an added entry is not sent, and a removed one is not gone. */
#include "request/queue_inside.h"

#include "base/clock.h"
#include "wire/wire.h"

enum { VALUE_MAX = 1024 * 1024 };

/* --- entries as records --------------------------------------------------------------- */

static err_t write_entry(const struct queue_entry *e, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_u64(&w, e->subscription);
	wire_put_u64(&w, e->resource);
	wire_put_u64(&w, (uint64_t)e->created);
	wire_put_u64(&w, (uint64_t)e->due);
	wire_put_u64(&w, (uint64_t)e->expires);
	wire_put_u32(&w, e->flags);
	wire_put_u32(&w, e->event_category);
	wire_put_u32(&w, e->batch);
	wire_put_bytes(&w, e->target);
	wire_put_bytes(&w, e->originator);
	wire_put_bytes(&w, e->rqi);
	wire_put_bytes(&w, e->content);
	return w.err;
}

static err_t read_entry(struct bytes value, struct queue_entry *e)
{
	struct wire_in w = wire_in(value);

	e->subscription = wire_get_u64(&w);
	e->resource = wire_get_u64(&w);
	e->created = (int64_t)wire_get_u64(&w);
	e->due = (int64_t)wire_get_u64(&w);
	e->expires = (int64_t)wire_get_u64(&w);
	e->flags = wire_get_u32(&w);
	e->event_category = wire_get_u32(&w);
	e->batch = wire_get_u32(&w);
	e->target = wire_get_bytes(&w, QUEUE_TEXT_MAX);
	e->originator = wire_get_bytes(&w, QUEUE_TEXT_MAX);
	e->rqi = wire_get_bytes(&w, QUEUE_TEXT_MAX);
	e->content = wire_get_bytes(&w, value.n);
	return wire_done(&w) == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

static err_t load_one(void *self, struct bytes key, struct bytes value)
{
	struct queue *q = self;
	struct queue_entry e = { 0 };
	struct item *item;
	err_t err;

	TRY(key.n == QUEUE_KEY ? ERR_OK : ERR_TAMPERED);
	TRY(read_entry(value, &e));
	e.number = get_be64(key.p);
	if (e.number > q->last)
		q->last = e.number;
	TRY(queue_item(q, &e, value.n, &item));
out:
	return err;
}

err_t queue_open(struct store *s, struct queue **out)
{
	struct queue *q = mem_new(1, sizeof(*q));
	err_t err;

	if (!q)
		return ERR_MEMORY;
	q->store = s;
	TRY(store_record_walk(s, STORE_OUTBOUND, load_one, q));
	/* Numbers are never used again, also of entries that are gone: a record of
	 * the log may name them. */
	q->last += (uint64_t)clock_now() << 16 > q->last ? ((uint64_t)clock_now() << 16) - q->last : 0;
	*out = q;
	q = NULL;
out:
	queue_close(q);
	return err;
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->items_n; i++)
		mem_free(q->items[i]);
	for (size_t i = 0; i < q->lanes_n; i++)
		mem_free(q->lanes[i]);
	mem_free(q->items);
	mem_free(q->journal);
	mem_free(q);
}

/* --- changes -------------------------------------------------------------------------- */

static err_t note(struct queue *q, struct item *item, bool add)
{
	size_t cap = q->journal_cap ? q->journal_cap * 2 : 64;
	struct step *more;

	if (q->journal_n == q->journal_cap) {
		more = mem_grow(q->journal, q->journal_cap, cap, sizeof(*more));
		if (!more)
			return ERR_MEMORY;
		q->journal = more;
		q->journal_cap = cap;
	}
	q->journal[q->journal_n++] = (struct step){ item, add };
	return ERR_OK;
}

static err_t remove_item(struct queue *q, struct item *item)
{
	uint8_t key[QUEUE_KEY];
	err_t err = ERR_OK;

	if (item->removed)
		goto out;
	put_be64(key, item->number);
	TRY(note(q, item, false));
	item->removed = true;
	TRY(store_record_delete(q->store, STORE_OUTBOUND, BYTES_OF(key)));
out:
	return err;
}

err_t queue_remove(struct queue *q, uint64_t number)
{
	struct item *item = queue_find(q, number);

	return item ? remove_item(q, item) : ERR_OK;
}

/* Older ones of the same subscription in the lane that nobody is sending now. */
static err_t remove_older(struct queue *q, struct lane *lane, struct item *than)
{
	err_t err = ERR_OK;

	for (struct item *i = lane->first; i && i != than; i = i->next) {
		if (i->subscription != than->subscription || i->number == lane->sending || i->removed)
			continue;
		than->events += i->events;
		TRY(remove_item(q, i));
	}
out:
	return err;
}

static void let_go(struct lane *lane, int64_t now)
{
	for (struct item *i = lane->first; i; i = i->next) {
		int64_t at = i->window > now ? i->window : now;

		i->due = i->due > at ? at : i->due;
	}
}

/* The time of its record, too: after a restart it still goes before what came later. */
static err_t keep_due(struct queue *q, const struct item *item)
{
	struct buf value = buf_make(VALUE_MAX);
	struct queue_entry e;
	struct arena a;
	uint8_t key[QUEUE_KEY];
	err_t err;

	arena_init(&a, 2 * VALUE_MAX);
	TRY(queue_read(q, item->number, &a, &e));
	e.due = item->due;
	TRY(write_entry(&e, &value));
	put_be64(key, item->number);
	err = store_record_put(q->store, STORE_OUTBOUND, BYTES_OF(key), bytes_of_buf(&value));
out:
	arena_free(&a);
	buf_free(&value);
	return err;
}

err_t queue_release(struct queue *q, uint64_t subscription, int64_t now, bool windows)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < q->items_n; i++) {
		struct item *item = q->items[i];
		int64_t at;

		if (item->subscription != subscription || item->removed || !(item->flags & (QUEUE_BATCHED | QUEUE_HELD)))
			continue;
		item->window = windows ? 0 : item->window;
		at = item->window > now ? item->window : now;
		if (item->due <= at)
			continue;
		item->due = at;
		TRY(keep_due(q, item));
	}
out:
	return err;
}

/* Events whose time has not come: what is under way is another message's. */
static size_t waiting(const struct lane *lane, int64_t now)
{
	size_t n = 0;

	for (const struct item *i = lane->first; i; i = i->next)
		n += !i->removed && i->due > now ? i->events : 0;
	return n;
}

/* The time of a batch is that of its first entry. */
static int64_t batch_due(struct queue *q, const struct queue_entry *e, int64_t now)
{
	uint8_t key[QUEUE_LANE_KEY];
	const struct lane *lane;

	if (!(e->flags & QUEUE_BATCHED))
		return e->due;
	queue_lane_key(e->target, e->subscription, key);
	lane = queue_lane_find(q, key);
	for (const struct item *i = lane ? lane->first : NULL; i; i = i->next) {
		if (!i->removed && i->due > now && i->due < e->due)
			return i->due;
	}
	return e->due;
}

/* Where the entry would stand; NULL: nobody waits there. */
static struct lane *lane_for(struct queue *q, const struct queue_entry *e)
{
	uint8_t key[QUEUE_LANE_KEY];

	queue_lane_key(e->target, e->flags & (QUEUE_BATCHED | QUEUE_HELD) ? e->subscription : 0, key);
	return queue_lane_find(q, key);
}

/* Does it take the place of an older one? */
static bool replaces(const struct lane *lane, const struct queue_entry *e)
{
	if (!lane || !(e->flags & QUEUE_LATEST))
		return false;
	for (const struct item *i = lane->first; i; i = i->next) {
		if (i->subscription == e->subscription && i->number != lane->sending && !i->removed)
			return true;
	}
	return false;
}

static size_t lanes_of(const struct queue *q, uint64_t whose)
{
	size_t n = 0;

	for (size_t i = 0; i < q->lanes_n; i++)
		n += q->lanes[i]->first && q->lanes[i]->first->whose == whose;
	return n;
}

/* What waits for targets that do not answer, or for nobody who fetches it, is whoever's: it must not
 * leave others without a place, nor without a lane. */
static bool has_share(struct queue *q, const struct queue_entry *e, size_t octets)
{
	uint64_t whose = queue_whose(e->originator);
	const struct lane *lane = lane_for(q, e);
	size_t n = 0;

	if (q->items_n < QUEUE_ENTRIES / 2 && q->lanes_n < QUEUE_LANES / 2 && q->octets + octets < QUEUE_OCTETS / 2)
		return true;
	if (replaces(lane, e))
		return true;
	for (size_t i = 0; i < q->items_n; i++) {
		const struct item *item = q->items[i];

		if (item->whose != whose || item->removed)
			continue;
		octets += item->octets;
		n++;
	}
	return n < QUEUE_ENTRIES / QUEUE_SHARE && octets <= QUEUE_OCTETS / QUEUE_SHARE &&
	       (lane || lanes_of(q, whose) < QUEUE_LANES / QUEUE_SHARE);
}

err_t queue_add(struct queue *q, const struct queue_entry *asked, int64_t now)
{
	struct queue_entry e = *asked;
	struct buf value = buf_make(VALUE_MAX);
	struct item *item;
	uint8_t key[QUEUE_KEY];
	char rqi[2 * QUEUE_KEY + 1];
	err_t err;

	e.number = ++q->last;
	e.due = batch_due(q, &e, now);
	e.due = e.due < e.window ? e.window : e.due;
	put_be64(key, e.number);
	bytes_to_hex(BYTES_OF(key), rqi, sizeof(rqi));
	if (!e.rqi.n)
		e.rqi = bytes_str(rqi);
	TRY(write_entry(&e, &value));
	if (q->items_n >= QUEUE_ENTRIES || q->octets + value.n > QUEUE_OCTETS || !has_share(q, &e, value.n))
		TRY(ERR_LIMIT);
	TRY(queue_item(q, &e, value.n, &item));
	item->added = true;
	err = note(q, item, true);
	if (err == ERR_OK && item->lane->count > QUEUE_LANE && !(e.flags & QUEUE_LATEST))
		err = ERR_LIMIT;
	if (err == ERR_OK)
		err = store_record_put(q->store, STORE_OUTBOUND, BYTES_OF(key), bytes_of_buf(&value));
	if (err != ERR_OK) {
		if (q->journal_n && q->journal[q->journal_n - 1].item == item)
			q->journal_n--;
		queue_unlink(q, item);
		goto out;
	}
	if (e.flags & QUEUE_LATEST)
		TRY(remove_older(q, item->lane, item));
	/* Enough for a message: they do not wait for the time. */
	if (e.batch && waiting(item->lane, now) >= e.batch)
		let_go(item->lane, now);
out:
	buf_free(&value);
	return err;
}

static bool is_last_of(const struct item *item)
{
	for (const struct item *i = item->next; i; i = i->next) {
		if (i->subscription == item->subscription && !i->removed)
			return false;
	}
	return true;
}

err_t queue_cancel(struct queue *q, uint64_t subscription, bool but_latest, size_t *n)
{
	err_t err = ERR_OK;

	*n = 0;
	for (size_t i = 0; i < q->items_n; i++) {
		struct item *item = q->items[i];

		if (item->subscription != subscription || item->removed ||
		    item->flags & QUEUE_DELETION || (but_latest && is_last_of(item)))
			continue;
		TRY(remove_item(q, item));
		(*n)++;
	}
out:
	return err;
}

static void undo(struct queue *q, size_t down_to)
{
	while (q->journal_n > down_to) {
		struct step *s = &q->journal[--q->journal_n];

		if (s->add)
			queue_unlink(q, s->item);
		else
			s->item->removed = false;
	}
}

void queue_mark(struct queue *q)
{
	q->marked = q->journal_n;
}

void queue_undo_to_mark(struct queue *q)
{
	undo(q, q->marked);
}

void queue_settle(struct queue *q, bool committed)
{
	if (!committed)
		undo(q, 0);
	for (size_t i = 0; i < q->journal_n; i++) {
		if (q->journal[i].add)
			q->journal[i].item->added = false;
	}
	/* An entry may have been added and removed in one transaction. */
	for (size_t i = 0; i < q->journal_n; i++) {
		if (!q->journal[i].add)
			queue_unlink(q, q->journal[i].item);
	}
	q->journal_n = q->marked = 0;
}
err_t queue_read(struct queue *q, uint64_t number, struct arena *a, struct queue_entry *out)
{
	struct bytes value;
	uint8_t key[QUEUE_KEY];
	err_t err;

	put_be64(key, number);
	*out = (struct queue_entry){ .number = number };
	TRY(store_record_get(q->store, STORE_OUTBOUND, BYTES_OF(key), a, &value));
	TRY(value.n ? ERR_OK : ERR_MISSING);
	err = read_entry(value, out);
out:
	return err;
}

size_t queue_count(const struct queue *q)
{
	return q->items_n;
}
