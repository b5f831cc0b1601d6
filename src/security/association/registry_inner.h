/* registry_inner.h: the registry from inside. */
#ifndef ASSOCIATION_REGISTRY_INNER_H
#define ASSOCIATION_REGISTRY_INNER_H

#include "base/hash.h"
#include "base/seen.h"
#include "security/association/registry.h"

enum {
	TAG = 16,
	GATES = 256,
	NOTICES = 4096,              /* of one gate */
	NOTICE_LIFE = 60 * 1000,     /* ms */
	CREDENTIALS_MAX = 1 << 20,
	ASSOCIATIONS_MAX = 200000,
	SESSIONS_MAX = 200000,
	SESSIONS_OF_ONE = 16,        /* that one association is given, one after the other */
	CLAIMS = 1024,
};

/* The peer's credential in ASSOCIATION_OPEN; as channel.h has it. */
enum { PEER_CERTIFICATE = 1, PEER_PSK = 2, PEER_SESSION = 3 };

enum enrolled_link { BY_CREDENTIAL, BY_FINGERPRINT, BY_NEXT, BY_PSK_IDENTITY, BY_ENTITY, ENROLLED_LINKS };

/* What it may ask now; registry_rate.c. */
struct bucket {
	uint64_t credit;            /* thousandths of a request, or of a unit of work */
	uint64_t debt;              /* the same: work that was done beyond it */
	int64_t at, said;           /* steady ms: filled; refusals last told */
	uint64_t refused;
};
enum { RATE_SECONDS = 4 };          /* a pause saves up this much */
enum { DEBT_SECONDS = 60 };         /* and nobody waits longer than this for work that was done */
/* One of `rate` a second (0: any) is taken, if there is one. */
bool bucket_spend(struct bucket *b, unsigned rate, int64_t steady);

/* How it was used in this run, which no record says: it stays over a reload. */
struct usage {
	struct bucket asked, openings, worked;
	uint8_t address[16];   /* last seen from, and when it moved */
	unsigned address_n;
	int64_t moved;         /* begin of the hour in which moves are counted */
	unsigned moves;
};

struct enrolled {
	struct credential c;
	struct usage usage;
	size_t live; /* associations */
	struct enrolled *next[ENROLLED_LINKS];
	struct enrolled *older; /* all of them, newest first */
};

struct credentials {
	struct enrolled **heads[ENROLLED_LINKS];
	size_t buckets, n;
	struct enrolled *newest;
	struct hash_key key;
};

/* What a person said of an association. */
struct approval {
	char by[FACT_ID_MAX];
	int64_t since, until;       /* until 0: none */
};

struct live {
	struct association a;
	int64_t proved;             /* its handshake, or that of the association that it goes on with */
	uint8_t fingerprint[32];    /* of the certificate in it; zeros: PSK */
	uint8_t session[SESSION_ID]; /* kept last */
	unsigned sessions;          /* kept so far */
	bool ended;
	bool spent;                 /* its requests are used up */
	unsigned held;              /* of those, how many are served once more */
	bool unproved;              /* that its owner was there rests on the gate's word */
	struct enrolled *of;
	uint64_t policy_requests, policy_octets; /* of its opening; 0: no bound */
	struct approval approvals[APPROVALS_PER_ASSOCIATION];
	/* The state of its machine: the nonce that was given, and until when a quote counts. */
	uint8_t nonce[32];
	uint8_t clock[CREDENTIAL_CLOCK]; /* of its TPM, as far as it was known when the nonce was given */
	bool nonce_given;
	int64_t nonce_until, state_since, state_until;
	struct live *next;          /* in its bucket */
	struct live *next_of_entity; /* in the bucket of its entity */
	struct live *newer, *older;
};

struct notice {
	int64_t at; /* 0: empty */
	uint8_t tag[TAG];
	uint8_t kind;
	uint8_t digest[32]; /* SHA-256 of what the node's key signed */
	char name[FACT_ID_MAX];
};

struct gate_notices {
	size_t next, open; /* open: how many are not confirmed */
	struct notice ring[NOTICES];
};

/* What an association may be taken up again by; its secret is in the store only. */
struct session {
	uint8_t id[SESSION_ID];
	char credential[FACT_ID_MAX];
	uint64_t number;            /* of the association */
	int64_t ends;
	struct session *next, *newer, *older;
};

struct resumable {
	uint16_t suite;
	uint8_t secret[SESSION_SECRET];
	uint8_t fingerprint[32];
	int64_t enrolled, proved, until;
	uint64_t requests, octets;  /* used up; UINT64_MAX: not known */
};

/* One that was taken, until the gate says that the handshake ended well. */
struct claim {
	int64_t at;                 /* 0: none */
	unsigned gate;
	uint8_t tag[TAG];
	struct session session;
	struct resumable what;      /* without its secret */
};

struct registry {
	struct store *store;
	struct registry_policy policy;
	struct credentials credentials;
	bool changed;               /* since the last reload */
	int64_t unfinished;         /* when the first unfinished joining ends, at the earliest; 0 none */
	struct live **heads, **entities; /* by number, by entity */
	size_t buckets, live_n;
	struct live *newest;
	struct session **session_heads; /* by id, as many buckets */
	struct session *session_newest, *session_oldest;
	size_t sessions_n;
	bool sessions_changed;      /* since the last reload */
	struct claim *claims;
	size_t claims_next;
	struct gate_notices *notices[GATES];
	struct seen proofs;         /* that were taken since `started` (ms, of a whole second) */
	int64_t started;
	char turned_away[FACT_ID_MAX]; /* of the last opening; "" none */
};

