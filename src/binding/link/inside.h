/* inside.h: what the files of binding/link share. */
#ifndef BINDING_LINK_INSIDE_H
#define BINDING_LINK_INSIDE_H

#include "binding/http/list.h"
#include "binding/link/link.h"

/* --- wheel.c: deadlines of all connections --------------------------------- */

enum { WHEEL_SLOTS = 1024, WHEEL_TICK_MS = 128 };

struct wheel {
	struct timed *slot[WHEEL_SLOTS];
	int64_t now; /* ms, time up to which slots were looked at */
};

void wheel_init(struct wheel *w, int64_t now);
/* Cheap when the deadline only moves away. INT64_MAX: never. */
void wheel_set(struct wheel *w, struct timed *t, int64_t deadline);
void wheel_remove(struct timed *t);
/* Calls `expired` for each whose deadline has passed, taken out. */
void wheel_run(struct wheel *w, int64_t now, void (*expired)(void *self, struct timed *t),
               void *self);

/* --- addresses.c: how many connections a source has, and its penalty -------- */

struct addresses;

err_t addresses_new(struct addresses **out) MUST_USE;
void addresses_free(struct addresses *a);
/* Count one more. NULL, or why not. */
const char *address_take(struct addresses *a, const struct address *from,
                         size_t limit, int64_t now);
void address_release(struct addresses *a, const struct address *from);
void address_penalty(struct addresses *a, const struct address *from, int64_t now,
                     int64_t until);
/* One more handshake of it failed. When that is more than `limit` in a minute it is refused for
 * a minute; true at that moment. What is known of it outlives its connections, for a minute
 * and for so many sources. */
bool address_failed(struct addresses *a, const struct address *from, size_t limit, int64_t now);
bool address_is_loopback(const struct address *a);

/* --- the set ----------------------------------------------------------------- */

enum {
	ROOM_OCTETS = 20 * 1024,   /* head or record, whichever is larger */
	ACCEPTS_A_TURN = 32,       /* so that a burst of arrivals waits, not the requests */
	HANDSHAKES_A_TURN = 1,     /* requests go between: a handshake is as long as ten of them */
	READS_A_TURN = 4,
	DRAIN_OCTETS = 4 * 1024 * 1024, DRAIN_MS = 2000,
	LISTENERS_MAX = 8,
	SAY_FULL_MS = 10000,
	KEEPING_MAX = 1024,        /* connections that keep the TLS library's buffers between requests, */
	KEEPING_MS = 500,          /* for so long after the last */
	STREAMS_ALL = 32768,       /* of all connections together */
};

struct listener {
	uv_poll_t poll;
	struct connections *set;
	SSL_CTX *ctx;
	int fd;
	bool loopback, open;
};

struct slot {
	struct connection *c;
	uint32_t generation;
	uint32_t next_free; /* 1 + index, 0 the end */
};

struct queue {
	struct connection *first, **last;
};

struct connections {
	uv_loop_t *loop;
	struct connection_limits limits;
	struct connection_owner owner;
	struct wheel wheel;
	struct addresses *addresses;
	struct slot *slots;
	size_t slots_n, count;
	uint32_t free_slot;
	size_t buffered, keeping;
	struct queue handshakes, again;
	struct connection *half_first, **half_last; /* half open, the oldest first */
	size_t half_n, waiting;    /* of them for the owner */
	uint64_t stepped;          /* uv_now of the last step in a handshake */
	struct listener listeners[LISTENERS_MAX];
	size_t listeners_n;
	bool accepting, starved, ending;
	int64_t said_full; /* when the log last said that the limit is reached */
	size_t handles; /* libuv handles that are not closed yet */
	uv_timer_t timer;
	uv_check_t check;
	uv_idle_t idle;
	uint8_t room[ROOM_OCTETS];
	struct buf sending; /* HTTP/2: what leaves in one write */
};

/* Start or stop the listeners as accepting, starved and the limit say. */
void listeners_update(struct connections *s);

/* The timer runs while there is a connection, or one is waited for. */
void timer_wake(struct connections *s);

/* A new connection on fd, counted. Takes over fd. */
void connection_begin(struct listener *l, int fd, const struct address *from, uint16_t port);
/* Its next step: handshake or read. */
void connection_step(struct connection *c);
void connection_expired(struct connection *c);
void connection_queue(struct connection *c, bool handshake);
/* Close the oldest half-open connection; false: there is none. */
bool half_open_evict(struct connections *s);

