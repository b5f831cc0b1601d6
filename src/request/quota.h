/* quota.h: how much each originator has here: resources, and octets of them. Counted
 * as rows come and go (resources_account), so that one enrolled peer cannot take all
 * the room. Durable with the transaction, read when first asked for. */
#ifndef REQUEST_QUOTA_H
#define REQUEST_QUOTA_H

#include "base/hash.h"
#include "resource/resource.h"

struct quota;

struct quota_limits {
	uint64_t rows, octets; /* of one originator; 0: no limit */
};

/* key: drawn by the owner. */
err_t quota_open(struct store *s, struct hash_key key, struct quota **out) MUST_USE;
void quota_close(struct quota *q);
void quota_limit(struct quota *q, struct quota_limits limits);
/* For resources_account. */
struct resource_accounts quota_accounts(struct quota *q);

/* As audit_mark and kin. */
void quota_mark(struct quota *q);
void quota_undo_to_mark(struct quota *q);
/* Before the store's commit: what changed goes into the transaction. */
err_t quota_write(struct quota *q) MUST_USE;
void quota_settle(struct quota *q, bool committed);

#endif