/* --- registry_credential.c: what is enrolled ------------------------------------- */
err_t credentials_init(struct credentials *all, const struct hash_key *key) MUST_USE;
void credentials_free(struct credentials *all);
err_t credentials_load(struct credentials *all, struct store *s) MUST_USE;
err_t credentials_add(struct credentials *all, const struct credential *c, struct enrolled **out) MUST_USE;
/* What was read again is used as it was before. */
void credentials_keep_usage(const struct credentials *was, struct credentials *is);
/* Another record in its place, found by what it says now. */
void credentials_change(struct credentials *all, struct enrolled *e, const struct credential *c);
void credentials_remove(struct credentials *all, struct enrolled *e);
struct enrolled *credentials_by_id(const struct credentials *all, struct bytes id);
struct enrolled *credentials_by_fingerprint(const struct credentials *all, const uint8_t fingerprint[32]);
struct enrolled *credentials_by_psk(const struct credentials *all, struct bytes identity);
/* Those of an entity, one after the other, in no order; after NULL: the first. */
struct enrolled *credentials_of_entity(const struct credentials *all, struct bytes entity, const struct enrolled *after);
err_t credential_write(const struct credential *c, struct buf *out) MUST_USE;

/* --- registry.c ------------------------------------------------------------------- */

struct live *registry_live(const struct registry *r, uint64_t number);
struct live **registry_entity(const struct registry *r, const char *entity);

/* Up to a fifth less, at random: what began together, after a restart say, ends apart. */
int64_t registry_jittered(int64_t lifetime);

/* Its record as it is to be; the caller follows it in memory. */
err_t registry_put_record(struct registry *r, const struct credential *c) MUST_USE;
/* Associations of a credential that is none any more. */
void registry_end_all_of(struct registry *r, struct enrolled *e);

/* --- registry_join.c --------------------------------------------------------------- */

/* When is there something to be forgotten? After the credentials were read. */
/* When the record is forgotten; 0: it stays. */
int64_t registry_forgotten_at(const struct credential *c);
void registry_await_joining(struct registry *r);
/* The credential as it is when used by this certificate (NULL: PSK): it, or its next. */
struct credential registry_as_used(const struct enrolled *e, const uint8_t *fingerprint);
/* It is used, by this certificate (NULL: PSK): what was got by joining stays; the next
 * certificate is the only one from here on. */
err_t registry_first_use(struct registry *r, struct enrolled *e, const uint8_t *fingerprint) MUST_USE;

/* --- registry_clone.c ---------------------------------------------------------------- */

/* Why a use from this address looks like a second copy of the credential; NULL when it
 * does not. Counts the move. */
const char *clone_suspicion(struct registry *r, struct enrolled *e, const struct association *from,
                            int64_t now);
/* Is what a TPM says of its clock and starts behind what it said before (zeros: nothing)?
 * Less and more are those of counters that wrap: a TPM adds a number of its own to its starts.
 * The clock is never less in one run; after a start not more than what it had not kept. */
bool clone_counter_is_less(const uint8_t said[CREDENTIAL_CLOCK], const uint8_t before[CREDENTIAL_CLOCK]);

/* --- registry_proof.c ---------------------------------------------------------------- */

enum { PROOF_OCTETS_MAX = 20 * 1024 };

/* What a proof is measured by: SHA-256 of what the keeper signed in the handshake, the time,
 * since when proofs are remembered, and those that were taken. */
struct taking {
	uint8_t digest[32];
	int64_t now, started;
	struct seen *seen;
};

/* Does the transcript hold a handshake of TLS 1.3 or 1.2, of now and not yet taken, in which
 * the keeper signed that, and in which the owner of the credential's key signed it, with the
 * credential's certificate? Then it is taken. ERR_SYNTAX, ERR_REFUSED, ERR_TAMPERED. */
err_t proof_check(struct bytes transcript, const struct credential *c, const struct taking *k) MUST_USE;

/* --- registry_session.c ---------------------------------------------------------------- */

err_t sessions_load(struct registry *r) MUST_USE;
void sessions_free(struct registry *r);
/* Taken by this gate for this handshake, and good still; NULL. */
struct claim *session_claim(struct registry *r, unsigned gate, const uint8_t tag[TAG], int64_t now);
/* The association ends: what it used up is noted with its session. */
err_t session_settle(struct registry *r, const struct live *l) MUST_USE;

/* --- registry_notice.c: what the keeper said --------------------------------------- */

/* Did the keeper say for this gate and tag that the credential took part? psk:
 * the identity; else empty, for the node's own key. All notices of the tag are
 * used up by asking. */
struct confirmation {
	uint8_t digest[32]; /* SHA-256 of what the node's key signed in it */
	bool proved;        /* PSK: its owner's proof was seen by the keeper (TLS 1.3) */
};
bool notices_confirm(struct registry *r, unsigned gate, const uint8_t tag[TAG], struct bytes psk,
                     int64_t now, struct confirmation *out);
struct taking registry_taking(struct registry *r, const struct confirmation *said, int64_t now);
void notices_forget(struct registry *r, unsigned gate);

#endif
