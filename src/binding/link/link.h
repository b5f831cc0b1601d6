/* link.h: the connections that came in: octets of HTTP/1.1 or HTTP/2 under TLS (or
 * without, in the lab), on one libuv loop.
 *
 *   accepted -> HANDSHAKE -> JUDGED -> IDLE <-> REQUEST -> SERVING -> (WRITING) -> IDLE
 *                 time       owner     time      time       time        time
 *                            admits                         owner answers
 *
 * One request a connection is in flight; until its answer has left nothing
 * more is read, so that answers keep their order and a peer that asks faster
 * than it is served waits in its own socket. A connection that waits holds no
 * buffer: a whole request is read and handed over in memory that all share.
 *
 * HTTP/2 (ALPN "h2"; in the lab also by its preface): the connection is SHARED, and
 * each of its streams is a struct connection of its own (whole is set) for the
 * owner: REQUEST -> SERVING -> WRITING. The owner sees the same requests.
 * Functions are connection_... and connections_...: link_... is wire/wire.h.
 *
 * Every limit below applies before a credential counts for anything. What a
 * request means, who the peer is and whether it may stay is the owner's. */
#ifndef BINDING_LINK_H
#define BINDING_LINK_H

#include "binding/http/http.h"
#include "security/association/channel.h"

#include <uv.h>

struct connections;

enum connection_state {
	CONNECTION_HANDSHAKE, CONNECTION_JUDGED, CONNECTION_IDLE, CONNECTION_REQUEST,
	CONNECTION_SERVING, CONNECTION_WRITING, CONNECTION_DRAINING, CONNECTION_SHARED,
	CONNECTION_CLOSED
};

/* IPv6, or IPv4 in the first 4 octets and zeros. */
struct address {
	uint8_t octets[16];
	uint8_t n; /* 4, 16 */
};

/* Place in the timer wheel. */
struct timed {
	struct timed *next, **from;
	int64_t deadline; /* ms of clock_steady, INT64_MAX never */
	int64_t slotted;  /* when the wheel will look */
};

struct connection {
	/* for the owner to read */
	uint64_t id;              /* never used again; 0 is none */
	SSL *ssl;                 /* NULL: plain */
	struct address address;
	uint16_t port;
	enum connection_state state;
	struct http_parser parser;
	/* for the owner to use */
	uint64_t number;          /* of the association */
	bool guest;               /* has none; of streams as of their whole */
	bool shed;                /* it is told when to come again, no more; as guest */
	bool device;              /* a guest with a maker's certificate */
	bool est;                 /* the answer is to be one of EST */
	struct http_form form;    /* of the answer that is owed */
	/* private */
	struct connections *set;
	struct http2 *http2;      /* of a SHARED one */
	struct connection *whole; /* of a stream: the connection it is one of */
	struct connection *stream_next, **stream_from;
	int32_t stream;
	bool forsaken;            /* the peer took the stream back; the owner still works */
	struct connection *queue_next;
	struct timed timed;       /* deadline of the state */
	int64_t until;            /* end of the association, clock_steady */
	uv_poll_t poll;
	int fd, events;
	struct connection *half_next, **half_from; /* while half open */
	bool queued, handshakes, close_after, continued, freed;
	bool waited, waits;       /* for the owner, in its handshake: once, and now */
	bool keeps;               /* the TLS library's buffers, between requests */
	bool asked;               /* the owner has a request whose answer is not all sent */
	struct buf in, out;
	size_t out_at;
	uint32_t drained;
};

/* half_open: handshakes under way at most; when one more arrives, or the total is
 * reached, the oldest of them makes room. Who has shown no credential holds no
 * place against who has. */
struct connection_limits {
	size_t total, per_address, half_open;
	size_t failures; /* handshakes of one address that fail in a minute; then it is refused for a minute; 0: any */
	int64_t handshake_ms, request_ms, idle_ms;
	int64_t answer_ms; /* the owner's answer comes within this, or the connection ends */
	size_t body;     /* octets of one request's content */
	size_t streams;  /* HTTP/2: requests under way on one connection */
	size_t buffered; /* octets held for all unfinished requests and unread answers */
};

/* What the owner does. All are called from the loop; each may close the
 * connection it is given. */
struct connection_owner {
	void *self;
	/* The handshake is over, or a plain connection came. Call
	 * connection_admit, now or later, or connection_close. */
	void (*secured)(void *self, struct connection *c);
	/* A whole request: message is valid during the call, c->parser too. Call
	 * connection_answer, now or later. */
	void (*request)(void *self, struct connection *c, struct bytes message);
	/* It is gone, for whatever reason; c is valid during the call. */
	void (*closed)(void *self, struct connection *c);
	/* A source was turned away; why is text without line breaks. */
	void (*refused)(void *self, const struct address *from, const char *why);
	/* Octets of this source are about to be parsed; NULL: no longer. May be NULL. */
	void (*parsing)(void *self, const struct address *from);
	/* The handshake wants a pre-shared key that is not here (channel_wanted); it goes on
	 * at connection_continue, now or later, unless it has failed by that. May be NULL. */
	void (*wanted)(void *self, struct connection *c);
	/* Who asked has gone, or says nothing more, and has not all of the answer: once a request; an
	 * answer may still be given. c is valid during the call. May be NULL. */
	void (*left)(void *self, struct connection *c);
};

err_t connections_new(uv_loop_t *loop, const struct connection_limits *limits,
                      const struct connection_owner *owner,
                      struct connections **out) MUST_USE;

/* Close all connections and listeners; the loop must run once more before it is
 * closed. Frees the set when the last handle is gone. */
void connections_free(struct connections *s);

/* total and body stay as they were. */
void connections_limits(struct connections *s, const struct connection_limits *limits);

/* Listen on a bound, listening socket, which is owned from here on. ctx: TLS,
 * NULL plain. loopback: other peers are refused. */
err_t connections_listen(struct connections *s, int fd, SSL_CTX *ctx, bool loopback) MUST_USE;

/* Accept or not; connections already there are not touched. */
void connections_accept(struct connections *s, bool accept);

/* Close all connections, those that wait for an answer only when `all`. */
void connections_close_all(struct connections *s, bool all);

size_t connections_count(const struct connections *s);
/* Are some in their handshake, but for those that wait for the owner, and has one gone on within
 * so many ms? */
bool connections_handshaking(const struct connections *s, uint64_t ms);

/* By number; NULL when it is closed. */
struct connection *connections_find(struct connections *s, uint64_t id);

/* By the owner's number, by looking at all; NULL when there is none. */
struct connection *connections_numbered(struct connections *s, uint64_t number);

/* Refuse a source for ms. */
void connections_penalty(struct connections *s, const struct address *from, int64_t ms);

/* Requests are read from here on. until: clock_now time in ms at which the
 * connection is closed, 0 never. */
void connection_admit(struct connection *c, int64_t until);

/* What it brought was refused, and cost us work: to its address it counts as so many
 * handshakes that failed. */
void connection_blame(struct connection *c, unsigned times);

/* A handshake that waits for a key goes on. Nothing for other connections. */
void connection_continue(struct connection *c);

/* The answer to the request in flight, whole; close: it is the last. */
void connection_answer(struct connection *c, struct bytes octets, bool close);

/* Close with close_notify; what was not written yet is dropped. */
void connection_close(struct connection *c);

#endif
