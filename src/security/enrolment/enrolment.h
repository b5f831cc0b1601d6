/* enrolment.h: may this one join? One authoriser for all ways of joining [CM6 CM7;
 * T13 T18]. Core only.
 *
 *   way          what vouches                       bounds
 *   ticket       an operator's claim ticket         count, time, identifiers by pattern;
 *                                                   one use too many or WRONG_MAX wrong
 *                                                   secrets kill it
 *   maker        a device certificate of an         one joining a certificate; count, time and
 *                accepted maker                     identifiers of the maker
 *   association  a live association, of whose       its own identifier
 *                entity it is another credential
 *   network      the underlying network, which      the identifier that an operator gave
 *                has the subscriber's key           the subscriber; those behind it by
 *                                                   pattern, each bound to it by its first
 *
 * Nothing here enrols: what is granted is what the caller may enrol. Everything is in
 * the store, so that a transaction that is undone leaves no use behind. The secret of a
 * ticket is never here, only its digest: 128 random bits, so that a plain digest hides
 * it. The joiner does not send it either: it makes a MAC by that digest over identifier
 * and key, so that nobody on the way, no gate either, can put a key of its own there; who has the digest could. What waits in the joining of others is not told: a refusal names no ticket. */
#ifndef ENROLMENT_ENROLMENT_H
#define ENROLMENT_ENROLMENT_H

#include "security/facts.h"
#include "store/store.h"

enum {
	TICKET_ID = 16,         /* hex digits */
	TICKET_SECRET = 16,     /* octets */
	TICKET_WRONG_MAX = 5,   /* wrong secrets that it bears */
	TICKETS_MAX = 4096,
};

enum ticket_state {
	TICKET_LIVE,
	TICKET_KILLED,          /* by an operator */
	TICKET_EXCEEDED,        /* somebody came once too often */
	TICKET_GUESSED,         /* too many wrong secrets */
};

/* An accepted maker is a standing ticket: its id the first 16 hex digits of the SHA-256
 * of the maker's certificate, its digest that SHA-256. No secret opens it. So is a
 * subscriber of the underlying network: of the SHA-256 of its identity, which is not kept;
 * its uses are counted and do not end it. */
enum ticket_kind { TICKET_CLAIM, TICKET_MAKER, TICKET_SUBSCRIBER };

struct ticket {
	char id[TICKET_ID + 1];
	enum ticket_kind kind;
	uint8_t digest[32];        /* SHA-256 of its secret; of the maker's certificate; of the
	                              subscriber's identity */
	/* Of the stems or CSE-IDs that may join; '*' any run. Of a subscriber: its own stem,
	 * then a pattern of those behind it where there are any, separated by a blank. */
	char pattern[FACT_ID_MAX];
	char app_id[FACT_ID_MAX];  /* the only App-ID; "" any */
	unsigned protection;       /* of the joiner's environment, as the operator says */
	uint32_t days;             /* of the certificate; 0: the node's */
	uint32_t uses, used, wrong;
	int64_t created, until;    /* ms */
	enum ticket_state state;
};

/* ERR_EXISTS, ERR_FULL, ERR_RANGE (no use, no pattern, no end). Durable with the
 * transaction, as everything here. */
err_t ticket_create(struct store *s, const struct ticket *t) MUST_USE;
/* *found false: there is none. */
err_t ticket_kill(struct store *s, struct bytes id, bool *found) MUST_USE;
err_t ticket_walk(struct store *s, err_t (*each)(void *self, const struct ticket *t),
                  void *self) MUST_USE;

/* What a joiner makes its proof over. */
#define JOIN_MAC_TEXT "holdfast joining"     /* HMAC-SHA-256 by the SHA-256 of the secret */

enum join_way { JOIN_BY_TICKET = 1, JOIN_BY_MAKER = 2, JOIN_BY_ASSOCIATION = 3, JOIN_BY_NETWORK = 4 };

struct join_ask {
	enum join_way way;
	struct bytes id;            /* stem or CSE-ID that is asked for: Cdev7, /mn-3; by network:
	                               of a device behind the subscriber, empty: its own */
	struct bytes key;           /* point that is to be certified */
	struct bytes ticket, mac;   /* by ticket: JOIN_MAC_TEXT, id, a zero octet and key */
	struct bytes device, maker; /* by maker: SHA-256 of the two certificates */
	const struct join_grant *holder; /* by association: what its credential is worth */
	struct bytes subscriber;    /* by network: whose the key is, as the network says */
	bool taken;                 /* by network: somebody is or was here as ask.id */
	int64_t now;
};

struct join_grant {
	char by[FACT_ID_MAX];       /* what vouched, for the record: "ticket 0123..." */
	char id[FACT_ID_MAX];       /* by network: whose credential it is to be; "" else */
	char app_id[FACT_ID_MAX];
	unsigned protection;
	uint32_t days;
};

/* ERR_REFUSED with *reason (for the record; the joiner is told less). On ERR_OK one use
 * is spent. What is written is to be committed in either case: a wrong secret counts. */
err_t join_authorise(struct store *s, const struct join_ask *ask, struct join_grant *grant,
                     const char **reason) MUST_USE;

/* What join_grant.by begins with where the network vouched. */
#define JOIN_BY_NETWORK_TEXT "network "

/* A joining that was granted and not finished: its use comes back. by: join_grant.by. */
err_t join_give_back(struct store *s, struct bytes by) MUST_USE;

/* --- what is revoked ----------------------------------------------------------------- */

enum { SERIAL = 16 };

/* Nothing for a serial of zeros, which is none. */
err_t revoked_add(struct store *s, const uint8_t serial[SERIAL], int64_t now, int64_t not_after) MUST_USE;
/* Entries of keeper_calls.h REVOKED_LIST that have not ended by `now`, appended. */
err_t revoked_gather(struct store *s, int64_t now, struct buf *out) MUST_USE;

#endif
