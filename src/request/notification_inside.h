/* notification_inside.h: what the files of notifications share. */
#ifndef REQUEST_NOTIFICATION_INSIDE_H
#define REQUEST_NOTIFICATION_INSIDE_H

#include "request/notification.h"
#include "request/work.h"
#include "resource/subscribe.h"

enum { NOTIFICATION_CONTENT_MAX = 1024 * 1024 };

/* What a delete takes with it, shown before it is gone. */
struct noticed {
	struct noticed *next;
	struct store_row sub;
	enum event_type type;
	bool ends;            /* the subscription goes with what it tells of */
	struct bytes shown;   /* empty: the end of the subscription itself */
};

/* A row that outlives changes of the store, in the arena; not one that expired,
 * unless the work is our own. */
err_t notification_row(struct work *w, uint64_t id, struct store_row *out, bool *found) MUST_USE;
bool notification_member(struct bytes body, const char *key, struct cbor *out);
/* Of a subscription, absolute. */
err_t notification_creator(struct work *w, const struct store_row *sub, struct bytes *out) MUST_USE;

/* [notification_ask.c] Does this target name the originator itself? */
err_t notification_is_originator(struct work *w, struct bytes target, bool *yes) MUST_USE;

/* Its creator is told that the originator wants to leave; allowed: it said so. Nobody
 * answered: no. ERR_PENDING. */
err_t notification_ask_removal(struct work *w, const struct store_row *sub, bool *allowed) MUST_USE;

/* [notification_owe.c] To all its targets, by its policies. */
err_t notification_owe(struct work *w, const struct noticed *n) MUST_USE;

#endif
