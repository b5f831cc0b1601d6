/* later_work.h: what the steps do with a request that is answered later. Inside the
 * room only. */
#ifndef REQUEST_LATER_WORK_H
#define REQUEST_LATER_WORK_H

#include "request/work.h"

/* Is the request one to be answered later? flexBlocking is, when its time is. */
bool later_wanted(const struct request_primitive *r, int64_t now);

/* Identified, and to be answered later: the request resource and the
 * acknowledgement, or the first acknowledgement again. */
err_t later_keep(struct work *w) MUST_USE;

/* in->deferred: who asked, as far as the credential still stands (else refused),
 * and whether the result is to be sent. */
err_t later_arrived(struct work *w) MUST_USE;

/* Of a request resource with this requestStatus: the request waits, or is at another CSE, and its
 * answer is not here. */
bool later_is_undone(const struct store_row *row, uint64_t rs);

/* It was sent to the CSE that hosts its target: its resource says so. */
err_t later_forwarded(struct work *w) MUST_USE;

/* Done: the result into the request resource. */
err_t later_result(struct work *w, const struct response_primitive *response) MUST_USE;
/* The same when it was this node that failed. */
err_t later_failed(struct request_room *room, const struct request_arrival *in) MUST_USE;

/* The result to those who are to be told. ERR_PENDING. */
err_t later_notify(struct work *w) MUST_USE;

/* [later_own.c] Members of the row that are ours (they begin with '@', or are the CSE's to
 * set), encoded in one buffer, which the caller frees; what went wrong is in err. */
enum { LATER_OWN_MAX = 8 };
struct later_own {
	struct buf values;
	struct { struct bytes key; size_t at, end; } m[LATER_OWN_MAX];
	size_t n;
	err_t err;
};
void later_own_begin(struct later_own *o, struct bytes key);
void later_own_end(struct later_own *o, err_t err);
void later_own_uint(struct later_own *o, struct bytes key, uint64_t v);
void later_own_text(struct later_own *o, struct bytes key, struct bytes text);
void later_own_bytes(struct later_own *o, struct bytes key, struct bytes octets);
void later_own_raw(struct later_own *o, struct bytes key, struct bytes encoded);
/* How many; views into the buffer. */
size_t later_own_members(const struct later_own *o, struct cbor_member out[LATER_OWN_MAX]);

/* A request that this CSE makes later in somebody's name, on a credential (empty: on none), by the
 * steps of any request and its decision of that moment. `own` has further members, whose values
 * the caller frees. ERR_REFUSED: the originator's share is used up. */
struct later_order {
	struct bytes primitive, originator, credential;
	int64_t now, due, expires;
};
err_t later_order(struct request_room *room, struct later_own *own, const struct later_order *o, struct arena *a) MUST_USE;

/* A row that is due at a time. ERR_LIMIT. */
err_t later_add(struct later *l, int64_t due, uint64_t row, struct bytes originator) MUST_USE;
bool later_full(const struct later *l, struct bytes originator);

#endif
