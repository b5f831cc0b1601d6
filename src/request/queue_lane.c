/* queue_lane.c: the lanes of the queue and what stands in them, in memory. */
#include "request/queue_inside.h"

void queue_lane_key(struct bytes target, uint64_t subscription, uint8_t key[QUEUE_LANE_KEY])
{
	struct buf b = buf_make(QUEUE_TEXT_MAX + QUEUE_KEY);
	uint8_t number[QUEUE_KEY], digest[32];

	put_be64(number, subscription);
	if (buf_add(&b, BYTES_OF(number)) != ERR_OK || buf_add(&b, target) != ERR_OK)
		buf_clear(&b); /* no memory: a lane of all such, which is slow and not wrong */
	store_digest(bytes_of_buf(&b), digest);
	bytes_copy(key, digest, QUEUE_LANE_KEY);
	buf_free(&b);
}

struct lane *queue_lane_find(struct queue *q, const uint8_t key[QUEUE_LANE_KEY])
{
	for (size_t i = 0; i < q->lanes_n; i++) {
		if (bytes_equal(BYTES_OF(q->lanes[i]->key), bytes_make(key, QUEUE_LANE_KEY)))
			return q->lanes[i];
	}
	return NULL;
}

static err_t lane_of(struct queue *q, const struct queue_entry *e, struct lane **out)
{
	uint8_t key[QUEUE_LANE_KEY];
	struct lane *lane;

	queue_lane_key(e->target, e->flags & (QUEUE_BATCHED | QUEUE_HELD) ? e->subscription : 0, key);
	lane = queue_lane_find(q, key);
	if (!lane) {
		lane = q->lanes_n < QUEUE_LANES ? mem_new(1, sizeof(*lane)) : NULL;
		if (!lane)
			return ERR_LIMIT;
		bytes_copy(lane->key, key, QUEUE_LANE_KEY);
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
size_t queue_place(const struct queue *q, uint64_t number)
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

struct item *queue_find(const struct queue *q, uint64_t number)
{
	size_t i = queue_place(q, number);

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

void queue_unlink(struct queue *q, struct item *item)
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

uint64_t queue_whose(struct bytes originator)
{
	uint8_t digest[32];

	store_digest(originator, digest);
	return get_be64(digest);
}

err_t queue_item(struct queue *q, const struct queue_entry *e, size_t octets,
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
	*item = (struct item){ .number = e->number, .subscription = e->subscription, .whose = queue_whose(e->originator), .due = e->due, .window = e->window,
		               .flags = e->flags, .octets = octets, .events = 1, .lane = lane };
	link_item(q, item);
	*out = item;
out:
	return err;
}
