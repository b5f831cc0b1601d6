/* channel.c: the house of requests that wait in polling channels.
 *
 * Responses are told apart by Request Identifier alone, and that is unique to its
 * originator only: a request of another goes under one made of both, so that nobody
 * is given the answer to somebody else. The same request again has the same one.
 *
 * Who polls may be gone: then its poll ends, and what was given to it and perhaps did not arrive is
 * there for the next poll. So one may be given twice to who goes away at the wrong moment, and none is
 * lost with it; it is the same request by its identifier. */
#include "base/clock.h"
#include "crypt/crypt.h"
#include "request/reach.h"
#include "role/core/core.h"

enum { OFFERS = 4096, POLLS = CORE_HELD, OFFER_OCTETS = 16 * 1024 * 1024, SHARE = 8, IDENTIFIER = 16 };

struct offer {
	uint64_t ref;          /* of who waits for the response; 0: free */
	uint64_t channel, number;
	struct buf primitive;
	struct outbound_ground ground; /* of a question; its text in creator */
	struct buf creator;
	struct bytes rqi;      /* a view into it */
	int64_t deadline;      /* clock_steady */
	bool given, answered, was_given;
	bool over;             /* judged anew, it may not be given as it is */
	const struct neighbour *given_to; /* in answer to given_ref, in one with all of given_in */
	uint64_t given_ref, given_in;
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
	bool answered;         /* responses came that nobody was told of yet, or some are over */
	struct arena arena;    /* of what is judged while a poll is served */
};

static struct channels *channels_of(struct core *c)
{
	if (!c->channels) {
		c->channels = mem_new(1, sizeof(*c->channels));
		if (c->channels)
			arena_init(&c->channels->arena, CORE_ARENA);
	}
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
	buf_free(&o->creator);
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

static err_t identifier_of(struct bytes primitive, struct buf *out)
{
	static const struct bytes names[] = { BYTES("fr"), BYTES("rqi") };
	struct buf both = buf_make(primitive.n);
	char text[2 * IDENTIFIER + 1];
	uint8_t digest[32];
	struct cbor value;
	bool found;
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		TRY(cbor_find(primitive, names[i], &value, &found));
		TRY(found && value.kind == CBOR_TEXT ? buf_add(&both, value.raw) : ERR_SYNTAX);
	}
	crypt_sha256(bytes_of_buf(&both), digest);
	bytes_to_hex(bytes_make(digest, IDENTIFIER), text, sizeof(text));
	err = cbor_put_text(out, bytes_str(text));
out:
	buf_free(&both);
	return err;
}

/* The request as it is offered. Our own identifiers are unique already. */
static err_t put_offered(const struct core *c, struct bytes primitive, struct buf *out)
{
	struct buf identifier = buf_make(64);
	struct cbor_member m[PARAM_COUNT];
	struct cbor map, from, value;
	bool found;
	size_t n = 0;
	err_t err;

	TRY(cbor_find(primitive, BYTES("fr"), &from, &found));
	if (found && bytes_equal(from.s, resources_cse(c->room.resources)->cse_id)) {
		err = buf_add(out, primitive);
		goto out;
	}
	TRY(identifier_of(primitive, &identifier));
	TRY(cbor_read(primitive, &map));
	for (; n < COUNT_OF(m); n++) {
		TRY(cbor_pair(&map.s, &m[n].key, &value, &found));
		if (!found)
			break;
		m[n].value = bytes_equal(m[n].key, BYTES("rqi")) ? bytes_of_buf(&identifier) : value.raw;
	}
	err = cbor_put_members(out, m, n);
out:
	buf_free(&identifier);
	return err;
}

/* When half is used one has an eighth at most, on whose right it is: what he offers to nobody who polls
 * leaves room for others'. */
