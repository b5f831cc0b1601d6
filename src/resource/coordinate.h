/* coordinate.h: the state of a transactionMgmt whose requests are done step by step, each by
 * a <transaction> below its target, wherever that is [TS-0001 10.2.18.1]. Who sends what is
 * the request room's. */
#ifndef RESOURCE_COORDINATE_H
#define RESOURCE_COORDINATE_H

#include "resource/lock.h"

enum { TRANSACTION_MGMT = 50, COORDINATED_MAX = 64 };

/* Views into the arena that it was read into. */
struct coordinated {
	uint64_t id, control, state, left;
	bool by_cse, failed;
	bool again;                              /* all that failed may be tried again */
	uint64_t round;                          /* the control of the last one */
	uint64_t done;                           /* bits: those that are where it leads */
	uint64_t tries, tries_max;               /* of this round */
	int64_t began, retry;                    /* ms: this round; when it is tried again, 0 */
	int64_t next;                            /* when there is something to be looked at, 0 */
	struct transaction_times times;
	bool inside;                             /* set off by an action: */
	uint64_t chain;                          /* so much it may have others set off in turn */
	struct bytes creator, from, credential;
	struct bytes requests[COORDINATED_MAX];  /* encoded */
	struct bytes addresses[COORDINATED_MAX]; /* of the <transaction>s; empty: none */
	struct bytes responses[COORDINATED_MAX]; /* encoded; empty: none yet */
	size_t n;
};

/* *found false: it is none. */
err_t coordinated_read(struct resources *r, struct arena *a, uint64_t id, struct coordinated *out, bool *found) MUST_USE;
/* control, state, left, failed, again, round, done, tries, began, retry, next, chain, addresses and responses, as they are now. `system` must cover
 * RIGHT_UPDATE on it. */
err_t coordinated_write(struct resources *r, const struct permit *system, const struct coordinated *c) MUST_USE;

/* May the control become this, in this state? */
bool coordinated_steps(uint64_t state, uint64_t control);

/* Those whose time has come, of the next `limit` behind *after, which moves; 0 at the end. Reads only. */
err_t coordinated_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                      size_t *n) MUST_USE;
/* It was written, or goes (set NULL): does it wait for a time? */
err_t coordinated_index(struct resources *r, uint64_t id, const struct attribute_set *set) MUST_USE;

#endif
