/* members.h: groups whose members at other CSEs could not be seen when they were named. */
#ifndef REQUEST_MEMBERS_H
#define REQUEST_MEMBERS_H

#include "request/request.h"

/* resource_groups_due gave it: it is to be served as a request that is due now. *changed
 * false: too many wait. */
err_t members_due(struct request_room *room, uint64_t group, int64_t now, bool *changed) MUST_USE;

#endif