static bool has_share(const struct channels *h, struct bytes creator, size_t octets)
{
	size_t n = 0;

	if (h->octets + octets < OFFER_OCTETS / 2 && h->n < OFFERS / 2)
		return true;
	for (size_t i = 0; i < OFFERS; i++) {
		const struct offer *o = &h->offers[i];

		if (!o->ref || !bytes_equal(bytes_of_buf(&o->creator), creator))
			continue;
		octets += o->primitive.n;
		n++;
	}
	return n < OFFERS / SHARE && octets <= OFFER_OCTETS / SHARE;
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
	if (!o || h->octets + need->primitive.n > OFFER_OCTETS || !has_share(h, need->ground.creator, need->primitive.n))
		return ERR_LIMIT;
	*o = (struct offer){ .ref = ref, .channel = channel, .number = ++h->number,
		             .primitive = buf_make(need->primitive.n + 64),
		             .ground = need->ground, .creator = buf_make(need->ground.creator.n),
		             .response = buf_make(message_row(MSG_SENT)->max),
		             .deadline = clock_steady() + ms };
	h->n++;
	err = put_offered(c, need->primitive, &o->primitive);
	h->octets += o->primitive.n;
	TRY(err);
	TRY(buf_add(&o->creator, need->ground.creator));
	o->ground.creator = bytes_of_buf(&o->creator);
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

static struct offer *oldest_of(struct core *c, uint64_t channel)
{
	struct offer *oldest = NULL;

	for (size_t i = 0; c->channels && c->channels->n && i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (o->ref && o->channel == channel && !o->given && !o->over &&
		    (!oldest || o->number < oldest->number))
			oldest = o;
	}
	return oldest;
}

/* One request, but for the time at which it was made? */
static bool is_same(struct bytes a, struct bytes b)
{
	struct bytes pairs[2] = { a, b }, keys[2];
	struct cbor map, values[2];
	bool found[2] = { true, true };

	for (size_t i = 0; i < 2; i++) {
		if (cbor_read(pairs[i], &map) != ERR_OK || map.kind != CBOR_MAP)
			return false;
		pairs[i] = map.s;
	}
	while (found[0]) {
		for (size_t i = 0; i < 2; i++) {
			if (cbor_pair(&pairs[i], &keys[i], &values[i], &found[i]) != ERR_OK)
				return false;
		}
		if (found[0] != found[1])
			return false;
		if (found[0] && (!bytes_equal(keys[0], keys[1]) ||
		                 (!bytes_equal(values[0].raw, values[1].raw) && !bytes_equal(keys[0], BYTES("ot")))))
			return false;
	}
	return true;
}

static bool may_be_sent(struct core *c, const struct offer *o)
{
	struct buf now = buf_make(message_row(MSG_SENT)->max);
	struct bytes primitive = BYTES_NONE;
	bool may;

	may = deliver_judge(c, o->ref, &primitive) && put_offered(c, primitive, &now) == ERR_OK &&
	      is_same(bytes_of_buf(&now), bytes_of_buf(&o->primitive));
	buf_free(&now);
	return may;
}

/* It was judged when it was offered, and rights end while it waits: what is owed is given only when it would
 * be sent now, as it is, a question while its ground is there. The request that polls has the room's arena. */
static bool may_be_given(struct core *c, const struct offer *o)
{
	struct arena serving = c->room.arena;
	bool may = false;

	c->room.arena = c->channels->arena;
	if (o->ref >> 56 == DELIVERY_REF)
		may = may_be_sent(c, o);
	else if (notification_stands(&c->room, &o->ground, c->now, &may) != ERR_OK)
		may = false;
	arena_reset(&c->room.arena);
	c->channels->arena = c->room.arena;
	c->room.arena = serving;
	return may;
}

bool channel_take(void *self, uint64_t channel, size_t max, struct bytes *primitive)
{
	struct core *c = self;
	struct offer *oldest = c->serving_left ? NULL : oldest_of(c, channel);

	/* What is over is taken out with the turn, and its record with it. */
	while (oldest && oldest->primitive.n <= max && !may_be_given(c, oldest)) {
		oldest->over = c->channels->answered = true;
		oldest = oldest_of(c, channel);
	}
	if (!oldest || oldest->primitive.n > max)
		return false;
	oldest->given = oldest->was_given = true;
	oldest->given_to = c->serving_to;
	oldest->given_ref = c->serving_ref;
	oldest->given_in = c->servings;
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

		if (!o->ref || o->channel != channel || !o->was_given || o->answered ||
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

static void give_back(struct core *c, uint64_t serving)
{
	for (size_t i = 0; i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (!o->ref || !o->given || o->answered || o->given_in != serving)
			continue;
		o->given = false;
		o->given_to = NULL;
		wake(c, o->channel);
	}
}

void channel_untake(struct core *c, uint64_t serving)
{
	if (c->channels && c->channels->n)
		give_back(c, serving);
}

/* What was given before the last is there: else it would not have asked again. */
static uint64_t last_given(const struct core *c, const struct neighbour *to, uint64_t ref)
{
	uint64_t last = 0;

	for (size_t i = 0; i < OFFERS; i++) {
		const struct offer *o = &c->channels->offers[i];

		if (o->ref && o->given && o->given_to == to && o->given_ref == ref && o->given_in > last)
			last = o->given_in;
	}
	return last;
}

err_t channel_left(struct core *c, struct neighbour *from, const struct message *m)
{
	uint64_t last;

	if (!c->open || !c->channels)
		goto out;
	if (!held_left(c, from, m->ref)) {
		last = c->channels->n ? last_given(c, from, m->ref) : 0;
		if (last)
			give_back(c, last);
		goto out;
	}
	for (size_t i = 0; i < POLLS; i++) {
		struct poll *p = &c->channels->polls[i];

		if (!p->channel || !held_is_left(c, p->ref))
			continue;
		held_answered(c, p->ref, ERR_TIMEOUT, BYTES_NONE);
		*p = (struct poll){ 0 };
	}
out:
	return ERR_OK;
}

/* Who polled through it may not have seen what was given last. */
void channel_neighbour_lost(struct core *c, const struct neighbour *n)
{
	for (size_t i = 0; c->channels && i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (!o->ref || o->given_to != n)
			continue;
		o->given_to = NULL;
		if (!o->answered)
			give_back(c, o->given_in);
	}
}

void channel_turn(struct core *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; c->channels && c->channels->n && i < OFFERS; i++) {
		struct offer *o = &c->channels->offers[i];

		if (!o->ref || (!o->answered && !o->over && now < o->deadline))
			continue;
		if (o->over && !o->answered && o->ref >> 56 == DELIVERY_REF)
			deliver_again(c, o->ref);
		else if (o->over && !o->answered) /* who asked is served again, and judged with it */
			deliver_answered(c, o->ref, ERR_REFUSED, BYTES_NONE);
		else
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
	if (c->channels)
		arena_free(&c->channels->arena);
	mem_free(c->channels);
}
