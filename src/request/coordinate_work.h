/* coordinate_work.h: the requests of a round. Inside the room only. */
#ifndef REQUEST_COORDINATE_WORK_H
#define REQUEST_COORDINATE_WORK_H

#include "request/work.h"
#include "resource/coordinate.h"

/* Is the request, encoded, to another CSE? */
err_t coordinate_elsewhere(struct request_room *room, struct bytes request, bool *yes) MUST_USE;
/* The i-th of this round, in the creator's name. ERR_REFUSED: the creator's share is used up. */
err_t coordinate_keep(struct request_room *room, const struct coordinated *t, size_t i, int64_t now) MUST_USE;

#endif
