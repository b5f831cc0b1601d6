/* backup.h: a backup of the keys, and what a keeper asks with that is to have it
 * [CM3]. All of it can be read by anybody; the keys and the shares are sealed.
 *
 *   backup:  HOLDFBAK, u16 1, keeper (16), SP-ID, CSE-ID, name of the recovery key, its
 *            point (65), u64 time, u64 sequence, hash (32) and u64 time of the audit
 *            anchor, u8 m, u8 n, n times: custodian, their point (65), share sealed to
 *            it; content key (32) sealed to the recovery key; the key store
 *            (doc/protocol/keystore.md) under the content key in place of the master
 *   request: HOLDFREQ, u16 1, keeper (16), point of the restore key (65), point of the
 *            keeper's key "audit" (65), signature by it of all that stands before it
 *   share:   HOLDFSHR, u16 1, keeper (16) that asked, share sealed to its restore key
 *
 * A share is SHAMIR_SHARE octets of the scalar of the recovery key, whose whole was
 * in the keeper only while it made the backup. */
#ifndef WIRE_BACKUP_H
#define WIRE_BACKUP_H

#include "wire/order.h"

enum { BACKUP_MAX = 128 << 20, BACKUP_CHUNK = 32768, BACKUP_CUSTODIANS = 15, BACKUP_SEALED_SHARE = 65 + 16 + 33,
       BACKUP_SEALED_KEY = 65 + 16 + 32 };
#define BACKUP_SHARE_LABEL BYTES("holdfast custodian share")
#define BACKUP_KEY_LABEL BYTES("holdfast backup key")
#define BACKUP_RESTORE_LABEL BYTES("holdfast restore share")

struct backup_custodian {
	struct bytes name, point, sealed;
};

/* Views. */
struct backup {
	struct bytes keeper, sp, cse, name, point, hash, content_key, keystore;
	uint64_t at, sequence, anchored_at;
	unsigned m, n;
	struct backup_custodian custodians[BACKUP_CUSTODIANS];
};

/* All of it but the key store, which follows. Appended. */
err_t backup_print(const struct backup *b, struct buf *out) MUST_USE;
/* ERR_SYNTAX. */
err_t backup_parse(struct bytes file, struct backup *out) MUST_USE;

/* The body of BACKUP: name, m, n, custodians without their shares. ERR_SYNTAX,
 * ERR_RANGE: m and n; ERR_DUPLICATE: a custodian twice. */
err_t backup_plan_get(struct wire_in *in, struct backup *b) MUST_USE;

struct restore_request {
	struct bytes keeper, point, audit, signature, covered; /* covered: what is signed */
};
err_t restore_request_print(const struct restore_request *r, struct buf *out) MUST_USE;
err_t restore_request_parse(struct bytes file, struct restore_request *out) MUST_USE;

/* BACKUP body: name of the recovery key, u8 m, u8 n, n times: custodian, point (65).
 * RESTORE body: SHA-256 of the backup (32), u8 n, n times: sealed share.
 * BACKUP_READ: u64 from -> octets of the last backup, at most BACKUP_CHUNK; empty: its end.
 * RESTORE_BEGIN: -> a request. What was begun before is forgotten. ERR_REFUSED: the
 * keeper has keys of others already.
 * RESTORE_PART: u64 from, octets; in order. */

/* REBIND_BEGIN: -> request bytes, shares bytes: as a backup without key store, of what the
 * lost machine contributed; its custodians are the administrators with keys of P-256.
 * ERR_BAD_STATE: not locked because of the machine, no passphrase, or a machine that has
 * no identity; ERR_MISSING: no shares were made. The request is signed by a key of this try.
 * REBIND: u8 n, n x sealed share -> nothing. ERR_REFUSED: too few; ERR_TAMPERED: not these, or
 * of another request. One try a request. */

#endif
