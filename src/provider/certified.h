/* certified.h: does a single key lie in the TPM that its reference says? Not because the
 * process of that TPM says so: the key that was accepted for the TPM (proof.h), which signs
 * nothing but what the TPM has made, certifies it by name over a nonce of the keeper
 * [TPM2_Certify]. Asked of each pair once, while the TPM's level is proved.
 *
 * A PKCS#11 token has no such word: what it declares of a key (made on it, never
 * extractable) raises nothing. */
#ifndef PROVIDER_CERTIFIED_H
#define PROVIDER_CERTIFIED_H

#include "provider/proof.h"

/* Ask about the next one, by the key of that evidence. */
void certified_look(unsigned number, const struct proof_pin *pin);

/* The answer to it? Then it is judged here. */
bool certified_answered(unsigned number, uint64_t ref, err_t status, struct bytes answer);
void certified_lost(unsigned number);

/* Other evidence, or none any more: what was certified by the key before is not. */
void certified_reset(unsigned number);

/* Was it certified? */
bool certified_is(const struct provider_key *k);

/* Is this evidence a TPM's, so that it speaks for single keys only when they are certified?
 * By what was accepted, not by what the token's process says it is. */
bool certified_wanted(const struct proof_pin *pin);

/* Can the key of this evidence certify others? */
bool certified_can(const struct proof_pin *pin);

/* Body of CERTIFY, and the judgement of its answer: `key` certified by `pin` over this nonce.
 * ERR_TAMPERED. */
err_t certified_question(const struct proof_pin *pin, struct bytes reference, const uint8_t nonce[32],
                         struct buf *body) MUST_USE;
err_t certified_judge(const struct proof_pin *pin, struct bytes reference, const uint8_t nonce[32],
                      struct bytes answer) MUST_USE;

#endif
