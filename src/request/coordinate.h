/* coordinate.h: a transactionMgmt with requests to other CSEs, or that its creator controls:
 * or that has times (tltm text tct) to come:
 * each request is a <transaction> below its target, wherever that is, and each step of all is
 * a round of requests in the creator's name, kept and done like those that are answered
 * later [TS-0001 10.2.18.1].
 *
 *   INITIAL --LOCK--> LOCKED --EXECUTE--> EXECUTED --COMMIT--> COMMITTED
 *   any refused: ERROR; then, or by the creator: ABORT of those that were made --> ABORTED
 *
 * One that is refused at COMMIT, when others are done, is what this cannot take back: the
 * state is ERROR then, also after an ABORT, and the responses say which. An ABORT that did not
 * reach all of them leaves ERROR, too; asked for again, it goes to those that are left. A round ends: what has not
 * answered after two minutes has failed. */
#ifndef REQUEST_COORDINATE_H
#define REQUEST_COORDINATE_H

#include "request/request.h"

struct work;

/* Is the one that is to be made to be done so? */
err_t coordinate_wanted(struct work *w, bool *yes) MUST_USE;
/* It was made, or its creator took a step: the first round. */
err_t coordinate_after(struct work *w) MUST_USE;
/* As action_answered: was the request one of a round? */
err_t coordinate_answered(struct request_room *room, const struct request_arrival *in,
                          const struct response_primitive *response, bool *was) MUST_USE;

/* Its time has come: a step, another try, or its end. Not within the arena of a request. */
err_t coordinate_time(struct request_room *room, uint64_t id, int64_t now, bool *changed) MUST_USE;

#endif
