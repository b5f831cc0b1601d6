/* facts.h: what one request is judged by. The only structs that the rooms of
 * security/ share. Views; they live as long as the request. */
#ifndef SECURITY_FACTS_H
#define SECURITY_FACTS_H

#include "base/bytes.h"

enum { FACT_ID_MAX = 128 };

/* What the register says of the association a request came on. */
struct association_facts {
	uint64_t number;            /* 0: none (lab listener) */
	bool secured;               /* a security association exists */
	char credential[FACT_ID_MAX]; /* Credential-ID, as 33-//sp/Sdev or 12-id@fqdn */
	char entity[FACT_ID_MAX];   /* absolute AE-ID or CSE-ID it speaks for */
	bool entity_is_cse;
	unsigned assurance;         /* 0..4 */
	unsigned replay_mode;       /* enum replay_mode */
	int64_t until;              /* ms; the association ends here at the latest */
};

/* Time, place and network of one request [TS-0003 7.1.2]. */
struct context_facts {
	int64_t now;                /* ms since 1970 UTC */
	uint8_t address[16];        /* IPv6, or IPv4 in its first 4 octets */
	unsigned address_n;         /* 0 unknown, 4, 16 */
	bool located;               /* an authenticated location exists */
	double latitude, longitude; /* degrees */
	char country[3];            /* ISO 3166, "" unknown */
};

/* accessControlOperations bits [TS-0004 6.3.4.2.5x]. */
enum access_bit {
	ACCESS_CREATE = 1, ACCESS_RETRIEVE = 2, ACCESS_UPDATE = 4,
	ACCESS_DELETE = 8, ACCESS_NOTIFY = 16, ACCESS_DISCOVERY = 32
};

/* One access decision to be made. */
struct decision_facts {
	struct bytes originator;    /* absolute form */
	struct bytes sp_id;         /* of this node, "//sp.example" */
	struct bytes cse_id;        /* of this node, "/in-cse" */
	bool authenticated;         /* rq_authn */
	enum access_bit operation;
	uint64_t resource;          /* surrogate id of the target */
	uint32_t resource_type;
	struct bytes specialization;/* containerDefinition or decimal mgmtDefinition, empty */
	uint32_t create_type;       /* for Create, else 0 */
	struct bytes creator;       /* of the target, absolute; empty when unknown */
	const struct bytes *memberships; /* groups of acor entries, as written there, that hold the originator */
	size_t memberships_n;
	const struct bytes *roles;  /* Role-IDs valid for the originator */
	size_t roles_n;
	struct context_facts context;
};

#endif
