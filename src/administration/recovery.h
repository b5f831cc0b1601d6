/* recovery.h: recovery keys that m of n persons have in shares (wire/backup.h). */
#ifndef ADMINISTRATION_RECOVERY_H
#define ADMINISTRATION_RECOVERY_H

#include "administration/administration.h"
#include "base/secret.h"
#include "crypt/crypt.h"
#include "wire/backup.h"
#include "wire/keeper_calls.h"
#include "wire/order.h"

/* For the machine's share in the master key: the administrators who can open a share are the
 * custodians, and so many are needed as for REBIND. What such shares are of, told by the
 * machine's check value: another digest asks for fresh ones. */
enum { RECOVERY_CHECK = 16 };
void recovery_plan(const struct administration *a, struct backup *b);
void recovery_digest(const uint8_t check[RECOVERY_CHECK], const struct backup *b, uint8_t out[32]);

/* A recovery key whose scalar is shared out to the custodians of b, and forgotten; the
 * content key (32) sealed to it. Whose key store it is of, its maker has said in b; b then
 * lacks nothing. content_key: made by the caller. */
struct recovery {
	struct backup b;
	uint8_t point[65], identity[KEEPER_IDENTITY], sealed[BACKUP_CUSTODIANS][BACKUP_SEALED_SHARE];
	struct buf content_key;
};
err_t recovery_share(struct recovery *p, struct bytes content_key) MUST_USE;

/* The shares that came (u8 n, n x sealed share, the end), joined and tried on the content
 * key. ERR_REFUSED: too few; ERR_TAMPERED: not these. */
struct recovered {
	struct secret content_key;
	unsigned n;
	uint32_t whose; /* set of 1 << number of the share, from 1 */
};
err_t recovery_join(const struct crypt_key *restore, struct wire_in *in, const struct backup *b,
                    struct recovered *out) MUST_USE;

/* Who gave shares, as the record names them. */
void recovery_names(const struct backup *b, uint32_t whose, char by[ORDER_BY_MAX]);

#endif
