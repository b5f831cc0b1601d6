/* notification_inside.h: what the files of notifications share. */
#ifndef REQUEST_NOTIFICATION_INSIDE_H
#define REQUEST_NOTIFICATION_INSIDE_H

#include "request/notification.h"
#include "request/work.h"
#include "resource/subscribe.h"

enum { NOTIFICATION_CONTENT_MAX = 1024 * 1024, CATEGORY_IMMEDIATE = 2, CATEGORY_LATEST = 4 };

/* What a delete takes with it, shown before it is gone. */
struct noticed {
	struct noticed *next;
	struct store_row sub;
	enum event_type type;
	bool ends;            /* the subscription goes with what it tells of */
	struct bytes shown;   /* empty: the end of the subscription itself */
	uint64_t crosses[CROSS_MEMBERS]; /* crossResourceSubscriptions that end with it */
	size_t crosses_n;
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

/* Does this target want the notifications of the originator's subscription, or of those that a
 * group forwards? Its row is the reference in the question. w->status
 * when not. ERR_PENDING. */
err_t notification_verify(struct work *w, struct bytes target, uint64_t subscription) MUST_USE;
/* Do all that the request names, and that were no targets before? They are asked together:
 * each notes its need before one is waited for. */
err_t notification_verify_all(struct work *w) MUST_USE;

/* [notification_group.c] The group here that a target names, 0: none. */
err_t notification_group_here(struct work *w, struct bytes target, uint64_t *id) MUST_USE;
/* Does such a group gather for the originator's subscription, so that it need not be asked? */
err_t notification_group_takes(struct work *w, struct bytes target, bool *yes) MUST_USE;
/* What a subscription tells to it is owed where it forwards to. */
err_t notification_group_owe(struct work *w, const struct queue_entry *e,
                             const struct store_row *sub, uint64_t group) MUST_USE;
/* May what it gathered still be sent? */
err_t notification_group_may(struct work *w, const struct queue_entry *e, bool *yes) MUST_USE;

/* [notification_owe.c] Into the queue, or on record that it is full. */
err_t notification_add(struct work *w, const struct queue_entry *e) MUST_USE;

/* [notification_owe.c] To all its targets, by its policies. */
err_t notification_owe(struct work *w, const struct noticed *n) MUST_USE;

#endif
