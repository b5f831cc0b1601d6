/* proof.h: what was accepted as evidence of a token's protection level, and whether
 * the token that is there answers for it.
 *
 * The keeper reads no certificate. Administrators accept one, by a signed order: it
 * names a level, and a public key that the certificate vouches for. From then on
 * the keeper asks for a signature over a fresh challenge by that key, each time the
 * token's process comes or the token comes back, and every minute. Without it, or
 * with another token, or after the certificate's end, the level is 1. */
#ifndef PROVIDER_PROOF_H
#define PROVIDER_PROOF_H

#include "provider/token.h"

enum { PROOF_CERTIFICATION = 64, LEVEL_UNPROVED = 1, LEVEL_MAX = 3 };

struct proof_pin {
	unsigned level; /* 2 or 3 */
	char certification[PROOF_CERTIFICATION + 1];
	int64_t not_after; /* ms, 0: no end */
	uint8_t point[KEY_POINT];
	uint8_t blob[KEY_BLOB_MAX]; /* of the token's provider: which key of which token */
	size_t blob_n;
};

/* Accepted for this number, not proved yet; NULL: no more. */
void proof_set(unsigned number, const struct proof_pin *pin);

/* The same from a key record: evidence/NUMBER/LEVEL/CERTIFICATION, and back. False: none. */
bool proof_set_named(unsigned number, struct bytes name, const struct provider_key *key, int64_t not_after);
err_t proof_key(unsigned number, const struct proof_pin *pin, char name[KEEPER_NAME_MAX],
                struct provider_key *out) MUST_USE;

/* Ask the tokens that are there and were not asked lately; from time to time. */
void proof_look(void);

/* Ask there and then. ERR_TAMPERED: the signature is not by that key. */
err_t proof_challenge(unsigned number, const struct proof_pin *pin) MUST_USE;

/* EVIDENCE or ACTIVATE for an administrator: name of the token, then its fields. */
err_t proof_pass(enum token_op op, struct wire_in *in, struct wire_out *out) MUST_USE;

/* The fields of PROVIDER_ACCEPT behind the name. ERR_RANGE: no such level, or ended. */
err_t proof_pin_get(struct wire_in *in, unsigned number, struct proof_pin *pin) MUST_USE;

/* Hooks of the links: what was asked here, and what others wait for. */
void proof_answered(unsigned number, uint64_t ref, err_t status, struct bytes answer);
void proof_lost(unsigned number);

/* Is this the key that answers? A maker brought it to the token, perhaps. */
bool proof_is_by(unsigned number, struct bytes blob);

/* Does what is proved hold for single keys only when they are certified (certified.h)? */
bool proof_is_of_keys(unsigned number);

/* What is proved now: 1 without proof. *why: what it lacks; certification "" then. */
unsigned proof_level(unsigned number, const char **certification, const char **why);

#endif
