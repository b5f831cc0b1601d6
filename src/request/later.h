/* later.h: requests that are not answered at once [TS-0001 8.2; TS-0004 7.3.2.2].
 *
 *   arrives --admit, identify--> a request resource (PENDING), 1001 or 1002
 *     --at its time--> the same request from the store, from admit to apply, under
 *       the access decision of that moment --> operationResult, COMPLETED or FAILED
 *     --asynchronous--> NOTIFY with the result to its targets
 *
 * The resource holds all that is needed (members that begin with '@' never leave
 * it), so a restart loses nothing: what is PENDING is done then. Here is only when
 * which row is due; an entry whose row is gone or done means nothing. */
#ifndef REQUEST_LATER_H
#define REQUEST_LATER_H

#include "base/bytes.h"
#include "base/hash.h"

struct request_room;
struct request_arrival;

enum {
	LATER_MAX = 16384,          /* requests that wait */
	LATER_PER_ORIGINATOR = 256,
	LATER_OCTETS = 256 * 1024   /* of one primitive */
};

struct later_entry {
	int64_t due;        /* ms */
	uint64_t row;
	uint64_t who;       /* keyed hash of the originator */
};

struct later {
	struct later_entry *heap; /* the earliest first, of one time the oldest row */
	size_t n, cap;
	struct hash_key key;      /* drawn by the owner */
	bool stale;         /* a transaction is gone: read what is due from the store */
	bool added;         /* since the mark: an undone request must leave no entry behind */
};

/* What the store says is due: at the start, and when stale. */
err_t later_reload(struct request_room *room) MUST_USE;
void later_free(struct later *l);

/* ms of the earliest, INT64_MAX when there is none. */
int64_t later_next(const struct later *l);

/* The next one that is due, as an arrival to be served; its primitive in `primitive`, none of what
 * cannot be read any more: request_serve fails then. *found false: none is. Inside a transaction. */
err_t later_take(struct request_room *room, int64_t now, struct buf *primitive,
                 struct request_arrival *in, bool *found) MUST_USE;

#endif
