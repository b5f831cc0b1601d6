/* link: connections on a loopback socket, nearly all without TLS: order, limits, times.
 * Client and server share one thread; turn() runs the server's loop. Its time goes by there
 * only, so that a machine that is busy ends nobody; what the kernel carries is waited for. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "binding/link/inside.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: h\r\nX-M2M-RI: 1\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n\r\n"

struct server {
	uv_loop_t loop;
	struct connections *set;
	uint16_t port;
	/* what the owner does */
	bool late;              /* answer only when told */
	bool last;              /* each answer is the last */
	int64_t until;          /* for connection_admit */
	struct bytes answer;
	/* what it saw */
	uint64_t id;            /* of the last request's connection */
	unsigned secured, requests, closed, refused;
	size_t body;            /* octets of the last request's */
	char why[80];
};

static void on_secured(void *self, struct connection *c)
{
	struct server *s = self;

	s->secured++;
	connection_admit(c, s->until);
}

static void on_request(void *self, struct connection *c, struct bytes message)
{
	struct server *s = self;

	s->requests++;
	s->id = c->id;
	s->body = http_body(&c->parser, message).n;
	if (!s->late)
		connection_answer(c, s->answer, s->last);
}

static void on_closed(void *self, struct connection *c)
{
	((struct server *)self)->closed++;
}

static void on_refused(void *self, const struct address *from, const char *why)
{
	struct server *s = self;

	assert_int_equal(from->n, 4);
	assert_int_equal(from->octets[0], 127);
	s->refused++;
	assert_int_equal(bytes_put_str(s->why, sizeof(s->why), bytes_str(why)), ERR_OK);
}

static struct connection_limits some_limits(void)
{
	return (struct connection_limits){ .total = 16, .per_address = 16, .handshake_ms = 5000,
		                           .request_ms = 5000, .idle_ms = 5000,
		                           .body = 100000, .buffered = 64 << 20 };
}

static void start_with(struct server *s, struct connection_limits limits, SSL_CTX *ctx)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct connection_owner owner = { s, on_secured, on_request, on_closed, on_refused, NULL, NULL, NULL };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*s = (struct server){ .answer = BYTES(OK) };
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(uv_loop_init(&s->loop), 0);
	assert_int_equal(connections_new(&s->loop, &limits, &owner, &s->set), ERR_OK);
	assert_int_equal(connections_listen(s->set, fd, ctx, true), ERR_OK);
}

static void start(struct server *s, struct connection_limits limits)
{
	start_with(s, limits, NULL);
}

static void stop(struct server *s)
{
	connections_free(s->set);
	assert_int_equal(uv_run(&s->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&s->loop), 0);
}

static int64_t gone = 1000000; /* ms */

/* In the place of the system's, for this program and its libraries. */
int clock_gettime(clockid_t which, struct timespec *t)
{
	int64_t at = gone + (which == CLOCK_REALTIME ? INT64_C(1800000000000) : 0);

	*t = (struct timespec){ .tv_sec = at / 1000, .tv_nsec = at % 1000 * 1000000 };
	return 0;
}

/* The server's loop for ms. */
static void turn(struct server *s, int64_t ms)
{
	for (int64_t end = gone + ms; gone < end; gone++)
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	for (int i = 0; i < 5; i++)
		(void)uv_run(&s->loop, UV_RUN_NOWAIT);
}

enum { PATIENCE = 20000 }; /* ms of the machine's time, in which no time of the test goes by */

/* Until it is so. */
#define UNTIL(s, condition)                                              \
	do {                                                             \
		for (int i_ = 0; i_ < PATIENCE && !(condition); i_++) {  \
			turn(s, 0);                                      \
			if (!(condition))                                \
				(void)poll(NULL, 0, 1);                  \
		}                                                        \
		assert_true(condition);                                  \
	} while (0)

static bool delivered(int fd)
{
	int n;

	return ioctl(fd, SIOCOUTQ, &n) != 0 || n == 0;
}

static int dial(struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(s->port),
		                 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)poll(NULL, 0, 1);
	turn(s, 2);
	return fd;
}

static void say(struct server *s, int fd, struct bytes octets)
{
	assert_int_equal(send(fd, octets.p, octets.n, MSG_NOSIGNAL), octets.n);
	UNTIL(s, delivered(fd));
	turn(s, 2);
}

