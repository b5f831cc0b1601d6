/* coordinate_work.h: the requests of a round. Inside the room only. */
#ifndef REQUEST_COORDINATE_WORK_H
#define REQUEST_COORDINATE_WORK_H

#include "request/work.h"
#include "resource/coordinate.h"

/* How long a round waits for the requests that it kept; and what one of them adds to its own. */
enum { ROUND_MS = 120000, ROUND_REQUEST_OWN = 8192 };

/* Is the request, encoded, to another CSE? */
err_t coordinate_elsewhere(struct request_room *room, struct bytes request, bool *yes) MUST_USE;
/* The i-th of this round, in the creator's name. ERR_REFUSED: the creator's share is used up.
 * ERR_LIMIT: it is too large to be kept. */
err_t coordinate_keep(struct request_room *room, const struct coordinated *t, size_t i, int64_t now) MUST_USE;

#endif
