/* held.c: requests that wait for answers from elsewhere (request/outbound.h).
 *
 *   request_serve --ERR_PENDING--> kept --needs--> courier
 *                 <--again, with the memo-- all answered, or late
 *
 * Nothing of a kept request is in the store, in the log or in the memory of
 * replay: only its last round leaves a trace, one record. Bounded in number, by
 * originator, in octets, rounds and time. The number of an answer names the slot,
 * its serial and the question, so that one that comes late finds nothing. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

enum { ASKED_MAX = 4096, SERIAL_MASK = 0xffffff, BEFORE_END_MS = 500 };

static uint64_t ref_of(const struct core *c, const struct held *h, size_t question)
{
	return (uint64_t)(h - c->held) << 40 | (uint64_t)h->serial << 16 | question;
}

static struct asked *asked_of(struct core *c, uint64_t ref, struct held **owner)
{
	size_t slot = (size_t)(ref >> 40), question = ref & 0xffff;
	struct held *h = slot < CORE_HELD ? &c->held[slot] : NULL;

	if (!h || !h->used || h->done || h->serial != (ref >> 16 & SERIAL_MASK) ||
	    question >= h->asked_n || h->asked[question].answered)
		return NULL;
	*owner = h;
	return &h->asked[question];
}

/* --- keeping ----------------------------------------------------------------------- */

static void forget(struct core *c, struct held *h)
{
	c->held_octets -= h->primitive.n;
	c->held_n--;
	registry_hold(c->room.registry, h->in.association, false);
	for (size_t i = 0; i < h->asked_n; i++) {
		c->held_octets -= h->asked[i].primitive.n;
		buf_free(&h->asked[i].primitive);
	}
	mem_free(h->asked);
	buf_free(&h->primitive);
	buf_free(&h->request);
	*h = (struct held){ .used = false };
}

static struct held *free_slot(struct core *c, struct bytes originator, size_t octets)
{
	bool scarce = c->held_octets + octets > CORE_HELD_OCTETS / 2;
	struct held *found = NULL;
	size_t same = 0, all = octets;

	for (size_t i = 0; i < CORE_HELD; i++) {
		struct held *h = &c->held[i];

		if (!h->used) {
			found = found ? found : h;
		} else if (bytes_equal(bytes_str(h->originator), originator)) {
			all += h->primitive.n;
			same++;
		}
	}
	if (same >= CORE_HELD_PER_ORIGINATOR || (scarce && all > CORE_HELD_OCTETS / CORE_HELD_SHARE))
		return NULL;
	return found;
}

/* Of what is left until a result expires, what may be waited: the answer is to leave before
 * [TS-0004 7.3.3.16, 7.4.14.2.5]. */
static int64_t before_end(int64_t left)
{
	return left - (left < 4 * BEFORE_END_MS ? left / 4 : BEFORE_END_MS);
}

/* When it must be answered: the option, or the originator's own limits. */
static int64_t deadline_of(const struct core *c, const struct request_arrival *in)
{
	const struct options *o = &c->worker->options;
	bool polls = bytes_starts(c->room.needs.list[0].target, BYTES(CHANNEL_POLL));
	/* A poll may wait for nearly as long as the gate lets an answer take. */
	int64_t ms = polls ? 2000 * (int64_t)options_number(o, OPT_gate_request_time) - 1000
	                   : 1000 * (int64_t)options_number(o, OPT_outbound_time);
	struct request_primitive r;

	/* A relative time began when the request arrived. */
	if (request_read(in->primitive, in->memo.arrived ? in->memo.arrived : in->now, &r) != ERR_OK)
		goto out;
	/* It is bounded already: admission.def, "soon". */
	if (r.executes > in->now && !polls)
		ms += r.executes - in->now;
	if (r.expires > in->now && r.expires - in->now < ms)
		ms = r.expires - in->now;
	if (r.result_expires > in->now && before_end(r.result_expires - in->now) < ms)
		ms = before_end(r.result_expires - in->now);
out:
	return clock_steady() + ms;
}

static err_t take(struct core *c, const struct pending *p, const struct request_arrival *in,
                  struct held **out)
{
	const struct outbound_needs *needs = &c->room.needs;
	struct held *h = free_slot(c, needs->originator, in->primitive.n);
	err_t err;

	if (!h || c->held_octets + in->primitive.n > CORE_HELD_OCTETS)
		return ERR_LIMIT;
	*h = (struct held){ .used = true, .serial = ++c->held_serial & SERIAL_MASK, .to = p->to,
		            .ref = p->ref, .in = *in, .deadline = deadline_of(c, in),
		            .primitive = buf_make(in->primitive.n), .request = buf_make(1024) };
	c->held_n++;
	registry_hold(c->room.registry, in->association, true);
	TRY(bytes_put_str(h->originator, sizeof(h->originator), needs->originator));
	TRY(buf_add(&h->request, needs->request));
	TRY(buf_add(&h->primitive, in->primitive));
	c->held_octets += in->primitive.n;
	h->in.primitive = bytes_of_buf(&h->primitive);
	h->in.exported = BYTES_NONE; /* no longer there */
	if (!h->in.memo.arrived)
		h->in.memo.arrived = in->now;
	h->in.again = true;
	*out = h;
out:
	if (err != ERR_OK)
		forget(c, h);
	return err;
}

