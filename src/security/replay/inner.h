/* inner.h: the memory of replay from inside. */
#ifndef REPLAY_INNER_H
#define REPLAY_INNER_H

#include "base/hash.h"
#include "security/replay/replay.h"

enum {
	KEY = 16,
	RECORD = KEY + KEY + 8 + 2 + 8,
	FUTURE = 60 * 1000,    /* ms that an originator's clock may be ahead */
	SWEEP = 16384,         /* entries dropped in one sweep at most */
	BATCH = 65536,         /* entries of one transaction at most */
	NONE = 0,              /* empty place of the table */
	OWNERS = 4096,         /* buckets of the owners */
	SHARES = 16,           /* of the memory; one originator has one at most */
	SHARE_LEAST = 64,
	TEXT = 512,            /* octets of a longest originator or request kept */
};

struct entry {
	uint8_t key[KEY], digest[KEY];
	int64_t at;
	uint64_t number;       /* in the log */
	uint64_t resource;
	uint64_t who;          /* keyed hash of the originator; 0: no owner */
	uint32_t forth;        /* to the next entry of the same owner, in counts */
	uint32_t next;         /* in its bucket: place + 1 */
	uint16_t status;       /* 0: forgotten, the place is empty */
};

/* Settled entries of one originator, oldest first by `forth`. */
struct owner {
	uint64_t who, oldest, newest; /* counts */
	size_t n;
	struct owner *next;
};

struct replay {
	struct store *store;
	int64_t window;
	size_t entries;        /* bound */
	struct entry *ring;
	size_t ring_n;         /* power of two */
	uint32_t *table;       /* place + 1 of the newest of a bucket */
	uint64_t head, tail;   /* counts; place = count modulo ring_n */
	uint64_t empty;        /* places between them that are */
	struct owner *owners[OWNERS];
	uint64_t marked, settled;
	uint64_t swept;        /* the log was trimmed below this number */
	uint64_t trimmed, trimmed_marked; /* will be, with this transaction; 0 not */
	bool asked;            /* this key was found new, and is not remembered yet */
	uint8_t asked_key[KEY];
	/* Whose key was made last: who asks comes again soon, and each question is
	 * checked and then remembered. */
	struct last {
		uint8_t who[TEXT], request[TEXT];
		size_t who_n, request_n; /* 0: nothing kept */
		uint8_t who_hash[32], key[KEY];
	} last;
	struct hash_key hash_key;
};

static inline struct entry *entry_at(const struct replay *r, uint64_t count)
{
	return &r->ring[count & (r->ring_n - 1)];
}

void replay_link(struct replay *r, struct entry *e);
void replay_unlink(struct replay *r, struct entry *e);

/* --- share.c: who has how much ------------------------------------------------------ */

/* Entry `count` is settled: it is its owner's newest, and what is too much of the
 * owner's is forgotten. */
void share_settle(struct replay *r, uint64_t count);
/* The oldest entry of its owner goes. */
void share_release(struct replay *r, const struct entry *e);
/* Give back empty places, where they are most of the ring. No transaction is open. */
void share_compact(struct replay *r);
void share_free(struct replay *r);

#endif
