/* mint.h: making a permit. Included by security/decision and permit only; the
 * room check refuses any other. */
#ifndef PERMIT_MINT_H
#define PERMIT_MINT_H

#include "permit/permit.h"

struct permit {
	unsigned access;   /* bits */
	uint64_t resource; /* 0 only with everything */
	bool everything;   /* permit_for_system */
	char reason[96];
};

#endif
