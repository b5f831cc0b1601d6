/* queue.c: the durable queue and its lanes.
 *
 * In memory stand order, times and sizes; content stays in the store until it is
 * sent. What a transaction did is a journal, so that a part of it can be undone;
 * until it is committed an added entry is not sent, and a removed one is not gone. */
#include "request/queue.h"

#include "base/clock.h"
#include "request/proven.h"
#include "wire/wire.h"

enum { KEY = 8, LANE_KEY = PROVEN_KEY, VALUE_MAX = 1024 * 1024, TEXT_MAX = 4096, LANES = 4096 };

struct lane {
	uint8_t key[LANE_KEY];
	struct item *first, *last;
	size_t count;           /* with those that are not committed */
	uint64_t sending;       /* number of the entry that is under way, 0 none */
	unsigned attempts;
	int64_t not_before;
	uint64_t channel;       /* by which its last entry went */
	bool fetched;           /* from channels alone: it takes no connection */
};

struct item {
	uint64_t number, subscription;
	int64_t due;
	unsigned flags;
	size_t octets;
	unsigned events;        /* that it stands for: the latest of so many */
	bool added, removed;    /* in the transaction under way */
	struct lane *lane;
	struct item *next;      /* in its lane */
};

struct step {
	struct item *item;
	bool add;
};

struct queue {
	struct store *store;
	uint64_t last;          /* number */
	struct item **items;    /* by number */
	size_t items_n, items_cap;
	size_t octets;
	struct lane *lanes[LANES];
	size_t lanes_n;
	struct step *journal;
	size_t journal_n, journal_cap, marked;
	struct proven proven;   /* lanes whose last was answered */
	bool only_proven;
};

/* --- lanes and items -------------------------------------------------------------- */

static void lane_key(struct bytes target, uint64_t subscription, uint8_t key[LANE_KEY])
{
	struct buf b = buf_make(TEXT_MAX + KEY);
	uint8_t number[KEY], digest[32];

	put_be64(number, subscription);
	if (buf_add(&b, BYTES_OF(number)) != ERR_OK || buf_add(&b, target) != ERR_OK)
		buf_clear(&b); /* no memory: a lane of all such, which is slow and not wrong */
	store_digest(bytes_of_buf(&b), digest);
	bytes_copy(key, digest, LANE_KEY);
	buf_free(&b);
}

static struct lane *find_lane(struct queue *q, const uint8_t key[LANE_KEY])
{
	for (size_t i = 0; i < q->lanes_n; i++) {
		if (bytes_equal(BYTES_OF(q->lanes[i]->key), bytes_make(key, LANE_KEY)))
			return q->lanes[i];
	}
	return NULL;
}

static err_t lane_of(struct queue *q, const struct queue_entry *e, struct lane **out)
{
	uint8_t key[LANE_KEY];
	struct lane *lane;

	lane_key(e->target, e->flags & QUEUE_BATCHED ? e->subscription : 0, key);
	lane = find_lane(q, key);
	if (!lane) {
		lane = q->lanes_n < LANES ? mem_new(1, sizeof(*lane)) : NULL;
		if (!lane)
			return ERR_LIMIT;
		bytes_copy(lane->key, key, LANE_KEY);
		q->lanes[q->lanes_n++] = lane;
	}
	*out = lane;
	return ERR_OK;
}

static void drop_lane(struct queue *q, struct lane *lane)
{
	size_t i = 0;

	while (q->lanes[i] != lane)
		i++;
	q->lanes[i] = q->lanes[--q->lanes_n];
	mem_free(lane);
}

