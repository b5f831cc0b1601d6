/* network_work.h: what network.c and network_enrol.c share: questions to the underlying
 * network under way, and whom it gave a key. */
#ifndef CORE_NETWORK_WORK_H
#define CORE_NETWORK_WORK_H

#include "role/common/network_place.h"
#include "role/core/core.h"
#include "security/enrolment/enrolment.h"

enum {
	NETWORK_FETCHES = 16,      /* as many as holdfast-network carries */
	NETWORK_WAITS = 256,       /* handshakes that wait */
	NETWORK_FETCH_MS = 6000,
	NETWORK_A_SECOND = 20,     /* questions to a network */
	NETWORK_DOWN_MS = 2000,    /* a network that did not answer is not asked */
	NETWORK_BLAMES = 256, NETWORK_BLAME_MAX = 20, NETWORK_BLAME_MS = 60000,
	NETWORK_FRESH = 64,        /* keys of one turn */
	NETWORK_POINT = 65,
};

/* Where a handshake comes from, as its gate says. */
struct network_source {
	uint8_t octets[16];
	unsigned n;
};

struct network_id_parts {
	struct bytes whole, own; /* views: as the keeper has it; as the network has it */
	struct bytes stem;       /* of a device behind, or empty */
	bool uicc;
	enum network_id which;
};

struct network_fetch {
	bool used;
	enum network_id which;
	uint64_t number;
	char identity[FACT_ID_MAX];
	int64_t deadline;        /* clock_steady */
};

struct network_wait {
	struct neighbour *to;    /* NULL: free */
	uint64_t ref;
	struct network_fetch *fetch;
	struct network_source source;
};

/* How often a source was told no, since when. */
struct network_blamed {
	struct network_source source;
	unsigned n;
	int64_t since;           /* clock_steady */
};

struct network_work {
	uint64_t numbers;
	struct network_fetch fetches[NETWORK_FETCHES];
	struct network_wait waits[NETWORK_WAITS];
	struct network_blamed blamed[NETWORK_BLAMES];
	int64_t second[NETWORK_COUNT];
	unsigned asked[NETWORK_COUNT];      /* in it */
	int64_t down_until[NETWORK_COUNT];  /* clock_steady */
	uint8_t import[NETWORK_POINT];      /* the keeper's import key; zeros: not known */
	uint32_t import_at;                 /* where it is looked for in the list of keys */
	char fresh[NETWORK_FRESH][KEEPER_NAME_MAX + 1]; /* keys whose credentials wait for the commit */
	size_t fresh_n;
};

/* What came, and what it became. */
struct network_grant {
	struct bytes subscriber, sealed;
	int64_t not_after;
	struct join_grant grant;
	struct credential credential;
	const char *reason;
};

err_t network_begin(struct core *c) MUST_USE;

/* Within what a second may bring, and not away. Counts. */
bool network_may_ask(struct network_work *w, enum network_id which);
/* What a question to it came to. */
void network_is_there(struct network_work *w, enum network_id which, err_t result);

bool network_is_blamed(struct network_work *w, const struct network_source *s);
void network_blame(struct network_work *w, const struct network_source *s, err_t result);

/* Is there a credential of this identity that is good now? ERR_REFUSED: it was revoked, or
 * has ended and cannot be had again. */
err_t network_credential(struct core *c, struct bytes identity, bool again, bool *there) MUST_USE;
/* NETWORK_KEYED, when the transaction is durable. */
err_t network_tell(struct core *c, struct neighbour *to, uint64_t ref, err_t result) MUST_USE;
/* The credential's key to the keeper; gone again when the transaction is not durable. */
err_t network_import(struct core *c, const struct credential *credential, struct bytes sealed,
                     unsigned suid) MUST_USE;
/* The keeper's import key. ERR_MISSING. */
err_t network_import_key(struct core *c, uint8_t out[NETWORK_POINT]) MUST_USE;

/* A credential with its key and its record, or nothing of it: as batch_mark and batch_unmark,
 * and the keys that were imported in between go with the rest. */
err_t network_mark(struct core *c, size_t *fresh) MUST_USE;
void network_unmark(struct core *c, size_t fresh, err_t result);

/* Authorised, with the keeper, enrolled and on record, or nothing of it; g->reason says why not. */
err_t network_enrol(struct core *c, const struct network_id_parts *p,
                    struct network_grant *g) MUST_USE;
err_t network_record(struct core *c, struct bytes identity, const struct network_grant *g,
                     err_t verdict) MUST_USE;

#endif