/* What has arrived, at most 4 kB; -1 in *n: the end. */
static struct bytes take(int fd, ssize_t *n)
{
	static uint8_t room[4096];

	*n = recv(fd, room, sizeof(room), MSG_DONTWAIT);
	if (*n == 0 || (*n < 0 && errno != EAGAIN)) {
		*n = -1;
		return BYTES_NONE;
	}
	return bytes_make(room, *n > 0 ? (size_t)*n : 0);
}

/* The same of what is to come. */
static struct bytes hear(int fd, ssize_t *n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)poll(&p, 1, PATIENCE);
	return take(fd, n);
}

static void assert_heard(int fd, struct bytes wanted)
{
	for (size_t at = 0; at < wanted.n;) {
		ssize_t n;
		struct bytes heard = hear(fd, &n);

		assert_true(heard.n > 0);
		assert_true(bytes_equal(heard, bytes_sub(wanted, at, heard.n)));
		at += heard.n;
	}
	assert_int_equal(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT | MSG_PEEK) > 0, false); /* no more */
}

static void assert_ended(int fd)
{
	ssize_t n;

	(void)hear(fd, &n);
	assert_int_equal(n, -1);
}

static void test_request_and_answer(void **state)
{
	struct server s;
	int fd;

	start(&s, some_limits());
	fd = dial(&s);
	assert_int_equal(s.secured, 1);
	say(&s, fd, BYTES(GET));
	assert_heard(fd, BYTES(OK));
	for (size_t i = 0; i < sizeof(GET) - 1; i++) {
		assert_int_equal(s.requests, 1);
		say(&s, fd, bytes_make(GET + i, 1));
	}
	assert_int_equal(s.requests, 2);
	assert_heard(fd, BYTES(OK));
	close(fd);
	UNTIL(&s, s.closed == 1);
	assert_int_equal(connections_count(s.set), 0);
	stop(&s);
}

static void test_pipeline_keeps_its_order(void **state)
{
	struct connection *c;
	struct server s;
	int fd;

	start(&s, some_limits());
	fd = dial(&s);
	say(&s, fd, BYTES(GET GET GET));
	assert_int_equal(s.requests, 3);
	assert_heard(fd, BYTES(OK OK OK));
	/* One in flight: the second is not looked at before the first is answered. */
	s.late = true;
	say(&s, fd, BYTES(GET GET));
	say(&s, fd, BYTES(GET));
	assert_int_equal(s.requests, 4);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(s.requests, 4 + i);
		c = connections_find(s.set, s.id);
		assert_non_null(c);
		connection_answer(c, BYTES(OK), false);
		assert_heard(fd, BYTES(OK));
		turn(&s, 2);
	}
	assert_int_equal(s.requests, 6);
	close(fd);
	stop(&s);
}

