/* connection.c: the life of one connection; the picture is in link.h. */
#include "base/clock.h"
#include "base/log.h"
#include "binding/link/inside.h"

#include <unistd.h>

/* --- states and their times -------------------------------------------------- */

static int64_t state_time(const struct connection *c)
{
	const struct connection_limits *l = &c->set->limits;

	switch (c->state) {
	case CONNECTION_HANDSHAKE:
		return l->handshake_ms;
	case CONNECTION_IDLE:
		return c->keeps ? KEEPING_MS : l->idle_ms;
	case CONNECTION_REQUEST:
	case CONNECTION_WRITING:
		return l->request_ms;
	case CONNECTION_SERVING:
		return l->answer_ms ? l->answer_ms : INT64_MAX;
	case CONNECTION_DRAINING:
		return DRAIN_MS;
	default:
		return INT64_MAX;
	}
}

/* --- half open: nobody has shown a credential yet ------------------------------ */

static void half_open_begin(struct connection *c)
{
	struct connections *s = c->set;

	c->half_next = NULL;
	c->half_from = s->half_last;
	*s->half_last = c;
	s->half_last = &c->half_next;
	s->half_n++;
}

static void half_open_end(struct connection *c)
{
	struct connections *s = c->set;

	if (!c->half_from)
		return;
	*c->half_from = c->half_next;
	if (c->half_next)
		c->half_next->half_from = c->half_from;
	else
		s->half_last = c->half_from;
	c->half_from = NULL;
	s->half_n--;
}

bool half_open_evict(struct connections *s)
{
	struct connection *c = s->half_first;

	if (!c)
		return false;
	s->owner.refused(s->owner.self, &c->address, "too many handshakes at once");
	connection_close(c);
	return true;
}

void connection_enter(struct connection *c, enum connection_state state)
{
	int64_t now = (int64_t)uv_now(c->set->loop), time, deadline;

	c->state = state;
	if (state == CONNECTION_HANDSHAKE && c->ssl)
		half_open_begin(c);
	else
		half_open_end(c);
	if (state == CONNECTION_REQUEST)
		io_buffers(c, true);
	/* The owner's judgement counts into the handshake's time. */
	if (state == CONNECTION_JUDGED)
		return;
	time = state_time(c);
	deadline = time == INT64_MAX ? time : now + time;
	wheel_set(&c->set->wheel, &c->timed, deadline < c->until ? deadline : c->until);
}

/* Whoever makes us work in vain has a bound: a handshake costs us more than its beginning
 * costs them. */
void connection_blame(struct connection *c, unsigned times)
{
	struct connections *s = c->set;
	bool over = false;

	for (unsigned i = 0; i < times && !over; i++)
		over = address_failed(s->addresses, &c->address, s->limits.failures, (int64_t)uv_now(s->loop));
	if (over)
		s->owner.refused(s->owner.self, &c->address, "too many failed handshakes: refused for a minute");
}

static void blame(struct connection *c)
{
	if (c->ssl)
		connection_blame(c, 1);
}

void connection_expired(struct connection *c)
{
	/* What is late is worth a line; an idle connection is not. */
	static const char *const late[CONNECTION_CLOSED + 1] = {
		[CONNECTION_HANDSHAKE] = "the handshake took too long",
		[CONNECTION_JUDGED] = "no verdict on the association in time",
		[CONNECTION_REQUEST] = "the request took too long",
		[CONNECTION_SERVING] = "no answer from inside in time",
	};

	/* Nothing followed: its idle time begins. */
	if (c->state == CONNECTION_IDLE && c->keeps && (int64_t)uv_now(c->set->loop) < c->until) {
		io_buffers(c, false);
		connection_enter(c, CONNECTION_IDLE);
		return;
	}
	if (c->state == CONNECTION_HANDSHAKE)
		blame(c);
	if (late[c->state] && (int64_t)uv_now(c->set->loop) < c->until)
		c->set->owner.refused(c->set->owner.self, &c->address, late[c->state]);
	connection_close(c);
}

/* --- beginning and end ------------------------------------------------------- */

