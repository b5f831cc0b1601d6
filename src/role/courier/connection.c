/* connection.c: one connection outward: opened, secured, written, read, kept.
 *
 * A redirect is an answer like any other and is not followed: it is no oneM2M
 * answer, so the delivery fails. What comes when nothing was asked ends the
 * connection. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "primitive/status.h"
#include "role/courier/courier.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, INTERIM_MAX = 8 };

void connection_close(struct courier *c, struct connection *x)
{
	c->buffered -= x->in.n;
	if (x->ssl) {
		(void)SSL_shutdown(x->ssl);
		SSL_free(x->ssl);
	}
	if (x->fd >= 0)
		close(x->fd);
	buf_free(&x->out);
	buf_free(&x->in);
	*x = (struct connection){ .fd = -1 };
}

/* The delivery failed with its connection. An idle connection may have been closed
 * before it was written to: what may be repeated goes once more. */
static void fail(struct courier *c, struct connection *x, err_t err)
{
	struct delivery *d = x->delivery;
	bool again = d && err == ERR_CLOSED && x->used && x->early && d->flags & SEND_REPEAT;

	connection_close(c, x);
	if (again)
		delivery_wait(c, d);
	else if (d)
		delivery_end(c, d, err, BYTES_NONE);
}

/* --- opening --------------------------------------------------------------------- */

static err_t open_socket(const struct delivery *d, int *out)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(d->url.port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(d->url.port) };
	const void *address = d->at.n == 4 ? (const void *)&four : (const void *)&six;
	int one = 1, fd, done;

	bytes_copy(&four.sin_addr, d->at.octets, 4);
	bytes_copy(&six.sin6_addr, d->at.octets, 16);
	fd = socket(d->at.n == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ERR_IO;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	done = connect(fd, address, d->at.n == 4 ? sizeof(four) : sizeof(six));
	if (done != 0 && errno != EINPROGRESS) {
		close(fd);
		return ERR_IO;
	}
	*out = fd;
	return ERR_OK;
}

/* Where this node shows the key that it has in common with its registrar. */
static bool is_registrar(const struct courier *c, const struct connection *x)
{
	struct url u;

	return place_of(bytes_str(options_text(&c->worker.options, OPT_registrar_url)), &u) == ERR_OK && !u.plain &&
	       u.port == x->port && bytes_equal(u.host, bytes_str(x->host));
}

/* The name that the certificate must have is the one of the URL, whatever
 * address it is pinned to. */
static err_t open_channel(struct courier *c, struct connection *x)
{
	err_t err;

	if (!c->ctx)
		return ERR_UNSUPPORTED;
	TRY(channel_node_key(c->ctx));
	TRY(channel_node_connect(c->ctx, x->host, &x->ssl));
	TRY(SSL_set_fd(x->ssl, x->fd) == 1 ? ERR_OK : ERR_CRYPTO);
	if (is_registrar(c, x))
		err = channel_node_show(x->ssl, bytes_str(options_text(&c->worker.options, OPT_registrar_psk)));
out:
	return err;
}

static err_t open_connection(struct courier *c, struct connection *x, const struct delivery *d)
{
	err_t err;

	*x = (struct connection){ .fd = -1, .port = d->url.port, .plain = d->url.plain,
		                  .out = buf_make(COURIER_BODY_MAX),
		                  .in = buf_make(COURIER_BODY_MAX + HTTP_HEAD_MAX + READ_SIZE) };
	TRY(bytes_put_str(x->host, sizeof(x->host), d->url.host));
	TRY(open_socket(d, &x->fd));
	if (!x->plain)
		TRY(open_channel(c, x));
	x->state = CONNECTION_OPENING;
	x->wants_write = true;
out:
	if (err != ERR_OK)
		connection_close(c, x);
	return err;
}

struct connection *connection_for(struct courier *c, struct delivery *d)
{
	struct connection *fresh = NULL, *idle = NULL;
	size_t same = 0;
	err_t err;

	for (size_t i = 0; i < COURIER_CONNECTIONS; i++) {
		struct connection *x = &c->connections[i];
		bool there = x->state != CONNECTION_FREE && x->port == d->url.port &&
			     x->plain == d->url.plain && bytes_equal(bytes_str(x->host), d->url.host);

		if (there && x->state == CONNECTION_IDLE)
			return x;
		if (x->state == CONNECTION_FREE)
			fresh = x;
		else if (x->state == CONNECTION_IDLE)
			idle = x;
		same += there;
	}
	if (same >= COURIER_PER_PLACE || (!fresh && !idle))
		return NULL;
	if (!fresh) {
		connection_close(c, idle);
		fresh = idle;
	}
	err = open_connection(c, fresh, d);
	if (err == ERR_OK)
		return fresh;
	delivery_end(c, d, err, BYTES_NONE);
	return NULL;
}

/* --- octets ------------------------------------------------------------------------ */

/* What TLS waits for, or its end. */
static err_t ssl_result(struct connection *x, int result)
{
	int error = SSL_get_error(x->ssl, result);

	x->wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return ERR_TIMEOUT;
	return ERR_CLOSED;
}

