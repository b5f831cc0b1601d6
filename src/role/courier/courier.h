/* courier.h: what the files of holdfast-courier share.
 *
 *   SEND --deliveries.c--> waiting --> connection.c: connected, secured, written,
 *   SENT <--------------- answered <-- read; kept for the next of the same place
 *
 * The bodies of both are laid out in wire/wire.h. */
#ifndef ROLE_COURIER_H
#define ROLE_COURIER_H

#include "binding/http/http.h"
#include "role/common/worker.h"
#include "role/courier/places.h"
#include "security/association/channel.h"
#include "wire/keeper_calls.h"

enum {
	COURIER_DELIVERIES = 2048,    /* under way and waiting */
	COURIER_CONNECTIONS = 256,
	COURIER_PER_PLACE = 8,        /* connections to one place */
	COURIER_IDLE_MS = 20000,
	COURIER_TIME_MAX_MS = 300000, /* whatever the core says */
	COURIER_BODY_MAX = 4 * 1024 * 1024,
	COURIER_BUFFERED = 64 * 1024 * 1024, /* octets of all answers not whole yet */
};

enum delivery_state { DELIVERY_FREE, DELIVERY_WAITING, DELIVERY_UNDER_WAY };

struct delivery {
	enum delivery_state state;
	uint64_t ref;
	int64_t deadline;             /* clock_steady */
	unsigned flags;
	enum http_serial serial;
	struct buf target, primitive;
	struct url url;               /* views into target */
	struct place_address at;
};

enum connection_state { CONNECTION_FREE, CONNECTION_OPENING, CONNECTION_SECURING,
	                CONNECTION_WRITING, CONNECTION_READING, CONNECTION_IDLE };

struct connection {
	enum connection_state state;
	int fd;
	SSL *ssl;                     /* NULL: plain */
	char host[PLACE_HOST_MAX + 1];
	uint16_t port;
	bool plain;
	bool used;                    /* something was answered on it */
	bool early;                   /* nothing of the answer has come */
	unsigned interim;             /* responses that are none yet, to what is asked now */
	bool wants_write;
	struct delivery *delivery;    /* NULL: idle */
	struct buf out, in;
	size_t out_at;
	struct http_parser parser;
	int64_t idle_until;
};

struct courier {
	struct worker worker;
	struct link core;
	struct keeper keeper;
	SSL_CTX *ctx;                 /* NULL: the node's certificate could not be read */
	bool lab;
	struct http_mapper mapper;
	struct delivery deliveries[COURIER_DELIVERIES];
	struct delivery *waiting[COURIER_DELIVERIES]; /* in order of arrival */
	size_t waiting_n;
	struct connection connections[COURIER_CONNECTIONS];
	size_t buffered;
	bool stopping;
};

/* --- deliveries.c -------------------------------------------------------------- */

/* A SEND. ERR_SYNTAX: the core wrote none. */
err_t delivery_take(struct courier *c, const struct message *m) MUST_USE;
/* Answered; `answer` is empty unless ERR_OK. d is free afterwards. */
void delivery_end(struct courier *c, struct delivery *d, err_t err, struct bytes answer);
/* Give the waiting ones connections, in order; end what is late. */
void deliveries_turn(struct courier *c);
/* d waits (again) for a connection. */
void delivery_wait(struct courier *c, struct delivery *d);
/* The core is gone: nobody waits. */
void deliveries_forget(struct courier *c);

/* --- connection.c ---------------------------------------------------------------- */

/* An idle one to the place of d, or a new one; NULL when d has to wait, or has
 * ended because none can be made. */
struct connection *connection_for(struct courier *c, struct delivery *d);
/* Begin with d. */
void connection_carry(struct courier *c, struct connection *x, struct delivery *d);
/* Its socket can be read or written. */
void connection_step(struct courier *c, struct connection *x);
void connection_close(struct courier *c, struct connection *x);

#endif
