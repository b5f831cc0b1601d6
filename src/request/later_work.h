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

/* Done: the result into the request resource. */
err_t later_result(struct work *w, const struct response_primitive *response) MUST_USE;
/* The same when it was this node that failed. */
err_t later_failed(struct request_room *room, const struct request_arrival *in) MUST_USE;

/* The result to those who are to be told. ERR_PENDING. */
err_t later_notify(struct work *w) MUST_USE;

/* A row that is due at a time. ERR_LIMIT. */
err_t later_add(struct later *l, int64_t due, uint64_t row, struct bytes originator) MUST_USE;
bool later_full(const struct later *l, struct bytes originator);

#endif
