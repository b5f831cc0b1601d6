/* queue_inside.h: what the files of the queue share. */
#ifndef REQUEST_QUEUE_INSIDE_H
#define REQUEST_QUEUE_INSIDE_H

#include "request/proven.h"
#include "request/queue.h"

enum { QUEUE_KEY = 8, QUEUE_LANE_KEY = PROVEN_KEY, QUEUE_TEXT_MAX = 4096, QUEUE_LANES = 4096 };

struct lane {
	uint8_t key[QUEUE_LANE_KEY];
	struct item *first, *last;
	size_t count;           /* with those that are not committed */
	uint64_t sending;       /* number of the entry that is under way, 0 none */
	unsigned attempts;
	int64_t not_before;
	uint64_t channel;       /* by which its last entry went */
	bool fetched;           /* from channels alone: it takes no connection */
};

struct item {
	uint64_t number, subscription;
	uint64_t whose;         /* of its originator's digest */
	int64_t due, window;
	unsigned flags;
	size_t octets;
	unsigned events;        /* that it stands for: the latest of so many */
	bool added, removed;    /* in the transaction under way */
	struct lane *lane;
	struct item *next;      /* in its lane */
};

struct step {
	struct item *item;
	bool add;
};

struct queue {
	struct store *store;
	uint64_t last;          /* number */
	struct item **items;    /* by number */
	size_t items_n, items_cap;
	size_t octets;
	struct lane *lanes[QUEUE_LANES];
	size_t lanes_n;
	struct step *journal;
	size_t journal_n, journal_cap, marked;
	struct proven proven;   /* lanes whose last was answered */
	bool only_proven;
};

/* [queue_lane.c] By target; a subscription whose entries go together, or may be held back by its own
 * policies, has one of its own (0: none). */
void queue_lane_key(struct bytes target, uint64_t subscription, uint8_t key[QUEUE_LANE_KEY]);
struct lane *queue_lane_find(struct queue *q, const uint8_t key[QUEUE_LANE_KEY]);
/* In q->items, the first that is not below number; the one with that number, NULL: none. */
size_t queue_place(const struct queue *q, uint64_t number);
struct item *queue_find(const struct queue *q, uint64_t number);
/* A new item for the entry, in its place in both lists; and out of both, freed, the lane with
 * the last of it. */
uint64_t queue_whose(struct bytes originator);
err_t queue_item(struct queue *q, const struct queue_entry *e, size_t octets, struct item **out) MUST_USE;
void queue_unlink(struct queue *q, struct item *item);

#endif