static void test_bodies(void **state)
{
	static uint8_t body[100000];
	struct server s;
	int fd;

	start(&s, some_limits());
	fd = dial(&s);
	say(&s, fd, BYTES("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"));
	for (size_t i = 0; i < 10; i++)
		say(&s, fd, bytes_make(body + i * 10000, 10000));
	assert_int_equal(s.requests, 1);
	assert_int_equal(s.body, sizeof(body));
	assert_heard(fd, BYTES(OK));
	/* Who asks first is told to go on; the head alone decides. */
	say(&s, fd, BYTES("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
	assert_heard(fd, BYTES("HTTP/1.1 100 Continue\r\n\r\n"));
	say(&s, fd, BYTES("{}"));
	assert_heard(fd, BYTES(OK));
	close(fd);
	stop(&s);
}

static void test_malformed_is_answered_and_ended(void **state)
{
	static uint8_t rest[200000];
	struct bytes heard;
	struct server s;
	ssize_t n;
	int fd;

	start(&s, some_limits());
	fd = dial(&s);
	/* Too large: said before the content came, and not lost in a reset though
	 * the client goes on sending. */
	say(&s, fd, BYTES("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\n\r\n"));
	say(&s, fd, BYTES_OF(rest));
	heard = hear(fd, &n);
	assert_true(bytes_starts(heard, BYTES("HTTP/1.1 413 \r\nX-M2M-RSC: 4000\r\n")));
	assert_ended(fd);
	close(fd);
	turn(&s, 2);
	fd = dial(&s);
	say(&s, fd, BYTES("GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n" GET));
	heard = hear(fd, &n);
	assert_true(bytes_starts(heard, BYTES("HTTP/1.1 400 ")));
	assert_ended(fd);
	assert_int_equal(s.requests, 0);
	assert_int_equal(s.refused, 2);
	close(fd);
	UNTIL(&s, connections_count(s.set) == 0);
	stop(&s);
}

enum { LONG = 1900 };

/* The Request Identifier does not fit into the refusal: it is refused all the same. */
static void test_refusal_of_a_long_identifier(void **state)
{
	static const char before[] = "GET /a HTTP/1.1\r\nHost: h\r\nX-M2M-RI: ", after[] = "\r\nHost: h\r\n\r\n";
	static uint8_t message[sizeof(before) - 1 + LONG + sizeof(after) - 1];
	struct bytes heard;
	struct server s;
	ssize_t n;
	int fd;

	memset(message, 'r', sizeof(message));
	memcpy(message, before, sizeof(before) - 1);
	memcpy(message + sizeof(before) - 1 + LONG, after, sizeof(after) - 1);
	start(&s, some_limits());
	fd = dial(&s);
	say(&s, fd, BYTES_OF(message));
	heard = hear(fd, &n);
	assert_true(bytes_starts(heard, BYTES("HTTP/1.1 400 \r\nX-M2M-RSC: 4000\r\n")));
	assert_ended(fd);
	close(fd);
	turn(&s, 2);
	stop(&s);
}

/* Of one stream: the session goes on. */
static void test_refusal_of_a_long_identifier_http2(void **state)
{
	/* preface, SETTINGS, HEADERS of stream 1: GET http /a, authority h, x-m2m-ri of LONG octets,
	 * accept "a/", which is refused */
	static const uint8_t list[] = { 0x82, 0x86, 0x04, 2, '/', 'a', 0x01, 1, 'h',
		0x00, 8, 'x', '-', 'm', '2', 'm', '-', 'r', 'i', 0x7f, (LONG - 127) % 128 + 128, (LONG - 127) / 128 };
	static const uint8_t bad[] = { 0x00, 6, 'a', 'c', 'c', 'e', 'p', 't', 2, 'a', '/' };
	enum { N = sizeof(list) + LONG + sizeof(bad) };
	const uint8_t settings[9] = { 0, 0, 0, 4 }, headers[9] = { 0, N >> 8, N & 255, 1, 5, 0, 0, 0, 1 };
	struct connection_limits limits = some_limits();
	struct buf out = buf_make(8192);
	struct bytes heard;
	bool answered = false;
	struct server s;
	ssize_t n;
	int fd;

	assert_int_equal(buf_add(&out, BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), ERR_OK);
	assert_int_equal(buf_add(&out, BYTES_OF(settings)), ERR_OK);
	assert_int_equal(buf_add(&out, BYTES_OF(headers)), ERR_OK);
	assert_int_equal(buf_add(&out, BYTES_OF(list)), ERR_OK);
	for (int i = 0; i < LONG; i++)
		assert_int_equal(buf_add_byte(&out, 'r'), ERR_OK);
	assert_int_equal(buf_add(&out, BYTES_OF(bad)), ERR_OK);
	limits.streams = 2;
	start(&s, limits);
	fd = dial(&s);
	say(&s, fd, bytes_of_buf(&out));
	UNTIL(&s, s.refused == 1);
	for (heard = hear(fd, &n); heard.n >= 9;) {
		size_t length = (size_t)heard.p[0] << 16 | (size_t)heard.p[1] << 8 | heard.p[2];

		assert_int_not_equal(heard.p[3], 7); /* GOAWAY */
		answered |= heard.p[3] == 1 && heard.p[8] == 1;
		heard = bytes_sub(heard, 9 + length, heard.n);
	}
	assert_true(answered);
	assert_int_equal(s.refused, 1);
	assert_int_equal(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), -1); /* not ended */
	close(fd);
	turn(&s, 2);
	stop(&s);
	buf_free(&out);
}

static void test_last_answer(void **state)
{
	struct server s;
	int fd;

	start(&s, some_limits());
	s.last = true;
	fd = dial(&s);
	say(&s, fd, BYTES(GET GET));
	assert_heard(fd, BYTES(OK));
	assert_ended(fd);
	assert_int_equal(s.requests, 1);
	close(fd);
	stop(&s);
}

static void test_slow_request_ends(void **state)
{
	struct connection_limits limits = some_limits();
	int slow[8], honest;
	struct server s;

	limits.request_ms = 300;
	start(&s, limits);
	for (size_t i = 0; i < COUNT_OF(slow); i++) {
		slow[i] = dial(&s);
		say(&s, slow[i], BYTES("GET /a HTTP/1.1\r\n"));
	}
	honest = dial(&s);
	/* An octet now and then does not help them: the time is for the whole. */
	for (int round = 0; round < 6; round++) {
		for (size_t i = 0; i < COUNT_OF(slow); i++)
			(void)!send(slow[i], "X", 1, MSG_NOSIGNAL);
		turn(&s, 100);
		say(&s, honest, BYTES(GET));
		assert_heard(honest, BYTES(OK));
	}
	for (size_t i = 0; i < COUNT_OF(slow); i++) {
		assert_ended(slow[i]);
		close(slow[i]);
	}
	assert_string_equal(s.why, "the request took too long");
	assert_int_equal(connections_count(s.set), 1);
	close(honest);
	stop(&s);
}

static void test_idle_ends(void **state)
{
	struct connection_limits limits = some_limits();
	struct server s;
	int fd, ended;

	limits.idle_ms = 300;
	start(&s, limits);
	ended = dial(&s);
	fd = dial(&s);
	for (int round = 0; round < 5; round++) {
		turn(&s, 120);
		say(&s, fd, BYTES(GET));
		assert_heard(fd, BYTES(OK));
	}
	assert_ended(ended);
	turn(&s, 700);
	assert_ended(fd);
	close(ended);
	close(fd);
	stop(&s);
}

static void test_association_ends(void **state)
{
	struct server s;
	int fd;

	start(&s, some_limits());
	s.until = clock_now() + 300;
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	assert_heard(fd, BYTES(OK));
	turn(&s, 700);
	assert_ended(fd);
	close(fd);
	stop(&s);
}

static void test_limit_in_all(void **state)
{
	struct connection_limits limits = some_limits();
	struct server s;
	int a, b, c;

	limits.total = 2;
	start(&s, limits);
	a = dial(&s);
	b = dial(&s);
	c = dial(&s);
	/* The third waits outside and is served when there is room. */
	say(&s, c, BYTES(GET));
	assert_int_equal(connections_count(s.set), 2);
	assert_int_equal(s.requests, 0);
	close(a);
	UNTIL(&s, s.requests == 1);
	assert_heard(c, BYTES(OK));
	close(b);
	close(c);
	stop(&s);
}

static void test_limit_per_address(void **state)
{
	struct connection_limits limits = some_limits();
	struct server s;
	int a, b, c;

	limits.per_address = 2;
	start(&s, limits);
	a = dial(&s);
	b = dial(&s);
	c = dial(&s);
	assert_ended(c);
	assert_int_equal(s.refused, 1);
	close(a);
	close(c);
	UNTIL(&s, connections_count(s.set) == 1);
	c = dial(&s);
	say(&s, c, BYTES(GET));
	assert_heard(c, BYTES(OK));
	close(b);
	close(c);
	stop(&s);
}

static void test_penalty(void **state)
{
	struct address here = { { 127, 0, 0, 1 }, 4 }, other = { { 127, 0, 0, 2 }, 4 };
	struct server s;
	int fd;

	start(&s, some_limits());
	connections_penalty(s.set, &other, 60000);
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	assert_heard(fd, BYTES(OK));
	close(fd);
	turn(&s, 2);
	connections_penalty(s.set, &here, 200);
	fd = dial(&s);
	assert_ended(fd);
	assert_string_equal(s.why, "penalty");
	close(fd);
	turn(&s, 250);
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	assert_heard(fd, BYTES(OK));
	close(fd);
	stop(&s);
}

static void test_slow_reader(void **state)
{
	enum { LARGE = 8 << 20 };
	struct connection_limits limits = some_limits();
	uint8_t *large = mem_new(LARGE, 1);
	struct server s;
	int reads, waits;
	size_t got = 0;
	ssize_t n = 0;

	limits.request_ms = 600;
	start(&s, limits);
	s.answer = bytes_make(large, LARGE);
	reads = dial(&s);
	waits = dial(&s);
	say(&s, reads, BYTES(GET));
	say(&s, waits, BYTES(GET));
	while (got < LARGE && n >= 0) {
		got += take(reads, &n).n;
		turn(&s, 0);
	}
	assert_int_equal(got, LARGE);
	assert_int_equal(s.closed, 0);
	/* It can be used again; the other, who takes nothing, is gone. */
	s.answer = BYTES(OK);
	say(&s, reads, BYTES(GET));
	assert_heard(reads, BYTES(OK));
	turn(&s, 1000);
	assert_int_equal(s.closed, 1);
	close(reads);
	close(waits);
	stop(&s);
	mem_free(large);
}

static void test_all_buffers_have_a_bound(void **state)
{
	static uint8_t part[60000];
	struct connection_limits limits = some_limits();
	unsigned answered = 0;
	struct server s;
	int fd[8];

	limits.buffered = 200000;
	start(&s, limits);
	for (size_t i = 0; i < COUNT_OF(fd); i++) {
		struct bytes heard;
		ssize_t n;

		fd[i] = dial(&s);
		say(&s, fd[i], BYTES("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n"));
		say(&s, fd[i], BYTES_OF(part));
		heard = take(fd[i], &n);
		answered += bytes_starts(heard, BYTES("HTTP/1.1 503 "));
	}
	assert_true(answered >= 4 && answered < 8);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		close(fd[i]);
	turn(&s, 2);
	stop(&s);
}

static void test_numbers_are_not_used_again(void **state)
{
	struct server s;
	uint64_t first;
	int fd;

	start(&s, some_limits());
	s.late = true;
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	first = s.id;
	assert_non_null(connections_find(s.set, first));
	connection_close(connections_find(s.set, first));
	close(fd);
	turn(&s, 2);
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	assert_true(s.id != first && (uint32_t)s.id == (uint32_t)first);
	assert_null(connections_find(s.set, first));
	assert_null(connections_find(s.set, 0));
	assert_null(connections_find(s.set, UINT64_MAX));
	close(fd);
	stop(&s);
}

static void test_close_all(void **state)
{
	struct server s;
	int idle, busy;

	start(&s, some_limits());
	s.late = true;
	idle = dial(&s);
	busy = dial(&s);
	say(&s, busy, BYTES(GET));
	connections_close_all(s.set, false);
	turn(&s, 2);
	assert_ended(idle);
	connection_answer(connections_find(s.set, s.id), BYTES(OK), true);
	assert_heard(busy, BYTES(OK));
	close(idle);
	close(busy);
	stop(&s);
}

/* The owner never answers: the client is not held for ever. */
static void test_no_answer_ends(void **state)
{
	struct connection_limits limits = some_limits();
	struct server s;
	uint64_t hung;
	int fd;

	limits.answer_ms = 300;
	start(&s, limits);
	s.late = true;
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	hung = s.id;
	turn(&s, 150);
	assert_int_equal(s.closed, 0);
	turn(&s, 500);
	assert_ended(fd);
	assert_int_equal(s.closed, 1);
	assert_string_equal(s.why, "no answer from inside in time");
	assert_null(connections_find(s.set, hung)); /* a late answer finds nobody */
	close(fd);
	/* an answer in time is as good as ever */
	fd = dial(&s);
	say(&s, fd, BYTES(GET));
	turn(&s, 150);
	connection_answer(connections_find(s.set, s.id), BYTES(OK), false);
	assert_heard(fd, BYTES(OK));
	turn(&s, 500);
	assert_int_equal(s.closed, 1);
	close(fd);
	stop(&s);
}

/* A context whose handshake waits for a peer that says nothing. */
static SSL_CTX *silent_context(void)
{
	static const uint8_t key[32] = { 1 };
	struct channel_client_setup setup = { .psk_identity = BYTES("x"), .psk = BYTES_OF(key) };
	SSL_CTX *ctx;

	assert_int_equal(channel_client_new(&setup, &ctx), ERR_OK);
	return ctx;
}

static bool ended(int fd)
{
	uint8_t room[2048];
	ssize_t n;

	do {
		n = recv(fd, room, sizeof(room), MSG_DONTWAIT);
	} while (n > 0);
	return n == 0 || errno != EAGAIN;
}

static void test_half_open_have_their_own_bound(void **state)
{
	struct connection_limits limits = some_limits();
	SSL_CTX *ctx = silent_context();
	struct server s;
	int fd[5];

	limits.half_open = 3;
	start_with(&s, limits, ctx);
	for (size_t i = 0; i < 3; i++)
		fd[i] = dial(&s);
	assert_int_equal(connections_count(s.set), 3);
	assert_int_equal(s.closed, 0);
	/* one more: the oldest goes, whoever came later stays */
	fd[3] = dial(&s);
	assert_int_equal(connections_count(s.set), 3);
	assert_int_equal(s.closed, 1);
	assert_string_equal(s.why, "too many handshakes at once");
	UNTIL(&s, ended(fd[0]));
	assert_false(ended(fd[1]));
	/* one that left of its own accord makes room as well */
	close(fd[2]);
	UNTIL(&s, s.closed == 2);
	fd[4] = dial(&s);
	assert_int_equal(s.closed, 2);
	assert_int_equal(connections_count(s.set), 3);
	assert_false(ended(fd[1]));
	assert_false(ended(fd[3]));
	assert_int_equal(s.secured, 0);
	for (size_t i = 0; i < 5; i++) {
		if (i != 2)
			close(fd[i]);
	}
	UNTIL(&s, connections_count(s.set) == 0);
	stop(&s);
	SSL_CTX_free(ctx);
}

/* Handshakes that fail are counted by source: over its connections, and not for ever. */
static void test_failures_have_a_bound(void **state)
{
	struct connection_limits limits = some_limits();
	SSL_CTX *ctx = silent_context();
	struct server s;
	int fd;

	limits.failures = 3;
	start_with(&s, limits, ctx);
	for (size_t i = 0; i < 4; i++) {
		fd = dial(&s);
		say(&s, fd, BYTES("no handshake at all"));
		UNTIL(&s, ended(fd));
		close(fd);
		UNTIL(&s, connections_count(s.set) == 0);
	}
	assert_string_equal(s.why, "too many failed handshakes: refused for a minute");
	fd = dial(&s);
	UNTIL(&s, ended(fd));
	assert_string_equal(s.why, "penalty");
	close(fd);
	stop(&s);
	/* without the limit they may come for ever */
	limits.failures = 0;
	start_with(&s, limits, ctx);
	for (size_t i = 0; i < 12; i++) {
		fd = dial(&s);
		say(&s, fd, BYTES("no handshake at all"));
		UNTIL(&s, ended(fd));
		assert_false(bytes_equal(bytes_str(s.why), BYTES("penalty")));
		close(fd);
		turn(&s, 5);
	}
	stop(&s);
	SSL_CTX_free(ctx);
}

/* When every place is taken, the oldest handshake gives its place up. */
static void test_half_open_hold_no_place(void **state)
{
	struct connection_limits limits = some_limits();
	SSL_CTX *ctx = silent_context();
	struct server s;
	int fd[6];

	limits.total = 4;
	start_with(&s, limits, ctx);
	for (size_t i = 0; i < 6; i++)
		fd[i] = dial(&s);
	assert_int_equal(connections_count(s.set), 4);
	UNTIL(&s, ended(fd[0]) && ended(fd[1]));
	assert_false(ended(fd[2]) || ended(fd[5]));
	for (size_t i = 0; i < 6; i++)
		close(fd[i]);
	turn(&s, 5);
	stop(&s);
	SSL_CTX_free(ctx);
}

/* --- the TLS library's buffers ------------------------------------------------------------ */

/* The peer of silent_context, which begins as a client does. */
static int find_key(SSL *ssl, const unsigned char *identity, size_t n, SSL_SESSION **out)
{
	static const uint8_t key[32] = { 1 }, suite[] = { 0x13, 0x01 };

	*out = SSL_SESSION_new();
	return SSL_SESSION_set1_master_key(*out, key, sizeof(key)) &&
	       SSL_SESSION_set_cipher(*out, SSL_CIPHER_find(ssl, suite)) &&
	       SSL_SESSION_set_protocol_version(*out, TLS1_3_VERSION);
}

static SSL_CTX *peer_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_num_tickets(ctx, 0), 1);
	SSL_CTX_set_psk_find_session_callback(ctx, find_key);
	return ctx;
}

