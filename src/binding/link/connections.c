/* connections.c: the set: listeners, numbers, turns of the loop. */
#define _GNU_SOURCE
#include "base/log.h"
#include "binding/link/inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- numbers: slot and generation, so that an old one finds nothing ---------- */

static err_t slots_grow(struct connections *s)
{
	size_t more = s->slots_n ? s->slots_n * 2 : 64;
	struct slot *slots;

	if (more > s->limits.total + STREAMS_ALL)
		more = s->limits.total + STREAMS_ALL;
	if (more <= s->slots_n)
		return ERR_FULL;
	slots = mem_grow(s->slots, s->slots_n, more, sizeof(*slots));
	if (!slots)
		return ERR_MEMORY;
	s->slots = slots;
	for (size_t i = more; i > s->slots_n; i--) {
		slots[i - 1].next_free = s->free_slot;
		s->free_slot = (uint32_t)i;
	}
	s->slots_n = more;
	return ERR_OK;
}

uint64_t slot_take(struct connections *s, struct connection *c)
{
	uint32_t number;

	if (!s->free_slot && slots_grow(s) != ERR_OK)
		return 0;
	number = s->free_slot;
	s->free_slot = s->slots[number - 1].next_free;
	s->slots[number - 1].c = c;
	return (uint64_t)++s->slots[number - 1].generation << 32 | number;
}

void slot_release(struct connections *s, uint64_t id)
{
	uint32_t number = (uint32_t)id;

	s->slots[number - 1].c = NULL;
	s->slots[number - 1].next_free = s->free_slot;
	s->free_slot = number;
}

struct connection *connections_find(struct connections *s, uint64_t id)
{
	uint32_t number = (uint32_t)id;

	if (number == 0 || number > s->slots_n ||
	    s->slots[number - 1].generation != id >> 32)
		return NULL;
	return s->slots[number - 1].c;
}

struct connection *connections_numbered(struct connections *s, uint64_t number)
{
	for (size_t i = 0; i < s->slots_n; i++) {
		struct connection *c = s->slots[i].c;

		if (c && !c->whole && c->number == number)
			return c;
	}
	return NULL;
}

size_t connections_count(const struct connections *s)
{
	return s->count;
}

bool connections_handshaking(const struct connections *s, uint64_t ms)
{
	return s->half_n > s->waiting && uv_now(s->loop) - s->stepped < ms;
}

/* --- listeners --------------------------------------------------------------- */

static void address_of(const struct sockaddr_storage *from, struct address *a, uint16_t *port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	bytes_copy(&four, from, sizeof(four));
	bytes_copy(&six, from, sizeof(six));
	*a = (struct address){ 0 };
	*port = ntohs(four.sin_port); /* at the same place in both */
	if (from->ss_family == AF_INET) {
		a->n = 4;
		bytes_copy(a->octets, &four.sin_addr, 4);
	} else if (bytes_equal(bytes_make(&six.sin6_addr, 12), BYTES_OF(mapped))) {
		a->n = 4;
		bytes_copy(a->octets, six.sin6_addr.s6_addr + 12, 4);
	} else {
		a->n = 16;
		bytes_copy(a->octets, &six.sin6_addr, 16);
	}
}

/* For one more, when a half-open one makes room for it. */
static bool has_room(const struct connections *s)
{
	return s->count < s->limits.total || s->half_n > 0;
}

static void make_room(struct connections *s)
{
	if (s->count >= s->limits.total || (s->limits.half_open && s->half_n >= s->limits.half_open))
		(void)half_open_evict(s);
}

