/* request.h: the path of one request. steps.def is the order. */
#ifndef REQUEST_REQUEST_H
#define REQUEST_REQUEST_H

#include "request/later.h"
#include "request/channel.h"
#include "request/cross.h"
#include "request/outbound.h"
#include "request/quota.h"
#include "resource/resource.h"
#include "security/assurance/assurance.h"
#include "security/association/registry.h"
#include "security/audit/audit.h"
#include "security/replay/replay.h"

/* How many notifications of a subscription left in its window. */
struct notification_rate {
	uint64_t subscription;
	int64_t since;
	uint64_t n;
};

/* An update that waits for somebody to agree: no other update of the resource, nor its
 * deletion, is done meanwhile [TS-0001 10.2.10.7]. */
struct blocked_update {
	uint64_t resource;     /* 0 free */
	uint8_t request[OUTBOUND_KEY];
	uint64_t whose;        /* of its originator's digest */
	int64_t until;
};

enum { GROUP_REQUESTS = 1024, BLOCKED_UPDATES = 64, BLOCKED_OF_ONE = 16, BLOCKED_MS = 300000 };

/* What the steps work with; made once by the core. */
struct request_room {
	struct resources *resources;
	struct store *store;
	struct registry *registry;
	struct audit *audit;
	struct replay *replay;
	struct assurance_rules *assurance;
	int64_t state_fresh;       /* ms that a quote of a TPM counts */
	int64_t proof_fresh;       /* ms from a handshake to the end of what it proves */
	struct queue *queue;       /* what is owed to others; NULL: nothing is kept */
	int64_t keep_ms;           /* undelivered, for so long */
	struct cross_window windows[CROSS_WINDOWS];
	struct notification_rate rates[256]; /* the busiest of late; forgotten at a restart */
	struct arena arena;        /* reset per request */
	struct arena scratch;      /* reset per candidate of a discovery */
	struct blocked_update blocked[BLOCKED_UPDATES];
	bool unblocked;            /* set when one of them ended, never cleared */
	bool lab;                  /* requests without association are let in */
	struct bytes location_source; /* absolute; whose words about places count, empty: nobody's */
	struct bytes lab_admin;    /* originator that may do everything there; empty: none */
	struct bytes lab_cses;     /* CSE-IDs believed there without an association, by commas */
	struct bytes registrar;    /* CSE-ID of our registrar, "/in"; empty: none */
	struct bytes infrastructure; /* CSE-ID of the IN-CSE above us; empty: none, or it is this one */
	struct bytes providers;    /* other service providers, as mcc.providers; empty: none */
	uint64_t content_max;      /* octets of one result */
	unsigned answered;         /* status of the answer that request_serve made last */
	uint64_t announced;        /* the row that it shows, asked to be announced elsewhere; 0: none */
	struct buf content;        /* memory for it, from request to request */
	struct bytes role_issuers; /* whose roles count: absolute, separated by blanks; empty: nobody's */
	bool subscription_required; /* 4128 as long as there is no service subscription profile */
	bool require_registration_rule; /* AE may register only as its credential says */
	/* Set by request_serve (never cleared): something changed, or a refusal that
	 * an auditor looks for was recorded, so that no answer of this transaction
	 * may leave before it is committed. */
	bool must_commit;
	/* Group Request Identifiers seen lately, with their targets, and who brought them: digests. */
	struct group_request {
		uint8_t target[OUTBOUND_KEY], request[OUTBOUND_KEY];
	} group_requests[GROUP_REQUESTS];
	size_t group_requests_at;
	/* Of the request served last, when it gave ERR_PENDING. */
	char served[FACT_ID_MAX];  /* Credential-ID of whom the last request was served for; "": of nobody enrolled */
	struct outbound_needs needs;
	struct channel_house channels; /* NULLs: nothing waits in polling channels */
	/* Is such a request kept by the caller until its needs are answered? The same
	 * identifier is refused meanwhile [TS-0001 7.1.7]. NULL: none is kept. */
	bool (*is_kept)(void *self, struct bytes originator, struct bytes rqi);
	void *kept_by;
	struct later later;        /* requests that are answered later */
	uint64_t acted;            /* taken since the mark of what actions may lead to (request/action.h) */
	int64_t blocking_max;      /* ms that a blocking request waits for its time; 0: not at all */
	struct quota *quota;       /* NULL: nobody counts */
};

/* One request as it came from a gate. Body of REQUEST: u64 association number
 * (0: lab listener), u8 address length, address 16, then the primitive. 128 more in the
 * length: behind the primitive stand the 2 x 48 octets that the connection exports by the
 * labels of TS-0003 10.3.1 for MEF (Bootstrap) and MAF (Connection). */
enum { ARRIVAL_EXPORTED = 48, ARRIVAL_EXPORTS = 128 };
struct request_arrival {
	uint64_t association;
	unsigned gate;
	uint8_t address[16];
	unsigned address_n;
	struct bytes primitive;
	struct bytes exported;     /* empty, or 2 x ARRIVAL_EXPORTED octets */
	int64_t now;
	struct outbound_memo memo; /* empty the first time */
	bool again;                /* it was kept, and is served again */
	uint64_t deferred;         /* row of the request resource whose request it is, 0 */
	uint64_t own;              /* this CSE asks by itself: not 0; association is 0 then */
};
err_t request_arrival_read(struct bytes body, unsigned gate, int64_t now,
                           struct request_arrival *out) MUST_USE;

/* Is this the IN-CSE of another service provider that mcc.providers names?
 * absolute: //sp.example/in-cse. Of a CSE that is no IN-CSE there is none. */
bool request_is_provider(const struct request_room *room, struct bytes absolute);

/* Serve one request inside the transaction that the caller holds; the answer's
 * primitive is appended to `answer`. When must_commit is set the answer must not
 * leave before the transaction is committed. An error is ours (store, audit,
 * memory): nothing of the request remains in the transaction, and the caller
 * answers request_failed. ERR_PENDING: undone too, but room->needs says what must
 * be asked of others before it is served again (request/outbound.h).
 * Never fails for what came from outside. On ERR_OK at
 * least one audit record was appended. Sets the marks of store, audit, replay. */
err_t request_serve(struct request_room *room, const struct request_arrival *in,
                    struct buf *answer) MUST_USE;

/* After request_serve failed and was undone: the record that it failed, and the
 * answer: 5207 at a limit, else 5000. When the record cannot be written either, the error: answer
 * request_refuse 5000. */
err_t request_failed(struct request_room *room, const struct request_arrival *in,
                     err_t why, struct buf *answer) MUST_USE;

/* An answer made without serving: status, with rqi where readable. */
err_t request_refuse(struct bytes primitive, unsigned status, struct buf *answer) MUST_USE;

/* True when the primitive only reads, as far as it can be told. */
bool request_only_reads(struct bytes primitive);

#endif