void connection_suspect(struct connection *c, bool parsing)
{
	struct connection_owner *owner = &c->set->owner;

	if (owner->parsing)
		owner->parsing(owner->self, parsing ? &c->address : NULL);
}

void connection_left(struct connection *c)
{
	struct connection_owner *owner = &c->set->owner;
	bool tell = c->asked && owner->left;

	c->asked = false;
	if (tell)
		owner->left(owner->self, c);
}

static void on_closed(uv_handle_t *handle)
{
	struct connection *c = handle->data;
	struct connections *s = c->set;

	c->freed = true;
	/* Still in a queue: whoever takes it out frees it. */
	if (!c->queued)
		mem_free(c);
	s->handles--;
	if (s->ending)
		connections_free(s);
}

static void forget_buffers(struct connection *c)
{
	c->set->buffered -= c->in.cap + c->out.cap;
	buf_free(&c->in);
	buf_free(&c->out);
	c->out_at = 0;
}

static void waits_no_longer(struct connection *c)
{
	c->set->waiting -= c->waits;
	c->waits = false;
}

void connection_close(struct connection *c)
{
	struct connections *s = c->set;

	if (c->state == CONNECTION_CLOSED)
		return;
	/* A stream ends with all that share its connection; and nothing ends inside
	 * the library's own calls. */
	if (c->whole || (c->http2 && c->http2->inside)) {
		http2_doom(c->whole ? c->whole : c, "");
		return;
	}
	if (c->state != CONNECTION_DRAINING)
		io_goodbye(c);
	wheel_remove(&c->timed);
	half_open_end(c);
	waits_no_longer(c);
	/* CLOSED first: the owner may look at others, or close this one again. */
	c->state = CONNECTION_CLOSED;
	connection_left(c);
	http2_free(c);
	io_buffers(c, false);
	s->owner.closed(s->owner.self, c);
	SSL_free(c->ssl);
	c->ssl = NULL;
	forget_buffers(c);
	(void)uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, on_closed);
	close(c->fd);
	c->fd = -1;
	address_release(s->addresses, &c->address);
	slot_release(s, c->id);
	s->starved = false;
	if (--s->count == 0)
		(void)uv_timer_stop(&s->timer);
	listeners_update(s);
}

/* Nothing but memory and a descriptor is given back: it never had a name. */
static void begin_failed(struct connections *s, struct connection *c, int fd,
                         const struct address *from)
{
	s->owner.refused(s->owner.self, from, "no memory");
	if (c) {
		if (c->id)
			slot_release(s, c->id);
		SSL_free(c->ssl);
		mem_free(c);
	}
	address_release(s->addresses, from);
	close(fd);
}

static err_t begin_tls(struct connection *c, SSL_CTX *ctx)
{
	err_t err;

	TRY(channel_new(ctx, &c->ssl));
	if (SSL_set_fd(c->ssl, c->fd) != 1)
		return ERR_CRYPTO;
	/* One read for head and content of a record; what cannot be written now
	 * moves to a buffer of its own. */
	SSL_set_read_ahead(c->ssl, 1);
	(void)SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                           SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                           SSL_MODE_RELEASE_BUFFERS);
out:
	return err;
}

void connection_begin(struct listener *l, int fd, const struct address *from, uint16_t port)
{
	struct connections *s = l->set;
	struct connection *c = mem_new(1, sizeof(*c));

	if (c) {
		*c = (struct connection){ .set = s, .address = *from, .port = port,
			                  .fd = fd, .until = INT64_MAX };
		c->in = buf_make(HTTP_HEAD_MAX + s->limits.body + ROOM_OCTETS);
		c->out = buf_make(SIZE_MAX / 4);
		c->poll.data = c;
		c->id = slot_take(s, c);
	}
	if (!c || !c->id || (l->ctx && begin_tls(c, l->ctx) != ERR_OK) ||
	    uv_poll_init(s->loop, &c->poll, fd) != 0) {
		begin_failed(s, c, fd, from);
		return;
	}
	s->handles++;
	if (++s->count == 1)
		timer_wake(s);
	io_watch(c, UV_READABLE);
	connection_enter(c, CONNECTION_HANDSHAKE);
	if (c->ssl)
		return;
	connection_enter(c, CONNECTION_JUDGED);
	s->owner.secured(s->owner.self, c);
}

