/* roles.h: the roles of an originator. */
#ifndef RESOURCE_ROLES_H
#define RESOURCE_ROLES_H

#include "resource/resource.h"

enum { ROLES_MAX = 8 };

struct resource_role_ask {
	struct bytes originator; /* absolute */
	struct bytes credential; /* of its association; empty: it has none here */
	struct bytes issuers;    /* whose roles count: absolute identifiers, separated by blanks */
	struct cbor claimed;     /* Role-IDs of the request, a list */
	int64_t now;
};

/* Those of the claimed ones that it has: at most ROLES_MAX, copied into the arena. Of an
 * originator for whom an issuer made more than 1024 role resources, the first ones made are
 * looked at. */
err_t resource_roles(struct resources *r, struct arena *a, const struct resource_role_ask *ask,
                     struct bytes *out, size_t *n) MUST_USE;

/* What leads to a role resource from its issuer and holder together; set NULL: nothing any more. */
struct attribute_set;
err_t role_index(struct resources *r, uint64_t id, const struct attribute_set *set) MUST_USE;

/* app_rule.c: may it by the service subscription? Where there is a profile, a rule for its
 * credential and AE-ID has to list the role [allowedRole-IDs]; without one nothing bounds it. */
err_t role_may_be_claimed(struct resources *r, struct arena *a, const struct resource_role_ask *ask,
                          struct bytes role, bool *may) MUST_USE;

#endif
