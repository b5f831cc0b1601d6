/* blocked.h: updates that wait for agreement, and what waits for them. Inside the room
 * only. */
#ifndef REQUEST_BLOCKED_H
#define REQUEST_BLOCKED_H

#include "base/error.h"

struct work;

/* The update under way is about to wait for somebody to agree to it. w->status when
 * too many do. */
void blocked_begin(struct work *w);
/* The request was served to its end. */
void blocked_end(struct work *w);
/* An update or delete: ERR_PENDING while another update of the resource waits;
 * w->status when that took too long. */
err_t blocked_wait(struct work *w) MUST_USE;

#endif