/* --- queues: work that must not wait for an event, and must not run away ------ */

void connection_queue(struct connection *c, bool handshake)
{
	struct queue *q = handshake ? &c->set->handshakes : &c->set->again;

	if (c->queued)
		return;
	c->queued = true;
	c->queue_next = NULL;
	*q->last = c;
	q->last = &c->queue_next;
}

/* --- steps ------------------------------------------------------------------- */

/* The key may come; until then nothing is read. Who told too late has failed by then. */
static void handshake_wants(struct connection *c)
{
	struct connection_owner *owner = &c->set->owner;

	if (c->waited || !owner->wanted || (channel_wanted(c->ssl).n == 0 && !channel_session_wanted(c->ssl)))
		return;
	c->waited = c->waits = true;
	c->set->waiting++;
	owner->wanted(owner->self, c);
}

static void handshake_step(struct connection *c)
{
	struct connections *s = c->set;
	char why[200];
	enum io io;

	/* First an event, then its turn in the queue. */
	if (c->queued)
		return;
	if (c->waits) {
		io_watch(c, 0);
		return;
	}
	if (!c->handshakes) {
		c->handshakes = true;
		connection_queue(c, true);
		return;
	}
	c->handshakes = false;
	s->stepped = uv_now(s->loop);
	/* That we come late is not its doing. */
	if (io_left_waiting(c)) {
		s->owner.refused(s->owner.self, &c->address, "it left before its turn");
		connection_close(c);
		return;
	}
	(void)channel_our_fault(); /* of another's */
	connection_suspect(c, true);
	io = io_handshake(c);
	connection_suspect(c, false);
	switch (io) {
	case IO_DONE:
		connection_enter(c, CONNECTION_JUDGED);
		io_watch(c, UV_READABLE);
		s->owner.secured(s->owner.self, c);
		return;
	case IO_WAIT_OWNER:
		handshake_wants(c);
		if (!c->waits)
			io_watch(c, 0);
		return;
	case IO_ENDED:
		channel_error(why, sizeof(why));
		handshake_wants(c);
		s->owner.refused(s->owner.self, &c->address, why);
		if (!channel_our_fault())
			blame(c);
		connection_close(c);
		return;
	default:
		io_watch(c, io == IO_WAIT_WRITE ? UV_WRITABLE : UV_READABLE);
	}
}

/* Something came while nothing may be read: it waits in the socket. */
static void pause_step(struct connection *c)
{
	io_watch(c, 0);
}

/* The same; that it was the end is worth knowing, for whoever works for the peer. */
static void serving_step(struct connection *c)
{
	io_watch(c, UV_DISCONNECT);
}

static void (*const steps[])(struct connection *) = {
	[CONNECTION_HANDSHAKE] = handshake_step,
	[CONNECTION_JUDGED] = pause_step,
	[CONNECTION_IDLE] = connection_read,
	[CONNECTION_REQUEST] = connection_read,
	[CONNECTION_SERVING] = serving_step,
	[CONNECTION_WRITING] = connection_write,
	[CONNECTION_DRAINING] = connection_drain,
	[CONNECTION_SHARED] = http2_step,
	[CONNECTION_CLOSED] = NULL,
};

void connection_step(struct connection *c)
{
	if (steps[c->state])
		steps[c->state](c);
}

void connection_continue(struct connection *c)
{
	if (c->state != CONNECTION_HANDSHAKE || !c->waited)
		return;
	waits_no_longer(c);
	io_watch(c, UV_READABLE);
	handshake_step(c);
}

void connection_admit(struct connection *c, int64_t until)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	must(c->state == CONNECTION_JUDGED);
	if (until) {
		int64_t left = until - clock_now();

		c->until = (int64_t)uv_now(c->set->loop) + (left > 0 ? left : 0);
	}
	if (http2_is_chosen(c)) {
		http2_begin(c, BYTES_NONE);
		return;
	}
	connection_enter(c, CONNECTION_IDLE);
	io_watch(c, UV_READABLE);
	if (connection_has_leftover(c))
		connection_queue(c, false);
}
