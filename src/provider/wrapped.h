/* wrapped.h: keys that a wrapping key keeps: made here, given out under its seal, opened
 * here for one call and forgotten. Who has one has octets that nothing else opens.
 *
 * What they seal: u8 1 (wire/token_calls.h), nonce, ciphertext and tag of AES-256-GCM. */
#ifndef PROVIDER_WRAPPED_H
#define PROVIDER_WRAPPED_H

#include "provider/provider.h"

/* A fresh key of 32 octets, sealed by this one. */
err_t wrapped_new(const struct key_provider *p, struct provider_key *key, struct buf *out) MUST_USE;

struct wrapped_use {
	struct bytes wrapped; /* the key, as wrapped_new gave it */
	struct bytes additional, octets;
	bool open;
};
/* Octets by the key in it, sealed or opened, appended. ERR_TAMPERED: it, or what was
 * sealed. */
err_t wrapped_use(const struct key_provider *p, struct provider_key *key, const struct wrapped_use *u,
                  struct buf *out) MUST_USE;

#endif
