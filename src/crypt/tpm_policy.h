/* tpm_policy.h: digests of TPM policies, composed without a TPM [TPM 2.0 part 3, 23].
 *
 * A key may be bound to whatever states an approver signs (TPM2_PolicyAuthorize). What he
 * signs is the digest of one state's policy: these PCRs with these values, while a counter
 * in the TPM stands at one number. When the counter goes on, what was signed for the number
 * before opens nothing any more. */
#ifndef CRYPT_TPM_POLICY_H
#define CRYPT_TPM_POLICY_H

#include "base/bytes.h"

enum { TPM_POLICY = 32, TPM_OBJECT_NAME = 34 };

struct tpm_condition {
	uint32_t pcrs;     /* set of PCR numbers below 24, bank SHA-256 */
	struct bytes state;    /* SHA-256 over their values in order */
	struct bytes counter;  /* name of the counter's index */
	uint64_t generation;   /* what it stands at */
};

/* PolicyPCR, then PolicyNV (equal). An approver signs this and the qualifier, one behind the
 * other: of the SHA-256 over both TPM2_VerifySignature makes its ticket. */
void tpm_policy_state(const struct tpm_condition *c, uint8_t out[TPM_POLICY]);

/* PolicyAuthorize by the key of that name, then PolicyAuthValue: of keys. */
void tpm_policy_approved(struct bytes approver, struct bytes qualifier, uint8_t out[TPM_POLICY]);

#endif
