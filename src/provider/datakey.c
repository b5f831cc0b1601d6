/* datakey.c: data keys of the store, sealed and opened with a root key that is given. */
#include "provider/datakey.h"

#include "crypt/crypt.h"

enum { SEALED_BEFORE = 1, SEALED_VERSION = 2, SALT = 32, HEAD = 1 + 4 + SALT, LABEL_MAX = 256 };

static const uint8_t zero_nonce[CRYPT_AEAD_NONCE];

err_t root_mac(const struct key_provider *p, struct provider_key *root, struct bytes label, struct bytes more,
               uint8_t out[32])
{
	uint8_t message[LABEL_MAX];

	must(label.n + 1 + more.n <= sizeof(message));
	bytes_copy(message, label.p, label.n);
	message[label.n] = 0;
	bytes_copy(message + label.n + 1, more.p, more.n);
	return p->mac(root, bytes_make(message, label.n + 1 + more.n), out);
}

/* The key that seals data keys of this salt. */
static err_t sealing(const struct key_provider *p, struct provider_key *root, struct bytes salt,
                     struct crypt_aead *out)
{
	uint8_t key[32];
	err_t err;

	TRY(root_mac(p, root, BYTES("holdfast data key"), salt, key));
	TRY(crypt_aead_init(out, key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

err_t data_key_seal(const struct key_provider *p, struct provider_key *root, uint32_t version,
                    const uint8_t key[DATA_KEY], uint8_t sealed[DATA_KEY_SEALED])
{
	struct crypt_aead aead = { 0 };
	err_t err;

	sealed[0] = SEALED_VERSION;
	put_be32(sealed + 1, version);
	crypt_random(sealed + 5, SALT);
	TRY(sealing(p, root, bytes_make(sealed + 5, SALT), &aead));
	err = crypt_aead_seal(&aead, zero_nonce, bytes_make(sealed, HEAD), bytes_make(key, DATA_KEY), sealed + HEAD);
out:
	crypt_aead_free(&aead);
	return err;
}

/* Those of the form before name no version. */
static bool is_before(struct bytes sealed)
{
	return sealed.n == DATA_KEY_SEALED - 4 && sealed.p[0] == SEALED_BEFORE;
}

uint32_t data_key_version(struct bytes sealed)
{
	if (is_before(sealed))
		return 1;
	return sealed.n == DATA_KEY_SEALED && sealed.p[0] == SEALED_VERSION ? get_be32(sealed.p + 1) : 0;
}

err_t data_key_open(const struct key_provider *p, struct provider_key *root, struct bytes sealed,
                    uint8_t key[DATA_KEY])
{
	size_t head = is_before(sealed) ? HEAD - 4 : HEAD;
	struct crypt_aead aead = { 0 };
	err_t err;

	TRY(data_key_version(sealed) ? ERR_OK : ERR_TAMPERED);
	TRY(sealing(p, root, bytes_sub(sealed, head - SALT, SALT), &aead));
	err = crypt_aead_open(&aead, zero_nonce, bytes_sub(sealed, 0, head), bytes_sub(sealed, head, sealed.n), key);
out:
	crypt_aead_free(&aead);
	return err;
}
