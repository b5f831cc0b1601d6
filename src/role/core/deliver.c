/* deliver.c: what is owed leaves (request/queue.h, request/notification.h).
 *
 *   due --> judged anew --> SEND --> SENT: answered -> gone, with a record
 *              |                          not reached -> later
 *              +-> put off, or dropped with a record
 *
 * Nothing is sent before the transaction that owes it is durable: an entry becomes
 * due with its commit. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypt/crypt.h"
#include "primitive/status.h"
#include "role/core/core.h"
#include "wire/wire.h"

/* Of those that did not answer last, or never yet, so many are under way at once, each at first for a
 * short time: they take the courier's connections from nobody who answers. */
enum { A_TURN = 64, UNPROVEN_MAX = 128, UNPROVEN_MS = 3000 };

struct delivery {
	uint64_t ref;            /* 0: free */
	uint64_t numbers[QUEUE_BATCH];
	size_t n;
	uint64_t subscription;
	uint32_t type;           /* of it */
	bool group;              /* gathered by one */
	bool unproven;
	struct buf texts;        /* target, originator, rqi */
	size_t target_n, originator_n;
};

static struct delivery *free_delivery(struct core *c)
{
	if (!c->deliveries)
		c->deliveries = mem_new(CORE_DELIVERIES, sizeof(*c->deliveries));
	for (size_t i = 0; c->deliveries && i < CORE_DELIVERIES; i++) {
		if (!c->deliveries[i].ref)
			return &c->deliveries[i];
	}
	return NULL;
}

static void forget(struct delivery *d)
{
	buf_free(&d->texts);
	*d = (struct delivery){ .ref = 0 };
}

/* --- what became of it -------------------------------------------------------------- */

static struct notification notification_of(const struct delivery *d)
{
	struct bytes texts = bytes_of_buf(&d->texts);
	struct notification n = {
		.subscription = d->subscription, .type = d->type, .group = d->group, .n = d->n,
		.target = bytes_sub(texts, 0, d->target_n),
		.originator = bytes_sub(texts, d->target_n, d->originator_n),
		.rqi = bytes_sub(texts, d->target_n + d->originator_n, texts.n),
	};

	bytes_copy(n.numbers, d->numbers, d->n * sizeof(d->numbers[0]));
	return n;
}

/* The entries go, with a record; when that fails they stay and go again. */
static void done(struct core *c, const struct notification *n, unsigned status)
{
	uint64_t first = n->numbers[0];
	err_t err;

	TRY(batch_mark(c));
	arena_reset(&c->room.arena);
	err = notification_done(&c->room, n, status, c->now);
	batch_unmark(c, err);
out:
	/* What was dropped was sent to nobody: it proves nothing. */
	if (err == ERR_OK && status)
		queue_sent(c->room.queue, first);
	if (err == ERR_OK)
		return;
	log_event(LOG_ERROR, "delivery not recorded", "why=%s", err_text(err));
	queue_wait(c->room.queue, first, c->now + CORE_DELIVERY_MS);
}

/* For the statistics of its subscription; they hold up nothing. */
static void tried(struct core *c, const struct notification *n, bool was_answered)
{
	err_t err;

	TRY(batch_mark(c));
	err = notification_tried(&c->room, n, was_answered);
	batch_unmark(c, err);
out:
	if (err != ERR_OK)
		log_event(LOG_WARN, "notification not counted", "why=%s", err_text(err));
}

static void failed(struct core *c, uint64_t number)
{
	uint8_t chance[2];

	crypt_random(chance, sizeof(chance));
	queue_failed(c->room.queue, number, c->now, get_be16(chance));
}

/* What the target answered, 0: nothing that is a response. */
static unsigned status_of(err_t result, struct bytes primitive)
{
	struct response_primitive r;

	return result == ERR_OK && response_read(primitive, &r) == ERR_OK ? r.status : 0;
}

static struct delivery *under_way(struct core *c, uint64_t ref)
{
	for (size_t i = 0; c->deliveries && i < CORE_DELIVERIES; i++) {
		if (c->deliveries[i].ref == ref)
			return &c->deliveries[i];
	}
	return NULL;
}

static void answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive)
{
	struct delivery *d = under_way(c, ref);
	struct notification n;
	unsigned status;

	if (!d)
		return;
	status = status_of(result, primitive);
	n = notification_of(d);
	tried(c, &n, status != 0);
	/* That it cannot now is no answer to what was told. */
	if (status && status / 1000 != 5)
		done(c, &n, status);
	else
		failed(c, n.numbers[0]);
	forget(d);
	c->deliver_at = 0;
}

bool deliver_judge(struct core *c, uint64_t ref, struct bytes *primitive)
{
	static struct notification n; /* large, and of this call only */
	const struct delivery *d = under_way(c, ref);

	if (!d || !queue_has(c->room.queue, d->numbers[0]) ||
	    notification_judge(&c->room, d->numbers[0], c->now, &n) != ERR_OK)
		return false;
	*primitive = n.primitive;
	return n.verdict == NOTIFICATION_SEND;
}

void deliver_again(struct core *c, uint64_t ref)
{
	struct delivery *d = under_way(c, ref);

	if (!d)
		return;
	queue_wait(c->room.queue, d->numbers[0], c->now);
	forget(d);
	c->deliver_at = 0;
}

void deliver_answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive)
{
	if (ref >> 56 == DELIVERY_REF)
		answered(c, ref, result, primitive);
	else if (ref >> 56 == SOURCE_REF)
		source_answered(c, ref, result, primitive);
	else
		held_answered(c, ref, result, primitive);
}

