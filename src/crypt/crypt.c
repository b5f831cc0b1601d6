/* crypt.c: digests, MACs, derivations, AES-256-GCM and random octets. */
#include "crypt/crypt.h"

#include "base/secret.h"
#include "crypt/fetched.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

static struct crypt_fetched fetched;

/* Hashing without an allocation per message; a context holds no key. */
static _Thread_local EVP_MD_CTX *hashing;

const struct crypt_fetched *crypt_fetched(void)
{
	if (!fetched.done) {
		/* No configuration file of the system: it could load a provider
		 * or an engine of somebody else into this process. */
		must(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
		/* "default" by property: a provider of ours registered for TLS
		 * must never answer for these. */
		fetched.sha256 = EVP_MD_fetch(NULL, "SHA256", "provider=default");
		fetched.sha384 = EVP_MD_fetch(NULL, "SHA384", "provider=default");
		fetched.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", "provider=default");
		fetched.tls1_prf = EVP_KDF_fetch(NULL, "TLS1-PRF", "provider=default");
		must(fetched.sha256 && fetched.sha384 && fetched.gcm && fetched.tls1_prf);
		fetched.done = true;
	}
	return &fetched;
}

void crypt_start(void)
{
	uint8_t octet;

	(void)crypt_fetched();
	crypt_random(&octet, 1);
}

static EVP_MD_CTX *hashing_start(void)
{
	if (!hashing)
		hashing = EVP_MD_CTX_new();
	must(hashing && EVP_DigestInit_ex2(hashing, crypt_fetched()->sha256, NULL) == 1);
	return hashing;
}

/* Fetched by who needs it only: it is in no table of what a connection may use. */
err_t crypt_md5(struct bytes a, uint8_t out[16])
{
	EVP_MD *md5 = EVP_MD_fetch(NULL, "MD5", "provider=default");
	err_t err = md5 && EVP_Digest(a.p, a.n, out, NULL, md5, NULL) == 1 ? ERR_OK : ERR_CRYPTO;

	EVP_MD_free(md5);
	return err;
}

static void hashing_end(EVP_MD_CTX *ctx, struct bytes a, struct bytes b, uint8_t out[32])
{
	unsigned n = 0;

	must(EVP_DigestUpdate(ctx, a.p, a.n) == 1);
	must(EVP_DigestUpdate(ctx, b.p, b.n) == 1);
	must(EVP_DigestFinal_ex(ctx, out, &n) == 1 && n == 32);
}

void crypt_sha256_two(struct bytes a, struct bytes b, uint8_t out[32])
{
	hashing_end(hashing_start(), a, b, out);
}

void crypt_sha256(struct bytes a, uint8_t out[32])
{
	crypt_sha256_two(a, BYTES_NONE, out);
}

void crypt_sha384(struct bytes a, uint8_t out[48])
{
	unsigned n = 0;

	must(EVP_Digest(a.p, a.n, out, &n, crypt_fetched()->sha384, NULL) == 1 && n == 48);
}

/* By hand [RFC 2104], because a context of the library's costs four times what is hashed. */
err_t crypt_hmac_init(struct crypt_hmac *h, struct bytes key)
{
	*h = (struct crypt_hmac){ 0 };
	if (key.n > sizeof(h->key))
		crypt_sha256(key, h->key);
	else
		bytes_copy(h->key, key.p, key.n);
	return ERR_OK;
}

void crypt_hmac_free(struct crypt_hmac *h)
{
	secret_wipe(h->key, sizeof(h->key));
}

static void hmac_pass(const struct crypt_hmac *h, uint8_t pad, struct bytes a, struct bytes b, uint8_t out[32])
{
	uint8_t block[sizeof(h->key)];
	EVP_MD_CTX *ctx = hashing_start();

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = h->key[i] ^ pad;
	must(EVP_DigestUpdate(ctx, block, sizeof(block)) == 1);
	secret_wipe(block, sizeof(block));
	hashing_end(ctx, a, b, out);
}

void crypt_hmac_two(struct crypt_hmac *h, struct bytes a, struct bytes b, uint8_t out[32])
{
	uint8_t inner[32];

	hmac_pass(h, 0x36, a, b, inner);
	hmac_pass(h, 0x5c, BYTES_OF(inner), BYTES_NONE, out);
	(void)hashing_start(); /* what came out may be a key: it does not stay there */
}

void crypt_hmac(struct crypt_hmac *h, struct bytes message, uint8_t out[32])
{
	crypt_hmac_two(h, message, BYTES_NONE, out);
}

void crypt_hmac_sha256(struct bytes key, struct bytes message, uint8_t out[32])
{
	struct crypt_hmac h;

	must(crypt_hmac_init(&h, key) == ERR_OK);
	crypt_hmac(&h, message, out);
	crypt_hmac_free(&h);
}

void crypt_hmac_labelled(struct bytes key, struct bytes label, struct bytes more, uint8_t out[32])
{
	uint8_t message[128];

	must(label.n + 1 + more.n <= sizeof(message));
	bytes_copy(message, label.p, label.n);
	message[label.n] = 0;
	bytes_copy(message + label.n + 1, more.p, more.n);
	crypt_hmac_sha256(key, bytes_make(message, label.n + 1 + more.n), out);
}

void crypt_hkdf_extract(struct bytes salt, struct bytes ikm, uint8_t prk[32])
{
	static const uint8_t zeros[32];

	crypt_hmac_sha256(salt.n ? salt : BYTES_OF(zeros), ikm, prk);
}

void crypt_hkdf_expand(struct bytes prk, struct bytes info, uint8_t *out, size_t n)
{
	struct crypt_hmac h;
	uint8_t block[32];
	struct buf input = buf_make(SIZE_MAX);

	must(n <= (size_t)255 * 32 && crypt_hmac_init(&h, prk) == ERR_OK);
	must(buf_add(&input, info) == ERR_OK && buf_add_byte(&input, 0) == ERR_OK);
	for (size_t at = 0; at < n; at += 32) {
		input.p[info.n]++;
		crypt_hmac_two(&h, bytes_make(block, at ? 32 : 0), bytes_of_buf(&input), block);
		bytes_copy(out + at, block, n - at < 32 ? n - at : 32);
	}
	crypt_hmac_free(&h);
	secret_wipe(block, sizeof(block));
	secret_wipe(input.p, input.cap);
	buf_free(&input);
}

void crypt_hkdf_sha256(struct bytes salt, struct bytes ikm, struct bytes info,
                       uint8_t *out, size_t n)
{
	uint8_t prk[32];

	crypt_hkdf_extract(salt, ikm, prk);
	crypt_hkdf_expand(BYTES_OF(prk), info, out, n);
	secret_wipe(prk, sizeof(prk));
}

void crypt_expand_label(struct bytes secret, struct bytes label, struct bytes context,
                        uint8_t *out, size_t n)
{
	uint8_t info[2 + 1 + 6 + 32 + 1 + 64];
	struct bytes prefix = BYTES("tls13 ");
	size_t at = 3;

	must(label.n <= 32 && context.n <= 64 && n <= 255);
	put_be16(info, (uint16_t)n);
	info[2] = (uint8_t)(prefix.n + label.n);
	bytes_copy(info + at, prefix.p, prefix.n);
	at += prefix.n;
	bytes_copy(info + at, label.p, label.n);
	at += label.n;
	info[at++] = (uint8_t)context.n;
	bytes_copy(info + at, context.p, context.n);
	at += context.n;
	crypt_hkdf_expand(secret, bytes_make(info, at), out, n);
}

err_t crypt_tls12_prf(enum crypt_hash hash, struct bytes secret, struct bytes label,
                      struct bytes seed, uint8_t *out, size_t n)
{
	char sha256[] = "SHA256", sha384[] = "SHA384";
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(crypt_fetched()->tls1_prf);
	/* The library does not write through these pointers. */
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
		                                 hash == CRYPT_SHA384 ? sha384 : sha256, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET,
		                                  (void *)(uintptr_t)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED,
		                                  (void *)(uintptr_t)label.p, label.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED,
		                                  (void *)(uintptr_t)seed.p, seed.n),
		OSSL_PARAM_construct_end(),
	};
	err_t err = ERR_OK;

	if (!ctx)
		return ERR_MEMORY;
	if (EVP_KDF_derive(ctx, out, n, params) != 1)
		err = ERR_CRYPTO;
	EVP_KDF_CTX_free(ctx);
	return err;
}

void crypt_random(void *p, size_t n)
{
	must(n <= INT32_MAX && RAND_bytes(p, (int)n) == 1);
}

err_t crypt_scrypt(struct bytes passphrase, struct bytes salt, unsigned log_n, uint8_t out[32])
{
	enum { R = 8, P = 1, MEMORY = 64 * 1024 * 1024 };

	return EVP_PBE_scrypt((const char *)passphrase.p, passphrase.n, salt.p, salt.n,
	                      UINT64_C(1) << log_n, R, P, MEMORY, out, 32) == 1 ? ERR_OK : ERR_CRYPTO;
}
