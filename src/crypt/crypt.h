/* crypt.h: thin words over OpenSSL 3.0, for every room.
 *
 * What a function here needs from the library (digests, ciphers, key types) is
 * fetched once per process, so that a message costs no look-up. Hashes, keyed
 * MACs and random octets cannot fail on a sound library: there the process ends
 * by must() instead of every caller carrying an error that means "no memory".
 * What judges outside octets (open, verify, ecdh) returns err_t.
 *
 * Deliberately not here: which algorithms a connection may use (algorithms.h),
 * TLS (security/association/channel.h), custody of long-term keys (keeper). */
#ifndef CRYPT_CRYPT_H
#define CRYPT_CRYPT_H

#include "base/bytes.h"

#include <openssl/types.h>

enum {
	CRYPT_SHA256_SIZE = 32,
	CRYPT_AEAD_KEY = 32,
	CRYPT_AEAD_NONCE = 12,
	CRYPT_AEAD_TAG = 16,
	CRYPT_POINT = 65,         /* P-256, uncompressed: 4, x, y */
	CRYPT_SCALAR = 32,
	CRYPT_SIGNATURE_MAX = 72, /* ECDSA P-256 in DER */
};

/* Fetch everything now. Called by the first use of any function; call it before
 * a sandbox closes, because the first fetch may read files, and before a second
 * thread starts. No configuration file of the system is read. */
void crypt_start(void);

/* --- digests and MACs ---------------------------------------------------- */

enum crypt_hash { CRYPT_SHA256, CRYPT_SHA384 };

/* SHA-256 of a, of a || b. */
void crypt_sha256(struct bytes a, uint8_t out[32]);
void crypt_sha256_two(struct bytes a, struct bytes b, uint8_t out[32]);
void crypt_sha384(struct bytes a, uint8_t out[48]);

/* MD5, for HTTP Digest with AKA and nothing else [RFC 3310]: it protects nothing for
 * longer than a challenge lives. ERR_CRYPTO where the library has none. */
err_t crypt_md5(struct bytes a, uint8_t out[16]) MUST_USE;

/* HMAC with one key and many messages. Owned: crypt_hmac_free. */
struct crypt_hmac {
	uint8_t key[64];
};
err_t crypt_hmac_init(struct crypt_hmac *h, struct bytes key) MUST_USE; /* SHA-256 */
void crypt_hmac_free(struct crypt_hmac *h);                             /* wipes; harmless on a zeroed one */
void crypt_hmac(struct crypt_hmac *h, struct bytes message, uint8_t out[32]);
void crypt_hmac_two(struct crypt_hmac *h, struct bytes a, struct bytes b, uint8_t out[32]);

/* One message under one key. */
void crypt_hmac_sha256(struct bytes key, struct bytes message, uint8_t out[32]);

/* HMAC(key, label 0 more): the label keeps the uses of a key apart. At most 127 octets of
 * both. */
void crypt_hmac_labelled(struct bytes key, struct bytes label, struct bytes more, uint8_t out[32]);

/* HKDF [RFC 5869] with SHA-256. Empty salt: 32 zero octets. n at most 8160. */
void crypt_hkdf_sha256(struct bytes salt, struct bytes ikm, struct bytes info,
                       uint8_t *out, size_t n);
void crypt_hkdf_extract(struct bytes salt, struct bytes ikm, uint8_t prk[32]);
void crypt_hkdf_expand(struct bytes prk, struct bytes info, uint8_t *out, size_t n);

/* HKDF-Expand-Label [RFC 8446 7.1] with SHA-256; label without "tls13 ", at
 * most 32 octets; context at most 64; n at most 255. */
void crypt_expand_label(struct bytes secret, struct bytes label, struct bytes context,
                        uint8_t *out, size_t n);

/* The PRF of TLS 1.2 [RFC 5246 5]: P_hash(secret, label || seed). ERR_CRYPTO. */
err_t crypt_tls12_prf(enum crypt_hash hash, struct bytes secret, struct bytes label,
                      struct bytes seed, uint8_t *out, size_t n) MUST_USE;