/* --- asking ------------------------------------------------------------------------- */

static struct neighbour *courier_of(struct core *c)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		if (c->neighbours[i].used && c->neighbours[i].link.peer == ROLE_COURIER)
			return &c->neighbours[i];
	}
	return NULL;
}

err_t held_send(struct core *c, uint64_t ref, const struct outbound_need *need, int64_t ms)
{
	struct neighbour *courier = courier_of(c);
	struct buf body = buf_make(message_row(MSG_SEND)->max);
	struct wire_out out = wire_out(&body);
	err_t err;

	if (channel_send(c, ref, need, ms, &err))
		return err;
	if (!courier)
		return ERR_CLOSED;
	wire_put_u32(&out, ms > 0 ? (uint32_t)ms : 0);
	wire_put_u8(&out, (uint8_t)need->flags);
	wire_put_u8(&out, (uint8_t)(need->flags >> OUTBOUND_FORM));
	wire_put_bytes(&out, need->target);
	wire_put_bytes(&out, need->primitive);
	TRY(out.err);
	err = link_send(&courier->link, MSG_SEND, ref, bytes_of_buf(&body));
out:
	buf_free(&body);
	return err;
}

static void answer(struct held *h, struct asked *a, err_t err)
{
	a->answered = true;
	a->err = err;
	h->awaited--;
}

/* "at:" and a time: when that is; 0 for other targets. */
static int64_t due_of(const struct core *c, struct bytes target)
{
	struct bytes head = BYTES(OUTBOUND_AT);
	uint64_t at;

	if (!bytes_starts(target, head) ||
	    bytes_to_u64(bytes_sub(target, head.n, target.n), INT64_MAX, &at) != ERR_OK)
		return 0;
	return clock_steady() + ((int64_t)at > c->now ? (int64_t)at - c->now : 1);
}

static err_t ask(struct core *c, struct held *h, const struct outbound_need *need)
{
	size_t cap = h->asked_cap ? h->asked_cap * 2 : 8;
	int64_t left = h->deadline - clock_steady();
	int64_t due = due_of(c, need->target);
	struct asked *a, *more;
	err_t sent;

	if (h->asked_n == h->asked_cap) {
		more = cap <= ASKED_MAX ? mem_grow(h->asked, h->asked_cap, cap, sizeof(*more)) : NULL;
		if (!more)
			return ERR_LIMIT;
		h->asked = more;
		h->asked_cap = cap;
	}
	a = &h->asked[h->asked_n++];
	*a = (struct asked){ .primitive = buf_make(message_row(MSG_SENT)->max),
		             .end = bytes_equal(need->target, BYTES(OUTBOUND_END)) };
	bytes_copy(a->key, need->key, OUTBOUND_KEY);
	h->awaited++;
	/* One at most: for its time a request waits alone. */
	if (due) {
		h->due = due;
		h->due_at = h->asked_n - 1;
	}
	sent = left <= 0 ? ERR_TIMEOUT
	                 : a->end || due ? ERR_OK : held_send(c, ref_of(c, h, h->asked_n - 1), need, left);
	if (sent != ERR_OK)
		answer(h, a, sent);
	return ERR_OK;
}

err_t held_keep(struct core *c, const struct pending *p, const struct request_arrival *in,
                struct held *h)
{
	const struct outbound_needs *needs = &c->room.needs;
	err_t err = ERR_OK;

	TRY(needs->n > 0 ? ERR_OK : ERR_BAD_STATE);
	if (!h)
		TRY(take(c, p, in, &h));
	if (++h->rounds > OUTBOUND_ROUNDS)
		return ERR_LIMIT;
	outbound_keep_rows(&h->in.memo, needs);
	for (size_t i = 0; i < needs->n && err == ERR_OK; i++)
		err = ask(c, h, &needs->list[i]);
	if (err == ERR_OK)
		return ERR_PENDING;
	if (h->rounds == 1)
		forget(c, h);
out:
	return err;
}

/* --- served again --------------------------------------------------------------------- */

static err_t memo_of(struct held *h, struct outbound_answer **list)
{
	*list = mem_new(h->asked_n, sizeof(**list));
	if (!*list)
		return ERR_MEMORY;
	for (size_t i = 0; i < h->asked_n; i++) {
		struct outbound_answer *o = &(*list)[i];

		bytes_copy(o->key, h->asked[i].key, OUTBOUND_KEY);
		o->err = h->asked[i].err;
		o->primitive = bytes_of_buf(&h->asked[i].primitive);
	}
	return ERR_OK;
}

