/* reach.h: where an entity is reached. Inside the room only. */
#ifndef REQUEST_REACH_H
#define REQUEST_REACH_H

#include "primitive/request.h"

struct work;

enum { REACH_MAX = 8 };
#define REACH_CHANNEL "pcu:" /* and the number of the polling channel's row */

struct reach {
	struct bytes from; /* reach_of: who we are to it: our CSE-ID, absolute at another provider */
	uint64_t entity;  /* row of the AE or CSE, 0 for a URL and for what is elsewhere */
	uint64_t hop;     /* row of the remoteCSE by which that is reached, 0: none */
	bool direct;      /* and which is the CSE itself where it is */
	bool first;       /* the entity there, or the next CSE on the way, is of Release 1 alone */
	struct { struct bytes target; unsigned flags; } list[REACH_MAX]; /* best first */
	size_t n;         /* 0: not reachable from here */
};

/* Reached as it stands: no address of an entity, however that is written. */
bool reach_is_url(struct bytes to);

/* A notification target without the serialisation that it asks for: "?ct=xml" at its end, or
 * "&ct=xml" [TS-0004 table 7.4.8.1-3]. */
struct bytes reach_place(struct bytes target);

/* to: a URL, as above, the address of an AE or a remoteCSE, or of what is at another CSE.
 * Views into the arena or into `to`. */
err_t reach_of(struct work *w, struct bytes to, struct reach *out) MUST_USE;
err_t reach_row(struct work *w, uint64_t id, struct reach *out) MUST_USE;
/* One of its credentials was revoked, and none is good: nothing is handed to it, whatever it is. Who is
 * so has no places above. */
bool reach_is_revoked(struct work *w, struct bytes absolute);

/* out: the AE-ID or CSE-ID, absolute, of the AE or remoteCSE that the row is; empty: of
 * neither, or gone [TS-0001 7.2]. */
err_t reach_identity(struct work *w, uint64_t entity, struct buf *out) MUST_USE;

/* The Release Version Indicator of a request of ours to there: none where it is of Release 1
 * [TS-0004 7.3.1.1, 7.3.2.6]. */
struct bytes reach_release(const struct reach *reach);

/* The IN-CSE of another service provider. */
void reach_provider(struct bytes url, struct reach *out);

/* Ask at one place after the other until one answers. status 0: nobody did.
 * ERR_PENDING as outbound_ask. flags: SEND_REPEAT. */
err_t reach_exchange(struct work *w, const struct reach *reach, struct bytes primitive,
                     unsigned flags, struct response_primitive *out) MUST_USE;

#endif