static SSL *dial_tls(struct server *s, SSL_CTX *peer)
{
	SSL *ssl = SSL_new(peer);
	unsigned secured = s->secured;
	int fd = dial(s);
	struct connection *c = connections_numbered(s->set, 0);

	c->number = secured + 1;
	io_watch(c, UV_WRITABLE); /* it speaks first */
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(SSL_set_fd(ssl, fd), 1);
	for (int i = 0; i < 50 && SSL_accept(ssl) != 1; i++)
		turn(s, 2);
	assert_true(SSL_is_init_finished(ssl));
	assert_int_equal(s->secured, secured + 1);
	return ssl;
}

static void ask_tls(struct server *s, SSL *ssl)
{
	uint8_t room[256];

	assert_int_equal(SSL_write(ssl, GET, sizeof(GET) - 1), sizeof(GET) - 1);
	UNTIL(s, delivered(SSL_get_fd(ssl)));
	turn(s, 2);
	(void)poll(&(struct pollfd){ .fd = SSL_get_fd(ssl), .events = POLLIN }, 1, PATIENCE);
	assert_int_equal(SSL_read(ssl, room, sizeof(room)), sizeof(OK) - 1);
}

static void hang_up(struct server *s, SSL *ssl)
{
	size_t n = connections_count(s->set);

	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	UNTIL(s, !n || connections_count(s->set) < n);
}

