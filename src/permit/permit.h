/* permit.h: proof that an access decision said yes.
 *
 * Opaque. Only security/decision can mint one (permit/mint.h); every function
 * of resource/ that reads or writes takes one and checks that it covers the
 * operation on the resource. Forgetting the decision does not compile. */
#ifndef PERMIT_PERMIT_H
#define PERMIT_PERMIT_H

#include "base/bytes.h"

struct permit;

/* True when the permit covers this access bit on this resource. NULL: false. */
bool permit_covers(const struct permit *p, unsigned access_bit, uint64_t resource);

/* The reason on record: rule, or the system's own reason. */
const char *permit_reason(const struct permit *p);

/* Work the server does by itself (expiry, first start). The reason is a string
 * literal and is recorded by the caller. Covers every operation. */
const struct permit *permit_for_system(const char *reason);

#endif
