/* queue.h: what this node owes others: notifications and results that leave after
 * the change they tell of is durable.
 *
 *   queue_add, in the transaction of the change --commit--> due --> sending
 *     --> delivered: removed     not delivered: later, after a pause that doubles
 *
 * Every entry is a sealed record of the store, so none is lost by kill -9; one that
 * was delivered just before goes again with the same Request Identifier. Entries
 * for one target are a lane: they leave in order, one after the other, so that a
 * target that hangs holds up itself alone [T11]. Whether an entry may still be
 * sent is judged by the caller, anew each time. Bounded in number, by lane and in
 * octets. All times are clock_now. */
#ifndef REQUEST_QUEUE_H
#define REQUEST_QUEUE_H

#include "base/arena.h"
#include "store/store.h"

enum {
	QUEUE_ENTRIES = 16384,
	QUEUE_LANE = 1024,               /* entries of one lane */
	QUEUE_OCTETS = 64 * 1024 * 1024,
	QUEUE_SHARE = 8,                 /* one originator has an eighth at most, when half is used */
	QUEUE_PAUSE_MS = 1000,           /* after the first failure; doubles */
	QUEUE_PAUSE_MAX_MS = 300000,     /* each pause is changed by chance, up to a quarter */
	QUEUE_BATCH = 256,               /* entries of one message */
};

enum {
	QUEUE_BATCHED = 1, /* goes with others of its subscription and target */
	QUEUE_LATEST = 2,  /* those before it of the same subscription and target go away */
	QUEUE_KEPT = 4,    /* waits for as long as the target cannot be reached */
	QUEUE_DELETION = 8,/* tells of the end of its subscription */
	QUEUE_GROUP = 32,  /* gathered by a group: subscription is the group, resource the
	                    * subscription, 0 when that is elsewhere */
	QUEUE_HELD = 64,   /* the subscription may hold it back, and no other's to the target */
};

struct queue;

struct queue_entry {
	uint64_t number;           /* set by queue_add */
	uint64_t subscription;     /* row; 0 none */
	uint64_t resource;         /* row that is told of; 0 none */
	int64_t created, due, expires; /* expires 0: never */
	int64_t window;            /* not before it, full or not; until a restart */
	unsigned flags;
	unsigned event_category;   /* ec, 0 none */
	unsigned batch;            /* QUEUE_BATCHED: so many go at once; 0: by time alone */
	struct bytes target;       /* as the subscription names it */
	struct bytes originator;   /* on whose right it is sent, absolute */
	struct bytes rqi;          /* empty: one that no other entry ever has */
	struct bytes content;      /* pc, encoded */
};

/* What survived. */
err_t queue_open(struct store *s, struct queue **out) MUST_USE;
void queue_close(struct queue *q);

/* In a transaction. ERR_LIMIT: a bound was met, and nothing was added. */
err_t queue_add(struct queue *q, const struct queue_entry *e, int64_t now) MUST_USE;
err_t queue_remove(struct queue *q, uint64_t number) MUST_USE;
/* All of a subscription but those that tell of its end; *n of them. `but_latest`:
 * the newest of each target stays. */
err_t queue_cancel(struct queue *q, uint64_t subscription, bool but_latest, size_t *n) MUST_USE;
/* What waits of it for a batch, or for a window as well, waits no longer, nor after a
 * restart. Undoing a transaction leaves it so until then. */
err_t queue_release(struct queue *q, uint64_t subscription, int64_t now, bool windows) MUST_USE;

/* As audit_mark and kin. */
void queue_mark(struct queue *q);
void queue_undo_to_mark(struct queue *q);
void queue_settle(struct queue *q, bool committed);

/* An entry that is due and durable, of a lane that is neither busy nor pausing.
 * 0: none. */
uint64_t queue_next(struct queue *q, int64_t now);
/* It and what goes with it: the due entries of a batch, else itself. */
size_t queue_together(struct queue *q, uint64_t number, int64_t now, uint64_t numbers[QUEUE_BATCH]);
err_t queue_read(struct queue *q, uint64_t number, struct arena *a, struct queue_entry *out) MUST_USE;
bool queue_has(struct queue *q, uint64_t number);
/* Was it under way, in vain, when a later one came that makes those before it go away? */
bool queue_outdated(struct queue *q, uint64_t number);
/* The entry behind `number` that is not removed; 0: none. */
uint64_t queue_after(const struct queue *q, uint64_t number);
/* How often its lane failed in a row. */
unsigned queue_attempts(struct queue *q, uint64_t number);
/* Was the last of its lane answered? Of lanes long empty that may be forgotten. */
bool queue_proven(struct queue *q, uint64_t number);
/* From now on queue_next and queue_wake know of such lanes only, and those that are fetched; or of all. */
void queue_only_proven(struct queue *q, bool only);

/* Its lane is busy until one of the others is called. channel: the polling channel
 * it goes by, 0: none; fetched: it goes by channels alone. */
void queue_sending(struct queue *q, uint64_t number, uint64_t channel, bool fetched);
/* It was answered: what is removed otherwise leaves what is known of its lane. */
void queue_sent(struct queue *q, uint64_t number);
/* chance: any number, drawn anew each time. */
void queue_failed(struct queue *q, uint64_t number, int64_t now, uint16_t chance);
/* Not before `until`, whoever is first in the lane. */
void queue_wait(struct queue *q, uint64_t number, int64_t until);
/* Somebody polls the channel: no pause for what went by it last. */
void queue_awake(struct queue *q, uint64_t channel);
/* The target answered otherwise: no pause for what waits for it. */
void queue_reached(struct queue *q, struct bytes target);

/* When queue_next may give something; INT64_MAX never. */
int64_t queue_wake(struct queue *q);
size_t queue_count(const struct queue *q);

#endif
