/* backup.h: backups and restoring. Private to the room. */
#ifndef KEEPER_BACKUP_H
#define KEEPER_BACKUP_H

#include "keeper/order.h"
#include "wire/backup.h"

err_t order_backup(struct call *c, struct wire_in *in, bool really) MUST_USE;
err_t order_restore(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* The backup that was made or is coming in, and the restore key. */
void backup_forget(struct keeper_state *ks);

#endif
