/* seal.h: octets for one reader: ephemeral point (65) || AES-256-GCM, nonce zero, of
 * the plain octets, tag 16; key = HKDF-SHA256(salt "", ECDH x, info label 0
 * ephemeral point, reader's point). */
#ifndef CRYPT_SEAL_H
#define CRYPT_SEAL_H

#include "crypt/crypt.h"

enum { SEAL_MORE = CRYPT_POINT + CRYPT_AEAD_TAG, SEAL_LABEL_MAX = 64 };

/* Appended. ERR_SYNTAX: no point of the curve. */
err_t seal_to(const uint8_t point[CRYPT_POINT], struct bytes label, struct bytes plain,
              struct buf *out) MUST_USE;

/* out: sealed.n - SEAL_MORE octets. ERR_TAMPERED: not for this key or label, or altered. */
err_t seal_open(const struct crypt_key *key, struct bytes label, struct bytes sealed,
                uint8_t *out) MUST_USE;

/* A symmetric key on its way to the keeper, for this identity or name; appended, in the
 * form of IMPORT_PSK [wire/keeper_calls.h]. `key` has 16 or 32 octets; `import` is the
 * keeper's public key for this. */
err_t seal_to_keeper(struct bytes key, struct bytes identity, const uint8_t import[CRYPT_POINT],
                     struct buf *out) MUST_USE;

#endif
