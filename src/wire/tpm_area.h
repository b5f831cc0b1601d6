/* tpm_area.h: what a TPM says in octets: public areas of keys, and the head of what it
 * attests [TPM 2.0 part 2, 10.12, 12.2]. For who judges it, far from the TPM. */
#ifndef WIRE_TPM_AREA_H
#define WIRE_TPM_AREA_H

#include "wire/token_calls.h"

enum { TPM_ATTEST_MAX = 512, TPM_ATTEST_CERTIFY = 0x8017, TPM_ATTEST_QUOTE = 0x8018, TPM_NAME = 34, TPM_CLOCK = 17 };

/* A P-256 key. */
struct tpm_area {
	struct bytes shown; /* TPMT_PUBLIC; its name is 0x000b and the SHA-256 of this */
	uint32_t attributes;
	uint8_t point[65];
	bool answers; /* the form of a key that answers for its TPM: it signs nothing but what its TPM
	               * has made, was made in it, and never leaves */
};

/* Made in its TPM, and fixed to it: fixedTPM, fixedParent, sensitiveDataOrigin. */
enum { TPM_AREA_INSIDE = 0x32 };

/* The public area in the first part of a token's reference (wire/token_calls.h). ERR_REFUSED:
 * it is none of a P-256 key with SHA-256. */
err_t tpm_area_read(struct bytes reference, struct tpm_area *out) MUST_USE;

/* u16 n, octets. */
struct bytes tpm_get_sized(struct wire_in *in, size_t most);

/* Head of a TPMS_ATTEST of this kind, up to what is attested; its nonce (extraData), and the
 * counters of its TPM (TPMS_CLOCK_INFO, TPM_CLOCK). False: it is none. */
bool tpm_attest_begin(struct wire_in *in, unsigned kind, struct bytes *nonce, struct bytes *clock);

#endif