static void arrived(struct listener *l, int fd, const struct sockaddr_storage *from)
{
	struct connections *s = l->set;
	struct address address;
	const char *why = NULL;
	uint16_t port;
	int yes = 1;

	address_of(from, &address, &port);
	if (l->loopback && !address_is_loopback(&address))
		why = "not a loopback address";
	if (!why)
		why = address_take(s->addresses, &address, s->limits.per_address,
		                   (int64_t)uv_now(s->loop));
	if (why) {
		s->owner.refused(s->owner.self, &address, why);
		close(fd);
		return;
	}
	make_room(s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	connection_begin(l, fd, &address, port);
}

static void on_arrival(uv_poll_t *handle, int status, int events)
{
	struct listener *l = handle->data;
	struct connections *s = l->set;

	for (int i = 0; i < ACCEPTS_A_TURN && has_room(s); i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t n = sizeof(from);
		int fd = accept4(l->fd, (struct sockaddr *)&from, &n,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			arrived(l, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			/* Until a connection ends or the timer looks again. */
			s->starved = true;
			timer_wake(s);
			break;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			break;
		}
	}
	listeners_update(s);
}

/* Once in a while, however often the limit is touched. */
static void say_full(struct connections *s)
{
	int64_t now = (int64_t)uv_now(s->loop);

	if (s->said_full && now - s->said_full < SAY_FULL_MS)
		return;
	s->said_full = now;
	log_event(LOG_WARN, "no more connections", "limit=%zu", s->limits.total);
}

void listeners_update(struct connections *s)
{
	bool open = s->accepting && !s->starved && has_room(s);

	if (s->accepting && !has_room(s))
		say_full(s);
	for (size_t i = 0; i < s->listeners_n; i++) {
		struct listener *l = &s->listeners[i];

		if (open == l->open)
			continue;
		l->open = open;
		if (open)
			must(uv_poll_start(&l->poll, UV_READABLE, on_arrival) == 0);
		else
			(void)uv_poll_stop(&l->poll);
	}
}

err_t connections_listen(struct connections *s, int fd, SSL_CTX *ctx, bool loopback)
{
	struct listener *l = &s->listeners[s->listeners_n];

	if (s->listeners_n == LISTENERS_MAX)
		return ERR_FULL;
	*l = (struct listener){ .set = s, .ctx = ctx, .fd = fd, .loopback = loopback };
	l->poll.data = l;
	if (uv_poll_init(s->loop, &l->poll, fd) != 0)
		return ERR_IO;
	s->handles++;
	s->listeners_n++;
	listeners_update(s);
	return ERR_OK;
}

void connections_accept(struct connections *s, bool accept)
{
	s->accepting = accept;
	listeners_update(s);
}

/* --- turns of the loop ------------------------------------------------------- */

/* The connections that stand in the queue now, at most `limit`. */
static void queue_run(struct queue *q, size_t limit)
{
	while (q->first && limit--) {
		struct connection *c = q->first;

		q->first = c->queue_next;
		if (!q->first)
			q->last = &q->first;
		c->queued = false;
		if (c->freed)
			mem_free(c);
		else if (c->state != CONNECTION_CLOSED)
			connection_step(c);
	}
}

static void on_idle(uv_idle_t *handle)
{
	/* Its being there keeps the loop from waiting. */
}

static void on_check(uv_check_t *handle)
{
	struct connections *s = handle->data;
	size_t again = 0;

	/* Requests before handshakes; only those that stand there now. */
	for (struct connection *c = s->again.first; c; c = c->queue_next)
		again++;
	queue_run(&s->again, again);
	queue_run(&s->handshakes, HANDSHAKES_A_TURN);
	if (s->again.first || s->handshakes.first)
		(void)uv_idle_start(&s->idle, on_idle);
	else
		(void)uv_idle_stop(&s->idle);
}

static void on_expired(void *self, struct timed *t)
{
	connection_expired((struct connection *)((char *)t - offsetof(struct connection, timed)));
}

static void on_timer(uv_timer_t *handle)
{
	struct connections *s = handle->data;

	wheel_run(&s->wheel, (int64_t)uv_now(s->loop), on_expired, s);
	if (s->starved) {
		s->starved = false;
		listeners_update(s);
	}
	if (s->count == 0 && !s->starved)
		(void)uv_timer_stop(&s->timer);
}

void timer_wake(struct connections *s)
{
	if (uv_is_active((uv_handle_t *)&s->timer))
		return;
	/* Nothing stands in the wheel: the time that went by need not be walked. */
	wheel_init(&s->wheel, (int64_t)uv_now(s->loop));
	must(uv_timer_start(&s->timer, on_timer, WHEEL_TICK_MS, WHEEL_TICK_MS) == 0);
}

/* --- the set ----------------------------------------------------------------- */

err_t connections_new(uv_loop_t *loop, const struct connection_limits *limits,
                      const struct connection_owner *owner, struct connections **out)
{
	struct connections *s = mem_new(1, sizeof(*s));
	err_t err;

	*out = NULL;
	if (!s)
		return ERR_MEMORY;
	s->loop = loop;
	s->limits = *limits;
	s->owner = *owner;
	s->accepting = true;
	s->sending = buf_make(HTTP2_SENDING * 2);
	s->handshakes.last = &s->handshakes.first;
	s->half_last = &s->half_first;
	s->again.last = &s->again.first;
	wheel_init(&s->wheel, (int64_t)uv_now(loop));
	TRY(addresses_new(&s->addresses));
	s->timer.data = s->check.data = s->idle.data = s;
	must(uv_timer_init(loop, &s->timer) == 0);
	must(uv_check_init(loop, &s->check) == 0);
	must(uv_idle_init(loop, &s->idle) == 0);
	s->handles = 3;
	must(uv_check_start(&s->check, on_check) == 0);
	*out = s;
	return ERR_OK;
out:
	mem_free(s);
	return err;
}

void connections_limits(struct connections *s, const struct connection_limits *limits)
{
	size_t total = s->limits.total, body = s->limits.body;

	s->limits = *limits;
	s->limits.total = total;
	s->limits.body = body;
}

void connections_close_all(struct connections *s, bool all)
{
	for (size_t i = 0; i < s->slots_n; i++) {
		struct connection *c = s->slots[i].c;

		if (c && !all && c->state == CONNECTION_SHARED)
			http2_finish(c);
		else if (c && !c->whole && (all || (c->state != CONNECTION_SERVING &&
		                  c->state != CONNECTION_WRITING &&
		                  c->state != CONNECTION_DRAINING)))
			connection_close(c);
	}
}

void connections_penalty(struct connections *s, const struct address *from, int64_t ms)
{
	int64_t now = (int64_t)uv_now(s->loop);

	address_penalty(s->addresses, from, now, now + ms);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct connections *s = handle->data;

	s->handles--;
	connections_free(s);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	close(l->fd);
	l->set->handles--;
	connections_free(l->set);
}

void connections_free(struct connections *s)
{
	if (!s)
		return;
	if (!s->ending) {
		s->ending = true;
		connections_accept(s, false);
		connections_close_all(s, true);
		queue_run(&s->again, SIZE_MAX);
		queue_run(&s->handshakes, SIZE_MAX);
		for (size_t i = 0; i < s->listeners_n; i++)
			uv_close((uv_handle_t *)&s->listeners[i].poll, on_listener_closed);
		uv_close((uv_handle_t *)&s->timer, on_handle_closed);
		uv_close((uv_handle_t *)&s->check, on_handle_closed);
		uv_close((uv_handle_t *)&s->idle, on_handle_closed);
	}
	if (s->handles)
		return;
	addresses_free(s->addresses);
	buf_free(&s->sending);
	mem_free(s->slots);
	mem_free(s);
}
