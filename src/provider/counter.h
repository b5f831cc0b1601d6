/* counter.h: the second file beside the key store, so that an older copy of the
 * key store is found. Octets: doc/protocol/keystore.md.
 *
 * It also holds the anchor of the audit chain. It cannot see that both files
 * were put back together: only a token, a TPM or another machine can. */
#ifndef PROVIDER_COUNTER_H
#define PROVIDER_COUNTER_H

#include "wire/keeper_calls.h"

enum { COUNTER_SLOT = 104, COUNTER_SECOND = 512, COUNTER_SIZE = COUNTER_SECOND + COUNTER_SLOT };

struct counter {
	uint64_t writes;     /* chooses between the slots */
	uint64_t generation; /* of the key store */
	uint64_t sequence;   /* of the anchored audit record; 0 none */
	uint8_t hash[32];
	int64_t at;          /* of the anchor, ms since 1970 */
};

/* What is signed of the anchor: label 0 sequence, hash, time. */
enum { COUNTER_ANCHOR = ANCHOR_MESSAGE };
void counter_anchor(const struct counter *c, uint8_t out[COUNTER_ANCHOR]);

/* The slots of the file under the key. ERR_TAMPERED when neither is whole;
 * *damaged when one is not, or they differ: a torn write or somebody's hand. */
err_t counter_read(int fd, struct bytes key, struct counter *out, bool *damaged) MUST_USE;

/* Both slots, the worse one first, each on disk before the next: whichever is
 * lost, the other is no older. c->writes grows. ERR_FULL, ERR_IO. */
err_t counter_write(int fd, struct bytes key, struct counter *c) MUST_USE;

/* The key store is about to be written under another key, one generation on: the
 * worse slot says so under that key, the better one stays. Whichever key store is
 * found, a slot is its own. ERR_FULL, ERR_IO. */
err_t counter_prepare(int fd, struct bytes key, struct bytes next_key,
                      const struct counter *c) MUST_USE;

#endif
