/* seal_import.c: a key sealed to the keeper's import key: point || AES-256-GCM(key). */
#include "crypt/seal.h"

#include "base/secret.h"

enum { KEY_MAX = 32 };

err_t seal_to_keeper(struct bytes key, struct bytes identity, const uint8_t import[CRYPT_POINT],
                     struct buf *out)
{
	static const uint8_t nonce[CRYPT_AEAD_NONCE]; /* the key serves once */
	uint8_t x[32], by[CRYPT_AEAD_KEY], point[CRYPT_POINT], sealed[KEY_MAX + CRYPT_AEAD_TAG];
	struct crypt_key ephemeral = { 0 };
	struct crypt_aead aead = { 0 };
	struct buf info = buf_make(512);
	err_t err;

	must(key.n <= KEY_MAX);
	TRY(crypt_p256_new(&ephemeral));
	TRY(crypt_p256_point(&ephemeral, point));
	TRY(crypt_p256_ecdh(&ephemeral, import, x));
	TRY(buf_add(&info, BYTES("holdfast import\0")));
	TRY(buf_add(&info, identity));
	crypt_hkdf_sha256(BYTES_NONE, BYTES_OF(x), bytes_of_buf(&info), by, sizeof(by));
	TRY(crypt_aead_init(&aead, by));
	TRY(crypt_aead_seal(&aead, nonce, identity, key, sealed));
	TRY(buf_add(out, BYTES_OF(point)));
	err = buf_add(out, bytes_make(sealed, key.n + CRYPT_AEAD_TAG));
out:
	crypt_aead_free(&aead);
	crypt_key_free(&ephemeral);
	secret_wipe(x, sizeof(x));
	secret_wipe(by, sizeof(by));
	buf_free(&info);
	return err;
}
