/* witness.h: a file outside of the node's folder in which each key store that is used is
 * written down, so that two copies that are used at once, and an older copy with its
 * counter, are noticed by whoever shares the file: copies on one machine, or on several
 * that see one file. Octets: doc/protocol/keystore.md.
 *
 * A keeper marks its slot with a nonce of its start, and looks once a second whether the
 * mark is still its own. Two keepers of one key store overwrite each other's, and both see
 * it; no clock, lock or network is needed. Who can write the file can silence it. */
#ifndef PROVIDER_WITNESS_H
#define PROVIDER_WITNESS_H

#include "provider/counter.h"

enum { WITNESS_SLOT = 128, WITNESS_SLOTS = 4096, WITNESS_ID = 16 };

struct witness {
	int fd;                      /* borrowed; -1: there is none */
	uint8_t nonce[WITNESS_ID];   /* of this start */
	uint8_t identity[WITNESS_ID]; /* of the key store */
	uint32_t at;                 /* slot, and how often it was used */
	bool marked, copied;         /* ours is in it; somebody else's was since */
};

/* For a key store that is about to be opened. */
void witness_begin(struct witness *w, const uint8_t identity[WITNESS_ID]);

/* Has it seen this key store in a later state than c, under this key? */
bool witness_is_ahead(const struct witness *w, struct bytes key, const struct counter *c);

/* Mark the slot, with the state c. *copied: it was marked by another keeper of this key
 * store since we did so last. ERR_IO, ERR_FULL: it cannot be marked. */
err_t witness_mark(struct witness *w, struct bytes key, const struct counter *c, bool *copied) MUST_USE;

#endif
