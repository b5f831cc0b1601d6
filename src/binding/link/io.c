/* io.c: octets in and out of one connection, with or without TLS. Nothing here
 * blocks, and the TLS library works on the socket itself: no copies between. */
#include "binding/link/inside.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <openssl/err.h>

enum { PATIENCE_MS = 1000 };

/* An error that another connection left must not be read as ours. There is hardly
 * ever one, and to look costs less than to clear. */
static inline void forget_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

static enum io tls_result(struct connection *c, int result)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return IO_WAIT_READ;
	case SSL_ERROR_WANT_WRITE:
		return IO_WAIT_WRITE;
	case SSL_ERROR_WANT_CLIENT_HELLO_CB:
		return IO_WAIT_OWNER;
	default:
		return IO_ENDED;
	}
}

static enum io socket_result(enum io wait)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? wait : IO_ENDED;
}

bool io_left_waiting(const struct connection *c)
{
	struct tcp_info t;
	socklen_t n = sizeof(t);
	char octet;

	if (!SSL_in_before(c->ssl) || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &t, &n) != 0)
		return false;
	return (t.tcpi_state == TCP_CLOSE_WAIT || t.tcpi_state == TCP_CLOSE) && t.tcpi_last_data_recv > PATIENCE_MS &&
	       recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

enum io io_handshake(struct connection *c)
{
	int result;

	ERR_clear_error();
	result = SSL_accept(c->ssl);
	return result == 1 ? IO_DONE : tls_result(c, result);
}

enum io io_read(struct connection *c, uint8_t *p, size_t n, size_t *got)
{
	ssize_t plain;
	int result;

	*got = 0;
	if (c->ssl) {
		forget_errors();
		result = SSL_read_ex(c->ssl, p, n, got);
		return result == 1 ? IO_DONE : tls_result(c, result);
	}
	plain = recv(c->fd, p, n, MSG_DONTWAIT);
	if (plain > 0)
		*got = (size_t)plain;
	return plain > 0 ? IO_DONE : plain == 0 ? IO_ENDED : socket_result(IO_WAIT_READ);
}

enum io io_write(struct connection *c, struct bytes octets, size_t *put)
{
	ssize_t plain;
	int result;

	*put = 0;
	if (c->ssl) {
		forget_errors();
		channel_refresh(c->ssl);
		result = SSL_write_ex(c->ssl, octets.p, octets.n, put);
		return result == 1 ? IO_DONE : tls_result(c, result);
	}
	plain = send(c->fd, octets.p, octets.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (plain >= 0)
		*put = (size_t)plain;
	return plain >= 0 ? IO_DONE : socket_result(IO_WAIT_WRITE);
}

void io_goodbye(struct connection *c)
{
	if (!c->ssl || !SSL_is_init_finished(c->ssl))
		return;
	ERR_clear_error();
	/* One way: nobody waits for the peer's. */
	(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
}

void io_buffers(struct connection *c, bool keeping)
{
	struct connections *s = c->set;

	if (!c->ssl || c->keeps == keeping || (keeping && s->keeping >= KEEPING_MAX))
		return;
	c->keeps = keeping;
	if (keeping) {
		s->keeping++;
		(void)SSL_clear_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
		return;
	}
	s->keeping--;
	(void)SSL_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	/* Not those that hold something: they go with it. */
	(void)SSL_free_buffers(c->ssl);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct connection *c = handle->data;

	if (c->state == CONNECTION_CLOSED)
		return;
	if (status < 0) {
		connection_close(c);
	} else if (c->state == CONNECTION_IDLE) {
		connection_queue(c, false); /* requests are read when the answers of this turn are written */
	} else if (c->state == CONNECTION_SERVING && events & UV_DISCONNECT) {
		/* An answer may still be read: it may have closed its own side alone. */
		io_watch(c, 0);
		connection_left(c);
	} else {
		connection_step(c);
	}
}

void io_watch(struct connection *c, int events)
{
	if (c->events == events)
		return;
	c->events = events;
	if (events)
		must(uv_poll_start(&c->poll, events, on_poll) == 0);
	else
		(void)uv_poll_stop(&c->poll);
}