/* ERR_TIMEOUT: not now. */
static err_t write_some(struct connection *x)
{
	struct bytes rest = bytes_sub(bytes_of_buf(&x->out), x->out_at, x->out.n);
	size_t n = 0;

	if (x->ssl) {
		int result = SSL_write_ex(x->ssl, rest.p, rest.n, &n);

		if (result != 1)
			return ssl_result(x, result);
	} else {
		ssize_t sent = send(x->fd, rest.p, rest.n, MSG_NOSIGNAL);

		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? ERR_TIMEOUT : ERR_CLOSED;
		n = (size_t)sent;
	}
	x->out_at += n;
	return ERR_OK;
}

static err_t read_some(struct courier *c, struct connection *x)
{
	size_t n = 0;
	err_t err;

	if (c->buffered + READ_SIZE > COURIER_BUFFERED)
		return ERR_LIMIT;
	TRY(buf_reserve(&x->in, READ_SIZE));
	if (x->ssl) {
		int result = SSL_read_ex(x->ssl, x->in.p + x->in.n, READ_SIZE, &n);

		if (result != 1)
			return ssl_result(x, result);
	} else {
		ssize_t got = recv(x->fd, x->in.p + x->in.n, READ_SIZE, 0);

		if (got <= 0)
			return got < 0 && (errno == EAGAIN || errno == EINTR) ? ERR_TIMEOUT : ERR_CLOSED;
		n = (size_t)got;
	}
	x->in.n += n;
	c->buffered += n;
	x->early = false;
out:
	return err;
}

/* --- asking -------------------------------------------------------------------------- */

static err_t write_host(const struct connection *x, struct buf *out)
{
	return buf_printf(out, "%s:%u", x->host, (unsigned)x->port);
}

static err_t compose(struct courier *c, struct connection *x, const struct delivery *d)
{
	struct buf host = buf_make(PLACE_HOST_MAX + 8);
	bool whole = !(d->flags & SEND_TO);
	struct bytes path = d->url.path;
	err_t err;

	/* "https://a" and "https://a/" begin with nothing. */
	while (!whole && bytes_ends(path, BYTES("/")))
		path = bytes_sub(path, 0, path.n - 1);
	TRY(write_host(x, &host));
	buf_clear(&x->out);
	x->out_at = 0;
	err = http_request_write_to(bytes_of_buf(&d->primitive), &c->mapper, &(struct http_to){
		.host = bytes_of_buf(&host), .path = whole ? path.n ? path : BYTES("/") : BYTES_NONE,
		.before = whole ? BYTES_NONE : path, .serial = d->serial,
		.plain = d->flags & SEND_PLAIN }, &x->out);
out:
	buf_free(&host);
	return err;
}

void connection_carry(struct courier *c, struct connection *x, struct delivery *d)
{
	err_t err = compose(c, x, d);

	if (err != ERR_OK) {
		/* Nothing was written: the connection is as good as it was. */
		if (x->state == CONNECTION_OPENING)
			connection_close(c, x);
		delivery_end(c, d, err, BYTES_NONE);
		return;
	}
	d->state = DELIVERY_UNDER_WAY;
	x->delivery = d;
	x->early = true;
	x->interim = 0;
	http_parser_init(&x->parser, true, COURIER_BODY_MAX);
	x->parser.old = c->lab && x->plain;
	if (x->state != CONNECTION_IDLE)
		return;
	x->state = CONNECTION_WRITING;
	x->wants_write = true;
}

/* --- being answered --------------------------------------------------------------------- */

/* Old test servers answer a notification with 200 and nothing more; a CSE says what came of a request. */
static bool good_enough(const struct courier *c, const struct connection *x)
{
	struct cbor op;
	bool found = false;

	return c->lab && x->plain && x->parser.status >= 200 && x->parser.status < 300 &&
	       cbor_find(bytes_of_buf(&x->delivery->primitive), BYTES("op"), &op, &found) == ERR_OK && found &&
	       op.kind == CBOR_UINT && op.u == OPERATION_NOTIFY;
}

static err_t asked_identifier(const struct delivery *d, struct bytes *out)
{
	struct cbor value;
	bool found;
	err_t err;

	*out = BYTES_NONE;
	TRY(cbor_find(bytes_of_buf(&d->primitive), BYTES("rqi"), &value, &found));
	if (found && value.kind == CBOR_TEXT)
		*out = value.s;
out:
	return err;
}

/* The answer as a primitive: of the request that it answers, and of no other. */
static err_t read_answer(struct courier *c, struct connection *x, struct bytes message,
                         struct buf *out)
{
	struct response_primitive r;
	struct bytes rqi;
	err_t err;

	TRY(asked_identifier(x->delivery, &rqi));
	err = http_response_read(&x->parser, message, &c->mapper, &r);
	if (err == ERR_MISSING && x->parser.status >= 300 && x->parser.status < 400)
		return ERR_REFUSED;
	if (err != ERR_OK && good_enough(c, x)) {
		r = (struct response_primitive){ .status = RSC_OK };
		err = ERR_OK;
	}
	if (err != ERR_OK)
		return err == ERR_MISSING ? ERR_SYNTAX : err;
	if (r.rqi.n && !bytes_equal(r.rqi, rqi))
		return ERR_SYNTAX;
	r.rqi = rqi;
	err = response_write(&r, out);
out:
	return err;
}

