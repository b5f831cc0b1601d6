/* cross.h: crossResourceSubscription. Inside the room only. */
#ifndef REQUEST_CROSS_H
#define REQUEST_CROSS_H

#include "base/bytes.h"

struct work;
struct store_row;

enum { CROSS_SUBSCRIPTION = 48, CROSS_MEMBERS = 16, CROSS_WINDOWS = 256 };

/* Which members of one were told in the window that began then. */
struct cross_window {
	uint64_t crs;
	int64_t since;
	uint64_t told[CROSS_MEMBERS];
	size_t n;
};

/* After one was made: its members. A refusal is w->outcome. ERR_PENDING. */
err_t cross_created(struct work *w) MUST_USE;

/* Is the subscription one of its members? What a subscription says of itself (acrs) is
 * anybody's word. */
err_t cross_has(struct work *w, uint64_t crs, uint64_t sub, bool *yes) MUST_USE;

/* Before an update of a subscription: which of those that it is a member of it takes out
 * of acrs, into w->left. And after it: they end [TS-0004 7.4.8.2.3]. */
err_t cross_note_left(struct work *w) MUST_USE;
err_t cross_end(struct work *w, const uint64_t *ids, size_t n) MUST_USE;

/* It is gone: the subscriptions that it named are rid of it [TS-0004 7.4.58.2.4]. */
err_t cross_ended(struct work *w, const struct store_row *crs) MUST_USE;

/* Its member `sub` was told of something; *complete: all were, within the window. */
err_t cross_told(struct work *w, uint64_t sub, uint64_t crs, bool *complete) MUST_USE;

#endif
