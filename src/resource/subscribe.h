/* subscribe.h: what subscriptions want to know, and how they are told [TS-0001
 * 9.6.8, 10.2.10; TS-0004 7.4.8, 7.5.1.2.2]. Who is told, when and on whose right
 * is the request room's. */
#ifndef RESOURCE_SUBSCRIBE_H
#define RESOURCE_SUBSCRIBE_H

#include "resource/resource.h"

/* m2m:notificationEventType [TS-0004 6.3.4.2.19]. 0: an operation that is monitored. */
enum event_type {
	EVENT_OPERATION, EVENT_UPDATE, EVENT_DELETE, EVENT_CREATE_CHILD, EVENT_DELETE_CHILD,
	EVENT_NO_CHILD, EVENT_TRIGGER, EVENT_BLOCKING_UPDATE, EVENT_MISSING_DATA, EVENT_TYPES
};

/* m2m:notificationContentType */
enum { CONTENT_ALL = 1, CONTENT_MODIFIED, CONTENT_ID, CONTENT_TRIGGER, CONTENT_SERIES };

enum { SUBSCRIPTION = 23, SUBSCRIPTIONS_MAX = 1024 /* that one event is compared with */ };

struct resource_event {
	enum event_type type;
	const struct store_row *subject; /* what is shown: the resource, or its child */
	struct bytes asked;      /* update: the encoded map of attributes, null deletes */
	unsigned operation;      /* of the request, 1..5 */
	bool discovers;          /* it is a discovery, which has a bit of its own */
	struct bytes originator; /* of the request, as it wrote itself, and absolute */
	struct bytes originator_absolute;
};

/* Is it what the criteria of this subscription ask for? */
err_t subscription_wants(struct resources *r, const struct store_row *sub,
                         const struct resource_event *e, bool *yes) MUST_USE;

/* What is shown of the event, by notificationContentType: { "m2m:cnt": {..} } or
 * { "m2m:uri": .. } */
err_t subscription_shows(struct resources *r, struct arena *a, const struct store_row *sub,
                         const struct resource_event *e, struct buf *out) MUST_USE;

/* The content of an update of the row, but for what is never shown. */
err_t subscription_shows_asked(struct resources *r, struct arena *a, uint64_t resource,
                               struct bytes content, struct buf *out) MUST_USE;

/* Ids of the subscriptions to a resource, at most SUBSCRIPTIONS_MAX. */
err_t subscriptions_of(struct resources *r, uint64_t resource, uint64_t *ids, size_t *n) MUST_USE;

/* The next subscription to a resource, behind *at, that blocks its updates; 0: none. *left, at first
 * SUBSCRIPTIONS_MAX: how many are looked at yet. */
err_t subscription_blocking(struct resources *r, uint64_t resource, uint64_t *at, size_t *left) MUST_USE;

/* The attributes of the one member of a request's content; empty. */
struct bytes subscription_asked(struct bytes content);

/* May something that only reads be an event for a subscription to this row? Kept
 * in memory, so that reads which nobody watches cost nothing; never wrongly no. */
bool subscription_watches_reads(const struct resources *r, uint64_t resource);

/* A list that this CSE keeps of a row. `system` must cover RIGHT_UPDATE on it. */
err_t subscription_set_list(struct resources *r, const struct permit *system, uint64_t id,
                            struct bytes key, const struct bytes *texts, size_t n) MUST_USE;

/* One request of the subscription went to `target`; answered: a response came. Kept
 * where notificationStatsEnable says so, for the targets it has now [TS-0001 9.6.8].
 * `system` must cover RIGHT_UPDATE on it. */
err_t subscription_statistics(struct resources *r, const struct permit *system, uint64_t sub,
                              struct bytes target, bool answered) MUST_USE;

/* One successful notification [7.5.1.2.2 step 5]: *over: none is left, and the
 * subscription is to be deleted. `system` must cover RIGHT_UPDATE on it. */
err_t subscription_count(struct resources *r, const struct permit *system, uint64_t sub,
                         int64_t now, bool *over) MUST_USE;

#endif
