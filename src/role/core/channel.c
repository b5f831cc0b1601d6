/* channel.c: the house of requests that wait in polling channels. */
#include "base/clock.h"
#include "request/reach.h"
#include "role/core/core.h"

enum { OFFERS = 4096, POLLS = CORE_HELD, OFFER_OCTETS = 16 * 1024 * 1024 };

struct offer {
	uint64_t ref;          /* of who waits for the response; 0: free */
	uint64_t channel, number;
	struct buf primitive;
	struct bytes rqi;      /* a view into it */
	int64_t deadline;      /* clock_steady */
	bool given, answered;
	struct buf response;
};

struct poll {
	uint64_t ref, channel; /* ref of the need; channel 0: free */
};

struct channels {
	struct offer offers[OFFERS];
	size_t n, octets;
	uint64_t number;
	struct poll polls[POLLS];
	bool answered;         /* responses came that nobody was told of yet */
};

static struct channels *channels_of(struct core *c)
{
	if (!c->channels)
		c->channels = mem_new(1, sizeof(*c->channels));
	return c->channels;
}

static bool target_number(struct bytes target, const char *prefix, uint64_t *out)
{
	struct bytes head = bytes_str(prefix);

	return bytes_starts(target, head) &&
	       bytes_to_u64(bytes_sub(target, head.n, target.n), UINT64_MAX, out) == ERR_OK;
}

static void forget(struct channels *h, struct offer *o)
{
	h->octets -= o->primitive.n + o->response.n;
	h->n--;
	buf_free(&o->primitive);
	buf_free(&o->response);
	*o = (struct offer){ .ref = 0 };
}

/* Somebody polls this channel: there is something now. */
static void wake(struct core *c, uint64_t channel)
{
	for (size_t i = 0; i < POLLS; i++) {
		struct poll *p = &c->channels->polls[i];

		if (p->channel != channel)
			continue;
		held_answered(c, p->ref, ERR_OK, BYTES_NONE);
		*p = (struct poll){ 0 };
		return;
	}
}

static err_t offer(struct core *c, uint64_t ref, uint64_t channel,
                   const struct outbound_need *need, int64_t ms)
{
	struct channels *h = channels_of(c);
	struct offer *o = NULL;
	struct cbor rqi;
	bool found;
	err_t err;

	for (size_t i = 0; h && i < OFFERS && !o; i++) {
		if (!h->offers[i].ref)
			o = &h->offers[i];
	}
	if (!o || h->octets + need->primitive.n > OFFER_OCTETS)
		return ERR_LIMIT;
	*o = (struct offer){ .ref = ref, .channel = channel, .number = ++h->number,
		             .primitive = buf_make(need->primitive.n),
		             .response = buf_make(message_row(MSG_SENT)->max),
		             .deadline = clock_steady() + ms };
	h->n++;
	TRY(buf_add(&o->primitive, need->primitive));
	h->octets += need->primitive.n;
	TRY(cbor_find(bytes_of_buf(&o->primitive), BYTES("rqi"), &rqi, &found));
	TRY(found && rqi.kind == CBOR_TEXT ? ERR_OK : ERR_SYNTAX);
	o->rqi = rqi.s;
	wake(c, channel);
out:
	if (err != ERR_OK)
		forget(h, o);
	return err;
}

static err_t poll_for(struct core *c, uint64_t ref, uint64_t channel)
{
	struct channels *h = channels_of(c);
	struct poll *place = NULL;

	for (size_t i = 0; h && i < POLLS; i++) {
		struct poll *p = &h->polls[i];

		/* Two polls of one channel: the newer one is answered. */
		if (p->channel == channel)
			held_answered(c, p->ref, ERR_TIMEOUT, BYTES_NONE);
		if (p->channel == channel || !held_awaits(c, p->ref))
			*p = (struct poll){ 0 };
		if (!place && p->channel == 0)
			place = p;
	}
	if (!place)
		return ERR_LIMIT;
	*place = (struct poll){ ref, channel };
	/* What paused because nobody polled is offered now. */
	queue_awake(c->room.queue, channel);
	c->deliver_at = 0;
	return ERR_OK;
}

bool channel_send(struct core *c, uint64_t ref, const struct outbound_need *need, int64_t ms,
                  err_t *result)
{
	uint64_t channel;

	if (target_number(need->target, REACH_CHANNEL, &channel))
		*result = offer(c, ref, channel, need, ms);
	else if (target_number(need->target, CHANNEL_POLL, &channel))
		*result = poll_for(c, ref, channel);
	else
		return false;
	return true;
}

bool channel_take(void *self, uint64_t channel, struct bytes *primitive)
{
	struct core *c = self;
	struct offer *oldest = NULL;

	for (size_t i = 0; c->channels && c->channels->n && i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (o->ref && o->channel == channel && !o->given &&
		    (!oldest || o->number < oldest->number))
			oldest = o;
	}
	if (!oldest)
		return false;
	oldest->given = true;
	*primitive = bytes_of_buf(&oldest->primitive);
	return true;
}

/* Who waits is told when the turn is over: its own part of a transaction cannot
 * stand within that of the request that brings the response. */
bool channel_answer(void *self, uint64_t channel, struct bytes rqi, struct bytes response)
{
	struct core *c = self;

	for (size_t i = 0; c->channels && i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (!o->ref || o->channel != channel || !o->given || o->answered ||
		    !bytes_equal(o->rqi, rqi))
			continue;
		if (buf_add(&o->response, response) != ERR_OK)
			return false;
		c->channels->octets += response.n;
		o->answered = c->channels->answered = true;
		return true;
	}
	return false;
}

void channel_turn(struct core *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; c->channels && c->channels->n && i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (!o->ref || (!o->answered && now < o->deadline))
			continue;
		deliver_answered(c, o->ref, o->answered ? ERR_OK : ERR_TIMEOUT,
		                 bytes_of_buf(&o->response));
		forget(c->channels, o);
	}
	if (c->channels)
		c->channels->answered = false;
}

int64_t channel_next(const struct core *c)
{
	int64_t next = INT64_MAX;

	if (c->channels && c->channels->answered)
		return 0;
	for (size_t i = 0; c->channels && c->channels->n && i < OFFERS; i++) {
		const struct offer *o = &c->channels->offers[i];

		if (o->ref && o->deadline < next)
			next = o->deadline;
	}
	return next;
}

void channel_free(struct core *c)
{
	for (size_t i = 0; c->channels && i < OFFERS; i++) {
		if (c->channels->offers[i].ref)
			forget(c->channels, &c->channels->offers[i]);
	}
	mem_free(c->channels);
}
