/* writing.c: an answer out, and the end after the last one. */
#include "binding/link/inside.h"

#include <sys/socket.h>

/* The last answer was written. What the peer may still be sending must be read,
 * or the system would answer it with a reset that overtakes the answer. */
static void drain(struct connection *c)
{
	connection_enter(c, CONNECTION_DRAINING);
	io_goodbye(c);
	(void)shutdown(c->fd, SHUT_WR);
	io_watch(c, UV_READABLE);
}

void connection_drain(struct connection *c)
{
	ssize_t n = recv(c->fd, c->set->room, sizeof(c->set->room), MSG_DONTWAIT);

	if (n > 0)
		c->drained += (uint32_t)n;
	/* On an error other than "nothing now" the next event says so again. */
	if (n == 0 || c->drained > DRAIN_OCTETS)
		connection_close(c);
}

bool connection_has_leftover(const struct connection *c)
{
	return c->in.n > 0 || (c->ssl && SSL_has_pending(c->ssl));
}

static void answered(struct connection *c)
{
	c->continued = c->asked = false;
	if (c->close_after) {
		drain(c);
		return;
	}
	connection_enter(c, CONNECTION_IDLE);
	io_watch(c, UV_READABLE);
	if (connection_has_leftover(c))
		connection_queue(c, false);
}

/* Write what is there; what does not go out now is kept. */
err_t connection_put(struct connection *c, struct bytes *octets)
{
	while (octets->n) {
		size_t put;

		switch (io_write(c, *octets, &put)) {
		case IO_DONE:
			*octets = bytes_sub(*octets, put, octets->n);
			break;
		case IO_WAIT_WRITE:
			return ERR_OK;
		default:
			return ERR_CLOSED;
		}
	}
	return ERR_OK;
}

err_t connection_keep_rest(struct connection *c, struct bytes rest)
{
	size_t before = c->out.cap;
	err_t err;

	if (c->set->buffered + rest.n > c->set->limits.buffered)
		return ERR_FULL;
	err = buf_add(&c->out, rest);
	c->set->buffered += c->out.cap - before;
	return err;
}

void connection_write(struct connection *c)
{
	struct bytes rest = bytes_sub(bytes_of_buf(&c->out), c->out_at, c->out.n);

	if (connection_put(c, &rest) != ERR_OK) {
		connection_close(c);
		return;
	}
	c->out_at = c->out.n - rest.n;
	if (rest.n)
		return;
	c->set->buffered -= c->out.cap;
	buf_free(&c->out);
	c->out_at = 0;
	answered(c);
}

void connection_answer(struct connection *c, struct bytes octets, bool close)
{
	if (c->state == CONNECTION_CLOSED)
		return;
	must(c->state == CONNECTION_SERVING);
	if (c->whole) {
		stream_answer(c, octets, close);
		return;
	}
	c->close_after = close;
	if (connection_put(c, &octets) != ERR_OK || (octets.n && connection_keep_rest(c, octets) != ERR_OK)) {
		connection_close(c);
		return;
	}
	if (!octets.n) {
		answered(c);
		return;
	}
	connection_enter(c, CONNECTION_WRITING);
	io_watch(c, UV_WRITABLE);
}