/* scrypt [RFC 7914] with N = 2^log_n, r 8, p 1. ERR_CRYPTO, ERR_MEMORY. */
err_t crypt_scrypt(struct bytes passphrase, struct bytes salt, unsigned log_n,
                   uint8_t out[32]) MUST_USE;

/* --- AES-256-GCM ---------------------------------------------------------- */

/* One key, many messages. The caller never uses a nonce twice under one key. */
struct crypt_aead {
	EVP_CIPHER_CTX *seal, *open;
};
err_t crypt_aead_init(struct crypt_aead *a, const uint8_t key[CRYPT_AEAD_KEY]) MUST_USE;
void crypt_aead_free(struct crypt_aead *a); /* wipes; harmless on a zeroed one */

/* out: plain.n + 16 octets, ciphertext then tag; may be where plain is. */
err_t crypt_aead_seal(struct crypt_aead *a, const uint8_t nonce[CRYPT_AEAD_NONCE],
                      struct bytes aad, struct bytes plain, uint8_t *out) MUST_USE;

/* out: sealed.n - 16 octets; may be where sealed is. ERR_TAMPERED (also when
 * shorter than a tag); out is then zeroed. */
err_t crypt_aead_open(struct crypt_aead *a, const uint8_t nonce[CRYPT_AEAD_NONCE],
                      struct bytes aad, struct bytes sealed, uint8_t *out) MUST_USE;

/* --- random ---------------------------------------------------------------- */

void crypt_random(void *p, size_t n);

/* --- keys of curves -------------------------------------------------------- */

/* A private key (P-256 or Ed25519). Owned: crypt_key_free. */
struct crypt_key {
	EVP_PKEY *pkey;
};
void crypt_key_free(struct crypt_key *k);

err_t crypt_p256_new(struct crypt_key *out) MUST_USE;

/* The scalar, big-endian. ERR_RANGE unless 0 < scalar < order. */
err_t crypt_p256_from_scalar(const uint8_t scalar[CRYPT_SCALAR], struct crypt_key *out) MUST_USE;
err_t crypt_p256_point(const struct crypt_key *k, uint8_t out[CRYPT_POINT]) MUST_USE;

/* PKCS#8 PEM without password; for a device's or command's own key. ERR_SYNTAX,
 * ERR_TYPE when it is not P-256. */
err_t crypt_p256_from_pem(struct bytes pem, struct crypt_key *out) MUST_USE;
err_t crypt_p256_to_pem(const struct crypt_key *k, struct buf *out) MUST_USE;

/* ECDSA with SHA-256, DER; appended to out. */
err_t crypt_p256_sign(const struct crypt_key *k, struct bytes message, struct buf *out) MUST_USE;

/* ERR_TAMPERED when the signature does not verify, ERR_SYNTAX when the point is
 * not on the curve. */
err_t crypt_p256_verify(const uint8_t point[CRYPT_POINT], struct bytes message,
                        struct bytes signature) MUST_USE;

/* The x coordinate of the shared point. ERR_SYNTAX when peer is not on the curve. */
err_t crypt_p256_ecdh(const struct crypt_key *k, const uint8_t peer[CRYPT_POINT],
                      uint8_t out[32]) MUST_USE;

err_t crypt_ed25519_from_seed(const uint8_t seed[32], struct crypt_key *out) MUST_USE;
err_t crypt_ed25519_public(const struct crypt_key *k, uint8_t out[32]) MUST_USE;
err_t crypt_ed25519_sign(const struct crypt_key *k, struct bytes message, uint8_t out[64]) MUST_USE;
err_t crypt_ed25519_verify(const uint8_t public_key[32], struct bytes message,
                           struct bytes signature) MUST_USE;

/* --- PEM -------------------------------------------------------------------- */

/* A certificate's DER as PEM, appended; the first certificate of a PEM as DER. */
err_t crypt_certificate_pem(struct bytes der, struct buf *out) MUST_USE;
err_t crypt_certificate_der(struct bytes pem, struct buf *out) MUST_USE;

#endif
