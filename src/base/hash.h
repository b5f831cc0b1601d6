/* hash.h: SipHash-2-4, for tables in memory whose keys others choose.
 *
 * The key is drawn at random by the owner of the table, so that nobody can make
 * entries fall into one bucket. Not a MAC for anything that leaves memory. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

struct hash_key {
	uint64_t k[2];
};

uint64_t hash_bytes(const struct hash_key *key, struct bytes b);

/* Of a number: the same strength, one block. */
uint64_t hash_u64(const struct hash_key *key, uint64_t v);

#endif
