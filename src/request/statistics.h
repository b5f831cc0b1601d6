/* statistics.h: what is done here is collected for the rules that want it
 * (resource/statistics.h), as far as who made the rule may retrieve what was operated on:
 * a rule shows nobody what is hidden from its creator. */
#ifndef REQUEST_STATISTICS_H
#define REQUEST_STATISTICS_H

#include "request/request.h"

struct work;

/* Around an operation; after it where it succeeded. */
err_t statistics_before(struct work *w) MUST_USE;
err_t statistics_after(struct work *w) MUST_USE;

/* Rules whose time is over have their records. In the transaction of the caller. */
err_t statistics_time(struct request_room *room, uint64_t rule, int64_t now, bool *changed) MUST_USE;

#endif
