/* seen.h: proofs that were taken once, so that none is taken twice.
 *
 * Two tables that take turns: when one is full the older is forgotten. A proof lives
 * through SEEN_MAX later ones at least, and not through the end of the process. */
#ifndef BASE_SEEN_H
#define BASE_SEEN_H

#include "base/bytes.h"

enum { SEEN_MAX = 65536, SEEN_SLOTS = 2 * SEEN_MAX, SEEN_MARK = 16 };

struct seen {
	uint8_t (*table[2])[SEEN_MARK]; /* owned; NULL until the first proof */
	size_t n;                       /* in table[0], the younger */
};

/* The proof of 32 octets, a MAC. ERR_REFUSED when it was taken before; ERR_MEMORY. */
err_t seen_once(struct seen *s, const uint8_t proof[32]) MUST_USE;
void seen_free(struct seen *s);

#endif