static void serve_again(struct core *c, struct held *h)
{
	struct pending p = { .to = h->to, .type = MSG_ANSWER, .ref = h->ref };
	struct request_arrival in = h->in;
	struct outbound_answer *list = NULL;
	err_t err;

	TRY(memo_of(h, &list));
	in.memo.list = list;
	in.memo.n = h->asked_n;
	in.now = c->now;
	err = batch_serve(c, &p, &in, h);
out:
	mem_free(list);
	if (err == ERR_OK)
		return;
	log_event(LOG_ERROR, "held request lost", "why=%s", err_text(err));
	h->done = true;
}

void held_done(struct core *c, struct held *h)
{
	h->done = true;
}

bool held_awaits(struct core *c, uint64_t ref)
{
	struct held *h;

	return asked_of(c, ref, &h) != NULL;
}

bool held_left(struct core *c, const struct neighbour *from, uint64_t request)
{
	for (size_t i = 0; i < CORE_HELD && c->held_n; i++) {
		struct held *h = &c->held[i];

		if (!h->used || h->done || h->to != from || h->ref != request)
			continue;
		h->left = true;
		return true;
	}
	return false;
}

bool held_is_left(struct core *c, uint64_t ref)
{
	struct held *h;

	return asked_of(c, ref, &h) && h->left;
}

void held_answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive)
{
	struct held *h;
	struct asked *a = asked_of(c, ref, &h);

	if (!a)
		return;
	if (result == ERR_OK && c->held_octets + primitive.n > CORE_HELD_OCTETS)
		result = ERR_LIMIT;
	if (result == ERR_OK)
		result = buf_add(&a->primitive, primitive);
	if (result == ERR_OK)
		c->held_octets += primitive.n;
	answer(h, a, result);
}

void held_turn(struct core *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; i < CORE_HELD && c->held_n; i++) {
		struct held *h = &c->held[i];

		if (!h->used)
			continue;
		if (h->due && now >= h->due) {
			if (!h->asked[h->due_at].answered)
				answer(h, &h->asked[h->due_at], ERR_OK);
			h->due = 0;
		}
		for (size_t k = 0; now >= h->deadline && k < h->asked_n; k++) {
			if (!h->asked[k].answered)
				answer(h, &h->asked[k], ERR_TIMEOUT);
		}
		/* The answer that waits for the commit looks at the primitive. */
		if (!h->done && h->awaited == 0)
			serve_again(c, h);
	}
}

/* An update that others wait for ended: they are served again in the next turn. */
static void tell_of_end(struct core *c)
{
	for (size_t i = 0; i < CORE_HELD; i++) {
		struct held *h = &c->held[i];

		for (size_t k = 0; h->used && k < h->asked_n; k++) {
			if (h->asked[k].end && !h->asked[k].answered)
				answer(h, &h->asked[k], ERR_OK);
		}
	}
}

void held_sweep(struct core *c)
{
	for (size_t i = 0; i < CORE_HELD && c->held_n; i++) {
		if (c->held[i].used && c->held[i].done)
			forget(c, &c->held[i]);
	}
	if (c->room.unblocked)
		tell_of_end(c);
	c->room.unblocked = false;
}

int64_t held_next(const struct core *c)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < CORE_HELD && c->held_n; i++) {
		const struct held *h = &c->held[i];

		if (h->used && h->awaited == 0)
			return 0;
		if (h->used && h->deadline < next)
			next = h->deadline;
		if (h->used && h->due && h->due < next)
			next = h->due;
	}
	return next;
}

/* A gate: nobody takes the answer any more, but what is under way is ended in
 * order. The courier: nobody will answer. */
void held_neighbour_lost(struct core *c, const struct neighbour *n)
{
	bool courier = n->link.peer == ROLE_COURIER;

	for (size_t i = 0; i < CORE_HELD; i++) {
		struct held *h = &c->held[i];

		if (h->used && h->to == n)
			h->to = NULL;
		for (size_t k = 0; courier && h->used && k < h->asked_n; k++) {
			if (!h->asked[k].answered)
				answer(h, &h->asked[k], ERR_CLOSED);
		}
	}
}

bool held_has(void *self, struct bytes originator, struct bytes rqi)
{
	struct core *c = self;

	for (size_t i = 0; i < CORE_HELD && c->held_n; i++) {
		struct held *h = &c->held[i];

		if (h->used && !h->done && bytes_equal(bytes_str(h->originator), originator) &&
		    bytes_equal(bytes_of_buf(&h->request), rqi))
			return true;
	}
	return false;
}

void held_free(struct core *c)
{
	for (size_t i = 0; i < CORE_HELD; i++) {
		if (c->held[i].used)
			forget(c, &c->held[i]);
	}
}
