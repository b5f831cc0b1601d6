/* aead.c: AES-256-GCM under keyed contexts. */
#include "crypt/crypt.h"

#include "crypt/fetched.h"

#include <openssl/evp.h>

err_t crypt_aead_init(struct crypt_aead *a, const uint8_t key[CRYPT_AEAD_KEY])
{
	EVP_CIPHER *gcm = crypt_fetched()->gcm;

	a->seal = EVP_CIPHER_CTX_new();
	a->open = EVP_CIPHER_CTX_new();
	if (!a->seal || !a->open) {
		crypt_aead_free(a);
		return ERR_MEMORY;
	}
	if (EVP_EncryptInit_ex2(a->seal, gcm, key, NULL, NULL) != 1 ||
	    EVP_DecryptInit_ex2(a->open, gcm, key, NULL, NULL) != 1) {
		crypt_aead_free(a);
		return ERR_CRYPTO;
	}
	return ERR_OK;
}

void crypt_aead_free(struct crypt_aead *a)
{
	EVP_CIPHER_CTX_free(a->seal);
	EVP_CIPHER_CTX_free(a->open);
	*a = (struct crypt_aead){ 0 };
}

err_t crypt_aead_seal(struct crypt_aead *a, const uint8_t nonce[CRYPT_AEAD_NONCE],
                      struct bytes aad, struct bytes plain, uint8_t *out)
{
	uint8_t none[1];
	int n = 0, last = 0;

	if (aad.n > INT32_MAX || plain.n > INT32_MAX)
		return ERR_LIMIT;
	if (EVP_EncryptInit_ex2(a->seal, NULL, NULL, nonce, NULL) != 1 ||
	    (aad.n && EVP_EncryptUpdate(a->seal, NULL, &n, aad.p, (int)aad.n) != 1))
		return ERR_CRYPTO;
	n = 0;
	if (plain.n && EVP_EncryptUpdate(a->seal, out, &n, plain.p, (int)plain.n) != 1)
		return ERR_CRYPTO;
	if (EVP_EncryptFinal_ex(a->seal, none, &last) != 1 || (size_t)n != plain.n || last != 0 ||
	    EVP_CIPHER_CTX_ctrl(a->seal, EVP_CTRL_AEAD_GET_TAG, CRYPT_AEAD_TAG,
	                        out + plain.n) != 1)
		return ERR_CRYPTO;
	return ERR_OK;
}

err_t crypt_aead_open(struct crypt_aead *a, const uint8_t nonce[CRYPT_AEAD_NONCE],
                      struct bytes aad, struct bytes sealed, uint8_t *out)
{
	uint8_t tag[CRYPT_AEAD_TAG], none[1];
	size_t plain = sealed.n - CRYPT_AEAD_TAG;
	int n = 0;

	if (sealed.n < CRYPT_AEAD_TAG)
		return ERR_TAMPERED;
	if (aad.n > INT32_MAX || sealed.n > INT32_MAX)
		return ERR_LIMIT;
	bytes_copy(tag, sealed.p + plain, sizeof(tag));
	if (EVP_DecryptInit_ex2(a->open, NULL, NULL, nonce, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->open, EVP_CTRL_AEAD_SET_TAG, CRYPT_AEAD_TAG, tag) != 1 ||
	    (aad.n && EVP_DecryptUpdate(a->open, NULL, &n, aad.p, (int)aad.n) != 1))
		return ERR_CRYPTO;
	if (plain && EVP_DecryptUpdate(a->open, out, &n, sealed.p, (int)plain) != 1)
		return ERR_CRYPTO;
	if (EVP_DecryptFinal_ex(a->open, none, &n) != 1) {
		/* Nobody may look at octets that nobody vouches for. */
		if (plain)
			bytes_zero(out, plain);
		return ERR_TAMPERED;
	}
	return ERR_OK;
}