/* Slot of the table; 0 when there is no memory. */
uint64_t slot_take(struct connections *s, struct connection *c);
void slot_release(struct connections *s, uint64_t id);

/* Into a state, whose time begins now. */
void connection_enter(struct connection *c, enum connection_state state);
/* The TLS library gives its buffers (33 kB) back after each record, or keeps them while requests
 * follow each other; keeping: unless too many do. */
void io_buffers(struct connection *c, bool keeping);
/* Its octets are about to be parsed; false: no longer. */
/* Who asked is gone, or says no more; the owner is told, once a request. */
void connection_left(struct connection *c);
void connection_suspect(struct connection *c, bool parsing);

/* --- reading.c, writing.c: steps of the states ------------------------------- */

void connection_read(struct connection *c);
void connection_write(struct connection *c);
void connection_drain(struct connection *c);
/* Octets are there that no event will tell of. */
bool connection_has_leftover(const struct connection *c);
/* Write now what can be; *octets is what remains. ERR_CLOSED. */
err_t connection_put(struct connection *c, struct bytes *octets) MUST_USE;

/* Keep what could not be written. ERR_FULL. */
err_t connection_keep_rest(struct connection *c, struct bytes rest) MUST_USE;

/* --- http2.c, http2_stream.c: many requests on one connection ------------------ */

enum {
	HTTP2_ACKS = 64,           /* answers to SETTINGS and PING that wait */
	HTTP2_FRAMES = 1024,       /* that bring no request, between two that are served */
	HTTP2_OCTETS = 256 * 1024, /* the same in octets, but for content */
	HTTP2_CONTINUATIONS = 8,
	HTTP2_RESETS = 64,         /* streams taken back beyond those answered */
	HTTP2_TABLE = 4096,        /* octets of the field table, each way */
	HTTP2_WINDOW = 65535, HTTP2_WINDOW_ALL = 1 << 20,
	HTTP2_SENDING = 256 * 1024, /* octets in one write; who reads slower is not read */
};

struct http2 {
	struct nghttp2_session *session;
	struct http_list list;     /* the list of fields that is arriving */
	struct connection *streams;
	size_t streams_n;          /* with those forsaken that the owner still works on */
	unsigned frames, continuations, resets;
	size_t octets;
	bool inside;               /* in a call of the session: it must not be ended */
	const char *doomed;        /* to be ended, and why; "" without a word */
	bool last;                 /* no new streams; ends with the last one */
};

/* Do the octets begin as HTTP/2 does? *more: perhaps, but they are too few. */
bool http2_is_preface(struct bytes octets, bool *more);
bool http2_is_chosen(const struct connection *c);
/* The connection is SHARED from here on; octets came already. */
void http2_begin(struct connection *c, struct bytes octets);
void http2_step(struct connection *c);
void http2_free(struct connection *c);
/* End it at the next turn. */
void http2_doom(struct connection *c, const char *why);
/* Take no new streams, and end when those that are there have ended. */
void http2_finish(struct connection *c);
/* Its deadline: that of the octets that wait, or of idleness. */
void http2_deadline(struct connection *c);

/* A new stream; NULL: no memory. It is one of c's until stream_end. */
struct connection *stream_begin(struct connection *c, int32_t number);
void stream_end(struct connection *stream);
/* Its list of fields is whole, alone or with content behind it; more of its content; all of
 * it is there. */
void stream_list(struct connection *stream, bool alone);
void stream_content(struct connection *stream, struct bytes octets);
void stream_serve(struct connection *stream);
/* The peer took it back. */
void stream_forsake(struct connection *stream);
void stream_answer(struct connection *stream, struct bytes octets, bool close);

/* --- io.c: octets in and out of one connection ------------------------------ */

enum io { IO_DONE, IO_WAIT_READ, IO_WAIT_WRITE, IO_WAIT_OWNER, IO_ENDED };

enum io io_handshake(struct connection *c);
/* Its handshake has not begun, though it asked for it a second ago and more, and it is gone: a
 * handshake with it would be in vain. */
bool io_left_waiting(const struct connection *c);
/* At most n octets to p; *got is what came. */
enum io io_read(struct connection *c, uint8_t *p, size_t n, size_t *got);
enum io io_write(struct connection *c, struct bytes octets, size_t *put);
/* Say goodbye in the channel, best effort. */
void io_goodbye(struct connection *c);

/* Watch the socket for these events; 0: not at all. */
void io_watch(struct connection *c, int events);

#endif
