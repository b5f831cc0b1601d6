/* sealed.h: a symmetric key that came sealed to a key of this keeper (crypt/seal.h,
 * seal_to_keeper): point || AES-256-GCM(key), for an identity or name. */
#ifndef PROVIDER_SEALED_H
#define PROVIDER_SEALED_H

#include "provider/provider.h"

enum { SEALED_PSK_MAX = KEY_POINT + 64 + 16 };

/* out: sealed.n - KEY_POINT - 16 octets, *n of them. ERR_TAMPERED: not for this key or
 * identity, or altered. */
struct sealed_key {
	struct bytes identity, sealed;
};
err_t sealed_key_open(const struct key_provider *p, struct provider_key *by, const struct sealed_key *s,
                      uint8_t *out, size_t *n) MUST_USE;

#endif
