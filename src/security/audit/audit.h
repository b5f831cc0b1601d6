/* audit.h: the record of each decision and change, chained [T3 T9].
 *
 *   hash(n) = SHA-256(hash(n-1) || record(n)),  hash(0) = 32 zero octets
 *
 * Records are appended in the transaction of what they record: if a record
 * cannot be written, the request fails. The chain is anchored in the keeper
 * every second or 1 000 batches. Format: doc/protocol/audit.md. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include "store/store.h"

enum audit_kind {
	AUDIT_START = 1,      /* the core started; the previous end was clean or not */
	AUDIT_STOP = 2,
	AUDIT_DECISION = 3,   /* a request: permitted or refused */
	AUDIT_CHANGE = 4,     /* work of the server by itself: expiry, limits */
	AUDIT_ASSOCIATION = 5,/* opened, refused, ended */
	AUDIT_ADMIN = 6,      /* an administrative command */
	AUDIT_KEEPER = 7,     /* what the keeper reports */
	AUDIT_ANCHOR = 8
};

/* All views; empty where it does not apply. Encoded as a canonical CBOR map. */
struct audit_record {
	enum audit_kind kind;
	int64_t at;                /* ms, set by audit_append when 0 */
	struct bytes originator;   /* absolute ID, or administrator */
	struct bytes credential;   /* Credential-ID */
	uint64_t association;
	unsigned operation;        /* 1..5, or 0 */
	struct bytes target;       /* as asked */
	struct bytes request;      /* rqi */
	unsigned status;           /* response status code */
	struct bytes rule;         /* what permitted or refused */
	uint64_t resource;         /* surrogate id of what changed */
	uint64_t version;
	struct bytes digest;       /* SHA-256 of the row's body after the change */
	struct bytes text;
};

struct audit;

/* Reads the end of the chain. ERR_TAMPERED when the last record is broken. */
err_t audit_open(struct store *s, struct audit **out) MUST_USE;
void audit_close(struct audit *a);

err_t audit_append(struct audit *a, const struct audit_record *record) MUST_USE;

/* The transaction was rolled back (whole, or to the mark): forget what was
 * appended since. audit_mark pairs with store_mark, audit_settle with commit. */
void audit_mark(struct audit *a);
void audit_undo_to_mark(struct audit *a);
void audit_settle(struct audit *a, bool committed);

/* Records appended since audit_mark, so that a commit without one is noticed. */
uint64_t audit_since_mark(const struct audit *a);

void audit_head(const struct audit *a, uint64_t *number, uint8_t hash[32]);

struct audit_verdict {
	uint64_t records;       /* that are well */
	uint64_t first_bad;     /* 0: none */
	char what[96];          /* "record 17 is missing", "record 9 was edited" ... */
	uint64_t anchored;      /* number of the last anchored record */
	bool anchor_agrees;     /* the chain holds the anchored hash at that number */
};
/* Walk the whole chain against an anchor (number 0: none). */
err_t audit_verify(struct audit *a, uint64_t anchor_number, const uint8_t anchor_hash[32],
                   struct audit_verdict *out) MUST_USE;

/* Records from..from+limit as CBOR maps with members n, h (chain hash) and the
 * record's own members; for list and export. */
err_t audit_walk(struct audit *a, uint64_t from, size_t limit,
                 err_t (*each)(void *self, struct bytes cbor_map), void *self) MUST_USE;

/* Verify an exported file (JSON lines as audit_walk gives them, then one line
 * {"anchor":...}) without a node: chain only. Used by the command. */
err_t audit_encode(const struct audit_record *record, struct buf *out) MUST_USE;

#endif