/* It may have brought a key. Its octets lie in the buffer of the link, which is ours. */
static void wipe_sent(struct neighbour *from, const struct message *m)
{
	struct buf *in = &from->link.in;

	if (m->ref >> 56 == SOURCE_REF && m->body.n)
		secret_wipe(in->p + (m->body.p - in->p), m->body.n);
}

err_t deliver_sent(struct core *c, struct neighbour *from, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	unsigned result = wire_get_u8(&in);
	struct bytes primitive = wire_get_bytes(&in, m->body.n);
	err_t err;

	TRY(wire_done(&in));
	TRY(from->link.peer == ROLE_COURIER && result < ERR_COUNT ? ERR_OK : ERR_REFUSED);
	if (!c->open)
		goto out;
	/* What the courier says was answered is looked at as anything from outside. */
	if (result == ERR_OK && cbor_check(primitive, &codec_default_limits) != ERR_OK)
		result = ERR_SYNTAX;
	deliver_answered(c, m->ref, (err_t)result, primitive);
out:
	wipe_sent(from, m);
	return err;
}

/* --- sending --------------------------------------------------------------------------- */

/* The polling channel that a place is, 0: none. */
static uint64_t channel_of(struct bytes target)
{
	struct bytes head = BYTES(REACH_CHANNEL);
	uint64_t channel;

	return bytes_starts(target, head) &&
	       bytes_to_u64(bytes_sub(target, head.n, target.n), UINT64_MAX, &channel) == ERR_OK
	               ? channel : 0;
}

/* Fetched from polling channels, and sent nowhere. */
static bool is_fetched(const struct reach *reach)
{
	for (size_t i = 0; i < reach->n; i++) {
		if (!channel_of(reach->list[i].target))
			return false;
	}
	return true;
}

static int64_t time_for(unsigned attempts)
{
	return attempts > 1 ? CORE_DELIVERY_MS : (int64_t)UNPROVEN_MS << attempts;
}

static err_t send_to(struct core *c, const struct notification *n, struct delivery *d)
{
	size_t place = n->reach.n ? queue_attempts(c->room.queue, n->numbers[0]) % n->reach.n : 0;
	struct outbound_need need = { .target = n->reach.list[place].target,
		                      .primitive = n->primitive, .ground = { .creator = n->originator },
		                      .flags = SEND_REPEAT | n->reach.list[place].flags };
	uint64_t ref = (uint64_t)DELIVERY_REF << 56 | ++c->delivery_last;
	err_t err;

	d->texts = buf_make(16384);
	TRY(buf_add(&d->texts, n->target));
	TRY(buf_add(&d->texts, n->originator));
	TRY(buf_add(&d->texts, n->rqi));
	d->target_n = n->target.n;
	d->originator_n = n->originator.n;
	d->subscription = n->subscription;
	d->type = n->type;
	d->group = n->group;
	d->n = n->n;
	d->unproven = !channel_of(need.target) && !queue_proven(c->room.queue, n->numbers[0]);
	bytes_copy(d->numbers, n->numbers, n->n * sizeof(n->numbers[0]));
	TRY(held_send(c, ref, &need, d->unproven ? time_for(queue_attempts(c->room.queue, n->numbers[0]))
	                                         : CORE_DELIVERY_MS));
	d->ref = ref;
	queue_sending(c->room.queue, n->numbers[0], channel_of(need.target), is_fetched(&n->reach));
out:
	if (err != ERR_OK)
		forget(d);
	return err;
}

static void one(struct core *c, uint64_t number)
{
	static struct notification n; /* large, and of this turn only */
	struct delivery *d = free_delivery(c);
	err_t err;

	TRY(d ? ERR_OK : ERR_LIMIT);
	TRY(notification_judge(&c->room, number, c->now, &n));
	if (n.verdict == NOTIFICATION_WAIT)
		queue_wait(c->room.queue, number, n.until);
	else if (n.verdict == NOTIFICATION_DROP)
		done(c, &n, 0);
	else
		err = send_to(c, &n, d);
out:
	if (err != ERR_OK)
		failed(c, number);
}

static void hold_back(struct core *c)
{
	size_t n = 0;

	for (size_t i = 0; c->deliveries && i < CORE_DELIVERIES; i++)
		n += c->deliveries[i].ref && c->deliveries[i].unproven;
	queue_only_proven(c->room.queue, n >= UNPROVEN_MAX);
}

/* What is due, of whom there is room for; 0: nothing. */
static uint64_t next_due(struct core *c)
{
	if (!free_delivery(c))
		return 0;
	hold_back(c);
	return queue_next(c->room.queue, c->now);
}

void deliver_turn(struct core *c)
{
	uint64_t number;
	int64_t wake;

	if (!c->open || c->rollback || c->stopping || clock_steady() < c->deliver_at)
		return;
	if (!free_delivery(c)) {
		c->deliver_at = INT64_MAX; /* until one is answered */
		return;
	}
	for (size_t i = 0; i < A_TURN && (number = next_due(c)) != 0; i++)
		one(c, number);
	hold_back(c);
	wake = queue_wake(c->room.queue);
	c->deliver_at = wake == INT64_MAX ? INT64_MAX : clock_steady() + (wake > c->now ? wake - c->now : 0);
}

int64_t deliver_next(const struct core *c)
{
	return c->open ? c->deliver_at : INT64_MAX;
}

void deliver_courier_lost(struct core *c)
{
	for (size_t i = 0; c->open && c->deliveries && i < CORE_DELIVERIES; i++) {
		if (c->deliveries[i].ref)
			failed(c, c->deliveries[i].numbers[0]);
		forget(&c->deliveries[i]);
	}
	c->deliver_at = 0;
}

void deliver_free(struct core *c)
{
	for (size_t i = 0; c->deliveries && i < CORE_DELIVERIES; i++)
		forget(&c->deliveries[i]);
	mem_free(c->deliveries);
}