static void answered(struct courier *c, struct connection *x, struct bytes message)
{
	struct buf primitive = buf_make(2 * COURIER_BODY_MAX);
	struct delivery *d = x->delivery;
	err_t err = read_answer(c, x, message, &primitive);
	/* What follows the answer was not asked for. */
	bool keep = err == ERR_OK && !x->parser.close && message.n == x->in.n;

	x->delivery = NULL;
	delivery_end(c, d, err, bytes_of_buf(&primitive));
	buf_free(&primitive);
	http_mapper_trim(&c->mapper);
	if (!keep) {
		connection_close(c, x);
		return;
	}
	c->buffered -= x->in.n;
	buf_clear(&x->in);
	x->used = true;
	x->state = CONNECTION_IDLE;
	x->wants_write = false;
	x->idle_until = clock_steady() + COURIER_IDLE_MS;
}

/* True when the message is whole. Interim responses are passed over; who sends them without end is
 * not read without end. */
static err_t parse(struct courier *c, struct connection *x, bool *whole)
{
	err_t err;

	for (;;) {
		struct http_parser *p = &x->parser;
		bool old = p->old;

		TRY(http_parse(p, bytes_of_buf(&x->in), whole));
		if (!*whole || p->status >= 200)
			return ERR_OK;
		TRY(++x->interim <= INTERIM_MAX ? ERR_OK : ERR_LIMIT);
		c->buffered -= p->head_n;
		buf_consume(&x->in, p->head_n);
		http_parser_init(p, true, COURIER_BODY_MAX);
		p->old = old;
	}
out:
	return err;
}

static err_t step_reading(struct courier *c, struct connection *x)
{
	struct bytes message;
	bool whole = false;
	err_t err = ERR_OK;

	while (err == ERR_OK && !whole) {
		err = read_some(c, x);
		if (err == ERR_CLOSED && http_parse_end(&x->parser, bytes_of_buf(&x->in)) == ERR_OK) {
			whole = true;
			err = ERR_OK;
		} else if (err == ERR_OK) {
			err = parse(c, x, &whole);
		}
	}
	if (err != ERR_OK)
		return err;
	message = bytes_sub(bytes_of_buf(&x->in), 0, (size_t)x->parser.head_n + x->parser.body_n);
	answered(c, x, message);
	return ERR_OK;
}

/* --- steps ------------------------------------------------------------------------------ */

static err_t step_opening(struct connection *x)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return ERR_IO;
	x->state = x->ssl ? CONNECTION_SECURING : CONNECTION_WRITING;
	return ERR_OK;
}

static err_t step_securing(struct connection *x)
{
	struct channel_peer peer;
	char why[160];
	int result = SSL_do_handshake(x->ssl);
	err_t err;

	if (result != 1) {
		err = ssl_result(x, result);
		if (err == ERR_TIMEOUT)
			return err;
		channel_error(why, sizeof(why));
		log_event(LOG_WARN, "no association outward", "host=%s port=%u why=%s", x->host,
		          (unsigned)x->port, why);
		return ERR_CRYPTO;
	}
	TRY(channel_peer(x->ssl, &peer));
	x->state = CONNECTION_WRITING;
	x->wants_write = true;
out:
	return err;
}

static err_t step_writing(struct connection *x)
{
	err_t err = ERR_OK;

	while (err == ERR_OK && x->out_at < x->out.n)
		err = write_some(x);
	if (err == ERR_TIMEOUT && !x->ssl)
		x->wants_write = true;
	if (err != ERR_OK)
		return err;
	x->state = CONNECTION_READING;
	x->wants_write = false;
	return ERR_OK;
}

/* Nothing was asked: whatever comes, the end or octets, ends it. */
static err_t step_idle(struct connection *x)
{
	uint8_t octet;
	size_t n = 0;

	if (!x->ssl)
		return recv(x->fd, &octet, 1, 0) < 0 && errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
	return SSL_read_ex(x->ssl, &octet, 1, &n) == 1 ? ERR_CLOSED : ssl_result(x, 0);
}

void connection_step(struct courier *c, struct connection *x)
{
	err_t err = ERR_OK;

	while (err == ERR_OK && x->state != CONNECTION_FREE) {
		enum connection_state before = x->state;

		if (before == CONNECTION_OPENING)
			err = step_opening(x);
		else if (before == CONNECTION_SECURING)
			err = step_securing(x);
		else if (before == CONNECTION_WRITING)
			err = step_writing(x);
		else if (before == CONNECTION_READING)
			err = step_reading(c, x);
		else
			err = step_idle(x);
		if (err == ERR_OK && before == CONNECTION_READING)
			return;
	}
	if (err != ERR_OK && err != ERR_TIMEOUT)
		fail(c, x, err);
}
