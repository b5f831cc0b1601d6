/* reading.c: octets to requests. A request that arrives whole never leaves the
 * room that all connections share; only what is unfinished is kept. */
#include "binding/link/inside.h"

static void refuse(struct connection *c, struct bytes message)
{
	struct http_refusal why = http_parser_refusal(&c->parser, message);
	struct buf out = buf_make(HTTP_REFUSAL_MAX);

	c->set->owner.refused(c->set->owner.self, &c->address, why.why);
	connection_enter(c, CONNECTION_SERVING);
	if (http_refusal_write(&why, http_identifier(&c->parser, message), true, &out) == ERR_OK)
		connection_answer(c, bytes_of_buf(&out), true);
	else
		connection_close(c);
	buf_free(&out);
}

static void refuse_full(struct connection *c)
{
	c->parser.status = 503;
	c->parser.why = "too much is waiting here";
	refuse(c, BYTES_NONE);
}

/* Append to the connection's own buffer, within what all together may hold. */
static err_t keep(struct connection *c, struct bytes octets)
{
	size_t before = c->in.cap;
	err_t err;

	if (c->set->buffered + octets.n > c->set->limits.buffered)
		return ERR_FULL;
	err = buf_add(&c->in, octets);
	c->set->buffered += c->in.cap - before;
	return err;
}

static void drop(struct connection *c, size_t n)
{
	buf_consume(&c->in, n);
	if (c->in.n)
		return;
	c->set->buffered -= c->in.cap;
	buf_free(&c->in);
}

/* The request in `message` goes to the owner. */
static void serve(struct connection *c, struct bytes message)
{
	connection_enter(c, CONNECTION_SERVING);
	c->asked = true;
	c->set->owner.request(c->set->owner.self, c, message);
}

static void say_continue(struct connection *c)
{
	struct bytes octets = http_continue;

	c->continued = true;
	/* So short that it fits, or the peer does not read at all. */
	if (connection_put(c, &octets) != ERR_OK || octets.n)
		connection_close(c);
}

/* In the laboratory HTTP/2 announces itself by its first octets alone. True when
 * the connection speaks it, or may. */
static bool begins_http2(struct connection *c, struct bytes view, bool fresh)
{
	bool more = false, preface;

	if (c->ssl || c->state != CONNECTION_IDLE)
		return false;
	preface = http2_is_preface(view, &more);
	if (preface)
		http2_begin(c, view);
	else if (more && fresh && keep(c, view) != ERR_OK)
		refuse_full(c);
	return preface || more;
}

/* Parse `view`, which is the shared room (fresh) or the connection's buffer.
 * True when more octets are wanted. */
static bool parse(struct connection *c, struct bytes view, bool fresh)
{
	bool done;
	size_t total;
	err_t err;

	if (begins_http2(c, view, fresh))
		return c->state == CONNECTION_IDLE;
	if (c->state == CONNECTION_IDLE) {
		http_parser_init(&c->parser, false, c->set->limits.body);
		connection_enter(c, CONNECTION_REQUEST);
	}
	connection_suspect(c, true);
	err = http_parse(&c->parser, view, &done);
	if (err != ERR_OK) {
		refuse(c, view);
		return false;
	}
	total = c->parser.head_n + c->parser.body_n;
	if (!done) {
		if (fresh && keep(c, view) != ERR_OK) {
			refuse_full(c);
			return false;
		}
		if (c->parser.expect_continue && c->parser.head_n && !c->continued)
			say_continue(c);
		return c->state == CONNECTION_REQUEST;
	}
	/* What follows is the next request's; it is kept before the owner may
	 * answer this one. */
	if (fresh && total < view.n && keep(c, bytes_sub(view, total, view.n)) != ERR_OK) {
		refuse_full(c);
		return false;
	}
	serve(c, bytes_sub(view, 0, total));
	if (!fresh && c->state != CONNECTION_CLOSED)
		drop(c, total);
	return false;
}

/* Read once and parse. False: stop for now. */
static bool read_once(struct connection *c)
{
	bool fresh = c->in.n == 0;
	size_t got = 0, before = c->in.cap;
	enum io io;

	if (!fresh && buf_reserve(&c->in, ROOM_OCTETS) != ERR_OK) {
		refuse_full(c);
		return false;
	}
	c->set->buffered += c->in.cap - before;
	if (c->set->buffered > c->set->limits.buffered) {
		refuse_full(c);
		return false;
	}
	io = io_read(c, fresh ? c->set->room : c->in.p + c->in.n, ROOM_OCTETS, &got);
	if (io == IO_ENDED) {
		connection_close(c);
		return false;
	}
	if (io != IO_DONE) {
		io_watch(c, io == IO_WAIT_WRITE ? UV_READABLE | UV_WRITABLE : UV_READABLE);
		return false;
	}
	if (!fresh)
		c->in.n += got;
	return parse(c, fresh ? bytes_make(c->set->room, got) : bytes_of_buf(&c->in), fresh);
}

void connection_read(struct connection *c)
{
	unsigned turns = READS_A_TURN;
	bool more = true;

	connection_suspect(c, true);
	/* A request that came together with the last one. */
	if (c->state == CONNECTION_IDLE && c->in.n)
		more = parse(c, bytes_of_buf(&c->in), false);
	while (more && turns--)
		more = read_once(c);
	connection_suspect(c, false);
	/* The channel may hold octets that no event will tell of. */
	if (more)
		connection_queue(c, false);
}