static void test_buffers_are_kept_between_requests(void **state)
{
	enum { BUFFER = 16 * 1024 };
	struct connection_limits limits = some_limits();
	SSL_CTX *ctx = silent_context(), *peer = peer_context();
	struct connection *c;
	struct server s;
	size_t held;
	SSL *ssl;

	limits.idle_ms = 400;
	start_with(&s, limits, ctx);
	ssl = dial_tls(&s, peer);
	ask_tls(&s, ssl);
	c = connections_find(s.set, s.id);
	assert_true(c->keeps);
	ask_tls(&s, ssl); /* from now on they stay */
	held = mallinfo2().uordblks;
	for (int i = 0; i < 1000 && s.closed == 0 && c->keeps; i++)
		turn(&s, 5);
	/* both were given back, and the connection lives: only now its idle time runs */
	assert_int_equal(s.closed, 0);
	assert_false(c->keeps);
	assert_true(!held || held - mallinfo2().uordblks >= 2 * BUFFER); /* a sanitizer tells nothing */
	ask_tls(&s, ssl);
	assert_true(c->keeps);
	for (int i = 0; i < 1000 && s.closed == 0; i++)
		turn(&s, 5);
	assert_int_equal(s.closed, 1);
	hang_up(&s, ssl);
	stop(&s);
	SSL_CTX_free(peer);
	SSL_CTX_free(ctx);
}

