/* trust.h: the trust enabling functions of this node, MAF and MEF [TS-0003 6.2.6]:
 * where they stand in the tree, who is registered with them. */
#ifndef RESOURCE_TRUST_H
#define RESOURCE_TRUST_H

#include "resource/resource.h"

/* Where rules of access stand that an operator gives. */
enum trust_place { TRUST_CSE, TRUST_MAF, TRUST_MEF, TRUST_PLACES };

/* Row of the base; 0: it is not open. */
err_t trust_base(struct resources *r, enum trust_place place, uint64_t *id) MUST_USE;

/* Make it: in the caller's transaction, which records it. `system` covers Create on the
 * CSEBase. ERR_EXISTS. */
err_t trust_open(struct resources *r, const struct permit *system, enum trust_place place,
                 int64_t now) MUST_USE;

/* The registration of `client` (absolute) at that base, for the administrating stakeholder of
 * that FQDN (empty: any), now; 0: it has none. */
err_t trust_registered(struct resources *r, uint64_t base, struct bytes client,
                       struct bytes admin, int64_t now, uint64_t *id) MUST_USE;

/* Does this function give out keys for this usage [TS-0004 6.3.4.2.39]? */
bool trust_usage_fits(enum trust_place place, uint64_t suid);

/* A target of such a key in full, as text: an AE, a CSE, or the domain name of a MAF (SUID 21).
 * ERR_SYNTAX, ERR_LIMIT: it is none. */
err_t trust_put_target(struct resources *r, struct bytes id, uint64_t suid, struct buf *out) MUST_USE;

/* Which keys a client is to register for whom: of one registration (its identifier) or of all
 * (empty); no targets: takes back what was said of this usage. In the caller's transaction,
 * `system` covers Update. ERR_MISSING: no such registration, or the function is closed;
 * ERR_RANGE: no usage of this function; ERR_SYNTAX, ERR_LIMIT: a target. */
struct trust_configuration {
	enum trust_place place;
	struct bytes registration;
	uint64_t suid;
	const struct bytes *targets;
	size_t targets_n;
	int64_t now;
};
err_t trust_configure(struct resources *r, const struct permit *system, const struct trust_configuration *c) MUST_USE;

/* What holds of a usage for that registration at its base: an encoded list in the arena; empty:
 * nothing was said. */
struct trust_client {
	uint64_t base, registration;
};
err_t trust_configured(struct resources *r, const struct trust_client *client, uint64_t suid, struct arena *a,
                       struct bytes *list) MUST_USE;

/* Is the row a registered key, and the one who asks a target of it: by its absolute
 * identifier, or as the MAF of a domain name, by its Credential-ID? */
err_t trust_is_target(const struct store_row *row, struct bytes originator, struct bytes credential,
                      bool *yes) MUST_USE;

/* Who registered it, absolute: a view into the row. */
err_t trust_client_of(const struct store_row *row, struct bytes *client) MUST_USE;

/* A command for a client of the MEF, by the identifier of its registration; description: an
 * encoded cmdDescription. In the caller's transaction, `system` covers Update. ERR_MISSING;
 * ERR_FULL: as many wait as may. *number: its cmdID. */
enum { COMMANDS_WAITING = 16 };
struct trust_command {
	struct bytes registration, description;
	int64_t now;
};
err_t trust_command(struct resources *r, const struct permit *system,
                    const struct trust_command *command, uint64_t *number) MUST_USE;
/* What became of the commands of a registration, "1:20 2:43" by cmdID: text, in the arena;
 * empty: nothing yet. */
err_t trust_commands_done(struct resources *r, uint64_t registration, struct arena *a,
                          struct bytes *text) MUST_USE;

#endif
