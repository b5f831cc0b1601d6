/* queue_send.c: which entry is next, and what is known of the lanes that they leave by. */
#include "request/queue_inside.h"

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
	struct item *item = queue_find(q, number);
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

bool queue_has(struct queue *q, uint64_t number)
{
	const struct item *item = queue_find(q, number);

	return item && !item->removed;
}

bool queue_outdated(struct queue *q, uint64_t number)
{
	const struct item *item = queue_find(q, number);

	for (const struct item *i = item ? item->next : NULL; i; i = i->next) {
		if (i->subscription == item->subscription && i->flags & QUEUE_LATEST && !i->removed)
			return true;
	}
	return false;
}

uint64_t queue_after(const struct queue *q, uint64_t number)
{
	size_t i = queue_place(q, number + 1);

	while (i < q->items_n && q->items[i]->removed)
		i++;
	return i < q->items_n ? q->items[i]->number : 0;
}

unsigned queue_attempts(struct queue *q, uint64_t number)
{
	const struct item *item = queue_find(q, number);

	return item ? item->lane->attempts : 0;
}

bool queue_proven(struct queue *q, uint64_t number)
{
	const struct item *item = queue_find(q, number);

	return item && proven_has(&q->proven, item->lane->key);
}

void queue_only_proven(struct queue *q, bool only)
{
	q->only_proven = only;
}

void queue_sending(struct queue *q, uint64_t number, uint64_t channel, bool fetched)
{
	struct item *item = queue_find(q, number);

	if (!item)
		return;
	item->lane->sending = number;
	item->lane->channel = channel;
	item->lane->fetched = fetched;
}

void queue_sent(struct queue *q, uint64_t number)
{
	struct item *item = queue_find(q, number);

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
	struct item *item = queue_find(q, number);

	if (!item)
		return;
	proven_drop(&q->proven, item->lane->key);
	item->lane->sending = 0;
	item->lane->attempts++;
	item->lane->not_before = now + pause_after(item->lane->attempts, chance);
}

void queue_wait(struct queue *q, uint64_t number, int64_t until)
{
	struct item *item = queue_find(q, number);

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

void queue_reached(struct queue *q, struct bytes target)
{
	uint8_t shared[QUEUE_LANE_KEY], own[QUEUE_LANE_KEY];

	queue_lane_key(target, 0, shared);
	for (size_t i = 0; i < q->lanes_n; i++) {
		struct lane *lane = q->lanes[i];

		if (!lane->not_before)
			continue;
		queue_lane_key(target, lane->first ? lane->first->subscription : 0, own);
		if (bytes_equal(BYTES_OF(lane->key), BYTES_OF(shared)) || bytes_equal(BYTES_OF(lane->key), BYTES_OF(own)))
			lane->not_before = lane->attempts = 0;
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