/* Of the first that is not below number. */
static size_t place_of(const struct queue *q, uint64_t number)
{
	size_t low = 0, high = q->items_n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (q->items[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct item *find(const struct queue *q, uint64_t number)
{
	size_t i = place_of(q, number);

	return i < q->items_n && q->items[i]->number == number ? q->items[i] : NULL;
}

/* In order of number in both lists: what survived comes in any order. */
static void link_item(struct queue *q, struct item *item)
{
	struct item **at = &item->lane->first;
	size_t i = q->items_n++;

	for (; i > 0 && q->items[i - 1]->number > item->number; i--)
		q->items[i] = q->items[i - 1];
	q->items[i] = item;
	if (item->lane->last && item->lane->last->number < item->number)
		at = &item->lane->last->next;
	while (*at && (*at)->number < item->number)
		at = &(*at)->next;
	item->next = *at;
	*at = item;
	if (!item->next)
		item->lane->last = item;
	item->lane->count++;
	q->octets += item->octets;
}

static void unlink_item(struct queue *q, struct item *item)
{
	struct lane *lane = item->lane;
	struct item **at = &lane->first, *before = NULL;
	size_t i = 0;

	for (; *at != item; at = &(*at)->next)
		before = *at;
	*at = item->next;
	if (lane->last == item)
		lane->last = before;
	while (q->items[i] != item)
		i++;
	q->items_n--;
	for (; i < q->items_n; i++)
		q->items[i] = q->items[i + 1];
	q->octets -= item->octets;
	if (lane->sending == item->number)
		lane->sending = 0;
	/* Its pause is kept as long as something waits for it. */
	if (--lane->count == 0)
		drop_lane(q, lane);
	mem_free(item);
}

static err_t item_room(struct queue *q)
{
	size_t cap = q->items_cap ? q->items_cap * 2 : 64;
	struct item **more;

	if (q->items_n < q->items_cap)
		return ERR_OK;
	more = mem_grow(q->items, q->items_cap, cap, sizeof(*more));
	if (!more)
		return ERR_MEMORY;
	q->items = more;
	q->items_cap = cap;
	return ERR_OK;
}

static err_t item_new(struct queue *q, const struct queue_entry *e, size_t octets,
                      struct item **out)
{
	struct lane *lane;
	struct item *item;
	err_t err;

	TRY(item_room(q));
	TRY(lane_of(q, e, &lane));
	item = mem_new(1, sizeof(*item));
	if (!item && lane->count == 0)
		drop_lane(q, lane);
	TRY(item ? ERR_OK : ERR_MEMORY);
	*item = (struct item){ .number = e->number, .subscription = e->subscription, .due = e->due,
		               .flags = e->flags, .octets = octets, .events = 1, .lane = lane };
	link_item(q, item);
	*out = item;
out:
	return err;
}

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
	e->target = wire_get_bytes(&w, TEXT_MAX);
	e->originator = wire_get_bytes(&w, TEXT_MAX);
	e->rqi = wire_get_bytes(&w, TEXT_MAX);
	e->content = wire_get_bytes(&w, value.n);
	return wire_done(&w) == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

static err_t load_one(void *self, struct bytes key, struct bytes value)
{
	struct queue *q = self;
	struct queue_entry e = { 0 };
	struct item *item;
	err_t err;

	TRY(key.n == KEY ? ERR_OK : ERR_TAMPERED);
	TRY(read_entry(value, &e));
	e.number = get_be64(key.p);
	if (e.number > q->last)
		q->last = e.number;
	TRY(item_new(q, &e, value.n, &item));
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
	uint8_t key[KEY];
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
	struct item *item = find(q, number);

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
	uint8_t key[LANE_KEY];
	const struct lane *lane;

	if (!(e->flags & QUEUE_BATCHED))
		return e->due;
	lane_key(e->target, e->subscription, key);
	lane = find_lane(q, key);
	for (const struct item *i = lane ? lane->first : NULL; i; i = i->next) {
		if (!i->removed && i->due > now && i->due < e->due)
			return i->due;
	}
	return e->due;
}

err_t queue_add(struct queue *q, const struct queue_entry *asked, int64_t now)
{
	struct queue_entry e = *asked;
	struct buf value = buf_make(VALUE_MAX);
	struct item *item;
	uint8_t key[KEY];
	char rqi[2 * KEY + 1];
	err_t err;

	e.number = ++q->last;
	e.due = batch_due(q, &e, now);
	put_be64(key, e.number);
	bytes_to_hex(BYTES_OF(key), rqi, sizeof(rqi));
	if (!e.rqi.n)
		e.rqi = bytes_str(rqi);
	TRY(write_entry(&e, &value));
	if (q->items_n >= QUEUE_ENTRIES || q->octets + value.n > QUEUE_OCTETS)
		TRY(ERR_LIMIT);
	TRY(item_new(q, &e, value.n, &item));
	item->added = true;
	err = note(q, item, true);
	if (err == ERR_OK && item->lane->count > QUEUE_LANE && !(e.flags & QUEUE_LATEST))
		err = ERR_LIMIT;
	if (err == ERR_OK)
		err = store_record_put(q->store, STORE_OUTBOUND, BYTES_OF(key), bytes_of_buf(&value));
	if (err != ERR_OK) {
		if (q->journal_n && q->journal[q->journal_n - 1].item == item)
			q->journal_n--;
		unlink_item(q, item);
		goto out;
	}
	if (e.flags & QUEUE_LATEST)
		TRY(remove_older(q, item->lane, item));
	/* Enough for a message: they do not wait for the time. */
	if (e.batch && waiting(item->lane, now) >= e.batch) {
		for (struct item *i = item->lane->first; i; i = i->next)
			i->due = i->due > now ? now : i->due;
	}
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
			unlink_item(q, s->item);
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
			unlink_item(q, q->journal[i].item);
	}
	q->journal_n = q->marked = 0;
}

/* --- sending --------------------------------------------------------------------------- */

/* The first that is still there. What is removed but not committed is passed over:
 * were it to come back, it would be sent again. */
static struct item *head_of(const struct lane *lane)
{
	struct item *i = lane->first;

	while (i && i->removed)
		i = i->next;
	return i;
}

static bool is_proven(struct queue *q, const struct lane *lane)
{
	return lane->fetched || proven_has(&q->proven, lane->key);
}

static int64_t lane_wake(struct queue *q, const struct lane *lane)
{
	const struct item *head = head_of(lane);

	if (!head || head->added || lane->sending || (q->only_proven && !is_proven(q, lane)))
		return INT64_MAX;
	return head->due > lane->not_before ? head->due : lane->not_before;
}

/* The oldest; but those of lanes that failed behind all that did not, or not so often. */
static bool is_before(const struct item *a, const struct item *b)
{
	return a->lane->attempts == b->lane->attempts ? a->number < b->number : a->lane->attempts < b->lane->attempts;
}

uint64_t queue_next(struct queue *q, int64_t now)
{
	const struct item *best = NULL;

	for (size_t i = 0; i < q->lanes_n; i++) {
		const struct item *head = head_of(q->lanes[i]);

		if (lane_wake(q, q->lanes[i]) <= now && (!best || is_before(head, best)))
			best = head;
	}
	return best ? best->number : 0;
}

size_t queue_together(struct queue *q, uint64_t number, int64_t now, uint64_t numbers[QUEUE_BATCH])
{
	struct item *item = find(q, number);
	size_t n = 0;

	if (!item)
		return 0;
	numbers[n++] = number;
	if (!(item->flags & QUEUE_BATCHED))
		return n;
	for (struct item *i = item->next; i && n < QUEUE_BATCH; i = i->next) {
		if (!i->removed && !i->added && i->due <= now && i->flags & QUEUE_BATCHED)
			numbers[n++] = i->number;
	}
	return n;
}

err_t queue_read(struct queue *q, uint64_t number, struct arena *a, struct queue_entry *out)
{
	struct bytes value;
	uint8_t key[KEY];
	err_t err;

	put_be64(key, number);
	*out = (struct queue_entry){ .number = number };
	TRY(store_record_get(q->store, STORE_OUTBOUND, BYTES_OF(key), a, &value));
	TRY(value.n ? ERR_OK : ERR_MISSING);
	err = read_entry(value, out);
out:
	return err;
}

bool queue_has(struct queue *q, uint64_t number)
{
	const struct item *item = find(q, number);

	return item && !item->removed;
}

bool queue_outdated(struct queue *q, uint64_t number)
{
	const struct item *item = find(q, number);

	for (const struct item *i = item ? item->next : NULL; i; i = i->next) {
		if (i->subscription == item->subscription && i->flags & QUEUE_LATEST && !i->removed)
			return true;
	}
	return false;
}

uint64_t queue_after(const struct queue *q, uint64_t number)
{
	size_t i = place_of(q, number + 1);

	while (i < q->items_n && q->items[i]->removed)
		i++;
	return i < q->items_n ? q->items[i]->number : 0;
}

unsigned queue_attempts(struct queue *q, uint64_t number)
{
	const struct item *item = find(q, number);

	return item ? item->lane->attempts : 0;
}

bool queue_proven(struct queue *q, uint64_t number)
{
	const struct item *item = find(q, number);

	return item && proven_has(&q->proven, item->lane->key);
}

void queue_only_proven(struct queue *q, bool only)
{
	q->only_proven = only;
}

void queue_sending(struct queue *q, uint64_t number, uint64_t channel, bool fetched)
{
	struct item *item = find(q, number);

	if (!item)
		return;
	item->lane->sending = number;
	item->lane->channel = channel;
	item->lane->fetched = fetched;
}

void queue_sent(struct queue *q, uint64_t number)
{
	struct item *item = find(q, number);

	if (!item)
		return;
	/* That it came by a channel says nothing of the other places. */
	if (!item->lane->channel || item->lane->fetched)
		proven_add(&q->proven, item->lane->key);
	item->lane->sending = 0;
	item->lane->attempts = 0;
	item->lane->not_before = 0;
}

/* 1 s, 2 s, 4 s ... 300 s, a quarter more or less, so that those whom one outage
 * stopped do not come back at one moment. */
static int64_t pause_after(unsigned attempts, uint16_t chance)
{
	int64_t pause = attempts > 16 ? QUEUE_PAUSE_MAX_MS : (int64_t)QUEUE_PAUSE_MS << (attempts - 1);

	if (pause > QUEUE_PAUSE_MAX_MS)
		pause = QUEUE_PAUSE_MAX_MS;
	return pause * 3 / 4 + pause * chance / 131072;
}

void queue_failed(struct queue *q, uint64_t number, int64_t now, uint16_t chance)
{
	struct item *item = find(q, number);

	if (!item)
		return;
	proven_drop(&q->proven, item->lane->key);
	item->lane->sending = 0;
	item->lane->attempts++;
	item->lane->not_before = now + pause_after(item->lane->attempts, chance);
}

void queue_wait(struct queue *q, uint64_t number, int64_t until)
{
	struct item *item = find(q, number);

	if (!item)
		return;
	item->lane->sending = 0;
	item->lane->not_before = until;
}

void queue_awake(struct queue *q, uint64_t channel)
{
	for (size_t i = 0; i < q->lanes_n; i++) {
		if (q->lanes[i]->channel == channel)
			q->lanes[i]->not_before = 0;
	}
}

int64_t queue_wake(struct queue *q)
{
	int64_t wake = INT64_MAX;

	for (size_t i = 0; i < q->lanes_n; i++) {
		int64_t at = lane_wake(q, q->lanes[i]);

		wake = at < wake ? at : wake;
	}
	return wake;
}

size_t queue_count(const struct queue *q)
{
	return q->items_n;
}
