/* sealed.c: a symmetric key on its way in, opened by the key that it was sealed to. */
#include "provider/sealed.h"

#include "crypt/crypt.h"

err_t sealed_key_open(const struct key_provider *p, struct provider_key *by, const struct sealed_key *s,
                      uint8_t *out, size_t *n)
{
	static const uint8_t nonce[CRYPT_AEAD_NONCE]; /* the key serves once */
	struct bytes label = BYTES("holdfast import\0"), body;
	uint8_t x[KEY_AGREED], key[32], info[16 + KEEPER_NAME_MAX];
	struct crypt_aead aead = { 0 };
	err_t err;

	if (s->sealed.n <= KEY_POINT + CRYPT_AEAD_TAG)
		return ERR_TAMPERED;
	body = bytes_sub(s->sealed, KEY_POINT, s->sealed.n);
	TRY(p->agree(by, bytes_sub(s->sealed, 0, KEY_POINT), x));
	must(label.n == 16 && s->identity.n <= KEEPER_NAME_MAX);
	bytes_copy(info, label.p, label.n);
	bytes_copy(info + label.n, s->identity.p, s->identity.n);
	crypt_hkdf_sha256(BYTES_NONE, BYTES_OF(x), bytes_make(info, label.n + s->identity.n), key, 32);
	TRY(crypt_aead_init(&aead, key));
	TRY(crypt_aead_open(&aead, nonce, s->identity, body, out));
	*n = body.n - CRYPT_AEAD_TAG;
out:
	crypt_aead_free(&aead);
	secret_wipe(x, sizeof(x));
	secret_wipe(key, sizeof(key));
	return err == ERR_SYNTAX ? ERR_TAMPERED : err;
}
