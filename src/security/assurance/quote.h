/* quote.h: a TPM's quote as evidence of a machine's state (factor "state") [TPM 2.0 part 2,
 * 10.12]: by which key, over which PCRs and which nonce. Pure. */
#ifndef ASSURANCE_QUOTE_H
#define ASSURANCE_QUOTE_H

#include "base/bytes.h"

enum { QUOTE_MAX = 512, QUOTE_NONCE = 32, QUOTE_SIGNATURE_MAX = 80, QUOTE_STATE = 4 + 32,
       QUOTE_CLOCK = 17 };

/* What was accepted of a machine: its attestation key, P-256, and QUOTE_STATE octets: u32
 * set of PCRs of the SHA-256 bank, SHA-256 over their values in order. */
struct quote_accepted {
	const uint8_t *point; /* 65 */
	const uint8_t *state; /* QUOTE_STATE */
};

/* What is shown: TPMS_ATTEST and its ECDSA signature (DER). */
struct quote_shown {
	struct bytes attest, signature;
};

/* ERR_REFUSED with *why for people, never NULL. On ERR_OK clock is TPMS_CLOCK_INFO, what the
 * TPM said of its clock and its starts. */
err_t quote_judge(const struct quote_accepted *a, const uint8_t nonce[QUOTE_NONCE],
                  const struct quote_shown *shown, uint8_t clock[QUOTE_CLOCK], const char **why) MUST_USE;

#endif
