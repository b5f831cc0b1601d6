/* backup.h: backups and restoring. Private to the room. */
#ifndef KEEPER_BACKUP_H
#define KEEPER_BACKUP_H

#include "keeper/order.h"
#include "wire/backup.h"

err_t order_backup(struct call *c, struct wire_in *in, bool really) MUST_USE;
err_t order_restore(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* repair.c: done only when the store was opened by shares, and the core has recorded it. */
err_t order_rebind(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* A recovery key whose scalar is shared out to the custodians of b, and forgotten; the
 * content key (32) sealed to it. b then lacks nothing. content_key: made by the caller. */
struct recovery {
	struct backup b;
	uint8_t point[65], identity[KEEPER_IDENTITY], sealed[BACKUP_CUSTODIANS][BACKUP_SEALED_SHARE];
	struct buf content_key;
};
err_t recovery_share(const struct vault *v, struct recovery *p, struct bytes content_key) MUST_USE;

/* A fresh restore key, and the request for shares to it, signed. Forgets what was begun. */
err_t recovery_request(struct keeper_state *ks, const struct key_provider *provider,
                       struct provider_key *signer, struct wire_out *w) MUST_USE;

/* The shares that came (u8 n, n x sealed share, the end), joined and tried on the content
 * key. ERR_REFUSED: too few; ERR_TAMPERED: not these. */
struct recovered {
	struct secret content_key;
	unsigned n;
	uint32_t whose; /* set of 1 << number of the share, from 1 */
};
err_t recovery_join(const struct crypt_key *restore, struct wire_in *in, const struct backup *b,
                    struct recovered *out) MUST_USE;

/* The backup that was made or is coming in, and the restore key. */
void backup_forget(struct keeper_state *ks);

#endif
