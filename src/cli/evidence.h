/* evidence.h: is a token what its maker says [CM1 CM2]?
 *
 * The file of token.makers: certificates in PEM, before each the lines
 *   level = 2
 *   certification = fips-140-3
 * that its maker vouches for. Only who may write that file raises a level. */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include "cli/door.h"
#include "wire/token_calls.h"

#include <openssl/types.h>

enum { EVIDENCE_WHY = 256, EVIDENCE_CERTIFICATION = 64 };

struct evidence {
	unsigned level;
	char certification[EVIDENCE_CERTIFICATION + 1];
	int64_t until;     /* ms, the end of the chain; 0 none */
	bool endorsement;  /* of a TPM: its key opens, and does not sign */
	uint8_t identity[TOKEN_IDENTITY];
	struct buf reference; /* of the key that answers */
	X509 *certificate;
	char why[EVIDENCE_WHY]; /* what is wrong */
};

/* The evidence of a token against the maker's roots; `make`: with the key that is to
 * answer. ERR_REFUSED with `why`. End it in any case. */
err_t evidence_judge(struct cli *c, struct door *d, const char *token, bool make,
                     struct evidence *out) MUST_USE;
void evidence_end(struct evidence *e);

/* --- credential.c: what only that TPM opens ------------------------------------- */

struct credential {
	uint8_t secret[32];
	struct buf sealed, seed;
};

/* Public area of the key in a reference, when it is one that never leaves its TPM:
 * its name and point. ERR_REFUSED. */
err_t credential_key(struct bytes reference, uint8_t name[34], uint8_t point[65]) MUST_USE;

/* TPM2_MakeCredential [TPM 2.0 part 1, 24], RSA 2048 or P-256. ERR_UNSUPPORTED. */
err_t credential_make(EVP_PKEY *endorsement, const uint8_t name[34], struct credential *out) MUST_USE;
void credential_end(struct credential *c);

#endif
