/* inner.h: the audit chain from inside. */
#ifndef AUDIT_INNER_H
#define AUDIT_INNER_H

#include "codec/cbor.h"
#include "crypt/crypt.h"
#include "security/audit/audit.h"

enum {
	HASH = CRYPT_SHA256_SIZE,
	RECORD_MAX = 64 * 1024, /* octets of one encoded record */
};

struct head {
	uint64_t number;
	uint8_t hash[HASH];
};

struct audit {
	struct store *store;
	struct head now, marked, settled;
	struct buf record; /* hash, then the encoded record */
};

/* hash(n) from hash(n-1) and record(n). */
void chain_next(const uint8_t before[HASH], struct bytes record, uint8_t out[HASH]);

/* A stored record: its chain hash and its map. ERR_TAMPERED. */
err_t chain_split(struct bytes stored, struct bytes *hash, struct bytes *record) MUST_USE;

#endif
