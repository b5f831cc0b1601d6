/* request.h: the path of one request. steps.def is the order. */
#ifndef REQUEST_REQUEST_H
#define REQUEST_REQUEST_H

#include "resource/resource.h"
#include "security/association/registry.h"
#include "security/audit/audit.h"
#include "security/replay/replay.h"

/* What the steps work with; made once by the core. */
struct request_room {
	struct resources *resources;
	struct store *store;
	struct registry *registry;
	struct audit *audit;
	struct replay *replay;
	struct arena arena;        /* reset per request */
	bool lab;                  /* requests without association are let in */
	struct bytes lab_admin;    /* originator that may do everything there; empty: none */
	uint64_t content_max;      /* octets of one result */
	bool require_registration_rule; /* AE may register only as its credential says */
};

/* One request as it came from a gate. Body of REQUEST: u64 association number
 * (0: lab listener), u8 address length, address 16, then the primitive. */
struct request_arrival {
	uint64_t association;
	unsigned gate;
	uint8_t address[16];
	unsigned address_n;
	struct bytes primitive;
	int64_t now;
};
err_t request_arrival_read(struct bytes body, unsigned gate, int64_t now,
                           struct request_arrival *out) MUST_USE;

/* Serve one request inside the transaction that the caller holds; the answer's
 * primitive is appended to `answer`. The answer must not leave before the
 * transaction is committed. An error is ours (store, audit): the caller then
 * answers 5000 and undoes the request. Never fails for what came from outside. */
err_t request_serve(struct request_room *room, const struct request_arrival *in,
                    struct buf *answer) MUST_USE;

/* An answer made without serving: status, with rqi where readable. */
err_t request_refuse(struct bytes primitive, unsigned status, struct buf *answer) MUST_USE;

#endif
