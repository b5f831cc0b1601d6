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
	unsigned replay_mode;       /* enum replay_mode */
	unsigned suid;              /* usage that its key is for; 0: any association */
	int64_t until;              /* ms; the association ends here at the latest */
};

/* Kinds of evidence that authenticate a machine [decision D10]. */
enum assurance_factor {
	FACTOR_NONE,
	FACTOR_POSSESSION, /* a key in a secure environment of its own */
	FACTOR_NETWORK,    /* an underlying-network credential of the same node */
	FACTOR_STATE,      /* a fresh attestation of its software */
	FACTOR_PERSON,     /* an operator's approval */
};

/* Protection levels of secure environments [TS-0003 6.3.1]. */
enum { PROTECTION_NONE, PROTECTION_LOW, PROTECTION_MEDIUM, PROTECTION_HIGH };

enum { EVIDENCE_MAX = 16 };

/* One piece of evidence for who is at the other end. */
struct evidence {
	enum assurance_factor factor;
	bool checked;               /* the identity was checked when it was enrolled */
	unsigned protection;        /* of the environment of its key, as proved or recorded */
	bool bound;                 /* the environment is bound to its node [CM5] */
	char environment[64];       /* which one it is */
	char source[FACT_ID_MAX];   /* Credential-ID, or who said it */
	int64_t since, until;       /* ms; fresh from, and to */
	int64_t ends;               /* ms; association or statement ends */
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
	unsigned assurance;         /* level of the originator's authentication, 0..4 */
	unsigned assurance_needed;  /* level that the policy asks for; 0 none */
	const char *assurance_missing; /* what the next level needs; NULL: not said */
};

#endif