/* So many connections keep theirs, and not one more; who leaves makes room. */
static void test_kept_buffers_have_a_bound(void **state)
{
	SSL_CTX *ctx = silent_context(), *peer = peer_context();
	struct server s;
	SSL *a, *b;

	start_with(&s, some_limits(), ctx);
	s.set->keeping = KEEPING_MAX - 1; /* of others */
	a = dial_tls(&s, peer);
	b = dial_tls(&s, peer);
	ask_tls(&s, a);
	assert_true(connections_find(s.set, s.id)->keeps);
	ask_tls(&s, b);
	assert_false(connections_find(s.set, s.id)->keeps);
	hang_up(&s, a);
	ask_tls(&s, b);
	assert_true(connections_find(s.set, s.id)->keeps);
	hang_up(&s, b);
	assert_int_equal(s.set->keeping, KEEPING_MAX - 1);
	stop(&s);
	SSL_CTX_free(peer);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_and_answer),
		cmocka_unit_test(test_pipeline_keeps_its_order),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_malformed_is_answered_and_ended),
		cmocka_unit_test(test_refusal_of_a_long_identifier),
		cmocka_unit_test(test_refusal_of_a_long_identifier_http2),
		cmocka_unit_test(test_last_answer),
		cmocka_unit_test(test_slow_request_ends),
		cmocka_unit_test(test_idle_ends),
		cmocka_unit_test(test_association_ends),
		cmocka_unit_test(test_limit_in_all),
		cmocka_unit_test(test_limit_per_address),
		cmocka_unit_test(test_penalty),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_all_buffers_have_a_bound),
		cmocka_unit_test(test_numbers_are_not_used_again),
		cmocka_unit_test(test_close_all),
		cmocka_unit_test(test_no_answer_ends),
		cmocka_unit_test(test_half_open_have_their_own_bound),
		cmocka_unit_test(test_half_open_hold_no_place),
		cmocka_unit_test(test_failures_have_a_bound),
		cmocka_unit_test(test_buffers_are_kept_between_requests),
		cmocka_unit_test(test_kept_buffers_have_a_bound),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as in the gate */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
