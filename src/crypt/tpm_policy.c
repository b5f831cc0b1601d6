/* tpm_policy.c: as the TPM extends them. */
#include "crypt/tpm_policy.h"

#include "crypt/crypt.h"

enum { CC_PCR = 0x17f, CC_NV = 0x149, CC_AUTHORIZE = 0x16a, CC_AUTH_VALUE = 0x16b, SHA256 = 0x0b, BANK_OCTETS = 3,
       TEXT_MAX = 160 };

/* digest = SHA-256(digest, command, more) */
static void extend(uint8_t digest[TPM_POLICY], uint32_t command, struct bytes more)
{
	uint8_t text[TEXT_MAX];

	must(TPM_POLICY + 4 + more.n <= sizeof(text));
	bytes_copy(text, digest, TPM_POLICY);
	put_be32(text + TPM_POLICY, command);
	bytes_copy(text + TPM_POLICY + 4, more.p, more.n);
	crypt_sha256(bytes_make(text, TPM_POLICY + 4 + more.n), digest);
}

void tpm_policy_state(const struct tpm_condition *c, uint8_t out[TPM_POLICY])
{
	uint8_t pcrs[4 + 2 + 1 + BANK_OCTETS + TPM_POLICY] = { 0, 0, 0, 1, 0, SHA256, BANK_OCTETS,
		(uint8_t)c->pcrs, (uint8_t)(c->pcrs >> 8), (uint8_t)(c->pcrs >> 16) };
	uint8_t asked[8 + 2 + 2] = { 0 }, counter[TPM_POLICY + TPM_OBJECT_NAME];

	must(c->state.n == TPM_POLICY && c->counter.n == TPM_OBJECT_NAME);
	bytes_zero(out, TPM_POLICY);
	bytes_copy(pcrs + 7 + BANK_OCTETS, c->state.p, TPM_POLICY);
	extend(out, CC_PCR, BYTES_OF(pcrs));
	/* The operand, offset 0, operation "equal" (0). */
	put_be64(asked, c->generation);
	crypt_sha256(BYTES_OF(asked), counter);
	bytes_copy(counter + TPM_POLICY, c->counter.p, TPM_OBJECT_NAME);
	extend(out, CC_NV, BYTES_OF(counter));
}

void tpm_policy_approved(struct bytes approver, struct bytes qualifier, uint8_t out[TPM_POLICY])
{
	uint8_t text[TPM_POLICY + TPM_POLICY];

	must(approver.n == TPM_OBJECT_NAME && qualifier.n <= TPM_POLICY);
	bytes_zero(out, TPM_POLICY);
	extend(out, CC_AUTHORIZE, approver);
	bytes_copy(text, out, TPM_POLICY);
	bytes_copy(text + TPM_POLICY, qualifier.p, qualifier.n);
	crypt_sha256(bytes_make(text, TPM_POLICY + qualifier.n), out);
	extend(out, CC_AUTH_VALUE, BYTES_NONE);
}
