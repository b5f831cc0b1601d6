/* decision.h: facts and rules -> permit or reason. Pure: no store, no clock,
 * no link; what is judged comes in as arguments [TS-0003 7.1.3-7.1.5].
 *
 *   permit = OR over rules k of ( orig(k) AND op(k) AND authn(k) AND ctx(k) AND obj(k) )
 *
 * Whatever is malformed, unknown or cannot be determined makes its rule deny.
 * Only this room mints permits (permit/mint.h). */
#ifndef DECISION_DECISION_H
#define DECISION_DECISION_H

#include "base/arena.h"
#include "permit/permit.h"
#include "security/facts.h"

/* What a resource is governed by. */
struct decision_policies {
	const struct bytes *sets; /* encoded setOfAcrs (pv or pvs), canonical CBOR */
	const uint64_t *ids;      /* surrogate ids of the accessControlPolicies */
	size_t n;
	bool creator_only;        /* no policy is set: full access to the creator, nobody else
	                             [TS-0001 9.6.1.3.2]; sets are not looked at */
};

/* Where a permit stands on, when no rule was asked. */
enum decision_ground {
	GROUND_REGISTRATION, /* an AE registers itself [TS-0001 10.2.2.2] */
	GROUND_TARGET,       /* a notification target leaves [TS-0004 7.4.33.2.4] */
	GROUND_MEMBER,       /* the CSE of a member notifies the group [TS-0004 7.5.1.2.6] */
	GROUND_ORIGINAL,     /* the CSE of the original, to what it announced [TS-0004 7.4.26.2.4] */
	GROUND_KEY_TARGET,   /* a target retrieves its key [TS-0003 8.3.5.2.8, 8.8.2.8] */
	GROUND_DELIVERY,     /* a CSE hands on what it could hand on one by one [TS-0001 10.2.5.8] */
	GROUND_LAB_ADMIN,    /* lab mode: the named administrator */
	GROUND_LAB_OPEN      /* lab mode: what the CSEBase lets others do */
};

struct decision {
	bool permit;
	uint64_t policy;    /* of the rule that permitted, or came nearest; 0 none */
	unsigned rule;      /* its place in the policy from 1; 0 none */
	const char *reason; /* what that rule lacked, or why it permits; never NULL */
	char text[224];     /* both, for the record and for the originator; holds no
	                       data of anyone but the one who asked */
};

/* The verdict alone. What the rules permit still needs the level of assurance that
 * the facts say is needed. */
bool decision_judge(const struct decision_facts *facts,
                    const struct decision_policies *policies, struct decision *out);

/* The verdict, and on yes the permit for facts->operation on facts->resource;
 * it lives in the arena. *permit is NULL on no. ERR_MEMORY, ERR_LIMIT. */
err_t decide(const struct decision_facts *facts, const struct decision_policies *policies,
             struct arena *arena, const struct permit **permit, struct decision *out) MUST_USE;

/* A permit that no rule gives; the caller has checked the ground. */
err_t decide_on_ground(const struct decision_facts *facts, enum decision_ground ground,
                       struct arena *arena, const struct permit **permit,
                       struct decision *out) MUST_USE;

/* A refusal that no rule gives (a policy cannot be read, ...). */
void decision_refuse(struct decision *out, const char *reason);

enum { DECISION_GROUPS_MAX = 32 };

/* The entries of acor that may be the address of a group, each once, as views
 * into the sets: the caller looks up which of them hold the originator. Those
 * beyond `max` are left out and so hold nobody. */
size_t decision_group_entries(const struct decision_policies *policies,
                              struct bytes *out, size_t max);

#endif
