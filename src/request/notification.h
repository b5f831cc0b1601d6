/* notification.h: who is told of what a request did, and whether it may still be
 * sent [TS-0001 10.2.10; TS-0004 7.4.8, 7.5.1.2].
 *
 *   a change --> notification_after: what each subscription wants of it is owed,
 *                in the queue, in the transaction of the change
 *   due      --> notification_judge: is the right on which it stands still there?
 *                --> sent, put off, or dropped with a record
 *   answered --> notification_done
 *
 * A notification stands on the right of the subscription's creator to retrieve
 * what is told, and of that creator to notify the receiver; both are judged before
 * each sending, so that what is withdrawn stops what is queued. */
#ifndef REQUEST_NOTIFICATION_H
#define REQUEST_NOTIFICATION_H

#include "request/queue.h"
#include "request/reach.h"
#include "request/request.h"

/* --- inside a request ------------------------------------------------------------ */

/* Before the operation: what is asked and told afterwards by what holds now, and what a delete
 * takes with it, is noted. ERR_PENDING; w->status when it is refused. */
err_t notification_before(struct work *w) MUST_USE;
/* After it succeeded: new targets of a subscription are asked whether they want it, and the one of a
 * blocking subscription whether the update may be; then all are told. ERR_PENDING; the outcome is the
 * refusal when one says no. */
err_t notification_after(struct work *w) MUST_USE;
/* Its parts. */
err_t notification_may_update(struct work *w) MUST_USE;
/* Is the target of a blocking subscription asked, on the right of its creator as it is now? self is the work. */
err_t notification_blocks(void *self, uint64_t subscription, bool *yes) MUST_USE;
/* What goes from here on is noted for notification_after; ends with
 * resource_on_removal(NULL). */
void notification_watch_removal(struct work *w);
/* May subscription `sub` be told of anything now, by its schedule? */
err_t notification_scheduled(struct work *w, uint64_t sub, bool *now) MUST_USE;
/* A subscription of ours that is over, as if it had been deleted. */
err_t notification_end(struct request_room *room, const struct target *target,
                       int64_t now) MUST_USE;
/* May `creator` (absolute) retrieve the row, by itself? */
err_t notification_creator_may(struct work *w, struct bytes creator, uint64_t resource,
                               bool *yes) MUST_USE;
/* May it notify the row? */
err_t notification_creator_may_notify(struct work *w, struct bytes creator, uint64_t resource,
                                      bool *yes) MUST_USE;
/* A DELETE of ntsr: is the originator a target of the subscription w->target? Then,
 * permitted: it is taken out, where the policies for targets let it [7.4.33.2.4];
 * otherwise w->status. ERR_PENDING: its creator is asked. */
err_t notification_is_target(struct work *w, bool *yes) MUST_USE;
err_t notification_leave(struct work *w) MUST_USE;
/* A subscription that is to be made through a group with a notificationForwardingURI:
 * begin puts the group in the place of its target (once); note has that target asked,
 * and the group remember it. w->status; ERR_PENDING. */
err_t notification_group_begin(struct work *w) MUST_USE;
err_t notification_group_note(struct work *w) MUST_USE;
/* A NOTIFY to a group: does it come from a CSE that hosts a member? Then it is gathered,
 * where the group was asked to. */
err_t notification_is_report(struct work *w, bool *yes) MUST_USE;
err_t notification_report(struct work *w) MUST_USE;
/* A child that this CSE made by itself, a row that it changed; w says who and what. */
err_t notification_child(struct work *w, uint64_t parent, uint64_t child) MUST_USE;
err_t notification_changed(struct work *w, uint64_t row) MUST_USE;
/* A retrieve of la or ol that stands for none. */
err_t notification_empty(struct work *w) MUST_USE;

/* A time series misses data [7.5.1.2.9]: tsn is { "m2m:tsn": .. } for subscription
 * `sub`, whose policy the caller has applied. In the transaction of the caller. */
err_t notification_missing(struct request_room *room, uint64_t sub, struct bytes tsn,
                           int64_t now) MUST_USE;

/* resource_expire, with who is told of it. In the transaction of the caller. */
err_t notification_expire(struct request_room *room, int64_t now, size_t limit,
                          size_t *n) MUST_USE;

/* Is the ground still there on which something is asked that waits to be fetched? Reads only. */
err_t notification_stands(struct request_room *room, const struct outbound_ground *ground, int64_t now,
                          bool *yes) MUST_USE;

/* --- sending ------------------------------------------------------------------------ */

enum notification_verdict { NOTIFICATION_SEND, NOTIFICATION_WAIT, NOTIFICATION_DROP };

struct notification {
	enum notification_verdict verdict;
	const char *why;         /* of a drop, for the record */
	int64_t until;           /* of a wait */
	struct reach reach;      /* where it goes */
	struct bytes primitive;  /* the request */
	struct bytes target, originator, rqi;
	uint64_t subscription;
	uint32_t type;           /* of it */
	bool group;              /* gathered by one */
	uint64_t numbers[QUEUE_BATCH]; /* the entries it is made of */
	size_t n;
};

/* Judge the entry and put the request together; views live in the room's arena,
 * which is reset. Reads only. */
err_t notification_judge(struct request_room *room, uint64_t number, int64_t now,
                         struct notification *out) MUST_USE;

/* The entity (absolute) has no credential any more: what waits on its right, and what
 * waits for it, goes; *n of them, each with its record. In the transaction of the caller. */
err_t notification_revoked(struct request_room *room, struct bytes entity, int64_t now,
                           size_t *n) MUST_USE;

/* It was sent; answered: with a response, be it that it cannot now. In a
 * transaction. */
err_t notification_tried(struct request_room *room, const struct notification *n, bool answered) MUST_USE;

/* It was answered with `status`, or dropped (status 0): the entries go, with a
 * record; a subscription that counted to its end goes too. In a transaction. */
err_t notification_done(struct request_room *room, const struct notification *n, unsigned status,
                        int64_t now) MUST_USE;

#endif
