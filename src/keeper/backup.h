/* backup.h: backups and restoring. Private to the room. */
#ifndef KEEPER_BACKUP_H
#define KEEPER_BACKUP_H

#include "administration/recovery.h"
#include "keeper/order.h"

err_t order_backup(struct call *c, struct wire_in *in, bool really) MUST_USE;
err_t order_restore(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* repair.c: done only when the store was opened by shares, and the core has recorded it. */
err_t order_rebind(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* recovery_share, of this key store. */
err_t recovery_of(const struct vault *v, struct recovery *p, struct bytes content_key) MUST_USE;

/* A fresh restore key, and the request for shares to it, signed. Forgets what was begun. */
err_t recovery_request(struct keeper_state *ks, const struct key_provider *provider,
                       struct provider_key *signer, struct wire_out *w) MUST_USE;

/* The backup that was made or is coming in, and the restore key. */
void backup_forget(struct keeper_state *ks);

#endif
