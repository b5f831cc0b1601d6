/* delivery.h: deliveries as they are stored [TS-0001 9.6.11]. What carries them on, and
 * what becomes of the requests within, is the request room's. */
#ifndef RESOURCE_DELIVERY_H
#define RESOURCE_DELIVERY_H

#include "resource/resource.h"

enum {
	DELIVERY = 6, DELIVERY_REQUESTS = 32,
	DELIVERY_OCTETS = 128 * 1024, /* of all requests in one */
	DELIVERY_TRACE = 16           /* CSEs that a trace holds, and that one goes through */
};

/* One is handed on for so long, and known here for so long after it was done: who brings it
 * again because no answer came is told that it was taken. */
#define DELIVERY_KNOWN_MS (INT64_C(7) * 24 * 3600 * 1000)

/* Views into the arena that it was read into. */
struct delivery {
	uint64_t id;
	struct bytes source, target;   /* CSE-IDs, as they stand there */
	struct bytes creator;          /* absolute */
	struct bytes credential;       /* on which it came; empty without */
	int64_t until;                 /* lifespan */
	int64_t stops;                 /* delivery_read: when it is handed on no more */
	int64_t due;                   /* delivery_make: when it is sent */
	uint64_t category;             /* eventCat */
	bool traced;
	struct bytes trace[DELIVERY_TRACE];
	size_t trace_n;
	struct bytes requests[DELIVERY_REQUESTS]; /* encoded */
	size_t n;
	size_t octets;
	uint64_t tries;
	bool gathers;                  /* of this CSE's own making, and not sent yet: more may be added */
};

/* The requests of an aggregatedRequest, an array; false: it is none. */
bool delivery_list(struct bytes aggregated, struct cbor *out);

/* *found false: it is gone, or its lifespan is over. */
err_t delivery_read(struct resources *r, struct arena *a, uint64_t id, int64_t now, struct delivery *out,
                    bool *found) MUST_USE;

/* `system` must cover what is done, here and below. One of this CSE's own: source, target,
 * creator, credential, until, due, category, requests of d. ERR_REFUSED: the creator's share is used
 * up. */
err_t delivery_make(struct resources *r, const struct permit *system, struct arena *a, const struct delivery *d,
                    int64_t now, uint64_t *id) MUST_USE;
/* What d gathered until now, in the place of what was there. ERR_REFUSED as above. */
err_t delivery_regather(struct resources *r, const struct permit *system, const struct delivery *d) MUST_USE;
/* One of these that may take another request; *found false: none. */
err_t delivery_gathering(struct resources *r, struct arena *a, const struct delivery *like, int64_t now,
                         struct delivery *out, bool *found) MUST_USE;

/* To be sent at `due`, after so many tries; from then on nothing is added. */
err_t delivery_due(struct resources *r, const struct permit *system, uint64_t id, int64_t due, uint64_t tries) MUST_USE;
/* Of those within, so many are not done yet. */
err_t delivery_waits(struct resources *r, const struct permit *system, uint64_t id, uint64_t n) MUST_USE;
/* One of them is; with the last the delivery is empty, and goes in time. */
err_t delivery_done_one(struct resources *r, const struct permit *system, uint64_t id, int64_t now) MUST_USE;
/* It was handed on, or never can be: one of our own goes, another is empty, and goes in time. */
err_t delivery_end(struct resources *r, const struct permit *system, uint64_t id, int64_t now) MUST_USE;

#endif
